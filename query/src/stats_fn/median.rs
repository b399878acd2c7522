//! `median(x)`: the middle of the numeric values, the same as `perc50(x)`.
//!
//! ```example
//! x=1
//! x=9
//! x=2
//! > stats median(x)
//! median(x)=2
//! ```

use super::numeric::Numeric;
use super::perc::Percentile;
use super::running::{PercentileTally, Tallied};
use super::{States, StatsFunction};

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    default_percentile: 50.0,
    running: Some(Tallied::<PercentileTally>::start),
    ..StatsFunction::new("median", include_str!("median.rs"), States::<Numeric<Percentile>>::start)
};
