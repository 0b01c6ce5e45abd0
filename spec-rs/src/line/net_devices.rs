//! Network devices of the machine: a shell moves them with ip(8), the last one who can do it before the root changes, so
//! that little can fail afterwards. They go with the network namespace.

use super::Writer;
use crate::model::Kind;
use crate::print::{Chain, Script};

const PATH: &str = "linux.netDevices";

/// `sh -c MOVE NSENTER 'HOST:NAME ...' COMMAND...`. All is looked at before a device moves, and one that cannot be moved sends
/// back those before it. A device loses its addresses when it moves, and is down. ip(8) is not looked for in the working
/// directory, which is the container's root. $network is the namespace of the shell that executes the line.
const MOVE: &str = r#"set -euf
nsenter=$0 devices=$1 moved='' up=
shift
exec 3</proc/self/ns/net
inside() (cd / && exec ip "$@")
outside() (cd / && exec "$nsenter" --net="$network" ip "$@")
fail() {
  echo "runsh: cannot move the network device '$host': ${1-ip has failed}" >&2
  for back in $moved; do
    inside link set dev "${back#*:}" netns "$network" name "${back%%:*}"
    addresses outside "${back%%:*}" "${back%%:*}"
    case " $up " in *" ${back%%:*} "*) outside link set dev "${back%%:*}" up ;; esac
  done
  exit 1
}
addresses() {
  printf '%s\n' "$saved" | while read -r _ device family address; do
    [ "$device" = "$2" ] || continue
    [ "$family" = inet6 ] && flag=nodad || flag=
    "$1" address add ${address%% scope *} $flag dev "$3" || exit
  done
}
saved=
for device in $devices; do
  host=${device%:*} name=${device#*:}
  link=$(outside -o link show dev "$host" up) || fail 'it is not there'
  [ -z "$link" ] || up="$up $host"
  saved="$saved
$(outside -o address show dev "$host" scope global permanent)" || fail
  [ "$name" = "${name%"%d"}" ] || continue
  ! inside link show dev "$name" >/dev/null 2>&1 || fail "the container has a '$name'"
done
for device in $devices; do
  host=${device%:*} name=${device#*:}
  [ "$name" = "${name%"%d"}" ] || {
    number=0
    while inside link show dev "${name%"%d"}$number" >/dev/null 2>&1; do number=$((number + 1)); done
    name=${name%"%d"}$number
  }
  outside link set dev "$host" netns /dev/fd/3 name "$name" || fail
  moved="$host:$name $moved"
  addresses inside "$host" "$name" || fail
  inside link set dev "$name" up || fail
done
exec 3<&-
exec "$@""#;

impl Writer<'_> {
    /// Only the machine's root has the powers over both namespaces, and no process in a user namespace.
    pub(super) fn demand_network(&self) {
        let devices = &self.config.linux.net_devices;
        let reason = match devices.is_empty() {
            true => return,
            false if !self.has(Kind::Network) => "needs a network namespace, new or joined",
            false if self.has(Kind::User) => "is not supported together with a user namespace",
            false if !self.machine.is_root() => "needs a caller who is root",
            false => return,
        };
        self.log.fault(PATH, reason);
    }

    pub(super) fn open_network(&self, script: &mut Script) {
        if !self.config.linux.net_devices.is_empty() {
            script.line(b"command -v ip >/dev/null || fail 'find ip'");
            script.line(b"export network=/proc/$$/ns/net");
        }
    }

    pub(super) fn add_net_devices(&self, chain: &mut Chain) {
        let devices = &self.config.linux.net_devices;
        if devices.is_empty() {
            return;
        }
        let pairs: Vec<_> =
            devices.iter().map(|device| format!("{}:{}", device.host, device.name)).collect();
        let nsenter = self.tool("nsenter-rs");
        chain.program([
            b"/bin/sh",
            &b"-c"[..],
            MOVE.as_bytes(),
            &nsenter,
            pairs.join(" ").as_bytes(),
        ]);
    }
}
