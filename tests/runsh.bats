#!/usr/bin/env bats
# runsh: an OCI bundle as one command line. What the container is, is read off the kernel, inside and outside.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC1003,SC2016 # Backslashes are meant, and the shell inside expands what it gets.

load helpers
load bundle

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh

# bundle DIR [FILTER]: a bundle of busybox, with a config.json that the jq FILTER has changed.
bundle() {
  mkdir -p "$1"
  make_rootfs "$1/rootfs"
  mkdir -p "$1/rootfs/etc" "$1/rootfs/tmp"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$1/rootfs/etc/passwd"
  specification >spec.json
  jq ".process.terminal = false | ${2:-.}" spec.json >"$1/config.json"
}

# specification: what "runc spec" writes for this user; a test of mkbundle compares the two.
specification() {
  mkdir -p empty
  : >empty/a
  [ -e made/config.json ] || "$project/scripts/mkbundle" made "$(type -P true)"
  cat made/config.json
}

# change FILTER: of the bundle b.
change() {
  jq "$1" b/config.json >changed
  mv changed b/config.json
}

# inside SCRIPT [ARGUMENT...]: what the shell of the bundle b says to SCRIPT.
inside() {
  jq --arg script "$1" '.process.args = ["sh", "-c", $script, "sh"] + $ARGS.positional' b/config.json --args "${@:2}" >changed
  mv changed b/config.json
  "$runsh" run -b b box </dev/null
}

# refused MESSAGE [COMMAND...]: runsh fails with status 1 and says MESSAGE; nothing has run and nothing is left.
refused() {
  local message=$1 command=("${@:2}")
  [ $# -gt 1 ] || command=("$runsh" run -b b box)
  files >before
  expect 1 "${command[@]}" </dev/null
  contains "$stderr" "$message"
  equal "$output" ''
  files >after
  ok diff before after
}

files() {
  find . \( -path './separate-stderr*' -o -name before -o -name after \) -prune -o -printf '%p %y %l\n' | sort
}

@test "a bundle of runc's is the same container as under runc" {
  requires runc
  mkdir b
  make_rootfs b/rootfs
  if is_root; then
    runc spec -b b
  else
    runc spec --rootless -b b
  fi
  fit .
  same_container
  contains "$(cat ours.facts)" $'namespace pid new\n'
  contains "$(cat ours.facts)" 'mount /sys /proc/sys ro'
}

@test "what root may ask for is the same container as under runc" {
  requires runc root
  bundle b '.process.user = {uid: 7, gid: 8, umask: 63, additionalGids: [9, 10]}
    | .process.cwd = "/new/place" | .process.oomScoreAdj = 100 | .process.noNewPrivileges = false
    | .process.env += ["A B=c d", "E="] | .root.readonly = false | .hostname = "a-b.c"
    | .process.rlimits += [{type: "RLIMIT_CORE", soft: 0, hard: 1024}, {type: "RLIMIT_STACK", soft: 1048577, hard: 8388608},
                           {type: "RLIMIT_NPROC", soft: 100, hard: 200}]
    | .process.capabilities.inheritable = ["CAP_KILL"] | .process.capabilities.ambient = ["CAP_KILL"]
    | .linux.namespaces |= (. + [{type: "cgroup"}] | unique) | .linux.namespaces -= [{type: "ipc"}]
    | .mounts -= [.mounts[] | select(.type == "mqueue")]'
  fit .
  same_container
}

@test "explain prints the line that run executes" {
  bundle b
  fit .
  facts ran "$runsh" run -b b "$id"
  "$runsh" explain -b b "$id" >chain
  facts explained sh chain
  ok diff ran.facts explained.facts
  change '.process.args = ["cat", "/proc/sys/kernel/hostname"]'
  "$runsh" explain -b b >chain
  # From a pipe too, and from anywhere.
  run bash -c "cd / && '$runsh' explain -b '$PWD/b' | sh"
  contains "$output" runc
  equal "$("$runsh" explain -b b b)" "$(cat chain)"
  equal "$(cd b && "$runsh" explain)" "$(cat chain)"
}

@test "the exit status of the command comes back" {
  bundle b
  for status in 0 1 42 255; do
    change ".process.args = [\"sh\", \"-c\", \"exit $status\"]"
    expect "$status" "$runsh" run -b b box
  done
  change '.process.args = ["nothing"]'
  expect 127 "$runsh" run -b b box
  contains "$stderr" "cannot execute 'nothing': No such file or directory"
  change '.process.args = ["/etc/passwd"]'
  expect 126 "$runsh" run -b b box
}

@test "a signal comes back, and goes in" {
  bundle b
  change '.process.args = ["sh", "-c", "kill -9 $$"] | .linux.namespaces -= [{type: "pid"}]
    | .mounts -= [.mounts[] | select(.type == "proc")] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  expect 137 "$runsh" run -b b box
  bundle b '.process.args = ["sh", "-c", "trap \"echo got it; exit 3\" TERM; echo ready; while :; do sleep 0.1; done"]'
  "$runsh" run -b b box >said </dev/null &
  local runsh_pid=$!
  timeout 20 sh -c 'until grep -q ready said; do sleep 0.05; done'
  kill -TERM "$runsh_pid"
  expect 3 wait_for "$runsh_pid"
  equal "$(cat said)" $'ready\ngot it'
}

# wait_for PID: its exit status, in a shell that is not its parent.
wait_for() {
  tail --pid="$1" -f /dev/null
  return 3
}

@test "the root is the bundle's, whichever way it is changed" {
  bundle b
  local want
  want=$(stat -c %i b/rootfs)
  ok inside 'stat -c %i /'
  equal "$output" "$want"
  change '.process.args = ["stat", "-c", "%i", "/"]'
  ok "$runsh" run --no-pivot -b b box
  equal "$output" "$want"
  contains "$("$runsh" explain --no-pivot -b b)" 'chroot-rs --failure-status 1 --carry'
  contains "$("$runsh" explain -b b)" 'pivot-root-rs --carry'
  # Nothing of the old root is left behind.
  ok inside 'cut -d" " -f5 /proc/self/mountinfo | grep -c "^/$"; ls /..'
  equal "${lines[0]}" 1
  lacks "$output" work
}

@test "without a new mount namespace it is chroot, and nothing is mounted" {
  requires root
  bundle b '.mounts = [] | .linux = {namespaces: [{type: "uts"}]} | .root.readonly = false'
  ok inside 'stat -c %i / && readlink -f / && hostname'
  equal "$output" "$(stat -c %i b/rootfs)"$'\n/\nrunc'
  lacks "$("$runsh" explain -b b)" bindmount-rs
  change '.mounts = [{destination: "/proc", type: "proc"}]'
  refused 'mounts: needs a new mount namespace'
  change '.mounts = [] | .root.readonly = true'
  refused 'root.readonly: needs a new mount namespace'
}

@test "a bind mount's source is relative to the bundle, and its destination is made" {
  bundle b '.mounts += [{destination: "/data/dir", type: "bind", source: "volume", options: ["rbind", "rw"]},
                        {destination: "/data/file", source: "volume/a file", options: ["bind", "ro"]}]'
  mkdir b/volume
  echo text >'b/volume/a file'
  ok inside 'cat "/data/dir/a file" /data/file && echo new >/data/dir/new; echo no >/data/file; true'
  equal "$output" $'text\ntext'
  contains "$stderr" 'Read-only file system'
  equal "$(cat b/volume/new)" new
  [ -d b/rootfs/data/dir ] && [ -f b/rootfs/data/file ]
}

