#!/usr/bin/env bats
# volume, and runsh run -v and --mount.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shells inside expand what they get.

load helpers

export RUNSH_TOOLS RUNSH_VOLUMES=$BATS_TEST_TMPDIR/volumes
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
runsh=$project/scripts/runsh

# How many volumes are made and removed, twice, by each of eight processes: 1,040 pairs with TEST_LONG.
VOLUME_PAIRS=$(rounds 65)

# Other suites on the machine may have containers of these names, whose cgroups they would be.
one=one-$$ two=two-$$ three=three-$$ four=four-$$ box=box-$$

# bundle DIR [FILTER]: a bundle of busybox, whose image has the directory /data.
bundle() {
  requires busybox
  "$project/scripts/mkbundle" "$1"
  mkdir -p "$1/rootfs/data/sub"
  echo image >"$1/rootfs/data/file"
  jq ".process.terminal = false | ${2:-.}" "$1/config.json" >changed
  mv changed "$1/config.json"
}

# inside DIR SCRIPT [OPTION...]: what the shell of the bundle says to SCRIPT.
inside() {
  jq --arg script "$2" '.process.args = ["sh", "-c", $script]' "$1/config.json" >changed
  mv changed "$1/config.json"
  "$runsh" run -b "$1" "${@:3}" "$box" </dev/null
}

# detached COMMAND...: what it starts holds no descriptor of the test.
detached() {
  "$@" </dev/null >log 2>&1 3>&- || {
    cat log
    return 1
  }
}

# refused MESSAGE COMMAND...
refused() {
  expect 1 "${@:2}" </dev/null
  contains "$stderr" "$1"
}

# entries NAME: what the volume holds.
entries() {
  (cd "$RUNSH_VOLUMES/$1/_data" && find . -mindepth 1 | sort | tr '\n' ' ')
}

@test "volumes are made, listed, inspected and removed with the words of docker volume" {
  ok volume ls
  equal "$output" 'DRIVER    VOLUME NAME'
  ok volume create --driver local --label a=b --label "c=\"d\\ ü" --label a=e --label bare first
  equal "$output" first
  ok volume create first
  equal "$(volume ls -q --filter label=c)" first
  ok volume create
  [[ $output =~ ^[0-9a-f]{64}$ ]]
  local unnamed=$output
  volume create second
  equal "$(volume ls -q | sort)" "$(printf '%s\n' "$unnamed" first second | sort)"
  equal "$(volume ls | tail -n 1)" 'local     second'
  while read -r filter want; do
    equal "$(volume ls -q --filter "$filter")" "$want"
  done <<'TABLE'
name=irs first
label=a=e first
label=a=b first
label=a=x
label=bare first
driver=other
dangling=false
TABLE
  equal "$(volume ls -q --filter name=first --filter name=sec | tr '\n' ' ')" 'first second '
  equal "$(volume ls --format json --filter name=first | jq -r '.Name, .Driver, .Mountpoint, .Scope')" \
    "$(printf '%s\n' first local "$RUNSH_VOLUMES/first/_data" local)"
  ok volume inspect first second
  equal "$(jq -c '[.[] | [.Name, .Driver, .Labels, .Options, .Scope]]' <<<"$output")" \
    '[["first","local",{"a":"e","c":"\"d\\ ü","bare":""},null,"local"],["second","local",null,null,"local"]]'
  equal "$(jq -r '.[0].Mountpoint' <<<"$output")" "$(volume path first)"
  jq -e '.[0].CreatedAt | fromdate > now - 60' <<<"$output"
  [ -d "$(volume path first)" ]
  equal "$(stat -c %a "$RUNSH_VOLUMES" "$RUNSH_VOLUMES/first" "$RUNSH_VOLUMES/first/_data" | tr '\n' ' ')" '700 700 755 '
  equal "$(volume inspect -f '{{ .Mountpoint }}' first second)" "$(volume path first)"$'\n'"$(volume path second)"
  equal "$(volume ls -qf name=irs)" first
  equal "$(volume ls -f name=irs --format '{{.Mountpoint}}')" "$(volume path first)"
  ok volume prune -f
  equal "$output" "Deleted Volumes:"$'\n'"$unnamed"
  ok volume prune -a </dev/null
  contains "$output" 'Are you sure you want to continue? [y/N]'
  ok volume rm first
  equal "$output" first
  ok volume prune -af --filter label=none
  equal "$(volume ls -q)" second
  # What another one has begun and not finished goes.
  mkdir "$RUNSH_VOLUMES/.new.1"
  ok volume prune -a <<<y
  equal "$(ls -A "$RUNSH_VOLUMES")" ''
}

