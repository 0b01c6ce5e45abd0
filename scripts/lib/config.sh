# What each field of a config.json means: it is checked, and put into a variable, or refused by name.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # The variables are read in chain.sh, and $config is the one of runsh.
# shellcheck disable=SC1003 # Backslashes are meant as they stand.

# Nothing of the environment may pass for a field of the configuration.
reset() {
  newline='
'
  status='' cgroup='' mountinfo='' kind='' element='none' element_name=''
  version='' rootfs='' readonly='' hostname='' domainname=''
  args='' cwd='' env='' home='' terminal='' no_new_privileges='' uid=0 gid=0 groups='' umask=18 oom=''
  bounding='' permitted='' effective='' inheritable='' ambient='' limits=' ' limit_lines='' limit_words=''
  namespaces=' ' uid_maps='' gid_maps='' uid_root='' gid_root='' gid_size=0 offsets='' propagation=slave
  no_devices='' mounts='' dev='' dev_end='' protected='' masked=''
}

# Sets $name to the path of the field at hand as a person writes it: linux.namespaces[0].type
find_name() {
  name='' rest=${path#*'['}
  rest=${rest%']'},
  while [ -n "$rest" ]; do
    case $rest in
      '"'*)
        rest=${rest#'"'}
        name=$name${name:+.}${rest%%'",'*}
        rest=${rest#*'",'}
        ;;
      *)
        name="${name}[${rest%%,*}]"
        rest=${rest#*,}
        ;;
    esac
  done
}

# wrong REASON: the field at hand cannot be used.
wrong() {
  find_name
  refuse "$name $1"
}

# --- types; where a "case" does for a "[" it is there, since it takes dash a fourth of the time

must_be() {
  case $type in
    "$1") return ;;
  esac
  case $1 in
    boolean) wrong 'must be true or false' ;;
    array | object) wrong "must be an $1" ;;
    *) wrong "must be a $1" ;;
  esac
}

# Sets $truth to "yes" or to nothing.
must_be_truth() {
  must_be boolean
  case $value in
    true) truth=yes ;;
    *) truth='' ;;
  esac
}

# must_be_whole LOW HIGH: of at most 16 digits, up to which a number of JSON is exact.
must_be_whole() {
  must_be number
  case $value in
    # In the range of everybody.
    [0-9] | [0-9][0-9]) return ;;
  esac
  case ${value#-} in
    '' | *[!0-9]* | ?????????????????*) wrong "must be a whole number from $1 to $2" ;;
  esac
  if [ "$value" -lt "$1" ] || [ "$value" -gt "$2" ]; then
    wrong "must be a whole number from $1 to $2"
  fi
}

# The highest number of 32 bits means "no id".
must_be_id() {
  must_be_whole 0 4294967294
}

# Sets $quoted to TEXT as a word of shell.
quote() {
  case $1 in
    *[!A-Za-z0-9_/.,:=+@%-]*) ;;
    ?*)
      quoted=$1
      return
      ;;
  esac
  quoted='' rest=$1
  while :; do
    case $rest in
      *\'*) quoted="$quoted${rest%%\'*}'\\''" rest=${rest#*\'} ;;
      *) break ;;
    esac
  done
  quoted="'$quoted$rest'"
}

# The field at hand must be an array of strings; each of them is looked at next.
must_be_strings() {
  must_be array
  type=string
}

# A string that becomes a word of the line, $quoted. The kernel takes none of 128 KiB or more (MAX_ARG_STRLEN).
must_be_word() {
  must_be string
  case $value in
    *[!A-Za-z0-9_/.,:=+@%-]* | '')
      [ ${#value} -lt 131072 ] || wrong 'is longer than 131071 bytes'
      quote "$value"
      ;;
    *) quoted=$value ;;
  esac
}

# A string that becomes a field of the table, $escaped. A path or a mount's options are at most a page long.
must_be_table_field() {
  must_be string
  case $value in
    *[!A-Za-z0-9_/.,:=+@%-]* | '')
      [ ${#value} -le 4096 ] || wrong 'is longer than 4096 bytes'
      escape "$value"
      ;;
    *) escaped=$value ;;
  esac
}

# Sets $escaped to TEXT as fstab(5) writes it.
escape() {
  case $1 in
    *[!A-Za-z0-9_/.,:=+@%-]*) escape_blanks "$1" ;;
    *) escaped=${1:-none} ;;
  esac
}

