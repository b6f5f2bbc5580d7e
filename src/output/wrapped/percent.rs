//! Percent-encoding of URLs, also encoded again.

/// How many times a percent sign may be encoded again.
const MAX_LEVELS: usize = 4;

/// What a text begins with if its first byte is a percent sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Percent {
    /// A percent sign of this length: `%`, `%25`, `%2525`.
    Literal(usize),
    /// The code of another byte, and the length of the code: `%2F`, `%252f`.
    Byte(u8, usize),
    /// The text ends too early to decide.
    Cut,
}

/// Parses a percent code.
pub(super) fn at_start(text: &[u8]) -> Percent {
    let sign = sign_len(text);
    match &text[sign..] {
        [high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Percent::Byte(high << 4 | low, sign + 2),
            _ => Percent::Literal(sign),
        },
        [high] if digit(*high).is_none() => Percent::Literal(sign),
        [] | [_] => Percent::Cut,
    }
}

/// Returns the length of the percent sign at the start of a text, encoded or not.
pub(super) fn sign_len(text: &[u8]) -> usize {
    let again = text[1..].chunks_exact(2).take(MAX_LEVELS);
    1 + 2 * again.take_while(|it| it == b"25").count()
}

/// Returns the value of a hexadecimal digit.
pub(super) const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_codes_are_read_in_either_case_and_at_each_level() {
        let table = [
            ("%2Fx", Percent::Byte(b'/', 3)),
            ("%2fx", Percent::Byte(b'/', 3)),
            ("%252Fx", Percent::Byte(b'/', 5)),
            ("%25252F", Percent::Byte(b'/', 7)),
            ("%25 x", Percent::Literal(3)),
            ("% of it", Percent::Literal(1)),
            ("%2", Percent::Cut),
            ("%25", Percent::Cut),
            ("%", Percent::Cut),
            ("%g", Percent::Literal(1)),
        ];
        for (text, expected) in table {
            assert_eq!(at_start(text.as_bytes()), expected, "{text}");
        }
    }
}
