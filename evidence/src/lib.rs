//! Cases, reports, and bundles of evidence: from what was found in logs to something that stands months later.
//!
//! A [`Case`](case::Case) is a folder of plain files. Into it [`Exhibit`]s are laid: what was done, what came of it, and events by
//! their addresses with their exact bytes. A [`Report`](report::Report) shows a case to people, [`publish`] brings it to Confluence. A
//! [`bundle`] proves it: one archive with the bytes of the cited events and what stood around them, sums, and a [Merkle root](merkle)
//! that pins down all of it.
//!
//! ```
//! use trawl_evidence::bundle::{Contents, MakeOptions, VerifyOptions, make, verify};
//! use trawl_evidence::{Exhibit, Kind, Moment};
//!
//! let note = Exhibit::new(Kind::Note, "The database failed over", Moment(0)).with_text("Seen at 14:03.");
//! let contents = Contents { title: "Outage".into(), sections: vec![], exhibits: vec![note], files: vec![] };
//! let options = MakeOptions { n_before: 2, n_after: 2, now: Moment(0), zone: "UTC".into(), redact: vec![], sign: None };
//! let bundle = make(contents, None, &options)?;
//! let mut file = Vec::new();
//! bundle.write(&mut file)?;
//!
//! let (verified, findings) = verify(&file[..], &VerifyOptions::default());
//! assert!(findings.is_empty());
//! assert_eq!(verified.unwrap().root, bundle.root);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Untrusted input
//!
//! Bundles come from others: nothing in one is believed, and reading one writes nothing. Texts come from logs: no report takes them
//! for markup. This crate prints nothing and does not read the clock.

#![warn(missing_docs)]

pub mod bundle;
pub mod capture;
pub mod case;
pub mod events;
pub mod exhibit;
pub mod merkle;
pub mod publish;
pub mod report;
mod source;

pub use exhibit::{Chart, Citation, ColumnKind, Exhibit, Kind, Mark, QueryRun, Range, Series, Table};
pub use source::{EncodingName, SourceIdentity, WrapperName};
pub use trawl_query::Moment;
