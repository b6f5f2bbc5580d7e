//! Time until responses begin.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds in seconds: from a record that is read at once to the default request timeout.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0,
];

/// A request and the class of its response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    /// A method of the API, or `other`.
    method: &'static str,
    /// Route pattern, with parameter names.
    route: String,
    /// Status class, such as `2xx`.
    status_class: &'static str,
}

/// Time until responses begin, by request and status class.
pub(super) struct Responses(Family<Called, Histogram, fn() -> Histogram>);

impl Responses {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> _);
        registry.register_with_unit(
            "response_duration",
            "From the head of a call to the beginning of its answer",
            Unit::Seconds,
            family.clone(),
        );
        Self(family)
    }

    pub(super) fn observe(&self, method: &str, route: &str, status: u16, took: Duration) {
        let called = Called {
            method: known(method),
            route: route.to_owned(),
            status_class: class(status),
        };
        self.0.get_or_create(&called).observe(took.as_secs_f64());
    }
}

/// Returns a known method or `other`: clients can make up methods, which must not create series.
fn known(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_statuses_are_few() {
        let methods = ["GET", "POST", "get", "X-MADE-UP"].map(known);
        assert_eq!(methods, ["GET", "POST", "other", "other"]);
        let classes = [200, 204, 302, 404, 503, 999].map(class);
        assert_eq!(classes, ["2xx", "2xx", "3xx", "4xx", "5xx", "other"]);
    }
}
