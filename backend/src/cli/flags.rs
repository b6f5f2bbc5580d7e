//! The flags of the settings, made from their table.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{Kind, SETTINGS};

/// What the flags say, by the name of the setting.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingFlags {
    /// The texts.
    pub(super) values: BTreeMap<&'static str, String>,
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let flags = SETTINGS.iter().filter_map(|setting| {
            let flag = setting.flag?;
            let arg = Arg::new(setting.name)
                .long(flag)
                .global(true)
                .help(setting.help)
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
                | Kind::List => arg.value_name(setting.kind.word()),
            })
        });
        command.args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
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
