//! The limits that a running container can be given by options.

/// The options of `runc update`, and where their values stand in `linux.resources`.
pub const OPTIONS: &[(&str, &str, &str, Form)] = &[
    ("blkio-weight", "blockIO", "weight", Form::Number),
    ("cpu-period", "cpu", "period", Form::Number),
    ("cpu-quota", "cpu", "quota", Form::Number),
    ("cpu-burst", "cpu", "burst", Form::Number),
    ("cpu-share", "cpu", "shares", Form::Number),
    ("cpu-rt-period", "cpu", "realtimePeriod", Form::Number),
    ("cpu-rt-runtime", "cpu", "realtimeRuntime", Form::Number),
    ("cpu-idle", "cpu", "idle", Form::Number),
    ("cpuset-cpus", "cpu", "cpus", Form::Text),
    ("cpuset-mems", "cpu", "mems", Form::Text),
    ("memory", "memory", "limit", Form::Size),
    ("memory-reservation", "memory", "reservation", Form::Size),
    ("memory-swap", "memory", "swap", Form::Size),
    ("pids-limit", "pids", "limit", Form::Number),
];

/// What a value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Number,
    /// A number of bytes, with a suffix for powers of 1024.
    Size,
    Text,
}
