#!/usr/bin/env bats
# The cgroup of a container: its limits and its devices, and what a hostile container tries against them.
# shellcheck disable=SC2030,SC2031,SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh
id=cgroups-$$

# A program that raises the limits of its own cgroup: in a mount that it has, or makes in new namespaces.
setup_file() {
  cat >"$BATS_FILE_TMPDIR/raise.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

static int put(const char *file, const char *text) {
  int fd = open(file, O_WRONLY);
  int result = fd < 0 ? -1 : (int)write(fd, text, strlen(text));
  if (fd >= 0)
    close(fd);
  return result;
}

/* raise TYPE DATA FILE VALUE: mounts TYPE with DATA, in new namespaces, and writes VALUE to FILE of its root, also from a
   cgroup namespace below it. Says how many processes there can then be. */
int main(int argc, char **argv) {
  char map[64], path[256];
  (void)argc;
  snprintf(map, sizeof map, "%d %d 1", 0, (int)getuid());
  say("unshare", unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP));
  put("/proc/self/setgroups", "deny");
  put("/proc/self/uid_map", map);
  mkdir("/tmp/m", 0755);
  say("mount", mount("none", "/tmp/m", argv[1], 0, *argv[2] ? argv[2] : NULL));
  snprintf(path, sizeof path, "/tmp/m/%s", argv[3]);
  say("write", put(path, argv[4]));
  say("mkdir", mkdir("/tmp/m/below", 0755));
  say("move", put("/tmp/m/below/cgroup.procs", "0"));
  unshare(CLONE_NEWCGROUP);
  say("write", put(path, argv[4]));
  fflush(stdout);
  int count = 0;
  for (; count < 50; count++) {
    pid_t pid = fork();
    if (pid < 0)
      break;
    if (pid == 0) {
      /* The reader of the output would wait. */
      close(1);
      close(2);
      pause();
      _exit(0);
    }
  }
  printf("processes: %s\n", count < 50 ? "limited" : "many");
  return 0;
}
C
  cc -static -O1 -o "$BATS_FILE_TMPDIR/raise" "$BATS_FILE_TMPDIR/raise.c"
}

teardown() {
  # Of a test that has failed.
  find /sys/fs/cgroup -path "*/$id/cgroup.kill" -exec sh -c 'echo 1 >"$1"' sh {} \; 2>/dev/null || true
  find /sys/fs/cgroup -depth -type d -path "*$id*" -exec rmdir {} + 2>/dev/null || true
  nothing_left
}

# bundle [FILTER]: the bundle b, of busybox and the attacker, without a terminal.
bundle() {
  mkdir -p b/rootfs/etc b/rootfs/tmp
  make_rootfs b/rootfs
  cp "$BATS_FILE_TMPDIR/raise" b/rootfs/bin
  spec-rs --new | jq ".process.terminal = false | .root.readonly = false | ${1:-.}" >b/config.json
}

change() {
  jq "$1" b/config.json >changed
  mv changed b/config.json
}

# inside SCRIPT: what the shell of the bundle b says to SCRIPT.
inside() {
  jq --arg script "$1" '.process.args = ["sh", "-c", $script]' b/config.json >changed
  mv changed b/config.json
  "$runsh" run -b b "$id" </dev/null
}

# The cgroups of the test that there are.
cgroups() {
  find /sys/fs/cgroup -type d -name "*$id*"
}

has_v1() {
  grep -q "^[0-9]*:\([^:]*,\)*$1[,:]" /proc/self/cgroup
}

# writable: no cgroup mount of the bundle is read-only.
writable='(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'

@test "a container has a cgroup of its own, which goes when it ends" {
  requires root busybox jq cc
  # In a cgroup namespace it would not see the name.
  bundle '.linux.namespaces -= [{type: "cgroup"}]'
  ok inside 'cat /proc/self/cgroup'
  local line
  while IFS= read -r line; do
    contains "$line" "/runsh-$id"
  done <<<"$output"
  equal "$(cgroups)" ''
  expect 7 inside 'exit 7'
  equal "$(cgroups)" ''
  # By name, from the mount point on, or from the caller's own cgroup.
  change ".linux.cgroupsPath = \"/$id/a\""
  ok inside 'cat /proc/self/cgroup'
  contains "$output" ":/$id/a"
  change ".linux.cgroupsPath = \"../../$id\""
  ok inside 'cat /proc/self/cgroup'
  contains "$output" "/$id"
  lacks "$output" ..
}

