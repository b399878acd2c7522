//! Bundles of a small log: made, changed, verified.

mod masks;
mod originals;
mod tampering;
mod whole;

use super::against::{Comparison, Verdict};
use super::archive::{Member, from_tar, to_tar};
use super::redact::Reveal;
use super::sign::{PublicKey, SigningKey};
use super::verify::Verified;
use super::*;
use crate::Moment;
use crate::events::{EventStore, FoundEvent, Surroundings};
use crate::exhibit::{Citation, CopiedFile, Exhibit, Kind, QueryRun, Range};
use crate::merkle::Digest;
use crate::source::{EncodingName, SourceIdentity};
use proptest::prelude::*;
use std::io::{self, Read};
use trawl_query::engine::address::Address;
use trawl_query::engine::coverage::Coverage;
use trawl_query::error::RunError;
use trawl_store::Fingerprint;

const T: i64 = 1_795_183_500_000_000;
const LOG: &str = "/var/log/pay.log";

/// A log of forty events, some of two lines.
fn log() -> Vec<u8> {
    let mut text = String::new();
    for n in 0..40 {
        text.push_str(&format!(
            "2026-11-20 14:05:{n:02} ERROR order={:08x} card=4111-{:04} failed\n",
            n * 7_919_111,
            n * 97
        ));
        if n % 7 == 3 {
            text.push_str("\tat com.example.Pay.run(Pay.java:12)\n");
        }
    }
    text.into_bytes()
}

/// First and last byte of each event.
fn events_of(log: &[u8]) -> Vec<std::ops::Range<u64>> {
    let starts: Vec<u64> = (0..log.len())
        .filter(|at| (*at == 0 || log[at - 1] == b'\n') && log[*at] == b'2')
        .map(|at| at as u64)
        .collect();
    let ends = starts[1..].iter().copied().chain([log.len() as u64]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// An index of one log.
struct Index(Vec<u8>);

impl EventStore for Index {
    fn find(&mut self, address: &Address, n_before: usize, n_after: usize) -> Result<Option<Surroundings>, RunError> {
        let ranges = events_of(&self.0);
        let Some(at) = ranges.iter().position(|range| range.start == address.offset) else { return Ok(None) };
        let neighbour = |range: &std::ops::Range<u64>| FoundEvent {
            address: Address { offset: range.start, len: (range.end - range.start) as u32, ..address.clone() },
            time: Moment(T),
            host: "pay-01".to_owned(),
            bytes: self.0[range.start as usize..range.end as usize].to_vec(),
        };
        Ok(Some(Surroundings {
            before: ranges[at.saturating_sub(n_before)..at].iter().map(neighbour).collect(),
            event: neighbour(&ranges[at]),
            after: ranges[at + 1..].iter().take(n_after).map(neighbour).collect(),
        }))
    }

    fn source_of(&mut self, address: &Address) -> Option<SourceIdentity> {
        (address.source == LOG).then(|| source(&self.0))
    }
}

fn source(log: &[u8]) -> SourceIdentity {
    let fingerprint = Fingerprint::of(log, 1, 2);
    SourceIdentity {
        source: LOG.to_owned(),
        generation: 0,
        path: LOG.to_owned(),
        index: "main".parse().unwrap(),
        host: "pay-01".to_owned(),
        sourcetype: "log4j".to_owned(),
        encoding: EncodingName::Utf8,
        envelope: Default::default(),
        device: 1,
        inode: 2,
        head_len: fingerprint.head_len,
        head_sha256_16: Some(fingerprint.head.to_string()),
    }
}

/// Cites the events of these numbers.
fn exhibit(log: &[u8], cited: &[usize]) -> Exhibit {
    let ranges = events_of(log);
    let mut exhibit =
        Exhibit::new(Kind::Search, "Errors", Moment(T)).of_command("trawl rca add search ERROR").with_query(QueryRun {
            query: "ERROR order=*".to_owned(),
            range: Range::default(),
            now: Moment(T),
            indexes: Vec::new(),
            n_matched: 40,
            n_rows: 2,
            warnings: Vec::new(),
            incomplete: None,
            coverage: Coverage { n_events: 40, ..Coverage::default() },
        });
    exhibit.events = cited
        .iter()
        .map(|at| {
            let std::ops::Range { start, end } = ranges[*at].clone();
            let address = Address { source: LOG.to_owned(), generation: 0, offset: start, len: (end - start) as u32 };
            let citation = Citation::new(address, log[start as usize..end as usize].to_vec());
            Citation { why: format!("number {at}"), time: Some(Moment(T)), ..citation }
        })
        .collect();
    exhibit
}

fn contents(log: &[u8]) -> Contents {
    let mut exhibit = exhibit(log, &[5, 6, 20]);
    let file = b"heap of card=4111-0001\n".to_vec();
    let (len, sha256) = (file.len() as u64, Digest::of(&file));
    exhibit.files.push(CopiedFile { name: "heap.txt".to_owned(), from: "/tmp/heap.txt".to_owned(), len, sha256 });
    Contents {
        title: "Outage of card=4111-0001".to_owned(),
        sections: vec![manifest::SectionText { name: "summary".to_owned(), markdown: "It broke.".to_owned() }],
        exhibits: vec![exhibit],
        files: vec![(0, "heap.txt".to_owned(), file)],
    }
}

fn options<'s>() -> MakeOptions<'s> {
    MakeOptions {
        n_before: 2,
        n_after: 2,
        now: Moment(T),
        zone: "Europe/Berlin".to_owned(),
        redact: Vec::new(),
        sign: None,
    }
}

fn made() -> Bundle {
    make(contents(&log()), Some(&mut Index(log())), &options()).unwrap()
}

fn keys() -> (SigningKey, PublicKey) {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let key = SigningKey::decode(&pair.sk.to_box(None).unwrap().into_string(), None).unwrap();
    let public = key.public().unwrap();
    (key, public)
}

fn archived(members: &[Member]) -> Vec<u8> {
    let mut file = Vec::new();
    archive::write(members, (T / 1_000_000) as u64, &mut file).unwrap();
    file
}

fn findings(members: &[Member]) -> Vec<String> {
    verify(&archived(members)[..], &VerifyOptions::default()).1.iter().map(ToString::to_string).collect()
}

fn members_of(bundle: &Bundle) -> Vec<Member> {
    let mut file = Vec::new();
    bundle.write(&mut file).unwrap();
    archive::read(&file[..]).unwrap().0
}

fn whole(bundle: &Bundle, options: &VerifyOptions<'_>) -> Verified {
    let mut file = Vec::new();
    bundle.write(&mut file).unwrap();
    let (verified, findings) = verify(&file[..], options);
    assert!(findings.is_empty(), "{findings:?}");
    verified.unwrap()
}
