//! What a tailer says of itself: how far it is, what is left out, what was remarkable.

use super::{follow_into, follow_with};
use crate::lab::{AN_HOUR, Lab, line, lines, open_writer};
use std::sync::Arc;
use std::time::Duration;
use trawl_indexer::tail::{Activity, FileState, Remarks, TailOptions};

#[test]
fn how_far_it_is() {
    let lab = Lab::new();
    lab.write_on("app.log", lines(0, 3));
    follow_with(&lab, &["app.log"], TailOptions::default(), |tail| {
        tail.see();
        let file = tail.status().files.remove(0);
        let (three, two) = (lines(0, 3).len() as u64, lines(0, 2).len() as u64);
        // The last event may still grow: it has been read, and is no progress yet.
        assert_eq!((file.len, file.read_to, file.durable_to, file.lag), (three, three, two, three - two));
        tail.settle();
        let file = tail.status().files.remove(0);
        assert_eq!((file.len, file.read_to, file.durable_to, file.lag), (three, three, three, 0));
    });
}

#[test]
fn what_is_left_out_is_named() {
    let lab = Lab::new();
    lab.write("old.log", line(0));
    lab.write_on("new.log", line(1));
    let writer = open_writer(lab.data());
    follow_into(&writer, &lab, &["*.log"], TailOptions::default(), Some(AN_HOUR), |tail| {
        tail.see();
        assert_eq!(tail.status().too_old, [lab.path("old.log")]);
        lab.write_on("old.log", line(2));
        tail.wait(Duration::from_secs(20));
        assert!(tail.status().too_old.is_empty());
    });
}

#[test]
fn what_is_done_is_counted() {
    let lab = Lab::new();
    let activity = Arc::new(Activity::default());
    let options = || TailOptions { activity: Arc::clone(&activity), ..TailOptions::default() };
    // The counts go on where one tailer follows another.
    for round in 0..2 {
        follow_with(&lab, &["*.log"], options(), |tail| {
            lab.write_on(
                &format!("{round}.log"),
                [lines(0, 2).as_bytes(), &[0; 8192], line(3).as_bytes(), &[b'x'; 3 << 20], b"\n"].concat(),
            );
            tail.see();
            tail.settle();
            assert_eq!(tail.status().files[round].state, FileState::Followed);
        });
    }
    let counts = activity.counts();
    let of_index = counts.indexes.values().next().expect("the index that was written");
    let n_bytes = lab.events().iter().map(|event| event.bytes.len() as u64).sum::<u64>();
    assert_eq!((of_index.bytes, of_index.bytes_read), (n_bytes, n_bytes));
    assert_eq!((of_index.n_events, of_index.n_events_read), (lab.events().len() as u64, lab.events().len() as u64));
    assert!(of_index.batches.count > 0 && of_index.batches.total > Duration::ZERO && of_index.n_refused == 0);
    let n_cut = lab.events().iter().filter(|event| event.flags & 4 != 0).count() as u64;
    assert!(n_cut > 4, "{n_cut}");
    assert_eq!(of_index.remarks, Remarks { nul_bytes: 2 * 8192, n_cut });
    let by_source: Vec<Remarks> = counts.remarks.into_values().collect();
    assert_eq!(by_source, [Remarks { nul_bytes: 8192, n_cut: n_cut / 2 }; 2]);
}
