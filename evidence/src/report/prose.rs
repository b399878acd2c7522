//! Markdown that people wrote, and text that logs wrote, on their way into a report.
//!
//! Nobody's text becomes markup of the report: HTML in Markdown is shown as what it is, links lead to the web or to mail only,
//! images become links (a report loads nothing), headings stay below those of the report.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use std::borrow::Cow;
use trawl_formats::visible::visible;

/// Where links may lead.
const SCHEMES: [&str; 3] = ["http://", "https://", "mailto:"];
/// How many levels headings are put down: those of the report are the first ones.
const DEMOTED: usize = 2;

/// The text without what a reader would not see and what XML forbids: escapes stand for control characters.
pub fn clean(text: &str) -> Cow<'_, str> {
    let unix = if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) };
    // Behind the control characters, these two are all that XML has no way to write.
    let is_forbidden = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}');
    match visible(&unix) {
        text if text.contains(is_forbidden) => Cow::Owned(text.replace(is_forbidden, "\u{fffd}")),
        Cow::Borrowed(_) => unix,
        Cow::Owned(text) => Cow::Owned(text),
    }
}

/// Plain text as Markdown that shows just that text, on one line and in one cell of a table. An address in it becomes no link.
pub fn escape_markdown(text: &str) -> String {
    let text = clean(text).replace(['\n', '\t'], " ");
    let text = text.trim();
    let mut out = String::with_capacity(text.len() + 8);
    // At the beginning of a line, these begin a list or a heading.
    let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    for (at, c) in text.char_indices() {
        let is_last = |after: &str| after.is_empty() || after.starts_with(' ');
        let begins = at == 0 && "-+=#".contains(c)
            || at == n_digits && n_digits > 0 && ".)".contains(c) && is_last(&text[at + 1..]);
        let is_address = c == ':' && text[at..].starts_with("://");
        if begins || is_address || "\\`*_[]<>|~&!$@#".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Plain text as a block of code of Markdown, between fences that are longer than any in it; ends with a line end.
pub fn code_block(text: &str) -> String {
    let text = clean(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

/// Text for HTML and XML, in content and in quoted attributes.
pub fn escape_html(text: &str) -> String {
    trawl_formats::visible::escape_html(&clean(text))
}

/// What Markdown is taken for: the language of CommonMark, with tables and struck-out text.
fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH
}

/// Markdown as plain text, without its marks.
pub fn to_text(markdown: &str) -> String {
    let parts = Parser::new_ext(markdown, options()).filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => Some(text),
        Event::SoftBreak | Event::HardBreak => Some(CowStr::Borrowed(" ")),
        _ => None,
    });
    parts.collect::<Vec<_>>().concat()
}

/// Markdown as HTML that is XML, too.
pub fn to_html(markdown: &str) -> String {
    let markdown = clean(markdown);
    let mut out = String::new();
    html::push_html(&mut out, harmless(Parser::new_ext(&markdown, options())));
    out
}

/// Markdown as Confluence stores it: as [`to_html`], with code as its macro.
pub fn to_confluence(markdown: &str) -> String {
    let markdown = clean(markdown);
    let (mut out, mut code) = (String::new(), None::<String>);
    let events = harmless(Parser::new_ext(&markdown, options())).filter_map(|event| match (event, &mut code) {
        (Event::Start(Tag::CodeBlock(_)), _) => {
            code = Some(String::new());
            None
        }
        (Event::End(TagEnd::CodeBlock), _) => {
            Some(Event::Html(super::confluence::code_macro(&code.take().unwrap_or_default()).into()))
        }
        (Event::Text(text), Some(code)) => {
            code.push_str(&text);
            None
        }
        (event, _) => Some(event),
    });
    html::push_html(&mut out, events);
    out
}

/// Markdown as Markdown: HTML in it is shown, not done, and headings are put down.
pub fn to_markdown(markdown: &str) -> String {
    let markdown = clean(markdown);
    let mut out = String::with_capacity(markdown.len());
    let mut written = 0;
    for (event, range) in Parser::new_ext(&markdown, options()).into_offset_iter() {
        let replaced = match event {
            Event::Html(html) | Event::InlineHtml(html) => html.replace('&', "&amp;").replace('<', "&lt;"),
            Event::Start(Tag::Heading { level, .. }) if markdown[range.clone()].starts_with('#') => {
                let end = range.start + level as usize;
                let demoted = "#".repeat((level as usize + DEMOTED).min(6));
                out.push_str(&markdown[written..range.start]);
                out.push_str(&demoted);
                written = end;
                continue;
            }
            Event::Start(Tag::Link { ref dest_url, .. }) if !is_safe_link(dest_url) => {
                // Without brackets it is no link.
                out.push_str(&markdown[written..range.start]);
                out.push('\\');
                written = range.start;
                continue;
            }
            Event::Start(Tag::Image { .. }) => {
                // Without its exclamation mark it is a link.
                out.push_str(&markdown[written..range.start]);
                written = range.start + 1;
                continue;
            }
            _ => continue,
        };
        if range.start < written {
            continue;
        }
        out.push_str(&markdown[written..range.start]);
        out.push_str(&replaced);
        written = range.end;
    }
    out.push_str(&markdown[written..]);
    out
}

fn is_safe_link(url: &str) -> bool {
    let url = url.trim().to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| url.starts_with(scheme)) || url.starts_with('#')
}

