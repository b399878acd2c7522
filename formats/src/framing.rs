//! Framing: which lines begin an event.

use crate::pattern::LinePattern;
use crate::timestamp::recognise::{Recogniser, Stamp};

/// The rule that cuts lines into events.
#[derive(Debug)]
pub(crate) enum Framing {
    /// Each line is an event, but for lines that continue one.
    Line {
        /// Lines that never begin an event. If there are such lines, blank ones continue too.
        continues: Option<LinePattern>,
    },
    /// A line that matches begins an event.
    Start {
        /// What an event begins with.
        starts: LinePattern,
        /// Lines that never begin an event.
        continues: Option<LinePattern>,
    },
    /// A line with a stamp in position begins an event; so does a line after an event without one, which makes each
    /// line of a file without stamps an event.
    Stamp {
        /// Lines that never begin an event.
        continues: Option<LinePattern>,
    },
    /// Rows of a table, the first names the columns. A quoted field may hold line ends.
    Csv,
    /// One line each; lines that begin with `#` are directives, and `#Fields:` names the columns.
    W3c,
    /// One line each, as programs print tables: some lines name the columns of those below them.
    Columns {
        /// Lines that name columns.
        header: LinePattern,
        /// Lines that carry nothing: rules, groups of columns, sums. Blank ones do neither.
        skip: Option<LinePattern>,
    },
}

/// How a line relates to the event before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It belongs to the event before.
    Continues,
    /// It begins an event.
    Begins(InPosition),
}

/// What is known about the stamp of a line where the sourcetype says it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InPosition {
    /// Nobody looked for it.
    Unknown,
    /// It is this one, or there is none.
    Known(Option<Stamp>),
}

impl Framing {
    /// Returns whether every line is an event whatever stands around it.
    pub(crate) fn is_line_by_line(&self) -> bool {
        matches!(self, Self::Line { continues: None } | Self::W3c | Self::Columns { .. })
    }

    /// Returns whether a line found to begin an event does so whatever stands before it.
    pub(crate) fn is_context_free(&self) -> bool {
        matches!(self, Self::Line { .. } | Self::Start { .. } | Self::Stamp { .. })
    }

    /// Returns whether a line carries no data but describes the lines that follow, by its look alone.
    pub(crate) fn is_header(&self, line: &[u8]) -> bool {
        match self {
            Self::W3c => line.first() == Some(&b'#'),
            Self::Columns { header, skip } => {
                let is_skipped = |skip: &LinePattern| skip.is_match(line);
                line.trim_ascii().is_empty() || header.is_match(line) || skip.as_ref().is_some_and(is_skipped)
            }
            Self::Line { .. } | Self::Start { .. } | Self::Stamp { .. } | Self::Csv => false,
        }
    }

    /// Returns whether a line names the columns of the lines below it, by its look alone.
    pub(crate) fn names_columns(&self, line: &[u8]) -> bool {
        match self {
            Self::W3c => line.starts_with(b"#Fields:"),
            Self::Columns { header, .. } => header.is_match(line),
            Self::Line { .. } | Self::Start { .. } | Self::Stamp { .. } | Self::Csv => false,
        }
    }

    /// Decides about a line that follows an event. `after_stamped`: that event begins with a stamp in position.
    #[inline]
    pub(crate) fn role(&self, line: &[u8], recogniser: &Recogniser, after_stamped: bool) -> Role {
        let begins = |begins: bool| if begins { Role::Begins(InPosition::Unknown) } else { Role::Continues };
        let continued_by = |continues: &Option<LinePattern>| continues.as_ref().is_some_and(|c| c.is_match(line));
        match self {
            Self::Line { continues: None } | Self::W3c | Self::Csv | Self::Columns { .. } => begins(true),
            Self::Line { continues } => begins(!line.is_empty() && !continued_by(continues)),
            Self::Start { starts, continues } => begins(starts.is_match(line) && !continued_by(continues)),
            Self::Stamp { continues } => {
                if line.is_empty() || continued_by(continues) {
                    return Role::Continues;
                }
                match recogniser.find_in_position(line) {
                    None if after_stamped => Role::Continues,
                    stamp => Role::Begins(InPosition::Known(stamp)),
                }
            }
        }
    }

    /// Returns whether lines before a file's first start are told apart by a stamp.
    pub(crate) fn needs_stamp(&self) -> bool {
        matches!(self, Self::Stamp { .. })
    }

    /// Returns whether `line`, seen alone, could begin an event: what detection counts.
    pub(crate) fn could_begin(&self, line: &[u8]) -> bool {
        let continues = match self {
            Self::Line { continues } | Self::Start { continues, .. } | Self::Stamp { continues } => continues.as_ref(),
            Self::Csv => None,
            // Columns are often aligned to the right.
            Self::Columns { .. } => return !line.trim_ascii().is_empty(),
            Self::W3c => return line.starts_with(b"#Fields:") || line.first() == Some(&b'#'),
        };
        line.first().is_some_and(|b| !b.is_ascii_whitespace()) && !continues.is_some_and(|c| c.is_match(line))
    }
}
