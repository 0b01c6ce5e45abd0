#!/usr/bin/env bats
# mkbundle: bundles out of what the machine has.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The inner shells expand their scripts.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")

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

@test "an archive is unpacked however it is compressed, from a file and from a pipe" {
  mkdir image
  echo it >image/it
  local program
  for program in gzip bzip2 xz zstd lz4; do
    type -P "$program" >/dev/null || continue
    tar -C image -c . | "$program" -c >"image.$program"
    ok mkbundle --tar "image.$program" "b.$program"
    ok diff -r image "b.$program/rootfs"
    ok sh -c 'cat "$1" | mkbundle --tar - "$2"' sh "image.$program" "p.$program"
    ok diff -r image "p.$program/rootfs"
    equal "$(ls -A "p.$program")" $'config.json\nrootfs'
  done
  requires gzip
  # Its end, and thus its checksum, is missing.
  head -c 60 image.gzip >cut.gz
  refused "cannot unpack 'cut.gz'" --tar cut.gz b
  # The archive is whole, but what follows is damaged.
  (cat image.gzip && printf '\037\213junk') >tail.gz
  refused "cannot unpack 'tail.gz'" --tar tail.gz b
  mkdir bin
  local name
  for name in sh cat chmod dd id ls mkdir od readlink rm rmdir tar tr; do
    ln -s "$(type -P "$name")" bin
  done
  expect 1 env "PATH=$PWD/bin" "$(type -P mkbundle)" --tar image.gzip b
  contains "$stderr" "cannot unpack 'image.gzip': it is compressed, and 'gzip' is not installed"
  [ ! -e b ]
}

@test "a name that looks like the magic of a compression is an archive all the same" {
  mkdir BZhello
  tar -cf image.tar BZhello
  ok mkbundle --tar image.tar b
  [ -d b/rootfs/BZhello ]
}

# hint: what is said of every image.
image_hint="hint: 'docker export' writes the root file system of a container as an archive; 'umoci unpack' makes a bundle of an OCI image layout"

@test "an image is refused, and the way to its root file system named" {
  requires gzip
  mkdir -p docker/0123 layout/blobs/sha256
  echo '[{"Config":"0123.json","RepoTags":["a:latest"],"Layers":["0123/layer.tar"]}]' >docker/manifest.json
  tar -C layout -cf docker/0123/layer.tar .
  echo '{"imageLayoutVersion": "1.0.0"}' >layout/oci-layout
  echo '{"schemaVersion":2,"manifests":[]}' >layout/index.json
  tar -C docker -cf docker.tar .
  tar -C layout -cf layout.tar oci-layout index.json blobs
  gzip -k docker.tar layout.tar
  local file
  for file in docker.tar docker.tar.gz; do
    refused "cannot unpack '$file': it is an image as 'docker save' writes it, and not a root file system" --tar "$file" b
    contains "$stderr" "$image_hint"
    expect 1 sh -c 'mkbundle --tar - b <"$1"' sh "$file"
    contains "$stderr" "it is an image as 'docker save' writes it"
    [ ! -e b ]
  done
  for file in layout.tar layout.tar.gz layout; do
    refused "cannot unpack '$file': it is an OCI image layout, and not a root file system" --tar "$file" b
    contains "$stderr" "$image_hint"
  done
  refused "cannot unpack 'docker/0123': Is a directory" --tar docker/0123 b
  # A root file system may hold files of these names.
  mkdir image
  echo '{}' >image/manifest.json
  ln -s "$PWD/layout/oci-layout" image/oci-layout
  tar -C image -cf image.tar .
  ok mkbundle --tar image.tar b
}

@test "no control character of an archive reaches the terminal" {
  local name=$'a\e[31mred\rb'
  mkdir image
  echo it >"image/$name"
  ln "image/$name" image/link
  tar -C image -cf image.tar "$name" link
  # The link is to a name that is not there.
  tar -f image.tar --delete "$name"
  expect 1 mkbundle --tar image.tar b
  contains "$stderr" "cannot unpack 'image.tar'"
  contains "$stderr" red
  lacks "$stderr" $'\e'
  lacks "$stderr" $'\r'
  [ ! -e b ]
}

@test "what the names of busybox lead to is the copy" {
  requires busybox
  mkdir bin
  ln -s "$(type -P busybox)" bin/busybox
  ok env "PATH=$PWD/bin:$PATH" mkbundle b
  [ b/rootfs/bin/ls -ef "b/rootfs$(readlink -f "$(type -P busybox)")" ]
  [ ! b/rootfs/bin/ls -ef "$(type -P busybox)" ]
}

@test "the tools are asked for by name" {
  mkdir empty
  RUNSH_TOOLS=$PWD/empty refused "mkbundle: cannot find the tools in '$PWD/empty': build them with 'cargo build --release', or set RUNSH_TOOLS" b true
}

@test "no control character of what another tar says reaches the terminal" {
  mkdir bin
  printf '#!/bin/sh\n[ "$1" != --version ] || { echo GNU tar; exit; }\nprintf "red\\033[31m\\r\\n" >&2\nexit 1\n' >bin/tar
  chmod +x bin/tar
  : >image.tar
  PATH=$PWD/bin:$PATH expect 1 mkbundle --tar image.tar b
  contains "$stderr" 'red?[31m?'
  lacks "$stderr" $'\e'
}
