//! Any bytes, in pieces of any size, give a request or one line that says why not.
#![no_main]

use arbitrary::Arbitrary;
use iac_runner::protocol::{Framer, Framing, MAX_REQUEST_BYTES, Request};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[derive(Arbitrary, Debug)]
struct Arrival<'a> {
    piece_sizes: [u8; 8],
    bytes: &'a [u8],
}

fuzz_target!(|arrival: Arrival<'_>| {
    let framing = frame_in_pieces(&arrival);
    assert_eq!(framing, Framer::default().push(arrival.bytes));
    let document = match framing {
        Framing::Complete { len } => {
            assert!(len <= arrival.bytes.len() && len <= MAX_REQUEST_BYTES);
            &arrival.bytes[..len]
        }
        Framing::Refused(fault) => {
            assert!(!fault.to_string().contains(char::is_control));
            return;
        }
        // As the binary does when stdin ends there.
        Framing::Incomplete => arrival.bytes,
    };
    match Request::parse(document) {
        Ok(request) => {
            let written = json!(request).to_string();
            let read = Request::parse(written.as_bytes()).expect("what was written can be read");
            assert_eq!(json!(read).to_string(), written);
            // Neither may panic: they become deadlines.
            let _ = (request.timeout(), request.grace());
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            assert!(sentence.chars().count() < 4096, "{sentence}");
        }
    }
});

fn frame_in_pieces(arrival: &Arrival<'_>) -> Framing {
    let mut framer = Framer::default();
    let mut rest = arrival.bytes;
    let mut sizes = arrival.piece_sizes.iter().cycle();
    while !rest.is_empty() {
        // A size of zero means one empty piece, and is never the only size.
        let size = sizes.next().map_or(1, |&size| usize::from(size));
        let (piece, after) = rest.split_at(size.clamp(1, rest.len()));
        rest = after;
        match framer.push(piece) {
            Framing::Incomplete => {}
            end @ (Framing::Complete { .. } | Framing::Refused(_)) => return end,
        }
    }
    Framing::Incomplete
}
