//! Persons, compared for separation of duties.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

/// Name of a caller without a key.
pub const ANONYMOUS: &str = "anonymous";

/// Names that the service itself uses in the audit trail and in logs.
const RESERVED: [&str; 5] = [
    ANONYMOUS,
    "command line",
    "auto_approve",
    "the stop of the service",
    "the node that took it over",
];

/// A person, identified by the name of a key.
///
/// Names that differ only in case, Unicode form, spaces, invisible characters or letters that look alike (Unicode
/// Technical Standard #39) are the same person, and so are all keys with the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person(String);

impl Person {
    /// Returns the person with a name.
    pub fn named(name: &str) -> Self {
        // Case folding can produce text that normalizes further, and the reverse; so each runs twice, as in
        // NFKC_Casefold.
        let folded = fold(&fold(name));
        let words: Vec<_> = folded.split_whitespace().collect();
        Self(skeleton(&words.join(" ")).collect())
    }

    /// Returns whether this may be the caller of a service without keys, whose identity is unknown.
    pub fn is_anonymous(&self) -> bool {
        *self == Self::named(ANONYMOUS)
    }

    /// Returns whether the service itself acts under this name; no key may have it.
    pub fn is_reserved(&self) -> bool {
        RESERVED.into_iter().any(|name| *self == Self::named(name))
    }
}

fn fold(name: &str) -> String {
    let visible: String = name.nfkc().filter(|it| !is_invisible(*it)).collect();
    let folded = UniCase::unicode(visible).to_folded_case();
    without_turkish_i(&folded).nfkc().collect()
}

/// Replaces the dotted and dotless i of Turkish with the i that other languages use for both cases.
fn without_turkish_i(folded: &str) -> String {
    folded.replace('\u{131}', "i").replace("i\u{307}", "i")
}

/// Returns whether a character is invisible: a control or format character, one that Unicode does not define or calls
/// ignorable (`Default_Ignorable_Code_Point`), or one that is blank in every font without being a space.
fn is_invisible(character: char) -> bool {
    let is_ignorable = matches!(
        character,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    );
    let is_blank = character == '\u{2800}';
    let is_space = character.is_whitespace();
    let is_other = character.general_category_group() == GeneralCategoryGroup::Other;
    is_ignorable || is_blank || (is_other && !is_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_another_case_or_form_are_one_person() {
        let table = [
            ("ann", "ANN", true),
            ("ann", " Ann ", true),
            ("ann lee", "Ann  Lee", true),
            // Composed and decomposed.
            ("ren\u{e9}", "rene\u{301}", true),
            ("ren\u{e9}", "RENE\u{301}", true),
            // Full folding.
            ("stra\u{df}e", "STRASSE", true),
            ("stra\u{df}e", "STRA\u{1e9e}E", true),
            ("\u{3c3}\u{3c2}", "\u{3a3}\u{3a3}", true),
            // Compatibility: full width, ligature, the Kelvin sign.
            ("ann", "\u{ff41}\u{ff4e}\u{ff2e}", true),
            ("fi", "\u{fb01}", true),
            ("k", "\u{212a}", true),
            // Composed with the Greek iota below a letter.
            ("\u{1fb3}", "\u{3b1}\u{345}", true),
            // Invisible characters.
            ("ann", "a\u{200b}nn\u{feff}", true),
            ("ann", "ann\u{fff9}\u{2800}\u{e0041}\u{1}\u{e000}", true),
            ("ann\tlee", "ann lee", true),
            // The Turkish i, in both cases.
            ("irfan", "\u{130}RFAN", true),
            ("irfan", "\u{131}rfan", true),
            // Letters that look alike: Cyrillic, Greek, digits.
            ("ann", "\u{430}nn", true),
            ("oscar", "\u{3bf}sc\u{430}r", true),
            ("paul", "pau1", true),
            ("ann", "bob", false),
            ("ann", "anna", false),
            ("rene", "ren\u{e9}", false),
        ];
        for (one, other, is_same) in table {
            let same = Person::named(one) == Person::named(other);
            assert_eq!(same, is_same, "{one} {other}");
        }
    }

    #[test]
    fn names_of_the_service_are_reserved() {
        for name in RESERVED {
            assert!(Person::named(&name.to_uppercase()).is_reserved(), "{name}");
        }
        assert!(!Person::named("ann").is_reserved());
        assert!(Person::named("Anonymous").is_anonymous());
    }
}
