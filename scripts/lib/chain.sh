# The command line that makes the container, out of the variables of config.sh.
# shellcheck shell=sh
# shellcheck disable=SC2154 # The variables are those of config.sh and of runsh.

# --- the table of mounts

# Sets $hierarchies to a line for each cgroup hierarchy of version 1 on this machine, "NAME CONTROLLERS OWN", and $unified to
# OWN of that of version 2. OWN is where the caller's own cgroup is found, with the escapes of mountinfo, which are
# those of fstab too. It is asked for early, while jq is still at work.
find_hierarchies() {
  hierarchies='' unified='' seen=' ' own_groups=''
  IFS=$newline
  for line in $cgroup; do
    own_groups=$own_groups$newline${line#*:}
  done
  for line in $mountinfo; do
    case $line in
      *' - cgroup '*) find_hierarchy "$line" ;;
      *' - cgroup2 '*) find_unified "$line" ;;
    esac
  done
  unset IFS
}

# The controllers are among the options of the superblock.
find_hierarchy() {
  split_mount "$1"
  for group in $own_groups; do
    controllers=${group%%:*}
    case ,$superblock, in
      *,"$controllers",*) break ;;
    esac
    controllers=''
  done
  case $controllers:$seen in
    :* | *" $controllers "*) return ;;
  esac
  seen="$seen$controllers "
  find_own "${group#*:}"
  hierarchies="$hierarchies$newline${mounted##*/} $controllers $own"
}

