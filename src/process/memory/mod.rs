//! Files in memory, and how much memory there is.

pub(super) mod inherited_memfd;
pub(super) mod memory_file;
pub(super) mod memory_limit;
