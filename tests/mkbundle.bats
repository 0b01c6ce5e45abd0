#!/usr/bin/env bats
# mkbundle: bundles out of what the machine has.
# shellcheck disable=SC2154 # bats and the helpers assign output, status and stderr.

load helpers

# inside DIR COMMAND...: runs COMMAND in the root file system of the bundle DIR.
inside() {
  local rootfs=$PWD/$1/rootfs
  shift
  private chroot "$rootfs" "$@"
}

# entries: what there is, but for the files of bats itself.
entries() {
  ls -A -I 'separate-stderr*'
}

# refused MESSAGE ARGUMENT...: mkbundle fails so, and leaves nothing behind.
refused() {
  local message=$1 before
  shift
  before=$(entries)
  expect 1 mkbundle "$@" </dev/null
  contains "$stderr" "$message"
  equal "$(entries)" "$before"
}

# config: what runc itself writes for this user.
config() {
  mkdir spec
  if is_root; then
    runc spec -b spec
  else
    runc spec --rootless -b spec
  fi
  jq -S . spec/config.json
}

@test "config.json means what runc's own means" {
  requires runc jq
  ok mkbundle b true
  equal "$(jq -S . b/config.json)" "$(config)"
}

@test "the programs run, from their own paths and with their libraries" {
  ok mkbundle b sh ls cat
  ok inside b /bin/sh -c 'ls / && cat /etc/passwd'
  contains "$output" 'root:x:0:0:'
  [ ! -e "b/rootfs$(type -P sort)" ]
}

@test "a link, a script and the interpreters of both come along" {
  mkdir 'a dir'
  # shellcheck disable=SC2016 # The script expands it.
  printf '#!/usr/bin/env -S sh\necho "script $1"\n' >'a dir/a script'
  chmod +x 'a dir/a script'
  ln -s 'a dir/a script' link
  ok mkbundle b ./link
  ok inside b "$PWD/./link" one
  equal "$output" 'script one'
  ok inside b "$PWD/a dir/a script" two
  equal "$output" 'script two'
}

@test "without a program it is busybox under all its names" {
  requires busybox
  ok mkbundle b
  ok inside b /bin/sh -c 'echo a | sed s/a/b/'
  equal "$output" b
}

@test "without busybox it is the machine's shell and some programs" {
  mkdir bin
  for name in sh cat chmod cp find grep head id ldd ln ls mkdir readlink rm rmdir sed bash dirname; do
    ln -s "$(type -P "$name")" bin
  done
  ok env "PATH=$PWD/bin" "$(type -P mkbundle)" b
  [ ! -e b/rootfs/bin/busybox ]
  ok inside b "$PWD/bin/sh" -c "$PWD/bin/ls /etc"
  contains "$output" passwd
}

@test "no set-user-ID bit is copied" {
  cp "$(type -P true)" true
  chmod 4755 true
  ok mkbundle b ./true
  equal "$(stat -c %a b/rootfs/"$PWD/true")" 755
}

@test "an archive becomes the root file system" {
  mkdir -p image/bin
  cp "$(type -P true)" image/bin
  ln -s true image/bin/link
  tar -C image -c . >image.tar
  ok mkbundle --tar image.tar a
  cmp image/bin/true a/rootfs/bin/true
  equal "$(readlink a/rootfs/bin/link)" true
  equal "$(stat -c %a a)" 700
  ok sh -c 'mkbundle --tar=- b <image.tar'
  diff -r a/rootfs b/rootfs
  cmp a/config.json b/config.json
}

