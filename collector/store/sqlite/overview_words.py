"""The words of Home: paths of pages, products with their names, sources of visits, each once, as a small integer.

What enters: ids of the log's own dictionaries, and what calls say of products. What leaves: ids of words. A word goes
when nothing is counted for it any more, as after an erasure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from collector.enrich.hosts import host_of
from collector.orders import Line
from collector.store.sqlite.dictionary import CACHED_MAX, Dictionary
from collector.store.sqlite.facts import Fact, Facts
from collector.store.sqlite.overview_cells import LEVELS, OF_PRODUCTS, What, unpack

NAME_CHARS_MAX = 300
_TRACKED = {"Product Viewed": What.PRODUCT_VIEWS, "Product Added": What.PRODUCT_ADDS}
_REFERRER = "SELECT channel, referrer FROM referrers WHERE id = ?"
_NAME = """
UPDATE overview_products SET name = :name, named = :day WHERE id = :id AND (named, name) < (:day, :name)
"""
_UNNAME = "UPDATE overview_products SET name = '', named = 0 WHERE product_id = ? AND site = ? AND name = ?"
_NAMELESS = "SELECT 1 FROM overview_products WHERE name = '' LIMIT 1"
_COUNTED_ROWS = "SELECT DISTINCT key FROM overview_cells WHERE what = ? AND n > 0"
_COUNTED_BLOCKS = "SELECT cells FROM overview_packed WHERE what = ? AND days = ?"
_USED = {
    "paths": (What.PAGE_VIEWS,),
    "products": OF_PRODUCTS,
    "sources": (What.SOURCE_VISITS,),
}


class Words:
    """The three dictionaries, for the writing connection."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts) -> None:
        self._conn, self._facts = conn, facts
        self._paths = Dictionary(conn, "overview_paths", ("path",))
        self._products = Dictionary(conn, "overview_products", ("product_id", "site"))
        self._sources = Dictionary(conn, "overview_sources", ("channel", "host", "source", "medium", "campaign"))
        self._whats: dict[int, What | None] = {}
        self._path_of_page: dict[int, int | None] = {}
        self._product_said: dict[tuple[int, tuple[str | None, ...]], int] = {}
        self._source_of: dict[tuple[int | None, int | None], int] = {}
        self._named: dict[int, tuple[int, str]] = {}
        self._unwritten: dict[int, tuple[int, str]] = {}

    def forget(self) -> None:
        for words in (self._paths, self._products, self._sources):
            words.forget()
        self._whats.clear()
        self._path_of_page.clear()
        self._product_said.clear()
        self._source_of.clear()
        self._named.clear()
        self._unwritten.clear()

    def write(self) -> None:
        """Write the names that products were given."""
        for product, (day, name) in self._unwritten.items():
            self._conn.execute(_NAME, {"id": product, "day": day, "name": name})
        self._unwritten.clear()

    def what(self, name_id: int) -> What | None:
        """What an event of this name counts as."""
        if name_id not in self._whats:
            call_type, name = self._facts.name(name_id)
            what = What.PAGE_VIEWS if call_type == "page" else _TRACKED.get(name) if call_type == "track" else None
            self._whats[name_id] = what
        return self._whats[name_id]

    def path(self, page: int | None) -> int | None:
        """The address of a page without what follows it."""
        if page is None:
            return None
        if page not in self._path_of_page:
            url: str = self._conn.execute("SELECT url FROM pages WHERE id = ?", (page,)).fetchone()[0]
            path = path_of(url)
            _make_room(self._path_of_page)
            self._path_of_page[page] = self._paths.intern(path) if path else None
        return self._path_of_page[page]

    def product(self, site: int, told: list[Any] | None, day: int) -> int | None:
        """The product of which a call says its [product_id, id, sku, name]; the name is learnt."""
        if told is None:
            return None
        said = tuple(map(_text, told))
        product = self._product_said.get((site, said))
        if product is None:
            product_id = said[0] or said[1] or said[2]
            if product_id is None:
                return None
            _make_room(self._product_said)
            product = self._product_said[site, said] = self._products.intern(product_id, site)
        self._learn(product, said[3], day)
        return product

    def products(self, site: int, lines: Sequence[Line], day: int, *, learn: bool) -> set[int]:
        """The products of an order, each once."""
        found: set[int] = set()
        for line in lines:
            product_id = line.product_id or line.sku
            if product_id:
                product = self._products.intern(product_id, site)
                found.add(product)
                if learn:
                    self._learn(product, line.name, day)
        return found

    def source(self, referrer: int | None, campaign: int | None) -> int:
        """Where a visit came from: its channel, and beneath it the campaign, or else the referring page's host."""
        key = (referrer, campaign)
        if key not in self._source_of:
            row = None if referrer is None else self._conn.execute(_REFERRER, (referrer,)).fetchone()
            channel, address = row or ("", "")
            said = self._facts.campaign(campaign)
            tagged = said is not None and (said.source or said.medium or said.name)
            host = "" if tagged else host_of(address)
            parts = (said.source, said.medium, said.name) if said is not None and tagged else ("", "", "")
            _make_room(self._source_of)
            self._source_of[key] = self._sources.intern(channel, host, *parts)
        return self._source_of[key]

    # Erasure ----------------------------------------------------------------------------------------------------

    def unname_of_facts(self, facts: Iterable[Fact]) -> None:
        """Names that these calls may have given are not theirs to give any more."""
        for fact in facts:
            if fact.product is not None and (name := _text(fact.product[3])):
                for product_id in fact.product[:3]:
                    self._conn.execute(_UNNAME, (_text(product_id), fact.site, name[:NAME_CHARS_MAX]))
        self.forget()

    def unname(self, site: int, lines: Sequence[Line]) -> None:
        """As above, of an order's lines."""
        for line in lines:
            if line.name:
                name = line.name[:NAME_CHARS_MAX]
                self._conn.execute(_UNNAME, (line.product_id or line.sku, site, name))
        self.forget()

    def names_are_missing(self) -> bool:
        return self._conn.execute(_NAMELESS).fetchone() is not None

    def learn(self, facts: Iterable[Fact], day_of: Callable[[int, int], int]) -> None:
        """Learn names again from calls of late."""
        for fact in facts:
            if not fact.staff and self.what(fact.name_id) in OF_PRODUCTS:
                self.product(fact.site, fact.product, day_of(fact.site, fact.key[0]))
        self.write()

    def sweep(self) -> None:
        """Words that nothing is counted for leave."""
        self._conn.execute("DELETE FROM overview_cells WHERE n = 0")
        for table, whats in _USED.items():
            used = set[int]().union(*(self._counted(what) for what in whats))
            unused = [row for row in self._conn.execute(f"SELECT id FROM overview_{table}") if row[0] not in used]
            self._conn.executemany(f"DELETE FROM overview_{table} WHERE id = ?", unused)
        self.forget()

    def _counted(self, what: What) -> set[int]:
        """Keys with a count above zero on some day or other."""
        sums = {key: 1 for (key,) in self._conn.execute(_COUNTED_ROWS, (what,))}
        for (packed,) in self._conn.execute(_COUNTED_BLOCKS, (what, LEVELS[-1])):
            sums.update(unpack(packed))
        return set(sums)

    def _learn(self, product: int, name: str | None, day: int) -> None:
        """The name of the latest day holds; of two on that day the greater."""
        if not name:
            return
        called = (day, name[:NAME_CHARS_MAX])
        if called > self._named.get(product, (-1, "")):
            _make_room(self._named)
            self._named[product] = self._unwritten[product] = called


def path_of(url: str) -> str:
    """The address without query and fragment; a fragment that is a route of a single-page shop stays."""
    address, _, fragment = url.partition("#")
    path = address.partition("?")[0]
    return f"{path}#{fragment.partition('?')[0]}" if fragment.startswith(("/", "!")) else path


def _text(value: Any) -> str | None:
    """An id or a name as text; numbers as they are written."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _make_room(known: dict[Any, Any]) -> None:
    if len(known) >= CACHED_MAX:
        known.clear()
