#!/usr/bin/env bats
# bindmount-rs, beside util-linux's mount where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The scripts in single quotes are another shell's.

load helpers

# What the shells in the private namespaces share. table: the kernel's mount table beneath the working directory,
# without the numbers that differ from run to run.
library='
table() {
  awk -v here="$PWD" '\''index($5, here) == 1 {
    $1 = $2 = "-"
    sub(/^0:.*/, "0:", $3)
    for (i = 7; $i != "-"; i++) sub(/:.*/, "", $i)
    print
  }'\'' /proc/self/mountinfo
}
'

# inside SCRIPT [ARG...]: the script with root powers over a mount namespace of its own.
inside() {
  local script=$1
  shift
  private sh -c "$library $script" sh "$@"
}

# same SCRIPT: both tools must end with the same status and leave the same mount table, where $mount is the tool.
same() {
  local want want_status=0 got got_status=0
  want=$(mount=mount inside "$1"$'\n status=$?; table; exit $status' 2>want_stderr) || want_status=$?
  got=$(mount=bindmount-rs inside "$1"$'\n status=$?; table; exit $status' 2>got_stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'script: %s\nmount: %s\n%s\nbindmount-rs: %s\n%s\n' "$1" "$want_status" "$want" "$got_status" "$got"
    cat want_stderr got_stderr
    return 1
  }
}

# refused STATUS MESSAGE SCRIPT [SETUP]: the last command must fail with STATUS, say MESSAGE, and leave mounts and
# files as they were.
refused() {
  expect "$1" inside '
    eval "$2"
    { table; find . -printf "%p %y %m %u %g\n" | grep -v "^\./\(before\|after\) " | sort; } >before 2>&1
    eval "$1"
    status=$?
    { table; find . -printf "%p %y %m %u %g\n" | grep -v "^\./\(before\|after\) " | sort; } >after 2>&1
    cmp before after >&2 || status=250
    exit $status' "$3" "${4-}"
  contains "$stderr" "$2"
}

@test "a bind shows the files of the source, hides the target's own, and is writable both ways" {
  mkdir a b
  touch a/of-a b/of-b
  ok inside 'bindmount-rs a b && ls b && touch b/new && ls a && stat -c %i a b'
  equal "$output" "of-a
new
of-a
$(stat -c '%i
%i' a | sed p | head -n 2)"
  [ -e a/new ]
  [ -e b/of-b ]
}

@test "a bind, beside the classic" {
  mkdir -p a/sub b c
  touch a/file b/file
  same '$mount --bind a b'
  same '$mount -B a b'
  same '$mount --bind a/file b/file'
  same '$mount -o bind a b'
  same '$mount -o bind --source a --target b'
  same '$mount --rbind a b'
  same 'mount -t tmpfs none a/sub && $mount --rbind a b && $mount -R a c'
  same 'mount -t tmpfs none a/sub && $mount --bind a b'
}

@test "-o ro is read-only from the first moment" {
  mkdir a b
  same '$mount --bind -o ro a b'
  same '$mount --bind -r a b'
  expect 1 inside 'bindmount-rs -o ro a b && touch a/x && touch b/y'
  contains "$stderr" 'Read-only file system'
}

@test "the rest of the line is the command" {
  mkdir a b
  expect 7 inside 'echo $$; exec bindmount-rs a b sh -c "echo \$\$ \"\$@\"; grep -c \" $PWD/b \" /proc/self/mountinfo
    exit 7" x "1 2" -o'
  equal "$output" "${output%%$'\n'*}
${output%%$'\n'*} 1 2 -o
1"
  ok inside 'bindmount-rs a b -- echo -o'
  equal "$output" -o
}

@test "a table is mounted in one call, and its targets are printed" {
  mkdir -p a root
  touch a/file
  cat >table <<END
# a comment

$PWD/a / none bind
$PWD/a /dir/a\\040b none rbind,ro
$PWD/a/file /dir/file none bind 0 0
none /tmp tmpfs size=64k,mode=700
none /file mask
none /no/such mask
none /dir/file readonly
text /link symlink
none /sub/dir dir mode=710
END
  ok inside 'bindmount-rs --root root --fstab table --print'
  equal "$output" "$PWD/root
$PWD/root/dir/a b
$PWD/root/dir/file
$PWD/root/tmp
$PWD/root/file
$PWD/root/dir/file"
  equal "$(readlink a/link)" text
  equal "$(stat -c %a a/sub/dir)" 710
  equal "$(ls root)" ''
}

@test "a failing line undoes the lines before it, and is named" {
  mkdir a b
  printf '%s\n' "$PWD/a $PWD/b none bind" "$PWD/a $PWD/made/deep none bind,X-mount.mkdir" \
    "$PWD/nosuch $PWD/b none bind" >table
  refused 32 "cannot mount 'table:3': cannot bind '$PWD/nosuch': No such file or directory" 'bindmount-rs --fstab table'
}
