//! Deciding about one event or row.

use super::{CompareOp, EventText, PatternMatcher, SearchExpr, ValuePattern};
use crate::batch::Batch;
use crate::glob::Glob;
use crate::net::Network;
use crate::value::{Value, parse_number};
use compact_str::CompactString;
use trawl_formats::timestamp::Span as Stamp;

/// What a filter may ask of an event or row.
pub trait EventView {
    /// Whether the text holds the pattern. For an event: [`PatternMatcher::matches`] on its [`EventText`].
    fn holds(&self, pattern: &PatternMatcher) -> bool;

    /// Calls `test` with each value of the field, in order, until one satisfies it; tells whether one did. A field that
    /// is absent has no value.
    fn any_value(&self, field: &str, test: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// A compiled [`SearchExpr`]. Cheap to share between threads; deciding about an event allocates nothing by itself.
#[derive(Clone, Debug)]
pub struct Filter(Node);

#[derive(Clone, Debug)]
enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Pattern(PatternMatcher),
    AnyOf { field: String, tests: Vec<ValueTest> },
    Exists(String),
}

impl Filter {
    /// Compiles an expression.
    pub fn new(expr: &SearchExpr) -> Self {
        Self(Node::new(expr))
    }

    /// A pattern that every event that matches must hold, if there is one.
    pub fn required_pattern(&self) -> Option<&PatternMatcher> {
        match &self.0 {
            Node::Pattern(pattern) => Some(pattern),
            Node::And(operands) => operands.iter().find_map(|operand| match operand {
                Node::Pattern(pattern) => Some(pattern),
                _ => None,
            }),
            _ => None,
        }
    }

    /// Whether the event satisfies the expression.
    pub fn matches(&self, event: &(impl EventView + ?Sized)) -> bool {
        self.0.matches(event)
    }
}

impl Node {
    fn new(expr: &SearchExpr) -> Self {
        match expr {
            SearchExpr::All => Node::All,
            SearchExpr::And(operands) => Node::And(operands.iter().map(Node::new).collect()),
            SearchExpr::Or(operands) => Node::Or(operands.iter().map(Node::new).collect()),
            SearchExpr::Not(operand) => Node::Not(Box::new(Node::new(operand))),
            SearchExpr::Pattern(pattern) => Node::Pattern(PatternMatcher::new(pattern)),
            SearchExpr::Compare(compare) => {
                Node::AnyOf { field: compare.field.clone(), tests: vec![ValueTest::new(compare.op, &compare.value)] }
            }
            SearchExpr::In(within) => Node::AnyOf {
                field: within.field.clone(),
                tests: within.values.iter().map(|value| ValueTest::new(CompareOp::Eq, value)).collect(),
            },
            SearchExpr::Subsearch(_) => unreachable!("subsearches are replaced before a search is planned"),
            SearchExpr::Exists { field, .. } => Node::Exists(field.clone()),
        }
    }

    fn matches(&self, event: &(impl EventView + ?Sized)) -> bool {
        match self {
            Node::All => true,
            Node::And(operands) => operands.iter().all(|operand| operand.matches(event)),
            Node::Or(operands) => operands.iter().any(|operand| operand.matches(event)),
            Node::Not(operand) => !operand.matches(event),
            Node::Pattern(pattern) => event.holds(pattern),
            Node::AnyOf { field, tests } => {
                event.any_value(field, &mut |value| tests.iter().any(|test| test.matches(value)))
            }
            Node::Exists(field) => event.any_value(field, &mut |_| true),
        }
    }
}

/// The comparison of one value with the right side of an operator.
///
/// `=` and `!=` compare text, without case, with wildcards, the whole value; addresses are compared with a network if
/// the right side is one. The others compare numbers if both sides are numeric, and bytes otherwise. Of several values
/// of a field one that compares so is enough, also for `!=`.
#[derive(Clone, Debug)]
struct ValueTest {
    op: CompareOp,
    glob: Glob,
    case_sensitive: bool,
    text: CompactString,
    number: Option<f64>,
    network: Option<Network>,
}

impl ValueTest {
    fn new(op: CompareOp, value: &ValuePattern) -> Self {
        let text = value.glob.to_string();
        Self {
            op,
            glob: value.glob.clone(),
            case_sensitive: value.case_sensitive,
            number: parse_number(&text),
            network: Network::parse(&text),
            text: text.into(),
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self.op {
            CompareOp::Eq => self.equals(value),
            CompareOp::Ne => !self.equals(value),
            CompareOp::Lt => self.compare(value).is_lt(),
            CompareOp::Le => self.compare(value).is_le(),
            CompareOp::Gt => self.compare(value).is_gt(),
            CompareOp::Ge => self.compare(value).is_ge(),
        }
    }

    fn equals(&self, value: &str) -> bool {
        if let Some(network) = &self.network
            && let Ok(address) = value.parse()
        {
            return network.contains(address);
        }
        if self.case_sensitive { self.glob.matches(value) } else { self.glob.matches_ignoring_case(value) }
    }

    fn compare(&self, value: &str) -> std::cmp::Ordering {
        match (parse_number(value), self.number) {
            (Some(value), Some(number)) => (value + 0.0).total_cmp(&(number + 0.0)),
            _ => value.as_bytes().cmp(self.text.as_bytes()),
        }
    }
}

/// A row of a batch, for the `search` command after other commands.
///
/// A word or phrase is looked for in `_raw`, without the time stamp if `timestartpos` and `timeendpos` say where it is. In
/// a row without `_raw` it is looked for in every field that is not internal.
#[derive(Debug)]
pub struct RowView<'b> {
    batch: &'b Batch,
    row: usize,
    event: Option<EventText<'b>>,
}

/// The fields from which [`RowView`] makes the text of an event.
const TEXT_FIELDS: [&str; 3] = ["_raw", "timestartpos", "timeendpos"];

impl<'b> RowView<'b> {
    /// The row at index `row`.
    pub fn new(batch: &'b Batch, row: usize) -> Self {
        let [raw, start, end] = TEXT_FIELDS.map(|field| batch.value(row, field));
        let event = match raw {
            Value::Text(raw) => {
                let stamp = start.as_number().zip(end.as_number()).filter(|(start, end)| start <= end);
                let stamp = stamp.map(|(start, end)| Stamp { start: start as u32, len: (end - start) as u32 });
                Some(EventText::new(raw.as_bytes(), stamp))
            }
            _ => None,
        };
        Self { batch, row, event }
    }
}

impl EventView for RowView<'_> {
    fn holds(&self, pattern: &PatternMatcher) -> bool {
        match &self.event {
            Some(event) => pattern.matches(event),
            None => self.batch.iter().filter(|(name, _)| !name.starts_with('_')).any(|(_, column)| {
                let mut values = column[self.row].each().iter();
                values.any(|value| value.with_text(|text| pattern.is_match(text.as_bytes())))
            }),
        }
    }

