//! `per_hour(x)`: the sum of the numeric values of a bin of time, divided by the length of the bin in hours.
//!
//! For `timechart` alone. A bin lasts as long as it does on the local clock: a day may have 23 hours.
//!
//! ```example
//! _time=10 x=100
//! _time=20 x=20
//! > timechart span=1h per_hour(x)
//! _time=0 per_hour(x)=120
//! ```

use super::numeric::Numeric;
use super::sum::Sum;
use super::{States, StatsFunction};

pub(super) const FUNCTION: StatsFunction = StatsFunction {
    rate_unit_s: Some(3600.0),
    ..StatsFunction::new("per_hour", include_str!("per_hour.rs"), States::<Numeric<Sum>>::start)
};
