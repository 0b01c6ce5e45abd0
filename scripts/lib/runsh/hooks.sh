# Hooks of the configuration. spec-rs has written them as calls of a function: hook KIND INDEX TIMEOUT PATH ARGV0 ARGUMENT...,
# with the environment on descriptor 4.
# shellcheck shell=sh
# shellcheck disable=SC1091,SC2034,SC2154,SC2317 # What is shared knows the variables of the commands, and what is read calls its functions.

# has_hooks KIND
has_hooks() {
  case " $hooks " in
    *" $1 "*) ;;
    *) return 1 ;;
  esac
}

# find_state STATUS PID: sets $state to what a hook gets as its standard input.
find_state() {
  state="{\"ociVersion\":\"$oci_version\",\"id\":$json_id,\"status\":\"$1\",\"pid\":$2,\"bundle\":$json_bundle"
  state=$state${json_annotations:+,\"annotations\":$json_annotations}\}
}

# run_hooks KIND STATUS: those of this kind, one after the other, until one fails; then $hook_failure says how. In the
# namespaces of the caller.
run_hooks() {
  hook_failure=
  has_hooks "$1" || return 0
  kind=$1
  find_state "$2" "$pid"
  find_tools
  hook() {
    [ "$1" != "$kind" ] || [ -n "$hook_failure" ] || run_hook "$@"
  }
  . "$dir/hooks"
  [ -z "$hook_failure" ]
}

# run_hook KIND INDEX TIMEOUT PATH ARGV0 ARGUMENT...: what it says goes to a file: a hook may leave a process behind that
# holds its standard output for ever, and that of runsh is the container's.
run_hook() {
  hook_name="$1 hook $2" hook_path=$4 hook_limit=$3
  argv0=$5
  shift 5
  set -- "$tools/setpriv-rs" --argv0 "$argv0" --clear-env --env-fd 4 --close-fds -- "$hook_path" "$@"
  [ "$hook_limit" = 0 ] || set -- timeout -s KILL "$hook_limit" "$@"
  # A hook need not read its input.
  printf %s "$state" 2>/dev/null | (
    [ ! -d "$bundle" ] || cd -- "$bundle"
    # The Korn shells hand on no descriptor above 2 of their own accord.
    exec "$@" >"$dir/hook" 2>&1 4<&4
  ) || find_hook_failure $?
}

find_hook_failure() {
  case $hook_limit/$1 in
    0/* | */[!1]* | */1) hook_failure="status $1" ;;
    *) hook_failure="not ended after $hook_limit seconds" ;;
  esac
  hook_failure="$hook_name '$hook_path' failed: $hook_failure"
  said=$(head -c 2000 "$dir/hook" 2>/dev/null | tr '\000-\011\013-\037\177' '?') || :
  hook_failure=$(shown "$hook_failure")${said:+: $said}
}

# warn_of_hooks KIND STATUS: all of them run, whatever the others do.
warn_of_hooks() {
  has_hooks "$1" || return 0
  kind=$1
  find_state "$2" "$pid"
  find_tools
  hook() {
    [ "$1" = "$kind" ] || return 0
    hook_failure=
    run_hook "$@"
    [ -z "$hook_failure" ] || warn "$hook_failure"
  }
  . "$dir/hooks"
}

# send_container_hooks: the createContainer hooks as a text for the shell that waits in the namespaces of the container.
send_container_hooks() {
  if has_hooks createContainer; then
    find_state creating "$pid"
    # The words of the line are the arguments of that shell.
    words=
    add_word "$tools"
    printf 'tools=%s\n' "${words# }"
    words=
    add_word "$state"
    printf 'state=%s\n' "${words# }"
    cat <<'text'
hook() {
  [ "$1" = createContainer ] || return 0
  name="createContainer hook $2" path=$4 limit=$3 argv0=$5
  shift 5
  set -- "$tools/setpriv-rs" --argv0 "$argv0" --clear-env --env-fd 4 --close-fds -- "$path" "$@"
  [ "$limit" = 0 ] || set -- timeout -s KILL "$limit" "$@"
  printf %s "$state" 2>/dev/null | "$@" >&2 4<&4 || {
    echo "runsh: $name failed: status $?" >&2
    exit 1
  }
}
text
    cat "$dir/hooks"
  fi
  echo go
}

# send_start_hooks: the startContainer hooks, in the form that setpriv-rs reads at its gate.
send_start_hooks() {
  find_state created "$pid"
  hook() {
    [ "$1" = startContainer ] || return 0
    printf 'hook %s\n' "$3"
    send path "$4"
    shift 4
    for argument; do
      send arg "$argument"
    done
    while IFS= read -r line <&4; do
      printf 'env %s\n' "$line"
    done
    send input "$state"
    echo run
  }
  . "$dir/hooks"
}

# send NAME VALUE
send() {
  case $2 in
    *[\\"$newline"]*) printf '%s %s\n' "$1" "$(printf %s "$2" | sed -e 's/\\/\\134/g' -e ':next' -e '$!N' -e 's/\n/\\012/' -e 't next')" ;;
    *) printf '%s %s\n' "$1" "$2" ;;
  esac
}
