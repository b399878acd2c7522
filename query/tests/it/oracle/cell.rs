//! Cells and rows of the reference.

use std::cmp::Ordering;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Text(String),
    Number(f64),
    /// Two or more, none of them null or again several.
    Many(Vec<Cell>),
}

/// The cells of a row that are not null.
pub type Row = BTreeMap<String, Cell>;

/// Sets a cell; null removes it.
pub fn set(row: &mut Row, name: &str, cell: Cell) {
    row.remove(name);
    if cell != Cell::Null {
        row.insert(name.to_owned(), cell);
    }
}

pub fn get(row: &Row, name: &str) -> Cell {
    row.get(name).cloned().unwrap_or(Cell::Null)
}

impl Cell {
    pub fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    /// A computed number: what is not finite is null.
    pub fn number(number: f64) -> Cell {
        if number.is_finite() { Cell::Number(number) } else { Cell::Null }
    }

    pub fn many(cells: Vec<Cell>) -> Cell {
        let mut flat: Vec<Cell> = cells.iter().flat_map(Cell::singles).collect();
        match flat.len() {
            0 => Cell::Null,
            1 => flat.remove(0),
            _ => Cell::Many(flat),
        }
    }

    pub fn singles(&self) -> Vec<Cell> {
        match self {
            Cell::Null => vec![],
            Cell::Many(cells) => cells.clone(),
            single => vec![single.clone()],
        }
    }

    pub fn is_null(&self) -> bool {
        *self == Cell::Null
    }

    /// What the cell prints as; several values with line breaks between them.
    pub fn print(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => (number + 0.0).to_string(),
            Cell::Many(cells) => cells.iter().map(Cell::print).collect::<Vec<_>>().join("\n"),
        }
    }

    /// The text of a single value.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Cell::Null | Cell::Many(_) => None,
            single => Some(single.print()),
        }
    }

    /// The number that a single value is or looks like.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Cell::Number(number) => Some(*number),
            Cell::Text(text) => number_of(text),
            Cell::Null | Cell::Many(_) => None,
        }
    }
}

/// `[+-]digits[.digits][e±n]`, unless it is too large.
pub fn number_of(text: &str) -> Option<f64> {
    let is_number = regex::Regex::new(r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$").expect("a valid pattern");
    let number: Option<f64> = is_number.is_match(text).then(|| text.parse().expect("a number"));
    number.filter(|number| number.is_finite())
}

/// Numbers by size before text by bytes, null last.
pub fn mixed_order(a: &Cell, b: &Cell) -> Ordering {
    let rank = |cell: &Cell| match cell {
        Cell::Null => 2,
        cell if cell.as_number().is_some() => 0,
        _ => 1,
    };
    rank(a).cmp(&rank(b)).then_with(|| match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => a.partial_cmp(&b).expect("finite numbers"),
        _ => a.print().cmp(&b.print()),
    })
}

/// As [`mixed_order`], but equal numbers that are written differently are told apart by their text.
pub fn total_order(a: &Cell, b: &Cell) -> Ordering {
    mixed_order(a, b).then_with(|| a.print().cmp(&b.print()))
}

/// Whether `*` in the pattern can stand for something that makes it the text. Without case.
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    fn matches(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
            Some((first, rest)) => text.first() == Some(first) && matches(rest, &text[1..]),
        }
    }
    matches(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}
