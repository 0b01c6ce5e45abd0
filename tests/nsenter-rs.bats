#!/usr/bin/env bats
# nsenter-rs, beside util-linux's nsenter where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.
# shellcheck disable=SC2030,SC2031 # What a test sets is for that test.

load helpers

kinds='mount:mnt uts:uts ipc:ipc net:net pid:pid cgroup:cgroup time:time'

# start COMMAND...: runs COMMAND, a classic unshare with --fork, in the background; $target is the process in the new
# namespaces.
start() {
  "$@" 3>&- &
  starter=$!
  local tries=0
  until target=$(cat "/proc/$starter/task/$starter/children") && target=${target%% *} && [ -n "$target" ] &&
    grep -qxE 'sleep|busybox' "/proc/$target/comm" 2>/dev/null; do
    [ $((tries += 1)) -lt 500 ]
    sleep 0.01
  done
}

# target [OPTION...]: starts a process with namespaces of all types, in a user namespace too where it takes one, and
# where OPTION says so.
target() {
  # The classic cannot drop groups there, even where there are none.
  user=()
  is_root || user=(--user --preserve-credentials)
  is_root || set -- "$@" --user --map-root-user
  start unshare --mount --uts --ipc --net --pid --cgroup --time --fork --kill-child "$@" \
    sh -c 'cd /usr/bin && exec env -i WHERE=inside "TWO WORDS=a b" sleep 600'
}

teardown() {
  # A target that has changed its user is not told that its parent has ended.
  [ -z "${target-}" ] || kill -9 "$target" 2>/dev/null || :
  [ -z "${starter-}" ] || kill -9 "$starter" 2>/dev/null || :
  [ -z "${starter-}" ] || wait "$starter" || :
  [ -z "${inner-}" ] || kill -9 "$inner" 2>/dev/null || :
  nothing_left
}

# same ARGUMENT...: both tools must give the same output and the same status.
same() {
  local want want_status=0 got got_status=0
  want=$(nsenter "$@" 2>/dev/null </dev/null) || want_status=$?
  got=$(nsenter-rs "$@" 2>stderr </dev/null) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'arguments:  %s\nnsenter:    %s %s\nnsenter-rs: %s %s\n' "$*" "$want_status" "$want" "$got_status" "$got"
    cat stderr
    return 1
  }
}

# refused MESSAGE ARGUMENT...: fails so with status 1, and the command is not run.
refused() {
  local message=$1
  shift
  expect 1 nsenter-rs "$@" touch "$PWD/ran"
  contains "$stderr" "$message"
  [ ! -e ran ]
}

# namespace FILE [PID]: which namespace it is, by the kernel.
namespace() {
  readlink "/proc/${2-self}/ns/$1"
}

# id_of FILE: what the kernel calls the namespace, by NS_GET_ID of ioctl_nsfs(2).
id_of() {
  python3 -c '
import fcntl, struct, sys
print(struct.unpack("Q", fcntl.ioctl(open(sys.argv[1]), 0x8008b70d, bytes(8)))[0])' "$1"
}

