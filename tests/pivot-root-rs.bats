#!/usr/bin/env bats
# pivot-root-rs, beside util-linux's pivot_root where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.

load helpers

PATH=$PATH:/usr/sbin:/sbin

# same SCRIPT: both tools must do the same in a private namespace, where $tool is the tool's name.
same() {
  local want want_status=0 got got_status=0
  want=$(tool=pivot_root private sh -c "$1" 2>/dev/null) || want_status=$?
  got=$(tool=pivot-root-rs private sh -c "$1" 2>stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'script: %s\npivot_root:    %s %s\npivot-root-rs: %s %s\n' "$1" "$want_status" "$want" "$got_status" "$got"
    cat stderr
    return 1
  }
}

# refused MESSAGE SCRIPT: the script's last command must fail with status 1, say MESSAGE, and leave the root and the
# mount table of its namespace as they were.
refused() {
  expect 1 private sh -c '
    eval "$2"
    cat /proc/self/mountinfo >"$1/before"
    status=0
    eval "$3" || status=$?
    cat /proc/self/mountinfo >"$1/after"
    exit $status' sh "$PWD" "${3-}" "$2"
  contains "$stderr" "$1"
  ok mounts_unchanged before after
}

@test "the classic form, beside the classic" {
  requires pivot_root
  mkdir new
  same 'mount -t tmpfs none new && mkdir new/old && $tool new new/old && echo /* /old/et*'
  same 'mount -t tmpfs none new && mkdir new/old && cd new && $tool . old && echo /* /old/et*'
  same 'mount -t tmpfs none new && cd new && $tool . . && umount -l . && echo /*'
  same 'mount --bind new new && mkdir -p new/old && $tool new new/old && cd /old && echo /* et*'
}

@test "what the classic refuses is refused with its status" {
  requires pivot_root
  mkdir new new/old
  touch file
  same '$tool'
  same '$tool new'
  same '$tool --nosuch new new/old'
  same '$tool new new/old'
  same '$tool nosuch nosuch/old'
  same 'mount --bind new new; $tool new new/nosuch'
  same 'mount --bind new new; $tool new /tmp'
  same 'mount --bind new new; $tool new file'
  same '$tool / /'
  same '$tool --help >help'
  same '$tool --version >version'
}

@test "NEW_ROOT is the root, and the command's working directory" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/old
  inode=$(stat -c %i rootfs)
  ok private pivot-root-rs --self-bind rootfs rootfs/old /bin/ls -id / . /..
  unpad
  equal "$output" "$inode .
$inode /
$inode /.."
  ok private pivot-root-rs --self-bind --detach rootfs . /bin/ls -id / . /..
  unpad
  equal "$output" "$inode .
$inode /
$inode /.."
}

@test "the command keeps the process, its arguments and its status" {
  requires busybox
  make_rootfs rootfs
  expect 7 private sh -c 'echo $$; A="b c" exec pivot-root-rs --self-bind --detach rootfs . /bin/sh -c "
    echo \$\$ \"\$A\" \"\$@\"; exit 7" x --wd "1 2" ""'
  pid=${output%%$'\n'*}
  equal "$output" "$pid
$pid b c --wd 1 2 "
  expect 127 private pivot-root-rs --self-bind --detach rootfs . /nosuch
  equal "$stderr" "pivot-root-rs: cannot execute '/nosuch': No such file or directory
hint: it is looked up in the new root: --carry executes a statically linked program of the old one"
  expect 126 private pivot-root-rs --self-bind --detach rootfs . /bin
}

@test "--detach leaves nothing of the old root" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/proc rootfs/old
  for put_old in . rootfs/old; do
    ok private sh -c '
      mount --rbind /proc rootfs/proc &&
        exec pivot-root-rs --self-bind --detach rootfs "$1" /bin/sh -c "
          cut -d\  -f5 /proc/self/mountinfo | grep -v ^/proc/
          ls -A /old /"' sh "$put_old"
    equal "$output" "/
/proc
/:
bin
old
proc

/old:"
  done
  equal "$(ls -A rootfs)" "bin
old
proc"
}

@test "the command may stand behind two dashes" {
  requires busybox
  make_rootfs rootfs
  ok private pivot-root-rs --self-bind --detach rootfs . -- /bin/echo -- x
  equal "$output" '-- x'
  expect 1 private pivot-root-rs --self-bind --detach --carry rootfs . --
  contains "$stderr" 'need a COMMAND'
}

