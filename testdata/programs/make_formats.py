#!/usr/bin/env python3
"""Writes the corpora of formats whose programs are not at hand, by the formats' published shapes.

    make_formats.py [OUT]       default OUT: ../corpora beside this script

OUT must already hold nginx/ and shop/: the container corpus wraps lines of theirs. Same inputs, same bytes.
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from make_shop import Dice

START = datetime(2026, 11, 20, 13, 55, tzinfo=timezone.utc)
INDIA = timezone(timedelta(hours=5, minutes=30))


def ticks(dice, count, low_ms=200, high_ms=60_000):
    """`count` ascending times, microseconds included."""
    time = START
    for _ in range(count):
        time += dice.milliseconds(low_ms, high_ms) + timedelta(microseconds=dice.below(1000))
        yield time


def millis(time):
    return f"{time.microsecond // 1000:03}"


def epoch_us(time):
    return int(time.timestamp()) * 1_000_000 + time.microsecond


# ------------------------------------------------------------------------------------------------ JSON lines

MESSAGES = [("info", "stock synchronised"), ("info", "price list loaded"), ("debug", "cache miss"), ("warn", "slow answer from supplier"),
            ("error", "could not reach supplier")]


def json_lines():
    """One file for each way programs write time and level; every line says which way in `shape`."""
    shapes = {
        "time-iso": lambda t, l: {"time": t.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "level": l},
        "at-timestamp": lambda t, l: {"@timestamp": t.isoformat(timespec="microseconds"), "log.level": l.upper(), "ecs.version": "1.6.0"},
        "timestamp-comma": lambda t, l: {"timestamp": t.strftime("%Y-%m-%d %H:%M:%S,") + millis(t), "levelname": l.upper()},
        "ts-seconds": lambda t, l: {"level": l, "ts": epoch_us(t) / 1e6, "caller": "sync/worker.go:88"},
        "time-millis": lambda t, l: {"level": {"debug": 20, "info": 30, "warn": 40, "error": 50}[l], "time": epoch_us(t) // 1000, "pid": 17},
        "underscore-time-micros": lambda t, l: {"_time": str(epoch_us(t)), "severity": l},
        "event-time-nanos": lambda t, l: {"severity": l.upper(), "eventTime": epoch_us(t) * 1000},
        "datetime": lambda t, l: {"datetime": t.strftime("%Y-%m-%dT%H:%M:%S") + "+00:00", "lvl": l},
        "time-india": lambda t, l: {"time": t.astimezone(INDIA).isoformat(timespec="milliseconds"), "level": l},
    }
    for number, (name, head) in enumerate(shapes.items()):
        dice = Dice(100 + number)
        lines = []
        for time in ticks(dice, 24):
            level, message = dice.pick(MESSAGES)
            record = head(time, level) | {
                "message": message,
                "shape": name,
                "supplier": {"id": dice.between(1, 9), "region": dice.pick(["eu", "us", "apac"])},
                "items": [{"sku": f"SKU-{dice.between(100, 120)}", "n": dice.between(1, 4)} for _ in range(dice.between(0, 2))],
                "tags": ["stock", dice.pick(["nightly", "manual"])],
                "ok": level != "error",
                "cost": None,
                "took_ms": dice.between(1, 400),
            }
            if level == "error":
                record["error"] = "java.net.ConnectException: Connection refused\n\tat com.example.Sync.run(Sync.java:12)\n"
                record["note"] = "Grüße \"quoted\" \\ back/slash"
            # Half the producers escape what is not ASCII, half do not.
            lines.append(json.dumps(record, ensure_ascii=number % 2 == 0))
        yield f"json/{name}.json", lines
    yield "json/broken.json", [
        '{"time":"2026-11-20T14:00:00.000Z","level":"info","message":"whole"}',
        '{"time":"2026-11-20T14:00:01.000Z","level":"info","message":"cut in the mid',
        '{"time":"2026-11-20T14:00:02.000Z","level":"warn","message":"trailing comma",}',
        'plain text between the objects, needle-between',
        '{"time":"2026-11-20T14:00:03.000Z","level":"info","message":"twice","level":"error"}',
        "{}",
        '{"time":"2026-11-20T14:00:04.000Z","level":"info","message":"deep","a":{"b":{"c":[{"d":[1,[2,3]]}]}}}',
        '{"time":"2026-11-20T14:00:05.000Z","level":"info","message":"whole again"}',
    ]


# ------------------------------------------------------------------------------------------------ logfmt

def logfmt():
    dice = Dice(200)
    lines = []
    for time in ticks(dice, 80):
        level, message = dice.pick(MESSAGES)
        line = (f"ts={time.isoformat(timespec='milliseconds').replace('+00:00', 'Z')} level={level} caller=sync.go:{dice.between(10, 99)} "
                f'msg="{message}" supplier={dice.between(1, 9)} took={dice.between(1, 400)}ms')
        if level == "error":
            line += ' err="dial tcp 10.20.3.4:8443: connect: connection \\"refused\\"" retry=true'
        lines.append(line)
    yield "logfmt/go-kit.log", lines
    dice = Dice(201)
    yield "logfmt/logrus.log", [
        f'time="{time.strftime("%Y-%m-%dT%H:%M:%SZ")}" level={dice.pick(["info", "warning", "error", "fatal"])} '
        f'msg="job finished" job={dice.pick(["export", "import"])} rows={dice.between(0, 5000)} empty= path="/srv/shop/in out/{dice.below(9)}"'
        for time in ticks(dice, 60)]


# ------------------------------------------------------------------------------------------------ container wrappers

def container(corpora):
    """Docker json-file and CRI around the nginx logs (access on stdout, errors on stderr) and JSON of the shop."""
    dice = Dice(300)
    access = (corpora / "nginx/access.log").read_text().splitlines()[:60]
    error = (corpora / "shop/web-01/error.log").read_text().splitlines()
    orders = (corpora / "shop/order-01/order-service.json").read_text().splitlines()[:40]
    long_line = "long-line-begins " + " ".join(f"word{n}" for n in range(2500)) + " long-line-needle"
    messages = [("stdout", text) for text in access] + [("stderr", text) for text in error] + [("stdout", text) for text in orders]
    messages = sorted(messages, key=lambda _: dice.below(1 << 30))
    messages.insert(20, ("stdout", long_line))

    def stamp(time):
        return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond:06}{dice.below(1000):03}Z"

    # The Docker daemon splits at 16 KiB, containerd's CRI likewise.
    part = 16 * 1024
    docker, cri = [], []
    for (stream, text), time in zip(messages, ticks(dice, len(messages))):
        pieces = [text[at:at + part] for at in range(0, len(text), part)]
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            when = stamp(time + timedelta(microseconds=number))
            docker.append(json.dumps({"log": piece + ("\n" if last else ""), "stream": stream, "time": when}, separators=(",", ":"), ensure_ascii=False))
            cri.append(f"{when} {stream} {'F' if last else 'P'} {piece}")
    yield "container/docker-json.log", docker
    yield "container/cri.log", cri
    # Parts of one stream with a line of the other between them.
    yield "container/cri-interleaved.log", [
        "2026-11-20T14:05:00.000000001Z stdout F before",
        "2026-11-20T14:05:00.000000002Z stdout P one message ",
        "2026-11-20T14:05:00.000000003Z stderr F a line of the other stream",
        "2026-11-20T14:05:00.000000004Z stdout P in three ",
        "2026-11-20T14:05:00.000000005Z stdout F parts-needle",
        "2026-11-20T14:05:00.000000006Z stdout F after",
    ]


# ------------------------------------------------------------------------------------------------ klog

def klog():
    dice = Dice(400)
    lines = []
    for time in ticks(dice, 90, 50, 20_000):
        level, where, text = dice.pick([
            ("I", "controller.go:114", f'"Syncing" deployment="shop/web-{dice.between(1, 3)}" replicas={dice.between(1, 5)}'),
            ("I", "reflector.go:255", "Listing and watching *v1.Pod from informers/factory.go:150"),
            ("W", "endpoints.go:61", f"slow endpoint update took {dice.between(2, 30)}.{dice.below(10)}s"),
            ("E", "kubelet.go:2211", f'"Failed to pull image" err="rpc error: code = Unknown" pod="shop/pay-{dice.between(1, 3)}"'),
        ])
        stamp = time.strftime("%m%d %H:%M:%S.%f")
        lines.append(f"{level}{stamp} {dice.between(1, 99):7} {where}] {text}")
    lines.append(f"F{(START + timedelta(hours=3)).strftime('%m%d %H:%M:%S.%f')}       1 main.go:31] cannot start: address already in use\n"
                 "goroutine 1 [running]:\nmain.main()\n\t/src/cmd/main.go:31 +0x1d4\nexit status 255")
    yield "klog/controller.log", lines


# ------------------------------------------------------------------------------------------------ AutoSys

def autosys():
    dice = Dice(500)
    lines = []

    def event(time, text):
        lines.append(f"[{time:%m/%d/%Y %H:%M:%S}]      {text}")

    for number, time in enumerate(ticks(dice, 36, 30_000, 300_000)):
        job = dice.pick(["BKG_EOD_POSITIONS", "BKG_FX_RATES", "BKG_REPORTS", "BKG_ARCHIVE"])
        machine = f"batch-0{dice.between(2, 4)}"
        outcome = dice.pick(["SUCCESS"] * 5 + ["FAILURE", "TERMINATED"])
        event(time, f"CAUAJM_I_40245 EVENT: STARTJOB         JOB: {job}")
        event(time, f"CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: STARTING        JOB: {job} MACHINE: {machine}")
        event(time, f"CAUAJM_I_10082 [{machine} connected for {job} {300 + number}.{number + 1}.1]")
        event(time, f"CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: RUNNING         JOB: {job} MACHINE: {machine}")
        end = time + timedelta(seconds=dice.between(2, 25))
        code = {"SUCCESS": 0, "FAILURE": dice.between(1, 127), "TERMINATED": -655}[outcome]
        event(end, f"CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: {outcome}         JOB: {job} MACHINE: {machine} EXITCODE:  {code}")
        if outcome != "SUCCESS":
            event(end, f"CAUAJM_I_40245 EVENT: ALARM            ALARM: JOB{outcome} JOB: {job} EXITCODE:  {code}")
            event(end + timedelta(seconds=3), f"CAUAJM_I_40245 EVENT: SET_GLOBAL       GLOBAL: JIRA-{job} = OPS-{4000 + number}")
    yield "autosys/event_demon.UAT", lines


# ------------------------------------------------------------------------------------------------ W3C / IIS

def w3c():
    dice = Dice(600)
    head = ["#Software: Microsoft Internet Information Services 10.0", "#Version: 1.0"]
    lines = list(head)
    columns = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"
    for number, time in enumerate(ticks(dice, 100, 100, 30_000)):
        if number in (0, 60):
            # A restart writes the header again; the second one has fewer columns.
            if number:
                columns = "date time cs-method cs-uri-stem c-ip sc-status time-taken"
                lines += head
            lines += [f"#Date: {time:%Y-%m-%d %H:%M:%S}", f"#Fields: {columns}"]
        stem = dice.pick(["/Default.aspx", "/account/login", "/api/orders", "/images/logo.png"])
        values = {
            "date": f"{time:%Y-%m-%d}", "time": f"{time:%H:%M:%S}", "s-ip": "10.20.2.10", "cs-method": dice.pick(["GET", "GET", "POST"]),
            "cs-uri-stem": stem, "cs-uri-query": f"id={dice.between(1, 99)}" if stem == "/api/orders" else "-", "s-port": "443",
            "cs-username": dice.pick(["-", "-", "EXAMPLE\\anna"]), "c-ip": f"198.51.100.{dice.between(1, 20)}",
            "cs(User-Agent)": "Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64)", "cs(Referer)": dice.pick(["-", "https://shop.example/"]),
            "sc-status": dice.pick(["200", "200", "200", "302", "404", "500"]), "sc-substatus": "0", "sc-win32-status": "0",
            "time-taken": str(dice.between(1, 3000)),
        }
        lines.append(" ".join(values[column] for column in columns.split()))
    yield "iis/u_ex261120.log", lines


# ------------------------------------------------------------------------------------------------ CSV, TSV

def csv():
    dice = Dice(700)
    rows = ["timestamp,level,service,user,message,duration_ms"]
    for time in ticks(dice, 60):
        message = dice.pick(["login ok", '"login failed, wrong password"', '"said ""hello"" twice"', '"first line\nsecond line, still the same row"', ""])
        rows.append(f"{time.isoformat(timespec='milliseconds').replace('+00:00', 'Z')},{dice.pick(['INFO', 'WARN', 'ERROR'])},"
                    f"{dice.pick(['auth', 'basket'])},{dice.pick(['anna', 'björn', 'chloé'])},{message},{dice.between(1, 900)}")
    yield "csv/audit.csv", rows
    dice = Dice(701)
    yield "csv/metrics.tsv", ["time\thost\tcpu\tnote"] + [
        f"{time:%Y-%m-%d %H:%M:%S}\t{dice.pick(['web-01', 'web-02'])}\t{dice.between(0, 99)}.{dice.below(10)}\t{dice.pick(['', 'ok', 'two words'])}"
        for time in ticks(dice, 50)]


# ------------------------------------------------------------------------------------------------ MySQL 8

def mysql():
    dice = Dice(800)
    lines = []
    for time in ticks(dice, 40):
        level, code, part, text = dice.pick([
            ("System", "MY-010931", "Server", "/usr/sbin/mysqld: ready for connections. Version: '8.0.40'  socket: '/run/mysqld/mysqld.sock'  port: 3306"),
            ("Warning", "MY-010055", "Server", "IP address '10.20.1.77' could not be resolved: Name or service not known"),
            ("Note", "MY-010914", "Server", f"Aborted connection {dice.between(10, 99)} to db: 'shop' user: 'shop' host: 'web-01' (Got timeout reading communication packets)."),
            ("ERROR", "MY-012592", "InnoDB", f"Operating system error number {dice.between(2, 13)} in a file operation."),
        ])
        lines.append(f"{time.isoformat(timespec='microseconds').replace('+00:00', 'Z')} {dice.between(0, 60)} [{level}] [{code}] [{part}] {text}")
    yield "mysql/mysql8-error.log", lines
    dice = Dice(801)
    lines = ["/usr/sbin/mysqld, Version: 8.0.40 (MySQL Community Server - GPL). started with:\nTcp port: 3306  Unix socket: /run/mysqld/mysqld.sock\n"
             "Time                 Id Command    Argument"]
    for time in ticks(dice, 30):
        seconds = f"{dice.between(1, 9)}.{dice.between(100000, 999999)}"
        lines.append(f"# Time: {time.isoformat(timespec='microseconds').replace('+00:00', 'Z')}\n"
                     f"# User@Host: shop[shop] @ web-0{dice.between(1, 2)} [10.20.1.1{dice.between(1, 2)}]  Id: {dice.between(10, 99):5}\n"
                     f"# Query_time: {seconds}  Lock_time: 0.0000{dice.between(10, 99)} Rows_sent: {dice.between(0, 50)}  Rows_examined: {dice.between(1000, 900000)}\n"
                     f"SET timestamp={int(time.timestamp())};\n"
                     f"SELECT o.id, o.total\n  FROM orders o\n WHERE o.customer = {dice.between(1000, 4999)};")
    yield "mysql/mysql8-slow.log", lines


# ------------------------------------------------------------------------------------------------ stamps no format claims

def stamps():
    """Plain lines, one way of writing the time in each file, for the adaptive recogniser."""
    shapes = {
        "us-slashes": lambda t: f"{t:%m/%d/%Y %H:%M:%S}",
        "us-am-pm": lambda t: f"{t.month}/{t.day}/{t.year} {t.hour % 12 or 12}:{t:%M:%S} {t:%p}",
        "german-dots": lambda t: f"{t:%d.%m.%Y %H:%M:%S}",
        "basic-iso": lambda t: f"{t:%Y%m%dT%H%M%S}Z",
        "bracket-india": lambda t: f"[{t.astimezone(INDIA).isoformat(timespec='milliseconds')}]",
        "epoch-seconds": lambda t: f"{int(t.timestamp())}",
        "epoch-millis": lambda t: f"{epoch_us(t) // 1000}",
        "ctime": lambda t: f"{t:%a %b} {t.day:2} {t:%H:%M:%S %Y}",
        "rfc2822": lambda t: f"{t:%a, %d %b %Y %H:%M:%S} +0000",
        # As daemontools' multilog writes it: 10 s ahead of Unix time, without a table of leap seconds.
        "tai64n": lambda t: f"@{(1 << 62) + 10 + int(t.timestamp()):016x}{t.microsecond * 1000:08x}",
        "word-first": lambda t: f"stockd[77] at {t:%Y-%m-%d %H:%M:%S},{millis(t)}:",
    }
    for number, (name, stamp) in enumerate(shapes.items()):
        dice = Dice(900 + number)
        yield f"stamps/{name}.log", [
            f"{stamp(time)} {dice.pick(['INFO', 'WARN', 'ERROR'])} stock of {dice.pick(['lamp', 'rug'])} is {dice.between(0, 40)}"
            + ("\n    counted by hand" if dice.chance(0.2) else "") for time in ticks(dice, 20, 1000, 60_000)]


def main():
    corpora = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "corpora"
    for files in (json_lines(), logfmt(), container(corpora), klog(), autosys(), w3c(), csv(), mysql(), stamps()):
        for path, lines in files:
            target = corpora / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes("".join(line + "\n" for line in lines).encode())


if __name__ == "__main__":
    main()
