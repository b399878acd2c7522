//! The files of a bundle: which there are, and their sums.

use super::super::archive::Member;
use super::super::finding::Finding;
use super::super::manifest::{Manifest, Record};
use super::super::{EVENTS, MANIFEST, README, ROOT, SIGNATURE, SUMS, sums_of};
use super::Check;
use std::collections::HashMap;

impl Check {
    /// Every file has the sum that the list says, and the list is one of these files.
    pub(super) fn sums(&mut self, members: &[Member], list: &[u8]) {
        let listed: Vec<Member> =
            members.iter().filter(|member| ![SUMS, SIGNATURE].contains(&&*member.name)).cloned().collect();
        let expected = sums_of(&listed);
        if expected.as_bytes() == list {
            return;
        }
        let list = String::from_utf8_lossy(list);
        let said: HashMap<&str, &str> =
            list.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name, sum)).collect();
        let n_before = self.findings.len();
        for line in expected.lines() {
            let (sum, name) = line.split_once("  ").expect("it was made so");
            match said.get(name) {
                None => self.add(Finding::Unexpected(name.to_owned())),
                Some(said) if *said != sum => self.add(Finding::Sum(name.to_owned())),
                Some(_) => {}
            }
        }
        for name in said.keys().filter(|name| !listed.iter().any(|member| member.name == **name)) {
            self.add(Finding::Missing((*name).to_owned()));
        }
        if self.findings.len() == n_before {
            self.add(Finding::Sums);
        }
    }

    /// The files are those that the manifest and the records name, in their order.
    pub(super) fn names(&mut self, members: &[Member], manifest: &Manifest, records: &[Record]) {
        let mut expected = vec![README, MANIFEST, EVENTS];
        for record in records {
            if expected.last() != Some(&&*record.file) {
                expected.push(&record.file);
            }
        }
        expected.extend(manifest.files.iter().map(|file| &*file.path));
        expected.extend([ROOT, SUMS]);
        let found: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        let found = found.strip_suffix(&[SIGNATURE]).unwrap_or(&found);
        if found == expected {
            return;
        }
        let n_before = self.findings.len();
        for name in found.iter().filter(|name| !expected.contains(name)) {
            self.add(Finding::Unexpected((*name).to_owned()));
        }
        for name in expected.iter().filter(|name| !found.contains(name)) {
            self.add(Finding::Missing((*name).to_owned()));
        }
        if self.findings.len() == n_before {
            let moved = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            self.add(Finding::Unexpected(moved.map_or(EVENTS, |(found, _)| *found).to_owned()));
        }
    }
}
