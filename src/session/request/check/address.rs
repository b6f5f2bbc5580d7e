//! Recognizes addresses of modules and resources.

use super::RuleResult;
use crate::protocol::is_identifier;

/// Longest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 2048;

/// Checks that this can be a target of a plan: a module, a resource, or an instance.
pub(super) fn of_target(address: &str) -> RuleResult {
    match names(address) {
        Some(names) if names.len() >= 2 => Ok(()),
        _ => {
            Err("expected an address such as `module.network` or `aws_instance.web[0]`".to_owned())
        }
    }
}

/// Checks that this can be the address of a resource or of an instance of one.
pub(super) fn of_resource(address: &str) -> RuleResult {
    let is_resource = names(address).is_some_and(|names| {
        let after_modules = names
            .chunks(2)
            .skip_while(|pair| pair[0] == "module")
            .flatten();
        after_modules.count() == 2
    });
    if is_resource {
        Ok(())
    } else {
        Err("expected the address of a resource, such as `aws_instance.web[0]`".to_owned())
    }
}

/// Returns the names between the dots, without keys; `None` if this is not an address.
fn names(address: &str) -> Option<Vec<&str>> {
    if address.len() > MAX_ADDRESS_BYTES || address.chars().any(char::is_control) {
        return None;
    }
    let mut names = Vec::new();
    let mut rest = address;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !is_identifier(name) {
            return None;
        }
        names.push(name);
        rest = after_key(after)?;
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix('.')?;
    }
}

/// Returns the text after a key, if a key comes first.
fn after_key(text: &str) -> Option<&str> {
    let Some(key) = text.strip_prefix('[') else {
        return Some(text);
    };
    let Some(quoted) = key.strip_prefix('"') else {
        let (number, rest) = key.split_once(']')?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        return is_number.then_some(rest);
    };
    let mut escaped = false;
    for (at, character) in quoted.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return quoted[at + 1..].strip_prefix(']'),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_anything_else() {
        // Address, whether it can be a target, whether it is a resource.
        let table = [
            ("aws_instance.web", true, true),
            ("aws_instance.web[0]", true, true),
            (r#"aws_instance.web["a.b]c"]"#, true, true),
            (r#"aws_instance.web["a\"b"]"#, true, true),
            ("module.net", true, false),
            (r#"module.net["x"].aws_vpc.main"#, true, true),
            ("module.a.module.b[1].x_y.z-1", true, true),
            ("module.a.module.b", true, false),
            ("", false, false),
            ("aws_instance", false, false),
            ("aws_instance.", false, false),
            (".web", false, false),
            ("-target=a.b", false, false),
            ("a.-b", false, false),
            ("a.b[", false, false),
            ("a.b[]", false, false),
            ("a.b[x]", false, false),
            ("a.b[0]c", false, false),
            (r#"a.b["x]"#, false, false),
            ("a.b c", false, false),
            ("a.b\n", false, false),
            ("a..b", false, false),
            ("*", false, false),
        ];
        for (address, target, resource) in table {
            assert_eq!(of_target(address).is_ok(), target, "{address:?}");
            assert_eq!(of_resource(address).is_ok(), resource, "{address:?}");
        }
    }
}
