//! The BPF program: a search tree over the numbers, and comparisons of the arguments at its leaves.
//!
//! A jump goes forward only. So the program is written from its end: what is jumped to is there already.

use crate::action::Action;
use crate::ranges::{Chain, Outcome, Range};
use crate::rule::{Comparison, Operator};

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
pub const LIMIT: usize = 4096;

/// `struct sock_filter` of linux/filter.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub code: u16,
    /// How many instructions are skipped where a comparison holds.
    pub jt: u8,
    /// The same where it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

// linux/bpf_common.h
pub(crate) const LOAD: u16 = 0x20;
pub(crate) const AND: u16 = 0x54;
pub(crate) const RETURN: u16 = 0x06;
pub(crate) const JUMP: u16 = 0x05;
pub(crate) const EQUAL: u16 = 0x15;
pub(crate) const GREATER: u16 = 0x25;
pub(crate) const GREATER_EQUAL: u16 = 0x35;
pub(crate) const ANY_BIT: u16 = 0x45;

// struct seccomp_data of linux/seccomp.h
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// A conditional jump reaches 255 instructions. A jump that the other branch needs may still come between.
const REACH: usize = 253;

/// Counted from the end of the program.
type Label = usize;

/// Where a comparison begins.
#[derive(Clone, Copy)]
struct Entry {
    start: Label,
    /// Where it begins when this word of the data is loaded.
    loaded: Option<(u32, Label)>,
}

impl Entry {
    fn at(start: Label) -> Self {
        Self { start, loaded: None }
    }

    /// After the word at `offset` was loaded.
    fn after(self, offset: u32) -> Label {
        match self.loaded {
            Some((loaded, label)) if loaded == offset => label,
            _ => self.start,
        }
    }
}

/// The program for the numbers of each architecture; the first one is asked for first.
pub fn assemble(spaces: &[(u32, Vec<Range>)]) -> Vec<Instruction> {
    let mut program = Program::default();
    let mut blocks = Vec::new();
    for (audit, ranges) in spaces.iter().rev() {
        let tree = program.tree(ranges);
        program.fall_to(tree);
        blocks.push((*audit, program.push(LOAD, 0, 0, NUMBER)));
    }
    let mut next = program.action(Action::KillThread);
    for (audit, block) in blocks {
        next = program.branch(EQUAL, audit, block, next);
    }
    program.push(LOAD, 0, 0, ARCHITECTURE);
    program.reversed.reverse();
    program.reversed
}

#[derive(Default)]
struct Program {
    reversed: Vec<Instruction>,
    /// Where each action stands last.
    actions: Vec<(Action, Label)>,
}

impl Program {
    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Label {
        self.reversed.push(Instruction { code, jt, jf, k });
        self.reversed.len() - 1
    }

