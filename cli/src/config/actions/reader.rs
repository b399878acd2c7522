//! Turns an action as written into the options of its channel and its policy.

use super::show::written;
use super::{ActionSetting, At, COMMON, ChannelOptions, HAPPENINGS, SecretRef, TYPES, VERIFY_AFTER, WEB};
use crate::config::File;
use crate::config::definitions::toml_key;
use crate::config::raw::Action as Raw;
use crate::config::units::Timeout;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use trawl_alert::Happening;
use trawl_alert::action::alertmanager::{self, AlertmanagerOptions};
use trawl_alert::action::command::{self, CommandOptions};
use trawl_alert::action::email::{self, EmailOptions, Security};
use trawl_alert::action::http::{self, Auth, HttpOptions};
use trawl_alert::action::pagerduty::{self, PagerDutyOptions};
use trawl_alert::action::servicenow::{self, ServiceNowOptions};
use trawl_alert::action::slack::SlackOptions;
use trawl_alert::action::webhook::{SIGNATURE_HEADER, WebhookOptions};
use trawl_alert::condition::Condition;
use trawl_alert::deliver::{Policy, PostCondition};
use trawl_alert::secret::Secret;
use trawl_query::error::nearest;

/// Turns one action into options.
pub(super) struct Reader<'a> {
    pub(super) at: At<'a>,
    pub(super) file: &'a File<'a>,
    pub(super) raw: Raw,
    pub(super) secrets: Vec<Secret>,
}

