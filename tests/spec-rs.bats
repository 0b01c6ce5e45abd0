#!/usr/bin/env bats
# spec-rs: the configuration of a bundle, read and written. No container is started here.
# shellcheck disable=SC2030,SC2031,SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # Dollar signs are meant as they stand.

load helpers

# bundle DIR [FILTER]: a new configuration, changed by the jq FILTER, and an empty root file system.
bundle() {
  mkdir -p "$1/rootfs"
  spec-rs --new >spec.json
  jq "${2:-.}" spec.json >"$1/config.json"
}

# refused MESSAGE: the bundle b is refused, one fault a line, and MESSAGE is one of them.
refused() {
  expect 1 spec-rs -b b
  equal "$output" ''
  contains "$stderr" "spec-rs: cannot use '$PWD/b/config.json': $1"
}

# Every way in which a configuration can be of no use, and what is said of it.
refusals() {
  cat <<'ROWS'
.ociVersion = "2.0"	ociVersion: must be a version as in Semantic Versioning 2.0.0
del(.ociVersion)	ociVersion: is missing
.ociVersion = 1	ociVersion: must be a string
del(.root)	root.path: is missing
.root = []	root: must be an object
.root = "rootfs"	root: must be an object
.root.readonly = "yes"	root.readonly: must be true or false
.process = null	process.args: is missing
.process = "sh"	process: must be an object
.process.args = []	process.args: is missing
.process.args = "sh"	process.args: must be an array
.process.args = {"0": "sh"}	process.args: must be an array
.process.args = [["sh"]]	process.args[0]: must be a string
.process.args = [1]	process.args[0]: must be a string
.process.args = ["sh", 1]	process.args[1]: must be a string
.process.args = [null]	process.args[0]: must not be null
.process.cwd = "tmp"	process.cwd: must be an absolute path
.process.cwd = ["/"]	process.cwd: must be a string
.process.env = ["A"]	process.env[0]: must be NAME=VALUE, not 'A'
.process.env = ["=A"]	process.env[0]: must be NAME=VALUE, not '=A'
.process.user.uid = -1	process.user.uid: must be a whole number from 0 to 4294967294
.process.user.uid = 1.5	process.user.uid: must be a whole number from 0 to 4294967294
.process.user.uid = 4294967295	process.user.uid: must be a whole number from 0 to 4294967294
.process.user.uid = "0"	process.user.uid: must be a number
.process.user.umask = 512	process.user.umask: must be a whole number from 0 to 511
.process.capabilities.bounding = "CAP_KILL"	process.capabilities.bounding: must be an array
.process.rlimits[0].type = "RLIMIT_ODD"	process.rlimits[0].type: is not a resource limit: 'RLIMIT_ODD'
.process.rlimits[0].soft = 2048	process.rlimits[0]: has a soft limit above the hard one
.process.rlimits[0] = {}	process.rlimits[0].type: is missing
.process.rlimits += .process.rlimits	process.rlimits[1]: is RLIMIT_NOFILE for the second time
.process.rlimits = {}	process.rlimits: must be an array
.linux.personality.domain = "x"	linux.personality.domain: must be LINUX or LINUX32
.process.oomScoreAdj = 2000	process.oomScoreAdj: must be a whole number from -1000 to 1000
.hostname = 5	hostname: must be a string
.linux.namespaces[0].type = "odd"	linux.namespaces[0].type: is not a type of namespace: 'odd'
.linux.namespaces[0].type = "$(id)"	linux.namespaces[0].type: is not a type of namespace: '$(id)'
.linux.namespaces[0].path = "/dev/null"	linux.namespaces[0].path: '/dev/null' is not a namespace
.linux.namespaces[0].path = "/nothing"	linux.namespaces[0].path: '/nothing': No such file or directory
.linux.namespaces[0].path = "proc/self/ns/pid"	linux.namespaces[0].path: must be an absolute path
.linux.namespaces[0] = {type: "pid", path: "/proc/self/ns/net"}	linux.namespaces[0].path: is a namespace of another type: '/proc/self/ns/net' is network
.linux.namespaces[0] = {}	linux.namespaces[0].type: is missing
.linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "pid"}])	linux.namespaces[5]: is pid for the second time
.linux.namespaces = ["pid"]	linux.namespaces[0]: must be an object
.linux.namespaces = {"a": 1}	linux.namespaces: must be an array
.linux.namespaces -= [{type: "uts"}]	hostname: needs a new uts namespace
.linux.cgroupsPath = "/x/.."	linux.cgroupsPath: must name a cgroup of the container's own
.linux.sysctl = {"kernel.core_pattern": "1"}	linux.sysctl["kernel.core_pattern"]: is a parameter of this machine, and of no namespace
.linux.sysctl = {"net.ipv4.ip_forward": 1}	linux.sysctl["net.ipv4.ip_forward"]: must be a string
.linux.sysctl = {"net.//.//.kernel.core_pattern": "x"}	linux.sysctl["net.//.//.kernel.core_pattern"]: is not the name of a kernel parameter
.linux.sysctl = {"kernel.hostname": "x"}	linux.sysctl["kernel.hostname"]: is not taken: the property hostname is for that
.linux.resources.memory.limit = -4096	linux.resources.memory.limit: must be -1 or a number of bytes
.linux.timeOffsets.monotonic.secs = 5	linux.timeOffsets: needs a new time namespace
.linux.maskedPaths = [1]	linux.maskedPaths[0]: must be a string
.mounts = {}	mounts: must be an array
.mounts[0] = null	mounts[0]: must not be null
.mounts[0] = "proc"	mounts[0]: must be an object
.mounts[0].destination = ""	mounts[0].destination: is missing
.mounts[0].destination = "/.."	mounts[0].destination: is the root
.mounts[0].type = ""	mounts[0].type: is missing
.mounts[0].type = "char"	mounts[0].type: is not a file system: 'char'
.mounts[0].options = ["tmpcopyup"]	mounts[0].options: has tmpcopyup, which only a tmpfs takes
.mounts[0].options = ["idmap"]	mounts[0].options: maps owners, but there are neither mappings nor a user namespace
.mounts[0].options = ["X-mount.idmap=1:2:3"]	mounts[0].options[0]: is a word of fstab(5), not of the specification: 'X-mount.idmap=1:2:3'
.mounts[0].options = "ro"	mounts[0].options: must be an array
.mounts[0].uidMappings = [{containerID: 0, hostID: 0, size: 1}]	mounts[0].gidMappings: is missing beside the other mappings
.mounts += [{destination: "/x", type: "bind"}]	mounts[7].source: is missing
.mounts[0].source = ("x" * 5000)	mounts[0].source: is longer than 4095 bytes
.hooks.prestart = [{path: "/bin/true"}]	hooks.prestart: is not kept by the line alone
.hooks.poststop = [{path: "x", timeout: 0}]	hooks.poststop[0].path: must be an absolute path
.hooks.poststop = [{path: "/x", timeout: 0}]	hooks.poststop[0].timeout: must be a whole number from 1
.vm = {kernel: {path: "/x"}}	vm: is not supported
.annotations = ["x"]	annotations: must be an object
.linux.devices = ["", "x"]	linux.devices[1]: must be an object
.linux.devices = [{path: "/dev/x", type: "c", major: 1}]	linux.devices[0].minor: is missing
.linux.devices = [{path: "/dev/x", type: "x", major: 1, minor: 3}]	linux.devices[0].type: must be c, u, b or p
.linux.devices = [{path: "dev/x", type: "p"}]	linux.devices[0].path: must be an absolute path
.linux.seccomp = ["", "x"]	linux.seccomp: must be an object
.hooks = [""]	hooks: must be an object
.mounts = ["", "x"]	mounts[0]: must be an object
.process.user.additionalGids = [""]	process.user.additionalGids[0]: must be a number
.linux.resources.devices = ["", "x"]	linux.resources.devices[0]: must be an object
.linux.intelRdt.schemata = ["", "L3:0=f"]	linux.intelRdt: is not supported
.linux.timeOffsets.boottime = {nanosecs: 1000000000}	linux.timeOffsets.boottime.nanosecs: must be a whole number from 0 to 999999999
.process.scheduler.policy = "SCHED_ISO"	process.scheduler.policy: is not supported: no kernel has SCHED_ISO
.process.ioPriority.class = "x"	process.ioPriority.class: is not a class of input and output: 'x'
.linux.memoryPolicy.mode = "MPOL_WEIGHTED_INTERLEAVE"	linux.memoryPolicy.mode: is not supported: 'MPOL_WEIGHTED_INTERLEAVE'
.annotations = {a: 5}	annotations.a: must be a string
.mounts[0].type = "swap"	mounts[0].type: is not a file system: 'swap'
.mounts[0].options = ["rw,noauto"]	mounts[0].options[0]: is a word of fstab(5), not of the specification: 'noauto'
.mounts[0].options = ["users"]	mounts[0].options[0]: is a word of fstab(5), not of the specification: 'users'
.mounts[0].options = ["a\\,bind"]	mounts[0].options[0]: has a quote, or a backslash at its end: 'a\,bind'
.mounts[0].options = ["lowerdir=a\\"]	mounts[0].options[0]: has a quote, or a backslash at its end: 'lowerdir=a\'
.mounts[0].options = ["ro", "metacopy=\"off"]	mounts[0].options[1]: has a quote, or a backslash at its end
.mounts[0].destination = "/tmp/.."	mounts[0].destination: is the root
.linux.maskedPaths = ["/tmp/.."]	linux.maskedPaths[0]: is the root
.process.rlimits[0] = {type: "RLIMIT_NOFILE", soft: 14, hard: 20}	process.rlimits[0]: leaves too few descriptors: it takes 15 to make the container
.process.args = ["a\u0000b"]	process.args[0]: holds a NUL character
.annotations = {"a\u0000b": "c"}	annotations["a\0b"]: has a NUL character in its name
.ociVersion = "2.0.0"	ociVersion: must be 1.x
.ociVersion = "00.3.0"	ociVersion: must be a version as in Semantic Versioning 2.0.0
.process.capabilities = "CAP_KILL"	process.capabilities: must be an object
.process.consoleSize = {height: -1, width: 5}	process.consoleSize.height: must be a whole number from 0 to 65535
.process.consoleSize = {height: 65536, width: 5}	process.consoleSize.height: must be a whole number from 0 to 65535
.linux.maskedPaths = [""]	linux.maskedPaths[0]: must be an absolute path
.linux.maskedPaths = ["proc"]	linux.maskedPaths[0]: must be an absolute path
.linux.readonlyPaths = ["proc"]	linux.readonlyPaths[0]: must be an absolute path
.linux.rootfsPropagation = "odd"	linux.rootfsPropagation: must be shared, slave, private or unbindable, or the recursive form of one, such as rslave
.linux.resources.devices = [{allow: false, access: "rwx"}]	linux.resources.devices[0].access: must be made of r, w and m
.linux.resources.devices = [{allow: true, type: "c", major: 4096}]	linux.resources.devices[0].major: must be a whole number from -1 to 4095
.linux.resources.cpu.shares = 1	linux.resources.cpu.shares: must be 0 or a number from 2 to 262144
.linux.resources.cpu.cpus = "a"	linux.resources.cpu.cpus: must be a list such as 0-3,7
.linux.resources.unified["cgroup.procs"] = "1"	linux.resources.unified["cgroup.procs"]: is not supported: it is not a limit
.linux.resources.unified["nosuch.max"] = "1"	linux.resources.unified["nosuch.max"]: cannot be kept: 
.linux.resources.rdma.x = {}	linux.resources.rdma.x: must have hcaHandles or hcaObjects
.linux.resources.devices[0].type = "x"	linux.resources.devices[0].type: must be a, b or c
.mounts[0].options = ["remount"]	mounts[0].options: must have 'bind' beside 'remount', which else changes the file system for all who use it
.root.path = "nothing"	root.path: 'nothing': No such file or directory
.root.path = "/"	root.path: '/' is the root of this machine
.hostname = "x" * 65	hostname: is longer than 64 bytes
.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]	linux.uidMappings: needs a new user namespace
.linux.namespaces += [{type: "user"}]	linux.uidMappings: is missing: a new user namespace needs it
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 1, hostID: 0, size: 4294967295}]	linux.uidMappings[0]: ends beyond the last id, 4294967294
.annotations = {"": "x"}	annotations[""]: must have a name
.process.rlimits[0].soft = -1	process.rlimits[0].soft: must be a whole number from 0 to 18446744073709551615
.process.args = ["x" * 140000]	process.args[0]: is longer than 131071 bytes
.process.env = ["A=" + "x" * 140000]	process.env[0]: is longer than 131071 bytes
.root.path = "config.json"	root.path: 'config.json': Not a directory
ROWS
}