escape_blanks() {
  escaped='' rest=$1
  while :; do
    plain=${rest%%[[:space:]\\#]*} rest=${rest#"${rest%%[[:space:]\\#]*}"}
    escaped=$escaped$plain
    [ -n "$rest" ] || break
    escaped="$escaped\\$(printf '%03o' "'$rest")"
    rest=${rest#?}
  done
}

# Sets $container to what the field at a path is, where it is known to be an object, an array, or one of strings.
find_container() {
  case $1 in
    1'["root"]' | 1'["process"]' | 1'["linux"]' | 1'["annotations"]' | 2'["process","user"]' | \
      2'["process","capabilities"]' | 2'["process","consoleSize"]' | 2'["linux","timeOffsets"]' | \
      3'["linux","timeOffsets","monotonic"]' | 3'["linux","timeOffsets","boottime"]' | 2'["linux","resources"]' | \
      2'["mounts",'[0-9]* | 3'["process","rlimits",'[0-9]* | 3'["linux","namespaces",'[0-9]* | \
      3'["linux","'[ug]'idMappings",'[0-9]* | 4'["linux","resources","devices",'[0-9]*)
      container=object
      ;;
    1'["mounts"]' | 2'["process","rlimits"]' | 3'["process","user","additionalGids"]' | 2'["linux","namespaces"]' | \
      2'["linux","'[ug]'idMappings"]' | 3'["linux","resources","devices"]')
      container=array
      ;;
    2'["process","args"]' | 2'["process","env"]' | 3'["process","capabilities",'* | 3'["mounts",'[0-9]*',"options"]' | \
      2'["linux","maskedPaths"]' | 2'["linux","readonlyPaths"]')
      container='strings'
      ;;
    *) container='' ;;
  esac
}

# The field at hand has no meaning. One above it may be of the wrong type; what says nothing may stay.
unknown() {
  full_path=$path leaf=$type
  while :; do
    find_container "$path"
    case $container:$type in
      strings:array)
        # Where this element is a string itself, it is another one that is none.
        [ "$leaf" != string ] || return 0
        path=$full_path
        wrong 'must be a string'
        ;;
      strings:*) must_be array ;;
      ?*:*) must_be "$container" ;;
    esac
    depth=${path%%'['*} last=${path##*,} path=${path#*'['}
    [ "$depth" -gt 1 ] || break
    path="$((depth - 1))[${path%,*}]"
    case $last in
      [0-9]*) type=array ;;
      *) type=object ;;
    esac
  done
  path=$full_path
  case $leaf:$value in
    boolean:false | string: | array: | object:'{}') ;;
    *) wrong 'is not supported' ;;
  esac
}

# --- what config.jq prints

document() {
  case $1 in
    0) refuse 'it is empty' ;;
    1) ;;
    *) refuse 'it holds more than one JSON value' ;;
  esac
  [ "$2" = object ] || refuse 'it is not a JSON object'
  status=$4 cgroup=$5 mountinfo=$6
  case $3 in
    *'\u0000'*) refuse_nul "$3" ;;
  esac
  case $3 in
    *'�'*) refuse 'it is not UTF-8' ;;
  esac
}

# A backslash that is itself escaped may stand in front of a plain "u0000".
refuse_nul() {
  rest=$1'\\'
  while [ -n "$rest" ]; do
    case ${rest%%'\\'*} in
      *'\u0000'*) refuse 'a string holds a NUL character' ;;
    esac
    rest=${rest#*'\\'}
  done
}

field() {
  type=$1 path=$2 value=${3-}
  case $type$path in
    null*[0-9]']') wrong 'must not be null' ;;
    null*) return ;;
  esac
  case $path in
    [34]'["mounts",'*)
      shift 2
      mount_field "$@"
      ;;
    [2-5]'["process",'*)
      shift 2
      process_field "$@"
      ;;
    [2-9]'["linux",'*)
      shift 2
      linux_field "$@"
      ;;
    2'["annotations",'*) ;;
    2'["root","path"]')
      must_be_word
      rootfs=$value
      ;;
    2'["root","readonly"]')
      must_be_truth
      readonly=$truth
      ;;
    1'["hostname"]')
      must_be_word
      hostname=${value:+$quoted}
      ;;
    1'["domainname"]')
      must_be_word
      domainname=${value:+$quoted}
      ;;
    1'["ociVersion"]')
      must_be string
      version=$value
      ;;
    *) unknown ;;
  esac
}

