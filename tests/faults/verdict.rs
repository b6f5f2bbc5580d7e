//! Outcome, diagnosis and state report: what the result may claim.

mod errored_state;
mod file_size_limit;
mod hidden_failure;
mod interference;
mod long_output;
mod lost_words;
mod memory;
mod plan_exit_code;
mod quotations;
mod saved_plan;
mod scripts;
mod secret_words;
mod stopped_test;
mod wrappers;
