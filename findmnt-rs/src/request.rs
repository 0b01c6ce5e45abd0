//! A search, as the command line describes it.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use common::Result;
use common::sys::{self, statmount as mask};
use nix::unistd::gethostname;

use crate::answer::{Form, Look};
use crate::columns::{Column, Style};
use crate::load::{Load, Loaded, Method, Origin};
use crate::select::Selection;
use crate::table::Table;

/// When mountpoints are written as links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    #[default]
    Never,
    Always,
    /// On a terminal.
    Auto,
}

/// A search.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Request {
    pub origin: Origin,
    pub method: Option<Method>,
    pub files: Vec<OsString>,
    pub selection: Selection,
    pub columns: Vec<&'static Column>,
    pub form: Form,
    pub style: Style,
    pub list: bool,
    pub tree: bool,
    pub ascii: bool,
    pub bytes: bool,
    pub no_headings: bool,
    pub no_truncate: bool,
    pub shell: bool,
    pub fstab_output: bool,
    pub hyperlink: When,
    pub timeout: Option<Duration>,
    pub verbose: bool,
}

impl Request {
    /// Reads every table of the search.
    ///
    /// # Errors
    /// If a table cannot be read.
    pub fn load(&self) -> Result<Vec<Loaded>> {
        let load = Load {
            origin: self.origin.clone(),
            files: self.files.clone(),
            method: self.method,
            needs: self.needs(),
        };
        load.tables()
    }

    /// Whether the search is in the mount namespace of this process.
    pub fn is_own(&self) -> bool {
        self.origin == Origin::Kernel && self.files.is_empty()
    }

    /// The fields of a mount that the search needs, as a mask of statmount(2).
    pub fn needs(&self) -> u64 {
        let columns = self.columns.iter().map(|column| column.needs);
        let tree = if self.wants_tree() { mask::MNT_BASIC } else { 0 };
        columns.fold(self.selection.needs() | tree, |all, one| all | one)
    }

    /// Whether the mounts of this table are shown as a tree.
    pub fn shows_tree(&self, table: &Table) -> bool {
        if !matches!(self.form, Form::Table | Form::Json) || !table.is_tree() {
            return false;
        }
        let several = matches!(&self.origin, Origin::Tasks(tasks) if tasks.len() > 1);
        if several || self.files.len() > 1 {
            return false;
        }
        self.wants_tree()
    }

    fn wants_tree(&self) -> bool {
        let selection = &self.selection;
        let named = selection.names_mounts() || selection.first;
        self.tree || !self.list && (selection.submounts || !named && self.origin != Origin::Mtab)
    }

    /// The format of the output.
    pub fn look(&self) -> Look {
        let stdout = io::stdout();
        let terminal = sys::terminal_width(stdout.as_fd()).map(|width| match width {
            0 => 80,
            width => usize::from(width),
        });
        Look {
            form: self.form,
            columns: self.columns.clone(),
            no_headings: self.no_headings,
            bytes: self.bytes,
            shell: self.shell,
            ascii: self.ascii,
            no_truncate: self.no_truncate,
            links: links(self.hyperlink, terminal.is_some()),
            utf8: utf8_locale(),
            terminal,
        }
    }
}

/// The host name for links to mountpoints; none if no links are written.
fn links(when: When, on_terminal: bool) -> Option<Vec<u8>> {
    let wanted = match when {
        When::Always => true,
        When::Never => false,
        When::Auto => on_terminal,
    };
    wanted.then(|| gethostname().unwrap_or_default().into_encoded_bytes())
}

/// Whether the locale's character set is UTF-8, by the variables that setlocale(3) reads.
fn utf8_locale() -> bool {
    let value = |name: &&str| std::env::var_os(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(value).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
