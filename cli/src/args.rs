//! The command line as typed. What it means together with the configuration is [`crate::config`]'s business.

use crate::cmd::ask::RangeFlags;
use crate::cmd::rca::RcaVerb;
use crate::output::Format;
use clap::{ArgAction, ColorChoice, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use trawl_formats::Zone;
use trawl_formats::event::IndexName;
use trawl_query::engine::address::Address;

const EXIT_STATUS: &str = "\
Exit status:
  0    something was found, or the work is done
  1    nothing was found
  2    an error, or an answer that is not complete (damage, deadline, unreadable file)
  130  ended by Ctrl-C";

/// Index log files and search them with Splunk's language: no server, answers in milliseconds.
#[derive(Debug, Parser)]
#[command(name = "trawl", version, after_help = EXIT_STATUS, max_term_width = 100, disable_help_subcommand = true)]
pub struct Args {
    /// Options that every verb takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options that every verb takes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Folder of the indexed data [default: $TRAWL_DATA, the configuration's `data`, /var/lib/trawl if it exists, or
    /// the user's data folder]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,

    /// Configuration file [default: $TRAWL_CONFIG, ./trawl.toml, the user's trawl/trawl.toml, or
    /// /etc/trawl/trawl.toml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Folder of lookup tables [default: $TRAWL_LOOKUPS, the configuration's `lookups`, or `lookups` in the data
    /// folder]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub lookups: Option<PathBuf>,

    /// When to use colours; `auto` means on a terminal, unless $NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,

    /// Time zone, such as `Europe/Berlin` or `+05:30`: for `index`, of time stamps without one; elsewhere, of times
    /// read and printed [default: the configuration's `tz`, $TZ, or the machine's zone]
    #[arg(long, global = true, value_name = "ZONE")]
    pub tz: Option<Zone>,
}

/// What `trawl` can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Load log files into the index; again, to add what was appended since
    Index(IndexArgs),
    /// Follow the files of the configuration for as long as it runs: events are found within a second of being written
    Run(RunArgs),
    /// Search the indexed events
    Search(SearchArgs),
    /// Search files directly, without an index: the same language, the same answer
    Scan(ScanArgs),
    /// List the sources, how far each has been read, and what is wrong with it
    Sources(SourcesArgs),
    /// Show whether all is well: `trawl run`, how far behind it is, the indexes
    Status(StatusArgs),
    /// Show matching events as they arrive
    Tail(TailArgs),
    /// Show an event with what stands around it in its file, or around its time on its host
    Context(ContextArgs),
    /// Show what retention would remove now, index by index, or remove it
    Retention(RetentionArgs),
    /// Searches that have a name: list, show, run, add and remove them
    #[command(subcommand)]
    Saved(SavedVerb),
    /// See what alerts are doing, say that they are known, try them on history
    #[command(subcommand)]
    Alert(AlertVerb),
    /// Make a check: is everything as it is expected, with the evidence; without a name, list the checks
    Check(CheckArgs),
    /// List the runs of AutoSys jobs: how they ended, when, how long they took and how long they usually take
    Jobs(JobsArgs),
    /// Show which lines there are: patterns with their variables marked, counted
    Patterns(crate::cmd::patterns::PatternsArgs),
    /// From an incident to its cause: cases, reports, and evidence that others can verify
    #[command(subcommand)]
    Rca(RcaVerb),
    /// Look at buckets that retention has moved to an archive
    #[command(subcommand)]
    Archive(ArchiveVerb),
    /// Bring buckets back from an archive
    Restore(RestoreArgs),
    /// Check every byte of the data folder against its checksums, the catalog and the index
    Verify(VerifyArgs),
    /// Check whether this machine, the configuration and the data folder let `trawl run` do its work
    Doctor(DoctorArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Index the bundled sample logs into a temporary folder and search them
    Quickstart,
    /// Print the manual page of a command or function of the search language, or of a verb of trawl
    Help {
        /// Such as `stats`, `strftime`, `dc` or `index` [default: list them all]
        name: Option<String>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write the pages of all verbs into a folder
    Man {
        /// Folder to write `trawl.1`, `trawl-search.1`, … into
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

/// Arguments of `trawl index`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Compressed files (gzip, zstd, bzip2, xz) are recognised by their content. Running the same command again indexes only \
what was appended. A file that cannot be read is reported and left out; the exit status is then 2.

Examples:
  trawl index /var/log
  trawl index --index web --exclude '*.gz' /var/log/nginx
  kubectl logs -l app=pay | trawl index --source k8s/pay -
  trawl index --dry-run app.log")]
pub struct IndexArgs {
    /// Files, folders and glob patterns; `-` is the standard input
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Index that the events go to
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub index: IndexName,

    /// Which files, and what they are.
    #[command(flatten)]
    pub files: FileFlags,

    /// Show what would be indexed — format, encoding, first events and their times — and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Name each file that was left out, and why
    #[arg(short, long)]
    pub verbose: bool,
}

/// Which of the files are read, and what is known of them that they do not say themselves.
#[derive(Debug, Default, clap::Args)]
pub struct FileFlags {
    /// Log format of all files [default: detected for each file]
    #[arg(long, value_name = "NAME")]
    pub sourcetype: Option<String>,

    /// Value of the field `host` [default: this machine's name; formats that name the host in each event override it]
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,

    /// Value of the field `source`, for a single file or the standard input [default: the path]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,

    /// Leave out files and folders that match this glob pattern; may be repeated
    #[arg(long, value_name = "GLOB", action = ArgAction::Append)]
    pub exclude: Vec<String>,
}

/// Arguments of `trawl run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is followed stands in the configuration, for example:
  [[input]]
  paths = [\"/var/log/app/*.log\", \"/srv/**/logs/*.log\"]
  [[input]]
  command = [\"df\", \"-P\"]
  interval = \"60s\"

Examples:
  trawl run
  trawl run --metrics-listen 127.0.0.1:9187
  trawl run /var/log/app
  kubectl logs -f app | trawl run -

SIGTERM and Ctrl-C end it, and nothing that was read is lost; SIGHUP makes it read the configuration again. Events are \
found by `trawl search` while it runs. Renamed, truncated, copied and compressed files are known again.")]
pub struct RunArgs {
    /// Follow these files, folders or glob patterns, too; `-` is the standard input, and where nothing else is followed its end
    /// is the end of the run
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Say once per minute what is being done
    #[arg(short, long)]
    pub verbose: bool,

    /// Serve figures for Prometheus at http://ADDRESS/metrics, and whether all is well at /healthz; a port alone is one of
    /// 127.0.0.1 [default: not served]
    #[arg(long, value_name = "ADDRESS", value_parser = socket_address)]
    pub metrics_listen: Option<SocketAddr>,
}

/// `127.0.0.1:9187`, `[::1]:9187`, or a port of this machine.
fn socket_address(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse().map_err(|_| "it is not an address and a port such as 127.0.0.1:9187".to_owned()),
    }
}

/// Arguments of `trawl search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Words need no quotes: `trawl search ERROR PaymentService`. One argument is taken as the whole query. Of several, one \
that holds white space becomes a phrase. Options may follow the words.

Examples:
  trawl search ERROR PaymentService --earliest -1h
  trawl search 'status=5* | stats count by host'
  trawl search 'timeout NOT health' -n 20 -C 3
  trawl search 'ERROR | timechart span=5m count' --output csv > errors.csv

Exit status: 0 at least one row, 1 none, 2 error or partial answer, 130 Ctrl-C.")]
pub struct SearchArgs {
    /// The query [default: on a terminal, a prompt; the options then hold for every query typed there]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Over what, and how its rows are printed.
    #[command(flatten)]
    pub flags: SearchFlags,
}

/// Over what a search is run, and how its rows are printed.
#[derive(Debug, Default, clap::Args)]
pub struct SearchFlags {
    /// Of which time, and how its rows are printed.
    #[command(flatten)]
    pub answer: AnswerFlags,

    /// Index to search; may be repeated [default: the configuration's `default_indexes`]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub index: Vec<IndexName>,

    /// Also search the buckets in this archive folder, where they lie; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archive: Vec<PathBuf>,
}

/// Of which time the events are, and how rows are printed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AnswerFlags {
    /// Of which time.
    #[command(flatten)]
    pub range: RangeFlags,

    /// Search as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Most rows to print, the newest first; 0 prints every row [default: 100 events on a terminal, else every row]
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,

    /// How to print rows [default: raw for events, table after a command such as stats]
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// Also print N events that follow each match in its source
    #[arg(short = 'A', long, value_name = "N")]
    pub after_context: Option<usize>,

    /// Also print N events that precede each match in its source
    #[arg(short = 'B', long, value_name = "N")]
    pub before_context: Option<usize>,

    /// Also print N events around each match in its source
    #[arg(short = 'C', long, value_name = "N")]
    pub context: Option<usize>,

    /// Print how the query was understood and how it would be answered, instead of its rows
    #[arg(long)]
    pub explain: bool,

    /// Print what was searched and what it cost to the standard error
    #[arg(long)]
    pub stats: bool,

    /// Only check that the query is valid
    #[arg(long, conflicts_with_all = ["explain", "stats"])]
    pub check: bool,
}

impl AnswerFlags {
    /// How many events to print before and behind each match.
    pub fn n_around(&self) -> (usize, usize) {
        let both = self.context.unwrap_or(0);
        (self.before_context.unwrap_or(both), self.after_context.unwrap_or(both))
    }
}

/// Arguments of `trawl scan`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "trawl scan [OPTIONS] FILES... QUERY",
    after_help = "\
The last argument is the query, the ones before it are files, folders and glob patterns; `-` is the standard input, which is \
also read where no file is named. Compressed files (gzip, zstd, bzip2, xz) are recognised by their content. Nothing is indexed \
and no data folder is needed: each file is read once, to its end, and those with matches once more for -A, -B and -C. The answer \
is that of `trawl index` and `trawl search`.

Examples:
  trawl scan app.log 'ERROR NOT heartbeat' -n 20 -C 3
  trawl scan app.log* 'ERROR | stats count by host'
  trawl scan /var/log/pay --exclude '*.gz' 'took_ms>1000 | timechart span=5m count' --earliest -2h
  kubectl logs app | trawl scan 'level=WARN | top message'

Exit status: 0 at least one row, 1 none, 2 error or a file that could not be read, 130 Ctrl-C."
)]
pub struct ScanArgs {
    /// Files, folders and glob patterns, and the query as the last argument
    #[arg(value_name = "FILES... QUERY", value_hint = ValueHint::AnyPath)]
    pub words: Vec<OsString>,

    /// The query, where it could be taken for a file; all other arguments are files then
    #[arg(long, value_name = "QUERY")]
    pub query: Option<String>,

    /// Of which time, and how its rows are printed.
    #[command(flatten)]
    pub answer: AnswerFlags,

    /// Value of the field `index`
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub index: IndexName,

    /// Which files, and what they are.
    #[command(flatten)]
    pub files: FileFlags,
}

/// Arguments of `trawl tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows the last matches, then those that arrive, in the order of arrival, also where their time stamps are older. `trawl run` \
must be running; with --files the files are followed directly, without a data folder. Commands that look at one event at a \
time can be used: search, where, regex, rex, eval, fields, rename, dedup, head …

Examples:
  trawl tail ERROR PaymentService
  trawl tail 'status=5* | rex \"took=(?<ms>\\d+)\" | where ms>1000'
  trawl tail --files '/var/log/app/*.log' -- ERROR NOT heartbeat
  trawl tail ERROR -o ndjson | jq .host

Ends with Ctrl-C. Exit status: 0 at least one event was shown, 1 none, 2 error.")]
pub struct TailArgs {
    /// The query [default: every event]
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,

    /// Follow these files, folders or glob patterns directly, from their last lines on; may be repeated
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, num_args = 1.., value_delimiter = ',')]
    pub files: Vec<PathBuf>,

    /// How many of the events that are there already to show first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub lines: usize,

    /// Index to follow; may be repeated [default: the configuration's `default_indexes`]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub index: Vec<IndexName>,

    /// How to print rows: raw, ndjson or csv
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Raw)]
    pub output: Format,
}

