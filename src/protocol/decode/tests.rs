use std::path::PathBuf;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::super::MAX_REQUEST_BYTES;
use super::*;

const COMMAND: &str = "expected a subcommand: a lower-case letter, then up to 31 lower-case letters, \
                       digits or dashes; options go into `args`";
const NAME: &str =
    "not a variable name: letters, digits and `_`, not a digit first; `-` only after `TF_VAR_`";
const PATTERN: &str = "expected a variable name, or a prefix that ends in `*`";
const VERSION: &str = "expected an exact version such as \"1.11.4\"";
const WHOLE_BYTES: &str = "expected a whole number of bytes from 0 to 1073741824";

/// Builds a minimal request, with some members added or replaced.
fn document(members: &Value) -> String {
    let mut document = json!({"tool": "tofu", "work_dir": "/w", "command": "plan"});
    for (name, value) in members.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

fn faults(document: &str) -> Vec<(String, String)> {
    match request(document.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(error) => error
            .faults
            .into_iter()
            .map(|fault| (fault.path, fault.problem))
            .collect(),
    }
}

#[test]
fn every_field_says_what_it_expected() {
    let table = [
        (json!({"tool": null}), "tool", "is required"),
        (
            json!({"tool": "terragrunt"}),
            "tool",
            "expected \"terraform\" or \"tofu\"",
        ),
        (
            json!({"tool": 1}),
            "tool",
            "expected a string, found a number",
        ),
        (
            json!({"sandbox": "auto"}),
            "sandbox",
            "expected an object, found a string",
        ),
        (
            json!({"sandbox": {"mode": "on"}}),
            "sandbox.mode",
            "expected \"off\", \"auto\" or \"required\"",
        ),
        (
            json!({"sandbox": {"read": ["a"]}}),
            "sandbox.read[0]",
            "expected an absolute path",
        ),
        (
            json!({"sandbox": {"memory_limit_bytes": 1.5}}),
            "sandbox.memory_limit_bytes",
            "expected a whole number of bytes, at least 67108864",
        ),
        (
            json!({"sandbox": {"memory_limit_bytes": 1024}}),
            "sandbox.memory_limit_bytes",
            "expected a whole number of bytes, at least 67108864",
        ),
        (
            json!({"sandbox": {"exec": []}}),
            "sandbox.exec",
            "unknown field",
        ),
        (json!({"work_dir": null}), "work_dir", "is required"),
        (
            json!({"work_dir": ""}),
            "work_dir",
            "is empty; expected a path",
        ),
        (
            json!({"work_dir": "/w".repeat(2048)}),
            "work_dir",
            "is longer than 4095 bytes",
        ),
        (json!({"work_dir": "a\0"}), "work_dir", "holds a NUL byte"),
        (json!({"command": null}), "command", "is required"),
        (json!({"command": ""}), "command", COMMAND),
        (json!({"command": "-help"}), "command", COMMAND),
        (json!({"command": "Plan"}), "command", COMMAND),
        (json!({"command": "state list"}), "command", COMMAND),
        (json!({"command": "p".repeat(33)}), "command", COMMAND),
        (
            json!({"command": true}),
            "command",
            "expected a string, found a boolean",
        ),
        (
            json!({"args": "-json"}),
            "args",
            "expected a list of strings, found a string",
        ),
        (
            json!({"args": ["a", 1]}),
            "args[1]",
            "expected a string, found a number",
        ),
        (json!({"args": ["a\0"]}), "args[0]", "holds a NUL byte"),
        (
            json!({"args": [null]}),
            "args[0]",
            "expected a string, found null",
        ),
        (
            json!({"env_vars": ["A=b"]}),
            "env_vars",
            "expected an object of strings, found a list",
        ),
        (
            json!({"env_vars": {"A": 1}}),
            "env_vars.A",
            "expected a string, found a number",
        ),
        (
            json!({"env_vars": {"A": "\0"}}),
            "env_vars.A",
            "holds a NUL byte",
        ),
        (json!({"env_vars": {"": "b"}}), r#"env_vars[""]"#, NAME),
        (
            json!({"env_vars": {"A=B": "c"}}),
            r#"env_vars["A=B"]"#,
            NAME,
        ),
        (json!({"env_vars": {"1A": "b"}}), r#"env_vars["1A"]"#, NAME),
        (
            json!({"timeout": "30"}),
            "timeout",
            "expected a number of minutes, found a string",
        ),
        (
            json!({"timeout": -1}),
            "timeout",
            "expected a number of minutes from 0 to 10080",
        ),
        (
            json!({"timeout": 10080.1}),
            "timeout",
            "expected a number of minutes from 0 to 10080",
        ),
        (
            json!({"grace_seconds": -0.0001}),
            "grace_seconds",
            "expected a number of seconds from 0 to 86400",
        ),
        (
            json!({"run_dir": ""}),
            "run_dir",
            "is empty; expected a path",
        ),
        (
            json!({"on_disconnect": "kill"}),
            "on_disconnect",
            "expected \"interrupt\" or \"finish\"",
        ),
        (
            json!({"secrets": {"a": "b"}}),
            "secrets",
            "expected a list of strings, found an object",
        ),
        (json!({"inherit_env": ["*"]}), "inherit_env[0]", PATTERN),
        (
            json!({"inherit_env": ["A", "B*C"]}),
            "inherit_env[1]",
            PATTERN,
        ),
        (
            json!({"output_limit_bytes": 1.5}),
            "output_limit_bytes",
            WHOLE_BYTES,
        ),
        (
            json!({"output_limit_bytes": -1}),
            "output_limit_bytes",
            WHOLE_BYTES,
        ),
        (
            json!({"output_limit_bytes": 1_073_741_825}),
            "output_limit_bytes",
            WHOLE_BYTES,
        ),
        (
            json!({"output_limit_bytes": "1"}),
            "output_limit_bytes",
            WHOLE_BYTES,
        ),
        (json!({"tool_version": "1.11"}), "tool_version", VERSION),
        (json!({"tool_version": "v1.11.4"}), "tool_version", VERSION),
        (json!({"tool_version": "1.11.x"}), "tool_version", VERSION),
        (json!({"dry_run": true}), "dry_run", "unknown field"),
        (json!({"Tool": "tofu"}), "Tool", "unknown field"),
    ];
    for (members, place, problem) in table {
        let place = format!("$.{place}").replace(".[", "[");
        assert_eq!(
            faults(&document(&members)),
            [(place, problem.to_owned())],
            "{members}"
        );
    }
}

#[test]
fn the_whole_document_has_its_own_sentences() {
    let table = [
        ("", "`$`: the document is empty; expected one JSON object"),
        ("\n", "`$`: the document is empty; expected one JSON object"),
        (
            "[]",
            "`$`: expected an object with `tool`, `work_dir` and `command`, found a list",
        ),
        (
            "null",
            "`$`: expected an object with `tool`, `work_dir` and `command`, found null",
        ),
        (
            "{",
            "`$`: not valid JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            "{} {}",
            "`$`: text after the document: trailing characters at line 1 column 4",
        ),
        (
            r#"{"timeout":1e400}"#,
            "`$.timeout`: not valid JSON: number out of range at line 1 column 16",
        ),
        (
            r#"{"args":["a",{"b c":NaN}]}"#,
            r#"`$.args[1]["b c"]`: not valid JSON: expected value at line 1 column 21"#,
        ),
        (
            r#"{"a\nb":nope}"#,
            r#"`$["a\nb"]`: not valid JSON: expected ident at line 1 column 10"#,
        ),
    ];
    for (document, sentence) in table {
        let error = request(document.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("invalid request: {sentence}"));
    }
    let error = request(b"{\"tool\":\"\xff\"}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid request: `$`: the document is not UTF-8 from byte 9 on"
    );
}

#[test]
fn all_faults_come_at_once_and_in_order() {
    let document = r#"{"z":1,"y":2,"tool":"tofu","tool":"x","args":[1,"a",2],
        "inherit_env":[7,"a-b","OK","*"],"env_vars":{"A":"b","A":"c"},"x":3}"#;
    let places: Vec<String> = faults(document).into_iter().map(|fault| fault.0).collect();
    assert_eq!(
        places,
        [
            "$.tool",
            "$.work_dir",
            "$.command",
            "$.args[0]",
            "$.args[2]",
            "$.env_vars.A",
            "$.inherit_env[0]",
            "$.inherit_env[1]",
            "$.inherit_env[3]",
            "$.z",
            "$.y",
            "$.x",
        ]
    );
}

#[test]
fn what_is_left_out_or_null_has_its_default() {
    let bare = request(document(&json!({})).as_bytes()).unwrap();
    let nulls = json!({
        "args": null, "env_vars": null, "timeout": null, "grace_seconds": null, "run_dir": null,
        "on_disconnect": null, "secrets": null, "inherit_env": null, "output_limit_bytes": null,
        "tool_version": null,
    });
    let nulls = request(document(&nulls).as_bytes()).unwrap();
    let built = Request::new(Tool::Tofu, "/w", "plan");
    assert_eq!(json!(bare), json!(built));
    assert_eq!(json!(nulls), json!(built));
}

#[test]
fn the_bounds_themselves_are_let_pass() {
    let table = [
        json!({"timeout": 0}),
        json!({"timeout": 10080}),
        json!({"timeout": 1e-300}),
        json!({"grace_seconds": 0}),
        json!({"grace_seconds": 86400.0}),
        json!({"output_limit_bytes": 0}),
        json!({"output_limit_bytes": 1_073_741_824}),
        json!({"command": "p"}),
        json!({"command": "p".repeat(32)}),
        json!({"work_dir": "/".repeat(4095)}),
        json!({"env_vars": {"_": "", "a1": "\n"}}),
        json!({"inherit_env": []}),
        json!({"inherit_env": ["A*", "_"]}),
        json!({"tool_version": "1.10.0-rc1+build.5"}),
    ];
    for members in table {
        assert_eq!(faults(&document(&members)), [], "{members}");
    }
}

#[test]
fn a_number_of_bytes_may_be_written_with_a_point_or_an_exponent() {
    for (written, bytes) in [("4096.0", 4096), ("1e6", 1_000_000), ("-0.0", 0)] {
        let document = format!(
            r#"{{"tool":"tofu","work_dir":"/w","command":"plan","output_limit_bytes":{written}}}"#
        );
        let request = request(document.as_bytes()).unwrap();
        assert_eq!(request.output_limit_bytes, bytes, "{written}");
    }
}

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,12}"
}

