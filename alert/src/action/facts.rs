//! What is told of a notification to programs and templates: one JSON object.

use crate::notification::{Group, Happening, Notification, SampleEvent, TransitionId};
use crate::severity::Severity;
use crate::text::{clip, rfc3339};
use serde_json::{Map, Value, json};

/// Most characters of a value of a group or a row.
pub(super) const MAX_VALUE_CHARS: usize = 1024;
/// Most fields of a row.
pub(super) const MAX_FIELDS: usize = 40;

/// The facts of a notification, with stable names: the default body of a webhook, the standard input of a command, and
/// the values of templates. Absent ones are null. Texts are as they stand in the log, cut where they are long.
pub fn facts(notification: &Notification) -> Value {
    let n = notification;
    let events: Vec<Value> = n.events.iter().take(Notification::MAX_EVENTS).map(event).collect();
    let rows: Vec<Value> = n.rows.iter().take(Notification::MAX_ROWS).map(|row| pairs(row)).collect();
    let series: Vec<Value> = n.series.iter().map(|(us, count)| json!({"time": rfc3339(*us), "count": count})).collect();
    json!({
        "alert": n.alert,
        "severity": n.severity,
        "severity_before": n.severity_before,
        "state": n.happening,
        "title": clip(&n.title(), MAX_VALUE_CHARS),
        "transition_id": n.id,
        "episode_id": n.episode,
        "correlation_id": n.correlation_id(),
        "group": pairs(&n.group.0),
        "count": n.count,
        "condition": n.condition,
        "search": n.search,
        "time": rfc3339(n.at_us),
        "since": rfc3339(n.since_us),
        "window": {"earliest": rfc3339(n.window_us.0), "latest": rfc3339(n.window_us.1)},
        "events": events,
        "rows": rows,
        "series": series,
        "runbook": n.runbook,
        "description": n.description,
        "owner": n.owner,
        "tags": n.tags,
        "acknowledged_by": n.acknowledged_by,
        "assigned_to": n.assigned_to,
        "reason": n.reason,
        "node": n.node,
    })
}

fn event(event: &SampleEvent) -> Value {
    json!({
        "time": rfc3339(event.time_us),
        "host": clip(&event.host, MAX_VALUE_CHARS),
        "source": clip(&event.source, MAX_VALUE_CHARS),
        "address": clip(&event.address, MAX_VALUE_CHARS),
        "raw": clip(&event.raw, SampleEvent::MAX_BYTES),
    })
}

fn pairs(pairs: &[(String, String)]) -> Value {
    let value = |(field, value): &(String, String)| (field.clone(), Value::from(clip(value, MAX_VALUE_CHARS)));
    Value::Object(pairs.iter().take(MAX_FIELDS).map(value).collect::<Map<_, _>>())
}

/// A notification to try templates with: it has a value for everything.
pub fn sample() -> Notification {
    let group = Group(vec![("host".into(), "web01".into())]);
    let at_us = 1_795_183_200_000_000;
    let id = TransitionId::new("payment-db", &group, "raised", at_us);
    Notification {
        episode: id.clone(),
        id,
        alert: "payment-db".into(),
        description: Some("the payment service cannot reach its database".into()),
        owner: Some("payments".into()),
        tags: vec!["production".into()],
        runbook: Some("https://wiki.example.com/payment-db".into()),
        group,
        happening: Happening::Raised,
        severity: Severity::Critical,
        severity_before: Severity::Ok,
        at_us,
        since_us: at_us,
        window_us: (at_us - 60_000_000, at_us),
        search: "ERROR PaymentService \"failed to connect to DB\"".into(),
        condition: "count > 5".into(),
        count: 7,
        events: vec![SampleEvent {
            time_us: at_us - 1_000_000,
            host: "web01".into(),
            source: "/var/log/payment.log".into(),
            address: "/var/log/payment.log:0:0:64".into(),
            raw: "2026-11-20 13:59:59 ERROR PaymentService failed to connect to DB".into(),
        }],
        rows: vec![vec![("host".into(), "web01".into()), ("count".into(), "7".into())]],
        series: vec![(at_us - 60_000_000, 2), (at_us - 30_000_000, 5)],
        acknowledged_by: Some("alice".into()),
        assigned_to: Some("bob".into()),
        reason: Some("the command failed".into()),
        node: "log01".into(),
    }
}