/// The events without what could do something.
fn harmless<'m>(events: impl Iterator<Item = Event<'m>>) -> impl Iterator<Item = Event<'m>> {
    let mut is_linked = Vec::new();
    events.filter_map(move |event| {
        Some(match event {
            Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            Event::Start(Tag::Link { dest_url, title, .. } | Tag::Image { dest_url, title, .. }) => {
                // A link in a link is none.
                let is_safe = is_safe_link(&dest_url) && !is_linked.contains(&true);
                is_linked.push(is_safe);
                if !is_safe {
                    return None;
                }
                Event::Html(format!("<a href=\"{}\" title=\"{}\">", escape_html(&dest_url), escape_html(&title)).into())
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if is_linked.pop() != Some(true) {
                    return None;
                }
                Event::Html(CowStr::Borrowed("</a>"))
            }
            Event::Start(Tag::Heading { level, .. }) => {
                Event::Start(Tag::Heading { level: demoted(level), id: None, classes: Vec::new(), attrs: Vec::new() })
            }
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(demoted(level))),
            // Its words could be anything; nothing reads them.
            Event::Start(Tag::CodeBlock(_)) => Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)),
            event => event,
        })
    })
}

fn demoted(level: HeadingLevel) -> HeadingLevel {
    HeadingLevel::try_from((level as usize + DEMOTED).min(6)).unwrap_or(HeadingLevel::H6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::assert_well_formed;
    use proptest::prelude::*;

    #[test]
    fn markdown_is_rendered() {
        let html = to_html(
            "# Chain\r\n\r\n1. *deploy*\n2. `SELECT`\n\n| a | b |\n|---|---|\n| 1 | ~~2~~ |\n\n[ticket](https://example.com/x?a=1&b=2)",
        );
        insta::assert_snapshot!(html, @r#"
        <h3>Chain</h3>
        <ol>
        <li><em>deploy</em></li>
        <li><code>SELECT</code></li>
        </ol>
        <table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>
        <tr><td>1</td><td><del>2</del></td></tr>
        </tbody></table>
        <p><a href="https://example.com/x?a=1&amp;b=2" title="">ticket</a></p>
        "#);
    }

    #[test]
    fn markdown_without_its_marks() {
        assert_eq!(
            to_text("The **DBA** saw `pg_stat`, [see](https://x.example) <b>it</b>"),
            "The DBA saw pg_stat, see <b>it</b>"
        );
    }

    #[test]
    fn nothing_ends_a_block_of_code() {
        assert_eq!(code_block("  a\n b\n\n"), "```text\n  a\n b\n```\n");
        assert_eq!(code_block("a ```` b\n```\nc\x1b[m"), "`````text\na ```` b\n```\nc\\x1b[m\n`````\n");
    }

    const HOSTILE: &[&str] = &[
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[click](javascript:alert(1)) [too](  JavaScript:x) [data](data:text/html,x)",
        "![pixel](https://evil.example/p.png)",
        "[![pixel](https://evil.example/p.png)](https://evil.example)",
        "<!-- hidden --> <div>\n\nx\n\n</div>",
        "```html\"><script>\n]]></script>\n```",
        "[x]: javascript:alert(1)\n[x]",
        "<https://ok.example> <javascript:alert(1)>",
        "\u{1b}[31mred\u{0}\u{fffe}\u{202e}",
    ];

    #[test]
    fn nothing_in_it_does_anything() {
        for text in HOSTILE {
            for html in [to_html(text), to_confluence(text), to_html(&to_markdown(text))] {
                let lower = html.to_lowercase();
                for bad in
                    ["<script", "<img", "<div", "href=\"javascript", "href=\"data", "\u{1b}", "\u{0}", "\u{202e}"]
                {
                    assert!(!lower.contains(bad), "{text}: {html}");
                }
            }
            assert_well_formed(&to_html(text));
            assert_well_formed(&to_confluence(text));
        }
    }

    #[test]
    fn plain_text_stays_plain() {
        for text in ["a*b*c [x](y) <b> & `c` | _d_", "# no heading", "- no list", "1. no list", "http://x ~~y~~ !z"] {
            assert_eq!(
                to_html(&escape_markdown(text)),
                format!("<p>{}</p>\n", escape_html(text).replace("&quot;", "\""))
            );
        }
        // Those that make links of addresses on their own find none.
        assert_eq!(escape_markdown("see http://x.example: a@b"), r"see http\://x.example: a\@b");
    }

    #[test]
    fn markdown_stays_markdown() {
        let text = "# Cause\n\nSee *this* <b>bold</b> & [x](https://e.example)\n\n<script>\nx\n</script>\n";
        let out = to_markdown(text);
        assert!(out.starts_with("### Cause\n\nSee *this* &lt;b>bold&lt;/b> & [x](https://e.example)"), "{out}");
        assert!(!out.contains("<script"), "{out}");
    }

    proptest! {
        #[test]
        fn any_text_is_well_formed(text in "[a-c<>&\"'\\[\\]()!#*_`|\\n \\-\\x00-\\x1f\u{fffe}\u{202e}/:=]{0,60}") {
            assert_well_formed(&to_html(&text));
            assert_well_formed(&to_confluence(&text));
            assert_well_formed(&format!("<p a=\"{0}\">{0}</p>", escape_html(&text)));
            let shown = to_html(&escape_markdown(&text));
            prop_assert!(!shown.contains("<em>") && !shown.contains("<a ") && !shown.contains("<li>"), "{}", shown);
        }
    }
}