@test "a process that daemonises ends with the container, without a pid namespace too" {
  requires root busybox jq cc
  bundle '.linux.namespaces -= [{type: "pid"}] | .linux.maskedPaths = [] | .linux.readonlyPaths = []
    | .mounts -= [.mounts[] | select(.type == "proc")]'
  ok inside 'setsid sh -c "while :; do sleep 0.01; done" >/dev/null 2>&1 & setsid setsid sleep 4242 & sleep 0.1; echo started'
  equal "$output" started
  expect 1 pgrep -f 'sleep 4242'
  equal "$(cgroups)" ''
}

@test "a second container of one name is refused, and does not end the first" {
  requires root busybox jq cc
  bundle
  change '.process.args = ["sh", "-c", "echo up; exec sleep 5000"]'
  "$runsh" run -b b "$id" </dev/null >first 2>&1 3>&- &
  local first=$!
  until grep -q up first; do sleep 0.01; done
  expect 1 "$runsh" run -b b "$id" </dev/null
  contains "$stderr" 'container with given ID already exists'
  # Nor does a path lead there.
  local path
  path=$(sed -n 's/^0:://p' "/proc/$(pgrep -P "$first" | head -n 1)/cgroup")
  contains "$path" "runsh-$id"
  change ".linux.cgroupsPath = \"/x/..${path%/container}\""
  expect 1 "$runsh" run -b b "$id-2" </dev/null
  ok kill -0 "$first"
  # The supervisor, which removes the cgroup, lives on.
  pkill -9 -P "$first"
  wait "$first" || true
  until [ -z "$(cgroups)" ]; do sleep 0.01; done
}

@test "limits are those of the file, and what a container sees of them" {
  requires root busybox jq cc
  has_v1 pids || skip 'needs the pids controller in a hierarchy of version 1'
  bundle '.linux.resources.pids.limit = 20 | .linux.resources.memory = {limit: 67108864} | .linux.resources.cpu = {shares: 512, cpus: "0"}'
  ok inside 'cd /sys/fs/cgroup; cat pids/pids.max memory/memory.limit_in_bytes cpu/cpu.shares cpuset/cpuset.cpus'
  equal "$output" $'20\n67108864\n512\n0'
  # The cgroup of the limits is above, where the container does not see it.
  expect 1 inside 'ls /sys/fs/cgroup/pids/../container /sys/fs/cgroup/pids/container'
  ok inside 'i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i + 1)); done 2>&1 | grep -o "resource temporarily" | head -n 1'
  lacks "$output" 5
}

@test "a limit that the kernel does not take is named, and nothing is left" {
  requires root busybox jq cc
  bundle '.linux.resources.cpu = {cpus: "4000"}'
  expect 1 inside 'echo ran'
  contains "$stderr" 'cpuset.cpus=4000'
  equal "$output" ''
  equal "$(cgroups)" ''
}

@test "a memory limit that is too low for the start is the reason that is given" {
  requires root busybox jq cc
  bundle '.linux.resources.memory.limit = 262144'
  expect 137 inside 'echo ran'
  contains "$stderr" 'the kernel killed a process for its memory, and the limit may be too low'
  contains "$stderr" "$id"
  equal "$output" ''
  equal "$(cgroups)" ''
}

@test "raising the own limits: the mount of the bundle, a new mount, a second namespace below" {
  requires root busybox jq cc
  bundle ".linux.resources.pids.limit = 20 | $writable"
  local namespace type data
  type=cgroup2 data=''
  ! has_v1 pids || type=cgroup data=pids
  for namespace in '[]' '[{type: "cgroup"}]'; do
    change ".linux.namespaces = (.linux.namespaces - [{type: \"cgroup\"}] + $namespace)"
    # What is written counts for nothing.
    ok inside 'for f in /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; do [ ! -e $f ] || echo max >$f; done
      exec 2>/dev/null; raise none "" x y | tail -n 1'
    equal "$output" 'processes: limited'
    ok inside "raise $type '$data' pids.max max 2>&1"
    contains "$output" 'processes: limited'
  done
}