/// Arguments of `trawl context`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The address of an event is its field `_addr`: source, generation, offset and length. `--output json` and the like print a row for \
each event, whose `position` is 0 for the event itself; raw prints the exact bytes.

Examples:
  trawl search ERROR PaymentService -n 1 -o json | jq -r '.results[]._addr'
  trawl context '/var/log/pay/app.log@0:48213+171'
  trawl context '/var/log/pay/app.log@0:48213+171' -B 20 -A 0
  trawl context '/var/log/pay/app.log@0:48213+171' --host --window 2s

Exit status: 0 the event was found, 2 it was not, or an error.")]
pub struct ContextArgs {
    /// Address of the event: its field `_addr`
    #[arg(value_name = "ADDRESS")]
    pub address: Address,

    /// How many events to show before it and behind it
    #[arg(short = 'C', long, value_name = "N", default_value_t = 5)]
    pub context: usize,

    /// How many events to show before it
    #[arg(short = 'B', long, value_name = "N")]
    pub before_context: Option<usize>,

    /// How many events to show behind it
    #[arg(short = 'A', long, value_name = "N")]
    pub after_context: Option<usize>,

    /// Show all events of its host around its time instead, of all files, in the order of time
    #[arg(long, conflicts_with_all = ["context", "before_context", "after_context"])]
    pub host: bool,

