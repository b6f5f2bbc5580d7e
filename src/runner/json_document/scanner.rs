//! Parses JSON piece by piece and reports for each byte whether it belongs to the format.

use std::mem;

use super::layout::{Content, Context, Text};

/// Longest name that is compared; all names of the format are shorter.
const MAX_NAME_BYTES: usize = 64;
/// Depth at which a document is no longer followed; serde_json accepts no deeper one.
const MAX_DEPTH: usize = 160;

/// The kind of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Words of the format, names of the configuration.
    OfFormat,
    /// A value within a string whose rest belongs to the format.
    Key,
    /// Anything else.
    MayHoldValues,
}

/// Finds the document in the output and follows it.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    document: Context,
    place: Place,
    frames: Vec<Frame>,
    /// Whether the first name of the document was read.
    is_checked: bool,
    /// The kind of the next value.
    content: Content,
    /// The name of the next value; empty if it has none or a long one.
    name: String,
    /// A backslash whose meaning depends on the next byte.
    has_backslash: bool,
    /// Bytes that are not emitted yet, all of one kind.
    pending: Vec<u8>,
    pending_part: Option<Part>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before or after the document, at the start of a line.
    #[default]
    LineStart,
    Outside,
    /// Between strings within the document.
    Between,
    /// In the name of a member.
    Name,
    /// In a string.
    Text(InText),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InText {
    Word,
    Value,
    /// In an address, between keys; whether after `[`.
    Address {
        after_bracket: bool,
    },
    /// In an address, within a key; whether after its own backslash.
    Key {
        is_escaped: bool,
    },
}

/// An open object or array.
#[derive(Debug)]
enum Frame {
    Object {
        context: Context,
        /// The name of its member.
        of: String,
        expects_name: bool,
    },
    Array {
        content: Content,
        /// The name of its member.
        of: String,
        /// Index of the next element.
        index: usize,
    },
}

impl Scanner {
    pub(super) fn new(document: Context) -> Self {
        Self {
            document,
            ..Self::default()
        }
    }

    /// Processes the next bytes and emits parts, in order.
    pub(super) fn push(&mut self, bytes: &[u8], mut give: impl FnMut(Part, &[u8])) {
        for byte in bytes {
            self.byte(*byte, &mut give);
        }
        self.flush(&mut give);
    }

    /// Emits a backslash that no byte followed.
    pub(super) fn finish(&mut self, mut give: impl FnMut(Part, &[u8])) {
        if mem::take(&mut self.has_backslash) {
            self.add(Part::MayHoldValues, b"\\", &mut give);
        }
        self.flush(&mut give);
    }

    fn flush(&mut self, give: &mut impl FnMut(Part, &[u8])) {
        if let Some(part) = self.pending_part.take() {
            give(part, &self.pending);
            self.pending.clear();
        }
    }

    fn add(&mut self, part: Part, bytes: &[u8], give: &mut impl FnMut(Part, &[u8])) {
        if self.pending_part != Some(part) {
            self.flush(give);
            self.pending_part = Some(part);
        }
        self.pending.extend_from_slice(bytes);
    }

    fn byte(&mut self, byte: u8, give: &mut impl FnMut(Part, &[u8])) {
        if mem::take(&mut self.has_backslash) {
            let part = self.escaped(byte);
            return self.add(part, &[b'\\', byte], give);
        }
        let part = match self.place {
            Place::LineStart if byte == b'{' => {
                self.content = Content {
                    context: self.document,
                    text: Text::Value,
                };
                self.name.clear();
                self.is_checked = false;
                self.place = Place::Between;
                self.between(byte)
            }
            Place::LineStart | Place::Outside => {
                self.place = if byte == b'\n' {
                    Place::LineStart
                } else {
                    Place::Outside
                };
                Part::MayHoldValues
            }
            Place::Between => self.between(byte),
            Place::Name | Place::Text(_) if byte == b'\\' => {
                self.has_backslash = true;
                return;
            }
            Place::Name => self.in_name(byte),
            Place::Text(text) => self.in_text(text, byte),
        };
        self.add(part, &[byte], give);
    }

    /// Processes a byte outside of all strings.
    fn between(&mut self, byte: u8) -> Part {
        match byte {
            b'{' => {
                let frame = Frame::Object {
                    context: self.content.context,
                    of: mem::take(&mut self.name),
                    expects_name: true,
                };
                self.open(frame);
            }
            b'[' => {
                let frame = Frame::Array {
                    content: self.content,
                    of: mem::take(&mut self.name),
                    index: 0,
                };
                self.open(frame);
                self.enter_element();
            }
            b'}' | b']' => {
                self.frames.pop();
                if self.frames.is_empty() {
                    self.place = Place::Outside;
                }
            }
            b',' => self.next(),
            b'"' => return self.begin_text(),
            _ => {}
        }
        // Numbers are values; nothing else here can be one.
        Part::MayHoldValues
    }

