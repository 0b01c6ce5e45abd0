#!/usr/bin/env bats
# pty-rs: what is relayed, what the terminal's modes are, and what a root that is not trusted can do.
# shellcheck disable=SC2154 # bats and the helpers assign output, status, stderr and project.
# shellcheck disable=SC2016 # The inner shells expand what they are given.

load helpers

# The plain one: a shim of a version manager is nothing that an ordinary user can run.
python=$(PATH=/usr/bin:/bin:$PATH type -P python3 || true)

# terminal [--size ROWSxCOLUMNS] [TEXT ACTION]... -- COMMAND...: as fixtures/terminal.py says.
terminal() {
  "$python" "$project/tests/fixtures/terminal.py" "$@"
}

# gone PATTERN: no process has it in its command line any more, after a while.
gone() {
  local i
  requires pgrep
  for ((i = 0; i < 100; i++)); do
    pgrep -f -- "$1" >/dev/null || return 0
    sleep 0.05
  done
  pgrep -af -- "$1"
  return 1
}

# appears FILE: it is there, after a while.
appears() {
  local i
  for ((i = 0; i < 200; i++)); do
    [ ! -e "$1" ] || return 0
    sleep 0.05
  done
  return 1
}

# How long what must not stay behind sleeps: that tells it from all else on the machine.
nap=100.$BATS_TEST_NUMBER$$

# modes: the terminal's, in a line.
modes='stty -g'

@test "COMMAND has a terminal of its own, with the caller's size and modes" {
  requires python3
  cat >inner <<'END'
stty size
stty -g
ps -o tty=,sid=,pid= -p $$
for fd in 0 1 2; do readlink "/proc/$$/fd/$fd"; done
END
  ok terminal --size 31x97 -- sh -c 'stty intr ^T; tty; stty -g; pty-rs sh inner; stty intr ^C'
  mapfile -t lines <<<"$output"
  equal "${lines[2]}" '31 97'
  equal "${lines[3]}" "${lines[1]}"
  read -r tty session pid <<<"${lines[4]}"
  [ "/dev/$tty" != "${lines[0]}" ]
  equal "$session" "$pid"
  equal "${lines[*]:5}" "/dev/$tty /dev/$tty /dev/$tty"
}

@test "without COMMAND it is the shell" {
  requires python3
  ok terminal '\$ ' 'echo $((6*7)) $-\n' '42' 'exit\n' -- env SHELL=/bin/sh PS1='$ ' pty-rs
  [[ $output =~ 42\ [a-zA-Z]*i ]]
}

@test "the exit status is COMMAND's, and its signal too" {
  expect 7 pty-rs sh -c 'exit 7' </dev/null
  expect 143 bash -c 'pty-rs sh -c "kill -TERM \$\$"; exit $?' </dev/null
  expect 137 bash -c 'pty-rs sh -c "kill -KILL \$\$"; exit $?' </dev/null
  expect 7 pty-rs --failure-status 9 sh -c 'exit 7' </dev/null
}

@test "what cannot be executed is said on the standard error, and the modes are restored" {
  expect 127 pty-rs ./nosuch
  equal "$output" ''
  contains "$stderr" "pty-rs: cannot execute './nosuch': No such file or directory"
  expect 126 pty-rs --failure-status 9 /etc/passwd
  contains "$stderr" "hint: '/etc/passwd' has no execute permission"
  expect 127 pty-rs --receive 5 ./nosuch
  expect 127 pty-rs --pipes ./nosuch
  requires python3
  expect 127 terminal -- pty-rs ./nosuch
  equal "$output" "pty-rs: cannot execute './nosuch': No such file or directory"
  expect 127 terminal -- pty-rs --pipes ./nosuch
  expect 127 terminal -- pty-rs --receive 5 ./nosuch
}

@test "--failure-status is the status of its own failures" {
  expect 1 pty-rs --nosuch
  expect 9 pty-rs --failure-status 9 --nosuch
  expect 9 pty-rs --failure-status 9 --send 5 --root nosuch true
  contains "$stderr" "cannot open the root 'nosuch': No such file or directory"
  expect 1 pty-rs --failure-status 0 true
  contains "$stderr" "'0' is not from 1 to 255"
}

@test "every key reaches COMMAND, and the caller's modes come back" {
  requires python3
  ok terminal 'ready' '\x03\x1a\x1c\x04\x13x\n' -- pty-rs sh -c 'stty raw -echo; echo ready; head -c 7 | od -An -tx1'
  contains "$output" ' 03 1a 1c 04 13 78 0'
  lacks "$output" 'modes changed'
  # Nothing is typed twice on the terminal.
  ok terminal 'ready\r\n' 'word\n' -- pty-rs sh -c 'echo ready; read -r word; echo "<$word>"'
  equal "$output" $'ready\nword\n<word>'
}

