//! What tampering a bundle betrays.

use super::against::{Comparison, Verdict};
use super::archive::{Member, from_tar, to_tar};
use super::redact::Reveal;
use super::sign::{PublicKey, SigningKey};
use super::verify::Verified;
use super::*;
use crate::Moment;
use crate::events::{EventStore, FoundEvent, Surroundings};
use crate::exhibit::{Citation, CopiedFile, Exhibit, Kind, QueryRun, Range};
use crate::merkle::Digest;
use crate::source::{EncodingName, SourceIdentity};
use proptest::prelude::*;
use std::io::{self, Read};
use trawl_query::engine::address::Address;
use trawl_query::engine::coverage::Coverage;
use trawl_query::error::RunError;
use trawl_store::Fingerprint;

const T: i64 = 1_795_183_500_000_000;
const LOG: &str = "/var/log/pay.log";

/// A log of forty events, some of two lines.
fn log() -> Vec<u8> {
    let mut text = String::new();
    for n in 0..40 {
        text.push_str(&format!(
            "2026-11-20 14:05:{n:02} ERROR order={:08x} card=4111-{:04} failed\n",
            n * 7_919_111,
            n * 97
        ));
        if n % 7 == 3 {
            text.push_str("\tat com.example.Pay.run(Pay.java:12)\n");
        }
    }
    text.into_bytes()
}

