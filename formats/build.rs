//! Embeds `sourcetypes/*.toml`: a new file there is a new built-in sourcetype without a change of code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=sourcetypes");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it for build scripts"));
    let mut files: Vec<PathBuf> = match fs::read_dir(root.join("sourcetypes")) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    fs::write(out.join("sourcetypes.rs"), table(&files))
}

/// Writes the expression `&[("NAME.toml", include_str!("/path/NAME.toml")), …]`.
fn table(files: &[PathBuf]) -> String {
    let mut source = String::from("&[\n");
    for file in files {
        let name = file.file_name().map(Path::new).unwrap_or(file).display().to_string();
        let path = file.display().to_string();
        writeln!(source, "    ({name:?}, include_str!({path:?})),").expect("writing to a string does not fail");
    }
    source.push_str("]\n");
    source
}