@test "names with blanks, quotes, newlines and backslashes" {
  bundle b
  local name=$'a \'"\\ $(touch hit) `x` \n\tz;#'
  mkdir "b/$name"
  echo it >"b/$name/file"
  jq --arg name "$name" '.mounts += [{destination: ("/" + $name), source: $name, options: ["bind"]}]
    | .process.env += ["X=" + $name] | .process.cwd = ("/" + $name)' b/config.json >changed
  mv changed b/config.json
  ok inside 'pwd; printf "%s\n" "$X" "$1"; cat file' "$name"
  equal "$output" "/$name"$'\n'"$name"$'\n'"$name"$'\nit'
  mv b "$name"
  ok "$runsh" run -b "$name" box
  contains "$output" "$name"
  [ ! -e hit ]
}

@test "a root file system of one static program" {
  requires cc
  mkdir -p b/rootfs
  cc -static -x c -o b/rootfs/only - <<<'#include <unistd.h>
    int main() { return write(1, "it runs\n", 8) != 8; }'
  specification | jq '.process.terminal = false | .process.args = ["/only"]' >b/config.json
  ok "$runsh" run -b b box
  equal "$output" 'it runs'
}

@test "symlinks of the root file system lead nowhere but into it" {
  local name
  for name in proc dev sys data; do
    bundle b '.mounts += [{destination: "/data/made", source: "volume", options: ["bind"]}]'
    mkdir -p b/volume victim
    echo mine >victim/file
    cp -a victim before
    ln -s "$PWD/victim" "b/rootfs/$name"
    run "$runsh" run -b b box </dev/null
    ok diff -r victim before
    rm -r b before victim
  done
}

@test "no descriptor of the caller's gets in" {
  bundle b
  change '.process.args = ["sh", "-c", "[ ! -e /proc/$$/fd/7 ] && [ ! -e /proc/$$/fd/9 ] && [ ! -e /proc/$$/fd/99 ]"]'
  ok bash -c "exec 7</ 99<'$PWD'; exec '$runsh' run -b b box </dev/null"
}

