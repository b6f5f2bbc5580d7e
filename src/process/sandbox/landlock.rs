//! The three system calls of Landlock (landlock(7)), which have no wrapper in libc.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

// The same numbers on every architecture.
const CREATE_RULESET: libc::c_long = 444;
const ADD_RULE: libc::c_long = 445;
const RESTRICT_SELF: libc::c_long = 446;
const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;
const RULE_NET_PORT: u32 = 2;

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
const MAKE_SOCK: u64 = 1 << 9;
const MAKE_FIFO: u64 = 1 << 10;
const MAKE_BLOCK: u64 = 1 << 11;
const MAKE_SYM: u64 = 1 << 12;
/// Since version 2: links and renames between directories.
const REFER: u64 = 1 << 13;
/// Since version 3.
const TRUNCATE: u64 = 1 << 14;
/// Since version 5.
const IOCTL_DEV: u64 = 1 << 15;

const OF_FIRST_VERSION: u64 = (1 << 13) - 1;
const READING: u64 = EXECUTE | READ_FILE | READ_DIR;
/// Does not include creating devices.
const WRITING: u64 = READING
    | WRITE_FILE
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_DIR
    | MAKE_REG
    | MAKE_SOCK
    | MAKE_FIFO
    | MAKE_SYM
    | REFER
    | TRUNCATE
    | IOCTL_DEV;
/// Rights that a rule may grant for anything but a directory.
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
const _: () = assert!((MAKE_CHAR | MAKE_BLOCK) & WRITING == 0);

/// Since version 4.
const CONNECT_TCP: u64 = 1 << 1;

/// Since version 6.
const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1 << 0;
const SCOPE_SIGNAL: u64 = 1 << 1;

/// `struct landlock_ruleset_attr`; older kernels accept extra members at its end if they are zero.
#[repr(C)]
struct RulesetAttributes {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// `struct landlock_net_port_attr`.
#[repr(C)]
struct NetPort {
    allowed_access: u64,
    port: u64,
}

/// Returns the version of Landlock's interface that the kernel supports.
///
/// # Errors
/// `ENOSYS` if the kernel was built without it, `EOPNOTSUPP` if it was booted without it, `EPERM` if a container
/// forbids it.
pub fn landlock_abi() -> io::Result<u32> {
    // SAFETY: without attributes and with this flag, the call only returns a number.
    let answer = unsafe {
        libc::syscall(
            CREATE_RULESET,
            std::ptr::null::<RulesetAttributes>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(answer).map_err(|_| io::Error::last_os_error())
}

/// Rights granted beneath a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// List, read and execute.
    Read,
    /// Additionally create, change, rename and remove; no devices.
    Write,
}

/// What a rule grants access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// A directory and everything beneath it.
    Directory,
    /// One file, under any name.
    File,
}

/// A ruleset under construction; everything that no rule grants is denied.
#[derive(Debug)]
pub struct Ruleset {
    fd: OwnedFd,
    handled: u64,
}

impl Ruleset {
    /// Creates a ruleset that denies everything that this version of the interface can deny.
    ///
    /// # Errors
    /// The kernel has no Landlock, or no descriptor is left.
    pub fn new(abi: u32) -> io::Result<Self> {
        Self::create(abi, 0)
    }

    /// Does the same as [`Ruleset::new`], and also denies TCP connections to all but these ports.
    ///
    /// # Errors
    /// The version is less than [`LANDLOCK_TCP`](super::LANDLOCK_TCP), or no descriptor is left.
    pub fn with_tcp_ports(abi: u32, ports: &[u16]) -> io::Result<Self> {
        let ruleset = Self::create(abi, CONNECT_TCP)?;
        for port in ports {
            let rule = NetPort {
                allowed_access: CONNECT_TCP,
                port: u64::from(*port),
            };
            // SAFETY: the kernel reads the rule, which has the layout of this type of rule.
            let answer = unsafe {
                libc::syscall(
                    ADD_RULE,
                    ruleset.fd.as_raw_fd(),
                    RULE_NET_PORT,
                    &raw const rule,
                    0_u32,
                )
            };
            if answer == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(ruleset)
    }

    fn create(abi: u32, net: u64) -> io::Result<Self> {
        let attributes = RulesetAttributes {
            handled_access_fs: handled(abi),
            handled_access_net: net,
            scoped: scoped(abi),
        };
        // SAFETY: the kernel reads as many bytes of the attributes as the size argument says.
        let answer = unsafe {
            libc::syscall(
                CREATE_RULESET,
                &raw const attributes,
                size_of::<RulesetAttributes>(),
                0_u32,
            )
        };
        let number = RawFd::try_from(answer).unwrap_or(-1);
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: the kernel has just created it for this process. It is closed on exec.
            fd: unsafe { OwnedFd::from_raw_fd(number) },
            handled: attributes.handled_access_fs,
        })
    }

    /// Grants access to the current target of a path, also through links at its end.
    ///
    /// # Errors
    /// The path does not exist, or can't be accessed.
    pub fn allow(&self, path: &Path, access: Access) -> io::Result<Granted> {
        self.allow_opened(&open(path, OFlag::empty())?, access)
    }

