//! Alertmanager, by its API v2, as Prometheus talks to it.
//!
//! Alertmanager forgets an alert that it is not told of again: each one has an `endsAt`, four [resend intervals](RESEND)
//! ahead, and while the alert fires it is sent again each interval, also after a restart of Alertmanager, which keeps alerts in
//! memory alone. If trawl dies, the alert ends there by itself. Resolved is the same alert with an `endsAt` that is past.
//!
//! An alert is known by its labels: `alertname`, `severity`, the group, and those of the configuration. When the severity
//! changes, the old one is resolved in the same request.

use super::http::{Http, HttpOptions, Request, check_url};
use super::{Attempt, BadAction, Channel, DeliveryError, Receipt};
use crate::notification::{Happening, Notification};
use crate::secret::{Secret, SecretText};
use crate::severity::Severity;
use crate::text::{clip, one_line, rfc3339, visible};
use serde_json::{Map, Value, json};
use std::time::Duration;
use ureq::http::Method;

/// How often it is said again that an alert fires, if nothing is configured.
pub const RESEND: Duration = Duration::from_secs(60);
/// An alert does not end by itself later than after four times this.
const MAX_RESEND: Duration = Duration::from_secs(24 * 3600);
/// An alert ends by itself after this many intervals in which it was not said again.
const MISSED: i64 = 4;
/// Most characters of a label or an annotation.
const MAX_LABEL: usize = 1024;
/// Log lines in the annotation.
const MAX_LINES: usize = 5;

/// What an Alertmanager action is, as configured.
#[derive(Clone, Debug)]
pub struct AlertmanagerOptions {
    /// The address of Alertmanager, without `/api/v2/alerts`.
    pub url: Secret,
    /// More labels.
    pub labels: Vec<(String, String)>,
    /// How often it is said again that an alert fires.
    pub resend: Duration,
    /// How requests are made.
    pub http: HttpOptions,
}

/// The channel.
#[derive(Debug)]
pub struct Alertmanager {
    options: AlertmanagerOptions,
    http: Http,
}

impl Alertmanager {
    /// Checks what is configured.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(options: AlertmanagerOptions) -> Result<Self, BadAction> {
        check_url(&options.url)?;
        let http = Http::new(&options.http)?;
        Ok(Self { options, http })
    }

    fn labels(&self, n: &Notification, severity: Severity) -> Map<String, Value> {
        let mut labels: Map<String, Value> =
            self.options.labels.iter().map(|(name, value)| (label_name(name), json!(value))).collect();
        for (field, value) in &n.group.0 {
            // Alertmanager takes no empty label, and treats a missing one alike.
            if !value.is_empty() {
                labels.insert(label_name(field), json!(clip(&one_line(value), MAX_LABEL)));
            }
        }
        if n.happening == Happening::Row {
            labels.insert("event_id".into(), json!(n.id));
        }
        labels.insert("alertname".into(), json!(one_line(&n.alert)));
        labels.insert("severity".into(), json!(severity));
        labels
    }

    fn alerts(&self, n: &Notification, now_us: i64) -> Vec<Value> {
        let resend_us = i64::try_from(self.options.resend.min(MAX_RESEND).as_micros()).unwrap_or(0);
        let starts_us = n.since_us.min(now_us - 1_000);
        let ended = |severity| {
            let ends_us = n.at_us.clamp(starts_us + 1_000, now_us);
            json!({
                "labels": self.labels(n, severity),
                "annotations": annotations(n),
                "startsAt": rfc3339(starts_us),
                "endsAt": rfc3339(ends_us),
            })
        };
        let firing = || {
            json!({
                "labels": self.labels(n, n.severity),
                "annotations": annotations(n),
                "startsAt": rfc3339(starts_us),
                "endsAt": rfc3339(now_us + MISSED * resend_us),
            })
        };
        match n.happening {
            Happening::Resolved => vec![ended(n.severity_before)],
            Happening::SeverityChanged => vec![ended(n.severity_before), firing()],
            _ => vec![firing()],
        }
    }
}

