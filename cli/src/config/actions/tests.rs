use super::*;
use crate::config::File;
use crate::config::raw::RawConfig;
use std::path::Path;
use trawl_alert::secret::Secret;

fn read(text: &str) -> anyhow::Result<(Actions, Vec<ShownDefinition>)> {
    let path = Path::new("/etc/trawl/trawl.toml");
    let raw = RawConfig::parse(text, path)?;
    crate::config::actions::read(raw.action, raw.actions, &File { path, text })
}

fn error(text: &str) -> String {
    let error = read(text).map(|_| ()).expect_err("it is refused");
    format!("{error:#}\nhint: {}", Advice::hint_of(&error).unwrap_or("none"))
}

#[test]
fn an_action_is_shown_without_its_secrets() {
    let text = "[actions]\nallow_commands = [\"/bin/true\"]\n\n[action.a]\ntype = \"webhook\"\nurl = \"https://u:geheim@host/geheim?geheim\"\n\
                headers = { X-Key = \"geheim\", X-Env = { env = \"K\" } }\nhmac_key = { file = \"keys/hook\" }\nretry = \"1m\"\n\n\
                [action.b]\ntype = \"command\"\ncommand = [\"/bin/true\", \"-x\"]\nescalate = [\"a\"]\n";
    let (actions, shown) = read(text).unwrap();
    let lines: Vec<String> =
        shown.iter().map(|line| format!("{} {} = {} # {}", line.section, line.key, line.value, line.origin)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    [actions] allow_commands = ["/bin/true"] # /etc/trawl/trawl.toml:2
    [action.a] type = "webhook" # /etc/trawl/trawl.toml:5
    [action.a] url = "https://host/…" # /etc/trawl/trawl.toml:6
    [action.a] headers = { X-Env = { env = "K" }, X-Key = "[secret]" } # /etc/trawl/trawl.toml:7
    [action.a] hmac_key = { file = "keys/hook" } # /etc/trawl/trawl.toml:8
    [action.a] retry = "1m" # /etc/trawl/trawl.toml:9
    [action.b] type = "command" # /etc/trawl/trawl.toml:12
    [action.b] command = ["/bin/true", "-x"] # /etc/trawl/trawl.toml:13
    [action.b] escalate = ["a"] # /etc/trawl/trawl.toml:14
    "#);
    assert!(!format!("{actions:?}").contains("geheim"), "{actions:?}");
    let ChannelOptions::Webhook(options) = &actions.by_name["a"].channel else { panic!("a webhook") };
    assert_eq!(options.hmac_key, Some(Secret::File("/etc/trawl/keys/hook".into())));
    assert_eq!(actions.by_name["a"].policy.retry_us, 60_000_000);
    assert_eq!(actions.by_name["b"].policy.escalate, ["a"]);
}

#[test]
fn what_makes_no_sense_is_pointed_at() {
    let hook = "[action.a]\ntype = \"webhook\"\nurl = \"http://h/\"\n";
    let texts = [
        "[action.a]\nurl = \"http://h/\"\n".to_owned(),
        "[action.a]\ntype = \"webhok\"\n".to_owned(),
        "[action.a]\ntype = \"slack\"\n".to_owned(),
        "[action.\"a b\"]\ntype = \"log\"\n".to_owned(),
        format!("{hook}routing_key = {{ env = \"K\" }}\n"),
        format!("{hook}token = \"geheim\"\n"),
        format!("{hook}user = \"u\"\n"),
        format!("{hook}escalate = [\"b\"]\n"),
        format!("{hook}escalate = [\"a\"]\n"),
        format!("{hook}on = [\"fired\"]\n"),
        format!("{hook}retry = \"none\"\n"),
        format!("{hook}want = \"count > 1\"\n"),
        format!("{hook}body = \"{{{{ nothing }}}}\"\n"),
        "[action.a]\ntype = \"webhook\"\nurl = \"host/geheim\"\n".to_owned(),
        "[action.a]\ntype = \"command\"\ncommand = [\"/bin/true\"]\n".to_owned(),
        "[action.a]\ntype = \"email\"\nhost = \"h\"\nfrom = \"x\"\nto = [\"a@b.c\"]\n".to_owned(),
        "[actions]\nallow_commands = [\"true\"]\n".to_owned(),
    ];
    let errors = texts.map(|text| error(&text));
    assert!(errors.iter().all(|error| !error.contains("geheim")), "{errors:?}");
    insta::assert_snapshot!(errors.join("\n\n"), @r#"
    cannot use [action.a] of /etc/trawl/trawl.toml:1: it has no `type`
    hint: write one of webhook, slack, pagerduty, alertmanager, servicenow, email, command, log

    cannot use [action.a] of /etc/trawl/trawl.toml:1: there is no type `webhok`
    hint: did you mean `webhook`?

    cannot use [action.a] of /etc/trawl/trawl.toml:1: it has no `url`
    hint: docs/config.md says what `url` is

    cannot use [action."a b"] of /etc/trawl/trawl.toml:1: its name has other characters than letters, digits, `_`, `-` and `.`, or is too long
    hint: write for example [action.ops-hook]

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `routing_key` is not a key of type `webhook`
    hint: its keys are type, on, retry, retry_max, give_up, max_per_minute, escalate, verify, want, verify_after, timeout, url, user, password, token, ca_file, method, headers, body, content_type, hmac_key, hmac_header

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `token` is a secret, and everybody who reads the configuration would know it
    hint: write `token = { file = "/etc/trawl/token" }` or `token = { env = "NAME" }`

    cannot use [action.a] of /etc/trawl/trawl.toml:1: it is not clear who logs in
    hint: write `user` and `password`, or `token`

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `escalate` names `b`, which is no action
    hint: write a section [action.b]

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `escalate` names the action itself
    hint: name another one

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `on` has `fired`
    hint: write some of raised, severity_changed, reminder, row, resolved, acknowledged, escalated

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `retry` must be a time
    hint: write for example `retry = "30s"`

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `want` stands without `verify`
    hint: write the search as `verify`

    cannot use [action.a] of /etc/trawl/trawl.toml:1: line 1 of the template: undefined value
    hint: none

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `[secret]` is not an address such as `https://host/path`
    hint: none

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `/bin/true` is not in `allow_commands`
    hint: none

    cannot use [action.a] of /etc/trawl/trawl.toml:1: `x` is not an e-mail address
    hint: none

    cannot use `allow_commands` of /etc/trawl/trawl.toml:2: `true` is not an absolute path
    hint: write for example "/usr/bin/systemctl"
    "#);
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let error = error("[action.a]\ntype = \"webhook\"\nurk = \"http://h/\"\n");
    assert!(error.ends_with("hint: did you mean `url`?"), "{error}");
}
