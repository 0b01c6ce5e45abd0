#!/usr/bin/env bats
# sandbox: the command line of bubblewrap. The sandbox that it makes is compared with bwrap's, by what the kernel says inside.
# shellcheck disable=SC2030,SC2031,SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

: "${TEST_TIMEOUT:=120}"
load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
sandbox=$project/scripts/sandbox

# The programs of this machine and no more, without a file of it that could be changed.
base=(--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64)

# What a sandbox is. The numbers of processes and links change, and bwrap's tmpfs says no mode where it is the default.
write_probe() {
  for type in user pid net ipc uts cgroup; do
    echo "$type $(readlink /proc/self/ns/$type)"
  done >namespaces
  cat >probe <<'probe'
id
pwd
grep -E '^(CapInh|CapAmb|NoNew|Seccomp:|Groups)' /proc/self/status
# A new user namespace of root has all that there are.
sed -n 's/^\(Cap...\):.*[1-9a-f].*/\1/p' /proc/self/status
while read -r type name; do
  [ "$(readlink /proc/self/ns/$type)" = "$name" ] && echo "same $type" || echo "new $type"
done </namespaces
cut -d ' ' -f 5-6 /proc/self/mountinfo | sed -e '/^.proc.sys /d' -e '/^.dev./s/nosuid,//' | sort
stat -c '%A %u %g %t:%T %N' /* /dev/* /a/* /etc/* 2>&1
env | grep -v ^_= | sort
hostname
cat /etc/hello /etc/data /etc/read-only 2>&1
(: >/etc/read-only) 2>&1
cat /proc/1/comm | grep -v -x -e bwrap -e unshare-rs
ip -o link 2>/dev/null | cut -d ' ' -f 2
exit 7
probe
}

# alike OPTION...: of both programs.
alike() {
  local program
  for program in bwrap "$sandbox"; do
    run "$program" "${base[@]}" --ro-bind probe /probe --ro-bind namespaces /namespaces "$@" sh /probe 6<<<hello 7<<<data 8<<<more </dev/null
    printf '%s\nstatus %s\n' "$output" "$status" >"said.${program##*/}"
  done
  diff said.bwrap said.sandbox
  grep -q 'status 7' said.sandbox
}

@test "a sandbox is the same as bwrap's" {
  requires bwrap userns
  write_probe
  alike --proc /proc --dev /dev --bind /tmp /tmp --bind-fd 9 /fd 9</usr/lib
  alike --unshare-all --proc /proc --dev /dev --hostname box --chdir /usr/bin
  alike --unshare-all --share-net --unshare-user --uid 0 --gid 5 --proc /proc --dir /a/b --perms 0700 --dir /a/c
  alike --unshare-pid --unshare-net --unshare-ipc --proc /proc --mqueue /m --tmpfs /a --perms 1777 --tmpfs /a/t --dir /etc \
    --perms 600 --file 6 /etc/hello --bind-data 7 /etc/data --ro-bind-data 8 /etc/read-only --chmod 0711 /etc --remount-ro /
  # What of /proc bwrap covers depends on the number that root has.
  is_root || alike --uid 7 --share-net --proc /proc
  is_root || alike --gid 2147483647 --size 99999999999 --tmpfs /a --proc /proc
  alike --unshare-pid --as-pid-1 --proc /proc --dev-bind /dev /dev --ro-bind-try /nosuch /x --bind-try /usr/share /y --new-session \
    --clearenv --setenv PATH /bin --setenv A b --setenv A 'c d' --setenv B e --unsetenv B
}

