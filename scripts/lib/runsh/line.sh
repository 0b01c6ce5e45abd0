# Command lines from spec-rs.
# shellcheck shell=sh
# shellcheck disable=SC2154 # The dispatcher assigns it.

# add_word WORD...: appends them to $words, quoted: "eval set -- $words" makes arguments of them again.
words=
add_word() {
  for word; do
    quoted=
    while :; do
      case $word in
        *\'*) quoted=$quoted${word%%\'*}"'\\''" word=${word#*\'} ;;
        *) break ;;
      esac
    done
    words="$words '$quoted$word'"
  done
}

# find_line SPEC-RS ARGUMENT...: sets $chain to the command line that it prints, without the parentheses around it. Its warnings are
# put out. Where it fails, $text is what it said.
find_line() {
  text=$("$@" 2>&1) || return
  chain=${text#*"($newline"}
  warnings=${text%"($newline$chain"}
  [ "$chain" != "$text" ] || {
    text="cannot execute what '$1' printed: it is not a command line"
    return 1
  }
  [ -z "$warnings" ] || printf %s "$warnings" >&2
  chain=${chain%"$newline)"}
}

# command_failure NAME "STATUS REASON": prints why a command cannot be executed, in the words by which engines tell what it was.
command_failure() {
  shown=$(shown "$1")
  reason=$(printf %s "${2#* }" | tr '[:upper:]' '[:lower:]')
  # shellcheck disable=SC2016 # These very characters.
  case $1/$reason in
    */*/'no such file or directory') reason="stat $shown: $reason" ;;
    */'no such file or directory') reason='executable file not found in $PATH' ;;
    # Newer engines know the first half, older ones the second.
    */'is a directory') reason="$reason: permission denied" ;;
  esac
  printf 'exec: "%s": %s' "$shown" "$reason"
}
