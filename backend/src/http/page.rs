//! Page size of lists.

use super::Fault;

/// Returns the page size.
///
/// # Errors
/// The limit is zero or above the maximum.
pub(super) fn page_size(limit: Option<u32>, default: u32, most: u32) -> Result<u32, Fault> {
    match limit {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Fault::BadRequest(format!("`limit`: expected 1 to {most}"))),
    }
}
