use super::*;
use crate::exhibit::Kind;

const NOW: Moment = Moment(1_795_183_500_000_000);

fn case(dir: &Path) -> Case {
    Case::create(dir, "PaymentService outage!", NOW, "Europe/Berlin".parse().unwrap()).unwrap()
}

#[test]
fn a_case_is_a_folder_of_plain_files() {
    let dir = tempfile::tempdir().unwrap();
    let made = case(dir.path());
    assert_eq!(made.dir, dir.path().join("2026-11-20-paymentservice-outage"));
    insta::assert_snapshot!(fs::read_to_string(made.dir.join(CASE_FILE)).unwrap(), @r#"
    title = "PaymentService outage!"
    opened = "2026-11-20T14:05:00.000000Z"
    zone = "Europe/Berlin"
    "#);
    let opened = Case::open(&made.dir).unwrap();
    assert_eq!(opened.about, made.about);
    assert_eq!(Case::around(&made.dir.join("exhibits")), Some(made.dir.clone()));
    assert_eq!(Case::around(dir.path()), None);
    let again = Case::create(dir.path(), "Paymentservice  OUTAGE", NOW, "Europe/Berlin".parse().unwrap());
    assert!(matches!(again, Err(CaseError::Exists(_))));
    assert!(matches!(Case::create(dir.path(), "?!", NOW, Zone::UTC), Err(CaseError::Title)));
    assert!(matches!(Case::open(dir.path()), Err(CaseError::NoCase(_))));
}

#[test]
fn exhibits_are_numbered_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let case = case(dir.path());
    let note = Exhibit::new(Kind::Note, "DBA says: failover at 14:03", NOW).with_text("They *saw* it.");
    let first = case.add(&note, &[]).unwrap();
    assert_eq!(first.file_name().unwrap(), "01-note-dba-says-failover-at-14-03");
    assert_eq!(fs::read_to_string(first.join("text.md")).unwrap(), "They *saw* it.\n");
    let path = dir.path().join("heap dump.txt");
    fs::write(&path, b"heap").unwrap();
    let file = Exhibit::new(Kind::File, "…", NOW);
    let second = case.add(&file, &[NewFile::CopyOf(path.clone()), NewFile::CopyOf(path)]).unwrap();
    assert_eq!(second.file_name().unwrap(), "02-file");
    // What people do by hand is left alone.
    fs::create_dir(case.dir.join("exhibits/drafts")).unwrap();
    fs::remove_dir_all(first).unwrap();
    let third = case.add(&note, &[]).unwrap();
    assert!(third.file_name().unwrap().to_string_lossy().starts_with("03-note"));
    fs::write(third.join("text.md"), "They saw it at 14:02.\n").unwrap();
    let laid = case.exhibits().unwrap();
    assert_eq!(laid.iter().map(|laid| laid.number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(laid[1].exhibit, Exhibit { text: "They saw it at 14:02.".to_owned(), ..note });
    let [one, two] = &laid[0].exhibit.files[..] else { panic!("two files") };
    assert_eq!((&*one.name, &*two.name, one.len), ("heap_dump.txt", "2-heap_dump.txt", 4));
    assert_eq!(laid[0].read(one).unwrap(), b"heap");
    fs::write(laid[0].dir.join(&one.name), b"help").unwrap();
    assert!(matches!(laid[0].read(one), Err(CaseError::Changed(_))));
    let away = CopiedFile { name: "../../case.toml".to_owned(), ..two.clone() };
    assert!(matches!(laid[0].read(&away), Err(CaseError::NotAFile(_))));
}

#[test]
fn what_cannot_be_copied_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let case = case(dir.path());
    let file = Exhibit::new(Kind::File, "a folder", NOW);
    assert!(matches!(case.add(&file, &[NewFile::CopyOf(dir.path().to_owned())]), Err(CaseError::NotAFile(_))));
    assert_eq!(fs::read_dir(case.dir.join("exhibits")).unwrap().count(), 0);
}

#[test]
fn titles_become_names() {
    for (title, expected) in [
        ("PaymentService outage", "paymentservice-outage"),
        (" ../../etc/passwd ", "etc-passwd"),
        ("Größe ändern", "größe-ändern"),
        ("a\n\u{1b}[31mb", "a-31mb"),
        ("", ""),
    ] {
        assert_eq!(slug(title), expected);
    }
    assert_eq!(slug(&"ab ".repeat(40)).len(), 47);
}

#[test]
fn what_was_printed_stays_beside_the_exhibit() {
    let dir = tempfile::tempdir().unwrap();
    let case = case(dir.path());
    let printed = NewFile::Made("printed.txt".to_owned(), b"onset 14:05\n".to_vec());
    let hostile = NewFile::Made("../exhibit.json".to_owned(), b"x".to_vec());
    case.add(&Exhibit::new(Kind::Diff, "What is different", NOW), &[printed, hostile]).unwrap();
    let laid = case.exhibits().unwrap().remove(0);
    let [file, other] = &laid.exhibit.files[..] else { panic!("two files") };
    assert_eq!((&*file.name, &*file.from, &*other.name), ("printed.txt", "", "_exhibit.json"));
    assert_eq!(laid.read(file).unwrap(), b"onset 14:05\n");
}

/// As analyses were laid into cases before they had tables.
#[test]
fn cases_of_earlier_versions_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let case = case(dir.path());
    let folder = case.dir.join("exhibits/01-diff-what-is-different");
    fs::create_dir(&folder).unwrap();
    let json = r#"{
      "kind": "diff",
      "title": "What is different",
      "added": "2026-11-20T15:00:00.000000Z",
      "command": "trawl rca add diff --incident 14:00..14:25",
      "range": {"earliest": "2026-11-20T14:00:00.000000Z", "latest": "2026-11-20T14:25:00.000000Z"},
      "tables": [{"columns": ["host", "count"], "rows": [["pay-01", "7"]]}],
      "files": [{"name": "a.txt", "from": "/tmp/a.txt", "len": 1,
        "sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}]
    }"#;
    fs::write(folder.join("exhibit.json"), json).unwrap();
    fs::write(folder.join("text.md"), "```text\nincident 14:00\n```\n").unwrap();
    fs::write(folder.join("a.txt"), "a").unwrap();
    let laid = case.exhibits().unwrap().remove(0);
    assert_eq!((laid.exhibit.kind, laid.exhibit.moments.len()), (Kind::Diff, 0));
    assert_eq!(laid.read(&laid.exhibit.files[0]).unwrap(), b"a");
    let report = crate::report::Report::of(&case, NOW).unwrap();
    for format in [crate::report::ReportFormat::Html, crate::report::ReportFormat::Markdown] {
        let text = report.render(format);
        assert!(text.contains("incident 14:00") && text.contains("pay-01"), "{text}");
    }
}
