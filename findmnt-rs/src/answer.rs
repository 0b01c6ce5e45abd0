//! The mounts to show, and how to show them.

use crate::columns::{Cell, Column, View};
use crate::tree::Row;

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Table,
    Raw,
    Pairs,
    Json,
    /// One line of JSON for each mount.
    JsonLines,
    /// A NUL byte after each value.
    Null,
}

/// The format of the output.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Look {
    pub form: Form,
    pub columns: Vec<&'static Column>,
    pub no_headings: bool,
    pub bytes: bool,
    pub shell: bool,
    /// Draw the tree with ASCII in every locale.
    pub ascii: bool,
    pub no_truncate: bool,
    /// Write mountpoints as links with this host name.
    pub links: Option<Vec<u8>>,
    /// The locale's character set is UTF-8.
    pub utf8: bool,
    /// The width of the terminal; `None` if the output is not a terminal.
    pub terminal: Option<usize>,
}

/// The mounts of one table to show.
pub struct Answer<'a> {
    pub view: View<'a>,
    pub rows: Vec<Row>,
}

/// Iterates over all mounts to show.
pub fn shown<'a>(answers: &'a [Answer<'a>]) -> impl Iterator<Item = Shown<'a>> {
    answers
        .iter()
        .flat_map(|Answer { view, rows }| rows.iter().map(move |&row| Shown { view, row }))
}

/// A mount to show, and its table.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub view: &'a View<'a>,
    pub row: Row,
}

impl<'a> Shown<'a> {
    /// The value of a column for this mount.
    pub fn cell(&self, column: &Column) -> Cell<'a> {
        (column.cell)(self.view, &self.view.table.mounts[self.row.mount as usize])
    }
}
