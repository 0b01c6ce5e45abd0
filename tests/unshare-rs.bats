#!/usr/bin/env bats
# unshare-rs, beside util-linux's unshare where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.

load helpers
load cgroups

# same ARGUMENT...: both tools must give the same output and the same status.
same() {
  local want want_status=0 got got_status=0
  want=$(unshare "$@" 2>/dev/null) || want_status=$?
  got=$(unshare-rs "$@" 2>stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'arguments: %s\nunshare:    %s %s\nunshare-rs: %s %s\n' "$*" "$want_status" "$want" "$got_status" "$got"
    cat stderr
    return 1
  }
}

# both SCRIPT [SETUP]: as same, where the tool is the word $tool of a script that runs as root in a mount namespace of
# its own, after SETUP.
both() {
  local want want_status=0 got got_status=0
  want=$(tool=unshare private bash -c "${2-}"$'\n'"$1" 2>/dev/null) || want_status=$?
  got=$(tool=unshare-rs private bash -c "${2-}"$'\n'"$1" 2>stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'script: %s\nunshare:    %s %s\nunshare-rs: %s %s\n' "$1" "$want_status" "$want" "$got_status" "$got"
    cat stderr
    return 1
  }
}

# refused MESSAGE COMMAND...: fails with status 1 and says MESSAGE.
refused() {
  local message=$1
  shift
  expect 1 "$@"
  contains "$stderr" "$message"
}

# until COMMAND...: waits until COMMAND succeeds, ten seconds at most.
until_ok() {
  local try
  for ((try = 0; try < 1000; try++)); do
    ! "$@" 2>/dev/null || return 0
    sleep 0.01
  done
  printf 'never came true: %s\n' "$*"
  return 1
}

# ended PID: the process is gone, or a zombie.
ended() {
  ! grep -q '^State:.[^ZX]' "/proc/$1/status"
}

# ends STATUS PID: the job PID of this shell ends with STATUS.
ends() {
  local status=0
  wait "$2" || status=$?
  equal "$status" "$1"
}

