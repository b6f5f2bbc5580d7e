//! Input that is not a JSON document, or not an accepted one.

use serde_json::json;

use crate::call::Call;
use crate::refusal::{CANARY, Mode, Outcome, Row, assert_all_refused, assert_refusal, invalid};
use crate::test_env::TestEnv;

/// Size of the largest accepted document.
const MAX_BYTES: usize = 1024 * 1024;
/// Depth of the deepest accepted nesting.
const MAX_DEPTH: usize = 127;

#[test]
fn every_bad_document_is_refused_with_one_document() {
    let test_env = TestEnv::new();
    assert_all_refused(&test_env, &rows(&test_env), Mode::Document);
}

#[test]
fn every_bad_document_is_refused_with_one_event() {
    let test_env = TestEnv::new();
    assert_all_refused(&test_env, &rows(&test_env), Mode::Stream);
}

#[test]
fn a_document_that_is_cut_anywhere_is_refused() {
    let test_env = TestEnv::new();
    let whole = test_env
        .request(&json!({"secrets": [CANARY], "env_vars": {"A_TOKEN": CANARY}}))
        .to_string();
    let rows: Vec<Row> = (1..whole.len())
        .map(|len| invalid(format!("cut after byte {len}"), &whole[..len], "`$"))
        .collect();
    assert_all_refused(&test_env, &rows, Mode::Document);
}

#[test]
fn a_document_of_exactly_the_largest_size_is_read() {
    let test_env = TestEnv::new();
    let document = padded(&test_env, MAX_BYTES);
    let answer =
        Call::new(&test_env.work_dir(), &test_env.text_of("empty")).run(document.as_bytes());
    let sentence = assert_refusal(
        "the largest",
        &answer,
        &answer.document(),
        Outcome::NotStarted,
    );
    assert!(sentence.contains("`terraform` was not found"), "{sentence}");
}

/// Returns a request with white space before its end.
fn padded(test_env: &TestEnv, len: usize) -> String {
    let mut document = test_env.request(&json!({})).to_string();
    document.pop();
    document.push_str(&" ".repeat(len - 1 - document.len()));
    document.push('}');
    document
}

