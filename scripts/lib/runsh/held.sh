# Makes a container that waits at its gate, before its command.
# shellcheck shell=sh
# shellcheck disable=SC1091,SC2034,SC2154 # The commands and what they share know the variables of each other.

. "$library/state.sh"
. "$library/line.sh"

# read_errors: sets $errors to the errors and warnings of the tools on the line.
read_errors() {
  errors=
  [ ! -s "$dir/errors" ] || errors=$(head -c 7800 "$dir/errors")
}

# create_held: a container that waits at its gate, and nobody waits for it.
create_held() {
  keep_pid_file=
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