@test "devices: the default ones, and no other" {
  requires root
  bundle b '.root.readonly = false'
  mknod b/rootfs/node c 10 237
  # Outside it opens.
  ok sh -c ': <b/rootfs/node'
  ok inside 'head -c 4 /dev/zero | wc -c; echo x >/dev/null; head -c 1 /node; mknod /dev/x c 1 5; true'
  equal "$output" 4
  contains "$stderr" 'node: Operation not permitted'
  contains "$stderr" 'mknod: /dev/x: Operation not permitted'
  # Nor one that another file system brings along, whatever it says of itself.
  mkdir b/devices
  mknod b/devices/node c 10 237
  cp b/config.json good
  for mount in '"type": "bind", "options": ["rbind"]' '"type": "x", "options": ["rw,bind"]' \
    '"type": "overlay", "options": ["lowerdir=b/devices:b/rootfs/etc"]'; do
    jq ".mounts += [{destination: \"/etc\", source: \"devices\", $mount}]" good | sed "s,=b/,=$PWD/b/,; s,:b/,:$PWD/b/," >b/config.json
    expect 1 inside 'head -c 1 /etc/node'
    contains "$stderr" 'node: Operation not permitted'
  done
  jq '.mounts += [{destination: "/etc", source: "/dev", options: ["rw,rbind"]}]' good >b/config.json
  expect 1 inside 'head -c 1 /etc/loop-control'
  contains "$stderr" 'loop-control: Operation not permitted'
  # As in runc every node may be made, and those that are allowed open.
  cp good b/config.json
  change '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
  ok inside 'mknod /tmp/zero c 1 5 && head -c 4 /tmp/zero | wc -c; mknod /tmp/x c 10 237 && head -c 1 /tmp/x; true'
  equal "$output" 4
  contains "$stderr" '/tmp/x: Operation not permitted'
}

@test "device rules let more devices in" {
  requires root
  [ "$(stat -c %t:%T /dev/loop-control 2>/dev/null)" = a:ed ] || skip 'needs /dev/loop-control'
  bundle b '.linux.devices = [{path: "/dev/loop-control", type: "c", major: 10, minor: 237, fileMode: 8624, gid: 7},
      {path: "/dev/pipe", type: "p", uid: 9}]
    | .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 237, access: "rw"}]'
  ok inside 'stat -c "%F %t:%T %a %u:%g" /dev/loop-control /dev/pipe; : </dev/loop-control'
  equal "$output" $'character special file a:ed 660 0:7\nfifo 0:0 666 9:0'
  change '.linux.resources.devices += [{allow: false, type: "c", major: 10, minor: 237, access: "r"}]'
  expect 1 inside ': >/dev/loop-control && : </dev/loop-control'
  contains "$stderr" 'loop-control: Operation not permitted'
  change '.linux.resources.devices = [{allow: true, access: "rwm"}]'
  ok inside ': </dev/loop-control'
}

@test "a read-only /dev has its devices" {
  bundle b '(.mounts[] | select(.destination == "/dev") | .options) += ["ro"]'
  expect 1 inside 'echo x >/dev/null && echo x >/dev/new'
  contains "$stderr" 'Read-only file system'
}

@test "limits are the same under every shell" {
  bundle b '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1024, hard: 2048}, {type: "RLIMIT_FSIZE", soft: 1048576, hard: 1048576},
    {type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}, {type: "RLIMIT_NOFILE", soft: 99, hard: 100}]'
  change '.process.args = ["cat", "/proc/self/limits"]'
  local shell
  for shell in dash bash 'busybox sh' mksh ksh93 yash 'zsh --emulate sh'; do
    type -P "${shell%% *}" >/dev/null || continue
    # shellcheck disable=SC2086 # a program and its argument
    ok $shell "$runsh" run -b b box
    for limit in 'file size 1048576 1048576' 'core file size 1024 2048' 'stack size 1048576 2097152' 'open files 99 100'; do
      contains "$(tr -s ' ' <<<"$output")" "Max $limit"
    done
  done
}

@test "a default device may be mounted over, by whatever name of /dev" {
  bundle b '.mounts += [{destination: "//dev/./zero/", source: "/dev/null", options: ["bind"]}]
    | (.mounts[] | select(.destination == "/dev") | .destination) |= "//dev/."'
  ok inside 'head -c 1 /dev/zero | wc -c; echo x >/dev/null; head -c 1 /dev/urandom | wc -c'
  equal "$output" $'0\n1'
}

@test "large configurations take no time that grows with their square" {
  bundle b
  cp b/config.json good
  # Each of these took more than ten seconds.
  jq '.process.env = [range(20000) | "A\(.)=b"] + ["Q=" + ("\u0027" * 60000)]
    | .linux.maskedPaths += [range(20) | "/x" + (" " * 200) + tostring]' good >b/config.json
  ok timeout 10 "$runsh" explain -b b
}

@test "a terminal is the console" {
  requires script
  bundle b '.process.terminal = true'
  change '.process.args = ["sh", "-c", "tty; [ -c /dev/console ] && echo hello >/dev/console"]'
  run script -qec "'$runsh' run -b b box" /dev/null
  contains "$output" hello
}

