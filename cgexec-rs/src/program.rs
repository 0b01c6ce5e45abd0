//! Device rules as a program of the kernel: BPF_PROG_TYPE_CGROUP_DEVICE (bpf(2)), which is asked for each access.

use common::sys::bpf::Instruction;

use crate::rules::{Access, Exception, Kind, Policy};

/// Of `struct bpf_cgroup_dev_ctx` (linux/bpf.h): the access in the upper half of the first field, the kind in its lower
/// half; the numbers.
const ACCESS_TYPE: i16 = 0;
const MAJOR: i16 = 4;
const MINOR: i16 = 8;

/// The registers: the result, a scratch one that has the context first, and the request.
const RESULT: u8 = 0;
const SCRATCH: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR_NUMBER: u8 = 4;
const MINOR_NUMBER: u8 = 5;

/// The codes (linux/bpf_common.h, linux/bpf.h).
pub const LOAD: u8 = 0x61; // LDX | W | MEM
pub const MOVE: u8 = 0xb4; // ALU | MOV | K
pub const COPY: u8 = 0xbc; // ALU | MOV | X
pub const AND: u8 = 0x54; // ALU | AND | K
pub const SHIFT_RIGHT: u8 = 0x74; // ALU | RSH | K
pub const JUMP_UNLESS_EQUAL: u8 = 0x56; // JMP32 | JNE | K
pub const JUMP_IF_EQUAL: u8 = 0x16; // JMP32 | JEQ | K
pub const EXIT: u8 = 0x95; // JMP | EXIT

const fn instruction(code: u8, to: u8, from: u8, offset: i16, value: i32) -> Instruction {
    Instruction { code, registers: from << 4 | to, offset, value }
}

/// The program that decides as the policy does.
pub fn compile(policy: &Policy) -> Vec<Instruction> {
    let mut program = vec![
        instruction(LOAD, KIND, SCRATCH, ACCESS_TYPE, 0),
        instruction(COPY, ACCESS, KIND, 0, 0),
        instruction(AND, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT, ACCESS, 0, 0, 16),
        instruction(LOAD, MAJOR_NUMBER, SCRATCH, MAJOR, 0),
        instruction(LOAD, MINOR_NUMBER, SCRATCH, MINOR, 0),
    ];
    for exception in &policy.exceptions {
        add(&mut program, exception, policy.allows);
    }
    program.extend(decide(policy.allows));
    program
}

fn decide(allow: bool) -> [Instruction; 2] {
    [instruction(MOVE, RESULT, 0, 0, allow.into()), instruction(EXIT, 0, 0, 0, 0)]
}

/// Decides against the default, or goes on behind.
fn add(program: &mut Vec<Instruction>, exception: &Exception, allows: bool) {
    let Exception { devices, access } = exception;
    let kind = match devices.kind {
        Kind::Block => 1,
        Kind::Character => 2,
    };
    let start = program.len();
    let unless = |register, value| instruction(JUMP_UNLESS_EQUAL, register, 0, 0, value);
    program.push(unless(KIND, kind));
    program.extend(devices.major.map(|major| unless(MAJOR_NUMBER, major as i32)));
    program.extend(devices.minor.map(|minor| unless(MINOR_NUMBER, minor as i32)));
    // Allowed must be the whole access; denied is it for a part.
    let (mask, jump) = match allows {
        true => (access.0, JUMP_IF_EQUAL),
        false => (Access::ALL.0 & !access.0, JUMP_UNLESS_EQUAL),
    };
    if mask != 0 && *access != Access::ALL {
        program.push(instruction(COPY, SCRATCH, ACCESS, 0, 0));
        program.push(instruction(AND, SCRATCH, 0, 0, mask.into()));
        program.push(instruction(jump, SCRATCH, 0, 0, 0));
    }
    program.extend(decide(!allows));
    let end = program.len();
    for (at, jump) in program.iter_mut().enumerate().skip(start) {
        if matches!(jump.code, JUMP_UNLESS_EQUAL | JUMP_IF_EQUAL) {
            jump.offset = (end - at - 1) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::{Request, allows, policy, random_rules, requests};

    /// As far as the programs above go.
    fn interpret(program: &[Instruction], context: [u32; 3]) -> u32 {
        let mut registers = [0_u32; 16];
        let mut at = 0;
        loop {
            let Instruction { code, registers: pair, offset, value } = program[at];
            let (to, from) = (usize::from(pair & 0xf), usize::from(pair >> 4));
            let jumps = match code {
                LOAD => {
                    registers[to] = context[offset as usize / 4];
                    false
                }
                MOVE => {
                    registers[to] = value as u32;
                    false
                }
                COPY => {
                    registers[to] = registers[from];
                    false
                }
                AND => {
                    registers[to] &= value as u32;
                    false
                }
                SHIFT_RIGHT => {
                    registers[to] >>= value;
                    false
                }
                JUMP_UNLESS_EQUAL => registers[to] != value as u32,
                JUMP_IF_EQUAL => registers[to] == value as u32,
                EXIT => return registers[0],
                code => panic!("{code}"),
            };
            at += 1 + if jumps { offset as usize } else { 0 };
        }
    }

    fn context(request: Request) -> [u32; 3] {
        let kind = match request.kind {
            Kind::Block => 1,
            Kind::Character => 2,
        };
        [u32::from(request.access.0) << 16 | kind, request.major, request.minor]
    }

    #[test]
    fn a_program_decides_as_its_policy() {
        let mut taken = 0;
        for seed in 1..300 {
            let text = random_rules(seed);
            let Ok(policy) = policy(&text) else { continue };
            taken += 1;
            let program = compile(&policy);
            for request in requests() {
                let got = interpret(&program, context(request)) == 1;
                assert_eq!(got, allows(&policy, request), "{text}{request:?}");
            }
        }
        assert!(taken > 150, "{taken}");
    }

    #[test]
    fn the_largest_number() {
        let policy = policy("deny a\nallow c 4294967295:4294967295 r").unwrap();
        let program = compile(&policy);
        assert_eq!(interpret(&program, [2 << 16 | 2, u32::MAX, u32::MAX]), 1);
        assert_eq!(interpret(&program, [2 << 16 | 2, u32::MAX, 0]), 0);
    }
}
