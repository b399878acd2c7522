//! `trawl rca publish`: the report of a case as a page of Confluence.

use super::attach::{CaseArgs, now, shown};
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::visible;
use anyhow::Context;
use clap::ValueHint;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use trawl_alert::action::http::{self, Auth, Http, HttpOptions, check_url};
use trawl_alert::secret::Secret;
use trawl_evidence::publish::{Answer, Method, Page, PublishError, Published, Web, attach, publish};
use trawl_evidence::report::{Report, ReportFormat};

/// Where the token or password is, unless a file is named.
const TOKEN_VARIABLE: &str = "CONFLUENCE_TOKEN";
/// Where a case remembers its page.
const PUBLISHED_FILE: &str = "published.toml";
/// A bundle may be large, and the way to the server slow.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Arguments of `trawl rca publish`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The token comes from $CONFLUENCE_TOKEN or --token-file, and is never shown. With --user it is that user's password or API token, \
as Confluence Cloud wants it; without, a personal access token. The case remembers its page: the next time, that page is updated, \
unless somebody else has changed it meanwhile.

Examples:
  trawl rca publish --url https://wiki.example.com --space OPS --parent 123456
  trawl rca publish --url https://example.atlassian.net/wiki --user me@example.com --space OPS --bundle outage.tar.zst

Exit status: 0 it is published, 2 an error.")]
pub struct PublishArgs {
    /// Address of Confluence
    #[arg(long, value_name = "URL", env = "CONFLUENCE_URL")]
    pub url: String,

    /// Key of the space
    #[arg(long, value_name = "KEY", env = "CONFLUENCE_SPACE")]
    pub space: String,

    /// Id of the page that the new page stands below
    #[arg(long, value_name = "ID")]
    pub parent: Option<String>,

    /// Id of the page to update [default: the one that the case was published as, or a new one]
    #[arg(long, value_name = "ID")]
    pub page: Option<String>,

    /// Title of the page [default: that of the case]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Bundle to attach to the page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub bundle: Option<PathBuf>,

    /// Also replace a page that somebody else has changed
    #[arg(long)]
    pub force: bool,

    /// The user, where the token is not one that stands alone
    #[arg(long, value_name = "NAME", env = "CONFLUENCE_USER")]
    pub user: Option<String>,

    /// File with the token
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,

    /// Certificates (PEM) to trust instead of those of the web
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ca_file: Option<PathBuf>,

    /// Write it as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,

    /// Which case.
    #[command(flatten)]
    pub case: CaseArgs,
}

/// What a case remembers of its page.
#[derive(Serialize, Deserialize)]
struct Remembered {
    /// Address of the server: elsewhere, the same id is another page.
    url: String,
    #[serde(flatten)]
    page: Published,
}

/// A server of the web.
struct Server {
    http: Http,
    /// Its address, without a slash at its end.
    base: String,
    now_us: i64,
}

impl Web for Server {
    fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, String> {
        let url = Secret::inline(format!("{}{path}", self.base)).read().map_err(|error| error.to_string())?;
        let method = match method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
        };
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let request = http::Request { method, url: &url, headers, body, secrets: Vec::new() };
        let answer = self.http.exchange(request, self.now_us).map_err(|error| error.to_string())?;
        Ok(Answer { status: answer.status.as_u16(), body: answer.body.unwrap_or_default() })
    }
}

/// Publishes the report.
pub fn run(args: &PublishArgs) -> anyhow::Result<ExitCode> {
    let case = args.case.open()?;
    let now = now(args.now.as_deref(), case.zone())?;
    let report = Report::of(&case, now)?;
    let title = args.title.as_deref().unwrap_or(&report.title);
    let body = report.render(ReportFormat::Confluence);
    let server = server(args, now.0)?;
    let remembered = case.dir.join(PUBLISHED_FILE);
    let known = match fs::read_to_string(&remembered) {
        Ok(text) => {
            let known: Remembered =
                toml::from_str(&text).with_context(|| format!("cannot use {}", remembered.display()))?;
            Some(known).filter(|known| known.url == server.base).map(|known| known.page)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", remembered.display())),
    };
    let id = args.page.as_deref().or_else(|| known.as_ref().map(|known| known.page.as_str()));
    let published_as =
        known.as_ref().filter(|known| id == Some(&*known.page) && !args.force).map(|known| known.version);
    let page = Page { space: &args.space, parent: args.parent.as_deref(), title, body: &body };
    let published = publish(&server, &page, id, published_as).map_err(advised)?;
    let known = Remembered { url: server.base.clone(), page: published.clone() };
    fs::write(&remembered, toml::to_string(&known)?)
        .with_context(|| format!("cannot write {}", remembered.display()))?;
    if let Some(path) = &args.bundle {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        attach(&server, &published.page, &name, &bytes, "evidence, to be checked with trawl rca verify")?;
    }
    let link = if published.link.is_empty() { String::new() } else { format!(" {}", published.link) };
    let text = format!("page {} version {}{link}", published.page, published.version);
    writeln!(io::stdout(), "{}", visible(&text))?;
    if let Some(path) = &args.bundle {
        writeln!(io::stdout(), "attached {}", shown(path))?;
    }
    Ok(ExitCode::Success)
}

fn server(args: &PublishArgs, now_us: i64) -> anyhow::Result<Server> {
    check_url(&Secret::inline(args.url.as_str()))?;
    let token = args.token_file.clone().map_or_else(|| Secret::Env(TOKEN_VARIABLE.to_owned()), Secret::File);
    let auth = match &args.user {
        Some(user) => Auth::Basic { user: user.clone(), password: token.clone() },
        None => Auth::Bearer(token.clone()),
    };
    if let Err(error) = token.read() {
        let hint = format!("put it into ${TOKEN_VARIABLE}, or into a file that --token-file names");
        return Err(anyhow::Error::from(error).context(Advice::new("there is no token for Confluence", hint)));
    }
    let http = Http::new(&HttpOptions { timeout: TIMEOUT, ca_file: args.ca_file.clone(), auth })?;
    Ok(Server { http, base: args.url.trim_end_matches('/').to_owned(), now_us })
}

/// The error with what to do about it.
fn advised(error: PublishError) -> anyhow::Error {
    let hint = match &error {
        PublishError::TitleTaken(id) => format!("--page {id} replaces it; --title names the new one otherwise"),
        PublishError::ChangedByOthers { .. } => "look at it, and write --force to replace it all the same".to_owned(),
        PublishError::Refused { status: 401 | 403, .. } => {
            format!("look at ${TOKEN_VARIABLE} and --user: a token of Confluence Cloud needs its user")
        }
        PublishError::Refused { status: 404, .. } => {
            format!(
                "if the page was deleted, remove {PUBLISHED_FILE} from the case; a cloud has its address under /wiki"
            )
        }
        _ => return error.into(),
    };
    Advice::new(error.to_string(), hint).into()
}
