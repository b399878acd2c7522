//! Bundles and the logs that their events came from.

use super::masks::redacted;
use super::*;

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
