//! The ways in which a process of this machine can call the kernel.

/// A set of system calls with numbers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// 64 bits, of Intel and AMD.
    X8664,
    /// 32 bits, of Intel and AMD.
    X86,
    /// 32 bits in the 64-bit mode of Intel and AMD: the numbers of x86_64 with a bit of their own.
    X32,
    /// 64 bits, of ARM.
    Aarch64,
    /// 32 bits, of ARM.
    Arm,
}

#[cfg(target_arch = "x86_64")]
const NATIVE: Architecture = Architecture::X8664;
#[cfg(target_arch = "aarch64")]
const NATIVE: Architecture = Architecture::Aarch64;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the system calls of this architecture are not known");

impl Architecture {
    /// That of this program.
    pub const NATIVE: Self = NATIVE;

    /// All of them, by name.
    pub const ALL: [(&str, Self); 5] = [
        ("x86_64", Self::X8664),
        ("x86", Self::X86),
        ("x32", Self::X32),
        ("aarch64", Self::Aarch64),
        ("arm", Self::Arm),
    ];

    /// The architecture of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(other, _)| *other == name).map(|(_, architecture)| *architecture)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, other)| *other == self).map_or("", |(name, _)| name)
    }

    /// Whether a machine of the architecture `native` can run this one.
    #[must_use]
    pub fn runs_on(self, native: Self) -> bool {
        match native {
            Self::X8664 => matches!(self, Self::X8664 | Self::X86 | Self::X32),
            Self::Aarch64 => matches!(self, Self::Aarch64 | Self::Arm),
            native => self == native,
        }
    }

    /// What the kernel calls it where it runs a filter: linux/audit.h. It has no name of its own for x32.
    pub(crate) fn audit(self) -> u32 {
        match self {
            Self::X8664 | Self::X32 => 0xc000_003e,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xc000_00b7,
            Self::Arm => 0x4000_0028,
        }
    }

    /// Whether a filter compares all 64 bits of an argument, or the lower half: libseccomp takes x32 for one of the others.
    pub(crate) fn has_wide_arguments(self) -> bool {
        matches!(self, Self::X8664 | Self::Aarch64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, architecture) in Architecture::ALL {
            assert_eq!((Architecture::of(name), architecture.name()), (Some(architecture), name));
        }
        assert_eq!(Architecture::of("mips"), None);
        assert!(Architecture::NATIVE.runs_on(Architecture::NATIVE));
    }
}