    /// How long before and behind it
    #[arg(long, value_name = "TIME", default_value = "10s", requires = "host")]
    pub window: crate::config::Timeout,

    /// Also look into the buckets in this archive folder; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archive: Vec<PathBuf>,

    /// How to print events: table is text for people
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Arguments of `trawl sources`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each row is a source and how it stands: following, draining (it has lost its name and is read to its end), loading (in bulk), \
waiting (there is something that nobody reads), read, empty, binary (left out), copy, too old (left out), unreadable, gone, or \
stream (standard input, a pipe, a command). `lag_bytes` were written and cannot be found yet; `lag_s` is the age of the oldest \
of them. Other formats than table have more columns: bytes of the latest file, read and indexed, and what was not stored as it \
stood: `nul_bytes` (runs of NULs, which hold nothing), `cut_events` (stored in pieces; nothing is lost).

Examples:
  trawl sources
  trawl sources --problems
  trawl sources --generations --index web
  trawl sources -o ndjson | jq 'select(.lag_bytes > 0)'

Exit status: 0 at least one source, 1 none.")]
pub struct SourcesArgs {
    /// Only sources of this index; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub index: Vec<IndexName>,

    /// Only sources that are behind, wait or cannot be read
    #[arg(long)]
    pub problems: bool,

