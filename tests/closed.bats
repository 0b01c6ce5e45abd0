#!/usr/bin/env bats
# A container is closed: each test carries out an attack that a container, an image, a bundle or a local user might try.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shell inside expands what it gets.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh

# A program for what no shell can do: system calls by name.
setup_file() {
  cat >"$BATS_FILE_TMPDIR/attack.c" <<'C'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

int main(int argc, char **argv) {
  if (!strcmp(argv[1], "type")) {
    /* Types into every terminal that can be reached, the controlling one first. */
    int fd = open("/dev/tty", O_RDWR);
    say("open", fd);
    for (const char *c = "echo typed\n"; *c; c++) {
      ioctl(fd, TIOCSTI, c);
      for (int i = 0; i < 3; i++)
        ioctl(i, TIOCSTI, c);
    }
  } else if (!strcmp(argv[1], "session")) {
    printf("%ld %d %d\n", syscall(SYS_keyctl, 0, -3, 0), getsid(0), getpgrp());
  } else if (!strcmp(argv[1], "modes")) {
    for (int i = 2; i < argc; i++) {
      say("chmod", chmod(argv[i], 0600));
      say("chown", chown(argv[i], 1, 1));
      say("touch", utimensat(AT_FDCWD, argv[i], NULL, 0));
    }
  } else if (!strcmp(argv[1], "ttyname")) {
    printf("%s\n", ttyname(0) ? ttyname(0) : "none");
  }
  return 0;
}
C
  cc -static -O1 -o "$BATS_FILE_TMPDIR/attack" "$BATS_FILE_TMPDIR/attack.c"
}

# bundle DIR [FILTER]: a bundle of busybox and of the attacker, without a terminal.
bundle() {
  mkdir -p "$1/rootfs/etc" "$1/rootfs/tmp"
  make_rootfs "$1/rootfs"
  cp "$BATS_FILE_TMPDIR/attack" "$1/rootfs/bin"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$1/rootfs/etc/passwd"
  specification | jq ".process.terminal = false | ${2:-.}" >"$1/config.json"
}

# What fits the caller.
specification() {
  if is_root; then
    spec-rs --new
  else
    spec-rs --new --rootless
  fi
}

# become ARGUMENT...: the container of the bundle b executes these arguments.
become() {
  jq '.process.args = $ARGS.positional' b/config.json --args -- "$@" >changed
  mv changed b/config.json
}

inside() {
  become "$@"
  "$runsh" run -b b box </dev/null
}

# on_terminal SCRIPT: what a shell says that runs SCRIPT on a terminal of its own, which nobody types into.
on_terminal() {
  timeout 30 script -qec "$1" /dev/null </dev/null | tr -d '\r'
}

@test "a container without a terminal cannot type into the caller's" {
  requires busybox jq cc script
  bundle b
  become attack type
  local redirection
  for redirection in '' '</dev/null' '</dev/null >out 2>&1'; do
    # What was typed would be read by the shell after the container.
    run on_terminal "sh -c \"'$runsh' run -b b box $redirection; read -t 1 line; echo \\\"[\\\$line]\\\"\" 2>/dev/null; cat out 2>/dev/null"
    contains "$output" '[]'
    lacks "$output" '[echo typed]'
    contains "$output" 'open: No such device or address'
  done
  become attack ttyname
  run on_terminal "'$runsh' run -b b box"
  contains "$output" none
}

@test "a container with a terminal has one of its own, and types into that alone" {
  requires busybox jq cc script
  bundle b '.process.terminal = true | .process.consoleSize = {height: 17, width: 71}'
  become sh -c 'attack ttyname; tty; stat -c "%F %t" /dev/console; attack type >/dev/null; read -t 1 line; read -t 1 line; true'
  run on_terminal "sh -c \"'$runsh' run -b b box; read -t 1 line; echo \\\"[\\\$line]\\\"\""
  contains "$output" $'/dev/pts/0\n/dev/pts/0'
  contains "$output" 'character special file 88'
  contains "$output" '[]'
  become sh -c 'stty size </dev/console; stty size'
  run on_terminal "stty rows 31 cols 91; '$runsh' run -b b box"
  contains "$output" $'31 91\n31 91'
}

@test "the output at the end of a container with a terminal is not lost" {
  requires busybox jq script
  bundle b '.process.terminal = true'
  become sh -c 'i=0; while [ $i -lt 20000 ]; do echo "line $i of many"; i=$((i + 1)); done; exit 7'
  run on_terminal "'$runsh' run -b b box; echo status \$?"
  equal "${lines[-1]}" 'status 7'
  equal "${lines[-2]}" 'line 19999 of many'
  equal "$(grep -c 'of many' <<<"$output")" 20000
}

