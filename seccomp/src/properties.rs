//! Programs, run and compared with what the rules say, word for word.

use crate::action::Action;
use crate::architecture::Architecture;
use crate::assembly::{
    AND, ANY_BIT, EQUAL, GREATER, GREATER_EQUAL, Instruction, JUMP, LOAD, RETURN,
};
use crate::filter::Filter;
use crate::names::{self, X32_BIT, multiplexed};
use crate::rule::{Comparison, OPERATORS, Operator, Rule};
use crate::text;

/// `struct seccomp_data`.
#[derive(Clone, Copy, Debug)]
struct Data {
    number: u32,
    audit: u32,
    arguments: [u64; 6],
}

impl Data {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.audit,
            offset => {
                let argument = self.arguments[(offset as usize - 16) / 8];
                if offset % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 }
            }
        }
    }
}

/// The value, and how many instructions were run.
fn run(program: &[Instruction], data: &Data) -> (u32, usize) {
    let (mut at, mut word, mut count) = (0, 0, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        let branch = |holds| 1 + usize::from(if holds { jt } else { jf });
        count += 1;
        at += match code {
            LOAD => {
                word = data.word(k);
                1
            }
            AND => {
                word &= k;
                1
            }
            JUMP => 1 + k as usize,
            EQUAL => branch(word == k),
            GREATER => branch(word > k),
            GREATER_EQUAL => branch(word >= k),
            ANY_BIT => branch(word & k != 0),
            RETURN => return (k, count),
            code => panic!("{code:#x}"),
        };
    }
}

fn holds(comparison: &Comparison, arguments: &[u64; 6], mask: u64) -> bool {
    let argument = arguments[usize::from(comparison.argument)] & mask;
    let value = comparison.value & mask;
    match comparison.operator {
        Operator::Ne => argument != value,
        Operator::Lt => argument < value,
        Operator::Le => argument <= value,
        Operator::Eq => argument == value,
        Operator::Ge => argument >= value,
        Operator::Gt => argument > value,
        Operator::MaskedEq(bits) => argument & bits & mask == value & bits,
    }
}

/// What the rules say.
fn reference(filter: &Filter, native: Architecture, data: &Data) -> Action {
    let is_x32 = data.audit == Architecture::X32.audit() && data.number >= X32_BIT;
    let architecture = Architecture::ALL
        .into_iter()
        .map(|(_, architecture)| architecture)
        .find(|other| other.audit() == data.audit && (*other == Architecture::X32) == is_x32);
    let listed = architecture
        .filter(|other| *other == native || other.runs_on(native) && filter.has(*other));
    let Some(architecture) = listed else {
        // With x86_64 the number -1 is no call of x32.
        let is_skipped = data.number == u32::MAX && data.audit == native.audit();
        return if is_skipped { filter.default } else { Action::KillThread };
    };
    let mask = if architecture.has_wide_arguments() { u64::MAX } else { u32::MAX.into() };
    let all_hold = |comparisons: &[Comparison]| {
        comparisons.iter().all(|comparison| holds(comparison, &data.arguments, mask))
    };
    let mut largest = 0;
    for rule in &filter.rules {
        for name in &rule.names {
            largest = largest.max(names::number(architecture, name).unwrap_or(0));
            if architecture == Architecture::X86 {
                largest = largest.max(multiplexed(name).map_or(0, |(number, _)| number));
            }
        }
    }
    for rule in &filter.rules {
        let is_named =
            rule.names.iter().any(|name| names::number(architecture, name) == Some(data.number));
        if is_named && all_hold(&rule.comparisons) {
            return rule.action;
        }
    }
    if architecture == Architecture::X86 {
        for rule in &filter.rules {
            let is_named = rule
                .names
                .iter()
                .any(|name| multiplexed(name) == Some((data.number, data.arguments[0] as u32)));
            let others: Vec<_> = rule
                .comparisons
                .iter()
                .filter(|comparison| comparison.argument != 0)
                .copied()
                .collect();
            if is_named && all_hold(&others) {
                return rule.action;
            }
        }
    }
    match filter.newer {
        Some(newer) if largest > 0 && data.number > largest => newer,
        _ => filter.default,
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

const VALUES: [u64; 12] = [
    0,
    1,
    2,
    7,
    8,
    0x7e02_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x7_0000_0008,
    0xffff_ffff_0000_0000,
    u64::MAX,
];

const NAMES: [&str; 16] = [
    "read",
    "write",
    "clone",
    "socket",
    "socketcall",
    "ipc",
    "semop",
    "recv",
    "execve",
    "ioctl",
    "personality",
    "waitpid",
    "statmount",
    "set_tls",
    "uselib",
    "break",
];

const ACTIONS: [Action; 8] = [
    Action::Allow,
    Action::Log,
    Action::Errno(1),
    Action::Errno(38),
    Action::Trace(3),
    Action::Trap,
    Action::KillThread,
    Action::KillProcess,
];

fn random_rule(random: &mut Random) -> Rule<'static> {
    let comparisons = (0..random.below(4)).map(|_| Comparison {
        argument: random.below(3) as u8,
        operator: match random.below(7) {
            6 => Operator::MaskedEq(random.of(&VALUES)),
            index => OPERATORS[index].1,
        },
        value: random.of(&VALUES),
    });
    let comparisons = comparisons.collect();
    let names = (0..1 + random.below(4)).map(|_| random.of(&NAMES)).collect();
    Rule { action: random.of(&ACTIONS), names, comparisons }
}

fn random_filter(random: &mut Random) -> Filter<'static> {
    Filter {
        default: random.of(&ACTIONS),
        newer: (random.below(2) == 0).then(|| random.of(&ACTIONS)),
        architectures: (0..random.below(4)).map(|_| random.of(&Architecture::ALL).1).collect(),
        flags: vec![],
        rules: (0..random.below(12)).map(|_| random_rule(random)).collect(),
    }
}

