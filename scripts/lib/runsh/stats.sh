# The use of a container's cgroups as JSON, in the shape and the order of "runc events": it is read with builtins alone.
# shellcheck shell=sh

# find_cgroup FILE: sets $group to the container's cgroup that has FILE; fails where none has.
# shellcheck disable=SC2154 # The facts of the container assign it.
find_cgroup() {
  file=$1
  IFS=$newline
  # shellcheck disable=SC2086 # One line a cgroup.
  set -- $cgroup_dirs
  unset IFS
  for group; do
    [ ! -e "$group/$file" ] || return 0
  done
  return 1
}

# read_value FILE: sets $value to its first line, or to nothing where it cannot be read: a cgroup may vanish meanwhile.
read_value() {
  value=
  { read -r value <"$1"; } 2>/dev/null || :
}

# add NAME VALUE [always]: appends a member to $members, unless it is 0 or empty.
add() {
  case $2 in
    '' | 0) [ -n "${3-}" ] || return 0 ;;
  esac
  members=$members${members:+,}\"$1\":${2:-0}
}

# join VALUE...: sets $value to a JSON array of them, or to nothing.
join() {
  value=
  for element; do
    value=$value${value:+,}$element
  done
  value=${value:+[$value]}
}

# key_of FILE KEY: sets $value to what a "KEY VALUE" line of FILE says.
key_of() {
  value=
  while read -r key rest; do
    [ "$key" != "$2" ] || value=$rest
  done <"$1" || :
} 2>/dev/null

cpu_stats() {
  members='' throttling='' psi=
  if find_cgroup cpuacct.usage; then
    cpu_usage_1
    ! find_cgroup cpu.cfs_quota_us || throttling "$group" throttled_time 1
  elif find_cgroup cgroup.controllers; then
    cpu_usage_2
    throttling "$group" throttled_usec 1000
    pressure "$group/cpu.pressure"
  else
    add kernel 0 always
    add user 0 always
  fi
  printf '"cpu":{"usage":{%s},"throttling":{%s}%s}' "$members" "$throttling" "$psi"
}

cpu_usage_1() {
  read_value "$group/cpuacct.usage"
  add total "$value"
  read_value "$group/cpuacct.usage_percpu"
  # shellcheck disable=SC2086 # One word a processor.
  join $value
  add percpu "$value"
  kernel='' user=
  {
    read -r _
    while read -r _ in_user in_kernel; do
      kernel="$kernel $in_kernel" user="$user $in_user"
    done
  } 2>/dev/null <"$group/cpuacct.usage_all" || :
  # shellcheck disable=SC2086
  join $kernel
  add percpu_kernel "$value"
  # shellcheck disable=SC2086
  join $user
  add percpu_user "$value"
  # In ticks of the clock that user space is shown: 100 in a second.
  key_of "$group/cpuacct.stat" system
  add kernel $((${value:-0} * 10000000)) always
  key_of "$group/cpuacct.stat" user
  add user $((${value:-0} * 10000000)) always
}

cpu_usage_2() {
  key_of "$group/cpu.stat" usage_usec
  add total $((${value:-0} * 1000))
  key_of "$group/cpu.stat" system_usec
  add kernel $((${value:-0} * 1000)) always
  key_of "$group/cpu.stat" user_usec
  add user $((${value:-0} * 1000)) always
}

# throttling DIR KEY FACTOR: sets $throttling.
throttling() {
  usage=$members members=
  key_of "$1/cpu.stat" nr_periods
  add periods "$value"
  key_of "$1/cpu.stat" nr_throttled
  add throttledPeriods "$value"
  key_of "$1/cpu.stat" "$2"
  add throttledTime $((${value:-0} * $3))
  throttling=$members members=$usage
}

