#!/usr/bin/env bats
# unshare-rs, beside util-linux's unshare where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.

load helpers

# as_root COMMAND: runs COMMAND with root's powers, but in no namespace of its own where the caller is root.
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
  want=$(unshare "$@" 2>/dev/null) || want_status=$?
  got=$(unshare-rs "$@" 2>stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'arguments: %s\nunshare:    %s %s\nunshare-rs: %s %s\n' "$*" "$want_status" "$want" "$got_status" "$got"
    cat stderr
    return 1
  }
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
  same_namespaces 'time time_for_children' -T
  same_namespaces 'time time_for_children' --time --fork
  same_namespaces 'cgroup ipc mnt net pid pid_for_children time time_for_children user uts' -muinpUCTrf
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
  same -U sh -c "$maps"
}

@test "root in a mount namespace of one's own" {
  ok unshare-rs -Umr sh -c 'id -u; mount -t tmpfs t /mnt && grep -o " / /mnt .* tmpfs t" /proc/self/mountinfo | cut -d" " -f3'
  equal "$output" "0
/mnt"
}

@test "propagation: private by default" {
  list='grep -o " / / [^-]*-" /proc/self/mountinfo | sed "s/:[0-9]*//g"'
  for how in private shared slave unchanged; do
    same -Ur --mount --propagation "$how" sh -c "$list"
  done
  ok unshare-rs -Umr sh -c "$list"
  lacks "$output" shared
}

@test "proc: it shows the new pid namespace" {
  same -Umrpf --mount-proc sh -c 'echo $$; ls -d /proc/[0-9]* | head -n 1'
  ok unshare-rs -Umrpf --mount-proc readlink /proc/self
  equal "$output" 1
}

@test "fork: the command's status and signal come back" {
  for arguments in '' -f -Ur -Urf -Urpf '-Urf --kill-child'; do
    # shellcheck disable=SC2086 # Words.
    same $arguments sh -c 'exit 7'
  done
  for signal in TERM INT USR1 SEGV; do
    same -f sh -c "kill -$signal \$\$"
  done
  # util-linux 2.38 gives 1 here, and later ones this:
  expect 137 unshare-rs -f sh -c 'kill -KILL $$'
}

@test "names: of host and domain" {
  ok unshare-rs -Ur --hostname box --domainname dom sh -c 'uname -n; cat /proc/sys/kernel/domainname'
  equal "$output" "box
dom"
}

@test "command lines: what is wrong does nothing" {
  for arguments in --nosuch '--fork=x' --root '--propagation down' '--setgroups maybe' '--monotonic 1' '--setuid x'; do
    # shellcheck disable=SC2086 # Words.
    same $arguments echo ran
  done
  expect 1 unshare-rs --nosuch
  equal "$stderr" "unshare-rs: invalid option '--nosuch'
Try 'unshare-rs --help' for more information."
  same -U /nosuch
  same -U /etc
  same -U /etc/passwd
}

@test "a link named unshare speaks as unshare" {
  ln -s "$(command -v unshare-rs)" unshare
  expect 1 ./unshare --nosuch
  contains "$stderr" "unshare: invalid option '--nosuch'"
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
