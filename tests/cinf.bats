#!/usr/bin/env bats
# cinf: the namespaces and cgroups of this machine, beside what lsns and the kernel say.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

: "${TEST_TIMEOUT:=120}"
load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh

# alone SCRIPT: runs it where no other processes are: in a PID namespace with a proc of its own.
alone() {
  local user=()
  is_root || user=(--user --map-root-user)
  unshare "${user[@]}" --pid --fork --mount-proc sh -c "$1" sh "$project/scripts/cinf"
}

@test "every namespace, count and user is as lsns has it" {
  requires userns lsns
  ok alone '
    for type in "" --net --uts --ipc --cgroup --time "--user --map-root-user" "--user --net" "--pid --fork" "--mount --fork"; do
      unshare $type sleep 1000 &
    done
    ! setpriv --reuid=65534 --clear-groups true 2>/dev/null || setpriv --reuid=65534 --clear-groups sleep 1000 &
    sleep 0.5
    lsns --raw --noheadings --output NS,TYPE,NPROCS,USER >lsns
    "$1" >cinf
    "$1" --json >json
    "$1" --tree --json >tree
    lsns -r -n -t net -o NS,TYPE,NPROCS,PID,PPID,UID >lsns.net
    "$1" -t net -o ns,type,nprocs,pid,ppid,uid >cinf.net
    lsns -r -n -t pid -t uts -o NS,PNS,ONS,PID >lsns.two
    "$1" -t uts --type=pid --output=NS,PNS,ONS,PID,COMMAND >cinf.two
    lsns --raw --noheadings --output NS,PNS,ONS >owners
    kill -9 -1'
  [ "$(wc -l <lsns)" -gt 15 ]
  # Of the users lsns names one.
  diff <(cut -d ' ' -f 1-5 lsns.net | sort) <(tail -n +2 cinf.net | awk '{ print $1, $2, $3, $4, $5 }' | sort)
  while read -r id _ _ _ _ user; do
    contains ",$(awk -v "id=$id" '$1 == id { print $6 }' cinf.net)," ",$user,"
  done <lsns.net
  diff <(sort lsns.two) <(tail -n +2 cinf.two | sed 's/ -  / 0  /g' | awk '{ print $1, $2, $3, $4 }' | sort)
  contains "$(<cinf.two)" ' sleep 1000'
  diff <(cut -d ' ' -f 1-3 lsns | sort) <(awk 'NR > 1 { print $1, $2, $3 }' cinf | sort)
  while read -r id _ _ user; do
    contains ",$(awk -v "id=$id" '$1 == id { print $4 }' cinf)," ",$user,"
  done <lsns
  requires jq
  diff <(cut -d ' ' -f 1-3 lsns | sort) <(jq -r '.[] | "\(.namespace) \(.type) \(.nprocs)"' json | sort)
  diff <(sort owners) <(jq -r '.[] | "\(.namespace) \(.parent // 0) \(.owner // 0)"' tree | sort)
}

@test "the views of a namespace and of a process" {
  requires userns jq
  # No other sleep on the machine has these arguments.
  local one=1000.$$ two=1001.$$
  as_root unshare --uts sh -c "sleep $one & exec sleep $two" 3>&- 4>&- &
  eventually pgrep -x -f "sleep $two" >/dev/null
  eventually pgrep -x -f "sleep $one" >/dev/null
  pid=$(pgrep -n -x -f "sleep $two")
  id=$(readlink "/proc/$pid/ns/uts" | tr -dc 0-9)
  # As root, so as to see them whatever the capabilities are.
  ok "$project/scripts/cinf" --namespace "uts:[$id]" --json
  equal "$(jq -r '.[] | "\(.ppid) \(.name) \(.command) \(.nthreads) \(.state)"' <<<"$output" | cut -d ' ' -f 2- | sort)" "$(
    printf '%s\n' "sleep sleep $one 1 S (sleeping)" "sleep sleep $two 1 S (sleeping)"
  )"
  equal "$(jq -r '.[0].cgroups' <<<"$output")" "$(paste -sd ' ' "/proc/$pid/cgroup")"
  ok "$project/scripts/cinf" --namespace "$id"
  equal "$(awk '{ print $1 }' <<<"$output" | paste -sd ' ')" "PID $(pgrep -x -f "sleep ($one|$two)" | sort -n | paste -sd ' ')"
  ok "$project/scripts/cinf" --pid "$pid"
  equal "$(awk 'NR > 1 { print $2 ":[" $1 "]" }' <<<"$output" | sort)" \
    "$(for type in cgroup ipc mnt net pid time user uts; do readlink "/proc/$pid/ns/$type"; done | sort)"
  kill -9 $! "$pid" "$(pgrep -x -f "sleep $one")"
  expect 1 "$project/scripts/cinf" --namespace 1
  contains "$stderr" "cinf: cannot find the namespace '1': no process that may be seen is in it"
  expect 1 "$project/scripts/cinf" --pid 4194305
  contains "$stderr" "cinf: cannot find the process '4194305': No such process"
}

