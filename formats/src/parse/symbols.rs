//! The texts of levels and hosts of one block, numbered.

use std::collections::HashMap;
use std::sync::Arc;

/// A numbering of short texts. Remembers texts between blocks, so that a known one costs no allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Symbols {
    in_block: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u16>,
    /// Texts of this and earlier blocks.
    known: HashMap<Arc<str>, ()>,
}

/// A block is closed before its numbers run out; each event adds at most two.
const MAX_IN_BLOCK: usize = u16::MAX as usize - 2;

/// More texts than this are no levels and hosts but noise, and are not remembered.
const MAX_KNOWN: usize = 4096;

/// Up to so many texts a look at each is faster than hashing.
const MAX_LINEAR: usize = 8;

impl Symbols {
    /// Begins a new block.
    pub(super) fn clear(&mut self) {
        self.in_block.clear();
        self.numbers.clear();
        if self.known.len() > MAX_KNOWN {
            self.known.clear();
        }
    }

    /// Returns whether the next event could find no number.
    pub(super) fn is_full(&self) -> bool {
        self.in_block.len() >= MAX_IN_BLOCK
    }

    pub(super) fn as_slice(&self) -> &[Arc<str>] {
        &self.in_block
    }

    /// Returns the number of `text`, from 1.
    #[inline]
    pub(super) fn intern(&mut self, text: &str) -> u16 {
        if let Some(idx) = self.in_block.iter().take(MAX_LINEAR).position(|known| **known == *text) {
            return idx as u16 + 1;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.add(text)
    }

    #[cold]
    fn add(&mut self, text: &str) -> u16 {
        let symbol = match self.known.get_key_value(text) {
            Some((symbol, ())) => Arc::clone(symbol),
            None => {
                let symbol: Arc<str> = text.into();
                self.known.insert(Arc::clone(&symbol), ());
                symbol
            }
        };
        self.in_block.push(Arc::clone(&symbol));
        let number = self.in_block.len() as u16;
        self.numbers.insert(symbol, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_from_one_in_each_block() {
        let mut symbols = Symbols::default();
        let texts: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
        for _ in 0..2 {
            for (idx, text) in texts.iter().enumerate() {
                assert_eq!(usize::from(symbols.intern(text)), idx + 1);
            }
            assert_eq!(symbols.intern("s17"), 18);
            assert_eq!(symbols.as_slice().len(), 20);
            symbols.clear();
        }
        assert_eq!(symbols.intern("s5"), 1);
    }
}
