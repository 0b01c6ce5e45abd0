#!/usr/bin/env bats
# setpriv-rs, beside util-linux's setpriv where that has the same.
# shellcheck disable=SC2016,SC2154 # quoted text is for shells below; bats and the helpers assign output, status and stderr.

load helpers

# same ARGUMENT...: both tools must give the same output and the same status.
same() {
  local want want_status=0 got got_status=0
  want=$(
    as_root setpriv "$@" 2>/dev/null | sort
    exit "${PIPESTATUS[0]}"
  ) || want_status=$?
  got=$(
    as_root setpriv-rs "$@" 2>stderr | sort
    exit "${PIPESTATUS[0]}"
  ) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'arguments: %s\nsetpriv:    %s %s\nsetpriv-rs: %s %s\n' "$*" "$want_status" "$want" "$got_status" "$got"
    cat stderr
    return 1
  }
}

# same_status ARGUMENT...: both tools must give this status.
same_status() {
  local want=$1
  shift
  expect "$want" as_root setpriv "$@"
  expect "$want" as_root setpriv-rs "$@"
}

# refused STATUS MESSAGE ARGUMENT...: fails so, and the command is not run.
refused() {
  local want=$1 message=$2
  shift 2
  expect "$want" as_root setpriv-rs "$@" touch ran
  contains "$stderr" "$message"
  [ ! -e ran ]
}

# sets: the five sets of the command, in the kernel's hexadecimal: Inh, Prm, Eff, Bnd, Amb.
sets() {
  ok as_root setpriv-rs "$@" sed -n 's/^Cap...:\t0*\(.\)/\1/p' /proc/self/status
  echo "${output//$'\n'/ }"
}

@test "an id that there cannot be" {
  for option in --reuid --regid; do
    expect 1 setpriv-rs --keep-groups "$option" 4294967295 true
    contains "$stderr" 'hint: IDs go from 0 to 4294967294'
  done
}

@test "a capability that was lost on the way, and how to keep it" {
  user=()
  ! is_root || user=(setpriv --reuid=1234 --regid=1234 --clear-groups)
  for arguments in '--bounding-set -chown' '--securebits +noroot'; do
    # shellcheck disable=SC2086 # Words.
    expect 127 "${user[@]}" unshare-rs -c setpriv-rs $arguments true
    contains "$stderr" 'hint: CAP_SETPCAP was lost on the way here, since this user is not root in the user namespace: add `--keep-caps`'
    # shellcheck disable=SC2086 # Words.
    ok "${user[@]}" unshare-rs -c --keep-caps setpriv-rs $arguments true
  done
}

@test "the state is shown in the classic's words" {
  requires setpriv
  same --dump
  same -dd
  same -d -d --dump
  same --list-caps
}

@test "the same state as under the classic" {
  requires setpriv
  local dump='setpriv -ddd'
  # shellcheck disable=SC2086 # two words
  for options in --nnp --no-new-privs '--inh-caps +kill,-chown' '--inh-caps -all,+cap_5' '--inh-caps +KILL' \
    '--inh-caps +kill,+chown --ambient-caps +kill,+chown,-chown' '--bounding-set -kill' '--bounding-set -all,+kill' \
    '--bounding-set -all --inh-caps -all' '--securebits +noroot,+no_setuid_fixup_locked' '--pdeathsig HUP' \
    '--pdeathsig sigterm' '--pdeathsig RTMIN+1' '--pdeathsig clear' '--pdeathsig keep' --keep-groups; do
    same $options $dump
  done
}

@test "the same user and groups as under the classic" {
  requires root setpriv
  local dump='setpriv -ddd'
  same --reuid ' 7' --regid ' 8' --groups '+9, 10' setpriv -ddd
  # shellcheck disable=SC2086 # two words
  for options in '--reuid 7' '--reuid +7' '--reuid 07' '--ruid 7' '--euid 7' '--ruid 7 --euid 8' '--reuid daemon' \
    '--regid 7 --clear-groups' '--rgid 7 --egid 8 --keep-groups' '--regid daemon --groups 9,daemon' '--groups 1,2' \
    '--reuid daemon --regid daemon --init-groups' '--reuid 7 --inh-caps +kill --ambient-caps +kill' \
    '--reuid 7 --securebits +noroot,+keep_caps_locked' '--reuid 7 --pdeathsig HUP'; do
    same $options $dump
  done
}

@test "the same environment as under the classic" {
  requires setpriv
  # Debian's takes PATH from nowhere, as the classic did before it read login.defs.
  same --reset-env env -u PATH
  TERM='' A=B same --reset-env env -u PATH
  ! is_root || same --reset-env --reuid daemon env -u PATH
}

@test "no descriptor but the standard ones reaches the command" {
  exec 7</ 99</
  # shellcheck disable=SC2016 # The shell that is executed expands it.
  ok setpriv-rs --close-fds sh -c 'cd /proc/$$/fd && for fd in 0 1 2 3 7 99; do [ ! -e $fd ] || echo $fd; done' 3</
  equal "$output" $'0\n1\n2'
  # shellcheck disable=SC2016 # The shell that is executed expands it.
  ok setpriv-rs sh -c '[ -e /proc/$$/fd/7 ] && [ -e /proc/$$/fd/99 ]'
  exec 7<&- 99<&-
}

@test "an environment that is made anew" {
  requires cc
  ok env A=1 setpriv-rs --clear-env --setenv B=2 --setenv C= --setenv B=3=4 env
  equal "$output" $'B=3=4\nC='
  ok env -i A=1 HOME=/a "$(command -v setpriv-rs)" --setenv A=2 --set-home /usr/bin/env
  equal "$(sort <<<"$output")" $'A=2\nHOME=/a'
  ok setpriv-rs --clear-env --setenv HOME= --set-home env
  home=$(getent passwd "$(id -u)" | cut -d: -f6)
  equal "$output" "HOME=${home:-/}"
  # A variable without a '=', which no name reaches, goes too.
  cc -x c -o odd - <<<'#include <unistd.h>
    int main(int c, char **v) { return execve(v[1], v + 1, (char *[]) {"odd", 0}); }'
  ok ./odd "$(command -v setpriv-rs)" --clear-env /usr/bin/env
  equal "$output" ''
  for word in B =2 ''; do
    expect 1 setpriv-rs --setenv "$word" true
    contains "$stderr" "setpriv-rs: '$word' is not NAME=VALUE"
  done
}

@test "a user without an account has no variables of another one's" {
  requires root
  ok setpriv-rs --reset-env --reuid 4242 env
  equal "$(grep -v -e ^TERM= -e ^PATH= <<<"$output")" ''
}

@test "the command keeps the process, its arguments and its environment" {
  # shellcheck disable=SC2016 # The inner shell expands it.
  A=B ok sh -c 'echo $$; exec setpriv-rs --nnp sh -c '\''echo "$$ $A $0 $1"'\'' "a b" --nnp'
  equal "${lines[1]}" "${lines[0]} B a b --nnp"
}

@test "each of the five sets is set" {
  equal "$(sets --bounding-set -all,+kill,+chown)" "0 21 21 21 0"
  equal "$(sets --bounding-set -all,+kill --inh-caps -all,+kill)" "20 20 20 20 0"
  equal "$(sets --inh-caps -all,+kill --ambient-caps +kill --bounding-set -all,+kill)" "20 20 20 20 20"

  # What exec does not compute anew shows before it, in the classic that is made to ignore user 0.
  ok as_root setpriv-rs --securebits +noroot --inh-caps -all,+kill,+chown --permitted-caps -all,+kill,+chown \
    --ambient-caps +kill sed -n 's/^Cap...:\t0*\(.\)/\1/p' /proc/self/status
  equal "${lines[*]:0:3}" "21 20 20"
}

