//! Events that exhibits cite, with their exact bytes.

use crate::Moment;
use crate::merkle::Digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::fmt;
use trawl_query::engine::address::Address;

/// An event that is cited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// Where its bytes lie, as `_addr` has it.
    #[serde(with = "address_text")]
    pub address: Address,
    /// Why it is cited.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// `_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Moment>,
    /// The host it came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its bytes, line end included.
    #[serde(flatten)]
    pub bytes: RawBytes,
}

impl Citation {
    /// An event whose bytes are these.
    pub fn new(address: Address, bytes: Vec<u8>) -> Self {
        let sha256 = Digest::of(&bytes);
        Self { address, why: String::new(), time: None, host: String::new(), sha256, bytes: RawBytes(bytes) }
    }
}

/// Bytes in JSON: `raw` holds them as they are where they are UTF-8, else `raw_base64` does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "RawText", into = "RawText")]
pub struct RawBytes(pub Vec<u8>);

impl fmt::Debug for RawBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

#[derive(Serialize, Deserialize)]
enum RawText {
    #[serde(rename = "raw")]
    Text(String),
    #[serde(rename = "raw_base64")]
    Base64(Base64),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Base64(Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        BASE64_STANDARD.decode(text).map(Self).map_err(|error| format!("`raw_base64` is not base64: {error}"))
    }
}

impl From<Base64> for String {
    fn from(bytes: Base64) -> Self {
        BASE64_STANDARD.encode(bytes.0)
    }
}

impl From<RawText> for RawBytes {
    fn from(text: RawText) -> Self {
        match text {
            RawText::Text(text) => Self(text.into_bytes()),
            RawText::Base64(bytes) => Self(bytes.0),
        }
    }
}

impl From<RawBytes> for RawText {
    fn from(bytes: RawBytes) -> Self {
        String::from_utf8(bytes.0).map_or_else(|error| Self::Base64(Base64(error.into_bytes())), Self::Text)
    }
}

/// Addresses as text.
pub(crate) mod address_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use trawl_query::engine::address::Address;

    pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(address)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhibit::{Exhibit, Kind};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn events_of_any_bytes_survive_as_json(bytes: Vec<u8>, source in "[ -~é]{1,20}", offset in 0_u64..1 << 40) {
            let address = Address { source, generation: 1, offset, len: bytes.len() as u32 };
            let citation = Citation { why: "it is first".to_owned(), time: Some(Moment(7)), ..Citation::new(address, bytes) };
            let exhibit = Exhibit { events: vec![citation], ..Exhibit::new(Kind::Search, "one", Moment(1)) };
            let text = serde_json::to_string_pretty(&exhibit).unwrap();
            prop_assert_eq!(serde_json::from_str::<Exhibit>(&text).unwrap(), exhibit);
        }
    }

    #[test]
    fn utf_8_stays_readable() {
        let address = Address { source: "/a.log".to_owned(), generation: 0, offset: 0, len: 5 };
        let json = |bytes: &[u8]| serde_json::to_value(Citation::new(address.clone(), bytes.to_vec())).unwrap();
        assert_eq!(json("größe\n".as_bytes())["raw"], "größe\n");
        assert_eq!(json(b"caf\xe9")["raw_base64"], "Y2Fm6Q==");
        assert_eq!(json(b"")["address"], "/a.log@0:0+5");
    }
}
