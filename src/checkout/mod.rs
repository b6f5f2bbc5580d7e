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
//! | file | holds |
//! |---|---|
//! | `check_out`, `fetch` | the story: resolve, fetch, switch, put in place |
//! | `source`, `commit` | what is asked for, and what is reported |
//! | `address`, `reference`, `containment` | which URLs, refs and paths are taken |
//! | `hosts`, `route` | which hosts are allowed, and how git is kept to them |
//! | `submodules` | those of the checkout, and theirs |
//! | `arguments`, `environment`, `ssh` | how git is called, and how it calls ssh |
//! | `login`, `offer`, `ssh` | how credentials are handed to it |
//! | `tool_access` | how they are handed to a tool that fetches modules |
//! | `lfs`, `programs` | files that are in Git LFS; which programs are installed |
//! | `git`, `confinement` | one call of it, and what that may reach |
//! | `mask`, `progress`, `failure` | what it says: masked, cut into lines, understood |
//! | `staging`, `mirror` | where a checkout is made; what is kept for the next |
//!
//! # What is checked out
//! The server is asked for the ref, or, with a mirror, what the ref stands for and then for exactly that commit:
//! what is reported is what is there, even if a branch moves meanwhile. A name is looked up in the order of
//! gitrevisions(7), so a tag goes before a branch of the same name; a tag is peeled. The full name of a commit is taken at its word:
//! servers give out commits that no branch reaches any more, and on some those of forks as well. Whoever wants
//! a commit of a branch asks for the branch, or compares. From a server that gives out only what refs stand
//! for, all branches and tags are fetched, and the commit is looked for among them.
//!
//! Files in Git LFS are fetched with `git lfs`; where that is not installed, a checkout with such files fails.
//!
//! Without [`GitSource::depth`], a commit comes without its history and without tags.
//!
//! # Secrets
//! Credentials are in memory, and reach git through a descriptor that no other child of this process gets.
//! They are in no argument, URL, variable or file. Git hands a password to the scheme, host and port of the
//! source alone; an ssh key is shown to hosts with a known key alone. Submodules on the same host get the same.
//! A submodule whose own URL holds a password is refused by git 2.37 and later, as it would be an argument.
//!
//! # Mirrors
//! With [`Options::mirror_cache`], commits stay in a repository of ours for each URL, and a fetch brings only
//! what that lacks. The server is asked each time, with the caller's credentials, before anything is taken
//! from there. A checkout has copies and does not need the mirror. Submodules are fetched without one. A mirror
//! only grows; it may be deleted whenever no checkout runs.
//!
//! # Left behind
//! An error, a timeout or a dropped future leaves nothing. If this process is killed, the kernel kills git; what
//! git had started for the transfer ends when the server next says something, or after five minutes. A hidden
//! directory `.NAME.*.partial` then stays beside the one that was wanted; the next checkout does not mind, and
//! [`remove_unfinished`] takes it away.

mod address;
mod arguments;
mod check_out;
mod commit;
mod confinement;
mod containment;
mod environment;
mod error;
mod failure;
mod fetch;
mod git;
mod hosts;
mod lfs;
mod login;
mod mask;
mod mirror;
mod offer;
mod programs;
mod progress;
mod reference;
mod route;
mod source;
mod ssh;
mod staging;
mod submodules;
mod tool_access;

pub use address::{UrlFault, is_local, validate_url};
pub use check_out::{CheckedOut, check_out, check_out_unless};
pub use commit::{CommitSha, NotACommitSha};
pub use containment::{PathFault, contained};
pub use error::CheckoutError;
pub use hosts::{AllowedHosts, HostFault};
pub use programs::missing_program;
pub use reference::{RefFault, validate_ref};
pub use source::{Credentials, GitSource, Options};
pub use staging::remove_unfinished;
pub(crate) use tool_access::variables_for_tool;
