//! Addresses of events: `_addr`.

use std::fmt;
use std::str::FromStr;

/// Where an event's bytes lie: source, generation, offset and length. Prints as `source@generation:offset+length`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Value of the field `source`.
    pub source: String,
    /// Counts the files that had this path one after the other.
    pub generation: u32,
    /// Byte offset in the (decompressed) source.
    pub offset: u64,
    /// Bytes, line end included.
    pub len: u32,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}+{}", self.source, self.generation, self.offset, self.len)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (source, place) = text.rsplit_once('@')?;
            let (generation, place) = place.split_once(':')?;
            let (offset, len) = place.split_once('+')?;
            Some(Self {
                source: source.to_owned(),
                generation: generation.parse().ok()?,
                offset: offset.parse().ok()?,
                len: len.parse().ok()?,
            })
        };
        parse().ok_or_else(|| format!("`{text}` is not an event address (source@generation:offset+length)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_and_parse() {
        let address = Address { source: "/var/log/a@b:1.log".to_owned(), generation: 2, offset: 77, len: 120 };
        assert_eq!(address.to_string(), "/var/log/a@b:1.log@2:77+120");
        assert_eq!(address.to_string().parse(), Ok(address));
        assert!("somewhere".parse::<Address>().is_err());
    }
}
