#!/usr/bin/env python3
"""Writes corpora/shop: one story told by the logs of a small online shop.

    make_shop.py [OUT]          default OUT: ../corpora/shop beside this script

Hosts: web-01 and web-02 (nginx), order-01 (OrderService, JSON lines), pay-01 and pay-02 (PaymentService, log4j),
db-01 (PostgreSQL and syslog), batch-01 (AutoSys). The first folder of a path is the host that wrote the file.
All stamps are UTC; the logs run from 2026-11-20 00:00 to 2026-11-21 12:00.

The story: at 14:02 on 2026-11-20 change CHG0048213 lowers max_connections on db-01 to 20 and restarts PostgreSQL.
From 14:05 the services run out of connections ("ERROR: PaymentService failed to connect to DB"), checkouts answer
500, 502 and 504, and the settlement job of 14:15 fails. The change is rolled back at 14:22; by 14:25 all is well.

Same script, same bytes: everything random comes from `random()` of one seeded generator, the only method of
Python's `random` whose sequence is promised between versions.
"""
import json
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

SEED = 20261120
START = datetime(2026, 11, 20, tzinfo=timezone.utc)
END = START + timedelta(hours=36)
CHANGE = "CHG0048213"
CHANGE_AT = START + timedelta(hours=14, minutes=2)
OUTAGE_FROM = START + timedelta(hours=14, minutes=5)
OUTAGE_TO = START + timedelta(hours=14, minutes=25)

# Orders in each hour of the 36. The lunch sale of the 20th starts at 13:00, so the outage meets the peak.
ORDERS_PER_HOUR = [2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 84, 20, 10, 8, 8, 8, 8, 6, 4, 3,
                   2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 7]

CUSTOMER_NETS = ["192.0.2", "198.51.100", "203.0.113"]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile Safari/604.1",
    "ShopApp/4.2.1 (Android 15)",
    "ShopApp/4.1.0 (iOS 18.1)",
]
BOT = "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/about)"
SCANNER = "zgrab/0.x"
PRODUCTS = ["lamp", "chair", "desk", "rug", "kettle", "radio", "clock", "mirror"]
CARDS = ["visa", "mastercard", "amex", "paypal"]

STACK = """\
java.sql.SQLTransientConnectionException: payments-pool - Connection is not available, request timed out after 3000ms.
\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)
\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:197)
\tat com.example.shop.pay.PaymentRepository.insert(PaymentRepository.java:58)
\tat com.example.shop.pay.PaymentService.charge(PaymentService.java:112)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: org.postgresql.util.PSQLException: FATAL: sorry, too many clients already
\tat org.postgresql.core.v3.ConnectionFactoryImpl.doAuthentication(ConnectionFactoryImpl.java:646)
\t... 9 more"""

UPSTREAM_EXCEPTION = """\
com.example.shop.order.UpstreamException: POST http://{pay}:8080/charge answered 503
\tat com.example.shop.order.PaymentClient.charge(PaymentClient.java:77)
\tat com.example.shop.order.OrderService.place(OrderService.java:131)"""

NULL_POINTER = """\
java.lang.NullPointerException: Cannot invoke "Card.network()" because "card" is null
\tat com.example.shop.pay.FraudCheck.score(FraudCheck.java:41)
\tat com.example.shop.pay.PaymentService.charge(PaymentService.java:97)"""


