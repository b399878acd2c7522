//! What holds for the repository as a whole: layering, the map, the README.

use crate::support::Sandbox;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may depend on: arrows point down only.
const MAY_DEPEND_ON: [(&str, &[&str]); 10] = [
    ("formats", &[]),
    ("store", &["formats"]),
    ("indexer", &["store", "formats"]),
    ("query", &["store", "formats"]),
    ("alert", &["query", "store", "formats"]),
    ("evidence", &["query", "store", "formats"]),
    ("cli", &["alert", "evidence", "indexer", "query", "store", "formats", "testdata"]),
    // Beside the house: nothing above depends on the benches, and the corpora depend on nothing.
    ("benches", &["cli", "indexer", "query", "store", "formats", "testdata"]),
    ("testdata", &[]),
    ("fuzz/bodies", &["evidence", "indexer", "query", "store", "formats"]),
];

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn manifest(path: &Path) -> toml::Table {
    fs::read_to_string(path.join("Cargo.toml")).unwrap().parse().unwrap()
}

/// Members of the workspace.
fn crates() -> Vec<String> {
    let manifest = manifest(&root());
    let members = manifest["workspace"]["members"].as_array().unwrap();
    members.iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

/// Our own crates among the dependencies of `name`.
fn own_dependencies(name: &str, tables: &[&str]) -> BTreeSet<String> {
    let manifest = manifest(&root().join(name));
    let dependencies = tables.iter().filter_map(|table| manifest.get(*table)?.as_table());
    dependencies.flat_map(|table| table.keys()).filter_map(|key| Some(key.strip_prefix("trawl-")?.to_owned())).collect()
}

#[test]
fn arrows_point_down_only() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.into_iter().collect();
    for name in crates() {
        let allowed = allowed.get(name.as_str()).unwrap_or_else(|| panic!("say here what `{name}` may depend on"));
        for dependency in own_dependencies(&name, &["dependencies", "build-dependencies"]) {
            assert!(allowed.contains(&dependency.as_str()), "`{name}` must not know `{dependency}`");
        }
        // Tests may use the corpora on top, and only them.
        for dependency in own_dependencies(&name, &["dev-dependencies"]) {
            let fine = allowed.contains(&dependency.as_str()) || dependency == "testdata";
            assert!(fine, "the tests of `{name}` must not know `{dependency}`");
        }
    }
}

#[test]
fn no_crate_reaches_around_its_manifest() {
    for name in crates() {
        for file in rust_files(&root().join(&name)) {
            let text = fs::read_to_string(&file).unwrap();
            let outside = text.lines().any(|line| line.trim_start().starts_with("#[path") && line.contains("../../"));
            assert!(!outside, "{} includes a file of another crate", file.display());
        }
    }
}

/// Code in backticks on a page, outside of fenced blocks.
fn inline_code(page: &str) -> BTreeSet<String> {
    let fenced = Regex::new(r"(?s)```.*?```").unwrap();
    let code = Regex::new(r"`([^`\n]+)`").unwrap();
    let prose = fenced.replace_all(page, "");
    code.captures_iter(&prose).map(|captures| captures[1].to_owned()).collect()
}

#[test]
fn the_map_names_what_exists() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let crates = crates();
    let code = inline_code(&page);
    for name in &crates {
        let is_named =
            code.iter().any(|code| code.trim_end_matches('/') == name || code.starts_with(&format!("{name}/")));
        assert!(is_named, "ARCHITECTURE.md does not name the crate `{name}`");
    }
    // `store/src/live.rs`, `formats/sourcetypes/`, `store::bucket::journal`, `journal.rs`
    let file = Regex::new(r"^[a-z_]+\.rs$").unwrap();
    for code in &code {
        let first = code.split(['/', ':']).next().unwrap_or_default();
        let is_of_ours = crates.iter().any(|name| name == first);
        if is_of_ours && code.contains("::") {
            assert!(module_exists(code), "ARCHITECTURE.md names the module `{code}`, which does not exist");
        } else if is_of_ours && code.contains('/') && !code.contains(['*', '<', ' ']) {
            assert!(root().join(code).exists(), "ARCHITECTURE.md names `{code}`, which does not exist");
        } else if file.is_match(code) {
            let exists = crates.iter().flat_map(|name| rust_files(&root().join(name))).any(|path| path.ends_with(code));
            assert!(exists, "ARCHITECTURE.md names `{code}`, which does not exist");
        }
    }
}

