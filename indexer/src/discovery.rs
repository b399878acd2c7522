//! Finds the files that inputs stand for: paths, directories and globs, in a stable order, each file once.

use crate::error::{FileError, IndexError};
use crate::report::{SkipReason, Skipped};
use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use hashbrown::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use trawl_store::FileStamp;
use walkdir::WalkDir;

/// What to index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A file, or a directory with everything in it.
    Path(PathBuf),
    /// The files that match a pattern: `*` and `?` do not cross `/`, `**` does, `[ab]` and `{a,b}` are alternatives. A
    /// directory that matches stands for everything in it.
    Glob(String),
    /// Standard input.
    Stdin,
}

/// A regular file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The path by which it was reached, made absolute: what people call the file.
    pub(crate) path: PathBuf,
    /// The path without symbolic links: what the file is known by.
    pub(crate) real_path: PathBuf,
    pub(crate) meta: FileMeta,
}

/// Device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileKey {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

impl From<&FileMeta> for FileKey {
    fn from(meta: &FileMeta) -> Self {
        Self { dev: meta.dev, ino: meta.ino }
    }
}

/// What the file system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileMeta {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) len: u64,
    /// When it was last written, microseconds since the epoch.
    pub(crate) mtime_us: i64,
    /// When anything about it was last changed, nanoseconds since the epoch.
    pub(crate) ctime_ns: i64,
}

impl From<&Metadata> for FileMeta {
    fn from(metadata: &Metadata) -> Self {
        Self {
            dev: metadata.dev(),
            ino: metadata.ino(),
            len: metadata.len(),
            mtime_us: metadata.mtime().saturating_mul(1_000_000).saturating_add(metadata.mtime_nsec() / 1000),
            ctime_ns: metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec()),
        }
    }
}

impl From<&FileMeta> for FileStamp {
    fn from(meta: &FileMeta) -> Self {
        let FileMeta { dev, ino, len, mtime_us, ctime_ns } = *meta;
        Self { dev, ino, len, mtime_us, ctime_ns }
    }
}

/// Result of a search for files.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    /// In order of discovery: inputs as given, directories by name.
    pub(crate) files: Vec<Found>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) errors: Vec<(PathBuf, FileError)>,
    /// Standard input was named.
    pub(crate) stdin: bool,
    /// Directories in which something was looked for.
    pub(crate) dirs: Vec<PathBuf>,
}

/// What inputs stand for at present.
#[derive(Debug, Default)]
pub struct Survey {
    /// The files, without symbolic links on the way.
    pub files: Vec<PathBuf>,
    /// Paths that could not be listed, and patterns that nothing matches.
    pub errors: Vec<(PathBuf, FileError)>,
    /// Directories in which something was looked for.
    pub dirs: Vec<PathBuf>,
}

/// Finds what inputs stand for, without reading any file. `exclude` and `data` are left out.
///
/// # Errors
/// If a pattern is malformed.
pub fn survey(inputs: &[Input], exclude: &[String], data: Option<&Path>) -> Result<Survey, IndexError> {
    let Discovery { files, errors, dirs, .. } = discover(inputs, exclude, data)?;
    Ok(Survey { files: files.into_iter().map(|found| found.real_path).collect(), errors, dirs })
}

/// The path without symbolic links of a file found before, with the file's device and inode.
#[derive(Clone, Debug)]
pub(crate) struct RealPath {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) path: PathBuf,
}

/// Finds all files of `inputs`.
///
/// `exclude` holds globs; one without `/` is compared with the name of each file and directory on the way, one with `/`
/// with the whole path. `data` is the store itself, which is never indexed.
///
/// # Errors
/// If a pattern is malformed. Files and directories that cannot be read are part of the result.
pub(crate) fn discover(inputs: &[Input], exclude: &[String], data: Option<&Path>) -> Result<Discovery, IndexError> {
    discover_again(inputs, exclude, data, &HashMap::new())
}