@test "raising the own limits with CAP_SYS_ADMIN: leaving the cgroup, lifting the device rules" {
  requires root busybox jq cc
  has_v1 devices || skip 'needs the devices controller in a hierarchy of version 1'
  bundle ".linux.resources.pids.limit = 20 | $writable | .process.capabilities |= map_values([\"CAP_SYS_ADMIN\"])"
  mknod b/rootfs/node c 10 237
  ok inside 'mkdir /tmp/d /tmp/p
    mount -t cgroup -o devices none /tmp/d && mount -t cgroup -o pids none /tmp/p && echo mounted
    ls /tmp/d | grep -c runsh
    for m in /tmp/d /sys/fs/cgroup/devices; do echo a >$m/devices.allow; done 2>/dev/null
    echo 0 >/tmp/d/tasks; echo max >/tmp/p/pids.max; (: </node) 2>&1
    raise none "" x y 2>/dev/null | tail -n 1'
  contains "$output" mounted
  contains "$output" $'\n0\n'
  contains "$output" 'node: Operation not permitted'
  contains "$output" 'processes: limited'
}

@test "with CAP_SYS_ADMIN and no limits the cgroups that can be mounted are the own" {
  requires root busybox jq cc
  bundle '.linux.resources = {devices: [{allow: true, access: "rwm"}]} | .linux.namespaces -= [{type: "cgroup"}]
    | .process.capabilities |= map_values(["CAP_SYS_ADMIN"])'
  local type='-t cgroup2'
  ! has_v1 pids || type='-t cgroup -o pids'
  ok inside "mkdir /tmp/c && mount $type none /tmp/c && echo mounted; find /tmp/c -mindepth 1 -type d; ls /tmp/c/release_agent 2>/dev/null; true"
  equal "$output" mounted
}

@test "a mount of the type cgroup2 is the container's own" {
  requires root busybox jq cc cgroup2
  local namespace
  bundle '.mounts += [{destination: "/m", type: "cgroup2", source: "cgroup", options: ["rw", "nsdelegate"]}]'
  for namespace in '[]' '[{type: "cgroup"}]'; do
    change ".linux.namespaces = (.linux.namespaces - [{type: \"cgroup\"}] + $namespace)"
    # The root has no cgroup.events.
    ok inside 'ls /m/cgroup.events; find /m -mindepth 1 -type d'
    equal "$output" /m/cgroup.events
  done
}

@test "another container's cgroup is out of reach" {
  requires root busybox jq cc
  bundle "$writable"
  change '.process.args = ["sh", "-c", "echo up; exec sleep 5000"]'
  "$runsh" run -b b "$id-other" </dev/null >first 2>&1 3>&- &
  local first=$!
  until grep -q up first; do sleep 0.01; done
  ok inside 'find / -name "*-other*" 2>/dev/null; ls -a /sys/fs/cgroup/*/.. | grep -e other; echo $$ >/sys/fs/cgroup/../unified/cgroup.procs; true'
  equal "$output" ''
  # The supervisor, which removes the cgroup, lives on.
  pkill -9 -P "$first"
  wait "$first" || true
  until [ -z "$(cgroups)" ]; do sleep 0.01; done
}

