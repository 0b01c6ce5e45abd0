# Stops all processes of a container, and lets them go on.
# shellcheck shell=sh
# shellcheck disable=SC2154 # The dispatcher and the state assign them.

# find_freezer: sets $freezer to the file, and $frozen and $thawed to what is written to it. Beside a freezer of version 1 the
# hierarchy of version 2 has one too, which is another one.
find_freezer() {
  IFS=$newline
  # shellcheck disable=SC2086 # One line a cgroup.
  set -- $cgroup_dirs
  unset IFS
  for group; do
    freezer=$group/freezer.state frozen=FROZEN thawed=THAWED
    [ ! -e "$freezer" ] || return 0
  done
  for group; do
    freezer=$group/cgroup.freeze frozen=1 thawed=0
    [ ! -e "$freezer" ] || return 0
  done
  return 1
}

# is_frozen: all processes have stopped, and not only been told to.
is_frozen() {
  case $frozen in
    1)
      while read -r key answer; do
        [ "$key $answer" != 'frozen 1' ] || return 0
      done <"${freezer%/*}/cgroup.events"
      return 1
      ;;
    *) read -r answer <"$freezer" && [ "$answer" = FROZEN ] ;;
  esac
} 2>/dev/null

# freeze: fails after some seconds where a process does not stop, as one that waits for a device; nothing stays frozen then.
# Version 1 tries only while it is written to, and may miss a process that forks: letting go now and then helps it.
freeze() {
  tries=0
  while [ "$tries" -lt 500 ]; do
    [ $((tries % 50)) -ne 49 ] || printf %s "$thawed" >"$freezer"
    printf %s "$frozen" >"$freezer" || return
    ! is_frozen || return 0
    tries=$((tries + 1))
    [ "$tries" -lt 5 ] || sleep 0.01
  done
  printf %s "$thawed" >"$freezer"
  return 1
} 2>/dev/null

thaw() {
  printf %s "$thawed" >"$freezer"
} 2>/dev/null
