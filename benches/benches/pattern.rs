//! Patterns of log lines: taking lines in, and what is decided at the end. The lines are those of the bundled logs, or of the folder of
//! logs that TRAWL_GENERATED names. Throughput counts their bytes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;
use trawl_query::pattern::Miner;

/// Most bytes of a corpus.
const MAX_BYTES: usize = 64 << 20;

fn patterns(c: &mut Criterion) {
    let mut group = c.benchmark_group("pattern");
    group.sample_size(10);
    for (corpus, text) in corpora() {
        let mine = || {
            let mut miner: Miner<u64> = Miner::default();
            text.lines().for_each(|line| *miner.push(line) += 1);
            miner
        };
        let n_lines: u64 = mine().into_patterns().iter().map(|pattern| pattern.tally).sum();
        assert_eq!(n_lines, text.lines().count() as u64, "every line is counted");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("push", corpus), |b| b.iter(|| black_box(mine())));
        let miner = mine();
        group.bench_function(BenchmarkId::new("decide", corpus), |b| {
            b.iter_batched(
                || miner.clone(),
                |miner| black_box(miner.into_patterns()),
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Names and texts.
fn corpora() -> Vec<(&'static str, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let bundled: String = trawl_benches::corpus::logs().iter().map(|log| text(&log.bytes)).collect();
    let mut corpora = vec![("bundled", bundled)];
    if let Some(folder) = std::env::var_os("TRAWL_GENERATED") {
        let mut generated = String::new();
        read(Path::new(&folder), &mut generated);
        corpora.push(("generated", generated));
    }
    corpora
}

/// Adds the logs of a folder and those within, by name, until there are enough.
fn read(folder: &Path, into: &mut String) {
    let mut paths: Vec<_> = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "log") && into.len() < MAX_BYTES {
            into.push_str(&String::from_utf8_lossy(&std::fs::read(&path).expect("a log")));
        }
    }
}

criterion_group!(benches, patterns);
criterion_main!(benches);
