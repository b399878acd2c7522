//! The store as a whole: what goes in comes out, whatever happens in between.

mod archive;
mod damage;
mod helpers;
mod live;
mod readers;
mod rebuild;
mod retention;
mod round_trip;
mod sealing;
