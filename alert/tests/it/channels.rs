//! Channels against servers that speak the shape of their service.

use crate::post::*;
use crate::server::{Received, Reply, Server};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use trawl_alert::action::http::{Auth, HttpOptions};
use trawl_alert::action::pagerduty::{PagerDuty, PagerDutyOptions};
use trawl_alert::action::servicenow::{ServiceNow, ServiceNowOptions};
use trawl_alert::action::slack::{Slack, SlackOptions};
use trawl_alert::action::webhook::{Webhook, WebhookOptions};
use trawl_alert::action::{Channel, DeliveryError};
use trawl_alert::secret::Secret;
use trawl_alert::{Happening, Notification};

fn url(server: &Server, path: &str) -> Secret {
    Secret::inline(server.url(path))
}

fn webhook(options: WebhookOptions) -> Webhook {
    Webhook::new(options).expect("a webhook")
}

fn is_temporary(error: &DeliveryError) -> bool {
    matches!(error, DeliveryError::Temporary { .. })
}

#[test]
fn a_webhook_says_all_there_is() {
    let server = Server::with(vec![Reply::status(200)]);
    let receipt = webhook(WebhookOptions::new(url(&server, "/hook"))).deliver(&raised("web01"), &ATTEMPT).unwrap();
    assert_eq!(receipt.0["status"], 200);
    let request = &server.received()[0];
    assert_eq!((&*request.method, &*request.path), ("POST", "/hook"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("idempotency-key"), Some("0123-ops"));
    assert_eq!(request.header("x-trawl-signature"), None);
    let body = request.json();
    let expected = json!({
        "alert": "payment-db", "severity": "critical", "state": "raised", "count": 7, "condition": "count > 5",
        "group": {"host": "web01"}, "runbook": "https://wiki.example.com/payment-db",
        "window": {"earliest": "2026-11-20T13:59:00.000000Z", "latest": "2026-11-20T14:00:00.000000Z"},
        "transition_id": raised("web01").id, "episode_id": raised("web01").episode,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&body[name], value, "{name}");
    }
    assert_eq!(body["events"][0]["raw"], "2026-11-20 13:59:59 ERROR PaymentService failed to connect to DB");
    // What is promised is in the page of documentation: a name that goes away breaks programs of others.
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    insta::assert_snapshot!(format!("{names:?}"));
}

#[test]
fn a_webhook_is_signed_and_shaped_as_configured() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "geheim\n").unwrap();
    let server = Server::with(vec![Reply::status(204)]);
    let options = WebhookOptions {
        method: "PUT".into(),
        headers: vec![("X-Team".into(), Secret::inline("ops")), ("idempotency-key".into(), Secret::inline("mine"))],
        body: Some(r#"{"text": {{ "alert " ~ alert ~ " on " ~ group.host }}, "n": {{ count }}}"#.into()),
        hmac_key: Some(Secret::File(key)),
        hmac_header: "X-Hub-Signature-256".into(),
        http: HttpOptions {
            auth: Auth::Basic { user: "u".into(), password: Secret::inline("p:w") },
            ..HttpOptions::default()
        },
        ..WebhookOptions::new(url(&server, "/a?b=c"))
    };
    webhook(options).deliver(&raised("web01"), &ATTEMPT).unwrap();
    let request = &server.received()[0];
    assert_eq!((&*request.method, &*request.path), ("PUT", "/a?b=c"));
    assert_eq!(request.text(), r#"{"text": "alert payment-db on web01", "n": 7}"#);
    assert_eq!(request.header("X-Team"), Some("ops"));
    assert_eq!(request.header("Authorization"), Some("Basic dTpwOnc="));
    let keys: Vec<&str> = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"))
        .map(|(_, value)| &**value)
        .collect();
    assert_eq!(keys, ["mine"]);
    let mut mac = Hmac::<Sha256>::new_from_slice(b"geheim").unwrap();
    mac.update(&request.body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(request.header("X-Hub-Signature-256"), Some(&*expected));
}

#[test]
fn answers_say_whether_to_try_again() {
    for (status, temporary) in
        [(500, true), (503, true), (429, true), (408, true), (400, false), (401, false), (404, false), (302, false)]
    {
        let server = Server::with(vec![Reply::Say(status, vec![("Retry-After", "17".into())], "because".into())]);
        let error = webhook(WebhookOptions::new(url(&server, "/"))).deliver(&raised("a"), &ATTEMPT).unwrap_err();
        assert_eq!(is_temporary(&error), temporary, "{status}: {error}");
        assert!(error.to_string().contains("because"), "{error}");
        if let DeliveryError::Temporary { retry_after, .. } = error {
            assert_eq!(retry_after, Some(Duration::from_secs(17)));
        }
    }
}

#[test]
fn redirects_are_not_followed() {
    let other = Server::with(vec![Reply::status(200)]);
    let server = Server::with(vec![Reply::Say(307, vec![("Location", other.url("/"))], String::new())]);
    let error = webhook(WebhookOptions::new(url(&server, "/"))).deliver(&raised("a"), &ATTEMPT).unwrap_err();
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
    assert!(other.received().is_empty());
}

#[test]
fn nobody_waits_for_ever() {
    let begun = Instant::now();
    let send = |reply: Reply| {
        let server = Server::with(vec![reply]);
        let http = HttpOptions { timeout: Duration::from_millis(500), ..HttpOptions::default() };
        let options = WebhookOptions { http, ..WebhookOptions::new(url(&server, "/geheim")) };
        webhook(options).deliver(&raised("a"), &ATTEMPT)
    };
    for reply in [Reply::Hang, Reply::Close, Reply::Drip(500)] {
        let error = send(reply.clone()).unwrap_err();
        assert!(is_temporary(&error), "{reply:?}: {error}");
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
    // It said that it has it; the rest of the answer is of no interest.
    assert_eq!(send(Reply::Drip(200)).unwrap().0["status"], 200);
    assert_eq!(send(Reply::Say(200, Vec::new(), "x".repeat(1 << 20))).unwrap().0["status"], 200);
    assert!(begun.elapsed() < LONG);
    // A port that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = WebhookOptions::new(Secret::inline(format!("http://{closed}/geheim")));
    let error = webhook(options).deliver(&raised("a"), &ATTEMPT).unwrap_err();
    assert!(is_temporary(&error) && !error.to_string().contains("geheim"), "{error}");
}

#[test]
fn errors_hold_no_secrets() {
    let reply = Reply::Say(403, Vec::new(), "no: Bearer t0ken at /hook/s3cret with k3y".into());
    let server = Server::with(vec![reply]);
    let options = WebhookOptions {
        headers: vec![("X-Key".into(), Secret::inline("k3y"))],
        http: HttpOptions { auth: Auth::Bearer(Secret::inline("t0ken")), ..HttpOptions::default() },
        ..WebhookOptions::new(url(&server, "/hook/s3cret"))
    };
    let channel = webhook(options);
    let shown = format!("{channel:?}");
    let error = channel.deliver(&raised("a"), &ATTEMPT).unwrap_err();
    let shown = format!("{shown} {error} {error:?}");
    for secret in ["t0ken", "k3y"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(!format!("{channel:?}").contains("s3cret"));
    // A header that cannot be one is not shown either; nor an address.
    let bad = WebhookOptions {
        headers: vec![("X-Key".into(), Secret::inline("line\nfeed"))],
        ..WebhookOptions::new(url(&server, "/hook/s3cret"))
    };
    let error = webhook(bad).deliver(&raised("a"), &ATTEMPT).unwrap_err().to_string();
    assert!(!error.contains("feed") && !error.contains("s3cret"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("url");
    std::fs::write(&file, "not a url with s3cret").unwrap();
    let bad = WebhookOptions::new(Secret::File(file));
    let error = webhook(bad).deliver(&raised("a"), &ATTEMPT).unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn deliveries_over_http_end_to_end() {
    let server = Server::with(vec![
        Reply::status(500),
        Reply::Say(429, vec![("Retry-After", "100".into())], String::new()),
        Reply::status(200),
    ]);
    let post = Post::new();
    post.enter(0.0, &[raised("a")], &["hook"]);
    let hook = || action("hook", webhook(WebhookOptions::new(url(&server, "/"))));
    let mut deliverer = post.deliverer(vec![hook()], 0.0);
    for seconds in [0.0, 5.0, 104.0, 105.0] {
        settle(&mut deliverer, seconds);
    }
    let received = server.received();
    assert_eq!(received.len(), 3);
    let keys: Vec<_> = received.iter().map(|request| request.header("idempotency-key")).collect();
    assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(received.iter().all(|request| request.body == received[0].body));
    assert_eq!(post.story(), ["hook raised retry", "hook raised retry", "hook raised delivered"]);
    assert_eq!(post.audit()[2]["receipt"]["status"], 200);
    assert_eq!(post.audit()[2]["type"], "webhook");
}

/// The limits that Slack states for blocks, and its two escapes.
fn check_slack(request: &Received) {
    let message = request.json();
    assert!(message["text"].as_str().unwrap().chars().count() <= 40_000);
    let blocks = message["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    for block in blocks {
        let texts: Vec<&Value> = match block["type"].as_str().unwrap() {
            "context" => block["elements"].as_array().unwrap().iter().collect(),
            _ => vec![&block["text"]],
        };
        for text in texts {
            let (kind, text) = (text["type"].as_str().unwrap(), text["text"].as_str().unwrap());
            let max = if kind == "plain_text" { 150 } else { 3000 };
            assert!((1..=max).contains(&text.chars().count()), "{} characters", text.chars().count());
            if kind == "mrkdwn" {
                let links = text.matches('<').count();
                assert_eq!(links, text.matches("<https://wiki.example.com/payment-db|runbook>").count(), "{text}");
                assert!(text.matches("```").count() <= 2, "{text}");
            }
        }
    }
}

pub fn slack_to(server: &Server, body: Option<&str>) -> Slack {
    let body = body.map(str::to_owned);
    Slack::new(&SlackOptions { url: url(server, "/services/T0/B0/x"), body, http: HttpOptions::default() }).unwrap()
}

#[test]
fn slack_gets_text_and_blocks() {
    let server = Server::with(vec![Reply::Say(200, Vec::new(), "ok".into())]);
    let slack = |body: Option<&str>| slack_to(&server, body);
    slack(None).deliver(&raised("web01"), &ATTEMPT).unwrap();
    slack(None).deliver(&hostile(), &ATTEMPT).unwrap();
    slack(Some("*{{ alert }}* {{ group.host }}")).deliver(&hostile(), &ATTEMPT).unwrap();
    let received = server.received();
    insta::assert_snapshot!(serde_json::to_string_pretty(&received[0].json()).unwrap());
    check_slack(&received[0]);
    check_slack(&received[1]);
    let text = received[2].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("&lt;!channel&gt;") && !text.contains("<!"), "{text}");
    assert!(text.contains("{{ 7 * 7 }}") && !text.contains("49"), "{text}");
}

/// What the Events API v2 refuses.
pub fn pagerduty_service(request: &Received) -> Reply {
    let event = request.json();
    let mut errors = Vec::new();
    if event["routing_key"].as_str().is_none_or(|key| key.len() != 32) {
        errors.push(format!("routing_key {} is invalid", event["routing_key"]));
    }
    if event["dedup_key"].as_str().is_none_or(|key| key.is_empty() || key.len() > 255) {
        errors.push("dedup_key".to_owned());
    }
    match event["event_action"].as_str() {
        Some("trigger") => {
            let payload = &event["payload"];
            if payload["summary"].as_str().is_none_or(|text| text.is_empty() || text.chars().count() > 1024) {
                errors.push("summary".to_owned());
            }
            if payload["source"].as_str().is_none_or(str::is_empty) {
                errors.push("source".to_owned());
            }
            if !["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap_or_default()) {
                errors.push("severity".to_owned());
            }
        }
        Some("acknowledge" | "resolve") => {}
        _ => errors.push("event_action".to_owned()),
    }
    if request.body.len() > 512 << 10 {
        errors.push("size".to_owned());
    }
    match errors.is_empty() {
        true => Reply::json(
            202,
            json!({"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}),
        ),
        false => Reply::json(400, json!({"status": "invalid event", "errors": errors})),
    }
}

#[test]
fn pagerduty_opens_and_closes_one_incident() {
    let server = Server::new(|request, _| pagerduty_service(request));
    let pager = |key: &str| {
        let options = PagerDutyOptions {
            routing_key: Secret::inline(key),
            url: url(&server, "/v2/enqueue"),
            http: HttpOptions::default(),
        };
        PagerDuty::new(options).unwrap()
    };
    let key = "0123456789abcdef0123456789abcdef";
    let wide = vec![(0..1000).map(|at| (format!("field{at}"), "\u{1b}".repeat(10_000))).collect(); 20];
    let huge = Notification { rows: wide, ..raised("web02") };
    let known = Notification { happening: Happening::Acknowledged, ..raised("web01") };
    for n in [raised("web01"), resolved("web01"), hostile(), huge, known] {
        pager(key).deliver(&n, &ATTEMPT).unwrap();
    }
    let events: Vec<Value> = server.received().iter().map(Received::json).collect();
    assert_eq!(events[0]["event_action"], "trigger");
    assert_eq!(events[1]["event_action"], "resolve");
    assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
    assert_ne!(events[0]["dedup_key"], events[2]["dedup_key"]);
    assert_eq!(events[0]["payload"]["summary"], "CRITICAL payment-db host=web01: 7 rows (count > 5)");
    assert_eq!(events[3]["payload"]["custom_details"], json!({"count": 7, "cut": true}));
    assert_eq!((&events[4]["event_action"], &events[4]["dedup_key"]), (&json!("acknowledge"), &events[0]["dedup_key"]));
    assert_eq!(events[0]["links"][0]["href"], "https://wiki.example.com/payment-db");
    // The service repeats a key that it does not know.
    let error = pager("wrong-key").deliver(&raised("web01"), &ATTEMPT).unwrap_err();
    assert!(!is_temporary(&error) && error.to_string().contains("[secret]"), "{error}");
    assert!(!error.to_string().contains("wrong-key"), "{error}");
}

/// A table of incidents as the Table API serves it.
#[derive(Default)]
pub struct Instance {
    pub incidents: Mutex<BTreeMap<String, Value>>,
    /// Somebody else makes an incident of the same correlation just before ours.
    has_rival: bool,
}

impl Instance {
    fn answer(&self, request: &Received) -> Reply {
        assert_eq!(request.header("Authorization"), Some("Basic dHJhd2w6cHc="));
        let mut incidents = self.incidents.lock().unwrap();
        let path = request.path.strip_prefix("/api/now/table/incident").expect("the table");
        let add = |incidents: &mut BTreeMap<String, Value>, mut fields: Value| {
            let at = incidents.len() + 1;
            fields["sys_id"] = json!(format!("{at:032x}"));
            fields["number"] = json!(format!("INC{at:07}"));
            fields["state"] = json!("1");
            assert!(fields["short_description"].as_str().unwrap().chars().count() <= 160);
            incidents.insert(format!("{at:032x}"), fields.clone());
            fields
        };
        match request.method.as_str() {
            "GET" => {
                let query = path.split("sysparm_query=").nth(1).unwrap().split('&').next().unwrap();
                let wanted = query.strip_prefix("correlation_id%3D").unwrap().split("%5E").next().unwrap();
                assert!(query.contains("%5Eactive%3Dtrue%5EORDERBYsys_created_on"), "{query}");
                let is_wanted = |incident: &&Value| incident["correlation_id"] == wanted && incident["state"] != "7";
                Reply::json(200, json!({"result": incidents.values().filter(is_wanted).collect::<Vec<_>>()}))
            }
            "POST" => {
                if self.has_rival {
                    add(&mut incidents, request.json());
                }
                let made = add(&mut incidents, request.json());
                Reply::json(201, json!({"result": made}))
            }
            "PATCH" => {
                let incident = incidents.get_mut(&path[1..]).expect("it is there");
                let changes = request.json();
                if changes["state"] == "6" && (changes["close_code"].is_null() || changes["close_notes"].is_null()) {
                    let error = json!({"error": {"message": "Operation Failed", "detail": "Data Policy Exception"}, "status": "failure"});
                    return Reply::json(403, error);
                }
                for (name, value) in changes.as_object().unwrap() {
                    incident[name] = value.clone();
                }
                Reply::json(200, json!({"result": incident}))
            }
            other => panic!("{other}"),
        }
    }
}

fn servicenow(server: &Server) -> ServiceNow {
    let auth = Auth::Basic { user: "trawl".into(), password: Secret::inline("pw") };
    let options = ServiceNowOptions {
        url: url(server, "/"),
        table: "incident".into(),
        fields: vec![("assignment_group".into(), "payments".into())],
        close_code: "Solution provided".into(),
        http: HttpOptions { auth, ..HttpOptions::default() },
    };
    ServiceNow::new(options).unwrap()
}

pub fn instance(has_rival: bool) -> (Server, &'static Instance) {
    let instance: &Instance = Box::leak(Box::new(Instance { has_rival, ..Instance::default() }));
    (Server::new(move |request, _| instance.answer(request)), instance)
}

#[test]
fn servicenow_has_one_incident_from_raised_to_resolved_and_again() {
    let (server, instance) = instance(false);
    let channel = servicenow(&server);
    let deliver = |n: &Notification| {
        let receipt = channel.deliver(n, &ATTEMPT).unwrap().0;
        let ticket = receipt.get("ticket").and_then(Value::as_str);
        format!("{} {}", ticket.unwrap_or("-"), receipt["did"].as_str().unwrap())
    };
    let state = |n: usize| instance.incidents.lock().unwrap()[&format!("{n:032x}")]["state"].clone();
    assert_eq!(deliver(&raised("a")), "INC0000001 created");
    assert_eq!(deliver(&raised("a")), "INC0000001 updated", "a repeat finds it");
    assert_eq!(deliver(&notification("a", Happening::Reminder, 30.0)), "INC0000001 updated");
    let known = Notification {
        acknowledged_by: Some("kim [code]<b>".to_owned()),
        reason: Some("on it".to_owned()),
        ..notification("a", Happening::Acknowledged, 40.0)
    };
    assert_eq!(deliver(&known), "INC0000001 noted");
    let notes = instance.incidents.lock().unwrap()[&format!("{:032x}", 1)]["work_notes"].clone();
    assert!(notes.as_str().unwrap().contains("acknowledged by kim [ code]<b>\non it"), "{notes}");
    assert_eq!(deliver(&Notification { group: raised("z").group, ..known }), "- nothing to note");
    assert_eq!(deliver(&raised("b")), "INC0000002 created");
    assert_eq!(deliver(&resolved("a")), "INC0000001 resolved");
    assert_eq!((state(1), state(2)), (json!("6"), json!("1")));
    assert_eq!(deliver(&resolved("a")), "INC0000001 nothing to resolve", "a repeat");
    assert_eq!(deliver(&raised("a")), "INC0000001 opened again");
    assert_eq!(state(1), json!("2"));
    assert_eq!(deliver(&resolved("c")), "- nothing to resolve");
    let made = instance.incidents.lock().unwrap()[&format!("{:032x}", 1)].clone();
    assert_eq!(made["assignment_group"], "payments");
    assert_eq!((&made["urgency"], &made["correlation_display"]), (&json!("1"), &json!("trawl")));
    assert!(made["close_notes"].as_str().unwrap().contains("cleared at 2026-11-20 14:01:00 UTC"), "{made}");
}

#[test]
fn two_at_once_make_one_incident() {
    let (server, instance) = instance(false);
    let (one, two) = (servicenow(&server), servicenow(&server));
    std::thread::scope(|scope| {
        for channel in [&one, &two, &one, &two] {
            scope.spawn(|| channel.deliver(&raised("race"), &ATTEMPT).unwrap());
        }
    });
    assert_eq!(instance.incidents.lock().unwrap().len(), 1);
}

#[test]
fn an_incident_that_somebody_else_made_meanwhile_wins() {
    let (server, instance) = instance(true);
    let receipt = servicenow(&server).deliver(&raised("rival"), &ATTEMPT).unwrap().0;
    assert_eq!((&receipt["ticket"], &receipt["duplicate"]), (&json!("INC0000001"), &json!("INC0000002")));
    let incidents = instance.incidents.lock().unwrap();
    let states: Vec<&Value> = incidents.values().map(|incident| &incident["state"]).collect();
    assert_eq!(states, ["1", "6"]);
}

#[test]
fn servicenow_takes_hostile_texts() {
    let (server, instance) = instance(false);
    servicenow(&server).deliver(&hostile(), &ATTEMPT).unwrap();
    let incidents = instance.incidents.lock().unwrap();
    let made = incidents.values().next().unwrap();
    let short = made["short_description"].as_str().unwrap();
    assert!(!short.contains(['\n', '\r', '\u{1b}', '\0']), "{short}");
    let description = made["description"].as_str().unwrap();
    assert!(!description.contains("[code]") && !description.contains(['\r', '\u{1b}', '\0']), "{description}");
    assert!(description.chars().count() <= 4000);
}

#[test]
fn a_sleeping_instance_is_asked_again() {
    let server = Server::with(vec![Reply::Say(200, Vec::new(), "<html>Your instance is hibernating</html>".into())]);
    let error = servicenow(&server).deliver(&raised("a"), &ATTEMPT).unwrap_err();
    assert!(is_temporary(&error), "{error}");
}

#[test]
fn a_hostile_notification_is_json_for_a_webhook() {
    let server = Server::with(vec![Reply::status(200)]);
    let json_body = r#"{"host": {{ group.host }}, "raw": {{ events[0].raw }}}"#;
    for (body, kind) in
        [(None, "application/json"), (Some(json_body), "application/json"), (Some("{{ events[0].raw }}"), "text/plain")]
    {
        let options = WebhookOptions {
            body: body.map(str::to_owned),
            content_type: kind.into(),
            ..WebhookOptions::new(url(&server, "/"))
        };
        webhook(options).deliver(&hostile(), &ATTEMPT).unwrap();
    }
    let received = server.received();
    assert_eq!(received[0].json()["group"]["host"], json!(hostile().group.0[0].1));
    assert!(received[0].body.len() < 200_000, "lines of a megabyte are cut");
    assert_eq!(received[1].json()["host"], json!(hostile().group.0[0].1));
    assert!(!received[2].text().contains(['\u{1b}', '\0', '\r', '\u{202e}']));
    assert!(received[2].text().contains("{{ 7 * 7 }}"));
    for request in &received {
        assert_eq!(request.header("Bcc"), None);
        assert!(request.headers.len() < 12, "{:?}", request.headers);
    }
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let bad = |options: WebhookOptions| Webhook::new(options).unwrap_err().to_string();
    let good = || WebhookOptions::new(Secret::inline("https://host/geheim"));
    assert_eq!(
        bad(WebhookOptions::new(Secret::inline("host/geheim"))),
        "`[secret]` is not an address such as `https://host/path`"
    );
    assert_eq!(
        bad(WebhookOptions { method: "GET".into(), ..good() }),
        "`GET` is not a method: write `POST`, `PUT` or `PATCH`"
    );
    assert_eq!(bad(WebhookOptions { hmac_header: "a b".into(), ..good() }), "`a b` cannot be a header");
    assert!(bad(WebhookOptions { body: Some("{{ nothing }}".into()), ..good() }).contains("line 1 of the template"));
    let http = HttpOptions { ca_file: Some(Path::new("/nowhere.pem").into()), ..HttpOptions::default() };
    assert_eq!(bad(WebhookOptions { http, ..good() }), "cannot read the certificates in /nowhere.pem");
}
