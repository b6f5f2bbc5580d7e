//! JSON Schema (draft 2020-12) of the three documents.

pub(super) mod shapes;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{Event, Request, RunResult};

/// The documents that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The request.
    Request,
    /// The result.
    Result,
    /// One event.
    Event,
}

/// Returns the JSON Schema of one document.
pub fn schema(of: Subject) -> Value {
    let draft = SchemaSettings::draft2020_12();
    let schema = match of {
        Subject::Request => draft.into_generator().into_root_schema_for::<Request>(),
        // Schemas for readers: a member that is always written is required.
        Subject::Result => draft
            .for_serialize()
            .into_generator()
            .into_root_schema_for::<RunResult>(),
        Subject::Event => draft
            .for_serialize()
            .into_generator()
            .into_root_schema_for::<Event>(),
    };
    schema.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused_by_schema(document: &Value) -> Option<String> {
        let validator = jsonschema::validator_for(&schema(Subject::Request)).unwrap();
        validator
            .validate(document)
            .err()
            .map(|fault| fault.to_string())
    }

    /// Builds a minimal request with one more member.
    fn with(name: &str, value: Value) -> Value {
        let mut document = json!({"tool": "terraform", "work_dir": "/w", "command": "plan"});
        document[name] = value;
        document
    }

    #[test]
    fn each_schema_is_a_schema() {
        for subject in [Subject::Request, Subject::Result, Subject::Event] {
            let schema = schema(subject);
            jsonschema::draft202012::meta::validate(&schema).unwrap();
            assert_eq!(
                schema["$schema"],
                "https://json-schema.org/draft/2020-12/schema"
            );
        }
    }

    #[test]
    fn the_schema_of_the_request_and_the_decoder_agree() {
        const OPTIONAL: [&str; 11] = [
            "args",
            "env_vars",
            "timeout",
            "grace_seconds",
            "run_dir",
            "on_disconnect",
            "secrets",
            "inherit_env",
            "output_limit_bytes",
            "tool_version",
            "sandbox",
        ];
        const ALL: [&str; 3] = ["tool", "work_dir", "command"];
        let values = [
            json!(null),
            json!(true),
            json!(""),
            json!("a"),
            json!("A\0"),
            json!("terraform"),
            json!("state-list"),
            json!("p".repeat(33)),
            json!("/w/".repeat(1366)),
            json!("finish"),
            json!("1.2.3"),
            json!("1.2.3-rc1"),
            json!("1.2.3_"),
            json!("v1.2.3"),
            json!("1.2"),
            json!(0),
            json!(-1),
            json!(-0.0001),
            json!(1.5),
            json!(4096.0),
            json!(86401),
            json!(10081),
            json!(1_073_741_825_u64),
            json!(1e300),
            json!([]),
            json!(["A"]),
            json!(["A_*", "b"]),
            json!(["*"]),
            json!(["A*B"]),
            json!(["a\0"]),
            json!(["A", null]),
            json!([1]),
            json!({}),
            json!({"A": "b", "_1": ""}),
            json!({"A": null}),
            json!({"A": "b\0"}),
            json!({"A=": "b"}),
            json!({"": "b"}),
            json!({"1": "b"}),
            json!({"mode": "auto", "read": ["/a"], "write": []}),
            json!({"mode": "required", "read": null}),
            json!({"mode": null}),
            json!({"mode": "on"}),
            json!({"read": ["a"]}),
            json!({"write": [""]}),
            json!({"write": ["/a\0"]}),
            json!({"write": "/a"}),
            json!({"read": ["/w/".repeat(1366)]}),
        ];
        for name in OPTIONAL.into_iter().chain(ALL).chain(["unknown"]) {
            for value in &values {
                let document = with(name, value.clone());
                let by_decoder = Request::parse(document.to_string().as_bytes()).err();
                let by_schema = refused_by_schema(&document);
                assert_eq!(
                    by_decoder.is_some(),
                    by_schema.is_some(),
                    "{document}\ndecoder: {by_decoder:?}\nschema: {by_schema:?}"
                );
            }
        }
        for name in OPTIONAL {
            assert_eq!(refused_by_schema(&with(name, json!(null))), None, "{name}");
        }
    }

    #[test]
    fn a_request_that_leaves_out_what_it_must_have_is_refused() {
        for name in ["tool", "work_dir", "command"] {
            let mut document = with("args", json!([]));
            document.as_object_mut().unwrap().remove(name);
            assert!(refused_by_schema(&document).is_some(), "{name}");
        }
    }

    #[test]
    fn the_defaults_in_the_schema_are_those_of_the_decoder() {
        let schema = schema(Subject::Request);
        let built = json!(Request::new(crate::protocol::Tool::Tofu, "/w", "plan"));
        for (name, property) in schema["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default").filter(|value| !value.is_null()) {
                assert_eq!(default, &built[name], "{name}");
            }
        }
    }
}
