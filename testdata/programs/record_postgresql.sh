#!/bin/sh
# Records corpora/postgresql: a real PostgreSQL on loopback under four values of log_line_prefix, then stopped.
#
#     record_postgresql.sh OUT        needs root, PostgreSQL 15 (Debian), the system user postgres
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
bin=/usr/lib/postgresql/15/bin
home=$(mktemp -d)
port=15432
trap 'test ! -f "$home/data/postmaster.pid" || as_postgres "$bin/pg_ctl" -D "$home/data" -m immediate stop >/dev/null; rm -rf "$home"' EXIT
as_postgres() { (cd "$home" && setpriv --reuid=postgres --regid=postgres --clear-groups env -i PATH="$PATH" LC_ALL=C.UTF-8 TZ=UTC "$@"); }
chown postgres "$home"
as_postgres "$bin/initdb" -D "$home/data" -U shop --auth=trust --encoding=UTF8 >/dev/null
as_postgres mkdir "$home/run"
cat >>"$home/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
log_timezone = 'UTC'
log_min_duration_statement = 15
log_connections = on
log_disconnections = on
log_checkpoints = on
log_lock_waits = on
deadlock_timeout = 100ms
log_temp_files = 0
max_connections = 6
superuser_reserved_connections = 1
CONF

sql() { as_postgres psql -X -q -h 127.0.0.1 -p $port -U shop -d "${db:-postgres}" "$@" >/dev/null 2>&1 || true; }
session() {
    sql -c 'CREATE DATABASE payments'
    db=payments
    sql <<'SQL'
CREATE TABLE payments (id serial PRIMARY KEY, order_ref text UNIQUE, amount numeric(10,2) CHECK (amount > 0), note text);
INSERT INTO payments (order_ref, amount) SELECT 'ORD-' || n, n FROM generate_series(1, 50) n;
INSERT INTO payments (order_ref, amount)
VALUES ('ORD-7', 12.50);
INSERT INTO payments (order_ref, amount) VALUES ('ORD-99', -1);
SELECT p.id,
       p.amount,
       pg_sleep(0.02)
  FROM payments p
 WHERE p.order_ref = 'ORD-7'
   -- a comment in the middle: 2026-11-22 00:00:00.000 UTC [1] LOG:  not an event

   AND p.amount > 0;
SELECT * FROM missing_table;
SELEC 1;
DO $$
BEGIN
    RAISE WARNING 'stock is low for %', 'lamp' USING HINT = 'Order more lamps.';
    RAISE LOG 'needle in PL/pgSQL: %', E'first line\nsecond line';
    PERFORM 1 / 0;
END
$$;
SELECT 'Grüße aus Köln ✓', no_such_function(E'tab\there');
SQL
    # A deadlock, so that a report of many lines appears.
    sql -c "BEGIN; UPDATE payments SET note = 'a' WHERE id = 1; SELECT pg_sleep(0.3); UPDATE payments SET note = 'a' WHERE id = 2; COMMIT" &
    one=$!
    sql -c "BEGIN; UPDATE payments SET note = 'b' WHERE id = 2; SELECT pg_sleep(0.3); UPDATE payments SET note = 'b' WHERE id = 1; COMMIT" &
    two=$!
    wait $one $two
    # More sessions than max_connections.
    for _ in 1 2 3 4 5 6 7; do sql -c 'SELECT pg_sleep(0.5)' & done
    sleep 1
    sql -c 'CHECKPOINT'
    db=no_such_db
    sql -c 'SELECT 1'
    db=postgres
    sql -c 'DROP DATABASE payments'
}
run() { # run NAME PREFIX
    as_postgres "$bin/pg_ctl" -D "$home/data" -w -l "$home/$1.log" -o "-c log_line_prefix='$2'" start >/dev/null
    session
    as_postgres "$bin/pg_ctl" -D "$home/data" -w -m fast stop >/dev/null
    cp "$home/$1.log" "$out/"
}
run default '%m [%p] '
run debian '%m [%p] %q%u@%d '
run session '%t:%r:%u@%d:[%p]: '
run numbered '%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h '
