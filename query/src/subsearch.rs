//! Searches in brackets, whose rows become a part of the search around them.

use crate::ast::Pipeline;
use crate::batch::Batch;
use crate::command::{Command, CommandKind, Format, Return};
use crate::context::{Context, Memory, Warning};
use crate::error::{QueryError, Result, RunError};
use crate::lexer::{Cursor, quote, split_bracketed_stages};
use crate::parser::{parse_command, parse_expanded};
use crate::run::Search;
use crate::span::Span;
use crate::value::parse_number;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// How deep brackets may stand within brackets.
const MAX_DEPTH: usize = 10;

/// Most rows of a subsearch that becomes a condition. spl.md §12.
const MAX_CONDITION_ROWS: usize = 10_000;

/// Commands that may begin a subsearch without a pipe before them.
const GENERATING: [&str; 8] =
    ["inputlookup", "inputcsv", "makeresults", "tstats", "metadata", "gentimes", "savedsearch", "eventcount"];

/// `[ search … ]`
#[derive(Clone)]
pub struct Subsearch {
    /// What stands between the brackets.
    pub pipeline: Arc<Pipeline>,
    /// Where the brackets stand in the text of the search around it.
    pub span: Span,
}

/// Two subsearches are equal if they read the same.
impl PartialEq for Subsearch {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Debug for Subsearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Subsearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.pipeline)
    }
}

/// Where the result of a subsearch is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a search expression: a condition.
    Search,
    /// In an expression of `eval` or `where`: a value or a condition.
    Expression,
}

impl Subsearch {
    /// Reads a subsearch if an opening bracket comes next.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>, QueryError> {
        let Some((inside, span)) = cursor.eat_bracketed()? else { return Ok(None) };
        if cursor.depth() >= MAX_DEPTH {
            return Err(QueryError::rule("subsearches are nested too deeply", span));
        }
        let text = cursor.text_of(inside);
        let first_word = text.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let needs_pipe = GENERATING.iter().any(|name| name.eq_ignore_ascii_case(first_word));
        let (pipe, text) = if needs_pipe { ("|", text) } else { ("", text) };
        let pipeline = parse_expanded(&format!("{pipe}{text}"), cursor.knowledge(), cursor.depth() + 1);
        let pipeline = pipeline.map_err(|error| {
            let shifted = |at: usize| (inside.start + at).saturating_sub(pipe.len());
            QueryError { span: Span::new(shifted(error.span.start), shifted(error.span.end)), ..error }
        })?;
        Ok(Some(Self { pipeline: Arc::new(pipeline), span }))
    }

    /// As [`parse`](Self::parse), where nothing else can stand.
    pub(crate) fn expect(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        cursor.skip_separators();
        Self::parse(cursor)?.ok_or_else(|| cursor.expected("a subsearch in brackets"))
    }

    /// What identifies the subsearch among those of a search.
    pub(crate) fn key(&self) -> usize {
        Arc::as_ptr(&self.pipeline) as usize
    }

    /// Runs it and returns at most `max_rows` rows; if there are more, that is a warning.
    pub(crate) fn run(&self, ctx: &Arc<Context>, command: &'static str, max_rows: usize) -> Result<Batch> {
        run_text(&self.pipeline.text, ctx, command, max_rows)
    }

    /// Runs it and writes its rows as the text that stands for it.
    pub(crate) fn replacement(&self, ctx: &Arc<Context>, place: Place) -> Result<String> {
        let rows = self.run(ctx, "subsearch", MAX_CONDITION_ROWS)?;
        let last = self.pipeline.commands.last().map(|command| {
            let command: &dyn Command = &**command;
            command as &dyn std::any::Any
        });
        let returns_value = last.and_then(|last| last.downcast_ref::<Return>()).is_some_and(Return::is_single_value);
        let names: Vec<&str> = rows.fields().iter().collect();
        let text = match names[..] {
            [name @ ("search" | "query")] if !rows.is_empty() => {
                let texts = (0..rows.len()).map(|row| rows.value(row, name).to_string());
                texts.collect::<Vec<_>>().join(" OR ")
            }
            _ => Format::default().text(&rows),
        };
        Ok(match place {
            Place::Expression if returns_value && parse_number(&text).is_none() => quote(&text),
            Place::Search if text.trim().is_empty() => "NOT ()".to_owned(),
            _ => text,
        })
    }
}

