//! What may come next in a query: commands, functions, options, fields, and what the store holds.

use std::collections::BTreeSet;
use trawl_query::command::{COMMANDS, CommandSpec};
use trawl_query::engine::builtin_fields;
use trawl_query::manual::{Entry, EntryKind};
use trawl_query::tokens::{Place, Token, TokenKind, Tokens};
use trawl_store::SourceState;

/// Most names of fields that are remembered. The latest stay.
const MAX_FIELDS: usize = 10_000;
/// Names that stand before a time.
const TIME_FIELDS: [&str; 4] = ["earliest", "latest", "_index_earliest", "_index_latest"];
/// Times that people often mean.
const TIMES: [&str; 14] =
    ["-15m", "-1h", "-4h", "-24h", "-7d", "-30d", "-1h@h", "-1d@d", "-7d@d", "@h", "@d", "@w0", "@mon", "now"];

/// A way to go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proposal {
    /// What is shown in a list.
    pub shown: String,
    /// What takes the place of the unfinished word.
    pub text: String,
}

/// Names of fields: the builtin ones, and those of earlier answers.
#[derive(Debug)]
pub struct Names {
    fields: BTreeSet<String>,
}

/// What the store holds.
#[derive(Debug, Default)]
pub struct Catalog {
    indexes: BTreeSet<String>,
    sourcetypes: BTreeSet<String>,
    hosts: BTreeSet<String>,
    sources: BTreeSet<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self { fields: builtin_fields().map(str::to_owned).collect() }
    }
}

impl Names {
    /// Remembers the columns of an answer, other than the one that carries bytes.
    pub fn add_fields<'f>(&mut self, fields: impl Iterator<Item = &'f str>) {
        for field in fields.filter(|field| *field != "_bytes") {
            if self.fields.len() < MAX_FIELDS && !self.fields.contains(field) {
                self.fields.insert(field.to_owned());
            }
        }
    }
}

impl Catalog {
    /// The names that these sources have.
    pub fn of(sources: &[SourceState]) -> Self {
        let mut catalog = Self::default();
        for source in sources {
            catalog.indexes.insert(source.index.as_str().to_owned());
            catalog.sourcetypes.insert(source.sourcetype.as_str().to_owned());
            catalog.hosts.insert(source.host.as_str().to_owned());
            catalog.sources.insert(source.source.as_str().to_owned());
        }
        catalog
    }

    fn values_of(&self, field: &str) -> Option<&BTreeSet<String>> {
        match field {
            "index" => Some(&self.indexes),
            "sourcetype" => Some(&self.sourcetypes),
            "host" => Some(&self.hosts),
            "source" => Some(&self.sources),
            _ => None,
        }
    }
}

/// Where the unfinished word at the end of `text` begins, and what may take its place. `catalog` is asked only where its
/// names may stand.
pub fn complete<'c>(text: &str, names: &Names, catalog: impl FnOnce() -> &'c Catalog) -> (usize, Vec<Proposal>) {
    let tokens = Tokens::of(text);
    let start = unfinished_word(text, &tokens);
    let (before, written) = text.split_at(start);
    let tokens = Tokens::of(before);
    let mut proposals = match value_of(before, &tokens) {
        Some(field) if TIME_FIELDS.contains(&field) => TIMES.iter().map(|time| plain(time)).collect(),
        Some(field) => catalog().values_of(field).into_iter().flatten().map(|value| quoted(value, written)).collect(),
        None if written.starts_with(['"', '`', '\'']) => Vec::new(),
        None => in_place(tokens.place(), names),
    };
    let begins = |proposal: &Proposal| {
        let start = proposal.text.get(..written.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(written))
    };
    proposals.retain(begins);
    proposals.sort();
    proposals.dedup_by(|a, b| a.text == b.text);
    (start, proposals)
}

/// Where the last piece begins if it is a word, finished or not, that more letters would change.
fn unfinished_word(text: &str, tokens: &Tokens) -> usize {
    let last = tokens.iter().next_back().filter(|token| token.span.end == text.len());
    match last {
        None | Some(Token { kind: TokenKind::Pipe | TokenKind::Bracket | TokenKind::Operator, .. }) => text.len(),
        Some(token) => token.span.start,
    }
}

/// The field whose value comes next: behind `field=`, or in the list of `field IN (`.
fn value_of<'t>(text: &'t str, tokens: &Tokens) -> Option<&'t str> {
    if !matches!(tokens.place(), Place::Search) {
        return None;
    }
    let written = |token: &Token| &text[token.span.range()];
    let mut before = tokens.iter().rev().peekable();
    let last = before.peek()?;
    if written(last).starts_with('=') || written(last).starts_with('!') {
        let is_operator = |token: &&Token| token.kind == TokenKind::Operator;
        let field = before.find(|token| !is_operator(token))?;
        return is_name(field).then(|| written(field));
    }
    let mut before =
        before.skip_while(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted) || written(token) == ",");
    let (bracket, keyword, field) = (before.next()?, before.next()?, before.next()?);
    (written(bracket) == "(" && written(keyword) == "IN" && is_name(field)).then(|| written(field))
}

fn is_name(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::Option)
}

