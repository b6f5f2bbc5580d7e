//! Parses JSON piece by piece and reports for each byte whether it belongs to the format.

use std::mem;

use super::layout::{Content, Context, Text};

/// Longest name that is compared; all names of the format are shorter.
const MAX_NAME_BYTES: usize = 64;
/// Depth at which a document is no longer followed; serde_json accepts no deeper one.
const MAX_DEPTH: usize = 160;

/// The kind of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteKind {
    /// Words of the format, names of the configuration.
    OfFormat,
    /// A value within a string whose rest belongs to the format.
    Key,
    /// Anything else.
    MayHoldValues,
}

/// Finds the document in the output and follows it.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    document: Context,
    place: ScanPosition,
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
    pending_part: Option<ByteKind>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ScanPosition {
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
    pub(crate) fn new(document: Context) -> Self {
        Self {
            document,
            ..Self::default()
        }
    }

    /// Processes the next bytes and emits parts, in order.
    pub(crate) fn push(&mut self, bytes: &[u8], mut give: impl FnMut(ByteKind, &[u8])) {
        for byte in bytes {
            self.byte(*byte, &mut give);
        }
        self.flush(&mut give);
    }

    /// Emits a backslash that no byte followed.
    pub(crate) fn finish(&mut self, mut give: impl FnMut(ByteKind, &[u8])) {
        if mem::take(&mut self.has_backslash) {
            self.add(ByteKind::MayHoldValues, b"\\", &mut give);
        }
        self.flush(&mut give);
    }

    fn flush(&mut self, give: &mut impl FnMut(ByteKind, &[u8])) {
        if let Some(part) = self.pending_part.take() {
            give(part, &self.pending);
            self.pending.clear();
        }
    }

    fn add(&mut self, part: ByteKind, bytes: &[u8], give: &mut impl FnMut(ByteKind, &[u8])) {
        if self.pending_part != Some(part) {
            self.flush(give);
            self.pending_part = Some(part);
        }
        self.pending.extend_from_slice(bytes);
    }

    fn byte(&mut self, byte: u8, give: &mut impl FnMut(ByteKind, &[u8])) {
        if mem::take(&mut self.has_backslash) {
            let part = self.escaped(byte);
            return self.add(part, &[b'\\', byte], give);
        }
        let part = match self.place {
            ScanPosition::LineStart if byte == b'{' => {
                self.content = Content {
                    context: self.document,
                    text: Text::Value,
                };
                self.name.clear();
                self.is_checked = false;
                self.place = ScanPosition::Between;
                self.between(byte)
            }
            ScanPosition::LineStart | ScanPosition::Outside => {
                self.place = if byte == b'\n' {
                    ScanPosition::LineStart
                } else {
                    ScanPosition::Outside
                };
                ByteKind::MayHoldValues
            }
            ScanPosition::Between => self.between(byte),
            ScanPosition::Name | ScanPosition::Text(_) if byte == b'\\' => {
                self.has_backslash = true;
                return;
            }
            ScanPosition::Name => self.in_name(byte),
            ScanPosition::Text(text) => self.in_text(text, byte),
        };
        self.add(part, &[byte], give);
    }

    /// Processes a byte outside of all strings.
    fn between(&mut self, byte: u8) -> ByteKind {
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
                    self.place = ScanPosition::Outside;
                }
            }
            b',' => self.next(),
            b'"' => return self.begin_text(),
            _ => {}
        }
        // Numbers are values; nothing else here can be one.
        ByteKind::MayHoldValues
    }

    fn open(&mut self, frame: Frame) {
        if self.frames.len() == MAX_DEPTH {
            self.frames.clear();
            self.place = ScanPosition::Outside;
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

    fn begin_text(&mut self) -> ByteKind {
        if let Some(Frame::Object {
            context,
            expects_name,
            ..
        }) = self.frames.last_mut()
            && mem::take(expects_name)
        {
            let part = if context.has_fixed_names() {
                ByteKind::OfFormat
            } else {
                ByteKind::MayHoldValues
            };
            self.place = ScanPosition::Name;
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
        self.place = ScanPosition::Text(text);
        match text {
            InText::Value => ByteKind::MayHoldValues,
            InText::Word | InText::Address { .. } | InText::Key { .. } => ByteKind::OfFormat,
        }
    }

    fn in_name(&mut self, byte: u8) -> ByteKind {
        let Some(Frame::Object { context, of, .. }) = self.frames.last() else {
            return ByteKind::MayHoldValues;
        };
        let part = if context.has_fixed_names() {
            ByteKind::OfFormat
        } else {
            ByteKind::MayHoldValues
        };
        if byte == b'"' {
            self.content = context.member(&self.name, of);
            self.place = ScanPosition::Between;
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

    fn in_text(&mut self, text: InText, byte: u8) -> ByteKind {
        if byte == b'"' {
            self.place = ScanPosition::Between;
            return match text {
                InText::Value => ByteKind::MayHoldValues,
                InText::Word | InText::Address { .. } | InText::Key { .. } => ByteKind::OfFormat,
            };
        }
        match text {
            InText::Word => ByteKind::OfFormat,
            InText::Value => ByteKind::MayHoldValues,
            InText::Address { .. } => {
                self.place = ScanPosition::Text(InText::Address {
                    after_bracket: byte == b'[',
                });
                ByteKind::OfFormat
            }
            InText::Key { .. } => {
                self.place = ScanPosition::Text(InText::Key { is_escaped: false });
                ByteKind::Key
            }
        }
    }

    /// Processes a backslash and this byte, in a name or a string.
    fn escaped(&mut self, byte: u8) -> ByteKind {
        match self.place {
            ScanPosition::Name => {
                // No name of the format contains an escape.
                self.name.push('\\');
                match self.frames.last() {
                    Some(Frame::Object { context, .. }) if context.has_fixed_names() => {
                        ByteKind::OfFormat
                    }
                    _ => ByteKind::MayHoldValues,
                }
            }
            ScanPosition::Text(InText::Word) => ByteKind::OfFormat,
            ScanPosition::Text(InText::Address { after_bracket }) => {
                if after_bracket && byte == b'"' {
                    self.place = ScanPosition::Text(InText::Key { is_escaped: false });
                }
                ByteKind::OfFormat
            }
            ScanPosition::Text(InText::Key { is_escaped }) => match byte {
                b'"' if !is_escaped => {
                    self.place = ScanPosition::Text(InText::Address {
                        after_bracket: false,
                    });
                    ByteKind::OfFormat
                }
                _ => {
                    self.place = ScanPosition::Text(InText::Key {
                        is_escaped: byte == b'\\' && !is_escaped,
                    });
                    ByteKind::Key
                }
            },
            ScanPosition::Text(InText::Value)
            | ScanPosition::LineStart
            | ScanPosition::Outside
            | ScanPosition::Between => ByteKind::MayHoldValues,
        }
    }
}
