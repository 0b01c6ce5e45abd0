#!/usr/bin/env bats
# findmnt-rs, beside util-linux's findmnt where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.
# shellcheck disable=SC2001 # Patterns that bash has not.

load helpers

fixtures=$project/tests/fixtures/findmnt
export LC_ALL=C.UTF-8

# same ARGUMENT...: both tools must say the same with the same status. Where another program has mounted something between
# the two, they are asked again.
same() {
  local want got want_status got_status table
  for _ in {1..100}; do
    want_status=0 got_status=0 table=$(</proc/self/mountinfo)
    want=$(findmnt "$@" 2>/dev/null) || want_status=$?
    got=$(findmnt-rs "$@" 2>stderr) || got_status=$?
    [ "$table" != "$(</proc/self/mountinfo)" ] || break
  done
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'arguments: %s\n' "$*"
    printf 'status: %s, not %s\n' "$got_status" "$want_status"
    diff <(echo "$want") <(echo "$got")
    cat stderr
    return 1
  }
}

# refused MESSAGE ARGUMENT...: must fail with status 1, print nothing and say MESSAGE.
refused() {
  local message=$1
  shift
  expect 1 findmnt-rs "$@"
  equal "$output" ''
  contains "$stderr" "findmnt-rs: $message"
}

# mounts: what the tests of a private namespace mount beneath the working directory: binds, mounts on mounts, every
# propagation, strange names, files.
mounts='
  mkdir -p m && mount -t tmpfs -o size=1m,mode=755 "src name" m && cd m
  mkdir bind over shared slave both unbindable "a b" "t	b" "n
l" "\\x" dir dir/sub && touch file
  printf "%b" "bad\\0377" | { read -r bad; mkdir "$bad"; mount -t tmpfs none "$bad"; }
  mount --bind dir bind && mount --bind /proc/version file
  mount -t tmpfs one over && mount -t tmpfs two over && mount -o remount,bind,ro,nosuid,noexec over
  mount -t tmpfs none shared && mount --make-shared shared && mount --bind shared slave && mount --make-slave slave
  mount --bind slave both && mount --make-shared both && mkdir shared/deep && mount -t tmpfs deep shared/deep
  mount -t tmpfs none unbindable && mount --make-unbindable unbindable
  mount -t tmpfs -o noatime,nodiratime none "a b" && mount -t tmpfs none "t	b" && mount -t ramfs none "n
l" && mount -t tmpfs "\\040" "\\x"
  mount -t tmpfs -o strictatime,nosymfollow none dir/sub || mount -t tmpfs none dir/sub
'

@test "every form and filter on the fixture tables" {
  cd "$fixtures"
  while read -r name _ arguments; do
    eval "set -- $arguments"
    {
      status=0
      findmnt-rs "$@" 2>/dev/null || status=$?
      echo "status $status"
    } >"$BATS_TEST_TMPDIR/got"
    cmp golden/"$name" "$BATS_TEST_TMPDIR/got" || {
      echo "$name: findmnt-rs $arguments"
      diff golden/"$name" "$BATS_TEST_TMPDIR/got"
      return 1
    }
  done < <(grep -v '^#' cases)
}

@test "every form and filter on the fixture tables, beside the classic" {
  requires findmnt
  cd "$fixtures"
  while read -r name who arguments; do
    [ "$who" = both ] || continue
    eval "set -- $arguments"
    {
      status=0
      findmnt "$@" 2>/dev/null || status=$?
      echo "status $status"
    } >"$BATS_TEST_TMPDIR/got"
    diff golden/"$name" "$BATS_TEST_TMPDIR/got" || {
      echo "$name: findmnt $arguments"
      return 1
    }
  done < <(grep -v '^#' cases)
}

@test "every option is in a case or a test of its own" {
  findmnt-rs --help | sed -n 's/^ *\(-.*\)/\1/p' | sed 's/   *[^ ].*//; s/, /|/; s/[ =[].*//' >options
  [ "$(wc -l <options)" -gt 50 ]
  while read -r option; do
    grep -qE -- "(^|[ '\"])($option)([ ='\"]|\$)" "$fixtures/cases" "$BATS_TEST_FILENAME" || {
      echo "$option"
      return 1
    }
  done < <(grep -vE -- '--(help|version)' options)
}

@test "the forms of output of the machine's table, beside the classic" {
  requires findmnt
  same
  for option in -a -c -k -l -n -P -r -J -u -v; do
    same "$option"
  done
  same -P -y -o MAJ:MIN,USE%
  same -J -o ID,PARENT,MAJ:MIN,FREQ,PASSNO
}

@test "what df shows, beside the classic" {
  requires findmnt
  same -D -o SOURCE,FSTYPE,SIZE,TARGET
  same -D -b -J -o SOURCE,FSTYPE,SIZE,TARGET
  same -D -A -o SOURCE,FSTYPE,SIZE,TARGET
  ok findmnt-rs -I -n -r -o INO.TOTAL,INO.AVAIL -t "proc,sysfs,$(findmnt -n -r -o FSTYPE -M /dev)" -A -M /dev
  equal "$output" "$(stat -f -c '%c %d' /dev)"
  ok findmnt-rs --dfi --bytes
  contains "$output" 'INO.USE%'
}

