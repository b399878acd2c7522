//! The text of a query, finished or not, cut into what its pieces are: for colours and completion.
//!
//! The parser stops at the first thing that is wrong, and a query that is being typed is wrong most of the time. This
//! reader never fails: it follows the same rules — quotes, comments, brackets, stages, the tables of commands and
//! functions — as far as they carry.

use crate::ast::TimeModifier;
use crate::command::{self, CommandSpec, is_aggregating};
use crate::expr::function;
use crate::lexer::{Cursor, is_name_char, quoted_len};
use crate::search::is_word_char;
use crate::span::Span;
use crate::stats_fn;

/// Words between the operands of expressions, in any case.
const EXPRESSION_KEYWORDS: [&str; 6] = ["AND", "OR", "NOT", "XOR", "IN", "LIKE"];
/// Words between the terms of a search, as they must be written.
const SEARCH_KEYWORDS: [&str; 4] = ["AND", "OR", "NOT", "IN"];
/// What looks like a function in a search.
const SEARCH_FORMS: [&str; 2] = ["TERM", "CASE"];

/// What a piece of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The `|` between two stages.
    Pipe,
    /// The name of a command.
    Command,
    /// A word where a command must stand, which is none.
    UnknownCommand,
    /// The name of a function, before its parenthesis where it has one.
    Function,
    /// The name of an option, before its `=`.
    Option,
    /// `AND`, `BY`, `AS` and the like.
    Keyword,
    /// Text or a name in quotes, the quotes included.
    Quoted,
    /// A comment.
    Comment,
    /// The call of a macro.
    Macro,
    /// A term, a name, a number.
    Word,
    /// A parenthesis or bracket.
    Bracket,
    /// Anything else.
    Operator,
}

/// A piece of a query.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// What may be written at the end of a text.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// A term of a search.
    Search,
    /// The name of a command.
    Command,
    /// A value or condition.
    Expression,
    /// A function of `stats` or an option: an argument of this command.
    Aggregation(&'static CommandSpec),
    /// A field, an option or a keyword: an argument of this command.
    Argument(&'static CommandSpec),
    /// A field.
    Field,
    /// An argument of a command that nobody knows.
    Unknown,
}

/// The pieces of a query, without the white space between them.
///
/// ```
/// use trawl_query::tokens::{TokenKind, Tokens};
///
/// let tokens = Tokens::of("error | stats count by (host");
/// assert_eq!(tokens.iter().map(|token| token.kind).nth(2), Some(TokenKind::Command));
/// assert!(tokens.is_open());
/// ```
#[derive(Debug)]
pub struct Tokens {
    tokens: Vec<Token>,
    place: Place,
    is_open: bool,
}

/// A search, in the brackets that are open around it.
#[derive(Debug)]
struct Level {
    stage: Stage,
    parentheses: Vec<Parenthesis>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Before its first word. Only behind a pipe it must be a command.
    Start {
        after_pipe: bool,
    },
    Search,
    Arguments {
        spec: &'static CommandSpec,
        after_by: bool,
    },
    Unknown,
}

/// What an open parenthesis belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parenthesis {
    Plain,
    /// A function of `stats`.
    Aggregation,
    /// A function of `eval`, or `eval` itself.
    Expression,
}

impl Tokens {
    /// Reads a text.
    pub fn of(text: &str) -> Self {
        let mut reader = Reader {
            cursor: Cursor::new(text, Span::new(0, text.len())),
            tokens: Vec::new(),
            levels: vec![Level::new(false)],
            is_cut: false,
        };
        reader.read();
        let is_open =
            reader.is_cut || reader.levels.len() > 1 || reader.levels.iter().any(|level| !level.parentheses.is_empty());
        let place = reader.level().place();
        Self { tokens: reader.tokens, place, is_open }
    }

    /// The pieces, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Token> {
        self.tokens.iter()
    }

    /// Whether a quote, comment, bracket or parenthesis is not closed.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// What may stand behind the last piece.
    pub fn place(&self) -> Place {
        self.place
    }
}

impl Level {
    fn new(after_pipe: bool) -> Self {
        Self { stage: Stage::Start { after_pipe }, parentheses: Vec::new() }
    }

    fn is_search(&self) -> bool {
        match self.stage {
            Stage::Search | Stage::Start { .. } => true,
            Stage::Arguments { spec, .. } => spec.name == "search",
            Stage::Unknown => false,
        }
    }