@test "the permitted set bounds what can be raised, the effective set what can be done" {
  refused 127 "cannot raise the ambient capability 'kill': Operation not permitted
hint: an ambient capability must be permitted" --permitted-caps -kill --ambient-caps +kill
  ok as_root setpriv-rs --inh-caps +kill --permitted-caps -all,+kill --ambient-caps +kill true
  mkdir closed
  cp "$(type -P true)" closed
  chmod 0 closed
  ok as_root setpriv-rs --permitted-caps +chown closed/true
  expect 126 as_root setpriv-rs --effective-caps -dac_override,-dac_read_search closed/true
  ok as_root setpriv-rs --effective-caps -all,+dac_override closed/true
  chmod 700 closed
}

@test "the capabilities of a container outlive the change to an ordinary user only as ambient ones" {
  requires root
  local options='--reuid 7 --regid 7 --clear-groups --bounding-set -all,+kill --permitted-caps -all,+kill'
  # shellcheck disable=SC2086 # a row of options
  equal "$(sets $options)" "0 0 0 20 0"
  # shellcheck disable=SC2086 # a row of options
  equal "$(sets $options --inh-caps -all,+kill --ambient-caps -all,+kill)" "20 20 20 20 20"
}

@test "no_new_privs holds set-user-ID programs" {
  requires root
  cp "$(command -v id)" id
  chmod 4755 id
  chmod 755 .
  ok setpriv-rs --reuid 7 "$PWD/id" -u
  equal "$output" 0
  ok setpriv-rs --reuid 7 --no-new-privs "$PWD/id" -u
  equal "$output" 7
}

@test "a kept parent-death signal outlives the change of user" {
  requires root
  ok setpriv --pdeathsig HUP setpriv-rs --reuid 7 setpriv -d
  contains "$output" 'Parent death signal: [none]'
  ok setpriv --pdeathsig HUP setpriv-rs --reuid 7 --pdeathsig keep setpriv -d
  contains "$output" 'Parent death signal: HUP'
}

@test "the signal comes when the parent ends" {
  # The shell in the middle ends when the command is running.
  # shellcheck disable=SC2016 # The inner shells expand it.
  ok sh -c 'setpriv-rs --pdeathsig KILL sh -c '\''echo $$ >pid; exec sleep 60 >/dev/null 2>&1'\'' &
    n=0; until [ -s pid ] || [ $((n += 1)) -gt 500 ]; do sleep 0.01; done'
  local tries=0
  while kill -0 "$(cat pid)" 2>/dev/null; do
    [ $((tries += 1)) -lt 500 ]
    sleep 0.01
  done
}

@test "a parent that ended meanwhile is not missed" {
  requires strace
  # The second getppid(2), after the signal was armed, tells of another parent.
  strace -o trace -e trace=getppid,kill -e inject=getppid:retval=1:when=2 setpriv-rs --pdeathsig USR1 touch ran || status=$?
  equal "$status" $((128 + 10))
  [ ! -e ran ]
  # An init does not die by its own signal, and must not go on.
  expect 127 as_root strace -f -o trace -e trace=getppid -e inject=getppid:retval=1:when=2 \
    unshare -pf setpriv-rs --pdeathsig USR1 touch ran
  [ ! -e ran ]
}

@test "what the bounding set does not hold needs no privilege to be dropped" {
  ok as_root setpriv-rs --bounding-set -all --securebits +noroot setpriv-rs --bounding-set -all true
  expect 127 as_root setpriv-rs --bounding-set -setpcap setpriv-rs --bounding-set -all true
  contains "$stderr" "cannot drop the bounding capability 'chown': Operation not permitted"
}

@test "COMMAND's status comes back, and the classic's for what cannot run" {
  requires setpriv
  touch plain
  same_status 7 --nnp sh -c 'exit 7'
  same_status 127 --nnp ./no-such-command
  same_status 126 --nnp ./plain
  same_status 127 --inh-caps +sys_resource --bounding-set -sys_resource true
}

@test "a wrong command line has the classic's status and does nothing" {
  requires setpriv
  # shellcheck disable=SC2086 # rows of options
  for options in '' --nnp --no-such-option '-d --nnp' '-d true' '--list-caps true' '--list-caps --nnp' '--nnp --nnp true' \
    '--reuid no-such-user true' '--regid no-such-group --clear-groups true' '--groups 1,,2 true' '--regid 0 true' \
    '--clear-groups --keep-groups true' '--init-groups true' '--reuid 4242 --init-groups true' \
    '--reuid 0 --ruid 0 true' '--inh-caps kill true' '--inh-caps +no_such true' '--inh-caps +cap_63 true' \
    '--inh-caps +kill, true' '--securebits +no_such true' '--securebits +keep_caps true' '--pdeathsig FOO true'; do
    same_status 1 $options
  done
}

# in_module DIRECTORY COMMAND...: runs COMMAND where the security module of this directory of /sys seems to run.
in_module() {
  # shellcheck disable=SC2016 # The inner shell expands it.
  private sh -c 'mount -t tmpfs none "${1%/*}" && mkdir "$1" && shift && exec "$@"' sh "$@"
}

@test "labels of security modules, beside the classic" {
  requires root setpriv strace
  for tool in setpriv setpriv-rs; do
    ok in_module /sys/fs/selinux strace -a 0 -o trace -e trace=write -e inject=write:retval=5 "$tool" --selinux-label a:b:c true
    contains "$(cat trace)" '"a:b:c", 5) = 5 (INJECTED)'
    ok in_module /sys/kernel/security/apparmor strace -a 0 -o trace -e trace=write -e inject=write:retval=8 \
      "$tool" --apparmor-profile 'a b' true
    contains "$(cat trace)" '"exec a b", 8) = 8 (INJECTED)'
  done
  # "some:label\n"
  local label=read:retval=11:poke_exit=@arg2=736f6d653a6c6162656c0a
  ok in_module /sys/fs/selinux strace -o trace -e inject="$label" setpriv-rs --dump
  contains "$output" 'SELinux label: some:label'
  ok in_module /sys/kernel/security/apparmor strace -o trace -e inject="$label" setpriv-rs --dump
  contains "$output" 'AppArmor profile: some:label'
}

@test "an AppArmor profile that is refused: which, and why" {
  requires root strace
  echo 'box//sub (enforce)' >profile
  # refuse ERRNO [COMMAND...]: the kernel's answer to a process of that profile; COMMAND comes before.
  refuse() {
    expect 127 in_module /sys/kernel/security/apparmor sh -c "$show_profile"' && exec "$@"' sh \
      "${@:2}" strace -D -o trace -e trace=write -e inject=write:error="$1":when=1 setpriv-rs --apparmor-profile other true
  }
  refuse EACCES
  contains "$stderr" "cannot set the AppArmor profile 'other': Permission denied
hint: the AppArmor profile 'box//sub' of this process denies it: the kernel's log says what it denied, and the profile needs a \`change_profile\` rule"
  refuse ENOENT
  contains "$stderr" 'hint: no profile of this name is loaded: see apparmor_parser(8)'
  refuse EPERM setpriv --nnp
  contains "$stderr" 'hint: no_new_privs is set: the new profile must not allow more than the present one'
}

@test "a label is asked for before the user changes" {
  requires root strace
  ok in_module /sys/fs/selinux strace -a 0 -o trace -e trace=write,setresuid -e inject=write:retval=5 \
    setpriv-rs --reuid 7 --selinux-label a:b:c true
  contains "$(tr '\n' ' ' <trace)" '"a:b:c", 5) = 5 (INJECTED) setresuid(7, 7, 7)'
}

