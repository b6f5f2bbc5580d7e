//! Prints the configuration without secrets.

use super::layers::Layers;
use super::setting::SETTINGS;

/// Shown instead of the value of a secret.
const HIDDEN: &str = "(set, not shown)";

/// Returns one line for each setting: name, value and origin. Secrets are hidden.
pub fn shown(layers: &Layers) -> String {
    let mut text = String::new();
    for setting in SETTINGS {
        let (origin, value) = layers.get(setting.name);
        let value = match value {
            None => "(not set)",
            Some(_) if setting.is_secret() => HIDDEN,
            Some(value) => value,
        };
        text.push_str(&format!("{} = {value}  # {origin}\n", setting.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_setting_is_shown_and_no_secret() {
        let all = SETTINGS
            .iter()
            .map(|setting| (setting.name, "hunter2".to_owned()))
            .collect::<BTreeMap<_, _>>();
        let text = shown(&Layers::new().with_flags(all));
        for setting in SETTINGS {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{} = ", setting.name)))
                .unwrap();
            assert_eq!(line.contains("hunter2"), !setting.is_secret(), "{line}");
        }
    }
}
