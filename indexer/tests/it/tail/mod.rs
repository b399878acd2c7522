//! Following files: the situations that a tailer must survive, each with its rule.
//!
//! The tailer is driven by hand, on a clock that jumps, and without any notice of the kernel unless a test gives one: what
//! it finds it finds by looking.
//!
//! | # | situation | rule | tests |
//! | --- | --- | --- | --- |
//! | 1 | rename and create | the file is held until its end and until it is quiet; its identity is followed | `situation_01_rename_and_create`, `situation_01_many_rotations_with_a_chain_of_names`, `renamed`, `killed_at_any_moment` |
//! | 2 | rename while down | siblings in the folder are looked at, also outside of the inputs; what is older than the log itself is nobody's business | `situation_02_renamed_while_down_outside_of_the_inputs`, `siblings_from_before_anybody_asked_are_left_alone` |
//! | 3 | several rotations while down | the oldest unfinished first, in order | `situation_03_several_rotations_while_down`, `born_and_rotated_while_down`, `born_and_rotated_between_two_looks` |
//! | 4 | copied and truncated | a new generation; the copy is looked for, and has the bytes that were not read | `situation_04_copied_and_truncated`, `situation_04_the_copy_is_named_by_the_inputs_too`, `situation_04_copied_while_it_is_loaded`, `situation_04_truncated_between_the_look_and_the_first_reading`, `copied_and_truncated`, `copied_truncated_and_compressed_at_once` |
//! | 5 | truncated and grown past the old end | the bytes before the offset are compared before each read | `situation_05_truncated_and_grown_past_the_old_end_between_two_looks` |
//! | 6 | rewritten at the same length | likewise | `situation_06_rewritten_at_the_same_length` |
//! | 7 | edited in place | a new generation | `situation_07_edited_in_place` |
//! | 8 | inode used again | content decides | `situation_08_an_inode_is_used_again` |
//! | 9 | equal beginnings | the hash of the head is a check, not the key | `situation_09_equal_beginnings` |
//! | 10 | empty, one byte | read from the first byte | `situation_10_empty_and_of_one_byte` |
//! | 11 | link that leads elsewhere | the old target is read to its end | `situation_11_a_link_that_leads_elsewhere`, `what_was_exchanged_is_found` |
//! | 12 | no regular file | left out; loops end | `situation_12_what_is_no_file` |
//! | 13 | two names | one reader for each device and inode | `situation_13_one_file_under_two_names` |
//! | 14 | deleted and made again | the deleted one is read to its end first | `situation_14_deleted_and_made_again`, `a_close_that_the_disk_refuses_is_given_again` |
//! | 15 | half a line | searchable at once, never torn, never doubled | `situation_15_half_a_line_is_searchable_and_never_torn`, `situation_15_a_line_that_goes_on_after_it_was_closed` |
//! | 16 | no line end at rotation | the line is kept | `situation_16_no_line_end_at_rotation` |
//! | 17 | very long line | cut, every byte stored | `situation_17_a_very_long_line_is_cut_and_kept_whole` |
//! | 18 | holes and runs of NUL | passed over, offsets stay exact | `situation_18_holes_and_runs_of_nul`, `holes_of_nuls_are_passed_over_and_unwritten_ends_wait` |
//! | 19 | carriage returns | kept | `situation_19_carriage_returns` |
//! | 20 | other encodings | detected, bytes kept | `situation_20_other_encodings` |
//! | 21 | colour codes | kept | `situation_21_colour_codes_are_kept` |
//! | 22 | compressed file half written, damaged | events before the damage are kept, the rest follows when it comes | `situation_22_a_compressed_file_that_is_being_written`, `events_before_the_damage_are_kept_and_the_rest_follows_when_it_comes` |
//! | 23 | compressed after it was followed | content decides | `situation_23_compressed_after_it_was_followed`, `renamed_and_compressed_at_once`, `renamed_and_compressed_at_the_next_rotation`, `what_nobody_has_touched_is_left_alone` |
//! | 24 | network file systems | looked at in intervals; a file that the server forgot is opened again and compared | `situation_24_a_network_file_system_is_looked_at_in_intervals`, `situation_24_a_server_forgets_the_open_file`, `situation_24_and_26_directories_of_which_no_notices_come` |
//! | 25 | queue of notices overflows | everything is listed | `situation_25_the_kernels_queue_overflows`, `situation_25_nothing_is_known_but_that_notices_were_lost` |
//! | 26 | no more watches | the rest is looked at in intervals, the status says so, and it is tried again | `situation_26_no_more_watches`, `situation_26_no_watcher_at_all`, `situation_24_and_26_directories_of_which_no_notices_come` |
//! | 27 | new directories | watched first, listed then | `situation_27_folders_that_come_later`, `names_that_come_are_found` |
//! | 28 | very many files | few are open; the load is measured by `measure_tail idle` | `situations_28_and_29_more_files_than_may_be_open` |
//! | 29 | no more descriptors | at most half of them are taken | `situation_29_fewer_descriptors_than_files`, `situations_28_and_29_more_files_than_may_be_open` |
//! | 30 | permission lost and regained | an error with its age; it ends by itself | `situation_30_a_file_that_may_not_be_read`, `situation_30_a_directory_that_may_not_be_read` |
//! | 31 | clocks that lie | kept and flagged | `situation_31_clocks_that_lie` |
//! | 32 | old files | left out until they change | `situation_32_old_files_are_left_out_until_they_change`, `an_old_file_that_is_written_is_found` |
//! | 33 | large files at the first start | loaded, then followed | `situation_33_a_large_file_is_loaded_and_then_followed` |
//! | 34 | event of several lines over wake-ups, restarts, rotation | one event | `situation_34_an_event_of_several_lines_over_wake_ups_restarts_and_rotation` |
//! | 35 | progress torn | data and progress are one batch: both are there or neither | `situation_35_the_last_batch_is_torn` |
//! | 36 | progress lost | rebuilt from the buckets | `situation_36_the_catalog_is_lost` |
//! | 37 | file that was away | known again | `situation_37_a_file_that_was_away` |
//! | 38 | reader faster than the store | it waits; memory is bounded; nothing is left out | `situation_38_a_reader_that_is_too_fast_waits` |
//! | 39 | disk full | reading pauses, progress stands, searches go on, it resumes by itself | `situation_39_a_file_system_without_room`, `situation_39_the_disk_refuses_everything_for_a_while` |
//! | 40 | killed | each byte once | `situation_40_killed_at_any_moment`, `killed_at_any_moment` |
//! | 41 | two instances | the second is told who the first is | `situation_41_a_second_instance_is_told_who_the_first_one_is` |
//! | 42 | device numbers change | content decides | `situation_42_device_and_inode_change_and_the_content_does_not` |
//! | 43 | files of proc and sysfs | refused with the reason | `situation_43_files_that_are_made_when_they_are_read` |
//! | 44 | allocated in advance | NULs at the end are not written yet | `situation_44_allocated_in_advance` |
//! | 45 | odd names | any bytes | `situation_45_odd_names` |

