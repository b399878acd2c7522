//! `trawl man`

use crate::support::Sandbox;

#[test]
fn pages_are_printed_and_written() {
    let sandbox = Sandbox::new();
    let run = sandbox.trawl(&["man"]);
    let page = String::from_utf8_lossy(run.stdout());
    assert!(run.code() == 0 && page.contains(".TH trawl 1") && page.contains("Exit status"), "{run}");

    assert_eq!(sandbox.trawl(&["man", "--dir", "pages"]).code(), 0);
    for name in ["trawl.1", "trawl-search.1", "trawl-config-show.1"] {
        assert!(sandbox.path().join("pages").join(name).exists(), "{name}");
    }
}
