//! `trawl rca bundle`: the evidence of a case, or of a query, in one archive.

use super::add::captured;
use super::attach::{CaseArgs, command_line, now, shown};
use super::over::Over;
use crate::cmd::ask;
use crate::config::Config;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::{Theme, human, notes};
use crate::terminal::Terminal;
use crate::words;
use anyhow::{Context, bail};
use clap::ValueHint;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use trawl_alert::secret::Secret;
use trawl_evidence::bundle::manifest::SectionText;
use trawl_evidence::bundle::sign::{SignError, SigningKey};
use trawl_evidence::bundle::{Contents, MakeOptions, make};
use trawl_evidence::case::{CASE_FILE, Case, Section, Written};
use trawl_evidence::events::StoredEvents;
use trawl_evidence::merkle::Digest;
use trawl_query::RunError;
use trawl_store::StoreError;

/// Where the password of a key may be.
const PASSWORD_VARIABLE: &str = "TRAWL_SIGN_PASSWORD";
/// Mode of a bundle, and of what opens its masked parts.
const BUNDLE_MODE: u32 = 0o640;
const REVEAL_MODE: u32 = 0o600;

/// Arguments of `trawl rca bundle`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The bundle holds every cited event byte for byte with the events around it, where they stood, the queries and what they covered, \
and a README that says how to check it with tar, sha256sum and minisign alone. Write down the root that is printed, in the ticket \
for example: it pins down all of it. --redact masks what matches, without giving up that the rest can be verified; what opens the \
masked parts is written to --reveal, which you keep.

Examples:
  trawl rca bundle -o outage.tar.zst
  trawl rca bundle 2026-11-20-paymentservice-outage -o outage.tar.zst --sign ~/.minisign/minisign.key
  trawl rca bundle 'ERROR PaymentService' --earliest -2h -C 20 -o errors.tar.zst
  trawl rca bundle -o outage.tar.zst --redact 'card=\\S+' --reveal outage.reveal.json

Exit status: 0 it is written, 1 the query found nothing, 2 an error.")]
pub struct BundleArgs {
    /// Folder of a case, or a query [default: the case of $TRAWL_CASE or of the working directory]
    #[arg(value_name = "CASE_OR_QUERY")]
    pub what: Vec<String>,

    /// Archive to write; it must not exist
    #[arg(short = 'o', long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,

    /// Take N events along before and after each cited one
    #[arg(short = 'C', long, value_name = "N", default_value_t = 10)]
    pub context: usize,

    /// Sign with the secret key in this file, as `minisign -G` makes it; its password comes from $TRAWL_SIGN_PASSWORD or
    /// --password-file
    #[arg(long, value_name = "KEY", value_hint = ValueHint::FilePath)]
    pub sign: Option<PathBuf>,

    /// File with the password of the key
    #[arg(long, value_name = "FILE", requires = "sign", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,

    /// Mask what this pattern matches, everywhere; may be repeated
    #[arg(long, value_name = "REGEX", requires = "reveal")]
    pub redact: Vec<String>,

    /// File to write what opens the masked parts to; it must not exist
    #[arg(long, value_name = "FILE", requires = "redact", value_hint = ValueHint::FilePath)]
    pub reveal: Option<PathBuf>,

    /// Over what, where a query is given.
    #[command(flatten)]
    pub over: Over,

    /// Which case.
    #[command(flatten)]
    pub case: CaseArgs,
}

