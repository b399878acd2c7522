//! The trawl command line: index logs, search them.
//!
//! `main` reads the arguments ([`args`]), resolves the configuration once ([`config`]) and calls the verb ([`cmd`], one
//! file each; [`prompt`] is `trawl search` without a query). Rows go to the standard output through a renderer of [`output`], everything else to the standard error.
//! What the process tells its caller is an [`ExitCode`].

mod args;
mod cmd;
mod collector;
mod config;
#[cfg(test)]
mod docs;
mod error;
mod exit_code;
mod feed;
mod metrics;
mod output;
mod prompt;
mod run_state;
mod sentry;
mod signals;
mod spool;
mod standing;
mod terminal;
mod words;

use anyhow::Context;
use args::{Args, ConfigVerb, GlobalArgs, Verb};
use clap::{Command, CommandFactory, FromArgMatches};
use config::{Config, Surroundings};
use error::Advice;
use exit_code::ExitCode;
use output::Theme;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use terminal::Terminal;

fn main() -> std::process::ExitCode {
    let raw: Vec<OsString> = env::args_os().collect();
    let args = match parse(&raw) {
        Ok(args) => args,
        Err(code) => return code.into(),
    };
    let terminal = Terminal::detect(args.global.color, &|name| env::var_os(name));
    if let Verb::Search(search) = &args.verb
        && search.query.is_empty()
        && !terminal.is_interactive
    {
        let _ = missing_query(&raw).print();
        return ExitCode::Error.into();
    }
    let code = run(args, terminal).unwrap_or_else(|error| {
        if error::is_broken_pipe(&error) {
            return ExitCode::Success;
        }
        // Where the standard error is closed too, the exit code still tells.
        let _ = error::write(&mut io::stderr(), &Theme::new(terminal.color_stderr), &error);
        ExitCode::Error
    });
    code.into()
}

/// Reads the arguments; prints help, version or what is wrong with them.
fn parse(raw: &[OsString]) -> Result<Args, ExitCode> {
    let parsed = Args::command().try_get_matches_from(raw).and_then(|matches| Args::from_arg_matches(&matches));
    parsed.map_err(|error| match words::misplaced_time(raw, &error) {
        Some(time) => {
            let message = format!("`{time}` is a time, not a word to search for");
            let advice = Advice::new(message, format!("write --earliest {time}"));
            let _ = error::write(&mut io::stderr(), &Theme::plain(), &advice.into());
            ExitCode::Error
        }
        None => {
            let _ = error.print();
            if error.use_stderr() { ExitCode::Error } else { ExitCode::Success }
        }
    })
}

/// The error that `trawl search` needs a query, where nobody can be asked for one.
fn missing_query(raw: &[OsString]) -> clap::Error {
    let with_query = |search: Command| search.mut_arg("query", |query| query.required(true));
    let parsed = Args::command().mut_subcommand("search", with_query).try_get_matches_from(raw);
    parsed.expect_err("there is no query")
}

/// The configuration in force.
fn config_of(global: &GlobalArgs) -> anyhow::Result<Config> {
    let surroundings = Surroundings {
        cwd: env::current_dir().context("cannot find out the working directory")?,
        root: PathBuf::from("/"),
        var: &|name| env::var_os(name),
        machine_zone: iana_time_zone::get_timezone().ok().and_then(|zone| zone.parse().ok()),
    };
    Config::resolve(global, &surroundings)
}

fn run(args: Args, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let Args { global, verb } = args;
    // Only for the verbs that need it: the others must work where the configuration is broken.
    let config = || config_of(&global);
    match verb {
        Verb::Index(args) => cmd::index::run(&args, &config()?, terminal),
        Verb::Run(args) => cmd::run::run(&args, &config, terminal),
        Verb::Search(args) if args.query.is_empty() => prompt::run(&args.flags, &config()?, terminal),
        Verb::Search(args) => cmd::search::run(&args, &config()?, terminal),
        Verb::Scan(args) => cmd::scan::run(&args, &config()?, terminal),
        Verb::Tail(args) => cmd::tail::run(&args, &config()?, terminal),
        Verb::Context(args) => cmd::context::run(&args, &config()?, terminal),
        Verb::Sources(args) => cmd::sources::run(&args, &config()?, terminal),
        Verb::Status(args) => cmd::status::run(&args, &config()?, terminal),
        Verb::Retention(args) => cmd::retention::run(&args, &config()?, terminal),
        Verb::Saved(verb) => cmd::saved::run(&verb, &config()?, terminal),
        Verb::Alert(verb) => {
            let against = |file: &Path| {
                let global = GlobalArgs { config: Some(file.to_owned()), ..global.clone() };
                config_of(&global)
            };
            cmd::alert::run(&verb, &config()?, &against, terminal)
        }
        Verb::Check(args) => cmd::check::run(&args, &config()?, terminal),
        Verb::Jobs(args) => cmd::jobs::run(&args, &config()?, terminal),
        Verb::Patterns(args) => cmd::patterns::run(&args, &config()?, terminal, cmd::rca::sink::Sink::Screen),
        Verb::Rca(verb) => cmd::rca::run(&verb, &config, terminal),
        Verb::Archive(verb) => cmd::archive::run(&verb, &config()?, terminal),
        Verb::Restore(args) => cmd::restore::run(&args, &config()?, terminal),
        Verb::Verify(args) => cmd::verify::run(&args, &config()?, terminal),
        Verb::Doctor(args) => cmd::doctor::run(&args, &config, terminal),
        Verb::Config(ConfigVerb::Show) => cmd::config::show(&config()?),
        Verb::Config(ConfigVerb::Check(args)) => cmd::config::check::run(&args, &config()?, terminal),
        Verb::Quickstart => cmd::quickstart::run(terminal),
        Verb::Help { name } => cmd::help::run(name.as_deref(), terminal),
        Verb::Completions { shell } => cmd::completions::run(shell),
        Verb::Man { dir } => cmd::man::run(dir.as_deref()),
    }
}