# delegate RESOURCES: a tree of version 2, $tree, that root gives to nobody, as systemd delegates one, and the bundle b for it,
# with the program /attack from standard input. It runs as root of a user namespace of its own too.
delegate() {
  requires root userns busybox jq cc cgroup2
  tree=$(findmnt -nrt cgroup2 -o TARGET | head -n 1)/$id
  mkdir "$tree" "$tree/own"
  chown 65534:65534 "$tree" "$tree"/cgroup.{procs,subtree_control,threads} "$tree"/own{,/cgroup.{procs,subtree_control,threads}}
  bundle
  mkdir -p b/rootfs/m
  cp "$(type -P unshare-rs)" "$(type -P bindmount-rs)" b/rootfs/bin
  spec-rs --new --rootless | jq ".process.terminal = false | .root.readonly = false | .linux.resources = $1
    | $writable | (.mounts[] | select(.type == \"cgroup\")).type = \"cgroup2\" | .linux.uidMappings[].hostID = 65534 | .linux.gidMappings[].hostID = 65534" >b/config.json
  cat >b/rootfs/attack
  chmod +x b/rootfs/attack
  change '.process.args = ["sh", "-c", "/attack; unshare-rs -UmC --keep-caps /attack; unshare-rs -UmC --keep-caps bindmount-rs -t cgroup2 none /m -- /attack"]'
  chown -R 65534:65534 .
  # bats makes it for root alone.
  chmod a+x "$BATS_RUN_TMPDIR"
}

# delegated BUNDLE ID: starts it as nobody in that tree.
delegated() {
  mkdir -p "$RUNSH_ROOT"
  chown 65534:65534 "$RUNSH_ROOT"
  sh -euc 'echo 0 >"$0/own/cgroup.procs"; exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' "$tree" \
    "$runsh" run -b "$1" "$2" </dev/null
}

@test "delegated to an ordinary user: raising the own limits" {
  # The limit needs no controller. It counts the cgroups below, and the container's own is one of them.
  delegate '{unified: {"cgroup.max.descendants": "5"}}' <<'A'
#!/bin/sh
exec 2>/dev/null
for top in /m /sys/fs/cgroup /sys/fs/cgroup/unified; do
  [ -e $top/cgroup.controllers ] || continue
  for up in . .. ../.. ../../..; do
    echo max >$top/$up/cgroup.max.descendants
    echo $$ >$top/$up/cgroup.procs
    echo $$ >$top/$up/own/cgroup.procs
  done
  i=0
  while [ $i -lt 30 ] && mkdir $top/x$i; do i=$((i + 1)); done
  echo made $i
  rmdir $top/x*
done
A
  local namespace
  for namespace in '[]' '[{type: "cgroup"}]'; do
    change ".linux.namespaces = (.linux.namespaces - [{type: \"cgroup\"}] + $namespace)"
    ok delegated b "$id"
    equal "$(sort -u <<<"$output")" 'made 4'
    equal "$(cat "$tree/cgroup.max.descendants")" max
    equal "$(find "$tree" -mindepth 1 -type d)" "$tree/own"
  done
}

@test "delegated to an ordinary user: another container's cgroup" {
  delegate '{}' <<'A'
#!/bin/sh
exec 2>/dev/null
[ ! -e /m/cgroup.controllers ] || echo mounted
find /m /sys/fs/cgroup -name '*other*'
for top in /m /sys/fs/cgroup /sys/fs/cgroup/unified; do
  [ -e $top/cgroup.controllers ] || continue
  for up in . .. ../.. ../../..; do
    other=$(echo $top/$up/*other*)
    echo $$ >$other/cgroup.procs && echo joined
    echo 1 >$other/cgroup.kill && echo killed
    echo 1 >$other/cgroup.freeze && echo frozen
  done
done
A
  cp -a b c
  jq '.process.args = ["sh", "-c", "echo up; exec sleep 5000"]' b/config.json >c/config.json
  delegated c "$id-other" >first 2>&1 3>&- &
  local first=$! other namespace
  until grep -q up first; do sleep 0.01; done
  other=$(find "$tree" -type d -name "*$id-other")
  [ -n "$other" ]
  for namespace in '[]' '[{type: "cgroup"}]'; do
    change ".linux.namespaces = (.linux.namespaces - [{type: \"cgroup\"}] + $namespace)"
    ok delegated b "$id"
    equal "$output" mounted
    contains "$(cat "$other/cgroup.events")" 'populated 1'
    contains "$(cat "$other/cgroup.events")" 'frozen 0'
  done
  echo 1 >"$other/cgroup.kill"
  wait "$first" || true
  equal "$(find "$tree" -mindepth 1 -type d)" "$tree/own"
}

@test "the cgroup of a container equals that of runc" {
  requires root busybox jq cc runc
  has_v1 memory || skip 'needs the memory controller in a hierarchy of version 1'
  bundle '.linux.resources = {devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 237, access: "rw"}],
      pids: {limit: 33}, memory: {limit: 67108864, reservation: 33554432, swappiness: 7, disableOOMKiller: true},
      cpu: {shares: 300, quota: 50000, period: 70000, cpus: "0", mems: "0"}}'
  # The values of all files that have one, but for what is counted.
  local look='cd /sys/fs/cgroup; for f in */*; do case $f in
      */cgroup.* | */tasks | *stat* | *usage* | *events* | *failcnt | *current | *peak | *pressure* | *numa* | *oom_control | *.kmem.* | *.force_empty) ;;
      *) [ ! -f "$f" ] || echo "$f: $(cat "$f" 2>/dev/null | sort)" ;;
    esac; done; grep oom_kill_disable memory/memory.oom_control'
  ok inside "$look"
  equal "${#lines[@]}" "$(wc -l <<<"$output")"
  [ "${#lines[@]}" -gt 20 ]
  grep -v 'devices.list\|^[bc] ' <<<"$output" >ours
  ok bash -c 'cd b && echo | runc --root "$0/state" run "$1"' "$PWD" "$id-runc"
  grep -v 'devices.list\|^[bc] ' <<<"$output" >theirs
  ok diff theirs ours
}

@test "--systemd-cgroup: the container is in a scope that systemd was asked for" {
  requires root cgroup2 busybox jq cc
  bundle ".linux.cgroupsPath = \"cgroups-$$.slice:a:b\" | .linux.namespaces -= [{type: \"cgroup\"}]"
  mkdir bin
  # Does what systemd does when it is called like this, and knows a scope of this name that has failed.
  cat >bin/busctl <<'S'
#!/bin/sh
set -eu
manager="call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
case $* in
  "$manager ResetFailedUnit s a-b.scope") exec touch "$0.reset" ;;
  "$manager StartTransientUnit ssa(sv)a(sa(sv)) a-b.scope fail 6 PIDs au 1 "[1-9]*" Slice s $SLICE Delegate b true \
CollectMode s inactive-or-failed DefaultDependencies b false TasksMax t 18446744073709551615 0") ;;
  *) exit 9 ;;
