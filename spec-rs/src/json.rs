//! JSON as it stands in the file: the order of the members is kept, and so are members of the same name.

use std::fmt;

use serde_core::Deserialize;
use serde_core::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Flag(bool),
    Whole(i128),
    /// A number with a fraction or an exponent, or one beyond 64 bits.
    Real(f64),
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Reads the one value that `bytes` hold.
///
/// # Errors
/// The reason, for a person.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| format!("it is not UTF-8: byte {} is wrong", e.valid_up_to() + 1))?;
    if text.trim_ascii().is_empty() {
        return Err("it is empty".into());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value =
        Value::deserialize(&mut deserializer).map_err(|e| format!("it is not JSON: {e}"))?;
    match deserializer.end() {
        Ok(()) => Ok(value),
        Err(e) => Err(format!("it is not JSON: {e}")),
    }
}

/// `text` as a string of JSON, with the escapes of Go's encoder, as other runtimes print it. A byte that is not UTF-8
/// becomes U+FFFD.
pub fn string(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..=' ' if c != ' ' => out.push_str(&escape(c)),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&escape(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn escape(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Real(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value() {
        let text = br#" {"a": [null, true, -1, 18446744073709551615, 1.0, "\u0041"], "a": {}} "#;
        let array = vec![
            Value::Null,
            Value::Flag(true),
            Value::Whole(-1),
            Value::Whole(u64::MAX.into()),
            Value::Real(1.0),
            Value::Text("A".into()),
        ];
        let object = vec![
            ("a".to_owned(), Value::Array(array)),
            ("a".to_owned(), Value::Object(Vec::new())),
        ];
        assert_eq!(parse(text), Ok(Value::Object(object)));
    }

    #[test]
    fn strings_as_go_writes_them() {
        for (text, want) in [
            (&b"a/b"[..], r#""a/b""#),
            (b"\"\\\n\r\t\x08\x1b\0\x7f", "\"\\\"\\\\\\n\\r\\t\\u0008\\u001b\\u0000\x7f\""),
            (b"<&>\xe2\x80\xa8\xff", "\"\\u003c\\u0026\\u003e\\u2028\u{fffd}\""),
        ] {
            assert_eq!(string(text), want);
            assert!(matches!(parse(string(text).as_bytes()), Ok(Value::Text(_))));
        }
    }

    #[test]
    fn texts_that_are_not_json() {
        for (text, reason) in [
            (&b""[..], "it is empty"),
            (b" \n", "it is empty"),
            (b"{", "it is not JSON: EOF"),
            (b"{} {}", "it is not JSON: trailing characters"),
            (b"\"\xff\"", "it is not UTF-8: byte 2"),
            (b"\"\\ud800\"", "it is not JSON: "),
            (b"1e999", "it is not JSON: number out of range"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn deep_nesting_ends_in_an_error() {
        let text = "[".repeat(1_000_000);
        assert!(parse(text.as_bytes()).unwrap_err().contains("recursion limit exceeded"));
        assert!(parse(format!("{}{}", "[".repeat(100), "]".repeat(100)).as_bytes()).is_ok());
    }
}