@test "a container is in a session and a process group of its own" {
  requires busybox jq cc ps
  bundle b '.linux.namespaces -= [{type: "pid"}] | .mounts -= [.mounts[] | select(.type == "proc")]
    | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  ok inside attack session
  read -r _ session group <<<"$output"
  lacks " $(ps -o sid= -p $$) $(ps -o pgid= -p $$) " " $session "
  equal "$session" "$group"
  # The process group that a careless or a hostile program ends is its own.
  become sh -c 'kill -9 0'
  run bash -c "'$runsh' run -b b box </dev/null; echo \"still here: \$?\""
  contains "$output" 'still here: 137'
}

# Every mask and default device that is the machine's own file.
devices='/dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty'

@test "modes, owners and times of the machine's devices stay as they are" {
  requires busybox jq cc
  # The times of /dev/tty change as other programs use it.
  nodes() {
    stat -c '%n %a %u:%g %Y' /dev/null /dev/zero /dev/full /dev/random /dev/urandom
    stat -c '%n %a %u:%g' /dev/tty
  }
  local before filter
  before=$(nodes)
  # A /dev of the image's, where they are bound, and the one that is made.
  for filter in '.mounts -= [.mounts[] | select(.destination | startswith("/dev"))]' .; do
    bundle b "$filter | .root.readonly = false"
    # shellcheck disable=SC2086 # a row of names
    ok inside attack modes /proc/keys /proc/timer_list $devices
    equal "$(nodes)" "$before"
    # The masks at least are the machine's /dev/null.
    equal "$(head -n 6 <<<"$output" | grep -vc 'Read-only file system')" 0
    ok inside sh -c 'for d in /dev/null /dev/zero /dev/full; do : <$d; : >>$d; done; echo x >/dev/null; head -c 2 /dev/zero | wc -c'
    equal "$output" 2
    rm -r b
  done
}

@test "the session keyring is the container's own" {
  requires busybox jq cc
  bundle b
  local own
  own=$("$BATS_FILE_TMPDIR/attack" session | cut -d' ' -f1)
  ok inside attack session
  lacks "$output" "$own "
  [ "${output%% *}" -gt 0 ]
  # The keyring of a user without a session is another one in each user namespace.
  is_root || return 0
  become attack session
  ok "$runsh" run --no-new-keyring -b b box </dev/null
  equal "${output%% *}" "$own"
}

@test "lo is up in a new network namespace" {
  requires busybox jq
  bundle b '.linux.namespaces |= (. + [{type: "network"}] | unique)'
  ok inside ifconfig lo
  contains "$output" 'UP LOOPBACK RUNNING'
}

@test "signals that the caller ignores are not ignored inside" {
  requires busybox jq
  bundle b
  become grep SigIgn /proc/self/status
  ok bash -c "trap '' HUP INT QUIT PIPE TERM USR1 TSTP CHLD; exec '$runsh' run -b b box </dev/null"
  equal "$output" $'SigIgn:\t0000000000000000'
}

@test "a directory is no standard stream" {
  requires busybox jq
  bundle b
  become ls /proc/self/fd/0/
  expect 1 bash -c "'$runsh' run -b b box <'$PWD'"
  contains "$stderr" 'directory'
  equal "$output" ''
  expect 1 bash -c "exec '$runsh' run -b b box </dev/null 2<'$PWD'"
}

@test "a working directory may be a link, and a root.path the bundle itself" {
  requires busybox jq
  bundle b '.process.cwd = "/link"'
  mkdir -p b/rootfs/real
  ln -s real b/rootfs/link
  ok inside sh -c '/bin/busybox pwd -P'
  equal "$output" /real
  jq '.process.cwd = "/../.."' b/config.json >changed
  mv changed b/config.json
  ok inside sh -c '/bin/busybox pwd -P'
  equal "$output" /
  mv b/config.json b/rootfs
  mv b/rootfs c
  rm -r b
  mv c b
  jq '.root.path = "."' b/config.json >changed
  mv changed b/config.json
  ok inside cat /config.json
  contains "$output" '"path": "."'
}

