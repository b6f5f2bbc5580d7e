//! What git is given of the credentials.

use std::os::fd::RawFd;

/// How the credentials come to git: by number of an inherited descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Nothing,
    /// User name and password, in the words of a credential helper.
    Login {
        login: RawFd,
    },
    Key {
        private_key: RawFd,
        known_hosts: RawFd,
    },
}
