//! `[action.NAME]` and `[actions]`: where notifications of alerts go. As written, then checked and turned into the options of
//! the channels; [`Actions::build`] makes channels of them, for the verbs that need them.

mod reader;
mod secret_ref;
mod show;

pub use secret_ref::SecretRef;

use super::definitions::{ShownDefinition, toml_key};
use super::raw::{Action as Raw, Actions as RawActions};
use super::{File, Origin};
use crate::error::Advice;
use anyhow::Context;
use reader::Reader;
use show::{Show, show};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use trawl_alert::Happening;
use trawl_alert::action::alertmanager::{Alertmanager, AlertmanagerOptions};
use trawl_alert::action::command::{Command, CommandOptions};
use trawl_alert::action::email::{Email, EmailOptions};
use trawl_alert::action::log::Log;
use trawl_alert::action::pagerduty::{PagerDuty, PagerDutyOptions};
use trawl_alert::action::servicenow::{ServiceNow, ServiceNowOptions};
use trawl_alert::action::slack::{Slack, SlackOptions};
use trawl_alert::action::webhook::{Webhook, WebhookOptions};
use trawl_alert::action::{BadAction, Channel};
use trawl_alert::deliver::{Action, Policy};
use trawl_alert::secret::Secret;

/// Longest name of an action: it becomes a part of keys and identities.
const MAX_NAME: usize = 64;
/// How long after an action it is looked at whether it helped, if nothing is said.
const VERIFY_AFTER: Duration = Duration::from_secs(60);

/// Keys of every action.
const COMMON: &[&str] = &[
    "type",
    "on",
    "retry",
    "retry_max",
    "give_up",
    "max_per_minute",
    "escalate",
    "verify",
    "want",
    "verify_after",
    "timeout",
];
/// Keys of those that speak HTTP.
const WEB: &[&str] = &["url", "user", "password", "token", "ca_file"];
/// The types, and the keys of each beside those.
const TYPES: [(&str, bool, &[&str]); 8] = [
    ("webhook", true, &["method", "headers", "body", "content_type", "hmac_key", "hmac_header"]),
    ("slack", true, &["body"]),
    ("pagerduty", true, &["routing_key"]),
    ("alertmanager", true, &["labels", "resend"]),
    ("servicenow", true, &["table", "fields", "close_code"]),
    (
        "email",
        false,
        &["host", "port", "tls", "user", "password", "ca_file", "from", "to", "cc", "subject", "body", "html_body"],
    ),
    ("command", false, &["command", "dry_run"]),
    ("log", false, &[]),
];
/// What an action can be told of.
const HAPPENINGS: [Happening; 7] = [
    Happening::Raised,
    Happening::SeverityChanged,
    Happening::Reminder,
    Happening::Row,
    Happening::Resolved,
    Happening::Acknowledged,
    Happening::Escalated,
];

/// The actions of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    /// Each, by name.
    pub by_name: BTreeMap<String, ActionSetting>,
    /// Programs that commands may run.
    pub allow_commands: Vec<PathBuf>,
}

/// An action as configured.
#[derive(Clone, Debug)]
pub struct ActionSetting {
    /// How it is used.
    pub policy: Policy,
    /// What it is.
    pub channel: ChannelOptions,
    /// Where it is written.
    pub origin: Origin,
    /// The secrets that it needs.
    secrets: Vec<Secret>,
}

/// What an action is, by the types of the configuration.
#[derive(Clone, Debug)]
pub enum ChannelOptions {
    Webhook(WebhookOptions),
    Slack(SlackOptions),
    PagerDuty(PagerDutyOptions),
    Alertmanager(AlertmanagerOptions),
    ServiceNow(ServiceNowOptions),
    Email(Box<EmailOptions>),
    Command(CommandOptions),
    Log,
}

impl Actions {
    /// Makes the channels. Files with certificates are read here.
    ///
    /// # Errors
    /// The first action that cannot be used, with its place.
    pub fn build(&self) -> anyhow::Result<Vec<Action>> {
        self.by_name.iter().map(|(name, setting)| setting.build(name, &self.allow_commands)).collect()
    }

    /// What somebody should be told of the secrets: files that everybody can read.
    pub fn concerns(&self) -> Vec<String> {
        self.by_name.values().flat_map(|setting| &setting.secrets).filter_map(Secret::concern).collect()
    }
}

impl ActionSetting {
    fn build(&self, name: &str, allowed: &[PathBuf]) -> anyhow::Result<Action> {
        let channel = self
            .channel
            .build(allowed)
            .with_context(|| format!("cannot use [action.{}] of {}", toml_key(name), self.origin))?;
        Ok(Action { name: name.to_owned(), channel, policy: self.policy.clone() })
    }

