//! Publishing a report as a page of Confluence, over its REST interface (`/rest/api/content`, server and data centre; a cloud has
//! the same under `/wiki`).
//!
//! This is the protocol alone. Whoever publishes brings a [`Web`], which knows the address, who we are, and how to speak HTTP.
//!
//! A page that others changed since it was published is not overwritten, unless that is wanted. Of two who publish at once, one
//! meets the status 409, looks again, and goes on only if that is still what was wanted.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How often an update is tried while others write the same page.
const MAX_TRIES: usize = 4;
/// What parts of a body are separated by; it must not occur in them, and is too long to do so by chance.
const BOUNDARY_PREFIX: &str = "trawl-boundary-";

/// Speaks HTTP with one server.
pub trait Web {
    /// Sends a request to `path`, which begins with a slash, below the address of the server. Any answer is one, whatever its
    /// status.
    ///
    /// # Errors
    /// If there is no answer: a text for people, without secrets.
    fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> std::result::Result<Answer, String>;
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Ask.
    Get,
    /// Make.
    Post,
    /// Replace.
    Put,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, or as much of it as is of use.
    pub body: Vec<u8>,
}

/// A page as it is to be.
#[derive(Clone, Debug)]
pub struct Page<'p> {
    /// Key of its space.
    pub space: &'p str,
    /// The page that it stands below.
    pub parent: Option<&'p str>,
    /// Its title.
    pub title: &'p str,
    /// Its body in the storage format.
    pub body: &'p str,
}

/// A page that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its id.
    pub page: String,
    /// Its version, as it was published last.
    pub version: u64,
    /// Where people find it, as far as the server says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
}