fn compare(filter: &Filter, native: Architecture, program: &[Instruction], data: &Data) {
    let want = reference(filter, native, data);
    let (got, _) = run(program, data);
    assert_eq!(got, want.value(), "{filter:#?}\n{native:?} {data:#x?}: {want}");
}

/// All numbers that any table has, those around the bit of x32, and the last ones.
fn numbers() -> impl Iterator<Item = u32> {
    let edges = [0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX, 0xf_0005, 0xf_0007];
    (0..600).chain(X32_BIT..X32_BIT + 600).chain(edges)
}

#[test]
fn random_rules_do_what_they_say() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..1500 {
        let filter = random_filter(&mut random);
        let native = [Architecture::X8664, Architecture::Aarch64][round % 2];
        let program = filter.compile_for(native).unwrap();
        let mut data = |number| Data {
            number,
            audit: random.of(&[0xc000_003e, 0xc000_003e, 0x4000_0003, 0xc000_00b7, 0x4000_0028, 0]),
            arguments: std::array::from_fn(|_| random.of(&VALUES)),
        };
        if round < 100 {
            numbers().map(&mut data).for_each(|data| compare(&filter, native, &program, &data));
        }
        // The calls that rules are about, with many arguments.
        for _ in 0..30 {
            for (_, architecture) in Architecture::ALL {
                for name in NAMES {
                    let Some(number) = names::number(architecture, name) else { continue };
                    let data = Data { audit: architecture.audit(), ..data(number) };
                    compare(&filter, native, &program, &data);
                }
            }
        }
    }
}

/// Many rules, so that jumps reach too far.
#[test]
fn long_programs() {
    let mut text = String::from("default errno EPERM\narchitectures x86\n");
    for value in 0..180 {
        text += &format!("allow read write if arg0 > {}\n", value * 0x1_0000_0000_u64);
        text += &format!("trap read if arg1 & {:#x} == 4\n", value + 4);
    }
    let filter = text::parse(&text).unwrap();
    let program = filter.compile_for(Architecture::X8664).unwrap();
    assert!(program.len() > 1000);
    let mut random = Random(1);
    for audit in [0xc000_003e, 0x4000_0003, 0] {
        for number in 0..20 {
            for _ in 0..200 {
                let arguments =
                    std::array::from_fn(|_| (random.below(200) as u64) << random.of(&[0, 32]));
                compare(&filter, Architecture::X8664, &program, &Data { number, audit, arguments });
            }
        }
    }
}

/// Every instruction is as the kernel's checker demands: known, jumps within the program, and a return at the end.
#[test]
fn the_kernel_takes_the_programs() {
    let mut random = Random(7);
    for _ in 0..500 {
        let program = random_filter(&mut random).compile_for(Architecture::X8664).unwrap();
        for (at, instruction) in program.iter().enumerate() {
            let farthest = match instruction.code {
                LOAD => {
                    assert!(instruction.k % 4 == 0 && instruction.k < 64);
                    1
                }
                JUMP => 1 + instruction.k as usize,
                RETURN => 0,
                _ => 1 + usize::from(instruction.jt.max(instruction.jf)),
            };
            assert!(at + farthest < program.len());
        }
        assert_eq!(program.last().map(|last| last.code), Some(RETURN));
    }
}

/// The first call of a list takes as few instructions as the last.
#[test]
fn a_search_is_short() {
    let names: Vec<_> = (0..400).step_by(2).filter_map(syscalls::x86_64::Sysno::new).collect();
    let names: Vec<_> = names.iter().map(syscalls::x86_64::Sysno::name).collect();
    let text = format!("default errno EPERM\nallow {}\n", names.join(" "));
    let program = text::parse(&text).unwrap().compile_for(Architecture::X8664).unwrap();
    let most = (0..450)
        .map(|number| run(&program, &Data { number, audit: 0xc000_003e, arguments: [0; 6] }).1)
        .max();
    assert!(most <= Some(14), "{most:?}");
}