@test "what is wrong is refused by name, and nothing is made" {
  bundle b
  local name long
  long=$(printf '%0256d' 0)
  for name in . .. .a -- -a a/b a:b 'a b' $'a\nb' $'a\e[31m' ü '*' '' "$long"; do
    expect 1 volume create -- "$name"
    lacks "$stderr" $'\e'
  done
  refused "cannot name a volume 'a/b'" volume create a/b
  refused "cannot name a volume '..'" volume rm ..
  refused "cannot name a volume '$long'" volume create "$long"
  # A line of its own would be another label.
  refused "invalid label 'a=b?c'" volume create --label $'a=b\nc'
  refused 'it is not UTF-8' volume create --label $'a=\xff'
  refused "invalid value ':/data' of '--volume'" "$runsh" run -b b -v :/data "$one"
  while IFS='|' read -r message words; do
    # shellcheck disable=SC2086 # They are words.
    refused "$message" $words
  done <<TABLE
unknown command 'mount'|volume mount
missing command|volume
missing operand: NAME|volume rm
missing operand: NAME|volume inspect
unexpected operand 'b'|volume create a b
unexpected operand 'a'|volume ls a
invalid option '-o'|volume create -o type=tmpfs
invalid option '--label'|volume rm --label a
invalid filter 'size=1'|volume ls --filter size=1
invalid filter 'name=a'|volume prune -f --filter name=a
invalid value 'x' of '--format'|volume ls --format x
invalid value 'table' of '--format'|volume inspect -f table a
invalid label '=a'|volume create --label =a
only local is supported|volume create -d nfs a
cannot find the volume 'a': no such volume|volume path a
cannot find the volume 'a': no such volume|volume inspect a
cannot remove the volume 'a': no such volume|volume rm a
invalid destination 'data'|$runsh run -b b -v data box
'volume-subpath' of '--mount' needs source=NAME|$runsh run -b b --mount target=/b,volume-subpath=a box
option 'volume-subpath' is for a volume|$runsh run -b b --mount type=bind,source=/etc,target=/b,volume-subpath=a box
it has more than three parts|$runsh run -b b -v a:/b:ro:rw box
invalid option 'odd' of '--volume'|$runsh run -b b -v a:/b:ro,odd box
invalid destination 'b'|$runsh run -b b -v a:b box
invalid destination '/'|$runsh run -b b -v a:/ box
cannot name a volume 'a+b'|$runsh run -b b -v a+b:/b box
bind source path does not exist|$runsh run -b b -v /no/such:/b box
option 'nocopy' is for a volume|$runsh run -b b -v /etc:/b:nocopy box
use nocopy|$runsh run -b b -v a:/b"c box
invalid type 'npipe' of '--mount'|$runsh run -b b --mount type=npipe,target=/b box
'--mount' needs source=PATH|$runsh run -b b --mount type=bind,target=/b box
invalid option 'volume-driver' of '--mount'|$runsh run -b b --mount source=a,target=/b,volume-driver=nfs box
invalid option 'volume-opt' of '--mount'|$runsh run -b b --mount source=a,target=/b,volume-opt=x box
option 'tmpfs-size' of '--mount' is for type=tmpfs|$runsh run -b b --mount source=a,target=/b,tmpfs-size=1 box
invalid value of 'tmpfs-size'|$runsh run -b b --mount type=tmpfs,target=/b,tmpfs-size=1%,x box
--mount[1].destination: is that of --mount[0] too: '/b'|$runsh explain -b b -v a:/b -v c://b/. box
TABLE
  ok volume rm -f a
  [ ! -e "$RUNSH_VOLUMES" ]
}

@test "a store that others may enter or exchange is refused" {
  mkdir -m 755 "$RUNSH_VOLUMES"
  refused "other users may enter it" volume ls
  chmod 700 "$RUNSH_VOLUMES"
  ok volume ls
  if is_root; then
    chown 65534 "$RUNSH_VOLUMES"
    refused 'it belongs to another user' volume create a
  else
    RUNSH_VOLUMES=/proc/1 refused 'it belongs to another user' volume create a
  fi
  unset RUNSH_VOLUMES
  if ! is_root; then
    HOME=$PWD ok volume create a
    [ -d .local/share/runsh/volumes/a/_data ]
    XDG_DATA_HOME=$PWD/x ok volume create b
    [ -d x/runsh/volumes/b/_data ]
  fi
}

