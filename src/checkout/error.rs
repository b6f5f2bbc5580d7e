//! Errors of a checkout.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::containment::PathFault;
use super::source::address::UrlFault;
use super::source::hosts::HostFault;
use super::source::reference::RefFault;

/// A checkout that failed.
///
/// Nothing is left of it: the same call may be repeated. `said` is the end of what git, ssh or the server printed,
/// masked and bounded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// The URL is not accepted.
    #[error("the URL of the repository is not taken")]
    Url(#[from] UrlFault),
    /// The ref is not accepted.
    #[error("`{git_ref}` is not taken as a ref")]
    Ref {
        /// The given ref.
        git_ref: String,
        /// What is wrong with it.
        source: RefFault,
    },
    /// An abbreviated commit id, and no branch or tag has this name.
    #[error(
        "`{git_ref}` is no branch or tag, and as an abbreviated commit it cannot be fetched: \
         servers give out commits by their full name, give all 40 or 64 digits"
    )]
    AbbreviatedCommit {
        /// The given ref.
        git_ref: String,
    },
    /// The credentials are of another kind than the URL needs, or contain invalid values.
    #[error("the credentials do not fit: {reason}")]
    UnfitCredentials {
        /// What is wrong.
        reason: &'static str,
    },
    /// The target of the checkout already exists.
    #[error("`{}` exists and is not an empty directory", .into.display())]
    Occupied {
        /// The target.
        into: PathBuf,
    },
    /// No git was found on `PATH`.
    #[error("`git` was not found on PATH")]
    GitMissing,
    /// The host of the repository or of a submodule is not allowed.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// The server answers with a redirect, and redirects are not followed.
    #[error("`{url}` is redirected, which is not followed: give the address that it leads to")]
    Redirected {
        /// The given URL.
        url: String,
    },
    /// Submodules are nested too deeply.
    #[error("there are more than {most} levels of submodules")]
    TooManyLevels {
        /// The limit.
        most: usize,
    },
    /// The list of submodules is too long.
    #[error("the list of submodules is too long")]
    TooManySubmodules,
    /// A sandbox is required, and the kernel can't make a complete one.
    #[error(
        "git can't be confined: the sandbox is required, and the kernel can't make a complete one"
    )]
    NoSandbox,
    /// Files of the repository are in Git LFS, and `git-lfs` is not installed.
    #[error(
        "`{file}` is in Git LFS, and `git-lfs` was not found on PATH: install it, or keep the file in the repository itself"
    )]
    LfsMissing {
        /// One of the files, relative to the root of the repository.
        file: String,
    },
    /// The server requires other credentials, or any.
    #[error(
        "`{host}` did not accept the credentials for `{url}`, or there is no such repository: \
         servers do not tell these apart{}", said_text(.said)
    )]
    BadCredentials {
        /// The host.
        host: String,
        /// The repository.
        url: String,
        /// The end of the output.
        said: String,
    },
    /// The server's host key does not match any given key.
    #[error(
        "the host key of `{host}` is not a known one; the connection may be intercepted{}", said_text(.said)
    )]
    HostKeyMismatch {
        /// The host.
        host: String,
        /// The end of the output.
        said: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error("`{url}` has no branch, tag or commit `{git_ref}`")]
    NoSuchRef {
        /// The repository.
        url: String,
        /// The given ref.
        git_ref: String,
    },
    /// The ref does not refer to a commit.
    #[error("`{git_ref}` of `{url}` is not a commit")]
    NotACommit {
        /// The repository.
        url: String,
        /// The given ref.
        git_ref: String,
    },
    /// The server has no such repository, or hides it from these credentials.
    #[error(
        "there is no repository `{url}`, or the credentials may not see it: \
         servers do not tell these apart{}", said_text(.said)
    )]
    NoSuchRepository {
        /// The given URL.
        url: String,
        /// The end of the output.
        said: String,
    },
    /// The server does not answer.
    #[error("`{host}` cannot be reached{}", said_text(.said))]
    Unreachable {
        /// The host.
        host: String,
        /// The end of the output.
        said: String,
    },
    /// The directory to work in does not exist, or leaves the repository.
    #[error("the directory to work in is not taken")]
    Path(#[from] PathFault),
    /// The checkout exceeded its timeout, and was stopped.
    #[error("the checkout did not end within {} s", .after.as_secs_f64())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The caller stopped the checkout.
    #[error("the checkout was stopped")]
    Stopped,
    /// A directory or file of the checkout could not be created.
    #[error("`{}` could not be prepared", .path.display())]
    Filesystem {
        /// Which one.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Git could not be started or waited for, or the credentials could not be passed to it.
    #[error("git could not be run")]
    Run(#[source] io::Error),
    /// Git failed for any other reason.
    #[error("`git {step}` failed{}", said_text(.said))]
    Git {
        /// The subcommand.
        step: String,
        /// The end of the output.
        said: String,
    },
}

fn said_text(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!("; it said: {said}"),
    }
}
