//! Parses escaped characters: escapes of JSON, of shells, of HTML.

use super::percent::digit;

/// Longest run of backslashes that counts as one escape.
const MAX_SLASHES: usize = 32;
/// Longest HTML character reference, in bytes.
const MAX_REFERENCE_BYTES: usize = 10;

/// The result of parsing an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// A character or a byte, and the length of its escape.
    Spelled(Spelled, usize),
    /// Not an escape.
    None,
    /// The text ends too early to decide.
    Cut,
}

/// A character in UTF-8, or one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelled {
    bytes: [u8; 4],
    len: usize,
}

impl Spelled {
    fn of_char(code: u32) -> Option<Self> {
        let c = char::from_u32(code)?;
        let mut bytes = [0; 4];
        let len = c.encode_utf8(&mut bytes).len();
        // Patterns contain a space for any white space.
        if c.is_ascii_whitespace() {
            bytes[0] = b' ';
        }
        Some(Self { bytes, len })
    }

    fn of_byte(byte: u8) -> Self {
        Self {
            bytes: [
                if byte.is_ascii_whitespace() {
                    b' '
                } else {
                    byte
                },
                0,
                0,
                0,
            ],
            len: 1,
        }
    }

    /// Interprets a byte as a character code, as in Python's `ascii()`.
    pub(super) fn as_code_of_char(&self) -> Option<Self> {
        match self.bytes() {
            [byte] if !byte.is_ascii() => Self::of_char(u32::from(*byte)),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Returns the number of backslashes at the start of a text.
pub(super) fn slashes(text: &[u8]) -> usize {
    let slashes = text.iter().take(MAX_SLASHES);
    slashes.take_while(|&&byte| byte == b'\\').count()
}

/// Parses an escape that begins with backslashes: of JSON, Go, C and shells, escaped any number of times.
pub(super) fn backslashed(text: &[u8]) -> Escape {
    let slashes = slashes(text);
    let rest = &text[slashes..];
    let at = |spelled: Option<Spelled>, len: usize| {
        spelled.map_or(Escape::None, |it| Escape::Spelled(it, slashes + len))
    };
    match rest {
        [] => Escape::Cut,
        [b'u', b'{', rest @ ..] => braced(rest, slashes),
        [b'u', digits @ ..] => match hex(digits, 4) {
            Number::Is(unit @ 0xd800..=0xdbff) => low_surrogate(unit, &rest[5..], slashes + 5),
            Number::Is(code) => at(Spelled::of_char(code), 5),
            Number::Not => Escape::None,
            Number::Cut => Escape::Cut,
        },
        [b'U', digits @ ..] => match hex(digits, 8) {
            Number::Is(code) => at(Spelled::of_char(code), 9),
            Number::Not => Escape::None,
            Number::Cut => Escape::Cut,
        },
        [b'x', b'{', rest @ ..] => braced(rest, slashes),
        [b'x', digits @ ..] => match hex(digits, 2) {
            Number::Is(code) => at(u8::try_from(code).ok().map(Spelled::of_byte), 3),
            Number::Not => Escape::None,
            Number::Cut => Escape::Cut,
        },
        [b'b', ..] => at(Some(Spelled::of_byte(8)), 1),
        [b'0'..=b'3', digits @ ..] => {
            let is_octal = |it: &u8| (b'0'..=b'7').contains(it);
            let count = digits.iter().take(2).take_while(|it| is_octal(it)).count();
            match digits {
                [middle, low, ..] if count == 2 => {
                    let byte = (rest[0] - b'0') << 6 | (middle - b'0') << 3 | (low - b'0');
                    at(Some(Spelled::of_byte(byte)), 3)
                }
                _ if count == digits.len() => Escape::Cut,
                _ => Escape::None,
            }
        }
        [b'f' | b'v', ..] => at(Some(Spelled::of_byte(b' ')), 1),
        [byte, ..] if *byte == b' ' || (byte.is_ascii_punctuation() && *byte != b'\\') => {
            at(Some(Spelled::of_byte(*byte)), 1)
        }
        _ => Escape::None,
    }
}

/// Parses the second half of a character outside of the basic plane: `\ud83d\ude00`.
fn low_surrogate(high: u32, rest: &[u8], len: usize) -> Escape {
    let slashes = slashes(rest);
    let digits = match &rest[slashes..] {
        [] => return Escape::Cut,
        [b'u', digits @ ..] if slashes > 0 => digits,
        _ => return Escape::None,
    };
    match hex(digits, 4) {
        Number::Is(low @ 0xdc00..=0xdfff) => {
            let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            Spelled::of_char(code).map_or(Escape::None, |it| Escape::Spelled(it, len + slashes + 5))
        }
        Number::Is(_) | Number::Not => Escape::None,
        Number::Cut => Escape::Cut,
    }
}

/// `\u{1f600}`, of JavaScript and Rust, and `\x{1f600}`, of Perl.
fn braced(digits: &[u8], slashes: usize) -> Escape {
    let count = digits
        .iter()
        .take(7)
        .take_while(|it| digit(**it).is_some())
        .count();
    match (digits.get(count), hex(digits, count)) {
        (None, _) if count < 7 => Escape::Cut,
        (Some(b'}'), Number::Is(code)) if count > 0 => Spelled::of_char(code)
            .map_or(Escape::None, |it| Escape::Spelled(it, slashes + 3 + count)),
        _ => Escape::None,
    }
}

/// Parses what shells write for an apostrophe between apostrophes, `'\''` or `'"'"'`, also if its backslash and its
/// quotes are escaped again, as in JSON.
pub(super) fn shell_apostrophe(text: &[u8]) -> Escape {
    let slashes = slashes(&text[1..]);
    let escape = &text[1..=slashes];
    let is_escaped = slashes > 0 || text.len() == 1;
    let escaped = [b"'", escape, b"''"];
    let quoted = [b"'", escape, b"\"'", escape, b"\"'"];
    let may_be = [is_escaped.then_some(&escaped[..]), Some(&quoted[..])];
    for parts in may_be.into_iter().flatten() {
        match beginning(text, parts) {
            Beginning::Is(len) => return Escape::Spelled(Spelled::of_byte(b'\''), len),
            Beginning::Not => {}
            Beginning::Cut => return Escape::Cut,
        }
    }
    Escape::None
}

/// Whether a text begins with another one.
enum Beginning {
    /// The length of the other text.
    Is(usize),
    Not,
    /// The text ends too early to decide.
    Cut,
}

/// Compares the beginning of a text with several parts in a row.
fn beginning(text: &[u8], parts: &[&[u8]]) -> Beginning {
    let mut rest = text;
    for part in parts {
        match rest.strip_prefix(*part) {
            Some(after) => rest = after,
            None if part.starts_with(rest) => return Beginning::Cut,
            None => return Beginning::Not,
        }
    }
    Beginning::Is(text.len() - rest.len())
}

/// Returns the character that only YAML spells by a backslash and this one.
pub(super) const fn of_yaml(byte: u8) -> Option<&'static str> {
    match byte {
        b'N' => Some("\u{85}"),
        b'_' => Some("\u{a0}"),
        b'L' => Some("\u{2028}"),
        b'P' => Some("\u{2029}"),
        _ => None,
    }
}

/// Most apostrophes that a shell writes at once.
pub(super) const MAX_APOSTROPHES: usize = 16;

/// Returns the number of apostrophes that dash writes between apostrophes as `'"''"'`; 0 if this is something else,
/// `None` if the text ends too early to decide.
pub(super) fn shell_apostrophes(text: &[u8]) -> Option<usize> {
    let Some(quoted) = text.strip_prefix(b"'\"") else {
        return (!b"'\"".starts_with(text)).then_some(0);
    };
    let longest = quoted.len().min(MAX_APOSTROPHES);
    let count = quoted[..longest]
        .iter()
        .take_while(|&&it| it == b'\'')
        .count();
    match &quoted[count..] {
        rest if rest.starts_with(b"\"'") => Some(count),
        rest if b"\"'".starts_with(rest) => None,
        _ => Some(0),
    }
}

/// Reads a character reference of HTML or XML: `&lt;`, `&#43;`, `&#x2b;`, also escaped again, and in JSON that has `\u0026`
/// for its `&`.
pub(super) fn reference(text: &[u8]) -> Escape {
    let sign = match ampersand_len(text) {
        Ampersand::Is(len) => len,
        Ampersand::Not => return Escape::None,
        Ampersand::Cut => return Escape::Cut,
    };
    let rest = &text[sign..];
    let name = &rest[..rest.len().min(MAX_REFERENCE_BYTES)];
    let Some(end) = name.iter().position(|&it| it == b';') else {
        let is_of_name = |it: &u8| it.is_ascii_alphanumeric() || *it == b'#';
        let may_go_on = name.len() < MAX_REFERENCE_BYTES && name.iter().all(is_of_name);
        return if may_go_on { Escape::Cut } else { Escape::None };
    };
    let code = match &name[..end] {
        b"lt" => Some(u32::from(b'<')),
        b"gt" => Some(u32::from(b'>')),
        b"quot" => Some(u32::from(b'"')),
        b"apos" => Some(u32::from(b'\'')),
        [b'#', b'x' | b'X', digits @ ..] => match hex(digits, digits.len()) {
            Number::Is(code) => Some(code),
            Number::Not | Number::Cut => None,
        },
        [b'#', digits @ ..] => std::str::from_utf8(digits)
            .ok()
            .and_then(|it| it.parse().ok()),
        _ => None,
    };
    let spelled = code.and_then(Spelled::of_char);
    spelled.map_or(Escape::None, |it| Escape::Spelled(it, sign + end + 1))
}

/// Whether an ampersand begins a text, escaped or not.
pub(super) enum Ampersand {
    /// Its length.
    Is(usize),
    Not,
    Cut,
}

/// Reads an ampersand, as it is or as `\u0026`, with each `amp;` by which it is escaped again.
pub(super) fn ampersand_len(text: &[u8]) -> Ampersand {
    const CODE: &[u8] = b"u0026";
    let slashes = slashes(text);
    let rest = &text[slashes..];
    let sign = match rest.first() {
        Some(b'&') if slashes == 0 => 1,
        _ if slashes > 0 && rest.starts_with(CODE) => slashes + CODE.len(),
        _ if slashes > 0 && CODE.starts_with(rest) => return Ampersand::Cut,
        _ => return Ampersand::Not,
    };
    let again = text[sign..].chunks_exact(4).take(MAX_SLASHES);
    Ampersand::Is(sign + 4 * again.take_while(|it| it == b"amp;").count())
}

enum Number {
    Is(u32),
    Not,
    Cut,
}

/// Parses `count` hexadecimal digits at the start of a text.
fn hex(text: &[u8], count: usize) -> Number {
    let mut number = 0;
    for place in 0..count {
        let Some(&byte) = text.get(place) else {
            return Number::Cut;
        };
        let Some(digit) = digit(byte) else {
            return Number::Not;
        };
        number = number << 4 | u32::from(digit);
    }
    if count == 0 {
        Number::Not
    } else {
        Number::Is(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_in_every_notation() {
        let table: [(&str, &str); 22] = [
            (r"'\''", "'"),
            (r"'\\''", "'"),
            (r#"'"'"'"#, "'"),
            (r#"'\"'\"'"#, "'"),
            (r#"'\\\"'\\\"'"#, "'"),
            (r"\/", "/"),
            (r#"\\\""#, "\""),
            (r"\u003c", "<"),
            (r"\u003C", "<"),
            (r"\\\\u0026", "&"),
            (r"\u00e9", "é"),
            (r"\ud83d\ude00", "😀"),
            (r"\\uD83D\\uDE00", "😀"),
            (r"\U0001F600", "😀"),
            (r"\u{1f600}", "😀"),
            (r"\x{1f600}", "😀"),
            (r"\x2f", "/"),
            (r"\057", "/"),
            ("&lt;", "<"),
            ("&#43;", "+"),
            ("&#x2B;", "+"),
            ("&amp;quot;", "\""),
        ];
        for (text, spelled) in table {
            let read = match text.as_bytes()[0] {
                b'&' => reference,
                b'\'' => shell_apostrophe,
                _ => backslashed,
            };
            assert_is_read(read, text, spelled);
        }
        for (text, spelled) in [
            (r"\u0026quot;", "\""),
            (r"\\u0026#39;", "'"),
            (r"\u0026amp;amp;lt;", "<"),
        ] {
            assert_is_read(reference, text, spelled);
        }
    }

    /// Asserts that a text is one escape, and that each shorter beginning of it decides nothing.
    #[track_caller]
    fn assert_is_read(read: fn(&[u8]) -> Escape, text: &str, spelled: &str) {
        let long = format!("{text}abc");
        let Escape::Spelled(it, len) = read(long.as_bytes()) else {
            panic!("{text} is not read");
        };
        assert_eq!(
            (it.bytes(), len),
            (spelled.as_bytes(), text.len()),
            "{text}"
        );
        for cut in 1..text.len() {
            let found = read(&text.as_bytes()[..cut]);
            assert_eq!(found, Escape::Cut, "{text} cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_escape_is_text() {
        for text in [r"\word", r"\ud83dx", r"\u00zz", r"\9", r"\é", "\\\u{1}"] {
            assert_eq!(backslashed(text.as_bytes()), Escape::None, "{text}");
        }
        for text in [
            "& more",
            "&nosuch;",
            "&&",
            "&abcdefghijkl",
            r"\u0027lt;",
            r"\&lt;",
        ] {
            assert_eq!(reference(text.as_bytes()), Escape::None, "{text}");
        }
        for text in ["'a'", "''a", r"'\'a", r#"'"'a"#, r#"'\"'""#, r#"'"''"#] {
            assert_eq!(shell_apostrophe(text.as_bytes()), Escape::None, "{text}");
        }
    }
}