fn variable_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z_][A-Za-z0-9_]{0,9}",
        "TF_TOKEN_[A-Za-z0-9_]{1,9}:[0-9]{1,5}",
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    let required = (
        prop::sample::select(&Tool::ALL[..]),
        "[^\0]{1,20}",
        "[a-z][a-z0-9-]{0,31}",
    );
    let given = (
        prop::collection::vec(text(), 0..4),
        prop::collection::btree_map(variable_name(), text(), 0..4),
        prop::collection::vec(text(), 0..4),
        prop::option::of("[^\0]{1,20}"),
        prop::option::of(prop::collection::vec(
            "[A-Za-z_][A-Za-z0-9_]{0,9}\\*?",
            0..4,
        )),
        prop::option::of("[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}([-+][0-9A-Za-z.+-]{0,9})?"),
    );
    let limits = (
        0.0..=10080.0f64,
        0.0..=86400.0f64,
        0..=MAX_OUTPUT_LIMIT_BYTES,
        any::<bool>(),
    );
    (required, given, limits).prop_map(|(required, given, limits)| {
        let (tool, work_dir, command) = required;
        let (args, env_vars, secrets, run_dir, inherit_env, tool_version) = given;
        Request {
            args,
            env_vars: env_vars
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
            timeout_minutes: limits.0,
            grace_seconds: limits.1,
            run_dir: run_dir.map(PathBuf::from),
            on_disconnect: if limits.3 {
                OnDisconnect::Finish
            } else {
                OnDisconnect::Interrupt
            },
            secrets: secrets.into_iter().map(SecretString::from).collect(),
            inherit_env,
            output_limit_bytes: limits.2,
            tool_version,
            sandbox: SandboxRequest {
                mode: if limits.3 {
                    SandboxMode::Required
                } else {
                    SandboxMode::Auto
                },
                read: vec!["/a".into()],
                write: Vec::new(),
                memory_limit_bytes: limits.3.then_some(MIN_MEMORY_LIMIT_BYTES),
            },
            ..Request::new(tool, work_dir, command)
        }
    })
}