@test "what cannot be honoured is refused by name" {
  requires jq
  bundle b
  cp b/config.json good
  local filter message count=0
  while IFS=$'\t' read -r filter message; do
    jq "$filter" good >b/config.json
    # Shown where the test fails; an "|| ..." behind the call would let each of its commands fail.
    echo "$filter"
    refused "$message"
    count=$((count + 1))
  done < <(refusals)
  [ "$count" -gt 90 ]
}

@test "a rule to deny all devices that only mounts keep is refused beside capabilities that get around them" {
  requires user jq
  bundle b '.mounts += [{destination: "/dev", source: "/dev", options: ["rbind"]}]'
  refused 'mounts[7]: binds /dev, which the rule of linux.resources.devices to deny all devices forbids'
  local capability
  for capability in CAP_MKNOD CAP_SYS_ADMIN; do
    bundle b ".process.capabilities.bounding = [\"$capability\"]"
    refused "linux.resources.devices: denies all devices, which takes device rules beside $capability, and the caller may set none"
  done
}

@test "a limit that the caller may not set is refused, and a cgroup that the caller may not make is left out" {
  requires user jq
  bundle b '.linux.resources.pids.limit = 5'
  # In a cgroup of somebody else's.
  [ ! -w "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cgroup.procs" ] || skip 'needs a user without a cgroup'
  refused 'linux.resources.pids.limit: cannot be kept: '
  bundle b '.linux.cgroupsPath = "/x"'
  ok spec-rs -b b
  contains "$stderr" 'warning: linux.cgroupsPath has no effect: the caller may not make a cgroup'
  lacks "$output" cgexec-rs
}