pub mod alone;
mod content;
mod custody;
mod disk;
mod interleaved;
mod kill;
mod limits;
mod listing;
mod places;
mod rotation;
mod status;

use crate::lab::{Lab, NOON_US, open_writer};
use std::sync::Arc;
use std::time::Duration;
use trawl_formats::sourcetype::Registry;
use trawl_indexer::Input;
use trawl_indexer::tail::{Moment, Notices, Route, TailOptions, TailStatus, Tailer};
use trawl_store::Writer;

/// How far the clock jumps between two looks.
const STEP: Duration = Duration::from_millis(250);

/// A tailer at work.
pub struct Following<'w> {
    tailer: Tailer<'w>,
    at: Duration,
    /// The clock on the wall at the beginning. Files are always written by the real one.
    begun_us: i64,
}

/// Follows what `inputs` name in the lab's folder (names or globs) while `scene` plays. Everything is durable at its end, as
/// after a clean stop.
pub fn follow(lab: &Lab, inputs: &[&str], scene: impl FnOnce(&mut Following<'_>)) {
    follow_with(lab, inputs, TailOptions::default(), |following| {
        scene(following);
        following.tailer.finish(following.now());
    });
}

/// As [`follow`]; at the end the process is killed.
pub fn follow_until_killed(lab: &Lab, inputs: &[&str], scene: impl FnOnce(&mut Following<'_>)) {
    follow_with(lab, inputs, TailOptions::default(), scene);
}

pub fn follow_with(lab: &Lab, inputs: &[&str], options: TailOptions, scene: impl FnOnce(&mut Following<'_>)) {
    let writer = open_writer(lab.data());
    follow_into(&writer, lab, inputs, options, None, scene);
}

pub fn follow_into(
    writer: &Writer,
    lab: &Lab,
    inputs: &[&str],
    options: TailOptions,
    ignore_older: Option<Duration>,
    scene: impl FnOnce(&mut Following<'_>),
) {
    let registry = Registry::builtin();
    let options = TailOptions { custody: Arc::clone(&lab.options.custody), ..options };
    let input = |name: &&str| {
        let path = lab.path(name);
        if name.contains('*') {
            Input::Glob(path.to_str().expect("temporary directories are UTF-8").to_owned())
        } else {
            Input::Path(path)
        }
    };
    let route = Route { inputs: inputs.iter().map(input).collect(), options: lab.options.clone(), ignore_older };
    let tailer = Tailer::new(writer, &registry, vec![route], options).expect("good inputs");
    scene(&mut Following { tailer, at: Duration::ZERO, begun_us: NOON_US });
}

impl Following<'_> {
    pub fn now(&self) -> Moment {
        Moment { at: self.at, wall_us: self.begun_us + self.at.as_micros() as i64 }
    }

    pub fn pump(&mut self, mut notices: Notices) {
        loop {
            let pumped = self.tailer.pump(self.now(), std::mem::take(&mut notices)).expect("the store answers");
            self.tailer.load_backlog(self.now());
            if !pumped.is_busy {
                break;
            }
        }
    }

    /// Finds what has come, while a loader is still at work on what was found before.
    pub fn see_while_loading(&mut self) {
        for rescan in [true, false, false] {
            self.see_once(rescan);
        }
    }

    /// One round: what is found is looked at, and not more read than in one round.
    pub fn see_once(&mut self, rescan: bool) {
        self.tailer.pump(self.now(), Notices { rescan, ..Notices::default() }).expect("the store answers");
        self.at += STEP;
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        let end = self.at + time;
        while self.at < end {
            self.at = (self.at + STEP).min(end);
            self.pump(Notices::default());
        }
    }

    /// Long enough for everything to be found, read, and made durable; not for the last event to be closed, unless files
    /// were quiet before.
    pub fn see(&mut self) {
        self.pump(Notices { rescan: true, ..Notices::default() });
        self.wait(Duration::from_secs(1));
    }

    /// The kernel says that a file was written.
    pub fn hear_of(&mut self, path: std::path::PathBuf) {
        self.pump(Notices { written: vec![path], ..Notices::default() });
    }

    /// Long enough for the last events to be closed.
    pub fn settle(&mut self) {
        self.wait(Duration::from_secs(20));
    }

    pub fn status(&self) -> TailStatus {
        self.tailer.status(self.now())
    }
}

/// Text of all files of tests, and of the modules that have some of their own.
fn sources_of_tests() -> String {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let list =
        |dir: &str| std::fs::read_dir(package.join(dir)).expect("list").map(|entry| entry.expect("entry").path());
    let files = list("tests/it").chain(list("tests/it/tail")).chain(list("src/tail"));
    files.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).expect("read")).collect()
}

#[test]
fn each_situation_has_its_tests() {
    let sources = sources_of_tests();
    let rows = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
    let rows = rows.filter_map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        Some((cells.first()?.parse::<u32>().ok()?, cells.last()?.trim_end_matches(" |").replace('`', "")))
    });
    let rows: Vec<(u32, String)> = rows.collect();
    assert!(rows.iter().map(|(n, _)| *n).eq(1..=45));
    for (n, tests) in &rows {
        for test in tests.split(", ") {
            let attribute = sources.split(&format!("fn {test}() {{")).next().unwrap_or_default().trim_end();
            assert!(attribute.ends_with("#[test]"), "{n}: there is no test `{test}`");
        }
    }
    // Nor is there a test of a situation that the table does not name in its row.
    for name in sources.split("fn situation").skip(1).filter_map(|rest| rest.split_once("() {")).map(|(name, _)| name) {
        let numbers = name.trim_start_matches('s').split('_').filter_map(|word| word.parse::<u32>().ok());
        for n in numbers.filter(|n| (1..=45).contains(n)) {
            let (_, tests) = &rows[n as usize - 1];
            assert!(tests.contains(&format!("situation{name}")), "{n}: `situation{name}` is not in the table");
        }
    }
}