    /// A row for each file that was read under the name of a source, one after the other
    #[arg(long, conflicts_with = "problems")]
    pub generations: bool,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Arguments of `trawl status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Says whether `trawl run` is at work, whether it is behind, and what is wrong, since when, and what to do about it; and prints \
a row for each index. With `--output json` all of it is one object.

Examples:
  trawl status
  trawl status -o json | jq .problems

Exit status: 0 all is well, 1 there is no index yet, 2 something is wrong.")]
pub struct StatusArgs {
    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Arguments of `trawl doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each check is a line: ok, warning or problem, and what to do about it. Checked are the configuration and each of its inputs, \
limits of the kernel, permissions, file systems and their free space, the clock, and the data folder.

Examples:
  trawl doctor
  trawl doctor --output json

Exit status: 0 all is well or there are only warnings, 2 there are problems.")]
pub struct DoctorArgs {
    /// Print rows: check, state, detail, remedy [default: lines for people]
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
}

/// Arguments of `trawl retention`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
How long an index keeps its events stands in the configuration, for example:
  [index.web]
  max_age = \"90d\"
  min_free = \"10%\"
  archive = \"/srv/archive\"

`trawl run` sees to it by itself. Files whose events have gone are not read again.

Examples:
  trawl retention
  trawl retention --apply -o csv

Exit status: 0 done, 1 there is nothing to show, 2 an error, or a bucket that should go could not be archived.")]
pub struct RetentionArgs {
    /// Remove it now, and print each bucket that went
    #[arg(long)]
    pub apply: bool,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// What `trawl archive` can do.
#[derive(Debug, Subcommand)]
pub enum ArchiveVerb {
    /// List the buckets in the archives
    #[command(after_help = "\
Examples:
  trawl archive list
  trawl archive list --archive /srv/archive -o csv

Exit status: 0 at least one bucket, 1 none, 2 a file could not be read.")]
    List(ArchiveListArgs),
    /// Check every byte of the archived buckets against its checksums
    #[command(after_help = "\
Examples:
  trawl archive verify
  trawl archive verify --archive /srv/archive

Exit status: 0 everything is sound, 1 there are no buckets, 2 damage.")]
    Verify(ArchiveFolders),
}

/// Which archives.
#[derive(Debug, clap::Args)]
pub struct ArchiveFolders {
    /// Archive folder; may be repeated [default: the `archive` folders of the configuration]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archive: Vec<PathBuf>,
}

/// Arguments of `trawl archive list`.
#[derive(Debug, clap::Args)]
pub struct ArchiveListArgs {
    /// Which archives.
    #[command(flatten)]
    pub folders: ArchiveFolders,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Arguments of `trawl restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each bucket is checked byte by byte before it becomes part of the data. Retention leaves restored buckets alone until they \
are released. The archive keeps its files. To only search an archive, nothing needs to be restored: \
`trawl search --archive DIR`.

Examples:
  trawl restore --index web --earliest 2026-03-01 --latest 2026-04-01
  trawl restore --archive /mnt/old 660eb8fdd37fa377138d542620976
  trawl restore --release

Exit status: 0 done, 1 there is no such bucket, 2 an error or damage.")]
pub struct RestoreArgs {
    /// Ids of buckets, as `trawl archive list` shows them [default: all that the options choose]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,

    /// Which archives.
    #[command(flatten)]
    pub folders: ArchiveFolders,

    /// Only buckets of this index; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub index: Vec<IndexName>,

    /// Only buckets with events from this time on, such as `-30d` or `2026-03-01`
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub earliest: Option<String>,

    /// Only buckets with events before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub latest: Option<String>,

    /// Give restored buckets back to retention instead
    #[arg(long, conflicts_with = "archive")]
    pub release: bool,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Arguments of `trawl verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 everything is sound (or was repaired), 2 damage.")]
pub struct VerifyArgs {
    /// Rebuild what can be rebuilt: indexes from the stored log, the catalog from the buckets
    #[arg(long)]
    pub repair: bool,
}

/// What `trawl saved` can do.
#[derive(Debug, Subcommand)]
pub enum SavedVerb {
    /// List the saved searches
    #[command(after_help = "Exit status: 0 at least one search, 1 none.")]
    List(SavedListArgs),
    /// Show one with everything that is known of it
    Show(SavedName),
    /// Run one, like `trawl search`
    Run(SavedRunArgs),
    /// Save a search
    Add(SavedAddArgs),
    /// Remove one that was added so
    Rm(SavedName),
}

/// Arguments of `trawl saved list`.
#[derive(Debug, clap::Args)]
pub struct SavedListArgs {
    /// Only those with this tag; of several, with all of them
    #[arg(long, value_name = "TAG", action = ArgAction::Append)]
    pub tag: Vec<String>,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Which saved search.
#[derive(Debug, clap::Args)]
pub struct SavedName {
    /// The saved search
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Arguments of `trawl saved run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A range of time that is given here, or that the search itself names, stands for the whole of its default range.

Examples:
  trawl saved run errors
  trawl saved run errors host=web01 --earliest -1h --output csv

Exit status: 0 at least one row, 1 none, 2 error or partial answer, 130 Ctrl-C.")]
pub struct SavedRunArgs {
    /// The saved search
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Values of its arguments, which stand as `$X$` in its text
    #[arg(value_name = "X=VALUE", value_parser = named_value)]
    pub values: Vec<(String, String)>,

    /// Over what, and how its rows are printed.
    #[command(flatten)]
    pub flags: SearchFlags,
}

/// Arguments of `trawl saved add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It is written into the folder `saved.d` of the data folder, one file for each. `$x$` in the query is an argument, which whoever \
runs it gives as x=VALUE.

Examples:
  trawl saved add errors 'level=ERROR host=$host$ | stats count by service' --arg 'host=*' --earliest -24h --tag daily
  trawl saved add slow 'took_ms>1000' --description 'Requests that took longer than a second' --force")]
pub struct SavedAddArgs {
    /// Its name: letters, digits, `_`, `-` and `.`
    #[arg(value_name = "NAME")]
    pub name: String,

