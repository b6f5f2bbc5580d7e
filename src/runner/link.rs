//! What front and supervisor tell each other, over a socket pair that both inherit.

use std::io;
use std::os::unix::net::UnixStream as Socket;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::outbox::Outbox;

/// Bytes before the payload: kind and length.
const HEADER_BYTES: usize = 5;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    // From the front.
    /// The bytes of the request document.
    Request(Vec<u8>),
    /// There is no request document; why not.
    NoRequest(String),
    /// The runner was told to stop before there was a request.
    StoppedEarly,
    /// Stop gracefully.
    Cancel,
    /// Stop gracefully: the front was signalled.
    Signalled,
    /// End at once.
    Force,
    /// Nobody reads the front's stdout any more.
    ReaderGone,

    // From either.
    /// A sentence for the person who looks after the run.
    Warning(String),

    // From the supervisor.
    /// There is something new in the relay.
    Relayed,
    /// The tool runs, with this process id.
    Started(i32),
}

impl Message {
    pub(super) fn encode(&self, to: &mut Vec<u8>) {
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

    /// Takes one whole message from the front of some bytes.
    pub(super) fn decode(from: &mut Vec<u8>) -> Option<Self> {
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

/// One end of the connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    received: Vec<u8>,
    outbox: Outbox,
}

impl Link {
    /// Takes up one end; needs a running runtime.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(socket)?,
            received: Vec::new(),
            outbox: Outbox::default(),
        })
    }

    /// The next message; `None` when the other process is gone.
    ///
    /// Sends on what is waiting in the meantime. May be dropped and called again.
    pub(super) async fn receive(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = Message::decode(&mut self.received) {
                return Some(message);
            }
            let mut interest = Interest::READABLE;
            if !self.outbox.is_empty() {
                interest |= Interest::WRITABLE;
            }
            let ready = self.stream.ready(interest).await.ok()?;
            if ready.is_writable() {
                self.send_waiting();
            }
            if ready.is_readable() {
                match self.stream.try_read_buf(&mut self.received) {
                    Ok(0) => return None,
                    Ok(_) => {}
                    Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return None,
                }
            }
        }
    }

    /// Returns when the other process is gone; for as long as it has nothing to say.
    pub(super) async fn gone(&mut self) {
        while self.receive().await.is_some() {}
    }

    /// Sends a message as soon as the other side takes it; never waits.
    ///
    /// Warnings are the only messages that may be dropped, and every other message overtakes them.
    pub(super) fn post(&mut self, message: Message) {
        self.outbox.push(message);
        self.send_waiting();
    }

    /// Waits until everything is sent, or for so long.
    pub(super) async fn flush(&mut self, at_most: Duration) {
        let _ = timeout(at_most, async {
            while !self.outbox.is_empty() && self.stream.writable().await.is_ok() {
                self.send_waiting();
            }
        })
        .await;
    }

    fn send_waiting(&mut self) {
        while !self.outbox.is_empty() {
            match self.stream.try_write(self.outbox.bytes()) {
                Ok(len) => self.outbox.sent(len),
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => return,
                // The other process is gone; `receive` says so.
                Err(_) => self.outbox = Outbox::default(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_message_arrives_as_it_was_sent() {
        let (left, right) = Socket::pair().unwrap();
        let (mut left, mut right) = (Link::new(left).unwrap(), Link::new(right).unwrap());
        let messages = [
            Message::Request(vec![0, 255, 7]),
            Message::Request(vec![b'x'; 1024 * 1024]),
            Message::NoRequest("é".to_owned()),
            Message::StoppedEarly,
            Message::Cancel,
            Message::Signalled,
            Message::Force,
            Message::ReaderGone,
            Message::Warning(String::new()),
            Message::Relayed,
            Message::Started(4711),
        ];
        let sending = async {
            for message in &messages {
                left.post(message.clone());
                left.flush(Duration::from_secs(60)).await;
            }
            drop(left);
        };
        let receiving = async {
            let mut received = Vec::new();
            while let Some(message) = right.receive().await {
                received.push(message);
            }
            received
        };
        let ((), received) = tokio::join!(sending, receiving);
        assert_eq!(received, messages);
    }
}
