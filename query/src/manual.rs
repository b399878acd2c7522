//! Manual pages, kept in the `//!` lines of the file that does what they say.

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
    fn a_page_is_what_stands_before_the_code() {
        let manual = Manual::of("//! Does it. Really.\n//!\n//! ```example\n//! a\n//! > b\n//! ```\n\nfn main() {}\n");
        assert_eq!(manual.markdown(), "Does it. Really.\n\n```example\na\n> b\n```");
        assert_eq!(manual.summary(), "Does it");
        assert_eq!(manual.examples(), ["a\n> b"]);
    }
}
