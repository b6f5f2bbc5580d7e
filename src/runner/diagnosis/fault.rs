//! The errors in a tool's output, in the three forms that both tools print.

use std::iter::Peekable;
use std::str::Lines;

use serde_json::Value;

/// One error that the tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    /// The words after `Error: `.
    pub(super) summary: String,
    /// The paragraphs below, line breaks kept, without the quoted source.
    pub(super) detail: String,
    /// Where the configuration says it, such as `main.tf line 2`.
    pub(super) place: Option<String>,
    /// The resource or provider that it is about.
    pub(super) address: Option<String>,
}

impl Fault {
    /// Summary, detail and place in one line.
    pub(super) fn sentence(&self) -> String {
        let mut sentence = folded(&self.summary);
        let detail = folded(&self.detail);
        if !detail.is_empty() {
            if !sentence.is_empty() {
                sentence.push_str(": ");
            }
            sentence.push_str(&detail);
        }
        if let Some(place) = &self.place {
            sentence.push_str(&format!(" ({place})"));
        }
        sentence
    }

    /// Whether this only announces the errors that follow, as `terraform init` does.
    pub(super) fn is_preface(&self) -> bool {
        folded(&self.summary).contains("encountered problems during initiali")
    }

    fn from_json(diagnostic: &Value) -> Option<Self> {
        if diagnostic.get("severity")?.as_str()? != "error" {
            return None;
        }
        let string = |name: &str| Some(diagnostic.get(name)?.as_str()?.to_owned());
        let place = diagnostic.get("range").and_then(|range| {
            let file = range.get("filename")?.as_str()?;
            let line = range.get("start")?.get("line")?.as_u64()?;
            Some(format!("{file} line {line}"))
        });
        Some(Self {
            summary: string("summary")?,
            detail: string("detail").unwrap_or_default(),
            place,
            address: string("address"),
        })
    }
}

/// Reads every error out of uncoloured output, in the order printed.
pub(super) fn faults(text: &str) -> Vec<Fault> {
    let mut faults = validate_document(text);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with('{') {
            faults.extend(json_line(line));
        } else if let Some(first) = boxed(line) {
            faults.extend(human(&boxed_lines(first, &mut lines)));
        } else if starts_fault(line) {
            faults.extend(human(&plain_lines(line, &mut lines)));
        }
    }
    faults
}

/// Puts text on one line: terraform breaks its own at 78 columns.
pub(in crate::runner) fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `validate -json` prints one document, over many lines.
fn validate_document(text: &str) -> Vec<Fault> {
    let is_start = |at: &usize| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
    let Some(start) = text.find("{\n").filter(is_start) else {
        return Vec::new();
    };
    let Some(end) = text
        .rfind("\n}")
        .map(|at| at + 2)
        .filter(|end| *end > start)
    else {
        return Vec::new();
    };
    let document: Option<Value> = serde_json::from_str(&text[start..end]).ok();
    let listed = document
        .as_ref()
        .and_then(|it| it.get("diagnostics")?.as_array());
    listed.map_or_else(Vec::new, |all| {
        all.iter().filter_map(Fault::from_json).collect()
    })
}

/// One line of `-json` output.
fn json_line(line: &str) -> Option<Fault> {
    let event: Value = serde_json::from_str(line).ok()?;
    Fault::from_json(event.get("diagnostic")?)
}

/// What a line holds if it belongs to a box.
fn boxed(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('│')?;
    Some(inside.strip_prefix(' ').unwrap_or(inside))
}

fn boxed_lines<'a>(first: &'a str, rest: &mut Peekable<Lines<'a>>) -> Vec<&'a str> {
    let mut lines = vec![first];
    while let Some(line) = rest.peek().copied().and_then(boxed) {
        lines.push(line);
        rest.next();
    }
    lines
}

fn starts_fault(line: &str) -> bool {
    line.starts_with("Error: ")
}

/// The lines of an error under `-no-color`, which nothing closes: it ends where the next one starts.
///
/// A detail may itself start with `Error: `. It then stands after one blank line, while an error
/// without detail leaves two.
fn plain_lines<'a>(first: &'a str, rest: &mut Peekable<Lines<'a>>) -> Vec<&'a str> {
    let mut lines = vec![first];
    while let Some(line) = rest.peek() {
        let opens = starts_fault(line) || line.starts_with("Warning: ");
        let is_first_of_detail = lines.len() == 2 && lines[1].is_empty();
        if line.starts_with(['{', '│', '╷']) || (opens && !is_first_of_detail) {
            break;
        }
        lines.push(line);
        rest.next();
    }
    lines
}

/// Takes one block apart: summary, a paragraph on where, a paragraph of quoted source, detail.
fn human(lines: &[&str]) -> Option<Fault> {
    let first = lines.first()?.strip_prefix("Error: ")?;
    let mut fault = Fault {
        summary: first.to_owned(),
        ..Fault::default()
    };
    let mut rest = lines[1..].iter().copied();
    for line in rest.by_ref().take_while(|line| !line.trim().is_empty()) {
        fault.summary.push('\n');
        fault.summary.push_str(line);
    }
    let mut detail: Vec<&str> = Vec::new();
    let mut in_source = false;
    for line in rest {
        if detail.is_empty() && !in_source && line.trim().is_empty() {
            continue;
        }
        if detail.is_empty() && (line.starts_with("  with ") || line.starts_with("  on ")) {
            in_source = true;
        }
        if !in_source {
            detail.push(line);
        } else if line.trim().is_empty() {
            in_source = false;
        } else if let Some(address) = line.strip_prefix("  with ") {
            fault.address = Some(address.trim_end_matches(',').to_owned());
        } else if let Some(place) = line.strip_prefix("  on ") {
            let end = place.find([',', ':']).unwrap_or(place.len());
            fault.place = Some(place[..end].to_owned());
        }
    }
    fault.detail = detail.join("\n").trim_end().to_owned();
    Some(fault)
}
