//! Bundles that are whole, and what makes none.

use super::*;

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
