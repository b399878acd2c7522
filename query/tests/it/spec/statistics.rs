//! Section 11.3: statistical commands.

use super::{columns, refused, rows, warnings};

#[test]
fn s11_3_stats() {
    let input = "h=b s=1 x=1\nh=a s=2 x=2\nh=a s=1 x=4\ns=9 x=8";
    columns(&[(input, "stats sum(x) AS s2, count max(x) BY s h", "s h s2 count max(x)")]);
    rows(&[
        (input, "stats sum(x) AS s BY h", "h=a s=6\nh=b s=1"),
        (input, "stats count BY h, s", "h=a s=1 count=1\nh=a s=2 count=1\nh=b s=1 count=1"),
        (input, "stats count", "count=4"),
        ("h=10\nh=9\nh=b", "stats count BY h | table h", "h=9\nh=10\nh=b"),
        ("h=[a,b] g=[x,y]", "stats count BY h g", "h=a g=x count=1\nh=a g=y count=1\nh=b g=x count=1\nh=b g=y count=1"),
        ("x=1\nx=up", "stats allnum=t sum(x) AS s", "-"),
        ("x=1\nx=2", "stats allnum=t sum(x) AS s", "s=3"),
        ("x=b\nx=a", "stats delim=\",\" values(x) AS v | nomv v", "v=a,b"),
        ("", "stats count avg(x)", "count=0"),
        ("", "stats count BY h", ""),
        ("", "| stats count", "count=0"),
    ]);
    refused(&[("* | stats count BY h*", ""), ("* | stats", ""), ("* | stats count BY", "")]);
}

#[test]
fn s11_3_eventstats() {
    let input = "h=a x=1\nh=b x=2\nh=a x=3\nx=4";
    rows(&[
        (input, "eventstats sum(x) AS s BY h", "h=a x=1 s=4\nh=b x=2 s=2\nh=a x=3 s=4\nx=4"),
        (input, "eventstats count", "h=a x=1 count=4\nh=b x=2 count=4\nh=a x=3 count=4\nx=4 count=4"),
        ("x=1\nx=3", "eventstats max(x) AS x", "x=3\nx=3"),
    ]);
}

#[test]
fn s11_3_streamstats() {
    let input = "x=1\nx=2\nx=3\nx=4";
    rows(&[
        (input, "streamstats count", "x=1 count=1\nx=2 count=2\nx=3 count=3\nx=4 count=4"),
        (
            input,
            "streamstats current=f count sum(x) AS s",
            "x=1 count=0\nx=2 count=1 s=1\nx=3 count=2 s=3\nx=4 count=3 s=6",
        ),
        (input, "streamstats window=2 sum(x) AS s", "x=1 s=1\nx=2 s=3\nx=3 s=5\nx=4 s=7"),
        (input, "streamstats sum(x) AS s window=2 current=f", "x=1\nx=2 s=1\nx=3 s=3\nx=4 s=5"),
        (input, "streamstats reset_before=\"(x=3)\" sum(x) AS s", "x=1 s=1\nx=2 s=3\nx=3 s=3\nx=4 s=7"),
        (input, "streamstats reset_after=(x=2) sum(x) AS s", "x=1 s=1\nx=2 s=3\nx=3 s=3\nx=4 s=7"),
        ("g=a x=1\ng=b x=2\ng=a x=3", "streamstats sum(x) AS s BY g", "g=a x=1 s=1\ng=b x=2 s=2\ng=a x=3 s=4"),
        // The window counts the rows of all groups, or those of its own.
        ("g=a x=1\ng=b x=2\ng=a x=3", "streamstats window=2 sum(x) AS s BY g", "g=a x=1 s=1\ng=b x=2 s=2\ng=a x=3 s=3"),
        (
            "g=a x=1\ng=b x=2\ng=a x=3",
            "streamstats window=2 global=f sum(x) AS s BY g",
            "g=a x=1 s=1\ng=b x=2 s=2\ng=a x=3 s=4",
        ),
        (
            "g=a\ng=a\ng=b\ng=a",
            "streamstats reset_on_change=t count BY g",
            "g=a count=1\ng=a count=2\ng=b count=1\ng=a count=1",
        ),
        (
            "_time=100 x=1\n_time=40 x=2\n_time=30 x=3",
            "streamstats time_window=1m count",
            "_time=100 x=1 count=1\n_time=40 x=2 count=1\n_time=30 x=3 count=2",
        ),
        ("g=a\n-", "streamstats count BY g", "g=a count=1\n-"),
    ]);
}

