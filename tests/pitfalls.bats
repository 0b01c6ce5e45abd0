#!/usr/bin/env bats
# What went wrong with other runtimes (docs/pitfalls.md), and has no test elsewhere.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

load helpers
load cgroups

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh

# bundle [FILTER]: the bundle b of busybox for this caller, without a terminal.
bundle() {
  requires busybox jq
  [ -d b ] || make_rootfs b/rootfs
  local rootless=--rootless
  ! is_root || rootless=
  # shellcheck disable=SC2086 # an option or none
  spec-rs --new $rootless | jq ".process.terminal = false | ${1:-.}" >b/config.json
}

# inside SCRIPT: what the shell of the bundle b says to SCRIPT.
inside() {
  jq --arg script "$1" '.process.args = ["sh", "-c", $script]' b/config.json >changed
  mv changed b/config.json
  "$runsh" run -b b "$name" </dev/null
}

@test "every row names a test that there is" {
  local row tests test count=0
  while IFS='|' read -r _ row _ _ tests _; do
    case $row in
      ' report ' | ' --- ') continue ;;
    esac
    tests=${tests//\`/}
    case $tests in
      *.bats:*)
        test=${tests#*: }
        grep -qF "@test \"${test% }\" {" "$project/tests/$(sed 's/:.*//; s/ //g' <<<"$tests")" || {
          printf 'there is no test: %s\n' "$tests"
          return 1
        }
        ;;
      ' spec-rs: '*)
        for test in ${tests#' spec-rs: '}; do
          grep -rqF "fn ${test%,}()" "$project/spec-rs/src"
        done
        ;;
      *)
        printf 'no test: %s\n' "$row"
        return 1
        ;;
    esac
    count=$((count + 1))
  done < <(grep '^| ' "$project/docs/pitfalls.md")
  [ "$count" -gt 25 ]
}

@test "a threaded cgroup goes with the container" {
  requires root
  of_version_2
  ok cgexec-rs --create -g ":$name" --remove sh -euc 'cd "$0"; mkdir below
    echo threaded >below/cgroup.type
    sleep 1000 >/dev/null 2>&1 & echo $! >below/cgroup.threads
    cat cgroup.type below/cgroup.type; cat below/cgroup.procs 2>&1 | grep -c "not supported"' "$v2/$name"
  equal "$output" $'domain threaded\nthreaded\n1'
  equal "$(left)" ''
}

@test "the type of a cgroup stays, and a threaded one is named" {
  requires root
  of_version_2
  ok cgexec-rs --create -g ":$name/a" --set cgroup.max.depth=3 --remove cat "$v2/$name/a/cgroup.type" "$v2/$name/cgroup.type"
  equal "$output" $'domain\ndomain'
  mkdir -p "$v2/$name/t/below"
  echo threaded >"$v2/$name/t/cgroup.type"
  expect 1 cgexec-rs -g ":$name/t/below" true
  contains "$stderr" "hint: its cgroup.type is 'domain invalid'"
  equal "$(cat "$v2/$name/t/cgroup.type" "$v2/$name/t/below/cgroup.type")" $'threaded\ndomain invalid'
  rmdir "$v2/$name/t/below" "$v2/$name/t"
}

@test "a container starts within 1 MiB of memory" {
  requires root
  [ -n "$(point_of memory)" ] || {
    of_version_2
    grep -qw memory "$v2/cgroup.controllers" || skip 'needs the controller memory'
  }
  bundle '.linux.resources.memory.limit = 1048576'
  ok inside 'echo up'
  equal "$output" up
  # The set-up is killed; its parent says so.
  bundle '.linux.resources.memory.limit = 100000'
  expect 137 inside 'echo up'
  equal "$output" ''
  contains "$stderr" "/container': the kernel killed a process for its memory, and the limit may be too low"
  equal "$(left)" ''
}

@test "the CPUs of the file are the container's, whatever the caller is bound to" {
  requires root taskset
  [ "$(nproc)" -gt 1 ] || skip 'needs two CPUs'
  [ -n "$(point_of cpuset)" ] || {
    of_version_2
    grep -qw cpuset "$v2/cgroup.controllers" || skip 'needs the controller cpuset'
  }
  bundle '.linux.resources.cpu.cpus = "0-1"'
  inside true
  jq '.process.args = ["grep", "Cpus_allowed_list", "/proc/self/status"]' b/config.json >changed
  mv changed b/config.json
  ok taskset -c 1 "$runsh" run -b b "$name" </dev/null
  equal "$output" $'Cpus_allowed_list:\t0-1'
  # Before, a cgroup that has the controller cpuset takes the binding away.
  since 6.2 || return 0
  jq 'del(.linux.resources.cpu)' b/config.json >changed
  mv changed b/config.json
  ok taskset -c 1 "$runsh" run -b b "$name" </dev/null
  equal "$output" $'Cpus_allowed_list:\t1'
}

