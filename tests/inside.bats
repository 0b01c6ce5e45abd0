#!/usr/bin/env bats
# runsh exec, ps, pause, resume, update and events: what is done to a container that runs. The effects are read off the kernel.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.
# shellcheck disable=SC2030,SC2031 # A test is a process of its own.

load helpers

# A terminal inside needs the tools in one file, as they are installed.
export RUNSH_TOOLS=$project/toolbox/bin

: "${RUNTIME:=$project/scripts/runsh}"
python=$(PATH=/usr/bin:/bin:$PATH type -P python3 || true)
box=box-$$

teardown() {
  local id
  for id in state/*/; do
    [ ! -d "$id" ] || runtime delete --force "$(basename "$id")" || :
  done >>deleted 2>&1 </dev/null
  [ -n "$BATS_TEST_COMPLETED" ] || cat deleted
  nothing_left
}

runtime() {
  "$RUNTIME" --root "$PWD/state" "$@"
}

# bundle [FILTER]: the bundle b of busybox, which sleeps, with a config.json that the jq FILTER has changed.
bundle() {
  mkdir -p b made-from
  : >made-from/a
  [ -e made/config.json ] || "$project/scripts/mkbundle" made "$(type -P true)"
  [ -e b/rootfs/bin/busybox ] || make_rootfs b/rootfs
  mkdir -p b/rootfs/etc b/rootfs/tmp
  echo 'root:x:0:0:root:/root:/bin/sh' >b/rootfs/etc/passwd
  jq ".process.terminal = false | .root.readonly = false | .process.args = [\"sleep\", \"600\"] | ${1:-.}" made/config.json >b/config.json
}

# container [FILTER]: starts $box from the bundle, in the background.
container() {
  bundle "$@"
  : >nothing
  runtime run -d -b b --pid-file init "$box" <nothing >started 2>&1 || {
    cat started
    return 1
  }
  init=$(cat init)
}

# enter OPTION... -- COMMAND...: executes it in $box.
enter() {
  local options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  runtime exec "${options[@]}" "$box" "${@:2}" <nothing
}

# detached OPTION... -- COMMAND...: the same, in the background; it would hold the pipe of "run".
detached() {
  enter -d "$@" >detached 2>&1 || {
    cat detached
    return 1
  }
}

# refused STATUS MESSAGE COMMAND...: it fails so, says nothing else, and writes one record of it to the log for machines.
refused() {
  local want=$1 message=$2
  shift 2
  rm -f log
  expect "$want" "$RUNTIME" --root "$PWD/state" --log "$PWD/log" --log-format json "$@" </dev/null
  contains "$stderr$(cat log)" "$message"
  contains "$(jq -r '.level + " " + .msg' log)" "error "
  contains "$(jq -r .msg log)" "$message"
  equal "$(wc -l <log)" 1
  equal "$output" ''
}

# has_cgroup: $box has one of its own.
has_cgroup() {
  grep -q "$box" "/proc/$init/cgroup"
}

# namespaces PID: all of them.
namespaces() {
  readlink "/proc/$1"/ns/*
}

@test "exec: the command is in the container" {
  container
  ok enter -- sh -c 'echo $$ >/tmp/pid; readlink /proc/self/ns/*; cat /proc/self/cgroup; hostname; pwd; env'
  local inside=$output
  ok enter -- sh -c 'readlink /proc/1/ns/*; cat /proc/1/cgroup; hostname; pwd; env'
  equal "$inside" "$output"
  [ "$(cat b/rootfs/tmp/pid)" -gt 1 ]
  equal "$(jq -r '.process.env[]' b/config.json | sort)" "$(enter -- env | grep -v '^HOME=' | sort)"
}

@test "exec: the host's view of it: namespaces, cgroups, and its parent once it is detached" {
  container
  detached --pid-file pid -- sleep 500
  equal "$(wc -l <pid)" 0
  local pid
  pid=$(cat pid)
  equal "$(namespaces "$pid")" "$(namespaces "$init")"
  equal "$(cat "/proc/$pid/cgroup")" "$(cat "/proc/$init/cgroup")"
  equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'sleep 500 '
  # Nothing of the runtime stays behind: its parent is the subreaper.
  equal "$(ps -o ppid= -p "$pid" | tr -d ' ')" "$(ps -o ppid= -p "$init" | tr -d ' ')"
  equal "$(readlink "/proc/$pid/root")" "$(readlink "/proc/$init/root")"
}

@test "exec: environment, directory, user and groups" {
  container
  ok env CALLER=1 "$RUNTIME" --root "$PWD/state" exec "$box" env <nothing
  lacks "$output" CALLER
  ok enter -e A=1 -e 'B=two  words' -e E= -e=PATH=/bin:/x -- sh -c 'printf "%s\n" "$A" "$B" "${E-unset}" "$PATH"'
  equal "$output" $'1\ntwo  words\n\n/bin:/x'
  ok enter --cwd /tmp -- pwd
  equal "$output" /tmp
  ok enter -cwd=/etc -- pwd
  equal "$output" /etc
  ok enter -e $'N=a\nb\\c' -- sh -c 'printf %s "$N"'
  equal "$output" $'a\nb\\c'
  refused 255 'Cwd must be an absolute path' exec --cwd tmp "$box" true
  refused 255 "'A' is not NAME=VALUE" exec -e A "$box" true
  expect 255 enter --cwd /nowhere -- true
  contains "$stderr" nowhere
}

@test "exec: another user" {
  requires root
  container
  ok enter -u 5:6 -g 7 -g 8 -- id
  equal "$output" 'uid=5 gid=6 groups=7,8'
  ok enter --user 5 -- sh -c 'id -u; id -g; grep Cap /proc/self/status'
  contains "$output" $'5\n0\n'
  contains "$output" $'CapEff:\t0000000000000000'
  for user in name 5:name -1 5: 4294967295; do
    expect 255 enter -u "$user" -- true
  done
}

@test "exec: the options of a process are those of a file" {
  container
  echo '{"cwd": "/tmp", "args": ["sh", "-c", "pwd; echo $A"], "env": ["A=b", "PATH=/bin"]}' >process.json
  ok runtime exec --process process.json "$box" </dev/null
  equal "$output" $'/tmp\nb'
  ok runtime exec -p "$PWD/process.json" --pid-file pid -d "$box" </dev/null
  [ -s pid ]
  refused 255 'No such file or directory' exec --process absent "$box"
  echo '{"cwd": "/tmp"' >process.json
  expect 255 runtime exec -p process.json "$box" </dev/null
  echo '{"cwd": "/"}' >process.json
  refused 255 'args: is missing' exec -p process.json "$box"
  refused 255 'process args cannot be empty' exec "$box"
}

@test "exec: the status is the command's" {
  container
  for status in 0 1 42 255; do
    expect "$status" enter -- sh -c "exit $status"
  done
  expect 137 enter -- sh -c 'kill -9 $$'
  expect 143 enter -- sh -c 'kill -TERM $$'
  ok enter -- echo 'a  b' "c'd"
  equal "$output" "a  b c'd"
  run bash -c "echo through | '$RUNTIME' --root '$PWD/state' exec $box cat"
  equal "$output" through
}

@test "exec: a command that cannot be executed leaves no PID file" {
  container
  : >b/rootfs/plain
  refused 255 'exec: "nothing": executable file not found in $PATH' exec -d --pid-file pid "$box" nothing
  [ ! -e pid ]
  refused 255 'exec: "/bin/nothing": stat /bin/nothing: no such file or directory' exec -d --pid-file pid "$box" /bin/nothing
  [ ! -e pid ]
  refused 255 'exec: "/plain": permission denied' exec -d --pid-file pid "$box" /plain
  [ ! -e pid ]
  refused 255 'exec: "/etc": ' exec -d --pid-file pid "$box" /etc
  [ ! -e pid ]
  # In the foreground the words say it themselves.
  expect 127 enter --pid-file pid -- nothing
  contains "$stderr" nothing
  [ ! -e pid ]
  expect 126 enter --pid-file pid -- /plain
  [ ! -e pid ]
  ok enter --pid-file pid -- true
  [ -s pid ]
}

@test "exec: what the container may not, its commands may not" {
  container '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 120}] | .process.oomScoreAdj = 300
    | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'
  ok enter -- sh -c 'grep -E "^(Cap|NoNew|Seccomp:|Groups|Uid|Gid)" /proc/self/status; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj'
  local inside=$output
  ok enter -- sh -c 'grep -E "^(Cap|NoNew|Seccomp:|Groups|Uid|Gid)" /proc/1/status'
  equal "$(head -n 10 <<<"$inside")" "$(head -n 10 <<<"$output")"
  contains "$inside" $'Seccomp:\t2'
  contains "$inside" $'\n100\n120\n300'
  expect 1 enter -- mkdir /tmp/made
  [ ! -e b/rootfs/tmp/made ]
}

@test "exec: capabilities and no_new_privs" {
  container '.process.noNewPrivileges = false'
  local before after
  before=$(enter -- sed -n 's/^CapBnd:\s*//p' /proc/self/status)
  ok enter --cap CAP_SYS_PTRACE -- sh -c 'sed -n "s/^Cap\(Bnd\|Eff\):\s*//p; s/^NoNewPrivs:\s*//p" /proc/self/status'
  # CAP_SYS_PTRACE is 19.
  after=$(printf %016x $((0x$before | 1 << 19)))
  equal "$output" "$after
$after
0"
  ok enter --no-new-privs -- sed -n 's/^NoNewPrivs:\s*//p' /proc/self/status
  equal "$output" 1
}

