//! Tests that wrapped values are masked as a whole, however the text arrives.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;

use crate::output::encodings::escaping::{JSON, escape};
use crate::output::{Matcher, Redactor};

const PHRASE: &str = "correct horse battery staple";
const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ";

fn matcher(values: &[&str]) -> Matcher {
    Matcher::new(values.iter().map(|value| value.as_bytes()))
}

fn in_pieces(matcher: &Arc<Matcher>, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut redactor = Redactor::new(Arc::clone(matcher));
    let mut masked = Vec::new();
    let mut rest = text;
    for cut in cuts.iter().cycle() {
        let (piece, after) = rest.split_at((*cut).clamp(1, rest.len().max(1)).min(rest.len()));
        redactor.push(piece, &mut masked);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    redactor.push(rest, &mut masked);
    redactor.finish(&mut masked);
    masked
}

fn wrapped_at(columns: usize, text: &str, line_end: &str) -> String {
    let bytes = text.as_bytes().chunks(columns);
    let lines: Vec<_> = bytes.map(String::from_utf8_lossy).collect();
    lines.join(line_end)
}

#[test]
fn a_phrase_is_masked_across_every_gap_of_the_tools() {
    let gaps = [
        "\n",
        "\r\n",
        "\n│ ",
        "\n\u{1b}[31m│\u{1b}[0m \u{1b}[0m",
        "  \n        ",
        "\t",
        "   ",
        "\\n",
        "\\\\n    ",
        "\\u001b[0m \\u001b[1m",
        "\n\u{2577}\n\u{2502}   ",
        "\nterraform_data.a (local-exec): ",
        "\n\u{1b}[0m\u{1b}[1mterraform_data.a[\"x y\"] (local-exec):\u{1b}[0m \u{1b}[0m",
    ];
    let matcher = matcher(&[PHRASE, TOKEN]);
    for gap in gaps {
        for place in 0..3 {
            let mut words = PHRASE.split(' ').map(str::to_owned).collect::<Vec<_>>();
            for (at, word) in words.iter_mut().enumerate().take(3) {
                word.push_str(if at == place { gap } else { " " });
            }
            let text = format!("it is: {}, and more of it", words.concat());
            assert_eq!(
                matcher.mask(&text),
                "it is: ***, and more of it",
                "{text:?}"
            );
        }
        let text = format!("x{}y z", PHRASE.replace(' ', gap));
        assert_eq!(matcher.mask(&text), "x***y z", "{text:?}");
    }
}

#[test]
fn a_value_that_can_be_read_in_very_many_ways_is_masked() {
    for middle in [" + +++ +", " +", "+ ", "++ ", "\\ +"] {
        let value = format!("begin{}end of it", middle.repeat(7));
        let masked = matcher(&[&value]).mask(&value.replace(' ', "+"));
        assert_eq!(masked, "***", "{value}");
    }
}

#[test]
fn a_value_with_an_apostrophe_is_masked_as_shells_quote_it_in_json() {
    let value = "Tr0ub4dor'3x+y='HOME9z";
    let matcher = matcher(&[value]);
    for spelled in [r"'\''", r#"'"'"'"#] {
        let mut text = value.replace('\'', spelled);
        for _ in 0..4 {
            assert_eq!(matcher.mask(&format!("'{text}'")), "'***'", "{text}");
            text = text.replace('\\', r"\\").replace('"', r#"\""#);
        }
    }
}

#[test]
fn white_space_before_a_backslash_is_masked_in_json() {
    for value in [
        "abcdef\t\t\\rx99",
        "pw9912abcdefgh\t\t\\rx99abcdefghijklmnop",
        "login pw9912\t\t\\\n\tas01",
        "Q\n\\b \t\\r\\\"aar rrt\t\nZ",
        "hunter22\n\n\\n\\t\t\\u0020end",
        "hunter22 \t%0Aend99",
    ] {
        let matcher = Arc::new(matcher(&[value]));
        let mut text = value.to_owned();
        for _ in 0..4 {
            let text_in_quotes = format!("{{\"p\": \"{text}\"}}");
            for size in [1, 7, text_in_quotes.len()] {
                let masked = in_pieces(&matcher, text_in_quotes.as_bytes(), &[size]);
                assert_eq!(
                    String::from_utf8(masked).unwrap(),
                    "{\"p\": \"***\"}",
                    "{text}"
                );
            }
            text = escape(&text, JSON);
        }
    }
}

#[test]
fn escapes_of_yaml_alone_are_read() {
    for (value, text) in [
        ("uajC\u{2028}LzRN\u{a0}wiW8", r"uajC\LLzRN\_wiW8"),
        ("ab\u{a0}hunter22", r"ab\_hunter22"),
        ("hunter22\u{85}abc\u{2029}def", r"hunter22\Nabc\Pdef"),
    ] {
        let matcher = matcher(&[value]);
        assert_eq!(
            matcher.mask(&format!("k: \"{text}\"")),
            "k: \"***\"",
            "{text}"
        );
    }
    let plain = matcher(&["C:\\Local_hunter\\_x"]);
    assert_eq!(plain.mask(r"(C:\Local_hunter\_x)"), "(***)");
}

#[test]
fn quotes_around_a_value_in_nested_json_stay() {
    for value in [
        "pw9912abc\\",
        "pw9912abc\"",
        "\"pw9912abc",
        "\\pw9912abc",
        "pw9912\\\"",
        "pw99\\\"12",
        "pw9912abc\\\\",
        "\"\"pw9912abc\"\"",
        "C:\\share9912\\",
        "Q\n\n\"b\"a\"\\\"\"\n\"Z",
        "Qa\nb\na\\aab\na\\\"\"\"\\\\\n\n\\Z",
        "Q<\\\n<\"\\\"\"Z",
    ] {
        let matcher = Arc::new(matcher(&[value]));
        let mut text = format!("{{\"pw\": \"{}\", \"z\": 1}}", escape(value, JSON));
        let mut expected = "{\"pw\": \"***\", \"z\": 1}".to_owned();
        for _ in 0..4 {
            for size in [1, 7, text.len()] {
                let masked = in_pieces(&matcher, text.as_bytes(), &[size]);
                assert_eq!(String::from_utf8(masked).unwrap(), expected, "{text}");
            }
            text = format!("{{\"j\": \"{}\"}}", escape(&text, JSON));
            expected = format!("{{\"j\": \"{}\"}}", escape(&expected, JSON));
        }
    }
}

#[test]
fn control_characters_between_shell_quotes_hide_nothing() {
    for (value, text) in [
        ("a\tbattery7staple", r"'a'$'\t''battery7staple'"),
        ("abc\tbattery7staple", r"'abc'$'\t''battery7staple'"),
        (
            "correct horse\tbattery7staple",
            r"'correct horse'$'\t''battery7staple'",
        ),
        ("one\u{1}\u{2}two'three", r"'one'$'\001\002''two'\''three'"),
    ] {
        let matcher = matcher(&[value]);
        assert_eq!(
            matcher.mask(&format!("cat: {text}: no")),
            "cat: '***': no",
            "{text}"
        );
        let json = text.replace('\\', r"\\");
        assert_eq!(
            matcher.mask(&format!("cat: {json}: no")),
            "cat: '***': no",
            "{json}"
        );
    }
}

#[test]
fn white_space_at_the_edge_of_a_shell_quote_hides_nothing() {
    let matcher = matcher(&["one1secret\ttwo2secret \tthree3secret"]);
    let text = r"'one1secret'$'\t''two2secret '$'\t''three3secret'";
    assert_eq!(matcher.mask(text), "'***'");
}

#[test]
fn references_of_html_and_plus_signs_are_read_within_json_and_percent_codes() {
    let value = "Alpha1secret\"Beta two<Gamma'Delta&Epsilon";
    let matcher = matcher(&[value]);
    for text in [
        r"Alpha1secret\u0026quot;Beta two\u0026lt;Gamma\u0026#39;Delta\u0026amp;Epsilon",
        r"Alpha1secret\\u0026quot;Beta two\\u0026lt;Gamma\\u0026#39;Delta\\u0026Epsilon",
        "Alpha1secret%2522Beta%2Btwo%253CGamma%2527Delta%2526Epsilon",
        "Alpha1secret\\\"Beta\\u002Btwo<Gamma'Delta&Epsilon",
    ] {
        assert_eq!(matcher.mask(&format!("({text})")), "(***)", "{text}");
    }
}

#[test]
fn literals_of_other_kinds_are_joined() {
    let matcher = matcher(&["<a it's a long passphrase \"quoted\" here"]);
    for text in [
        "'<a '\n \"it's a long \"\n 'passphrase \"quoted\" here'",
        "b'<a '\n b\"it's a long \"\n b'passphrase \"quoted\" here'",
    ] {
        let masked = matcher.mask(text);
        assert!(
            !masked.contains("pass") && !masked.contains("it's"),
            "{masked}"
        );
    }
}

#[test]
fn folded_strings_of_dumpers_are_masked_whole() {
    let value = (0..40)
        .map(|n| format!("word{n}"))
        .collect::<Vec<_>>()
        .join(" ");
    let matcher = matcher(&[&value, TOKEN]);
    for columns in 16..90 {
        for (line_end, is_word_cut) in [
            ("\\\n    \\ ", false),
            ("\\\n  ", true),
            ("\\\n", true),
            ("'\n '", true),
            ("\"\n \"", true),
            ("' +\n    '", true),
            ("\\\"\\n \\\"", true),
            ("\\\\\\n  ", true),
        ] {
            for value in [&value[..], TOKEN] {
                let mut text = wrapped_at(columns, value, line_end);
                if !is_word_cut {
                    text = value.replace(' ', "\\\n    \\ ");
                }
                let masked = matcher.mask(&format!("k: \"{text}\"."));
                assert_eq!(masked, "k: \"***\".", "{text:?}");
            }
        }
    }
}

#[test]
fn words_that_are_no_phrase_stay() {
    let matcher = matcher(&[PHRASE, TOKEN]);
    for text in [
        "correct\nhorse\nbattery\nstable",
        "correct horse\n\nand battery staple",
        "correcthorsebatterystaple",
        "correct, horse, battery, staple",
        "ghp_0123456789 abcdefghijABCDEFGHIJ",
        "ghp\n_0123456789abcdefghijABCDEFGHIJ",
    ] {
        assert_eq!(matcher.mask(text), text);
    }
}

#[test]
fn colour_within_a_word_hides_nothing() {
    let matcher = matcher(&["hunter2secret"]);
    let text = "a hun\u{1b}[1mter2\u{1b}[0msecret b";
    assert_eq!(matcher.mask(text), "a *** b");
    assert_eq!(matcher.mask("a hunter2\\u001b[0msecret b"), "a *** b");
    // Both tools underline the subject of an error, such as an escape in a string that does not exist.
    let matcher = self::matcher(&["H\\qZebra99xyzLong", "${oops}Zebra99xyz"]);
    for text in [
        "H\u{1b}[4m\\q\u{1b}[0mZebra99xyzLong",
        "${\u{1b}[4moops\u{1b}[0m}Zebra99xyz",
    ] {
        assert_eq!(matcher.mask(&format!("db = \"{text}\"")), "db = \"***\"");
    }
}

#[test]
fn a_long_value_is_masked_where_lines_end_at_a_fixed_width() {
    let matcher = matcher(&[TOKEN]);
    for columns in 4..TOKEN.len() {
        for line_end in ["\n", "\n│ ", "\\n"] {
            let text = format!("is {}", wrapped_at(columns, TOKEN, line_end));
            assert_eq!(matcher.mask(&text), "is ***", "{text:?}");
        }
    }
}

#[test]
fn base64_of_a_text_with_the_value_is_masked_at_any_width() {
    let matcher = matcher(&[TOKEN]);
    for before in 0..90 {
        let document = format!("{}{TOKEN} and more", "x".repeat(before));
        let encoded = BASE64_STANDARD.encode(document);
        for columns in [60, 64, 76] {
            let masked = matcher.mask(&wrapped_at(columns, &encoded, "\n"));
            assert!(masked.contains("***"), "{before} {columns}");
            let lines: String = masked.split(['\n']).collect();
            let shown = lines.len();
            // What is left is the surrounding text, and the groups that it shares at both ends.
            assert!(
                shown <= encoded.len() - TOKEN.len() * 4 / 3 + 3 + 3,
                "{masked}"
            );
        }
    }
}

#[test]
fn lines_of_base64_are_masked_with_anything_between_them() {
    let value: String = (0..40).map(|n| format!("line {n} of it; ")).collect();
    let matcher = matcher(&[&value]);
    let encoded = BASE64_STANDARD.encode(&value);
    for columns in [64, 76] {
        let text = wrapped_at(columns, &encoded, "\"}\n{\"@message\":\"");
        let masked = matcher.mask(&text);
        let left = masked
            .replace("***", "")
            .replace("\"}\n{\"@message\":\"", "");
        assert!(left.len() < 6, "{masked}");
    }
}

#[test]
fn hex_and_base64_twice_over_are_masked() {
    let matcher = matcher(&[TOKEN]);
    let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
    for text in [&hex, &hex.to_uppercase()] {
        assert_eq!(matcher.mask(text), "***");
        assert_eq!(matcher.mask(&wrapped_at(60, text, "\n")), "***");
    }
    for before in 0..3 {
        for between in 0..3 {
            let once = BASE64_STANDARD.encode(format!("{}{TOKEN} b", "x".repeat(before)));
            let twice = BASE64_STANDARD.encode(format!("{}{once}", "y".repeat(between)));
            let masked = matcher.mask(&twice);
            assert!(masked.len() < 30 && masked.contains("***"), "{masked}");
        }
    }
}

#[test]
fn a_key_is_masked_indented_boxed_and_joined() {
    let lines = [
        "-----BEGIN PRIVATE KEY-----",
        &TOKEN.repeat(2)[..64],
        "QUJD",
        "-----END PRIVATE KEY-----",
    ];
    let key = lines.join("\n") + "\n";
    let matcher = matcher(&[&key]);
    for gap in ["\n        ", "\n│ ", "\\n", "\\\\n", " ", "\n"] {
        let text = format!("key = {}", lines.join(gap));
        assert_eq!(matcher.mask(&text), "key = ***", "{gap:?}");
    }
}

#[test]
fn a_line_that_ends_like_no_value_is_not_held_back() {
    let matcher = Arc::new(matcher(&[PHRASE, TOKEN]));
    for (line, held) in [
        ("still creating...\n", ""),
        ("a classic\n", ""),
        ("pages g\n", ""),
        ("this is correct\n", "correct\n"),
        ("gh\n", ""),
        ("ghp_\n", "ghp_\n"),
    ] {
        let mut redactor = Redactor::new(Arc::clone(&matcher));
        let mut masked = Vec::new();
        redactor.push(line.as_bytes(), &mut masked);
        assert_eq!(
            String::from_utf8_lossy(&masked),
            line.strip_suffix(held).unwrap_or(line)
        );
    }
}

#[test]
fn a_gap_without_an_end_is_not_held_for_ever() {
    let matcher = Arc::new(matcher(&[PHRASE]));
    let mut redactor = Redactor::new(matcher);
    let mut masked = Vec::new();
    redactor.push(b"correct", &mut masked);
    for _ in 0..128 {
        redactor.push(&[b' '; 64], &mut masked);
    }
    assert!(masked.len() > 4096, "{} of 8199 bytes", masked.len());
}

/// Generates words joined by what tools insert between them, truncated anywhere.
fn wrapped_text() -> impl Strategy<Value = String> {
    let gap = prop::sample::select(vec![
        " ",
        " ",
        "\n",
        "\n│ ",
        "\u{1b}[0m",
        "\\n",
        "\\",
        "\u{1b}[3",
        "\t",
        "  ",
        "",
        "\nx (local-exec): ",
        "\u{1b}[31m│\u{1b}[0m ",
        "\\u001b[0m",
        "\"",
        "\\\n  \\ ",
        "'\n '",
        "'$'\\t''",
        "'",
    ]);
    let word = prop::sample::select(vec![
        "correct",
        "horse",
        "battery",
        "staple",
        "ghp_01234",
        "56789abcdef",
        "ghijABCDEFGHIJ",
        "g",
        "a b",
        "x",
        "I",
        "love",
        "cats",
        "aaaa",
    ]);
    prop::collection::vec((word, gap), 0..24).prop_map(|parts| {
        parts
            .into_iter()
            .flat_map(|(word, gap)| [word, gap])
            .collect()
    })
}

proptest! {
    #[test]
    fn what_is_wrapped_is_masked_alike_however_it_is_cut(
        text in wrapped_text(),
        cuts in prop::collection::vec(1..12usize, 1..20),
        secrets in prop::sample::subsequence(vec![PHRASE, TOKEN, "I love cats", "a b a b", "horse\nbattery", "aaaaaaaaaaaa"], 1..6),
    ) {
        let matcher = Arc::new(matcher(&secrets));
        let whole = in_pieces(&matcher, text.as_bytes(), &[usize::MAX]);
        let masked = matcher.mask(&text);
        prop_assert_eq!(masked.as_bytes(), &whole);
        for cuts in [&cuts[..], &[1]] {
            let cut = in_pieces(&matcher, text.as_bytes(), cuts);
            prop_assert_eq!(String::from_utf8_lossy(&cut), String::from_utf8_lossy(&whole));
        }
        let folded = String::from_utf8_lossy(&whole).replace(['\n', '│', '\t'], " ");
        let folded = folded.split_whitespace().collect::<Vec<_>>().join(" ");
        for secret in secrets.iter().filter(|it| it.contains(' ')) {
            prop_assert!(!folded.contains(secret), "{} in {}", secret, folded);
        }
    }
}