# What takes the label and does nothing with it (CVE-2019-16884, CVE-2019-19921).
@test "a label is not told to a /proc that is none" {
  mkdir -p fake/thread-self/attr fake/self/attr
  touch fake/thread-self/attr/exec fake/self/attr/exec
  # in_proc MESSAGE SCRIPT: where SCRIPT has changed /proc, both are refused with MESSAGE.
  in_proc() {
    for option in --selinux-label --apparmor-profile; do
      # shellcheck disable=SC2016 # The inner shell expands it.
      expect 127 private sh -c "$2"' && exec setpriv-rs "$1" a:b:c touch ran' sh "$option"
      contains "$stderr" "setpriv-rs: cannot open '/proc/thread-self/attr/exec': $1"
      [ ! -e ran ]
    done
  }
  in_proc "'/proc' is not the root of a proc file system" 'mount --rbind fake /proc'
  # The directories of other processes are procfs too.
  # shellcheck disable=SC2016 # The inner shell expands it.
  in_proc "'/proc' is not the root of a proc file system" 'mount --rbind /proc/$$ /proc'
  for target in exec current; do
    # shellcheck disable=SC2016 # The inner shell expands it.
    in_proc 'something else is mounted over it' \
      "mount --bind /proc/\$\$/attr/$target /proc/\$\$/task/\$\$/attr/exec"
  done
  # shellcheck disable=SC2016 # The inner shell expands it.
  in_proc 'something else is mounted over it' 'mount --bind fake/self/attr /proc/$$/task/$$/attr'
  equal "$(cat fake/thread-self/attr/exec fake/self/attr/exec)" ''
}

