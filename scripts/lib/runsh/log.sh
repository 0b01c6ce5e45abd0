# How runsh says that it failed: on standard error, and to the file of --log.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # The commands and what they share know the variables of each other.

warn() {
  printf 'runsh: %s\n' "$1" >&2
  record warning "$1"
}

# die MESSAGE [STATUS]
die() {
  fail_with "runsh: $1" "${2-1}"
}

# fail_with TEXT [STATUS]: the TEXT of a tool, which names itself. Engines read it at once, and not more than 8 KiB of it: one
# write(2). The log gets one record, which engines take for the reason.
fail_with() {
  text=$1
  [ "${#text}" -lt 8000 ] || text=$(printf '%.7900s...' "$text")
  printf '%s\n' "$text" >&2
  record error "${text#runsh: }"
  exit "${2-1}"
}

usage_error() {
  printf "runsh: %s\nTry 'runsh --help' for more information.\n" "$1" >&2
  record error "$1"
  exit 1
}

# record LEVEL MESSAGE: a line of the log.
record() {
  [ -n "${log-}" ] || return 0
  time=$(date -u +%Y-%m-%dT%H:%M:%SZ) || return 0
  message=$(printf %s "$2" | json_text) || return 0
  case $log_format in
    json) printf '{"level":"%s","msg":"%s","time":"%s"}\n' "$1" "$message" "$time" ;;
    *) printf 'time="%s" level=%s msg="%s"\n' "$time" "$1" "$message" ;;
  esac >>"$log"
} 2>/dev/null
