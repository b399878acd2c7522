//! `trawl rca verify`: whether a bundle is whole, and whether the logs still say the same.

use super::attach::shown;
use crate::exit_code::ExitCode;
use crate::output::{human, visible};
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use clap::{ValueEnum, ValueHint};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use trawl_evidence::bundle::against::{Comparison, Verdict};
use trawl_evidence::bundle::redact::Reveal;
use trawl_evidence::bundle::sign::PublicKey;
use trawl_evidence::bundle::{Finding, SignatureState, Verified, VerifyOptions, verify};
use trawl_evidence::merkle::Digest;
use trawl_store::source::path_text;

/// Most events that are named one by one.
const MAX_NAMED: usize = 10;

/// Arguments of `trawl rca verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every sum is computed anew, and nothing that the bundle says of itself is believed. Without a signature and --key, or --root with \
the root that was noted at the time, whoever made the bundle could have made another one. With --against, the events are compared \
with the logs, under whatever names they are now, plain or compressed (gzip, zstd, bzip2, xz): at the byte where they stood, else \
anywhere.

Examples:
  trawl rca verify outage.tar.zst --root 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  trawl rca verify outage.tar.zst --key team.pub --against /var/log/pay.log* /backup/pay.log.3.gz
  trawl rca verify outage.tar.zst --extract outage

Exit status: 0 it is whole, and every event stands in the logs if they were named; 1 it is whole, but not every event was found in \
the logs; 2 it was changed, or the logs hold something else, or an error.")]
pub struct VerifyArgs {
    /// The bundle
    #[arg(value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub bundle: PathBuf,

    /// Logs to compare it with
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub against: Vec<PathBuf>,

    /// File with the public key of who signed it
    #[arg(long, value_name = "KEY", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,

    /// The root that was noted when it was made
    #[arg(long, value_name = "HEX")]
    pub root: Option<Digest>,

    /// File that opens masked parts
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub reveal: Option<PathBuf>,

    /// If it is whole, write its files into this folder, which must not exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub extract: Option<PathBuf>,

    /// How to print what was found
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Output::Table)]
    pub output: Output,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines for people
    Table,
    /// One JSON object
    Json,
}

/// Verifies the bundle.
pub fn run(args: &VerifyArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let _ = terminal;
    let key = args.key.as_deref().map(public_key).transpose()?;
    let reveal = args.reveal.as_deref().map(reveal).transpose()?;
    let file = File::open(&args.bundle).with_context(|| format!("cannot open {}", args.bundle.display()))?;
    let options = VerifyOptions { root: args.root, key: key.as_ref(), reveal: reveal.as_ref() };
    let (verified, findings) = verify(BufReader::new(file), &options);
    let is_whole = findings.is_empty();
    let mut found = Found { verdicts: None, unreadable: Vec::new() };
    if let Some(verified) = verified.as_ref().filter(|_| is_whole) {
        if !args.against.is_empty() {
            found = compare(verified, &args.against);
        }
        if let Some(folder) = &args.extract {
            verified.extract(folder).with_context(|| format!("cannot write into {}", folder.display()))?;
        }
    }
    let printed = Printed { args, verified: verified.as_ref(), findings: &findings, found: &found };
    match args.output {
        Output::Table => printed.lines(&mut io::stdout().lock())?,
        Output::Json => {
            serde_json::to_writer_pretty(io::stdout().lock(), &printed.json())?;
            writeln!(io::stdout())?;
        }
    }
    let differs = |verdict: &Verdict| matches!(verdict, Verdict::Differs { .. });
    let verdicts = found.verdicts.as_deref().unwrap_or_default();
    Ok(if !is_whole || verdicts.iter().any(differs) || !found.unreadable.is_empty() {
        ExitCode::Error
    } else if verdicts.contains(&Verdict::Absent) {
        ExitCode::NothingFound
    } else {
        ExitCode::Success
    })
}

/// What the logs say.
struct Found {
    /// Of each event; `None` if they were not asked.
    verdicts: Option<Vec<Verdict>>,
    unreadable: Vec<String>,
}

fn compare(verified: &Verified, files: &[PathBuf]) -> Found {
    let mut comparison = Comparison::new(verified);
    let mut unreadable = Vec::new();
    for path in files {
        let name = path_text::to_text(&fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
        let mut open = || trawl_indexer::open_content(path);
        if let Err(error) = comparison.look_at(&name, &mut open) {
            unreadable.push(format!("{}: {error}", path.display()));
        }
    }
    Found { verdicts: Some(comparison.verdicts().map(|(_, verdict)| verdict.clone()).collect()), unreadable }
}

fn public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the key in {}", path.display()))?;
    PublicKey::decode(&text).with_context(|| format!("cannot use the key in {}", path.display()))
}

fn reveal(path: &Path) -> anyhow::Result<Reveal> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    match Reveal::decode(&bytes) {
        Ok(reveal) => Ok(reveal),
        Err(what) => bail!("{}: {what}", path.display()),
    }
}

/// What there is to be said.
struct Printed<'a> {
    args: &'a VerifyArgs,
    verified: Option<&'a Verified>,
    findings: &'a [Finding],
    found: &'a Found,
}