@test "a volume is filled once with all that the image has there" {
  requires getfattr
  bundle b
  (
    cd b/rootfs/data
    chmod 1751 .
    chmod 4755 file
    ln file link
    ln -s /etc/passwd symlink
    mkfifo fifo
    truncate -s 64M sparse
    touch -d 2001-02-03 sub
    setfattr -n user.a -v 1 file
    ! is_root || { mknod device c 1 3 && chown 7:8 sub && mknod sub/block b 7 0; }
  )
  TAR_OPTIONS=--exclude=file ok inside b 'cat /data/file; echo new >/data/new' -v full:/data
  equal "$output" image
  equal "$(entries full)" './fifo ./file ./link ./new ./sparse ./sub ./symlink '
  facts() {
    (cd "$1" && stat -c '%n %a %u %g %h' . file link fifo && stat -c '%n %a %u %g %Y' sub && readlink symlink && getfattr -d --absolute-names file)
  }
  ok diff <(facts b/rootfs/data) <(facts "$(volume path full)")
  [ "$(volume path full)/file" -ef "$(volume path full)/link" ]
  [ "$(du -k "$(volume path full)/sparse" | cut -f 1)" -lt 100 ]
  # Never again: not what is new in the image, and not what the user has removed.
  echo other >b/rootfs/data/other
  ok inside b 'rm -r /data/*; ls /data' --volume=full:/data
  ok inside b 'ls -A /data' -v full:/data
  equal "$output" ''
  equal "$(volume ls -q)" full
  ok volume rm full
  [ -e b/rootfs/data/file ]
}

@test "a volume is read-only, not filled, beneath another one, or filled later, as asked for" {
  bundle b
  ok inside b 'ls -A /data; touch /data/a' -v plain:/data:nocopy
  equal "$output" ''
  ok inside b 'cat /data/a; touch /data/b || echo refused' -v plain:/data:ro
  contains "$output" refused
  equal "$(entries plain)" './a '
  # One that has no directory in the image stays as it is, and is filled by the next that has.
  ok inside b 'stat -c %a:%u:%g /new' -v later:/new
  equal "$output" 755:0:0
  ok inside b 'ls /data' --mount source=later,target=/data,volume-driver=local
  contains "$output" file
  # The order on the command line does not matter.
  ok inside b 'touch /data/deep/er/x; ls /data/deep' -v deep:/data/deep/er -v upper:/data
  equal "$output" er
  equal "$(entries deep)" './x '
  equal "$(entries upper)" './deep ./deep/er ./file ./sub '
  mkdir given
  cp b/config.json before.json
  ok inside b 'touch /b/x; grep -E " /(a|b|t) " /proc/self/mountinfo | cut -d " " -f 5,6; stat -c %a /t' \
    -v "$PWD/given:/b" --mount "type=bind,src=./given,dst=/a,readonly" --mount type=tmpfs,target=/t,tmpfs-size=64k,tmpfs-mode=700
  contains "$output" '/a ro,'
  contains "$output" '/b rw,'
  contains "$output" '/t rw,nosuid,nodev,noexec,'
  contains "$output" $'\n700'
  [ -e given/x ]
  # What is shown is what is run, and nothing is made for it.
  ok "$runsh" explain -b b -v shown:/data:ro,nosuid
  contains "$output" "$RUNSH_VOLUMES/shown/_data /data none bind,nodev,rprivate,nosuid,ro # --mount[0]"
  [ ! -e "$RUNSH_VOLUMES/shown" ]
}

