#!/usr/bin/env bats
# cgexec-rs, beside libcgroup's cgexec where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr, project and the mount points.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.

load helpers
load cgroups

# refused MESSAGE ARGUMENT...: fails with status 1 and says MESSAGE, and leaves no cgroup behind.
refused() {
  local message=$1
  shift
  expect 1 cgexec-rs "$@"
  contains "$stderr" "$message"
  equal "$(left)" ''
}

# cgroup_of HIERARCHY: the line of /proc/self/cgroup of a controller, or of version 2 for '', in $output.
cgroup_of() {
  local line
  line=$(grep "^[0-9]*:\([^:]*,\)\{0,1\}$1\(,[^:]*\)\{0,1\}:" <<<"$output" | head -n 1)
  echo "${line##*:}"
}

@test "joins as the classic does" {
  requires root cgexec
  of_version_1 pids
  mkdir "$v1/$name"
  for group in "pids:$name" "pids:/$name" "pids:/"; do
    want=$(cgexec -g "$group" --sticky grep pids /proc/self/cgroup)
    ok cgexec-rs -g "$group" --sticky grep pids /proc/self/cgroup
    equal "$output" "$want"
  done
  # The last one counts.
  want=$(cgexec -g "pids:$name" -g pids:/ grep pids /proc/self/cgroup)
  ok cgexec-rs -g "pids:$name" -g pids:/ grep pids /proc/self/cgroup
  equal "$output" "$want"
}

@test "every hierarchy, or that of a controller" {
  requires root
  of_pids
  make_cgroups "$name"
  for group in "*:$name" "$name" "*:/$name//"; do
    ok cgexec-rs -g "$group" cat /proc/self/cgroup
    equal "$(grep -c ":/$name\$" <<<"$output")" "$(hierarchies | wc -l)"
  done
  ok cgexec-rs -g "pids:$name" cat /proc/self/cgroup
  equal "$(grep -c ":/$name\$" <<<"$output")" 1
  equal "$(cgroup_of "$([ "$pids" = "${v2-}" ] || echo pids)")" "/$name"
}

@test "the hierarchy of version 2 has a name of no controllers" {
  requires root
  of_version_2
  ok cgexec-rs --create -g ":$name" cat /proc/self/cgroup
  equal "$(grep -c ":/$name\$" <<<"$output")" 1
  equal "$(cgroup_of '')" "/$name"
}

@test "a cgroup that is missing is made with --create alone" {
  requires root
  expect 1 cgexec-rs -g "*:$name/a" true
  contains "$stderr" "$name': No such file or directory"
  contains "$stderr" 'hint: --create makes it'
  equal "$(left)" ''
  ok cgexec-rs --create -g "*:$name/a" cat /proc/self/cgroup
  equal "$(grep -c ":/$name/a\$" <<<"$output")" "$(hierarchies | wc -l)"
  ok cgexec-rs --create -g "*:$name/a" true
}

@test "limits are set in their order" {
  requires root
  of_pids
  ok cgexec-rs --create -g "*:$name" --set pids.max=7 -r pids.max=20 cat "$pids/$name/pids.max"
  equal "$output" 20
  # They hold for COMMAND.
  expect 2 cgexec-rs -g "pids:$name" --set pids.max=1 sh -c '(true) ; echo $?'
  contains "$stderr" 'fork'
}

@test "sizes take suffixes" {
  requires root
  file=memory.max
  of_version_1 memory
  [ -z "$v1" ] || file=memory.limit_in_bytes
  ok cgexec-rs --create -g "memory:$name" --set "$file=64M" cat "$v1/$name/$file"
  equal "$output" 67108864
  of_version_1 blkio
  device=$(lsblk -dnro MAJ:MIN | head -n 1)
  [ -n "$device" ] || skip 'needs a disk'
  ok cgexec-rs --create -g "blkio:$name" --set "blkio.throttle.read_bps_device=$device 3k" \
    cat "$v1/$name/blkio.throttle.read_bps_device"
  equal "$output" "$device 3072"
}

