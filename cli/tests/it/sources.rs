//! `trawl sources`

use crate::support::Sandbox;
use insta::assert_snapshot;

#[test]
fn sources_are_listed_with_their_progress() {
    let sandbox = Sandbox::with_pay_log();
    sandbox.file("web.log", b"2026-11-20 14:05:00 GET /\n");
    assert_eq!(sandbox.trawl(&["index", "--index", "web", "--host", "web-01", "web.log"]).code(), 0);
    assert_snapshot!(sandbox.trawl(&["sources"]), @r"
    exit: 0
    --- stdout ---
    index  source                   sourcetype  host    generations  events  bytes  last_time
    -----  -----------------------  ----------  ------  -----------  ------  -----  --------------------------------
    main   [DIR]/pay.log  log4j       pay-01            1       5    477  2026-11-20T14:05:04.000000+00:00
    web    [DIR]/web.log  generic     web-01            1       1     26  2026-11-20T14:05:00.000000+00:00
    ");
    assert_snapshot!(sandbox.trawl(&["sources", "--index", "web", "-o", "ndjson"]), @r#"
    exit: 0
    --- stdout ---
    {"index":"web","source":"[DIR]/web.log","sourcetype":"generic","host":"web-01","generations":1,"events":1,"bytes":26,"last_time":"2026-11-20T14:05:00.000000+00:00"}
    "#);
    assert_snapshot!(sandbox.trawl(&["sources", "--index", "none"]), @r"
    exit: 1
    --- stdout ---
    index  source  sourcetype  host  generations  events  bytes  last_time
    -----  ------  ----------  ----  -----------  ------  -----  ---------
    ");
}
