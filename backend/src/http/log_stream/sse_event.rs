//! Encodes a server-sent event.

use axum::body::Bytes;

/// Comment sent when there is no event to send.
pub(crate) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// A server-sent event.
///
/// axum's own event type omits empty data, and a browser ignores an event without data. A log has empty lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// Event type.
    pub(crate) kind: &'static str,
    /// Value for `Last-Event-ID`; `None` leaves the previous one unchanged.
    pub(crate) id: Option<String>,
    /// Event data.
    pub(crate) data: String,
}

impl SseEvent {
    /// Returns the event's bytes. In an event, a carriage return ends a line, as a newline does.
    pub(crate) fn encode(&self) -> Bytes {
        let mut text = format!("event: {}\n", self.kind);
        if let Some(id) = &self.id {
            text.push_str(&format!("id: {id}\n"));
        }
        let data = self.data.strip_suffix('\r').unwrap_or(&self.data);
        for line in data.split(['\r', '\n']) {
            text.push_str(&format!("data: {line}\n"));
        }
        text.push('\n');
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_data_is_a_line_of_the_event() {
        let table = [
            ("one", "data: one\n"),
            ("", "data: \n"),
            (" x", "data:  x\n"),
            ("one\ntwo", "data: one\ndata: two\n"),
            ("10%\r20%\r", "data: 10%\ndata: 20%\n"),
            ("x\n\nevent: end", "data: x\ndata: \ndata: event: end\n"),
        ];
        for (data, expected) in table {
            let event = SseEvent {
                kind: "log",
                id: Some("7".to_owned()),
                data: data.to_owned(),
            };
            let expected = format!("event: log\nid: 7\n{expected}\n");
            assert_eq!(event.encode(), expected, "{data:?}");
        }
    }

    #[test]
    fn an_event_without_an_id_leaves_the_last_one() {
        let event = SseEvent {
            kind: "status",
            id: None,
            data: "{}".to_owned(),
        };
        assert_eq!(event.encode(), "event: status\ndata: {}\n\n");
    }
}