@test "a profile that is not loaded" {
  [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip 'needs AppArmor'
  refused 127 "cannot set the AppArmor profile 'no such': No such file or directory
hint: no profile of this name is loaded: see apparmor_parser(8)" --apparmor-profile 'no such'
}

@test "a label of a module that does not run" {
  requires setpriv
  [ ! -e /sys/fs/selinux ] && [ ! -e /sys/kernel/security/apparmor ] || skip "a module runs"
  same_status 127 --selinux-label a:b:c true
  same_status 127 --apparmor-profile a true
  refused 127 "cannot set the SELinux label 'a:b:c': Invalid argument
hint: SELinux is not running: /sys/fs/selinux does not exist" --selinux-label a:b:c
  refused 127 "cannot set the AppArmor profile 'a': Invalid argument
hint: AppArmor is not running: /sys/kernel/security/apparmor does not exist" --apparmor-profile a
}

@test "the tracer is allowed through Yama" {
  requires strace
  traced() {
    strace -o trace -e trace=prctl -e inject=prctl:retval=0 setpriv-rs --ptracer "$1" true
    cat trace
  }
  ok traced any
  contains "$output" "prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY"
  ok traced none
  contains "$output" "prctl(PR_SET_PTRACER, 0"
  ok traced 4321
  contains "$output" "prctl(PR_SET_PTRACER, 4321"
  refused 1 "'me' is not a process id, 'any' or 'none'" --ptracer me
  refused 1 "'0' is not a process id" --ptracer 0
  [ -e /proc/sys/kernel/yama ] || refused 127 "cannot allow the tracer 'any': Invalid argument
hint: this kernel runs without Yama, which restricts tracers" --ptracer any
}

@test "Landlock denies what is named, and nothing else" {
  mkdir free
  # shellcheck disable=SC2016 # The inner shell expands it.
  script='echo text >"$0/a" && mkdir "$0/b"'
  ok setpriv-rs --landlock-access fs:make-sock sh -c "$script" free
  rm -r free/*
  expect 1 setpriv-rs --landlock-access fs:make-dir sh -c "$script" free
  equal "$(ls free)" a
  expect 2 setpriv-rs --landlock-access fs:make-reg,remove-file --landlock-access fs:make-dir sh -c "$script" "$PWD"
  [ ! -e b ]
  rm free/a
  ok setpriv-rs --landlock-access fs:make-reg,make-dir --landlock-rule path-beneath:make-reg,make-dir:free \
    sh -c "$script" free
  equal "$(ls free)" "a
b"
}

@test "Landlock: a whole type, with rules for what stays allowed" {
  mkdir free closed
  echo text >closed/file
  rules=(--landlock-access fs --landlock-rule "path-beneath:execute,read-file,read-dir:/usr")
  for dir in /bin /lib /lib64 /etc; do
    [ ! -d "$dir" ] || rules+=(--landlock-rule "path-beneath:execute,read-file,read-dir:$dir")
  done
  ok setpriv-rs "${rules[@]}" --landlock-rule path-beneath::free sh -c 'echo text >free/file && cat free/file'
  equal "$output" text
  expect 1 setpriv-rs "${rules[@]}" cat closed/file
  contains "$stderr" 'Permission denied'
  expect 126 setpriv-rs --landlock-access fs true
  contains "$stderr" "cannot execute 'true': Permission denied
hint: --landlock-access denies this: --landlock-rule path-beneath:execute,read-file:DIR allows programs and libraries in DIR"
}

@test "Landlock: ports and signals" {
  requires bash kernel 6.12
  # Something else than Landlock refuses it where nothing listens.
  expect 1 bash -c ': </dev/tcp/127.0.0.1/1'
  contains "$stderr" 'Connection refused'
  expect 1 setpriv-rs --landlock-access net bash -c ': </dev/tcp/127.0.0.1/1'
  contains "$stderr" 'Permission denied'
  expect 1 setpriv-rs --landlock-access net:connect-tcp --landlock-rule net-port:connect-tcp:1 \
    bash -c ': </dev/tcp/127.0.0.1/1'
  contains "$stderr" 'Connection refused'
  # shellcheck disable=SC2016 # The inner shell expands it.
  ok setpriv-rs --landlock-access net sh -c 'kill -0 $PPID'
  # shellcheck disable=SC2016 # The inner shell expands it.
  expect 1 setpriv-rs --landlock-access scope:signal sh -c 'kill -0 $PPID'
}

@test "Landlock: what is wrong is named, and the command is not run" {
  touch file
  refused 1 "'files' is not a Landlock access, which is TYPE[:RIGHT,...]" --landlock-access files
  refused 1 "unknown Landlock right 'fly': it may be execute, write-file," --landlock-access fs:fly
  refused 1 "unknown Landlock right 'read-file'" --landlock-access net:read-file
  refused 1 "'path-beneath' is not a Landlock rule" --landlock-access fs --landlock-rule path-beneath
  refused 1 "'70000' is not a port number" --landlock-access net --landlock-rule net-port::70000
  refused 1 "needs --landlock-access fs" --landlock-access net --landlock-rule path-beneath::/
  refused 1 "needs --landlock-access net" --landlock-access fs --landlock-rule net-port::1
  refused 127 "cannot allow access to 'no-such': No such file or directory" --landlock-access fs \
    --landlock-rule path-beneath::no-such
  refused 127 "cannot allow access to 'file': Invalid argument
hint: it is not a directory" --landlock-access fs --landlock-rule path-beneath::file
  refused 127 "hint: a rule can only allow what --landlock-access restricts" --landlock-access fs:read-dir \
    --landlock-rule path-beneath:read-file:/
}

@test "Landlock: a kernel without it" {
  requires cc
  requires strace
  without() {
    strace -o trace -e inject=landlock_create_ruleset:error="$1" setpriv-rs --landlock-access fs true
  }
  expect 127 without ENOSYS
  contains "$stderr" "cannot use Landlock: Function not implemented
hint: this kernel was built without Landlock"
  expect 127 without EOPNOTSUPP
  contains "$stderr" "hint: this kernel was started without Landlock"
}

# filter: writes to the file filter a BPF program that gives EXDEV for mkdir(2) and mkdirat(2).
filter() {
  cat >filter.c <<'C'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#ifndef SYS_mkdir
#define SYS_mkdir SYS_mkdirat
#endif
int main(void) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return fwrite(program, sizeof program, 1, stdout) != 1;
}
C
  cc -o write-filter filter.c
  ./write-filter >filter
}

@test "a seccomp filter stands before the command's system calls" {
  requires cc
  filter
  expect 1 setpriv-rs --seccomp-filter filter mkdir made
  contains "$stderr" 'Invalid cross-device link'
  [ ! -e made ]
  ok setpriv-rs --seccomp-filter filter grep -E '^(NoNewPrivs|Seccomp|Seccomp_filters|Speculation_Store_Bypass):' /proc/self/status
  contains "$output" $'NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1'
  # A pipe will do.
  ok bash -c 'setpriv-rs --seccomp-filter <(cat filter) grep -c "^Seccomp:.2" /proc/self/status'
}

@test "a seccomp filter may forbid all that comes before it" {
  requires root cc
  filter
  ok as_root setpriv-rs --seccomp-filter filter --reuid 7 --regid 7 --clear-groups --bounding-set -all \
    --landlock-access fs:make-sock sh -c 'id -u; grep "^Seccomp:" /proc/self/status'
  equal "$output" $'7\nSeccomp:\t2'
}

@test "a file that is no seccomp filter" {
  printf 123456789 >odd
  printf '' >empty
  head -c 32776 /dev/zero >long
  head -c 8 /dev/zero >wrong
  for file in odd empty; do
    refused 127 "cannot read the seccomp filter '$file': its size is not a multiple of 8" --seccomp-filter "$file"
  done
  refused 127 "cannot read the seccomp filter 'long': it has more than 4096 instructions" --seccomp-filter long
  refused 127 "cannot read the seccomp filter 'no-such': No such file or directory" --seccomp-filter no-such
  refused 127 "cannot load the seccomp filter 'wrong': Invalid argument
hint: the kernel's checker refuses this BPF program" --seccomp-filter wrong
}

@test "a status of its own for what setpriv-rs itself fails at" {
  refused 9 'no user' --failure-status 9 --reuid no-such
  refused 9 'unknown capability' --failure-status=9 --inh-caps +no_such
  refused 9 "cannot raise the ambient capability 'kill'" --failure-status 9 --inh-caps -all --ambient-caps +kill
  # What is wrong before it has the classic's.
  refused 1 'unknown signal' --pdeathsig FOO --failure-status 9
  refused 1 "'0' is not an exit status from 1 to 255" --failure-status 0
  touch plain
  expect 127 setpriv-rs --failure-status 9 ./no-such-command
  expect 126 setpriv-rs --failure-status 9 ./plain
  expect 7 setpriv-rs --failure-status 9 sh -c 'exit 7'
}

@test "a directory is refused as a standard stream" {
  dir() {
    expect 127 bash -c "exec setpriv-rs --close-fds touch ran $1" 3>/dev/null
    contains "$stderr" "setpriv-rs: cannot pass on '$2': it is a directory"
    [ ! -e ran ]
  }
  dir '0</' 'standard input'
  dir '1</' 'standard output'
  expect 127 bash -c 'exec setpriv-rs --close-fds touch ran 2</'
  [ ! -e ran ]
  expect 9 setpriv-rs --close-fds --failure-status 9 touch ran </
  [ ! -e ran ]
  # One that is open for nothing but its place.
  cat >path.c <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>
int main(int count, char **words) {
  return dup2(open(words[1], O_PATH), 0) < 0 || execvp(words[2], words + 2);
}
C
  requires cc
  cc -o path path.c
  expect 127 ./path / setpriv-rs --close-fds touch ran
  contains "$stderr" "cannot pass on 'standard input': it is a directory"
  [ ! -e ran ]
  # Files, devices and closed ones pass.
  echo text >file
  ok setpriv-rs --close-fds cat <file
  equal "$output" text
  ok setpriv-rs --close-fds true </dev/null
  ok setpriv-rs --close-fds true <&-
}

@test "no signal is ignored or blocked" {
  requires python3
  cat >hold.py <<'PY'
import os, signal, sys
for number in range(1, 65):
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
os.execvp(sys.argv[1], sys.argv[1:])
PY
  ok python3 hold.py setpriv-rs --nnp sed -n '/SigBlk/p;/SigIgn/p' /proc/self/status
  lacks "$output" 0000000000000000
  ok python3 hold.py setpriv-rs --default-signals sed -n '/SigBlk/p;/SigIgn/p' /proc/self/status
  equal "$output" $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000'
  # The two that the C library keeps for itself can be ignored by system call.
  requires cc
  cat >ignore.c <<'C'
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char **words) {
  unsigned long ignore[8] = {1};
  for (int signal = 1; signal <= 64; signal++) syscall(SYS_rt_sigaction, signal, ignore, 0, 8);
  return execvp(words[1], words + 1);
}
C
  cc -o ignore ignore.c
  ok ./ignore setpriv-rs --nnp sed -n /SigIgn/p /proc/self/status
  equal "$output" $'SigIgn:\tfffffffffffbfeff'
  ok ./ignore setpriv-rs --default-signals sed -n /SigIgn/p /proc/self/status
  equal "$output" $'SigIgn:\t0000000000000000'
}

@test "the session keyring of the caller is left" {
  requires keyctl
  # The caller's own may be revoked: its login has ended.
  keyctl session - true 2>/dev/null || skip "needs a kernel with keys"
  # inside COMMAND...: in a session keyring that holds a secret.
  inside() {
    # shellcheck disable=SC2016 # The inner shell expands it.
    keyctl session - sh -c 'keyctl add user secret word @s >/dev/null; export key=$(keyctl search @s user secret); exec "$@"' \
      sh "$@" 2>/dev/null
  }
  # shellcheck disable=SC2016 # The inner shell expands it.
  ok inside setpriv-rs --nnp sh -c 'keyctl pipe "$key"'
  equal "$output" word
  expect 1 inside setpriv-rs --new-keyring keyctl search @s user secret
  # The new one is whole for the user that the process becomes.
  change=()
  ! is_root || change=(--reuid 7 --regid 7 --clear-groups)
  # shellcheck disable=SC2016 # The inner shell expands it.
  ok inside setpriv-rs --new-keyring "${change[@]}" sh -c 'keyctl rlist @s; keyctl add user own key @s >/dev/null
    keyctl pipe "$(keyctl search @s user own)"; id -u'
  equal "$output" "
key$(is_root && echo 7 || id -u)"
  # And nobody else can join it by its name.
  # shellcheck disable=SC2016 # The inner shell expands it.
  ok inside setpriv-rs --new-keyring sh -c 'keyctl add user own key @s >/dev/null; keyctl session _ses keyctl rlist @s'
  equal "$output" ''
}

@test "a session keyring that cannot be made" {
  requires strace
  keyctl_fails() {
    strace -o trace -e inject=keyctl:error="$1" setpriv-rs --new-keyring touch ran
  }
  expect 127 keyctl_fails EDQUOT
  contains "$stderr" 'cannot make a session keyring: Quota exceeded
hint: the user has reached its limit of keys'
  expect 127 keyctl_fails EPERM
  contains "$stderr" 'hint: a seccomp filter or a security module forbids keyctl(2)'
  [ ! -e ran ]
  # A kernel without keys has none to be read.
  ok keyctl_fails ENOSYS
  [ -e ran ]
}

@test "variables from a descriptor" {
  # shellcheck disable=SC1003 # A backslash is one.
  printf 'A=1\n\nB=two words\nC=line\\012line\\134\nA=2\nEMPTY=\nD=a=b\nlast=\377' >variables
  ok setpriv-rs --clear-env --setenv A=0 --setenv Z=1 --env-fd 7 --setenv B=3 /usr/bin/env 7<variables
  equal "$output" $'A=2\nZ=1\nB=3\nC=line\nline\\\nEMPTY=\nD=a=b\nlast=\377'
  # Two of them, a pipe, and standard input.
  ok bash -c 'setpriv-rs --clear-env --env-fd 7 --env-fd 8 /usr/bin/env 7< <(echo A=1) 8<<<A=2'
  equal "$output" A=2
  # shellcheck disable=SC2016 # The inner shell expands it.
  ok setpriv-rs --clear-env --env-fd 0 sh -c 'echo "$A"; cat' < <(echo A=1)
  equal "$output" 1
  # COMMAND does not inherit it.
  ok setpriv-rs --env-fd 7 sh -c '[ ! -e /proc/self/fd/7 ]' 7<variables
  ok env -i A=1 HOME= "$(command -v setpriv-rs)" --env-fd 7 --set-home /usr/bin/env 7<<<$'HOME=/a\nHOME='
  equal "$output" $'A=1\nHOME='"$(getent passwd "$(id -u)" | cut -d: -f6)"
}

@test "variables from a descriptor: what is wrong is named, and not shown" {
  secret() {
    refused 127 "setpriv-rs: cannot read the variables of the descriptor '7': $1" --env-fd 7
    lacks "$stderr" secret
  }
  secret 'line 2 is not NAME=VALUE' 7< <(printf 'A=1\nsecret\n')
  secret 'line 1 is not NAME=VALUE' 7<<<'=secret'
  secret 'line 1 holds a NUL' 7<<<'A=secret\000'
  secret 'line 1 holds a NUL' 7< <(printf 'A=secret\0')
  secret 'Is a directory' 7</
  refused 127 "the descriptor '9': Bad file number" --env-fd 9
  refused 1 "'-1' is not a descriptor number" --env-fd -1
  refused 1 "'9999999999' is not a descriptor number" --env-fd 9999999999
}

@test "many variables take time that grows with their number" {
  seq -f 'V%.0f=' 100000 >variables
  ok timeout 10 setpriv-rs --clear-env --env-fd 7 grep -zc = /proc/self/environ 7<variables
  equal "$output" 100000
}

@test "--lenient-caps leaves out what cannot be granted, with one warning" {
  local lists=()
  for set in bounding-set permitted-caps effective-caps inh-caps ambient-caps; do
    # shellcheck disable=SC2054 # It is one word.
    lists+=("--$set" -all,+chown,+kill,+CAP_NEW,+cap_63)
  done
  refused 1 "unknown capability 'CAP_NEW'" "${lists[@]}"
  # shellcheck disable=SC2046 # two words
  ok as_root setpriv --bounding-set -kill --inh-caps -kill "$(type -P setpriv-rs)" --lenient-caps "${lists[@]}" \
    sed -n 's/^Cap...:\t0*\(.\)/\1/p' /proc/self/status
  equal "${output//$'\n'/ }" '1 1 1 1 1'
  equal "$stderr" 'setpriv-rs: warning: capabilities that cannot be granted are left out: kill, cap_63, CAP_NEW'
  # Without anything to warn of.
  ok as_root setpriv-rs --lenient-caps --bounding-set -all,+kill true
  equal "$stderr" ''
  # What the lists themselves rule out stays in the other sets.
  ok as_root setpriv-rs --lenient-caps --inh-caps -all --ambient-caps -all,+kill --bounding-set -all,+kill \
    sed -n 's/^Cap...:\t0*\(.\)/\1/p' /proc/self/status
  equal "${output//$'\n'/ }" '0 20 20 20 0'
  contains "$stderr" 'left out: kill'
  # It is no leave to make a mistake.
  refused 1 "unknown capability 'no_such'" --lenient-caps --inh-caps +no_such
}

# /proc/PID belongs to root where the process is closed to others.
@test "the process is closed to others while it drops privileges, and COMMAND is not" {
  requires strace
  for options in '--permitted-caps -all' '--bounding-set -all' '--regid 0 --keep-groups'; do
    # shellcheck disable=SC2086 # words
    ok as_root strace -a 0 -o trace -e trace=prctl,capset,setresgid setpriv-rs $options true
    contains "$(head -n 1 trace)" 'prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE'
  done
  ok strace -o trace -e trace=prctl setpriv-rs --nnp true
  lacks "$(cat trace)" PR_SET_DUMPABLE
  change=(--clear-groups)
  ! is_root || change+=(--reuid 7 --regid 7)
  run setpriv-rs "${change[@]}" stat -c %u /proc/self/environ
  [ "$status" -ne 0 ] || equal "$output" "$(is_root && echo 7 || id -u)"
}

@test "an account or a capability that does not exist is named" {
  refused 1 "setpriv-rs: no user 'no-such' in /etc/passwd" --reuid no-such
  refused 1 "setpriv-rs: no user '4294967295' in /etc/passwd" --reuid 4294967295
  refused 1 "setpriv-rs: no user '-1' in /etc/passwd" --reuid -1
  refused 1 "setpriv-rs: no group 'no-such' in /etc/group" --groups 0,no-such
  refused 1 "setpriv-rs: unknown capability 'no_such'" --bounding-set -all,+no_such
  refused 1 "setpriv-rs: unknown capability 'cap_63'" --ambient-caps -cap_63
  refused 1 "setpriv-rs: unknown securebit 'no_such'" --securebits -no_such
  refused 1 "setpriv-rs: unknown signal 'NO'" --pdeathsig NO
}

@test "what the kernel denies is explained" {
  local drop='setpriv-rs --bounding-set -kill --inh-caps -all'
  # shellcheck disable=SC2086 # a command
  refused 127 "cannot keep the bounding capability 'kill': Operation not permitted
hint: it is not in the set" --bounding-set -kill setpriv-rs --bounding-set +kill
  # shellcheck disable=SC2086 # a command
  refused 127 "cannot set the capabilities: Operation not permitted
hint: inheritable, but not in the bounding set: kill" --nnp $drop setpriv-rs --inh-caps +kill
  refused 127 "hint: not permitted before: kill" --permitted-caps -kill --bounding-set -kill \
    setpriv-rs --permitted-caps +kill
  refused 127 "hint: effective, but not permitted: kill" --permitted-caps -kill --effective-caps +kill
  refused 127 "hint: an ambient capability must be inheritable too" --inh-caps -kill --ambient-caps +kill
}

@test "a system call that a seccomp filter refuses is named" {
  requires root
  while read -r call options; do
    printf 'default allow\nerrno EPERM %s\n' "$call" >rules
    # shellcheck disable=SC2086 # Words.
    expect 127 setpriv-rs --no-new-privs --seccomp-rules rules setpriv-rs $options true
    contains "$stderr" "hint: a seccomp filter is in force for this process and may refuse $call(2)"
  done <<'TABLE'
setgroups --groups 7
setresgid --regid 7 --keep-groups
setresuid --reuid 7
capset --inh-caps -all,+chown
TABLE
}

@test "an ordinary user is told which capability it would take" {
  ordinary() {
    if is_root; then
      expect 127 setpriv --reuid 65534 --regid 65534 --groups 7 "$@"
    else
      expect 127 "$@"
    fi
    contains "$stderr" 'Operation not permitted'
  }
  ordinary setpriv-rs --reuid 0 true
  contains "$stderr" "cannot become the user '0'"
  contains "$stderr" 'hint: this needs the capability setuid'
  ordinary setpriv-rs --regid 0 --keep-groups true
  contains "$stderr" "cannot become the group '0'"
  contains "$stderr" 'hint: this needs the capability setgid'
  ordinary setpriv-rs --groups 0 true
  contains "$stderr" 'hint: this needs the capability setgid'
  ordinary setpriv-rs --bounding-set -all true
  contains "$stderr" "cannot drop the bounding capability 'chown'"
  contains "$stderr" 'hint: this needs the capability setpcap'
  ordinary setpriv-rs --securebits +noroot true
  contains "$stderr" 'hint: this needs the capability setpcap'
}

@test "where setgroups is denied, the groups can only be kept" {
  requires root
  local rootless='setpriv --reuid 65534 --regid 65534 --groups 7 unshare --user --map-root-user'
  # shellcheck disable=SC2086 # a command
  expect 127 $rootless setpriv-rs --clear-groups true
  contains "$stderr" 'hint: setgroups is denied in this user namespace: --keep-groups'
  # shellcheck disable=SC2086 # a command
  ok $rootless setpriv-rs --regid 0 --keep-groups true
}

@test "without groups there is nothing to clear" {
  unprivileged() {
    if is_root; then
      setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else
      "$@"
    fi
  }
  [ -z "$(unprivileged sed -n 's/^Groups:\s*//p' /proc/self/status)" ] || skip "needs a user without groups"
  ok unprivileged setpriv-rs --clear-groups true
  ok unprivileged unshare --user --map-root-user setpriv-rs --clear-groups true
}

@test "names come from the files of the root that the process is in" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/etc
  echo 'ann:x:0:0::/home/ann:/bin/ash' >rootfs/etc/passwd
  echo 'own:x:0:ann' >rootfs/etc/group
  cp "$(command -v setpriv-rs)" rootfs/bin
  ok as_root chroot rootfs /bin/setpriv-rs --ruid ann --euid ann --rgid own --keep-groups --reset-env /bin/env
  contains "$output" HOME=/home/ann
  contains "$output" USER=ann
  expect 1 as_root chroot rootfs /bin/setpriv-rs --reuid root /bin/true
  contains "$stderr" "no user 'root' in /etc/passwd"
}