#[test]
fn the_codemap_names_modules_of_its_crates() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let paragraph = Regex::new(r"(?s)\*\*([a-z]+)\.\*\* (.*?)(?:\n\n|\z)").unwrap();
    let module = Regex::new(r"^[a-z_]+$").unwrap();
    let mut n_modules = 0;
    for captures in paragraph.captures_iter(&page) {
        let Some(name) = crates().into_iter().find(|name| *name == captures[1]) else { continue };
        let src = root().join(&name).join("src");
        let modules: BTreeSet<String> = rust_files(&src)
            .iter()
            .flat_map(|file| {
                file.strip_prefix(&src).unwrap().with_extension("").components().map(text_of).collect::<Vec<_>>()
            })
            .collect();
        for named in inline_code(&captures[2]).into_iter().filter(|code| module.is_match(code)) {
            assert!(modules.contains(&named), "ARCHITECTURE.md names `{named}` of `{name}`, which does not exist");
            n_modules += 1;
        }
    }
    assert!(n_modules > 10, "the codemap of ARCHITECTURE.md has paragraphs that begin with `**crate.**`");
}

fn text_of(component: std::path::Component<'_>) -> String {
    component.as_os_str().to_string_lossy().into_owned()
}

/// Whether `crate::a::b` is a module; a last part that begins with a capital is an item, and not looked for.
fn module_exists(path: &str) -> bool {
    let mut parts = path.split("::").filter(|part| part.starts_with(|c: char| c.is_ascii_lowercase()));
    let mut place = root().join(parts.next().unwrap_or_default()).join("src");
    for part in parts {
        let name = part.trim_end_matches("()");
        place.push(name);
    }
    place.is_dir() || place.with_extension("rs").is_file()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The `trawl …` commands in the fenced blocks of a page, words of the shell taken apart.
fn commands(page: &str) -> Vec<Vec<String>> {
    let fenced = Regex::new(r"(?s)```[a-z]*\n(.*?)```").unwrap();
    let mut commands = Vec::new();
    for block in fenced.captures_iter(page) {
        for line in block[1].lines() {
            let line = line.trim_start().trim_start_matches("$ ");
            let line = line.rsplit_once(" | trawl ").map_or(line.to_owned(), |(_, rest)| format!("trawl {rest}"));
            if line.starts_with("trawl ") {
                commands.push(words(&line));
            }
        }
    }
    commands
}

/// Splits at white space outside of quotes; stops at a comment, a redirection or the next command.
pub fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => words.last_mut().unwrap().push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') if words.last().is_some_and(|word| !word.is_empty()) => words.push(String::new()),
            (None, ' ') => {}
            (None, '#' | '>' | '|' | ';' | '&') => break,
            (None, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_on_our_pages_exist() {
    let sandbox = Sandbox::new();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    for page in ["README.md", "docs/GUIDE.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let commands = commands(&text);
        assert!(!commands.is_empty(), "{page} shows no command");
        for command in commands {
            let mut verb = command[1].clone();
            if verb.starts_with('-') {
                continue;
            }
            let mut help_of = |verb: &str| {
                let help = helps.entry(verb.to_owned()).or_insert_with(|| {
                    let args: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
                    let run = sandbox.trawl(&args);
                    assert_eq!(run.code(), 0, "{page} shows `trawl {verb}`, which does not exist");
                    String::from_utf8_lossy(run.stdout()).into_owned()
                });
                help.clone()
            };
            let mut help = help_of(&verb);
            let mut subs = command[2..].iter().take_while(|sub| !sub.starts_with('-'));
            while let Some(sub) = subs.next().filter(|_| help.contains("Commands:")) {
                verb = format!("{verb} {sub}");
                help = help_of(&verb);
            }
            for word in command[2..].iter().filter(|word| word.starts_with("--")) {
                let option = word.split('=').next().unwrap();
                assert!(help.contains(option), "{page} shows `trawl {verb} {option}`, which does not exist");
            }
        }
    }
}
