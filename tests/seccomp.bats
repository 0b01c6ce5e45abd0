#!/usr/bin/env bats
# Filters of system calls: setpriv-rs --seccomp-rules, and linux.seccomp of a bundle. What they do is asked of the kernel, call
# by call, and beside runc.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # jq expands what stands between single quotes.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
fixtures=$project/tests/fixtures

# The system calls without which no dynamically linked program starts.
start='execve execveat brk arch_prctl mmap munmap mprotect pread64 read write openat open close fstat newfstatat statx access
  faccessat uname set_tid_address set_robust_list rseq prlimit64 getrandom exit exit_group futex readlink readlinkat lseek ioctl'

# rules LINE...: the file rules, with what a program needs to start.
rules() {
  printf '%s\n' 'default errno EPERM' "$@" "allow ${start//[[:space:]]/ }" >rules
}

# probe: ./syscalls, which makes every system call and prints what became of it.
probe() {
  requires cc
  cc -static -O1 -o "${1-.}/syscalls" "$fixtures/syscalls.c"
}

# bundle FILTER: ./b, whose config.json the jq FILTER has changed; $profile is there one of the fixtures.
bundle() {
  requires root runc jq cc
  mkdir -p b/rootfs
  probe b/rootfs
  spec-rs --new | jq --slurpfile docker "$fixtures/seccomp/docker.json" --slurpfile podman "$fixtures/seccomp/podman.json" "
    .process.terminal = false | .process.args = [\"/syscalls\"] | .process.capabilities = {} | .process.noNewPrivileges = false
    | .process.user = {uid: 65534, gid: 65534} | $1" >b/config.json
}

# as_under_runc: the two containers of ./b say the same. runc gives its standard input to another owner, so it gets a file.
as_under_runc() {
  : >empty
  "$project/scripts/runsh" run -b b "box$$" <empty >ours
  (cd b && runc run "box$$") <empty >theirs
  [ "$(wc -l <ours)" -gt 500 ]
  diff ours theirs
}

@test "a profile of Docker does what it does under runc, for every system call" {
  bundle '.linux.seccomp = $docker[0]'
  as_under_runc
  contains "$(cat ours)" 'native 135 8 0 0: ok'
  contains "$(cat ours)" 'native 135 1 0 0: EPERM'
  contains "$(cat ours)" 'native 600 ffffffffffffffff ffffffffffffffff ffffffffffffffff: ENOSYS'
}

@test "a profile of Podman does what it does under runc, for every system call" {
  bundle '.linux.seccomp = $podman[0]'
  as_under_runc
  contains "$(cat ours)" 'native 41 10 3 9: EINVAL'
}

@test "an architecture that the profile does not name is closed: int 0x80 and x32" {
  [ "$(uname -m)" = x86_64 ] || skip 'needs x86_64'
  bundle '.linux.seccomp = ($docker[0] | .architectures = ["SCMP_ARCH_X86_64"])'
  as_under_runc
  # SIGSYS.
  equal "$(grep -c '^x32.*: signal 31' ours)" "$(grep -c ^x32 ours)"
  equal "$(grep -c '^i386.*: signal 31' ours)" "$(grep -c ^i386 ours)"
  equal "$(grep -c '^native.*: signal 31' ours)" 0
}

@test "the calls that socketcall and ipc do the work of, as under runc" {
  bundle '.linux.seccomp = ($docker[0] | del(.syscalls[].names[] | select(. == "socketcall" or . == "ipc" or . == "shmat")))'
  as_under_runc
}

@test "every operator, as under runc" {
  bundle '.linux.seccomp = ($docker[0] | del(.syscalls[].names[] | select(. == "personality" or . == "socket" or . == "clone"))
    | .syscalls |= map(select(.names != [])) | .syscalls += [
      {names: ["personality"], action: "SCMP_ACT_ALLOW", args: [{index: 0, value: 8, op: "SCMP_CMP_GT"}]},
      {names: ["personality"], action: "SCMP_ACT_ERRNO", errnoRet: 7, args: [{index: 0, value: 8, op: "SCMP_CMP_LE"}]},
      {names: ["personality"], action: "SCMP_ACT_ERRNO", errnoRet: 8, args: [{index: 0, value: 1, op: "SCMP_CMP_LT"}]},
      {names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{index: 2, value: 0, op: "SCMP_CMP_NE"}]},
      {names: ["socket"], action: "SCMP_ACT_KILL_PROCESS", args: [{index: 0, value: 16, op: "SCMP_CMP_GE"}]},
      {names: ["socket"], action: "SCMP_ACT_ERRNO", errnoRet: 5, args: [{index: 0, value: 2, op: "SCMP_CMP_EQ"}, {index: 1, value: 3, op: "SCMP_CMP_EQ"}]},
      {names: ["clone"], action: "SCMP_ACT_TRAP", args: [{index: 0, value: 805306368, valueTwo: 268435456, op: "SCMP_CMP_MASKED_EQ"}]},
      {names: ["clone"], action: "SCMP_ACT_ALLOW", args: [{index: 0, value: 805306368, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ"}]}])'
  as_under_runc
  grep -q '^native 56 10000011 0 0: signal 31' ours
  grep -q '^native 135 0 0 0: ENOEXEC' ours
  grep -q '^native 135 8 0 0: E2BIG' ours
}

@test "what the kernel shows of a filter is what it shows under runc" {
  requires root runc jq busybox
  mkdir -p b
  make_rootfs b/rootfs
  for privileges in true false; do
    spec-rs --new | jq --slurpfile docker "$fixtures/seccomp/docker.json" --argjson privileges "$privileges" '
      .process.terminal = false | .process.args = ["grep", "-E", "^(Uid|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|Specul.*):", "/proc/self/status"]
      | .process.noNewPrivileges = $privileges | .linux.seccomp = $docker[0]' >b/config.json
    : >empty
    "$project/scripts/runsh" run -b b box <empty >ours
    (cd b && runc run "box$$") <empty >theirs
    ok diff ours theirs
    grep -q $'^Seccomp:\t2$' ours
    grep -q $'^Seccomp_filters:\t1$' ours
  done
}

@test "rules of a text: allowed, denied, killed, newer" {
  rules 'newer errno ENOSYS' 'errno EXDEV mkdir mkdirat' 'kill_process rmdir unlinkat'
  expect 1 as_root setpriv-rs --no-new-privs --seccomp-rules rules mkdir made
  contains "$stderr" 'Invalid cross-device link'
  [ ! -e made ]
  mkdir made
  run as_root setpriv-rs --no-new-privs --seccomp-rules rules rmdir made
  equal "$status" 159
  [ -d made ]
  ok as_root setpriv-rs --no-new-privs --seccomp-rules rules grep -E '^(NoNewPrivs|Seccomp|Seccomp_filters):' /proc/self/status
  equal "$output" $'NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1'
}

@test "rules come from a descriptor, which the command does not inherit, and not from what is at its path" {
  requires busybox
  rules 'allow getdents64 fchdir getdents rt_sigaction rt_sigprocmask getuid geteuid getpid getppid stat lstat dup2 fcntl'
  ok as_root setpriv-rs --no-new-privs --seccomp-rules /dev/fd/7 ls /proc/self/fd 7<rules
  lacks "$output" 7
  # A root file system whose /dev/fd leads to rules of its own.
  make_rootfs root
  mkdir -p root/dev/fd
  echo 'default allow' >root/dev/fd/7
  rules 'allow getuid'
  cp "$(type -P setpriv-rs)" root/bin
  expect 1 as_root chroot-rs root /bin/setpriv-rs --no-new-privs --seccomp-rules /dev/fd/7 mkdir /made 7<rules
  [ ! -e root/made ]
}

@test "without no_new_privs the rules are loaded with a capability that is dropped after it" {
  requires root
  rules 'allow capset'
  ok setpriv-rs --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --permitted-caps -all --effective-caps -all \
    --inh-caps -all --seccomp-rules rules grep -E '^(Uid|Groups|CapPrm|CapEff|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
  equal "$output" $'Uid:\t65534\t65534\t65534\t65534
Groups:\t 
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t0
Seccomp:\t2'
  # An ambient capability stays; CAP_SYS_ADMIN does not.
  ok setpriv-rs --reuid 65534 --regid 65534 --clear-groups --inh-caps -all,+kill --permitted-caps -all,+kill \
    --effective-caps -all,+kill --ambient-caps -all,+kill --seccomp-rules rules grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status
  equal "$output" $'CapPrm:\t0000000000000020\nCapEff:\t0000000000000020\nCapAmb:\t0000000000000020'
}

@test "after the rules are loaded there is one system call before execve, and none with no_new_privs" {
  requires root strace
  rules 'allow capset'
  strace -o trace setpriv-rs --reuid 7 --regid 7 --clear-groups --bounding-set -all --permitted-caps -all --seccomp-rules rules \
    /bin/true
  equal "$(sed -n '/^seccomp(/,/^execve(/s/(.*//p' trace)" $'seccomp\ncapset\nexecve'
  strace -o trace setpriv-rs --reuid 7 --regid 7 --clear-groups --bounding-set -all --permitted-caps -all --no-new-privs \
    --close-fds --pdeathsig TERM --default-signals --seccomp-rules rules /bin/true
  equal "$(sed -n '/^seccomp(/,/^execve(/s/(.*//p' trace)" $'seccomp\nexecve'
}

@test "rules that trap their own set-up run no command" {
  # All but what starts a program, also what set up the process before: that is done by then.
  rules
  ok as_root setpriv-rs --no-new-privs --bounding-set -all --default-signals --close-fds --seccomp-rules rules true
  for action in kill_process kill_thread trap 'errno EPERM'; do
    printf '%s\n' 'default allow' "$action execve" >deny
    refused 127 "cannot read the seccomp rules 'deny': they do not allow execve(2), which starts COMMAND" --no-new-privs \
      --seccomp-rules deny
  done
  # What depends on arguments is found out by the kernel.
  printf '%s\n' 'default allow' 'errno EPERM execve if arg0 != 0' >deny
  refused 126 "cannot execute 'touch': Operation not permitted" --no-new-privs --seccomp-rules deny
  requires root
  printf '%s\n' 'default allow' 'errno EPERM capset' >deny
  refused 127 "cannot load the seccomp rules 'deny': they do not allow capset(2), which drops CAP_SYS_ADMIN after it
hint: with --no-new-privs they are loaded last" --permitted-caps -all --seccomp-rules deny
  printf '%s\n' 'default allow' 'errno EPERM capset if arg0 != 0' >deny
  refused 127 "cannot set the capabilities after the seccomp rules: Operation not permitted" --permitted-caps -all \
    --seccomp-rules deny
  ok setpriv-rs --no-new-privs --permitted-caps -all --seccomp-rules deny true
}

@test "who may not load rules is told how" {
  requires user
  rules
  expect 127 setpriv-rs --seccomp-rules rules touch ran
  contains "$stderr" "cannot load the seccomp rules 'rules': Permission denied
hint: this needs --no-new-privs, or the capability sys_admin"
  [ ! -e ran ]
}

# refused STATUS MESSAGE OPTION...: setpriv-rs fails and has not run the command.
refused() {
  local want=$1 message=$2
  shift 2
  expect "$want" as_root setpriv-rs "$@" touch ran
  contains "$stderr" "$message"
  [ ! -e ran ]
}

@test "a text that is wrong is named, with its line" {
  while IFS=$'\t' read -r text message; do
    printf '%b\n' "$text" >wrong
    refused 127 "cannot read the seccomp rules 'wrong': $message" --seccomp-rules wrong
  done <<'ROWS'
allow read	it has no line 'default ACTION'
default allow\nalow read	line 2: unknown action 'alow'
default allow\n\nallow raed	line 3: unknown system call 'raed'
default allow\nallow read if arg6 == 1	line 2: 'arg6' is none of arg0 to arg5
default allow\nallow \033[1m	line 2: unknown system call '\033[1m'
default \0377	they are not UTF-8
flags new_listener	line 1: unknown flag 'new_listener'
ROWS
  {
    echo 'default errno EPERM'
    seq 2000 | sed 's/.*/allow execve if arg0 == &000/'
  } >long
  refused 127 "cannot read the seccomp rules 'long': its program has " --seccomp-rules long
  contains "$stderr" 'and the kernel takes 4096'
  refused 127 "cannot read the seccomp rules 'no-such': No such file or directory" --seccomp-rules no-such
  refused 127 "cannot read the seccomp rules '/dev/fd/99': Bad file number" --seccomp-rules /dev/fd/99
  refused 127 "cannot read the seccomp rules '/dev/zero': File too large" --seccomp-rules /dev/zero
  refused 1 'only one of --seccomp-filter and --seccomp-rules can be given' --seccomp-rules a --seccomp-filter b
}
