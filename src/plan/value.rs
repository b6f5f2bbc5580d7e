//! A planned value after masking.

use std::collections::BTreeMap;

use serde_json::Value;

use super::secrets::{Secrets, is_marked};

/// A value with its sensitive and unknown parts marked. Does not implement `Debug`: a sensitive part keeps the
/// value, so that a change of it is detected.
#[derive(PartialEq)]
pub(super) enum Masked<'a> {
    Known(&'a Value),
    /// The value, and whether its own mark hides it: a mark that is added or removed is a change.
    Sensitive(&'a Value, Hidden),
    Unknown,
    List(Vec<Masked<'a>>),
    Map(BTreeMap<&'a str, Masked<'a>>),
}

/// Why a value is hidden.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Hidden {
    /// Its own mark hides it.
    Marked,
    /// Its mark on the other side of the change hides it, or another place in the plan.
    Elsewhere,
}

/// The marks of one value.
#[derive(Clone)]
pub(super) struct Marks<'a> {
    /// Its own mark, then that of the other side of the change. Either hides both, so that a change of the mark
    /// reveals nothing.
    pub(super) sensitive: [&'a Value; 2],
    pub(super) unknown: &'a Value,
}

impl<'a> Marks<'a> {
    fn member(&self, name: &str) -> Self {
        let of = |mark: &'a Value| mark.get(name).unwrap_or(&Value::Null);
        Self {
            sensitive: self.sensitive.map(of),
            unknown: of(self.unknown),
        }
    }

    fn element(&self, index: usize) -> Self {
        let of = |mark: &'a Value| mark.get(index).unwrap_or(&Value::Null);
        Self {
            sensitive: self.sensitive.map(of),
            unknown: of(self.unknown),
        }
    }

    /// Returns whether the value as a whole is sensitive, and why. A mark with another shape than the value covers
    /// all of it.
    fn hide(&self, value: &Value) -> Option<Hidden> {
        let hides = |mark: &Value| {
            let same_shape = matches!(
                (mark, value),
                (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_))
            );
            !same_shape && is_marked(mark)
        };
        let [own, other] = self.sensitive.map(hides);
        match (own, other) {
            (true, _) => Some(Hidden::Marked),
            (false, true) => Some(Hidden::Elsewhere),
            (false, false) => None,
        }
    }
}

impl<'a> Masked<'a> {
    /// Masks one value. Depth is bounded by the 128 levels that `serde_json` accepts.
    pub(super) fn new(value: &'a Value, marks: &Marks<'a>, secrets: &Secrets) -> Self {
        if value.is_null() {
            return Self::absent(marks);
        }
        if let Some(hidden) = marks.hide(value) {
            return Self::Sensitive(value, hidden);
        }
        if marks.unknown == &Value::Bool(true) {
            return Self::Unknown;
        }
        match value {
            Value::Object(members) => {
                let mut masked: BTreeMap<_, _> = members
                    .iter()
                    .map(|(name, member)| {
                        let member = Self::new(member, &marks.member(name), secrets);
                        (name.as_str(), member)
                    })
                    .collect();
                if let Value::Object(unknown) = marks.unknown {
                    for (name, _) in unknown.iter().filter(|(_, mark)| is_marked(mark)) {
                        masked
                            .entry(name)
                            .or_insert_with(|| Self::absent(&marks.member(name)));
                    }
                }
                Self::Map(masked)
            }
            Value::Array(elements) => Self::List(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| Self::new(element, &marks.element(index), secrets))
                    .collect(),
            ),
            Value::String(text) if secrets.are_in(text) => {
                Self::Sensitive(value, Hidden::Elsewhere)
            }
            Value::Number(number) if secrets.are_in(&number.to_string()) => {
                Self::Sensitive(value, Hidden::Elsewhere)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Self::Known(value)
            }
        }
    }

    /// Returns the value for a place where the document has none: null, or not known yet.
    fn absent(marks: &Marks<'a>) -> Self {
        if !is_marked(marks.unknown) {
            return Self::Known(&Value::Null);
        }
        if marks.sensitive.into_iter().any(is_marked) {
            Self::Sensitive(&Value::Null, Hidden::Marked)
        } else {
            Self::Unknown
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Known(Value::Null))
    }
}
