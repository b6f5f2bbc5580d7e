//! Recognizes what a tool inserts between the words of a value when it wraps, indents, boxes or colours them.

use super::escapes;
use super::percent::{self, Percent};

/// Longest resource address before `(local-exec):` that is parsed, in bytes.
const MAX_ADDRESS_BYTES: usize = 1024;
/// Longest control sequence, in bytes.
const MAX_COLOUR_BYTES: usize = 32;
/// Longest gap, in bytes; a longer one is treated as text.
pub(super) const MAX_GAP_BYTES: usize = 2048;
/// Most escapes in a gap, such as `\n`; with more of them it is treated as text. Limits the work for a text with
/// nothing else, since a gap is parsed again from each of its escapes.
const MAX_GAP_ESCAPES: usize = 32;

/// What begins at a position of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Normal text.
    Text,
    /// White space, box drawing and colours, in any order.
    Gap(Gap),
    /// The text ends too early to decide, or the gap may continue after it.
    Cut(Gap),
}

/// A run of bytes that are not text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gap {
    /// Length in bytes.
    pub(super) len: usize,
    /// Whether a reader sees it. Colours alone are invisible.
    pub(super) visible: bool,
    /// Whether it contains a line end.
    pub(super) line_end: bool,
}

enum Token {
    Text,
    Space(usize),
    LineEnd(usize),
    Colour(usize),
    Cut,
}

/// Returns whether a gap may begin with a byte: most bytes need no further check.
pub(super) const fn may_begin_gap(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c | 0x1b | b'\\' | b'%' | 0xe2
    )
}

/// Returns what a text begins with; with `whole`, nothing follows its end.
#[inline]
pub(super) fn at_start(text: &[u8], whole: bool) -> At {
    match text.first() {
        Some(&byte) if !may_begin_gap(byte) => At::Text,
        _ => gap_at_start(text, whole),
    }
}

/// Returns the length of the first part of a gap: its raw white space, or the escape that begins it.
pub(super) fn first_part(gap: &[u8]) -> usize {
    let mut len = 0;
    while let Token::Space(part) | Token::LineEnd(part) = token(&gap[len..]) {
        let is_escape = matches!(gap[len], b'\\' | b'%');
        if is_escape {
            return if len == 0 { part } else { len };
        }
        len += part;
    }
    len
}

/// Returns the positions within a gap, after its beginning, at which an escape begins.
pub(super) fn escapes_within(gap: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Token::Space(len) | Token::LineEnd(len) | Token::Colour(len) = token(&gap[at..]) {
            at += len;
            if matches!(gap.get(at), Some(b'\\' | b'%')) {
                return Some(at);
            }
        }
        None
    })
}

/// Tells whether a text begins with the end of a string literal, a line end, and the start of another literal: `'`, a
/// line end and `'` as Python's `pprint` breaks long strings, also with another quote or a letter before it; JavaScript has
/// a `+` before or behind the line end.
pub(super) fn literal_break(text: &[u8], whole: bool) -> At {
    let slashes = escapes::slashes(text);
    let mut gap = Gap {
        len: slashes + 1,
        ..Gap::default()
    };
    match text.get(slashes) {
        Some(b'\'' | b'"') => {}
        None if !whole => return At::Cut(gap),
        Some(_) | None => return At::Text,
    }
    let mut has_plus = false;
    loop {
        let rest = &text[gap.len..];
        match gap_at_start(rest, whole) {
            At::Gap(between) => {
                gap.len += between.len;
                gap.line_end |= between.line_end;
            }
            At::Cut(_) => return At::Cut(gap),
            At::Text if rest.starts_with(b"+") && !has_plus => {
                gap.len += 1;
                has_plus = true;
            }
            At::Text if gap.line_end => {
                return match literal_start(rest, slashes) {
                    Some(len) => At::Gap(Gap {
                        len: gap.len + len,
                        ..gap
                    }),
                    None if rest.len() <= slashes + 1 && !whole => At::Cut(gap),
                    None => At::Text,
                };
            }
            At::Text => return At::Text,
        }
    }
}

