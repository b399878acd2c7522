//! Tests of the bulk path from files to what a reader of the store sees.

mod corpora;
mod crash;
mod feeds;
mod files;
mod finished;
mod kill;
mod lab;
mod model;
mod pieces;
mod provisional;
mod retention;
mod rotation;
mod tail;
