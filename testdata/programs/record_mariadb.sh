#!/bin/sh
# Records corpora/mysql/mariadb-*.log: a real MariaDB on loopback, its error log and slow-query log, then stopped.
#
#     record_mariadb.sh OUT        needs root, Debian's mariadb-server-core and mariadb-client-core
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
home=/srv/mariadb
port=13306
mkdir -p $home/data
trap 'test ! -f $home/pid || kill "$(cat $home/pid)"; rm -rf $home' EXIT
chown -R www-data $home
options="--no-defaults --user=www-data --datadir=$home/data --log-error=$home/error.log --pid-file=$home/pid --socket=$home/sock
    --bind-address=127.0.0.1 --port=$port --log-warnings=4 --slow-query-log --slow-query-log-file=$home/slow.log --long-query-time=0.02
    --log-slow-verbosity=query_plan --innodb-buffer-pool-size=16M --innodb-print-all-deadlocks=ON --default-time-zone=+00:00 --performance-schema=OFF"
mariadb-install-db --no-defaults --user=www-data --datadir=$home/data --skip-test-db --auth-root-authentication-method=normal >/dev/null 2>&1
TZ=UTC mariadbd $options 2>/dev/null &
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; test ! -S $home/sock || break; done

sql() { mariadb --no-defaults -S $home/sock -u root "$@" >/dev/null 2>&1 || true; }
sql -e "CREATE DATABASE shop; CREATE TABLE shop.stock (id int PRIMARY KEY, item varchar(40), n int); INSERT INTO shop.stock VALUES (1,'lamp',3),(2,'rug',5)"
# MariaDB leaves out "# Time:" for a second statement of the same second; a pause gives each entry its own.
slow() { sleep 1.1; sql --comments shop; }
slow <<'SQL'
SELECT item,
       SLEEP(0.03) AS slept
  FROM stock
 WHERE n > 2;
SQL
echo "SELECT SLEEP(0.05) /* # Time: 260101 00:00:00 inside a comment */;" | slow
echo 'UPDATE stock SET n = n - 1 WHERE id = 1 AND SLEEP(0.04) = 0;' | slow
for n in 1 2 3 4 5 6; do echo "SELECT SLEEP(0.0$((n + 2))), 'needle-$n', 'Kühlschrank';" | slow; done
sleep 1.1
sql shop -e "SET long_query_time = 10; BEGIN; UPDATE stock SET n=1 WHERE id=1; SELECT SLEEP(0.4); UPDATE stock SET n=1 WHERE id=2; COMMIT" & one=$!
sleep 0.1
sql shop -e "SET long_query_time = 10; BEGIN; UPDATE stock SET n=2 WHERE id=2; SELECT SLEEP(0.4); UPDATE stock SET n=2 WHERE id=1; COMMIT" & two=$!
wait $one $two
mariadb --no-defaults -h 127.0.0.1 -P $port -u nobody -pwrong -e 'SELECT 1' >/dev/null 2>&1 || true
sql -e 'SELECT * FROM shop.nothing_here'
kill "$(cat $home/pid)"
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; test -f $home/pid || break; done
cp $home/slow.log "$out/mariadb-slow.log"
# The server uid is a hash of the network card's address.
sed 's/server_uid [^ ]*/server_uid AAAAAAAAAAAAAAAAAAAAAAAAAAA=/' $home/error.log >"$out/mariadb-error.log"
