//! What a power cut leaves of that which was not synced: one of many possibilities, chosen by a number.

use super::disk::{Contents, Fate, File};
use super::script::Rng;

/// Numbers below this are combinations of a way with contents and a way with names, the others are random for each file.
const N_REGULAR: u32 = (CONTENTS.len() * NAMES.len()) as u32;
/// Of so many numbers, chosen ones differ.
pub const N_VARIANTS: u32 = 4 * N_REGULAR;

/// What becomes of the contents of a file.
#[derive(Clone, Copy, Debug)]
enum Way {
    Nothing,
    Everything,
    /// The first changes.
    Prefix,
    /// The last change is cut at a multiple of so many bytes.
    Torn(usize, Lost),
    /// One change without those before it.
    Only,
    /// All but one.
    AllBut,
    /// Each sector of so many bytes by itself.
    Scattered(usize, Lost),
}

/// What stands where something is lost.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// What stood there before.
    Old,
    Zeros,
    Garbage,
}

/// What becomes of that which a failed sync should have saved.
#[derive(Clone, Copy, Debug)]
enum Doubtful {
    Lost,
    Kept,
    Scattered,
}

/// What becomes of the names.
#[derive(Clone, Copy, Debug)]
enum NamesWay {
    Nothing,
    Everything,
    Prefix,
    Only,
    AllBut,
    Scattered,
}

const CONTENTS: [Way; 13] = [
    Way::Nothing,
    Way::Everything,
    Way::Prefix,
    Way::Torn(512, Lost::Old),
    Way::Torn(512, Lost::Zeros),
    Way::Torn(4096, Lost::Old),
    Way::Torn(4096, Lost::Garbage),
    // A page that is written to the disk while the process still fills it.
    Way::Torn(1, Lost::Zeros),
    Way::Only,
    Way::AllBut,
    Way::Scattered(512, Lost::Old),
    Way::Scattered(512, Lost::Garbage),
    Way::Scattered(4096, Lost::Zeros),
];
const NAMES: [NamesWay; 6] =
    [NamesWay::Everything, NamesWay::Nothing, NamesWay::Prefix, NamesWay::Only, NamesWay::AllBut, NamesWay::Scattered];

/// A possibility. Asked in the same order, it answers the same.
#[derive(Clone, Debug)]
pub struct Variant {
    rng: Rng,
    contents: Option<Way>,
    names: NamesWay,
    doubtful: Doubtful,
    /// The machine stays off until everything on it is old.
    pub is_late: bool,
    /// What SQLite's processes shared is there, and means nothing.
    pub has_stale_shm: bool,
    /// The logs grow while the tailer is at work again.
    pub goes_on: bool,
    /// What was read is sealed before it is compared.
    pub seals: bool,
    /// The store is opened once more.
    pub restarts: bool,
}

impl Variant {
    pub fn new(seed: u64, position: usize, number: u32) -> Self {
        let mut rng = Rng(seed ^ ((position as u64) << 32) ^ u64::from(number));
        let regular = CONTENTS.get(number as usize / NAMES.len()).copied();
        let names = match regular {
            Some(_) => NAMES[number as usize % NAMES.len()],
            None => NAMES[rng.below(NAMES.len())],
        };
        Self {
            contents: regular,
            names,
            is_late: rng.one_in(4),
            has_stale_shm: rng.one_in(4),
            goes_on: rng.one_in(3),
            seals: rng.one_in(4),
            restarts: rng.one_in(6),
            doubtful: [Doubtful::Lost, Doubtful::Kept, Doubtful::Scattered][rng.below(3)],
            rng,
        }
    }

    /// All is there, also what a failed sync should have saved.
    pub fn all() -> Self {
        Self {
            rng: Rng(0),
            contents: Some(Way::Everything),
            names: NamesWay::Everything,
            doubtful: Doubtful::Kept,
            is_late: false,
            has_stale_shm: false,
            goes_on: false,
            seals: false,
            restarts: false,
        }
    }

    /// All is there but what a failed sync should have saved.
    pub fn all_but_doubtful() -> Self {
        Self { doubtful: Doubtful::Lost, ..Self::all() }
    }

