//! Rules over a store whose clock the test turns.

mod channels;
mod check;
mod clients;
mod command;
mod deliver;
mod kill;
mod lab;
mod loaded;
mod matcher;
mod people;
mod post;
mod real;
mod rule_test;
mod server;
mod watch;