@test "an empty value is a value" {
  requires root
  of_version_1 cpuset
  ok cgexec-rs --create -g "cpuset:$name/a" true
  ok cgexec-rs --list-fd 6 -g "cpuset:$name/a" --set cpuset.cpus= true
  equal "$(cat "$v1/$name/a/cpuset.cpus")" ''
}

@test "a cpuset of version 1 has the CPUs and the memory of its parent" {
  requires root
  of_version_1 cpuset
  ok cgexec-rs --create -g "cpuset:$name/a/b" cat "$v1/$name/a/b/cpuset.cpus" "$v1/$name/a/b/cpuset.mems"
  equal "$output" "$(cat "$v1/cpuset.cpus" "$v1/cpuset.mems")"
  cpu=$(sed 's/[-,].*//' "$v1/cpuset.cpus")
  ok cgexec-rs --create -g "cpuset:$name/c" --set "cpuset.cpus=$cpu" grep Cpus_allowed_list /proc/self/status
  equal "$output" $'Cpus_allowed_list:\t'"$cpu"
}

@test "controllers of version 2 are enabled down the tree, where a limit asks for them" {
  requires root
  of_version_2
  before=$(cat "$v2/cgroup.subtree_control")
  read -r controller _ <"$v2/cgroup.controllers" || skip 'needs a controller of version 2'
  case " $(cat "$v2/cgroup.controllers") " in
    *' hugetlb '*) controller=hugetlb limit=hugetlb.2MB.max=4M ;;
    *' pids '*) controller=pids limit=pids.max=20 ;;
    *) skip "knows no limit of $controller" ;;
  esac
  ok cgexec-rs --create -g ":$name/a" cat "$v2/$name/cgroup.subtree_control"
  equal "$output" ''
  ok cgexec-rs --create -g ":$name/b" --set "$limit" cat "$v2/$name/cgroup.subtree_control" "$v2/$name/b/cgroup.controllers" \
    "$v2/$name/b/cgroup.type"
  equal "$output" "$controller
$controller
domain"
  # Named ones too.
  mkdir "$v2/$name/c"
  ok cgexec-rs --create -g "$controller:$name/c/d" cat "$v2/$name/c/cgroup.subtree_control"
  equal "$output" "$controller"
  # All of them with every hierarchy where it is the only one, for the sub-cgroup too.
  want=$controller
  [ "$(hierarchies)" != "$v2" ] || want=$(cat "$v2/cgroup.controllers")
  ok cgexec-rs --create -g "*:$name/g" --set "$limit" --leaf below cat "$v2/$name/g/cgroup.controllers" "$v2/$name/g/below/cgroup.controllers"
  equal "$output" "$want"$'\n'"$want"

  # A cgroup that holds processes enables none.
  mkdir "$v2/$name/e"
  sleep 1000 &
  echo $! >"$v2/$name/e/cgroup.procs"
  expect 1 cgexec-rs --create -g ":$name/e/f" --set "$limit" true
  contains "$stderr" "cannot enable the controller '$controller' below '$v2/$name/e': Device or resource busy"
  contains "$stderr" 'hint: processes are in that cgroup itself'
  [ ! -e "$v2/$name/e/f" ]
  ok cgexec-rs --create -g "*:$name/e/f" true
  kill $!
  wait $! || :
  remove_cgroups
  read -ra controllers <"$v2/cgroup.subtree_control"
  for controller in "${controllers[@]}"; do
    [[ " $before " == *" $controller "* ]] || echo "-$controller" >"$v2/cgroup.subtree_control"
  done
}

