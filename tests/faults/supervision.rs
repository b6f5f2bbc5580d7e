//! Signals, wrappers, frozen machines and processes that survive.
