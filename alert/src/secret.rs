//! Passwords, keys and addresses that are secret: named by the configuration, read when they are needed, never shown.
//!
//! A secret lies in an environment variable or in a file. A file is read anew for each use, so that one that is changed
//! needs no restart. What was read is a [`SecretText`], which no formatting shows.

use serde::{Serialize, Serializer};
use std::fmt;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Longest secret, in bytes: a private key fits.
const MAX_BYTES: u64 = 64 << 10;
/// What is shown instead of a secret.
const MASK: &str = "[secret]";

/// Where a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, without the line end at its end.
    File(PathBuf),
    /// In the configuration itself.
    Inline(SecretText),
}

/// A secret, read.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

/// A secret that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There is no such variable.
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    /// It is not text.
    #[error("the secret in {0} is not UTF-8 text")]
    NotText(String),
    /// There is nothing in it.
    #[error("the secret in {0} is empty")]
    Empty(String),
    /// It is no secret.
    #[error("{} is too large for a secret", .0.display())]
    TooLarge(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the secret in {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Secret {
    /// A secret that stands in the configuration.
    pub fn inline(text: impl Into<String>) -> Self {
        Self::Inline(SecretText(text.into()))
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is not there, or not text.
    pub fn read(&self) -> Result<SecretText, SecretError> {
        let text = match self {
            Self::Inline(text) => return Ok(text.clone()),
            Self::Env(name) => {
                let value = std::env::var_os(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
                value.into_string().map_err(|_| SecretError::NotText(self.to_string()))?
            }
            Self::File(path) => {
                let unreadable = |source| SecretError::Unreadable { path: path.clone(), source };
                let mut bytes = Vec::new();
                let file = std::fs::File::open(path).map_err(unreadable)?;
                file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
                if bytes.len() as u64 > MAX_BYTES {
                    return Err(SecretError::TooLarge(path.clone()));
                }
                let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText(self.to_string()))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        if text.is_empty() { Err(SecretError::Empty(self.to_string())) } else { Ok(SecretText(text)) }
    }

    /// What somebody should be told of where it lies: a file that every user of the machine can read.
    pub fn concern(&self) -> Option<String> {
        let Self::File(path) = self else { return None };
        let mode = std::fs::metadata(path).ok()?.permissions().mode();
        (mode & 0o004 != 0)
            .then(|| format!("every user of this machine can read the secret in {}: chmod 600 it", path.display()))
    }

    /// As an address of the web, without what is secret of it: `https://hooks.example.com/…`. Of one that is not in the
    /// configuration, where it is.
    pub fn shown_url(&self) -> String {
        match self {
            Self::Inline(url) => shown_url(&url.0),
            other => other.to_string(),
        }
    }
}

/// An address without user, password, path and query: each of them may be a secret.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    let tail = if end < rest.len() && &rest[end..] != "/" { "/…" } else { "" };
    format!("{scheme}://{host}{tail}")
}

impl SecretText {
    /// A text made of a secret, such as an address with a path.
    pub(crate) fn of(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for whom it is meant.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text of others without the secret, should they repeat it.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, MASK) }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// Where it is, not what it is.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Inline(text) => text.fmt(f),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_secret() {
        let secret = Secret::inline("hunter2");
        let text = secret.read().unwrap();
        let shown = [
            format!("{secret} {secret:?} {secret:#?} {text} {text:?}"),
            serde_json::to_string(&(&secret, &text)).unwrap(),
            text.redact("the key hunter2 is wrong"),
        ];
        assert!(shown.iter().all(|shown| !shown.contains("hunter2") && shown.contains(MASK)), "{shown:?}");
        assert_eq!(text.expose(), "hunter2");
    }

    #[test]
    fn urls_are_shown_without_what_may_be_secret() {
        let shown = |url: &str| Secret::inline(url).shown_url();
        assert_eq!(shown("https://hooks.example.com/services/T0/B0/abc"), "https://hooks.example.com/…");
        assert_eq!(shown("https://user:pass@h:8443/x?token=t"), "https://h:8443/…");
        assert_eq!(shown("http://h?token=a@b"), "http://h/…");
        assert_eq!(shown("http://127.0.0.1:9000/"), "http://127.0.0.1:9000");
        assert_eq!(shown("nonsense"), MASK);
        assert_eq!(Secret::Env("HOOK".into()).shown_url(), "$HOOK");
    }

    #[test]
    fn files_and_variables_are_read_when_needed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let secret = Secret::File(path.clone());
        assert!(matches!(secret.read(), Err(SecretError::Unreadable { .. })));
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(secret.read().unwrap().expose(), "one");
        std::fs::write(&path, "two\r\n").unwrap();
        assert_eq!(secret.read().unwrap().expose(), "two");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(secret.read(), Err(SecretError::Empty(_))));
        std::fs::write(&path, b"\xff").unwrap();
        assert!(matches!(secret.read(), Err(SecretError::NotText(_))));
        assert_eq!(Secret::Env("PATH".into()).read().unwrap().expose(), std::env::var("PATH").unwrap());
        assert!(matches!(Secret::Env("TRAWL_NO_SUCH_VARIABLE".into()).read(), Err(SecretError::Unset(_))));
    }

    #[test]
    fn a_file_that_others_can_read_is_a_concern() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "k").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let secret = Secret::File(path.clone());
        mode(0o600);
        assert_eq!(secret.concern(), None);
        mode(0o640);
        assert_eq!(secret.concern(), None);
        mode(0o644);
        assert!(secret.concern().unwrap().contains("chmod 600"));
    }
}
