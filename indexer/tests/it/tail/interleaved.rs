//! Rotation step by step, in each way that logrotate knows, with the tailer looking, or not, between any two steps: whatever
//! a file holds, or held when the tailer looked, is stored once.
//!
//! `TRAWL_ROTATION_SCENES` sets how many orders of events of each way are played, `TRAWL_ROTATION_SEED` which is the first.

use super::{Following, follow_until_killed};
use crate::lab::{Lab, gzip, line, lines};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;
use trawl_indexer::tail::Notices;

const DEFAULT_SCENES: u64 = 24;
const ROTATIONS: u32 = 3;

/// A way to rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Create,
    CopyTruncate,
}

/// What becomes of the rotated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Never,
    AtOnce,
    NextTime,
}

#[test]
fn renamed() {
    play_all(Way::Create, Packing::Never);
}

#[test]
fn renamed_and_compressed_at_once() {
    play_all(Way::Create, Packing::AtOnce);
}

#[test]
fn renamed_and_compressed_at_the_next_rotation() {
    play_all(Way::Create, Packing::NextTime);
}

#[test]
fn copied_and_truncated() {
    play_all(Way::CopyTruncate, Packing::Never);
}

#[test]
fn copied_truncated_and_compressed_at_once() {
    play_all(Way::CopyTruncate, Packing::AtOnce);
}

