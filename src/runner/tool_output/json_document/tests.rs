//! Tests of what is masked in the documents of both tools, split in any way.

use std::sync::Arc;

use super::layout::Context;
use super::{JsonRedactor, document_of};
use crate::output::Matcher;

/// Masks a document; checks that the result does not depend on how it is split.
fn masked(secrets: &[&str], document: Context, text: &str) -> String {
    let matcher = Arc::new(Matcher::new(secrets.iter().map(|it| it.as_bytes())));
    let in_pieces = |len: usize| {
        let mut redactor = JsonRedactor::new(Arc::clone(&matcher), document);
        let mut masked = Vec::new();
        for piece in text.as_bytes().chunks(len) {
            redactor.push(piece, &mut masked);
        }
        redactor.finish(&mut masked);
        String::from_utf8(masked).unwrap()
    };
    let whole = in_pieces(text.len().max(1));
    for len in [1, 2, 3, 7, 64] {
        assert_eq!(in_pieces(len), whole, "in pieces of {len}");
    }
    whole
}

/// Secrets, a part of a document after its first member, and that part masked.
const PARTS: &[(&[&str], &str, &str)] = &[
    (
        &["delete"],
        r#""resource_changes":[{"address":"terraform_data.delete","change":{"actions":["delete","create"],"before":{"input":"delete","delete":{"delete":1}},"after":null}}]"#,
        r#""resource_changes":[{"address":"terraform_data.delete","change":{"actions":["delete","create"],"before":{"input":"***","delete":{"***":1}},"after":null}}]"#,
    ),
    (
        &["terraform_data", "managed"],
        r#""resource_drift":[{"address":"module.managed[\"managed\"].terraform_data.a","mode":"managed","type":"terraform_data","change":{"before":{"id":"a-managed"}}}]"#,
        r#""resource_drift":[{"address":"module.managed[\"***\"].terraform_data.a","mode":"managed","type":"terraform_data","change":{"before":{"id":"a-***"}}}]"#,
    ),
    (
        &["hunter2"],
        r#""resource_changes":[{"address":"a.b[\"x\\\"hunter2\\\\\"].hunter2","index":"hunter2","name":"b"}]"#,
        r#""resource_changes":[{"address":"a.b[\"x\\\"***\\\\\"].hunter2","index":"***","name":"b"}]"#,
    ),
    (
        &["string", "value1"],
        r#""planned_values":{"outputs":{"string":{"sensitive":false,"type":["object",{"string":"string"}],"value":{"string":"value1"}}}}"#,
        r#""planned_values":{"outputs":{"string":{"sensitive":false,"type":["object",{"***":"string"}],"value":{"***":"***"}}}}"#,
    ),
    (
        &["create"],
        r#""output_changes":{"create":{"actions":["create"],"before":null,"after":{"create":"create"},"after_unknown":false}}"#,
        r#""output_changes":{"create":{"actions":["create"],"before":null,"after":{"***":"***"},"after_unknown":false}}"#,
    ),
    (
        &["configuration", "constant_value", "sensitive"],
        r#""configuration":{"root_module":{"variables":{"sensitive":{"sensitive":true,"default":"sensitive"}},"resources":[{"type":"sensitive","expressions":{"input":{"constant_value":{"sensitive":"constant_value"}}}}]}}"#,
        r#""configuration":{"root_module":{"variables":{"sensitive":{"sensitive":true,"default":"***"}},"resources":[{"type":"***","expressions":{"input":{"constant_value":{"***":"***"}}}}]}}"#,
    ),
    (
        &["trigger"],
        r#""resource_changes":[{"change":{"replace_paths":[["trigger","trigger",0],["trigger"]]}}]"#,
        r#""resource_changes":[{"change":{"replace_paths":[["trigger","***",0],["trigger"]]}}]"#,
    ),
    (
        &["prior_state", "values"],
        r#""prior_state":{"values":{"root_module":{"resources":[{"values":{"values":"values"}}]}}}"#,
        r#""prior_state":{"values":{"root_module":{"resources":[{"values":{"values":"***"}}]}}}"#,
    ),
    (
        &["73519264"],
        r#""resource_changes":[{"address":"a.b[73519264]","index":73519264,"change":{"before":{"n":73519264,"l":[1,73519264,true],"t":"x73519264"}}},{"address":"a.b[\"73519264\"]"}]"#,
        r#""resource_changes":[{"address":"a.b[73519264]","index":"***","change":{"before":{"n":"***","l":[1,"***",true],"t":"x***"}}},{"address":"a.b[\"***\"]"}]"#,
    ),
    (
        &["unknown_member"],
        r#""unknown_member":{"unknown_member":"unknown_member"},"message":"unknown_member""#,
        r#""unknown_member":{"***":"***"},"message":"***""#,
    ),
];

#[test]
fn words_of_the_format_stay_and_values_are_masked() {
    for (secrets, part, expected) in PARTS {
        let secrets: Vec<&str> = secrets.iter().copied().filter(|it| it.len() >= 6).collect();
        let document = |part: &str| format!("{{\"format_version\":\"1.2\",{part}}}\n");
        assert_eq!(
            masked(&secrets, Context::Format, &document(part)),
            document(expected)
        );
    }
}

#[test]
fn text_around_the_document_is_masked() {
    let text =
        "Warning: hunter2\n{\"format_version\":\"hunter2\",\"mode\":\"hunter2\"}\nError: hunter2";
    let expected =
        "Warning: ***\n{\"format_version\":\"hunter2\",\"mode\":\"hunter2\"}\nError: ***";
    assert_eq!(masked(&["hunter2"], Context::Format, text), expected);
}

#[test]
fn a_line_of_the_log_is_no_document() {
    let text = "{\"@level\":\"info\",\"mode\":\"hunter2\"}\n{\"name\":{\"value\":\"hunter2\"}}";
    let expected = "{\"@level\":\"info\",\"mode\":\"***\"}\n{\"name\":{\"value\":\"***\"}}";
    for context in [Context::Format, Context::Outputs] {
        assert_eq!(masked(&["hunter2"], context, text), expected);
    }
}

#[test]
fn outputs_keep_their_names_and_types() {
    let text = r#"{
  "string": {
    "sensitive": false,
    "type": "string",
    "value": "a string"
  }
}
"#;
    let expected = text.replace("a string", "a ***");
    assert_eq!(masked(&["string"], Context::Outputs, text), expected);
}

#[test]
fn only_a_document_of_the_format_is_read_as_one() {
    let table = [
        ("show", "-json tfplan", Some(Context::Format)),
        ("show", "-json=false tfplan", None),
        ("output", "-json", Some(Context::Outputs)),
        ("output", "-json name", None),
        ("output", "name", None),
        ("validate", "-json", Some(Context::Format)),
        ("plan", "-json", None),
        ("console", "-json", None),
        ("state", "pull", Some(Context::Format)),
        ("state", "-no-color pull", Some(Context::Format)),
        ("state", "mv pull a", None),
    ];
    for (command, args, expected) in table {
        let words: Vec<_> = args.split(' ').map(str::to_owned).collect();
        assert_eq!(document_of(command, &words), expected, "{command} {args}");
    }
}
