# What each field of a config.json means: it is checked, and put into a variable, or refused by name.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # The variables are read in chain.sh, and $config is the one of runsh.
# shellcheck disable=SC1003 # Backslashes are meant as they stand.

# Where "case" does for "[" it is there: dash takes a fourth of the time for it.

# Nothing of the environment may pass for a field of the configuration.
reset() {
  newline='
'
  complete='' status='' cgroup='' mountinfo='' kind='' element='none' element_name=''
  version='' rootfs='' readonly='' hostname='' domainname=''
  args='' cwd='' env='' home='' terminal='' no_new_privileges='' uid=0 gid=0 groups='' umask=18 oom=''
  bounding='' permitted='' effective='' inheritable='' ambient='' limits=' ' limit_lines='' limit_words=''
  namespaces=' ' uid_maps='' gid_maps='' uid_root='' gid_root='' gid_size=0 offsets='' propagation=slave
  no_devices='' mounts='' dev='' dev_end='' protected='' masked=''
}

# --- text

# Sets $quoted to TEXT as a word of shell. The kernel takes none of 128 KiB or more (MAX_ARG_STRLEN).
quote() {
  case $1 in
    *[!A-Za-z0-9_/.,:=+@%-]* | '') ;;
    *)
      quoted=$1
      return
      ;;
  esac
  [ ${#1} -lt 131072 ] || refuse "'$(printf '%.30s' "$1")...' is longer than 131071 bytes"
  case $1 in
    *\'*) quoted=$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g; \$s/\$/'/") quoted="'$quoted" ;;
    *) quoted="'$1'" ;;
  esac
}

# Sets $escaped to TEXT as a field of fstab(5). A path or a mount's options are at most a page long.
escape() {
  case $1 in
    *[!A-Za-z0-9_/.,:=+@%-]*) ;;
    *)
      escaped=${1:-none}
      return
      ;;
  esac
  [ ${#1} -le 4096 ] || refuse "'$(printf '%.30s' "$1")...' is longer than 4096 bytes"
  escaped='' rest=$1
  while :; do
    plain=${rest%%[[:space:]\\#]*} rest=${rest#"${rest%%[[:space:]\\#]*}"}
    case $rest in
      '') break ;;
      ' '*) escaped=$escaped$plain'\040' ;;
      '#'*) escaped=$escaped$plain'\043' ;;
      '\'*) escaped=$escaped$plain'\134' ;;
      "$newline"*) escaped=$escaped$plain'\012' ;;
      # A tab, and what other shells take for a blank.
      *) escaped=$escaped$plain$(printf '\\%03o' "'$rest") ;;
    esac
    rest=${rest#?}
  done
  escaped=$escaped$plain
}

# Sets $name to the path of the field at hand as a person writes it: linux.namespaces[0].type
find_name() {
  name='' rest=${path#'['}
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

# wrong TYPE+PATH REASON: the field cannot be used.
wrong() {
  path=[${1#*'['}
  find_name
  refuse "$name $2"
}

# --- what has no meaning

# Sets $want to the type of the field at a path, where it is known.
find_type() {
  case $1 in
    '["ociVersion"]' | '["hostname"]' | '["domainname"]' | '["root","path"]' | '["process","cwd"]' | \
      '["linux","rootfsPropagation"]' | '["annotations",'* | '["mounts",'[0-9]*',"destination"]' | '["mounts",'[0-9]*',"type"]' | \
      '["mounts",'[0-9]*',"source"]' | '["linux","namespaces",'[0-9]*',"type"]' | \
      '["process","rlimits",'[0-9]*',"type"]' | '["linux","resources","devices",'[0-9]*',"access"]')
      want='a string'
      ;;
    '["root","readonly"]' | '["process","terminal"]' | '["process","noNewPrivileges"]' | \
      '["linux","resources","devices",'[0-9]*',"allow"]')
      want='true or false'
      ;;
    '["process","user","uid"]' | '["process","user","gid"]' | '["process","user","umask"]' | '["process","oomScoreAdj"]' | \
      '["process","user","additionalGids",'[0-9]* | '["process","rlimits",'[0-9]*',"'[sh]* | \
      '["linux","'[ug]'idMappings",'[0-9]*',"'* | '["linux","timeOffsets",'*',"secs"]' | '["process","consoleSize",'*)
      want='a number'
      ;;
    '["process","args"]' | '["process","env"]' | '["process","capabilities",'* | '["mounts",'[0-9]*',"options"]' | \
      '["linux","maskedPaths"]' | '["linux","readonlyPaths"]')
      want='an array of strings'
      ;;
    '["mounts"]' | '["process","rlimits"]' | '["process","user","additionalGids"]' | '["linux","namespaces"]' | \
      '["linux","'[ug]'idMappings"]' | '["linux","resources","devices"]')
      want='an array'
      ;;
    '["root"]' | '["process"]' | '["linux"]' | '["annotations"]' | '["process","user"]' | '["process","capabilities"]' | \
      '["process","consoleSize"]' | '["linux","timeOffsets"]' | '["linux","timeOffsets","monotonic"]' | \
      '["linux","timeOffsets","boottime"]' | \
      '["linux","resources"]' | '["mounts",'[0-9]* | '["process","rlimits",'[0-9]* | '["linux","namespaces",'[0-9]* | \
      '["linux","'[ug]'idMappings",'[0-9]* | '["linux","resources","devices",'[0-9]*)
      want='an object'
      ;;
    *) want='' ;;
  esac
}

