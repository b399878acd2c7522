//! XPath as far as people use it on log events: steps down a document, and conditions on the way.
//!
//! ```text
//! expression = path { "|" path }
//! path       = [ "/" | "//" ] step { ( "/" | "//" ) step }
//! step       = ( name | "*" | "@" name | "@*" | "text()" | "." | ".." ) { "[" condition "]" }
//! condition  = either { "or" either }
//! either     = test { "and" test }
//! test       = number | "last()" | "not(" condition ")" | "contains(" path "," literal ")" | "starts-with(" path "," literal ")"
//!            | path [ ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal ]
//! ```
//!
//! The subset of XPath 1.0 (W3C, 1999) without other axes, functions and arithmetic. A relative path begins at the document.

use super::xml::{Tag, attributes, for_each_tag, start, text_of};
use crate::value::parse_number;
use std::cmp::Ordering;

/// How deep conditions may nest.
const MAX_DEPTH: usize = 20;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct XPath(Vec<Path>);

#[derive(Clone, Debug, PartialEq)]
struct Path {
    /// Whether it begins at the document, wherever it stands.
    is_absolute: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    /// `//`: from all nodes below, too.
    from_below: bool,
    to: To,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
enum To {
    /// Elements of that tag; all without one.
    Elements(Option<String>),
    /// Attributes of that name; all without one.
    Attributes(Option<String>),
    Text,
    Itself,
    Parent,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// The node at that place, from 1.
    Place(f64),
    Last,
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Exists(Path),
    Compare(Path, Comparison, String),
    Contains(Path, String),
    StartsWith(Path, String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl XPath {
    /// Reads an expression.
    ///
    /// # Errors
    /// What was expected and what stands there instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text, depth: 0 };
        let mut paths = vec![parser.path()?];
        while parser.eat("|") {
            paths.push(parser.path()?);
        }
        if parser.peek().is_some() { Err(parser.expected("the end")) } else { Ok(Self(paths)) }
    }

    /// Calls `take` with what the expression selects, in the order of the document: the text of attributes and of elements
    /// without children, the XML inside of other elements.
    pub fn select(&self, text: &str, take: &mut dyn FnMut(&str)) {
        let Some(start) = start(text) else { return };
        let document = Document::read(&text[start..]);
        let mut nodes: Vec<Node> = self.0.iter().flat_map(|path| document.follow(path, Node::Element(0))).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.into_iter().for_each(|node| take(&document.printed(node)));
    }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.peek();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(&format!("`{token}`"))) }
    }

    /// Takes a word that is not the beginning of a longer one.
    fn eat_word(&mut self, word: &str) -> bool {
        self.peek();
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(is_name_char) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expected(&mut self, what: &str) -> String {
        match self.peek() {
            Some(_) => format!("expected {what} at `{}`", self.rest),
            None => format!("expected {what} at the end"),
        }
    }

    fn name(&mut self) -> Result<&'t str, String> {
        self.peek();
        let end = self.rest.find(|c| !is_name_char(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.expected("the name of an element"));
        }
        self.rest = rest;
        Ok(name)
    }

    fn path(&mut self) -> Result<Path, String> {
        let mut from_below = self.eat("//");
        let is_absolute = from_below || self.eat("/");
        let mut steps = Vec::new();
        loop {
            let to = self.to()?;
            let mut conditions = Vec::new();
            while self.eat("[") {
                conditions.push(self.condition()?);
                self.expect("]")?;
            }
            steps.push(Step { from_below, to, conditions });
            from_below = self.eat("//");
            if !from_below && !self.eat("/") {
                return Ok(Path { is_absolute, steps });
            }
        }
    }

    fn to(&mut self) -> Result<To, String> {
        let name_or_all = |parser: &mut Self| {
            if parser.eat("*") { Ok(None) } else { parser.name().map(|name| Some(name.to_owned())) }
        };
        Ok(if self.eat("..") {
            To::Parent
        } else if self.eat(".") {
            To::Itself
        } else if self.eat("@") {
            To::Attributes(name_or_all(self)?)
        } else if self.eat("text()") {
            To::Text
        } else {
            let to = To::Elements(name_or_all(self)?);
            let is_axis = matches!(&to, To::Elements(Some(name)) if name.contains("::"));
            if is_axis || self.eat("(") {
                return Err("only paths, text(), last(), not(), contains() and starts-with() are supported".to_owned());
            }
            to
        })
    }

    fn condition(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("conditions are nested too deeply".to_owned());
        }
        let mut either = vec![self.all()?];
        while self.eat_word("or") {
            either.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if either.len() == 1 { either.remove(0) } else { Condition::Or(either) })
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut all = vec![self.test()?];
        while self.eat_word("and") {
            all.push(self.test()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::And(all) })
    }

    fn test(&mut self) -> Result<Condition, String> {
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            let place = self.literal()?;
            return parse_number(&place).map(Condition::Place).ok_or_else(|| self.expected("a number"));
        }
        if self.eat("last()") {
            return Ok(Condition::Last);
        }
        if self.eat("not(") {
            let condition = self.condition()?;
            self.expect(")")?;
            return Ok(Condition::Not(Box::new(condition)));
        }
        for (function, make) in [
            ("contains(", Condition::Contains as fn(Path, String) -> Condition),
            ("starts-with(", Condition::StartsWith),
        ] {
            if self.eat(function) {
                let path = self.path()?;
                self.expect(",")?;
                let literal = self.literal()?;
                self.expect(")")?;
                return Ok(make(path, literal));
            }
        }
        let path = self.path()?;
        // The longer ones first.
        for (token, comparison) in [
            ("!=", Comparison::Ne),
            ("<=", Comparison::Le),
            (">=", Comparison::Ge),
            ("=", Comparison::Eq),
            ("<", Comparison::Lt),
            (">", Comparison::Gt),
        ] {
            if self.eat(token) {
                return Ok(Condition::Compare(path, comparison, self.literal()?));
            }
        }
        Ok(Condition::Exists(path))
    }

    fn literal(&mut self) -> Result<String, String> {
        if let Some(quote @ ('"' | '\'')) = self.peek()
            && let Some((inside, rest)) = self.rest[1..].split_once(quote)
        {
            self.rest = rest;
            return Ok(inside.to_owned());
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        if number.is_empty() {
            return Err(self.expected("a text in quotes or a number"));
        }
        self.rest = rest;
        Ok(number.to_owned())
    }
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.') || c == ':'
}

