//! JSON: one document of all mounts, or a line for each.

use common::Result;

use crate::answer::{Answer, Look, Shown, shown};
use crate::columns::{self, Cell, Column, Layout, ValueType};
use crate::output::{Output, blanks};
use crate::text;

/// Writes the document. Objects have children only if the column TARGET is shown, as in util-linux's `findmnt`.
///
/// # Errors
/// Those of write(2).
pub fn write(look: &Look, answers: &[Answer], out: &mut Output) -> Result<()> {
    out.buffer.extend_from_slice(b"{\n   \"filesystems\": [");
    let mut objects = Objects { depth: None };
    let nested = look.columns.iter().any(|column| column.layout == Layout::Tree);
    for row in shown(answers) {
        let depth = if nested { row.row.depth } else { 0 };
        objects.add(look, &row, depth, &mut out.buffer);
        out.advance()?;
    }
    objects.end(&mut out.buffer);
    Ok(())
}

/// Writes a mount as one line.
pub fn line(look: &Look, shown: &Shown, out: &mut Vec<u8>) {
    out.push(b'{');
    members(look, shown, out, None);
    out.extend_from_slice(b"}\n");
}

/// Opens and closes the objects of the tree, according to the depths of the rows.
struct Objects {
    depth: Option<u32>,
}

impl Objects {
    fn add(&mut self, look: &Look, shown: &Shown, depth: u32, out: &mut Vec<u8>) {
        match self.depth {
            None => indent(out, 2),
            Some(above) if depth > above => {
                out.push(b',');
                indent(out, 2 * above as usize + 3);
                out.extend_from_slice(b"\"children\": [");
                indent(out, 2 * depth as usize + 2);
            }
            Some(last) => {
                close(out, last, depth);
                out.push(b',');
            }
        }
        let level = 2 * depth as usize + 3;
        out.push(b'{');
        indent(out, level);
        members(look, shown, out, Some(level));
        self.depth = Some(depth);
    }

    fn end(&self, out: &mut Vec<u8>) {
        if let Some(depth) = self.depth {
            close(out, depth, 0);
            indent(out, 1);
        }
        out.extend_from_slice(b"]\n}\n");
    }
}

/// Closes the objects from `depth` down to `to`.
fn close(out: &mut Vec<u8>, depth: u32, to: u32) {
    for depth in (to..=depth).rev() {
        indent(out, 2 * depth as usize + 2);
        out.push(b'}');
        if depth > to {
            indent(out, 2 * depth as usize + 1);
            out.push(b']');
        }
    }
}

fn indent(out: &mut Vec<u8>, level: usize) {
    out.push(b'\n');
    blanks(out, 3 * level);
}

/// Writes the members of a mount's object: one a line, indented by `level`, or all on one line without it.
fn members(look: &Look, shown: &Shown, out: &mut Vec<u8>, level: Option<usize>) {
    let mut value = Vec::new();
    for (at, column) in look.columns.iter().enumerate() {
        if at > 0 {
            out.push(b',');
            match level {
                Some(level) => indent(out, level),
                None => out.push(b' '),
            }
        }
        text::json(out, column.key(look.shell).to_ascii_lowercase().as_bytes());
        out.extend_from_slice(b": ");
        let cell = shown.cell(column);
        value.clear();
        columns::write(&mut value, &cell, look.bytes);
        write_value(look, column, &cell, &value, out, level);
    }
}

fn write_value(
    look: &Look,
    column: &Column,
    cell: &Cell,
    value: &[u8],
    out: &mut Vec<u8>,
    level: Option<usize>,
) {
    let is_number =
        column.values == ValueType::Number || column.values == ValueType::Size && look.bytes;
    match cell {
        Cell::None if column.values == ValueType::List => out.extend_from_slice(b"[]"),
        Cell::None => out.extend_from_slice(b"null"),
        _ if is_number => out.extend_from_slice(value),
        _ if column.values == ValueType::List => {
            out.push(b'[');
            for (place, part) in value.split(|&byte| byte == b'\n').enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                if let Some(level) = level {
                    indent(out, level);
                    blanks(out, 4);
                }
                text::json(out, part);
            }
            if let Some(level) = level {
                indent(out, level);
            }
            out.push(b']');
        }
        _ => text::json(out, value),
    }
}