# unknown TYPE+PATH VALUE: the field has no meaning, because it, or one that it belongs to, is of the wrong type, or
# because it is not supported. What says nothing may stay.
unknown() {
  field=$1 path=[${1#*'['} type=${1%%'['*}
  # Strings, where there are any, tell an array apart from an empty one.
  strings=$(($# - 1))
  case $type$path in
    null*[0-9]']') wrong "$field" 'must not be null' ;;
    null*) return ;;
  esac
  while :; do
    find_type "$path"
    case $type:$want in
      *: | string:'a string' | number:'a number' | boolean:'true or false' | object:'an object') ;;
      array:'an array')
        case $strings:$field in
          0:* | *:[!a]*) ;;
          *"$path") wrong "$field" 'must not be an array of strings' ;;
        esac
        ;;
      array:'an array of strings')
        case $field in
          *"$path") ;;
          # Then it is another element that is none.
          string*) return ;;
          *) wrong "$field" 'must be a string' ;;
        esac
        ;;
      *) wrong "$path" "must be $want" ;;
    esac
    # On to what it belongs to.
    case ${path##*,} in
      [0-9]*) type=array ;;
      *) type=object ;;
    esac
    case $path in
      *,*) path=${path%,*}] ;;
      *) break ;;
    esac
  done
  case ${field%%'['*}:$strings:${2-} in
    boolean:1:false | string:1: | array:0: | object:1:'{}') ;;
    *) wrong "$field" 'is not supported' ;;
  esac
}

# must_be_whole TYPE+PATH VALUE LOW HIGH: of at most 16 digits, up to which a number of JSON is exact.
must_be_whole() {
  case $2 in
    # In everybody's range.
    [0-9] | [0-9][0-9]) return ;;
  esac
  case ${2#-} in
    '' | 0?* | *[!0-9]* | ?????????????????*) wrong "$1" "must be a whole number from $3 to $4" ;;
  esac
  if [ "$2" = -0 ] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
    wrong "$1" "must be a whole number from $3 to $4"
  fi
}

# The highest number of 32 bits means "no id".
must_be_id() {
  must_be_whole "$1" "$2" 0 4294967294
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
    # Which jq writes for what is not UTF-8, but which may stand there too.
    *'�'*) iconv -f UTF-8 -t UTF-8 <"$config" >/dev/null 2>&1 || refuse 'it is not UTF-8' ;;
  esac
  find_hierarchies
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

field1() {
  case $1 in
    'string["ociVersion"]') version=$2 ;;
    'string["hostname"]')
      quote "$2"
      hostname=${2:+$quoted}
      ;;
    'string["domainname"]')
      quote "$2"
      domainname=${2:+$quoted}
      ;;
    *) unknown "$@" ;;
  esac
}

field2() {
  case $1 in
    'string["root","path"]') rootfs=$2 ;;
    'boolean["root","readonly"]') readonly=${2#false} ;;
    'string["process","cwd"]') cwd=$2 ;;
    'boolean["process","terminal"]') terminal=${2#false} ;;
    'boolean["process","noNewPrivileges"]') no_new_privileges=${2#false} ;;
    'array["process","args"]') args_field "$@" ;;
    'array["process","env"]') env_field "$@" ;;
    'array["linux","maskedPaths"]') masked_field "$@" ;;
    'array["linux","readonlyPaths"]') protected_field "$@" ;;
    'number["process","oomScoreAdj"]')
      must_be_whole "$1" "$2" -1000 1000
      oom=$2
      ;;
    'string["linux","rootfsPropagation"]') propagation_field "$@" ;;
    'string["annotations",'*) ;;
    'object["mounts",'*) enter mount "$1" ;;
    *) unknown "$@" ;;
  esac
}

