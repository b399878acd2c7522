//! Rules over a store whose clock the test turns.

mod channels;
mod check;
mod clients;
mod command;
mod deliver;
mod kill;
mod lab;
mod post;
mod real;
mod server;
mod watch;
