#!/usr/bin/env bats
# The life of a container: create, start, run, state, kill, delete, list, gc. What it is, is read off the kernel.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.
# shellcheck disable=SC2030,SC2031 # A test is a process of its own.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh
box=box-$$
python=$(PATH=/usr/bin:/bin:$PATH type -P python3 || true)

teardown() {
  local id
  # The lock that a test has held.
  exec 8<&-
  for id in "$RUNSH_ROOT"/*/; do
    [ ! -d "$id" ] || "$runsh" delete --force "$(basename "$id")" || :
  done >>"$BATS_TEST_TMPDIR.deleted" 2>&1 </dev/null
  [ -n "$BATS_TEST_COMPLETED" ] || cat "$BATS_TEST_TMPDIR.deleted"
  nothing_left && no_cgroups_left
}

# no_cgroups_left: of this test; those of systemd's are asked of it elsewhere.
no_cgroups_left() {
  equal "$(find /sys/fs/cgroup -name "*$box*" 2>/dev/null)" ''
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

# quiet COMMAND...: it succeeds and says nothing. A container would hold the pipe of "run".
quiet() {
  : >nothing
  "$@" <nothing >said 2>&1 || {
    printf '%s: status %s\n' "$*" $?
    cat said
    return 1
  }
  equal "$(cat said)" ''
}

# create: of the bundle b as $box; $init is its first process.
create() {
  quiet "$runsh" create -b b --pid-file init "$box" && init=$(cat init)
}

# is STATUS: the status of $box.
is() {
  equal "$("$runsh" state "$box" | jq -r .status)" "$1"
}

# refused MESSAGE COMMAND...: it fails so, says nothing else, and writes one record of it to the log for machines.
refused() {
  local message=$1
  shift
  rm -f log
  expect 1 "$runsh" --log log --log-format json "$@" </dev/null
  contains "$stderr" "$message"
  contains "$(jq -r 'select(.level == "error" and (.time | fromdate > 0)) | .msg' log)" "$message"
  equal "$(wc -l <log)" 1
  equal "$output" ''
}

# gone PID: the process has ended.
gone() {
  ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}

@test "a container is created by one process, started by another and deleted by a third" {
  bundle '.process.args = ["sh", "-c", "echo it runs >/tmp/said; sleep 600"] | .annotations = {"b": "<x>\n", "a": "1"}'
  create
  # No newline, as engines read it.
  equal "$(od -An -c init | tr -d ' \n')" "$init"
  is created
  equal "$("$runsh" state "$box" | jq -r .pid)" "$init"
  # Everything is made, and the command does not run yet.
  [ ! -e b/rootfs/tmp/said ]
  [ "/proc/$init/root" -ef b/rootfs ]
  equal "$(find "/proc/$init/ns" -lname "$(readlink /proc/self/ns/mnt)")" ''
  ! is_root || contains "$(cat "/proc/$init/cgroup")" "$box"
  # Nothing of ours waits for it.
  expect 1 pgrep -f -- "--process-file $RUNSH_ROOT"
  quiet "$runsh" start "$box"
  is running
  eventually grep -q 'it runs' b/rootfs/tmp/said
  equal "$(tr '\0' ' ' <"/proc/$init/cmdline")" 'sleep 600 '
  refused "cannot delete container $box that is not stopped: running" delete "$box"
  quiet "$runsh" kill "$box" KILL
  eventually gone "$init"
  is stopped
  equal "$("$runsh" state "$box" | jq .pid)" 0
  quiet "$runsh" delete "$box"
  refused 'container does not exist' state "$box"
}

@test "its init is a child of the caller's subreaper" {
  requires cc
  bundle
  cc -x c -o subreaper - <<<'#include <sys/prctl.h>
    #include <sys/wait.h>
    #include <unistd.h>
    #include <stdio.h>
    int main(int argc, char **argv) {
      int status, count = 0;
      prctl(PR_SET_CHILD_SUBREAPER, 1);
      if (fork() == 0) { execv(argv[1], argv + 1); _exit(99); }
      while (wait(&status) > 0) count++;
      printf("%d\n", count);
    }'
  mkfifo in
  ./subreaper "$runsh" create -b b --pid-file init "$box" <in >counted 2>&1 &
  exec 7>in
  eventually is created
  equal "$(ps -o ppid= -p "$(cat init)" | tr -d ' ')" "$!"
  quiet "$runsh" kill "$box" KILL
  wait $!
  [ "$(cat counted)" -ge 2 ]
  exec 7>&-
  quiet "$runsh" delete "$box"
}

# The error of each operation in each state, or nothing where it succeeds; and the state it leads to.
@test "each operation in each state" {
  bundle
  while IFS='|' read -r state operation error after; do
    reach "$state"
    # shellcheck disable=SC2086 # The words of the operation.
    if [ -n "$error" ]; then
      refused "$error" ${operation//ID/$box} || {
        echo "$state: $operation"
        return 1
      }
    else
      quiet "$runsh" ${operation//ID/$box} || {
        echo "$state: $operation"
        return 1
      }
    fi
    [ "$after" != stopped ] || eventually is stopped
    case $after in
      none) refused 'container does not exist' state "$box" ;;
      *) is "$after" || {
        echo "$state: $operation"
        return 1
      } ;;
    esac
  done <<'TABLE'
none|start ID|container does not exist|none
none|state ID|container does not exist|none
none|kill ID 9|container does not exist|none
none|delete ID|container does not exist|none
none|delete --force ID||none
created|create -b b ID|container with given ID already exists|created
created|run -b b ID|container with given ID already exists|created
created|run -d -b b ID|container with given ID already exists|created
created|kill ID 0||created
created|kill ID KILL||stopped
created|kill --all ID KILL||stopped
created|start ID||running
created|delete ID||none
created|delete --force ID||none
running|create -b b ID|container with given ID already exists|running
running|start ID|cannot start a container in the running state|running
running|delete ID|that is not stopped: running|running
running|kill ID 0||running
running|kill ID KILL||stopped
running|delete --force ID||none
stopped|create -b b ID|container with given ID already exists|stopped
stopped|start ID|cannot start a container that has stopped|stopped
stopped|kill ID 9|container not running|stopped
stopped|kill --all ID 9||stopped
stopped|kill -a ID KILL||stopped
stopped|delete ID||none
stopped|delete --force ID||none
none|pause ID|container does not exist|none
none|resume ID|container does not exist|none
none|ps ID|container does not exist|none
none|explain ID|container does not exist|none
none|events --stats ID|container does not exist|none
none|update --pids-limit 50 ID|container does not exist|none
creating|create -b b ID|container with given ID already exists|creating
creating|start ID|cannot start a container in the creating state|creating
creating|kill ID 9|container not running|creating
creating|pause ID|container not running|creating
creating|resume ID|not paused|creating
creating|update --pids-limit 50 ID|container not running|creating
creating|delete ID|that is not stopped: creating|creating
creating|delete --force ID||none
created|resume ID|not paused|created
running|resume ID|not paused|running
stopped|pause ID|not running|stopped
stopped|resume ID|not paused|stopped
stopped|update --pids-limit 50 ID|container not running|stopped
TABLE
}

# reach STATE: $box is in it.
reach() {
  quiet "$runsh" delete --force "$box"
  case $1 in
    none) return ;;
    creating)
      # Its creator has gone no further.
      mkdir -p "$RUNSH_ROOT/$box"
      sleep 600 3>&- &
      echo "$! $(cut -d ' ' -f 22 "/proc/$!/stat")" >"$RUNSH_ROOT/$box/creator"
      return
      ;;
  esac
  create
  case $1 in
    running | paused) quiet "$runsh" start "$box" ;;
    stopped)
      quiet "$runsh" kill "$box" KILL
      eventually gone "$init"
      ;;
  esac
  case $1 in
    paused) quiet "$runsh" pause "$box" ;;
  esac
}

@test "each operation on what is paused" {
  requires root
  [ -e /sys/fs/cgroup/freezer ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip 'needs a freezer'
  bundle
  reach paused
  is paused
  refused 'cannot start a container in the paused state' start "$box"
  refused 'that is not stopped: paused' delete "$box"
  local signal
  for signal in KILL 9; do
    quiet "$runsh" kill "$box" "$signal"
    eventually gone "$init"
    reach paused
  done
  quiet "$runsh" kill --all "$box" 9
  eventually gone "$init"
  reach paused
  quiet "$runsh" delete --force "$box"
  gone "$init"
}

@test "state and list have the shape of runc" {
  requires runc root
  bundle '.annotations = {"b": "<x>\n\u2028", "a": "1", "ä": "ö"}'
  create
  : | runc --root "$PWD/runc" create -b b "$box-runc" >said 2>&1
  same() {
    sed -E "s/$box-runc/$box/g; s/\"created\": ?\"[^\"]*\"/created/; s/(\"pid\": ?)[0-9]+/\1N/; s/\"ociVersion\": ?\"[^\"]*\"/version/"
  }
  runc --root "$PWD/runc" state "$box-runc" | same >theirs
  echo >>theirs
  "$runsh" state "$box" | same >ours
  ok diff theirs ours
  runc --root "$PWD/runc" list -f json | same >theirs
  "$runsh" list -f json | same >ours
  ok diff theirs ours
  columns() {
    # The widths go by the ids.
    sed -E "s/$box-runc/$box/; s/ [0-9]+ +/ N /; s/[0-9-]+T[0-9:.]+Z +/T /; s/   +/   /g"
  }
  runc --root "$PWD/runc" list | columns >theirs
  "$runsh" list | columns >ours
  ok diff theirs ours
  equal "$("$runsh" list -q)" "$box"
  runc --root "$PWD/runc" delete --force "$box-runc"
}

@test "a list passes over what is not a container's, and an empty one is empty" {
  equal "$("$runsh" list -f json)" '[]'
  refused "cannot read '$PWD/none': No such file or directory" --root "$PWD/none" list
  mkdir -p root/.hidden root/bare
  ln -s /etc root/link
  : >root/file
  ok "$runsh" --root root list -q
  equal "$(sort <<<"$output")" $'.hidden\nbare'
  ok "$runsh" --root root list
  contains "$output" 'bare'
  # Nobody has made it: it is removed.
  touch -d '1 minute ago' root/bare root/.hidden
  ok "$runsh" --root root gc
  equal "$(sort <<<"$output")" $'.hidden\nbare'
  equal "$(ls -A root)" $'file\nlink'
}

@test "ids" {
  bundle '.process.args = ["true"]'
  local id
  for id in . .. a/b 'a b' $'a\nb' 'ü' '' '*' 'a:b'; do
    expect 1 "$runsh" create -b b -- "$id" </dev/null
    expect 1 "$runsh" state -- "$id"
  done
  for id in -a ..a A_z+0.9- "$(printf 'x%.0s' {1..200})"; do
    quiet "$runsh" run -b b -- "$id"
  done
}

@test "global options are taken in all spellings, and wrong ones refused" {
  bundle
  mkdir -m 700 state
  local options
  for options in '--root state' '--root=state' '-root state' '-root=state'; do
    # shellcheck disable=SC2086 # words
    ok "$runsh" $options --debug --systemd-cgroup=false --rootless true -rootless=auto --log=log -log-format text list -q
  done
  [ -e log ]
  expect 1 "$runsh" --log-format xml list
  contains "$stderr" "invalid log-format 'xml'"
  refused "invalid option '--odd'" --odd list
  refused "invalid option '-x'" list -x
  refused "invalid value 'maybe'" --rootless maybe list
  refused "option '--root' needs a value" --root
  refused "cannot checkpoint a container: not supported" checkpoint --help
  refused "cannot restore a container: not supported" restore --lsm-mount-context
  expect 1 "$runsh" --log /none/log list
  contains "$stderr" "cannot write the log '/none/log'"
  expect 1 "$runsh" --log text.log state none
  [[ $(cat text.log) =~ ^time=\"[0-9TZ:-]+\"\ level=error\ msg=\"cannot\ find\ \'none\':\ container\ does\ not\ exist\"$ ]]
  ok "$runsh" --version
  equal "${lines[0]}" 'runc version 1.2.0 (runsh 0.1.0)'
  equal "$(grep -c version <<<"$output")" 1
  contains "$output" $'\ncommit: '
  contains "$output" $'\nspec: 1.'
}

@test "a new config.json is not written over another" {
  mkdir new
  ok "$runsh" spec -b new
  jq -e .ociVersion new/config.json >version
  refused "cannot write 'new/config.json'" spec --bundle new
}

@test "create finds that the command cannot be executed, in the words that engines know" {
  bundle
  mkdir -p b/rootfs/dir
  printf 'x' >b/rootfs/file
  while IFS='|' read -r program message; do
    jq --arg program "$program" '.process.args = [$program]' b/config.json >changed
    mv changed b/config.json
    refused "exec: \"$program\": $message" create -b b --pid-file init "$box"
    [ ! -e init ]
    [ ! -e "$RUNSH_ROOT/$box" ]
  done <<'TABLE'
nothing|executable file not found in $PATH
/no/thing|stat /no/thing: no such file or directory
/file|permission denied
TABLE
  no_cgroups_left
}

@test "what cannot be made leaves nothing, and its reason in the log" {
  bundle '.mounts += [{destination: "/x", type: "bind", source: "/no/such/source", options: ["bind"]}]'
  refused '/no/such/source' create -b b --pid-file init "$box"
  [ ! -e init ]
  equal "$(ls -A "$RUNSH_ROOT")" ''
  no_cgroups_left
  refused "spec-rs: cannot use '$PWD/none/config.json'" create -b none "$box"
  equal "$(ls -A "$RUNSH_ROOT")" ''
}

@test "descriptors: those that are asked for, and no others" {
  bundle '.process.args = ["sh", "-c", "cat <&3 >/tmp/three; cat <&4 >/tmp/four; ls /proc/self/fd >/tmp/all"]'
  echo three >three
  echo four >four
  : >nothing
  "$runsh" create -b b --preserve-fds 2 "$box" 3<three 4<four 5<three 11<three <nothing >said 2>&1
  quiet "$runsh" start "$box"
  eventually [ -s b/rootfs/tmp/all ]
  equal "$(cat b/rootfs/tmp/three b/rootfs/tmp/four)" $'three\nfour'
  # The last one is that of ls.
  equal "$(tr '\n' ' ' <b/rootfs/tmp/all)" '0 1 2 3 4 5 '
  eventually is stopped
  quiet "$runsh" delete "$box"
  refused "invalid value 'x' of '--preserve-fds'" create --preserve-fds x "$box"
}

@test "signals by name and by number" {
  bundle '.process.args = ["sh", "-c", "for s in HUP USR1 USR2 TERM; do trap \"echo $s >>/tmp/got\" $s; done; echo ready >/tmp/got; while :; do sleep 0.05; done"]'
  create
  quiet "$runsh" start "$box"
  eventually grep -q ready b/rootfs/tmp/got
  local signal name
  while read -r signal name; do
    # shellcheck disable=SC2086 # It may be nothing.
    quiet "$runsh" kill "$box" $signal
    eventually grep -qx "$name" b/rootfs/tmp/got
    sed -i d b/rootfs/tmp/got
  done <<'TABLE'
1 HUP
SIGUSR1 USR1
usr2 USR2
sigterm TERM
15 TERM
TABLE
  quiet "$runsh" kill "$box"
  eventually grep -qx TERM b/rootfs/tmp/got
  refused 'unknown signal "BAD"' kill "$box" BAD
  refused 'unknown signal "SIGRTMIN+99"' kill "$box" SIGRTMIN+99
  refused 'unknown signal "65"' kill "$box" 65
  refused 'unknown signal "-1"' kill "$box" -1
  refused "unexpected operand '2'" kill "$box" 1 2
  quiet "$runsh" delete -f "$box"
}

@test "processes that outlive the first one" {
  requires root
  bundle '.linux.namespaces -= [{type: "pid"}] | .process.args = ["sh", "-c", "sleep 777 & sleep 778"]'
  create
  quiet "$runsh" start "$box"
  eventually pgrep -xf 'sleep 777' >other
  quiet "$runsh" kill "$box" KILL
  eventually is stopped
  ok kill -0 "$(cat other)"
  refused "container's cgroup is not empty" delete "$box"
  quiet "$runsh" kill --all "$box" KILL
  eventually gone "$(cat other)"
  quiet "$runsh" delete "$box"
  # By force they go with it.
  create
  quiet "$runsh" start "$box"
  eventually pgrep -xf 'sleep 777' >other
  quiet "$runsh" delete --force "$box"
  gone "$(cat other)"
}

@test "a process that has the number by now is not the container's" {
  bundle
  create
  # As if the init had ended, and another had its number.
  sed -i "s/.*/$$ 1/" "$RUNSH_ROOT/$box/process"
  is stopped
  refused 'container not running' kill "$box" KILL
  echo "$init $(sed 's/.*) //' "/proc/$init/stat" | cut -d' ' -f20)" >"$RUNSH_ROOT/$box/process"
  is created
  quiet "$runsh" delete "$box"
}

