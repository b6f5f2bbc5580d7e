//! Metrics for a monitoring system: counters, gauges and histograms, as OpenMetrics text.
//!
//! Counters and histograms cover this process since its start; the monitoring system adds up the processes. All
//! durations are in seconds.

mod label;
mod phase_timer;
mod responses;

use std::fmt;
use std::time::Duration;

use iac_runner::protocol::Diagnosis;
use iac_runner::session::{Operation, Reason, Snapshot, Status};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use self::phase_timer::PhaseTimer;
use label::{EndedAs, InPhase, OutcomeOf};
use responses::Responses;

/// Upper bounds in seconds: from a validation without providers to a plan that waits a day for approval.
const BUCKETS: [f64; 14] = [
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0,
];

/// Content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Histograms = Family<InPhase, Histogram, fn() -> Histogram>;

/// All metrics of the service.
pub struct Metrics {
    registry: Registry,
    ended: Family<EndedAs, Counter>,
    outcomes: Family<OutcomeOf, Counter>,
    duration: Histogram,
    phases: Histograms,
    active: Gauge,
    queue: Gauge,
    subscribers: Gauge,
    responses: Responses,
}

/// A subscriber of a log, counted until dropped.
#[derive(Debug)]
pub struct Subscriber(Gauge);

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Creates the metrics of a service whose tools run in this sandbox.
    pub fn of(sandbox: Option<&str>) -> Self {
        let mut registry = Registry::with_prefix("iac_runner");
        let ended = Family::<EndedAs, Counter>::default();
        // Create all series: a missing series cannot be distinguished from one that is not counted.
        for status in [Status::Success, Status::Failed, Status::Cancelled] {
            let _ = ended.get_or_create(&EndedAs::of(status));
        }
        registry.register("deployments", "Deployments that ended here", ended.clone());
        let outcomes = Family::default();
        registry.register(
            "deployment_outcomes",
            "Deployments that ended here, by what they did, how they ended, and the class of the error",
            outcomes.clone(),
        );
        let duration = histogram();
        registry.register_with_unit(
            "deployment_duration",
            "From the first step of a deployment to its end, the wait for an approval included",
            Unit::Seconds,
            duration.clone(),
        );
        let phases = Histograms::new_with_constructor(histogram);
        registry.register_with_unit(
            "phase_duration",
            "Time of a phase; `approval` is the wait for one, which `plan` leaves out",
            Unit::Seconds,
            phases.clone(),
        );
        let (active, queue, subscribers) = <(Gauge, Gauge, Gauge)>::default();
        registry.register(
            "active_deployments",
            "Deployments that this service runs, including those that wait for an approval",
            active.clone(),
        );
        registry.register(
            "queue_length",
            "Deployments that wait their turn, of all services that share the store",
            queue.clone(),
        );
        registry.register(
            "log_subscribers",
            "Connections that follow a log here",
            subscribers.clone(),
        );
        let confined_by = Info::new([("level", sandbox.unwrap_or("none").to_owned())]);
        registry.register("sandbox", "What tools are confined by here", confined_by);
        let responses = Responses::register(&mut registry);
        Self {
            registry,
            ended,
            outcomes,
            duration,
            phases,
            active,
            queue,
            subscribers,
            responses,
        }
    }

    /// Counts an ended deployment.
    pub fn count(&self, operation: Operation, reason: Reason, diagnosis: Option<&Diagnosis>) {
        self.ended
            .get_or_create(&EndedAs::of(reason.status()))
            .inc();
        self.outcomes
            .get_or_create(&OutcomeOf::of(operation, reason, diagnosis))
            .inc();
    }

    /// Counts a deployment whose session ended, and records its durations.
    pub fn finish(&self, end: &Snapshot, reason: Reason, phase_timer: &PhaseTimer) {
        self.count(end.operation, reason, end.diagnosis.as_ref());
        if let Some(ended_at) = end.ended_at {
            let took = phase_timer::seconds(end.started_at, ended_at);
            self.duration.observe(took);
        }
        for (phase, seconds) in phase_timer.phases(end) {
            self.phases
                .get_or_create(&InPhase { phase })
                .observe(seconds);
        }
    }

    /// Counts a subscriber of a log until the returned value is dropped.
    pub fn subscribe(&self) -> Subscriber {
        self.subscribers.inc();
        Subscriber(self.subscribers.clone())
    }

    /// Records how long a response took to begin. `route` must be a route of the router: every value becomes a series.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.responses.observe(method, route, status, took);
    }

    /// Returns all metrics as text, with the numbers of deployments running here and queued.
    pub fn text(&self, active: usize, waiting: u64) -> String {
        self.active.set(active.try_into().unwrap_or(i64::MAX));
        self.queue.set(waiting.try_into().unwrap_or(i64::MAX));
        let mut text = String::new();
        match text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing to memory does not fail.
            Err(fmt::Error) => String::new(),
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_dashboards_know() {
        let metrics = Metrics::of(Some("landlock-7"));
        metrics.count(Operation::Plan, Reason::PlanFailed, None);
        let subscriber = metrics.subscribe();
        let text = metrics.text(2, 3);
        for line in [
            "iac_runner_deployments_total{status=\"failed\"} 1",
            "iac_runner_deployments_total{status=\"success\"} 0",
            "iac_runner_deployments_total{status=\"cancelled\"} 0",
            "iac_runner_deployment_outcomes_total{operation=\"plan\",reason=\"plan_failed\",class=\"none\"} 1",
            "iac_runner_deployment_duration_seconds_count 0",
            "iac_runner_active_deployments 2",
            "iac_runner_queue_length 3",
            "iac_runner_log_subscribers 1",
            "iac_runner_sandbox_info{level=\"landlock-7\"} 1",
        ] {
            assert!(
                text.lines().any(|it| it == line),
                "{line} is not in:\n{text}"
            );
        }
        drop(subscriber);
        assert!(
            metrics
                .text(0, 0)
                .contains("iac_runner_log_subscribers 0\n")
        );
    }
}
