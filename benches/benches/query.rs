//! Query classes on an index of several logs, buckets open. Throughput counts raw bytes of log in the store.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use trawl_benches::corpus::write_all;
use trawl_formats::{IndexName, Registry, Zone};
use trawl_indexer::{Input, Options, Progress};
use trawl_query::{Engine, Flow, Search, SearchOptions};
use trawl_store::{Reader, Writer};

/// Class, query, most rows.
const QUERIES: [(&str, &str, Option<usize>); 11] = [
    ("count_word", "error | stats count", None),
    ("count_two_words", "ERROR PaymentService | stats count", None),
    ("timechart_word", "error | timechart span=1h count", None),
    ("prefix", "pay* | stats count", None),
    ("substring", "*ayment* | stats count", None),
    ("scan", "42 | stats count", None),
    ("last_100", "error", Some(100)),
    ("phrase", r#""failed to connect to DB" | stats count"#, None),
    ("stats_by_level", "* | stats count by level", None),
    ("stats_by_field", "* | stats count by status", None),
    ("absent", "qwertzuiopas | stats count", None),
];

fn queries(c: &mut Criterion) {
    let logs = tempfile::tempdir().expect("temporary directory");
    let data = tempfile::tempdir().expect("temporary directory");
    let n_bytes = write_all(logs.path());
    let registry = Registry::builtin();
    let options = Options::new(IndexName::new("main").expect("name"), Zone::UTC, trawl_testdata::now_us());
    let writer = Writer::open(data.path()).expect("writer");
    let inputs = [Input::Path(logs.path().to_owned())];
    trawl_indexer::index(&writer, &registry, &inputs, &options, &Progress::default()).expect("index");
    let engine = Engine::new(Reader::open(data.path()).expect("reader"), registry);

    let mut group = c.benchmark_group("query");
    group.sample_size(20).throughput(Throughput::Bytes(n_bytes));
    for (class, query, limit) in QUERIES {
        let run = || {
            let mut options = SearchOptions::new(trawl_testdata::now_us());
            options.limit = limit;
            let search = Search::prepare(query, &options).expect("a query");
            let mut n_rows = 0;
            search
                .run(&engine, &mut |batch| {
                    n_rows += batch.len();
                    Ok(Flow::More)
                })
                .expect("run");
            n_rows
        };
        assert!(run() > 0, "{query} has an answer");
        group.bench_function(BenchmarkId::from_parameter(class), |b| b.iter(|| black_box(run())));
    }
    group.finish();
}

fn parse(c: &mut Criterion) {
    let query = r#"index=main (ERROR OR WARN) PaymentService status>=500 host IN (web-01, "web-*") earliest=-1h@h
        | eval slow=if(duration_ms > 1000, "yes", "no") | stats count, p95(duration_ms) AS p95 by host, slow | sort - count"#;
    c.bench_function("query/parse", |b| b.iter(|| trawl_query::parse(black_box(query)).expect("a query")));
}

criterion_group!(benches, queries, parse);
criterion_main!(benches);
