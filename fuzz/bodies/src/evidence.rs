//! Bundles of evidence, which anyone may have written.

use trawl_evidence::bundle::archive::{from_tar, to_tar};
use trawl_evidence::bundle::{VerifyOptions, verify_tar};
use trawl_evidence::report::{markdown_as_confluence, markdown_as_html};

/// The tar of a bundle: whatever is accepted is written as bundles are, and a whole one has bytes for each of its events.
/// And the same bytes as what people write into a case: no markup of theirs comes out.
pub fn bundle(bytes: &[u8]) {
    if let Ok((members, time_s)) = from_tar(bytes) {
        assert_eq!(to_tar(&members, time_s), bytes, "there is one way to write it");
    }
    let (verified, findings) = verify_tar(bytes, &VerifyOptions::default());
    if let Some(verified) = verified.filter(|_| findings.is_empty()) {
        for record in &verified.records {
            assert_eq!(verified.bytes(record).len() as u64, record.len, "event {} is there", record.n);
        }
    }
    let text = String::from_utf8_lossy(bytes);
    for html in [markdown_as_html(&text), markdown_as_confluence(&text)] {
        assert!(!html.contains("<script") || html.contains("<![CDATA["), "{html}");
    }
}
