//! HTTP for actions: one request, with bounds on time and size, and errors that hold no secret.
//!
//! Redirects are not followed: what is signed for one host, or carries its key, does not go to another. Connections are not
//! kept: deliveries are rare, and a connection that died in between would look like a failure. A proxy is used if the
//! environment names one (`HTTPS_PROXY`, `NO_PROXY`).

use super::{BadAction, DeliveryError};
use crate::secret::{Secret, SecretText, shown_url};
use crate::text;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
pub use ureq::http::Method;
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, http};

/// Bytes of an answer that are read.
const MAX_RESPONSE_BYTES: u64 = 256 << 10;
/// Characters of an answer that are shown.
const MAX_SHOWN_CHARS: usize = 300;
/// How long a request takes at most if nothing is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that wants to be left alone for longer is asked again after this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How requests are made.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// From the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
    /// Certificates (PEM) to trust instead of those of the web.
    pub ca_file: Option<PathBuf>,
    /// Who we are.
    pub auth: Auth,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { timeout: DEFAULT_TIMEOUT, ca_file: None, auth: Auth::None }
    }
}

/// Who we are.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Nobody.
    #[default]
    None,
    /// A user with a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// Who has this token.
    Bearer(Secret),
}

/// Makes requests.
pub struct Http {
    agent: Agent,
    auth: Auth,
}

/// A request.
pub struct Request<'a> {
    /// Its method.
    pub method: Method,
    /// The address, as a secret.
    pub url: &'a SecretText,
    /// Names and values of headers.
    pub headers: Vec<(&'a str, String)>,
    /// Its body.
    pub body: Option<&'a [u8]>,
    /// What must not be shown, should the answer repeat it.
    pub secrets: Vec<SecretText>,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: http::StatusCode,
    /// How long to leave the server alone, if it says so.
    pub retry_after: Option<Duration>,
    /// Its body, if all of it came in time and it was not too long; that of an error without secrets.
    pub body: Option<Vec<u8>>,
    /// The beginning of its body for people: on one line, without secrets.
    pub said: String,
}

/// An answer that says that it worked.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Its body, if all of it came in time and it was not too long.
    pub(crate) body: Option<Vec<u8>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("auth", &self.auth).finish_non_exhaustive()
    }
}

impl Http {
    /// Makes requests as `options` say.
    ///
    /// # Errors
    /// If the certificates cannot be read.
    pub fn new(options: &HttpOptions) -> Result<Self, BadAction> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .timeout_global(Some(options.timeout))
            .user_agent(concat!("trawl/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &options.ca_file {
            config = config.tls_config(TlsConfig::builder().root_certs(certificates(path)?).build());
        }
        Ok(Self { agent: config.build().new_agent(), auth: options.auth.clone() })
    }

    /// Sends a request; any answer but success is an error that says whether to try again.
    pub(crate) fn send(&self, request: Request<'_>, now_us: i64) -> Result<Response, DeliveryError> {
        let shown = shown_url(request.url.expose());
        let Answer { status, retry_after, body, said } = self.exchange(request, now_us)?;
        if status.is_success() {
            return Ok(Response { status: status.as_u16(), body });
        }
        let says = if said.is_empty() { String::new() } else { format!(": {said}") };
        let what = format!("{shown} answers {status}{says}");
        Err(match status.as_u16() {
            408 | 425 | 429 | 500..=599 => DeliveryError::Temporary { what, retry_after },
            300..=399 => {
                DeliveryError::permanent(format!("{what}; redirects are not followed: name the address itself"))
            }
            _ => DeliveryError::permanent(what),
        })
    }