@test "what is found in the machine's table, beside the classic" {
  requires findmnt
  for option in -A --real --pseudo -f; do
    same "$option"
  done
  # Where something is overmounted.
  ok private bash -c 'mount -t tmpfs below /mnt && mount -t tmpfs above /mnt && cmp <(findmnt --shadowed) <(findmnt-rs --shadowed) &&
    findmnt-rs -n -o SOURCE --shadowed'
  contains "$output" below
  lacks "$output" above
  same -T /
  same -T "$PWD"
  same -M /proc
  same /proc
  same -R /
  same -R /sys
  same -l -R /sys
  same -U
  same -U -R /
  same -t proc,sysfs
  same -t noproc
  same -i -t proc
  same -O rw
  same -S proc
  same -S "$(findmnt -n -o MAJ:MIN -M /proc | tr -d ' ')"
  same proc /proc
  same -d backward -l
  same -m
  same -s
  same /nosuch
  same -T /nosuch/x
  same -M /etc
  same -o NOPE
  same -N "$$"
  same -N "$$" -N "$$" -l
}

@test "on a terminal columns are laid out and cut as the classic does" {
  requires findmnt script
  for columns in 20 40 60 80 100 132 200; do
    # Without -n: with it, headings make columns wide in 2.38 and not in 2.42.
    for arguments in '' -l -u '-o SOURCE,TARGET,OPTIONS,ID' '-o OPTIONS,TARGET' '-o TARGET,FSTYPE,SIZE' -J -r; do
      for tool in findmnt findmnt-rs; do
        script -qec "stty cols $columns rows 24; $tool -F $fixtures/mountinfo $arguments" /dev/null </dev/null >$tool
      done
      # JSON has no word for bytes that are no UTF-8.
      sed -i '/mnt.inv/d' findmnt findmnt-rs
      diff findmnt findmnt-rs || {
        echo "$columns columns: $arguments"
        return 1
      }
    done
  done
}

@test "headings that are not shown make no column wide, in a pipe and on a terminal" {
  requires script
  local arguments="-n -l -o PASSNO,FREQ,TARGET -s -F $fixtures/fstab"
  # shellcheck disable=SC2086 # Words.
  ok findmnt-rs $arguments
  equal "${lines[0]}" '0 0 /'
  ok script -qec "stty cols 80; findmnt-rs $arguments 2>/dev/null" /dev/null
  equal "$(tr -d '\r' <<<"${lines[0]}" | sed 's/ *$//')" '0 0 /'
}

@test "nothing is cut in a pipe, whatever the terminal's width" {
  COLUMNS=20 ok findmnt-rs -F "$fixtures/mountinfo"
  contains "$output" 'rw,nosuid,nodev,noexec,relatime'
}

@test "--hyperlink makes links of mountpoints, on a terminal alone with auto" {
  requires script
  link=$'\e]8;;file://'$(uname -n)$'/mnt/with%20blank\e\\/mnt/with blank\e]8;;\e\\'
  ok findmnt-rs --hyperlink=always -F "$fixtures/mountinfo"
  contains "$output" "$link"
  ok findmnt-rs --hyperlink -F "$fixtures/mountinfo"
  lacks "$output" $'\e]8'
  ok script -qec "findmnt-rs --hyperlink=auto -F $fixtures/mountinfo" /dev/null
  contains "$output" "$link"
  ok script -qec "findmnt-rs --hyperlink=never -F $fixtures/mountinfo" /dev/null
  lacks "$output" $'\e]8'
}

@test "names of any bytes are shown safely" {
  ok private sh -c "$mounts"'
    findmnt-rs -n -l -o TARGET -t tmpfs,ramfs | grep -a "^$PWD" | grep -v shared'
  lacks "$output" $'\xff'
  contains "$output" "$PWD/m/bad\\xff"
  contains "$output" "$PWD/m/t\\x09b"
  contains "$output" "$PWD/m/n\\x0al"
  contains "$output" "$PWD/m/a b"
  contains "$output" "$PWD/m/\\x5cx"
  ok private sh -c "$mounts"'findmnt-rs -J -R . -o TARGET,SOURCE | jq -r ".. | .target? // empty"'
  contains "$output" "$PWD/m/n
l"
}

# columns_of TOOL...: the columns of which both sources must say the same.
columns=ID,PARENT,MAJ:MIN,FSROOT,FSTYPE,FS-OPTIONS,VFS-OPTIONS,OPTIONS,SOURCE,SOURCES,TARGET,PROPAGATION,OPT-FIELDS
columns=$columns,PEER-GROUP,MASTER,PROPAGATE-FROM

