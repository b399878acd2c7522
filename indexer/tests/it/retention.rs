//! What has aged out is not read again, whoever looks at the files that it came from.

use crate::lab::{Lab, gzip, lines, open_writer};
use crate::tail::{follow, follow_into};
use std::collections::BTreeMap;
use std::time::Duration;
use trawl_formats::event::IndexName;
use trawl_indexer::tail::TailOptions;
use trawl_store::rebuild_catalog;
use trawl_store::retention::{MinFree, Policies, Policy};

fn policies(policy: Policy) -> Policies {
    BTreeMap::from([(IndexName::new("main").expect("valid"), policy)])
}

/// Lets every sealed bucket go.
fn age_out(lab: &Lab) -> usize {
    let writer = open_writer(lab.data());
    writer.set_retention(policies(Policy { max_size: Some(0), ..Policy::default() }));
    writer.enforce_retention(&|| false).expect("enforce").removed.len()
}

/// The state of the store after the catalog was lost and made anew.
fn rebuild(lab: &Lab) {
    std::fs::remove_file(lab.data().join("catalog.db")).expect("lose the catalog");
    rebuild_catalog(lab.data()).expect("rebuild");
}

#[test]
fn index_reads_only_what_is_new() {
    for with_rebuild in [false, true] {
        let lab = Lab::new();
        lab.write("app.log", lines(0, 500));
        lab.write("other.log", lines(0, 90));
        lab.index();
        assert_eq!(age_out(&lab), 1);
        if with_rebuild {
            rebuild(&lab);
        }
        assert_eq!(lab.index().totals.events, 0, "nothing is new");
        assert_eq!(lab.events(), []);

        // Rotated, compressed, copied: still nothing.
        lab.rename("app.log", "app.log.1");
        lab.write("app.log.2.gz", gzip(lines(0, 500).as_bytes()));
        assert_eq!(lab.index().totals.events, 0, "names do not matter");
        // A copy that is not complete yet cannot be compared with what is gone, but its head tells.
        lab.write("app.log.3", lines(0, 300));
        assert_eq!(lab.index().totals.events, 0, "a part of what was read");
        lab.remove("app.log.3");

        lab.append("app.log.1", lines(500, 510));
        lab.write("app.log", lines(510, 530));
        assert_eq!(lab.index().totals.events, 30);
        let start = lines(0, 500).len();
        let contents = lab.contents();
        let grown = &contents[&("app.log".to_owned(), 0)];
        assert!(grown[..start].iter().all(|&byte| byte == 0), "it is not there any more");
        assert_eq!(&grown[start..], lines(500, 510).as_bytes());
        assert_eq!(contents[&("app.log".to_owned(), 1)], lines(510, 530).into_bytes());

        // Pieces of one file go one after the other, and become one range.
        assert_eq!(age_out(&lab), 1);
        if with_rebuild {
            rebuild(&lab);
        }
        assert_eq!(lab.index().totals.events, 0);
        lab.append("app.log.1", lines(600, 601));
        assert_eq!(lab.index().totals.events, 1);
    }
}

#[test]
fn the_tailer_reads_only_what_is_new() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 100));
    follow(&lab, &["app.log"], |tail| tail.settle());
    let index = IndexName::new("main").expect("valid");
    assert_eq!(open_writer(lab.data()).seal_live_logs(&index, &|| false).expect("seal"), 1);
    assert_eq!(age_out(&lab), 1);
    assert_eq!(lab.events(), []);
    rebuild(&lab);
    follow(&lab, &["app.log"], |tail| {
        tail.settle();
        assert_eq!(lab.events(), []);
        lab.write_on("app.log", lines(100, 110));
        lab.rename("app.log", "app.log.1");
        lab.write_on("app.log", lines(110, 115));
        tail.settle();
    });
    let texts: Vec<String> = lab.texts();
    assert_eq!(texts.concat(), lines(100, 115));
}

#[test]
fn buckets_that_go_under_a_tailer_change_nothing_for_it() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 50));
    let writer = open_writer(lab.data());
    let options = TailOptions { log_bytes: 1, ..TailOptions::default() };
    follow_into(&writer, &lab, &["app.log"], options, None, |tail| {
        tail.settle();
        let index = IndexName::new("main").expect("valid");
        assert_eq!(writer.seal_live_logs(&index, &|| false).expect("seal"), 1);
        writer.set_retention(policies(Policy { max_size: Some(0), ..Policy::default() }));
        assert_eq!(writer.enforce_retention(&|| false).expect("enforce").removed.len(), 1);
        lab.write_on("app.log", lines(50, 60));
        tail.settle();
    });
    assert_eq!(lab.texts().concat(), lines(50, 60));
}

#[test]
fn a_tailer_without_room_waits_and_goes_on() {
    let lab = Lab::new();
    lab.write("old.log", lines(0, 40));
    lab.index();
    lab.write_on("app.log", lines(0, 10));
    let writer = open_writer(lab.data());
    let full = Policy { min_free: Some(MinFree::Bytes(u64::MAX / 2)), protected: true, ..Policy::default() };
    writer.set_retention(policies(full));
    follow_into(&writer, &lab, &["app.log"], TailOptions::default(), None, |tail| {
        tail.see();
        tail.wait(Duration::from_secs(5));
        let (why, _) = tail.status().paused.expect("it waits");
        assert!(why.contains("min_free"), "{why}");
        assert_eq!(lab.events().len(), 40, "what is there can be read, and nothing was added");
        lab.write_on("app.log", lines(10, 20));
        tail.wait(Duration::from_secs(5));
        writer.set_retention(Policies::new());
        tail.wait(Duration::from_secs(5));
        assert!(tail.status().paused.is_none());
        tail.settle();
    });
    lab.check(&[("app.log", 0, lines(0, 20).as_bytes()), ("old.log", 0, lines(0, 40).as_bytes())]);
}