#[test]
fn copied_truncated_and_compressed_at_the_next_rotation() {
    play_all(Way::CopyTruncate, Packing::NextTime);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn play_all(way: Way, packing: Packing) {
    let first = number("TRAWL_ROTATION_SEED").unwrap_or(0);
    for seed in first..first + number("TRAWL_ROTATION_SCENES").unwrap_or(DEFAULT_SCENES) {
        Scene::new(way, packing, seed).play();
    }
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One step of a rotation or of the program that writes.
#[derive(Clone, Debug)]
enum Step {
    Write,
    /// An event of two lines, of which the first is written now.
    WriteHalf,
    Rename(String, String),
    /// The name is taken by an empty file.
    Create(String),
    Reopen,
    /// The beginning of a file's content, or all of it; the file grows, as it does when it is being written.
    Copy {
        from: String,
        to: String,
        is_whole: bool,
    },
    Compress {
        from: String,
        to: String,
        is_whole: bool,
    },
    Truncate,
    Remove(String),
}

struct Scene {
    name: String,
    way: Way,
    packing: Packing,
    dice: Dice,
    has_dates: bool,
    inputs: &'static str,
    lab: Lab,
    log: Option<File>,
    n_lines: u32,
    is_half: bool,
    /// How long the second line of an event has been still to come.
    half_for: Duration,
    /// It was so long that the event may have been taken for whole.
    has_waited: bool,
    /// Lines that the last compressed or copied file has taken.
    done: Vec<String>,
}

impl Scene {
    fn new(way: Way, packing: Packing, seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 1);
        (0..4).for_each(|_| {
            dice.roll(2);
        });
        let has_dates = dice.roll(2) == 0;
        let inputs = ["", "app.log", "*.log"][dice.roll(3) as usize];
        let name = format!("{way:?} {packing:?} seed {seed}, dates {has_dates}, inputs {inputs:?}");
        let lab = Lab::new();
        let (log, n_lines) = (None, 0);
        Self {
            name,
            way,
            packing,
            dice,
            has_dates,
            inputs,
            lab,
            log,
            n_lines,
            is_half: false,
            half_for: Duration::ZERO,
            has_waited: false,
            done: Vec::new(),
        }
    }

    fn steps(&mut self) -> Vec<Step> {
        let mut steps = vec![Step::Create("app.log".into()), Step::Reopen, Step::Write];
        let mut rotated: Vec<String> = Vec::new();
        for n in 0..ROTATIONS {
            steps.extend([Step::Write, Step::WriteHalf, Step::Write]);
            if self.packing == Packing::NextTime {
                self.compress(&mut steps, &mut rotated);
            }
            let target = match self.has_dates {
                true => format!("app.log-20261123-{}", 1_795_400_000 + n),
                false => {
                    for (at, name) in rotated.iter_mut().enumerate().rev() {
                        let suffix = if name.ends_with(".gz") { ".gz" } else { "" };
                        let to = format!("app.log.{}{suffix}", at + 2);
                        steps.push(Step::Rename(std::mem::replace(name, to.clone()), to));
                    }
                    // The oldest is to move first.
                    let n_renames = rotated.len();
                    let at = steps.len() - n_renames;
                    steps[at..].sort_by_key(|step| match step {
                        Step::Rename(from, _) => std::cmp::Reverse(from.clone()),
                        _ => unreachable!("only renames were added"),
                    });
                    "app.log.1".to_owned()
                }
            };
            let log = || "app.log".to_owned();
            match self.way {
                Way::Create => steps.extend([
                    Step::Rename(log(), target.clone()),
                    Step::Write,
                    Step::Create(log()),
                    Step::WriteHalf,
                    Step::Reopen,
                    Step::Write,
                ]),
                Way::CopyTruncate => steps.extend([
                    Step::Create(target.clone()),
                    Step::Copy { from: log(), to: target.clone(), is_whole: false },
                    Step::Write,
                    Step::Copy { from: log(), to: target.clone(), is_whole: true },
                    Step::Write,
                    Step::Truncate,
                    Step::Write,
                ]),
            }
            rotated.insert(0, target);
            if self.packing == Packing::AtOnce {
                self.compress(&mut steps, &mut rotated);
            }
        }
        steps.push(Step::Write);
        steps
    }

    fn compress(&self, steps: &mut Vec<Step>, rotated: &mut [String]) {
        let Some(from) = rotated.first_mut().filter(|name| !name.ends_with(".gz")) else { return };
        let to = format!("{from}.gz");
        steps.push(Step::Create(to.clone()));
        steps.push(Step::Compress { from: from.clone(), to: to.clone(), is_whole: false });
        steps.push(Step::Compress { from: from.clone(), to: to.clone(), is_whole: true });
        steps.push(Step::Remove(std::mem::replace(from, to)));
    }

    fn play(&mut self) {
        let mut steps = self.steps().into_iter().peekable();
        let inputs = [self.inputs];
        let lab = std::mem::replace(&mut self.lab, Lab::new());
        while steps.peek().is_some() {
            // Until the process is killed, or the play is over.
            follow_until_killed(&lab, &inputs, |tail| {
                tail.see();
                for step in steps.by_ref() {
                    self.take(&lab, step);
                    let (look, begun) = (self.dice.roll(12), tail.at);
                    match look {
                        0 => tail.see(),
                        1 => tail.wait(Duration::from_secs(7)),
                        2..5 => tail.pump(Notices { rescan: true, ..Notices::default() }),
                        5 => tail.wait(Duration::from_millis(250)),
                        6 => self.notice(&lab, tail),
                        7 if self.dice.roll(3) == 0 => {
                            self.done.push("killed".to_owned());
                            break;
                        }
                        _ => continue,
                    }
                    self.half_for += tail.at - begun;
                    self.has_waited |= self.is_half && self.half_for >= Duration::from_secs(5);
                    self.done.push(format!("look {look}"));
                }
            });
        }
        follow_until_killed(&lab, &inputs, |tail| {
            tail.see();
            tail.settle();
        });
        self.check(&lab);
    }

    fn notice(&self, lab: &Lab, tail: &mut Following<'_>) {
        let entries = fs::read_dir(lab.path("")).expect("list");
        let written = entries.map(|entry| entry.expect("entry").path()).collect();
        tail.pump(Notices { written, rescan: false });
    }

    fn write(&mut self, text: &str) {
        let mut log = self.log.as_ref().expect("it has been opened");
        log.write_all(text.as_bytes()).expect("write");
    }

    fn take(&mut self, lab: &Lab, step: Step) {
        self.done.push(format!("{step:?}"));
        match step {
            Step::Write => {
                if std::mem::take(&mut self.is_half) {
                    self.write("\tat the second line\n");
                }
                let n = self.dice.roll(4) as u32;
                self.write(&lines(self.n_lines, self.n_lines + n));
                self.n_lines += n;
            }
            // What stands behind a truncation is no event of its own.
            Step::WriteHalf if self.way == Way::CopyTruncate || self.is_half => {}
            Step::WriteHalf => {
                self.write(&line(self.n_lines));
                self.n_lines += 1;
                self.is_half = true;
                self.half_for = Duration::ZERO;
            }
            Step::Rename(from, to) => lab.rename(&from, &to),
            Step::Create(name) => drop(File::create(lab.path(&name)).expect("create")),
            Step::Reopen => {
                if self.log.is_some() && std::mem::take(&mut self.is_half) {
                    self.write("\tat the second line\n");
                }
                self.log = Some(File::options().append(true).open(lab.path("app.log")).expect("open"));
            }
            Step::Copy { from, to, is_whole } => grow(lab, &to, &lab.read(&from), is_whole),
            Step::Compress { from, to, is_whole } => grow(lab, &to, &gzip(&lab.read(&from)), is_whole),
            Step::Truncate => self.log.as_ref().expect("open").set_len(0).expect("truncate"),
            Step::Remove(name) => lab.remove(&name),
        }
    }

    /// Each event that a file holds is stored once, and none twice. With copies, what was truncated before it was copied may
    /// be missing, if the tailer did not look before.
    fn check(&self, lab: &Lab) {
        let stored = texts(lab);
        // The rest of an event that came too late is an event of its own.
        let is_rest = |text: &str| self.has_waited && text == "\tat the second line\n";
        let doubled: Vec<_> = stored.iter().filter(|(text, n)| **n > 1 && !is_rest(text)).collect();
        let missing: Vec<String> = match self.way {
            Way::Create => (0..self.n_lines).map(line).collect(),
            Way::CopyTruncate => kept(lab),
        };
        let missing: Vec<_> =
            missing.iter().filter(|line| !stored.keys().any(|text| text.starts_with(&line[..]))).collect();
        let is_whole = |text: &String| {
            let n = text.split_once("number ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
            is_rest(text)
                || n.is_some_and(|n| *text == line(n) || *text == format!("{}\tat the second line\n", line(n)))
        };
        let torn: Vec<_> = stored.keys().filter(|text| !is_whole(text)).collect();
        let places = || -> String {
            let events = lab.events();
            let place = |event: &crate::lab::Stored| {
                let text = event.text().lines().next().unwrap_or_default().to_owned();
                format!("{}@{}:{} {text} {}\n", event.source, event.generation, event.offset, event.provisional)
            };
            events.iter().map(place).collect()
        };
        let is_good = doubled.is_empty() && missing.is_empty() && torn.is_empty();
        assert!(
            is_good,
            "{}: doubled {doubled:?}, missing {missing:?}, torn {torn:?}\n{}\n{}",
            self.name,
            self.done.join("\n"),
            places()
        );
    }
}

/// A file that is being written with this content: the first half of it, or all.
fn grow(lab: &Lab, name: &str, content: &[u8], is_whole: bool) {
    let len = if is_whole { content.len() } else { content.len() / 2 };
    let path = lab.path(name);
    let before = fs::metadata(&path).expect("it has been created").len() as usize;
    if !is_whole || name.ends_with(".gz") {
        // The first half is not always that of the whole, where the content has grown since.
        return fs::write(path, &content[..len]).expect("write");
    }
    let mut file = File::options().append(true).open(path).expect("open");
    file.write_all(&content[before..len]).expect("write");
}

/// Lines that stand in some file now.
fn kept(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.path("")).expect("list");
    let texts = entries.map(|entry| {
        let path = entry.expect("entry").path();
        let bytes = fs::read(&path).expect("read");
        match path.extension().is_some_and(|extension| extension == "gz") {
            true => {
                let mut text = String::new();
                std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).expect("gzip");
                text
            }
            false => String::from_utf8(bytes).expect("the tests write UTF-8"),
        }
    });
    texts.flat_map(|text| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// How often each text is stored.
fn texts(lab: &Lab) -> BTreeMap<String, u32> {
    let mut texts = BTreeMap::new();
    lab.events().into_iter().for_each(|event| *texts.entry(event.text().to_owned()).or_default() += 1);
    texts
}
