//! One error that the tool printed, and the parser of its block of lines.

use serde_json::Value;

use crate::output::Matcher;

/// One error that the tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrintedError {
    /// The text after `Error: `.
    pub(crate) summary: String,
    /// The following paragraphs, with line breaks, without the quoted source.
    pub(crate) detail: String,
    /// Its place in the configuration, such as `main.tf line 2`.
    pub(crate) place: Option<String>,
    /// The resource or provider that it concerns.
    pub(crate) address: Option<String>,
}

impl PrintedError {
    /// Returns summary, detail and place in one line.
    pub(crate) fn sentence(&self) -> String {
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

    /// Returns the same error, masked.
    pub(crate) fn masked(&self, matcher: &Matcher) -> Self {
        let mask = |text: &String| matcher.mask(text);
        Self {
            summary: mask(&self.summary),
            detail: mask(&self.detail),
            place: self.place.as_ref().map(mask),
            address: self.address.as_ref().map(mask),
        }
    }

    /// Returns whether it names neither a place in the configuration nor a resource, so that it comes from core or
    /// the backend.
    pub(crate) fn is_of_core(&self) -> bool {
        self.address.is_none() && self.place.is_none()
    }

    /// Returns whether this only announces the errors that follow, as `terraform init` does.
    pub(crate) fn is_preface(&self) -> bool {
        folded(&self.summary).contains("encountered problems during initiali")
    }

    pub(crate) fn from_json(diagnostic: &Value) -> Option<Self> {
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

/// Joins text into one line: terraform wraps its own at 78 columns.
pub(crate) fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Parses the block of an error or a warning: summary, a paragraph about the place, a paragraph of quoted source,
/// detail.
pub(crate) fn from_block(lines: &[&str]) -> Option<PrintedError> {
    let first = lines.first()?;
    let first = first
        .strip_prefix("Error: ")
        .or_else(|| first.strip_prefix("Warning: "))?;
    let mut fault = PrintedError {
        summary: first.to_owned(),
        ..PrintedError::default()
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
