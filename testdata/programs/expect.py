#!/usr/bin/env python3
"""Works out what is true of the corpora, and writes it down for the tests.

    expect.py             writes ../corpora/expected.toml and ../queries/*.toml
    expect.py --check     exits 1 if they differ from what it would write

Plain text processing on purpose, and nothing of trawl: each file is cut into events by one regular expression, each time
read by one `strptime` format, and each query answered by a few lines of Python written beside it. Standard library only.
"""
import bz2
import csv
import gzip
import io
import ipaddress
import json
import lzma
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

TESTDATA = Path(__file__).resolve().parent.parent
CORPORA = TESTDATA / "corpora"
UTC = timezone.utc
# The clock of all expectations: after every stamp of the corpora, and the year of stamps without one.
NOW = "2026-11-22T23:00:00Z"
YEAR = 2026
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


def iso(time_us):
    return (EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


# ---------------------------------------------------------------------------------------------------- formats

@dataclass
class Format:
    """How one kind of log is cut and read. The expressions see a file's text as Latin-1, so a character is a byte."""
    sourcetype: str
    # A line that begins an event; other lines belong to the event before.
    begin: str = r""
    # Group 1 is the stamp, searched in the event; `time` is its strptime format or a function of it.
    stamp: str | None = None
    time: object = None
    # Group 1 is the level as written.
    level: str | None = None
    # Lines that are no events.
    header: str | None = None


def strptime(text, layout):
    moment = datetime.strptime(text.replace(",", ".", 1) if "%f" in layout else text, layout)
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def year_less(text):
    return strptime(f"{YEAR} {text}", "%Y %b %d %H:%M:%S")


def w3c_time(text):
    return strptime(text, "%Y-%m-%d %H:%M:%S")


def iso8601(text):
    """Fractions of any length, cut to microseconds."""
    whole, fraction, zone = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text).groups()
    return micros(datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))) + int((fraction or "0")[:6].ljust(6, "0"))


def scaled(factor):
    return lambda text: round(float(text) * factor) if "." in text else int(text) * factor if factor >= 1 else int(text) // round(1 / factor)


def tai64n(text):
    return (int(text[:16], 16) - (1 << 62) - 10) * 1_000_000 + int(text[16:], 16) // 1000


DATE_TIME = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d"
JSON_LEVEL = r'"(?:level|severity|log\.level|levelname|lvl)": ?"?(\w+)'
PG_LEVEL = r"\b(LOG|ERROR|FATAL|WARNING|DETAIL|HINT|CONTEXT|STATEMENT):  "

