# Reads the --help of one command, writes its completions for the shell that the variable shell names.
# Variables: shell, name.

# An option line is a row of options between commas, each with its value, and a description. Both may go on in the next.
/^ +-/ { if (!unfinished) flush(); options($0); next }
/^ +[^ ]/ && count { text = text (text == "" ? "" : " ") trimmed($0); next }
/^Usage:/ { chains = /COMMAND/; for (i = 3; i <= NF && chains && $i !~ /COMMAND/; i++) operands += $i !~ /^\[/ }
{ flush() }
END { flush(); write() }

function trimmed(line) {
  sub(/^ +/, "", line)
  return line
}

# Takes the options off the line; what is left is the description.
function options(line, value) {
  line = trimmed(line)
  while (match(line, /^--?[A-Za-z0-9][A-Za-z0-9-]*/)) {
    names[++count] = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    if (match(line, /^(\[=|=)[^], ]+\]?/)) {
      take(line ~ /^\[/ ? "optional" : "required", substr(line, 1, RLENGTH))
      line = substr(line, RLENGTH + 1)
    } else if (match(line, /^ [A-Z][^ ,]*(,|  |$)/)) {
      value = substr(line, 2)
      sub(/(,|  ).*$/, "", value)
      take("required", value)
      line = substr(line, length(value) + 2)
    }
    unfinished = line == ","
    if (line !~ /^,/) break
    line = trimmed(substr(line, 2))
  }
  text = trimmed(line)
}

function take(how, value) {
  kind = how
  gsub(/[][=]/, "", value)
  meta = value
}

# Puts the options of one line on the list.
function flush(i) {
  for (i = 1; i <= count; i++) {
    total++
    option[total] = names[i]
    takes[total] = kind
    argument[total] = meta
    about[total] = text
  }
  count = 0
  kind = meta = text = ""
}

function write() {
  if (shell == "bash") bash()
  else if (shell == "zsh") zsh()
  else fish()
}

function bash(i, words, valued, function_name) {
  for (i = 1; i <= total; i++) {
    words = words (i > 1 ? " " : "") option[i]
    if (takes[i] == "required") valued = valued (valued == "" ? "" : " | ") option[i]
  }
  function_name = "_" name
  gsub(/-/, "_", function_name)
  print "# Completions of " name " for bash, written by scripts/completions."
  print function_name "() {"
  print "  local current=${COMP_WORDS[COMP_CWORD]} index operand="
  print "  for ((index = 1; index < COMP_CWORD; index++)); do"
  print "    case ${COMP_WORDS[index]} in"
  if (valued != "") print "      " valued ") ((index++)) ;;"
  print "      =) ((index++)) ;;"
  print "      -*) ;;"
  print "      *) operand=yes ;;"
  print "    esac"
  print "  done"
  print "  if [[ $current == -* && ! $operand ]]; then"
  print "    mapfile -t COMPREPLY < <(compgen -W '" words "' -- \"$current\")"
  print "  else"
  print "    mapfile -t COMPREPLY < <(compgen " (chains ? "-A command -A file" : "-A file") " -- \"$current\")"
  print "  fi"
  print "}"
  print "complete -o filenames -F " function_name " " name
}

function zsh(i, spec) {
  print "#compdef " name
  print "# Completions of " name " for zsh, written by scripts/completions."
  print "_arguments -s -S -A '-*' \\"
  for (i = 1; i <= total; i++) {
    spec = option[i]
    if (takes[i] == "required") spec = spec (spec ~ /^--/ ? "=" : "+")
    if (takes[i] == "optional") spec = spec (spec ~ /^--/ ? "=-" : "-")
    spec = spec "[" bracketed(about[i]) "]"
    if (takes[i] == "required") spec = spec ":" bracketed(argument[i]) ":_files"
    if (takes[i] == "optional") spec = spec "::" bracketed(argument[i]) ":_files"
    print "  " quoted(spec) " \\"
  }
  for (i = 1; i <= operands; i++) print "  ':operand:_files' \\"
  print chains ? "  '*::command:_normal'" : "  '*:operand:_files'"
}

function bracketed(value) {
  gsub(/\[|\]|:|\\/, "\\\\&", value)
  return value
}

function quoted(value) {
  gsub(/'/, "'\\''", value)
  return "'" value "'"
}

function fish(i, line) {
  print "# Completions of " name " for fish, written by scripts/completions."
  for (i = 1; i <= total; i++) {
    line = "complete -c " name (option[i] ~ /^--/ ? " -l " substr(option[i], 3) : " -s " substr(option[i], 2))
    if (takes[i] == "required") line = line " -r"
    value = about[i]
    gsub(/[\\']/, "\\\\&", value)
    print line " -d '" value "'"
  }
  if (chains) print "complete -c " name " -a '(__fish_complete_subcommand)'"
}
