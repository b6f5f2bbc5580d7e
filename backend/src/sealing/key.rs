//! The key: from the configuration, or from a file that is created at the first start.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::config;

/// Bytes of a key, as the cipher requires.
const KEY_BYTES: usize = 32;
/// More than a key and its newline; a longer file is not a key.
const MOST_BYTES: usize = 256;

/// The encryption key. `Debug` shows nothing of it.
pub struct SealingKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").finish_non_exhaustive()
    }
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// The setting `sealing.key`.
    Setting,
    /// This file.
    File(PathBuf),
}

impl KeyOrigin {
    /// Returns where the key of a configuration comes from.
    pub fn of(config: &config::Sealing) -> Self {
        match &config.key {
            Some(_) => Self::Setting,
            None => Self::File(config.key_file.clone()),
        }
    }
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting => f.write_str("the setting `sealing.key` (`IAC_BACKEND_SEALING_KEY`)"),
            Self::File(path) => write!(f, "the file `{}`", path.display()),
        }
    }
}

/// Why the key could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text does not have the form of a key.
    #[error("the sealing key of {origin} is not {KEY_BYTES} bytes as hexadecimal digits")]
    Malformed {
        /// Where it comes from.
        origin: KeyOrigin,
    },
    /// The file is missing, and the database holds data sealed with its key.
    #[error(
        "the key file `{}` is missing, and the database holds what was sealed with its key: restore the file; if it is lost, \
         stop all services of the database and call `iac-backend replace-sealing-key`, after which deployments that wait \
         have lost the secrets of their requests",
        .path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Other users may access the file.
    #[error("others than its owner may use the key file `{}`: set its mode to 0600", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or created.
    #[error("the key file `{}` could not be read or made", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The system has no random bytes.
    #[error("the system has no random bytes")]
    NoRandomness(#[source] getrandom::Error),
}

impl SealingKey {
    /// Returns the configured key: the setting, or else the file, which is created if it is missing.
    ///
    /// # Errors
    /// There is no key, and none can be created.
    pub fn of(config: &config::Sealing) -> Result<Self, KeyError> {
        match &config.key {
            Some(text) => Self::of_setting(text),
            None => Self::of_file(&config.key_file),
        }
    }

    /// Returns the configured key, which must exist: a missing file is not created.
    ///
    /// # Errors
    /// There is no key.
    pub fn existing(config: &config::Sealing) -> Result<Self, KeyError> {
        match &config.key {
            Some(text) => Self::of_setting(text),
            None => match read(&config.key_file) {
                Err(KeyError::File { path, source })
                    if source.kind() == io::ErrorKind::NotFound =>
                {
                    Err(KeyError::Missing { path })
                }
                read => read,
            },
        }
    }

    /// Generates a random key.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(bytes.as_mut()).map_err(KeyError::NoRandomness)?;
        Ok(Self { bytes })
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    fn of_setting(text: &SecretString) -> Result<Self, KeyError> {
        Self::parse(text.expose_secret()).ok_or(KeyError::Malformed {
            origin: KeyOrigin::Setting,
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if digits.len() != 2 * KEY_BYTES {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self { bytes })
    }

    fn text(&self) -> Zeroizing<String> {
        // With its full capacity from the start: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
        for byte in self.bytes.iter() {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        text
    }

    fn of_file(path: &Path) -> Result<Self, KeyError> {
        match read(path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let file = |source| KeyError::File {
                    path: path.to_owned(),
                    source,
                };
                make(path, &Self::generate()?).map_err(file)?;
                // If two processes start at once, only one creates the file.
                read(path)
            }
            read => read,
        }
    }
}

fn nibble(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

fn read(path: &Path) -> Result<SealingKey, KeyError> {
    let fault = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fault)?;
    let mode = file.metadata().map_err(fault)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
        });
    }
    let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES));
    file.take(MOST_BYTES as u64)
        .read_to_string(&mut text)
        .map_err(fault)?;
    SealingKey::parse(&text).ok_or(KeyError::Malformed {
        origin: KeyOrigin::File(path.to_owned()),
    })
}

/// Writes the key to a temporary file, syncs it, and links it into place, unless another process was faster.
fn make(path: &Path, key: &SealingKey) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)?;
    let aside = dir.join(format!(".sealing-key.{}", std::process::id()));
    let _ = std::fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(key.text().as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&aside, path);
    std::fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(dir)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data").join("sealing.key");
        let made = SealingKey::of_file(&path).unwrap();
        let read = SealingKey::of_file(&path).unwrap();
        assert_eq!(made.bytes(), read.bytes());
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let others = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(others, 1);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sealing.key");
        SealingKey::of_file(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let fault = SealingKey::of_file(&path).unwrap_err();
        assert!(matches!(fault, KeyError::Exposed { .. }));
    }

    #[test]
    fn what_is_no_key_is_told_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sealing.key");
        for text in [
            "",
            "hunter2",
            &"g".repeat(64),
            &"a".repeat(63),
            &"a".repeat(65),
        ] {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let fault = SealingKey::of_file(&path).unwrap_err();
            assert!(matches!(fault, KeyError::Malformed { .. }), "{text}");
            let told = fault.to_string();
            assert!(told.contains("sealing.key") && !told.contains("hunter2"));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_key_that_has_to_be_there_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let config = config::Sealing {
            key: None,
            key_file: dir.path().join("sealing.key"),
        };
        let fault = SealingKey::existing(&config).unwrap_err();
        assert!(matches!(fault, KeyError::Missing { .. }), "{fault}");
        assert!(!config.key_file.exists());
        let made = SealingKey::of(&config).unwrap();
        assert_eq!(SealingKey::existing(&config).unwrap().bytes(), made.bytes());
    }

    #[test]
    fn the_configuration_wins_over_the_file() {
        let config = config::Sealing {
            key: Some("0f".repeat(32).into()),
            key_file: "/nowhere/sealing.key".into(),
        };
        assert_eq!(SealingKey::of(&config).unwrap().bytes(), &[15; 32]);
    }
}