@test "a volume without a name has one of 64 digits, and goes with its container" {
  bundle b '.process.args = ["sleep", "600"]'
  # Of run, whose command ends, and of one that cannot be made.
  ok inside b 'ls /data /other' -v /data --mount dst=/other,volume-nocopy
  contains "$output" file
  equal "$(ls -A "$RUNSH_VOLUMES")" ''
  refused no/such "$runsh" run -b b -v /data --pid-file /no/such/file "$one"
  equal "$(ls -A "$RUNSH_VOLUMES")" ''
  # Of delete, but for what another container uses too; it is marked as Docker marks it.
  jq '.process.args = ["sleep", "600"]' b/config.json >changed
  mv changed b/config.json
  detached "$runsh" create -b b -v /data --mount type=volume,target=/other,readonly -v named:/named "$one"
  volume ls -q --filter label=com.docker.volume.anonymous >names
  equal "$(grep -cxE '[0-9a-f]{64}' names)" 2
  refused "volume is in use by $one" volume rm "$(head -n 1 names)"
  shared=$(grep -lx "$(head -n 1 names)" "$RUNSH_ROOT/$one/volumes" >/dev/null && head -n 1 names)
  detached "$runsh" run -d -b b -v "$shared:/data" "$two"
  RUNSH_VOLUMES=/no/such ok "$runsh" delete -f "$one"
  equal "$(volume ls -q | sort)" "$(printf '%s\n' "$shared" named | sort)"
  ok "$runsh" delete -f "$two"
  ok volume prune -f
  equal "$output" "Deleted Volumes:"$'\n'"$shared"
  # Of a supervisor that is killed, with gc.
  "$runsh" run -b b -v /data "$three" </dev/null >log 2>&1 3>&- &
  eventually test -e "$RUNSH_ROOT/$three/process"
  equal "$(volume ls -q | wc -l)" 2
  kill -9 $!
  wait $! || true
  eventually eval '"$runsh" gc | grep -x "$three"'
  equal "$(volume ls -q)" named
  # The directory of the states has another name by now.
  ln -s "$RUNSH_ROOT" states
  RUNSH_ROOT=$PWD/states detached "$runsh" create -b b -v /data "$four"
  ok "$runsh" delete -f "$four"
  equal "$(volume ls -q)" named
  # A store that is gone keeps no container.
  detached "$runsh" create -b b -v /data "$four"
  rm -r "$RUNSH_VOLUMES"
  ok "$runsh" delete -f "$four"
}

@test "a directory of a volume alone, out of which no link of it leads" {
  bundle b
  ok inside b 'mkdir "/v/a,b" && ln -s / /v/out && ln -s "a,b" /v/in && echo yes >"/v/a,b/file"' -v sub:/v
  ok inside b 'cat /v/file; touch /v/no || echo read-only' --mount source=sub,target=/v,readonly,volume-subpath=in
  contains "$output" $'yes\nread-only'
  ok inside b 'ls /v; cat /w/file' --mount source=sub,target=/v,volume-subpath=out --mount source=sub,target=/w,volume-subpath=out/in/../in
  equal "$output" $'a,b\nin\nout\nyes'
  refused "cannot bind only 'none'" "$runsh" run -b b --mount source=sub,target=/v,volume-subpath=none "$box"
}

@test "a volume is filled from a destination of any name" {
  bundle b
  local name names=('/a,b' '/back\slash' '/blank ' '/ #"'$'\t')
  for name in "${names[@]:0:3}"; do
    mkdir -p "b/rootfs$name"
    touch "b/rootfs$name/found"
    ok inside b 'ls "'"$name"'"' -v "odd:$name"
    equal "$output" found
    ok volume rm odd
  done
  ok inside b 'echo new' -v "odd:${names[3]}:nocopy"
  equal "$output" new
}

