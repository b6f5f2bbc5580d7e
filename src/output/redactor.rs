//! Masks a stream that arrives in pieces.

use std::sync::Arc;

use super::json::{self, JsonPosition, MaskedRange};
use super::matcher::{MASK, Matcher, Matches};
use super::secret::LOOK_BEHIND;
use super::window::Window;

/// Replaces a number in JSON.
const QUOTED_MASK: &str = "\"***\"";

/// Masks a stream; its output does not depend on how the stream was split into pieces.
///
/// A byte is held back only while it may be the beginning of a secret, so a line without one passes at once. Holds
/// hardly more than the longest pattern, however occurrences overlap.
#[derive(Debug)]
pub struct Redactor {
    matcher: Arc<Matcher>,
    /// The end of the text before, which decides whether some patterns count.
    before: Vec<u8>,
    held: Vec<u8>,
    /// Number of held bytes that belong to an occurrence whose mask is already written.
    covered: usize,
    /// The JSON position at which the held bytes begin, if the output is JSON.
    place: Option<JsonPosition>,
}

impl Redactor {
    /// Starts a stream.
    pub const fn new(matcher: Arc<Matcher>) -> Self {
        Self {
            matcher,
            before: Vec::new(),
            held: Vec::new(),
            covered: 0,
            place: None,
        }
    }

    /// Starts a stream of JSON, which is still JSON after masking. It may contain lines that are not JSON.
    pub const fn of_json(matcher: Arc<Matcher>) -> Self {
        Self::of_json_from(matcher, JsonPosition::LineStart)
    }

    /// Starts at a position within JSON.
    pub const fn of_json_from(matcher: Arc<Matcher>, place: JsonPosition) -> Self {
        let mut this = Self::new(matcher);
        this.place = Some(place);
        this
    }

    /// Returns the matcher that finds the secrets.
    pub const fn matcher(&self) -> &Arc<Matcher> {
        &self.matcher
    }

    /// Processes the next piece and appends certain output to `to`.
    pub fn push(&mut self, piece: &[u8], to: &mut Vec<u8>) {
        self.held.extend_from_slice(piece);
        self.pass(false, to);
    }

    /// Appends everything that was held back; nothing may follow.
    pub fn finish(&mut self, to: &mut Vec<u8>) {
        self.pass(true, to);
    }

    fn pass(&mut self, whole: bool, to: &mut Vec<u8>) {
        let found = self.matcher.find(&Window {
            before: &self.before,
            text: &self.held,
            covered: self.covered,
            whole,
        });
        let Matches {
            ranges,
            mut certain,
        } = found;
        let masks = match &mut self.place {
            Some(place) => {
                let fitted = json::fit_into_json(*place, &self.held, &ranges, certain, whole);
                (*place, certain) = (fitted.place, fitted.certain);
                fitted.masks
            }
            None => ranges
                .iter()
                .map(|&(start, end)| MaskedRange {
                    start,
                    end,
                    is_quoted: false,
                })
                .collect(),
        };
        let mut done = 0;
        for MaskedRange {
            start,
            end,
            is_quoted,
        } in masks
        {
            let goes_on = start == 0 && self.covered > 0 && !is_quoted;
            if start >= certain && !goes_on {
                break;
            }
            if !goes_on {
                to.extend_from_slice(&self.held[done..start]);
                let mask = if is_quoted { QUOTED_MASK } else { MASK };
                to.extend_from_slice(mask.as_bytes());
            }
            done = end.min(certain);
        }
        to.extend_from_slice(&self.held[done..certain]);
        let begun = ranges
            .iter()
            .take_while(|(start, _)| *start < certain || *start == 0 && self.covered > 0);
        self.covered = begun
            .last()
            .map_or(0, |(_, end)| end.saturating_sub(certain));
        let near = certain.saturating_sub(LOOK_BEHIND);
        self.before.extend(&self.held[near..certain]);
        let far = self.before.len().saturating_sub(LOOK_BEHIND);
        self.before.drain(..far);
        self.held.drain(..certain);
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    use proptest::prelude::*;

    use super::*;
    use crate::output::encodings::spellings;
    use crate::output::secret::{Scope, Secret};

    fn in_pieces(secrets: &[String], text: &[u8], cuts: &[usize]) -> Vec<u8> {
        let matcher = Matcher::new(secrets.iter().map(String::as_bytes));
        masked_in_pieces(Arc::new(matcher), text, cuts)
    }

    fn masked_in_pieces(matcher: Arc<Matcher>, text: &[u8], cuts: &[usize]) -> Vec<u8> {
        let mut redactor = Redactor::new(matcher);
        let mut masked = Vec::new();
        let mut rest = text;
        for cut in cuts {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            redactor.push(piece, &mut masked);
            rest = after;
        }
        redactor.push(rest, &mut masked);
        redactor.finish(&mut masked);
        masked
    }

    /// Returns the spellings of a secret that tools and encoders produce.
    fn forms(secret: &str) -> Vec<Vec<u8>> {
        let written = spellings::of_writers(secret).into_iter();
        let mut forms: Vec<_> = written.map(|(_, form)| form.into_bytes()).collect();
        for before in 0..3 {
            let padded = [&b"xx"[..before], secret.as_bytes()].concat();
            let first = (before * 8).div_ceil(6);
            let encoded = STANDARD_NO_PAD.encode(&padded).into_bytes();
            forms.push(encoded[first..padded.len() * 8 / 6].to_vec());
        }
        forms
    }

    /// Generates secrets of few letters, so that they overlap, repeat and share prefixes.
    fn secrets() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[ab\"\\\\\n${é]{6,12}", 1..5)
    }

