//! Follows one run to its end, even if the runner that shows it ends.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::stop_run::{AskAgain, harder, request_stop};
use crate::client::{ClientError, Run, RunEvent};
use crate::protocol::{Event, Outcome, Request, RunResult, run_files};
use crate::session::executor::step_context::{StepContext, sentence};
use crate::session::machine::state::Stop;
use crate::session::storage::log::RunLines;

/// First and longest pause before the next search for a run; the pause doubles from one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long to wait for the runner before reading the result of an unsupervised run without it.
const STAYS_AWAY: Duration = Duration::from_secs(5);
/// How long to look for an unsupervised run without any result.
const GIVEN_UP: Duration = Duration::from_secs(10 * 60);

/// Outcome of following a run.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The run has a result.
    Ended(Box<RunResult>),
    /// The run was announced but never began, and can no longer begin.
    NeverBegun,
    /// The runner could not be started: nothing ran.
    NotStarted(String),
    /// How the run ended cannot be determined.
    Lost(String),
}

impl StepContext {
    /// Follows a run with a run directory to its end: a run that `begin` starts, or, without it, a run that a
    /// former process began or was about to begin.
    ///
    /// If the runner's front process ends, the supervisor continues the run, and this attaches to it. A failed
    /// attempt to attach says nothing about the run: this tries again as long as the run has a supervisor or its
    /// state cannot be read.
    pub(crate) async fn follow_run(&self, begin: Option<Request>, run: &str) -> Followed {
        let mut is_attached = begin.is_none();
        let mut sight = match begin {
            Some(mut request) => {
                request.run_dir = Some(self.session_dir.run(run));
                match self.settings.runner.spawn(&self.masked(request)) {
                    Ok(handle) => Sight::Run(handle),
                    Err(fault) => return Followed::NotStarted(sentence(&fault)),
                }
            }
            None => self.look_for(run),
        };
        let is_own = !is_attached;
        let mut search = Search::new(self.stop.clone());
        loop {
            let why = match sight {
                Sight::Run(handle) => {
                    let mut lines = RunLines::new(run.to_owned(), self.log.lines_of(run));
                    let seen = self.follow(handle, &mut lines, &mut search).await;
                    match seen {
                        Ok(result) if !is_attached || self.is_of_run(&result, run) => {
                            let last_line = lines.finish();
                            self.log.add(self.phase, Some(lines.run()), &last_line);
                            return Followed::Ended(Box::new(result));
                        }
                        Ok(result) => result.error_msg,
                        Err(fault) => sentence(&fault),
                    }
                }
                Sight::NeverBegun if search.has_begun => {
                    let error =
                        format!("the run directory of `{run}` is gone, and the run had begun");
                    return Followed::Lost(error);
                }
                // The runner ended before it wrote the record without which it starts nothing.
                Sight::NeverBegun if is_own => return Followed::NotStarted(search.why),
                Sight::NeverBegun => return Followed::NeverBegun,
                Sight::None(why) => why,
            };
            is_attached = true;
            if search.why != why {
                self.log(&format!("[lost sight of the run, looking for it: {why}]"));
                search.why = why;
            }
            if let Some(end) = self.end_without_runner(run, &mut search) {
                return end;
            }
            search.pause().await;
            sight = self.look_for(run);
        }
    }

    /// Returns what happened to an unsupervised run, once the runner was away for long enough.
    fn end_without_runner(&self, run: &str, search: &mut Search) -> Option<Followed> {
        match self.session_dir.is_supervised(run) {
            Ok(false) => {}
            Ok(true) | Err(_) => {
                search.alone_since = None;
                return None;
            }
        }
        let alone_for = search
            .alone_since
            .get_or_insert_with(Instant::now)
            .elapsed();
        if alone_for < STAYS_AWAY {
            return None;
        }
        if let Some(result) = self.session_dir.result_of(run) {
            self.log(&format!(
                "[the rest of what it printed is in `{}`]",
                self.session_dir.run(run).join(run_files::OUTPUT).display()
            ));
            return Some(Followed::Ended(Box::new(result)));
        }
        (alone_for >= GIVEN_UP).then(|| Followed::Lost(search.why.clone()))
    }

    /// Returns whether a result from `attach` belongs to the run, rather than to `attach` itself because it could
    /// not read the directory.
    fn is_of_run(&self, result: &RunResult, run: &str) -> bool {
        match result.outcome {
            Outcome::InvalidRequest | Outcome::NotStarted => self
                .session_dir
                .result_of(run)
                .is_some_and(|recorded| recorded.outcome == result.outcome),
            Outcome::Succeeded
            | Outcome::Failed
            | Outcome::TimedOut
            | Outcome::Cancelled
            | Outcome::Killed
            | Outcome::Unknown => true,
        }
    }