@test "a later failure removes what was made, and nothing else" {
  requires root
  of_pids
  printf '#!/nosuch\n' >bad
  chmod 755 bad
  touch plain
  echo 'deny' >rules
  for case in '1 --set pids.max=many true' '1 --set pids.nosuch=1 true' '1 --device-rules nosuch true' '1 --device-rules rules true' \
    '127 nosuch' '127 ./bad' '126 ./plain' '127 --list-fd 6 nosuch' '127 --remove nosuch' '126 --remove ./plain'; do
    read -ra words <<<"$case"
    expect "${words[0]}" cgexec-rs --create -g "*:$name/a" "${words[@]:1}"
    equal "$(left)" ''
    mkdir "$pids/$name"
    expect "${words[0]}" cgexec-rs --create -g "*:$name/a" "${words[@]:1}"
    equal "$(left)" "$pids/$name"
    rmdir "$pids/$name"
  done
}

@test "--create=empty refuses a cgroup that others use" {
  requires root
  of_pids
  ok cgexec-rs --create=empty -g "*:$name" true
  ok cgexec-rs --create=empty -g "*:$name" true
  mkdir "$pids/$name/below"
  sleep 1000 &
  for where in "$pids/$name" "$pids/$name/below"; do
    echo $! >"$where/cgroup.procs"
    expect 1 cgexec-rs --create=empty -g "*:$name" true
    contains "$stderr" "cannot use the cgroup '$pids/$name': it exists already and holds processes"
  done
  ok cgexec-rs --create -g "pids:$name" true
  kill $!
  expect 1 cgexec-rs --create=empty -g '*:/' true
  contains "$stderr" 'it is the root of its hierarchy'
}

@test "--create=empty refuses a frozen cgroup" {
  requires root
  of_version_1 freezer
  mkdir "$v1/$name"
  echo FROZEN >"$v1/$name/freezer.state"
  expect 1 timeout 10 cgexec-rs --create=empty -g "freezer:$name" true
  contains "$stderr" 'it exists already and is frozen'
  echo THAWED >"$v1/$name/freezer.state"
  ok timeout 10 cgexec-rs --create=empty -g "freezer:$name" true
  of_version_2
  mkdir "$v2/$name"
  echo 1 >"$v2/$name/cgroup.freeze"
  expect 1 timeout 10 cgexec-rs --create=empty -g ":$name" true
  contains "$stderr" 'it exists already and is frozen'
}

@test "a name of a limit leads to no other file" {
  requires root
  for file in tasks release_agent notify_on_release cgroup.procs cgroup.subtree_control cgroup.kill cgroup.freeze cgroup.type \
    cgroup.event_control devices.allow freezer.state ../pids.max a/b.c /etc/a.b .. a. ''; do
    refused "cannot set '$file': " --create -g "*:$name" --set "$file=1" true
  done
  refused "'pids.max' is not NAME=VALUE" --create -g "*:$name" --set pids.max true
}

@test "limits of the other version, and of controllers that are not there" {
  requires root
  refused "cannot set nosuch.max=1': none of the cgroups has the controller 'nosuch'" --create -g "*:$name" --set nosuch.max=1 true ||
    refused "cannot set 'nosuch.max=1': none of the cgroups has the controller 'nosuch'" --create -g "*:$name" --set nosuch.max=1 true
  refused "cannot find the controller 'nosuch': no mounted hierarchy has it" --create -g "nosuch:$name" true
  of_version_1 memory
  refused "the controller 'memory' is in a hierarchy of version 1 here" --create -g "*:$name" --set memory.max=1M true
}

@test "limits of the hierarchy of version 2 where it has none of the cgroups" {
  requires root
  of_version_1 pids
  refused 'none of the cgroups is of version 2' --create -g "pids:$name" --set cgroup.max.depth=1 true
  of_version_2
  ok cgexec-rs --create -g "*:$name" --set cgroup.max.depth=1 cat "$v2/$name/cgroup.max.depth"
  equal "$output" 1
}