@test "exec: labels need a module that runs" {
  container
  [ ! -e /sys/module/apparmor ] || [ "$(cat /sys/module/apparmor/parameters/enabled)" = N ] || skip 'needs a kernel without AppArmor'
  expect 255 enter --apparmor unknown -- true
  contains "${stderr,,}" apparmor
}

@test "exec: the session keyring is not the caller's" {
  requires cc
  cat >keyring.c <<'END'
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char **words) {
  // KEYCTL_GET_KEYRING_ID of KEY_SPEC_SESSION_KEYRING
  printf("%ld\n", syscall(SYS_keyctl, 0, -3, 0));
  fflush(stdout);
  if (count > 1) pause();
}
END
  cc -static -o keyring keyring.c || skip 'needs a static C library'
  bundle
  cp keyring b/rootfs/keyring
  container '.process.args = ["sh", "-c", "exec /keyring wait >/tmp/keyring"]'
  eventually test -s b/rootfs/tmp/keyring
  ok enter -- /keyring
  [ "$output" != "$(./keyring)" ]
  [ "$(cat b/rootfs/tmp/keyring)" != "$(./keyring)" ]
}

@test "exec: no descriptor of the caller's gets in" {
  container
  exec 7</ 8<"$PWD"
  ok enter -- ls /proc/self/fd
  # The last one is that of ls.
  equal "$output" $'0\n1\n2\n3'
  detached -- ls /proc/self/fd
  exec 7<&- 8<&-
  eventually grep -qx 3 detached
  equal "$(cat detached)" "$output"
}

