//! The flags of the settings, made from their table.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{Kind, SETTINGS, Setting};

/// What the flags say, by the name of the setting.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingFlags {
    /// The texts.
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

/// The flag of a setting that has one.
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
        Kind::Switch => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::Text
        | Kind::Secret
        | Kind::Path
        | Kind::Number
        | Kind::Duration
        | Kind::Size
        | Kind::List => arg.value_name(setting.kind.word()),
    })
}

/// Leaves all settings but `read` out of the help of a subcommand, which still takes their flags.
pub(super) fn without_settings(subcommand: Command, read: &[&str]) -> Command {
    let unread = SETTINGS
        .iter()
        .filter(|setting| !read.contains(&setting.name));
    // An argument of the subcommand's own is shown in place of the global one with its name.
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
