//! What comes of an attempt: a pure function from a delivery, its action's policy and the result to what is entered.

use super::{Action, Came, Policy, Verdict};
use crate::action::{DeliveryError, Receipt};
use crate::audit::AuditRecord;
use crate::notification::{Happening, Notification, TransitionId};
use crate::outbox::{Delivery, DeliveryState, Settlement};
use crate::text;
use serde_json::{Value, json};

/// A settlement that changes nothing but the state.
pub(super) fn plain(delivery: &Delivery, state: DeliveryState, at_us: i64) -> Settlement {
    Settlement {
        seq: delivery.seq,
        state,
        n_attempts: delivery.n_attempts,
        due_us: delivery.due_us,
        outcome: Value::Null,
        audit: None,
        escalation: None,
        ends_standing: false,
        at_us,
    }
}

/// What an attempt changes.
pub(super) fn settlement(delivery: &Delivery, action: Option<&Action>, came: Came, now_us: i64) -> Settlement {
    let default = Policy::default();
    let policy = action.map_or(&default, |action| &action.policy);
    // What was found running was counted when it began.
    let n_attempts = delivery.n_attempts + u32::from(delivery.state == DeliveryState::Waiting);
    let base = Settlement { n_attempts, ..plain(delivery, DeliveryState::Delivered, now_us) };
    let is_once =
        delivery.state == DeliveryState::Running || action.is_some_and(|action| action.channel.is_at_most_once());
    let record = |state: &str, facts: Vec<(&'static str, Value)>| {
        Some(record(delivery, action, n_attempts, state, facts, now_us))
    };
    match came {
        Came::Delivery(Ok(receipt)) => {
            let outcome = json!({"receipt": receipt.0});
            let verify = policy.verify.as_ref().filter(|_| delivery.state != DeliveryState::Standing);
            let resend = action.and_then(|action| action.channel.resend()).filter(|_| is_standing(delivery));
            let (state, due_us) = match (verify, resend) {
                (Some(condition), _) => (DeliveryState::Verifying, now_us.saturating_add(condition.after_us)),
                (None, Some(every)) => {
                    (DeliveryState::Standing, now_us + i64::try_from(every.as_micros()).unwrap_or(i64::MAX / 2))
                }
                (None, None) => (DeliveryState::Delivered, delivery.due_us),
            };
            let had_failed = delivery.outcome.as_ref().is_some_and(|outcome| outcome.get("error").is_some());
            let is_news = delivery.state != DeliveryState::Standing || had_failed;
            let audit = record("delivered", vec![("receipt", Value::Object(receipt.0))]).filter(|_| is_news);
            Settlement { state, due_us, outcome, audit, ends_standing: true, ..base }
        }
        Came::Delivery(Err(error)) if delivery.state == DeliveryState::Standing => {
            // It was brought before; what fails is to remind of it.
            let retry_us = action.and_then(|action| action.channel.resend()).map_or(policy.retry_us, |every| {
                policy.retry_us.min(i64::try_from(every.as_micros()).unwrap_or(i64::MAX))
            });
            let had_failed = delivery.outcome.as_ref().is_some_and(|outcome| outcome.get("error").is_some());
            let what = error.to_string();
            let audit = record("retry", vec![("error", json!(what))]).filter(|_| !had_failed);
            let outcome = json!({"error": what});
            Settlement {
                state: DeliveryState::Standing,
                due_us: now_us.saturating_add(retry_us),
                outcome,
                audit,
                ..base
            }
        }
        Came::Delivery(Err(error)) => {
            let what = error.to_string();
            let (is_final, retry_after, receipt) = match error {
                DeliveryError::Permanent { receipt, .. } => (true, None, receipt),
                DeliveryError::Temporary { retry_after, .. } => (is_once, retry_after, Receipt::default()),
                DeliveryError::Unknown { .. } => (is_once, None, Receipt::default()),
            };
            let after_us = retry_after.map_or(0, |after| i64::try_from(after.as_micros()).unwrap_or(i64::MAX / 2));
            let due_us = now_us.saturating_add(policy.back_off_us(n_attempts).max(after_us));
            let is_dead = is_final || now_us.saturating_sub(delivery.created_us) >= policy.give_up_us;
            let mut outcome = json!({"error": what});
            let mut facts = vec![("error", json!(what))];
            if !receipt.0.is_empty() {
                outcome["receipt"] = Value::Object(receipt.0.clone());
                facts.push(("receipt", Value::Object(receipt.0)));
            }
            if !is_dead {
                facts.push(("retry_at", json!(text::rfc3339(due_us))));
                let audit = record("retry", facts);
                return Settlement { state: DeliveryState::Waiting, due_us, outcome, audit, ..base };
            }
            if is_once {
                // Nor does anybody else try it again: see `Book::requeue`.
                outcome["at_most_once"] = json!(true);
            }
            let escalation = escalation(delivery, policy, &what, now_us);
            facts.push(("escalated_to", escalation.as_ref().map_or(Value::Null, |(_, actions)| json!(actions))));
            let ends_standing =
                delivery.notification.as_ref().is_ok_and(|notification| notification.happening.is_end());
            let audit = record("dead", facts);
            Settlement { state: DeliveryState::Dead, outcome, audit, escalation, ends_standing, ..base }
        }
        Came::Verdict(verdict) => {
            let (holds, evidence) = match verdict {
                Ok(Verdict { holds, evidence }) => (holds, evidence),
                Err(what) => (false, format!("it cannot be found out: {what}")),
            };
            let mut outcome = delivery.outcome.clone().unwrap_or_else(|| json!({}));
            outcome["verified"] = json!({"holds": holds, "evidence": evidence});
            let mut facts = vec![("evidence", json!(evidence))];
            let escalation = if holds {
                None
            } else {
                let what = format!("things are not well after it: {evidence}");
                escalation(delivery, policy, &what, now_us)
            };
            facts.push(("escalated_to", escalation.as_ref().map_or(Value::Null, |(_, actions)| json!(actions))));
            let audit = record(if holds { "verified" } else { "not_verified" }, facts);
            Settlement { outcome, audit, escalation, ..base }
        }
    }
}

