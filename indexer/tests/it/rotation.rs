//! Rotation: a log that is renamed, copied, truncated and compressed is one log.

use crate::lab::{AN_HOUR, Lab, describe, gzip, lines, open_writer, zstd};
use trawl_formats::sourcetype::Registry;
use trawl_indexer::{FileError, Input, Outcome, Progress, index};

fn continued(lab: &Lab, source: &str) -> Outcome {
    Outcome::Continued { source: lab.path(source).to_str().expect("UTF-8").into() }
}

#[test]
fn renamed_and_begun_anew() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 100));
    lab.index();
    lab.append("app.log", lines(100, 120));
    lab.rename("app.log", "app.log.1");
    lab.write("app.log", lines(120, 150));
    let outcomes = lab.outcomes();
    assert_eq!(outcomes[0], ("app.log".to_owned(), Outcome::NewGeneration));
    assert_eq!(outcomes[1], ("app.log.1".to_owned(), continued(&lab, "app.log")));
    lab.check(&[("app.log", 0, lines(0, 120).as_bytes()), ("app.log", 1, lines(120, 150).as_bytes())]);
    // Once more, two rotations between runs; the middle one was never seen under its first name.
    lab.rename("app.log.1", "app.log.3");
    lab.rename("app.log", "app.log.2");
    lab.write("app.log.1", lines(150, 180));
    lab.write("app.log", lines(180, 190));
    lab.index();
    lab.check(&[
        ("app.log", 0, lines(0, 120).as_bytes()),
        ("app.log", 1, lines(120, 150).as_bytes()),
        ("app.log", 2, lines(180, 190).as_bytes()),
        ("app.log.1", 0, lines(150, 180).as_bytes()),
    ]);
    assert!(lab.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Unchanged));
}

#[test]
fn copied_and_truncated() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 100));
    lab.index();
    // Between the run and the rotation, lines came that only the copy has.
    lab.write("app.log.1", lines(0, 130));
    lab.write("app.log", lines(130, 135));
    lab.index();
    lab.check(&[("app.log", 0, lines(0, 130).as_bytes()), ("app.log", 1, lines(130, 135).as_bytes())]);
}

#[test]
fn truncated_and_grown_past_what_was_read() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 100));
    lab.index();
    lab.write("app.log", lines(100, 300));
    lab.index();
    lab.check(&[("app.log", 0, lines(0, 100).as_bytes()), ("app.log", 1, lines(100, 300).as_bytes())]);
}

#[test]
fn compressed_after_it_was_read() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 100));
    lab.index();
    lab.remove("app.log");
    lab.write("app.log-20261120.gz", gzip(lines(0, 140).as_bytes()));
    assert_eq!(lab.outcomes(), [("app.log-20261120.gz".to_owned(), continued(&lab, "app.log"))]);
    lab.check(&[("app.log", 0, lines(0, 140).as_bytes())]);
    lab.rename("app.log-20261120.gz", "app.log.7.gz");
    assert_eq!(lab.outcomes(), [("app.log.7.gz".to_owned(), Outcome::Unchanged)]);
}

#[test]
fn compressed_first_and_plain_later() {
    let lab = Lab::new();
    lab.write("app.log.1.zst", zstd(lines(0, 100).as_bytes()));
    lab.index();
    lab.write("app.log.1", lines(0, 110));
    lab.index();
    lab.check(&[("app.log.1.zst", 0, lines(0, 110).as_bytes())]);
}

#[test]
fn plain_and_compressed_in_one_run() {
    // Whichever comes first by name.
    for (plain, compressed) in [("app.log.1", "app.log.1.gz"), ("app.log", "app-2026-11-20.log.gz")] {
        for (n_plain, n_compressed) in [(100, 100), (100, 80), (80, 100)] {
            let lab = Lab::new();
            lab.write(plain, lines(0, n_plain));
            lab.write(compressed, gzip(lines(0, n_compressed).as_bytes()));
            lab.write("app.log.9.gz", gzip(lines(500, 600).as_bytes()));
            lab.index();
            let content = lines(0, n_plain.max(n_compressed));
            let check = || {
                let log = (plain.min(compressed), 0, content.as_bytes());
                lab.check(&[log, ("app.log.9.gz", 0, lines(500, 600).as_bytes())]);
            };
            check();
            assert!(lab.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Unchanged));
            check();
        }
    }
}

