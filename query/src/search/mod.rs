//! Search expressions: what the first stage of a query and the `search` command select.
//!
//! [`SearchExpr`] is the syntax as data. An engine walks it to find candidates in its index, and compiles it, or parts
//! of it, to a [`Filter`] that decides about one event at a time; a scan and the oracle of the tests use the filter alone.
//! `OR` binds more tightly than `AND` here — the reverse of [`crate::expr`].

mod filter;
mod known;
mod outline;
mod parse;
mod pattern;

pub use filter::{EventView, Filter, RowView};
pub use pattern::{EventText, PatternMatcher};

pub(crate) use known::KnownFields;
pub(crate) use parse::{is_word_char, parse_search};

use crate::glob::Glob;
use crate::lexer::quote;
use crate::span::Span;
use crate::subsearch::Subsearch;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// A condition on events.
///
/// Built through [`SearchExpr::and`], [`SearchExpr::or`] and [`SearchExpr::not`] it is in normal form: no `And` directly
/// within `And`, no `Or` within `Or`, no double `Not`, never fewer than two operands. The parser builds nothing else.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchExpr {
    /// Every event: `*`.
    All,
    /// All of these, at least two.
    And(Vec<SearchExpr>),
    /// Any of these, at least two.
    Or(Vec<SearchExpr>),
    /// Not this.
    Not(Box<SearchExpr>),
    /// The text of the event holds a word or phrase.
    Pattern(Pattern),
    /// A field has a value that compares so.
    Compare(Compare),
    /// A field has one of several values: `status IN (404, 5*)`.
    In(In),
    /// `[ … ]`: a condition that is known when the subsearch has run. It is replaced before a search is planned.
    Subsearch(Subsearch),
    /// A field has a value: `field=*`.
    Exists {
        /// The field.
        field: String,
        /// Where it was written.
        span: Span,
    },
}

/// A word, a wildcard word or a phrase: literals with `*` between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What to look for. Never `*` alone: that is [`SearchExpr::All`].
    pub glob: Glob,
    /// How it was written, which decides where it must begin and end.
    pub form: PatternForm,
    /// `CASE(x)`: letters must agree in case.
    pub case_sensitive: bool,
    /// Where it was written.
    pub span: Span,
}

/// How a pattern was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternForm {
    /// Without quotes: `pay*`, `10.0.0.1`. Holds no major breaker.
    Bare,
    /// `"in quotes"`.
    Quoted,
    /// `TERM(x)`: must be bounded by major breakers. Holds none itself.
    Term,
}

/// `field op value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    /// The field.
    pub field: String,
    /// The operator.
    pub op: CompareOp,
    /// The right side; always a literal.
    pub value: ValuePattern,
    /// Where it was written.
    pub span: Span,
}

/// `field IN (value, …)`.
#[derive(Clone, Debug, PartialEq)]
pub struct In {
    /// The field.
    pub field: String,
    /// The values; at least one.
    pub values: Vec<ValuePattern>,
    /// Where it was written.
    pub span: Span,
}

/// A comparison operator of the search language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl CompareOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            CompareOp::Eq => "=",
            CompareOp::Ne => "!=",
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        }
    }

    /// Whether the operator holds for two sides that compare so.
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            CompareOp::Eq => ordering.is_eq(),
            CompareOp::Ne => ordering.is_ne(),
            CompareOp::Lt => ordering.is_lt(),
            CompareOp::Le => ordering.is_le(),
            CompareOp::Gt => ordering.is_gt(),
            CompareOp::Ge => ordering.is_ge(),
        }
    }

    /// The operator that says the same with the sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            CompareOp::Eq | CompareOp::Ne => self,
            CompareOp::Lt => CompareOp::Gt,
            CompareOp::Le => CompareOp::Ge,
            CompareOp::Gt => CompareOp::Lt,
            CompareOp::Ge => CompareOp::Le,
        }
    }
}

/// The right side of a comparison: for `=` and `!=` a whole value in which `*` is any run of characters; for the
/// others a text without wildcards.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuePattern {
    /// The value.
    pub glob: Glob,
    /// `CASE(x)`: letters must agree in case.
    pub case_sensitive: bool,
}

