//! What is masked stays masked, and can be opened.

use super::tampering::{edit, forge};
use super::*;

pub(super) fn redacted() -> Bundle {
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