@test "what is detached here stays mounted in other namespaces" {
  requires busybox
  make_rootfs rootfs
  mkdir side
  ok private sh -c '
    mount -t tmpfs none side
    mount --make-rshared /
    cat /proc/self/mountinfo >before
    unshare --mount --propagation unchanged sh -c "mount --make-private / &&
      pivot-root-rs --private --self-bind --detach rootfs . /bin/true" || exit
    cat /proc/self/mountinfo >after1
    unshare --mount --propagation unchanged sh -c "mount --make-private / && mount --make-private side &&
      mount --bind rootfs side && mount --make-private side &&
      pivot-root-rs --detach side . /bin/true" || exit
    cat /proc/self/mountinfo >after2'
  [ -s before ]
  contains "$(cat before)" shared:
  ok mounts_unchanged before after1
  ok mounts_unchanged before after2
}

@test "--self-bind, wherever the working directory is" {
  requires busybox
  make_rootfs rootfs
  mkdir -p rootfs/old rootfs/srv rootfs/mnt
  list='ls /old | grep -x etc'
  ok private pivot-root-rs --self-bind rootfs rootfs/old /bin/sh -c "$list"
  ok private pivot-root-rs --self-bind "$PWD/rootfs" "$PWD/rootfs/old" /bin/sh -c "$list"
  cd rootfs
  ok private pivot-root-rs --self-bind . old /bin/sh -c "$list"
  cd srv
  ok private pivot-root-rs --self-bind .. ../old /bin/sh -c "$list"
  ok private pivot-root-rs --self-bind --detach .. . /bin/ls /
  equal "$output" "bin
mnt
old
srv"
  cd ../..
  ok private sh -c 'mount -t tmpfs none rootfs/mnt && mkdir rootfs/mnt/old rootfs/mnt/kept &&
    pivot-root-rs --self-bind rootfs rootfs/mnt/old /bin/ls /mnt'
  equal "$output" "kept
old"
}

@test "--private cuts the namespace off first" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/proc
  ok private sh -c 'mount --make-rshared / && mount --rbind /proc rootfs/proc &&
    exec pivot-root-rs --private --self-bind --detach rootfs . /bin/cat /proc/self/mountinfo'
  contains "$output" ' /proc '
  lacks "$output" shared:
}

@test "--wd starts the command in a directory of the new root" {
  requires busybox
  make_rootfs rootfs
  mkdir -p rootfs/srv/www
  ln -s ../../../../../../../../../../srv rootfs/up
  for wd in /srv/www /up/www /../srv/www; do
    ok private pivot-root-rs --self-bind --detach --wd "$wd" rootfs . /bin/sh -c 'pwd -P; ls -id .'
    unpad
    equal "$output" "/srv/www
$(stat -c %i rootfs/srv/www) ."
  done
  # It is a directory of the mount that is the root, and not of the one that --self-bind hides, where .. leads to the host's root.
  ok private pivot-root-rs --self-bind --detach --wd /srv rootfs . /bin/ls ../../../../../../../../../..
  equal "$output" "$(ls rootfs)"
}

@test "--wd: what is missing, relative or no directory is refused before the change" {
  mkdir -p rootfs/old
  touch rootfs/file
  ln -s /proc/self/fd/9 rootfs/out
  pivot='pivot-root-rs --self-bind --detach'
  refused "cannot enter the directory '/nosuch': No such file or directory" "$pivot --wd /nosuch rootfs . true"
  refused "cannot enter the directory '/nosuch'" "$pivot --private --wd /nosuch rootfs . true" 'mount --make-rshared /'
  refused "hint: '/usr' is a directory of the old root, not of the new one" "$pivot --wd /usr rootfs . true"
  refused "cannot enter the directory '/file': Not a directory" "$pivot --wd /file rootfs . true"
  refused "'file' is no absolute path" "$pivot --wd file rootfs . true"
  refused "cannot enter the directory '/out': No such file or directory" "$pivot --wd /out rootfs . true 9<."
  refused "cannot enter the directory '/self/cwd': Too many symbolic links" \
    'pivot-root-rs --wd /self/cwd p p true' 'mkdir p; mount --bind /proc p || mount --rbind /proc p'
}

@test "--carry: a program of the host in a root that holds nothing" {
  requires busybox
  mkdir rootfs
  expect 127 private pivot-root-rs --self-bind --detach rootfs . busybox ls -A /
  ok private pivot-root-rs --self-bind --detach --carry rootfs . busybox ls -id /
  unpad
  equal "$output" "$(stat -c %i rootfs) /"
  expect 127 private sh -c 'pivot-root-rs --self-bind --detach --carry rootfs . /nosuch; s=$?; ls -d /usr >seen; exit $s'
  equal "$(cat seen)" /usr
}

