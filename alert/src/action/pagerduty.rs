//! PagerDuty, by its Events API v2: an incident for each episode of a group.
//!
//! `dedup_key` is made of the group's correlation and the episode: raise, reminders, repeats and resolve agree in it, and the
//! next episode is an incident of its own.

use super::http::{Http, HttpOptions, Request, check_url};
use super::{Attempt, BadAction, Channel, DeliveryError, Receipt, facts};
use crate::notification::{Happening, Notification};
use crate::secret::Secret;
use crate::severity::Severity;
use crate::text::{clip, one_line, rfc3339};
use serde_json::{Value, json};
use ureq::http::Method;

/// The address of the service.
pub const DEFAULT_URL: &str = "https://events.pagerduty.com/v2/enqueue";
/// Most characters of a summary.
const MAX_SUMMARY: usize = 1024;
/// Most bytes of a whole event, with room for what surrounds it.
const MAX_BODY_BYTES: usize = 500 << 10;
/// Most characters of other texts.
const MAX_TEXT: usize = 255;

/// What a PagerDuty action is, as configured.
#[derive(Clone, Debug)]
pub struct PagerDutyOptions {
    /// The integration key of the service.
    pub routing_key: Secret,
    /// The address of the Events API.
    pub url: Secret,
    /// How requests are made.
    pub http: HttpOptions,
}

/// The channel.
#[derive(Debug)]
pub struct PagerDuty {
    options: PagerDutyOptions,
    http: Http,
}

impl PagerDuty {
    /// Checks what is configured.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(options: PagerDutyOptions) -> Result<Self, BadAction> {
        check_url(&options.url)?;
        let http = Http::new(&options.http)?;
        Ok(Self { options, http })
    }
}

/// What makes one incident of several notifications.
pub fn dedup_key(notification: &Notification) -> String {
    format!("{}-{}", notification.correlation_id(), notification.episode)
}

/// What PagerDuty is asked to do.
fn event_action(n: &Notification) -> &'static str {
    match n.happening {
        Happening::Resolved => "resolve",
        Happening::Acknowledged => "acknowledge",
        // Who looks after it need not be called again if it got no worse.
        Happening::SeverityChanged if n.acknowledged_by.is_some() && n.severity <= n.severity_before => "acknowledge",
        _ => "trigger",
    }
}

impl Channel for PagerDuty {
    fn kind(&self) -> &'static str {
        "pagerduty"
    }

    fn is_for(&self, _happening: Happening) -> bool {
        true
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let key = self.options.routing_key.read()?;
        let (action, dedup_key) = (event_action(notification), dedup_key(notification));
        let mut event = json!({"routing_key": key.expose(), "event_action": action, "dedup_key": dedup_key});
        if action == "trigger" {
            event["payload"] = payload(notification);
            event["client"] = json!("trawl");
            if let Some(runbook) = &notification.runbook {
                event["links"] = json!([{"href": runbook, "text": "runbook"}]);
            }
        }
        let mut body = event.to_string();
        if body.len() > MAX_BODY_BYTES {
            // The service refuses what is longer. A page without its evidence is better than none.
            event["payload"]["custom_details"] = json!({"count": notification.count, "cut": true});
            body = event.to_string();
        }
        let url = self.options.url.read()?;
        let headers = vec![("Content-Type", "application/json".to_owned())];
        let request =
            Request { method: Method::POST, url: &url, headers, body: Some(body.as_bytes()), secrets: vec![key] };
        let response = self.http.send(request, attempt.now_us)?;
        Ok(Receipt::new([
            ("status", json!(response.status)),
            ("event_action", json!(action)),
            ("dedup_key", json!(dedup_key)),
        ]))
    }
}

fn payload(n: &Notification) -> Value {
    let severity = match n.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Ok => "info",
    };
    let source = n.events.first().map_or(&n.node, |event| &event.host);
    let mut payload = json!({
        "summary": clip(&one_line(&n.title()), MAX_SUMMARY),
        "source": clip(&one_line(source), MAX_TEXT),
        "severity": severity,
        "timestamp": rfc3339(n.at_us),
        "component": clip(&n.alert, MAX_TEXT),
        "custom_details": facts(n),
    });
    if !n.group.0.is_empty() {
        payload["group"] = json!(clip(&one_line(&n.group.to_string()), MAX_TEXT));
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::sample;

    #[test]
    fn all_of_an_episode_agree() {
        let raised = sample();
        let resolved = Notification { happening: Happening::Resolved, severity: Severity::Ok, at_us: 1, ..sample() };
        assert_eq!(dedup_key(&raised), dedup_key(&resolved));
        assert_eq!((event_action(&raised), event_action(&resolved)), ("trigger", "resolve"));
        let mut better =
            Notification { happening: Happening::SeverityChanged, severity: Severity::Warning, ..sample() };
        better.severity_before = Severity::Critical;
        assert_eq!(event_action(&better), "acknowledge");
        better.acknowledged_by = None;
        assert_eq!(event_action(&better), "trigger");
        let known = Notification { happening: Happening::Acknowledged, ..sample() };
        assert_eq!((event_action(&known), dedup_key(&known)), ("acknowledge", dedup_key(&raised)));
        let worse = Notification { happening: Happening::SeverityChanged, ..sample() };
        assert_eq!(event_action(&worse), "trigger");
    }
}