fn in_place(place: Place, names: &Names) -> Vec<Proposal> {
    let fields = || names.fields.iter().map(|field| name(field));
    let functions = |kind| Entry::all().filter(move |entry| entry.kind == kind).map(|entry| function(entry.name));
    let words = |words: &'static [&'static str]| words.iter().map(|word| spaced(word));
    let arguments = |spec: &CommandSpec| {
        let keywords = spec.keywords().into_iter().map(spaced);
        keywords.chain(spec.options().into_iter().map(option))
    };
    match place {
        Place::Search => {
            let is_usual = |field: &&String| is_plain_name(field) && !field.starts_with('_');
            let fields = names.fields.iter().filter(is_usual).map(|field| option(field));
            let times = TIME_FIELDS.iter().map(|field| option(field));
            fields.chain(times).chain(words(&["AND", "OR", "NOT", "IN"])).collect()
        }
        Place::Command => {
            let names = COMMANDS.iter().flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases));
            names.map(|name| spaced(name)).collect()
        }
        Place::Expression => {
            functions(EntryKind::Function).chain(fields()).chain(words(&["AND", "OR", "NOT", "IN", "LIKE"])).collect()
        }
        Place::Aggregation(spec) => {
            let evaluated = std::iter::once(function("eval"));
            functions(EntryKind::StatsFunction).chain(evaluated).chain(arguments(spec)).collect()
        }
        Place::Argument(spec) => arguments(spec).chain(fields()).collect(),
        Place::Field => fields().chain(std::iter::once(function("eval"))).collect(),
        Place::Unknown => Vec::new(),
    }
}

fn plain(text: &str) -> Proposal {
    Proposal { shown: text.to_owned(), text: text.to_owned() }
}

/// A word that is followed by others.
fn spaced(word: &str) -> Proposal {
    Proposal { shown: word.to_owned(), text: format!("{word} ") }
}

/// The name of a function; `count` is the one that mostly stands alone.
fn function(name: &str) -> Proposal {
    if name == "count" { plain(name) } else { plain(&format!("{name}(")) }
}

fn option(name: &str) -> Proposal {
    plain(&format!("{name}="))
}

/// The name of a field, in the quotes that it needs.
fn name(field: &str) -> Proposal {
    if is_plain_name(field) { plain(field) } else { in_quotes(field) }
}

/// Whether every command reads the name of a field as it is.
fn is_plain_name(field: &str) -> bool {
    field.chars().all(|c| c.is_alphanumeric() || "_.:{}@".contains(c))
}

/// A value, in quotes if it needs them or the unfinished word has begun with one.
fn quoted(value: &str, written: &str) -> Proposal {
    let is_plain = value.chars().all(|c| c.is_alphanumeric() || "_.:/@#+-".contains(c));
    if is_plain && !written.starts_with('"') { plain(value) } else { in_quotes(value) }
}

fn in_quotes(text: &str) -> Proposal {
    let quoted = format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""));
    Proposal { shown: text.to_owned(), text: quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        Catalog {
            indexes: set(&["main", "web"]),
            sourcetypes: set(&["access_combined", "log4j"]),
            hosts: set(&["pay-01", "web-01"]),
            sources: set(&["/var/log/a b.log", "/var/log/nginx.log"]),
        }
    }

    /// What the text becomes with each proposal.
    fn completed(text: &str) -> Vec<String> {
        let mut names = Names::default();
        names.add_fields(["_bytes", "user", "user id"].into_iter());
        let catalog = catalog();
        let (start, proposals) = complete(text, &names, || &catalog);
        proposals.iter().map(|proposal| format!("{}{}", &text[..start], proposal.text)).collect()
    }

    #[test]
    fn unfinished_words_are_completed() {
        let cases: [(&str, &[&str]); 29] = [
            ("error | stat", &["error | stats "]),
            ("error | ti", &["error | timechart ", "error | timewrap "]),
            ("error | TIMEC", &["error | timechart "]),
            ("a [search b | sta", &["a [search b | stats "]),
            ("sourcet", &["sourcetype="]),
            ("us", &["user="]),
            ("earl", &["earliest="]),
            ("earliest=-1h", &["earliest=-1h", "earliest=-1h@h"]),
            ("latest=n", &["latest=now"]),
            ("index=", &["index=main", "index=web"]),
            ("index!=w", &["index!=web"]),
            ("error sourcetype=l", &["error sourcetype=log4j"]),
            ("host=p", &["host=pay-01"]),
            ("host IN (pay-01, w", &["host IN (pay-01, web-01"]),
            ("source=/var/log/n", &["source=/var/log/nginx.log"]),
            ("source=\"/var/log/a", &["source=\"/var/log/a b.log\""]),
            ("* | search host=w", &["* | search host=web-01"]),
            ("\"sta", &[]),
            ("a ```sta", &[]),
            ("* | eval x=strf", &["* | eval x=strftime("]),
            ("* | where use", &["* | where user"]),
            ("* | stats va", &["* | stats values(", "* | stats var(", "* | stats varp("]),
            ("* | stats sum(us", &["* | stats sum(user"]),
            ("* | stats sum(eval(tonu", &["* | stats sum(eval(tonumber("]),
            ("* | stats count B", &["* | stats count BY "]),
            ("* | stats count by ho", &["* | stats count by host"]),
            ("* | dedup keepe", &["* | dedup keepempty=", "* | dedup keepevents="]),
            ("* | fields \"user id\"", &[]),
            ("* | nonsense a", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(completed(text), expected, "{text}");
        }
    }

    #[test]
    fn every_command_is_proposed_behind_a_pipe() {
        let completed = completed("error |");
        assert!(COMMANDS.iter().all(|spec| completed.contains(&format!("error |{} ", spec.name))));
    }
}
