//! What no store can mend by itself: a power cut that takes the end of a log which was read already.

use crate::lab::{Lab, lines};
use crate::tail::{follow, follow_until_killed};
use std::fs::File;

/// The tailer syncs what it reads, the program that wrote it does not: after a power cut the log may end before the place up
/// to which it was read. Nothing is lost by that. But once the log has grown, no byte says that its beginning is the one that
/// was read before it was cut off, and not one that was written anew after a truncation: it is read again, as the next
/// generation. That is the wrong side of a choice in which the other side could lose events.
#[test]
fn a_log_that_lost_its_end_is_read_again_once_it_grows() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 20));
    follow_until_killed(&lab, &["app.log"], |tail| tail.settle());
    let kept = lines(0, 15).len() as u64;
    File::options().write(true).open(lab.path("app.log")).and_then(|log| log.set_len(kept)).expect("truncate");
    follow(&lab, &["app.log"], |tail| {
        tail.settle();
        lab.check(&[("app.log", 0, lines(0, 20).as_bytes())]);
        lab.write_on("app.log", lines(30, 33));
        tail.settle();
    });
    let grown = lines(0, 15) + &lines(30, 33);
    lab.check(&[("app.log", 0, lines(0, 20).as_bytes()), ("app.log", 1, grown.as_bytes())]);
}
