#!/usr/bin/env bats
# findmnt-rs, beside util-linux's findmnt where that has the same.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.

load helpers

# same ARGUMENT...: both tools must say the same with the same status.
same() {
  local want got want_status=0 got_status=0
  want=$(findmnt "$@" 2>/dev/null) || want_status=$?
  got=$(findmnt-rs "$@" 2>stderr) || got_status=$?
  [ "$got_status/$got" = "$want_status/$want" ] || {
    printf 'arguments: %s\n' "$*"
    printf 'status: %s, not %s\n' "$got_status" "$want_status"
    diff <(echo "$want") <(echo "$got")
    cat stderr
    return 1
  }
}

@test "the forms of output, beside the classic" {
  requires findmnt
  same
  for option in -a -c -k -l -n -P -r -J -u -v; do
    same "$option"
  done
  same -P -y -o MAJ:MIN,USE%
  same -J -o ID,PARENT,MAJ:MIN,FREQ,PASSNO
}

@test "what df shows, beside the classic" {
  requires findmnt
  same -D -o SOURCE,FSTYPE,SIZE,TARGET
  same -D -b -J -o SOURCE,FSTYPE,SIZE,TARGET
  same -D -A -o SOURCE,FSTYPE,SIZE,TARGET
}

@test "what is found, beside the classic" {
  requires findmnt
  for option in -A --real --pseudo -f --shadowed --deleted; do
    same "$option"
  done
  same -T /
  same -T "$PWD"
  same -M /proc
  same /proc
  same -R /
  same -R /sys
  same -l -R /sys
  same -t proc,sysfs
  same -t noproc
  same -i -t proc
  same -O ro
  same -O norw
  same -S proc
  same -S 0:5
  same proc /proc
  same -d backward -l
  same /nosuch
  same -M /etc
  same -o NOPE
  same -N "$$"
}

@test "what a new mount shows is what was mounted" {
  mkdir m
  ok private sh -c 'mount -t tmpfs -o size=4k,nosuid src m && findmnt-rs -n -o SOURCE,FSTYPE,TARGET m'
  equal "$output" "src    tmpfs  $PWD/m"
}