class Dice:
    """Everything random, from `random()` alone."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def chance(self, probability):
        return self._random() < probability

    def below(self, n):
        return int(self._random() * n)

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def pick(self, options):
        return options[self.below(len(options))]

    def milliseconds(self, low, high):
        return timedelta(milliseconds=self.between(low, high))

    def hex(self, digits):
        return "".join(self.pick("0123456789abcdef") for _ in range(digits))


class Logs:
    """Lines of every file with their times; written in time order, equal times in order of arrival."""

    def __init__(self):
        self._files = {}

    def add(self, path, time, text):
        self._files.setdefault(path, []).append((time, text))

    def write(self, folder):
        for path, lines in self._files.items():
            lines.sort(key=lambda line: line[0])
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes("".join(text + "\n" for _, text in lines).encode())


def in_outage(time):
    return OUTAGE_FROM <= time < OUTAGE_TO


class Shop:
    def __init__(self):
        self.dice = Dice(SEED)
        self.logs = Logs()
        self.next_order = 104200

    # One method per log: how a line looks.

    def access(self, web, time, client, request, status, size, agent, referer="-"):
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000")
        self.logs.add(f"{web}/access.log", time, f'{client} - - [{stamp}] "{request}" {status} {size} "{referer}" "{agent}"')

    def nginx_error(self, web, time, level, text):
        stamp = time.strftime("%Y/%m/%d %H:%M:%S")
        self.logs.add(f"{web}/error.log", time, f"{stamp} [{level}] 1187#1187: *{self.dice.between(20000, 90000)} {text}")

    def order(self, time, level, message, **fields):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
        record = {"@timestamp": stamp, "level": level, "logger": "com.example.shop.order.OrderService", "message": message}
        self.logs.add("order-01/order-service.json", time, json.dumps(record | fields, separators=(",", ":")))

    def payment(self, pay, time, level, text, stack=None):
        stamp = time.strftime("%Y-%m-%d %H:%M:%S,") + f"{time.microsecond // 1000:03}"
        line = f"{stamp} [pay-worker-{self.dice.between(1, 8)}] {level}: PaymentService {text}"
        self.logs.add(f"{pay}/payment-service.log", time, line if stack is None else f"{line}\n{stack}")

    def postgres(self, time, pid, session, level, text):
        stamp = time.strftime("%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03} UTC"
        who = f"{session} " if session else ""
        self.logs.add("db-01/postgresql.log", time, f"{stamp} [{pid}] {who}{level}:  {text}")

    def syslog(self, time, tag, text):
        stamp = f"{time:%b} {time.day:2} {time:%H:%M:%S}"
        self.logs.add("db-01/syslog", time, f"{stamp} db-01 {tag}: {text}")

    def autosys(self, time, text):
        self.logs.add("batch-01/event_demon.PRD.log", time, f"[{time:%m/%d/%Y %H:%M:%S}]      {text}")

    # What happens.

    def visit(self, time):
        """One customer looks around and usually orders."""
        dice = self.dice
        web = dice.pick(["web-01", "web-02"])
        client = f"{dice.pick(CUSTOMER_NETS)}.{dice.between(1, 254)}"
        agent = dice.pick(AGENTS)
        self.access(web, time, client, "GET / HTTP/1.1", 200, dice.between(5200, 5900), agent)
        time += dice.milliseconds(2000, 15000)
        product = dice.pick(PRODUCTS)
        search = f"/search?q={product}&page={dice.between(1, 3)}"
        self.access(web, time, client, f"GET {search} HTTP/1.1", 200, dice.between(2100, 8000), agent, "https://shop.example/")
        time += dice.milliseconds(3000, 20000)
        page = f"/product/{product}-{dice.between(100, 180)}"
        found = not dice.chance(0.06)
        self.access(web, time, client, f"GET {page} HTTP/1.1", 200 if found else 404, dice.between(3000, 9000) if found else 153,
                    agent, f"https://shop.example{search}")
        if not found:
            self.nginx_error(web, time, "error", f'open() "/srv/shop/html{page}" failed (2: No such file or directory), client: {client}, '
                             f'server: shop.example, request: "GET {page} HTTP/1.1", host: "shop.example"')
            return
        self.checkout(time + dice.milliseconds(5000, 30000), web, client, agent, page)

    def checkout(self, time, web, client, agent, page):
        dice = self.dice
        order = f"ORD-{self.next_order}"
        self.next_order += 1
        customer = dice.between(1000, 4999)
        amount = f"{dice.between(5, 249)}.{dice.pick(['00', '50', '90', '95', '99'])}"
        trace = dice.hex(16)
        pay = dice.pick(["pay-01", "pay-02"])
        self.order(time, "INFO", f"order {order} received", order=order, customer=customer, items=dice.between(1, 5), trace=trace)
        tries = 1
        while True:
            paid = time + dice.milliseconds(40, 300)
            if in_outage(paid) and dice.chance(0.92):
                status, done = self.payment_fails(paid, pay, web, client, order, trace)
            else:
                status, done = self.payment_succeeds(paid, pay, order, amount, trace)
            size = {200: 812, 402: 340, 500: 592, 502: 157, 504: 167}[status]
            self.access(web, done, client, "POST /checkout HTTP/1.1", status, size, agent, f"https://shop.example{page}")
            # A customer whose checkout broke presses the button again, mostly.
            if status < 500 or tries == 4 or dice.chance(0.25):
                return
            tries += 1
            time = done + dice.milliseconds(8000, 45000)

    def payment_succeeds(self, time, pay, order, amount, trace):
        dice = self.dice
        took = dice.between(35, 180) if not dice.chance(0.05) else dice.between(800, 2400)
        done = time + timedelta(milliseconds=took)
        card = dice.pick(CARDS)
        if dice.chance(0.04):
            self.payment(pay, done, "WARN", f"declined order={order} amount={amount} card={card} reason=insufficient_funds trace={trace}")
            self.order(done, "WARN", f"order {order} declined", order=order, reason="insufficient_funds", trace=trace)
            return 402, done
        self.payment(pay, done, "INFO", f"authorised order={order} amount={amount} currency=EUR card={card} ms={took} trace={trace}")
        self.order(done + dice.milliseconds(2, 9), "INFO", f"order {order} paid", order=order, amount=float(amount), duration_ms=took + 5,
                   trace=trace)
        if took > 800:
            self.postgres(done, dice.between(20100, 20140), "shop@payments", "LOG",
                          f"duration: {took - 20}.{dice.between(100, 999)} ms  statement: SELECT p.id, p.amount, c.network\n"
                          f"\tFROM payments p JOIN cards c ON c.id = p.card_id\n"
                          f"\tWHERE p.order_ref = '{order}'\n"
                          f"\tFOR UPDATE")
        return 200, done

    def payment_fails(self, time, pay, web, client, order, trace):
        dice = self.dice
        for attempt in range(1, dice.pick([2, 2, 3]) + 1):
            time += dice.milliseconds(3000, 3080)
            self.postgres(time - timedelta(milliseconds=dice.between(5, 30)), dice.between(20400, 20999), "shop@payments", "FATAL",
                          "sorry, too many clients already")
            # The first attempt shows where it came from; the retries only repeat the message.
            self.payment(pay, time, "ERROR", f"failed to connect to DB db-01:5432/payments order={order} attempt={attempt} trace={trace}",
                         STACK if attempt == 1 else None)
        stack = {"stack_trace": UPSTREAM_EXCEPTION.format(pay=pay)} if dice.chance(0.3) else {}
        self.order(time + dice.milliseconds(4, 20), "ERROR", f"order {order} failed: PaymentService answered 503", order=order,
                   upstream_status=503, trace=trace, **stack)
        done = time + dice.milliseconds(20, 60)
        status = dice.pick([500, 500, 500, 502, 504])
        if status != 500:
            cause = ("upstream prematurely closed connection while reading response header from upstream" if status == 502 else
                     "upstream timed out (110: Connection timed out) while reading response header from upstream")
            self.nginx_error(web, done, "error", f'{cause}, client: {client}, server: shop.example, request: "POST /checkout HTTP/1.1", '
                             f'upstream: "http://10.20.1.21:8080/checkout", host: "shop.example"')
        return status, done

    def customers(self):
        dice = self.dice
        for hour, orders in enumerate(ORDERS_PER_HOUR):
            for offset in sorted(dice.milliseconds(0, 3_500_000) for _ in range(orders)):
                self.visit(START + timedelta(hours=hour) + offset)

    def robots(self):
        dice = self.dice
        time = START + timedelta(minutes=3)
        while time < END:
            web = dice.pick(["web-01", "web-02"])
            if dice.chance(0.25):
                for path in ["/wp-login.php", "/.env", "/admin/config.php"]:
                    self.access(web, time, "192.0.2.66", f"GET {path} HTTP/1.1", 404, 153, SCANNER)
                    time += dice.milliseconds(100, 900)
            else:
                self.access(web, time, "198.51.100.7", f"GET /product/{dice.pick(PRODUCTS)}-{dice.between(100, 180)} HTTP/1.1", 200,
                            dice.between(3000, 9000), BOT)
            time += dice.milliseconds(600_000, 1_500_000)
        time = START + timedelta(seconds=12)
        while time < END:
            for web in ["web-01", "web-02"]:
                self.access(web, time, "10.20.0.5", "GET /health HTTP/1.1", 200, 2, "lb-probe/1.0")
            time += timedelta(minutes=20)

    def payment_background(self):
        dice = self.dice
        for pay in ["pay-01", "pay-02"]:
            time = START + timedelta(seconds=40)
            while time < END:
                outage = in_outage(time)
                active = 20 if outage else dice.between(1, 9)
                waiting = dice.between(6, 25) if outage else 0
                self.payment(pay, time, "WARN" if outage else "INFO", f"pool=payments-pool active={active} idle={0 if outage else 20 - active} waiting={waiting}")
                time += timedelta(minutes=5 if START + timedelta(hours=13) <= time < START + timedelta(hours=15) else 60)
        for hours, pay in [(9.37, "pay-01"), (20.81, "pay-02"), (33.2, "pay-01")]:
            self.payment(pay, START + timedelta(hours=hours), "ERROR", "fraud check failed, order accepted without score", NULL_POINTER)

    def database(self):
        dice = self.dice
        time = START + timedelta(minutes=4, milliseconds=217)
        while time < END:
            self.postgres(time, 812, None, "LOG", "checkpoint starting: time")
            took = dice.between(4000, 60000)
            self.postgres(time + timedelta(milliseconds=took), 812, None, "LOG",
                          f"checkpoint complete: wrote {dice.between(40, 900)} buffers ({dice.between(1, 5)}.{dice.between(0, 9)}%); 0 WAL file(s) "
                          f"added, 0 removed, 0 recycled; write={took // 1000}.{took % 1000:03} s, sync=0.0{dice.between(10, 60)} s")
            time += timedelta(minutes=45)
        for hours in (8.6, 11.25, 16.4, 32.7):
            time = START + timedelta(hours=hours)
            pid = dice.between(20100, 20140)
            self.postgres(time, pid, "shop@payments", "ERROR", 'duplicate key value violates unique constraint "payments_order_ref_key"')
            self.postgres(time, pid, "shop@payments", "DETAIL", f"Key (order_ref)=(ORD-{dice.between(104000, 104199)}) already exists.")
            self.postgres(time, pid, "shop@payments", "STATEMENT", "INSERT INTO payments (order_ref, amount, currency)\n\tVALUES ($1, $2, $3)")
        for restart in (CHANGE_AT + timedelta(seconds=38), OUTAGE_TO - timedelta(seconds=95)):
            steps = ["received fast shutdown request", "aborting any active transactions", "shutting down", "database system is shut down",
                     "starting PostgreSQL 15.18 on x86_64-pc-linux-gnu, 64-bit", 'listening on IPv4 address "0.0.0.0", port 5432',
                     "database system is ready to accept connections"]
            for step, text in enumerate(steps):
                self.postgres(restart + timedelta(milliseconds=410 * step), 811, None, "LOG", text)

    def change(self):
        for minutes, seconds, text in [
            (0, 3, f'change={CHANGE} state=started host=db-01 requester=mkeller summary="lower max_connections from 200 to 20"'),
            (0, 21, f"change={CHANGE} state=running step=write_config file=/etc/postgresql/15/main/postgresql.conf"),
            (0, 37, f"change={CHANGE} state=running step=restart service=postgresql"),
            (1, 2, f"change={CHANGE} state=completed result=ok"),
            (20, 30, f'change={CHANGE} state=rollback host=db-01 requester=oncall summary="restore max_connections=200"'),
            (21, 20, f"change={CHANGE} state=running step=restart service=postgresql"),
            (21, 50, f"change={CHANGE} state=rolled_back result=ok"),
        ]:
            self.syslog(CHANGE_AT + timedelta(minutes=minutes, seconds=seconds), "change-runner[31337]", text)
        for seconds in (38, 1285):
            at = CHANGE_AT + timedelta(seconds=seconds)
            self.syslog(at, "systemd[1]", "Stopping postgresql@15-main.service - PostgreSQL Cluster 15-main...")
            self.syslog(at + timedelta(seconds=3), "systemd[1]", "Started postgresql@15-main.service - PostgreSQL Cluster 15-main.")
        self.syslog(CHANGE_AT - timedelta(seconds=15), "sshd[31330]", "Accepted publickey for mkeller from 10.20.9.14 port 50112 ssh2: ED25519")
        self.syslog(CHANGE_AT + timedelta(minutes=19, seconds=55), "sshd[31702]", "Accepted publickey for oncall from 10.20.9.15 port 50990 ssh2: ED25519")
        self.autosys(CHANGE_AT + timedelta(seconds=5), f"CAUAJM_I_40245 EVENT: SET_GLOBAL       GLOBAL: CHANGE-db-01 = {CHANGE}")

    def syslog_background(self):
        dice = self.dice
        time = START + timedelta(minutes=17, seconds=1)
        while time < END:
            self.syslog(time, f"CRON[{dice.between(11000, 30000)}]", "(root) CMD (run-parts --report /etc/cron.hourly)")
            time += timedelta(hours=1)
        for _ in range(24):
            time = START + timedelta(seconds=dice.below(36 * 3600))
            pid = dice.between(11000, 30000)
            port = dice.between(40000, 60000)
            user = dice.pick(["admin", "oracle", "test", "postgres"])
            self.syslog(time, f"sshd[{pid}]", f"Failed password for invalid user {user} from 192.0.2.66 port {port} ssh2")
            self.syslog(time + timedelta(seconds=1), f"sshd[{pid}]", f"Connection closed by invalid user {user} 192.0.2.66 port {port} [preauth]")

    def batch(self):
        run = 0
        for day in range(2):
            for minutes, job, box in [(60, "SHOP_NIGHTLY_BOX", None), (61, "SHOP_ORDERS_EXPORT", 1), (70, "SHOP_STOCK_SYNC", 1), (95, "SHOP_INVOICE_RUN", 1)]:
                run += 1
                failed = day == 1 and job == "SHOP_STOCK_SYNC"
                self.job(START + timedelta(days=day, minutes=minutes, seconds=1), job, 380 if box else 3300, run, 2 if failed else 0)
        for hour in range(36):
            at = START + timedelta(hours=hour, minutes=15, seconds=1)
            run += 1
            self.job(at, "SHOP_PAYMENT_SETTLE", 45, run, 1 if in_outage(at) else 0)
            run += 1
            at += timedelta(minutes=5)
            self.job(at, "SHOP_FRAUD_SCORE", 20, run, 1 if in_outage(at) else 0)
        again = START + timedelta(hours=14, minutes=31, seconds=12)
        self.autosys(again, "CAUAJM_I_40245 EVENT: FORCE_STARTJOB   JOB: SHOP_PAYMENT_SETTLE")
        self.job(again + timedelta(seconds=1), "SHOP_PAYMENT_SETTLE", 61, run + 1, 0)

    def job(self, time, job, seconds, run, exit_code):
        machine = "batch-01"
        self.autosys(time, f"CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: STARTING        JOB: {job} MACHINE: {machine}")
        self.autosys(time + timedelta(seconds=1), f"CAUAJM_I_10082 [{machine} connected for {job} {1200 + run}.{run}.1]")
        self.autosys(time + timedelta(seconds=1), f"CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: RUNNING         JOB: {job} MACHINE: {machine}")
        end = time + timedelta(seconds=seconds)
        status = "FAILURE" if exit_code else "SUCCESS"
        self.autosys(end, f"CAUAJM_I_40245 EVENT: CHANGE_STATUS    STATUS: {status}         JOB: {job} MACHINE: {machine} EXITCODE:  {exit_code}")
        if exit_code:
            self.autosys(end, f"CAUAJM_I_40245 EVENT: ALARM            ALARM: JOBFAILURE JOB: {job} EXITCODE:  {exit_code}")

    def run(self):
        self.customers()
        self.robots()
        self.payment_background()
        self.database()
        self.change()
        self.syslog_background()
        self.batch()
        return self.logs


def main():
    default = Path(__file__).resolve().parent.parent / "corpora" / "shop"
    Shop().run().write(Path(sys.argv[1]) if len(sys.argv) > 1 else default)


if __name__ == "__main__":
    main()
