# The tools that change root and privileges beside their classics: the time from start to exit, in one run of hyperfine.
# To be sourced. Needs hyperfine, jq, and the classics of util-linux and coreutils.
# shellcheck shell=sh

# bench_roots TOOLS LIBRARY RUNS: prints the table. TOOLS is the directory of the tools, LIBRARY this file.
bench_roots() {
  roots_scratch=$(mktemp -d)
  # Roots change in a mount namespace of its own alone, which an ordinary user makes in a user namespace.
  roots_user=
  [ "$(id -u)" -eq 0 ] || roots_user='--user --map-root-user'
  # shellcheck disable=SC2016 disable=SC2086 # The inner shell expands it; a row of options.
  unshare --mount $roots_user sh -euc '. "$1"; shift; roots_measure "$@"' sh "$2" "$1" "$roots_scratch" "$3" \
    >"$roots_scratch/output" 2>&1 || {
    cat "$roots_scratch/output" >&2
    return 1
  }
  roots_table "$roots_scratch/times.json"
  rm -r "$roots_scratch"
}

# roots_measure TOOLS SCRATCH RUNS: in a mount namespace of its own. The new root is the old one bound to another place, so
# that the two can change places again before each run, and each time all programs are there.
roots_measure() {
  PATH=$PATH:/usr/sbin:/sbin
  mkdir "$2/new" "$2/old"
  mount --rbind / "$2/new"
  to_new="$2/new $2/new$2/old"
  to_old="$2/old $2/old$2/new"
  # shellcheck disable=SC2086 # two words
  pivot_root $to_new
  cd /
  back="pivot_root $to_old"
  unshare --mount --uts --ipc --net sleep 3600 &
  enter="--target $! --all true"
  # It takes a shell to go on to a command after the classic.
  hyperfine --shell=none --style=none --warmup 20 --runs "$3" --export-json "$2/times.json" \
    --prepare true --command-name 'chroot / true' 'chroot / true' \
    --prepare true --command-name '' "$1/chroot-rs / true" \
    --prepare true --command-name 'setpriv --no-new-privs true' 'setpriv --no-new-privs true' \
    --prepare true --command-name '' "$1/setpriv-rs --no-new-privs true" \
    --prepare "$back" --command-name 'pivot_root NEW_ROOT PUT_OLD' "pivot_root $to_new" \
    --prepare "$back" --command-name '' "$1/pivot-root-rs $to_new" \
    --prepare "$back" --command-name 'pivot_root NEW_ROOT PUT_OLD, then true' "sh -c 'pivot_root $to_new; exec true'" \
    --prepare "$back" --command-name '' "$1/pivot-root-rs $to_new true" \
    --prepare true --command-name 'nsenter --target PID --all true' "nsenter $enter" \
    --prepare true --command-name '' "$1/nsenter-rs $enter"
  kill $!
}

# roots_table FILE: the medians of each pair, and ours as a part of the classic's.
roots_table() {
  printf '%-42s %9s %9s %6s\n' '' classic ours ratio
  jq -r '.results as $r | range(0; $r | length; 2) | $r[.].median as $classic | $r[. + 1].median as $ours |
    [$r[.].command, ($classic, $ours) * 1000, $ours / $classic] | @tsv' "$1" |
    while IFS='	' read -r name classic ours ratio; do
      LC_ALL=C printf '%-42s %6.2f ms %6.2f ms %6.2f\n' "$name" "$classic" "$ours" "$ratio"
    done
}
