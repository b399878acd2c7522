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
    max_spill_bytes = "none"                                     # default
    spill_folder = "/tmp"                                        # default
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
    max_spill_bytes = "none"                             # default
    spill_folder = "/tmp"                                # default
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

#[test]
fn definitions_are_shown_with_their_lines() {
    let text = "\
[macros]\nbad = \"level=ERROR\"\n\"of(a, b)\" = 'x=\"$a$\" y=$b$'\n\n\
[eventtypes]\nfailed = \"`bad` sshd\"\n\n\
[[tags]]\nname = \"prod\"\nfield = \"host\"\nvalue = \"db-*\"\n\n\
[saved]\nplain = \"error | stats count\"\n\"with table\".search = \"error host=$h$\"\n\n\
[lookup.nets]\nfilename = \"networks.csv\"\nmatch_type = \"CIDR(net), wildcard(path)\"\ndefault_match = \"outside\"\n\n\
[lookup.leases]\ntime_field = \"since\"\n";
    let machine = Machine::new(&[("cwd/trawl.toml", text)]);
    let shown = machine.show(&GlobalArgs::default());
    let definitions = &shown[shown.find("[macros]").unwrap()..];
    insta::assert_snapshot!(definitions, @r#"
    [macros]
    bad = "level=ERROR"  # /cwd/trawl.toml:2
    "of(a, b)" = 'x="$a$" y=$b$'  # /cwd/trawl.toml:3

    [eventtypes]
    failed = "`bad` sshd"  # /cwd/trawl.toml:6

    [[tags]]
    name = "prod"  # /cwd/trawl.toml:9
    field = "host"  # /cwd/trawl.toml:10
    value = "db-*"  # /cwd/trawl.toml:11

    [saved]
    plain = "error | stats count"  # /cwd/trawl.toml:14
    "with table" = "error host=$h$"  # /cwd/trawl.toml:15

    [lookup.leases]
    filename = "leases"  # default
    time_field = "since"  # /cwd/trawl.toml:23

    [lookup.nets]
    filename = "networks.csv"  # /cwd/trawl.toml:18
    match_type = "CIDR(net), wildcard(path)"  # /cwd/trawl.toml:19
    default_match = "outside"  # /cwd/trawl.toml:20
    "#);
    let knowledge = machine.resolve(&GlobalArgs::default()).unwrap().knowledge();
    assert_eq!(knowledge.lookups.dir, Some(machine.root().join("home/.local/share/trawl/lookups")));
    let nets = &knowledge.lookups.definitions["nets"];
    assert_eq!((nets.file.as_str(), nets.min_matches, nets.default.as_str()), ("networks.csv", 1, "outside"));
    let leases = &knowledge.lookups.definitions["leases"];
    assert_eq!(leases.file, "leases");
    assert_eq!(leases.time.as_ref().map(|time| time.max_offset_secs), Some(2_000_000_000));
    assert_eq!(knowledge.saved_searches["with table"].search, "error host=$h$");
    // What is shown can be read again.
    fs::write(machine.root().join("cwd/trawl.toml"), definitions).unwrap();
    assert_eq!(machine.resolve(&GlobalArgs::default()).unwrap().knowledge(), knowledge);
}

#[test]
fn saved_searches_stand_in_several_files() {
    let config = "data = \"store\"\n[saved]\nplain = \"error\"\n[saved.full]\nsearch = \"error host=$host$\"\nargs = { host = \"*\" }\n\
                  tags = [\"daily\"]\nearliest = \"-1d@d\"\n";
    let machine = Machine::new(&[
        ("cwd/trawl.toml", config),
        ("cwd/saved.d/two.toml", "[saved]\na = \"x\"\nb = \"y\"\n"),
        ("cwd/saved.d/readme.txt", "not read"),
        ("cwd/store/saved.d/c.toml", "[saved.c]\nsearch = \"z\"\n"),
    ]);
    let shown = machine.show(&GlobalArgs::default());
    insta::assert_snapshot!(&shown[shown.find("[saved]").unwrap()..], @r#"
    [saved]
    plain = "error"  # /cwd/trawl.toml:3

    [saved.full]
    search = "error host=$host$"  # /cwd/trawl.toml:5
    tags = ["daily"]  # /cwd/trawl.toml:7
    earliest = "-1d@d"  # /cwd/trawl.toml:8
    args = { host = "*" }  # /cwd/trawl.toml:6

    [saved.a]
    search = "x"  # /cwd/saved.d/two.toml:2

    [saved.b]
    search = "y"  # /cwd/saved.d/two.toml:3

    [saved.c]
    search = "z"  # /cwd/store/saved.d/c.toml:2
    "#);
    let config = machine.resolve(&GlobalArgs::default()).unwrap();
    let names: Vec<&str> = config.definitions.saved.keys().map(String::as_str).collect();
    assert_eq!(names, ["a", "b", "c", "full", "plain"]);
    assert_eq!(config.knowledge().saved_searches["full"].earliest.as_deref(), Some("-1d@d"));

    // The data folder may hold the configuration file.
    fs::write(machine.root().join("cwd/store/trawl.toml"), "data = \".\"").unwrap();
    let args = GlobalArgs { config: Some("store/trawl.toml".into()), ..GlobalArgs::default() };
    assert_eq!(machine.resolve(&args).unwrap().definitions.saved.len(), 1);

    let mut errors = String::new();
    for text in [
        "[saved]\nfull = \"x\"",
        "[saved]\nx = { search = \"error\", args = { host = \"*\" } }",
        "[saved]\nx = { search = \"error $hots$\", args = { host = \"*\" } }",
        "[saved]\nx = { search = \"error\", earliest = \"yesterday\" }",
        "[saved]\nx = { description = \"error\" }",
        "[saved]\nx = { search = \"error\", desription = \"y\" }",
        "[alerts]",
        "[saved]\nx = 5",
    ] {
        fs::write(machine.root().join("cwd/store/saved.d/c.toml"), text).unwrap();
        let error = machine.resolve(&GlobalArgs::default()).expect_err(text);
        let hint = Advice::hint_of(&error).unwrap_or("none");
        errors += &format!("{error:#}\nhint: {hint}\n\n").replace(machine.root().to_str().unwrap(), "");
    }
    insta::assert_snapshot!(errors, @r#"
    cannot use `full` of /cwd/store/saved.d/c.toml:2: there is another one of that name (/cwd/trawl.toml:4)
    hint: give each saved search a name of its own

    cannot use `args` of /cwd/store/saved.d/c.toml:2: `$host$` does not stand in the search
    hint: write $host$ where it belongs

    cannot use `args` of /cwd/store/saved.d/c.toml:2: `$host$` does not stand in the search
    hint: did you mean `hots`?

    cannot use `earliest` of /cwd/store/saved.d/c.toml:2: `yesterday` is not a time
    hint: write for example "-24h", "-1d@d" or "2026-11-20"

    cannot use `x` of /cwd/store/saved.d/c.toml:2: it is empty
    hint: write the text of a search

    cannot use configuration /cwd/store/saved.d/c.toml: TOML parse error at line 2, column 25
      |
    2 | x = { search = "error", desription = "y" }
      |                         ^^^^^^^^^^
    unknown field `desription`, expected one of `search`, `description`, `owner`, `tags`, `runbook`, `earliest`, `latest`, `args`
    hint: did you mean `description`?

    cannot use configuration /cwd/store/saved.d/c.toml: TOML parse error at line 1, column 2
      |
    1 | [alerts]
      |  ^^^^^^
    unknown field `alerts`, expected `saved`
    hint: none

    cannot use configuration /cwd/store/saved.d/c.toml: TOML parse error at line 2, column 5
      |
    2 | x = 5
      |     ^
    invalid type: integer `5`, expected the text of a search, or a table with the key `search`
    hint: none
    "#);
}

#[test]
fn retention_is_resolved_and_shown() {
    let text = "\
[index.web]\nmax_age = \"90d\"\nmax_size = \"2 GiB\"\nmin_free = \"7.5%\"\narchive = \"old\"\n\n\
[index.audit]\nprotected = true\nmin_free = \"1GB\"\n";
    let machine = Machine::new(&[("cwd/trawl.toml", text)]);
    let shown = machine.show(&GlobalArgs::default());
    insta::assert_snapshot!(&shown[shown.find("[index.").unwrap()..], @r#"
    [index.audit]
    min_free = "1GB"  # /cwd/trawl.toml:9
    protected = true  # /cwd/trawl.toml:8

    [index.web]
    max_age = "90d"  # /cwd/trawl.toml:2
    max_size = "2GiB"  # /cwd/trawl.toml:3
    min_free = "7.5%"  # /cwd/trawl.toml:4
    archive = "old"  # /cwd/trawl.toml:5
    "#);
    let config = machine.resolve(&GlobalArgs::default()).unwrap();
    let policy = |name: &str| config.retention[&IndexName::new(name).unwrap()].clone();
    let web = policy("web");
    assert_eq!((web.max_age.unwrap().as_secs(), web.max_size), (90 * 86_400, Some(2 << 30)));
    assert_eq!((web.min_free.unwrap().bytes(1_000), web.protected), (75, false));
    assert_eq!(web.archive, Some(machine.root().join("cwd/old")));
    assert_eq!((policy("audit").min_free.unwrap().bytes(1_000), policy("audit").protected), (1_000_000_000, true));

    let mut errors = String::new();
    for text in ["[index.web]\nmaxage = \"1d\"", "[index.web]\nmin_free = \"all\"", "[index.\"a b\"]\nprotected = true"]
    {
        fs::write(machine.root().join("cwd/trawl.toml"), text).unwrap();
        let error = machine.resolve(&GlobalArgs::default()).expect_err(text);
        let hint = Advice::hint_of(&error).unwrap_or("none");
        errors += &format!("{error:#}\nhint: {hint}\n\n").replace(machine.root().to_str().unwrap(), "");
    }
    insta::assert_snapshot!(errors, @r#"
    cannot use configuration /cwd/trawl.toml: TOML parse error at line 2, column 1
      |
    2 | maxage = "1d"
      | ^^^^^^
    unknown field `maxage`, expected one of `max_age`, `max_size`, `min_free`, `archive`, `protected`
    hint: did you mean `max_age`?

    cannot use configuration /cwd/trawl.toml: TOML parse error at line 2, column 12
      |
    2 | min_free = "all"
      |            ^^^^^
    `all` is not a size such as `50GiB`, or a share such as `10%`
    hint: none

    cannot use [index."a b"] of /cwd/trawl.toml:1: index name `a b` must be made of lower-case letters, digits, `_` and `-`
    hint: write for example [index.web]
    "#);
}

#[test]
fn wrong_definitions_name_file_key_and_remedy() {
    let machine = Machine::new(&[("cwd/trawl.toml", "")]);
    let mut errors = String::new();
    for text in [
        "[macros]\n\"errors(1)\" = \"x\"",
        "[macros]\n\"errors(a\" = \"x\"",
        "[macros]\n\"errors(a, a)\" = \"x\"",
        "[macros]\n\"my macro\" = \"x\"",
        "[macros]\n\"e(a)\" = \"x\"\n\"e(b)\" = \"x\"",
        "[macros]\ne = 5",
        "[eventtypes]\nfailed = \"\"",
        "[eventtypes]\nfailed = \"a AND\"",
        "[eventtypes]\nfailed = \"a | head\"",
        "[eventtypes]\nfailed = \"`unknown`\"",
        "[[tags]]\nname = \"prod\"\nfield = \"host\"",
        "[[tags]]\nnam = \"prod\"",
        "[saved]\nerrors = \" \"",
        "[saved]\nerrors = { query = \"x\" }",
        "[saved]\nerrors = 5",
        "[lookup.nets]\nfilename = \"../nets.csv\"",
        "[lookup.nets]\nmatch_type = \"REGEX(x)\"",
        "[lookup.nets]\nmatch_type = \"CIDR\"",
        "[lookup.nets]\nmax_matches = 0",
        "[lookup.nets]\nmin_matches = 1",
        "[lookup.nets]\ndefault_match = \"x\"\nmax_matches = 2\nmin_matches = 3",
        "[lookup.\"a/b\"]",
        "[lookup.nets]\ntime_format = \"%Y\"",
        "[lookup.nets]\ntime_field = \"t\"\nmax_offset_secs = 1\nmin_offset_secs = 2",
        "[lookup.nets]\nmax_match = 1",
        "[lookups.nets]\nmax_matches = 1",
    ] {
        fs::write(machine.root().join("cwd/trawl.toml"), text).unwrap();
        let error = machine.resolve(&GlobalArgs::default()).expect_err(text);
        let hint = Advice::hint_of(&error).unwrap_or("none");
        errors += &format!("{error:#}\nhint: {hint}\n\n").replace(machine.root().to_str().unwrap(), "");
    }
    insta::assert_snapshot!(errors, @r#"
    cannot use `errors(1)` of /cwd/trawl.toml:2: `1` is not the name of a parameter
    hint: name the parameters, for example `errors(service)`; the definition uses them as $service$

    cannot use `errors(a` of /cwd/trawl.toml:2: its parameters do not end with `)`
    hint: write `name` or `name(first, second)`

    cannot use `errors(a, a)` of /cwd/trawl.toml:2: the parameter `a` stands twice
    hint: write `name` or `name(first, second)`

    cannot use `my macro` of /cwd/trawl.toml:2: `my macro` is not the name of a macro
    hint: write `name` or `name(first, second)`

    cannot use `e(b)` of /cwd/trawl.toml:3: another macro `e` has as many arguments
    hint: macros of one name differ in the number of their arguments

    cannot use configuration /cwd/trawl.toml: TOML parse error at line 2, column 5
      |
    2 | e = 5
      |     ^
    invalid type: integer `5`, expected a string
    hint: none

    cannot use `failed` of /cwd/trawl.toml:2: it is empty
    hint: write the text of a search

    cannot use `failed` of /cwd/trawl.toml:2: expected a search term, found the end
    hint: an event type is a search expression, such as `sshd "Failed password"`

    cannot use `failed` of /cwd/trawl.toml:2: it has commands
    hint: an event type is a search expression, such as `sshd "Failed password"`

    cannot use `failed` of /cwd/trawl.toml:2: there is no macro `unknown`
    hint: an event type is a search expression, such as `sshd "Failed password"`

    cannot use `tags` of /cwd/trawl.toml:1: it has no `value`
    hint: a tag has a name, a field and a value: name = "prod", field = "host", value = "db-*"

    cannot use configuration /cwd/trawl.toml: TOML parse error at line 2, column 1
      |
    2 | nam = "prod"
      | ^^^
    unknown field `nam`, expected one of `name`, `field`, `value`
    hint: did you mean `name`?

    cannot use `errors` of /cwd/trawl.toml:2: it is empty
    hint: write the text of a search

    cannot use configuration /cwd/trawl.toml: TOML parse error at line 2, column 12
      |
    2 | errors = { query = "x" }
      |            ^^^^^
    unknown field `query`, expected one of `search`, `description`, `owner`, `tags`, `runbook`, `earliest`, `latest`, `args`
    hint: none

    cannot use configuration /cwd/trawl.toml: TOML parse error at line 2, column 10
      |
    2 | errors = 5
      |          ^
    invalid type: integer `5`, expected the text of a search, or a table with the key `search`
    hint: none

    cannot use `filename` of /cwd/trawl.toml:2: `../nets.csv` leaves the folder of lookup tables: a table is named without its folder
    hint: name a file of the folder of lookup tables

    cannot use `match_type` of /cwd/trawl.toml:2: `REGEX` is none of WILDCARD, CIDR and EXACT
    hint: write for example "WILDCARD(path), CIDR(net)"

    cannot use `match_type` of /cwd/trawl.toml:2: `CIDR` is no kind of match with a column in parentheses
    hint: write for example "WILDCARD(path), CIDR(net)"

    cannot use `max_matches` of /cwd/trawl.toml:2: 0 lines are none
    hint: write a number from 1 on

    cannot use `min_matches` of /cwd/trawl.toml:2: there is no `default_match` to make up for missing lines
    hint: add default_match = "…"

    cannot use `min_matches` of /cwd/trawl.toml:4: 3 is more than max_matches, 2
    hint: write a smaller number

    cannot use `filename` of /cwd/trawl.toml:1: `a/b` leaves the folder of lookup tables: a table is named without its folder
    hint: name a file of the folder of lookup tables

    cannot use `time_format` of /cwd/trawl.toml:2: it says something about the time of lines, but there is no `time_field`
    hint: add time_field = "…", the column with the time

    cannot use `min_offset_secs` of /cwd/trawl.toml:4: 2 is more than max_offset_secs, 1
    hint: no row could match

    cannot use configuration /cwd/trawl.toml: TOML parse error at line 2, column 1
      |
    2 | max_match = 1
      | ^^^^^^^^^
    unknown field `max_match`, expected one of `filename`, `case_sensitive_match`, `match_type`, `max_matches`, `default_match`, `min_matches`, `time_field`, `time_format`, `max_offset_secs`, `min_offset_secs`
    hint: did you mean `max_matches`?

    cannot use configuration /cwd/trawl.toml: TOML parse error at line 1, column 2
      |
    1 | [lookups.nets]
      |  ^^^^^^^
    invalid type: map, expected path string
    hint: `lookups` is the folder of lookup tables; a definition is a section [lookup.NAME]
    "#);
}
