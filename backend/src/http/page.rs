//! How much of a list is answered at a time.

use super::Fault;

/// The entries of a page.
///
/// # Errors
/// More are asked for than there may be, or none.
pub(super) fn page_size(limit: Option<u32>, default: u32, most: u32) -> Result<u32, Fault> {
    match limit {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Fault::BadRequest(format!("`limit`: expected 1 to {most}"))),
    }
}
