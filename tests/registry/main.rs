//! A private registry on loopback, the real binary, the real terraform and the real tofu.

#[allow(
    dead_code,
    unused_macros,
    reason = "the rig of all test binaries; this one needs a part of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod modules;
mod registry_server;
#[cfg(feature = "registry-token")]
mod token;

mod test_env;