@test "^C interrupts the program inside, ^D is its end of input" {
  requires python3
  expect 42 terminal 'ready' '\x03' -- pty-rs sh -c 'trap "exit 42" INT; echo ready; while :; do sleep 0.01; done'
  expect 130 bash -c "$(declare -f terminal); project=$project python=$python; terminal ready '\x03' -- pty-rs sh -c 'echo ready; exec sleep 20'; exit \$?"
  ok terminal 'ready\r\n' 'line\n' 'line\r\nline' '\x04' -- pty-rs sh -c 'echo ready; cat'
}

@test "job control works in a shell inside, and ^Z stops only what runs there" {
  requires python3
  ok terminal '\$ ' "sleep $nap\n" "sleep $nap\r\n" '!sleep 0.2' '' '\x1a' 'Stopped' 'jobs\n' "Stopped.*$nap" 'fg\n' \
    "sleep $nap\r\n" '!sleep 0.2' '' '\x03' '\$ ' 'echo end\n' 'end\r\n' 'exit\n' -- \
    pty-rs env PS1='$ ' bash --norc --noprofile
  gone "$nap"
}

@test "a new window size reaches COMMAND" {
  requires python3
  ok terminal --size 24x80 'ready' '@40x111' 'changed' '\n' -- \
    pty-rs bash -c 'trap "stty size; echo changed; exit" WINCH; echo ready; while :; do sleep 0.01; done'
  contains "$output" '40 111'
}

@test "--size is the size where the caller has no terminal, or one of no size" {
  ok pty-rs --size 12x34 stty size </dev/null
  equal "$output" $'12 34\r'
  requires python3
  ok terminal --size 0x0 -- pty-rs --size 12x34 stty size
  equal "$output" '12 34'
  ok terminal --size 24x80 -- pty-rs --size 12x34 stty size
  equal "$output" '24 80'
}

@test "stopped and continued from outside, it gives the terminal back and takes it again" {
  requires python3
  for signal in TSTP STOP; do
    ok terminal '\$ ' "$modes\n" '[0-9a-f:]{20,}' "pty-rs sh -c 'echo up; read -r x; stty size; exit 3'\n" 'up\r\n' \
      "!pkill -$signal -x pty-rs -P \$pid" 'Stopped' "$modes\n" '[0-9a-f:]{20,}' '@10x20' '' 'fg\n' 'pty-rs sh[^\n]*\n' \
      '!sleep 0.2' '' 'word\n' '10 20' '' '\$ ' 'echo "<$?>"\n' '<3>' 'exit\n' -- env PS1='$ ' bash --norc --noprofile
    mapfile -t got < <(grep -oE '([0-9a-f]+:){20,}[0-9a-f]+' <<<"$output")
    equal "${#got[@]}" 2
    equal "${got[0]}" "${got[1]}"
  done
}

@test "in the background it waits for the terminal, as any program that wants it" {
  requires python3
  # It is stopped before COMMAND starts, and goes on as the foreground.
  ok terminal '\$ ' "pty-rs sh -c 'echo st''arted; read -r x; echo \"<\$x>\"' &\n" '\[1\]' '!sleep 0.5' '' '\n' 'Stopped' 'fg\n' \
    'started' 'word\n' '<word>' '' '\$ ' 'exit\n' -- env PS1='$ ' bash --norc --noprofile
  lacks "${output%%Stopped*}" 'started'
}

@test "continued in the background it puts out what COMMAND does, and leaves the terminal alone" {
  requires python3
  ok terminal '\$ ' "pty-rs sh -c 'sleep 0.3; echo to''ld; read -r x; echo \"<\$x>\"' &\n" '\[1\]' '!sleep 0.5' '' '\n' 'Stopped' 'bg\n' 'told' \
    'echo "[$((6*7))]"\n' '\[42\]' 'fg\n' 'pty-rs sh[^\n]*\n' '!sleep 0.5' '' 'word\n' '<word>' '' '\$ ' 'exit\n' -- \
    env PS1='$ ' bash --norc --noprofile
}

@test "an orphan in the background does not touch the terminal's modes" {
  requires python3
  ok terminal -- bash -c 'set -m; (pty-rs sh -c "echo told; sleep 0.2" & sleep 0.1; '"$modes"' >during); '"$modes"' >after'
  equal "$(cat during)" "$(cat after)"
}