ACCESS = Format("access_combined", stamp=r"\[([^\]]+)\]", time="%d/%b/%Y:%H:%M:%S %z")
NGINX_ERROR = Format("nginx_error", r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[", r"^(.{19})", "%Y/%m/%d %H:%M:%S", r"\[(\w+)\]")
APACHE_ERROR = Format("apache_error", r"\[\w{3} \w{3} \d\d ", r"^\[([^\]]+)\]", "%a %b %d %H:%M:%S.%f %Y", r"\[\w*:(\w+)\]")
LOG4J = Format("log4j", DATE_TIME + r",\d{3} ", r"^(.{23})", "%Y-%m-%d %H:%M:%S.%f", r"\b(DEBUG|INFO|WARN|ERROR|FATAL)\b")
LOG4J_T = Format("log4j", DATE_TIME + r",\d{3} ", r"^(.{23})", "%Y-%m-%dT%H:%M:%S.%f", LOG4J.level)
LOG4J_DATE = Format("log4j", r"\d\d \w{3} \d{4} \d\d:", r"^(.{24})", "%d %b %Y %H:%M:%S.%f", LOG4J.level)
LOGBACK = Format("log4j", DATE_TIME + r"\.\d{3} ", r"^(.{23})", "%Y-%m-%d %H:%M:%S.%f", LOG4J.level)
SPRING = Format("log4j", DATE_TIME + r"\.\d{3}Z ", r"^(\S+)", iso8601, LOG4J.level)
JUL = Format("java_util_logging", r"\w{3} \d{1,2}, \d{4} ", r"^(.*? [AP]M)", "%b %d, %Y %I:%M:%S %p", r"\n(SEVERE|WARNING|INFO|FINE): ")
TOMCAT = Format("java_util_logging", r"\d\d-\w{3}-\d{4} ", r"^(.{24})", "%d-%b-%Y %H:%M:%S.%f", r" (SEVERE|WARNING|INFO|FINE) ")
PYTHON_LEVEL = r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b"
PYTHON = Format("python", DATE_TIME + r",\d{3} ", r"^(.{23})", "%Y-%m-%d %H:%M:%S.%f", PYTHON_LEVEL)
PYTHON_BASIC = Format("python", r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]+:", level=PYTHON_LEVEL)
POSTGRES = Format("postgresql", DATE_TIME + r"\.\d{3} UTC ", r"^(.{23})", "%Y-%m-%d %H:%M:%S.%f", PG_LEVEL)
POSTGRES_SECONDS = Format("postgresql", DATE_TIME + r" UTC[ :]", r"^(.{19})", "%Y-%m-%d %H:%M:%S", PG_LEVEL)
SYSLOG = Format("syslog", r"\w{3} [ \d]\d \d\d:", r"^(.{15})", year_less)
SYSLOG_ISO = Format("syslog", DATE_TIME, r"^(\S+)", iso8601)
RFC5424 = Format("syslog_rfc5424", r"<\d+>1 ", r"^\S+ (\S+)", iso8601)
SECURE = Format("linux_secure", SYSLOG.begin, SYSLOG.stamp, SYSLOG.time)
AUTOSYS = Format("autosys_event_demon", r"\[\d\d/\d\d/\d{4} ", r"^\[([^\]]+)\]", "%m/%d/%Y %H:%M:%S", r"CAUAJM_([IWEF])_")
KLOG = Format("klog", r"[IWEF]\d{4} ", r"^.(.{20})", lambda text: strptime(f"{YEAR}{text}", "%Y%m%d %H:%M:%S.%f"), r"^([IWEF])")
MARIADB = Format("mysql_error", DATE_TIME + r" \d+ \[", r"^(.{19})", "%Y-%m-%d %H:%M:%S", r"\[(\w+)\]")
MYSQL8 = Format("mysql_error", DATE_TIME + r"\.", r"^(\S+)", iso8601, r"\[(\w+)\]")
MARIADB_SLOW = Format("mysql_slow", r"# Time: ", r"^# Time: (.*)", "%y%m%d %H:%M:%S")
MYSQL8_SLOW = Format("mysql_slow", r"# Time: ", r"^# Time: (.*)", iso8601)
W3C = Format("iis_w3c", stamp=r"^(.{19})", time=w3c_time, header=r"#")


def json_format(key, time):
    return Format("json", stamp=rf'"{key}": ?"?([^"}}]+?)(?:"|, ?"|}})', time=time, level=JSON_LEVEL)


def logfmt(key, time):
    return Format("logfmt", stamp=rf'{key}="?([^" ]+)', time=time, level=r"\blevel=(\w+)")


def stamps(stamp, time):
    """Files of the stamps corpus: only the continuation lines are indented."""
    return Format("generic", r"\S", stamp, time, r"\b(INFO|WARN|ERROR)\b")


# ---------------------------------------------------------------------------------------------------- files

@dataclass
class File:
    """One committed file and what is known of it beyond its format."""
    path: str
    format: Format | None
    host: str = "demo-01"
    # Host names that the lines themselves carry (relays); group 1.
    line_host: str | None = None
    encoding: str = "utf-8"
    compression: str | None = None
    wrapper: str | None = None
    mtime: str | None = None
    # Why there is no expected number of events, or what is odd about the file.
    remarks: str | None = None
    # False where the rules leave open how the file is cut.
    counted: bool = True
    # Numbers of the events (from 0) whose stamp is missing or absurd and who take the time of the one before.
    unstamped: tuple = ()
    duplicate_of: str | None = None
    binary: bool = False


SYSLOG_HOST = r"^.{15} (\S+)"
EDGE = dict(host="edge-01")

CORPORA_TABLE = {
    "shop": ("An online shop from 2026-11-20 to 21; an outage of its payments from 14:05 to 14:25 after change CHG0048213.", [
        File("batch-01/event_demon.PRD.log", AUTOSYS, "batch-01"),
        File("db-01/postgresql.log", POSTGRES, "db-01"),
        File("db-01/syslog", SYSLOG, "db-01", line_host=SYSLOG_HOST),
        File("order-01/order-service.json", json_format("@timestamp", iso8601), "order-01"),
        File("pay-01/payment-service.log", LOG4J, "pay-01"),
        File("pay-02/payment-service.log", LOG4J, "pay-02"),
        File("web-01/access.log", ACCESS, "web-01"),
        File("web-01/error.log", NGINX_ERROR, "web-01"),
        File("web-02/access.log", ACCESS, "web-02"),
        File("web-02/error.log", NGINX_ERROR, "web-02"),
    ]),
    "nginx": ("A real nginx: access logs in three formats and the error log.", [
        File("access.log", ACCESS, "web-01"),
        File("common.log", ACCESS, "web-01"),
        File("access.json", json_format("time", iso8601), "web-01"),
        File("error.log", NGINX_ERROR, "web-01", remarks="holds a TLS greeting as raw bytes: invalid UTF-8 and single NULs"),
    ]),
    "apache": ("A real Apache httpd: combined and common access log, error log.", [
        File("access.log", ACCESS, "web-03"),
        File("common.log", ACCESS, "web-03"),
        File("error.log", APACHE_ERROR, "web-03"),
    ]),
    "openssh": ("A real sshd under failed and successful logins.", [File("auth.log", SECURE, "log-01", SYSLOG_HOST)]),
    "syslog": ("A real rsyslogd's three file formats, and messages relayed for other hosts.", [
        File("messages", SYSLOG, "log-01", SYSLOG_HOST),
        File("iso.log", SYSLOG_ISO, "log-01", r"^\S+ (\S+)"),
        File("rfc5424.log", RFC5424, "log-01", r"^\S+ \S+ (\S+)"),
        File("relay.log", SYSLOG, "log-01", SYSLOG_HOST, remarks="some senders' clocks are 5:30 ahead, and this format has no zone"),
    ]),
    "postgresql": ("A real PostgreSQL under four values of log_line_prefix.", [
        File("default.log", POSTGRES, "db-01"),
        File("debian.log", POSTGRES, "db-01"),
        File("numbered.log", POSTGRES_SECONDS, "db-01"),
        File("session.log", POSTGRES_SECONDS, "db-01", remarks="the zone is followed by `:` instead of a space"),
    ]),
    "mysql": ("Error and slow-query logs: a real MariaDB, and MySQL 8 by shape.", [
        File("mariadb-error.log", MARIADB, "db-02", remarks="a deadlock report of many lines, some of them empty"),
        File("mariadb-slow.log", MARIADB_SLOW, "db-02", unstamped=(0,), remarks="begins with the server's banner of three lines"),
        File("mysql8-error.log", MYSQL8, "db-02"),
        File("mysql8-slow.log", MYSQL8_SLOW, "db-02", unstamped=(0,), remarks="begins with the server's banner of three lines"),
    ]),
    "java": ("One Java program logging through log4j2, logback and java.util.logging; stack traces with causes.", [
        File("log4j2-classic.log", LOG4J_T, "app-01"),
        File("log4j2-date.log", LOG4J_DATE, "app-01"),
        File("logback-plain.log", LOGBACK, "app-01"),
        File("logback-spring.log", SPRING, "app-01", remarks="stack traces begin with the root cause"),
        File("jul-default.log", JUL, "app-01", remarks="the level stands on the second line"),
        File("jul-tomcat.log", TOMCAT, "app-01"),
    ]),
    "python": ("Python's logging with tracebacks, chained ones among them.", [
        File("comma.log", PYTHON, "app-02"),
        File("dashes.log", PYTHON, "app-02"),
        File("basic.log", PYTHON_BASIC, "app-02", unstamped=None, remarks="no time in any line"),
    ]),
    "json": ("JSON lines: the time under each usual key and in each usual form.", [
        File("at-timestamp.json", json_format("@timestamp", iso8601), "app-03"),
        File("broken.json", json_format("time", iso8601), "app-03", unstamped=None, remarks="objects cut short, plain text and an empty object between"),
        File("datetime.json", json_format("datetime", iso8601), "app-03"),
        File("event-time-nanos.json", json_format("eventTime", scaled(0.001)), "app-03"),
        File("time-india.json", json_format("time", iso8601), "app-03"),
        File("time-iso.json", json_format("time", iso8601), "app-03"),
        File("time-millis.json", json_format("time", scaled(1000)), "app-03", remarks="levels are numbers"),
        File("timestamp-comma.json", json_format("timestamp", "%Y-%m-%d %H:%M:%S.%f"), "app-03"),
        File("ts-seconds.json", json_format("ts", scaled(1_000_000)), "app-03"),
        File("underscore-time-micros.json", json_format("_time", scaled(1)), "app-03"),
    ]),
    "logfmt": ("logfmt as go-kit and logrus write it.", [
        File("go-kit.log", logfmt("ts", iso8601), "app-04"),
        File("logrus.log", logfmt("time", iso8601), "app-04"),
    ]),
    "container": ("Container logs: the message wrapped by Docker or by a Kubernetes runtime.", [
        File("docker-json.log", Format("docker_json"), "node-01", wrapper="docker_json", remarks="one message is split in parts"),
        File("cri.log", Format("k8s_cri"), "node-01", wrapper="cri", remarks="one message is split in parts"),
        File("cri-interleaved.log", Format("k8s_cri"), "node-01", wrapper="cri", counted=False,
             remarks="parts of one stream with a line of the other between them"),
    ]),
    "klog": ("A Kubernetes controller, ending in a goroutine dump.", [File("controller.log", KLOG, "node-01")]),
    "autosys": ("An AutoSys event_demon log.", [File("event_demon.UAT", AUTOSYS, "batch-02")]),
    "iis": ("An IIS log whose columns change in the middle.", [File("u_ex261120.log", W3C, "web-04")]),
    "csv": ("Comma and tab separated tables with a header line.", [
        File("audit.csv", Format("csv", stamp=r"^([^,]+)", time=iso8601, level=r"^[^,]+,(\w+)"), "app-05", remarks="quoted commas, quotes and line breaks"),
        File("metrics.tsv", Format("tsv", stamp=r"^([^\t]+)", time="%Y-%m-%d %H:%M:%S"), "app-05", remarks="separated by tabs"),
    ]),
    "stamps": ("Plain lines; each file writes the time in another way.", [
        File("us-slashes.log", stamps(r"^(.{19})", "%m/%d/%Y %H:%M:%S"), "app-06"),
        File("us-am-pm.log", stamps(r"^(.*?[AP]M)", "%m/%d/%Y %I:%M:%S %p"), "app-06"),
        File("german-dots.log", stamps(r"^(.{19})", "%d.%m.%Y %H:%M:%S"), "app-06"),
        File("basic-iso.log", stamps(r"^(\d{8}T\d{6})Z", "%Y%m%dT%H%M%S"), "app-06"),
        File("bracket-india.log", stamps(r"^\[([^\]]+)\]", iso8601), "app-06"),
        File("epoch-seconds.log", stamps(r"^(\d{10}) ", scaled(1_000_000)), "app-06"),
        File("epoch-millis.log", stamps(r"^(\d{13}) ", scaled(1000)), "app-06"),
        File("ctime.log", stamps(r"^(.{24})", "%a %b %d %H:%M:%S %Y"), "app-06"),
        File("rfc2822.log", stamps(r"^(.{31})", "%a, %d %b %Y %H:%M:%S %z"), "app-06"),
        File("tai64n.log", stamps(r"^@(\S+)", tai64n), "app-06", remarks="10 s ahead of Unix time, without leap seconds, as multilog writes it"),
        File("word-first.log", stamps(r"^stockd\[77\] at (.{23})", "%Y-%m-%d %H:%M:%S.%f"), "app-06", remarks="the time is not at the beginning of the line"),
    ]),
    "edge": ("Odd bytes, odd line ends, odd times.", [
        File("ansi.log", LOG4J, remarks="colour codes, one of them inside a word", **EDGE),
        File("binary.bin", None, binary=True, remarks="not a log", **EDGE),
        File("continuation.log", LOG4J, remarks="a stamp and an empty line inside a stack trace", **EDGE),
        File("crlf.log", LOG4J, remarks="CRLF line ends", **EDGE),
        File("empty.log", None, remarks="no byte at all", **EDGE),
        File("equal-times.log", LOG4J, remarks="every event has the same time", **EDGE),
        File("forged-times.log", LOG4J, unstamped=(1, 3, 4, 6), remarks="times before 1990 or more than 48 h ahead of now", **EDGE),
        File("impossible-dates.log", LOG4J, counted=False, remarks="dates and times that do not exist; a leap second", **EDGE),
        File("invalid-utf8.log", LOG4J, remarks="five kinds of invalid UTF-8", **EDGE),
        File("latin1.log", LOG4J, encoding="latin-1", remarks="nothing in the file says so: invalid UTF-8 until the encoding is configured", **EDGE),
        File("long-line.log", LOG4J, remarks="a line of 80 KB with the needle at its end", **EDGE),
        File("mixed-line-ends.log", LOG4J, remarks="LF, CRLF, CR CR LF and lone CRs", **EDGE),
        File("new-year.log", SYSLOG, line_host=SYSLOG_HOST, mtime="2026-01-01T00:10:00Z", remarks="no year in the stamps, and a new year between them", **EDGE),
        File("no-final-newline.log", LOG4J, **EDGE),
        File("no-stamps.log", Format("generic"), counted=False, unstamped=None, remarks="no time in any line, one line indented", **EDGE),
        File("nul-hole.log", LOG4J, remarks="NUL runs of 8,192 and 4,096 bytes, as a crash leaves them", **EDGE),
        File("nul-inside.log", LOG4J, remarks="single NULs inside lines", **EDGE),
        File("one-byte.log", Format("generic"), unstamped=None, remarks="one letter", **EDGE),
        File("only-newlines.log", Format("generic"), counted=False, unstamped=None, remarks="five line feeds", **EDGE),
        File("out-of-order.log", LOG4J, remarks="times go back and forth", **EDGE),
        File("same.log", LOG4J, **EDGE),
        File("same.log.gz", LOG4J, compression="gzip", duplicate_of="same.log", remarks="the bytes of same.log, as rotation leaves them", **EDGE),
        File("terminal-escapes.log", LOG4J, remarks="escape sequences other than colours, bidi and zero-width characters", **EDGE),
        File("utf16be.log", LOG4J, encoding="utf-16-be", remarks="with BOM", **EDGE),
        File("utf16le.log", LOG4J, encoding="utf-16-le", remarks="with BOM and CRLF line ends", **EDGE),
        File("utf8-bom.log", LOG4J, remarks="UTF-8 with BOM", **EDGE),
        File("zone-india.json", json_format("time", iso8601), remarks="+05:30", **EDGE),
    ]),
    "packed": ("Compressed logs, recognised by content.", [
        File("app.log.gz", LOG4J, compression="gzip", remarks="two gzip members"),
        File("app2.log.bz2", LOG4J, compression="bzip2"),
        File("app3.log.xz", LOG4J, compression="xz"),
        File("app4.log.zst", LOG4J, compression="zstd"),
        File("gzip-without-suffix.log", LOG4J, compression="gzip", remarks="gzip by content, not by name"),
    ]),
}


# ---------------------------------------------------------------------------------------------------- events

@dataclass
class Event:
    source: str
    sourcetype: str
    host: str
    time_us: int
    # As Latin-1: a character is a byte of the decoded text.
    text: str
    # The text with its stamp blanked.
    blanked: str
    offset: int
    level: str | None
    fields: dict = field(default_factory=dict)


def unpacked(path, compression):
    data = path.read_bytes()
    match compression:
        case "gzip":
            return gzip.decompress(data)
        case "bzip2":
            return bz2.decompress(data)
        case "xz":
            return lzma.decompress(data)
        case "zstd":
            return subprocess.run(["zstd", "-dqc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def decoded(data, encoding):
    """The text of a file as UTF-8 bytes, one character for each; BOM, colours and NUL holes gone."""
    if encoding.startswith("utf-16"):
        data = data[2:].decode(encoding).encode()
    elif encoding == "latin-1":
        data = data.decode("latin-1").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    data = re.sub(rb"\0{4096,}", b"", data)
    data = re.sub(rb"\x1b\[[\d;]*m", b"", data)
    return re.sub(rb"\r+\n", b"\n", data).decode("latin-1")


def unwrapped(text, wrapper):
    """(time, message) of each message, the parts of a split one joined."""
    parts = []
    for line in text.removesuffix("\n").split("\n"):
        if wrapper == "docker_json":
            record = json.loads(line.encode("latin-1"))
            stamp, piece, last = record["time"], record["log"].encode().decode("latin-1"), record["log"].endswith("\n")
        else:
            stamp, _stream, flag, piece = line.split(" ", 3)
            last = flag == "F"
        parts.append((iso8601(stamp), piece.removesuffix("\n")))
        if last:
            yield parts[0][0], "".join(piece for _, piece in parts)
            parts = []


def records(file, text):
    """(offset, text) of each event; header lines left out."""
    format = file.format
    if format.sourcetype in ("csv", "tsv"):
        rows = list(csv.reader(io.StringIO(text), delimiter="\t" if file.path.endswith(".tsv") else ","))
        # A row's text ends where its last line does; quoted line breaks make it longer than a line.
        at = 0
        for number, row in enumerate(rows):
            end = at
            for _ in range(1 + sum(cell.count("\n") for cell in row)):
                end = text.index("\n", end) + 1
            if number:
                yield at, text[at:end - 1]
            at = end
        return
    at, current = 0, None
    for line in re.findall(r"[^\n]*\n|[^\n]+$", text):
        is_header = format.header and re.match(format.header, line)
        if not is_header and (current is None or re.match(format.begin, line)):
            if current:
                yield current
            current = (at, line)
        elif not is_header:
            current = (current[0], current[1] + line)
        at += len(line)
    if current:
        yield current[0], current[1]


def read_time(format, text):
    found = re.search(format.stamp, text) if format.stamp else None
    if not found:
        return None, None
    value = format.time(found[1]) if callable(format.time) else strptime(found[1], format.time)
    return value, found.span(1)


def events_of(corpus, file):
    text = decoded(unpacked(CORPORA / corpus / file.path, file.compression), file.encoding)
    result = []
    if file.wrapper:
        for number, (time_us, message) in enumerate(unwrapped(text, file.wrapper)):
            result.append(Event(file.path, file.format.sourcetype, file.host, time_us, message, message, number, None))
        return result
    previous = None
    for number, (offset, body) in enumerate(records(file, text)):
        body = body.removesuffix("\n")
        if file.unstamped is None or number in file.unstamped:
            time_us, span = previous, None
        elif file.mtime and re.match("Dec", body):
            time_us, span = strptime(f"{YEAR - 1} {body[:15]}", "%Y %b %d %H:%M:%S"), (0, 15)
        else:
            time_us, span = read_time(file.format, body)
            assert time_us is not None, (corpus, file.path, body[:100])
        blanked = body if span is None else body[:span[0]] + " " * (span[1] - span[0]) + body[span[1]:]
        level = re.search(file.format.level, body) if file.format.level else None
        host = re.search(file.line_host, body)[1] if file.line_host else file.host
        result.append(Event(file.path, file.format.sourcetype, host, time_us, body, blanked, offset, level and level[1], fields_of(file.format, body)))
        previous = time_us
    # An event before the first stamp takes the first one that follows; a file without any, its time of modification.
    first = next((event.time_us for event in result if event.time_us is not None), micros_of(file.mtime or NOW))
    for event in result:
        event.time_us = first if event.time_us is None else event.time_us
    return result


def fields_of(format, text):
    """The fields that queries below use; others are not worked out."""
    if format is ACCESS:
        quoted = r'(?:[^"\\]|\\.)*'
        found = re.match(rf'(?P<clientip>\S+) \S+ \S+ \[[^\]]+\] "(?:(?P<method>[A-Z]+) (?P<uri_path>[^\s?"]+){quoted}|{quoted})" (?P<status>\d+) (?P<bytes>\d+|-)', text)
        return {name: value for name, value in found.groupdict().items() if value is not None}
    if format.sourcetype == "json":
        try:
            record = json.loads(text.encode("latin-1"), parse_float=str, parse_int=str)
        except ValueError:
            return {}
        return dict(flattened("", record))
    if format.sourcetype in ("log4j", "logfmt"):
        return {key: value.strip('"') for key, value in reversed(re.findall(r'(?<![\w.-])([A-Za-z]\w*)=("[^"]*"|[^\s,;&|")\]}]+)', text))}
    return {}


def flattened(prefix, value):
    """JSON leaves under dotted names; arrays are left out (no query uses one)."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, bool):
        yield prefix, str(value).lower()
    elif isinstance(value, str):
        yield prefix, value


# ---------------------------------------------------------------------------------------------------- search

TOKEN = r"[A-Za-z0-9\x80-\xff]"
EDGE_OF_TOKEN = rf"(?:(?<!{TOKEN})|(?!{TOKEN}))"
MAJOR = "\\s\\x00-\\x1f\\x7f\\[\\]<>(){}|!;,'\"*&?+"


def unescaped(text):
    """Backslash escapes inside double quotes and XML entities decoded."""
    escapes = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}

    def inside(quoted):
        return re.sub(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))',
                      lambda found: chr(int(found[1], 16)).encode().decode("latin-1") if found[1] else escapes[found[2]], quoted[0])

    text = re.sub(r'"(?:[^"\\]|\\.)*"', inside, text)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


def has(pattern, case_sensitive=False):
    """Term, phrase or wildcard: literal pieces between stars, both ends at the edge of a token."""
    latin = pattern.encode().decode("latin-1")
    pieces = latin.split("*")
    expression = re.compile(EDGE_OF_TOKEN + rf"[^{MAJOR}]*".join(re.escape(piece) for piece in pieces) + EDGE_OF_TOKEN,
                            re.ASCII | (0 if case_sensitive else re.IGNORECASE))
    is_bare = all(re.fullmatch(rf"{TOKEN}*", piece) for piece in pieces) or re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", latin)

    def matches(event):
        text = event.blanked if is_bare else event.text
        return bool(expression.search(text) or expression.search(unescaped(text)))

    return matches


def term(literal):
    """TERM(): both ends at a major breaker or the text's edge."""
    expression = re.compile(rf"(?<![^{MAJOR}]){re.escape(literal)}(?![^{MAJOR}])", re.ASCII | re.IGNORECASE)
    return lambda event: bool(expression.search(event.text) or expression.search(unescaped(event.text)))


def value(event, name):
    match name:
        case "host" | "source" | "sourcetype" | "level":
            return getattr(event, name) if name != "level" else event.fields.get("level", event.level)
    return event.fields.get(name)


def is_(name, pattern):
    """field=value: the whole value, any case, `*` any run."""
    expression = re.compile(".*".join(re.escape(piece) for piece in pattern.split("*")), re.IGNORECASE | re.DOTALL)
    return lambda event: value(event, name) is not None and bool(expression.fullmatch(value(event, name)))


def number(event, name):
    try:
        return float(value(event, name))
    except (TypeError, ValueError):
        return None


def above(name, limit):
    return lambda event: number(event, name) is not None and number(event, name) > limit


def at_least(name, limit):
    return lambda event: number(event, name) is not None and number(event, name) >= limit


def below(name, limit):
    return lambda event: number(event, name) is not None and number(event, name) < limit


def exists(name):
    return lambda event: value(event, name) is not None


def all_of(*tests):
    return lambda event: all(test(event) for test in tests)


def any_of(*tests):
    return lambda event: any(test(event) for test in tests)


def not_(test):
    return lambda event: not test(event)


# ---------------------------------------------------------------------------------------------------- answers

@dataclass
class Table:
    columns: list
    rows: list
    ordered: bool = True


def text_of(value):
    if value is None:
        return ""
    if isinstance(value, list):
        return value
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    return str(value)


def mixed_order(value):
    """Numbers before text; numbers by size, text by bytes."""
    try:
        return (0, float(value), b"")
    except ValueError:
        return (1, 0, value.encode())


def grouped(events, *names):
    groups = {}
    for event in events:
        key = tuple(value(event, name) for name in names)
        if None not in key:
            groups.setdefault(key, []).append(event)
    return sorted(groups.items(), key=lambda group: [mixed_order(part) for part in group[0]])


def count_by(events, *names):
    return Table([*names, "count"], [[*key, len(group)] for key, group in grouped(events, *names)])


def stats(aggregates, events, *by):
    """`aggregates`: column name to function of a list of events."""
    groups = grouped(events, *by) if by else [((), events)]
    return Table([*by, *aggregates], [[*key, *(function(group) for function in aggregates.values())] for key, group in groups])


def numbers(events, name):
    return [number(event, name) for event in events if number(event, name) is not None]


def distinct(events, name):
    return sorted({value(event, name) for event in events} - {None}, key=lambda text: text.encode())


def top(events, name, limit=10, rarest=False):
    counts = Counter(value(event, name) for event in events if value(event, name) is not None)
    total = sum(counts.values())
    ranking = sorted(counts.items(), key=lambda item: item[1] if rarest else -item[1])
    kept = ranking[:limit]
    shown = [count for _, count in ranking[:limit + 1]]
    assert len(shown) == len(set(shown)), f"a tie in {name}: {ranking[:limit + 1]}"
    return Table([name, "count", "percent"], [[key, count, f"{100 * count / total:.6f}"] for key, count in kept])


def timechart(events, span_s, by=None, earliest=None, latest=None):
    span = span_s * 1_000_000
    times = [event.time_us for event in events]
    first = (micros_of(earliest) if earliest else min(times)) // span * span
    last = (micros_of(latest) - 1 if latest else max(times)) // span * span
    series = distinct(events, by) if by else ["count"]
    cells = Counter((event.time_us // span * span, value(event, by) if by else "count") for event in events)
    return Table(["_time", *series], [[iso(bin), *(cells[bin, name] for name in series)] for bin in range(first, last + 1, span)])


def newest_first(events):
    return sorted(events, key=lambda event: (-event.time_us, event.source, -event.offset))


def table(events, *names):
    return Table(list(names), [[iso(event.time_us) if name == "_time" else value(event, name) for name in names] for event in events])


def micros_of(text):
    return iso8601(text)


# ---------------------------------------------------------------------------------------------------- queries

SHOP = "shop"
DB = has("failed to connect to DB")
ACCESS_LOG = is_("sourcetype", "access_combined")
OUTAGE = dict(earliest="2026-11-20T14:00:00Z", latest="2026-11-20T14:30:00Z")


def queries(select):
    """Name of a TOML file to its cases: (corpus, query, answer[, range]). `select(corpus, test[, range])` gives events, newest first."""
    def found(corpus, query, test, **range):
        return (corpus, query, select(corpus, test, **range), range)

    def shown(corpus, query, test, answer, **range):
        return (corpus, query, answer(select(corpus, test, **range)), range)

    everything = lambda event: True
    yield "keywords", [
        found(SHOP, "", everything),
        found(SHOP, "*", everything),
        found(SHOP, "ERROR PaymentService", all_of(has("error"), has("paymentservice"))),
        found(SHOP, "error PAYMENTSERVICE", all_of(has("error"), has("paymentservice"))),
        found(SHOP, "CHG0048213", has("CHG0048213")),
        found(SHOP, "PaymentService", has("PaymentService")),
        found(SHOP, "payment", has("payment")),
        found(SHOP, "payments", has("payments")),
        found(SHOP, "FATAL", has("FATAL")),
        found(SHOP, "404", has("404")),
        found(SHOP, "14", has("14")),
        found(SHOP, "500", has("500")),
        found(SHOP, "zeppelin", has("zeppelin")),
        found(SHOP, "ORD-104300", has("ORD-104300")),
        found(SHOP, "10.20.0.5", has("10.20.0.5")),
        found(SHOP, "10.20.0", has("10.20.0")),
        found(SHOP, "192.0.2.6", has("192.0.2.6")),
        found(SHOP, "192.0.2.66", has("192.0.2.66")),
        found(SHOP, "max_connections", has("max_connections")),
        found(SHOP, "connections", has("connections")),
        found(SHOP, "order-service", has("order-service")),
        found(SHOP, "HikariPool.java:696", has("HikariPool.java:696")),
        found("nginx", "nginxlongneedle", has("nginxlongneedle")),
        found("nginx", "needle-agent/9.9", has("needle-agent/9.9")),
        found("openssh", "invalid", has("invalid")),
        found("postgresql", "deadlock", has("deadlock")),
        found("java", "Suppressed", has("Suppressed")),
        found("python", "OutOfStock", has("OutOfStock")),
        found("python", "Traceback", has("Traceback")),
        found("json", "SKU-104", has("SKU-104")),
        found("json", "Grüße", has("Grüße")),
        found("logfmt", "refused", has("refused")),
        found("autosys", "JOBFAILURE", has("JOBFAILURE")),
        found("mysql", "lamp", has("lamp")),
        found("klog", "goroutine", has("goroutine")),
        found("csv", "björn", has("björn")),
        found("stamps", "counted", has("counted")),
        found("packed", "needle", has("needle")),
        found("container", "word2499", has("word2499")),
    ]
    yield "phrases", [
        found(SHOP, '"failed to connect to DB"', DB),
        found(SHOP, '"FAILED TO CONNECT TO db"', DB),
        found(SHOP, '"ERROR: PaymentService failed to connect to DB"', has("ERROR: PaymentService failed to connect to DB")),
        found(SHOP, '"too many clients already"', has("too many clients already")),
        found(SHOP, '"too  many clients"', has("too  many clients")),
        found(SHOP, '"connect DB"', has("connect DB")),
        found(SHOP, '"Caused by: org.postgresql.util.PSQLException"', has("Caused by: org.postgresql.util.PSQLException")),
        found(SHOP, '"14:05:0"', has("14:05:0")),
        found(SHOP, '"14:12"', has("14:12")),
        found(SHOP, '"2026-11-20 14:05"', has("2026-11-20 14:05")),
        found(SHOP, "2026-11-21", has("2026-11-21")),
        found(SHOP, '"GET /health"', has("GET /health")),
        found(SHOP, '"GET /heal"', has("GET /heal")),
        found(SHOP, '"max_connections from 200 to 20"', has("max_connections from 200 to 20")),
        found(SHOP, '"EXITCODE:  1"', has("EXITCODE:  1")),
        found(SHOP, '"at com.example.shop.order.PaymentClient.charge"', has("at com.example.shop.order.PaymentClient.charge")),
        found(SHOP, r'"reason=\"insufficient_funds\""', has('reason="insufficient_funds"')),
        found(SHOP, '"reason=insufficient_funds"', has("reason=insufficient_funds")),
        found("python", '"direct cause of the following exception"', has("direct cause of the following exception")),
        found("postgresql", '"first line\n\tsecond line"', has("first line\n\tsecond line")),
        found("openssh", '"Failed password for invalid user"', has("Failed password for invalid user")),
        found("nginx", '"winter%20sale"', has("winter%20sale")),
        found("java", '"raw answer: <none>"', has("raw answer: <none>")),
        found("json", r'"Grüße \"quoted\""', has('Grüße "quoted"')),
        found("syslog", '"<needle in syslog>"', has("<needle in syslog>")),
        found("csv", '"wrong password"', has("wrong password")),
    ]
    yield "wildcards", [
        found(SHOP, "pay*", has("pay*")),
        found(SHOP, "*service", has("*service")),
        found(SHOP, "Null*Exception", has("Null*Exception")),
        found(SHOP, "*Transient*", has("*Transient*")),
        found(SHOP, "ORD-1043*", has("ORD-1043*")),
        found(SHOP, "CHG00*", has("CHG00*")),
        found(SHOP, "SHOP_*_BOX", has("SHOP_*_BOX")),
        found(SHOP, "/product/lamp-1*", has("/product/lamp-1*")),
        found(SHOP, "10.20.*", has("10.20.*")),
        found(SHOP, '"failed to conn*"', has("failed to conn*")),
        found(SHOP, '"to many*clients"', has("to many*clients")),
        found(SHOP, "*ettl*", has("*ettl*")),
        found("java", "com.example.*Exception", has("com.example.*Exception")),
        found("edge", "needle-*", has("needle-*")),
        found("edge", "*needle*", has("*needle*")),
    ]
    yield "boolean", [
        found(SHOP, "ERROR AND PaymentService", all_of(has("ERROR"), has("PaymentService"))),
        found(SHOP, "declined OR authorised", any_of(has("declined"), has("authorised"))),
        found(SHOP, "PaymentService ERROR OR WARN", all_of(has("PaymentService"), any_of(has("ERROR"), has("WARN")))),
        found(SHOP, "ERROR OR WARN PaymentService", all_of(any_of(has("ERROR"), has("WARN")), has("PaymentService"))),
        found(SHOP, "(PaymentService ERROR) OR FATAL", any_of(all_of(has("PaymentService"), has("ERROR")), has("FATAL"))),
        found(SHOP, "PaymentService AND ERROR OR FATAL", all_of(has("PaymentService"), any_of(has("ERROR"), has("FATAL")))),
        found(SHOP, "checkout NOT 200", all_of(has("checkout"), not_(has("200")))),
        found(SHOP, "NOT NOT CHG0048213", has("CHG0048213")),
        found(SHOP, "PaymentService NOT (ERROR OR INFO)", all_of(has("PaymentService"), not_(any_of(has("ERROR"), has("INFO"))))),
        found(SHOP, "NOT sourcetype=access_combined NOT sourcetype=json", all_of(not_(ACCESS_LOG), not_(is_("sourcetype", "json")))),
        found(SHOP, '"failed to connect to DB" NOT SQLTransientConnectionException', all_of(DB, not_(has("SQLTransientConnectionException")))),
        found(SHOP, "error or warn", all_of(has("error"), has("or"), has("warn"))),
        found(SHOP, "CHG0048213 (started OR rollback)", all_of(has("CHG0048213"), any_of(has("started"), has("rollback")))),
        found("openssh", "Failed root OR admin NOT invalid", all_of(has("Failed"), any_of(has("root"), has("admin")), not_(has("invalid")))),
    ]
    yield "fields", [
        found(SHOP, "status=404", is_("status", "404")),
        found(SHOP, "sourcetype=access_combined status>=500", all_of(ACCESS_LOG, at_least("status", 500))),
        found(SHOP, "sourcetype=access_combined status<400", all_of(ACCESS_LOG, below("status", 400))),
        found(SHOP, "status=5*", is_("status", "5*")),
        found(SHOP, "sourcetype=access_combined status!=200", all_of(ACCESS_LOG, not_(is_("status", "200")))),
        found(SHOP, "NOT status=200", not_(is_("status", "200"))),
        found(SHOP, "host=web-* status=* status!=200 status!=404", all_of(is_("host", "web-*"), exists("status"), not_(is_("status", "200")), not_(is_("status", "404")))),
        found(SHOP, "host=web-01", is_("host", "web-01")),
        found(SHOP, "host=web-* error", all_of(is_("host", "web-*"), has("error"))),
        found(SHOP, "host::pay-02", is_("host", "pay-02")),
        found(SHOP, "sourcetype=access_combined", ACCESS_LOG),
        found(SHOP, "sourcetype=autosys_event_demon FAILURE", all_of(is_("sourcetype", "autosys_event_demon"), has("FAILURE"))),
        found(SHOP, "source=*error.log", is_("source", "*error.log")),
        found(SHOP, 'source="*/postgresql.log" FATAL', all_of(is_("source", "*/postgresql.log"), has("FATAL"))),
        found(SHOP, "sourcetype=access_combined clientip=192.0.2.66", all_of(ACCESS_LOG, is_("clientip", "192.0.2.66"))),
        found(SHOP, "sourcetype=access_combined clientip=192.0.2.0/24",
              all_of(ACCESS_LOG, lambda event: ipaddress.ip_address(value(event, "clientip")) in ipaddress.ip_network("192.0.2.0/24"))),
        found(SHOP, "sourcetype=access_combined method=post", all_of(ACCESS_LOG, is_("method", "post"))),
        found(SHOP, 'sourcetype=access_combined uri_path="/product/*" status=404', all_of(ACCESS_LOG, is_("uri_path", "/product/*"), is_("status", "404"))),
        found(SHOP, "sourcetype=access_combined bytes>8000", all_of(ACCESS_LOG, above("bytes", 8000))),
        found(SHOP, "sourcetype=log4j level=ERROR", all_of(is_("sourcetype", "log4j"), is_("level", "ERROR"))),
        found(SHOP, "sourcetype=json level=error", all_of(is_("sourcetype", "json"), is_("level", "error"))),
        found(SHOP, "order=ORD-104300", is_("order", "ORD-104300")),
        found(SHOP, "order=ORD-10430", is_("order", "ORD-10430")),
        found(SHOP, "ms>1000", above("ms", 1000)),
        found(SHOP, "ms<50", below("ms", 50)),
        found(SHOP, "attempt>=2", at_least("attempt", 2)),
        found(SHOP, "active=20 waiting>10", all_of(is_("active", "20"), above("waiting", 10))),
        found(SHOP, "card=*", exists("card")),
        found(SHOP, "card=VISA", is_("card", "visa")),
        found(SHOP, "sourcetype=log4j NOT card=*", all_of(is_("sourcetype", "log4j"), not_(exists("card")))),
        found(SHOP, "sourcetype=log4j card!=visa", all_of(is_("sourcetype", "log4j"), exists("card"), not_(is_("card", "visa")))),
        found(SHOP, "upstream_status=503", is_("upstream_status", "503")),
        found(SHOP, 'message="*PaymentService answered 503"', is_("message", "*PaymentService answered 503")),
        found(SHOP, "duration_ms=045", is_("duration_ms", "045")),
        found(SHOP, "status IN (500, 502, 504)", any_of(*(is_("status", code) for code in ("500", "502", "504")))),
        found(SHOP, 'status IN ("5*", 402)', any_of(is_("status", "5*"), is_("status", "402"))),
        found(SHOP, "host IN (pay-01, pay-02) ERROR", all_of(any_of(is_("host", "pay-01"), is_("host", "pay-02")), has("ERROR"))),
        found(SHOP, "sourcetype=access_combined NOT status IN (200, 404)", all_of(ACCESS_LOG, not_(any_of(is_("status", "200"), is_("status", "404"))))),
        found("nginx", "sourcetype=access_combined status=500", all_of(ACCESS_LOG, is_("status", "500"))),
        found("json", "supplier.id=3", is_("supplier.id", "3")),
        found("json", "supplier.region=EU ok=true", all_of(is_("supplier.region", "eu"), is_("ok", "true"))),
        found("json", "took_ms>=390", at_least("took_ms", 390)),
        found("logfmt", 'msg="slow answer from supplier"', is_("msg", "slow answer from supplier")),
        found("logfmt", "rows>4000", above("rows", 4000)),
        found("syslog", "host=web-02", is_("host", "web-02")),
        found("syslog", "host=audit-01", is_("host", "audit-01")),
    ]
    yield "term_case", [
        found(SHOP, "TERM(10.20.0.5)", term("10.20.0.5")),
        found(SHOP, "TERM(order=ORD-104300)", term("order=ORD-104300")),
        found(SHOP, "TERM(ORD-104300)", term("ORD-104300")),
        found(SHOP, "TERM(card=visa)", term("card=visa")),
        found(SHOP, "TERM(visa)", term("visa")),
        found(SHOP, "CASE(ERROR)", has("ERROR", case_sensitive=True)),
        found(SHOP, "CASE(error)", has("error", case_sensitive=True)),
        found(SHOP, "CASE(PaymentService)", has("PaymentService", case_sensitive=True)),
        found(SHOP, "CASE(paymentservice)", has("paymentservice", case_sensitive=True)),
        found("openssh", "TERM(127.0.0.66)", term("127.0.0.66")),
    ]
    minutes = dict(earliest="2026-11-20T14:05:00Z", latest="2026-11-20T14:06:00Z")
    day_two = dict(earliest="2026-11-21T00:00:00Z")
    exact = dict(earliest="2026-11-20T14:02:03Z", latest="2026-11-20T14:02:21Z")
    yield "time", [
        found(SHOP, "*", everything, **OUTAGE),
        found(SHOP, "ERROR", has("ERROR"), **OUTAGE),
        found(SHOP, "ERROR", has("ERROR"), latest="2026-11-20T14:05:00Z"),
        found(SHOP, "ERROR", has("ERROR"), earliest="2026-11-20T14:25:00Z"),
        found(SHOP, "*", everything, **minutes),
        # Half open: the event at the earliest time counts, the one at the latest does not.
        found(SHOP, "change-runner", has("change-runner"), **exact),
        (SHOP, "change-runner earliest=2026-11-20T14:02:03Z latest=2026-11-20T14:02:21Z", select(SHOP, has("change-runner"), **exact), {}),
        (SHOP, 'ERROR earliest="11/20/2026:14:00:00" latest="11/20/2026:14:30:00"', select(SHOP, has("ERROR"), **OUTAGE), {}),
        (SHOP, "ERROR earliest=-1d@d", select(SHOP, has("ERROR"), **day_two), {}),
        (SHOP, "* earliest=-2d@d latest=-1d@d", select(SHOP, everything, latest="2026-11-21T00:00:00Z"), {}),
        (SHOP, "ERROR earliest=1795183500 latest=1795184700", select(SHOP, has("ERROR"), earliest="2026-11-20T14:05:00Z", latest="2026-11-20T14:25:00Z"), {}),
        (SHOP, "* earliest=-36h latest=-35h-30m", select(SHOP, everything, earliest="2026-11-21T11:00:00Z", latest="2026-11-21T11:30:00Z"), {}),
        (SHOP, "host=web-* status>=500 earliest=-2d@d+14h latest=-2d@d+14h+10m", select(SHOP, at_least("status", 500), earliest="2026-11-20T14:00:00Z", latest="2026-11-20T14:10:00Z"), {}),
        found("json", "shape=*", exists("shape"), earliest="2026-11-20T14:00:00Z", latest="2026-11-20T14:05:00Z"),
        found("edge", "tick", has("tick"), earliest="2026-11-20T14:02:00Z", latest="2026-11-20T14:04:00Z"),
    ]
    paid = all_of(is_("sourcetype", "log4j"), exists("ms"))
    yield "stats", [
        shown(SHOP, "* | stats count", everything, lambda found: Table(["count"], [[len(found)]])),
        shown(SHOP, "zeppelin | stats count", has("zeppelin"), lambda found: Table(["count"], [[0]])),
        shown(SHOP, "zeppelin | stats count by host", has("zeppelin"), lambda found: Table(["host", "count"], [])),
        shown(SHOP, '"failed to connect to DB" | stats count by host', DB, lambda found: count_by(found, "host")),
        shown(SHOP, "* | stats count by sourcetype", everything, lambda found: count_by(found, "sourcetype")),
        shown(SHOP, "* | stats count by host, sourcetype", everything, lambda found: count_by(found, "host", "sourcetype")),
        shown(SHOP, "sourcetype=log4j | stats count by level", is_("sourcetype", "log4j"), lambda found: count_by(found, "level")),
        shown(SHOP, "sourcetype=access_combined | stats count by status", ACCESS_LOG, lambda found: count_by(found, "status")),
        shown(SHOP, "sourcetype=access_combined | stats count by method status", ACCESS_LOG, lambda found: count_by(found, "method", "status")),
        shown(SHOP, "* | stats count(card) count", everything, lambda found: Table(["count(card)", "count"], [[sum(map(exists("card"), found)), len(found)]])),
        shown(SHOP, '"failed to connect to DB" | stats dc(order) AS orders', DB, lambda found: stats({"orders": lambda group: len(distinct(group, "order"))}, found)),
        shown(SHOP, "sourcetype=access_combined status>=500 | stats dc(clientip) by host", all_of(ACCESS_LOG, at_least("status", 500)),
              lambda found: stats({"dc(clientip)": lambda group: len(distinct(group, "clientip"))}, found, "host")),
        shown(SHOP, "sourcetype=log4j ms=* | stats count sum(ms) min(ms) max(ms) avg(ms) by card", paid,
              lambda found: stats({"count": len, "sum(ms)": lambda group: sum(numbers(group, "ms")), "min(ms)": lambda group: min(numbers(group, "ms")),
                                   "max(ms)": lambda group: max(numbers(group, "ms")), "avg(ms)": lambda group: sum(numbers(group, "ms")) / len(group)}, found, "card")),
        shown(SHOP, "sourcetype=access_combined | stats sum(bytes) AS sent by host", ACCESS_LOG, lambda found: stats({"sent": lambda group: sum(numbers(group, "bytes"))}, found, "host")),
        shown(SHOP, "sourcetype=access_combined | stats values(status) by method", ACCESS_LOG, lambda found: stats({"values(status)": lambda group: distinct(group, "status")}, found, "method")),
        shown(SHOP, '"failed to connect to DB" | stats first(order) last(order)', DB,
              lambda found: Table(["first(order)", "last(order)"], [[value(found[0], "order"), value(found[-1], "order")]])),
        shown(SHOP, "attempt=* | stats count by attempt", exists("attempt"), lambda found: count_by(found, "attempt")),
        shown(SHOP, "ERROR PaymentService | stats count AS errors by host | sort - errors", all_of(has("ERROR"), has("PaymentService")),
              lambda found: Table(["host", "errors"], sorted(count_by(found, "host").rows, key=lambda row: -row[1]))),
        shown(SHOP, "sourcetype=access_combined | stats count by status | where count>100", ACCESS_LOG,
              lambda found: Table(["status", "count"], [row for row in count_by(found, "status").rows if row[1] > 100])),
        shown(SHOP, "* | stats count by host | search host=web-*", everything,
              lambda found: Table(["host", "count"], [row for row in count_by(found, "host").rows if row[0].startswith("web-")])),
        shown("openssh", "* | stats count by host", everything, lambda found: count_by(found, "host")),
        shown("java", "sourcetype=log4j | stats count by level", is_("sourcetype", "log4j"), lambda found: count_by(found, "level")),
        shown("python", "* | stats count by level", everything, lambda found: count_by(found, "level")),
        shown("json", "supplier.region=* | stats count avg(took_ms) by supplier.region", exists("supplier.region"),
              lambda found: stats({"count": len, "avg(took_ms)": lambda group: sum(numbers(group, "took_ms")) / len(group)}, found, "supplier.region")),
        shown("edge", "needle-* | stats count by host", has("needle-*"), lambda found: count_by(found, "host")),
        shown("syslog", "* | stats count by host", everything, lambda found: count_by(found, "host")),
    ]
    yield "timechart", [
        shown(SHOP, "host=web-* status>=500 | timechart span=5m count by host", at_least("status", 500), lambda found: timechart(found, 300, "host")),
        shown(SHOP, "host=web-* status>=500 | timechart span=5m count by host", at_least("status", 500), lambda found: timechart(found, 300, "host", **OUTAGE), **OUTAGE),
        shown(SHOP, '"failed to connect to DB" | timechart span=5m count', DB, lambda found: timechart(found, 300, **OUTAGE), **OUTAGE),
        shown(SHOP, "ERROR PaymentService | timechart span=1h count", all_of(has("ERROR"), has("PaymentService")), lambda found: timechart(found, 3600)),
        shown(SHOP, "sourcetype=access_combined | timechart span=1d count", ACCESS_LOG, lambda found: timechart(found, 86400)),
        shown(SHOP, "sourcetype=log4j | timechart span=10m count by level", is_("sourcetype", "log4j"), lambda found: timechart(found, 600, "level", **OUTAGE), **OUTAGE),
        shown(SHOP, '"too many clients already" | timechart span=1m count', has("too many clients already"),
              lambda found: timechart(found, 60, earliest="2026-11-20T14:05:00Z", latest="2026-11-20T14:10:00Z"), earliest="2026-11-20T14:05:00Z", latest="2026-11-20T14:10:00Z"),
    ]
    yield "top_rare", [
        shown(SHOP, "sourcetype=access_combined | top limit=3 status", ACCESS_LOG, lambda found: top(found, "status", 3)),
        shown(SHOP, "sourcetype=access_combined | top method", ACCESS_LOG, lambda found: top(found, "method")),
        shown(SHOP, "sourcetype=access_combined | top limit=1 uri_path", ACCESS_LOG, lambda found: top(found, "uri_path", 1)),
        shown(SHOP, '"failed to connect to DB" | top host', DB, lambda found: top(found, "host")),
        shown(SHOP, "* | top limit=2 sourcetype", everything, lambda found: top(found, "sourcetype", 2)),
        shown(SHOP, "card=* | rare limit=1 card", exists("card"), lambda found: top(found, "card", 1, rarest=True)),
        shown(SHOP, "sourcetype=log4j | rare level", is_("sourcetype", "log4j"), lambda found: top(found, "level", rarest=True)),
        shown(SHOP, "sourcetype=access_combined | top showperc=f method", ACCESS_LOG, lambda found: Table(["method", "count"], [row[:2] for row in top(found, "method").rows])),
        shown(SHOP, "zeppelin | top host", has("zeppelin"), lambda found: Table(["host", "count", "percent"], [])),
    ]
    pool = is_("pool", "payments-pool")
    shop_errors = all_of(is_("sourcetype", "log4j"), is_("level", "ERROR"))
    yield "sort_head_tail", [
        shown(SHOP, "sourcetype=log4j level=ERROR | head 5 | table _time host order attempt", shop_errors, lambda found: table(found[:5], "_time", "host", "order", "attempt")),
        shown(SHOP, "sourcetype=log4j level=ERROR | tail 4 | table _time host order", shop_errors, lambda found: table(found[-4:][::-1], "_time", "host", "order")),
        # Equal times: by source, so pay-01 before pay-02.
        shown(SHOP, "pool=payments-pool | head 6 | table _time, host, active", pool, lambda found: table(found[:6], "_time", "host", "active")),
        shown(SHOP, "pool=payments-pool | tail 3 | table _time host", pool, lambda found: table(found[-3:][::-1], "_time", "host")),
        shown(SHOP, "ms=* | sort 5 - ms, order | table ms order card", exists("ms"),
              lambda found: table(sorted(found, key=lambda event: (-number(event, "ms"), value(event, "order")))[:5], "ms", "order", "card")),
        shown(SHOP, "ms>1000 | sort ms order | table ms order", above("ms", 1000),
              lambda found: table(sorted(found, key=lambda event: (number(event, "ms"), value(event, "order"))), "ms", "order")),
        shown(SHOP, "CHG0048213 | sort _time | head 3 | table _time host sourcetype", has("CHG0048213"), lambda found: table(found[::-1][:3], "_time", "host", "sourcetype")),
        (SHOP, "ERROR | head 7", select(SHOP, has("ERROR"))[:7], {}),
        (SHOP, "ERROR | tail 7", select(SHOP, has("ERROR"))[-7:], {}),
        (SHOP, "* | head", select(SHOP, everything)[:10], {}),
        shown(SHOP, "ERROR | head 20 | stats count by host", has("ERROR"), lambda found: count_by(found[:20], "host")),
        shown(SHOP, "sourcetype=access_combined status>=500 | where method=\"POST\" | stats count", all_of(ACCESS_LOG, at_least("status", 500), is_("method", "POST")),
              lambda found: Table(["count"], [[len(found)]])),
        shown(SHOP, "* | stats count by host | sort - count | head 3", everything,
              lambda found: Table(["host", "count"], sorted(count_by(found, "host").rows, key=lambda row: -row[1])[:3])),
        shown(SHOP, "* | stats count by host | tail 2", everything, lambda found: Table(["host", "count"], count_by(found, "host").rows[-2:][::-1])),
    ]
    needles = ["needle-crlf", "needle-bom", "needle-le", "needle-be", "needle-latin", "needle-ff", "needle-cut", "needle-overlong", "needle-surrogate",
               "needle-nul", "needle-before-hole", "needle-after-hole", "needle-end", "needle-at-the-end", "needle-last", "needle-ansi", "needle-escape",
               "needle-1970", "needle-2199", "needle-in-continuation", "needle-same", "needle-cr", "needle-new-year"]
    yield "edge", [found("edge", needle, has(needle)) for needle in needles] + [
        found("edge", "PaymentService", has("PaymentService")),
        found("edge", "Köln source=*utf*", all_of(has("Köln"), is_("source", "*utf*"))),
        found("edge", "заказ", has("заказ")),
        found("edge", "注文", has("注文")),
        found("edge", "w11699", has("w11699")),
        found("edge", "source=*continuation.log ERROR IOException", all_of(is_("source", "*continuation.log"), has("ERROR"), has("IOException"))),
        found("edge", "source=*forged-times.log 404", all_of(is_("source", "*forged-times.log"), has("404"))),
        found("edge", 'source=*crlf.log "failed"', all_of(is_("source", "*crlf.log"), has("failed"))),
        found("edge", "needle-same OR needle-last", any_of(has("needle-same"), has("needle-last"))),
    ]


# ---------------------------------------------------------------------------------------------------- output

def toml_string(text):
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    return toml_string(value)


def toml_table(title, pairs):
    return "\n".join([f"[[{title}]]"] + [f"{key} = {toml_value(value)}" for key, value in pairs if value is not None and value is not False])


def expected_toml():
    blocks = ["# What is true of each file. Written by programs/expect.py; the fields are explained in src/corpus.rs.", f'now = "{NOW}"']
    for name, (about, files) in CORPORA_TABLE.items():
        blocks.append(toml_table("corpus", [("name", name), ("about", about)]))
        for file in files:
            pairs = [("path", file.path), ("host", file.host), ("sourcetype", file.format and file.format.sourcetype)]
            if file.format and file.counted:
                events = events_of(name, file)
                times = [event.time_us for event in events]
                pairs.append(("n_events", len(events)))
                if file.unstamped is not None:
                    pairs += [("n_unstamped", len(file.unstamped)), ("first", iso(min(times))), ("last", iso(max(times)))]
                levels = Counter(event.level for event in events if event.level)
                pairs.append(("levels", dict(sorted(levels.items())) or None))
                hosts = Counter(event.host for event in events)
                pairs.append(("hosts", {f'"{host}"': n for host, n in sorted(hosts.items())} if file.line_host else None))
            elif not file.format and not file.binary:
                pairs.append(("n_events", 0))
            pairs += [("encoding", file.encoding if file.encoding != "utf-8" else None), ("compression", file.compression), ("binary", file.binary),
                      ("duplicate_of", file.duplicate_of), ("mtime", file.mtime), ("remarks", file.remarks)]
            blocks.append(toml_table("corpus.file", pairs))
    return "\n\n".join(blocks) + "\n"


def query_tomls():
    corpora, uncounted = {}, {}
    for name, (_, files) in CORPORA_TABLE.items():
        files = [file for file in files if file.format and not file.duplicate_of]
        corpora[name] = newest_first([event for file in files if file.counted for event in events_of(name, file)])
        uncounted[name] = [event for file in files if not file.counted for event in events_of(name, replace(file, format=Format("", r"$."), unstamped=None))]

    def select(corpus, test, earliest=None, latest=None):
        # Where the cutting is left open no answer may depend on it.
        assert not any(map(test, uncounted[corpus])), f"a query on {corpus} finds text of a file without expected events"
        return [event for event in corpora[corpus] if test(event)
                and (earliest is None or event.time_us >= micros_of(earliest)) and (latest is None or event.time_us < micros_of(latest))]

    for name, cases in queries(select):
        blocks = ["# Queries with exact answers. Written by programs/expect.py; the fields are explained in src/query.rs."]
        for corpus, query, answer, range in cases:
            pairs = [("corpus", corpus), ("query", query), ("earliest", range.get("earliest")), ("latest", range.get("latest")), ("now", NOW)]
            if isinstance(answer, Table):
                rows = [[text_of(cell) for cell in row] for row in answer.rows]
                pairs += [("columns", answer.columns), ("rows", rows)]
            else:
                pairs.append(("count", len(answer)))
            blocks.append(toml_table("case", pairs))
        yield name, "\n\n".join(blocks) + "\n"


def main():
    outputs = {CORPORA / "expected.toml": expected_toml()}
    outputs |= {TESTDATA / "queries" / f"{name}.toml": text for name, text in query_tomls()}
    if "--check" in sys.argv[1:]:
        stale = [path for path, text in outputs.items() if not path.exists() or path.read_text() != text]
        for path in stale:
            print(f"differs: {path}", file=sys.stderr)
        sys.exit(1 if stale else 0)
    for path, text in outputs.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
