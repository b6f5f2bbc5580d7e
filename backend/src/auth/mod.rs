//! Authentication and authorization of callers.
//!
//! | file | holds |
//! |---|---|
//! | `key` | API keys: generation, parsing and comparison |
//! | `role`, `roles` | roles, actions, the permission table, and the roles of a key |
//! | `person` | decides which key names are the same person |
//! | `caller` | the caller of a request |
//! | `permit` | the one decision about starting, approving and stopping a deployment |
//! | `refusal` | why a caller lacks permission |
//! | `ticket` | short-lived tickets for browsers, whose `EventSource` cannot send a key |

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
