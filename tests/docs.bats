#!/usr/bin/env bats
# What a command says of itself in its --help, its man page and its completions, and what it takes.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

PATH=$PATH:/usr/sbin:/sbin

tools() {
  (cd "$project" && ls -d -- *-rs)
}

# commands: the tools, and the scripts that are installed.
commands() {
  tools
  basename -s .1 -- "$project"/scripts/*.1
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
  [ -e "$page" ] || page=$(echo "$project/scripts/$1".[18])
  mandoc -Tascii "$page" | sed 's/.\x08//g' | sed -n "/^$2\$/,/^[A-Z]/p"
}

@test "--help and the man page name the same options" {
  requires mandoc
  for tool in $(commands); do
    diff <(help_options "$tool") <(manual "$tool" OPTIONS | options) || {
      echo "$tool: < is only in --help, > only in the man page"
      return 1
    }
  done
}

@test "every script has a man page, which names its options" {
  requires mandoc
  local script
  # shellcheck disable=SC2044 # No name has a blank.
  for script in $(find "$project/scripts" -maxdepth 1 -type f -perm /111 -printf '%f\n'); do
    diff <(help_options "$project/scripts/$script") <(manual "$script" OPTIONS | options)
    for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES; do
      [ -n "$(manual "$script" "$section")" ]
    done
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
  for tool in $(commands); do
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES COMPATIBILITY 'SEE ALSO'; do
      [ -n "$(manual "$tool" "$section")" ] || {
        printf '%s.1: no section %s\n' "$tool" "$section"
        return 1
      }
    done
  done
}

# literal PAGE NUMBER: a literal block of the man page.
literal() {
  awk -v number="$2" '/^\.Bd -literal/ { count++; inside = 1; next } /^\.Ed/ { inside = 0 }
    inside && count == number { gsub(/\\e/, "\\"); gsub(/\\&/, ""); print }' "$project/$1"
}

@test "the examples of the pages of section 5 work" {
  literal setpriv-rs/seccomp-rules.5 1 >rules
  requires setarch userns
  ok setpriv-rs --no-new-privs --seccomp-rules rules sh -c 'setarch i686 true 2>&1; unshare -U true 2>&1; echo end'
  equal "$(grep -c 'Operation not permitted' <<<"$output")" 2
  contains "$output" end
  requires root busybox
  literal bindmount-rs/bindmount-table.5 2 | sed '/^.srv/d' >table
  mkdir -p rootfs/bin rootfs/proc
  cp "$(command -v busybox)" rootfs/bin/sh
  ok sh -c "$(literal bindmount-rs/bindmount-table.5 3)" <<<'echo $$; mount'
  contains "$output" $'1\n'
  contains "$output" ' on /dev/pts type devpts '
}

@test "the drawing is made from its text" {
  requires dot
  dot -Tsvg "$project/docs/chain.dot" >chain.svg
  # Another version of dot says so, and may round in another way.
  diff <(sed '/^<!-- Generated/d; /^ -->/d' chain.svg) <(sed '/^<!-- Generated/d; /^ -->/d' "$project/docs/chain.svg")
}

# compatibility TOOL: the rows of the table of options and tests, without the tool.
compatibility() {
  sed -n "s/^$1	//p" "$project/tests/fixtures/compatibility.tsv"
}

@test "every option of a tool with a classic has a test, and its man page says if it is supported" {
  requires mandoc
  local tool option status title section
  for tool in bindmount-rs chroot-rs findmnt-rs nsenter-rs pivot-root-rs setpriv-rs unshare-rs; do
    manual "$tool" OPTIONS >listed
    manual "$tool" COMPATIBILITY >compatibility
    mandoc -Tascii "$project/$tool/$tool.1" | sed 's/.\x08//g' >page
    diff <(compatibility "$tool" | grep -v '	refused	' | cut -f1 | grep '^-' | sort -u) <(options <listed) || {
      echo "$tool: < is only in compatibility.tsv, > only in the man page"
      return 1
    }
    while IFS=$'\t' read -r option status title; do
      grep -hqxF "@test \"$title\" {" "$project"/tests/{"$tool",docs,seccomp}.bats || {
        printf '%s: no test "%s"\n' "$tool" "$title"
        return 1
      }
      case $status:$option in
        refused:* | additional:--*) section=compatibility ;;
        *:-*) continue ;;
        *) section=page ;;
      esac
      grep -qwF -e "$option" "$section" || {
        printf '%s.1 does not name %s, which is %s\n' "$tool" "$option" "$status"
        return 1
      }
    done < <(compatibility "$tool")
  done
}

@test "every option of the classic has its row in the table of options and tests" {
  local tool classic option
  while read -r tool classic; do
    requires "$classic"
    compatibility "$tool" | cut -f1 >named
    for option in $("$classic" --help | options); do
      grep -qxF -e "$option" named || {
        printf 'compatibility.tsv: %s lacks %s\n' "$tool" "$option"
        return 1
      }
    done
  done <<'TABLE'
bindmount-rs mount
findmnt-rs findmnt
chroot-rs chroot
nsenter-rs nsenter
pivot-root-rs pivot_root
setpriv-rs setpriv
unshare-rs unshare
TABLE
}

@test "the completions are those of the present --help" {
  RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)") ok "$project/scripts/completions" now
  diff -r now "$project/completions" || {
    echo 'write them anew with: scripts/completions'
    return 1
  }
}

# completed WORD...: what bash offers for the last word of a line.
completed() {
  local function=_${1//-/_}
  # shellcheck source=/dev/null
  source "$project/completions/bash/$1"
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  "$function"
  printf '%s ' "${COMPREPLY[@]}"
}

@test "bash completes options up to the first operand, and files and commands after it" {
  equal "$(completed setpriv-rs --reu)" '--reuid '
  equal "$(completed setpriv-rs --reuid 0 --no)" '--no-new-privs '
  equal "$(completed setpriv-rs ls --reu)" ' '
  touch a-file
  equal "$(completed setpriv-rs ls a-fi)" 'a-file '
  equal "$(completed chroot-rs . setpriv-r | tr ' ' '\n' | sort -u | xargs)" setpriv-rs
  # Behind COMMAND its own completion goes on, where bash-completion is loaded.
  _command_offset() { COMPREPLY=("from word $1"); }
  equal "$(completed setpriv-rs --reuid 0 unshare-rs --mo)" 'from word 3 '
  equal "$(completed chroot-rs --wd / . nsenter-rs -)" 'from word 4 '
  equal "$(completed bindmount-rs --fstab f -- nsenter-rs -)" 'from word 4 '
}

@test "bash completes values, the commands of runsh and the names of containers" {
  equal "$(completed unshare-rs --propagation s)" 'shared slave '
  equal "$(completed unshare-rs --propagation = u)" 'unchanged '
  equal "$(completed unshare-rs --propagation =)" 'private shared slave unchanged '
  equal "$(completed setpriv-rs --bounding-set +chown,-sys_ad)" '+chown,-sys_admin '
  contains "$(completed findmnt-rs -o TARGET,FST)" 'TARGET,FSTYPE '
  equal "$(completed bindmount-rs -o ro,nos)" 'ro,nosuid ro,nosymfollow '
  equal "$(completed runsh --root /x st)" 'start state '
  # shellcheck disable=SC2317 # the completion calls it
  runsh() { printf 'web\nworker\ndb\n'; }
  equal "$(completed runsh delete w)" 'web worker '
  equal "$(completed runsh delete --fo)" '--force --format '
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

@test "fish completes values, commands and names" {
  requires fish
  fished() {
    fish -c "source $project/completions/fish/$1.fish; function runsh; printf 'web\nworker\n'; end; complete -C '$2'" | cut -f1 | xargs
  }
  equal "$(fished runsh 'runsh st')" 'start state'
  equal "$(fished runsh 'runsh delete w')" 'web worker'
  equal "$(fished setpriv-rs 'setpriv-rs --bounding-set +ch')" '+checkpoint_restore +chown'
  equal "$(fished unshare-rs 'unshare-rs --propagation s')" 'shared slave'
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

@test "--help and --version on a full disk fail with the status of a wrong command line, as in the classics" {
  local tool want
  for tool in bindmount-rs:1 cgexec-rs:1 chroot-rs:125 findmnt-rs:1 kill-rs:1 nsenter-rs:1 pivot-root-rs:1 pty-rs:1 setpriv-rs:1 spec-rs:1 unshare-rs:1; do
    want=${tool#*:} tool=${tool%:*}
    for option in --help --version; do
      expect "$want" sh -c "$tool $option >/dev/full"
      equal "$stderr" "$tool: cannot write 'standard output': No space left on device"
    done
  done
}
