//! The credentials that git gets.

use std::os::fd::RawFd;

/// How git gets the credentials: by number of an inherited descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Nothing,
    /// User name and password, in the format of a credential helper.
    Login {
        login: RawFd,
    },
    Key {
        private_key: RawFd,
        known_hosts: RawFd,
    },
}
