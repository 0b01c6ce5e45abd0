//! The numbers of system calls by name. They come from the crate `syscalls`; here is only what it does not have.

use crate::architecture::Architecture;

/// What is added to the number of a call of x32 (`__X32_SYSCALL_BIT`).
pub const X32_BIT: u32 = 0x4000_0000;

/// More than the highest number of any table.
const NUMBERS: usize = 512;
/// A power of two, so that few names share a place.
const PLACES: usize = 2048;

/// Names and numbers, with a hash table that the compiler makes: no call of this program pays for it.
struct Table {
    names: [&'static str; NUMBERS],
    /// At the hash of a name, or after it, its number and 1; 0 where there is none.
    places: [u16; PLACES],
}

macro_rules! table {
    ($architecture:ident) => {{
        use syscalls::$architecture::Sysno;
        const NAMES: [&str; NUMBERS] = {
            let mut names = [""; NUMBERS];
            let mut number = 0;
            while number <= Sysno::last().id() as usize {
                if let Some(call) = Sysno::new(number) {
                    names[number] = plain(call.name());
                }
                number += 1;
            }
            names
        };
        static TABLE: Table = Table { names: NAMES, places: places(&NAMES) };
        &TABLE
    }};
}

/// `break` is a keyword of Rust, and its name written as one that is not.
const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(rest) => rest,
            Err(_) => name,
        },
        _ => name,
    }
}

const fn places(names: &[&str; NUMBERS]) -> [u16; PLACES] {
    let mut places = [0; PLACES];
    let mut number = 0;
    while number < NUMBERS {
        if !names[number].is_empty() {
            let mut place = hash(names[number]);
            while places[place % PLACES] != 0 {
                place += 1;
            }
            places[place % PLACES] = number as u16 + 1;
        }
        number += 1;
    }
    places
}

/// FNV-1a.
const fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (mut hash, mut index) = (0x811c_9dc5_u32, 0);
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    (hash ^ hash >> 16) as usize
}

impl Table {
    fn number(&self, name: &str) -> Option<u32> {
        let mut place = hash(name);
        loop {
            let number = self.places[place % PLACES].checked_sub(1)?;
            if self.names[usize::from(number)] == name {
                return Some(number.into());
            }
            place += 1;
        }
    }
}

/// The calls of x32 whose number is not that of x86_64 (arch/x86/entry/syscalls/syscall_64.tbl).
const OF_X32: [(&str, u16); 36] = [
    ("execve", 520),
    ("execveat", 545),
    ("get_robust_list", 531),
    ("getsockopt", 542),
    ("io_setup", 543),
    ("io_submit", 544),
    ("ioctl", 514),
    ("kexec_load", 528),
    ("move_pages", 533),
    ("mq_notify", 527),
    ("preadv", 534),
    ("preadv2", 546),
    ("process_vm_readv", 539),
    ("process_vm_writev", 540),
    ("ptrace", 521),
    ("pwritev", 535),
    ("pwritev2", 547),
    ("readv", 515),
    ("recvfrom", 517),
    ("recvmmsg", 537),
    ("recvmsg", 519),
    ("rt_sigaction", 512),
    ("rt_sigpending", 522),
    ("rt_sigqueueinfo", 524),
    ("rt_sigreturn", 513),
    ("rt_sigtimedwait", 523),
    ("rt_tgsigqueueinfo", 536),
    ("sendmmsg", 538),
    ("sendmsg", 518),
    ("set_robust_list", 530),
    ("setsockopt", 541),
    ("sigaltstack", 525),
    ("timer_create", 526),
    ("vmsplice", 532),
    ("waitid", 529),
    ("writev", 516),
];

/// The calls of x86_64 that x32 does not have (the same file).
const NOT_OF_X32: [&str; 14] = [
    "_sysctl",
    "create_module",
    "epoll_ctl_old",
    "epoll_wait_old",
    "get_kernel_syms",
    "get_thread_area",
    "map_shadow_stack",
    "nfsservctl",
    "query_module",
    "set_thread_area",
    "uprobe",
    "uretprobe",
    "uselib",
    "vserver",
];

/// The calls of arm beyond its table (arch/arm/include/uapi/asm/unistd.h), sorted.
const OF_ARM: [(&str, u32); 6] = [
    ("breakpoint", 0xf_0001),
    ("cacheflush", 0xf_0002),
    ("get_tls", 0xf_0006),
    ("set_tls", 0xf_0005),
    ("usr26", 0xf_0003),
    ("usr32", 0xf_0004),
];

/// The calls of sockets, and the number that socketcall(2) has for each (linux/net.h), sorted.
const SOCKETS: [(&str, u32); 20] = [
    ("accept", 5),
    ("accept4", 18),
    ("bind", 2),
    ("connect", 3),
    ("getpeername", 7),
    ("getsockname", 6),
    ("getsockopt", 15),
    ("listen", 4),
    ("recv", 10),
    ("recvfrom", 12),
    ("recvmmsg", 19),
    ("recvmsg", 17),
    ("send", 9),
    ("sendmmsg", 20),
    ("sendmsg", 16),
    ("sendto", 11),
    ("setsockopt", 14),
    ("shutdown", 13),
    ("socket", 1),
    ("socketpair", 8),
];