/// Runs the text of a search on behalf of another one, with the range of time and the indexes of its caller.
pub(crate) fn run_text(text: &str, ctx: &Arc<Context>, command: &'static str, max_rows: usize) -> Result<Batch> {
    let mut options = ctx.caller().clone();
    options.limit = Some(max_rows.saturating_add(1));
    let search = Search::prepare_expanded(text, &options)
        .map_err(|error| RunError::Subsearch { command, message: error.to_string() })?
        .within(ctx);
    let mut memory = Memory::new(ctx, command);
    let mut rows = Batch::default();
    let summary = search.run_in(ctx.engine(), None, &mut |batch| {
        memory.grow(batch.bytes())?;
        rows.append(batch);
        Ok(crate::command::Flow::More)
    })?;
    if rows.len() > max_rows {
        rows.truncate(max_rows);
        ctx.warn(Warning::SubsearchCut { command, kept: max_rows });
    }
    summary.spilled.into_iter().for_each(|spilled| ctx.note_spilled(spilled));
    summary.warnings.into_iter().for_each(|warning| ctx.warn(Warning::OfSubsearch(warning)));
    if let Some(why) = summary.incomplete {
        ctx.set_incomplete(why);
    }
    rows.clear_order();
    Ok(rows)
}

/// The text of a pipeline with the results of its inline subsearches in their places.
///
/// # Errors
/// If one of them fails.
pub(crate) fn resolve(pipeline: &Pipeline, ctx: &Arc<Context>) -> Result<String> {
    let mut text = pipeline.text.to_string();
    for (subsearch, place) in pipeline.inline_subsearches().into_iter().rev() {
        text.replace_range(subsearch.span.range(), &subsearch.replacement(ctx, place)?);
    }
    Ok(text)
}

/// The error of a search that is wrong once its subsearches have run.
pub(crate) fn wrong_text(error: QueryError) -> RunError {
    RunError::Subsearch { command: "search", message: error.to_string() }
}

/// Runs the subsearches that are arguments of `commands`, whose rows operators find in the context, and then lets the commands
/// fetch what else they need.
pub(crate) fn run_arguments(commands: &[Box<dyn Command>], ctx: &Arc<Context>) -> Result<()> {
    for command in commands {
        for argument in command.subsearches() {
            let rows = argument.subsearch.run(ctx, argument.command, argument.max_rows)?;
            ctx.keep_rows(argument.subsearch.key(), rows);
        }
    }
    // A table that is written on the way may not be there yet.
    let ready = commands.iter().take_while(|command| !command.writes_tables());
    ready.into_iter().try_for_each(|command| command.prepare(ctx))
}

/// `[ command | command … ]`: commands over rows that are there already, as `appendpipe` runs them.
#[derive(Clone, Debug)]
pub struct Subpipeline {
    /// The commands; at least one.
    pub commands: Arc<[Box<dyn Command>]>,
}

impl Subpipeline {
    /// Reads commands in brackets, which must come next. A pipe before the first one is allowed.
    pub(crate) fn expect(cursor: &mut Cursor<'_>) -> Result<Self, QueryError> {
        cursor.skip_separators();
        let whole = *cursor;
        let Some((inside, span)) = cursor.eat_bracketed()? else {
            return Err(cursor.expected("commands in brackets"));
        };
        if cursor.depth() >= MAX_DEPTH {
            return Err(QueryError::rule("brackets are nested too deeply", span));
        }
        let text = whole.text_of(inside);
        let mut commands = Vec::new();
        for stage in split_bracketed_stages(text)? {
            let stage = Span::new(inside.start + stage.start, inside.start + stage.end);
            let (command, name) = parse_command(whole.of(stage).within(whole.knowledge(), whole.depth() + 1), false)?;
            if command.kind() == CommandKind::Generating {
                return Err(QueryError::rule("a command that makes its own rows cannot stand here", name));
            }
            commands.push(command);
        }
        Ok(Self { commands: commands.into() })
    }

