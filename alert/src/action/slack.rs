//! Slack: an incoming webhook, whose address is the secret.
//!
//! The message has a text, which notifications and old clients show, and blocks. `& < >` are escaped, so that nothing in a
//! log can mention a channel or make a link; lengths stay within what Slack takes.

use super::http::{Http, HttpOptions, Request, check_url};
use super::{Attempt, BadAction, Channel, DeliveryError, Receipt, facts};
use crate::notification::Notification;
use crate::secret::Secret;
use crate::severity::Severity;
use crate::template::{Escape, Template};
use crate::text::{self, moment, slack};
use serde_json::{Value, json};
use ureq::http::Method;

/// Most characters of a header block.
const MAX_HEADER: usize = 150;
/// Most characters of the text of a section.
const MAX_SECTION: usize = 3000;
/// Most characters of the text beside the blocks.
const MAX_TEXT: usize = 4000;
/// Characters of log lines that are shown: with their fence they fit a section.
const MAX_LINES: usize = 2900;
/// Most characters of an address: Slack refuses longer ones.
const MAX_URL: usize = 2000;

/// What a Slack action is, as configured.
#[derive(Clone, Debug)]
pub struct SlackOptions {
    /// The address of the incoming webhook.
    pub url: Secret,
    /// A template of the text, which then stands alone, without blocks.
    pub body: Option<String>,
    /// How requests are made.
    pub http: HttpOptions,
}

/// The channel.
#[derive(Debug)]
pub struct Slack {
    url: Secret,
    body: Option<Template>,
    http: Http,
}

impl Slack {
    /// Checks what is configured.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(options: &SlackOptions) -> Result<Self, BadAction> {
        check_url(&options.url)?;
        let sample = facts(&super::sample());
        let body = options.body.as_ref().map(|body| Template::new(body, Escape::Slack, &sample)).transpose()?;
        Ok(Self { url: options.url.clone(), body, http: Http::new(&options.http)? })
    }
}

impl Channel for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let message = match &self.body {
            Some(template) => {
                let text = template.render(&facts(notification))?;
                json!({"text": text::clip(&text, MAX_TEXT)})
            }
            None => message(notification),
        };
        let body = message.to_string();
        let headers = vec![("Content-Type", "application/json".to_owned())];
        let url = self.url.read()?;
        let request =
            Request { method: Method::POST, url: &url, headers, body: Some(body.as_bytes()), secrets: Vec::new() };
        let response = self.http.send(request, attempt.now_us)?;
        Ok(Receipt::new([("status", json!(response.status))]))
    }
}

/// The default message.
fn message(n: &Notification) -> Value {
    let sign = match n.severity {
        Severity::Ok => "🟢",
        Severity::Warning => "🟡",
        Severity::Critical => "🔴",
    };
    let title = text::one_line(&n.title());
    let mut blocks = vec![json!({
        "type": "header",
        // Plain text is shown as it is: there is nothing to escape.
        "text": {"type": "plain_text", "text": text::clip(&format!("{sign} {title}"), MAX_HEADER), "emoji": true},
    })];
    let section = |text: String| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    let mut lines = Vec::new();
    lines.extend(n.reason.as_ref().map(|reason| format!("*{}*", line(reason, 500))));
    lines.extend(n.description.as_ref().map(|text| slack(text, 1000)));
    lines.push(format!("since {} · {} at {}", moment(n.since_us), n.happening.as_str(), moment(n.at_us)));
    lines.extend(n.acknowledged_by.as_ref().map(|who| format!("acknowledged by {}", line(who, 100))));
    blocks.push(section(text::clip(&lines.join("\n"), MAX_SECTION).into_owned()));
    let evidence: Vec<String> = if n.rows.is_empty() {
        n.events.iter().map(|event| text::one_line(&text::clip(&event.raw, MAX_LINES))).collect()
    } else {
        let row = |row: &Vec<(String, String)>| {
            let pairs = row.iter().map(|(field, value)| format!("{field}={}", text::one_line(value)));
            pairs.collect::<Vec<_>>().join("  ")
        };
        n.rows.iter().map(row).collect()
    };
    if !evidence.is_empty() {
        // A fence in a log would end ours.
        let lines = slack(&evidence.join("\n").replace('`', "'"), MAX_LINES);
        blocks.push(section(format!("```{lines}```")));
    }
    let mut context = format!("{} · search `{}`", line(&n.node, 100), line(&n.search.replace('`', "'"), 1000));
    if let Some(runbook) = &n.runbook {
        let is_link = ["http://", "https://"].iter().any(|scheme| runbook.starts_with(scheme));
        let is_plain = !runbook.contains(['|', ' ', '\n']) && runbook.chars().count() <= MAX_URL;
        let shown = match is_link && is_plain {
            true => format!("<{}|runbook>", slack(runbook, MAX_URL * 2)),
            false => slack(runbook, 500),
        };
        context = format!("{shown} · {context}");
    }
    blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": context}]}));
    json!({"text": slack(&title, MAX_TEXT), "blocks": blocks})
}

/// One line of escaped text.
fn line(text: &str, max_chars: usize) -> String {
    slack(&text::one_line(text), max_chars)
}
