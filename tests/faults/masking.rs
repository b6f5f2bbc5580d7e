//! Secrets that the tool prints wrapped, reformatted or re-encoded.
