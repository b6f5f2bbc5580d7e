//! Drops root's privileges.
//!
//! Root without capabilities still owns root's files, which is why paths are granted one by one. With them it could
//! read the memory and environment of any process (`CAP_PERFMON`, `CAP_SYS_PTRACE`) in spite of Landlock.

use std::io;

/// `CAP_DAC_OVERRIDE`: allows to work in directories of another user. Paths are still granted one by one.
const CAP_DAC_OVERRIDE: u32 = 1;
/// The capabilities that are kept, if this process has them, one bit each.
pub(super) const KEPT: u64 = 1 << CAP_DAC_OVERRIDE;
/// No kernel has more capabilities than fit into two words.
const MOST_CAPABILITIES: u32 = 64;
const LINUX_CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`, of which version 3 has two.
#[repr(C)]
#[derive(Clone, Copy)]
struct Words {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Drops every capability except [`KEPT`], and all privileges that exec could add.
///
/// Makes only system calls.
pub(super) fn drop_all_but_file_access() -> io::Result<()> {
    for capability in 0..MOST_CAPABILITIES {
        if KEPT & (1 << capability) != 0 {
            continue;
        }
        // SAFETY: takes only numbers. It fails for a capability that the kernel does not know, and without
        // CAP_SETPCAP: then `no_new_privs` alone keeps exec from restoring capabilities.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, u64::from(capability), 0, 0, 0) };
    }
    let mut header = Header {
        version: LINUX_CAPABILITY_VERSION_3,
        pid: 0,
    };
    let mut words = [Words {
        effective: 0,
        permitted: 0,
        inheritable: 0,
    }; 2];
    // SAFETY: both point to the structures that version 3 of the call reads and writes.
    if unsafe { libc::syscall(libc::SYS_capget, &raw mut header, words.as_mut_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    for (word, kept) in words.iter_mut().zip(low_and_high(KEPT)) {
        word.permitted &= kept;
        word.effective &= kept;
        // Also empties the ambient set.
        word.inheritable = 0;
    }
    // SAFETY: as above; the call reads them.
    if unsafe { libc::syscall(libc::SYS_capset, &raw mut header, words.as_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: takes only numbers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "each half is cut out")]
const fn low_and_high(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}
