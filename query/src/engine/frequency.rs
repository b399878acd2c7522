//! How often something occurs, by the index alone: cheap enough to ask before anything is read.

use super::Engine;
use super::candidates::Narrower;
use super::target::rules_of;
use crate::error::{Result, RunError};
use crate::plan::Plan;
use crate::search::SearchExpr;
use rayon::prelude::*;
use std::sync::Arc;
use trawl_formats::token::{is_short_number, tokens};
use trawl_store::segment::terms::MAX_TERM_LEN;
use trawl_store::{Bucket, BucketRow, StoreError};

/// Buckets of a plan's indexes that have events in its range of time.
pub(super) fn buckets(engine: &Engine, plan: &Plan) -> Result<Vec<BucketRow>> {
    let mut rows = engine.snapshot()?.buckets.clone();
    let times = plan.times;
    rows.retain(|row| {
        plan.indexes.covers(&row.index)
            && times.earliest.is_none_or(|earliest| earliest <= row.max_time_us)
            && times.latest.is_none_or(|latest| row.min_time_us < latest)
    });
    Ok(rows)
}

/// Sums what `count` says of each bucket of a plan. A bucket that is gone or damaged counts nothing: the searches name it.
fn summed(
    engine: &Engine,
    plan: &Plan,
    n: usize,
    count: impl Fn(&Bucket, &BucketRow) -> Result<Vec<u64>, StoreError> + Sync,
) -> Result<Vec<u64>> {
    let reader = Arc::clone(engine.reader()?);
    let per_bucket = buckets(engine, plan)?
        .par_iter()
        .map(|row| reader.bucket(row).and_then(|bucket| count(&bucket, row)).unwrap_or_else(|_| vec![0; n]))
        .reduce(
            || vec![0; n],
            |mut sum, counts| {
                sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                sum
            },
        );
    Ok(per_bucket)
}

/// How many events of the sealed buckets in a plan's range hold each value at most: in each bucket as many as hold its
/// rarest token. It costs a look into the dictionary for each token and bucket.
///
/// # Errors
/// If the store cannot be opened.
pub(crate) fn at_most(engine: &Engine, plan: &Plan, values: &[&str]) -> Result<Vec<u64>> {
    let lowered: Vec<String> = values.iter().map(|value| value.to_ascii_lowercase()).collect();
    let is_indexed = |token: &&[u8]| !is_short_number(token) && token.len() <= MAX_TERM_LEN;
    summed(engine, plan, values.len(), |bucket, _| {
        let segment = bucket.segment()?;
        let rarest = |value: &String| {
            let mut rarest = u64::from(bucket.n_events());
            for token in tokens(value.as_bytes()).filter(is_indexed) {
                rarest = rarest.min(u64::from(segment.doc_freq(token)?));
            }
            Ok(rarest)
        };
        lowered.iter().map(rarest).collect()
    })
}

/// How many events of the sealed buckets in a plan's range can match each expression.
///
/// # Errors
/// If the store cannot be opened, or the search is cancelled.
pub(crate) fn possible(
    engine: &Engine,
    plan: &Plan,
    exprs: &[SearchExpr],
    cancel: &crate::context::Cancel,
) -> Result<Vec<u64>, RunError> {
    let counts = summed(engine, plan, exprs.len(), |bucket, row| {
        let rules = rules_of(bucket, &engine.registry);
        let narrower = Narrower::new(bucket, &rules, row.index.as_str());
        let possible = |expr| match cancel.check() {
            Ok(()) => Ok(narrower.narrow(expr, plan.times, plan.index_times)?.possible.len() as u64),
            Err(_) => Ok(0),
        };
        exprs.iter().map(possible).collect()
    })?;
    cancel.check()?;
    Ok(counts)
}
