//! Everything that the language reference names is understood: one query for each command, option, function and idiom.
//!
//! What the queries mean is tested where they are implemented, and by the oracle.

use trawl_query::parse;

/// Parses every query, and again what it prints; reports all that fail together.
fn check(queries: &[&str]) {
    let mut complaints = Vec::new();
    for query in queries {
        match parse(query) {
            Err(error) => complaints.push(error.render(query, false)),
            Ok(pipeline) => {
                let printed = pipeline.to_string();
                match parse(&printed) {
                    Err(error) => complaints.push(format!("{query} prints as\n{}", error.render(&printed, false))),
                    Ok(again) if again.to_string() != printed => {
                        complaints.push(format!("{query} prints as {printed}, and that as {again}"));
                    }
                    Ok(_) => {}
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), queries.len(), complaints.join("\n"));
}

#[test]
fn everything_of_the_reference_parses() {
    check(&[LEXICAL, SEARCH, TIME, EXPRESSIONS, EVAL, STATS, SHAPE, EXTRACT, STATISTICS, COMBINE, GENERATE].concat());
}

/// Each in turn in the place of `…`.
fn filled(frame: &str, parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| frame.replace('…', part)).collect()
}

#[test]
fn every_time_of_the_reference_parses() {
    let times = [
        "now",
        "now()",
        "1709625600",
        "1709625600.25",
        "0",
        "1",
        "\"03/05/2024:08:00:00\"",
        "2024-03-05T08:00:00Z",
        "\"2024-03-05 08:00:00\"",
        "2024-03-05",
        "-15m",
        "-15m@m",
        "@d",
        "-1d@d+3h",
        "@w1-7d+9h",
        "-mon@mon",
        "+1d",
        "-1s",
        "-2sec",
        "-2secs",
        "-2second",
        "-2seconds",
        "-2min",
        "-2minute",
        "-2minutes",
        "-2h",
        "-2hr",
        "-2hrs",
        "-2hour",
        "-2hours",
        "-2d",
        "-2day",
        "-2days",
        "-2w",
        "-2week",
        "-2weeks",
        "-2mon",
        "-2month",
        "-2months",
        "-2q",
        "-2qtr",
        "-2qtrs",
        "-2quarter",
        "-2quarters",
        "-2y",
        "-2yr",
        "-2yrs",
        "-2year",
        "-2years",
        "@w0",
        "@w1",
        "@w2",
        "@w3",
        "@w4",
        "@w5",
        "@w6",
        "@w7",
        "@w",
        "@q",
        "@y",
        "@mon",
        "@h",
        "@m",
        "@s",
        "-7d@w0",
    ];
    for frame in ["earliest=… error", "error latest=…", "(index=a earliest=…) OR b", "_index_earliest=… x"] {
        let queries = filled(frame, &times);
        check(&queries.iter().map(String::as_str).collect::<Vec<_>>());
    }
    for bad in ["-1x", "yesterday", "@x", "-d@"] {
        assert!(parse(&format!("earliest={bad}")).is_err(), "{bad}");
    }
}

const LEXICAL: &[&str] = &[
    "error|stats count",
    "search error",
    "error\n| head 5\n\t| tail 1",
    "error | STATS Count(x) As n By host | Where n>1 | SORT - n",
    "| makeresults | eval a=\"x|y\" | where a=\"x|y\"",
    "error a\\|b | head",
    "```first``` error ```\"quotes | pipes` and ``more``` | ```between``` head",
    "\"a phrase\" \"with \\\" quote\" \"C:\\Temp\" \"back\\\\\"",
    "* | rex \"\\d+(?<n>\\s)\" | rex \"\\\\d+(?<n>\\\\s)\" | rex field=path \"\\\\\\\\(?<n>\\w+)\"",
    "* | eval a='user.name', b='tags{}', c='my field'",
    "it's fine",
    "* | table a.b a-b a:b a{} @x #y a/b e* | fields - _* | stats count BY a.b a-b tags{}",
    "* | head limit = 5 | stats dc(x) by host , source | top limit=20 useother=true host",
    "* | top host limit=20 showperc=no | top showperc=0 host",
    "* | fields a, b c,d",
];

const SEARCH: &[&str] = &[
    "",
    "*",
    "a OR b c",
    "a AND b OR c",
    "NOT a NOT NOT b",
    "(a OR b), (c)",
    "ERROR PaymentService",
    "status=4* msg=\"*time out*\" x==1 y!=2 z<3 z<=3 z>3 z>=3",
    "status IN (404, \"5*\", 500) NOT status IN (1,2) status in (3)",
    "TERM(10.0.0.1) TERM(10.0.*) CASE(Error) src=TERM(10.0.0.1) x=CASE(Abc)",
    "host::web source::/var/log/x",
    "state=\"AND\"",
    "src=10.0.0.0/8 ip=fe80::/10",
    "index=a OR index=b index IN (a,b) index=* index!=c",
    "eventtype=errors tag=web tag::host=db",
    "f=* NOT f=* f!=*",
    "sourcetype=access_* (host=web* OR host=db*) NOT (status=200 OR status=304) \"timed out\" foo-bar a/b/c.log",
    "error_count *exception Null*Exception fo*ba",
    "error | search foo OR bar | search earliest=-1d x",
    "index=main [search error | fields host] | stats count",
    "index=main NOT [| makeresults | eval host=\"a\" | table host]",
    "index=main [makeresults | return 5 host]",
    "earliest = -1d latest = now error",
    "error (sourcetype=a earliest=-1d)",
    "date_hour>=8 date_wday=monday linecount>1 punct=*",
];

const TIME: &[&str] = &[
    "error earliest=-1d@d latest=now() | timechart span=1h count",
    "* | eval a=strftime(_time, \"%Y %y %m %d %e %j %H %k %I %l %M %S %p %a %A %b %B %w %V %U %F %T %s %z %:z %Z %c %x %X %%\")",
    "* | eval a=strftime(_time, \"%N %3N %6N %9N %Q %3Q %6Q %9Q\"), b=strptime(t, \"%Y-%m-%dT%H:%M:%S.%3N%z\")",
    "_index_earliest=-1h _index_latest=now x",
];

const EXPRESSIONS: &[&str] = &[
    "* | where NOT a=1 AND b==2 OR c!=3 XOR d<4",
    "* | where not a<=1 and b>2 or c>=3 xor d=4",
    "* | where x IN (1,\"a\",b) AND y NOT IN (1) AND z LIKE \"a%\" AND z NOT LIKE \"b_\" AND a in(1,2)",
    "* | eval a=1+2-3*4/5%6 . \"x\" . -b, b=+c",
    "* | eval \"with spaces\"=1, {k}=v, cnt_{host}=1, 'quoted'=2",
    "* | eval x=tostring(a=b), y=if(a=b,\"true\",\"false\")",
    "* | eval x=null, y=true, z=false, n=null(), t=if(true(),1,2), f=if(false(),1,2)",
    "* | where user=admin",
    "* | where like(a, \"x%\") | where match(a, \"x\") | where isnull(a) | where searchmatch(\"a b=c\")",
    "* | where x > [| makeresults | return $n]",
    "* | eval a=1.5e3, b=\"a\\\"b\", c=\"\\d\", d = ( a ) . ( b )",
];

const EVAL: &[&str] = &[
    "* | eval a=case(x=1,1,true(),2), b=case(x=1,\"a\",1=1,\"b\")",
    "* | eval a=if(x>1,\"a\",null()), b=coalesce(a,b,\"\"), c=nullif(a,b)",
    "* | where isnull(a) OR isnotnull(b) OR in(x,1,\"a\") OR cidrmatch(\"10.0.0.0/8\",ip)",
    "* | eval a=validate(isint(x),\"no\",x>1,\"small\")",
    "* | eval a=tonumber(x), b=tonumber(x,16), c=tonumber(\"0xff\",16), d=tostring(x), e=tostring(x,\"commas\")",
    "* | eval a=tostring(x,\"duration\"), b=tostring(x,\"hex\"), c=tostring(x,\"binary\")",
    "* | eval a=printf(\"%d %i %u %o %x %X %p %f %e %g %a %s %c %% %-5d %+d %05d %#x %'d %.2f %*d\",1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3)",
    "* | where isnum(a) AND isint(a) AND isstr(a) AND isbool(a) AND ismv(a)",
    "* | eval a=typeof(x), b=len(x), c=lower(x), d=upper(x), e=substr(x,2), f=substr(x,-3,2)",
    "* | eval a=replace(x,\"(a)(b)\",\"\\2\\1\"), b=trim(x), c=ltrim(x,\"0\"), d=rtrim(x,\"/\"), e=split(x,\",\"), f=split(x,\"\")",
    "* | eval a=urldecode(x), b=spath(x,\"a.b{}\"), c=md5(x), d=sha1(x), e=sha256(x), f=sha512(x)",
    "* | eval a=round(x), b=round(x,2), c=floor(x), d=ceil(x), e=ceiling(x), f=abs(x), g=max(1,\"a\",x), h=min(1,x)",
    "* | eval a=pow(2,x), b=sqrt(x), c=exp(x), d=ln(x), e=log(x), f=log(x,2), g=pi(), h=random(), i=exact(x), j=sum(a,1), k=avg(a,b)",
    "* | eval a=now(), b=time(), c=relative_time(now(),\"-1d@d\"), d=strftime(_time,\"%F\"), e=strptime(x,\"%F\")",
    "* | eval a=mvcount(x), b=mvindex(x,0), c=mvindex(x,-2,-1), d=mvjoin(x,\",\"), e=mvappend(a,\"b\",c), f=mvfilter(match(x,\"a\"))",
    "* | eval a=mvdedup(x), b=mvsort(x), c=mvfind(x,\"a\"), d=mvzip(a,b), e=mvzip(a,b,\"|\"), f=mvmap(x,x*2), g=mvrange(1,5), h=mvrange(1,5,2), i=mvrange(now(),now()+86400,\"1d\")",
    "* | eval a=json_object(\"k\",1,\"l\",x), b=json_array(1,\"a\",x), c=json_extract(j,\"a.b{0}\"), d=json_extract(j,\"a\",\"b{}\"), e=json(x)",
    "* | eval a=json_keys(j), b=json_set(j,\"a.b\",1), c=json_array_to_mv(j), d=json_append(j,\"a\",1), e=json_extend(j,\"a\",x), f=json_delete(j,\"a\"), g=json_entries(j)",
    "* | where json_valid(j)",
    "* | eval a=lookup(\"t\", json_object(\"k\", x), json_array(\"v\")), b=sigfig(1.00*x)",
    "* | eval a=Round(x), b=IF(x=1,2,3), c=CoAlEsCe(a,b) | where ISNULL(a) | where Like(a,\"b\")",
];

const STATS: &[&str] = &[
    "* | stats c | stats count count(x) c(y) count(eval(status>400)) AS errors",
    "* | stats dc(x) distinct_count(x) estdc(x) estdc_error(x)",
    "* | stats sum(x) avg(x) mean(x) min(x) max(x) range(x) sumsq(x)",
    "* | stats median(x) perc95(x) p95(x) perc99.9(x) perc50(x) p0(x) p100(x) exactperc90(x) upperperc90(x)",
    "* | stats mode(x) stdev(x) stdevp(x) var(x) varp(x) values(x) list(x) first(x) last(x)",
    "* | stats earliest(x) latest(x) earliest_time(x) latest_time(x) rate(x)",
    "* | stats sparkline sparkline(count) sparkline(avg(x),1h) BY host",
    "* | timechart span=1h per_second(x) per_minute(x) per_hour(x) per_day(x)",
    "* | stats eval(sum(a)/sum(b)) AS r BY host",
    "* | chart eval(sum(a)/sum(b)) AS r OVER host",
    "* | timechart span=1h eval(sum(a)/sum(b)) AS r",
    "* | stats avg(*_ms) max(\"my field\") sum('other field') AS \"sum of it\" BY host, \"user name\"",
    "* | stats sum(eval(if(status>400,1,0))) AS n avg(eval(a/b)) AS r values(eval(lower(x))) AS v",
    "* | stats count(x)AS n, avg(y) as a by host",
    "* | stats Count Avg(x) DC(y) by host",
];

const SHAPE: &[&str] = &[
    "* | where x>1",
    "* | eval a=1, b=a+1",
    "* | fields a b* | fields + a | fields - a, b | fields - _* | fields -a",
    "* | table _time a b* \"my field\"",
    "* | rename a AS b, c AS \"d e\" \"x y\" AS z, in_* AS out_*, f{} AS f, x.y.* AS *",
    "* | head | head 5 | head limit=5 | head (x<5) | head limit=5 (x<5) keeplast=t null=t | head keeplast=t null=f (x=1)",
    "* | tail | tail 5 | reverse",
    "* | sort x | sort - x | sort -x +y | sort 0 -num(x) str(y) ip(z) auto(w) | sort limit=5 x desc | sort x, -y d",
    "* | sort - count | sort 10 - count | sort + x | sort -_time, host | sort \"my field\"",
    "* | dedup host | dedup 3 host source | dedup host keepevents=t keepempty=t consecutive=t | dedup host sortby -_time +x",
    "* | dedup keepempty=t host | dedup host, source",
    "* | fillnull | fillnull value=NULL | fillnull value=\"\" a b | fillnull a b value=0",
    "* | filldown | filldown a b | filldown *",
    "* | replace a WITH b | replace a WITH b, \"*c\" WITH \"d*\" IN x y | replace \"\" with \"none\" in x",
    "* | regex \"a\\d\" | regex _raw=\"x\" | regex host!=\"^w\" | regex field = \"x\"",
    "* | search x=1 foo | uniq",
];

const EXTRACT: &[&str] = &[
    "* | rex \"(?<a>\\d+)\" | rex field=x \"(?P<a>\\d+)\" | rex field=x max_match=0 offset_field=o \"(?<a>\\d+)\"",
    "* | rex \"(?<a>\\d+)\" field=x max_match=5 | rex field=\"my field\" \"(?<a>.)\"",
    "* | rex field=x mode=sed \"s/a/b/g\" | rex mode=sed \"s/(a)/\\1/2\" | rex mode=sed \"y/abc/xyz/\" | rex mode=sed field=x \"s#a#b#i\"",
    "* | rex \"(?<a>(?<=x)y(?!z))(\\w)\\2 {json\"",
    "* | extract | kv | extract pairdelim=\"|;\" kvdelim=\"=:\" limit=50 maxchars=10240 mv_add=t clean_keys=t auto=f | extract reload=t",
    "* | spath | spath a.b{}.c | spath path=a.b | spath input=x output=y path=\"a{0}.b\" | spath output=y a.b | spath \"a.b{@id}\"",
    "* | multikv | multikv fields a b filter x y forceheader=1 multitable=f noheader=t copyattrs=f rmorig=f",
    "* | xmlkv",
    "* | xpath \"//a/@b\" | xpath field=x outfield=y \"/r/a[2]\"",
    "* | makemv x | makemv delim=\",\" allowempty=t setsv=t x | makemv tokenizer=\"(\\w+)\" x | makemv x delim=\",\"",
    "* | mvexpand x | mvexpand x limit=5 | mvexpand \"a{}\" | mvexpand tags{}",
    "* | mvcombine x | mvcombine delim=\",\" x | nomv x",
];

const STATISTICS: &[&str] = &[
    "* | stats allnum=t delim=\",\" count BY host | stats count",
    "| stats count",
    "* | eventstats avg(x) AS m BY host | eventstats allnum=t count",
    "* | streamstats count | streamstats current=f window=5 global=f allnum=t reset_on_change=t sum(x) AS s BY host",
    "* | streamstats time_window=5m count | streamstats reset_before=\"(x=1)\" reset_after=\"(x=2)\" count | streamstats reset_before=(x=1) count",
    "* | streamstats avg(x) window=5 | streamstats avg(x) AS a BY host current=f | streamstats last(x) AS p current=f window=1",
    "* | chart count OVER host BY status | chart count BY host status | chart count BY host | chart count OVER host",
    "* | chart limit=5 useother=f usenull=f otherstr=rest nullstr=none agg=max cont=f sep=\"-\" format=\"$VAL$: $AGG$\" avg(x) max(x) OVER host BY status",
    "* | chart limit=top5 count BY a b | chart limit=bottom5 count BY a b | chart count BY x span=10 | chart count OVER x bins=5 BY host | chart count OVER _time span=1h BY host",
    "* | chart count BY x span=10 start=0 end=100 | chart avg(x) OVER _time span=1h aligntime=earliest",
    "* | chart count OVER host BY status WHERE count in top5 | chart max(a), min(a) by host limit=20",
    "* | timechart count | timechart span=1h count BY host | timechart bins=50 minspan=1m count | timechart count BY host limit=20 span=1h useother=f",
    "* | timechart span=1d limit=5 useother=f usenull=f cont=f partial=f fixedrange=f aligntime=earliest agg=max otherstr=o nullstr=n avg(x) BY host",
    "* | timechart span=1h count BY host WHERE count in top5 | timechart span=1h avg(x) AS a BY host WHERE avg > 10 | timechart span=1h count by host where max(x) notin bottom3",
    "* | timechart span=1w@w1 count | timechart span=5min dc(user), avg(x) as \"the mean\" | timechart span=1mon sum(x) | timechart fixedrange=t count",
    "* | timechart span=1h eval(round(avg(x),2)) AS a | timechart span=1h count(eval(x>1)) AS n BY host",
    "* | timechart span=1d count | timewrap 1w | timechart span=1h count | timewrap d series=relative",
    "* | bin _time span=5m | bucket _time span=1h AS h | bin x bins=10 | bin minspan=5 x | bin start=0 end=100 x | bin span=log x | bin span=2log10 x | bin span=1d@h _time | bin span=1h _time aligntime=latest | bin _time span=10ms | bin span=0.5 x",
    "* | top host | top 5 host source | top limit=0 host BY source | top countfield=n percentfield=p showcount=f showperc=f useother=t otherstr=rest host | rare host | rare 5 host BY x",
    "* | top host limit=20 | top host, source by x | top limit=1 useother=t host by source showperc=f",
    "* | addtotals | addtotals row=t col=t labelfield=host label=All fieldname=sum a b* | addcoltotals | addcoltotals labelfield=host label=All a b",
    "* | delta x | delta x AS d p=3 | delta x p=2 AS d | accum x | accum x AS s | autoregress x | autoregress x AS y p=2 | autoregress x p=1-5",
    "* | trendline sma5(x) | trendline ema5(x) AS e wma3(y) AS \"the w\" | trendline sma2(x),wma2(y)",
    "* | untable x name value | xyseries x name value | xyseries grouped=t x name v1 v2 sep=\"-\" format=\"$VAL$\" | transpose | transpose 0 | transpose 3 column_name=c header_field=h include_empty=f | transpose header_field=h",
    "* | fieldsummary | fieldsummary maxvals=10 a b* | makecontinuous span=1h | makecontinuous x span=10 | makecontinuous _time span=5m",
    "* | rangemap field=x low=0-30 mid=31-60 cold=-20--1 default=high | outlier | outlier action=rm param=2 uselower=t mark=t type=iqr x",
];

const COMBINE: &[&str] = &[
    "* | append [search error | head 5] | append maxout=5 maxtime=60 [| makeresults]",
    "* | appendcols override=t [search x | stats count] | appendcols [| makeresults]",
    "* | appendpipe [stats count] | appendpipe [| stats count | eval x=1] | appendpipe run_in_preview=f [stats count]",
    "* | join host [search x | fields host y] | join type=left max=0 overwrite=f usetime=t earlier=f host source [| makeresults] | join host, source type=outer [| makeresults] | join [| makeresults] | join type=inner host max=1 [| makeresults]",
    "* | join type=left left=L right=R where L.a=R.b [search x] | join left=L right=R WHERE L.a=R.b L.c=R.d [| makeresults]",
    "* | union [search a] [search b] | union maxout=5 [| makeresults]",
    "| union [search a] [search b]",
    "| multisearch [search a | eval x=1] [search b]",
    "| set union [search a] [search b]",
    "| set diff [search a] [search b]",
    "| set intersect [search a] [search b]",
    "* | map search=\"search host=$host$ user=\\\"$user$\\\"\" maxsearches=5 | map [search x=$x$]",
    "* | transaction id | transaction id, user maxspan=5m maxpause=30s maxevents=10 startswith=\"start here\" endswith=(step=end) keepevicted=t keeporphans=t",
    "* | transaction startswith=eval(x=1) endswith=eval(match(y,\"a\")) mvlist=t delim=\",\" nullstr=none connected=f unifyends=t maxopentxn=5 maxopenevents=100 id | transaction mvlist=\"a,b\" id | transaction maxspan=1h id",
    "* | foreach a b* [eval <<FIELD>>='<<FIELD>>'+1] | foreach *_x fieldstr=F matchstr=M matchseg1=S [eval F=1] | foreach a_*_b [eval t=coalesce(t,0)+'<<FIELD>>', <<MATCHSEG1>>=\"<<MATCHSTR>>\"]",
    "* | foreach mode=multivalue x [eval y=<<ITEM>>] | foreach mode=json_array x [eval y=<<ITEM>>] | foreach mode=auto_collections x [eval y=<<ITEM>>]",
    "* | strcat a \"-\" b c | strcat allrequired=t a b c | convert auto(x) num(y) AS z ctime(t) mktime(u) dur2sec(d) rmcomma(r) rmunit(s) mstime(m) memk(k) none(n) | convert timeformat=\"%F\" ctime(*_t) | convert auto(*) none(foo)",
    "* | fieldformat x=tostring(x,\"commas\") | reltime",
];

const GENERATE: &[&str] = &[
    "| makeresults",
    "| makeresults count=5 annotate=t",
    "| makeresults format=csv data=\"a,b\n1,2\"",
    "| makeresults format=json data=\"[{\\\"a\\\":1}]\"",
    "| gentimes start=-7",
    "| gentimes start=10/1/25 end=10/5/25 increment=1h",
    "| tstats count",
    "| tstats count sum(PREFIX(ms=)) AS ms WHERE index=a BY PREFIX(user=) host",
    "| tstats prestats=f local=f count WHERE index=* error BY host _time span=1h",
    "| tstats count min(_time) AS first max(_time) AS last dc(host) values(host) WHERE index=a OR index=b BY sourcetype",
    "| tstats chunk_size=100 count WHERE TERM(10.0.0.1) BY host fillnull_value=none",
    "| metadata type=hosts index=*",
    "| metadata type=sources splunk_server=x",
    "| metadata type=sourcetypes",
    "| eventcount",
    "| eventcount summarize=f index=* report_size=t",
    "* | addinfo",
    "* | format | format mvsep=\"OR\" maxresults=5 \"(\" \"(\" \"AND\" \")\" \"OR\" \")\" emptystr=\"NOT()\" | format maxresults=2",
    "* | return host | return 5 alias=f $g | return $x",
];

/// What people write in public searches, by the frequencies of the first chapter.
#[test]
fn public_idioms_parse() {
    check(&[
        "error | sort - count",
        "error | sort - count, + host",
        "error | sort count desc",
        "error | sort -count d",
        "error latest=now()",
        "error earliest=-24h latest=now() | WHERE count>5",
        "error | stats count by host | WHERE count > 5 AND host LIKE \"web%\"",
        "error | appendpipe [| stats sum(count) AS count | eval host=\"Total\"]",
        "error | appendpipe [| stats count | where count=0]",
        "error | join type=outer host [| makeresults | eval host=\"a\"]",
        "error | bin span=5m _time | stats count by _time, host",
        "error | bucket _time span=1d | stats count by _time",
        "error | rex field=_raw \"user=(?P<user>[^ ]+)\" | rex mode=sed field=user \"s/x/y/g\"",
        "error | rex max_match=0 field=x \"(?<y>\\d+)\"",
        "error | top limit=20 showperc=f host",
        "error | streamstats window=10 current=t global=f avg(x) as m by host",
        "error | transaction host maxspan=30s maxpause=5s startswith=\"login\" endswith=\"logout\" maxevents=5 keepevicted=true",
        "error | join host max=0 [search index=x | fields host, a]",
        "error | fillnull value=\"n/a\" host, user",
        "error | fillnull value=0",
        "error | makemv delim=\",\" x | makemv tokenizer=\"([^,]+),?\" x",
        "error | spath input=x output=y path=a.b{}.c",
        "error | convert timeformat=\"%Y-%m-%d\" ctime(_time) AS day",
        "error | dedup host consecutive=true",
        "error | eval x==1",
        "error | stats count AS \"Number of events\" by host | rename host AS \"Host name\"",
        "error | eval n='a.b.c{}' | where 'response.code'==500 | where status==404",
        "error | stats values(a{}.b) AS b by c::d",
        "error source::x | where 'tags{}'=\"a\" OR 1=1",
        "error | eval n = if(isnull(x),\"none\",x) | stats dc(user) AS users count(eval(status=200)) AS ok by host",
        "error | timechart span=1h useother=f limit=0 usenull=f count by host",
        "error | chart count over host by status limit=10 useother=f",
        "error | stats count by host | eventstats sum(count) as total | eval pct=round(100*count/total,2).\"%\"",
        "error | foreach * [eval <<FIELD>>=if(isnull('<<FIELD>>'),0,'<<FIELD>>')]",
        "error | eval _time=strptime(t,\"%F\") | timechart span=1d sum(x)",
        "error | table _time, host, user",
        "error | search NOT host IN (\"a\", \"b*\") user!=\"\"",
        "error | tail 5 | reverse | head 1",
        "error | stats latest(_time) AS last, earliest(_time) AS first by host | convert ctime(last) ctime(first)",
        "error | where mvcount(x)>1 AND NOT match(host,\"(?i)^web\") | mvexpand x",
        "error [search error | stats count by host | fields host | format]",
        "error [search error | return 1000 host]",
        "error | eval x=[search y | return $z]",
        "index=main sourcetype=access_combined status>=500 | stats count by uri_path | sort 10 -count",
    ]);
}

#[test]
fn what_the_reference_calls_an_error_is_refused() {
    let accepted: Vec<&str> = [
        "a AND",
        "OR b",
        "NOT",
        "field=",
        "=x",
        "\"a",
        "(a",
        "a)",
        "[search",
        "error | | head",
        "error |",
        "* | eval x=(a=b)",
        "* | where f",
        "* | eval x=a:b",
        "* | eval x=a{}",
        "* | eval x=if(a=1,2)",
        "* | eval x=case(a=1)",
        "* | eval x=nosuch(1)",
        "* | head 5 limit=5",
        "* | head 5 (x=1)",
        "* | rename a* AS b",
        "* | rename a AS b, a AS c",
        "* | dedup 0 host",
        "* | dedup h*",
        "* | stats count BY h*",
        "* | rex \"no group\"",
        "* | stats first(h) AS a first(h) AS a",
        "* | chart count BY a b c",
        "* | timechart count BY a b",
        "* | bin x bins=1",
        "* | bin x span=10log5",
        "* | bin _time span=7ms",
        "* | autoregress x AS y p=1-3",
        "* | format \"(\" \"(\"",
        "* | eval x=tonumber(\"abc\")",
        "* | nosuch",
        "* | predict x",
        "* | head nosuch=1",
        "* | eval x=sum(\"abc\")",
        "* | where a=b . (c=d)",
    ]
    .into_iter()
    .filter(|query| parse(query).is_ok())
    .collect();
    assert!(accepted.is_empty(), "{accepted:#?}");
}