# new_namespaces TOOL ARGUMENT...: the files of /proc/self/ns that COMMAND sees changed.
new_namespaces() {
  as_root bash -c '
    list=(stat -L -c "%n %i" /proc/self/ns/*)
    diff <("${list[@]}") <("$@" "${list[@]}" 2>/dev/null) | sed -n "s,^[<>] /proc/self/ns/\([a-z_]*\) .*,\1,p" |
      sort -u | tr "\n" " "' bash "$@"
}

# same_namespaces WANT ARGUMENT...: both tools must make these namespaces new, and no others.
same_namespaces() {
  local want=$1
  shift
  equal "$(new_namespaces unshare "$@")" "$want "
  equal "$(new_namespaces unshare-rs "$@")" "$want "
}

@test "namespaces: each is new, and no other" {
  same_namespaces mnt -m
  same_namespaces mnt --mount
  same_namespaces uts -u
  same_namespaces uts --uts
  same_namespaces ipc -i
  same_namespaces ipc --ipc
  same_namespaces net -n
  same_namespaces net --net
  same_namespaces pid_for_children -p
  same_namespaces 'pid pid_for_children' --pid --fork
  same_namespaces user -U
  same_namespaces user --user
  same_namespaces cgroup -C
  same_namespaces cgroup --cgroup
  # Since Linux 6.3 it is entered by execve(2).
  time=time_for_children
  ! since 6.3 || time='time time_for_children'
  same_namespaces "$time" -T
  same_namespaces 'time time_for_children' --time --fork
  same_namespaces 'cgroup ipc mnt net pid pid_for_children time time_for_children user uts' -muinpUCTrf
  equal "$(new_namespaces unshare-rs)" ''
}

# A mount namespace is bound only inside one with a lower id, which the classic needs one CPU for.
@test "lasting namespaces: each is bound onto its file" {
  kinds='mount uts ipc net pid user cgroup time'
  # shellcheck disable=SC2086 # Words.
  touch $kinds
  files='--mount=mount --uts=uts --ipc=ipc --net=net --pid=pid --user=user --cgroup=cgroup --time=time'
  look='stat -L -c %i /proc/self/ns/{mnt,uts,ipc,net,pid,user,cgroup,time}'
  taskset -p -c 0 $BASHPID
  for tool in unshare unshare-rs; do
    ok private bash -c "
      $tool $files --fork bash -c '$look' >inside
      stat -c %i $kinds
      umount $kinds"
    [ "$(wc -l <inside)" -eq 8 ]
    equal "$output" "$(cat inside)"
  done
}

# The ids come from a stock of each CPU: where that has lower ones than the namespace outside, the classic fails.
@test "lasting namespaces: a mount namespace is bound whatever CPU it is made on" {
  [ "$(nproc)" -gt 1 ] || skip "needs two CPUs"
  touch ns
  for cpus in '0 0' '0 1' '1 0' '1 1'; do
    taskset -p -c "${cpus% *}" "$BASHPID"
    ok private taskset -c "${cpus#* }" unshare-rs --mount=ns grep Cpus_allowed_list /proc/self/status
    equal "$output" "Cpus_allowed_list:	${cpus#* }"
  done
}

@test "lasting namespaces: they live on without a process" {
  touch ns
  both '$tool --uts=ns sh -c "echo box >/proc/sys/kernel/hostname"; nsenter --uts=ns uname -n'
  both '$tool --fork --uts=ns sh -c "echo box >/proc/sys/kernel/hostname; exit 7"; echo $?; nsenter --uts=ns uname -n'
  both '$tool --pid=ns true; echo $?; stat -f -c %T ns' 'mount --bind ns ns'
  ok private sh -c 'unshare-rs --mount=ns mount -t tmpfs mine /mnt &&
    nsenter --mount=ns grep -o " /mnt .* mine" /proc/self/mountinfo | cut -d" " -f2'
  equal "$output" /mnt
}

@test "lasting namespaces: nothing stays bound after a failure" {
  touch uts net
  for line in '/nosuch' '--fork /nosuch' '--init /nosuch' '-w /nosuch true' '--fork -w /nosuch true' '--info-fd=7 true' \
    '--pid-file=/nosuch/file true' '--ipc=nosuch true' '--ipc=nosuch --fork true'; do
    ok private bash -c "exec 7> >(true); sleep 0.1; ! unshare-rs --uts=uts --net=net $line 2>stderr &&
      ! grep \"\$PWD/\" /proc/self/mountinfo"
    [ -s stderr ]
  done
  [ ! -e nosuch ]
}

@test "lasting namespaces: the death of the process outside is told" {
  requires strace
  touch ns
  refused "cannot wait for 'the process outside': it was killed" \
    private strace -f -o trace -e trace=mount -e inject=mount:signal=KILL unshare-rs --uts=ns touch ran
  [ ! -e ran ]
}

@test "lasting namespaces: the command finds no child that it did not make" {
  touch ns
  ok private unshare-rs --mount=ns --uts bash -c 'cat /proc/$$/task/$$/children'
  equal "$output" ''
}

@test "lasting namespaces: a mount namespace is not bound where others would get it" {
  mkdir t
  expect 1 private bash -c '
    mount -t tmpfs none t && mount --make-shared t && touch t/ns
    unshare --mount --propagation unchanged sleep 10 &
    until [ "$(readlink "/proc/$!/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]; do :; done
    unshare-rs --mount=t/ns true
    status=$?
    kill $!
    grep -q " $PWD/t/ns " /proc/self/mountinfo || exit $status'
  equal "$stderr" "unshare-rs: cannot bind the mount namespace onto 't/ns': Invalid argument
hint: the mount that 't/ns' is on is shared, and a mount namespace is not bound where others would get it: use a file on a \
private mount ('mount --make-private')"
  ok private bash -c 'mount -t tmpfs none t && touch t/ns && unshare-rs --mount=t/ns true'
  refused "cannot bind the uts namespace onto 'nosuch': No such file or directory
hint: 'nosuch' has to be there before, as an empty file" private unshare-rs --uts=nosuch true
  refused "--pid=FILE needs --fork" private unshare-rs --pid=t true
}

@test "own ids: the caller alone is mapped" {
  maps='cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -u; id -g'
  same -r sh -c "$maps"
  same --map-root-user sh -c "$maps"
  same -c sh -c "$maps"
  same --map-current-user sh -c "$maps"
  same --map-user=7 sh -c "$maps"
  same --map-group 7 sh -c "$maps"
  same --map-user daemon --map-group daemon sh -c "$maps"
  same -r --map-user 3 sh -c "$maps"
  same -cr sh -c "$maps"
  same -U sh -c "$maps"
  same --map-user nosuch true
  refused "cannot map the user 'nosuch': no such user" unshare-rs --map-user nosuch true
  refused "cannot map the group 'nosuch': no such group" unshare-rs --map-group nosuch true
  refused "'4294967295' is not an id or a name" unshare-rs --map-user 4294967295 true
}

@test "own ids: names that are in no file are asked for through getent" {
  requires userns
  fake_getent host
  PATH=$PWD/host:$PATH ok unshare-rs --map-user=ldap --map-group=crew sh -c 'id -u; id -g'
  equal "$output" $'4321\n4323'
}

@test "own ids: root in a mount namespace of one's own, and the host's table unchanged" {
  ok unshare-rs -Umr sh -c 'id -u; mount -t tmpfs t /mnt && grep -o " / /mnt .* tmpfs t" /proc/self/mountinfo | cut -d" " -f3'
  equal "$output" "0
/mnt"
}

@test "blocks of ids: written from outside by who may" {
  requires root
  for fork in '' --fork --init; do
    # shellcheck disable=SC2086 # A word or none.
    ok unshare-rs $fork --map-users 0:100000:10 --map-users 100:200000:1 --map-groups 20:0:3 --map-groups 5:7:1 \
      --map-user 3 sh -c 'cat /proc/self/uid_map /proc/self/gid_map | tr -s " "'
    equal "$output" " 3 0 1
 0 100000 3
 4 100003 6
 100 200000 1
 20 0 3
 5 7 1"
  done
  ok unshare-rs --map-users all --map-groups all cat /proc/self/uid_map /proc/self/gid_map
  equal "$output" "$(cat /proc/self/uid_map /proc/self/gid_map)"
}

@test "blocks of ids: written directly by who has the capabilities, without being root" {
  requires root
  with='setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+setuid,+setgid --ambient-caps=+setuid,+setgid'
  # shellcheck disable=SC2086 # Words.
  ok $with unshare-rs --map-users 0:1000:10 --map-groups 0:1000:10 sh -c 'cat /proc/self/uid_map /proc/self/gid_map | tr -s " "'
  equal "$output" " 0 1000 10
 0 1000 10"
}

@test "blocks of ids: one's own needs no privilege" {
  user=$(as_nobody id -u) group=$(as_nobody id -g)
  ok as_nobody unshare-rs --map-users "0:$user:1" --map-groups "7:$group:1" sh -c 'id -u; id -g; cat /proc/self/setgroups'
  equal "$output" "0
7
deny"
}

# subids SCRIPT: runs SCRIPT as root in a mount namespace where nobody has subordinate ids, and nobody COMMAND... runs
# COMMAND as nobody.
subids() {
  printf 'root:1:2\n65534:200000:1000\nnobody:300000:7\n' >subuid
  printf 'nobody:400000:500\n' >subgid
  private bash -c '
    mount --bind subuid /etc/subuid && mount --bind subgid /etc/subgid || exit
    nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
    '"$1"
}

@test "subordinate ids: newuidmap and newgidmap write the maps" {
  requires root newuidmap newgidmap
  maps='cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -u; id -g'
  for options in --map-auto '--map-auto -c' \
    '--map-users=200000,0,1000' '--map-users=200100,5,10 --map-groups=400000,0,500 -r' \
    '--map-users=200000,7,1000 --map-groups=400000,3,100 --map-user 10 --map-group 4' '--map-users=0,0,1' --map-users=1; do
    run --separate-stderr subids "nobody unshare $options sh -c '$maps'"
    want=$output
    expect "$status" subids "nobody unshare-rs $options sh -c '$maps'"
    equal "$output" "$want"
  done
  # The classic loses an id here before 2.40.
  while IFS='|' read -r options want; do
    ok subids "nobody unshare-rs $options sh -c 'cat /proc/self/uid_map /proc/self/gid_map' | tr -s ' \n' ' '"
    equal "$output" " $want "
  done <<'TABLE'
--map-auto -r|0 65534 1 1 200000 1000 0 65534 1 1 400000 500
--fork --map-auto -r|0 65534 1 1 200000 1000 0 65534 1 1 400000 500
--map-auto --map-user 5 --map-group 6|5 65534 1 0 200000 5 6 200005 995 6 65534 1 0 400000 6 7 400006 494
TABLE
  for options in --map-subids '--map-users subids --map-groups=subids'; do
    ok subids "nobody unshare-rs $options sh -c 'cat /proc/self/uid_map /proc/self/gid_map | tr -s \" \"'"
    equal "$output" " 200000 200000 1000
 400000 400000 500"
  done
  # A child that has changed its user is closed to its parent.
  ok subids "nobody unshare-rs --map-auto -r --uts --setuid 5 --setgid 6 --info-fd 7 sh -c 'id -u; readlink /proc/self/ns/uts' 7>&1"
  contains "$output" "\"uts-namespace\": $(grep -o '[0-9]*' <<<"${lines[2]}")"
  # The helpers are waited for, also where the caller's own children would leave no status.
  ok subids "nobody env --ignore-signal=CHLD unshare-rs --map-auto -r id -u"
  equal "$output" 0
  ok subids "nobody unshare-rs --map-users 0:65534:1 --map-users 1:200010:5 cat /proc/self/uid_map | tr -s ' '"
  equal "$output" " 0 65534 1
 1 200010 5"
}

@test "subordinate ids: what the helper lacks is told apart" {
  requires root newuidmap newgidmap
  mkdir bin
  cp "$(command -v newuidmap)" bin
  chmod 755 bin bin/newuidmap
  tools=$(dirname "$(command -v unshare-rs)")
  refused "cannot execute 'newuidmap': No such file or directory
hint: newuidmap writes maps of more than the own id for ordinary users; it comes with the package 'uidmap' or 'shadow'" \
    subids "nobody env PATH=$tools unshare-rs --map-auto /bin/true"
  refused "hint: '/mnt/newuidmap' is neither set-user-ID root nor has it the file capability cap_setuid: 'chmod u+s' as root" \
    subids "mount --bind bin /mnt; nobody env PATH=/mnt:$tools unshare-rs --map-auto /bin/true"
  refused "hint: no_new_privs is set, so that newuidmap gains no privilege" \
    subids 'nobody setpriv --no-new-privs unshare-rs --map-auto true'
  refused "cannot map users as in '/etc/subuid': it has no range for the user 'daemon'
hint: 'usermod --add-subuids 100000-165535 daemon' as root adds one" \
    subids 'setpriv --reuid=1 --regid=1 --clear-groups unshare-rs --map-auto true'
  refused "hint: /etc/subuid grants no range that holds 0:500000:10 to 'nobody': as root 'usermod --add-subuids 500000-500009 nobody'" \
    subids 'nobody unshare-rs --map-users 0:500000:10 true'
  refused "hint: /etc/subuid grants no range that holds 0:0:10 to 'nobody'" \
    subids 'nobody unshare-rs --map-users 0:0:10 true'
  lacks "$stderr" usermod
}

@test "owner: the namespace belongs to another user" {
  requires root
  mkfifo -m 666 ready
  for owner in 1:1 65534:65534; do
    unshare-rs --owner "$owner" --map-users 0:5:1 sh -c 'echo >ready; exec sleep 10' &
    read -r _ <ready
    ok setpriv --reuid="${owner%:*}" --regid="${owner#*:}" --clear-groups nsenter --preserve-credentials --user="/proc/$!/ns/user" true
    expect 1 setpriv --reuid=7 --regid=7 --clear-groups nsenter --preserve-credentials --user="/proc/$!/ns/user" true
    kill "$!"
  done
  ok unshare-rs --owner 1:2 --map-users 3:1:1 --map-groups 4:2:1 --setgroups deny sh -c 'id -u; id -g; cat /proc/self/setgroups'
  equal "$output" "3
4
deny"
  ok unshare-rs --owner 1:2 -r --time --boottime 100 --pid-file pid tail -n 1 /proc/self/timens_offsets
  contains "$output" ' 100 '
  [ -s pid ]
  refused "cannot become the owner '0:0': Operation not permitted
hint: that needs CAP_SETUID and CAP_SETGID" as_nobody "$(command -v unshare-rs)" --owner 0:0 true
}

@test "setgroups: allowed, or denied before the groups are mapped" {
  same -U --setgroups deny cat /proc/self/setgroups
  same -U --setgroups allow cat /proc/self/setgroups
  same -r --setgroups allow echo ran
  # The classic has denied it already, and cannot once more.
  ok unshare-rs -r --setgroups deny cat /proc/self/setgroups
  equal "$output" deny
  same --setgroups deny true
  refused "hint: it is taken only before the groups" as_root unshare-rs --setgroups deny true
  refused "cannot write '/proc/self/setgroups': Permission denied
hint: that needs a user namespace of one's own: --user" as_nobody "$(command -v unshare-rs)" --setgroups deny true
  refused "cannot write '/proc/self/gid_map': Operation not permitted
hint: an ordinary user maps a group only where setgroups(2) is denied: --setgroups deny" \
    as_nobody "$(command -v unshare-rs)" --setgroups allow --map-groups "0:$(as_nobody id -g):1" true
  refused "cannot drop the supplementary groups: Operation not permitted
hint: setgroups(2) is denied in this user namespace" unshare-rs -r --setgid 0 true
  refused "hint: this user namespace has no groups yet: map some with --map-groups" unshare-rs -U --setgid 0 true
}

@test "setgroups: denied with blocks of groups" {
  requires root
  ok unshare-rs --map-groups 0:0:10 --setgroups deny cat /proc/self/setgroups
  equal "$output" deny
  ok unshare-rs --map-groups 0:0:10 cat /proc/self/setgroups
  equal "$output" allow
}

@test "propagation: private by default, and as it is asked for" {
  list='grep -o " / / [^-]*-" /proc/self/mountinfo | sed "s/:[0-9]*//g"'
  for how in private shared slave unchanged; do
    both "\$tool --mount --propagation $how sh -c '$list'" 'mount --make-rshared /'
    same -Ur --mount "--propagation=$how" sh -c "$list"
  done
  both "\$tool --mount sh -c '$list'" 'mount --make-rshared /'
  lacks "$output" shared
  both "\$tool --propagation shared sh -c '$list'" 'mount --make-rprivate /'
}

@test "root and directory: as they are named" {
  requires busybox
  make_rootfs rootfs
  mkdir -p rootfs/srv/www
  for arguments in '-R rootfs' '--root=rootfs' '-R rootfs -w /srv' '--wd /srv/www --root rootfs' '-R rootfs -w srv' \
    '-R nosuch' '-R rootfs -w /nosuch' '-R rootfs/bin/busybox'; do
    [ "$arguments" = '-R rootfs -w srv' ] ||
      both "\$tool $arguments /bin/busybox sh -c 'pwd; ls -id / | tr -d /'"
  done
  same -w / pwd
  same --wd rootfs/srv sh -c 'pwd'
  same -w nosuch pwd
  same -w stderr pwd
  # The classic leaves a relative directory of the old root, outside of the new one.
  ok as_root unshare-rs -R rootfs -w srv /bin/busybox ls
  equal "$output" www
  ln -s /proc/self/fd/7 rootfs/out
  refused "cannot enter the directory '/nosuch': No such file or directory
hint: it is looked up in the new root" as_root unshare-rs -R rootfs -w /nosuch /bin/busybox true
  refused "cannot enter the directory 'no/such': No such file or directory
hint: it is looked up from '$PWD'" unshare-rs -w no/such true
  refused "cannot change the root to 'no/such': No such file or directory" as_root unshare-rs -R no/such true
  refused "cannot change the root to 'rootfs': Operation not permitted
hint: that needs CAP_SYS_CHROOT" as_nobody "$(command -v unshare-rs)" -R rootfs true
}

@test "proc: it shows the new pid namespace" {
  same -Umrpf --mount-proc sh -c 'echo $$; ls -d /proc/[0-9]* | head -n 1'
  same -Urpf --mount-proc=/mnt sh -c 'ls -d /mnt/[0-9]*; grep -o " / /mnt rw[^ ]*" /proc/self/mountinfo'
  same -Urpf --mount-proc=/nosuch true
  ok unshare-rs -Urpf --mount-proc readlink /proc/self
  equal "$output" 1
}

@test "proc: it is not put over the host's where mounts propagate" {
  for how in shared slave unchanged; do
    both "\$tool -pf --mount-proc --propagation $how readlink /proc/self; ls -d /proc/\$\$ >/dev/null && echo still" \
      'mount --make-rshared /'
    equal "$(tail -n 1 <<<"$output")" ''
  done
  ok private bash -c 'mount --make-rshared / && cat /proc/self/mountinfo >before &&
    unshare-rs -pf --mount-proc --propagation shared readlink /proc/self && cat /proc/self/mountinfo >after'
  equal "$output" 1
  ok mounts_unchanged before after
}

@test "proc: a part of the outer one is masked, or the pid namespace is another's" {
  mask='mount --bind /dev/null /proc/keys && mount --bind /dev/null /proc/version'
  # The machine may have more, such as binfmt_misc.
  read -ra hidden <<<"$(awk '$5 ~ "^/proc/" { print $5 }' /proc/self/mountinfo | tr '\n' ' ')/proc/keys /proc/version"
  more="'${hidden[0]}' and $((${#hidden[@]} - 1)) more hides"
  refused "cannot mount proc on '/proc': Operation not permitted
hint: ${more} a part of the /proc that can be seen here, and the kernel mounts none that shows more" \
    private sh -c "$mask && unshare-rs -Urpf --mount-proc true"
  refused "hint: proc shows a pid namespace, and only who owns that may mount it: use --pid --fork too" \
    unshare-rs -Ur --mount-proc true
  refused "hint: ${more}" private sh -c "$mask && unshare-rs -Urpf unshare-rs -m --mount-proc true"
  refused "cannot write '/proc/self/setgroups': No such file or directory
hint: proc is not mounted on /proc" private sh -c "mount -t tmpfs none /proc && unshare-rs -Ur true"
}

@test "binfmt_misc: a user namespace has its own" {
  requires kernel 6.7
  grep -q binfmt_misc /proc/filesystems || skip "this kernel has no binfmt_misc"
  printf 'FOOMAGIC' >program
  chmod +x program
  mkdir dir
  line=':foo:M::FOOMAGIC::/bin/echo:'
  ok unshare-rs -rpf --mount-binfmt sh -c 'ls /proc/sys/fs/binfmt_misc'
  equal "$output" "register
status"
  ok unshare-rs -rpf --mount-binfmt=dir ls dir
  equal "$output" "register
status"
  ok unshare-rs -rpf --load-interp "$line" ./program 1
  equal "$output" "./program 1"
  ok unshare-rs -rpf -l "$line" --mount-binfmt=dir sh -c './program 1; grep interpreter dir/foo'
  equal "$output" "./program 1
interpreter /bin/echo"
  refused "cannot register the interpreter 'junk': Invalid argument" unshare-rs -rpf -l junk true
  expect 127 unshare-rs -rpf --mount-binfmt ./program
}

@test "binfmt_misc: the flag F takes an interpreter of the old root" {
  grep -q binfmt_misc /proc/filesystems || skip "this kernel has no binfmt_misc"
  requires busybox cc kernel 6.7
  make_rootfs rootfs
  mkdir rootfs/proc
  printf 'FOOMAGIC' >rootfs/program
  chmod +x rootfs/program
  printf '#include <unistd.h>\nint main(void) { return write(1, "outer\\n", 6) != 6; }\n' >outer.c
  cc -static -o outer outer.c
  ok unshare-rs -rpf -R rootfs -l ":foo:M::FOOMAGIC::$PWD/outer:F" /program
  equal "$output" outer
  expect 127 unshare-rs -rpf -R rootfs -l ":foo:M::FOOMAGIC::$PWD/outer:" /program
}

@test "user and group: set last, without supplementary groups" {
  requires root
  same -S 5 id
  same --setuid=5 -G 6 id
  same --setgid 5 id
  ok unshare-rs --map-users=0:0:10 --map-groups=0:0:10 -S 5 -G 6 id -u -r
  equal "$output" 5
  ok unshare-rs --map-users=0:0:10 --map-groups=0:0:10 -S 5 -G 6 id -G
  equal "$output" 6
  same -U -S 5 true
  refused "cannot set the user id '50': Invalid argument
hint: the user namespace has no such user: map it with --map-users" unshare-rs -r -S 50 true
  refused "cannot set the group id '50': Invalid argument
hint: the user namespace has no such group: map it with --map-groups" unshare-rs --map-groups 0:0:10 -G 50 true
}

@test "capabilities: kept for any user" {
  for arguments in '-U' '-c' '-r' '-U --keep-caps' '-c --keep-caps' '-r --keep-caps' '--keep-caps'; do
    # shellcheck disable=SC2086 # Words.
    same $arguments grep ^Cap /proc/self/status
  done
}

@test "capabilities: kept when the user changes" {
  requires root
  ok unshare-rs --map-users 0:0:10 --map-user 0 --map-groups 0:0:10 --keep-caps -S 5 grep ^CapEff /proc/self/status
  equal "$output" "$(unshare-rs -c --keep-caps grep ^CapEff /proc/self/status)"
}

@test "clocks: offset forward and back" {
  same -UrTf --monotonic 500 --boottime=1000 cat /proc/self/timens_offsets
  same -UrT --boottime 1000 cat /proc/self/timens_offsets
  ok unshare-rs -UrT --monotonic -3 --boottime -2 cat /proc/self/timens_offsets
  equal "$(tr -s ' ' <<<"$output")" "monotonic -3 0
boottime -2 0"
  ok unshare-rs -UrT --monotonic -4.5 --boottime 0.000000001 cat /proc/self/timens_offsets
  equal "$(tr -s ' ' <<<"$output")" "monotonic -5 500000000
boottime 0 1"
  expect 1 unshare-rs -UrT --monotonic 1.0000000001 true
  contains "$stderr" "'1.0000000001' is not a number of seconds"
  read -r before _ </proc/uptime
  ok unshare-rs -UrTf --boottime 1000000 cut -d. -f1 /proc/uptime
  [ "$output" -ge $((${before%.*} + 1000000)) ]
  same --monotonic 1 true
  same -UrT --monotonic soon true
  refused "cannot offset the boottime clock by '-9999999999': Math result not representable
hint: the clock would show a time before its beginning, or overflow" unshare-rs -UrT --boottime -9999999999 true
}

@test "environment: none of it, or what is named" {
  ok env A=1 B=2 C= unshare-rs --clear-env env
  equal "$output" ''
  ok env A=1 B=2 C= unshare-rs --whitelist-env A,C,NONE env
  equal "$output" "A=1
C="
  ok env A=1 B=2 unshare-rs --clear-env --whitelist-env A --whitelist-env=B -f env
  equal "$output" "A=1
B=2"
  # Where SHELL is gone with the rest, it is /bin/sh.
  ok env SHELL=/bin/false unshare-rs --clear-env <<<'echo "$0"'
  equal "$output" -sh
}

@test "fork: the command's status and signal come back" {
  for arguments in '' -f -Ur -Urf -Urpf '-Urf --kill-child'; do
    # shellcheck disable=SC2086 # Words.
    same $arguments sh -c 'exit 7'
  done
  for signal in TERM INT USR1 SEGV RTMIN; do
    same -f bash -c "kill -$signal \$\$"
    same -Urf --mount bash -c "kill -$signal \$\$"
  done
  # util-linux 2.38 gives 1 here, and later ones this:
  for arguments in -f --kill-child --forward-signals '-Ur --init' '--pid-file pid'; do
    # shellcheck disable=SC2086 # Words.
    expect 137 unshare-rs $arguments bash -c 'kill -KILL $$'
    # shellcheck disable=SC2086 # Words.
    expect "$((128 + $(kill -l RTMIN)))" unshare-rs $arguments bash -c 'kill -RTMIN $$'
    # shellcheck disable=SC2086 # Words.
    expect 7 unshare-rs $arguments sh -c 'exit 7'
  done
}

@test "fork: a pid 1, which no signal of its own ends, gives the status of one" {
  expect 143 unshare -Urpf unshare-rs -f sh -c 'kill $$'
}

# ended_by COMMAND...: the signal that it was ended by, and 128 more where it dumped core.
ended_by() {
  ok perl -e 'system @ARGV; print $? & 255' -- "$@"
}

@test "fork: the parent ends by the signal, and dumps no core of its own" {
  requires perl
  ended_by unshare-rs -Ur --init sh -c 'kill -TERM $$'
  equal "$output" 15
  ulimit -c unlimited
  ended_by sh -c 'kill -QUIT $$'
  [ "$output" -eq $((128 + 3)) ] || skip 'needs core dumps'
  for arguments in -f '-Ur --init'; do
    # shellcheck disable=SC2086 # Words.
    ended_by unshare-rs $arguments sh -c 'kill -QUIT $$'
    equal "$output" 3
  done
}

@test "closed standard streams: no file is opened in their place" {
  mkfifo ready
  unshare-rs -f --pid-file pid sh -c '[ ! -e /dev/fd/0 ] && [ ! -e /dev/fd/2 ] && exec 3>ready && exec sleep 100 3>&-' 0<&- 1>&- 2>&- &
  read -r _ <ready || true
  for fd in 0 1 2; do
    equal "$(readlink "/proc/$!/fd/$fd")" /dev/null
  done
  kill "$(cat pid)"
  ends 143 "$!"
}

# outside PID: the process is in all of this shell's namespaces, and has its root and working directory.
outside() {
  diff <(readlink /proc/self/ns/*) <(readlink "/proc/$1/ns/"*)
  equal "$(stat -L -c %d:%i "/proc/$1/root" "/proc/$1/cwd")" "$(stat -L -c %d:%i / .)"
}

# count NAMESPACE: how many processes are in it.
count() {
  readlink /proc/[0-9]*/ns/"${1%%:*}" 2>/dev/null | grep -cxF "$1"
}

# find_child PID: sets $child, which can be looked at.
find_child() {
  read -r child _ <"/proc/$1/task/$1/children"
  [ -n "$child" ] && readlink "/proc/$child/ns/time" >/dev/null
}

@test "fork: the parent stays outside of all new namespaces" {
  mkfifo -m 666 ready
  exec 8<>ready
  all='--mount --uts --ipc --net --pid --cgroup --time --user'
  set -- '-f' '--init' '--kill-child --forward-signals --new-session' '--boottime 100' '--pid-file pid --info-fd 7' \
    '--loopback --hostname box --propagation slave' '--root / --wd /usr' '--map-root-user'
  ! is_root || set -- "$@" '--owner 1:1' '--map-users 0:0:9' '--owner 1:1 --map-users 0:0:9 --boottime 100 --info-fd 7'
  is_root || all+=' --map-current-user'
  for options; do
    # shellcheck disable=SC2086 # Words.
    unshare-rs $all --fork $options sh -c 'echo >&8; exec sleep 100 8>&-' 7>info &
    read -t 10 -r _ <&8
    parent=$!
    outside "$parent"
    eventually find_child "$parent"
    for file in mnt uts ipc net pid cgroup time user; do
      namespace=$(readlink "/proc/$child/ns/$file")
      [ "$namespace" != "$(readlink "/proc/self/ns/$file")" ]
      want=1
      [ "$options" != --init ] || want=2
      equal "$file $(count "$namespace")" "$file $want"
    done
    kill -KILL "$child"
    ends 137 "$parent"
  done
}

@test "fork: the parent stays outside of a mount namespace that is to last" {
  touch ns
  ok private bash -c 'unshare-rs --mount=ns --fork bash -c "readlink /proc/\$PPID/ns/mnt"; readlink /proc/self/ns/mnt'
  equal "${lines[0]}" "${lines[1]}"
}

@test "fork: the child is made in its namespaces by one system call" {
  requires strace
  ok as_root strace -f -qq -o trace -e trace=unshare,clone,clone3,fork,vfork unshare-rs -mpuinC --fork true
  equal "$(grep -cE ' (clone|clone3|fork|vfork|unshare)\(' trace)" 1
}

@test "fork: the process that makes the child where one call cannot is this one's work" {
  requires strace
  expect 137 strace -f -qq -o trace -e trace=unshare -e inject=unshare:signal=KILL unshare-rs -UrT --fork touch ran
  expect 1 strace -f -qq -o trace -e trace=unshare -e inject=unshare:error=ENOSPC unshare-rs -UrT --fork touch ran
  contains "$stderr" 'cannot unshare: No space left on device'
  refused "cannot offset the boottime clock by '-9999999999'" unshare-rs -UrT --fork --boottime -9999999999 touch ran
  [ ! -e ran ]
  # It is gone soon after.
  ok unshare-rs -UrT --fork bash -c 'for i in {1..100}; do
      read -r _ more </proc/$PPID/task/$PPID/children || true
      [ -n "$more" ] || exit 0
      sleep 0.05
    done; exit 1'
}

@test "fork: /proc may be that of another pid namespace" {
  requires jq
  ok as_root unshare --pid --fork bash -c 'unshare-rs -Ur --fork --info-fd 7 readlink /proc/self/ns/uts /proc/self/ns/user 7>info'
  equal "$output" "$(jq -r '"uts:[\(."uts-namespace")]\nuser:[\(."user-namespace")]"' info)"
  is_root || return 0
  ok unshare --pid --fork unshare-rs --map-users 0:0:5 --fork grep -c '' /proc/self/uid_map
  ok unshare --pid --fork unshare-rs --map-users 0:0:5 grep -c '' /proc/self/uid_map
}

@test "fork: what the command inherits of signals is what the caller had" {
  look='grep ^Sig[BI] /proc/self/status'
  for inherited in '' --ignore-signal=CHLD '--ignore-signal=INT,CHLD,PIPE' --block-signal=CHLD,INT,TERM,USR1 --block-signal=RTMIN; do
    # shellcheck disable=SC2086 # Words.
    ok env $inherited $look
    want=$output
    for arguments in '' -f --kill-child --forward-signals '--kill-child --forward-signals' '-Ur --init' '--pid-file pid' \
      --new-session '-UrT --fork' '-Ur --map-users=all' '-f --map-users=all'; do
      case $arguments in
        *all) is_root || continue ;;
      esac
      # shellcheck disable=SC2086 # Words.
      ok timeout 10 env $inherited unshare-rs $arguments $look
      equal "$output" "$want"
    done
    # shellcheck disable=SC2086 # Words.
    expect 7 timeout 10 env $inherited unshare-rs -f sh -c 'exit 7'
  done
}

@test "fork: SIGINT and SIGTERM do not end the parent before the child" {
  mkfifo ready
  for tool in unshare unshare-rs; do
    "$tool" --fork sh -c 'echo >ready; read -r _ <ready; exit 7' &
    read -r _ <ready
    kill -INT "$!"
    kill -TERM "$!"
    echo >ready
    ends 7 "$!"
  done
}

@test "fork: a pid namespace that has lost its pid 1 takes no child" {
  refused "cannot fork: Out of memory
hint: memory is not what is lacking: the pid namespace that this process's children belong to has lost its pid 1; \
with --pid use --fork, so that COMMAND itself is that pid 1" \
    unshare-rs -Urp sh -c 'true & wait; exec unshare-rs -f true'
}

@test "kill-child: the child dies with the parent" {
  mkfifo ready
  for options in --kill-child '--kill-child --forward-signals' '-Urp --kill-child=KILL' '-Ur --init --kill-child' \
    '-UrpT --boottime 1 --kill-child' '--new-session --kill-child'; do
    # shellcheck disable=SC2086 # Words.
    unshare-rs $options --pid-file pid sh -c 'echo >ready; exec sleep 100' &
    read -r _ <ready
    kill -KILL "$!"
    until_ok ended "$(cat pid)"
    wait "$!" || true
  done
}

@test "kill-child: the signal is armed after the user has changed" {
  requires root setpriv
  ok unshare-rs --kill-child --setuid 7 --setgid 7 setpriv -d
  contains "$output" 'Parent death signal: KILL'
}

@test "kill-child: with a signal of choice" {
  mkfifo ready
  for signal in TERM sigusr1 RTMIN+1 10; do
    unshare-rs "--kill-child=$signal" bash -c 'trap "echo it >got; exit" TERM USR1 RTMIN+1; echo >ready; while :; do sleep 0.01; done' &
    read -r _ <ready
    kill -KILL "$!"
    until_ok test -s got
    rm got
  done
  # A pid 1 hands on to COMMAND what it gets.
  unshare-rs -Ur --init --kill-child=ALRM bash -c 'trap "echo it >got; exit" ALRM; echo >ready; while :; do sleep 0.01; done' &
  read -r _ <ready
  kill -KILL "$!"
  until_ok test -s got
  same --kill-child=NOSUCH true
}

# The tracer holds the child before it arms the signal, and its parent is killed then.
@test "kill-child: a parent that dies before the signal is armed is not missed" {
  requires strace
  for options in --kill-child '--kill-child=TERM' '-Urp --kill-child=TERM' '--kill-child=USR1 --forward-signals' \
    '--kill-child --pid-file pid' '--kill-child=WINCH' '-UrT --kill-child' '--new-session --kill-child'; do
    # shellcheck disable=SC2086 # Words.
    strace -f -o trace -e trace=prctl -e inject=prctl:delay_enter=300000 unshare-rs $options touch ran &
    until_ok grep -q PR_SET_PDEATHSIG trace
    read -r parent _ <"/proc/$!/task/$!/children" || true
    kill -KILL "$parent"
    wait "$!" || true
    [ ! -e ran ]
    rm trace
  done
}

@test "forward-signals: what the parent gets the child gets" {
  mkfifo ready
  for options in --forward-signals '--forward-signals --kill-child' '-Urp --forward-signals' '-Ur --init --forward-signals' \
    --new-session '-UrT --new-session'; do
    for signal in HUP INT QUIT TERM USR1 USR2 WINCH; do
      # A job in the background ignores SIGINT and SIGQUIT.
      # shellcheck disable=SC2086 # Words.
      env --default-signal unshare-rs $options bash -c "trap 'exit 9' $signal; echo >ready; while :; do sleep 0.01; done" &
      read -r _ <ready
      kill "-$signal" "$!"
      ends 9 "$!"
    done
  done
}

# zombies: the children of the parent that waits for COMMAND, as COMMAND sees them: those that have ended.
zombies='i=0
  while cat $(sed "s,[0-9][0-9]*,/proc/&/status,g" /proc/$PPID/task/$PPID/children) 2>/dev/null | grep -q "^State:.Z"; do
    i=$((i + 1)); [ $i -lt 200 ] || { echo zombie; break; }; sleep 0.01
  done'

@test "forward-signals: a child that the caller left is reaped, and COMMAND's status is its own" {
  for options in --forward-signals '--forward-signals --kill-child --new-session'; do
    # shellcheck disable=SC2086 # options
    for left in '' 'sleep 0.1 & ' '(exit 9) & sleep 0.1; ' 'sh -c "kill -9 \$\$" & ' '(sleep 0.05; exit 4) & (exit 5) & '; do
      expect 7 sh -c "$left"'exec "$@"' sh unshare-rs -f $options sh -c "sleep 0.2; $zombies; exit 7"
      equal "$output" ''
      run -143 sh -c "$left"'exec "$@"' sh unshare-rs -f $options sh -c 'kill -TERM $$'
    done
  done
}

@test "forward-signals: what a terminal sends comes once, to a session of its own too" {
  requires python3
  cat >terminal.py <<'PY'
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
while b"ready" not in text:
    text += os.read(terminal, 1000)
os.write(terminal, b"\x03")
try:
    while True:
        text += os.read(terminal, 1000)
except OSError:
    pass
print(text.decode().count("caught"))
PY
  for option in --forward-signals --new-session; do
    ok python3 terminal.py unshare-rs "$option" bash -c \
      'trap "echo caught" INT; echo ready; for i in {1..30}; do sleep 0.01; done'
    equal "$output" 1
  done
  # Bash may take two for one: the parent sends none.
  requires strace
  ok python3 terminal.py strace -o trace -e trace=kill unshare-rs --forward-signals bash -c 'trap "echo caught" INT; echo ready; sleep 0.3'
  equal "$output" 1
  lacks "$(<trace)" 'kill('
}

# on_terminal SCRIPT: runs it by bash on a terminal, with $groups set to what prints a process's group and the terminal's.
on_terminal() {
  # shellcheck disable=SC2016 # The shell that runs it expands it.
  groups='read -r pid _ _ _ group _ _ foreground _ </proc/self/stat; echo "own $((group == pid)) foreground $((group == foreground))"'
  printf '%s\n' "$1" >script.sh
  groups=$groups run bash -c 'script -qec "bash script.sh" /dev/null </dev/null | tr -d "\r"'
}

@test "foreground: the child is a job of its own, and has the terminal until it ends" {
  requires script
  on_terminal 'unshare-rs -f sh -c "$groups"; unshare-rs --foreground sh -c "$groups"; sh -c "$groups"'
  equal "$output" $'own 0 foreground 1\nown 1 foreground 1\nown 0 foreground 1'
  on_terminal 'unshare-rs --foreground --forward-signals sh -c "$groups; kill -INT \$\$"; echo "$?"; sh -c "$groups"'
  equal "$output" $'own 1 foreground 1\n130\nown 0 foreground 1'
  on_terminal 'unshare-rs --foreground /nosuch 2>/dev/null; echo "$?"; sh -c "$groups"'
  equal "$output" $'127\nown 0 foreground 1'
}

@test "foreground: a shell in a pid namespace has job control to the end" {
  requires script dash
  on_terminal 'unshare-rs -Urpf --mount-proc dash -ic "jobs; exit 3"; echo "$?"'
  contains "$output" 'Cannot set tty process group'
  for init in '' --init; do
    on_terminal "unshare-rs -Urp --foreground --mount-proc $init dash -ic 'exit 3'; echo \"\$?\""
    equal "$output" 3
  done
}

@test "foreground: where the child is stopped so is the caller's job, and they go on together" {
  requires script
  for option in '' --forward-signals; do
    on_terminal 'set -m; unshare-rs --foreground '$option' sh -c "kill -STOP \$\$; $groups; exit 3"; echo "$?"; fg >/dev/null; echo "$?"'
    equal "$output" $'148\nown 1 foreground 1\n3'
  done
  on_terminal 'set -m; unshare-rs --foreground sh -c "kill -STOP \$\$; $groups"; bg 2>/dev/null; wait; set +m; sh -c "$groups"'
  contains "$output" $'own 1 foreground 0\n'
  contains "$output" 'own 0 foreground 1'
}

@test "foreground: nothing is lent in a pipeline, in the background or without a terminal" {
  requires script
  on_terminal 'unshare-rs --foreground sh -c "$groups" | cat'
  equal "$output" 'own 0 foreground 1'
  on_terminal 'true | unshare-rs --foreground sh -c "$groups"'
  equal "$output" 'own 0 foreground 1'
  on_terminal 'set -m; unshare-rs --foreground sh -c "$groups" & wait'
  contains "$output" 'own 0 foreground 0'
  equal "$(unshare-rs --foreground sh -c 'echo here' </dev/null)" here
}

# attack: sets $attack to what attacks the terminal and the job of its caller, by who is not their equal anyway.
attack() {
  attack="python3 $project/tests/fixtures/terminal-attack.py"
  # CAP_SYS_ADMIN in the initial user namespace may type into any terminal.
  ! is_root || attack="setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin $attack"
}

@test "new session: the caller's terminal and process group are out of reach" {
  requires script python3
  attack
  for options in '' '-Urm' '-Urmuinp --mount-proc' '-Urp --init' '-UrT' '--kill-child --pid-file pid'; do
    on_terminal "unshare-rs --new-session $options $attack; echo \"status \$?\""
    # In a pid namespace a session that began outside would have the number 0; a pid 1 is not killed from inside.
    for line in 'tty: ENXIO' 'TIOCSCTTY: EPERM' 'session True'; do
      contains "$output" "$line"
    done
    lacks "$output" typed
    contains "$output" 'TIOCSTI: E'
    case $options in
      '-Urmuinp'*) contains "$output" 'status 0' ;;
      *) contains "$output" 'status 137' ;;
    esac
  done
}

