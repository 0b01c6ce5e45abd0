# What every bats file loads. Each test file runs as root and as an ordinary user.
# shellcheck shell=bash disable=SC2154 # bats assigns status, output and stderr.

bats_require_minimum_version 1.5.0

project=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
PATH=${TOOLS:-$project/target/release}:$PATH:$project/scripts

# The host's mount table must be the same after each test as before it.
setup() {
  cp /proc/self/mountinfo "$BATS_TEST_TMPDIR/mountinfo"
  cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
  diff "$BATS_TEST_TMPDIR/mountinfo" /proc/self/mountinfo
}

# expect STATUS COMMAND...: runs COMMAND and fails unless it exits with STATUS. $output is its stdout, $stderr its
# stderr.
expect() {
  local want=$1 flags=(--separate-stderr)
  shift
  # bats warns of a 127 that was not announced to it.
  [ "$want" -ne 127 ] || flags+=(-127)
  run "${flags[@]}" "$@"
  if [ "$status" -ne "$want" ]; then
    printf '%s: status %s, not %s\nstdout: %s\nstderr: %s\n' "$*" "$status" "$want" "$output" "$stderr"
    return 1
  fi
}

# ok COMMAND...: COMMAND must succeed.
ok() {
  expect 0 "$@"
}

# ls -i pads its numbers to a width.
unpad() {
  # shellcheck disable=SC2001 # Each line has its own padding.
  output=$(sed 's/^ *//' <<<"$output")
}

# equal GOT WANT
equal() {
  [ "$1" = "$2" ] || {
    printf 'got:  %s\nwant: %s\n' "$1" "$2"
    return 1
  }
}

# contains TEXT PART: TEXT must hold PART, literally.
contains() {
  case $1 in
    *"$2"*) ;;
    *)
      printf 'text: %s\nlacks: %s\n' "$1" "$2"
      return 1
      ;;
  esac
}

# lacks TEXT PART: TEXT must not hold PART.
lacks() {
  case $1 in
    *"$2"*)
      printf 'text: %s\nholds: %s\n' "$1" "$2"
      return 1
      ;;
  esac
}

is_root() {
  [ "$(id -u)" -eq 0 ]
}

# requires root|user|PROGRAM...: skips the test where the machine or the caller cannot do it.
requires() {
  local need
  for need; do
    case $need in
      root) is_root || skip "needs root" ;;
      user) ! is_root || skip "needs an ordinary user" ;;
      *) command -v "$need" >/dev/null || skip "needs $need" ;;
    esac
  done
}

# as_root COMMAND...: runs COMMAND with root's powers, in a user namespace where the caller is not root.
as_root() {
  if is_root; then
    "$@"
  else
    unshare --user --map-root-user "$@"
  fi
}

# private COMMAND...: runs COMMAND with root's powers over a mount namespace of its own, whoever the caller is. It is
# the classic tool that makes it, so that a fault in ours cannot hide one.
private() {
  if is_root; then
    unshare --mount "$@"
  else
    unshare --user --map-root-user --mount "$@"
  fi
}

# make_rootfs DIR: a root file system of one static busybox and its names, which are hard links to it.
make_rootfs() {
  mkdir -p "$1/bin"
  cp "$(command -v busybox)" "$1/bin/busybox"
  "$1/bin/busybox" --install "$1/bin"
}
