#!/usr/bin/env bats
# setpriv-rs, beside util-linux's setpriv where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status and stderr.

load helpers

# as_root COMMAND: runs COMMAND with all capabilities, in a user namespace where the caller is not root.
as_root() {
  if is_root; then
    "$@"
  else
    unshare --user --map-root-user "$@"
  fi
}

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
  # shellcheck disable=SC2086 # two words
  for options in '--reuid 7' '--ruid 7' '--euid 7' '--ruid 7 --euid 8' '--reuid daemon' \
    '--regid 7 --clear-groups' '--rgid 7 --egid 8 --keep-groups' '--regid daemon --groups 9,daemon' '--groups 1,2' \
    '--reuid daemon --regid daemon --init-groups' '--reuid 7 --inh-caps +kill --ambient-caps +kill' \
    '--reuid 7 --securebits +noroot,+keep_caps_locked' '--reuid 7 --pdeathsig HUP'; do
    same $options $dump
  done
}

@test "the same environment as under the classic" {
  requires setpriv
  same --reset-env env
  TERM='' A=B same --reset-env env
  ! is_root || same --reset-env --reuid daemon env
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

@test "what is not supported is refused by name" {
  for name in apparmor-profile landlock-access landlock-rule ptracer seccomp-filter selinux-label; do
    refused 1 "setpriv-rs: --$name is not supported" "--$name" any
  done
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

@test "a link named setpriv stands in for the classic" {
  ln -s "$(command -v setpriv-rs)" setpriv
  expect 1 ./setpriv --no-such-option
  contains "$stderr" "setpriv: "
  contains "$stderr" "Try 'setpriv --help' for more information."
}
