//! Any body is either parsed or refused, and no fault repeats a value.

use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::super::names::FIELDS;
use super::super::*;

/// Represents every string in a body: it must never appear in a fault.
const SECRET: &str = "hunter2";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(SECRET.to_owned()),
        Just(format!("/{SECRET}")),
        Just(format!("-{SECRET}={SECRET}")),
        Just(format!("https://{SECRET}@{SECRET}/")),
        Just(format!("'{SECRET}")),
        Just(format!("-var=token={SECRET}")),
        "[ -~]{0,8}".prop_map(|it| format!("{it}{SECRET}")),
    ]
}

fn key() -> impl Strategy<Value = String> {
    const NESTED: [&str; 5] = ["type", "username", "password", "private_key", "known_hosts"];
    prop_oneof![
        prop::sample::select(&NESTED[..]).prop_map(str::to_owned),
        prop::sample::select(&["directory", "files", "main.tf", "TF_CLI_ARGS"][..])
            .prop_map(str::to_owned),
        "[a-z./ -]{0,6}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop::sample::select(&FIELDS[..]).prop_map(str::to_owned);
    prop::collection::btree_map(name, value(), 0..12).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = DeployRequest::from_json(&bytes);
    }

    #[test]
    fn any_body_is_read_or_refused_without_its_values(body in body()) {
        let body = Value::Object(body).to_string();
        if let Err(error) = DeployRequest::from_json(body.as_bytes()) {
            prop_assert!(!error.faults.is_empty());
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(SECRET), "{body}: {shown}");
        }
    }

    #[test]
    fn a_good_body_comes_back_from_its_record(
        variables in prop::collection::btree_map("[a-k]{1,6}", value(), 0..4),
        env_vars in prop::collection::btree_map("[A-Z]{1,6}", text(), 0..4),
        minutes in 0.0..=10080.0f64,
    ) {
        let mut request = DeployRequest::git(Tool::Tofu, "https://example.com/a", "main");
        request.variables = variables;
        request.timeout_minutes = minutes;
        for (name, value) in env_vars {
            request.env_vars.insert(name, value.into());
        }
        prop_assert_eq!(request.validate(&FlagPolicy::default()), Ok(()));
        let again = DeployRequest::from_record(&request.record(), &request.secrets());
        let again = again.expect("complete");
        prop_assert_eq!(again.record(), request.record());
        for (name, value) in &request.env_vars {
            prop_assert_eq!(again.env_vars[name].expose_secret(), value.expose_secret());
        }
    }
}
