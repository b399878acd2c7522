//! Alerts: searches that are run by themselves, what they find, and what is done about it.

pub mod action;
pub mod audit;
pub mod backtest;
pub mod book;
pub mod calendar;
pub mod check;
pub mod condition;
pub mod deliver;
pub mod evaluate;
pub mod machine;
pub mod matcher;
pub mod notification;
pub mod outbox;
pub mod rule;
pub mod rule_test;
pub mod schedule;
pub mod secret;
pub mod severity;
pub mod template;
pub mod text;
pub mod watch;

pub use notification::{Group, Happening, Notification, SampleEvent, TransitionId};
pub use severity::Severity;
