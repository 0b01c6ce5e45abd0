# Lets a container go that waits at its gate.
# shellcheck shell=sh
# shellcheck disable=SC1091,SC2034,SC2154 # The commands and what they share know the variables of each other.

# start_container
start_container() {
  lock
  find_status
  case $status in
    created) ;;
    stopped) die "cannot start '$id': cannot start a container that has stopped" ;;
    *) die "cannot start '$id': cannot start a container in the $status state" ;;
  esac
  open_gate
  await_start
  unlock
  run_poststart_hooks
}

# open_gate: the FIFOs are opened so that nobody need be at the other end. Then the container alone holds that of 4.
open_gate() {
  { command exec 5<>"$dir/told" && exec 4<"$dir/told" 5>&- && command exec 7<>"$dir/go"; } 2>/dev/null ||
    die "cannot start '$id': its gate is gone"
  { command : >"$dir/started"; } 2>/dev/null || die "cannot write '$dir/started'"
  case " $hooks " in
    *' startContainer '*)
      . "$library/hooks.sh"
      # More than a pipe holds would wait for ever for a reader that has died.
      { send_start_hooks && echo go; } >&7 4<&- 8<&- &
      ;;
    *) echo go >&7 ;;
  esac
}

# await_start: the descriptor is closed when the command is executed.
await_start() {
  started='' failure=''
  while read -r word rest <&4; do
    case $word in
      started) started=yes ;;
      failed) failure=$rest ;;
    esac
  done
  exec 4<&- 7>&-
  [ -z "$failure" ] || die "cannot start '$id': $(start_failure)" "$(start_status)"
  [ -n "$started" ] || die "cannot start '$id': its process has ended"
}

# start_failure: a message that names what could not be executed, or done before.
start_failure() {
  case $failure in
    *' hook '*)
      printf 'startContainer hook: %s' "${failure#* }"
      return
      ;;
  esac
  . "$library/line.sh"
  command_failure "$command" "$failure"
}

start_status() {
  case $operation in
    run) echo "${failure%% *}" ;;
    *) echo 1 ;;
  esac
}

# run_poststart_hooks: where one fails, the container is stopped, and goes as with delete.
run_poststart_hooks() {
  case " $hooks " in
    *' poststart '*) ;;
    *) return 0 ;;
  esac
  . "$library/hooks.sh"
  find_status
  run_hooks poststart running || {
    reason=$hook_failure
    . "$library/destroy.sh"
    [ -n "${made-}" ] || destroy
    die "cannot start '$id': $reason"
  }
}
