//! What tampering a bundle betrays.

use super::*;

/// Changes members of a bundle and says what is found.
fn tampered(change: impl Fn(&mut Vec<Member>)) -> Vec<String> {
    let mut members = members_of(&made());
    let before = members.clone();
    change(&mut members);
    assert_ne!(members, before, "something was changed");
    findings(&members)
}

pub(super) fn edit(members: &mut [Member], name: &str, change: impl Fn(String) -> String) {
    let member = members.iter_mut().find(|member| member.name == name).unwrap();
    member.bytes = change(String::from_utf8(std::mem::take(&mut member.bytes)).unwrap()).into_bytes();
}

/// As who knows how bundles are made would: all sums agree, and the root is that of the content.
pub(super) fn forge(members: &mut Vec<Member>) {
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
