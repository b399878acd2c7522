//! E-mail, by SMTP: text and HTML with the matching lines, counts, and a small chart of when they happened.
//!
//! `Message-ID` is made of the transition, so that a repeated delivery is the same message for a mail server; the mails of an
//! episode are one thread. No text of a log gets into a header but the subject, which is one line of visible characters. The
//! HTML has no scripts, no images and no links but the runbook's.

use super::mail_body::{html_body, text_body};
use super::{Attempt, BadAction, Channel, DeliveryError, Receipt, facts};
use crate::notification::Notification;
use crate::secret::Secret;
use crate::template::{Escape, Template};
use crate::text::{clip, one_line};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport};
use serde_json::json;
use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

/// How long one step of the conversation may take if nothing is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);
/// Most characters of a subject.
const MAX_SUBJECT: usize = 200;

/// How the connection is kept safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// It is not: for a relay on this machine.
    None,
    /// The connection becomes safe before anything is said; a server that cannot do so gets nothing.
    #[default]
    StartTls,
    /// It is from its beginning.
    Tls,
}

/// What an e-mail action is, as configured.
#[derive(Clone, Debug)]
pub struct EmailOptions {
    /// The mail server.
    pub host: String,
    /// Its port. Default: 25, 587 with [`Security::StartTls`], 465 with [`Security::Tls`].
    pub port: Option<u16>,
    /// How the connection is kept safe.
    pub security: Security,
    /// Certificates (PEM) to trust instead of those of the web.
    pub ca_file: Option<PathBuf>,
    /// User and password.
    pub auth: Option<(String, Secret)>,
    /// Who it is from.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// Who gets a copy.
    pub cc: Vec<String>,
    /// A template of the subject.
    pub subject: Option<String>,
    /// A template of the text. Without `html_body` the message then is text alone.
    pub body: Option<String>,
    /// A template of the HTML.
    pub html_body: Option<String>,
    /// How long one step of the conversation may take.
    pub timeout: Duration,
}

/// The channel.
#[derive(Debug)]
pub struct Email {
    options: EmailOptions,
    from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    /// What follows the `@` in the identity of a message.
    domain: String,
    ca: Vec<u8>,
    subject: Option<Template>,
    body: Option<Template>,
    html_body: Option<Template>,
}