@test "new session: without it the attack goes through" {
  requires script python3
  attack
  [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] || skip "this kernel types for nobody"
  on_terminal "unshare-rs --fork $attack; echo survived"
  contains "$output" 'tty: opened'
  contains "$output" 'TIOCSTI: typed'
  lacks "$output" survived
}

@test "new session: the command leads it, whatever else is asked for" {
  look='read -r pid _ _ _ group session tty _ </proc/self/stat; echo "$((group == pid)) $((session == pid)) $tty"'
  for options in '' -Ur -UrT --detach --kill-child '--pid-file pid'; do
    # shellcheck disable=SC2086 # Words.
    ok unshare-rs --new-session $options bash -c "{ $look; } >seen"
    until_ok test -s seen
    equal "$(cat seen)" '1 1 0'
    rm seen
  done
  refused "--new-session excludes --foreground: another session cannot have the terminal" \
    unshare-rs --new-session --foreground touch ran
  [ ! -e ran ]
}

@test "new session: the command's status and signal come back" {
  expect 7 unshare-rs --new-session sh -c 'exit 7'
  expect 127 unshare-rs --new-session /nosuch
  expect 126 unshare-rs --new-session /etc
  for signal in TERM KILL SEGV; do
    expect "$((128 + $(kill -l "$signal")))" unshare-rs --new-session bash -c "kill -$signal \$\$"
  done
}