    /// Sends a request; any answer is one, whatever its status.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn exchange(&self, request: Request<'_>, now_us: i64) -> Result<Answer, DeliveryError> {
        let Request { method, url, headers, body, mut secrets } = request;
        let shown = shown_url(url.expose());
        secrets.push(url.clone());
        let mut builder = http::Request::builder().method(method).uri(url.expose());
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        match &self.auth {
            Auth::None => {}
            Auth::Basic { user, password } => {
                let password = password.read()?;
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
                builder = builder.header("Authorization", format!("Basic {pair}"));
                secrets.extend([password, SecretText::of(pair)]);
            }
            Auth::Bearer(token) => {
                let token = token.read()?;
                builder = builder.header("Authorization", format!("Bearer {}", token.expose()));
                secrets.push(token);
            }
        }
        // The error may hold what could not be a header: it is not shown.
        let unfit = |_| DeliveryError::permanent(format!("cannot make a request to {shown}: unfit address or header"));
        let answer = match body {
            Some(body) => self.agent.run(builder.body(body).map_err(unfit)?),
            None => self.agent.run(builder.body(()).map_err(unfit)?),
        };
        let mut answer = answer.map_err(|error| failure(&error, &shown))?;
        let status = answer.status();
        let retry_after = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| parse_retry_after(value, now_us));
        let mut body = answer.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_vec().ok();
        let said = String::from_utf8_lossy(body.as_deref().unwrap_or_default()).into_owned();
        let said = secrets.iter().fold(said, |said, secret| secret.redact(&said));
        // What a server says of an error is for people, too; what it has done is taken as it is.
        body = body.map(|body| if status.is_success() { body } else { said.clone().into_bytes() });
        let said = text::clip(text::one_line(said.trim()).trim(), MAX_SHOWN_CHARS).into_owned();
        Ok(Answer { status, retry_after, body, said })
    }
}

/// Whether an address can be asked at all.
///
/// # Errors
/// If it is not one of the web. One that lies elsewhere is looked at when it is needed.
pub fn check_url(url: &Secret) -> Result<(), BadAction> {
    let Secret::Inline(text) = url else { return Ok(()) };
    let uri = text.expose().parse::<http::Uri>().ok();
    let is_web = uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    if is_web { Ok(()) } else { Err(BadAction::Url { shown: url.shown_url() }) }
}

/// The certificates in a file of PEM blocks.
fn certificates(path: &Path) -> Result<RootCerts, BadAction> {
    let unreadable = |source| BadAction::Certificates { path: path.to_owned(), source };
    let pem = std::fs::read(path).map_err(unreadable)?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(unreadable(io::Error::other(error)))),
    };
    let found: Vec<_> = ureq::tls::parse_pem(&pem).filter_map(certificate).collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(BadAction::NoCertificate(path.to_owned()));
    }
    Ok(RootCerts::new_with_certs(&found))
}

/// Why there is no answer. The texts of some errors hold the address, so only known ones are shown.
fn failure(error: &ureq::Error, shown: &str) -> DeliveryError {
    let why = match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Rustls(error) => format!("no safe connection: {error}"),
        ureq::Error::Tls(error) => format!("no safe connection: {error}"),
        ureq::Error::Protocol(error) => format!("the answer is not HTTP: {error}"),
        ureq::Error::LargeResponseHeader(..) => "the head of the answer is too long".to_owned(),
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
            "the proxy does not let us through".to_owned()
        }
        _ => return DeliveryError::permanent(format!("cannot make a request to {shown}: unfit address or header")),
    };
    DeliveryError::temporary(format!("cannot reach {shown}: {why}"))
}

/// `Retry-After`: seconds, or a date.
fn parse_retry_after(value: &str, now_us: i64) -> Option<Duration> {
    let value = value.trim();
    let asked = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = chrono::DateTime::parse_from_rfc2822(value).ok()?.timestamp_micros();
            Duration::from_micros(u64::try_from(until - now_us).unwrap_or(0))
        }
    };
    Some(asked.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now_us = 1_795_183_200_000_000; // 2026-11-20 14:00:00 UTC
        assert_eq!(parse_retry_after(" 17 ", now_us), Some(Duration::from_secs(17)));
        assert_eq!(parse_retry_after("Fri, 20 Nov 2026 14:00:30 GMT", now_us), Some(Duration::from_secs(30)));
        assert_eq!(parse_retry_after("Fri, 20 Nov 2026 13:00:30 GMT", now_us), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("99999999999", now_us), Some(MAX_RETRY_AFTER));
        assert_eq!(parse_retry_after("soon", now_us), None);
    }

    #[test]
    fn addresses_are_of_the_web() {
        let check = |url: &str| check_url(&Secret::inline(url)).map_err(|error| error.to_string());
        assert_eq!(check("https://host/a?b"), Ok(()));
        for bad in ["ftp://host/", "host", "/path", "http://", "https://ho st/"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let error = check("ftp://user:geheim@host/geheim").unwrap_err();
        assert_eq!(error, "`ftp://host/…` is not an address such as `https://host/path`");
    }
}
