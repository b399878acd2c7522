use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;

/// Feeds a reading every 10 s (`.` ok, `w` warning, `c` critical, `-` neither holding nor clear) and prints what came of each: `.` nothing, else
/// `P`ending, `L`apsed, `R`aised, `S`everity changed, `M` reminder, `E`nded; in lower case if nobody is told.
fn run_from(state: &mut State, timing: &Timing, start: i64, readings: &str) -> String {
    run_handled(state, timing, &Handling::default(), start, readings)
}

fn run_handled(state: &mut State, timing: &Timing, handling: &Handling, start: i64, readings: &str) -> String {
    let mut text = String::new();
    for (n, reading) in readings.chars().enumerate() {
        let severity = match reading {
            'w' => Severity::Warning,
            'c' => Severity::Critical,
            _ => Severity::Ok,
        };
        let tick_us = (start + n as i64 * 10) * SECOND;
        let reading = Reading { tick_us, severity, is_clear: reading == '.' };
        let change = state.advance("a", &Group::default(), timing, handling, reading);
        text.push(change.map_or('.', |change| {
            let letter = match change.what {
                ChangeKind::Pending => 'P',
                ChangeKind::Lapsed => 'L',
                ChangeKind::Told(Happening::Raised) => 'R',
                ChangeKind::Told(Happening::SeverityChanged) => 'S',
                ChangeKind::Told(Happening::Reminder) => 'M',
                ChangeKind::Told(Happening::Resolved) => 'E',
                ChangeKind::Told(Happening::Row | Happening::Acknowledged | Happening::Escalated) => '?',
            };
            if change.quiet.is_none_or(|quiet| quiet == Quiet::Minor) { letter } else { letter.to_ascii_lowercase() }
        }));
    }
    text
}

fn run(timing: &Timing, readings: &str) -> String {
    run_from(&mut State::default(), timing, 0, readings)
}

fn throttle(first: i64, factor: f64, max: i64) -> Timing {
    let throttle = Throttle { first_us: first * SECOND, factor, max_us: max * SECOND };
    Timing { throttle: Some(throttle), ..Timing::default() }
}

#[test]
fn it_fires_while_the_condition_holds() {
    assert_eq!(run(&Timing::default(), "..cc..c"), "..R.E.R");
}

#[test]
fn the_severity_may_change() {
    assert_eq!(run(&Timing::default(), "wwcw."), "R.SSE");
}

#[test]
fn the_condition_must_hold_for_a_while() {
    let timing = Timing { for_us: 20 * SECOND, ..Timing::default() };
    assert_eq!(run(&timing, "cc.ccc.c."), "P.LP.REPL");
}

#[test]
fn it_goes_on_for_a_while_after_the_condition_ended() {
    let timing = Timing { keep_firing_us: 20 * SECOND, ..Timing::default() };
    assert_eq!(run(&timing, "c.c...."), "R...E..");
}

#[test]
fn between_the_two_conditions_nothing_changes() {
    assert_eq!(run(&Timing::default(), "-c--.-"), ".R..E.");
}

#[test]
fn who_was_told_lately_is_not_told_again() {
    assert_eq!(run(&throttle(60, 1.0, 60), "c.c...c.c"), "REre..REr");
}

#[test]
fn what_was_kept_quiet_is_told_when_the_quiet_time_ends() {
    // Told at 0; raised again at 20, and still there at 60.
    assert_eq!(run(&throttle(60, 1.0, 60), "c.cccccc."), "REr...R.E");
    let snooze = Snooze { said: said(), until_us: Some(30 * SECOND), only: None };
    let handling = Handling { snooze: Some(snooze), ..Handling::default() };
    assert_eq!(run_handled(&mut State::default(), &Timing::default(), &handling, 0, "ccccc."), "r..R.E");
}

#[test]
fn who_was_told_hears_of_the_end_snoozed_or_not() {
    let mut state = State::default();
    assert_eq!(run_from(&mut state, &Timing::default(), 0, "c"), "R");
    let snooze = Snooze { said: said(), until_us: Some(500 * SECOND), only: None };
    let handling = Handling { snooze: Some(snooze), ..Handling::default() };
    assert_eq!(run_handled(&mut state, &Timing::default(), &handling, 10, "c.c."), ".Ere");
}