@test "what only a mount, a descriptor, a thread or a child to come holds is there with --all" {
  requires userns python3
  ok alone '
    mount -t tmpfs tmpfs /mnt && touch /mnt/net && unshare --net=/mnt/net true
    echo "mount $(stat -c %i /mnt/net)" >want
    unshare --uts sleep 1000 &
    sleep 0.2
    exec 7<"/proc/$!/ns/uts"
    kill -9 $!
    echo "descriptor $(stat -Lc %i /proc/self/fd/7)" >>want
    python3 -c "
import ctypes, os, threading, time
def work():
    ctypes.CDLL(None).unshare(0x08000000)
    print(\"thread\", os.readlink(\"/proc/thread-self/ns/ipc\")[5:-1], flush=True)
    time.sleep(100)
threading.Thread(target=work).start()" >>want &
    python3 -c "
import ctypes, time
ctypes.CDLL(None).unshare(0x80)
time.sleep(100)" &
    until grep -q thread want; do sleep 0.05; done
    sleep 0.2
    echo "child $(readlink /proc/$!/ns/time_for_children | tr -dc 0-9)" >>want
    "$1" >without
    "$1" --all >with
    kill -9 -1'
  equal "$(wc -l <want)" 4
  while read -r holder id; do
    lacks "$(<without)" "$id"
    row=$(grep "^$id " with)
    equal "$(awk '{ print $3 }' <<<"$row")" 0
    case $holder in
      mount) contains "$row" /mnt/net ;;
      descriptor) contains "$row" /fd/7 ;;
      thread) contains "$row" /task/ ;;
      child) contains "$row" /ns/time_for_children ;;
    esac
  done <want
}

