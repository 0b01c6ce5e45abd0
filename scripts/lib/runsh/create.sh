# Makes a container that stops at its gate, before its command.
# shellcheck shell=sh
# shellcheck disable=SC1091,SC2034,SC2154 # The commands and what they share know the variables of each other.

. "$library/root.sh"

# parse_create ARGUMENT...: of create and run. Paths are of the caller's working directory, which the line leaves.
parse_create() {
  bundle='' pid_file='' console_socket='' preserve_fds=0 no_pivot='' no_new_keyring='' detach='' keep='' id=''
  mount_options='' volume_list='' unnamed='' owners=map
  while [ $# -gt 0 ]; do
    if is_option "$@"; then
      create_option "$@"
    else
      take_operand "$@"
    fi
    shift "$taken"
  done
  check_id "$id"
  case $preserve_fds in
    *[!0-9]* | ?????*) usage_error "invalid value '$preserve_fds' of '--preserve-fds': it is a number" ;;
  esac
  count_listen_fds
}

create_option() {
  case $operation:$name in
    *:b | *:bundle) take_value "$@" && bundle=$value ;;
    *:b?*) take_glued "$1" && bundle=$value ;;
    *:pid-file) take_value "$@" && absolute "$value" && pid_file=$path ;;
    *:console-socket) take_value "$@" && absolute "$value" && console_socket=$path ;;
    *:preserve-fds) take_value "$@" && preserve_fds=$value ;;
    *:no-pivot) take_flag && no_pivot=$value ;;
    *:no-new-keyring) take_flag && no_new_keyring=$value ;;
    *:v | *:volume) take_value "$@" && . "$library/mounts.sh" && take_volume "$value" ;;
    *:mount) take_value "$@" && . "$library/mounts.sh" && take_mount "$value" ;;
    run:d | run:detach) take_flag && detach=$value ;;
    run:keep) take_flag && keep=$value ;;
    # There is nothing to disable.
    run:no-subreaper) take_flag ;;
    *:help | *:h) show_help ;;
    *) unknown_option "$1" ;;
  esac
}

# count_listen_fds: sets $listen_fds to the number of descriptors that systemd handed to this very process (sd_listen_fds(3)).
count_listen_fds() {
  listen_fds=0
  [ "${LISTEN_PID-}" = "$$" ] || return 0
  case ${LISTEN_FDS-} in
    '' | *[!0-9]* | ?????*) ;;
    *) listen_fds=$LISTEN_FDS ;;
  esac
}

# hand_on_descriptors WORD...: with descriptors of the caller for the container, runsh WORD... goes on where they do not disturb.
hand_on_descriptors() {
  if [ $((preserve_fds + listen_fds)) -gt 0 ]; then
    . "$library/descriptors.sh"
    move_descriptors $((preserve_fds + listen_fds)) "$@"
  fi
  unset RUNSH_MOVED
}

# claim: finds the state directory $dir of a new container $id. spec-rs makes it, in the same process start that reads the
# configuration. A container that nobody can use any more gives way.
claim() {
  dir=$root/$id
  [ -d "$root" ] || make_root
  [ ! -d "$dir" ] || give_way || die "cannot create '$id': container with given ID already exists"
  given=$bundle
  clear_facts
  bundle=$given
  trap abandon EXIT
  trap 'exit 143' TERM
  trap 'exit 130' INT
  trap 'exit 129' HUP
}

# make_state: for what is written to the state before spec-rs runs, which then finds a directory of this process.
make_state() {
  . "$library/state.sh"
  ! is_own || return 0
  reason=$(mkdir -m 700 -- "$dir" 2>&1) || {
    [ ! -d "$dir" ] || die "cannot create '$id': container with given ID already exists"
    die "cannot make the directory '$dir': ${reason##*: }"
  }
  read_start "$$"
  put creator "$$ $start"
}

# put NAME TEXT: a file of the state.
put() {
  { printf '%s\n' "$2" >"$dir/$1"; } 2>/dev/null || die "cannot write '$dir/$1'"
}

# give_way: removes a container that nobody can use any more.
give_way() {
  given=$bundle
  . "$library/state.sh"
  . "$library/destroy.sh"
  ! load_facts || ! is_garbage || ! seize || destroy
  exec 8<&-
  bundle=$given
  [ ! -d "$dir" ]
}

# abandon [STATUS]: removes all of a container that could not be made. Another command may have made one of this name first.
abandon() {
  status=${1-$?}
  trap - EXIT
  . "$library/state.sh"
  . "$library/destroy.sh"
  is_own || exit "$status"
  [ -n "$keep_pid_file" ] || [ -z "$pid_file" ] || rm -f -- "$pid_file"
  destroy
  exit "$status"
}

# translate [OPTION...]: sets $chain to the command line of the container, and writes what later commands need.
translate() {
  translation=$*
  [ -z "$volume_list" ] || { make_state && claim_volumes; }
  set -- "$tools/spec-rs" --tools "$tools" --state "$dir" --claim "$$" "$@"
  [ -z "$bundle" ] || set -- "$@" --bundle "$bundle"
  [ -z "$systemd_cgroup" ] || set -- "$@" --systemd-cgroup
  [ -z "$no_pivot" ] || set -- "$@" --no-pivot
  [ -z "$no_new_keyring" ] || set -- "$@" --no-new-keyring
  [ -z "$pid_file" ] || set -- "$@" --pid-file "$pid_file"
  [ -z "$console_socket" ] || set -- "$@" --console-socket "$console_socket"
  [ "$preserve_fds" -eq 0 ] || set -- "$@" --preserve-fds "$preserve_fds"
  [ "$listen_fds" -eq 0 ] || set -- "$@" --listen-fds "$listen_fds"
  [ -z "$mount_options" ] || eval "set -- \"\$@\"$mount_options"
  text=$("$@" -- "$id" 2>&1) || explain_failure
  chain=${text#"($newline"}
  chain=${chain%"$newline)"}
  # yash ends a text at a byte that is not a character of its locale.
  [ "$text" = "($newline$chain$newline)" ] || die "cannot execute what '$1' printed: it is not a whole command line"
  bundle_option=$bundle
  . "$dir/facts"
  [ -z "$volume_list" ] || fill_volumes || {
    bundle=$bundle_option
    # shellcheck disable=SC2086 # These are plain words.
    translate $translation
  }
}

# show_warnings: of spec-rs. Where standard error is that of the container, they are of no use to whoever reads it.
show_warnings() {
  [ ! -s "$dir/errors" ] || cat "$dir/errors" >&2
}

# explain_failure: of spec-rs. Once the state is its own, it has written its errors to a file there.
explain_failure() {
  . "$library/state.sh"
  . "$library/held.sh"
  if is_own; then
    read_errors
  else
    [ ! -d "$dir" ] || die "cannot create '$id': container with given ID already exists"
    errors=$text
  fi
  [ -n "$errors" ] || die "cannot translate the bundle of '$id'"
  fail_with "$errors"
}

# find_words: a word that is missing would look like a COMMAND that is: both are status 127.
find_words() {
  find_tools
  for word in cgexec unshare nsenter bindmount pivot-root chroot setpriv pty; do
    [ -x "$tools/$word-rs" ] || die "cannot find '$word-rs' in '$tools'"
  done
}