#[test]
fn the_throttle_grows_while_it_comes_and_goes() {
    // Told at 0; quiet until 20, again at 20; quiet for 40, again at 60; quiet for 80.
    assert_eq!(run(&throttle(20, 2.0, 1000), "c.c.c.c.c.c.c.c"), "REREreRErerereR");
}

#[test]
fn what_was_never_told_does_not_end_aloud_but_getting_worse_is_told() {
    assert_eq!(run(&throttle(60, 1.0, 60), "w.w."), "REre");
    assert_eq!(run(&throttle(60, 1.0, 60), "w.wc."), "RErSE");
}

fn said() -> Said {
    Said { by: "kim".into(), at_us: 0, note: None }
}

#[test]
fn it_is_said_again_until_somebody_acknowledges() {
    let timing = Timing { reminder_us: Some(20 * SECOND), ..Timing::default() };
    let mut state = State::default();
    assert_eq!(run_from(&mut state, &timing, 0, "ccccc"), "R.M.M");
    let episode = state.phase.episode().unwrap().clone();
    let handling = Handling { acknowledged: Some(OfEpisode { episode, said: said() }), ..Handling::default() };
    assert_eq!(
        run_handled(&mut state, &timing, &handling, 50, "cccc.ccc"),
        "....ER.M",
        "a new episode is nobody's yet"
    );
    assert!(handling.is_over(0, &state.phase));
}

#[test]
fn a_snooze_ends_in_time() {
    let snooze = Snooze { said: said(), until_us: Some(30 * SECOND), only: None };
    let handling = Handling { snooze: Some(snooze), ..Handling::default() };
    assert_eq!(run_handled(&mut State::default(), &Timing::default(), &handling, 0, "c.cc.c"), "rerRER");
}

#[test]
fn a_snooze_of_an_episode_ends_with_a_change() {
    let mut state = State::default();
    let timing = Timing { reminder_us: Some(10 * SECOND), ..Timing::default() };
    assert_eq!(run_from(&mut state, &timing, 0, "ww"), "RM");
    let only = Some((state.phase.episode().unwrap().clone(), Severity::Warning));
    let handling = Handling { snooze: Some(Snooze { said: said(), until_us: None, only }), ..Handling::default() };
    assert_eq!(run_handled(&mut state, &timing, &handling, 20, "wwcc."), "..SME");
}

#[test]
fn a_late_moment_can_raise_and_nothing_else() {
    let mut state = State::default();
    assert_eq!(run_from(&mut state, &Timing::default(), 100, "."), ".");
    assert_eq!(run_from(&mut state, &Timing::default(), 50, ".c"), ".R");
    assert_eq!(run_from(&mut state, &Timing::default(), 70, "."), ".", "an earlier moment does not end it");
    assert_eq!(run_from(&mut state, &Timing::default(), 110, "."), "E");
}

#[test]
fn the_last_moment_is_late_when_it_is_read_again() {
    let mut state = State::default();
    assert_eq!(run_from(&mut state, &Timing::default(), 100, "c"), "R");
    assert_eq!(run_from(&mut state, &Timing::default(), 100, "."), ".", "what ended then would end twice");
    assert_eq!(run_from(&mut state, &Timing::default(), 110, "."), "E");
    assert_eq!(run_from(&mut state, &Timing::default(), 110, "c"), "R");
}

#[test]
fn a_late_event_raises_no_episode_that_was_told() {
    let timing = Timing { lateness_us: 60 * SECOND, ..Timing::default() };
    let mut state = State::default();
    assert_eq!(run_from(&mut state, &timing, 100, "ww.w."), "R.ERE");
    assert_eq!(run_from(&mut state, &timing, 100, "cc.c"), "....", "these moments are told");
    assert_eq!(run_from(&mut state, &timing, 120, "w"), "R", "between them nothing fired");
    assert_eq!(run_from(&mut state, &timing, 100, "cc"), "..", "another episode does not get worse by it");
    assert_eq!(run_from(&mut state, &timing, 150, "."), "E");
    state.forget(&timing, 199 * SECOND);
    assert_eq!(state.ended.len(), 2);
    state.forget(&timing, 210 * SECOND);
    assert!(state.is_blank());
}

#[test]
fn a_state_survives_being_written() {
    let mut state = State::default();
    run_from(&mut state, &throttle(60, 2.0, 600), 0, "c.wc");
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
}