@test "device nodes of an archive are left out" {
  # A ustar header of a character device 1,3, which an ordinary user cannot make to be archived.
  header() {
    printf '%-100s%-8s%-8s%-8s%-12s%-12s%-8s3%-100sustar\00000%-64s0000001\0000000003\000%-167s' \
      dev-null 0000644 0000000 0000000 00000000000 00000000000 "$1" '' '' '' | tr ' ' '\0'
  }
  header '        ' >zero
  sum=$(header '' | od -An -v -tu1 | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { printf "%06o", sum + 256 }')
  header "$sum" >image.tar
  head -c 1024 /dev/zero >>image.tar
  contains "$(tar -tvf image.tar)" '1,3'
  ok mkbundle --tar image.tar b
  equal "$(ls -A b/rootfs)" ''
}

@test "a hostile archive writes nothing outside" {
  mkdir outside image
  ln -s "$PWD/outside" image/link
  tar -C image -cf image.tar link
  rm image/link
  mkdir image/link
  echo owned >image/link/file
  tar -C image -rf image.tar link/file
  mkbundle --tar image.tar a </dev/null || [ ! -e a ]
  equal "$(ls -A outside)" ''

  echo owned >file
  tar -P -cf absolute.tar "$PWD/file"
  rm file
  ok mkbundle --tar absolute.tar b
  [ ! -e file ] && [ -f "b/rootfs/$PWD/file" ]

  echo owned >outside/up
  (cd image && tar -P -cf ../up.tar ../outside/up)
  rm outside/up
  refused "cannot unpack 'up.tar'" --tar up.tar c
  [ ! -e outside/up ]
}

@test "what is no archive is refused" {
  echo no archive >file
  refused "cannot unpack 'file'" --tar file b
  refused "cannot unpack 'missing'" --tar missing b
  refused "cannot unpack '-'" --tar - b
}

@test "a directory that holds something is refused and stays" {
  mkdir b
  touch b/file
  refused "cannot make a bundle in '$PWD/b': Directory not empty" b true
  equal "$(ls -A b)" file
  refused "cannot make the directory '$PWD/no/b'" no/b true
  refused "cannot make the directory '$PWD/b/file/c'" b/file/c true
}

@test "an empty directory is filled, and emptied again on a failure" {
  mkdir -m 710 b
  refused "cannot find the program 'no-such'" b true no-such
  equal "$(stat -c %a b)$(ls -A b)" 710
  ok mkbundle b true
  [ -f b/config.json ]
}

@test "a program that cannot be added is named" {
  printf '#!/no/such/interpreter\n' >script
  printf '#!/usr/bin/env no-such\n' >by-env
  chmod +x script by-env
  mkdir dir
  refused "cannot find the program 'no-such'" b sh no-such
  refused "cannot find '/no/such/interpreter'" b ./script
  refused "cannot find 'no-such', the interpreter of '$PWD/./by-env'" b ./by-env
  refused "cannot add './dir': not a program" b ./dir
}

@test "a wrong command line is refused" {
  refused "missing operand: DIR"
  refused "missing operand: DIR" ''
  refused "invalid option '--no-such'" --no-such b
  refused "option '--tar' needs a value" --tar
  refused "unexpected operand 'sh'" --tar file b sh
  contains "$stderr" "Try 'mkbundle --help' for more information."
}

@test "a directory of any name" {
  local dir=$'-a "b"\n$(touch owned) \'c'
  ok mkbundle -- "$dir" sh
  ok inside "$dir" /bin/sh -c 'echo there'
  equal "$output" there
  [ ! -e owned ]
}

@test "help and version" {
  ok mkbundle --help
  contains "$output" 'Usage: mkbundle DIR'
  ok mkbundle --version
  contains "$output" 'mkbundle '
}

@test "an archive is closed to others in a directory that was there too, and opened again where it fails" {
  mkdir t b c
  mkdir -m 755 t/sub
  tar -C t -cf x.tar sub
  chmod 755 b c
  ok mkbundle --tar x.tar b
  equal "$(stat -c %a b)" 700
  echo no >bad.tar
  expect 1 mkbundle --tar bad.tar c
  equal "$(stat -c %a c)" 755
}

@test "an archive is what its name says, whatever TAR_OPTIONS say" {
  mkdir -p t/etc
  echo it >t/etc/it
  tar -C t -cf a:b.tar etc 2>/dev/null || tar --force-local -C t -cf a:b.tar etc
  ok env TAR_OPTIONS=--exclude=etc mkbundle --tar a:b.tar b
  equal "$(cat b/rootfs/etc/it)" it
  refused "option '--tar' needs a value" --tar '' c
  refused "option '--tar' needs a value" --tar= c
}

@test "an interpreter's line that names nothing, or variables first" {
  printf '#!\n' >none
  # shellcheck disable=SC2016 # The script expands it.
  printf '#!/usr/bin/env -S A=1 sh\necho "$A"\n' >some
  chmod +x none some
  refused "its first line names no interpreter" b ./none
  ok mkbundle b ./some
  ok inside b "$PWD/./some"
  equal "$output" 1
}
