#!/usr/bin/env bats
# Docker drives the runtime: a daemon of the tests' own, in a network namespace of its own, so that it can have a bridge.
# shellcheck disable=SC2034,SC2154 # engines.bash uses what is assigned here, and bats and the helpers assign the rest.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

: "${TEST_TIMEOUT:=180}"
load helpers
load engines

needs=(root docker dockerd containerd ip jq busybox)
engine_client=docker
# It is right for a program of run alone.
exec_status_of_missing=126
export DOCKER_HOST=unix://$BATS_FILE_TMPDIR/docker.sock DOCKER_CONFIG=$BATS_FILE_TMPDIR

engine() {
  timeout --foreground 60 docker "$@" 3>&- 4>&-
}

# A containerd of the tests' own too: the machine's may run.
start_engine() {
  jq -n --arg runtime "$runtime" '{runtimes: {runsh: {path: $runtime}}, "default-runtime": "runsh"}' >daemon.json
  configure_containerd
  cat >daemons <<'script'
mount --make-rshared /
mkdir -p /etc/docker
mount -t tmpfs tmpfs /etc/docker
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
containerd --config containerd.toml >containerd.log 2>&1 &
echo $! >containerd.pid
exec dockerd --config-file daemon.json --containerd "$PWD/containerd.sock" --data-root "$PWD/data" --exec-root "$PWD/exec" \
  --pidfile "$PWD/dockerd.pid" --host "$DOCKER_HOST" --iptables=false --ip-forward=false --ip-masq=false \
  --userland-proxy=false --cgroup-parent "$1"
script
  unshare --mount --propagation private --net sh daemons "${slice:-/$name}" >dockerd.log 2>&1 </dev/null 3>&- 4>&- &
  until_ready engine version
  docker import --change 'ENV FROM=image' --change 'CMD ["sh"]' root.tar box
}

stop_engine() {
  cd "$BATS_FILE_TMPDIR" || return
  end "$(cat dockerd.pid)"
  end "$(cat containerd.pid)"
}

@test "docker: output and exit status" {
  output_and_status
}

@test "docker: a program that is missing gives 127, one that cannot be executed 126" {
  missing_programs
}

@test "docker: cinf names its containers" {
  named_by_cinf
}

@test "docker: debug finds its containers" {
  debugged
}

@test "docker: -i: standard input, to its end" {
  standard_input
}

@test "docker: -t: a terminal" {
  terminal
}

@test "docker: -t: the size of the terminal, and its changes" {
  terminal_size
}

@test "docker: -d, wait and logs" {
  detached
}

@test "docker: exec: -w, -e, -u, -i, -t and -d; its exit status" {
  executed
}

@test "docker: exec: where init is, with its powers" {
  executed_like_init
}

@test "docker: no descriptor of the host is open inside" {
  no_descriptors
}

@test "docker: user, environment and working directory" {
  user_and_environment
}

@test "docker: volumes: bind mounts, read-only too" {
  volumes
}

@test "docker: volumes: named ones" {
  named_volume
}

@test "docker: volumes: tmpfs" {
  tmpfs
}

@test "docker: a read-only root" {
  read_only
}

@test "docker: the host name" {
  hostname_inside
}

@test "docker: capabilities added and dropped" {
  capabilities
}

@test "docker: privileged" {
  privileged
}

@test "docker: no-new-privileges" {
  no_new_privileges
}

@test "docker: seccomp: the default, none and one of the user's own" {
  seccomp
}

@test "docker: memory, pids and cpu limits" {
  limits
}

@test "docker: ulimits" {
  resource_limits
}

@test "docker: sysctls" {
  sysctls
}

@test "docker: one device, and the others closed" {
  devices
}

@test "docker: an init" {
  an_init
}

@test "docker: the host's PID namespace" {
  host_pid
}

@test "docker: what forks after its init's end goes too" {
  forks_after_its_init
}

@test "docker: namespaces of another container" {
  joined
}

@test "docker: top and stats" {
  listed
}

@test "docker: pause and unpause" {
  paused
}

@test "docker: update" {
  updated
}

@test "docker: cp" {
  copied
}

@test "docker: stop, start again, restart and kill" {
  stopped_and_started
}

@test "docker: a container out of memory is reported" {
  out_of_memory
}

@test "docker: rm -f" {
  removed_by_force
}

@test "docker: create, and rm before a start" {
  created_then_removed
}

@test "docker: eight at once" {
  eight_at_once
}

@test "docker: eight execs at once" {
  executed_at_once
}

@test "docker: what of /proc and /sys is closed" {
  proc_is_masked
}

@test "docker: seccomp: its own profile closes user namespaces" {
  options=(--user 1000)
  says 'unshare -U true 2>/dev/null || echo closed' closed
  options=(--user 1000 --security-opt seccomp=unconfined)
  says 'unshare -U echo open' open
}

@test "docker: a working directory that is not there" {
  options=(--workdir /new/place)
  says pwd /new/place
}

# The address comes by the prestart hook, which opens the network namespace of the process that the state names.
@test "docker: containers reach each other over the bridge" {
  start
  ok engine inspect --format '{{.NetworkSettings.IPAddress}}' one
  said=$output
  options=()
  ok in_box "ping -c 1 -W 5 $said"
  options=(--network none)
  says 'ls /sys/class/net' lo
}

@test "docker: a restart policy" {
  ok engine run --detach --name one --restart on-failure:2 box sh -c 'echo again; exit 1'
  until_true is exited
  until_true restarted 2
  ok engine logs one
  equal "$output" $'again\nagain\nagain'
}

restarted() {
  [ "$(inspect .RestartCount)" -eq "$1" ]
}

@test "docker: health checks" {
  ok engine run --detach --name one --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1 box sleep 1000
  until_true health unhealthy
  said_in 'touch /tmp/well' ''
  until_true health healthy
}

health() {
  [ "$(inspect .State.Health.Status)" = "$1" ]
}

@test "docker: a build runs its steps" {
  printf 'FROM box\nRUN echo built >/file\nRUN ["/bin/busybox", "touch", "/other"]\n' >Dockerfile
  DOCKER_BUILDKIT=0 ok engine build --quiet --tag built .
  ok engine run --rm built cat /file
  equal "$output" built
  ok engine rmi built
}

@test "docker: exec gets more power with --privileged" {
  start --cap-drop ALL
  said_in 'grep CapEff /proc/self/status | cut -f 2' 0000000000000000
  grep -q "^CapBnd:.$(all_capabilities)" /proc/self/status || skip 'needs every capability'
  ok engine exec --privileged one sh -c 'grep CapEff /proc/self/status | cut -f 2'
  equal "$output" "$(all_capabilities)"
}

@test "docker: explain" {
  explained "$BATS_FILE_TMPDIR/exec/runtime-runc/moby"
}

@test "docker: the configuration of the documentation" {
  sed -n '/^```json/,/^```/p' "$project/docs/engines.md" | grep -v '^```' >config.json
  equal "$(jq -c 'del(.runtimes.runsh.path)' config.json)" "$(jq -c 'del(.runtimes.runsh.path, .["default-runtime"])' "$BATS_FILE_TMPDIR/daemon.json")"
}
