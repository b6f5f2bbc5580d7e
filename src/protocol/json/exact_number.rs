//! Numbers that `serde_json::Value` does not keep digit by digit: integers beyond 64 bits, long fractions.
//!
//! Both tools use far more digits. Such a number passes through a `Value` as a marked string. It becomes a number
//! again when JSON is written for a tool or shown to a user.

use std::borrow::Cow;

/// Prefix of a string that represents a number: a private-use character, then a word.
const MARK: &str = "\u{f8ff}number:";
/// Largest number of digits that every number with a fraction or an exponent keeps.
const SAFE_DIGITS: usize = 15;

/// Replaces numbers that a `Value` would change by marked strings.
pub(crate) fn protect(json: &str) -> Cow<'_, str> {
    let mut written = String::new();
    let mut done = 0;
    for (start, end) in Numbers::of(json) {
        let number = &json[start..end];
        if !is_exact(number) && is_number(number) {
            written.push_str(&json[done..start]);
            written.extend(["\"", MARK, number, "\""]);
            done = end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(json);
    }
    written.push_str(&json[done..]);
    Cow::Owned(written)
}

/// Turns marked strings back into numbers.
pub(crate) fn restore(json: &str) -> Cow<'_, str> {
    let begin = format!("\"{MARK}");
    let mut written = String::new();
    let mut done = 0;
    for (start, _) in json.match_indices(&begin) {
        let from = &json[start + begin.len()..];
        let Some((number, after)) = from.split_once('"') else {
            continue;
        };
        let is_name = after.trim_start().starts_with(':');
        if start >= done && is_number(number) && !is_name {
            written.push_str(&json[done..start]);
            written.push_str(number);
            done = start + begin.len() + number.len() + 1;
        }
    }
    if done == 0 {
        return Cow::Borrowed(json);
    }
    written.push_str(&json[done..]);
    Cow::Owned(written)
}

/// Returns the digits of a marked string, or `None` for any other string.
pub(crate) fn digits(text: &str) -> Option<&str> {
    text.strip_prefix(MARK).filter(|number| is_number(number))
}

/// Returns whether a JSON number keeps its digits when it passes through a `Value`.
fn is_exact(number: &str) -> bool {
    if !number.contains(['.', 'e', 'E']) {
        return number.len() <= SAFE_DIGITS
            || number.parse::<i64>().is_ok()
            || number.parse::<u64>().is_ok();
    }
    let Ok(value) = number.parse::<f64>() else {
        return true;
    };
    // Formatted as a `Value` formats it: where two shortest forms are equally near, other formatters may choose the
    // other one.
    serde_json::Number::from_f64(value)
        .is_some_and(|written| decimal(number) == decimal(&written.to_string()))
}

/// Returns the sign, the digits without leading and trailing zeros, and the exponent of the first digit.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let zeros = all.len() - significant.len();
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        return Some((is_negative, String::new(), 0));
    }
    let first = i64::try_from(whole.len()).ok()? - i64::try_from(zeros).ok()?;
    Some((is_negative, digits.to_owned(), exponent.checked_add(first)?))
}

/// Returns whether the text is a number in the grammar of JSON.
fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(are_digits)
        && exponent.is_none_or(|it| are_digits(it.strip_prefix(['+', '-']).unwrap_or(it)))
}

/// Iterates over the positions of numbers in a JSON text, outside of its strings.
struct Numbers<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Numbers<'a> {
    const fn of(json: &'a str) -> Self {
        Self {
            json: json.as_bytes(),
            at: 0,
        }
    }

    /// Advances to the end of the string that begins here.
    fn pass_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.json.get(self.at) {
            self.at += match byte {
                b'\\' => 2,
                b'"' => {
                    self.at += 1;
                    return;
                }
                _ => 1,
            };
        }
    }
}

impl Iterator for Numbers<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        loop {
            match self.json.get(self.at)? {
                b'"' => self.pass_string(),
                b'-' | b'0'..=b'9' => {
                    let start = self.at;
                    let is_of_number =
                        |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                    let len = self.json[start..].iter().take_while(is_of_number).count();
                    self.at += len;
                    return Some((start, start + len));
                }
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn numbers_keep_their_digits_through_a_value() {
        let table = [
            "104567890123456789012",
            "-104567890123456789012",
            "18446744073709551615",
            "18446744073709551616",
            "9223372036854775807",
            "3.14159265358979323846",
            "1.5",
            "100000000000000000000000",
            "1e400",
            "0",
        ];
        for number in table {
            let json = format!("{{\"a\":[{number},\"{number}\"],\"{number}\":null}}");
            let value: Value = serde_json::from_str(&protect(&json)).unwrap();
            let written = serde_json::to_string(&value).unwrap();
            let restored = restore(&written);
            assert!(restored.contains(&format!("[{number},")), "{restored}");
        }
    }

    #[test]
    fn what_a_value_holds_is_left_alone() {
        for json in [
            "{\"a\":1,\"b\":-2.5e3,\"c\":0.1,\"d\":18446744073709551615,\"e\":1.0,\"f\":0.30000000000000004}",
            "{\"g\":-1453636735469700.2}",
            "\"104567890123456789012\"",
            "\"a\\\"104567890123456789012\"",
            "[1,",
            "\"",
            "\"\\",
            "--104567890123456789012",
        ] {
            assert_eq!(protect(json), json);
            assert_eq!(restore(json), json);
        }
    }

    #[test]
    fn only_a_marked_number_is_one() {
        let marked = |text: &str| format!("{MARK}{text}");
        assert_eq!(digits(&marked("12")), Some("12"));
        for text in ["", "1,2", "01", "1.", "+1", "0x1", "NaN"] {
            assert_eq!(digits(&marked(text)), None, "{text}");
            let json = format!("\"{}\"", marked(text));
            assert_eq!(restore(&json), json);
        }
        let name = format!("{{\"{}\": 1}}", marked("12"));
        assert_eq!(restore(&name), name);
        assert_eq!(digits("12"), None);
    }
}
