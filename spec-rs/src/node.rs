//! A value on its way into the model: each accessor takes one type, and records a fault with the path
//! of the value where it is of another one, so that all faults of a file are found in one go.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;

use crate::json::Value;
use crate::path::Path;

/// A property of an object `T`: its name, and what its value does to the `T`. Every object of the
/// specification has a table of these, and it is the only place that knows the names.
pub struct Row<T: 'static> {
    name: &'static str,
    read: fn(&mut T, Node),
    word: Option<&'static str>,
}

/// A row.
pub const fn row<T>(name: &'static str, read: fn(&mut T, Node)) -> Row<T> {
    Row { name, read, word: None }
}

/// A row, with the word of the line that acts on the property, and on all below it that name no other.
pub const fn row_by<T>(name: &'static str, word: &'static str, read: fn(&mut T, Node)) -> Row<T> {
    Row { name, read, word: Some(word) }
}

pub const U16: RangeInclusive<i128> = 0..=u16::MAX as i128;
pub const U32: RangeInclusive<i128> = 0..=u32::MAX as i128;
pub const U64: RangeInclusive<i128> = 0..=u64::MAX as i128;
pub const I32: RangeInclusive<i128> = i32::MIN as i128..=i32::MAX as i128;
pub const I64: RangeInclusive<i128> = i64::MIN as i128..=i64::MAX as i128;

/// The ids of users and groups: the highest number of 32 bits means "no id".
pub const IDS: RangeInclusive<i128> = 0..=u32::MAX as i128 - 1;

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub path: String,
    pub reason: String,
}

/// What becomes of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Read,
    /// Refused where it asks for something.
    Refused,
    /// It means nothing here, for this reason.
    Meaningless(&'static str),
}

/// A row of a table, as the list of all properties has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    pub path: String,
    pub status: Status,
    pub word: Option<&'static str>,
}

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Log {
    faults: RefCell<Vec<Fault>>,
    /// Properties that the specification does not know.
    unknown: RefCell<Vec<String>>,
    warnings: RefCell<Vec<Fault>>,
    /// What the configuration holds that has no effect.
    notes: RefCell<Vec<Fault>>,
    /// All rows of all tables.
    properties: RefCell<Vec<Property>>,
}

impl Log {
    /// The faults of another one alone.
    pub fn of_faults(other: &Self) -> Self {
        Self { faults: other.faults.clone(), ..Self::default() }
    }

    pub fn fault(&self, path: impl fmt::Display, reason: impl Into<String>) {
        push(&self.faults, path, reason);
    }

    /// Whether something is wrong at this path. It is asked for what was read just now, so that many faults
    /// take no time that grows with their square.
    pub fn has(&self, path: &str) -> bool {
        const LAST: usize = 1000;
        self.faults.borrow().iter().rev().take(LAST).any(|fault| fault.path == path)
    }

    /// Whether something is wrong at this path, or with an element there.
    pub fn has_below(&self, path: &str) -> bool {
        self.faults.borrow().iter().any(|fault| fault.path.starts_with(path))
    }

    pub fn warn(&self, path: impl fmt::Display, reason: impl Into<String>) {
        push(&self.warnings, path, reason);
    }

    pub fn note(&self, path: impl fmt::Display, reason: impl Into<String>) {
        push(&self.notes, path, reason);
    }

    pub fn faults(&self) -> Vec<Fault> {
        self.faults.borrow().clone()
    }

    pub fn warnings(&self) -> Vec<Fault> {
        self.warnings.borrow().clone()
    }

    pub fn notes(&self) -> Vec<Fault> {
        self.notes.borrow().clone()
    }

    pub fn unknown(&self) -> Vec<String> {
        self.unknown.borrow().clone()
    }
}

fn push(list: &RefCell<Vec<Fault>>, path: impl fmt::Display, reason: impl Into<String>) {
    list.borrow_mut().push(Fault { path: path.to_string(), reason: reason.into() });
}

/// A value, or the place of one in the list of all properties.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    value: Option<&'a Value>,
    path: &'a Path<'a>,
    log: &'a Log,
}

