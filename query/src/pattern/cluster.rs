//! Shapes with the same delimiters become patterns: which positions vary is decided by evidence.
//!
//! First, for each position, the shapes that agree in all others are taken together. That their words differ at this position is evidence
//! that it varies: masked words and words that look like identifiers say more than plain words, and plain words at the
//! beginning of a message, where the verb stands, say little. `Accepted` and `Failed` are two patterns, twenty names of users one. The
//! strongest evidence is followed first, so that `Failed password for <*>` is one pattern before anything compares it with `Accepted
//! password for root`. Different log levels never fall together.
//!
//! Then what differs in several positions at once is compared pairwise: a pattern takes in another one if the words that
//! both have are worth more than the positions that become variable, which cost the more the more shapes agreed there. It is the
//! idea of minimum description length, in small integers.
//!
//! The evidence is that of different shapes, not of lines: a line that repeats says nothing new. Nothing depends on the order
//! in which shapes come.

use super::scan::MASK;
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Evidence that makes a position variable: five plain words, or two masked ones.
const ENOUGH: u32 = 30;
/// A masked word, a path, or nothing at all.
const MASKED: u32 = 15;
/// A word with punctuation within, as names of hosts and classes have it; or a word where a name is announced.
const IDENTIFIER: u32 = 12;
/// Any other word.
const PLAIN: u32 = 6;
/// Any other word at the beginning of a message.
const LEADING: u32 = 2;
/// Evidence that it takes where the shapes have no word in common.
const ENOUGH_ALONE: u32 = 300;

/// What a word is worth that two patterns share.
const SHARED: u32 = 5;
/// What it costs to add a value to a variable position.
const JOIN: u32 = 3;
/// What it costs to make a position variable: for the value of a key, two identifiers, one, none.
const VARY: [u32; 4] = [7, 5, 10, 90];
/// What it costs if it is the only one: that was the first step's to decide.
const VARY_ALONE: u32 = 90;
/// What it costs at the beginning of a message.
const VARY_LEADING: u32 = 30;

/// Most patterns of the same delimiters that others are compared with.
const MAX_COMPARED: usize = 500;

/// A token by its number: [`WILD`], then the token that is masked as a whole, then the others in the order of their bytes.
type TokenId = u32;

/// A position that varies.
const WILD: TokenId = 0;

/// Words behind which a name stands.
const ANNOUNCING: [&[u8]; 6] = [b"user", b"username", b"login", b"account", b"host", b"hostname"];

/// Names of log levels.
const LEVELS: [&str; 16] = [
    "trace", "debug", "info", "notice", "warn", "warning", "error", "err", "severe", "critical", "crit", "fatal",
    "alert", "emerg", "panic", "fine",
];

/// What is to be known of a token.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    /// [`MASKED`], [`IDENTIFIER`] or [`PLAIN`].
    weight: u32,
    is_word: bool,
    is_level: bool,
    announces: bool,
    /// A number that does not depend on the order of tokens.
    hash: u64,
}

impl Kind {
    fn of(token: &[u8]) -> Self {
        let is_word = !token.is_empty() && token != [MASK];
        let ends_masked = token.last() == Some(&MASK);
        let literal = if ends_masked { &token[..token.len() - 1] } else { token };
        let has = |bytes: &[u8]| literal.iter().any(|byte| bytes.contains(byte));
        let weight = if !is_word || has(b"/") || (ends_masked && has(b"_-#:")) {
            MASKED
        } else if has(b".@$\\#~") {
            IDENTIFIER
        } else {
            PLAIN
        };
        let is_level = LEVELS.iter().any(|level| token.eq_ignore_ascii_case(level.as_bytes()));
        Self { weight, is_word, is_level, announces: ANNOUNCING.contains(&token), hash: super::hash(token) }
    }
}

/// Shapes of the same delimiters.
pub(super) struct Group<'s> {
    /// One more than tokens.
    delimiters: Vec<&'s [u8]>,
    tokens: Vec<&'s [u8]>,
    kinds: Vec<Kind>,
}

/// Some shapes and what they have in common.
struct Cluster {
    template: Vec<TokenId>,
    members: Vec<usize>,
}