    /// The inline subsearches of its commands.
    pub(crate) fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        self.commands.iter().flat_map(|command| command.inline_subsearches()).collect()
    }

    /// The subsearches that its commands take rows from.
    pub(crate) fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        self.commands.iter().flat_map(|command| command.subsearches()).collect()
    }

    /// What its commands read if all that they pass on is read as far as `downstream` says.
    pub(crate) fn fields_read(&self, downstream: &Wanted) -> Wanted {
        self.commands.iter().rfold(downstream.clone(), |wanted, command| command.fields_read(&wanted))
    }
}

impl fmt::Display for Subpipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if i > 0 { " | " } else { "" })?;
        }
        f.write_str("]")
    }
}

/// A subsearch whose rows a command works with.
#[derive(Debug)]
pub struct SubsearchArgument<'c> {
    /// The command, for warnings.
    pub command: &'static str,
    /// The subsearch.
    pub subsearch: &'c Subsearch,
    /// Most rows that are used.
    pub max_rows: usize,
}

#[cfg(test)]
mod tests {
    use super::run_text;
    use crate::testing::{check_generated, commands, context, execute, print, write_table};
    use std::sync::Arc;

    #[test]
    fn rows_become_conditions() {
        for (inner, expected) in [
            ("[| makeresults | eval x=2 | table x]", "x=2"),
            ("[| makeresults | eval y=1 | return x=y]", "x=1"),
            ("[| makeresults | eval y=2 | return $y]", "x=2"),
            ("[| makeresults | eval query=\"x=2\" | table query]", "x=2"),
            ("[| makeresults count=0 | table x]", ""),
            ("NOT [| makeresults | eval x=2 | table x]", "x=1"),
        ] {
            let query = format!("| makeresults format=csv data=\"x\n1\n2\" | table x | search {inner}");
            check_generated(&query, expected);
        }
    }

    #[test]
    fn rows_become_values_and_conditions_of_expressions() {
        for (stage, expected) in [
            ("where x > [| makeresults | eval n=1 | return $n]", "x=2"),
            ("where [| makeresults | eval x=1 | return x]", "x=1"),
            ("eval x=x . [| makeresults | eval n=\"a b\" | return $n]", "x=\"1a b\"\nx=\"2a b\""),
            ("eval x=[| makeresults | eval n=5 | return $n] + x", "x=6\nx=7"),
        ] {
            check_generated(&format!("| makeresults format=csv data=\"x\n1\n2\" | table x | {stage}"), expected);
        }
    }

    #[test]
    fn a_search_and_its_subsearches_read_a_table_once() {
        let ctx = Arc::new(context());
        run_text("| inputlookup hosts", &ctx, "append", 10).unwrap();
        let folder = ctx.caller().knowledge.lookups.dir.clone().unwrap();
        write_table(&folder, "hosts.csv", "host\nother\n");
        let rows = execute(&ctx, &commands("inputlookup append=t hosts | head 1 | table owner"), &[], 1, 1).unwrap();
        assert_eq!(print(&rows), "owner=anna");
        // A table that was written is read again.
        let query = "outputlookup hosts | append [| inputlookup hosts] | table host";
        let rows = execute(&ctx, &commands("inputlookup append=t hosts max=1 | table host"), &[], 1, 1).unwrap();
        let rows = execute(&ctx, &commands(query), &[rows], 1, 1).unwrap();
        assert_eq!(print(&rows), "host=db-01\nhost=db-01\nhost=db-02\nhost=db-02");
        run_text("| inputlookup hosts | stats count", &ctx, "append", 10).unwrap();
        let rows = execute(&ctx, &commands("inputlookup append=t hosts | table host"), &[], 1, 1).unwrap();
        assert_eq!(print(&rows), "host=db-01");
    }

    #[test]
    fn a_subsearch_in_a_subsearch() {
        check_generated(
            "| makeresults | eval x=3 | table x | search [| makeresults | eval x=3 | search [| makeresults | eval x=3 | \
             table x] | table x]",
            "x=3",
        );
        let deep = format!("{}x{}", "[search ".repeat(20), "]".repeat(20));
        assert_eq!(crate::parse(&deep).unwrap_err().to_string(), "subsearches are nested too deeply");
        let deeper = "[".repeat(100_000);
        assert_eq!(crate::parse(&deeper).unwrap_err().to_string(), "unbalanced `[`");
    }
}
