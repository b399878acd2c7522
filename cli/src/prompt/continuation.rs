//! When a query goes on in the next line.

use trawl_query::tokens::Tokens;

/// Whether Enter begins another line: a quote, bracket or parenthesis is open, or the line ends in `|` or `\`. An empty
/// line ends the query whatever is open, so that nobody is caught in a quote.
pub fn goes_on(text: &str) -> bool {
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    let end = text.trim_end();
    if text.contains('\n') && last_line.trim().is_empty() {
        return false;
    }
    Tokens::of(text).is_open() || end.ends_with('|') || last_line.ends_with('\\')
}

/// The query without the `\` at the ends of its lines. Every other byte keeps its place, so that errors point at what was
/// typed.
pub fn joined(text: &str) -> String {
    let text = text.replace("\\\n", " \n");
    match text.strip_suffix('\\') {
        Some(start) => format!("{start} "),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_queries_go_on() {
        let cases = [
            ("", false),
            ("error", false),
            ("error |", true),
            ("error | ", true),
            ("error | stats count", false),
            (r#"error "connection"#, true),
            (r#"error "connection refused""#, false),
            (r#"error "a\""#, true),
            ("(error OR", true),
            ("(error OR fatal)", false),
            ("a [search b", true),
            ("a [search b]", false),
            ("| eval x=if(a=1,", true),
            ("| eval x='a(b'", false),
            ("a ```comment", true),
            ("a ```comment (```", false),
            (r"error \", true),
            (r#"error "\\""#, false),
            ("error\n\\", true),
            ("a)", false),
            (r#"rex "(?<x>\(""#, false),
            ("(error\n", false),
            ("error |\n  ", false),
            ("error |\n(a\nb", true),
        ];
        for (text, expected) in cases {
            assert_eq!(goes_on(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_joined_in_place() {
        for (text, expected) in
            [("error \\\n| stats count", "error  \n| stats count"), ("error \\", "error  "), ("a\\b\n|", "a\\b\n|")]
        {
            assert_eq!(joined(text), expected);
            assert_eq!(joined(text).len(), text.len());
        }
    }
}