@test "a path stays in its hierarchy" {
  requires root
  for path in .. ../x "$name/../x" "$name/.." './..' './../x'; do
    refused "leads up by a '..'" --create -g "*:$path" true
  done
  refused 'holds a newline' --create -g "*:$name"$'\n' true
  refused 'names no cgroup' --create -g '*:./' true
  # A file is no cgroup.
  of_pids
  expect 1 cgexec-rs --create -g pids:cgroup.procs/x true
  contains "$stderr" "cannot open the cgroup '$pids/cgroup.procs': Not a directory"
}

@test "what is mounted over a hierarchy is no cgroup" {
  requires root
  of_pids
  ok unshare -m --propagation private sh -c '
    mount -t tmpfs none "$0"
    cgexec-rs --create -g "pids:$1" true 2>error && exit 1
    head -n 1 error
    ls "$0"' "$pids" "$name"
  equal "${#lines[@]}" 1
  # In version 2 alone there is no file either that names the controllers.
  contains "$output" 'cgexec-rs: cannot '
  [ -z "$(point_of pids)" ] || equal "$output" "cgexec-rs: cannot open the cgroup '$pids': it is not a cgroup"
}

@test "a path from the caller's own cgroup: below it, and beside it in version 2" {
  requires root
  of_version_1 pids
  mkdir "$v1/$name"
  ok cgexec-rs -g "pids:$name" cgexec-rs --create -g pids:./a/b cat /proc/self/cgroup
  equal "$(cgroup_of pids)" "/$name/a/b"
  of_version_2
  ok cgexec-rs --create -g ":$name/own" cgexec-rs --create -g ':./a/b' cat /proc/self/cgroup
  equal "$(cgroup_of '')" "/$name/a/b"
}

@test "beside the own cgroup, or below it where the user may not" {
  requires root
  of_version_2
  mkdir -p "$v2/$name/own"
  chown 65534 "$v2/$name/own" "$v2/$name/own/cgroup.procs"
  ok cgexec-rs -g ":$name/own" setpriv --reuid=65534 --regid=65534 --clear-groups \
    cgexec-rs --create -g ':./a' cat /proc/self/cgroup
  equal "$(cgroup_of '')" "/$name/own/a"
}

@test "an ordinary user in a tree that is delegated" {
  requires root
  of_pids
  make_cgroups "$name"
  while read -r directory; do
    chown 65534 "$directory" "$directory/cgroup.procs"
    [ ! -e "$directory/tasks" ] || chown 65534 "$directory/tasks"
    [ ! -e "$directory/cgroup.subtree_control" ] || chown 65534 "$directory/cgroup.subtree_control"
  done <list
  # The controllers of version 2 are delegated too.
  ok cgexec-rs --create -g "*:$name/own" setpriv --reuid=65534 --regid=65534 --clear-groups \
    cgexec-rs --create=empty -g "*:$name/a/b" sh -c 'cat /proc/self/cgroup; id -u'
  equal "$(grep -c ":/$name/a/b\$" <<<"$output")" "$(hierarchies | wc -l)"
  equal "${lines[-1]}" 65534
}

@test "a hierarchy that was not named and is closed to the user is left out" {
  requires root
  of_version_1 pids
  of_version_2
  mkdir -p "$v1/$name"
  chown 65534 "$v1/$name"
  make_cgroups "$name"
  ok as_nobody cgexec-rs --create -g "*:$name/a" cat /proc/self/cgroup
  equal "$(cgroup_of pids)" "/$name/a"
  lacks "$(cgroup_of '')" "$name"
  # But not where it is needed.
  rmdir "$v1/$name/a"
  for needed in '--set cgroup.max.depth=1' '--set hugetlb.2MB.max=1'; do
    read -ra words <<<"$needed"
    expect 1 as_nobody cgexec-rs --create -g "*:$name/a" "${words[@]}" true
    [ ! -e "$v1/$name/a" ]
  done
  expect 1 as_nobody cgexec-rs --create -g "*:$name/a" --set cgroup.max.depth=1 true
  contains "$stderr" "cannot make the cgroup '$v2/$name/a': Permission denied"
}

