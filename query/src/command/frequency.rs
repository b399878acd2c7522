//! What `top` and `rare` have in common: the values of fields by how often they occur.

use super::args::{boolean, count};
use super::group::Groups;
use super::grouping::{check_groups, write_by};
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::stats_fn::Target;
use crate::value::Value;
use crate::wanted::Wanted;
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

/// The parsed form of `top` and `rare`.
#[derive(Clone, Debug)]
pub struct Frequency {
    /// `rare` rather than `top`.
    pub rarest_first: bool,
    /// Most lines for each BY group; `None` for all.
    pub limit: Option<usize>,
    /// The column of counts.
    pub count_field: String,
    /// The column of percentages.
    pub percent_field: String,
    /// Whether there is a column of counts.
    pub show_count: bool,
    /// Whether there is a column of percentages.
    pub show_percent: bool,
    /// The value that stands for what is beyond the limit, if that is wanted.
    pub other: Option<String>,
    /// The fields, at least one.
    pub fields: Vec<String>,
    /// The fields to group by first.
    pub by: Vec<String>,
}

const DEFAULT_LIMIT: usize = 10;
const DEFAULT_OTHER: &str = "OTHER";
const OPTIONS: [&str; 7] = ["limit", "countfield", "percentfield", "showcount", "showperc", "useother", "otherstr"];

/// Reads the arguments of both commands.
pub(super) fn parse(mut args: Args<'_>, rarest_first: bool) -> Result<Box<dyn Command>, QueryError> {
    let mut command = Frequency {
        rarest_first,
        limit: Some(DEFAULT_LIMIT),
        count_field: "count".to_owned(),
        percent_field: "percent".to_owned(),
        show_count: true,
        show_percent: true,
        other: None,
        fields: Vec::new(),
        by: Vec::new(),
    };
    let mut other = Other { is_used: false, name: DEFAULT_OTHER.to_owned() };
    parse_options(&mut args, &mut command, &mut other)?;
    if let Some(number) = args.number()? {
        command.limit = (number > 0).then_some(number);
    }
    parse_options(&mut args, &mut command, &mut other)?;
    args.cursor.skip_space();
    let start = args.cursor.pos();
    command.fields = args.expect_plain_names(&["BY"])?;
    let span = args.cursor.trimmed_span_from(start);
    parse_options(&mut args, &mut command, &mut other)?;
    if args.keyword("BY") {
        command.by = args.expect_plain_names(&[])?;
        parse_options(&mut args, &mut command, &mut other)?;
    }
    args.finish()?;
    command.other = other.is_used.then_some(other.name);
    let mut columns: Vec<&String> = command.columns().collect();
    columns.sort_unstable();
    if let Some(twice) = columns.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(QueryError::rule(format!("two columns are called `{}`", twice[0]), span)
            .with_hint("name the results with countfield= and percentfield="));
    }
    Ok(Box::new(command))
}

struct Other {
    is_used: bool,
    name: String,
}

fn parse_options(args: &mut Args<'_>, command: &mut Frequency, other: &mut Other) -> Result<(), QueryError> {
    while let Some((option, value)) = args.option(&OPTIONS)? {
        match option {
            "limit" => command.limit = Some(count(&value)?).filter(|limit| *limit > 0),
            "countfield" => command.count_field = value.value,
            "percentfield" => command.percent_field = value.value,
            "showcount" => command.show_count = boolean(&value)?,
            "showperc" => command.show_percent = boolean(&value)?,
            "useother" => other.is_used = boolean(&value)?,
            _ => other.name = value.value,
        }
    }
    Ok(())
}

impl Frequency {
    fn name(&self) -> &'static str {
        if self.rarest_first { "rare" } else { "top" }
    }

    /// The names of all columns of the result.
    fn columns(&self) -> impl Iterator<Item = &String> {
        let count = self.show_count.then_some(&self.count_field);
        let percent = self.show_percent.then_some(&self.percent_field);
        self.by.iter().chain(&self.fields).chain(count).chain(percent)
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        if self.limit != Some(DEFAULT_LIMIT) {
            write!(f, " limit={}", self.limit.unwrap_or(0))?;
        }
        for (option, name, default) in
            [("countfield", &self.count_field, "count"), ("percentfield", &self.percent_field, "percent")]
        {
            if name != default {
                write!(f, " {option}={}", quote_name(name))?;
            }
        }
        f.write_str(if self.show_count { "" } else { " showcount=f" })?;
        f.write_str(if self.show_percent { "" } else { " showperc=f" })?;
        match &self.other {
            None => {}
            Some(other) if other == DEFAULT_OTHER => f.write_str(" useother=t")?,
            Some(other) => write!(f, " useother=t otherstr={}", crate::lexer::quote(other))?,
        }
        self.fields
            .iter()
            .enumerate()
            .try_for_each(|(i, field)| write!(f, "{}{}", if i == 0 { " " } else { ", " }, quote_name(field)))?;
        write_by(f, &self.by)
    }
}

