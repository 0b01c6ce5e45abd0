# What the tables of bench share. Each runs in a mount namespace of its own, with the tools on the PATH, and gets an empty
# directory to work in.
# shellcheck shell=sh

# measure FILE ARGUMENT...: runs hyperfine; the times come into FILE.json.
measure() {
  file=$1
  shift
  hyperfine --shell=none --style=none --warmup "${warmup:-10}" --runs "$RUNS" --export-json "$file.json" "$@" \
    >"$file.output" 2>&1 || {
    cat "$file.output" >&2
    exit 1
  }
}

# heading TITLE OTHER
heading() {
  printf '%-46s %11s %11s %6s\n' "$1" "$2" ours ratio
}

# row FILE OTHER OURS NAME: OTHER and OURS are the numbers of the commands in the file.
row() {
  jq -r --arg name "$4" "[.results[$2, $3].median] as [\$other, \$ours] |
    [\$name, (\$other, \$ours) * 1000, \$ours / \$other] | @tsv" "$1.json" | print_row
}

# pairs FILE: a row for each two commands, the other's and ours; its name is that of the first.
pairs() {
  jq -r '.results as $r | range(0; $r | length; 2) | $r[.].median as $other | $r[. + 1].median as $ours |
    [$r[.].command, ($other, $ours) * 1000, $ours / $other] | @tsv' "$1.json" | print_row
}

print_row() {
  while IFS='	' read -r name other ours ratio; do
    LC_ALL=C printf '%-46s %8.2f ms %8.2f ms %6.2f\n' "$name" "$other" "$ours" "$ratio"
  done
}
