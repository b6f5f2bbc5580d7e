//! Page size of lists.

use crate::http::error::ApiError;

/// Returns the page size.
///
/// # Errors
/// The limit is zero or above the maximum.
pub(crate) fn page_size(limit: Option<u32>, default: u32, most: u32) -> Result<u32, ApiError> {
    match limit {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::BadRequest(format!(
            "`limit`: expected 1 to {most}"
        ))),
    }
}
