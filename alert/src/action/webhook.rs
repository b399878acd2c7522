//! Webhook: the notification as JSON, or as a template writes it, to an address of the web.
//!
//! Each request carries `Idempotency-Key`, which is the same for a repeat, and with a key, `X-Trawl-Signature:
//! sha256=HEX`: the HMAC-SHA256 of the body.

use super::http::{Http, HttpOptions, Request, check_url};
use super::{Attempt, BadAction, Channel, DeliveryError, Receipt, facts};
use crate::notification::{Happening, Notification};
use crate::secret::Secret;
use crate::template::{Escape, Template};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use ureq::http::{HeaderName, HeaderValue, Method};

/// The header that holds the signature, unless the configuration names another.
pub const SIGNATURE_HEADER: &str = "X-Trawl-Signature";

/// What a webhook is, as configured.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// Where to.
    pub url: Secret,
    /// `POST`, `PUT` or `PATCH`.
    pub method: String,
    /// More headers. One of these names wins over ours.
    pub headers: Vec<(String, Secret)>,
    /// A template of the body, instead of the JSON of [`facts`].
    pub body: Option<String>,
    /// What the body is. The template escapes for it: JSON, HTML, or text.
    pub content_type: String,
    /// The key that the body is signed with.
    pub hmac_key: Option<Secret>,
    /// The header that holds the signature.
    pub hmac_header: String,
    /// How requests are made.
    pub http: HttpOptions,
}

impl WebhookOptions {
    /// A webhook with the defaults.
    pub fn new(url: Secret) -> Self {
        Self {
            url,
            method: "POST".to_owned(),
            headers: Vec::new(),
            body: None,
            content_type: "application/json".to_owned(),
            hmac_key: None,
            hmac_header: SIGNATURE_HEADER.to_owned(),
            http: HttpOptions::default(),
        }
    }
}

/// The channel.
#[derive(Debug)]
pub struct Webhook {
    options: WebhookOptions,
    method: Method,
    body: Option<Template>,
    http: Http,
}

impl Webhook {
    /// Checks what is configured.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(options: WebhookOptions) -> Result<Self, BadAction> {
        check_url(&options.url)?;
        let method = match options.method.as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            other => return Err(BadAction::Method(other.to_owned())),
        };
        let bad_header = |text: &str| BadAction::Header(text.to_owned());
        for name in options.headers.iter().map(|(name, _)| name).chain([&options.hmac_header]) {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_header(name))?;
        }
        HeaderValue::from_str(&options.content_type).map_err(|_| bad_header(&options.content_type))?;
        let escape = match &*options.content_type.to_ascii_lowercase() {
            kind if kind.contains("json") => Escape::Json,
            kind if kind.contains("html") => Escape::Html,
            _ => Escape::Text,
        };
        let sample = facts(&super::sample());
        let body = options.body.as_ref().map(|body| Template::new(body, escape, &sample)).transpose()?;
        let http = Http::new(&options.http)?;
        Ok(Self { options, method, body, http })
    }
}

impl Channel for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn is_for(&self, _happening: Happening) -> bool {
        true
    }

    fn deliver(&self, notification: &Notification, attempt: &Attempt<'_>) -> Result<Receipt, DeliveryError> {
        let facts = facts(notification);
        let body = match &self.body {
            Some(template) => template.render(&facts)?,
            None => facts.to_string(),
        };
        let options = &self.options;
        let mut headers =
            vec![("Content-Type", options.content_type.clone()), ("Idempotency-Key", attempt.key.to_owned())];
        let mut secrets = Vec::new();
        if let Some(key) = &options.hmac_key {
            let key = key.read()?;
            let mut mac =
                Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes keys of any length");
            mac.update(body.as_bytes());
            headers.push((&options.hmac_header, format!("sha256={}", hex::encode(mac.finalize().into_bytes()))));
            secrets.push(key);
        }
        for (name, value) in &options.headers {
            let value = value.read()?;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name, value.expose().to_owned()));
            secrets.push(value);
        }
        let url = options.url.read()?;
        let request = Request { method: self.method.clone(), url: &url, headers, body: Some(body.as_bytes()), secrets };
        let response = self.http.send(request, attempt.now_us)?;
        Ok(Receipt::new([("status", json!(response.status))]))
    }
}
