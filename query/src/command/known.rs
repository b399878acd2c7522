//! Commands of Splunk that trawl does not have: their names get an answer of their own.

use super::{COMMANDS, CommandSpec};
use crate::error::{QueryError, QueryErrorKind};
use crate::span::Span;

/// Names of Splunk's commands without a counterpart here, with what to use instead where there is something.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("abstract", ""),
    ("analyzefields", ""),
    ("anomalies", "stats with avg and stdev, then where"),
    ("anomalousvalue", "stats with avg and stdev, then where"),
    ("anomalydetection", "stats with avg and stdev, then where"),
    ("arules", ""),
    ("associate", ""),
    ("audit", ""),
    ("awssnsalert", ""),
    ("bucketdir", ""),
    ("cluster", ""),
    ("cofilter", ""),
    ("concurrency", ""),
    ("contingency", ""),
    ("correlate", ""),
    ("ctable", ""),
    ("datamodel", ""),
    ("datamodelsimple", ""),
    ("dbinspect", "trawl status"),
    ("dbxquery", ""),
    ("delete", ""),
    ("diff", ""),
    ("dump", ""),
    ("entitymerge", ""),
    ("erex", ""),
    ("findtypes", ""),
    ("folderize", ""),
    ("from", ""),
    ("fromjson", ""),
    ("gauge", ""),
    ("geom", ""),
    ("geomfilter", ""),
    ("geostats", ""),
    ("highlight", ""),
    ("history", ""),
    ("iconify", ""),
    ("input", "trawl index"),
    ("inputintelligence", ""),
    ("iplocation", ""),
    ("kmeans", ""),
    ("kvform", ""),
    ("loadjob", ""),
    ("localize", ""),
    ("localop", ""),
    ("makejson", ""),
    ("mcollect", ""),
    ("meventcollect", ""),
    ("metasearch", "search"),
    ("mpreview", ""),
    ("msearch", ""),
    ("mstats", ""),
    ("outputtext", "trawl search --output raw"),
    ("overlap", ""),
    ("pivot", "stats"),
    ("predict", ""),
    ("redistribute", ""),
    ("relevancy", ""),
    ("require", ""),
    ("rest", ""),
    ("rtorder", ""),
    ("run", ""),
    ("savedsearch", "| savedsearch at the beginning of a search"),
    ("script", ""),
    ("scrub", ""),
    ("searchtxn", ""),
    ("selfjoin", "stats values(…) BY the common field"),
    ("sendalert", ""),
    ("sendemail", ""),
    ("setfields", "eval"),
    ("sichart", "stats"),
    ("sirare", "rare"),
    ("sistats", "stats"),
    ("sitimechart", "timechart"),
    ("sitop", "top"),
    ("snowevent", ""),
    ("snowincident", ""),
    ("tags", ""),
    ("tojson", "trawl search --output ndjson"),
    ("tscollect", ""),
    ("typeahead", ""),
    ("typelearner", ""),
    ("typer", ""),
    ("walklex", ""),
    ("x11", ""),
    ("xmlunescape", ""),
    ("xsdetails", ""),
];

/// The command of that name, in any case.
///
/// # Errors
/// If there is none: Splunk's commands are told apart from names that nobody knows.
pub(crate) fn find(name: &str, span: Span) -> Result<&'static CommandSpec, QueryError> {
    let lower = name.to_ascii_lowercase();
    if let Some(spec) = COMMANDS.iter().find(|spec| spec.name == lower || spec.aliases.contains(&lower.as_str())) {
        return Ok(spec);
    }
    if let Some((_, instead)) = UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == lower) {
        let error = QueryError::new(QueryErrorKind::UnsupportedCommand(lower), span);
        return Err(match *instead {
            "" => error,
            instead => error.with_hint(format!("the nearest way is {instead}")),
        });
    }
    let names = COMMANDS.iter().flat_map(|spec| std::iter::once(&spec.name).chain(spec.aliases)).copied();
    let unsupported = UNSUPPORTED.iter().map(|(name, _)| *name);
    Err(QueryError::new(QueryErrorKind::UnknownCommand(name.to_owned()), span)
        .with_nearest(&lower, names.chain(unsupported)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_commands_are_not_supported() {
        for (name, instead) in UNSUPPORTED {
            assert!(COMMANDS.iter().all(|spec| spec.name != *name && !spec.aliases.contains(name)), "{name}");
            assert_ne!(name, instead);
        }
    }
}