impl SearchExpr {
    /// All of `operands`, in normal form.
    pub fn and(operands: impl IntoIterator<Item = SearchExpr>) -> Self {
        let mut flat = Vec::new();
        for operand in operands {
            match operand {
                SearchExpr::All => {}
                SearchExpr::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => SearchExpr::All,
            1 => flat.remove(0),
            _ => SearchExpr::And(flat),
        }
    }

    /// Any of `operands`, in normal form; of none: nothing.
    pub fn or(operands: impl IntoIterator<Item = SearchExpr>) -> Self {
        let mut flat = Vec::new();
        for operand in operands {
            match operand {
                SearchExpr::All => return SearchExpr::All,
                SearchExpr::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => SearchExpr::not(SearchExpr::All),
            1 => flat.remove(0),
            _ => SearchExpr::Or(flat),
        }
    }

    /// Not `operand`, in normal form.
    #[expect(clippy::should_implement_trait, reason = "a constructor beside `and` and `or`, not an operator")]
    pub fn not(operand: SearchExpr) -> Self {
        match operand {
            SearchExpr::Not(inner) => *inner,
            other => SearchExpr::Not(Box::new(other)),
        }
    }

    /// The fields that the expression compares. The text of the event is not among them: see
    /// [`SearchExpr::reads_text`].
    pub fn fields_read(&self) -> BTreeSet<&str> {
        let mut fields = BTreeSet::new();
        self.visit(&mut |leaf| match leaf {
            SearchExpr::Compare(compare) => {
                fields.insert(compare.field.as_str());
            }
            SearchExpr::In(within) => {
                fields.insert(within.field.as_str());
            }
            SearchExpr::Exists { field, .. } => {
                fields.insert(field.as_str());
            }
            _ => {}
        });
        fields
    }

    /// Whether some word or phrase must be looked for in the event's text.
    pub fn reads_text(&self) -> bool {
        let mut reads_text = false;
        self.visit(&mut |leaf| reads_text |= matches!(leaf, SearchExpr::Pattern(_)));
        reads_text
    }

    /// The subsearches in the expression, from left to right.
    pub(crate) fn subsearches(&self) -> Vec<&Subsearch> {
        let mut found = Vec::new();
        self.visit(&mut |leaf| {
            if let SearchExpr::Subsearch(subsearch) = leaf {
                found.push(subsearch);
            }
        });
        found
    }

    /// Calls `f` for each node without operands, from left to right.
    pub fn visit<'e>(&'e self, f: &mut impl FnMut(&'e SearchExpr)) {
        match self {
            SearchExpr::And(operands) | SearchExpr::Or(operands) => {
                operands.iter().for_each(|operand| operand.visit(f));
            }
            SearchExpr::Not(operand) => operand.visit(f),
            leaf => f(leaf),
        }
    }
}

/// The canonical text; reading it gives the same expression.
impl fmt::Display for SearchExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SearchExpr::All => f.write_str("*"),
            SearchExpr::And(operands) => {
                for (i, operand) in operands.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    match operand {
                        SearchExpr::Or(_) => write!(f, "({operand})")?,
                        // `a in (b OR c)` would be read as a list of values.
                        SearchExpr::Pattern(pattern) if pattern.reads_like_in() => write!(f, "({operand})")?,
                        _ => operand.fmt(f)?,
                    }
                }
                Ok(())
            }
            SearchExpr::Or(operands) => {
                for (i, operand) in operands.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" OR ")?;
                    }
                    match operand {
                        SearchExpr::And(_) => write!(f, "({operand})")?,
                        _ => operand.fmt(f)?,
                    }
                }
                Ok(())
            }
            SearchExpr::Not(operand) => match **operand {
                SearchExpr::And(_) | SearchExpr::Or(_) => write!(f, "NOT ({operand})"),
                _ => write!(f, "NOT {operand}"),
            },
            SearchExpr::Pattern(pattern) => pattern.fmt(f),
            SearchExpr::Compare(compare) => {
                write!(f, "{}{}{}", quote_field(&compare.field), compare.op.symbol(), compare.value)
            }
            SearchExpr::In(within) => {
                write!(f, "{} IN (", quote_field(&within.field))?;
                for (i, value) in within.values.iter().enumerate() {
                    write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            SearchExpr::Subsearch(subsearch) => subsearch.fmt(f),
            SearchExpr::Exists { field, .. } => write!(f, "{}=*", quote_field(field)),
        }
    }
}

impl Pattern {
    fn reads_like_in(&self) -> bool {
        self.form == PatternForm::Bare && !self.case_sensitive && self.glob.to_string().eq_ignore_ascii_case("in")
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.glob.to_string();
        match (self.form, self.case_sensitive) {
            (PatternForm::Bare, false) => f.write_str(&text),
            (PatternForm::Bare, true) => write!(f, "CASE({text})"),
            (PatternForm::Quoted, false) => f.write_str(&quote(&text)),
            (PatternForm::Quoted, true) => write!(f, "CASE({})", quote(&text)),
            (PatternForm::Term, _) => write!(f, "TERM({text})"),
        }
    }
}

impl fmt::Display for ValuePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.glob.to_string();
        let is_plain =
            !text.is_empty() && text.chars().all(is_word_char) && !text.starts_with('=') && !parse::is_reserved(&text);
        let text = if is_plain { text } else { quote(&text) };
        if self.case_sensitive { write!(f, "CASE({text})") } else { f.write_str(&text) }
    }
}

/// A field name on the left of an operator, in quotes where it needs them or would mean something else.
fn quote_field(field: &str) -> String {
    if parse::is_plain_field(field) { field.to_owned() } else { quote(field) }
}