# Two containers in one PID namespace, of which the hostile one may do all that the other one may.
@test "--carry: a neighbour cannot write to the carried program" {
  requires busybox cc
  make_victim busybox
  mkdir rootfs
  export -f until_reached
  ok as_root bash -c '
    unshare --mount ./overwrite "$0" >said 3>&- &
    until [ -s said ]; do sleep 0.01; done
    until_reached | unshare --mount pivot-root-rs --self-bind --detach --carry rootfs . ./busybox-victim cat
    wait' "$size"
  unharmed 'not opened: Read-only file system'
}

@test "no descriptor reaches the command that the caller did not pass" {
  requires busybox
  mkdir -p rootfs/proc
  ok busybox ls /proc/self/fd
  want=$output
  ok private sh -c 'mount --rbind /proc rootfs/proc &&
    exec pivot-root-rs --self-bind --detach --carry --wd /proc rootfs . busybox ls /proc/self/fd'
  equal "$output" "$want"
}

@test "cause: NEW_ROOT is not a mount point" {
  mkdir -p new/old side/sub/old
  refused "hint: NEW_ROOT is not a mount point of its own: use --self-bind" 'pivot-root-rs new new/old'
  refused "hint: NEW_ROOT is not a mount point: use --self-bind" 'pivot-root-rs side/sub side/sub/old' \
    'mount --bind side side'
  refused "hint: NEW_ROOT is the current root" 'pivot-root-rs / /'
}

@test "cause: PUT_OLD is not beneath NEW_ROOT, or not there" {
  mkdir new side
  touch file
  refused "hint: PUT_OLD is not beneath NEW_ROOT" 'pivot-root-rs new side' 'mount --bind new new'
  refused "hint: PUT_OLD is not beneath NEW_ROOT" 'pivot-root-rs new side' \
    'mount --bind new new; mount -t tmpfs none side'
  refused "cannot put the old root at 'side': it is not beneath the new root" 'pivot-root-rs --self-bind new side'
  refused "cannot put the old root at 'side'" 'pivot-root-rs --private --self-bind new side' 'mount --make-rshared /'
  refused "cannot put the old root at 'new/nosuch': No such file or directory" \
    'pivot-root-rs --self-bind new new/nosuch'
  refused "hint: PUT_OLD, 'new/nosuch', does not exist; with --detach it may be '.'" \
    'pivot-root-rs new new/nosuch' 'mount --bind new new'
  refused "hint: PUT_OLD, 'file', is not a directory" 'pivot-root-rs new file' 'mount --bind new new'
}

@test "cause: a mount is shared" {
  mkdir -p new/old
  refused "hint: the mount '/', which NEW_ROOT is mounted on, is shared: use --private" \
    'pivot-root-rs new new/old' 'mount --bind new new; mount --make-shared /'
  refused "hint: the mount '$PWD/new', which would hold the old root, is shared: use --private" \
    'pivot-root-rs new new/old' 'mount --bind new new; mount --make-shared new'
  # All that is wrong is named at once.
  refused "hint: PUT_OLD is not beneath NEW_ROOT: name a directory of NEW_ROOT, or '.' with --detach; \
the mount '/', which NEW_ROOT is mounted on, is shared: use --private" \
    'pivot-root-rs new /tmp' 'mount --bind new new; mount --make-shared /'
  # What was bound in vain is gone again.
  refused "is shared: use --private" 'pivot-root-rs --self-bind new new/old' 'mount --make-rshared /'
}

@test "cause: the current root is no mount point, as inside a chroot" {
  mkdir -p box/new box/proc
  setup='mount --rbind /proc box/proc; mount -t tmpfs none box/new'
  refused "hint: the current root directory is not a mount point, as inside a chroot: use 'chroot-rs' instead" \
    'chroot-rs --carry box pivot-root-rs new new' "$setup"
  refused "cannot cut the propagation of '/': Invalid argument
hint: the current root directory is not a mount point" 'chroot-rs --carry box pivot-root-rs --private new new' "$setup"
}