@test "cgroups of version 1, of version 2 and of both are the container's own" {
  requires root
  bundle b '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end) | .linux.namespaces -= [{type: "cgroup"}]'
  change '.process.args = ["sh", "-c",
    "sed -n \"s,^[^ ]* [^ ]* [^ ]* \\([^ ]* /sys/fs/cgroup[^ ]* [^ ]*\\) .*- \\([^ ]*\\) .*,\\1 \\2,p\" /proc/self/mountinfo; ls /sys/fs/cgroup"]'
  # in_layout SCRIPT: with the cgroup file systems that the script mounts, and no other.
  in_layout() {
    ok unshare --mount sh -euc 'umount --recursive /sys/fs/cgroup; mount -t tmpfs none /sys/fs/cgroup
      cd /sys/fs/cgroup; mkdir pids unified; eval "$1"; cd "$OLDPWD"; exec "$2" run -b b box' sh "$1" "$runsh" "${flags:-rw}"
  }
  local v1 v2 flags
  # Another mount of the machine's cgroup2 takes those from it that it does not name.
  flags=$(findmnt -nlt cgroup2 -o FS-OPTIONS | head -n 1)
  v1=$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup) v2=$(sed -n 's/^0:://p' /proc/self/cgroup)

  in_layout 'mount -t cgroup2 -o "$3" none /sys/fs/cgroup'
  # It is beside the caller's own.
  contains "$output" "${v2%/*}/runsh-box /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime cgroup2"
  contains "$output" cgroup.procs

  change '.linux.namespaces += [{type: "cgroup"}]'
  in_layout 'mount -t cgroup2 -o "$3" none /sys/fs/cgroup'
  contains "$output" "/ /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime cgroup2"

  # None at all.
  expect 1 unshare --mount sh -euc 'umount --recursive /sys/fs/cgroup; exec "$1" run -b b box' sh "$runsh"
  contains "$stderr" 'this machine has no cgroup hierarchy'

  [ -n "$v1" ] || skip 'the pids controller is not in a hierarchy of version 1'
  in_layout 'mount -t cgroup -o pids none pids'
  contains "$output" "/ /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime cgroup"
  change '.linux.namespaces -= [{type: "cgroup"}]'
  in_layout 'mount -t cgroup -o pids none pids'
  contains "$output" "${v1%/}/runsh-box /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime cgroup"
  equal "${lines[-1]}" pids
  in_layout 'mount -t cgroup -o pids none pids; mount -t cgroup2 -o "$3" none unified'
  contains "$output" "${v1%/}/runsh-box /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime cgroup"
  equal "${lines[-1]}" pids
}

@test "time, and the name of the domain" {
  requires root
  bundle b '.linux.namespaces += [{type: "time"}] | .domainname = "example.org"
    | .linux.timeOffsets = {monotonic: {secs: 86400}, boottime: {secs: 864000}}'
  ok inside 'cat /proc/self/timens_offsets /proc/sys/kernel/domainname; [ "$(cut -d. -f1 /proc/uptime)" -gt 864000 ]'
  equal "$(tr -s ' ' <<<"$output")" $'monotonic 86400 0\nboottime 864000 0\nexample.org'
}

@test "ids are mapped, and the container's root is who the map says" {
  requires root
  bundle b '.linux.namespaces += [{type: "user"}] | del(.linux.resources)
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 1000}]
    | .process.user.additionalGids = [5]'
  chown -R 100000:200000 b/rootfs
  ok inside 'cat /proc/self/uid_map /proc/self/gid_map; id -u; id -G; stat -c "%u %g" /'
  equal "$(tr -s ' ' <<<"$output")" $' 0 100000 1000\n 0 200000 1000\n0\n0 5\n0 0'
}

# All refusals are tests of spec-rs.
@test "what spec-rs refuses is not started, and leaves nothing behind" {
  bundle b '.linux.cgroupsPath = "/" | .process.args = ["touch", "/hit"] | .root.readonly = false'
  refused "spec-rs: cannot use '$PWD/b/config.json': linux.cgroupsPath: must name a cgroup of the container's own"
  printf '{' >b/config.json
  refused "spec-rs: cannot use '$PWD/b/config.json': it is not JSON: "
  rm b/config.json
  refused "spec-rs: cannot use '$PWD/b/config.json': No such file or directory"
}

@test "what says nothing is let pass" {
  bundle b '.linux.seccomp = null | .hooks = {} | .process.apparmorProfile = "" | .linux.sysctl = {}
    | .process.consoleSize = {height: 25, width: 80} | .annotations = {"a.b/c": "$(x)"} | .solaris = null'
  ok inside 'echo yes'
  equal "$output" yes
}

