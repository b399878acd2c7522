//! XML as fields: elements under the dotted path of their tags, attributes as `path{@name}`.
//!
//! Namespaces are part of the tag, well-formedness is not looked at, and no entity but the five predefined ones and
//! characters by number is replaced. Where the text stops being XML, reading stops; what came before stays.

use super::Take;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;

/// Where XML begins in a text: at the first tag or declaration.
pub(super) fn start(text: &str) -> Option<usize> {
    let begins = |at: &usize| {
        text[at + 1..].starts_with(|c: char| c.is_alphabetic() || matches!(c, '?' | '!' | '_'))
            && text[*at..].contains('>')
    };
    text.match_indices('<').map(|(at, _)| at).find(begins)
}

/// A tag as it comes.
pub(super) enum Tag<'t> {
    Open { start: BytesStart<'t>, is_empty: bool },
    Close,
}

/// Calls `each` with every tag, where it begins and where it ends.
pub(super) fn for_each_tag(text: &str, mut each: impl FnMut(Tag<'_>, usize, usize)) {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    loop {
        let from = reader.buffer_position() as usize;
        let event = reader.read_event();
        let to = reader.buffer_position() as usize;
        match event {
            Ok(Event::Start(start)) => each(Tag::Open { start, is_empty: false }, from, to),
            Ok(Event::Empty(start)) => each(Tag::Open { start, is_empty: true }, from, to),
            Ok(Event::End(_)) => each(Tag::Close, from, to),
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The attributes of a tag that can be read.
pub(super) fn attributes(start: &BytesStart<'_>, mut each: impl FnMut(&str, &str)) {
    for attribute in start.attributes().with_checks(false).flatten() {
        if let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) {
            each(attribute.key.as_ref(), &value);
        }
    }
}

/// The text of an element without children, from what stands between its tags.
pub(super) fn text_of(inner: &str) -> Cow<'_, str> {
    let inner = inner.trim();
    match inner.strip_prefix("<![CDATA[").and_then(|data| data.strip_suffix("]]>")) {
        Some(data) => Cow::Borrowed(data),
        None => unescape(inner).unwrap_or(Cow::Borrowed(inner)),
    }
}

/// Takes the text of every element without children, and every attribute.
pub(super) fn walk(text: &str, take: &mut dyn Take) {
    /// An element that is not closed yet.
    struct Open {
        /// Length of the path above it.
        path_len: usize,
        inner_start: usize,
        has_children: bool,
    }
    let mut path = String::new();
    let mut open: Vec<Open> = Vec::new();
    for_each_tag(text, |tag, from, to| match tag {
        Tag::Open { start, is_empty } => {
            if let Some(parent) = open.last_mut() {
                parent.has_children = true;
            }
            let path_len = path.len();
            if path_len > 0 {
                path.push('.');
            }
            path.push_str(start.name().as_ref());
            attributes(&start, |name, value| take.take(&format!("{path}{{@{name}}}"), value, true));
            match is_empty {
                true => path.truncate(path_len),
                false => open.push(Open { path_len, inner_start: to, has_children: false }),
            }
        }
        Tag::Close => {
            let Some(element) = open.pop() else { return };
            let value = text_of(&text[element.inner_start..from]);
            if !element.has_children && !value.is_empty() {
                take.take(&path, &value, true);
            }
            path.truncate(element.path_len);
        }
    });
}

/// One step of a path.
#[derive(Clone, Debug)]
pub(super) struct Step {
    tag: String,
    /// Which of the elements of that tag, from 1; all of them if not given.
    nth: Option<usize>,
    attribute: Option<String>,
}

impl Step {
    /// Reads a path: `a.b{2}{@id}`.
    pub fn parse_path(path: &str) -> Vec<Self> {
        path.split('.').map(Self::new).collect()
    }

    fn new(text: &str) -> Self {
        let (tag, mut rest) = text.find('{').map_or((text, ""), |at| text.split_at(at));
        let mut step = Self { tag: tag.to_owned(), nth: None, attribute: None };
        while let Some((inside, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            match inside.strip_prefix('@') {
                Some(attribute) => step.attribute = Some(attribute.to_owned()),
                None if inside.is_empty() => {}
                // Elements are counted from 1: what is no number names none of them.
                None => step.nth = Some(inside.parse().unwrap_or(0)),
            }
            rest = after;
        }
        step
    }
}

/// Calls `take` with what is at `path`: the text of an element, its inner XML if it has children, or an attribute.
pub(super) fn select(text: &str, steps: &[Step], take: &mut dyn FnMut(&str)) {
    // How many elements of each step's tag the present parent had so far.
    let mut n_seen = vec![0; steps.len()];
    let mut depth = 0;
    let mut n_matched = 0;
    let mut inner_start = 0;
    let mut has_children = false;
    for_each_tag(text, |tag, from, to| match tag {
        Tag::Open { start, is_empty } => {
            if n_matched == depth && depth < steps.len() && start.name().as_ref() == steps[depth].tag {
                n_seen[depth] += 1;
                let step = &steps[depth];
                if step.nth.is_none_or(|nth| nth == n_seen[depth]) {
                    let is_last = depth + 1 == steps.len();
                    match &step.attribute {
                        Some(wanted) if is_last => attributes(&start, |name, value| {
                            if name == wanted {
                                take(value);
                            }
                        }),
                        _ if !is_empty => {
                            n_matched += 1;
                            if let Some(below) = n_seen.get_mut(n_matched) {
                                *below = 0;
                            }
                            inner_start = to;
                            has_children = false;
                        }
                        _ => {}
                    }
                }
            } else if n_matched == steps.len() {
                has_children = true;
            }
            depth += usize::from(!is_empty);
        }
        Tag::Close => {
            if depth == 0 {
                return;
            }
            if n_matched == depth {
                if n_matched == steps.len() {
                    let inner = &text[inner_start..from];
                    match has_children {
                        true => take(inner.trim()),
                        false => take(&text_of(inner)),
                    }
                }
                n_matched -= 1;
            }
            depth -= 1;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::{all, selected};

    const BOOKS: &str = r#"<?xml version="1.0"?><!-- <b>no</b> --><s:lib n="2"><b id="1"><t>A &amp; B</t></b><b id="2" x='&lt;'><t><![CDATA[<C>]]></t><e/></b></s:lib>"#;

    #[test]
    fn everything() {
        assert_eq!(all(BOOKS), "s:lib{@n}=2 s:lib.b{@id}=1 s:lib.b.t=A & B s:lib.b{@id}=2 s:lib.b{@x}=< s:lib.b.t=<C>");
        assert_eq!(all("<a><b>1</b><b>2"), "a.b=1");
        assert_eq!(all("<a>x</b><c>y</c></a>"), "a=x c=y");
        assert_eq!(all("<a>1 & 2 &unknown;</a>"), "a=1 & 2 &unknown;");
        assert_eq!(all("</a></b>"), "");
    }

    #[test]
    fn by_path() {
        for (path, expected) in [
            ("s:lib.b.t", &["A & B", "<C>"][..]),
            ("s:lib.b{2}.t", &["<C>"]),
            ("s:lib.b{2}{@id}", &["2"]),
            ("s:lib.b{@id}", &["1", "2"]),
            ("s:lib{@n}", &["2"]),
            ("s:lib.b{1}", &["<t>A &amp; B</t>"]),
            ("s:lib.b{3}", &[]),
            ("b.t", &[]),
            ("s:lib.x", &[]),
            ("", &[]),
        ] {
            assert_eq!(selected(BOOKS, path), expected, "{path}");
        }
        assert_eq!(selected("<r><a><b>1</b></a><a><b>2</b><b>3</b></a></r>", "r.a.b{1}"), ["1", "2"]);
    }
}
