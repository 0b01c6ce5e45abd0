#!/usr/bin/env bats
# What a command says of itself in its --help, its man page and its completions, and what it takes.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

PATH=$PATH:/usr/sbin:/sbin

tools() {
  (cd "$project" && ls -d -- *-rs)
}

# options: the options of the text's option lines, sorted.
options() {
  sed -n 's/^ *\(-.*\)/\1/p' | sed 's/   *[^ ].*//' | grep -oE -- '(^| )--?[A-Za-z0-9][a-z0-9-]*' | tr -d ' ' | sort -u
}

help_options() {
  "$1" --help | options
}

# manual TOOL SECTION: the section of the man page as plain text.
manual() {
  local page=$project/$1/$1.1
  [ -e "$page" ] || page=$project/scripts/$1.1
  mandoc -Tascii "$page" | sed 's/.\x08//g' | sed -n "/^$2\$/,/^[A-Z]/p"
}

@test "--help and the man page name the same options" {
  requires mandoc
  for tool in $(tools) cinf debug mkbundle runsh sandbox; do
    diff <(help_options "$tool") <(manual "$tool" OPTIONS | options) || {
      echo "$tool: < is only in --help, > only in the man page"
      return 1
    }
  done
}

@test "every option of --help is one that the tool takes" {
  for tool in $(tools); do
    for option in $(help_options "$tool"); do
      case $option in
        -h | --help | -V | --version) continue ;;
      esac
      # The first one is the value of an option that takes one.
      run --separate-stderr "$tool" "$option" --no-such-option --no-such-option </dev/null
      [ "$status" -ne 0 ]
      lacks "$stderr" "invalid option '$option'"
    done
  done
}

@test "every option of the classic is one that the tool takes or refuses by name" {
  while read -r tool classic; do
    requires "$classic"
    for option in $("$classic" --help | options); do
      case $option in
        -h | --help | -V | --version) continue ;;
      esac
      run --separate-stderr "$tool" "$option" --no-such-option --no-such-option </dev/null
      [ "$status" -ne 0 ]
      # A refusal by name gives a reason behind it.
      lacks "$stderr" "invalid option '$option'"$'\n'
    done
  done <<'TABLE'
bindmount-rs mount
chroot-rs chroot
findmnt-rs findmnt
nsenter-rs nsenter
pivot-root-rs pivot_root
setpriv-rs setpriv
unshare-rs unshare
cgexec-rs cgexec
TABLE
}

@test "every tool has --help and --version, and says what is wrong with a command line" {
  for tool in $(tools); do
    ok "$tool" --help
    contains "$output" "Usage: $tool "
    equal "$stderr" ''
    ok "$tool" -h
    ok "$tool" --version
    [[ $output =~ ^$tool\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    ok "$tool" -V
    run --separate-stderr "$tool" --no-such-option
    [ "$status" -ne 0 ]
    contains "$stderr" "$tool: "
    contains "$stderr" '--no-such-option'
    contains "$stderr" "Try '$tool --help' for more information."
  done
}

# shellcheck disable=SC2016 # The inner shells expand it.
@test "--help into a closed pipe ends quietly, into a full disk with an error" {
  for tool in $(tools); do
    expect 1 bash -c '"$0" --help >/dev/full || exit 1' "$tool"
    contains "$stderr" "$tool: cannot write 'standard output': No space left on device"
    run bash -o pipefail -c '{ sleep 0.05; "$0" --help; } 2>&1 | true' "$tool"
    equal "$output" ''
  done
}

@test "every man page says what it must" {
  requires mandoc
  for tool in $(tools) cinf debug mkbundle runsh sandbox; do
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES COMPATIBILITY 'SEE ALSO'; do
      [ -n "$(manual "$tool" "$section")" ] || {
        printf '%s.1: no section %s\n' "$tool" "$section"
        return 1
      }
    done
  done
}

# covered TOOL: the titles of the tests that the man page's table of options names.
covered() {
  sed -n '/^\.Sh COMPATIBILITY/,/^\.Sh SEE/s/^\.It .* Ta "\(.*\)"$/\1/p' "$project/$1/$1.1" | sort -u
}

@test "every test that a man page names is there" {
  for tool in findmnt-rs chroot-rs nsenter-rs pivot-root-rs setpriv-rs; do
    [ -n "$(covered "$tool")" ]
    while read -r title; do
      grep -qF "@test \"$title\" {" "$project/tests/$tool.bats" || {
        printf '%s.1: no test "%s"\n' "$tool" "$title"
        return 1
      }
    done < <(covered "$tool")
  done
}

@test "every option of the classic stands in the man page's table" {
  requires mandoc
  while read -r tool classic; do
    requires "$classic"
    for option in $("$classic" --help | options); do
      manual "$tool" COMPATIBILITY | grep -q -e "^ .*${option}[ ,]" || {
        printf '%s.1: COMPATIBILITY lacks %s\n' "$tool" "$option"
        return 1
      }
    done
  done <<'TABLE'
findmnt-rs findmnt
chroot-rs chroot
nsenter-rs nsenter
pivot-root-rs pivot_root
setpriv-rs setpriv
TABLE
}

@test "the completions are those of the present --help" {
  RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)") ok "$project/scripts/completions" now
  diff -r now "$project/completions" || {
    echo 'write them anew with: scripts/completions'
    return 1
  }
}

@test "bash completes options up to the first operand, and files and commands after it" {
  # shellcheck source=/dev/null
  source "$project/completions/bash/setpriv-rs"
  complete_words() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _setpriv_rs
  }
  complete_words setpriv-rs --reu
  equal "${COMPREPLY[*]}" --reuid
  complete_words setpriv-rs --reuid 0 --no
  equal "${COMPREPLY[*]}" --no-new-privs
  complete_words setpriv-rs ls --reu
  equal "${COMPREPLY[*]}" ''
  touch a-file
  complete_words setpriv-rs ls a-fi
  equal "${COMPREPLY[*]}" a-file
}

@test "zsh and fish can read their completions" {
  requires zsh fish
  for file in "$project"/completions/zsh/*; do
    ok zsh -n "$file"
  done
  for file in "$project"/completions/fish/*; do
    ok fish -n "$file"
  done
}

@test "what a wrong command line holds reaches no terminal as a control character" {
  text=$'\033[31m\302\233'
  for tool in $(tools); do
    for arguments in "--no$text" "-$text" "$text"; do
      said=$("$tool" "$arguments" "$arguments" "$arguments" 2>&1 >/dev/null </dev/null) || true
      contains "$said" "$tool: "
      lacks "$said" $'\033'
      lacks "$said" $'\302\233'
    done
  done
  # The name that a tool is called by is shown, too.
  ln -s "$(command -v chroot-rs)" "$text"
  expect 125 "./$text"
  contains "$stderr" '\033[31m\302\233: missing operand'
}

@test "the threat model names tests that there are" {
  local file title count=0
  while IFS=: read -r file title; do
    title=${title# }
    title=${title% |}
    grep -qF "@test \"$title\" {" "$project/tests/$file" || {
      printf '%s has no test: %s\n' "$file" "$title"
      return 1
    }
    count=$((count + 1))
  done < <(tr -d '\`' <"$project/docs/threat-model.md" | sed -n 's/.*| \([a-z-]*\.bats\): /\1: /p')
  [ "$count" -gt 25 ]
}
