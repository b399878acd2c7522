//! The queries that are generated, as data of their own, and how they are written.
//!
//! The text goes to the real parser, the data to the reference: so the parser is compared as well, above all in what binds
//! more tightly than what.

use super::combine::Combine;
use super::random::Random;
use super::series::Series;
use super::tables::Tables;
use super::values::Values;

/// An expression of `eval` and `where`.
#[derive(Clone, Debug)]
pub enum Expr {
    Number(f64),
    Text(String),
    Field(String),
    Negate(Box<Expr>),
    /// One of `+ - * / % .`
    Binary(char, Box<Expr>, Box<Expr>),
    Compare(Op, Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Xor(Box<Expr>, Box<Expr>),
    /// `x IN (…)`, or `x NOT IN (…)`
    In(Box<Expr>, Vec<Expr>, bool),
    /// `x LIKE "…"`, or `x NOT LIKE "…"`
    Like(Box<Expr>, String, bool),
    Call(&'static str, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    pub const ALL: [Op; 6] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge];

    fn symbol(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        }
    }

    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Op::Eq => ordering.is_eq(),
            Op::Ne => ordering.is_ne(),
            Op::Lt => ordering.is_lt(),
            Op::Le => ordering.is_le(),
            Op::Gt => ordering.is_gt(),
            Op::Ge => ordering.is_ge(),
        }
    }
}

/// An expression of `search`.
#[derive(Clone, Debug)]
pub enum Search {
    All,
    Word(String),
    Compare(String, Op, String),
    In(String, Vec<String>),
    Exists(String),
    Not(Box<Search>),
    And(Vec<Search>),
    Or(Vec<Search>),
}

/// A column of `stats`.
#[derive(Clone, Debug)]
pub struct Aggregate {
    pub function: &'static str,
    pub argument: Argument,
    /// The name of the column.
    pub name: String,
}

#[derive(Clone, Debug)]
pub enum Argument {
    Rows,
    Field(String),
    Eval(Expr),
}

#[derive(Clone, Debug)]
pub struct SortKey {
    pub field: String,
    pub descending: bool,
    /// `auto`, `num` or `str`
    pub kind: &'static str,
}

#[derive(Clone, Debug)]
pub enum Stage {
    Search(Search),
    Where(Expr),
    Eval(Vec<(String, Expr)>),
    Fields { remove: bool, list: Vec<String> },
    Table(Vec<String>),
    Rename(Vec<(String, String)>),
    Stats { aggregates: Vec<Aggregate>, by: Vec<String> },
    Frequency { rare: bool, limit: usize, fields: Vec<String>, by: Vec<String>, percent: bool, other: bool },
    Sort { limit: usize, keys: Vec<SortKey>, reversed: bool },
    Head { limit: Option<usize>, condition: Option<Expr>, keep_last: bool, null_is_true: bool },
    Tail(usize),
    Reverse,
    Dedup { n: usize, list: Vec<String>, keep_events: bool, keep_empty: bool, consecutive: bool, sort_by: Vec<SortKey> },
    Values(Values),
    Tables(Tables),
    Series(Series),
    Combine(Combine),
}

/// A whole query.
#[derive(Clone, Debug)]
pub struct Query {
    pub search: Search,
    pub stages: Vec<Stage>,
}

/// How tightly an expression binds.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Level {
    Xor,
    Or,
    And,
    Not,
    Compare,
    Add,
    Multiply,
    Unary,
    Primary,
}

impl Expr {
    fn level(&self) -> Level {
        match self {
            Expr::Number(_) | Expr::Text(_) | Expr::Field(_) | Expr::Call(..) => Level::Primary,
            Expr::Negate(_) => Level::Unary,
            Expr::Binary('*' | '/' | '%', ..) => Level::Multiply,
            Expr::Binary(..) => Level::Add,
            Expr::Compare(..) | Expr::In(..) | Expr::Like(..) => Level::Compare,
            Expr::Not(_) => Level::Not,
            Expr::And(..) => Level::And,
            Expr::Or(..) => Level::Or,
            Expr::Xor(..) => Level::Xor,
        }
    }

    pub fn print(&self, random: &mut Random) -> String {
        self.write(Level::Xor, random)
    }