# enter KIND ARRAY JSON: the field at hand belongs to an element of the array, whose path begins with JSON; the element
# before it is finished.
enter() {
  case $path in
    ?"$element"[],]*) return ;;
  esac
  finish_element
  index=${path#?"$3"}
  index=${index%%[],]*}
  kind=$1 element=$3$index element_name="$2[$index]"
  limit='' soft='' hard='' namespace='' inner=0 outer=0 size=0 allow='' access=''
  destination='' target='' mount_type='' source='' options='' bind='' read_only=''
}

finish_element() {
  case $kind in
    mount) finish_mount ;;
    limit) finish_limit ;;
    namespace) finish_namespace ;;
    uidMappings) finish_uid_mapping ;;
    gidMappings) finish_gid_mapping ;;
    device) finish_device_rule ;;
  esac
}

# --- process

process_field() {
  case $path in
    3'["process","capabilities",'*) capabilities_field "$@" ;;
    [34]'["process","rlimits",'[0-9]*) limit_field ;;
    2'["process","args"]')
      must_be_strings
      for value; do
        must_be_word
        args="$args $quoted"
      done
      ;;
    2'["process","env"]') environment_field "$@" ;;
    2'["process","cwd"]')
      must_be_word
      cwd=$value cwd_word=$quoted
      ;;
    2'["process","terminal"]')
      must_be_truth
      terminal=$truth
      ;;
    2'["process","noNewPrivileges"]')
      must_be_truth
      no_new_privileges=$truth
      ;;
    3'["process","user","uid"]')
      must_be_id
      uid=$value
      ;;
    3'["process","user","gid"]')
      must_be_id
      gid=$value
      ;;
    4'["process","user","additionalGids",'[0-9]*)
      must_be_id
      groups=$groups${groups:+,}$value
      ;;
    3'["process","user","umask"]')
      must_be_whole 0 511
      umask=$value
      ;;
    2'["process","oomScoreAdj"]')
      must_be_whole -1000 1000
      oom=$value
      ;;
    # The size of a terminal that were made anew; ours is the caller's.
    3'["process","consoleSize","height"]' | 3'["process","consoleSize","width"]') must_be_whole 0 65535 ;;
    *) unknown ;;
  esac
}

environment_field() {
  must_be_strings
  for value; do
    must_be_word
    case $value in
      =*) wrong "has '$value', which is not NAME=VALUE" ;;
      HOME=?*) home=yes ;;
      *=*) ;;
      *) wrong "has '$value', which is not NAME=VALUE" ;;
    esac
    env="$env --setenv $quoted"
  done
}

capabilities_field() {
  case $path in
    *,'"bounding"]') add_capabilities "$@" && bounding=$set ;;
    *,'"permitted"]') add_capabilities "$@" && permitted=$set ;;
    *,'"effective"]') add_capabilities "$@" && effective=$set ;;
    *,'"inheritable"]') add_capabilities "$@" && inheritable=$set ;;
    *,'"ambient"]') add_capabilities "$@" && ambient=$set ;;
    *) unknown ;;
  esac
}

# Sets $set to the CAPABILITIES as setpriv-rs takes them.
add_capabilities() {
  must_be_strings
  set=''
  for value; do
    capability=${value#CAP_}
    case $capability in
      "$value" | '' | *[!A-Z0-9_]*) wrong "has '$value', which is no capability" ;;
    esac
    set=$set,+$capability
  done
}

limit_field() {
  enter limit process.rlimits '["process","rlimits",'
  case $path in
    4*',"type"]')
      must_be_word
      limit=$value limit_word=$quoted
      ;;
    4*',"soft"]')
      must_be_limit
      soft=$value
      ;;
    4*',"hard"]')
      must_be_limit
      hard=$value
      ;;
    *) unknown ;;
  esac
}

# RLIM_INFINITY, 2^64-1, is a number that not every jq keeps.
must_be_limit() {
  case $type$value in
    number18446744073709551615 | number18446744073709552000) value=unlimited ;;
    *) must_be_whole 0 9007199254740992 ;;
  esac
}

