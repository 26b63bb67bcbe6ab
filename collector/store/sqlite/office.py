"""What staff keep in order: the snippet's settings and the quarantine, beside those who may come in.

What enters and leaves is the port's. It knows no event, and of a connection only who lends it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable

from collector.event import Reason
from collector.store import Quarantined
from collector.store.snippets import SnippetSettings
from collector.store.sqlite import desk, snippets
from collector.store.sqlite.access import Access


class Office(Access):
    """Half of a store, as `Access` is."""

    _conn: sqlite3.Connection
    _writing: threading.RLock

    def snippets(self) -> list[SnippetSettings]:
        return self._ask(snippets.snippets)

    def put_snippet(self, settings: SnippetSettings) -> None:
        with self._transaction() as conn:
            snippets.put_snippet(conn, settings)

    def quarantined(self, after: int, limit: int) -> list[Quarantined]:
        return self._ask(lambda conn: desk.quarantined(conn, after, limit))

    def refusals(self, site: str | None, reason: str | None, before: int | None, limit: int) -> list[Quarantined]:
        return self._ask(lambda conn: desk.refusals(conn, site, reason, before, limit))

    def refusals_by_id(self, ids: Iterable[int]) -> list[Quarantined]:
        return self._ask(lambda conn: desk.refusals_by_id(conn, ids))

    def refusal_counts(self, site: str | None) -> dict[Reason, int]:
        return self._ask(lambda conn: desk.refusal_counts(conn, site))

    def release(self, ids: Iterable[int]) -> None:
        with self._writing:
            desk.release(self._conn, ids)
