//! Persons, compared for separation of duties.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

/// Name of a caller without a key.
pub const ANONYMOUS: &str = "anonymous";

/// Name logged as the one who cancelled deployments that did not end in time for a shutdown.
pub(crate) const STOP_OF_THE_SERVICE: &str = "the stop of the service";
/// Name logged as the one who cancelled a deployment that another node has taken over.
pub(crate) const TAKEN_OVER: &str = "the node that took it over";

/// Names that the service itself uses in the audit trail and in logs.
const RESERVED: [&str; 5] = [
    ANONYMOUS,
    "command line",
    "auto_approve",
    STOP_OF_THE_SERVICE,
    TAKEN_OVER,
];

/// Latin small capitals that neither case folding nor the table of confusables maps to letters.
const SMALL_CAPITALS: &str = "\u{1d00}a\u{299}b\u{1d04}c\u{1d05}d\u{1d07}e\u{a730}f\u{262}g\u{29c}h\u{26a}i\u{1d0a}j\
    \u{1d0b}k\u{29f}l\u{1d0d}m\u{274}n\u{1d0f}o\u{1d18}p\u{a7af}q\u{280}r\u{a731}s\u{1d1b}t\u{1d1c}u\u{1d20}v\
    \u{1d21}w\u{28f}y\u{1d22}z";
/// The first of 26 symbols, one for each letter from A: circled, squared, of flags.
const FIRST_SYMBOLS: [char; 3] = ['\u{1f150}', '\u{1f170}', '\u{1f1e6}'];

/// A person, identified by the name of a key.
///
/// Names that differ only in case, Unicode form, spaces, invisible characters or letters that look alike (Unicode
/// Technical Standard #39) are the same person, and so are all keys with the same name.
///
/// Letters can look alike in one case only: `I` like `l`, but `i` not. So a name has two forms, and names are the same
/// person if either form is equal. This relation is not transitive.
#[derive(Clone, Debug)]
pub struct Person {
    /// Cases are folded before letters that look alike.
    case_first: String,
    /// Letters that look alike are folded before cases.
    look_first: String,
}

impl PartialEq for Person {
    fn eq(&self, other: &Self) -> bool {
        self.case_first == other.case_first || self.look_first == other.look_first
    }
}

impl Person {
    /// Returns the person with a name.
    pub fn named(name: &str) -> Self {
        let visible: String = name.chars().filter(|it| !is_ignored(*it)).collect();
        let plain: String = without_marks(&visible).chars().map(plain_letter).collect();
        // Case folding can produce text that normalizes further, and the reverse; so each runs twice, as in
        // NFKC_Casefold.
        let fold = |text: &str| fold(&fold(text));
        let look = |text: &str| skeleton(text).collect::<String>();
        Self {
            case_first: fold(&look(&fold(&plain))),
            look_first: fold(&look(&plain)),
        }
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
    let visible: String = name.nfkc().filter(|it| !is_ignored(*it)).collect();
    let folded = UniCase::unicode(visible).to_folded_case();
    without_turkish_i(&folded).nfkc().collect()
}

/// Removes combining marks that form no letter with the character before them, such as a line below it.
///
/// Marks of other scripts than Latin, Greek and Cyrillic stay behind characters of these: they are letters there.
fn without_marks(name: &str) -> String {
    let is_of_any_script = |it: char| {
        matches!(
            it,
            '\u{300}'..='\u{36f}'
                | '\u{483}'..='\u{489}'
                | '\u{1ab0}'..='\u{1aff}'
                | '\u{1dc0}'..='\u{1dff}'
                | '\u{20d0}'..='\u{20ff}'
                | '\u{fe20}'..='\u{fe2f}'
        )
    };
    let mut is_after_european = true;
    let mut forms_no_letter = |it: char| {
        if it.general_category_group() == GeneralCategoryGroup::Mark {
            return is_after_european || is_of_any_script(it);
        }
        // Latin, Greek and Cyrillic, and the signs of ASCII.
        is_after_european = matches!(it, '\0'..='\u{52f}' | '\u{1e00}'..='\u{1fff}');
        false
    };
    name.nfc().filter(|it| !forms_no_letter(*it)).collect()
}

/// Replaces symbols in the shape of a letter by the letter.
fn plain_letter(character: char) -> char {
    for first in FIRST_SYMBOLS {
        let place = u32::from(character).wrapping_sub(u32::from(first));
        if let Some(letter) = ('a'..='z').nth(place.try_into().unwrap_or(usize::MAX)) {
            return letter;
        }
    }
    let mut pairs = SMALL_CAPITALS.chars();
    while let (Some(capital), Some(letter)) = (pairs.next(), pairs.next()) {
        if capital == character {
            return letter;
        }
    }
    character
}

/// Replaces the dotted and dotless i of Turkish with the i that other languages use for both cases.
fn without_turkish_i(folded: &str) -> String {
    folded.replace('\u{131}', "i").replace("i\u{307}", "i")
}

/// Returns whether a character makes no difference: it is a space or invisible.
fn is_ignored(character: char) -> bool {
    character.is_whitespace() || is_invisible(character)
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
    // The second represents an object that no font shows.
    let is_blank = matches!(character, '\u{2800}' | '\u{fffc}');
    let is_other = character.general_category_group() == GeneralCategoryGroup::Other;
    is_ignorable || is_blank || is_other
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
            // In one case only.
            ("lee", "Iee", true),
            ("LEE", "Iee", true),
            ("ian", "IAN", true),
            ("bob", "b0b", true),
            ("BOB", "b0b", true),
            ("ben", "\u{42c}en", true),
            ("cory", "\u{3f2}ory", true),
            ("ann", "\u{13aa}nn", true),
            ("victor", "\u{3bd}ictor", true),
            ("NINA", "\u{39d}INA", true),
            // Small capitals, and symbols in the shape of letters.
            ("ann", "\u{1d00}\u{274}\u{274}", true),
            ("ann", "\u{1f170}nn", true),
            ("ann", "\u{1f150}\u{24dd}\u{1f13d}", true),
            // Marks that form no letter with the one before them.
            ("ann", "a\u{332}nn", true),
            ("ann", "a\u{20e3}nn", true),
            ("ren\u{e9}", "re\u{332}ne\u{332}\u{301}", true),
            ("ann", "\u{fffc}ann", true),
            // Spaces.
            ("ann", "a nn", true),
            ("user 1", "user1", true),
            ("user 1", "user 2", false),
            ("ian", "lan", false),
            // Known limits.
            ("anna", "ama", false),
            ("w", "vv", false),
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
    fn marks_that_are_letters_are_kept() {
        for (one, other) in [
            ("\u{930}\u{93e}\u{92e}", "\u{930}\u{92e}"),
            ("\u{e01}\u{e49}", "\u{e01}"),
        ] {
            assert!(Person::named(one) != Person::named(other), "{one} {other}");
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