/// A finding with its causes.
fn chain(finding: &Finding) -> String {
    let causes = std::iter::successors(std::error::Error::source(finding), |cause| cause.source());
    std::iter::once(finding.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

impl Printed<'_> {
    fn lines(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { args, verified, findings, found } = *self;
        let mut line = |name: &str, text: &str| writeln!(out, "{name:<10}{}", visible(text));
        if !findings.is_empty() {
            line("CHANGED", &format!("{}: {}", shown(&args.bundle), human::plural(findings.len() as u64, "finding")))?;
            return findings.iter().try_for_each(|finding| line("", &chain(finding)));
        }
        let Some(verified) = verified else { return Ok(()) };
        let manifest = &verified.manifest;
        line("whole", &format!("{}: {}", shown(&args.bundle), manifest.title))?;
        line("made", &format!("{} by trawl {}", manifest.made, manifest.trawl_version))?;
        let n_cited = verified.n_cited();
        let n_around = verified.records.len() - n_cited;
        let n_queries = manifest.exhibits.iter().map(|exhibit| exhibit.queries.len()).sum::<usize>();
        line(
            "holds",
            &format!(
                "{} and {} around them from {}; {}, {}, {}",
                human::plural(n_cited as u64, "cited event"),
                human::count(n_around as u64),
                human::plural(manifest.sources.len() as u64, "log"),
                human::plural(manifest.exhibits.len() as u64, "exhibit"),
                if n_queries == 1 { "1 query".to_owned() } else { format!("{n_queries} queries") },
                human::plural(manifest.files.len() as u64, "file"),
            ),
        )?;
        manifest.remarks.iter().try_for_each(|remark| line("remark", remark))?;
        if manifest.n_masked > 0 {
            line(
                "masked",
                &format!("{}, {} of events opened", human::plural(manifest.n_masked, "part"), verified.n_opened),
            )?;
        }
        let root = match args.root {
            Some(_) => format!("{}, as noted", verified.root),
            None => verified.root.to_string(),
        };
        line("root", &root)?;
        let signature = match &verified.signature {
            SignatureState::Good { key_id, comment } => format!("good, by the key {key_id} ({comment})"),
            SignatureState::Unchecked(key_id) => {
                format!("by the key {key_id}, not checked: --key names the public key")
            }
            SignatureState::None if args.root.is_some() => "none".to_owned(),
            SignatureState::None => "none: compare the root with the one that was noted when it was made".to_owned(),
        };
        line("signature", &signature)?;
        if let Some(folder) = &args.extract {
            line("extracted", &shown(folder))?;
        }
        found.unreadable.iter().try_for_each(|problem| line("UNREADABLE", &format!(" {problem}")))?;
        let Some(verdicts) = &found.verdicts else { return Ok(()) };
        for (name, n, files) in self.tally(verdicts) {
            let files = if files.is_empty() { String::new() } else { format!(": {}", files.join(", ")) };
            line(name, &format!("{}{files}", human::plural(n, "event")))?;
        }
        let named =
            verified.records.iter().zip(verdicts).filter(|(_, verdict)| matches!(verdict, Verdict::Differs { .. }));
        for (record, verdict) in named.take(MAX_NAMED) {
            let Verdict::Differs { file } = verdict else { continue };
            let text = format!("event {} is not what {file} holds at byte {}", record.n, record.offset);
            line("", &text)?;
        }
        Ok(())
    }

    /// How many events met which fate, and in which files.
    fn tally(&self, verdicts: &[Verdict]) -> Vec<(&'static str, u64, Vec<String>)> {
        let mut tally: BTreeMap<usize, (&'static str, u64, Vec<String>)> = BTreeMap::new();
        for verdict in verdicts {
            let (rank, name, file) = match verdict {
                Verdict::InPlace { file } => (0, "in place", Some(file)),
                Verdict::Elsewhere { file, .. } => (1, "elsewhere", Some(file)),
                Verdict::Absent => (2, "not found", None),
                Verdict::Differs { file } => (3, "DIFFER", Some(file)),
            };
            let (_, n, files) = tally.entry(rank).or_insert((name, 0, Vec::new()));
            *n += 1;
            files.extend(file.filter(|file| !files.contains(file)).cloned());
        }
        tally.into_values().collect()
    }

    fn json(&self) -> Value {
        let Self { verified, findings, found, .. } = *self;
        let signature = verified.map(|verified| match &verified.signature {
            SignatureState::None => json!({ "state": "none" }),
            SignatureState::Unchecked(key_id) => json!({ "state": "unchecked", "key": key_id }),
            SignatureState::Good { key_id, comment } => json!({ "state": "good", "key": key_id, "comment": comment }),
        });
        let events = verified.zip(found.verdicts.as_ref()).map(|(verified, verdicts)| {
            let event = |(record, verdict): (&trawl_evidence::bundle::Record, &Verdict)| {
                let (state, file, at) = match verdict {
                    Verdict::InPlace { file } => ("in_place", Some(file), Some(record.offset)),
                    Verdict::Elsewhere { file, offset } => ("elsewhere", Some(file), Some(*offset)),
                    Verdict::Absent => ("not_found", None, None),
                    Verdict::Differs { file } => ("differs", Some(file), Some(record.offset)),
                };
                json!({ "n": record.n, "state": state, "file": file, "offset": at })
            };
            verified.records.iter().zip(verdicts).map(event).collect::<Vec<_>>()
        });
        json!({
            "whole": findings.is_empty(),
            "findings": findings.iter().map(chain).collect::<Vec<_>>(),
            "root": verified.map(|verified| verified.root.to_string()),
            "title": verified.map(|verified| &verified.manifest.title),
            "made": verified.map(|verified| verified.manifest.made),
            "n_cited": verified.map(Verified::n_cited),
            "n_events": verified.map(|verified| verified.records.len()),
            "n_masked": verified.map(|verified| verified.manifest.n_masked),
            "n_opened": verified.map(|verified| verified.n_opened),
            "signature": signature,
            "events": events,
            "unreadable": found.unreadable,
        })
    }
}
