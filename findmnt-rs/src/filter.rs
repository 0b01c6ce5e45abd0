//! The filter language of `-Q`, as scols-filter(5) describes it.

use std::borrow::Cow;

use common::{Error, Result};
use regex_lite::Regex;

use crate::columns::{self, Cell, Column, ValueType, View};
use crate::table::Mount;

/// An expression over the columns of a mount.
#[derive(Debug)]
pub struct Filter {
    root: Expression,
}

#[derive(Debug)]
enum Expression {
    Value(Operand),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Compare(Box<Expression>, Comparison, Box<Expression>),
    Matches(Box<Expression>, Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone)]
enum Operand {
    Integer(u64),
    Float(f64),
    Text(Vec<u8>),
    Boolean(bool),
    Column(&'static Column),
}

impl std::fmt::Debug for Operand {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Column(column) => f.write_str(column.name),
        }
    }
}

/// An operand's value for one mount.
#[derive(Debug)]
enum Value<'a> {
    Missing,
    Integer(u64),
    Float(f64),
    Text(Cow<'a, [u8]>),
    Boolean(bool),
}

impl Filter {
    /// Parses an expression.
    ///
    /// # Errors
    /// Where it is none: the message names the place.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let root = parser.or()?;
        match parser.token()? {
            None => Ok(Self { root }),
            Some(_) => Err(parser.wrong("an operator is missing")),
        }
    }

    /// What of each mount the filter needs, as statmount(2)'s mask.
    pub fn needs(&self) -> u64 {
        needs(&self.root)
    }

    /// Whether the expression holds for the mount.
    pub fn matches(&self, view: &View, mount: &Mount) -> bool {
        holds(&self.root, view, mount)
    }
}

fn needs(expression: &Expression) -> u64 {
    match expression {
        Expression::Value(Operand::Column(column)) => column.needs,
        Expression::Value(_) => 0,
        Expression::Not(inner) | Expression::Matches(inner, _) => needs(inner),
        Expression::And(all) | Expression::Or(all) => {
            all.iter().map(needs).fold(0, |all, one| all | one)
        }
        Expression::Compare(one, _, other) => needs(one) | needs(other),
    }
}

fn holds(expression: &Expression, view: &View, mount: &Mount) -> bool {
    match expression {
        Expression::Value(operand) => operand.value(view, mount).is_true(),
        Expression::Not(inner) => !holds(inner, view, mount),
        Expression::And(all) => all.iter().all(|one| holds(one, view, mount)),
        Expression::Or(all) => all.iter().any(|one| holds(one, view, mount)),
        Expression::Compare(one, how, other) => {
            let kind = common_kind(one, other);
            compare(&one.value(view, mount), &other.value(view, mount), *how, kind)
        }
        Expression::Matches(inner, regex) => {
            regex.is_match(&String::from_utf8_lossy(&inner.value(view, mount).text()))
        }
    }
}

impl Expression {
    /// Its value, which is true or false where it is more than a single word.
    fn value<'a>(&'a self, view: &'a View, mount: &'a Mount) -> Value<'a> {
        match self {
            Self::Value(operand) => operand.value(view, mount),
            _ => Value::Boolean(holds(self, view, mount)),
        }
    }

    fn kind(&self) -> Type {
        match self {
            Self::Value(operand) => operand.kind(),
            _ => Type::Boolean,
        }
    }

    fn is_column(&self) -> bool {
        matches!(self, Self::Value(Operand::Column(_)))
    }
}

/// The types of scols-filter(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Integer,
    Float,
    Boolean,
}

impl Operand {
    fn kind(&self) -> Type {
        match self {
            Self::Integer(_) => Type::Integer,
            Self::Float(_) => Type::Float,
            Self::Text(_) => Type::Text,
            Self::Boolean(_) => Type::Boolean,
            Self::Column(column) => match column.values {
                ValueType::Text | ValueType::List => Type::Text,
                ValueType::Number | ValueType::Size => Type::Integer,
            },
        }
    }

    fn value<'a>(&'a self, view: &'a View, mount: &'a Mount) -> Value<'a> {
        match self {
            Self::Integer(value) => Value::Integer(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Boolean(value) => Value::Boolean(*value),
            Self::Column(column) => match (column.cell)(view, mount) {
                Cell::None => Value::Missing,
                Cell::Text(text) => Value::Text(text),
                Cell::Number(value) | Cell::Size(value) => Value::Integer(value),
                cell @ (Cell::Options(..) | Cell::Source(..)) => {
                    let mut text = Vec::new();
                    columns::write(&mut text, &cell, false);
                    Value::Text(text.into())
                }
            },
        }
    }
}

