//! ServiceNow: an incident for each group of an alert, by the Table API.
//!
//! There is no "create or update" there: the incident is looked up by `correlation_id`, and made or changed. So that two threads
//! do not make two, a correlation is locked in this process; should another process have made one in between, which a
//! second look-up after the creation tells, the younger is closed as a duplicate. An incident that was resolved and not closed
//! yet is opened again when its alert fires again. When the alert clears, it is resolved with a note. That somebody acknowledged it becomes a work note.

use super::http::{Http, HttpOptions, Request, check_url};
use super::{Attempt, BadAction, Channel, DeliveryError, Receipt};
use crate::notification::{Happening, Notification};
use crate::secret::{Secret, SecretText};
use crate::severity::Severity;
use crate::text::{clip, moment, one_line, visible};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};
use ureq::http::Method;

/// The table that incidents are in.
pub const DEFAULT_TABLE: &str = "incident";
/// Characters that ServiceNow keeps of a short description.
const MAX_SHORT: usize = 160;
/// Most characters of a description or a note.
const MAX_TEXT: usize = 4000;
/// States of an incident.
const IN_PROGRESS: &str = "2";
const RESOLVED: &str = "6";

/// What a ServiceNow action is, as configured.
#[derive(Clone, Debug)]
pub struct ServiceNowOptions {
    /// The address of the instance.
    pub url: Secret,
    /// The table.
    pub table: String,
    /// Fields that are set when an incident is made, such as `assignment_group`.
    pub fields: Vec<(String, String)>,
    /// How an incident is said to be resolved.
    pub close_code: String,
    /// How requests are made; the user needs the right to read and write the table.
    pub http: HttpOptions,
}

/// The channel.
#[derive(Debug)]
pub struct ServiceNow {
    options: ServiceNowOptions,
    http: Http,
}

/// An incident as it is found.
struct Incident {
    sys_id: String,
    number: String,
    state: String,
}

impl ServiceNow {
    /// Checks what is configured.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(options: ServiceNowOptions) -> Result<Self, BadAction> {
        check_url(&options.url)?;
        let http = Http::new(&options.http)?;
        Ok(Self { options, http })
    }

    /// Asks the table; `path` comes after its address.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>, now_us: i64) -> Result<Value, DeliveryError> {
        let base = self.options.url.read()?;
        let table = &self.options.table;
        let url = SecretText::of(format!("{}/api/now/table/{table}{path}", base.expose().trim_end_matches('/')));
        let mut headers = vec![("Accept", "application/json".to_owned())];
        let body = body.map(Value::to_string);
        if body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let request =
            Request { method, url: &url, headers, body: body.as_ref().map(String::as_bytes), secrets: vec![base] };
        let response = self.http.send(request, now_us)?;
        let unreadable = || DeliveryError::temporary("the answer of ServiceNow did not come whole");
        let value: Value = serde_json::from_slice(&response.body.ok_or_else(unreadable)?)
            .map_err(|_| DeliveryError::temporary("the answer of ServiceNow is not JSON: is the instance asleep?"))?;
        match value.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(DeliveryError::permanent("the answer of ServiceNow has no `result`")),
        }
    }

    /// Incidents of a correlation that are not closed, the oldest first.
    fn find(&self, correlation_id: &str, now_us: i64) -> Result<Vec<Incident>, DeliveryError> {
        // The correlation is of hexadecimal digits: nothing in it can change the query.
        let path = format!(
            "?sysparm_query=correlation_id%3D{correlation_id}%5Eactive%3Dtrue%5EORDERBYsys_created_on&sysparm_limit=10\
             &sysparm_fields=sys_id,number,state"
        );
        let result = self.ask(Method::GET, &path, None, now_us)?;
        Ok(result.as_array().into_iter().flatten().filter_map(incident).collect())
    }

    fn change(&self, incident: &Incident, fields: &Value, now_us: i64) -> Result<(), DeliveryError> {
        self.ask(Method::PATCH, &format!("/{}", incident.sys_id), Some(fields), now_us).map(|_| ())
    }

    fn resolve(&self, n: &Notification, now_us: i64) -> Result<Receipt, DeliveryError> {
        let found = self.find(&n.correlation_id(), now_us)?;
        let open: Vec<&Incident> = found.iter().filter(|incident| incident.state != RESOLVED).collect();
        for incident in &open {
            let notes =
                clip(&format!("trawl: the alert {} cleared at {}", one_line(&n.alert), moment(n.at_us)), MAX_TEXT)
                    .into_owned();
            let fields = json!({
                "state": RESOLVED,
                "close_code": self.options.close_code,
                "close_notes": notes,
                "work_notes": work_notes(n),
            });
            self.change(incident, &fields, now_us)?;
        }
        let number = open.first().or(found.first().as_ref()).map(|incident| incident.number.clone());
        let did = if open.is_empty() { "nothing to resolve" } else { "resolved" };
        Ok(Receipt::new([("ticket", json!(number)), ("did", json!(did))]))
    }

    /// Says in the open incident who knows of it. There is none to be made: whoever works on it has it.
    fn note(&self, n: &Notification, now_us: i64) -> Result<Receipt, DeliveryError> {
        let found = self.find(&n.correlation_id(), now_us)?;
        let Some(incident) = found.iter().find(|incident| incident.state != RESOLVED) else {
            return Ok(Receipt::new([("did", json!("nothing to note"))]));
        };
        self.change(incident, &json!({"work_notes": work_notes(n)}), now_us)?;
        Ok(Receipt::new([("ticket", json!(incident.number)), ("did", json!("noted"))]))
    }

    fn raise(&self, n: &Notification, now_us: i64) -> Result<Receipt, DeliveryError> {
        let correlation_id = n.correlation_id();
        if let Some(incident) = self.find(&correlation_id, now_us)?.into_iter().next() {
            let (urgency, impact) = urgency(n.severity);
            let mut fields = json!({"work_notes": work_notes(n), "urgency": urgency, "impact": impact});
            let is_again = incident.state == RESOLVED;
            if is_again {
                fields["state"] = json!(IN_PROGRESS);
            }
            self.change(&incident, &fields, now_us)?;
            let did = if is_again { "opened again" } else { "updated" };
            return Ok(Receipt::new([("ticket", json!(incident.number)), ("did", json!(did))]));
        }
        let result = self.ask(Method::POST, "", Some(&self.fields(n, &correlation_id)), now_us)?;
        let made = incident(&result)
            .ok_or_else(|| DeliveryError::temporary("ServiceNow does not say which incident it made"))?;
        let oldest = self.find(&correlation_id, now_us)?.into_iter().next();
        if let Some(oldest) = oldest.filter(|oldest| oldest.sys_id != made.sys_id) {
            let notes = format!("duplicate of {}", one_line(&oldest.number));
            let fields = json!({"state": RESOLVED, "close_code": self.options.close_code, "close_notes": notes});
            self.change(&made, &fields, now_us)?;
            self.change(&oldest, &json!({"work_notes": work_notes(n)}), now_us)?;
            return Ok(Receipt::new([
                ("ticket", json!(oldest.number)),
                ("did", json!("updated")),
                ("duplicate", json!(made.number)),
            ]));
        }
        Ok(Receipt::new([("ticket", json!(made.number)), ("did", json!("created"))]))
    }

    /// The fields of a new incident.
    fn fields(&self, n: &Notification, correlation_id: &str) -> Value {
        let (urgency, impact) = urgency(n.severity);
        let mut fields: Map<String, Value> =
            self.options.fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let ours = [
            ("short_description", json!(clip(&one_line(&n.title()), MAX_SHORT))),
            ("description", json!(description(n))),
            ("correlation_id", json!(correlation_id)),
            ("correlation_display", json!("trawl")),
            ("urgency", json!(urgency)),
            ("impact", json!(impact)),
        ];
        for (name, value) in ours {
            // What is configured wins, but for what the incident is found by.
            if name == "correlation_id" || !fields.contains_key(name) {
                fields.insert(name.to_owned(), value);
            }
        }
        Value::Object(fields)
    }
}

