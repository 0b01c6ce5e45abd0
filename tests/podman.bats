#!/usr/bin/env bats
# Podman drives the runtime, through conmon: with a storage, a state and a configuration of the tests' own. For an ordinary
# user that is rootless Podman, with a user namespace of the one ID that needs no /etc/subuid.
# shellcheck disable=SC2034,SC2154 # engines.bash uses what is assigned here, and bats and the helpers assign the rest.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

: "${TEST_TIMEOUT:=180}"
load helpers
load engines

needs=(podman conmon tini-static busybox)
engine_client=podman
exec_status_of_missing=127
export CONTAINERS_CONF=$BATS_FILE_TMPDIR/containers.conf CONTAINERS_STORAGE_CONF=$BATS_FILE_TMPDIR/storage.conf
export HOME=$BATS_FILE_TMPDIR/home XDG_RUNTIME_DIR=$BATS_FILE_TMPDIR/xdg

# Rootless Podman makes no cgroups but as scopes of the user's systemd, which a user with a session has.
cgroup_options=() cgroup_manager=cgroupfs
session=/run/user/$(id -u)/bus
if is_root || { [ -n "$slice" ] && [ -S "$session" ]; }; then
  cgroup_options=(--cgroup-parent "${slice:-/$name}")
  [ -z "$slice" ] || cgroup_manager=systemd
  is_root || export DBUS_SESSION_BUS_ADDRESS=unix:path=$session
fi

needs_cgroups() {
  [ "${#cgroup_options[@]}" -ne 0 ] || skip 'needs root, or a user with a session of systemd'
}

# The limits that Podman asks for otherwise are more than a machine may give. An option replaces all those of containers.conf.
engine() {
  local command=$1
  shift
  case $command in
    create | run) set -- "${cgroup_options[@]}" --ulimit nofile=2000:2000 --ulimit nproc=1000:1000 "$@" ;;
  esac
  timeout --foreground 60 podman --tmpdir "$BATS_FILE_TMPDIR/tmp" "$command" "$@" 3>&- 4>&-
}

# The locks are files, not shared memory: that
# is the machine's.
start_engine() {
  cat >containers.conf <<toml
[containers]
netns = "none"
default_ulimits = ["nofile=2000:2000", "nproc=1000:1000"]
[engine]
cgroup_manager = "$cgroup_manager"
events_logger = "file"
lock_type = "file"
network_backend = "cni"
init_path = "$(type -P tini-static)"
runtime = "runsh"
runtime_supports_json = ["runsh"]
[engine.runtimes]
runsh = ["$runtime"]
toml
  cat >storage.conf <<toml
[storage]
driver = "vfs"
graphroot = "$PWD/storage"
runroot = "$PWD/run"
[storage.options.vfs]
ignore_chown_errors = "true"
toml
  mkdir -m 700 home xdg
  # The runtime is told of this directory alone.
  [ "$cgroup_manager" = cgroupfs ] || is_root || ln -s "$session" xdg/bus
  engine import --change 'ENV FROM=image' --change 'CMD ["sh"]' root.tar box
}

# Rootless Podman keeps a process that holds its user namespace, and files of other IDs where the user has some.
stop_engine() {
  is_root || engine unshare rm -rf "$BATS_FILE_TMPDIR"/{home/.local,storage}
  local file
  for file in "$BATS_FILE_TMPDIR"/{tmp,xdg/libpod/tmp}/pause.pid; do
    [ ! -e "$file" ] || end "$(cat "$file")"
  done
}

remove_containers() {
  engine pod rm --all --force --time 0 >/dev/null
  engine rm --all --force --volumes --time 0 >/dev/null
}

@test "podman: output and exit status" {
  output_and_status
}

@test "podman: a program that is missing gives 127, one that cannot be executed 126" {
  missing_programs
}

@test "podman: cinf names its containers" {
  requires root
  named_by_cinf
}

@test "podman: debug finds its containers" {
  debugged
}

@test "podman: -i: standard input, to its end" {
  standard_input
}

@test "podman: -t: a terminal" {
  terminal
}

@test "podman: -t: the size of the terminal, and its changes" {
  terminal_size
}

@test "podman: -d, wait and logs" {
  detached
}

@test "podman: exec: -w, -e, -u, -i, -t and -d; its exit status" {
  requires root
  executed
}

@test "podman: exec: where init is, with its powers" {
  requires root
  executed_like_init
}

@test "podman: no descriptor of the host is open inside" {
  no_descriptors
}

@test "podman: user, environment and working directory" {
  requires root
  user_and_environment
}

@test "podman: volumes: bind mounts, read-only too" {
  volumes
}

@test "podman: volumes: named ones" {
  named_volume
}

@test "podman: volumes: tmpfs" {
  requires root
  tmpfs
}

@test "podman: a read-only root" {
  read_only
}

@test "podman: the host name" {
  hostname_inside
}

@test "podman: capabilities added and dropped" {
  capabilities
}

@test "podman: privileged" {
  privileged
}

