# The store of volumes: a directory of this user's for each, below $volumes. Its files:
#   _data       what a container sees; its place, owner and mode are those of the volume
#   created     when it was made (RFC 3339)
#   labels      a line NAME=VALUE each
#   users       the state directories of the containers that use it, a line each; one counts only if its file "volumes" names it
#   mounted     those of them that began while the volume was empty
#   filled      an empty file: the volume is never filled again
#
# A directory that is being made or removed has a name that begins with a dot; no volume has such a name. A command that adds,
# removes or begins to use volumes holds the lock of the store, on descriptor 7. A command that fills one holds the lock of the
# volume, on descriptor 8.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # The scripts and the shared files use the variables of each other.

# find_volumes: sets $volumes.
find_volumes() {
  volumes=${RUNSH_VOLUMES-}
  case $volumes in
    /*) ;;
    ?*) volumes=$PWD/$volumes ;;
    *)
      # In a user namespace of an ordinary user, / is of nobody.
      if [ -O / ]; then
        volumes=/var/lib/runsh/volumes
      elif [ -n "${XDG_DATA_HOME-}" ]; then
        volumes=$XDG_DATA_HOME/runsh/volumes
      else
        [ -n "${HOME-}" ] || die 'cannot find the volumes: neither RUNSH_VOLUMES nor XDG_DATA_HOME nor HOME is set'
        volumes=$HOME/.local/share/runsh/volumes
      fi
      ;;
  esac
  [ ! -e "$volumes" ] || check_volumes
}

# check_volumes: another user who may write there could exchange a volume for another directory. One who may enter could execute
# set-user-ID programs that a container has put into a volume.
check_volumes() {
  [ -O "$volumes" ] || die "cannot use '$volumes': it belongs to another user"
  # Otherwise prune would remove what is there.
  ! is_link_of_another "${volumes%"${volumes##*[!/]}"}" || die "cannot use '$volumes': it is a link that belongs to another user"
  [ -d "$volumes" ] || die "cannot use '$volumes': it is not a directory"
  [ -n "$(find "$volumes/." -maxdepth 0 ! -perm /077)" ] ||
    die "cannot use '$volumes': other users may enter it, and then execute the set-user-ID programs of containers: chmod 700"
}

make_volumes() {
  # busybox mkdir -m sets the mode after it has made the directory: another command could see the wrong one and refuse the store.
  [ -d "$volumes" ] || reason=$(umask 077 && mkdir -p -- "$volumes" 2>&1) || die "cannot make the directory '$volumes': ${reason##*: }"
  check_volumes
}

# check_volume_name NAME: the names that Docker allows.
check_volume_name() {
  case $1 in
    [!a-zA-Z0-9]* | *[!a-zA-Z0-9_.-]* | '') ;;
    # There must be room for what is added while it is removed.
    *) [ "${#1}" -gt 200 ] || return 0 ;;
  esac
  die "cannot name a volume '$(shown "$1")': a name is made of at most 200 letters, digits, '_', '.' and '-', and begins with a letter or a digit"
}

# lock_volumes: waits for other commands that change the store, and removes what crashed ones have left.
lock_volumes() {
  { command exec 7<"$volumes"; } 2>/dev/null || die "cannot open '$volumes'"
  # The Korn shells hand on no descriptor above 2 of their own accord.
  flock 0 <&7 || die "cannot lock '$volumes'"
  set +f
  for unfinished in "$volumes"/.new.*; do
    [ ! -d "$unfinished" ] || rm -rf -- "$unfinished"
  done
  set -f
}

unlock_volumes() {
  exec 7<&-
}

# The label by which Docker marks a volume that its user gave no name.
anonymous=com.docker.volume.anonymous

# random_name: prints one for a volume without a name.
random_name() {
  od -An -N32 -v -tx1 /dev/urandom | tr -d ' \n'
}

has_volume() {
  [ -d "$volumes/$1/_data" ]
}

# make_volume NAME [LABELS]: the caller holds the lock. One rename makes the complete volume appear.
make_volume() {
  new=$volumes/.new.$$
  { mkdir -m 700 -- "$new" && mkdir -m 755 -- "$new/_data" && date -u +%Y-%m-%dT%H:%M:%SZ >"$new/created"; } ||
    die "cannot make the volume '$1' in '$volumes'"
  [ -z "${2-}" ] || printf %s "$2" >"$new/labels"
  # mv -T replaces an empty directory, and fails on anything else of that name.
  reason=$(mv -T -- "$new" "$volumes/$1" 2>&1) || die "cannot make the volume '$1': ${reason##*: }"
}

# discard_volume NAME: the caller holds the lock; sweep_volumes removes the files.
discard_volume() {
  ! has_mounts "$volumes/$1" || die "cannot remove the volume '$1': something is mounted in it"
  read_start "$$"
  gone=$volumes/.gone.$1.$$.$start
  mv -T -- "$volumes/$1" "$gone" || die "cannot remove the volume '$1'"
}

# sweep_volumes: without the lock, since it may take long. Other commands may do the same meanwhile.
sweep_volumes() {
  set +f
  for gone in "$volumes"/.gone.*; do
    # Another command may be removing it: then what rm finds is gone when it gets there.
    [ ! -d "$gone" ] || remove_tree "$gone" || { sleep 0.3 && remove_tree "$gone"; } || warn "cannot remove all of '$gone'"
  done
  set -f
}

# has_mounts DIR: something is mounted below it, or may be. What is there is not of the volume.
has_mounts() {
  place=$(cd -P -- "$1" 2>/dev/null && pwd -P) || return 1
  find_tools
  "$tools/findmnt-rs" --noheadings --list --output TARGET | grep -qF -- "$place/"
}

# remove_tree DIR: an ordinary user needs a user namespace to remove files of its subordinate users.
remove_tree() {
  ! has_mounts "$1" || return
  rm -rf -- "$1" 2>/dev/null || [ -O / ] || {
    "$tools/unshare-rs" --map-root-user --map-auto -- rm -rf -- "$1" 2>/dev/null ||
      "$tools/unshare-rs" --map-root-user -- rm -rf -- "$1" 2>/dev/null
  } || :
  [ ! -d "$1" ]
}

# is_user DIR NAME: the container of this state directory exists and uses the volume.
is_user() {
  [ -O "$1/volumes" ] && grep -qxF -e "$2" "$1/volumes" 2>/dev/null
}

# find_users NAME [BUT]: sets $users to the state directories of the containers that use it, a line each, except BUT.
find_users() {
  users=
  [ -s "$volumes/$1/users" ] || return 0
  # A directory of states may be named in more than one way.
  while IFS= read -r user; do
    # shellcheck disable=SC3013 # All shells here have -ef.
    [ "$user" -ef "${2-}" ] || ! is_user "$user" "$1" || users=$users$user$newline
  done <"$volumes/$1/users"
}

# use_volume NAME DIR [LABELS]: writes down that the container of the state directory DIR uses the volume, and makes a missing
# volume. The caller holds the lock, and has written DIR/volumes.
use_volume() {
  has_volume "$1" || make_volume "$1" "${3-}"
  find_users "$1" "$2"
  # By rename, so that nobody reads half of it.
  { printf '%s%s\n' "$users" "$2" >"$volumes/$1/.users" && mv -T -- "$volumes/$1/.users" "$volumes/$1/users"; } ||
    die "cannot write '$volumes/$1/users'"
}

# remove_unnamed: removes the unnamed volumes of the container $dir, unless another container uses them. No process of the
# container is left.
remove_unnamed() {
  {
    IFS= read -r volumes
    unnamed=$(cat)
  } <"$dir/unnamed"
  [ -d "$volumes" ] || return 0
  check_volumes
  lock_volumes
  for name in $unnamed; do
    case $name in
      *[!0-9a-f]*) continue ;;
    esac
    [ "${#name}" -eq 64 ] || continue
    ! has_volume "$name" || find_users "$name" "$dir"
    ! has_volume "$name" || [ -n "$users" ] || discard_volume "$name"
  done
  unlock_volumes
  sweep_volumes
}

is_empty_directory() {
  [ -z "$(find "$1/." -maxdepth 1 ! -name . | head -n 1)" ]
}

# fill_volume NAME DIR COPY PLACE [HOW]: copies what the image has at PLACE into the volume, if that is empty and mounted nowhere
# and COPY is not "no". The copy replaces the empty directory by one rename: a volume is never half filled.
fill_volume() {
  volume=$volumes/$1
  [ ! -e "$volume/filled" ] || return 0
  { command exec 8<"$volume"; } 2>/dev/null || die "cannot find the volume '$1'"
  flock 0 <&8 || die "cannot lock '$volume'"
  if ! is_empty_directory "$volume/_data"; then
    : >"$volume/filled"
  elif [ ! -e "$volume/filled" ]; then
    find_mounters "$1" "$2"
    [ "${5-}" != keep ] || give_to_root "$volume/_data" || die "cannot give '$volume/_data' to root of the container"
    [ -n "$mounters" ] || [ "$3" = no ] || fill_from "$4" "${5-}"
    [ -e "$volume/filled" ] || printf '%s%s\n' "$mounters" "$2" >"$volume/mounted"
  fi
  exec 8<&-
}

# find_mounters NAME BUT: sets $mounters to the containers, except BUT, that may have mounted the volume while it was empty.
find_mounters() {
  mounters=
  [ -e "$volume/mounted" ] || return 0
  while IFS= read -r user; do
    # shellcheck disable=SC3013 # All shells here have -ef.
    [ "$user" -ef "$2" ] || ! is_user "$user" "$1" || ! is_at_work "$user" || mounters=$mounters$user$newline
  done <"$volume/mounted"
}

# is_at_work DIR: a process of this container, or of the command that makes it, is alive.
is_at_work() {
  read_line "$1/process"
  ! is_alive "${line#process }" || return 0
  read_line "$1/creator"
  is_alive "$line"
}

# fill_from PLACE HOW
fill_from() {
  [ ! -d "$volume/.fill" ] || remove_tree "$volume/.fill" || die "cannot remove '$volume/.fill'"
  mkdir -m 700 -- "$volume/.fill" || die "cannot make '$volume/.fill'"
  copy_image "$volume/.fill" "$1" "$2" || fail_filling "cannot fill '$volume' with what the image has at '$1'"
  finish_filling
}

fail_filling() {
  remove_tree "$volume/.fill" || :
  die "$1"
}

# finish_filling: removes device nodes, which would open devices of this machine.
finish_filling() {
  if [ "$copied" = copied ]; then
    ! [ -O / ] || find "$volume/.fill" \( -type b -o -type c \) -exec rm -f -- {} +
    mv -T -- "$volume/.fill" "$volume/_data" || die "cannot fill '$volume/_data'"
    : >"$volume/filled"
  else
    rm -rf -- "$volume/.fill"
  fi
}

# A script that copies the directory on descriptor 5 to that on 6. Its arguments are options of the second tar. It prints "none"
# if there is nothing to copy. The image may change meanwhile: GNU tar holds each directory by its descriptor and follows no
# symlink.
# shellcheck disable=SC2016 # Another shell expands them.
copier='
LC_ALL=C
export LC_ALL
unset TAR_OPTIONS
[ -d /proc/self/fd/5/. ] || {
  echo none
  exit
}
case $(tar --version) in
  *"GNU tar"*)
    send="--sparse --hole-detection=seek --format=posix --xattrs --xattrs-include=* --xattrs-exclude=trusted.* --acls"
    take="--xattrs --xattrs-include=* --acls"
    ;;
  *) send= take= ;;
esac
cd /proc/self/fd/5 || exit
devices=$(find . \( -type b -o -type c \) -print) || exit
set -f
sent=$({
  {
    printf "%s\n" "$devices" | tar -c -f - $send --numeric-owner --anchored --no-wildcards -X - . 3>&- && echo 0 >&3 || echo $? >&3
  } | (cd /proc/self/fd/6 && exec tar -x -p -f - $take --numeric-owner "$@" 3>&-)
} 3>&1) || exit
[ "$sent" -le 1 ] && echo copied
'

# copy_image TO PLACE HOW: sets $copied. PLACE is resolved inside the root file system $rootfs, and no symlink leads out of it. The
# copy runs in a user namespace like that of the container, so it has no more power, and the owners are right.
copy_image() {
  to='bind,X-mount.fd=6' words='' owner_option=''
  case $3 in
    map) find_map && to="$to,X-mount.idmap=$map" ;;
    keep) give_to_root "$1" || return ;;
  esac
  [ -z "$user_map" ] || [ -O / ] || enter_users --mount
  [ -n "$words" ] || add_word "$tools/unshare-rs" --mount --
  add_word "$tools/bindmount-rs" -o "$to" "$1" none --
  add_word "$tools/bindmount-rs" -o "bind,ro,nosuid,nodev,noexec,nofail,X-mount.fd=5,X-mount.subdir=\"$2\"" "$rootfs" none --
  [ -z "$user_map" ] || [ ! -O / ] || enter_users
  add_word sh -c "$copier" sh ${owner_option:+"$owner_option"}
  # Descriptors 5 and 6 of the caller are closed. The copy inherits the lock, since it may outlive this process.
  copied=$(eval "$words 5<&- 6<&- 8<&8")
}

# enter_users [OPTION...]: adds to $words what enters a user namespace like that of the container.
enter_users() {
  case $user_map in
    /*)
      add_word "$tools/nsenter-rs" "--user=$user_map" --keep-caps "$@" --
      return
      ;;
    # Where one user alone is mapped, chown(2) to another fails.
    *' '*) ;;
    *:1) owner_option=--no-same-owner ;;
  esac
  add_word "$tools/unshare-rs" --user "$@" --keep-caps
  [ ! -O / ] || add_word --setuid 0 --setgid 0
  for block in $user_map; do
    add_word --map-users "$block"
  done
  for block in $group_map; do
    add_word --map-groups "$block"
  done
  add_word --
}

# find_map: sets $map to the map of owners that the user namespace of the container makes, as bindmount-rs takes it.
find_map() {
  map=$user_map
  case $user_map in
    /*) return ;;
  esac
  map=
  for block in $user_map; do
    map="$map u:$block"
  done
  for block in $group_map; do
    map="$map g:$block"
  done
  map=${map# }
}

# can_map NAME: whether the file system of the volume supports idmapped mounts.
can_map() {
  find_map
  "$tools/unshare-rs" --mount -- "$tools/bindmount-rs" -o "bind,X-mount.idmap=$map" "$volumes/$1/_data" "$volumes/$1/_data" -- true
} 2>/dev/null

# give_to_root DIR: to the root of the container's user namespace.
give_to_root() {
  owner=
  for block in $user_map; do
    case $block in
      0:*) owner=${block#*:} && owner=${owner%:*} ;;
    esac
  done
  for block in $group_map; do
    case $block in
      0:*) owner=$owner:${block#*:} && owner=${owner%:*} ;;
    esac
  done
  [ -z "$owner" ] || chown -- "$owner" "$1"
}
