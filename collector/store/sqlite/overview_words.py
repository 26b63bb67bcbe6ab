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
from collector.store.sqlite.dictionary import CACHED_MAX, Dictionary, Known
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
        # What an event of this name counts as; the address of this page without its query; where a visit came from
        # that began by this referrer and this campaign.
        self.whats: Known[int, What | None] = Known(self._what)
        self.page_paths: Known[int, int | None] = Known(self._path)
        self.origins: Known[tuple[int | None, int | None], int] = Known(self._origin)
        self._called: Known[tuple[int, tuple[str | None, ...]], int | None] = Known(self._product)
        self._named: dict[int, tuple[int, str]] = {}
        self._unwritten: dict[int, tuple[int, str]] = {}

    def forget(self) -> None:
        for words in (self._paths, self._products, self._sources):
            words.forget()
        for known in (self.whats, self.page_paths, self.origins, self._called):
            known.clear()
        self._named.clear()
        self._unwritten.clear()

    def write(self) -> None:
        """Write the names that products were given."""
        for product, (day, name) in self._unwritten.items():
            self._conn.execute(_NAME, {"id": product, "day": day, "name": name})
        self._unwritten.clear()

    def product(self, site: int, told: list[Any] | None, day: int) -> int | None:
        """The product of which a call says its [product_id, id, sku, name]; the name is learnt."""
        if told is None:
            return None
        said = tuple(map(_text, told))
        product = self._called[site, said]
        if product is not None and said[3] is not None:
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
                if learn and line.name:
                    self._learn(product, line.name, day)
        return found

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
            if not fact.staff and self.whats[fact.name_id] in OF_PRODUCTS:
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

    def _what(self, name_id: int) -> What | None:
        call_type, name = self._facts.name(name_id)
        return What.PAGE_VIEWS if call_type == "page" else _TRACKED.get(name) if call_type == "track" else None

    def _path(self, page: int) -> int | None:
        url: str = self._conn.execute("SELECT url FROM pages WHERE id = ?", (page,)).fetchone()[0]
        path = path_of(url)
        return self._paths.intern(path) if path else None

    def _product(self, called: tuple[int, tuple[str | None, ...]]) -> int | None:
        site, (product_id, id, sku, _) = called
        known_by = product_id or id or sku
        return None if known_by is None else self._products.intern(known_by, site)

    def _origin(self, began: tuple[int | None, int | None]) -> int:
        """Its channel, and beneath it the campaign, or else the referring page's host."""
        referrer, campaign = began
        row = None if referrer is None else self._conn.execute(_REFERRER, (referrer,)).fetchone()
        channel, address = row or ("", "")
        said = self._facts.campaign(campaign)
        parts = ("", "", "") if said is None else (said.source, said.medium, said.name)
        return self._sources.intern(channel, "" if any(parts) else host_of(address), *parts)

    def _learn(self, product: int, name: str, day: int) -> None:
        """The name of the latest day holds; of two on that day the greater."""
        called = (day, name[:NAME_CHARS_MAX])
        if called > self._named.get(product, (-1, "")):
            if len(self._named) >= CACHED_MAX:
                self._named.clear()
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
