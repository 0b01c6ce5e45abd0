//! The limits of linux.resources, as files of cgroups and what is written to them, in an order that the kernel takes.

use std::fmt::Display;

use super::Writer;
use super::place::Version;
use crate::convert;
use crate::model::IoDevice;

/// `FILE=VALUE`, in the order in which they are written.
#[derive(Debug, Default)]
pub struct Files {
    pub files: Vec<String>,
}

impl Files {
    fn set(&mut self, file: impl AsRef<str>, value: impl Display) {
        self.files.push(format!("{}={value}", file.as_ref()));
    }
}

const RESOURCES: &str = "linux.resources";

impl Writer<'_> {
    pub(super) fn files(&self) -> Files {
        let mut files = Files::default();
        self.pids(&mut files);
        self.memory(&mut files);
        self.block_io(&mut files);
        self.cpu(&mut files);
        self.cpuset(&mut files);
        self.huge_pages(&mut files);
        self.rdma(&mut files);
        self.network(&mut files);
        self.unified(&mut files);
        files
    }

    /// Whether it is written: -1, no limit, says nothing of a new cgroup.
    fn is_limit(&self, limit: i128) -> bool {
        limit >= 0 || self.setting.updates
    }

    /// The version of a controller; where there is none, `property` is at fault.
    fn version(&self, controller: &str, property: &str) -> Option<Version> {
        let version = self.place.version_of(controller, || self.controllers());
        if version.is_none() {
            self.fault_of(property, &self.lack(controller));
        }
        version
    }

    /// Why there is no such controller.
    fn lack(&self, controller: &str) -> String {
        let cgroups = &self.machine.cgroups;
        if cgroups.hierarchies.is_empty() && cgroups.unified.is_none() {
            "cannot be kept: this machine has no cgroups mounted".into()
        } else if self.place.groups.is_empty() {
            "cannot be kept: the caller may not make a cgroup; one that may starts in a tree of its own: \
             systemd-run --user --scope -p Delegate=yes"
                .into()
        } else {
            format!(
                "cannot be kept: the caller's cgroups do not have the controller '{controller}'"
            )
        }
    }

    /// `property` is a path below linux.resources, or a whole one.
    fn fault_of(&self, property: &str, reason: &str) {
        match property.starts_with(RESOURCES) {
            true => self.log.fault(property, reason),
            false => self.log.fault(format_args!("{RESOURCES}.{property}"), reason),
        }
    }

    fn warn_of(&self, property: &str) {
        let reason = "has no effect: cgroups of version 2 have nothing like it";
        self.log.warn(format_args!("{RESOURCES}.{property}"), reason);
    }

    fn pids(&self, files: &mut Files) {
        let Some(limit) = self.resources().pids.filter(|&limit| self.is_limit(limit)) else {
            return;
        };
        match self.version("pids", "pids.limit") {
            Some(Version::One) => files.set("pids.max", unlimited(limit)),
            Some(Version::Two) if limit < 0 => files.set("pids.max", "max"),
            Some(Version::Two) => files.set("pids.max", convert::pids_max(limit)),
            None => {}
        }
    }

    /// Memory comes before memory and swap, which may not be less.
    fn memory(&self, files: &mut Files) {
        let memory = &self.resources().memory;
        let is_limit = |limit: Option<i128>| limit.filter(|&limit| self.is_limit(limit));
        if let Some(limit) = is_limit(memory.limit) {
            match self.version("memory", "memory.limit") {
                Some(Version::One) => files.set("memory.limit_in_bytes", limit),
                Some(Version::Two) => files.set("memory.max", unlimited(limit)),
                None => {}
            }
        }
        if let Some(both) = is_limit(memory.swap) {
            self.swap(files, both);
        }
        if let Some(reservation) = is_limit(memory.reservation) {
            match self.version("memory", "memory.reservation") {
                Some(Version::One) => files.set("memory.soft_limit_in_bytes", reservation),
                Some(Version::Two) => files.set("memory.low", reservation.max(0)),
                None => {}
            }
        }
        self.reclaim(files);
    }

    fn swap(&self, files: &mut Files, both: i128) {
        const SWAP: &str = "memory.swap";
        let limit = self.resources().memory.limit;
        match (self.version("memory", SWAP), convert::swap(limit, Some(both))) {
            (Some(version), _) if both < 0 => match version {
                Version::One => files.set("memory.memsw.limit_in_bytes", both),
                Version::Two => files.set("memory.swap.max", "max"),
            },
            (None, _) | (_, Ok(None)) => {}
            (Some(_), Err(reason)) => self.fault_of(SWAP, reason),
            (Some(Version::One), Ok(_)) if limit == Some(-1) => {
                self.fault_of(SWAP, "needs a limit of memory alone in cgroups of version 1");
            }
            (Some(Version::One), Ok(_)) => files.set("memory.memsw.limit_in_bytes", both),
            (Some(Version::Two), Ok(Some(swap))) => files.set("memory.swap.max", swap),
        }
    }

    /// Version 2 has neither; runc ignores them there.
    fn reclaim(&self, files: &mut Files) {
        let memory = &self.resources().memory;
        if let Some(swappiness) = memory.swappiness {
            match self.version("memory", "memory.swappiness") {
                Some(Version::One) => files.set("memory.swappiness", swappiness),
                Some(Version::Two) => self.warn_of("memory.swappiness"),
                None => {}
            }
        }
        if memory.disable_oom_killer {
            match self.version("memory", "memory.disableOOMKiller") {
                Some(Version::One) => files.set("memory.oom_control", 1),
                Some(Version::Two) => self.warn_of("memory.disableOOMKiller"),
                None => {}
            }
        }
    }

    /// The period comes before the quota, and that before what may exceed it. An idle cgroup takes no weight.
    fn cpu(&self, files: &mut Files) {
        let cpu = &self.resources().cpu;
        if let Some(shares) = cpu.shares {
            match self.version("cpu", "cpu.shares") {
                Some(Version::One) => files.set("cpu.shares", shares),
                Some(Version::Two) => files.set("cpu.weight", convert::cpu_weight(shares)),
                None => {}
            }
        }
        self.bandwidth(files);
        if cpu.idle && self.version("cpu", "cpu.idle").is_some() {
            files.set("cpu.idle", 1);
        }
        for (property, amount, file) in [
            ("cpu.realtimePeriod", cpu.realtime_period, "cpu.rt_period_us"),
            ("cpu.realtimeRuntime", cpu.realtime_runtime, "cpu.rt_runtime_us"),
        ] {
            let Some(amount) = amount else { continue };
            match self.version("cpu", property) {
                Some(Version::One) => files.set(file, amount),
                Some(Version::Two) => {
                    self.fault_of(property, "is not supported by cgroups of version 2");
                }
                None => {}
            }
        }
    }

    fn bandwidth(&self, files: &mut Files) {
        let cpu = &self.resources().cpu;
        let property = if cpu.quota.is_some() { "cpu.quota" } else { "cpu.period" };
        if let Some(max) = convert::cpu_max(cpu.quota, cpu.period) {
            match self.version("cpu", property) {
                Some(Version::One) => {
                    cpu.period.iter().for_each(|period| files.set("cpu.cfs_period_us", period));
                    cpu.quota.iter().for_each(|quota| files.set("cpu.cfs_quota_us", quota));
                }
                Some(Version::Two) => files.set("cpu.max", max),
                None => {}
            }
        }
        let Some(burst) = cpu.burst else { return };
        if cpu.quota.is_some_and(|quota| burst > quota) {
            self.fault_of("cpu.burst", "must not be above linux.resources.cpu.quota");
        }
        match self.version("cpu", "cpu.burst") {
            Some(Version::One) => files.set("cpu.cfs_burst_us", burst),
            Some(Version::Two) => files.set("cpu.max.burst", burst),
            None => {}
        }
    }

    fn cpuset(&self, files: &mut Files) {
        let cpu = &self.resources().cpu;
        for (property, list, file) in
            [("cpu.cpus", &cpu.cpus, "cpuset.cpus"), ("cpu.mems", &cpu.mems, "cpuset.mems")]
        {
            if !list.is_empty() && self.version("cpuset", property).is_some() {
                files.set(file, list);
            }
        }
    }

    fn block_io(&self, files: &mut Files) {
        let io = &self.resources().block_io;
        if let Some(weight) = io.weight
            && let Some((file, weight)) = self.io_weight("blockIO.weight", weight)
        {
            files.set(file, weight);
        }
        for device in &io.weights {
            let weighed = self.io_weight(&device.path, device.amount);
            let Some((file, weight)) = weighed else { continue };
            let of_devices = if file.starts_with("blkio") { "_device" } else { "" };
            files.set(format!("{file}{of_devices}"), format!("{} {weight}", device.numbers));
        }
        for (devices, one, two) in [
            (&io.read_rates, "read_bps", "rbps"),
            (&io.write_rates, "write_bps", "wbps"),
            (&io.reads, "read_iops", "riops"),
            (&io.writes, "write_iops", "wiops"),
        ] {
            devices.iter().for_each(|device| self.throttle(files, device, one, two));
        }
    }

    fn throttle(&self, files: &mut Files, device: &IoDevice, one: &str, two: &str) {
        let IoDevice { numbers, amount, path, .. } = device;
        match self.version("blkio", path) {
            Some(Version::One) => {
                files.set(format!("blkio.throttle.{one}_device"), format!("{numbers} {amount}"));
            }
            Some(Version::Two) => files.set("io.max", format!("{numbers} {two}={amount}")),
            None => {}
        }
    }

    /// The file and the number. Version 1 has had no weights but BFQ's since Linux 5.0.
    fn io_weight(&self, property: &str, weight: i128) -> Option<(&'static str, i128)> {
        match (self.version("blkio", property)?, (self.machine.has_bfq)()) {
            (Version::One, true) => Some(("blkio.bfq.weight", weight)),
            (Version::Two, true) => Some(("io.bfq.weight", weight)),
            (Version::Two, false) => Some(("io.weight", convert::io_weight(weight))),
            (Version::One, false) => {
                let reason =
                    "cannot be kept: this kernel does not have BFQ, the scheduler with weights";
                self.fault_of(property, reason);
                None
            }
        }
    }

    /// What is reserved counts too, as in runc.
    fn huge_pages(&self, files: &mut Files) {
        for pages in &self.resources().huge_pages {
            let Some(limit) = pages.limit else { continue };
            let Some(version) = self.version("hugetlb", &pages.path) else { continue };
            if !kib(&pages.size).is_some_and(self.machine.has_huge_pages) {
                let reason = "is not a size of huge pages of this machine";
                self.log.fault(format_args!("{}.pageSize", pages.path), reason);
                continue;
            }
            let file = match version {
                Version::One => "limit_in_bytes",
                Version::Two => "max",
            };
            files.set(format!("hugetlb.{}.{file}", pages.size), limit);
            files.set(format!("hugetlb.{}.rsvd.{file}", pages.size), limit);
        }
    }

    fn rdma(&self, files: &mut Files) {
        for rdma in &self.resources().rdma {
            if self.version("rdma", &rdma.path).is_none() {
                continue;
            }
            let mut value = rdma.device.clone();
            for (name, number) in [("hca_handle", rdma.handles), ("hca_object", rdma.objects)] {
                if let Some(number) = number {
                    value.push_str(&format!(" {name}={number}"));
                }
            }
            files.set("rdma.max", value);
        }
    }

    /// Version 2 has neither controller.
    fn network(&self, files: &mut Files) {
        let network = &self.resources().network;
        if let Some(class) = network.class
            && self.version("net_cls", "network.classID").is_some()
        {
            files.set("net_cls.classid", class);
        }
        for priority in &network.priorities {
            if let Some(number) = priority.number
                && self.version("net_prio", &priority.path).is_some()
            {
                files.set("net_prio.ifpriomap", format!("{} {number}", priority.name));
            }
        }
    }

    /// A line is a write of its own.
    fn unified(&self, files: &mut Files) {
        for (file, value) in &self.resources().unified {
            let controller = file.split('.').next().unwrap_or_default();
            match self.lack_of_unified(controller) {
                Some(reason) => self.fault_of(&format!("unified[{file:?}]"), &reason),
                None => value.lines().for_each(|line| files.set(file, line)),
            }
        }
    }

    /// Why there is no such controller in version 2; every cgroup there has the files of cgroups themselves.
    fn lack_of_unified(&self, controller: &str) -> Option<String> {
        let name = if controller == "io" { "blkio" } else { controller };
        match self.place.version_of(name, || self.controllers()) {
            Some(Version::Two) => None,
            Some(Version::One) => {
                Some(format!("cannot be kept: the controller '{controller}' is of version 1 here"))
            }
            None if controller == "cgroup" && self.place.unified().is_some() => None,
            None => Some(self.lack(controller)),
        }
    }
}

/// -1 is no limit.
fn unlimited(limit: i128) -> String {
    match limit < 0 {
        true => "max".to_owned(),
        false => limit.to_string(),
    }
}

/// `2MB` in KiB.
fn kib(size: &str) -> Option<u64> {
    [("KB", 0), ("MB", 10), ("GB", 20)].iter().find_map(|(unit, shift)| {
        let number: u64 = size.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(1 << shift)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_huge_pages() {
        assert_eq!(["64KB", "2MB", "1GB"].map(kib), [Some(64), Some(2048), Some(1 << 20)]);
        assert_eq!(["99999999999999GB", "1", ""].map(kib), [None; 3]);
    }
}
