//! The search: reads the tables, selects the mounts and shows them.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result, sys};
use nix::errno::Errno;

use crate::answer::{Answer, Form};
use crate::columns::{COLUMNS, Style, View};
use crate::load::{self, Loaded, Method};
use crate::output::Output;
use crate::print::Printer;
use crate::rebuild;
use crate::request::Request;
use crate::table::Table;
use crate::tags::Tags;
use crate::text;

/// Finds mounts and shows them; the status is 1 if there is no match.
///
/// # Errors
/// If a table cannot be read, or the output cannot be written.
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
        Printer::new(request.look())?.write(&answers)?;
    }
    Ok(u8::from(!found))
}

impl Request {
    /// If the command line names one mount of our own namespace: a table of that mount, without reading others.
    /// If others must be read too, stores the id of the named mount in the selection.
    ///
    /// The kernel follows the path. So the result is the mount that processes see there, and not a mount that
    /// another one hides.
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

    /// Fails if the path cannot be followed because a server is dead. Otherwise the answer would be that there
    /// is no mount.
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

    /// The mount at a path, by statmount(2); none if the kernel lacks it.
    fn mount_at(&self, path: &CStr) -> Option<Table> {
        let place = sys::path_mount(path, true).ok()?;
        if self.selection.accepts_place(place) {
            load::one(place.id, self.needs()).ok()
        } else {
            Some(load::nothing())
        }
    }

    /// The id of the mount at a path. 0, which is never an id, if `--mountpoint` names a path that is not a
    /// mountpoint.
    fn id_at(&self, path: &CStr) -> Option<u32> {
        let place = sys::path_mount(path, false).ok()?;
        Some(if self.selection.accepts_place(place) { place.id as u32 } else { 0 })
    }
}

/// Lists all columns.
///
/// # Errors
/// If the list cannot be written.
pub fn list_columns(form: Form) -> Result<u8> {
    let mut out = Output::new()?;
    let buffer = &mut out.buffer;
    if form == Form::Json {
        buffer.extend_from_slice(b"{\n   \"findmnt-columns\": [\n      ");
    }
    for (at, column) in COLUMNS.iter().enumerate() {
        let (name, kind, help) = (column.name, column.type_name(), column.help);
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