@test "COMMAND does not have the caller's terminal" {
  requires userns script
  cat >inside <<'inside'
stat -Lc 'inside %d:%i' /proc/self/fd/* 2>/dev/null
(exec 3<>/dev/tty) 2>/dev/null && stat -Lc 'inside %d:%i' /dev/tty
ps -o sid= -p $$
inside
  for streams in '' '</dev/null' '>said' '</dev/null >said 2>said'; do
    : >said
    cat >typed <<script
stat -Lc 'caller %d:%i' /dev/stdin
"$sandbox" --ro-bind / / --dev-bind /dev /dev --proc /proc sh '$PWD/inside' $streams
script
    ok script -qec 'sh typed' /dev/null </dev/null
    output=$(
      tr -d '\r' <<<"$output"
      cat said
    )
    caller=$(sed -n 's/.*caller //p' <<<"$output")
    [ -n "$caller" ]
    contains "$output" 'inside '
    # /dev/tty is the session's, whichever that is; what it leads to must not be the caller's.
    lacks "$output" "inside $caller"
    ok script -qec "\"$sandbox\" --ro-bind / / --dev-bind /dev /dev sh -c 'exec 2>&1; (: </dev/tty) && tty </dev/tty || echo none' $streams; cat said" /dev/null </dev/null
    case $streams in
      '') contains "$output" /dev/tty ;;
      *) contains "$output" none ;;
    esac
  done
}

@test "an ordinary user's COMMAND has no capabilities, and gains none" {
  requires user userns
  ok "$sandbox" --ro-bind / / --uid 0 --gid 0 sh -c 'sed -n "s/^Cap...:.//p" /proc/self/status | sort -u; id -u; grep NoNew /proc/self/status; mount -t tmpfs x /tmp 2>&1 | grep -o "must be superuser\|permission denied\|not permitted"'
  contains "$output" $'0000000000000000\n0\nNoNewPrivs:\t1\n'
  [ "${#lines[@]}" -eq 4 ]
}

@test "capabilities that root drops" {
  requires root bwrap
  for caps in '--cap-drop ALL' '--cap-drop CAP_CHOWN --cap-drop CAP_KILL' '--unshare-user --cap-drop ALL'; do
    for program in bwrap "$sandbox"; do
      # shellcheck disable=SC2086 # Words.
      ok "$program" --ro-bind / / $caps grep -E 'Cap(Prm|Eff)' /proc/self/status </dev/null
      printf '%s\n' "$output" >"said.${program##*/}"
    done
    diff said.bwrap said.sandbox
  done
}

@test "no process of the sandbox leads to the directory that it was started in" {
  requires userns
  touch out
  unshares=--unshare-pid
  ! is_root || unshares='--unshare-pid --unshare-user'
  for options in '' '--die-with-parent' '--new-session'; do
    # shellcheck disable=SC2086 # Words.
    ok "$sandbox" "${base[@]}" --proc /proc --dev /dev $unshares $options sh -c 'ls -d /proc/[0-9]*/cwd/out 2>/dev/null; echo looked' </dev/null
    equal "$output" looked
  done
}

@test "a source that a link or a .. leads to" {
  requires userns
  # Wherever the new root is mounted: it would cover the source.
  for place in /mnt /srv /opt /media /home; do
    mkdir -p "$place" && [ -w "$place" ] || continue
    made=$(mktemp -d "$place/sandbox.XXXXXX")
    touch "$made/here"
    ln -sfn "$made" link
    run --separate-stderr "$sandbox" "${base[@]}" --ro-bind link /a --ro-bind "/tmp/..$made" /b ls /a /b </dev/null
    rm -r "$made"
    equal "$output" "/a:
here

/b:
here"
  done
}

@test "a sandbox in a sandbox, of a user who owns its /" {
  requires user userns
  ok "$sandbox" --uid 1 --dev-bind / / -- "$sandbox" "${base[@]}" --ro-bind "$project" "$project" --proc /proc -- \
    "$sandbox" --unshare-user --uid 0 --gid 0 --ro-bind / / sed -n 's/^CapPrm:.//p' /proc/self/status
  equal "$output" 0000000000000000
  equal "$stderr" ''
}

@test "every mount beneath a source is as the option says, and none is this machine's new root" {
  requires userns
  while IFS='|' read -r options want; do
    # shellcheck disable=SC2086 # Words.
    ok "$sandbox" $options sh -c 'cat /proc/self/mountinfo' 5</
    equal "$(cut -d ' ' -f 5,6 <<<"$output" | grep -v " $want")" ''
    lacks "$output" shared:
    lacks "$output" unbindable
  done <<'TABLE'
--bind / /|[^,]*,nosuid,nodev
--bind-try / /|[^,]*,nosuid,nodev
--bind-fd 5 /|[^,]*,nosuid,nodev
--ro-bind / /|ro,nosuid,nodev
--ro-bind-try / /|ro,nosuid,nodev
--ro-bind-fd 5 /|ro,nosuid,nodev
--dev-bind / /|[^,]*,nosuid
--dev-bind-try / /|[^,]*,nosuid
TABLE
  ok "$sandbox" --proc /proc "${base[@]}" --bind / /host sh -c 'cut -d " " -f 5 /proc/self/mountinfo | grep ^/host'
  equal "$output" "$(cut -d ' ' -f 5 /proc/self/mountinfo | sed 's,^,/host,; s,/$,,')"
}