@test "an ordinary user is told how to get a tree" {
  requires user
  of_pids
  refused "cannot make the cgroup '" --create -g "*:$name" true
  contains "$stderr" 'Permission denied'
  contains "$stderr" 'systemd-run --user --scope -p Delegate=yes'
  expect 1 cgexec-rs -g pids:/ true
  contains "$stderr" "cannot join the cgroup '$pids': Permission denied"
  contains "$stderr" 'systemd-run --user --scope -p Delegate=yes'
}

@test "--list-fd leaves a list, and joins none" {
  requires root
  ok cgexec-rs --create -g "*:$name/a b"$'\t\\' --list-fd 6 sh -c 'cat <&6; cat /proc/self/cgroup; ls -l /proc/self/fd/6'
  for point in $(hierarchies); do
    contains "$output" "$point/$name/a\\040b\\011\\134"
  done
  lacks "$output" ":/$name"
  contains "$output" '/6 -> /memfd:cgroups'
  # In the place of a descriptor that the caller has.
  ok cgexec-rs -g "*:/" --list-fd 7 sh -c 'head -n 1 <&7' 7</dev/null
  equal "$output" "$(hierarchies | head -n 1)"
  for fd in 3 4 5 8 9; do
    ok cgexec-rs --create -g "*:$name/c" --list-fd "$fd" sh -c 'wc -l <"/proc/self/fd/$0"' "$fd"
    equal "$output" "$(hierarchies | wc -l)"
    expect 127 cgexec-rs --create -g "*:$name/d" --list-fd "$fd" nosuch
    [ ! -e "$(hierarchies | head -n 1)/$name/d" ]
  done
}

# tries: which of null, zero, full, random and urandom can be read, written to and made.
tries() {
  local node try=
  for node in 3 5 7 8 9; do
    try+=' '
    ! true <"node$node" || try+=r
    ! true >"node$node" || try+=w
    ! mknod made c 1 "$node" || try+=m
    rm -f made
  done 2>&-
  echo "$try"
}

# with_rules CONTROLLERS DIRECTORY RULES: what can be tried under these rules.
with_rules() {
  cgexec-rs --create -g "$1:$name" --device-rules /dev/fd/8 -- bash -c "$(declare -f tries); tries" 8<<<"$3"
  rmdir "$2/$name"
}

@test "device rules, in both versions alike" {
  requires root
  of_version_2
  v1=$(point_of devices)
  for node in 3 5 7 8 9; do
    mknod "node$node" c 1 "$node"
  done
  true <node3 || skip 'needs a file system with devices'
  # Of null, zero, full, random and urandom.
  while IFS='|' read -r rules want; do
    rules=$(tr ';' '\n' <<<"$rules")
    equal "$(with_rules '' "$v2" "$rules")" "$want"
    [ -z "$v1" ] || equal "$(with_rules devices "$v1" "$rules")" "$want"
  done <<'CASES'
allow a| rwm rwm rwm rwm rwm
deny a *:* rwm;allow c 1:3 rwm| rwm    
deny a;allow c *:* m| m m m m m
deny a;allow c 1:* r;allow c 1:9 rwm| r r r r rwm
deny a;allow c 1:3 rwm;deny c 1:3 w;allow c 1:5 w| rm w   
deny c 1:3 rwm;deny c 1:5 w|  rm rwm rwm rwm
allow a;deny c 1:3 rwm;deny c 1:5 w;allow c 1:3 m| m rm rwm rwm rwm
deny a;allow b *:* rwm|     
deny a;allow a 1:7 rw # both|   rw  
deny a;allow c 1:3 rwm;allow c 1:5 rwm;deny c 1:* w| rm rm   
CASES
}

@test "device rules: the program of version 2 denies what a part of an access is denied" {
  requires root
  of_version_2
  mknod zero c 1 5
  true <zero || skip 'needs a file system with devices'
  echo 'deny a
allow c 1:5 r' >rules
  ok cgexec-rs --create -g ":$name" --device-rules rules sh -c 'true <zero && ! (true <>zero) 2>/dev/null'
}

