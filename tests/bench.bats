#!/usr/bin/env bats
# bench: that each table is measured to its end. What the times are is nothing that a test could say.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")

@test "each table has its rows, and nothing is left behind" {
  requires root hyperfine runc crun bwrap busybox jq cc script
  mkdir scratch
  ok env RUNS=2 TMPDIR="$PWD/scratch" "$project/scripts/bench" start unshare roots bindmount seccomp
  for row in 'runc run' 'crun run' bwrap 'runsh run' 'start and exit of a container' 'its command line alone' 'unshare -Umr true' \
    'chroot / true' 'nsenter --target PID --all true' 'pivot_root NEW_ROOT PUT_OLD' '1,000 lines, mount -a -T'; do
    [[ $output =~ $row\ +[0-9]+\.[0-9]+\ ms ]]
  done
  for row in getppid 'mount, which is denied'; do
    [[ $output =~ $row\ +[0-9]+\ ns ]]
  done
  equal "$(ls -A scratch)" ''
}

@test "the table of cgroups has its rows, and no cgroup is left" {
  requires root hyperfine cgexec
  find /sys/fs/cgroup -type d -name 'bench-*' >before
  mkdir scratch
  ok env RUNS=2 TMPDIR="$PWD/scratch" "$project/scripts/bench" cgroups
  for row in 'cgexec -g pids:PATH true' 'PATH true' 'cgcreate, cgset and cgexec, then cgdelete'; do
    [[ $output =~ $row\ +[0-9]+\.[0-9]+\ ms ]]
  done
  equal "$(find /sys/fs/cgroup -type d -name 'bench-*')" "$(cat before)"
  equal "$(ls -A scratch)" ''
}

@test "what bench refuses" {
  expect 1 "$project/scripts/bench" odd
  contains "$stderr" "unknown table 'odd'"
  requires user
  expect 1 "$project/scripts/bench" start
  contains "$stderr" 'needs root'
}
