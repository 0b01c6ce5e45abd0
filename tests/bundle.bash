# Compares the container that a bundle becomes under two runtimes: the facts of the kernel as its process sees them
# (fixtures/probe.sh), and as the host does. The bundle is the directory b, and its container is named $id.
# shellcheck shell=bash disable=SC2154 # helpers.bash assigns project, and the tests runsh.
# shellcheck disable=SC2016 # jq and the shell inside expand what they get.

id=box-$$

# fit FILTER: makes b/config.json, changed by the jq FILTER, one that this machine can start, with the probe as its process.
# Nothing else is changed.
fit() {
  [ -e image ] || make_image
  mkdir -p b/rootfs
  jq "$1" b/config.json >changed
  jq --arg id "$id" --arg pid $$ --argjson uid "$(id -u)" --argjson gid "$(id -g)" --argjson raises "$(may_raise)" \
    --arg nofile "$(ulimit -Hn)" --arg nproc "$(ulimit -Hu)" \
    --argjson sources "$(missing_sources)" "$fitting" changed >b/config.json
  jq -r '.linux.sysctl // {} | keys[] | gsub("\\."; "/")' b/config.json >image/facts/sysctls
  jq -r '.linux.maskedPaths[]?, .linux.readonlyPaths[]?' b/config.json >image/facts/paths
}

# make_image: what each container gets a copy of, with devices that the default rules allow and deny.
make_image() {
  make_rootfs image
  mkdir -p image/facts/made image/etc image/tmp
  chmod 1777 image/tmp image/facts/made
  cp "$project/tests/fixtures/probe.sh" image/facts/probe
  ! is_root || mknod -m 666 image/facts/zero c 1 5
  ! is_root || mknod -m 666 image/facts/kmsg c 1 11
}