@test "mountinfo and statmount say the same of every sort of mount" {
  requires kernel 6.13
  for form in -J -l -P -r; do
    ok private sh -c "$mounts"'
      findmnt-rs "$1" -o "$2" --kernel=mountinfo >/dev/shm/$$.mountinfo &&
        findmnt-rs "$1" -o "$2" --kernel=listmount >/dev/shm/$$.listmount
      diff /dev/shm/$$.mountinfo /dev/shm/$$.listmount && grep -c "$PWD" /dev/shm/$$.mountinfo
      status=$?
      rm /dev/shm/$$.*
      exit $status' sh "$form" "$columns"
    [ "${output##*$'\n'}" -gt 12 ]
  done
}

@test "mountinfo and statmount say the same inside a chroot and of another namespace" {
  requires busybox kernel 6.13
  make_rootfs rootfs
  mkdir rootfs/proc rootfs/m rootfs/tmp
  cp "$(type -P findmnt-rs)" rootfs/bin
  # The root of a chroot need not be a mount.
  for bind in : 'mount --bind rootfs rootfs'; do
    ok private sh -c 'eval "$1" && mount --rbind /proc rootfs/proc && mount -t tmpfs none rootfs/m &&
      mount -t tmpfs none rootfs/tmp && chroot rootfs /bin/sh -c "
        findmnt-rs -J -o $2 --kernel=mountinfo >/tmp/a; findmnt-rs -J -o $2 --kernel=listmount >/tmp/b
        grep -c /m /tmp/a && diff /tmp/a /tmp/b"' sh "$bind" "$columns"
  done
  ok private sh -c 'mkdir -p m && mount -t tmpfs none m &&
    { unshare --mount --propagation slave sh -c "mount -t tmpfs other m && echo >ready && exec sleep 60" & } &&
    pid=$! && while [ ! -e ready ]; do sleep 0.01; done
    findmnt-rs -J -N $pid -o "$1" --kernel=mountinfo >a; findmnt-rs -J -N $pid -o "$1" --kernel=listmount >b
    kill $pid; diff a b && grep -c "\"source\": \"other\"" a && ! findmnt-rs -S other' sh "$columns"
}

@test "mountinfo and statmount say the same of a subtype" {
  requires kernel 6.13
  [ -w /dev/fuse ] || skip "needs /dev/fuse"
  mkdir m
  # Nobody serves it, and so nothing may be asked of it.
  ok private sh -c 'exec 3<>/dev/fuse &&
    mount -i -t fuse.sshfs u@h:/x m -o "fd=3,rootmode=40000,user_id=$(id -u),group_id=$(id -g)" &&
    for method in mountinfo listmount; do findmnt-rs -n -r -o FSTYPE,SOURCE -t fuse.sshfs --kernel=$method; done'
  equal "$output" 'fuse.sshfs u@h:/x
fuse.sshfs u@h:/x'
}

@test "mountinfo and statmount say the same of a mount that needs more room than most" {
  requires kernel 6.13
  mkdir m
  ok private sh -c 'mount -t tmpfs "$(printf %03950d 0)" m
    for method in mountinfo listmount; do findmnt-rs -n -r -o SOURCE --kernel=$method m | wc -c; done'
  equal "$output" '3951
3951'
}

@test "where slaves make mountinfo slow, statmount is asked and says the same" {
  requires strace kernel 6.13
  mkdir m
  ok private sh -c 'mount -t tmpfs none m && mkdir m/source && mount -t tmpfs none m/source && cd m &&
    mount --make-shared source && seq 6000 | xargs mkdir &&
    seq -f "$PWD/source $PWD/%.0f none bind" 6000 | bindmount-rs --fstab - &&
    unshare --mount --propagation slave sh -c "
      strace -e trace=read -o fast findmnt-rs -J >a && strace -e trace=read -o slow findmnt-rs -J --kernel=mountinfo >b
      cmp a b && grep -c ^read fast && grep -c ^read slow"'
  read -r -d '' fast slow <<<"$output" || true
  [ "$((fast * 3))" -lt "$slow" ]
}

@test "idmapped mounts: both sources show them, and statmount their maps" {
  requires root kernel 6.15
  mkdir a b
  ok private sh -c 'mount -t tmpfs none a && bindmount-rs -o X-mount.idmap=b:0:10000:5 a b &&
    for method in mountinfo listmount; do findmnt-rs -n -r --kernel=$method -o VFS-OPTIONS -M b; done
    findmnt-rs -n -r -o UID-MAP,GID-MAP,TARGET -M b'
  equal "$output" "rw,relatime,idmapped
rw,relatime,idmapped
0\\x2010000\\x205 0\\x2010000\\x205 $PWD/b"
}

