//! Actions as `config show` prints them: without secrets.

use super::{At, SecretRef};
use crate::config::definitions::{ShownDefinition, toml_key};
use crate::config::raw::Action as Raw;
use crate::config::units::Timeout;
use crate::config::{File, Origin};
use std::collections::BTreeMap;
use std::path::PathBuf;
use trawl_alert::secret::Secret;

/// The keys that are written, with their values for people and their places.
pub(super) fn written(raw: &Raw) -> Vec<(&'static str, toml::Value, usize)> {
    macro_rules! keys {
        ($($key:ident),+) => {
            [$((stringify!($key), raw.$key.as_ref().map(|value| (value.get_ref().show(), value.span().start)))),+]
        };
    }
    let keys = keys!(
        kind,
        on,
        url,
        method,
        headers,
        body,
        content_type,
        hmac_key,
        hmac_header,
        routing_key,
        labels,
        resend,
        table,
        fields,
        close_code,
        host,
        port,
        tls,
        user,
        password,
        token,
        ca_file,
        from,
        to,
        cc,
        subject,
        html_body,
        command,
        dry_run,
        timeout,
        retry,
        retry_max,
        give_up,
        max_per_minute,
        escalate,
        verify,
        want,
        verify_after
    );
    let name = |key: &'static str| if key == "kind" { "type" } else { key };
    keys.into_iter().filter_map(|(key, value)| value.map(|(value, start)| (name(key), value, start))).collect()
}

/// The lines of `config show`.
pub(super) fn show(at: &At<'_>, raw: &Raw, file: &File<'_>) -> Vec<ShownDefinition> {
    let line = |(n, (key, value, start)): (usize, (&'static str, toml::Value, usize))| ShownDefinition {
        section: format!("[action.{}]", toml_key(at.name)),
        key: key.to_owned(),
        value: value.to_string(),
        origin: match at.origin {
            Origin::File { path, .. } => Origin::File { path: path.clone(), line: file.line_at(start) },
            other => other.clone(),
        },
        begins_section: n == 0,
    };
    written(raw).into_iter().enumerate().map(line).collect()
}

/// A value as `config show` prints it: without secrets.
pub(super) trait Show {
    fn show(&self) -> toml::Value;
}

impl Show for String {
    fn show(&self) -> toml::Value {
        self.clone().into()
    }
}

impl Show for PathBuf {
    fn show(&self) -> toml::Value {
        self.display().to_string().into()
    }
}

impl Show for bool {
    fn show(&self) -> toml::Value {
        (*self).into()
    }
}

impl Show for u16 {
    fn show(&self) -> toml::Value {
        i64::from(*self).into()
    }
}

impl Show for u32 {
    fn show(&self) -> toml::Value {
        i64::from(*self).into()
    }
}

impl Show for Timeout {
    fn show(&self) -> toml::Value {
        self.to_string().into()
    }
}

impl Show for SecretRef {
    fn show(&self) -> toml::Value {
        let table =
            |key: &str, value: String| toml::Value::Table([(key.to_owned(), value.into())].into_iter().collect());
        match &self.0 {
            Secret::Env(name) => table("env", name.clone()),
            Secret::File(path) => table("file", path.display().to_string()),
            inline => inline.shown_url().into(),
        }
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> toml::Value {
        self.iter().map(Show::show).collect::<Vec<_>>().into()
    }
}

impl<T: Show> Show for BTreeMap<String, T> {
    fn show(&self) -> toml::Value {
        toml::Value::Table(self.iter().map(|(name, value)| (name.clone(), value.show())).collect())
    }
}