@test "run detached, and run in the foreground" {
  bundle '.process.args = ["sh", "-c", "cat; exit 7"]'
  expect 7 "$runsh" run -b b "$box" <<<hello
  equal "$output" hello
  equal "$(ls -A "$RUNSH_ROOT")" ''
  bundle
  quiet "$runsh" run -d -b b --pid-file init "$box"
  is running
  ok kill -0 "$(cat init)"
  quiet "$runsh" delete --force "$box"
  gone "$(cat init)"
  bundle '.process.args = ["nothing"]'
  expect 127 "$runsh" run -d -b b --pid-file init "$box" </dev/null
  contains "$stderr" 'exec: "nothing": executable file not found in $PATH'
  equal "$(ls -A "$RUNSH_ROOT")" ''
}

@test "run --keep: the container stays as stopped, with the status of its command" {
  bundle '.process.args = ["sh", "-c", "exit 5"]'
  expect 5 "$runsh" run --keep -b b "$box"
  is stopped
  ok "$runsh" gc
  equal "$output" ''
  refused 'container with given ID already exists' run --keep -b b "$box"
  ok "$runsh" delete "$box"
  expect 1 "$runsh" run --keep --detach -b none "$box"
  equal "$(ls -A "$RUNSH_ROOT")" ''
}

