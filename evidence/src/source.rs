//! The files that events came from.

use serde::{Deserialize, Serialize};
use trawl_formats::{Decoding, Encoding, IndexName, Wrapper};
use trawl_query::engine::address::Address;

/// A file that events came from, and how it is known again under another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceIdentity {
    /// Value of the field `source`.
    pub source: String,
    /// Counts the files that had this path one after the other.
    pub generation: u32,
    /// The path at which the file was first seen; bytes that are not UTF-8 as `\xNN`.
    pub path: String,
    /// The index that holds its events.
    pub index: IndexName,
    /// Value of the field `host`.
    pub host: String,
    /// Value of the field `sourcetype`.
    pub sourcetype: String,
    /// How its bytes become text.
    pub encoding: EncodingName,
    /// The envelope around each line, if there is one.
    #[serde(default, skip_serializing_if = "WrapperName::is_none")]
    pub envelope: WrapperName,
    /// Device, 0 where there was none.
    pub device: u64,
    /// Inode, 0 where there was none.
    pub inode: u64,
    /// How many of the first bytes were hashed.
    pub head_len: u32,
    /// The first 16 bytes of the SHA-256 of those, in hexadecimal digits; absent where it would betray what is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_sha256_16: Option<String>,
}

impl SourceIdentity {
    /// Whether an event lies in this file.
    pub fn is_of(&self, address: &Address) -> bool {
        self.source == address.source && self.generation == address.generation
    }

    /// How its bytes become text.
    pub fn decoding(&self) -> Decoding {
        let encoding = match self.encoding {
            EncodingName::Utf8 => Encoding::Utf8,
            EncodingName::Utf16Le => Encoding::Utf16Le,
            EncodingName::Utf16Be => Encoding::Utf16Be,
            EncodingName::Windows1252 => Encoding::Latin1,
        };
        let wrapper = match self.envelope {
            WrapperName::None => Wrapper::None,
            WrapperName::DockerJson => Wrapper::DockerJson,
            WrapperName::Cri => Wrapper::Cri,
        };
        Decoding { encoding, wrapper }
    }
}

/// A character encoding, as the world calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncodingName {
    /// UTF-8, which ASCII is, too.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, low byte first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// One byte per character.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl From<Encoding> for EncodingName {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Utf8 => Self::Utf8,
            Encoding::Utf16Le => Self::Utf16Le,
            Encoding::Utf16Be => Self::Utf16Be,
            Encoding::Latin1 => Self::Windows1252,
        }
    }
}

/// What a container runtime put around each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WrapperName {
    /// Nothing.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Docker's json-file driver.
    #[serde(rename = "docker-json")]
    DockerJson,
    /// The Kubernetes container runtime interface.
    #[serde(rename = "cri")]
    Cri,
}

impl WrapperName {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl From<Wrapper> for WrapperName {
    fn from(wrapper: Wrapper) -> Self {
        match wrapper {
            Wrapper::None => Self::None,
            Wrapper::DockerJson => Self::DockerJson,
            Wrapper::Cri => Self::Cri,
        }
    }
}