@test "exec: descriptors that are preserved" {
  container
  echo third >third
  echo fourth >fourth
  exec 5<fourth
  ok bash -c "exec '$RUNTIME' --root '$PWD/state' exec --preserve-fds 2 $box sh -c 'cat <&3; cat <&4; [ ! -e /proc/self/fd/5 ]' 3<third 4<fourth"
  exec 5<&-
  equal "$output" $'third\nfourth'
  # A descriptor that is not open cannot be preserved.
  run bash -c "exec '$RUNTIME' --root '$PWD/state' exec --preserve-fds 9 $box true 3<third"
  [ "$status" -ne 0 ]
}

@test "exec: what is left in the background does not hold it" {
  container
  local before=$SECONDS
  ok bash -c "'$RUNTIME' --root '$PWD/state' exec $box sh -c 'sleep 300 & echo said' >said 2>&1 </dev/null"
  equal "$(cat said)" said
  [ $((SECONDS - before)) -lt 30 ]
  detached -- sh -c 'sleep 301 & echo more'
  eventually grep -q more detached
}

@test "exec: a signal goes in" {
  container
  # The shell has its children in the background ignore signals.
  env --default-signal=INT,QUIT "$RUNTIME" --root "$PWD/state" exec "$box" \
    sh -c 'trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.1; done' >said </dev/null 3>&- &
  local pid=$! ended=0
  eventually grep -q ready said
  kill -TERM "$pid"
  wait "$pid" || ended=$?
  equal "$ended" 3
  equal "$(cat said)" $'ready\ngot it'
}

@test "exec: killed, it takes its command along" {
  container
  "$RUNTIME" --root "$PWD/state" exec "$box" sleep 511 </dev/null 3>&- &
  local pid=$!
  eventually has_process 'sleep 511'
  kill -9 "$pid"
  wait "$pid" || :
  eventually lacks_process 'sleep 511'
}

has_process() {
  runtime ps "$box" -o pid,args | grep -q "$1"
}

lacks_process() {
  ! has_process "$1"
}

@test "exec: a container that was created and not started" {
  bundle
  : >nothing
  runtime create -b b --pid-file init "$box" <nothing >created 2>&1
  init=$(cat init)
  ok enter -- sh -c 'echo hi; readlink /proc/self/ns/pid'
  equal "$output" "hi
$(readlink "/proc/$init/ns/pid")"
  ok runtime start "$box"
  ok enter -- echo again
}

@test "exec: states in which it is refused" {
  refused 255 'container does not exist' exec "$box" true
  container
  kill -9 "$init"
  eventually gone "$init"
  refused 255 'cannot exec in a stopped container' exec "$box" true
  refused 255 'cannot exec in a stopped container' exec -d --pid-file pid "$box" true
  [ ! -e pid ]
}

gone() {
  ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}

@test "exec: a recycled number is not the init" {
  container
  [ -e "state/$box/process" ] || skip 'needs the state of runsh'
  read -r _ start <"state/$box/process"
  # Start times are counted in ticks of 10 ms.
  sleep 0.1
  sleep 600 3>&- &
  echo "$! $start" >process
  cp process "state/$box/process"
  kill -9 "$init"
  refused 255 'cannot exec in a stopped container' exec "$box" true
  # It may be recycled after that was asked: the line asks once more.
  ok spec-rs --exec --state "state/$box" -- true
  expect 255 sh -c "$output"
  contains "$stderr" 'start'
  kill $!
}

