//! Cuts or removes values that lie far from the others.
//!
//! **Syntax**
//!
//! `outlier [action=tf|rm] [type=iqr] [param=2.5] [uselower=f] [mark=f] [list]`
//!
//! **Arguments**
//!
//! - `action=tf` (or `transform`): an outlier becomes the nearest value that is none. `action=rm` (or `remove`): its row goes.
//! - `param=`: how many interquartile ranges a value may lie above the third quartile.
//! - `uselower=t`: values that lie as far below the first quartile are outliers too.
//! - `mark=t`: a value that was cut has `000` in front.
//! - list: fields, with wildcards; all that are numeric but the internal ones by default.
//!
//! **Semantics**
//!
//! Quartiles are `perc25` and `perc75` of all numbers of the field. Text and null are never outliers.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all rows.
//!
//! **Examples**
//!
//! ```example
//! ms=10
//! ms=11
//! ms=12
//! ms=13
//! ms=900
//! > outlier ms
//! ms=10
//! ms=11
//! ms=12
//! ms=13
//! ms=18
//! ```

use super::args::{bad_value, boolean, decimal};
use super::rows::change_all_rows;
use super::{Args, Command, CommandKind, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::glob::Glob;
use crate::lexer::quote_name;
use crate::stats_fn::exact_percentile;
use crate::value::{Value, format_number};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Outlier {
    /// Whether rows with an outlier go; otherwise its value is cut.
    pub removes: bool,
    /// How many interquartile ranges are not far.
    pub param: f64,
    /// Whether small values are outliers too.
    pub use_lower: bool,
    /// Whether values that were cut are marked.
    pub mark: bool,
    /// The fields; none for all.
    pub fields: Vec<Glob>,
}

const OPTIONS: [&str; 5] = ["action", "type", "param", "uselower", "mark"];
const DEFAULT_PARAM: f64 = 2.5;

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut outlier =
        Outlier { removes: false, param: DEFAULT_PARAM, use_lower: false, mark: false, fields: Vec::new() };
    loop {
        while let Some((option, value)) = args.option(&OPTIONS)? {
            match option {
                "action" => {
                    outlier.removes = match value.value.to_ascii_lowercase().as_str() {
                        "rm" | "remove" => true,
                        "tf" | "transform" => false,
                        _ => return Err(bad_value(&value, "tf or rm")),
                    }
                }
                "type" if value.value.eq_ignore_ascii_case("iqr") => {}
                "type" => return Err(bad_value(&value, "iqr")),
                "param" => outlier.param = decimal(&value)?,
                "uselower" => outlier.use_lower = boolean(&value)?,
                _ => outlier.mark = boolean(&value)?,
            }
        }
        if args.cursor.at_end() {
            return Ok(Box::new(outlier));
        }
        outlier.fields.extend(args.expect_globs()?);
    }
}

impl fmt::Display for Outlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.removes { "outlier action=rm" } else { "outlier" })?;
        if self.param != DEFAULT_PARAM {
            write!(f, " param={}", format_number(self.param))?;
        }
        f.write_str(if self.use_lower { " uselower=t" } else { "" })?;
        f.write_str(if self.mark { " mark=t" } else { "" })?;
        self.fields
            .iter()
            .enumerate()
            .try_for_each(|(i, glob)| write!(f, "{}{}", if i == 0 { " " } else { ", " }, quote_name(&glob.to_string())))
    }
}

impl Outlier {
    fn takes(&self, field: &str) -> bool {
        match self.fields.is_empty() {
            true => !field.starts_with('_'),
            false => self.fields.iter().any(|glob| glob.matches_field(field)),
        }
    }

    /// The smallest and largest value that is no outlier.
    fn limits(&self, column: &[Value]) -> Option<(f64, f64)> {
        let numbers: Vec<f64> = column.iter().flat_map(Value::each).filter_map(Value::as_number).collect();
        let (low, high) = (exact_percentile(numbers.clone(), 25.0)?, exact_percentile(numbers, 75.0)?);
        let distance = self.param * (high - low);
        Some((if self.use_lower { low - distance } else { f64::NEG_INFINITY }, high + distance))
    }

    fn cut(&self, value: &Value, (low, high): (f64, f64)) -> Value {
        match value {
            Value::Multi(values) => Value::multi(values.iter().map(|value| self.cut(value, (low, high)))),
            single => match single.as_number().filter(|number| *number < low || *number > high) {
                None => single.clone(),
                Some(number) if self.mark => Value::from(format!("000{}", format_number(number.clamp(low, high)))),
                Some(number) => Value::number(number.clamp(low, high)),
            },
        }
    }
}

impl Command for Outlier {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        // Without a list a row may go because of any field, also one that nobody reads later.
        if self.fields.is_empty() && self.removes {
            return Wanted::All;
        }
        let mut wanted = downstream.clone();
        self.fields.iter().for_each(|glob| wanted.add_glob(glob));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let outlier = self.clone();
        change_all_rows(ctx, "outlier", move |rows| {
            outlier.apply(rows);
            Ok(())
        })
    }
}

impl Outlier {
    /// Cuts or removes what lies outside the limits of each column.
    fn apply(&self, rows: &mut Batch) {
        let mut kept = vec![true; rows.len()];
        let mut changed = Vec::new();
        for (name, column) in rows.iter().filter(|(name, _)| self.takes(name)) {
            let Some(limits) = self.limits(column) else { continue };
            if self.removes {
                for (kept, cell) in kept.iter_mut().zip(column) {
                    let mut numbers = cell.each().iter().filter_map(Value::as_number);
                    *kept &= numbers.all(|number| limits.0 <= number && number <= limits.1);
                }
            } else {
                let cells: Vec<Value> = column.iter().map(|cell| self.cut(cell, limits)).collect();
                changed.push((name.to_owned(), cells));
            }
        }
        changed.into_iter().for_each(|(name, cells)| rows.set_column(&name, cells));
        rows.retain_rows(|row| kept[row]);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("OUTLIER", "outlier"),
            ("outlier action=remove a b*", "outlier action=rm a, b*"),
            ("outlier a type=IQR param=1.5 uselower=t mark=t", "outlier param=1.5 uselower=t mark=t a"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("outlier action=x", "x", "`x` is not tf or rm");
        check_refused("outlier type=sd", "sd", "`sd` is not iqr");
        check_refused("outlier params=1", "params", "`outlier` has no option `params`");
    }

    #[test]
    fn rows() {
        let input = "x=1 y=a\nx=10\nx=11\nx=12\nx=13\nx=14\nx=99";
        check_rows(input, "outlier action=rm x", "x=1 y=a\nx=10\nx=11\nx=12\nx=13\nx=14");
        check_rows(
            input,
            "outlier uselower=t param=1 mark=t | stats list(x) AS x",
            "x=[0007.5,10,11,12,13,14,00016.5]",
        );
        check_rows("y=a", "outlier", "y=a");
    }

    #[test]
    fn fields_read() {
        check_fields_read("outlier x", &["a"], "a x");
        check_fields_read("outlier action=rm", &["a"], "*");
    }
}