@test "options of --args, quotes and odd names of all kinds" {
  requires userns
  mkdir "it's \\ #"$'\t'"a
b"
  echo here >"it's \\ #"$'\t'"a
b/file"
  printf '%s\0' "${base[@]}" --bind "$PWD" /src --bind "it's \\ #"$'\t'"a
b" "/# it's \\"$'\n'"x" --setenv X "a'\\
b" >args
  ok "$sandbox" --args 5 --unshare-pid sh -c 'cat "/#"*/file; printf %s "$X"' 5<args
  equal "$output" "here
a'\\
b"
  ok "$sandbox" --args 12 sh -c 'cat "/# it'"'"'s"*/file' 12<args
  equal "$output" here
  # A source that begins as a comment does, and one in the first place for the new root.
  mkdir '#'
  touch '#/file'
  ok "$sandbox" "${base[@]}" --bind '#' /hash --ro-bind /mnt /m sh -c 'ls /hash; stat -c %i /m'
  equal "$output" "file
$(stat -c %i /mnt)"
  # COMMAND gets the descriptors of the caller, and not that of --args.
  ok "$sandbox" --args 5 --proc /proc sh -c 'cat <&9; cat <&8; [ -e /proc/self/fd/5 ] || echo closed' 5<args 8<<<eight 9<<<nine
  equal "$output" $'nine\neight\nclosed'
  # The environment of the caller is COMMAND's, but for what the options change.
  sb_table=own name=mine ok env sb=1 name=mine LC_ALL=C.UTF-8 IFS=x "$sandbox" --bind / / env
  contains "$output" $'\n'LC_ALL=C.UTF-8
  contains "$output" name=mine
}

@test "--explain prints the line, and the line does the same" {
  requires userns
  ok "$sandbox" --explain "${base[@]}" --setenv A 'b c' --unshare-uts --hostname box sh -c 'hostname; echo "$A" "$1" $#' sh "it's; \$(touch no)"
  ok sh -c "$output"
  equal "$output" "box
b c it's; \$(touch no) 1"
  [ ! -e no ]
}

@test "--info-fd, --seccomp and --die-with-parent" {
  requires userns jq cc python3
  ok "$sandbox" --ro-bind / / --info-fd 5 --unshare-pid --proc /proc sh -c 'readlink /proc/self/ns/pid; [ ! -e /proc/self/fd/5 ] && echo closed' 5>info
  equal "$(jq -r '"pid:[\(."pid-namespace")]"' info)" "$(head -n 1 <<<"$output")"
  [ "$(jq '."child-pid"' info)" -gt 1 ]
  contains "$output" closed
  # mkdir and mkdirat fail with ELOOP, all else is allowed: struct sock_filter of <linux/filter.h>, for this machine's numbers.
  mkdirat=$(printf '#include <sys/syscall.h>\nSYS_mkdirat SYS_mkdir\n' | cc -E - | tail -n 1)
  python3 - "$mkdirat" >filter <<'python'
import struct, sys
numbers = [int(word) for word in sys.argv[1].split() if word.isdigit()]
code = [(0x20, 0, 0, 0)]
for left, number in enumerate(reversed(numbers)):
    code.insert(1, (0x15, left + 1, 0, number))
code += [(0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050000 | 40)]
sys.stdout.buffer.write(b"".join(struct.pack("HBBI", *line) for line in code))
python
  ok "$sandbox" --ro-bind / / --tmpfs /mnt --seccomp 5 sh -c 'mkdir /mnt/x 2>&1 || :' 5<filter
  contains "$output" 'Too many levels of symbolic links'
  for options in '' '--unshare-pid' '--new-session'; do
    # shellcheck disable=SC2086 # Words.
    sh -c '"$@" & echo $! >pid; wait' sh "$sandbox" --ro-bind / / --die-with-parent $options sleep "1081.$UID" 3>&- 4>&- &
    eventually pgrep -x -f "sleep 1081.$UID"
    kill -9 $!
    eventually gone
  done
}

gone() {
  ! pgrep -x -f "sleep 1081.$UID" >/dev/null
}

# both SCRIPT: with bwrap and with ours as "$1"; what they say must be the same, and WANT a part of it.
both() {
  local program
  for program in bwrap "$sandbox"; do
    timeout 20 bash -c "$1" sh "$program" >"said.${program##*/}" 2>said.err </dev/null 3>&- 4>&- || echo "status $?" >>"said.${program##*/}"
  done
  diff said.bwrap said.sandbox
  contains "$(<said.sandbox)" "$2"
}