impl Command for Frequency {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: false }
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::of(self.by.iter().chain(&self.fields).cloned())
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let key: Vec<String> = self.by.iter().chain(&self.fields).cloned().collect();
        Box::new(FrequencyOperator {
            ctx: Arc::clone(ctx),
            command: self.clone(),
            groups: Groups::new(key.len()),
            key,
            counts: Vec::new(),
            memory: Memory::new(ctx, self.name()),
            targets: Vec::new(),
        })
    }

    fn counts_rows_only(&self) -> bool {
        true
    }
}

#[derive(Clone)]
struct FrequencyOperator {
    ctx: Arc<Context>,
    command: Frequency,
    /// The BY fields, then the fields.
    key: Vec<String>,
    groups: Groups,
    /// Rows in each group.
    counts: Vec<u64>,
    memory: Memory,
    targets: Vec<Target>,
}

impl FrequencyOperator {
    fn take(&mut self, batch: &Batch, counts: Option<&[u64]>) -> Result<()> {
        self.ctx.cancel.check()?;
        let bytes = self.groups.assign(batch, &self.key, &mut self.targets);
        self.grow(bytes)?;
        for target in &self.targets {
            self.counts[target.group as usize] += counts.map_or(1, |counts| counts[target.row as usize]);
        }
        Ok(())
    }

    /// Makes room for new groups, whose keys take `bytes`.
    fn grow(&mut self, bytes: usize) -> Result<()> {
        let n_new = self.groups.len() - self.counts.len();
        self.memory.grow(bytes + n_new * size_of::<u64>())?;
        self.counts.resize(self.groups.len(), 0);
        check_groups(&self.ctx, self.command.name(), self.groups.len())
    }

    /// The groups of the rows of one BY group that are shown, and the number of rows in the others.
    fn choose(&self, mut groups: Vec<u32>) -> (Vec<u32>, u64) {
        let n_by = self.command.by.len();
        let text =
            |group: u32| -> Vec<String> { self.groups.key(group)[n_by..].iter().map(Value::to_string).collect() };
        // Of equally frequent values the one whose text is later comes first.
        groups.sort_by_cached_key(|group| (Reverse(text(*group)), *group));
        match self.command.rarest_first {
            true => groups.sort_by_key(|group| self.counts[*group as usize]),
            false => groups.sort_by_key(|group| Reverse(self.counts[*group as usize])),
        }
        let others = groups.split_off(self.command.limit.unwrap_or(groups.len()).min(groups.len()));
        (groups, others.iter().map(|group| self.counts[*group as usize]).sum())
    }
}

impl Operator for FrequencyOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.take(&batch, None)?;
        Ok(Flow::More)
    }

    fn push_counted(&mut self, batch: Batch, counts: &[u64]) -> Result<()> {
        self.take(&batch, Some(counts))
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        self.memory.absorb(other.memory);
        let (groups, bytes) = self.groups.merge(&other.groups);
        self.grow(bytes)?;
        for (group, count) in groups.into_iter().zip(other.counts) {
            self.counts[group as usize] += count;
        }
        Ok(())
    }

    fn snapshot(&self) -> Option<Box<dyn Operator>> {
        Some(Box::new(self.clone()))
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let n_by = self.command.by.len();
        let mut parents = Groups::new(n_by);
        let mut children: Vec<Vec<u32>> = Vec::new();
        for group in 0..self.groups.len() as u32 {
            let key: Vec<&Value> = self.groups.key(group)[..n_by].iter().collect();
            let (parent, _) = parents.find_or_add(&key);
            children.resize_with(parents.len(), Vec::new);
            children[parent as usize].push(group);
        }
        let mut columns: Vec<Vec<Value>> = vec![Vec::new(); self.key.len() + 2];
        let mut add_line = |key: &mut dyn Iterator<Item = Value>, count: u64, total: u64| {
            let percent = Value::from(format!("{:.6}", 100.0 * count as f64 / total as f64));
            let cells = key.chain([Value::count(count), percent]);
            columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
        };
        for parent in parents.sorted() {
            let groups = std::mem::take(&mut children[parent as usize]);
            let total = groups.iter().map(|group| self.counts[*group as usize]).sum();
            let (chosen, n_others) = self.choose(groups);
            for group in chosen {
                add_line(&mut self.groups.key(group).iter().cloned(), self.counts[group as usize], total);
            }
            if let Some(other) = &self.command.other
                && n_others > 0
            {
                let others = std::iter::repeat_n(Value::from(other.as_str()), self.command.fields.len());
                add_line(&mut parents.key(parent).iter().cloned().chain(others), n_others, total);
            }
        }
        let len = columns[0].len();
        let percent = columns.pop().unwrap_or_default();
        let count = columns.pop().unwrap_or_default();
        let shown_count = self.command.show_count.then_some(count);
        let shown_percent = self.command.show_percent.then_some(percent);
        let cells = columns.into_iter().chain(shown_count).chain(shown_percent);
        out(Batch::from_columns(len, self.command.columns().zip(cells)));
        Ok(())
    }
}