@test "a root.path of / is refused, and leaves nothing behind" {
  requires busybox jq
  bundle b
  ln -s / b/link
  local path
  for path in / //. link "../../../../../../../../../../.."; do
    jq --arg path "$path" '.root.path = $path | .process.cwd = "/runsh-was-here"' b/config.json >changed
    mv changed b/config.json
    expect 1 inside true
    contains "$stderr" 'root.path: '
    contains "$stderr" 'is the root of this machine'
    [ ! -e /runsh-was-here ]
  done
}

@test "HOME is the user's where it is empty, as under runc" {
  requires busybox jq
  local variables
  for variables in '["A=1"]' '["HOME="]' '["HOME=/x", "HOME="]'; do
    bundle b ".process.env = [\"PATH=/bin\"] + $variables"
    ok inside sh -c 'echo "$HOME"'
    equal "$output" /root
  done
  bundle b '.process.env = ["PATH=/bin", "HOME=", "HOME=/x"]'
  ok inside sh -c 'echo "$HOME"'
  equal "$output" /x
}

@test "no program outside of the container is in its namespaces" {
  requires busybox jq pgrep
  bundle b '.linux.namespaces |= (. + [{type: "cgroup"}] | unique)'
  become sleep 300
  local child outside name namespace
  "$runsh" run -b b box </dev/null >/dev/null 2>&1 &
  outside=$!
  timeout 100 bash -c "until child=\$(pgrep -P $outside) && [ \"\$(cat /proc/\$child/comm)\" = sleep ]; do sleep 0.05; done"
  child=$(pgrep -P "$outside")
  for name in mnt net ipc uts pid cgroup user; do
    [ "$(readlink "/proc/$child/ns/$name")" != "$(readlink "/proc/self/ns/$name")" ] || continue
    namespace=$(readlink "/proc/$child/ns/$name")
    equal "$(find /proc/[0-9]*/ns/"$name" -maxdepth 0 -printf '%l %p\n' 2>/dev/null | grep -F "$namespace ")" \
      "$namespace /proc/$child/ns/$name"
  done
  equal "$(readlink "/proc/$outside/root")" /
  # No secret of the container is in the arguments of what stands outside.
  lacks "$(tr '\0' ' ' <"/proc/$outside/cmdline")" TERM=xterm
  # It does not outlive its supervisor.
  kill -KILL "$outside"
  wait "$outside" || :
  timeout 100 sh -c "while [ -e /proc/$child ]; do sleep 0.05; done"
}

# A container in which a shell is root over a new user namespace, as soon as the kernel allows one.
nested='unshare -Ur -m -p -f sh -c "mount -t proc proc /tmp && echo mounted; mount -t sysfs sys /tmp && echo mounted"; true'

@test "a nested user namespace mounts no proc without masks" {
  requires busybox jq
  bundle b
  local option
  for option in '' --no-pivot; do
    become sh -c "$nested"
    ok "$runsh" run $option -b b box </dev/null
    lacks "$output" mounted
    contains "$stderr" 'Operation not permitted'
    # Nothing of the machine's mounts is left in the namespace.
    become cat /proc/self/mountinfo
    ok "$runsh" run $option -b b box </dev/null
    lacks "$(cut -d' ' -f5 <<<"$output")" "$PWD"
  done
}

@test "masks hold while the image is changed, and the root is one directory" {
  requires busybox jq cc
  bundle b '.root.readonly = false'
  cp -a b/rootfs b/other
  echo one >b/rootfs/which
  echo two >b/other/which
  mkdir -p b/rootfs/proc b/rootfs/decoy b/other/proc b/other/decoy
  cc -O2 -o swap "$project/tests/fixtures/swap.c"
  # In the root, its mask, and the mask of a directory; the root is the same before and after.
  become sh -c 'read -r a </which; stat -c %t:%T /proc/keys; ls /sys/firmware; { echo x >/proc/sys/kernel/domainname; } 2>/dev/null && echo writable; read -r b </which; [ "$a" = "$b" ] && echo same'
  local exchanger pairs round
  for pairs in "b/rootfs b/other" "b/rootfs/proc b/rootfs/decoy"; do
    # shellcheck disable=SC2086 # two names
    ./swap exchange $pairs >/dev/null 3>&- &
    exchanger=$!
    for ((round = 0; round < 25; round++)); do
      run --separate-stderr "$runsh" run -b b box </dev/null
      # It may fail, and /proc may be the decoy at the time, but nothing is open and nothing is mixed.
      case $status:$output in
        0:$'1:3\nsame' | 0:same | [1-9]*) ;;
        *)
          echo "$status: $output"
          break
          ;;
      esac
    done
    kill "$exchanger"
    wait "$exchanger" || :
    [ "$round" -eq 25 ]
  done
}

