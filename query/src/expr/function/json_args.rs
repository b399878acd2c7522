//! Arguments of JSON functions.

use super::super::compile::{Code, Operand, Row, ValueFn};
use super::CallArgs;
use crate::error::QueryError;
use crate::json::Json;
use crate::value::Value;
use std::borrow::Cow;
use trawl_formats::extract::json::Step;

/// Computes the JSON of a value or condition.
pub(in crate::expr) type JsonFn = Box<dyn Fn(&Row<'_>) -> Json + Send + Sync>;

/// Computes the array or object that the text of a value is.
pub(in crate::expr) type ContainerFn = Box<dyn Fn(&Row<'_>) -> Option<Json> + Send + Sync>;

/// A path as an argument.
pub(in crate::expr) enum PathArg {
    Literal(Vec<Step>),
    Data(ValueFn, Paths),
}

impl PathArg {
    /// The path for a row.
    pub fn of(&self, row: &Row<'_>) -> Option<Cow<'_, [Step]>> {
        match self {
            PathArg::Literal(path) => Some(Cow::Borrowed(path)),
            PathArg::Data(value, paths) => Some(Cow::Owned(paths.parse(&value(row).as_text()?))),
        }
    }
}

/// What the text of a path means.
#[derive(Clone, Copy)]
pub(in crate::expr) enum Paths {
    /// Names with dots and braces: see [`Step::parse_path`].
    Dotted,
    /// One name, whatever it holds.
    Exact,
}

impl Paths {
    fn parse(self, text: &str) -> Vec<Step> {
        match self {
            Paths::Dotted => Step::parse_path(text),
            Paths::Exact => vec![Step::Key(text.to_owned())],
        }
    }
}

impl CallArgs<'_, '_> {
    /// The argument at `index`, of either type, as JSON. Text in double quotes is a string, whatever it looks like.
    pub fn json(&mut self, index: usize) -> Result<JsonFn, QueryError> {
        if let Some(literal) = self.literal(index) {
            return Ok(Box::new(move |_| Json::Text(literal.value.clone())));
        }
        Ok(match self.operand(index)? {
            Operand::Value(value) => Box::new(move |row| Json::of(&value(row))),
            Operand::Truth(truth) => Box::new(move |row| truth(row).map_or(Json::Null, Json::Bool)),
        })
    }

    /// The argument at `index`, which must be a value, as the JSON array or object that its text is.
    pub fn container(&mut self, index: usize) -> Result<ContainerFn, QueryError> {
        let value = self.value(index)?;
        Ok(Box::new(move |row| Json::parse_container(&value(row).as_text()?)))
    }

    /// The argument at `index`, which must be a value, as a path.
    pub fn path(&mut self, index: usize, paths: Paths) -> Result<PathArg, QueryError> {
        Ok(match self.literal(index) {
            Some(literal) => PathArg::Literal(paths.parse(&literal.value)),
            None => PathArg::Data(self.value(index)?, paths),
        })
    }

    /// A call that changes the JSON of its first argument: the others are pairs of a path and a value.
    pub fn update_json(
        &mut self,
        function: &str,
        paths: Paths,
        update: impl Fn(&mut Json, Json) + Send + Sync + 'static,
    ) -> Result<Code, QueryError> {
        if self.len().is_multiple_of(2) {
            return Err(QueryError::rule(format!("{function}() needs a value for each path"), self.span));
        }
        let json = self.container(0)?;
        let changes: Vec<_> = (0..self.len() / 2)
            .map(|change| Ok((self.path(2 * change + 1, paths)?, self.json(2 * change + 2)?)))
            .collect::<Result<_, QueryError>>()?;
        Ok(Code::value(move |row| {
            let Some(mut json) = json(row) else { return Value::Null };
            for (path, value) in &changes {
                if let Some(path) = path.of(row) {
                    let value = value(row);
                    json.update(&path, &mut |at| update(at, value.clone()));
                }
            }
            json.to_value()
        }))
    }
}

/// What a path leads to; all of it as an array if the path goes through all elements of one.
pub(super) fn extract(json: &Json, path: &[Step]) -> Json {
    let mut found = Vec::new();
    json.find(path, &mut |json| found.push(json.clone()));
    match path.contains(&Step::Each) {
        true if !found.is_empty() => Json::Array(found),
        _ => found.pop().unwrap_or(Json::Null),
    }
}
