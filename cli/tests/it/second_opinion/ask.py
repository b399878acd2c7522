"""Answers questions in SQL with DuckDB, as a second opinion on trawl's statistics.

Standard input: {"rows": path, "fields": [name, …], "sql": [question, …]}, where the file has a JSON object for each event, in trawl's
order, whose values are text. Standard output: for each question its rows, or what DuckDB says is wrong.
"""

import decimal
import json
import sys

import duckdb

# `n` is the place of an event in the order of the search, `t` its time in seconds, `us` in microseconds. `num` reads a text as trawl
# does: what is no decimal number is null. `rank` sorts as trawl does: numbers by size, then text, then null.
PREPARE = """
CREATE MACRO num(v) AS CASE WHEN regexp_full_match(v, '[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?') THEN CAST(v AS DOUBLE) END;
CREATE MACRO text(v) AS CASE WHEN num(v) IS NULL THEN v END;
CREATE MACRO series(v) AS coalesce(v, 'NULL');
CREATE MACRO rest(v) AS CASE v WHEN 'NULL' THEN 2 WHEN 'OTHER' THEN 1 ELSE 0 END;
CREATE MACRO bin(us, seconds) AS us // 1000000 // seconds * seconds;
"""


def plain(cell):
    return float(cell) if isinstance(cell, decimal.Decimal) else cell


def answer(connection, sql):
    try:
        return {"rows": [[plain(cell) for cell in row] for row in connection.execute(sql).fetchall()]}
    except duckdb.Error as error:
        return {"error": str(error)}


def main():
    task = json.load(sys.stdin)
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    columns = {"n": "BIGINT", "us": "BIGINT"} | {field: "VARCHAR" for field in task["fields"]}
    connection.execute(PREPARE)
    connection.execute(
        "CREATE TABLE e AS SELECT *, us / 1000000 AS t FROM read_json(?, format = 'newline_delimited', columns = ?)",
        [task["rows"], columns],
    )
    json.dump([answer(connection, sql) for sql in task["sql"]], sys.stdout)


main()
