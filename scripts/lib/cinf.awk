# The views of cinf. Input, in /proc: "ls -ln PID/ns/ ..." and then lines that begin with "@":
#   @name PID CONTAINER     a process that a container began with
#   @held TYPE:[ID] WHERE   a holder of a namespace that is not a process
#   @tree ID PARENT OWNER   from lsns
# Variables: view (all, namespace, pid), want (the namespace or the process), json, tree, held, self (the process of cinf), types
# (those that are wanted, each between commas, or nothing), columns (with commas between them, or nothing).

# The kernel escapes newlines and backslashes in names; the rest may be anything.
function clean(text) {
  gsub(/[\001-\037\177]/, "?", text)
  return text
}

# unicode: JSON has no other bytes than UTF-8.
function unicode(text,    out) {
  while (text != "") {
    if (!match(text, /^[\001-\177]+/) && !match(text, /^[\302-\337][\200-\277]/) && \
      !match(text, /^(\340[\240-\277]|[\341-\354\356\357][\200-\277]|\355[\200-\237])[\200-\277]/) && \
      !match(text, /^(\360[\220-\277]|[\361-\363][\200-\277]|\364[\200-\217])[\200-\277][\200-\277]/)) {
      RLENGTH = 1
      out = out "\357\277\275"
    } else out = out substr(text, 1, RLENGTH)
    text = substr(text, RLENGTH + 1)
  }
  return out
}