finish_limit() {
  [ -n "$limit" ] || refuse "$element_name.type is missing"
  [ -n "$soft" ] || refuse "$element_name.soft is missing"
  [ -n "$hard" ] || refuse "$element_name.hard is missing"
  ! is_above "$soft" "$hard" || refuse "$element_name: soft is above hard"
  case $limits in
    *" $limit "*) refuse "$element_name is $limit for the second time" ;;
  esac
  limits="$limits$limit "
  case $limit in
    RLIMIT_AS) add_limit as v 1024 ;;
    RLIMIT_CORE) add_limit core c 512 ;;
    RLIMIT_CPU) add_limit cpu t 1 ;;
    RLIMIT_DATA) add_limit data d 1024 ;;
    RLIMIT_FSIZE) add_limit fsize f 512 ;;
    RLIMIT_LOCKS) add_limit locks ;;
    RLIMIT_MEMLOCK) add_limit memlock l 1024 ;;
    RLIMIT_MSGQUEUE) add_limit msgqueue ;;
    RLIMIT_NICE) add_limit nice ;;
    RLIMIT_NOFILE) add_limit nofile n 1 ;;
    RLIMIT_NPROC) add_limit nproc ;;
    RLIMIT_RSS) add_limit rss ;;
    RLIMIT_RTPRIO) add_limit rtprio ;;
    RLIMIT_RTTIME) add_limit rttime ;;
    RLIMIT_SIGPENDING) add_limit sigpending ;;
    RLIMIT_STACK) add_limit stack s 1024 ;;
    *) refuse "$element_name.type is no resource limit: $limit_word" ;;
  esac
}

is_above() {
  case $1 in
    "$2") false ;;
    unlimited) true ;;
    *) [ "$2" != unlimited ] && [ "$1" -gt "$2" ] ;;
  esac
}

# add_limit NAME [LETTER UNIT]: ulimit is a word of the shell itself and costs nothing, but counts in units. -p and -w
# mean other things in other shells, and some limits have no letter: prlimit has them all.
add_limit() {
  if [ $# -eq 1 ] || ! in_units "$soft" "$3" || ! in_units "$hard" "$3"; then
    limit_words="$limit_words --$1=$soft:$hard"
    return
  fi
  limit_lines="$limit_lines${newline}ulimit -$2 $units"
  [ "$soft" = "$hard" ] || {
    in_units "$soft" "$3"
    limit_lines="$limit_lines${newline}ulimit -S -$2 $units"
  }
}

# Sets $units to the number of units of this SIZE, where it is a whole one.
in_units() {
  units=$1
  [ "$1" = unlimited ] || {
    units=$(($1 / $2))
    [ $((units * $2)) -eq "$1" ]
  }
}

# --- linux

linux_field() {
  case $path in
    [34]'["linux","namespaces",'[0-9]*) namespace_field ;;
    [34]'["linux","uidMappings",'[0-9]*) mapping_field uidMappings ;;
    [34]'["linux","gidMappings",'[0-9]*) mapping_field gidMappings ;;
    [45]'["linux","resources","devices",'[0-9]*) device_rule_field ;;
    4'["linux","timeOffsets","monotonic","secs"]') offset_field monotonic ;;
    4'["linux","timeOffsets","boottime","secs"]') offset_field boottime ;;
    2'["linux","maskedPaths"]')
      must_be_strings
      for value; do
        must_be_table_field
        masked="$masked${newline}none $escaped mask"
      done
      ;;
    2'["linux","readonlyPaths"]')
      must_be_strings
      for value; do
        must_be_table_field
        protected="$protected${newline}none $escaped readonly"
      done
      ;;
    2'["linux","rootfsPropagation"]')
      must_be string
      case $value in
        '') ;;
        rslave | rprivate) propagation=${value#r} ;;
        *) wrong "is not supported: '$value'" ;;
      esac
      ;;
    *) unknown ;;
  esac
}

namespace_field() {
  enter namespace linux.namespaces '["linux","namespaces",'
  case $path in
    4*',"type"]')
      must_be_word
      namespace=$quoted
      ;;
    *) unknown ;;
  esac
}

finish_namespace() {
  case $namespace in
    '') refuse "$element_name.type is missing" ;;
    mount | pid | network | ipc | uts | cgroup | user | time) ;;
    *) refuse "$element_name.type is no namespace: $namespace" ;;
  esac
  ! has_new "$namespace" || refuse "$element_name is $namespace for the second time"
  namespaces="$namespaces$namespace "
}

# has_new TYPE: whether the container gets a new namespace of this type.
has_new() {
  case $namespaces in
    *" $1 "*) ;;
    *) false ;;
  esac
}

mapping_field() {
  enter "$1" "linux.$1" "[\"linux\",\"$1\","
  case $path in
    4*',"containerID"]')
      must_be_id
      inner=$value
      ;;
    4*',"hostID"]')
      must_be_id
      outer=$value
      ;;
    4*',"size"]')
      must_be_id
      size=$value
      ;;
    *) unknown ;;
  esac
}