@test "what only statmount tells" {
  requires kernel 6.11
  ok findmnt-rs -n -l -o UNIQ-ID,UNIQ-PARENT,NS-ID -M /
  read -r id parent namespace <<<"$output"
  [ "$id" -gt 0 ] && [ "$parent" -gt 0 ] && [ "$namespace" -gt 0 ]
  ok findmnt-rs -n -o TARGET --uniq-id "$id"
  equal "$output" /
  ok findmnt-rs -n -o TARGET --kernel=listmount --uniq-id "$id"
  equal "$output" /
  ok findmnt-rs -n -o TARGET --id "$(findmnt-rs -n -o ID -M /)" -f
  equal "$output" /
  expect 1 findmnt-rs --uniq-id 1
  # Ids alone are listed, and no mount is looked at.
  diff <(findmnt-rs -l -n -r -o UNIQ-ID) <(findmnt-rs -l -n -r -o UNIQ-ID,ID | cut -d' ' -f1)
  ok findmnt-rs -n -r -o NS-ID -N "$$" -M /
  equal "$output" "$namespace"
  ok private findmnt-rs -n -r -o NS-ID -M /
  [ "$output" != "$namespace" ]
  ok private sh -c 'mkdir m && mount -t tmpfs -o ro,sync none m && findmnt-rs -n -o SB-FLAGS -M m'
  equal "$output" ro,sync
}

@test "-T and -M find the mount that a process sees, and read no table" {
  requires strace kernel 6.13
  for option in -T -M; do
    ok strace -f -o trace findmnt-rs -n -o TARGET "$option" /proc
    equal "$output" /proc
    lacks "$(cat trace)" mountinfo
    lacks "$(cat trace)" listmount
  done
  ok private sh -c "$mounts"'for method in "" --kernel=mountinfo --kernel=listmount; do
    findmnt-rs $method -n -o SOURCE -M over; findmnt-rs $method -n -o SOURCE -T over/.
    findmnt-rs $method -n -o TARGET -T file; findmnt-rs $method -n -r -o FSROOT -T bind/sub
    findmnt-rs $method -n -M dir || echo none; done'
  equal "$output" "$(for _ in 1 2 3; do printf '%s\n' two two "$PWD/m/file" /dir none; done)"
  # A bind is told from what it was made of, which has the same device.
  ok private sh -c "$mounts"'findmnt-rs -n -o TARGET -T bind; findmnt-rs -n -o TARGET -T dir'
  equal "$output" "$PWD/m/bind
$PWD/m"
}

@test "-T and -M together with other conditions" {
  ok private sh -c "$mounts"'
    findmnt-rs -n -o TARGET -T over -t tmpfs && ! findmnt-rs -T over -t proc && ! findmnt-rs -M over -S one &&
      findmnt-rs -n -o SOURCE -M over -S two && findmnt-rs -n -l -o TARGET -R -M shared &&
      findmnt-rs -n -o TARGET --shadowed -M "$PWD/over" && findmnt-rs -n -o SOURCE -C -M "$PWD/over"'
  equal "$output" "$PWD/m/over
two
$PWD/m/shared
$PWD/m/shared/deep
$PWD/m/over
one
two"
}

@test "a directory that was removed after it was bound is shown as such" {
  ok private sh -c 'mkdir -p d/x e && mount --bind d/x e && rmdir d/x && findmnt-rs -n -o SOURCE,FSROOT -M e'
  contains "$output" "$PWD/d/x//deleted]"
  expect 1 findmnt-rs --deleted
}

@test "links are followed where paths are compared, and where --canonicalize asks for it" {
  mkdir real
  ln -s real link
  ok private sh -c 'mount -t tmpfs none real && findmnt-rs -n -o TARGET link && ! findmnt-rs -C -n -o TARGET "$PWD/link"'
  equal "$output" "$PWD/real"
  echo "none $PWD/link tmpfs" >fstab
  ok findmnt-rs -s -F fstab -n -o TARGET "$PWD/real"
  equal "$output" "$PWD/link"
  ok findmnt-rs -s -F fstab -n -c -o TARGET
  equal "$output" "$PWD/real"
  LIBMOUNT_FSTAB=fstab ok findmnt-rs --fstab -n -o TARGET
  equal "$output" "$PWD/link"
}

@test "tags are looked up in /dev/disk" {
  printf 'LABEL=a\\040b /x ext4\nUUID=12-34 /y vfat\nPARTLABEL=p /z ext4\nPARTUUID=no /w ext4\n' >fstab
  echo '30 1 7:0 / /x rw - ext4 /dev/disk0 rw' >table
  ok private sh -c 'mount -t tmpfs none /dev && cd /dev && mkdir -p disk/by-label disk/by-uuid disk/by-partlabel &&
    touch disk0 && ln -s ../../disk0 "disk/by-label/a\\x20b" && ln -s ../../disk0 disk/by-uuid/12-34 &&
    ln -s ../../disk0 disk/by-partlabel/p && cd "$1" &&
    findmnt-rs -s -F fstab -e -n -o SOURCE; echo; findmnt-rs -F table -n -r -o LABEL,UUID,PARTLABEL,PARTUUID; echo
    findmnt-rs -F table -n -o TARGET "LABEL=a b" && findmnt-rs -F table -n -o TARGET -S UUID=12-34 &&
    findmnt-rs -s -F fstab -n -o TARGET /dev/disk0' sh "$PWD"
  equal "$output" '/dev/disk0
/dev/disk0
/dev/disk0
PARTUUID=no

a\x20b 12-34 p 

/x
/x
/x
/y
/z'
}