@test "HOME is set where it is not, from the plain file of the root" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/etc
  cp "$(command -v setpriv-rs)" rootfs/bin
  home() {
    # shellcheck disable=SC2016 # The inner shell expands it.
    ok as_root chroot rootfs "$@" /bin/setpriv-rs --set-home /bin/sh -c 'echo "$HOME"'
  }
  home /bin/env -i
  equal "$output" /
  echo 'ann:x:0:0::/home/ann:/bin/ash' >rootfs/etc/passwd
  home /bin/env -i
  equal "$output" /home/ann
  home /bin/env HOME=
  equal "$output" /home/ann
  home /bin/env HOME=/mine
  equal "$output" /mine
  ln -sf /proc/self/environ rootfs/etc/passwd
  home /bin/env -i
  equal "$output" /
}

@test "a command that is there and cannot run is explained" {
  printf '#!/nosuch/sh\n' >script
  printf '#!/bin/sh\r\n' >dos
  printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0' >riscv
  head -c 100 /dev/zero >>riscv
  touch plain
  chmod +x script dos riscv
  expect 127 setpriv-rs --nnp ./script
  contains "$stderr" "hint: './script' exists, but the interpreter of its first line, '/nosuch/sh', does not"
  expect 127 setpriv-rs --nnp ./dos
  contains "$stderr" "hint: the first line of './dos' ends in a carriage return"
  expect 126 setpriv-rs --nnp ./riscv
  contains "$stderr" "hint: './riscv' is a program for riscv"
  expect 126 setpriv-rs --nnp ./plain
  contains "$stderr" "hint: './plain' has no execute permission"
  expect 126 setpriv-rs --nnp ./plain/x
  contains "$stderr" "cannot execute './plain/x': Not a directory"
}

