//! Networks of IP addresses.

use std::net::IpAddr;

/// A network in CIDR notation: `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Reads `address/bits`; bits of the address beyond the prefix are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let prefix_bits = bits.parse().ok()?;
        let all_bits = if address.is_ipv4() { 32 } else { 128 };
        (prefix_bits <= all_bits && bits.bytes().all(|digit| digit.is_ascii_digit()))
            .then_some(Self { address, prefix_bits })
    }

    /// The network of `prefix_bits` in which the address lies.
    ///
    /// # Panics
    /// If an address of its family has fewer bits.
    pub fn of(address: IpAddr, prefix_bits: u8) -> Self {
        let host_bits = Self::of_address(address).prefix_bits - prefix_bits;
        let address = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(host_bits.into()).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(host_bits.into()).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        Self { address, prefix_bits }
    }

    /// The network that holds only this address.
    pub fn of_address(address: IpAddr) -> Self {
        Self { address, prefix_bits: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The same network, with the bits beyond the prefix zero: two networks of the same addresses are then equal.
    pub fn masked(self) -> Self {
        Self::of(self.address, self.prefix_bits)
    }

    /// Whether it is one of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// The number of bits that its addresses have in common.
    pub fn prefix_bits(&self) -> u8 {
        self.prefix_bits
    }

    /// Whether `address` lies in the network. Addresses of the other family never do.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(32 - u32::from(self.prefix_bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(128 - u32::from(self.prefix_bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/32", "10.1.2.3", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("::/0", "1.2.3.4", false),
            ("2001:db8::/32", "2001:db8:1::5", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "::1", true),
        ];
        for (network, address, expected) in cases {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expected, "{network:?} {address}");
        }
    }

    #[test]
    fn networks_of_the_same_addresses_are_equal() {
        for (address, bits, expected) in [
            ("10.1.2.3", 8, "10.0.0.0/8"),
            ("10.1.2.3", 0, "0.0.0.0/0"),
            ("10.1.2.3", 32, "10.1.2.3/32"),
            ("2001:db8::5", 32, "2001:db8::/32"),
            ("2001:db8::5", 0, "::/0"),
            ("::1", 128, "::1/128"),
        ] {
            let network = Network::of(address.parse().unwrap(), bits);
            assert_eq!(network, Network::parse(expected).unwrap());
            assert_eq!(Network::parse(&format!("{address}/{bits}")).unwrap().masked(), network);
        }
    }

    #[test]
    fn not_networks() {
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "a/b", "10.0.0.0/", "10.0.0.0/+8", "::/129"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
