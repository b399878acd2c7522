//! Random sequences of what programs and logrotate do to logs, checked against a model: each byte exactly once.

use crate::lab::{AN_HOUR, Lab, bzip2, describe, gzip, xz, zstd};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Action {
    /// The program writes lines; the last may be left unfinished.
    Append { n_lines: u32, with_trace: bool, unfinished: bool },
    /// `app.log` becomes `app.log.1`, and so on.
    Rename,
    /// `app.log` is copied to `app.log.1` and emptied.
    CopyTruncate,
    /// A rotated file is compressed; the plain one may stay beside it for a while.
    Compress { which: usize, format: usize, keep: bool },
    /// Time passes; with an hour, last events close.
    Wait { an_hour: bool },
    /// The folder is indexed, or the current log alone.
    Index { only_current: bool },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1..40_u32, any::<bool>(), any::<bool>())
            .prop_map(|(n_lines, with_trace, unfinished)| Action::Append { n_lines, with_trace, unfinished }),
        1 => Just(Action::Rename),
        1 => Just(Action::CopyTruncate),
        1 => (0..5_usize, 0..COMPRESSORS.len(), any::<bool>())
            .prop_map(|(which, format, keep)| Action::Compress { which, format, keep }),
        1 => any::<bool>().prop_map(|an_hour| Action::Wait { an_hour }),
        3 => any::<bool>().prop_map(|only_current| Action::Index { only_current }),
    ]
}

type Compress = fn(&[u8]) -> Vec<u8>;
const COMPRESSORS: [(&str, Compress); 4] = [("gz", gzip), ("zst", zstd), ("bz2", bzip2), ("xz", xz)];

struct Model {
    lab: Lab,
    /// What each file of the folder holds, by name.
    files: BTreeMap<String, Vec<u8>>,
    n_lines: u32,
}

impl Model {
    fn new() -> Self {
        Self { lab: Lab::new(), files: BTreeMap::new(), n_lines: 0 }
    }

    fn apply(&mut self, action: &Action) {
        match *action {
            Action::Append { n_lines, with_trace, unfinished } => {
                let mut text = String::new();
                for n in self.n_lines..self.n_lines + n_lines {
                    text += &crate::lab::line(n);
                    if with_trace && n % 5 == 0 {
                        text += "\tat a.b.C.d(C.java:1)\n\tat e.f.G.h(G.java:2)\n";
                    }
                }
                self.n_lines += n_lines;
                if unfinished {
                    text.truncate(text.len() - 7);
                }
                self.lab.append("app.log", &text);
                self.lab.set_age("app.log", Duration::from_secs(1));
                self.files.entry("app.log".to_owned()).or_default().extend_from_slice(text.as_bytes());
            }
            Action::Rename => {
                self.shift();
                if let Some(content) = self.files.remove("app.log") {
                    self.lab.rename("app.log", "app.log.1");
                    self.files.insert("app.log.1".to_owned(), content);
                }
            }
            Action::CopyTruncate => {
                let Some(content) = self.files.get("app.log").filter(|content| !content.is_empty()).cloned() else {
                    return;
                };
                self.shift();
                self.lab.write("app.log.1", &content);
                self.lab.set_age("app.log.1", Duration::from_secs(1));
                self.files.insert("app.log.1".to_owned(), content);
                self.lab.write("app.log", "");
                self.files.insert("app.log".to_owned(), Vec::new());
            }
            Action::Compress { which, format, keep } => {
                let (suffix, compress) = COMPRESSORS[format];
                let plain: Vec<String> =
                    self.files.keys().filter(|name| name.ends_with(|c: char| c.is_ascii_digit())).cloned().collect();
                let Some(name) = plain.get(which % plain.len().max(1)) else { return };
                let compressed = format!("{name}.{suffix}");
                // gzip would ask before it overwrites.
                if self.files.contains_key(&compressed) {
                    return;
                }
                let content = self.files[name].clone();
                self.lab.write(&compressed, compress(&content));
                if !keep {
                    self.lab.remove(name);
                    self.files.remove(name);
                }
                self.files.insert(compressed, content);
            }
            Action::Wait { an_hour } => {
                let time = if an_hour { AN_HOUR } else { Duration::from_secs(5) };
                self.lab.options.now_us += time.as_micros() as i64;
            }
            Action::Index { only_current: true } => {
                if self.files.contains_key("app.log") {
                    self.lab.index_names(&["app.log"]);
                }
            }
            Action::Index { only_current: false } => {
                let report = self.lab.index();
                assert!(!report.has_errors(), "{report:?}");
                self.check();
            }
        }
    }

    /// Counts each rotated file up by one.
    fn shift(&mut self) {
        let rotated = |name: &String| {
            let rest = name.strip_prefix("app.log.")?;
            let (count, suffix) = rest.split_once('.').map_or((rest, ""), |(count, suffix)| (count, suffix));
            Some((count.parse::<u32>().expect("the model counts"), suffix.to_owned(), name.clone()))
        };
        let mut names: Vec<_> = self.files.keys().filter_map(rotated).collect();
        names.sort_unstable_by(|a, b| b.cmp(a));
        for (count, suffix, name) in names {
            let dot = if suffix.is_empty() { "" } else { "." };
            let next = format!("app.log.{}{dot}{suffix}", count + 1);
            self.lab.rename(&name, &next);
            let content = self.files.remove(&name).expect("listed");
            self.files.insert(next, content);
        }
    }

    /// The store holds what the files hold: the content of each log once, however many files hold it.
    fn check(&self) {
        let mut expected: Vec<&Vec<u8>> = self.files.values().filter(|content| !content.is_empty()).collect();
        expected.sort();
        expected.dedup();
        let contents = self.lab.contents();
        let mut stored: Vec<&Vec<u8>> = contents.values().collect();
        stored.sort();
        let readable =
            |contents: &[&Vec<u8>]| -> Vec<String> { contents.iter().map(|content| describe(content)).collect() };
        assert_eq!(readable(&stored), readable(&expected), "sources: {:?}", contents.keys().collect::<Vec<_>>());
        assert!(stored == expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn each_byte_exactly_once(actions in proptest::collection::vec(action(), 1..25)) {
        let mut model = Model::new();
        for action in &actions {
            model.apply(action);
        }
        model.apply(&Action::Index { only_current: false });
        model.apply(&Action::Wait { an_hour: true });
        model.apply(&Action::Index { only_current: false });
        prop_assert!(model.lab.events().iter().all(|event| !event.provisional));
    }
}

/// `PROPTEST_CASES`, or few enough for each run of the tests.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}
