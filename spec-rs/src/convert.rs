//! From the numbers of cgroups of version 1, in which the specification counts, to those of version 2.

/// `cpu.weight`, from 1 to 10000, of `cpu.shares`, from 2 to 262144: a curve through both ends and both defaults, 1024
/// and 100. The straight line between the ends, which runtimes used before, gave 1024 a weight of 39, so that a
/// container lost against all that had no shares (runc 1.3.2 and crun 1.23 have the curve).
pub fn cpu_weight(shares: i128) -> i128 {
    match shares {
        ..=2 => 1,
        0x40000.. => 10_000,
        shares => {
            #[allow(clippy::cast_precision_loss, reason = "it has 18 bits")]
            let bits = (shares as f64).log2();
            let exponent = (bits * bits + 125.0 * bits) / 612.0 - 7.0 / 34.0;
            #[allow(clippy::cast_possible_truncation, reason = "it is at most 10000")]
            let weight = (10f64.powf(exponent) - EPSILON).ceil() as i128;
            weight
        }
    }
}

/// What is this close above a whole number is that number.
const EPSILON: f64 = 1e-9;

/// `io.weight`, from 1 to 10000, of `blkio.weight`, from 10 to 1000: a straight line.
pub fn io_weight(weight: i128) -> i128 {
    1 + (weight - 10) * 9999 / 990
}

/// `memory.swap.max` of a limit of memory and one of memory and swap together; -1 is no limit, and so is none of the
/// result.
pub fn swap(memory: Option<i128>, both: Option<i128>) -> Result<Option<i128>, &'static str> {
    match (memory, both) {
        (_, None | Some(-1)) => Ok(None),
        (None, _) => {
            Err("needs linux.resources.memory.limit, from which the limit of swap is counted")
        }
        (Some(-1), Some(both)) => Ok(Some(both)),
        (Some(memory), Some(both)) if both < memory => {
            Err("must not be below linux.resources.memory.limit: it is memory and swap together")
        }
        (Some(memory), Some(both)) => Ok(Some(both - memory)),
    }
}

/// The kernel's default, in microseconds.
const PERIOD: i128 = 100_000;

/// `cpu.max` of a quota and a period.
pub fn cpu_max(quota: Option<i128>, period: Option<i128>) -> Option<String> {
    let quota_or_max = quota.map_or_else(|| "max".into(), |quota| quota.to_string());
    quota.or(period).map(|_| format!("{quota_or_max} {}", period.unwrap_or(PERIOD)))
}

/// `pids.max`. A process is born in a cgroup of version 2, so that one is counted already when no more may be: 0 and 1
/// are the same limit.
pub fn pids_max(limit: i128) -> i128 {
    limit.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_weights() {
        for (shares, weight) in [
            (2, 1),
            (3, 2),
            (100, 17),
            (512, 59),
            (1024, 100),
            (2048, 174),
            (4096, 303),
            (1 << 18, 10_000),
        ] {
            assert_eq!(cpu_weight(shares), weight, "{shares}");
        }
        assert!((2..1 << 18).all(|shares| cpu_weight(shares) <= cpu_weight(shares + 1)));
    }

    #[test]
    fn weights_of_devices() {
        for (blkio, io) in [(10, 1), (100, 910), (500, 4950), (750, 7475), (1000, 10_000)] {
            assert_eq!(io_weight(blkio), io, "{blkio}");
        }
    }

    #[test]
    fn swap_is_what_is_left() {
        for (memory, both, swap_alone) in [
            (None, None, None),
            (Some(64), None, None),
            (Some(64), Some(-1), None),
            (Some(-1), None, None),
            (Some(-1), Some(-1), None),
            (None, Some(-1), None),
            (Some(-1), Some(64), Some(64)),
            (Some(64), Some(64), Some(0)),
            (Some(64), Some(128), Some(64)),
        ] {
            assert_eq!(swap(memory, both), Ok(swap_alone), "{memory:?} {both:?}");
        }
        assert!(swap(None, Some(64)).unwrap_err().starts_with("needs"));
        assert!(swap(Some(64), Some(63)).unwrap_err().starts_with("must not be below"));
    }

    #[test]
    fn quota_and_period() {
        for (quota, period, max) in [
            (None, None, None),
            (Some(50_000), None, Some("50000 100000")),
            (None, Some(20_000), Some("max 20000")),
            (Some(5_000), Some(20_000), Some("5000 20000")),
        ] {
            assert_eq!(cpu_max(quota, period).as_deref(), max);
        }
    }

    #[test]
    fn processes() {
        assert_eq!([0, 1, 2].map(pids_max), [1, 1, 2]);
    }
}