# Where the id 0 of the container is the caller's own, the caller need not become it.
finish_uid_mapping() {
  [ "$size" -gt 0 ] || refuse "$element_name.size is missing"
  uid_maps="$uid_maps --map-users $inner:$outer:$size"
  [ "$inner" -ne 0 ] || uid_root=$outer
}

finish_gid_mapping() {
  [ "$size" -gt 0 ] || refuse "$element_name.size is missing"
  gid_maps="$gid_maps --map-groups $inner:$outer:$size" gid_size=$((gid_size + size))
  [ "$inner" -ne 0 ] || gid_root=$outer
}

offset_field() {
  must_be_whole -9007199254740992 9007199254740992
  [ "$value" -eq 0 ] || offsets="$offsets --$1 $value"
}

device_rule_field() {
  enter device linux.resources.devices '["linux","resources","devices",'
  case $path in
    5*',"allow"]')
      must_be_truth
      allow=$truth
      ;;
    5*',"access"]')
      must_be string
      access=$value
      ;;
    *) unknown ;;
  esac
}

finish_device_rule() {
  case $allow$access in
    '' | rwm | rmw | wrm | wmr | mrw | mwr) no_devices=yes ;;
    *) refuse "$element_name is not supported: the one rule that can be kept is to deny all" ;;
  esac
}

# --- mounts

mount_field() {
  enter mount mounts '["mounts",'
  case $path in
    3*',"destination"]')
      must_be_table_field
      destination=$value target=$escaped
      ;;
    3*',"type"]')
      must_be_table_field
      mount_type=$escaped
      ;;
    3*',"source"]')
      must_be_table_field
      source=$escaped
      ;;
    3*',"options"]') options_field "$@" ;;
    *) unknown ;;
  esac
}

# The tools have words of their own, which are none of the specification's.
options_field() {
  must_be_strings
  for value; do
    case $value in
      bind | rbind) bind=$value ;;
      ro) read_only=,ro ;;
      rw) read_only='' ;;
      tmpcopyup | idmap | ridmap | move | remount | nofail | [Xx]-*) wrong "has '$value', which is not supported" ;;
      '') ;;
      *[!A-Za-z0-9_/.,:=+@%-]*)
        must_be_table_field
        options=$options,$escaped
        ;;
      *) options=$options,$value ;;
    esac
  done
}

finish_mount() {
  case $destination in
    /*[!/.]*) ;;
    *[!/.]*) target=/$target ;;
    '') refuse "$element_name.destination is missing" ;;
    *) refuse "$element_name.destination is the root" ;;
  esac
  case $bind:$mount_type in
    :bind)
      bind=bind
      finish_bind
      ;;
    :*) finish_file_system ;;
    *) finish_bind ;;
  esac
}

# add_mount SOURCE TYPE OPTIONS: a line of the table for the mount at hand.
add_mount() {
  options=${3#,}
  mounts=$mounts$newline"$1 $target $2 ${options:-defaults}"
}

finish_bind() {
  case $source in
    '' | none) refuse "$element_name.source is missing" ;;
  esac
  case $target in
    /dev | /dev/) dev=bind ;;
  esac
  case $no_devices in
    yes) keep_devices_out ;;
  esac
  add_mount "$source" none "$bind$options$read_only"
}

# Where the rule is to deny all devices but the default ones, no other one opens in what is bound.
keep_devices_out() {
  case $source in
    /dev/null | /dev/zero | /dev/full | /dev/random | /dev/urandom | /dev/tty | /dev/console | /dev/ptmx) ;;
    /dev | /dev/*)
      refuse "$element_name binds $source, which the rule of linux.resources.devices to deny all devices forbids"
      ;;
    *) [ "$bind" = rbind ] && options=$options,rnodev || options=$options,nodev ;;
  esac
}

finish_file_system() {
  case $mount_type in
    '' | none) refuse "$element_name.type is missing" ;;
    mask | readonly | char | block | fifo | symlink | dir | auto)
      refuse "$element_name.type is no file system: $mount_type"
      ;;
    cgroup)
      add_cgroup
      return
      ;;
  esac
  case $target in
    # It becomes read-only once its nodes are made.
    /dev | /dev/) dev=made dev_end=${read_only:+$newline"none /dev none remount,bind$read_only"} read_only='' ;;
  esac
  add_mount "${source:-$mount_type}" "$mount_type" "$options$read_only"
}
