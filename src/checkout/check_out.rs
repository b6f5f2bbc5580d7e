//! The story of a checkout.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::arguments;
use super::commit::CommitSha;
use super::failure::Failure;
use super::git::{Call, Finished, Git, OnLine, Touches};
use super::mirror::Mirror;
use super::reference::{self, Wanted};
use super::source::{GitSource, Options};
use super::staging::{Staging, at};
use super::{CheckoutError, PathFault, contained, validate_ref, validate_url};

/// How long killed processes are waited for; only one that hangs in the kernel takes longer.
const KILLED_TO_REAPED: Duration = Duration::from_secs(10);

/// A checkout that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedOut {
    /// The commit that is checked out, whatever it was asked for by.
    pub commit: CommitSha,
    /// The root of the repository, absolute.
    pub root: PathBuf,
    /// The directory in it that was asked for, absolute, with symbolic links resolved.
    pub work_dir: PathBuf,
}

/// Checks a commit of a repository out, without its history, into a new directory.
///
/// `into` must not exist, or be an empty directory. It is made beside its place and renamed into it, so it is
/// there whole or not at all. `on_line` gets each line of git's progress: masked, without control characters,
/// at most 1000 characters long.
///
/// Dropping the future kills git; a thread then waits for its end and removes what it had made.
///
/// Must be called within a tokio runtime that has I/O and time enabled.
///
/// # Errors
/// When there is no checkout; nothing is left of it then.
pub async fn check_out(
    source: &GitSource,
    into: &Path,
    options: &Options,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<CheckedOut, CheckoutError> {
    let (alive, mut all_over) = mpsc::channel::<()>(1);
    let work = perform(source, into, options, alive, on_line);
    let outcome = timeout(options.timeout, work).await;
    // Until nobody holds the other end: at once, unless something was killed just now.
    let _ = timeout(KILLED_TO_REAPED, all_over.recv()).await;
    outcome.unwrap_or(Err(CheckoutError::TimedOut {
        after: options.timeout,
    }))
}

async fn perform(
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
    let staging = Arc::new(Staging::beside(&into)?);
    let checkout = Checkout {
        git: Git::new(source, staging.parent().to_owned(), alive)?,
        source,
        staging,
    };
    let wanted = checkout.resolve(on_line).await?;
    checkout.make_repository(&wanted, on_line).await?;
    match &options.mirror_cache {
        None => checkout.fetch(&wanted, on_line).await?,
        Some(cache) => checkout.fetch_through(cache, &wanted, on_line).await?,
    }
    let commit = checkout.switch(&wanted, on_line).await?;
    checkout.hand_over(commit, &into)
}

struct Checkout<'a> {
    git: Git,
    source: &'a GitSource,
    staging: Arc<Staging>,
}