@test "device rules: wrong ones are named, and nothing is left" {
  requires root
  while IFS='|' read -r rules message; do
    tr ';' '\n' <<<"$rules" >text
    refused "$message" --create -g "*:$name" --device-rules text true
  done <<'CASES'
# x;allow c 1:3|cannot take the rule 'allow c 1:3' of line 2 of 'text': it is not of the form
permit a|cannot take the rule 'permit a' of line 1 of 'text'
deny a;allow c 1:3 rwx|of line 2 of 'text'
deny a;allow c 1:* rwm;deny c 1:3 w|line 3 of 'text': it would make a hole in the wider rule for 'c 1:* rwm'
CASES
  refused "cannot read 'nosuch': No such file or directory" --create -g "*:$name" --device-rules nosuch true
}

@test "device rules: COMMAND does not inherit their descriptor" {
  requires root
  of_version_2
  ok cgexec-rs --create -g ":$name" --device-rules /dev/fd/8 ls /proc/self/fd 8<<<'allow a'
  lacks " $(echo "$output" | tr '\n' ' ') " ' 8 '
}

@test "device rules: an ordinary user cannot set them" {
  requires root
  of_version_2
  mkdir "$v2/$name"
  chown 65534 "$v2/$name" "$v2/$name/cgroup.procs"
  echo 'deny a' >rules
  expect 1 cgexec-rs --create -g ":$name/own" setpriv --reuid=65534 --regid=65534 --clear-groups \
    cgexec-rs --create -g ":$name/a" --device-rules rules true
  contains "$stderr" "cannot attach the device rules to '$v2/$name/a': Operation not permitted"
  contains "$stderr" 'hint: that needs CAP_BPF and CAP_SYS_ADMIN over the machine'
  [ ! -e "$v2/$name/a" ]
}

@test "--remove: nothing of COMMAND outlives it, and its status is the shell's" {
  requires root
  expect 7 cgexec-rs --create -g "*:$name/a/b" --remove bash -c '
    (setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >pid)
    exit 7'
  gone "$(cat pid)"
  equal "$(left)" ''
  expect 143 cgexec-rs --create -g "*:$name" --remove sh -c 'kill -TERM $$'
  equal "$(left)" ''
  ok cgexec-rs --create -g "*:$name" --remove cat /proc/self/cgroup
  equal "$(grep -c ":/$name\$" <<<"$output")" "$(hierarchies | wc -l)"
  # One that was there is removed too.
  make_cgroups "$name"
  ok cgexec-rs -g "*:$name" --remove true
  equal "$(left)" ''
}

@test "--remove: signals reach COMMAND" {
  requires root
  of_pids
  cgexec-rs --create -g "pids:$name" --remove bash -c 'trap "exit 9" TERM; echo >ready; while :; do sleep 0.01; done' &
  until [ -e ready ]; do sleep 0.01; done
  kill -TERM $!
  status=0
  wait $! || status=$?
  equal "$status" 9
  equal "$(left)" ''
}

@test "--remove: processes that make others are all caught" {
  requires root
  of_pids
  ok timeout 60 cgexec-rs --create -g "*:$name" --set pids.max=200 --remove bash -c '
    bomb() { while :; do (bomb &) 2>/dev/null; done; }
    (setsid bash -c "$(declare -f bomb); bomb" </dev/null >/dev/null 2>&1 &)
    count=0
    until [ "$count" -gt 50 ]; do
      read -r count <"$0/pids.current"
    done' "$pids/$name"
  equal "$(left)" ''
}

@test "--remove: cgroups that COMMAND made below are removed, at any depth" {
  requires root
  # shellcheck disable=SC2046 # a row of paths
  ok timeout 60 cgexec-rs --create -g "*:$name" --remove bash -c '
    part=$(printf "%0100d" 0)
    for point; do
      cd "$point/$0" || exit
      for depth in $(seq 50); do
        mkdir "$part" && cd "$part" || exit
      done
      mkdir a b c
    done' "$name" $(hierarchies)
  equal "$(left)" ''
}