    /// How many instructions the next one has to skip.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - 1 - label
    }

    /// A label in reach for the same place.
    fn near(&mut self, label: Label) -> Label {
        match self.distance(label) {
            ..=REACH => label,
            distance => self.push(JUMP, 0, 0, distance as u32),
        }
    }

    /// Has the next instruction go on at this label.
    fn fall_to(&mut self, label: Label) {
        match self.distance(label) {
            0 => {}
            distance => {
                self.push(JUMP, 0, 0, distance as u32);
            }
        }
    }

    fn branch(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
        let (no, yes) = (self.near(no), self.near(yes));
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(code, jt, jf, k)
    }

    fn action(&mut self, action: Action) -> Label {
        let place = self.actions.iter().position(|(other, _)| *other == action);
        if let Some(place) = place {
            let label = self.actions[place].1;
            if !self.reversed.is_empty() && self.distance(label) <= REACH {
                return label;
            }
        }
        let label = self.push(RETURN, 0, 0, action.value());
        match place {
            Some(place) => self.actions[place].1 = label,
            None => self.actions.push((action, label)),
        }
        label
    }

    /// The number is loaded.
    fn tree(&mut self, ranges: &[Range]) -> Label {
        match ranges {
            [] => self.action(Action::KillThread),
            [range] => self.outcome(&range.outcome),
            [around, one, after]
                if around.outcome == after.outcome && one.start + 1 == after.start =>
            {
                let (no, yes) = (self.outcome(&around.outcome), self.outcome(&one.outcome));
                self.branch(EQUAL, one.start, yes, no)
            }
            ranges => {
                let (below, above) = ranges.split_at(ranges.len() / 2);
                let (yes, no) = (self.tree(above), self.tree(below));
                self.branch(GREATER_EQUAL, above[0].start, yes, no)
            }
        }
    }

    fn outcome(&mut self, outcome: &Outcome) -> Label {
        match outcome {
            Outcome::Action(action) => self.action(*action),
            Outcome::Chain(chain) => self.chain(chain),
        }
    }

    fn chain(&mut self, chain: &Chain) -> Label {
        let mut next = Entry::at(self.action(chain.last));
        for (comparisons, action) in chain.links.iter().rev() {
            let mut yes = Entry::at(self.action(*action));
            for comparison in comparisons.iter().rev() {
                yes = self.comparison(comparison, chain.is_wide, yes, next);
            }
            next = yes;
        }
        next.start
    }

    fn comparison(
        &mut self,
        comparison: &Comparison,
        is_wide: bool,
        yes: Entry,
        no: Entry,
    ) -> Entry {
        let words = Words::of(comparison, is_wide);
        match comparison.operator {
            Operator::Eq => self.equal(&words, u64::MAX, yes, no),
            Operator::Ne => self.equal(&words, u64::MAX, no, yes),
            Operator::MaskedEq(mask) => self.equal(&words, mask, yes, no),
            Operator::Gt => self.greater(&words, GREATER, yes, no),
            Operator::Le => self.greater(&words, GREATER, no, yes),
            Operator::Ge => self.greater(&words, GREATER_EQUAL, yes, no),
            Operator::Lt => self.greater(&words, GREATER_EQUAL, no, yes),
        }
    }

    /// The lower half first: it is the one that tells most values apart.
    fn equal(&mut self, words: &Words, mask: u64, mut yes: Entry, no: Entry) -> Entry {
        if let Some((offset, value)) = words.high
            && mask >> 32 != 0
        {
            yes = self.masked(offset, (mask >> 32) as u32, value, yes, no);
        }
        match mask as u32 {
            0 => yes,
            mask => self.masked(words.low.0, mask, words.low.1, yes, no),
        }
    }

    fn masked(&mut self, offset: u32, mask: u32, value: u32, yes: Entry, no: Entry) -> Entry {
        match (mask, value & mask) {
            (u32::MAX, value) => self.test(offset, EQUAL, value, yes, no),
            // This leaves the word as it is.
            (mask, 0) => self.test(offset, ANY_BIT, mask, no, yes),
            (mask, value) => {
                self.branch(EQUAL, value, yes.start, no.start);
                let masked = self.push(AND, 0, 0, mask);
                let start = self.push(LOAD, 0, 0, offset);
                Entry { start, loaded: Some((offset, masked)) }
            }
        }
    }

    fn greater(&mut self, words: &Words, code: u16, yes: Entry, no: Entry) -> Entry {
        let low = self.test(words.low.0, code, words.low.1, yes, no);
        match words.high {
            None => low,
            Some((offset, value)) => {
                let equal = self.test(offset, EQUAL, value, low, no);
                self.test(offset, GREATER, value, yes, equal)
            }
        }
    }

    fn test(&mut self, offset: u32, code: u16, k: u32, yes: Entry, no: Entry) -> Entry {
        let test = self.branch(code, k, yes.after(offset), no.after(offset));
        let start = self.push(LOAD, 0, 0, offset);
        Entry { start, loaded: Some((offset, test)) }
    }
}

/// The halves of an argument: where each is, and what it is compared with. Both machines are little-endian.
struct Words {
    low: (u32, u32),
    high: Option<(u32, u32)>,
}

impl Words {
    fn of(comparison: &Comparison, is_wide: bool) -> Self {
        let offset = ARGUMENTS + 8 * u32::from(comparison.argument);
        Self {
            low: (offset, comparison.value as u32),
            high: is_wide.then_some((offset + 4, (comparison.value >> 32) as u32)),
        }
    }
}
