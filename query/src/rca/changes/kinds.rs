//! What lines that tell of a change look like: a table of kinds.
//!
//! Each kind has pieces of queries by which the index finds lines that may be of it, and a pattern that decides on the first
//! line of an event. The kinds are tried from top to bottom: what is special stands before what is general.

use super::super::event::head;
use regex::{Regex, RegexSet, RegexSetBuilder};
use std::sync::LazyLock;

/// How much of a line is looked at, in bytes.
const MAX_LOOKED_AT: usize = 2048;

/// A kind of change.
#[derive(Debug)]
pub struct Kind {
    /// Stable name, in JSON.
    pub name: &'static str,
    /// What it is for people.
    pub title: &'static str,
    /// How often such a line, seen shortly before, turns out to be the cause: a judgement between 0 and 1.
    pub weight: f64,
    /// Queries that find candidates; each is counted before it is searched for, so it should be as narrow as it can be.
    pub queries: &'static [&'static str],
    /// What the first line must match, in any case.
    pub pattern: &'static str,
}

/// All kinds.
pub const KINDS: [Kind; 16] = [
    Kind {
        name: "deploy",
        title: "deployment",
        weight: 1.0,
        queries: &[
            "deploy",
            "deployed",
            "deployer",
            "deploying",
            "redeploy",
            "redeployed",
            "undeploy",
            "rollout",
            "rollback",
            "\"rolled out\"",
            "\"rolled back\"",
            "\"rolling back\"",
            "\"config-push\"",
            "\"config push\"",
            "\"helm upgrade\"",
            "\"helm rollback\"",
        ],
        pattern: r"\b(re|un)?deploy(ed|er|ing)?\b|\brollout\b|\broll(ed|ing) (out|back)\b|\brollback\b|\bconfig[-_ ]push\b|\bhelm (upgrade|install|rollback)\b",
    },
    Kind {
        name: "ticket",
        title: "change ticket",
        weight: 0.95,
        queries: &[
            "chg0*",
            "chg1*",
            "chg2*",
            "chg3*",
            "chg4*",
            "chg5*",
            "chg6*",
            "chg7*",
            "chg8*",
            "chg9*",
            "crq0*",
            "crq1*",
            "ritm0*",
            "ritm1*",
            "sctask*",
            "\"rfc-*\"",
            "\"chg-*\"",
            "\"change request\"",
            "\"change window\"",
            "\"maintenance window\"",
            "\"maintenance mode\"",
        ],
        pattern: r"\b(CHG|CRQ|RITM|SCTASK)-?\d{4,}\b|\bRFC-\d{3,}\b|\bchange (request|window)\b|\bmaintenance (window|mode)\b",
    },
    Kind {
        name: "package",
        title: "package installed or removed",
        weight: 0.9,
        queries: &["yum", "dnf", "dpkg", "zypper", "\"status installed\"", "upgrade", "upgraded", "installed"],
        pattern: r"\b(yum|dnf|rpm|apt(-get)?|dpkg|zypper|pip3?|npm)\b.{0,60}\b(install(ed|ing)?|updat(ed|ing)|upgrad(e|ed|ing)|eras(ed|ing)|remov(ed|ing))\b|\d (install|upgrade|remove|status installed) \S+:\S+ \S|\b(installed|updated|erased|upgraded): \S+-\d",
    },
    Kind {
        name: "feature_flag",
        title: "feature flag",
        weight: 0.9,
        queries: &[
            "\"feature flag\"",
            "\"feature toggle\"",
            "\"feature switch\"",
            "featureflag",
            "\"kill switch\"",
            "killswitch",
            "toggle",
            "toggled",
        ],
        pattern: r"\bfeature[-_ ]?(flag|toggle|switch|gate)s?\b|\bkill[-_ ]?switch\b|\btoggled\b|\b(flag|toggle)\b.{0,60}\b(enabled|disabled|on|off|true|false)\b",
    },
    Kind {
        name: "certificate",
        title: "certificate or key store",
        weight: 0.85,
        queries: &["certificate", "certificates", "x509", "keystore", "truststore"],
        pattern: r"\b(certificate|cert|x\.?509|keystore|truststore)s?\b.{0,80}\b(expire[sd]?|expiring|renew(ed|ing|al)?|rotat(ed|ing|ion)|replaced|reload(ed|ing)|revoked|not yet valid|loaded|updated|unknown authority)\b|\b(renew|rotat|reload|import|updat|replac)(e|ed|es|ing|ion)\b.{0,40}\b(certificate|cert|keystore|truststore)s?\b",
    },
    Kind {
        name: "log_level",
        title: "log level or format",
        weight: 0.5,
        queries: &[
            "\"log level\"",
            "loglevel",
            "\"logging level\"",
            "\"logger level\"",
            "\"log-level\"",
            "loggercontext",
            "\"level of logger\"",
            "\"for context\" reconfiguration",
        ],
        pattern: r"\blog(ging|ger)?[-_ ]?level\b.{0,60}\b(changed|set|to|from|now)\b|\b(set|setting|chang(ed|ing))\b.{0,40}\blog(ging|ger)?[-_ ]?level\b|\bLoggerContext\b.{0,80}\b(reconfigur|start|stop)\w*|\breconfiguration (complete|started) for context\b|\blevel of logger\b",
    },
    Kind {
        name: "schema",
        title: "database schema",
        weight: 0.85,
        queries: &[
            "flyway",
            "liquibase",
            "\"alter table\"",
            "\"create index\"",
            "\"drop index\"",
            "\"drop table\"",
            "\"truncate table\"",
            "\"schema version\"",
            "migrating schema",
            "migration schema",
        ],
        pattern: r"\b(flyway|liquibase)\b|\b(alter|drop|create|truncate) (table|index|view|sequence|tablespace)\b|\bmigrat(ed|ing|ion)\b.{0,60}\b(schema|changeset|database)\b|\bschema\b.{0,40}\b(migrat|upgrad|version)\w*",
    },
    Kind {
        name: "failover",
        title: "failover or election",
        weight: 0.8,
        queries: &[
            "failover",
            "\"fail over\"",
            "switchover",
            "\"became leader\"",
            "\"new leader\"",
            "\"elected leader\"",
            "\"leader elected\"",
            "\"leader election\"",
            "\"new primary\"",
            "\"master state\"",
            "\"split brain\"",
            "promoted",
        ],
        pattern: r"\bfail[- ]?over\b|\bswitch[- ]?over\b|\b(new|became|elected|is now|promoted to) (the )?(leader|primary|master|active)\b|\bleader (elected|changed|election)\b|\bpromoted\b.{0,20}\b(primary|master|replica)\b|\bMASTER STATE\b|\bsplit[- ]brain\b",
    },
    Kind {
        name: "orchestration",
        title: "containers moved or scaled",
        weight: 0.75,
        queries: &[
            "\"scaled up\"",
            "\"scaled down\"",
            "\"scaling up\"",
            "\"scaling down\"",
            "scalingreplicaset",
            "\"killing container\"",
            "\"stopping container\"",
            "\"successfully assigned\"",
            "evicted",
            "evicting",
            "cordoned",
            "nodenotready",
            "\"back-off restarting\"",
            "crashloopbackoff",
            "oomkilled",
            "successfulrescale",
        ],
        pattern: r"\bscal(ed|ing) (up|down|in|out)\b|\bscalingreplicaset\b|\b(killing|stopping) container\b|\bsuccessfully assigned\b|\b(evict(ed|ing)|(un)?cordoned|drain(ed|ing))\b.{0,40}\b(pod|node)|\b(pod|node)\b.{0,60}\b(evicted|(un)?cordoned|drained)\b|\bnodenotready\b|\bback-off restarting\b|\bcrashloopbackoff\b|\boomkilled\b|\bsuccessfulrescale\b",
    },
    Kind {
        name: "job_control",
        title: "job held, released or forced",
        weight: 0.6,
        queries: &[
            "\"on_hold\"",
            "\"off_hold\"",
            "\"on_ice\"",
            "\"off_ice\"",
            "\"force_startjob\"",
            "killjob",
            "\"mach_offline\"",
            "\"mach_online\"",
            "\"set_global\"",
            "sendevent",
        ],
        pattern: r"\b(JOB_)?(ON|OFF)_(HOLD|ICE|NOEXEC)\b|\bFORCE_STARTJOB\b|\bKILLJOB\b|\bMACH_(OFF|ON)LINE\b|\bSET_GLOBAL\b|\bsendevent\b",
    },
    Kind {
        name: "config",
        title: "configuration",
        weight: 0.95,
        queries: &[
            "reload",
            "reloaded",
            "reloading",
            "reread",
            "\"re-reading\"",
            "sighup",
            "\"configuration changed\"",
            "\"config changed\"",
            "\"configuration updated\"",
            "\"config updated\"",
            "\"configuration refreshed\"",
            "\"configuration applied\"",
            "\"configuration change\"",
            "\"config change\"",
            "reconfigure",
            "reconfigured",
            "reconfiguring",
            "reconfiguration",
            "parameter \"changed to\"",
            "\"start type\" changed",
            "\"refresh keys changed\"",
        ],
        pattern: r"\bre-?(load|read)(ed|ing|s)?\b.{0,80}\b(config\w*|propert\w*|settings?|rules?|polic\w*|units?|daemon|logs?|\S+\.(ya?ml|json|conf|cnf|cfg|ini|properties|toml|xml))\b|\.(ya?ml|json|conf|cnf|cfg|ini|properties|toml|xml)\b.{0,40}\b(re-?load(ed|ing)?|changed|updated)\b|\bsystemd(\[\d+\])?: Reload(ed|ing)\b|\b(config\w*|propert\w*|settings?)\b.{0,60}\b(changed?|updated|refreshed|reloaded|applied|modified)\b|\bparameter \S+ (changed to|removed from)\b|\bSIGHUP\b|\bsignal 1\b|\breconfigur(e|ed|ing|ation)\b|\bstart type of the .{0,60} service was changed\b|\brefresh keys changed\b",
    },
    Kind {
        name: "restart",
        title: "start, stop or restart",
        weight: 0.75,
        queries: &[
            "restart",
            "restarted",
            "restarting",
            "\"shutting down\"",
            "shutdown",
            "\"shut down\"",
            "\"entered the * state\"",
            "\"running for\" started",
            "\"started on port\"",
            "\"listening on\"",
            "\"ready to accept connections\"",
            "\"ready for connections\"",
            "systemd (started OR starting OR stopped OR stopping)",
            "server (started OR starting OR stopped OR stopping)",
            "service (started OR starting OR stopped OR stopping)",
            "application (started OR starting OR stopped OR stopping)",
            "\"received signal\"",
            "sigterm",
            "\"on signal\"",
            "\"killed process\"",
            "\"linux version\"",
            "\"event log service was\"",
            "scheduler (started OR starting OR stopped OR stopping)",
        ],
        pattern: r"\brestart(ed|ing|s)?\b|\bshut(ting)? ?down\b|\bentered the \w+ state\b|\bStarted \S+ in [\d.]+ seconds\b|\bstarted on port\b|\blistening on\b|\bready (to accept|for) connections\b|\bsystemd(\[\d+\])?: (Start(ed|ing)|Stopp(ed|ing))\b|\b(server|service|application|daemon|instance|listener|scheduler)\b.{0,40}\b(started|stopped|starting|stopping)\b|\b(started|starting|stopped|stopping)\b.{0,40}\b(server|service|application|daemon|instance|listener|scheduler|worker process)(es|s)?\b|\breceived signal\b|\bSIGTERM\b|\b(exit(ed|ing)|terminat(ed|ing)) on signal\b|\bkilled process\b|\bLinux version \d",
    },
    Kind {
        name: "version",
        title: "version banner",
        weight: 0.6,
        queries: &[
            "\"spring boot\"",
            "\"using java\"",
            "version (starting OR started OR running)",
            "\"built by\"",
            "\"build version\"",
            "\"release version\"",
        ],
        pattern: r"\bSpring Boot\b|\b(start(ed|ing)|running|welcome|banner)\b.{0,80}\b(v|version |release |build )?\d+\.\d+\.\d+|\bversion[ :=]+v?\d+\.\d+.{0,80}\b(start(ed|ing)|running)\b|\b(build|release)[- ]version[ :=]+\S*\d",
    },
    Kind {
        name: "network",
        title: "network or firewall",
        weight: 0.6,
        queries: &[
            "\"link is down\"",
            "\"link is up\"",
            "\"link down\"",
            "\"link up\"",
            "\"lost carrier\"",
            "\"gained carrier\"",
            "firewalld",
            "iptables",
            "nftables",
        ],
        pattern: r"\blink\b.{0,12}\b(down|up)\b|\b(lost|gained) carrier\b|\b(firewalld?|iptables|nftables)\b.{0,60}\b(reload|rule|start|stop|change|add|delete|remove)\w*",
    },
    Kind {
        name: "clock",
        title: "clock set",
        weight: 0.6,
        queries: &[
            "\"time stepped\"",
            "\"clock stepped\"",
            "\"step time\"",
            "\"system clock\"",
            "\"system time\"",
            "\"time has been changed\"",
            "\"time reset\"",
        ],
        pattern: r"\b(time|clock)\b.{0,40}\b(stepped|changed|jumped|reset|wrong|unsynchroni[sz]ed)\b|\bstep time\b|\btime (reset|stepped)\b",
    },
    Kind {
        name: "access",
        title: "somebody logged in or ran a command",
        weight: 0.35,
        queries: &["sudo command", "sshd accepted"],
        pattern: r"\bsudo(\[\d+\])?: .*COMMAND=|\bsshd(\[\d+\])?: Accepted \w+ for \S+",
    },
];