@test "a process that gives itself a hostile name cannot make a row, or act on a terminal" {
  requires userns python3 jq
  ok alone '
    ln -s "$(command -v sleep)" "a
b"
    python3 -c "
import os
text = \"\\n1/cmdline forged\\n4026531837 user 9 \\033[31m\"
os.execv(\"a\\nb\", [text, \"1000\"])" &
    unshare --net python3 -c "
import os
text = \"\\n1/cmdline forged\\n4026531837 user 9 \\033[31m\\udcff\"
os.execv(\"a\\nb\", [text + \"\\n\", \"1000\"])" &
    sleep 0.7
    "$1" >rows
    "$1" --namespace "$(readlink /proc/self/ns/net | tr -dc 0-9)" >members
    "$1" --json >json
    readlink /proc/[0-9]*/ns/* | tr -dc "0-9\\n" >ids
    kill -9 -1'
  equal "$(tail -n +2 rows | cut -d ' ' -f 1 | sort)" "$(sort -u ids)"
  lacks "$(cat rows members json)" $'\033'
  grep -q 'forged' rows
  equal "$(grep -c '^ *1  ' members)" 1
  # jq takes bytes that are not UTF-8.
  ok python3 -c 'import json; json.load(open("json", encoding="utf-8"))'
}

@test "processes that end meanwhile are no error" {
  requires userns
  ok alone '
    (while :; do sh -c : ; done) & (while :; do (:); done) &
    for i in 1 2 3 4 5 6 7 8 9 10; do "$1" >out 2>>err || echo "status $?" >>err; done
    "$1" --all >/dev/null 2>>err || echo "all $?" >>err
    kill -9 -1'
  equal "$(<err)" ''
}

@test "a container has its name beside what it began" {
  requires busybox jq userns
  make_rootfs b/rootfs
  "$project/scripts/mkbundle" made "$(type -P true)"
  jq '.process.terminal = false | .process.args = ["sleep", "1000"]' made/config.json >b/config.json
  "$runsh" run --detach -b b "cinf-$$" </dev/null >said 2>&1 3>&- 4>&-
  pid=$("$runsh" state "cinf-$$" | jq .pid)
  ok "$project/scripts/cinf" --pid "$pid"
  "$runsh" delete --force "cinf-$$"
  for type in mnt pid uts; do
    equal "$(awk -v "type=$type" '$2 == type { print $5, $6, $7 }' <<<"$output")" "runsh:cinf-$$ sleep 1000"
  done
  equal "$(awk '$2 == "time" { print $5 }' <<<"$output" | grep -c runsh:)" 0
}

@test "the settings of a cgroup, and some of them again and again" {
  while IFS=: read -r number controllers _; do
    ok "$project/scripts/cinf" --cgroup "self:$number" || ok "$project/scripts/cinf" --cgroup "$$:$number"
    contains "$output" 'cgroup /'
    contains "$output" cgroup.procs
    [ -z "$controllers" ] || ok "$project/scripts/cinf" --cgroup "$$:${controllers%%,*}"
  done < <(head -n 2 "/proc/$$/cgroup")
  ok "$project/scripts/cinf" --mon "$$:cgroup.procs" --once
  contains "$output" 'cgroup.procs'
  run timeout 1.5 "$project/scripts/cinf" --mon "$$:cgroup.procs"
  equal "$(grep -c 'cgroup.procs' <<<"$output")" 2
  expect 1 "$project/scripts/cinf" --mon "$$:../x" --once
  contains "$stderr" "cinf: cannot show '../x': it is not a file of a cgroup"
  expect 1 "$project/scripts/cinf" --mon "$$:nosuch" --once
  contains "$stderr" "cinf: cannot find 'nosuch' in the cgroups of the process '$$'"
  expect 1 "$project/scripts/cinf" --cgroup "$$:nosuch"
  contains "$stderr" "cinf: cannot find the hierarchy 'nosuch' of the process '$$'"
}

@test "an ordinary user is told what may not be seen" {
  requires user jq
  ok "$project/scripts/cinf"
  grep -qE "^cinf: cannot read the namespaces of [0-9]+ process(es)?\$" <<<"$stderr"
  contains "$stderr" 'hint: they belong to other users, or may do more than this one'
  contains "$output" "$(readlink /proc/self/ns/net | tr -dc 0-9)"
  # What may not be read is no namespace without a number.
  ok "$project/scripts/cinf" --all -J
  jq -e 'all(.namespace > 0 and .type != "")' <<<"$output"
}

@test "at 2,000 processes it takes at most 1.5 times as long as lsns" {
  requires root lsns
  ok alone '
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      (for j in 1 2 3 4 5 6 7 8 9 10; do (for k in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; wait) & done; wait) &
    done
    until [ "$(ls /proc | grep -c "^[0-9]")" -gt 2000 ]; do sleep 0.2; done
    for i in 1 2 3 4 5; do
      start=$(date +%s%N); lsns >/dev/null; middle=$(date +%s%N); "$1" >/dev/null; end=$(date +%s%N)
      echo $((middle - start)) >>lsns
      echo $((end - middle)) >>cinf
    done
    kill -9 -1'
  ours=$(sort -n cinf | head -n 1) theirs=$(sort -n lsns | head -n 1)
  [ $((ours * 2)) -le $((theirs * 3)) ] || {
    echo "cinf $ours, lsns $theirs"
    return 1
  }
}

@test "a wrong command line is refused" {
  while IFS='|' read -r words message; do
    # shellcheck disable=SC2086 # A row of words.
    expect 1 "$project/scripts/cinf" $words
    contains "$stderr" "cinf: $message"
  done <<'TABLE'
--nosuch|invalid option '--nosuch'
x|unexpected operand 'x'
--pid|option '--pid' needs a value
--pid x|invalid value 'x' of '--pid': it is a number
--namespace 1 --pid 1|only one of --namespace, --pid, --cgroup and --mon can be given
--once|--once needs --mon
-t disk|invalid type 'disk': it is cgroup, ipc, mnt, net, pid, time, user or uts
-o NS,PATH|invalid column 'PATH'
-o|option '-o' needs a value
-o NS --json|--json excludes --output
-t net --namespace 1|--type and --output exclude --namespace
--mon 1|invalid value '1' of '--mon'
--cgroup 4194305:1|cannot find the process '4194305': No such process
--cgroup 1:1 --json|--all, --tree and --json exclude --cgroup
--namespace 1 --all|--all and --tree exclude --namespace
TABLE
}