@test "capabilities, descriptors to wait on and the status are as with bwrap" {
  requires bwrap userns jq
  both '"$1" --ro-bind / / --unshare-user --uid 5 --cap-add CAP_NET_ADMIN --cap-drop ALL --cap-add CAP_KILL --proc /proc grep -E "Cap(Prm|Amb)" /proc/self/status' 020
  both '"$1" --ro-bind / / --unshare-user --uid 5 --cap-add ALL --cap-drop CAP_CHOWN --proc /proc grep -E "Cap(Prm|Amb)" /proc/self/status' fffe
  both '"$1" --ro-bind / / --unshare-user --disable-userns --assert-userns-disabled unshare --user true; echo $?' 1
  both '"$1" --ro-bind / / --unshare-user --assert-userns-disabled true; echo $?' 1
  contains "$(<said.err)" 'sandbox: cannot start COMMAND: user namespaces are not disabled'
  for options in '' --unshare-pid; do
    both 'mkfifo fifo; exec 7<>fifo; rm fifo; "$1" --ro-bind / / --proc /proc '"$options"' --block-fd 7 sh -c "[ -e /proc/self/fd/7 ] || echo closed" &
      sleep 0.4; echo before; echo >&7; wait' $'before\nclosed'
    both 'mkfifo fifo; (cat fifo; echo end) & "$1" --ro-bind / / --proc /proc '"$options"' --sync-fd 6 sh -c "[ -e /proc/self/fd/6 ] || echo closed
      sleep 0.4; echo before" 6>fifo; wait; rm fifo' $'closed\nbefore\nend'
    both '"$1" --ro-bind / / '"$options"' --json-status-fd 5 sh -c "kill -9 \$\$" 5>status; echo $?; jq -c "has(\"child-pid\")" status; tail -n 1 status' $'137\ntrue\nfalse'
    contains "$(<said.sandbox)" '{ "exit-code": 137 }'
  done
}

@test "PWD is the directory of --chdir" {
  requires bwrap userns
  for options in '' --clearenv '--setenv PWD /x'; do
    both '"$1" --ro-bind / / --chdir /usr '"$options"' /usr/bin/printenv PWD' /usr
  done
}

@test "--args needs no tool of GNU" {
  requires userns busybox
  mkdir path
  for name in sh od awk cat tr printf head readlink; do
    ln -s "$(type -P busybox)" "path/$name"
  done
  printf '%s\0' "${base[@]}" --setenv X "a'\\"$'\n\xff' -- /bin/sh -c 'printf "[%s]" "$X" "$@"' sh '' last >args
  ok env PATH="$PWD/path" path/sh "$sandbox" --args 5 more 5<args
  equal "$output" "[a'\\"$'\n\xff][][last][more]'
}

@test "a wrong command line is refused by name, and so is what is not supported" {
  while IFS='|' read -r words message; do
    # shellcheck disable=SC2086 # A row of words.
    expect 1 "$sandbox" $words
    contains "$stderr" "sandbox: $message"
  done <<'TABLE'
|missing operand: COMMAND
--bind /|option '--bind' needs 2 values
--bind|option '--bind' needs 2 values
--chdir|option '--chdir' needs a value
--args 99 true|cannot read options from the descriptor '99'
--args 5 true|cannot read options from the descriptor '5'
--nosuch true|invalid option '--nosuch'
--lock-file x true|cannot take '--lock-file': no process that would hold the lock stays in the sandbox
--userns2 5 true|cannot take '--userns2': COMMAND stays
--userns-block-fd 5 true|cannot take '--userns-block-fd': unshare-rs writes
--file-label x true|cannot take '--file-label': the files
--userns 5 true|cannot take '--userns': a process that is there
--pidns 5 true|cannot take '--pidns': a process that is there
--bind-fd 9 /y true|invalid value '9' of '--bind-fd': no descriptor of that number is open
--seccomp 9 true|invalid value '9' of '--seccomp': no descriptor of that number is open
--json-status-fd 1 --info-fd 2 true|--json-status-fd excludes --info-fd
--seccomp 0 --add-seccomp-fd 1 true|--add-seccomp-fd excludes --seccomp
--cap-add x,+all true|invalid capability 'x,+all'
--hostname x true|--hostname needs --unshare-uts
--as-pid-1 true|--as-pid-1 needs --unshare-pid
--size 0 --tmpfs /a true|invalid value '0' of '--size': a tmpfs of that size would have no limit
--cap-drop x,-all true|invalid capability 'x,-all'
--unshare-net --share-net true|--share-net needs --unshare-all
--perms 9 --dir x true|invalid value '9' of '--perms': it is an octal mode
--perms 700 --bind / / true|--perms must be followed by an option that makes a file or directory, not by '--bind'
--size 5 --dir x true|--size must be followed by --tmpfs, not by '--dir'
--setenv a=b c true|invalid name of a variable: 'a=b'
--unsetenv a.b true|cannot unset 'a.b'
--seccomp x true|invalid value 'x' of '--seccomp': it is a number
TABLE
  expect 1 "$sandbox" $'--\e[31m' true
  contains "$stderr" "invalid option '--?[31m'"
  requires userns
  expect 1 "$sandbox" --bind /nosuch /x true
  contains "$stderr" "cannot bind '/nosuch' on '/x': No such file or directory"
  expect 127 "$sandbox" "${base[@]}" nosuch
  for option in $(bwrap --help | grep -o '^ *--[a-z0-9-]*'); do
    run --separate-stderr "$sandbox" "$option"
    lacks "$stderr" "invalid option '$option'"
  done
}
