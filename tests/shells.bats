#!/usr/bin/env bats
# The scripts, and the text that runsh explain prints, under every shell that is there.
# shellcheck disable=SC2030,SC2031,SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The shells under test expand what they get.

load helpers

export RUNSH_TOOLS
RUNSH_TOOLS=$(dirname "$(type -P setpriv-rs)")
scripts=$project/scripts

shells='dash
bash
busybox sh
mksh
ksh93
yash
zsh --emulate sh'

teardown() {
  [ -n "$BATS_TEST_COMPLETED" ] || "$scripts/runsh" delete --force "life-$$" </dev/null || :
  nothing_left
}

# in_each_shell FUNCTION: calls it with the words of each shell that is there.
in_each_shell() {
  local count=0 shell
  while read -ra shell <&5; do
    type -P "${shell[0]}" >/dev/null || continue
    # Shown where the test fails; an "|| ..." behind the call would let each of its commands fail.
    printf 'under %s:\n' "${shell[*]}"
    "$1" "${shell[@]}"
    count=$((count + 1))
  done 5<<<"$shells"
  [ "$count" -gt 0 ]
}

secret="do not 'tell' \$HOME \`it\` \\ !! # $RANDOM$RANDOM"

# bundle SCRIPT: the bundle b of busybox, whose shell runs SCRIPT.
bundle() {
  make_rootfs b/rootfs
  [ -e made/config.json ] || "$scripts/mkbundle" made "$(type -P true)"
  jq --arg script "$1" --arg secret "SECRET=$secret" '.process.args = ["sh", "-c", $script] | .process.terminal = false
    | .process.env += [$secret]' made/config.json >b/config.json
}

# Made of what every part of the text carries: standard input, limits, the mount table, the environment, arguments.
question='read -r line; printf "%s/%s/%s/%s\n" "$line" "$(hostname)" "$(ulimit -Hn)" "$SECRET"; cat /proc/1/comm; exit 5'
answer="a line/runc/1024/$secret"$'\nsh'

@test "runsh run is the container, under every shell" {
  requires jq
  bundle "$question"
  run_is_container() {
    expect 5 "$@" "$scripts/runsh" run -b b box <<<'a line'
    equal "$output" "$answer"
    equal "$stderr" ''
  }
  in_each_shell run_is_container
}

@test "every shell hands the same words, tables and limits to the first word" {
  requires jq
  bundle true
  # Everything that a shell could read in its own way: in words, in both tables, and in limits of several units.
  jq --arg text $'a \'"\\ $(touch hit) `touch hit` \n\tz;#!!{a,b}~*?[a]=~ mounts\nenv\n)\n\u00e9' '
    .process.args = ["sh", $text, "", "-", "~", "=ls", "a=~", "#", "!"] | .process.cwd = "/" + $text
    | .process.env += ["TEXT=" + $text, "HISTORY=!! !-1 ^a^b^", "BACKSLASH=\\", "EMPTY="]
    | .mounts += [{destination: ("/" + $text), source: $text, options: ["bind"]}]
    | .process.user.umask = 23 | .["=\($text)"] = "not known"
    | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 99, hard: 100}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
                          {type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}, {type: "RLIMIT_CPU", soft: 1000, hard: 2000}]
    ' b/config.json >changed
  mv changed b/config.json
  mkdir tools
  ln -s "$RUNSH_TOOLS"/*-rs tools
  # The first of them is the first word.
  rm tools/unshare-rs tools/cgexec-rs
  # What one that did not start has left is removed by another word, which says nothing.
  printf '#!/bin/sh\n[ "$1" != --delete ] || exit 0\nprintf "<%%s>\\n" "$@"\numask\ncat /dev/fd/3 /dev/fd/4 /proc/self/limits\n' >tools/unshare-rs
  chmod +x tools/unshare-rs
  cp tools/unshare-rs tools/cgexec-rs
  # What is read by a shell that works with bytes.
  RUNSH_TOOLS=$PWD/tools "$scripts/runsh" run -b b b </dev/null >want 2>&1
  RUNSH_TOOLS=$PWD/tools "$scripts/runsh" explain -b b >text
  sh text </dev/null >wanted 2>&1
  contains "$(<want)" '<--env-fd>'
  # They differ in what writes and removes the state of a container.
  local differ
  differ=$(diff want wanted | sed -n 's/^[<>] //p')
  # A word before unshare-rs removes it too.
  equal "${differ#"<--remove-on-failure>
<$RUNSH_ROOT/b>
"}" "<--process-file>
<$RUNSH_ROOT/b/process>
<--remove>
<$RUNSH_ROOT/b>"
  contains "$(tr -s ' ' <want)" 'Max open files 99 100'
  [ ! -e hit ]
  same_words() {
    # yash reads characters of its locale, and bytes of no other.
    ok env LC_ALL=C.UTF-8 "RUNSH_TOOLS=$PWD/tools" "$@" "$scripts/runsh" run -b b b </dev/null
    equal "$output" "$(<want)"
    RUNSH_TOOLS=$PWD/tools "$scripts/runsh" explain -b b >text
    ok env LC_ALL=C.UTF-8 "$@" text </dev/null
    equal "$output" "$(<wanted)"
    [ ! -e hit ]
  }
  in_each_shell same_words
}

@test "runsh run stays one process, and none shows the environment in its arguments, under every shell" {
  requires jq
  bundle 'trap "exit 3" TERM; echo ready; for _ in $(seq 100); do sleep 0.1; done'
  stays_one_process() {
    "$@" "$scripts/runsh" run -b b box </dev/null >said 2>&1 3>&- 5<&- &
    local pid=$!
    timeout 20 sh -c 'until grep -q ready said; do sleep 0.05; done'
    contains "$(tr '\0' ' ' <"/proc/$pid/cmdline")" unshare-rs
    equal "$(grep -lF "${secret##* }" /proc/[0-9]*/cmdline 2>/dev/null)" ''
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    equal "$status" 3
  }
  in_each_shell stays_one_process
}