/// The same of ipc(2) (linux/ipc.h).
const IPC: [(&str, u32); 12] = [
    ("msgctl", 14),
    ("msgget", 13),
    ("msgrcv", 12),
    ("msgsnd", 11),
    ("semctl", 3),
    ("semget", 2),
    ("semop", 1),
    ("semtimedop", 4),
    ("shmat", 21),
    ("shmctl", 24),
    ("shmdt", 22),
    ("shmget", 23),
];

fn row(rows: &[(&str, u32)], name: &str) -> Option<u32> {
    rows.binary_search_by_key(&name, |(name, _)| name).ok().map(|index| rows[index].1)
}

/// The number of a call; none where the architecture does not have it.
pub fn number(architecture: Architecture, name: &str) -> Option<u32> {
    match architecture {
        Architecture::X8664 => table!(x86_64).number(name),
        Architecture::X86 => table!(x86).number(name),
        Architecture::Arm => table!(arm).number(name).or_else(|| row(&OF_ARM, name)),
        // The kernel and its users have another name for this one.
        Architecture::Aarch64 if name == "newfstatat" => table!(aarch64).number("fstatat"),
        Architecture::Aarch64 => table!(aarch64).number(name),
        Architecture::X32 => match X32[table!(x86_64).number(name)? as usize] {
            0 => None,
            number => Some(X32_BIT | (u32::from(number) - 1)),
        },
    }
}

/// For each number of x86_64 that of x32 and 1; 0 where it has none.
static X32: [u16; NUMBERS] = {
    let mut numbers = [0; NUMBERS];
    let mut number = 0;
    while number < NUMBERS {
        numbers[number] = match syscalls::x86_64::Sysno::new(number) {
            Some(call) => of_x32(call.name(), number as u16),
            None => 0,
        };
        number += 1;
    }
    numbers
};

const fn of_x32(name: &str, number: u16) -> u16 {
    let mut index = 0;
    while index < NOT_OF_X32.len() {
        if equal(NOT_OF_X32[index], name) {
            return 0;
        }
        index += 1;
    }
    index = 0;
    while index < OF_X32.len() {
        if equal(OF_X32[index].0, name) {
            return OF_X32[index].1 + 1;
        }
        index += 1;
    }
    number + 1
}

/// What `==` cannot do yet when the compiler runs it.
const fn equal(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// The call of x86 that does the work of others too, and the value of its first argument for this one.
pub fn multiplexed(name: &str) -> Option<(u32, u32)> {
    // No name of the others begins with another letter.
    if !matches!(name.as_bytes().first(), Some(b'a'..=b'c' | b'g' | b'l' | b'm' | b'r' | b's')) {
        return None;
    }
    let find =
        |rows, call| row(rows, name).and_then(|row| Some((number(Architecture::X86, call)?, row)));
    find(&SOCKETS, "socketcall").or_else(|| find(&IPC, "ipc"))
}

/// Whether any architecture has a call of this name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    let has = |(_, architecture)| number(architecture, name).is_some();
    Architecture::ALL.into_iter().any(has) || row(&SOCKETS, name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_crate_has_its_number() {
        for (name, number_of) in [
            ("x86_64", Architecture::X8664),
            ("x86", Architecture::X86),
            ("arm", Architecture::Arm),
            ("aarch64", Architecture::Aarch64),
        ] {
            let table = match number_of {
                Architecture::X8664 => table!(x86_64),
                Architecture::X86 => table!(x86),
                Architecture::Arm => table!(arm),
                _ => table!(aarch64),
            };
            let mut count = 0;
            for (expected, call) in
                table.names.iter().enumerate().filter(|(_, call)| !call.is_empty())
            {
                assert_eq!(number(number_of, call), Some(expected as u32), "{name} {call}");
                assert!(is_known(call));
                count += 1;
            }
            assert!(count > 300, "{name}");
        }
        assert_eq!(number(Architecture::X86, "break"), Some(17));
    }

    #[test]
    fn the_rows_are_sorted_and_their_calls_exist() {
        for rows in [&OF_ARM[..], &SOCKETS, &IPC] {
            assert!(rows.is_sorted());
        }
        for (name, _) in SOCKETS.iter().chain(&IPC) {
            assert!(multiplexed(name).is_some(), "{name}");
        }
        for name in OF_X32.iter().map(|(name, _)| name).chain(&NOT_OF_X32) {
            assert!(number(Architecture::X8664, name).is_some(), "{name}");
        }
        let mut numbers: Vec<_> = OF_X32.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, Vec::from_iter(512..548));
    }

    #[test]
    fn numbers() {
        use Architecture::{Aarch64, Arm, X32, X86, X8664};
        for (architecture, name, want) in [
            (X8664, "getppid", Some(110)),
            (X86, "getppid", Some(64)),
            (X32, "getppid", Some(X32_BIT | 110)),
            (X32, "ioctl", Some(X32_BIT | 514)),
            (X32, "uselib", None),
            (X86, "socketcall", Some(102)),
            (X8664, "socketcall", None),
            (Arm, "set_tls", Some(0xf_0005)),
            (Aarch64, "newfstatat", Some(79)),
            (Aarch64, "open", None),
            (X8664, "", None),
            (X8664, "no_such", None),
        ] {
            assert_eq!(number(architecture, name), want, "{architecture:?} {name}");
        }
        assert_eq!(multiplexed("socket"), Some((102, 1)));
        assert_eq!(multiplexed("semop"), Some((117, 1)));
        assert_eq!(multiplexed("read"), None);
        assert!(is_known("recv") && !is_known("raed") && !is_known(""));
    }
}