esac
[ -e "$0.reset" ] || {
  echo 'Call failed: Unit a-b.scope was already loaded or has a fragment file.' >&2
  exit 1
}
mkdir -p "/sys/fs/cgroup/${SLICE%%-*}.slice/$SLICE/a-b.scope"
sleep 0.1
echo "${13}" >"/sys/fs/cgroup/${SLICE%%-*}.slice/$SLICE/a-b.scope/cgroup.procs"
S
  chmod +x bin/busctl
  local flags
  flags=$(findmnt -nlt cgroup2 -o FS-OPTIONS | head -n 1)
  change '.process.args = ["sh", "-c", "cat /proc/self/cgroup; ls -d /sys/fs/cgroup/container /sys/fs/cgroup/supervisor; ls /sys/fs/cgroup"]'
  run --separate-stderr unshare --mount env PATH="$PWD/bin:$PATH" SLICE="cgroups-$$.slice" sh -euc 'umount --recursive /sys/fs/cgroup
    mount -t cgroup2 -o "$1" none /sys/fs/cgroup; "$2" --systemd-cgroup run -b b "$3" </dev/null; echo "status $?"
    cd /sys/fs/cgroup/cgroups.slice && find . -depth -type d; find . -depth -type d -exec rmdir {} \;; rmdir ../cgroups.slice' \
    sh "$flags" "$runsh" "$id"
  contains "$output" "0::/cgroups.slice/cgroups-$$.slice/a-b.scope/container"
  contains "$output" cgroup.procs
  contains "$output" 'status 0'
  # The supervisor has ended; the scope is for systemd to remove.
  contains "$output" "./cgroups-$$.slice/a-b.scope/supervisor"
  lacks "$output" "./cgroups-$$.slice/a-b.scope/container"
  # Without a bus it says how to get one.
  printf '#!/bin/sh\necho "Failed to connect to bus: No such file or directory" >&2\nexit 1\n' >bin/busctl
  expect 1 unshare --mount env PATH="$PWD/bin:$PATH" sh -euc 'umount --recursive /sys/fs/cgroup
    mount -t cgroup2 -o "$1" none /sys/fs/cgroup; exec "$2" --systemd-cgroup run -b b "$3" </dev/null' sh "$flags" "$runsh" "$id"
  equal "$stderr" $'runsh: cannot start a-b.scope: no bus leads to systemd\nhint: install dbus, or leave out --systemd-cgroup'
}

runs() {
  contains "$("$runsh" list)" running
}

# stops_at_once OPTION... -- ARGUMENT...: of systemd-run and of runsh. A minute and a half would be systemd's patience.
stops_at_once() {
  local -a options=(--setenv=PATH="$PATH" --setenv=RUNSH_TOOLS="$RUNSH_TOOLS")
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  ok systemd-run --quiet --unit "$id" "${options[@]}" "$runsh" --root "$RUNSH_ROOT" "$@" "$id"
  eventually runs
  SECONDS=0
  ok systemctl stop "$id"
  [ "$SECONDS" -le 5 ]
  expect 3 systemctl is-active "$id"
  equal "$output" inactive
  equal "$(cgroups)" ''
}

@test "a container as a unit of systemd stops at once, and nothing of it stays" {
  requires root systemd busybox jq cc
  bundle '.process.args = ["sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 0.1; done"]'
  stops_at_once --service-type exec -- run -b "$PWD/b"
  stops_at_once --service-type exec -- --systemd-cgroup run -b "$PWD/b"
  stops_at_once --service-type forking --property "PIDFile=$PWD/pid" --property "ExecStopPost=$runsh --root $RUNSH_ROOT delete --force $id" -- \
    run --detach --pid-file "$PWD/pid" -b "$PWD/b"
}
