//! Commands of Splunk that trawl does not have: their names get an answer of their own.

use super::{COMMANDS, CommandSpec};
use crate::error::{QueryError, QueryErrorKind};
use crate::span::Span;

/// Names of Splunk's commands without a counterpart here, with what to use instead where there is something.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("abstract", ""),
    ("accum", ""),
    ("addcoltotals", ""),
    ("addinfo", ""),
    ("addtotals", ""),
    ("analyzefields", ""),
    ("anomalies", "stats with avg and stdev, then where"),
    ("anomalousvalue", "stats with avg and stdev, then where"),
    ("anomalydetection", "stats with avg and stdev, then where"),
    ("appendcols", ""),
    ("appendpipe", ""),
    ("arules", ""),
    ("associate", ""),
    ("audit", ""),
    ("autoregress", ""),
    ("awssnsalert", ""),
    ("bin", "timechart, for bins of time"),
    ("bucket", "timechart, for bins of time"),
    ("bucketdir", ""),
    ("chart", "stats or timechart with BY"),
    ("cluster", ""),
    ("cofilter", ""),
    ("collect", ""),
    ("concurrency", ""),
    ("contingency", ""),
    ("convert", "eval with tonumber, strftime or strptime"),
    ("correlate", ""),
    ("ctable", ""),
    ("datamodel", ""),
    ("datamodelsimple", ""),
    ("dbinspect", "trawl status"),
    ("dbxquery", ""),
    ("delete", ""),
    ("delta", ""),
    ("diff", ""),
    ("dump", ""),
    ("entitymerge", ""),
    ("erex", ""),
    ("eventcount", "trawl status"),
    ("eventstats", ""),
    ("extract", "fields are extracted by themselves"),
    ("fieldformat", "eval"),
    ("fieldsummary", "stats with count, dc and values"),
    ("filldown", ""),
    ("fillnull", "eval with coalesce"),
    ("findtypes", ""),
    ("folderize", ""),
    ("foreach", ""),
    ("from", ""),
    ("fromjson", ""),
    ("gauge", ""),
    ("gentimes", ""),
    ("geom", ""),
    ("geomfilter", ""),
    ("geostats", ""),
    ("highlight", ""),
    ("history", ""),
    ("iconify", ""),
    ("input", "trawl index"),
    ("inputintelligence", ""),
    ("iplocation", ""),
    ("join", "stats values(…) BY the common field"),
    ("kmeans", ""),
    ("kv", "fields are extracted by themselves"),
    ("kvform", ""),
    ("loadjob", ""),
    ("localize", ""),
    ("localop", ""),
    ("makecontinuous", "timechart"),
    ("makejson", ""),
    ("makemv", ""),
    ("map", ""),
    ("mcollect", ""),
    ("meventcollect", ""),
    ("metadata", "trawl sources"),
    ("metasearch", "search"),
    ("mpreview", ""),
    ("msearch", ""),
    ("mstats", ""),
    ("multikv", ""),
    ("multisearch", "two searches joined by OR"),
    ("mvcombine", "stats values(…) BY the other fields"),
    ("mvexpand", ""),
    ("nomv", ""),
    ("outlier", ""),
    ("outputtext", "trawl search --output raw"),
    ("overlap", ""),
    ("pivot", "stats"),
    ("predict", ""),
    ("rangemap", "eval with case"),
    ("redistribute", ""),
    ("regex", "where with match"),
    ("reltime", ""),
    ("relevancy", ""),
    ("replace", "eval with replace"),
    ("require", ""),
    ("rest", ""),
    ("rex", "eval with replace, or a sourcetype that extracts the field"),
    ("rtorder", ""),
    ("run", ""),
    ("savedsearch", ""),
    ("script", ""),
    ("scrub", ""),
    ("searchtxn", ""),
    ("selfjoin", "stats values(…) BY the common field"),
    ("sendalert", ""),
    ("sendemail", ""),
    ("set", ""),
    ("setfields", "eval"),
    ("sichart", "stats"),
    ("sirare", "rare"),
    ("sistats", "stats"),
    ("sitimechart", "timechart"),
    ("sitop", "top"),
    ("snowevent", ""),
    ("snowincident", ""),
    ("spath", "JSON fields are extracted by themselves"),
    ("strcat", "eval with the . operator"),
    ("streamstats", ""),
    ("tags", ""),
    ("timewrap", ""),
    ("tojson", "trawl search --output ndjson"),
    ("transaction", "stats min(_time) max(_time) count BY the common field"),
    ("transpose", ""),
    ("trendline", ""),
    ("tscollect", ""),
    ("tstats", "stats"),
    ("typeahead", ""),
    ("typelearner", ""),
    ("typer", ""),
    ("union", "two searches joined by OR"),
    ("uniq", "dedup"),
    ("untable", ""),
    ("walklex", ""),
    ("x11", ""),
    ("xmlkv", "XML fields are extracted by themselves"),
    ("xmlunescape", ""),
    ("xpath", ""),
    ("xsdetails", ""),
    ("xyseries", ""),
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
