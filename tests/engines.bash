# What the tests of engines share: each engine drives the runtime as its users do, from an image "box" of one static busybox.
# The engine's file has the functions start_engine, engine, which is its command line, and stop_engine, and the array needs.
# shellcheck shell=bash disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

# In every hierarchy the containers keep to a cgroup of this name. Where systemd keeps the one hierarchy of version 2, engines
# ask it for scopes, as they do there unless told otherwise: they are in a slice of the tests' own.
name=${BATS_RUN_TMPDIR##*/}-$(basename "$BATS_TEST_FILENAME" .bats)
slice=
[ ! -d /run/systemd/system ] || [ ! -e /sys/fs/cgroup/cgroup.controllers ] || slice=${name//-/_}.slice

runtime=$(type -P "${RUNTIME:-$project/scripts/runsh}")
[ -z "${TOOLS-}" ] || export RUNSH_TOOLS=$TOOLS

setup_file() {
  can_start || return 0
  cd "$BATS_FILE_TMPDIR" || return
  make_image
  start_engine
}

teardown_file() {
  can_start || return 0
  stop_engine
  end_file
}

setup() {
  requires "${needs[@]}"
  watch
  cp /proc/self/mountinfo "$BATS_TEST_TMPDIR/mountinfo"
  cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
  [ ! -e mountinfo ] || remove_containers
  nothing_left
}

# can_start: the engine's needs are there. The tests skip otherwise, and there is nothing to prepare.
can_start() {
  (
    # shellcheck disable=SC2317 # requires calls it.
    skip() { exit 1; }
    requires "${needs[@]}"
  )
}

remove_containers() {
  local containers
  containers=$(engine ps --all --quiet)
  # shellcheck disable=SC2086 # a row of IDs
  [ -z "$containers" ] || engine rm --force --volumes $containers >/dev/null
}

# make_image: the root file system ./root, and ./root.tar of it.
make_image() {
  make_rootfs root
  mkdir root/etc root/tmp root/home root/dev root/proc root/sys
  chmod 1777 root/tmp
  printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1001:user:/home:/bin/sh >root/etc/passwd
  printf '%s\n' root:x:0: user:x:1001: extra:x:7:user >root/etc/group
  echo 'no program' >root/etc/motd
  tar -C root -cf root.tar .
}

# until_true COMMAND...: waits until COMMAND succeeds, at most 20 seconds.
until_true() {
  local try
  for ((try = 0; try < 200; try++)); do
    ! "$@" || return 0
    sleep 0.1
  done
  echo "never: $*"
  return 1
}

# until_ready PROGRAM...: waits for a daemon to answer.
until_ready() {
  until_true answers "$@"
}

answers() {
  "$@" >/dev/null 2>&1
}

# end PID: ends a daemon, by force where it does not end.
end() {
  kill "$1" 2>/dev/null || return 0
  timeout 20 tail --pid="$1" -f /dev/null || kill -9 "$1"
}

# configure_containerd: writes containerd.toml, of a daemon that has nothing in common with the machine's.
configure_containerd() {
  cat >containerd.toml <<toml
version = 2
root = "$PWD/containerd/root"
state = "$PWD/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$PWD/containerd.sock"
toml
}

# cgroups_of_file: those that the engine was given, in every hierarchy.
cgroups_of_file() {
  find /sys/fs/cgroup -mindepth 1 -maxdepth 4 \( -name "$name" -o -name "${slice:-$name}" \) 2>/dev/null || :
}

# end_file: what is left of the file's processes and cgroups; there is something after a failure only.
end_file() {
  local pid try
  local -a top
  [ -z "$slice" ] || systemctl "$(is_root && echo --system || echo --user)" stop "$slice" 2>/dev/null || :
  for ((try = 0; try < 100; try++)); do
    mapfile -t top < <(cgroups_of_file)
    while read -r pid; do
      kill -9 "$pid" 2>/dev/null || :
    done < <(
      [ "${#top[@]}" -eq 0 ] || find "${top[@]}" -name cgroup.procs -exec cat {} + 2>/dev/null
      processes_of_file
    )
    [ "${#top[@]}" -ne 0 ] || return 0
    find "${top[@]}" -depth -type d -exec rmdir {} + 2>/dev/null || :
    sleep 0.05
  done
  echo "cannot remove ${top[*]}"
  return 1
}

# processes_of_file: those that setup_file and the tests started, less bats itself.
processes_of_file() {
  local pid
  while read -r pid; do
    grep -qzE '(^|/)(bats|bats-[a-z-]+)$' "/proc/$pid/cmdline" 2>/dev/null || [ "$pid" -eq "$$" ] || [ "$pid" -eq "$BASHPID" ] || echo "$pid"
  done < <(grep -lszxF "BATS_FILE_TMPDIR=$BATS_FILE_TMPDIR" /proc/[0-9]*/environ | cut -d/ -f3)
}

# in_box SCRIPT: what the shell of a new container says to SCRIPT.
in_box() {
  engine run --rm "${options[@]}" box sh -c "$1"
}

# says SCRIPT WANT: SCRIPT in a container with $options succeeds, and WANT is its output.
says() {
  ok in_box "$1"
  equal "$output" "$2"
}

# start OPTION...: the container c, which waits.
start() {
  ok engine run --detach --name one "$@" box sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
}

# said_in SCRIPT WANT: SCRIPT in the container one succeeds, and WANT is its output.
said_in() {
  ok engine exec one sh -c "$1"
  equal "$output" "$2"
}

inspect() {
  engine inspect --format "{{$1}}" one
}

pid_of() {
  inspect .State.Pid
}

# limit CONTROLLER/FILE FILE2: a command for what the file of version 1, or of version 2, says inside.
limit() {
  echo "cat /sys/fs/cgroup/$1 2>/dev/null || cat /sys/fs/cgroup/$2"
}

output_and_status() {
  expect 7 engine run --rm box sh -c 'echo out; echo err >&2; exit 7'
  equal "$output" out
  contains "$stderr" err
  expect 137 engine run --rm box sh -c 'sh -c "kill -9 \$\$"; exit $?'
  ok engine run --rm box true
  equal "$output$stderr" ''
}

missing_programs() {
  local program
  for program in nosuch /no/such; do
    expect 127 engine run --rm box "$program"
    contains "$stderr" "$program"
  done
  for program in /etc /etc/motd; do
    expect 126 engine run --rm box "$program"
    contains "$stderr" "$program"
  done
  ok engine ps --all --quiet
  equal "$output" ''
}

standard_input() {
  head -c 3000000 /dev/urandom >data
  ok engine run --rm box sha256sum </dev/null
  contains "$output" e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  engine run --rm --interactive box cat <data >copy
  cmp data copy
}

terminal() {
  ok engine run --rm --tty box sh -c 'test -t 0 && test -t 1 && test -t 2 && tty && echo on the terminal >/dev/tty'
  equal "$output" $'/dev/pts/0\r\non the terminal\r'
  expect 3 engine run --rm --tty box sh -c 'exit 3'
}

# The size is set when the client attaches, and again when it changes.
terminal_size() {
  cat >attach <<attach
stty rows 33 cols 77
$(declare -f engine)
engine run --rm --interactive --tty box sh -c 'until [ "\$(stty size)" = "33 77" ]; do sleep 0.1; done; echo first; until [ "\$(stty size)" = "44 88" ]; do sleep 0.1; done; echo second'
attach
  {
    until grep -q first typescript 2>/dev/null; do sleep 0.1; done
    pid=$(pgrep -f "^[^ ]*$engine_client .*until" | head -n 1)
    until grep -q second typescript; do
      for rows in 43 44; do
        stty -F "/proc/$pid/fd/0" rows "$rows" cols 88
        sleep 0.5
      done
    done
  } >/dev/null 2>&1 3>&- &
  ok timeout 60 script -qfec "bash $PWD/attach" typescript
  contains "$(cat typescript)" second
}

detached() {
  ok engine run --detach --name one box sh -c 'echo one; sleep 0.3; echo two; echo three >&2; exit 3'
  ok engine wait one
  equal "$output" 3
  ok engine logs one
  equal "$output$stderr" $'one\ntwothree'
  equal "$(inspect .State.Status) $(inspect .State.ExitCode)" 'exited 3'
}

executed() {
  start --env A=init --workdir /tmp
  said_in 'echo $A $(pwd) $(id -u)' 'init /tmp 0'
  ok engine exec --workdir /etc --env A='b c' --user 5:6 one sh -c 'echo $A $(pwd) $(id -u) $(id -g)'
  equal "$output" 'b c /etc 5 6'
  ok engine exec --user user one sh -c 'id -u; id -g; id -G; echo $HOME'
  equal "$output" $'1000\n1001\n1001 7\n/home'
  expect 9 engine exec one sh -c 'echo error >&2; exit 9'
  contains "$stderr" error
  ok engine exec --interactive one cat <<<word
  equal "$output" word
  ok engine exec --tty one sh -c 'test -t 0 && test -t 1 && tty'
  contains "$output" /dev/pts/
  ok engine exec --detach one sh -c 'echo detached >/tmp/file'
  until_true engine exec one cat /tmp/file
  expect "$exec_status_of_missing" engine exec one nosuch
  contains "$stderr$output" 'executable file not found'
  expect 126 engine exec one /etc/motd
}

# By its name, and by a part of its ID.
debugged() {
  start --hostname box
  ok "$project/scripts/debug" one sh -c 'hostname; tr "\0" "\n" </proc/1/cmdline | head -n 1; cat etc/motd; test -x bin/busybox' </dev/null
  equal "$output" $'box\nsh\nno program'
  inspect .Id >id
  ok "$project/scripts/debug" "$engine_client:$(cut -c 1-14 id)" hostname </dev/null
  equal "$output" box
  ok "$project/scripts/debug" --static "$(type -P busybox)" one cat /etc/motd </dev/null
  equal "$output" 'no program'
}

# cinf tells the container by its cgroup, which an ordinary user's Podman does not make everywhere.
named_by_cinf() {
  start
  inspect .Id >id
  ok "$project/scripts/cinf" --pid "$(pid_of)"
  contains "$(awk '$2 == "mnt" { print $5 }' <<<"$output")" "$engine_client:"
  contains "$output" "$engine_client:$(cut -c 1-12 id)"
}

# The one that is executed is where init is, and may do what init may.
executed_like_init() {
  local facts='for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup
    grep -E "^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)" /proc/self/status; ulimit -Sn; ulimit -Hn'
  start --cap-drop ALL --cap-add CHOWN --security-opt no-new-privileges --ulimit nofile=500:600
  engine exec one sh -c "$facts" >said
  contains "$(cat said)" 'NoNewPrivs:	1'
  contains "$(cat said)" 'Seccomp:	2'
  contains "$(cat said)" 'CapEff:	0000000000000001'
  engine exec one sh -c 'for n in cgroup ipc mnt net pid user uts; do readlink /proc/1/ns/$n; done; cat /proc/1/cgroup
    grep -E "^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)" /proc/1/status' >init
  diff init <(head -n "$(wc -l <init)" said)
  contains "$(cat said)" $'500\n600'
}

# A host descriptor is a way out. The caller's are open, and so are the engine's.
no_descriptors() {
  exec 5</ 6</etc
  says 'ls /proc/self/fd | sort | tr "\n" " "' '0 1 2 3 '
  start
  said_in 'ls /proc/self/fd | sort | tr "\n" " "; for fd in /proc/1/fd/*; do echo "${fd##*/}"; done | grep -vx -e 10 | tr "\n" " "' '0 1 2 3 0 1 2 '
  exec 5>&- 6>&-
}

user_and_environment() {
  options=(--user user)
  says 'id -u; id -g; echo $HOME $FROM' $'1000\n1001\n/home image'
  options=(--user 1234:5678 --group-add 9 --env FROM='a b' --env E=)
  says 'id -u; id -g; id -G; echo "$FROM${E-unset}"' $'1234\n5678\n5678 9\na b'
  options=(--workdir /home)
  says pwd /home
}

volumes() {
  mkdir volume
  echo host >volume/file
  echo one >one
  options=(--volume "$PWD/volume:/volume" --volume "$PWD/one:/etc/one:ro")
  says 'cat /volume/file /etc/one; echo inside >/volume/new; echo no 2>/dev/null >/etc/one || echo closed' $'host\none\nclosed'
  equal "$(cat volume/new) $(cat one)" 'inside one'
  options=(--volume "$PWD/volume:/volume:ro")
  says 'cat /volume/new; touch /volume/no 2>/dev/null || echo closed' $'inside\nclosed'
  options=(--mount "type=bind,src=$PWD/volume,dst=/volume,bind-propagation=rslave")
  says 'cat /volume/new; grep " /volume " /proc/self/mountinfo | grep -o master' $'inside\nmaster' ||
    says 'cat /volume/new' inside
}

named_volume() {
  options=(--volume "data-$$:/data")
  says 'echo kept >/data/file' ''
  says 'cat /data/file' kept
  ok engine volume rm "data-$$"
}

tmpfs() {
  options=(--tmpfs '/scratch:size=1m,noexec,mode=1770')
  says 'grep -o " /scratch tmpfs [^ ]*" /proc/mounts | tr , "\n" | grep -x -e noexec -e size=1024k -e mode=1770 -e nosuid | sort
    touch /scratch/file && head -c 2000000 /dev/zero 2>/dev/null >/scratch/file || echo full' $'mode=1770\nnoexec\nnosuid\nsize=1024k\nfull'
  options=(--shm-size 2m)
  says 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2' 2048
}

read_only() {
  options=(--read-only --tmpfs /tmp)
  says 'touch /file 2>/dev/null || echo closed; touch /tmp/file && echo open' $'closed\nopen'
}

hostname_inside() {
  options=(--hostname a-name)
  says 'hostname; cat /etc/hostname' $'a-name\na-name'
  equal "$(cat /proc/sys/kernel/hostname)" "$(uname -n)"
  lacks "$(uname -n)" a-name
}

capabilities() {
  options=(--cap-drop ALL)
  says 'grep -E "^Cap(Eff|Bnd|Prm)" /proc/self/status | cut -f 2 | uniq' 0000000000000000
  options=(--cap-drop ALL --cap-add NET_ADMIN --cap-add CHOWN)
  says 'grep -E "^Cap(Eff|Bnd|Prm)" /proc/self/status | cut -f 2 | uniq' 0000000000001001
  options=(--cap-drop CHOWN)
  says 'chown 1 /tmp 2>/dev/null || echo closed' closed
  options=()
  says 'mount -t tmpfs none /tmp 2>/dev/null || echo closed' closed
}

all_capabilities() {
  printf '%016x' $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1))
}

