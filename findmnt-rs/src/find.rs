//! A search: which table, which rows, which form.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use common::{Result, sys};

use crate::cli::{Request, When};
use crate::columns::{COLUMNS, View};
use crate::load::{self, From, Load, Loaded};
use crate::print::{Form, Look, Output, Section};
use crate::select::Reach;
use crate::table::Table;
use crate::tags::Tags;
use crate::text;

/// Finds and shows; the status is 1 where nothing was found.
///
/// # Errors
/// When a table cannot be read or the answer not be written.
pub fn find(request: &Request) -> Result<u8> {
    let tables = tables(request)?;
    let tags = Tags::default();
    let style = crate::columns::Style { aligned: request.form == Form::Table, ..request.style };
    let views: Vec<_> = tables.iter().map(|table| View::new(table, style, &tags)).collect();
    let sections: Vec<_> = views
        .iter()
        .map(|view| Section {
            view,
            rows: request.selection.rows(view, request.shows_tree(view.table)),
        })
        .collect();

    let found = sections.iter().any(|section| !section.rows.is_empty());
    if found || request.form == Form::Json {
        look(request).write(&sections, &mut Output::new()?)?;
    }
    Ok(u8::from(!found))
}

/// The tables to search: where a single mount of our own is asked for, that one alone.
fn tables(request: &Request) -> Result<Vec<Table>> {
    if let Some(table) = single(request)? {
        return Ok(vec![table]);
    }
    let load = Load {
        from: request.from.clone(),
        files: request.files.clone(),
        method: request.method,
        needs: request.needs(),
    };
    Ok(load.tables()?.into_iter().map(|Loaded { table, .. }| table).collect())
}

fn single(request: &Request) -> Result<Option<Table>> {
    if !request.asks_one_mount() {
        return Ok(None);
    }
    let Some(path) = &request.selection.target else { return Ok(None) };
    let Ok(Some((table, root))) = load::single(OsStr::from_bytes(path), request.needs()) else {
        return Ok(None);
    };
    if request.selection.reach == Reach::Mountpoint && !root {
        return Ok(Some(load::nothing()));
    }
    Ok(Some(table))
}

impl Request {
    /// Whether the path of `--target` or `--mountpoint` alone says which mount it is.
    fn asks_one_mount(&self) -> bool {
        let selection = &self.selection;
        self.from == From::Kernel
            && self.files.is_empty()
            && self.method != Some(load::Method::Mountinfo)
            && selection.target.is_some()
            && selection.source.is_none()
            && !selection.invert
            && !selection.submounts
            && !selection.shadowed
            && !selection.literal
    }

    /// What of each mount is looked at, as statmount(2)'s mask.
    fn needs(&self) -> u64 {
        let columns = self.columns.iter().map(|column| column.needs);
        columns.fold(self.selection.needs(), |all, one| all | one)
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
        let selection = &self.selection;
        let named = selection.names_mounts() || selection.first;
        self.tree || !self.list && (selection.submounts || !named && self.from != From::Mtab)
    }
}

fn look(request: &Request) -> Look {
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
        hyperlinks: match request.hyperlink {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal.is_some(),
        },
        utf8: utf8_locale(),
        terminal,
    }
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
        buffer.extend_from_slice(b"{\n   \"findmnt-columns\": [");
    }
    for (at, column) in COLUMNS.iter().enumerate() {
        let (name, kind, help) = (column.name, column.kind_name(), column.help);
        if form == Form::Json {
            buffer.extend_from_slice(if at == 0 { b"\n      {" } else { b",{" });
            for (at, (key, value)) in
                [("holder", name), ("type", kind), ("description", help)].iter().enumerate()
            {
                buffer.extend_from_slice(if at == 0 { b"\n         " } else { b",\n         " });
                text::json(buffer, key.as_bytes());
                buffer.extend_from_slice(b": ");
                text::json(buffer, value.as_bytes());
            }
            buffer.extend_from_slice(b"\n      }");
        } else {
            buffer.extend_from_slice(format!("{name:>14}  {kind:<9}  {help}\n").as_bytes());
        }
    }
    if form == Form::Json {
        buffer.extend_from_slice(b"\n   ]\n}\n");
    }
    out.flush()?;
    Ok(0)
}