@test "init: a pid 1 that reaps orphans and ends with the command" {
  ok unshare-rs -Ur --init --mount-proc bash -c '
    echo $$ "$(cat /proc/1/comm)"
    for i in {1..5}; do (sleep 0.01 &); done
    sleep 0.3
    grep -l ^State:.Z /proc/[0-9]*/status
    echo "$(ls -d /proc/[0-9]* | wc -l) processes, with ls and wc"'
  contains "$output" "2 unshare-rs"
  lacks "$output" /status
  expect 3 unshare-rs -Ur --init sh -c 'sleep 100 & exit 3'
  expect 143 unshare-rs -Ur --init sh -c 'kill $$'
  expect 127 unshare-rs -Ur --init /nosuch
  expect 7 unshare-rs -Ur --init sh -c 'trap "exit 7" TERM; kill -TERM 1; sleep 1'
}

@test "reap: what COMMAND has started and left ends with it, in whatever session it is" {
  requires setsid
  # No other run of the suite has these.
  local nap="sleep 107.$UID"
  expect 3 unshare-rs --reap sh -c "${nap}1 & setsid ${nap}2 & (setsid setsid sh -c '${nap}3 & ${nap}4' &) ; sleep 0.3; exit 3"
  lacks "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ')" "$nap"
  for signal in TERM HUP; do
    env --default-signal unshare-rs --reap sh -c "trap '' TERM HUP; setsid ${nap}5 & ${nap}6; ${nap}7" 3>&- 4>&- &
    eventually pgrep -x -f "${nap}5"
    kill "-$signal" $!
    status=0
    wait $! || status=$?
    equal "$status" $((128 + $(kill -l $signal)))
    lacks "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ')" "$nap"
  done
  # The numbers of another PID namespace's /proc are those of other processes.
  expect 1 unshare-rs -Urp --reap --fork sh -c 'unshare-rs --reap sh -c "sleep 0.1 & exit 5"'
  contains "$stderr" "unshare-rs: cannot read '/proc': it is not there, or belongs to another PID namespace"
}