    /// Writes the expression where one of at least `level` must stand.
    fn write(&self, level: Level, random: &mut Random) -> String {
        let text = match self {
            Expr::Number(number) => number.to_string(),
            Expr::Text(text) => quote(text),
            Expr::Field(name) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => name.clone(),
            Expr::Field(name) => format!("'{name}'"),
            Expr::Negate(operand) => format!("-{}", operand.write(Level::Primary, random)),
            Expr::Binary(op, left, right) => {
                let tighter = if self.level() == Level::Add { Level::Multiply } else { Level::Unary };
                // A dot beside a digit would be a decimal point.
                format!("{} {op} {}", left.write(self.level(), random), right.write(tighter, random))
            }
            Expr::Compare(op, left, right) => {
                let symbol = if *op == Op::Eq && random.one_in(3) { "==" } else { op.symbol() };
                format!("{}{symbol}{}", left.write(Level::Add, random), right.write(Level::Add, random))
            }
            Expr::In(value, list, negated) => {
                let (value, list) = (value.write(Level::Add, random), write_list(list, random));
                format!("{value} {}{} ({list})", negation(*negated, random), keyword("IN", random))
            }
            Expr::Like(value, pattern, negated) => {
                let value = value.write(Level::Add, random);
                format!("{value} {}{} {}", negation(*negated, random), keyword("LIKE", random), quote(pattern))
            }
            Expr::Not(operand) => format!("{} {}", keyword("NOT", random), operand.write(Level::Not, random)),
            Expr::And(left, right) => {
                let (left, right) = (left.write(Level::And, random), right.write(Level::Not, random));
                format!("{left} {} {right}", keyword("AND", random))
            }
            Expr::Or(left, right) => {
                let (left, right) = (left.write(Level::Or, random), right.write(Level::And, random));
                format!("{left} {} {right}", keyword("OR", random))
            }
            Expr::Xor(left, right) => {
                let (left, right) = (left.write(Level::Xor, random), right.write(Level::Or, random));
                format!("{left} {} {right}", keyword("XOR", random))
            }
            Expr::Call(name, args) => format!("{}({})", keyword(name, random), write_list(args, random)),
        };
        if self.level() < level || random.one_in(12) { format!("({text})") } else { text }
    }
}

fn write_list(list: &[Expr], random: &mut Random) -> String {
    list.iter().map(|expr| expr.write(Level::Xor, random)).collect::<Vec<_>>().join(", ")
}

fn negation(negated: bool, random: &mut Random) -> String {
    if negated { keyword("NOT", random) + " " } else { String::new() }
}

/// A word whose case means nothing.
fn keyword(word: &str, random: &mut Random) -> String {
    match random.below(6) {
        0 => word.to_lowercase(),
        1 => word.to_uppercase(),
        _ => word.to_owned(),
    }
}

/// The text in double quotes.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Search {
    fn write(&self, random: &mut Random) -> String {
        match self {
            Search::All => "*".to_owned(),
            Search::Word(word) => word.clone(),
            Search::Compare(field, op, value) => format!("{field}{}{}", op.symbol(), write_value(value)),
            Search::In(field, values) => {
                let values: Vec<String> = values.iter().map(|value| write_value(value)).collect();
                format!("{field} IN ({})", values.join(", "))
            }
            Search::Exists(field) => format!("{field}=*"),
            Search::Not(operand) => match **operand {
                Search::And(_) | Search::Or(_) => format!("NOT ({})", operand.write(random)),
                _ => format!("NOT {}", operand.write(random)),
            },
            // OR binds more tightly: it is what AND needs no parentheses around.
            Search::And(operands) => {
                let join = if random.one_in(2) { " AND " } else { " " };
                let write = |operand: &Search| match operand {
                    Search::And(_) => format!("({})", operand.write(random)),
                    _ => operand.write(random),
                };
                operands.iter().map(write).collect::<Vec<_>>().join(join)
            }
            Search::Or(operands) => {
                let write = |operand: &Search| match operand {
                    Search::And(_) | Search::Or(_) => format!("({})", operand.write(random)),
                    _ => operand.write(random),
                };
                operands.iter().map(write).collect::<Vec<_>>().join(" OR ")
            }
        }
    }
}

fn write_value(value: &str) -> String {
    if value.contains(' ') || value.is_empty() { quote(value) } else { value.to_owned() }
}

fn write_keys(keys: &[SortKey]) -> String {
    let write = |key: &SortKey| {
        let sign = if key.descending { "-" } else { "" };
        if key.kind == "auto" { format!("{sign}{}", key.field) } else { format!("{sign}{}({})", key.kind, key.field) }
    };
    keys.iter().map(write).collect::<Vec<_>>().join(" ")
}

/// The calls of a statistical command.
pub fn write_aggregates(aggregates: &[Aggregate], random: &mut Random) -> String {
    let mut write = |aggregate: &Aggregate| {
        let call = match &aggregate.argument {
            Argument::Rows => aggregate.function.to_owned(),
            Argument::Field(field) => format!("{}({field})", aggregate.function),
            Argument::Eval(expr) => format!("{}(eval({}))", aggregate.function, expr.write(Level::Xor, random)),
        };
        if call == aggregate.name { call } else { format!("{call} AS {}", aggregate.name) }
    };
    aggregates.iter().map(&mut write).collect::<Vec<_>>().join(" ")
}

/// The clause BY, if there are fields.
pub fn by(fields: &[String]) -> String {
    if fields.is_empty() { String::new() } else { format!(" BY {}", fields.join(" ")) }
}