/// First and last byte of each event.
fn events_of(log: &[u8]) -> Vec<std::ops::Range<u64>> {
    let starts: Vec<u64> = (0..log.len())
        .filter(|at| (*at == 0 || log[at - 1] == b'\n') && log[*at] == b'2')
        .map(|at| at as u64)
        .collect();
    let ends = starts[1..].iter().copied().chain([log.len() as u64]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// An index of one log.
struct Index(Vec<u8>);

impl EventStore for Index {
    fn find(&mut self, address: &Address, n_before: usize, n_after: usize) -> Result<Option<Surroundings>, RunError> {
        let ranges = events_of(&self.0);
        let Some(at) = ranges.iter().position(|range| range.start == address.offset) else { return Ok(None) };
        let neighbour = |range: &std::ops::Range<u64>| FoundEvent {
            address: Address { offset: range.start, len: (range.end - range.start) as u32, ..address.clone() },
            time: Moment(T),
            host: "pay-01".to_owned(),
            bytes: self.0[range.start as usize..range.end as usize].to_vec(),
        };
        Ok(Some(Surroundings {
            before: ranges[at.saturating_sub(n_before)..at].iter().map(neighbour).collect(),
            event: neighbour(&ranges[at]),
            after: ranges[at + 1..].iter().take(n_after).map(neighbour).collect(),
        }))
    }

    fn source_of(&mut self, address: &Address) -> Option<SourceIdentity> {
        (address.source == LOG).then(|| source(&self.0))
    }
}

fn source(log: &[u8]) -> SourceIdentity {
    let fingerprint = Fingerprint::of(log, 1, 2);
    SourceIdentity {
        source: LOG.to_owned(),
        generation: 0,
        path: LOG.to_owned(),
        index: "main".parse().unwrap(),
        host: "pay-01".to_owned(),
        sourcetype: "log4j".to_owned(),
        encoding: EncodingName::Utf8,
        envelope: Default::default(),
        device: 1,
        inode: 2,
        head_len: fingerprint.head_len,
        head_sha256_16: Some(fingerprint.head.to_string()),
    }
}

/// Cites the events of these numbers.
fn exhibit(log: &[u8], cited: &[usize]) -> Exhibit {
    let ranges = events_of(log);
    let mut exhibit =
        Exhibit::new(Kind::Search, "Errors", Moment(T)).of_command("trawl rca add search ERROR").with_query(QueryRun {
            query: "ERROR order=*".to_owned(),
            range: Range::default(),
            now: Moment(T),
            indexes: Vec::new(),
            n_matched: 40,
            n_rows: 2,
            warnings: Vec::new(),
            incomplete: None,
            coverage: Coverage { n_events: 40, ..Coverage::default() },
        });
    exhibit.events = cited
        .iter()
        .map(|at| {
            let std::ops::Range { start, end } = ranges[*at].clone();
            let address = Address { source: LOG.to_owned(), generation: 0, offset: start, len: (end - start) as u32 };
            let citation = Citation::new(address, log[start as usize..end as usize].to_vec());
            Citation { why: format!("number {at}"), time: Some(Moment(T)), ..citation }
        })
        .collect();
    exhibit
}

fn contents(log: &[u8]) -> Contents {
    let mut exhibit = exhibit(log, &[5, 6, 20]);
    let file = b"heap of card=4111-0001\n".to_vec();
    let (len, sha256) = (file.len() as u64, Digest::of(&file));
    exhibit.files.push(CopiedFile { name: "heap.txt".to_owned(), from: "/tmp/heap.txt".to_owned(), len, sha256 });
    Contents {
        title: "Outage of card=4111-0001".to_owned(),
        sections: vec![manifest::SectionText { name: "summary".to_owned(), markdown: "It broke.".to_owned() }],
        exhibits: vec![exhibit],
        files: vec![(0, "heap.txt".to_owned(), file)],
    }
}

fn options<'s>() -> MakeOptions<'s> {
    MakeOptions {
        n_before: 2,
        n_after: 2,
        now: Moment(T),
        zone: "Europe/Berlin".to_owned(),
        redact: Vec::new(),
        sign: None,
    }
}

fn made() -> Bundle {
    make(contents(&log()), Some(&mut Index(log())), &options()).unwrap()
}

fn keys() -> (SigningKey, PublicKey) {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let key = SigningKey::decode(&pair.sk.to_box(None).unwrap().into_string(), None).unwrap();
    let public = key.public().unwrap();
    (key, public)
}

fn archived(members: &[Member]) -> Vec<u8> {
    let mut file = Vec::new();
    archive::write(members, (T / 1_000_000) as u64, &mut file).unwrap();
    file
}

fn findings(members: &[Member]) -> Vec<String> {
    verify(&archived(members)[..], &VerifyOptions::default()).1.iter().map(ToString::to_string).collect()
}

fn members_of(bundle: &Bundle) -> Vec<Member> {
    let mut file = Vec::new();
    bundle.write(&mut file).unwrap();
    archive::read(&file[..]).unwrap().0
}

fn whole(bundle: &Bundle, options: &VerifyOptions<'_>) -> Verified {
    let mut file = Vec::new();
    bundle.write(&mut file).unwrap();
    let (verified, findings) = verify(&file[..], options);
    assert!(findings.is_empty(), "{findings:?}");
    verified.unwrap()
}

#[test]
fn a_bundle_is_whole() {
    let bundle = made();
    assert_eq!((bundle.n_events, bundle.n_cited), (11, 3));
    let verified = whole(&bundle, &VerifyOptions { root: Some(bundle.root), ..VerifyOptions::default() });
    assert_eq!(verified.root, bundle.root);
    assert_eq!(verified.signature, SignatureState::None);
    assert_eq!(verified.n_cited(), 3);
    let log = log();
    for record in &verified.records {
        assert_eq!(verified.bytes(record), &log[record.offset as usize..(record.offset + record.len) as usize]);
    }
    let names: Vec<String> = members_of(&bundle).into_iter().map(|member| member.name).collect();
    let expected = [
        "README.md",
        "manifest.json",
        "events.jsonl",
        "data/00001.log",
        "data/00002.log",
        "files/01-heap.txt",
        "MERKLE-ROOT",
        "SHA256SUMS",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_bundle_is_made_alike_each_time() {
    assert_eq!(members_of(&made()), members_of(&made()));
}

#[test]
fn the_readme_tells_how() {
    let (key, _) = keys();
    let sign = |sums: &[u8], root: &Digest| key.sign(sums, root, Moment(T));
    let options = MakeOptions { sign: Some(&sign), redact: vec!["com.example".to_owned()], ..options() };
    let bundle = make(contents(&log()), Some(&mut Index(log())), &options).unwrap();
    let readme = members_of(&bundle).remove(0);
    let text = String::from_utf8(readme.bytes).unwrap().replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
    insta::assert_snapshot!(text);
}

/// Changes members of a bundle and says what is found.
fn tampered(change: impl Fn(&mut Vec<Member>)) -> Vec<String> {
    let mut members = members_of(&made());
    let before = members.clone();
    change(&mut members);
    assert_ne!(members, before, "something was changed");
    findings(&members)
}

fn edit(members: &mut [Member], name: &str, change: impl Fn(String) -> String) {
    let member = members.iter_mut().find(|member| member.name == name).unwrap();
    member.bytes = change(String::from_utf8(std::mem::take(&mut member.bytes)).unwrap()).into_bytes();
}

/// As who knows how bundles are made would: all sums agree, and the root is that of the content.
fn forge(members: &mut Vec<Member>) {
    let bytes =
        |members: &[Member], name: &str| members.iter().find(|member| member.name == name).unwrap().bytes.clone();
    let (manifest, events) = (bytes(members, MANIFEST), bytes(members, EVENTS));
    let lines = events.strip_suffix(b"\n").unwrap_or(&events).split(|byte| *byte == b'\n');
    let root = manifest::tree(&manifest, lines).root();
    members.retain(|member| ![ROOT, SUMS, SIGNATURE].contains(&&*member.name));
    members.push(Member { name: ROOT.to_owned(), bytes: format!("{root}\n").into_bytes() });
    let sums = sums_of(members);
    members.push(Member { name: SUMS.to_owned(), bytes: sums.into_bytes() });
}

/// Each kind of tampering, as somebody would who does not know more than an editor.
#[test]
fn plain_tampering_is_told() {
    let sum = |name: &str| format!("`{name}` was changed: its SHA-256 is not the one in SHA256SUMS");
    let raw = tampered(|members| edit(members, "data/00001.log", |text| text.replacen("ERROR", "DEBUG", 1)));
    assert_eq!(raw[0], sum("data/00001.log"));
    assert!(raw[1].starts_with("event 1 was changed: /var/log/pay.log at byte "), "{raw:?}");
    let metadata =
        tampered(|members| edit(members, "events.jsonl", |text| text.replacen("\"offset\":", "\"offset\":1", 1)));
    assert!(
        metadata.contains(&sum("events.jsonl")) && metadata.iter().any(|text| text.starts_with("MERKLE-ROOT")),
        "{metadata:?}"
    );
    let order = tampered(|members| {
        edit(members, "events.jsonl", |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(2, 3);
            lines.join("\n") + "\n"
        });
    });
    assert!(
        order.contains(&sum("events.jsonl")) && order.iter().any(|text| text.contains("number 3 of the file")),
        "{order:?}"
    );
    let omission = tampered(|members| {
        edit(members, "events.jsonl", |text| {
            text.lines().filter(|line| !line.contains("\"n\":4,")).collect::<Vec<_>>().join("\n") + "\n"
        });
    });
    assert!(omission.iter().any(|text| text.contains("10 events, and the manifest says 11")), "{omission:?}");
    let manifest =
        tampered(|members| edit(members, "manifest.json", |text| text.replace("\"n_events\": 40", "\"n_events\": 90")));
    assert!(manifest.contains(&sum("manifest.json")), "{manifest:?}");
    let readme = tampered(|members| edit(members, "README.md", |text| text + "\n"));
    assert!(readme.contains(&sum("README.md")), "{readme:?}");
    let file = tampered(|members| edit(members, "files/01-heap.txt", |text| text.to_uppercase()));
    assert!(file.contains(&sum("files/01-heap.txt")), "{file:?}");
    let removed = tampered(|members| members.retain(|member| member.name != "data/00002.log"));
    assert!(removed.contains(&"`data/00002.log` is missing".to_owned()), "{removed:?}");
    let added =
        tampered(|members| members.insert(5, Member { name: "data/00003.log".to_owned(), bytes: b"x".to_vec() }));
    assert!(added.contains(&"`data/00003.log` does not belong where it stands".to_owned()), "{added:?}");
    let exchanged = tampered(|members| {
        let (one, two) = (members[3].bytes.clone(), members[4].bytes.clone());
        (members[3].bytes, members[4].bytes) = (two, one);
    });
    assert!(exchanged.contains(&sum("data/00001.log")) && exchanged.contains(&sum("data/00002.log")), "{exchanged:?}");
    let moved = tampered(|members| members.swap(3, 4));
    assert!(!moved.is_empty(), "{moved:?}");
}

/// Who knows how bundles are made can make another whole one, but not one with the same root, nor one that is signed; and what
/// contradicts itself is told all the same.
#[test]
fn forgeries_have_another_root() {
    let root = made().root;
    let (_, key) = keys();
    type Change = fn(&mut Vec<Member>);
    let changes: [Change; 3] = [
        |members| edit(members, "manifest.json", |text| text.replace("\"n_matched\": 40", "\"n_matched\": 0")),
        |members| edit(members, "manifest.json", |text| text.replace("It broke.", "It did not.")),
        |members| {
            edit(members, "events.jsonl", |text| text.replacen("\"time\":\"2026-11-20", "\"time\":\"2026-11-19", 1))
        },
    ];
    for change in changes {
        let mut members = members_of(&made());
        change(&mut members);
        forge(&mut members);
        assert_eq!(findings(&members), [""; 0], "only the root tells");
        let file = archived(&members);
        let (_, found) = verify(&file[..], &VerifyOptions { root: Some(root), ..VerifyOptions::default() });
        assert!(matches!(&found[..], [Finding::OtherRoot { expected, .. }] if *expected == root), "{found:?}");
        let (_, found) = verify(&file[..], &VerifyOptions { key: Some(&key), ..VerifyOptions::default() });
        assert!(matches!(&found[..], [Finding::Signature(_)]), "{found:?}");
    }
    let contradictions: [Change; 5] = [
        |members| edit(members, "events.jsonl", |text| text.replacen("\"role\":\"cited\"", "\"role\":\"context\"", 1)),
        |members| edit(members, "events.jsonl", |text| text.replacen("\"role\":\"context\"", "\"role\":\"cited\"", 1)),
        |members| edit(members, "events.jsonl", |text| text.replacen("\"n\":", "\"n\": ", 1)),
        |members| edit(members, "data/00001.log", |text| text + "2026-11-20 14:05:59 one more\n"),
        |members| edit(members, "manifest.json", |text| text.replacen("\"record\": ", "\"record\": 1", 1)),
    ];
    for (n, change) in contradictions.into_iter().enumerate() {
        let mut members = members_of(&made());
        change(&mut members);
        forge(&mut members);
        assert_ne!(findings(&members), [""; 0], "{n}");
    }
}

#[test]
fn a_signature_vouches_for_the_whole() {
    let ((key, public), (_, other)) = (keys(), keys());
    let sign = |sums: &[u8], root: &Digest| key.sign(sums, root, Moment(T));
    let bundle =
        make(contents(&log()), Some(&mut Index(log())), &MakeOptions { sign: Some(&sign), ..options() }).unwrap();
    let verified = whole(&bundle, &VerifyOptions { key: Some(&public), ..VerifyOptions::default() });
    assert!(matches!(verified.signature, SignatureState::Good { .. }));
    let verified = whole(&bundle, &VerifyOptions::default());
    assert_eq!(verified.signature, SignatureState::Unchecked(public.id()));
    let mut file = Vec::new();
    bundle.write(&mut file).unwrap();
    let (_, found) = verify(&file[..], &VerifyOptions { key: Some(&other), ..VerifyOptions::default() });
    assert!(matches!(&found[..], [Finding::Signature(_)]), "{found:?}");
    // With the sums of another bundle under it.
    let mut members = members_of(&bundle);
    let signature = members.pop().unwrap();
    edit(&mut members, "manifest.json", |text| text.replace("It broke.", "It did not."));
    forge(&mut members);
    members.push(signature);
    let (_, found) = verify(&archived(&members)[..], &VerifyOptions { key: Some(&public), ..VerifyOptions::default() });
    assert!(matches!(&found[..], [Finding::Signature(_)]), "{found:?}");
}

#[test]
fn a_case_that_does_not_agree_with_itself_or_the_index_makes_no_bundle() {
    let mut changed = contents(&log());
    changed.exhibits[0].events[0].bytes.0[3] ^= 1;
    assert!(matches!(make(changed, None, &options()), Err(MakeError::Changed { .. })));
    let mut differs = contents(&log());
    let event = differs.exhibits[0].events[0].clone();
    let mut bytes = event.bytes.0.clone();
    bytes[3] ^= 1;
    differs.exhibits[0].events[0] = Citation::new(event.address, bytes);
    assert!(matches!(make(differs, Some(&mut Index(log())), &options()), Err(MakeError::Differs { .. })));
    let nothing = Contents { title: "x".to_owned(), sections: Vec::new(), exhibits: Vec::new(), files: Vec::new() };
    assert!(matches!(make(nothing, None, &options()), Err(MakeError::Empty)));
}

/// Without an index, what was laid into the case is enough; the bundle says that context is missing.
#[test]
fn events_that_left_the_index_stand_alone() {
    let mut contents = contents(&log());
    contents.exhibits[0].sources = vec![source(&log())];
    let bundle = make(contents, None, &options()).unwrap();
    assert_eq!((bundle.n_events, bundle.n_cited), (3, 3));
    assert_eq!(bundle.remarks, ["3 events of `Errors` were no longer in the index: they stand without context"]);
    whole(&bundle, &VerifyOptions::default());
}

fn redacted() -> Bundle {
    let options = MakeOptions { redact: vec![r"card=\S+".to_owned()], ..options() };
    make(contents(&log()), Some(&mut Index(log())), &options).unwrap()
}

#[test]
fn what_is_masked_is_nowhere_and_can_be_opened() {
    let bundle = redacted();
    let everything: Vec<u8> = members_of(&bundle).into_iter().flat_map(|member| member.bytes).collect();
    let everything = String::from_utf8_lossy(&everything);
    assert!(!everything.contains("4111"), "no card is in it");
    // Nor a sum of it, from which it could be guessed.
    assert!(!everything.contains(&Digest::of(b"heap of card=4111-0001\n").to_string()));
    for event in &contents(&log()).exhibits[0].events {
        assert!(!everything.contains(&event.sha256.to_string()));
    }
    let verified = whole(&bundle, &VerifyOptions::default());
    assert_eq!(verified.n_opened, 0);
    // The head of the log is among what is masked: its hash would betray it.
    assert_eq!(verified.manifest.sources[0].head_sha256_16, None);
    let reveal = Reveal::decode(&bundle.reveal.as_ref().unwrap().encode()).unwrap();
    let opened = whole(&bundle, &VerifyOptions { reveal: Some(&reveal), ..VerifyOptions::default() });
    assert_eq!(opened.n_opened, 11);
    let log = log();
    for record in &opened.records {
        assert_eq!(opened.bytes(record), &log[record.offset as usize..(record.offset + record.len) as usize]);
    }
    // One of them alone.
    let one = Reveal::new(reveal.root, vec![reveal.openings.last().unwrap().clone()]);
    whole(&bundle, &VerifyOptions { reveal: Some(&one), ..VerifyOptions::default() });
    let mut file = Vec::new();
    redacted().write(&mut file).unwrap();
    let (_, found) = verify(&file[..], &VerifyOptions { reveal: Some(&reveal), ..VerifyOptions::default() });
    assert!(matches!(&found[..], [Finding::Reveal(_)]), "{found:?}");
}

#[test]
fn masks_cannot_be_moved() {
    let mut members = members_of(&redacted());
    edit(&mut members, "events.jsonl", |text| text.replacen("\"masks\":[{\"at\":4", "\"masks\":[{\"at\":3", 1));
    forge(&mut members);
    assert!(findings(&members).iter().any(|text| text.contains("a mask does not cover")), "{:?}", findings(&members));
}

/// What becomes of each event in a file that holds `content`.
fn verdicts(verified: &Verified, name: &str, content: &[u8]) -> Vec<Verdict> {
    let mut comparison = Comparison::new(verified);
    let mut open = || -> io::Result<Box<dyn Read + Send + '_>> { Ok(Box::new(content)) };
    comparison.look_at(name, &mut open).unwrap();
    comparison.verdicts().map(|(_, verdict)| verdict.clone()).collect()
}

#[test]
fn originals_are_known_again_and_compared() {
    let log = log();
    for (bundle, reveal) in [(made(), false), (redacted(), false), (redacted(), true)] {
        let reveal = bundle.reveal.clone().filter(|_| reveal);
        let verified = whole(&bundle, &VerifyOptions { reveal: reveal.as_ref(), ..VerifyOptions::default() });
        // Renamed, and grown. Without the hash of its head it is known by what stands in it.
        let name = "/backup/pay.log.1";
        let grown = [&log[..], b"2026-11-20 14:06:00 more\n"].concat();
        let found = verdicts(&verified, name, &grown);
        let is_in_place = |verdict: &Verdict| matches!(verdict, Verdict::InPlace { .. });
        assert!(found.iter().all(is_in_place), "{found:?}");
        assert!(verdicts(&verified, LOG, &grown).iter().all(|verdict| matches!(verdict, Verdict::InPlace { .. })));
        // Behind something else.
        let shifted = [&b"2026-11-19 23:59:59 the day before\n".repeat(200_000)[..], &log].concat();
        let shift = (shifted.len() - log.len()) as u64;
        for (record, verdict) in verified.records.iter().zip(verdicts(&verified, name, &shifted)) {
            assert_eq!(verdict, Verdict::Elsewhere { file: name.to_owned(), offset: record.offset + shift });
        }
        // Cut, and of something else.
        assert!(verdicts(&verified, name, &log[..10]).iter().all(|verdict| *verdict == Verdict::Absent));
        assert!(verdicts(&verified, name, b"").iter().all(|verdict| *verdict == Verdict::Absent));
    }
}

#[test]
fn an_original_that_was_edited_differs() {
    let verified = whole(&made(), &VerifyOptions::default());
    let edited = String::from_utf8(log()).unwrap().replace("14:05:20 ERROR", "14:05:20 DEBUG");
    let found = verdicts(&verified, "/var/log/pay.log.2", edited.as_bytes());
    let differing: Vec<u64> = verified
        .records
        .iter()
        .zip(&found)
        .filter(|(_, verdict)| matches!(verdict, Verdict::Differs { .. }))
        .map(|(record, _)| record.n)
        .collect();
    assert_eq!(differing.len(), 1, "{found:?}");
    let record = &verified.records[differing[0] as usize - 1];
    assert!(verified.bytes(record).starts_with(b"2026-11-20 14:05:20"));
}

#[test]
fn a_bundle_is_extracted_into_a_folder_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let verified = whole(&made(), &VerifyOptions::default());
    let folder = dir.path().join("out");
    verified.extract(&folder).unwrap();
    assert_eq!(std::fs::read(folder.join("files/01-heap.txt")).unwrap(), b"heap of card=4111-0001\n");
    assert!(verified.extract(&folder).is_err(), "it is there already");
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("link")).unwrap();
    assert!(verified.extract(&dir.path().join("link")).is_err());
}

#[test]
fn a_cut_archive_is_told() {
    let mut file = Vec::new();
    made().write(&mut file).unwrap();
    for end in [0, 1, 10, file.len() / 2, file.len() - 1] {
        let (verified, found) = verify(&file[..end], &VerifyOptions::default());
        assert!(verified.is_none() && matches!(&found[..], [Finding::Archive(_)]), "{end}: {found:?}");
    }
    let tar = archive::decompress(&file[..]).unwrap();
    for end in (0..tar.len()).step_by(512) {
        assert!(from_tar(&tar[..end]).is_err(), "{end}");
    }
}

/// A signed and redacted bundle as an uncompressed tar, made once, and the key to it.
fn sample() -> &'static (Vec<u8>, PublicKey) {
    static SAMPLE: std::sync::OnceLock<(Vec<u8>, PublicKey)> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        let (key, public) = keys();
        let sign = |sums: &[u8], root: &Digest| key.sign(sums, root, Moment(T));
        let options = MakeOptions { sign: Some(&sign), redact: vec!["4111-0[0-9]+".to_owned()], ..options() };
        let bundle = make(contents(&log()), Some(&mut Index(log())), &options).unwrap();
        (to_tar(&members_of(&bundle), (T / 1_000_000) as u64), public)
    })
}

