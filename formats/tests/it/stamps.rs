//! What the index may leave out: tokens of stamps, as query relies on them.

use proptest::prelude::*;
use trawl_formats::Registry;
use trawl_formats::timestamp::StampHint;
use trawl_formats::token::{is_token_byte, may_be_in_stamp, may_begin_stamp};

/// Numbers, and those that stamps of one kind or another begin with.
fn digits() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{3,19}",
        "(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([0-9]{0,9})",
        "(0[1-9]|[12][0-9])(0[1-9]|1[0-2])(20[0-9]{2}|[0-9]{2})([0-9]{0,6})",
        "([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]([0-9]{0,6})",
        "[69][0-9]{8}|1[0-9]{9}|[69][0-9]{11}|1[0-9]{12}|[69][0-9]{14}|1[0-9]{15}|[69][0-9]{17}|1[0-9]{18}",
    ]
}

fn behind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        " INFO started",
        ".123 x",
        ".123456 INFO x",
        " 140502 INFO dfs: x",
        " 14:05:02,123 INFO x",
        "-22:15:29:606|Step|x",
        "-14:05:02 x",
        "T14:05:02Z x",
        "T140502Z x",
        ":05:02 x",
        " 2026.11.20 R02 x",
        ",x,y",
        "\tx",
        "] x",
        "|x",
        " 20/Nov/2026:14:05:02 x",
        "",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A number that a stamp begins with is known as such, whatever the format and whatever stands before it.
    #[test]
    fn stamps_begin_with_numbers_that_may(before in prop::sample::select(vec!["", "[", "ts=", "{\"ts\":", "{\"time\":\"", "<13>", "a ", "ORD-", "E "]),
                                          digits in digits(), behind in behind()) {
        let text = format!("{before}{digits}{behind}");
        for rules in Registry::builtin().all() {
            let Some(span) = rules.stamp_span(text.as_bytes(), StampHint::default()) else { continue };
            let (start, end) = (span.start as usize, (span.start + span.len) as usize);
            if start == before.len() && end > start && text.as_bytes().get(start + digits.len()).is_none_or(|byte| !is_token_byte(*byte)) {
                prop_assert!(may_begin_stamp(digits.as_bytes()), "{} of {text}", rules.name());
            }
            let mut tokens = text.as_bytes()[start..end].split(|byte| !is_token_byte(*byte)).filter(|token| !token.is_empty());
            prop_assert!(tokens.all(may_be_in_stamp), "{} of {text}", rules.name());
        }
    }
}
