//! What is known of a search expression where only some fields of an event are.

use super::{EventView, Filter, PatternMatcher, SearchExpr};

/// An expression, ready to be asked about events of which some fields are known and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct KnownFields(Node);

#[derive(Clone, Debug)]
enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Leaf(Filter),
    Unknown,
}

/// Which truth values an expression can have.
#[derive(Clone, Copy)]
struct Outcomes {
    can_be_true: bool,
    can_be_false: bool,
}

impl KnownFields {
    /// Prepares an expression; the fields `known` will be known.
    pub(crate) fn new(expr: &SearchExpr, known: &[&str]) -> Self {
        Self(Node::new(expr, known))
    }

    /// Whether an event can match of which just these fields are known; `None`: the event does not have it.
    pub(crate) fn can_be_true(&self, fields: &[(&str, Option<&str>)]) -> bool {
        self.0.outcomes(&Known(fields)).can_be_true
    }

    /// Whether what is known of an event never decides.
    pub(crate) fn is_undecided(&self) -> bool {
        self.0.is_undecided()
    }
}

impl Node {
    fn new(expr: &SearchExpr, known: &[&str]) -> Self {
        let all = |operands: &[SearchExpr]| operands.iter().map(|operand| Self::new(operand, known)).collect();
        match expr {
            SearchExpr::All => Self::All,
            SearchExpr::And(operands) => Self::And(all(operands)),
            SearchExpr::Or(operands) => Self::Or(all(operands)),
            SearchExpr::Not(operand) => Self::Not(Box::new(Self::new(operand, known))),
            SearchExpr::Pattern(_) | SearchExpr::Subsearch(_) => Self::Unknown,
            leaf => match leaf.fields_read().iter().all(|field| known.contains(field)) {
                true => Self::Leaf(Filter::new(leaf)),
                false => Self::Unknown,
            },
        }
    }

    fn outcomes(&self, event: &Known<'_>) -> Outcomes {
        let is = |holds: bool| Outcomes { can_be_true: holds, can_be_false: !holds };
        match self {
            Self::All => is(true),
            Self::Leaf(filter) => is(filter.matches(event)),
            Self::Unknown => Outcomes { can_be_true: true, can_be_false: true },
            Self::Not(operand) => {
                let Outcomes { can_be_true, can_be_false } = operand.outcomes(event);
                Outcomes { can_be_true: can_be_false, can_be_false: can_be_true }
            }
            Self::And(operands) => {
                operands.iter().map(|operand| operand.outcomes(event)).fold(is(true), |all, one| Outcomes {
                    can_be_true: all.can_be_true && one.can_be_true,
                    can_be_false: all.can_be_false || one.can_be_false,
                })
            }
            Self::Or(operands) => {
                operands.iter().map(|operand| operand.outcomes(event)).fold(is(false), |any, one| Outcomes {
                    can_be_true: any.can_be_true || one.can_be_true,
                    can_be_false: any.can_be_false && one.can_be_false,
                })
            }
        }
    }

    fn is_undecided(&self) -> bool {
        match self {
            Self::All | Self::Unknown => true,
            Self::Leaf(_) => false,
            Self::And(operands) | Self::Or(operands) => operands.iter().all(Self::is_undecided),
            // `NOT *` is decided.
            Self::Not(operand) => !matches!(**operand, Self::All) && operand.is_undecided(),
        }
    }
}

/// An event of which some fields are known.
struct Known<'k>(&'k [(&'k str, Option<&'k str>)]);

impl EventView for Known<'_> {
    fn holds(&self, _: &PatternMatcher) -> bool {
        false
    }

    fn any_value(&self, field: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.0.iter().find(|(name, _)| *name == field).and_then(|(_, value)| *value).is_some_and(test)
    }
}