proptest! {
    #[test]
    fn every_request_that_is_written_can_be_read(written in any_request()) {
        let document = serde_json::to_string(&written).unwrap();
        let read = Request::parse(document.as_bytes());
        prop_assert!(read.is_ok(), "{:?}", read);
        prop_assert_eq!(json!(read.unwrap()), json!(written));
    }

    #[test]
    fn no_bytes_make_it_panic_and_every_refusal_is_one_line(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        if let Err(error) = request(&bytes) {
            prop_assert!(!error.to_string().contains(char::is_control), "{}", error);
        }
    }

    #[test]
    fn no_value_comes_back_in_a_refusal(place in 0..14usize, kind in 0..3usize) {
        const FIELDS: [&str; 14] = [
            "tool", "work_dir", "command", "args", "env_vars", "timeout", "grace_seconds", "run_dir",
            "on_disconnect", "secrets", "inherit_env", "output_limit_bytes", "tool_version",
            "sandbox",
        ];
        let value = [
            json!("hunter2\0"),
            json!(["hunter2\0", {"a": "hunter2"}]),
            json!({"a": "hunter2\0", "b": ["hunter2"]}),
        ][kind].clone();
        let error = request(document(&json!({FIELDS[place]: value})).as_bytes()).unwrap_err();
        prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
    }
}

#[test]
fn a_secret_does_not_show_in_the_debug_form() {
    let members = json!({"secrets": ["hunter2"], "env_vars": {"A": "hunter2"}});
    let request = request(document(&members).as_bytes()).unwrap();
    assert_eq!(request.secrets[0].expose_secret(), "hunter2");
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn the_largest_document_is_decoded() {
    let mut document = document(&json!({"args": ["x".repeat(1000 * 1000)]}));
    document.push_str(&" ".repeat(MAX_REQUEST_BYTES - document.len()));
    assert_eq!(faults(&document), []);
}
