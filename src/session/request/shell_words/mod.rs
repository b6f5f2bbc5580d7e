//! Splits text into words like a POSIX shell, without any expansion.
//!
//! Quoting is that of `sh`: single quotes keep everything, double quotes keep everything but `\` before `$`, `` `
//! ``, `"`, `\` and a newline, and a backslash outside keeps the next character. An empty pair of quotes is an
//! empty word.
//!
//! There is no shell here to expand anything, so text that a shell would change is refused instead of getting
//! another meaning:
//!
//! | not quoted | why it is refused |
//! |---|---|
//! | `$`, `` ` ``, also in double quotes | a shell would insert a value |
//! | `*` `?` | a shell would insert file names |
//! | `~` that begins a word or follows `=` | a shell would insert the home directory |
//! | `;` `\|` `&` `<` `>` `(` `)` | the command would end there, or be redirected |
//! | `#` that begins a word | the rest would be a comment |
//! | control characters except tab and newline | never intended |
//!
//! `[` and `]` are passed on, as a shell does unless a file happens to match: resource addresses contain them. So
//! are `{`, `}`, `!`, `^` and `%`, which mean nothing to `sh`. A newline separates words like a space, where a
//! shell would end the command: that is what text over several lines means here.

#[cfg(test)]
mod tests;

use thiserror::Error;

/// Why a text cannot be split.
///
/// Positions count characters, the first being 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WordsError {
    /// A quote is not closed.
    #[error("the quote `{quote}` at character {at} is never closed")]
    Unbalanced {
        /// The quote.
        quote: char,
        /// Where it opens.
        at: usize,
    },
    /// The text ends in an unescaped backslash.
    #[error("the backslash at character {at}, the last one, has nothing after it")]
    TrailingBackslash {
        /// Where it is.
        at: usize,
    },
    /// A shell would expand this, or end the command here; this parser does not.
    #[error("the character `{}` at character {at} means something to a shell: quote it", .character.escape_debug())]
    Special {
        /// The character.
        character: char,
        /// Where it is.
        at: usize,
    },
    /// A word cannot hold a NUL.
    #[error("there is a NUL at character {at}")]
    Nul {
        /// Where it is.
        at: usize,
    },
}

/// Splits a text into words.
///
/// ```
/// use iac_runner::session::request::shell_words::split;
///
/// assert_eq!(split(r#"-upgrade -var='a=b c'"#).unwrap(), ["-upgrade", "-var=a=b c"]);
/// assert!(split("-var=home=$HOME").is_err());
/// ```
///
/// # Errors
/// The first position at which the text is not balanced, or would mean something else to a shell.
pub fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let mut cutter = Cutter::default();
    let mut characters = (1..).zip(text.chars());
    while let Some((at, character)) = characters.next() {
        match character {
            '\0' => return Err(WordsError::Nul { at }),
            '\'' => single_quoted(at, &mut characters, cutter.word())?,
            '"' => double_quoted(at, &mut characters, cutter.word())?,
            '\\' => match characters.next() {
                None => return Err(WordsError::TrailingBackslash { at }),
                Some((at, '\0')) => return Err(WordsError::Nul { at }),
                Some((_, '\n')) => {}
                Some((_, kept)) => cutter.word().push(kept),
            },
            ' ' | '\t' | '\n' => cutter.end(),
            special if is_special(special, cutter.word.as_deref()) => {
                return Err(WordsError::Special {
                    character: special,
                    at,
                });
            }
            plain => cutter.word().push(plain),
        }
    }
    cutter.end();
    Ok(cutter.words)
}

/// Quotes words so that [`split`], and a shell, return the same words.
pub fn quote<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words
        .into_iter()
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
        .collect();
    quoted.join(" ")
}

#[derive(Default)]
struct Cutter {
    words: Vec<String>,
    /// The current word; `None` between words.
    word: Option<String>,
}

impl Cutter {
    fn word(&mut self) -> &mut String {
        self.word.get_or_insert_default()
    }

    fn end(&mut self) {
        self.words.extend(self.word.take());
    }
}

/// Returns whether a shell would change an unquoted character.
fn is_special(character: char, word: Option<&str>) -> bool {
    match character {
        '$' | '`' | '*' | '?' | ';' | '|' | '&' | '<' | '>' | '(' | ')' => true,
        '#' => word.is_none(),
        '~' => word.is_none_or(|word| word.is_empty() || word.ends_with('=')),
        other => other.is_control(),
    }
}

fn single_quoted(
    open: usize,
    characters: &mut impl Iterator<Item = (usize, char)>,
    word: &mut String,
) -> Result<(), WordsError> {
    for (at, character) in characters {
        match character {
            '\0' => return Err(WordsError::Nul { at }),
            '\'' => return Ok(()),
            kept => word.push(kept),
        }
    }
    Err(WordsError::Unbalanced {
        quote: '\'',
        at: open,
    })
}

fn double_quoted(
    open: usize,
    characters: &mut impl Iterator<Item = (usize, char)>,
    word: &mut String,
) -> Result<(), WordsError> {
    while let Some((at, character)) = characters.next() {
        match character {
            '\0' => return Err(WordsError::Nul { at }),
            '"' => return Ok(()),
            '$' | '`' => return Err(WordsError::Special { character, at }),
            '\\' => match characters.next() {
                None => break,
                Some((at, '\0')) => return Err(WordsError::Nul { at }),
                Some((_, '\n')) => {}
                Some((_, kept @ ('$' | '`' | '"' | '\\'))) => word.push(kept),
                Some((_, other)) => word.extend(['\\', other]),
            },
            kept => word.push(kept),
        }
    }
    Err(WordsError::Unbalanced {
        quote: '"',
        at: open,
    })
}
