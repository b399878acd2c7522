use super::*;
use std::collections::HashMap;

/// A machine made of a few files and variables.
#[derive(Default)]
struct Machine {
    vars: HashMap<&'static str, String>,
    root: Option<tempfile::TempDir>,
}

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(root.path().join("cwd")).unwrap();
        Self {
            vars: HashMap::from([("HOME", root.path().join("home").to_str().unwrap().to_owned())]),
            root: Some(root),
        }
    }

    fn root(&self) -> &Path {
        self.root.as_ref().unwrap().path()
    }

    fn resolve(&self, args: &GlobalArgs) -> anyhow::Result<Config> {
        let var = |name: &str| self.vars.get(name).map(OsString::from);
        Config::resolve(
            args,
            &Surroundings { cwd: self.root().join("cwd"), root: self.root().to_owned(), var: &var, machine_zone: None },
        )
    }

    /// What `config show` prints, with the root of the machine taken away.
    fn show(&self, args: &GlobalArgs) -> String {
        let shown = match self.resolve(args) {
            Ok(config) => config.to_string(),
            Err(error) => format!("{error:#}"),
        };
        shown.replace(self.root().to_str().unwrap(), "")
    }
}

/// What `docs/config.md` shows as defaults: of a machine with nothing on it.
pub fn default_config() -> Config {
    let var = |name: &str| (name == "HOME").then(|| "~".into());
    let nowhere = PathBuf::from("");
    Config::resolve(
        &GlobalArgs::default(),
        &Surroundings { cwd: nowhere.clone(), root: nowhere, var: &var, machine_zone: None },
    )
    .expect("nothing is configured")
}

#[test]
fn nothing_is_configured() {
    insta::assert_snapshot!(Machine::new(&[]).show(&GlobalArgs::default()), @r#"
    # no configuration file
    data = "/home/.local/share/trawl"             # default
    lookups = "/home/.local/share/trawl/lookups"  # default
    tz = "UTC"                                                   # default

    [search]
    default_indexes = []                                         # default
    deadline = "none"                                            # default
    limit = 100                                                  # default

    [limits]
    max_groups = 5000000                                         # default
    max_memory_bytes = "1GiB"                                    # default
    "#);
}

#[test]
fn the_file_wins_over_defaults_and_names_its_lines() {
    let text =
        "data = \"store\"\ntz = \"Asia/Tokyo\"\n\n[search]\ndefault_indexes = [\"web\", \"app\"]\ndeadline = \"2m\"\n";
    let machine = Machine::new(&[("etc/trawl/trawl.toml", text), ("etc/trawl/sourcetypes/mine.toml", "")]);
    insta::assert_snapshot!(machine.show(&GlobalArgs::default()), @r#"
    # /etc/trawl/trawl.toml (from this machine)
    # /etc/trawl/sourcetypes/mine.toml
    data = "/etc/trawl/store"             # /etc/trawl/trawl.toml:1
    lookups = "/etc/trawl/store/lookups"  # default
    tz = "Asia/Tokyo"                                    # /etc/trawl/trawl.toml:2

    [search]
    default_indexes = ["web", "app"]                     # /etc/trawl/trawl.toml:5
    deadline = "2m"                                      # /etc/trawl/trawl.toml:6
    limit = 100                                          # default

    [limits]
    max_groups = 5000000                                 # default
    max_memory_bytes = "1GiB"                            # default
    "#);
}

#[test]
fn options_win_over_the_environment_and_it_over_the_file() {
    let mut machine = Machine::new(&[("cwd/trawl.toml", "data = \"from-file\"\nlookups = \"from-file\"\n")]);
    machine.vars.insert("TRAWL_DATA", "from-env".into());
    machine.vars.insert("TRAWL_LOOKUPS", "from-env".into());
    let args = GlobalArgs { data: Some("from-flag".into()), ..GlobalArgs::default() };
    let config = machine.resolve(&args).unwrap();
    assert_eq!(config.data, Setting::new(machine.root().join("cwd/from-flag"), Origin::Flag("--data")));
    assert_eq!(config.lookups, Setting::new(machine.root().join("cwd/from-env"), Origin::Env("TRAWL_LOOKUPS")));
}

#[test]
fn the_first_file_that_exists_is_used() {
    let mut machine = Machine::new(&[
        ("cwd/trawl.toml", ""),
        ("home/.config/trawl/trawl.toml", ""),
        ("etc/trawl/trawl.toml", ""),
        ("named.toml", ""),
    ]);
    let file = |machine: &Machine, args: &GlobalArgs| {
        let file = machine.resolve(args).unwrap().file.unwrap();
        (file.value.strip_prefix(machine.root()).unwrap().to_owned(), file.origin)
    };
    let none = GlobalArgs::default();
    assert_eq!(file(&machine, &none), ("cwd/trawl.toml".into(), Origin::Machine));
    fs::remove_file(machine.root().join("cwd/trawl.toml")).unwrap();
    assert_eq!(file(&machine, &none), ("home/.config/trawl/trawl.toml".into(), Origin::Machine));
    fs::remove_dir_all(machine.root().join("home")).unwrap();
    assert_eq!(file(&machine, &none), ("etc/trawl/trawl.toml".into(), Origin::Machine));
    machine.vars.insert("TRAWL_CONFIG", "../named.toml".into());
    let (path, origin) = file(&machine, &none);
    assert_eq!((path, origin), ("cwd/../named.toml".into(), Origin::Env("TRAWL_CONFIG")));
    let args = GlobalArgs { config: Some("missing.toml".into()), ..none };
    insta::assert_snapshot!(machine.show(&args), @"cannot read configuration /cwd/missing.toml (from --config): No such file or directory (os error 2)");
}

#[test]
fn the_machines_data_folder_is_used_if_it_exists() {
    let machine = Machine::new(&[("var/lib/trawl/catalog.db", "")]);
    let data = machine.resolve(&GlobalArgs::default()).unwrap().data;
    assert_eq!(data, Setting::new(machine.root().join("var/lib/trawl"), Origin::Machine));
}

#[test]
fn the_zone_comes_from_option_file_environment_machine() {
    let mut machine = Machine::new(&[("cwd/trawl.toml", "")]);
    machine.vars.insert("TZ", ":Europe/Paris".into());
    let zone = |machine: &Machine, tz: Option<&str>| {
        let args = GlobalArgs { tz: tz.map(|tz| tz.parse().unwrap()), ..GlobalArgs::default() };
        let zone = machine.resolve(&args).unwrap().zone;
        (zone.value.to_string(), zone.origin.to_string().replace(machine.root().to_str().unwrap(), ""))
    };
    assert_eq!(zone(&machine, None), ("Europe/Paris".into(), "$TZ".into()));
    fs::write(machine.root().join("cwd/trawl.toml"), "\ntz = \"+05:30\"").unwrap();
    assert_eq!(zone(&machine, None), ("+05:30".into(), "/cwd/trawl.toml:2".into()));
    assert_eq!(zone(&machine, Some("UTC")), ("UTC".into(), "--tz".into()));
    fs::write(machine.root().join("cwd/trawl.toml"), "tz = \"Mars\"").unwrap();
    insta::assert_snapshot!(machine.show(&GlobalArgs::default()), @"cannot use `tz` of /cwd/trawl.toml:1: unknown time zone `Mars`, expected a name such as `Europe/Berlin` or an offset such as `+05:30`");
}
