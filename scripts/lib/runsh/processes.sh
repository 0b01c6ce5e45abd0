# The processes of a container.
# shellcheck shell=sh

# find_processes: sets $pids to them, in the order of their numbers, as the PID namespace of the caller has them. The kernel
# does not sort cgroup.procs and may name one twice.
# shellcheck disable=SC2154 # The facts of the container assign them.
find_processes() {
  pids=
  set +f
  if [ -n "$cgroup_dirs" ]; then
    # One hierarchy says it all; there is one more line for each of the others.
    processes_below "${cgroup_dirs%%"$newline"*}"
  elif [ -n "$process" ]; then
    processes_of_namespace "${process%% *}"
  fi
  set -f
  sort_numbers
}

# processes_below CGROUP: adds to $pids those in it and in all below. A cgroup may vanish meanwhile, and a threaded one does
# not tell its processes: they are in cgroup.procs of the one above.
processes_below() {
  while read -r pid; do
    # A process of another PID namespace is 0.
    [ "$pid" = 0 ] || pids="$pids $pid"
  done <"$1/cgroup.procs" || :
  for below in "$1"/*/; do
    [ ! -e "${below}cgroup.procs" ] || processes_below "${below%/}"
  done
} 2>/dev/null

# processes_of_namespace PID: without a cgroup, those of the PID namespace of the init, and their descendants: these may be in
# namespaces below. In the PID namespace of the caller there is nothing but the init and its descendants to go by.
processes_of_namespace() {
  namespace=$(readlink "/proc/$1/ns/pid") || return 0
  if [ "$namespace" = "$(readlink /proc/self/ns/pid)" ]; then
    with_descendants "$1"
    return
  fi
  # "pid:[NUMBER]": a pattern takes its brackets for a choice of characters.
  number=${namespace#*\[}
  # shellcheck disable=SC2044 # Numbers have no blanks.
  for link in $(find /proc -mindepth 3 -maxdepth 3 -path '/proc/[0-9]*/ns/pid' -lname "pid:\\[${number%]}\\]" 2>/dev/null); do
    link=${link#/proc/}
    with_descendants "${link%%/*}"
  done
}

# with_descendants PID: adds it and its descendants to $pids, each of them once.
with_descendants() {
  case "$pids " in
    *" $1 "*) return 0 ;;
  esac
  pids="$pids $1"
  children=
  for task in "/proc/$1/task"/*/; do
    # The line has no newline at its end.
    read -r more <"${task}children" || :
    children="$children ${more-}"
  done 2>/dev/null
  for child in $children; do
    with_descendants "$child"
  done
}

# sort_numbers: of $pids. Most often they are sorted.
sort_numbers() {
  last=0
  for pid in $pids; do
    [ "$pid" -gt "$last" ] || {
      # shellcheck disable=SC2086 # One word a number.
      pids=$(printf '%s\n' $pids | sort -nu | tr '\n' ' ') || exit 1
      pids=" ${pids% }"
      break
    }
    last=$pid
  done
}
