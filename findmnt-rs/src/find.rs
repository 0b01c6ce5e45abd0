//! A search: which table, which rows, which form.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use common::sys::statmount as mask;
use common::{Error, Result, sys};
use nix::errno::Errno;
use nix::unistd::gethostname;

use crate::cli::{Request, When};
use crate::columns::{COLUMNS, Style, View};
use crate::load::{self, From, Load, Loaded, Method};
use crate::output::Output;
use crate::print::{Answer, Form, Look, Printer};
use crate::rebuild;
use crate::table::Table;
use crate::tags::Tags;
use crate::text;

/// Finds and shows; the status is 1 where nothing was found.
///
/// # Errors
/// When a table cannot be read or the answer not be written.
pub fn find(mut request: Request) -> Result<u8> {
    let tables = match request.one_mount() {
        Some(table) => vec![table],
        None => request.load()?.into_iter().map(|Loaded { table, .. }| table).collect(),
    };
    let tags = Tags::default();
    let style = Style { aligned: request.form == Form::Table, ..request.style };
    let answers: Vec<_> = tables
        .iter()
        .map(|table| {
            let view = View::new(table, style, &tags);
            let rows = request.selection.rows(&view, request.shows_tree(table));
            Answer { view, rows }
        })
        .collect();

    let found = answers.iter().any(|answer| !answer.rows.is_empty());
    if !found {
        request.check_place()?;
    }
    if request.fstab_output {
        rebuild::write(&request, &answers)?;
    } else if found || request.form == Form::Json {
        Printer::new(look(&request))?.write(&answers)?;
    }
    Ok(u8::from(!found))
}

impl Request {
    /// Every table that is asked for.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn load(&self) -> Result<Vec<Loaded>> {
        let load = Load {
            from: self.from.clone(),
            files: self.files.clone(),
            method: self.method,
            needs: self.needs(),
        };
        load.tables()
    }

    /// Where the words name one mount of our own, that one as a table of its own: no other is looked at.
    /// Where others must be looked at too, its id is noted.
    ///
    /// It is the kernel that follows the path, so that it is the mount that a process sees there, and not
    /// one that another one hides.
    fn one_mount(&mut self) -> Option<Table> {
        if !self.is_own() {
            return None;
        }
        let selection = &self.selection;
        let alone =
            self.method != Some(Method::Mountinfo) && !selection.invert && !selection.submounts;
        if let Some(id) = selection.unique_id.filter(|_| alone) {
            return load::one(id, self.needs()).ok();
        }
        let path = CString::new(selection.place()?).ok()?;
        let table = if alone { self.mount_at(&path) } else { None };
        self.selection.mount = match &table {
            Some(table) => Some(table.mounts.first().map_or(0, |mount| mount.id)),
            None => self.id_at(&path),
        };
        table
    }

    /// Whether the path could be followed: a dead server is not said to have no mount.
    fn check_place(&self) -> Result<()> {
        let place = self.selection.place().filter(|_| self.is_own());
        let Some(path) = place.and_then(|place| CString::new(place).ok()) else { return Ok(()) };
        match sys::path_mount(&path, false) {
            Err(Errno::ENOTCONN) => {
                Err(Error::new("look at", OsStr::from_bytes(path.to_bytes()), Errno::ENOTCONN))
            }
            _ => Ok(()),
        }
    }

    /// The mount at a path, by statmount(2); none where the kernel cannot tell.
    fn mount_at(&self, path: &CStr) -> Option<Table> {
        let place = sys::path_mount(path, true).ok()?;
        if self.selection.accepts_place(place) {
            load::one(place.id, self.needs()).ok()
        } else {
            Some(load::nothing())
        }
    }

    /// The id of the mount at a path; 0, which no mount has, where that is not what was asked for.
    fn id_at(&self, path: &CStr) -> Option<u32> {
        let place = sys::path_mount(path, false).ok()?;
        Some(if self.selection.accepts_place(place) { place.id as u32 } else { 0 })
    }

    /// Whether it is the mounts of this process that are looked at.
    pub fn is_own(&self) -> bool {
        self.from == From::Kernel && self.files.is_empty()
    }

    /// What of each mount is looked at, as statmount(2)'s mask.
    fn needs(&self) -> u64 {
        let columns = self.columns.iter().map(|column| column.needs);
        let tree = if self.wants_tree() { mask::MNT_BASIC } else { 0 };
        columns.fold(self.selection.needs() | tree, |all, one| all | one)
    }

    /// Whether the answer is a tree.
    fn shows_tree(&self, table: &Table) -> bool {
        if !matches!(self.form, Form::Table | Form::Json) || !table.is_tree() {
            return false;
        }
        let several = matches!(&self.from, From::Tasks(tasks) if tasks.len() > 1);
        if several || self.files.len() > 1 {
            return false;
        }
        self.wants_tree()
    }

    fn wants_tree(&self) -> bool {
        let selection = &self.selection;
        let named = selection.names_mounts() || selection.first;
        self.tree || !self.list && (selection.submounts || !named && self.from != From::Mtab)
    }
}

/// What the output is to look like.
pub fn look(request: &Request) -> Look {
    let stdout = io::stdout();
    let terminal = sys::terminal_width(stdout.as_fd()).map(|width| match width {
        0 => 80,
        width => usize::from(width),
    });
    Look {
        form: request.form,
        columns: request.columns.clone(),
        no_headings: request.no_headings,
        bytes: request.bytes,
        shell: request.shell,
        ascii: request.ascii,
        no_truncate: request.no_truncate,
        links: links(request.hyperlink, terminal.is_some()),
        utf8: utf8_locale(),
        terminal,
    }
}

/// The host's name for links to mountpoints, where they are wanted.
fn links(when: When, on_terminal: bool) -> Option<Vec<u8>> {
    let wanted = match when {
        When::Always => true,
        When::Never => false,
        When::Auto => on_terminal,
    };
    wanted.then(|| gethostname().unwrap_or_default().into_encoded_bytes())
}

/// Whether the locale's character set is UTF-8: what setlocale(3) would read is read here.
fn utf8_locale() -> bool {
    let value = |name: &&str| std::env::var_os(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(value).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Shows what columns there are.
///
/// # Errors
/// When the list cannot be written.
pub fn list_columns(form: Form) -> Result<u8> {
    let mut out = Output::new()?;
    let buffer = &mut out.buffer;
    if form == Form::Json {
        buffer.extend_from_slice(b"{\n   \"findmnt-columns\": [\n      ");
    }
    for (at, column) in COLUMNS.iter().enumerate() {
        let (name, kind, help) = (column.name, column.kind_name(), column.help);
        match form {
            Form::Json => {
                buffer.extend_from_slice(if at > 0 { b",{" } else { b"{" });
                let separator = "\n         ";
                let members = format!(
                    "{separator}\"holder\": \"{name}\",{separator}\"type\": \"{kind}\",{separator}\"description\": \"{help}\"\n      }}"
                );
                buffer.extend_from_slice(members.as_bytes());
            }
            Form::Raw => {
                buffer.extend_from_slice(format!("{name} {kind} ").as_bytes());
                text::raw(buffer, help.as_bytes());
                buffer.push(b'\n');
            }
            _ => buffer.extend_from_slice(format!("{name:>14} {kind:<15} {help}\n").as_bytes()),
        }
    }
    if form == Form::Json {
        buffer.extend_from_slice(b"\n   ]\n}\n");
    }
    out.flush()?;
    Ok(0)
}
