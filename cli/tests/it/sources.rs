//! `trawl sources`

use crate::support::Sandbox;
use insta::assert_snapshot;

#[test]
fn sources_are_listed_with_their_progress() {
    let sandbox = Sandbox::with_pay_log();
    sandbox.file("web.log", b"2026-11-20 14:05:00 GET /\n");
    assert_eq!(sandbox.trawl(&["index", "--index", "web", "--host", "web-01", "web.log"]).code(), 0);
    let listed = sandbox.trawl(&["sources", "-o", "csv"]);
    let text = String::from_utf8_lossy(listed.stdout()).replace(sandbox.path().to_str().unwrap(), "[DIR]");
    assert_eq!(listed.code(), 0, "{listed}");
    assert_snapshot!(text, @r"
    index,source,sourcetype,host,state,generations,events,bytes,path,file_bytes,read_bytes,indexed_bytes,lag_bytes,lag_s,last_time,nul_bytes,cut_events,problem,problem_s,problem_since
    main,[DIR]/pay.log,log4j,pay-01,read,1,5,477,[DIR]/pay.log,477,477,477,0,,2026-11-20T14:05:04.000000+00:00,0,0,,,
    web,[DIR]/web.log,generic,web-01,read,1,1,26,[DIR]/web.log,26,26,26,0,,2026-11-20T14:05:00.000000+00:00,0,0,,,
    ");
    let table = sandbox.trawl(&["sources", "--index", "web"]);
    let table = String::from_utf8_lossy(table.stdout()).into_owned();
    let header: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        header.join(" "),
        "index source sourcetype host state generations events bytes lag_bytes lag_s last_time problem"
    );
    assert_eq!(sandbox.trawl(&["sources", "--index", "none"]).code(), 1);
    assert_eq!(sandbox.trawl(&["sources", "--problems"]).code(), 1);
}

#[test]
fn generations_are_the_history_of_a_source() {
    let sandbox = Sandbox::new();
    sandbox.file("pay.log", b"2026-11-20 14:05:00,001 [main] INFO: begun\n");
    assert_eq!(sandbox.trawl(&["index", "--host", "pay-01", "pay.log"]).code(), 0);
    sandbox.file("pay.log", b"2026-11-21 09:00:00,000 [main] INFO: begun anew\n");
    assert_eq!(sandbox.trawl(&["index", "--host", "pay-01", "pay.log"]).code(), 0);
    let listed = sandbox.trawl(&["sources", "--generations", "-o", "csv"]);
    let text = String::from_utf8_lossy(listed.stdout()).replace(sandbox.path().to_str().unwrap(), "[DIR]");
    assert_snapshot!(text, @r"
    index,source,generation,events,bytes,aged_out_bytes,holes,last_time,head_bytes,head_hash
    main,[DIR]/pay.log,0,1,43,0,0,2026-11-20T14:05:00.001000+00:00,43,30a6306603a484aace8da59a22633847
    main,[DIR]/pay.log,1,1,48,0,0,2026-11-21T09:00:00.000000+00:00,48,c1b167b45297f7ad7487420a2af368e7
    ");
    let row = sandbox.trawl(&["sources", "-o", "ndjson"]);
    let row: serde_json::Value = serde_json::from_slice(row.stdout()).unwrap();
    assert_eq!((&row["generations"], &row["bytes"], &row["indexed_bytes"]), (&2.into(), &91.into(), &48.into()));
    // What is read first of a file that was compressed is not known by its length.
    sandbox.file("pay.log", b"\x1f\x8b\x08\0\0\0\0\0\0\0");
    let row = sandbox.trawl(&["sources", "-o", "ndjson"]);
    let row: serde_json::Value = serde_json::from_slice(row.stdout()).unwrap();
    assert_eq!(
        (&row["state"], &row["lag_bytes"], &row["file_bytes"]),
        (&"read".into(), &serde_json::Value::Null, &10.into())
    );
}