/// An element, or the document itself: that is the first one.
struct Element {
    tag: String,
    attributes: Vec<(String, String)>,
    parent: usize,
    /// The element after this one and all that are in it.
    end: usize,
    /// Where its inside begins and ends in the text.
    inner: (usize, usize),
}

struct Document<'t> {
    text: &'t str,
    /// In the order of their tags, so that what is in an element follows it.
    elements: Vec<Element>,
}

/// A node, in the order of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Element(usize),
    /// The text of an element.
    Text(usize),
    /// An element and the place of one of its attributes.
    Attribute(usize, usize),
}

impl<'t> Document<'t> {
    /// Reads a document. Where it stops being XML, elements end.
    fn read(text: &'t str) -> Self {
        let element = |tag: String, parent| Element {
            tag,
            attributes: Vec::new(),
            parent,
            end: usize::MAX,
            inner: (0, text.len()),
        };
        let mut elements = vec![element(String::new(), 0)];
        let mut open = vec![0];
        for_each_tag(text, |tag, from, to| match tag {
            Tag::Open { start, is_empty } => {
                let index = elements.len();
                let mut opened = element(start.name().as_ref().to_owned(), open.last().copied().unwrap_or(0));
                attributes(&start, |name, value| opened.attributes.push((name.to_owned(), value.to_owned())));
                opened.inner = (to, if is_empty { to } else { text.len() });
                if is_empty {
                    opened.end = index + 1;
                } else {
                    open.push(index);
                }
                elements.push(opened);
            }
            // The document itself stays open.
            Tag::Close if open.len() > 1 => {
                let closed = open.pop().unwrap_or(0);
                let end = elements.len();
                elements[closed].end = end;
                elements[closed].inner.1 = from;
            }
            Tag::Close => {}
        });
        let n_elements = elements.len();
        elements.iter_mut().for_each(|element| element.end = element.end.min(n_elements));
        Self { text, elements }
    }