@test "--help and --version are written like the classic's, with status 0" {
  requires setpriv
  for option in -h --help -V --version; do
    same_status 0 "$option"
    equal "$stderr" ''
    [ -n "$output" ]
  done
}

@test "a link named setpriv stands in for the classic" {
  ln -s "$(command -v setpriv-rs)" setpriv
  expect 1 ./setpriv --no-such-option
  contains "$stderr" "setpriv: "
  contains "$stderr" "Try 'setpriv --help' for more information."
}

# gate ARGUMENT...: starts setpriv-rs at a gate with these arguments, its errors in ./errors. $gate is its process; what it
# tells is read from descriptor 6 with a timeout, and what is written to descriptor 9 it is told.
gate() {
  rm -f go told
  mkfifo go told
  exec 9<>go 6<>told
  if is_root; then
    exec setpriv-rs --gate-fds 9,6 --close-fds "$@"
  else
    exec unshare --user --map-root-user setpriv-rs --gate-fds 9,6 --close-fds "$@"
  fi 2>errors 3>&- &
  gate=$!
  exec 6<told
}

# tells LINE: the next line that is told.
tells() {
  local line
  read -r -t 60 line <&6
  equal "$line" "$1"
}

# ends STATUS: nothing more is told, and the gate's process ends so.
ends() {
  equal "$(timeout 60 cat <&6)" ''
  local got=0
  wait "$gate" || got=$?
  equal "$got" "$1"
}

@test "--gate-fds: COMMAND is found, waits, and starts with neither descriptor" {
  gate sh -c 'ls /proc/self/fd >fds; echo ran >ran'
  tells ready
  sleep 0.1
  [ ! -e ran ]
  echo go >&9
  tells started
  ends 0
  equal "$(cat ran)" ran
  # The last one is of ls.
  equal "$(tr '\n' ' ' <fds)" '0 1 2 3 '
  [ ! -s errors ]
}

@test "--gate-fds: what COMMAND does not get is closed before it waits" {
  mkfifo caller
  exec 20<>caller
  exec 21<caller
  gate --pass-fds 30:1 sh -c 'cat <&3' 22>&20 30</dev/null
  exec 20>&-
  tells ready
  # The gate, the streams and what is handed on: the caller's pipe has ended.
  equal "$(find "/proc/$gate/fd" -mindepth 1 | wc -l)" 6
  equal "$(timeout 5 cat <&21)" ''
  echo go >&9
  tells started
  ends 0
}

@test "--gate-fds: what cannot be executed is told, and not said" {
  touch plain
  ln -s loop loop
  mkdir bin
  touch bin/program
  while IFS='|' read -r program status reason; do
    gate --setenv "PATH=/nosuch:$PWD/bin" -- "$program"
    tells "failed $status $reason"
    ends "$status"
    [ ! -s errors ]
  done <<END
nosuch|127|No such file or directory
program|126|Permission denied
/nosuch|127|No such file or directory
./plain|126|Permission denied
/etc|126|Is a directory
/etc/passwd/x|126|Not a directory
./loop|126|Too many symbolic links encountered
/dev/null|126|Permission denied
/proc/self/exe|126|Too many symbolic links encountered
/proc/self/fd/0|126|Too many symbolic links encountered
END
  # A program that goes meanwhile, and one that the kernel refuses.
  printf '#!/nosuch\n' >script
  chmod 755 script
  gate ./script
  tells ready
  echo go >&9
  tells started
  tells 'failed 127 No such file or directory'
  ends 127
  gate ./script
  tells ready
  rm script
  echo go >&9
  tells 'failed 127 No such file or directory'
  ends 127
}

