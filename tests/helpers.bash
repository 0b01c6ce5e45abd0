# What every bats file loads. Each test file runs as root and as an ordinary user.
# shellcheck shell=bash disable=SC2154 # bats assigns status, output and stderr.

bats_require_minimum_version 1.5.0

project=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
PATH=${TOOLS:-$project/target/release}:$PATH:$project/scripts:/usr/sbin:/sbin

# In seconds: more than any test takes under emulation.
: "${TEST_TIMEOUT:=600}"

setup() {
  watch
  cp /proc/self/mountinfo "$BATS_TEST_TMPDIR/mountinfo"
  # The containers of this test alone.
  export RUNSH_ROOT=$BATS_TEST_TMPDIR.runsh
  cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
  nothing_left
}

# A test that leaves mounts or the state of a container behind fails; one that fails leaves no process behind.
nothing_left() {
  [ -n "$BATS_TEST_COMPLETED" ] || end_processes
  equal "$(ls -A "$RUNSH_ROOT" 2>/dev/null)" ''
  # shellcheck disable=SC2119 # This is not about this function's arguments.
  mounts_unchanged
}

# mounts_unchanged [BEFORE AFTER]: the mount table must be the same as before the test; or these two of a private
# namespace. With PRIVATE_MOUNTS, as scripts/test sets it for root, the mount namespace is the suite's own, and each mount
# counts. In the machine's, other programs mount and unmount too, and only the mounts below the test's directory count: an
# ordinary user cannot make others there.
# shellcheck disable=SC2120 # The tests pass them.
mounts_unchanged() {
  local before=${1-$BATS_TEST_TMPDIR/mountinfo} after=${2-/proc/self/mountinfo} private=${PRIVATE_MOUNTS-}${1-}
  local sign mount point left=
  while read -r sign mount; do
    read -r _ _ _ _ point _ <<<"$mount"
    printf -v point %b "$point"
    case $sign$point in
      ?"$BATS_TEST_TMPDIR" | ?"$BATS_TEST_TMPDIR"/*) ;;
      *)
        [ -n "$private" ] || continue
        # Another program removed the mountpoint, and with it the mount in every namespace; it may have made a new one.
        [ "$sign" = '>' ] || { [ -e "$point" ] && [ "$before" -nt "$point" ]; } || continue
        ;;
    esac
    left+="$sign $mount"$'\n'
  done < <(diff <(mounts_of "$before") <(mounts_of "$after") | grep '^[<>]')
  [ -z "$left" ] || {
    printf 'mounts before (<) and after (>):\n%s' "$left"
    return 1
  }
}

# mounts_of TABLE: its lines, less the mark that a bind mount gets when another program removes its source.
mounts_of() {
  sed -E 's,^([0-9]+ [0-9]+ [0-9:]+ [^ ]*)//deleted ,\1 ,' "$1"
}

# watch: ends the test at its time limit. The limit of bats 1.8 ends a test's children, but not their children, which may
# hold a pipe that the test reads and loop for ever; and its timer may miss that a short test has ended.
watch() {
  trap 'printf "timeout after %s seconds\n" "$TEST_TIMEOUT"; exit 1' ALRM
  local started ended=0
  started=$(start_time)
  {
    timeout "$TEST_TIMEOUT" tail --pid=$$ -f /dev/null || ended=$?
    # Whether the process of this number is still the test.
    if [ "$ended" -eq 124 ] && [ "$(start_time)" = "$started" ]; then
      kill -ALRM $$
      end_processes
    fi
  } </dev/null >/dev/null 2>&1 3>&- 4>&- &
  disown
}

# start_time: when the test's process started (proc_pid_stat(5)).
start_time() {
  local stat
  read -ra stat <"/proc/$$/stat" && echo "${stat[21]}"
}

# end_processes: kills the processes of the test. Killing one may set free another that waits for it.
end_processes() {
  local pid pids round
  for ((round = 0; round < 100; round++)); do
    pids=()
    for pid in $(processes); do
      [ "$pid" -eq "$$" ] || [ "$pid" -eq "$BASHPID" ] || [ ! -e "/proc/$pid/cwd" ] || pids+=("$pid")
    done
    kill -9 "${pids[@]}" 2>/dev/null || return 0
  done
}

# processes: the descendants of the test, and those whose parent has ended, by their environment or directory.
processes() {
  descendants_of "$$"
  grep -lszxF "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR" /proc/[0-9]*/environ | cut -d/ -f3
  find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$BATS_TEST_TMPDIR" -o -lname "$BATS_TEST_TMPDIR/*" \) 2>/dev/null |
    cut -d/ -f3
}

descendants_of() {
  local pid pids
  read -ra pids < <(cat "/proc/$1"/task/*/children 2>/dev/null)
  for pid in "${pids[@]}"; do
    descendants_of "$pid"
    echo "$pid"
  done
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

