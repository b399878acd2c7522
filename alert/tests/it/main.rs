//! Rules over a store whose clock the test turns.

mod channels;
mod clients;
mod command;
mod deliver;
mod kill;
mod lab;
mod matcher;
mod people;
mod post;
mod real;
mod server;
mod watch;
