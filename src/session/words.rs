//! Text to words, as a POSIX shell cuts it, without anything that a shell would expand.
//!
//! Quoting is that of `sh`: single quotes keep everything, double quotes keep everything but `\` before
//! `$`, `` ` ``, `"`, `\` and the end of a line, and a backslash outside keeps the next character. An
//! empty pair of quotes is an empty word.
//!
//! There is no shell here to expand anything, so what a shell would not have passed on as it stands is
//! refused, instead of meaning something else:
//!
//! | not quoted | why it is refused |
//! |---|---|
//! | `$`, `` ` ``, also in double quotes | a value would be put in |
//! | `*` `?` | names of files would be put in |
//! | `~` that begins a word or follows `=` | the home directory would be put in |
//! | `;` `\|` `&` `<` `>` `(` `)` | the command would end there, or be redirected |
//! | `#` that begins a word | the rest would be a comment |
//! | control characters but tab and line ends | nobody means them |
//!
//! `[` and `]` are passed on, as a shell does unless a file happens to match: resource addresses have
//! them. So are `{`, `}`, `!`, `^` and `%`, which mean nothing to `sh`. The end of a line separates words
//! like a space, where a shell would end the command: text that is written over several lines means that.

use thiserror::Error;

/// Why a text has no words.
///
/// Positions count characters, the first being 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WordsError {
    /// A quote is never closed.
    #[error("the quote `{quote}` at character {at} is never closed")]
    Unbalanced {
        /// The quote.
        quote: char,
        /// Where it opens.
        at: usize,
    },
    /// The text ends in a backslash that keeps nothing.
    #[error("the backslash at character {at}, the last one, has nothing after it")]
    TrailingBackslash {
        /// Where it is.
        at: usize,
    },
    /// A shell would expand this, or end the command here; nothing here does.
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

/// Cuts a text into words.
///
/// ```
/// use iac_runner::session::words::split;
///
/// assert_eq!(split(r#"-upgrade -var='a=b c'"#).unwrap(), ["-upgrade", "-var=a=b c"]);
/// assert!(split("-var=home=$HOME").is_err());
/// ```
///
/// # Errors
/// The first place at which the text is not balanced, or would mean something else to a shell.
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

/// Writes words as a text of which [`split`], and a shell, makes these words again.
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
    /// The word that is being read; none between words.
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

/// Whether an unquoted character would not reach a command as it stands.
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

#[cfg(test)]
mod tests;
