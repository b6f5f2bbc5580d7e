//! For any output of a tool, in any pieces: every reader gets the same text, and none gets a secret.

use std::fmt::Write;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use iac_runner::output::{Matcher, Redactor};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::call::Call;
use crate::record::recorded_events;
use crate::schemas::{EVENT, REQUEST, RESULT, assert_valid};
use crate::test_env::TestEnv;

/// Each case is a run of a tool.
const CASES: u32 = 30;
/// Longer than the silence after which a partial line is forwarded.
const PAUSE: &str = "sleep 0.3";

/// A tool's output, and the secrets in it.
#[derive(Clone, Debug)]
struct Script {
    secrets: Vec<String>,
    /// Each with whether the tool pauses after it.
    pieces: Vec<(Vec<u8>, bool)>,
}

impl Script {
    fn text(&self) -> Vec<u8> {
        self.pieces
            .iter()
            .flat_map(|(piece, _)| piece.clone())
            .collect()
    }

    /// Writes the tool: one `cat` per piece.
    fn put(&self, test_env: &TestEnv) {
        let mut script = "#!/bin/sh\n".to_owned();
        for (index, (piece, pauses)) in self.pieces.iter().enumerate() {
            let file = test_env.at(&format!("piece-{index}"));
            fs::write(&file, piece).expect("a file");
            writeln!(script, "cat '{}'", file.display()).expect("a string");
            if *pauses {
                writeln!(script, "{PAUSE}").expect("a string");
            }
        }
        test_env.put_program("bin/terraform", &script);
    }

    /// Returns the text that every reader must get.
    fn masked(&self) -> String {
        let matcher = Matcher::new(self.secrets.iter().map(String::as_bytes));
        let mut redactor = Redactor::new(matcher.into());
        let mut masked = Vec::new();
        redactor.push(&self.text(), &mut masked);
        redactor.finish(&mut masked);
        String::from_utf8_lossy(&masked).into_owned()
    }
}

/// No word of the protocol begins like these, and none has members: in `Zq="value"` the value would be a separate
/// secret.
fn secret() -> impl Strategy<Value = String> {
    "Zq[0-9A-Z\"\\\\/+&$\\{%é \n]{6,30}"
}

/// Returns the forms that the protocol promises to mask, made here without the code under test.
fn forms(secret: &str) -> Vec<String> {
    let quoted = json!(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        quoted[1..quoted.len() - 1]
            .replace("${", "$${")
            .replace("%{", "%%{"),
        url_encoded(secret),
    ];
    forms.extend((0..3).map(|before| base64_after(before, secret)));
    forms.extend(
        secret
            .split('\n')
            .map(str::trim)
            .filter(|line| line.chars().count() >= 6)
            .map(str::to_owned),
    );
    forms
}

fn url_encoded(secret: &str) -> String {
    secret.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string");
        }
        encoded
    })
}

/// Returns what base64 makes of a secret after some other bytes, without the characters that hold bits of its
/// neighbours.
fn base64_after(before: usize, secret: &str) -> String {
    let bytes = [&vec![0; before], secret.as_bytes()].concat();
    STANDARD_NO_PAD.encode(&bytes)[(before * 8).div_ceil(6)..bytes.len() * 8 / 6].to_owned()
}

fn script() -> impl Strategy<Value = Script> {
    let secrets = prop::collection::vec(secret(), 1..4);
    let filler = prop_oneof![
        "[a-z ,.é€\n]{0,40}".prop_map(String::into_bytes),
        "(\u{1b}\\[[0-9]{1,2}m|[a-z]|\n){0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
        (0..3000usize).prop_map(|len| b"long line ".repeat(len)),
    ];
    let parts = prop::collection::vec(
        (
            filler,
            any::<prop::sample::Index>(),
            any::<prop::sample::Index>(),
            0..4usize,
        ),
        1..8,
    );
    let cuts = prop::collection::vec(
        (any::<prop::sample::Index>(), prop::bool::weighted(0.15)),
        0..6,
    );
    (secrets, parts, cuts).prop_map(|(secrets, parts, cuts)| {
        let mut text = Vec::new();
        for (filler, which, form, without) in parts {
            text.extend_from_slice(&filler);
            let forms = forms(&secrets[which.index(secrets.len())]);
            let form = form.get(&forms).as_bytes();
            // Sometimes without its last bytes.
            text.extend_from_slice(&form[..form.len() - without.saturating_sub(1).min(form.len())]);
        }
        Script {
            secrets,
            pieces: in_pieces(&text, &cuts),
        }
    })
}

fn in_pieces(text: &[u8], cuts: &[(prop::sample::Index, bool)]) -> Vec<(Vec<u8>, bool)> {
    let mut cuts: Vec<(usize, bool)> = cuts
        .iter()
        .map(|(at, pauses)| (at.index(text.len() + 1), *pauses))
        .collect();
    cuts.push((text.len(), false));
    cuts.sort_unstable();
    let mut from = 0;
    cuts.into_iter()
        .map(|(at, pauses)| {
            let piece = text[from..at].to_vec();
            from = at;
            (piece, pauses)
        })
        .collect()
}

#[test]
fn any_output_reaches_everybody_alike_and_without_a_secret() {
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    proptest!(config, |(script in script())| check(&script));
}

fn check(script: &Script) {
    let test_env = TestEnv::new();
    script.put(&test_env);
    let run_dir = test_env.at("run");
    let request = test_env.request(&json!({
        "secrets": script.secrets,
        "run_dir": run_dir,
        "args": [script.secrets[0]],
    }));
    let answer = Call::new(&test_env.work_dir(), &test_env.path())
        .stream()
        .run(request.to_string().as_bytes());
    let kept = |name: &str| {
        fs::read_to_string(run_dir.join(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    };
    let log = kept("output.log");
    let result = answer.streamed_result();
    let events = answer.lines();
    assert_eq!(result["outcome"], "succeeded", "{result:#}");
    for event in &events {
        assert_valid(&EVENT, event);
    }
    assert_valid(&RESULT, &result);

    assert_eq!(log, script.masked());
    assert_eq!(joined(&events), log);
    assert_eq!(result["output"], log);
    assert_eq!(result["output_bytes"], log.len());
    assert_eq!(result["output_complete"], true);
    assert_eq!(json_of(&kept("result.json")), result);
    assert_eq!(recorded_events(&run_dir), events);
    let recorded = json_of(&kept("request.json"));
    assert_valid(&REQUEST, &recorded);

    for secret in &script.secrets {
        for form in forms(secret) {
            assert!(!log.contains(&form), "{form:?} in output.log");
            for document in events.iter().chain([&recorded]) {
                assert_absent(&form, document);
            }
        }
        if secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            assert!(!String::from_utf8_lossy(&answer.stdout).contains(secret));
        }
        assert!(!answer.stderr.contains(secret), "{}", answer.stderr);
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn joined(events: &[Value]) -> String {
    events
        .iter()
        .filter(|event| event["type"] == "output")
        .map(|event| event["text"].as_str().expect("text"))
        .collect()
}

/// Checks the texts in a document, not their spelling in JSON.
#[track_caller]
fn assert_absent(form: &str, document: &Value) {
    match document {
        Value::String(text) => assert!(!text.contains(form), "{form:?} in {text:?}"),
        Value::Array(values) => values.iter().for_each(|value| assert_absent(form, value)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            assert!(!name.contains(form), "{form:?} is a name");
            assert_absent(form, value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