@test "the options of user space are those of libmount's file" {
  ok private sh -c 'mkdir -p m && mount -t tmpfs none /run && mkdir /run/mount && mount -t tmpfs none m &&
    echo "SRC=none TARGET=$PWD/m ROOT=/ OPTS=_netdev,x-foo" >/run/mount/utab &&
    findmnt-rs -m -n -o OPTIONS "$PWD/m" && findmnt-rs -m -n -O x-foo -o TARGET && findmnt-rs -n -o OPTIONS -M m'
  equal "$(sed -E 's/,(inode64|uid=[0-9]*|gid=[0-9]*)//g' <<<"$output")" "rw,relatime,_netdev,x-foo
$PWD/m
rw,relatime"
}

@test "mounts that come and go while the table is read harm nothing" {
  requires kernel 6.13
  ok private sh -c 'mkdir m && mount -t tmpfs none m && mkdir m/a m/b
    trap "touch stop" EXIT
    until [ -e stop ]; do mount -t tmpfs x m/a; mount -t tmpfs y m/b; umount m/a; umount m/b; done 2>/dev/null &
    for method in mountinfo listmount; do
      for _ in $(seq 50); do
        findmnt-rs --kernel=$method -J -o TARGET,ID,UNIQ-ID | jq -e ".filesystems | length > 0" >/dev/null || exit 1
        findmnt-rs --kernel=$method >/dev/null || exit 1
        findmnt-rs -T m/a >/dev/null || exit 1
      done
    done
    touch stop; wait'
  equal "$stderr" ''
}

# Waits until the process $poll has looked at the table and waits for changes, in poll(2) or ppoll(2), or has ended.
polling='while [ -e /proc/$poll ] && ! grep -qE "^(7|271|73) " /proc/$poll/syscall 2>/dev/null; do
  ! grep -q "^State:.Z" /proc/$poll/status 2>/dev/null || break
  sleep 0.01
done'

@test "--poll shows every sort of change" {
  ok private sh -c 'mkdir m && mount -t tmpfs none m && mount --make-private m && cd m && mkdir a b
    findmnt-rs --poll -J -o ACTION,TARGET,OPTIONS,OLD-TARGET,OLD-OPTIONS -t tmpfs -S src >out & poll=$!
    '"$polling"'
    after() { until [ "$(wc -l <out)" -ge "$1" ]; do sleep 0.01; done; }
    mount -t tmpfs src a; after 1; mount -t tmpfs src a; after 2
    mount -o remount,bind,ro a; after 3; umount a; after 4
    mount --move a b; after 5; umount b; after 6
    kill $poll; cat out'
  # A tmpfs says whose it is in a user namespace, and its numbers' width where that is the kernel's choice.
  diff <(echo "${output//$PWD\/m/@}" | sed -E 's/,(inode64|uid=[0-9]*|gid=[0-9]*)//g') - <<'EOF'
{"action": "mount", "target": "@/a", "options": "rw,relatime", "old-target": null, "old-options": null}
{"action": "mount", "target": "@/a", "options": "rw,relatime", "old-target": null, "old-options": null}
{"action": "remount", "target": "@/a", "options": "ro,relatime", "old-target": null, "old-options": "rw,relatime"}
{"action": "umount", "target": "@/a", "options": "ro,relatime", "old-target": "@/a", "old-options": "ro,relatime"}
{"action": "move", "target": "@/b", "options": "rw,relatime", "old-target": "@/a", "old-options": null}
{"action": "umount", "target": "@/b", "options": "rw,relatime", "old-target": "@/b", "old-options": "rw,relatime"}
EOF
}

@test "--poll says what the classic says" {
  requires findmnt
  poll() {
    ok private sh -c 'mkdir -p m && mount -t tmpfs none m && mount --make-private m && cd m && mkdir a b
      $1 --poll $(echo "$2" | sed "s,@,$PWD,") >out & poll=$!
      seen() {
        sleep 0.05
        '"$polling"'
      }
      seen; mount -t tmpfs src a; seen; mount -o remount,bind,ro a; seen; mount --move a b; seen; umount b; seen
      kill $poll 2>/dev/null; cat out' sh "$1" "$2"
    echo "$output" >"$1"
  }
  for form in '' -r '-P -o +OLD-TARGET,OLD-OPTIONS' '--poll=umount,move' '-f' '-t ramfs' '-M @/b'; do
    # Again where another program removed a mountpoint, which is an event here too.
    for _ in {1..10}; do
      poll findmnt "$form"
      poll findmnt-rs "$form"
      ! cmp -s findmnt findmnt-rs || break
    done
    diff findmnt findmnt-rs
  done
  same --poll --timeout 10
}

@test "--poll: the time of --timeout begins anew with each change" {
  ok private sh -c 'mkdir m; findmnt-rs --poll --timeout 600 -n -o ACTION >out & poll=$!
    '"$polling"'
    sleep 0.3; started=$(date +%s%N); mount -t tmpfs x m; wait $poll; echo $(($(date +%s%N) - started)); cat out'
  equal "${lines[1]}" mount
  [ "${lines[0]}" -ge 600000000 ]
}

