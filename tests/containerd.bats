#!/usr/bin/env bats
# containerd drives the runtime, through its shim: a daemon of the tests' own, and its client ctr.
# shellcheck disable=SC2034,SC2154 # engines.bash uses what is assigned here, and bats and the helpers assign the rest.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

: "${TEST_TIMEOUT:=180}"
load helpers
load engines

needs=(root containerd ctr jq busybox)

engine() {
  timeout --foreground 60 ctr --address "$BATS_FILE_TMPDIR/containerd.sock" --namespace "$name" "$@" 3>&- 4>&-
}

start_engine() {
  configure_containerd
  mkdir bin
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$runtime" >bin/runc
  chmod 755 bin/runc
  PATH=$PWD/bin:$PATH containerd --config containerd.toml >containerd.log 2>&1 </dev/null 3>&- 4>&- &
  echo $! >containerd.pid
  until_ready engine version
  make_oci_image
  engine image import --snapshotter native image.tar
}

stop_engine() {
  end "$(cat "$BATS_FILE_TMPDIR/containerd.pid")"
}

# make_oci_image: the layout of an image in image.tar (image-spec, image-layout.md).
make_oci_image() {
  mkdir -p image/blobs/sha256
  echo '{"imageLayoutVersion": "1.0.0"}' >image/oci-layout
  jq -n --arg layer "$(digest root.tar)" '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$layer]},
    config: {Env: ["PATH=/bin", "FROM=image"], Cmd: ["sh"], WorkingDir: "/home", User: "user"}}' >config
  jq -n --argjson config "$(descriptor config application/vnd.oci.image.config.v1+json)" \
    --argjson layer "$(descriptor root.tar application/vnd.oci.image.layer.v1.tar)" \
    '{schemaVersion: 2, config: $config, layers: [$layer]}' >manifest
  jq -n --argjson manifest "$(descriptor manifest application/vnd.oci.image.manifest.v1+json)" \
    '{schemaVersion: 2, manifests: [$manifest + {annotations: {"io.containerd.image.name": "docker.io/library/box:latest"}}]}' >image/index.json
  tar -C image -cf image.tar .
}

digest() {
  echo "sha256:$(sha256sum <"$1" | cut -d ' ' -f 1)"
}

# descriptor FILE TYPE: puts the file into the image.
descriptor() {
  cp "$1" "image/blobs/sha256/$(sha256sum <"$1" | cut -d ' ' -f 1)"
  jq -n --arg type "$2" --arg digest "$(digest "$1")" --argjson size "$(stat -c %s "$1")" \
    '{mediaType: $type, digest: $digest, size: $size}'
}

remove_containers() {
  local container
  for container in $(engine container list --quiet); do
    engine task delete --force "$container" >/dev/null 2>&1 || :
    engine container delete "$container" >/dev/null 2>&1 || :
  done
}

# box [OPTION...] ID COMMAND...: runs COMMAND in a container over the tests' root.
box() {
  local -a options=()
  while [[ $1 == -* ]]; do
    options+=("$1")
    shift
    [[ ${options[-1]} == *=* || ${options[-1]} =~ ^--?(rm|d|t|tty|detach|read-only|privileged|seccomp|net-host|no-pivot)$ ]] || {
      options+=("$1")
      shift
    }
  done
  engine run --runc-binary "$runtime" --cgroup "/$name/$1" --env PATH=/bin --rootfs "${options[@]}" "$BATS_FILE_TMPDIR/root" "$@"
}

status_of() {
  engine task list | awk -v id="$1" '$1 == id { print $3 }'
}

is() {
  [ "$(status_of "$1")" = "$2" ]
}

pid_of() {
  engine task list | awk -v id="$1" '$1 == id { print $2 }'
}

start() {
  ok box -d "$@" one sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
}

executed() {
  engine task exec --exec-id "exec-$RANDOM" "$@"
}

@test "ctr: output and exit status" {
  expect 7 box --rm one sh -c 'echo out; echo err >&2; exit 7'
  equal "$output" out
  contains "$stderr" err
  expect 137 box --rm one sh -c 'sh -c "kill -9 \$\$"; exit $?'
  equal "$(engine container list --quiet)" ''
}

