#!/usr/bin/env bats
# README.md: what it shows is what happens.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

# block NUMBER: an indented block of the text, without its indentation.
block() {
  awk -v number="$1" '/^    / { if (!inside) count++; inside = 1; if (count == number) print substr($0, 5); next }
    { inside = 0 }' "$project/README.md"
}

@test "the container as one command line" {
  requires busybox
  local line
  # As it stands: first what makes the directory, then the line.
  block 2 >prepare
  # shellcheck disable=SC1091 # It was written just now.
  . ./prepare
  [ "$PWD" = "$BATS_TEST_TMPDIR/box" ]
  line=$(block 1)
  if ! is_root; then
    line=${line/--net/--user --map-root-user}
    sed -i 's,1:3 .*,/dev/null /dev/null none bind\,ro,' mounts
  fi
  # shellcheck disable=SC2016 # The shell inside expands it.
  expect 1 sh -c "$line" <<<'hostname; echo $$; echo a >/dev/null; cut -d" " -f2 /proc/mounts; grep CapBnd /proc/self/status; : >/new'
  contains "$output" $'box\n1\n/\n/proc\n/dev\n'
  contains "$output" 0000000000000420
  contains "$stderr" 'Read-only file system'
}

@test "every tool and every script is named" {
  for tool in $(cd "$project" && ls -d -- *-rs); do
    contains "$(cat "$project/README.md")" "| \`$tool\` |"
  done
}
