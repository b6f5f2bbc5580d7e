//! A system call filter for what Landlock does not restrict: limits and priorities of other processes, and
//! keyrings.
//!
//! An exceeded CPU limit ends a process like SIGKILL does, and the lowest priority delays a supervisor as long as
//! anything else runs. The kernel's keyrings belong to a user and not to a run.

use std::io;
use std::sync::LazyLock;

use libc::sock_filter;

/// Offsets in `struct seccomp_data` (seccomp(2)).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The lower halves of the first two arguments, which hold all of an `int`.
const ARGUMENTS: [u32; 2] = if cfg!(target_endian = "little") {
    [16, 24]
} else {
    [20, 28]
};

/// The permitted arguments of a call.
#[derive(Debug, Clone, Copy)]
enum ArgumentRule {
    Nothing,
    /// The first argument is 0, which means the caller.
    OfCaller,
    /// The first argument is this number, which means a single process, and the second is 0, which means the
    /// caller.
    OfOneWhichIsCaller(u32),
}

/// `PRIO_PROCESS` and `IOPRIO_WHO_PROCESS`.
const PRIORITY_OF_PROCESS: u32 = 0;
const DISK_PRIORITY_OF_PROCESS: u32 = 1;

/// Combines the rules with their system call numbers on one architecture, in this order: prlimit64, sched_setparam,
/// sched_setscheduler, sched_setattr, sched_setaffinity, setpriority, ioprio_set, add_key, request_key, keyctl.
const fn rules(numbers: [u32; 10]) -> [(u32, ArgumentRule); 10] {
    let [
        limit,
        parameter,
        scheduler,
        attribute,
        affinity,
        priority,
        disk,
        add,
        request,
        control,
    ] = numbers;
    [
        (limit, ArgumentRule::OfCaller),
        (parameter, ArgumentRule::OfCaller),
        (scheduler, ArgumentRule::OfCaller),
        (attribute, ArgumentRule::OfCaller),
        (affinity, ArgumentRule::OfCaller),
        (
            priority,
            ArgumentRule::OfOneWhichIsCaller(PRIORITY_OF_PROCESS),
        ),
        (
            disk,
            ArgumentRule::OfOneWhichIsCaller(DISK_PRIORITY_OF_PROCESS),
        ),
        (add, ArgumentRule::Nothing),
        (request, ArgumentRule::Nothing),
        (control, ArgumentRule::Nothing),
    ]
}

/// Values of `linux/audit.h` for the architectures that this machine can run, its own first, with their rules.
#[cfg(target_arch = "x86_64")]
const TABLE: [(u32, [(u32, ArgumentRule); 10]); 2] = [
    (
        0xc000_003e,
        rules([302, 142, 144, 314, 203, 141, 251, 248, 249, 250]),
    ),
    (
        0x4000_0003,
        rules([340, 154, 156, 351, 241, 97, 289, 286, 287, 288]),
    ),
];
#[cfg(target_arch = "aarch64")]
const TABLE: [(u32, [(u32, ArgumentRule); 10]); 2] = [
    (
        0xc000_00b7,
        rules([261, 118, 119, 274, 122, 140, 30, 217, 218, 219]),
    ),
    (
        0x4000_0028,
        rules([369, 154, 156, 380, 241, 97, 314, 309, 310, 311]),
    ),
];
/// First system call number of x32, which nothing needs: x32 calls would bypass the rules.
const X32: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0x4000_0000)
} else {
    None
};

/// The filter, built before the fork.
static FILTER: LazyLock<Vec<sock_filter>> = LazyLock::new(program);

/// Returns the filter for [`forbid`].
pub(super) fn filter() -> &'static [sock_filter] {
    &FILTER
}