@test "cause: the current root is the initial ramfs" {
  requires strace
  mkdir -p new/old
  # The root of the table is its own parent, as that mount is; nothing else is wrong, so that it is strace that refuses.
  private sh -c 'mount --bind new new
    awk '\''$5 == "/" { $2 = $1 } 1'\'' /proc/self/mountinfo >table
    mount --bind table /proc/$$/mountinfo
    exec strace -D -o trace -e inject=pivot_root:error=EINVAL pivot-root-rs new new/old' 2>stderr || status=$?
  equal "$status" 1
  equal "$(cat stderr)" "pivot-root-rs: cannot pivot the root to 'new': Invalid argument
hint: the current root is the initial ramfs, which cannot be moved: in NEW_ROOT use 'bindmount-rs --move . / chroot-rs . COMMAND'"
}

@test "cause: NEW_ROOT is on an unbindable mount" {
  mkdir -p new/sub
  refused "cannot bind onto itself 'new': Invalid argument
hint: the mount '$PWD/new', which NEW_ROOT is on, is unbindable: use --private" 'pivot-root-rs --self-bind --detach new .' \
    'mount --bind new new; mount --make-unbindable new'
}

@test "the cure that a hint names is one" {
  requires busybox
  make_rootfs new
  mkdir new/old new/sub
  # cured FAILING CURED SETTING: the first command must fail with a hint, the second one work.
  cured() {
    expect 1 private sh -c "$3; exec $1"
    contains "$stderr" "hint: "
    ok private sh -c "$3; exec $2"
    contains "$output" bin
  }
  cured 'pivot-root-rs new new/old /bin/ls /' 'pivot-root-rs --self-bind new new/old /bin/ls /' :
  cured 'pivot-root-rs new new/old /bin/ls /' 'pivot-root-rs --private new new/old /bin/ls /' \
    'mount --bind new new; mount --make-shared /'
  cured 'pivot-root-rs new new/old /bin/ls /' 'pivot-root-rs --private new new/old /bin/ls /' \
    'mount --bind new new; mount --make-shared new'
  cured 'pivot-root-rs new /tmp /bin/ls /' 'pivot-root-rs --detach new . /bin/ls /' 'mount --bind new new'
  cured 'pivot-root-rs --self-bind --detach new . /bin/ls /' 'pivot-root-rs --private --self-bind --detach new . /bin/ls /' \
    'mount --bind new new; mount --make-unbindable new'
  cured 'chroot-rs --carry . pivot-root-rs new . /bin/ls /' 'chroot-rs --carry . chroot-rs new /bin/ls /' \
    'mount --rbind /proc new/sub; mkdir -p proc; mount --rbind /proc proc; mount --bind new new'
  # That of the initial ramfs works for every root.
  ok private sh -c 'mount --bind new new; cd new; exec bindmount-rs --move . / chroot-rs . /bin/ls /'
  contains "$output" bin
}

@test "killed in the middle, it leaves nothing outside of its namespace" {
  requires strace
  mkdir -p rootfs/old
  for call in open_tree move_mount pivot_root fchdir mount umount2 chdir; do
    expect 137 private strace -f -o trace -e inject="$call:signal=KILL" \
      pivot-root-rs --private --self-bind --detach rootfs . true
    contains "$(tail -n 1 trace)" 'killed by SIGKILL'
    ok mounts_unchanged
    equal "$(find rootfs)" "rootfs
rootfs/old"
  done
}

@test "PUT_OLD is not looked for outside of NEW_ROOT" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/real
  ln -s /tmp rootfs/absolute
  ln -s ../../../../../../../../tmp rootfs/up
  ln -s real rootfs/inside
  for link in absolute up; do
    refused "cannot put the old root at 'rootfs/$link': it is not beneath the new root" \
      "pivot-root-rs --self-bind rootfs rootfs/$link"
    refused 'hint: PUT_OLD is not beneath NEW_ROOT' "pivot-root-rs rootfs rootfs/$link" 'mount --bind rootfs rootfs'
  done
  ok private pivot-root-rs --self-bind rootfs rootfs/inside /bin/sh -c 'ls /real | grep -x etc'
}

