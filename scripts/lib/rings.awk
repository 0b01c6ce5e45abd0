# rings.awk: the import rings of a crate, whose sources are the arguments; `crate` is its name. A line of output is a ring:
# files that import each other, directly or by way of others.
#
# A file may use what its own folder's file holds (super::, as far as that names no other file), and a folder's file
# depends on all files of the folder. Tests do not count.

# The file of a path of modules: the longest that there is. "" is the root of the crate.
function file_of(path) {
  while (path != "" && !(path in file))
    path = path ~ /::/ ? substr(path, 1, match(path, /::[^:]*$/) - 1) : ""
  return path
}

function parent(module) {
  return module ~ /::/ ? substr(module, 1, match(module, /::[^:]*$/) - 1) : ""
}

function is_above(module, other) {
  return module == "" || module == other || index(other, module "::") == 1
}

# A path as it stands in the file `from`, from the root of the crate.
function absolute(from, path) {
  if (path ~ /^crate(::|$)/) return substr(path, 8)
  if (path ~ /^self(::|$)/) return join(from, substr(path, 7))
  while (path ~ /^super(::|$)/) {
    from = parent(from)
    path = substr(path, 8)
  }
  return join(from, path)
}

function join(module, path) {
  return module == "" ? path : path == "" ? module : module "::" path
}

function depend(from, to) {
  to = file_of(to)
  if (!is_above(to, from)) edge[from, to] = 1
}

# The words of an import: PREFIX::{ITEM, ITEM::{...}}.
function import(from, text,    at, depth, start, letter, prefix) {
  at = index(text, "{")
  if (!at) {
    depend(from, absolute(from, text))
    return
  }
  prefix = substr(text, 1, at - 1)
  start = at + 1
  depth = 1
  for (at++; at <= length(text) && depth; at++) {
    letter = substr(text, at, 1)
    if (letter == "{") depth++
    if (letter == "}") depth--
    if ((letter == "," && depth == 1) || !depth) {
      if (at > start) import(from, prefix substr(text, start, at - start))
      start = at + 1
    }
  }
}

function scan(from, text) {
  while (match(text, /(crate|super|self)::[a-z_0-9:]*(\{[^;]*\})?/)) {
    import(from, substr(text, RSTART, RLENGTH))
    text = substr(text, RSTART + RLENGTH)
  }
}

function reach(start, module,    other) {
  for (other in file)
    if (((module, other) in edge) && !((start, other) in reached)) {
      reached[start, other] = 1
      reach(start, other)
    }
}

FNR == 1 {
  module = FILENAME
  sub(/^(.*\/)?src\//, "", module)
  sub(/(\/mod)?\.rs$/, "", module)
  gsub(/\//, "::", module)
  if (module == "lib" || module == "main") module = ""
  in_tests = module ~ /(^|::)(tests|arbitrary)$/
  if (!in_tests) names[++count] = module
  if (module != "" && !in_tests) file[module] = 1
}
/^#\[cfg\(test\)\]/ { is_test = 1; next }
is_test { is_test = 0; if (/^mod [a-z_]* \{/) in_tests = 1; next }
in_tests { next }
{
  sub(/\/\/.*/, "")
  gsub(/[ \t]+/, "")
  text[module] = text[module] $0
}

END {
  for (module in file) {
    scan(module, text[module])
    if (parent(module) != "") edge[parent(module), module] = 1
  }
  for (module in file) reach(module, module)
  for (i = 1; i <= count; i++) {
    ring = crate ":"
    if (!((names[i], names[i]) in reached) || (names[i] in shown)) continue
    for (j = 1; j <= count; j++)
      if (((names[i], names[j]) in reached) && ((names[j], names[i]) in reached)) {
        shown[names[j]] = 1
        ring = ring " " names[j]
      }
    print ring
  }
}