    /// Runs a command that changes nothing. Its output is read, not logged.
    pub(crate) async fn read(&self, request: Request) -> Result<RunResult, ClientError> {
        let mut given = None;
        let run = self.settings.runner.spawn(&self.masked(request))?;
        let canceller = run.canceller();
        let mut stop = self.stop.clone();
        let mut wait = std::pin::pin!(run.wait());
        loop {
            tokio::select! {
                result = &mut wait => return result,
                wanted = harder(&mut stop, given) => {
                    request_stop(&canceller, wanted);
                    given = Some(wanted);
                }
            }
        }
    }

    /// Attaches to a run that began. A run that did not begin can no longer begin after this.
    fn look_for(&self, run: &str) -> Sight {
        match self.session_dir.fence(run) {
            Ok(true) => return Sight::NeverBegun,
            Ok(false) => {}
            Err(fault) => {
                return Sight::None(format!(
                    "the run directory of `{run}` cannot be looked into: {fault}"
                ));
            }
        }
        match self.settings.runner.attach(self.session_dir.run(run)) {
            Ok(handle) => Sight::Run(handle),
            Err(fault) => Sight::None(sentence(&fault)),
        }
    }

    async fn follow(
        &self,
        mut run: Run,
        lines: &mut RunLines,
        search: &mut Search,
    ) -> Result<RunResult, ClientError> {
        let mut events = 0;
        let canceller = run.canceller();
        let mut stop = self.stop.clone();
        let mut given = None;
        let mut ask_again = AskAgain::default();
        loop {
            tokio::select! {
                event = run.next_event() => match event {
                    Some(event) => {
                        events += 1;
                        search.note(events, &event);
                        if let RunEvent::StopFailed { message } = &event
                            && ask_again.note(message)
                        {
                            self.log(&format!("[{message}; it is asked for again]"));
                        }
                        self.log_event(&event, lines);
                    }
                    None => return run.wait().await,
                },
                wanted = harder(&mut stop, given) => {
                    request_stop(&canceller, wanted);
                    given = Some(wanted);
                }
                () = ask_again.is_due() => {
                    if let Some(wanted) = given {
                        request_stop(&canceller, wanted);
                    }
                }
            }
        }
    }

    fn log_event(&self, event: &RunEvent, lines: &mut RunLines) {
        match event {
            RunEvent::Known(Event::Output { text, .. }) => {
                let new = lines.push(text);
                self.log.add(self.phase, Some(lines.run()), &new);
            }
            RunEvent::Known(Event::Warning { message, .. }) => {
                // Logged as part of the run's output, so that it is counted like any other line of the run.
                let new = lines.warn(message);
                self.log.add(self.phase, Some(lines.run()), &new);
            }
            RunEvent::Known(
                Event::Started { .. } | Event::Stopping { .. } | Event::Result { .. },
            )
            | RunEvent::StopFailed { .. }
            | RunEvent::Other { .. } => {}
        }
    }
}

/// Result of looking for a run after contact was lost.
#[derive(Debug)]
enum Sight {
    /// The run is followed again.
    Run(Run),
    /// The run can no longer begin.
    NeverBegun,
    /// Not found, with the reason.
    None(String),
}

/// Progress of the search for a run.
#[derive(Debug)]
struct Search {
    /// The next pause.
    pause: Duration,
    /// Largest number of events seen in one attach: each attach shows them from the first.
    furthest: u64,
    /// Whether the tool was seen to start.
    has_begun: bool,
    /// The last error; logged once.
    why: String,
    /// Since when the run is known to be unsupervised.
    alone_since: Option<Instant>,
    stop: watch::Receiver<Option<Stop>>,
    /// The stop that has already ended a pause.
    given: Option<Stop>,
}

impl Search {
    const fn new(stop: watch::Receiver<Option<Stop>>) -> Self {
        Self {
            pause: FIRST_PAUSE,
            furthest: 0,
            has_begun: false,
            why: String::new(),
            alone_since: None,
            stop,
            given: None,
        }
    }

    /// Records an event; an event beyond all earlier ones counts as progress.
    fn note(&mut self, events: u64, event: &RunEvent) {
        self.has_begun |= matches!(event, RunEvent::Known(Event::Started { .. }));
        if events > self.furthest {
            self.furthest = events;
            self.pause = FIRST_PAUSE;
        }
    }

    /// Waits before the next attempt; a stop request ends the wait.
    async fn pause(&mut self) {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            wanted = harder(&mut self.stop, self.given) => self.given = Some(wanted),
        }
    }
}