impl Email {
    /// Checks what is configured.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(options: EmailOptions) -> Result<Self, BadAction> {
        let mailbox = |text: &String| text.parse::<Mailbox>().map_err(|_| BadAction::Mailbox(text.clone()));
        let mailboxes = |texts: &[String]| texts.iter().map(mailbox).collect::<Result<Vec<_>, _>>();
        let (from, to, cc) = (mailbox(&options.from)?, mailboxes(&options.to)?, mailboxes(&options.cc)?);
        if to.is_empty() {
            return Err(BadAction::NoRecipient);
        }
        let is_local = options.host == "localhost"
            || options.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if options.auth.is_some() && options.security == Security::None && !is_local {
            return Err(BadAction::PlainPassword);
        }
        let ca = match &options.ca_file {
            None => Vec::new(),
            Some(path) => {
                let unreadable = |source| BadAction::Certificates { path: path.clone(), source };
                let pem = std::fs::read(path).map_err(unreadable)?;
                Certificate::from_pem(&pem).map_err(|_| BadAction::NoCertificate(path.clone()))?;
                pem
            }
        };
        let sample = facts(&super::sample());
        let template = |source: &Option<String>, escape| {
            source.as_ref().map(|source| Template::new(source, escape, &sample)).transpose()
        };
        let (subject, body, html_body) = (
            template(&options.subject, Escape::Line)?,
            template(&options.body, Escape::Text)?,
            template(&options.html_body, Escape::Html)?,
        );
        let domain = from.email.domain().to_owned();
        Ok(Self { options, from, to, cc, domain, ca, subject, body, html_body })
    }

    /// The identity of the message of a transition.
    fn message_id(&self, transition: &str, action: &str) -> String {
        let action: String = action.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        format!("<{transition}.{action}@{}>", self.domain)
    }

    fn message(&self, n: &Notification, attempt: &Attempt<'_>) -> Result<Message, DeliveryError> {
        let facts = facts(n);
        let subject = match &self.subject {
            Some(template) => template.render(&facts)?,
            None => format!("[trawl] {}", one_line(&n.title())),
        };
        let at = UNIX_EPOCH + Duration::from_micros(u64::try_from(n.at_us).unwrap_or(0));
        let mut builder = Message::builder()
            .from(self.from.clone())
            .date(at)
            .message_id(Some(self.message_id(n.id.as_str(), attempt.action)))
            .subject(clip(&subject, MAX_SUBJECT));
        if n.episode != n.id {
            let first = self.message_id(n.episode.as_str(), attempt.action);
            builder = builder.in_reply_to(first.clone()).references(first);
        }
        builder = self.to.iter().fold(builder, |builder, to| builder.to(to.clone()));
        builder = self.cc.iter().fold(builder, |builder, cc| builder.cc(cc.clone()));
        // So that no "out of office" comes back.
        builder = builder.raw_header(lettre::message::header::HeaderValue::new(
            lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        let text = match &self.body {
            Some(template) => template.render(&facts)?,
            None => text_body(n),
        };
        let html = match (&self.html_body, &self.body) {
            (Some(template), _) => Some(template.render(&facts)?),
            (None, Some(_)) => None,
            (None, None) => Some(html_body(n)),
        };
        let message = match html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html)),
            None => builder.singlepart(SinglePart::plain(text)),
        };
        message.map_err(|error| DeliveryError::permanent(format!("cannot write the message: {error}")))
    }

    fn transport(&self, n: &Notification) -> Result<SmtpTransport, DeliveryError> {
        let options = &self.options;
        let bad = |error: lettre::transport::smtp::Error| {
            DeliveryError::permanent(format!("cannot make a safe connection: {}", chain(&error)))
        };
        let tls = || {
            let mut parameters = TlsParameters::builder(options.host.clone());
            if !self.ca.is_empty() {
                parameters = parameters
                    .certificate_store(CertificateStore::None)
                    .add_root_certificate(Certificate::from_pem(&self.ca).map_err(bad)?);
            }
            parameters.build().map_err(bad)
        };
        let (port, tls) = match options.security {
            Security::None => (25, Tls::None),
            Security::StartTls => (587, Tls::Required(tls()?)),
            Security::Tls => (465, Tls::Wrapper(tls()?)),
        };
        let mut builder = SmtpTransport::builder_dangerous(options.host.clone())
            .port(options.port.unwrap_or(port))
            .tls(tls)
            .timeout(Some(options.timeout));
        if !n.node.is_empty() && n.node.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)) {
            builder = builder.hello_name(ClientId::Domain(n.node.clone()));
        }
        if let Some((user, password)) = &options.auth {
            builder = builder.credentials(Credentials::new(user.clone(), password.read()?.expose().to_owned()));
        }
        Ok(builder.build())
    }
}

impl Channel for Email {
    fn kind(&self) -> &'static str {
        "email"
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let message = self.message(notification, attempt)?;
        let sent = self.transport(notification)?.send(&message);
        let response = sent.map_err(|error| {
            let mut what = format!("{} takes no mail: {}", self.options.host, one_line(&chain(&error)));
            if let Some(password) = self.options.auth.as_ref().and_then(|(_, password)| password.read().ok()) {
                what = password.redact(&what);
            }
            // A wrong password may be one that is being changed, but a mail server counts it.
            if error.is_permanent() { DeliveryError::permanent(what) } else { DeliveryError::temporary(what) }
        })?;
        let said = response.message().next().map(|line| clip(&one_line(line), 200).into_owned());
        Ok(Receipt::new([
            ("status", json!(response.code().to_string())),
            ("message_id", json!(self.message_id(notification.id.as_str(), attempt.action))),
            ("said", json!(said)),
        ]))
    }
}

/// Why something failed, with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            write!(text, ": {more}").expect("writing to a string does not fail");
        }
        cause = error.source();
    }
    text
}
