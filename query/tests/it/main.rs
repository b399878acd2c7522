//! Tests of the crate from outside: what a program that uses it sees.

mod oracle;
mod patterns;
mod reference;
mod spec;