@test "nothing in a config.json is ever executed" {
  bundle b
  cp b/config.json good
  local word
  for word in '$(touch hit)' '`touch hit`' $'\'; touch hit; \'' $'\n touch hit\n' '"; touch hit; "' $'mounts\ntouch hit\n' '*' '\' '-x' '\u0024(touch hit)'; do
    # In every string and in every name of a field, one at a time.
    while IFS= read -r path; do
      jq --argjson path "$path" --arg word "$word" 'setpath($path; $word)' good >b/config.json
      run "$runsh" run -b b box </dev/null
      [ ! -e hit ] && [ ! -e b/hit ] && [ ! -e b/rootfs/hit ]
    done < <(jq -c 'paths(strings)' good | shuf -n 6 --random-source=<(yes))
    # A property that the specification does not know is ignored, and named in the text.
    jq --arg word "$word" '.process[$word] = "x"' good >b/config.json
    ok "$runsh" explain -b b
    contains "$output" ": 'ignored, since the specification does not know it: process"
    run "$runsh" run -b b box </dev/null
    [ ! -e hit ] && [ ! -e b/hit ] && [ ! -e b/rootfs/hit ]
    jq --arg word "$word" '.process.args = ["printf", "%s", $word] | .process.env += ["W=" + $word]' good >b/config.json
    run "$runsh" run -b b box </dev/null
    equal "$output" "${word%$'\n'}"
  done
  [ ! -e hit ]
}

@test "the environment of runsh is none of the container's" {
  bundle b
  ok env hostname=evil args=evil mounts=evil IFS=o rootfs=/ A=1 "$runsh" explain -b b
  lacks "$output" evil
  ok env A=1 IFS=/ "$runsh" run -b b box </dev/null
  ok inside env
  equal "$(sort <<<"$output")" "$(printf 'HOME=/root\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\nSHLVL=1\nTERM=xterm')"
}

@test "the command line" {
  bundle b
  expect 1 "$runsh"
  contains "$stderr" 'missing command'
  contains "$stderr" "Try 'runsh --help' for more information."
  expect 1 "$runsh" begin box
  contains "$stderr" "unknown command 'begin'"
  expect 1 "$runsh" run -b b
  contains "$stderr" 'missing operand: ID'
  expect 1 "$runsh" run -b b a b
  contains "$stderr" "unexpected operand 'b'"
  expect 1 "$runsh" run --odd
  contains "$stderr" "invalid option '--odd'"
  expect 1 "$runsh" run -b
  contains "$stderr" "option '-b' needs a value"
  expect 1 "$runsh" run -b b 'a/b'
  contains "$stderr" "cannot name a container 'a/b'"
  ok "$runsh" --help
  contains "$output" 'Usage: runsh [GLOBAL OPTION...] COMMAND'
}

@test "what runsh itself needs is asked for by name" {
  bundle b
  cp -r "$project/scripts" scripts
  expect 1 env -u RUNSH_TOOLS ./scripts/runsh run -b b box
  contains "$stderr" "build them with 'cargo build --release'"
}

@test "scheduling, priorities, the personality and the memory policy are those of the configuration" {
  requires root chrt ionice setarch nice
  bundle b '.process.scheduler = {policy: "SCHED_BATCH", nice: 7} | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}
    | .linux.personality.domain = "LINUX32" | .linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
  command -v numactl >/dev/null && [ -e /proc/self/numa_maps ] || change 'del(.linux.memoryPolicy)'
  # The policy, the nice value and the memory policy as the kernel has them; that of input and output is seen from outside.
  local script='cut -d" " -f19,41 /proc/self/stat; uname -m; head -n 1 /proc/self/numa_maps | cut -d" " -f2; echo ready; cat'
  change ".process.args = [\"sh\", \"-c\", $(jq -Rs . <<<"$script")]"
  mkfifo in
  "$runsh" run -b b box <in >said &
  local runsh_pid=$!
  exec 9>in
  timeout 20 sh -c 'until grep -q ready said; do sleep 0.05; done'
  local child
  child=$(descendants_of "$runsh_pid" | tail -n 1)
  equal "$(ionice -p "$child")" 'best-effort: prio 6'
  exec 9>&-
  wait "$runsh_pid"
  equal "$(sed -n 1p said)" '7 3'
  equal "$(sed -n 2p said)" "$(setarch linux32 uname -m)"
  ! command -v numactl >/dev/null || equal "$(sed -n 3p said)" bind:0
}

@test "a policy that ends with a fork is the command's" {
  requires root chrt
  bundle b '.process.scheduler = {policy: "SCHED_FIFO", priority: 5, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
  # With group scheduling of real-time processes a new cgroup of version 1 has no time for any.
  [ ! -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] ||
    change '.linux.resources.cpu = {realtimePeriod: 1000000, realtimeRuntime: 10000}'
  # The command's own, and that of its child.
  ok inside 'read -r stat </proc/$$/stat; echo "$stat" | cut -d" " -f40,41; cut -d" " -f41 /proc/self/stat; true'
  equal "$output" $'5 1\n0'
  change '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 20000000, period: 30000000}'
  change '.process.args = ["cat", "/proc/self/stat"]'
  ok "$runsh" run -b b box </dev/null
  equal "$(cut -d' ' -f41 <<<"$output")" 6
}

