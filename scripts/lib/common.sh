# What every script says, how it ends, and where it finds the tools.
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

# shown TEXT: prints it without control characters, which a terminal would obey.
shown() {
  printf %s "$1" | tr '\000-\037\177' '?'
}

# is_link_of_another PATH: a symlink that belongs to another user. It may lead to a directory of the caller's that holds something
# else.
is_link_of_another() {
  [ -h "$1" ] && [ -z "$(find "$1" -prune -user "$(id -u)")" ]
}

# The input as the inside of a JSON string.
json_text() {
  tr '\000-\010\013-\037\177' '?' | sed -e 's/[\\"]/\\&/g' -e 's/	/\\t/g' -e ':next' -e '$!N' -e 's/\n/\\n/' -e 't next'
}

# Sets $tools to the absolute path of the directory of the tools: RUNSH_TOOLS, or that of the build tree which the script
# $here/NAME belongs to, or $here itself once both are installed. The links to the one file that holds all tools come
# first: there a tool becomes the next one without being executed.
# shellcheck disable=SC2154 # The scripts that look for the tools assign it.
find_tools() {
  if [ -n "${RUNSH_TOOLS-}" ]; then
    tools=$RUNSH_TOOLS
  else
    tools=$here
    for directory in toolbox/bin target/release; do
      [ ! -x "${here%/scripts}/$directory/spec-rs" ] || {
        tools=${here%/scripts}/$directory
        break
      }
    done
  fi
  [ -x "$tools/spec-rs" ] || die "cannot find the tools in '$tools': build them with 'cargo build --release', or set RUNSH_TOOLS"
  case $tools in
    /*) ;;
    *) tools=$PWD/$tools ;;
  esac
}
