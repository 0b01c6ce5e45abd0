//! The mounts and the root: bindmount-rs, pty-rs, and the word that changes the root. The root file system is resolved
//! once, and from then on it is the working directory.

use super::{TABLE, TERMINAL, Writer, digit};
use crate::model::Kind;
use crate::print::Chain;

impl Writer<'_> {
    pub(super) fn add_root(&self, chain: &mut Chain) {
        let cwd = self.config.process.cwd.as_bytes();
        let has_mounts = self.has_new(Kind::Mount);
        if has_mounts {
            self.add_table(chain);
        }
        self.add_wait(chain);
        self.add_late_sysctls(chain);
        self.add_net_devices(chain);
        if let Some(path) = self.spaces.joined(Kind::Mount) {
            return self.enter_mount_namespace(chain, path);
        }
        if !has_mounts {
            let tool = self.tool("chroot-rs");
            return chain.program([
                &tool[..],
                b"--failure-status",
                b"1",
                b"--carry",
                b"--wd",
                cwd,
                &self.rootfs(),
            ]);
        }
        self.add_terminal(chain);
        if self.setting.pivot {
            let tool = self.tool("pivot-root-rs");
            return chain.program([&tool[..], b"--carry", b"--detach", b"--wd", cwd, b".", b"."]);
        }
        let tool = self.tool("bindmount-rs");
        chain.program([
            &tool[..],
            b"--failure-status",
            b"1",
            b"--detach",
            b"--move",
            b".",
            b"/",
            b"--",
        ]);
        let tool = self.tool("chroot-rs");
        chain.program([&tool[..], b"--failure-status", b"1", b"--carry", b"--wd", cwd, b"."]);
    }

    /// The root is found in the namespace that is joined, in which nothing is mounted: it is another's. No program of it
    /// is executed before the container's command.
    fn enter_mount_namespace(&self, chain: &mut Chain, path: &str) {
        let root = self.absolute_root();
        let option = |name: &str, value: &[u8]| [name.as_bytes(), value].concat();
        chain.program([
            self.tool("nsenter-rs"),
            b"--carry".to_vec(),
            option("--mount=", path.as_bytes()),
            option("--rootns=", &root),
            option("--wdns=", self.config.process.cwd.as_bytes()),
        ]);
    }

    fn add_table(&self, chain: &mut Chain) {
        let self_bind = match self.keeps_devices_out() {
            true => "--self-bind=rnodev",
            false => "--self-bind",
        };
        let tool = self.tool("bindmount-rs");
        chain.program([&tool[..], b"--failure-status", b"1", b"--root", &self.rootfs()]);
        let table = [&b"/dev/fd/"[..], &digit(TABLE)].concat();
        chain.options([self_bind.as_bytes(), b"--fstab", &table, b"--enter-root", b"--"]);
    }

    fn add_terminal(&self, chain: &mut Chain) {
        let process = &self.config.process;
        if !process.terminal {
            return;
        }
        let tool = self.tool("pty-rs");
        chain.program([
            &tool[..],
            b"--failure-status",
            b"1",
            b"--send",
            &digit(TERMINAL),
            b"--root",
            b".",
        ]);
        let console = ["--console".to_owned(), "/dev/console".to_owned()].into_iter();
        chain.options(console.chain(self.options_of_terminal()).chain(["--".to_owned()]));
    }

    pub(super) fn options_of_terminal(&self) -> Vec<String> {
        let process = &self.config.process;
        let mut options = Vec::new();
        if let Some(size) = process.console_size.filter(|size| size.height > 0 && size.width > 0) {
            options.extend(["--size".to_owned(), format!("{}x{}", size.height, size.width)]);
        }
        if process.user.uid != 0 {
            options.extend(["--owner".to_owned(), process.user.uid.to_string()]);
        }
        if self.setting.hold {
            // Errors until then are for those who made the container.
            options.push("--keep-stderr".to_owned());
        }
        options
    }

    /// A name that could be taken for an option or for another thing gets a directory before it.
    fn rootfs(&self) -> Vec<u8> {
        let path = &self.config.root.path;
        let is_plain = path.starts_with('/')
            || path.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && !path.contains('=');
        match is_plain || path == "." {
            true => path.as_bytes().to_vec(),
            false => [b"./", path.as_bytes()].concat(),
        }
    }
}
