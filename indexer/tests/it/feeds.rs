//! Commands and FIFOs, with real programs, threads and time.

use crate::lab::{Lab, Stored, open_writer};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use trawl_formats::event::Sourcetype;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::Options;
use trawl_indexer::tail::{CommandInput, Control, Inputs, StreamInput, StreamOrigin, TailOptions, TailStatus, run};

const PATIENCE: Duration = Duration::from_secs(20);

fn shell(lab: &Lab, script: &str, interval: Duration) -> CommandInput {
    CommandInput {
        argv: ["sh", "-c", script].into_iter().map(OsString::from).collect(),
        interval,
        timeout: interval,
        options: lab.options.clone(),
    }
}

/// Runs `inputs` while `scene` plays, then stops.
fn work(lab: &Lab, inputs: Inputs, scene: impl FnOnce()) {
    let writer = open_writer(lab.data());
    let registry = Registry::builtin();
    let control = Control::default();
    // Logs are sealed after some batches, so that events come out of buckets, too.
    let options =
        TailOptions { event_timeout: Duration::from_millis(300), log_bytes: 1 << 10, ..TailOptions::default() };
    thread::scope(|scope| {
        let runner = scope.spawn(|| run(&writer, &registry, inputs, options, &control, |_| ()));
        scene();
        let begun = Instant::now();
        control.stop();
        runner.join().expect("no panic").expect("the store answers");
        assert!(begun.elapsed() < Duration::from_secs(5), "a stop took {:?}", begun.elapsed());
    });
}

/// Runs `inputs` until the status is what is waited for; that status.
fn work_until(lab: &Lab, inputs: Inputs, is_it: impl Fn(&TailStatus) -> bool) -> TailStatus {
    let writer = open_writer(lab.data());
    let control = Control::default();
    let mut found = None;
    let on_status = |status: &TailStatus| {
        if is_it(status) {
            found = Some(status.clone());
            control.stop();
        }
    };
    run(&writer, &Registry::builtin(), inputs, TailOptions::default(), &control, on_status).expect("the store answers");
    found.expect("nothing else stops it")
}

/// Waits until the store holds what is looked for.
fn wait_for(lab: &Lab, is_there: impl Fn(&[Stored]) -> bool) {
    let begun = Instant::now();
    while !lab.data().join("catalog.db").exists() || !is_there(&lab.events()) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", lab.events());
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_status(event: &Stored) -> bool {
    event.text().contains(" n_skipped=")
}

/// The bytes of the one source of each kind, which must be without holes.
fn check_offsets(events: &[Stored]) {
    let mut next = 0;
    for event in events {
        assert_eq!(event.offset, next, "{events:?}");
        next += event.bytes.len() as u64;
    }
}

#[test]
fn each_run_is_a_batch_with_the_time_of_its_start() {
    let lab = Lab::new();
    lab.write("count", "");
    let script = format!("echo x >> {0}; n=$(wc -l < {0}); echo run $n; echo tail $n", lab.path("count").display());
    let inputs = Inputs { commands: vec![shell(&lab, &script, Duration::from_millis(300))], ..Inputs::default() };
    let n_status = |events: &[Stored]| events.iter().filter(|event| is_status(event)).count();
    work(&lab, inputs, || wait_for(&lab, |events| n_status(events) >= 5));
    let events = lab.events();
    let (status, output): (Vec<Stored>, Vec<Stored>) = events.into_iter().partition(is_status);
    check_offsets(&status);
    check_offsets(&output);
    assert_eq!(output.len(), 2 * status.len());
    for ((pair, status), number) in output.chunks(2).zip(&status).zip(1..) {
        assert_eq!((pair[0].text(), pair[1].text()), (&*format!("run {number}\n"), &*format!("tail {number}\n")));
        assert_eq!([pair[0].time_us, pair[1].time_us], [status.time_us; 2]);
        assert!(status.text().contains(" n_events=2 ") && status.text().contains(" exit_code=0 "), "{status:?}");
    }
}

#[test]
fn a_new_process_is_a_new_generation() {
    let lab = Lab::new();
    for n_runs in 1..=2 {
        let inputs = Inputs { commands: vec![shell(&lab, "echo same", PATIENCE)], ..Inputs::default() };
        work(&lab, inputs, || {
            wait_for(&lab, |events| events.iter().filter(|event| is_status(event)).count() == n_runs);
        });
    }
    let output: Vec<(u32, u64)> =
        lab.events().iter().filter(|event| !is_status(event)).map(|event| (event.generation, event.offset)).collect();
    // What each run says of itself has the same source, and counts with it.
    assert_eq!(output, [(0, 0), (2, 0)]);
}

#[test]
fn a_stop_ends_a_run_and_keeps_what_it_printed() {
    let lab = Lab::new();
    let mark = lab.path("mark");
    let script = format!("echo early; touch {}; sleep 60", mark.display());
    let inputs = Inputs { commands: vec![shell(&lab, &script, PATIENCE)], ..Inputs::default() };
    work(&lab, inputs, || {
        let begun = Instant::now();
        while !mark.exists() {
            assert!(begun.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(5));
        }
    });
    let texts = lab.texts();
    assert!(texts.iter().any(|text| text == "early\n"), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains(" signal=15 ") && text.contains(" stopped=true ")), "{texts:?}");
}