field3() {
  case $1 in
    'string["mounts",'[0-9]*) mount_field "$@" ;;
    'array["mounts",'[0-9]*',"options"]') options_field "$@" ;;
    'array["process","capabilities",'*) capabilities_field "$@" ;;
    'number["process","user","uid"]')
      must_be_id "$1" "$2"
      uid=$2
      ;;
    'number["process","user","gid"]')
      must_be_id "$1" "$2"
      gid=$2
      ;;
    'number["process","user","umask"]')
      must_be_whole "$1" "$2" 0 511
      umask=$2
      ;;
    # The size of a terminal that were made anew; ours is the caller's.
    'number["process","consoleSize","height"]' | 'number["process","consoleSize","width"]') ;;
    'object["process","rlimits",'*) enter limit "$1" ;;
    'object["linux","namespaces",'*) enter namespace "$1" ;;
    'object["linux","uidMappings",'*) enter uid "$1" ;;
    'object["linux","gidMappings",'*) enter gid "$1" ;;
    *) unknown "$@" ;;
  esac
}

field4() {
  case $1 in
    'string["linux","namespaces",'[0-9]*',"type"]')
      enter namespace "$1"
      namespace=$2
      ;;
    *'["process","rlimits",'[0-9]*) limit_field "$@" ;;
    'number["linux","uidMappings",'[0-9]*)
      enter uid "$1"
      mapping_field "$@"
      ;;
    'number["linux","gidMappings",'[0-9]*)
      enter gid "$1"
      mapping_field "$@"
      ;;
    'number["process","user","additionalGids",'[0-9]*)
      must_be_id "$1" "$2"
      groups=$groups${groups:+,}$2
      case ${#groups} in
        ??????*) wrong "$1" 'is one group too many' ;;
      esac
      ;;
    'number["linux","timeOffsets","monotonic","secs"]') offset_field monotonic "$@" ;;
    'number["linux","timeOffsets","boottime","secs"]') offset_field boottime "$@" ;;
    'number["linux","timeOffsets",'*',"nanosecs"]') [ "$2" = 0 ] || wrong "$1" 'is not supported: only whole seconds are' ;;
    'object["linux","resources","devices",'*) enter rule "$1" ;;
    *) unknown "$@" ;;
  esac
}

field5() {
  case $1 in
    'boolean["linux","resources","devices",'[0-9]*',"allow"]')
      enter rule "$1"
      allow=${2#false}
      ;;
    'string["linux","resources","devices",'[0-9]*',"access"]')
      enter rule "$1"
      access=$2
      ;;
    *) unknown "$@" ;;
  esac
}

# Those that are deeper.
field6() {
  unknown "$@"
}

# enter KIND TYPE+PATH: the field belongs to an element of an array; the element before it is finished.
enter() {
  case $2 in
    *"$element"[],]*) return ;;
  esac
  finish_element
  kind=$1
  case $kind in
    mount) array=mounts element='["mounts",' ;;
    limit) array=process.rlimits element='["process","rlimits",' ;;
    namespace) array=linux.namespaces element='["linux","namespaces",' ;;
    uid) array=linux.uidMappings element='["linux","uidMappings",' ;;
    gid) array=linux.gidMappings element='["linux","gidMappings",' ;;
    rule) array=linux.resources.devices element='["linux","resources","devices",' ;;
  esac
  index=${2#*"$element"}
  index=${index%%[],]*}
  element=$element$index element_name="${array}[$index]"
  limit='' soft='' hard='' namespace='' inner=0 outer=0 size=0 allow='' access=''
  destination='' mount_type='' source='' options='' bind='' read_only=''
}

finish_element() {
  case $kind in
    mount) finish_mount ;;
    limit) finish_limit ;;
    namespace) finish_namespace ;;
    uid) finish_uid_mapping ;;
    gid) finish_gid_mapping ;;
    rule) finish_device_rule ;;
  esac
}

# --- process

