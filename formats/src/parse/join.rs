//! Which further lines belong to an event.

use crate::extract::leaves_quote_open;
use crate::framing::{Framing, InPosition, Role};
use crate::sourcetype::Rules;
use crate::text::{Decoding, Wrapper, text};
use crate::wrapper::WrappedLine;

/// The state of an event whose first line has been seen.
pub(super) enum Join<'b> {
    /// One line is all.
    Nothing,
    /// Lines as the framing rule says.
    Lines {
        /// The event begins with a stamp in position.
        stamped: bool,
    },
    /// Lines until the quoted field is closed.
    Quotes {
        /// A field is open.
        open: bool,
    },
    /// Lines until the partial lines of all streams are finished.
    Streams {
        wrapper: Wrapper,
        /// Streams that owe the rest of a line.
        open: Vec<&'b [u8]>,
    },
}

impl<'b> Join<'b> {
    /// Looks at the first line of an event. `stamp` is its stamp in position, if that is already known.
    pub(super) fn begin(rules: &Rules, decoding: Decoding, line: &'b [u8], stamp: InPosition) -> Self {
        let mut join = Self::resume(&rules.framing, decoding.wrapper, false);
        match &mut join {
            Self::Lines { stamped } if rules.framing.needs_stamp() => {
                let stamp = match stamp {
                    InPosition::Known(stamp) => stamp,
                    InPosition::Unknown => rules.recogniser.find_in_position(&text(line, unwrapped(decoding))),
                };
                *stamped = stamp.is_some();
            }
            Self::Lines { .. } | Self::Nothing => {}
            Self::Quotes { .. } | Self::Streams { .. } => drop(join.add(rules, decoding, line)),
        }
        join
    }

    /// The state for the rest of an event that was cut.
    pub(super) fn resume(framing: &Framing, wrapper: Wrapper, stamped: bool) -> Self {
        match framing {
            _ if wrapper != Wrapper::None => Self::Streams { wrapper, open: Vec::new() },
            Framing::Csv => Self::Quotes { open: false },
            _ if framing.is_line_by_line() => Self::Nothing,
            _ => Self::Lines { stamped },
        }
    }

    /// Returns whether no further line can belong to the event.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Lines { .. } => false,
            Self::Quotes { open } => !open,
            Self::Streams { open, .. } => open.is_empty(),
        }
    }

    /// Returns whether the event began with a stamp in position.
    pub(super) fn is_stamped(&self) -> bool {
        matches!(self, Self::Lines { stamped: true })
    }

    /// Looks at a further line.
    pub(super) fn add(&mut self, rules: &Rules, decoding: Decoding, line: &'b [u8]) -> Role {
        match self {
            Self::Nothing => return Role::Begins(InPosition::Unknown),
            Self::Lines { stamped } => {
                return rules.framing.role(&text(line, unwrapped(decoding)), &rules.recogniser, *stamped);
            }
            Self::Quotes { open } => *open = leaves_quote_open(&text(line, decoding), *open),
            Self::Streams { wrapper, open } => {
                let line = WrappedLine::parse(line, *wrapper);
                open.retain(|stream| *stream != line.stream);
                if line.partial {
                    open.push(line.stream);
                }
            }
        }
        Role::Continues
    }
}

fn unwrapped(decoding: Decoding) -> Decoding {
    Decoding { wrapper: Wrapper::None, ..decoding }
}