/// Length of the start of a string literal: a quote behind so many backslashes, and perhaps a letter that says of what kind
/// it is.
fn literal_start(text: &[u8], slashes: usize) -> Option<usize> {
    let letter = usize::from(matches!(
        text.first().map(u8::to_ascii_lowercase),
        Some(b'b' | b'f' | b'r' | b'u')
    ));
    let rest = &text[letter..];
    let is_quote = matches!(rest.get(slashes), Some(b'\'' | b'"'));
    (is_quote && escapes::slashes(rest) == slashes).then_some(letter + slashes + 1)
}

fn gap_at_start(text: &[u8], whole: bool) -> At {
    let mut gap = Gap::default();
    let mut escapes = 0;
    loop {
        let rest = &text[gap.len..];
        escapes += usize::from(matches!(rest, [b'\\' | b'%', ..]));
        if gap.len > MAX_GAP_BYTES || escapes > MAX_GAP_ESCAPES {
            return At::Text;
        }
        match token(rest) {
            // In YAML, a folded line that begins with white space has a backslash before it.
            Token::Text if gap.line_end && is_escaped_space(rest) => {
                gap.len += escapes::slashes(rest);
            }
            Token::Text if gap.len == 0 => return At::Text,
            Token::Text => return At::Gap(gap),
            Token::Cut if !whole => return At::Cut(gap),
            Token::Cut if gap.len == 0 => return At::Text,
            Token::Cut => return At::Gap(gap),
            Token::Space(len) => {
                gap.visible = true;
                gap.len += len;
            }
            Token::Colour(len) => gap.len += len,
            Token::LineEnd(len) => {
                gap.visible = true;
                gap.line_end = true;
                gap.len += len;
                // A prefix follows only a real line end of the tool, not an escaped one.
                let is_own = rest[..len].ends_with(b"\n");
                match is_own.then(|| provisioner_prefix(&rest[len..])) {
                    Some(Some(prefix)) => gap.len += prefix,
                    Some(None) if !whole => return At::Cut(gap),
                    Some(None) | None => {}
                }
            }
        }
    }
}

fn token(text: &[u8]) -> Token {
    match text {
        [b'\n', ..] => Token::LineEnd(1),
        [b' ' | b'\t' | b'\r' | 0x0b | 0x0c, ..] => Token::Space(1),
        [b'\\', ..] => escaped(text),
        [b'%', ..] => percent_coded(text),
        [0x1b, rest @ ..] => control_sequence(1, rest),
        // Box drawing, U+2500 to U+257F, in UTF-8.
        [0xe2, 0x94 | 0x95, 0x80..=0xbf, ..] => Token::Space(3),
        [] | [0xe2] | [0xe2, 0x94 | 0x95] => Token::Cut,
        _ => Token::Text,
    }
}

/// Parses white space or a colour escaped by JSON, Go and shells: `\n`, `\u001b[31m`; also escaped again.
fn escaped(text: &[u8]) -> Token {
    if let [_, b'"', ..] = text {
        return Token::Text;
    }
    let start = &text[..text.len().min(MAX_COLOUR_BYTES)];
    let slashes = start.iter().take_while(|&&byte| byte == b'\\').count();
    if slashes == MAX_COLOUR_BYTES {
        return Token::Text;
    }
    let rest = &text[slashes..];
    for escape in [&b"u001b"[..], b"u001B", b"x1b", b"x1B", b"033", b"e["] {
        if let Some(after) = rest.strip_prefix(escape) {
            return match escape {
                b"e[" => control_sequence(slashes + 1, &rest[1..]),
                _ => control_sequence(slashes + escape.len(), after),
            };
        }
        if escape.starts_with(rest) {
            return Token::Cut;
        }
    }
    match rest {
        // An escaped line end, as in folded lines of YAML and of `sed -n l`.
        [b'n' | b'\n', ..] => Token::LineEnd(slashes + 1),
        [b't' | b'r', ..] => Token::Space(slashes + 1),
        [b'u', digits @ ..] => match digits {
            [b'0', b'0', b'0', b'a' | b'A', ..] => Token::LineEnd(slashes + 5),
            [b'0', b'0', b'0', b'9' | b'b'..=b'd' | b'B'..=b'D', ..]
            | [b'0', b'0', b'2', b'0', ..] => Token::Space(slashes + 5),
            _ if b"000".starts_with(digits) || b"002".starts_with(digits) => Token::Cut,
            _ => Token::Text,
        },
        _ => Token::Text,
    }
}

