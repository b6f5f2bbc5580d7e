//! A kernel without Landlock, as a program sees it.

/// A program that removes Landlock from its child processes: each of its system calls fails with ENOSYS.
pub(crate) const WITHOUT_LANDLOCK: &str = "\
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
ALLOW, ERRNO, NO_SUCH_CALL = 0x7fff0000, 0x00050000, 38
def step(code, yes, no, value):
    return struct.pack('HBBI', code, yes, no, value)
steps = b''.join([
    step(0x20, 0, 0, 0),
    step(0x35, 0, 2, 444),
    step(0x25, 1, 0, 446),
    step(0x06, 0, 0, ERRNO | NO_SUCH_CALL),
    step(0x06, 0, 0, ALLOW),
])
kept = ctypes.create_string_buffer(steps)
filter = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', 5, ctypes.addressof(kept)))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, filter, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
";
