//! The queue of messages between front and supervisor: important ones first, the rest within a limit.

use std::collections::VecDeque;

use super::message::Message;

/// Most bytes of queued sentences; further ones are dropped and counted.
const MAX_SENTENCE_BYTES: usize = 1024 * 1024;

/// Messages that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The encoded rest of the message that is being sent.
    current: Vec<u8>,
    /// In the order of arrival. Each is queued at most once: repeating a request that has not been sent yet has no
    /// effect. So there are no more than there are kinds.
    orders: VecDeque<Message>,
    sentences: VecDeque<String>,
    sentence_bytes: usize,
    /// Number of sentences that were dropped.
    dropped: u64,
}

impl Outbox {
    /// Queues a message.
    pub(crate) fn push(&mut self, message: Message) {
        match message {
            Message::Warning(sentence) => {
                if self.sentence_bytes + sentence.len() > MAX_SENTENCE_BYTES {
                    self.dropped += 1;
                } else {
                    self.sentence_bytes += sentence.len();
                    self.sentences.push_back(sentence);
                }
            }
            order => {
                if !self.orders.contains(&order) {
                    self.orders.push_back(order);
                }
            }
        }
    }

    /// Returns the bytes to send next; empty if everything is sent.
    pub(crate) fn bytes(&mut self) -> &[u8] {
        if self.current.is_empty()
            && let Some(message) = self.next()
        {
            message.encode(&mut self.current);
        }
        &self.current
    }

    /// Records how much of [`Outbox::bytes`] was sent.
    pub(crate) fn sent(&mut self, len: usize) {
        self.current.drain(..len);
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.bytes().is_empty()
    }

    fn next(&mut self) -> Option<Message> {
        if let Some(order) = self.orders.pop_front() {
            return Some(order);
        }
        if let Some(sentence) = self.sentences.pop_front() {
            self.sentence_bytes -= sentence.len();
            return Some(Message::Warning(sentence));
        }
        let dropped = std::mem::take(&mut self.dropped);
        (dropped > 0).then(|| Message::Warning(format!("{dropped} more warnings were dropped")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes everything out, in pieces of three bytes.
    fn taken(outbox: &mut Outbox) -> Vec<Message> {
        let mut sent = Vec::new();
        while !outbox.is_empty() {
            let len = outbox.bytes().len().min(3);
            sent.extend_from_slice(&outbox.bytes()[..len]);
            outbox.sent(len);
        }
        std::iter::from_fn(|| Message::decode(&mut sent)).collect()
    }

    #[test]
    fn an_order_overtakes_every_sentence_that_is_not_being_sent() {
        let mut outbox = Outbox::default();
        for sentence in ["first", "second"] {
            outbox.push(Message::Warning(sentence.to_owned()));
        }
        assert!(!outbox.bytes().is_empty());
        outbox.sent(3);
        outbox.push(Message::Cancel);
        outbox.push(Message::Force);
        outbox.push(Message::Cancel);
        let first_sent = outbox.current.clone();
        let mut whole = Vec::new();
        Message::Warning("first".to_owned()).encode(&mut whole);
        assert_eq!(first_sent, whole[3..]);
        outbox.sent(first_sent.len());
        let rest = [
            Message::Cancel,
            Message::Force,
            Message::Warning("second".to_owned()),
        ];
        assert_eq!(taken(&mut outbox), rest);
    }

    #[test]
    fn sentences_beyond_the_bound_are_counted_and_orders_always_fit() {
        let mut outbox = Outbox::default();
        let sentence = Message::Warning("x".repeat(1024));
        for _ in 0..MAX_SENTENCE_BYTES / 1024 + 7 {
            outbox.push(sentence.clone());
        }
        outbox.push(Message::ReaderGone);
        let taken = taken(&mut outbox);
        assert_eq!(taken[0], Message::ReaderGone);
        assert_eq!(taken.len(), 1 + MAX_SENTENCE_BYTES / 1024 + 1);
        let last = Message::Warning("7 more warnings were dropped".to_owned());
        assert_eq!(taken.last(), Some(&last));
    }
}
