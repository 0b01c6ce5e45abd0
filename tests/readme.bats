#!/usr/bin/env bats
# README.md: what it shows is what happens.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

# block NUMBER: an indented block of the text, without its indentation.
block() {
  awk -v number="$1" '/^    / { if (!inside) count++; inside = 1; if (count == number) print substr($0, 5); next }
    { inside = 0 }' "$project/README.md"
}

@test "the container as one command line" {
  requires busybox
  local line
  # As it stands: first what makes the directory, then the line.
  block 2 >prepare
  # shellcheck disable=SC1091 # It was written just now.
  . ./prepare
  [ "$PWD" = "$BATS_TEST_TMPDIR/box" ]
  line=$(block 1)
  if ! is_root; then
    line=${line/--net/--user --map-root-user}
    sed -i 's,1:3 .*,/dev/null /dev/null none bind\,ro,' mounts
  fi
  # shellcheck disable=SC2016 # The shell inside expands it.
  expect 1 sh -c "$line" <<<'hostname; echo $$; echo a >/dev/null; cut -d" " -f2 /proc/mounts; grep CapBnd /proc/self/status; : >/new'
  contains "$output" $'box\n1\n/\n/proc\n/dev\n'
  contains "$output" 0000000000000420
  contains "$stderr" 'Read-only file system'
}

# example TEXT: the indented block behind the paragraph that begins with TEXT.
example() {
  awk -v text="$1" 'index($0, text) == 1 { found = 1; next }
    found && /^    / { inside = 1; print substr($0, 5); next }
    inside { exit }' "$project/README.md" | sed '/^$/d'
}

# as_user: the line with a user namespace of one's own, where an ordinary user needs one.
as_user() {
  if is_root; then cat; else sed 's/unshare-rs --mount/unshare-rs --map-root-user --user --mount/'; fi
}

@test "examples: nothing but /tmp is written, and a build in a sandbox" {
  requires userns
  # What is below /tmp, as the tools may be, the examples would hide.
  export script='touch /var/tmp/new 2>/dev/null || echo inside >/mnt/new && ls /mnt
touch new 2>/dev/null && echo written
id -u
grep -E "Cap(Eff|Bnd)" /proc/self/status
grep -c : /proc/net/dev'
  # shellcheck disable=SC2016 # the shell of the example expands it
  as_here='s,/tmp ,/mnt ,; s/make$/sh -c "$script"/; s/make \(test\|3\)/sh -c "$script" \1/'
  ok sh -c "$(example 'Run a test suite' | as_user | sed "$as_here")"
  contains "$output" $'new\n'
  lacks "$output" written
  # An ordinary user keeps his uid.
  is_root || {
    ok sh -c "$(example 'A build sandbox' | sed "$as_here")"
    equal "$output" $'new\nwritten\n'"$(id -u)"$'\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n1'
    [ -e new ]
  }
  [ ! -e /mnt/new ] && [ ! -e /var/tmp/new ]
}

@test "examples: an overlay, a rescue chroot and a root of mapped owners" {
  requires busybox
  "$project/scripts/mkbundle" box sh ls cat id >/dev/null
  cd box
  if is_root || since 5.11; then
    ok sh -c "$(example 'A throw-away copy' | as_user)" <<<'echo changed >/etc/passwd; cat /etc/passwd'
    equal "$output" changed
    lacks "$(cat rootfs/etc/passwd)" changed
  fi
  if is_root; then
    ok sh -c "$(example 'A rescue chroot')" <<<'echo $$; ls -d /proc/1 /sys/kernel /dev/null'
    equal "$output" $'1\n/dev/null\n/proc/1\n/sys/kernel'
    ok sh -c "$(example 'A root whose files')" <<<'id -u; ls -ldn /; echo new >/root/new'
    contains "$output" $'0\nd'
    contains "$output" ' 0 0 '
    equal "$(stat -c %u rootfs/root/new)" 0
  fi
}

@test "examples: a shared network, and a container that is entered" {
  requires root ip
  ok sh -c "$(example 'Two programs')"
  contains "$output" '1: lo: <LOOPBACK,UP,LOWER_UP>'
  [ ! -e pod ]
  unshare-rs --mount --pid --fork --kill-child --mount-proc --pid-file=pid sleep 60 &
  pid=$!
  eventually test -s pid
  ok sh -c "$(example 'Enter a container' | sed "s/4321/$(cat pid)/")"
  contains "$output" 'sleep 60'
  kill -KILL "$(cat pid)"
  wait "$pid" || :
}

@test "the sample error is the error" {
  requires root
  mkdir -p rootfs/tmp
  expect 1 sh -c "$(example 'An error names' | sed -n 's/^\$ //p')"
  equal "$stderr" "$(example 'An error names' | sed 1d)"
}

@test "every tool and every script is named" {
  for tool in $(cd "$project" && ls -d -- *-rs); do
    contains "$(cat "$project/README.md")" "| \`$tool\` |"
  done
}