@test "runsh explain prints the same text under every shell" {
  requires jq
  bundle true
  "$scripts/runsh" explain -b b >text
  equal "$(sed -n 1p text)$(sed -n '$p' text)" '()'
  explains() {
    ok "$@" "$scripts/runsh" explain -b b b
    equal "$output" "$(cat text)"
    ok "$@" "$scripts/runsh" explain --no-pivot --no-new-keyring -bb -- box
    contains "$output" '--move '
    lacks "$output" --new-keyring
  }
  in_each_shell explains
}

@test "the text is run from a file, from an argument and from a pipe, under every shell" {
  requires jq
  bundle "$question"
  "$scripts/runsh" explain -b b >text
  runs_text() {
    expect 5 "$@" text <<<'a line'
    equal "$output" "$answer"
    expect 5 "$@" -c "$("$scripts/runsh" explain -b b)" <<<'a line'
    equal "$output" "$answer"
    run --separate-stderr "$@" <text
    contains "$output" /runc/1024/
  }
  in_each_shell runs_text
}

@test "the text neither ends nor changes the shell that runs it" {
  requires jq
  bundle 'exit 5'
  text=$("$scripts/runsh" explain -b b)
  leaves_shell() {
    ok "$@" -c 'show() { pwd; umask; ulimit -S -n; ulimit -H -n; set +o; trap; echo "$- $#"; }
      umask 0037; trap : USR1; cd /; set -f -- one two
      show >"$WORK/before"; '"$text"'
      echo "$?"; show >"$WORK/after"'
    equal "$output" 5
    ok diff before after
  }
  WORK=$PWD
  export WORK
  in_each_shell leaves_shell
}

