//! Accesses stdin and stdout of this process without blocking it and without changing their flags.
//!
//! Both may be anything: a pipe, a socket, a terminal, a file, `/dev/null`. Setting `O_NONBLOCK` would affect every
//! process that shares the open file, such as the user's shell. So this code checks readiness before each read or
//! write, and writes no more at a time than a ready pipe accepts.

pub(super) mod closed_stdio;
pub(super) mod polled;
pub(super) mod print;
pub(super) mod write_now;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::PollFlags;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use self::polled::polled;
use self::write_now::write_now;

/// A descriptor that may or may not support readiness notifications.
#[derive(Debug)]
enum Pollable {
    Waits(AsyncFd<File>),
    /// epoll rejects regular files and the like (EPERM): they are always ready.
    AlwaysReady(File),
}

impl Pollable {
    fn new(of: BorrowedFd<'_>, interest: Interest) -> io::Result<Self> {
        let file = File::from(of.try_clone_to_owned()?);
        // SAFETY: a `File` owns its descriptor and returns the same one as long as it lives.
        match unsafe { AsyncFd::register_with_interest(file, interest) } {
            Ok(waits) => Ok(Self::Waits(waits)),
            Err(refused) => Ok(Self::AlwaysReady(refused.into_parts().0)),
        }
    }

    fn file(&self) -> &File {
        match self {
            Self::Waits(waits) => waits.get_ref(),
            Self::AlwaysReady(file) => file,
        }
    }

    /// Waits until a poll for `what` shows that the next call will not block.
    async fn ready(&self, interest: Interest, what: PollFlags) -> io::Result<()> {
        let Self::Waits(waits) = self else {
            // A descriptor that is always ready must not starve other tasks: `/dev/zero` never ends.
            tokio::task::yield_now().await;
            return Ok(());
        };
        loop {
            let mut guard = waits.ready(interest).await?;
            let seen = polled(waits.get_ref().as_fd(), what)?;
            if !seen.is_empty() {
                return Ok(());
            }
            guard.clear_ready();
        }
    }
}

/// Stdin of this process.
#[derive(Debug)]
pub struct Input(Pollable);

impl Input {
    /// Opens stdin.
    ///
    /// # Errors
    /// Stdin cannot be duplicated.
    pub fn stdin() -> io::Result<Self> {
        Pollable::new(io::stdin().as_fd(), Interest::READABLE).map(Self)
    }

    /// Reads available bytes, waiting if there are none; returns 0 at the end.
    ///
    /// Cancel safe: no bytes are lost.
    ///
    /// # Errors
    /// The error of the read; a terminal that hung up fails with EIO.
    pub async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.0.ready(Interest::READABLE, PollFlags::POLLIN).await?;
        let mut file = self.0.file();
        loop {
            match file.read(into) {
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    // The parent set O_NONBLOCK and another reader was faster.
                    self.0.ready(Interest::READABLE, PollFlags::POLLIN).await?;
                }
                answer => return answer,
            }
        }
    }

    /// Returns when a read would return at once.
    ///
    /// # Errors
    /// Readiness cannot be checked.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.ready(Interest::READABLE, PollFlags::POLLIN).await
    }

    /// Returns whether this is a terminal, which a person may be using.
    pub fn is_terminal(&self) -> bool {
        self.0.file().is_terminal()
    }

    /// Returns whether a read would return at once.
    pub fn has_more(&self) -> bool {
        polled(self.0.file().as_fd(), PollFlags::POLLIN).is_ok_and(|seen| !seen.is_empty())
    }
}

/// Stdout or stderr of this process.
#[derive(Debug)]
pub struct Output(Pollable);

impl Output {
    /// Opens stdout.
    ///
    /// # Errors
    /// Stdout cannot be duplicated.
    pub fn stdout() -> io::Result<Self> {
        Self::of(io::stdout().as_fd())
    }

    /// Opens a descriptor that is open for writing.
    ///
    /// # Errors
    /// It cannot be duplicated.
    pub fn of(descriptor: BorrowedFd<'_>) -> io::Result<Self> {
        let interest = Interest::WRITABLE.add(Interest::ERROR);
        Pollable::new(descriptor, interest).map(Self)
    }

    /// Returns when some bytes can be written, or when writing fails.
    ///
    /// # Errors
    /// Readiness cannot be checked.
    pub async fn writable(&self) -> io::Result<()> {
        let interest = Interest::WRITABLE.add(Interest::ERROR);
        self.0.ready(interest, PollFlags::POLLOUT).await
    }

    /// Writes some of the bytes, waiting for room if there is none; returns how many.
    ///
    /// # Errors
    /// The error of the write: EPIPE if there is no reader any more, EIO for a terminal that hung up.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.writable().await?;
            let written = match &self.0 {
                Pollable::Waits(waits) => write_now(waits.get_ref().as_fd(), bytes),
                Pollable::AlwaysReady(file) => (&mut &*file).write(bytes),
            };
            match written {
                Err(fault)
                    if matches!(
                        fault.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                    ) => {}
                answer => return answer,
            }
        }
    }

    /// Returns when the written bytes can have no reader any more; never returns for a file.
    pub async fn reader_gone(&self) {
        let Pollable::Waits(waits) = &self.0 else {
            return std::future::pending().await;
        };
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        loop {
            let Ok(mut guard) = waits.ready(Interest::ERROR).await else {
                return std::future::pending().await;
            };
            if polled(waits.get_ref().as_fd(), PollFlags::empty())
                .is_ok_and(|seen| seen.intersects(gone))
            {
                return;
            }
            guard.clear_ready();
        }
    }
}

/// Returns whether this process has a controlling terminal that answers.
pub fn terminal_is_open() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Returns whether a formerly open terminal has hung up.
pub fn terminal_is_gone(was_open: bool) -> bool {
    was_open && !terminal_is_open()
}
