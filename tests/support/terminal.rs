//! A pseudo-terminal that can hang up.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

/// The master side; dropping it hangs up.
pub(crate) struct Terminal {
    master: PtyMaster,
    slave: String,
}

impl Terminal {
    /// Opens a terminal that passes on every byte unchanged.
    pub(crate) fn open() -> Self {
        let terminal = Self::open_for_a_person();
        terminal.make_raw();
        terminal
    }

    /// Opens a terminal that echoes, reads lines, and turns Ctrl-C into a signal.
    pub(crate) fn open_for_a_person() -> Self {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)
            .expect("a pseudo-terminal");
        grantpt(&master).expect("the slave is granted");
        unlockpt(&master).expect("the slave is unlocked");
        let slave = ptsname_r(&master).expect("the slave has a name");
        Self { master, slave }
    }

    /// Returns the slave side, for a program at the terminal.
    pub(crate) fn slave(&self) -> File {
        OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(&self.slave)
            .expect("the slave opens")
    }

    /// Types at the terminal.
    pub(crate) fn type_in(&mut self, text: &str) {
        self.master
            .write_all(text.as_bytes())
            .expect("the terminal takes what is typed");
    }

    /// Hangs up.
    pub(crate) fn hang_up(self) {
        drop(self.master);
    }

    /// Turns off echo and the limit on the length of a line: a request may be longer than a typed line.
    fn make_raw(&self) {
        let slave = self.slave();
        let mut settings = tcgetattr(&slave).expect("a terminal has settings");
        cfmakeraw(&mut settings);
        tcsetattr(&slave, SetArg::TCSANOW, &settings).expect("a terminal takes settings");
    }
}

/// The terminal's output can be read here, until every slave side is closed.
impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}