#[test]
fn s11_3_chart() {
    let input = "h=b s=200 x=1\nh=a s=404 x=2\nh=a s=200 x=4\nh=b x=8\ns=200 x=16";
    columns(&[
        (input, "chart count OVER h BY s", "h 200 404 NULL"),
        (input, "chart count BY h s", "h 200 404 NULL"),
        (input, "chart count OVER h BY s usenull=f", "h 200 404"),
        (input, "chart count OVER h BY s limit=1", "h 200 OTHER NULL"),
        (input, "chart count OVER h BY s limit=1 useother=f", "h 200 NULL"),
        (input, "chart limit=1 otherstr=rest nullstr=none count OVER h BY s", "h 200 rest none"),
        (input, "chart count sum(x) OVER h BY s usenull=f", "h count: 200 count: 404 sum(x): 200 sum(x): 404"),
        (input, "chart count BY h", "h count"),
    ]);
    rows(&[
        (input, "chart count OVER h BY s", "h=a 200=1 404=1 NULL=0\nh=b 200=1 404=0 NULL=1"),
        (input, "chart avg(x) OVER h BY s usenull=f", "h=a 200=4 404=2\nh=b 200=1"),
        (input, "chart sum(x) BY h", "h=a sum(x)=6\nh=b sum(x)=9"),
        (input, "chart max(x) OVER h BY s limit=1 usenull=f", "h=a 200=4 OTHER=2\nh=b 200=1"),
        ("x=1\nx=12\nx=15", "chart count BY x span=10", "x=0-10 count=1\nx=10-20 count=2"),
    ]);
    refused(&[("* | chart count BY a b c", ""), ("* | chart", "")]);
}

#[test]
fn s11_3_timechart() {
    let input = "_time=130 h=a x=4\n_time=70 h=_b x=8\n_time=10 x=2";
    columns(&[
        (input, "timechart span=1m count BY h", "_time VALUE_b a NULL"),
        (input, "timechart span=1m count avg(x)", "_time count avg(x)"),
    ]);
    rows(&[
        (
            "_time=130 x=4\n_time=10 x=2",
            "timechart span=1m count avg(x) AS a",
            "_time=0 count=1 a=2\n_time=60 count=0\n_time=120 count=1 a=4",
        ),
        ("_time=130 x=4\n_time=10 x=2", "timechart span=1m cont=f count", "_time=0 count=1\n_time=120 count=1"),
        ("a=1", "timechart span=1m count", ""),
        ("_time=10 h=a\n_time=20 h=b\n_time=30 h=b", "timechart span=1m count BY h limit=1", "_time=0 b=2 OTHER=1"),
        ("_time=10 h=a\n_time=20 h=b\n_time=30 h=b", "timechart span=1m count BY h limit=1 useother=f", "_time=0 b=2"),
        (
            "_time=10 h=a\n_time=20 h=b\n_time=30 h=b",
            "timechart span=1m count BY h WHERE count in top1",
            "_time=0 b=2 OTHER=1",
        ),
        (
            "_time=10 h=a x=1\n_time=20 h=b x=20",
            "timechart span=1m count BY h WHERE avg(x) > 10",
            "_time=0 b=1 OTHER=1",
        ),
    ]);
    refused(&[("* | timechart count BY a b", ""), ("* | timechart", "")]);
}

#[test]
fn s11_3_automatic_span() {
    // The length of the range between the first and the last event decides.
    for (last, expected) in
        [(15 * 60, 10), (60 * 60, 60), (4 * 3600, 300), (24 * 3600, 1800), (7 * 86_400, 86_400), (30 * 86_400, 86_400)]
    {
        let input = format!("_time=0\n_time={last}");
        rows(&[(
            &input,
            "timechart count | streamstats current=f last(_time) AS p window=1 | eval d=_time-p | stats min(d) AS d",
            &format!("d={expected}"),
        )]);
    }
}

#[test]
fn s11_3_bin() {
    rows(&[
        ("_time=3725", "bin _time span=1h", "_time=3600"),
        ("_time=3725", "bin span=5m _time AS t", "_time=3725 t=3600"),
        ("x=25\nx=24", "bin x span=25", "x=25-50\nx=0-25"),
        ("x=7\nx=150", "bin x span=log10", "x=1-10\nx=100-1000"),
        ("x=7\nx=150", "bin x span=2log5", "x=2-10\nx=50-250"),
        ("x=up\ny=1", "bin x span=5", "x=up\ny=1"),
        ("_time=93784", "bin _time span=1d@h", "_time=86400"),
        ("x=0\nx=99", "bin x bins=10", "x=0-10\nx=90-100"),
        ("x=0.25", "bin x bins=10", "x=0-1"),
    ]);
    refused(&[("* | bin x bins=1", ""), ("* | bin _time span=300ms", ""), ("* | bin x span=10log5", "")]);
}

