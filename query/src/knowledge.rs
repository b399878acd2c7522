//! What the configuration adds to the language: macros, event types, tags, saved searches, lookup tables.

use crate::lookup::Lookups;
use crate::saved::SavedSearch;
use std::collections::BTreeMap;

/// Names that queries may use because the configuration defines them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    /// Macros by name and number of arguments: `` `name(a, b)` `` is replaced by text.
    pub macros: BTreeMap<(String, usize), Macro>,
    /// Event types: names for search expressions, used as `eventtype=name`.
    pub event_types: BTreeMap<String, String>,
    /// Labels of field values, used as `tag=name` and `tag::field=name`.
    pub tags: Vec<Tag>,
    /// Saved searches by name, used as `| savedsearch name`.
    pub saved_searches: BTreeMap<String, SavedSearch>,
    /// Lookup tables, used by `lookup`, `inputlookup` and `outputlookup`.
    pub lookups: Lookups,
}

/// A macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macro {
    /// Names of the parameters, which stand as `$name$` in the definition.
    pub parameters: Vec<String>,
    /// The text that stands for the macro.
    pub definition: String,
}

/// A label of a field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The label.
    pub name: String,
    /// The field.
    pub field: String,
    /// The value that has the label; `*` is any run of characters.
    pub value: String,
}

static NONE: Knowledge = Knowledge {
    macros: BTreeMap::new(),
    event_types: BTreeMap::new(),
    tags: Vec::new(),
    saved_searches: BTreeMap::new(),
    lookups: Lookups::NONE,
};

impl Knowledge {
    /// No names at all.
    pub fn none() -> &'static Self {
        &NONE
    }
}

impl Macro {
    /// The definition with each `$parameter$` replaced by its argument.
    pub(crate) fn expand(&self, arguments: &[String]) -> String {
        substitute(&self.definition, |name| {
            let index = self.parameters.iter().position(|parameter| parameter == name)?;
            arguments.get(index).map(String::as_str)
        })
    }
}

/// The text with each `$name$` that `value_of` knows replaced.
pub(crate) fn substitute<'v>(text: &str, value_of: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, token) = rest.split_at(at);
        result.push_str(before);
        let inside = &token[1..];
        let value = inside.find('$').and_then(|len| Some((len, value_of(&inside[..len])?)));
        match value {
            Some((len, value)) => {
                result.push_str(value);
                rest = &inside[len + 1..];
            }
            None => {
                result.push('$');
                rest = inside;
            }
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_substituted_where_they_are_known() {
        let value_of = |name: &str| match name {
            "a" => Some("1"),
            "b" => Some("$a$"),
            _ => None,
        };
        for (text, expected) in [
            ("x=$a$", "x=1"),
            ("$a$$a$", "11"),
            ("$b$", "$a$"),
            ("$unknown$ $a$", "$unknown$ 1"),
            ("5$ and $a$", "5$ and 1"),
            ("$", "$"),
        ] {
            assert_eq!(substitute(text, value_of), expected, "{text}");
        }
    }
}