# Words are put together in pieces, so that many of them take no time that grows with their square.
args_field() {
  shift
  piece=''
  for word; do
    quote "$word"
    piece="$piece $quoted"
    case ${#piece} in
      ?????*) args=$args$piece piece='' ;;
    esac
  done
  args=$args$piece
}

env_field() {
  field=$1 piece=''
  shift
  for word; do
    case $word in
      [!=]*=*) ;;
      *) wrong "$field" "has '$word', which is not NAME=VALUE" ;;
    esac
    case $word in
      HOME=?*) home=yes ;;
    esac
    quote "$word"
    piece="$piece --setenv $quoted"
    case ${#piece} in
      ?????*) env=$env$piece piece='' ;;
    esac
  done
  env=$env$piece
}

capabilities_field() {
  field=$1 set=''
  shift
  for word; do
    capability=${word#CAP_}
    case $capability in
      "$word" | '' | *[!A-Z0-9_]*) wrong "$field" "has '$word', which is no capability" ;;
    esac
    set=$set,+$capability
  done
  case $field in
    *,'"bounding"]') bounding=$set ;;
    *,'"permitted"]') permitted=$set ;;
    *,'"effective"]') effective=$set ;;
    *,'"inheritable"]') inheritable=$set ;;
    *,'"ambient"]') ambient=$set ;;
    *) unknown "$field" "$@" ;;
  esac
}

limit_field() {
  enter limit "$1"
  case $1 in
    string*',"type"]') limit=$2 ;;
    number*',"soft"]')
      find_limit "$@"
      soft=$found
      ;;
    number*',"hard"]')
      find_limit "$@"
      hard=$found
      ;;
    *) unknown "$@" ;;
  esac
}

# RLIM_INFINITY, 2^64-1, is a number that not every jq keeps.
find_limit() {
  case $2 in
    18446744073709551615 | 18446744073709552000) found=unlimited ;;
    *)
      must_be_whole "$1" "$2" 0 9007199254740992
      found=$2
      ;;
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
    RLIMIT_CORE) add_limit core c none ;;
    RLIMIT_CPU) add_limit cpu t 1 ;;
    RLIMIT_DATA) add_limit data d 1024 ;;
    RLIMIT_FSIZE) add_limit fsize f none ;;
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
    *) refuse "$element_name.type is no resource limit: '$limit'" ;;
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

# Sets $units to the number of units of this SIZE, where it is a whole one. "none" is a size that not all shells agree on.
in_units() {
  units=$1
  case $1:$2 in
    unlimited:* | 0:*) ;;
    *:none) false ;;
    *)
      units=$(($1 / $2))
      [ $((units * $2)) -eq "$1" ]
      ;;
  esac
}

# --- linux

masked_field() {
  shift
  for word; do
    escape "$word"
    masked="$masked${newline}none $escaped mask"
  done
}

protected_field() {
  shift
  for word; do
    escape "$word"
    protected="$protected${newline}none $escaped readonly"
  done
}

propagation_field() {
  case $2 in
    '') ;;
    rslave | rprivate) propagation=${2#r} ;;
    *) wrong "$1" "is not supported: '$2'" ;;
  esac
}

finish_namespace() {
  case $namespace in
    '') refuse "$element_name.type is missing" ;;
    mount | pid | network | ipc | uts | cgroup | user | time) ;;
    *) refuse "$element_name.type is no namespace: '$namespace'" ;;
  esac
  case $namespaces in
    *" $namespace "*) refuse "$element_name is $namespace for the second time" ;;
  esac
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
  must_be_id "$1" "$2"
  case $1 in
    *',"containerID"]') inner=$2 ;;
    *',"hostID"]') outer=$2 ;;
    *',"size"]') size=$2 ;;
    *) wrong "$1" 'is not supported' ;;
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
  must_be_whole "$2" "$3" -9007199254740992 9007199254740992
  [ "$3" -eq 0 ] || offsets="$offsets --$1 $3"
}

finish_device_rule() {
  case $allow$access in
    '' | rwm | rmw | wrm | wmr | mrw | mwr) no_devices=yes ;;
    *) refuse "$element_name is not supported: the one rule that can be kept is to deny all" ;;
  esac
}

# --- mounts

mount_field() {
  enter mount "$1"
  case $1 in
    *',"destination"]') destination=$2 ;;
    *',"source"]') source=$2 ;;
    *',"type"]') mount_type=$2 ;;
    *) unknown "$@" ;;
  esac
}

