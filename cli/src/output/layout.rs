//! How wide the columns of a table are, and how a cell fits into its column. Pure: no styles, no output.

use super::sanitize::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Spaces between columns.
pub const GAP: usize = 2;
/// Narrowest that a column is squeezed to, unless its content is narrower.
const MIN_WIDTH: usize = 8;
/// Most lines of one cell on a terminal; the rest is cut, visibly.
const MAX_LINES: usize = 10;
/// Ends a cell that was cut.
const CUT: char = '…';

/// What a column asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Width of its widest line.
    pub width: usize,
    /// Numbers and times are not read if they are broken: such a column is not squeezed.
    pub is_rigid: bool,
}

/// Gives each column its width: its natural one if all fit into `available` columns, else the wide ones share what the
/// narrow ones leave. `None` if there are too many columns to fit.
pub fn widths(wishes: &[Wish], available: usize) -> Option<Vec<usize>> {
    let gaps = GAP * wishes.len().saturating_sub(1);
    let room = available.checked_sub(gaps)?;
    let squeezed =
        |cap: usize| wishes.iter().map(move |wish| if wish.is_rigid { wish.width } else { wish.width.min(cap) });
    if squeezed(MIN_WIDTH).sum::<usize>() > room {
        return None;
    }
    // The largest cap at which all fit: the sum grows with the cap, so it can be found by halving.
    let widest = wishes.iter().map(|wish| wish.width).max().unwrap_or(0);
    let (mut fits, mut too_wide) = (MIN_WIDTH, widest.max(MIN_WIDTH) + 1);
    while too_wide - fits > 1 {
        let cap = fits.midpoint(too_wide);
        if squeezed(cap).sum::<usize>() <= room { fits = cap } else { too_wide = cap }
    }
    let mut widths: Vec<usize> = squeezed(fits).collect();
    // What rounding left goes to the first columns that want it.
    let mut left = room - widths.iter().sum::<usize>();
    for (width, wish) in widths.iter_mut().zip(wishes) {
        if left > 0 && *width < wish.width {
            *width += 1;
            left -= 1;
        }
    }
    Some(widths)
}

/// The lines of a cell as they are printed: hostile characters visible, tabs as spaces.
pub fn lines(text: &str) -> Vec<String> {
    visible(text).split('\n').map(|line| line.replace('\t', "    ")).collect()
}

/// The lines of a cell wrapped at `width`; what is beyond [`MAX_LINES`] is cut.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut wrapped = Vec::new();
    for line in lines(text) {
        let mut rest = line.as_str();
        loop {
            if wrapped.len() == MAX_LINES {
                mark_cut(wrapped.last_mut().expect("there are lines"), width);
                return wrapped;
            }
            let end = wrap_at(rest, width);
            wrapped.push(rest[..end].trim_end_matches(' ').to_owned());
            if end == rest.len() {
                break;
            }
            rest = rest[end..].trim_start_matches(' ');
        }
    }
    wrapped
}

/// Where to break a line: behind the last space that fits if that leaves at least half of it, else where it is full.
fn wrap_at(line: &str, width: usize) -> usize {
    let mut used = 0;
    for (at, c) in line.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            // A character wider than the column must go somewhere.
            let full = if at == 0 { c.len_utf8() } else { at };
            if line[full..].starts_with(' ') {
                return full;
            }
            let space = line[..full].rfind(' ').map(|space| space + 1);
            return space.filter(|space| line[..*space].width() > width / 2).unwrap_or(full);
        }
    }
    line.len()
}

/// The first line of a text, cut at `width`.
pub fn cut(text: &str, width: usize) -> String {
    let mut lines = lines(text);
    let is_whole = lines.len() == 1 && lines[0].width() <= width;
    let mut line = lines.swap_remove(0);
    if !is_whole {
        mark_cut(&mut line, width);
    }
    line
}

fn mark_cut(line: &mut String, width: usize) {
    while line.width() >= width && line.pop().is_some() {}
    line.push(CUT);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_columns_share_what_narrow_ones_leave() {
        /// Natural widths, room, widths given.
        type Case<'a> = (&'a [usize], usize, Option<&'a [usize]>);
        let cases: [Case<'_>; 7] = [
            (&[5, 10], 80, Some(&[5, 10])),
            (&[5, 100], 80, Some(&[5, 73])),
            (&[5, 100, 50], 80, Some(&[5, 36, 35])),
            (&[5, 100, 20], 80, Some(&[5, 51, 20])),
            (&[30, 30], 17, None),
            (&[30, 30], 18, Some(&[8, 8])),
            (&[], 80, Some(&[])),
        ];
        for (natural, available, expected) in cases {
            let wishes: Vec<Wish> = natural.iter().map(|width| Wish { width: *width, is_rigid: false }).collect();
            assert_eq!(widths(&wishes, available).as_deref(), expected, "{natural:?} in {available}");
        }
        let wishes = [Wish { width: 32, is_rigid: true }, Wish { width: 100, is_rigid: false }];
        assert_eq!(widths(&wishes, 60).as_deref(), Some(&[32, 26][..]));
        assert_eq!(widths(&wishes, 40), None);
    }

    #[test]
    fn cells_wrap_at_spaces_and_are_cut_visibly() {
        assert_eq!(wrapped("connection refused by peer", 18), ["connection refused", "by peer"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("日", 1), ["日"]);
        assert_eq!(
            (cut("short", 8), cut("a long name", 8), cut("a\nb", 8)),
            ("short".into(), "a long …".into(), "a…".into())
        );
        assert_eq!(wrapped("a\nb", 10), ["a", "b"]);
        assert_eq!(wrapped("\x1b[31m\t.", 80), [r"\x1b[31m    ."]);
        let long = wrapped(&"x".repeat(1000), 8);
        assert_eq!((long.len(), long[9].as_str()), (MAX_LINES, "xxxxxxx…"));
    }

    proptest! {
        #[test]
        fn a_table_never_exceeds_the_terminal(
            wishes in proptest::collection::vec((0..200_usize, any::<bool>()), 0..12),
            available in 0..200_usize,
        ) {
            let wishes: Vec<Wish> = wishes.into_iter().map(|(width, is_rigid)| Wish { width, is_rigid }).collect();
            let total = |widths: &mut dyn Iterator<Item = usize>| widths.sum::<usize>() + GAP * wishes.len().saturating_sub(1);
            match widths(&wishes, available) {
                Some(widths) => {
                    prop_assert!(total(&mut widths.iter().copied()) <= available);
                    prop_assert!(widths.iter().zip(&wishes).all(|(width, wish)| *width <= wish.width));
                }
                None => prop_assert!(total(&mut wishes.iter().map(|wish| wish.width)) > available),
            }
        }

        #[test]
        fn wrapped_lines_fit(text in "[ -~\\x00-\\x1f日é]{0,60}", width in 2..20_usize) {
            let wrapped = wrapped(&text, width);
            prop_assert!(wrapped.iter().all(|line| line.width() <= width), "{:?}", wrapped);
            prop_assert!(!wrapped.is_empty() && wrapped.len() <= MAX_LINES);
        }
    }
}
