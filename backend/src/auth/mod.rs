//! Who somebody is, and what they may do.
//!
//! | file | holds |
//! |---|---|
//! | `key` | keys of the API: made, written, compared |
//! | `role` | roles and actions, and the table of who may do what |
//! | `approval` | whether this one may decide about that plan |
//! | `ticket` | short-lived tickets for browsers, which cannot send a key with an EventSource |

mod approval;
mod key;
mod role;
mod ticket;

pub use approval::{ApprovalRule, Refusal};
pub use key::{KeyDigest, KeyId, KeyText, NotAKey};
pub use role::{Action, NoSuchRole, Role};
pub use ticket::{MAX_TICKETS, Ticket, Tickets};