@test "rules that say nothing new, and names that nobody knows" {
  bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
      {names: ["getcwd", "no_such_call"], action: "SCMP_ACT_ALLOW"}, {names: ["chdir"], action: "SCMP_ACT_ERRNO", errnoRet: 95}]}'
  ok inside 'pwd; (cd /bin) 2>&1 || true'
  contains "$output" 'not supported'
  equal "$(head -n 1 <<<"$output")" /
  ok "$runsh" explain -b b
  contains "$output" 'no system calls known here, left out: no_such_call'
}

@test "a filter may deny what the set-up does" {
  bundle '.linux.personality = {domain: "LINUX32"} | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
      {names: ["personality", "mount", "pivot_root", "umount2", "unshare", "clone3", "setns", "sethostname", "move_mount",
        "open_tree", "mount_setattr", "setsid", "keyctl", "chdir", "prctl"], action: "SCMP_ACT_ERRNO"}]}'
  ok inside 'cat /proc/self/personality; cat /proc/self/status | grep Seccomp:'
  contains "$output" 00000008
  contains "$output" $'Seccomp:\t2'
}

@test "where clone3 is denied" {
  bundle
  echo 'default allow
errno ENOSYS clone3' >rules
  ok inside 'echo up'
  ok setpriv-rs --no-new-privs --seccomp-rules rules "$runsh" run -b b "$name" </dev/null
  equal "$output" up
}

@test "many mounts and masks in a table" {
  # The limit of 1,024 descriptors is that of every new configuration.
  bundle '.mounts += [range(450) | {destination: "/m/\(.)", type: "tmpfs", source: "x"}]
    | .linux.maskedPaths += [range(450) | "/m/\(.)"]'
  ok inside 'grep -c " /m/" /proc/self/mountinfo'
  [ "$output" -ge 900 ]
}

@test "offsets of clocks are for a new time namespace" {
  requires unshare
  bundle '.linux.timeOffsets.boottime.secs = 5 | .linux.namespaces += [{type: "time", path: "/proc/self/ns/time"}]'
  expect 1 inside 'echo up'
  contains "$stderr" 'linux.timeOffsets: needs a new time namespace'
}

@test "success is silent" {
  bundle
  ok inside 'echo up'
  equal "$output" up
  equal "$stderr" ''
}

@test "a frozen cgroup is not used" {
  requires root
  local tree=/sys/fs/cgroup/unified
  [ -d "$tree" ] || tree=/sys/fs/cgroup
  [ -e "$tree/cgroup.procs" ] || skip 'no cgroup2'
  mkdir "$tree/$name"
  echo 1 >"$tree/$name/cgroup.freeze"
  bundle ".linux.cgroupsPath = \"/$name\""
  run --separate-stderr timeout 20 "$runsh" run -b b "$name" </dev/null
  rmdir "$tree/$name"
  equal "$status" 1
  contains "$stderr" "cannot use the cgroup '$tree/$name': it exists already and is frozen"
}

@test "many containers make the same mount points" {
  local number
  bundle '.process.args = ["true"] | .root.readonly = false
    | .mounts += [range(20) | {destination: "/new/\(.)/dir", type: "tmpfs", source: "x"}]'
  for number in 1 2 3 4 5 6 7 8; do
    "$runsh" run -b b "$name-$number" </dev/null >"said.$number" 2>&1 3>&- || echo "$number" >>failed &
  done
  wait
  equal "$(cat said.*)" ''
  [ ! -e failed ]
  [ -d b/rootfs/new/19/dir ]
}

@test "an error is short, however long the name in it" {
  local member
  for member in '.process.args = ["a" * 90000]' '.process.cwd = "/" + "b" * 90000'; do
    bundle "$member"
    expect 1 timeout 20 "$runsh" --log log --log-format json create -b b "$name" </dev/null
    [ "${#stderr}" -lt 8192 ]
    [ "$(wc -c <log)" -lt 16384 ]
    rm log
  done
  expect 1 "$runsh" state "$name"
}

@test "a terminal where /dev is the host's" {
  requires root
  requires script
  local before
  bundle '.process.terminal = true | .process.args = ["sh", "-c", "tty; echo written >/dev/console"]
    | .mounts |= [.[] | select(.destination | startswith("/dev") | not)] + [{destination: "/dev", source: "/dev", type: "bind", options: ["rbind", "rslave"]}]'
  before=$(stat -c '%a %u %g %Y' /dev/console)
  ok script -qec "$(printf '%q ' "$runsh" run -b b "$name")" /dev/null </dev/null
  contains "$output" /dev/pts/
  contains "$output" written
  equal "$(stat -c '%a %u %g %Y' /dev/console)" "$before"
}

@test "standard streams that the caller closed" {
  bundle '.process.args = ["sh", "-c", "ls -l /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/9 >/said; :"] | .root.readonly = false'
  "$runsh" run -b b "$name" <&- >&- 2>&-
  contains "$(cat b/rootfs/said)" '/proc/self/fd/0 -> /dev/null'
  contains "$(cat b/rootfs/said)" '/proc/self/fd/2 -> /dev/null'
}