@test "all faults are said in one go, a line each, and nothing is left behind" {
  requires jq
  bundle b 'del(.ociVersion) | .process.cwd = 5 | .mounts[1].type = "swap" | .linux.maskedPaths[2] = "x"'
  local before
  before=$(find . ! -name 'separate-stderr*' | sort)
  refused 'ociVersion: is missing'
  equal "${#stderr_lines[@]}" 4
  for message in 'process.cwd: must be a string' "mounts[1].type: is not a file system: 'swap'" \
    'linux.maskedPaths[2]: must be an absolute path'; do
    contains "$stderr" "config.json': $message"
  done
  equal "$(find . ! -name 'separate-stderr*' | sort)" "$before"
}

@test "members of one name are a fault, at any depth" {
  requires jq
  bundle b
  # The second object would take masks and namespaces away.
  sed '$d' b/config.json >shorter
  printf ', "linux": {"namespaces": []}}' | cat shorter - >b/config.json
  refused 'linux: is a duplicate key'
  bundle b
  sed 's/"rootfs"/"rootfs", "x": {"y": [{"z": 1, "z": 2}]}/' b/config.json >changed
  mv changed b/config.json
  refused 'root.x.y[0].z: is a duplicate key'
}

@test "a config.json that is none" {
  mkdir -p b/rootfs
  refused 'No such file or directory'
  mkdir b/config.json
  refused 'it is not a regular file'
  rmdir b/config.json
  mkfifo b/config.json
  refused 'it is not a regular file'
  rm b/config.json
  local text
  : >b/config.json
  refused 'it is empty'
  for text in '{' '{"a":}' 'hello' '{} x' '{} {}' '{"ociVersion":"1.0"}}' $'{"a":"\x01'; do
    printf '%s' "$text" >b/config.json
    refused 'it is not JSON: '
  done
  for text in '[]' '"x"' 1 true '["x"]' null; do
    printf '%s' "$text" >b/config.json
    refused 'it is not a JSON object'
  done
  printf '{"a":"\xff"}' >b/config.json
  refused 'it is not UTF-8: byte 7 is wrong'
  ! is_root || return 0
  printf '{}' >b/config.json
  chmod 0 b/config.json
  refused 'Permission denied'
}

