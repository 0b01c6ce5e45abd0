//! The forms of output.

use std::fs::File;
use std::io::{self, Write};

use common::{Error, Result};

use crate::columns::{self, Cell, Column, Kind, Layout, View};
use crate::layout::{self, Need};
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
    pub hyperlinks: bool,
    /// The locale's character set is UTF-8.
    pub utf8: bool,
    /// The terminal's width; none where the output is no terminal.
    pub terminal: Option<usize>,
}

/// Bytes on their way to standard output.
///
/// Standard output is a plain file here: Rust's own is line-buffered, one write a mount.
pub struct Output {
    pub buffer: Vec<u8>,
    file: File,
}

const CHUNK: usize = 64 << 10;

impl Output {
    /// # Errors
    /// When standard output is closed.
    pub fn new() -> Result<Self> {
        use std::os::fd::AsFd;
        let file = io::stdout().as_fd().try_clone_to_owned();
        let file = File::from(file.map_err(|error| failed(&error))?);
        Ok(Self { buffer: Vec::new(), file })
    }

    /// Writes what there is, once it is worth a system call.
    fn advance(&mut self) -> Result<()> {
        if self.buffer.len() < CHUNK { Ok(()) } else { self.flush() }
    }

    /// Writes what there is.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn flush(&mut self) -> Result<()> {
        self.file.write_all(&self.buffer).map_err(|error| failed(&error))?;
        self.buffer.clear();
        Ok(())
    }
}

fn failed(error: &io::Error) -> Error {
    Error::from_io("write", "standard output", error)
}

/// A mount to be shown, and the table it is from.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub view: &'a View<'a>,
    pub row: Row,
}

impl<'a> Shown<'a> {
    fn cell(&self, column: &Column) -> Cell<'a> {
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
    pub fn write(&mut self, rows: &[Shown]) -> Result<()> {
        let Self { look, out, .. } = self;
        match look.form {
            Form::Table => self.write_table(rows)?,
            Form::Raw => self.write_raw(rows)?,
            Form::Pairs => look.write_each(rows, out, Look::pairs)?,
            Form::Null => look.write_each(rows, out, Look::nulls)?,
            Form::Json => look.write_json(rows, out)?,
            Form::JsonLines => look.write_each(rows, out, Look::json_line)?,
        }
        self.out.flush()
    }

    fn write_raw(&mut self, rows: &[Shown]) -> Result<()> {
        if !std::mem::replace(&mut self.headed, true) {
            self.look.raw_heading(&mut self.out.buffer);
        }
        self.look.write_each(rows, &mut self.out, Look::raw)
    }

    fn write_table(&mut self, rows: &[Shown]) -> Result<()> {
        let Self { look, out, .. } = self;
        let cells = look.cells(rows);
        let widths = self.widths.get_or_insert_with(|| look.widths(&cells));
        let mut line = Line::new(look, widths);
        if !std::mem::replace(&mut self.headed, true) {
            line.heading(&mut out.buffer);
        }
        for (shown, cells) in rows.iter().zip(cells.rows()) {
            line.row(&mut out.buffer, &shown.row, cells);
            out.advance()?;
        }
        Ok(())
    }
}

impl Look {
    fn write_each(
        &self,
        rows: &[Shown],
        out: &mut Output,
        write: impl Fn(&Self, &Shown, &mut Vec<u8>),
    ) -> Result<()> {
        for row in rows {
            write(self, row, &mut out.buffer);
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

    /// Every cell as text for a table, and its width.
    fn cells(&self, rows: &[Shown]) -> Cells {
        let mut cells = Cells::new(self.columns.len(), rows.len());
        let mut value = Vec::new();
        for shown in rows {
            for column in &self.columns {
                match shown.cell(column) {
                    Cell::Text(word) => cells.push(&word, self.utf8),
                    Cell::None => cells.push(b"", self.utf8),
                    cell => {
                        value.clear();
                        columns::write(&mut value, &cell, self.bytes);
                        cells.push(&value, self.utf8);
                    }
                }
                if column.layout == Layout::Tree {
                    cells.widen(2 * shown.row.depth as usize);
                }
            }
        }
        cells
    }

    fn widths(&self, cells: &Cells) -> Vec<usize> {
        let mut needs: Vec<_> = self.columns.iter().map(|column| self.need(column)).collect();
        for row in cells.rows() {
            for (need, cell) in needs.iter_mut().zip(row) {
                need.add(cell.width as usize);
            }
        }
        match self.terminal {
            Some(terminal) => layout::fit(&needs, terminal),
            None => needs.iter().map(Need::full).collect(),
        }
    }

    fn need(&self, column: &Column) -> Need {
        let heading = if self.no_headings { 0 } else { column.key(self.shell).len() };
        Need::new(column, heading, self.no_truncate)
    }

    fn write_json(&self, rows: &[Shown], out: &mut Output) -> Result<()> {
        out.buffer.extend_from_slice(b"{\n   \"filesystems\": [");
        let mut json = Json { depth: None };
        // As in the classic, it is the mountpoint that has children.
        let nested = self.columns.iter().any(|column| column.layout == Layout::Tree);
        for shown in rows {
            let depth = if nested { shown.row.depth } else { 0 };
            json.object(self, shown, depth, &mut out.buffer);
            out.advance()?;
        }
        json.end(&mut out.buffer);
        Ok(())
    }

    /// A mount as one line of JSON.
    fn json_line(&self, shown: &Shown, out: &mut Vec<u8>) {
        out.push(b'{');
        self.json_members(shown, out, b" ");
        out.extend_from_slice(b"}\n");
    }

    /// The members of a mount's object, without the braces.
    fn json_members(&self, shown: &Shown, out: &mut Vec<u8>, separator: &[u8]) {
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
                out.extend_from_slice(separator);
            }
            text::json(out, column.key(self.shell).to_ascii_lowercase().as_bytes());
            out.extend_from_slice(b": ");
            self.json_value(column, &shown.cell(column), out, separator);
        }
    }