@test "--gate-fds: COMMAND is searched in its own PATH and in its own root" {
  requires busybox
  make_rootfs rootfs
  ln -s "$(type -P true)" rootfs/outside
  mkfifo go told
  exec 9<>go 6<>told
  for program in outside /outside; do
    as_root chroot-rs --carry rootfs setpriv-rs --gate-fds 9,6 --clear-env --setenv PATH=/ "$program" 2>errors 3>&- &
    read -r -t 60 line <&6
    equal "$line" 'failed 127 No such file or directory'
    wait "$!" || :
  done
}

@test "--gate-fds: an error before the gate is said, and one after it is told" {
  gate --ruid=nosuchuser true
  ends 1
  contains "$(cat errors)" "nosuchuser"
  gate --failure-status 7 --landlock-access fs -- /bin/true
  tells ready
  exec 9>&-
  # Whoever holds the FIFO for writing could still say something.
  echo nonsense >go
  tells "failed 7 cannot wait at the gate 'nonsense': it is not a word that is known"
  ends 7
  [ ! -s errors ]
  gate --landlock-access fs -- /bin/true
  tells ready
  echo go >&9
  tells started
  tells 'failed 126 Permission denied'
  ends 126
  for wrong in 9 9,9 9,2 x,y; do
    refused 1 "is not two descriptor numbers above 2" --gate-fds "$wrong"
  done
  refused 127 "cannot use the descriptor '9'" --gate-fds 9,6 9>&-
}

# The process has the credentials of COMMAND while it waits.
@test "--gate-fds: others of the same user reach neither its descriptors nor its program" {
  requires root python3 setpriv
  gate --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --permitted-caps -all --inh-caps -all -- \
    sh -c 'exec sleep 600'
  tells ready
  equal "$(awk '/^Uid/ { print $2 }' "/proc/$gate/status")" 65534
  cat >reach.py <<'END'
import ctypes, os, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
pidfd = os.pidfd_open(pid)
for name, reach in {
    "descriptors": lambda: os.listdir(f"/proc/{pid}/fd"),
    "program": lambda: os.open(f"/proc/{pid}/exe", os.O_RDONLY),
    "root": lambda: os.listdir(f"/proc/{pid}/root/"),
    "memory": lambda: os.open(f"/proc/{pid}/mem", os.O_RDWR),
}.items():
    try:
        reach()
        print(name, "reached")
    except PermissionError:
        pass
for number in range(12):
    if libc.syscall(438, pidfd, number, 0) != -1:
        print("got descriptor", number)
if libc.ptrace(16, pid, 0, 0) != -1:
    print("traced")
END
  ok setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all env PATH=/usr/bin:/bin python3 - "$gate" <reach.py
  equal "$output" ''
  # COMMAND itself is a process like any other.
  echo go >&9
  tells started
  until [ "$(cat "/proc/$gate/comm")" = sleep ]; do sleep 0.01; done
  ok setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all env PATH=/usr/bin:/bin python3 - "$gate" <reach.py
  contains "$output" 'traced'
  kill -9 "$gate"
}

@test "--gate-fds: a hook has the privileges of COMMAND and no more, its own environment and input" {
  requires jq
  printf 'default allow\nerrno 1 mkdir mkdirat\n' >rules
  gate --bounding-set -all,+kill --no-new-privs --seccomp-rules rules --setenv SECRET=x -- \
    sh -c 'grep -E "^(Cap|NoNew)" /proc/self/status >command'
  tells ready
  printf '%s\n' 'hook 60' 'path /bin/sh' 'arg name' 'arg -c' \
    "arg cd '$PWD' || exit 9\\012grep -E '^(Cap|NoNew)' /proc/self/status >hook; env >env; cat >input; ls /proc/self/fd >fds; mkdir made; exit 0" \
    'env A=b c' 'env PATH=/usr/bin:/bin' 'input {"id": "x\134012y"}' run go >&9
  tells started
  ends 0
  equal "$(cat hook)" "$(cat command)"
  contains "$(cat env)" 'A=b c'
  lacks "$(cat env)" SECRET
  equal "$(cat input)" '{"id": "x\012y"}'
  equal "$(tr '\n' ' ' <fds)" '0 1 2 3 '
  [ ! -e made ]
}

@test "--gate-fds: a hook that fails or takes too long ends it" {
  gate --failure-status 1 touch ran
  tells ready
  printf '%s\n' 'hook 0' 'path /bin/sh' 'arg sh' 'arg -c' 'arg echo bad luck; exit 3' run go >&9
  tells "failed 1 cannot run the hook '/bin/sh': exit status 3: bad luck"
  ends 1
  gate touch ran
  tells ready
  printf '%s\n' 'hook 1' 'path /bin/sh' 'arg sh' 'arg -c' 'arg sleep 601 & sleep 602' run go >&9
  tells "failed 127 cannot run the hook '/bin/sh': it has not ended within 1 seconds"
  ends 127
  [ ! -e ran ]
  [ -z "$(pgrep -f '^sleep 60[12]$')" ]
  gate touch ran
  tells ready
  printf '%s\n' 'hook 0' 'path /nosuch/hook' run go >&9
  read -r -t 60 line <&6
  contains "$line" "cannot run the hook '/nosuch/hook': exit status 127"
  [ ! -e ran ]
}

@test "--gate-fds: where the other side is gone it ends" {
  mkfifo told
  exec 6<>told
  expect 127 as_root setpriv-rs --gate-fds 9,6 touch ran 9</dev/null
  tells ready
  tells "failed 127 cannot wait at the gate 'go': the other side is gone"
  [ ! -e ran ]
  # A text that says go already is a gate that is open.
  ok as_root setpriv-rs --gate-fds 9,6 touch ran 9<<<go
  tells ready
  tells started
  [ -e ran ]
}

@test "--stderr-fd: standard error from the gate on" {
  ok as_root setpriv-rs --close-fds --stderr-fd 5 sh -c 'echo late >&2; ls /proc/self/fd' 2>early 5>late
  equal "$(cat late)" late
  equal "$stderr" ''
  lacks "$output" 5
  ok as_root setpriv-rs --stderr-fd 5 sh -c '[ ! -e /proc/self/fd/5 ]' 5>late
  expect 127 as_root setpriv-rs --close-fds --stderr-fd 5 --gate-fds 9,6 --setenv PATH=/bin nosuch 5>late 9<<<go 6>told
  equal "$(cat late)" ''
  refused 127 'it is a directory' --close-fds --stderr-fd 5 5</
  refused 127 "cannot make standard error of the descriptor '5': Bad file number" --stderr-fd 5 5>&-
  refused 1 "'x' is not a descriptor number" --stderr-fd x
}

@test "--program-fd: the program that a descriptor is open on, which nobody can write to" {
  requires busybox
  cp "$(type -P busybox)" program
  ok as_root setpriv-rs --close-fds --program-fd 4 sh -c 'echo "$0"; ls /proc/self/fd; (: >>/proc/$$/exe) 2>&1 || :' sh 4<program
  equal "${lines[0]}" sh
  contains "$output" "can't create"
  cmp program "$(type -P busybox)"
  ok as_root setpriv-rs --program-fd 4 sh -c '[ ! -e /proc/self/fd/4 ]' 4<program
  refused 127 "cannot execute the descriptor '4': Bad file number" --program-fd 4 4>&-
  refused 1 '--program-fd excludes --gate-fds' --program-fd 4 --gate-fds 9,6
}

@test "--argv0: the name that COMMAND gets" {
  for option in '-a name' '--argv0 name' '--argv0=name' -aname; do
    # shellcheck disable=SC2086 # Words.
    ok as_root setpriv-rs $option sh -c 'echo "$0"; tr "\0" " " </proc/$$/cmdline'
    contains "$output" 'name -c'
  done
}

