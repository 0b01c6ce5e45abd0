#!/usr/bin/env bats
# Bundles that other programs write: each is the same container under runsh as under runc. BUNDLES is a directory of other
# files to compare, *.json.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers
load bundle

export RUNSH_TOOLS
RUNSH_TOOLS=${RUNSH_TOOLS:-$(dirname "$(type -P setpriv-rs)")}
runsh=$project/scripts/runsh

teardown() {
  remove_cgroups
  nothing_left
}

# all_bundles: an object of them, by name.
all_bundles() {
  jq -n 'reduce inputs as $file ({}; .[input_filename / "/" | last | rtrimstr(".json")] = $file)' "${BUNDLES:-$project/tests/fixtures/bundles}"/*.json |
    if [ -n "${BUNDLES-}" ]; then cat; else jq -f "$project/tests/fixtures/bundles/bundles.jq"; fi
}

# each PATTERN: all bundles whose names match the pattern of a shell are what they are under runc. A test says of each that
# is not so what differs.
each() {
  local name names failed=()
  all_bundles >all.json
  names=$(jq -r 'keys[]' all.json)
  for name in $names; do
    # shellcheck disable=SC2053 # It is a pattern.
    [[ $name == $1 ]] || continue
    compare "$name" || failed+=("$name")
  done
  equal "${failed[*]}" ''
}

# compare NAME: it is refused for what is not supported and for nothing else; without that it is the same container.
compare() {
  local faults hook
  rm -rf b
  mkdir b
  jq --arg name "$1" '.[$name]' all.json >given.json
  faults=$(faults)
  hook=$(jq -r '.hooks // {} | (.prestart // []) + (.createRuntime // []) | .[0].path // ""' given.json)
  {
    refused_for "$faults" && fails_for "$hook" &&
      given "del(${faults:-empty}) | (.hooks | values)[][].path |= \"/bin/true\"" && same_container
  } || {
    printf '^ %s\n' "$1"
    return 1
  }
}

# given FILTER: makes b of given.json.
given() {
  cp given.json b/config.json
  fit "$1"
}

# faults: what is not supported of given.json, as paths of jq: a label where the kernel has none.
faults() {
  local label='.linux.mountLabel | values | ".linux.mountLabel"'
  ! grep -q selinuxfs /proc/filesystems || label=empty
  jq -r "[$label] | join(\", \")" given.json
}

# fails_for HOOK: the programs of those who wrote the file are not here, so it fails at its first hook and leaves nothing.
fails_for() {
  [ -n "$1" ] || return 0
  given "del(${faults:-empty})"
  expect 1 "$runsh" run -b b "$id" </dev/null || return
  contains "$stderr" "hook 0 '$1' failed"
}

# refused_for FAULTS: if there are any, it is refused for each of them, and for nothing else.
refused_for() {
  [ -n "$1" ] || return 0
  given .
  expect 1 "$runsh" run -b b "$id" </dev/null || return
  equal "$(sed "s/.*config.json': //; s/:.*//; s/\[[0-9]*\]$//" <<<"$stderr" | sort -u)" \
    "$(sed 's/, /\n/g; s/^\.//; s/\n\./\n/g' <<<"$1" | sort -u)"
}

@test "Docker's" {
  requires runc crun root
  each 'docker*'
}

@test "Podman's" {
  requires runc crun root
  each 'podman*'
}

@test "those of containerd and Buildah" {
  requires runc crun root
  each 'ctr*'
  each 'buildah*'
}

@test "those of runc, crun and bwrap-oci" {
  requires runc crun root
  each 'runc*'
  each 'crun*'
  each 'bwrap-oci*'
}

@test "examples that are kept by hand" {
  requires runc crun root
  each 'example-*'
}

@test "a rootless one, as an ordinary user" {
  requires runc user userns
  each 'runc-rootless'
}

# Where the tests above compare nothing, they prove nothing: each of these changes must be seen, by the facts that it names.
@test "a difference of the containers is found" {
  requires runc root
  all_bundles >all.json
  mkdir b
  jq '.podman | .mounts += [{destination: "/mnt", source: "/etc", options: ["bind"]}]' all.json >b/config.json
  fit .
  cp b/config.json good.json
  facts theirs runc --root "$PWD/runc" run -b b "$id"
  # In version 2 the rules of devices stand in no file, and a cgroup namespace shows the same root of the hierarchy.
  local changes=0 topics change rules=cgroup, hierarchies=,mount
  [ -z "$(cgroup2_options)" ] || rules='' hierarchies=''
  while read -r topics change; do
    jq "$change" good.json >b/config.json
    facts other runc --root "$PWD/runc" run -b b "$id"
    topics=${topics/rules,/$rules}
    topics=${topics/,hierarchies/$hierarchies}
    equal "$(diff theirs.facts other.facts | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' | sort -u | paste -sd,) $change" "$topics $change"
    changes=$((changes + 1))
  done <<'EOF'
cgroup .linux.resources.pids.limit = 7
cgroup .linux.resources.memory.limit = 123456789
cgroup .linux.resources.cpu.shares = 77
rules,device .linux.resources.devices += [{allow: true, type: "c", major: 1, minor: 11, access: "rw"}]
cgroup,hierarchies .linux.cgroupsPath |= sub("-box"; "-other-box")
cwd .process.cwd = "/tmp"
dev .linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 3}]
environment .process.env += ["A=b"]
hostname .hostname = "other"
limit .process.rlimits += [{type: "RLIMIT_FSIZE", soft: 4096000, hard: 8192000}]
mount (.mounts[] | select(.destination == "/mnt") | .options) += ["ro"]
mount .linux.maskedPaths += ["/mnt/hosts"]
mount .linux.readonlyPaths += ["/mnt"]
mount,namespace,network,sysctl .linux.namespaces -= [{type: "network"}] | del(.linux.sysctl)
dev,mount,namespace .linux.namespaces -= [{type: "ipc"}] | .mounts -= [.mounts[] | select(.type == "mqueue")]
oom_score_adj .process.oomScoreAdj = 77
status .process.capabilities.bounding -= ["CAP_KILL"]
status .process.noNewPrivileges = true
status .process.user.additionalGids = [7]
status .process.user.gid = 7
status,umask .process.user.umask = 63
status del(.linux.seccomp)
sysctl .linux.sysctl["net.ipv4.ping_group_range"] = "0 7"
mknod,mount,touch .root.readonly = true
EOF
  equal "$changes" 24
}

@test "all files of BUNDLES" {
  [ -n "${BUNDLES-}" ] || skip 'needs BUNDLES'
  each '*'
}