@test "all of the output comes, to the last byte, into a slow reader too" {
  ok bash -c 'pty-rs sh -c "head -c 1000000 /dev/zero | tr \"\\0\" x; printf end" </dev/null | { sleep 0.5; md5sum; }'
  equal "$output" "$({
    head -c 1000000 /dev/zero | tr '\0' x
    printf end
  } | md5sum)"
  requires python3
  ok terminal -- pty-rs sh -c 'head -c 1000000 /dev/zero | tr "\0" x; printf end'
  equal "${#output}" 1000003
  ok terminal -- pty-rs --pipes sh -c 'head -c 1000000 /dev/zero | tr "\0" x; printf end'
  equal "${#output}" 1000003
}

@test "a reader that takes nothing does not keep input from COMMAND" {
  mkfifo fifo
  # The terminal's own output is full before COMMAND reads.
  exec {hold}<>fifo
  (
    sleep 0.3
    echo word
  ) | pty-rs sh -c 'stty -echo; (exec yes) & read -r x; echo "$x" >new; mv new got; kill $!' >fifo &
  job=$!
  appears got
  equal "$(cat got)" word
  cat <fifo >/dev/null &
  reader=$!
  wait "$job"
  exec {hold}>&-
  kill "$reader" 2>/dev/null || true
}

@test "a terminal that takes nothing does not keep input from COMMAND either" {
  requires python3
  ok terminal 'ready' '+word\n' '' '![ -e got ]' -- \
    pty-rs bash -c 'stty -echo; echo ready; yes & read -r x; : >got; kill $!; wait'
}

@test "the caller's own descriptors stay blocking" {
  requires python3
  cat >flags.py <<'END'
import fcntl, os, sys
sys.exit(any(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in range(3)))
END
  ok terminal 'ready' '\n' -- bash -c "pty-rs sh -c 'echo ready; read -r x; $python flags.py' <&0 && $python flags.py"
  # While it runs too.
  ok terminal 'ready' '!cat /proc/$pid/fdinfo/[012] >fdinfo' '' '\n' -- pty-rs sh -c 'echo ready; read -r x'
  equal "$(grep -c '^flags:' fdinfo)" 3
  equal "$(grep '^flags:.*[4567]...$' fdinfo)" ''
}

@test "the end of standard input is an end of input for COMMAND, once all was read" {
  ok timeout -k 1 10 pty-rs cat </dev/null
  equal "$output" ''
  ok timeout -k 1 10 bash -c 'printf "one\ntwo\n" | pty-rs sh -c "sleep 0.2; cat"'
  equal "$output" $'one\r\ntwo\r'
  # Behind a line without its newline the first ^D only ends the line.
  ok timeout -k 1 10 bash -c 'printf abc | pty-rs cat'
  equal "$output" abc
  expect 4 timeout -k 1 10 bash -c 'printf "read -r x\nword\necho \"<\$x>\"; exit 4\n" | pty-rs sh'
  contains "$output" '<word>'
  # A shell that edits lines leaves line mode, which makes a NUL of what was not read.
  ok timeout -k 1 10 pty-rs bash --norc -i </dev/null
  ok timeout -k 1 10 bash -c 'echo "sleep 0.3" | pty-rs bash --norc -i'
  ok timeout -k 1 10 pty-rs sh -c 'sleep 0.2; stty raw; head -c 2 | od -An -tx1' </dev/null
  contains "$output" ' 00 04'
  ok timeout -k 1 10 sh -c 'exec pty-rs cat <&-'
}

@test "a closed reader ends it, by SIGPIPE" {
  run bash -c 'timeout -k 1 10 pty-rs yes </dev/null | head -1; exit "${PIPESTATUS[0]}"'
  equal "$status" 141
  run bash -c 'timeout -k 1 10 pty-rs sleep "$0" </dev/null | true; exit "${PIPESTATUS[0]}"' "$nap"
  equal "$status" 141
  gone "$nap"
  run --separate-stderr bash -c 'trap "" PIPE; timeout -k 1 10 pty-rs yes </dev/null | head -1; exit "${PIPESTATUS[0]}"'
  equal "$status" 1
  contains "$stderr" "cannot write 'standard output': Broken pipe"
  expect 1 bash -c 'timeout -k 1 10 pty-rs yes </dev/null >/dev/full'
  contains "$stderr" "cannot write 'standard output': No space left on device"
  # The terminal gets its modes back then too.
  requires python3
  ok terminal -- bash -c 'pty-rs yes | head -1'
  equal "$output" y
}

