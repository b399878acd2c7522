//! Channels against real servers, which `.ci/run` installs: aiosmtpd from PyPI, Alertmanager from Debian.

use crate::lab::SECOND;
use crate::post::*;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use trawl_alert::action::alertmanager::{Alertmanager, AlertmanagerOptions};
use trawl_alert::action::email::{Email, EmailOptions, Security};
use trawl_alert::action::http::HttpOptions;
use trawl_alert::action::{Attempt, Channel, DeliveryError};
use trawl_alert::secret::Secret;
use trawl_alert::{Happening, Notification, Severity};

/// The value of a variable that names a component; without it the test says that it does nothing.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub fn component(variable: &str, what: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: {variable} does not name {what}");
    }
    path
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct SmtpServer {
    _process: Running,
    /// What it prints: read as it comes, or the server would wait for us.
    lines: Receiver<String>,
    port: u16,
}

/// A mail as the server took it.
struct Mail {
    facts: Value,
    content: String,
}

impl SmtpServer {
    fn start(mode: &str, files: Option<&Files>) -> Option<Self> {
        let python = component("TRAWL_SERVICES", "a python with aiosmtpd")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/smtp_server.py");
        let mut command = Command::new(python);
        command.arg(script).arg(mode);
        if let Some(files) = files {
            command.args([&files.certificate, &files.key]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the mail server");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let port = lines.recv_timeout(LONG).expect("its port").trim().parse().expect("a number");
        Some(Self { _process: Running(child), lines, port })
    }

    fn next(&self) -> Mail {
        let line = self.lines.recv_timeout(LONG).expect("a mail");
        let facts: Value = serde_json::from_str(&line).expect("JSON");
        let content = BASE64_STANDARD.decode(facts["content"].as_str().expect("content")).expect("base64");
        Mail { facts, content: String::from_utf8(content).expect("mails are ASCII") }
    }

    fn options(&self, security: Security, files: Option<&Files>) -> EmailOptions {
        EmailOptions {
            host: "127.0.0.1".into(),
            port: Some(self.port),
            security,
            ca_file: files.map(|files| files.certificate.clone()),
            auth: Some(("trawl".into(), Secret::inline("geheim"))),
            from: "trawl <trawl@example.com>".into(),
            to: vec!["Ops <ops@example.com>".into(), "boss@example.com".into()],
            cc: vec!["copy@example.com".into()],
            subject: None,
            body: None,
            html_body: None,
            timeout: Duration::from_secs(20),
        }
    }
}

impl Mail {
    fn headers(&self) -> Vec<(String, String)> {
        let head = self.content.split("\r\n\r\n").next().expect("a head").replace("\r\n ", " ");
        let pairs = head.split("\r\n").map(|line| line.split_once(": ").expect("a header"));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Its two parts, decoded by Python's own parser: a second opinion on what we wrote.
    fn parts(&self) -> Value {
        let python = std::env::var_os("TRAWL_SERVICES").expect("a python");
        let script = "import sys, json, email, email.policy\n\
                      m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)\n\
                      parts = {p.get_content_type(): p.get_content() for p in m.walk() if not p.is_multipart()}\n\
                      print(json.dumps({'subject': m['subject'], 'defects': [str(d) for d in m.defects], **parts}))";
        let mut child = Command::new(python)
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let mut stdin = child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut stdin, self.content.as_bytes()).expect("write");
        drop(stdin);
        let output = child.wait_with_output().expect("python");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

/// A certificate for 127.0.0.1 that nobody else trusts.
struct Files {
    _dir: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
        fs::write(&certificate, made.cert.pem()).expect("write");
        fs::write(&key, made.signing_key.serialize_pem()).expect("write");
        Self { _dir: dir, certificate, key }
    }
}

#[test]
fn a_mail_server_takes_mail_in_each_way_of_safety() {
    let files = Files::new();
    for (mode, security) in [("none", Security::None), ("starttls", Security::StartTls), ("tls", Security::Tls)] {
        let Some(server) = SmtpServer::start(mode, Some(&files)) else { return };
        let email = Email::new(server.options(security, Some(&files))).unwrap();
        let receipt = email.deliver(&raised("web01"), &ATTEMPT).unwrap().0;
        assert_eq!((&receipt["status"], &receipt["said"]), (&"250".into(), &"2.0.0 queued as 4711".into()));
        let mail = server.next();
        assert_eq!(mail.facts["tls"], mode != "none");
        assert_eq!(mail.facts["authenticated"], true);
        assert_eq!(mail.facts["hello"], "log01");
        assert_eq!(mail.facts["to"], serde_json::json!(["ops@example.com", "boss@example.com", "copy@example.com"]));
    }
}

#[test]
fn a_server_that_is_not_trusted_gets_nothing() {
    let (files, others) = (Files::new(), Files::new());
    let Some(server) = SmtpServer::start("starttls", Some(&files)) else { return };
    for ca in [None, Some(&others)] {
        let error =
            Email::new(server.options(Security::StartTls, ca)).unwrap().deliver(&raised("a"), &ATTEMPT).unwrap_err();
        assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    }
    // A server that has no safety to offer.
    let Some(server) = SmtpServer::start("none", None) else { return };
    let email = Email::new(server.options(Security::StartTls, Some(&files))).unwrap();
    assert!(email.deliver(&raised("a"), &ATTEMPT).is_err());
}

#[test]
fn the_mails_of_an_episode_are_a_thread_and_a_repeat_is_the_same() {
    let Some(server) = SmtpServer::start("none", None) else { return };
    let email = Email::new(server.options(Security::None, None)).unwrap();
    let [first, again, end] = [raised("a"), raised("a"), resolved("a")].map(|n| {
        email.deliver(&n, &ATTEMPT).unwrap();
        server.next()
    });
    let id = first.header("Message-ID").unwrap();
    assert_eq!(id, format!("<{}.ops@example.com>", raised("a").id));
    assert_eq!(again.header("Message-ID").as_ref(), Some(&id));
    assert_eq!((first.header("In-Reply-To"), first.header("References")), (None, None));
    assert_ne!(end.header("Message-ID").as_ref(), Some(&id));
    let episode = format!("<{}.ops@example.com>", resolved("a").episode);
    assert_eq!((end.header("In-Reply-To"), end.header("References")), (Some(episode.clone()), Some(episode)));
    assert_eq!(first.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(first.parts()["subject"], "[trawl] CRITICAL payment-db host=a: 7 rows (count > 5)");
}

#[test]
fn a_hostile_notification_is_one_harmless_mail() {
    let Some(server) = SmtpServer::start("none", None) else { return };
    let email = Email::new(server.options(Security::None, None)).unwrap();
    email.deliver(&hostile(), &ATTEMPT).unwrap();
    let mail = server.next();
    let names: Vec<String> = mail.headers().into_iter().map(|(name, _)| name).collect();
    let mut expected =
        ["From", "Date", "Message-ID", "Subject", "To", "Cc", "Auto-Submitted", "MIME-Version", "Content-Type"]
            .map(str::to_owned);
    let mut found = names.clone();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "no header comes from a log");
    assert_eq!(mail.facts["to"], serde_json::json!(["ops@example.com", "boss@example.com", "copy@example.com"]));
    assert!(mail.content.len() < 2 << 20, "lines of a megabyte are cut: {}", mail.content.len());
    assert!(mail.content.split("\r\n").all(|line| line.len() <= 998), "lines that SMTP takes");
    let parts = mail.parts();
    assert_eq!(parts["defects"], serde_json::json!([]));
    let (text, html) = (parts["text/plain"].as_str().unwrap(), parts["text/html"].as_str().unwrap());
    for part in [text, html] {
        assert!(!part.contains(['\u{1b}', '\0', '\u{202e}']), "what a terminal acts on");
        assert!(part.contains("{{ 7 * 7 }}") && part.contains("$(rm -rf /)"));
    }
    for tag in ["<script", "</script", "<img", "<!channel", "onerror=alert(1)>"] {
        assert!(!html.contains(tag), "{tag}");
    }
    assert!(html.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
}

#[test]
fn a_mail_server_says_whether_to_come_back_and_no_secret_is_shown() {
    let Some(server) = SmtpServer::start("none", None) else { return };
    let send = |change: &dyn Fn(&mut EmailOptions)| {
        let mut options = server.options(Security::None, None);
        change(&mut options);
        Email::new(options).unwrap().deliver(&raised("a"), &ATTEMPT).unwrap_err()
    };
    let later = send(&|options| options.to = vec!["later@example.com".into()]);
    assert!(matches!(&later, DeliveryError::Temporary { what, .. } if what.contains("greylisted")), "{later}");
    let never = send(&|options| options.to = vec!["never@example.com".into()]);
    assert!(matches!(&never, DeliveryError::Permanent { what, .. } if what.contains("no such user")), "{never}");
    let wrong = send(&|options| options.auth = Some(("trawl".into(), Secret::inline("falsch"))));
    assert!(!format!("{wrong:?}").contains("falsch"), "{wrong:?}");
    let nobody = send(&|options| options.port = Some(free_port()));
    assert!(matches!(nobody, DeliveryError::Temporary { .. }), "{nobody}");
}

#[test]
fn templates_shape_a_mail() {
    let Some(server) = SmtpServer::start("none", None) else { return };
    let options = EmailOptions {
        subject: Some("{{ alert }} on {{ group.host }}".into()),
        body: Some("{% for e in events %}{{ e.raw }}\n{% endfor %}".into()),
        ..server.options(Security::None, None)
    };
    let mut n = hostile();
    n.group.0[0].1 = "a\r\nBcc: all@example.com".into();
    Email::new(options).unwrap().deliver(&n, &ATTEMPT).unwrap();
    let mail = server.next();
    assert_eq!(mail.header("Bcc"), None);
    let parts = mail.parts();
    assert_eq!(parts["subject"], "payment-db on a\\r Bcc: all@example.com");
    assert!(parts["text/html"].is_null());
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn now_us() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros()).expect("a moment")
}

struct AlertmanagerServer {
    _process: Running,
    _dir: tempfile::TempDir,
    url: String,
    amtool: PathBuf,
}

impl AlertmanagerServer {
    fn start() -> Option<Self> {
        let program = component("TRAWL_ALERTMANAGER", "the program prometheus-alertmanager")?;
        let dir = tempfile::tempdir().expect("temporary directory");
        let config = dir.path().join("am.yml");
        fs::write(&config, "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n").expect("write");
        let address = format!("127.0.0.1:{}", free_port());
        let child = Command::new(&program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", dir.path().display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("alertmanager");
        let process = Running(child);
        let begun = Instant::now();
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(begun.elapsed() < LONG, "alertmanager does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        let amtool = program.with_file_name("amtool");
        Some(Self { _process: process, _dir: dir, url: format!("http://{address}"), amtool })
    }

    /// The alerts that fire, as its own tool shows them.
    fn firing(&self) -> Vec<Value> {
        let output = Command::new(&self.amtool)
            .args(["alert", "query", "--output=json", &format!("--alertmanager.url={}", self.url)])
            .output()
            .expect("amtool");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn channel(&self, resend: Duration) -> Alertmanager {
        Alertmanager::new(AlertmanagerOptions {
            url: Secret::inline(self.url.clone()),
            labels: vec![("team".into(), "payments".into())],
            resend,
            http: HttpOptions::default(),
        })
        .unwrap()
    }
}

/// A notification of now: Alertmanager has a clock of its own.
fn current(n: Notification) -> Notification {
    let at_us = now_us();
    Notification { at_us, since_us: at_us - 60 * SECOND, window_us: (at_us - 60 * SECOND, at_us), ..n }
}

#[test]
fn alertmanager_fires_and_resolves() {
    let Some(server) = AlertmanagerServer::start() else { return };
    let channel = server.channel(Duration::from_secs(60));
    let deliver = |n: Notification| channel.deliver(&current(n), &Attempt { now_us: now_us(), ..ATTEMPT }).unwrap();
    let severities = || {
        let mut labels: Vec<String> =
            server.firing().iter().map(|alert| alert["labels"]["severity"].as_str().unwrap().to_owned()).collect();
        labels.sort_unstable();
        labels
    };
    deliver(raised("web01"));
    let firing = server.firing();
    assert_eq!(firing.len(), 1);
    let expected =
        serde_json::json!({"alertname": "payment-db", "host": "web01", "severity": "critical", "team": "payments"});
    assert_eq!(firing[0]["labels"], expected);
    assert_eq!(firing[0]["annotations"]["runbook_url"], "https://wiki.example.com/payment-db");
    // A repeat is the same alert.
    deliver(raised("web01"));
    assert_eq!(severities(), ["critical"]);
    let better = Notification {
        happening: Happening::SeverityChanged,
        severity: Severity::Warning,
        severity_before: Severity::Critical,
        ..raised("web01")
    };
    deliver(better);
    assert_eq!(severities(), ["warning"]);
    deliver(Notification { severity_before: Severity::Warning, ..resolved("web01") });
    assert!(severities().is_empty(), "{:?}", server.firing());
    deliver(hostile());
    assert_eq!(severities(), ["critical"]);
}

#[test]
fn an_alert_that_is_said_again_does_not_expire_and_one_that_is_not_does() {
    let Some(server) = AlertmanagerServer::start() else { return };
    // It ends by itself after four times this.
    let channel = server.channel(Duration::from_millis(500));
    let raise = || channel.deliver(&current(raised("web01")), &Attempt { now_us: now_us(), ..ATTEMPT }).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        raise();
        assert_eq!(server.firing().len(), 1);
    }
    let begun = Instant::now();
    while !server.firing().is_empty() {
        assert!(begun.elapsed() < LONG, "it does not end by itself");
        std::thread::sleep(Duration::from_millis(100));
    }
}