@test "what cannot be made is named by its property, and has status 1" {
  requires busybox jq
  bundle b '.mounts += [{destination: "/x", source: "nothing", options: ["bind"]}]'
  local number
  number=$(jq '.mounts | length - 1' b/config.json)
  expect 1 inside true
  contains "$stderr" "bindmount-rs: cannot mount 'mounts[$number]': cannot bind 'nothing' on '/x': No such file or directory"
  bundle b '.mounts[1].type = "nosuchfs"'
  expect 1 inside true
  contains "$stderr" "cannot mount 'mounts[1]'"
  contains "$stderr" nosuchfs
  bundle b '.mounts -= [.mounts[] | select(.type == "proc")] | .process.cwd = "/etc/passwd"'
  expect 1 inside true
  contains "$stderr" "process.cwd"
  bundle b '.process.rlimits[0].hard = 18446744073709551615'
  expect 1 inside true
  contains "$stderr" 'process.rlimits[0]'
  # COMMAND's own status, whatever it is.
  bundle b
  expect 32 inside sh -c 'exit 32'
  expect 127 inside /nothing
  expect 126 inside /etc/passwd
}

@test "the rule to deny all devices cannot be lifted" {
  requires root busybox jq
  bundle b '.root.readonly = false'
  mkdir b/nodes 'b/nodes,nodev'
  mknod b/rootfs/random c 10 237
  mknod b/nodes/random c 10 237
  mknod 'b/nodes,nodev/random' c 10 237
  ln -s / b/rootfs/link
  cp b/config.json good
  # Each a change of the configuration, and where the node is then.
  while IFS=$'\t' read -r filter path; do
    jq "$filter" good >b/config.json
    run --separate-stderr inside sh -c "mount -o remount,bind,dev,rw / 2>/dev/null; head -c 1 $path"
    [ "$status" -ne 0 ]
    equal "$output" ''
    # It was refused, or did not open.
    case $stderr in
      *"$path: Permission denied"* | *"$path: Operation not permitted"* | *"cannot use "*) ;;
      *)
        printf '%s\n%s\n' "$filter" "$stderr"
        return 1
        ;;
    esac
  done <<'ROWS'
.	/random
.process.capabilities |= map_values(["CAP_ALL"])	/random
.process.capabilities |= map_values(["CAP_CAP_SYS_ADMIN", "CAP_CAP_21", "CAP_21"])	/random
.process.capabilities |= map_values(["CAP_SYS_ADMIN"])	/random
.process.capabilities |= (map_values(["CAP_SYS_ADMIN"]) + {inheritable: ["CAP_SYS_ADMIN"], bounding: []})	/random
.mounts += [{destination: "/m", source: "nodes", options: ["bind", "dev", "rdev"]}]	/m/random
.mounts += [{destination: "/m", source: "nodes", options: ["rbind", "rdev"]}]	/m/random
.mounts += [{destination: "/m", source: "nodes", options: ["bind"]}, {destination: "/m", options: ["remount", "bind", "dev"]}]	/m/random
.mounts += [{destination: "/tmp/..", options: ["remount", "bind", "dev"]}]	/random
.mounts += [{destination: "/link", options: ["remount", "bind", "dev", "rdev"]}]	/random
.mounts += [{destination: "/m", type: "overlay", source: "o", options: ["lowerdir=/etc:nodes\\"]}]	/m/random
.mounts += [{destination: "/m", type: "overlay", source: "o", options: ["dev", "lowerdir=/etc:nodes", "metacopy=\"off"]}]	/m/random
ROWS
}

@test "a long here-document leaves no process behind that waits for its parent" {
  requires busybox cc jq
  bundle b '.process.env += ["LONG=" + ("x" * 130000)]'
  become sh -c 'echo "${#LONG}"; exec sleep 1000'
  # dash has a child write it.
  dash "$runsh" run -b b "closed-$$" </dev/null >said 2>&1 3>&- &
  local container=$! i
  until [ -s said ]; do sleep 0.01; done
  equal "$(cat said)" 130000
  for ((i = 0; i < 200; i++)); do
    ended_child "$container" || break
    sleep 0.01
  done
  expect 1 ended_child "$container"
  kill -KILL "$container"
  wait "$container" || true
}

# ended_child PROCESS: a descendant of it has ended, and was not waited for.
ended_child() {
  local pid
  for pid in $(descendants_of "$1"); do
    ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null || return 0
  done
  return 1
}
