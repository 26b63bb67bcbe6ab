"""What Home shows follows the log: events, visits and orders -> additions to the tally.

What enters: facts, and visits, orders and customers before and after they change. What leaves: rows of `overview_*`.
Whatever is so adds one, whatever no longer is takes it away: hence the figures are the same for any order of arrival.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec
from msgspec.structs import replace

from collector.orders import Line
from collector.store.days import HOURS, QUARTER_MS, local_hour
from collector.store.sqlite.dictionary import Known
from collector.store.sqlite.facts import Fact, Facts
from collector.store.sqlite.lines import LINES_IN_SQL, read_lines
from collector.store.sqlite.overview_cells import Packing, What
from collector.store.sqlite.overview_recount import Progress, Recount
from collector.store.sqlite.overview_tally import (
    ALL_SITES,
    AWAY_DAYS_MAX,
    BUYERS,
    BUYERS_COLUMN,
    NEW_BUYERS_COLUMN,
    ORDERS_COLUMN,
    UNCONFIRMED_COLUMN,
    VISITORS,
    VISITORS_COLUMN,
    VISITS_COLUMN,
    Tally,
)
from collector.store.sqlite.overview_words import Words
from collector.visits import Visit

# (site, hour, referrer, campaign) of a visit's first event
Start = tuple[int, int, int | None, int | None]
# Of one order: (site, time, confirmed, currency, total, refunded, lines)
Sold = tuple[int, int, int, str | None, str | None, str, tuple[Line, ...]]

# Primary key of visits, then one row of the log for each.
_STARTS = """
SELECT visits.visitor, events.site, visits.first_time, events.referrer, events.campaign
FROM visits JOIN events ON events.seq = visits.first_seq WHERE visits.deleted = 0
"""
_STARTS_OF_VISITOR = f"{_STARTS} AND visits.visitor = ?"
_STARTS_OF_SOME = f"{_STARTS} AND visits.visitor > ? AND visits.visitor <= ? ORDER BY visits.visitor"
# Index orders_customer.
_PURCHASES = f"SELECT DISTINCT site, time / {QUARTER_MS} FROM orders WHERE customer = ? AND deleted = 0"
_ALL_PURCHASES = "SELECT customer, site, time FROM orders WHERE customer IS NOT NULL AND deleted = 0 ORDER BY customer"
_ALL_SOLD = f"SELECT site, time, confirmed, currency, total, refunded, {LINES_IN_SQL} FROM orders WHERE deleted = 0"
_ABOUT = f"""
SELECT orders.site, {LINES_IN_SQL} FROM orders WHERE orders.deleted = 0 AND (orders.site, orders.order_id) IN (
    SELECT site, order_id FROM order_calls WHERE seq IN (SELECT value FROM json_each(?)))