fn rows(test_env: &TestEnv) -> Vec<Row> {
    [
        no_documents(),
        not_utf8(test_env),
        not_json(test_env),
        too_much(test_env),
        keys_twice(test_env),
        more_on_the_line(test_env),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn no_documents() -> Vec<Row> {
    const EMPTY: &str = "stdin is empty; expected one JSON object";
    const NO_OBJECT: &str = "`$`: expected a JSON object, found something else at byte";
    vec![
        invalid("empty", "", EMPTY),
        invalid("a newline", "\n", EMPTY),
        invalid("blank", " \t\r\n \n", EMPTY),
        invalid("words", CANARY, NO_OBJECT),
        invalid("a string", format!("\"{CANARY}\""), NO_OBJECT),
        invalid("a list", "[{}]", NO_OBJECT),
        invalid("a number", "30", NO_OBJECT),
        invalid("null", "null", NO_OBJECT),
        invalid("a closing bracket", "}", NO_OBJECT),
        invalid(
            "a shell command",
            format!("terraform plan {CANARY}"),
            NO_OBJECT,
        ),
        invalid("YAML", format!("tool: terraform\nx: {CANARY}\n"), NO_OBJECT),
        invalid("a NUL", "\0", NO_OBJECT),
        invalid("a byte order mark alone", "\u{feff}", EMPTY),
        invalid("a byte order mark and a list", "\u{feff}[]", NO_OBJECT),
        invalid("two byte order marks", "\u{feff}\u{feff}{}", NO_OBJECT),
        invalid(
            "a byte order mark and an empty object",
            "\u{feff}{}",
            "`$.tool`: is required",
        ),
        invalid("UTF-16", &b"\xff\xfe{\0}\0"[..], NO_OBJECT),
        invalid("a gzip header", &b"\x1f\x8b\x08\x00"[..], NO_OBJECT),
        invalid(
            "a control line first",
            r#"{"type":"cancel"}"#,
            "`$.type`: unknown field",
        ),
        invalid("an empty object", "{}", "`$.tool`: is required"),
    ]
}

fn not_utf8(test_env: &TestEnv) -> Vec<Row> {
    let request = test_env.request(&json!({"args": ["HERE"]})).to_string();
    let with = |bytes: &[u8]| {
        let (before, after) = request.split_once("HERE").expect("it is there");
        [before.as_bytes(), bytes, after.as_bytes()].concat()
    };
    let fault = "`$`: the document is not UTF-8 from byte ";
    vec![
        invalid("a stray continuation", with(b"\x80"), fault),
        invalid("a cut character", with(b"\xe2\x82"), fault),
        invalid("an overlong slash", with(b"\xc0\xaf"), fault),
        invalid("an encoded surrogate", with(b"\xed\xa0\x80"), fault),
        invalid("beyond Unicode", with(b"\xf4\x90\x80\x80"), fault),
        invalid("Latin-1 in a key", &b"{\"caf\xe9\":1}"[..], fault),
        invalid("a bad byte between", &b"{\"tool\":\xff\"tofu\"}"[..], fault),
        invalid(
            "a bad byte at the end",
            &b"{\"tool\":\"tofu\"\xff}"[..],
            fault,
        ),
    ]
}

fn not_json(test_env: &TestEnv) -> Vec<Row> {
    let request = test_env.request(&json!({"args": ["HERE"]})).to_string();
    let with = |text: &str| request.replace("\"HERE\"", text);
    let in_args = "`$.args[0]`: not valid JSON: ";
    let field = |text: &str| format!("{{\"timeout\":{text}}}");
    let in_timeout = "`$.timeout`: not valid JSON: ";
    vec![
        invalid("a raw NUL", with("\"\0\""), in_args),
        invalid("a raw newline", with("\"a\nb\""), in_args),
        invalid("a raw escape", with("\"\u{1b}[0m\""), in_args),
        invalid("half a surrogate", with(r#""\ud800""#), in_args),
        invalid(
            "an unknown escape",
            with(&format!(r#""{CANARY}\x41""#)),
            in_args,
        ),
        invalid("single quotes", with(&format!("'{CANARY}'")), in_args),
        invalid("no quotes", with(CANARY), in_args),
        invalid("Python's True", with("True"), in_args),
        invalid("undefined", with("undefined"), in_args),
        invalid("a comma too many", with("\"a\","), "`$.args"),
        invalid("a comma missing", with("\"a\" \"b\""), "`$.args"),
        invalid("a wrong bracket", with("\"a\"}"), "`$`: the `}` at byte "),
        invalid(
            "a comment",
            format!("{{// {CANARY}\n}}"),
            "`$`: not valid JSON: ",
        ),
        invalid(
            "a key without quotes",
            format!("{{tool:\"{CANARY}\"}}"),
            "`$`: not valid JSON: ",
        ),
        invalid(
            "a colon missing",
            format!("{{\"tool\" \"{CANARY}\"}}"),
            "not valid JSON: ",
        ),
        invalid(
            "a newline in a key's path",
            "{\"a\\nb\":nope}",
            r#"`$["a\nb"]`: not valid"#,
        ),
        invalid("NaN", field("NaN"), in_timeout),
        invalid("Infinity", field("Infinity"), in_timeout),
        invalid("1e400", field("1e400"), in_timeout),
        invalid("a plus", field("+1"), in_timeout),
        invalid("a zero first", field("01"), "`$"),
        invalid("hexadecimal", field("0x1f"), "`$"),
        invalid("a point last", field("1."), in_timeout),
    ]
}

fn too_much(test_env: &TestEnv) -> Vec<Row> {
    let too_large = "`$`: the document is longer than 1048576 bytes";
    let too_deep = "`$`: the document is nested more than 127 levels deep";
    let nested = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    let string = "a".repeat(MAX_BYTES);
    vec![
        invalid(
            "a byte too many",
            padded(test_env, MAX_BYTES + 1),
            too_large,
        ),
        invalid(
            "white space without end",
            " ".repeat(MAX_BYTES + 1),
            too_large,
        ),
        invalid(
            "one long string",
            format!("{{\"secrets\":[\"{string}\"]}}"),
            too_large,
        ),
        invalid("a string without end", format!("{{\"{string}"), too_large),
        invalid(
            "far too large",
            " {".to_owned() + &string.repeat(8),
            too_large,
        ),
        invalid("nested too deeply", nested(MAX_DEPTH + 1), too_deep),
        invalid(
            "lists too deep",
            format!("{{\"a\":{}", "[".repeat(100_000)),
            too_deep,
        ),
        invalid(
            "as deep as is read",
            nested(MAX_DEPTH),
            "`$.a`: unknown field",
        ),
        invalid(
            "a long key",
            format!("{{\"{}\":1}}", "k".repeat(9999)),
            "kkk…\"]`: unknown field",
        ),
        invalid("many faults", many_unknown(), "; and 495 more"),
    ]
}

fn many_unknown() -> String {
    let members: Vec<String> = (0..500).map(|i| format!("\"x{i}\":1")).collect();
    format!("{{{}}}", members.join(","))
}

fn keys_twice(test_env: &TestEnv) -> Vec<Row> {
    let request = test_env.request(&json!({"args": ["-json"]})).to_string();
    let with = |text: &str| request.replacen('{', &format!("{{{text},"), 1);
    vec![
        invalid(
            "tool twice",
            with(r#""tool":"terraform""#),
            "`$.tool`: duplicate key",
        ),
        invalid(
            "args twice",
            with(r#""args":[]"#),
            "`$.args`: duplicate key",
        ),
        invalid(
            "a null and a value",
            with(r#""command":null"#),
            "`$.command`: duplicate key",
        ),
        invalid(
            "twice by escapes",
            with(r#""t\u006fol":"tofu""#),
            "`$.tool`: duplicate key",
        ),
        invalid(
            "a variable twice",
            request.replace(
                r#""env_vars":{"#,
                &format!(r#""env_vars":{{"TF_VAR_region":"{CANARY}","#),
            ),
            "`$.env_vars.TF_VAR_region`: duplicate key",
        ),
    ]
}

fn more_on_the_line(test_env: &TestEnv) -> Vec<Row> {
    let request = test_env.request(&json!({}));
    let after = "`$`: text follows the document on its line";
    vec![
        invalid("words after", format!("{request} {CANARY}"), after),
        invalid(
            "words after, and a newline",
            format!("{request}{CANARY}\n"),
            after,
        ),
        invalid("a second document", format!("{request}{request}\n"), after),
        invalid(
            "a control line on the line",
            format!("{request} {{\"type\":\"cancel\"}}\n"),
            after,
        ),
        invalid("a comma after", format!("{request},"), after),
        invalid("a bracket after", format!("{request}}}\n"), after),
        invalid("a NUL after", format!("{request}\0\n"), after),
        invalid("a comment after", format!("{request} // {CANARY}\n"), after),
    ]
}
