#!/usr/bin/env python3
"""Writes corpora/edge (odd bytes) and corpora/packed (compressed logs).

    make_edge.py [OUT]          default OUT: ../corpora beside this script; needs the `zstd` command

Same script, same events; the compressed bytes may differ between versions of the compressors.
File names that are not plain ASCII are made by the tests at run time, not here.
"""
import bz2
import gzip
import lzma
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

START = datetime(2026, 11, 20, 14, 0, tzinfo=timezone.utc)


def line(n, text, level="INFO"):
    """The nth line of a log in log4j's layout, one second after the line before."""
    time = START + timedelta(seconds=n)
    return f"{time:%Y-%m-%d %H:%M:%S},{n % 1000:03} {level} [main] EdgeDemo - {text}"


def plain(count, needle, first=0):
    return [line(first + n, f"line {n} of the file" + (f" {needle}" if n == count // 2 else "")) for n in range(count)]


def joined(lines, end="\n"):
    return "".join(text + end for text in lines)


def unicode_lines(needle):
    return [line(0, "Grüße aus Köln"), line(1, f"prix 5 €, {needle}"), line(2, "заказ оплачен"), line(3, "注文 😀 paid"), line(4, "plain end")]


def edge():
    yield "crlf.log", joined(plain(5, "needle-crlf") + [line(5, "failed", "ERROR"), "java.io.IOException: disk", "\tat a.B.c(B.java:1)", line(6, "end")], "\r\n").encode()
    yield "mixed-line-ends.log", (line(0, "lf") + "\n" + line(1, "crlf") + "\r\n" + line(2, "two cr") + "\r\r\n" + line(3, "progress 10%\rprogress 50%\rprogress 100% needle-cr") + "\n" + line(4, "end") + "\n").encode()
    yield "utf8-bom.log", b"\xef\xbb\xbf" + joined(unicode_lines("needle-bom")).encode()
    yield "utf16le.log", b"\xff\xfe" + joined(unicode_lines("needle-le"), "\r\n").encode("utf-16-le")
    yield "utf16be.log", b"\xfe\xff" + joined(unicode_lines("needle-be")).encode("utf-16-be")
    yield "latin1.log", joined([line(n, text) for n, text in enumerate(["Grüße aus Köln", "caf\xe9 needle-latin", "5 \xa3, 20 \xb0C", "ascii only"])]).encode("latin-1")
    yield "invalid-utf8.log", b"".join(text + b"\n" for text in [
        line(0, "before").encode(),
        line(1, "lone ").encode() + b"\xff\xfe needle-ff",
        line(2, "cut ").encode() + b"\xe2\x82 needle-cut",
        line(3, "overlong ").encode() + b"\xc0\xaf needle-overlong",
        line(4, "surrogate ").encode() + b"\xed\xa0\x80 needle-surrogate",
        line(5, "inside a word: pay").encode() + b"\xc3ment",
        line(6, "after").encode()])
    yield "nul-inside.log", joined([line(0, "before"), line(1, "a\0b needle-nul\0end"), line(2, "\0\0\0three"), line(3, "after")]).encode()
    yield "nul-hole.log", joined(plain(6, "needle-before-hole")).encode() + b"\0" * 8192 + joined(plain(6, "needle-after-hole", 10)).encode() + b"\0" * 4096 + joined(plain(3, "needle-end", 20)).encode()
    yield "long-line.log", joined([line(0, "before"), line(1, " ".join(f"w{n:05}" for n in range(11700)) + " needle-at-the-end"), line(2, "after")]).encode()
    yield "no-final-newline.log", joined(plain(4, "needle-first")).encode() + line(4, "last line, needle-last").encode()
    yield "empty.log", b""
    yield "one-byte.log", b"x"
    yield "only-newlines.log", b"\n" * 5
    yield "no-stamps.log", joined([f"step {n} done" for n in range(5)] + ["    indented marker", "finished"]).encode()
    yield "ansi.log", joined([line(0, "plain"), "\x1b[32m" + line(1, "green line") + "\x1b[0m", line(2, "Pay\x1b[1;31mment\x1b[0mService needle-ansi"), line(3, "\x1b[38;5;208mERROR\x1b[m inside", "WARN")]).encode()
    yield "terminal-escapes.log", joined([
        line(0, "\x1b]0;owned title\x07 sets the window title"), line(1, "\x1b[2J\x1b[H clears the screen needle-escape"), line(2, "\x1bPq device control \x1b\\"),
        line(3, "right to left \u202egnp.exe\u202c, zero\u200bwidth"), line(4, "bell \x07 backspace \x08 delete \x7f vertical \x0b feed \x0c"), line(5, "c1 \x9b31m control"),
        line(6, "link \x1b]8;;https://example.invalid/\x1b\\text\x1b]8;;\x1b\\")]).encode()
    yield "forged-times.log", joined([
        line(0, "genuine"), "1970-01-01 00:00:00,000 INFO [main] EdgeDemo - needle-1970", line(2, "genuine"), "2199-12-31 23:59:59,999 ERROR [main] EdgeDemo - needle-2199",
        "1989-12-31 23:59:59,999 WARN [main] EdgeDemo - just before 1990", line(5, "it said 2031-01-01 00:00:00 and 404 in the text"), "2026-11-26 00:00:00,000 INFO [main] EdgeDemo - four days ahead",
        line(7, "genuine")]).encode()
    yield "impossible-dates.log", joined([
        line(0, "genuine"), "2026-02-30 10:00:00,000 INFO [main] EdgeDemo - no such day", "2026-13-01 10:00:00,000 INFO [main] EdgeDemo - no such month",
        "2026-11-20 24:01:00,000 INFO [main] EdgeDemo - no such hour", "2016-12-31 23:59:60,500 INFO [main] EdgeDemo - leap second", line(5, "genuine")]).encode()
    yield "continuation.log", joined([
        line(0, "before"), line(1, "job failed", "ERROR"), "java.lang.IllegalStateException: outer", "\tat com.example.Job.run(Job.java:42)",
        "Caused by: java.io.IOException: needle-in-continuation at 2026-11-20 09:00:00,000", "\t... 3 more", "", "\tafter an empty line", line(2, "after")]).encode()
    yield "zone-india.json", joined([f'{{"time":"{(START + timedelta(minutes=n)).astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()}","level":"info","message":"tick {n}"}}' for n in range(6)]).encode()
    yield "equal-times.log", joined([line(0, f"same time {n}") for n in range(8)]).encode()
    yield "out-of-order.log", joined([line(n, f"written {index}") for index, n in enumerate([5, 3, 9, 1, 7])]).encode()
    yield "new-year.log", b"Dec 31 23:59:58 gate-01 clock: old year\nJan  1 00:00:03 gate-01 clock: new year needle-new-year\n"
    yield "binary.bin", bytes((n * n * 31 + n) % 256 for n in range(2048))
    same = joined(plain(12, "needle-same")).encode()
    yield "same.log", same
    yield "same.log.gz", gzip.compress(same, mtime=0)


def packed():
    first, second = joined(plain(10, "needle-gzip")).encode(), joined(plain(5, "needle-second-member", 10)).encode()
    yield "app.log.gz", gzip.compress(first, mtime=0) + gzip.compress(second, mtime=0)
    yield "gzip-without-suffix.log", gzip.compress(joined(plain(10, "needle-unnamed", 100)).encode(), mtime=0)
    yield "app2.log.bz2", bz2.compress(joined(plain(10, "needle-bzip2", 200)).encode())
    yield "app3.log.xz", lzma.compress(joined(plain(10, "needle-xz", 300)).encode())
    yield "app4.log.zst", subprocess.run(["zstd", "-q", "-c"], input=joined(plain(10, "needle-zstd", 400)).encode(), stdout=subprocess.PIPE, check=True).stdout


def main():
    corpora = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "corpora"
    for corpus, files in (("edge", edge()), ("packed", packed())):
        (corpora / corpus).mkdir(parents=True, exist_ok=True)
        for name, content in files:
            (corpora / corpus / name).write_bytes(content)


if __name__ == "__main__":
    main()
