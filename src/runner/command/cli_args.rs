//! All arguments that the tool gets: those of the request, and those from its environment.

use super::flags;

/// Returns the arguments after the subcommand, in the order in which both tools parse them.
///
/// The tools insert `TF_CLI_ARGS_COMMAND` and then `TF_CLI_ARGS` before those on the command line.
pub(crate) fn effective<'a>(
    command: &str,
    args: &[String],
    variable: impl Fn(&str) -> Option<&'a str>,
) -> Vec<String> {
    let subcommand = args
        .first()
        .filter(|_| matches!(command, "state" | "workspace"));
    let full = match subcommand {
        Some(subcommand) => format!("{command}_{subcommand}"),
        None => command.to_owned(),
    };
    let of_command = format!("TF_CLI_ARGS_{}", full.replace('-', "_"));
    let from_environment = [of_command.as_str(), "TF_CLI_ARGS"]
        .into_iter()
        .filter_map(variable)
        .flat_map(words);
    from_environment.chain(args.iter().cloned()).collect()
}

/// Returns the arguments for any command in `TF_CLI_ARGS` and `TF_CLI_ARGS_COMMAND`.
pub(crate) fn of_any_command<'a>(
    variables: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<String> {
    let of_tools = variables.filter(|(name, _)| name.starts_with("TF_CLI_ARGS"));
    of_tools.flat_map(|(_, value)| words(value)).collect()
}

/// Returns names and values that `-var` and `-backend-config` assign.
pub(crate) fn assigned(args: &[String]) -> impl Iterator<Item = (&str, &str)> {
    args.iter().enumerate().filter_map(|(at, arg)| {
        let flag = flags::without_dashes(arg)?;
        let assignment =
            ["var", "backend-config"]
                .iter()
                .find_map(|name| match flag.strip_prefix(name)? {
                    "" => args.get(at + 1).map(String::as_str),
                    rest => rest.strip_prefix('='),
                })?;
        let (name, value) = assignment.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

/// The flags of `apply` that take a value, which may be a separate word.
const APPLY_FLAGS_WITH_VALUE: [&str; 14] = [
    "backup",
    "deprecation",
    "exclude",
    "exclude-file",
    "json-into",
    "lock-timeout",
    "parallelism",
    "replace",
    "state",
    "state-out",
    "target",
    "target-file",
    "var",
    "var-file",
];

/// Returns the saved plan that `apply` gets.
pub(crate) fn plan_file<'a>(command: &str, args: &'a [String]) -> Option<&'a str> {
    if command != "apply" {
        return None;
    }
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match (arg, flags::without_dashes(arg)) {
            ("--", _) => return args.next(),
            // Go's `flag` package takes a lone dash for an operand.
            ("-", _) | (_, None) => return Some(arg),
            (_, Some(flag)) if APPLY_FLAGS_WITH_VALUE.contains(&flag) => {
                args.next();
            }
            (_, Some(_)) => {}
        }
    }
    None
}

/// Splits a line into words, with quotes and backslashes as in a shell.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_from_the_environment_come_first() {
        let variable = |name: &str| match name {
            "TF_CLI_ARGS" => Some("-no-color"),
            "TF_CLI_ARGS_apply" => Some("-json  -var 'a=b c'"),
            "TF_CLI_ARGS_state_mv" => Some("-lock=false"),
            _ => None,
        };
        let of = |command: &str, args: &[&str]| {
            let args: Vec<String> = args.iter().copied().map(str::to_owned).collect();
            effective(command, &args, variable)
        };
        assert_eq!(
            of("apply", &["-lock"]),
            ["-json", "-var", "a=b c", "-no-color", "-lock"]
        );
        assert_eq!(
            of("state", &["mv", "a", "b"]),
            ["-lock=false", "-no-color", "mv", "a", "b"]
        );
        assert_eq!(of("plan", &[]), ["-no-color"]);
    }

    #[test]
    fn assignments_are_found_in_every_form() {
        let line = "-var a=b --var=c=d=e -backend-config f=g -backend-config=h.hcl -var-file=i=j -out k=l -var";
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let found: Vec<_> = assigned(&args).collect();
        assert_eq!(found, [("a", "b"), ("c", "d=e"), ("f", "g")]);
    }

    #[test]
    fn the_plan_is_the_first_word_that_is_no_flag() {
        for (line, expected) in [
            ("apply tfplan", Some("tfplan")),
            (
                "apply -auto-approve -state x -var a=b --parallelism=3 p q",
                Some("p"),
            ),
            ("apply -lock=false -- -p", Some("-p")),
            ("apply -auto-approve -var a=b", None),
            ("apply -target a.b", None),
            ("destroy x", None),
            ("import a b", None),
        ] {
            let mut words = line.split(' ').map(str::to_owned);
            let command = words.next().unwrap();
            let args: Vec<String> = words.collect();
            assert_eq!(plan_file(&command, &args), expected, "{line}");
        }
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (line, expected) in [
            ("", &[][..]),
            (" a  b ", &["a", "b"]),
            ("a'b c'd", &["ab cd"]),
            ("\"a \\\" b\"", &["a \" b"]),
            ("''", &[""]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }
}