/// The patterns of all kinds, in their order.
static PATTERNS: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = KINDS.iter().map(|kind| kind.pattern);
    RegexSetBuilder::new(patterns).case_insensitive(true).build().expect("the patterns of the table are valid")
});

/// Numbers of changes, incidents and problems.
static TICKETS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:CHG|CRQ|RITM|SCTASK|INC|PRB|TASK)-?\d{4,}\b|\bRFC-\d{3,}\b";
    Regex::new(pattern).expect("the pattern is valid")
});

/// A request to a web server: what somebody asks for is no change.
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#""(?:GET|POST|PUT|DELETE|HEAD|PATCH|OPTIONS) /"#;
    Regex::new(pattern).expect("the pattern is valid")
});

/// Somebody tries to log in, under a name such as `deploy`: no change, either.
static ATTEMPT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:invalid|illegal|unknown) user\b|\bfailed (?:password|publickey|none)\b|\bauthentication fail(?:ure|ed)\b";
    Regex::new(pattern).expect("the pattern is valid")
});

/// The kind of change that a line tells of, if any. Linear in the line, of which at most 2 KiB count.
pub fn kind_of(line: &str) -> Option<&'static Kind> {
    let line = head(line, MAX_LOOKED_AT);
    let kind = &KINDS[PATTERNS.matches(line).iter().next()?];
    (!REQUEST.is_match(line) && !ATTEMPT.is_match(line)).then_some(kind)
}

/// The tickets that a line names, in upper case, each once.
pub fn tickets(line: &str) -> Vec<String> {
    let mut tickets: Vec<String> =
        TICKETS.find_iter(head(line, MAX_LOOKED_AT)).map(|found| found.as_str().to_ascii_uppercase()).collect();
    let mut seen = Vec::new();
    tickets.retain(|ticket| {
        !seen.contains(ticket) && {
            seen.push(ticket.clone());
            true
        }
    });
    tickets
}

#[cfg(test)]
mod tests;
