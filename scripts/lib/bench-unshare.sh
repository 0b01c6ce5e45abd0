# unshare-rs beside its classic: the time from start to exit, in one run of hyperfine.
# To be sourced. Needs hyperfine and util-linux's unshare.
# shellcheck shell=sh

# The lines of options; an ordinary user needs a user namespace for each.
unshare_lines='-m
-Umr
-Umrpf --mount-proc
-Umrpf --mount-proc --kill-child'

# bench_unshare TOOLS RUNS: prints a table of medians. TOOLS is the directory of the tools. A copy is measured, as it is
# when it is installed: the pages of a file that a linker has written take longer to map.
bench_unshare() {
  unshare_scratch=$(mktemp -d)
  chmod 755 "$unshare_scratch"
  cp "$1/unshare-rs" "$unshare_scratch"
  unshare_runs=$2
  set --
  while read -r options; do
    [ "$(id -u)" -eq 0 ] || [ "$options" != -m ] || options=-Um
    set -- "$@" --command-name "unshare $options true" "unshare $options true"
    set -- "$@" --command-name '' "$unshare_scratch/unshare-rs $options true"
  done <<LINES
$unshare_lines
LINES
  hyperfine --shell=none --style=none --warmup 20 --runs "$unshare_runs" --export-csv "$unshare_scratch/times" "$@" \
    >"$unshare_scratch/output" 2>&1 || {
    cat "$unshare_scratch/output" >&2
    return 1
  }
  unshare_table "$unshare_scratch/times"
  rm -r "$unshare_scratch"
}

# unshare_table FILE: the fourth column is the median; the classic and ours take turns.
unshare_table() {
  LC_ALL=C awk -F, '
    BEGIN { printf "%-42s %9s %9s %6s\n", "", "classic", "ours", "ratio" }
    NR > 1 && NR % 2 == 0 { name = $1; classic = $4 }
    NR > 1 && NR % 2 == 1 { printf "%-42s %6.2f ms %6.2f ms %6.2f\n", name, classic * 1000, $4 * 1000, $4 / classic }
  ' "$1"
}
