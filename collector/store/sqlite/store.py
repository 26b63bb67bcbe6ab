"""One SQLite file: the log and all that is derived from it, behind the port of `collector.store`.

What enters and leaves is the port's. One connection writes (the writer's thread, or a command); look-ups and exports
have connections of their own that only read. It knows nothing of the web.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from collector.errors import Misuse, NotFound, Unavailable
from collector.event import Event, Site
from collector.store import (
    SORTS,
    ActivityPage,
    ActivityQuery,
    CustomerPage,
    Entry,
    Export,
    ExportQuery,
    Left,
    Outcome,
    Profile,
    Progress,
    Receipt,
    Tally,
)
from collector.store.beginnings import Beginning
from collector.store.dossier import CustomerQuery, Dossier, Story
from collector.store.everything import Everything, Gone
from collector.store.health import Joined, Lately, OrdersLately, Vitals
from collector.store.overview import Overview, OverviewQuery
from collector.store.prospects import ProspectPage, ProspectQuery
from collector.store.recent import Arrival, Changed, Happening
from collector.store.retention import Retention
from collector.store.scrubbing import Soiled
from collector.store.sqlite import ageing, desk, finding, sampling, unlinking
from collector.store.sqlite.ageing import Ageing
from collector.store.sqlite.audit import AuditLog
from collector.store.sqlite.beginnings import beginning
from collector.store.sqlite.care import Care
from collector.store.sqlite.choosing import NOT_SURVEYED, Choosing, Survey
from collector.store.sqlite.connection import (
    BUSY_MS_MAX,
    CHECKPOINT_AT_LAST_PAGES,
    CHECKPOINT_PAGES,
    connect,
    is_the_files,
)
from collector.store.sqlite.consenting import Consenting
from collector.store.sqlite.dictionary import Dictionaries
from collector.store.sqlite.erasures import SOILED, Erasures, look_for_remains
from collector.store.sqlite.everything import everything, gone
from collector.store.sqlite.exporting import export
from collector.store.sqlite.filing import Filing
from collector.store.sqlite.graveyard import Erasure
from collector.store.sqlite.hash_keys import hash_key
from collector.store.sqlite.inbox import Inbox, waiting
from collector.store.sqlite.intake import PART_EVENTS, Intake
from collector.store.sqlite.keeping import Keeping
from collector.store.sqlite.log import Appender
from collector.store.sqlite.mids import Mids
from collector.store.sqlite.office import Office
from collector.store.sqlite.overview import overview
from collector.store.sqlite.projection import Projection
from collector.store.sqlite.prospects import Prospecting
from collector.store.sqlite.readers import Readers
from collector.store.sqlite.reading import Reading
from collector.store.sqlite.recent import End
from collector.store.sqlite.stories import Stories
from collector.store.sqlite.tombstones import Tombstones
from collector.store.sqlite.unsettled import is_unsettled
from collector.store.sqlite.usage import Usage
from collector.store.sqlite.vitals import joined, orders_lately, vitals
from collector.store.touched import Touched

T = TypeVar("T")


class SqliteStore(Office):
    """The store of one file. Open it with `SqliteStore.open`."""

    def __init__(self, path: str, conn: sqlite3.Connection) -> None:
        self.path = path
        self._conn = conn
        self._writing = threading.RLock()
        self._readers = Readers(path)
        self._words = Dictionaries(conn)
        self._hash_key = hash_key(conn, "erasure_key")
        self._tombstones = Tombstones(conn, self._hash_key)
        consenting = Consenting(conn, self._hash_key)
        asked = (self._tombstones, consenting)
        self._appender = Appender(conn, self._words, Mids(conn, hash_key(conn, "mid_key")), asked)
        self._inbox = Inbox(path, hash_key(conn, "inbox_key"))
        self._care = Care(conn, self._transaction)
        self._intake = Intake(conn, self._inbox, self._appender, self._care)
        self._keeping = Keeping(self._readers, self._inbox, self._hash_key)
        self._projection = Projection(conn, self._words, self._care)
        self._progress = Progress()
        self._data_version = 0
        parts = (self._projection, self._appender, self._tombstones, consenting)
        self._erasures = Erasures(conn, path, self._hash_key, parts, self._inbox, self._transaction)
        finding.fill_found(conn)

    @classmethod
    def open(cls, path: str, *, create: bool = True, busy_ms: int = BUSY_MS_MAX) -> SqliteStore:
        """Open the file, made and brought up to date where needed. Raises NotFound, Misuse.

        `busy_ms`: how long a write waits for another process that is writing.
        """
        conn = connect(path, create=create)
        conn.execute(f"PRAGMA busy_timeout = {busy_ms}")
        return cls(path, conn)

    def close(self) -> None:
        self._keeping.close()
        self._conn.close()

    # The log --------------------------------------------------------------------------------------------------

    def accept(self, events: Sequence[Event]) -> int | None:
        return self._keeping.accept(events)

    def discard(self, filed: int) -> None:
        self._keeping.discard(filed)

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        # What was accepted before comes first; what tells of no visitor has no place among it.
        ordered = any(isinstance(entry, Event) or (isinstance(entry, Left) and entry.withdrawal) for entry in entries)

        def work() -> tuple[Tally, list[Outcome]]:
            tally = self._intake.file_all() if ordered else Tally()
            return tally, self._appender.append(entries)

        tally, outcomes = self._care.done(work)
        self._progress.tally.add(tally)
        return outcomes

    def follow(self, events_max: int = 100) -> bool:
        self._erasures.clean_if_due()
        # Nobody waits for this, so here the WAL is brought into the file.
        self._conn.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        try:
            more, progress = self._care.done(lambda: self._step(events_max))
        finally:
            self._conn.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_AT_LAST_PAGES}")
        progress.tally.add(self._progress.tally)
        self._progress = progress
        return more

    def _step(self, events_max: int) -> tuple[bool, Progress]:
        tally, left, more = Tally(), events_max, True
        while more and left > 0:
            part = min(PART_EVENTS, left)
            taken, outcomes = self._intake.file(part)
            derived = self._projection.follow(max(part, taken))
            tally.add(outcomes)
            left -= max(part, taken)
            more = max(taken, derived) >= part or self._projection.has_days_to_pack
        filed, current = self._intake.filed(), self._projection.is_up_to_the_log
        return more, Progress(filed, filed if current else None, tally)

    def file_accepted(self) -> None:
        """Have all that was accepted before in the log, for whoever copies the file. Raises Unavailable."""
        self._care.done(self._intake.file_all)
        self._inbox.remove(self._intake.filed())

    def progress(self) -> Progress:
        told, self._progress = self._progress, Progress()
        return told

    def rebuild(self) -> int:
        taken_in = 0
        with self._care.taken(), self._transaction():
            self._projection.reset()
            while n := self._projection.follow(5_000):
                taken_in += n
            self._projection.sweep()
        return taken_in

    def unlink(self, key: str, visitor: str, at: int) -> None:
        self._catch_up()
        with self._transaction() as conn:
            taken = unlinking.unlink(conn, self._customer(key), key, visitor, at)
            self._projection.resettle(visitors=[taken])

    def undo_link(self, key: str, id: str, at: int) -> None:
        self._catch_up()
        with self._transaction() as conn:
            persons = unlinking.undo_link(conn, self._customer(key), key, id, at)
            self._projection.resettle(persons=persons)

    def erase(self, key: str, at: int, survey: Any = NOT_SURVEYED) -> Receipt:
        self._catch_up()
        return self._erasures.erase(key, at, survey)

    def erase_browsing(self, site: str, visitor: str, at: int) -> Receipt:
        self._catch_up()
        return self._erasures.erase_browsing(site, visitor, at)

    def erase_again(self, erasures: list[Erasure]) -> int:
        """What a restored backup still holds of those who were erased; returns the number of events taken out."""
        self._catch_up()
        return self._erasures.erase_again(erasures)

    def soiled(self) -> Soiled | None:
        mark = self._ask(lambda conn: conn.execute(SOILED).fetchone())
        return Soiled(mark[0], look_for_remains(self.path)) if mark else None

    def blank(self, places: Sequence[int]) -> None:
        self._erasures.blank(places)

    def scrubbed(self, mark: str) -> None:
        self._erasures.scrubbed(mark)

    def age(self, now: int) -> bool:
        self._catch_up()
        with self._transaction() as conn:
            more = Ageing(conn, self._projection).step(now)
            self._appender.forget()
            return more

    def survey_aged(self) -> Usage | None:
        return self._ask(ageing.survey)

    def sweep_aged(self, survey: Usage) -> None:
        with self._transaction() as conn:
            Ageing(conn, self._projection).sweep(survey)
            AuditLog(conn, self._hash_key).forget_absent()
            self._appender.forget()
        self._erasures.clean()

    # Reading --------------------------------------------------------------------------------------------------

    def profile(self, key: str) -> Profile | None:
        return self._read(lambda reading: reading.profile(key))

    @contextmanager
    def snapshot(self, within_s: float | None = None) -> Iterator[None]:
        with self._readers.snapshot(within_s):
            yield

    def is_unsettled(self, key: str, touched: Touched) -> bool:
        return self._ask(lambda conn: is_unsettled(conn, key, touched))

    def activity(self, key: str, query: ActivityQuery) -> ActivityPage | None:
        return self._read(lambda reading: reading.activity(key, query))

    def customers(self, q: str, sort: str, cursor: str | None, limit: int) -> CustomerPage:
        if sort not in SORTS:
            raise Misuse(f"sort must be one of {', '.join(SORTS)}")
        return self.find_customers(CustomerQuery(q=q, sort=sort, cursor=cursor, limit=limit))

    def find_customers(self, query: CustomerQuery) -> CustomerPage:
        return self._ask(lambda conn: finding.find_customers(conn, query))

    def currencies(self) -> list[str]:
        return self._ask(finding.currencies)

    def dossier(self, key: str) -> Dossier | None:
        return self._ask(lambda conn: Filing(conn).dossier(key))

    def story(self, key: str, query: ActivityQuery) -> Story | None:
        return self._ask(lambda conn: Stories(conn).story(key, query))

    def event_names(self, key: str) -> list[str]:
        return self._ask(lambda conn: Stories(conn).event_names(key))

    def unlinked_at(self, key: str, visitor: str) -> int | None:
        return self._ask(lambda conn: Filing(conn).unlinked_at(key, visitor))

    def undone_at(self, key: str, id: str) -> int | None:
        return self._ask(lambda conn: Filing(conn).undone_at(key, id))

    def prospects(self, query: ProspectQuery) -> ProspectPage:
        return self._ask(lambda conn: Prospecting(conn).page(query))

    def present(self, site: str | None, since: int) -> int:
        return self._ask(lambda conn: Prospecting(conn).present(site, since))

    def arrivals(self, after: int, limit: int) -> list[Arrival]:
        return self._ask(lambda conn: End(conn).arrivals(after, limit))

    def happenings(self, seqs: Sequence[int]) -> list[Happening]:
        return self._ask(lambda conn: End(conn).happenings(seqs))

    def changed(self, seqs: Sequence[int], since: int | None) -> Changed:
        return self._ask(lambda conn: End(conn).changed(seqs, since))

    def everything(self, key: str, at: int) -> Everything:
        return self._ask(lambda conn: everything(conn, self._hash_key, key, at))

    def gone(self, hash: str) -> Gone | None:
        return gone(self._readers.conn(), hash)

    def survey(self, key: str, at: int) -> Survey:
        return self._ask(lambda conn: Choosing(conn, self._hash_key).survey(key, at))

    def stats(self) -> dict[str, int]:
        stats = self._read(lambda reading: reading.stats())
        return stats | {"backlog": stats["backlog"] + waiting(self.path, stats.pop("filed"))}

    def vitals(self) -> Vitals:
        return self._ask(lambda conn: vitals(conn, self.path))

    def joined(self) -> Joined:
        return self._ask(joined)

    def orders_lately(self) -> OrdersLately:
        return self._ask(orders_lately)

    def lately(self, now: int) -> Lately:
        return self._ask(lambda conn: sampling.lately(conn, now))

    def export(self, dataset: str, query: ExportQuery) -> Export:
        return export(self.path, dataset, query)

    def overview(self, query: OverviewQuery) -> Overview:
        return self._ask(lambda conn: overview(conn, query))

    # Settings -------------------------------------------------------------------------------------------------

    def sites(self) -> list[Site]:
        return self._ask(desk.sites)

    def put_site(self, site: Site) -> None:
        with self._transaction() as conn:
            moved = any(each.name == site.name and each.timezone != site.timezone for each in desk.sites(conn))
            desk.put_site(conn, site)
            if moved:
                self._projection.put_off_counts()

    def remove_site(self, name: str, at: int) -> None:
        with self._transaction() as conn:
            desk.remove_site(conn, name, at)

    def retentions(self) -> list[Retention]:
        return ageing.retentions(self._readers.conn())

    def put_retention(self, retention: Retention) -> None:
        with self._transaction() as conn:
            ageing.put_retention(conn, retention)

    def beginning(self, site: str, since_day: str) -> Beginning:
        return self._ask(lambda conn: beginning(conn, site, since_day))

    # Connections ----------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction of the writer, on disk when it ends. Raises Unavailable, and then nothing was kept."""
        with self._writing:
            try:
                self._conn.execute("BEGIN IMMEDIATE")
                self._notice_others()
                yield self._conn
                self._conn.execute("COMMIT")
            except BaseException as error:
                self._roll_back()
                if is_the_files(error):
                    raise Unavailable(f"the database cannot be written: {error}") from error
                raise

    def _roll_back(self) -> None:
        if self._conn.in_transaction:
            # A disk that failed may fail again here; the transaction is over all the same.
            with suppress(sqlite3.OperationalError):
                self._conn.execute("ROLLBACK")
        self._appender.forget()
        self._intake.forget()
        self._projection.roll_back()

    def _notice_others(self) -> None:
        version = self._conn.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self._data_version = version
            self._appender.forget()
            self._projection.forget()

    def _read(self, ask: Callable[[Reading], T]) -> T:
        return self._ask(lambda conn: ask(Reading(conn)))

    def _ask(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        return self._readers.ask(ask)

    def _catch_up(self) -> None:
        while self.follow(2_000):
            pass
        self._inbox.remove(self._intake.filed())

    def _customer(self, key: str) -> int:
        customer = Reading(self._conn).customer(key)
        if customer is None:
            raise NotFound(f"there is no customer {key}")
        return customer