    /// All contents are there, and no name that was not synced.
    pub fn all_but_names() -> Self {
        Self { names: NamesWay::Nothing, ..Self::all() }
    }

    /// Which of `n` changes of names are on the disk.
    pub fn names(&mut self, n: usize) -> Vec<bool> {
        let one = self.rng.below(n);
        let is_kept = |at: usize| match self.names {
            NamesWay::Nothing => false,
            NamesWay::Everything => true,
            NamesWay::Prefix => at < one,
            NamesWay::Only => at == one,
            NamesWay::AllBut => at != one,
            NamesWay::Scattered => self.rng.one_in(2),
        };
        (0..n).map(is_kept).collect()
    }

    /// What is in a file.
    pub fn contents(&mut self, file: &File) -> Vec<u8> {
        let mut bytes = file.durable.clone();
        if file.changes.is_empty() {
            return bytes;
        }
        let rng = &mut self.rng;
        let way = self.contents.unwrap_or_else(|| CONTENTS[rng.below(CONTENTS.len())]);
        let n_pending = file.changes.iter().filter(|change| change.fate == Fate::Pending).count();
        let one = rng.below(n_pending);
        let mut at = 0;
        for change in &file.changes {
            match change.fate {
                Fate::Certain => change.what.apply(&mut bytes),
                Fate::Doubtful => {
                    let is_kept = match self.doubtful {
                        Doubtful::Lost => false,
                        Doubtful::Kept => true,
                        Doubtful::Scattered => rng.one_in(2),
                    };
                    if is_kept {
                        change.what.apply(&mut bytes);
                    }
                }
                Fate::Pending => {
                    let is_last = at + 1 == n_pending;
                    match (way, &change.what) {
                        (Way::Torn(sector, lost), Contents::Write { at, bytes: new }) if is_last => {
                            let cut = cut(*at, new.len(), sector, rng);
                            write(&mut bytes, *at, &new[..cut - at]);
                            lose(&mut bytes, cut, &new[cut - at..], lost, rng);
                        }
                        (Way::Scattered(sector, lost), Contents::Write { at, bytes: new }) => {
                            let (mut start, end) = (*at, at + new.len());
                            while start < end {
                                let stop = ((start / sector + 1) * sector).min(end);
                                if rng.one_in(2) {
                                    write(&mut bytes, start, &new[start - at..stop - at]);
                                } else {
                                    lose(&mut bytes, start, &new[start - at..stop - at], lost, rng);
                                }
                                start = stop;
                            }
                        }
                        _ => {
                            let is_kept = match way {
                                Way::Nothing => false,
                                Way::Everything | Way::Torn(..) => true,
                                Way::Prefix => at < one,
                                Way::Only => at == one,
                                Way::AllBut => at != one,
                                Way::Scattered(..) => rng.one_in(2),
                            };
                            if is_kept {
                                change.what.apply(&mut bytes);
                            }
                        }
                    }
                    at += 1;
                }
            }
        }
        bytes
    }
}

/// One of the places where a write can be cut, its end included. More often near its ends, where headers are.
fn cut(at: usize, len: usize, sector: usize, rng: &mut Rng) -> usize {
    const NEAR: usize = 16;
    let first = at.div_ceil(sector);
    let n_places = (at + len).div_ceil(sector) - first + 1;
    let place = match rng.below(4) {
        0 => rng.below(n_places.min(NEAR)),
        1 => n_places - 1 - rng.below(n_places.min(NEAR)),
        _ => rng.below(n_places),
    };
    ((first + place) * sector).clamp(at, at + len)
}

fn write(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    if !new.is_empty() {
        Contents::Write { at, bytes: new.to_vec() }.apply(bytes);
    }
}

/// A sector that is written with what it holds holds it, whether the write reaches it or not.
fn lose(bytes: &mut Vec<u8>, at: usize, new: &[u8], lost: Lost, rng: &mut Rng) {
    if bytes.get(at..at + new.len()) == Some(new) {
        return;
    }
    match lost {
        Lost::Old => {}
        Lost::Zeros => write(bytes, at, &vec![0; new.len()]),
        Lost::Garbage => write(bytes, at, &new.iter().map(|_| rng.next() as u8).collect::<Vec<u8>>()),
    }
}