@test "a classic that is missing is named, and nothing starts" {
  bundle b '.process.scheduler = {policy: "SCHED_IDLE"}'
  mkdir bin
  local program
  for program in sh env id readlink cat mkdir rm head; do
    ln -s "$(type -P "$program")" "bin/$program"
  done
  refused "runsh: cannot find chrt" env PATH="$PWD/bin" "$runsh" run -b b box
}

@test "clocks are set off by nanoseconds" {
  requires root
  bundle b '.linux.namespaces += [{type: "time"}]
    | .linux.timeOffsets = {monotonic: {secs: -5, nanosecs: 500000000}, boottime: {nanosecs: 1}}'
  ok inside 'cat /proc/self/timens_offsets'
  equal "$(tr -s ' ' <<<"$output")" $'monotonic -5 500000000\nboottime 0 1'
}

@test "labels need a security module that runs" {
  bundle b
  [ -e /sys/module/apparmor ] || {
    change '.process.apparmorProfile = "docker-default"'
    refused 'process.apparmorProfile: needs AppArmor, which does not run on this machine'
    change 'del(.process.apparmorProfile)'
  }
  [ ! -e /sys/fs/selinux/enforce ] || skip 'SELinux runs'
  change '.process.selinuxLabel = "a:b:c" | .linux.mountLabel = "a:b:c"'
  refused 'process.selinuxLabel: needs SELinux, which does not run on this machine'
  refused 'linux.mountLabel: needs SELinux'
}

# hold OPTION... -- COMMAND...: unshare(1), or $unshare, makes namespaces, in which COMMAND runs and a process stays: $holder.
hold() {
  local options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  mkfifo held
  "${unshare:-unshare}" "${options[@]}" sh -c '"$@" && echo ready >&7 && exec sleep 300 7>&-' sh "$@" 7>held </dev/null >/dev/null 2>&1 3>&- &
  timeout 20 head -n 1 held >/dev/null
  rm held
  holder=$!
}

# inode NAMESPACE [PID]
inode() {
  readlink "/proc/${2-self}/ns/$1"
}

join() {
  jq --arg type "$1" --arg path "$2" '.linux.namespaces |= (map(select(.type != $type)) + [{type: $type, path: $path}])' \
    b/config.json >changed
  mv changed b/config.json
}

@test "namespaces that are joined by a path are those, and the rest are new" {
  requires root
  bundle b
  hold --net --ipc --uts --cgroup -- hostname theirs
  local file
  join network "/proc/$holder/ns/net"
  join ipc "/proc/$holder/ns/ipc"
  join uts "/proc/$holder/ns/uts"
  join cgroup "/proc/$holder/ns/cgroup"
  change 'del(.hostname)'
  ok inside 'for n in net ipc uts cgroup; do readlink /proc/self/ns/$n; done; hostname; for n in mnt pid; do readlink /proc/self/ns/$n; done'
  equal "$(head -n 5 <<<"$output")" "$(for file in net ipc uts cgroup; do inode "$file" "$holder"; done)"$'\ntheirs'
  for file in mnt pid; do
    lacks "$output" "$(inode "$file")"
    lacks "$output" "$(inode "$file" "$holder")"
  done
  # With a name of its own, as under runc: it is set there.
  change '.hostname = "mine"'
  ok inside hostname
  equal "$output" mine
  equal "$(nsenter -t "$holder" -u hostname)" mine
  kill "$holder"
}

@test "a PID namespace that is joined" {
  requires root
  bundle b
  hold --pid --fork -- true
  # unshare waits for the first process in it.
  local first
  first=$(descendants_of "$holder" | head -n 1)
  join pid "/proc/$first/ns/pid"
  ok inside 'readlink /proc/self/ns/pid; ps -o args'
  equal "${lines[0]}" "$(inode pid "$first")"
  contains "$output" 'sleep 300'
  # The supervisor is outside of it, and the container is killed with it.
  change '.process.args = ["sleep", "305"]'
  "$runsh" run -b b box </dev/null &
  local runsh_pid=$!
  timeout 20 sh -c 'until pgrep -xf "sleep 305" >pid; do sleep 0.05; done'
  equal "$(inode pid "$(cat pid)")" "$(inode pid "$first")"
  equal "$(inode pid "$runsh_pid")" "$(inode pid)"
  kill -9 "$runsh_pid"
  timeout 20 sh -c 'while pgrep -xf "sleep 305"; do sleep 0.05; done'
  kill -9 "$first"
}