/// Whether it tells of something that lasts.
fn is_standing(delivery: &Delivery) -> bool {
    delivery
        .notification
        .as_ref()
        .is_ok_and(|notification| !matches!(notification.happening, Happening::Resolved | Happening::Row))
}

/// Whom to tell of a failure, and what. An escalation that fails is not told further.
fn escalation(delivery: &Delivery, policy: &Policy, what: &str, now_us: i64) -> Option<(Notification, Vec<String>)> {
    let failed = delivery.notification.as_ref().ok().filter(|failed| failed.happening != Happening::Escalated)?;
    let actions: Vec<String> = policy.escalate.iter().filter(|name| **name != delivery.action).cloned().collect();
    if actions.is_empty() {
        return None;
    }
    let of = format!("escalated {} {}", delivery.action, failed.id);
    let notification = Notification {
        id: TransitionId::new(&failed.alert, &failed.group, &of, now_us),
        happening: Happening::Escalated,
        // What failed to be told as ended was as bad as before.
        severity: failed.severity.max(failed.severity_before),
        at_us: now_us,
        reason: Some(format!("action {} ({}): {what}", delivery.action, failed.happening.as_str())),
        ..failed.clone()
    };
    Some((notification, actions))
}

/// The record of an attempt.
fn record(
    delivery: &Delivery,
    action: Option<&Action>,
    n_attempts: u32,
    state: &str,
    facts: Vec<(&'static str, Value)>,
    now_us: i64,
) -> AuditRecord {
    let notification = delivery.notification.as_ref().ok();
    let group = notification.map(|notification| notification.group.to_string()).filter(|group| !group.is_empty());
    let about = [
        ("alert", json!(delivery.alert)),
        ("group", json!(group)),
        ("transition", json!(notification.map(|notification| notification.happening))),
        ("id", json!(delivery.transition_id)),
        ("action", json!(delivery.action)),
        ("type", json!(action.map(|action| action.channel.kind()))),
        ("state", json!(state)),
        ("attempt", json!(n_attempts)),
    ];
    AuditRecord::new(now_us, "delivery", about.into_iter().chain(facts))
}
