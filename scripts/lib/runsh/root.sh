# Where the state of containers is: below $root.
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

# make_root: of this user's alone.
make_root() {
  # shellcheck disable=SC2174 # The directories above are for all.
  reason=$(mkdir -p -m 700 -- "$root" 2>&1) || die "cannot make the directory '$root': ${reason##*: }"
  check_root
}

# check_root: who owns it could exchange a container for another, and its facts are executed.
check_root() {
  root=${root%"${root##*[!/]}"}
  [ -O "$root" ] || die "cannot use '$root': it belongs to another user"
  # A link of another user's leads to a directory of the caller's that holds no containers: gc would remove what is there.
  [ ! -h "$root" ] || [ -n "$(find "$root" -prune -user "$(id -u)")" ] || die "cannot use '$root': it is a link that belongs to another user"
}

# check_id ID: the names that runc allows.
check_id() {
  case $1 in
    '') usage_error "missing operand: ID" ;;
    . | .. | *[!A-Za-z0-9_+.-]*) die "cannot name a container '$1': invalid container ID format: it is made of letters, digits, '_', '+', '.' and '-'" ;;
  esac
}

# clear_facts: what is known of the container $dir, before its configuration has been read.
clear_facts() {
  id=${dir##*/} oci_version=1.2.1 bundle='' rootfs='' created='' command='' terminal='' pid_namespace=''
  user_namespace='' cgroup_dirs='' cgroup_leaf='' hooks=''
  json_id="\"$id\"" json_bundle='""' json_rootfs='""' json_annotations='' json_annotations_indented=''
}