/// As [`discover`], for inputs that were searched before: links on the way to the files in `known` are not resolved again.
///
/// # Errors
/// As [`discover`].
pub(crate) fn discover_again(
    inputs: &[Input],
    exclude: &[String],
    data: Option<&Path>,
    known: &HashMap<PathBuf, RealPath>,
) -> Result<Discovery, IndexError> {
    let mut search = Search {
        known,
        exclude: Exclude::compile(exclude)?,
        data: data.map(|data| fs::canonicalize(data).unwrap_or_else(|_| data.to_owned())),
        seen: HashMap::new(),
        found: Discovery::default(),
    };
    for input in inputs {
        match input {
            Input::Stdin => search.found.stdin = true,
            Input::Path(path) => search.walk(&absolute(path)?, None),
            Input::Glob(pattern) => search.glob(pattern)?,
        }
    }
    Ok(search.found)
}

struct Search<'k> {
    known: &'k HashMap<PathBuf, RealPath>,
    exclude: Exclude,
    data: Option<PathBuf>,
    /// Path of each file found, by device and inode: hard links and overlapping inputs name a file twice.
    seen: HashMap<(u64, u64), PathBuf>,
    found: Discovery,
}

impl Search<'_> {
    fn glob(&mut self, pattern: &str) -> Result<(), IndexError> {
        let absolute_pattern = absolute(Path::new(pattern))?;
        let pattern_text = absolute_pattern.to_str().unwrap_or(pattern);
        let matcher = compile(pattern_text)?.compile_matcher();
        // Where no component before it holds a wildcard, a directory can be listed without looking elsewhere.
        let is_literal = |component: &Component<'_>| {
            component.as_os_str().to_str().is_some_and(|text| !text.contains(['*', '?', '[', '{', '\\']))
        };
        let root: PathBuf = absolute_pattern.components().take_while(is_literal).collect();
        let n_before = self.n_results();
        self.walk(&root, Some(&matcher));
        if self.n_results() == n_before {
            self.found.errors.push((PathBuf::from(pattern), FileError::NotFound));
        }
        Ok(())
    }

    fn n_results(&self) -> usize {
        self.found.files.len() + self.found.skipped.len() + self.found.errors.len()
    }

    /// Visits a file, or everything in a directory; with a matcher, only what it or a directory above it matches.
    fn walk(&mut self, root: &Path, matcher: Option<&GlobMatcher>) {
        // Links are followed, and `walkdir` refuses those that lead back into a directory above them.
        let mut entries = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.walk_error(root, error);
                    continue;
                }
            };
            let path = entry.path();
            let is_dir = entry.file_type().is_dir();
            if entry.depth() > 0 && self.exclude.matches(path) {
                if is_dir {
                    entries.skip_current_dir();
                }
                continue;
            }
            if is_dir {
                self.found.dirs.push(path.to_owned());
                let own = fs::canonicalize(path).is_ok_and(|real_path| Some(real_path) == self.data);
                if own {
                    self.skip(path, SkipReason::OwnData);
                    entries.skip_current_dir();
                }
                continue;
            }
            let is_wanted = matcher
                .is_none_or(|matcher| path.ancestors().any(|path| path.starts_with(root) && matcher.is_match(path)));
            if is_wanted {
                self.visit(path);
            }
        }
    }

    fn visit(&mut self, path: &Path) {
        let looked_up = fs::metadata(path).and_then(|metadata| {
            let known = self.known.get(path).filter(|known| (known.dev, known.ino) == (metadata.dev(), metadata.ino()));
            Ok((metadata, known.map_or_else(|| fs::canonicalize(path), |known| Ok(known.path.clone()))?))
        });
        let (metadata, real_path) = match looked_up {
            Ok(looked_up) => looked_up,
            Err(error) => return self.found.errors.push((path.to_owned(), io_error(error))),
        };
        if !metadata.is_file() {
            return self.skip(path, SkipReason::NotRegular);
        }
        let meta = FileMeta::from(&metadata);
        if let Some(first) = self.seen.get(&(meta.dev, meta.ino)) {
            // The same path twice needs no mention.
            if first != path {
                let reason = SkipReason::SameFile { path: first.clone() };
                self.skip(path, reason);
            }
            return;
        }
        self.seen.insert((meta.dev, meta.ino), path.to_owned());
        self.found.files.push(Found { path: path.to_owned(), real_path, meta });
    }

    fn skip(&mut self, path: &Path, reason: SkipReason) {
        self.found.skipped.push(Skipped { path: path.to_owned(), reason });
    }

    fn walk_error(&mut self, root: &Path, error: walkdir::Error) {
        let path = error.path().unwrap_or(root).to_owned();
        if error.loop_ancestor().is_some() {
            return self.skip(&path, SkipReason::LinkLoop);
        }
        let error =
            error.into_io_error().unwrap_or_else(|| io::Error::other("the directory changed while it was listed"));
        self.found.errors.push((path, io_error(error)));
    }
}

