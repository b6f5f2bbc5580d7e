//! Sockets in a directory whose path may exceed the length of a socket address.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// Listens on a new socket.
pub(super) fn listen(directory: &File, name: &str) -> io::Result<UnixListener> {
    UnixListener::bind(address(directory, name))
}

/// Connects to a socket.
pub(super) fn connect(directory: &File, name: &str) -> io::Result<UnixStream> {
    UnixStream::connect(address(directory, name))
}

/// Returns a short path through the open directory.
fn address(directory: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))
}