# eventually COMMAND...: it succeeds, after a while. A COMMAND with "run" in it may change variables of ours.
eventually() {
  local _
  for _ in {1..400}; do
    ! "$@" 2>/dev/null || return 0
    sleep 0.05
  done
  echo "never: $*"
  return 1
}

# rounds N: how often an attack by chance is tried: N times with TEST_LONG, else a fifth of it.
rounds() {
  if [ -n "${TEST_LONG-}" ]; then
    echo "$1"
  else
    echo $(($1 / 5))
  fi
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

# since VERSION: the kernel is of that version or a later one.
since() {
  printf '%s\n' "$1" "$(uname -r)" | sort -VC
}

# shellcheck disable=SC2016,SC2034 # the files of tests use it, and that shell expands it
# The text of a shell that shows the file `profile` where AppArmor tells the profile of a process.
show_profile='for file in "/proc/$$/attr/current" "/proc/$$/attr/apparmor/current"; do
  [ ! -e "$file" ] || mount --bind profile "$file"
done'

# requires root|user|userns|cgroup2|systemd|kernel VERSION|PROGRAM...: skips the test where the machine or the caller cannot do it.
# The versions are those that brought what the test is about: idmapped tmpfs 6.3, MOVE_MOUNT_BENEATH 6.5, statmount(2) 6.8 and
# its sources 6.13, signals of Landlock 6.12, a part of a new file system 6.15.
requires() {
  while [ $# -gt 0 ]; do
    case $1 in
      root) is_root || skip 'needs root' ;;
      user) ! is_root || skip 'needs an ordinary user' ;;
      userns) unshare --user --map-root-user true 2>/dev/null || skip 'needs user namespaces' ;;
      cgroup2) findmnt -t cgroup2 >/dev/null || skip 'needs a mounted cgroup file system of version 2' ;;
      systemd) [ -d /run/systemd/system ] || skip 'needs systemd to run this machine' ;;
      kernel)
        shift
        since "$1" || skip "needs Linux $1"
        ;;
      *) command -v "$1" >/dev/null || skip "needs $1" ;;
    esac
    shift
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
  requires busybox
  mkdir -p "$1/bin"
  cp "$(command -v busybox)" "$1/bin/busybox"
  "$1/bin/busybox" --install "$1/bin"
}

# make_victim PROGRAM: makes ./PROGRAM-victim, a copy of PROGRAM of a $size that no other program has, and ./overwrite,
# which looks for a process that executes a program of this size and tries to write to it.
make_victim() {
  cc -O2 -o overwrite "$project/tests/fixtures/overwrite.c"
  local victim=$1-victim
  cp "$(command -v "$1")" "$victim"
  head -c $((500000 + RANDOM)) /dev/zero >>"$victim"
  chmod 755 "$victim"
  # shellcheck disable=SC2034 # The tests use it.
  size=$(stat -c %s "$victim")
  sha256sum "$victim" >victim.sum
}

# until_reached: ends when ./overwrite, whose output is ./said, has reached the victim or has given up.
until_reached() {
  until grep -q reached said; do
    sleep 0.01
  done
}

# unharmed ANSWER: what the attacker must have come to, and the victim's file be as it was.
unharmed() {
  equal "$(cat said)" "ready
reached
$1"
  ok sha256sum --quiet -c victim.sum
}

# fake_getent DIR: puts a getent into DIR that knows the user ldap and the group crew, and writes down what it is asked.
fake_getent() {
  mkdir -p "$1"
  cat >"$1/getent" <<GETENT
#!/bin/sh
echo "\$*" >>${2-$PWD/asked}
case \$* in
'passwd -- ldap' | 'passwd -- 4321') echo 'ldap:*:4321:4322::/home/ldap:/bin/sh' ;;
'group -- crew') echo 'crew:*:4323:ldap' ;;
'initgroups -- ldap') echo 'ldap                  4324 4322' ;;
'passwd -- 4444') echo 'other:*:4445:4446::/:/bin/sh' ;;
'initgroups -- other') echo 'other                 4447' ;;
*) exit 2 ;;
esac
GETENT
  chmod 755 "$1/getent"
}

# removes_on_failure STATUS COMMAND: --remove-on-failure (in the place of DIR) has removed the directory, and nothing that a link in
# it leads to.
removes_on_failure() {
  mkdir -p kept doomed/below
  : >kept/file
  ln -s "$PWD/kept" doomed/below/link
  expect "$1" bash -c "${2/DIR/--remove-on-failure doomed}" </dev/null
  [ ! -e doomed ]
  ok ls kept/file
}

# keeps_on_success STATUS COMMAND
keeps_on_success() {
  mkdir -p doomed
  expect "$1" bash -c "${2/DIR/--remove-on-failure doomed}" </dev/null
  rmdir doomed
}
