#!/usr/bin/env bats
# linux.netDevices: in a network namespace of the test's own, so that the machine's devices stay as they are.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh
id=net-$$

# bundle DEVICES [FILTER]: the bundle b, of busybox, without a terminal, and with these devices.
bundle() {
  [ -d b ] || make_rootfs b/rootfs
  spec-rs --new | jq --argjson devices "$1" \
    ".process.terminal = false | .linux.netDevices = \$devices | ${2:-.}" >b/config.json
}

# machine SCRIPT: SCRIPT in a network namespace that stands for the machine, with the devices v0, v1 and v2: v0 is up and
# has addresses. The other ends are w0, w1 and w2.
machine() {
  unshare --net bash -c '
    set -eu
    for i in 0 1 2; do ip link add v$i type veth peer name w$i && ip link set w$i up; done
    ip link set v0 up
    ip addr add 10.9.8.7/24 broadcast 10.9.8.255 dev v0
    ip addr add 10.1.1.1 peer 10.1.1.2/32 dev v0
    ip addr add fd00::7/64 nodad dev v0
    ip addr add 169.254.7.7/16 scope link dev v0
    ip addr add fd00::8/64 nodad valid_lft 1000 preferred_lft 1000 dev v0
    sysctl -qw net.ipv4.conf.v0.arp_ignore=0
    eval "$1"' bash "$1" </dev/null
}

# inside SCRIPT: the command that starts b with SCRIPT.
inside() {
  jq --arg script "$1" '.process.args = ["sh", "-c", $script]' b/config.json >changed
  mv changed b/config.json
  echo "'$runsh' run -b b $id"
}

@test "a device moves with its addresses, and is up" {
  requires root ip jq busybox
  bundle '{"v0": {"name": "eth0"}, "v1": {}, "v2": {"name": "eth%d"}}'
  ok machine "$(inside 'ip addr; ip link show eth1; ls -l /proc/self/fd; ls /sys/class/net')
    echo outside; ip -o link"
  local seen=${output%%outside*}
  contains "$seen" 'inet 10.9.8.7/24 brd 10.9.8.255 scope global eth0'
  contains "$seen" 'inet 10.1.1.1 peer 10.1.1.2/32 scope global eth0'
  contains "$seen" 'inet6 fd00::7/64 scope global'
  # Neither of the machine's link, nor for a time.
  lacks "$seen" 169.254.7.7
  lacks "$seen" fd00::8
  local name
  for name in eth0 v1 eth1; do
    grep -q " $name@.*,UP" <<<"$seen"
  done
  # The container gets no way back.
  lacks "$seen" net:
  lacks "$seen" ' w0'
  contains "${output#*outside}" w0
  lacks "${output#*outside}" ' v0@'
}

@test "a template takes the first number that is free" {
  requires root ip jq busybox
  bundle '{"v0": {"name": "eth1"}, "v1": {"name": "eth%d"}, "v2": {"name": "eth%d"}}'
  ok machine "$(inside 'ls /sys/class/net | tr "\n" " "')"
  contains "$output" 'eth0 eth1 eth2 lo'
}

@test "every namespace that runsh makes or joins, each way to change the root" {
  requires root ip jq busybox
  local run devices='{"v0": {"name": "eth0"}}'
  bundle "$devices"
  run=$(inside 'ip -o addr show dev eth0')
  ok machine "${run/ run / run --no-pivot }"
  contains "$output" 10.9.8.7/24
  # A joined namespace keeps the device: nothing brings it back.
  bundle "$devices" '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/fd/7" else . end)'
  run=$(inside 'ip -o addr show dev eth0')
  ok machine "exec 7< <(:); unshare --net sleep 1000 & until ! [ /proc/self/ns/net -ef /proc/\$!/ns/net ]; do :; done
    exec 7</proc/\$!/ns/net; $run; nsenter --net=/proc/\$!/ns/net ip -o addr show dev eth0; kill \$!"
  equal "$(grep -c 10.9.8.7/24 <<<"$output")" 2
  bundle "$devices" '.linux.namespaces -= [{type: "mount"}] | del(.mounts, .linux.maskedPaths, .linux.readonlyPaths, .linux.rootfsPropagation)
    | .root.readonly = false | .linux.resources.devices = [{allow: true, access: "rwm"}]'
  run=$(inside 'ip -o addr')
  ok machine "$run"
  contains "$output" 10.9.8.7/24
}

