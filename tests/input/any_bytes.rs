//! For any input, the output is one valid document.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use crate::call::Call;
use crate::refusal::{Outcome, assert_refusal};
use crate::test_env::{TestEnv, request_in};

/// Each case is a call of the binary.
const CASES: u32 = 200;

/// The failure message contains the failing case; no file is written.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// One change to a document.
#[derive(Clone, Debug)]
enum Change {
    Flip { at: usize, bit: u8 },
    Cut { at: usize },
    Remove { at: usize, len: usize },
    Insert { at: usize, bytes: Vec<u8> },
    Repeat { at: usize, len: usize },
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        let within = |at: usize| at % (to.len() + 1);
        match self {
            Self::Flip { at, bit } => {
                let at = within(*at);
                if let Some(byte) = to.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Cut { at } => to.truncate(within(*at)),
            Self::Remove { at, len } => {
                let at = within(*at);
                to.drain(at..(at + len).min(to.len()));
            }
            Self::Insert { at, bytes } => {
                let at = within(*at);
                to.splice(at..at, bytes.iter().copied());
            }
            Self::Repeat { at, len } => {
                let at = within(*at);
                let part = to[at..(at + len).min(to.len())].to_vec();
                to.splice(at..at, part);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<u16>().prop_map(usize::from);
    let telling = prop::sample::select(&b"{}[]\",:\\\0\n*=-.019nt\xff\xe2"[..]);
    prop_oneof![
        4 => (at.clone(), 0..8u8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        1 => at.clone().prop_map(|at| Change::Cut { at }),
        2 => (at.clone(), 1..9usize).prop_map(|(at, len)| Change::Remove { at, len }),
        4 => (at.clone(), prop::collection::vec(telling, 1..4))
            .prop_map(|(at, bytes)| Change::Insert { at, bytes }),
        2 => (at, 1..40usize).prop_map(|(at, len)| Change::Repeat { at, len }),
    ]
}

fn changed_request() -> impl Strategy<Value = Vec<u8>> {
    let whole = request_in(
        Path::new("/"),
        &json!({
            "timeout": 1.5, "grace_seconds": 3, "on_disconnect": "finish", "secrets": ["s3cr3t-value"],
            "inherit_env": ["LC_*"], "output_limit_bytes": 4096, "tool_version": "1.11.4",
        }),
    )
    .to_string();
    prop::collection::vec(change(), 1..4).prop_map(move |changes| {
        let mut bytes = whole.clone().into_bytes();
        for change in &changes {
            change.apply(&mut bytes);
        }
        bytes
    })
}

/// The call has no tool on `PATH`, so that input that is still a valid request is not executed.
fn check(test_env: &TestEnv, bytes: &[u8]) {
    let answer = Call::new(&test_env.work_dir(), &test_env.text_of("empty")).run(bytes);
    let result = answer.document();
    let outcome = if result["outcome"] == "not_started" {
        Outcome::NotStarted
    } else {
        Outcome::InvalidRequest
    };
    let name = format!("{:?}", String::from_utf8_lossy(bytes));
    assert_refusal(&name, &answer, &result, outcome);
}

#[test]
fn any_bytes_at_all_give_one_valid_document() {
    let test_env = TestEnv::new();
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|mut bytes| {
            bytes.insert(0, b'{');
            bytes
        }),
        "\\PC{0,60}".prop_map(String::into_bytes),
    ];
    proptest!(config(), |(bytes in bytes)| {
        check(&test_env, &bytes);
    });
}

#[test]
fn any_change_to_a_request_gives_one_valid_document() {
    let test_env = TestEnv::new();
    proptest!(config(), |(bytes in changed_request())| {
        check(&test_env, &bytes);
    });
}
