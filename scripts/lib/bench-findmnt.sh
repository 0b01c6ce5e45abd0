# findmnt-rs beside `cat /proc/self/mountinfo` and util-linux's findmnt, over the number of mounts.
# shellcheck shell=sh
#
# bench_findmnt prints a table. It needs root, hyperfine, findmnt, and findmnt-rs and bindmount-rs on the PATH; every
# mount is made in a mount namespace of its own.

# make_mounts COUNT DIR: COUNT binds of a directory, beneath a tmpfs on DIR.
make_mounts() {
  mount -t tmpfs none "$2"
  mkdir "$2/source"
  seq -f "$2/mount%.0f" "$1" | xargs mkdir
  seq -f "$2/source $2/mount%.0f none bind" "$1" | bindmount-rs --fstab -
}

# make_slaves COUNT DIR: the same, where each has COUNT peers in the namespace that this one was copied from. Runs the
# rest of its arguments in the copy.
make_slaves() {
  slaves=$1 directory=$2
  shift 2
  mount -t tmpfs none "$directory"
  mkdir "$directory/source"
  mount -t tmpfs source "$directory/source"
  mount --make-shared "$directory/source"
  seq -f "$directory/mount%.0f" "$slaves" | xargs mkdir
  seq -f "$directory/source $directory/mount%.0f none bind" "$slaves" | bindmount-rs --fstab -
  unshare --mount --propagation slave "$@"
}

# medians COMMAND...: the median of each in milliseconds, on one line.
medians() {
  results=$(mktemp)
  hyperfine --shell none --warmup 1 --min-runs 5 --export-csv "$results" "$@" >/dev/null 2>&1
  awk -F, 'NR > 1 { printf "%s%.3f", (NR > 2 ? " " : ""), $(NF - 4) * 1000 } END { print "" }' "$results"
  rm "$results"
}

# bench_findmnt_row NAME DIR: a row of the table, of the mounts that there are now.
bench_findmnt_row() {
  row=$(medians 'cat /proc/self/mountinfo' findmnt-rs findmnt "findmnt-rs --target $2/source" \
    "findmnt-rs --mountpoint $2" "findmnt --target $2/source")
  printf '%s %s\n' "$1" "$row" | awk '{
    printf "%-14s %8.1f %11.1f %7.2f %8.1f %8.3f %10.2f %10.2f %10.2f\n",
      $1, $2, $3, $3 / $2, $4, $3 / $4, $5, $6, $7
  }'
}

bench_findmnt() {
  script=${1:?the path of this file}
  printf '%-14s %8s %11s %7s %8s %8s %10s %10s %10s\n' mounts cat findmnt-rs /cat findmnt /findmnt -T -M 'findmnt -T'
  for count in 100 1000 5000 20000; do
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare --mount sh -eu -c '. "$1"; directory=$(mktemp -d)
      make_mounts "$2" "$directory"; bench_findmnt_row "$2" "$directory"; umount --lazy "$directory"; rmdir "$directory"' \
      sh "$script" "$count"
  done
  # shellcheck disable=SC2016 # the inner shells expand it
  unshare --mount sh -eu -c '. "$1"; directory=$(mktemp -d)
    make_slaves 3000 "$directory" sh -eu -c ". \"\$1\"; bench_findmnt_row \"\$2\" \"\$3\"" sh "$1" 3000-slaves "$directory"
    umount --lazy "$directory"; rmdir "$directory"' sh "$script"
}