@test "what runsh refuses has status 1, under every shell" {
  requires jq
  bundle true
  mkdir tools empty
  ln -s "$RUNSH_TOOLS"/*-rs tools
  refuses() {
    expect 1 "$@" "$scripts/runsh" run -b b a/b
    contains "$stderr" "runsh: cannot name a container 'a/b'"
    expect 1 "$@" "$scripts/runsh" run -b missing box
    contains "$stderr" "missing/config.json': No such file or directory"
    expect 1 "$@" "$scripts/runsh" explain -b missing
    contains "$stderr" "missing/config.json': No such file or directory"
    expect 1 "$@" "$scripts/runsh" run -b '' box
    contains "$stderr" "runsh: option '-b' needs a value"
    expect 1 "$@" "$scripts/runsh" run --bundle= box
    contains "$stderr" "runsh: option '--bundle' needs a value"
    expect 1 "$@" "$scripts/runsh" run -b b
    contains "$stderr" 'missing operand: ID'
    expect 1 env RUNSH_TOOLS=empty "$@" "$scripts/runsh" run -b b box
    contains "$stderr" 'runsh: cannot find the tools'
    mv tools/setpriv-rs hidden
    expect 1 env RUNSH_TOOLS=tools "$@" "$scripts/runsh" run -b b box
    mv hidden tools/setpriv-rs
    contains "$stderr" "runsh: cannot find 'setpriv-rs' in '$PWD/tools'"
    ok "$@" "$scripts/runsh" --version
    equal "${lines[0]}" 'runc version 1.2.0 (runsh 0.1.0)'
  }
  in_each_shell refuses
}

@test "a text that is not whole is not executed, under every shell" {
  mkdir tools
  ln -s "$RUNSH_TOOLS"/*-rs tools
  rm tools/spec-rs
  refuses_text() {
    local part
    for part in 'touch hit' $'(\ntouch hit' $'touch hit\n)' '' $'( touch hit\n)'; do
      printf '#!/bin/sh\ncat <<"END"\n%s\nEND\n' "$part" >tools/spec-rs
      chmod +x tools/spec-rs
      expect 1 env "RUNSH_TOOLS=$PWD/tools" "$@" "$scripts/runsh" run box
      contains "$stderr" 'it is not a whole command line'
      [ ! -e hit ]
    done
    printf '#!/bin/sh\necho "("; echo "touch hit"; echo ")"; kill -9 $$\n' >tools/spec-rs
    expect 1 env "RUNSH_TOOLS=$PWD/tools" "$@" "$scripts/runsh" run box
    [ ! -e hit ]
  }
  in_each_shell refuses_text
}

@test "mkbundle makes the same bundle under every shell" {
  requires busybox
  mkdir image
  echo it >image/it
  tar -C image -c . | gzip >image.tar.gz
  "$scripts/mkbundle" want sh ls
  makes_bundle() {
    ok "$@" "$scripts/mkbundle" got sh ls
    equal "$stderr" ''
    ok diff -r --no-dereference want got
    ok "$@" "$scripts/mkbundle" --tar image.tar.gz unpacked
    ok diff -r image unpacked/rootfs
    expect 1 "$@" "$scripts/mkbundle" failed sh no-such
    contains "$stderr" "mkbundle: cannot find the program 'no-such'"
    [ ! -e failed ]
    ok "$@" "$scripts/mkbundle" box
    equal "$(stat -c %i box/rootfs/bin/ls)" "$(stat -c %i box/rootfs/bin/cat)"
    rm -r got unpacked box
  }
  in_each_shell makes_bundle
}

@test "demo is a tour under every shell" {
  mkdir scratch
  is_tour() {
    ok env "TMPDIR=$PWD/scratch" timeout 60 "$@" "$scripts/demo" </dev/null
    contains "$output" $'container$ hostname\nrunc\n'
    contains "$output" $'\n1 sh\n'
    contains "$output" 'Read-only file system'
    equal "$(ls -A scratch)" ''
  }
  in_each_shell is_tour
}

# on_busybox COMMAND...: runs it where /bin, /sbin and the like hold nothing but busybox under all its names. What makes
# the namespaces is ours, since the classics are not there any more.
on_busybox() {
  mkdir -p applets nothing
  [ -e applets/busybox ] || {
    cp "$(type -P busybox)" applets
    applets/busybox --install applets
  }
  is_root || set -- "$RUNSH_TOOLS/unshare-rs" --map-user "$(id -u)" --map-group "$(id -g)" "$@"
  private sh -c 'for place in /usr/local/bin /usr/local/sbin /bin /sbin /usr/sbin; do
      [ -h "$place" ] || [ ! -d "$place" ] || "$RUNSH_TOOLS/bindmount-rs" nothing "$place" || exit
    done
    [ -h /bin ] || "$RUNSH_TOOLS/bindmount-rs" applets /bin || exit
    # A mount of its own.
    [ ! -d outside ] || "$RUNSH_TOOLS/bindmount-rs" outside outside || exit
    "$RUNSH_TOOLS/bindmount-rs" applets /usr/bin && PATH=/usr/bin:/bin exec "$@"' sh "$@"
}

@test "runsh and the text where there is nothing but busybox" {
  requires busybox jq
  bundle "$question"
  expect 127 on_busybox sh -c ldd
  expect 1 on_busybox sh -c 'readlink -e /'
  expect 5 on_busybox "$scripts/runsh" run -b b box <<<'a line'
  equal "$output" "$answer"
  expect 5 on_busybox sh -c 'sh -c "$("$1" explain -b b)"' sh "$scripts/runsh" <<<'a line'
  equal "$output" "$answer"
}

@test "mkbundle where there is nothing but busybox" {
  requires busybox gzip
  ok on_busybox "$scripts/mkbundle" box
  equal "$(ls box/rootfs/bin)" "$(ls applets)"
  [ ! box/rootfs/usr/bin/busybox -ef applets/busybox ]

  # A program of this machine, and its libraries without an ldd that names them.
  cp "$(type -P cat)" applets/true-cat
  ok on_busybox "$scripts/mkbundle" named true-cat
  echo it >named/rootfs/it
  ok private chroot named/rootfs /usr/bin/true-cat /it
  equal "$output" it

  mkdir image
  echo it >image/it
  ln image/it image/hard
  ln -s /it image/link
  tar -C image -c . | gzip >image.tar.gz
  ok on_busybox "$scripts/mkbundle" --tar image.tar.gz unpacked
  ok diff -r --no-dereference image unpacked/rootfs
  ok on_busybox sh -c '"$1" --tar - read <image.tar.gz' sh "$scripts/mkbundle"
  ok diff -r --no-dereference image read/rootfs
}

@test "a hostile archive writes nothing outside where there is nothing but busybox" {
  requires busybox
  mkdir -p one two/a outside
  echo owned >two/file
  echo secret >outside/secret
  # Symlinks that lead outside by way of each other, and what is made at the end of them.
  ln -s b one/a
  ln -s "$PWD/outside" one/b
  ln two/file two/a/hard
  ln -s ../x two/a/symbolic
  for name in hard symbolic; do
    tar -C one -cf "$name.tar" a b
    tar -C two -rf "$name.tar" file "a/$name"
  done
  # A hard link to a file of the host.
  ln outside/secret hard
  tar -P -cf steal.tar "$PWD/outside/secret" hard
  rm hard
  tar -P --delete -f steal.tar "$PWD/outside/secret"
  # Its message names what is not there, with a control character.
  mkdir three
  echo it >$'three/a\e[31mred'
  ln three/a* three/link
  tar -C three -cf red.tar $'a\e[31mred' link
  tar -f red.tar --delete $'a\e[31mred'
  for name in hard symbolic steal red; do
    contains "$(tar -Ptvf "$name.tar" 2>&1)" ' '
    expect 1 on_busybox "$scripts/mkbundle" --tar "$name.tar" b
    contains "$stderr" "mkbundle: cannot unpack '$name.tar'"
    lacks "$stderr" $'\e'
    [ ! -e b ]
    equal "$(ls outside)$(stat -c %h outside/secret)" secret1
  done
}

@test "demo where there is nothing but busybox" {
  requires busybox
  mkdir scratch
  ok on_busybox env "TMPDIR=$PWD/scratch" "$scripts/demo" </dev/null
  contains "$output" $'container$ hostname\nrunc\n'
  contains "$output" $'\n1 sh\n'
  contains "$output" 'Read-only file system'
  equal "$(ls -A scratch)" ''
}

# --- an interactive shell

# type_in TEXT: to the shell on the pseudo-terminal.
type_in() {
  printf '%s' "$1" >&7
}

# await TEXT: on the pseudo-terminal.
await() {
  timeout 20 sh -c 'until grep -qF -- "$1" screen; do sleep 0.05; done' sh "$1" || {
    cat screen
    return 1
  }
}

# interact COMMAND: an interactive shell on a pseudo-terminal, whose input is descriptor 7 and whose output is the file
# screen.
interact() {
  rm -f keys screen before after
  mkfifo keys
  : >screen
  script -qfec "$1" /dev/null <keys >screen 2>&1 3>&- &
  interactive=$!
  exec 7>keys
  type_in $'echo a-shell-is-"here"\n'
  await a-shell-is-here
}

leave() {
  type_in $'exit\n'
  exec 7>&-
  timeout 20 tail --pid="$interactive" -f /dev/null
}

# pasted COMMAND [BEGIN END]: the text is pasted into that shell, between what a terminal puts around it.
pasted() {
  interact "$1"
  type_in 'show() { echo $$; pwd; umask; ulimit -S -n; ulimit -H -n; set +o; trap; }'$'\n'
  type_in 'umask 0037; ulimit -S -n 777; trap : USR1; cd /; set -C; show >'"$PWD"$'/before\n'
  type_in "${2-}$(<text)${3-}"$'\n'
  await 'inside runc'
  # After a job that had the terminal the shell throws away what was typed ahead.
  sleep 0.2
  type_in "show >|$PWD"$'/after; echo it-is-"alive"\n'
  await it-is-alive
  leave
  ok diff before after
  contains "$(<after)" $'037\n777\n'
  lacks "$(tr -d '\0' <screen)" 'not found'
}

@test "pasted into an interactive shell the text starts a container and changes nothing" {
  requires jq script
  bundle 'echo "inside $(hostname)"'
  "$scripts/runsh" explain -b b >text
  local begin=$'\e[200~' end=$'\e[201~'
  # The variables of a person's own shell.
  export HOME=$PWD HISTFILE=$PWD/history PS1='> '
  unset ENV
  pasted 'bash --norc -i'
  pasted 'bash --norc -i' "$begin" "$end"
  pasted 'dash -i'
  ! type -P zsh >/dev/null || {
    pasted 'zsh -f -i'
    pasted 'zsh -f -i' "$begin" "$end"
  }
}

# with_volume SHELL...
with_volume() {
  export RUNSH_VOLUMES="$PWD/the volumes"
  equal "$("$@" "$scripts/runsh" run -b b -v kept:/data --mount 'type=tmpfs,target=/a b' "volume-$$" </dev/null)" image
  [ -e "$RUNSH_VOLUMES/kept/_data/new" ]
  ok "$@" "$scripts/volume" create --label 'a=b c' other
  equal "$("$@" "$scripts/volume" ls -q --filter label=a --filter name=other)" other
  equal "$("$@" "$scripts/volume" inspect kept other | jq -r '.[] | .Name, .Labels.a')" $'kept\nnull\nother\nb c'
  ok "$@" "$scripts/volume" rm kept other
  equal "$(ls -A "$RUNSH_VOLUMES")" ''
}

@test "volumes, under every shell" {
  bundle 'cat /data/file; : >/data/new; [ -d "/a b" ]'
  mkdir b/rootfs/data
  echo image >b/rootfs/data/file
  in_each_shell with_volume
}

# status_of ID: of a container.
status_of() {
  "$runsh" state "$1" | jq -r .status
}

is_stopped() {
  [ "$(status_of "$life")" = stopped ]
}

# The Korn shells hand on no descriptor above 2 of their own accord: the gate, the lock and the hooks have such ones.
whole_life() {
  local runsh=$scripts/runsh life=life-$$ pid
  rm -f b/rootfs/tmp/* init
  "$@" "$runsh" create -b b --pid-file init "$life" <nothing >said 2>&1 || cat said
  equal "$(<said)$(jq -r '.status + .id' b/hook)$(status_of "$life")" "creating${life}created"
  equal "$("$@" "$runsh" state "$life" | jq -r .status)" created
  "$@" "$runsh" start "$life" <nothing
  "$@" "$runsh" exec -e 'A=a b' "$life" sh -c 'echo "$A" $PPID' <nothing >said
  equal "$(<said)" 'a b 0'
  "$@" "$runsh" exec -d --pid-file more.pid "$life" sleep 600 <nothing >said 2>&1
  pid=$(<more.pid)
  equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'sleep 600 '
  [ "/proc/$pid/root" -ef "/proc/$(<init)/root" ]
  expect 7 "$@" "$scripts/debug" "$life" sh -c 'echo "$A"; exit 7'
  equal "$output" 'of the caller'
  contains "$("$@" "$scripts/debug" --explain "$life")" "--target $(<init)"
  contains "$("$@" "$scripts/cinf" 2>&1)" "$(readlink "/proc/$(<init)/ns/mnt" | tr -dc 0-9)"
  "$@" "$runsh" kill "$life" KILL
  eventually is_stopped
  ok "$@" "$runsh" delete "$life"
  "$@" "$runsh" run -d -b b -v kept:/dest "$life" <nothing >said 2>&1
  equal "$(<said)$(status_of "$life")" running
  ok "$@" "$runsh" delete --force "$life"
  ok "$@" "$scripts/volume" create other
  ok "$@" "$scripts/volume" rm kept other
  equal "$(ls -A "$RUNSH_VOLUMES" "$RUNSH_ROOT")" "$RUNSH_ROOT:

$RUNSH_VOLUMES:"
  expect 3 "$@" "$scripts/sandbox" --ro-bind / / --unshare-pid sh -c 'echo $$; exit 3'
  equal "$output" 2
}

@test "the whole life of a container, under every shell" {
  requires jq userns
  bundle 'exec sleep 600'
  mkdir -p b/rootfs/tmp
  printf '#!/bin/sh\ncat >%s/b/hook\n' "$PWD" >hook
  chmod +x hook
  jq --arg hook "$PWD/hook" '.hooks.createRuntime = [{path: $hook}]' b/config.json >changed
  mv changed b/config.json
  : >nothing
  export RUNSH_VOLUMES=$PWD/volumes A='of the caller'
  in_each_shell whole_life
}