@test "a new configuration is that of runc spec" {
  requires runc jq
  mkdir theirs
  ok runc spec -b theirs
  diff <(jq -S . theirs/config.json) <(spec-rs --new | jq -S .)
  rm theirs/config.json
  ok runc spec --rootless -b theirs
  diff <(jq -S . theirs/config.json) <(spec-rs --new --rootless | jq -S .)
}

@test "the configurations that others write are taken" {
  requires runc crun
  mkdir -p b/rootfs
  ok runc spec -b b
  ok spec-rs -b b
  rm b/config.json
  ok runc spec --rootless -b b
  ok spec-rs -b b
  rm b/config.json
  (cd b && crun spec)
  ok spec-rs -b b
}

@test "properties that the specification does not know are ignored and named" {
  requires jq
  bundle b '.platform = {os: "linux"} | .process.capabilities.odd = [1] | ."process.args" = ["x"] | .mounts[2].x = null'
  ok spec-rs -b b
  equal "$stderr" ''
  for path in platform process.capabilities.odd '["process.args"]' 'mounts[2].x'; do
    contains "$output" ": 'ignored, since the specification does not know it: $path'"
  done
}

@test "a capability that is none is a warning" {
  requires jq
  # Among them words that the tools know and the specification does not.
  bundle b '.process.capabilities.bounding += ["KILL", "CAP_KILL,-all", "CAP_ODD", "CAP_ALL", "CAP_CAP_SYS_ADMIN", "CAP_CAP_21", "CAP_21"]'
  ok spec-rs -b b
  contains "$stderr" "warning: process.capabilities.bounding[3] is not a known capability: 'KILL'"
  contains "$stderr" "warning: process.capabilities.bounding[4] is not a known capability: 'CAP_KILL,-all'"
  contains "$stderr" "warning: process.capabilities.bounding[6] is not a known capability: 'CAP_ALL'"
  equal "${#stderr_lines[@]}" 7
  contains "$output" $'--bounding-set -all,+audit_write,+kill,+net_bind_service \\\n'
}