@test "a user namespace that is joined, and those that belong to it" {
  bundle b 'del(.linux.uidMappings, .linux.gidMappings, .linux.resources) | .mounts |= map(select(.type | IN("cgroup", "sysfs") | not))
    | .mounts |= map(if .options then .options -= ["gid=5"] else . end)'
  requires userns
  local map
  if is_root; then
    chown -R 100000:100000 b/rootfs
    # The order of the numbers changed in the classic.
    unshare=unshare-rs hold --map-users=0:100000:1000 --map-groups=0:100000:1000 --setgid 0 --setuid 0 --net -- true
  else
    hold --user --map-root-user --net -- true
  fi
  map=$(tr -s ' ' <"/proc/$holder/uid_map")
  join user "/proc/$holder/ns/user"
  join network "/proc/$holder/ns/net"
  ok inside 'for n in user net; do readlink /proc/self/ns/$n; done; tr -s " " </proc/self/uid_map; id -u; echo $$; readlink /proc/self/ns/pid'
  equal "$(head -n 5 <<<"$output")" "$(inode user "$holder")"$'\n'"$(inode net "$holder")"$'\n'"$map"$'\n0\n1'
  lacks "$output" "$(inode pid)"
  # The supervisor that is seen from outside is in none of them.
  change '.process.args = ["sleep", "306"]'
  "$runsh" run -b b box </dev/null &
  local runsh_pid=$!
  timeout 20 sh -c 'until pgrep -xf "sleep 306" >pid; do sleep 0.05; done'
  equal "$(inode user "$runsh_pid") $(inode net "$runsh_pid")" "$(inode user) $(inode net)"
  kill -9 "$runsh_pid"
  timeout 20 sh -c 'while pgrep -xf "sleep 306" >/dev/null; do sleep 0.05; done'
  ok "$runsh" gc
  equal "$output" box
  # Its map is what it is.
  change '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
  refused 'linux.uidMappings: needs a new user namespace'
  kill "$holder"
}

@test "a new user namespace beside a network namespace that is joined" {
  requires root
  bundle b '.linux.namespaces += [{type: "user"}] | del(.linux.resources)
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings | .mounts |= map(select(.type | IN("cgroup", "sysfs") | not))'
  chown -R 100000:100000 b/rootfs
  hold --net -- true
  join network "/proc/$holder/ns/net"
  ok inside 'readlink /proc/self/ns/net; tr -s " " </proc/self/uid_map; ip link set lo up || echo powerless'
  equal "$output" "$(inode net "$holder")"$'\n 0 100000 1000\npowerless'
  kill "$holder"
}

@test "a mount namespace that is joined: its root, and no program of it" {
  requires root
  bundle b '.mounts = [] | .linux = {namespaces: [{type: "uts"}]} | .root.readonly = false | .process.cwd = "/tmp"'
  # Where the tools are, that namespace has others.
  hold --mount --propagation private -- sh -c 'mount --bind "$(type -P false 2>/dev/null || command -v false)" "$RUNSH_TOOLS/setpriv-rs"
    mkdir b/rootfs/theirs && mount -t tmpfs none b/rootfs/theirs && touch b/rootfs/theirs/file'
  join mount "/proc/$holder/ns/mnt"
  ok inside 'ls /theirs; pwd; echo *'
  equal "$output" $'file\n/tmp\n*'
  change '.mounts = [{destination: "/proc", type: "proc"}]'
  refused 'mounts: needs a new mount namespace'
  kill "$holder"
}

@test "the caller's own namespace by a path is the caller's" {
  bundle b
  join uts /proc/self/ns/uts
  refused 'hostname: needs a new uts namespace'
  change 'del(.hostname)'
  ok inside 'readlink /proc/self/ns/uts'
  equal "$output" "$(inode uts)"
}

@test "namespaces by path are those of runc" {
  requires root runc
  bundle b
  hold --net --ipc --uts --pid --fork -- hostname theirs
  local first
  first=$(descendants_of "$holder" | head -n 1)
  join network "/proc/$first/ns/net"
  join ipc "/proc/$first/ns/ipc"
  join uts "/proc/$first/ns/uts"
  join pid "/proc/$first/ns/pid"
  change 'del(.hostname) | .process.args = ["sh", "-c", "for n in net ipc uts pid; do readlink /proc/self/ns/$n; done; hostname"]'
  : | runc --root "$PWD/state" run -b b "box-$$" >theirs
  "$runsh" run -b b box </dev/null >ours
  ok diff theirs ours
  kill -9 "$first"
}

@test "kernel parameters are those of the container, and of nobody else" {
  requires userns
  bundle b '.linux.sysctl = {"kernel.msgmax": "4321", "fs.mqueue.msg_max": "7", "kernel.domainname": "a.b"}'
  is_root && change '.linux.sysctl["net.ipv4.conf.lo.forwarding"] = "1" | .linux.sysctl["net/ipv4/ip_unprivileged_port_start"] = "0"'
  local files='/proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max /proc/sys/kernel/domainname' before
  is_root && files+=' /proc/sys/net/ipv4/conf/lo/forwarding /proc/sys/net/ipv4/ip_unprivileged_port_start'
  # shellcheck disable=SC2086 # a row of files
  before=$(cat $files)
  ok inside "cat $files"
  if is_root; then
    equal "$output" $'4321\n7\na.b\n1\n0'
  else
    equal "$output" $'4321\n7\na.b'
  fi
  # shellcheck disable=SC2086
  equal "$(cat $files)" "$before"
  change '.linux.sysctl = {"kernel.msgmax": "-5x"}'
  refused "cannot set the kernel parameter 'kernel.msgmax' to '-5x': Invalid argument"
}