    /// Generates text that contains the secrets, in any form and in parts.
    fn text_with(secrets: Vec<String>) -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
        let part = (0..secrets.len(), 0..64usize, 0..16usize, "[abx \n]{0,6}");
        prop::collection::vec(part, 0..12).prop_map(move |parts| {
            let mut text = Vec::new();
            for (which, form, keep, filler) in parts {
                let forms = forms(&secrets[which]);
                let form = &forms[form % forms.len()];
                text.extend_from_slice(
                    &form[..form.len().min(form.len() + 3 - keep.min(form.len()))],
                );
                text.extend_from_slice(filler.as_bytes());
            }
            (secrets.clone(), text)
        })
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_masked_text_and_no_secret_survives(
            (secrets, text) in secrets().prop_flat_map(text_with),
            cuts in prop::collection::vec(0..9usize, 0..40),
        ) {
            let whole = in_pieces(&secrets, &text, &[]);
            prop_assert_eq!(&in_pieces(&secrets, &text, &cuts), &whole);
            prop_assert_eq!(&in_pieces(&secrets, &text, &vec![1; text.len()]), &whole);
            for secret in &secrets {
                let trimmed = secret.trim_ascii();
                let least = if trimmed.chars().count() < 6 { secret } else { trimmed };
                prop_assert!(!contains(&whole, least.as_bytes()), "{:?} survives", secret);
            }
        }

        #[test]
        fn no_spelling_of_a_secret_survives_however_it_is_cut(
            secret in "[a-zA-Z0-9 \"'\\\\/+&=<>%${}:@é😀]{1,60}[a-z0-9]{6}",
            choices in prop::collection::vec(any::<u8>(), 1..40),
            cuts in prop::collection::vec(1..9usize, 0..200),
            which in any::<prop::sample::Index>(),
        ) {
            let secret = secret.trim_ascii().to_owned();
            let mut spelled: Vec<_> = forms(&secret).into_iter().collect();
            spelled.push(spellings::mixed(&secret, &choices).into_bytes());
            let form = match choices[0] % 2 {
                0 => spelled[spelled.len() - 1].clone(),
                _ => spelled[which.index(spelled.len())].clone(),
            };
            let text = [b"begin (", &form[..], b") end\n"].concat();
            let whole = in_pieces(std::slice::from_ref(&secret), &text, &[]);
            let shown = String::from_utf8_lossy(&whole).into_owned();
            prop_assert_eq!(&shown, "begin (***) end\n", "{:?} as {:?}", secret, String::from_utf8_lossy(&form));
            prop_assert_eq!(&in_pieces(std::slice::from_ref(&secret), &text, &cuts), &whole);
            prop_assert_eq!(&in_pieces(&[secret], &text, &vec![1; text.len()]), &whole);
        }

        #[test]
        fn a_word_is_masked_alike_however_the_text_is_cut(
            text in "(letter|letters|:letter@|\"letter\":|\\\\n|\u{1b}\\[31m|%3A|%40|[\"@:x ]){0,12}",
            cuts in prop::collection::vec(0..9usize, 0..40),
            scope in prop::sample::select(vec![Scope::Word, Scope::Place]),
        ) {
            let value = b"letter".as_slice().into();
            let matcher = Arc::new(Matcher::of([Secret { value, scope }]));
            let masked = |cuts: &[usize]| masked_in_pieces(Arc::clone(&matcher), text.as_bytes(), cuts);
            let whole = masked(&[]);
            prop_assert_eq!(&masked(&cuts), &whole);
            prop_assert_eq!(&masked(&vec![1; text.len()]), &whole);
            prop_assert_eq!(matcher.mask(&text).into_bytes(), whole);
        }

        #[test]
        fn little_is_held_however_occurrences_overlap(
            secret in "a{6,9}|[ab]{6,9}",
            text in "[ab]{0,400}|a{0,400}",
        ) {
            let matcher = Arc::new(Matcher::new([secret.as_bytes()]));
            let mut redactor = Redactor::new(matcher);
            let mut masked = Vec::new();
            for piece in text.as_bytes().chunks(7) {
                redactor.push(piece, &mut masked);
                prop_assert!(redactor.held.len() < 16, "{} bytes", redactor.held.len());
            }
        }

        #[test]
        fn text_without_a_secret_passes_unchanged(text in "[c-z \n]{0,200}") {
            prop_assert_eq!(
                in_pieces(&["aaaaaa".to_owned()], text.as_bytes(), &[3, 7, 11]),
                text.as_bytes()
            );
        }
    }

    fn contains(text: &[u8], part: &[u8]) -> bool {
        text.windows(part.len()).any(|window| window == part)
    }
}