/// Writes the bundle.
pub fn run(args: &BundleArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    for path in [Some(&args.out), args.reveal.as_ref()].into_iter().flatten() {
        if path.symlink_metadata().is_ok() {
            bail!(Advice::new(
                format!("{} is there already", path.display()),
                "evidence is not overwritten: name another file"
            ));
        }
    }
    let key = args.sign.as_deref().map(|path| signing_key(path, args.password_file.as_deref())).transpose()?;
    let (contents, zone) = match case_of(args)? {
        Some(case) => (of_case(&case)?, case.about.zone.clone()),
        None => {
            let query = words::join(&args.what);
            let (exhibit, code) = captured(&query, &args.over, config)?;
            if code != ExitCode::Success {
                return Ok(code);
            }
            let exhibit = exhibit.of_command(command_line());
            let title = exhibit.title.clone();
            let contents = Contents { title, sections: Vec::new(), exhibits: vec![exhibit], files: Vec::new() };
            (contents, config.zone.value.to_string())
        }
    };
    // Whatever the time is that is searched: this is when it was made.
    let made = now(None, config.zone.value)?;
    let sign = |sums: &[u8], root: &Digest| match &key {
        Some(key) => key.sign(sums, root, made),
        None => Err(SignError::NoSecretKey),
    };
    let options = MakeOptions {
        n_before: args.context,
        n_after: args.context,
        now: made,
        zone,
        redact: args.redact.clone(),
        sign: key.is_some().then_some(&sign),
    };
    let engine = args.over.scope.engine(config)?;
    let bundle = match StoredEvents::new(&engine) {
        Ok(mut stored) => make(contents, Some(&mut stored), &options),
        // What was laid into a case stands without the index, too.
        Err(RunError::Open(error)) if matches!(*error, StoreError::NoStore { .. }) => make(contents, None, &options),
        Err(error) => return Err(ask::explained(config, error)),
    }?;
    write_new(&args.out, BUNDLE_MODE, |file| bundle.write(io::BufWriter::new(file)))?;
    if let (Some(path), Some(reveal)) = (&args.reveal, &bundle.reveal) {
        write_new(path, REVEAL_MODE, |file| file.write_all(&reveal.encode()))?;
    }
    let theme = Theme::new(terminal.color_stderr);
    bundle.remarks.iter().try_for_each(|remark| notes::warning(&mut io::stderr(), &theme, remark))?;
    let size = fs::metadata(&args.out).map(|meta| meta.len()).unwrap_or_default();
    let mut out = io::stdout().lock();
    writeln!(out, "bundle  {} ({})", shown(&args.out), human::bytes(size))?;
    let n_context = bundle.n_events - bundle.n_cited;
    writeln!(out, "events  {} cited, {} around them", human::count(bundle.n_cited), human::count(n_context))?;
    if let (Some(path), Some(reveal)) = (&args.reveal, &bundle.reveal) {
        let n_masked = human::plural(reveal.openings.len() as u64, "part");
        writeln!(out, "masked  {n_masked}; {} opens them: keep it apart", shown(path))?;
    }
    if let Some(key) = &key {
        writeln!(out, "signed  with the key {}", key.public()?.id())?;
    }
    writeln!(out, "root    {}", bundle.root)?;
    Ok(ExitCode::Success)
}

/// The case that is meant, unless it is a query.
fn case_of(args: &BundleArgs) -> anyhow::Result<Option<Case>> {
    match &args.what[..] {
        [] => args.case.open().map(Some),
        [dir] if Path::new(dir).join(CASE_FILE).is_file() => Ok(Some(Case::open(Path::new(dir))?)),
        [dir] if Path::new(dir).is_dir() => {
            bail!(Advice::new(format!("{dir} is a folder, and no case"), "name the folder of a case, or write a query"))
        }
        _ => Ok(None),
    }
}

/// Everything that is in a case.
fn of_case(case: &Case) -> anyhow::Result<Contents> {
    let mut sections = Vec::new();
    for section in Section::ALL {
        if let Written::Text(markdown) = case.section(section)? {
            sections.push(SectionText { name: section.title().to_lowercase(), markdown });
        }
    }
    let (mut exhibits, mut files) = (Vec::new(), Vec::new());
    for (place, laid) in case.exhibits()?.into_iter().enumerate() {
        for file in &laid.exhibit.files {
            files.push((place, file.name.clone(), laid.read(file)?));
        }
        exhibits.push(laid.exhibit);
    }
    Ok(Contents { title: case.about.title.clone(), sections, exhibits, files })
}

/// Reads the key that signs.
fn signing_key(path: &Path, password_file: Option<&Path>) -> anyhow::Result<SigningKey> {
    let file = fs::read_to_string(path).with_context(|| format!("cannot read the key in {}", path.display()))?;
    let password = match password_file {
        Some(path) => Some(Secret::File(path.to_owned()).read()?),
        None => {
            std::env::var_os(PASSWORD_VARIABLE).map(|_| Secret::Env(PASSWORD_VARIABLE.to_owned()).read()).transpose()?
        }
    };
    let key = SigningKey::decode(&file, password.as_ref().map(|password| password.expose()));
    key.map_err(|error| match error {
        SignError::NeedsPassword => {
            let hint = format!("put it into ${PASSWORD_VARIABLE}, or into a file that --password-file names");
            Advice::new(format!("the key in {} has a password", path.display()), hint).into()
        }
        error => anyhow::Error::from(error).context(format!("cannot use the key in {}", path.display())),
    })
}

/// Writes a file as a whole, or not at all; one that is there stays.
fn write_new(path: &Path, mode: u32, write: impl FnOnce(&mut File) -> io::Result<()>) -> anyhow::Result<()> {
    let written = || -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        write(file.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}
