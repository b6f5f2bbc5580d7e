//! A value that is masked, and the scope in which it counts as a secret.

use std::borrow::Cow;

/// Number of bytes before an occurrence that decide whether it counts: room for the longest escape that is not part
/// of a word, `\u001b[38;5;123m`.
pub(super) const LOOK_BEHIND: usize = 24;

/// Where a value counts as a secret. The widest scope comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Anywhere, also inside of longer words.
    Anywhere,
    /// Anywhere as a whole, but not line by line.
    ///
    /// For a document: its lines contain names and public values, and the secrets in it are separate secrets.
    Whole,
    /// As a whole word, unless it is the name of a JSON member, such as `"word":1`.
    ///
    /// For a value that may appear inside of ordinary words by chance.
    Word,
    /// Only in the user info of a URL: `:word@`, `//word@`.
    ///
    /// For a word that tools print by themselves.
    Place,
}

/// A value that is masked. Does not implement `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<'a> {
    /// The value; one shorter than six characters is not masked.
    pub value: Cow<'a, [u8]>,
    /// Its scope.
    pub scope: Scope,
}

impl<'a> Secret<'a> {
    /// Returns the same secret with an owned value.
    pub fn into_owned(self) -> Secret<'static> {
        Secret {
            value: self.value.into_owned().into(),
            scope: self.scope,
        }
    }

    /// Creates a secret that counts wherever it appears.
    pub fn anywhere(value: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            value: value.into(),
            scope: Scope::Anywhere,
        }
    }
}

impl Scope {
    /// Returns whether an occurrence between two texts counts; `None` if text after the second one decides. With
    /// `whole`, no text follows.
    pub(super) fn counts(self, before: &[u8], after: &[u8], whole: bool) -> Option<bool> {
        match self {
            Self::Anywhere | Self::Whole => Some(true),
            Self::Word => {
                if is_in_word(before) {
                    return Some(false);
                }
                match Next::of(after, whole)? {
                    Next::InWord => Some(false),
                    Next::EndOfName => Some(!before.ends_with(b"\"")),
                    Next::At | Next::EndOfWord => Some(true),
                }
            }
            Self::Place if is_after_separator(before) => {
                Some(matches!(Next::of(after, whole)?, Next::At))
            }
            Self::Place => Some(false),
        }
    }
}

/// The context after an occurrence.
enum Next {
    InWord,
    /// The end of a member name, in JSON without white space. Prose has `": `.
    EndOfName,
    /// The end of the user info of a URL.
    At,
    EndOfWord,
}

impl Next {
    /// Returns `None` if the text is too short to decide.
    fn of(after: &[u8], whole: bool) -> Option<Self> {
        if begins_in_word(after, whole)? {
            return Some(Self::InWord);
        }
        match after.strip_prefix(b"\\").unwrap_or(after) {
            [b'@', ..] | [b'%', b'4', b'0', ..] => Some(Self::At),
            [b'"', b':', third, ..] if !third.is_ascii_whitespace() => Some(Self::EndOfName),
            [] | [b'"'] | [b'"', b':'] | [b'%'] | [b'%', b'4'] if !whole => None,
            _ => Some(Self::EndOfWord),
        }
    }
}

/// Returns whether a character can be in one word with ASCII letters: Latin ones can, box drawing and other scripts
/// can't.
const fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '_' | 'ª' | 'º' | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='\u{24f}' | '\u{300}'..='\u{36f}'
                | '\u{1e00}'..='\u{1eff}'
        )
}

/// Returns whether a text begins within a word; `None` if text after it decides. With `whole`, no text follows.
fn begins_in_word(text: &[u8], whole: bool) -> Option<bool> {
    let len = match text {
        [] => return Some(false),
        [0..=0x7f, ..] => 1,
        [0xc2..=0xdf, ..] => 2,
        [0xe0..=0xef, ..] => 3,
        _ => return Some(false),
    };
    match text.get(..len) {
        Some(first) => Some(is_one_of_word(first)),
        None if whole => Some(false),
        None => None,
    }
}

/// Returns whether a text ends within a word: with a word character that does not end an escape.
fn is_in_word(before: &[u8]) -> bool {
    let last = |len| before.len().checked_sub(len).map(|at| &before[at..]);
    (1..=3).filter_map(last).any(is_one_of_word) && !ends_with_escape(before)
}

/// Returns whether these bytes are one word character.
fn is_one_of_word(bytes: &[u8]) -> bool {
    let mut chars = std::str::from_utf8(bytes).unwrap_or_default().chars();
    chars.next().is_some_and(is_of_word) && chars.next().is_none()
}

