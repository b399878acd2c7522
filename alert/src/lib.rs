//! Alerts: searches that are run by themselves, what they find, and what is done about it.

pub mod calendar;
pub mod machine;
pub mod notification;
pub mod schedule;
pub mod severity;

pub use notification::{Group, Happening, Notification, SampleEvent, TransitionId};
pub use severity::Severity;
