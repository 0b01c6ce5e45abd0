# Removes a container: its processes, its cgroups, its state.
# shellcheck shell=sh
# shellcheck disable=SC1091,SC2034,SC2154 # The commands and what they share know the variables of each other.

# destroy: from every state. Where it was created, its poststop hooks run.
destroy() {
  [ -n "${tools-}" ] || find_tools
  read_line "$dir/creator"
  # Not this process, which may be the one that creates it.
  [ "${line%% *}" = "$$" ] || end_process "$line"
  read_process
  [ -z "$cgroup_dirs" ] || remove_cgroups
  end_process "$process"
  pid=0
  [ ! -d "$dir" ] || {
    [ -z "$hooks" ] || [ ! -e "$dir/process" ] || run_poststop_hooks
    [ ! -e "$dir/unnamed" ] || (. "$library/volumes.sh" && remove_unnamed) || :
    problem=$(rm -rf -- "$dir" 2>&1) || die "cannot remove '$dir': ${problem##*: }"
  }
}

# remove_cgroups: kills the processes in them. No program is started where all of them are gone.
remove_cgroups() {
  set --
  IFS=$newline
  for cgroup in $cgroup_dirs; do
    [ ! -d "$cgroup" ] || set -- "$@" "$cgroup"
  done
  unset IFS
  [ $# -eq 0 ] || "$tools/cgexec-rs" --delete "$@" || die "cannot remove the cgroups of '$id'"
}

# end_process "PID START": kills that process, and waits for its end.
end_process() {
  tries=0
  while is_alive "$1"; do
    [ $((tries % 100)) -ne 0 ] || "$tools/kill-rs" -s KILL --start-time "${1#* }" "${1%% *}" 2>/dev/null || :
    tries=$((tries + 1))
    [ "$tries" -lt 1000 ] || die "cannot delete '$id': container still running: process ${1%% *} does not end"
    [ "$tries" -lt 3 ] || sleep 0.01
  done
}

run_poststop_hooks() {
  . "$library/hooks.sh"
  warn_of_hooks poststop stopped
}

# is_garbage: nobody can use it any more: its creator was killed before it was complete, or a supervisor that it belongs to, or
# a command that removed it.
is_garbage() {
  find_status
  read_line "$dir/creator"
  ! is_alive "$line" || return 1
  [ ! -e "$dir/deleted" ] || return 0
  [ ! -e "$dir/foreground" ] || return 0
  [ ! -e "$dir/created" ] && { [ -n "$line" ] || ! is_new; }
}

# seize [-n]: locks the container $dir that is_garbage, with -n without waiting for another command. Another container may
# have taken the name before that: it is asked again.
seize() {
  { command exec 8<"$dir"; } 2>/dev/null || return 1
  flock "$@" 0 <&8 || return 1
  # shellcheck disable=SC3013 # All shells here have -ef.
  [ "$dir" -ef /proc/self/fd/8 ] && load_facts && is_garbage
}

# is_populated: a process is in a cgroup of it.
is_populated() {
  IFS=$newline
  for cgroup in $cgroup_dirs; do
    for file in "$cgroup/cgroup.procs" "$cgroup/${cgroup_leaf:-.}/cgroup.procs"; do
      read_line "$file"
      [ -z "$line" ] || {
        unset IFS
        return 0
      }
    done
  done
  unset IFS
  return 1
}