/// Returns whether a text begins with backslashes and a space.
fn is_escaped_space(text: &[u8]) -> bool {
    let slashes = escapes::slashes(text);
    slashes > 0 && text.get(slashes) == Some(&b' ')
}

/// Parses URL-encoded white space.
fn percent_coded(text: &[u8]) -> Token {
    match percent::at_start(text) {
        Percent::Byte(b'\n', len) => Token::LineEnd(len),
        Percent::Byte(b' ' | b'\t' | b'\r' | 0x0b | 0x0c, len) => Token::Space(len),
        Percent::Byte(..) | Percent::Literal(_) => Token::Text,
        Percent::Cut => Token::Cut,
    }
}

/// Parses the control sequence after an escape character of length `escape` (ECMA-48, 5.4), such as `[1;31m`.
fn control_sequence(escape: usize, rest: &[u8]) -> Token {
    let parameters = match rest {
        [b'[', parameters @ ..] => parameters,
        // The character set that `tput sgr0` selects.
        [b'(', b'B', ..] => return Token::Colour(escape + 2),
        [] | [b'('] => return Token::Cut,
        _ => return Token::Text,
    };
    let is_parameter = |byte: &u8| (0x20..=0x3f).contains(byte);
    let start = &parameters[..parameters.len().min(MAX_COLOUR_BYTES)];
    let len = start.iter().take_while(|it| is_parameter(it)).count();
    match parameters.get(len) {
        _ if len == MAX_COLOUR_BYTES => Token::Text,
        Some(0x40..=0x7e) => Token::Colour(escape + 1 + len + 1),
        Some(_) => Token::Text,
        None => Token::Cut,
    }
}