@test "--pass-fds: COMMAND gets these as 3 and so on, and no other" {
  echo one >one
  echo two >two
  for first in 3 4 6 100; do
    run bash -c 'from=$1; exec 20</etc/passwd; eval "exec $from<one $((from + 1))<two"
      exec setpriv-rs --close-fds --pass-fds "$from:2" -- sh -c "cat <&3; cat <&4; ls /proc/self/fd"' sh "$first"
    equal "${output//$'\n'/ }" 'one two 0 1 2 3 4 5'
  done
  refused 127 "cannot pass on the descriptor '101': Bad file number" --close-fds --pass-fds 100:2 100</dev/null 101<&-
  refused 1 '--pass-fds needs --close-fds' --pass-fds 3:1
  refused 1 "'2:1' is not FROM:COUNT" --close-fds --pass-fds 2:1
}

@test "--pass-fds: the numbers of the gate, the environment and the fences may be among them" {
  echo one >one
  mkfifo told
  exec 6<>told
  ok bash -c 'exec setpriv-rs --gate-fds 9,6 --close-fds --clear-env --env-fd 4 --seccomp-rules /dev/fd/7 \
    --landlock-access fs:write-file --pass-fds 100:8 -- /bin/sh -c "echo \$A; cat <&3; cat /dev/fd/10; ls /proc/self/fd"' \
    4<<<'A=b' 7<<<'default allow' 9<<<go 100<one 101<one 102<one 103<one 104<one 105<one 106<one 107<one
  equal "${output//$'\n'/ }" 'b one one 0 1 10 11 2 3 4 5 6 7 8 9'
  tells ready
  tells started
}

@test "--move-fds: before anything else" {
  ok bash -c 'exec setpriv-rs --move-fds 3:2:100 -- sh -c "ls /proc/self/fd; cat /dev/fd/100 /dev/fd/101"' 3<<<a 4<<<b 100</dev/null
  contains "${output//$'\n'/ }" ' 100 101 2 '
  equal "$(tail -n 2 <<<"$output")" $'a\nb'
  refused 127 "cannot pass on the descriptor '4': Bad file number" --move-fds 3:2:100 3</dev/null 4<&-
  for wrong in 3:2 3:5:4 2:1:9 3:1:2 x:1:9; do
    refused 1 'is not FROM:COUNT:TO' --move-fds "$wrong"
  done
}

@test "names that are in no file are asked for through getent" {
  requires root
  fake_getent host
  local PATH=$PWD/host:$PATH
  while read -r options want; do
    # shellcheck disable=SC2086 # Words.
    ok setpriv-rs ${options//,/ } sh -c 'echo $(id -u) $(id -G) $HOME'
    equal "$output" "$want"
  done <<TABLE
--reuid,ldap,--regid,crew,--init-groups 4321 4323 4322 4324 $HOME
--reuid,4321,--clear-groups,--reset-env 4321 0 /home/ldap
--regid,7,--groups,crew 0 7 4323 $HOME
TABLE
  rm asked
  ok setpriv-rs --reuid nobody --regid nogroup --init-groups true
  ok setpriv-rs --reuid 4321 --regid 4321 --clear-groups true
  [ ! -e asked ]
}

# The getent of a container's root is a program of the container's.
@test "no getent of another root is executed" {
  requires root busybox
  make_rootfs rootfs
  mkdir -p rootfs/proc rootfs/usr/bin rootfs/etc
  fake_getent rootfs/usr/bin /asked
  mkdir rootfs/dev
  mknod -m 666 rootfs/dev/null c 1 3
  local setpriv=(setpriv-rs --reuid ldap id) init=
  for init in '' --init; do
    # shellcheck disable=SC2086 # Words.
    expect 1 unshare-rs --mount --pid --fork $init bindmount-rs --rbind rootfs rootfs -- \
      sh -c 'mount -t proc proc rootfs/proc && exec "$@"' sh \
      pivot-root-rs --carry --detach rootfs . "${setpriv[@]}"
    contains "$stderr" "no user 'ldap'"
  done
  # A host's process numbers, where /proc shows the container's.
  expect 1 unshare-rs --mount sh -c 'unshare --fork --pid mount -t proc proc rootfs/proc && exec "$@"' sh \
    chroot-rs --carry rootfs "${setpriv[@]}"
  contains "$stderr" "no user 'ldap'"
  [ ! -e rootfs/asked ]
}

@test "Landlock: what the kernel has, and rights that are shortened" {
  case $(setpriv-rs --landlock-support 2>&1) in *'cannot use Landlock'*) skip 'needs Landlock' ;; esac
  ok setpriv-rs --landlock-support
  contains "$output" 'ABI version: '
  contains "$output" 'fs rights: execute write-file read-file read-dir remove-dir'
  contains "$output" 'fs rules: path-beneath'
  ok setpriv-rs --list-landlock-access
  equal "${lines[0]}" fs
  ok setpriv-rs --list-landlock-rights fs
  equal "${lines[2]}" read-file
  refused 1 "'files' is not fs, net or scope" --list-landlock-rights files
  refused 1 'stands alone' --landlock-support --clear-env
  expect 2 setpriv-rs --landlock-access fs:write -- sh -c 'echo x >new'
  [ ! -s new ]
  refused 1 "unknown Landlock right 'bind'" --landlock-access net:bind
}

@test "--set-home=always, whatever HOME was" {
  ok env HOME=/other setpriv-rs --set-home sh -c 'echo $HOME'
  equal "$output" /other
  ok env HOME=/other setpriv-rs --set-home=always sh -c 'echo $HOME'
  equal "$output" "$(getent passwd "$(id -u)" | cut -d: -f6)"
  refused 1 "'never' is not 'always'" --set-home=never
}

@test "--reset-env takes PATH from login.defs of the root" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/etc
  cp "$(type -P setpriv-rs)" rootfs/bin
  while read -r line want; do
    printf '%b\n' "$line" >rootfs/etc/login.defs
    ok as_root chroot rootfs /bin/setpriv-rs --reset-env /bin/sh -c 'echo $PATH'
    equal "$output" "$want"
  done <<'TABLE'
ENV_SUPATH\tPATH=/super:/bin /super:/bin
#ENV_SUPATH\tPATH=/super:/bin /usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin
TABLE
  # What is no plain file is not read.
  rm rootfs/etc/login.defs
  mkfifo rootfs/etc/login.defs
  ok as_root timeout 10 chroot rootfs /bin/setpriv-rs --reset-env /bin/sh -c 'echo $PATH'
}

@test "the supplementary groups that are there already need no privilege" {
  requires root
  ok setpriv --reuid 65534 --regid 65534 --groups 5,7 setpriv-rs --groups 7,5 id -G
  equal "$output" '65534 5 7'
  for other in 7 5,7,8 5,8; do
    expect 127 setpriv --reuid 65534 --regid 65534 --groups 5,7 setpriv-rs --groups "$other" id -G
    contains "$stderr" 'cannot set the supplementary groups: Operation not permitted'
  done
}

@test "securebits that have no name here are shown, and -all clears them" {
  requires root
  ok setpriv-rs --securebits +noroot,+no_setuid_fixup_locked setpriv-rs --dump
  contains "$output" 'Securebits: noroot,no_setuid_fixup_locked'
  ok setpriv-rs --securebits +no_setuid_fixup setpriv-rs --securebits -all setpriv-rs --dump
  contains "$output" 'Securebits: [none]'
  refused 1 "unknown securebit 'exec_restrict'" --securebits +exec_restrict
  run setpriv-rs --securebits +exec_restrict_file setpriv-rs --dump
  case $status in 0) contains "$output" 'Securebits: exec_restrict_file' ;; *) contains "$output" 'cannot set the securebits' ;; esac
}
