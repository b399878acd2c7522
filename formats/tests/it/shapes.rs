//! Lines in shapes that programs really write, beside those of the samples: what a file of such lines is taken for.
//!
//! Many of them must stay `generic`, whose adaptive rules serve them better than those of a similar sourcetype.

use crate::support::{Differences, parse};

/// The expected sourcetype, and one event as its program writes it.
const SHAPES: &[(&str, &str)] = &[
    // Spring Boot 3.1 with an application name; logback with the thread first; log4j with category only.
    ("log4j", "2026-11-20T14:05:00.123Z  INFO 1 --- [shop] [           main] c.example.shop.ShopApplication : Started"),
    ("log4j", "2026-11-20 14:05:00.123 [main] ERROR com.example.Main - cannot start"),
    ("log4j", "2026-11-20 14:05:00,123 WARN  com.example.Cache:88 - evicted 12 entries"),
    ("log4j", "2026-11-20 14:05:00,123 INFO  [org.jboss.as] (MSC service thread 1-2) WFLYSRV0049: starting"),
    ("log4j", "20 Nov 2026 14:05:00,123 [main] WARN  com.example.Main - old date layout"),
    // Level words alone do not make log4j.
    ("generic", "2026-11-20 14:05:00 trace something happened"),
    ("generic", "2026-11-20T14:05:00.877Z [INFO]  core: vault is unsealed"),
    ("generic", "2026-11-20T14:05:00.123Z\tINFO\tserver/main.go:41\tlistening"),
    ("generic", "2026/11/20 14:05:00 listening on :8080"),
    ("generic", "time of day only, 14:05:00, is prose"),
    ("generic", "All work and no play makes Jack a dull boy."),
    // Hadoop's family by its loggers.
    ("hadoop", "2026-11-20 14:05:00,123 INFO org.apache.hadoop.yarn.server.resourcemanager.ResourceManager: ready"),
    ("hadoop", "2026-11-20 14:05:00,123 WARN [LeaseRenewer:u@nn1] org.apache.hadoop.hdfs.LeaseRenewer: retry"),
    ("hdfs", "2026-11-20 14:05:00,123 INFO BlockStateChange: BLOCK* addToInvalidates: blk_77 10.0.0.1:50010"),
    ("log4j", "2026-11-20 14:05:00,123 INFO [main] org.apache.hive.service.server.HiveServer2: ready"),
    ("spark", "26/11/20 14:05:00 INFO mapreduce.Job: Job job_1795_0001 completed successfully"),
    ("kafka", "[2026-11-20 14:05:00,123] INFO Kafka version: 3.7.0 (org.apache.kafka.common.utils.AppInfoParser)"),
    ("log4j", "[2026-11-20 14:05:00,123] INFO [main] com.example.Consumer - subscribed"),
    // The syslog family: by program, not by layout.
    ("linux_messages", "2026-11-20T14:05:00.123456+00:00 web1 kernel: [  12.345678] eth0: link up"),
    ("linux_messages", "Nov 20 14:05:00 web1 systemd[1]: Started Daily apt download activities."),
    ("linux_secure", "Nov 20 14:05:00 web1 su: pam_unix(su:session): session opened for user root"),
    ("syslog", "Nov 20 14:05:00 web1 payd[77]: settled"),
    ("syslog", "<190>Nov 20 14:05:00 sw1 linkmon: port 7 down"),
    ("syslog_rfc5424", "<13>1 - - - - - - nothing is known"),
    // nginx and Apache variants.
    ("access_combined", r#"10.0.0.1 - - [20/Nov/2026:14:05:00 +0000] "\x16\x03\x01" 400 157 "-" "-""#),
    (
        "access_combined",
        r#"2001:db8::1 - - [20/Nov/2026:14:05:00 +0000] "GET / HTTP/2.0" 304 0 "-" "curl/8" "10.1.1.1" 0.004"#,
    ),
    ("apache_error", "[Fri Nov 20 14:05:00.000001 2026] [:error] [pid 7] [client 10.0.0.1:9] PHP Notice: x"),
    ("nginx_error", "2026/11/20 14:05:00 [crit] 7#7: *1 SSL_do_handshake() failed, client: 10.0.0.1"),
    // Pairs.
    ("logfmt", r#"time="2026-11-20T14:05:00Z" level=info msg="started container" id=a1"#),
    ("kv", "2026-11-20 14:05:00 user=ann action=login result=ok"),
    ("kv", r#"11/20/2026 02:05:00 PM LogName=Security EventCode=4625 host="dc1""#),
    ("generic", "2026-11-20 14:05:00 the ratio x=1 is the only pair here"),
    // JSON in its guises.
    ("json", r#"{"time":"2026-11-20T14:05:00Z","msg":"x"}"#),
    ("json", "{\n  \"time\": \"2026-11-20T14:05:00Z\",\n  \"msg\": \"pretty\"\n}"),
    ("json", r#"web-1  | {"level":"info","ts":1795183500.1,"msg":"compose"}"#),
    ("docker_json", r#"{"log":"split in the middle","stream":"stdout","time":"2026-11-20T14:05:00.1Z"}"#),
    ("k8s_cri", "2026-11-20T14:05:00.123456789Z stderr P split in the mid"),
    // Databases.
    ("postgresql", "2026-11-20 14:05:00 UTC LOG:  checkpoint starting: time"),
    ("postgresql", "2026-11-20 14:05:00.123 UTC [7] postgres@shop HINT:  No operator matches."),
    ("mysql_error", "2026-11-20 14:05:00 139872 [Note] mysqld: ready for connections."),
    // Python.
    ("python", "[2026-11-20 14:05:00,123: INFO/MainProcess] celery@w1 ready."),
    ("python", "ERROR:root:no stamp at all"),
    // Tables.
    ("csv", "time,level,text\n2026-11-20 14:05:00,INFO,\"two\nlines\""),
    ("tsv", "time\tlevel\n2026-11-20 14:05:00\tINFO"),
    ("generic", "one, two, three\nfour, five"),
];

#[test]
fn shapes_are_taken_for_what_they_are() {
    let mut differences = Differences::default();
    for (sourcetype, event) in SHAPES {
        let file = parse(format!("{event}\n").as_bytes(), "some.log");
        differences.check(event, "sourcetype", *sourcetype, file.sourcetype());
    }
    differences.assert_none();
}