/// Returns the length of the prefix that both tools print before each line of a provisioner's output: `ADDRESS
/// (local-exec):`. Returns `None` if the text is too short to decide.
fn provisioner_prefix(line: &[u8]) -> Option<usize> {
    const MARKS: [&[u8]; 2] = [b"(local-exec):", b"(remote-exec):"];
    let mut at = 0;
    while at <= MAX_GAP_BYTES
        && let Token::Colour(len) = token(&line[at..])
    {
        at += len;
    }
    let mut in_quotes = false;
    let mut is_escaped = false;
    for (place, &byte) in line.iter().enumerate().skip(at).take(MAX_ADDRESS_BYTES) {
        match byte {
            _ if std::mem::take(&mut is_escaped) => {}
            b'\\' if in_quotes => is_escaped = true,
            b'"' => in_quotes = !in_quotes,
            b'\n' => return Some(0),
            b' ' if !in_quotes => {
                let rest = &line[place + 1..];
                let mark = MARKS.iter().find(|mark| rest.starts_with(mark));
                return match mark {
                    Some(mark) if place > at => Some(place + 1 + mark.len()),
                    Some(_) => Some(0),
                    None if MARKS.iter().any(|mark| mark.starts_with(rest)) => None,
                    None => Some(0),
                };
            }
            _ => {}
        }
    }
    (line.len() >= at + MAX_ADDRESS_BYTES).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_put_between_words_is_one_gap() {
        let table = [
            (" ", true, false),
            ("  \t", true, false),
            ("\n", true, true),
            ("\r\n│ ", true, true),
            ("\n\u{1b}[31m│\u{1b}[0m \u{1b}[0m", true, true),
            ("\u{1b}[1;31m", false, false),
            ("\\u001b[0m", false, false),
            ("\\\\u001B[38;5;123m", false, false),
            ("\\n    ", true, true),
            ("\\\\n\\\\t", true, true),
            ("\\u000a\\u0020", true, true),
            ("%0D%0a%2520", true, true),
            ("\\\n    \\ ", true, true),
            ("\\\\\\n    \\\\ ", true, true),
            ("\\\n", true, true),
            ("\nterraform_data.a[\"b c\"] (local-exec): ", true, true),
            (
                "\nterraform_data.a[\"{\\\"b\\\":\\\"c d\\\"}\"] (local-exec): ",
                true,
                true,
            ),
            (
                "\n\u{1b}[0m\u{1b}[1mterraform_data.a (local-exec):\u{1b}[0m \u{1b}[0m",
                true,
                true,
            ),
        ];
        for (gap, visible, line_end) in table {
            let expected = Gap {
                len: gap.len(),
                visible,
                line_end,
            };
            let text = format!("{gap}word and more of it");
            let found = at_start(text.as_bytes(), true);
            assert_eq!(found, At::Gap(expected), "{gap:?}");
            assert_eq!(at_start(text.as_bytes(), false), found, "{gap:?}");
        }
    }

    #[test]
    fn escapes_within_a_gap_are_found() {
        let table: [(&str, &[usize]); 4] = [
            ("\\t\\t\\\\r", &[2, 4]),
            (" \t\\n%0A ", &[2, 4]),
            (" \u{1b}[0m\\n", &[5]),
            ("  \n", &[]),
        ];
        for (gap, expected) in table {
            let found: Vec<_> = escapes_within(gap.as_bytes()).collect();
            assert_eq!(found, expected, "{gap:?}");
        }
    }

    #[test]
    fn text_is_no_gap() {
        for text in [
            "word",
            "\\word",
            "\\\"",
            "€",
            "\u{1b}word",
            "\\u0026",
            "\u{1b}[31",
        ] {
            assert_eq!(at_start(text.as_bytes(), true), At::Text, "{text:?}");
        }
    }

    #[test]
    fn string_literals_break_at_line_ends() {
        for text in [
            "'\n '",
            "\"\n\"",
            "' +\n  '",
            "\"\n    + \"",
            "'\\n '",
            "\\\"\\n \\\"",
            "\\\"\nterraform_data.a (local-exec):   \\\"",
            "'\n \"",
            "'\n b'",
        ] {
            let expected = Gap {
                len: text.len(),
                visible: false,
                line_end: true,
            };
            let long = format!("{text}word");
            assert_eq!(
                literal_break(long.as_bytes(), true),
                At::Gap(expected),
                "{text:?}"
            );
            for cut in 0..text.len() {
                let found = literal_break(&text.as_bytes()[..cut], false);
                assert!(
                    matches!(found, At::Cut(_)),
                    "{text:?} cut at {cut}: {found:?}"
                );
            }
        }
        for text in ["' '", "'\n,'", "'\n + + '", "\n'", "'\na'", "'\nbb'"] {
            assert_eq!(literal_break(text.as_bytes(), true), At::Text, "{text:?}");
        }
    }

    #[test]
    fn what_the_end_cuts_off_is_cut() {
        for text in [
            "",
            " ",
            "\\",
            "\\u00",
            "\\u001b[31",
            "\u{1b}",
            "\u{1b}[3",
            "\n",
            "\nterraform_data.a",
            "\nterraform_data.a (local-ex",
        ] {
            let found = at_start(text.as_bytes(), false);
            assert!(matches!(found, At::Cut(_)), "{text:?}: {found:?}");
        }
        assert!(matches!(at_start(b"\xe2\x94", false), At::Cut(_)));
    }
}