    fn children(&self, of: usize) -> impl Iterator<Item = usize> {
        let next = move |at: usize| (at < self.elements[of].end).then_some(at);
        std::iter::successors(next(of + 1), move |at| next(self.elements[*at].end))
    }

    /// What is printed of a node.
    fn printed(&self, node: Node) -> String {
        let text = |index: usize| text_of(self.inside(index)).into_owned();
        match node {
            Node::Attribute(index, place) => self.elements[index].attributes[place].1.clone(),
            Node::Text(index) => text(index),
            Node::Element(index) if self.elements[index].end == index + 1 => text(index),
            Node::Element(index) => self.inside(index).trim().to_owned(),
        }
    }

    fn inside(&self, index: usize) -> &'t str {
        let (from, to) = self.elements[index].inner;
        self.text.get(from..to).unwrap_or_default()
    }

    /// The nodes that a path leads to from a node, each once.
    fn follow(&self, path: &Path, from: Node) -> Vec<Node> {
        let mut nodes = vec![if path.is_absolute { Node::Element(0) } else { from }];
        for step in &path.steps {
            let mut next = Vec::new();
            for node in nodes {
                match node {
                    Node::Element(index) if step.from_below => {
                        let below = index..self.elements[index].end;
                        below.for_each(|index| self.step(step, Node::Element(index), &mut next));
                    }
                    node => self.step(step, node, &mut next),
                }
            }
            next.sort_unstable();
            next.dedup();
            nodes = next;
        }
        nodes
    }

    fn step(&self, step: &Step, from: Node, found: &mut Vec<Node>) {
        let mut nodes: Vec<Node> = match (&step.to, from) {
            (To::Itself, node) => vec![node],
            (To::Parent, Node::Element(0)) => vec![],
            (To::Parent, Node::Element(index)) => vec![Node::Element(self.elements[index].parent)],
            (To::Parent, Node::Attribute(index, _) | Node::Text(index)) => vec![Node::Element(index)],
            (To::Elements(tag), Node::Element(index)) => {
                let is_meant = |child: &usize| tag.as_ref().is_none_or(|tag| self.elements[*child].tag == *tag);
                self.children(index).filter(is_meant).map(Node::Element).collect()
            }
            (To::Attributes(name), Node::Element(index)) => {
                let attributes = self.elements[index].attributes.iter().enumerate();
                let meant = attributes.filter(|(_, (known, _))| name.as_ref().is_none_or(|name| name == known));
                meant.map(|(place, _)| Node::Attribute(index, place)).collect()
            }
            // Only elements without children: there is one text then.
            (To::Text, Node::Element(index)) => {
                let has_text = self.elements[index].end == index + 1 && !self.inside(index).trim().is_empty();
                if has_text { vec![Node::Text(index)] } else { vec![] }
            }
            _ => vec![],
        };
        for condition in &step.conditions {
            let n_nodes = nodes.len();
            let mut place = 0;
            nodes.retain(|node| {
                place += 1;
                self.holds(condition, *node, place, n_nodes)
            });
        }
        found.append(&mut nodes);
    }

    /// Whether a condition holds for a node, the `place`th of `n_nodes`.
    fn holds(&self, condition: &Condition, node: Node, place: usize, n_nodes: usize) -> bool {
        let any = |path: &Path, test: &dyn Fn(&str) -> bool| {
            self.follow(path, node).into_iter().any(|node| test(&self.printed(node)))
        };
        match condition {
            Condition::Place(wanted) => place as f64 == *wanted,
            Condition::Last => place == n_nodes,
            Condition::Not(condition) => !self.holds(condition, node, place, n_nodes),
            Condition::And(all) => all.iter().all(|condition| self.holds(condition, node, place, n_nodes)),
            Condition::Or(either) => either.iter().any(|condition| self.holds(condition, node, place, n_nodes)),
            Condition::Exists(path) => !self.follow(path, node).is_empty(),
            Condition::Contains(path, text) => any(path, &|found| found.contains(text.as_str())),
            Condition::StartsWith(path, text) => any(path, &|found| found.starts_with(text.as_str())),
            Condition::Compare(path, comparison, literal) => any(path, &|found| comparison.holds(found, literal)),
        }
    }
}

