"""Finding customers: what each is found by is kept as words, and a search reads only those that begin alike.

What enters: rows of `customers`, as they change; what a person typed. What leaves: `customer_words` and
`customer_spend`; pages of the list, in any of its orders.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from collector.errors import Misuse
from collector.store import SORTS, CustomerPage, CustomerRow, Money, OrderTotals
from collector.store.dossier import CustomerQuery
from collector.store.keys import customer_key
from collector.store.sqlite.ids import ids_in_sql
from collector.store.sqlite.rows import Number
from collector.store.sqlite.words import fits, sought, words_of

# A search looks at no more than this many that begin alike; whoever types more letters gets them all.
CANDIDATES_MAX = 2_000
LAST_SIGN = "\U0010ffff"
SPENT = "spent"

_COLUMNS = """
customers.customer, customers.kind, customers.name, customers.email, customers.phone, customers.first_seen,
customers.last_seen, customers.orders, customers.unconfirmed, customers.first_order, customers.last_order,
customers.money, persons.kind, persons.space, persons.value
"""
# Indexes customers_last_seen, customers_first_seen, customers_name and customers_orders, and nothing to sort.
_LIST = f"""
SELECT {_COLUMNS}, {{by}} AS sort FROM {{found}} JOIN persons ON persons.id = customers.customer
WHERE customers.deleted = 0 {{beyond}}
ORDER BY {{by}} {{direction}}, customers.customer {{direction}} LIMIT :limit
"""
_ALL = "customers"
_FOUND = "json_each(:chosen) AS chosen CROSS JOIN customers ON customers.customer = chosen.value"
# Primary key of customer_spend.
_SPENDERS = f"""
SELECT {_COLUMNS}, customer_spend.net AS sort
FROM customer_spend CROSS JOIN customers ON customers.customer = customer_spend.customer
JOIN persons ON persons.id = customers.customer
WHERE customer_spend.currency = :currency {{found}} {{beyond}}
ORDER BY customer_spend.net DESC, customer_spend.customer DESC LIMIT :limit
"""
_FOUND_SPENDER = "AND customer_spend.customer IN (SELECT value FROM json_each(:chosen))"
_BY = {
    "last_seen": "coalesce(customers.last_seen, 0)",
    "first_seen": "coalesce(customers.first_seen, 0)",
    "name": "coalesce(nullif(lower(customers.name), ''), char(1114111))",
    "orders": "customers.orders",
    SPENT: "customer_spend.net",
}
# Primary key of customer_words; index orders_number.
_BEGINNING = "SELECT DISTINCT customer FROM customer_words WHERE word >= ? AND word < ? LIMIT ?"
_NUMBERED = """
SELECT DISTINCT customer FROM orders WHERE order_id COLLATE NOCASE >= ? AND order_id COLLATE NOCASE < ?
    AND customer IS NOT NULL AND deleted = 0 LIMIT ?
"""
_WORDS_OF = f"name, phone, {ids_in_sql('customers')}, money FROM customers"
_FOUND_BY = f"SELECT {_WORDS_OF} WHERE customer = ? AND deleted = 0"
_ADD_WORD = "INSERT OR IGNORE INTO customer_words (word, customer) VALUES (?, ?)"
_TAKE_WORD = "DELETE FROM customer_words WHERE word = ? AND customer = ?"
_ADD_SPEND = "INSERT OR IGNORE INTO customer_spend (currency, net, customer) VALUES (?, ?, ?)"
_TAKE_SPEND = "DELETE FROM customer_spend WHERE currency = ? AND net = ? AND customer = ?"
_IS_FILLED = """
SELECT EXISTS (SELECT 1 FROM customer_words) OR NOT EXISTS (SELECT 1 FROM customers WHERE deleted = 0)
"""
# One step down the primary key for each currency.
_CURRENCIES = """
WITH RECURSIVE spent(currency) AS (
    SELECT min(currency) FROM customer_spend
    UNION ALL SELECT (SELECT min(currency) FROM customer_spend WHERE currency > spent.currency) FROM spent
    WHERE spent.currency IS NOT NULL)
