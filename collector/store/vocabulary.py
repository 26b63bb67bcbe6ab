"""The part of the port that remembers which names of events and properties each site's calls have used, as hashes.

What enters: hashes of names. What leaves: the same. It never sees a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

from msgspec import Struct


class WordKind(IntEnum):
    """What names. Those under the secret key are counted apart: no stranger can use up the shop's own."""

    EVENT = 0
    PROPERTY = 1
    SERVER_EVENT = 2
    SERVER_PROPERTY = 3


class Word(Struct, frozen=True):
    """One name that one site's calls have used."""

    site: str
    kind: WordKind
    hash: int


class KnownWords(Struct, frozen=True):
    """All that were used so far, and the key with which names are hashed."""

    key: bytes
    words: list[Word]


class Vocabularies(Protocol):
    """Names in use."""

    def vocabulary(self) -> KnownWords: ...
    def put_words(self, words: Sequence[Word]) -> None: ...
