# Descriptors of the caller that are handed on to a command.
# shellcheck shell=sh
# shellcheck disable=SC2154 # The dispatcher assigns them.

# move_descriptors N WORD...: the shell needs the numbers from 3 on for itself. runsh WORD... goes on in this process with the
# N descriptors from 3 on at 100 and up.
move_descriptors() {
  if [ "$1" -eq 0 ] || [ "${RUNSH_MOVED-}" = "$$" ]; then
    unset RUNSH_MOVED
    return 0
  fi
  moved=$1
  shift
  set -- --root "$root" --log-format "$log_format" "$@"
  [ -z "$log" ] || set -- --log "$log" "$@"
  [ -z "$systemd_cgroup" ] || set -- --systemd-cgroup "$@"
  RUNSH_MOVED=$$
  export RUNSH_MOVED
  exec "$tools/setpriv-rs" --move-fds "3:$moved:100" -- "$here/${0##*/}" "$@"
}