/// Whether anything is found to be wrong with an archive of these uncompressed bytes.
fn is_caught(tar: &[u8], key: &PublicKey) -> bool {
    !verify_tar(tar, &VerifyOptions { key: Some(key), ..VerifyOptions::default() }).1.is_empty()
}

#[test]
fn the_sample_is_whole() {
    let (tar, key) = sample();
    assert!(!is_caught(tar, key));
}

proptest! {
    /// No byte of the uncompressed archive is without meaning: headers, padding and the end included.
    #[test]
    fn any_flipped_byte_is_caught(at: prop::sample::Index, bit in 0_u8..8) {
        let (tar, key) = sample();
        let mut flipped = tar.clone();
        let at = at.index(tar.len());
        flipped[at] ^= 1 << bit;
        prop_assert!(is_caught(&flipped, key), "byte {} of {}", at, tar.len());
    }

    #[test]
    fn anything_cut_out_put_in_or_exchanged_is_caught(from: prop::sample::Index, to: prop::sample::Index, len in 1_usize..2_000) {
        let (tar, key) = sample();
        let (from, to) = (from.index(tar.len()), to.index(tar.len()));
        let piece = from..(from + len).min(tar.len());
        let cut = [&tar[..piece.start], &tar[piece.end..]].concat();
        let doubled = [&tar[..to], &tar[piece.clone()], &tar[to..]].concat();
        let mut copied = tar.clone();
        let n_copied = piece.len().min(tar.len() - to);
        copied.copy_within(piece.start..piece.start + n_copied, to);
        for changed in [cut, doubled, copied] {
            prop_assert!(changed == *tar || is_caught(&changed, key));
        }
    }

    /// Whoever makes the archive may write anything into it.
    #[test]
    fn any_content_is_verified_without_a_panic(
        events in prop::collection::vec((0_u64..4, 0_usize..3, any::<u64>(), 0_u64..40, 0_u64..60, any::<bool>()), 0..6),
        data in prop::collection::vec(any::<u8>(), 0..60), n_records in 0_u64..6, noise in "\\PC{0,30}",
    ) {
        let line = |(n, source, offset, len, at, cited): &(u64, usize, u64, u64, u64, bool)| {
            let role = if *cited { "cited" } else { "context" };
            let (sha256, mask) = (Digest::of(&data), Digest::of(b""));
            format!(
                "{{\"n\":{n},\"role\":\"{role}\",\"source\":{source},\"offset\":{offset},\"len\":{len},\"sha256\":\"{sha256}\",\
                 \"file\":\"data/00001.log\",\"at\":{at},\"masks\":[{{\"at\":{offset},\"len\":{len},\"commitment\":\"{mask}\"}}]}}\n"
            )
        };
        let mut members = members_of(&made());
        edit(&mut members, EVENTS, |_| events.iter().map(line).collect::<String>() + &noise);
        edit(&mut members, MANIFEST, |text| text.replace("\"n_records\": 11", &format!("\"n_records\": {n_records}")));
        members[3].bytes = data.clone();
        forge(&mut members);
        prop_assert!(!findings(&members).is_empty());
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(from_tar(&bytes).is_err());
        prop_assert!(verify(&bytes[..], &VerifyOptions::default()).0.is_none());
    }
}
