//! Secrets that the tool prints wrapped, reformatted or re-encoded.

mod encodings;
mod hostile;
mod json;
mod members;
mod shown;
mod spellings;
mod wrapped;
