//! Secrets that the tool prints wrapped, reformatted or re-encoded.

mod encodings;
mod members;
mod shown;
mod wrapped;
