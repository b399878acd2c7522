//! The last event of a file that may still be written to.

use crate::lab::{AN_HOUR, Lab, Stored, gzip, line, lines};
use std::time::Duration;
use trawl_formats::parse::EventFlags;

const MINUTE: Duration = Duration::from_secs(60);

fn trace(lab: &Lab) -> Vec<Stored> {
    lab.events().into_iter().filter(|event| event.text().contains("ERROR")).collect()
}

#[test]
fn a_stack_trace_that_grows_over_three_runs_is_one_event() {
    let lab = Lab::new();
    lab.write("app.log", lines(0, 10) + "2026-11-20 01:00:00 ERROR failed\n\tat a.b.C.d(C.java:1)\n");
    for frame in ["\tat e.f.G.h(G.java:2)\n", "\tat i.j.K.l(K.java:3)\n", "\tat m.n"] {
        lab.set_age("app.log", MINUTE);
        lab.index();
        let events = trace(&lab);
        assert_eq!(events.len(), 1, "{events:?}");
        assert!(events[0].provisional);
        assert_eq!(lab.contents()[&("app.log".to_owned(), 0)], lab.read("app.log"));
        lab.append("app.log", frame);
    }
    lab.append("app.log", ".O.p(O.java:4)\n".to_owned() + &line(3700));
    lab.set_age("app.log", MINUTE);
    lab.index();
    let events = trace(&lab);
    assert_eq!(events.len(), 1);
    assert!(!events[0].provisional && events[0].text().ends_with("O.java:4)\n") && events[0].flags == 0);
    lab.check(&[("app.log", 0, &lab.read("app.log"))]);
}

#[test]
fn a_quiet_file_closes_its_last_event() {
    let mut lab = Lab::new();
    lab.write("app.log", lines(0, 10) + "2026-11-20 01:00:00 ERROR half a li");
    lab.set_age("app.log", MINUTE);
    let report = lab.index();
    // The line before the last is whole only when it is known what the last one is.
    assert_eq!((report.totals.events, report.totals.provisional_events), (9, 2));
    assert!(trace(&lab)[0].provisional);
    lab.options.now_us += AN_HOUR.as_micros() as i64;
    lab.index();
    let closed = trace(&lab);
    assert!(closed.len() == 1 && !closed[0].provisional);
    // What comes too late is an event of its own, with the time of the one it continues.
    lab.append("app.log", "ne\n\tat a.b.C\n2026-11-20 01:00:05 INFO next\n");
    lab.index();
    let events = lab.events();
    let late = &events[11];
    assert_eq!((late.text(), late.time_us), ("ne\n\tat a.b.C\n", closed[0].time_us));
    assert_eq!(late.flags, EventFlags::CONTINUED.0 | EventFlags::NO_STAMP.0);
    assert_eq!(events[12].flags, 0);
    lab.check(&[("app.log", 0, &lab.read("app.log"))]);
}

#[test]
fn compressed_files_close_their_last_event() {
    let lab = Lab::new();
    lab.write("app.log.1.gz", gzip((lines(0, 10) + "2026-11-20 01:00:00 ERROR last").as_bytes()));
    lab.set_age("app.log.1.gz", MINUTE);
    lab.index();
    assert!(!trace(&lab)[0].provisional);
}

#[test]
fn a_file_that_is_one_open_event_is_indexed_when_it_closes() {
    let lab = Lab::new();
    lab.write("app.log", "2026-11-20 01:00:00 ERROR fi");
    lab.set_age("app.log", MINUTE);
    lab.index();
    assert!(trace(&lab)[0].provisional);
    lab.append("app.log", "rst\n".to_owned() + &line(3700) + &line(3701));
    lab.set_age("app.log", MINUTE);
    lab.index();
    assert_eq!(trace(&lab)[0].text(), "2026-11-20 01:00:00 ERROR first\n");
    lab.check(&[("app.log", 0, &lab.read("app.log"))]);
    // Rotation and compression take the last event along.
    lab.rename("app.log", "app.log.1");
    lab.write("app.log.1.gz", gzip(&lab.read("app.log.1")));
    lab.remove("app.log.1");
    lab.index();
    assert!(lab.events().iter().all(|event| !event.provisional));
    assert_eq!(lab.events().len(), 3);
}

#[test]
fn other_files_keep_their_provisional_events() {
    let lab = Lab::new();
    for name in ["a.log", "b.log"] {
        lab.write(name, format!("{}2026-11-20 01:00:00 ERROR {name}\n", lines(0, 10)));
        lab.set_age(name, MINUTE);
    }
    lab.index();
    lab.append("a.log", "\tat a.b.C\n");
    lab.set_age("a.log", MINUTE);
    lab.index_names(&["a.log"]);
    assert_eq!(trace(&lab).len(), 2);
    assert_eq!(lab.events().len(), 22);
}
