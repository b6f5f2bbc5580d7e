//! Checks out a commit of a git repository, with the `git` of this machine: 2.32 or later.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use iac_runner::checkout::{self, Credentials, GitSource, Options};
//!
//! # async fn example() -> Result<(), checkout::CheckoutError> {
//! let source = GitSource {
//!     url: "https://example.com/infrastructure.git".to_owned(),
//!     git_ref: "v1.4.0".to_owned(),
//!     path: "network".to_owned(),
//!     credentials: Credentials::token("a token".to_owned().into()),
//!     submodules: false,
//!     depth: None,
//! };
//! let into = Path::new("/srv/deployments/7");
//! let found = checkout::check_out(&source, into, &Options::default(), &mut |line| eprintln!("{line}")).await?;
//! println!("{} is in {}", found.commit, found.work_dir.display());
//! # Ok(())
//! # }
//! ```
//!
//! # What is checked out
//! Without a mirror, the server gets a request for the ref. With a mirror, it first resolves the ref and then gets
//! a request for exactly that commit. The reported commit is the one checked out, even if a branch moves meanwhile.
//! Names are looked up in the order of gitrevisions(7), so a tag takes precedence over a branch of the same name; a
//! tag is peeled. A full commit id is used without further checks: servers provide commits that no branch reaches
//! any more, and some also those of forks. To get a commit of a branch, request the branch, or compare. If a server
//! provides only the commits that refs point to, all branches and tags are fetched, and the commit is searched
//! among them.
//!
//! Files in Git LFS are fetched with `git lfs`; if that is not installed, a checkout with such files fails.
//!
//! Without [`GitSource::depth`], a commit is fetched without its history and without tags.
//!
//! # Secrets
//! Credentials are in memory, and reach git through a descriptor that no other child of this process inherits. They
//! are in no argument, URL, variable or file. Git sends a password only to the scheme, host and port of the source,
//! and uses an ssh key only with hosts whose key is known. Submodules on the same host get the same credentials.
//! Git 2.37 and later refuses a submodule whose own URL contains a password, as it would be an argument.
//!
//! # Mirrors
//! With [`Options::mirror_cache`], fetched commits stay in one repository per URL, and a fetch transfers only what
//! is missing there. Every checkout first asks the server, with the caller's credentials, before it takes anything
//! from the mirror. A checkout has copies and does not need the mirror. Submodules are fetched without one. A
//! mirror only grows; it may be deleted whenever no checkout runs.
//!
//! # Leftovers
//! An error, a timeout or a dropped future leaves nothing. If this process is killed, the kernel kills git;
//! transfer processes that git started end when the server next sends something, or after five minutes. A hidden
//! directory `.NAME.*.partial` then stays beside the target; it does not affect the next checkout, and
//! [`remove_unfinished`] removes it.

mod check_out;
mod containment;
mod credentials;
mod error;
mod fetch;
mod git;
mod source;
mod staging;
pub(crate) mod tool_access;

pub use self::git::programs::missing_program;
pub(crate) use self::source::address::local_path;
pub use self::source::address::{UrlFault, is_local, validate_url};
pub use self::source::commit::{CommitSha, NotACommitSha};
pub use self::source::hosts::{AllowedHosts, HostFault};
pub use self::source::reference::{RefFault, validate_ref};
pub(crate) use self::tool_access::variables_for_tool;
pub use check_out::{CheckedOut, check_out, check_out_unless};
pub use containment::{PathFault, contained};
pub use error::CheckoutError;
pub use source::{Credentials, GitSource, Options};
pub use staging::remove_unfinished;