fn io_error(error: io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::NotFound,
        _ => FileError::Unreadable(error),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, IndexError> {
    let path = std::path::absolute(path).map_err(IndexError::WorkingDirectory)?;
    // `std::path::absolute` leaves `..` in place: behind a symbolic link it is not the directory before it. Links are
    // resolved in `real_path`; here it is only a name, but one that the same file should always get.
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if is_no_link(&normal) => {
                normal.pop();
            }
            component => normal.push(component),
        }
    }
    Ok(normal)
}

fn is_no_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn compile(pattern: &str) -> Result<globset::Glob, IndexError> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|source| IndexError::Glob { pattern: pattern.to_owned(), source })
}

/// Patterns of what is left out.
struct Exclude {
    names: GlobSet,
    paths: GlobSet,
}

impl Exclude {
    fn compile(patterns: &[String]) -> Result<Self, IndexError> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            if pattern.contains('/') {
                let absolute_pattern = absolute(Path::new(pattern))?;
                paths.add(compile(absolute_pattern.to_str().unwrap_or(pattern))?);
            } else {
                names.add(compile(pattern)?);
            }
        }
        let build = |builder: GlobSetBuilder| {
            builder.build().map_err(|source| IndexError::Glob { pattern: patterns.join(" "), source })
        };
        Ok(Self { names: build(names)?, paths: build(paths)? })
    }

    fn matches(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| self.names.is_match(name)) || self.paths.is_match(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Tree {
        dir: tempfile::TempDir,
    }

    impl Tree {
        fn new(files: &[&str]) -> Self {
            let tree = Self { dir: tempfile::tempdir().expect("temporary directory") };
            for file in files {
                let path = tree.path(file);
                fs::create_dir_all(path.parent().expect("in the tree")).expect("create");
                fs::write(path, file).expect("write");
            }
            tree
        }

        fn path(&self, name: &str) -> PathBuf {
            fs::canonicalize(self.dir.path()).expect("exists").join(name)
        }

        /// Names of the files found, and of what was skipped or failed with a word why.
        fn check(&self, inputs: &[Input], exclude: &[&str], expected: &[&str]) {
            let exclude: Vec<String> = exclude.iter().map(|&pattern| pattern.to_owned()).collect();
            let discovery = discover(inputs, &exclude, Some(&self.path("data"))).expect("good patterns");
            let name = |path: &Path| path.strip_prefix(self.path("")).unwrap_or(path).display().to_string();
            let mut found: Vec<String> = discovery.files.iter().map(|file| name(&file.path)).collect();
            found.extend(discovery.skipped.iter().map(|skipped| match skipped.reason {
                SkipReason::SameFile { .. } => format!("same {}", name(&skipped.path)),
                SkipReason::LinkLoop => format!("loop {}", name(&skipped.path)),
                SkipReason::NotRegular => format!("special {}", name(&skipped.path)),
                SkipReason::OwnData => format!("own {}", name(&skipped.path)),
                SkipReason::Binary => unreachable!("discovery opens no file"),
            }));
            found.extend(discovery.errors.iter().map(|(path, error)| match error {
                FileError::NotFound => format!("missing {}", name(path)),
                _ => format!("error {}", name(path)),
            }));
            assert_eq!(found, expected);
        }

        fn input(&self, name: &str) -> Input {
            Input::Path(self.path(name))
        }

        fn glob(&self, pattern: &str) -> Input {
            Input::Glob(self.path(pattern).to_str().expect("temporary directories are UTF-8").to_owned())
        }
    }

    #[test]
    fn directories_are_walked_by_name_and_each_file_comes_once() {
        let tree = Tree::new(&["b/2.log", "b/10.log", "a.log", "c/.hidden"]);
        tree.check(&[tree.input("")], &[], &["a.log", "b/10.log", "b/2.log", "c/.hidden"]);
        tree.check(
            &[tree.input("b"), tree.input("b/2.log"), tree.input("a.log")],
            &[],
            &["b/10.log", "b/2.log", "a.log"],
        );
        tree.check(&[tree.input("c/../a.log")], &[], &["a.log"]);
        fs::hard_link(tree.path("a.log"), tree.path("z.log")).expect("link");
        tree.check(&[tree.input("a.log"), tree.input("z.log")], &[], &["a.log", "same z.log"]);
    }

    #[test]
    fn globs_match_paths_and_directories() {
        let tree = Tree::new(&["a.log", "a.txt", "x/b.log", "x/y/c.log", "x/y/d.txt"]);
        tree.check(&[tree.glob("*.log")], &[], &["a.log"]);
        tree.check(&[tree.glob("**/*.log")], &[], &["a.log", "x/b.log", "x/y/c.log"]);
        tree.check(&[tree.glob("x/**/*.{log,txt}")], &[], &["x/b.log", "x/y/c.log", "x/y/d.txt"]);
        tree.check(&[tree.glob("?/[y-z]")], &[], &["x/y/c.log", "x/y/d.txt"]);
        tree.check(&[tree.glob("a.log")], &[], &["a.log"]);
        let discovery = discover(&[tree.glob("*.nothing")], &[], None).expect("good pattern");
        assert!(matches!(discovery.errors[..], [(_, FileError::NotFound)]));
        assert!(matches!(discover(&[tree.glob("[")], &[], None), Err(IndexError::Glob { .. })));
    }

    #[test]
    fn excluded_names_and_paths_are_left_out() {
        let tree = Tree::new(&["a.log", "a.gz", "old/a.log", "new/old/b.log"]);
        let all = [tree.input("")];
        tree.check(&all, &["*.gz"], &["a.log", "new/old/b.log", "old/a.log"]);
        tree.check(&all, &["old"], &["a.gz", "a.log"]);
        let path = tree.path("old");
        tree.check(&all, &[path.to_str().expect("UTF-8")], &["a.gz", "a.log", "new/old/b.log"]);
        let discovery = discover(&all, &["{".to_owned()], None);
        assert!(matches!(discovery, Err(IndexError::Glob { .. })));
    }

    #[test]
    fn links_are_followed_once_and_loops_end() {
        let tree = Tree::new(&["real/a.log"]);
        symlink(tree.path("real"), tree.path("also")).expect("link");
        symlink(tree.path("real"), tree.path("real/loop")).expect("link");
        symlink(tree.path("gone"), tree.path("dangling")).expect("link");
        let expected = ["also/a.log", "loop also/loop", "same real/a.log", "loop real/loop", "missing dangling"];
        tree.check(&[tree.input("")], &[], &expected);
        let discovery = discover(&[tree.input("also")], &[], None).expect("no patterns");
        assert_eq!(discovery.files[0].real_path, tree.path("real/a.log"));
    }

    #[test]
    fn only_regular_files_and_never_the_store_itself() {
        let tree = Tree::new(&["a.log", "data/catalog.db"]);
        let _socket = std::os::unix::net::UnixListener::bind(tree.path("socket")).expect("socket");
        tree.check(&[tree.input("")], &[], &["a.log", "own data", "special socket"]);
        tree.check(&[tree.input("missing")], &[], &["missing missing"]);
    }
}
