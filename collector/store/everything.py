"""The part of the port that gives a person everything that is held about them: what an erasure would take out.

What enters: a key. What leaves: tables in the words of the data dictionary. Links of browser strength are not followed.
"""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from collector.store.datasets import Column


class Table(Struct, frozen=True):
    """One kind of what is held; `doc` says what it is. Values are as in exports."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]


class Everything(Struct, frozen=True):
    """All about one customer or visitor, as of `made`."""

    key: str
    made: int
    tables: tuple[Table, ...]


class Gone(Struct, frozen=True):
    """An erasure, by its receipt's hash."""

    hash: str
    time: int
    events: int


class Access(Protocol):
    """What a person may ask for."""

    def gone(self, hash: str) -> Gone | None:
        """The latest erasure with this receipt."""

    def everything(self, key: str, at: int) -> Everything:
        """Raises NotFound."""
