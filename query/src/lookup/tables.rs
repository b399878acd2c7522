//! The tables of one search: each read once and indexed once, for all operators and workers.

use super::LookupDefinition;
use super::error::LookupError;
use super::folder::{self, Folder};
use super::matcher::Matcher;
use super::table::Table;
use crate::batch::Batch;
use crate::context::Context;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the operators of a search have read so far.
#[derive(Debug, Default)]
pub(crate) struct Tables(Mutex<Loaded>);

#[derive(Debug, Default)]
struct Loaded {
    tables: HashMap<PathBuf, Arc<Table>>,
    /// By the name of the table and the columns that are compared.
    matchers: HashMap<(String, Vec<String>), Arc<Matcher>>,
}

/// Which tables a command means by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Definitions first, then files.
    Lookup,
    /// Files only: `inputcsv` and `outputcsv`.
    File,
}

impl Tables {
    /// Held while a table is read, so that the others wait for it instead of reading it too.
    fn lock(&self) -> MutexGuard<'_, Loaded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines of a table.
    pub fn table(
        &self,
        ctx: &Context,
        command: &'static str,
        naming: Naming,
        name: &str,
    ) -> Result<Arc<Table>, LookupError> {
        let path = folder_of(ctx, name)?.find(naming.file_of(ctx, name))?;
        self.lock().table(ctx, command, path)
    }

    /// What finds the lines of the table `name` whose `columns` have given values.
    pub fn matcher(
        &self,
        ctx: &Context,
        command: &'static str,
        name: &str,
        columns: &[String],
    ) -> Result<Arc<Matcher>, LookupError> {
        let mut loaded = self.lock();
        let key = (name.to_owned(), columns.to_vec());
        if let Some(matcher) = loaded.matchers.get(&key) {
            return Ok(Arc::clone(matcher));
        }
        let lookups = &ctx.caller().knowledge.lookups;
        let definition = lookups.definitions.get(name).cloned().unwrap_or_else(|| LookupDefinition::of_file(name));
        let path = folder_of(ctx, name)?.find(&definition.file)?;
        let table = loaded.table(ctx, command, path)?;
        let matcher = Arc::new(Matcher::new(table, definition, columns, ctx)?);
        ctx.hold(command, matcher.bytes())?;
        loaded.matchers.insert(key, Arc::clone(&matcher));
        Ok(matcher)
    }

    /// Where the table `name` is written to.
    pub fn path_to_write(&self, ctx: &Context, naming: Naming, name: &str) -> Result<PathBuf, LookupError> {
        Ok(folder_of(ctx, name)?.find_or_new(naming.file_of(ctx, name)))
    }

    /// Replaces a table by the first `n_rows` of these rows; commands that read it from now on see the new one.
    pub fn write(&self, path: &Path, rows: &Batch, n_rows: usize) -> Result<(), LookupError> {
        let mut loaded = self.lock();
        *loaded = Loaded::default();
        Table::write(path, rows, n_rows)
    }

    /// Removes a table.
    pub fn remove(&self, path: &Path) -> Result<(), LookupError> {
        let mut loaded = self.lock();
        *loaded = Loaded::default();
        folder::remove(path).map_err(LookupError::io("remove", path))
    }
}

impl Loaded {
    fn table(&mut self, ctx: &Context, command: &'static str, path: PathBuf) -> Result<Arc<Table>, LookupError> {
        if let Some(table) = self.tables.get(&path) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(Table::read(&path, command, ctx)?);
        self.tables.insert(path, Arc::clone(&table));
        Ok(table)
    }
}

impl Naming {
    fn file_of<'c>(self, ctx: &'c Context, name: &'c str) -> &'c str {
        match self {
            Self::Lookup => ctx.caller().knowledge.lookups.file_of(name),
            Self::File => name,
        }
    }
}

fn folder_of<'c>(ctx: &'c Context, name: &str) -> Result<Folder<'c>, LookupError> {
    let dir = ctx.caller().knowledge.lookups.dir.as_deref();
    dir.map(Folder).ok_or_else(|| LookupError::NoFolder(name.to_owned()))
}