# state: what a device is, in the order of its addresses.
state='for d in v0 v1 v2; do ip -br link show dev $d; ip -o addr show dev $d | grep global | grep -v fd00::8 | sed "s/valid_lft.*//" | cut -d" " -f2-; done'

@test "what cannot be moved: nothing has moved" {
  requires root ip jq busybox
  local asked reason
  while IFS='|' read -r asked reason; do
    bundle "$asked"
    expect 0 machine "$state >before; $(inside 'echo started') && exit 1; $state >after; cmp before after"
    contains "$stderr" "$reason"
    lacks "$output" started
  done <<'E'
{"v0": {}, "v9": {}}|runsh: cannot move the network device 'v9': it is not there
{"v0": {}, "v1": {"name": "lo"}}|runsh: cannot move the network device 'v1': the container has a 'lo'
{"v0": {}, "v1": {}, "lo": {"name": "lo2"}}|runsh: cannot move the network device 'lo': ip has failed
{"v0": {"name": "x%d"}, "lo": {"name": "lo2"}}|runsh: cannot move the network device 'lo': ip has failed
E
}

@test "ip is not looked for in the container's root" {
  requires root ip jq busybox
  bundle '{"v0": {"name": "eth0"}}'
  printf '#!/bin/sh\necho hostile\n' >b/rootfs/ip
  cp b/rootfs/ip b/rootfs/sh
  chmod +x b/rootfs/ip b/rootfs/sh
  ok machine "PATH=:.:\$PATH $(inside '/bin/busybox ip -o addr show dev eth0')"
  lacks "$output" hostile
  contains "$output" 10.9.8.7/24
}

@test "devices that are refused" {
  requires jq
  mkdir -p b/rootfs
  local asked reason
  # refused DEVICES REASON [FILTER]
  refused() {
    spec-rs --new | jq --argjson devices "$1" ".linux.netDevices = \$devices | ${3:-.}" >b/config.json
    expect 1 "$runsh" explain -b b
    contains "$stderr" "linux.netDevices$2"
  }
  while IFS='|' read -r asked reason; do
    refused "$asked" "$reason"
  done <<'E'
{"": {}}|[""]: is an empty name of a network device
{"v0": {"name": ""}}|.v0.name: is an empty name of a network device
{"v0": {"name": "."}}|.v0.name: is not the name of a network device: '.'
{"v0": {"name": ".."}}|.v0.name: is not the name of a network device: '..'
{"v0": {"name": "a/b"}}|.v0.name: is not the name of a network device: 'a/b'
{"v0": {"name": "a:b"}}|.v0.name: is not the name of a network device: 'a:b'
{"v0": {"name": "a b"}}|.v0.name: is not the name of a network device: 'a b'
{"v0": {"name": "a\u001b"}}|.v0.name: is not the name of a network device: 'a\033'
{"v0": {"name": "-a"}}|.v0.name: is not the name of a network device: '-a'
{"v0": {"name": "abcdefghijklmnop"}}|.v0.name: is longer than the 15 bytes
{"v0": {"name": "%d%d"}}|.v0.name: may have a % in a %d at its end alone
{"v0": {"name": "a%s"}}|.v0.name: may have a % in a %d at its end alone
{"abcdefghijklmnop": {}}|.abcdefghijklmnop: is longer than the 15 bytes
{"v0": {"name": "x"}, "x": {}}|.x: is the second device with the name 'x' in the container
{"v0": 1}|.v0: must be an object
E
  refused '{"v0": {}}' ': needs a network namespace, new or joined' '.linux.namespaces -= [{type: "network"}]'
  refused '{"v0": {}}' ': is not supported together with a user namespace' '.linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 1, size: 1}] | .linux.gidMappings = .linux.uidMappings'
  # The caller's own counts as none.
  ! is_root || refused '{"v0": {}}' ': needs a network namespace, new or joined' \
    '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/net" else . end)'
  is_root || refused '{"v0": {}}' ': needs a caller who is root'
}
