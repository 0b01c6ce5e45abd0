# The state of a container: a directory of this user's for each, below $root. Its files:
#   creator     the process that creates it, and when that started: "PID START" (field 22 of proc_pid_stat(5))
#   facts       what the commands need to know of the configuration, as shell assignments
#   config.json the configuration as it was
#   hooks       the hooks, as calls of a shell function
#   line        the command line; the three above are whole where it is there
#   process     the init of the container, "PID START"
#   go, told    the gate: FIFOs to the init and from it
#   created     the init stands at the gate
#   started     it was let go
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # The commands and what they share know the variables of each other.

# find_root: sets $root.
find_root() {
  : "${root:=${RUNSH_ROOT-}}"
  case $root in
    /*) ;;
    ?*) root=$PWD/$root ;;
    *)
      # In a user namespace of an ordinary user, / is of nobody.
      if [ -O / ]; then
        root=/run/runsh
      elif [ -n "${XDG_RUNTIME_DIR-}" ]; then
        root=$XDG_RUNTIME_DIR/runsh
      else
        root=/tmp/runsh-$(id -u)
      fi
      ;;
  esac
  [ ! -e "$root" ] || check_root
}

# check_root: who owns it could exchange a container for another, and its facts are executed.
check_root() {
  root=${root%"${root##*[!/]}"}
  [ -O "$root" ] || die "cannot use '$root': it belongs to another user"
  # Otherwise gc would remove what is there.
  ! is_link_of_another "$root" || die "cannot use '$root': it is a link that belongs to another user"
}

# check_id ID: the names that runc allows.
check_id() {
  case $1 in
    '') usage_error "missing operand: ID" ;;
    . | .. | *[!A-Za-z0-9_+.-]*) die "cannot name a container '$1': invalid container ID format: it is made of letters, digits, '_', '+', '.' and '-'" ;;
  esac
}

# find_container ID: sets $dir and the facts. The facts are executed: they must be of the caller.
find_container() {
  check_id "$1"
  find_root
  dir=$root/$1 id=$1
  load_facts || die "cannot find '$id': container does not exist"
}

# clear_facts: what is known of the container $dir, before its configuration has been read.
clear_facts() {
  id=${dir##*/} oci_version=1.2.1 bundle='' rootfs='' created='' command='' terminal='' pid_namespace=''
  user_namespace='' cgroup_dirs='' cgroup_leaf='' hooks=''
  json_id="\"$id\"" json_bundle='""' json_rootfs='""' json_annotations='' json_annotations_indented=''
}

# load_facts: of the container $dir; fails where there is none.
load_facts() {
  clear_facts
  [ -d "$dir" ] || return 1
  [ -O "$dir" ] || die "cannot use '$dir': it belongs to another user"
  [ ! -e "$dir/line" ] || { command . "$dir/facts"; } 2>/dev/null || [ ! -d "$dir" ]
}

# read_line FILE: sets $line to its first line, or to nothing.
read_line() {
  line=
  read -r line <"$1" || :
} 2>/dev/null

# read_start PID: sets $start to the time that it started at.
read_start() {
  case $1 in
    '' | 0 | *[!0-9]*) return 1 ;;
  esac
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The name before the parenthesis may hold anything, but for a newline in what is read.
  # shellcheck disable=SC2086 # The fields of the line.
  set -- ${stat##*") "}
  start=${20-}
  [ -n "$start" ]
}

# is_alive "PID START": that very process is there, and not only to be waited for.
is_alive() {
  [ -n "$1" ] || return 1
  read -r stat <"/proc/${1%% *}/stat" || return 1
  # The name before the parenthesis may hold anything.
  # shellcheck disable=SC2086 # The fields of the line.
  set -- "${1#* }" ${stat##*") "}
  case $2 in
    [ZXx]) return 1 ;;
  esac
  [ "${21-}" = "$1" ]
} 2>/dev/null

# read_process: sets $process. In a user namespace that was joined, unshare-rs tells it by a descriptor, with a word before it.
read_process() {
  read_line "$dir/process"
  process=${line#process }
}

# find_status: sets $status, $process ("PID START" of the init) and $pid (0 where it is not alive).
find_status() {
  read_process
  pid=0 status=stopped
  if is_alive "$process"; then
    pid=${process%% *}
    if [ -e "$dir/started" ]; then
      status=running
      ! is_paused || status=paused
    elif [ -e "$dir/created" ]; then
      status=created
      ! is_paused || status=paused
    else
      status=creating
    fi
  elif [ -z "$process" ] && is_new; then
    status=creating
  fi
}

# is_new: it is being created. A directory that is empty yet has a creator that is about to say so.
is_new() {
  read_line "$dir/creator"
  creator=$line
  if [ -n "$creator" ]; then
    is_alive "$creator"
  else
    [ -d "$dir" ] && [ -z "$(find "$dir" -maxdepth 0 ! -newermt '-10 seconds' 2>/dev/null)" ]
  fi
}

# is_paused: a freezer has stopped it. A cgroup that vanishes has stopped nothing.
is_paused() {
  IFS=$newline
  for cgroup in $cgroup_dirs; do
    unset IFS
    if [ -e "$cgroup/freezer.state" ]; then
      read_line "$cgroup/freezer.state"
      case $line in
        FROZEN | FREEZING) return 0 ;;
      esac
    elif [ -e "$cgroup/cgroup.freeze" ]; then
      read_line "$cgroup/cgroup.freeze"
      [ "$line" != 1 ] || return 0
    fi
  done
  unset IFS
  return 1
}

# lock: waits for other commands that change the container, until this process ends. Descriptor 8 is the lock.
lock() {
  { command exec 8<"$dir"; } 2>/dev/null || die "cannot find '$id': container does not exist"
  flock 0 <&8 || die "cannot lock '$dir'"
  # Another container may have the name meanwhile.
  # shellcheck disable=SC3013 # All shells here have -ef.
  [ "$dir" -ef /proc/self/fd/8 ] || die "cannot find '$id': container does not exist"
}

unlock() {
  exec 8<&-
}
