//! Tests that the work of a search is limited by its text, for any secrets and texts.

use super::steps;
use crate::output::{Matcher, Redactor};

/// Most steps per byte that any text takes: hardly more than the length of a piece.
const MOST_STEPS_PER_BYTE: usize = 80;

fn steps_per_byte(secrets: &[String], text: &str) -> usize {
    let matcher = Matcher::new(secrets.iter().map(String::as_bytes));
    steps::take();
    matcher.mask(text);
    let whole = steps::take();
    let mut redactor = Redactor::new(matcher.into());
    let mut masked = Vec::new();
    for piece in text.as_bytes().chunks(16 * 1024) {
        redactor.push(piece, &mut masked);
    }
    redactor.finish(&mut masked);
    whole.max(steps::take()) / text.len()
}

#[test]
fn work_is_bounded_for_hostile_secrets_and_text() {
    let alike = |n: usize| format!("{}{n:04}", "common start, ".repeat(90));
    let nested = |n: usize| "ab".repeat(n + 3);
    let table: [(&str, Vec<String>, String); 18] = [
        ("words", vec!["a ".repeat(2500) + "z"], "a ".repeat(5_000)),
        (
            "words at line ends",
            vec!["a ".repeat(2500) + "z"],
            "a\n".repeat(5_000),
        ),
        (
            "one letter",
            vec!["a".repeat(4_000) + "b"],
            "a".repeat(10_000),
        ),
        (
            "two periods",
            vec!["ab".repeat(2000) + "c", "ba".repeat(2000) + "d"],
            ("ab".repeat(5000) + "\n").repeat(2),
        ),
        (
            "alike",
            (0..100).map(alike).collect(),
            alike(7777).repeat(20),
        ),
        (
            "alike, cut",
            (0..100).map(alike).collect(),
            "common start, ".repeat(5000),
        ),
        ("nested", (0..100).map(nested).collect(), "ab".repeat(5_000)),
        (
            "nested words",
            (0..100).map(|n| "a b ".repeat(n + 2)).collect(),
            "a b\n".repeat(4_000),
        ),
        (
            "gaps",
            vec!["ab cd ".repeat(1000) + "z"],
            ("ab".to_owned() + &" ".repeat(1000) + "cd ").repeat(20),
        ),
        (
            "long gaps",
            vec!["abc def ghi".to_owned()],
            ("abc".to_owned() + &" ".repeat(4_000) + "\n").repeat(20),
        ),
        (
            "colour",
            vec!["ab".repeat(500)],
            "a\u{1b}[0mb\u{1b}[1m".repeat(10_000),
        ),
        (
            "backslashes",
            vec!["\\".repeat(300) + "end"],
            "\\".repeat(10_000),
        ),
        (
            "quotes",
            vec!["'\"".repeat(300) + "end"],
            "'\\''".repeat(4_000),
        ),
        (
            "quotes of shells",
            vec!["'".repeat(300) + "end"],
            "'$'''".repeat(4_000),
        ),
        (
            "quotes at line ends",
            vec!["a\"".repeat(300) + "end"],
            "a\"\n\"".repeat(4_000),
        ),
        (
            "quotes before long gaps",
            vec!["\"".repeat(300) + "end"],
            ("\"".repeat(30) + &" \n".repeat(300)).repeat(20),
        ),
        (
            "percent",
            vec!["%25".repeat(100) + "%%end1"],
            "%25".repeat(5_000),
        ),
        (
            "escapes",
            vec!["\"".repeat(300) + "end"],
            "\\\\\\\"".repeat(4_000),
        ),
    ];
    for (name, secrets, text) in table {
        let steps = steps_per_byte(&secrets, &text);
        assert!(steps <= MOST_STEPS_PER_BYTE, "{name}: {steps} steps a byte");
    }
}

#[test]
fn ordinary_text_takes_hardly_a_step() {
    let secrets: Vec<String> = (0..50_u64)
        .map(|n| format!("{:016x}{n}", (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    let text = "\u{1b}[0m\u{1b}[1mterraform_data.a: Still creating... [10s elapsed]\u{1b}[0m\n"
        .repeat(2000);
    let matcher = Matcher::new(secrets.iter().map(String::as_bytes));
    steps::take();
    assert_eq!(matcher.mask(&text), text);
    let steps = steps::take();
    assert!(
        steps < text.len() / 2,
        "{steps} steps for {} bytes",
        text.len()
    );
}

/// Other secrets behind a text that uses up all steps are masked whole.
#[test]
fn secrets_behind_hostile_text_are_masked_whole() {
    let password = "correct-Horse/battery+Staple=7731-abcdefghijklmnopqrstuvwxyzABCDEF";
    let token = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z5A";
    for (repeated, text) in [
        ("A".repeat(43) + "=", "A".repeat(60_000)),
        (
            "0".repeat(40) + "deadbeef",
            ("0".repeat(63) + "\n").repeat(800),
        ),
        ("#".repeat(80), ("#".repeat(79) + "x\n").repeat(500)),
        ("\\".repeat(300) + "end", "\\".repeat(60_000)),
        ("%25".repeat(100) + "%%end1", "%25".repeat(20_000)),
        ("'\"".repeat(300) + "end", "'\\''".repeat(16_000)),
        ("a\"".repeat(300) + "end", "a\"\n\"".repeat(16_000)),
    ] {
        let secrets = [&repeated, password, token];
        let matcher = Matcher::new(secrets.iter().map(|it| it.as_bytes()));
        let text = format!("{text}\npassword={password} token={token}\n");
        let mut redactor = Redactor::new(matcher.into());
        let mut masked = Vec::new();
        for piece in text.as_bytes().chunks(64 * 1024) {
            redactor.push(piece, &mut masked);
        }
        redactor.finish(&mut masked);
        let masked = String::from_utf8_lossy(&masked);
        let end = &masked[masked.len().saturating_sub(300)..];
        for secret in [password, token] {
            assert!(!masked.contains(&secret[secret.len() - 12..]), "{end}");
        }
    }
}
