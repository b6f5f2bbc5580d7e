//! Queues status changes for a subscriber, including those between two polls.

use std::collections::VecDeque;

use iac_runner::session::{Phase, Snapshot, Status};

/// Status and phase of a deployment.
pub(crate) type StatusAndPhase = (Status, Phase);

/// The status changes that a subscriber has been sent, and those still to send.
#[derive(Debug, Default)]
pub(crate) struct StatusEvents {
    /// Whether the deployment needs no approval, so that no wait for one is reported.
    pub(crate) is_automatic: bool,
    last: Option<StatusAndPhase>,
    waiting: VecDeque<StatusAndPhase>,
}

impl StatusEvents {
    /// Records the state of a session and the steps that led to it.
    pub(crate) fn note(&mut self, now: &Snapshot) {
        let way = self.without_waits(way_to(now));
        let known = self.waiting.back().copied().or(self.last);
        let at = known.and_then(|known| way.iter().rposition(|place| *place == known));
        match at {
            Some(at) => self.waiting.extend(&way[at + 1..]),
            // A new subscriber gets the present state only.
            None => {
                self.note_alone((now.status, now.phase));
            }
        }
    }

    /// Records a state without the steps that led to it; returns whether it is new.
    ///
    /// The record may lag behind the session: once a deployment was reported as ended, it is not reported as running.
    pub(crate) fn note_alone(&mut self, now: StatusAndPhase) -> bool {
        let now = self.as_told(now);
        let known = self.waiting.back().copied().or(self.last);
        let is_over = known.is_some_and(|(_, phase)| phase == Phase::Completed);
        let is_news = known != Some(now) && !is_over;
        self.waiting.extend(is_news.then_some(now));
        is_news
    }

    fn as_told(&self, (status, phase): StatusAndPhase) -> StatusAndPhase {
        if self.is_automatic && status == Status::AwaitingApproval {
            (Status::Running, phase)
        } else {
            (status, phase)
        }
    }

    fn without_waits(&self, way: Vec<StatusAndPhase>) -> Vec<StatusAndPhase> {
        let mut way: Vec<StatusAndPhase> =
            way.into_iter().map(|place| self.as_told(place)).collect();
        way.dedup();
        way
    }

    /// Returns the next state to send.
    pub(crate) fn next(&mut self) -> Option<StatusAndPhase> {
        let next = self.waiting.pop_front();
        self.last = next.or(self.last);
        next
    }
}

/// Returns every state of a session, ending with the present one.
fn way_to(now: &Snapshot) -> Vec<StatusAndPhase> {
    let mut way = Vec::new();
    for times in &now.phases {
        let is_last = times.ended_at.is_none();
        way.push((Status::Running, times.phase));
        if times.phase == Phase::Plan && now.decision.is_some() && !is_last {
            way.push((Status::AwaitingApproval, Phase::Plan));
        }
    }
    let present = (now.status, now.phase);
    if now.phase == Phase::Completed {
        way.retain(|(_, phase)| *phase != Phase::Completed);
    }
    if way.last() != Some(&present) {
        way.push(present);
    }
    way
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use iac_runner::protocol::Tool;
    use iac_runner::session::{DecisionMade, Operation, PhaseTimes, Reason, Verdict};

    use super::*;

    fn snapshot(status: Status, phases: &[Phase]) -> Snapshot {
        let now = Utc::now();
        let last = phases.len() - 1;
        let times = phases.iter().enumerate().map(|(at, phase)| PhaseTimes {
            phase: *phase,
            started_at: now,
            ended_at: (at < last).then_some(now),
        });
        Snapshot {
            id: "6f1c2a52-7d55-4f2e-9d2b-3a1f0f1f7a11".parse().unwrap(),
            tool: Tool::Tofu,
            operation: Operation::Deploy,
            status,
            phase: phases[last],
            reason: (status == Status::Success).then_some(Reason::Applied),
            error: String::new(),
            warnings: Vec::new(),
            diagnosis: None,
            state: None,
            sandbox: None,
            started_at: now,
            ended_at: None,
            commit: None,
            plan_digest: None,
            approval_deadline: None,
            decision: None,
            stop_requested_by: None,
            phases: times.collect(),
        }
    }

    fn told(telling: &mut StatusEvents) -> Vec<StatusAndPhase> {
        std::iter::from_fn(|| telling.next()).collect()
    }

    #[test]
    fn what_is_approved_by_its_request_is_not_told_to_wait() {
        use Phase::{Apply, Init, Plan};
        use Status::{AwaitingApproval, Running};
        let mut telling = StatusEvents {
            is_automatic: true,
            ..StatusEvents::default()
        };
        telling.note(&snapshot(Running, &[Init]));
        telling.note(&snapshot(AwaitingApproval, &[Init, Plan]));
        telling.note(&snapshot(Running, &[Init, Plan, Apply]));
        assert!(!telling.note_alone((AwaitingApproval, Apply)));
        let all = [(Running, Init), (Running, Plan), (Running, Apply)];
        assert_eq!(told(&mut telling), all);
    }

    #[test]
    fn what_is_over_is_not_told_to_run() {
        let mut telling = StatusEvents::default();
        telling.note(&snapshot(Status::Success, &[Phase::Completed]));
        let over = (Status::Success, Phase::Completed);
        assert_eq!(told(&mut telling), [over]);
        assert!(!telling.note_alone((Status::Running, Phase::Apply)));
        assert_eq!(told(&mut telling), []);
    }

    #[test]
    fn what_lay_between_two_looks_is_told_in_order() {
        use Phase::{Apply, Cloning, Completed, Init, Initializing, Plan};
        use Status::{AwaitingApproval, Running, Success};
        let mut telling = StatusEvents::default();
        telling.note(&snapshot(Running, &[Initializing, Cloning]));
        assert_eq!(told(&mut telling), [(Running, Cloning)]);
        telling.note(&snapshot(Running, &[Initializing, Cloning]));
        assert_eq!(told(&mut telling), []);
        telling.note(&snapshot(
            AwaitingApproval,
            &[Initializing, Cloning, Init, Plan],
        ));
        let expected = [(Running, Init), (Running, Plan), (AwaitingApproval, Plan)];
        assert_eq!(told(&mut telling), expected);
        let mut ended = snapshot(
            Success,
            &[Initializing, Cloning, Init, Plan, Apply, Completed],
        );
        ended.decision = Some(DecisionMade {
            verdict: Verdict::Approved,
            by: "ann".to_owned(),
            comment: String::new(),
            at: Utc::now(),
        });
        telling.note(&ended);
        assert_eq!(told(&mut telling), [(Running, Apply), (Success, Completed)]);
        let mut late = StatusEvents::default();
        late.note(&ended);
        assert_eq!(told(&mut late), [(Success, Completed)]);
    }

    #[test]
    fn what_is_known_from_elsewhere_is_told_once() {
        let mut telling = StatusEvents::default();
        let place = (Status::Running, Phase::Init);
        assert!(telling.note_alone(place));
        assert!(!telling.note_alone(place));
        assert_eq!(told(&mut telling), [place]);
        assert!(!telling.note_alone(place));
    }
}
