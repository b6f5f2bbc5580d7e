//! Carries one run to its end, whatever becomes of the runner that shows it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::asking::{AskAgain, ask, harder};
use super::job::{Job, sentence};
use crate::client::{ClientError, Run, RunEvent};
use crate::protocol::{Event, Outcome, Request, RunResult};
use crate::session::log::RunLines;
use crate::session::state::Stop;

/// The pause before a run is looked for again, at first and at most; it doubles from one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long the runner may stay away before the result of a run that nobody carries is read without it.
const STAYS_AWAY: Duration = Duration::from_secs(5);
/// How long a run that nobody carries is looked for without any result.
const GIVEN_UP: Duration = Duration::from_secs(10 * 60);

/// How a run came out.
#[derive(Debug)]
pub(super) enum Followed {
    /// There is a result.
    Ended(Box<RunResult>),
    /// It was announced and never begun, and now it cannot begin any more.
    NeverBegun,
    /// The runner could not be started: nothing ran.
    NotStarted(String),
    /// It cannot be known how it ended.
    Lost(String),
}

impl Job {
    /// Carries a run with a run directory to its end: one that this request begins, or, without one, a run
    /// that a former process began or was about to begin.
    ///
    /// Should the runner's front go away, the supervisor carries the run on, and it is attached to. That it
    /// cannot be attached to now says nothing of the run: it is tried again for as long as somebody carries
    /// the run, or nobody can look.
    pub(super) async fn follow_run(&self, begin: Option<Request>, run: &str) -> Followed {
        let mut is_attached = begin.is_none();
        let mut sight = match begin {
            Some(mut request) => {
                request.run_dir = Some(self.place.run(run));
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
                // The runner ended before it had made the record without which it starts nothing.
                Sight::NeverBegun if is_own => return Followed::NotStarted(search.why),
                Sight::NeverBegun => return Followed::NeverBegun,
                Sight::None(why) => why,
            };
            is_attached = true;
            if search.why != why {
                self.say(&format!("[lost sight of the run, looking for it: {why}]"));
                search.why = why;
            }
            if let Some(end) = self.end_without_runner(run, &mut search) {
                return end;
            }
            search.pause().await;
            sight = self.look_for(run);
        }
    }

    /// What became of a run that nobody carries any more, once the runner has stayed away for long enough.
    fn end_without_runner(&self, run: &str, search: &mut Search) -> Option<Followed> {
        match self.place.is_supervised(run) {
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
        if let Some(result) = self.place.result_of(run) {
            self.say(&format!(
                "[the rest of what it printed is in `{}`]",
                self.place.run(run).join("output.log").display()
            ));
            return Some(Followed::Ended(Box::new(result)));
        }
        (alone_for >= GIVEN_UP).then(|| Followed::Lost(search.why.clone()))
    }

    /// Whether a result that `attach` gave is the run's, and not `attach`'s own about a directory that it
    /// could not read.
    fn is_of_run(&self, result: &RunResult, run: &str) -> bool {
        match result.outcome {
            Outcome::InvalidRequest | Outcome::NotStarted => self
                .place
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

    /// Runs a command that changes nothing and whose output is read, not logged.
    pub(super) async fn read(&self, request: Request) -> Result<RunResult, ClientError> {
        let mut given = None;
        let run = self.settings.runner.spawn(&self.masked(request))?;
        let canceller = run.canceller();
        let mut stop = self.stop.clone();
        let mut wait = std::pin::pin!(run.wait());
        loop {
            tokio::select! {
                result = &mut wait => return result,
                wanted = harder(&mut stop, given) => {
                    ask(&canceller, wanted);
                    given = Some(wanted);
                }
            }
        }
    }

    /// Attaches to a run that was begun. One that was not never will be after this.
    fn look_for(&self, run: &str) -> Sight {
        match self.place.fence(run) {
            Ok(true) => return Sight::NeverBegun,
            Ok(false) => {}
            Err(fault) => {
                return Sight::None(format!(
                    "the run directory of `{run}` cannot be looked into: {fault}"
                ));
            }
        }
        match self.settings.runner.attach(self.place.run(run)) {
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
                            self.say(&format!("[{message}; it is asked for again]"));
                        }
                        self.log_event(&event, lines);
                    }
                    None => return run.wait().await,
                },
                wanted = harder(&mut stop, given) => {
                    ask(&canceller, wanted);
                    given = Some(wanted);
                }
                () = ask_again.is_due() => {
                    if let Some(wanted) = given {
                        ask(&canceller, wanted);
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
                // As part of what the run prints, so that it is counted like any of its lines.
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

/// What is seen of a run that was lost sight of.
#[derive(Debug)]
enum Sight {
    /// It is followed.
    Run(Run),
    /// It cannot begin any more.
    NeverBegun,
    /// Nothing, and why.
    None(String),
}

/// How the search for a run goes.
#[derive(Debug)]
struct Search {
    /// The next pause.
    pause: Duration,
    /// Most events that were seen at a time: each attach shows them from the first one on.
    furthest: u64,
    /// Whether the tool was seen to start.
    has_begun: bool,
    /// What was wrong the last time; told once.
    why: String,
    /// Since when nobody is known to carry the run.
    alone_since: Option<Instant>,
    stop: watch::Receiver<Option<Stop>>,
    /// The stop that has ended a pause already.
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

    /// Takes in an event; one further than any before is progress.
    fn note(&mut self, events: u64, event: &RunEvent) {
        self.has_begun |= matches!(event, RunEvent::Known(Event::Started { .. }));
        if events > self.furthest {
            self.furthest = events;
            self.pause = FIRST_PAUSE;
        }
    }

    /// Waits before the next look; a stop that is asked for is not made to wait.
    async fn pause(&mut self) {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            wanted = harder(&mut self.stop, self.given) => self.given = Some(wanted),
        }
    }
}
