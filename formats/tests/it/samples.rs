//! Every `[[sample]]` of `sourcetypes/*.toml`: a file made of it alone is detected as its sourcetype, is one event,
//! and gives the time, level, host and fields written beside it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use trawl_formats::{Fields, Wanted};

use crate::support::{Differences, micros, parse, rfc3339};

#[derive(Deserialize)]
struct Definition {
    name: String,
    #[serde(default)]
    sample: Vec<Sample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    text: String,
    /// Line with the column names, for formats that have one.
    header: Option<String>,
    /// The event as a reader sees it, where a wrapper hides it.
    raw: Option<String>,
    time: Option<String>,
    level: Option<String>,
    host: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

fn definitions() -> Vec<Definition> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sourcetypes");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .expect("the crate holds its sourcetypes")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a readable file");
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

#[test]
fn every_sourcetype_has_two_samples() {
    for definition in definitions() {
        assert!(definition.sample.len() >= 2, "{} has {} samples", definition.name, definition.sample.len());
    }
}

#[test]
fn every_sample_gives_what_is_written_beside_it() {
    let mut differences = Differences::default();
    for definition in definitions() {
        for (index, sample) in definition.sample.iter().enumerate() {
            check(&definition.name, &format!("{} sample {}", definition.name, index + 1), sample, &mut differences);
        }
    }
    differences.assert_none();
}

fn check(sourcetype: &str, of: &str, sample: &Sample, differences: &mut Differences) {
    let header = sample.header.as_ref().map_or_else(String::new, |header| format!("{header}\n"));
    let file = parse(format!("{header}{}\n", sample.text).as_bytes(), "sample");
    differences.check(of, "sourcetype", sourcetype, file.sourcetype());

    let events: Vec<_> = file.events.iter().filter(|event| !event.is_header()).collect();
    let [event] = events.as_slice() else {
        return differences.note(format!("{of}: expected one event, got {events:?}"));
    };
    let expected = sample.raw.as_deref().unwrap_or(&sample.text).trim_end_matches('\n');
    differences.check(of, "text", expected, &String::from_utf8_lossy(&event.text));
    let time = event.is_stamped().then(|| rfc3339(event.time_us));
    differences.check(of, "time", sample.time.as_deref().map(|time| rfc3339(micros(time))), time);
    differences.check(of, "level", sample.level.as_deref(), event.level.as_deref());
    differences.check(of, "host", sample.host.as_deref(), event.host.as_deref());

    let mut fields = Fields::default();
    file.rules.extractor(Wanted::All).extract(&event.text, event.header.as_deref(), &mut fields);
    for (name, value) in &sample.fields {
        let found = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        differences.check(of, &format!("field {name}"), Some(value.as_str()), found);
    }
}