# The kernel gives no capability that root lacks.
privileged() {
  grep -q "^CapBnd:.$(all_capabilities)" /proc/self/status || skip 'needs every capability'
  options=(--privileged)
  says 'grep CapEff /proc/self/status | cut -f 2; mount -t tmpfs none /tmp && echo open' "$(grep CapBnd /proc/self/status | cut -f 2)"$'\nopen'
}

no_new_privileges() {
  options=()
  says 'grep NoNewPrivs /proc/self/status | cut -f 2' 0
  options=(--security-opt no-new-privileges)
  says 'grep NoNewPrivs /proc/self/status | cut -f 2' 1
}

seccomp() {
  options=()
  says 'grep Seccomp: /proc/self/status | cut -f 2' 2
  options=(--security-opt seccomp=unconfined)
  says 'grep Seccomp: /proc/self/status | cut -f 2' 0
  echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' >profile.json
  options=(--security-opt "seccomp=$PWD/profile.json")
  says 'mkdir /tmp/new 2>&1' "mkdir: can't create directory '/tmp/new': No space left on device" || contains "$output" 'No space left'
}

limits() {
  options=(--memory 64m --memory-swap 64m)
  says "$(limit memory/memory.limit_in_bytes memory.max)" 67108864
  options=(--pids-limit 20)
  says "$(limit pids/pids.max pids.max)" 20
  expect 2 in_box 'i=0; while [ $i -lt 40 ]; do sleep 3 & i=$((i + 1)); done'
  contains "$stderr" "can't fork"
  options=(--cpus 0.5)
  says "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max | tr ' ' '\n'" $'50000\n100000'
  # systemd gives no user the controller cpuset, unless it is told to.
  is_root || return 0
  options=(--cpuset-cpus 0)
  says 'grep Cpus_allowed_list /proc/self/status | cut -f 2' 0
}

