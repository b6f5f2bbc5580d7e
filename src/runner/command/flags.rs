//! Reads flags among a command's arguments, like Go's `flag` package.
//!
//! Both tools accept a flag with one dash or two; if a flag is repeated, the last one counts.

/// Returns whether a boolean flag is on: `-name` or `-name=true`.
pub fn is_on(args: &[String], name: &str) -> bool {
    last(args, name).is_some_and(|(_, value)| {
        // The words that `strconv.ParseBool` parses as true.
        value.is_none_or(|it| matches!(it, "1" | "t" | "T" | "TRUE" | "true" | "True"))
    })
}

/// Returns whether a boolean flag is off: `-name=false`.
pub fn is_off(args: &[String], name: &str) -> bool {
    last(args, name).is_some_and(|(_, value)| {
        matches!(value, Some("0" | "f" | "F" | "FALSE" | "false" | "False"))
    })
}

/// Returns whether a flag is given at all.
pub fn is_given(args: &[String], name: &str) -> bool {
    last(args, name).is_some()
}

/// Returns the value of a flag that takes one: `-name=value` or `-name value`.
pub fn value<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let (at, value) = last(args, name)?;
    value.or_else(|| args.get(at + 1).map(String::as_str))
}

/// Returns the first argument that is not a flag: the subcommand of `state` and `workspace`.
pub fn first_operand(args: &[String]) -> Option<&str> {
    args.iter()
        .map(String::as_str)
        .find(|arg| !arg.starts_with('-'))
}

/// Returns the index of the last flag with this name, and the text after its `=`.
fn last<'a>(args: &'a [String], name: &str) -> Option<(usize, Option<&'a str>)> {
    args.iter().enumerate().rev().find_map(|(at, arg)| {
        let flag = without_dashes(arg)?;
        match flag.split_once('=') {
            Some((given, value)) if given == name => Some((at, Some(value))),
            None if flag == name => Some((at, None)),
            _ => None,
        }
    })
}

/// Returns a flag without its one or two dashes; `None` for other arguments.
pub(crate) fn without_dashes(arg: &str) -> Option<&str> {
    let flag = arg.strip_prefix('-')?;
    Some(flag.strip_prefix('-').unwrap_or(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let args = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(is_on(&args("-json --check"), "check"));
        assert!(is_on(&args("-check=false -check=T"), "check"));
        assert!(!is_on(&args("-check=false"), "check"));
        assert!(!is_on(&args("check ---check -checks"), "check"));
        assert!(is_off(&args("-lock=false"), "lock"));
        assert!(!is_off(&args("-lock -lock=no"), "lock"));
        assert_eq!(value(&args("-state=a --state b"), "state"), Some("b"));
        assert_eq!(value(&args("-state"), "state"), None);
        assert!(is_given(&args("-from-module=x"), "from-module"));
    }
}
