//! Performs a checkout.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::git::arguments;
use super::git::{Finished, Git, GitCall, OnLine, Touches};
use super::source::commit::CommitSha;
use super::source::reference;
use super::source::reference::RefTarget;
use super::source::{GitSource, Options};
use super::staging::{Staging, at};
use super::{CheckoutError, PathFault, contained, validate_ref, validate_url};

/// How long to wait for killed processes; only a process that hangs in the kernel takes longer.
const KILLED_TO_REAPED: Duration = Duration::from_secs(10);

/// A complete checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedOut {
    /// The commit that is checked out, whichever ref was requested.
    pub commit: CommitSha,
    /// The absolute path of the repository's root.
    pub root: PathBuf,
    /// The absolute path of the requested directory in it, with symbolic links resolved.
    pub work_dir: PathBuf,
}

/// Checks out a commit of a repository, without its history, into a new directory.
///
/// `into` must not exist, or be an empty directory. The checkout is made beside it and renamed, so that it exists
/// completely or not at all. `on_line` gets each line that git prints: masked, without control characters, at most
/// 1000 characters long; of each progress phase only the last state. [`Options::progress`] gets all of them.
///
/// Dropping the future kills git; a thread then waits for its end and removes its files.
///
/// Must be called within a tokio runtime that has I/O and time enabled.
///
/// # Errors
/// The checkout failed; nothing is left of it.
pub async fn check_out(
    source: &GitSource,
    into: &Path,
    options: &Options,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<CheckedOut, CheckoutError> {
    check_out_unless(source, into, options, on_line, std::future::pending()).await
}

/// Does the same as [`check_out`], unless `stop` completes first.
///
/// Then git is killed. When this function returns, git has ended and its files are removed.
///
/// # Errors
/// As for [`check_out`], and [`CheckoutError::Stopped`].
pub async fn check_out_unless(
    source: &GitSource,
    into: &Path,
    options: &Options,
    on_line: &mut (dyn FnMut(&str) + Send),
    stop: impl Future<Output = ()>,
) -> Result<CheckedOut, CheckoutError> {
    let (alive, mut all_over) = mpsc::channel::<()>(1);
    let outcome = {
        let work = perform(source, into, options, alive, on_line);
        tokio::select! {
            outcome = timeout(options.timeout, work) => outcome,
            () = stop => Ok(Err(CheckoutError::Stopped)),
        }
    };
    // Waits until all senders are dropped: at once, unless a process was killed just now.
    let _ = timeout(KILLED_TO_REAPED, all_over.recv()).await;
    outcome.unwrap_or(Err(CheckoutError::TimedOut {
        after: options.timeout,
    }))
}

/// Attempts the checkout, and once more with `.git` appended to the URL: some servers redirect there, and redirects
/// are not followed.
async fn perform(
    source: &GitSource,
    into: &Path,
    options: &Options,
    alive: mpsc::Sender<()>,
    on_line: OnLine<'_>,
) -> Result<CheckedOut, CheckoutError> {
    let attempted = attempt(source, into, options, alive.clone(), &mut *on_line).await;
    let Err(CheckoutError::Redirected { url }) = attempted else {
        return attempted;
    };
    let without_slash = url.trim_end_matches('/');
    if without_slash.ends_with(".git") {
        return Err(CheckoutError::Redirected { url });
    }
    let with_ending = GitSource {
        url: format!("{without_slash}.git"),
        ..source.clone()
    };
    let attempted = attempt(&with_ending, into, options, alive, on_line).await;
    match attempted {
        // Report the URL that the caller passed.
        Err(CheckoutError::Redirected { .. } | CheckoutError::NoSuchRepository { .. }) => {
            Err(CheckoutError::Redirected { url })
        }
        attempted => attempted,
    }
}

async fn attempt(
    source: &GitSource,
    into: &Path,
    options: &Options,
    alive: mpsc::Sender<()>,
    on_line: OnLine<'_>,
) -> Result<CheckedOut, CheckoutError> {
    validate_ref(&source.git_ref).map_err(|fault| CheckoutError::Ref {
        git_ref: source.git_ref.clone(),
        source: fault,
    })?;
    validate_url(&source.url)?;
    let into = std::path::absolute(into).map_err(at(into))?;
    let staging = Arc::new(Staging::next_to(&into)?);
    let checkout = Checkout {
        git: Git::new(source, options, &staging, alive).await?,
        source,
        staging,
    };
    // A mirror has no history.
    let mirror_cache = options.mirror_cache.as_ref();
    let fetched = match mirror_cache.filter(|_| source.depth.is_none()) {
        None => checkout.fetch(on_line).await?,
        Some(cache) => {
            let wanted = checkout.resolve(on_line).await?;
            checkout
                .make_repository(wanted.object_format(), on_line)
                .await?;
            checkout.fetch_through(cache, &wanted, on_line).await?;
            wanted.to_string()
        }
    };
    let commit = checkout.switch(&fetched, on_line).await?;
    if let Some(depth) = source.depth {
        let args = arguments::fetch_tags(&source.url, depth);
        let fetched = checkout.here(args, Touches::Source, on_line).await?;
        fetched.or_refused(source, &checkout.git.address)?;
    }
    checkout.fetch_large_files(on_line).await?;
    checkout.hand_over(commit, &into)
}

/// A checkout in progress.
pub(super) struct Checkout<'a> {
    pub(super) git: Git,
    pub(super) source: &'a GitSource,
    pub(super) staging: Arc<Staging>,
}