@test "what COMMAND leaves behind does not hold it" {
  SECONDS=0
  ok timeout -k 1 10 pty-rs sh -c 'trap "" HUP; (sleep 5; exit) & echo out' </dev/null
  equal "$output" $'out\r'
  timeout -k 1 10 pty-rs sh -c 'trap "" HUP; (yes) & sleep 0.1' </dev/null >/dev/null
  [ "$SECONDS" -lt 4 ]
  # A chatterer that begins only now is cut off.
  timeout -k 1 10 pty-rs sh -c 'trap "" HUP; (sleep 0.02; exec yes) & exit' </dev/null >rest
  [ "$(stat -c %s rest)" -lt 200000 ]
  # The last words of a helper that ends right after it are heard.
  # How long that takes is the machine's business.
  for _ in {1..10}; do
    ok pty-rs bash -c 'trap "" HUP; (while kill -0 $$ 2>/dev/null; do :; done; echo late) & exit' </dev/null
    [ -z "$output" ] || break
  done
  equal "$output" $'late\r'
}

@test "a terminal that COMMAND closes and opens again goes on" {
  ok timeout -k 1 10 pty-rs bash -c 'exec <&- >&- 2>&-; sleep 0.2; exec >/dev/tty; echo back' </dev/null
  equal "$output" $'back\r'
  requires python3
  ok terminal 'ready' 'word\n' '' '!sleep 0.4' -- \
    pty-rs bash -c 'echo ready; exec <&- >&- 2>&-; sleep 0.3; exec </dev/tty >/dev/tty; read -r x; echo "<$x>"'
  contains "$output" '<word>'
}

@test "signals are handed on to COMMAND" {
  for signal in HUP INT QUIT TERM USR1 USR2; do
    rm -f up
    # A shell has them ignored in what it starts in the background.
    env --default-signal=HUP,INT,QUIT,TERM,USR1,USR2 pty-rs bash -c "trap 'exit 42' $signal; : >up; while :; do sleep 0.01; done" </dev/null &
    job=$!
    appears up
    kill "-$signal" "$job"
    status=0
    wait "$job" || status=$?
    equal "$signal $status" "$signal 42"
  done
}

@test "a signal that it does not hand on ends it, with the modes restored, and COMMAND with it" {
  requires python3
  for signal in ALRM ABRT SEGV RTMIN; do
    ok terminal 'ready' "!pkill -$signal -x pty-rs -P \$pid" -- bash -c 'pty-rs sh -c "echo ready; exec sleep $0"; echo "<$?>"' "$nap"
    contains "$output" "<$((128 + $(kill -l "$signal")))>"
    lacks "$output" 'modes changed'
    gone "$nap"
  done
}

@test "kill -9 ends COMMAND, whatever it ignores" {
  mkfifo fifo
  for mode in '' '--receive 5'; do
    # shellcheck disable=SC2086 # The words of an option.
    pty-rs $mode bash -c "trap '' HUP TERM; : >up; exec sleep $nap" <fifo >/dev/null &
    exec {hold}>fifo
    appears up
    kill -9 $!
    gone "$nap"
    rm up
    exec {hold}>&-
  done
}

@test "the hang-up of the caller's terminal ends COMMAND: gently, then surely" {
  requires python3
  expect 0 terminal 'ready' hangup -- pty-rs bash -c 'trap "echo hup >hup; exit 0" HUP; echo ready; while :; do sleep 0.01; done'
  equal "$(cat hup)" hup
  SECONDS=0
  expect 129 terminal 'ready' hangup -- pty-rs bash -c "trap '' HUP; echo ready; exec sleep $nap"
  gone "$nap"
  [ "$SECONDS" -lt 5 ]
  expect 129 terminal 'ready' hangup -- pty-rs --pipes bash -c "trap '' HUP; echo ready; exec sleep $nap"
  gone "$nap"
}

@test "--pipes: COMMAND holds no terminal, and has none to open" {
  requires python3
  cat >inner.py <<'END'
import fcntl, os, termios
for fd in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink("/proc/self/fd/" + fd)
    except OSError:
        continue
    print(fd, os.isatty(int(fd)), target.split(":")[0])
    try:
        fcntl.ioctl(int(fd), termios.TIOCSTI, b"x")
        print("typed")
    except OSError as error:
        print(error.strerror)
try:
    os.open("/dev/tty", os.O_RDWR)
except OSError as error:
    print(error.strerror)
END
  ok terminal -- pty-rs --pipes "$python" inner.py
  lacks "$output" True
  lacks "$output" /dev/
  lacks "$output" typed
  contains "$output" '0 False pipe'
  contains "$output" '1 False pipe'
  contains "$output" '2 False pipe'
  contains "$output" 'No such device or address'
  # It would find one without.
  ok terminal -- "$python" inner.py
  contains "$output" True
}