@test "detach: the child stays when it stands" {
  requires python3
  cat >subreaper.py <<'PY'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)
print(subprocess.call(sys.argv[1:]))
pid = open("pid").read().strip()
fields = open(f"/proc/{pid}/stat").read().split()
print(fields[1], int(fields[3]) == os.getpid())
os.kill(int(pid), 9)
print(os.waitpid(int(pid), 0)[1])
PY
  for options in --detach '-Urp --detach' '-Urm --detach --mount-proc -p'; do
    # shellcheck disable=SC2086 # Words.
    ok python3 subreaper.py unshare-rs $options --pid-file pid sleep 100
    equal "$output" "0
(sleep) True
9"
  done
  ok python3 subreaper.py unshare-rs -Ur --init --detach --pid-file pid sleep 100
  contains "$output" '(unshare-rs) True'
  rm pid
  expect 127 unshare-rs --detach --pid-file pid /nosuch
  expect 126 unshare-rs --detach --pid-file pid /etc
  expect 1 unshare-rs --detach --pid-file pid -w /nosuch true
  [ ! -e pid ]
  refused "--detach excludes --kill-child" unshare-rs --detach --kill-child true
}

@test "pid file and information: what the kernel has" {
  requires jq
  mkfifo ready
  unshare-rs -UrmuinpCT --pid-file pid --info-fd 7 sh -c 'echo >ready; exec sleep 10' 7>info &
  read -r _ <ready
  pid=$(cat pid)
  equal "$(jq '."child-pid"' info)" "$pid"
  equal "$(cut -d' ' -f4 "/proc/$pid/stat")" "$!"
  [ "$(jq length info)" -eq 9 ]
  for kind in mnt uts ipc net pid user cgroup time; do
    equal "$(jq ".\"$kind-namespace\"" info)" "$(stat -L -c %i "/proc/$pid/ns/$kind")"
  done
  kill "$pid"
}

@test "pid file and information: written when the set-up is complete, or not at all" {
  for line in '-w /nosuch true' '-R /nosuch true' '-Ur --mount-proc=/nosuch true'; do
    # shellcheck disable=SC2086 # Words.
    expect 1 unshare-rs --pid-file pid --info-fd 7 $line 7>info
    [ ! -e pid ] && [ ! -s info ]
  done
  for line in /nosuch '--init -Ur /nosuch'; do
    # shellcheck disable=SC2086 # Words.
    expect 127 unshare-rs --pid-file pid $line
    [ ! -e pid ]
  done
  # COMMAND starts after that.
  ok unshare-rs -Ur --pid-file pid --info-fd 7 sh -c 'cat pid; echo; cat info' 7>info
  contains "$output" '"child-pid": '
  equal "${output%%$'\n'*}" "$(cat pid)"
  equal "$(stat -c %a pid)" 644
  refused "cannot use the descriptor '9': Bad file number" unshare-rs --info-fd 9 true 9>&-
  refused "cannot write the pid file 'no/such': No such file or directory" unshare-rs --pid-file no/such touch ran
  # What was there before stays where it cannot be replaced.
  echo before >pid
  expect 1 env --ignore-signal=XFSZ prlimit --fsize=0 unshare-rs --pid-file pid touch ran
  equal "$(cat pid)" before
  rm pid
  refused "cannot write to the descriptor '7': No space left on device" unshare-rs --pid-file pid --info-fd 7 touch ran 7>/dev/full
  [ ! -e pid ]
  expect 1 bash -c 'exec 7> >(true); sleep 0.1; exec unshare-rs --pid-file pid --info-fd 7 touch ran'
  contains "$stderr" "cannot write to the descriptor '7': Broken pipe"
  [ ! -e pid ] && [ ! -e ran ]
  equal "$(echo pid.*)" 'pid.*'
}