    /// The query
    #[arg(value_name = "QUERY", required = true)]
    pub query: Vec<String>,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// Who looks after it
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,

    /// A label; may be repeated
    #[arg(long, value_name = "TAG", action = ArgAction::Append)]
    pub tag: Vec<String>,

    /// Where it is written what to do about what it finds
    #[arg(long, value_name = "URL")]
    pub runbook: Option<String>,

    /// Start of the range of time where nobody names one, such as `-24h`
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub earliest: Option<String>,

    /// End of it [default: now, with --earliest]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub latest: Option<String>,

    /// The value of an argument that is left out; may be repeated
    #[arg(long, value_name = "X=VALUE", value_parser = named_value, action = ArgAction::Append)]
    pub arg: Vec<(String, String)>,

    /// Replace the one of that name that was added before
    #[arg(long)]
    pub force: bool,
}

/// `x=VALUE`.
fn named_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("it is not an argument and its value, such as host=web01".to_owned()),
    }
}

/// What `trawl alert` can do. Alerts are declared as `[[alert]]` in the configuration, and evaluated by `trawl run`.
#[derive(Debug, Subcommand)]
pub enum AlertVerb {
    /// List the alerts and what is firing: exit status 0 if nothing fires, 1 if something does
    List(AlertListArgs),
    /// Show one alert: how it is declared, its groups, its last transitions
    Show(AlertShowArgs),
    /// List what happened, the newest first
    History(AlertHistoryArgs),
    /// Say that you know: nobody is reminded of the episode any more
    Ack(AlertSayArgs),
    /// Tell nobody for a while
    Snooze(AlertSnoozeArgs),
    /// Say who looks after it
    Assign(AlertAssignArgs),
    /// Forget an alert that is no longer in the configuration: what fires of it is told as resolved
    Rm(AlertRmArgs),
    /// Replay history: when would it have fired, for how long, how often?
    Test(AlertTestArgs),
}

/// Arguments of `trawl alert list`.
#[derive(Debug, clap::Args)]
pub struct AlertListArgs {
    /// Only what fires or is pending
    #[arg(long)]
    pub firing: bool,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Arguments of `trawl alert show`.
#[derive(Debug, clap::Args)]
pub struct AlertShowArgs {
    /// The alert
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Arguments of `trawl alert history`.
#[derive(Debug, clap::Args)]
pub struct AlertHistoryArgs {
    /// The alert [default: all]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// Most transitions; 0 is all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub limit: usize,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Whom it is about, and who says it.
#[derive(Debug, clap::Args)]
pub struct AlertTarget {
    /// The alert
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Only this group, by a field of `group_by`: `host=web01`; may be repeated [default: all groups that fire]
    #[arg(short = 'g', long = "group", value_name = "FIELD=VALUE", action = ArgAction::Append)]
    pub group: Vec<String>,

