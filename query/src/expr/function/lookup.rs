//! `lookup("table", json_object("column", x, …), json_array("column", …))`: columns of a lookup table, as a JSON object.
//!
//! The object says which values which columns of the table must have, the array which columns to give. The table, and how its
//! values are compared, are those of the command `lookup`. Several lines that match give arrays. Null if none matches or a value
//! is missing.
//!
//! With the table `hosts.csv` of the manual of the command:
//!
//! ```example
//! lookup("hosts", json_object("host", "db-01"), json_array("owner", "room")) = {"owner":"anna","room":"A1"}
//! host=db-02 => json_extract(lookup("hosts", json_object("host", host), json_array("owner")), "owner{1}") = carla
//! lookup("hosts", json_object("host", "web-01"), json_array("owner")) = null
//! ```

use super::super::compile::{Code, Row};
use super::{Arity, CallArgs, Function};
use crate::context::Warning;
use crate::error::QueryError;
use crate::json::Json;
use crate::lookup::LookupError;
use crate::manual::Manual;
use crate::time::from_seconds;
use crate::value::Value;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "lookup",
    aliases: &[],
    usage: "lookup(table, json_object(column, value, …), json_array(column, …))",
    arity: Arity::exactly(3),
    manual: Manual::of(include_str!("lookup.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let Some(table) = args.literal(0) else {
        return Err(QueryError::rule("lookup() needs the name of a table in double quotes", args.args[0].span));
    };
    args.compiler.read_table(&table.value);
    let (inputs, outputs) = (args.container(1)?, args.container(2)?);
    let time = args.field("_time");
    Ok(Code::value(move |row| {
        let (Some(Json::Object(inputs)), Some(Json::Array(outputs))) = (inputs(row), outputs(row)) else {
            return Value::Null;
        };
        let time_us = time(row).as_number().and_then(from_seconds);
        find(row, &table.value, inputs, &outputs, time_us).unwrap_or_else(|error| {
            row.ctx().warn(Warning::OfFunction { function: "lookup", message: error.to_string() });
            Value::Null
        })
    }))
}

fn find(
    row: &Row<'_>,
    table: &str,
    inputs: Vec<(String, Json)>,
    outputs: &[Json],
    time_us: Option<i64>,
) -> Result<Value, LookupError> {
    let (columns, values): (Vec<String>, Vec<Json>) = inputs.into_iter().unzip();
    let values: Vec<Value> = values.iter().map(Json::to_value).collect();
    let matcher = row.ctx().tables().matcher(row.ctx(), "lookup", table, &columns)?;
    let mut lines = Vec::new();
    let is_cut = matcher.find(&values.iter().collect::<Vec<_>>(), time_us, &mut lines);
    if is_cut && matcher.warns_when_cut() {
        row.ctx().warn(Warning::LookupCut { table: table.to_owned(), kept: matcher.max_matches() });
    }
    let mut members = Vec::new();
    for name in outputs.iter().map(|output| output.to_value().to_string()) {
        let Some(value) = matcher.output(&lines, matcher.table().column(&name)?) else { return Ok(Value::Null) };
        members.push((name, Json::of(&value)));
    }
    Ok(Value::from(Json::Object(members).to_string()))
}
