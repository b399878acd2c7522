//! What must hold for any lines, and what is masked.

use super::*;
use proptest::prelude::*;

/// A tally that remembers the lines.
#[derive(Debug, Default)]
struct Lines(Vec<usize>);

impl Tally for Lines {
    fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn n_lines(&self) -> u64 {
        self.0.len() as u64
    }
}

fn patterns(lines: &[&str]) -> Vec<(String, u64)> {
    let mut miner: Miner<u64> = Miner::default();
    lines.iter().for_each(|line| *miner.push(line) += 1);
    miner.into_patterns().into_iter().map(|pattern| (pattern.text, pattern.tally)).collect()
}

#[track_caller]
fn check_masked(line: &str, expected: &str) {
    assert_eq!(patterns(&[line]), [(expected.to_owned(), 1)]);
    assert!(matches(expected, line), "{expected} for {line}");
}

#[test]
fn what_is_variable_by_its_nature() {
    check_masked(
        "PacketResponder 1 for block blk_-38865049064139660 terminating",
        "PacketResponder <*> for block blk_<*> terminating",
    );
    check_masked("2026-11-20T14:04:33.600Z ERROR [http-nio-8080-exec-3] down", "<*> ERROR [http-nio-<*>] down");
    check_masked("Nov 20 14:04:33 web-01 sshd[123]: ok", "<*> web-<*> sshd[<*>]: ok");
    check_masked("at Thu Jun 23 21:31:26 2005 UTC done", "at <*> done");
    check_masked("10.0.0.1 - - \"GET /a/b?c=d HTTP/1.1\" 200", "<*> - - \"GET <*> HTTP/<*>\" <*>");
    check_masked(
        "\"GET /a HTTP/1.1\" 200 \"-\" \"Mozilla/5.0 (X11; rv:20.0) Gecko\"",
        "\"GET <*> HTTP/<*>\" <*> \"<*>\" \"<*>\"",
    );
    check_masked("from fe80::1ff:fe23:4567:890a via eth0", "from <*> via eth<*>");
    check_masked("mac 00:11:43:e3:ba:c3 seen", "mac <*> seen");
    check_masked("id 7d0cc4a1-5f9b-4a0e-8f31-92dd3f8d2a17.", "id <*>.");
    check_masked("mask=ffffffff old=0x1F", "mask=<*> old=<*>");
    check_masked("sent 5120 bytes (5.0 KB) in 3 ms", "sent <*> in <*>");
    check_masked("sent 12 bytes (5.0 KB)", "sent <*>");
    check_masked("lifetime <1 sec", "lifetime <*>");
    check_masked("log4j: ok", "log4j: ok");
    check_masked("proxy.example.com:5070 (db)", "proxy.example.com:<*> (db)");
    check_masked("nodes node-1 node-2 node-3 down", "nodes node-<*> down");
    check_masked("nodes node-1 <ok> node-2 <ok> node-3 <ok> end", "nodes node-<*> <ok> node-<*> <ok> end");
    check_masked("can't open /etc/passwd: no", "can't open <*>: no");
    check_masked("url=http://h/p/q?x=y z", "url=http:<*> z");
    check_masked("a\tb   c\r\n  at d\n", "a b c <*>");
}

#[test]
fn nothing_is_a_pattern_too() {
    check_masked("", "");
    check_masked("  \t ", "");
    check_masked("\u{0}\u{1b}[31mred\u{7}", "[<*>");
}

#[test]
fn few_plain_words_are_not_variable_and_many_are() {
    let found = patterns(&["Accepted password for root", "Failed password for root"]);
    assert_eq!(found.len(), 2);
    let lines: Vec<String> = ["amy", "bob", "cyd", "dan", "eve"]
        .iter()
        .flat_map(|name| [format!("Accepted it from {name} today"), format!("Failed it from {name} today")])
        .collect();
    let found = patterns(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let expected = [("Accepted it from <*> today".to_owned(), 5), ("Failed it from <*> today".to_owned(), 5)];
    assert_eq!(found, expected);
}

#[test]
fn log_levels_stay_apart() {
    let lines: Vec<String> = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
        .map(|level| format!("main {level} pool is full now"))
        .to_vec();
    assert_eq!(patterns(&lines.iter().map(String::as_str).collect::<Vec<_>>()).len(), 6);
}

#[test]
fn missing_values_and_rare_forms_fall_into_place() {
    let found = patterns(&["auth rhost= user=root", "auth rhost=10.0.0.1 user=root"]);
    assert_eq!(found, [("auth rhost=<*> user=root".to_owned(), 2)]);
    let usual = "synchronized to 10.0.0.1, stratum 3";
    let found = patterns(&[usual, usual, "synchronized to LOCAL(0), stratum 10"]);
    assert_eq!(found, [("synchronized to <*>, stratum <*>".to_owned(), 3)]);
}

#[test]
fn ids_do_not_change() {
    assert_eq!(id("session closed for user <*>"), id("session closed for user <*>"));
    assert_eq!(id(""), "e3b0c44298fc");
}

#[test]
fn text_that_is_no_log_does_not_fill_the_memory() {
    // Words that never repeat; every line of another length.
    let mut miner: Miner<u64> = Miner::default();
    let mut state = 1_u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (0..6).map(|i| char::from(b'g' + (state >> (20 + 5 * i)) as u8 % 20)).collect::<String>()
    };
    for n in 0..60_000_usize {
        let line: Vec<String> = (0..1 + n % 40).map(|_| word()).collect();
        *miner.push(&line.join(if n % 3 == 0 { " " } else { ", " })) += 1;
    }
    assert!(miner.n_bytes() < 64 << 20, "{} bytes", miner.n_bytes());
    let patterns = miner.into_patterns();
    assert_eq!(patterns.iter().map(|pattern| pattern.tally).sum::<u64>(), 60_000);
}

