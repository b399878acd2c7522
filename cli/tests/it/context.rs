//! `trawl context`: what stands around an event.

use crate::support::{Run, Sandbox};

/// The addresses of all events, in the order of time.
fn addresses(sandbox: &Sandbox, query: &str) -> Vec<String> {
    let run = sandbox.search(&[&format!("{query} | reverse | table _addr"), "-o", "csv"]);
    let text = String::from_utf8(run.stdout().to_vec()).unwrap();
    text.lines().skip(1).map(|line| line.trim_matches('"').to_owned()).collect()
}

fn context(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.trawl(&[&["context"], args].concat())
}

#[test]
fn an_event_stands_among_its_neighbours() {
    let sandbox = Sandbox::with_pay_log();
    let addresses = addresses(&sandbox, "*");
    assert_eq!(addresses.len(), 5);
    insta::assert_snapshot!(context(&sandbox, &[&addresses[2], "-B", "1", "-A", "2"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20T14:05:02.500000+00:00  host pay-01  [DIR]/pay.log
      2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB host=db-01 attempt=1
      java.sql.SQLException: timeout
      	at com.example.Pay.run(Pay.java:12)
    > 2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2
      2026-11-20 14:05:03,000 [pay-1] ERROR: café red host=db-02 attempt=3
      2026-11-20 14:05:04,000 [pay-2] INFO: PaymentService connected host=db-01 attempt=4

    --- stderr ---
    hint: trawl context --host '[DIR]/pay.log@0:240+75' shows what else its host logged then
    ");
    // The exact bytes, and rows.
    let raw = context(&sandbox, &[&addresses[1], "-C", "0", "-o", "raw"]);
    assert!(
        raw.stdout().starts_with(b"2026-11-20 14:05:01,123 [pay-1] ERROR") && raw.stdout().ends_with(b"java:12)\n")
    );
    let json = context(&sandbox, &[&addresses[0], "-C", "1", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_slice(json.stdout()).unwrap();
    let rows = json["results"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["position"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(rows[0]["_addr"], addresses[0].as_str());
}

#[test]
fn what_a_host_logged_at_a_time_is_merged_from_all_files() {
    let sandbox = Sandbox::with_pay_log();
    sandbox.file("gate.log", b"2026-11-20 14:05:01,500 INFO gate open\n2026-11-20 14:15:01,500 INFO gate later\n");
    sandbox.file("other.log", b"2026-11-20 14:05:01,200 INFO elsewhere\n");
    assert_eq!(sandbox.trawl(&["index", "--host", "pay-01", "--index", "net", "gate.log"]).code(), 0);
    assert_eq!(sandbox.trawl(&["index", "--host", "pay-02", "other.log"]).code(), 0);
    let event = &addresses(&sandbox, "retry")[0];
    insta::assert_snapshot!(context(&sandbox, &[event, "--host", "--window", "1s"]), @r"
    exit: 0
    --- stdout ---
    2026-11-20T14:05:02.500000+00:00  host pay-01
      14:05:01.500  -1.000 s  gate.log  2026-11-20 14:05:01,500 INFO gate open
    > 14:05:02.500  +0.000 s  pay.log   2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2
      14:05:03.000  +0.500 s  pay.log   2026-11-20 14:05:03,000 [pay-1] ERROR: café red host=db-02 attempt=3
    ");
}

#[test]
fn what_is_not_there_is_said_clearly() {
    let sandbox = Sandbox::with_pay_log();
    let address = addresses(&sandbox, "retry").remove(0);
    let (source, place) = address.rsplit_once('@').unwrap();
    let check = |address: &str, expected: &str| {
        let run = context(&sandbox, &[address]);
        assert_eq!(run.code(), 2, "{run}");
        assert!(run.stderr().contains(expected), "{expected}: {run}");
    };
    check("nonsense", "is not an event address");
    check(&format!("{source}x@{place}"), &format!("did you mean `{source}`?"));
    check(&format!("/never/seen@{place}"), "`trawl sources` lists those of");
    check(&format!("{source}@7:0+1"), "has no generation 7: its last one is 0");
    check(&format!("{source}@0:900000+1"), "is not indexed");
    check(&format!("{source}@0:3+1"), &format!("the event that holds this byte is at {source}@0:0+"));
}

#[test]
fn what_has_aged_out_may_lie_in_an_archive() {
    let sandbox = Sandbox::with_pay_log();
    let address = addresses(&sandbox, "retry").remove(0);
    sandbox.file("trawl.toml", b"[index.main]\nmax_age = \"1s\"\narchive = \"arch\"\n");
    std::fs::create_dir(sandbox.path().join("arch")).unwrap();
    let run = sandbox.trawl(&["retention", "--apply"]);
    assert_eq!(run.code(), 0, "{run}");
    let run = context(&sandbox, &[&address]);
    assert_eq!(run.code(), 2, "{run}");
    assert!(run.stderr().contains("has aged out of the index `main`"), "{run}");
    let folder = sandbox.path().join("arch");
    assert!(run.stderr().contains(&format!("--archive {}", folder.display())), "{run}");
    let run = context(&sandbox, &[&address, "--archive", "arch", "-C", "0", "-o", "raw"]);
    assert_eq!(run.stdout(), b"2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2\n", "{run}");
}