    /// Whether a channel can be made of it, as far as that can be known without its files: who only searches need not be able to
    /// read them.
    fn check(&self, name: &str, allowed: &[PathBuf]) -> anyhow::Result<()> {
        let mut checked = self.clone();
        match &mut checked.channel {
            ChannelOptions::Webhook(options) => options.http.ca_file = None,
            ChannelOptions::Slack(options) => options.http.ca_file = None,
            ChannelOptions::PagerDuty(options) => options.http.ca_file = None,
            ChannelOptions::Alertmanager(options) => options.http.ca_file = None,
            ChannelOptions::ServiceNow(options) => options.http.ca_file = None,
            ChannelOptions::Email(options) => options.ca_file = None,
            ChannelOptions::Command(_) | ChannelOptions::Log => {}
        }
        checked.build(name, allowed).map(|_| ())
    }
}

impl ChannelOptions {
    fn build(&self, allowed: &[PathBuf]) -> Result<Arc<dyn Channel>, BadAction> {
        Ok(match self.clone() {
            Self::Webhook(options) => Arc::new(Webhook::new(options)?),
            Self::Slack(options) => Arc::new(Slack::new(&options)?),
            Self::PagerDuty(options) => Arc::new(PagerDuty::new(options)?),
            Self::Alertmanager(options) => Arc::new(Alertmanager::new(options)?),
            Self::ServiceNow(options) => Arc::new(ServiceNow::new(options)?),
            Self::Email(options) => Arc::new(Email::new(*options)?),
            Self::Command(options) => Arc::new(Command::new(options, allowed)?),
            Self::Log => Arc::new(Log),
        })
    }
}

/// Reads the actions of a configuration file.
///
/// # Errors
/// The first action that makes no sense: the error names its place and key.
pub(super) fn read(
    actions: BTreeMap<String, Spanned<Raw>>,
    common: RawActions,
    file: &File<'_>,
) -> anyhow::Result<(Actions, Vec<ShownDefinition>)> {
    let (mut read, mut shown) = (Actions::default(), Vec::new());
    if let Some(allowed) = common.allow_commands {
        let allowed = file.setting(allowed);
        if let Some(path) = allowed.value.iter().find(|path| !path.is_absolute()) {
            let text = format!(
                "cannot use `allow_commands` of {}: `{}` is not an absolute path",
                allowed.origin,
                path.display()
            );
            return Err(Advice::new(text, "write for example \"/usr/bin/systemctl\"").into());
        }
        shown.push(ShownDefinition {
            section: "[actions]".to_owned(),
            key: "allow_commands".to_owned(),
            value: allowed.value.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().show().to_string(),
            origin: allowed.origin.clone(),
            begins_section: true,
        });
        read.allow_commands = allowed.value;
    }
    let names: Vec<String> = actions.keys().cloned().collect();
    for (name, action) in actions {
        let setting = file.setting(action);
        let at = At { name: &name, origin: &setting.origin };
        let is_good = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_good) {
            return Err(at.wrong(
                "its name has other characters than letters, digits, `_`, `-` and `.`, or is too long",
                "write for example [action.ops-hook]",
            ));
        }
        shown.extend(show(&at, &setting.value, file));
        let action = Reader { at, file, raw: setting.value, secrets: Vec::new() }.read(&names)?;
        action.check(&name, &read.allow_commands)?;
        read.by_name.insert(name, action);
    }
    Ok((read, shown))
}

/// Where an action is written.
#[derive(Clone, Copy)]
struct At<'a> {
    name: &'a str,
    origin: &'a Origin,
}

impl At<'_> {
    fn wrong(&self, what: impl fmt::Display, hint: impl Into<String>) -> anyhow::Error {
        Advice::new(format!("cannot use [action.{}] of {}: {what}", toml_key(self.name), self.origin), hint).into()
    }
}

/// An action of each type, with the examples of all its keys.
#[cfg(test)]
pub(super) fn examples(keys: &[super::raw::KeyDoc]) -> String {
    let section = |(kind, is_web, own): &(&str, bool, &[&str])| {
        let web = if *is_web { WEB } else { &[] };
        // Whoever has a user has no token; and the action that is told must be there.
        let is_mine = |name: &&str| COMMON.iter().chain(web).chain(*own).any(|key| key == name);
        let keys = keys.iter().filter(|key| is_mine(&key.name) && !["type", "token", "escalate"].contains(&key.name));
        let lines: String = keys.map(|key| format!("{} = {}\n", key.name, key.example)).collect();
        format!("[action.{kind}-example]\ntype = \"{kind}\"\nescalate = [\"log-example\"]\n{lines}")
    };
    let log = ("log", false, &[] as &[&str]);
    let others = TYPES.iter().filter(|(kind, ..)| *kind != "log").map(section).collect::<String>();
    format!("{others}{}", section(&log).replace("escalate = [\"log-example\"]\n", ""))
}

#[cfg(test)]
mod tests;
