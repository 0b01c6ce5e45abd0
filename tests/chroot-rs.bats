#!/usr/bin/env bats
# chroot-rs, beside GNU chroot where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

PATH=$PATH:/usr/sbin:/sbin

# same ARGUMENT...: chroot-rs must give what GNU chroot gives: the same output and the same status.
same() {
  local want want_status=0 got got_status=0
  want=$(as_root chroot "$@" 2>/dev/null) || want_status=$?
  got=$(as_root chroot-rs "$@" 2>stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'arguments: %s\nchroot:    %s %s\nchroot-rs: %s %s\n' "$*" "$want_status" "$want" "$got_status" "$got"
    cat stderr
    return 1
  }
}

# make_accounts DIR: a root of busybox with users and groups of its own.
make_accounts() {
  make_rootfs "$1"
  mkdir "$1/etc"
  printf '%s\n' ann:x:60:61::/home:/bin/sh a.b:x:50:51::/:/bin/sh 1000:x:70:71::/:/bin/sh \
    root:x:0:0::/root:/bin/sh >"$1/etc/passwd"
  printf '%s\n' gg:x:81:ann,bob tty:x:82:bob,ann own:x:61: >"$1/etc/group"
}

refused() {
  local message=$1
  shift
  expect 125 as_root chroot-rs "$@" /bin/touch ran
  contains "$stderr" "$message"
  [ ! -e ran ] && [ ! -e rootfs/ran ]
}

@test "NEWROOT is the command's root and working directory" {
  requires busybox
  make_rootfs rootfs
  ok as_root chroot-rs rootfs /bin/ls -id / .
  unpad
  inode=$(stat -c %i rootfs)
  equal "${output//$'\n'/ }" "$inode . $inode /"
  ok as_root chroot-rs rootfs /bin/ls -id /..
  unpad
  contains "$output" "$inode"
}

@test "the command keeps the process, its arguments and its environment" {
  requires busybox
  make_rootfs rootfs
  # shellcheck disable=SC2016 # The inner shell expands it.
  ok as_root sh -c 'echo $$; A="b c" exec chroot-rs rootfs /bin/sh -c '\''echo "$$" "$A" "$@"'\'' x --wd "1 2" ""'
  [ "$(sed -n 1p <<<"$output")" = "$(sed -n '2s/ .*//p' <<<"$output")" ]
  contains "$output" "b c --wd 1 2 "
}

@test "statuses are the classic's" {
  requires busybox chroot
  make_rootfs rootfs
  same rootfs /bin/sh -c 'echo out; exit 3'
  same rootfs /bin/nosuch
  same rootfs nosuch
  same rootfs /bin
  same nosuch /bin/sh
  same rootfs/bin/busybox /bin/sh
  same --nosuch rootfs
  same
  same --groups
  ok chroot --help
  ok chroot-rs --help
  ok chroot --version
  ok chroot-rs --version
}

@test "the command is searched for as the classic does it" {
  requires busybox chroot
  make_rootfs rootfs
  mkdir rootfs/first rootfs/first/only-dir
  : >rootfs/bin/plain
  : >rootfs/first/ls
  # Each has a PATH of its own.
  for path in /bin /first:/bin /bin/ls:/bin /nosuch:/bin '' :/bin /first:/nosuch; do
    for command in ls only-dir plain nosuch ''; do
      same_in "PATH=$path" "$command" -d /
      same_in --unset=PATH "$command" -d /
    done
  done
  for command in /bin/plain /bin/ls/x ./bin/ls bin/ls "/$(printf '%0300d' 0)" "$(printf '%0300d' 0)" / . -- /dev; do
    same rootfs "$command"
  done
  same '' /bin/ls
  same -- rootfs /bin/ls -d /
  ln -s loop loop
  same loop /bin/ls
}

# same_in SETTING COMMAND...: as same in rootfs, with that setting of env(1).
same_in() {
  local tool setting=$1 want want_status=0 got got_status=0
  shift
  tool=$(type -P chroot)
  want=$(as_root env "$setting" "$tool" rootfs "$@" 2>/dev/null) || want_status=$?
  tool=$(type -P chroot-rs)
  got=$(as_root env "$setting" "$tool" rootfs "$@" 2>/dev/null) || got_status=$?
  equal "$setting: $*: $got_status/$got" "$setting: $*: $want_status/$want"
}

@test "a command that is not in the new root: where it was looked for" {
  requires busybox
  make_rootfs rootfs
  expect 127 as_root chroot-rs rootfs nosuch
  equal "$stderr" "chroot-rs: cannot execute 'nosuch': No such file or directory
hint: it is looked up in the new root: --carry executes a statically linked program of the old one"
  SHELL=/bin/nosuch expect 127 as_root chroot-rs rootfs
  equal "$stderr" "chroot-rs: cannot execute '/bin/nosuch': No such file or directory
hint: it is what SHELL names, looked up in the new root: give a COMMAND that is there, such as /bin/sh"
  # A directory that may not be searched would be another reason.
  expect 127 as_root env PATH=/usr/bin:/bin "$(type -P chroot-rs)" --carry rootfs nosuch
  equal "$stderr" "chroot-rs: cannot execute 'nosuch': No such file or directory"
}

