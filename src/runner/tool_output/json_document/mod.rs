//! Masks the JSON documents of both tools without masking the words of their format.
//!
//! A secret may equal a word of the format: `delete`, `string`, `terraform_data`. If that word were masked, the
//! document would have another meaning. The words of the format and the names of the configuration are passed on
//! unchanged; everything that may contain a value is masked.

mod layout;
mod scanner;
#[cfg(test)]
mod tests;

use std::mem;
use std::sync::Arc;

use self::layout::Context;
use self::scanner::{ByteKind, Scanner};
use crate::output::{JsonPlace, Matcher, Redactor};
use crate::protocol::Request;
use crate::runner::command::flags;
use crate::runner::result::masking;

/// Masks the output of a command that prints one JSON document.
///
/// Text before and after the document, such as a warning, is masked like any other text.
#[derive(Debug)]
pub(crate) struct JsonRedactor {
    matcher: Arc<Matcher>,
    /// Masks what may contain a value; `None` after a part that is passed on.
    redactor: Option<Redactor>,
    scanner: Scanner,
}

/// Masks the output of one command.
#[derive(Debug)]
pub(crate) enum OutputRedactor {
    Text(Redactor),
    Json(Box<JsonRedactor>),
}

impl OutputRedactor {
    /// Returns a redactor that masks nothing.
    pub(crate) fn of_nothing() -> Self {
        Self::Text(Redactor::new(Arc::new(Matcher::new([]))))
    }

    /// Returns the redactor for the output of a command with these arguments, including those of the environment.
    pub(crate) fn of(request: &Request, args: &[String], matcher: Arc<Matcher>) -> Self {
        match document_of(&request.command, args) {
            Some(context) => Self::Json(Box::new(JsonRedactor::new(matcher, context))),
            None => Self::Text(masking::redactor(args, matcher)),
        }
    }

    /// Discards the held-back bytes, since some output is skipped here: the following text is not a document any
    /// more.
    pub(crate) fn start_again(&mut self) {
        let matcher = match self {
            Self::Text(redactor) => redactor.matcher(),
            Self::Json(redactor) => &redactor.matcher,
        };
        *self = Self::Text(Redactor::new(Arc::clone(matcher)));
    }

    /// Processes the next piece and appends certain output to `to`.
    pub(crate) fn push(&mut self, piece: &[u8], to: &mut Vec<u8>) {
        match self {
            Self::Text(redactor) => redactor.push(piece, to),
            Self::Json(redactor) => redactor.push(piece, to),
        }
    }

    /// Appends everything that was held back; nothing may follow.
    pub(crate) fn finish(&mut self, to: &mut Vec<u8>) {
        match self {
            Self::Text(redactor) => redactor.finish(to),
            Self::Json(redactor) => redactor.finish(to),
        }
    }
}

/// Returns the kind of document that a command prints; `None` if it prints text, or one bare value.
fn document_of(command: &str, args: &[String]) -> Option<Context> {
    if command == "state" {
        let subcommand = args.iter().find(|arg| !arg.starts_with('-'));
        return subcommand
            .is_some_and(|it| it == "pull")
            .then_some(Context::Format);
    }
    if !flags::is_on(args, "json") {
        return None;
    }
    match command {
        "show" | "validate" | "version" => Some(Context::Format),
        "output" => args
            .iter()
            .all(|arg| arg.starts_with('-'))
            .then_some(Context::Outputs),
        _ => None,
    }
}

impl JsonRedactor {
    fn new(matcher: Arc<Matcher>, document: Context) -> Self {
        Self {
            redactor: Some(Redactor::of_json(Arc::clone(&matcher))),
            matcher,
            scanner: Scanner::new(document),
        }
    }

    fn push(&mut self, piece: &[u8], to: &mut Vec<u8>) {
        let mut scanner = mem::take(&mut self.scanner);
        scanner.push(piece, |part, bytes| self.take(part, bytes, to));
        self.scanner = scanner;
    }

    fn finish(&mut self, to: &mut Vec<u8>) {
        let mut scanner = mem::take(&mut self.scanner);
        scanner.finish(|part, bytes| self.take(part, bytes, to));
        if let Some(redactor) = &mut self.redactor {
            redactor.finish(to);
        }
    }

    fn take(&mut self, part: ByteKind, bytes: &[u8], to: &mut Vec<u8>) {
        let begins_in = match part {
            ByteKind::OfFormat => {
                if let Some(mut redactor) = self.redactor.take() {
                    redactor.finish(to);
                }
                to.extend_from_slice(bytes);
                return;
            }
            ByteKind::Key => JsonPlace::InString,
            ByteKind::MayHoldValues => JsonPlace::Outside,
        };
        self.redactor
            .get_or_insert_with(|| Redactor::of_json_from(Arc::clone(&self.matcher), begins_in))
            .push(bytes, to);
    }
}
