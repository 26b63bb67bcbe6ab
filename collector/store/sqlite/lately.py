"""What a customer has done lately that matters: the cart as it lies now, and what went wrong last.

What enters: spans of events. What leaves: the fold of the calls about the cart, and the newest troubles. Both look
through no more than the newest LOOKED_BACK_MAX events, by the index alone, and read few rows of the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from collector import cart, trouble
from collector.cart import Cart, CartCall
from collector.properties import exact_properties
from collector.store.dossier import LOOKED_BACK_MAX, TROUBLES_MAX, Moment, Trouble
from collector.store.sqlite.scanning import Span, newest
from collector.store.sqlite.timeline import Row, Timeline

CART_CALLS_MAX = 200
# Searches that found something look like those that did not until they are read.
CANDIDATES_MAX = 200
# A shop has some hundred names; who makes up a million has them looked at no further than this.
NAMES_MAX = 2_000

_NAMES = "SELECT id, type, name FROM names ORDER BY id LIMIT ?"


def cart_now(conn: sqlite3.Connection, spans: list[Span]) -> Cart:
    """What lies in the cart."""
    found = _look(conn, spans, CART_CALLS_MAX, lambda type, name: type == "track" and name in cart.CALLS)
    calls = [CartCall(each.time, each.name, _properties(each)) for each in reversed(found)]
    return cart.fold(calls)


def last_trouble(conn: sqlite3.Connection, spans: list[Span]) -> tuple[Trouble, ...]:
    """What went wrong last, newest first."""
    found = _look(conn, spans, CANDIDATES_MAX, trouble.may_tell)
    told = ((trouble.told_by(each.type, each.name, _properties(each)), each) for each in found)
    return tuple(Trouble(what, moment) for what, moment in told if what)[:TROUBLES_MAX]


def moments(rows: Iterable[Row]) -> tuple[Moment, ...]:
    """Rows of a timeline as moments, in the same order."""
    return tuple(
        Moment(seq=row[3], time=row[0], type=row[4], name=row[5], url=row[8], title=row[9], properties=row[13])
        for row in rows
    )


def _look(
    conn: sqlite3.Connection, spans: list[Span], wanted: int, fits: Callable[[str, str], bool]
) -> tuple[Moment, ...]:
    names = [id for id, type, name in conn.execute(_NAMES, (NAMES_MAX,)) if fits(type, name)]
    if not names:
        return ()
    found = newest(conn, spans, wanted, names=names, looked_at_max=LOOKED_BACK_MAX)
    return moments(row for _, row, _ in Timeline(conn).fitting(found)[:wanted])


def _properties(moment: Moment) -> dict[str, Any]:
    """What cannot be read (a number beyond all exponents) was not said."""
    try:
        return exact_properties(moment.properties)
    except (msgspec.DecodeError, ArithmeticError):
        return {}
