//! `sigfig(x)`: the result of a calculation with as many digits as its operands allow.
//!
//! A product or quotient has the significant figures of the operand that has the fewest; a sum or difference has the decimals of
//! the operand that has the fewest. Zeros behind the point count, as they are written in the expression or in the field.
//!
//! ```example
//! sigfig(1.00*1111) = 1110
//! sigfig(2.0+1.25) = 3.3
//! x=0.0140 => sigfig(x*2.345) = 0.0328
//! sigfig("x") = null
//! ```

use super::super::compile::{Code, Compiler, Row};
use super::super::{BinaryOp, Expr, Node};
use super::round::round;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::parse_number;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "sigfig",
    aliases: &[],
    usage: "sigfig(x)",
    arity: Arity::exactly(1),
    manual: Manual::of(include_str!("sigfig.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let measured = measure(args.compiler, &args.args[0])?;
    Ok(Code::number(move |row| {
        let Measured { value, n_decimals } = measured(row)?;
        Some(round(value, f64::from(n_decimals)))
    }))
}

/// A number and how exact it is.
#[derive(Clone, Copy)]
struct Measured {
    value: f64,
    /// Digits behind the point that mean something; negative where the last ones before it do not.
    n_decimals: i32,
}

impl Measured {
    /// Digits that mean something.
    fn n_figures(self) -> i32 {
        digits_before_point(self.value) + self.n_decimals
    }

    /// As [`parse_number`] reads it, with the digits that are written.
    fn parse(text: &str) -> Option<Self> {
        let value = parse_number(text)?;
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let n_written = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
        Some(Self { value, n_decimals: n_written.saturating_sub(exponent.parse().unwrap_or(0)) })
    }
}

/// How many digits a number has before the point; negative for zeros that follow it.
fn digits_before_point(value: f64) -> i32 {
    if value == 0.0 { 1 } else { value.abs().log10().floor() as i32 + 1 }
}

type MeasuredFn = Box<dyn Fn(&Row<'_>) -> Option<Measured> + Send + Sync>;

fn measure(compiler: &mut Compiler, node: &Node) -> Result<MeasuredFn, QueryError> {
    Ok(match &node.value {
        Expr::Number(numeral) => {
            let measured = Measured { value: numeral.value, n_decimals: i32::from(numeral.n_decimals) };
            Box::new(move |_| Some(measured))
        }
        Expr::Negate(operand) => {
            let operand = measure(compiler, operand)?;
            Box::new(move |row| operand(row).map(|measured| Measured { value: -measured.value, ..measured }))
        }
        Expr::Binary(
            op @ (BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide),
            left,
            right,
        ) => {
            let (op, left, right) = (*op, measure(compiler, left)?, measure(compiler, right)?);
            Box::new(move |row| {
                let (left, right) = (left(row)?, right(row)?);
                Some(match op {
                    BinaryOp::Multiply => product(left, right, left.value * right.value),
                    BinaryOp::Divide => product(left, right, left.value / right.value),
                    BinaryOp::Subtract => sum(left, right, left.value - right.value),
                    _ => sum(left, right, left.value + right.value),
                })
            })
        }
        _ => {
            let value = compiler.value(node)?;
            Box::new(move |row| Measured::parse(&value(row).as_text()?))
        }
    })
}

fn product(left: Measured, right: Measured, value: f64) -> Measured {
    let n_figures = left.n_figures().min(right.n_figures());
    Measured { value, n_decimals: n_figures - digits_before_point(value) }
}

fn sum(left: Measured, right: Measured, value: f64) -> Measured {
    Measured { value, n_decimals: left.n_decimals.min(right.n_decimals) }
}