@test "exec: a paused container" {
  container
  has_cgroup || skip 'needs a cgroup for the container'
  ok runtime pause "$box"
  refused 255 'cannot exec in a paused container (use --ignore-paused to override)' exec "$box" true
  enter --ignore-paused -- echo thawed >said 3>&- &
  local pid=$!
  sleep 0.5
  equal "$(cat said)" ''
  ok runtime resume "$box"
  wait "$pid"
  equal "$(cat said)" thawed
}

@test "exec: a terminal in the foreground" {
  requires python3
  container
  ok "$python" "$project/tests/fixtures/terminal.py" --size 31x97 ready '@22x33' resized 'x\003' -- \
    "$RUNTIME" --root "$PWD/state" exec -t "$box" \
    sh -c 'tty; stty size; trap "echo resized; stty size" WINCH; trap "echo interrupted; exit 9" INT; echo ready
      while :; do sleep 0.1; done' || [ "$status" -eq 9 ]
}

@test "exec: the size, the keys and the status through a terminal" {
  requires python3
  container
  expect 9 "$python" "$project/tests/fixtures/terminal.py" --size 31x97 'ready' 'typed\n' 'got typed' '\003' -- \
    "$RUNTIME" --root "$PWD/state" exec -t "$box" \
    sh -c 'trap "echo interrupted; exit 9" INT; tty; stty size; echo ready; read line; echo "got $line"; while :; do sleep 0.1; done'
  contains "$output" '/dev/pts/'
  contains "$output" '31 97'
  contains "$output" interrupted
  lacks "$output" 'modes changed'
  # From the host's side it is not the caller's terminal.
  ok "$python" "$project/tests/fixtures/terminal.py" -- "$RUNTIME" --root "$PWD/state" exec -t "$box" sh -c 'ps -o tty,args; tty'
}

@test "exec: without a terminal it has none, though the caller has one" {
  requires python3
  container
  ok "$python" "$project/tests/fixtures/terminal.py" -- "$RUNTIME" --root "$PWD/state" exec "$box" \
    sh -c 'tty; tty <&1; (: </dev/tty) 2>/dev/null || echo none; for n in 0 1 2; do [ ! -t $n ] || echo terminal $n; done'
  contains "$output" 'not a tty'
  contains "$output" none
  lacks "$output" /dev/pts
  # That of the caller would have no name inside.
  lacks "$output" terminal
  # A session and a process group from outside have the number 0 there.
  ok enter -- sh -c 'read -r _ _ _ _ group session _ </proc/$$/stat; [ "$group $session" = "$$ $$" ]'
}

@test "exec: terminals and sockets that do not fit are refused" {
  container
  # Tools of a file each.
  cmp -s "$project/target/release/pty-rs" "$project/target/release/toolbox" || {
    expect 127 env RUNSH_TOOLS="$project/target/release" "$RUNTIME" --root "$PWD/state" exec -t "$box" true
    contains "$output" 'hint: use the links to the one file that holds all tools'
  }
  refused 255 'cannot allocate tty if runc will detach without setting console socket' exec -d -t "$box" true
  refused 255 'cannot use console socket if runc will not detach or allocate tty' exec --console-socket "$PWD/socket" "$box" true
  expect 255 runtime exec -d -t --console-socket "$PWD/socket" --pid-file pid "$box" true </dev/null
  contains "$stderr" socket
  [ ! -e pid ]
}

@test "exec: the terminal goes over the console socket" {
  requires python3
  container
  local directory
  # A path that does not fit into sockaddr_un.
  directory=$PWD/$(printf 'long%.0s' {1..30})
  mkdir "$directory"
  mkfifo ended
  "$python" "$project/tests/fixtures/console.py" "$directory" <>ended >peer 3>&- &
  local peer=$!
  eventually grep -q up peer
  ok runtime exec -d -t --console-socket "$directory/socket" --pid-file pid "$box" sh -c 'tty; tty </dev/console; sleep 0.2' <nothing
  equal "$output" ''
  [ -s pid ]
  echo >ended
  wait "$peer"
  equal "$(sed -n 2p peer)" '1 True 0'
  contains "$(cat peer)" /dev/pts/
}

