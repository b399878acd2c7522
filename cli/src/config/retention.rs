//! `[index.NAME]`: how long, and in how much space, an index keeps its events. As written, then checked and turned into
//! policies of the store.

use super::definitions::{ShownDefinition, toml_key};
use super::raw::Index;
use super::{File, Origin};
use crate::error::Advice;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use trawl_formats::IndexName;
use trawl_store::retention::{Policies, Policy};

/// Reads the policies of a configuration file.
///
/// # Errors
/// The first index whose name is not valid.
pub(super) fn read(
    indexes: BTreeMap<String, Spanned<Index>>,
    file: &File<'_>,
) -> anyhow::Result<(Policies, Vec<ShownDefinition>)> {
    let (mut policies, mut shown) = (Policies::new(), Vec::new());
    for (name, index) in indexes {
        let setting = file.setting(index);
        let index = IndexName::new(&name).map_err(|error| {
            let hint = "write for example [index.web]";
            Advice::new(format!("cannot use [index.{}] of {}: {error}", toml_key(&name), setting.origin), hint)
        })?;
        shown.extend(show(&name, &setting.value, file, &setting.origin));
        policies.insert(index, policy(setting.value, file));
    }
    Ok((policies, shown))
}

fn policy(index: Index, file: &File<'_>) -> Policy {
    let folder = file.path.parent().unwrap_or(Path::new(""));
    Policy {
        max_age: index.max_age.and_then(|age| age.into_inner().0),
        max_size: index.max_size.map(|size| size.into_inner().0),
        min_free: index.min_free.map(|share| share.into_inner().0),
        archive: index.archive.map(|archive| folder.join(archive.into_inner())),
        protected: index.protected.is_some_and(Spanned::into_inner),
    }
}

/// The lines of `config show`.
fn show(name: &str, index: &Index, file: &File<'_>, origin: &Origin) -> Vec<ShownDefinition> {
    fn text<T: ToString>(value: &Option<Spanned<T>>) -> Option<(toml::Value, usize)> {
        value.as_ref().map(|value| (toml::Value::from(value.get_ref().to_string()), value.span().start))
    }
    let archive = index.archive.as_ref();
    let archive = archive.map(|path| (path.get_ref().display().to_string().into(), path.span().start));
    let protected = index.protected.as_ref().map(|value| ((*value.get_ref()).into(), value.span().start));
    let lines: [(&str, Option<(toml::Value, usize)>); 5] = [
        ("max_age", text(&index.max_age)),
        ("max_size", text(&index.max_size)),
        ("min_free", text(&index.min_free)),
        ("archive", archive),
        ("protected", protected),
    ];
    let written = lines.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let shown = |(at, (key, (value, start))): (usize, (&str, (toml::Value, usize)))| ShownDefinition {
        section: format!("[index.{}]", toml_key(name)),
        key: key.to_owned(),
        value: value.to_string(),
        origin: match origin {
            Origin::File { path, .. } => Origin::File { path: path.clone(), line: file.line_at(start) },
            other => other.clone(),
        },
        begins_section: at == 0,
    };
    written.enumerate().map(shown).collect()
}
