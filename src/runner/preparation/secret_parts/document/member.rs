//! An assignment within a text.

/// Most enclosing levels of a value that are recorded.
const MAX_DEPTH: usize = 32;

/// A value and the name to which it is assigned; the name is empty for an element of a list.
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    /// The names of the enclosing levels, the innermost first.
    pub(crate) within: Vec<&'a str>,
    pub(crate) value: String,
}

impl<'a> Member<'a> {
    /// Creates a member; of the enclosing names, the innermost first, at most 32 are recorded.
    pub(crate) fn new(name: &'a str, within: impl Iterator<Item = &'a str>, value: String) -> Self {
        Self {
            name,
            within: within.take(MAX_DEPTH).collect(),
            value,
        }
    }
}

/// Returns names and values, for comparison in tests.
#[cfg(test)]
pub(crate) fn assignments<'a>(members: &'a [Member<'_>]) -> Vec<(&'a str, &'a str)> {
    members
        .iter()
        .map(|it| (it.name, it.value.as_str()))
        .collect()
}