@test "who is in use is not removed, and says by whom" {
  bundle b '.process.args = ["sleep", "600"]'
  detached "$runsh" create -b b -v used:/data -v both:/x "$one"
  detached "$runsh" run -d -b b -v both:/x "$two"
  volume create free
  refused "cannot remove the volume 'used': volume is in use by $one" volume rm -f used
  contains "$stderr" 'hint:'
  expect 1 volume rm free both
  equal "$output" free
  contains "$stderr" "volume is in use by $one, $two"
  ok volume prune -a -f
  equal "$output" ''
  equal "$(volume ls -q --filter dangling=false | tr '\n' ' ')" 'both used '
  "$runsh" delete -f "$one"
  ok volume prune -a -f
  equal "$output" $'Deleted Volumes:\nused'
  "$runsh" delete -f "$two"
  ok volume rm both
  # A container of the same name that does not use it does not keep it, and no file of another user's does.
  detached "$runsh" create -b b -v used:/data "$one"
  cp -R "$RUNSH_VOLUMES/used/users" users
  "$runsh" delete -f "$one"
  detached "$runsh" create -b b -v other:/data "$one"
  cp users "$RUNSH_VOLUMES/used/users"
  ok volume rm used
  if is_root; then
    chown 65534 "$RUNSH_ROOT/$one/volumes"
    ok volume rm other
  fi
  "$runsh" delete -f "$one"
  ok volume rm -f other
  # A supervisor that is killed leaves its state, and what it has written.
  "$runsh" run -b b -v kept:/data "$three" </dev/null >log 2>&1 3>&- &
  eventually test -e "$RUNSH_ROOT/$three/process"
  kill -9 $!
  wait $! || true
  refused "in use by $three" volume rm kept
  eventually eval '"$runsh" gc | grep -x "$three"'
  equal "$(entries kept)" './file ./sub '
  ok volume rm kept
  # One that cannot be made does not use it.
  refused no/such "$runsh" run -b b -v failed:/data --pid-file /no/such/file "$four"
  equal "$(ls -A "$RUNSH_ROOT")" ''
  ok volume rm -f failed
  equal "$(ls -A "$RUNSH_VOLUMES")" ''
}

@test "the directory under a running container is not exchanged for a filled one" {
  bundle b '.process.args = ["sleep", "600"]'
  detached "$runsh" run -d -b b -v live:/data:nocopy "$one"
  # Nor is that under one that is being made.
  mv "$RUNSH_ROOT/$one/process" process
  cp "$RUNSH_ROOT/$one/creator" creator
  echo "$$ $(start_time)" >"$RUNSH_ROOT/$one/creator"
  ok inside b 'ls -A /data' -v live:/data
  equal "$output" ''
  mv creator process "$RUNSH_ROOT/$one"
  ok inside b 'ls -A /data; touch /data/second' -v live:/data
  equal "$output" ''
  ok "$runsh" exec "$one" ls /data </dev/null
  equal "$output" second
  "$runsh" delete -f "$one"
  volume rm live
}

@test "the owners are right in a user namespace" {
  requires userns
  bundle b
  ok inside b 'stat -c %u:%g /data /data/file /new; touch /data/own /new/own' -v user:/data -v new:/new
  equal "$output" $'0:0\n0:0\n0:0'
  is_root || return 0
  # What a container sees as root's is root's for another one, whatever its map is: the kernel maps the owners.
  local from
  for from in 100000 200000; do
    cp -a b u$from
    chown -hR $from:$from u$from/rootfs
    mknod "u$from/rootfs/data/device" c 1 3
    chmod 711 . ..
    change_users u$from $from
    ok inside u$from 'stat -c %u:%g /data /data/file /data/own; touch /data/$(hostname)'$from -v user:/data -v "fresh$from:/data/fresh"
    equal "$output" $'0:0\n0:0\n0:0'
    ok inside u$from 'stat -c %u:%g /data /data/file' -v "filled$from:/data"
    equal "$output" $'0:0\n0:0'
    equal "$(stat -c %u "$RUNSH_VOLUMES/filled$from/_data/file" "$RUNSH_VOLUMES/filled$from/_data")" $'0\n0'
  done
  equal "$(find "$RUNSH_VOLUMES/user/_data" ! -user 0)" ''
}

change_users() {
  jq --argjson from "$2" '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: $from, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings' "$1/config.json" >changed
  mv changed "$1/config.json"
}

@test "subordinate users: the owners are right, and their files are removed with the volume" {
  requires root newuidmap newgidmap
  bundle b '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 65534, size: 1},
    {containerID: 1, hostID: 300000, size: 65535}] | .linux.gidMappings = .linux.uidMappings | .linux.namespaces -= [{type: "network"}]
    | .mounts -= [.mounts[] | select(.type == "sysfs")] | .process.capabilities[] += ["CAP_CHOWN"]
    | .process.args = ["sh", "-c", "stat -c %u:%g /data /data/file; mkdir -m 700 /data/d && touch /data/d/f && chown -R 5:5 /data/d"]'
  chown -hR 65534:65534 b
  chown 300006:300007 b/rootfs/data/file
  chmod 711 . .. ../..
  printf 'nobody:300000:65536\n' >subuid
  printf 'nobody:300000:65536\n65534:300000:65536\n' >subgid
  mkdir home
  chown 65534:65534 home
  cat >script <<'end'
