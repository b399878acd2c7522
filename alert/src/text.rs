//! Text from logs on its way to people: escaped for where it goes.

pub use trawl_formats::visible::{clip, one_line, visible};

/// A moment, in microseconds UTC, as RFC 3339 has it.
pub fn rfc3339(us: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_micros(us).unwrap_or_default();
    moment.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// A moment, in microseconds UTC, for people: to the second.
pub fn moment(us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(us).unwrap_or_default().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Escapes for HTML, in text and in quoted attributes.
pub fn html(text: &str) -> String {
    trawl_formats::visible::escape_html(&visible(text))
}

/// Escapes for Slack: the three characters that make links, mentions and entities there. At most `max_chars` come out, and no
/// entity is cut.
pub fn slack(text: &str, max_chars: usize) -> String {
    let text = visible(text);
    let (mut out, mut n_chars) = (String::with_capacity(text.len().min(max_chars) + 16), 0);
    for c in text.chars() {
        let mut buffer = [0; 4];
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            c => &*c.encode_utf8(&mut buffer),
        };
        n_chars += escaped.chars().count();
        if n_chars > max_chars {
            while out.chars().count() + 1 > max_chars && out.pop().is_some() {}
            // What was popped may have been the end of an entity.
            if let Some(at) = out.rfind('&').filter(|at| !out[*at..].contains(';')) {
                out.truncate(at);
            }
            out.push('…');
            break;
        }
        out.push_str(escaped);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_entities_are_whole() {
        assert_eq!(slack("<!channel> & co", 100), "&lt;!channel&gt; &amp; co");
        for max in 1..40 {
            let cut = slack("<<<<<<<<<<", max);
            assert!(cut.chars().count() <= max, "{max}: {cut}");
            assert_eq!(cut.trim_end_matches('…').replace("&lt;", ""), "", "{max}: {cut}");
        }
    }

    #[test]
    fn html_is_text() {
        assert_eq!(html("</script><a href='x\">&"), "&lt;/script&gt;&lt;a href=&#39;x&quot;&gt;&amp;");
    }
}
