"""Finding customers: by the beginning of whatever a person on the phone would say, in any order of the list."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs
from storyteller import Shop

from collector.errors import Misuse
from collector.store.dossier import CustomerQuery
from collector.store.sqlite.finding import find_customers
from collector.store.sqlite.store import SqliteStore
from collector.store.sqlite.words import fits, sought, words_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    one = SqliteStore.open(str(tmp_path / "footfall.db"))
    yield one
    one.close()


@pytest.fixture
def shop(store: SqliteStore) -> Shop:
    shop = Shop(store)
    for user, email, name, phone in (
        ("Kd-42", "jane.doe@mail.example", "Jane Dôe-Smith", "+49 (0)170 1234567"),
        ("43", "li@other.example", "Li 李", "0170 7654321"),
        ("44", "ANN@MAIL.example", "Ann Jansen", "(415) 555-2671"),
    ):
        shop.visitor(f"v{user}").identify(user, email=email.lower(), name=name, phone=phone)
        shop.next_visit()
    shop.visitor("vKd-42").order("SHOP-1001", user="Kd-42", total="20.00", currency="EUR")
    shop.visitor("vKd-42").order("SHOP-1002", user="Kd-42", total="900", currency="SEK")
    shop.visitor("v43").order("#77", user="43", total="100", currency="EUR")
    shop.settle()
    return shop


def found(shop: Shop, q: str = "", sort: str = "name", currency: str = "") -> list[str]:
    query = CustomerQuery(q=q, sort=sort, currency=currency)
    return [row.key for row in shop.store.find_customers(query).customers]


@pytest.mark.parametrize(
    "q, wanted",
    [
        ("jane", ["Kd-42"]),
        ("JAN", ["44", "Kd-42"]),
        ("doe", ["Kd-42"]),
        ("dôe", ["Kd-42"]),
        ("smith", ["Kd-42"]),
        ("jane smith", ["Kd-42"]),
        ("smith jane", ["Kd-42"]),
        ("jane jansen", []),
        ("ane", []),
        ("李", ["43"]),
        ("jane.doe@", ["Kd-42"]),
        ("doe@mail", ["Kd-42"]),
        ("@mail.example", ["44", "Kd-42"]),
        ("kd-42", ["Kd-42"]),
        ("0170", ["Kd-42", "43"]),
        ("0170 12", ["Kd-42"]),
        ("+49 170 1234", ["Kd-42"]),
        ("00491701234567", ["Kd-42"]),
        ("+49 170 7654321", ["43"]),
        ("415.555", ["44"]),
        ("+1 (415) 555 2671", ["44"]),
        ("shop-100", ["Kd-42"]),
        ("SHOP-1002", ["Kd-42"]),
        ("77", ["43"]),
        ("#77", ["43"]),
        ("%", []),
        ("'--", []),
        ("\U0010ffff", []),
        (" ", ["44", "Kd-42", "43"]),
    ],
)
def test_a_search_reads_what_a_person_would_say(shop: Shop, q: str, wanted: list[str]) -> None:
    assert found(shop, q) == wanted


def test_who_spent_most_is_asked_for_one_currency_at_a_time(shop: Shop) -> None:
    assert shop.store.currencies() == ["EUR", "SEK"]
    assert found(shop, sort="spent", currency="EUR") == ["43", "Kd-42"]
    assert found(shop, sort="spent", currency="SEK") == ["Kd-42"]
    assert found(shop, sort="spent", currency="NOK") == []
    assert found(shop, "jane", sort="spent", currency="EUR") == ["Kd-42"]
    shop.server.track("Order Refunded", order_id="#77", amount="90")
    shop.settle()
    assert found(shop, sort="spent", currency="EUR") == ["Kd-42", "43"]


def test_what_is_no_order_of_the_list_is_misuse(shop: Shop) -> None:
    with pytest.raises(Misuse):
        found(shop, sort="money")


@pytest.mark.parametrize("sort, currency", [("last_seen", ""), ("name", ""), ("orders", ""), ("spent", "EUR")])
def test_pages_follow_each_other_through_ties(shop: Shop, sort: str, currency: str) -> None:
    for n in range(5):
        shop.server.identify(f"t{n}")
        shop.server.order(f"T{n}", user=f"t{n}", total="7.00", currency="EUR")
    shop.settle()
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(20):
        page = shop.store.find_customers(CustomerQuery(sort=sort, currency=currency, cursor=cursor, limit=2))
        seen += [row.key for row in page.customers]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == (7 if currency else 8)


def test_a_cursor_goes_on_in_the_order_in_which_it_was_given(shop: Shop) -> None:
    for sort, others in (("name", ("last_seen", "orders")), ("last_seen", ("name", "orders"))):
        page = shop.store.find_customers(CustomerQuery(sort=sort, limit=1))
        for other in others:
            with pytest.raises(Misuse, match="another order"):
                shop.store.find_customers(CustomerQuery(sort=other, cursor=page.next, limit=1))


def test_who_has_no_name_comes_last_in_the_order_of_names(shop: Shop) -> None:
    shop.server.identify("nameless")
    shop.server.identify("b", name="bea")
    shop.settle()
    assert found(shop) == ["44", "b", "Kd-42", "43", "nameless"]


def test_a_new_name_is_found_and_the_old_one_is_not(shop: Shop) -> None:
    shop.visitor("v43").identify("43", name="Lisa")
    shop.settle()
    assert found(shop, "lisa") == ["43"]
    assert found(shop, "李") == []


def test_an_id_that_was_taken_away_finds_its_own_customer(shop: Shop) -> None:
    shop.undoes("Kd-42", "email:jane.doe@mail.example")
    shop.server.track("Email Opened", email="jane.doe@mail.example")
    shop.settle()
    assert found(shop, "jane.doe@") == ["email:jane.doe@mail.example"]


def test_of_who_was_erased_no_word_is_left(shop: Shop, store: SqliteStore) -> None:
    store.erase("Kd-42", shop.passes(minutes=1))
    assert found(shop, "jane") == found(shop, "0170 12") == found(shop, "shop-") == []
    left = sqlite3.connect(store.path).execute("SELECT group_concat(word) FROM customer_words").fetchone()[0]
    assert "doe" not in left and "170123" not in left
    assert shop.store.currencies() == ["EUR"]


def test_a_rebuild_finds_the_same_and_forgets_what_is_wrong(shop: Shop, store: SqliteStore) -> None:
    def tables() -> list[tuple[object, ...]]:
        conn = sqlite3.connect(store.path)
        return [
            *conn.execute("SELECT * FROM customer_words ORDER BY 1, 2"),
            *conn.execute("SELECT * FROM customer_spend ORDER BY 1, 2, 3"),
        ]

    before = tables()
    conn = sqlite3.connect(store.path, isolation_level=None)
    conn.execute("INSERT INTO customer_words VALUES ('wrong', 1)")
    conn.execute("INSERT INTO customer_spend VALUES ('XXX', 1, 1)")
    conn.execute("DELETE FROM customer_words WHERE word = 'jane'")
    conn.close()
    store.rebuild()
    assert before == tables()


def test_a_file_from_before_there_were_words_is_searched_as_well(shop: Shop, store: SqliteStore) -> None:
    store.close()
    conn = sqlite3.connect(store.path, isolation_level=None)
    conn.execute("DELETE FROM customer_words")
    conn.execute("DELETE FROM customer_spend")
    conn.close()
    again = SqliteStore.open(store.path)
    assert [row.key for row in again.find_customers(CustomerQuery(q="jane")).customers] == ["Kd-42"]
    assert again.currencies() == ["EUR", "SEK"]
    again.close()


@pytest.mark.parametrize("sort", ["last_seen", "first_seen", "name", "orders", "spent"])
def test_a_page_of_the_list_neither_sorts_nor_goes_through_those_before_it(
    shop: Shop, store: SqliteStore, sort: str
) -> None:
    query = CustomerQuery(sort=sort, currency="EUR" if sort == "spent" else "", limit=1)
    more = store.find_customers(query).next
    asked: list[str] = []
    conn = sqlite3.connect(store.path)
    conn.set_trace_callback(asked.append)
    find_customers(conn, structs.replace(query, cursor=more))
    conn.set_trace_callback(None)
    (sql,) = asked
    plan = [step for *_, step in conn.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert plan[0].startswith("SEARCH customer") and plan[0].endswith(")"), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_words_are_few_and_short_whatever_the_name() -> None:
    words = words_of("a-" * 5_000 + " " + "b " * 500, "1" * 500, ["x" * 9_000 + "@y"])
    assert len(words) <= 48 and max(map(len, words)) <= 64
    assert words_of("", "", []) == []


@pytest.mark.parametrize(
    "name, phone, wanted",
    [
        ("José Ærø", "", "jose"),
        ("STRAẞE", "", "strasse"),
        ("Ⅷ Ｗｉｄｅ", "", "wide"),
        ("", "0049 0170 1234567", "tel 1701234567"),
        ("", "+1-415-555-2671", "tel 4155552671"),
        ("", "+353 087 1234567", "tel 871234567"),
        ("", "12", ""),
    ],
)
def test_words_have_neither_case_nor_accents_and_numbers_their_digits_alone(name: str, phone: str, wanted: str) -> None:
    words = words_of(name, phone, [])
    assert wanted in words if wanted else words == []


def test_what_fits_begins_alike() -> None:
    assert fits(["jane", "doe"], ["do", "ja"])
    assert not fits(["jane", "doe"], ["oe"])
    assert sought("") == []