SELECT currency FROM spent WHERE currency IS NOT NULL LIMIT 50
"""


def keep_found(conn: sqlite3.Connection, customer: int, name: str, phone: str, ids: str, money: str) -> None:
    """Before a customer's row changes to these: let its words and sums follow. `ids` and `money` are JSON.

    A row that is not live has none: a rebuild empties the tables and leaves the rows.
    """
    _follow(conn, customer, conn.execute(_FOUND_BY, (customer,)).fetchone(), (name, phone, ids, money))


def fill_found(conn: sqlite3.Connection) -> None:
    """For a file whose customers are older than these tables."""
    if conn.execute(_IS_FILLED).fetchone()[0]:
        return
    conn.execute("BEGIN IMMEDIATE")
    for customer, *row in conn.execute(f"SELECT customer, {_WORDS_OF} WHERE deleted = 0"):
        _follow(conn, customer, None, row)
    conn.execute("COMMIT")


def currencies(conn: sqlite3.Connection) -> list[str]:
    return [currency for (currency,) in conn.execute(_CURRENCIES)]


def find_customers(conn: sqlite3.Connection, query: CustomerQuery) -> CustomerPage:
    """Customers newest or most first (names from A); `q` finds by what a person would say. Raises Misuse."""
    if query.sort not in _BY:
        raise Misuse(f"sort must be one of {', '.join(SORTS)}")
    chosen = _chosen(conn, query.q.strip()) if query.q.strip() else None
    by, table, statement, found = _BY[query.sort], "customers", _LIST, _ALL if chosen is None else _FOUND
    if query.sort == SPENT:
        table, statement, found = "customer_spend", _SPENDERS, "" if chosen is None else _FOUND_SPENDER
    direction, sign = ("ASC", ">") if query.sort == "name" else ("DESC", "<")
    # The pair alone would not lead into an index on an expression.
    beyond = f"AND {by} {sign}= :value AND ({by}, {table}.customer) {sign} (:value, :customer)" if query.cursor else ""
    statement = statement.format(by=by, direction=direction, found=found, beyond=beyond)
    order = f"{query.sort} {query.currency}" if query.sort == SPENT else query.sort
    value, customer = _read_cursor(query.cursor, order) if query.cursor else (None, None)
    named = {
        "chosen": None if chosen is None else msgspec.json.encode(chosen).decode(),
        "currency": query.currency,
        "value": value,
        "customer": customer,
        "limit": query.limit + 1,
    }
    rows = conn.execute(statement, named).fetchall()
    last = rows[query.limit - 1] if len(rows) > query.limit else None
    more = msgspec.json.encode([last[15], last[0], order]).hex() if last else None
    return CustomerPage([_customer_row(row) for row in rows[: query.limit]], more)


def _follow(conn: sqlite3.Connection, customer: int, standing: Any, row: Any) -> None:
    for before, after, take, add in (
        (_words(standing), _words(row), _TAKE_WORD, _ADD_WORD),
        (_spend(standing), _spend(row), _TAKE_SPEND, _ADD_SPEND),
    ):
        conn.executemany(take, [(*each, customer) for each in before - after])
        conn.executemany(add, [(*each, customer) for each in after - before])


def _chosen(conn: sqlite3.Connection, q: str) -> list[int]:
    """The customers that a search finds, at most CANDIDATES_MAX by each way to read it."""
    chosen: dict[int, None] = {}
    for number in (q, q.removeprefix("#"), f"#{q}"):
        chosen |= dict.fromkeys(each for (each,) in conn.execute(_NUMBERED, _range(number)))
    for words in sought(q):
        longest = max(words, key=len)
        found = [each for (each,) in conn.execute(_BEGINNING, _range(longest))]
        if len(words) > 1:
            found = [each for each in found if fits(_all_words(conn, each), words)]
        chosen |= dict.fromkeys(found)
    return list(chosen)


def _range(beginning: str) -> tuple[str, str, int]:
    return beginning, beginning + LAST_SIGN, CANDIDATES_MAX


def _all_words(conn: sqlite3.Connection, customer: int) -> list[str]:
    return [word for (word,) in _words(conn.execute(_FOUND_BY, (customer,)).fetchone())]


def _words(row: Any) -> set[tuple[str]]:
    if row is None:
        return set()
    name, phone, ids, _ = row
    return {(word,) for word in words_of(name, phone, [known["value"] for known in msgspec.json.decode(ids)])}


def _spend(row: Any) -> set[tuple[str, float]]:
    if row is None:
        return set()
    return {(each["currency"], float(each["net"])) for each in msgspec.json.decode(row[3])}


def _customer_row(row: tuple[Any, ...]) -> CustomerRow:
    _, kind, name, email, phone, first_seen, last_seen, orders, unconfirmed, first, last, money, *key, _ = row
    return CustomerRow(
        key=customer_key(*key),
        kind=kind,
        name=name,
        email=email,
        phone=phone,
        first_seen=first_seen,
        last_seen=last_seen,
        orders=OrderTotals(orders, unconfirmed, first, last),
        money=msgspec.json.decode(money, type=tuple[Money, ...]),
    )


def _read_cursor(cursor: str, order: str) -> tuple[Any, int]:
    try:
        value, customer, given = msgspec.json.decode(
            bytes.fromhex(cursor), type=tuple[Number | float | str, Number, str]
        )
    except (ValueError, msgspec.DecodeError) as error:
        raise Misuse("the cursor is not one that this list gave") from error
    if given != order:
        raise Misuse("the cursor is that of a list in another order")
    return value, customer
