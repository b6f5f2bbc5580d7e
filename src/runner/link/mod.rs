//! The connection between front and supervisor, over a socket pair that both inherit.

pub(super) mod message;
pub(super) mod outbox;
pub(super) mod relay;

use std::io;
use std::os::unix::net::UnixStream as Socket;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::timeout;

pub(super) use self::message::Message;
use self::outbox::Outbox;

/// One end of the connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    received: Vec<u8>,
    outbox: Outbox,
}

impl Link {
    /// Opens one end; requires a running runtime.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(socket)?,
            received: Vec::new(),
            outbox: Outbox::default(),
        })
    }

    /// Waits for the next message; returns `None` when the other process is gone.
    ///
    /// Sends queued messages in the meantime. Cancel safe.
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

    /// Returns when the other process is gone, as long as it sends no message.
    pub(super) async fn gone(&mut self) {
        while self.receive().await.is_some() {}
    }

    /// Sends a message as soon as the other side accepts it; never waits.
    ///
    /// Only warnings may be dropped, and every other message overtakes them.
    pub(super) fn post(&mut self, message: Message) {
        self.outbox.push(message);
        self.send_waiting();
    }

    /// Waits until everything is sent, at most `at_most`.
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
                // The other process is gone; `receive` reports that.
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