@test "run: killed, it takes the container along, also one with hooks and one that is kept" {
  local words
  : >nothing
  for words in '' hooks --keep; do
    case $words in
      hooks) bundle '.hooks.poststart = [{path: "/bin/true"}]' ;;
      *) bundle ;;
    esac
    # shellcheck disable=SC2086 # A word, or none.
    "$runsh" run ${words#hooks} --pid-file init -b b "$box" <nothing >said 2>&1 3>&- &
    eventually is running
    init=$(cat init)
    kill -9 $!
    eventually gone "$init"
    ok "$runsh" delete --force "$box"
  done
}

@test "a terminal goes over the console socket: create and start, run -d; and where it does not fit" {
  requires python3
  bundle '.process.terminal = true | .process.args = ["sh", "-c", "tty; tty </dev/console; sleep 0.2"]'
  local way peer
  mkfifo ended
  : >nothing
  for way in create run; do
    mkdir "$way"
    "$python" "$project/tests/fixtures/console.py" "$PWD/$way" <>ended >"$way/said" 3>&- &
    peer=$!
    eventually grep -q up "$way/said"
    case $way in
      create) quiet "$runsh" create -b b --console-socket create/socket "$box" && quiet "$runsh" start "$box" ;;
      run) quiet "$runsh" run -d -b b --console-socket run/socket "$box" ;;
    esac
    echo >ended
    wait "$peer"
    equal "$(sed -n 2p "$way/said")" '1 True 0'
    equal "$(grep -c '^/dev/' "$way/said")" 2
    quiet "$runsh" delete --force "$box"
  done
  refused 'needs a socket' create -b b "$box"
  refused 'none' create -b b --console-socket "$PWD/none" "$box"
  refused "'--console-socket' needs '--detach'" run -b b --console-socket "$PWD/none" "$box"
  bundle
  refused 'terminal' create -b b --console-socket "$PWD/none" "$box"
  equal "$(ls -A "$RUNSH_ROOT")" ''
}