@test "--remove: never a cgroup of its own" {
  requires root
  of_pids
  expect 1 cgexec-rs --create -g "pids:$name" sh -c 'exec cgexec-rs -g "pids:$0" --remove true' "$name"
  contains "$stderr" "cannot remove the cgroup '$pids/$name': this process is in it"
  # Nor one above it.
  expect 1 cgexec-rs --create -g "pids:$name/a" sh -c 'exec cgexec-rs -g "pids:$0" --remove true' "$name"
  contains "$stderr" 'this process is in it'
  expect 1 cgexec-rs -g pids:/ --remove true
  contains "$stderr" 'this process is in it'
}

@test "--failure-status is that of its own failures" {
  expect 9 cgexec-rs --failure-status 9 -g nosuch:x true
  expect 9 cgexec-rs --failure-status 9 --nosuch
  expect 1 cgexec-rs true
  contains "$stderr" '-g is missing'
  expect 1 cgexec-rs -g x
  contains "$stderr" 'missing operand: COMMAND'
}

@test "the daemon of libcgroup is told" {
  requires root python3
  of_pids
  mkdir "$pids/$name"
  unshare -m --propagation private bash -c '
    mount -t tmpfs none /run
    python3 - "$2" <<PYTHON &
import os, socket, struct, sys
server = socket.socket(socket.AF_UNIX)
server.bind("/run/cgred.socket")
server.listen()
open("listens", "w")
for answer in [b"SUCCESS_STORE_PID\0", b"SUCCESS_STORE_PID\0", b"FAIL_STORE_PID_xx\0"]:
    peer = server.accept()[0]
    pid, flags = struct.unpack("ii", peer.recv(8))
    print(open("/proc/%d/comm" % pid).read().strip(), flags, flush=True)
    peer.sendall(answer)
PYTHON
    until [ -e listens ]; do sleep 0.01; done
    cgexec-rs -g "pids:$0" true
    cgexec-rs -g "pids:$0" --sticky true
    ! cgexec-rs -g "pids:$0" true
    wait' "$name" >told 2>error
  equal "$(cat told)" 'cgexec-rs 0
cgexec-rs 1
cgexec-rs 0'
  contains "$(cat error)" "cannot register with '/var/run/cgred.socket': the daemon refused"
}

@test "--delete: all that is in it is killed, and it is removed in every hierarchy" {
  requires root
  make_cgroups "$name"
  of_pids
  ok cgexec-rs -g "$name" bash -c '(setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $! >pid)'
  mkdir "$pids/$name/below" "$pids/$name/below/more"
  cat pid >"$pids/$name/below/more/cgroup.procs"
  mapfile -t all <list
  ok cgexec-rs --delete "${all[@]}" /sys/fs/cgroup/nosuch
  equal "$(left)" ''
  [ ! -e "/proc/$(cat pid)/cwd" ]
  # What is gone is nothing to do.
  ok cgexec-rs --delete "${all[@]}"
}

@test "--delete: many, deep, frozen, forking" {
  requires root python3
  make_cgroups "$name"
  of_pids
  echo 300 >"$pids/$name/pids.max"
  cgexec-rs -g "$name" bash -c 'while :; do (while :; do sleep 0.01 & done) & done' >/dev/null 2>&1 3>&- &
  python3 - "$pids/$name" <<'END'
import os, sys
os.chdir(sys.argv[1])
for number in range(1000):
    os.mkdir(f"many{number}")
for _ in range(200):
    os.mkdir("deep")
    os.chdir("deep")
END
  freezer=$(point_of freezer)
  [ -z "$freezer" ] || echo FROZEN >"$freezer/$name/freezer.state"
  mapfile -t all <list
  ok timeout 20 cgexec-rs --delete "${all[@]}"
  equal "$(left)" ''
}

