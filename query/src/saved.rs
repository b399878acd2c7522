//! Saved searches: a text with arguments, and the range of time that it covers if nobody says otherwise.

use crate::error::QueryError;
use crate::lexer::split_stages;
use crate::run::{Search, SearchOptions};
use crate::span::Span;
use std::collections::BTreeMap;
use std::ops::Range;

/// A search under a name.
///
/// ```
/// use trawl_query::SavedSearch;
///
/// let saved = SavedSearch {
///     defaults: [("host".to_owned(), "*".to_owned())].into(),
///     ..SavedSearch::new("error host=$host$ service=$service$")
/// };
/// assert_eq!(saved.arguments(), ["host", "service"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedSearch {
    /// Its text. `$name$` stands for an argument.
    pub search: String,
    /// Values of arguments that the caller leaves out.
    pub defaults: BTreeMap<String, String>,
    /// Start of the range of time, where neither the text nor the caller names a range.
    pub earliest: Option<String>,
    /// End of it, excluded. With `earliest` alone it is now.
    pub latest: Option<String>,
}

impl SavedSearch {
    /// A search without defaults.
    pub fn new(search: impl Into<String>) -> Self {
        Self { search: search.into(), ..Self::default() }
    }

    /// The names of its arguments, in the order in which they first stand in the text.
    pub fn arguments(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (_, name) in tokens(&self.search) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Arguments that the caller must give: those without a default. What stands in a `map` may be meant for it, and is
    /// not asked for.
    fn required(&self) -> Vec<&str> {
        let of_map: Vec<Range<usize>> = split_stages(&self.search)
            .unwrap_or_default()
            .into_iter()
            .map(Span::range)
            .filter(|stage| self.search[stage.clone()].contains("map "))
            .collect();
        let is_required = |(at, name): &(Range<usize>, &str)| {
            !self.defaults.contains_key(*name) && !of_map.iter().any(|stage| stage.contains(&at.start))
        };
        tokens(&self.search).into_iter().filter(is_required).map(|(_, name)| name).collect()
    }

    /// The text with its arguments in their places. `name` and `span` are for the error.
    pub(crate) fn fill(&self, name: &str, given: &BTreeMap<String, String>, span: Span) -> Result<String, QueryError> {
        let known = self.arguments();
        if let Some(unknown) = given.keys().find(|given| !known.contains(&given.as_str())) {
            let error = QueryError::rule(format!("the saved search `{name}` has no argument `{unknown}`"), span);
            return Err(error.with_nearest(unknown, known));
        }
        if let Some(missing) = self.required().into_iter().find(|required| !given.contains_key(*required)) {
            return Err(QueryError::rule(format!("the saved search `{name}` needs the argument `{missing}`"), span)
                .with_hint(format!("write `{missing}=VALUE` behind its name")));
        }
        Ok(self.replaced(|token, _| given.get(token).or_else(|| self.defaults.get(token)).cloned()))
    }

    /// The text with each argument replaced by what `value_of` says of its name and number of bytes.
    fn replaced(&self, value_of: impl Fn(&str, usize) -> Option<String>) -> String {
        let (mut text, mut end) = (String::with_capacity(self.search.len()), 0);
        for (at, name) in tokens(&self.search) {
            if let Some(value) = value_of(name, at.len()) {
                text.push_str(&self.search[end..at.start]);
                text.push_str(&value);
                end = at.end;
            }
        }
        text.push_str(&self.search[end..]);
        text
    }

    /// Whether it is a valid search with some values of its arguments.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place in [`SavedSearch::search`].
    pub fn check(&self, options: &SearchOptions) -> Result<(), QueryError> {
        // As long as what they stand for, so that places stay what they are. Numbers are words, too.
        let number = self.replaced(|_, len| Some("1".repeat(len)));
        let Err(error) = Search::prepare(&number, options) else { return Ok(()) };
        let word = self.replaced(|_, len| Some("x".repeat(len)));
        let default = self.replaced(|name, len| Some(self.defaults.get(name).cloned().unwrap_or("x".repeat(len))));
        match [word, default].iter().any(|text| Search::prepare(text, options).is_ok()) {
            true => Ok(()),
            false => Err(error),
        }
    }

    /// The text as the language prints it, macros replaced; `None` if it cannot be read without values of its arguments.
    pub fn canonical(&self, options: &SearchOptions) -> Option<String> {
        let names = self.arguments();
        let as_number = |at: usize| format!("{}", 730_145_001 + at);
        let as_word = |at: usize| format!("argument{}x", 730_145_001 + at);
        let forms: [&dyn Fn(usize) -> String; 2] = [&as_number, &as_word];
        forms.iter().find_map(|form| {
            let text = self.replaced(|name, _| names.iter().position(|known| *known == name).map(form));
            let search = Search::prepare(&text, options).ok()?;
            let put_back = |text: String, (at, name): (usize, &&str)| text.replace(&form(at), &format!("${name}$"));
            let canonical = names.iter().enumerate().fold(search.canonical().to_owned(), put_back);
            names.iter().all(|name| canonical.contains(&format!("${name}$"))).then_some(canonical)
        })
    }
}

/// The places of all `$name$`, and their names.
fn tokens(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('$').map(|found| at + found) {
        let name = &text[start + 1..];
        let len = name.find(|c: char| !(c.is_alphanumeric() || "_.-".contains(c))).unwrap_or(name.len());
        let is_token = name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name[len..].starts_with('$');
        at = start + 1;
        if is_token {
            at = start + len + 2;
            found.push((start..at, &name[..len]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;
    use std::sync::Arc;

    fn saved(search: &str) -> SavedSearch {
        SavedSearch { defaults: [("host".into(), "*".into())].into(), ..SavedSearch::new(search) }
    }

    fn options(saved: SavedSearch) -> SearchOptions {
        let knowledge = Knowledge { saved_searches: [("s".to_owned(), saved)].into(), ..Knowledge::default() };
        SearchOptions { knowledge: Arc::new(knowledge), ..SearchOptions::new(1_795_183_200_000_000) }
    }

    #[test]
    fn arguments_are_what_stands_between_dollars() {
        for (text, expected) in
            [("a=$a$ b=\"$b_1$ $a$\"", vec!["a", "b_1"]), ("cost=5$ and $ 6$ $$ $a", vec![]), ("$$a$", vec!["a"])]
        {
            assert_eq!(SavedSearch::new(text).arguments(), expected, "{text}");
        }
    }

    #[test]
    fn arguments_are_put_in_their_places() {
        for (search, call, expected) in [
            ("error host=$host$", "", "search error host=*"),
            ("error host=$host$", "host=a", "search error host=a"),
            ("error host=$host$", "host=a nosubstitution=f", "search error host=a"),
            ("x | map search=\"error user=$user$\"", "", "search x | map search=\"error user=$user$\""),
        ] {
            let options = options(saved(search));
            let prepared = Search::prepare(&format!("| savedsearch s {call}"), &options).expect(call);
            assert_eq!(prepared.canonical(), expected, "{call}");
        }
        for (search, call, expected) in [
            ("error host=$host$", "hots=a", "the saved search `s` has no argument `hots`"),
            ("error host=$host$ \"$x$\"", "host=a", "the saved search `s` needs the argument `x`"),
            ("error host=$host$", "nosubstitution=t", "`$host$` is a dashboard token"),
        ] {
            let error = Search::prepare(&format!("| savedsearch s {call}"), &options(saved(search))).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{call}: {error}");
        }
    }

    /// The range of a search that uses one with a default range.
    fn range(search: &str, caller: (Option<&str>, Option<&str>)) -> (Option<i64>, Option<i64>, String) {
        let day = SavedSearch { earliest: Some("-1d@d".into()), latest: Some("@d".into()), ..SavedSearch::new(search) };
        let owned = |time: Option<&str>| time.map(str::to_owned);
        let options = SearchOptions { earliest: owned(caller.0), latest: owned(caller.1), ..options(day) };
        let search = Search::prepare("| savedsearch s | head 3", &options).expect("valid");
        let times = search.plan().times;
        let hours = |us: i64| (us - 1_795_183_200_000_000) / 3_600_000_000;
        (times.earliest.map(hours), times.latest.map(hours), search.canonical().to_owned())
    }

    #[test]
    fn a_default_range_holds_where_nobody_names_one() {
        let canonical = "search error earliest=-1d@d latest=@d | head 3".to_owned();
        assert_eq!(range("error", (None, None)), (Some(-38), Some(-14), canonical));
        // Any other range stands for the whole of it.
        assert_eq!(range("error", (Some("-1h"), None)), (Some(-1), None, "search error | head 3".to_owned()));
        let own = "search error earliest=-2h | head 3".to_owned();
        assert_eq!(range("error earliest=-2h", (None, None)), (Some(-2), Some(0), own));
        assert_eq!(range("| metadata type=hosts", (None, None)).0, Some(-38));
    }

    #[test]
    fn what_is_wrong_is_found_whatever_the_arguments_are() {
        for text in ["error | head $n$", "error host=$host$ | stats count by $f$", "error earliest=$t$", "a \"$b$\""] {
            let options = SearchOptions::new(1_795_183_200_000_000);
            assert_eq!(SavedSearch::new(text).check(&options), Ok(()), "{text}");
        }
        let text = "error host=$host$ | haed $n$";
        let error = saved(text).check(&SearchOptions::new(0)).unwrap_err();
        assert_eq!(&text[error.span.range()], "haed");
    }

    #[test]
    fn the_canonical_text_has_its_arguments() {
        for (text, expected) in
            [("error   host=$host$|head $n$", Some("search error host=$host$ | head $n$")), ("error | haed", None)]
        {
            assert_eq!(saved(text).canonical(&SearchOptions::new(0)).as_deref(), expected, "{text}");
        }
    }
}
