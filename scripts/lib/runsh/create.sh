# Makes a container that stops at its gate, before its command.
# shellcheck shell=sh
# shellcheck disable=SC1091,SC2034,SC2154 # The commands and what they share know the variables of each other.

. "$library/state.sh"
. "$library/line.sh"
. "$library/descriptors.sh"

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

# claim: makes the state directory $dir of a new container $id. What a crashed command has left gives way.
claim() {
  dir=$root/$id
  # shellcheck disable=SC2174 # It is the state alone that is nobody else's.
  [ -d "$root" ] || reason=$(mkdir -p -m 700 -- "$root" 2>&1) || die "cannot make the directory '$root': ${reason##*: }"
  check_root
  if ! reason=$(mkdir -m 700 -- "$dir" 2>&1); then
    [ -d "$dir" ] || die "cannot make the directory '$dir': ${reason##*: }"
    { give_way && mkdir -m 700 -- "$dir" 2>/dev/null; } || die "cannot create '$id': container with given ID already exists"
  fi
  given=$bundle
  clear_facts
  bundle=$given
  trap abandon EXIT
  trap 'exit 143' TERM
  trap 'exit 130' INT
  trap 'exit 129' HUP
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
  . "$library/destroy.sh"
  ! load_facts || ! is_garbage || ! seize || destroy
  exec 8<&-
  bundle=$given
  [ ! -d "$dir" ]
}

# abandon [STATUS]: nothing is left of a container that could not be made.
abandon() {
  status=${1-$?}
  trap - EXIT
  . "$library/destroy.sh"
  [ -z "$pid_file" ] || rm -f -- "$pid_file"
  destroy
  exit "$status"
}

# translate [OPTION...]: sets $chain to the command line of the container, and writes what later commands need.
translate() {
  translation=$*
  [ -z "$volume_list" ] || claim_volumes
  set -- "$tools/spec-rs" --tools "$tools" --state "$dir" --facts-fd 3 --config-fd 4 --hooks-fd 5 "$@"
  [ -z "$bundle" ] || set -- "$@" --bundle "$bundle"
  [ -z "$systemd_cgroup" ] || set -- "$@" --systemd-cgroup
  [ -z "$no_pivot" ] || set -- "$@" --no-pivot
  [ -z "$no_new_keyring" ] || set -- "$@" --no-new-keyring
  [ -z "$pid_file" ] || set -- "$@" --pid-file "$pid_file"
  [ -z "$console_socket" ] || set -- "$@" --console-socket "$console_socket"
  [ "$preserve_fds" -eq 0 ] || set -- "$@" --preserve-fds "$preserve_fds"
  [ "$listen_fds" -eq 0 ] || set -- "$@" --listen-fds "$listen_fds"
  [ -z "$mount_options" ] || eval "set -- \"\$@\"$mount_options"
  text=$("$@" -- "$id" 3>"$dir/facts" 4>"$dir/config.json" 5>"$dir/hooks" 2>"$dir/errors") || {
    read_errors
    [ -n "$errors" ] || die "cannot translate the bundle of '$id'"
    fail_with "$errors"
  }
  chain=${text#"($newline"}
  chain=${chain%"$newline)"}
  # yash ends a text at a byte that is not a character of its locale.
  [ "$text" = "($newline$chain$newline)" ] || die "cannot execute what '$1' printed: it is not a whole command line"
  put line "$text"
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

# read_errors: sets $errors to what the words have said.
read_errors() {
  errors=
  [ ! -s "$dir/errors" ] || errors=$(head -c 7800 "$dir/errors")
}

# find_words: a word that is missing would look like a COMMAND that is: both are status 127.
find_words() {
  find_tools
  for word in cgexec unshare nsenter bindmount pivot-root chroot setpriv pty; do
    [ -x "$tools/$word-rs" ] || die "cannot find '$word-rs' in '$tools'"
  done
}

# create_held: a container that waits at its gate, and nobody waits for it.
create_held() {
  claim
  find_words
  translate --hold
  make_gate
  # It ends as soon as the first process of the container is there.
  (
    exec 5>&2 2>"$dir/errors"
    eval "$chain"
  ) || :
  close_gate
  reach_gate
}

make_gate() {
  mkfifo -m 600 -- "$dir/go" "$dir/told" 2>/dev/null || die "cannot make FIFOs in '$dir'"
  exec 9<>"$dir/go" 6<>"$dir/told"
}

# close_gate: who has an end of these FIFOs is alive: the processes of the container alone, from now on.
close_gate() {
  exec 9>&- 6<"$dir/told"
}

# reach_gate: until the container waits before its command.
reach_gate() {
  while read -r word rest <&6; do
    case $word in
      process) put process "$rest" ;;
      created) run_early_hooks ;;
      ready)
        put created "$$"
        exec 6<&-
        return
        ;;
      failed) die "cannot create '$id': $(command_failure "$command" "$rest")" "$(failure_status "$rest")" ;;
    esac
  done
  read_errors
  [ -n "$errors" ] || die "cannot create '$id': its first process ended while it was set up$(oom_hint)"
  fail_with "$errors$(oom_hint)"
}

# failure_status "STATUS REASON": of run; that of create is 1.
failure_status() {
  case $operation in
    run) echo "${1%% *}" ;;
    *) echo 1 ;;
  esac
}

# oom_hint: what the kernel has killed for its memory says nothing itself.
oom_hint() {
  IFS=$newline
  for cgroup in $cgroup_dirs; do
    for file in memory.oom_control memory.events; do
      ! grep -qs '^oom_kill [1-9]' "$cgroup/$file" || echo "${newline}hint: the memory limit is too low: a process was killed for it"
    done
  done
  unset IFS
}

run_early_hooks() {
  . "$library/hooks.sh"
  find_status
  is_created=yes
  { run_hooks prestart creating && run_hooks createRuntime creating; } || die "cannot create '$id': $hook_failure"
  # More than a pipe holds would wait for ever for a reader that has died.
  send_container_hooks 1<>"$dir/go" &
}