impl Channel for ServiceNow {
    fn kind(&self) -> &'static str {
        "servicenow"
    }

    fn is_for(&self, _happening: Happening) -> bool {
        true
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let _lock = Lock::of(notification.correlation_id());
        match notification.happening {
            Happening::Resolved => self.resolve(notification, attempt.now_us),
            Happening::Acknowledged => self.note(notification, attempt.now_us),
            _ => self.raise(notification, attempt.now_us),
        }
    }
}

fn incident(value: &Value) -> Option<Incident> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    // It becomes a part of an address.
    let sys_id = text("sys_id").filter(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric()))?;
    Some(Incident { sys_id, number: text("number").unwrap_or_default(), state: text("state").unwrap_or_default() })
}

/// Urgency and impact, from 1 (high) to 3 (low).
fn urgency(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("1", "2"),
        Severity::Warning => ("2", "2"),
        Severity::Ok => ("3", "3"),
    }
}

fn description(n: &Notification) -> String {
    let mut lines: Vec<String> = n.description.iter().cloned().collect();
    lines.extend(n.reason.clone());
    lines.push(format!("search: {}", n.search));
    lines.push(format!("condition: {}", n.condition));
    lines.push(format!("{} of {} to {}", n.count, moment(n.window_us.0), moment(n.window_us.1)));
    lines.extend(n.runbook.as_ref().map(|runbook| format!("runbook: {runbook}")));
    lines.extend(n.events.iter().map(|event| one_line(&event.raw)));
    clip(&journal(&lines.join("\n")), MAX_TEXT).into_owned()
}

fn work_notes(n: &Notification) -> String {
    let mut lines = vec![format!("{} at {}", one_line(&n.title()), moment(n.at_us))];
    if let (Happening::Acknowledged, Some(by)) = (n.happening, &n.acknowledged_by) {
        lines.push(format!("acknowledged by {}", one_line(by)));
    }
    lines.extend(n.reason.as_ref().map(|reason| one_line(reason)));
    lines.extend(n.events.iter().take(3).map(|event| one_line(&event.raw)));
    lines.push(format!("trawl transition {}", n.id));
    clip(&journal(&lines.join("\n")), MAX_TEXT).into_owned()
}

/// Text for ServiceNow, which takes what stands between `[code]` and `[/code]` for HTML.
fn journal(text: &str) -> String {
    let text = visible(text);
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        if c == '[' && (lower[at..].starts_with("[code]") || lower[at..].starts_with("[/code]")) {
            out.push(' ');
        }
    }
    out
}

/// Correlations that a thread of this process is at work on.
static BUSY: (Mutex<BTreeSet<String>>, Condvar) = (Mutex::new(BTreeSet::new()), Condvar::new());

/// While it lives, no other thread works on the same correlation.
struct Lock(String);

impl Lock {
    fn of(correlation_id: String) -> Self {
        let mut busy = BUSY.0.lock().unwrap_or_else(PoisonError::into_inner);
        while busy.contains(&correlation_id) {
            busy = BUSY.1.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        busy.insert(correlation_id.clone());
        Self(correlation_id)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        BUSY.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        BUSY.1.notify_all();
    }
}
