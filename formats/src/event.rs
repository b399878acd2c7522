//! The event vocabulary: names that travel with every event through all crates.
//!
//! Each name is a cheap-to-clone newtype over `Arc<str>`, so that a path cannot be passed where a sourcetype is
//! meant. They order and hash as text.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

macro_rules! free_name {
    ($(#[$doc:meta])* $name:ident) => {
        name!($(#[$doc])* $name);

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

free_name! {
    /// Where events came from: the path of a log file, or a name given by the user.
    Source
}

free_name! {
    /// The machine that wrote the event.
    Host
}

free_name! {
    /// The log format of a source, the name of a [`Rules`](crate::Rules).
    Sourcetype
}

name! {
    /// A named set of buckets with one retention policy: lower-case letters, digits, `_` and `-`.
    ///
    /// The name is also a directory, hence the small alphabet.
    IndexName
}

/// An index name holds a character outside `[a-z0-9_-]`, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("index name `{0}` must be made of lower-case letters, digits, `_` and `-`")]
pub struct InvalidIndexName(pub String);

impl IndexName {
    /// Checks and makes an index name.
    ///
    /// # Errors
    ///
    /// [`InvalidIndexName`] if `text` is empty or holds a character outside `[a-z0-9_-]`.
    pub fn new(text: &str) -> Result<Self, InvalidIndexName> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if !text.is_empty() && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidIndexName(text.to_owned()))
        }
    }
}

impl FromStr for IndexName {
    type Err = InvalidIndexName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<&str> for IndexName {
    type Error = InvalidIndexName;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for IndexName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_names_have_a_small_alphabet() {
        for good in ["main", "_internal", "web-2026", "0"] {
            assert_eq!(IndexName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Main", "a b", "a/b", "..", "größe"] {
            assert_eq!(IndexName::new(bad), Err(InvalidIndexName(bad.to_owned())));
        }
    }

    #[test]
    fn names_are_plain_strings_in_serde() {
        let source = Source::from("/var/log/syslog");
        assert_eq!(serde_json::to_string(&source).unwrap(), r#""/var/log/syslog""#);
        assert_eq!(serde_json::from_str::<Source>(r#""/var/log/syslog""#).unwrap(), source);
        assert!(serde_json::from_str::<IndexName>(r#""No""#).is_err());
    }
}