@test "ctr: a program that is missing, and one that cannot be executed" {
  expect 1 box --rm one nosuch
  contains "$stderr" 'exec: "nosuch": executable file not found in $PATH'
  expect 1 box --rm one /no/such
  contains "$stderr" 'exec: "/no/such": stat /no/such: no such file or directory'
  expect 1 box --rm one /etc/motd
  contains "$stderr" 'exec: "/etc/motd": permission denied'
  expect 0 engine task list --quiet
  equal "$output" ''
}

@test "ctr: standard input, to its end" {
  head -c 3000000 /dev/urandom >data
  box --rm one cat <data >copy
  cmp data copy
}

@test "ctr: a terminal, and its size" {
  cat >attach <<attach
stty rows 33 cols 77
$(declare -f engine box)
name=$name runtime=$runtime BATS_FILE_TMPDIR=$BATS_FILE_TMPDIR
box --rm -t one sh -c 'until [ "\$(stty size)" = "33 77" ]; do sleep 0.1; done; tty; exit 4'
attach
  expect 4 timeout 60 script -qfec "bash $PWD/attach" typescript
  contains "$(cat typescript)" /dev/pts/0
}

@test "ctr: what the options say" {
  mkdir volume
  ok box --rm --env A='b c' --cwd /tmp --mount "type=bind,src=$PWD/volume,dst=/home,options=rbind:ro" one \
    sh -c 'echo "$A"; pwd; touch /home/no 2>/dev/null || echo closed'
  equal "$output" $'b c\n/tmp\nclosed'
  ok box --rm --read-only one sh -c 'touch /no 2>/dev/null || echo closed'
  equal "$output" closed
  ok box --rm --cap-drop CAP_CHOWN --cap-add CAP_NET_ADMIN one grep CapEff /proc/self/status
  contains "$output" 00000000a80435fa
  ok box --rm --seccomp one grep Seccomp: /proc/self/status
  contains "$output" 2
  ok box --rm --net-host one readlink /proc/self/ns/net
  equal "$output" "$(readlink /proc/self/ns/net)"
  ok box --rm --with-ns "pid:/proc/$$/ns/pid" one readlink /proc/self/ns/pid
  equal "$output" "$(readlink /proc/self/ns/pid)"
  ok box --rm --no-pivot one echo moved
  equal "$output" moved
  ok box --rm one sh -c 'ls /proc/self/fd | tr "\n" " "'
  equal "$output" '0 1 2 3 '
}

# This client does not mount cgroups in the container.
@test "ctr: memory and cpu limits" {
  start --memory-limit 67108864 --cpus 0.5
  equal "$(cat "/sys/fs/cgroup/memory/$name/one/memory.limit_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup/$name/one/memory.max")" 67108864
  equal "$(cat "/sys/fs/cgroup/cpu/$name/one/cpu.cfs_quota_us" 2>/dev/null || cut -d ' ' -f 1 "/sys/fs/cgroup/$name/one/cpu.max")" 50000
}

@test "ctr: a scope of systemd" {
  [ -n "$slice" ] || skip 'needs systemd, and cgroups of version 2 alone'
  local round scope=/sys/fs/cgroup/$slice/ctr-one.scope
  # The second one comes while systemd may still know the first.
  for round in 1 2; do
    ok engine run --detach --runc-binary "$runtime" --runc-systemd-cgroup --cgroup "$slice:ctr:one" --env PATH=/bin \
      --memory-limit 67108864 --rootfs "$BATS_FILE_TMPDIR/root" one sleep 1000
    equal "$(cat "$scope/container/memory.max")" 67108864
    contains "$(cat "/proc/$(pid_of one)/cgroup")" "/$slice/ctr-one.scope/container"
    ok engine task delete --force one
    ok engine container delete one
  done
  eventually test ! -e "$scope"
}

