//! A filter of system calls: no process of the run changes the resource limits of another process.
//!
//! A limit to CPU time that is used up ends a process as SIGKILL does, and Landlock does not restrict that.

use std::io;

/// Offsets in `struct seccomp_data` (seccomp(2)).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The lower half of the first argument, which holds all of a process id.
const FIRST_ARGUMENT: u32 = if cfg!(target_endian = "little") {
    16
} else {
    20
};

#[cfg(target_arch = "x86_64")]
mod machine {
    /// `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_I386` of `linux/audit.h`.
    pub(super) const ARCHITECTURES: [u32; 2] = [0xc000_003e, 0x4000_0003];
    /// The numbers of `prlimit64`: own, with the bit of x32, and of i386.
    pub(super) const NUMBERS: [u32; 3] = [302, 302 | 0x4000_0000, 340];
    /// Which of them belong to the first architecture; the rest belongs to the other one.
    pub(super) const OWN: usize = 2;
}

#[cfg(target_arch = "aarch64")]
mod machine {
    /// `AUDIT_ARCH_AARCH64` and `AUDIT_ARCH_ARM` of `linux/audit.h`.
    pub(super) const ARCHITECTURES: [u32; 2] = [0xc000_00b7, 0x4000_0028];
    /// The numbers of `prlimit64`: own, and of 32-bit programs.
    pub(super) const NUMBERS: [u32; 2] = [261, 369];
    /// Which of them belong to the first architecture; the rest belongs to the other one.
    pub(super) const OWN: usize = 1;
}

/// Forbids this process and its descendants, for good, to change or read limits of other processes by `prlimit`.
///
/// Makes system calls only. Wants `no_new_privs`, which Landlock sets.
///
/// # Errors
/// When the kernel has no such filters.
pub(super) fn forbid_limits_of_others() -> io::Result<()> {
    let mut filter = FILTER;
    let program = libc::sock_fprog {
        len: FILTER.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the program and its instructions live until the call returns; the kernel copies them.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    match answer {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

const LEN: usize = 8 + machine::NUMBERS.len();

/// Loads the architecture, compares the number with those of that architecture, and then the process id with 0.
const FILTER: [libc::sock_filter; LEN] = {
    let numbers = machine::NUMBERS.len();
    let (check, allow) = (LEN - 4, LEN - 1);
    let foreign = 3 + machine::OWN;
    let mut filter = [statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW); LEN];
    filter[0] = load(ARCHITECTURE);
    filter[1] = if_equal(machine::ARCHITECTURES[0], 0, jump(1, foreign));
    filter[2] = load(NUMBER);
    let mut at = 3;
    let mut number = 0;
    while number < numbers {
        if number == machine::OWN {
            // Any other architecture than the two can't be run.
            filter[at] = load(NUMBER);
            at += 1;
        }
        let is_last = number + 1 == numbers || number + 1 == machine::OWN;
        let otherwise = if is_last { jump(at, allow) } else { 0 };
        filter[at] = if_equal(machine::NUMBERS[number], jump(at, check), otherwise);
        at += 1;
        number += 1;
    }
    filter[check] = load(FIRST_ARGUMENT);
    filter[check + 1] = if_equal(0, jump(check + 1, allow), 0);
    filter[check + 2] = statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
    );
    filter
};

const fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

const fn load(offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

const fn if_equal(k: u32, then: u8, otherwise: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: then,
        jf: otherwise,
        k,
    }
}

/// How many instructions are skipped on the way from one to another.
const fn jump(from: usize, to: usize) -> u8 {
    (to - from - 1) as u8
}
