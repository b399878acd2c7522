//! Which columns event rows have.

use crate::wanted::Wanted;

/// A field that is known of every event without looking into its text, or is the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// Seconds since the epoch.
    Time,
    /// The text.
    Raw,
    /// Machine.
    Host,
    /// Path.
    Source,
    /// Format.
    Sourcetype,
    /// Index.
    Index,
    /// Level as written.
    Level,
    /// Address: source, generation, offset, length.
    Addr,
    /// The exact bytes, see [`super::bytes`].
    Bytes,
    /// Time of indexing, seconds since the epoch.
    IndexTime,
    /// What is unusual about the event: `no_stamp`, `bad_time`, `cut`, `continued`, `header`.
    Flags,
    /// Lines of the text.
    LineCount,
    /// Where the recognised time stamp begins in the text.
    TimeStartPos,
    /// Where it ends.
    TimeEndPos,
    /// A part of the local time, by its place in [`DATE_FIELDS`].
    Date(u8),
    /// Always `localhost`: there is one machine.
    SplunkServer,
}

/// Names and builtins, in column order.
const BUILTINS: [(&str, Builtin); 15] = [
    ("_time", Builtin::Time),
    ("_raw", Builtin::Raw),
    ("host", Builtin::Host),
    ("source", Builtin::Source),
    ("sourcetype", Builtin::Sourcetype),
    ("index", Builtin::Index),
    ("level", Builtin::Level),
    ("_addr", Builtin::Addr),
    (super::bytes::FIELD, Builtin::Bytes),
    ("_indextime", Builtin::IndexTime),
    ("_flags", Builtin::Flags),
    ("linecount", Builtin::LineCount),
    ("timestartpos", Builtin::TimeStartPos),
    ("timeendpos", Builtin::TimeEndPos),
    ("splunk_server", Builtin::SplunkServer),
];

/// `date_*` fields.
pub const DATE_FIELDS: [&str; 7] =
    ["date_hour", "date_mday", "date_minute", "date_month", "date_second", "date_wday", "date_year"];

/// Builtins that rows have when every field is wanted. The others are there for those who name them.
const USUAL: [Builtin; 9] = [
    Builtin::Time,
    Builtin::Raw,
    Builtin::Host,
    Builtin::Source,
    Builtin::Sourcetype,
    Builtin::Index,
    Builtin::Level,
    Builtin::Addr,
    Builtin::Flags,
];

/// Names of the fields that every event may be asked for, but for the one that carries its exact bytes.
pub fn builtin_fields() -> impl Iterator<Item = &'static str> {
    let names = BUILTINS.iter().filter(|(_, builtin)| *builtin != Builtin::Bytes).map(|(name, _)| *name);
    names.chain(DATE_FIELDS)
}

impl Builtin {
    /// The builtin field of that name.
    pub fn of(name: &str) -> Option<Self> {
        let date = DATE_FIELDS.iter().position(|date| *date == name).map(|part| Self::Date(part as u8));
        BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, builtin)| *builtin).or(date)
    }

    /// Whether the event's text must be read to know it.
    pub fn reads_text(self) -> bool {
        matches!(self, Self::Raw | Self::Bytes | Self::Addr | Self::LineCount | Self::TimeStartPos | Self::TimeEndPos)
    }
}

/// Fields that are extracted from the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extracted {
    /// Exactly these, in this order; may be none.
    Named(Vec<String>),
    /// Whatever the text holds that is wanted.
    Matching(Wanted),
}

/// The columns of event rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSchema {
    /// Builtin fields with their names, in column order.
    pub builtins: Vec<(&'static str, Builtin)>,
    /// Extracted fields; they come after the builtin ones.
    pub extracted: Extracted,
}

impl EventSchema {
    /// The columns for what a pipeline wants. `with_bytes` adds the exact bytes.
    pub fn new(wanted: &Wanted, with_bytes: bool) -> Self {
        let explicit = |name: &str| match wanted {
            Wanted::All => false,
            Wanted::Only { names, globs } => names.contains(name) || globs.iter().any(|glob| glob.matches_field(name)),
        };
        let dates = DATE_FIELDS.iter().enumerate().map(|(part, name)| (*name, Builtin::Date(part as u8)));
        let builtins = BUILTINS
            .into_iter()
            .chain(dates)
            .filter(|(name, builtin)| match wanted {
                Wanted::All => USUAL.contains(builtin) || (with_bytes && *builtin == Builtin::Bytes),
                Wanted::Only { .. } => explicit(name) || (with_bytes && *builtin == Builtin::Bytes),
            })
            .collect();
        let extracted = match wanted.exact_names() {
            Some(names) => Extracted::Named(names.iter().filter(|name| Builtin::of(name).is_none()).cloned().collect()),
            None => Extracted::Matching(wanted.clone()),
        };
        Self { builtins, extracted }
    }

    /// Whether every column has few distinct values that blocks or columns know: rows can then be counted without being
    /// made one by one.
    pub fn is_countable(&self) -> bool {
        self.extracted == Extracted::Named(Vec::new())
            && self.builtins.iter().all(|(_, builtin)| {
                matches!(
                    builtin,
                    Builtin::Host
                        | Builtin::Source
                        | Builtin::Sourcetype
                        | Builtin::Index
                        | Builtin::Level
                        | Builtin::SplunkServer
                )
            })
    }

    /// Whether rows can be made without the text of the events.
    pub fn reads_text(&self) -> bool {
        self.builtins.iter().any(|(_, builtin)| builtin.reads_text()) || self.extracted != Extracted::Named(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::Glob;

    #[test]
    fn columns_that_nobody_wants_cost_nothing() {
        let schema = EventSchema::new(&Wanted::of(["level", "host"]), false);
        assert!(!schema.reads_text());
        assert_eq!(schema.builtins, [("host", Builtin::Host), ("level", Builtin::Level)]);
        assert!(EventSchema::new(&Wanted::of(["status"]), false).reads_text());
        assert!(!EventSchema::new(&Wanted::none(), false).reads_text());
    }

    #[test]
    fn wildcards_want_what_they_match() {
        let mut wanted = Wanted::none();
        wanted.add_glob(&Glob::new("so*"));
        let schema = EventSchema::new(&wanted, false);
        let names: Vec<&str> = schema.builtins.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["source", "sourcetype"]);
        assert_eq!(schema.extracted, Extracted::Matching(wanted));
    }
}