    /// Why, for those who read the history
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Who says so [default: $SUDO_USER, $USER]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// Arguments of `trawl alert ack`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  trawl alert ack payment-db -m 'INC0042, restarting the pool'
  trawl alert ack disk --group host=web01")]
pub struct AlertSayArgs {
    /// Whom it is about.
    #[command(flatten)]
    pub target: AlertTarget,
}

/// Arguments of `trawl alert snooze`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --for and --until-change, a snooze lasts an hour; `--for 0s` ends one.

Examples:
  trawl alert snooze payment-db --for 2h -m 'planned failover'
  trawl alert snooze disk --group host=web01 --until-change")]
pub struct AlertSnoozeArgs {
    /// Whom it is about.
    #[command(flatten)]
    pub target: AlertTarget,

    /// How long, such as `30m` or `2h`
    #[arg(long = "for", value_name = "TIME")]
    pub duration: Option<crate::config::Timeout>,

    /// Until the severity changes
    #[arg(long)]
    pub until_change: bool,
}

/// Arguments of `trawl alert assign`.
#[derive(Debug, clap::Args)]
pub struct AlertAssignArgs {
    /// Whom it is about.
    #[command(flatten)]
    pub target: AlertTarget,

    /// Who looks after it
    #[arg(long, value_name = "NAME")]
    pub to: String,
}

/// Arguments of `trawl alert rm`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Take the alert out of the configuration first, and let `trawl run` read that (`systemctl reload trawl`). Whoever was told \
that it fires is told that it is resolved, with the reason \"removed\". Its history stays.

Example:
  trawl alert rm payment-db -m 'the service is gone'")]
pub struct AlertRmArgs {
    /// The alert
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Why, for those who read the history
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub note: Option<String>,