#[test]
fn intervals_that_pass_during_a_run_are_counted() {
    let lab = Lab::new();
    let mut command = shell(&lab, "sleep 0.7; echo slow", Duration::from_millis(200));
    command.timeout = PATIENCE;
    let inputs = Inputs { commands: vec![command], ..Inputs::default() };
    work(&lab, inputs, || wait_for(&lab, |events| events.iter().filter(|event| is_status(event)).count() >= 2));
    let events = lab.events();
    let skipped: Vec<&str> = events
        .iter()
        .filter(|event| is_status(event) && event.text().contains(" stopped=false "))
        .filter_map(|event| event.text().split(" n_skipped=").nth(1)?.split_whitespace().next())
        .collect();
    assert_eq!(skipped[0], "0");
    assert!(skipped[1].parse::<u32>().unwrap() >= 3, "{skipped:?}");
}

#[test]
fn a_program_that_is_missing_is_told_of() {
    let lab = Lab::new();
    let mut command = shell(&lab, "", PATIENCE);
    command.argv = vec!["no-such-program-here".into()];
    let inputs = Inputs { commands: vec![command], ..Inputs::default() };
    let status = work_until(&lab, inputs, |status| status.feeds[0].error.is_some());
    let error = status.feeds[0].error.as_ref().expect("an error");
    assert!(error.0.starts_with("cannot be run: No such file"), "{error:?}");
    assert!(lab.texts()[0].contains("level=ERROR"), "{:?}", lab.texts());
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn a_fifo_is_read_from_writer_to_writer() {
    let lab = Lab::new();
    let path = lab.path("app.fifo");
    make_fifo(&path);
    let options = Options { sourcetype: Some(Sourcetype::from("generic")), ..lab.options.clone() };
    let input = StreamInput { origin: StreamOrigin::Fifo(path.clone()), options };
    let line = |n: u32| format!("2026-11-22 11:59:{:02} line {n}\n", n % 60);
    // Each writer writes the same again: a stream is never de-duplicated.
    work(&lab, Inputs { streams: vec![input], ..Inputs::default() }, || {
        for _ in 0..3 {
            // Blocks until somebody reads.
            let mut fifo = OpenOptions::new().write(true).open(&path).expect("open");
            for n in 0..200 {
                fifo.write_all(line(n).as_bytes()).expect("a reader");
            }
        }
        let all = |events: &[Stored]| events.iter().filter(|event| !event.provisional).count() == 600;
        wait_for(&lab, all);
    });
    let events = lab.events();
    check_offsets(&events);
    let expected: Vec<String> = (0..3).flat_map(|_| (0..200).map(line)).collect();
    assert_eq!(events.iter().map(Stored::text).collect::<Vec<_>>(), expected);
}

#[test]
fn a_stop_keeps_what_came_through_a_fifo_last() {
    let lab = Lab::new();
    let path = lab.path("app.fifo");
    make_fifo(&path);
    let input = StreamInput { origin: StreamOrigin::Fifo(path.clone()), options: lab.options.clone() };
    work(&lab, Inputs { streams: vec![input], ..Inputs::default() }, || {
        let mut fifo = OpenOptions::new().write(true).open(&path).expect("open");
        fifo.write_all(b"2026-11-22 11:59:00 ERROR whole\n2026-11-22 11:59:01 no line end").expect("a reader");
        wait_for(&lab, |events| !events.is_empty());
    });
    assert_eq!(lab.texts(), ["2026-11-22 11:59:00 ERROR whole\n", "2026-11-22 11:59:01 no line end"]);
}