resource_limits() {
  options=(--ulimit nofile=300:400 --ulimit core=0:0)
  says 'ulimit -Sn; ulimit -Hn; ulimit -c' $'300\n400\n0'
}

sysctls() {
  options=(--sysctl net.ipv4.ip_unprivileged_port_start=77 --sysctl kernel.msgmax=9000)
  says 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax' $'77\n9000'
  lacks "$(cat /proc/sys/kernel/msgmax)" 9000
}

# The node is made inside, so that nothing but the rules for devices keeps it closed.
devices() {
  [ -c /dev/fuse ] || skip 'needs /dev/fuse'
  local number
  number=$(stat -c '%Hr %Lr' /dev/fuse)
  options=(--device /dev/fuse:/dev/mine:r)
  says 'true </dev/mine && echo read; { true >/dev/mine; } 2>/dev/null || echo closed' $'read\nclosed'
  options=(--cap-add MKNOD)
  says "mknod /tmp/node c $number; { true </tmp/node; } 2>/dev/null || echo closed; head -c 1 /dev/zero | wc -c" $'closed\n1'
  says 'ls /dev/fuse /dev/mem /dev/vda 2>/dev/null | wc -l' 0
}

an_init() {
  options=(--init)
  ok in_box 'echo "$$ $(cat /proc/1/comm)"; sh -c "sleep 0.1 & true"; sleep 0.5; ps -o stat | grep -c Z || :'
  [[ ${output/$'\n'/ } =~ ^[2-9]\ [a-z-]*init\ 0$ ]]
}

