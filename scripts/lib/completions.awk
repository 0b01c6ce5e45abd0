# Reads the --help of one command, writes its completions for the shell that the variable shell names.
# Variables: shell, name, values: the file completions.values.

BEGIN { load() }
# An option line is a row of options between commas, each with its value, and a description. Both may go on in the next.
/^ +-/ { if (!unfinished) flush(); options($0); next }
/^Commands:/ { flush(); section = "commands"; next }
section == "commands" && /^  [a-z]/ { commands = commands (commands == "" ? "" : " ") $1; next }
/^ +[^ ]/ && count { text = text (text == "" ? "" : " ") trimmed($0); next }
/^Usage:/ { chains = /COMMAND \[ARG|COMMAND$/; direct = /\[--\]/; for (i = 3; i <= NF && chains && $i !~ /COMMAND/; i++) operands += $i !~ /^\[/ }
/^[^ ]/ { section = "" }
{ flush() }
END { flush(); write() }

# The rows of the command in the table of values.
function load(line, field) {
  while ((getline line <values) > 0) {
    if (line ~ /^#/ || split(line, field, "\t") != 3 || field[1] != name) continue
    lists[field[2]] = field[3] ~ /^, /
    sub(/^, /, "", field[3])
    words[field[2]] = field[3]
  }
  close(values)
}

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

# The words after which a value comes that bash completes by itself, and how: one case each.
function bash_values(i) {
  for (i = 1; i <= total; i++) {
    if (!(option[i] in words)) continue
    print "    " option[i] ")"
    if (lists[option[i]]) {
      print "      [[ $current != *,* ]] || before=${current%,*},"
      print "      mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"" words[option[i]] "\" -- \"${current##*,}\")"
    } else print "      mapfile -t COMPREPLY < <(compgen -W \"" words[option[i]] "\" -- \"$current\")"
    print "      return"
    print "      ;;"
  }
}

function bash(i, all, valued, function_name) {
  for (i = 1; i <= total; i++) {
    all = all (i > 1 ? " " : "") option[i]
    if (takes[i] == "required") valued = valued (valued == "" ? "" : " | ") option[i]
  }
  function_name = "_" name
  gsub(/-/, "_", function_name)
  print "# Completions of " name " for bash, written by scripts/completions."
  print function_name "() {"
  print "  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} before='' index operands=0"
  print "  # An equals sign is a word of its own."
  print "  if [[ $current == '=' ]]; then"
  print "    current=''"
  print "  elif [[ $option == '=' && COMP_CWORD -gt 1 ]]; then"
  print "    option=${COMP_WORDS[COMP_CWORD - 2]}"
  print "  fi"
  print "  for ((index = 1; index < COMP_CWORD; index++)); do"
  print "    case ${COMP_WORDS[index]} in"
  if (valued != "") print "      " valued ") ((index++)) ;;"
  print "      =) ((index++)) ;;"
  if (direct) print "      --) operands=" operands " ;;"
  print "      -*) ;;"
  if (chains) {
    print "      *)"
    print "        if ((operands == " operands + 0 ")); then"
    print "          # COMMAND: what is behind it is its own."
    print "          if declare -F _command_offset >/dev/null; then"
    print "            _command_offset \"$index\""
    print "          else"
    print "            mapfile -t COMPREPLY < <(compgen -A file -- \"$current\")"
    print "          fi"
    print "          return"
    print "        fi"
    print "        ((operands++))"
    print "        ;;"
  } else print "      *) ((operands++)) ;;"
  print "    esac"
  print "  done"
  print "  case $option in"
  bash_values()
  if (valued != "") print "    " valued ")"
  if (valued != "") print "      mapfile -t COMPREPLY < <(compgen -A file -- \"$current\")"
  if (valued != "") print "      return"
  if (valued != "") print "      ;;"
  print "  esac"
  print "  if [[ $current == -* ]]; then"
  print "    mapfile -t COMPREPLY < <(compgen -W '" all "' -- \"$current\")"
  if (commands != "") {
    print "  elif ((operands == 0)); then"
    print "    mapfile -t COMPREPLY < <(compgen -W '" commands "' -- \"$current\")"
  }
  if ("ID" in words) {
    print "  elif ((operands == " (commands != "") + 0 ")); then"
    print "    mapfile -t COMPREPLY < <(compgen -W \"" words["ID"] "\" -- \"$current\")"
  }
  if (chains) {
    print "  elif ((operands == " operands + 0 ")); then"
    print "    mapfile -t COMPREPLY < <(compgen -A command -A file -- \"$current\")"
  }
  print "  else"
  print "    mapfile -t COMPREPLY < <(compgen -A file -- \"$current\")"
  print "  fi"
  print "}"
  print "complete -o filenames -F " function_name " " name
}

function zsh_values(name) {
  if (!(name in words)) return "_files"
  if (lists[name]) return " _sequence compadd - " words[name]
  return "{compadd -- " words[name] "}"
}

function zsh(i, spec) {
  print "#compdef " name
  print "# Completions of " name " for zsh, written by scripts/completions."
  print "_arguments -s -S " (chains ? "-A '-*' " : "") "\\"
  for (i = 1; i <= total; i++) {
    spec = option[i]
    if (takes[i] == "required") spec = spec (spec ~ /^--/ ? "=" : "+")
    if (takes[i] == "optional") spec = spec (spec ~ /^--/ ? "=-" : "-")
    spec = spec "[" bracketed(about[i]) "]"
    if (takes[i] == "required") spec = spec ":" bracketed(argument[i]) ":" zsh_values(option[i])
    if (takes[i] == "optional") spec = spec "::" bracketed(argument[i]) ":" zsh_values(option[i])
    print "  " quoted(spec) " \\"
  }
  for (i = 1; i <= operands; i++) print "  ':operand:_files' \\"
  if (commands != "") print "  '1:command:(" commands ")' \\"
  if ("ID" in words) print "  " quoted((commands != "" ? 2 : 1) ":name:{compadd -- " words["ID"] "}") " \\"
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
    if (option[i] in words) line = line " -x -a " fish_words(words[option[i]])
    else if (takes[i] == "required") line = line " -r"
    print line " -d '" escaped(about[i]) "'"
  }
  if (commands != "") print "complete -c " name " -f -n __fish_use_subcommand -a '" commands "'"
  if ("ID" in words) print "complete -c " name (commands != "" ? " -n 'not __fish_use_subcommand'" : "") " -a " fish_words(words["ID"])
  if (chains) print "complete -c " name " -a '(__fish_complete_subcommand)'"
}

function escaped(value) {
  gsub(/[\\']/, "\\\\&", value)
  return value
}

# A command substitution gives a word a line.
function fish_words(value) {
  gsub(/\$\(/, "(", value)
  gsub(/\)/, " | string split -n ' ')", value)
  return "'" escaped(value) "'"
}
