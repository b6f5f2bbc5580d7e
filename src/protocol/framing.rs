//! Where the request document ends, found while it arrives.
//!
//! The runner starts as soon as the document is complete, without waiting for stdin to close. So the
//! end has to be seen in the bytes: this follows nesting and strings and nothing else; whether the
//! document is valid JSON is for the parser to say.

/// Largest request document, in bytes.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// Deepest nesting that is read; the same as the parser's limit.
const MAX_DEPTH: usize = 127;

/// How far the document has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// More bytes are needed.
    Incomplete,
    /// The document is the first `len` bytes of everything that was pushed.
    Complete {
        /// Length of the document in bytes.
        len: usize,
    },
    /// No further bytes can make this a request.
    Refused(FramingFault),
}

/// Why bytes were refused before the document was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingFault {
    /// Something other than an object comes first.
    #[error("expected a JSON object, found something else at byte {at}")]
    NotAnObject {
        /// Position of the byte.
        at: usize,
    },
    /// The document is larger than [`MAX_REQUEST_BYTES`].
    #[error("the document is over {MAX_REQUEST_BYTES} bytes")]
    TooLarge,
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
    in_string: bool,
    escaped: bool,
}

impl Framer {
    /// Takes the next piece.
    ///
    /// Must not be called again after anything but [`Framing::Incomplete`].
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

    /// Whether nothing but white space has come so far.
    pub const fn is_blank(&self) -> bool {
        self.depth == 0
    }

    /// Takes one byte; true when it ends the document.
    fn step(&mut self, byte: u8, at: usize) -> Result<bool, FramingFault> {
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
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if self.depth == 0 => return Err(FramingFault::NotAnObject { at }),
            b'}' | b']' => {
                self.depth -= 1;
                return Ok(self.depth == 0);
            }
            b'"' => self.in_string = true,
            _ => {}
        }
        Ok(false)
    }
}
