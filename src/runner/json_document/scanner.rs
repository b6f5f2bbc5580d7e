//! Reads JSON piece by piece and tells for each byte whether it belongs to the format.

use std::mem;

use super::layout::{Content, Context, Text};

/// Longest name that is compared; all of the format are shorter.
const MAX_NAME_BYTES: usize = 64;
/// Depth at which a document is no longer followed; serde_json reads no deeper.
const MAX_DEPTH: usize = 160;

/// What some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Words of the format, names of the configuration.
    OfFormat,
    /// A value within a text of which the rest is of the format.
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
    /// Whether the first name of the document was seen.
    is_checked: bool,
    /// What the next value is.
    content: Content,
    /// The name of the next value, empty when it has none or it is a long one.
    name: String,
    /// A backslash of which the next byte decides what the two are.
    has_backslash: bool,
    /// Bytes that are not given out yet, all of one part.
    pending: Vec<u8>,
    pending_part: Option<Part>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before or after the document; whether at the start of a line.
    #[default]
    LineStart,
    Outside,
    /// Between texts within the document.
    Between,
    /// In the name of a member.
    Name,
    /// In a text.
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

/// An object or an array that is open.
#[derive(Debug)]
enum Frame {
    Object {
        context: Context,
        /// Under which name it is.
        of: String,
        expects_name: bool,
    },
    Array {
        content: Content,
        /// Under which name it is.
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

    /// Takes the next bytes and gives parts out, in order.
    pub(super) fn push(&mut self, bytes: &[u8], mut give: impl FnMut(Part, &[u8])) {
        for byte in bytes {
            self.byte(*byte, &mut give);
        }
        self.flush(&mut give);
    }

    /// Gives out a backslash after which nothing came.
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

    /// A byte outside of all texts.
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
        // Numbers are values; what else is here cannot be one.
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

    /// Notes what the next element of the innermost array is.
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
            // Other characters than those of ASCII are in no name of the format.
            self.name.push(char::from(byte));
        }
        part
    }

    /// Takes what is no document of the tool, such as a line of its log, for a value.
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

    /// A backslash and this byte, in a name or a text.
    fn escaped(&mut self, byte: u8) -> Part {
        match self.place {
            Place::Name => {
                // No name of the format has an escape.
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