@test "closed standard streams stay closed" {
  requires busybox
  make_rootfs rootfs
  for fd in 0 1 2; do
    ok as_root bash -c "chroot-rs / sh -c '[ ! -e /proc/self/fd/$fd ]' $fd>&-"
    ok as_root bash -c "chroot-rs --carry rootfs busybox true $fd>&-"
  done
  ok as_root bash -c "chroot-rs rootfs /bin/true <&- >&- 2>&-"
  expect 125 as_root sh -c 'chroot-rs nosuch /bin/true 2>&-'
  equal "$output" ''
}

@test "ignored signals and the signal mask are handed on" {
  requires python3
  # shellcheck disable=SC2016 # Python's own.
  ok as_root python3 -c '
import os, signal
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR2])
os.execvp("chroot-rs", ["chroot-rs", "/", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])'
  equal "$output" $'SigBlk:\t0000000000000800\nSigIgn:\t0000000001001200'
}

@test "as GNU's own tests of failures and of credentials have it" {
  nobody_groups=$(id -G nobody | tr ' ' '\n' | sort -n)
  ln -s / isroot
  for root in / /. /../ isroot; do
    ok as_root chroot-rs "$root" env pwd
    equal "$output" /
    ok as_root chroot-rs --skip-chdir "$root" env pwd
    equal "$output" "$PWD"
  done
  expect 126 as_root chroot-rs / .
  expect 125 chroot-rs --- / true
  requires root
  for groups in ' ' ',' 0trail; do
    expect 125 chroot-rs --groups="$groups" / id -G
    equal "$output" ''
  done
  # OPTIONS, and the groups that they give.
  nobody=$(id -u nobody) group=$(id -g nobody)
  table=(
    "--userspec=nobody:$group --groups=$group" "$group"
    "--userspec=nobody --groups=" "$group"
    "--userspec=+$nobody:+$group --groups=" "$group"
    '--userspec=1234:+5678 --groups=,8765,,4321,' '5678 4321 8765'
    '--groups=invalid --groups=' "$(id -g)"
    '--userspec=+12342:+5678' 5678
  )
  for ((row = 0; row < ${#table[@]}; row += 2)); do
    # shellcheck disable=SC2086 # Words.
    ok chroot-rs ${table[row]} / id -G
    equal "$(tr ' ' '\n' <<<"$output" | sort -nu)" "$(tr ' ' '\n' <<<"${table[row + 1]}" | sort -nu)"
  done
  for user in nobody nobody: "$nobody" "$nobody:"; do
    ok chroot-rs --userspec="$user" / id -G
    equal "$(tr ' ' '\n' <<<"$output" | sort -n)" "$nobody_groups"
  done
  ok chroot-rs --userspec=1234:+5678 --groups=' +8765,4321' / id -G
  expect 125 chroot-rs --userspec=+12342 / true
  ok setpriv --groups 0,7 chroot-rs --userspec=":$group" / sh -c 'id -G; id -u'
  equal "$output" "$group 0 7"$'\n'0
}

@test "called without any name" {
  requires cc
  cat >nameless.c <<'C'
#include <unistd.h>
int main(int count, char **words) {
  char *none[] = {0};
  return execve(words[1], none, none), 99;
}
C
  cc -o nameless nameless.c
  expect 125 ./nameless "$(type -P chroot-rs)"
  contains "$stderr" "missing operand: NEWROOT"
}

@test "without a command it is the shell, interactive" {
  requires busybox chroot
  make_rootfs rootfs
  # shellcheck disable=SC2016 # That shell's own.
  printf '#!/bin/sh\necho "shell $0 $*"\n' >rootfs/bin/shell
  chmod +x rootfs/bin/shell
  SHELL=/bin/shell same rootfs
  SHELL=/bin/shell ok as_root chroot-rs rootfs
  equal "$output" "shell /bin/shell -i"
  cp rootfs/bin/shell rootfs/bin/sh.new
  sed -i 's,^#!/bin/sh,#!/bin/ash,' rootfs/bin/sh.new
  mv rootfs/bin/sh.new rootfs/bin/sh
  unset SHELL
  same rootfs
  ok as_root chroot-rs rootfs
  equal "$output" "shell /bin/sh -i"
  SHELL='' ok as_root chroot-rs rootfs
  equal "$output" "shell /bin/sh -i"
}

@test "--userspec in every form, beside the classic" {
  requires root busybox chroot
  make_accounts rootfs
  for spec in ann ann: ann:gg ann:81 :gg :5 60 60: 60:81 +60 +60:+81 60:gg 7777:8 +7777:+8 a.b ann.gg ann. .gg . '' : ' 60' \
    ann:: :: ann:gg: :gg: ann.81 .81 00060 0 ann:+81 'ann: 81'; do
    same --userspec="$spec" rootfs /bin/id
  done
  for spec in nosuch 'ann:nosuch' 7777 7777: + +ann -1 4294967295 4294967296 '60 ' 0x5 a.b.gg \
    'ann :81' :.gg ann:4294967295 99999999999:5 ':gg '; do
    same --userspec="$spec" rootfs /bin/id
  done
  same --userspec=ann --userspec=:gg rootfs /bin/id
  same --userspec nobody / id
}

@test "--groups in every form, beside the classic" {
  requires root busybox chroot
  make_accounts rootfs
  for groups in '' 5 5,6 ',5,,6,' +5,gg gg,tty ' 5, 6' 81,81 $'\t5' 00081; do
    same --groups="$groups" rootfs /bin/id
    same --groups="$groups" --userspec=ann rootfs /bin/id
  done
  for groups in ',' ',,' nosuch 5,nosuch '5 ' -1 4294967295 4294967296 +gg ' ' '5 6' 5:6 0x5; do
    same --groups="$groups" rootfs /bin/id
  done
  same --groups=5 --groups= rootfs /bin/id
  same --groups= --groups=5 rootfs /bin/id
}

@test "a named user brings its groups along, in a fixed order and once" {
  requires root busybox
  make_accounts rootfs
  ok chroot-rs --carry --userspec=ann:gg rootfs "$(command -v busybox)" id -G
  equal "$output" "81 82"
  ok chroot-rs --userspec=ann rootfs /bin/id
  equal "$output" "uid=60(ann) gid=61(own) groups=61(own),81(gg),82(tty)"
  ok chroot-rs --userspec=ann --groups= rootfs /bin/id
  equal "$output" "uid=60(ann) gid=61(own)"
}

@test "two users of one number: the named one's own groups count" {
  requires root busybox
  make_accounts rootfs
  echo zoe:x:60:62::/:/bin/sh >>rootfs/etc/passwd
  echo zz:x:83:zoe >>rootfs/etc/group
  ok chroot-rs --userspec=zoe rootfs /bin/id -G
  equal "$output" "62 83"
  same --userspec=60 rootfs /bin/id -G
}

@test "the change is for good: no user id is left to go back to" {
  requires root
  ok chroot-rs --userspec=+65534:+65534 --groups=5 / grep -E '^(Uid|Gid|Groups|Cap(Prm|Eff))' /proc/self/status
  equal "$(tr -s '\t ' ' ' <<<"$output")" "Uid: 65534 65534 65534 65534
Gid: 65534 65534 65534 65534
Groups: 5$(printf ' ')
CapPrm: 0000000000000000
CapEff: 0000000000000000"
}

@test "names: the new root's own files go first, then this system's" {
  requires root busybox
  make_accounts rootfs
  printf '%s\n' nobody:x:90:91::/:/bin/sh >>rootfs/etc/passwd
  ok chroot-rs --userspec=nobody rootfs /bin/id -u
  equal "$output" 90
  ok chroot-rs --userspec=daemon:daemon rootfs /bin/id -u
  equal "$output" "$(id -u daemon)"
  ok chroot-rs --groups=tty,daemon rootfs /bin/id -G
  equal "$output" "0 $(id -g daemon) 82"
  rm -r rootfs/etc
  ok chroot-rs --userspec=nobody rootfs /bin/id -u
  equal "$output" "$(id -u nobody)"
}

@test "names that are in no file are asked for outside, through getent" {
  requires root busybox
  make_accounts rootfs
  fake_getent host
  PATH=$PWD/host:$PATH
  ok chroot-rs --userspec=ldap rootfs /bin/id
  equal "$output" "uid=4321 gid=4322 groups=4322,4324"
  ok chroot-rs --userspec=4321 rootfs /bin/id
  equal "$output" "uid=4321 gid=4322 groups=4322,4324"
  ok chroot-rs --userspec=:crew rootfs /bin/id -g
  equal "$output" 4323
  # An answer about another user is none.
  ok chroot-rs --userspec=4444:8 rootfs /bin/id
  equal "$output" "uid=4444 gid=8"
  ok bash -c 'trap "" CHLD; exec chroot-rs --userspec=ldap rootfs /bin/id -u'
  equal "$output" 4321

  rm asked
  ok chroot-rs --userspec=ann:gg --groups=5,daemon rootfs /bin/id -u
  ok chroot-rs --userspec=+7777:+8 --groups=+5 rootfs /bin/id -u
  [ ! -e asked ]
  ok chroot-rs --userspec=+7777:+8 rootfs /bin/id -u
  equal "$(cat asked)" "passwd -- 7777"
}

@test "where all is numbers no file is read" {
  requires root busybox
  make_accounts rootfs
  rm rootfs/etc/*
  mkfifo rootfs/etc/passwd rootfs/etc/group
  mkdir -m 777 rootfs/tmp
  ok timeout 10 chroot-rs --userspec=+7:+8 --groups=+9,+10 rootfs /bin/touch /tmp/file
  equal "$(stat -c %u:%g rootfs/tmp/file)" 7:8
}

@test "a plus makes a number of what could be a name" {
  requires root busybox
  make_accounts rootfs
  echo '1001:x:0:' >>rootfs/etc/group
  ok chroot-rs --userspec=1000:1001 rootfs /bin/id
  equal "$output" "uid=70(1000) gid=0(1001) groups=0(1001)"
  ok chroot-rs --userspec=+1000:+1001 --groups= rootfs /bin/id
  equal "$output" "uid=1000 gid=1001"
}

@test "no library of the new root is loaded, nor its NSS configuration read" {
  requires root busybox
  make_accounts rootfs
  # To open one of these is to wait for ever.
  mkdir -p rootfs/lib/x86_64-linux-gnu rootfs/usr/lib
  for library in libnss_trap.so.2 libnss_files.so.2 libnss_compat.so.2 libc.so.6; do
    mkfifo "rootfs/lib/$library" "rootfs/usr/lib/$library" "rootfs/lib/x86_64-linux-gnu/$library"
  done
  mkfifo rootfs/etc/nsswitch.conf rootfs/etc/ld.so.cache rootfs/etc/ld.so.preload
  ok timeout 10 chroot-rs --userspec=ann:gg --groups=tty rootfs /bin/busybox true

  # Names that only the outside can know: it is still the host's library that answers.
  expect 125 timeout 10 chroot-rs --userspec=nosuch rootfs /bin/busybox true
  contains "$stderr" "cannot find the user 'nosuch'"
}

@test "the kernel saw no library of the new root opened" {
  requires root busybox strace
  make_accounts rootfs
  mkdir rootfs/lib
  echo 'passwd: trap files' >rootfs/etc/nsswitch.conf
  cp "$(command -v busybox)" rootfs/lib/libnss_trap.so.2
  ok strace -o trace -e trace=file,openat2 chroot-rs --userspec=ann rootfs /bin/true
  run grep -E 'libnss|nsswitch' trace
  equal "$status/$output" 1/
  ok grep -E 'openat2.*"etc/passwd".*RESOLVE_NO_MAGICLINKS.*RESOLVE_IN_ROOT' trace
}

@test "account files that are no plain files are refused, without waiting" {
  requires root busybox
  make_accounts rootfs
  rm rootfs/etc/passwd
  mkfifo rootfs/etc/passwd
  expect 125 timeout 10 chroot-rs --userspec=ann rootfs /bin/id
  contains "$stderr" "cannot read 'etc/passwd': not a regular file"
  rm rootfs/etc/passwd
  mkdir rootfs/etc/passwd
  expect 125 chroot-rs --userspec=ann rootfs /bin/id
  contains "$stderr" "cannot read 'etc/passwd': not a regular file"
  rmdir rootfs/etc/passwd
  truncate -s 1T rootfs/etc/passwd
  expect 125 timeout 10 chroot-rs --userspec=ann rootfs /bin/id
  contains "$stderr" "cannot read 'etc/passwd': File too large"
}

@test "a device in place of an account file is not even opened" {
  requires root busybox strace
  make_accounts rootfs
  rm rootfs/etc/passwd
  mknod rootfs/etc/passwd c 1 5
  expect 125 strace -o trace -e trace=open,openat,openat2 chroot-rs --userspec=ann rootfs /bin/id
  contains "$stderr" "cannot read 'etc/passwd': not a regular file"
  run grep '"etc/passwd"' trace
  contains "$output" O_PATH
  lacks "$output" O_NONBLOCK
}

@test "account files of proc(5) in the root are not read" {
  requires root busybox
  make_accounts rootfs
  mkdir rootfs/proc
  # The name that this process's argument seems to define.
  ln -sf /proc/self/cmdline rootfs/etc/passwd
  expect 125 private sh -c 'mount -t proc proc rootfs/proc && exec chroot-rs --userspec=zoe rootfs /bin/true "
zoe:x:5:5::/:
"'
  contains "$stderr" "cannot find the user 'zoe'"
}

@test "account files with a NUL, without a newline, with nothing" {
  requires root busybox
  make_accounts rootfs
  printf 'ann\0:x:0:0::/:\nann:x:60:61::/:/bin/sh' >rootfs/etc/passwd
  printf 'gg:x:81:ann\0,bob\ngg:x:82:ann' >rootfs/etc/group
  ok chroot-rs --userspec=ann rootfs /bin/id -u
  equal "$output" 60
  ok chroot-rs --userspec=ann rootfs /bin/id -G
  equal "$output" "61 82"
  : >rootfs/etc/passwd
  expect 125 chroot-rs --userspec=ann rootfs /bin/id
  contains "$stderr" "cannot find the user 'ann'"
}

@test "account files that are links to the host's stay inside the root" {
  requires root busybox
  make_accounts rootfs
  printf 'outsider:x:1234:1234::/:/bin/sh\n' >passwd
  ln -sf "$PWD/passwd" rootfs/etc/passwd
  expect 125 chroot-rs --userspec=outsider rootfs /bin/id
  ln -sf ../../passwd rootfs/etc/passwd
  expect 125 chroot-rs --userspec=outsider rootfs /bin/id
  mv rootfs/etc rootfs/real
  ln -s "$PWD" rootfs/etc
  expect 125 chroot-rs --userspec=outsider rootfs /bin/id
  contains "$stderr" "cannot find the user 'outsider'"
}

@test "account files that are magic links to what is open outside are refused" {
  requires root busybox
  make_accounts rootfs
  mkdir rootfs/proc
  printf 'outsider:x:1234:1234::/:/bin/sh\n' >passwd
  ln -sf /proc/self/fd/9 rootfs/etc/passwd
  expect 125 private sh -c 'mount -t proc proc rootfs/proc &&
    exec chroot-rs --userspec=outsider rootfs /bin/touch /ran 9<passwd'
  contains "$stderr" "cannot open 'etc/passwd': Too many symbolic links encountered"
  [ ! -e rootfs/ran ]
}

@test "malformed account files neither mislead nor take long" {
  requires root busybox
  make_accounts rootfs
  {
    printf 'ann\nann:x\nann:x:-1:0::/:\nann:x:4294967295:0::/:\nann:x:99999999999:0::/:\nann:x:0\n'
    head -c 8000000 /dev/zero | tr '\0' a
    printf '\nann:x:60:61::/:'
  } >rootfs/etc/passwd
  ok timeout 10 chroot-rs --userspec=ann rootfs /bin/busybox id -u
  equal "$output" 60
}

@test "--skip-chdir stays, in the old root only, beside the classic" {
  requires busybox chroot
  make_rootfs rootfs
  same --skip-chdir / pwd
  same --skip-chdir /.. pwd
  same --skip-chdir rootfs /bin/pwd
  same --skip-chdir /nosuch pwd
  same / pwd
  ok as_root chroot-rs --skip-chdir / pwd
  equal "$output" "$PWD"
  refused "option --skip-chdir only permitted if NEWROOT is old '/'" --skip-chdir rootfs
  refused "exclude each other" --skip-chdir --wd / rootfs
}

@test "a status of its own for what chroot-rs itself fails at" {
  mkdir rootfs
  expect 9 as_root chroot-rs --failure-status 9 nosuch true
  contains "$stderr" "cannot change the root to 'nosuch'"
  expect 9 chroot-rs --failure-status=9 --nosuch
  expect 125 chroot-rs --nosuch --failure-status 9
  expect 125 chroot-rs --failure-status 256 rootfs
  contains "$stderr" "'256' is not an exit status from 1 to 255"
  expect 127 as_root chroot-rs --failure-status 9 rootfs nosuch
  expect 7 as_root chroot-rs --failure-status 9 / sh -c 'exit 7'
}

@test "--carry: a program of the host in a root that holds nothing" {
  requires busybox
  mkdir rootfs
  busybox=$(command -v busybox)
  expect 127 as_root chroot-rs rootfs busybox ls -id /
  ok as_root chroot-rs --carry rootfs busybox ls -id /
  unpad
  equal "$output" "$(stat -c %i rootfs) /"
  ok as_root chroot-rs --carry rootfs "$busybox" ls -A /
  equal "$output" ""
  expect 127 as_root chroot-rs --carry rootfs /nosuch
  expect 126 as_root chroot-rs --carry rootfs "$PWD"
  printf '#!/bin/sh\n' >script
  chmod +x script
  expect 127 as_root chroot-rs --carry rootfs ./script
  contains "$stderr" "hint: a script cannot be carried, only a program that is statically linked"
}

@test "--carry: what cannot run in the new root is explained from the program that was opened" {
  mkdir rootfs
  cp /bin/true dynamic
  printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0' >riscv
  head -c 100 /dev/zero >>riscv
  echo text >text
  chmod +x riscv text
  expect 127 as_root chroot-rs --carry rootfs ./dynamic
  contains "$stderr" "hint: a carried program must be statically linked: the ELF interpreter of this one, '/lib"
  contains "$stderr" "', is looked up in the new root"
  expect 126 as_root chroot-rs --carry rootfs ./riscv
  contains "$stderr" "hint: './riscv' is a program for riscv"
  expect 126 as_root chroot-rs --carry rootfs ./text
  contains "$stderr" "cannot execute './text': Exec format error"
}

@test "--carry: a program that may be executed but not read" {
  requires busybox
  mkdir rootfs
  cp "$(command -v busybox)" busybox-closed
  chmod 111 busybox-closed
  ok as_root chroot-rs --carry rootfs ./busybox-closed ls -A /
  equal "$output" ""
}

@test "--carry: set-user-ID bits do not count" {
  requires root
  mkdir rootfs
  cp "$(command -v setpriv-rs)" set-uid
  chown 7 set-uid
  chmod 4755 set-uid
  # As a mount, and as a copy.
  for drop in -kill -sys_admin; do
    ok setpriv --bounding-set "$drop" chroot-rs --carry --userspec=+8:+8 rootfs ./set-uid --dump
    contains "$output" "uid: 8
euid: 8
"
  done
}

# without_mounts COMMAND...: runs COMMAND with root's powers, but for CAP_SYS_ADMIN over its mount namespace.
without_mounts() {
  if is_root; then
    setpriv --bounding-set -sys_admin --inh-caps -all "$@"
  else
    as_root "$@"
  fi
}

@test "--carry: a neighbour cannot write to the copy, where no mount can be made" {
  requires busybox cc
  make_victim busybox
  mkdir rootfs
  export -f until_reached
  # shellcheck disable=SC2016 # The inner shell expands it.
  ok without_mounts bash -c '
    ./overwrite "$0" >said 3>&- &
    until [ -s said ]; do sleep 0.01; done
    until_reached | chroot-rs --carry rootfs ./busybox-victim cat
    wait' "$size"
  unharmed 'not written: Operation not permitted'
}

@test "--carry: on a kernel that lacks mounts of a file, or the flag of an executable copy" {
  requires busybox strace
  mkdir rootfs
  for lack in open_tree:error=ENOSYS mount_setattr:error=ENOSYS open_tree:error=EPERM; do
    for flag in '' '-e inject=memfd_create:error=EINVAL:when=1'; do
      # shellcheck disable=SC2086 # Words.
      ok as_root strace -o trace -e inject="$lack" $flag chroot-rs --carry rootfs "$(command -v busybox)" echo up
      equal "$output" up
      contains "$(cat trace)" 'F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE) = 0'
    done
  done
  expect 126 as_root strace -o trace -e inject=open_tree:error=EPERM -e inject=memfd_create:error=EACCES \
    chroot-rs --carry rootfs "$(command -v busybox)" true
  contains "$stderr" "cannot copy '$(command -v busybox)': Permission denied
hint: without the capability CAP_SYS_ADMIN over the mount namespace a program is carried as a copy in memory, and /proc/sys/vm/memfd_noexec forbids to execute one"
}

@test "--carry: the environment is handed on byte for byte" {
  requires busybox cc
  mkdir rootfs
  cat >odd.c <<'C'
#include <unistd.h>
int main(int count, char **words) {
  char *odd[] = {"A=1", "A=2", "no-value", "=empty", 0};
  return execve(words[1], words + 1, odd), 1;
}
C
  cc -o odd odd.c
  ok as_root ./odd "$(command -v chroot-rs)" --carry rootfs "$(command -v busybox)" env
  equal "$output" "A=1
A=2
no-value
=empty"
}

@test "no descriptor reaches the command that the caller did not pass" {
  requires busybox
  busybox=$(command -v busybox)
  ok busybox ls /proc/self/fd
  want=$output
  ok as_root chroot-rs --carry --userspec=:0 --wd /tmp / "$busybox" ls /proc/self/fd
  equal "$output" "$want"
}

@test "--wd: a rename elsewhere on the machine does not disturb the walk" {
  requires busybox cc
  make_rootfs rootfs
  mkdir -p rootfs/srv/www one two
  ln -s ../../../../../../../../../../srv rootfs/up
  cc -O2 -o swap "$project/tests/fixtures/swap.c"
  ./swap exchange one two >ready 3>&- &
  attacker=$!
  timeout 10 sh -c 'until grep -q ready ready; do sleep 0.01; done'
  for ((round = $(rounds 200); round > 0; round--)); do
    ok as_root chroot-rs --wd /up/www/../www/../www rootfs /bin/true
  done
  kill "$attacker"
}

@test "--wd starts the command in a directory of the new root" {
  requires busybox
  make_rootfs rootfs
  mkdir -p rootfs/srv/www
  ln -s /srv rootfs/link
  ln -s ../../../../../../../../../../srv rootfs/up
  ok as_root chroot-rs --wd /srv/www rootfs /bin/pwd
  equal "$output" /srv/www
  for wd in /link/www /up/www /../srv/www; do
    ok as_root chroot-rs --wd "$wd" rootfs /bin/busybox sh -c 'pwd -P'
    equal "$output" /srv/www
  done
}

@test "--wd: a directory that is missing, relative or no directory is refused before the change" {
  requires busybox
  make_rootfs rootfs
  refused "cannot enter the directory '/nosuch': No such file or directory" --wd /nosuch rootfs
  lacks "$stderr" hint:
  refused "cannot enter the directory '/usr': No such file or directory" --wd /usr rootfs
  contains "$stderr" "hint: '/usr' is a directory of the old root, not of the new one"
  refused "cannot enter the directory '/bin/sh': Not a directory" --wd /bin/sh rootfs
  refused "'bin' is no absolute path" --wd bin rootfs
  refused "'' is no absolute path" --wd '' rootfs
}

@test "--wd: a directory that the user may not enter" {
  requires root busybox
  make_rootfs rootfs
  mkdir -m 700 rootfs/secret
  expect 125 chroot-rs --userspec=+7:+8 --wd /secret rootfs /bin/true
  equal "$stderr" "chroot-rs: cannot enter the directory '/secret': Permission denied"
}

@test "--wd does not follow a magic link out of the root" {
  ln -s /proc/self/fd/9 out
  refused "cannot enter the directory '/proc/self/cwd': Too many symbolic links encountered" --wd /proc/self/cwd /
  refused "cannot enter the directory '$PWD/out': Too many symbolic links encountered" --wd "$PWD/out" / 9<.
}

@test "without the capability it is refused, and says what gives it" {
  chroot=(chroot-rs / true)
  if is_root; then
    chroot=(setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v chroot-rs)" / true)
  fi
  expect 125 "${chroot[@]}"
  equal "$stderr" "chroot-rs: cannot change the root to '/': Operation not permitted
hint: this needs the capability CAP_SYS_CHROOT; an ordinary user has it in a user namespace: put 'unshare-rs --map-root-user' in front"
}

@test "a capability that was lost on the way, and how to keep it" {
  user=()
  ! is_root || user=(setpriv --reuid=1234 --regid=1234 --clear-groups)
  expect 125 "${user[@]}" unshare-rs -c chroot-rs / true
  contains "$stderr" 'hint: CAP_SYS_CHROOT was lost on the way here, since this user is not root in the user namespace: add '
  ok "${user[@]}" unshare-rs -c --keep-caps chroot-rs / true
  expect 125 "${user[@]}" unshare-rs -U chroot-rs / true
  contains "$stderr" 'the map of the user namespace lacks this user'"'s id: add \`-S 0 -G 0\`"
}

@test "an id that there cannot be" {
  for arguments in --userspec=+4294967295 --groups=4294967296; do
    expect 125 chroot-rs "$arguments" / true
    contains "$stderr" 'hint: IDs go from 0 to 4294967294'
  done
}

@test "what a user namespace does not allow is told apart" {
  in_namespace() {
    expect 125 unshare --user --map-root-user chroot-rs "$@" / true
  }
  in_namespace --groups=
  contains "$stderr" "cannot set the supplementary groups: Operation not permitted
hint: setgroups(2) is denied in this user namespace"
  in_namespace --userspec=0
  contains "$stderr" "hint: setgroups(2) is denied in this user namespace"
  in_namespace --userspec=:4444
  contains "$stderr" "cannot set the group '4444': Invalid argument
hint: the number is not mapped in this user namespace"
  ok unshare --user --map-root-user chroot-rs --userspec=:0 / id -g
  equal "$output" 0
}

@test "without the capability to change the group it says so" {
  requires root
  expect 125 setpriv --bounding-set=-setgid chroot-rs --userspec=:5 / true
  contains "$stderr" "cannot set the group '5': Operation not permitted
hint: this needs the capability CAP_SETGID"
  expect 125 setpriv --bounding-set=-setuid chroot-rs --userspec=5:5 / true
  contains "$stderr" "cannot set the user '5': Operation not permitted
hint: this needs the capability CAP_SETUID"
}

@test "a number without an account needs a group" {
  mkdir rootfs
  refused "cannot find the group of the user '7777': no account has this number
hint: name the group too, as in --userspec=7777:7777" --userspec=7777 rootfs
}

@test "a command that is there and cannot run is explained" {
  requires busybox
  make_rootfs rootfs
  printf '#!/nosuch/sh\n' >rootfs/bin/script
  printf '#!/bin/sh\r\n' >rootfs/bin/dos
  printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0' >rootfs/bin/riscv
  head -c 100 /dev/zero >>rootfs/bin/riscv
  chmod +x rootfs/bin/script rootfs/bin/dos rootfs/bin/riscv
  cp /bin/true rootfs/bin/dynamic
  mkfifo -m 755 rootfs/bin/fifo
  mkdir rootfs/bin/dir
  # shellcheck disable=SC2016 # That shell's own.
  echo 'echo "script $0 $*"' >rootfs/bin/text
  chmod +x rootfs/bin/text

  expect 127 as_root chroot-rs rootfs /bin/script
  contains "$stderr" "hint: '/bin/script' exists, but the interpreter of its first line, '/nosuch/sh', does not"
  expect 127 as_root chroot-rs rootfs /bin/dos
  contains "$stderr" "hint: the first line of '/bin/dos' ends in a carriage return"
  expect 127 as_root chroot-rs rootfs /bin/dynamic
  contains "$stderr" "exists, but its ELF interpreter, "
  expect 126 as_root chroot-rs rootfs /bin/riscv
  contains "$stderr" "hint: '/bin/riscv' is a program for riscv"
  expect 126 as_root timeout 10 chroot-rs rootfs /bin/fifo
  contains "$stderr" "hint: '/bin/fifo' is no regular file"
  ok as_root chroot-rs rootfs /bin/text 'a b'
  equal "$output" "script /bin/text a b"

  # Through as many files as the kernel goes through.
  printf '#!/bin/dynamic\n' >rootfs/bin/by-dynamic
  printf '#!/bin/riscv\n' >rootfs/bin/by-riscv
  printf '#!/bin/plain\n' >rootfs/bin/by-plain
  echo >rootfs/bin/plain
  chmod +x rootfs/bin/by-*
  expect 127 as_root chroot-rs rootfs /bin/by-dynamic
  contains "$stderr" "cannot execute '/bin/by-dynamic': No such file or directory
hint: '/bin/dynamic' exists, but its ELF interpreter, "
  expect 126 as_root chroot-rs rootfs /bin/by-riscv
  contains "$stderr" "hint: '/bin/riscv' is a program for riscv"
  expect 126 as_root chroot-rs rootfs /bin/plain
  contains "$stderr" "hint: '/bin/plain' has no execute permission"
  expect 126 as_root chroot-rs rootfs /bin/by-plain
  contains "$stderr" "hint: '/bin/plain' has no execute permission"
  expect 126 private sh -c 'mount -t tmpfs -o noexec none rootfs/bin/dir && cp /bin/true rootfs/bin/dir &&
    exec chroot-rs rootfs /bin/dir/true'
  contains "$stderr" "hint: '/bin/dir/true' is on a file system that is mounted noexec"

  rm rootfs/bin/sh
  expect 127 as_root chroot-rs rootfs /bin/text
  contains "$stderr" "hint: '/bin/text' has no '#!' line, and there is no '/bin/sh' to run it"
}

@test "a link named chroot speaks as chroot" {
  ln -s "$(command -v chroot-rs)" chroot
  expect 125 ./chroot
  equal "$stderr" "chroot: missing operand: NEWROOT
Try 'chroot --help' for more information."
}

@test "names are bytes, and messages one line" {
  requires busybox
  make_rootfs $'root\nfs\xff'
  ok as_root chroot-rs $'root\nfs\xff' /bin/echo $'\xfe'
  equal "$output" $'\xfe'
  expect 125 as_root chroot-rs $'no\nsuch\xff' /bin/echo
  equal "$stderr" "chroot-rs: cannot change the root to 'no\\012such\\377': No such file or directory"
}

@test "--help and the man page name the same options" {
  ok chroot-rs --help
  help=$(grep -oE '^ {2,}(-[a-zA-Z], )?--[a-z-]+' <<<"$output" | grep -oE -- '--[a-z-]+' | sort)
  page=$(sed -n 's/^\.It.* Fl Fl \([a-z-]*\).*/--\1/p' "$project/chroot-rs/chroot-rs.1" | sort -u)
  equal "$help" "$page"
  ok chroot-rs --version
  contains "$output" "chroot-rs "
}

@test "the man page is well formed" {
  requires mandoc
  ok mandoc -T lint -W warning "$project/chroot-rs/chroot-rs.1"
}

@test "options of the classic may be shortened, and --skip-chdir says what the classic says" {
  ok as_root chroot-rs --skip-ch / true
  expect 125 as_root chroot-rs --skip-ch . env pwd
  contains "$stderr" "option --skip-chdir only permitted if NEWROOT is old '/'"
  expect 125 chroot-rs --carr / true
  contains "$stderr" "hint: did you mean '--carry'?"
  expect 126 as_root chroot-rs / .
  expect 127 as_root chroot-rs / /no_such
}
