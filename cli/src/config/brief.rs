//! Tables that may be written as the text of their main key.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use toml::Spanned;

/// A table, or the text of its main key.
#[derive(Debug)]
pub struct Brief<T>(pub T);

/// A table that a text can stand for.
pub trait FromText: Sized {
    /// What is expected where something else stands.
    const EXPECTED: &'static str;

    /// The table with nothing but its main key. The text does not know where it stands.
    fn from_text(text: Spanned<String>) -> Self;
}

impl<'de, T: FromText + Deserialize<'de>> Deserialize<'de> for Brief<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable<T>(PhantomData<T>);
        impl<'de, T: FromText + Deserialize<'de>> Visitor<'de> for TextOrTable<T> {
            type Value = Brief<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Brief<T>, E> {
                Ok(Brief(T::from_text(Spanned::new(0..0, text.to_owned()))))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Brief<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(Brief)
            }
        }
        deserializer.deserialize_any(TextOrTable(PhantomData))
    }
}