impl Comparison {
    /// Numbers are compared by size, what is no number as text.
    fn holds(self, left: &str, right: &str) -> bool {
        let ordering = match (parse_number(left), parse_number(right)) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => left.cmp(right),
        };
        match self {
            Comparison::Eq => ordering == Ordering::Equal,
            Comparison::Ne => ordering != Ordering::Equal,
            Comparison::Lt => ordering == Ordering::Less,
            Comparison::Le => ordering != Ordering::Greater,
            Comparison::Gt => ordering == Ordering::Greater,
            Comparison::Ge => ordering != Ordering::Less,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOOKS: &str = r#"<?xml version="1.0"?><lib n="2"><b id="1" lang="de"><t>A &amp; B</t><p>9.5</p></b><b id="2"><t>C</t><p>20</p></b><x><b id="3"><t>D</t></b></x></lib>"#;

    fn selected(text: &str, expr: &str) -> Vec<String> {
        let mut found = Vec::new();
        XPath::parse(expr).unwrap().select(text, &mut |value| found.push(value.to_owned()));
        found
    }

    #[test]
    fn paths_and_conditions() {
        for (expr, expected) in [
            ("/lib/b/t", &["A & B", "C"][..]),
            ("lib/b/t", &["A & B", "C"]),
            ("//t", &["A & B", "C", "D"]),
            ("//b/@id", &["1", "2", "3"]),
            ("/lib/@*", &["2"]),
            ("/lib/b[2]/t", &["C"]),
            ("/lib/b[last()]/@id", &["2"]),
            ("//b[@id='2']/t", &["C"]),
            ("//b[@lang]/t/text()", &["A & B"]),
            ("//b[not(@lang)]/t", &["C", "D"]),
            ("//b[p>10]/@id", &["2"]),
            ("//b[p<=9.50]/@id", &["1"]),
            ("//b[t='C' or @id=3]/@id", &["2", "3"]),
            ("//b[t='C' and @id=3]/@id", &[]),
            ("//b[contains(t, '&')]/@id", &["1"]),
            ("//b[starts-with(t, 'D')]/@id", &["3"]),
            ("//t[.='D']/../@id", &["3"]),
            ("//x | //p", &["9.5", "20", "<b id=\"3\"><t>D</t></b>"]),
            ("/lib/*/t", &["A & B", "C"]),
            ("/lib//b[1]/@id", &["1", "3"]),
            ("/nosuch", &[]),
            ("/..", &[]),
        ] {
            assert_eq!(selected(BOOKS, expr), expected, "{expr}");
        }
        assert_eq!(selected("prefix <a><b>1</b><b>2", "//b"), ["1", "2"]);
        assert!(selected("no xml", "//b").is_empty());
    }

    #[test]
    fn wrong_expressions() {
        for (expr, message) in [
            ("", "expected the name of an element at the end"),
            ("/a/", "expected the name of an element at the end"),
            ("/a[", "expected the name of an element at the end"),
            ("/a[1", "expected `]` at the end"),
            ("/a b", "expected the end at `b`"),
            ("/a[@b=c]", "expected a text in quotes or a number at `c]`"),
            ("count(//a)", "only paths, text(), last(), not(), contains() and starts-with() are supported"),
            ("/descendant::a", "only paths, text(), last(), not(), contains() and starts-with() are supported"),
        ] {
            assert_eq!(XPath::parse(expr).unwrap_err(), message, "{expr}");
        }
        let deep = format!("a{}", "[not(a".repeat(1000));
        assert_eq!(XPath::parse(&deep).unwrap_err(), "conditions are nested too deeply");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_without_panic(text in "[<>/ab=\"' ]{0,24}", expr in "[/@a*.\\[\\]=1'()|b]{0,16}") {
            if let Ok(xpath) = XPath::parse(&expr) {
                xpath.select(&text, &mut |_| {});
            }
        }
    }
}