@test "podman: no-new-privileges" {
  no_new_privileges
}

@test "podman: seccomp: the default, none and one of the user's own" {
  seccomp
}

@test "podman: memory, pids and cpu limits" {
  needs_cgroups
  limits
}

@test "podman: ulimits" {
  resource_limits
}

@test "podman: sysctls" {
  sysctls
}

@test "podman: one device, and the others closed" {
  requires root
  devices
}

@test "podman: an init" {
  an_init
}

@test "podman: the host's PID namespace" {
  host_pid
}

@test "podman: what forks after its init's end goes too" {
  requires root
  forks_after_its_init
}

@test "podman: namespaces of another container" {
  joined
}

@test "podman: top and stats" {
  needs_cgroups
  listed
}

@test "podman: pause and unpause" {
  needs_cgroups
  paused
}

@test "podman: update" {
  needs_cgroups
  updated
}

@test "podman: cp" {
  copied
}

@test "podman: stop, start again, restart and kill" {
  stopped_and_started
}

@test "podman: a container out of memory is reported" {
  needs_cgroups
  out_of_memory
}

@test "podman: rm -f" {
  removed_by_force
}

@test "podman: create, and rm before a start" {
  created_then_removed
}

@test "podman: eight at once" {
  eight_at_once
}

@test "podman: eight execs at once" {
  executed_at_once
}

@test "podman: what of /proc and /sys is closed" {
  proc_is_masked
}

@test "podman: a pod, a container of it and an exec into it" {
  requires root
  ok engine pod create --name pod "${cgroup_options[@]}" --infra-image box --infra-command '/bin/sleep 1000' --share net,ipc,uts,pid
  ok engine run --detach --pod pod --name one box sleep 1000
  options=(--pod pod)
  says 'ps -o args | grep sleep | grep -v grep' $'/bin/sleep 1000\nsleep 1000'
  ok engine exec one sh -c 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done'
  said=$output
  says 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done' "$said"
  ok engine pod pause pod
  equal "$(inspect .State.Status)" paused
  ok engine pod unpause pod
  ok engine pod stop --time 0 pod
  ok engine pod start pod
  said_in 'ps -o args | grep -c "^sleep 1000"' 1
  ok engine pod rm --force --time 0 pod
}

@test "podman: a user namespace" {
  requires root
  options=(--uidmap 0:100000:1000 --gidmap 0:200000:1000)
  says 'id -u; cat /proc/self/uid_map | tr -s " "' $'0\n 0 100000 1000'
  ok engine run --detach --name one "${options[@]}" box sleep 1000
  equal "$(stat -c '%u %g' "/proc/$(pid_of)")" '100000 200000'
  ok engine exec --user 7 one id -u
  equal "$output" 7
  equal "$(stat -c '%u %g' "/proc/$(pid_of)")" '100000 200000'
}

@test "podman: --preserve-fds" {
  timeout 60 podman --tmpdir "$BATS_FILE_TMPDIR/tmp" run --rm --ulimit nofile=2000:2000 --ulimit nproc=1000:1000 \
    "${cgroup_options[@]}" --preserve-fds 1 box sh -c 'cat <&3; ls /proc/self/fd' 3</etc/hostname 4>&- >said
  equal "$(cat said)" "$(cat /etc/hostname)"$'\n0\n1\n2\n3\n4'
}

@test "podman: health checks" {
  ok engine run --detach --name one --health-cmd 'test -e /tmp/well' --health-interval disable box sleep 1000
  expect 1 engine healthcheck run one
  said_in 'touch /tmp/well' ''
  ok engine healthcheck run one
}

@test "podman: a build runs its steps" {
  requires root
  printf 'FROM box\nRUN echo built >/file\nRUN ["/bin/busybox", "touch", "/other"]\n' >Dockerfile
  ok engine build --cgroup-parent "${slice:-/$name/build}" --ulimit nofile=2000:2000 --ulimit nproc=1000:1000 --runtime "$runtime" --isolation oci \
    --network none --tag built .
  ok engine run --rm built cat /file
  equal "$output" built
  ok engine rmi built
}

@test "podman: OCI hooks of the machine" {
  mkdir hooks
  cat >hooks/hook.json <<json
{"version": "1.0.0", "when": {"always": true}, "stages": ["createRuntime", "poststop"],
 "hook": {"path": "$(type -P sh)", "args": ["sh", "-c", "cat >>$PWD/states; echo >>$PWD/states"]}}
json
  ok timeout 60 podman --tmpdir "$BATS_FILE_TMPDIR/tmp" --hooks-dir "$PWD/hooks" run --rm --ulimit nofile=2000:2000 \
    --ulimit nproc=1000:1000 "${cgroup_options[@]}" box true
  until_true has_lines 2 states
  jq -se '.[0].status == "creating" or .[0].status == "created"' states
  jq -se '.[0].pid > 1 and .[1].status == "stopped"' states
}

has_lines() {
  [ "$(grep -c '{' "$2")" -eq "$1" ]
}