    /// Who says so [default: $SUDO_USER, $USER]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// Arguments of `trawl alert test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The same evaluator runs over history, each event arriving when it was indexed; events that were loaded long after they \
happened arrive at their time. Nothing is written and nobody is told.

Exit status: 0 it would have fired, 1 it would not, 2 an error.

Examples:
  trawl alert test payment-db --last 30d
  trawl alert test payment-db --last 7d --against new/trawl.toml    # compare two versions of the rule")]
pub struct AlertTestArgs {
    /// The alert
    #[arg(value_name = "NAME")]
    pub name: String,

    /// How far back, such as `30d` [default: 7d]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["earliest", "latest"])]
    pub last: Option<crate::config::Timeout>,

    /// Start of history
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub earliest: Option<String>,

    /// End of history [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub latest: Option<String>,

    /// Another configuration file with a version of the alert to compare with
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub against: Option<PathBuf>,

    /// Print the events that it would have told, too
    #[arg(long)]
    pub events: bool,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Arguments of `trawl check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A check stands in the configuration, for example:
  [[check]]
  name = \"sod\"
  [[check.expect]]
  title = \"backup logged\"
  search = \"backup completed\"
  earliest = \"-1d@d+22h\"
  want = \"count >= 1\"
  [[check.job]]
  name = \"EOD_SALES\"
  by = \"22:15\"

Nothing is recorded and nobody is told; `trawl run` does that for checks with a schedule.

Examples:
  trawl check
  trawl check sod
  trawl check sod --at '2026-11-20 07:00:00'
  trawl check sod eod --output junit > checks.xml

Exit status: 0 everything is as it is expected, 1 something is not, 2 something could not be judged, or an error.")]
pub struct CheckArgs {
    /// The checks [default: list them]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Judge as of a past moment, such as `-1d@d+7h` or `2026-11-20T07:00:00` [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "names")]
    pub at: Option<String>,

    /// Make the check although its calendar says that it is not made now
    #[arg(long, requires = "names")]
    pub anyway: bool,

    /// How to print what it came to
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = CheckFormat::Text)]
    pub output: CheckFormat,
}

/// How `trawl check` prints what a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CheckFormat {
    /// A checklist for people
    Text,
    /// One object with everything that is known
    Json,
    /// A page that needs no other file
    Html,
    /// For tickets and chats
    Markdown,
    /// XML as build servers read it: a test case for each expectation
    Junit,
}

/// Arguments of `trawl jobs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is known comes from AutoSys' `event_demon` log and from what `autorep` prints, wherever these were indexed. The usual run \
time is the median of the runs of the 30 days before that succeeded.

Examples:
  trawl jobs
  trawl jobs 'EOD_*' --last 7d
  trawl jobs --latest 2026-11-21 -o csv

Exit status: 0 at least one run, 1 none, 2 an error.")]
pub struct JobsArgs {
    /// Only jobs of this name; `*` is any run of characters [default: all]
    #[arg(value_name = "NAME-GLOB")]
    pub name: Option<String>,

    /// How far back, such as `12h` or `7d` [default: 1d]
    #[arg(long, value_name = "TIME")]
    pub last: Option<crate::config::Timeout>,

    /// End of the time [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub latest: Option<String>,

    /// Also jobs that ran in the 30 days before, and did not in this time
    #[arg(short, long)]
    pub all: bool,

