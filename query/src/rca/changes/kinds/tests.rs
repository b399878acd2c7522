use super::*;
use proptest::prelude::*;

/// Lines as programs write them, with the kind that they are of.
const SAMPLES: [(&str, &[&str]); 16] = [
    (
        "deploy",
        &[
            "2026-11-20 14:02:15 INFO deployer change=CHG0048213 service=payment-service action=config-push user=svc_deploy",
            "Nov 20 14:02:15 ci-01 jenkins: Deployed shop-web 4.2.1 to prod by kim",
            "time=\"2026-11-20T14:02:15Z\" level=info msg=\"rollback finished\" app=shop",
            "20-Nov-2026 14:02:15.120 INFO [main] org.apache.catalina.startup.HostConfig undeploy Undeploying context [/shop]",
        ],
    ),
    (
        "ticket",
        &[
            "2026-11-20 14:00:01,220 INFO: ConfigRefresher [main] application.properties reloaded change=CHG0048213",
            "change window CHG1484407 opened by m.iyer",
            "RFC-2231 approved",
        ],
    ),
    (
        "package",
        &[
            "Nov 20 14:01:02 db-01 yum[2211]: Updated: openssl-libs-1:1.0.2k-19.el7.x86_64",
            "2026-11-20 14:00:01 upgrade libssl1.1:amd64 1.1.1f-1 1.1.1f-2",
            "2026-11-20 14:00:03 status installed libssl1.1:amd64 1.1.1f-2",
            "2026-11-20T14:01:02+0000 INFO Upgraded: kernel-5.14.0-427.el9.x86_64",
        ],
    ),
    (
        "feature_flag",
        &[
            "INFO c.s.FlagClient - feature flag new-checkout changed from false to true",
            "{\"message\":\"toggle pay.async is now enabled\",\"user\":\"kim\"}",
        ],
    ),
    (
        "certificate",
        &[
            "nginx: [warn] certificate \"/etc/ssl/shop.crt\" expires in 3 days",
            "E1120 14:02:15.000000 1 authentication.go:63] x509: certificate signed by unknown authority",
            "INFO KeyManager - renewed certificate for pay.example.com",
        ],
    ),
    (
        "log_level",
        &[
            "2026-11-20 14:02:15,001 INFO Reconfiguration complete for context[name=18b4aac2] at URI /app/log4j2.xml",
            "INFO o.s.b.a.l.LoggersEndpoint - log level of com.acme.pay changed from INFO to DEBUG",
            "INFO LoggerContext[name=18b4aac2, org.apache.logging.log4j.core.LoggerContext@5f] reconfigured",
        ],
    ),
    (
        "schema",
        &[
            "INFO o.f.c.i.c.DbMigrate - Flyway: Migrating schema \"pay\" to version 42 - add index",
            "2026-11-20 14:02:15 UTC [812] LOG:  statement: ALTER TABLE payment ADD COLUMN rail text",
        ],
    ),
    (
        "failover",
        &[
            "Nov 20 14:02:15 lb-01 Keepalived_vrrp[811]: (VI_1) Entering MASTER STATE",
            "2026-11-20 14:02:15,120 INFO [db-02] promoted to primary after failover",
        ],
    ),
    (
        "orchestration",
        &[
            "Normal  ScalingReplicaSet  deployment/shop  Scaled down replica set shop-7c9d to 1",
            "kubelet[811]: Killing container with a grace period override shop-7c9d",
            "Warning  BackOff  pod/shop-7c9d  Back-off restarting failed container",
            "Successfully assigned prod/shop-7c9d to node-04",
        ],
    ),
    (
        "job_control",
        &[
            "[11/20/2026 14:02:15]      CAUAJM_I_40245 EVENT: JOB_ON_HOLD         JOB: PAY_EOD_SETTLE",
            "[11/20/2026 14:02:15]      CAUAJM_I_40245 EVENT: FORCE_STARTJOB      JOB: PAY_EOD_SETTLE MACHINE: payprd01",
            "sendevent -E CHANGE_STATUS -s SUCCESS -J PAY_EOD_SETTLE",
        ],
    ),
    (
        "config",
        &[
            "2026-11-20 14:02:15.120 UTC [1] LOG:  received SIGHUP, reloading configuration files",
            "2026-11-20 14:02:15.121 UTC [1] LOG:  parameter \"work_mem\" changed to \"64MB\"",
            "2026/11/20 14:02:15 [notice] 811#811: signal 1 (SIGHUP) received from 1, reconfiguring",
            "Nov 20 14:02:15 web-01 systemd[1]: Reloaded A high performance web server.",
            "Nov 20 14:02:15 web-01 sshd[811]: Received SIGHUP; rereading configuration.",
            "INFO o.s.c.e.event.RefreshEventListener : Refresh keys changed: [spring.datasource.url]",
            "The start type of the Print Spooler service was changed from demand start to auto start.",
        ],
    ),
    (
        "restart",
        &[
            "Nov 20 14:02:15 web-01 systemd[1]: Started A high performance web server.",
            "Nov 20 14:02:15 web-01 systemd[1]: Stopping OpenBSD Secure Shell daemon...",
            "Nov 20 14:02:15 web-01 sshd[811]: Server listening on 0.0.0.0 port 22.",
            "Nov 20 14:02:15 web-01 sshd[811]: Received signal 15; terminating.",
            "2026-11-20 14:02:15.120 UTC [1] LOG:  database system is ready to accept connections",
            "2026-11-20 14:02:15.120 INFO 1 --- [main] c.a.Shop : Started Shop in 5.31 seconds (JVM running for 6.02)",
            "The Print Spooler service entered the stopped state.",
            "Nov 20 14:02:15 web-01 kernel: Linux version 5.14.0-427.el9.x86_64 (mockbuild@x86) #1 SMP",
            "Nov 20 14:02:15 web-01 kernel: Out of memory: Killed process 811 (java)",
            "[11/20/2026 14:02:15]      CAUAJM_I_00001 The Scheduler is stopping",
        ],
    ),
    (
        "version",
        &[
            " :: Spring Boot ::                (v3.1.4)",
            "2026-11-20 14:02:15 INFO Starting ShopBatch using Java 17.0.8 on shop-01 with PID 1 (v4.2.1)",
        ],
    ),
    (
        "network",
        &[
            "Nov 20 14:02:15 web-01 kernel: e1000e 0000:00:19.0 eth0: NIC Link is Down",
            "Nov 20 14:02:15 web-01 systemd-networkd[811]: eth0: Lost carrier",
            "Nov 20 14:02:15 web-01 firewalld[811]: rule added to zone public",
        ],
    ),
    (
        "clock",
        &[
            "Nov 20 14:02:15 web-01 chronyd[811]: System clock was stepped by -3.120 seconds",
            "Nov 20 14:02:15 web-01 ntpd[811]: time reset +3.1 s",
        ],
    ),
    (
        "access",
        &[
            "Nov 20 14:02:15 web-01 sudo:     kim : TTY=pts/0 ; PWD=/home/kim ; USER=root ; COMMAND=/usr/bin/vi /etc/hosts",
            "Nov 20 14:02:15 web-01 sshd[811]: Accepted publickey for kim from 10.0.0.7 port 50122 ssh2",
        ],
    ),
];

