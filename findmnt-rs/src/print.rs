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

/// The rows of one table.
pub struct Section<'a> {
    pub view: &'a View<'a>,
    pub rows: Vec<Row>,
}

impl Look {
    /// Writes all sections as one answer.
    pub fn write(&self, sections: &[Section], out: &mut Output) -> Result<()> {
        match self.form {
            Form::Table => self.write_table(sections, out)?,
            Form::Raw => self.write_raw(sections, out)?,
            Form::Pairs => self.write_each(sections, out, Self::pairs)?,
            Form::Null => self.write_each(sections, out, Self::nulls)?,
            Form::Json => self.write_json(sections, out)?,
        }
        out.flush()
    }

    fn write_each(
        &self,
        sections: &[Section],
        out: &mut Output,
        write: impl Fn(&Self, &View, &Row, &mut Vec<u8>),
    ) -> Result<()> {
        for section in sections {
            for row in &section.rows {
                write(self, section.view, row, &mut out.buffer);
                out.advance()?;
            }
        }
        Ok(())
    }

    /// The values of a row as bytes.
    fn values<'v>(
        &self,
        view: &'v View,
        row: &Row,
    ) -> impl Iterator<Item = (&'static Column, Vec<u8>)> + 'v {
        let mount = &view.table.mounts[row.mount as usize];
        let (columns, bytes) = (self.columns.clone(), self.bytes);
        columns.into_iter().map(move |column| {
            let mut value = Vec::new();
            columns::write(&mut value, &(column.cell)(view, mount), bytes);
            (column, value)
        })
    }

    fn pairs(&self, view: &View, row: &Row, out: &mut Vec<u8>) {
        for (column, value) in self.values(view, row) {
            out.extend_from_slice(column.key(self.shell).as_bytes());
            out.extend_from_slice(b"=\"");
            text::quoted(out, &value);
            out.extend_from_slice(b"\" ");
        }
        end_line(out);
    }

    fn nulls(&self, view: &View, row: &Row, out: &mut Vec<u8>) {
        for (_, value) in self.values(view, row) {
            out.extend_from_slice(&value);
            out.push(0);
        }
    }

    fn write_raw(&self, sections: &[Section], out: &mut Output) -> Result<()> {
        if !self.no_headings {
            for column in &self.columns {
                text::raw(&mut out.buffer, column.key(self.shell).as_bytes());
                out.buffer.push(b' ');
            }
            end_line(&mut out.buffer);
        }
        self.write_each(sections, out, |look, view, row, out| {
            for (_, value) in look.values(view, row) {
                text::raw(out, &value);
                out.push(b' ');
            }
            end_line(out);
        })
    }

    fn write_table(&self, sections: &[Section], out: &mut Output) -> Result<()> {
        let cells = self.cells(sections);
        let rows = sections.iter().flat_map(|section| &section.rows);
        let widths = self.widths(&cells);
        let mut line = Line::new(self, &widths);
        if !self.no_headings {
            line.heading(&mut out.buffer);
        }
        for (row, cells) in rows.zip(cells.rows()) {
            line.row(&mut out.buffer, row, cells);
            out.advance()?;
        }
        Ok(())
    }

    /// Every cell as text for a table, and its width.
    fn cells(&self, sections: &[Section]) -> Cells {
        let count = sections.iter().map(|section| section.rows.len()).sum::<usize>();
        let mut cells = Cells::new(self.columns.len(), count);
        let mut value = Vec::new();
        for section in sections {
            for row in &section.rows {
                let mount = &section.view.table.mounts[row.mount as usize];
                for column in &self.columns {
                    match (column.cell)(section.view, mount) {
                        Cell::Text(word) => cells.push(&word, self.utf8),
                        Cell::None => cells.push(b"", self.utf8),
                        cell => {
                            value.clear();
                            columns::write(&mut value, &cell, self.bytes);
                            cells.push(&value, self.utf8);
                        }
                    }
                    if column.layout == Layout::Tree {
                        cells.widen(2 * row.depth as usize);
                    }
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

    fn write_json(&self, sections: &[Section], out: &mut Output) -> Result<()> {
        let buffer = &mut out.buffer;
        buffer.extend_from_slice(b"{\n   \"filesystems\": [");
        let mut json = Json { depth: None };
        // As in the classic, it is the mountpoint that has children.
        let nested = self.columns.iter().any(|column| column.layout == Layout::Tree);
        for section in sections {
            for row in &section.rows {
                let row = if nested { *row } else { Row::flat(row.mount as usize) };
                json.row(self, section.view, &row, &mut out.buffer);
                out.advance()?;
            }
        }
        json.end(&mut out.buffer);
        Ok(())
    }

    /// The members of one mount's object, without the braces.
    pub fn json_members(&self, view: &View, row: &Row, out: &mut Vec<u8>, separator: &[u8]) {
        let mount = &view.table.mounts[row.mount as usize];
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
                out.extend_from_slice(separator);
            }
            text::json(out, column.key(self.shell).to_ascii_lowercase().as_bytes());
            out.extend_from_slice(b": ");
            self.json_value(column, &(column.cell)(view, mount), out, separator);
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
                out.extend_from_slice(if separator.is_empty() { b"" } else { b"    " });
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
    fn row(&mut self, look: &Look, view: &View, row: &Row, out: &mut Vec<u8>) {
        match self.depth {
            None => indent(out, 2),
            Some(depth) if row.depth > depth => {
                out.push(b',');
                indent(out, 2 * depth as usize + 3);
                out.extend_from_slice(b"\"children\": [");
                indent(out, 2 * row.depth as usize + 2);
            }
            Some(depth) => {
                self.close(out, depth, row.depth);
                out.push(b',');
            }
        }
        out.push(b'{');
        let mut separator = Vec::new();
        indent(&mut separator, 2 * row.depth as usize + 3);
        out.extend_from_slice(&separator);
        look.json_members(view, row, out, &separator);
        self.depth = Some(row.depth);
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
        if cell.width as usize > width {
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