    /// Whether a `-` divides names and `'` quotes them.
    fn is_expression(&self) -> bool {
        self.parentheses.contains(&Parenthesis::Expression)
            || matches!(self.stage, Stage::Arguments { spec, .. } if is_evaluating(spec))
    }

    fn place(&self) -> Place {
        match self.stage {
            Stage::Start { after_pipe: true } => Place::Command,
            Stage::Start { after_pipe: false } | Stage::Search => Place::Search,
            Stage::Unknown => Place::Unknown,
            Stage::Arguments { .. } if self.is_search() => Place::Search,
            Stage::Arguments { .. } if self.is_expression() => Place::Expression,
            Stage::Arguments { .. } if self.parentheses.contains(&Parenthesis::Aggregation) => Place::Field,
            Stage::Arguments { spec, after_by: false } if is_aggregating(spec) => Place::Aggregation(spec),
            Stage::Arguments { spec, .. } => Place::Argument(spec),
        }
    }
}

/// Whether the arguments are an expression.
fn is_evaluating(spec: &CommandSpec) -> bool {
    ["eval", "where", "fieldformat"].contains(&spec.name)
}

struct Reader<'q> {
    cursor: Cursor<'q>,
    tokens: Vec<Token>,
    /// Never empty: the query, and the searches in open brackets.
    levels: Vec<Level>,
    /// The last piece is a quote, comment or macro that is not closed.
    is_cut: bool,
}

