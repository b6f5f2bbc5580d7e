//! The messages between front and supervisor, and their encoding.

/// Bytes before the payload: kind and length.
const HEADER_BYTES: usize = 5;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    // From the front.
    /// The bytes of the request document.
    Request(Vec<u8>),
    /// No request document is available, with the reason.
    NoRequest(String),
    /// The runner was asked to stop before it had a request.
    StoppedEarly,
    /// Stop gracefully.
    Cancel,
    /// Stop gracefully: the front was signalled.
    Signalled,
    /// End at once.
    Force,
    /// The front's stdout has no reader any more.
    ReaderGone,

    // From either.
    /// A sentence for the operator of the run.
    Warning(String),

    // From the supervisor.
    /// The relay has new data.
    Relayed,
    /// The tool runs, with this process id.
    Started(i32),
}

impl Message {
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        let number;
        let (kind, payload): (u8, &[u8]) = match self {
            Self::Request(document) => (b'R', document),
            Self::NoRequest(why) => (b'N', why.as_bytes()),
            Self::StoppedEarly => (b'E', b""),
            Self::Cancel => (b'C', b""),
            Self::Signalled => (b'I', b""),
            Self::Force => (b'F', b""),
            Self::ReaderGone => (b'G', b""),
            Self::Warning(sentence) => (b'W', sentence.as_bytes()),
            Self::Relayed => (b'P', b""),
            Self::Started(pid) => {
                number = pid.to_le_bytes();
                (b'S', &number)
            }
        };
        to.push(kind);
        to.extend_from_slice(
            &u32::try_from(payload.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        to.extend_from_slice(payload);
    }

    /// Removes one complete message from the start of some bytes.
    pub(crate) fn decode(from: &mut Vec<u8>) -> Option<Self> {
        let (header, rest) = from.split_at_checked(HEADER_BYTES)?;
        let len = u32::from_le_bytes(header[1..].try_into().ok()?) as usize;
        let payload = rest.get(..len)?;
        let sentence = || String::from_utf8_lossy(payload).into_owned();
        let message = match header[0] {
            b'R' => Self::Request(payload.to_vec()),
            b'N' => Self::NoRequest(sentence()),
            b'E' => Self::StoppedEarly,
            b'C' => Self::Cancel,
            b'I' => Self::Signalled,
            b'F' => Self::Force,
            b'G' => Self::ReaderGone,
            b'W' => Self::Warning(sentence()),
            b'S' => Self::Started(i32::from_le_bytes(payload.try_into().unwrap_or_default())),
            _ => Self::Relayed,
        };
        from.drain(..HEADER_BYTES + len);
        Some(message)
    }
}
