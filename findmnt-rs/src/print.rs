//! The forms of output.

use common::Result;

use crate::columns::{self, Cell, Column, View};
use crate::grid::Grid;
use crate::json;
use crate::output::Output;
use crate::text;
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

/// Writes answers, one or several that follow each other as if they were one.
pub struct Printer {
    look: Look,
    out: Output,
    /// The widths of a table's columns; none where nothing was written yet.
    widths: Option<Vec<usize>>,
    headed: bool,
}

impl Printer {
    /// # Errors
    /// When standard output is closed.
    pub fn new(look: Look) -> Result<Self> {
        let headed = look.no_headings;
        Ok(Self { look, out: Output::new()?, widths: None, headed })
    }

    /// Writes the mounts as they follow each other.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn write(&mut self, answers: &[Answer]) -> Result<()> {
        let Self { look, out, .. } = self;
        match look.form {
            Form::Table => self.write_table(answers)?,
            Form::Raw => self.write_raw(answers)?,
            Form::Pairs => look.write_each(answers, out, Look::pairs)?,
            Form::Null => look.write_each(answers, out, Look::nulls)?,
            Form::Json => json::write(look, answers, out)?,
            Form::JsonLines => look.write_each(answers, out, json::line)?,
        }
        self.out.flush()
    }

    fn write_table(&mut self, answers: &[Answer]) -> Result<()> {
        let heading = !std::mem::replace(&mut self.headed, true);
        let grid = Grid::measure(&self.look, answers, &mut self.widths);
        grid.write(answers, heading, &mut self.out)
    }

    fn write_raw(&mut self, answers: &[Answer]) -> Result<()> {
        if !std::mem::replace(&mut self.headed, true) {
            self.look.raw_heading(&mut self.out.buffer);
        }
        self.look.write_each(answers, &mut self.out, Look::raw)
    }
}

impl Look {
    fn write_each(
        &self,
        answers: &[Answer],
        out: &mut Output,
        write: impl Fn(&Self, &Shown, &mut Vec<u8>),
    ) -> Result<()> {
        for row in shown(answers) {
            write(self, &row, &mut out.buffer);
            out.advance()?;
        }
        Ok(())
    }

    /// Gives every column's value of a row to `write`.
    fn values(&self, shown: &Shown, mut write: impl FnMut(&Column, &[u8])) {
        let mut value = Vec::new();
        for column in &self.columns {
            value.clear();
            columns::write(&mut value, &shown.cell(column), self.bytes);
            write(column, &value);
        }
    }

    fn pairs(&self, shown: &Shown, out: &mut Vec<u8>) {
        self.values(shown, |column, value| {
            out.extend_from_slice(column.key(self.shell).as_bytes());
            out.extend_from_slice(b"=\"");
            text::quoted(out, value);
            out.extend_from_slice(b"\" ");
        });
        end_line(out);
    }

    fn nulls(&self, shown: &Shown, out: &mut Vec<u8>) {
        self.values(shown, |_, value| {
            out.extend_from_slice(value);
            out.push(0);
        });
    }

    fn raw_heading(&self, out: &mut Vec<u8>) {
        for column in &self.columns {
            text::raw(out, column.key(self.shell).as_bytes());
            out.push(b' ');
        }
        end_line(out);
    }

    fn raw(&self, shown: &Shown, out: &mut Vec<u8>) {
        self.values(shown, |_, value| {
            text::raw(out, value);
            out.push(b' ');
        });
        end_line(out);
    }
}

/// Ends a line, without the blank that stands after its last word.
fn end_line(out: &mut Vec<u8>) {
    out.pop();
    out.push(b'\n');
}
