//! Flags of the settings, generated from the table of settings.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{SETTINGS, Setting, ValueKind};

/// Values of the flags, by setting name.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingFlags {
    /// The values as text.
    pub(super) values: BTreeMap<&'static str, String>,
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().filter_map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Returns the flag of a setting, if it has one.
fn flag(setting: &Setting) -> Option<Arg> {
    let arg = Arg::new(setting.name)
        .long(setting.flag?)
        .global(true)
        .help(match setting.default {
            "" => setting.help.to_owned(),
            default => format!("{} [default: {default}]", setting.help),
        })
        .help_heading("Settings");
    Some(match setting.kind {
        ValueKind::Switch => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        ValueKind::Text
        | ValueKind::Secret
        | ValueKind::Path
        | ValueKind::Number
        | ValueKind::Duration
        | ValueKind::Size
        | ValueKind::List => arg.value_name(setting.kind.word()),
    })
}

/// Hides all settings but `read` from the help of a subcommand, which still accepts their flags.
pub(super) fn without_settings(subcommand: Command, read: &[&str]) -> Command {
    let unread = SETTINGS
        .iter()
        .filter(|setting| !read.contains(&setting.name));
    // An argument of the subcommand replaces the global one of the same name.
    subcommand.args(unread.filter_map(flag).map(|arg| arg.hide(true)))
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = SETTINGS
            .iter()
            .filter(|setting| setting.flag.is_some())
            .filter_map(|setting| {
                let text = matches.get_one::<String>(setting.name)?;
                Some((setting.name, text.clone()))
            })
            .collect();
        Ok(Self { values })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