@test "a file of a draft before 1.0 is read as other runtimes read it" {
  requires jq
  bundle b '.ociVersion = "0.3.0" | .linux.capabilities = ["CAP_SYS_ADMIN"] | .process.capabilities = ["CAP_SYS_ADMIN"]'
  ok spec-rs -b b
  contains "$stderr" "warning: ociVersion is older than 1.0: properties that 1.x does not know are ignored"
  contains "$stderr" 'warning: process.capabilities is an array, as in drafts of the specification, and grants none'
  equal "${#stderr_lines[@]}" 2
  contains "$output" ": 'ignored, since the specification does not know it: linux.capabilities"
  contains "$output" $'--bounding-set -all \\\n'
  lacks "$output" sys_admin
}

@test "large files, long strings and deep nesting work or end in an error" {
  bundle b
  # 50 MB that nobody asked for.
  {
    sed '$d' spec.json
    printf ', "x": ["'
    head -c 25000000 /dev/zero | tr '\0' y
    printf '", ['
    yes '{"a": [1, "b"], "c": null},' | head -c 27000000 | sed '$d'
    printf '{}]]}'
  } >b/config.json
  ok spec-rs -b b
  contains "$output" 'does not know it: x'
  # Many elements, and many faults.
  {
    sed '$d' spec.json
    printf ', "annotations": {'
    # A loop of the shell would take half a minute: bats traces each of its commands.
    seq -f '"%.0f": "x", ' 0 99999
    printf '"a": 1}}'
  } >b/config.json
  refused 'annotations.a: must be a string'
  {
    printf '{"mounts": ['
    yes '{},' | head -n 50000
    printf '{}]}'
  } >b/config.json
  refused 'mounts[50000].destination: is missing'
  head -c 1000000 /dev/zero | tr '\0' '[' >b/config.json
  refused 'it is not JSON: recursion limit exceeded'
}