/// Forbids these calls to this process and its descendants permanently.
///
/// Makes only system calls. Requires `no_new_privs`, which the capabilities step sets.
///
/// # Errors
/// The kernel does not support such filters.
pub(super) fn forbid(filter: &'static [sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap_or(u16::MAX),
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel reads the program and its instructions, which live forever, and writes neither.
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

/// Builds the program: it selects the architecture, then the number among its rules, then checks the arguments.
fn program() -> Vec<sock_filter> {
    let mut program = vec![load(ARCHITECTURE)];
    for (is_own, (architecture, rules)) in TABLE.iter().enumerate().map(|(at, it)| (at == 0, it)) {
        let mut block = vec![load(NUMBER)];
        if let (true, Some(first)) = (is_own, X32) {
            block.push(jump(libc::BPF_JGE, first, 0, 1));
            block.push(refuse());
        }
        for (number, rule) in rules {
            let judged = judged(*rule);
            block.push(jump(libc::BPF_JEQ, *number, 0, judged.len()));
            block.extend(judged);
        }
        block.push(allow());
        program.push(jump(libc::BPF_JEQ, *architecture, 0, block.len()));
        program.extend(block);
    }
    program.push(allow());
    program
}

/// Returns instructions that check the arguments of a call; they always reach a decision.
fn judged(rule: ArgumentRule) -> Vec<sock_filter> {
    let [first, second] = ARGUMENTS;
    match rule {
        ArgumentRule::Nothing => vec![refuse()],
        ArgumentRule::OfCaller => {
            vec![load(first), jump(libc::BPF_JEQ, 0, 0, 1), allow(), refuse()]
        }
        ArgumentRule::OfOneWhichIsCaller(which) => vec![
            load(first),
            jump(libc::BPF_JEQ, which, 0, 3),
            load(second),
            jump(libc::BPF_JEQ, 0, 0, 1),
            allow(),
            refuse(),
        ],
    }
}

fn load(offset: u32) -> sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

fn allow() -> sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0)
}

fn refuse() -> sock_filter {
    let answer = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    instruction(libc::BPF_RET | libc::BPF_K, answer, 0, 0)
}

/// Builds a comparison; skips `then` instructions if it holds, and `otherwise` if not.
fn jump(comparison: u32, k: u32, then: usize, otherwise: usize) -> sock_filter {
    instruction(libc::BPF_JMP | comparison | libc::BPF_K, k, then, otherwise)
}

/// # Panics
/// A jump is longer than an instruction can encode: the rules are fixed, so a test detects that.
fn instruction(code: u32, k: u32, then: usize, otherwise: usize) -> sock_filter {
    let skipped = |count: usize| u8::try_from(count).expect("a short way");
    sock_filter {
        code: u16::try_from(code).expect("a code of 16 bits"),
        jt: skipped(then),
        jf: skipped(otherwise),
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program like the kernel does; returns whether the call is allowed.
    fn is_allowed(architecture: u32, number: u32, arguments: [u32; 2]) -> bool {
        let [first, second] = ARGUMENTS;
        let (mut at, mut loaded) = (0, 0);
        loop {
            let it = program()[at];
            at += 1;
            let code = u32::from(it.code);
            if code == libc::BPF_RET | libc::BPF_K {
                return it.k == libc::SECCOMP_RET_ALLOW;
            }
            if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS {
                loaded = match it.k {
                    NUMBER => number,
                    ARCHITECTURE => architecture,
                    offset if offset == first => arguments[0],
                    offset if offset == second => arguments[1],
                    offset => panic!("nothing is at {offset}"),
                };
                continue;
            }
            let holds = if code == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K {
                loaded >= it.k
            } else {
                loaded == it.k
            };
            at += usize::from(if holds { it.jt } else { it.jf });
        }
    }

    #[test]
    fn only_the_caller_itself_can_be_meant() {
        for (architecture, rules) in TABLE {
            for (number, rule) in rules {
                let allowed: &[[u32; 2]] = match rule {
                    ArgumentRule::Nothing => &[],
                    ArgumentRule::OfCaller => &[[0, 0], [0, 7]],
                    ArgumentRule::OfOneWhichIsCaller(0) => &[[0, 0]],
                    ArgumentRule::OfOneWhichIsCaller(_) => &[[1, 0]],
                };
                for arguments in [
                    [0, 0],
                    [0, 7],
                    [1, 0],
                    [1, 7],
                    [2, 0],
                    [3, 0],
                    [u32::MAX, 0],
                ] {
                    let expected = allowed.contains(&arguments);
                    let found = is_allowed(architecture, number, arguments);
                    assert_eq!(found, expected, "{architecture:x} {number} {arguments:?}");
                }
            }
            assert!(is_allowed(architecture, 1, [7, 7]));
        }
        assert!(is_allowed(0xdead, TABLE[0].1[0].0, [7, 7]));
        if let Some(x32) = X32 {
            assert!(!is_allowed(TABLE[0].0, x32 | 1, [0, 0]));
        }
    }
}
