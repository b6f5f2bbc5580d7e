//! Decodes bytes to text, and replaces invalid UTF-8.

/// Decodes a stream that arrives in pieces; a character split between pieces is joined again.
#[derive(Debug, Default)]
pub struct Utf8 {
    held: Vec<u8>,
}

impl Utf8 {
    /// Appends the text of a piece to `to`.
    pub fn push(&mut self, piece: &[u8], to: &mut String) {
        if self.held.is_empty() {
            self.decode(piece, to);
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(piece);
            self.decode(&joined, to);
        }
    }

    /// Appends what was held back; nothing may follow.
    pub fn finish(&mut self, to: &mut String) {
        to.push_str(&String::from_utf8_lossy(&std::mem::take(&mut self.held)));
    }

    fn decode(&mut self, mut bytes: &[u8], to: &mut String) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return to.push_str(text),
                Err(fault) => {
                    let (valid, rest) = bytes.split_at(fault.valid_up_to());
                    to.push_str(&String::from_utf8_lossy(valid));
                    let Some(len) = fault.error_len() else {
                        self.held.extend_from_slice(rest);
                        return;
                    };
                    to.push(char::REPLACEMENT_CHARACTER);
                    bytes = &rest[len..];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_decode_as_the_whole_does(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            size in 1..7usize,
        ) {
            let mut decoder = Utf8::default();
            let mut text = String::new();
            for piece in bytes.chunks(size) {
                decoder.push(piece, &mut text);
            }
            decoder.finish(&mut text);
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