@test "no control character of a bundle reaches the terminal" {
  requires jq
  local escape=$'\e' name place
  bundle b
  cp b/config.json good
  for place in .hostname .process.args[0] .process.env[1] .process.cwd .mounts[0].source .mounts[0].destination \
    .mounts[0].type .mounts[0].options[0] .linux.maskedPaths[0] .linux.namespaces[0].type .process.rlimits[0].type \
    .process.capabilities.bounding[0] .root.path .ociVersion .linux.rootfsPropagation; do
    jq "$place = \"/A=\\u001b[31m\\u009b\\t\"" good >b/config.json
    run spec-rs -b b
    lacks "$output" "$escape"
    lacks "$output" $'\t'
    lacks "$output" $'\u9b'
  done
  jq '. + {"\u001b[31m": 1}' good >b/config.json
  run spec-rs -b b
  lacks "$output" "$escape"
  name=$'b\e[31m'
  mv b "$name"
  run spec-rs -b "$name"
  lacks "$output" "$escape"
  rm "$name/config.json"
  run spec-rs -b "$name"
  lacks "$output" "$escape"
}

@test "the text is a subshell whose words are those of the configuration" {
  requires jq
  bundle b '.process.args = ["a b", "$(touch hit)", "it'"'"'s", "", "=x", "\u001b[1m", "!x", "a\nb\n"]'
  ok spec-rs -b b --tools /t
  equal "${lines[0]}" '('
  equal "${lines[-1]}" ')'
  # The last word of the line, executed instead of the line.
  printf '%s\n' "$output" | sed -n "/^-- /,/<<'mounts'/p" | sed "s/^-- /printf '%s|' /; s/ 3<<'mounts'.*//" >words
  for shell in sh bash "busybox sh" "zsh --emulate sh" mksh yash ksh93; do
    type -P "${shell%% *}" >/dev/null || continue
    equal "$($shell words)" $'a b|$(touch hit)|it\'s||=x|\e[1m|!x|a\nb\n|'
  done
  [ ! -e hit ]
}

@test "nothing of the environment is in an argument" {
  requires jq
  bundle b '.process.env += ["DB_PASSWORD=secret", "S=a b\n!#\\"]'
  ok spec-rs -b b
  # Only the document on descriptor 4 holds it.
  lacks "$(sed "/^mounts\$/q" <<<"$output")" secret
  contains "$output" $'\nDB_PASSWORD=secret\n'
  contains "$output" $'\nS=a b\\012\\041#\\134\n'
}