/// What both sides of a comparison are taken for: what a written value is rather than what the column
/// is, and of two numbers the float.
fn common_kind(left: &Expression, right: &Expression) -> Type {
    let (one, other) = (left.kind(), right.kind());
    match (one, other) {
        _ if one == other => one,
        (Type::Integer, Type::Float) | (Type::Float, Type::Integer) => Type::Float,
        _ if left.is_column() && !right.is_column() => other,
        _ if right.is_column() && !left.is_column() => one,
        (Type::Boolean, _) | (_, Type::Boolean) => Type::Boolean,
        _ => Type::Text,
    }
}

impl Value<'_> {
    fn is_true(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Integer(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Boolean(value) => *value,
        }
    }

    fn text(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Missing => Cow::Borrowed(b""),
            Self::Integer(value) => Cow::Owned(value.to_string().into_bytes()),
            Self::Float(value) => Cow::Owned(value.to_string().into_bytes()),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Boolean(value) => Cow::Borrowed(if *value { b"true" } else { b"false" }),
        }
    }

    fn integer(&self) -> Option<u64> {
        match self {
            Self::Missing => None,
            Self::Integer(value) => Some(*value),
            Self::Float(value) => Some(*value as u64),
            Self::Boolean(value) => Some(u64::from(*value)),
            Self::Text(text) => {
                let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
                std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
            }
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Text(text) => {
                let number = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
                let digits = text.iter().take_while(number).count();
                std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
            }
            value => value.integer().map(|value| value as f64),
        }
    }
}