@test "pid file and information: no symbolic link is followed" {
  ln -s victim pid
  ok unshare-rs --pid-file pid true
  [ ! -L pid ] && [ ! -e victim ]
}

@test "names: of host and domain" {
  host=$(uname -n)
  ok unshare-rs -Ur --hostname box --domainname dom sh -c 'uname -n; cat /proc/sys/kernel/domainname'
  equal "$output" "box
dom"
  equal "$(uname -n)" "$host"
  refused "cannot set the host name 'x" unshare-rs -Ur --hostname "$(printf 'x%.0s' {1..65})" true
}

@test "loopback: it is up" {
  addresses='grep -c "127.0.0.1" /proc/self/net/fib_trie'
  expect 1 unshare-rs -Urn sh -c "$addresses"
  for options in -Ur '-Ur --fork' '-Urpm --fork --new-session' '-UrT --fork' '--map-users all --fork' --fork; do
    case $options in
      *all* | --fork) is_root || continue ;;
    esac
    # shellcheck disable=SC2086 # Words.
    ok unshare-rs $options --loopback sh -c "$addresses"
    [ "$output" -ge 1 ]
  done
}

@test "maps are shown as they would be written" {
  ok unshare-rs -r --print-map
  equal "$output" "setgroups, written inside the namespace:
deny
uid_map, written inside the namespace:
0 $(id -u) 1
gid_map, written inside the namespace:
0 $(id -g) 1"
  ok unshare-rs -r --print-map touch ran
  [ ! -e ran ]
  ok unshare-rs --print-map
  equal "$output" ''
}

@test "maps are shown with their writer" {
  requires root newuidmap
  ok unshare-rs -r --map-users 0:1000:10 --print-map
  contains "$output" "uid_map, written outside the namespace:
0 0 1
1 1000 9"
  ok subids 'nobody unshare-rs --map-auto --map-root-user --print-map'
  equal "$output" "uid_map, written by newuidmap:
0 65534 1
1 200000 1000
gid_map, written by newgidmap:
0 65534 1
1 400000 500"
}

@test "id maps that are refused are explained" {
  requires root
  refused "cannot write '/proc/" unshare-rs --map-users 0:0:5 --map-users 4:50:5 true
  contains "$stderr" "/uid_map': Invalid argument
hint: the blocks 0:0:5 and 4:50:5 overlap"
  for id in {0..340}; do
    blocks+=(--map-users "$id:$id:1")
  done
  refused "hint: the kernel takes no more than 340 blocks" unshare-rs "${blocks[@]}" true
  refused "hint: not all of the users that 0:5:1 maps exist in this user namespace" \
    unshare-rs --map-users 0:0:2 --map-groups 0:0:2 unshare-rs --map-users 0:5:1 true
  refused "hint: to map the root outside, CAP_SETFCAP is needed too" \
    setpriv --bounding-set=-setfcap --inh-caps=-all unshare-rs --map-users 0:0:10 true
}

@test "user namespaces that are forbidden are explained" {
  for limit in user net uts; do
    refused "cannot unshare: No space left on device
hint: user.max_${limit}_namespaces is 0, which forbids them: 'sysctl user.max_${limit}_namespaces=N' as root" \
      unshare -Ur sh -c "echo 0 >/proc/sys/user/max_${limit}_namespaces; unshare-rs --$limit true"
  done
  refused "hint: no space is lacking, but a limit is reached, here or in a user namespace around: user.max_uts_namespaces = 1" \
    unshare -Ur sh -c 'echo 1 >/proc/sys/user/max_uts_namespaces; unshare-rs --uts unshare-rs --uts true'
  refused "cannot unshare: Operation not permitted
hint: the caller's user id is not mapped in the user namespace that it is in" unshare --user unshare-rs --user true
}

@test "a seccomp filter is named" {
  requires cc
  cat >filter.c <<'C'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sock_filter refuse[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog filter = {4, refuse};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
  execvp(argv[1], argv + 1);
  return argc;
}
C
  cc -o filter filter.c
  for namespace in --user --uts; do
    refused "cannot unshare: Operation not permitted
hint: a seccomp filter is in force for this process" as_root ./filter unshare-rs "$namespace" true
  done
}

@test "new namespaces that a filter or a profile forbids" {
  rules() {
    printf 'default allow\nerrno %s %s\n' "$1" "$2" >rules
  }
  # As container engines' own filters answer.
  rules EPERM 'unshare if arg0 & 0x10000000 == 0x10000000'
  refused 'hint: a seccomp filter is in force for this process, which may refuse it' \
    setpriv-rs --no-new-privs --seccomp-rules rules unshare-rs --user true
  rules ENOSYS unshare
  refused 'hint: a seccomp filter is in force for this process, which may refuse it' \
    setpriv-rs --no-new-privs --seccomp-rules rules unshare-rs -r true
  for which in host domain; do
    rules EPERM "set${which}name"
    refused 'that of a systemd unit with ProtectHostname=yes forbids host names, in new namespaces too' \
      as_root setpriv-rs --no-new-privs --seccomp-rules rules unshare-rs "--${which}name" box true
  done
  # As a systemd unit with RestrictSUIDSGID= or DynamicUser= answers.
  rules EPERM openat2
  refused 'hint: a seccomp filter refuses openat2(2): in a systemd unit RestrictSUIDSGID=yes does that' \
    as_root setpriv-rs --no-new-privs --seccomp-rules rules unshare-rs --root / true
  echo 'box (enforce)' >profile
  rules EACCES unshare
  refused "hint: the AppArmor profile 'box' of this process denies it: the kernel's log says what it denied, and the profile needs a \`userns\` rule" \
    private sh -c "$show_profile"'; exec setpriv-rs --no-new-privs --seccomp-rules rules unshare-rs --user true'
}

@test "what a chroot forbids is explained" {
  mkdir box mountpoint
  cp "$(command -v unshare-rs)" box
  cp "$(command -v unshare-rs)" mountpoint
  refused "cannot unshare: Operation not permitted
hint: '/' is not the root of a mount: this process is in a chroot, and the kernel makes no user namespace there" \
    private chroot box /unshare-rs --user /unshare-rs
  refused "cannot change the propagation of '/': Invalid argument
hint: '/' is not the root of a mount, as in a chroot, and has no propagation; use --propagation unchanged" \
    private chroot box /unshare-rs --mount /unshare-rs
  ok private chroot box /unshare-rs --mount --propagation unchanged /unshare-rs --version
  refused "hint: proc is not mounted on /proc, so that nothing tells what forbids user namespaces; they are refused inside a chroot" \
    private sh -c 'mount --bind mountpoint mountpoint && exec chroot mountpoint /unshare-rs --user /unshare-rs'
}

@test "a capability that was lost on the way, or is held over another user namespace" {
  user=()
  ! is_root || user=(setpriv --reuid=1234 --regid=1234 --clear-groups)
  refused 'hint: CAP_SYS_ADMIN was lost on the way here, since this user is not root in the user namespace: add `--keep-caps`' \
    "${user[@]}" unshare-rs -c unshare-rs -m true
  refused "hint: CAP_SYS_ADMIN was lost on the way here, since the map of the user namespace lacks this user's id: add \`-S 0 -G 0\`" \
    "${user[@]}" unshare-rs -U unshare-rs -m true
  refused 'hint: the network namespace belongs to a user namespace around this one: make such a namespace too, with `--net`' \
    unshare-rs -r --sysctl net.ipv4.ip_forward=1 true
}

@test "without /proc each step that needs it says so" {
  requires root
  for options in -r '--map-users 0:0:10' '--map-groups 0:0:10' '--setgroups deny -U' '--time --monotonic 5' '--process-file file' \
    '--process-fd 2' '--info-fd 2' '--net --sysctl net.ipv4.ip_forward=1'; do
    # shellcheck disable=SC2086 # Words.
    refused 'hint: proc is not mounted on /proc' private sh -c 'mount -t tmpfs none /proc && exec "$@"' sh unshare-rs $options touch ran
    [ ! -e ran ] && [ ! -e file ]
  done
}

@test "an id or a range that there cannot be" {
  for option in '-S 4294967295' '--map-user 4294967295' '--owner 4294967295:0' '--owner 0:4294967296'; do
    # shellcheck disable=SC2086 # Words.
    refused 'hint: IDs go from 0 to 4294967294' unshare-rs $option true
  done
  for block in 0:4294967290:10 4294967290:0:10 0:0:0 0:0:4294967296; do
    refused 'hint: COUNT is at least 1, and both ranges end before 4294967295' unshare-rs --map-users "$block" true
  done
}

@test "COMMAND is looked up in the new root" {
  mkdir root
  expect 127 as_root unshare-rs -R root true
  contains "$stderr" "hint: it is looked up in the new root: 'chroot-rs --carry', instead of --root,"
  expect 127 unshare-rs -r ./nosuch
  lacks "$stderr" hint
}

@test "without the capability it is refused, and says what gives it" {
  tool=$(command -v unshare-rs)
  for id in uid gid; do
    refused "hint: that needs CAP_SET${id^^}; with --map-root-user a user namespace of one's own gives it" \
      as_nobody "$tool" "--set$id=5" true
  done
  refused "cannot unshare: Operation not permitted
hint: these namespaces need CAP_SYS_ADMIN; with --map-root-user they are made in a user namespace of one's own" \
    as_nobody "$(command -v unshare-rs)" --mount true
}

@test "a command that cannot be executed is explained" {
  requires cc
  printf '#!/no/such/interpreter\n' >script
  printf '#!/bin/sh\r\n' >dos
  cp "$(type -P true)" foreign
  printf '\xb7' | dd of=foreign bs=1 seek=18 conv=notrunc status=none
  printf 'int main(void) { return 0; }\n' >main.c
  cc -Wl,--dynamic-linker=/no/such/ld.so -o dynamic main.c
  chmod +x script dos foreign
  for fork in '' -f; do
    for command in script dos dynamic; do
      # shellcheck disable=SC2086 # A word or none.
      same $fork "./$command"
    done
    # shellcheck disable=SC2086 # A word or none.
    expect 127 unshare-rs $fork ./script
    contains "$stderr" "hint: './script' exists, but the interpreter of its first line, '/no/such/interpreter', does not"
    # shellcheck disable=SC2086 # A word or none.
    expect 127 unshare-rs $fork ./dos
    contains "$stderr" "hint: the first line of './dos' ends in a carriage return"
    # The classic gives it to the shell.
    # shellcheck disable=SC2086 # A word or none.
    expect 126 unshare-rs $fork ./foreign
    contains "$stderr" "hint: './foreign' is a program for aarch64"
    # shellcheck disable=SC2086 # A word or none.
    expect 127 unshare-rs $fork ./dynamic
    contains "$stderr" "hint: './dynamic' exists, but its ELF interpreter, '/no/such/ld.so', does not"
  done
}