    fn any_value(&self, field: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.batch.value(self.row, field).each().iter().any(|value| value.with_text(&mut *test))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::row;

    fn check(fields: &str, query: &str, expected: bool) {
        let batch = row(fields);
        let filter = Filter::new(&crate::parse(query).unwrap().search.unwrap());
        assert_eq!(filter.matches(&RowView::new(&batch, 0)), expected, "{query} on {fields}");
    }

    #[test]
    fn comparisons() {
        for (fields, query, expected) in [
            ("status=404", "status=404", true),
            ("status=404", "status=4*", true),
            ("status=404", "status=4", false),
            ("user=Alice", "user=alice", true),
            ("user=Alice", "user=CASE(alice)", false),
            ("user=Alice", "user=CASE(A*)", true),
            ("x=1.0", "x=1", false),
            ("x=1.0", "x>=1", true),
            ("x=9", "x<10", true),
            ("x=b", "x>a", true),
            ("x=9", "x<a", true),
            ("x=high", "x>5", true),
            ("msg=\"the time out came\"", "msg=\"*time out*\"", true),
            ("ip=10.1.2.3", "ip=10.1.0.0/16", true),
            ("ip=10.2.2.3", "ip=10.1.0.0/16", false),
            ("ip=10.2.2.3", "ip!=10.1.0.0/16", true),
            ("ip=::1", "ip=::/64", true),
            ("net=10.1.0.0/16", "net=10.1.0.0/16", true),
            ("a=[x,y]", "a=y", true),
            ("a=[x,y]", "a=z", false),
            ("a=[x,y]", "a!=x", true),
            ("s=404", "s IN (200, 4*)", true),
            ("s=404", "s IN (200)", false),
            ("a=\"\"", "a=\"\"", true),
            ("a=\"\"", "a=*", true),
        ] {
            check(fields, query, expected);
        }
    }

    #[test]
    fn trap_2_not_equal_needs_the_field() {
        for (query, expected) in [
            ("f!=v", false),
            ("NOT f=v", true),
            ("f!=*", false),
            ("NOT f=*", true),
            ("f=*", false),
            ("NOT f IN (v)", true),
            ("f<5", false),
        ] {
            check("other=1", query, expected);
        }
        check("f=v", "f!=*", false);
        check("f=w", "f!=v", true);
    }

    #[test]
    fn trap_1_or_binds_before_and() {
        check("a=1 c=1", "a=1 OR b=1 c=1", true);
        check("a=1", "a=1 OR b=1 c=1", false);
        check("a=1", "a=1 AND b=1 OR c=1", false);
        check("a=1 c=1", "a=1 AND b=1 OR c=1", true);
    }

    #[test]
    fn words_in_rows() {
        check("_raw=\"disk error\" x=foo", "error", true);
        check("_raw=\"disk error\" x=foo", "foo", false);
        check("x=foo y=bar", "BAR", true);
        check("x=foobar", "*oba*", true);
        check("_time=5 x=1", "5", false);
        check("_raw=\"12:30 x\" timestartpos=0 timeendpos=5", "30", false);
        check("_raw=\"12:30 x\"", "30", true);
    }
}