    fn json_value(&self, column: &Column, cell: &Cell, out: &mut Vec<u8>, separator: &[u8]) {
        let mut value = Vec::new();
        columns::write(&mut value, cell, self.bytes);
        let number = column.kind == Kind::Number || column.kind == Kind::Size && self.bytes;
        match cell {
            Cell::None => out.extend_from_slice(b"null"),
            _ if number => out.extend_from_slice(&value),
            _ if column.kind == Kind::List => {
                out.push(b'[');
                out.extend_from_slice(separator);
                out.extend_from_slice(if separator == b" " { b"" } else { b"    " });
                text::json(out, &value);
                out.extend_from_slice(separator);
                out.push(b']');
            }
            _ => text::json(out, &value),
        }
    }
}

/// Ends a line, without the blank that stands after its last word.
fn end_line(out: &mut Vec<u8>) {
    out.pop();
    out.push(b'\n');
}

/// The objects of JSON's tree, opened and closed as the rows' depths say.
struct Json {
    depth: Option<u32>,
}

impl Json {
    fn object(&mut self, look: &Look, shown: &Shown, depth: u32, out: &mut Vec<u8>) {
        match self.depth {
            None => indent(out, 2),
            Some(above) if depth > above => {
                out.push(b',');
                indent(out, 2 * above as usize + 3);
                out.extend_from_slice(b"\"children\": [");
                indent(out, 2 * depth as usize + 2);
            }
            Some(last) => {
                self.close(out, last, depth);
                out.push(b',');
            }
        }
        out.push(b'{');
        let mut separator = Vec::new();
        indent(&mut separator, 2 * depth as usize + 3);
        out.extend_from_slice(&separator);
        look.json_members(shown, out, &separator);
        self.depth = Some(depth);
    }

    /// Closes the objects from `depth` down to `to`.
    fn close(&self, out: &mut Vec<u8>, depth: u32, to: u32) {
        for depth in (to..=depth).rev() {
            indent(out, 2 * depth as usize + 2);
            out.push(b'}');
            if depth > to {
                indent(out, 2 * depth as usize + 1);
                out.push(b']');
            }
        }
    }

    fn end(&self, out: &mut Vec<u8>) {
        if let Some(depth) = self.depth {
            self.close(out, depth, 0);
            indent(out, 1);
        }
        out.extend_from_slice(b"]\n}\n");
    }
}

fn indent(out: &mut Vec<u8>, levels: usize) {
    out.push(b'\n');
    out.resize(out.len() + 3 * levels, b' ');
}

/// The text of one cell.
#[derive(Clone, Copy, Default)]
struct CellText<'a> {
    text: &'a [u8],
    /// With the tree before it.
    width: u32,
}

/// All cells, in one text.
struct Cells {
    columns: usize,
    text: Vec<u8>,
    /// The end of each cell's text, and its width.
    ends: Vec<(u32, u32)>,
}

impl Cells {
    fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            text: Vec::with_capacity(rows * 64),
            ends: Vec::with_capacity(rows * columns),
        }
    }

    fn push(&mut self, word: &[u8], utf8: bool) {
        let width = text::table(&mut self.text, word, utf8);
        self.ends.push((self.text.len() as u32, width as u32));
    }

    fn widen(&mut self, by: usize) {
        if let Some((_, width)) = self.ends.last_mut() {
            *width += by as u32;
        }
    }

    fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = CellText<'_>>> {
        let mut start = 0;
        self.ends.chunks(self.columns.max(1)).map(move |ends| {
            let mut at = std::mem::replace(&mut start, ends.last().map_or(0, |&(end, _)| end));
            ends.iter().map(move |&(end, width)| {
                let start = std::mem::replace(&mut at, end);
                CellText { text: &self.text[start as usize..end as usize], width }
            })
        })
    }
}

