//! `trawl alert`: what alerts are doing, what people say of them, and what they would have done.

mod handle;
mod list;
mod test;

use crate::args::AlertVerb;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::terminal::Terminal;
use std::path::Path;
use trawl_alert::book::Book;
use trawl_alert::rule::Rule;
use trawl_query::error::nearest;

/// Does what was asked. `against` resolves another configuration file.
pub fn run(
    verb: &AlertVerb,
    config: &Config,
    against: &dyn Fn(&Path) -> anyhow::Result<Config>,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    match verb {
        AlertVerb::List(args) => list::list(args, config, terminal),
        AlertVerb::Show(args) => list::show(args, config, terminal),
        AlertVerb::History(args) => list::history(args, config, terminal),
        AlertVerb::Ack(args) => handle::acknowledge(args, config),
        AlertVerb::Snooze(args) => handle::snooze(args, config),
        AlertVerb::Assign(args) => handle::assign(args, config),
        AlertVerb::Rm(args) => handle::remove(args, config),
        AlertVerb::Test(args) => test::run(args, config, against, terminal),
    }
}

/// The book of the data folder, if alerts were ever evaluated.
fn open_book(config: &Config) -> anyhow::Result<Option<Book>> {
    Ok(Book::open_to_read(&config.data.value)?)
}

/// The rule of a name.
fn rule_named(config: &Config, name: &str) -> anyhow::Result<Rule> {
    let rules = config.rules()?;
    let names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
    rules.into_iter().find(|rule| rule.name == name).ok_or_else(|| unknown(name, &names, config))
}

/// The error that there is no alert of a name.
fn unknown(name: &str, names: &[String], config: &Config) -> anyhow::Error {
    let place = config.file.as_ref().map_or("trawl.toml".to_owned(), |file| file.value.display().to_string());
    let hint = match (nearest(name, names.iter().map(String::as_str)), names) {
        (Some(known), _) => format!("did you mean `{known}`?"),
        (None, []) => format!("write an [[alert]] into {place}"),
        (None, names) => format!("the alerts of {place} are {}", names.join(", ")),
    };
    Advice::new(format!("there is no alert `{name}`"), hint).into()
}