impl Checkout<'_> {
    /// Asks the server what the ref refers to; an answer shows that the credentials are valid.
    pub(super) async fn resolve(&self, on_line: OnLine<'_>) -> Result<CommitSha, CheckoutError> {
        let wanted = RefTarget::of(&self.source.git_ref);
        let args = arguments::list(&self.source.url, &wanted.questions());
        let finished = self.here(args, Touches::Source, on_line).await?;
        let listing = finished.or_refused(self.source, &self.git.address)?;
        wanted.resolved(&listing).ok_or_else(|| self.absent())
    }

    pub(super) async fn make_repository(
        &self,
        object_format: &str,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let args = arguments::init(object_format);
        let finished = self.here(args, Touches::Disk, on_line).await?;
        finished.or_failed().map(drop)
    }

    /// Checks out the fetched commit, by a name that the repository has for it.
    async fn switch(&self, fetched: &str, on_line: OnLine<'_>) -> Result<CommitSha, CheckoutError> {
        let args = arguments::switch_to(fetched);
        let switched = self.here(args, Touches::Disk, on_line).await?;
        if !switched.succeeded {
            let args = arguments::commit_of(fetched);
            let found = self.here(args, Touches::Disk, on_line).await?;
            found.or_failed().map_err(|_| self.not_a_commit())?;
        }
        switched.or_failed()?;
        let commit = self.head()?;
        if self.source.submodules {
            let args = arguments::set_origin(&self.source.url);
            self.here(args, Touches::Disk, on_line).await?.or_failed()?;
            self.fetch_submodules(on_line).await?;
        }
        Ok(commit)
    }

    /// Returns the commit that is checked out; for a tag, the commit that it points to.
    fn head(&self) -> Result<CommitSha, CheckoutError> {
        let path = self.staging.path().join(".git/HEAD");
        let head = std::fs::read_to_string(&path).map_err(at(&path))?;
        // Detached, so `HEAD` does not contain the name of a branch.
        head.trim().parse().map_err(|_| self.not_a_commit())
    }

    /// Moves the checkout into place, if it contains the requested directory.
    fn hand_over(&self, commit: CommitSha, into: &Path) -> Result<CheckedOut, CheckoutError> {
        let staged = self.staging.path();
        let work_dir = contained(staged, &self.source.path)?;
        if !work_dir.is_dir() {
            let path = self.source.path.clone();
            return Err(PathFault::NotADirectory { path }.into());
        }
        let inside = work_dir.strip_prefix(staged).unwrap_or(Path::new(""));
        let root = self.staging.put_in_place(into)?;
        Ok(CheckedOut {
            commit,
            // Not `join`, which would append a slash to the root.
            work_dir: root.components().chain(inside.components()).collect(),
            root,
        })
    }

    /// Runs git in the directory that becomes the checkout.
    pub(super) async fn here(
        &self,
        args: Vec<String>,
        touches: Touches,
        on_line: OnLine<'_>,
    ) -> Result<Finished, CheckoutError> {
        let call = GitCall {
            args,
            in_dir: self.staging.path(),
            touches,
            route: None,
            writes: &[],
            keep: Arc::clone(&self.staging) as _,
        };
        self.git.run(call, on_line).await
    }

    /// Returns the error for a ref that the repository does not have.
    pub(super) fn absent(&self) -> CheckoutError {
        let git_ref = self.source.git_ref.clone();
        if reference::is_abbreviated(&git_ref) && git_ref.parse::<CommitSha>().is_err() {
            return CheckoutError::AbbreviatedCommit { git_ref };
        }
        CheckoutError::NoSuchRef {
            url: self.source.url.clone(),
            git_ref,
        }
    }

    fn not_a_commit(&self) -> CheckoutError {
        CheckoutError::NotACommit {
            url: self.source.url.clone(),
            git_ref: self.source.git_ref.clone(),
        }
    }
}