@test "--poll of another namespace, and its refusals" {
  ok private sh -c 'mkdir m; mkfifo go; { unshare --mount --propagation private sh -c "echo >ready; read x <go; mount -t tmpfs x m"; } &
    pid=$!; until [ -e ready ]; do sleep 0.01; done
    findmnt-rs --poll -f -n -o ACTION,TARGET -N $pid >out & poll=$!
    '"$polling"'
    echo >go; wait $poll && cat out'
  equal "$output" "mount      $PWD/m"
  refused "unknown action: zap" --poll=zap
  refused "--mtab and --poll are mutually exclusive" --poll -m
  refused "--poll accepts only one file" --poll -F a -F b
  refused "cannot open 'nosuch': No such file or directory" --poll -F nosuch
  refused "invalid timeout argument: 'x'" --poll -w x
}

@test "--wait returns when something is mounted, at once where it is" {
  ok private sh -c 'mkdir m && mount -t tmpfs none m && mkdir m/a
    findmnt-rs --wait m && ! findmnt-rs --wait m/a -w 50 && ! findmnt-rs --wait m/nosuch --timeout 0 || exit 1
    findmnt-rs --wait m/a -w 20000 & wait=$!
    poll=$wait; '"$polling"'
    mount -t tmpfs none m/a; wait $wait'
  equal "$output$stderr" ''
  touch file
  refused "--timeout is the only option that --wait can be used with" --wait / -n
  refused "unexpected operand 'x'" --wait / x
  expect 1 findmnt-rs --wait file/x -w 0
}