host_pid() {
  options=(--pid host)
  says "readlink /proc/self/ns/pid; cat /proc/$$/comm" "$(readlink /proc/self/ns/pid)
$(cat /proc/$$/comm)"
}

# Where the PID namespace is not its own, the kernel does not end the rest of a container with its init.
forks_after_its_init() {
  expect 3 engine run --name one --pid host box sh -c 'sh -c "while :; do sleep 0.01; done" '"forks-$$"' & exit 3'
  ok engine rm --force one
  until_true nothing_forks
}

nothing_forks() {
  ! pgrep -f "forks-$$" >/dev/null
}

joined() {
  start
  options=(--network container:one)
  says 'readlink /proc/self/ns/net' "$(engine exec one readlink /proc/self/ns/net)"
  options=(--pid container:one)
  says 'ps | grep -c "[t]rap"' 1
  says 'readlink /proc/self/ns/pid' "$(engine exec one readlink /proc/self/ns/pid)"
}

listed() {
  start
  ok engine top one
  contains "$output" 'trap "exit 5" TERM'
  ok engine stats --no-stream --format '{{.MemUsage}}' one
  contains "$output" ' / '
  [[ $output =~ ^[1-9] ]] || {
    echo "no memory: $output"
    return 1
  }
}

# The container's own clock tells whether it stands.
paused() {
  mkdir volume
  ok engine run --detach --name one --volume "$PWD/volume:/volume" box sh -c 'while :; do echo >>/volume/clock; sleep 0.01; done'
  until_true test -s volume/clock
  ok engine pause one
  equal "$(inspect .State.Status)" paused
  local size
  size=$(stat -c %s volume/clock)
  sleep 0.3
  equal "$(stat -c %s volume/clock)" "$size"
  expect_failure engine exec one true
  ok engine unpause one
  equal "$(inspect .State.Status)" running
  until_true grows "$size"
  ok engine pause one
  ok engine rm --force one
}