fn readings() -> impl Strategy<Value = String> {
    "[.wc-]{0,40}"
}

prop_compose! {
    fn timings()(for_s in 0i64..40, keep in 0i64..40, quiet in 0i64..80, factor in 1u8..4, reminder in prop::option::of(10i64..60), late in 0i64..60) -> Timing {
        Timing {
            for_us: for_s * SECOND,
            keep_firing_us: keep * SECOND,
            throttle: (quiet > 0).then(|| Throttle { first_us: quiet * SECOND, factor: f64::from(factor), max_us: 200 * SECOND }),
            reminder_us: reminder.map(|every| every * SECOND),
            lateness_us: late * SECOND,
        }
    }
}

proptest! {
    /// Episodes begin and end in turn; who is told that one began is told that it ended, once, and nobody else is.
    #[test]
    fn episodes_are_well_formed(timing in timings(), readings in readings()) {
        let text = run(&timing, &readings);
        let (mut is_on, mut is_told) = (false, false);
        for letter in text.chars() {
            match letter {
                'R' | 'r' => {
                    // A second time only if the first was quiet.
                    prop_assert!(!is_on || (!is_told && letter == 'R'), "{}", text);
                    (is_on, is_told) = (true, letter == 'R');
                }
                'S' | 's' => {
                    prop_assert!(is_on, "{}", text);
                    is_told |= letter == 'S';
                }
                'M' => prop_assert!(is_on && is_told, "{}", text),
                'E' | 'e' => {
                    prop_assert!(is_on && is_told == (letter == 'E'), "{}", text);
                    (is_on, is_told) = (false, false);
                }
                _ => {}
            }
        }
    }

    /// A process that stops anywhere and goes on with the state that it wrote does the same.
    #[test]
    fn stopping_changes_nothing(timing in timings(), readings in readings(), cut in 0usize..40) {
        let cut = cut.min(readings.len());
        let mut state = State::default();
        let mut text = run_from(&mut state, &timing, 0, &readings[..cut]);
        let mut state: State = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        text += &run_from(&mut state, &timing, cut as i64 * 10, &readings[cut..]);
        prop_assert_eq!(text, run(&timing, &readings));
    }

    /// A moment that is read twice alike changes nothing the second time.
    #[test]
    fn reading_twice_changes_nothing(timing in timings(), readings in readings()) {
        let mut state = State::default();
        run_from(&mut state, &timing, 0, &readings);
        if let Some(last) = readings.chars().last() {
            let before = state.clone();
            let tick = (readings.len() as i64 - 1) * 10;
            prop_assert_eq!(run_from(&mut state, &timing, tick, &last.to_string()), ".");
            prop_assert_eq!(state, before);
        }
    }
    /// Whatever moments late events open again: episodes begin and end in turn, and no two transitions are the same.
    #[test]
    fn late_events_tell_nothing_twice(rounds in prop::collection::vec(("[.wc]{0,6}", "[.wc]"), 1..30)) {
        let timing = Timing { lateness_us: 60 * SECOND, ..Timing::default() };
        let (mut state, mut ids, mut is_on) = (State::default(), std::collections::BTreeSet::new(), false);
        for (n, (late, now)) in rounds.iter().enumerate() {
            let last = (n as i64 + 7) * 10;
            let first = last - late.len() as i64 * 10;
            for (n, reading) in (late.clone() + now).chars().enumerate() {
                let severity = match reading {
                    'w' => Severity::Warning,
                    'c' => Severity::Critical,
                    _ => Severity::Ok,
                };
                let reading = Reading { tick_us: (first + n as i64 * 10) * SECOND, severity, is_clear: severity == Severity::Ok };
                let change = state.advance("a", &Group::default(), &timing, &Handling::default(), reading);
                let Some(change) = change else { continue };
                prop_assert!(ids.insert(change.id.clone()), "{:?} is told twice", change);
                match change.what {
                    ChangeKind::Told(Happening::Raised) => prop_assert!(!std::mem::replace(&mut is_on, true)),
                    ChangeKind::Told(Happening::Resolved) => prop_assert!(std::mem::replace(&mut is_on, false)),
                    _ => prop_assert!(is_on),
                }
            }
            state.forget(&timing, last * SECOND);
        }
    }
}