@test "a command that is there and cannot run in the new root is explained" {
  requires busybox
  make_rootfs rootfs
  printf '#!/nosuch/sh\n' >rootfs/bin/script
  printf '#!/bin/sh\r\n' >rootfs/bin/dos
  printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0' >rootfs/bin/riscv
  head -c 100 /dev/zero >>rootfs/bin/riscv
  cp /bin/true rootfs/bin/dynamic
  chmod +x rootfs/bin/script rootfs/bin/dos rootfs/bin/riscv
  words=(pivot-root-rs --self-bind --detach)
  expect 127 private "${words[@]}" rootfs . /bin/script
  contains "$stderr" "hint: '/bin/script' exists, but the interpreter of its first line, '/nosuch/sh', does not"
  expect 127 private "${words[@]}" rootfs . /bin/dos
  contains "$stderr" "hint: the first line of '/bin/dos' ends in a carriage return"
  expect 127 private "${words[@]}" rootfs . /bin/dynamic
  contains "$stderr" "exists, but its ELF interpreter, "
  expect 126 private "${words[@]}" rootfs . /bin/riscv
  contains "$stderr" "hint: '/bin/riscv' is a program for riscv"
  ln -s /nosuch/bin/sh rootfs/bin/dangling
  expect 127 private "${words[@]}" rootfs . -- /bin/dangling
  contains "$stderr" "hint: '/bin/dangling' is a symlink to '/nosuch/bin/sh', which does not exist"
  expect 127 private "${words[@]}" --carry rootfs . true
  contains "$stderr" "hint: a carried program must be statically linked: the ELF interpreter of this one, '"
}

@test "cause: the mount beneath a chroot is shared, where the table does not show it" {
  requires root
  mkdir box
  refused "hint: the mount that the current root is mounted on, outside this chroot, is shared" \
    'chroot-rs --carry box pivot-root-rs new new' '
    mount -t tmpfs none box; mkdir box/new box/proc
    mount -t proc proc box/proc; mount -t tmpfs none box/new; mount --make-shared /'
}

@test "cause: NEW_ROOT is locked to its place by another user namespace" {
  mkdir -p new/old
  expect 1 private sh -c 'mount -t tmpfs none new && mkdir new/old &&
    exec unshare --user --map-root-user --mount pivot-root-rs new new/old'
  contains "$stderr" "hint: NEW_ROOT was mounted outside this user namespace, and so is locked to its place: use --self-bind"
  ok private sh -c 'mount -t tmpfs none new && mkdir new/old &&
    exec unshare --user --map-root-user --mount pivot-root-rs --self-bind new new/old'
}

@test "cause: what is found without /proc, and that it is missing" {
  mkdir -p box/new
  hint() {
    expect 1 private sh -c "$2"
    contains "$stderr" "pivot-root-rs: cannot pivot the root to 'new': "
    contains "$stderr" "hint: $1"
  }
  hint 'NEW_ROOT is not a mount point: use --self-bind, or bind it onto itself with '"'bindmount-rs'" \
    'chroot-rs --carry box pivot-root-rs new new'
  hint "the current root directory is not a mount point, as inside a chroot: use 'chroot-rs' instead" \
    'mount -t tmpfs none box/new && chroot-rs --carry box pivot-root-rs new new'
  # The old root is not put beneath the new one.
  hint 'proc is not mounted on /proc, so that the cause cannot be looked up' \
    'mount -t tmpfs none box && mkdir box/new && mount -t tmpfs none box/new && chroot-rs --carry box pivot-root-rs new .'
}

@test "cause: the capability is held over another user namespace, or was lost on the way" {
  mkdir new
  user=()
  ! is_root || user=(setpriv --reuid=1234 --regid=1234 --clear-groups)
  hint() {
    expect 1 "${@:2}"
    contains "$stderr" "hint: CAP_SYS_ADMIN $1"
  }
  hint 'is held over this user namespace, and not over the one that owns the mount namespace: make a mount namespace too, with `--mount`' \
    unshare-rs -r pivot-root-rs / .
  hint 'was lost on the way here, since this user is not root in the user namespace: add `--keep-caps`' \
    "${user[@]}" unshare-rs -c -m pivot-root-rs / .
  hint "was lost on the way here, since the map of the user namespace lacks this user's id: add \`-S 0 -G 0\`" \
    "${user[@]}" unshare-rs -U -m pivot-root-rs / .
}

@test "without the capability it is refused, and says what gives it" {
  mkdir new
  drop=()
  ! is_root || drop=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  pivot=$(command -v pivot-root-rs)
  for arguments in '/' '--private /' '--self-bind --detach .'; do
    # shellcheck disable=SC2086 # Words.
    expect 1 "${drop[@]}" "$pivot" $arguments . true
    contains "$stderr" ": Operation not permitted
hint: this needs the capability CAP_SYS_ADMIN; an ordinary user has it in namespaces of its own: put 'unshare-rs --map-root-user --mount' in front"
  done
}