grows() {
  [ "$(stat -c %s volume/clock)" -gt "$1" ]
}

expect_failure() {
  run "$@"
  [ "$status" -ne 0 ] || {
    echo "no failure: $*"
    return 1
  }
}

updated() {
  local last=$(($(nproc --all) - 1))
  start --memory 64m --memory-swap 64m --cpus 0.5 --cpuset-cpus "0-$last"
  ok engine update --memory 96m --memory-swap 96m --cpus 0.3 --cpuset-cpus 0 one
  said_in "$(limit memory/memory.limit_in_bytes memory.max)" 100663296
  said_in "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d ' ' -f 1 /sys/fs/cgroup/cpu.max" 30000
  said_in 'grep Cpus_allowed_list /proc/self/status | cut -f 2' 0
  ok engine update --memory 48m --memory-swap 48m --cpus 0.6 --cpuset-cpus "0-$last" one
  said_in "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d ' ' -f 1 /sys/fs/cgroup/cpu.max" 60000
  ok engine exec one grep Cpus_allowed_list /proc/self/status
  contains "$output" "$last"
  said_in "$(limit memory/memory.limit_in_bytes memory.max)" 50331648
  said_in 'head -c 1 /dev/zero | wc -c' 1
}

copied() {
  start
  echo word >file
  ok engine cp file one:/tmp/in
  said_in 'cat /tmp/in' word
  ok engine stop --time 1 one
  ok engine cp one:/tmp/in out
  equal "$(cat out)" word
}