/// A boolean option that is false by default.
pub fn flag(set: bool, name: &str) -> String {
    if set { format!(" {name}=t") } else { String::new() }
}

impl Stage {
    pub fn write(&self, random: &mut Random) -> String {
        match self {
            Stage::Values(stage) => stage.write(random),
            Stage::Tables(stage) => stage.write(random),
            Stage::Series(stage) => stage.write(random),
            Stage::Combine(stage) => stage.write(random),
            Stage::Search(search) => format!("{} {}", keyword("search", random), search.write(random)),
            Stage::Where(condition) => format!("{} {}", keyword("where", random), condition.write(Level::Xor, random)),
            Stage::Eval(assignments) => {
                let mut write = |(name, expr): &(String, Expr)| format!("{name}={}", expr.write(Level::Xor, random));
                format!("eval {}", assignments.iter().map(&mut write).collect::<Vec<_>>().join(", "))
            }
            Stage::Fields { remove, list } => {
                let join = random.pick(&[" ", ", ", ","]);
                format!("fields {}{}", if *remove { "- " } else { "" }, list.join(join))
            }
            Stage::Table(list) => format!("table {}", list.join(random.pick(&[" ", ", "]))),
            Stage::Rename(pairs) => {
                let pairs: Vec<String> =
                    pairs.iter().map(|(old, new)| format!("{old} {} {new}", keyword("AS", random))).collect();
                format!("rename {}", pairs.join(", "))
            }
            Stage::Stats { aggregates, by: fields } => {
                format!("stats {}{}", write_aggregates(aggregates, random), by(fields))
            }
            Stage::Frequency { rare, limit, fields, by: by_fields, percent, other } => {
                let name = if *rare { "rare" } else { "top" };
                let options = format!("{}{}", flag(*other, "useother"), if *percent { "" } else { " showperc=f" });
                let list = format!("{}{}", fields.join(" "), by(by_fields));
                match random.below(3) {
                    0 => format!("{name} {limit}{options} {list}"),
                    1 => format!("{name} limit={limit}{options} {list}"),
                    _ => format!("{name} {list} limit={limit}{options}"),
                }
            }
            Stage::Sort { limit, keys, reversed } => {
                let limit = if random.one_in(2) { limit.to_string() } else { format!("limit={limit}") };
                format!(
                    "sort {limit} {}{}",
                    write_keys(keys),
                    if *reversed { random.pick(&[" d", " desc"]) } else { "" }
                )
            }
            Stage::Head { limit, condition, keep_last, null_is_true } => {
                let options = format!("{}{}", flag(*keep_last, "keeplast"), flag(*null_is_true, "null"));
                match (limit, condition) {
                    (limit, Some(condition)) => {
                        let limit = limit.map_or(String::new(), |limit| format!(" limit={limit}"));
                        format!("head{limit} ({}){options}", condition.write(Level::Xor, random))
                    }
                    (Some(limit), None) => format!("head {limit}"),
                    (None, None) => "head".to_owned(),
                }
            }
            Stage::Tail(n) => format!("tail {n}"),
            Stage::Reverse => "reverse".to_owned(),
            Stage::Dedup { n, list, keep_events, keep_empty, consecutive, sort_by } => {
                let sort_by =
                    if sort_by.is_empty() { String::new() } else { format!(" sortby {}", write_keys(sort_by)) };
                let n = if *n == 1 { String::new() } else { format!(" {n}") };
                let options = [(*keep_events, "keepevents"), (*keep_empty, "keepempty"), (*consecutive, "consecutive")];
                let options: String = options.iter().map(|(set, name)| flag(*set, name)).collect();
                format!("dedup{n} {}{options}{sort_by}", list.join(" "))
            }
        }
    }
}

impl Query {
    /// The text; the same random numbers give the same one.
    pub fn write(&self, random: &mut Random) -> String {
        let mut text = self.search.write(random);
        for stage in &self.stages {
            text.push_str(random.pick(&[" | ", "|", " |\n"]));
            text.push_str(&stage.write(random));
        }
        text
    }

    /// The columns of the result in their order, where the last stage alone decides about them.
    pub fn columns(&self) -> Option<Vec<String>> {
        match self.stages.last()? {
            Stage::Table(list) if list.iter().all(|name| !name.contains('*')) => Some(list.clone()),
            Stage::Stats { aggregates, by } => {
                Some(by.iter().cloned().chain(aggregates.iter().map(|aggregate| aggregate.name.clone())).collect())
            }
            Stage::Frequency { fields, by, percent, .. } => {
                let count = ["count", "percent"].into_iter().take(if *percent { 2 } else { 1 });
                Some(by.iter().chain(fields).cloned().chain(count.map(str::to_owned)).collect())
            }
            _ => None,
        }
    }
}
