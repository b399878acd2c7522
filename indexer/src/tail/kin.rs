//! Catching up with the family of a file before anybody finds out what the file is.
//!
//! A copy of a log that holds more than was read of the log, or what was written to it after a truncation that nobody has
//! noticed yet, would be taken for a log of its own, and its bytes be stored twice: of the copy and of the log.

use super::tracked::State;
use super::{Moment, Tailer};
use crate::discovery::{FileKey, FileMeta, Found};
use hashbrown::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use trawl_store::rotation::Family;

impl Tailer<'_> {
    /// Families of the files that are to be looked at now.
    pub(super) fn families_due(&self, now: Moment) -> HashSet<Family> {
        let due = self.waiting.values().filter(|waiting| waiting.not_before <= now.at);
        due.map(|waiting| Family::of(&waiting.found.real_path)).collect()
    }

    /// Finds out what has become of the files of some families that are known already: one that waits to be looked at may be
    /// a copy of what was written to one of them since it was read last, perhaps after it was truncated. What the copy holds
    /// counts as read of the file that was written, not of the copy.
    pub(super) fn catch_up(&mut self, families: &HashSet<Family>, now: Moment) {
        let folders: HashSet<&Path> = families.iter().map(Family::folder).collect();
        let is_relative = |path: &Path| {
            path.parent().is_some_and(|folder| folders.contains(folder)) && families.contains(&Family::of(path))
        };
        let (mut followed, mut changed) = (Vec::new(), Vec::new());
        for (key, tracked) in self.files.iter().filter(|(_, tracked)| is_relative(&tracked.found.real_path)) {
            match &tracked.state {
                State::Following(_) => followed.push(*key),
                State::Loading(_) => {}
                State::Idle(_) => {
                    let Ok(metadata) = fs::metadata(&tracked.found.real_path) else { continue };
                    let meta = FileMeta::from(&metadata);
                    if FileKey::from(&meta) == *key && tracked.has_news(&meta, now) {
                        changed.push((
                            *key,
                            Found { meta, ..tracked.found.clone() },
                            tracked.route,
                            tracked.known_as(),
                        ));
                    }
                }
            }
        }
        for (key, found, route, known_as) in changed {
            self.wait_for(key, found, route, known_as, now.at);
        }
        // Each has a turn, however much there is to be read: it tells whether the file was truncated, and its first bytes by
        // which copies are known.
        let mut rested = Vec::new();
        self.dirty.retain(|key| !followed.contains(key));
        for key in followed {
            self.read_turn(key, &mut rested, now);
        }
        self.dirty.extend(rested);
    }

    /// Plain files that are followed and of which nothing is durable yet: what is stored does not tell their copies.
    pub(super) fn followed_unknown(&self) -> Vec<(FileKey, PathBuf)> {
        let followed = self.files.iter().filter_map(|(key, tracked)| match &tracked.state {
            State::Following(follower) if follower.durable_to() == 0 => Some((*key, follower.job.path.clone())),
            _ => None,
        });
        followed.collect()
    }
}
