//! Secrets as they stand in a configuration file.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::path::PathBuf;
use trawl_alert::secret::Secret;

/// A secret as written: `{ env = "NAME" }`, `{ file = "PATH" }`, or, where that is allowed, a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef(pub Secret);

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            env: Option<String>,
            file: Option<PathBuf>,
        }
        struct TextOrTable;
        impl<'de> Visitor<'de> for TextOrTable {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`{ env = \"NAME\" }`, `{ file = \"PATH\" }` or a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretRef, E> {
                Ok(SecretRef(Secret::inline(text)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretRef, A::Error> {
                let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
                match (table.env, table.file) {
                    (Some(env), None) => Ok(SecretRef(Secret::Env(env))),
                    (None, Some(file)) => Ok(SecretRef(Secret::File(file))),
                    _ => Err(de::Error::custom("write either `env` or `file`")),
                }
            }
        }
        deserializer.deserialize_any(TextOrTable)
    }
}