/// Whether a text ends with `\n` or the like, `\uXXXX`, `\xXX`, `\OOO`, `%XX`, also encoded again, or the code of a colour.
fn ends_with_escape(text: &[u8]) -> bool {
    let ends_with_hex = |mark: &[u8], digits: usize| {
        text.len().checked_sub(digits).is_some_and(|at| {
            text[..at].ends_with(mark) && text[at..].iter().all(u8::is_ascii_hexdigit)
        })
    };
    matches!(text, [.., b'\\', b'n' | b't' | b'r' | b'b' | b'f'])
        || ends_with_hex(b"\\u", 4)
        || ends_with_hex(b"\\x", 2)
        || ends_with_octal(text)
        || ends_with_percent_code(text)
        || text
            .strip_suffix(b"m")
            .is_some_and(ends_with_start_of_colour)
}

fn ends_with_octal(text: &[u8]) -> bool {
    matches!(text, [.., b'\\', b'0'..=b'3', b'0'..=b'7', b'0'..=b'7'])
}

/// Whether a text ends with `%XX`, where `25` may follow the sign any number of times.
fn ends_with_percent_code(text: &[u8]) -> bool {
    let Some((mut sign, code)) = text.split_last_chunk::<2>() else {
        return false;
    };
    while let Some(shorter) = sign.strip_suffix(b"25") {
        sign = shorter;
    }
    sign.ends_with(b"%") && code.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a text ends with the escape character, itself escaped or not, `[` and numbers.
fn ends_with_start_of_colour(text: &[u8]) -> bool {
    let is_of_numbers = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    let numbers = text.iter().rev().take_while(is_of_numbers).count();
    let start = &text[..text.len() - numbers];
    start.ends_with(b"\x1b[") || start.ends_with(b"\\u001b[")
}

/// Returns whether a text ends with a separator that precedes a user or a password in a URL.
fn is_after_separator(before: &[u8]) -> bool {
    [&b":"[..], b"%3A", b"//", b"%2F%2F"]
        .iter()
        .any(|separator| before.ends_with(separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_between_what_is_no_word() {
        let table = [
            ("a ", " b", true),
            ("", "", true),
            ("\"", "\"", true),
            (":", "@", true),
            ("invalid port \":", "\" after", true),
            ("parse \"", "\": net/url", true),
            ("{\"a\":\"", "\",\"b\"", true),
            ("{\"", "\":1", false),
            ("{\\\"", "\\\":1", false),
            ("x-", "-x", true),
            ("x", " ", false),
            ("_", " ", false),
            (" ", "s", false),
            (" ", "_id", false),
            ("ü", " ", false),
            (" ", "ü", false),
            ("│", "│", true),
            ("“", "”", true),
            ("是", "。", true),
            ("e\u{301}", "", false),
            ("line\\n", "\\nline", true),
            ("\\u0026", "\\u0026", true),
            ("%3A", "%40", true),
            ("%2522", "%2522", true),
            ("%252522", "", true),
            ("2522", "", false),
            ("\\x22", "\\x22", true),
            ("\\042", "\\042", true),
            ("\\942", "", false),
            ("\u{1b}[31m", "\u{1b}[0m", true),
            ("\u{1b}[1;31m", "", true),
            ("\\u001b[0m", "", true),
            ("[m", "", false),
        ];
        for (before, after, counts) in table {
            let found = Scope::Word.counts(before.as_bytes(), after.as_bytes(), true);
            assert_eq!(found, Some(counts), "{before}…{after}");
        }
    }

    #[test]
    fn a_place_is_that_of_a_password() {
        let table = [
            ("http://user:", "@host", true),
            ("http%3A%2F%2Fuser%3A", "%40host", true),
            ("http://", "@host", true),
            ("password=", "@", false),
            ("=", "", false),
            ("postgres://", ":", false),
            ("image: ", "@sha256", false),
            ("image:", ":15", false),
            ("\"", "\":{", false),
            ("http://user:", "s@host", false),
        ];
        for (before, after, counts) in table {
            let found = Scope::Place.counts(before.as_bytes(), after.as_bytes(), true);
            assert_eq!(found, Some(counts), "{before}…{after}");
        }
    }

    #[test]
    fn a_character_that_is_cut_decides_nothing() {
        let cut = &"│".as_bytes()[..2];
        assert_eq!(Scope::Word.counts(b" ", cut, false), None);
        assert_eq!(Scope::Word.counts(b" ", cut, true), Some(true));
    }

    #[test]
    fn nothing_is_said_before_it_is_certain() {
        let table = [
            (Scope::Anywhere, "x", "", Some(true)),
            (Scope::Word, "x", "", Some(false)),
            (Scope::Word, " ", "", None),
            (Scope::Word, " ", "\"", None),
            (Scope::Word, " ", "\":", None),
            (Scope::Word, "│", "\u{2502}", Some(true)),
            (Scope::Word, " ", "\n", Some(true)),
            (Scope::Place, " ", "", Some(false)),
            (Scope::Place, ":", "%4", None),
            (Scope::Place, ":", "@", Some(true)),
        ];
        for (scope, before, after, counts) in table {
            let found = scope.counts(before.as_bytes(), after.as_bytes(), false);
            assert_eq!(found, counts, "{scope:?} {before}…{after}");
        }
    }
}
