//! `cidrmatch("10.0.0.0/8", ip)`: whether the address lies in the network.
//!
//! False if ip is not an address. Unknown if it is null.
//!
//! ```example
//! cidrmatch("10.0.0.0/8", "10.2.3.4") = true
//! cidrmatch("10.0.0.0/8", "11.2.3.4") = false
//! cidrmatch("10.0.0.0/8", "host") = false
//! cidrmatch("2001:db8::/32", "2001:db8::1") = true
//! ```

use super::super::compile::Code;
use super::args::bad_literal;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::net::Network;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "cidrmatch",
    aliases: &[],
    usage: "cidrmatch(network, ip)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("cidrmatch.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let fixed = args.literal(0).map(|literal| {
        Network::parse(&literal.value).ok_or_else(|| bad_literal(&literal, "a network such as 10.0.0.0/8"))
    });
    let fixed = fixed.transpose()?;
    let (network, address) = (args.value(0)?, args.value(1)?);
    Ok(Code::truth(move |row| {
        let network = match fixed {
            Some(network) => Some(network),
            None => Network::parse(&network(row).as_text()?),
        };
        let address = address(row);
        if address.is_null() {
            return None;
        }
        let is_inside =
            |text: &str| text.parse().is_ok_and(|address| network.is_some_and(|network| network.contains(address)));
        Some(address.each().iter().any(|address| address.with_text(is_inside)))
    }))
}