"""
_PLACE = "SELECT site, time FROM events WHERE seq = ?"
_TABLES = ("pending", "hours", "gaps", "sales", "cells", "packed", "paths", "products", "sources")
_RELEARNT_EVENTS = 50_000
_RECOUNTED_TOGETHER = 2_000
PACKED_RECOUNTING = 25  # lists of a day, each time
RECOUNTED_A_STEP = 20_000  # the writer does nothing else meanwhile: some tenths of a second


class Counting:
    """Keeps what Home shows up to the log, within the caller's transaction."""

    def __init__(self, conn: sqlite3.Connection, facts: Facts) -> None:
        self._conn, self._facts = conn, facts
        self._packing = Packing(conn)
        self._tally = Tally(conn, self._packing)
        self._words = Words(conn, facts)
        self._recount = Recount(conn)
        # The hour at a site in this quarter of an hour; site and hour of the visit whose first event this is.
        self._hours: Known[tuple[int, int], int] = Known(self._hour_of)
        self._places: Known[int, tuple[int, int]] = Known(self._place)
        # As they were before the batch: what they added is taken away when they are counted anew.
        self._visitors_before: dict[int, list[Start]] = {}
        self._customers_before: dict[int, list[tuple[int, int]]] = {}

    def forget(self) -> None:
        """Drop what is known of dictionaries: another process has written, or rows were taken out."""
        self._words.forget()
        self._recount.forget()
        self._hours.clear()
        self._places.clear()

    def roll_back(self) -> None:
        """What was not written never will be."""
        self.forget()
        self._tally.forget()
        self._packing.forget()
        self._visitors_before.clear()
        self._customers_before.clear()

    # What has happened ------------------------------------------------------------------------------------------

    def count(self, facts: Iterable[Fact], n: int = 1) -> None:
        """Views of pages and products, and what was put into carts; -1: they leave the log."""
        # Walked for every event: what is asked here is asked of dictionaries.
        whats, paths, hours, cells = self._words.whats, self._words.page_paths, self._hours, self._tally.cells
        for fact in facts:
            what = whats[fact.name_id]
            if what is None or fact.staff:
                continue
            site = fact.site
            day = hours[site, fact.key[0] // QUARTER_MS] // HOURS
            if what is not What.PAGE_VIEWS:
                key = self._words.product(site, fact.product, day)
            else:
                key = None if fact.page is None else paths[fact.page]
            if key is not None:
                cells[day, what, site, key] += n

    def began(self, visitor: int, last: Visit | None, visits: Sequence[Visit], facts: Sequence[Fact]) -> None:
        """New visits of a visitor, all behind its last; the rows of `visits` do not tell of them yet."""
        if not self._recount.holds_visitor(visitor):
            return
        seqs = {visit.first.seq for visit in visits}
        starts = [self._start_of(fact) for fact in facts if fact.seq in seqs]
        place = None if last is None else self._places[last.first.seq]
        before = None if place is None else place[1] // HOURS
        for site, hour, *_ in starts:
            if place is not None and (site != place[0] or hour < place[1]):
                # Another site, or clocks that were put back: which days are new is seen from the whole alone.
                self.touch_visitor(visitor)
                return
            place = site, hour
        for start in starts:
            self._count_visit(start, 1)
            site, hour = start[0], start[1]
            day = hour // HOURS
            if day != before:
                for scope in (ALL_SITES, site):
                    self._count_day(VISITORS, scope, hour, 0 if before is None else day - before, 1)
            before = day
        self._places[visits[-1].first.seq] = site, hour

    def touch_visitor(self, visitor: int) -> None:
        """A visitor's visits are about to change in any way: remember how they stand."""
        if visitor not in self._visitors_before and self._recount.holds_visitor(visitor):
            self._visitors_before[visitor] = self._starts(visitor)

    def change_order(self, before: Sold | None, after: Sold | None, customers: Iterable[int | None]) -> None:
        """An order is about to change, and with it what these customers have bought."""
        for customer in customers:
            if customer is not None and customer not in self._customers_before:
                self._customers_before[customer] = self._purchases(customer)
        for sold, n in ((before, -1), (after, 1)):
            if sold is not None:
                self._count_order(sold, n)

    def write(self) -> None:
        """Count anew whoever was touched, then write down all additions; `catch_up` brings them into the figures."""
        for visitor, starts in self._visitors_before.items():
            self._count_visitor(starts, -1)
            self._count_visitor(self._starts(visitor), 1)
        for customer, purchases in self._customers_before.items():
            self._count_buyer(purchases, -1)
            self._count_buyer(self._purchases(customer), 1)
        self._visitors_before.clear()
        self._customers_before.clear()
        self._words.write()
        self._tally.keep()

    def catch_up(self, lists_max: int) -> None:
        """Add what was counted of late to the figures, and pack some lists of days that are over."""
        self._tally.add()
        self._packing.step(lists_max)

    @property
    def has_days_to_pack(self) -> bool:
        return self._packing.is_due

    # What leaves, and all anew ----------------------------------------------------------------------------------

    def leave(self, seqs: list[int]) -> None:
        """These events are about to be taken out of the log."""
        chosen = msgspec.json.encode(seqs).decode()
        facts = self._facts.of_seqs(chosen)
        self.count([fact for fact in facts if self._recount.holds_event(fact.seq)], -1)
        for visitor in {fact.subject for fact in facts if fact.subject > 0}:
            self.touch_visitor(visitor)
        self._words.unname_of_facts(facts)
        for site, lines in self._conn.execute(_ABOUT, (chosen,)):
            self._words.unname(site, read_lines(lines))

    def sweep(self, projected: int) -> None:
        """When everything was derived anew: words that nothing is counted for leave, and names are learnt again."""
        self._tally.add()
        # What was packed is still in there; rows below zero say so.
        for (day,) in self._conn.execute("SELECT DISTINCT day FROM overview_cells WHERE n < 0").fetchall():
            self._packing.pack_day(day)
        self._words.sweep()
        if self._words.names_are_missing():
            self._words.learn(self._facts.since(projected - _RELEARNT_EVENTS, _RELEARNT_EVENTS), self._day_of)

    def reset(self) -> None:
        """Forget all that was counted."""
        self.roll_back()
        self._recount.end()
        for table in _TABLES:
            self._conn.execute(f"DELETE FROM overview_{table}")

    def put_off(self) -> None:
        """Everything is to be counted anew, by and by."""
        self._recount.save(Progress())

    def go_on_recounting(self, projected: int) -> None:
        """Some of what is to be counted anew, up to the last event that was taken in."""
        due = RECOUNTED_A_STEP
        while due > 0 and (now := self._recount.progress) is not None:
            if now.upto is None:
                due -= self._begin_recount(projected)
            elif now.seq < now.upto:
                due -= self._recount_events(now, now.upto)
            elif now.visitor < now.visitors:
                due -= self._recount_visitors(now)
            else:
                self._recount.end()
            self.write()
            self.catch_up(PACKED_RECOUNTING)

    def _begin_recount(self, projected: int) -> int:
        """Orders and buyers are few: at once."""
        self.reset()
        visitors = self._conn.execute("SELECT max(visitor) FROM visits").fetchone()[0]
        self._recount.save(Progress(upto=projected, visitors=visitors or 0))
        for _, rows in groupby(self._conn.execute(_ALL_PURCHASES), lambda row: row[0]):
            self._count_buyer([(site, self._hour(site, time)) for _, site, time in rows], 1)
        orders = self._conn.execute(_ALL_SOLD).fetchall()
        for *sold, lines in orders:
            self._count_order((*sold, read_lines(lines)), 1)
        return len(orders)

    def _recount_events(self, now: Progress, upto: int) -> int:
        facts = [fact for fact in self._facts.since(now.seq, _RECOUNTED_TOGETHER) if fact.seq <= upto]
        self.count(facts)
        self._recount.save(replace(now, seq=facts[-1].seq if facts else upto))
        return len(facts)

    def _recount_visitors(self, now: Progress) -> int:
        last = min(now.visitor + _RECOUNTED_TOGETHER, now.visitors)
        for _, rows in groupby(self._conn.execute(_STARTS_OF_SOME, (now.visitor, last)), lambda row: row[0]):
            self._count_visitor([self._start(row) for row in rows], 1)
        self._recount.save(replace(now, visitor=last))
        return last - now.visitor

    # Single additions -------------------------------------------------------------------------------------------

    def _count_visitor(self, starts: Sequence[Start], n: int) -> None:
        for start in starts:
            self._count_visit(start, n)
        self._count_days(VISITORS, [(site, hour) for site, hour, *_ in starts], n)

    def _count_visit(self, start: Start, n: int) -> None:
        site, hour, referrer, campaign = start
        tally = self._tally
        tally.hours[ALL_SITES, hour, VISITS_COLUMN] += n
        tally.hours[site, hour, VISITS_COLUMN] += n
        tally.cells[hour // HOURS, What.SOURCE_VISITS, site, self._words.origins[referrer, campaign]] += n

    def _count_buyer(self, purchases: Sequence[tuple[int, int]], n: int) -> None:
        self._count_days(BUYERS, purchases, n)

    def _count_days(self, what: int, places: Sequence[tuple[int, int]], n: int) -> None:
        """The days on which somebody was there, at each site and at all, and how long it was away before each."""
        for scope in {ALL_SITES, *(site for site, _ in places)}:
            hours: dict[int, int] = {}
            for site, hour in places:
                if scope in (ALL_SITES, site):
                    hours[hour // HOURS] = min(hour, hours.get(hour // HOURS, hour))
            before: int | None = None
            for day, hour in sorted(hours.items()):
                self._count_day(what, scope, hour, 0 if before is None else day - before, n)
                before = day

    def _count_day(self, what: int, scope: int, hour: int, gap: int, n: int) -> None:
        tally = self._tally
        tally.gaps[scope, what, hour // HOURS, min(gap, AWAY_DAYS_MAX)] += n
        tally.hours[scope, hour, VISITORS_COLUMN if what == VISITORS else BUYERS_COLUMN] += n
        if what == BUYERS and gap == 0:
            tally.hours[scope, hour, NEW_BUYERS_COLUMN] += n

    def _count_order(self, sold: Sold, n: int) -> None:
        site, time, confirmed, currency, total, refunded, lines = sold
        hour = self._hour(site, time)
        for scope in (ALL_SITES, site):
            self._tally.hours[scope, hour, ORDERS_COLUMN] += n
            self._tally.hours[scope, hour, UNCONFIRMED_COLUMN] += 0 if confirmed else n
        if total is not None:
            gross = Decimal(total)
            amounts = (gross, Decimal(refunded), Decimal(0) if confirmed else gross)
            self._tally.sale(site, hour, currency or "", amounts, n)
        for product in self._words.products(site, lines, hour // HOURS, learn=n > 0):
            self._tally.cells[hour // HOURS, What.PRODUCT_ORDERS, site, product] += n

    def _starts(self, visitor: int) -> list[Start]:
        return [self._start(row) for row in self._conn.execute(_STARTS_OF_VISITOR, (visitor,))]

    def _start(self, row: tuple[Any, ...]) -> Start:
        _, site, time, referrer, campaign = row
        return site, self._hour(site, time), referrer, campaign

    def _start_of(self, fact: Fact) -> Start:
        return fact.site, self._hour(fact.site, fact.key[0]), fact.referrer, fact.campaign

    def _place(self, seq: int) -> tuple[int, int]:
        site, time = self._conn.execute(_PLACE, (seq,)).fetchone()
        return site, self._hour(site, time)

    def _purchases(self, customer: int) -> list[tuple[int, int]]:
        rows = self._conn.execute(_PURCHASES, (customer,))
        return [(site, self._hours[site, quarter]) for site, quarter in rows]

    def _hour(self, site: int, ms: int) -> int:
        return self._hours[site, ms // QUARTER_MS]

    def _day_of(self, site: int, ms: int) -> int:
        return self._hour(site, ms) // HOURS

    def _hour_of(self, quarter: tuple[int, int]) -> int:
        site, number = quarter
        row = self._conn.execute("SELECT timezone FROM sites WHERE id = ?", (site,)).fetchone()
        return local_hour(row[0] if row else "UTC", number * QUARTER_MS)