/// The pieces a tree is drawn with.
struct Pieces {
    pass: &'static [u8],
    blank: &'static [u8],
    branch: &'static [u8],
    end: &'static [u8],
}

const UTF8: Pieces =
    Pieces {
        pass: "│ ".as_bytes(), blank: b"  ", branch: "├─".as_bytes(), end: "└─".as_bytes()
    };
const ASCII: Pieces = Pieces { pass: b"| ", blank: b"  ", branch: b"|-", end: b"`-" };

/// Writes the lines of a table.
struct Line<'a> {
    look: &'a Look,
    widths: &'a [usize],
    pieces: &'static Pieces,
    /// The tree's lines that pass the current row: one piece for each of its ancestors.
    trunk: Vec<u8>,
    /// Where each ancestor's piece ends.
    levels: Vec<usize>,
    /// The current row's own piece.
    branch: &'static [u8],
}

impl<'a> Line<'a> {
    fn new(look: &'a Look, widths: &'a [usize]) -> Self {
        let pieces = if look.utf8 && !look.ascii { &UTF8 } else { &ASCII };
        Self { look, widths, pieces, trunk: Vec::new(), levels: Vec::new(), branch: b"" }
    }

    fn heading(&self, out: &mut Vec<u8>) {
        for (at, column) in self.look.columns.iter().enumerate() {
            let name = column.key(self.look.shell);
            self.cell(out, at, CellText { text: name.as_bytes(), width: name.len() as u32 });
        }
        out.push(b'\n');
    }

    fn row<'c>(&mut self, out: &mut Vec<u8>, row: &Row, cells: impl Iterator<Item = CellText<'c>>) {
        self.climb(row);
        for (at, cell) in cells.enumerate() {
            self.cell(out, at, cell);
        }
        out.push(b'\n');
        self.descend(row);
    }

    /// Takes away the lines that do not pass this row.
    fn climb(&mut self, row: &Row) {
        self.levels.truncate((row.depth as usize).saturating_sub(1));
        self.trunk.truncate(self.levels.last().copied().unwrap_or(0));
        self.branch = match row {
            Row { depth: 0, .. } => b"",
            Row { last: true, .. } => self.pieces.end,
            Row { last: false, .. } => self.pieces.branch,
        };
    }

    /// Adds the line that passes the rows beneath this one.
    fn descend(&mut self, row: &Row) {
        if row.depth > 0 {
            self.trunk.extend_from_slice(if row.last {
                self.pieces.blank
            } else {
                self.pieces.pass
            });
            self.levels.push(self.trunk.len());
        }
    }

    fn cell(&self, out: &mut Vec<u8>, at: usize, cell: CellText) {
        let column = self.look.columns[at];
        let (width, last) = (self.widths[at], at + 1 == self.widths.len());
        let cell = self.shortened(column, cell, width);
        let missing = width.saturating_sub(cell.width as usize);
        if column.layout == Layout::Right {
            out.resize(out.len() + missing, b' ');
        }
        if column.layout == Layout::Tree {
            out.extend_from_slice(&self.trunk);
            out.extend_from_slice(self.branch);
        }
        self.text(out, column, cell.text);
        if last {
            return;
        }
        if cell.width as usize > width && self.look.terminal.is_some() {
            return self.continued(out, at);
        }
        let missing = if column.layout == Layout::Right { 0 } else { missing };
        out.resize(out.len() + missing + 1, b' ');
    }

    fn shortened<'c>(&self, column: &Column, cell: CellText<'c>, width: usize) -> CellText<'c> {
        if self.look.no_truncate || column.layout != Layout::Cut || cell.width as usize <= width {
            return cell;
        }
        let (text, width) = text::cut(cell.text, width);
        CellText { text, width: width as u32 }
    }

    /// A cell that is too long for its column and must not be cut: the row goes on in the next line.
    fn continued(&self, out: &mut Vec<u8>, at: usize) {
        out.push(b'\n');
        let indent = self.widths[..=at].iter().map(|width| width + 1).sum::<usize>();
        out.resize(out.len() + indent, b' ');
    }

    /// The text, as a link to the place it names where that was asked for.
    fn text(&self, out: &mut Vec<u8>, column: &Column, word: &[u8]) {
        let linked =
            self.look.hyperlinks && column.layout == Layout::Tree && word.starts_with(b"/");
        if !linked {
            return out.extend_from_slice(word);
        }
        out.extend_from_slice(b"\x1b]8;;file://");
        text::uri(out, word);
        out.extend_from_slice(b"\x1b\\");
        out.extend_from_slice(word);
        out.extend_from_slice(b"\x1b]8;;\x1b\\");
    }
}
