//! For any secrets, and any text with their forms in it, however it is cut: the masked text is always the same, and
//! contains none of the forms.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use iac_runner::output::{MASK, Matcher, Redactor};
use libfuzzer_sys::fuzz_target;

/// Part of a text.
#[derive(Arbitrary, Debug)]
enum Part {
    Filler(Vec<u8>),
    /// A form of a secret, perhaps without its end.
    Secret {
        which: u8,
        form: u8,
        without: u8,
    },
}

#[derive(Arbitrary, Debug)]
struct Stream {
    secrets: Vec<String>,
    parts: Vec<Part>,
    piece_sizes: Vec<u8>,
}

fuzz_target!(|stream: Stream| {
    let Stream {
        mut secrets,
        parts,
        piece_sizes,
    } = stream;
    // A mask next to other text may look like a secret that contains a part of a mask.
    secrets.retain(|secret| Matcher::masks(secret.as_bytes()) && !secret.contains('*'));
    secrets.truncate(8);
    let text = text_of(&parts, &secrets);
    let matcher = Arc::new(Matcher::new(secrets.iter().map(String::as_bytes)));

    let whole = masked(&matcher, &text, &[]);
    assert_eq!(masked(&matcher, &text, &piece_sizes), whole);
    assert_eq!(masked(&matcher, &text, &[1]), whole);
    if let Ok(text) = str::from_utf8(&text) {
        assert_eq!(
            matcher.mask(text).as_bytes(),
            String::from_utf8_lossy(&whole).as_bytes()
        );
    }
    for secret in &secrets {
        for form in forms(secret) {
            assert!(
                !contains(&whole, &form),
                "{:?} survives in {:?}",
                String::from_utf8_lossy(&form),
                String::from_utf8_lossy(&whole)
            );
        }
    }
    if !secrets
        .iter()
        .any(|secret| forms(secret).iter().any(|form| contains(&text, form)))
        && !contains(&whole, MASK.as_bytes())
    {
        assert_eq!(whole, text, "what holds no secret passes as it is");
    }
});

fn text_of(parts: &[Part], secrets: &[String]) -> Vec<u8> {
    let mut text = Vec::new();
    for part in parts {
        match part {
            Part::Filler(filler) => text.extend_from_slice(filler),
            Part::Secret {
                which,
                form,
                without,
            } if !secrets.is_empty() => {
                let forms = forms(&secrets[usize::from(*which) % secrets.len()]);
                let form = &forms[usize::from(*form) % forms.len()];
                let len = form.len().saturating_sub(usize::from(*without % 4));
                text.extend_from_slice(&form[..len]);
            }
            Part::Secret { .. } => {}
        }
    }
    text
}

/// The forms that the protocol promises to mask, made here without the code under test.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(secret).expect("a string is JSON");
    let json = &json[1..json.len() - 1];
    let mut forms = vec![
        secret.as_bytes().to_vec(),
        json.as_bytes().to_vec(),
        url_encoded(secret),
    ];
    forms.extend((0..3).map(|before| base64_after(before, secret.as_bytes())));
    let inner = base64_after(1, secret.as_bytes());
    forms.extend((0..3).map(|before| base64_after(before, &inner)));
    forms.push(
        secret
            .bytes()
            .flat_map(|byte| format!("{byte:02x}").into_bytes())
            .collect(),
    );
    forms.extend(GAPS.iter().filter_map(|gap| wrapped(secret, gap)));
    forms.extend(
        secret
            .split('\n')
            .map(str::trim_ascii)
            .filter(|line| line.chars().count() >= 6)
            .map(|line| line.as_bytes().to_vec()),
    );
    forms
}

/// What tools insert between the words of a value.
const GAPS: [&str; 5] = [
    "\n",
    "\n│ ",
    "\n\u{1b}[31m│\u{1b}[0m \u{1b}[0m",
    "\\n    ",
    "\nterraform_data.a (local-exec): ",
];

/// Returns a secret of plain words with another gap between them.
fn wrapped(secret: &str, gap: &str) -> Option<Vec<u8>> {
    let words: Vec<&str> = secret.split(' ').collect();
    let is_word = |it: &&str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let len: usize = words.iter().map(|it| it.len()).sum();
    let is_plain = words.len() > 1 && (4..20).contains(&len) && words.iter().all(is_word);
    is_plain.then(|| words.join(gap).into_bytes())
}

fn url_encoded(secret: &str) -> Vec<u8> {
    let mut encoded = Vec::new();
    for &byte in secret.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    encoded
}

/// Returns what base64 makes of a secret after some other bytes, without the characters that hold bits of its
/// neighbours.
fn base64_after(before: usize, secret: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret);
    let first = (before * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    STANDARD_NO_PAD.encode(&bytes).as_bytes()[first..end].to_vec()
}

fn masked(matcher: &Arc<Matcher>, text: &[u8], piece_sizes: &[u8]) -> Vec<u8> {
    let mut redactor = Redactor::new(Arc::clone(matcher));
    let mut masked = Vec::new();
    let mut rest = text;
    let mut sizes = piece_sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |&size| usize::from(size));
        let (piece, after) = rest.split_at(size.clamp(1, rest.len()));
        redactor.push(piece, &mut masked);
        rest = after;
    }
    redactor.finish(&mut masked);
    masked
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
