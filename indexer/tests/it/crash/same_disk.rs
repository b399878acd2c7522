//! What no store can mend by itself: a power cut that takes the end of a log which was read already.
//!
//! The tailer syncs what it reads, the program that wrote it does not: after a power cut the log may end before the place up to
//! which it was read. Nothing is lost by that, and what the log still holds is not read again.

use crate::lab::{Lab, lines};
use crate::tail::{follow, follow_until_killed};
use std::fs::File;

/// Lines without a time.
fn banner(from: u32, to: u32) -> String {
    (from..to).map(|n| format!("-- step {n} of the banner that each run begins with --\n")).collect()
}

fn cut(lab: &Lab, name: &str, len: usize) {
    File::options().write(true).open(lab.path(name)).and_then(|log| log.set_len(len as u64)).expect("truncate");
}

#[test]
fn a_log_that_lost_its_end_is_read_on_once_it_grows() {
    // In the live log, or sealed in a bucket; seen before it grows, or not; and cut within a line.
    for (is_sealed, is_seen, n_torn) in
        [(false, true, 0), (false, false, 0), (true, true, 0), (true, false, 0), (false, true, 9), (true, false, 9)]
    {
        let lab = Lab::new();
        let (first, kept) = (lines(0, 2000), lines(0, 1500));
        lab.write_on("app.log", &first);
        if is_sealed {
            lab.index();
        } else {
            follow_until_killed(&lab, &["app.log"], |tail| tail.settle());
        }
        cut(&lab, "app.log", kept.len() + n_torn);
        // What the first generation holds is a hole in the second one.
        let second = "\0".repeat(kept.len()) + &lines(1500, 1501)[..n_torn] + &lines(3000, 3003);
        let third = "\0".repeat(kept.len() + n_torn + lines(3000, 3002).len()) + &lines(4000, 4001);
        let expected =
            [("app.log", 0, first.as_bytes()), ("app.log", 1, second.as_bytes()), ("app.log", 2, third.as_bytes())];
        follow(&lab, &["app.log"], |tail| {
            if is_seen {
                tail.settle();
                lab.check(&expected[..1]);
            }
            lab.append("app.log", lines(3000, 3003));
            tail.settle();
            lab.check(&expected[..2]);
        });
        // Known again after a restart, and when it is rotated.
        lab.rename("app.log", "app.log.1");
        follow(&lab, &["app.log*"], |tail| tail.settle());
        lab.index_names(&["app.log.1"]);
        lab.check(&expected[..2]);
        // And once more.
        cut(&lab, "app.log.1", kept.len() + n_torn + lines(3000, 3002).len());
        lab.append("app.log.1", lines(4000, 4001));
        follow(&lab, &["app.log*"], |tail| tail.settle());
        lab.check(&expected);
    }
}

#[test]
fn a_file_that_was_written_anew_is_read_whole_though_it_begins_alike() {
    // A report has the day in its title.
    for title in ["", &lines(0, 1)] {
        let lab = Lab::new();
        let beginning = title.to_owned() + &banner(0, 200);
        let (first, second) = (beginning.clone() + &lines(0, 20), beginning + &lines(100, 140));
        lab.write_on("app.log", &first);
        follow_until_killed(&lab, &["app.log"], |tail| tail.settle());
        cut(&lab, "app.log", 0);
        lab.write_on("app.log", &second);
        follow(&lab, &["app.log"], |tail| tail.settle());
        lab.check(&[("app.log", 0, first.as_bytes()), ("app.log", 1, second.as_bytes())]);
    }
}