@test "--pipes: lines, signals and statuses as on the terminal" {
  requires python3
  expect 3 terminal 'ready\r\n' 'word\n' '<word>' '\x04' -- pty-rs --pipes sh -c 'echo ready; read -r x; echo "<$x>"; cat; exit 3'
  equal "$output" $'ready\nword\n<word>'
  expect 130 terminal 'ready' '\x03' -- pty-rs --pipes sh -c 'echo ready; exec sleep 20'
  # Output and error keep their order.
  ok terminal -- pty-rs --pipes sh -c 'for i in 1 2 3 4; do echo out$i; echo err$i >&2; done'
  equal "$output" $'out1\nerr1\nout2\nerr2\nout3\nerr3\nout4\nerr4'
  # COMMAND need not read.
  ok terminal 'ready' 'a\nb\n' -- pty-rs --pipes sh -c 'exec <&-; echo ready; sleep 0.3'
}

@test "--pipes: only what is a terminal is replaced" {
  requires python3
  echo word >file
  ok terminal -- sh -c 'pty-rs --pipes sh -c "readlink /proc/self/fd/0; readlink /proc/self/fd/1; readlink /proc/self/fd/2" <file 2>log'
  mapfile -t lines <<<"$output"
  equal "${lines[0]##*/}" file
  contains "${lines[1]}" pipe:
  equal "${lines[2]##*/}" log
  # Where none is, it becomes COMMAND.
  ok sh -c 'echo $$; exec pty-rs --pipes sh -c "echo \$\$"' </dev/null
  [ "$(sed -n 1p <<<"$output")" = "$(sed -n 2p <<<"$output")" ]
}

@test "--pipes: ^Z stops the job, and fg goes on with it" {
  requires python3
  ok terminal '\$ ' "pty-rs --pipes sh -c 'echo st''arted; read -r x; echo \"<\$x>\"'\n" 'started' '\x1a' 'Stopped' 'fg\n' \
    'pty-rs --pipes[^\n]*\n' 'word\n' '<word>' '' '\$ ' 'exit\n' -- env PS1='$ ' bash --norc --noprofile
}

@test "--pipes: in the background it runs, and leaves what is typed to the shell" {
  requires python3
  ok terminal '\$ ' "pty-rs --pipes sh -c 'echo st''arted; read -r x; echo \"<\$x>\"' &\n" 'started' 'echo "[$((6*7))]"\n' \
    '\[42\]' 'fg\n' 'pty-rs --pipes[^\n]*\n' 'word\n' '<word>' '' '\$ ' 'exit\n' -- env PS1='$ ' bash --norc --noprofile
  lacks "$output" Stopped
}

# make_root: a directory root of busybox with a devpts and a tmpfs of its own below /dev once "enter" is run in a new
# mount namespace: $1 is a shell text that changes it before the terminal is made, $2 COMMAND inside.
make_root() {
  make_rootfs rootfs
  mkdir -p rootfs/dev rootfs/proc rootfs/sys
  cat >enter <<'END'
set -eu
mount --bind rootfs rootfs
cd rootfs
mount -t proc proc proc
mount -t tmpfs none dev
mkdir dev/pts
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
eval "$1"
exec pty-rs --failure-status 9 ${options---send 5 --root . --console /dev/console} -- \
  sh -c 'exec chroot . /bin/sh -c "$1"' - "$2"
END
}

# confined COMMAND...: in mount and pid namespaces of the classic's making.
confined() {
  if is_root; then
    unshare --mount --pid --fork --kill-child "$@"
  else
    unshare --user --map-root-user --mount --pid --fork --kill-child "$@"
  fi
}

# in_root CHANGE COMMAND: COMMAND in the root, with its terminal relayed.
in_root() {
  if is_root; then
    pty-rs --receive 5 -- unshare --mount --pid --fork --kill-child sh enter "$@"
  else
    pty-rs --receive 5 -- unshare --user --map-root-user --mount --pid --fork --kill-child sh enter "$@"
  fi
}

