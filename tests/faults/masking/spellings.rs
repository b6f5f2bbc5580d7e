//! Every documented spelling of a secret, printed by a tool.

use serde_json::json;

use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;

on_both_tools! {
    every_documented_spelling_is_masked,
}

const SECRET: &str = "wJa/K7+b=x\"q'<é😀 &y%z\\n";

/// The table of `docs/secrets.md`, one row per line: its name, and the secret in this spelling.
const SPELLINGS: [(&str, &str); 33] = [
    ("both quotes doubled", r#"wJa/K7+b=x""q''<é😀 &y%z\n"#),
    ("NFD", "wJa/K7+b=x\"q'<e\u{301}😀 &y%z\\n"),
    ("as it is", r#"wJa/K7+b=x"q'<é😀 &y%z\n"#),
    ("JSON", r#"wJa/K7+b=x\"q'<é😀 &y%z\\n"#),
    (
        "JSON of PHP",
        r#"wJa\/K7+b=x\"q'<\u00e9\ud83d\ude00 &y%z\\n"#,
    ),
    ("JSON of Go", r#"wJa/K7+b=x\"q'\u003cé😀 \u0026y%z\\n"#),
    (
        "JSON of .NET",
        r#"wJa/K7\u002Bb=x\u0022q\u0027\u003C\u00E9\uD83D\uDE00 \u0026y%z\\n"#,
    ),
    (
        "JSON in JSON",
        r#"wJa/K7+b=x\\\"q'\\u003cé😀 \\u0026y%z\\\\n"#,
    ),
    (
        "RFC 3986",
        "wJa%2FK7%2Bb%3Dx%22q%27%3C%C3%A9%F0%9F%98%80%20%26y%25z%5Cn",
    ),
    (
        "lower case",
        "wJa%2fK7%2bb%3dx%22q%27%3c%c3%a9%f0%9f%98%80%20%26y%25z%5cn",
    ),
    (
        "Python quote",
        "wJa/K7%2Bb%3Dx%22q%27%3C%C3%A9%F0%9F%98%80%20%26y%25z%5Cn",
    ),
    (
        "JS encodeURI",
        "wJa/K7+b=x%22q'%3C%C3%A9%F0%9F%98%80%20&y%25z%5Cn",
    ),
    (
        "Go PathEscape",
        "wJa%2FK7+b=x%22q%27%3C%C3%A9%F0%9F%98%80%20&y%25z%5Cn",
    ),
    ("plus alone", r#"wJa/K7%2Bb=x"q'<é😀 &y%z\n"#),
    (
        "form",
        "wJa%2FK7%2Bb%3Dx%22q%27%3C%C3%A9%F0%9F%98%80+%26y%25z%5Cn",
    ),
    (
        "URL twice",
        "wJa%252FK7%252Bb%253Dx%2522q%2527%253C%25C3%25A9%25F0%259F%2598%2580%2520%2526y%2525z%255Cn",
    ),
    ("HTML", r"wJa/K7+b=x&quot;q&#39;&lt;é😀 &amp;y%z\n"),
    (
        "HTML by number",
        r"wJa&#x2F;K7&#43;b=x&#34;q&#x27;&#60;&#233;&#x1f600; &#38;y%z\n",
    ),
    (
        "HTML in JSON",
        r"wJa/K7+b=x\u0026quot;q\u0026#39;\u0026lt;é😀 \u0026amp;y%z\\n",
    ),
    (
        "form and percent",
        "wJa%252FK7%252Bb%253Dx%2522q%2527%253C%25C3%25A9%25F0%259F%2598%2580%2B%2526y%2525z%255Cn",
    ),
    ("Perl", r#"wJa/K7+b=x\"q'<\x{e9}\x{1f600} &y%z\\n"#),
    ("set -x", r#"wJa/K7+b=x"q'\''<é😀 &y%z\n"#),
    ("shlex", r#"wJa/K7+b=x"q'"'"'<é😀 &y%z\n"#),
    ("set -x in JSON", r#"wJa/K7+b=x\"q'\\''<é😀 &y%z\\n"#),
    ("shlex in JSON", r#"wJa/K7+b=x\"q'\"'\"'<é😀 &y%z\\n"#),
    (
        "ls in the C locale",
        r#"wJa/K7+b=x"q'\''<'$'\303\251\360\237\230\200'' &y%z\n"#,
    ),
    (
        "folded YAML",
        "wJa/K7+b=x\\\"q'<\\xE9\\\n    \\U0001F600\\\n    \\ &y%z\\\\n",
    ),
    ("printf %q", r#"wJa/K7+b=x\"q\'\<é😀\ \&y%z\\n"#),
    (
        "bytes",
        r#"wJa/K7+b=x"q\'<\xc3\xa9\xf0\x9f\x98\x80 &y%z\\n"#,
    ),
    ("Python ascii()", r#"wJa/K7+b=x"q\'<\xe9\U0001f600 &y%z\\n"#),
    ("YAML and SQL", r#"wJa/K7+b=x"q''<é😀 &y%z\n"#),
    ("CSV", r#"wJa/K7+b=x""q'<é😀 &y%z\n"#),
    (
        "octal",
        r#"wJa/K7+b=x"q\'<\303\251\360\237\230\200 &y%z\\n"#,
    ),
];

fn every_documented_spelling_is_masked(tool: Tool) {
    let lines: Vec<String> = SPELLINGS
        .iter()
        .map(|(name, it)| format!("{name}: {it}."))
        .collect();
    let fake = FakeTool::new(tool, "printf '%s\n' \"$SHOWN\"");
    let mut request = fake.apply();
    request["secrets"] = json!([SECRET]);
    request["env_vars"]["SHOWN"] = json!(lines.join("\n"));
    let ending = Launch::new(&fake.workspace, &[])
        .input(format!("{request}\n"))
        .run();
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    let expected: Vec<String> = SPELLINGS
        .iter()
        .map(|(name, _)| format!("{name}: ***."))
        .collect();
    let output = result["output"].as_str().expect("text");
    assert_eq!(output.lines().collect::<Vec<_>>(), expected);
}
