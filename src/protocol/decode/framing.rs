//! Finds the end of the request document while it arrives.
//!
//! The runner starts as soon as the document is complete, without waiting for stdin to close. So it has to find the
//! end in the bytes: this code tracks brackets and strings and nothing else. The parser checks whether the document
//! is valid JSON.

/// Largest request document, in bytes.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// Deepest nesting that is accepted; equal to the parser's limit.
const MAX_DEPTH: usize = 127;

/// UTF-8 byte order mark, which some editors write at the start of a file; a document may follow it.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// State of the document so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// More bytes are needed.
    Incomplete,
    /// The document is the first `len` bytes of all pushed bytes.
    Complete {
        /// Length of the document in bytes.
        len: usize,
    },
    /// No further bytes can make this a valid request.
    Refused(FramingFault),
}

/// Why bytes were refused before the document was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingFault {
    /// The first byte does not begin an object.
    #[error("expected a JSON object, found something else at byte {at}")]
    NotAnObject {
        /// Position of the byte.
        at: usize,
    },
    /// The document is larger than [`MAX_REQUEST_BYTES`].
    #[error("the document is longer than {MAX_REQUEST_BYTES} bytes")]
    TooLarge,
    /// A closing bracket does not match its opening bracket, so the end of the document is unknown.
    #[error("the `{found}` at byte {at} does not close what was opened last")]
    WrongBracket {
        /// The bracket.
        found: char,
        /// Position of the byte.
        at: usize,
    },
    /// The document is nested too deeply.
    #[error("the document is nested more than {MAX_DEPTH} levels deep at byte {at}")]
    TooDeep {
        /// Position of the byte.
        at: usize,
    },
}

/// Finds the end of a document that arrives in pieces.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    seen: usize,
    depth: usize,
    /// One bit per level, the innermost lowest: whether the level is a list.
    lists: u128,
    in_string: bool,
    escaped: bool,
    /// Number of bytes of a byte order mark received so far.
    marked: usize,
}

impl Framer {
    /// Takes the next piece.
    ///
    /// Must not be called again after any result other than [`Framing::Incomplete`].
    pub fn push(&mut self, piece: &[u8]) -> Framing {
        for &byte in piece {
            let at = self.seen;
            self.seen += 1;
            match self.step(byte, at) {
                Ok(false) if self.seen > MAX_REQUEST_BYTES => {
                    return Framing::Refused(FramingFault::TooLarge);
                }
                Ok(false) => {}
                Ok(true) if self.seen > MAX_REQUEST_BYTES => {
                    return Framing::Refused(FramingFault::TooLarge);
                }
                Ok(true) => return Framing::Complete { len: self.seen },
                Err(fault) => return Framing::Refused(fault),
            }
        }
        Framing::Incomplete
    }

    /// Returns whether only white space has arrived so far.
    pub const fn is_blank(&self) -> bool {
        self.depth == 0
    }

