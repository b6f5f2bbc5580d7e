//! Authentication and authorization of callers.

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
pub(crate) use person::{STOP_OF_THE_SERVICE, TAKEN_OVER};
pub use refusal::Denial;
pub use role::{Action, NoSuchRole, Role};
pub use roles::Roles;
pub use ticket::{MAX_TICKETS, Ticket, Tickets};
