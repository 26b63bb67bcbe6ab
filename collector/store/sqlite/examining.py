"""What `footfall doctor` asks of a file, each question bounded whatever it holds, but for a deep check of soundness.

What enters: the path of a database that a collector may be running on. What leaves: read models of
`collector.store.health`. It only reads: an older schema is left as it is.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from types import TracebackType

from collector.errors import FootfallError
from collector.event import DAY_MS, Site
from collector.store import Token
from collector.store.health import Followed, Joined, Lately, OrdersLately, Refusals, Soundness, Vitals
from collector.store.sqlite import desk, sampling
from collector.store.sqlite.connection import connect, newest_schema, schema_version
from collector.store.sqlite.inbox import waiting
from collector.store.sqlite.reading import Reading
from collector.store.sqlite.soundness import faults, faults_of, must_be_footfall, tables
from collector.store.sqlite.vitals import joined, orders_lately, vitals

WEEK_DAYS = 7
STEPS_BETWEEN_LOOKS = 10_000

# Primary key of counters, from a day on.
_REFUSED = """
SELECT coalesce(sum(n) FILTER (WHERE day = ?2), 0), coalesce(sum(n) FILTER (WHERE day < ?2), 0)
FROM counters WHERE day >= ?1 AND what LIKE 'quarantined:%'
"""


class Examination:
    """An open file. Raises NotFound where there is none, Misuse where it is not ours, FootfallError where it cannot be
    read at all."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._conn = connect(path, create=False, read_only=True)
        try:
            must_be_footfall(self._conn, path)
        except sqlite3.DatabaseError as error:
            self._conn.close()
            raise FootfallError(f"{path} cannot be read: {error}") from error
        except BaseException:
            self._conn.close()
            raise

    def __enter__(self) -> Examination:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._conn.close()

    def schema(self) -> tuple[int, int]:
        """The file's, and the one that this Footfall writes."""
        return schema_version(self._conn), newest_schema()

    def readable_by_others(self) -> bool:
        return bool(os.stat(self.path).st_mode & 0o077)

    def vitals(self) -> Vitals:
        return vitals(self._conn, self.path)

    def followed(self) -> Followed:
        stats = Reading(self._conn).stats()
        return Followed(
            stats["events_last"] + waiting(self.path, stats["filed"]), stats["projected"], stats["set_aside"]
        )

    def soundness(self, *, deep: bool, within_s: float) -> Soundness:
        """All of the file where `deep`, however long that takes; else table by table until the time is over.

        On a connection of its own: a snapshot that is held for long keeps the WAL from being cut.
        """
        with closing(connect(self.path, create=False, read_only=True)) as conn:
            if deep:
                return Soundness(tuple(faults(conn, deep=True)))
            waiting = tables(conn)
            deadline_s = time.monotonic() + within_s
            conn.set_progress_handler(lambda: time.monotonic() > deadline_s, STEPS_BETWEEN_LOOKS)
            while waiting and (found := faults_of(conn, waiting[0])) is not None:
                if found:
                    return Soundness(tuple(found))
                waiting.pop(0)
            return Soundness((), tuple(waiting))

    def refusals(self, now: int) -> Refusals:
        today, before = self._conn.execute(_REFUSED, (_day(now - WEEK_DAYS * DAY_MS), _day(now))).fetchone()
        return Refusals(
            kept={reason.value: n for reason, n in desk.refusal_counts(self._conn, None).items()},
            today=today,
            a_day=before / WEEK_DAYS,
            stored_today=sampling.stored_since(self._conn, now - DAY_MS),
        )

    def joined(self) -> Joined:
        return joined(self._conn)

    def orders(self) -> OrdersLately:
        return orders_lately(self._conn)

    def lately(self, now: int) -> Lately:
        return sampling.lately(self._conn, now)

    def sites(self) -> list[Site]:
        return desk.sites(self._conn)

    def tokens(self) -> list[Token]:
        return desk.tokens(self._conn)


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%d")
