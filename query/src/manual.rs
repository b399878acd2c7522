//! Manual pages, kept in the `//!` lines of the file that does what they say.

use crate::command::COMMANDS;
use crate::error::nearest;
use crate::expr::function::FUNCTIONS;
use crate::stats_fn::STATS_FUNCTIONS;

/// One entry of the manual of the language.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it describes.
    pub kind: EntryKind,
    /// The name.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// The page.
    pub manual: Manual,
}

/// What an entry of the manual describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A command.
    Command,
    /// A function of `eval` and `where`.
    Function,
    /// A function of `stats`.
    StatsFunction,
}

impl Entry {
    /// All entries: commands, functions, statistical functions, each by name.
    pub fn all() -> impl Iterator<Item = Self> {
        let commands = COMMANDS.iter().map(|command| Self {
            kind: EntryKind::Command,
            name: command.name,
            aliases: command.aliases,
            manual: command.manual,
        });
        let functions = FUNCTIONS.iter().map(|function| Self {
            kind: EntryKind::Function,
            name: function.name,
            aliases: function.aliases,
            manual: function.manual,
        });
        let stats_functions = STATS_FUNCTIONS.iter().map(|function| Self {
            kind: EntryKind::StatsFunction,
            name: function.name,
            aliases: function.aliases,
            manual: function.manual,
        });
        commands.chain(functions).chain(stats_functions)
    }

    /// The entries of that name, in any case: `max` is a function and a statistical function.
    pub fn find(name: &str) -> Vec<Self> {
        let is_called = |known: &&str| known.eq_ignore_ascii_case(name);
        Self::all().filter(|entry| std::iter::once(&entry.name).chain(entry.aliases).any(is_called)).collect()
    }

    /// The name that is written almost like `name`.
    pub fn nearest(name: &str) -> Option<&'static str> {
        nearest(name, Self::all().flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases.iter().copied())))
    }
}

/// The manual page of a command or function.
#[derive(Clone, Copy, Debug)]
pub struct Manual(&'static str);

impl Manual {
    /// The leading `//!` lines of a source file.
    pub(crate) const fn of(source: &'static str) -> Self {
        let bytes = source.as_bytes();
        let mut end = 0;
        while end + 2 < bytes.len() && bytes[end] == b'/' && bytes[end + 1] == b'/' && bytes[end + 2] == b'!' {
            while end < bytes.len() && bytes[end] != b'\n' {
                end += 1;
            }
            end += 1;
        }
        Self(source.split_at(end).0)
    }

    /// The page in Markdown.
    pub fn markdown(&self) -> String {
        let lines = self.0.lines().map(|line| line[3..].strip_prefix(' ').unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The first sentence, without its full stop.
    pub fn summary(&self) -> String {
        let page = self.markdown();
        let paragraph = page.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        paragraph.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
    }

    /// The inside of each fenced block that is marked `example`.
    pub fn examples(&self) -> Vec<String> {
        let page = self.markdown();
        let blocks = page.split("```example\n").skip(1);
        blocks.filter_map(|block| block.split_once("\n```")).map(|(inside, _)| inside.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_any_name() {
        let kinds = |name| Entry::find(name).iter().map(|entry| entry.kind).collect::<Vec<_>>();
        assert_eq!(kinds("STATS"), [EntryKind::Command]);
        assert_eq!(kinds("max"), [EntryKind::Function, EntryKind::StatsFunction]);
        assert_eq!(kinds("bucket"), [EntryKind::Command]);
        assert!(kinds("stast").is_empty());
        assert_eq!(Entry::nearest("stast"), Some("stats"));
    }

    #[test]
    fn a_page_is_what_stands_before_the_code() {
        let manual = Manual::of("//! Does it. Really.\n//!\n//! ```example\n//! a\n//! > b\n//! ```\n\nfn main() {}\n");
        assert_eq!(manual.markdown(), "Does it. Really.\n\n```example\na\n> b\n```");
        assert_eq!(manual.summary(), "Does it");
        assert_eq!(manual.examples(), ["a\n> b"]);
    }
}