@test "a root file system cannot catch what is written to a kernel parameter" {
  requires userns
  bundle b '.linux.sysctl = {"kernel.msgmax": "4321"}'
  mkdir -p b/rootfs/proc/sys/kernel victim
  echo mine >victim/file
  ln -s "$PWD/victim/file" b/rootfs/proc/sys/kernel/msgmax
  ok inside 'cat /proc/sys/kernel/msgmax'
  equal "$output" 4321
  equal "$(cat victim/file)" mine
}

@test "kernel parameters in a network namespace that is joined" {
  requires root
  bundle b '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
  hold --net -- true
  join network "/proc/$holder/ns/net"
  ok inside 'cat /proc/sys/net/ipv4/ip_forward'
  equal "$output" 1
  kill "$holder"
}

@test "a tmpfs that holds what the image has there, and an image that cannot lead it out" {
  bundle b '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "nosuid", "mode=751"]},
                        {destination: "/out", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
  mkdir -p b/rootfs/data victim
  echo text >b/rootfs/data/file
  echo secret >victim/secret
  ln -s "$PWD/victim" b/rootfs/out
  ln -s "$PWD/victim" b/rootfs/data/link
  ok inside 'cat /data/file; echo new >/data/file; cat /data/file; stat -c %a /data; ls /out/ "$1"; ls -d /data/*' "$PWD/victim"
  equal "$(grep -v : <<<"$output" | grep .)" $'text\nnew\n751\n/data/file\n/data/link'
  equal "$(cat b/rootfs/data/file)" text
  equal "$(ls victim)" secret
}

@test "a bind mount with mapped owners" {
  requires root kernel 6.3
  mkdir volume
  echo text >volume/file
  chown 1000:1001 volume/file
  bundle b '.mounts += [{destination: "/data", source: "../volume", options: ["bind", "idmap"],
    uidMappings: [{containerID: 1000, hostID: 5, size: 1}], gidMappings: [{containerID: 1001, hostID: 6, size: 1}]}]'
  ok inside 'stat -c "%u:%g" /data/file'
  equal "$output" 5:6
  equal "$(stat -c '%u:%g' volume/file)" 1000:1001
}

@test "what a user namespace does not take is left out or the machine's, with a line each" {
  requires userns
  bundle b '.linux.namespaces = [{type: "mount"}, {type: "pid"}, {type: "uts"}, {type: "user"}] | del(.linux.resources)
    | .mounts |= map(select(.type != "cgroup")) | .mounts[2].options += ["gid=5"]
    | .mounts |= (map(select(.destination != "/sys")) + [{destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "ro"]}])'
  change ".linux.uidMappings = [{containerID: 0, hostID: $(id -u), size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: $(id -g), size: 1}]"
  [ -d /dev/mqueue ] || change '.mounts |= map(select(.type != "mqueue"))'
  ok inside 'grep -c " /sys .* - sysfs " /proc/self/mountinfo; touch /sys/x; ls /dev/pts; exit 0'
  equal "$output" $'1\nptmx'
  contains "$stderr" 'Read-only file system'
  contains "$stderr" 'spec-rs: warning: mounts[2].options leaves out gid=5: the user namespace has no such group'
  contains "$stderr" 'is /sys of this machine: without a new network namespace a user namespace takes no sysfs'
  [ ! -d /dev/mqueue ] || contains "$stderr" 'is /dev/mqueue of this machine'
}

@test "a line that fails before its supervisor names the property, and leaves no state" {
  bundle b
  export RUNSH_ROOT=$PWD/state
  local change message
  while IFS=$'\t' read -r change message; do
    jq "$change" b/config.json >changed
    mkdir -p c
    cp -r b/rootfs c
    mv changed c/config.json
    expect 1 "$runsh" run -b c box </dev/null
    contains "$stderr" "$message"
    equal "$(ls -A state) $change" " $change"
  done < <(failing_lines)
}

# failing_lines: changes that a word before unshare-rs fails at, and what is said.
failing_lines() {
  if is_root; then
    cat <<'EOF'
.linux.resources.cpu.cpus = "4000"	cpuset.cpus=4000
.linux.resources.unified = {"pids.max": "x"}	pids.max
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 9}] | .linux.gidMappings = .linux.uidMappings | .mounts += [{destination: "/m", source: "/no/such/tree", options: ["bind", "idmap"], uidMappings: .linux.uidMappings, gidMappings: .linux.gidMappings}]	/no/such/tree
EOF
  else
    cat <<'EOF'
.process.oomScoreAdj = -5	runsh: cannot set process.oomScoreAdj
EOF
    ! command -v ionice >/dev/null ||
      echo '.process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 1}	runsh: cannot set process.ioPriority'
  fi
  ! command -v chrt >/dev/null || is_root ||
    echo '.process.scheduler = {policy: "SCHED_FIFO", priority: 1}	runsh: cannot set process.scheduler'
  ! command -v numactl >/dev/null ||
    echo '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "900"}	runsh: cannot set linux.memoryPolicy'
}
