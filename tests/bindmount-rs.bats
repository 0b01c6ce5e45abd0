#!/usr/bin/env bats
# bindmount-rs, beside util-linux's mount where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.

load helpers

# What the shells in the private namespaces share. table: the kernel's mount table beneath the working directory,
# without the numbers that differ from run to run.
library='
table() {
  awk -v here="$PWD" '\''index($5, here) == 1 {
    $1 = $2 = "-"
    sub(/^0:.*/, "0:", $3)
    for (i = 7; $i != "-"; i++) sub(/:.*/, "", $i)
    print
  }'\'' /proc/self/mountinfo
}
'

# inside SCRIPT [ARG...]: the script with root powers over a mount namespace of its own.
inside() {
  local script=$1
  shift
  private sh -c "$library $script" sh "$@"
}

# same SCRIPT: both tools must end with the same status and leave the same mount table, where $mount is the tool. With
# -n the classic does not note options in /run/mount, where it would find them again.
same() {
  local want want_status=0 got got_status=0
  want=$(mount='mount -n' inside "$1"$'\n status=$?; table; exit $status' 2>want_stderr) || want_status=$?
  got=$(mount=bindmount-rs inside "$1"$'\n status=$?; table; exit $status' 2>got_stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'script: %s\nmount: %s\n%s\nbindmount-rs: %s\n%s\n' "$1" "$want_status" "$want" "$got_status" "$got"
    cat want_stderr got_stderr
    return 1
  }
}

# refused STATUS MESSAGE SCRIPT [SETUP]: the last command must fail with STATUS, say MESSAGE, and leave mounts and
# files as they were.
refused() {
  expect "$1" inside '
    eval "$2"
    { table; find . -xdev -printf "%p %y %m %u %g\n" | grep -v "^\./\(before\|after\) " | sort; } >before 2>&1
    eval "$1"
    status=$?
    { table; find . -xdev -printf "%p %y %m %u %g\n" | grep -v "^\./\(before\|after\) " | sort; } >after 2>&1
    cmp before after >&2 || status=250
    exit $status' "$3" "${4-}"
  contains "$stderr" "$2"
}

# explained HINT UNSHARE_ARGUMENTS ARGUMENTS: refused in new namespaces of an ordinary user, and explained.
explained() {
  mkdir -p m
  # shellcheck disable=SC2086 # Words.
  expect 32 unshare -Ur -m $2 sh -c "$library bindmount-rs $3 m; status=\$?; table; exit \$status"
  equal "$output" ''
  contains "$stderr" "hint: $1"
}

# confined TARGET: the bind of a directory to TARGET inside root must succeed, and be seen inside root alone.
confined() {
  ok inside 'bindmount-rs --root root a "$1" && table | awk "{ print \$5 }"' "$1"
  [ -n "$output" ]
  case $output in
    "$PWD/root" | "$PWD/root/"*) ;;
    *)
      echo "$1: mounted at $output"
      return 1
      ;;
  esac
  [ -z "$(ls -A outside)" ]
}

# race SCRIPT: compiles the attacker, and runs the script over a file system of its own beneath race/, with root/ and
# outside/ in it and 20,000 lines of a table.
race() {
  requires cc
  cc -O2 -Wall -Werror -o swap "$project/tests/fixtures/swap.c"
  mkdir race src
  seq 20000 | sed "s|.*|$PWD/src /dir/& none bind|" >table
  ok inside '
    attack() {
      "$here/swap" "$@" >ready & attacker=$!
      until [ -s ready ]; do :; done
    }
    # Ends the attack, and tells how many mounts there are inside the root and how many are elsewhere.
    count() {
      kill $attacker
      wait $attacker
      awk -v here="$PWD" "index(\$5, here \"/\") == 1 { n[index(\$5, here \"/root/\") == 1]++ }
        END { print n[1] + 0, n[0] + 0 }" /proc/self/mountinfo
    }
    here=$PWD
    mount -t tmpfs none race
    cd race
    mkdir -p root/dir outside
    ln -s "$PWD/outside" root/absolute
    ln -s "../../../../../../../../../..$PWD/outside" root/relative
    '"$1" 2>/dev/null
}

@test "a bind shows the files of the source, hides the target's own, and is writable both ways" {
  mkdir a b
  touch a/of-a b/of-b
  ok inside 'bindmount-rs a b && ls b && touch b/new && ls a && stat -c %i a b'
  equal "$output" "of-a
new
of-a
$(stat -c '%i
%i' a | sed p | head -n 2)"
  [ -e a/new ]
  [ -e b/of-b ]
}

@test "a bind, beside the classic" {
  mkdir -p a/sub b c
  touch a/file b/file
  same '$mount --bind a b'
  same '$mount -B a b'
  same '$mount --bind a/file b/file'
  same '$mount -o bind a b'
  same '$mount -o bind --source a --target b'
  same '$mount --rbind a b'
  same 'mount -t tmpfs none a/sub && $mount --rbind a b && $mount -R a c'
  same 'mount -t tmpfs none a/sub && $mount --bind a b'
}

@test "-o ro is read-only from the first moment" {
  mkdir a b
  same '$mount --bind -o ro a b'
  same '$mount --bind -r a b'
  same '$mount --bind --ro a b'
  expect 1 inside 'bindmount-rs -o ro a b && touch a/x && touch b/y'
  contains "$stderr" 'Read-only file system'
}

@test "the rest of the line is the command" {
  mkdir a b
  expect 7 inside 'echo $$; exec bindmount-rs a b sh -c "echo \$\$ \"\$@\"; grep -c \" $PWD/b \" /proc/self/mountinfo
    exit 7" x "1 2" -o'
  equal "$output" "${output%%$'\n'*}
${output%%$'\n'*} 1 2 -o
1"
  ok inside 'bindmount-rs a b -- echo -o'
  equal "$output" -o
}

@test "a table is mounted in one call, and its targets are printed" {
  mkdir -p a root
  touch a/file
  cat >table <<END
# a comment

$PWD/a / none bind
$PWD/a /dir/a\\040b none rbind,ro
$PWD/a/file /dir/file none bind 0 0
none /tmp tmpfs size=64k,mode=700
none /file mask
none /no/such mask
none /dir/file readonly
text /link symlink
none /sub/dir dir mode=710
END
  ok inside 'bindmount-rs --root root --fstab table --print'
  equal "$output" "$PWD/root
$PWD/root/dir/a b
$PWD/root/dir/file
$PWD/root/tmp
$PWD/root/file
$PWD/root/dir/file"
  equal "$(readlink a/link)" text
  equal "$(stat -c %a a/sub/dir)" 710
  equal "$(ls root)" ''
}

@test "a failing line undoes the lines before it, and is named" {
  mkdir a b
  printf '%s\n' "$PWD/a $PWD/b none bind" "$PWD/a $PWD/made/deep none bind,X-mount.mkdir" \
    "$PWD/nosuch $PWD/b none bind" >table
  refused 32 "cannot mount 'table:3': cannot bind '$PWD/nosuch' on '$PWD/b': No such file or directory" \
    'bindmount-rs --fstab table'
}

@test "a comment behind the fields names a line" {
  mkdir a b
  named() {
    printf '%s\n' "$PWD/a $PWD/b none bind # mounts[0]" "$2" >table
    refused 32 "$1" 'bindmount-rs --fstab table'
  }
  named "cannot mount 'mounts[7]': cannot bind '/no such' on '$PWD/b': No such file or directory" \
    "/no\\040such $PWD/b none bind # mounts[7]"
  named "cannot mount 'mounts[7]': cannot open the target '/no/such': No such file or directory" "$PWD/a /no/such none bind #mounts[7]"
  # What says nothing of the target has it added.
  named "cannot mount 'mounts[7]' on '$PWD/b': cannot set the option 'size=x': tmpfs: Bad value for 'size'" \
    "none $PWD/b tmpfs size=x 0 # mounts[7]"
  named "cannot read 'mounts[7]: x': the type 'none' needs bind" "none $PWD/b none # mounts[7]: x"
  # No comment, and an empty one.
  named "cannot mount 'table:2': cannot bind '/nosuch'" "/nosuch $PWD/b none bind #"
  # A comment may follow the type, and a field may hold what starts one.
  printf '%s\n' 'none /file mask # linux.maskedPaths[0]' 'none /b#c dir' >table
  mkdir root
  touch root/file
  ok inside 'bindmount-rs --root root -T table && table | awk "{ print \$5 }"; ls root'
  equal "$output" "$PWD/root/file
b#c
file"
}

@test "every attribute, beside the classic" {
  mkdir a b
  for word in ro rw nosuid suid nodev dev noexec exec noatime atime relatime norelatime nodiratime \
    diratime nosymfollow defaults user users owner group user,exec ro,nosuid,nodev,noexec,noatime nosuid,suid \
    nodiratime,diratime,noatime; do
    same "mount -t tmpfs none a && \$mount --bind -o $word a b"
    same "mount -t tmpfs none a && \$mount --bind a b && \$mount -o remount,bind,$word b"
  done
  # The classic of Debian 12 does nothing here, by the old mount(2).
  for word in strictatime noatime,strictatime; do
    ok inside 'mount -t tmpfs none a && bindmount-rs -o "$1" a b && table | awk "{ print \$6 }"' "$word"
    equal "$output" "rw,relatime
rw"
  done
}

@test "an attribute of the source stays unless it is named" {
  mkdir a b
  for word in rw suid dev exec relatime nosuid; do
    ok inside '
      mount -t tmpfs -o nosuid,nodev,noexec none a
      mount -o remount,bind,ro,noatime a
      bindmount-rs -o $1 a b
      table | awk "{ print \$6 }"' "$word"
    case $word in
      rw) want=rw,nosuid,nodev,noexec,noatime ;;
      suid) want=ro,nodev,noexec,noatime ;;
      dev) want=ro,nosuid,noexec,noatime ;;
      exec) want=ro,nosuid,nodev,noatime ;;
      relatime) want=ro,nosuid,nodev,noexec,relatime ;;
      nosuid) want=ro,nosuid,nodev,noexec,noatime ;;
    esac
    equal "$output" "ro,nosuid,nodev,noexec,noatime
$want"
  done
}

