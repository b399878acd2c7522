//! `trawl status`

use crate::support::Sandbox;
use insta::assert_snapshot;

#[test]
fn the_data_folder_is_summed_up() {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.trawl(&["status", "-o", "ndjson"]);
    let row: serde_json::Value = serde_json::from_slice(run.stdout()).unwrap();
    assert_eq!((&row["index"], &row["events"], &row["sources"]), (&"main".into(), &5.into(), &1.into()));
    assert_eq!(row["earliest"], "2026-11-20T14:05:00.001000+00:00");
    assert!(row["disk_bytes"].as_u64().unwrap() > 0);
    assert!(run.stderr().contains("data ($TRAWL_DATA): 5 events"), "{run}");
}

#[test]
fn a_missing_data_folder_is_named_with_its_origin() {
    assert_snapshot!(Sandbox::new().trawl(&["status"]), @r"
    exit: 2
    --- stderr ---
    error: there is no trawl data in [DIR]/data ($TRAWL_DATA)
    hint: index something first, for example `trawl index /var/log`, or name another folder with --data
    ");
}
