# What every script says and how it ends.
# shellcheck shell=sh

warn() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
}

die() {
  warn "$1"
  exit 1
}

usage_error() {
  warn "$1"
  printf "Try '%s --help' for more information.\n" "${0##*/}" >&2
  exit 1
}
