package com.example.shop;

import java.io.IOException;
import java.net.ConnectException;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.logging.Level;

/**
 * A small order and payment service that only logs: two hundred orders, some declined, some failing in several ways, so
 * that the log holds every level, stack traces with `Caused by` and `Suppressed`, and messages of several lines.
 *
 * <p>Run as {@code ShopDemo log4j2|logback|jul ORDERS}; the layout comes from the logging library's own configuration.
 */
public final class ShopDemo {
    /** What the demo needs of a logging library. */
    interface Log {
        void write(Severity severity, String message, Throwable thrown);

        default void info(String message, Object... arguments) {
            write(Severity.INFO, String.format(Locale.ROOT, message, arguments), null);
        }

        default void debug(String message, Object... arguments) {
            write(Severity.DEBUG, String.format(Locale.ROOT, message, arguments), null);
        }

        default void warn(String message, Object... arguments) {
            write(Severity.WARN, String.format(Locale.ROOT, message, arguments), null);
        }
    }

    enum Severity { DEBUG, INFO, WARN, ERROR, FATAL }

    /** A failed payment; wraps what went wrong below it. */
    static final class PaymentException extends RuntimeException {
        PaymentException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private final Log orders;
    private final Log payments;
    /** A linear congruential generator (Knuth's MMIX constants): the same demo on every Java version. */
    private long state = 20261122;

    private ShopDemo(Log orders, Log payments) {
        this.orders = orders;
        this.payments = payments;
    }

    private int below(int bound) {
        state = state * 6364136223846793005L + 1442695040888963407L;
        return (int) ((state >>> 33) % bound);
    }

    private void run(int count) throws InterruptedException {
        orders.info("OrderService started, profile=%s", "demo");
        payments.write(Severity.INFO, "effective settings:\n  gateway = https://gateway.example/v2\n  retries = 3\n  currency = EUR", null);
        for (int n = 0; n < count; n++) {
            place("ORD-" + (7000 + n));
            Thread.sleep(below(15));
        }
        orders.write(Severity.FATAL, "OrderService stops: queue closed after " + count + " orders", new IllegalStateException("queue closed"));
    }

    private void place(String order) {
        orders.info("order %s received items=%d customer=%d", order, 1 + below(5), 1000 + below(4000));
        orders.debug("basket of %s: %s", order, List.of("lamp", "rug", "kettle").subList(0, 1 + below(3)));
        try {
            charge(order, 5 + below(240));
            orders.info("order %s paid", order);
        } catch (PaymentException e) {
            orders.write(Severity.ERROR, "order " + order + " failed: " + e.getMessage(), e);
        }
    }

    private void charge(String order, int amount) {
        switch (below(12)) {
            case 0 -> payments.warn("slow gateway order=%s ms=%d", order, 800 + below(3000));
            case 1 -> {
                try {
                    connect();
                } catch (IOException e) {
                    SQLException sql = new SQLException("could not write the audit row", "08006", e);
                    sql.addSuppressed(new IllegalStateException("connection already closed"));
                    payments.write(Severity.ERROR, "ERROR: PaymentService failed to connect to DB", sql);
                    throw new PaymentException("no database for " + order, sql);
                }
            }
            case 2 -> {
                try {
                    Object[] cards = new String[0];
                    cards[below(1)] = amount;
                } catch (RuntimeException e) {
                    throw new PaymentException("card of " + order + " unreadable\nraw answer: <none>", e);
                }
            }
            default -> payments.info("authorised order=%s amount=%d.00 currency=EUR ms=%d", order, amount, 20 + below(200));
        }
    }

    private static void connect() throws IOException {
        throw new IOException("db-01:5432", new ConnectException("Connection refused"));
    }

    public static void main(String[] arguments) throws InterruptedException {
        new ShopDemo(open(arguments[0], "com.example.shop.order.OrderService"), open(arguments[0], "com.example.shop.pay.PaymentService"))
                .run(Integer.parseInt(arguments[1]));
    }

    private static Log open(String library, String name) {
        return switch (library) {
            case "log4j2" -> {
                var logger = org.apache.logging.log4j.LogManager.getLogger(name);
                yield (severity, message, thrown) -> logger.log(org.apache.logging.log4j.Level.valueOf(severity.name()), message, thrown);
            }
            case "logback" -> {
                var logger = org.slf4j.LoggerFactory.getLogger(name);
                yield (severity, message, thrown) -> {
                    switch (severity) {
                        case DEBUG -> logger.debug(message, thrown);
                        case INFO -> logger.info(message, thrown);
                        case WARN -> logger.warn(message, thrown);
                        case ERROR, FATAL -> logger.error(message, thrown);
                    }
                };
            }
            case "jul" -> {
                var logger = java.util.logging.Logger.getLogger(name);
                yield (severity, message, thrown) -> logger.logp(switch (severity) {
                    case DEBUG -> Level.FINE;
                    case INFO -> Level.INFO;
                    case WARN -> Level.WARNING;
                    case ERROR, FATAL -> Level.SEVERE;
                }, name, thrown == null ? "run" : "fail", message, thrown);
            }
            default -> throw new IllegalArgumentException(library);
        };
    }
}