@test "the command line" {
  expect 1 spec-rs --rootless
  contains "$stderr" '--rootless needs --new'
  expect 1 spec-rs --new --no-pivot
  contains "$stderr" '--new goes together with no option but --rootless'
  expect 1 spec-rs a b
  contains "$stderr" "unexpected operand 'b'"
  expect 1 spec-rs --odd
  contains "$stderr" "invalid option '--odd'"
  expect 1 spec-rs -b ''
  contains "$stderr" "option '--bundle' needs a value"
  requires jq
  bundle b
  equal "$(spec-rs --bundle=b)" "$(cd b && spec-rs)"
  contains "$(spec-rs -b b --tools t)" "$PWD/t/unshare-rs --mount"
  contains "$(spec-rs -b b --no-pivot)" 'bindmount-rs --failure-status 1 --detach --move . / --'
  lacks "$(spec-rs -b b --no-new-keyring)" --new-keyring
  expect 1 bash -c 'spec-rs --new >/dev/full'
  contains "$stderr" "cannot write 'standard output': No space left on device"
}

@test "a namespace by path: what is none is refused at once, and the caller's own is not joined" {
  requires jq
  mkfifo fifo
  ln -s /etc/passwd link
  ln -s /proc/self/ns/net good
  touch file
  local path
  for path in fifo link file .; do
    bundle b ".linux.namespaces += [{type: \"time\", path: \"$PWD/$path\"}]"
    expect 1 timeout 20 spec-rs -b b
    contains "$stderr" ".path: '$PWD/$path' is not a namespace"
  done
  bundle b ".linux.namespaces |= map(if .type == \"network\" then .path = \"$PWD/good\" else . end)"
  ok spec-rs -b b
  lacks "$output" --net
  # Its parameters are the machine's.
  jq '.linux.sysctl = {"net.ipv4.ip_forward": "1"}' b/config.json >changed
  mv changed b/config.json
  refused 'linux.sysctl["net.ipv4.ip_forward"]: is a parameter of this machine without a new network namespace'
}

# hostile_bundle: a bundle whose directory, annotations and hooks hold what a shell would see more in.
hostile_bundle() {
  odd=$'o\'d \n$(touch hit)`touch hit`;\e[1m\xff'
  bundle "$odd" '.annotations = {"a": "it'\''s\n$(touch hit)\u001b"} | .process.args = ["$(touch hit)\n'\''"] |
    .hooks = {"poststop": [{"path": "/bin/x y", "args": ["a\ngo\nb", "", "$(touch hit)'\''"], "env": ["A=\nenv\n$(touch hit)"], "timeout": 7}]}'
}

# in_shells SCRIPT...: the script in every shell that there is, whose outputs must be alike.
in_shells() {
  local shell first=
  for shell in sh bash "busybox sh" "zsh --emulate sh" mksh ksh93; do
    type -P "${shell%% *}" >/dev/null || continue
    # shellcheck disable=SC2086 # a program and its arguments
    ok env LC_ALL=C $shell "$@"
    equal "$stderr" ''
    [ -n "$first" ] || first=$output
    equal "$output" "$first"
  done
}

@test "the facts: a shell reads each value as it is, and does nothing else" {
  requires jq
  hostile_bundle
  ok bash -c 'spec-rs -b "$1" --hooks-fd 7 --facts-fd 8 --config-fd 9 x 7>hooks 8>facts 9>config' - "$odd"
  ok cmp config "$odd/config.json"
  printf '%s\n' '. ./facts' 'printf %s "$bundle"' >bundle.sh
  in_shells bundle.sh
  equal "$output" "$PWD/$odd"
  printf '%s\n' '. ./facts' 'printf "%s|" "$format" "$id" "$command" "$terminal" "$pid_namespace" "$hooks" "$json_id"' >some.sh
  in_shells some.sh
  equal "$output" $'1|x|$(touch hit)\n\'|yes|new|poststop|"x"|'
  printf '%s\n' '. ./facts' 'printf "%s\n" "$json_annotations"' >json.sh
  in_shells json.sh
  equal "$(jq -c . <<<"$output")" "$(jq -c .annotations "$odd/config.json")"
  # No control character for the terminal of a person who reads it.
  equal "$(LC_ALL=C tr -d '\n' <facts | LC_ALL=C tr -dc '\000-\037\177')" ''
  [ ! -e hit ]
}