#[test]
fn each_kind_knows_its_own_lines() {
    for (kind, (name, lines)) in KINDS.iter().zip(SAMPLES) {
        assert_eq!(kind.name, name, "samples stand in the order of the table");
        for line in lines {
            assert_eq!(kind_of(line).map(|kind| kind.name), Some(name), "{line}");
        }
    }
}

#[test]
fn the_queries_find_what_the_patterns_know() {
    for (kind, (_, lines)) in KINDS.iter().zip(SAMPLES) {
        for line in lines {
            let holds = |query: &&&str| {
                let options = crate::run::SearchOptions::new(0);
                let search = crate::run::Search::prepare(query, &options).expect("a query");
                let filter = crate::search::Filter::new(search.plan().search.as_ref().expect("a search"));
                filter.matches(&Line(line))
            };
            // What one kind's queries miss, another's may find: all are searched for at once.
            let found = KINDS.iter().any(|kind| kind.queries.iter().any(|query| holds(&query)));
            assert!(found, "no query of any kind finds the sample of {}: {line}", kind.name);
        }
    }
}

struct Line<'t>(&'t str);

impl crate::search::EventView for Line<'_> {
    fn holds(&self, pattern: &crate::search::PatternMatcher) -> bool {
        pattern.matches(&crate::search::EventText::new(self.0.as_bytes(), None))
    }

    fn any_value(&self, _: &str, _: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
}

#[test]
fn everyday_lines_are_no_changes() {
    for line in [
        "2026-11-20 14:02:15,001 INFO: PaymentService [exec-9] authorise start paymentId=PAY-1 orderId=ORD-1",
        "ts=2026-11-20T14:02:15Z level=info event=response status=200 bytes=512",
        "Nov 20 14:02:15 web-01 sshd[811]: Failed password for root from 10.0.0.7 port 50122 ssh2",
        "{\"version\":6,\"nginx_version\":\"1.9.4\",\"generation\":11}",
        "as specified in RFC 5424 and RFC3339",
        "10.0.0.7 - - [20/Nov/2026:14:15:25 +0000] \"GET /blog/server-restarted-after-rollback HTTP/1.1\" 200 512",
        "Nov 20 14:15:25 web-01 sshd[24634]: Failed password for invalid user deploy from 192.0.2.7 port 38606 ssh2",
        "[11/20/2026 14:02:15]      CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: RUNNING         JOB: PAY_EOD_SETTLE",
    ] {
        assert_eq!(kind_of(line).map(|kind| kind.name), None, "{line}");
    }
}

#[test]
fn tickets_are_found_once() {
    let line = "change=CHG0048213 action=rollback ticket=INC0091177 chg0048213 RFC-12 INCLUDE4444";
    assert_eq!(tickets(line), ["CHG0048213", "INC0091177"]);
}

proptest! {
    #[test]
    fn any_line_can_be_asked(line in "\\PC{0,200}") {
        let _ = kind_of(&line);
        prop_assert!(tickets(&line).iter().all(|ticket| line.to_ascii_uppercase().contains(ticket.as_str())));
    }
}