/// Why it was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// There is no answer.
    #[error("{0}")]
    Unreachable(String),
    /// The server refuses.
    #[error("the server refuses to {doing}: status {status}{}", said(.message))]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Status of the answer.
        status: u16,
        /// What the server said of it.
        message: String,
    },
    /// Its answer makes no sense.
    #[error("the answer of the server has no `{0}`: is the address that of Confluence?")]
    Nonsense(&'static str),
    /// There is a page of that title which is not ours.
    #[error("there is a page of this title already: {0}")]
    TitleTaken(String),
    /// Somebody has changed the page.
    #[error("the page was changed since it was published: it has version {found}, ours was {expected}")]
    ChangedByOthers {
        /// Version that was published last.
        expected: u64,
        /// Version that it has.
        found: u64,
    },
    /// Others write it all the time.
    #[error("others changed the page each time it was to be written")]
    Contended,
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

type Result<T> = std::result::Result<T, PublishError>;

/// Writes a page: the one of `id`, or a new one. `published_as` is the version that was published last: if the page has another one
/// by now, it is left alone.
///
/// # Errors
/// If the server cannot be reached or refuses, or the page belongs to others.
pub fn publish(web: &dyn Web, page: &Page<'_>, id: Option<&str>, published_as: Option<u64>) -> Result<Published> {
    let Some(id) = id else { return create(web, page) };
    for _ in 0..MAX_TRIES {
        let path = format!("/rest/api/content/{}?expand=version", encoded(id));
        let current = ask(web, "read the page", Method::Get, &path, None)?;
        let version = current["version"]["number"].as_u64().ok_or(PublishError::Nonsense("version"))?;
        if let Some(expected) = published_as.filter(|expected| *expected != version) {
            return Err(PublishError::ChangedByOthers { expected, found: version });
        }
        let mut body = body_of(page);
        body["id"] = json!(id);
        body["version"] = json!({ "number": version + 1 });
        let path = format!("/rest/api/content/{}", encoded(id));
        match ask(web, "update the page", Method::Put, &path, Some(&body)) {
            Err(PublishError::Refused { status: 409, .. }) => {}
            answer => return published(&answer?),
        }
    }
    Err(PublishError::Contended)
}

fn create(web: &dyn Web, page: &Page<'_>) -> Result<Published> {
    let path = format!("/rest/api/content?spaceKey={}&title={}&limit=1", encoded(page.space), encoded(page.title));
    let found = ask(web, "look for the page", Method::Get, &path, None)?;
    if let Some(id) = found["results"][0]["id"].as_str() {
        return Err(PublishError::TitleTaken(id.to_owned()));
    }
    published(&ask(web, "create the page", Method::Post, "/rest/api/content", Some(&body_of(page)))?)
}

/// Attaches a file to a page, as the next version of one of that name.
///
/// # Errors
/// If the server cannot be reached or refuses.
pub fn attach(web: &dyn Web, page: &str, name: &str, bytes: &[u8], comment: &str) -> Result<()> {
    let attachments = format!("/rest/api/content/{}/child/attachment", encoded(page));
    let found =
        ask(web, "look at attachments", Method::Get, &format!("{attachments}?filename={}", encoded(name)), None)?;
    let path = match found["results"][0]["id"].as_str() {
        Some(id) => format!("{attachments}/{}/data", encoded(id)),
        None => attachments,
    };
    let boundary = boundary(bytes);
    let body = multipart(&boundary, name, bytes, comment);
    let content_type = format!("multipart/form-data; boundary={boundary}");
    // Without the first header, the server takes it for a request that some other page made a browser send.
    let headers = [("X-Atlassian-Token", "nocheck"), ("Content-Type", &*content_type), ("Accept", "application/json")];
    let answer = web.send(Method::Post, &path, &headers, Some(&body)).map_err(PublishError::Unreachable)?;
    checked("attach the bundle", answer).map(|_| ())
}

fn body_of(page: &Page<'_>) -> Value {
    let mut body = json!({
        "type": "page",
        "title": page.title,
        "space": { "key": page.space },
        "body": { "storage": { "value": page.body, "representation": "storage" } },
    });
    if let Some(parent) = page.parent {
        body["ancestors"] = json!([{ "id": parent }]);
    }
    body
}

fn published(answer: &Value) -> Result<Published> {
    let page = answer["id"].as_str().ok_or(PublishError::Nonsense("id"))?.to_owned();
    let version = answer["version"]["number"].as_u64().ok_or(PublishError::Nonsense("version"))?;
    let links = &answer["_links"];
    let link = match (links["base"].as_str(), links["webui"].as_str()) {
        (Some(base), Some(webui)) => format!("{base}{webui}"),
        _ => String::new(),
    };
    Ok(Published { page, version, link })
}

/// A request with JSON both ways.
fn ask(web: &dyn Web, doing: &'static str, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
    let body = body.map(|body| body.to_string().into_bytes());
    let mut headers = vec![("Accept", "application/json")];
    headers.extend(body.as_ref().map(|_| ("Content-Type", "application/json")));
    let answer = web.send(method, path, &headers, body.as_deref()).map_err(PublishError::Unreachable)?;
    checked(doing, answer)
}

fn checked(doing: &'static str, answer: Answer) -> Result<Value> {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if (200..300).contains(&answer.status) {
        return Ok(value);
    }
    let message = value["message"].as_str().unwrap_or_default();
    let message = trawl_formats::visible::clip(&trawl_formats::visible::one_line(message), 300).into_owned();
    Err(PublishError::Refused { doing, status: answer.status, message })
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A line that the bytes do not hold.
fn boundary(bytes: &[u8]) -> String {
    // It names their hash: bytes that hold their own hash are not found.
    format!("{BOUNDARY_PREFIX}{}", &crate::merkle::Digest::of(bytes).to_string()[..32])
}

fn multipart(boundary: &str, name: &str, bytes: &[u8], comment: &str) -> Vec<u8> {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let field = |field: &str, value: &str| {
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{}\r\n",
            value.replace(['\r', '\n'], " ")
        )
    };
    let head = format!(
        "{}{}--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        field("comment", comment),
        field("minorEdit", "true"),
    );
    [head.as_bytes(), bytes, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
}