# The root file system and the programs of those who wrote the file are not here; the terminal has tests of its own. A
# cgroup, and those above it, must not be ones that exist. Nothing starts for a root without CAP_SYS_RESOURCE where the file
# grants it, or asks for more than a hard limit. A user namespace of one id maps the caller, who was another one. A namespace
# with a path was that of the host, for all that wrote one. A mount without a source here is dropped where its mountpoint would
# be made in a directory of the host. A device rule with numbers and no type is one for all devices to runc 1.1, whose
# numbers the kernel then ignores, and to runsh one for those numbers: it gets a type.
fitting='def bound: .type == "bind" or any(.options[]?; . == "bind" or . == "rbind");
  def missing: bound and $sources[.source] != null;
  def within($directories): .destination as $path | any($directories[]; . as $directory | $path | startswith($directory));
  ({RLIMIT_NOFILE: $nofile, RLIMIT_NPROC: $nproc} | map_values(if . == "unlimited" then infinite else tonumber end)) as $hard
  | .root.path = "rootfs" | .process.terminal = false | .process.args = ["/bin/sh", "/facts/probe"]
  | if .linux.cgroupsPath then .linux.cgroupsPath |= (split("/") | map(if . == "" then . else . + "-" + $id end) | .[-1] = $id | join("/")) else . end
  | if $raises then . else
      (.process.rlimits[]? | select($hard[.type])) |= (.hard = ([.hard, $hard[.type]] | min) | .soft = ([.soft, .hard] | min))
      | (.process.capabilities | objects)[] |= (. // [] | . - ["CAP_SYS_RESOURCE"])
    end
  | (.linux.resources.devices[]? | select(.major and (.type | not))).type = "c"
  | if $uid != 0 then (.linux.uidMappings[]?.hostID = $uid | .linux.gidMappings[]?.hostID = $gid) else . end
  | (.linux.namespaces[]? | select(.path)) |= (.path = "/proc/" + $pid + "/ns/" + ({network: "net", mount: "mnt"}[.type] // .type))
  | [.mounts[]? | select(bound and (missing | not)) | .destination + "/"] as $directories
  | (.mounts // empty) |= map(select((missing and within($directories)) | not) | if missing then .source = $sources[.source] else . end)'

# missing_sources: makes a file or a directory, as the name lets expect, for each source of a bind mount that is not here;
# a JSON object of the two names.
missing_sources() {
  local source number=0
  mkdir -p b/sources
  jq -r '.mounts[]? | select(.type == "bind" or any(.options[]?; . == "bind" or . == "rbind")) | .source' changed |
    while read -r source; do
      [ ! -e "$source" ] || continue
      number=$((number + 1))
      case $source in
        */hosts | */hostname | */resolv.conf | */.containerenv | */*-release | */snmp*d) echo "$source" >"b/sources/$number" ;;
        *) mkdir -p "b/sources/$number" ;;
      esac
      jq -n --arg from "$source" --arg to "$PWD/b/sources/$number" '{($from): $to}'
    done | jq -s 'add // {}'
}

# may_raise: whether the caller may raise a hard limit, as JSON: CAP_SYS_RESOURCE is 24.
may_raise() {
  local sets
  sets=$(sed -n 's/^CapEff:[[:space:]]*/0x/p' /proc/self/status)
  if [ $((sets >> 24 & 1)) -eq 1 ]; then
    echo true
  else
    echo false
  fi
}

# facts NAME RUNTIME...: starts b under RUNTIME, and writes to NAME.facts what it is; fails with its messages where it does
# not start. Its input is a pipe: runc changes the owner of what it is given.
facts() {
  local name=$1 runtime hold failed=0 options
  shift
  options=$(cgroup2_options)
  rm -rf "$name".* b/rootfs
  cp -a image b/rootfs
  mkfifo "$name.input"
  # The shell has its children in the background ignore signals.
  env --default-signal=INT,QUIT "$@" <"$name.input" >"$name.inside" 2>"$name.errors" 3>&- &
  runtime=$!
  exec {hold}>"$name.input"
  until grep -qsx end "$name.inside" || ! kill -0 "$runtime" 2>/dev/null; do
    sleep 0.01
  done
  if grep -qsx end "$name.inside"; then
    outside "$(container_of "$runtime")" >"$name.outside" 2>>"$name.errors" || failed=$?
  fi
  exec {hold}>&-
  wait "$runtime" || failed=$?
  # For a container without a cgroup namespace runc mounts the hierarchy anew, which takes options of the machine's away:
  # runsh must not, and teardown looks for that.
  [ "$1" = "$runsh" ] || [ "$(cgroup2_options)" = "$options" ] || mount -o "remount,$options" /sys/fs/cgroup
  if [ "$failed" -ne 0 ] || [ ! -e "$name.outside" ]; then
    printf '%s: status %s\n' "$*" "$failed"
    sed 's/^/  /' "$name.errors"
    return 1
  fi
  cat "$name.inside" "$name.outside" | same_words | LC_ALL=C sort >"$name.facts"
}

# cgroup2_options: of the machine's hierarchy, where it has version 2 alone.
cgroup2_options() {
  findmnt -nro OPTIONS -M /sys/fs/cgroup -t cgroup2 || true
}

# container_of RUNTIME: the process of the container, a descendant of the runtime or itself; a shell may have left a dead child,
# which wrote a here-document.
container_of() {
  local process
  for process in $(descendants_of "$1") "$1"; do
    [ ! -e "/proc/$process/exe" ] || break
  done
  echo "$process"
}

# outside PROCESS: what the host sees of it.
outside() {
  local proc=/proc/$1 namespace file kind controllers path
  [ "$proc/root" -ef b/rootfs ] && echo "root is the bundle's"
  grep -E "$status_lines" "$proc/status" | tr -s '\t ' ' ' | sed 's/^/status /'
  tr -s ' ' <"$proc/limits" | sed 's/^/limit /'
  for file in oom_score_adj personality loginuid timens_offsets coredump_filter; do
    (tr -s ' ' <"$proc/$file" && echo) | sed "s/^/$file /"
  done
  find "$proc/fd" -type l -printf 'descriptor %f\n'
  for namespace in cgroup ipc mnt net pid time user uts; do
    kind=$(readlink "$proc/ns/$namespace") || {
      echo "cannot read $proc/ns/$namespace" >&2
      return 1
    }
    [ "$kind" = "$(readlink "/proc/self/ns/$namespace")" ] && kind=host || kind=new
    echo "namespace $namespace $kind"
  done
  while IFS=: read -r _ controllers path; do
    cgroup_of "$controllers" "$path"
  done <"$proc/cgroup"
  echo end
}

# The rest of the lines count or name what differs with each process.
status_lines='^(Umask|Uid|Gid|Groups|Sig(Blk|Ign|Cgt)|Cap...|NoNewPrivs|Seccomp|Seccomp_filters|Speculation.*|Cpus_allowed_list|Mems_allowed_list):'

# cgroup_of CONTROLLERS PATH: a cgroup's own settings: what its owner may write, and the device rules. The files left out
# name processes, count, show the machine's pressure, or cannot be read. A cgroup in the container's, which runsh puts its
# processes into where they could change their limits otherwise, is not where the limits are.
cgroup_of() {
  local path=$2 directory own
  case $path in
    *"$id"/container) path=${path%/container} ;;
  esac
  directory=$(hierarchy "$1")$path
  # crun makes a cgroup without a name in the file below the root, runc and runsh below the caller's own.
  own=$(sed -n "s/^[0-9]*:$1://p" /proc/self/cgroup)
  path=${path#"${own%/}/"}
  echo "cgroup ${1:-unified} /${path#/}"
  (cd "$directory" && find . -maxdepth 1 -type f \( -perm -u=w -o -name devices.list \) \
    ! -name 'cgroup.*' ! -name tasks ! -name '*usage*' ! -name '*failcnt' ! -name '*.peak' ! -name '*pressure*' ! -name '*.reset_stats' \
    ! -name '*.force_empty' ! -name '*.reclaim' ! -name notify_on_release -exec grep -H '' {} +) | sed 's,^./,cgroup ,'
}

# hierarchy CONTROLLERS: where it is mounted; ${controllers:-unified} is that of version 2.
hierarchy() {
  if [ -n "$1" ]; then
    findmnt -nro TARGET -t cgroup -O "$1" | head -n 1
  else
    findmnt -nro TARGET -t cgroup2 | head -n 1
  fi
}

# same_words: each line names why it is changed. What is left of it must be the same.
same_words() {
  # The cgroup of a bundle that names none: runsh-ID, and ID.
  # A masked file: runc binds the container's own null there, writable; runsh the host's, read-only.
  # A masked directory: an empty tmpfs that nobody can write to, with limits or without.
  # The tmpfs with the hierarchies of version 1: runc names it otherwise, and leaves it writable under read-only mounts.
  # A hierarchy of version 1 has no source; runc writes another name in a cgroup namespace.
  # A device of the host's, bound where none may be made; what it is and who may use it are facts of their own.
  # A rule for /dev/net/tun, which runc 1.1 gives to every container, and 1.2 to none.
  # Who may set no device rules keeps an image's devices away with nodev, which runc does not.
  # Who has no cgroup namespace either is shown an empty tmpfs by runc where cgroups are of version 2 alone, and by runsh the
  # cgroups that it is in, read-only.
  # The hierarchy of version 2 alone: without a cgroup namespace runc mounts that of the machine, whose cgroups are then all
  # seen, and runsh binds the container's own.
  # The marks of peers and masters, which are numbers of the machine's.
  # A cgroup in the container's: see cgroup_of.
  sed -E "s#/runsh-$id#/$id#g; s#(/$id)/container#\1#"'
    s#^mount / /sys/fs/cgroup r[wo],([^ ]*) - tmpfs .*#mount tmpfs /sys/fs/cgroup \1#
    s#^mount [^ ]*/null (/(proc|sys)/[^ ]*) .*#mount mask \1#
    s#^mount / (/(proc|sys)/[^ ]*) ro,.* - tmpfs .*#mount mask \1#
    s#^(mount .*) - cgroup [^ ]+ #\1 - cgroup #
    /^mount (\/[^ ]+) \/dev\1 .* devtmpfs /d
    /^cgroup devices.list:c 10:200 rwm$/d
    s#^mount /[^ ]* /sys/fs/cgroup ([^ ]*) - cgroup2 .*#mount cgroup2 /sys/fs/cgroup \1#
    s#(shared|master|propagate_from):[0-9]+#\1#g' |
    if is_root; then cat; else sed -E 's#^(mount .* r[wo],([a-z]*,)*)nodev,#\1#; s#^(mount .* r[wo]),nodev #\1 #
    /^mount cgroup2 \/sys\/fs\/cgroup /d; /^mount tmpfs \/sys\/fs\/cgroup /d'; fi
}

# same_container: under runc, or under crun where runc refuses the file, and under runsh. crun 1.8 knows no tree with a
# hierarchy of version 2 beside those of version 1, and gets one without.
same_container() {
  local differs=nothing
  facts theirs runc --root "$PWD/runc" run -b b "$id" >refused ||
    facts theirs unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun --root "$1" run -b b "$2"' sh \
      "$PWD/crun" "$id" >>refused || {
    cat refused
    return 1
  }
  # crun was given no hierarchy of version 2, in which an engine may have enabled hugetlb.
  [ ! -s refused ] || differs='cgroup (unified|hugetlb)'
  # With CAP_SYS_ADMIN a container could mount the cgroups of the machine, and leave its own: runsh adds a cgroup namespace.
  if jq -e '(.process.capabilities | objects | .bounding // [] | index("CAP_SYS_ADMIN")) and
    all(.linux.namespaces[]; .type != "cgroup")' b/config.json >is-admin; then
    differs='namespace cgroup'
  fi
  facts ours "$runsh" run -b b "$id" || return
  # A program in Go raises its own soft limit, and runc 1.1 hands it on.
  jq -e 'any(.process.rlimits[]?; .type == "RLIMIT_NOFILE")' b/config.json >is-set ||
    sed -i -E 's/^(limit Max open files) [^ ]+/\1 soft/' theirs.facts ours.facts
  # runc before 1.3.2 has another curve from shares to weights: see cpu_weight in spec-rs/src/convert.rs.
  ! jq -e '.linux.resources.cpu.shares == 1024' b/config.json >is-set ||
    sed -i 's/^cgroup cpu.weight:39$/cgroup cpu.weight:100/; s/^cgroup cpu.weight.nice:4$/cgroup cpu.weight.nice:0/' theirs.facts
  sed -i -E "/^$differs/d" theirs.facts ours.facts
  [ "$differs" != 'namespace cgroup' ] || sed -i -E 's#^mount /[^ ]* (/sys/fs/cgroup/)#mount / \1#' theirs.facts ours.facts
  LC_ALL=C sort -o theirs.facts theirs.facts && LC_ALL=C sort -o ours.facts ours.facts
  equal "$(grep -cx end ours.facts)" 2 && ok diff theirs.facts ours.facts && no_cgroup_left
}

no_cgroup_left() {
  equal "$(find /sys/fs/cgroup \( -name "$id" -o -name "runsh-$id" \) 2>/dev/null)" ''
}

# remove_cgroups: those above the containers' own, which runtimes leave behind.
remove_cgroups() {
  ! is_root || find /sys/fs/cgroup -depth -type d -name "*-$id" -exec rmdir {} +
}