@test "exec: a hostile container cannot write to the programs of the host" {
  requires cc busybox
  cc -O2 -static -o attack "$project/tests/fixtures/overwrite.c" || skip 'needs a static C library'
  bundle
  cp attack b/rootfs/attack
  # It waits for a program of the runtime, which it knows by its size.
  local size sum i
  sum=$(sha256sum "$RUNSH_TOOLS"/*-rs)
  size=$(stat -Lc %s "$RUNSH_TOOLS/setpriv-rs")
  container ".process.args = [\"sh\", \"-c\", \"exec /attack $size >/tmp/said\"]"
  eventually grep -q ready b/rootfs/tmp/said
  for ((i = 0; i < 50; i++)); do
    # The second one asks for the runtime's own program, and the third one dies of it.
    enter -- true
    enter -- /proc/self/exe --version >>ran 2>&1 || :
    enter -- nothing 2>>ran || :
    ! grep -q reached b/rootfs/tmp/said || break
  done
  ! grep -q reached b/rootfs/tmp/said || eventually grep -q ^not b/rootfs/tmp/said
  lacks "$(cat b/rootfs/tmp/said)" $'\nwritten'
  equal "$(sha256sum "$RUNSH_TOOLS"/*-rs)" "$sum"
}

@test "exec: a hostile container cannot take hold of the process that enters it" {
  requires cc busybox
  cc -O2 -static -o attack "$project/tests/fixtures/grab.c" || skip 'needs a static C library'
  bundle
  cp attack b/rootfs/attack
  # In a user namespace of its own it may trace all processes there.
  local powers filter='.process.args = ["sh", "-c", "exec /attack /bin/busybox >/tmp/said"]'
  powers=$filter' | (.process.capabilities[] | select(length > 0)) += ["CAP_SYS_PTRACE", "CAP_KILL", "CAP_DAC_OVERRIDE"]'
  ! is_root || powers+=' | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 4294967295}] | .linux.gidMappings = .linux.uidMappings'
  for filter in "$filter" "$powers"; do
    container "$filter"
    eventually grep -q ready b/rootfs/tmp/said
    for _ in {1..20}; do
      enter -- /bin/busybox true 7<"$project/tests/helpers.bash" 8</
    done
    eventually grep -q met b/rootfs/tmp/said
    lacks "$(sort -u b/rootfs/tmp/said)" taken
    runtime delete --force "$box"
    rm b/rootfs/tmp/said
  done
}

@test "exec: a working directory that leads out of the container" {
  container
  local fd
  # That is CVE-2024-21626.
  for fd in 3 4 5 6 7 8 9 10; do
    expect 255 enter --cwd "/proc/self/fd/$fd" -- pwd
  done
}

# told PID: what a process may do, and where it is.
told() {
  grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' "/proc/$1/status"
  namespaces "$1"
  cat "/proc/$1/cgroup"
  stat -L -c '%d:%i' "/proc/$1/root" "/proc/$1/cwd"
}

@test "exec: a faked /proc, accounts that are no files, and a directory that is exchanged meanwhile" {
  container '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]) | .process.args = ["sh", "-c",
    "mount -t tmpfs none /proc && mkdir -p /proc/self/fd /proc/self/ns /proc/self/attr /proc/1 /proc/thread-self &&
    echo 0 >/proc/self/status && touch /proc/self/exe /tmp/ready; mkdir -p /tmp/other; ln -s /.. /tmp/link
    while :; do mv -T /tmp/other /tmp/at; mv -T /tmp/at /tmp/other; mv -T /tmp/link /tmp/at; mv -T /tmp/at /tmp/link; done"]'
  eventually test -e b/rootfs/tmp/ready
  local account i before
  for account in touch 'ln -s /tmp/../../../../etc/shadow' mkfifo mkdir 'ln -s /dev/zero' 'ln -s /proc/self/exe'; do
    rm -rf b/rootfs/etc/passwd pid
    $account b/rootfs/etc/passwd
    if timeout 20 "$RUNTIME" --root "$PWD/state" exec -d --pid-file pid "$box" sleep 600 <nothing >detached 2>&1; then
      equal "$(told "$(<pid)")" "$(told "$init")"
      kill -9 "$(<pid)"
    else
      [ "$account" != touch ]
      contains "$(<detached)" "cannot read 'etc/passwd'"
    fi
  done
  before=$(stat -L -c %d:%i "/proc/$init/root")
  for ((i = 0; i < $(rounds 100); i++)); do
    run "$RUNTIME" --root "$PWD/state" exec --cwd /tmp/at "$box" stat -c %d:%i / <nothing
    [ "$status" -eq 255 ] || equal "$output" "$before"
  done
}

@test "exec: into a container that forks until its limit is reached" {
  requires root
  container '.linux.resources.pids = {limit: 20} | .process.args = ["sh", "-c", "sh -c \"while :; do sleep 600 & done\" & exec sleep 600"]'
  local most
  most=$(find /sys/fs/cgroup -path "*$box*" -name pids.current | head -n 1)
  [ -n "$most" ] || skip 'needs the pids controller'
  is_full() { [ "$(<"$most")" -ge 20 ]; }
  eventually is_full
  local i
  for i in 1 2 3; do
    run timeout 20 "$RUNTIME" --root "$PWD/state" exec "$box" echo in <nothing
    case $status/$output in
      0/in) ;;
      255/*) contains "${output/Try again/Resource temporarily unavailable}" 'Resource temporarily unavailable' ;;
      *) equal "$status/$output" '0/in, or an error' ;;
    esac
  done
  ok timeout 20 "$RUNTIME" --root "$PWD/state" delete --force "$box"
  equal "$(find /sys/fs/cgroup -name "*$box*")" ''
}

@test "exec: a container without a shell and without libraries" {
  requires cc
  printf '#include <unistd.h>\nint main(int c, char **v) { if (c > 1) return write(1, "in\\n", 3) != 3; for (;;) pause(); }' >only.c
  cc -static -o only only.c || skip 'needs a static C library'
  mkdir -p b/rootfs
  bundle
  rm -rf b/rootfs
  mkdir -p b/rootfs/proc b/rootfs/dev b/rootfs/sys
  cp only b/rootfs/only
  : >nothing
  jq '.process.args = ["/only"]' b/config.json >changed
  mv changed b/config.json
  runtime run -d -b b --pid-file init "$box" <nothing >started
  ok enter -- /only now
  equal "$output" in
  detached --pid-file pid -- /only
  kill -9 "$(cat pid)"
}

@test "exec: many at once" {
  container
  local i pids=()
  for ((i = 0; i < 40; i++)); do
    enter -- sh -c "echo $i; exit $i" >"said.$i" 2>&1 3>&- || echo $? >>"said.$i" &
    pids+=($!)
    enter -d --pid-file "pid.$i" -- sh -c "echo $i >/tmp/detached.$i" >/dev/null 3>&- &
    pids+=($!)
  done
  wait "${pids[@]}" || :
  for ((i = 0; i < 40; i++)); do
    equal "$(cat "said.$i")" "$i$([ "$i" -eq 0 ] || printf '\n%s' "$i")"
    [ -s "pid.$i" ]
    eventually test -s "b/rootfs/tmp/detached.$i"
  done
}

@test "exec: many while the container is deleted: none outlives it" {
  container
  local i pids=() nap=61$RANDOM
  for ((i = 0; i < 12; i++)); do
    enter -d -- sleep "$nap" >"said.$i" 2>&1 3>&- &
    pids+=($!)
  done
  runtime delete --force "$box" </dev/null
  wait "${pids[@]}" || :
  eventually eval '! pgrep -x -f "sleep $nap" >/dev/null'
  [ ! -e "state/$box" ]
  equal "$(find /sys/fs/cgroup -name "*$box*" 2>/dev/null)" ''
}

@test "exec: the command line" {
  container
  for options in '--nothing' '-x' '--user' '--format x' '--preserve-fds x' '--preserve-fds -1'; do
    # shellcheck disable=SC2086 # Two words.
    expect 1 runtime exec $options
  done
  expect 1 runtime exec
  # What comes after the command is the command's.
  ok enter -- echo -t --user -- -x
  equal "$output" '-t --user -- -x'
}

@test "ps: the processes of the container, and no other" {
  container
  detached --pid-file pid -- sh -c 'sleep 500 & exec sleep 501'
  eventually has_process 'sleep 500'
  ok runtime ps "$box"
  equal "${lines[0]}" "$(ps -ef | head -n 1)"
  equal "${#lines[@]}" 4
  contains "$output" 'sleep 600'
  contains "$output" 'sleep 501'
  ok runtime ps "$box" -o pid,args
  equal "${lines[0]}" "$(ps -o pid,args | head -n 1)"
  equal "$(awk 'NR > 1 { print $1 }' <<<"$output" | sort -n)" "$(runtime ps -f json "$box" | jq '.[]')"
  ok runtime ps "$box" aux
  equal "${#lines[@]}" 4
  ok runtime ps --format json "$box"
  equal "$(jq -r 'index('"$init"') != null and index('"$(cat pid)"') != null and length == 3' <<<"$output")" true
  equal "$(jq -c . <<<"$output")" "$output"
  refused 1 'invalid format option' ps -f nothing "$box"
  expect 1 runtime ps "$box" --nothing-of-ps
  contains "$stderr" ps
  expect 1 runtime ps "$box" -o args
  contains "$stderr" PID
  refused 1 'container does not exist' ps nothing
  expect 1 runtime ps
}

@test "ps: a container that has stopped has none" {
  container
  kill -9 "$init"
  eventually gone "$init"
  eventually is_empty
  ok runtime ps "$box"
  equal "${#lines[@]}" 1
}

is_empty() {
  [ "$(runtime ps -f json "$box")" = null ]
}

@test "ps: processes in a cgroup below" {
  requires root
  container '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
  ok enter -- sh -c 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -e $d/cgroup.procs ] || { mkdir $d/below; } ; done
    echo $$ >/sys/fs/cgroup/pids/below/cgroup.procs || echo $$ >/sys/fs/cgroup/below/cgroup.procs; sleep 502 </dev/null >/dev/null 2>&1 & exit 0'
  ok runtime ps "$box" -o pid,args
  contains "$output" 'sleep 502'
}

@test "pause and resume" {
  container
  has_cgroup || skip 'needs a cgroup for the container'
  detached -- sh -c 'while :; do echo >>/tmp/count; done'
  eventually test -s b/rootfs/tmp/count
  ok runtime pause "$box"
  equal "$output$stderr" ''
  equal "$(runtime state "$box" | jq -r .status)" paused
  local size
  size=$(stat -c %s b/rootfs/tmp/count)
  sleep 0.2
  equal "$(stat -c %s b/rootfs/tmp/count)" "$size"
  refused 1 'container not running' pause "$box"
  ok runtime resume "$box"
  equal "$output$stderr" ''
  equal "$(runtime state "$box" | jq -r .status)" running
  sleep 0.2
  [ "$(stat -c %s b/rootfs/tmp/count)" -gt "$size" ]
  refused 1 'container not paused' resume "$box"
  kill -9 "$init"
  eventually gone "$init"
  refused 1 'container not running' pause "$box"
  refused 1 'container not paused' resume "$box"
  refused 1 'container does not exist' pause nothing
  refused 1 'container does not exist' resume nothing
  for command in pause resume; do
    expect 1 runtime "$command"
    expect 1 runtime "$command" "$box" more
    expect 1 runtime "$command" --nothing "$box"
  done
}

@test "pause: a container that forks without end, and one that was only created" {
  container
  has_cgroup || skip 'needs a cgroup for the container'
  runtime delete --force "$box"
  container '.linux.resources.pids.limit = 50'
  detached -- sh -c 'f() { f & f & }; while :; do (f) 2>/dev/null; done'
  sleep 0.2
  ok runtime pause "$box"
  equal "$(runtime state "$box" | jq -r .status)" paused
  ok runtime delete --force "$box"
  bundle
  : >nothing
  runtime create -b b "$box" <nothing >created 2>&1
  ok runtime pause "$box"
  ok runtime resume "$box"
  equal "$(runtime state "$box" | jq -r .status)" created
}

# file_of V1 V2: what the file of the container's cgroup says, in the version that this machine has it in.
file_of() {
  local path
  path=$(find_cgroup_of "$1" || find_cgroup_of "$2") || return
  cat "$path"
}

find_cgroup_of() {
  local file
  # shellcheck disable=SC2044 # No name has a blank.
  for file in $(find /sys/fs/cgroup -path "*$box*" -name "$1"); do
    case $file in
      */container/*) ;;
      *) echo "$file" && return ;;
    esac
  done
  return 1
}

@test "update: limits change, and others stay" {
  requires root
  container '.linux.resources.memory.limit = 100000000 | .linux.resources.pids.limit = 100'
  ok runtime update --memory 50000896 "$box"
  equal "$output$stderr" ''
  equal "$(file_of memory.limit_in_bytes memory.max)" 49999872
  equal "$(file_of pids.max pids.max)" 100
  ok runtime update --pids-limit=77 --cpu-quota 50000 --cpu-period 100000 "$box"
  equal "$(file_of pids.max pids.max)" 77
  contains "$(file_of cpu.cfs_quota_us cpu.max)" 50000
  equal "$(file_of memory.limit_in_bytes memory.max)" 49999872
  echo '{"memory": {"limit": 60002304}, "pids": {"limit": 66}}' >resources.json
  ok runtime update --resources resources.json "$box"
  equal "$(file_of memory.limit_in_bytes memory.max)" 60002304
  equal "$(file_of pids.max pids.max)" 66
  # As containerd and CRI-O do.
  ok bash -c "echo '{\"pids\": {\"limit\": 55}}' | '$RUNTIME' --root '$PWD/state' update --resources=- '$box'"
  equal "$(file_of pids.max pids.max)" 55
  ok bash -c "echo '{\"pids\": {\"limit\": 54}}' | '$RUNTIME' --root '$PWD/state' update --resources - '$box'"
  equal "$(file_of pids.max pids.max)" 54
  # No field, no change; and no rule for devices is lost.
  ok runtime update "$box"
  equal "$(file_of pids.max pids.max)" 54
  expect 1 enter -- sh -c 'mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg'
}

@test "update: a limit below what is used is refused where the configuration asks for that" {
  requires root
  container '.linux.resources.memory = {limit: 100003840, checkBeforeUpdate: true}
    | .process.args = ["sh", "-c", "x=$(head -c 8000000 /dev/zero | tr \"\\\\000\" x); sleep 300; echo $x"]'
  uses() { [ "$(file_of memory.usage_in_bytes memory.current)" -gt 8000000 ]; }
  eventually uses
  # Version 1 always refuses it.
  expect 1 runtime update --memory 1m "$box"
  [ -d "/proc/$init" ]
  equal "$(file_of memory.limit_in_bytes memory.max)" 100003840
  [ -d /sys/fs/cgroup/memory ] || contains "$stderr" 'memory.limit: must not be below the '
  ok runtime update --memory 50m "$box"
  equal "$(file_of memory.limit_in_bytes memory.max)" 52428800
}

@test "update: what is refused" {
  container
  expect 1 runtime update
  expect 1 runtime update --nothing 1 "$box"
  expect 1 runtime update --memory 5x "$box"
  expect 1 runtime update --resources absent "$box"
  contains "$stderr" absent
  expect 1 bash -c "echo '{' | '$RUNTIME' --root '$PWD/state' update --resources=- '$box'"
  expect 1 bash -c ": | '$RUNTIME' --root '$PWD/state' update --resources=- '$box'"
  refused 1 'container does not exist' update --memory 1g nothing
  kill -9 "$init"
  eventually gone "$init"
  refused 1 'container not running' update --pids-limit 50 "$box"
}

@test "events: statistics in runc's shape, with the kernel's numbers" {
  container
  has_cgroup || skip 'needs a cgroup for the container'
  runtime delete --force "$box"
  container '.linux.resources.pids.limit = 44'
  ok enter -- sh -c 'i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done'
  ok runtime events --stats "$box"
  equal "${#lines[@]}" 1
  equal "$(jq -c . <<<"$output" | tr -d 0-9)" "$(tr -d 0-9 <<<"$output")"
  equal "$(jq -r '[.type, .id] | join(" ")' <<<"$output")" "stats $box"
  equal "$(jq -c '.data | keys_unsorted' <<<"$output")" '["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]'
  equal "$(jq -c '.data.memory | keys_unsorted - ["psi", "cache"]' <<<"$output")" '["usage","swap","kernel","kernelTCP","raw"]'
  equal "$(jq -c '.data.pids' <<<"$output")" "{\"current\":1,\"limit\":44}"
  equal "$(jq -r '.data | .cpu.usage.total > 1000000 and .cpu.usage.total < 60000000000 and .memory.usage.usage > 10000' <<<"$output")" true
}

@test "events: the statistics are runc's, byte for byte" {
  requires root runc
  container
  [ "$RUNTIME" != runc ] || skip 'compares two runtimes'
  runtime delete --force "$box"
  # The container of runc, as runsh reads it.
  runc --root "$PWD/runc" run -d -b b "$box" <nothing >started
  cat >reader <<'END'
set -euf
newline=$(printf "\nx") newline=${newline%x}
cgroup_dirs=$(find /sys/fs/cgroup -type d -name "$1") json_id="\"$1\""
. "$2/scripts/lib/runsh/stats.sh"
print_stats
END
  # The kernel goes on counting memory for a while. runc 1.1 knows neither the pressure nor the most that was used in version 2.
  local newer=()
  [ -d /sys/fs/cgroup/memory ] || newer=(-e 's/,"psi":{"some":{[^}]*},"full":{[^}]*}}//g' -e 's/,"max":[0-9]*,"failcnt"/,"failcnt"/')
  for _ in {1..50}; do
    sh reader "$box" "$project" | sed -e '' "${newer[@]}" >ours
    runc --root "$PWD/runc" events --stats "$box" >theirs
    ! cmp -s ours theirs || break
    sleep 0.1
  done
  runc --root "$PWD/runc" delete --force "$box"
  ok diff ours theirs
}

@test "events: the stream has an event of each process that memory ran out for, and ends with the container" {
  requires root
  container '.linux.resources.memory = {limit: 20000000, swap: 20000000}'
  # shellcheck disable=SC2094 # It is a file and a command.
  runtime events --interval 200ms "$box" >events 2>errors 3>&- &
  local pid=$!
  eventually grep -q '"type":"stats"' events
  expect 137 enter -- sh -c 'x=aaaaaaaaaa; while :; do x=$x$x; done'
  eventually grep -q '"type":"oom"' events
  equal "$(grep '"type":"oom"' events | head -n 1)" "{\"type\":\"oom\",\"id\":\"$box\"}"
  kill -9 "$init"
  wait "$pid"
  equal "$(cat errors)" ''
  equal "$(jq -r .type events | sort -u | tr '\n' ' ')" 'oom stats '
}

@test "events: the reader may go" {
  container
  has_cgroup || skip 'needs a cgroup for the container'
  ok timeout 20 bash -c "'$RUNTIME' --root '$PWD/state' events --interval 100ms '$box' | head -n 2 | wc -l"
  equal "$output" 2
}

@test "events: what is refused" {
  container
  refused 1 'duration interval must be greater than 0' events --interval 0 "$box"
  expect 1 runtime events --interval x "$box"
  expect 1 runtime events --interval 5 "$box"
  expect 1 runtime events
  expect 1 runtime events --nothing "$box"
  refused 1 'container does not exist' events --stats nothing
  kill -9 "$init"
  eventually gone "$init"
  refused 1 "container with id $box is not running" events --stats "$box"
}