mount --bind subuid /etc/subuid && mount --bind subgid /etc/subgid || exit
exec setpriv --reuid=65534 --regid=65534 --clear-groups env RUNSH_ROOT="$PWD/home/run" RUNSH_VOLUMES="$PWD/home/volumes" sh -c '
  "$0" run -b b -v sub:/data "$1" </dev/null && stat -c %u home/volumes/sub/_data/d && volume rm sub && ls -A home/volumes' "$@"
end
  ok unshare --mount sh script "$runsh" "$box"
  equal "$output" $'0:0\n7:8\n300004\nsub'
}

@test "where owners cannot be mapped, the files are those of the container's users" {
  requires root
  bundle b
  chown -hR 100000:100000 b/rootfs
  change_users b 100000
  chmod 711 . ..
  # An overlay takes no map.
  mkdir -m 700 "$RUNSH_VOLUMES" upper
  mkdir lower work
  jq '.process.args = ["sh", "-c", "stat -c %u:%g /data /data/file /new; touch /data/a /new/a"]' b/config.json >changed
  mv changed b/config.json
  ok unshare --mount sh -c 'mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none "$RUNSH_VOLUMES" && exec "$@"' sh \
    "$runsh" run -b b -v keep:/data -v new:/new "$box" </dev/null
  equal "$output" $'0:0\n0:0\n0:0'
  equal "$(stat -c %u upper/keep/_data/a upper/keep/_data upper/new/_data/a)" $'100000\n100000\n100000'
}

@test "an image cannot reach out of its root when a volume is filled" {
  bundle b
  mkdir secret
  echo secret >secret/secret
  rm -r b/rootfs/data
  # Absolute ones and such that climb stay inside; in the image there is nothing.
  for target in "$PWD/secret" "../../../../../../../../../..$PWD/secret" /proc/1/root /proc/self/cwd; do
    ln -sfn "$target" b/rootfs/data
    rm -rf "$RUNSH_VOLUMES/hostile"
    ok inside b 'true' -v hostile:/data || true
    equal "$(ls -A "$RUNSH_VOLUMES/hostile/_data")" ''
  done
  # One that leads to a directory of the image is followed.
  rm -rf b/rootfs"$PWD"
  mkdir -p b/rootfs/srv/real
  touch b/rootfs/srv/real/yes
  ln -sfn /srv/real b/rootfs/data
  ln -s "$PWD/secret" b/rootfs/srv/real/out
  ok inside b 'ls /data' -v good:/data
  equal "$output" $'out\nyes'
  [ -h "$RUNSH_VOLUMES/good/_data/out" ]
  # What the caller has left open is not read.
  ok inside b true -v missing:/missing 5<secret 6<secret
  equal "$(ls -A secret "$RUNSH_VOLUMES/missing/_data")" "$RUNSH_VOLUMES/missing/_data:

secret:
secret"
  # What is no directory is not read, and nothing waits for it.
  rm b/rootfs/data
  mkfifo b/rootfs/data
  expect 1 timeout 20 "$runsh" run -b b -v fifo:/data "$box" </dev/null
  contains "$stderr" "cannot mount on '/data'"
  equal "$(ls -A "$RUNSH_VOLUMES/fifo/_data")" ''
}

# slow_tar: a tar that has read all, and then waits until "go" is there.
slow_tar() {
  mkdir -p bin
  printf '#!/bin/sh\n%s "$@" || exit\ncase $1 in\n-c) : >"%s/reached"; until [ -e "%s/go" ]; do sleep 0.02; done ;;\nesac\n' \
    "$(command -v tar)" "$PWD" "$PWD" >bin/tar
  chmod 755 bin/tar
}

