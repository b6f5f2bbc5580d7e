//! Parses the values of settings.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use iac_runner::protocol::{MIN_MEMORY_LIMIT_BYTES, SandboxMode};

use super::error::ConfigError;
use super::layers::Layers;

/// Reads settings by name.
#[derive(Clone, Copy)]
pub(super) struct SettingReader<'a> {
    pub(super) layers: &'a Layers,
}

impl SettingReader<'_> {
    /// Returns the value of a setting; `None` if it is not set.
    pub(super) fn read<T>(
        self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let (origin, text) = self.layers.get(name);
        text.map(parse)
            .transpose()
            .map_err(|problem| ConfigError::Value {
                name,
                origin,
                problem,
            })
    }

    /// Returns the value of a setting that must not be empty.
    pub(super) fn required<T>(
        self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let (origin, _) = self.layers.get(name);
        self.read(name, parse)?.ok_or(ConfigError::Value {
            name,
            origin,
            problem: "may not be empty".to_owned(),
        })
    }

    pub(super) fn text(self, name: &str) -> Option<String> {
        self.layers.get(name).1.map(str::to_owned)
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected `true` or `false`".to_owned()),
    }
}

/// Parses a duration from one second to ten years.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "expected a duration such as `90s`, `24h` or `30days`".to_owned())?;
    if duration < Duration::from_secs(1) {
        return Err("has to be a second at least".to_owned());
    }
    if duration > LONGEST {
        return Err("has to be ten years at most".to_owned());
    }
    Ok(duration)
}

/// Times computed with a longer duration might be out of the range of dates.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Parses a log size limit that leaves room for a beginning and an end.
pub(super) fn log_size(text: &str) -> Result<ByteSize, String> {
    size(text, "`64MiB` or `1GiB`", SMALLEST_LOG)
}

/// Parses the memory limit of a tool, in bytes.
pub(super) fn memory_limit(text: &str) -> Result<u64, String> {
    let smallest = ByteSize::b(MIN_MEMORY_LIMIT_BYTES);
    size(text, "`4GiB`", smallest).map(|size| size.as_u64())
}

fn size(text: &str, examples: &str, smallest: ByteSize) -> Result<ByteSize, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| format!("expected a size such as {examples}"))?;
    if size < smallest {
        return Err(format!("has to be {smallest} at least"));
    }
    Ok(size)
}

/// A line has at most 64 KiB.
const SMALLEST_LOG: ByteSize = ByteSize::mib(1);

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an address and a port, such as `127.0.0.1:8080`".to_owned())
}

pub(super) fn postgres(text: &str) -> Result<String, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        Ok(text.to_owned())
    } else {
        Err("expected an address that begins with `postgres://`".to_owned())
    }
}

/// Parses a number of at least one.
pub(super) fn from_one<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| "expected a whole number from 1".to_owned())
}

pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, String> {
    text.parse()
        .map(NonZeroU32::new)
        .map_err(|_| "expected a whole number of calls a minute, or 0".to_owned())
}

pub(super) fn sandbox_mode(text: &str) -> Result<SandboxMode, String> {
    SandboxMode::from_word(text).ok_or_else(|| "expected `auto`, `required` or `off`".to_owned())
}

pub(super) fn absolute_paths(text: &str) -> Result<Vec<PathBuf>, String> {
    let paths: Vec<_> = list(text).into_iter().map(PathBuf::from).collect();
    match paths.iter().all(|path| path.is_absolute()) {
        true => Ok(paths),
        false => Err("expected absolute paths".to_owned()),
    }
}

pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_to_years() {
        let table = [
            ("90s", Some(90)),
            ("24h", Some(24 * 60 * 60)),
            ("90days", Some(90 * 24 * 60 * 60)),
            ("1h 30m", Some(90 * 60)),
            ("0s", None),
            ("20ms", None),
            ("90", None),
            ("11years", None),
            ("99999999999999999999years", None),
        ];
        for (text, seconds) in table {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn sizes_of_logs_have_a_unit_and_room_for_some_lines() {
        let table = [
            ("64MiB", Some(64 << 20)),
            ("1 GiB", Some(1 << 30)),
            ("5MB", Some(5_000_000)),
            ("1048576", Some(1 << 20)),
            ("1KiB", None),
            ("0", None),
            ("-1MiB", None),
            ("much", None),
            ("", None),
        ];
        for (text, bytes) in table {
            assert_eq!(log_size(text).ok(), bytes.map(ByteSize), "{text}");
        }
    }

    #[test]
    fn a_list_has_no_empty_entries() {
        assert_eq!(list(" https://a , ,https://b,"), ["https://a", "https://b"]);
        assert!(list("").is_empty());
    }
}
