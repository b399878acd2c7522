//! Time as people write it.

use crate::NOW_US;
use crate::input::Input;
use trawl_query::time::{Bins, TimeFormat, TimeSpan, TimeSpec};

/// Years 1960 to 2199: what logs can be about, and where zones have offsets of whole minutes.
const TIMES_US: std::ops::Range<i64> = -315_619_200_000_000..7_258_118_400_000_000;

/// Any instant of [`TIMES_US`].
fn time_us(input: &mut Input<'_>) -> i64 {
    TIMES_US.start + input.i64().rem_euclid(TIMES_US.end - TIMES_US.start)
}

/// Modifiers and spans print as what reads back the same; they resolve in every zone; bins follow one another.
pub fn time_modifier(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (zone, anywhere_us, time_us) = (input.zone(), input.i64(), time_us(&mut input));
    let text = String::from_utf8_lossy(input.rest());
    if let Some(spec) = TimeSpec::parse(&text) {
        let printed = spec.to_string();
        assert_eq!(TimeSpec::parse(&printed).as_ref(), Some(&spec), "{text} printed as {printed}");
        for now_us in [anywhere_us, time_us, NOW_US] {
            let _ = spec.resolve(now_us, zone);
        }
    }
    if let Some(span) = TimeSpan::parse(&text) {
        assert_eq!(TimeSpan::parse(&span.to_string()), Some(span));
        for align_us in [None, Some(NOW_US), Some(anywhere_us)] {
            let bins = Bins { span, zone, align_us };
            bins.next(bins.start_of(anywhere_us));
            let start_us = bins.start_of(time_us);
            let next_us = bins.next(start_us);
            assert!(start_us <= time_us && time_us < next_us, "{time_us} in {start_us}..{next_us} of {span} {zone}");
            assert_eq!(bins.start_of(start_us), start_us, "{span} {zone} {align_us:?}");
        }
    }
}

/// Any format prints any instant and reads any text; what says everything reads back what it printed.
pub fn strptime(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (zone, anywhere_us, time_us) = (input.zone(), input.i64(), time_us(&mut input));
    let format = TimeFormat::new(&input.text_line());
    for text in
        [Some(String::from_utf8_lossy(input.rest()).into_owned()), format.format(time_us, zone)].iter().flatten()
    {
        let read_us = format.parse(text, zone, NOW_US);
        read_us.map(|read_us| format.format(read_us, zone));
    }
    let _ = format.format(anywhere_us, zone);
    for whole in ["%Y-%m-%dT%H:%M:%S.%6N%:z", "%d %b %Y %I:%M:%S.%6N %p %z", "%A, %B %e %Y %T.%6N %:z", "%s.%6N"] {
        let whole = TimeFormat::new(whole);
        let printed = whole.format(time_us, zone).expect("a year of four digits");
        assert_eq!(whole.parse(&printed, zone, NOW_US), Some(time_us), "{printed}");
    }
}