impl Reader<'_> {
    /// # Errors
    /// What makes no sense, with its place and key.
    pub(super) fn read(mut self, names: &[String]) -> anyhow::Result<ActionSetting> {
        let kind = self.check_keys()?;
        let mut policy = self.policy(names)?;
        let channel = match kind {
            "webhook" => ChannelOptions::Webhook(self.webhook()?),
            "slack" => {
                let url = self.url(None)?;
                let (http, body) = (self.http()?, plain(self.raw.body.take()));
                ChannelOptions::Slack(SlackOptions { url, body, http })
            }
            "pagerduty" => {
                let routing_key = self.raw.routing_key.take();
                let routing_key = self.secret(routing_key, "routing_key")?;
                let routing_key = self.need(routing_key, "routing_key")?;
                let (url, http) = (self.url(Some(pagerduty::DEFAULT_URL))?, self.http()?);
                ChannelOptions::PagerDuty(PagerDutyOptions { routing_key, url, http })
            }
            "alertmanager" => {
                let (url, http) = (self.url(None)?, self.http()?);
                let labels = plain(self.raw.labels.take()).unwrap_or_default().into_iter().collect();
                let resend = self.raw.resend.take();
                let resend = self.duration(resend, "resend", alertmanager::RESEND)?;
                ChannelOptions::Alertmanager(AlertmanagerOptions { url, labels, resend, http })
            }
            "servicenow" => {
                let (url, http) = (self.url(None)?, self.http()?);
                let table = plain(self.raw.table.take()).unwrap_or_else(|| servicenow::DEFAULT_TABLE.to_owned());
                if !table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    return Err(self.at.wrong(format!("`{table}` is not a table"), "write for example \"incident\""));
                }
                let fields = plain(self.raw.fields.take()).unwrap_or_default().into_iter().collect();
                let close_code = plain(self.raw.close_code.take()).unwrap_or_else(|| "Solution provided".to_owned());
                ChannelOptions::ServiceNow(ServiceNowOptions { url, table, fields, close_code, http })
            }
            "email" => ChannelOptions::Email(Box::new(self.email()?)),
            "command" => {
                let timeout = self.raw.timeout.take();
                let timeout = self.duration(timeout, "timeout", command::DEFAULT_TIMEOUT)?;
                let argv = plain(self.raw.command.take());
                let argv = self.need(argv, "command")?;
                let dry_run = plain(self.raw.dry_run.take()).unwrap_or_default();
                if dry_run {
                    // What was not done cannot have helped.
                    policy.verify = None;
                }
                ChannelOptions::Command(CommandOptions { argv, timeout, dry_run })
            }
            _ => ChannelOptions::Log,
        };
        Ok(ActionSetting { policy, channel, origin: self.at.origin.clone(), secrets: self.secrets })
    }

    /// Which type it is; all keys must be for it.
    fn check_keys(&self) -> anyhow::Result<&'static str> {
        let names = TYPES.iter().map(|(name, ..)| *name).collect::<Vec<_>>();
        let Some(kind) = self.raw.kind.as_ref().map(|kind| kind.get_ref().as_str()) else {
            return Err(self.at.wrong("it has no `type`", format!("write one of {}", names.join(", "))));
        };
        let Some((name, is_web, own)) = TYPES.iter().find(|(name, ..)| *name == kind) else {
            let hint = match nearest(kind, names.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("write one of {}", names.join(", ")),
            };
            return Err(self.at.wrong(format!("there is no type `{kind}`"), hint));
        };
        let web = if *is_web { WEB } else { &[] };
        let known: Vec<&str> = COMMON.iter().chain(web).chain(*own).copied().collect();
        match written(&self.raw).into_iter().find(|(key, ..)| !known.contains(key)) {
            Some((key, ..)) => Err(self
                .at
                .wrong(format!("`{key}` is not a key of type `{name}`"), format!("its keys are {}", known.join(", ")))),
            None => Ok(name),
        }
    }

    fn policy(&mut self, names: &[String]) -> anyhow::Result<Policy> {
        let default = Policy::default();
        let us = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let of = |us: i64| Duration::from_micros(us.unsigned_abs());
        let raw = &mut self.raw;
        let (retry, retry_max, give_up) = (raw.retry.take(), raw.retry_max.take(), raw.give_up.take());
        let (verify, want, after) = (raw.verify.take(), raw.want.take(), raw.verify_after.take());
        let (on, escalate, max_per_minute) = (raw.on.take(), raw.escalate.take(), raw.max_per_minute.take());
        let happening = |word: &String| {
            let words = HAPPENINGS.map(Happening::as_str);
            HAPPENINGS.into_iter().find(|happening| happening.as_str() == word).ok_or_else(|| {
                self.at.wrong(format!("`on` has `{word}`"), format!("write some of {}", words.join(", ")))
            })
        };
        let on = plain(on).map(|words| words.iter().map(happening).collect::<anyhow::Result<Vec<_>>>()).transpose()?;
        let escalate = plain(escalate).unwrap_or_default();
        if let Some(name) = escalate.iter().find(|name| !names.contains(name)) {
            let hint = match nearest(name, names.iter().map(String::as_str).filter(|known| *known != self.at.name)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("write a section [action.{}]", toml_key(name)),
            };
            return Err(self.at.wrong(format!("`escalate` names `{name}`, which is no action"), hint));
        }
        if escalate.iter().any(|name| name == self.at.name) {
            return Err(self.at.wrong("`escalate` names the action itself", "name another one"));
        }
        let max_per_minute = plain(max_per_minute).map_or(default.max_per_minute, |max| max as usize);
        if max_per_minute == 0 {
            return Err(self.at.wrong("`max_per_minute` is 0", "leave it out, or take the action out of the alerts"));
        }
        let after = self.duration(after, "verify_after", VERIFY_AFTER)?;
        let verify = match (plain(verify), plain(want)) {
            (Some(search), want) => {
                let want = want.unwrap_or_else(|| "count > 0".to_owned());
                let condition = Condition::parse(&want).map_err(|error| {
                    self.at
                        .wrong(format!("`want` cannot be read: {error}"), "write for example `want = \"count >= 1\"`")
                })?;
                Some(PostCondition { search, want: condition, after_us: us(after) })
            }
            (None, Some(_)) => {
                return Err(self.at.wrong("`want` stands without `verify`", "write the search as `verify`"));
            }
            (None, None) => None,
        };
        Ok(Policy {
            retry_us: us(self.duration(retry, "retry", of(default.retry_us))?),
            retry_max_us: us(self.duration(retry_max, "retry_max", of(default.retry_max_us))?),
            give_up_us: us(self.duration(give_up, "give_up", of(default.give_up_us))?),
            max_per_minute,
            on,
            escalate,
            verify,
        })
    }

    fn webhook(&mut self) -> anyhow::Result<WebhookOptions> {
        let (url, http) = (self.url(None)?, self.http()?);
        let default = WebhookOptions::new(url);
        let headers = plain(self.raw.headers.take()).unwrap_or_default();
        let headers = headers.into_iter().map(|(name, value)| (name, self.located(value))).collect();
        let hmac_key = self.raw.hmac_key.take();
        Ok(WebhookOptions {
            method: plain(self.raw.method.take()).unwrap_or(default.method),
            headers,
            body: plain(self.raw.body.take()),
            content_type: plain(self.raw.content_type.take()).unwrap_or(default.content_type),
            hmac_key: self.secret(hmac_key, "hmac_key")?,
            hmac_header: plain(self.raw.hmac_header.take()).unwrap_or_else(|| SIGNATURE_HEADER.to_owned()),
            http,
            url: default.url,
        })
    }

    fn email(&mut self) -> anyhow::Result<EmailOptions> {
        let security = match plain(self.raw.tls.take()).as_deref() {
            None | Some("starttls") => Security::StartTls,
            Some("tls") => Security::Tls,
            Some("none") => Security::None,
            Some(other) => {
                return Err(self.at.wrong(format!("`tls` is `{other}`"), "write `starttls`, `tls` or `none`"));
            }
        };
        let auth = match self.auth()? {
            Auth::Basic { user, password } => Some((user, password)),
            Auth::None | Auth::Bearer(_) => None,
        };
        let timeout = self.raw.timeout.take();
        let (host, from, to) = (plain(self.raw.host.take()), plain(self.raw.from.take()), plain(self.raw.to.take()));
        Ok(EmailOptions {
            host: self.need(host, "host")?,
            port: plain(self.raw.port.take()),
            security,
            ca_file: self.ca_file(),
            auth,
            from: self.need(from, "from")?,
            to: self.need(to, "to")?,
            cc: plain(self.raw.cc.take()).unwrap_or_default(),
            subject: plain(self.raw.subject.take()),
            body: plain(self.raw.body.take()),
            html_body: plain(self.raw.html_body.take()),
            timeout: self.duration(timeout, "timeout", email::DEFAULT_TIMEOUT)?,
        })
    }

    fn http(&mut self) -> anyhow::Result<HttpOptions> {
        let timeout = self.raw.timeout.take();
        let timeout = self.duration(timeout, "timeout", http::DEFAULT_TIMEOUT)?;
        Ok(HttpOptions { timeout, ca_file: self.ca_file(), auth: self.auth()? })
    }

    fn auth(&mut self) -> anyhow::Result<Auth> {
        let user = plain(self.raw.user.take());
        let (password, token) = (self.raw.password.take(), self.raw.token.take());
        let (password, token) = (self.secret(password, "password")?, self.secret(token, "token")?);
        match (user, password, token) {
            (None, None, None) => Ok(Auth::None),
            (Some(user), Some(password), None) => Ok(Auth::Basic { user, password }),
            (None, None, Some(token)) => Ok(Auth::Bearer(token)),
            _ => Err(self.at.wrong("it is not clear who logs in", "write `user` and `password`, or `token`")),
        }
    }

    fn ca_file(&mut self) -> Option<PathBuf> {
        plain(self.raw.ca_file.take()).map(|path| self.folder().join(path))
    }

    /// An address, which may stand in the configuration itself.
    fn url(&mut self, default: Option<&str>) -> anyhow::Result<Secret> {
        let url = self.raw.url.take().map(|url| self.located(url.into_inner()));
        self.need(url.or_else(|| default.map(Secret::inline)), "url")
    }

    /// A secret, which must not.
    fn secret(&mut self, value: Option<Spanned<SecretRef>>, key: &str) -> anyhow::Result<Option<Secret>> {
        match value.map(Spanned::into_inner) {
            Some(SecretRef(Secret::Inline(_))) => Err(self.at.wrong(
                format!("`{key}` is a secret, and everybody who reads the configuration would know it"),
                format!("write `{key} = {{ file = \"/etc/trawl/{key}\" }}` or `{key} = {{ env = \"NAME\" }}`"),
            )),
            value => Ok(value.map(|value| self.located(value))),
        }
    }

    /// A secret whose file starts at the folder of the configuration.
    fn located(&mut self, SecretRef(secret): SecretRef) -> Secret {
        let secret = match secret {
            Secret::File(path) => Secret::File(self.folder().join(path)),
            other => other,
        };
        self.secrets.push(secret.clone());
        secret
    }

    fn folder(&self) -> &Path {
        self.file.path.parent().unwrap_or(Path::new(""))
    }

    fn need<T>(&self, value: Option<T>, key: &str) -> anyhow::Result<T> {
        value.ok_or_else(|| self.at.wrong(format!("it has no `{key}`"), format!("docs/config.md says what `{key}` is")))
    }

    /// A time that is neither zero nor without bound.
    fn duration(&self, value: Option<Spanned<Timeout>>, key: &str, default: Duration) -> anyhow::Result<Duration> {
        match value.map(|value| value.into_inner().0) {
            None => Ok(default),
            Some(Some(duration)) if !duration.is_zero() => Ok(duration),
            Some(_) => {
                Err(self.at.wrong(format!("`{key}` must be a time"), format!("write for example `{key} = \"30s\"`")))
            }
        }
    }
}

fn plain<T>(value: Option<Spanned<T>>) -> Option<T> {
    value.map(Spanned::into_inner)
}
