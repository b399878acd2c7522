"""A small worker that only logs: real `logging` records and real tracebacks, in three layouts at once.

    python_app.py OUT
"""
import logging
import sys
import time
from pathlib import Path

LAYOUTS = {
    "comma.log": "%(asctime)s %(levelname)s %(name)s: %(message)s",
    "dashes.log": "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
    # What logging.basicConfig() writes when nobody sets a format: no time at all.
    "basic.log": "%(levelname)s:%(name)s:%(message)s",
}

orders = logging.getLogger("shop.orders")
stock = logging.getLogger("shop.stock")


class OutOfStock(Exception):
    """Raised when an item cannot be delivered."""


def reserve(item, wanted, available):
    if wanted > available:
        raise OutOfStock(f"{item}: {wanted} wanted, {available} left")
    stock.debug("reserved %d of %s", wanted, item)


def read_basket(raw):
    name, count = raw.split("=")
    return name, int(count)


def handle(number):
    raw = ["lamp=2", "rug=1", "kettle=many", "clock=9", "radio"][number % 5]
    orders.info("order %d received, basket %r", 9000 + number, raw)
    try:
        item, wanted = read_basket(raw)
        try:
            reserve(item, wanted, 4)
        except OutOfStock as error:
            raise RuntimeError(f"order {9000 + number} cannot be delivered") from error
        orders.info("order %d accepted item=%s wanted=%d", 9000 + number, item, wanted)
    except ValueError:
        orders.exception("order %d unreadable", 9000 + number)
    except RuntimeError:
        orders.error("order %d refused", 9000 + number, exc_info=True)


def main():
    out = Path(sys.argv[1])
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    for name, layout in LAYOUTS.items():
        handler = logging.FileHandler(out / name, mode="w", encoding="utf-8")
        formatter = logging.Formatter(layout)
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        root.addHandler(handler)
    orders.warning("settings:\n  retries: 3\n  queue: orders-eu")
    for number in range(30):
        handle(number)
        time.sleep(0.02)
    orders.critical("queue closed: %s", "Käufer überlastet ✗")


main()
