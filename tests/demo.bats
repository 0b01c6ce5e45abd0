#!/usr/bin/env bats
# demo: from a checkout to a shell in a container.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")

# shellcheck disable=SC2120 # It gets its arguments by way of the helpers.
# demo ARGUMENT...: runs it with a directory of its own for what it makes, which must be empty behind it.
demo() {
  mkdir -p scratch
  TMPDIR=$PWD/scratch timeout 300 "$project/scripts/demo" "$@"
}

# Makes a directory of tools in which some can be replaced.
link_tools() {
  mkdir tools
  ln -s "$RUNSH_TOOLS"/*-rs tools
}

@test "without a terminal it is a tour, and nothing is left behind" {
  ok demo </dev/null
  contains "$output" $'container$ id\nuid=0(root) gid=0(root)'
  contains "$output" $'container$ hostname\nrunc\n'
  contains "$output" $'host$ hostname\n'"$(hostname)"$'\n'
  contains "$output" $'\n1 sh\n'
  contains "$output" $'\n/proc proc\n'
  contains "$output" "mounts"$'\n0\n'
  contains "$output" 'cannot create /file: Read-only file system'
  [ ! -e /dev/shm/file ]
  equal "$(ls -A scratch)" ''
}

@test "on a terminal it is a shell, and nothing is left behind" {
  requires script
  mkdir scratch
  run script -qec "TMPDIR=$PWD/scratch '$project/scripts/demo'" /dev/null <<<$'hostname; tty; exit\n'
  contains "$output" 'This is the shell of a container'
  contains "$output" $'runc\r\n/dev/'
  lacks "$output" 'tty process group'
  equal "$(ls -A scratch)" ''
}

@test "a tour that nobody can hear ends, and nothing is left behind" {
  mkdir scratch
  for _ in 1 2 3; do
    # shellcheck disable=SC2016 # The shell inside expands it.
    expect 1 sh -c 'TMPDIR=$PWD/scratch timeout 300 "$1" </dev/null >/dev/full' sh "$project/scripts/demo"
  done
  equal "$(ls -A scratch)" ''
}

@test "a container that is at work when the tour is ended is gone before its directory" {
  mkdir scratch
  link_tools
  rm tools/bindmount-rs
  cat >tools/bindmount-rs <<'END'
#!/bin/sh
for number in $(seq 5000); do
  mkdir "rootfs/$number"
done
END
  chmod +x tools/bindmount-rs
  RUNSH_TOOLS=$PWD/tools TMPDIR=$PWD/scratch "$project/scripts/demo" </dev/null 2>stderr &
  until compgen -G 'scratch/*/bundle/rootfs/9' >/dev/null; do
    sleep 0.01
  done
  kill -TERM $!
  status=0
  wait $! || status=$?
  equal "$status" 143
  lacks "$(<stderr)" 'rm:'
  equal "$(ls -A scratch)" ''
}

@test "a container that does not start is told, and nothing is left behind" {
  link_tools
  ln -sf "$(type -P false)" tools/pivot-root-rs
  RUNSH_TOOLS=$PWD/tools expect 1 demo </dev/null
  contains "$stderr" 'demo: the container ended before the tour, with status 1'
  equal "$(ls -A scratch)" ''
}

@test "a wrong command line, and tools that are not there, are refused" {
  expect 1 demo sh
  contains "$stderr" "demo: unexpected operand 'sh'"
  RUNSH_TOOLS=$PWD expect 1 demo
  contains "$stderr" "demo: cannot find the tools in '$PWD'"
  equal "$(ls -A scratch)" ''
}
