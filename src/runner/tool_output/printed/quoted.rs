//! Finds the end of a provisioner's output that the tool quotes in a block without a box.
//!
//! Both tools print the output line by line while the provisioner runs, each line after `ADDRESS (local-exec): `,
//! and its last 8 KiB again in the error, without prefix and wrapped at 77 columns. So the quotation ends where it
//! no longer matches what was printed before, ignoring white space.

/// Most bytes of output that both tools quote.
const MOST_QUOTED: usize = 8 * 1024;
/// Fewest characters that have to match if the quotation is only the end of the output.
const FEWEST_AGREEING: usize = 2 * 1024;
/// Largest distance from the command to the output: `': exit status 127. Output:`.
const MOST_BEFORE_OUTPUT: usize = 80;
const OUTPUT: &str = ".Output:";
/// Printed in place of output that would show a sensitive value; the quotation shows it.
const SUPPRESSED: &str = "(output suppressed due to sensitive value in config)";

/// A character that is not white space, and the number of its line.
type Placed = (char, usize);

/// Returns the first line after the error of a provisioner that starts at `start`; `None` for any other block, and
/// if the end of the quotation can't be determined.
pub(crate) fn end_of_provisioner_error(lines: &[String], start: usize) -> Option<usize> {
    let summary = lines[start].strip_prefix("Error: ")?;
    let provisioner = summary.trim_end().strip_suffix(" provisioner error")?;
    let with = |line: &String| line.strip_prefix("  with ").map(str::to_owned);
    let address = lines[start..].iter().take(6).find_map(with)?;
    let address = address.trim_end_matches(',');
    let output = output(&lines[..start], address, provisioner)?;
    let block: Vec<Placed> = placed(&lines[start..]).collect();
    let at = start_of_output(&block)?;
    let quoted = &block[at..];
    let len = agreeing(&output, quoted)?;
    let (_, last_line) = block[at + len - 1];
    let is_end_of_line = block
        .get(at + len)
        .is_none_or(|&(_, line)| line > last_line);
    is_end_of_line.then_some(start + last_line + 1)
}

fn placed(lines: &[String]) -> impl Iterator<Item = Placed> {
    lines.iter().enumerate().flat_map(|(number, line)| {
        line.chars()
            .filter(|c| !c.is_whitespace())
            .map(move |c| (c, number))
    })
}

/// Returns what the last provisioner of a resource has printed; `None` if that is unknown.
fn output(lines: &[String], address: &str, provisioner: &str) -> Option<Vec<char>> {
    let began = format!("{address}: Provisioning with '{provisioner}'...");
    let start = lines.iter().rposition(|line| *line == began)?;
    let prefix = format!("{address} ({provisioner}):");
    let mut printed = Vec::new();
    for line in &lines[start..] {
        let Some(text) = line.strip_prefix(&prefix).map(str::trim) else {
            continue;
        };
        if text == SUPPRESSED {
            return None;
        }
        let is_command = printed.is_empty() && text.starts_with("Executing: [");
        if !is_command {
            printed.extend(text.chars().filter(|c| !c.is_whitespace()));
        }
    }
    Some(printed)
}

/// Returns where the quoted output starts.
fn start_of_output(block: &[Placed]) -> Option<usize> {
    let is_at = |at: usize, words: &str| {
        let rest = &block[at..];
        words.chars().count() <= rest.len()
            && words.chars().zip(rest).all(|(wanted, (c, _))| wanted == *c)
    };
    (0..block.len()).find_map(|at| {
        let after_command =
            (at.saturating_sub(MOST_BEFORE_OUTPUT)..at).any(|before| is_at(before, "':"));
        (is_at(at, OUTPUT) && after_command).then_some(at + OUTPUT.len())
    })
}

/// Returns how many characters at the start of the quotation match the end of the output.
fn agreeing(output: &[char], quoted: &[Placed]) -> Option<usize> {
    let is_whole = output.iter().map(|c| c.len_utf8()).sum::<usize>() <= MOST_QUOTED;
    let output = &output[output.len().saturating_sub(MOST_QUOTED)..];
    let quoted: Vec<char> = quoted.iter().map(|(c, _)| *c).take(output.len()).collect();
    let len = longest_overlap(&quoted, output);
    let is_enough = (is_whole && len == output.len()) || len >= FEWEST_AGREEING;
    is_enough.then_some(len)
}

/// Returns the length of the longest prefix of `text` that is a suffix of `of`, in linear time (Knuth, Morris,
/// Pratt).
fn longest_overlap(text: &[char], of: &[char]) -> usize {
    let mut borders = vec![0; text.len()];
    for at in 1..text.len() {
        borders[at] = extended(text, &borders, borders[at - 1], text[at]);
    }
    of.iter().fold(0, |len, &c| {
        // A full match before the end of `of` falls back to its longest border.
        let len = if len == text.len() && len > 0 {
            borders[len - 1]
        } else {
            len
        };
        extended(text, &borders, len, c)
    })
}

/// Returns the length of a match after one more character.
fn extended(text: &[char], borders: &[usize], mut len: usize, c: char) -> usize {
    while len > 0 && text[len] != c {
        len = borders[len - 1];
    }
    if text.get(len) == Some(&c) {
        len + 1
    } else {
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_found() {
        for (text, of, len) in [
            ("", "", 0),
            ("", "abc", 0),
            ("abc", "", 0),
            ("abcx", "abc", 3),
            ("bcx", "abc", 2),
            ("abab", "abababab", 4),
            ("aab", "aaa", 2),
            ("x", "abc", 0),
            ("abcabd", "abcabcabd", 6),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(
                longest_overlap(&chars(text), &chars(of)),
                len,
                "{text} {of}"
            );
        }
    }
}