@test "--send makes the terminal in the root, and --receive relays it" {
  requires busybox python3
  make_root
  cat >rootfs/inner <<'END'
tty
stty size
cat /proc/self/stat | cut -d' ' -f6,7
ls -l /dev/console /dev/pts/0
ls -l /proc/$$/fd
grep console /proc/self/mountinfo
echo direct >/dev/console
exit 5
END
  export -f in_root is_root
  expect 5 terminal --size 33x99 -- bash -c "in_root : 'sh /inner'"
  mapfile -t lines <<<"$output"
  equal "${lines[0]}" /dev/pts/0
  equal "${lines[1]}" '33 99'
  # It leads its session, and the terminal is its controlling one: 136:0.
  equal "${lines[2]}" '1 34816'
  contains "$output" direct
  contains "$output" '136,   0'
  # 0, 1, 2 and no other but the script.
  equal "$(grep -c -- '-> /dev/pts/0' <<<"$output")" 3
  lacks "$output" '-> /dev/ptmx'
  lacks "$output" socket
  lacks "$output" 'modes changed'
  [[ $output =~ /dev/console\ ro,nosuid,noexec ]]
}

@test "--console: from inside only the terminal's bytes can be changed" {
  requires busybox
  make_root
  ok in_root : 'chmod 666 /dev/console; chown 1:1 /dev/console; touch /dev/console; ls -l /dev/console; echo word >/dev/console' </dev/null
  equal "$(grep -c 'Read-only file system' <<<"$output")" 3
  contains "$output" 'crw--w----'
  contains "$output" word
}

@test "--size is for a caller without a terminal, --owner for another user" {
  requires busybox python3
  make_root
  options='--send 5 --root . --size 12x34' ok in_root : 'stty size; stat -c %u:%g /dev/pts/0; stty -a | grep -o "[-]*echo "' </dev/null
  contains "$output" $'12 34\r\n0:'
  contains "$output" '-echo '
  export -f in_root is_root
  export options='--send 5 --root . --size 12x34'
  ok terminal --size 33x99 -- bash -c "in_root : 'stty size'"
  equal "$output" '33 99'
  requires root
  options='--send 5 --root . --owner 7:8' ok in_root : 'stat -c %u:%g /dev/pts/0' </dev/null
  equal "$output" $'7:8\r'
  options='--send 5 --root . --owner 7' ok in_root : 'stat -c %u:%g /dev/pts/0' </dev/null
  equal "$output" $'7:0\r'
}

@test "--receive gives COMMAND the socket as the descriptor that is named, and leaves the others" {
  for fd in {3..24}; do
    expect 3 timeout -k 1 10 pty-rs --receive "$fd" bash -c "readlink /proc/self/fd/$fd; exit 3"
    [[ $output =~ ^socket: ]]
  done
  echo three >three
  echo four >four
  ok pty-rs --receive 5 bash -c 'cat <&4; cat <&3; ls /proc/self/fd' 3<three 4<four 10<&- 251<&-
  equal "$output" $'four\nthree\n0\n1\n2\n3\n4\n5\n6'
  # Streams are as they are for COMMAND itself.
  expect 3 pty-rs --receive 5 sh -c 'echo out; echo err >&2; exit 3'
  equal "$output/$stderr" out/err
}

@test "--receive ends as COMMAND where that sends nothing, and refuses what is no terminal" {
  expect 3 pty-rs --receive 5 sh -c 'exit 3'
  expect 143 bash -c 'pty-rs --receive 5 sh -c "kill -TERM \$\$"; exit $?'
  expect 3 pty-rs --receive 5 sh -c 'exec 5>&-; sleep 0.1; exit 3'
  expect 1 pty-rs --receive 5 sh -c "echo word >&5; exec sleep $nap"
  contains "$stderr" "cannot use 'what COMMAND sent': it is not one descriptor"
  requires python3
  cat >send.py <<'END'
import os, socket, sys, time
socket.send_fds(socket.socket(fileno=5), [b"name"], [os.open(path, os.O_RDWR) for path in sys.argv[2:]])
time.sleep(99)
END
  expect 1 pty-rs --receive 5 "$python" send.py "$nap" /dev/null
  contains "$stderr" 'it is not the master of a terminal'
  expect 1 pty-rs --receive 5 "$python" send.py "$nap" /dev/ptmx /dev/ptmx
  contains "$stderr" 'it is not one descriptor'
  gone "$nap"
}

@test "--console-socket sends one descriptor and a name, before COMMAND starts" {
  requires busybox python3
  make_root
  mkfifo ended
  "$python" "$project/tests/fixtures/console.py" "$PWD" <>ended >peer 3>&- &
  job=$!
  appears socket
  options="--console-socket $PWD/socket --root . --console /dev/console --size 12x34" \
    ok confined sh enter : 'stty size; tty; stty -a | grep -o "[-]*echo "'
  echo >ended
  wait "$job"
  # A terminal at the other end: what is typed there is to be seen.
  equal "$(cat peer)" $'up\n1 True 0\n12 34\n/dev/pts/0\necho '
  options="--console-socket $PWD/nosuch --root ." expect 9 confined sh enter : ''
  contains "$stderr" "cannot connect to '$PWD/nosuch': No such file or directory"
}

