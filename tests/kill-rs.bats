#!/usr/bin/env bats
# kill-rs, beside the classic kill where that has the same.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats and the helpers assign output, status, stderr and project.

load helpers

# nap: starts a process that takes any signal; $nap is its number.
nap() {
  sleep 600 3>&- &
  nap=$!
}

# ended_by SIGNAL: the process has ended by this signal.
ended_by() {
  local got=0
  wait "$nap" || got=$?
  equal "$got" "$((128 + $1))"
}

# start_of PID: field 22 of /proc/PID/stat, of a name without blanks.
start_of() {
  cut -d' ' -f22 "/proc/$1/stat"
}

@test "signals by name and number, in every form of the classic" {
  for form in '' -TERM -15 -SIGTERM '-s TERM' '-s sigterm' '--signal 15' '--signal=term' '-s15'; do
    nap
    # shellcheck disable=SC2086 # Words.
    ok kill-rs $form "$nap"
    ended_by 15
  done
  nap
  ok kill-rs "$nap" --signal KILL
  ended_by 9
}

@test "signal 0 asks alone, several processes get one signal, and a part of them is a status of its own" {
  nap
  ok kill-rs -0 "$nap" "$$"
  ok kill-rs -s 0 "$nap"
  gone=$(sh -c 'echo $$')
  expect 1 kill-rs -0 "$gone"
  contains "$stderr" "kill-rs: cannot find the process '$gone': No such process"
  expect 64 kill-rs -9 "$gone" "$nap"
  ended_by 9
}

@test "a process group, the own one and names" {
  setsid sh -c 'sleep 600 & sleep 600' 3>&- &
  sleep 0.1
  nap=$!
  group=$(cut -d' ' -f5 "/proc/$nap/stat")
  equal "$group" "$nap"
  expect 1 kill-rs -s KILL -- "-$gone$group$group"
  ok kill-rs -KILL "-$group"
  ended_by 9
  while pgrep -g "$group" --runstates R,S,D >/dev/null; do sleep 0.01; done
  ok setsid -w sh -c 'trap "exit 0" TERM; kill-rs 0; exit 1'
  for wrong in name 7x '' '-9 -s 9 7' '-s FOO 7' '-FOO 7' '--queue 1 7' '-a 7' '--timeout 1 KILL 7'; do
    # shellcheck disable=SC2086 # Words.
    expect 1 kill-rs $wrong
    contains "$stderr" "Try 'kill-rs --help' for more information."
  done
}

@test "signals are listed and converted as the classic does" {
  classic=$(type -P kill)
  for signal in 9 15 17 TERM KILL HUP; do
    ok "$classic" -l "$signal"
    want=$output
    ok kill-rs -l "$signal"
    equal "$output" "$want"
  done
  ok kill-rs -l 137
  equal "$output" KILL
  ok kill-rs --list
  contains " $output " ' HUP INT QUIT ILL TRAP '
  ok kill-rs -L
  contains "$output" ' 9 KILL '
}

@test "--start-time: only the very process" {
  nap
  start=$(start_of "$nap")
  expect 1 kill-rs -s KILL --start-time "$((start - 1))" "$nap"
  contains "$stderr" "cannot find the process '$nap': the process of this number has started at another time"
  kill -0 "$nap"
  ok kill-rs -s KILL --start-time "$start" "$nap"
  ended_by 9
  expect 1 kill-rs -s KILL --start-time "$start" "$nap"
  contains "$stderr" 'No such process'
  expect 1 kill-rs --start-time "$start" "$nap" "$$"
  contains "$stderr" '--start-time is for one process'
}

# The number of the process is given to another one as often as it takes.
@test "--start-time: a process that got the number of another is not signalled" {
  requires root
  cat >recycle.sh <<'END'
sleep 600 &
first=$!
start=$(cut -d' ' -f22 "/proc/$first/stat")
kill -9 "$first"
wait "$first"
sleep 0.05
echo $((first - 1)) >/proc/sys/kernel/ns_last_pid
sleep 600 &
[ "$!" = "$first" ] || exit 3
kill-rs -s KILL --start-time "$start" "$first" && exit 4
kill -0 "$!"
END
  ok unshare --pid --fork --mount-proc --kill-child sh recycle.sh
  contains "$stderr" 'has started at another time'
}

@test "PID:INODE is that process and no later one" {
  requires python3 kernel 6.9
  nap
  inode=$(python3 -c 'import os, sys; print(os.fstat(os.pidfd_open(int(sys.argv[1]))).st_ino)' "$nap")
  expect 1 kill-rs -KILL "$nap:1"
  contains "$stderr" 'is not the one of that inode'
  ok kill-rs -KILL "$nap:$inode"
  ended_by 9
}

@test "another user's process is refused, and the reason is told" {
  requires user
  expect 1 kill-rs -0 1
  contains "$stderr" "cannot signal the process '1': Operation not permitted"
  contains "$stderr" 'CAP_KILL'
}