/// A missing value is different from every value, and neither less nor greater.
fn compare(one: &Value, other: &Value, how: Comparison, kind: Type) -> bool {
    use std::cmp::Ordering;
    let order = match kind {
        Type::Text => match (one, other) {
            (Value::Missing, _) | (_, Value::Missing) => None,
            _ => Some(one.text().cmp(&other.text())),
        },
        Type::Integer => one.integer().zip(other.integer()).map(|(one, other)| one.cmp(&other)),
        Type::Float => {
            one.float().zip(other.float()).and_then(|(one, other)| one.partial_cmp(&other))
        }
        Type::Boolean => Some(one.is_true().cmp(&other.is_true())),
    };
    match how {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token<'a> {
    Word(&'a [u8]),
    Number(&'a [u8]),
    Text(&'a [u8]),
    Sign(&'static str),
}

/// The signs. Longer ones stand before their prefixes.
const SIGNS: &[&str] = &["&&", "||", "==", "!=", ">=", "<=", "=~", "!~", ">", "<", "!", "(", ")"];

/// The signs that compare, and their names.
const COMPARISONS: &[(&str, &str, Comparison)] = &[
    ("==", "EQ", Comparison::Equal),
    ("!=", "NE", Comparison::NotEqual),
    (">=", "GE", Comparison::GreaterOrEqual),
    ("<=", "LE", Comparison::LessOrEqual),
    (">", "GT", Comparison::Greater),
    ("<", "LT", Comparison::Less),
];

/// The suffixes of sizes, each 1024 times the one before.
const SUFFIXES: &[u8] = b"KMGTPEZY";

/// The deepest nesting of an expression, so that no input overflows the stack.
const DEPTH: usize = 60;

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, reason: &str) -> Error {
        let text = String::from_utf8_lossy(self.text);
        Error::usage(format!("wrong filter '{text}': {reason} at character {}", self.at + 1))
    }

    /// The next token, left in place.
    fn token(&self) -> Result<Option<Token<'a>>> {
        Ok(self.scan()?.map(|(token, _)| token))
    }

    fn advance(&mut self) -> Result<Option<Token<'a>>> {
        let Some((token, end)) = self.scan()? else { return Ok(None) };
        self.at = end;
        Ok(Some(token))
    }

    fn scan(&self) -> Result<Option<(Token<'a>, usize)>> {
        let text = self.text;
        let blank = text[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let start = self.at + blank;
        let rest = &text[start..];
        let run = |part: fn(u8) -> bool| rest.iter().take_while(|&&byte| part(byte)).count();
        Ok(Some(match rest.first() {
            None => return Ok(None),
            Some(&quote @ (b'"' | b'\'')) => {
                let end = |&byte: &u8| byte == quote || byte == b'\n';
                let length = rest[1..].iter().position(end).filter(|&at| rest[1 + at] == quote);
                let length = length.ok_or_else(|| self.wrong("a quote is not closed"))?;
                (Token::Text(&rest[1..=length]), start + length + 2)
            }
            Some(b'0'..=b'9') => {
                let length = run(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
                (Token::Number(&rest[..length]), start + length)
            }
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let length = run(|byte| byte.is_ascii_alphanumeric() || b"_.%:/-".contains(&byte));
                (Token::Word(&rest[..length]), start + length)
            }
            Some(_) => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(sign.as_bytes()));
                let sign = sign.ok_or_else(|| self.wrong("an unknown sign stands"))?;
                (Token::Sign(sign), start + sign.len())
            }
        }))
    }

    /// Skips the next token if it is the sign or its name; returns whether it was.
    fn takes(&mut self, sign: &str, name: &str) -> Result<bool> {
        let found = match self.token()? {
            Some(Token::Sign(found)) => found == sign,
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(name.as_bytes()),
            _ => false,
        };
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn or(&mut self) -> Result<Expression> {
        let mut all = vec![self.and()?];
        while self.takes("||", "OR")? {
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::Or(all) })
    }

    fn and(&mut self) -> Result<Expression> {
        let mut all = vec![self.comparison()?];
        while self.takes("&&", "AND")? {
            all.push(self.comparison()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::And(all) })
    }

    fn comparison(&mut self) -> Result<Expression> {
        let depth = self.depth;
        let mut left = self.single()?;
        loop {
            let before = self.at;
            self.deepen()?;
            for &(sign, name, how) in COMPARISONS {
                if self.takes(sign, name)? {
                    left = Expression::Compare(Box::new(left), how, Box::new(self.single()?));
                    break;
                }
            }
            if self.takes("=~", "")? {
                left = Expression::Matches(Box::new(left), self.regex()?);
            } else if self.takes("!~", "")? {
                let matches = Expression::Matches(Box::new(left), self.regex()?);
                left = Expression::Not(Box::new(matches));
            }
            if self.at == before {
                self.depth = depth;
                return Ok(left);
            }
        }
    }

    fn deepen(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH { Err(self.wrong("the expression nests too deep")) } else { Ok(()) }
    }

    /// Parses a value, an expression in parentheses, or the negation of one of these.
    fn single(&mut self) -> Result<Expression> {
        self.deepen()?;
        let expression = if self.takes("!", "NOT")? {
            Expression::Not(Box::new(self.single()?))
        } else if self.takes("(", "")? {
            let inner = self.or()?;
            if !self.takes(")", "")? {
                return Err(self.wrong("a parenthesis is not closed"));
            }
            inner
        } else {
            Expression::Value(self.operand()?)
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn regex(&mut self) -> Result<Regex> {
        let Some(Token::Text(text)) = self.advance()? else {
            return Err(self.wrong("a regular expression in quotes is missing"));
        };
        let text = std::str::from_utf8(text).ok();
        let regex = text.and_then(|text| Regex::new(text).ok());
        regex.ok_or_else(|| self.wrong("a wrong regular expression ends"))
    }

    fn operand(&mut self) -> Result<Operand> {
        match self.advance()? {
            Some(Token::Text(text)) => Ok(Operand::Text(text.to_vec())),
            Some(Token::Number(number)) => {
                parse_number(number).ok_or_else(|| self.wrong("a wrong number ends"))
            }
            Some(Token::Word(b"true" | b"TRUE")) => Ok(Operand::Boolean(true)),
            Some(Token::Word(b"false" | b"FALSE")) => Ok(Operand::Boolean(false)),
            Some(Token::Word(name)) => match columns::find(name) {
                Some(column) => Ok(Operand::Column(column)),
                None => {
                    let name = String::from_utf8_lossy(name);
                    Err(Error::usage(format!("unknown column in the filter: {name}")))
                }
            },
            _ => Err(self.wrong("a value is missing")),
        }
    }
}

/// `12`, `12K`, `12KiB` or `1.5`.
fn parse_number(text: &[u8]) -> Option<Operand> {
    let text = std::str::from_utf8(text).ok()?;
    if text.contains('.') {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        return text.parse().ok().filter(|_| plain).map(Operand::Float);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let suffix = suffix.strip_suffix("iB").unwrap_or(suffix);
    let power = match suffix.as_bytes() {
        [] if number.len() == text.len() => 0,
        [letter] => SUFFIXES.iter().position(|suffix| suffix == letter)? + 1,
        _ => return None,
    };
    let unit = 1024_u64.checked_pow(power as u32)?;
    number.parse::<u64>().ok()?.checked_mul(unit).map(Operand::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Style;
    use crate::table::random::Random;
    use crate::tags::Tags;

    fn holds(filter: &str) -> bool {
        let text = b"30 22 8:2 /sub /mnt/data rw,noatime shared:3 - ext4 /dev/sda2 rw,x\n";
        let table = crate::mountinfo::parse(text.to_vec());
        let tags = Tags::default();
        let view = View::new(&table, Style::default(), &tags);
        Filter::parse(filter.as_bytes()).unwrap().matches(&view, &table.mounts[0])
    }

    #[test]
    fn expressions() {
        for (filter, result) in [
            ("FSTYPE == \"ext4\"", true),
            ("fstype eq 'ext4'", true),
            ("FSTYPE != 'ext4'", false),
            ("ID == 30", true),
            ("ID > 29 && ID < 31 and PARENT le 22", true),
            ("ID >= 1K", false),
            ("ID < 1KiB", true),
            ("ID > 29.5", true),
            ("ID == '30'", true),
            ("TARGET =~ '^/mnt/'", true),
            ("TARGET !~ \"^/mnt/\"", false),
            ("LABEL", false),
            ("!LABEL", true),
            ("not LABEL and TARGET", true),
            ("LABEL == ''", false),
            ("FREQ < 1", false),
            ("ID == 1 || ID == 30", true),
            ("ID == 1 or ID == 2 and TARGET", false),
            ("(ID == 30 or ID == 2) && !(PARENT == 1)", true),
            ("MAJ:MIN == '8:2'", true),
            ("OPTIONS =~ 'noatime'", true),
            ("true and not FALSE", true),
            ("1 == 1.0", true),
            ("!LABEL == true", true),
            ("not ID == false", true),
            ("(ID == 30) == (PARENT == 22)", true),
            ("(ID == 30) != TRUE", false),
            ("TARGET =~ '^/[[:alpha:]]+/(data|x)$'", true),
            ("FSTYPE =~ 'ext[234]' == true", true),
            ("'b' > 'a'", true),
        ] {
            assert_eq!(holds(filter), result, "{filter}");
        }
    }

    #[test]
    fn wrong_expressions() {
        for (filter, reason) in [
            ("", "a value is missing at character 1"),
            ("ID ==", "a value is missing at character 6"),
            ("ID 1", "an operator is missing at character 3"),
            ("(ID", "a parenthesis is not closed at character 4"),
            ("TARGET =~ ID", "a regular expression in quotes is missing at character 13"),
            ("TARGET =~ '('", "a wrong regular expression ends at character 14"),
            ("TARGET == 'x", "a quote is not closed at character 10"),
            ("ID == 1x", "a wrong number ends at character 9"),
            ("ID == 99Z", "a wrong number ends at character 10"),
            ("ID & 1", "an unknown sign stands at character 3"),
        ] {
            let message = Filter::parse(filter.as_bytes()).unwrap_err().to_string();
            assert_eq!(message, format!("wrong filter '{filter}': {reason}"));
        }
        let message = Filter::parse(b"NOPE == 1").unwrap_err().to_string();
        assert_eq!(message, "unknown column in the filter: NOPE");
    }

    #[test]
    fn deep_nesting_is_refused() {
        for part in ["(", "!", "not ", "1==", "=~'x'"] {
            let start = if part.starts_with('=') { "ID" } else { "" };
            let text = start.to_owned() + &part.repeat(100_000);
            let message = Filter::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains("nests too deep"), "{part}");
        }
    }

    #[test]
    fn rows_of_any_length_are_fine() {
        assert!(holds(&format!("ID == 1{}", " || ID == 30".repeat(20_000))));
        assert!(holds(&format!("ID == 30{}", " && ID == 30".repeat(20_000))));
        assert!(holds(&format!("{}ID == 30{}", "(".repeat(20), ")".repeat(20))));
    }

    #[test]
    fn arbitrary_bytes() {
        let mut random = Random::new(5);
        let words: [&[u8]; 16] = [
            b"ID", b"TARGET", b" ", b"==", b"=~", b"'a'", b"(", b")", b"!", b"and", b"||", b"1K",
            b"1.5", b"'", b"<", b"\xff",
        ];
        for _ in 0..20_000 {
            let count = random.below(10);
            let text: Vec<u8> =
                (0..count).flat_map(|_| words[random.below(words.len())].to_vec()).collect();
            let _ = Filter::parse(&text);
            let _ = Filter::parse(&random.bytes(30, b"ID=~!'\"(&|)<>1.K "));
        }
    }
}