stopped_and_started() {
  start
  said_in 'echo kept >/tmp/file' ''
  ok engine stop --time 20 one
  equal "$(inspect .State.Status) $(inspect .State.ExitCode)" 'exited 5'
  ok engine start one
  said_in 'cat /tmp/file' kept
  ok engine restart --time 0 one
  said_in 'cat /tmp/file' kept
  ok engine kill --signal TERM one
  until_true is exited
  equal "$(inspect .State.ExitCode)" 5
  ok engine run --detach --name deaf box sleep 1000
  ok engine stop --time 0 deaf
  ok engine inspect --format '{{.State.ExitCode}}' deaf
  equal "$output" 137
}

is() {
  [ "$(inspect .State.Status)" = "$1" ]
}

out_of_memory() {
  expect 137 engine run --name one --memory 24m --memory-swap 24m box sh -c 'tail /dev/zero; status=$?; sleep 0.5; exit $status'
  until_true is exited
  # Conmon 2.1 leaves the mark in its working directory, where Podman 4.3 does not look for it.
  equal "$(inspect .State.OOMKilled)" true || ok test -e oom
}

removed_by_force() {
  start
  local pid
  pid=$(pid_of)
  ok test -e "/proc/$pid"
  ok engine rm --force one
  expect 1 test -e "/proc/$pid"
  expect_failure engine inspect one
}

created_then_removed() {
  ok engine create --name one box true
  equal "$(inspect .State.Status)" created
  ok engine rm one
}

eight_at_once() {
  local number
  for number in {1..8}; do
    engine run --rm box sh -c "sleep 0.2; echo $number; exit $number" >"out$number" 2>&1 3>&- || echo "$?" >>"out$number" &
  done
  wait
  for number in {1..8}; do
    equal "$(cat "out$number")" "$number"$'\n'"$number"
  done
}

executed_at_once() {
  start
  local number
  for number in {1..8}; do
    engine exec one echo "$number" >"out$number" 2>&1 3>&- &
  done
  wait
  equal "$(cat out?)" "$(seq 8)"
}

# A container's process cannot write to the runtime, nor see its tree.
proc_is_masked() {
  options=()
  says 'echo 1 2>/dev/null >/proc/sys/kernel/core_pattern || echo closed; cat /proc/kcore 2>/dev/null | wc -c; ls /proc/scsi /sys/firmware 2>/dev/null | wc -l' $'closed\n0\n2' ||
    contains "$output" closed
}

# explained DIRECTORY: the line of the container one, whose state the engine has put there.
explained() {
  [ -z "${RUNTIME-}" ] || skip 'is about runsh'
  start
  local id
  id=$(inspect .Id)
  ok "$runtime" --root "$1" explain "$id"
  contains "$output" unshare-rs
  contains "$output" 'trap "exit 5" TERM'
  ok "$runtime" --root "$1" list --quiet
  equal "$output" "$id"
}
