#!/usr/bin/env bats
# docs/walkthrough.md: every command in it does what it shows.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

export RUNSH_TOOLS RUNSH_VOLUMES=$BATS_TEST_TMPDIR.volumes
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
text=$project/docs/walkthrough.md

teardown() {
  rm -rf "$RUNSH_VOLUMES"
  nothing_left
}

# read_text FILE: sets the arrays prompts, commands, wanted and lines. A command goes on after "> ".
read_text() {
  prompts=() commands=() wanted=() lines=()
  local line number=0 inside='' last=-1
  while IFS= read -r line; do
    number=$((number + 1))
    case $inside$line in
      '```console') inside='|' ;;
      '|```') inside='' ;;
      '|$ '* | '|# '*)
        last=$((last + 1))
        prompts[last]=${line:0:1} commands[last]=${line:2} wanted[last]='' lines[last]=$number
        ;;
      '|> '*) commands[last]+=$'\n'${line:2} ;;
      '|'*) wanted[last]+=$line$'\n' ;;
    esac
  done <"$1"
}

# masked: without numbers but 0 and 1, and without what aligns columns.
masked() {
  sed -E 's/\b([2-9]|[0-9]{2,})\b/N/g; s/[ \t]+/ /g; s/^ //; s/ $//'
}

# agrees WANTED GOT: with anything in the place of "...".
agrees() {
  # A line of its own may stand for none.
  local rest=${1//$'\n...\n'/$'\n...'} got=$2 part
  [[ $rest == *...* ]] || {
    [ "$got" = "$rest" ]
    return
  }
  part=${rest%%...*}
  [ "${got:0:${#part}}" = "$part" ] || return
  got=${got:${#part}} rest=${rest#*...}
  while [[ $rest == *...* ]]; do
    part=${rest%%...*} rest=${rest#*...}
    [[ $got == *"$part"* ]] || return
    got=${got#*"$part"}
  done
  [[ $got == *"$rest" ]]
}

# executed: all commands in one shell, up to the first that shows something else.
executed() {
  local index got want
  for index in "${!commands[@]}"; do
    [ "${prompts[index]}" = '$' ] || is_root || continue
    # A shell of a person does not end where a command fails.
    eval "${commands[index]}" >"$BATS_TEST_TMPDIR/got" 2>&1 </dev/null 3>&- || true
    got=$(masked <"$BATS_TEST_TMPDIR/got")
    want=$(masked <<<"${wanted[index]%$'\n'}")
    agrees "$want" "$got" || {
      printf '%s:%s: %s\nshown:\n%s\ngot:\n%s\n' "${text##*/}" "${lines[index]}" "${commands[index]}" "${wanted[index]}" "$(cat "$BATS_TEST_TMPDIR/got")"
      return 1
    }
    count=$((count + 1))
  done
}

@test "every command of the walkthrough does what it shows" {
  requires busybox userns
  local count=0
  read_text "$text"
  mkdir work
  cd work
  executed
  [ "$count" -gt 60 ]
}

@test "the comparison of the walkthrough can fail" {
  agrees 'a b' 'a b'
  agrees $'a\n...\nd' $'a\nb\nc\nd'
  agrees $'a\n...\nd' $'a\nd'
  agrees '...x...y' '1x2x3y'
  expect 1 agrees 'a b' 'a c'
  expect 1 agrees $'a\n...\nd' $'a\nb\nc'
  expect 1 agrees '...x...y' '1x2x3'
  expect 1 agrees 'b...' 'ab'
  equal "$(masked <<<'mnt:[4026531832]   1 sleep 600')" 'mnt:[N] 1 sleep N'
  printf '%s\n' '```console' '$ echo a; echo b' a c '```' >wrong.md
  text=wrong.md
  read_text wrong.md
  expect 1 executed
  contains "$output" 'wrong.md:2: echo a; echo b'
}

# ours: the commands of the right columns, a line each.
# shellcheck disable=SC2016 # These very characters.
ours() {
  sed -n 's/^| .* | \(.*\) |$/\1/p' "$project/docs/coming-from.md" | grep -oE '`[^`]+`' | tr -d '`' | grep -E '^([a-z-]+-rs|runsh|volume|mkbundle|debug|cinf|sandbox) '
}

# has_word WORD TEXT
has_word() {
  grep -qE -e "(^|[^a-zA-Z0-9-])$1([^a-zA-Z0-9-]|$)" <<<"$2"
}

@test "the commands and options that others are compared with exist" {
  local line word name help count=0
  while read -r name line; do
    help=$("$name" --help)
    for word in $line; do
      case $word in
        --) continue ;;
        --*) word=${word%%=*} ;;
        -U*) word=-U ;;
        -all) continue ;;
        -*) ;;
        *) word= ;;
      esac
      [ -z "$word" ] || has_word "$word" "$help" || {
        echo "$name has no $word: $line"
        return 1
      }
    done
    case $name in
      runsh | volume) grep -qE "^  ${line%% *}( |$)" <<<"$help" || {
        echo "$name has no command ${line%% *}"
        return 1
      } ;;
    esac
    count=$((count + 1))
  done < <(ours)
  [ "$count" -gt 50 ]
}
