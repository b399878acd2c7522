//! Who vouches for a bundle, and what opens its masked parts.

use super::super::finding::Finding;
use super::super::redact::Reveal;
use super::super::sign;
use super::super::{SIGNATURE, SUMS};
use super::{Check, SignatureState, Verified, VerifyOptions};
use crate::merkle::Digest;
use std::collections::BTreeMap;

impl Check {
    pub(super) fn signature(
        &mut self,
        by_name: &BTreeMap<&str, &[u8]>,
        root: &Digest,
        options: &VerifyOptions<'_>,
    ) -> SignatureState {
        let refused = |check: &mut Self, what: String| {
            check.add(Finding::Signature(what));
            SignatureState::None
        };
        let Some(signature) = by_name.get(SIGNATURE) else {
            return match options.key {
                Some(_) => refused(self, "there is none, though a key was given".to_owned()),
                None => SignatureState::None,
            };
        };
        match sign::check(signature, by_name.get(SUMS).copied().unwrap_or_default(), root, options.key) {
            Ok(state) => state,
            Err(error) => refused(self, error.to_string()),
        }
    }

    /// Puts back what is masked in events.
    pub(super) fn open(&mut self, verified: &mut Verified, reveal: &Reveal) {
        if reveal.root != verified.root {
            self.add(Finding::Reveal(format!("it belongs to the bundle with the root {}", reveal.root)));
            return;
        }
        let opened = reveal.by_commitment();
        let Verified { records, data, masked, n_opened, .. } = verified;
        for record in records.iter() {
            let Some(data) = data.get_mut(&record.file) else { continue };
            let left = masked.entry(record.n).or_default();
            left.retain(|mask| {
                let start = (record.at + mask.at) as usize;
                let place = start.checked_add(mask.len as usize).and_then(|end| data.get_mut(start..end));
                let (Some(bytes), Some(place)) = (opened.get(&mask.commitment), place) else { return true };
                if bytes.len() != place.len() {
                    return true;
                }
                place.copy_from_slice(bytes);
                *n_opened += 1;
                false
            });
            if let Some(mask) = left.iter().find(|mask| opened.contains_key(&mask.commitment)) {
                let what = format!("what opens {} does not fit event {}", mask.commitment, record.n);
                self.add(Finding::Reveal(what));
            }
        }
    }
}
