//! Back-tests over events that were loaded long after they happened.

use crate::lab::{Lab, at, options, rule, told};
use trawl_alert::backtest::replay;
use trawl_alert::evaluate::Evaluator;

#[test]
fn loaded_events_count_as_if_they_had_been_followed() {
    let lab = Lab::new();
    let two_hours = 7_200.0;
    for n in 0..3 {
        lab.arrive(f64::from(n), two_hours, "ERROR");
    }
    let engine = lab.engine();
    let evaluator = Evaluator::new(&engine, options());
    let replayed = replay(&evaluator, &rule("ERROR", "count > 2"), (at(0.0), at(40.0))).expect("a replay");
    assert_eq!((replayed.n_loaded, replayed.n_events), (3, 3));
    assert_eq!(replayed.transitions.iter().map(told).collect::<Vec<_>>(), ["10 raised", "20 resolved"]);
    // What could have been seen at the time is not loaded.
    let lab = Lab::new();
    lab.arrive(1.0, 2.0, "ERROR");
    let engine = lab.engine();
    let replayed = replay(&Evaluator::new(&engine, options()), &rule("ERROR", "count > 0"), (at(0.0), at(40.0)));
    assert_eq!(replayed.expect("a replay").n_loaded, 0);
}
