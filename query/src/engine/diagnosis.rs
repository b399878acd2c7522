//! Why nothing was found: what each word for itself would have found.

use super::Engine;
use super::candidates::{Narrower, is_token_pattern};
use super::target::rules_of;
use crate::plan::Plan;
use crate::search::SearchExpr;
use crate::time::TimeRange;
use rayon::prelude::*;
use serde::Serialize;
use trawl_store::{Bucket, BucketRow, Result};

/// Words of a query that are looked at.
const MAX_TERMS: usize = 8;
/// Existing words that are suggested for one that does not occur.
const MAX_NEAREST: usize = 3;
/// Most single-letter changes between a word and its suggestion.
const MAX_DISTANCE: usize = 2;

/// What one condition of a search would have found alone. The figures are upper bounds where the index alone cannot tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TermDiagnosis {
    /// The condition as written.
    pub term: String,
    /// Events that can match it, in the range of the search.
    pub n_in_range: u64,
    /// Events that can match it, at any time.
    pub n_total: u64,
    /// Words that do occur and are written almost alike; only if it occurs nowhere.
    pub nearest: Vec<String>,
}

impl TermDiagnosis {
    /// Looks at each condition of `expr` in `rows`, the buckets that were searched and those outside of the range of time.
    ///
    /// # Errors
    /// If a bucket is damaged.
    pub fn of(expr: &SearchExpr, plan: &Plan, engine: &Engine, rows: &[BucketRow]) -> Result<Vec<Self>> {
        // Where nothing can be read, nothing is known of any word.
        let Ok(reader) = engine.reader() else { return Ok(Vec::new()) };
        let mut terms = Vec::new();
        expr.visit(&mut |leaf| {
            if !matches!(leaf, SearchExpr::All) && terms.len() < MAX_TERMS && !terms.contains(&leaf) {
                terms.push(leaf);
            }
        });
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let per_bucket: Vec<Vec<(u64, u64)>> = rows
            .par_iter()
            .map(|row| {
                let bucket = reader.bucket(row)?;
                let rules = rules_of(&bucket, &engine.registry);
                let narrower = Narrower::new(&bucket, &rules, row.index.as_str());
                terms
                    .iter()
                    .map(|term| {
                        let all = narrower.narrow(term, TimeRange::ALL, TimeRange::ALL)?;
                        let in_range = narrower.narrow(term, plan.times, plan.index_times)?;
                        Ok((in_range.possible.len() as u64, all.possible.len() as u64))
                    })
                    .collect()
            })
            .collect::<Result<_>>()?;
        let mut diagnoses = Vec::new();
        for (i, term) in terms.iter().enumerate() {
            let (n_in_range, n_total) =
                per_bucket.iter().fold((0, 0), |(range, total), bucket| (range + bucket[i].0, total + bucket[i].1));
            let nearest = match term {
                SearchExpr::Pattern(pattern)
                    if n_total == 0 && is_token_pattern(pattern) && !pattern.glob.has_wildcard() =>
                {
                    let word = pattern.glob.to_string().to_ascii_lowercase();
                    let buckets = rows.iter().map(|row| reader.bucket(row)).collect::<Result<Vec<_>>>()?;
                    nearest_terms(&word, buckets.iter().map(|bucket| &**bucket))?
                }
                _ => Vec::new(),
            };
            diagnoses.push(Self { term: term.to_string(), n_in_range, n_total, nearest });
        }
        Ok(diagnoses)
    }
}

/// The most frequent of the terms nearest to `word` that share its first letter.
fn nearest_terms<'b>(word: &str, buckets: impl Iterator<Item = &'b Bucket>) -> Result<Vec<String>> {
    let Some(first) = word.bytes().next() else { return Ok(Vec::new()) };
    let mut found: Vec<(usize, std::cmp::Reverse<u32>, String)> = Vec::new();
    for bucket in buckets {
        let mut terms = bucket.segment()?.terms(&[first])?;
        while let Some((term, info)) = terms.next() {
            let Ok(term) = std::str::from_utf8(term) else { continue };
            let distance = distance_up_to(word.as_bytes(), term.as_bytes(), MAX_DISTANCE);
            if let Some(distance) = distance {
                match found.iter_mut().find(|(_, _, known)| known == term) {
                    Some((_, n_docs, _)) => n_docs.0 += info.doc_freq,
                    None => found.push((distance, std::cmp::Reverse(info.doc_freq), term.to_owned())),
                }
            }
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().take(MAX_NEAREST).map(|(_, _, term)| term).collect())
}

/// Levenshtein distance if it is at most `max`. O(`a.len()` × `b.len()`), but words of other lengths cost nothing.
fn distance_up_to(a: &[u8], b: &[u8], max: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > max {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
        if row.iter().min().is_some_and(|least| *least > max) {
            return None;
        }
    }
    Some(row[b.len()]).filter(|distance| *distance <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("payment", "payment", Some(0)),
            ("paymnet", "payment", Some(2)),
            ("paymentservice", "payment", None),
            ("eror", "error", Some(1)),
            ("abc", "xyz", None),
        ] {
            assert_eq!(distance_up_to(a.as_bytes(), b.as_bytes(), 2), expected, "{a} {b}");
        }
    }
}