#[test]
fn a_search_names_the_phrases() {
    for (text, expected) in [
        ("<*> Failed password for <*> port <*> ssh<*>", Some("\"Failed password for\" port")),
        ("<*>", None),
        ("x=<*>", None),
        (
            "<*> ERROR: PaymentService failed to connect to DB [http-nio-<*>]",
            Some("ERROR \"PaymentService failed to connect to DB\" http nio"),
        ),
    ] {
        assert_eq!(search_for(text).as_deref(), expected, "{text}");
    }
}

/// Lines as programs print them, with what hostile ones do.
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "(user|for|from|failed|opened|key|a|b|c|d|e)",
        2 => "[0-9]{1,4}",
        1 => "(blk_-?[0-9]{3}|node-[0-9]|/etc/[a-z]|10\\.0\\.0\\.[0-9]|12:00:0[0-9]|Mon|INFO|ERROR|[0-9] KB|<\\*>)",
        1 => "[=,;()\\[\\]{}<>\"'|:./!?*\\\\-]{1,3}",
        1 => "\\PC{0,4}",
        1 => "[\\x00-\\x20\\x7f]{1,2}",
    ];
    let glue = prop_oneof![5 => Just(" "), 1 => Just(""), 1 => Just("="), 1 => Just(": "), 1 => Just("\n")];
    proptest::collection::vec((piece, glue), 0..12)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, glue)| format!("{piece}{glue}")).collect())
}

fn mine(lines: &[(usize, String)]) -> Miner<Lines> {
    let mut miner = Miner::default();
    for (index, line) in lines {
        let tally: &mut Lines = miner.push(line);
        tally.0.push(*index);
    }
    miner
}

fn sorted(miner: Miner<Lines>) -> Vec<(String, Vec<usize>)> {
    let mut patterns: Vec<(String, Vec<usize>)> = miner
        .into_patterns()
        .into_iter()
        .map(|Pattern { text, tally: Lines(mut lines) }| {
            lines.sort_unstable();
            (text, lines)
        })
        .collect();
    patterns.sort();
    patterns
}

proptest! {
    #[test]
    fn merged_parts_are_the_whole_in_any_order(
        lines in proptest::collection::vec((line(), 0..4_usize), 0..60),
    ) {
        let all: Vec<(usize, String)> = lines.iter().map(|(line, _)| line.clone()).enumerate().collect();
        let whole = sorted(mine(&all));
        let parts = || (0..4).map(|worker| {
            let part: Vec<(usize, String)> =
                all.iter().zip(&lines).filter(|(_, (_, of))| *of == worker).map(|(line, _)| line.clone()).collect();
            mine(&part)
        });
        let forwards = parts().reduce(|mut a, b| { a.merge(b); a }).unwrap_or_default();
        prop_assert_eq!(sorted(forwards), whole.clone());
        let backwards = parts().rev().reduce(|mut a, b| { a.merge(b); a }).unwrap_or_default();
        prop_assert_eq!(sorted(backwards), whole.clone());
        let mut reversed = all.clone();
        reversed.reverse();
        prop_assert_eq!(sorted(mine(&reversed)), whole);
    }

    #[test]
    fn every_line_is_in_one_pattern_that_it_matches(lines in proptest::collection::vec(line(), 0..40)) {
        let all: Vec<(usize, String)> = lines.iter().cloned().enumerate().collect();
        let patterns = sorted(mine(&all));
        let mut seen: Vec<usize> = patterns.iter().flat_map(|(_, lines)| lines.iter().copied()).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..lines.len()).collect::<Vec<_>>());
        for (text, members) in &patterns {
            for member in members {
                prop_assert!(matches(text, &lines[*member]), "{:?} for {:?}", text, lines[*member]);
            }
            prop_assert!(!text.chars().any(|c| c.is_ascii_control()));
        }
    }
}

/// The bounds hold whatever the order: many words, and so many shapes that the level rises.
#[test]
fn coarser_levels_do_not_depend_on_the_order_either() {
    let lines: Vec<(usize, String)> = (0..33_000_usize)
        .map(|n| {
            let name = |seed: usize| -> String {
                (0..5).map(|i| char::from(b'g' + ((n * seed) >> (3 * i)) as u8 % 16)).collect()
            };
            (
                n,
                match n % 3 {
                    0 => format!("user {} logged in", name(7919)),
                    1 => format!("{} {} {}", name(104_729), name(31), name(1_299_709)),
                    _ => format!("{}: {} ({})", name(15_485_863), name(3), name(49_979_687)),
                },
            )
        })
        .collect();
    let whole = sorted(mine(&lines));
    let mut interleaved: Vec<Miner<Lines>> = Vec::new();
    for worker in 0..3 {
        interleaved.push(mine(&lines.iter().rev().filter(|(n, _)| n / 7 % 3 == worker).cloned().collect::<Vec<_>>()));
    }
    let merged = interleaved.into_iter().reduce(|mut a, b| {
        a.merge(b);
        a
    });
    assert_eq!(sorted(merged.unwrap_or_default()), whole);
    assert!(whole.len() < 5_000, "{} patterns", whole.len());
}