@test "ctr: exec" {
  start
  ok executed one sh -c 'pwd; id -u; readlink /proc/self/ns/pid; ls /proc/self/fd | tr "\n" " "'
  equal "$output" "/
0
$(readlink "/proc/$(pid_of one)/ns/pid")
0 1 2 3 "
  ok executed --cwd /tmp --user 5:6 one sh -c 'pwd; id -u; id -g'
  equal "$output" $'/tmp\n5\n6'
  expect 9 executed one sh -c 'exit 9'
  expect 1 executed one nosuch
  contains "$stderr" 'exec: "nosuch": executable file not found in $PATH'
  cat >attach <<attach
$(declare -f engine)
name=$name BATS_FILE_TMPDIR=$BATS_FILE_TMPDIR
stty rows 33 cols 77
engine task exec --exec-id shell -t one sh -c 'until [ "\$(stty size)" = "33 77" ]; do sleep 0.1; done; tty; exit 4'
attach
  expect 4 timeout 60 script -qfec "bash $PWD/attach" typescript
  contains "$(cat typescript)" /dev/pts/
  local number pids=()
  for number in {1..8}; do
    engine task exec --exec-id "e$number" one echo "$number" >"out$number" 2>&1 &
    pids+=($!)
  done
  wait "${pids[@]}" || :
  equal "$(cat out?)" "$(seq 8)"
}

@test "ctr: ps, metrics, pause and resume" {
  start --memory-limit 67108864
  ok engine task ps one
  contains "$output" "$(pid_of one)"
  ok engine task metrics --format json one
  contains "$output" usage
  # Version 2 has no limit and no peak beside it.
  [ "$(jq 'first(.. | objects | .memory? // empty) | .usage | if type == "object" then .usage else . end' <<<"$output")" -gt 0 ]
  ok engine task pause one
  ok is one PAUSED
  ok engine task resume one
  ok is one RUNNING
}

@test "ctr: kill and rm" {
  start
  pid=$(pid_of one)
  expect 1 engine task delete one
  ok engine task kill --signal SIGTERM one
  until_true is one STOPPED
  ok engine task delete one
  contains "$stderr" 'exit code 5'
  ok engine container delete one
  expect 1 test -e "/proc/$pid"
  box -d one sleep 1000
  ok engine task kill --all --signal 9 one
  until_true is one STOPPED
  ok engine task delete one
  contains "$stderr" 'exit code 137'
}

# Only run has the option --runc-binary: this is the runc that containerd finds in PATH.
@test "ctr: a container that is created, and started later" {
  ok engine container create --snapshotter native docker.io/library/box:latest one cat /etc/motd
  ok engine task start one
  equal "$output" 'no program'
  ok engine container delete one
}

@test "ctr: the processes go with their init in the host's PID namespace" {
  expect 3 box --rm --with-ns "pid:/proc/$$/ns/pid" one sh -c 'sh -c "while :; do sleep 0.01; done" '"forks-$$"' & exit 3'
  until_true nothing_forks
}

@test "ctr: out of memory" {
  engine events >seen &
  watcher=$!
  expect 137 box --rm --memory-limit 20000000 one sh -c 'tail /dev/zero; status=$?; sleep 0.5; exit $status'
  until_true grep -q /tasks/oom seen
  kill "$watcher"
}

@test "ctr: an image" {
  ok engine run --rm --runc-binary "$runtime" --cgroup "/$name/one" --snapshotter native docker.io/library/box:latest one sh -c 'echo $FROM; pwd; id -u; id -G; touch /tmp/file && echo open'
  equal "$output" $'image\n/home\n1000\n1001 7\nopen' || equal "$output" $'image\n/home\n1000\n1001\nopen'
}

@test "ctr: eight at once" {
  local number pids=()
  for number in {1..8}; do
    box --rm "box$number" sh -c "echo $number; exit $number" >"out$number" 2>&1 || echo "$?" >>"out$number" &
    pids+=($!)
  done
  wait "${pids[@]}" || :
  for number in {1..8}; do
    equal "$(cat "out$number")" "$number"$'\n'"$number"
  done
}

@test "ctr: the configuration of the documentation" {
  sed -n '/^version = 2/,/^```/p' "$project/docs/engines.md" | grep -v '^```' >config.toml
  ok containerd --config "$PWD/config.toml" config dump
  contains "$output" 'runtimes.runsh.options]'
  contains "$output" 'BinaryName = "/usr/local/bin/runsh"'
}
