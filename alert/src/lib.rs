//! Alerts: searches that are run by themselves, what they find, and what is done about it.

pub mod notification;
pub mod severity;

pub use notification::{Group, Happening, Notification, SampleEvent, TransitionId};
pub use severity::Severity;