@test "the hooks: calls with the words as they are, the environment in no argument, and no line that is go" {
  requires jq
  hostile_bundle
  ok bash -c 'spec-rs -b "$1" --hooks-fd 7 7>hooks >/dev/null' - "$odd"
  expect 1 grep -x go hooks
  printf '%s\n' 'hook() { printf "<%s>" "$@"; cat <&4; }' '. ./hooks' >hooks.sh
  in_shells hooks.sh
  equal "$output" $'<poststop><0><7></bin/x y><a\ngo\nb><><$(touch hit)\'>A=\\012env\\012$(touch hit)'
  [ ! -e hit ]
  # Without anybody to run them they are not dropped.
  expect 1 spec-rs -b "$odd"
  contains "$stderr" 'hooks.poststop: is not kept by the line alone'
}

@test "descriptors that cannot be written to, and nothing written of what cannot be used" {
  requires jq
  bundle b
  expect 1 bash -c 'spec-rs -b b --facts-fd 7 7>&-'
  contains "$stderr" "cannot use the descriptor '7': Bad file number"
  equal "$output" ''
  expect 1 bash -c 'spec-rs -b b --config-fd 7 7>/dev/full'
  contains "$stderr" "cannot write to the descriptor '7': No space left on device"
  equal "$output" ''
  bundle b '.hostname = 5'
  expect 1 bash -c 'spec-rs -b b --facts-fd 7 --config-fd 8 --hooks-fd 9 7>f 8>c 9>h'
  [ ! -s f ] && [ ! -s c ] && [ ! -s h ]
}

@test "a line that is held: paths are absolute, and a terminal needs a socket" {
  requires jq
  bundle b '.process.terminal = false'
  ok spec-rs -b b --state s --hold --pid-file p
  contains "$output" "--process-file $PWD/s/process --pid-file $PWD/p"
  contains "$output" '--gate-fds 9,6 --stderr-fd 5'
  expect 1 spec-rs -b b --hold
  contains "$stderr" '--hold needs --state'
  expect 1 spec-rs -b b --hold --state s --console-socket c
  contains "$stderr" 'process.terminal: is not set'
  bundle b
  expect 1 spec-rs -b b --hold --state s
  contains "$stderr" 'process.terminal: needs a socket that takes it'
  ok spec-rs -b b --hold --state s --console-socket c
  contains "$output" "pty-rs --failure-status 1 --connect 5 --console-socket $PWD/c --"
}

@test "a closed standard output is a failure" {
  bundle b
  local option
  for option in --new --features --help --version '--bundle b'; do
    expect 1 bash -c "spec-rs $option >&-"
    contains "$stderr" "spec-rs: cannot write 'standard output'"
  done
}

@test "programs of this machine do not run beside processes that could trace them" {
  requires userns
  local filter namespaces
  unshare --user --map-root-user --pid --fork sleep 100 3>&- &
  eventually pgrep -P $! >held
  namespaces=".linux.namespaces = [{type: \"user\", path: \"/proc/$(<held)/ns/user\"},
    {type: \"pid\", path: \"/proc/$(<held)/ns/pid\"}, {type: \"mount\"}] | .linux.uidMappings = [] | .linux.gidMappings = []"
  bundle b "$namespaces | .process.scheduler = {policy: \"SCHED_BATCH\", flags: [\"SCHED_FLAG_RESET_ON_FORK\"]}"
  run spec-rs -b b
  equal "$status" 1
  contains "$output" 'linux.namespaces: a user and a PID namespace cannot both be joined here'
  bundle b "$namespaces"
  run spec-rs -b b
  lacks "$output" 'cannot both be joined'
  kill -9 "$(<held)"
}