@test "--verify says what the classic says" {
  requires findmnt mkfs.ext4
  PATH=$PATH:/usr/sbin:/sbin
  mkdir dir dir/sub
  touch file
  ln -s dir link
  truncate -s 8M image
  mkfs.ext4 -q image
  cat >fstab <<EOF
LABEL=nosuch / ext4 defaults 0 0
$PWD/image $PWD/dir/sub ext4 loop 0 2
$PWD/image $PWD/dir ext3 ro,noauto 0 2
$PWD/image $PWD/link auto rw,uid=3,x-y,user 0 2
$PWD/file $PWD/file none bind 0 0
$PWD/dir $PWD/file ext4 rw 0 0
$PWD/dir $PWD/nosuch none ro 0 0
LABEL=nosuch $PWD/nosuch2 ext4 noauto 0 0
FOO=bar $PWD/dir ext4 noauto 0 0
server:/x $PWD/dir nfs4 vers=4.2,_netdev 0 0
tmpfs $PWD/dir tmpfs size=1G
/dev/zero none swap sw,pri=5x,discard=foo 0 0
/dev/null swap swap pri=-2,discard=once 0 0
$PWD/file $PWD/dir zork defaults 0 0
only two
a b c d e f
EOF
  for arguments in '' --verbose "$PWD/dir" '-t tmpfs' '-f --verbose'; do
    # shellcheck disable=SC2086 # words
    run --separate-stderr findmnt -x -F fstab $arguments
    want=$status/$output/${stderr//findmnt:/findmnt-rs:}
    # shellcheck disable=SC2086 # words
    run --separate-stderr findmnt-rs -x -F fstab $arguments
    diff <(echo "$want") <(echo "$status/$output/$stderr")
  done
  same -x
  echo "tmpfs $PWD/dir tmpfs defaults 0 0" >fstab
  ok findmnt-rs --verify --tab-file fstab
  equal "$output" 'Success, no errors or warnings detected'
  printf 'tmpfs %s tmpfs\nLABEL=nosuch / ext4\n' "$PWD/dir" >fstab
  expect 1 findmnt-rs --verify --tab-file fstab
  contains "$output" "wrong order: $PWD/dir specified before /"
}

@test "--fstab-output rebuilds a tree of mounts elsewhere" {
  ok private sh -c "$mounts"'cd .. && mkdir new && mount -t tmpfs none new && mount --make-private new &&
    cut -d" " -f5 /proc/self/mountinfo | grep "^$PWD/m" | sort >before
    findmnt-rs --fstab-output -R "$PWD/m" 2>warnings | bindmount-rs --fstab - --root new || exit 1
    cut -d" " -f5 /proc/self/mountinfo | grep "^$PWD/m" | sort | diff before - || exit 1
    (cd m && find . -xdev -print0) | sort -z >a; (cd new && find . -xdev -print0) | sort -z | cmp a - || exit 1
    for path in . bind over slave "a b" "t	b" "n
l" file shared/deep dir/sub; do
      [ "$(stat -c %d:%i "m/$path")" = "$(stat -c %d:%i "new/$path")" ] || echo "other: $path"
      findmnt-rs -n -r -o FSROOT,VFS-OPTIONS -M "m/$path" >a; findmnt-rs -n -r -o FSROOT,VFS-OPTIONS -M "new/$path" | diff a -
    done
    findmnt-rs -n -r -o PROPAGATION -M new/shared; findmnt-rs -n -r -o PROPAGATION -M new/bind; cat warnings'
  equal "$output" "private,slave
private
findmnt-rs: '$PWD/m/unbindable' is unbindable, and left out"
  expect 1 findmnt-rs --fstab-output -R /nosuch
  equal "$output" ''
}

@test "nothing found is status 1 in every form" {
  for option in -a --tree -l -r -P --fstab-output; do
    expect 1 findmnt-rs "$option" -t some-type
    equal "$output$stderr" ''
  done
  expect 1 findmnt-rs -J -t some-type
  equal "$output" $'{\n   "filesystems": []\n}'
}

@test "other forms and columns" {
  ok bash -c 'findmnt-rs --null -o TARGET,LABEL,ID -F "$1" -M /mnt/deep/er | tr "\0" "|"' sh "$fixtures/mountinfo"
  equal "$output" '/mnt/deep/er||49|'
  ok findmnt-rs --output-all -J
  equal "$(jq -r '.filesystems[0] | keys | length' <<<"$output")" 38
  ok findmnt-rs -H
  contains "$output" 'PEER-GROUP <integer> '
  ok findmnt-rs --evaluate --nofsroot --vfs-all --noheadings --raw -o SOURCE,VFS-OPTIONS -M /
  contains "$output" ',symfollow'
  # An abbreviation, as getopt_long(3) takes it.
  ok findmnt-rs --noh --output=target --mountp /
  equal "$output" /
  ok findmnt-rs -no TARGET --tree -M /
  equal "$output" /
}

@test "wrong command lines" {
  refused "unknown column: NOPE" -o NOPE
  refused "--json and --raw are mutually exclusive" -J -r
  refused "--mountpoint and --target are mutually exclusive" -M / -T /
  refused "--nocanonicalize and --canonicalize are mutually exclusive" -C -c
  refused "--task and --kernel are mutually exclusive" -N 1 -k
  refused "--task and --tab-file are mutually exclusive" -N 1 -F x
  refused "--tab-file cannot be used with --kernel=listmount" --kernel=listmount -F x
  refused "--poll cannot be used with --kernel=listmount" --kernel=listmount --poll
  refused "--output and --fstab-output are mutually exclusive" --fstab-output -o ID
  refused "unknown direction 'up'" -d up
  refused "invalid TID argument: 'x'" -N x
  refused "unknown method 'x' of --kernel" --kernel=x
  refused "unexpected operand 'c'" a b c
  refused "option '--no' is ambiguous" --no
  refused "wrong filter 'ID ==': a value is missing at character 6" -Q 'ID =='
  refused "unknown column in the filter: NOPE" --filter NOPE
  refused "--source, --target and --mountpoint cannot be used together with an operand" -S a b
  refused "cannot open 'nosuch': No such file or directory" -F nosuch
  refused "ACTION column is requested, but --poll is not enabled" -o ACTION
  expect 1 findmnt-rs -N 999999999
  contains "$stderr" "cannot open '/proc/999999999/mountinfo': No such file or directory"
}

@test "a full disk is an error" {
  expect 1 bash -c 'findmnt-rs >/dev/full'
  contains "$stderr" "cannot write 'standard output': No space left on device"
}

@test "5,000 mounts take less than a kilobyte each" {
  mkdir m
  ok private sh -c 'mount -t tmpfs none m && mkdir m/source && cd m && seq 5000 | xargs mkdir &&
    seq -f "$PWD/source $PWD/%.0f none bind" 5000 | bindmount-rs --fstab - &&
    ulimit -v "$((4000 + 5000))" && findmnt-rs | grep -c "$PWD/[0-9]" && findmnt-rs -J | grep -c "$PWD/[0-9]"'
  equal "$output" "5000
5000"
}

@test "no control character of a mount reaches a terminal" {
  name=$'a\033[31m\302\233\177'
  mkdir "$name"
  for form in '' --list --raw --pairs --json --fstab-output -D '-o TARGET'; do
    # shellcheck disable=SC2086 # Words.
    ok private sh -c 'mount -t tmpfs "$1" "$1" && shift && exec findmnt-rs -T "$@"' sh "$name" "$PWD/$name" $form
    contains "$output" '[31m'
    equal "$(LC_ALL=C tr -d '\n\040-\176' <<<"${output//[└├─│]/}" | LC_ALL=C tr -d '\302\233' | wc -c)" 0
    lacks "$output" $'\302\233'
  done
  # It is the same mount for what reads the text again, and for what reads NULs.
  ok private sh -c 'mount -t tmpfs none "$1" && findmnt-rs --fstab-output -T "$1" | bindmount-rs --fstab - && findmnt-rs -0 -no TARGET -T "$1" |
    tr "\0" "\n"' sh "$name"
  equal "$output" "$PWD/$name"
  expect 1 findmnt-rs "--no$name"
  lacks "$stderr" $'\033'
  expect 1 findmnt-rs -o "$name"
  lacks "$stderr" $'\033'
}

@test "a root that the kernel mounted by itself has its device as source" {
  local device name
  for device in /sys/dev/block/*; do break; done
  [ -e "$device" ] || skip 'no block device'
  device=${device##*/}
  name=/dev/$(basename "$(readlink "/sys/dev/block/$device")" | tr ! /)
  echo "21 1 $device / / rw,relatime - ext4 /dev/root rw" >table
  for arguments in '' "-S $name" "$name" -J "-o SOURCES" '-D -o SOURCE'; do
    # shellcheck disable=SC2086 # Words.
    ok findmnt-rs -F table $arguments
    contains "$output" "$name"
    lacks "$output" /dev/root
  done
  # A device that the kernel does not know keeps its name.
  echo '21 1 4095:9 / / rw,relatime - ext4 /dev/root rw' >table
  ok findmnt-rs -n -o SOURCE -F table
  equal "$output" /dev/root
}

@test "without listmount the error names the kernel, and columns that mountinfo has stay" {
  requires kernel 6.8
  printf '%s\n' 'default allow' 'errno ENOSYS listmount statmount' >rules
  without() { setpriv-rs --no-new-privs --seccomp-rules rules findmnt-rs "$@"; }
  expect 1 without --kernel=listmount
  contains "$stderr" "cannot list the mounts: Function not implemented"
  contains "$stderr" 'Linux 6.8'
  ok without -n -o UNIQ-ID,SOURCE /
  equal "$(tr -d ' ' <<<"$output")" "$(findmnt-rs -n -o SOURCE /)"
}

@test "tags without links of udev are those of blkid, which runs for tags alone" {
  requires root
  [ -e /usr/sbin/blkid ] || skip 'no blkid'
  printf '#!/bin/sh\necho x >>"%s/ran"\nprintf "DEVNAME=/dev/xdy\\nLABEL=nosuch\\\\ label\\nUUID=no-such\\n\\n"\n' "$PWD" >blkid
  chmod +x blkid
  printf '%s\n' 'LABEL="nosuch\040label" /a ext4' 'UUID=absent /b ext4' 'ID=absent /c ext4' >table
  tagged() { private bash -c 'mount --bind blkid /usr/sbin/blkid && "$@"' sh findmnt-rs "$@"; }
  ok tagged -n -l -o SOURCE
  ok tagged -s -F table
  [ ! -e ran ]
  ok tagged -s -F table -e -n -o SOURCE
  equal "$output" "/dev/xdy
UUID=absent
ID=absent"
  equal "$(cat ran)" x
  # A file system of several devices, of which udev links to one.
  sed -i 's,LABEL=nosuch.*,UUID=two\\nDEVNAME=/dev/xdz\\nUUID=two\\n\\n",' blkid
  printf '%s\n' 'UUID=two /a btrfs' 'UUID=absent /b ext4' >table2
  ok tagged -s -F table2 -J -o SOURCES
  equal "$(jq -c '.filesystems[].sources' <<<"$output")" '["/dev/xdy","/dev/xdz"]'$'\n''["UUID=absent"]'
  ok tagged -s -F table2 -n -r -o SOURCES
  equal "$output" '/dev/xdy\x0a/dev/xdz'$'\n''UUID=absent'
  echo '21 1 0:30 /sub / rw,relatime - btrfs /dev/xdz rw' >table2
  ok tagged -F table2 -n -r -o SOURCES
  equal "$output" '/dev/xdy[/sub]\x0a/dev/xdz[/sub]'
  printf '#!/bin/sh\nprintf "DEVNAME=/dev/xdy\\nLABEL=nosuch\\\\ label\\nUUID=no-such\\n\\n"\n' >blkid
  echo '21 1 1:1 / / rw,relatime - ext4 /dev/xdy rw' >table
  ok tagged -F table -n -r -o LABEL,UUID
  equal "$output" 'nosuch\x20label no-such'
  ok tagged -F table -n -o TARGET -S UUID=no-such
  equal "$output" /
}

@test "a silent server does not stop sizes, and a dead one is said to be" {
  requires root
  [ -e /dev/fuse ] || skip 'no /dev/fuse'
  mkdir m
  served() {
    private bash -c 'exec 7<>/dev/fuse && mount -i -t fuse -o fd=7,rootmode=40000,user_id=0,group_id=0 none m || exit 99
      [ "$1" = silent ] || exec 7>&-
      shift; "$@"' sh "$@"
  }
  ok served silent timeout 20 findmnt-rs -n -o TARGET,SIZE -t fuse
  equal "${output%% *}" "$PWD/m"
  contains "$stderr" "the server of '$PWD/m' did not answer within 2 seconds"
  expect 1 served dead findmnt-rs -T m/x
  equal "$stderr" "findmnt-rs: cannot look at 'm/x': Transport endpoint is not connected"
  ok served dead findmnt-rs -n -o TARGET,SIZE "$PWD/m"
  equal "${output%% *}" "$PWD/m"
}