@test "no descriptor reaches the command that the caller did not pass" {
  requires busybox
  touch ns
  ok busybox ls /proc/self/fd
  want=$output
  ok busybox ls /proc/self/fd 7>info
  with_info=$output
  for arguments in '' -f --kill-child --forward-signals '-Ur --init' '--pid-file pid' '--info-fd 7' '-Ur --mount' \
    '--kill-child --forward-signals --pid-file pid' --new-session '-UrT --fork' '-UrT --kill-child --pid-file pid'; do
    # shellcheck disable=SC2086 # Words.
    ok unshare-rs $arguments busybox ls /proc/self/fd 7>info
    case $arguments in
      *info-fd*) equal "$output" "$want" ;;
      *) equal "$output" "$with_info" ;;
    esac
  done
  ok private unshare-rs --uts=ns busybox ls /proc/self/fd
  equal "$output" "$want"
}

@test "command lines: what is wrong does nothing" {
  for arguments in --nosuch '--fork=x' --root '--propagation down' '--setgroups maybe' '--monotonic 1' '--setuid x' \
    '--map-users 1' '-x' '-fx' '-r --setgroups allow' --nosuch=1 --kill-child=; do
    # shellcheck disable=SC2086 # Words.
    same $arguments echo ran
  done
  expect 1 unshare-rs --nosuch
  equal "$stderr" "unshare-rs: invalid option '--nosuch'
Try 'unshare-rs --help' for more information."
  same -U /nosuch
  same -U /etc
  same -U /etc/passwd
  same -f /nosuch
  same -U sh -c 'echo "$@"' sh -f --nosuch -- 'a  b' ''
  same -U -- echo -n x
  ok env SHELL="$(command -v echo)" unshare-rs
  equal "$output" ''
  for shell in /bin/sh /bin/bash ''; do
    want=$(SHELL=$shell unshare -Ur <<<'echo "$0 $#"; id -u') || true
    [ -n "$shell" ] || want=$'-sh 0\n0'
    equal "$(SHELL=$shell unshare-rs -Ur <<<'echo "$0 $#"; id -u')" "$want"
  done
}

@test "a link named unshare speaks as unshare" {
  ln -s "$(command -v unshare-rs)" unshare
  expect 1 ./unshare --nosuch
  contains "$stderr" "unshare: invalid option '--nosuch'"
}

# in_cgroups ARGUMENT...: unshare-rs with new cgroups of the test in every hierarchy.
in_cgroups() {
  make_cgroups "$name"
  unshare-rs --into-cgroup list "$@"
}

@test "into-cgroup: a cgroup, or a list of them" {
  requires root
  make_cgroups "$name/a b"
  sed -i 's/ /\\040/' list
  all=$(hierarchies | wc -l)
  for way in 'list --fork' list 'list --init' 'list --time --monotonic 5 --fork' 'list --pid --mount --mount-proc --fork' \
    'list -Ur --fork' 'list --info-fd 2' '/dev/fd/7 --fork' '/proc/self/fd/7 -p --fork'; do
    read -ra words <<<"$way"
    ok unshare-rs --into-cgroup "${words[@]}" cat /proc/self/cgroup 7<list
    equal "$(grep -c ":/$name/a b\$" <<<"$output")" "$all"
  done
  ok unshare-rs --into-cgroup "$(head -n 1 list | sed 's/\\040/ /')" --fork cat /proc/self/cgroup
  equal "$(grep -c ":/$name/a b\$" <<<"$output")" 1
  # COMMAND has neither the list nor a file of a cgroup.
  ok unshare-rs --into-cgroup /dev/fd/7 --fork sh -c 'ls -l /proc/self/fd' 7<list
  lacks "$output" list
  lacks "$output" "$name"
}

@test "into-cgroup: the parent stays outside" {
  requires root
  ok in_cgroups --fork sh -c 'cat "/proc/$PPID/cgroup"'
  lacks "$output" "$name"
}

@test "into-cgroup: the cgroups are the roots of a new cgroup namespace" {
  requires root
  for way in '--fork' '--time --fork' '--pid --fork' '-Ur --fork' '--init' ''; do
    read -ra words <<<"$way"
    ok in_cgroups --cgroup "${words[@]}" cat /proc/self/cgroup
    equal "$(cut -d: -f3 <<<"$output" | sort -u)" /
    make_cgroups "$name"
    ok in_cgroups --cgroup "${words[@]}" sh -c 'cat /proc/self/mountinfo; exec cat "/proc/$0/cgroup"' 1
    contains "$output" '/..'
  done
}

@test "into-cgroup: an ordinary user's own" {
  requires root
  make_cgroups "$name"
  while read -r directory; do
    mkdir "$directory/own" "$directory/other"
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$directory/own/$file" ] || tee "$directory/own/$file" "$directory/other/$file" <"$directory/$file"
    done
    chown -R 65534 "$directory"
    echo 0 >"$directory/cgroup.procs"
    [ ! -e "$directory/cgroup.kill" ] || echo 0 >"$directory/own/cgroup.procs"
    echo "$directory/other"
  done <list >others
  grep "/other$" others >list
  ok as_nobody unshare-rs --into-cgroup list --remove-cgroup -Ur --pid --cgroup cat /proc/self/cgroup
  equal "$(cut -d: -f3 <<<"$output" | sort -u)" /
  while read -r directory; do
    [ ! -e "$directory" ]
  done <list
  for point in $(hierarchies); do
    echo 0 >"$point/cgroup.procs"
  done
}

@test "into-cgroup: what cannot be joined" {
  requires root
  of_pids
  mkdir "$pids/$name"
  refused "cannot open the cgroup '$pids/$name/a': No such file or directory" unshare-rs --into-cgroup "$pids/$name/a" true
  refused "cannot open the cgroup '/': it is not a cgroup" unshare-rs --into-cgroup / true
  : >empty
  refused "cannot read the list of cgroups 'empty': it is empty" unshare-rs --into-cgroup empty true
  of_version_2
  mkdir -p "$v2/$name/a" "$v2/$name/b"
  refused 'a process can be in one cgroup of version 2 alone' unshare-rs --into-cgroup "$v2/$name/b" --into-cgroup "$v2/$name/a" --fork true
  rmdir "$v2/$name/b"
  # A cgroup that has threaded controllers alone enabled for its sub-cgroups may hold processes too.
  controller=$(tr ' ' '\n' <"$v2/cgroup.controllers" | grep -vxE 'cpuset|cpu|perf_event|pids' | head -n 1)
  [ -n "$controller" ] || return 0
  grep -qw "$controller" "$v2/cgroup.subtree_control" || enabled=$controller
  echo "+$controller" >"$v2/cgroup.subtree_control"
  echo "+$controller" >"$v2/$name/cgroup.subtree_control"
  for way in --fork --init ''; do
    # shellcheck disable=SC2086 # a word or none
    refused "cannot join the cgroup '$v2/$name': Device or resource busy" unshare-rs --into-cgroup "$v2/$name" $way true
    contains "$stderr" 'hint: its controllers are enabled for sub-cgroups'
  done
  echo "-$controller" >"$v2/$name/cgroup.subtree_control"
  remove_cgroups
  [ -z "${enabled-}" ] || echo "-$enabled" >"$v2/cgroup.subtree_control"
}

@test "into-cgroup: an ordinary user is told why not" {
  requires user
  of_pids
  refused "cannot join the cgroup '$pids': Permission denied" unshare-rs --into-cgroup "$pids" --fork true
  contains "$stderr" 'systemd-run --user --scope -p Delegate=yes'
}

@test "remove-cgroup: nothing is left, however COMMAND ends" {
  requires root
  ok in_cgroups --remove-cgroup true
  equal "$(left)" ''
  expect 3 in_cgroups --remove-cgroup sh -c 'exit 3'
  equal "$(left)" ''
  expect 143 in_cgroups --remove-cgroup sh -c 'kill -TERM $$'
  equal "$(left)" ''
  expect 143 in_cgroups --remove-cgroup --init sh -c 'kill -TERM $$'
  equal "$(left)" ''
  # A process that daemonised, without a pid namespace.
  expect 7 in_cgroups --remove-cgroup bash -c '(setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >pid); exit 7'
  ended "$(cat pid)"
  equal "$(left)" ''
}

@test "remove-cgroup: nothing is left where COMMAND does not start" {
  requires root
  expect 127 in_cgroups --remove-cgroup nosuch
  equal "$(left)" ''
  for wrong in '--mount --root nosuch true' '-U --map-users 0:0:1 --map-users 0:0:1 true' '--pid-file /nosuch/file true' '--info-fd 77 true' \
    '--mount=/nosuch/file true' '--time --monotonic 9223372036854775807 true'; do
    read -ra words <<<"$wrong"
    expect 1 in_cgroups --remove-cgroup "${words[@]}"
    equal "$(left)" ''
  done
  make_cgroups "$name"
  expect 1 unshare-rs --into-cgroup list --into-cgroup nosuch --remove-cgroup true
  equal "$(left)" ''
}

@test "remove-cgroup: cgroups below are removed too" {
  requires root
  ok in_cgroups_below
  equal "$(left)" ''
}

in_cgroups_below() {
  # shellcheck disable=SC2046 # a row of paths
  in_cgroups --remove-cgroup bash -c '
    part=$(printf "%0100d" 0)
    for point; do
      cd "$point/$0" || exit
      for depth in $(seq 50); do
        mkdir "$part" && cd "$part" || exit
      done
      mkdir a b c
      [ "${point##*/}" = cpuset ] || (
        echo 0 >a/cgroup.procs
        setsid sleep 1000 </dev/null >/dev/null 2>&1 &
      )
    done' "$name" $(hierarchies)
}

@test "remove-cgroup: what is frozen is thawed to be killed" {
  requires root
  for setting in freezer.state=FROZEN cgroup.freeze=1; do
    ok in_cgroups_frozen "$setting"
    equal "$(left)" ''
    ended "$(cat pid)"
  done
}

