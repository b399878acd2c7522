//! Which fields somebody reads: the currency of projection.

use crate::glob::Glob;
use std::collections::BTreeSet;

/// A set of fields that a stage of the pipeline needs from the stage before it.
///
/// It is computed backwards, from the end of the pipeline to the event source, which then extracts only these. A set
/// may be larger than necessary but never smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Every field that the rows have.
    All,
    /// These fields, and those that match one of the patterns.
    Only {
        /// Exact names.
        names: BTreeSet<String>,
        /// Names with wildcards. Those that do not begin with `_` do not match internal fields.
        globs: BTreeSet<Glob>,
    },
}

impl Wanted {
    /// No field at all: rows are only counted.
    pub fn none() -> Self {
        Wanted::Only { names: BTreeSet::new(), globs: BTreeSet::new() }
    }

    /// Exactly these fields.
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Wanted::Only { names: names.into_iter().map(Into::into).collect(), globs: BTreeSet::new() }
    }

    /// Whether the field `name` is in the set.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Wanted::All => true,
            Wanted::Only { names, globs } => names.contains(name) || globs.iter().any(|glob| glob.matches_field(name)),
        }
    }

    /// The exact names, if the set consists of exact names.
    pub fn exact_names(&self) -> Option<&BTreeSet<String>> {
        match self {
            Wanted::Only { names, globs } if globs.is_empty() => Some(names),
            _ => None,
        }
    }

    /// Adds a field.
    pub fn add(&mut self, name: &str) {
        if let Wanted::Only { names, .. } = self {
            names.insert(name.to_owned());
        }
    }

    /// Adds all fields that match `glob`.
    pub fn add_glob(&mut self, glob: &Glob) {
        match self {
            Wanted::Only { globs, .. } if glob.has_wildcard() => {
                globs.insert(glob.clone());
            }
            _ => self.add(&glob.to_string()),
        }
    }

    /// Adds the fields of another set.
    pub fn add_all(&mut self, other: &Wanted) {
        match (&mut *self, other) {
            (Wanted::All, _) => {}
            (_, Wanted::All) => *self = Wanted::All,
            (Wanted::Only { names, globs }, Wanted::Only { names: more_names, globs: more_globs }) => {
                names.extend(more_names.iter().cloned());
                globs.extend(more_globs.iter().cloned());
            }
        }
    }

    /// Takes a field out, where the set names it: somebody downstream makes it.
    pub fn remove(&mut self, name: &str) {
        if let Wanted::Only { names, .. } = self {
            names.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_names_and_patterns() {
        let mut wanted = Wanted::of(["a"]);
        wanted.add_glob(&Glob::new("x_*"));
        assert!(wanted.contains("a") && wanted.contains("x_1") && !wanted.contains("x"));
        assert_eq!(wanted.exact_names(), None);
        wanted.remove("a");
        assert!(!wanted.contains("a"));
        wanted.add_all(&Wanted::All);
        assert_eq!(wanted, Wanted::All);
    }

    #[test]
    fn star_does_not_mean_internal_fields() {
        let mut wanted = Wanted::none();
        wanted.add_glob(&Glob::new("*"));
        assert!(wanted.contains("host") && !wanted.contains("_raw"));
        wanted.add_glob(&Glob::new("_*"));
        assert!(wanted.contains("_raw"));
    }
}
