//! What is assigned within a text.

/// How many levels around a value count.
const MAX_DEPTH: usize = 32;

/// A value and the name to which it is assigned; no name for an element of a list.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    /// The names of what it is in, the innermost first.
    pub(super) within: Vec<&'a str>,
    pub(super) value: String,
}

impl<'a> Member<'a> {
    /// A member; of the names of what it is in, the innermost first, at most 32 count.
    pub(super) fn new(name: &'a str, within: impl Iterator<Item = &'a str>, value: String) -> Self {
        Self {
            name,
            within: within.take(MAX_DEPTH).collect(),
            value,
        }
    }
}

/// Names and values, to be compared with what is expected.
#[cfg(test)]
pub(super) fn assignments<'a>(members: &'a [Member<'_>]) -> Vec<(&'a str, &'a str)> {
    members
        .iter()
        .map(|it| (it.name, it.value.as_str()))
        .collect()
}