@test "=:ID: a namespace by its id" {
  requires python3
  target
  id_of /proc/self/ns/net >/dev/null 2>&1 || {
    refused 'this kernel gives namespaces no IDs: Linux 6.18 or later is needed' --net=:1
    return
  }
  for kind in uts net mount:mnt; do
    option=${kind%:*} kind=${kind#*:}
    ok nsenter-rs ${user:+"--user=/proc/$target/ns/user" --preserve-credentials} \
      "--$option=:$(id_of "/proc/$target/ns/$kind")" readlink "/proc/self/ns/$kind"
    equal "$output" "$(namespace "$kind" "$target")"
  done
  net=$(id_of "/proc/$target/ns/net")
  refused "cannot find the UTS namespace of the ID '$net': " --uts=":$net"
  refused "cannot find the network namespace of the ID '18446744073709551615': " --net=:18446744073709551615
}

@test "an id that there cannot be" {
  refused 'hint: IDs go from 0 to 4294967294' -u=/proc/self/ns/uts -S 4294967295
}

@test "COMMAND is looked up in the entered root; a capability that was lost on the way" {
  mkdir root
  in_namespace() {
    if is_root; then "$@"; else unshare-rs -r -m -u "$@"; fi
  }
  expect 127 in_namespace nsenter-rs -u=/proc/self/ns/uts --root=root true
  contains "$stderr" 'hint: it is looked up in the entered root: --carry'
  expect 127 in_namespace nsenter-rs -u=/proc/self/ns/uts --rootns="$PWD/root" true
  contains "$stderr" 'hint: it is looked up in the entered root: --carry'
  expect 127 in_namespace nsenter-rs -u=/proc/self/ns/uts --root=root --carry ./nosuch
  lacks "$stderr" entered
  user=()
  ! is_root || user=(setpriv --reuid=1234 --regid=1234 --clear-groups)
  expect 1 "${user[@]}" unshare-rs -c -u nsenter-rs -u=/proc/self/ns/uts true
  contains "$stderr" 'hint: CAP_SYS_ADMIN was lost on the way here, since this user is not root in the user namespace: add `--keep-caps`'
  expect 1 "${user[@]}" unshare-rs -c nsenter-rs --new-session --root=root true
  contains "$stderr" 'hint: CAP_SYS_CHROOT was lost on the way here'
}

@test "each namespace of the target, beside the classic" {
  requires nsenter
  target
  for kind in $kinds; do
    option=--${kind%:*} file=${kind#*:}
    letter=$(sed -n "s/^  -\(.\), $option\[.*/\1/p" < <(nsenter-rs --help))
    for form in "$option" "-$letter"; do
      ok nsenter-rs --target "$target" "${user[@]}" "$form" readlink "/proc/self/ns/$file"
      equal "$output" "$(namespace "$file" "$target")"
      [ "$output" != "$(namespace "$file")" ]
      same -t "$target" "${user[@]}" "$form" readlink "/proc/self/ns/$file"
    done
    # And no other one.
    for other in $kinds; do
      [ "$other" != "$kind" ] || continue
      ok nsenter-rs --target "$target" "${user[@]}" "$option" readlink "/proc/self/ns/${other#*:}"
      equal "$output" "$(namespace "${other#*:}")"
    done
  done
}

@test "namespaces of files, beside the classic" {
  requires nsenter
  target
  for kind in $kinds; do
    option=--${kind%:*} file=${kind#*:}
    is_root || user=("--user=/proc/$target/ns/user" --preserve-credentials)
    same "${user[@]}" "$option=/proc/$target/ns/$file" readlink "/proc/self/ns/$file"
    ok nsenter-rs "${user[@]}" "$option=/proc/$target/ns/$file" readlink "/proc/self/ns/$file"
    equal "$output" "$(namespace "$file" "$target")"
  done
  # A file goes before the target. An ordinary user cannot enter its own namespace again.
  is_root || return 0
  ok nsenter-rs -t "$target" --all --net=/proc/self/ns/net -u readlink /proc/self/ns/net /proc/self/ns/uts
  equal "$output" "$(namespace net)
$(namespace uts "$target")"
}

@test "all namespaces of the target, beside the classic" {
  requires nsenter
  target --user --map-root-user
  same --all --preserve-credentials -t "$target" sh -c 'readlink /proc/self/ns/*'
  ok nsenter-rs -a -t "$target" sh -c 'readlink /proc/self/ns/*'
  equal "$output" "$(readlink /proc/"$target"/ns/*)"
}

@test "root, working directory and environment of the target, beside the classic" {
  requires nsenter
  target
  enter=(-t "$target" "${user[@]}" -m)
  same "${enter[@]}" pwd
  same "${enter[@]}" --root pwd
  same "${enter[@]}" -r -w pwd
  same "${enter[@]}" --wd pwd
  ok nsenter-rs "${enter[@]}" --wd pwd
  equal "$output" "$(readlink -f /usr/bin)"
  same "${enter[@]}" --wd=/usr/lib pwd
  same "${enter[@]}" -W/usr/lib pwd
  same "${enter[@]}" --wdns=/usr/lib pwd
  same "${enter[@]}" --root=/usr --wd=/usr/lib /bin/true
  ok nsenter-rs "${enter[@]}" --env env
  equal "$(sort <<<"$output" | grep -v ^PWD)" "$(printf '%s\n' 'TWO WORDS=a b' WHERE=inside)"
  A=B ok nsenter-rs "${enter[@]}" env
  contains "$output" A=B
}

@test "a root is changed, and its working directory is inside" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/srv
  start unshare --user --map-root-user --mount --fork --kill-child chroot-rs --wd /srv --carry rootfs busybox sleep 600
  ok nsenter-rs -t "$target" -U -m -r -w /bin/sh -c 'pwd; ls -id /'
  unpad
  equal "$output" "/srv
$(stat -c %i rootfs) /"
  ok nsenter-rs -t "$target" -U -m -r -W/srv /bin/pwd
  equal "$output" /srv
  refused "cannot enter the directory '/usr': No such file or directory" -t "$target" -U -m -r -W/usr
}

@test "--wdns does not follow a magic link to what this process has open" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/proc
  ln -s /proc/self/fd/9 rootfs/out
  start unshare --user --map-root-user --mount --fork --kill-child sh -c 'mount --rbind /proc rootfs/proc &&
    exec chroot-rs rootfs /bin/sleep 600'
  refused "cannot enter the directory '/out': Too many symbolic links encountered" -t "$target" -U -m -r --wdns=/out 9<.
}

@test "the command's status and its end by a signal, beside the classic" {
  requires nsenter
  target
  for enter in '' --pid; do
    # shellcheck disable=SC2086 # Words.
    for command in 'exit 7' 'kill -9 $$' 'kill -TERM $$' 'exec /nosuch' 'exec /usr'; do
      same -t "$target" "${user[@]}" --uts $enter sh -c "$command"
    done
    # shellcheck disable=SC2086 # Words.
    same -t "$target" "${user[@]}" --uts $enter nosuch
    # shellcheck disable=SC2086 # Words.
    same -t "$target" "${user[@]}" --uts $enter /usr
  done
  # Where SIGCHLD is ignored there would be no status.
  expect 7 bash -c 'trap "" CHLD; exec nsenter-rs "$@" sh -c "exit 7"' bash -t "$target" "${user[@]}" --pid
  ok bash -c 'trap "" CHLD; exec nsenter-rs "$@" grep SigIgn /proc/self/status' bash -t "$target" "${user[@]}" --pid
  equal "$output" $'SigIgn:\t0000000000010000'
}

@test "in a PID namespace the command is a child, unless that is not asked for" {
  requires nsenter
  target
  ok sh -c 'echo $$; exec nsenter-rs "$@" sh -c "cut -d\  -f4 /proc/self/stat"' sh -t "$target" "${user[@]}" --pid
  [ "${lines[0]}" != "${lines[1]}" ]
  ok sh -c 'echo $$; exec nsenter-rs "$@" readlink /proc/self' sh -t "$target" "${user[@]}" --pid --no-fork
  equal "${lines[0]}" "${lines[1]}"
  ok sh -c 'echo $$; exec nsenter-rs "$@" readlink /proc/self' sh -t "$target" "${user[@]}" --uts
  equal "${lines[0]}" "${lines[1]}"
  same -t "$target" "${user[@]}" --pid -F sh -c 'readlink /proc/self/ns/pid_for_children'
}

@test "a child that is stopped stops its parent too" {
  target
  nsenter-rs -t "$target" "${user[@]}" --pid sh -c 'echo up >up; kill -STOP $$; echo on >on' 3>&- &
  local parent=$! tries=0
  until grep -q '^State:.T' "/proc/$parent/status"; do
    [ $((tries += 1)) -lt 500 ]
    sleep 0.01
  done
  [ -e up ] && [ ! -e on ]
  kill -CONT "$parent"
  wait "$parent"
  [ -e on ]
}

# on_terminal SCRIPT: runs it by bash on a terminal, in the tested shell's directory.
on_terminal() {
  printf '%s\n' "$1" >script.sh
  run bash -c 'script -qec "bash script.sh" /dev/null </dev/null | tr -d "\r"'
}

# attacked OPTION...: attacks the caller's terminal and job from inside, by who is not their equal anyway.
attacked() {
  local attack="python3 $project/tests/fixtures/terminal-attack.py"
  # CAP_SYS_ADMIN in the initial user namespace may type into any terminal.
  ! is_root || attack="setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin $attack"
  on_terminal "nsenter-rs $* $attack; echo \"status \$?\""
}

@test "--new-session: the caller's terminal and process group are out of reach" {
  requires script python3
  target
  for enter in "-t $target ${user[*]} --all" "-t $target ${user[*]} --uts" ''; do
    attacked --new-session "$enter"
    for line in 'tty: ENXIO' 'TIOCSTI: E' 'TIOCSCTTY: EPERM' 'session True' 'status 137'; do
      contains "$output" "$line"
    done
    lacks "$output" typed
  done
}

@test "--new-session: without it the attack goes through" {
  requires script python3
  [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] || skip "this kernel types for nobody"
  target
  attacked -t "$target" "${user[@]}" --uts
  contains "$output" 'tty: opened'
  contains "$output" 'TIOCSTI: typed'
  lacks "$output" status
}

@test "--new-session: signals are handed on, and the command's status comes back" {
  target
  for enter in '' --pid; do
    # shellcheck disable=SC2086 # A word or none.
    expect 7 nsenter-rs -t "$target" "${user[@]}" --uts $enter --new-session sh -c 'exit 7'
    # shellcheck disable=SC2086 # A word or none.
    expect 137 nsenter-rs -t "$target" "${user[@]}" --uts $enter --new-session sh -c 'kill -9 $$'
    expect 127 nsenter-rs --new-session /nosuch
    for signal in HUP INT QUIT TERM USR1 USR2 WINCH; do
      # A job in the background ignores SIGINT and SIGQUIT.
      # shellcheck disable=SC2086 # A word or none.
      env --default-signal nsenter-rs -t "$target" "${user[@]}" --uts $enter --new-session \
        bash -c "trap 'exit 9' $signal; echo up >up; while :; do sleep 0.01; done" 3>&- &
      parent=$! tries=0
      until [ -s up ]; do
        [ $((tries += 1)) -lt 500 ]
        sleep 0.01
      done
      rm up
      kill "-$signal" "$parent"
      status=0
      wait "$parent" || status=$?
      equal "$signal $status" "$signal 9"
    done
  done
  look='grep ^Sig[BI] /proc/self/status'
  for inherited in '' --ignore-signal=CHLD --block-signal=CHLD,INT,TERM; do
    # shellcheck disable=SC2086 # Words.
    ok env $inherited $look
    want=$output
    # shellcheck disable=SC2086 # Words.
    ok env $inherited nsenter-rs --new-session $look
    equal "$output" "$want"
  done
  refused "--no-fork and --new-session exclude each other" --no-fork --new-session
}

@test "the man page's shell in a container reaches neither the caller's terminal nor its job" {
  requires script python3 pty-rs
  target
  # shellcheck disable=SC2016 # Text of the man page.
  example=$(sed -n 's/^\.Dl \(pty-rs nsenter-rs .* --env\) sh$/\1/p' "$project/nsenter-rs/nsenter-rs.1")
  [ -n "$example" ]
  example="${example/4321/$target} ${user[*]}"
  # What the attack opens, types into and kills is another terminal and its session.
  on_terminal "echo ours \$(tty); $example sh -c 'echo theirs \$(tty)'
    $example env PATH=$PATH python3 $project/tests/fixtures/terminal-attack.py; echo survived"
  contains "$output" 'tty: opened'
  contains "$output" survived
  ours=$(grep -o 'ours /.*' <<<"$output") theirs=$(grep -o 'theirs /.*' <<<"$output")
  [ -n "$ours" ] && [ -n "$theirs" ] && [ "${ours#* }" != "${theirs#* }" ]
}

@test "a descriptor that the caller passed reaches the command" {
  target
  for session in '' --new-session; do
    # shellcheck disable=SC2086 # A word or none.
    ok nsenter-rs -t "$target" --all --root --wd --env $session --carry "$(type -P sh)" -c 'echo here >&5' 5>out
    equal "$(cat out)" here
  done
}

@test "without a command it is a login shell" {
  target
  printf '#!/bin/sh\n' >shell
  SHELL=/bin/sh ok nsenter-rs -t "$target" "${user[@]}" --uts <<<'echo "$0"'
  equal "$output" -sh
}

@test "user and group, beside the classic" {
  requires nsenter
  target --user --map-root-user
  same -t "$target" --user --setuid 5 id
  same -t "$target" --user --setgid 5 id
  same -t "$target" -U --preserve-credentials id
  if is_root; then
    same -t "$target" -U id
    same -t "$target" -U -S 0 -G 0 id
    same -t "$target" --uts id
    same -S 5 --ipc=/proc/self/ns/ipc id
    same -G 5 --ipc=/proc/self/ns/ipc id
    same -S 5 -G 6 --ipc=/proc/self/ns/ipc id
  fi
}

@test "user and group of the target" {
  requires root
  start unshare --uts --fork --kill-child setpriv --reuid 7 --regid 8 --clear-groups sleep 600
  ok nsenter-rs -t "$target" -u -S follow -G follow id
  equal "$output" "$(setpriv --reuid 7 --regid 8 --clear-groups id)"
  ok nsenter-rs -t "$target" -u --setgid=follow id -G
  equal "$output" 8
}

@test "--keep-caps: the capabilities of the user namespace outlive the change of user" {
  target --user --map-root-user
  ok nsenter-rs -t "$target" -U --keep-caps grep CapAmb /proc/self/status
  equal "$output" "CapAmb:"$'\t'"$(sed -n 's/^CapPrm:.//p' "/proc/$target/status")"
  ok nsenter-rs -t "$target" -U grep CapAmb /proc/self/status
  equal "$output" $'CapAmb:\t0000000000000000'
}

@test "--keep-caps: a change from root to another user takes none of them" {
  requires root
  start unshare-rs --user --map-users 0:0:10 --map-groups 0:0:10 --fork --kill-child sleep 600
  ok nsenter-rs -t "$target" -U --keep-caps -S 1 -G 1 grep CapAmb /proc/self/status
  equal "$output" "CapAmb:"$'\t'"$(sed -n 's/^CapBnd:.//p' "/proc/$target/status")"
}

@test "--user-parent: the user namespace above" {
  start unshare --user --map-root-user --fork --kill-child sleep 600
  middle=$(namespace user "$target")
  # A process of a user namespace in that of the target.
  nsenter --target "$target" --user --preserve-credentials unshare --user --map-root-user sh -c 'echo $$ >inner; exec sleep 600' 3>&- &
  local tries=0
  until [ -s inner ]; do
    [ $((tries += 1)) -lt 500 ]
    sleep 0.01
  done
  inner=$(cat inner)
  [ "$(namespace user "$inner")" != "$middle" ]
  ok nsenter-rs -t "$inner" --user-parent readlink /proc/self/ns/user
  equal "$output" "$middle"
  ok nsenter-rs "--user=/proc/$inner/ns/user" --user-parent readlink /proc/self/ns/user
  equal "$output" "$middle"
  expect 1 nsenter-rs -t "$inner" --user nsenter-rs -t "$target" --user-parent true
  contains "$stderr" 'hint: '
}

@test "--net-socket: the network namespace of a socket" {
  requires python3
  net=(--net)
  is_root || net=(--user --map-root-user --net)
  start unshare "${net[@]}" --fork --kill-child python3 -c '
import os, socket
sock = socket.socket()
os.dup2(sock.fileno(), 50)
os.execvp("sleep", ["sleep", "600"])'
  [ "${#net[@]}" -eq 1 ] && user=() || user=(--user)
  ok nsenter-rs -t "$target" "${user[@]}" --net-socket 50 readlink /proc/self/ns/net
  equal "$output" "$(namespace net "$target")"
  refused "cannot find the network namespace of the socket '/proc/$target/fd/99': Bad file number" \
    -t "$target" -N 99
  refused "hint: '/proc/$target/fd/0' is not a socket" -t "$target" -N 0
}

@test "--target PID:INODE is that process and no later one" {
  requires python3
  target
  inode=$(python3 -c 'import os, sys; print(os.fstat(os.pidfd_open(int(sys.argv[1]))).st_ino)' "$target")
  ok nsenter-rs -t "$target:$inode" "${user[@]}" --uts readlink /proc/self/ns/uts
  equal "$output" "$(namespace uts "$target")"
  refused "cannot find the process '$target': the process of this number is not the one of that inode" \
    -t "$target:1" --uts
}

@test "--join-cgroup: the cgroup of the target" {
  requires root cgroup2
  root=$(findmnt -nlt cgroup2 -o TARGET | head -n 1)
  cgroup=$root/nsenter-$$
  mkdir "$cgroup"
  target
  echo "$target" >"$cgroup/cgroup.procs"
  run nsenter-rs -t "$target" --uts --join-cgroup grep '^0::' /proc/self/cgroup
  joined=$output
  kill -9 "$starter"
  wait "$starter" || :
  starter=
  while ! rmdir "$cgroup" 2>/dev/null; do sleep 0.01; done
  equal "$joined" "0::/nsenter-$$"
}

@test "--carry: a program of the host in a root that holds nothing" {
  requires busybox
  mkdir rootfs
  start unshare --user --map-root-user --mount --fork --kill-child chroot-rs --carry rootfs busybox sleep 600
  expect 127 nsenter-rs -t "$target" -U -m -r busybox ls -A /
  ok nsenter-rs -t "$target" -U -m -r --carry busybox ls -id /
  unpad
  equal "$output" "$(stat -c %i rootfs) /"
  expect 127 nsenter-rs --carry /nosuch
}

# container COMMAND: a target that runs COMMAND against a program of $size bytes, and has a /proc of its own.
container() {
  local new=(--mount-proc --pid --fork --kill-child)
  user=()
  is_root || {
    user=(--user)
    new+=(--user --map-root-user)
  }
  start unshare "${new[@]}" sh -c "$1 ./overwrite $size >said & exec sleep 600"
  until [ -s said ]; do sleep 0.01; done
}

# until_ended: the attacker has come to an end, if it has reached anything.
until_ended() {
  ! grep -qx reached said || until [ "$(wc -l <said)" -eq 3 ]; do
    sleep 0.01
  done
}

@test "--carry: a process of the container cannot write to the carried program" {
  requires busybox cc
  make_victim busybox
  container exec
  until_reached | nsenter-rs -t "$target" "${user[@]}" --mount --pid --carry ./busybox-victim cat
  until_ended
  # Where this user cannot make a mount it is a copy in memory.
  is_root && answer='not opened: Read-only file system' || answer='not written: Operation not permitted'
  unharmed "$answer"
}

@test "--carry: a program that may be executed but not read" {
  requires user busybox
  cp "$(command -v busybox)" busybox-closed
  chmod 111 busybox-closed
  expect 126 nsenter-rs --carry ./busybox-closed true
  contains "$stderr" "cannot copy './busybox-closed': Permission denied
hint: without the capability CAP_SYS_ADMIN over the mount namespace a program is carried as a copy in memory, and this one may not be read"
}

# Those that have no more capabilities than it can trace it until it has found COMMAND.
@test "--carry: a process of the container cannot write to setpriv-rs" {
  requires cc setpriv
  make_victim setpriv-rs
  container 'setpriv --bounding-set -all --inh-caps -all'
  path=$(printf '/%05d:' {1..18000})
  for _ in {1..10}; do
    run -127 env PATH="$path" "$(type -P nsenter-rs)" -t "$target" "${user[@]}" --mount --pid \
      --carry ./setpriv-rs-victim --bounding-set -all --permitted-caps -all --inh-caps -all nosuch
    # Or it has given up, which is 'not reached'.
    ! grep -q reached said || break
  done
  until_ended
  ok sha256sum --quiet -c victim.sum
}

@test "no descriptor reaches the command that the caller did not pass" {
  requires busybox
  target
  ok busybox ls /proc/self/fd
  want=$output
  for session in '' --new-session; do
    # shellcheck disable=SC2086 # A word or none.
    ok nsenter-rs -t "$target" --all --root --wd --env $session --carry "$(type -P busybox)" ls /proc/self/fd
    equal "$output" "$want"
  done
}

@test "this process is closed to others before it enters" {
  requires strace
  target
  ok strace -f -o trace -e trace=prctl,setns,execve nsenter-rs -t "$target" "${user[@]}" --mount true
  ok grep -oE 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE|setns' trace
  equal "${lines[0]}" 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE'
  contains "$output" setns
}

@test "an ordinary user enters what it has made, and nothing else" {
  requires user
  target
  ok nsenter-rs -t "$target" --user --mount --net id -u
  equal "$output" 0
  refused "cannot enter the network namespace '/proc/$target/ns/net': Operation not permitted
hint: this needs CAP_SYS_ADMIN here and over the namespace: if it belongs to a user namespace of yours, enter that one too, with --user" \
    -t "$target" --net
  refused "hint: the process 1 belongs to another user, or may do more than this one" -t 1 --uts
  refused "hint: this needs the capability CAP_SYS_PTRACE over the target" -t 1 --net-socket 0
}

@test "what cannot be entered is explained" {
  target
  refused "cannot find the process '99999999': No such process" -t 99999999 --mount
  refused "cannot open '/nosuch': No such file or directory" --net=/nosuch
  refused "cannot enter the network namespace '/dev/null': Invalid argument
hint: '/dev/null' is not a namespace" --net=/dev/null
  refused "cannot enter the mount namespace '/proc/$target/ns/uts': Invalid argument
hint: '/proc/$target/ns/uts' is a namespace of another type: UTS" "--mount=/proc/$target/ns/uts"
  refused "cannot enter the user namespace '/proc/$$/ns/user': Invalid argument
hint: this process is in that user namespace already" -t $$ --user
  is_root || return 0
  expect 1 nsenter-rs -t "$target" --pid nsenter-rs "--pid=/proc/$$/ns/pid" true
  contains "$stderr" "hint: a PID namespace can only be entered from one above it"
}

@test "a PID namespace without its init is explained" {
  requires root
  : >pid
  start unshare --pid=pid --fork --kill-child sleep 600
  kill -9 "$target"
  wait "$starter" || :
  starter=
  expect 1 nsenter-rs --pid=pid true
  umount pid
  contains "$stderr" "cannot fork: Out of memory
hint: if the init of the PID namespace has ended, the kernel refuses new processes in it with this error"
}

@test "without /proc it enters what needs none, and says so of the rest" {
  requires root
  target
  # shellcheck disable=SC2086 # Words.
  ok private sh -c "echo $(namespace uts "$target") && mount -t tmpfs none /proc &&
    exec nsenter-rs -t $target --uts --mount readlink /proc/self/ns/uts"
  equal "${lines[0]}" "${lines[1]}"
  for options in --root --all --env '-S follow' --join-cgroup '--start-time 1' --net=:1 '--sysctl kernel.sem=1'; do
    expect 1 private sh -c "mount -t tmpfs none /proc && exec nsenter-rs -t $target --uts $options touch ran"
    contains "$stderr" 'hint: proc is not mounted on /proc'
    [ ! -e ran ]
  done
}

@test "a system call that a seccomp filter refuses is named" {
  while IFS='|' read -r rule options hint; do
    printf 'default allow\nerrno %s\n' "$rule" >rules
    # shellcheck disable=SC2086 # Words.
    expect 1 as_root setpriv-rs --no-new-privs --seccomp-rules rules nsenter-rs $options true
    contains "$stderr" "hint: $hint"
  done <<TABLE
EPERM setns|--uts=/proc/self/ns/uts|a seccomp filter refuses setns(2), as that of a systemd unit with RestrictNamespaces= does
ENOSYS setns|--uts=/proc/self/ns/uts|a seccomp filter refuses setns(2)
EPERM openat2|--new-session --wdns=/|a seccomp filter refuses openat2(2)
EPERM pidfd_open|-t 1 --uts|a seccomp filter is in force for this process and may refuse pidfd_open(2)
TABLE
}

@test "a /proc of another PID namespace is not mistaken for this one's" {
  expect 1 private unshare --pid --fork sh -c 'exec nsenter-rs -t 1 --root true'
  contains "$stderr" "cannot open '/proc/1': it belongs to another process
hint: /proc shows another PID namespace than that of this process"
}

@test "a thread, beside the classic" {
  requires nsenter python3
  is_root && user=() || user=(--user --preserve-credentials)
  is_root && new=() || new=(--user --map-root-user)
  unshare --uts "${new[@]}" python3 -c '
import threading, time
thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
thread.start()
open("thread", "w").write(str(thread.native_id) + "\n")
time.sleep(600)' 3>&- &
  starter=$!
  local tries=0
  until [ -s thread ]; do
    [ $((tries += 1)) -lt 500 ]
    sleep 0.01
  done
  same -t "$(cat thread)" "${user[@]}" --uts readlink /proc/self/ns/uts
  ok nsenter-rs -t "$(cat thread)" "${user[@]}" --uts --wd readlink /proc/self/ns/uts
  want=$(namespace uts "$starter")
  equal "$output" "$want"
  # Before Linux 6.9 pidfd_open(2) does not know PIDFD_THREAD.
  cat >old <<'RULES'
default allow
errno EINVAL pidfd_open if arg1 & 128 == 128
RULES
  old=(setpriv-rs --no-new-privs --seccomp-rules old nsenter-rs -t "$(cat thread)" "${user[@]}")
  for options in '--uts --wd' --all; do
    # shellcheck disable=SC2086 # Words.
    ok "${old[@]}" $options readlink /proc/self/ns/uts
    equal "$output" "$want"
  done
  start=$(awk '{ print $22 }' "/proc/$(cat thread)/stat")
  ok "${old[@]}" --start-time "$start" --uts true
  expect 1 "${old[@]}" --start-time "$((start + 1))" --uts true
  contains "$stderr" 'has started at another time'
}

@test "setgroups that is denied is explained" {
  requires root
  start setpriv --reuid 65534 --regid 65534 --groups 7 unshare --user --map-root-user --fork --kill-child sleep 600
  expect 1 setpriv --reuid 65534 --regid 65534 --groups 7 "$(type -P nsenter-rs)" -t "$target" -U true
  contains "$stderr" "cannot drop the supplementary groups: Operation not permitted
hint: setgroups(2) is denied in that user namespace"
  ok setpriv --reuid 65534 --regid 65534 --groups 7 "$(type -P nsenter-rs)" -t "$target" -U --preserve-credentials id -u
  equal "$output" 0
}

@test "a wrong command line has the classic's status and does nothing" {
  requires nsenter
  for arguments in '--nosuch' '-t' '-t x' '--mount' '--all' '-t 1 -w -W/' '-S x' '-G -1'; do
    # shellcheck disable=SC2086 # Words.
    same $arguments true
  done
  refused "--mount needs a --target" --mount
  refused "--wdns needs a directory: --wdns=DIR" -t 1 -W
  refused "--target is given twice" -t 1 -t 2
  refused "':5x' is not :ID of a namespace" --net=:5x
  refused "--env needs a --target" --env
  refused "--join-cgroup needs a --target" -c
  refused "--setuid=follow or --setgid=follow needs a --target" -S follow
  refused "--user-parent needs a --target or another namespace" --user-parent
}

@test "where SELinux does not run there is no context to follow, beside the classic" {
  requires nsenter
  [ ! -e /sys/fs/selinux ] || skip "SELinux runs"
  target
  same -t "$target" "${user[@]}" --uts --follow-context true
}

@test "--help and --version are written like the classic's, with status 0" {
  requires nsenter
  for option in -h --help -V --version; do
    ok nsenter "$option"
    ok nsenter-rs "$option"
    equal "$stderr" ''
    [ -n "$output" ]
  done
}

@test "a link named nsenter stands in for the classic" {
  ln -s "$(command -v nsenter-rs)" nsenter
  expect 1 ./nsenter --no-such-option
  contains "$stderr" "nsenter: "
  contains "$stderr" "Try 'nsenter --help' for more information."
}

@test "kernel parameters: those of the namespaces that are entered" {
  requires root
  touch net
  ok unshare --net=net true
  ok nsenter-rs --net=net --sysctl net.ipv4.ip_forward=1 cat /proc/sys/net/ipv4/ip_forward
  equal "$output" 1
  equal "$(nsenter --net=net cat /proc/sys/net/ipv4/ip_forward)" 1
  umount net
  expect 1 nsenter-rs --sysctl net true
  contains "$stderr" "'net' is not NAME=VALUE of a kernel parameter"
}

@test "the root is a path in the mount namespace that is entered" {
  requires root
  mkdir -p inside
  unshare --mount --propagation private sh -c 'mount -t tmpfs none inside && mkdir -p inside/root/dir && echo ready && exec sleep 60' >said &
  local pid=$!
  timeout 20 sh -c 'until grep -q ready said; do sleep 0.05; done'
  requires busybox
  ok nsenter-rs --carry --mount="/proc/$pid/ns/mnt" --rootns="$PWD/inside/root" --wdns=/dir busybox pwd
  equal "$output" /dir
  ok nsenter-rs --carry --mount="/proc/$pid/ns/mnt" --rootns="$PWD/inside/root" busybox ls
  equal "$output" dir
  # The caller's own directory of that name is another one.
  expect 1 nsenter-rs --carry --mount="/proc/$$/ns/mnt" --rootns="$PWD/inside/root" busybox pwd
  contains "$stderr" 'No such file or directory'
  # No descriptor of this process is a way out.
  expect 1 nsenter-rs --carry --mount="/proc/$pid/ns/mnt" --rootns=/proc/self/fd/0 busybox pwd </
  kill "$pid"
  expect 1 nsenter-rs --rootns true
  contains "$stderr" '--rootns needs a directory: --rootns=DIR'
  expect 1 nsenter-rs --root=/ --rootns=/ true
  contains "$stderr" '--root and --rootns exclude each other'
}

@test "what ends with its parent still does in a user namespace" {
  requires userns
  unshare-rs --map-root-user sh -c 'echo ready && exec sleep 60' >said &
  local holder=$!
  timeout 20 sh -c 'until grep -q ready said; do sleep 0.05; done'
  ok unshare-rs --fork --kill-child nsenter-rs --user="/proc/$holder/ns/user" setpriv-rs --dump
  contains "$output" 'Parent death signal: KILL'
  kill "$holder"
}

# start_of PID: field 22 of /proc/PID/stat, of a name without blanks.
start_of() {
  cut -d' ' -f22 "/proc/$1/stat"
}

@test "--start-time: only the very process" {
  target
  start=$(start_of "$target")
  ok nsenter-rs -t "$target" --start-time "$start" "${user[@]}" --uts readlink /proc/self/ns/uts
  equal "$output" "$(namespace uts "$target")"
  refused "cannot find the process '$target': the process of this number has started at another time" \
    -t "$target" --start-time "$((start - 1))" "${user[@]}" --uts
  refused '--start-time needs a --target' --start-time 5 --uts
}

@test "--pid-file and --process-file: the child, as the caller's /proc knows it" {
  target
  ok nsenter-rs -t "$target" "${user[@]}" --mount --pid --pid-file pid --process-file process \
    sh -c 'echo $$; cat "$0/process"' "$PWD"
  read -r pid _ <process
  equal "$(cat pid)" "$pid"
  equal "$(sed -n 2p <<<"$output")" "$(cat process)"
  [ "$(head -n 1 <<<"$output")" != "$pid" ]
  rm pid process
  for line in '127 /nosuch' '1 -W/nosuch true' '1 --pid-file no/such true'; do
    # shellcheck disable=SC2086 # Words.
    expect "${line%% *}" nsenter-rs -t "$target" "${user[@]}" --pid --process-file process --pid-file pid ${line#* }
    [ ! -e pid ] && [ ! -e process ]
  done
  refused '--no-fork and --detach, --pid-file or --process-file exclude each other' -F --pid-file pid
}

@test "--detach: the child is left when COMMAND has started" {
  target
  mkfifo fifo
  # The child would keep the pipe open that run reads.
  nsenter-rs -t "$target" "${user[@]}" --pid --uts --detach --process-file process sh -c 'read -r line <fifo; exec sleep 600' \
    </dev/null >/dev/null 2>&1 3>&-
  read -r inner start <process
  equal "$start" "$(start_of "$inner")"
  equal "$(namespace pid "$inner")" "$(namespace pid "$target")"
  [ "$(cut -d' ' -f4 "/proc/$inner/stat")" != "$$" ]
  echo >fifo
  until [ "$(cat "/proc/$inner/comm")" = sleep ]; do sleep 0.01; done
  expect 127 nsenter-rs -t "$target" "${user[@]}" --pid --detach /nosuch
  expect 7 nsenter-rs -t "$target" "${user[@]}" --pid --detach --failure-status 7 -W/nosuch true
}

@test "the parent stays outside of the namespaces" {
  # It is closed to others of its user.
  requires root
  target
  nsenter-rs -t "$target" "${user[@]}" --mount --uts --pid --process-file process sleep 600 3>&- &
  parent=$!
  until [ -e process ]; do sleep 0.01; done
  read -r inner _ <process
  for kind in mnt uts pid user; do
    equal "$(namespace "$kind" "$parent")" "$(namespace "$kind" "$$")"
  done
  equal "$(cut -d' ' -f4 "/proc/$inner/stat")" "$parent"
  kill -9 "$inner"
  wait "$parent" || :
}

@test "--join-cgroup: every hierarchy, from the first moment on" {
  requires root
  name=nsenter-$$
  points=$(awk '{ for (i = 7; $i != "-"; i++); } $(i + 1) ~ /^cgroup2?$/ && !seen[$3]++ { print $5 }' /proc/self/mountinfo)
  target
  for point in $points; do
    mkdir "$point/$name"
    [ ! -e "$point/cpuset.mems" ] || [ -n "$(cat "$point/$name/cpuset.mems")" ] || {
      cat "$point/cpuset.cpus" >"$point/$name/cpuset.cpus"
      cat "$point/cpuset.mems" >"$point/$name/cpuset.mems"
    }
    echo "$target" >"$point/$name/cgroup.procs"
  done
  want=$(cat "/proc/$target/cgroup")
  forked=$(nsenter-rs -t "$target" --pid --uts --join-cgroup cat /proc/self/cgroup)
  alone=$(nsenter-rs -t "$target" --uts --join-cgroup cat /proc/self/cgroup)
  kill -9 "$target"
  wait "$starter" || :
  starter='' target=''
  for point in $points; do
    while ! rmdir "$point/$name" 2>/dev/null; do sleep 0.01; done
  done
  equal "$forked" "$want"
  equal "$alone" "$want"
}

@test "options of the classic may be shortened" {
  ok unshare-rs --map-root --uts nsenter-rs --ta 1 --ut=/proc/self/ns/uts --preserv true
  expect 1 nsenter-rs --s 0 true
  contains "$stderr" 'hint: it may be --setuid, --setgid'
}

@test "without a namespace there is nothing to enter" {
  for options in '' '-t 1' "-t $$ -r" "-t $$ --env -S 0"; do
    # shellcheck disable=SC2086 # Words.
    expect 1 nsenter-rs $options true
    contains "$stderr" 'no namespace specified'
  done
}

@test "--all skips the namespaces that this process is in" {
  requires userns
  unshare-rs --map-root-user --uts --hostname inner sleep 60 &
  local pid=$!
  eventually ok nsenter-rs -t "$pid" -U -u --preserve-credentials sh -c '[ "$(hostname)" = inner ]'
  ok nsenter-rs --all -t "$pid" hostname
  equal "$output" inner
  expect 1 nsenter-rs --all -t $$ true
  contains "$stderr" 'no namespace to enter'
  kill "$pid"
}

@test "letters behind the letter of a namespace are its file" {
  expect 1 nsenter-rs -t 1 -mnp true
  contains "$stderr" 'did you mean -m -n -p?'
  expect 1 nsenter-rs -t 1 -mfile true
  lacks "$stderr" 'did you mean'
}

@test "--env outside of the target's mount namespace takes nothing that the dynamic linker reads" {
  requires userns
  env -i PATH="$PATH" A=1 LD_PRELOAD=/evil.so GLIBC_TUNABLES=x=y LD_LIBRARY_PATH=/evil \
    "$(type -P unshare-rs)" --map-root-user --uts --mount "$(type -P busybox)" sleep 60 &
  local pid=$! uts=(--user --uts --preserve-credentials --env)
  eventually grep -q sleep "/proc/$pid/cmdline"
  eventually [ ! "/proc/$pid/ns/uts" -ef /proc/self/ns/uts ]
  ok nsenter-rs -t "$pid" "${uts[@]}" "$(type -P env)"
  contains "$output" A=1
  lacks "$output" LD_
  lacks "$output" GLIBC_TUNABLES
  ok nsenter-rs -t "$pid" "${uts[@]}" --mount busybox env
  contains "$output" LD_PRELOAD=/evil.so
  kill "$pid"
}

@test "--remove-on-failure: the directory is that of the caller's root" {
  requires root
  mkdir -p doomed "root/$PWD"
  : >doomed/file
  cp -r doomed "root/$PWD/"
  target
  expect 127 nsenter-rs -t "$target" --mount --root="$PWD/root" --no-fork --remove-on-failure "$PWD/doomed" -- /no/such
  [ -e "root/$PWD/doomed/file" ]
  [ ! -e doomed/file ]
}

@test "--remove-on-failure removes the directory when the tool fails" {
  requires root
  removes_on_failure 1 'nsenter-rs DIR --no-fork --time=/nosuch true'
  removes_on_failure 127 'nsenter-rs DIR --no-fork --uts=/proc/self/ns/uts ./nosuch'
  keeps_on_success 3 'nsenter-rs DIR --no-fork --uts=/proc/self/ns/uts sh -c "exit 3"'
  keeps_on_success 1 'nsenter-rs DIR true'
  contains "$stderr" '--remove-on-failure needs --no-fork'
}
