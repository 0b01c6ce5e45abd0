#!/usr/bin/env bats
# test: what it counts, and how it ends.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr, lines and project.

load helpers

export TOOLS
TOOLS=$(dirname "$(type -P setpriv-rs)")

# suite_of LINE...: runs a file of these tests, with none of the variables of the bats that runs this one.
suite_of() {
  printf '@test %s\n' "$@" >some.bats
  run --separate-stderr env -i PATH=/usr/bin:/bin "HOME=$HOME" "TOOLS=$TOOLS" "$project/scripts/test" bats "$PWD/some.bats"
}

@test "what passes, fails and is skipped is counted, and the count is the last line" {
  requires user
  suite_of '"good" { true; }' '"bad" { false; }' '"left out" { skip "for a reason"; }'
  equal "$status" 1
  equal "${lines[-1]}" '2 passed, 1 failed'
  contains "$output" 'left out: for a reason'
}

@test "all good is status 0" {
  requires user
  suite_of '"good" { true; }'
  equal "$status/${lines[-1]}" '0/1 passed, 0 failed'
}

@test "what the caller ignores the tests do not" {
  requires user
  trap '' HUP INT QUIT
  suite_of '"signals" { grep -qE "^SigIgn:.*0$" /proc/self/status; }'
  equal "$status/${lines[-1]}" '0/1 passed, 0 failed'
}

@test "a file that does not load is a failure" {
  requires user
  suite_of '"good" {'
  equal "$status" 1
  contains "${lines[-1]}" ' 1 failed'
}

@test "a selection that there is not is refused" {
  expect 1 "$project/scripts/test" some
  contains "$stderr" "test: unknown selection 'some'"
}

@test "all that is missing is named in one line" {
  requires user
  mkdir bin
  ln -s "$(type -P sh)" "$(type -P id)" "$(type -P mktemp)" "$(type -P chmod)" "$(type -P rm)" bin
  expect 1 env -i "PATH=$PWD/bin" "$project/scripts/test"
  equal "$output" '0 passed, 1 failed'
  equal "${stderr//[!$'\n']/}" ''
  for word in Rust bats busybox-static 'gcc libc6-dev' procps shellcheck; do
    contains "$stderr" " $word"
  done
  lacks "${stderr#*libc6-dev}" libc6-dev
}

@test "a program that one can do without is named, and is no failure" {
  requires user
  # shellcheck disable=SC2016 # The shell inside expands it.
  ok sh -euc '. "$1/common.sh"; . "$1/packages.sh"; ensure sh -- no-such-program; echo on' test "$project/scripts/lib"
  equal "$output" on
  equal "$stderr" 'test: some tests are skipped where programs are missing: install as root with: apt-get install no-such-program'
}