in_cgroups_frozen() {
  # shellcheck disable=SC2046 # a row of paths
  in_cgroups --remove-cgroup bash -c '
    setsid sleep 1000 </dev/null >/dev/null 2>&1 &
    echo $! >pid
    name=$0 setting=$1
    shift
    for point; do
      below=$point/$name/below
      mkdir "$below"
      [ ! -e "$below/cpuset.mems" ] || continue
      echo $! >"$below/cgroup.procs"
      [ ! -e "$below/${setting%=*}" ] || echo "${setting#*=}" >"$below/${setting%=*}"
    done' "$name" "$1" $(hierarchies)
}

@test "remove-cgroup: signals end COMMAND and not the parent" {
  requires root
  for signal in HUP TERM USR1 USR2; do
    rm -f ready
    make_cgroups "$name"
    unshare-rs --into-cgroup list --remove-cgroup bash -c '
      trap "exit 9" HUP TERM USR1 USR2
      echo >ready
      while :; do sleep 0.01; done' &
    until_ok [ -e ready ]
    kill -s "$signal" $!
    ends 9 $!
    equal "$(left)" ''
  done
}

@test "remove-cgroup: never the parent itself" {
  requires root
  of_pids
  make_cgroups "$name/a"
  list=$PWD/list
  for group in "$pids" "$pids/$name" "$pids/$name/a"; do
    expect 1 sh -c 'echo 0 >"$0/tasks" || echo 0 >"$0/cgroup.procs"; exec unshare-rs --into-cgroup "$1" --remove-cgroup true' \
      "$pids/$name/a" "$group"
    contains "$stderr" "cannot remove the cgroup '$group': this process is in it"
  done
  # Nor where it comes there later.
  mkfifo fifo
  unshare-rs --into-cgroup "$list" --remove-cgroup sh -c 'echo >ready; read -r line <fifo' &
  until_ok [ -e ready ]
  echo $! >"$pids/$name/a/cgroup.procs"
  echo >fifo
  ends 0 $!
}

@test "messages are one line whatever the bytes of a name" {
  expect 127 unshare-rs $'./no\nsuch\xff'
  equal "$stderr" "unshare-rs: cannot execute './no\\012such\\377': No such file or directory"
  ok unshare-rs -Ur echo $'\xff'
  equal "$output" $'\xff'
}

@test "--help and the man page name the same options" {
  ok unshare-rs --help
  help=$(grep -oE '^ {2,}(-[a-zA-Z], )?--[a-z-]+' <<<"$output" | grep -oE -- '--[a-z-]+' | sort)
  page=$(sed -n 's/^\.It.* Fl Fl \([a-z-]*\).*/--\1/p' "$project/unshare-rs/unshare-rs.1" | sort -u)
  equal "$help" "$page"
}

@test "the man page is well formed" {
  requires mandoc
  ok mandoc -T lint -W warning "$project/unshare-rs/unshare-rs.1"
}

@test "kernel parameters: those of the new namespaces" {
  local before
  before=$(cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward)
  ok unshare-rs -Urni --sysctl kernel.msgmax=4321 --sysctl net/ipv4/ip_forward=1 \
    cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward
  equal "$output" $'4321\n1'
  ok unshare-rs -Urni --fork --pid --sysctl net.ipv4.conf.lo.forwarding=1 cat /proc/sys/net/ipv4/conf/lo/forwarding
  equal "$output" 1
  equal "$(cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward)" "$before"
  refused "cannot set the kernel parameter 'kernel.odd': No such file or directory
hint: this kernel has none of that name, or not in these namespaces" unshare-rs -Urn --sysctl kernel.odd=1 true
  refused "cannot set the kernel parameter 'net.ipv4.ip_forward' to 'x': Invalid argument" unshare-rs -Urn --sysctl net.ipv4.ip_forward=x true
  for text in net.ipv4 =1 net.//.//.kernel.core_pattern=x net/../kernel/core_pattern=x .=1; do
    expect 1 unshare-rs -Urn --sysctl "$text" true
    contains "$stderr" "'$text' is not NAME=VALUE of a kernel parameter"
  done
}

# start_of PID: field 22 of /proc/PID/stat, of a name without blanks.
start_of() {
  cut -d' ' -f22 "/proc/$1/stat"
}

@test "pid file and information: files without a newline, and as many as are asked for" {
  ok unshare-rs --pid-file one --pid-file two sh -c 'cmp one two && echo $$'
  equal "$(cat one)" "$output"
  equal "$(wc -l <one)" 0
}

@test "process file: the child is known by its start" {
  for options in --fork '--fork --kill-child' '-Ur --init' '-UrT'; do
    # shellcheck disable=SC2086 # Words.
    unshare-rs $options --process-file process sh -c 'echo >ready; exec sleep 600' 3>&- &
    until [ -e ready ]; do sleep 0.01; done
    read -r pid start <process
    equal "$start" "$(start_of "$pid")"
    equal "$(cut -d' ' -f4 "/proc/$pid/stat")" "$!"
    kill -9 "$pid"
    wait "$!" || :
    rm ready process
  done
  # It stands there before the child's first word.
  ok unshare-rs --process-file process cat process
  equal "$output" "$(cat process)"
  equal "$(wc -w <process)" 2
}

@test "process file: none where COMMAND does not start" {
  expect 127 unshare-rs --process-file process /nosuch
  expect 1 unshare-rs --process-file process -w /nosuch true
  expect 1 unshare-rs --process-file process --pid-file no/such true
  contains "$stderr" "cannot write the pid file 'no/such'"
  [ ! -e process ]
  equal "$(echo process*)" 'process*'
  expect 1 unshare-rs --process-file no/such touch ran
  contains "$stderr" "cannot write the process file 'no/such': No such file or directory"
  [ ! -e ran ]
}

@test "process file: a descriptor that COMMAND inherits" {
  ok unshare-rs --process-fd 6 sh -c 'echo "$$ more" >&6' 6>said
  read -r word pid start <said
  equal "$word" process
  equal "$(sed -n 2p said)" "$pid more"
  [ "$start" -gt 0 ]
  refused "cannot use the descriptor '9': Bad file number" unshare-rs --process-fd 9 true 9>&-
}

# A number of the inner namespace would be another process's for the ones who read the file.
@test "process file: the number that /proc has, also in another PID namespace" {
  requires userns
  as_root unshare --pid --fork --kill-child unshare-rs --process-file process --pid-file pid \
    sh -c 'echo $$ >inner; exec sleep 600' 3>&- &
  until [ -s inner ]; do sleep 0.01; done
  read -r pid start <process
  equal "$(cat "/proc/$pid/comm")" sleep
  equal "$start" "$(start_of "$pid")"
  equal "$(cat pid)" "$pid"
  equal "$(awk '/^NSpid/ { print $NF }' "/proc/$pid/status")" "$(cat inner)"
  kill -9 "$pid"
  wait "$!" || :
}

@test "remove: a directory goes with COMMAND" {
  for line in 'true 0' '/nosuch 127' '-w /nosuch true 1' '--pid-file no/such true 1' '--init -Ur true 0'; do
    mkdir -p state/sub/below outside
    touch state/file state/sub/below/file outside/kept
    ln -s "$PWD/outside" state/link
    mkfifo state/go
    # shellcheck disable=SC2086 # Words.
    expect "${line##* }" unshare-rs --remove state ${line% *}
    [ ! -e state ] && [ -e outside/kept ]
  done
  expect 1 unshare-rs --remove state true
  contains "$stderr" "cannot open the directory 'state': No such file or directory"
  refused '--detach excludes --remove-cgroup and --remove' unshare-rs --detach --remove state true
}

# shellcheck disable=SC2016 # The inner shell expands it.
@test "remove: a signal ends COMMAND and not the parent" {
  mkdir state
  unshare-rs --remove state sh -c 'touch ready; exec sleep 600' 3>&- &
  until [ -e ready ]; do sleep 0.01; done
  kill -TERM "$!"
  got=0
  wait "$!" || got=$?
  equal "$got" 143
  [ ! -e state ]
}

@test "remove: another directory of that name is left alone, and so is what is mounted inside" {
  mkdir state
  ok unshare-rs --remove state sh -c 'mv state old; mkdir state; touch state/new old/file'
  [ -e state/new ]
  mkdir -p mounted/point outside
  touch outside/kept
  ok private sh -c 'mount --bind outside mounted/point && unshare-rs --remove mounted true'
  contains "$stderr" "cannot remove the directory 'mounted'"
  [ -e outside/kept ]
}

@test "--pid-file: what stands in the place of its draft is not written through" {
  requires userns
  : >victim
  # The draft is named after the process, which another user can foresee.
  expect 1 sh -c 'ln -s victim pid.$$; exec unshare-rs -Ur --pid-file pid true'
  contains "$stderr" "cannot write the pid file 'pid': File exists"
  [ ! -s victim ]
  [ ! -e pid ]
}

@test "options of the classic may be shortened" {
  requires userns
  ok unshare-rs --map-root --forw id -u
  equal "$output" 0
  expect 1 unshare-rs --map-u 1 true
  contains "$stderr" 'hint: it may be --map-user, --map-users'
  expect 1 unshare-rs --hostnam x true
  contains "$stderr" "hint: did you mean '--hostname'?"
}

@test "names and ids that the kernel refuses are explained" {
  requires root newuidmap
  local long
  printf -v long '%065d' 0
  for option in --hostname --domainname; do
    refused "hint: it has 65 bytes, and the kernel takes 64 at most" unshare-rs "$option" "$long" true
  done
  refused "did you mean 5000:0:1?" unshare -r unshare-rs --map-users 0:5000:1 true
  mkdir tools
  ln -s /bin/true tools/newuidmap
  refused "cannot write uid_map by 'newuidmap': it succeeded, but wrote nothing" \
    subids "mount --bind tools /mnt; nobody env PATH=/mnt:$PATH unshare-rs --map-users 0:200000:5 true"
  refused 'hint: /etc/subuid is a symbolic link, which newuidmap does not follow' \
    subids "mount --bind /etc /mnt && mount -t tmpfs none /etc && chmod 755 /etc && ln -s /mnt/* /etc; nobody unshare-rs --map-users 0:200000:5 true"
  refused "hint: lines of /etc/subuid end in a carriage return" \
    subids "printf 'nobody:200000:1000\\r\\n' >/etc/subuid; nobody unshare-rs --map-users 0:200000:5 true"
}
