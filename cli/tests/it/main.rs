//! Runs the real binary: one module for each verb, and what holds for the repository as a whole (`tidy`).

mod collect;
mod commands;
mod completions;
mod config;
mod doctor;
mod expected;
mod help;
mod index;
mod language;
mod lookup;
mod man;
mod oracle;
mod permissions;
mod prompt;
mod quickstart;
mod readme;
mod retention;
mod search;
mod second_opinion;
mod sources;
mod spool;
mod status;
mod support;
mod tidy;
mod truth;
mod verify;
