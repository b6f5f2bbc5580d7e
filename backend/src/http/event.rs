//! A server-sent event, as it goes over the wire.

use axum::body::Bytes;

/// What is sent when there is nothing to say.
pub(super) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// One event.
///
/// An event of axum leaves out data that is empty, and a browser leaves out an event without data. A log has lines
/// that are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type.
    pub(super) kind: &'static str,
    /// What `Last-Event-ID` says after it; none to leave that as it is.
    pub(super) id: Option<String>,
    /// What it says.
    pub(super) data: String,
}

impl Event {
    /// The bytes of the event. A carriage return ends a line there, like a newline.
    pub(super) fn encode(&self) -> Bytes {
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
            let event = Event {
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
        let event = Event {
            kind: "status",
            id: None,
            data: "{}".to_owned(),
        };
        assert_eq!(event.encode(), "event: status\ndata: {}\n\n");
    }
}
