#!/usr/bin/env bats
# debug: a shell in a container, with the programs of the host. What it is, is read off the kernel; what the container can do
# with it is tried by a process of the container.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

: "${TEST_TIMEOUT:=120}"
load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
# Cgroups are named after containers.
one=one-$$
runsh=$project/scripts/runsh
debug=$project/scripts/debug

# Whatever the caller's shell is.
export SHELL=/bin/sh

# container [FILTER]: the container $one, of busybox and the attacker, with a config.json that the jq FILTER has changed. An
# ordinary user's has a user namespace.
container() {
  requires busybox cc jq userns
  make_rootfs b/rootfs
  mkdir -p b/rootfs/etc b/rootfs/tmp
  cc -static -O2 -o b/rootfs/bin/reach "$project/tests/fixtures/reach.c"
  echo 'root:x:0:0:faked:/root:/bin/false' >b/rootfs/etc/passwd
  # It reaps what a shell would leave to it.
  "$project/scripts/mkbundle" made "$(type -P true)"
  jq ".process.terminal = false | .root.readonly = false | .hostname = \"box\"
    | .process.args = [\"sh\", \"-c\", \"trap : CHLD; while :; do sleep 1000; done\"] | ${1-.}" made/config.json >b/config.json
  "$runsh" run --detach -b b "$one" </dev/null >said 2>&1 3>&- 4>&-
}

teardown() {
  ! "$runsh" state "$one" >/dev/null 2>&1 || "$runsh" delete --force "$one"
  nothing_left
}

pid() {
  "$runsh" state "$one" | jq .pid
}

# namespace PID TYPE
namespace() {
  readlink "/proc/$1/ns/$2"
}

# inside_before, inside_after: what there is in the container, but for what runsh exec brings.
inside() {
  "$runsh" exec "$one" sh -c 'ps -o pid,args | grep -v " ps -o\| grep \| sh -c ps"; cat /proc/self/mountinfo | cut -d" " -f4-; find / -xdev | grep -v ^/proc'
}

@test "the processes, the network and the host name are the container's, the programs are this machine's" {
  container
  inside >before
  ok "$debug" "$one" sh -c 'hostname; pwd; cat etc/passwd; cat /proc/1/comm; for n in pid net ipc uts mnt; do readlink /proc/self/ns/$n; done; type -P setpriv-rs || :'
  {
    printf '%s\n' box /mnt 'root:x:0:0:faked:/root:/bin/false' sh
    for type in pid net ipc uts; do
      namespace "$(pid)" $type
    done
  } >want
  equal "$(head -n 8 <<<"$output")" "$(<want)"
  # The mount namespace is nobody else's.
  lacks "$output" "$(namespace "$(pid)" mnt)"
  lacks "$output" "$(namespace $$ mnt)"
  ok "$debug" "$one" sed -n 2p "$BATS_TEST_DIRNAME/debug.bats"
  contains "$output" 'with the programs of the host'
  # Signals reach the container's processes; the container is as it was behind it.
  ok "$debug" "$one" sh -c 'kill -CHLD 1; echo text >/mnt/tmp/file; rm /mnt/tmp/file'
  inside >after
  diff before after
}

@test "COMMAND has no capabilities but those that are asked for, and this machine's files are read-only but for /tmp" {
  container
  # What keeps the container from tracing it is harmless, and one.
  given=()
  ! is_root || given=(setpriv --inh-caps +net_raw --ambient-caps +net_raw)
  ok "${given[@]}" "$debug" "$one" sh -c 'sed -n "s/^Cap...:.//p" /proc/self/status'
  for set in $output; do
    bits=$((0x$set))
    [ $((bits & (bits - 1))) -eq 0 ]
    [ $((bits & ~(7 << 35))) -eq 0 ]
  done
  # Nor any descriptor or ignored signal of the caller's, nor its session.
  ok env --ignore-signal=USR1 "$debug" "$one" sh -c 'grep -E "^(NoNewPrivs|SigIgn)" /proc/self/status; ls /proc/self/fd; cut -d " " -f 6 /proc/$$/stat' 7</
  equal "$(head -n 6 <<<"$output")" $'SigIgn:\t0000000000000000\nNoNewPrivs:\t1\n0\n1\n2\n3'
  [ "${lines[6]}" -gt 0 ]
  # Set-user-ID programs of the container do not count either.
  ok "$debug" --privileged "$one" sh -c 'grep -E " /mnt[ /]" /proc/self/mountinfo | grep -v "nosuid,nodev"; grep -c " /mnt/proc " /proc/self/mountinfo'
  equal "$output" 1
  ok "$debug" --cap net_raw --cap=SYS_CHROOT "$one" sh -c 'sed -n "s/^CapEff:.*\(.........\)$/\1/p" /proc/self/status'
  contains "$output" 00042000
  expect 1 "$debug" "$one" sh -c "touch /var/tmp/$$.new"
  contains "$stderr" 'Read-only file system'
  expect 1 "$debug" "$one" sh -c "touch /dev/shm/$$.new"
  contains "$stderr" 'Read-only file system'
  ok "$debug" "$one" sh -c "touch $BATS_TEST_TMPDIR/new"
  ok "$debug" --privileged "$one" sh -c 'readlink /proc/1/exe; sed -n "s/^CapEff:.//p;s/^NoNewPrivs:.//p" /proc/self/status'
  equal "$output" "/bin/sh
$(as_root sed -n 's/^CapEff:.//p' /proc/self/status)
0"
}

# What the attacker says, when COMMAND of debug with the options OPTION... is tail.
reached() {
  "$debug" "$@" "$one" tail -f /dev/null >debug.said 2>&1 </dev/null 3>&- 4>&- &
  local process=$!
  eventually grep -qsx tail /proc/[0-9]*/comm
  until "$runsh" exec "$one" reach tail 2>/dev/null | grep -q 'seen tail'; do
    kill -0 "$process" || break
    sleep 0.1
  done
  "$runsh" exec "$one" reach tail unshare-rs | sort >reached
  kill -9 "$process"
  wait "$process" || :
  # Nothing is left of it.
  eventually gone >/dev/null
  cat reached
}

gone() {
  lacks "$("$runsh" exec "$one" ps -o args)" tail
  lacks "$("$runsh" exec "$one" ps -o args)" unshare-rs
}

# The tools are one program of this name here, where the scripts find them so.
out_of_reach() {
  equal "$(reached "$@")" $'seen tail\nseen unshare-rs'
}

@test "the container cannot trace COMMAND or open its files, and a killed debug leaves nothing" {
  container
  out_of_reach
  out_of_reach --privileged
  # That of its own kind it can: the attack works.
  "$runsh" exec "$one" sleep 77 3>&- 4>&- &
  eventually pgrep -x -f 'sleep 77'
  contains "$("$runsh" exec "$one" reach sleep)" 'reached sleep ptrace'
  pkill -x -f 'sleep 77' --ns "$(pid)" --nslist pid
}

@test "a container without a PID namespace cannot trace COMMAND either" {
  requires root
  container '.linux.namespaces |= map(select(.type != "pid"))'
  # It sees those of other tests too.
  cp "$(type -P sleep)" traced
  "$debug" "$one" "$PWD/traced" 1082 </dev/null >said 2>&1 3>&- 4>&- &
  eventually pgrep -x traced
  ok "$runsh" exec "$one" reach traced
  kill "$!"
  contains "$output" 'seen traced'
  lacks "$output" reached
}

@test "a container that may trace is refused, but not outside of a user namespace of its own, or of its sight" {
  ptrace='(.process.capabilities[] | select(length > 0)) += ["CAP_SYS_PTRACE"]'
  container "$ptrace"
  expect 1 "$debug" "$one" true
  equal "$stderr" "debug: cannot debug '$one': its processes may trace those of this machine's programs (CAP_SYS_PTRACE)
hint: --host-pid stays out of their sight"
  ok "$debug" --host-pid "$one" sh -c 'hostname; readlink /proc/self/ns/pid'
  equal "$output" "box
$(namespace $$ pid)"
  "$runsh" delete --force "$one"
  requires root
  rm -rf b made
  container "$ptrace"' | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
  contains "$("$runsh" exec "$one" cat /proc/self/status)" 'CapEff:	0000000020080420'
  out_of_reach
  out_of_reach --privileged
}

@test "a terminal is a new one, of another devpts, and the caller's is in no descriptor" {
  requires script
  container
  cat >typed <<script
stat -Lc 'caller %d:%i' /proc/self/fd/0
exec "$debug" $one sh -c 'exec 3<>/dev/tty && echo opened; tty; stat -Lc "inside %d:%i" /proc/self/fd/* /proc/\$PPID/fd/* || :'
script
  ok script -qec 'sh typed' /dev/null </dev/null
  output=$(tr -d '\r' <<<"$output")
  contains "$output" $'opened\n/dev/pts/0\n'
  caller=$(sed -n 's/.*caller //p' <<<"$output")
  [ -n "$caller" ]
  contains "$output" 'inside '
  lacks "$output" "inside $caller"
}

@test "a container with a /proc and a /bin of its own making deceives nobody" {
  container
  if is_root; then
    nsenter --target "$(pid)" --mount mount -t tmpfs tmpfs /proc
  else
    nsenter --target "$(pid)" --mount --user --preserve-credentials mount -t tmpfs tmpfs /proc
  fi
  ok "$debug" "$one" sh -c 'cat /proc/1/comm; id -u; readlink -f /proc/self/exe; ls -A /mnt/proc'
  equal "$output" "sh
0
$(readlink -f "$(type -P readlink)")"
}

@test "mounts of the container do not come into the shell later, and none of its devices is one" {
  requires root
  container
  nsenter --target "$(pid)" --mount sh -c 'mount --make-shared / && mknod /zero c 1 5'
  "$debug" "$one" sh -c 'until [ -e /tmp/'"${BATS_TEST_TMPDIR#/tmp/}"'/go ]; do sleep 0.05; done; ls /mnt/tmp; head -c 1 /mnt/zero' >said 2>&1 </dev/null 3>&- 4>&- &
  eventually pgrep -f "until .*${BATS_TEST_TMPDIR#/tmp/}/go"
  sleep 0.3
  nsenter --target "$(pid)" --mount sh -c 'mount -t tmpfs tmpfs /tmp && touch /tmp/mounted'
  touch go
  wait || :
  equal "$(<said)" "head: cannot open '/mnt/zero' for reading: Permission denied"
}

@test "--static: a program of this machine among the container's own files, with its capabilities alone" {
  container
  busybox=$(type -P busybox)
  ok "$debug" --static "$busybox" "$one" sh -c 'pwd; cat etc/passwd; hostname; sed -n "s/^CapEff:.//p" /proc/self/status; ls -l /proc/self/exe; ls /proc/self/fd'
  equal "$(sed '/memfd/s/.*memfd.*/memfd/' <<<"$output")" "/
root:x:0:0:faked:/root:/bin/false
box
$("$runsh" exec "$one" sed -n 's/^CapEff:.//p' /proc/self/status)
memfd
0
1
2
3"
  ok "$debug" --privileged --static="$busybox" "$one" sed -n 's/^CapEff:.//p' /proc/self/status
  equal "$output" "$(as_root sed -n 's/^CapEff:.//p' /proc/self/status)"
  "$debug" --static "$busybox" "$one" sh -c 'sleep 1078 & exec sleep 1079' 3>&- 4>&- &
  eventually pgrep -x -f 'sleep 1078'
  kill -9 $!
  eventually killed
  expect 1 "$debug" --static nosuch "$one"
  contains "$stderr" "debug: cannot read 'nosuch'"
}

killed() {
  ! pgrep -x -f 'sleep 107[89]' >/dev/null
}

@test "--explain prints the line, and the line does the same" {
  container
  ok "$debug" --explain "$one" sh -c 'hostname; echo "$1" $#' sh "it's; \$(touch no)"
  sh -c "$output" >said </dev/null
  equal "$(<said)" "box
it's; \$(touch no) 1"
  [ ! -e no ]
  # A process that got the number since is another one.
  ok "$debug" --explain "$one" true
  start=$(sed 's/.*) //' "/proc/$(pid)/stat" | cut -d ' ' -f 20)
  expect 1 sh -c "${output//--start-time $start/--start-time 1}" </dev/null
  ok sh -c "$output" </dev/null
  # The variables of the script are not COMMAND's.
  ok env id=mine name=$'a\\b\nc' LC_ALL=C.UTF-8 words= "$debug" "$one" env
  contains "$output" $'\nid=mine\n'
  contains "$output" $'name=a\\b\nc\n'
  contains "$output" LC_ALL=C.UTF-8
  contains "$output"$'\n' $'\nwords=\n'
}

@test "containers of runc are found, and processes; a number is a process" {
  container
  ok "$debug" "$(pid)" hostname
  equal "$output" box
  ok "$debug" "pid:$(pid)" hostname
  ok "$debug" "runsh:$one" hostname
  expect 1 "$debug" "runsh:../${RUNSH_ROOT##*/}/$one" hostname
  contains "$stderr" 'no such container'
  requires root runc
  # The mounts of the shell are seen nowhere else.
  ok unshare --mount sh -c 'mount --make-rshared / && cat /proc/self/mountinfo >before && "$@" && diff before /proc/self/mountinfo' \
    sh "$debug" "$one" true
  "$runsh" delete --force "$one"
  runc run --detach --bundle b "runc-$one" </dev/zero >said 2>&1 3>&- 4>&-
  expect 3 "$debug" "runc-$one" sh -c 'hostname; cat /proc/1/comm; exit 3'
  runc delete --force "runc-$one"
  equal "$output" $'box\nsh'
  expect 1 "$debug" "runc:$one" true
  contains "$stderr" "debug: cannot find 'runc:$one': no such container"
}

@test "what cannot be debugged is refused by name" {
  while IFS='|' read -r words message; do
    # shellcheck disable=SC2086 # A row of words.
    expect 1 "$debug" $words true
    contains "$stderr" "debug: $message"
  done <<'TABLE'
nosuch|cannot find 'nosuch': no such container
docker:../x|cannot find 'docker:../x': no such container
other:one|cannot find 'other:one': no such container
4194305|cannot find the process '4194305': No such process
pid:x|cannot find the process 'x': No such process
--nosuch|invalid option '--nosuch'
--cap CAP,x|invalid capability 'CAP,x'
TABLE
  expect 1 "$debug"
  contains "$stderr" 'debug: missing operand: ID'
  expect 1 "$debug" $'\033[31m' true
  contains "$stderr" "cannot find '?[31m'"
  requires user
  expect 1 "$debug" 1 true
  equal "$stderr" "debug: cannot read the namespaces of the process 1: Permission denied
hint: it belongs to another user, or may do more than this one: run debug as root"
}
