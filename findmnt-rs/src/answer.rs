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
    /// Every mount as one line of JSON.
    JsonLines,
    /// Every cell ended by a NUL.
    Null,
}

/// What the output looks like.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Look {
    pub form: Form,
    pub columns: Vec<&'static Column>,
    pub no_headings: bool,
    pub bytes: bool,
    pub shell: bool,
    /// The tree is drawn with ASCII, whatever the locale.
    pub ascii: bool,
    pub no_truncate: bool,
    /// Mountpoints are links; this is the host's name in them.
    pub links: Option<Vec<u8>>,
    /// The locale's character set is UTF-8.
    pub utf8: bool,
    /// The terminal's width; `None` if the output is not a terminal.
    pub terminal: Option<usize>,
}

/// The mounts of one table that are to be shown.
pub struct Answer<'a> {
    pub view: View<'a>,
    pub rows: Vec<Row>,
}

/// All mounts that are to be shown, one by one.
pub fn shown<'a>(answers: &'a [Answer<'a>]) -> impl Iterator<Item = Shown<'a>> {
    answers
        .iter()
        .flat_map(|Answer { view, rows }| rows.iter().map(move |&row| Shown { view, row }))
}

/// A mount to be shown, and the table it is from.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub view: &'a View<'a>,
    pub row: Row,
}

impl<'a> Shown<'a> {
    /// What a column says of it.
    pub fn cell(&self, column: &Column) -> Cell<'a> {
        (column.cell)(self.view, &self.view.table.mounts[self.row.mount as usize])
    }
}