@test "explain shows the line of a container that exists" {
  bundle
  create
  ok "$runsh" explain "$box"
  equal "$output" "$(cat "$RUNSH_ROOT/$box/line")"
  contains "$output" --gate-fds
  lacks "$("$runsh" explain -b b "$box")" --gate-fds
  quiet "$runsh" delete "$box"
}

@test "the state of another user is not executed" {
  requires root
  mkdir theirs theirs/box ours ours/box
  echo 'touch hit' | tee theirs/box/facts >ours/box/facts
  : | tee theirs/box/line >ours/box/line
  chown -R 65534 theirs ours/box
  refused "cannot use '$PWD/theirs': it belongs to another user" --root "$PWD/theirs" state box
  refused "cannot use '$PWD/theirs': it belongs to another user" --root "$PWD/theirs" gc
  refused "cannot use '$PWD/theirs': it belongs to another user" --root "$PWD/theirs" list
  refused "cannot use '$PWD/theirs': it belongs to another user" --root "$PWD/theirs" create -b b other
  refused "cannot use '$PWD/ours/box': it belongs to another user" --root "$PWD/ours" state box
  run "$runsh" --root "$PWD/ours" list -f json
  run "$runsh" --root "$PWD/ours" gc
  [ ! -e hit ]
  [ -e ours/box/facts ]
  # A link that leads gc to what the caller has elsewhere.
  mkdir -p home/letters
  touch -d '1 hour ago' home/letters
  ln -s home link
  chown -h 65534 link
  local link operation
  for link in link link/ link//; do
    for operation in gc 'delete --force letters' 'create -b b other'; do
      # shellcheck disable=SC2086 # Words.
      refused "cannot use '$PWD/link': it is a link that belongs to another user" --root "$PWD/$link" $operation
    done
  done
  equal "$(ls home)" letters
  chown -h 0 link
  ok "$runsh" --root "$PWD/link" list -q
}

