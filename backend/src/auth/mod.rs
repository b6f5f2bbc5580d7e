//! Who the caller is, and what the caller may do.
//!
//! | file | holds |
//! |---|---|
//! | `key` | keys of the API: made, written, compared |
//! | `role`, `roles` | roles and actions, the table of who may do what, and the roles of a key |
//! | `person` | names that are one person |
//! | `caller` | who calls |
//! | `permit` | the one decision about starting, approving and stopping a deployment |
//! | `refusal` | why a caller may not |
//! | `ticket` | short-lived tickets for browsers, which cannot send a key with an EventSource |

mod caller;
mod key;
mod permit;
mod person;
mod refusal;
mod role;
mod roles;
mod ticket;

pub use caller::Caller;
pub use key::{KeyDigest, KeyId, KeyText, NotAKey};
pub use permit::{Approval, ApprovalRule, Attempt, Permit};
pub use person::{ANONYMOUS, Person};
pub use refusal::Refusal;
pub use role::{Action, NoSuchRole, Role};
pub use roles::Roles;
pub use ticket::{MAX_TICKETS, Ticket, Tickets};
