#!/usr/bin/env bats
# What engines call a runtime with, and what they read of it: the calls of containerd's shim (go-runc), conmon, Podman and
# CRI-O, replayed.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

load helpers
load cgroups

runtime=$(type -P "${RUNTIME:-$project/scripts/runsh}")
[ -z "${TOOLS-}" ] || export RUNSH_TOOLS=$TOOLS
id=$name

setup() {
  requires jq busybox
  watch
  cp /proc/self/mountinfo "$BATS_TEST_TMPDIR/mountinfo"
  cd "$BATS_TEST_TMPDIR" || return
  root=$BATS_TEST_TMPDIR/state
  # The order of go-runc.
  containerd=("$runtime" --root "$root" --log "$PWD/b/log.json" --log-format json)
  crio=("$runtime" --root "$root")
}

teardown() {
  [ ! -d state ] || "$runtime" --root "$root" delete --force "$id" || :
  remove_cgroups
  nothing_left
}

# bundle SCRIPT: the bundle b, whose process is a shell with SCRIPT, in a cgroup of the tests where the caller may make one.
bundle() {
  mkdir -p empty
  : >empty/a
  "$project/scripts/mkbundle" made "$(type -P true)"
  mkdir b
  make_rootfs b/rootfs
  mkdir -p b/rootfs/etc b/rootfs/tmp
  echo text >b/rootfs/etc/motd
  jq --arg script "$1" --arg path "/$name/box" '.process.terminal = false | .process.args = ["sh", "-c", $script]
    | if .linux.uidMappings then . else .linux.cgroupsPath = $path end' made/config.json >b/config.json
}

change() {
  jq "$1" b/config.json >changed
  mv changed b/config.json
}

# process SCRIPT: ./process.json, what an engine gives exec for a shell with SCRIPT.
process() {
  jq --arg script "$1" '.process | .args = ["sh", "-c", $script]' b/config.json >process.json
}

waits='trap "exit 5" TERM; while :; do sleep 0.05; done'

# silent COMMAND...: COMMAND succeeds and says nothing, on one pipe read to its end.
silent() {
  local said
  said=$(timeout 20 "$@" </dev/null 2>&1 3>&- 4>&-)
  equal "$said" ''
}

# fails TEXT COMMAND...: COMMAND has status 1; its message, on one pipe, holds TEXT.
fails() {
  local said status=0
  said=$(timeout 20 "${@:2}" </dev/null 2>&1 3>&- 4>&-) || status=$?
  equal "$status" 1
  contains "$said" "$1"
}

state_of() {
  "${crio[@]}" state "$id" 2>&1 | jq -r .status
}

is() {
  [ "$(state_of)" = "$1" ]
}

until_true() {
  local try
  for ((try = 0; try < 200; try++)); do
    ! "$@" || return 0
    sleep 0.05
  done
  echo "never: $*"
  return 1
}

# create: as containerd's shim.
create() {
  "${containerd[@]}" create --bundle "$PWD/b" --pid-file "$PWD/b/init.pid" "$id" </dev/null >out 2>err 3>&- 4>&-
}

start() {
  create
  silent "${containerd[@]}" start "$id"
  pid=$(cat b/init.pid)
}