impl Checkout<'_> {
    /// Asks the server what the ref stands for; that it answers shows that the credentials are good.
    async fn resolve(&self, on_line: OnLine<'_>) -> Result<CommitSha, CheckoutError> {
        let wanted = Wanted::of(&self.source.git_ref);
        let args = arguments::list(&self.source.url, &wanted.questions());
        let finished = self.here(args, Touches::Source, on_line).await?;
        let listing = finished.or_refused(self.source, &self.git.address)?;
        wanted.resolved(&listing).ok_or_else(|| self.absent())
    }

    async fn make_repository(
        &self,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let args = arguments::init(wanted);
        let finished = self.here(args, Touches::Disk, on_line).await?;
        finished.or_failed().map(drop)
    }

    /// Fetches from the server.
    async fn fetch(&self, wanted: &CommitSha, on_line: OnLine<'_>) -> Result<(), CheckoutError> {
        let url = &self.source.url;
        let args = arguments::fetch_commit(url, wanted);
        let fetched = self.here(args, Touches::Source, on_line).await?;
        if fetched.succeeded || fetched.failure() != Failure::OnlyTips {
            return fetched.or_refused(self.source, &self.git.address).map(drop);
        }
        let args = arguments::fetch_all(url);
        let fetched = self.here(args, Touches::Source, on_line).await?;
        fetched.or_refused(self.source, &self.git.address)?;
        let args = arguments::commit_of(wanted.as_str());
        let found = self.here(args, Touches::Disk, on_line).await?;
        if found.succeeded {
            Ok(())
        } else {
            Err(self.absent())
        }
    }

    /// Fetches what is new into the mirror, and from there.
    ///
    /// Where that fails, the mirror or the server may be at fault: a new mirror, made beside it, tells. It takes
    /// the place of the old one only if it is whole, so a server that breaks off costs nothing that is there.
    async fn fetch_through(
        &self,
        cache: &Path,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let mirror = Mirror::lock(cache, &self.source.url).await?;
        match self.fetch_by(&mirror, wanted, on_line).await {
            Err(CheckoutError::Git { .. } | CheckoutError::Filesystem { .. }) => {
                let fresh = mirror.beside();
                fresh.discard();
                match self.fetch_by(&fresh, wanted, on_line).await {
                    Ok(()) => fresh.replace(&mirror),
                    Err(fault) => {
                        fresh.discard();
                        Err(fault)
                    }
                }
            }
            outcome => outcome,
        }
    }

    async fn fetch_by(
        &self,
        mirror: &Mirror,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        if mirror.is_made() {
            mirror.sweep();
        } else {
            mirror.clear()?;
            let args = arguments::init_bare(wanted);
            let made = self.in_mirror(mirror, args, Touches::Disk, on_line).await?;
            made.or_failed()?;
            mirror.mark()?;
        }
        let args = arguments::commit_of(&arguments::kept_ref(wanted));
        let kept = self.in_mirror(mirror, args, Touches::Disk, on_line).await?;
        if !kept.succeeded {
            self.update(mirror, wanted, on_line).await?;
        }
        let here = mirror.path.display().to_string();
        let args = arguments::fetch_commit(&here, wanted);
        let call = Call {
            args,
            in_dir: self.staging.path(),
            touches: Touches::Mirror,
            keep: Arc::new((Arc::clone(&self.staging), Arc::clone(&mirror.lock))),
        };
        let copied = self.git.run(call, on_line).await?;
        copied.or_failed().map(drop)
    }

    /// Fetches from the server what the mirror lacks.
    async fn update(
        &self,
        mirror: &Mirror,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<(), CheckoutError> {
        let url = &self.source.url;
        let args = arguments::fetch_and_keep(url, wanted);
        let fetched = self
            .in_mirror(mirror, args, Touches::Source, on_line)
            .await?;
        if fetched.succeeded || fetched.failure() != Failure::OnlyTips {
            return fetched.or_refused(self.source, &self.git.address).map(drop);
        }
        let args = arguments::fetch_all(url);
        let fetched = self
            .in_mirror(mirror, args, Touches::Source, on_line)
            .await?;
        fetched.or_refused(self.source, &self.git.address)?;
        let args = arguments::keep(wanted);
        let kept = self.in_mirror(mirror, args, Touches::Disk, on_line).await?;
        if kept.succeeded {
            Ok(())
        } else {
            Err(self.absent())
        }
    }

    /// Fills the directory.
    async fn switch(
        &self,
        wanted: &CommitSha,
        on_line: OnLine<'_>,
    ) -> Result<CommitSha, CheckoutError> {
        let args = arguments::commit_of(wanted.as_str());
        let found = self.here(args, Touches::Disk, on_line).await?;
        let commit: CommitSha = found
            .stdout
            .trim()
            .parse()
            .map_err(|_| self.not_a_commit())?;
        let args = arguments::switch_to(&commit);
        let switched = self.here(args, Touches::Disk, on_line).await?;
        switched.or_failed()?;
        if self.source.submodules {
            let args = arguments::set_origin(&self.source.url);
            self.here(args, Touches::Disk, on_line).await?.or_failed()?;
            let args = arguments::submodules();
            let filled = self.here(args, Touches::Submodules, on_line).await?;
            filled.or_failed()?;
        }
        Ok(commit)
    }

    /// Puts the whole in its place, if it has the directory that was asked for.
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
            work_dir: root.join(inside),
            root,
        })
    }

    async fn here(
        &self,
        args: Vec<String>,
        touches: Touches,
        on_line: OnLine<'_>,
    ) -> Result<Finished, CheckoutError> {
        let call = Call {
            args,
            in_dir: self.staging.path(),
            touches,
            keep: Arc::clone(&self.staging) as _,
        };
        self.git.run(call, on_line).await
    }

    async fn in_mirror(
        &self,
        mirror: &Mirror,
        args: Vec<String>,
        touches: Touches,
        on_line: OnLine<'_>,
    ) -> Result<Finished, CheckoutError> {
        let call = Call {
            args,
            in_dir: &mirror.path,
            touches,
            keep: Arc::clone(&mirror.lock) as _,
        };
        self.git.run(call, on_line).await
    }

    fn absent(&self) -> CheckoutError {
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