# hostile CHANGE MESSAGE: a root that was changed like this is refused, before COMMAND starts.
hostile() {
  expect 9 in_root "$1" ': >/ran' </dev/null
  contains "$stderr" "$2"
  [ ! -e rootfs/ran ]
}

@test "a root whose ptmx is something else is refused, and what it is stays closed" {
  requires busybox
  make_root
  no_devpts='umount dev/pts'
  hostile "$no_devpts" "cannot open '/dev/pts/ptmx': No such device"
  contains "$stderr" 'hint: the root needs a devpts of its own at /dev/pts'
  hostile "$no_devpts; echo secret >dev/pts/ptmx" "cannot open '/dev/pts/ptmx': No such device"
  # Who reads a FIFO waits until it is opened to be written to.
  mkfifo rootfs/fifo
  cat rootfs/fifo >opened &
  reader=$!
  hostile "$no_devpts; : >dev/pts/ptmx; mount --bind fifo dev/pts/ptmx" "cannot open '/dev/pts/ptmx': No such device"
  hostile "$no_devpts; rmdir dev/pts" "cannot open '/dev/pts/ptmx': No such file"
  hostile "$no_devpts; ln -s ../fifo dev/ptmx" "cannot open '/dev/pts/ptmx': No such device"
  hostile "$no_devpts; rmdir dev/pts; ln -s /proc/1/root/dev/pts dev/pts" "cannot open '/dev/pts/ptmx': "
  hostile "$no_devpts; ln -s /dev/null dev/ptmx" "cannot open '/dev/pts/ptmx': No such"
  # Something mounted on the ptmx of a true devpts.
  hostile ': >file; mount --bind file dev/pts/ptmx' "cannot open '/dev/pts/ptmx': "
  hostile 'mount --bind fifo dev/pts/ptmx' "cannot open '/dev/pts/ptmx': "
  # It waits still.
  kill "$reader"
  status=0
  wait "$reader" || status=$?
  equal "$status" 143
  # The host's own, reached by a link: the link stays in the root.
  hostile "$no_devpts; rmdir dev/pts; ln -s /../../../../../../dev/pts dev/pts" "cannot open '/dev/pts/ptmx': "
}

@test "/dev/ptmx will do where it leads to the ptmx of a devpts" {
  requires busybox
  make_root
  ok in_root 'umount dev/pts; mkdir dev/other; mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/other; ln -s other/ptmx dev/ptmx' 'echo word' </dev/null
  equal "$output" $'word\r'
}

@test "a /dev/console that is something else is covered or refused, and never opened" {
  requires busybox
  make_root
  echo secret >outside
  hostile "ln -s ../../outside dev/console" "cannot bind the terminal on '/dev/console': Too many symbolic links encountered"
  contains "$stderr" 'hint: it is a symbolic link'
  hostile "ln -s $PWD/outside dev/console" 'symbolic'
  hostile 'ln -s /proc/sysrq-trigger dev/console' 'symbolic'
  hostile 'mkdir dev/console' "Is a directory"
  hostile 'mount -t tmpfs -o remount,ro none dev' "Read-only file system"
  contains "$stderr" 'hint: the file is missing and cannot be made'
  equal "$(cat outside)" secret
  ok in_root 'mkfifo dev/console' 'ls -l /dev/console' </dev/null
  contains "$output" 'crw--w----'
  ok in_root 'echo text >dev/console; exec 6<dev/console' 'cat /proc/$$/fd/6; ls -l /dev/console' </dev/null
  contains "$output" text
  contains "$output" 'crw--w----'
  # Its directory may be reached by a link, which stays inside.
  options='--send 5 --root . --console /link/console' ok in_root 'ln -s /../../dev link' 'ls -l /dev/console' </dev/null
  contains "$output" 'crw--w----'
}

@test "--send needs its socket, and a process that can lead a session" {
  make_root
  options='--send 97 --root .' expect 9 confined sh enter : ''
  contains "$stderr" "cannot send the terminal over the descriptor '97': Bad file number"
  contains "$stderr" "hint: it is the socket that 'pty-rs --receive 97' gives its COMMAND"
  options='--send 9 --root .' expect 9 confined sh enter 'exec 9</dev/null' ''
  contains "$stderr" 'Socket operation on non-socket'
  requires user
  expect 1 pty-rs --receive 5 unshare --user --map-root-user --mount sh -c 'mount -t devpts -o newinstance,ptmxmode=0666 none /dev/pts && exec unshare --user pty-rs --send 5 --console /dev/console true'
  contains "$stderr" "cannot bind the terminal on '/dev/console'"
}

