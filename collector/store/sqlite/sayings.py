"""What stored properties say, as far as derivation asks: the whole text, or what a product is called.

What enters: a row's shape, description and own values. What leaves: text, values. Shapes and descriptions are kept at
hand; they change only when rows were taken out, and then `forget` is called.
"""

from __future__ import annotations

import sqlite3
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

from collector.store.sqlite.dictionary import Known
from collector.store.sqlite.shapes import places_of, put_together

_SHAPE = "SELECT names, places FROM shapes WHERE id = ?"
_SAID = "SELECT said FROM descriptions WHERE id = ?"
_CALLED = ("product_id", "id", "sku", "name")


def exact_or_none(number: str) -> Decimal | None:
    """None for a number that nobody can read: an exponent beyond all bounds."""
    try:
        return Decimal(number)
    except InvalidOperation:
        return None


_exact = msgspec.json.Decoder(list[Any], float_hook=exact_or_none)


class Shape(NamedTuple):
    """`called`: where the values lie that a product is known by. `may_tell_order`: a name begins as those of orders."""

    names: str
    places: str
    called: tuple[int | None, ...]
    may_tell_order: bool


class Sayings:
    """Reads through one connection, the writer's."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.shapes: Known[int, Shape] = Known(self._shape)
        self._said: Known[int | None, str] = Known(self._describing)

    def forget(self) -> None:
        self.shapes.clear()
        self._said.clear()

    def text(self, shape: int, description: int | None, own: str) -> str:
        """The properties as they came."""
        names, places, _, _ = self.shapes[shape]
        return put_together(names, places, self._said[description], own)

    def product(self, shape: int, description: int | None, own: str) -> list[Any]:
        """[product_id, id, sku, name], numbers exact; None for what is not said."""
        values = _exact.decode(f"[{self._said[description]}{own}]")
        return [None if at is None else values[at] for at in self.shapes[shape].called]

    def _shape(self, shape: int) -> Shape:
        names, places = self._conn.execute(_SHAPE, (shape,)).fetchone()
        return Shape(names, places, places_of(names, places, _CALLED), '"order' in names)

    def _describing(self, description: int | None) -> str:
        if description is None:
            return ""
        said: str = self._conn.execute(_SAID, (description,)).fetchone()[0]
        return said
