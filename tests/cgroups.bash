# What the tests of cgroups share.
# shellcheck shell=bash disable=SC2154 # bats and the helpers assign output, status and stderr.

# In every hierarchy the tests keep to a cgroup of this name, and what is below it.
name=bats-$$

teardown() {
  remove_cgroups
  nothing_left
}

# hierarchies: the mount points of the hierarchies, each one once.
hierarchies() {
  awk '{ for (i = 7; $i != "-"; i++); } $(i + 1) ~ /^cgroup2?$/ && !seen[$3]++ { print $5 }' /proc/self/mountinfo
}

# point_of CONTROLLER: the mount point of the hierarchy of version 1 that has it, if there is one.
point_of() {
  awk -v "wanted=$1" '{ for (i = 7; $i != "-"; i++); }
    $(i + 1) == "cgroup" && ("," $(i + 3) ",") ~ ("," wanted ",") { print $5; exit }' /proc/self/mountinfo
}

# of_version_1 CONTROLLER: sets $v1 to the mount point of its hierarchy of version 1, or skips the test.
of_version_1() {
  v1=$(point_of "$1")
  [ -n "$v1" ] || skip "needs the controller $1 in a hierarchy of version 1"
}

# of_version_2: sets $v2 to the mount point of the hierarchy of version 2, or skips the test.
of_version_2() {
  requires cgroup2
  v2=$(findmnt -nrt cgroup2 -o TARGET | head -n 1)
}

# of_pids: sets $pids to the mount point of the hierarchy that has the controller pids, whose files have the same names
# in both versions.
of_pids() {
  pids=$(point_of pids)
  if [ -z "$pids" ]; then
    of_version_2
    grep -qw pids "$v2/cgroup.controllers" || skip 'needs the controller pids'
    pids=$v2
  fi
}

# make_cgroups NAME: makes it in every hierarchy, and ./list of them.
make_cgroups() {
  local point path part
  local -a parts
  IFS=/ read -ra parts <<<"$1"
  for point in $(hierarchies); do
    path=$point
    for part in "${parts[@]}"; do
      path+=/$part
      mkdir -p "$path"
      # In version 2 those above hold where they are empty, and the root has none.
      [ ! -e "$point/cpuset.mems" ] || [ -n "$(cat "$path/cpuset.mems")" ] || {
        cat "$point/cpuset.cpus" >"$path/cpuset.cpus"
        cat "$point/cpuset.mems" >"$path/cpuset.mems"
      }
    done
    echo "$path"
  done >list
}

# left: the cgroups of the test that are there.
left() {
  local point
  for point in $(hierarchies); do
    [ ! -e "$point/$name" ] || echo "$point/$name"
  done
}

# Kills and removes what a test left behind.
remove_cgroups() {
  local top below
  for top in $(left); do
    [ ! -e "$top/freezer.state" ] || echo THAWED >"$top/freezer.state" || :
    while IFS= read -r below; do
      while read -r pid; do
        kill -9 "$pid" 2>/dev/null || :
      done <"$below/cgroup.procs" || :
      for ((try = 0; try < 200; try++)); do
        ! rmdir "$below" 2>/dev/null || break
        sleep 0.01
      done
    done < <(find "$top" -depth -type d)
  done
}

# as_nobody COMMAND...: runs COMMAND as an ordinary user.
as_nobody() {
  if is_root; then
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
  else
    "$@"
  fi
}

# gone PID: the process has ended.
gone() {
  ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}
