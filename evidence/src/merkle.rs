//! The Merkle tree of RFC 6962 §2.1 over SHA-256.
//!
//! A leaf is hashed behind a zero byte and a node behind a one, so that no node can pass for a leaf. The root depends on every
//! leaf, on their order and on their number: nothing can be changed, left out, added or exchanged under the same root.
//!
//! ```text
//! root(no leaf)    = SHA256("")
//! root(one leaf)   = SHA256(0x00 ‖ leaf)
//! root(n leaves)   = SHA256(0x01 ‖ root(the first k) ‖ root(the others)),  k the largest power of two below n
//! ```

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of several pieces, as if they were one.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        parts.into_iter().for_each(|part| hasher.update(part));
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut digest = [0; 32];
        // One spelling only: what is compared as text is then equal, too.
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut digest) {
            Ok(()) if is_lower => Ok(Self(digest)),
            _ => Err(format!("`{text}` is not a SHA-256 of 64 hexadecimal digits in lower case")),
        }
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A tree that grows leaf by leaf. Memory: one hash for each level.
#[derive(Clone, Debug, Default)]
pub struct MerkleTree {
    /// Roots of whole subtrees with falling numbers of leaves, each a power of two: the ones of `n_leaves` in binary.
    subtrees: Vec<Digest>,
    n_leaves: u64,
}

impl MerkleTree {
    /// Adds a leaf behind the others.
    pub fn push(&mut self, leaf: &[u8]) {
        let mut hash = Digest::of_parts([&[0][..], leaf]);
        // As a binary counter carries.
        for _ in 0..self.n_leaves.trailing_ones() {
            let left = self.subtrees.pop().expect("each one of the number of leaves has a subtree");
            hash = node(&left, &hash);
        }
        self.subtrees.push(hash);
        self.n_leaves += 1;
    }

    /// How many leaves there are.
    pub fn n_leaves(&self) -> u64 {
        self.n_leaves
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Digest {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(last) = subtrees.next() else { return Digest::of(b"") };
        subtrees.fold(*last, |right, left| node(left, &right))
    }
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts([&[1][..], &left.0, &right.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn root(leaves: &[&[u8]]) -> Digest {
        let mut tree = MerkleTree::default();
        leaves.iter().for_each(|leaf| tree.push(leaf));
        tree.root()
    }

    /// The definition, word for word.
    fn defined(leaves: &[Vec<u8>]) -> Digest {
        match leaves {
            [] => Digest::of(b""),
            [leaf] => Digest::of_parts([&[0][..], leaf]),
            leaves => {
                let k = 1 << (leaves.len() - 1).ilog2();
                node(&defined(&leaves[..k]), &defined(&leaves[k..]))
            }
        }
    }

    /// Leaves and roots that implementations of Certificate Transparency test each other with.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let leaves: Vec<Vec<u8>> = leaves.iter().map(|leaf| hex::decode(leaf).unwrap()).collect();
        let leaves: Vec<&[u8]> = leaves.iter().map(Vec::as_slice).collect();
        let expected = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (n, expected) in expected.iter().enumerate() {
            assert_eq!(root(&leaves[..n]).to_string(), *expected, "{n} leaves");
        }
    }

    #[test]
    fn a_node_cannot_pass_for_a_leaf() {
        let (a, b) = (Digest::of_parts([&[0][..], b"a"]), Digest::of_parts([&[0][..], b"b"]));
        assert_ne!(root(&[&[a.0, b.0].concat()]), root(&[b"a", b"b"]));
    }

    proptest! {
        #[test]
        fn growing_and_the_definition_agree(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..40)) {
            let mut tree = MerkleTree::default();
            leaves.iter().for_each(|leaf| tree.push(leaf));
            prop_assert_eq!(tree.root(), defined(&leaves));
        }

        #[test]
        fn change_order_omission_and_addition_change_the_root(
            leaves in prop::collection::vec("[a-c]{1,2}", 2..20), i: prop::sample::Index, j: prop::sample::Index
        ) {
            let leaves: Vec<Vec<u8>> = leaves.into_iter().map(String::into_bytes).collect();
            let whole = defined(&leaves);
            let (i, j) = (i.index(leaves.len()), j.index(leaves.len()));
            let altered = |f: &dyn Fn(&mut Vec<Vec<u8>>)| {
                let mut leaves = leaves.clone();
                f(&mut leaves);
                defined(&leaves)
            };
            prop_assert_ne!(altered(&|l| l[i].push(b'x')), whole);
            prop_assert_ne!(altered(&|l| drop(l.remove(i))), whole);
            prop_assert_ne!(altered(&|l| l.insert(i, b"x".to_vec())), whole);
            if leaves[i] != leaves[j] {
                prop_assert_ne!(altered(&|l| l.swap(i, j)), whole);
            }
        }
    }
}