@test "wrong command lines do nothing" {
  mkdir -p new/old
  refused "missing operand: NEW_ROOT" 'pivot-root-rs --detach'
  refused "missing operand: PUT_OLD" 'pivot-root-rs --self-bind new'
  refused "--carry, --own and --wd need a COMMAND" 'pivot-root-rs --self-bind --carry new new/old'
  refused "invalid option '--nosuch'" 'pivot-root-rs --nosuch new new/old'
  refused "cannot pivot the root to 'nosuch': No such file or directory" 'pivot-root-rs --self-bind nosuch nosuch'
}

@test "a link named pivot_root speaks as pivot_root" {
  ln -s "$(command -v pivot-root-rs)" pivot_root
  expect 1 ./pivot_root
  equal "$stderr" "pivot_root: missing operand: NEW_ROOT
Try 'pivot_root --help' for more information."
}

@test "names are bytes, and messages one line" {
  requires busybox
  make_rootfs $'root\nfs\xff'
  ok private pivot-root-rs --self-bind --detach $'root\nfs\xff' . /bin/echo $'\xfe'
  equal "$output" $'\xfe'
  expect 1 private pivot-root-rs $'no\nsuch\xff' .
  equal "$stderr" "pivot-root-rs: cannot pivot the root to 'no\\012such\\377': No such file or directory"
}

@test "--help and the man page name the same options" {
  ok pivot-root-rs --help
  help=$(grep -oE '^ {2,}(-[a-zA-Z], )?--[a-z-]+' <<<"$output" | grep -oE -- '--[a-z-]+' | sort)
  page=$(sed -n 's/^\.It.* Fl Fl \([a-z-]*\).*/--\1/p' "$project/pivot-root-rs/pivot-root-rs.1" | sort -u)
  equal "$help" "$page"
  ok pivot-root-rs --version
  contains "$output" "pivot-root-rs "
}

@test "the man page is well formed" {
  requires mandoc
  ok mandoc -T lint -W warning "$project/pivot-root-rs/pivot-root-rs.1"
}

@test "--detach: a shared new root takes up the old one, and is shared afterwards" {
  requires busybox
  make_rootfs new
  mkdir new/old new/proc
  setup='mount -t proc proc new/proc 2>/dev/null || mount --rbind /proc new/proc; mount --make-private new/proc;'
  look='awk "\$5 == \"/\" { print \$7, \$8 }" /proc/self/mountinfo; ls /old'
  for old in . old; do
    ok private sh -c "mount --bind new new; $setup"' mount --make-shared new; cd new; exec pivot-root-rs --detach . "$@"' sh \
      "$old" /bin/sh -c "$look"
    equal "${output//[0-9]/}" 'shared: -'
    # It leaves its peers, and still hears of what they mount.
    ok private sh -c "mount --bind new new; $setup"' mount --make-shared new; mount --bind new new/old; cd new
      exec pivot-root-rs --detach . "$@"' sh . /bin/sh -c "$look" 2>&1
    contains "${output//[0-9]/}" 'shared: master:'
  done
  # Where something else is shared, too, it stays in its peer group.
  refused "hint: the mount '/', which NEW_ROOT is mounted on, is shared: use --private" 'pivot-root-rs --detach new .' \
    'mount --bind new new; mount --make-shared new; mount --make-shared /'
}

@test "who refused the pivot is named: a filter, a profile, the user namespace" {
  mkdir -p new/dir
  refuses() {
    printf '%s\n' 'default allow' "errno $1" >rules
    expect 1 private sh -c "$show_profile"'; exec "$@"' sh \
      setpriv-rs --no-new-privs --seccomp-rules "$PWD/rules" pivot-root-rs "${@:3}"
    contains "$stderr" "hint: $2"
  }
  echo 'box (enforce)' >profile
  refuses 'EACCES pivot_root' "the AppArmor profile 'box' of this process denies it" --self-bind --detach new .
  refuses 'EPERM pivot_root' "the AppArmor profile 'box' of this process may deny it" --self-bind --detach new .
  refuses 'ENOSYS openat2' 'a seccomp filter refuses openat2(2): in a systemd unit RestrictSUIDSGID=yes' \
    --self-bind --detach --wd /dir new . sh
  refuses 'EPERM open_tree' 'a seccomp filter refuses open_tree(2): as a profile' --self-bind --detach new .
  expect 1 unshare -Ur pivot-root-rs --self-bind --detach new .
  contains "$stderr" 'hint: CAP_SYS_ADMIN is held over this user namespace, and not over the one that owns the mount namespace'
}
