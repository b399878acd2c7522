//! `per_second(x)`: the sum of the numeric values of a bin of time, divided by the length of the bin in seconds.
//!
//! For `timechart` alone. A bin lasts as long as it does on the local clock: a day may have 23 hours.
//!
//! ```example
//! _time=10 x=100
//! _time=20 x=20
//! > timechart span=1h per_second(x)
//! _time=0 per_second(x)=0.03333333333333333
//! ```

use super::numeric::Numeric;
use super::sum::Sum;
use super::{States, StatsFunction};

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    rate_unit_s: Some(1.0),
    ..StatsFunction::new("per_second", include_str!("per_second.rs"), States::<Numeric<Sum>>::start)
};