# pressure FILE: sets $psi to the stall information, which a kernel may be built or started without.
pressure() {
  psi='' outer=$members
  {
    while read -r kind avg10 avg60 avg300 total; do
      members=
      average "$avg10"
      average "$avg60"
      average "$avg300"
      add total "${total#*=}" always
      psi=$psi${psi:+,}\"$kind\":"{$members}"
    done <"$1" || :
  } 2>/dev/null
  psi=${psi:+,\"psi\":{$psi\}} members=$outer
}

# average NAME=N.NN: adds it as Go writes it, without zeros at its end.
average() {
  amount=${1#*=}
  case $amount in
    *.*)
      while [ "${amount%0}" != "$amount" ]; do amount=${amount%0}; done
      amount=${amount%.}
      ;;
  esac
  add "${1%%=*}" "$amount" always
}

# expand LIST: sets $value to the JSON array of a list such as 0-2,5.
expand() {
  numbers='' list=$1
  while [ -n "$list" ]; do
    range=${list%%,*}
    case $list in
      *,*) list=${list#*,} ;;
      *) list= ;;
    esac
    first=${range%-*} last=${range#*-}
    while [ "$first" -le "$last" ]; do
      numbers="$numbers $first"
      first=$((first + 1))
    done
  done
  # shellcheck disable=SC2086 # One word a number.
  join $numbers
}

cpuset_stats() {
  members=
  if find_cgroup cpuset.cpu_exclusive; then
    read_value "$group/cpuset.cpus"
    expand "$value"
    add cpus "$value"
    cpuset_flags cpu_exclusive
    read_value "$group/cpuset.mems"
    expand "$value"
    add mems "$value"
  else
    group=
    cpuset_flags cpu_exclusive
  fi
  cpuset_flags mem_hardwall mem_exclusive memory_migrate memory_spread_page memory_spread_slab memory_pressure \
    sched_load_balance sched_relax_domain_level
  printf '"cpuset":{%s}' "$members"
}

# cpuset_flags NAME...: those of the cpuset in $group.
cpuset_flags() {
  for flag; do
    value=
    [ -z "$group" ] || read_value "$group/cpuset.$flag"
    add "$flag" "$value" always
  done
}

memory_stats() {
  cache='' raw='' psi=
  usage='"limit":0,"failcnt":0' kernel='"limit":0,"failcnt":0' tcp='"limit":0,"failcnt":0' swap='"limit":0,"failcnt":0'
  if find_cgroup memory.limit_in_bytes; then
    raw_memory cache
    memory_1 memory usage
    memory_1 memory.memsw swap
    memory_1 memory.kmem kernel
    memory_1 memory.kmem.tcp tcp
  elif find_cgroup memory.current; then
    raw_memory file
    memory_2
    pressure "$group/memory.pressure"
  fi
  members=
  add cache "$cache"
  printf '"memory":{%s"usage":{%s},"swap":{%s},"kernel":{%s},"kernelTCP":{%s}%s%s}' "$members${members:+,}" "$usage" "$swap" \
    "$kernel" "$tcp" "$raw" "$psi"
}

# raw_memory KEY: sets $raw to memory.stat, and $cache to what KEY is there.
raw_memory() {
  members='' sorted=
  # Maps are sorted in Go's JSON.
  sorted=$(LC_ALL=C sort "$group/memory.stat" 2>/dev/null) || :
  while read -r key value; do
    [ "$key" != "$1" ] || cache=$value
    [ -z "$key" ] || add "$key" "$value" always
  done <<E2
$sorted
E2
  raw=${members:+,\"raw\":{$members\}}
}

# memory_1 PREFIX NAME: sets $NAME to the members of version 1 that are there.
memory_1() {
  [ -e "$group/$1.usage_in_bytes" ] || return 0
  members=
  read_value "$group/$1.limit_in_bytes"
  add limit "$value" always
  read_value "$group/$1.usage_in_bytes"
  add usage "$value"
  read_value "$group/$1.max_usage_in_bytes"
  add max "$value"
  read_value "$group/$1.failcnt"
  add failcnt "$value" always
  eval "$2=\$members"
}

# Swap was memory and swap together in version 1, and readers expect that.
memory_2() {
  members=
  read_value "$group/memory.max"
  limit=$value
  read_value "$group/memory.current"
  used=${value:-0}
  read_value "$group/memory.peak"
  limit_of "$limit" 0
  add usage "$used"
  add max "$value"
  add failcnt 0 always
  usage=$members
  [ -e "$group/memory.swap.current" ] || return 0
  members=
  read_value "$group/memory.swap.max"
  limit_of "$value" "$limit"
  read_value "$group/memory.swap.current"
  add usage $((${value:-0} + used))
  add failcnt 0 always
  swap=$members
}

# limit_of LIMIT MORE: adds their sum; "max" is the largest number that Go's uint64 holds.
limit_of() {
  case $1/$2 in
    *max*) add limit 18446744073709551615 ;;
    *) add limit $((${1:-0} + ${2:-0})) always ;;
  esac
}

pids_stats() {
  members=
  if find_cgroup pids.current; then
    read_value "$group/pids.current"
    add current "$value"
    read_value "$group/pids.max"
    [ "$value" = max ] || add limit "$value"
  fi
  printf '"pids":{%s}' "$members"
}

