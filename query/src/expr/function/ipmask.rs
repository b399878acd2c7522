//! `ipmask("255.255.255.0", ip)`: the IPv4 address with the bits cut off that the mask does not have.
//!
//! Null if one of both is no IPv4 address.
//!
//! ```example
//! ipmask("255.255.255.0", "10.20.30.120") = 10.20.30.0
//! ipmask("0.255.0.255", "10.20.30.120") = 0.20.0.120
//! ipmask("255.0.0.0", "host") = null
//! ```

use super::super::compile::Code;
use super::args::bad_literal;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use std::net::Ipv4Addr;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "ipmask",
    aliases: &[],
    usage: "ipmask(mask, ip)",
    arity: Arity::exactly(2),
    manual: Manual::of(include_str!("ipmask.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    if let Some(literal) = args.literal(0)
        && literal.value.parse::<Ipv4Addr>().is_err()
    {
        return Err(bad_literal(&literal, "a mask such as 255.255.255.0"));
    }
    let (mask, address) = (args.value(0)?, args.value(1)?);
    Ok(Code::value(move |row| {
        let parse = |value: &Value| value.as_text()?.parse().ok();
        let bits = |address: Ipv4Addr| address.to_bits();
        match (parse(&mask(row)).map(bits), parse(&address(row)).map(bits)) {
            (Some(mask), Some(address)) => Value::from(Ipv4Addr::from_bits(mask & address).to_string()),
            _ => Value::Null,
        }
    }))
}
