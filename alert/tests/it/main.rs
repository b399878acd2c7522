//! Rules over a store whose clock the test turns.

mod lab;
mod watch;