impl<'s> Group<'s> {
    /// The patterns of shapes that have these delimiters; for each the tokens and the shapes by their place in `shapes`.
    pub fn patterns(delimiters: Vec<&'s [u8]>, shapes: &[Vec<&'s [u8]>]) -> Vec<(Vec<&'s [u8]>, Vec<usize>)> {
        if let [shape] = shapes {
            return vec![(shape.clone(), vec![0])];
        }
        let mut tokens: Vec<&[u8]> = shapes.iter().flatten().copied().filter(|token| *token != [MASK]).collect();
        tokens.sort_unstable();
        tokens.dedup();
        // Both stand for a mask in the end.
        tokens.splice(0..0, [&[MASK][..], &[MASK][..]]);
        let ids: HashMap<&[u8], TokenId> =
            tokens.iter().enumerate().skip(1).map(|(id, token)| (*token, id as TokenId)).collect();
        let kinds = tokens.iter().map(|token| Kind::of(token)).collect();
        let group = Self { delimiters, tokens, kinds };
        let clusters = shapes
            .iter()
            .enumerate()
            .map(|(shape, tokens)| (tokens.iter().map(|token| ids[token]).collect(), vec![shape]))
            .collect();
        let clusters = group.compare(group.gather(clusters));
        let token = |id: TokenId| group.tokens[id as usize];
        clusters.into_iter().map(|c| (c.template.into_iter().map(token).collect(), c.members)).collect()
    }

    fn kind(&self, token: TokenId) -> Kind {
        self.kinds[token as usize]
    }

    fn is_word(&self, token: TokenId) -> bool {
        self.kind(token).is_word
    }

    /// Whether no word stands before `position`.
    fn is_leading(&self, template: &[TokenId], position: usize) -> bool {
        !template[..position].iter().any(|token| self.is_word(*token))
    }

    /// Whether the value of a key stands at `position`.
    fn is_value(&self, position: usize) -> bool {
        let delimiter = self.delimiters[position];
        let end = delimiter.iter().rposition(|byte| *byte != b'"' && *byte != b' ').map_or(0, |at| at + 1);
        delimiter[..end].ends_with(b"=") || (delimiter.starts_with(b"\"") && delimiter[..end].ends_with(b":"))
    }

    /// The first step: positions of which single differences say that they vary.
    fn gather(&self, mut clusters: BTreeMap<Vec<TokenId>, Vec<usize>>) -> Vec<Cluster> {
        loop {
            let templates: Vec<&Vec<TokenId>> = clusters.keys().collect();
            let mut siblings: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
            for (index, template) in templates.iter().enumerate() {
                let part = |position: usize| mix(self.kind(template[position]).hash, position, template[position]);
                let sum = (0..template.len()).fold(0_u64, |sum, position| sum.wrapping_add(part(position)));
                for position in (0..template.len()).filter(|position| template[*position] != WILD) {
                    siblings.entry((position, sum.wrapping_sub(part(position)))).or_default().push(index);
                }
            }
            let mut candidates: Vec<(Reverse<u32>, usize, Vec<usize>)> = siblings
                .into_iter()
                .filter(|(_, siblings)| siblings.len() > 1)
                .filter_map(|((position, _), siblings)| {
                    let evidence = self.evidence(position, &siblings, &templates)?;
                    Some((Reverse(evidence), position, siblings))
                })
                .collect();
            if candidates.is_empty() {
                break;
            }
            candidates.sort_unstable();
            let mut is_taken = vec![false; templates.len()];
            let mut changes: Vec<(Vec<TokenId>, Vec<usize>)> = Vec::new();
            for (_, position, siblings) in candidates {
                if siblings.iter().any(|sibling| is_taken[*sibling]) {
                    continue;
                }
                let mut template = templates[siblings[0]].clone();
                template[position] = WILD;
                siblings.iter().for_each(|sibling| is_taken[*sibling] = true);
                changes.push((template, siblings));
            }
            let removed: Vec<Vec<TokenId>> = templates.into_iter().cloned().collect();
            for (template, siblings) in changes {
                let members: Vec<usize> =
                    siblings.iter().filter_map(|sibling| clusters.remove(&removed[*sibling])).flatten().collect();
                clusters.entry(template).or_default().extend(members);
            }
        }
        clusters.into_iter().map(|(template, members)| Cluster { template, members }).collect()
    }

    /// How much says that `position` varies among siblings; `None` if it is not enough.
    fn evidence(&self, position: usize, siblings: &[usize], templates: &[&Vec<TokenId>]) -> Option<u32> {
        let first = templates[siblings[0]];
        let values = siblings.iter().map(|sibling| self.kind(templates[*sibling][position]));
        if values.clone().filter(|value| value.is_level).count() > 1 {
            return None;
        }
        let is_announced =
            position > 0 && self.delimiters[position] == b" " && self.kind(first[position - 1]).announces;
        let plain = match (is_announced, self.is_leading(first, position)) {
            (true, _) => IDENTIFIER,
            (false, true) => LEADING,
            (false, false) => PLAIN,
        };
        let words = (0..first.len()).filter(|other| *other != position && self.is_word(first[*other])).count();
        let enough = if words == 0 { ENOUGH_ALONE } else { ENOUGH };
        let evidence = values.map(|value| if value.weight == PLAIN { plain } else { value.weight }).sum();
        (evidence >= enough).then_some(evidence)
    }

    /// The second step: patterns that differ in several positions.
    fn compare(&self, mut clusters: Vec<Cluster>) -> Vec<Cluster> {
        clusters.sort_by(|a, b| (Reverse(a.members.len()), &a.template).cmp(&(Reverse(b.members.len()), &b.template)));
        let mut kept: Vec<Cluster> = Vec::new();
        for cluster in clusters {
            let best = kept
                .iter()
                .take(MAX_COMPARED)
                .enumerate()
                .filter_map(|(index, into)| Some((self.gain(into, &cluster)?, index)))
                .max_by_key(|(gain, index)| (*gain, Reverse(*index)));
            match best {
                Some((_, index)) => {
                    let into = &mut kept[index];
                    for (token, other) in into.template.iter_mut().zip(&cluster.template) {
                        if token != other {
                            *token = WILD;
                        }
                    }
                    into.members.extend(cluster.members);
                }
                None => kept.push(cluster),
            }
        }
        kept
    }

    /// What is gained if `into` takes in `other`; `None` if nothing is.
    fn gain(&self, into: &Cluster, other: &Cluster) -> Option<u32> {
        let pairs = || into.template.iter().copied().zip(other.template.iter().copied());
        let worth = SHARED * pairs().filter(|(a, b)| a == b && self.is_word(*a)).count() as u32;
        let n_different = pairs().filter(|(a, b)| a != b).count();
        let habit = 1 + into.members.len().ilog2();
        let mut cost = 0;
        for (position, (a, b)) in pairs().enumerate().filter(|(_, (a, b))| a != b) {
            let (kind, other_kind) = (self.kind(a), self.kind(b));
            if kind.is_level && other_kind.is_level {
                return None;
            }
            let n_identifiers = [kind, other_kind].iter().filter(|kind| kind.weight > PLAIN).count();
            let is_joined = a == WILD || b == WILD;
            cost += match (is_joined, self.is_value(position)) {
                (true, _) => JOIN,
                (false, true) => VARY[0] * habit,
                (false, false) => VARY[3 - n_identifiers] * habit,
            };
            cost += if self.is_leading(&into.template, position) { VARY_LEADING } else { 0 };
            cost += if n_different == 1 && !is_joined { VARY_ALONE } else { 0 };
            if cost >= worth {
                return None;
            }
        }
        Some(worth - cost)
    }
}

/// What a token at a position adds to the hash of its template.
fn mix(hash: u64, position: usize, token: TokenId) -> u64 {
    // A position that varies is something else than a masked token.
    let hash = hash ^ (u64::from(token == WILD) << 63);
    let product = u128::from(hash ^ 0x9e37_79b9_7f4a_7c15)
        * u128::from((position as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f));
    (product >> 64) as u64 ^ product as u64
}