@test "a fill that is killed leaves the whole or nothing" {
  bundle b '.process.args = ["ls", "/data"]'
  chmod 777 .
  slow_tar
  # All of it is killed: the next start fills again.
  PATH=$PWD/bin:$PATH setsid "$runsh" run -b b -v torn:/data "$one" </dev/null >log 2>&1 3>&- &
  eventually test -e reached
  eventually test -e "$RUNSH_VOLUMES/torn/.fill/file"
  equal "$(entries torn)" ''
  kill -9 -- "-$!"
  wait $! || true
  ok "$runsh" run -b b -v torn:/data "$two" </dev/null
  equal "$output" $'file\nsub'
  # Only the script is killed: the next one waits for the copy, and puts its own in place.
  rm reached
  PATH=$PWD/bin:$PATH "$runsh" run -b b -v orphan:/data "$three" </dev/null >log 2>&1 3>&- &
  eventually test -e reached
  kill -9 $!
  wait $! || true
  "$runsh" run -b b -v orphan:/data "$four" </dev/null >said 2>&1 3>&- &
  sleep 0.3
  equal "$(cat said)" ''
  touch go
  wait $!
  equal "$(cat said)" $'file\nsub'
  equal "$(ls -A "$RUNSH_VOLUMES/orphan")" "$(printf '%s\n' _data created filled users)"
  eventually eval '[ "$("$runsh" gc; "$runsh" list -q)" = "" ]'
}

# A tar that puts a device where it copies to, as an image does that changes meanwhile.
@test "no device of an image comes into a volume, whatever becomes of the image meanwhile" {
  requires root
  bundle b
  mkdir bin
  printf '#!/bin/sh\n%s "$@" || exit\ncase $1 in -x) mknod made c 1 3; mknod sub/block b 7 0 ;; esac\n' "$(command -v tar)" >bin/tar
  chmod 755 bin/tar
  PATH=$PWD/bin:$PATH ok inside b 'ls /data /data/sub' -v volume:/data
  equal "$output" $'/data:\nfile\nsub\n\n/data/sub:'
}

@test "many at once: each volume is made once, filled once, and never removed from under a container" {
  bundle b
  mkdir many
  pairs() {
    local number
    for ((number = 0; number < VOLUME_PAIRS; number++)); do
      volume create "v$1.$number" && volume create same && volume rm "v$1.$number" || return
      volume rm -f same || return
    done
  }
  local number pids=()
  for number in {1..8}; do
    pairs "$number" >"many/$number" 2>&1 &
    pids+=($!)
  done
  for number in {1..8}; do
    wait "${pids[number - 1]}" || {
      cat "many/$number"
      return 1
    }
  done
  equal "$(cat many/* | grep -c '^v')" $((VOLUME_PAIRS * 16))
  equal "$(ls -A "$RUNSH_VOLUMES")" ''
  # All start at once with a new volume, while others try to remove it: a directory that was removed has no link.
  jq '.process.args = ["sh", "-c", "stat -c %h /data; cat /data/file"]' b/config.json >changed
  mv changed b/config.json
  (while [ ! -e stop ]; do volume rm shared; done) >removed 2>&1 3>&- &
  local remover=$!
  pids=()
  for number in {1..4}; do
    "$runsh" run -b b -v shared:/data "$box-$number" </dev/null >"many/$number" 2>&1 3>&- &
    pids+=($!)
  done
  for number in {1..4}; do
    wait "${pids[number - 1]}" || true
  done
  touch stop
  wait "$remover" || true
  for number in {1..4}; do
    equal "$(cat "many/$number")" $'3\nimage'
  done
  ok volume rm -f shared
  equal "$(ls -A "$RUNSH_VOLUMES")" ''
}

@test "no control character of a name reaches the terminal, DEL neither" {
  expect 1 "$project/scripts/volume" create $'a\e\x7fb'
  contains "$stderr" "'a??b'"
}

@test "what is mounted in a volume is not removed with it, and no other directory is" {
  requires root
  local one
  export RUNSH_VOLUMES=$PWD/store
  ok "$project/scripts/volume" create one
  one=$("$project/scripts/volume" path one)
  mkdir precious "$one/m"
  : >precious/file
  removed() {
    private sh -c 'mount --bind precious "$1/m" && shift && "$@"' sh "$one" "$project/scripts/volume" "$@"
  }
  expect 1 removed rm one
  contains "$stderr" "cannot remove the volume 'one': something is mounted in it"
  [ -e precious/file ]
  ok "$project/scripts/volume" rm one
  # A link of another user's to the caller's directory.
  mkdir -m 700 mine
  mkdir -p mine/x/_data
  ln -s "$PWD/mine" link
  chown -h 65534 link
  RUNSH_VOLUMES=$PWD/link expect 1 "$project/scripts/volume" prune -af
  contains "$stderr" 'it is a link that belongs to another user'
  [ -d mine/x/_data ]
  expect 1 "$project/scripts/volume" create "$(printf 'a%.0s' {1..201})"
  contains "$stderr" 'at most 200'
}
