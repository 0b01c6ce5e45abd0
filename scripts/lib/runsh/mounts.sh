# The mounts that --volume and --mount add to those of a bundle.
# shellcheck shell=sh
# shellcheck disable=SC1091,SC2034,SC2154 # The commands and the shared files use the variables of each other.

. "$library/volumes.sh"

# $mount_options are options of spec-rs, quoted for the shell. $volume_list has a line "NAME COPY DESTINATION/" for each volume.
# $unnamed are the generated names of volumes.

# take_volume WORD: [SOURCE:]DESTINATION[:OPTIONS] of -v.
take_volume() {
  case $1 in
    :*) usage_error "invalid value '$(shown "$1")' of '--volume': it begins with ':'" ;;
    *:*:*:*) usage_error "invalid value '$(shown "$1")' of '--volume': it has more than three parts" ;;
  esac
  start_mount
  words_of_mount=
  case $1 in
    *:*) source=${1%%:*} destination=${1#*:} ;;
    *) destination=$1 ;;
  esac
  case $destination in
    *:*) words_of_mount=${destination#*:} destination=${destination%%:*} ;;
  esac
  case $source in
    */* | .*) kind=bind ;;
    *) kind=volume ;;
  esac
  split "$words_of_mount"
  for word in $parts; do
    volume_word "$word"
  done
  add_mount
}

start_mount() {
  kind=volume source='' destination='' mount_words='' access='' propagation='' copy=yes recursive=rbind volume_only='' tmpfs_only='' subpath=''
}

# split LIST: sets $parts to its words between commas, to be split at newlines; IFS is newline from here on.
split() {
  parts=
  rest=$1,
  while [ -n "$rest" ]; do
    parts=$parts${rest%%,*}$newline
    rest=${rest#*,}
  done
  IFS=$newline
}

# volume_word WORD: an option of -v.
volume_word() {
  case $1 in
    ro | rw) access=$1 ;;
    nocopy) copy='' volume_only=nocopy ;;
    private | rprivate | shared | rshared | slave | rslave) propagation=$1 ;;
    nodev | noexec | nosuid) mount_words=$mount_words,$1 ;;
    # For Docker Desktop; they have no effect on Linux.
    cached | consistent | delegated) ;;
    z | Z)
      [ ! -e /sys/fs/selinux/enforce ] || usage_error "option '$1' of '--volume' is not supported where SELinux is: files are not labelled anew"
      ;;
    *) usage_error "invalid option '$(shown "$1")' of '--volume'" ;;
  esac
}

# take_mount LIST: of --mount, NAME[=VALUE] between commas.
take_mount() {
  start_mount
  case $1 in
    *\"*) usage_error "invalid value of '--mount': it has a quote" ;;
  esac
  split "$1"
  for word in $parts; do
    mount_word "$word"
  done
  case $kind in
    bind | volume | tmpfs) ;;
    *) usage_error "invalid type '$kind' of '--mount': it is bind, volume or tmpfs" ;;
  esac
  [ "$kind" = tmpfs ] || [ -z "$tmpfs_only" ] || usage_error "option '$tmpfs_only' of '--mount' is for type=tmpfs"
  [ "$kind" != tmpfs ] || [ -z "$source" ] || usage_error "option 'source' of '--mount' is not for type=tmpfs"
  add_mount
}

mount_word() {
  given=${1#*=}
  case $1 in
    type=*) kind=$given ;;
    source=* | src=*) source=$given ;;
    target=* | destination=* | dst=*) destination=$given ;;
    readonly | ro | readonly=true | ro=true | readonly=1 | ro=1) access=ro ;;
    readonly=false | ro=false | readonly=0 | ro=0) access=rw ;;
    volume-nocopy | volume-nocopy=true | volume-nocopy=1) copy='' volume_only=volume-nocopy ;;
    volume-nocopy=false | volume-nocopy=0) ;;
    # A volume that has the directory is not empty, and so it is not filled.
    volume-subpath=?*) subpath=$given copy='' volume_only=volume-subpath ;;
    bind-propagation=private | bind-propagation=rprivate | bind-propagation=shared | bind-propagation=rshared | \
      bind-propagation=slave | bind-propagation=rslave) propagation=$given ;;
    bind-recursive=enabled | bind-nonrecursive=false) ;;
    bind-recursive=disabled | bind-nonrecursive | bind-nonrecursive=true) recursive=bind ;;
    tmpfs-size=?* | tmpfs-mode=?*)
      tmpfs_only=${1%%=*}
      case $given in
        *[!0-9kmgKMG]*) usage_error "invalid value of '$tmpfs_only' of '--mount': it is a number" ;;
      esac
      mount_words=$mount_words,${1#tmpfs-}
      ;;
    consistency=* | volume-driver=local) ;;
    *) usage_error "invalid option '$(shown "${1%%=*}")' of '--mount'" ;;
  esac
}

# add_mount: adds the mount to $mount_options.
add_mount() {
  unset IFS
  case $destination in
    /*[!/]*) ;;
    *) usage_error "invalid destination '$(shown "$destination")': it must be an absolute path, and not the root" ;;
  esac
  case $destination in
    *[\""$newline"]*) [ "$kind" != volume ] || [ -z "$copy" ] || usage_error "a volume cannot be filled from '$(shown "$destination")': use nocopy" ;;
  esac
  [ "$kind" = volume ] || [ -z "$volume_only" ] || usage_error "option '$volume_only' is for a volume"
  [ -z "$subpath" ] || [ -n "$source" ] || usage_error "'volume-subpath' of '--mount' needs source=NAME: a volume without a name is empty"
  case $kind in
    bind) add_bind ;;
    volume) add_volume ;;
    tmpfs) add_tmpfs ;;
  esac
}

add_bind() {
  [ -n "$source" ] || usage_error "'--mount' needs source=PATH"
  absolute "$source"
  [ -e "$path" ] || die "cannot mount '$source' on '$destination': bind source path does not exist"
  put_mount --mount "$destination" --source "$path" --options "$recursive,${propagation:-rprivate}$mount_words${access:+,$access}"
}

# nodev: a container may have made device nodes in the volume.
add_volume() {
  if [ -z "$source" ]; then
    source=$(random_name)
    unnamed=$unnamed$source$newline
  fi
  check_volume_name "$source"
  [ -n "$volume_list" ] || find_volumes
  put_mount --mount "$destination" --source "$volumes/$source/_data" \
    --options "bind,nodev,${propagation:-rprivate}$mount_words${access:+,$access}"
  mount_options="$mount_options --owners \$owners"
  [ -z "$subpath" ] || add_subpath
  # The slash keeps a blank at the end, which read would drop.
  volume_list="$volume_list$source ${copy:-no} $destination/$newline"
}

add_subpath() {
  outer=$words words=
  add_word --subdirectory "$subpath"
  mount_options="$mount_options$words"
  words=$outer
}

add_tmpfs() {
  case $mount_words in
    *,mode=*) ;;
    *) mount_words=$mount_words,mode=1777 ;;
  esac
  put_mount --mount "$destination" --type tmpfs --source tmpfs --options "nosuid,nodev,noexec$mount_words${access:+,$access}"
}

put_mount() {
  outer=$words words=
  add_word "$@"
  mount_options="$mount_options$words"
  words=$outer
}

# claim_volumes: makes the missing volumes, and writes down that the container uses all of them.
claim_volumes() {
  for path in "$root" "$volumes"; do
    case $path in
      *"$newline"*) die "cannot use volumes with '$(shown "$path")': its name has more than one line" ;;
    esac
  done
  command -v flock >/dev/null || die "cannot lock '$volumes': flock is not installed"
  names=$(printf %s "$volume_list" | cut -d ' ' -f 1 | sort -u)
  put volumes "$names"
  [ -z "$unnamed" ] || put unnamed "$volumes$newline${unnamed%"$newline"}"
  make_volumes
  lock_volumes
  for name in $names; do
    case $newline$unnamed in
      *"$newline$name$newline"*) labels=$anonymous=$newline ;;
      *) labels= ;;
    esac
    use_volume "$name" "$dir" "$labels"
  done
  unlock_volumes
}

# fill_volumes: called when $rootfs and the users are known. Fails if the file system of the volumes supports no idmapped mounts:
# the files must then belong to the users of the namespace, and the line is made again.
fill_volumes() {
  how=
  [ -z "$user_map" ] || [ ! -O / ] || how=$owners
  [ "$how" != map ] || can_map "${volume_list%% *}" || {
    owners=keep
    return 1
  }
  while read -r name copy destination <&3; do
    fill_volume "$name" "$dir" "$copy" "${destination%/}" "$how"
  done 3<<lines
${volume_list%"$newline"}
lines
}