    /// The search that finds what AutoSys says [default: the sourcetypes `autosys_event_demon` and `autorep`]
    #[arg(long, value_name = "QUERY")]
    pub search: Option<String>,

    /// How to print rows
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// What `trawl config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Print each setting, its value and where the value comes from
    Show,
    /// Check the configuration, and run the unit tests of its alerts
    Check(ConfigCheckArgs),
}

/// Arguments of `trawl config check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A test of an alert, `[[alert.test]]`, says which lines are logged when and which transitions must come of it. It runs in a \
temporary folder with a clock of its own: nothing of the data folder is read, and nobody is told anything. Log formats, saved \
searches, alerts and their calendars are checked, too.

Exit status: 0 all is well, 1 a test failed, 2 the configuration is wrong.")]
pub struct ConfigCheckArgs {
    /// Only tests of this alert; may be repeated
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub alert: Vec<String>,

    /// Print rows: kind, name, place, result, detail [default: lines for people]
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn options_may_follow_the_words() {
        let args = Args::try_parse_from(["trawl", "search", "ERROR", "db", "--earliest", "-1h", "-n", "5", "late"]);
        let Verb::Search(search) = args.unwrap().verb else { panic!("search was asked for") };
        assert_eq!(search.query, ["ERROR", "db", "late"]);
        assert_eq!(search.flags.answer.range.earliest.as_deref(), Some("-1h"));
        assert_eq!(search.flags.answer.limit, Some(5));
    }

    /// The settings of a section of a unit file.
    fn settings<'t>(unit: &'t str, section: &str) -> Vec<(&'t str, &'t str)> {
        let (_, rest) = unit.split_once(&format!("\n[{section}]\n")).expect("the section is there");
        let lines = rest.lines().take_while(|line| !line.starts_with('['));
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.split_once('=').unwrap_or_else(|| panic!("`{line}` is no setting"))).collect()
    }

    #[test]
    fn the_unit_for_systemd_starts_what_there_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let unit = std::fs::read_to_string(format!("{folder}/contrib/systemd/trawl.service")).unwrap();
        let service = settings(&unit, "Service");
        let value = |key: &str| service.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let words: Vec<&str> = value("ExecStart").unwrap().split(' ').collect();
        let args = Args::try_parse_from(&words).unwrap_or_else(|error| panic!("{error}"));
        let Verb::Run(run) = args.verb else { panic!("it runs {words:?}") };
        assert!(run.paths.is_empty() && run.metrics_listen.is_some_and(|address| address.ip().is_loopback()));
        assert_eq!(args.global.config.as_deref(), Some(std::path::Path::new("/etc/trawl/trawl.toml")));
        assert_eq!((value("Type"), value("ExecReload")), (Some("notify"), Some("/bin/kill -HUP $MAINPID")));
        // A process that is heard of once a minute is not taken for dead.
        assert!(value("WatchdogSec").unwrap().parse::<u64>().unwrap() > 60);
        assert_eq!(settings(&unit, "Unit").iter().filter(|(key, _)| *key == "Description").count(), 1);
        assert_eq!(settings(&unit, "Install"), [("WantedBy", "multi-user.target")]);
        let guide = std::fs::read_to_string(format!("{folder}/docs/GUIDE.md")).unwrap();
        assert!(guide.contains("(../contrib/systemd/trawl.service)") && !guide.contains("[Service]"));
    }

    #[test]
    fn systemd_understands_its_unit() {
        let folder = tempfile::tempdir().unwrap();
        let unit = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../contrib/systemd/trawl.service"));
        // It is not installed where it is tested.
        let program = std::env::current_exe().unwrap();
        let unit = unit.unwrap().replace("/usr/local/bin/trawl ", &format!("{} ", program.display()));
        let path = folder.path().join("trawl.service");
        std::fs::write(&path, unit).unwrap();
        let verified = std::process::Command::new("systemd-analyze").arg("verify").arg(&path).output();
        // Without systemd there is nobody to ask.
        let Ok(verified) = verified else { return };
        let text = String::from_utf8_lossy(&verified.stderr);
        let own: Vec<&str> = text.lines().filter(|line| line.contains("trawl.service")).collect();
        assert!(own.is_empty(), "{own:#?}");
    }
}
