# bindmount-rs beside mount(8), and beside the bare system calls: the time from start to exit, in runs of hyperfine.
# To be sourced. Needs hyperfine, jq, cc and mount.
# shellcheck shell=sh

# bench_bindmount TOOLS LIBRARY RUNS: prints the table. TOOLS is the directory of the tools, LIBRARY this file.
bench_bindmount() {
  bindmount_scratch=$(mktemp -d)
  bindmount_user=
  [ "$(id -u)" -eq 0 ] || bindmount_user='--user --map-root-user'
  # shellcheck disable=SC2016 disable=SC2086 # The inner shell expands it; a row of options.
  unshare --mount $bindmount_user sh -euc '. "$1"; shift; bindmount_measure "$@"' \
    sh "$2" "$1" "$bindmount_scratch" "${2%/*}/bench-bind.c" "$3" >"$bindmount_scratch/output" 2>&1 || {
    cat "$bindmount_scratch/output" >&2
    return 1
  }
  bindmount_table "$bindmount_scratch"
  rm -r "$bindmount_scratch"
}

# bindmount_measure TOOLS SCRATCH PROGRAM RUNS: in a mount namespace of its own. PROGRAM is the source of the bare system
# calls. Before each run what the one before it mounted is gone, and the kernel has had time to clean up after it.
bindmount_measure() {
  cc -O2 -static -o "$2/bare" "$3"
  mkdir "$2/play"
  mount -t tmpfs none "$2/play"
  cd -- "$2/play" || return
  mkdir source one targets
  seq 10000 | sed 's,^,targets/,' | xargs mkdir
  seq 10000 | sed "s,.*,$PWD/source $PWD/targets/& none bind 0 0," >../10000
  head -n 1000 ../10000 >../1000
  {
    echo 'umount -q -l one'
    echo 'umount -q -l targets'
    echo 'mount --bind targets targets'
    echo 'sleep 0.05'
  } >../clean

  bindmount_time one "$4" 'mount --bind source one' "$1/bindmount-rs source one"
  bindmount_time 1000 "$4" 'mount -a -T ../1000' '../bare ../1000' "$1/bindmount-rs -T ../1000"
  bindmount_time 10000 "$((($4 + 4) / 5))" '../bare ../10000' "$1/bindmount-rs -T ../10000"
}

# bindmount_time NAME RUNS COMMAND...
bindmount_time() {
  bindmount_name=$1 bindmount_runs=$2
  shift 2
  hyperfine --shell=none --style=none --warmup 2 --runs "$bindmount_runs" --prepare 'sh ../clean' \
    --export-json "../$bindmount_name.json" "$@"
}

# bindmount_table DIRECTORY: the medians of each pair, and ours as a part of the other.
bindmount_table() {
  printf '%-42s %9s %9s %6s\n' '' other ours ratio
  bindmount_pair "$1/one.json" 0 1 'one bind, mount --bind'
  bindmount_pair "$1/1000.json" 0 2 '1,000 lines, mount -a -T'
  bindmount_pair "$1/1000.json" 1 2 '1,000 lines, the bare system calls'
  bindmount_pair "$1/10000.json" 0 1 '10,000 lines, the bare system calls'
  jq -rs '[.[].results[-1].median] as [$short, $long] | ["10,000 lines, ten times 1,000", $short * 10000, $long * 1000,
    $long / $short / 10] | @tsv' "$1/1000.json" "$1/10000.json" | bindmount_row
}

# bindmount_pair FILE OTHER OURS NAME: OTHER and OURS are the numbers of the commands in the file.
bindmount_pair() {
  jq -r --arg name "$4" "[.results[$2, $3].median] as [\$other, \$ours] |
    [\$name, (\$other, \$ours) * 1000, \$ours / \$other] | @tsv" "$1" | bindmount_row
}

bindmount_row() {
  while IFS='	' read -r name other ours ratio; do
    LC_ALL=C printf '%-42s %6.2f ms %6.2f ms %6.2f\n' "$name" "$other" "$ours" "$ratio"
  done
}