@test "--delete: one that makes cgroups without an end" {
  requires root python3
  of_pids
  mkdir "$pids/$name"
  python3 -c 'import os, sys
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
os.chdir(sys.argv[1])
while True:
    try:
        os.mkdir("x"); os.chdir("x")
    except OSError:
        os.chdir(sys.argv[1])' "$pids/$name" 3>&- &
  until [ -e "$pids/$name/x/x" ]; do sleep 0.01; done
  ok timeout 20 cgexec-rs --delete "$pids/$name"
  [ ! -e "$pids/$name" ]
}

@test "--delete: threads in a threaded cgroup" {
  requires root python3
  of_version_2
  mkdir "$v2/$name" "$v2/$name/threads"
  python3 -c 'import os, sys, threading, time
cgroup = sys.argv[1]
threading.Thread(target=time.sleep, args=[600], daemon=True).start()
open(cgroup + "/cgroup.procs", "w").write("0")
open(cgroup + "/threads/cgroup.type", "w").write("threaded")
open(cgroup + "/threads/cgroup.threads", "w").write(os.listdir("/proc/self/task")[1])
open("ready", "w").close()
time.sleep(600)' "$v2/$name" 3>&- &
  until [ -e ready ]; do sleep 0.01; done
  ok cgexec-rs --delete "$v2/$name"
  [ ! -e "$v2/$name" ]
}

@test "--delete and --kill refuse what holds this process, and what is not a cgroup" {
  requires root
  of_pids
  mkdir "$pids/$name"
  for deed in --delete '--kill KILL'; do
    # shellcheck disable=SC2086 # Words.
    expect 1 cgexec-rs $deed "$pids"
    contains "$stderr" "this process is in it"
    # shellcheck disable=SC2086 # Words.
    expect 7 cgexec-rs --failure-status 7 $deed /etc
    contains "$stderr" "cannot open the cgroup '/etc': it is not a cgroup"
  done
  [ -e "$pids/$name" ]
  expect 1 cgexec-rs --delete -g "$name" "$pids/$name"
  expect 1 cgexec-rs --delete
  contains "$stderr" 'missing operand: DIR'
}

@test "--kill: every process in it and below it, once" {
  requires root
  of_pids
  mkdir -p "$pids/$name/below"
  for place in "$name" "$name/below"; do
    sh -c 'trap "echo got >>said" USR1; echo 0 >"$1/cgroup.procs"; touch "ready$2"; while :; do sleep 0.05; done' \
      sh "$pids/$place" "${place//\//-}" 3>&- 2>/dev/null &
  done
  until [ -e "ready$name" ] && [ -e "ready$name-below" ]; do sleep 0.01; done
  # The sleeps of the two end by it.
  ok cgexec-rs --kill usr1 "$pids/$name"
  until [ "$(wc -l <said)" -ge 2 ]; do sleep 0.01; done
  sleep 0.2
  equal "$(wc -l <said)" 2
  ok cgexec-rs --kill 9 "$pids/$name" /nosuch
  until [ -z "$(cat "$pids/$name/cgroup.procs" "$pids/$name/below/cgroup.procs")" ]; do sleep 0.01; done
}

@test "--remove-on-failure removes the directory when the tool fails" {
  removes_on_failure 1 'cgexec-rs DIR -g nosuch:a true'
  removes_on_failure 127 'cgexec-rs DIR -g "*:/" --list-fd 6 ./nosuch'
  keeps_on_success 3 'cgexec-rs DIR -g "*:/" --list-fd 6 sh -c "exit 3"'
  keeps_on_success 1 'cgexec-rs DIR --remove -g a true'
  contains "$stderr" '--remove and --remove-on-failure exclude each other'
}

@test "--remove-on-failure follows no link" {
  mkdir target
  : >target/file
  ln -s target link
  for path in link link/ link//; do
    run cgexec-rs --remove-on-failure "$path" -g '*:/no/such/cgroup' true
    [ "$status" -ne 0 ]
    [ -e target/file ]
  done
}
