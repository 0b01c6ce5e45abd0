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

@test "files that import each other are a ring, and tests do not count" {
  mkdir -p src/b
  printf '%s\n' 'use crate::{b::{X, Y}, leaf};' '#[cfg(test)]' 'mod tests {' '    use crate::top;' '}' >src/a.rs
  printf '%s\n' 'mod c;' 'use crate::leaf;' >src/b/mod.rs
  printf '%s\n' 'use super::Word;' '// crate::top' 'fn f() { crate::a::g() }' >src/b/c.rs
  printf 'use crate::a;\n' >src/top.rs
  : >src/leaf.rs
  printf 'mod a;\nuse a::X;\n' >src/lib.rs
  rings=(awk -v crate=some -f "$project/scripts/lib/rings.awk")
  ok "${rings[@]}" src/*.rs src/b/*.rs
  equal "$output" 'some: a b::c b'
  : >src/b/c.rs
  ok "${rings[@]}" src/*.rs src/b/*.rs
  equal "$output" ''
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
  for word in Rust bats busybox-static 'gcc libc6-dev' shellcheck; do
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

@test "a test that hangs is ended, and one that fails leaves no process behind" {
  requires user
  printf 'trap "" TERM\ncd /\nwhile sleep 0.1; do echo on >>"%s/log"; done\n' "$PWD" >loop
  printf 'TEST_TIMEOUT=2\nload %q\n' "$project/tests/helpers" >some.bats
  printf '@test %s\n' "'hangs' { run sh '$PWD/loop'; }" \
    "'hangs in a namespace' { run unshare --user --map-root-user env -i sh '$PWD/loop'; }" \
    "'fails' { sh '$PWD/loop' >/dev/null 2>&1 3>&- & sleep 0.5; false; }" >>some.bats
  expect 1 env -i PATH=/usr/bin:/bin "HOME=$HOME" "TOOLS=$TOOLS" timeout 60 "$project/scripts/test" bats "$PWD/some.bats"
  equal "${lines[-1]}" '0 passed, 3 failed'
  contains "$output" '# timeout after 2 seconds'
  size=$(stat -c %s log)
  sleep 0.5
  equal "$(stat -c %s log)" "$size"
}

# for_both LINE...: a file of these tests that root and an ordinary user can read, beside the directory "said" that both may
# write to, and the command that runs it, whose files are in "scratch".
for_both() {
  both=$(mktemp -d)
  mkdir "$both/scratch" "$both/said"
  printf '@test %s\n' "$@" >"$both/some.bats"
  chmod -R a+rX "$both"
  chmod 1777 "$both/said"
  command=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "HOME=$HOME" "TOOLS=$TOOLS" "TMPDIR=$both/scratch"
    "$project/scripts/test" bats "$both/some.bats")
}

# shellcheck disable=SC2016 # The shells of the tests expand it.
@test "the suite runs as root and as an ordinary user, side by side" {
  requires root
  # Each waits for the other one.
  for_both '"meets" { cd "$BATS_TEST_DIRNAME/said"; touch $UID; until [ -e 0 ] && [ -e 65534 ]; do sleep 0.1; done; }' \
    '"is root" { [ $UID -eq 0 ]; }' '"is nobody" { [ $UID -ne 0 ] || skip "a reason"; }'
  expect 1 timeout 60 "${command[@]}"
  equal "${lines[-1]}" '5 passed, 1 failed'
  contains "$output" 'skipped as root: is nobody: a reason'
  # One after the other.
  equal "$(grep -o '^# bats as .*\|^ok [0-9]*\|^not ok [0-9]*' <<<"$output" | paste -sd,)" \
    '# bats as root,ok 1,ok 2,ok 3,# bats as nobody,ok 1,not ok 2,ok 3'
  equal "$(ls "$both/scratch")" ''
  rm -rf "$both"
}

# shellcheck disable=SC2016 # The shell of the test expands it.
@test "an interruption ends both, and nothing is left behind" {
  requires root
  for_both '"hangs" { cd "$BATS_TEST_DIRNAME/said"; trap "" TERM; echo $$ >$UID; sleep 60; }'
  "${command[@]}" >log 2>&1 &
  local suite=$! status=0
  eventually test -s "$both/said/0" -a -s "$both/said/65534"
  kill -TERM "$suite"
  wait "$suite" || status=$?
  equal "$status/$(tail -n 1 log)" '1/0 passed, 1 failed'
  expect 1 kill -0 "$(cat "$both/said/0")"
  expect 1 kill -0 "$(cat "$both/said/65534")"
  equal "$(ls "$both/scratch")" ''
  rm -rf "$both"
}

@test "a mount that a test makes or takes away is a fault, and what another program takes away is none" {
  printf '%s\n' '1 0 8:1 / / rw - ext4 x rw' '2 1 8:1 /a /usr rw - ext4 x rw' "3 1 0:2 / $PWD/m rw - tmpfs x rw" \
    '4 1 0:2 / /nosuch/m rw - tmpfs x rw' >before
  ok mounts_unchanged before before
  for filter in 's,/a,/a//deleted,' '/nosuch/d'; do
    sed "$filter" before >after
    ok mounts_unchanged before after
  done
  # shellcheck disable=SC2016 # It is sed's.
  for filter in '/usr/d' "\\,$PWD/m,d" 's,/usr rw,/usr ro,' 's,ext4 x rw,ext4 x ro,' '$a 5 1 0:3 / /opt rw - tmpfs x rw'; do
    sed "$filter" before >after
    expect 1 mounts_unchanged before after
  done
}