@test "an ordinary user has a state of his own" {
  requires userns
  bundle '.process.args = ["true"]'
  unset RUNSH_ROOT
  mkdir -m 700 own
  if is_root; then
    # As it is for Podman without root: / is of nobody there.
    run unshare --user --map-user=5 env XDG_RUNTIME_DIR="$PWD/own" "$runsh" state none
  else
    XDG_RUNTIME_DIR=$PWD/own ok "$runsh" run -b b "$box"
    [ -d own/runsh ]
    run env XDG_RUNTIME_DIR="$PWD/own" "$runsh" state none
  fi
  contains "$output" 'container does not exist'
  export RUNSH_ROOT=$BATS_TEST_TMPDIR.runsh
}

# hooks KIND[=SCRIPT]...: makes the bundle b with a hook of each kind, which tells the file "told" what it is given and where it is.
hooks() {
  local word kind script filter='.hooks = {}'
  for word; do
    kind=${word%%=*} script=
    [ "$kind" = "$word" ] || script=${word#*=}
    filter+=" | .hooks.$kind += [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \$script, \"sh\", \"$kind\", \$script_$kind], env: [\"A=b \\\\ c\n\", \"PATH=/bin:/usr/bin\"]}]"
    scripts+=(--arg "script_$kind" "$script")
  done
  bundle
  local text
  text='{ printf "%s " "$1" "$(readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/uts)" "$#" "$A" "$(env | cut -d= -f1 | sort | tr "\n" " ")"; cat; echo; } >>TOLD 2>&1; eval "$2"'
  : >told
  chmod 666 told
  jq --arg script "${text//TOLD/$PWD/told}" "${scripts[@]}" "$filter" b/config.json >changed
  # Inside, the file is another one.
  jq --arg from "$PWD/told" '(.hooks.startContainer // empty)[].args |= map(gsub($from; "/tmp/told"))' changed >b/config.json
  jq -e . b/config.json >changed || return
  is_root || chmod 777 .
}

@test "hooks of all kinds run in their order and their places, with the state" {
  local scripts=()
  hooks prestart createRuntime createContainer startContainer poststart poststop
  change_args='.process.args = ["sh", "-c", "echo command >>/tmp/told; sleep 600"]'
  jq "$change_args"' | .annotations = {"x": "y \\ z"}' b/config.json >changed
  mv changed b/config.json
  create
  kinds() {
    grep -oE '^[a-zA-Z]+ ' told | tr -d ' \n'
  }
  equal "$(kinds)" prestartcreateRuntimecreateContainer
  quiet "$runsh" start "$box"
  equal "$(kinds)" prestartcreateRuntimecreateContainerpoststart
  eventually grep -q command b/rootfs/tmp/told
  contains "$(cat b/rootfs/tmp/told)" 'startContainer '
  # shellcheck disable=SC2034 # The table names them.
  local mount uts theirs_mount theirs_uts
  # shellcheck disable=SC2034
  mount=$(readlink /proc/self/ns/mnt) uts=$(readlink /proc/self/ns/uts)
  # shellcheck disable=SC2034
  theirs_mount=$(readlink "/proc/$init/ns/mnt") theirs_uts=$(readlink "/proc/$init/ns/uts")
  quiet "$runsh" delete --force "$box"
  equal "$(kinds)" prestartcreateRuntimecreateContainerpoststartpoststop
  local kind of_mount of_uts status pid
  while read -r kind of_mount of_uts status pid; do
    # The environment of the hook holds a newline.
    cat told b/rootfs/tmp/told | grep -A 1 "^$kind " | tr '\n' ' ' >line
    equal "$(cut -d' ' -f2,3,4 line)" "${!of_mount} ${!of_uts} 2"
    contains "$(cat line)" ' b \ c'
    contains "$(cat line)" ' A PATH PWD '
    sed 's/^[^{]*//; s/ $//' line >state
    equal "$(jq -c . state)" "$(cat state)"
    equal "$(jq -r '.id, .status, .pid, .bundle, .annotations.x, (keys_unsorted | join(" "))' state | tr '\n' '|')" \
      "$box|$status|$pid|$PWD/b|y \\ z|ociVersion id status pid bundle annotations|"
  done <<TABLE
prestart mount uts creating $init
createRuntime mount uts creating $init
createContainer theirs_mount theirs_uts creating $init
startContainer theirs_mount theirs_uts created $init
poststart mount uts running $init
poststop mount uts stopped 0
TABLE
}

@test "run with hooks: the terminal of the caller is relayed, and the container never holds it" {
  requires script
  bundle '.process.args = ["sh", "-c", "[ ! -t 0 ] && [ ! -t 1 ] && [ ! -t 2 ] && ! (: </dev/tty) 2>/dev/null && echo closed; exit 3"]
    | .hooks = {"poststart": [{"path": "/bin/true"}]}'
  expect 3 timeout 60 script -qec "exec '$runsh' run -b b '$box'" /dev/null </dev/null
  contains "$output" closed
}

@test "a hook that fails before the command ends the container, and poststop hooks run" {
  local kind
  for kind in prestart createRuntime createContainer; do
    local scripts=()
    hooks "$kind=echo what is wrong; exit 3" poststop
    refused "$kind hook 0" create -b b --pid-file init "$box"
    contains "$stderr" 'status 3'
    contains "$stderr" 'what is wrong'
    [ ! -e "$RUNSH_ROOT/$box" ]
    [ ! -e init ]
    contains "$(cat told)" "poststop "
    no_cgroups_left
  done
}

@test "a startContainer hook that fails keeps the command from running" {
  local scripts=()
  hooks 'startContainer=exit 3' poststop
  jq '.process.args = ["touch", "/tmp/ran"]' b/config.json >changed
  mv changed b/config.json
  create
  expect 1 "$runsh" start "$box"
  contains "$stderr" "startContainer hook"
  eventually gone "$init"
  [ ! -e b/rootfs/tmp/ran ]
  quiet "$runsh" delete "$box"
  contains "$(cat told)" "poststop "
}

@test "a poststart hook that fails stops the container, and poststop hooks run" {
  local scripts=()
  hooks 'poststart=exit 3' poststop
  create
  refused 'poststart hook 0' start "$box"
  gone "$init"
  [ ! -e "$RUNSH_ROOT/$box" ]
  contains "$(cat told)" "poststop "
}

@test "errors of poststop hooks are warned of, and all of them run" {
  local scripts=()
  hooks 'poststop=exit 3'
  jq '.hooks.poststop += .hooks.poststop' b/config.json >changed
  mv changed b/config.json
  create
  ok "$runsh" --log log --log-format json delete "$box"
  equal "$(grep -c '^runsh: poststop hook [01]' <<<"$stderr")" 2
  equal "$(grep -c '^poststop ' told)" 2
  equal "$(jq -r .level log | sort -u)" warning
}

@test "a hook that takes too long is ended; one that ignores its input, or leaves a process behind, is none" {
  local scripts=() start
  hooks 'createRuntime=sleep 300'
  jq '.hooks.createRuntime[0].timeout = 1' b/config.json >changed
  mv changed b/config.json
  start=$SECONDS
  refused 'createRuntime hook 0' create -b b "$box"
  contains "$stderr" 'not ended after 1 seconds'
  [ $((SECONDS - start)) -lt 20 ]
  jq '.hooks = {createRuntime: [{path: "/bin/true"}, {path: "/bin/sh", args: ["sh", "-c", "sleep 30 & exit 0"]}], poststop: [{path: "/bin/true"}]}
    | .annotations.x = "x" * 200000' b/config.json >changed
  mv changed b/config.json
  start=$SECONDS
  quiet timeout 20 "$runsh" create -b b "$box"
  ok "$runsh" delete "$box"
  [ $((SECONDS - start)) -lt 20 ]
  pkill -f '^sleep 30$' || :
  jq '.hooks = {prestart: [{path: "/no/such/hook"}]}' b/config.json >changed
  mv changed b/config.json
  refused "prestart hook 0 '/no/such/hook' failed" create -b b "$box"
}

@test "two that create, start or delete at once: one of them does" {
  bundle
  local i pids=()
  : >nothing
  for _ in 1 2 3; do
    for i in 1 2 3 4; do
      { "$runsh" create -b b "$box" <nothing >"said.$i" 2>&1 && echo x >"done.$i"; } 3>&- &
      pids+=($!)
    done
    wait "${pids[@]}" || :
    pids=()
    equal "$(cat done.* | wc -l)" 1
    equal "$(grep -l 'container with given ID already exists' said.* | wc -l)" 3
    is created
    rm -f done.*
    for i in 1 2 3 4; do
      { "$runsh" start "$box" >"said.$i" 2>&1 && echo x >"done.$i"; } 3>&- &
      pids+=($!)
    done
    wait "${pids[@]}" || :
    pids=()
    equal "$(cat done.* | wc -l)" 1
    is running
    rm -f done.*
    for i in 1 2 3 4; do
      { "$runsh" delete --force "$box" >"said.$i" 2>&1 && echo x >"done.$i"; } 3>&- &
      pids+=($!)
    done
    wait "${pids[@]}" || :
    pids=()
    equal "$(cat said.*)" ''
    equal "$(cat done.* | wc -l)" 4
    equal "$(ls -A "$RUNSH_ROOT")" ''
    rm -f done.*
  done
}

@test "commands that change a container wait for its lock, and those that read it do not" {
  bundle
  create
  local operation operations=(start 'delete --force')
  ! is_root || operations=(start pause resume 'update --pids-limit 50' 'delete --force')
  for operation in "${operations[@]}"; do
    exec 8<"$RUNSH_ROOT/$box"
    flock 8
    # shellcheck disable=SC2086 # Words.
    expect 124 timeout 0.5 "$runsh" $operation "$box" 8<&-
    [ "$operation" != start ] || is created
    ok "$runsh" list -q 8<&-
    exec 8<&-
    # shellcheck disable=SC2086 # Words.
    quiet "$runsh" $operation "$box"
  done
  equal "$(ls -A "$RUNSH_ROOT")" ''
}

@test "a full disk, and one that is read-only" {
  requires userns
  bundle
  # In a namespace of its own; the container's user namespace is the caller's.
  cat >script <<'SCRIPT'
set -e
mount -t tmpfs -o size=4k,nr_inodes=$1 none state
set +e
"$2" --root state create -b b box </dev/null >said 2>&1
echo "status $?"
ls -A state
SCRIPT
  mkdir state
  local inodes
  for inodes in 1 2 3 5 7 9 100; do
    ok private sh script "$inodes" "$runsh"
    equal "$output" 'status 1'
    contains "$(cat said)" cannot
    [ "$(wc -l <said)" -le 3 ]
  done
  no_cgroups_left
  ok private sh -c 'mount -t tmpfs -o ro none state; "$1" --root state create -b b box </dev/null >said 2>&1; echo $?; "$1" --root state list; "$1" --root state gc; ls -A state' sh "$runsh"
  contains "$(cat said)" "cannot make the directory '$PWD/state/box': Read-only file system"
  equal "${lines[0]}" 1
}

@test "a disk that is full or read-only once a container was created" {
  requires root
  bundle
  cat >script <<'SCRIPT'
mount -t tmpfs -o nr_inodes=40 none state || exit
runsh() {
  "$runsh" --root state "$@" </dev/null >said 2>&1
  echo "$1 $?: $(head -n 1 said)"
}
runsh=$1
runsh create -b b box
while true >"state/more$((number += 1))"; do :; done 2>/dev/null
runsh start box
"$runsh" --root state state box | grep status
rm state/more*
mount -o remount,ro state
runsh start box
runsh delete --force box
mount -o remount,rw state
runsh delete --force box
ls -A state
SCRIPT
  mkdir state
  ok private sh script "$runsh"
  equal "$output" "create 0: 
start 1: runsh: cannot write '$PWD/state/box/started'
  \"status\": \"created\",
start 1: runsh: cannot write '$PWD/state/box/started'
delete 1: runsh: cannot remove '$PWD/state/box': Read-only file system
delete 0: "
  no_cgroups_left
}

@test "many side by side all run, and all go" {
  bundle
  local number pids=() count=${CONTAINERS:-100}
  : >nothing
  for ((number = 0; number < count; number++)); do
    { "$runsh" run -d -b b --pid-file "pid.$number" "$box-$number" <nothing >"said.$number" 2>&1 || echo "$number" >>failed; } 3>&- &
    pids+=($!)
  done
  wait "${pids[@]}" || :
  pids=()
  [ ! -e failed ] || {
    cat said.* | sort | uniq -c | head
    return 1
  }
  equal "$("$runsh" list -f json | jq '[.[] | select(.status == "running")] | length')" "$count"
  for ((number = 0; number < count; number++)); do
    ok kill -0 "$(cat "pid.$number")"
  done
  for ((number = 0; number < count; number++)); do
    { "$runsh" delete --force "$box-$number" >"said.$number" 2>&1 || echo "$number" >>failed; } 3>&- &
    pids+=($!)
  done
  wait "${pids[@]}" || :
  pids=()
  equal "$(cat said.*)" ''
  [ ! -e failed ]
  equal "$("$runsh" list -q)" ''
  for ((number = 0; number < count; number++)); do
    gone "$(cat "pid.$number")"
  done
}

# KILLS=300 is the long version.
@test "whatever is killed at whatever moment, gc or delete --force removes all of it" {
  bundle
  : >nothing
  local number victim work=$BATS_TEST_TMPDIR count=${KILLS:-30}
  for ((number = 0; number < count; number++)); do
    (
      exec 3>&- </dev/null >said 2>&1
      "$runsh" create -b b --pid-file init "$box" && "$runsh" start "$box" && "$runsh" delete --force "$box"
    ) &
    sleep "0.0$(printf '%02d' $((RANDOM % 100)))"
    # Of all that is at work one is taken: a command, a word of the line, the init.
    victim=$(descendants_of $! | shuf -n 1)
    [ $((number % 3)) -ne 0 ] || victim=$(pgrep -f "$work|$RUNSH_ROOT" | grep -vx -e "$$" -e "$BASHPID" | shuf -n 1)
    [ -z "$victim" ] || [ "$victim" = "$$" ] || kill -9 "$victim" 2>/dev/null || :
    [ $((number % 2)) -ne 0 ] || kill -9 $! 2>/dev/null || :
    wait $! 2>/dev/null || :
    # What an orphan goes on with.
    eventually calm
    ok "$runsh" gc
    ok "$runsh" delete --force "$box"
    equal "$(ls -A "$RUNSH_ROOT")" ''
    no_cgroups_left
    expect 1 pgrep -f -- "$RUNSH_ROOT"
    # shellcheck disable=SC2119
    mounts_unchanged
  done
}

# calm: no command of runsh is at work.
calm() {
  ! pgrep -f -- "runsh (create|start|delete) .*$box" >/dev/null
}

@test "a container that takes the name of a crashed one while gc looks at it is left alone" {
  bundle
  mkdir -p bin "$RUNSH_ROOT/$box"
  chmod 700 "$RUNSH_ROOT"
  touch -d '-1 hour' "$RUNSH_ROOT/$box"
  # The programs by which gc asks how old it is, at last, and locks it.
  local program turn=2
  for program in find flock; do
    cat >"bin/$program" <<END
#!/bin/sh
$(type -P "$program") "\$@" || exit
PATH=\${PATH#*:}
echo "\$0" >>"$PWD/calls"
[ "\$(grep -c . "$PWD/calls")" -ne "$turn" ] || {
  rmdir "$RUNSH_ROOT/$box"
  "$runsh" create -b "$PWD/b" "$box" </dev/null >"$PWD/said" 2>&1 8>&-
}
END
    chmod +x "bin/$program"
    PATH=$PWD/bin:$PATH ok "$runsh" gc
    equal "$output" ''
    is created
    rm "bin/$program" calls
    turn=1
    quiet "$runsh" delete --force "$box"
    mkdir "$RUNSH_ROOT/$box"
    touch -d '-1 hour' "$RUNSH_ROOT/$box"
  done
  ok "$runsh" gc
  equal "$output" "$box"
}

@test "gc removes what nobody can use any more, and nothing else" {
  bundle
  create
  ok "$runsh" gc
  equal "$output" ''
  is created
  quiet "$runsh" start "$box"
  ok "$runsh" gc
  is running
  quiet "$runsh" kill "$box" KILL
  eventually is stopped
  ok "$runsh" gc
  equal "$output" ''
  is stopped
  quiet "$runsh" delete "$box"
  # The supervisor of a foreground run is killed.
  : >nothing
  "$runsh" run -b b "$box" <nothing >said 2>&1 3>&- &
  eventually is running
  ok "$runsh" gc
  equal "$output" ''
  kill -9 $!
  eventually is stopped
  ok "$runsh" gc
  equal "$output" "$box"
  equal "$(ls -A "$RUNSH_ROOT")" ''
}

# waits PROCESS: it waits for a lock.
waits() {
  local process
  for process in $(descendants_of "$1"); do
    [ "$(cat "/proc/$process/comm")" != flock ] || return 0
  done
  return 1
}

@test "a command that waited for a lock leaves a container alone that has taken the name meanwhile" {
  bundle
  create
  local operation status want=1 message="runsh: cannot find '$box': container does not exist"
  for operation in start 'delete --force'; do
    exec 8<"$RUNSH_ROOT/$box"
    flock 8
    : >nothing
    # shellcheck disable=SC2086 # Words.
    timeout 10 "$runsh" $operation "$box" <nothing >said 2>&1 3>&- 8<&- &
    eventually waits $!
    mv "$RUNSH_ROOT/$box" "$RUNSH_ROOT/$box.before"
    cp -a "$RUNSH_ROOT/$box.before" "$RUNSH_ROOT/$box"
    exec 8<&-
    status=0
    wait $! || status=$?
    equal "$(cat said)" "$message"
    equal "$status" "$want"
    [ -e "$RUNSH_ROOT/$box/line" ]
    rm -r "${RUNSH_ROOT:?}/$box"
    mv "$RUNSH_ROOT/$box.before" "$RUNSH_ROOT/$box"
    want=0 message=
  done
}

@test "no process is signalled by its number alone" {
  bundle
  create
  mkdir tools
  ln -s "$RUNSH_TOOLS"/*-rs tools
  rm tools/kill-rs
  printf '#!/bin/sh\necho "$*" >>%s/asked\nexec %s/kill-rs "$@"\n' "$PWD" "$RUNSH_TOOLS" >tools/kill-rs
  chmod +x tools/kill-rs
  sleep 600 3>&- &
  echo "$! $(sed 's/.*) //' "/proc/$!/stat" | cut -d' ' -f20)" >"$RUNSH_ROOT/$box/creator"
  RUNSH_TOOLS=$PWD/tools quiet "$runsh" kill "$box" 0
  RUNSH_TOOLS=$PWD/tools quiet "$runsh" delete --force "$box"
  contains "$(cat asked)" " $init"
  contains "$(cat asked)" " $!"
  equal "$(grep -vc -e '^-s [0-9A-Z]* --start-time [0-9][0-9]* [0-9][0-9]*$' asked)" 0
}

@test "what is written of a container is closed to others, whatever the umask is" {
  bundle
  umask 0
  create
  equal "$(stat -c '%n %a' "$RUNSH_ROOT" "$RUNSH_ROOT/$box" "$RUNSH_ROOT/$box"/{go,told})" "$RUNSH_ROOT 700
$RUNSH_ROOT/$box 700
$RUNSH_ROOT/$box/go 600
$RUNSH_ROOT/$box/told 600"
}

@test "descriptors that systemd handed to another process do not get in" {
  bundle '.process.args = ["sh", "-c", "ls /proc/self/fd >/tmp/all; echo ${LISTEN_FDS-none} >>/tmp/all"]'
  : >nothing
  LISTEN_PID=$PPID LISTEN_FDS=2 "$runsh" create -b b "$box" 3<nothing 4<nothing <nothing >said 2>&1
  equal "$(cat said)" ''
  quiet "$runsh" start "$box"
  eventually grep -qs none b/rootfs/tmp/all
  # The last one is that of ls.
  equal "$(tr '\n' ' ' <b/rootfs/tmp/all)" '0 1 2 3 none '
}

@test "delete --force: a state that cannot be read is an error, and one that is gone is none" {
  mkdir -p "$RUNSH_ROOT/$box"
  : >"$RUNSH_ROOT/$box/line"
  refused "cannot find '$box': container does not exist" delete --force "$box"
  [ -d "$RUNSH_ROOT/$box" ]
  rm -r "${RUNSH_ROOT:?}/$box"
  ok "$runsh" delete --force "$box"
}
