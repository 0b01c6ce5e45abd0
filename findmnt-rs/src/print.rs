//! Writes mounts in each form of output.

use common::Result;

use crate::answer::{Answer, Form, Look, Shown, shown};
use crate::columns::{self, Column};
use crate::grid::Grid;
use crate::json;
use crate::output::Output;
use crate::text;

/// Writes answers to standard output. Several answers look like one.
pub struct Printer {
    look: Look,
    out: Output,
    /// The widths of a table's columns; `None` before the first answer.
    widths: Option<Vec<usize>>,
    headed: bool,
}

impl Printer {
    /// # Errors
    /// If standard output is closed.
    pub fn new(look: Look) -> Result<Self> {
        let headed = look.no_headings;
        Ok(Self { look, out: Output::new()?, widths: None, headed })
    }

    /// Writes one answer.
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

    /// Calls `write` with each column and its value.
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

/// Ends a line, and removes the blank after its last word.
fn end_line(out: &mut Vec<u8>) {
    out.pop();
    out.push(b'\n');
}