options_field() {
  field=$1
  enter mount "$1"
  shift
  for word; do
    case $word in
      *,*) split_options "$word" ;;
      *) option "$word" ;;
    esac
  done
}

# A string may hold several options. Between quotes, or behind a backslash, a comma is none that parts them.
split_options() {
  case $1 in
    *[\\\"]*) wrong "$field" "has '$1', which is not supported" ;;
  esac
  rest=$1,
  while [ -n "$rest" ]; do
    option "${rest%%,*}"
    rest=${rest#*,}
  done
}

# The tools, and fstab(5), have words of their own, which are none of the specification's.
option() {
  case $1 in
    '') ;;
    bind | rbind) bind=$1 ;;
    ro) read_only=,ro ;;
    rw) read_only='' ;;
    tmpcopyup | idmap | ridmap | move | remount | nofail | auto | noauto | user | users | nouser | owner | noowner | \
      group | nogroup | copy | nocopy | _netdev | [Xx]-*)
      wrong "$field" "has '$1', which is not supported"
      ;;
    *[!A-Za-z0-9_/.,:=+@%-]*)
      escape "$1"
      options=$options,$escaped
      ;;
    *) options=$options,$1 ;;
  esac
}

finish_mount() {
  case $destination in
    *//* | */. | */./* | */) simplify_destination ;;
  esac
  case $destination in
    /*[!/.]*) ;;
    *[!/.]*) destination=/$destination ;;
    '') refuse "$element_name.destination is missing" ;;
    *) refuse "$element_name.destination is the root" ;;
  esac
  escape "$destination"
  target=$escaped
  case $bind:$mount_type in
    :bind)
      bind=bind
      finish_bind
      ;;
    :*) finish_file_system ;;
    *) finish_bind ;;
  esac
}

# The same place by a name without empty parts and dots.
simplify_destination() {
  destination=$destination/
  while :; do
    case $destination in
      *//*) destination=${destination%%//*}/${destination#*//} ;;
      */./*) destination=${destination%%/./*}/${destination#*/./} ;;
      *) break ;;
    esac
  done
  destination=${destination%/}
  destination=${destination:-/}
}

# add_mount SOURCE TYPE OPTIONS: a line of the table for the mount at hand.
add_mount() {
  options=${3#,}
  mounts=$mounts$newline"$1 $target $2 ${options:-defaults}"
}

finish_bind() {
  [ "$destination" != /dev ] || dev=bind
  case $no_devices$source in
    '' | yes) refuse "$element_name.source is missing" ;;
    yes*) keep_devices_out ;;
  esac
  case $source in
    /*) ;;
    # Else it may look like the name of a block device, LABEL=a.
    *=*) source=./$source ;;
  esac
  escape "$source"
  add_mount "$escaped" none "$bind$options$read_only"
}

# Where the rule is to deny all devices but the default ones, no other one opens in what is bound.
keep_devices_out() {
  case $source in
    /dev/null | /dev/zero | /dev/full | /dev/random | /dev/urandom | /dev/tty | /dev/console | /dev/ptmx) ;;
    /dev | /dev/)
      refuse "$element_name binds $source, which the rule of linux.resources.devices to deny all devices forbids"
      ;;
    *) [ "$bind" = rbind ] && options=$options,rnodev || options=$options,nodev ;;
  esac
}

finish_file_system() {
  case $mount_type in
    '' | none) refuse "$element_name.type is missing" ;;
    mask | readonly | char | block | fifo | symlink | dir | auto | swap | ignore)
      refuse "$element_name.type is no file system: '$mount_type'"
      ;;
    cgroup)
      add_cgroup
      return
      ;;
  esac
  case $no_devices:$mount_type in
    # What is empty, or holds nothing but what the kernel puts there.
    :* | *:tmpfs | *:proc | *:sysfs | *:devpts | *:mqueue | *:cgroup2) ;;
    *) options=$options,nodev ;;
  esac
  case $destination in
    # It becomes read-only once its nodes are made.
    /dev) dev=made dev_end=${read_only:+$newline"none /dev none remount,bind$read_only"} read_only='' ;;
  esac
  escape "$mount_type"
  mount_type=$escaped
  escape "${source:-$mount_type}"
  add_mount "$escaped" "$mount_type" "$options$read_only"
  # Before anything is mounted over one of them.
  [ "$destination" != /dev ] || add_devices
}