@test "a container dies with pty-rs: by kill -9, and by the hang-up of the terminal" {
  requires busybox python3
  make_root
  export -f in_root is_root
  ok terminal 'ready' '!pkill -9 -x pty-rs -P $pid' -- bash -c "in_root : 'trap \"\" HUP TERM; echo ready; sleep $nap' || :"
  gone "$nap"
  terminal 'ready' hangup -- bash -c "$(declare -f in_root); exec 2>/dev/null; in_root : 'trap \"\" HUP TERM; echo ready; sleep $nap'" || true
  gone "$nap"
}

# peer DIR: waits at the socket DIR/socket, and takes what comes half a second later; what it got is in ./peer.
peer() {
  cat >late.py <<'END'
import os, socket, sys, time
os.chdir(sys.argv[1])
listener = socket.socket(socket.AF_UNIX)
listener.bind("socket")
listener.listen()
time.sleep(0.5)
peer = listener.accept()[0]
data, fds, flags, _ = socket.recv_fds(peer, 4096, 8)
print(len(fds), 0 < len(data) < 4096, flags & socket.MSG_CTRUNC, peer.recv(1) == b"")
output = b""
try:
    while chunk := os.read(fds[0], 4096):
        output += chunk
except OSError:
    pass
print(output.decode().replace("\r", ""), end="")
END
  "$python" late.py "$1" >peer &
  job=$!
  until [ -S "$1/socket" ]; do sleep 0.01; done
}

@test "--connect: a connection made early, to a socket with a long path that answers late" {
  # Others may not open the ptmx of the machine's /dev/pts.
  requires root python3
  long=$PWD/$(printf 'long%.0s' {1..40})
  mkdir "$long"
  peer "$long"
  ok setsid -w pty-rs --connect 5 --console-socket "$long/socket" -- \
    sh -c 'ls /proc/$$/fd/5; exec pty-rs --send 5 -- sh -c "tty; ls /proc/\$\$/fd/5; true"'
  contains "$output" /fd/5
  wait "$job"
  contains "$(cat peer)" $'1 True 0 True\n/dev/pts/'
  contains "$(cat peer)" 'No such file'
  expect 1 pty-rs --connect 5 --console-socket "$long/nosuch" true
  contains "$stderr" "nosuch': No such file or directory"
  expect 1 pty-rs --connect 5 --send 6 true
}

@test "--keep-stderr: the terminal is not standard error" {
  # Others may not open the ptmx of the machine's /dev/pts.
  requires root python3
  mkdir dir
  peer dir
  ok setsid -w pty-rs --connect 5 --console-socket dir/socket -- pty-rs --send 5 --keep-stderr -- \
    sh -c 'echo on the terminal; echo elsewhere >&2' 2>errors
  wait "$job"
  contains "$(cat peer)" 'on the terminal'
  lacks "$(cat peer)" elsewhere
  equal "$stderr" elsewhere
}

# In the root of a container there may be anything at the path of a tool.
@test "--own: the next tool is that of the same file, whatever stands at its path" {
  # Others may not open the ptmx of the machine's /dev/pts.
  requires root python3
  mkdir dir bin
  printf '#!/bin/sh\necho hostile >hostile\n' >bin/setpriv-rs
  chmod 755 bin/setpriv-rs
  peer dir
  toolbox=$project/toolbox/bin/pty-rs
  [ -x "$toolbox" ] || skip 'needs the toolbox'
  ok env PATH="$PWD/bin:$PATH" setsid -w pty-rs --connect 5 --console-socket dir/socket -- \
    "$toolbox" --send 5 --own setpriv-rs --setenv A=b sh -c 'echo "$A"; echo ran >ran'
  wait "$job"
  contains "$(cat peer)" b
  [ -e ran ] && [ ! -e hostile ]
}

@test "--remove-on-failure removes the directory when the tool fails" {
  local mode
  for mode in '' --pipes '--receive 5'; do
    removes_on_failure 127 "pty-rs DIR $mode -- ./nosuch"
  done
  keeps_on_success 3 'pty-rs DIR sh -c "exit 3"'
  keeps_on_success 1 'pty-rs DIR --send 5 true'
  contains "$stderr" '--send and --remove-on-failure exclude each other'
}
