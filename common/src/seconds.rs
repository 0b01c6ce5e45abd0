//! Spans of time as a person writes them: seconds, with a fraction.

/// Of a second.
pub const NANOSECONDS: i128 = 1_000_000_000;

/// A decimal fraction, without zeros at its end.
#[must_use]
pub fn text(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (whole, part) = (nanoseconds.abs() / NANOSECONDS, nanoseconds.abs() % NANOSECONDS);
    let text = format!("{sign}{whole}.{part:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The nanoseconds of whole seconds, or of a fraction with up to nine digits after its point; none where `text` is
/// another thing.
#[must_use]
pub fn parse(text: &str) -> Option<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let part: i128 = format!("{part:0<9}").parse().ok().filter(|_| is_fraction)?;
    let whole_seconds = i128::from(whole.parse::<i64>().ok()?);
    let part = if whole.starts_with('-') { -part } else { part };
    Some(whole_seconds * NANOSECONDS + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (nanoseconds, fraction) in [
            (0, "0"),
            (5 * NANOSECONDS, "5"),
            (100 * NANOSECONDS, "100"),
            (1, "0.000000001"),
            (-1, "-0.000000001"),
            (-4_500_000_000, "-4.5"),
            (10_120_000_000, "10.12"),
            (i128::from(i64::MIN) * NANOSECONDS, "-9223372036854775808"),
        ] {
            assert_eq!(text(nanoseconds), fraction);
            assert_eq!(parse(fraction), Some(nanoseconds));
        }
        assert_eq!(parse("+5.0"), Some(5 * NANOSECONDS));
    }

    #[test]
    fn what_is_no_number_of_seconds() {
        for text in [
            "",
            ".5",
            "5.",
            "-",
            "1.2.3",
            "1.-2",
            "1.0000000001",
            "1.+2",
            " 1",
            "1e3",
            "9223372036854775808",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
