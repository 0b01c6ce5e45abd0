#!/usr/bin/env bats
# install: what it puts where, and that it works from there.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")

@test "everything is put below the prefix, and nothing outside of it" {
  DESTDIR=$PWD/package PREFIX=/opt/box ok "$project/scripts/install"
  equal "$(ls package)" opt
  for tool in $(cd "$project" && ls -d -- *-rs); do
    cmp "$RUNSH_TOOLS/toolbox" "package/opt/box/bin/$tool"
    [ -f "package/opt/box/share/man/man1/$tool.1" ]
    [ -f "package/opt/box/share/bash-completion/completions/$tool" ]
    [ -f "package/opt/box/share/zsh/site-functions/_$tool" ]
    [ -f "package/opt/box/share/fish/vendor_completions.d/$tool.fish" ]
  done
  for script in $(cd "$project/scripts" && basename -s .1 -- *.1); do
    cmp "$project/scripts/$script" "package/opt/box/bin/$script"
    cmp "$project/scripts/$script.1" "package/opt/box/share/man/man1/$script.1"
    [ -f "package/opt/box/share/bash-completion/completions/$script" ]
  done
  equal "$(find package -type f ! -perm 644 ! -path '*/bin/*')" package/opt/box/lib/runsh/toolbox
  equal "$(find -L package \( -path '*/bin/*' -o -name toolbox \) ! -perm 755)" ''
}

@test "tools that stand alone are put as they are" {
  local tool
  mkdir alone
  for tool in $(cd "$project" && ls -d -- *-rs); do
    cp "$RUNSH_TOOLS/$tool" alone
  done
  RUNSH_TOOLS=$PWD/alone ok "$project/scripts/install" "--prefix=$PWD/prefix"
  [ ! -e prefix/lib/runsh/toolbox ]
  cmp alone/spec-rs prefix/bin/spec-rs
  [ ! -h prefix/bin/spec-rs ]
}

@test "the scripts work from where they are installed" {
  ok "$project/scripts/install" "--prefix=$PWD/a prefix"
  unset RUNSH_TOOLS
  ok env PATH=/usr/bin:/bin "$PWD/a prefix/bin/mkbundle" b sh
  [ -f b/config.json ]
  ok env PATH=/usr/bin:/bin "$PWD/a prefix/bin/runsh" explain -b b
  contains "$output" "a prefix/bin/unshare-rs' --"
  # Each command finds what it shares with others.
  for file in "$project"/scripts/lib/runsh/*; do
    cmp "$file" "a prefix/lib/runsh/${file##*/}"
  done
  ok env PATH=/usr/bin:/bin "$PWD/a prefix/bin/runsh" list -q
  ok env PATH=/usr/bin:/bin RUNSH_VOLUMES="$PWD/a store" "$PWD/a prefix/bin/volume" create v
  equal "$(ls 'a store')" v
  ok env PATH=/usr/bin:/bin "$PWD/a prefix/bin/cinf" --pid $$
  contains "$output" "$(readlink /proc/self/ns/net | tr -dc 0-9)"
  ok env PATH=/usr/bin:/bin "$PWD/a prefix/bin/debug" --explain $$ true
  contains "$output" "a prefix/bin'/unshare-rs"
  ok env PATH=/usr/bin:/bin "$PWD/a prefix/bin/sandbox" --help
  ok env PATH=/usr/bin:/bin "$PWD/a prefix/bin/sandbox" --explain --bind / / true
  contains "$output" "a prefix/bin'/unshare-rs"
}

@test "what was installed is removed, and nothing else" {
  mkdir -p prefix/bin
  echo mine >prefix/bin/mine
  find prefix | sort >before
  install_here() {
    "$project/scripts/install" "--prefix=$PWD/prefix" "$@"
  }
  ok install_here
  # An earlier version had a file that this one does not have.
  echo bin/old >>prefix/lib/runsh/installed
  touch prefix/bin/old
  ok install_here
  [ ! -e prefix/bin/old ]
  equal "$(find prefix ! -type d ! -name mine ! -name installed | sort)" "$(grep -v '/$' prefix/lib/runsh/installed | sed 's,^,prefix/,' | sort)"
  ok install_here --uninstall
  equal "$(find prefix | sort)" "$(cat before)"
  expect 1 install_here --uninstall
  contains "$stderr" "nothing is installed there"
  # A list that somebody has written to leads nowhere else.
  ok install_here
  echo ../outside >>prefix/lib/runsh/installed
  touch outside
  expect 1 install_here --uninstall
  contains "$stderr" "it is not below '$PWD/prefix'"
  [ -e outside ]
}

@test "an installation that fails leaves nothing" {
  mkdir -p prefix/share/man/man1/spec-rs.1
  find prefix | sort >before
  expect 1 "$project/scripts/install" "--prefix=$PWD/prefix"
  contains "$stderr" "cannot install '$PWD/prefix/share/man/man1/spec-rs.1'"
  equal "$(find prefix | sort)" "$(cat before)"
}

@test "a wrong command line, and tools that are not built, are refused" {
  refused() {
    local message=$1
    shift
    expect 1 "$project/scripts/install" "$@"
    contains "$stderr" "$message"
    [ ! -e prefix ]
  }
  refused "cannot install to 'prefix': not an absolute path" --prefix prefix
  refused "option '--prefix' needs a value" --prefix
  DESTDIR=package refused "cannot install to 'package': not an absolute path" --prefix /usr
  refused "invalid option '--no-such'" --no-such
  refused "unexpected operand 'prefix'" prefix
  RUNSH_TOOLS=$PWD refused "build it with: cargo build --release" "--prefix=$PWD/prefix"
}