# clean: nothing of the container is left.
clean() {
  fails 'does not exist' "${crio[@]}" state "$id"
  equal "$(find state -mindepth 1 2>/dev/null)" ''
  [ ! -e b/init.pid ] || gone "$(cat b/init.pid)"
  equal "$(find /sys/fs/cgroup -maxdepth 3 -name box -path "*/$name/*" 2>/dev/null)" ''
}

@test "containerd: create, start, kill and delete" {
  bundle 'echo out; echo err >&2; '"$waits"
  create
  # Whole, and no newline: strconv.Atoi.
  [[ $(od -c b/init.pid) != *\\n* ]]
  [[ $(cat b/init.pid) =~ ^[1-9][0-9]*$ ]]
  equal "$(cat out err)" ''
  equal "$(cat b/log.json)" ''
  ok is created
  ok kill -0 "$(cat b/init.pid)"
  silent "${containerd[@]}" start "$id"
  until_true grep -q out out
  until_true grep -q err err
  ok is running
  silent "${containerd[@]}" kill "$id" 15
  until_true is stopped
  silent "${containerd[@]}" delete "$id"
  clean
}

@test "containerd: init is in its cgroup when create returns" {
  requires root
  bundle "$waits"
  create
  local hierarchy path
  while IFS=: read -r hierarchy _ path; do
    [ "$path" = "/$name/box" ] || equal "$hierarchy $path" "/$name/box"
  done <"/proc/$(cat b/init.pid)/cgroup"
}

@test "containerd: state, whatever it reads of stderr" {
  bundle "$waits"
  change '.annotations = {b: "2", a: "1"}'
  start
  said=$("${containerd[@]}" state "$id" 2>&1)
  equal "$(jq -r '[.id, .pid, .status, .bundle, .annotations.a] | map(tostring) | join(" ")' <<<"$said")" "$id $pid running $PWD/b 1"
  jq -e '.ociVersion and .rootfs and (.created | sub("[.][0-9]+"; "") | fromdate > 0)' <<<"$said"
  "${containerd[@]}" kill "$id" 9
  until_true is stopped
  equal "$("${containerd[@]}" state "$id" 2>&1 | jq .pid)" 0
}

@test "containerd: kill after the end, and --all" {
  bundle "$waits"
  start
  silent "${containerd[@]}" kill --all "$id" 9
  until_true is stopped
  said=$("${containerd[@]}" kill "$id" 9 2>&1) || contains "$said" 'container not running'
  said=$("${containerd[@]}" kill --all "$id" 9 2>&1) || contains "$said" 'container not running'
  silent "${containerd[@]}" delete "$id"
  clean
}

@test "containerd: delete of a created container, and --force of none" {
  bundle "$waits"
  create
  silent "${containerd[@]}" delete --force "$id"
  clean
  silent "${containerd[@]}" delete --force "$id"
  fails 'does not exist' "${containerd[@]}" delete "$id"
  fails 'does not exist' "${containerd[@]}" kill "$id" 9
  fails 'does not exist' "${containerd[@]}" start "$id"
}

@test "containerd: a running container is not deleted without --force" {
  bundle "$waits"
  start
  fails "is not stopped: running" "${containerd[@]}" delete "$id"
  ok is running
  silent "${containerd[@]}" delete --force "$id"
  clean
}

@test "containerd: the log has one record of an error, the last" {
  bundle "$waits"
  change '.process.args = ["nosuch"]'
  expect 1 create
  equal "$(jq -s length b/log.json)" 1
  jq -e '.level == "error" and (.time | fromdate > 0)' b/log.json
  contains "$(jq -r .msg b/log.json)" 'exec: "nosuch": executable file not found in $PATH'
  # Podman and CRI-O show this.
  contains "$(cat err)" 'exec: "nosuch": executable file not found in $PATH'
  equal "$(cat out)" ''
  expect 1 test -e b/init.pid
  clean
  change '.process.args = ["/no/such"]'
  expect 1 create
  contains "$(jq -rs '.[-1].msg' b/log.json)" 'exec: "/no/such": stat /no/such: no such file or directory'
  change '.process.args = ["/etc/motd"]'
  expect 1 create
  contains "$(jq -rs '.[-1].msg' b/log.json)" 'exec: "/etc/motd": permission denied'
  # Newer engines know the first half, older ones the second.
  change '.process.args = ["/etc"]'
  expect 1 create
  contains "$(jq -rs '.[-1].msg' b/log.json)" 'exec: "/etc": is a directory: permission denied'
  equal "$(jq -s length b/log.json)" 4
  clean
}

@test "containerd: an ID that is taken" {
  bundle "$waits"
  create
  expect 1 create
  contains "$(cat err)" 'container with given ID already exists'
  ok is created
}

@test "containerd: exec --process --detach" {
  bundle "$waits"
  start
  process 'echo from exec; exec sleep 1000'
  "${containerd[@]}" exec --process "$PWD/process.json" --detach --pid-file "$PWD/b/1.pid" "$id" </dev/null >out 2>err 3>&- 4>&-
  until_true grep -q 'from exec' out
  equal "$(cat err)" ''
  [[ $(od -c b/1.pid) != *\\n* ]]
  equal "$(readlink "/proc/$(cat b/1.pid)/ns/mnt")" "$(readlink "/proc/$pid/ns/mnt")"
  equal "$(cat "/proc/$(cat b/1.pid)/cgroup")" "$(cat "/proc/$pid/cgroup")"
  said=$("${containerd[@]}" ps --format json "$id" 2>&1)
  equal "$(jq -c sort <<<"$said" | jq "index($pid) != null and index($(cat b/1.pid)) != null")" true
}

@test "containerd: an exec that fails has no pid file" {
  bundle "$waits"
  start
  jq '.process | .args = ["nosuch"]' b/config.json >process.json
  expect 1 "${containerd[@]}" exec --process "$PWD/process.json" --detach --pid-file "$PWD/b/1.pid" "$id" || expect 255 \
    "${containerd[@]}" exec --process "$PWD/process.json" --detach --pid-file "$PWD/b/1.pid" "$id"
  contains "$stderr" 'exec: "nosuch": executable file not found in $PATH'
  contains "$(jq -rs '.[-1].msg' b/log.json)" 'exec: "nosuch": executable file not found in $PATH'
  expect 1 test -e b/1.pid
}

@test "containerd: update --resources=- and events --stats" {
  requires root
  bundle "$waits"
  start
  "${containerd[@]}" update --resources=- "$id" <<<'{"memory": {"limit": 67108864}, "pids": {"limit": 77}}'
  of_pids
  equal "$(cat "$pids/$name/box/pids.max")" 77
  ok "${containerd[@]}" events --stats "$id"
  jq -e --arg id "$id" '.type == "stats" and .id == $id and .data.pids.limit == 77 and .data.memory.usage.limit == 67108864 and .data.cpu.usage.total > 0' <<<"$output"
}

@test "containerd: pause and resume" {
  requires root
  bundle "$waits"
  start
  silent "${containerd[@]}" pause "$id"
  ok is paused
  silent "${containerd[@]}" resume "$id"
  ok is running
  silent "${containerd[@]}" pause "$id"
  silent "${containerd[@]}" delete --force "$id"
  clean
}

@test "containerd: list --format=json, and an empty one" {
  mkdir state
  said=$("${containerd[@]:0:3}" list --format=json 2>&1)
  jq -e '. == null or . == []' <<<"$said"
  bundle "$waits"
  start
  said=$("${containerd[@]}" list --format=json 2>&1)
  equal "$(jq -r '.[] | .id + " " + .status + " " + .owner' <<<"$said")" "$id running $(id -un)"
}

@test "containerd: ps --format table, with options of ps" {
  requires root ps
  bundle "$waits"
  start
  ok "${containerd[@]}" ps --format table "$id" -o pid,args
  contains "$output" PID
  contains "$output" "$pid sh -c trap" || contains "$output" "$pid sh"
}

@test "containerd: the version, and what the runtime can do" {
  ok "$runtime" --version
  [[ ${lines[0]} =~ ^(runc|runsh)\ version\ [0-9] ]]
  lacks "$(tail -n +2 <<<"$output")" version
  "$runtime" features >can 2>&1 || skip 'this runtime has no features'
  jq -e '.ociVersionMin and .ociVersionMax and .linux.namespaces and (.mountOptions | index("rro"))' can
}

# Podman asks so whether there are checkpoints.
@test "podman: checkpoint is refused" {
  expect_failure "$runtime" checkpoint --help
  bundle "$waits"
  start
  expect_failure "${containerd[@]}" checkpoint --image-path "$PWD/image" "$id"
  ok is running
}

expect_failure() {
  local failed=0
  "$@" || failed=$?
  [ "$failed" -ne 0 ]
}

# Its options come in another order.
@test "conmon: create and exec, with --preserve-fds" {
  bundle 'cat <&3; '"$waits"
  echo preserved >kept
  "$runtime" --root "$root" create --bundle "$PWD/b" --pid-file "$PWD/pid" --no-pivot --no-new-keyring --preserve-fds 1 "$id" \
    </dev/null >out 2>err 3<kept 4</
  silent "${crio[@]}" start "$id"
  until_true grep -q preserved out
  equal "$("${crio[@]}" exec "$id" sh -c 'ls /proc/1/fd' </dev/null 3>&- 4>&- | tr '\n' ' ')" '0 1 2 3 '
  process 'cat <&3; ls /proc/self/fd'
  "$runtime" --root "$root" exec --pid-file "$PWD/1.pid" --process "$PWD/process.json" --detach --preserve-fds 1 "$id" \
    </dev/null >out 2>err 3<kept 4</
  until_true grep -q 4 out
  equal "$(tr '\n' ' ' <out)" 'preserved 0 1 2 3 4 '
}

@test "conmon: the environment is no more than XDG_RUNTIME_DIR" {
  mkdir -m 700 xdg
  bundle "$waits"
  env -i "XDG_RUNTIME_DIR=$PWD/xdg" "PATH=$PATH" "$runtime" --root "$root" create --bundle "$PWD/b" --pid-file "$PWD/b/init.pid" "$id" </dev/null >out 2>err 3>&- 4>&-
  env -i "XDG_RUNTIME_DIR=$PWD/xdg" "$runtime" --root "$root" start "$id" </dev/null 3>&- 4>&-
  ok is running
  env -i "XDG_RUNTIME_DIR=$PWD/xdg" "$runtime" --root "$root" kill "$id" 9
  until_true is stopped
  env -i "XDG_RUNTIME_DIR=$PWD/xdg" "$runtime" --root "$root" delete --force "$id"
  clean
}

@test "CRI-O: kill by name and -a, and a foreground exec of a process" {
  bundle "$waits"
  start
  process 'cat; exit 6'
  expect 6 "${crio[@]}" exec --process "$PWD/process.json" "$id" <<<input
  equal "$output" input
  "${crio[@]}" update --resources - "$id" <<<'{}'
  silent "$runtime" "--root=$root" kill "$id" KILL
  until_true is stopped
  said=$("${crio[@]}" kill -a "$id" 9 2>&1) || contains "$said" 'container not running'
  silent "${crio[@]}" delete --force "$id"
  clean
}

# A shell that stays, and words that it splits.
@test "docker: a runtime with arguments is a script" {
  printf '#!/bin/sh\n%s --root %s $@\n' "$runtime" "$root" >wrapper
  chmod 755 wrapper
  bundle 'exit 3'
  ./wrapper --log "$PWD/b/log.json" --log-format json create --bundle "$PWD/b" --pid-file "$PWD/b/init.pid" "$id" </dev/null >out 2>err 3>&- 4>&-
  ./wrapper start "$id"
  until_true is stopped
  ./wrapper delete "$id"
  clean
}

@test "the child of the caller's subreaper, its terminal and its status" {
  requires python3
  bundle 'test -t 0 && tty; stty size; exit 3'
  change '.process.terminal = true | .process.consoleSize = {height: 33, width: 77}'
  ok timeout 60 python3 "$project/tests/fixtures/shim.py" "$PWD/socket" "${containerd[@]}" create --bundle "$PWD/b" --pid-file "$PWD/pid" \
    --console-socket "$PWD/socket" "$id" -- "${containerd[@]}" start "$id"
  equal "$output" $'create 0 \nmessage True 1 b\'\'\nchild True\nstart 0 \nended 3\n/dev/pts/0\r\n33 77\r'
}

@test "the terminal of an exec" {
  requires python3
  bundle "$waits"
  start
  process 'test -t 0 && tty; exit 3'
  jq '.terminal = true' process.json >process
  ok timeout 60 python3 "$project/tests/fixtures/shim.py" "$PWD/socket" "${containerd[@]}" exec --process "$PWD/process" --console-socket "$PWD/socket" \
    --detach --pid-file "$PWD/pid" "$id" --
  contains "$output" $'create 0 \nmessage True 1 b\'\'\nchild True\nended 3\n/dev/pts/'
}

@test "a directory too deep for the address of a console socket" {
  requires python3
  deep=$PWD/$(printf '%0.sdirectory/' {1..12})
  mkdir -p "$deep"
  bundle 'echo over the console'
  change '.process.terminal = true'
  create_with=("${containerd[@]}" create --bundle "$PWD/b" --pid-file "$PWD/b/init.pid" --console-socket "$deep/socket" "$id")
  cp "$project/tests/fixtures/shim.py" .
  cd "$deep"
  ln -s "$OLDPWD/b/init.pid" pid
  ok timeout 60 python3 "$OLDPWD/shim.py" socket "${create_with[@]}" -- "${containerd[@]}" start "$id"
  contains "$output" 'over the console'
}
