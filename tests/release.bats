#!/usr/bin/env bats
# release: the archive and the Debian package.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

export RUNSH_TOOLS SOURCE_DATE_EPOCH=1700000000
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")

setup_file() {
  cd "$BATS_FILE_TMPDIR" || return
  "$project/scripts/release" one
}

@test "the same tools give the same bytes" {
  cd "$BATS_FILE_TMPDIR"
  ok env TZ=Asia/Kolkata LC_ALL=C "$project/scripts/release" two
  diff -r one two
  (cd one && sha256sum -c SHA256SUMS)
}

@test "the archive works from wherever it is unpacked" {
  mkdir 'any where'
  tar -xf "$BATS_FILE_TMPDIR"/one/*.tar.gz -C 'any where'
  unset RUNSH_TOOLS
  cd 'any where'/*
  [ -f README.md ]
  for tool in bin/*; do
    ok "$tool" --help
  done
  ok bin/mkbundle ../b sh
  ok bin/runsh explain -b ../b
  contains "$output" "any where/"
  equal "$(find . -newermt @1700000000)" ''
}

@test "the Debian package has what Debian's policy asks for" {
  requires lintian dpkg-deb
  ok lintian --fail-on error,warning --allow-root "$BATS_FILE_TMPDIR"/one/*.deb
  equal "$output" ''
}

@test "the Debian package is installed, works and is removed" {
  requires dpkg root
  # In a root of its own: the machine's packages stay as they are.
  mkdir -p machine/var/lib/dpkg/updates machine/var/lib/dpkg/info machine/var/log
  touch machine/var/lib/dpkg/status
  find machine -path machine/var -prune -o -print >before
  dpkg_here() {
    dpkg --root="$PWD/machine" --log=/dev/null --force-script-chrootless,not-root "$@"
  }
  ok dpkg_here --install "$BATS_FILE_TMPDIR"/one/*.deb
  unset RUNSH_TOOLS
  ok machine/usr/bin/runsh --help
  ok machine/usr/bin/mkbundle b sh
  ok machine/usr/bin/runsh run -b b c <<<'echo inside'
  contains "$output" inside
  ok dpkg_here --verify runsh
  equal "$output" ''
  ok dpkg_here --remove runsh
  equal "$(find machine -path machine/var -prune -o -print)" "$(cat before)"
}

@test "a wrong command line is refused" {
  expect 1 "$project/scripts/release" --no-such
  contains "$stderr" "invalid option '--no-such'"
  expect 1 "$project/scripts/release" a b
  contains "$stderr" "unexpected operand 'b'"
}