function quoted(text) {
  text = clean(text)
  if (text ~ /[\200-\377]/) text = unicode(text)
  gsub(/["\\]/, "\\\\&", text)
  return "\"" text "\""
}

# A line of PID/status: "PID/status:KEY:<tab>VALUE".
function learn(    at, pid, rest, key, value) {
  pid = $0 + 0
  rest = substr($0, index($0, ":") + 1)
  at = index(rest, ":")
  key = substr(rest, 1, at - 1)
  value = substr(rest, at + 2)
  if (key == "Name") name[pid] = value
  else if (key == "State") state[pid] = value
  else if (key == "PPid") ppid[pid] = value
  else if (key == "Threads") threads[pid] = value
  else if (key == "Uid") {
    split(value, ids, "\t")
    uid[pid] = ids[2]
  }
}

# The process is in the namespace ID.
function enter(id, type, pid) {
  if (!(id in kind)) {
    kind[id] = type
    ids_in_order[++count] = id
    lowest[id] = pid
  }
  processes[id]++
  if (pid < lowest[id]) lowest[id] = pid
  if (!((id, uid[pid]) in seen)) {
    seen[id, uid[pid]] = 1
    users[id] = users[id] (users[id] == "" ? "" : ",") uid[pid]
  }
}

# The number of "TYPE:[NUMBER]", as a text: some awks show large numbers otherwise.
function number_in(target,    id) {
  id = substr(target, index(target, "[") + 1)
  sub(/\].*/, "", id)
  return id
}

# The programs that cinf runs are not counted: another tool would have none.
function is_own(pid) {
  return ppid[pid] == self || (ppid[pid] in ppid) && ppid[ppid[pid]] == self
}

# A line of ls: the target is the last word.
function link(    type, target, id) {
  type = $(NF - 2)
  target = $NF
  id = number_in(target)
  if (type ~ /_for_children$/) {
    if (held) hold(id, substr(target, 1, index(target, ":") - 1), "/proc/" pid "/ns/" type)
    return
  }
  readable[pid] = 1
  if (view == "namespace" && id == want) members[++member_count] = pid
  if (view == "pid" && pid == want) mine[id] = 1
  if (pid == self) own[id] = 1
  enter(id, type, pid)
}

function hold(id, type, where) {
  if (!(id in holder)) {
    holder[id] = where
    holder_kind[id] = type
    held_ids[++held_count] = id
  }
}

# The number of living processes that could not be read: one that ends has no namespaces any more.
function count_unreadable(    command, line, n, list, p) {
  for (p in uid) if (!(p in readable) && !is_own(p)) list = list " " p "/status"
  if (list == "") return 0
  command = "grep -Hs '^State:' " list
  while ((command | getline line) > 0)
    if (line !~ /:[ \t]*[ZX]/) n++
  close(command)
  return n + 0
}

function read_users(    line, field) {
  while ((getline line < "/etc/passwd") > 0) {
    split(line, field, ":")
    if (!(field[3] in user_name)) user_name[field[3]] = field[1]
  }
  close("/etc/passwd")
}

# One call of getent finds the users that are not in the file.
function ask_for_users(    key, part, line, command, field) {
  for (key in seen) {
    split(key, part, SUBSEP)
    if (!(part[2] in user_name) && !(part[2] in asked) && part[2] ~ /^[0-9]+$/) {
      asked[part[2]] = 1
      command = command " " part[2]
    }
  }
  if (command == "") return
  command = "getent passwd" command " 2>/dev/null"
  while ((command | getline line) > 0) {
    split(line, field, ":")
    user_name[field[3]] = field[1]
  }
  close(command)
}

function names_of(list,    part, n, i, text) {
  n = split(list, part, ",")
  for (i = 1; i <= n; i++) text = text (i > 1 ? "," : "") (part[i] in user_name ? clean(user_name[part[i]]) : part[i])
  return text
}

# Reads the command lines of these processes, by one call. sed leaves one newline in each, at its end, and puts the name of the
# file before it, so no process can forge the line of another. A process without a command line shows its name in brackets.
function read_commands(list,    command, line) {
  command = "sed -s -z -e 's/[\\n\\r]/?/g' -e '$s/$/\\n/' -e 1F " list " 2>/dev/null | tr '\\000' ' '"
  while ((command | getline line) > 0) {
    sub(/^ /, "", line)
    cmd[line + 0] = substr(line, index(line, " ") + 1)
  }
  close(command)
}

function command_of(pid,    text) {
  text = cmd[pid]
  sub(/ +$/, "", text)
  return clean(text == "" ? "[" name[pid] "]" : text)
}

function sort_numbers(list, first, last,    pivot, i, j, swap) {
  if (first >= last) return
  pivot = list[int((first + last) / 2)] + 0
  i = first
  j = last
  while (i <= j) {
    while (list[i] + 0 < pivot) i++
    while (list[j] + 0 > pivot) j--
    if (i <= j) {
      swap = list[i]
      list[i++] = list[j]
      list[j--] = swap
    }
  }
  sort_numbers(list, first, j)
  sort_numbers(list, i, last)
}

# Reads the cgroups of these processes, by one call.
function read_cgroups(list,    command, line, at, pid) {
  command = "grep -Hs '' " list
  while ((command | getline line) > 0) {
    at = index(line, ":")
    pid = line + 0
    line = substr(line, at + 1)
    cgroups[pid] = cgroups[pid] (pid in cgroups && cgroups[pid] != "" ? " " : "") line
  }
  close(command)
}

# The container of a process: engines name the cgroups of containers by an ID of 64 digits.
function container_of(pid,    text, n, part, i, engine) {
  text = cgroups[pid]
  n = split(text, part, /[^0-9a-f]+/)
  for (i = 1; i <= n; i++)
    if (length(part[i]) == 64) {
      engine = text ~ /libpod/ ? "podman" : text ~ /crio-/ ? "crio" : text ~ /docker/ || text !~ /containerd|kubepods/ ? "docker" : "containerd"
      return engine_name(engine, part[i])
    }
  return ""
}

# Docker keeps the name in a file that root may read.
function engine_name(engine, id,    file, line, text) {
  text = substr(id, 1, 12)
  if (engine == "docker") {
    file = "/var/lib/docker/containers/" id "/config.v2.json"
    if ((getline line < file) > 0 && match(line, /"Name":"\/[A-Za-z0-9_.-]+"/)) text = substr(line, RSTART + 9, RLENGTH - 10)
    close(file)
  }
  return engine ":" text
}

function print_object(id,    user_list, text) {
  user_list = names_of(users[id])
  text = sprintf("%s{\"namespace\":%s,\"type\":\"%s\",\"nprocs\":%d,\"pid\":%s,\"users\":[", rows++ ? ",\n" : "", id, kind[id], processes[id], processes[id] ? lowest[id] : "null")
  gsub(/,/, "\",\"", user_list)
  text = text (user_list == "" ? "" : "\"" user_list "\"") "],\"command\":" (processes[id] ? quoted(command_of(lowest[id])) : "null")
  text = text ",\"container\":" (label[id] == "" ? "null" : quoted(label[id]))
  if (held) text = text ",\"held\":" (id in holder ? quoted(holder[id]) : "null")
  if (tree) text = text sprintf(",\"parent\":%s,\"owner\":%s", parent[id] ? parent[id] : "null", owner[id] ? owner[id] : "null")
  printf "%s}", text
}

function cell(id, column) {
  if (column == "NS" || column == "NAMESPACE") return indent[id] id
  if (column == "TYPE") return kind[id]
  if (column == "NPROCS") return processes[id]
  if (column == "PID") return processes[id] ? lowest[id] : "-"
  if (column == "PPID") return processes[id] ? ppid[lowest[id]] : "-"
  if (column == "UID") return users[id]
  if (column == "USER" || column == "USERS") return names_of(users[id])
  if (column == "CONTAINER") return label[id]
  if (column == "PNS") return parent[id] ? parent[id] : "-"
  if (column == "ONS" || column == "OWNER") return owner[id] ? owner[id] : "-"
  return processes[id] ? command_of(lowest[id]) : holder[id]
}

# The last column has no width.
function print_table(    n, column, width, i, j) {
  if (columns == "") columns = "NAMESPACE,TYPE,NPROCS,USERS,CONTAINER," (tree ? "OWNER," : "") "CMD"
  n = split(columns, column, ",")
  for (j = 1; j < n; j++) {
    width[j] = column[j] ~ /^(NS|NAMESPACE|PNS|ONS|OWNER)$/ ? 10 : max(length(column[j]), column[j] == "TYPE" ? 6 : 0)
    for (i = 1; i <= row_count; i++) width[j] = max(width[j], length(cell(row[i], column[j])))
    printf "%s  ", align(column[j], column[j], width[j])
  }
  print column[n]
  for (i = 1; i <= row_count; i++) {
    for (j = 1; j < n; j++) printf "%s  ", align(column[j], cell(row[i], column[j]), width[j])
    print cell(row[i], column[n])
  }
}

function align(column, text, width) {
  return sprintf("%" (column ~ /^(NPROCS|PID|PPID)$/ ? "" : "-") width "s", text)
}

function pad(text, width) {
  return width ? sprintf("%-" width "s", text) : text
}

function max(a, b) {
  return a > b ? a : b
}

# Only namespaces whose first process is of a container show its name, and none that cinf is in: once the numbers of processes
# have wrapped, the lowest one in a namespace of this machine may be a container's.
function label_rows(n,    i, id) {
  for (i = 1; i <= n; i++) {
    id = row[i]
    label[id] = ""
    # The name that an engine gives comes before that of its runtime.
    if (id in own) continue
    if (processes[id]) label[id] = container_of(lowest[id])
    if (label[id] == "" && lowest[id] in began) label[id] = began[lowest[id]]
  }
}

# Puts each namespace beneath its parent, or else its owner; those without either come first.
function plant(id, depth,    i) {
  if (id in planted) return
  planted[id] = 1
  if (is_wanted(id)) row[++row_count] = id
  indent[id] = pad("", 2 * depth)
  for (i = 1; i <= count; i++)
    if (above(ids_in_order[i]) == id) plant(ids_in_order[i], depth + 1)
}

function is_wanted(id) {
  return (view != "pid" || id in mine) && (types == "" || index(types, "," kind[id] ","))
}

function above(id) {
  return parent[id] ? parent[id] : owner[id]
}

function print_namespaces(    i, list, cgroup_list, id) {
  for (i = 1; i <= held_count; i++)
    if (!(held_ids[i] in kind)) {
      kind[held_ids[i]] = holder_kind[held_ids[i]]
      ids_in_order[++count] = held_ids[i]
      processes[held_ids[i]] = 0
    }
  sort_numbers(ids_in_order, 1, count)
  for (i = 1; i <= count; i++) {
    id = ids_in_order[i]
    if (!is_wanted(id) && !tree) continue
    if (processes[id]) list = list " " lowest[id] "/cmdline"
    if (processes[id]) cgroup_list = cgroup_list " " lowest[id] "/cgroup"
    if (!tree) row[++row_count] = id
    else if (!(above(id) in kind)) plant(id, 0)
  }
  if (tree)
    for (i = 1; i <= count; i++) plant(ids_in_order[i], 0)
  if (list != "") read_commands(list)
  if (cgroup_list != "") read_cgroups(cgroup_list)
  ask_for_users()
  label_rows(row_count)
  if (!json) print_table()
  else {
    printf "["
    for (i = 1; i <= row_count; i++) print_object(row[i])
    print "]"
  }
}

function print_members(    i, list, p) {
  sort_numbers(members, 1, member_count)
  for (i = 1; i <= member_count; i++) list = list " " members[i] "/cmdline"
  if (list != "") {
    read_commands(list)
    gsub(/cmdline/, "cgroup", list)
    read_cgroups(list)
  }
  if (json) printf "["
  else printf "%7s  %7s  %-15s  %-30s  %8s  %-40s  %s\n", "PID", "PPID", "NAME", "CMD", "NTHREADS", "CGROUPS", "STATE"
  for (i = 1; i <= member_count; i++) {
    p = members[i]
    if (json) printf "%s{\"pid\":%s,\"ppid\":%s,\"name\":%s,\"command\":%s,\"nthreads\":%s,\"cgroups\":%s,\"state\":%s}", (i > 1 ? ",\n" : ""), p, ppid[p], quoted(name[p]), quoted(command_of(p)), threads[p], quoted(clean(cgroups[p])), quoted(state[p])
    else printf "%7s  %7s  %-15s  %-30s  %8s  %-40s  %s\n", p, ppid[p], clean(name[p]), command_of(p), threads[p], clean(cgroups[p]), state[p]
  }
  if (json) print "]"
}

/^[0-9]+\/ns\/:$/ {
  pid = $0 + 0
  known = pid in uid && !is_own(pid)
  next
}
/^[0-9]+\/status:/ {
  learn()
  next
}
/^@name / {
  began[$2] = $3
  next
}
/^@held / {
  type = substr($2, 1, index($2, ":") - 1)
  rest = $0
  sub(/^@held [^ ]* /, "", rest)
  hold(number_in($2), type, rest)
  next
}
/^@tree / {
  parent[$2] = $3
  owner[$2] = $4
  next
}
/^l/ {
  # A link that may not be read has no target.
  if (known && $(NF - 1) == "->") link()
}

END {
  read_users()
  if (view == "namespace") print_members()
  else print_namespaces()
  unreadable = count_unreadable()
  if (unreadable) {
    printf "cinf: cannot read the namespaces of %d process%s\nhint: they belong to other users, or may do more than this one\n", unreadable, (unreadable > 1 ? "es" : "") > "/dev/stderr"
  }
  if (view != "all" && !(view == "namespace" ? member_count : row_count)) exit 3
}