#[test]
fn s11_3_top_and_rare() {
    let input = "h=a s=1\nh=b s=1\nh=a s=2\ns=1";
    columns(&[
        (input, "top h", "h count percent"),
        (input, "top h BY s", "s h count percent"),
        (input, "top h showperc=f countfield=n", "h n"),
        (input, "top h showcount=f percentfield=p", "h p"),
    ]);
    rows(&[
        (input, "top h | eval percent=round(percent, 2)", "h=a count=2 percent=66.67\nh=b count=1 percent=33.33"),
        (input, "top h showperc=f BY s", "s=1 h=b count=1\ns=1 h=a count=1\ns=2 h=a count=1"),
        (input, "rare h showperc=f", "h=b count=1\nh=a count=2"),
        (input, "top limit=1 h useother=t showperc=f", "h=a count=2\nh=OTHER count=1"),
        (input, "top 1 h showperc=f", "h=a count=2"),
        ("x=1\nx=2\nx=3", "top limit=0 x showperc=f | stats count", "count=3"),
        ("x=a\nx=b\nx=c", "top x showperc=f", "x=c count=1\nx=b count=1\nx=a count=1"),
    ]);
}

#[test]
fn s11_3_totals_and_series() {
    let input = "h=a x=1 y=2\nh=b x=3";
    rows(&[
        (input, "addtotals", "h=a x=1 y=2 Total=3\nh=b x=3 Total=3"),
        (input, "addtotals row=f col=t labelfield=h", "h=a x=1 y=2\nh=b x=3\nh=Total x=4 y=2"),
        (input, "addtotals fieldname=s x", "h=a x=1 y=2 s=1\nh=b x=3 s=3"),
        (input, "addcoltotals", "h=a x=1 y=2\nh=b x=3\nx=4 y=2"),
        (input, "addcoltotals labelfield=h label=All x", "h=a x=1 y=2\nh=b x=3\nh=All x=4"),
        ("x=1\nx=4\nx=9", "delta x", "x=1\nx=4 delta(x)=3\nx=9 delta(x)=5"),
        ("x=1\nx=4\nx=9", "delta x AS d p=2", "x=1\nx=4\nx=9 d=8"),
        ("x=1\nx=4\nx=9", "accum x AS s", "x=1 s=1\nx=4 s=5\nx=9 s=14"),
        ("x=1\nx=4\nx=9", "autoregress x p=1-2", "x=1\nx=4 x_p1=1\nx=9 x_p1=4 x_p2=1"),
        ("x=1\nx=4", "autoregress x AS y", "x=1\nx=4 y=1"),
        ("x=1\nx=2\nx=6", "trendline sma2(x)", "x=1\nx=2 sma2(x)=1.5\nx=6 sma2(x)=4"),
        ("x=1\nx=2\nx=6", "trendline wma2(x) AS w", "x=1\nx=2 w=1.6666666666666667\nx=6 w=4.666666666666667"),
        ("x=1\nx=2\nx=6\nx=3", "trendline ema2(x) AS e", "x=1\nx=2 e=1.5\nx=6 e=4.5\nx=3 e=3.5"),
    ]);
    refused(&[("* | autoregress x AS y p=1-3", "")]);
}

#[test]
fn s11_3_tables() {
    rows(&[
        ("h=a x=1 y=2\nh=b x=3", "untable h n v", "h=a n=x v=1\nh=a n=y v=2\nh=b n=x v=3"),
        ("h=a n=x v=1\nh=a n=y v=2\nh=b n=x v=3", "xyseries h n v", "h=a x=1 y=2\nh=b x=3"),
        ("h=a n=x v=1 w=5", "xyseries h n v w", "h=a v: x=1 w: x=5"),
        ("h=a n=x v=1 w=5", "xyseries h n v w sep=-", "h=a v-x=1 w-x=5"),
        ("h=a x=1\nh=b x=2", "transpose", "column=h row 1=a row 2=b\ncolumn=x row 1=1 row 2=2"),
        ("h=a x=1\nh=b x=2", "transpose header_field=h", "column=x a=1 b=2"),
        ("h=a x=1\nh=b x=2", "transpose 1 column_name=c", "c=h row 1=a\nc=x row 1=1"),
        (
            "x=1\nx=3\nx=up",
            "fieldsummary | table field count distinct_count max mean min numeric_count",
            "field=x count=3 distinct_count=3 max=3 mean=2 min=1 numeric_count=2",
        ),
        ("_time=0 c=1\n_time=120 c=2", "makecontinuous span=1m", "_time=0 c=1\n_time=60\n_time=120 c=2"),
        (
            "x=5\nx=-5\nx=99\ny=1",
            "rangemap field=x low=0-10 cold=-10--1 default=odd | table range",
            "range=low\nrange=cold\nrange=odd\nrange=odd",
        ),
        ("x=10", "rangemap field=x low=0-10 mid=10-20 | table range", "range=[low,mid]"),
        ("x=99", "rangemap field=x low=0-10 | table range", "range=None"),
    ]);
    warnings(&[(
        "x=1\nx=2\nx=3\nx=4\nx=5\nx=6",
        "transpose",
        "transpose kept the first 5 rows; write `transpose 0` to keep all",
    )]);
}
