//! The explicit part of extraction: named groups of regular expressions.

use regex::bytes::{CaptureLocations, Regex};

use super::fields::{Names, Sink};

/// The expressions of a sourcetype, in order.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    patterns: Vec<Pattern>,
    bounded: Vec<String>,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    /// Number and name of each named group.
    groups: Vec<(usize, String)>,
}

impl Patterns {
    pub(crate) fn new(regexes: Vec<Regex>, bounded: Vec<String>) -> Self {
        let patterns = regexes.into_iter().map(|regex| {
            let names = regex.capture_names().enumerate();
            let groups = names.filter_map(|(group, name)| Some((group, name?.to_owned()))).collect();
            Pattern { regex, groups }
        });
        Self { patterns: patterns.collect(), bounded }
    }

    /// Returns whether values of `field` are known to end at breakers: those of no pattern, and those declared so.
    pub(crate) fn is_bounded(&self, field: &str) -> bool {
        let mut names = self.patterns.iter().flat_map(|pattern| &pattern.groups).map(|(_, name)| name);
        !names.any(|name| name == field) || self.bounded.iter().any(|name| name == field)
    }

    /// Applies each expression that yields something wanted; an empty group is no value.
    pub(super) fn extract(&self, text: &str, scratch: &mut PatternScratch, sink: &mut Sink<'_>) {
        for (idx, locations) in &mut scratch.wanted {
            let pattern = &self.patterns[*idx];
            if pattern.regex.captures_read(locations, text.as_bytes()).is_none() {
                continue;
            }
            for (group, name) in &pattern.groups {
                let value = locations.get(*group).and_then(|(start, end)| text.get(start..end));
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    sink.add(name, value);
                }
            }
        }
    }
}

/// The expressions to apply, with their buffers.
#[derive(Debug)]
pub(super) struct PatternScratch {
    wanted: Vec<(usize, CaptureLocations)>,
}

impl PatternScratch {
    pub(super) fn new(patterns: &Patterns, names: &Names) -> Self {
        let patterns = patterns.patterns.iter().enumerate();
        let wanted = patterns.filter(|(_, pattern)| pattern.groups.iter().any(|(_, name)| names.contains(name)));
        Self { wanted: wanted.map(|(idx, pattern)| (idx, pattern.regex.capture_locations())).collect() }
    }
}