    /// Grants access to a path that contains no links.
    ///
    /// # Errors
    /// As [`Ruleset::allow`], and `ELOOP` for a link.
    pub fn allow_real(&self, path: &Path, access: Access) -> io::Result<Granted> {
        self.allow_opened(&open_real(path)?, access)
    }

    fn allow_opened(&self, file: &File, access: Access) -> io::Result<Granted> {
        let granted = match file.metadata()?.is_dir() {
            true => Granted::Directory,
            false => Granted::File,
        };
        let rule = PathBeneath {
            allowed_access: rights(access, granted) & self.handled,
            parent_fd: file.as_raw_fd(),
        };
        // SAFETY: the kernel reads the rule, which has the layout of this type of rule.
        let answer = unsafe {
            libc::syscall(
                ADD_RULE,
                self.fd.as_raw_fd(),
                RULE_PATH_BENEATH,
                &raw const rule,
                0_u32,
            )
        };
        if answer == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(granted)
    }

    pub(super) fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

/// Opens a path only as a reference; needs no rights to the file.
fn open(path: &Path, flags: OFlag) -> io::Result<File> {
    // Not with `OpenOptions`: under musl, it treats `O_PATH` as part of the access mode and drops it.
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | flags;
    Ok(openat(AT_FDCWD, path, flags, Mode::empty())?.into())
}

/// Opens a path only as a reference, if no component of it is a link.
///
/// If the kernel (before 5.6) or a container has no `openat2`, only the last component is checked: then an earlier
/// component could be replaced by a link between the check of the path and this call.
fn open_real(path: &Path) -> io::Result<File> {
    match open_without_links(path) {
        Err(fault) if matches!(fault.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            let file = open(path, OFlag::O_NOFOLLOW)?;
            match file.metadata()?.is_symlink() {
                true => Err(io::Error::from_raw_os_error(libc::ELOOP)),
                false => Ok(file),
            }
        }
        answer => answer,
    }
}

fn open_without_links(path: &Path) -> io::Result<File> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all members are numbers, for which zero is a valid value.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((libc::O_PATH | libc::O_CLOEXEC).cast_unsigned());
    how.resolve = libc::RESOLVE_NO_SYMLINKS;
    // SAFETY: the kernel reads the path up to its NUL, and as many bytes of `how` as the size argument says.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            &raw const how,
            size_of::<libc::open_how>(),
        )
    };
    let number = RawFd::try_from(answer).unwrap_or(-1);
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just created it for this process.
    Ok(unsafe { File::from_raw_fd(number) })
}

/// Confines the calling thread, and the processes that it starts, to a ruleset.
///
/// Makes one system call. The thread must have set `no_new_privs` before.
pub(super) fn restrict_this_thread(ruleset: RawFd) -> io::Result<()> {
    // SAFETY: takes only numbers.
    match unsafe { libc::syscall(RESTRICT_SELF, ruleset, 0_u32) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Returns the access rights that a version can deny.
const fn handled(abi: u32) -> u64 {
    let mut handled = OF_FIRST_VERSION;
    if abi >= 2 {
        handled |= REFER;
    }
    if abi >= 3 {
        handled |= TRUNCATE;
    }
    if abi >= 5 {
        handled |= IOCTL_DEV;
    }
    handled
}

const fn scoped(abi: u32) -> u64 {
    if abi >= 6 {
        SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL
    } else {
        0
    }
}

const fn rights(access: Access, of: Granted) -> u64 {
    let rights = match access {
        Access::Read => READING,
        Access::Write => WRITING,
    };
    match of {
        Granted::Directory => rights,
        Granted::File => rights & OF_FILES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_denies_what_it_knows() {
        let table = [
            (1, 0x1fff, 0),
            (2, 0x3fff, 0),
            (3, 0x7fff, 0),
            (4, 0x7fff, 0),
            (5, 0xffff, 0),
            (6, 0xffff, 3),
            (99, 0xffff, 3),
        ];
        for (abi, files, scopes) in table {
            assert_eq!((handled(abi), scoped(abi)), (files, scopes), "{abi}");
        }
    }

    #[test]
    fn reading_grants_no_change_and_a_file_no_directory() {
        let reading = rights(Access::Read, Granted::Directory);
        assert_eq!(reading & !(EXECUTE | READ_FILE | READ_DIR), 0);
        assert_eq!(rights(Access::Write, Granted::File) & !OF_FILES, 0);
    }

    #[test]
    fn a_link_is_followed_only_where_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/usr", &link).unwrap();
        let ruleset = Ruleset::new(1).unwrap();
        let followed = ruleset.allow(&link, Access::Read).unwrap();
        assert_eq!(followed, Granted::Directory);
        for path in [link.clone(), link.join("bin")] {
            let fault = ruleset.allow_real(&path, Access::Read).unwrap_err();
            assert_eq!(fault.raw_os_error(), Some(libc::ELOOP), "{path:?}");
        }
        let real = folder.path().canonicalize().unwrap();
        let granted = ruleset.allow_real(&real, Access::Read).unwrap();
        assert_eq!(granted, Granted::Directory);
        let fault = ruleset.allow(Path::new("/nowhere"), Access::Read);
        assert_eq!(fault.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
