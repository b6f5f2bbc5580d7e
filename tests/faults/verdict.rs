//! Outcome, diagnosis and state report: what the result may claim.
