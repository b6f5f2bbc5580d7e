//! JSON documents with an invalid field.

use serde_json::{Value, json};

use crate::refusal::{CANARY, Mode, Row, assert_all_refused, invalid};
use crate::test_env::TestEnv;

#[test]
fn every_bad_field_is_refused_with_one_document() {
    let test_env = TestEnv::new();
    assert_all_refused(&test_env, &rows(&test_env), Mode::Document);
}

#[test]
fn every_bad_field_is_refused_with_one_event() {
    let test_env = TestEnv::new();
    assert_all_refused(&test_env, &rows(&test_env), Mode::Stream);
}

fn rows(test_env: &TestEnv) -> Vec<Row> {
    [
        wrong_types(test_env),
        wrong_values(test_env),
        nul_bytes(test_env),
        raw_numbers(test_env),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns each field with each type of value that it does not accept.
fn wrong_types(test_env: &TestEnv) -> Vec<Row> {
    const STRINGS: [&str; 6] = [
        "tool",
        "work_dir",
        "command",
        "run_dir",
        "on_disconnect",
        "tool_version",
    ];
    const NUMBERS: [&str; 3] = ["timeout", "grace_seconds", "output_limit_bytes"];
    const LISTS: [&str; 3] = ["args", "secrets", "inherit_env"];
    let kinds = [
        ("a boolean", json!(true)),
        ("a number", json!(7)),
        ("a string", json!(CANARY)),
        ("a list", json!([CANARY, 1])),
        ("an object", json!({"a": CANARY, "b": 1})),
    ];
    let takes = |field: &str, kind: &str| match kind {
        "a string" => STRINGS.contains(&field),
        "a number" => NUMBERS.contains(&field),
        "a list" => LISTS.contains(&field),
        "an object" => field == "env_vars",
        _ => false,
    };
    let fields = STRINGS
        .into_iter()
        .chain(NUMBERS)
        .chain(LISTS)
        .chain(["env_vars"]);
    let mut rows = Vec::new();
    for field in fields {
        for (kind, value) in &kinds {
            let request = test_env.request(&json!({field: value}));
            let says = match (takes(field, kind), field) {
                (false, "output_limit_bytes") => {
                    "`$.output_limit_bytes`: expected a whole number of bytes".to_owned()
                }
                (false, _) => format!("`$.{field}`: expected "),
                // The right type, with a wrong element.
                (true, _) if LISTS.contains(&field) => format!("`$.{field}[1]`: expected a string"),
                (true, "env_vars") => "`$.env_vars.b`: expected a string".to_owned(),
                (true, _) => continue,
            };
            rows.push(invalid(
                format!("{field} is {kind}"),
                request.to_string(),
                &says,
            ));
        }
    }
    rows
}

fn wrong_values(test_env: &TestEnv) -> Vec<Row> {
    let subcommand = "`$.command`: expected a subcommand";
    let name = "not a variable name";
    let pattern = "expected a variable name, or a prefix that ends in `*`";
    let version = "`$.tool_version`: expected an exact version";
    let minutes = "`$.timeout`: expected a number of minutes from 0 to 10080";
    let seconds = "`$.grace_seconds`: expected a number of seconds from 0 to 86400";
    let bytes = "`$.output_limit_bytes`: expected a whole number of bytes from 0 to 1073741824";
    let table: Vec<(Value, String)> = [
        (json!({"tool": null}), "`$.tool`: is required"),
        (
            json!({"tool": ""}),
            "`$.tool`: expected \"terraform\" or \"tofu\"",
        ),
        (
            json!({"tool": "Terraform"}),
            "`$.tool`: expected \"terraform\" or \"tofu\"",
        ),
        (json!({"tool": "/usr/bin/terraform"}), "`$.tool`: expected"),
        (json!({"tool": CANARY}), "`$.tool`: expected"),
        (json!({"work_dir": null}), "`$.work_dir`: is required"),
        (json!({"work_dir": ""}), "`$.work_dir`: is empty"),
        (
            json!({"work_dir": "/x".repeat(2048)}),
            "`$.work_dir`: is longer than 4095 bytes",
        ),
        (json!({"command": null}), "`$.command`: is required"),
        (json!({"command": ""}), subcommand),
        (json!({"command": "-help"}), subcommand),
        (json!({"command": "--version"}), subcommand),
        (json!({"command": "Plan"}), subcommand),
        (json!({"command": "../plan"}), subcommand),
        (json!({"command": "/bin/sh"}), subcommand),
        (json!({"command": "plan -json"}), subcommand),
        (json!({"command": "plan;reboot"}), subcommand),
        (json!({"command": "plan\n"}), subcommand),
        (json!({"command": "plán"}), subcommand),
        (json!({"command": "1plan"}), subcommand),
        (json!({"command": "p".repeat(33)}), subcommand),
        (
            json!({"command": CANARY.to_uppercase() + CANARY}),
            subcommand,
        ),
        (
            json!({"args": ["a", null]}),
            "`$.args[1]`: expected a string, found null",
        ),
        (
            json!({"args": [[CANARY]]}),
            "`$.args[0]`: expected a string, found a list",
        ),
        (json!({"timeout": -1}), minutes),
        (json!({"timeout": -0.0001}), minutes),
        (json!({"timeout": 10080.001}), minutes),
        (json!({"timeout": 1e300}), minutes),
        (json!({"timeout": u64::MAX}), minutes),
        (json!({"timeout": i64::MIN}), minutes),
        (json!({"grace_seconds": -1}), seconds),
        (json!({"grace_seconds": 86401}), seconds),
        (json!({"grace_seconds": 1e18}), seconds),
        (json!({"output_limit_bytes": -1}), bytes),
        (json!({"output_limit_bytes": 0.5}), bytes),
        (json!({"output_limit_bytes": 1_073_741_825}), bytes),
        (json!({"output_limit_bytes": u64::MAX}), bytes),
        (json!({"run_dir": ""}), "`$.run_dir`: is empty"),
        (
            json!({"run_dir": "/x".repeat(2048)}),
            "`$.run_dir`: is longer than",
        ),
        (
            json!({"on_disconnect": "Interrupt"}),
            "`$.on_disconnect`: expected",
        ),
        (
            json!({"on_disconnect": CANARY}),
            "`$.on_disconnect`: expected",
        ),
        (
            json!({"secrets": [CANARY, 7]}),
            "`$.secrets[1]`: expected a string",
        ),
        (json!({"tool_version": ""}), version),
        (json!({"tool_version": "1.11"}), version),
        (json!({"tool_version": "v1.11.4"}), version),
        (json!({"tool_version": "~> 1.11.4"}), version),
        (json!({"tool_version": "latest"}), version),
        (json!({"tool_version": "1.11.4 "}), version),
        (json!({"tool_version": "1.11.4-rc/1"}), version),
        (
            json!({"timeout_minutes": 30}),
            "`$.timeout_minutes`: unknown field",
        ),
        (json!({"Command": CANARY}), "`$.Command`: unknown field"),
        (json!({"": CANARY}), "`$[\"\"]`: unknown field"),
        (
            json!({"a\nb\u{1b}": CANARY}),
            r#"`$["a\nb\u001b"]`: unknown field"#,
        ),
    ]
    .into_iter()
    .map(|(members, says)| (members, says.to_owned()))
    .chain(
        [
            ("", r#"`$.env_vars[""]`: "#),
            ("1A", r#"`$.env_vars["1A"]`: "#),
            ("A=B", r#"`$.env_vars["A=B"]`: "#),
            ("A-B", r#"`$.env_vars["A-B"]`: "#),
            ("A B", r#"`$.env_vars["A B"]`: "#),
            ("Ä", r#"`$.env_vars["Ä"]`: "#),
            ("A\0B", r#"`$.env_vars["A\u0000B"]`: "#),
        ]
        .map(|(variable, place)| {
            (
                json!({"env_vars": {variable: CANARY}}),
                place.to_owned() + name,
            )
        }),
    )
    .chain(
        ["", "*", "A*B", "**", "1A", "A-B", "A=B", "LC_ *", "A\n"].map(|bad| {
            (
                json!({"inherit_env": ["PATH", bad]}),
                format!("`$.inherit_env[1]`: {pattern}"),
            )
        }),
    )
    .collect();
    table
        .into_iter()
        .map(|(members, says)| {
            let request = test_env.request(&members);
            let shown: String = members.to_string().chars().take(60).collect();
            invalid(shown, request.to_string(), &says)
        })
        .collect()
}

/// Returns an escaped NUL in each place for a string.
fn nul_bytes(test_env: &TestEnv) -> Vec<Row> {
    let nul = format!("{CANARY}\0");
    let table = [
        (json!({"tool": nul}), "`$.tool`: holds a NUL byte"),
        (json!({"work_dir": nul}), "`$.work_dir`: holds a NUL byte"),
        (json!({"command": nul}), "`$.command`: holds a NUL byte"),
        (json!({"args": ["a", nul]}), "`$.args[1]`: holds a NUL byte"),
        (
            json!({"env_vars": {"A": nul}}),
            "`$.env_vars.A`: holds a NUL byte",
        ),
        (json!({"run_dir": nul}), "`$.run_dir`: holds a NUL byte"),
        (
            json!({"on_disconnect": nul}),
            "`$.on_disconnect`: holds a NUL byte",
        ),
        (
            json!({"secrets": [nul]}),
            "`$.secrets[0]`: holds a NUL byte",
        ),
        (
            json!({"inherit_env": [nul]}),
            "`$.inherit_env[0]`: holds a NUL byte",
        ),
        (
            json!({"tool_version": nul}),
            "`$.tool_version`: holds a NUL byte",
        ),
    ];
    table
        .map(|(members, says)| {
            let request = test_env.request(&members).to_string();
            assert!(request.contains(r"\u0000"), "the NUL is escaped");
            invalid(format!("NUL: {says}"), request, says)
        })
        .into()
}

/// Numbers that only JSON text can express.
fn raw_numbers(test_env: &TestEnv) -> Vec<Row> {
    let with = |field: &str, number: &str| {
        let request = test_env.request(&json!({field: "HERE"})).to_string();
        request.replace("\"HERE\"", number)
    };
    let huge = "9".repeat(300);
    vec![
        invalid(
            "a huge timeout",
            with("timeout", &huge),
            "`$.timeout`: expected a number of minutes",
        ),
        invalid(
            "a huge grace",
            with("grace_seconds", &huge),
            "`$.grace_seconds`: expected a number",
        ),
        invalid(
            "a huge limit",
            with("output_limit_bytes", &huge),
            "`$.output_limit_bytes`: expected",
        ),
        invalid(
            "a limit of 1e400",
            with("output_limit_bytes", "1e400"),
            "`$.output_limit_bytes`: not valid",
        ),
        invalid(
            "a grace of -1e-9",
            with("grace_seconds", "-1e-9"),
            "`$.grace_seconds`: expected",
        ),
        invalid(
            "2^64",
            with("output_limit_bytes", "18446744073709551616"),
            "`$.output_limit_bytes`: ",
        ),
    ]
}
