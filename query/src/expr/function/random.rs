//! `random()`: a whole number from 0 to 2147483647, another one for each row.
//!
//! ```example
//! random() >= 0 = true
//! random() <= 2147483647 = true
//! ```

use super::super::compile::Code;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use std::sync::atomic::{AtomicU64, Ordering};

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "random",
    aliases: &[],
    usage: "random()",
    arity: Arity::exactly(0),
    manual: Manual::of(include_str!("random.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    args.compiler.varies();
    // Two calls in one query go separate ways, as do two searches.
    let stream = (args.span.start as u64) << 40;
    let n_drawn = AtomicU64::new(0);
    Ok(Code::number(move |row| {
        let n = n_drawn.fetch_add(1, Ordering::Relaxed);
        let seed = stream.wrapping_add(row.ctx().now_us as u64);
        Some((split_mix_64(seed, n) >> 33) as f64)
    }))
}

/// The `n`th number of the generator SplitMix64 (Steele, Lea, Flood, 2014) from this seed.
fn split_mix_64(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
