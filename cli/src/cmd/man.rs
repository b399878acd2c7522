//! `trawl man`: the manual pages, made from the definition of the command line.

use crate::args::Args;
use crate::exit_code::ExitCode;
use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;
use std::fs;
use std::io;
use std::path::Path;

/// Prints the page of `trawl`, or writes the pages of all verbs into `dir`.
pub fn run(dir: Option<&Path>) -> anyhow::Result<ExitCode> {
    match dir {
        None => Man::new(Args::command()).render(&mut io::stdout())?,
        Some(dir) => {
            let write = || fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Args::command(), dir));
            write().with_context(|| format!("cannot write manual pages into {}", dir.display()))?;
        }
    }
    Ok(ExitCode::Success)
}