find_unified() {
  [ -z "$unified" ] || return 0
  split_mount "$1"
  group=${own_groups##*"$newline":}
  find_own "${group%%"$newline"*}"
  unified=$own
}

# split_mount LINE: the fields of mountinfo: which cgroup of the hierarchy is mounted, where, and how.
split_mount() {
  IFS=' '
  # shellcheck disable=SC2086 # fields
  set -- $1
  IFS=$newline
  mounted_root=$4 mounted=$5
  shift $(($# - 1))
  superblock=$1
}

# find_own PATH: sets $own to where the cgroup is found in the mounted hierarchy.
find_own() {
  escape "$1"
  case $escaped in
    "$mounted_root") own=$mounted ;;
    "${mounted_root%/}"/*) own=$mounted${escaped#"${mounted_root%/}"} ;;
    *) own=$mounted$escaped ;;
  esac
}

# The cgroup hierarchies, of version 1 or else of version 2, in which the container sees its own cgroup.
add_cgroup() {
  if [ -n "$hierarchies" ]; then
    mounts="$mounts${newline}cgroup $target tmpfs mode=755$options"
    IFS=$newline
    for line in $hierarchies; do
      add_hierarchy "$line"
    done
    unset IFS
    [ -z "$read_only" ] || mounts="$mounts${newline}none $target none remount,bind,ro"
  elif [ -z "$unified" ]; then
    refuse "$element_name: this machine has no cgroup hierarchy"
  elif has_new cgroup; then
    add_mount cgroup cgroup2 "$options$read_only"
  else
    add_mount "$unified" none "bind$options$read_only"
  fi
}

# add_hierarchy LINE: one of version 1. Each of several controllers is found under its own name too.
add_hierarchy() {
  IFS=' '
  # shellcheck disable=SC2086 # fields
  set -- $1
  if has_new cgroup; then
    mounts="$mounts${newline}cgroup $target/$1 cgroup $2$options$read_only"
  else
    mounts="$mounts$newline$3 $target/$1 none bind$options$read_only"
  fi
  case $2 in
    *,*) ;;
    *) return ;;
  esac
  IFS=,
  for controller in $2; do
    mounts="$mounts$newline$1 $target/$controller symlink"
  done
}

# The devices that the specification demands. In a user namespace none can be made, and in the directory of an image
# none should be left: there the machine's own are bound.
add_devices() {
  if has_new user || [ -z "$dev" ]; then
    devices='/dev/null /dev/null none bind
/dev/zero /dev/zero none bind
/dev/full /dev/full none bind
/dev/random /dev/random none bind
/dev/urandom /dev/urandom none bind
/dev/tty /dev/tty none bind'
  else
    devices='1:3 /dev/null char mode=666
1:5 /dev/zero char mode=666
1:7 /dev/full char mode=666
1:8 /dev/random char mode=666
1:9 /dev/urandom char mode=666
5:0 /dev/tty char mode=666'
  fi
  mounts="$mounts
$devices
/proc/self/fd /dev/fd symlink
/proc/self/fd/0 /dev/stdin symlink
/proc/self/fd/1 /dev/stdout symlink
/proc/self/fd/2 /dev/stderr symlink
pts/ptmx /dev/ptmx symlink"
}

# Sets $table. The rule that no device opens but the default ones is kept without a cgroup: those of the root file
# system do not open, and nobody inside can make one.
write_table() {
  escape "$rootfs"
  table="$escaped / none rbind${no_devices:+,rnodev}"
  [ -n "$dev" ] || add_devices
  table="$table$mounts$dev_end"
  case $cwd in
    *[!/]*)
      escape "$cwd"
      table="$table${newline}none $escaped dir"
      ;;
  esac
  table="$table$protected$masked"
  [ -z "$readonly" ] || table="$table${newline}none / none remount,bind,ro"
}

# --- the words

# add WORDS: one line of the command line.
add() {
  chain="$chain \\$newline$1"
}

add_namespaces() {
  [ "$namespaces" != ' ' ] || return 0
  options=''
  for namespace in $namespaces; do
    [ "$namespace" != network ] || namespace=net
    options="$options --$namespace"
  done
  add "${tools}unshare-rs$options"
  ! has_new user || add " $uid_maps$gid_maps$user_options"
  [ -z "$offsets" ] || add " $offsets"
  [ -z "$forks" ] || add "  --fork --kill-child --forward-signals${terminal:+ --foreground}"
  ! has_new mount || add "  --propagation $propagation"
  [ -z "$hostname" ] || add "  --hostname $hostname"
  [ -z "$domainname" ] || add "  --domainname $domainname"
}

# Sets $user_options to how one becomes the root of a new user namespace, and $keeps_groups where setgroups(2) is denied
# there, as it has to be before an unprivileged user may write a map (user_namespaces(7)).
plan_user() {
  user_options='' keeps_groups=''
  has_new user || return 0
  # shellcheck disable=SC2086 # Uid: real effective saved file-system
  set -- ${status#*Uid:}
  if [ "$2" -ne 0 ] && [ "$gid_size" -eq 1 ]; then
    keeps_groups=yes user_options=' --setgroups deny'
  fi
  case $uid_root in
    '' | "$2") ;;
    *) user_options="$user_options --setuid 0" ;;
  esac
  # shellcheck disable=SC2086 # Gid: real effective saved file-system
  set -- ${status#*Gid:}
  case $gid_root in
    '' | "$2") ;;
    *) user_options="$user_options --setgid 0" ;;
  esac
}

add_root() {
  if ! has_new mount; then
    add "${tools}chroot-rs --carry --wd $cwd_word $root_word"
  elif [ "$root" = move ]; then
    add "${tools}bindmount-rs --move $root_word /"
    # By way of its parent one comes to what is mounted on the root.
    add "${tools}chroot-rs --carry --wd $cwd_word /.."
  else
    add "${tools}pivot-root-rs --carry --detach --wd $cwd_word $root_word ."
  fi
}

add_privileges() {
  group_option=--clear-groups
  [ -z "$groups" ] || group_option="--groups $groups"
  [ -z "$keeps_groups" ] || group_option=--keep-groups
  find_raisable
  add "${tools}setpriv-rs"
  add "  --reuid $uid --regid $gid $group_option"
  add "  --bounding-set -all$bounding"
  add "  --permitted-caps -all$permitted --effective-caps -all$effective"
  add "  --inh-caps -all$inheritable --ambient-caps -all$raisable"
  [ -z "$no_new_privileges" ] || add '  --no-new-privs'
  # A change of user would take away what --kill-child has set.
  [ -z "$forks" ] || add '  --pdeathsig keep'
  add "  --close-fds --clear-env$env"
  [ -n "$home" ] || add '  --set-home'
}

# Sets $raisable to the ambient capabilities that are permitted and inheritable too: the kernel raises no other
# (capabilities(7)).
find_raisable() {
  raisable=''
  IFS=,
  for capability in $ambient; do
    case $permitted, in
      *,"$capability",*) ;;
      *) continue ;;
    esac
    case $inheritable, in
      *,"$capability",*) raisable=$raisable,$capability ;;
    esac
  done
  unset IFS
}

# --- what does not go together

demand() {
  [ -n "$version" ] || refuse 'ociVersion is missing'
  case $version in
    1.*) ;;
    *) refuse 'ociVersion must be 1.x' ;;
  esac
  [ -n "$rootfs" ] || refuse 'root.path is missing'
  [ -n "$args" ] || refuse 'process.args is missing'
  case $cwd in
    '') refuse 'process.cwd is missing' ;;
    /*) ;;
    *) refuse 'process.cwd must be an absolute path' ;;
  esac
}

demand_namespaces() {
  if has_new user; then
    [ -n "$uid_maps" ] || refuse 'a new user namespace needs linux.uidMappings'
    [ -n "$gid_maps" ] || refuse 'a new user namespace needs linux.gidMappings'
  else
    [ -z "$uid_maps$gid_maps" ] || refuse 'id mappings need a new user namespace'
  fi
  [ -z "$hostname" ] || has_new uts || refuse 'hostname needs a new uts namespace'
  [ -z "$domainname" ] || has_new uts || refuse 'domainname needs a new uts namespace'
  [ -z "$offsets" ] || has_new time || refuse 'linux.timeOffsets needs a new time namespace'
  has_new mount || [ -z "$mounts$protected$masked$readonly$no_devices" ] ||
    refuse 'mounts, root.readonly, masked and read-only paths and rules for devices need a new mount namespace'
}

demand_privileges() {
  [ -z "$groups" ] || [ -z "$keeps_groups" ] ||
    refuse 'process.user.additionalGids needs more than one id in linux.gidMappings'
  [ -z "$no_devices" ] || case $bounding, in
    *,+MKNOD,*) refuse 'the rule of linux.resources.devices cannot be kept from a process with CAP_MKNOD' ;;
  esac
}

# --- all of it

# Sets $chain. What the shell does itself comes first, since it costs nothing.
write_chain() {
  demand
  demand_namespaces
  plan_user
  demand_privileges
  forks=''
  ! has_new pid && ! has_new time || forks=yes

  case $rootfs in
    /*) ;;
    # Else it may look like an option, or like the name of a block device.
    *=* | [!A-Za-z0-9_]*) rootfs=./$rootfs ;;
  esac
  quote "$tools/"
  tools=$quoted
  quote "$rootfs"
  root_word=$quoted
  quote "$cwd"
  cwd_word=$quoted
  quote "$bundle"
  chain="set -e${newline}cd $quoted$limit_lines"
  chain="$chain${newline}umask $((umask / 64))$((umask / 8 % 8))$((umask % 8))"
  [ -z "$terminal" ] || ! has_new mount || chain="$chain
# The terminal is the caller's; where there is one, it is /dev/console inside.
set --
[ ! -t 0 ] || set -- ${tools}bindmount-rs --root $root_word --mkdir \"\$(tty)\" /dev/console --"
  chain="$chain${newline}exec"

  [ -z "$oom" ] || add "choom -n $oom --"
  [ -z "$limit_words" ] || add "prlimit$limit_words"
  add_namespaces
  if has_new mount; then
    add "${tools}bindmount-rs --root $root_word --fstab /dev/fd/3 --"
    [ -z "$terminal" ] || add '"$@"'
  fi
  add_root
  add_privileges
  add "--$args"
  ! has_new mount || {
    write_table
    chain="$chain 3<<'mounts'$newline$table${newline}mounts"
  }
}