impl<'a> Node<'a> {
    pub fn new(value: &'a Value, log: &'a Log) -> Self {
        well_formed(value, &Path::Root, log);
        Self { value: Some(value), path: &Path::Root, log }
    }

    /// A value that stands in no file.
    pub fn of_option(value: &'a Value, option: &'static Path<'static>, log: &'a Log) -> Self {
        well_formed(value, option, log);
        Self { value: Some(value), path: option, log }
    }

    /// All properties that `rows` and the tables below know, without the types of objects.
    #[cfg(test)]
    pub fn properties<T: Default>(rows: &[Row<T>]) -> Vec<Property> {
        let log = Log::default();
        Node { value: None, path: &Path::Root, log: &log }.object(rows);
        log.properties.into_inner()
    }

    pub fn log(&self) -> &'a Log {
        self.log
    }

    pub fn path(&self) -> String {
        self.path.to_string()
    }

    pub fn fault(&self, reason: impl Into<String>) {
        self.log.fault(self.path, reason);
    }

    pub fn warn(&self, reason: impl Into<String>) {
        self.log.warn(self.path, reason);
    }

    /// The member `name` must be there. Where it is of a wrong type, that has been said.
    pub fn demand(&self, was_read: bool, name: &str) {
        let path = Path::Member(self.path, name);
        if !was_read && self.value.is_some() && !self.log.has(&path.to_string()) {
            self.log.fault(path, "is missing");
        }
    }

    pub fn member_fault(&self, name: &str, reason: impl Into<String>) {
        self.log.fault(Path::Member(self.path, name), reason);
    }

    /// Whether it is an object or array that holds nothing.
    pub fn is_empty(&self) -> bool {
        match self.value {
            Some(Value::Object(members)) => members.is_empty(),
            Some(Value::Array(array)) => array.is_empty(),
            _ => false,
        }
    }

    pub fn is_empty_text(&self) -> bool {
        matches!(self.value, Some(Value::Text(text)) if text.is_empty())
    }

    pub fn text(&self) -> Option<String> {
        match self.value? {
            Value::Text(text) => Some(text.clone()),
            _ => self.must_be("a string"),
        }
    }

    pub fn flag(&self) -> Option<bool> {
        match self.value? {
            Value::Flag(flag) => Some(*flag),
            _ => self.must_be("true or false"),
        }
    }

    /// A whole number in `range`.
    pub fn number(&self, range: &RangeInclusive<i128>) -> Option<i128> {
        match self.value? {
            Value::Whole(number) if range.contains(number) => Some(*number),
            Value::Whole(_) | Value::Real(_) => {
                let (low, high) = range.clone().into_inner();
                self.must_be(&format!("a whole number from {low} to {high}"))
            }
            _ => self.must_be("a number"),
        }
    }

    pub fn is_array(&self) -> bool {
        matches!(self.value, Some(Value::Array(_)))
    }

    /// Each element of an array.
    pub fn each(&self, mut read: impl FnMut(Node)) {
        let array = match self.value {
            Some(Value::Array(array)) => array,
            Some(_) => return self.must_be("an array").unwrap_or_default(),
            None => return read(Node { path: &Path::Any(self.path), ..*self }),
        };
        for (index, value) in array.iter().enumerate() {
            let element =
                Node { value: Some(value), path: &Path::Element(self.path, index), ..*self };
            match value {
                Value::Null => element.fault("must not be null"),
                _ => read(element),
            }
        }
    }

    /// An object by its table; none where the value is another thing.
    pub fn object<T: Default>(&self, rows: &[Row<T>]) -> Option<T> {
        let mut object = T::default();
        let members = match self.value {
            Some(Value::Object(members)) => members,
            Some(_) => return self.must_be("an object"),
            None => {
                self.list(rows, &mut object);
                return None;
            }
        };
        for (name, value) in members {
            let path = Path::Member(self.path, name);
            match rows.iter().find(|row| row.name == name) {
                None => self.log.unknown.borrow_mut().push(path.to_string()),
                Some(_) if *value == Value::Null => {}
                Some(row) => {
                    (row.read)(&mut object, Node { value: Some(value), path: &path, ..*self });
                }
            }
        }
        Some(object)
    }

    /// The members of an object whose names are free.
    pub fn members(&self, mut read: impl FnMut(&str, Node)) {
        let members = match self.value {
            Some(Value::Object(members)) => members,
            Some(_) => return self.must_be("an object").unwrap_or_default(),
            None => return read("*", Node { path: &Path::Member(self.path, "*"), ..*self }),
        };
        for (name, value) in members {
            let member = Node { value: Some(value), path: &Path::Member(self.path, name), ..*self };
            match value {
                Value::Null => member.fault("must not be null"),
                _ => read(name, member),
            }
        }
    }

    /// The checks are for what is only looked at.
    pub fn check_text(&self) {
        self.text();
    }

    pub fn check_texts(&self) {
        self.each(|node| node.check_text());
    }

    pub fn check_flag(&self) {
        self.flag();
    }

    /// The property is not supported: a fault, unless its value asks for `nothing`.
    pub fn refuse(&self, nothing: bool) {
        self.mark(Status::Refused);
        if self.value.is_some() && !nothing {
            self.fault("is not supported");
        }
    }

    pub fn refuse_array(&self, read: impl FnMut(Node)) {
        self.refuse(!matches!(self.value, Some(Value::Array(array)) if !array.is_empty()));
        self.each(read);
    }

    pub fn refuse_object<T: Default>(&self, rows: &[Row<T>]) {
        self.refuse(!matches!(self.value, Some(Value::Object(members)) if !members.is_empty()));
        self.object(rows);
    }

    /// Refused, unless it is one of the texts that ask for nothing.
    pub fn refuse_text(&self, nothing: &[&str]) {
        let text = self.text();
        self.refuse(text.is_none_or(|text| nothing.contains(&text.as_str())));
    }

    /// Refused, unless it is in `nothing`.
    pub fn refuse_number(&self, range: &RangeInclusive<i128>, nothing: &RangeInclusive<i128>) {
        let number = self.number(range);
        self.refuse(number.is_none_or(|number| nothing.contains(&number)));
    }

    pub fn meaningless(&self, why: &'static str) {
        self.mark(Status::Meaningless(why));
    }

    fn must_be<T>(&self, what: &str) -> Option<T> {
        self.fault(format!("must be {what}"));
        None
    }

    /// Notes every row, and what is below it.
    fn list<T>(&self, rows: &[Row<T>], object: &mut T) {
        for row in rows {
            let path = Path::Member(self.path, row.name);
            self.log.properties.borrow_mut().push(Property {
                path: path.to_string(),
                status: Status::Read,
                word: row.word,
            });
            (row.read)(object, Node { path: &path, ..*self });
        }
    }

    /// In the list of all properties.
    fn mark(&self, status: Status) {
        if self.value.is_none() {
            let path = self.path.to_string();
            let mut properties = self.log.properties.borrow_mut();
            if let Some(entry) = properties.iter_mut().rfind(|listed| listed.path == path) {
                entry.status = status;
            }
        }
    }
}

/// What no JSON of a configuration may hold, at any depth: two members of one name, and a NUL.
fn well_formed(value: &Value, path: &Path, log: &Log) {
    match value {
        Value::Text(text) if text.contains('\0') => log.fault(path, "holds a NUL character"),
        Value::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                well_formed(value, &Path::Element(path, index), log);
            }
        }
        Value::Object(members) => {
            let mut names = HashSet::new();
            for (index, (name, value)) in members.iter().enumerate() {
                let path = Path::Member(path, name);
                if name.contains('\0') {
                    log.fault(path, "has a NUL character in its name");
                }
                let is_second = match members.len() {
                    // For the few members that an object has as a rule, to look is faster than to hash.
                    ..=16 => members[..index].iter().any(|(other, _)| other == name),
                    _ => !names.insert(name),
                };
                if is_second {
                    log.fault(path, "is a duplicate key");
                }
                well_formed(value, &path, log);
            }
        }
        _ => {}
    }
}