blkio_stats() {
  members='' psi=
  if find_cgroup blkio.reset_stats; then
    blkio_1
  elif find_cgroup io.stat; then
    io_2
    pressure "$group/io.pressure"
    [ -n "$members" ] || psi=${psi#,}
  fi
  printf '"blkio":{%s%s}' "$members" "$psi"
}

# The first of the schedulers that has statistics gives all of them.
blkio_1() {
  for scheduler in blkio.bfq blkio blkio.throttle; do
    [ -e "$group/$scheduler.io_service_bytes_recursive" ] || continue
    blkio_file ioServiceBytesRecursive "$scheduler.io_service_bytes_recursive"
    blkio_file ioServicedRecursive "$scheduler.io_serviced_recursive"
    blkio_file ioQueueRecursive "$scheduler.io_queued_recursive"
    blkio_file ioServiceTimeRecursive "$scheduler.io_service_time_recursive"
    blkio_file ioWaitTimeRecursive "$scheduler.io_wait_time_recursive"
    blkio_file ioMergedRecursive "$scheduler.io_merged_recursive"
    blkio_file ioTimeRecursive "$scheduler.time_recursive"
    blkio_file sectorsRecursive "$scheduler.sectors_recursive"
    return
  done
}

# blkio_file NAME FILE: lines are "MAJOR:MINOR OPERATION VALUE" or "MAJOR:MINOR VALUE", and a total.
blkio_file() {
  [ -e "$group/$2" ] || return 0
  entries=
  while read -r device operation value; do
    case $device in
      *:*) entry "$operation" "$value" ;;
    esac
  done <"$group/$2" || :
  add "$1" "${entries:+[$entries]}"
} 2>/dev/null

# entry OPERATION VALUE: appends to $entries what it says of $device.
entry() {
  all=$members members=
  add major "${device%%:*}"
  add minor "${device#*:}"
  if [ -n "$2" ]; then
    add op "\"$1\""
    add value "$2"
  else
    add value "$1"
  fi
  entries=$entries${entries:+,}"{$members}"
  members=$all
}

io_2() {
  bytes='' operations=
  while read -r device rest; do
    for item in $rest; do
      case $item in
        rbytes=*) entries=$bytes && entry Read "${item#*=}" && bytes=$entries ;;
        wbytes=*) entries=$bytes && entry Write "${item#*=}" && bytes=$entries ;;
        rios=*) entries=$operations && entry Read "${item#*=}" && operations=$entries ;;
        wios=*) entries=$operations && entry Write "${item#*=}" && operations=$entries ;;
      esac
    done
  done <"$group/io.stat" || :
  add ioServiceBytesRecursive "${bytes:+[$bytes]}"
  add ioServicedRecursive "${operations:+[$operations]}"
} 2>/dev/null

hugetlb_stats() {
  all=
  IFS=$newline
  # shellcheck disable=SC2086 # One line a cgroup.
  set -- $cgroup_dirs
  unset IFS
  set +f
  for group; do
    for file in "$group"/hugetlb.*.usage_in_bytes "$group"/hugetlb.*.current; do
      case $file in
        *.rsvd.* | *'*'*) ;;
        # Beside hierarchies of version 1 runc does not look at that of version 2.
        *.current) [ $# -ne 1 ] || hugetlb_size "$file" ;;
        *) hugetlb_size "$file" ;;
      esac
    done
  done
  set -f
  printf '"hugetlb":{%s}' "$all"
}

hugetlb_size() {
  members='' prefix=${1%.usage_in_bytes}
  prefix=${prefix%.current}
  read_value "$1"
  add usage "$value"
  if [ -e "$prefix.failcnt" ]; then
    read_value "$prefix.max_usage_in_bytes"
    add max "$value"
    read_value "$prefix.failcnt"
  else
    key_of "$prefix.events" max
  fi
  add failcnt "$value" always
  all=$all${all:+,}\"${prefix##*hugetlb.}\":"{$members}"
}

# print_stats: one line of JSON, in one write.
# shellcheck disable=SC2154 # The facts of the container assign it.
print_stats() {
  stats=$(
    cpu_stats && printf , && cpuset_stats && printf , && memory_stats && printf , && pids_stats && printf , && blkio_stats &&
      printf , && hugetlb_stats
  )
  printf '{"type":"stats","id":%s,"data":{%s,"intel_rdt":{},"network_interfaces":null}}\n' "$json_id" "$stats"
}
