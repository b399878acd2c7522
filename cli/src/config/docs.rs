//! `docs/config.md`, written from the declarations in [`raw`](super::raw).

use super::raw::{KeyDoc, Limits, RawConfig, SECTIONS, Search, SectionDoc};
use super::{Config, tests};
use std::fmt::Write;

const INTRO: &str = "\
# Configuration

<!-- Written by a test from cli/src/config/raw.rs; change it there, then run: UPDATE_DOCS=1 cargo test -p trawl-cli docs -->

trawl needs no configuration. It looks for one in the file that `--config` names, in the one that `$TRAWL_CONFIG` names, in
`./trawl.toml`, in the user's folder (`$XDG_CONFIG_HOME/trawl/trawl.toml`, that is `~/.config/trawl/trawl.toml`) and in
`/etc/trawl/trawl.toml`, and uses the first that exists. A key that it does not know is an error. `trawl config show`
prints each setting, its value and where the value comes from. Options and environment variables win over the file.

Log formats of your own are files in the folder `sourcetypes` beside the configuration file.
";

/// The whole page.
fn page() -> String {
    let defaults = tests::default_config();
    let mut page = INTRO.to_owned();
    section(&mut page, &defaults, "", "Before the first table", RawConfig::KEYS);
    section(&mut page, &defaults, "search", "`[search]`", Search::KEYS);
    section(&mut page, &defaults, "limits", "`[limits]`", Limits::KEYS);
    SECTIONS.iter().for_each(|section| definitions(&mut page, section));
    page
}

/// A section that defines names: what it says of its keys includes their defaults.
fn definitions(page: &mut String, section: &SectionDoc) {
    let SectionDoc { title, doc, example, keys } = section;
    write!(page, "\n## {title}\n\n{doc}\n\n```toml\n{example}\n```\n").expect("writing to a string does not fail");
    for key in *keys {
        let doc = key.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        write!(page, "\n### `{}`\n\n{doc}\n\nExample: `{} = {}`\n", key.name, key.name, key.example)
            .expect("writing to a string does not fail");
    }
}

fn section(page: &mut String, defaults: &Config, table: &str, title: &str, keys: &[KeyDoc]) {
    writeln!(page, "\n## {title}").expect("writing to a string does not fail");
    for key in keys {
        let doc = key.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        let settings = defaults.settings();
        let shown = settings.iter().find(|shown| (shown.table, shown.key) == (table, key.name));
        let default = &shown.expect("every key is shown by `config show`").value;
        write!(
            page,
            "\n### `{}`\n\n{doc}\n\nDefault: `{default}`. Example: `{} = {}`\n",
            key.name, key.name, key.example
        )
        .expect("writing to a string does not fail");
    }
}

#[test]
fn docs_are_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/config.md");
    crate::docs::check(path, &page());
}