    fn open(&mut self, frame: Frame) {
        if self.frames.len() == MAX_DEPTH {
            self.frames.clear();
            self.place = Place::Outside;
        } else {
            self.frames.push(frame);
        }
    }

    fn next(&mut self) {
        match self.frames.last_mut() {
            Some(Frame::Object { expects_name, .. }) => *expects_name = true,
            Some(Frame::Array { index, .. }) => {
                *index += 1;
                self.enter_element();
            }
            None => {}
        }
    }

    /// Records the kind of the next element of the innermost array.
    fn enter_element(&mut self) {
        let Some(Frame::Array { content, of, index }) = self.frames.last() else {
            return;
        };
        self.content = *content;
        self.name.clone_from(of);
        if content.context == Context::Paths {
            let is_path = self
                .frames
                .iter()
                .rev()
                .nth(1)
                .is_some_and(|frame| matches!(frame, Frame::Array { .. }));
            self.content.text = if is_path && *index == 0 {
                Text::Word
            } else {
                Text::Value
            };
        }
    }

    fn begin_text(&mut self) -> Part {
        if let Some(Frame::Object {
            context,
            expects_name,
            ..
        }) = self.frames.last_mut()
            && mem::take(expects_name)
        {
            let part = if context.has_fixed_names() {
                Part::OfFormat
            } else {
                Part::MayHoldValues
            };
            self.place = Place::Name;
            self.name.clear();
            return part;
        }
        let text = match self.content.text {
            Text::Word => InText::Word,
            Text::Value => InText::Value,
            Text::Address => InText::Address {
                after_bracket: false,
            },
        };
        self.place = Place::Text(text);
        match text {
            InText::Value => Part::MayHoldValues,
            InText::Word | InText::Address { .. } | InText::Key { .. } => Part::OfFormat,
        }
    }

    fn in_name(&mut self, byte: u8) -> Part {
        let Some(Frame::Object { context, of, .. }) = self.frames.last() else {
            return Part::MayHoldValues;
        };
        let part = if context.has_fixed_names() {
            Part::OfFormat
        } else {
            Part::MayHoldValues
        };
        if byte == b'"' {
            self.content = context.member(&self.name, of);
            self.place = Place::Between;
            self.check_first_name();
        } else if self.name.len() < MAX_NAME_BYTES {
            // Names of the format contain only ASCII characters.
            self.name.push(char::from(byte));
        }
        part
    }

    /// Treats an object that is not the tool's document, such as a line of its log, as a value.
    fn check_first_name(&mut self) {
        if let [Frame::Object { context, .. }] = self.frames.as_mut_slice()
            && *context == self.document
            && !self.is_checked
        {
            self.is_checked = true;
            if !self.document.begins_with(&self.name) {
                *context = Context::Value;
                self.content = Content::default();
            }
        }
    }

    fn in_text(&mut self, text: InText, byte: u8) -> Part {
        if byte == b'"' {
            self.place = Place::Between;
            return match text {
                InText::Value => Part::MayHoldValues,
                InText::Word | InText::Address { .. } | InText::Key { .. } => Part::OfFormat,
            };
        }
        match text {
            InText::Word => Part::OfFormat,
            InText::Value => Part::MayHoldValues,
            InText::Address { .. } => {
                self.place = Place::Text(InText::Address {
                    after_bracket: byte == b'[',
                });
                Part::OfFormat
            }
            InText::Key { .. } => {
                self.place = Place::Text(InText::Key { is_escaped: false });
                Part::Key
            }
        }
    }

    /// Processes a backslash and this byte, in a name or a string.
    fn escaped(&mut self, byte: u8) -> Part {
        match self.place {
            Place::Name => {
                // No name of the format contains an escape.
                self.name.push('\\');
                match self.frames.last() {
                    Some(Frame::Object { context, .. }) if context.has_fixed_names() => {
                        Part::OfFormat
                    }
                    _ => Part::MayHoldValues,
                }
            }
            Place::Text(InText::Word) => Part::OfFormat,
            Place::Text(InText::Address { after_bracket }) => {
                if after_bracket && byte == b'"' {
                    self.place = Place::Text(InText::Key { is_escaped: false });
                }
                Part::OfFormat
            }
            Place::Text(InText::Key { is_escaped }) => match byte {
                b'"' if !is_escaped => {
                    self.place = Place::Text(InText::Address {
                        after_bracket: false,
                    });
                    Part::OfFormat
                }
                _ => {
                    self.place = Place::Text(InText::Key {
                        is_escaped: byte == b'\\' && !is_escaped,
                    });
                    Part::Key
                }
            },
            Place::Text(InText::Value) | Place::LineStart | Place::Outside | Place::Between => {
                Part::MayHoldValues
            }
        }
    }
}