impl Channel for Alertmanager {
    fn kind(&self) -> &'static str {
        "alertmanager"
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let base = self.options.url.read()?;
        let url = SecretText::of(format!("{}/api/v2/alerts", base.expose().trim_end_matches('/')));
        let body = json!(self.alerts(notification, attempt.now_us)).to_string();
        let headers = vec![("Content-Type", "application/json".to_owned())];
        let request =
            Request { method: Method::POST, url: &url, headers, body: Some(body.as_bytes()), secrets: vec![base] };
        let response = self.http.send(request, attempt.now_us)?;
        Ok(Receipt::new([("status", json!(response.status))]))
    }

    fn resend(&self) -> Option<Duration> {
        Some(self.options.resend)
    }
}

/// A field as the name of a label: letters, digits and `_`, no digit first.
fn label_name(field: &str) -> String {
    let mut name: String = field.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        name.insert(0, '_');
    }
    name
}

fn annotations(n: &Notification) -> Map<String, Value> {
    let lines: Vec<String> =
        n.events.iter().take(MAX_LINES).map(|event| clip(&one_line(&event.raw), MAX_LABEL).into_owned()).collect();
    let texts = [
        ("summary", Some(n.title())),
        ("description", n.description.clone()),
        ("runbook_url", n.runbook.clone()),
        ("reason", n.reason.clone()),
        ("owner", n.owner.clone()),
        ("search", Some(n.search.clone())),
        ("count", Some(n.count.to_string())),
    ];
    let mut annotations: Map<String, Value> = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), json!(clip(&visible(&text?), MAX_LABEL)))))
        .collect();
    if !lines.is_empty() {
        annotations.insert("events".into(), json!(lines.join("\n")));
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::sample;

    fn channel() -> Alertmanager {
        Alertmanager::new(AlertmanagerOptions {
            url: Secret::inline("http://127.0.0.1:9093"),
            labels: vec![("team".into(), "payments".into())],
            resend: RESEND,
            http: HttpOptions::default(),
        })
        .unwrap()
    }

    #[test]
    fn raise_and_resolve_have_the_same_labels() {
        let raised = sample();
        let resolved = Notification {
            happening: Happening::Resolved,
            severity: Severity::Ok,
            severity_before: Severity::Critical,
            at_us: raised.at_us + 60_000_000,
            ..sample()
        };
        let now_us = resolved.at_us + 1_000_000;
        let (fired, ended) = (channel().alerts(&raised, now_us), channel().alerts(&resolved, now_us));
        assert_eq!(fired[0]["labels"], ended[0]["labels"]);
        assert_eq!(fired[0]["startsAt"], ended[0]["startsAt"]);
        assert_eq!(fired[0]["endsAt"], "2026-11-20T14:05:01.000000Z");
        assert_eq!(ended[0]["endsAt"], "2026-11-20T14:01:00.000000Z");
        insta::assert_snapshot!(fired[0]["labels"], @r#"{"alertname":"payment-db","host":"web01","severity":"critical","team":"payments"}"#);
    }

    #[test]
    fn another_severity_ends_the_alert_of_the_old_one() {
        let change =
            Notification { happening: Happening::SeverityChanged, severity_before: Severity::Warning, ..sample() };
        let alerts = channel().alerts(&change, change.at_us);
        let severities: Vec<&Value> = alerts.iter().map(|alert| &alert["labels"]["severity"]).collect();
        assert_eq!(severities, ["warning", "critical"]);
        assert_eq!(alerts[0]["endsAt"], rfc3339(change.at_us));
    }

    #[test]
    fn labels_have_names_that_alertmanager_takes() {
        assert_eq!(label_name("http.status-code"), "http_status_code");
        assert_eq!(label_name("5xx"), "_5xx");
        assert_eq!(label_name("größe"), "gr__e");
    }
}
