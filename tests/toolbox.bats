#!/usr/bin/env bats
# toolbox: all tools in one file, where a tool becomes the next one without execve(2).
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers
PATH=${BOX:+$BOX:}$PATH

setup_file() {
  local single tool
  single=$(type -P spec-rs)
  export ALONE=${single%/*}
  export BOX=$BATS_FILE_TMPDIR/bin
  mkdir "$BOX"
  cp "$ALONE/toolbox" "$BATS_FILE_TMPDIR"
  for tool in "$project/toolbox/bin"/*; do
    ln -s ../toolbox "$BOX/${tool##*/}"
  done
  chmod -R a+rX "$BATS_FILE_TMPDIR"
}

# The first words of the command line that the parent of the process was executed with, and the name that it goes by.
first_words() {
  # shellcheck disable=SC2016 # for the shell inside
  as_root "$@" sh -c 'tr "\0" " " </proc/$PPID/cmdline | cut -d " " -f 1-2; cat /proc/$PPID/comm'
}

@test "each tool has a link, and is in the file" {
  equal "$(ls "$BOX")" "$(cd "$project" && ls -d -- *-rs)"
  ok "$BATS_FILE_TMPDIR/toolbox"
  equal "$output" "$(ls "$BOX")"
  expect 1 "$BATS_FILE_TMPDIR/toolbox" --no-such
  for tool in "$BOX"/*; do
    ok "$tool" --version
    contains "$output" "${tool##*/} "
  done
}

@test "a tool becomes the next one, and is executed where it is another file" {
  is_root || requires userns
  run first_words chroot-rs / unshare-rs --fork
  equal "$output" "chroot-rs /"$'\n'"unshare-rs"
  run first_words chroot-rs / "$BOX/unshare-rs" --fork
  equal "$output" "chroot-rs /"$'\n'"unshare-rs"
  run first_words chroot-rs / "$ALONE/unshare-rs" --fork
  equal "$output" "$ALONE/unshare-rs --fork"$'\n'"unshare-rs"
  run first_words env PATH="$ALONE:$PATH" "$BOX/chroot-rs" / unshare-rs --fork
  equal "$output" "unshare-rs --fork"$'\n'"unshare-rs"
}

@test "after the credentials of a container were taken it is executed" {
  is_root || requires userns
  run first_words setpriv-rs --no-new-privs unshare-rs --fork
  equal "$output" "unshare-rs --fork"$'\n'"unshare-rs"
}

@test "after namespaces were joined the process stays closed to others" {
  is_root || requires userns
  run first_words unshare-rs --uts nsenter-rs --uts=/proc/self/ns/uts unshare-rs --fork
  equal "$output" "unshare-rs --uts"$'\n'"unshare-rs"
  # The files in /proc of such a process belong to the first user namespace's root, whoever runs it.
  # shellcheck disable=SC2016 # for the shell inside
  ok unshare-rs --user --map-root-user --uts nsenter-rs --uts=/proc/self/ns/uts unshare-rs --fork \
    sh -c 'stat -c %u "/proc/$PPID/stat"'
  is_root || equal "$output" 65534
  # shellcheck disable=SC2016 # for the shell inside
  ok unshare-rs --user --map-root-user --uts unshare-rs --fork sh -c 'stat -c %u "/proc/$PPID/stat"'
  equal "$output" 0
}

@test "a program that was carried takes nothing of the root for its own file" {
  requires busybox
  is_root || requires userns
  local descriptor
  mkdir -p rootfs/dev/fd
  cp "$(type -P busybox)" rootfs/unshare-rs
  for descriptor in {3..12}; do ln rootfs/unshare-rs "rootfs/dev/fd/$descriptor"; done
  expect 127 as_root chroot-rs --carry rootfs chroot-rs / /unshare-rs --version
  contains "$stderr" 'unshare-rs: applet not found'
}

@test "credentials are what execve leaves of them" {
  # The capabilities of a new user namespace are lost where the user is not its root.
  requires userns
  mkdir a b
  expect 32 unshare-rs --mount --map-user=1000 --map-group=1000 bindmount-rs --bind a b -- true
  ok unshare-rs --mount --map-root-user bindmount-rs --bind a b -- true
}

@test "a long command line is executed" {
  is_root || requires userns
  local words=() count
  for ((count = 0; count < 40; count++)); do words+=(chroot-rs /); done
  ok as_root "${words[@]}" echo here
  equal "$output" here
}

@test "a descriptor of the tool before is closed, one of the caller's is not" {
  is_root || requires userns
  mkdir root
  echo '# a table' >table
  touch given
  # bindmount-rs holds its root, and unshare-rs the end of a pipe.
  # shellcheck disable=SC2016 # for the shell inside
  ok as_root unshare-rs --mount bindmount-rs --root root --self-bind --fstab table --enter-root -- \
    unshare-rs --fork --kill-child sh -c 'readlink /proc/$PPID/fd/*' 9<given
  contains "$output" "$PWD/given"
  contains "$output" pipe:
  lacks "$output" "$PWD/root"
}

@test "the exit status and the words are those of the tool that fails" {
  is_root || requires userns
  expect 127 as_root chroot-rs / unshare-rs --fork /no/such
  contains "$stderr" "unshare-rs: cannot execute '/no/such'"
  expect 1 as_root chroot-rs / unshare-rs --no-such-option
  contains "$stderr" "unshare-rs: invalid option '--no-such-option'"
  expect 125 chroot-rs / chroot-rs
}