impl Reader<'_> {
    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("the query itself is never closed")
    }

    fn read(&mut self) {
        while !self.cursor.at_end() {
            let start = self.cursor.pos();
            let kind = self.next(self.cursor.rest());
            self.tokens.push(Token { kind, span: self.cursor.span_from(start) });
        }
    }

    /// Moves over the piece that `rest` begins with.
    fn next(&mut self, rest: &str) -> TokenKind {
        match rest.as_bytes()[0] {
            b'`' if rest.starts_with("```") => {
                let len = rest[3..].find("```").map(|len| len + 6);
                self.take(len, rest);
                TokenKind::Comment
            }
            b'`' => {
                self.take(rest[1..].find('`').map(|len| len + 2), rest);
                TokenKind::Macro
            }
            b'"' => {
                self.take(quoted_len(rest), rest);
                self.begin_search();
                TokenKind::Quoted
            }
            b'\'' if self.level().is_expression() => {
                self.take(rest[1..].find('\'').map(|len| len + 2), rest);
                TokenKind::Quoted
            }
            b'|' => {
                self.cursor.advance(1);
                *self.level() = Level::new(true);
                TokenKind::Pipe
            }
            bracket @ (b'[' | b']' | b'(' | b')') => {
                self.cursor.advance(1);
                self.bracket(bracket);
                TokenKind::Bracket
            }
            _ => self.word(rest),
        }
    }

    fn take(&mut self, len: Option<usize>, rest: &str) {
        self.is_cut = len.is_none();
        self.cursor.advance(len.unwrap_or(rest.len()));
    }

    fn bracket(&mut self, bracket: u8) {
        match bracket {
            b'[' => {
                self.begin_search();
                self.levels.push(Level::new(false));
            }
            b']' if self.levels.len() > 1 => {
                self.levels.pop();
            }
            b'(' => {
                self.begin_search();
                let parenthesis = self.parenthesis();
                self.level().parentheses.push(parenthesis);
            }
            b')' => {
                self.level().parentheses.pop();
            }
            _ => {}
        }
    }

    /// What a parenthesis belongs to that opens behind the pieces so far.
    fn parenthesis(&mut self) -> Parenthesis {
        let before = self.tokens.last().map(|token| (token.kind, self.cursor.text_of(token.span)));
        let is_aggregation = matches!(self.level().place(), Place::Aggregation(_) | Place::Field);
        match before {
            Some((TokenKind::Function, name)) if is_aggregation && !name.eq_ignore_ascii_case("eval") => {
                Parenthesis::Aggregation
            }
            Some((TokenKind::Function, _)) => Parenthesis::Expression,
            _ if self.level().is_expression() => Parenthesis::Expression,
            _ => Parenthesis::Plain,
        }
    }

    /// What is no command begins a search.
    fn begin_search(&mut self) {
        let level = self.level();
        if let Stage::Start { after_pipe } = level.stage {
            level.stage = if after_pipe { Stage::Unknown } else { Stage::Search };
        }
    }

    fn word(&mut self, rest: &str) -> TokenKind {
        let start = self.cursor.pos();
        let level = self.level();
        let (is_search, is_expression) = (level.is_search(), level.is_expression());
        let belongs = |c: char| match c {
            '=' | '<' | '>' | '!' => false,
            c if is_expression => c.is_alphanumeric() || "_.:{}@#$".contains(c),
            c if is_search => is_word_char(c),
            c => is_name_char(c),
        };
        // `.` between values joins them.
        let joins = is_expression && rest.starts_with('.');
        let mut word = if joins { "" } else { self.cursor.take_while(belongs) };
        // `\|` is a character of a term.
        while word.ends_with('\\') && self.cursor.eat("|") {
            self.cursor.take_while(belongs);
            word = self.cursor.text_of(self.cursor.span_from(start));
        }
        let Some(first) = rest.chars().next().filter(|_| word.is_empty()) else {
            return self.kind_of(word);
        };
        self.cursor.advance(first.len_utf8());
        TokenKind::Operator
    }

    /// What a word is that was just read.
    fn kind_of(&mut self, word: &str) -> TokenKind {
        let mut ahead = self.cursor;
        ahead.skip_space();
        let (before_equals, before_parenthesis) = (ahead.rest().starts_with('='), ahead.rest().starts_with('('));
        let is_nested = self.levels.len() > 1;
        let level = self.level();
        if let Stage::Start { after_pipe } = level.stage {
            let spec = command::find(word, Span::default()).ok().filter(|_| !before_equals);
            // Without a pipe only `search` is certain to be a command; in brackets, what a search seldom looks for.
            let spec = spec.filter(|spec| after_pipe || is_nested || spec.name == "search");
            (level.stage, level.parentheses) = match spec {
                Some(spec) => (Stage::Arguments { spec, after_by: false }, Vec::new()),
                None if after_pipe => (Stage::Unknown, Vec::new()),
                None => (Stage::Search, Vec::new()),
            };
            match (spec, after_pipe) {
                (Some(_), _) => return TokenKind::Command,
                (None, true) => return TokenKind::UnknownCommand,
                (None, false) => {}
            }
        }
        let is_any_of = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        if level.is_search() {
            return match word {
                _ if before_equals && TimeModifier::from_name(word).is_some() => TokenKind::Option,
                _ if SEARCH_KEYWORDS.contains(&word) => TokenKind::Keyword,
                _ if before_parenthesis && SEARCH_FORMS.contains(&word) => TokenKind::Function,
                _ => TokenKind::Word,
            };
        }
        let place = level.place();
        let is_function = || function::find(word, Span::default()).is_ok() || is_any_of(&["eval"]);
        let is_aggregation = || stats_fn::find(word, Span::default()).is_ok() || is_any_of(&["eval"]);
        let in_parentheses = !level.parentheses.is_empty();
        let Stage::Arguments { spec, after_by } = &mut level.stage else { return TokenKind::Word };
        match place {
            Place::Expression if is_any_of(&EXPRESSION_KEYWORDS) => TokenKind::Keyword,
            Place::Aggregation(_) | Place::Argument(_) if !in_parentheses && is_any_of(&spec.keywords()) => {
                *after_by = *after_by || is_any_of(&["BY", "OVER"]);
                TokenKind::Keyword
            }
            Place::Aggregation(_) | Place::Argument(_)
                if before_equals && !in_parentheses && spec.options().contains(&word.to_ascii_lowercase().as_str()) =>
            {
                TokenKind::Option
            }
            Place::Aggregation(_) if is_aggregation() => TokenKind::Function,
            // `sum(eval(…))`, `sparkline(avg(x))`
            Place::Field if before_parenthesis && is_aggregation() => TokenKind::Function,
            Place::Expression | Place::Argument(_) if before_parenthesis && is_function() => TokenKind::Function,
            _ => TokenKind::Word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pieces as `kind:text`, words and operators without their kind.
    fn read(text: &str) -> String {
        let tokens = Tokens::of(text);
        let show = |token: &Token| {
            let written = &text[token.span.range()];
            match token.kind {
                TokenKind::Word | TokenKind::Operator | TokenKind::Bracket | TokenKind::Pipe => written.to_owned(),
                kind => format!("{kind:?}:{written}"),
            }
        };
        tokens.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn pieces_are_told_apart() {
        for (text, expected) in [
            ("error OR stats", "error Keyword:OR stats"),
            ("search a-b NOT c", "Command:search a-b Keyword:NOT c"),
            ("status>=500 earliest=-1h", "status > = 500 Option:earliest = -1h"),
            ("TERM(a) case(b)", "Function:TERM ( a ) case ( b )"),
            ("\"a | b\" ```c | d``` | head", "Quoted:\"a | b\" Comment:```c | d``` | Command:head"),
            ("a\\|b | head", "a\\|b | Command:head"),
            ("`m(1)` | haed 5", "Macro:`m(1)` | UnknownCommand:haed 5"),
            (
                "* | stats count dc(count) AS n by count",
                "* | Command:stats Function:count Function:dc ( count ) Keyword:AS n Keyword:by count",
            ),
            (
                "* | stats sum(eval(if(a-b=1,2,3)))",
                "* | Command:stats Function:sum ( Function:eval ( Function:if ( a - b = 1 , 2 , 3 ) ) )",
            ),
            (
                "* | eval x='a(b'.len(y) | where x IN (1) AND len",
                "* | Command:eval x = Quoted:'a(b' . Function:len ( y ) | Command:where x Keyword:IN ( 1 ) Keyword:AND len",
            ),
            ("* | dedup a-b keepevents=t sortby x", "* | Command:dedup a-b Option:keepevents = t sortby x"),
            ("a [search b | fields c] | head", "a [ Command:search b | Command:fields c ] | Command:head"),
            ("* | stats sparkline(avg(sum), 1h)", "* | Command:stats Function:sparkline ( Function:avg ( sum ) , 1h )"),
            ("a [b=c]", "a [ b = c ]"),
            ("| makeresults count=3", "| Command:makeresults Option:count = 3"),
            ("\"open", "Quoted:\"open"),
            ("* | nonsense count=1 (", "* | UnknownCommand:nonsense count = 1 ("),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_open_and_what_may_follow() {
        for (text, is_open, place) in [
            ("", false, "Search"),
            ("error ", false, "Search"),
            ("error |", false, "Command"),
            ("(a", true, "Search"),
            ("(a))", false, "Search"),
            ("a [", true, "Search"),
            ("a [search b |", true, "Command"),
            ("a [search b]", false, "Search"),
            ("* | eval x=", false, "Expression"),
            ("* | eval x=if(", true, "Expression"),
            ("* | stats ", false, "Aggregation stats"),
            ("* | stats sum(", true, "Field"),
            ("* | stats sum(eval(", true, "Expression"),
            ("* | stats count by ", false, "Argument stats"),
            ("* | head (", true, "Argument head"),
            ("* | fields ", false, "Argument fields"),
            ("* | search ", false, "Search"),
            ("* | nonsense ", false, "Unknown"),
            ("\"a", true, "Search"),
            ("a ```", true, "Search"),
        ] {
            let tokens = Tokens::of(text);
            let shown = match tokens.place() {
                Place::Aggregation(spec) => format!("Aggregation {}", spec.name),
                Place::Argument(spec) => format!("Argument {}", spec.name),
                place => format!("{place:?}"),
            };
            assert_eq!((tokens.is_open(), shown.as_str()), (is_open, place), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cut_at_characters_and_in_order(
            text in "([a-zé]|[\\[\\]()|\"'`\\\\=, -]|stats |eval |by |sum\\(){0,24}",
        ) {
            let mut at = 0;
            for token in Tokens::of(&text).iter() {
                prop_assert!(text[at..token.span.start].chars().all(char::is_whitespace));
                prop_assert!(token.span.end > token.span.start && text.is_char_boundary(token.span.end));
                at = token.span.end;
            }
            prop_assert!(text[at..].trim().is_empty());
        }

        #[test]
        fn what_the_parser_takes_is_closed(text in "[a-c()\\[\\]\"|= ]{0,12}") {
            if crate::parse(&text).is_ok() {
                prop_assert!(!Tokens::of(&text).is_open(), "{}", text);
            }
        }
    }
}
