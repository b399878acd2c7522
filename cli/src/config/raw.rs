//! The configuration file as written: every key optional, nothing resolved.
//!
//! Each table is declared once, with the documentation of its keys; `docs/config.md` is written from the same
//! declarations.

use super::units::{ByteSize, Timeout};
use crate::error::Advice;
use anyhow::Context;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Spanned;
use trawl_formats::IndexName;
use trawl_query::error::nearest;

/// Documentation of one key.
#[cfg(test)]
pub struct KeyDoc {
    /// The key.
    pub name: &'static str,
    /// What it does, in lines of Markdown.
    pub doc: &'static [&'static str],
    /// A value, as TOML.
    pub example: &'static str,
}

/// Declares a table of the configuration: a struct of optional values that know their place in the file, and the
/// documentation of its keys. Tables inside it follow after `tables`.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        $table:ident { $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $example:literal,)+ }
        $(tables { $($(#[doc = $sub_doc:literal])+ $sub:ident: $sub_type:ty,)+ })?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $table {
            $($(#[doc = $doc])+ pub $key: Option<Spanned<$type>>,)+
            $($($(#[doc = $sub_doc])+ pub $sub: $sub_type,)+)?
        }

        #[cfg(test)]
        #[cfg(test)]
        impl $table {
            /// The keys of the table, with their documentation.
            pub const KEYS: &'static [KeyDoc] =
                &[$(KeyDoc { name: stringify!($key), doc: &[$($doc),+], example: $example },)+];
        }
    };
}

table! {
    /// A configuration file.
    RawConfig {
        /// Folder of the indexed data. A relative path starts at the folder of the configuration file.
        data: PathBuf = r#""/srv/trawl""#,
        /// Folder of lookup tables. A relative path starts at the folder of the configuration file.
        lookups: PathBuf = r#""/etc/trawl/lookups""#,
        /// Time zone: for `trawl index`, of time stamps without one; elsewhere, of times read and printed.
        tz: String = r#""Europe/Berlin""#,
    }
    tables {
        /// `[search]`
        search: Search,
        /// `[limits]`
        limits: Limits,
    }
}

table! {
    /// `[search]`
    Search {
        /// Indexes that a search covers when it names none; `[]` means all whose names do not begin with `_`.
        default_indexes: Vec<IndexName> = r#"["main", "web"]"#,
        /// Longest time that a search may run. What was found until then is printed, and the exit status is 2.
        deadline: Timeout = r#""30s""#,
        /// Events that a terminal shows when `-n` is not given; 0 shows all.
        limit: usize = "100",
    }
}

table! {
    /// `[limits]`
    Limits {
        /// Most groups that one `stats`, `top`, `timechart` and the like may make.
        max_groups: usize = "5000000",
        /// Most memory that the commands of one search may take together.
        max_memory_bytes: ByteSize = r#""2GiB""#,
    }
}

impl RawConfig {
    /// Reads the text of the configuration file `path`.
    ///
    /// # Errors
    /// If it is not TOML, a value has the wrong type or a key is unknown; the error shows the line and, for a key, the
    /// nearest known one.
    pub fn parse(text: &str, path: &Path) -> anyhow::Result<Self> {
        toml::from_str(text)
            .map_err(|error| explain(&error))
            .with_context(|| format!("cannot use configuration {}", path.display()))
    }
}

/// Adds the nearest known key to an error about an unknown one.
fn explain(error: &toml::de::Error) -> anyhow::Error {
    let text = error.to_string().trim_end().to_owned();
    if error.message().starts_with("unknown field") {
        // serde's text is "unknown field `a`, expected one of `b`, `c`".
        let mut quoted = error.message().split('`').skip(1).step_by(2);
        if let Some(known) = quoted.next().and_then(|unknown| nearest(unknown, quoted)) {
            return Advice::new(text, format!("did you mean `{known}`?")).into();
        }
    }
    anyhow::Error::msg(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_valid() {
        let lines =
            |keys: &[KeyDoc]| keys.iter().map(|key| format!("{} = {}\n", key.name, key.example)).collect::<String>();
        let text =
            format!("{}[search]\n{}[limits]\n{}", lines(RawConfig::KEYS), lines(Search::KEYS), lines(Limits::KEYS));
        RawConfig::parse(&text, Path::new("trawl.toml")).unwrap();
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = RawConfig::parse("[search]\ndedline = \"3s\"\n", Path::new("trawl.toml")).unwrap_err();
        insta::assert_snapshot!(format!("{error:#}\nhint: {}", Advice::hint_of(&error).unwrap_or("none")), @r#"
        cannot use configuration trawl.toml: TOML parse error at line 2, column 1
          |
        2 | dedline = "3s"
          | ^^^^^^^
        unknown field `dedline`, expected one of `default_indexes`, `deadline`, `limit`
        hint: did you mean `deadline`?
        "#);
    }

    #[test]
    fn a_wrong_value_is_pointed_at() {
        let error = RawConfig::parse("[search]\ndeadline = \"3 years\"\n", Path::new("trawl.toml")).unwrap_err();
        insta::assert_snapshot!(format!("{error:#}"), @r#"
        cannot use configuration trawl.toml: TOML parse error at line 2, column 12
          |
        2 | deadline = "3 years"
          |            ^^^^^^^^^
        `3 years` is not a duration such as `30s`, `5m` or `none`
        "#);
    }
}