#[test]
fn equal_banners_do_not_make_files_equal() {
    let lab = Lab::new();
    let banner = "=".repeat(1500) + "\n";
    for n in 0..4 {
        let content = [banner.clone(), lines(n * 100, n * 100 + 50)].concat();
        let name = format!("app.log.{n}");
        if n % 2 == 0 { lab.write(&name, content) } else { lab.write(&(name + ".gz"), gzip(content.as_bytes())) }
    }
    lab.index();
    assert_eq!(lab.contents().len(), 4);
    let before = lab.events();
    assert!(lab.outcomes().iter().all(|(_, outcome)| *outcome == Outcome::Unchanged));
    assert_eq!(lab.events(), before);
}

#[test]
fn a_file_moved_elsewhere_is_known_by_its_inode() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 100));
    lab.index();
    lab.write("archive/other", "");
    lab.rename("app.log", "archive/payments-old.txt");
    lab.append("archive/payments-old.txt", lines(100, 105));
    lab.index();
    lab.check(&[("app.log", 0, lines(0, 105).as_bytes())]);
}

#[test]
fn a_copy_of_the_beginning_adds_nothing() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 200));
    lab.index();
    lab.write("app.log.bak", lines(0, 60));
    lab.write("app.log.1.gz", gzip(lines(0, 70).as_bytes()));
    lab.write("app.log.2.gz", gzip(lines(0, 5).as_bytes()));
    lab.index();
    lab.check(&[("app.log", 0, lines(0, 200).as_bytes())]);
}

#[test]
fn the_last_event_of_a_rotated_file_stays_searchable_until_the_file_is_seen_again() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 10));
    lab.append("app.log", "2026-11-20 01:00:00 ERROR half a li");
    lab.set_age("app.log", AN_HOUR / 60);
    lab.index();
    lab.rename("app.log", "app.log.1");
    lab.write("app.log", lines(20, 30) + "2026-11-20 02:00:00 ERROR more");
    lab.set_age("app.log", AN_HOUR / 60);
    lab.index_names(&["app.log"]);
    assert!(lab.texts().iter().any(|text| text.ends_with("half a li")), "{:?}", lab.texts());
    lab.append("app.log.1", "ne\n");
    lab.index();
    assert!(lab.texts().iter().any(|text| text.ends_with("half a line\n")));
    assert!(lab.texts().iter().all(|text| !text.ends_with("half a li")));
}

#[test]
fn truncated_while_it_is_read() {
    let mut lab = Lab::new();
    lab.options.bucket_bytes = 1;
    let old = lines(0, 100_000);
    lab.write("app.log", &old);
    lab.set_age("app.log", AN_HOUR / 60);
    let progress = Progress::default();
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            while progress.buckets() == 0 && progress.done_files() == 0 {
                std::thread::yield_now();
            }
            lab.write("app.log", "");
        });
        let writer = open_writer(lab.data());
        index(&writer, &Registry::builtin(), &[Input::Path(lab.path("app.log"))], &lab.options, &progress).expect("run")
    });
    assert!(matches!(report.files[0].errors[..], [FileError::Shrunk { .. }]), "{report:?}");
    let kept = lab.contents()[&("app.log".to_owned(), 0)].clone();
    assert!(kept.len() < old.len() && old.as_bytes().starts_with(&kept), "{}", describe(&kept));
    lab.write("app.log", lines(50_000, 50_100));
    assert_eq!(lab.outcomes(), [("app.log".to_owned(), Outcome::NewGeneration)]);
    lab.check(&[("app.log", 0, &kept), ("app.log", 1, lines(50_000, 50_100).as_bytes())]);
}
