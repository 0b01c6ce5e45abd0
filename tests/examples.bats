#!/usr/bin/env bats
# The examples of the man pages: each is read from its page and run.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # Another shell expands what stands in single quotes.

load helpers
load cgroups

PATH=$PATH:/usr/sbin:/sbin

# example PAGE NUMBER: an example of the section EXAMPLES, as a person types it: the lines of a .Dl, or a literal block.
example() {
  awk -v number="$2" '
    /^\.Sh / { inside = /EXAMPLES/ }
    !inside { next }
    /^\.Bd -literal/ { count++; literal = 1; next }
    /^\.Ed/ { literal = 0; next }
    !literal {
      if (!sub(/^\.Dl /, "")) { line = 0; next }
      if (!line) count++
      line = 1
    }
    count == number { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\\(dq/, "\""); print }
  ' "$project/$1/$1.1"
}

# shows PAGE NUMBER REGEX [SED [INPUT]]: the example, with what SED changes, succeeds and prints a line that matches.
shows() {
  example "$1" "$2" | sed "${4-}" >script
  [ -s script ] || {
    echo "$1.1 has no example $2"
    return 1
  }
  run --separate-stderr "${within[@]}" sh script <<<"${5-}"
  if [ "$status" -ne 0 ] || ! grep -qE -e "$3" <<<"$output"; then
    printf '%s.1, example %s, status %s: %s%s\n' "$1" "$2" "$status" "$output" "$stderr"
    cat script
    return 1
  fi
}

# make_root: ./rootfs with busybox, and the accounts that the examples name.
make_root() {
  mkdir -p rootfs/{bin,etc,proc,dev,sys,data} data
  cp "$(command -v busybox)" rootfs/bin/busybox
  for applet in sh ls id cat mount; do
    ln -s busybox "rootfs/bin/$applet"
  done
  echo 'mail:x:8:12::/:/bin/sh' >rootfs/etc/passwd
  echo 'mail:x:12:' >rootfs/etc/group
}

@test "the examples of an ordinary user" {
  requires userns busybox
  make_root
  within=()
  shows unshare-rs 1 '^0$' '' 'id -u'
  shows unshare-rs 2 '^ *1 .* ps$'
  shows unshare-rs 6 ':/' 's/make check/cat \/proc\/self\/cgroup/'
  shows pivot-root-rs 1 '^bin$' '' 'ls /'
  shows chroot-rs 1 '^bin$' '' 'ls /'
  shows findmnt-rs 1 '^proc +proc$' 's,/srv,/proc,'
  shows findmnt-rs 3 '' 's,/mnt,/proc,'
  shows findmnt-rs 4 '^TARGET' "s/1234/\$\$/; s/-Q PEER-GROUP/-Q ID/"
  shows setpriv-rs 5 '^end$' 's/make$/echo end/'
}

@test "the examples of root" {
  requires root busybox
  make_root
  within=(unshare -m --propagation private)
  local here=s,/srv,$PWD,g
  mkdir mnt newroot rootfs/old
  shows bindmount-rs 1 " $PWD/mnt ro,nosuid" "s,/srv,$PWD,; s,/mnt,$PWD/mnt cat /proc/self/mountinfo,"
  shows bindmount-rs 2 '^proc on /proc/sys type proc \(ro,' "$here" mount
  shows bindmount-rs 3 '^1$' "$here" 'echo $$'
  printf '%s %s none bind\n' "$PWD/data" "$PWD/rootfs/data" >mounts
  shows bindmount-rs 4 '^gone$' '$s,$,; grep -q rootfs/data /proc/self/mountinfo || echo gone,'
  shows bindmount-rs 5 '^0$' '' 'grep shared: /proc/self/mountinfo || echo 0'
  shows pivot-root-rs 2 ' bin$'
  ! command -v ip >/dev/null || shows unshare-rs 5 'LOOPBACK,UP' "s,/run,$PWD,"
  within=(unshare-rs --mount bindmount-rs --rbind rootfs newroot --)
  shows pivot-root-rs 3 '^old$' '' 'ls /'
  within=()
  shows chroot-rs 2 ' bin$'
  shows chroot-rs 3 '^uid=8.* gid=12[^,]*$'
  shows chroot-rs 4 '^uid=65534'
  shows findmnt-rs 2 '' "s, A , /proc ,; s,B\$,rootfs --self-bind -- true,; s/| /| unshare-rs -m /"
  shows setpriv-rs 1 '^uid=65534.*' 's/=ann/=nobody/; s/=ann/=65534/' id
  shows setpriv-rs 2 '^CapAmb:.*0400$' 's,httpd,cat /proc/self/status,'
  shows setpriv-rs 3 '^A=b$' 's/^setpriv/echo A=b >variables; &/' env
}

@test "the examples of subordinate ids and of a service" {
  requires root newuidmap
  echo nobody:200000:1000 >ranges
  within=(unshare -m --propagation private sh -c 'mount --bind ranges /etc/subuid && mount --bind ranges /etc/subgid &&
    exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' sh)
  shows unshare-rs 3 '^ *1 +200000 +1000$' '' 'cat /proc/self/uid_map'
  shows unshare-rs 4 '^uid_map, written by newuidmap:$'
  within=()
  shows unshare-rs 7 '' "s,/run,$PWD,; s,httpd -f,sleep 600 >/dev/null 2>\&1 3>\&-,"
  equal "$(tr '\0' ' ' <"/proc/$(cat box.pid)/cmdline" | grep -c 'sleep 600')" 1
  kill -9 "$(cat box.pid)"
}

@test "the examples of nsenter-rs" {
  requires root busybox
  unshare-rs --mount --net --pid --kill-child --pid-file pid sleep 600 3>&- &
  until [ -s pid ]; do sleep 0.01; done
  local target
  target=$(cat pid)
  within=()
  # With the terminals of the first two the tests of nsenter-rs.bats and pty-rs.bats deal.
  shows nsenter-rs 1 '^0$' "s/4321/$target/; s/^pty-rs //" 'id -u'
  shows nsenter-rs 3 '' "s/4321/$target/"
  shows nsenter-rs 4 '^total ' "s/4321/$target/"
  ! command -v ss >/dev/null || shows nsenter-rs 5 '^State ' "s/4321/$target/"
  touch blue
  mount --bind "/proc/$target/ns/net" blue
  ! command -v ip >/dev/null || shows nsenter-rs 6 '^1: lo: ' "s,/run/netns,$PWD,"
  umount blue
  kill -9 "$target"
}

@test "the example of Landlock" {
  grep -q landlock /sys/kernel/security/lsm || skip 'needs Landlock'
  within=()
  mkdir data
  shows setpriv-rs 4 '^root:' "s,/srv,$PWD,; s,fetch,cat /etc/passwd,"
}

@test "the examples of cgroups" {
  requires root
  of_pids
  within=()
  if [ -n "$(point_of memory)" ]; then
    shows cgexec-rs 2 "pids.*:/$name\$" "s/box/$name/; s,make -j8,cat /proc/self/cgroup,"
  else
    shows cgexec-rs 1 ":/$name\$" "s/box/$name/; s,make -j8,cat /proc/self/cgroup,"
  fi
  shows cgexec-rs 4 '^2$|^1$' "s/box/$name/" 'echo $$'
}