@test "a recursive attribute holds for every mount beneath, by either name" {
  mkdir a b
  tree='mount -t tmpfs none a && mkdir a/sub && mount -t tmpfs none a/sub && mkdir a/sub/deep &&
    mount -t tmpfs none a/sub/deep'
  for pair in ro:ro nosuid:nosuid nodev:nodev noexec:noexec noatime:noatime nodiratime:nodiratime \
    nosymfollow:nosymfollow strictatime:rw; do
    word=${pair%:*}
    for option in "$word=recursive" "r$word"; do
      ok inside "$tree"' && bindmount-rs -R -o "$1" a b && table | awk "\$5 ~ /\/b(\/|$)/ { print \$6 }"' "$option"
      equal "$(grep -cE "(^|,)${pair#*:}(,|$)" <<<"$output")" 3
      [ "$word" != strictatime ] || lacks "$output" relatime
    done
  done
  # Without it the top alone is changed, as in the classic.
  ok inside "$tree"' && bindmount-rs -R -o ro a b && table | awk "\$5 ~ /\/b(\/|$)/ { print \$6 }"'
  equal "$output" "ro,relatime
rw,relatime
rw,relatime"
  # A later word is for the top.
  ok inside "$tree"' && bindmount-rs -R -o rro,rw a b && table | awk "\$5 ~ /\/b(\/|$)/ { print \$6 }"'
  equal "$output" "rw,relatime
ro,relatime
ro,relatime"
  # And taken back.
  ok inside "$tree"' && bindmount-rs -R -o rro,rnosuid a b && bindmount-rs -o remount,bind,rrw b &&
    table | awk "\$5 ~ /\/b(\/|$)/ { print \$6 }"'
  equal "$output" "rw,nosuid,relatime
rw,nosuid,relatime
rw,nosuid,relatime"
}

@test "what cannot be made read-only everywhere is made so nowhere" {
  mkdir a b
  refused 32 "cannot change the attributes of the mount for 'a': Device or resource busy" \
    'bindmount-rs -o remount,bind,ro=recursive a' \
    'mount -t tmpfs none a; mkdir a/sub; mount -t tmpfs none a/sub; exec 9>a/sub/open'
  requires strace
  refused 32 "cannot change the attributes of the mount for 'b': Function not implemented
hint: this kernel has no mount_setattr(2): Linux 5.12 or later is needed" \
    'strace -o /dev/null -e inject=mount_setattr:error=ENOSYS bindmount-rs -R -o ro=recursive a b'
}

@test "a mount is changed before it is attached, and attached once" {
  requires strace
  mkdir a b
  for options in '-o ro,nosuid a b' '-R -o rro a b' '-m -o ro a b/new' '--root b -o ro a new' \
    '-t tmpfs -o ro,nosuid tmpfs b'; do
    rm -rf b/new
    # shellcheck disable=SC2086 # Words.
    ok inside 'strace -o calls -e trace=mount,mount_setattr,move_mount,fsmount bindmount-rs "$@"' $options
    equal "$(grep -c 'move_mount.* = 0' calls)" 1
    equal "$(grep -v ' = -1 ' calls | tail -n 2 | grep -c move_mount)" 1
    lacks "$(cat calls)" ' mount('
  done
}

@test "propagation, beside the classic" {
  mkdir a b
  tree='mount -t tmpfs none a && mkdir a/sub && mount -t tmpfs none a/sub'
  for kind in shared slave private unbindable; do
    same "$tree && \$mount --make-$kind a"
    same "$tree && \$mount --make-r$kind a"
    same "$tree && \$mount --make-rshared a && \$mount --make-r$kind a"
    same "$tree && \$mount --make-shared a && \$mount --make-$kind a"
  done
  same "$tree && \$mount --make-rshared a && \$mount --rbind --make-rslave a b"
  same "$tree && \$mount --make-shared a && \$mount --bind --make-private a b"
  same "$tree && \$mount --make-shared a && \$mount --make-slave --make-shared a"
  same "\$mount --make-shared a"
  # A target alone, and then a command.
  ok inside "$tree"' && bindmount-rs --make-rshared a sh -c "grep -c \"$PWD/a.*shared\" /proc/self/mountinfo"'
  equal "$output" 2
}

@test "a move, beside the classic" {
  mkdir a b c
  same 'mount -t tmpfs none a && $mount --move a b'
  same 'mount -t tmpfs none a && mkdir a/sub && mount -t tmpfs none a/sub && $mount -M a b'
  same '$mount --move a b'
  same 'mount -t tmpfs none a && mount --make-shared a && mkdir a/sub && mount -t tmpfs none a/sub && $mount --move a/sub b'
  refused 32 'hint: the source is not a mount point' 'bindmount-rs --move a b'
  refused 32 "hint: a mount cannot leave a shared parent: make '$PWD/a' private first" 'bindmount-rs -M a/sub b' \
    'mount -t tmpfs none a; mount --make-shared a; mkdir a/sub; mount -t tmpfs none a/sub'
  refused 32 "cannot open the source 'nosuch'" 'bindmount-rs --move nosuch b'
  ok inside 'mount -t tmpfs none a && bindmount-rs --root c --move a x/y && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/c/x/y"
}

@test "file systems, beside the classic" {
  mkdir m
  for line in '-t tmpfs none' '-t tmpfs -o size=64k,mode=700,nosuid tmpfs' '-t tmpfs -o ro tmp' \
    '-r -t tmpfs -o nr_inodes=10 tmp' '-t ramfs ram' '-t devpts -o newinstance,ptmxmode=0666,mode=620 devpts' \
    '-t devpts -o newinstance,noexec,nosuid pts' '-t tmpfs -o size=64k,noatime,strictatime x' \
    '-t tmpfs --make-shared none' '-t nosuchfs none'; do
    same "\$mount $line m"
  done
  # Namespaces of their own, whose owner may mount what shows them.
  for line in '-t proc -o nosuid proc' '-t sysfs -o ro,nosuid sysfs' '-t mqueue -o noexec mqueue' '-t cgroup2 cgroup2'; do
    want=$(unshare -Urmpinf --cgroup sh -c "$library mount $line m && table")
    got=$(unshare -Urmpinf --cgroup sh -c "$library bindmount-rs $line m && table")
    [ -n "$want" ]
    equal "$got" "$want"
  done
}

@test "words for the superblock, beside the classic" {
  mkdir a m
  for words in sync async sync,async async,sync dirsync lazytime nolazytime lazytime,nolazytime iversion noiversion \
    mand nomand mand,nomand silent loud silent,loud sync,dirsync,lazytime,mand,ro; do
    same "\$mount -t tmpfs -o $words none m"
    # Of what is bound the superblock stays as it is.
    same "mount -t tmpfs none a && \$mount --bind -o $words a m"
  done
  ok inside 'bindmount-rs -t tmpfs -o sync,dirsync,lazytime none m && grep " $PWD/m " /proc/self/mountinfo'
  contains "$output" 'sync,dirsync,'
  # As in the classic by the old mount(2), a mask and a root have none either.
  mkdir -p root/dir
  echo 'none /dir mask sync' >table
  ok inside 'bindmount-rs --root root --self-bind=lazytime -T table && table | wc -l'
  equal "$output" 2
}

@test "an overlay, with more layers than a value has room for" {
  mkdir -p l1 l2 u w m
  touch l1/one l2/two
  ok inside 'bindmount-rs -t overlay -o "lowerdir=l1:l2,upperdir=u,workdir=w,userxattr" overlay m && ls m && touch m/new'
  equal "$output" "one
two"
  [ -e u/new ]
  layers=
  for number in $(seq 60); do
    mkdir "layer-$number"
    layers=$layers:$PWD/layer-$number
  done
  touch layer-1/first layer-60/last
  ok inside 'bindmount-rs -t overlay -o "lowerdir=$1" overlay m && ls m' "${layers#:}"
  equal "$output" "first
last"
}

@test "whatever file system the kernel has, beside the classic" {
  requires root
  mkdir m
  # In the machine's cgroup namespace it would take nsdelegate and its like from every cgroup2.
  same "unshare --cgroup \$mount -t cgroup2 -o ro,nosuid cgroup2 m"
  for line in '-t sysfs -o ro x' '-t mqueue -o ro x' '-t proc -o ro x' '-t securityfs x' \
    '-t bpf x' '-t debugfs x' '-t tracefs x' '-t hugetlbfs x' '-t fusectl x' '-t pstore x' '-t devtmpfs x' '-t efivarfs x' \
    '-t tmpfs -o sync,dirsync,lazytime x' '-t tmpfs -o uid=7,gid=8,nr_inodes=5k,huge=never x'; do
    same "\$mount $line m"
  done
}

@test "a cgroup hierarchy of version 1, beside the classic" {
  requires root
  grep -qw cgroup /proc/filesystems || skip 'needs cgroup v1'
  mkdir m
  same '$mount -t cgroup -o none,name=bindmount-rs-test cg m'
}

@test "what the kernel says of an option is shown" {
  mkdir m
  refused 32 "cannot set the option 'size=abc': tmpfs: Bad value for 'size'" 'bindmount-rs -t tmpfs -o size=abc none m'
  refused 32 "cannot set the option 'nosuch=1': tmpfs: Unknown parameter 'nosuch'" \
    'bindmount-rs -t tmpfs -o nosuch=1 none m'
  refused 32 "hint: the kernel has no such type" 'bindmount-rs -t nosuchfs none m'
  echo "none $PWD/m tmpfs huge=perhaps" >table
  refused 32 "cannot mount 'table:1': cannot set the option 'huge=perhaps': tmpfs: Bad value for 'huge'" \
    'bindmount-rs --fstab table'
  refused 32 'hint: the kernel takes at most 255 bytes for `upperdir`, or 4095 for all options: a relative path may be shorter' \
    "bindmount-rs -t overlay -o lowerdir=.,upperdir=$(printf '%05000d' 0),workdir=w none m"
}

@test "a file system that shows a namespace which is not the user's own is explained" {
  explained 'the net namespace that sysfs shows does not belong to this user namespace: make one with `unshare-rs --net`, or bind that of the host: `/sys TARGET none rbind,ro=recursive`' '' '-t sysfs sysfs'
  explained 'the ipc namespace that mqueue shows' '' '-t mqueue mqueue'
  explained 'the pid namespace that proc shows' '' '-t proc proc'
  explained 'the cgroup namespace that cgroup2 shows' '' '-t cgroup2 none'
}

@test "a devpts with a gid that is not mapped is explained" {
  explained '5 is not mapped in this user namespace: map it, or leave `gid=5` out' '' '-t devpts -o newinstance,gid=5 devpts'
}

@test "a proc or sysfs that is hidden in part, or locked, is explained" {
  mkdir m
  expect 32 private sh -c 'mount -t tmpfs none /proc/tty && exec unshare -Urmpf bindmount-rs -t proc proc m'
  contains "$stderr" "'/proc/tty' hides a part of '/proc', so the kernel does not mount a new proc: bind '/proc' instead"
  # Who is root in a user namespace cannot take away its /sys.
  is_root || return 0
  expect 32 private sh -c 'mount --rbind /sys m && mount -o remount,bind,ro m && umount -l /sys &&
    exec unshare -Urmn bindmount-rs -t sysfs sysfs m'
  contains "$stderr" "hint: '$PWD/m' is ro, so a new sysfs must be too: add \`ro\`"
  ok private sh -c 'mount --rbind /sys m && mount -o remount,bind,ro m && umount -l /sys &&
    exec unshare -Urmn bindmount-rs -t sysfs -o ro sysfs m'
}

@test "an overlay that a user namespace may not have is explained" {
  mkdir l u w m
  # Linux 6.1 lets it.
  ! unshare -Ur -m mount -n -t overlay -o redirect_dir=on,lowerdir=l,upperdir=u,workdir=w none m 2>/dev/null ||
    skip 'the kernel lets user namespaces have it'
  explained "no user namespace may mount an overlay with 'redirect_dir=on': leave it out" '' \
    '-t overlay -o redirect_dir=on,lowerdir=l,upperdir=u,workdir=w none'
}

@test "without the capability the way to it is named" {
  mkdir a b
  drop=()
  ! is_root || drop=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  expect 32 "${drop[@]}" "$(command -v bindmount-rs)" / "$PWD"
  contains "$stderr" "cannot bind '/' on '$PWD': Operation not permitted
hint: mounting needs CAP_SYS_ADMIN: put \`unshare-rs --user --map-root-user --mount\` in front"
}

@test "in a user namespace what is locked stays" {
  mkdir a b
  outer='mount -t tmpfs none a && mount -o remount,bind,ro,nosuid,nodev,noexec,noatime a'
  nested() {
    inside "$outer"' && exec unshare -Ur -m sh -c "$1"' "$library $1"
  }
  for options in '' '-o ro' '-o nosuid' '-R' '-R -o rro,rnosuid' '-o nosymfollow'; do
    ok nested "bindmount-rs $options a b && table | awk '\$5 ~ /b\$/ { sub(\",nosymfollow\", \"\", \$6); print \$6 }'"
    equal "$output" ro,nosuid,nodev,noexec,noatime
  done
  for word in rw suid dev exec relatime rrw rsuid; do
    expect 32 nested "bindmount-rs -R -o $word a b; status=\$?; table | grep '/b '; exit \$status"
    contains "$stderr" "cannot change the attributes of the mount for 'b': Operation not permitted
hint: an attribute was set outside this user namespace, and is locked"
    equal "$output" ''
    expect 32 nested "bindmount-rs -R a b; bindmount-rs -o remount,bind,$word b; status=\$?
      table | awk '\$5 ~ /b\$/ { print \$6 }'; exit \$status"
    equal "$output" ro,nosuid,nodev,noexec,noatime
  done
  # The classic's remount forgets what is not named, and so fails here.
  ok nested 'bindmount-rs a b && bindmount-rs -o remount,bind,ro b'
}

@test "a mount that hides something stays over it in a user namespace" {
  mkdir -p a/sub b
  touch a/sub/secret
  expect 32 inside 'mount -t tmpfs none a/sub && exec unshare -Ur -m bindmount-rs a b'
  contains "$stderr" 'hint: mounts beneath it came from outside this user namespace and cannot be left out: use --rbind'
  ok inside 'mount -t tmpfs none a/sub && exec unshare -Ur -m bindmount-rs -R a b ls b/sub'
  equal "$output" ''
}

@test "an unbindable source is named" {
  mkdir a b
  refused 32 "hint: '$PWD/a' is unbindable" 'bindmount-rs a b' 'mount -t tmpfs none a; mount --make-unbindable a'
}

@test "-m makes the target, beside the classic" {
  mkdir a
  touch a/file
  for line in '-m a new/deep' '--mkdir a new' '--mkdir=0700 a new' '-m0711 a new' '-o X-mount.mkdir a new' \
    '-o X-mount.mkdir=0750 a new'; do
    same "\$mount --bind $line && stat -c %a new >&2; umount new/deep new 2>/dev/null; stat -c '%a %F' new; rm -r new"
  done
  # A file is made for a file, which the classic cannot.
  ok inside 'bindmount-rs -m a/file new/file && stat -c %F new/file'
  equal "$output" 'regular empty file'
  refused 32 "cannot open the target 'nosuch': No such file or directory" 'bindmount-rs a nosuch'
}

@test "X-mount.subdir mounts a directory alone" {
  mkdir -p a/sub/deep b
  ln -s / a/out
  touch a/sub/deep/file
  ok inside 'bindmount-rs -o X-mount.subdir=sub/deep a b && ls b && table | awk "{ print \$4 }"'
  equal "${output%%$'\n'*}" file
  contains "$output" "$PWD/a/sub/deep"
  # Nothing leads out of it.
  ok inside 'bindmount-rs -o X-mount.subdir=out/../sub a b && ls b'
  equal "$output" deep
  refused 32 "cannot bind only 'nosuch': No such file or directory" 'bindmount-rs -o X-mount.subdir=nosuch a b'
  refused 32 "cannot mount only 'nosuch': No such file or directory" \
    'bindmount-rs -t tmpfs -o X-mount.subdir=nosuch none b'
  # Of a new file system.
  requires kernel 6.15
  ok inside 'bindmount-rs -t sysfs -o X-mount.subdir=kernel none b && table | awk "{ print \$4, \$5 }"' ||
    ok unshare -Urmn sh -c "$library bindmount-rs -t sysfs -o X-mount.subdir=kernel none b && table | awk '{ print \$4, \$5 }'"
  equal "$output" "/kernel $PWD/b"
}

@test "X-mount.owner, group and mode change the root of the mount" {
  mkdir a m
  for pair in X-mount.mode=0711:711 X-mount.owner=0:1777 X-mount.owner=root,X-mount.group=root:1777 \
    X-mount.group=0,X-mount.mode=1770:1770; do
    ok inside 'bindmount-rs -t tmpfs -o "$1" none m && stat -c "%u %g %a" m' "${pair%:*}"
    equal "$output" "0 0 ${pair#*:}"
  done
  # A change of the owner takes the set-user-ID bit off a file.
  touch file of-file
  ok inside 'bindmount-rs -o X-mount.mode=4711,X-mount.owner=0 of-file file'
  equal "$(stat -c %a of-file)" 4711
  refused 32 "cannot find the user 'nosuch': no user has this name" \
    'bindmount-rs -t tmpfs -o X-mount.owner=nosuch none m'
  refused 32 "cannot find the group 'nosuch': no group has this name" \
    'bindmount-rs -t tmpfs -o X-mount.group=nosuch none m'
}

@test "X-mount.owner gives a mount to others" {
  requires root
  mkdir m
  ok inside 'bindmount-rs -t tmpfs -o X-mount.owner=7,X-mount.group=8 none m && stat -c "%u %g" m'
  equal "$output" '7 8'
  touch file of-file
  ok inside 'bindmount-rs -o X-mount.mode=600,X-mount.owner=7 of-file file'
  equal "$(stat -c '%u %a' of-file)" '7 600'
}

@test "X-mount.nocanonicalize: a symlink is itself bound and mounted on" {
  mkdir a b
  touch file
  ln -s a link
  ln -s a other
  ok inside 'bindmount-rs -o X-mount.nocanonicalize=target file link && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/link"
  refused 32 "hint: a directory can only be mounted on a directory" 'bindmount-rs -o X-mount.nocanonicalize=target b link'
  ok inside 'bindmount-rs -o X-mount.nocanonicalize=source link file && readlink file'
  equal "$output" a
  ok inside 'bindmount-rs -o X-mount.nocanonicalize link other && table | awk "{ print \$4, \$5 }"'
  contains "$output" "/link $PWD/other"
  ok inside 'bindmount-rs b link && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/a"
}

@test "idmapped mounts show other owners" {
  requires root
  mkdir a b
  touch a/one a/two
  chown 1000:2000 a/two
  owners='stat -c "%u:%g" b/one b/two'
  ok inside 'bindmount-rs --map-users 0:7:1 --map-groups 0:8:1 a b && '"$owners"
  equal "$output" '7:8
65534:65534'
  ok inside 'bindmount-rs --map-users 0:0:1 --map-users 1000:9:1 --map-groups 0:0:5000 a b && '"$owners"
  equal "$output" '0:0
9:2000'
  ok inside 'bindmount-rs -o "X-mount.idmap=u:0:7:1 g:0:8:1 b:1000:2000:2000" a b && '"$owners"
  equal "$output" '7:8
2000:3000'
  ok inside 'unshare --user sleep 100 & pid=$!
    until echo 0 50 5000 >/proc/$pid/uid_map; do :; done 2>/dev/null
    echo 0 60 5000 >/proc/$pid/gid_map
    bindmount-rs --map-users /proc/$pid/ns/user a b && '"$owners"' && kill $pid'
  equal "$output" '50:60
1050:2060'
  # A tmpfs.
  requires kernel 6.3
  ok inside 'mkdir a/sub; mount -t tmpfs none a/sub && bindmount-rs -R -o X-mount.idmap=0:7:1 a b && stat -c %u b/sub'
  equal "$output" 7
  rmdir a/sub
  refused 32 'hint: the kernel requires a range of users and a range of groups' 'bindmount-rs --map-users 0:7:1 a b'
  refused 32 "hint: this file system's owners cannot be mapped" \
    'bindmount-rs -o X-mount.idmap=0:7:1 /proc b'
  refused 32 "cannot open the user namespace '/nosuch': No such file" 'bindmount-rs --map-users /nosuch a b'
  refused 1 'a map of owners is one user namespace or ranges, not both' \
    'bindmount-rs --map-users /proc/self/ns/user --map-groups 0:7:1 a b'
}

@test "who mounted a file system may map its owners" {
  requires kernel 6.3
  mkdir a b
  ok inside 'mount -t tmpfs none a && bindmount-rs --map-users 0:0:1 --map-groups 0:0:1 a b && table | grep -c idmapped
    bindmount-rs -t tmpfs -o X-mount.idmap=0:0:1 none b && table | grep -c idmapped'
  equal "$output" '1
2'
}

@test "owners of a file system that belongs to others cannot be mapped" {
  mkdir a b
  expect 32 unshare -Ur -m bindmount-rs -o X-mount.idmap=0:0:1 a b
  contains "$stderr" "cannot map the owners of the mount for 'b': Operation not permitted
hint: only the user namespace that mounted a file system may map its owners"
}

@test "--beneath mounts beneath what is there" {
  requires kernel 6.5
  mkdir a b c
  touch a/lower c/upper
  ok inside 'mount --bind c b && bindmount-rs --beneath a b && ls b && umount b && ls b'
  equal "$output" "upper
lower"
  refused 32 "hint: there is no mount to mount beneath" 'bindmount-rs --beneath a b'
  expect 127 inside 'mount --bind c b && bindmount-rs --beneath a b /nosuch'
  contains "$stderr" "cannot undo the mount at 'b': Operation not supported"
}

@test "--onlyonce and -a do not mount what is mounted" {
  mkdir a b c
  ok inside 'bindmount-rs --onlyonce a b && table | wc -l'
  equal "$output" 1
  refused 32 "cannot mount on 'b': the same is mounted there already" 'bindmount-rs --onlyonce a b' 'mount --bind a b'
  ok inside 'bindmount-rs a b && bindmount-rs a b && table | wc -l'
  equal "$output" 2
  ok inside 'bindmount-rs a b && bindmount-rs --onlyonce c b && table | wc -l'
  equal "$output" 2
  refused 32 "the same is mounted there already" 'bindmount-rs -t tmpfs --onlyonce x b' 'mount -t tmpfs x b'
  ok inside 'bindmount-rs -t tmpfs --onlyonce x b && bindmount-rs -t tmpfs --onlyonce y b && table | wc -l'
  equal "$output" 2
  printf '%s\n' "$PWD/a $PWD/b none bind" "none $PWD/c tmpfs size=4k" >fstab
  same '$mount -a -T fstab && $mount -a -T fstab'
  ok inside 'bindmount-rs --onlyonce -T fstab && bindmount-rs --onlyonce -T fstab && table | wc -l'
  equal "$output" 2
}

@test "-N works in the namespace of another process, and the command in its own" {
  mkdir -p a b
  touch a/file
  ok inside 'unshare -m sleep 100 & pid=$!
    until [ "$(readlink /proc/$pid/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]; do :; done
    bindmount-rs -N $pid a b && ls b && nsenter -t $pid -m ls "$PWD/b"
    bindmount-rs -N /proc/$pid/ns/mnt "$PWD/a" "$PWD/b" sh -c "pwd; ls b; readlink /proc/self/ns/mnt"
    readlink /proc/self/ns/mnt
    nsenter -t $pid -m grep -c "$PWD/b" /proc/self/mountinfo
    bindmount-rs -N $pid "$PWD/a" "$PWD/b" /nosuch; echo $?
    nsenter -t $pid -m grep -c "$PWD/b" /proc/self/mountinfo
    kill $pid' 2>&1
  ns=$(grep -m 1 mnt: <<<"$output")
  equal "$output" "$PWD
$ns
$ns
1
127
1"
  same 'unshare -m sleep 100 & pid=$!
    until [ "$(readlink /proc/$pid/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]; do :; done
    $mount -N $pid --bind "$PWD/a" "$PWD/b"
    grep -c "$PWD/b" /proc/$pid/mountinfo /proc/self/mountinfo | sed "s/^[^:]*//"
    kill $pid'
  expect 32 inside 'bindmount-rs -N 999999999 a b'
  contains "$stderr" "cannot open '/proc/999999999/ns/mnt': No such file or directory"
  expect 32 inside 'bindmount-rs -N /proc/self/ns/uts a b'
  contains "$stderr" "cannot enter the mount namespace '/proc/self/ns/uts': Invalid argument"
}

@test "a table, beside the classic" {
  mkdir -p a/sub b c d 'e f'
  touch a/file d/file
  cat >fstab <<END
# A comment, an empty line, blanks of both sorts, and the last two fields.

$PWD/a	$PWD/b  none	bind,ro	0 0
$PWD/a $PWD/c none rbind,X-mount.mkdir,nosuid 1 2
$PWD/a/file $PWD/d/file none bind
$PWD/a $PWD/new none bind,X-mount.mkdir=0700
none $PWD/e\040f tmpfs size=64k,mode=700
END
  same '$mount -a -T fstab; status=$?; stat -c "%n %a" new "e f"; umount new; rmdir new; exit_status() { return $status; }; exit_status'
  same '$mount -a -t tmpfs -T fstab'
  same '$mount -a -t notmpfs -T fstab; umount new; rmdir new'
  same '$mount -a -o noexec -T fstab; umount new; rmdir new'
  echo "$PWD/a $PWD/b none bind,noauto" >noauto
  same '$mount -a -T noauto'
  mkdir tables
  echo "$PWD/a $PWD/b none bind" >tables/10.fstab
  echo "$PWD/b $PWD/c none bind" >tables/9.fstab
  echo "$PWD/b $PWD/d none bind" >tables/.8.fstab
  echo "$PWD/b $PWD/d none bind" >tables/7.other
  same '$mount -a -T tables'
  same '$mount -a -T noauto -T tables'
}

@test "a prefix before every target, beside the classic" {
  mkdir -p a prefix/b
  echo "$PWD/a /b none bind" >fstab
  same '$mount -a -T fstab --target-prefix $PWD/prefix'
  same '$mount -a -T fstab --target-prefix $PWD/prefix/new -o X-mount.mkdir; stat -c %F prefix/new/b; umount prefix/new/b; rm -r prefix/new'
  ok inside 'bindmount-rs --target-prefix prefix a b && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/prefix/b"
}

@test "no descriptor reaches the command that the caller did not pass" {
  mkdir -p a root
  ok inside 'ls /proc/self/fd'
  want=$output
  printf '%s\n' "$PWD/a / none bind" "$PWD/a /x none bind" 'none /x mask' 'none /dir dir' >table
  ok inside 'bindmount-rs a root ls /proc/self/fd'
  equal "$output" "$want"
  ok inside 'bindmount-rs --root root --fstab table -- ls /proc/self/fd'
  equal "$output" "$want"
  ok inside 'bindmount-rs -N $$ "$PWD/a" "$PWD/root" ls /proc/self/fd'
  equal "$output" "$want"
  printf '%s\n' 'none /x tmpfs' 'none /x/y dir' 'none /x/y mask' 'none /x readonly' 'none /x mask' >table
  ok inside 'bindmount-rs --root root --self-bind --fstab table --enter-root -- ls /proc/self/fd'
  equal "$output" "$want"
  ok inside 'mount -t tmpfs none a && exec unshare -m --propagation slave bindmount-rs --detach --move a / ls -d /'
}

@test "a table from standard input or a descriptor, which the command does not get" {
  mkdir a b
  echo "$PWD/a $PWD/b none bind" >fstab
  ok inside 'bindmount-rs -T - <fstab && table | wc -l'
  equal "$output" 1
  ok inside 'bindmount-rs -T /dev/fd/7 -- ls /proc/self/fd 7<fstab 8<fstab'
  lacks "$output" 7
  contains "$output" 8
  ok inside 'cat fstab | bindmount-rs -T /dev/stdin && table | wc -l'
  equal "$output" 1
  refused 32 "cannot read '/dev/fd/99': Bad file number" 'bindmount-rs -T /dev/fd/99'
  refused 32 "cannot read 'nosuch': No such file or directory" 'bindmount-rs -T nosuch'
}

@test "lines are chosen by type, source and target" {
  mkdir a b c
  printf '%s\n' "$PWD/a $PWD/b none bind,noauto" "none $PWD/c tmpfs" "none none swap sw" >fstab
  ok inside 'bindmount-rs -T fstab --target "$PWD/b" && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/b"
  ok inside 'bindmount-rs -T fstab --source none && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/c"
  ok inside 'bindmount-rs -T fstab -t notmpfs && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/b"
  ok inside 'bindmount-rs -T fstab && table | wc -l'
  equal "$output" 2
  refused 32 "cannot find '/nosuch': no line of the table has it" 'bindmount-rs -T fstab --target /nosuch'
}

@test "lines are chosen by options, beside the classic" {
  mkdir a b c d
  printf '%s\n' "$PWD/a $PWD/b none bind,_netdev" "$PWD/a $PWD/c none bind,ro" "none $PWD/d tmpfs size=4k,mode=700,_netdev" >fstab
  for list in _netdev no_netdev ro noro bind,_netdev mode mode=700 mode=755 nomode=755 nomode size=4k,_netdev; do
    same "\$mount -a -T fstab -O $list"
  done
  same '$mount -a -T fstab -O _netdev -t tmpfs'
  same '$mount -a -T fstab --test-opts no_netdev'
}

@test "a wrong line is found before the first is mounted, and named with its place" {
  mkdir a b
  wrong() {
    printf '%s\n' "$PWD/a $PWD/b none bind" '' "$2" >table
    refused 32 "cannot read 'table:3': $1" 'bindmount-rs -T table'
  }
  wrong 'the target is missing' /a
  wrong 'the type is missing' '/a /b'
  wrong 'the fifth and the sixth field are numbers (a space within a field is written \040)' '/a /b none bind zero 0'
  wrong 'a field holds a NUL byte' '/a\000 /b none bind'
  wrong "the type 'none' needs bind, rbind, move, remount or a propagation" '/a /b none ro'
  wrong "the type 'auto' is not supported: name the file system" '/dev/sda1 /b auto'
  wrong "'LABEL=root' names a block device, which is not supported" 'LABEL=root /b ext4'
  wrong "'UUID=1-2' names a block device" 'UUID=1-2 /b none bind'
  wrong "the mount option 'size=1m' is not allowed here" '/a /b none bind,size=1m'
  wrong "the mount option 'loop' is not supported" '/a /b ext4 loop'
  wrong "the mount option 'X-mount.nosuch' is not supported" '/a /b none bind,X-mount.nosuch'
  wrong "a device's source is MAJOR:MINOR, not 'x'" 'x /b char'
  wrong 'remount without bind' 'none /b none remount,ro'
}

@test "whatever was done is undone" {
  mkdir -p a b c d moved-from moved-to root/there
  touch a/file root/keep
  cat >table <<END
$PWD/root / none rbind
$PWD/a /new/deep none bind,ro
$PWD/a/file /new/file none bind
none /tmp tmpfs size=64k
link-text /link symlink
none /fifo fifo
none /newdir/below dir mode=700
none /keep mask
none /there readonly
none / none remount,bind,ro=recursive,nosuid
none /tmp none rprivate
$PWD/nosuch /x none bind
END
  setup='mount -t tmpfs none a; mkdir a/sub; touch a/file; mount -t tmpfs none a/sub; mount -o remount,bind,nodev,noatime a/sub;
    mount -t tmpfs none moved-from; mount -t tmpfs none d; mkdir d/sub; mount -t tmpfs none d/sub;
    mount -o remount,bind,nosymfollow,nodiratime d/sub'
  refused 32 "cannot mount 'table:12': cannot bind '$PWD/nosuch'" 'bindmount-rs --root root -T table' "$setup"
  lacks "$stderr" undo
  cat >table <<END
$PWD/moved-from $PWD/moved-to none move
none $PWD/a none remount,bind,rro,rnosuid,strictatime
none $PWD/d none rshared
none $PWD/d none remount,bind,noexec,rsymfollow,rstrictatime
$PWD/nosuch $PWD/b none bind
END
  refused 32 "cannot mount 'table:5'" 'bindmount-rs -T table' "$setup"
  lacks "$stderr" undo
  # So is what was changed in the source itself, which find sees outside of the mount.
  mkdir -m 2750 e
  printf '%s\n' "$PWD/e $PWD/b none bind,X-mount.mode=700,X-mount.owner=0,X-mount.group=0" "$PWD/nosuch $PWD/b none bind" >table
  refused 32 "cannot mount 'table:2'" 'bindmount-rs -T table'
  # What the kernel has no way back for is named.
  printf '%s\n' "none $PWD/d none private" "$PWD/nosuch $PWD/b none bind" >table
  expect 32 inside "$setup; mount --make-shared d; bindmount-rs -T table"
  contains "$stderr" "cannot undo the change of the propagation of '$PWD/d': Operation not supported"
}

@test "an undo leaves what somebody has put in the place of what was made, or into it" {
  mkdir root
  touch data
  printf '%s\n' 'none /fifo fifo' 'none /dir dir' "$PWD/data /data none bind" 'none /last dir' '/dev/fd/6 /file file' '/nosuch /dir none bind' >table
  # The fifth line waits for the end of the pipe.
  expect 32 bash -c '{ until [ -e root/last ]; do sleep 0.01; done; cd root; mv fifo fifo1; mv dir dir1; echo other >fifo; mkdir dir; echo more >data; } |
    "$@" 6<&0' bash unshare -Urm bindmount-rs --root root --fstab table
  for name in fifo dir; do
    contains "$stderr" "cannot undo the making of '/$name': Stale file handle"
  done
  contains "$stderr" "cannot undo the making of '/data': Directory not empty"
  equal "$(cat root/fifo root/data data)" 'other
more'
  equal "$(ls root)" "data
dir
dir1
fifo
fifo1"
}

@test "a command that cannot be executed undoes the mounts" {
  mkdir a b
  refused 127 "cannot execute '/nosuch': No such file or directory" 'bindmount-rs -m a new/deep /nosuch'
  refused 126 "cannot execute '$PWD/a': Permission denied" 'bindmount-rs a b "$PWD/a"'
  # A directory that the caller may not enter, where it is an ordinary user.
  refused 127 "cannot execute '/nosuch'" 'bindmount-rs /var/cache/ldconfig b /nosuch'
  # And without /proc.
  touch a/file b/file
  ok inside 'mount -t tmpfs none /proc; bindmount-rs a b /nosuch; bindmount-rs a/file b/file /nosuch; rm b/file && rmdir b'
  lacks "$stderr" 'cannot undo'
  mkdir -p b
  refused 32 "cannot write 'standard output': No space left on device" 'bindmount-rs --print a b >/dev/full'
}

@test "--keep-going mounts the rest, and its status tells" {
  mkdir a b c
  printf '%s\n' "$PWD/a $PWD/b none bind" "$PWD/nosuch $PWD/b none bind" "$PWD/nosuch $PWD/made none bind,X-mount.mkdir" \
    "$PWD/a $PWD/c none bind" >table
  expect 64 inside 'bindmount-rs --keep-going --print -T table; status=$?; table | awk "{ print \$5 }"; exit $status'
  equal "$output" "$PWD/b
$PWD/c
$PWD/b
$PWD/c"
  contains "$stderr" "cannot mount 'table:2': cannot bind"
  contains "$stderr" "cannot mount 'table:3': cannot bind"
  [ ! -e made ]
  # The classic makes the target even so.
  want=0
  inside 'mount -n -a -T table' || want=$?
  rmdir made
  equal "$want" 64
  expect 64 inside 'bindmount-rs --keep-going -T table -- touch ran'
  [ ! -e ran ]
  sed -i '/nosuch/!d' table
  expect 32 inside 'bindmount-rs --keep-going -T table'
}

@test "nofail passes over what is not there" {
  mkdir b
  ok inside 'bindmount-rs -o nofail --print nosuch b; bindmount-rs -t ext4 -o nofail /dev/nosuch b; table'
  equal "$output" ''
  refused 32 "cannot open the target 'nosuch'" 'bindmount-rs -o nofail b nosuch'
}

@test "--print: what umount takes away again" {
  name=$'two\nlines and a blank'
  mkdir -p a root "$name"
  touch a/file
  printf '%s\n' "$PWD/a /x none bind" "$PWD/a/file /x/file none bind" 'none /y\040z tmpfs' 'none /nosuch mask' \
    'none /x/file mask' 'none /dir dir' >table
  ok inside 'bindmount-rs --root root -T table --print >mounted && cat mounted &&
    tac mounted | xargs -d "\n" -n 1 umount && table'
  equal "$output" "$PWD/root/x
$PWD/root/x/file
$PWD/root/y z
$PWD/root/x/file"
  ok inside 'bindmount-rs --print -0 a "$1" >mounted && tac -s "" mounted | xargs -0 -n 1 umount && table' "$name"
  equal "$output" ''
  equal "$(tr '\0' '|' <mounted)" "$PWD/$name|"
  refused 1 '-0 needs --print' 'bindmount-rs -0 a root'
}

@test "-v speaks as the classic, -f mounts nothing" {
  mkdir a b
  words() {
    for tool in mount bindmount-rs; do
      private sh -c 'cd "$2" && "$1" -n "$3" "$4" "$2/a" "$2/b"' sh "$tool" "$PWD" "$@" | sed "s/^$tool: //" >"said-$tool"
    done
    [ -s said-mount ]
    diff said-mount said-bindmount-rs
  }
  words -v --bind
  words -v --rbind
  words -fv --bind
  for line in "-v -t tmpfs tmpfs $PWD/b" "-v --make-private $PWD/m" "-v --move $PWD/m $PWD/b"; do
    for tool in mount bindmount-rs; do
      mkdir -p m
      # shellcheck disable=SC2086 # Words.
      private sh -c 'mount -t tmpfs none m && exec "$@"' sh "$tool" -n $line | sed "s/^$tool: //" >"said-$tool"
    done
    [ -s said-mount ]
    diff said-mount said-bindmount-rs
  done
  refused 0 '' 'bindmount-rs -f -m a new; bindmount-rs -f a b touch ran'
  refused 1 "the mount option 'loop' is not supported" 'bindmount-rs -f -o loop a b'
}

@test "masks, read-only places and nodes of a table" {
  mkdir -p root/dir/below root/dev
  touch root/dir/secret root/file
  cat >table <<END
none /dir mask
none /file mask
none /nosuch mask
none /file/nosuch mask
none /dev tmpfs mode=755
none /dev/fifo fifo mode=640
text /dev/link symlink
text /dev/link symlink
none /dev/sub/dir dir mode=1777
none /dev/sub/dir dir
none /nosuch readonly
none /dev readonly
END
  ok inside 'bindmount-rs --root root -T table && ls -A root/dir; cat root/file; stat -c "%F %a" root/dir root/file
    stat -c "%n %F %a" root/dev/* root/dev/sub/dir; readlink root/dev/link; touch root/dir/x root/dev/x; table | awk "{ print \$6, \$9 }"'
  contains "$stderr" "'root/dir/x': Read-only file system"
  contains "$stderr" "'root/dev/x': Read-only file system"
  equal "$(head -n 2 <<<"$output")" "directory 555
character special file 666"
  contains "$output" "root/dev/fifo fifo 640
root/dev/link symbolic link 777
root/dev/sub directory 755
root/dev/sub/dir directory 1777
text
"
  contains "$output" 'ro,nosuid,nodev,noexec,relatime tmpfs'
  equal "$(ls -A root/dir)" "below
secret"
  # Two masks share a file system.
  mkdir root/dir2
  printf '%s\n' 'none /dir mask' 'none /dir2 mask' >masks
  ok inside 'bindmount-rs --root root -T masks && stat -c %d root/dir root/dir2 | uniq | wc -l'
  equal "$output" 1
}

@test "device nodes are made for root, and explained to others" {
  mkdir -p root/dev
  touch root/dev/other
  printf '%s\n' 'none /dev tmpfs mode=755' '1:3 /dev/null char mode=666' '7:0 /dev/loop0 block uid=7,gid=8' \
    '1:3 /dev/null char' >table
  if is_root; then
    ok inside 'bindmount-rs --root root -T table && stat -c "%n %F %a %u:%g %Hr:%Lr" root/dev/*'
    equal "$output" "root/dev/loop0 block special file 660 7:8 7:0
root/dev/null character special file 666 0:0 1:3"
    echo '1:3 /dev/other char' >table
    refused 32 "cannot make '/dev/other': File exists" 'bindmount-rs --root root -T table'
  fi
  echo '1:5 /dev/zero char' >table
  expect 32 unshare -Ur -m bindmount-rs --root root -T table
  contains "$stderr" "cannot make '/dev/zero': Operation not permitted
hint: a user namespace cannot make device nodes: bind that of the host"
}

@test "a target inside a root is made as what the source is" {
  mkdir -p a root
  touch a/file
  mkfifo a/fifo
  printf '%s\n' "$PWD/a /one/two/dir none bind" "$PWD/a/file /one/file none bind" "$PWD/a/fifo /one/fifo none bind" \
    '/dev/null /dev/null none bind' 'none /run/lock tmpfs' >table
  umask 077
  ok inside 'bindmount-rs --root root -T table'
  equal "$(find root -type d -printf '%p %m\n' | sort)" "root 755
root/dev 755
root/one 755
root/one/two 755
root/one/two/dir 755
root/run 755
root/run/lock 755"
  equal "$(find root -type f -printf '%p %m %s\n' | sort)" "root/dev/null 644 0
root/one/fifo 644 0
root/one/file 644 0"
}

@test "no path leads out of a root" {
  mkdir -p a root/sub outside
  ln -s / root/slash
  ln -s "$PWD/outside" root/absolute
  ln -s ../../../../../../../../../../.. root/up
  ln -s "../../../../../../../../../..$PWD/outside" root/relative
  ln -s link root/sub/again
  ln -s "$PWD/outside/dangling" root/dangling
  for target in / . .. ../../.. sub /sub/../../../x /new /slash/new /slash/sub /absolute /absolute/new /up/new /up "/up$PWD/outside" \
    /relative /relative/new/../newer /sub/../absolute /dangling /dangling/new "$PWD/outside" //sub/. ./sub/../new2; do
    [[ $target != */new/../newer ]] || continue
    confined "$target"
  done
  refused 32 "cannot make the target '/nosuch/../new': No such file or directory" 'bindmount-rs --root root a /nosuch/../new'
}

@test "a magic link is refused in a root" {
  mkdir -p a root/proc outside
  ok inside 'mount --rbind /proc root/proc && for target in self/root/tmp self/cwd/new self/fd/9 thread-self/root; do
    bindmount-rs --root root a "/proc/$target" 9<outside; echo $?; done; table | grep -vc root/proc || true'
  equal "$output" "32
32
32
32
0"
  equal "$(grep -c 'Too many symbolic links' <<<"$stderr")" 4
}

@test "a target of the wrong sort is refused, and nothing waits" {
  mkdir -p a root/dir
  touch a/file root/file
  mkfifo root/fifo
  for target in /file /fifo; do
    refused 32 "cannot mount on '$target': Invalid argument
hint: a directory can only be mounted on a directory, and a file only on a file" "bindmount-rs --root root a $target"
    refused 32 "Not a directory" "bindmount-rs --root root a $target/below"
    refused 32 "hint: a directory can only be mounted on a directory" "bindmount-rs a root$target"
    ok inside "bindmount-rs --root root a/file $target && stat -c %F root$target"
    equal "$output" 'regular empty file'
  done
  refused 32 "cannot mount on '/dir': " "bindmount-rs --root root a/file /dir"
  ln -s loop2 root/loop1
  ln -s loop1 root/loop2
  refused 32 "cannot open the target '/loop1': Too many symbolic links" 'bindmount-rs --root root a /loop1'
}

@test "a device node is mounted on, and not opened" {
  requires root
  mkdir -p a root
  touch a/file
  mknod root/node c 1 3
  refused 32 "hint: a directory can only be mounted on a directory" 'bindmount-rs --root root a /node'
  ok inside 'bindmount-rs --root root a/file /node && stat -c %F root/node'
  equal "$output" 'regular empty file'
}

@test "the root itself may be a symlink of the caller's, and must be a directory" {
  mkdir -p a root
  touch file
  ln -s root link
  ok inside 'bindmount-rs --root link a new && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/root/new"
  refused 32 "cannot open the root 'file': Not a directory" 'bindmount-rs --root file a new'
  refused 32 "cannot open the root 'nosuch': No such file or directory" 'bindmount-rs --root nosuch a new'
}

@test "CVE-2019-16884 and CVE-2019-19921: nothing else stands in for /proc" {
  mkdir -p fake/self/attr root/proc root/other root/sub
  ln -s proc root/link
  touch fake/file
  for target in /proc proc ./proc/ /sub/../proc /link /link/ /proc/. /../proc; do
    refused 32 "cannot mount on '$target': only a proc can be mounted on /proc, or on a part of it" \
      "bindmount-rs --root root fake $target"
    refused 32 "only a proc can be mounted" "bindmount-rs --root root -t tmpfs none $target"
  done
  refused 32 "only a proc can be mounted" 'bindmount-rs --root root -R fake /proc' 'mount --rbind /proc root/proc'
  for part in self/attr sys sys/kernel/../vm tty cmdline; do
    refused 32 "cannot mount on '/proc/$part': only a proc" "bindmount-rs --root root $([ $part = cmdline ] && echo fake/file || echo fake) /proc/$part" \
      'mount --rbind /proc root/proc'
  done
  ok inside 'bindmount-rs --root root -R /proc /proc && bindmount-rs --root root fake/file /proc/uptime && cat root/proc/uptime'
  equal "$output" ''
  ok inside 'bindmount-rs --root root fake /other/proc && bindmount-rs fake root/proc'
  rmdir root/proc
  refused 32 "only a proc can be mounted" 'bindmount-rs --root root fake /proc'
}

@test "CVE-2023-27561 and CVE-2023-28642: a /proc or /sys that is a symlink gets no proc or sysfs" {
  mkdir -p root/elsewhere/proc root/parent
  ln -s elsewhere/proc root/proc
  ln -s /elsewhere root/sys
  ln -s elsewhere root/aside
  ln -s /nosuch root/parent/proc
  for line in '-t proc proc /proc' '-t sysfs sysfs /sys' '-t proc proc /aside/proc' '-t sysfs sysfs /aside/new' \
    '-t proc proc /parent/proc'; do
    # shellcheck disable=SC2086 # Words.
    expect 32 unshare -Urmpnf sh -c "$library"' bindmount-rs --root root "$@"; status=$?; table; exit $status' sh $line
    contains "$stderr" "cannot mount on '${line##* }': it must be a directory of its own, not a symlink"
    equal "$output" ''
  done
  [ ! -e root/nosuch ]
  ok unshare -Urmpnf sh -c 'bindmount-rs --root root -t proc proc /new/proc && stat -f -c %T root/new/proc'
  equal "$output" proc
}

@test "a read-only place is read-only in the mounts beneath too" {
  mkdir -p root/dir/below
  ok inside 'mount -t tmpfs none root/dir/below; echo none /dir readonly | bindmount-rs --root root -T - || exit
    for place in root/dir root/dir/below; do ! touch $place/x || exit; done'
  contains "$stderr" "'root/dir/below/x': Read-only file system"
}

@test "CVE-2025-31133: a mask is the host's /dev/null, whatever the root's is" {
  mkdir -p root/dev root/proc
  ln -s /proc/sys/kernel/core_pattern root/dev/null
  touch root/masked
  ok inside 'bindmount-rs -R /proc root/proc && echo none /masked mask | bindmount-rs --root root -T - &&
    stat -c "%F %Hr:%Lr" root/masked'
  equal "$output" 'character special file 1:3'
  # And that one is looked at too.
  touch fake
  echo 'none /masked mask' >table
  fakes='fake /dev/zero'
  if is_root; then
    # The numbers of the null device, of the other kind.
    mknod disk b 1 3
    fakes="$fakes disk"
  fi
  for fake in $fakes; do
    refused 32 "cannot mask with '/dev/null': it is not the null device" 'bindmount-rs --root root -T table' \
      "mount --bind $fake /dev/null"
  done
}

@test "CVE-2025-52565: a console that is a symlink to a file of /proc is not mounted on" {
  mkdir -p root/dev root/proc
  ln -s /proc/sys/kernel/core_pattern root/dev/console
  refused 32 "cannot mount on '/dev/console': only a proc can be mounted on /proc, or on a part of it" \
    'bindmount-rs --root root /dev/tty /dev/console' 'mount --rbind /proc root/proc'
  ln -sf "$PWD/outside" root/dev/console
  touch outside
  ok inside 'bindmount-rs --root root /dev/tty /dev/console && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/root$PWD/outside"
}

@test "CVE-2021-30465: a target that is swapped for a symlink meanwhile, 20,000 times" {
  for link in absolute relative; do
    rm -rf race src
    race "attack exchange root/dir root/$link"'
      bindmount-rs --root root -T ../table || exit
      count
      ls outside | wc -l
      ls root/dir root'"/$link"'/ 2>/dev/null | grep -c "^[0-9]"
      # The attack is one: without the root it succeeds.
      attack exchange root/dir root/'"$link"'
      bindmount-rs --keep-going --target-prefix root -m -T ../table 2>/dev/null
      count'
    {
      read -r inside elsewhere
      equal "$inside $elsewhere" '20000 0'
      read -r made_outside
      equal "$made_outside" 0
      read -r in_dir
      # Some rounds met the directory and some the link.
      [ "$in_dir" -gt 0 ]
      [ "$in_dir" -lt 20000 ]
      read -r inside elsewhere
      [ "$elsewhere" -gt 0 ]
    } <<<"$output"
  done
}

@test "CVE-2024-45310: a directory that is swapped for a symlink while targets are made in it, 20,000 times" {
  race '
    attack replace root/dir "$PWD/outside"
    bindmount-rs --keep-going --root root -T ../table 2>errors
    echo $?
    count
    ls outside | wc -l
    sort -u errors | sed "s/.*: //" | sort | uniq -c >&2'
  {
    read -r result
    [ "$result" -eq 0 ] || [ "$result" -eq 64 ]
    read -r inside elsewhere
    [ "$inside" -gt 10000 ]
    equal "$elsewhere" 0
    read -r made_outside
    equal "$made_outside" 0
  } <<<"$output"
}

@test "a table is undone while its targets are moved about" {
  # Where a mount has gone, statmount(2) tells.
  requires kernel 6.8
  race '
    head -n 2000 ../table >lines
    echo "/nosuch /dir/x none bind" >>lines
    attack exchange root/dir root/absolute
    bindmount-rs --root root -T lines 2>errors
    echo $?
    count
    grep -c "cannot mount .lines:2001" errors'
  equal "$output" '32
0 0
1'
}

@test "CVE-2019-19921: a /proc that is swapped for a symlink meanwhile" {
  # Each round has namespaces of its own: in that of the attacker a mount point could not be renamed.
  race '
    mkdir root/proc
    ln -s "$PWD/outside" root/link
    printf "%s\n" "proc /proc proc" "none /proc/sys mask" >lines
    attack exchange root/proc root/link
    for round in $(seq '"$(rounds 300)"'); do
      unshare --mount --pid --fork sh -c "bindmount-rs --root root -T lines 2>/dev/null
        cat /proc/self/mountinfo"
    done | awk -v here="$PWD/" "index(\$5, here) == 1 { print substr(\$5, length(here) + 1) }" | sort | uniq -c
    kill $attacker
    ls -A outside | wc -l'
  equal "${output##*$'\n'}" 0
  # It is on the directory itself, by whichever of its names, or nowhere.
  equal "$(sed '$d; s/^ *[0-9]* //' <<<"$output" | grep -vxE 'root/(proc|link)(/sys)?')" ''
  contains "$output" root/
}

@test "a table, and then another root" {
  requires busybox
  make_rootfs rootfs
  cat >table <<END
$PWD/rootfs / none rbind
proc /proc proc nosuid,nodev,noexec
tmpfs /dev tmpfs nosuid,mode=755,size=64k
/dev/null /dev/null none bind
pts/ptmx /dev/ptmx symlink
devpts /dev/pts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=620
none /proc/cmdline mask
none /proc/sys readonly
none / none remount,bind,ro
END
  ok unshare -Urmpf bindmount-rs --root rootfs --fstab table -- pivot-root-rs --detach rootfs . /bin/sh -c '
    echo $$; ls /; touch /x 2>&1; cat /proc/cmdline; awk "{ if (\$5 ~ /null/) sub(/nosuid,/, \"\", \$6); print \$5, \$6 }" /proc/self/mountinfo'
  # Where the machine's /dev is nosuid, so is what is bound from there.
  equal "$output" '1
bin
dev
proc
touch: /x: Read-only file system
/ ro,relatime
/proc rw,nosuid,nodev,noexec,relatime
/dev rw,nosuid,relatime
/dev/null rw,relatime
/dev/pts rw,nosuid,noexec,relatime
/proc/cmdline ro,nosuid,noexec,relatime
/proc/sys ro,nosuid,nodev,noexec,relatime'
}

@test "--self-bind binds the root onto itself, first of all and by its descriptor" {
  mkdir -p root/sub root/data other
  touch root/file
  echo 'none /data tmpfs size=64k' >table
  ok inside 'mount -t tmpfs none root/sub && bindmount-rs --root root --self-bind --print -v -T table && table | awk "{ print \$5, \$6 }"'
  equal "$output" "$PWD/root
bindmount-rs: root bound on itself.
$PWD/root/data
bindmount-rs: none mounted on /data.
$PWD/root/sub rw,relatime
$PWD/root rw,relatime
$PWD/root/sub rw,relatime
$PWD/root/data rw,relatime"
  # Its options are those of a table's line.
  ok inside 'mount -t tmpfs none root/sub && bindmount-rs --root root --self-bind=rnodev,ro,rshared -T table &&
    awk -v here="$PWD/root" "index(\$5, here) == 1 { print \$5, \$6, \$7 ~ /^shared/ }" /proc/self/mountinfo'
  equal "$output" "$PWD/root/sub rw,relatime 0
$PWD/root ro,nodev,relatime 1
$PWD/root/sub rw,nodev,relatime 1
$PWD/root/data rw,relatime 1"
  # It comes before a single mount as well, and goes with what fails after it.
  ok inside 'bindmount-rs --root root --self-bind other /data && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/root
$PWD/root/data"
  echo '/nosuch /new none bind # mounts[1]' >>table
  refused 32 "cannot mount 'mounts[1]': cannot bind '/nosuch' on '/new'" 'bindmount-rs --root root --self-bind --enter-root -T table -- true'
  refused 32 "cannot bind onto itself 'root': Invalid argument
hint: '$PWD/root' is unbindable" 'bindmount-rs --root root --self-bind -T /dev/null' \
    'mount -t tmpfs none root; mount --make-unbindable root'
  refused 1 '--self-bind needs --root' 'bindmount-rs --self-bind root other'
  refused 1 "the mount option 'size=1' is not allowed here" 'bindmount-rs --root root --self-bind=size=1 -T table'
}

@test "--self-bind refuses the root directory of the process before anything is made" {
  ln -s / link
  ln -s ../../../../../../../../../../../.. up
  echo "none $PWD/made dir" >table
  for root in / // /.. /proc/../. link up link/.. /proc/self/root; do
    refused 32 "cannot bind onto itself '$root': it is the root directory of this process" \
      'bindmount-rs --root "'"$root"'" --self-bind -T table'
    [ ! -e made ]
  done
  # Another mount of it is another root.
  mkdir m
  ok inside 'mount --rbind / m && bindmount-rs --root m --self-bind -T /dev/null && table | awk "\$5 == \"$PWD/m\"" | wc -l'
  equal "$output" 2
}

@test "--enter-root starts the command in the root's top mount, which it then pivots to" {
  requires busybox
  make_rootfs rootfs
  touch rootfs/id
  printf '%s\n' 'proc /proc proc' 'none /proc/sys readonly' >table
  chain=(bindmount-rs --root rootfs --self-bind --fstab table --enter-root --)
  ok unshare -Urmpf "${chain[@]}" ls
  equal "$output" "bin
id
proc"
  for root in 'pivot-root-rs --carry --detach --wd / . .' 'bindmount-rs --detach --move . / chroot-rs --carry --wd / .'; do
    # shellcheck disable=SC2086 # Words.
    ok unshare -Urmpf --propagation slave "${chain[@]}" $root "$(command -v setpriv-rs)" sh -c \
      'pwd; ls; awk "{ print \$5, \$6 }" /proc/self/mountinfo'
    equal "$output" "/
bin
id
proc
/ rw,relatime
/proc rw,relatime
/proc/sys ro,relatime"
  done
  # A table's line for / is the root then.
  mkdir other
  echo "$PWD/other / none bind" >>table
  ok unshare -Urmpf "${chain[@]}" pwd
  ok unshare -Urmpf "${chain[@]}" sh -c 'test -e id || echo other'
  equal "$output" other
  # What fails is undone from where it was started.
  printf '%s\n' 'none /made dir' >table
  refused 127 "cannot execute '/nosuch'" 'bindmount-rs --root rootfs --self-bind --fstab table --enter-root -- /nosuch'
  refused 1 '--enter-root needs --root' 'bindmount-rs --enter-root a b true'
  refused 1 '--enter-root needs a COMMAND' 'bindmount-rs --root rootfs --enter-root -T table'
}

@test "--failure-status is the status of what fails here, and of nothing else" {
  mkdir a b
  refused 9 "cannot bind '/nosuch'" 'bindmount-rs --failure-status 9 /nosuch b'
  refused 9 "invalid option '--nosuch'" 'bindmount-rs --failure-status=9 --nosuch'
  refused 9 'missing operand' 'bindmount-rs --failure-status 9 a'
  refused 9 "cannot read 'table'" 'bindmount-rs --failure-status 9 -T table'
  refused 127 "cannot execute '/nosuch'" 'bindmount-rs --failure-status 9 a b /nosuch'
  refused 126 "cannot execute '$PWD/a'" 'bindmount-rs --failure-status 9 a b "$PWD/a"'
  expect 3 inside 'bindmount-rs --failure-status 9 a b sh -c "exit 3"'
  for status in 0 256 -1 x '' 1x; do
    refused 1 "'$status' is not an exit status from 1 to 255" \
      'bindmount-rs --failure-status "'"$status"'" a b'
  done
}

@test "a propagation of the root as the last line, and a pivot after it" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/old
  for word in shared rshared private rprivate slave rslave unbindable runbindable; do
    printf '%s\n' 'proc /proc proc' "none / none $word" >table
    for old in . old; do
      ok unshare -Urmpf --propagation slave bindmount-rs --root rootfs --self-bind --fstab table --enter-root -- \
        pivot-root-rs --detach . "$old" /bin/busybox awk '{ sub(/:.*/, "", $7); print $5, $7 }' /proc/self/mountinfo
      case $word in
        shared) want=$'/ shared\n/proc -' ;;
        rshared) want=$'/ shared\n/proc shared' ;;
        unbindable) want=$'/ unbindable\n/proc -' ;;
        runbindable) want=$'/ unbindable\n/proc unbindable' ;;
        *) want=$'/ -\n/proc -' ;;
      esac
      equal "$output" "$want"
    done
  done
}

@test "a directory or a file that is there already, behind a symlink too, is left alone" {
  mkdir -p root/real root/dev
  chmod 755 root root/dev
  chmod 700 root/real
  umask 022
  ln -s real root/link
  ln -s /link root/again
  ln -s ../../../../../real root/up
  ln -s /nosuch root/dangling
  ln -s real/file root/file-link
  touch root/real/file
  mkfifo root/fifo
  printf '%s\n' 'none /link dir mode=755' 'none /again dir' 'none /up dir' 'none /../.. dir' 'none / dir' 'none /.. dir' \
    'none /again/new dir mode=711' 'none /file-link file mode=600' 'none /fifo file' 'none /dev/console file mode=600' \
    'none /dev/sub/other file uid=0,gid=0' >table
  umask 077
  ok inside 'bindmount-rs --root root -T table && bindmount-rs --root root -T table'
  equal "$(find root -printf '%p %y %m %l\n' | sed 's/ $//' | sort)" 'root d 755
root/again l 777 /link
root/dangling l 777 /nosuch
root/dev d 755
root/dev/console f 600
root/dev/sub d 755
root/dev/sub/other f 644
root/fifo p 644
root/file-link l 777 real/file
root/link l 777 real
root/real d 700
root/real/file f 644
root/real/new d 711
root/up l 777 ../../../../../real'
  for line in '/dangling dir' '/dangling file' '/fifo dir' '/dev file' '/ file' '/real/file dir'; do
    echo "none $line" >table
    refused 32 "cannot make" 'bindmount-rs --root root -T table'
  done
  # A file that was made goes with what fails.
  printf '%s\n' 'none /new/file file' '/nosuch /x none bind' >table
  refused 32 "cannot bind '/nosuch'" 'bindmount-rs --root root -T table'
}

# touched FILE...: a shell text that attacks each file, which must stay as it is, and may be written to.
touched='
for file; do
  chmod 600 "$file" && echo "$file: chmod"
  chown 7:7 "$file" && echo "$file: chown"
  touch -d @1 "$file" && echo "$file: touch"
  [ -d "$file" ] || echo x >"$file" || echo "$file: no write"
  [ ! -d "$file" ] || ! touch "$file/new" || echo "$file: new"
done 2>/dev/null
echo done'

@test "nobody changes the host's nodes through a mask, or through one that is bound read-only" {
  requires busybox
  make_rootfs rootfs
  mkdir rootfs/secrets
  touch rootfs/masked rootfs/also
  # /dev/full takes nothing from anybody.
  written='/dev/full: no write
'
  printf '%s\n' 'proc /proc proc' 'none /proc/cmdline mask' 'none /proc/bus mask' 'none /masked mask' 'none /also mask rw' \
    'none /secrets mask' '/dev/null /dev/null none bind,ro,nosuid,noexec' '/dev/zero /dev/zero none bind,ro' \
    '/dev/full /dev/full none rbind,rro' >table
  # Root gets nodes of its own to attack, in the place of the machine's.
  nodes=
  ! is_root || nodes='mkdir nodes; mount -t tmpfs none nodes
    mknod nodes/null c 1 3; mknod nodes/zero c 1 5; mknod nodes/full c 1 7; chmod 666 nodes/*
    for node in null zero full; do mount --bind nodes/$node /dev/$node; done'
  for root in 'pivot-root-rs --detach --wd / . .' 'bindmount-rs --detach --move . / chroot-rs .' 'chroot-rs .'; do
    # shellcheck disable=SC2086 # Words.
    ok private sh -c "$nodes"'
      stat -c "%n %a %u %g %Y" /dev/null /dev/zero /dev/full >before
      unshare -mpf --propagation slave "$@"
      stat -c "%n %a %u %g %Y" /dev/null /dev/zero /dev/full | cmp - before' sh \
      bindmount-rs --root rootfs --self-bind -T table --enter-root -- $root \
      /bin/sh -c "$touched" sh /proc/cmdline /proc/bus /masked /also /secrets /dev/null /dev/zero /dev/full
    equal "$output" "${written}done"
    rm -rf nodes
  done
}

@test "--detach leaves nothing but the mount that was moved to the root" {
  requires busybox
  make_rootfs rootfs
  mkdir -p extra tools
  touch file
  printf '%s\n' 'proc /proc proc' 'none /proc/cmdline mask' 'sysfs /sys sysfs' >table
  # Mounts upon mounts, files, and the tools themselves on a mount of their own.
  setup='mount -t tmpfs none extra; mkdir extra/proc; mount --rbind /proc extra/proc; mount -t tmpfs none extra
    mkdir extra/beside; mount -t tmpfs none extra/beside; mount --bind /dev/null file
    mount -t tmpfs none tools; mkdir tools/in; mount -t tmpfs none tools/in; mkdir tools/in/proc
    cp "$(command -v bindmount-rs)" "$(command -v chroot-rs)" tools/in; mount --bind /proc tools/in/proc'
  move='tools/in/bindmount-rs --root rootfs --self-bind -T table --enter-root --'
  move="$move $PWD/tools/in/bindmount-rs --detach --move . / $PWD/tools/in/chroot-rs --wd / ."
  # Descriptor 5 is the table as the old root sees it.
  look='awk "{ print \$5 }" /proc/self/mountinfo | sort; ls /; pwd; cat <&5 >/table'
  want='/
/proc
/proc/cmdline
/sys
bin
proc
sys
table
/'
  touch rootfs/table
  # shellcheck disable=SC2086 # Words.
  ok private sh -c "$setup"'; exec unshare -mpnf --propagation slave sh -c '\''exec 5</proc/self/mountinfo "$@"'\'' sh "$@"' \
    sh $move /bin/sh -c "$look"
  equal "$output" "$want"
  # For an ordinary user the machine's own mounts are locked: the next test looks at those.
  ! is_root || equal "$(awk '{ print $5 }' rootfs/table | sort -u)" "$(sort <<<"/
/proc
/proc/cmdline
/sys
$PWD/tools
$PWD/tools/in")"
  # Where all of them are locked, they are covered: the table shows the container no more than before.
  # shellcheck disable=SC2086 # Words.
  ok private sh -c "mount --make-rshared /; ${setup/; mount -t tmpfs none extra/}"'
    exec unshare -Urmpnf --propagation slave "$@"' sh $move /bin/sh -c "$look" 5</dev/null
  equal "$output" "$want"
}

@test "--detach covers what it cannot unmount, and fails where it cannot cover" {
  mkdir -p new extra/proc
  touch file
  # The classic cat, and the kernel's table, are those of the old root, which is still the process's own.
  ok private sh -c 'mount --rbind /proc extra/proc; mount --bind /dev/zero file; exec unshare -Urm sh -c "$1"' sh '
    exec 3</proc/self/mountinfo
    mount -t tmpfs none new
    exec bindmount-rs --detach --move new / cat <&3'
  whole=$(awk '$4 == "/" && / - (proc|sysfs) / { print $1 }' <<<"$output")
  [ -n "$whole" ]
  for id in $whole; do
    # Each has a read-only tmpfs upon it.
    awk -v id="$id" '$2 == id && $6 ~ /^ro,/ && / - tmpfs / { found = 1 } END { exit !found }' <<<"$output"
  done
  awk -v file="$PWD/file" '$5 == file { last = $6 } END { exit last !~ /^ro,nosuid,noexec/ }' <<<"$output"
  # A proc that is out of reach cannot be covered.
  expect 32 private sh -c 'mount --rbind /proc extra/proc; mount -t tmpfs none extra; exec unshare -Urm sh -c "
    mount -t tmpfs none new; bindmount-rs --detach --move new / true"'
  contains "$stderr" "cannot unmount '$PWD/extra/proc': another mount hides it, and cannot be unmounted"
}

@test "--detach passes over a directory that the caller may not enter" {
  requires root
  ok private sh -c 'mount -t tmpfs -o mode=755 none /mnt; mkdir /mnt/new /mnt/closed; mount -t tmpfs -o mode=700 none /mnt/closed
    exec setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urm sh -c "
      mount -t tmpfs none /mnt/new; exec bindmount-rs --detach --move /mnt/new / true"'
}

@test "--detach is for a mount namespace of one's own" {
  mkdir new
  refused 1 '--detach works only with --move SOURCE /' 'bindmount-rs --detach new /'
  refused 1 '--detach works only with --move SOURCE /' 'bindmount-rs --detach --move new /x'
  refused 1 '--detach works only with --move SOURCE /' 'bindmount-rs --detach --root new --move new /'
  refused 1 '--detach works only with --move SOURCE /' 'bindmount-rs --detach -T /dev/null'
  refused 32 'hint: the source is not a mount point' 'bindmount-rs --detach --move new /'
  # Process 1 and its mounts are here those of a new pid namespace, which another process shares.
  expect 32 unshare -Urmpf --mount-proc sh -c 'mount -t tmpfs none new; (bindmount-rs --detach --move new / true); s=$?
    grep -c . /proc/self/mountinfo >/dev/null && exit $s'
  contains "$stderr" "cannot detach the mounts on '/': this is the mount namespace of process 1"
  # What is done to the mounts is not seen by their peers outside.
  ok private sh -c 'mount --make-rshared / && mount -t tmpfs none new && mount --make-private new && cat /proc/self/mountinfo >before &&
    unshare -m --propagation unchanged sh -c "mount -t tmpfs none new; mount --make-private new; mount --make-private /
      exec bindmount-rs --detach --move new / true"
    cmp before /proc/self/mountinfo'
}

@test "a user namespace inside mounts no proc or sysfs anew where masks are" {
  requires busybox
  make_rootfs rootfs
  mkdir -p rootfs/mnt
  printf '%s\n' 'proc /proc proc' 'none /proc/cmdline mask' 'none /proc/sys readonly' 'sysfs /sys sysfs ro' 'none /sys/kernel mask' >table
  attack='unshare -Urmpf mount -t proc proc /mnt; echo $?; unshare -Urmnf mount -t sysfs sysfs /mnt; echo $?'
  chain() {
    private sh -c 'exec unshare -mpnf --propagation slave "$@"' sh bindmount-rs --root rootfs --self-bind -T table \
      --enter-root -- "$@" /bin/sh -c "$attack" 2>&1
  }
  for root in 'pivot-root-rs --detach --wd / . .' 'bindmount-rs --detach --move . / chroot-rs --wd / .'; do
    # shellcheck disable=SC2086 # Words.
    ok chain $root
    equal "$output" 'mount: permission denied (are you root?)
1
mount: permission denied (are you root?)
1'
  done
  # In a chroot there are no user namespaces at all.
  ok chain chroot-rs --wd / .
  equal "$(grep -c 'Operation not permitted' <<<"$output")" 2
  equal "$(grep -v unshare <<<"$output")" '1
1'
  # The attack is one: without --detach, and without masks, it succeeds.
  ok chain bindmount-rs --move . / chroot-rs --wd / .
  equal "$output" '0
0'
  printf '%s\n' 'proc /proc proc' 'sysfs /sys sysfs' >table
  ok chain pivot-root-rs --detach --wd / . .
  equal "$output" '0
0'
}

@test "a mask is put on what is seen, whatever is on what by then" {
  mkdir -p root/data root/other a b
  touch root/other/secret a/secret b/secret
  ln -s data root/link
  ln -s /other a/out
  echo no >a/secret
  echo no >b/secret
  echo no >root/other/secret
  masked() {
    printf '%s\n' "$PWD/a /data none bind" "${@:2}" >table
    ok inside 'bindmount-rs --root root --self-bind -T table --enter-root -- sh -c "cat \$1; readlink -f \$1 >&2; stat -c %F \$1" sh "$1"' "$1"
    equal "$output" 'character special file'
  }
  masked data/secret 'none /data/secret mask'
  masked data/secret "$PWD/b /link none bind" 'none /data/secret mask'
  masked data/secret "$PWD/b /./data none bind" 'none /data/secret mask'
  masked data/secret "$PWD/b /other none bind" 'none /link/secret mask'
  masked other/secret 'none /data/out/secret mask'
  masked other/secret 'none /data/../other/secret mask'
  # A root of its own hides all of them.
  masked secret "$PWD/b / none bind" 'none /secret mask'
}

@test "masks stay in place while somebody exchanges /proc" {
  race '
    mkdir root/proc root/other
    printf "%s\n" "proc /proc proc" "none /proc/cmdline mask" "none /proc/sys readonly" "none /proc/bus mask" >lines
    attack exchange root/proc root/other
    for round in $(seq '"$(rounds 1000)"'); do
      unshare --mount --pid --fork bindmount-rs --root root --self-bind -T lines cat /proc/self/mountinfo
      echo end
    done 2>errors >tables
    kill $attacker
    # A proc on the root, and what is on that proc.
    awk -v here="$PWD/root/" "
      index(\$5, here) == 1 && \$4 == \"/\" && / - proc / { proc[\$1] = 1 }
      \$2 in proc { masks++ }
      /^end/ { rounds[length(proc) + 0 \" \" masks + 0]++; split(\"\", proc); masks = 0 }
      END { for (row in rounds) print row, rounds[row] }" tables
    cat errors'
  equal "$output" "1 3 $(rounds 1000)"
}

@test "a root that is exchanged meanwhile is one and the same for the whole chain" {
  requires busybox
  make_rootfs one
  make_rootfs two
  race '
    for root in one two; do
      cp -a "$here/$root" .
      mkdir $root/proc $root/data
      echo $root >$root/id
    done
    printf "%s\n" "proc /proc proc" "none /proc/cmdline mask" "none /data tmpfs size=4k" "none /data/new file" >lines
    attack exchange one two
    for round in $(seq '"$(rounds 300)"'); do
      unshare --mount --pid --fork bindmount-rs --root one --self-bind -T lines --enter-root -- \
        pivot-root-rs --detach --wd / . . /bin/sh -c '\''
          read -r id </id
          read -r was </bin/../id
          echo "$id $was $(ls /data) $(grep -c "" /proc/self/mountinfo) $(wc -c </proc/cmdline)"'\''
    done 2>errors | sort | uniq -c >said
    kill $attacker
    cat said errors'
  equal "$(awk '{ $1 = ""; print }' <<<"$output")" ' one one new 4 0
 two two new 4 0'
  equal "$(awk '{ n += $1 } END { print n }' <<<"$output")" "$(rounds 300)"
}

@test "what a table says reaches no terminal as a control character" {
  esc=$'\033'
  mkdir -p a "b${esc}[1m" root
  ok inside 'bindmount-rs -v --print a "$1"' "b${esc}[1m"
  equal "$output" "$PWD/b\\033[1m
bindmount-rs: a bound on b\\033[1m."
  ok inside 'bindmount-rs --print -0 a "$1" | tr "\0" "\n"' "b${esc}[1m"
  equal "$output" "$PWD/b${esc}[1m"
  ok inside 'bindmount-rs -fv a "$1"' "b${esc}[1m"
  lacks "$output" "$esc"
  said() {
    printf '%b\n' "$1" >table
    run --separate-stderr inside 'bindmount-rs --root root -T table'
    [ "$status" -ne 0 ]
    contains "$stderr" "$2"
    lacks "$stderr" "$esc"
  }
  said 'none /x tmpfs nosuch\033[1m=1' "cannot set the option 'nosuch\\033[1m=1': tmpfs: Unknown parameter 'nosuch\\033[1m'"
  said 'none /x nosuch\033[1m' "cannot open a file system of the type 'nosuch\\033[1m'"
  said '/no\033[1m /x none bind # mounts[\033[2m]' "cannot mount 'mounts[\\033[2m]': cannot bind '/no\\033[1m' on '/x'"
  said 'none /x none bind,size\033=1' "the mount option 'size\\033=1' is not allowed here"
  said 'none /x fifo mode=\033' "'\\033' is no mode in octal"
  said 'x\033 /x char' "not 'x\\033'"
  said 'none /x none X-mount.nosuch\033' "'X-mount.nosuch\\033' is not supported"
  # Whatever reads the command line, too.
  expect 1 bindmount-rs "--no${esc}[1m"
  equal "$stderr" "bindmount-rs: invalid option '--no\\033[1m'
Try 'bindmount-rs --help' for more information."
  expect 1 bindmount-rs "--bind=${esc}[1m" a root
  lacks "$stderr" "$esc"
}

@test "names are bytes, and messages one line" {
  mkdir -p $'a\nb\xff' root
  ok inside 'bindmount-rs --root root "$1" "$2" && ls root' $'a\nb\xff' $'c\nd\xfe'
  equal "$output" $'c\nd\xfe'
  expect 32 inside 'bindmount-rs "$1" root' $'no\nsuch\xff'
  equal "$stderr" "bindmount-rs: cannot bind 'no\\012such\\377' on 'root': No such file or directory"
}

@test "what has nothing to do here is taken" {
  mkdir a b
  same '$mount -c -i -n --bind a b'
  same '$mount --no-canonicalize --internal-only --no-mtab --bind a b'
}

@test "wrong command lines do nothing" {
  mkdir a b
  for option in -L --label -U --uuid -l --show-labels -F --fork -s --options-mode --options-source \
    --options-source-force --exclusive; do
    refused 1 "invalid option '$option': " "bindmount-rs $option a b"
  done
  refused 1 "the mount option 'loop' is not supported" 'bindmount-rs -t ext4 -o loop a b'
  refused 1 "the mount option 'X-mount.auto-fstypes=ext4' is not supported" 'bindmount-rs -o X-mount.auto-fstypes=ext4 a b'
  refused 1 "the type 'auto' is not supported: name the file system" 'bindmount-rs -t auto a b'
  refused 1 "a map of owners is INNER:OUTER:COUNT, not '1:2'" 'bindmount-rs --map-users 1:2 a b'
  refused 1 "missing operand: SOURCE" bindmount-rs
  refused 1 "missing operand: TARGET" 'bindmount-rs a'
  refused 1 "options must stand before the operands: '-o'" 'bindmount-rs a b -o ro'
  refused 1 "options must stand before the operands: '-o'" 'bindmount-rs a -o ro b'
  refused 1 "invalid option '--label': it names a block device" 'bindmount-rs --label root b'
  refused 1 "invalid option '-F': one process mounts all" 'bindmount-rs -aF'
  refused 1 "'LABEL=root' names a block device, which is not supported" 'bindmount-rs LABEL=root b'
  refused 1 "remount without bind changes a file system for all who use it" 'bindmount-rs -o remount,ro b'
  refused 1 "--beneath is for a single mount" 'bindmount-rs --beneath -a'
}

@test "a link named mount speaks as mount" {
  ln -s "$(command -v bindmount-rs)" mount
  expect 1 ./mount
  equal "$stderr" "mount: missing operand: SOURCE
Try 'mount --help' for more information."
}

@test "tmpcopyup: a new tmpfs holds what was there" {
  mkdir -p root/dir/sub target
  echo text >root/dir/file
  chmod 4751 root/dir/file
  chmod 710 root/dir
  ln -s /etc/passwd root/dir/link
  mkfifo root/dir/fifo
  echo deep >root/dir/sub/file
  touch -d 2001-01-01 root/dir/file root/dir/sub
  ok private bindmount-rs --root root -t tmpfs -o tmpcopyup,size=1m none /dir sh -c \
    'cd root/dir && stat -c "%n %F %a %Y" . file link fifo sub && cat file sub/file && readlink link && echo new >file && cat file'
  equal "$output" ". directory 710 $(stat -c %Y root/dir)
file regular file 4751 $(date -d 2001-01-01 +%s)
link symbolic link 777 $(stat -c %Y root/dir/link)
fifo fifo $(stat -c '%a %Y' root/dir/fifo)
sub directory 755 $(date -d 2001-01-01 +%s)
text
deep
/etc/passwd
new"
  equal "$(cat root/dir/file)" text
  # Read-only once it is full; a mode that is given is the mode.
  ok private bindmount-rs --root root -t tmpfs -o tmpcopyup,ro,mode=700 none /dir sh -c 'cat root/dir/file; stat -c %a root/dir; touch root/dir/x || true'
  equal "$output" $'text\n700'
  contains "$stderr" 'Read-only file system'
  # What does not fit is an error, and nothing is mounted.
  head -c 200000 /dev/zero >root/dir/big
  expect 32 private bindmount-rs --root root -t tmpfs -o tmpcopyup,size=64k none /dir true
  contains "$stderr" "cannot copy the contents of '/dir': cannot copy 'big': No space left on device"
  expect 1 bindmount-rs -t proc -o tmpcopyup none target
  contains "$stderr" 'tmpcopyup is not allowed here'
}

@test "tmpcopyup: an image cannot lead it out, nor let it wait" {
  mkdir -p root/dir secret
  echo secret >secret/file
  ln -s "$PWD/secret" root/dir/link
  ln -s "$PWD/secret/file" root/dir/file
  mkfifo root/dir/fifo
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("root/dir/socket")' 2>/dev/null || true
  ! is_root || mknod root/dir/null c 1 3
  ok private timeout 20 bindmount-rs --root root -t tmpfs -o tmpcopyup none /dir sh -c 'cd root/dir; ls; stat -c %F link file'
  equal "$output" $'fifo\nfile\nlink\nsymbolic link\nsymbolic link'
  # The target itself is found in the root.
  ln -s "$PWD/secret" root/out
  ok private bindmount-rs --root root -t tmpfs -o tmpcopyup none /out sh -c 'ls secret; ls "root$1"' sh "$PWD/secret"
  equal "$output" file
}

@test "a tree is left on a descriptor, and attached by another call" {
  mkdir source target
  echo here >source/file
  # shellcheck disable=SC2016 # for the shell inside
  ok private bindmount-rs -o bind,ro,X-mount.fd=7 source none bindmount-rs -o bind,X-mount.tree /dev/fd/7 target \
    sh -c 'cat target/file; findmnt -no OPTIONS target; (: >target/new) 2>&1; true'
  contains "$output" here
  contains "$output" ro
  contains "$output" 'Read-only file system'
  # Attached once, it is not there again; and a descriptor of anything else is no tree.
  expect 32 private bindmount-rs -o bind,X-mount.tree /dev/fd/7 target true 7<source/file
  contains "$stderr" "bindmount-rs: cannot"
  expect 32 private bindmount-rs -o bind,X-mount.tree source target true
  contains "$stderr" "cannot use the tree 'source': it is not a descriptor, /dev/fd/N"
  expect 32 private bindmount-rs -o bind,X-mount.fd=7 source none true 7<source/file
  contains "$stderr" "cannot leave the tree on the descriptor '7': it is in use"
  expect 1 private bindmount-rs -o bind,X-mount.fd=2 source none true
}

@test "descriptors as sources: of a bind, a file and a file in memory, which COMMAND does not get" {
  mkdir source target
  echo here >source/file
  printf '%s\n' "/dev/fd/5 $PWD/target none bind" "/dev/fd/6 $PWD/target/new file mode=640" "none $PWD/target/file chmod mode=600" \
    "/dev/fd/7 $PWD/bound data ro,mode=604" >table
  touch bound
  ok private bindmount-rs --fstab table sh -c 'cat target/new bound; stat -c %a target/new target/file bound; ls -A target
    [ ! -e /proc/self/fd/5 ] && [ ! -e /proc/self/fd/6 ] && [ ! -e /proc/self/fd/7 ] && echo closed; (: >bound) 2>&1; ls -A bound
    grep -c "/bound ro,nosuid,nodev" /proc/self/mountinfo' \
    5<source 6<<<six 7<<<seven
  contains "$output" "six
seven
640
600
604
file
new
closed"
  contains "$output" 'Read-only file system'
  equal "${output##*$'\n'}" 1
  equal "$(cat bound)" ''
  # What is there is not written to, and no link is changed.
  ln -s /etc/passwd source/link
  for line in "/dev/fd/6 $PWD/source/file file" "none $PWD/source/link chmod mode=777" "/dev/fd/99 $PWD/bound data" "none $PWD/bound data"; do
    expect 32 private bindmount-rs --fstab - true <<<"$line" 6</dev/null || expect 1 private bindmount-rs --fstab - true <<<"$line" 6</dev/null
  done
  equal "$(cat source/file)" here
  # What was opened before this mount namespace was made is found by its path; another file there is not it.
  mkdir moved
  private sh -c 'mount -t tmpfs tmpfs moved && exec bindmount-rs -o bind /dev/fd/5 target true' 5<moved && return 1
  ok private bindmount-rs -o bind /dev/fd/5 target ls target 5<source
}

@test "a tree on a descriptor has the propagation that is asked for" {
  mkdir source target
  # shellcheck disable=SC2016 # for the shell inside
  ok private sh -c 'mount -t tmpfs tmpfs source && mkdir source/sub && mount --make-shared source &&
    bindmount-rs -o rbind,rprivate,X-mount.fd=7 source none bindmount-rs -o bind,X-mount.tree /dev/fd/7 target \
      sh -c "mount -t tmpfs later source/sub && findmnt -rno TARGET,PROPAGATION | grep -F $PWD"'
  equal "$output" "$PWD/source shared
$PWD/target private
$PWD/source/sub shared"
}

@test "the owners of the top of a tree alone are mapped" {
  requires root kernel 6.3
  mkdir -p source/sub target
  chown 1000:1000 source
  # shellcheck disable=SC2016
  ok private sh -c 'mount -t tmpfs none source/sub && chown 1000:1000 source source/sub &&
    bindmount-rs --rbind -o X-mount.idmap-top=u:1000:5:1\ g:1000:6:1 source target stat -c "%u:%g" target target/sub'
  equal "$output" $'5:6\n1000:1000'
}

@test "owners are mapped where /proc shows another PID namespace" {
  requires root
  mkdir source target
  chown 1000:1000 source
  # Process 2 of the namespace outside is another one than that of the namespace inside.
  ok unshare --mount --pid --fork sh -c 'bindmount-rs -B -o X-mount.idmap=b:1000:5:1 source target stat -c "%u:%g" target'
  equal "$output" 5:5
}

@test "where descriptors are scarce nothing is done, or all of it undone" {
  requires userns
  mkdir box
  # as_many N LIMIT: a table of N mounts that masks stand in.
  as_many() {
    { seq -f 'tmpfs /d%g tmpfs x-mount.mkdir' "$1" && seq -f 'none /d%g/x mask' "$1"; } >mounts
    expect "$3" inside 'ulimit -Sn "$1"
      bindmount-rs --root box --fstab mounts || status=$?
      table | wc -l
      exit "${status-0}"' "$2"
  }
  as_many 1100 1024 32
  equal "$output $(ls box)" '0 '
  equal "$stderr" "bindmount-rs: cannot hold the 1100 mounts that later lines change or mask: Too many open files
hint: a process may have 1024 descriptors here; \`ulimit -n\` raises that"
  as_many 16 20 32
  equal "$output $(ls box)" '0 '
  contains "$stderr" "cannot make the target"
  lacks "$stderr" undo
  # What no mask stands in takes none.
  seq -f 'tmpfs /d%g tmpfs x-mount.mkdir' 60 >mounts
  ok inside 'ulimit -Sn 20; bindmount-rs --root box --fstab mounts && table | wc -l'
  equal "$output" 60
}

@test "--keep-going passes over lines that cannot be read; without it all of them are named" {
  mkdir a b c
  bad=('UUID=1-2 /x ext4' '/a /x none bind,umask=7' "none $PWD/b tmpfs X-mount.mode=9" 'none /x none ro' '/a')
  printf '%s\n' "${bad[@]}" "$PWD/a $PWD/b none bind" >table
  expect 64 inside 'bindmount-rs --keep-going -T table; status=$?; table | awk "{ print \$5 }"; exit $status'
  equal "$output" "$PWD/b"
  equal "$(grep -c 'cannot read .table:[1-5]' <<<"$stderr")" 5
  contains "$stderr" 'hint: name the device by its path, as `blkid` lists it, or leave its line out: `-t noext4` takes no line of its type (`-t none` is,'
  for flags in '' -f; do
    refused 32 "cannot read 'table:5': the target is missing" "bindmount-rs $flags -T table"
    equal "$(grep -c 'cannot read .table:[1-5]' <<<"$stderr")" 5
  done
  # COMMAND runs only where none has failed.
  expect 64 inside 'bindmount-rs --keep-going -T table touch ran'
  [ ! -e ran ]
  expect 64 bindmount-rs --keep-going -f -T table
  sed -i '$d' table
  expect 32 inside 'bindmount-rs --keep-going -T table'
}

@test "lines that the classic takes are taken, and chosen as it chooses them" {
  mkdir a b c d
  printf '%s\n' "$PWD/a $PWD/b none bind,default -1 -2 seven 8" "$PWD/a $PWD/c none bind,ro" "none $PWD/d tmpfs size=4k" >fstab
  for list in tmpfs TMPFS noTMPFS none nonone notmpfs,noramfs tmpfs,none notmpfs,none; do
    same "\$mount -a -T fstab -t $list"
  done
  for list in bind= nobind= ro= size= size=4k; do
    same "\$mount -a -T fstab -O $list"
  done
  expect 126 inside 'bindmount-rs -T fstab "$PWD/c"'
  contains "$stderr" "hint: '$PWD/c' is the target of a line and was taken for COMMAND: \`--target '$PWD/c'\` mounts that line alone"
}

@test "double quotes around values, as libmount takes them" {
  mkdir a b
  ok inside 'bindmount-rs -o "X-mount.mkdir=\"700\",X-mount.mode=\"1711\",X-mount.owner=\"0\",X-mount.group=\"0\"" a n && stat -c "%a %u" n'
  equal "$output" '1711 0'
  rm -r a n
  mkdir -p a/sub
  touch a/sub/file
  ok inside 'bindmount-rs -o "X-mount.subdir=\"sub\"" a b && ls b'
  equal "$output" file
  echo 'none /f fifo mode="640"' >table
  ok bindmount-rs --root a -T table
  equal "$(stat -c %a a/f)" 640
  # Otherwise the options after it would be lost.
  refused 1 'a double quote in ' "bindmount-rs -t tmpfs -o 'x-a\",ro,nosuid' none a"
  refused 1 "a map of owners is INNER:OUTER:COUNT, not 'x'" "bindmount-rs -o 'X-mount.idmap=\"u:0:1:1 x\"' a b"
}

@test "-m makes nothing through a dangling symlink, and every directory with its mode" {
  mkdir a
  ln -s "$PWD/nowhere" link
  for target in link link/below; do
    refused 32 "cannot make the target '$target': No such file or directory
hint: 'link' is a symlink to '$PWD/nowhere', which does not exist" "bindmount-rs -m a $target"
  done
  same '$mount --bind -o X-mount.mkdir a link; status=$?; [ ! -e nowhere ] || echo made; (exit $status)'
  ok inside 'umask 77; bindmount-rs -m0711 a n/e/w && stat -c %a n n/e'
  equal "$output" '711
711'
}

@test "a move with attributes has them before it is seen" {
  mkdir -p a b
  ok inside 'mount -t tmpfs none a && mkdir a/sub && mount -t tmpfs none a/sub && bindmount-rs --move -o ro,rnosuid a b && table | awk "{ print \$5, \$6 }"'
  equal "$output" "$PWD/b ro,nosuid,relatime
$PWD/b/sub rw,nosuid,relatime"
  printf '%s\n' "$PWD/a $PWD/b none move,ro" "/nosuch $PWD/b none bind" >table
  refused 32 'cannot mount' 'bindmount-rs -T table' 'mount -t tmpfs none a'
  lacks "$stderr" undo
  refused 32 'cannot change the attributes' 'bindmount-rs --move -o ro a b'
}

@test "lines of LXC: optional, and create=dir or create=file" {
  mkdir a b
  touch file
  printf '%s\n' "/nosuch $PWD/b none bind,optional" "none $PWD/b nosuchfs optional" "$PWD/a $PWD/n/d none bind,create=dir" \
    "$PWD/file $PWD/n/f none bind,optional,create=file" "$PWD/a $PWD/missing/x none bind,optional" >table
  ok inside 'bindmount-rs -T table && table | awk "{ print \$5 }"'
  equal "$output" "$PWD/n/d
$PWD/n/f"
  equal "$stderr" ''
  [ ! -e missing ]
  refused 1 "the mount option 'create=x' is not supported" 'bindmount-rs -o create=x a b'
}

# without CALLS ERRNO: the script rules of the kernel's answer to these system calls, as an older one or a seccomp filter gives it.
without() {
  printf '%s\n' 'default allow' "errno $2 $1" >rules
  filtered=(setpriv-rs --no-new-privs --seccomp-rules "$PWD/rules")
}

@test "what was done is found again by its mount, before Linux 6.8 too" {
  mkdir -p root/there
  without 'statmount listmount' ENOSYS
  setup='mount --bind root root; mount -t tmpfs x root/there'
  for words in remount,bind,ro=recursive runbindable; do
    printf '%s\n' "none / none $words" '/nosuch /there none bind' >table
    for filter in '' "${filtered[*]}"; do
      refused 32 "cannot mount 'table:2'" "$filter bindmount-rs --root root -T table" "$setup"
      lacks "$stderr" undo
      expect 32 inside "$setup; $filter"' bindmount-rs --root root -T table; status=$?; : >root/there/x; exit $status'
    done
  done
}

@test "a failed undo says what is left, once, and nothing of what is gone" {
  # The upper directory of a user namespace is on a tmpfs.
  is_root || requires kernel 6.6
  mkdir t
  printf '%s\n' "none $PWD/t tmpfs" "none $PWD/t/l dir" "none $PWD/t/u dir" "none $PWD/t/w dir" "none $PWD/t/m dir" \
    "overlay $PWD/t/m overlay lowerdir=$PWD/t/l,upperdir=$PWD/t/u,workdir=$PWD/t/w,userxattr" "/nosuch $PWD/t none bind" >table
  refused 32 "cannot mount 'table:7'" 'bindmount-rs -T table'
  lacks "$stderr" undo
  # Without the tmpfs the overlay's work directory is left.
  sed -i 1d table
  expect 32 inside 'mount -t tmpfs none t; bindmount-rs -T table; status=$?; ls t; exit $status'
  equal "$output" w
  equal "$stderr" "bindmount-rs: cannot undo the making of '$PWD/t/w': Directory not empty
bindmount-rs: cannot mount 'table:6': cannot bind '/nosuch' on '$PWD/t': No such file or directory"
}

@test "mount(2) does at once what it can where the calls for building a mount are refused" {
  mkdir -p a/sub b root/dir
  touch a/file
  ln -s "$(printf 'x%.0s' {1..100})" root/link
  for errno in ENOSYS EPERM; do
    without 'open_tree open_tree_attr move_mount mount_setattr fsopen fsconfig fsmount' "$errno"
    filter="${filtered[*]}"
    # With the same results as without the filter.
    [ "$errno" = ENOSYS ] || set -- 'a b' '-R a b' '-t tmpfs none b'
    [ "$errno" = EPERM ] || set -- 'a b' '-R a b' 'a/file root/file' '-m a n/e/w' '-t tmpfs -o size=4k,mode=700,ro,nosuid,sync none b' \
      '-t tmpfs -o noatime,nodev,nosymfollow none b' '-t proc -o nosuid,nodev,noexec proc b' '-M a b' \
      '-o remount,bind,ro,noatime a' '-o remount,bind,nosymfollow a' '--make-shared a' '--make-runbindable a' '--make-slave a b'
    for words; do
      setup='mount -t tmpfs none a; mount -o remount,bind,strictatime,nosuid a; mkdir -p root a/sub; touch a/file root/file; mount -t tmpfs none a/sub'
      case $words in '-t proc'*) is_root || continue ;; esac
      want=$(inside "$setup; bindmount-rs $words; table")
      ok inside "$setup; $filter bindmount-rs $words; table"
      equal "$output" "$want"
      rm -rf n
    done
    # A table inside a root, masks of directories included, and its undoing.
    printf '%s\n' "none /tmp tmpfs size=64k" "$PWD/a /tmp/a none rbind" "none /dir mask" "none /proc tmpfs" >table
    sed -i '$d' table
    ok inside "$filter bindmount-rs --root root --self-bind -T table; table | awk '{ print \$5, \$6 }'"
    equal "$output" "$PWD/root rw,relatime
$PWD/root/tmp rw,relatime
$PWD/root/tmp/a rw,relatime
$PWD/root/dir ro,nosuid,nodev,noexec,relatime"
    echo '/nosuch /x none bind' >>table
    refused 32 "cannot mount 'table:4': cannot bind '/nosuch' on '/x': No such file or directory" \
      "$filter bindmount-rs --root root --self-bind -T table"
    lacks "$stderr" undo
    echo "$PWD/a /proc none bind" >table
    refused 32 'only a proc can be mounted on /proc' "mkdir -p root/proc; $filter bindmount-rs --root root -T table" 'mkdir -p root/proc'
    # What needs a second call is an error that names the one that is missing.
    printf 'none /file mask\n' >table
    for words in '-o ro a b' '-o rro a b' '--map-users 0:0:1 a b' '-t tmpfs -o ro=fs none b' '--root root -T table' \
      '-t tmpfs -o rnodev none b' '-o X-mount.subdir=sub a b' '-t tmpfs -o tmpcopyup none a' '-o X-mount.fd=20 a b true'; do
      refused 32 'hint: a seccomp filter refuses open_tree(2), move_mount(2), mount_setattr(2), fsopen(2): as a profile that is older' \
        "$filter bindmount-rs $words"
    done
  done
}

@test "a filter without openat2, as systemd's RestrictSUIDSGID has it, is named; binds outside of a root need none" {
  mkdir -p a b root
  without openat2 ENOSYS
  ok inside "${filtered[*]} bindmount-rs a b; ${filtered[*]} bindmount-rs -t tmpfs none b; table | wc -l"
  equal "$output" 2
  refused 32 'hint: a seccomp filter refuses openat2(2): in a systemd unit RestrictSUIDSGID=yes does that, and DynamicUser=yes implies it' \
    "${filtered[*]} bindmount-rs --root root a b"
}

@test "an AppArmor profile that denies a mount is named" {
  mkdir a b
  without 'open_tree mount' EACCES
  for profile in 'box//sub (enforce)' 'box (complain)' unconfined 'u:r:t:s0'; do
    echo "$profile" >profile
    expect 32 inside "$show_profile"'; exec "$@"' "${filtered[@]}" bindmount-rs a b
    case $profile in
      box//*) contains "$stderr" "hint: the AppArmor profile 'box//sub' of this process denies it" ;;
      *) lacks "$stderr" AppArmor ;;
    esac
  done
}

@test "an overlay whose lowerdir is longer than a value, where layers cannot be set one by one" {
  layers=
  for number in $(seq 20); do
    mkdir -p "layer-$number"
    layers=$layers:$PWD/layer-$number
  done
  mkdir -p m 'a:b' root
  touch layer-1/first layer-20/last 'a:b/escaped'
  # As before Linux 6.8, where the kernel takes no lowerdir+; this kernel's context takes no escaped colon one by one either.
  for lower in "${layers#:}:${PWD}/a\\:b" "$PWD/a\\:b${layers}"; do
    ok inside 'bindmount-rs -t overlay -o "lowerdir=$1" overlay m && ls m' "$lower"
    equal "$output" "escaped
first
last"
    ok inside 'bindmount-rs --root root -t overlay -o "lowerdir=$1,ro" overlay m && ls root/m && table | awk "{ print \$5, \$6 }"' "$lower"
    contains "$output" "$PWD/root/m ro,relatime"
  done
  refused 32 'hint: the kernel takes at most 255 bytes for `lowerdir`, or 4095 for all options: a relative path may be shorter' \
    "bindmount-rs -t overlay -o lowerdir=$(printf '/%0200d' $(seq 30)) none m"
}

@test "causes of failures are told apart" {
  mkdir -p a/sub b root l u w m
  hint() {
    expect 32 "${@:2}"
    contains "$stderr" "hint: $1"
  }
  hint 'it is not a mount point: bind it onto itself first, or name the mount that it is in' inside 'bindmount-rs --make-private a'
  hint "'$PWD/a/sub' is inside the mount at '$PWD/a', which cannot be moved beneath itself" \
    inside 'mount -t tmpfs none a; mkdir a/sub; bindmount-rs -M a a/sub'
  hint 'mounting beneath another mount needs Linux 6.5' inside 'exec setarch --uname-2.6 bindmount-rs --beneath a b'
  # The kernel's own words need no guess beside them.
  expect 32 unshare -Urm bindmount-rs -t overlay -o lowerdir=l,bogus none m
  contains "$stderr" "Unknown parameter 'bogus'"
  lacks "$stderr" hint
  # In a user namespace.
  hint "a user namespace may not mount a file system of the type 'debugfs': mount it outside, and bind it" \
    unshare -Urm bindmount-rs -t debugfs none m
  hint "mounts beneath the lowerdir '/' came from outside this user namespace" \
    unshare -Urm bindmount-rs -t overlay -o lowerdir=/,upperdir=u,workdir=w,userxattr none m
  hint 'CAP_SYS_ADMIN is held over this user namespace, and not over the one that owns the mount namespace: make a mount namespace too, with `--mount` of `unshare-rs`' \
    unshare -Ur bindmount-rs a b
  hint 'this user namespace has no users 77 to 77: INNER and OUTER may be swapped, 77:0:1' \
    unshare -Urm bindmount-rs --map-users 0:77:1 --map-groups 0:0:1 a b
  hint 'this user namespace has no groups 78 to 79: OUTER must be in /proc/self/gid_map' \
    unshare -Urm bindmount-rs --map-users 0:0:1 --map-groups 77:78:2 a b
  hint 'the range 0:4294967294:2 of users goes beyond 4294967294' private bindmount-rs --map-users 0:4294967294:2 --map-groups 0:0:1 a b
  hint 'the range 0:0:0 of users is empty: its COUNT is at least 1' private bindmount-rs --map-users 0:0:0 --map-groups 0:0:1 a b
  # Whoever is not root in its user namespace has lost its capabilities.
  user=()
  ! is_root || user=(setpriv --reuid=1234 --regid=1234 --clear-groups)
  hint 'CAP_SYS_ADMIN was lost on the way here, since this user is not root in the user namespace: add `--keep-caps` to `unshare-rs`' \
    "${user[@]}" unshare-rs -c -m bindmount-rs / /
  hint 'CAP_SYS_ADMIN was lost on the way here, since the map of the user namespace lacks this user' \
    "${user[@]}" unshare-rs -U -m bindmount-rs / /
  hint 'CAP_SYS_ADMIN was given up on the way here: do what needs it before that' \
    unshare -Urm setpriv-rs --bounding-set -sys_admin bindmount-rs a b
  # That binfmt_misc is mounted in a proc hides nothing of it.
  requires root
  expect 32 private sh -c 'mount -t tmpfs none /proc/sys/fs/binfmt_misc && exec unshare -Urm bindmount-rs -t proc proc m'
  lacks "$stderr" binfmt_misc
  hint 'making a device node needs CAP_MKNOD, which this process lacks: bind that of the host' \
    setpriv-rs --bounding-set -mknod sh -c 'echo "1:3 /null char" | exec bindmount-rs --root root -T -'
}

@test "a mount namespace that is full is named" {
  requires root
  mkdir -p a b
  most=$(cat /proc/sys/fs/mount-max)
  [ "$most" -ge 1000 ] || skip 'another test has changed fs.mount-max'
  # The tree is doubled until it is more than there may be: the machine's limit is left alone.
  expect 32 inside 'mount -t tmpfs none a; mkdir a/a a/b; while bindmount-rs -R a a/a && bindmount-rs -R a a/b; do :; done; exit 32'
  contains "$stderr" 'No space left on device'
  contains "$stderr" "hint: fs.mount-max allows $most mounts in a mount namespace, and "
}

@test "--remove-on-failure removes the directory when the tool fails" {
  removes_on_failure 32 'bindmount-rs DIR /nosuch a true'
  removes_on_failure 9 'bindmount-rs DIR --failure-status 9 /nosuch a true'
}