    /// Processes one byte; returns `true` when it ends the document.
    fn step(&mut self, byte: u8, at: usize) -> Result<bool, FramingFault> {
        if self.marked == at && BYTE_ORDER_MARK.get(at) == Some(&byte) {
            self.marked += 1;
            return Ok(false);
        }
        if matches!(self.marked, 1 | 2) {
            return Err(FramingFault::NotAnObject { at });
        }
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return Ok(false);
        }
        match byte {
            b'{' | b'[' if self.depth > 0 || byte == b'{' => {
                if self.depth == MAX_DEPTH {
                    return Err(FramingFault::TooDeep { at });
                }
                self.depth += 1;
                self.lists = self.lists << 1 | u128::from(byte == b'[');
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if self.depth == 0 => return Err(FramingFault::NotAnObject { at }),
            b'}' | b']' => {
                if (self.lists & 1 == 1) != (byte == b']') {
                    let found = char::from(byte);
                    return Err(FramingFault::WrongBracket { found, at });
                }
                self.lists >>= 1;
                self.depth -= 1;
                return Ok(self.depth == 0);
            }
            b'"' => self.in_string = true,
            _ => {}
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(bytes: &[u8]) -> Framing {
        Framer::default().push(bytes)
    }

    fn frame_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Framing {
        let mut framer = Framer::default();
        for piece in pieces {
            match framer.push(piece) {
                Framing::Incomplete => {}
                end @ (Framing::Complete { .. } | Framing::Refused(_)) => return end,
            }
        }
        Framing::Incomplete
    }

    fn wrong_bracket(found: char, at: usize) -> Framing {
        Framing::Refused(FramingFault::WrongBracket { found, at })
    }

    #[test]
    fn the_end_is_where_the_first_bracket_closes() {
        let table: [(&str, Framing); 17] = [
            ("{]", wrong_bracket(']', 1)),
            ("", Framing::Incomplete),
            (" \t\r\n", Framing::Incomplete),
            ("{", Framing::Incomplete),
            ("{}", Framing::Complete { len: 2 }),
            ("\u{feff}{}", Framing::Complete { len: 5 }),
            ("\u{feff} {}", Framing::Complete { len: 6 }),
            ("\u{feff}", Framing::Incomplete),
            (
                "\u{feff}\u{feff}{}",
                Framing::Refused(FramingFault::NotAnObject { at: 3 }),
            ),
            (" {} {}", Framing::Complete { len: 3 }),
            ("{}\n{\"type\":\"cancel\"}", Framing::Complete { len: 2 }),
            (r#"{"a":"}"}x"#, Framing::Complete { len: 9 }),
            (r#"{"a":"\"}"}"#, Framing::Complete { len: 11 }),
            (r#"{"a":"\\"}"#, Framing::Complete { len: 10 }),
            (r#"{"a":[{"b":[]}]}"#, Framing::Complete { len: 16 }),
            (r#"{"a":"}}}}"#, Framing::Incomplete),
            (r#"{"a":[}"#, wrong_bracket('}', 6)),
        ];
        for (text, framing) in table {
            assert_eq!(frame(text.as_bytes()), framing, "{text}");
        }
    }

    #[test]
    fn anything_but_an_object_is_refused_at_its_first_byte() {
        for text in ["[]", "\"{}\"", "1", "null", "}", "\u{feff}{}", "\0{}"] {
            assert_eq!(
                frame(format!(" {text}").as_bytes()),
                Framing::Refused(FramingFault::NotAnObject { at: 1 }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_bounds_are_exact() {
        let padded = |len: usize| format!("{{{}}}", " ".repeat(len - 2));
        let nested = |depth: usize| format!("{}{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let too_large = Framing::Refused(FramingFault::TooLarge);
        let len = MAX_REQUEST_BYTES;
        assert_eq!(frame(padded(len).as_bytes()), Framing::Complete { len });
        assert_eq!(frame(padded(len + 1).as_bytes()), too_large);
        assert_eq!(frame(" ".repeat(len + 1).as_bytes()), too_large);
        let len = nested(MAX_DEPTH).len();
        assert_eq!(
            frame(nested(MAX_DEPTH).as_bytes()),
            Framing::Complete { len }
        );
        assert_eq!(
            frame(nested(MAX_DEPTH + 1).as_bytes()),
            Framing::Refused(FramingFault::TooDeep { at: MAX_DEPTH * 5 })
        );
    }

    /// Generates bytes that matter to the framer, and some that do not.
    fn telling_bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            8 => prop::sample::select(&b"{}[]\"\\ \n:,a"[..]),
            1 => any::<u8>(),
        ];
        prop::collection::vec(byte, 0..80).prop_map(|mut bytes| {
            bytes.insert(0, b'{');
            bytes
        })
    }

    proptest! {
        #[test]
        fn any_cutting_is_framed_as_the_whole(
            bytes in prop_oneof![telling_bytes(), prop::collection::vec(any::<u8>(), 0..40)],
            cuts in prop::collection::vec(0..9usize, 0..40),
        ) {
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let whole = frame(&bytes);
            prop_assert_eq!(frame_in_pieces(pieces), whole.clone());
            prop_assert_eq!(frame_in_pieces(bytes.chunks(1)), whole);
        }

        #[test]
        fn what_the_parser_takes_for_an_object_is_framed_to_its_end(
            document in prop::collection::btree_map(".{0,9}", ".{0,30}", 0..6),
            after in ".{0,9}",
        ) {
            let document = serde_json::to_string(&document).unwrap();
            let framing = frame(format!("{document}{after}").as_bytes());
            prop_assert_eq!(framing, Framing::Complete { len: document.len() });
        }
    }
}
