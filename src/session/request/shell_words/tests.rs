use std::process::Command;

use proptest::prelude::*;

use super::*;

#[test]
fn text_is_cut_as_a_shell_cuts_it() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        ("  \t\n ", &[]),
        ("-upgrade", &["-upgrade"]),
        ("a b\tc\nd", &["a", "b", "c", "d"]),
        (r#"'' """#, &["", ""]),
        (r#"a''b"c d"'e f'"#, &["abc de f"]),
        (r"'a\b' a\b a\ b", &[r"a\b", "ab", "a b"]),
        (
            r#""\$ \` \" \\ \a \'" '\"'"#,
            &[r#"$ ` " \ \a \'"#, r#"\""#],
        ),
        ("a\\\nb \"c\\\nd\" 'e\\\nf'", &["ab", "cd", "e\\\nf"]),
        ("\\\n", &[]),
        ("naïve 'größe 東京' \\é", &["naïve", "größe 東京", "é"]),
        (
            "-target=a.b[0] a~ a#b {} !",
            &["-target=a.b[0]", "a~", "a#b", "{}", "!"],
        ),
        (r"\$x \# \~ '#' '$x' \*", &["$x", "#", "~", "#", "$x", "*"]),
    ];
    for (text, words) in table {
        let expected: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(split(text), Ok(expected), "{text:?}");
    }
}

#[test]
fn what_a_shell_would_not_pass_on_is_refused_with_its_place() {
    use WordsError::{Nul, Special, TrailingBackslash, Unbalanced};
    let special = |character, at| Special { character, at };
    let table = [
        ("'a", Unbalanced { quote: '\'', at: 1 }),
        ("é \"b", Unbalanced { quote: '"', at: 3 }),
        ("\"b\\", Unbalanced { quote: '"', at: 1 }),
        ("a\\", TrailingBackslash { at: 2 }),
        ("a\0", Nul { at: 2 }),
        ("'\0'", Nul { at: 2 }),
        ("\"\0\"", Nul { at: 2 }),
        ("\\\0", Nul { at: 2 }),
        ("a=$b", special('$', 3)),
        ("\"a$\"", special('$', 3)),
        ("\"`id`\"", special('`', 2)),
        ("`id`", special('`', 1)),
        ("*.tf", special('*', 1)),
        ("a?", special('?', 2)),
        ("a;b", special(';', 2)),
        ("a|b", special('|', 2)),
        ("a&b", special('&', 2)),
        ("a<b", special('<', 2)),
        ("a>b", special('>', 2)),
        ("(a", special('(', 1)),
        ("a)", special(')', 2)),
        ("a # b", special('#', 3)),
        ("~/x", special('~', 1)),
        ("-plugin-dir=~/x", special('~', 13)),
        ("a\rb", special('\r', 2)),
        ("\u{1b}[0m", special('\u{1b}', 1)),
    ];
    for (text, fault) in table {
        assert_eq!(split(text), Err(fault), "{text:?}");
    }
}

/// Returns the words that the real shell makes of a text.
fn shell(text: &str) -> Vec<String> {
    let output = Command::new("/bin/sh")
        .current_dir("/proc/self/task")
        .args([
            "-c",
            &format!("set -- {text}\nfor w do printf '%s\\0' \"$w\"; done"),
        ])
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{text:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Generates pieces. A shell accepts every text of them that `split` accepts.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a", "-b=", " ", "\t", "'", "\"", "\\", "$", "`", "#", "~", "é", "東", "[z]", "{", "}",
        "!", ",", "=", "\\\n", ";", "*", "?", "%s", "''", "\"\"", "\\'", "\\\"",
    ])
}

/// Returns whether a text ends in an unescaped backslash.
fn is_kept(text: &str) -> bool {
    (text.len() - text.trim_end_matches('\\').len()) % 2 == 1
}

proptest! {
    #[test]
    fn quoted_words_come_back(words in prop::collection::vec("[^\0]{0,12}", 0..6)) {
        let text = quote(words.iter().map(String::as_str));
        prop_assert_eq!(split(&text), Ok(words));
    }

    #[test]
    fn any_text_is_cut_or_refused(text in any::<String>()) {
        let _ = split(&text);
    }

    #[test]
    fn the_real_shell_agrees(pieces in prop::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        // An unescaped newline is the one place where the two differ.
        prop_assume!(text.match_indices('\n').all(|(at, _)| is_kept(&text[..at])));
        if let Ok(words) = split(&text) {
            prop_assert_eq!(shell(&text), words, "{:?}", text);
        }
    }
}
