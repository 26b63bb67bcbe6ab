"""Courses: how far the walk over a visitor's claims has come, for those who have very many.

What enters: claims, each with the visit that it falls into. What leaves: the spans that may still change; those before
them are retired: nothing but a claim from before can touch them, and then the course begins anew. So a further claim
costs a few steps and not all before it. It reads nothing itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import msgspec

from collector.identity import Claim, Place, Stay, Tenancy, Unlink, Walk, Why, live

# Claims that a course keeps at hand, and may go back by; fewer than that need no course.
KEPT = 64
COURSES_MAX = 500

Row = tuple[Claim, Stay]

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Row]).decode


class Course:
    """`retired`: how many rows of the visitor's set are written for good."""

    def __init__(self, start: Walk, rows: Iterable[Row], unlinks: Sequence[Unlink]) -> None:
        self._start, self._unlinks = start, unlinks
        self._rows = sorted(rows, key=lambda row: row[0].key)
        self._packed: bytes | None = None
        self._behind: Place | None = None  # the last claim that `start` has walked over
        self.retired = 0
        self.suppressed: frozenset[int] = frozenset()

    def rest(self) -> None:
        """Take a twentieth of the room, until it is gone on with."""
        self._packed, self._rows = zlib.compress(_pack(self._rows), 1), []

    def wake(self) -> None:
        """Call it first after `rest`."""
        if self._packed is not None:
            self._rows = _unpack(zlib.decompress(self._packed))
            self._packed = None

    @property
    def is_long(self) -> bool:
        return len(self._rows) >= 2 * KEPT

    @property
    def plain(self) -> bool:
        """Whether nothing but the visitor's own calls made it what it is: each claim lies in a visit, none is cut."""
        return not self._start.cuts and all(claim.why is not Why.ALIAS for claim, _ in self._rows)

    def reaches(self, place: Place) -> bool:
        """Whether what happens at a place lies in what may still change."""
        return self._behind is None or place > self._behind

    @property
    def retires(self) -> bool:
        """Whether there are so many claims that some were left behind."""
        return self._behind is not None

    def seqs_of_last_stay(self) -> set[int]:
        """Handles of the claims that fall into the last visit: it may have gone on since."""
        last = self._rows[-1][1].first if self._rows else None
        return {claim.seq for claim, stay in self._rows if stay.first == last}

    def put(self, seqs: set[int], rows: Iterable[Row]) -> bool:
        """These are the claims of those events now; False where one lies too far back."""
        rows = list(rows)
        at_hand = {claim.seq for claim, _ in (*self._rows, *rows)}
        if not (seqs <= at_hand and all(self.reaches(claim.key) for claim, _ in rows)):
            return False
        self._rows = sorted([*(row for row in self._rows if row[0].seq not in seqs), *rows], key=lambda row: row[0].key)
        return True

    def walk(self) -> Walk:
        """A walk over all claims so far."""
        walk = self._start.copy()
        walk.go(self._live(self._rows))
        return walk

    def retire(self, spans: list[Tenancy], written: list[bool]) -> None:
        """Leave behind all but the last claims. `spans` are those of `walk`, and whether each has a row."""
        at = len(self._rows) - KEPT
        while 0 < at < len(self._rows) and self._rows[at][0].key == self._rows[at - 1][0].key:
            at += 1  # what is told of one event is weighed together
        if not 0 < at < len(self._rows):
            return
        before, self._rows = self._rows[:at], self._rows[at:]
        self._start.go(self._live(before))
        self._behind = before[-1][0].key
        # The end of the last span is the first event behind it, which may come late.
        left = max(0, len(self._start.spans) - 1)
        self._start.spans = self._start.spans[left:]
        self.retired += sum(written[:left])

    def _live(self, rows: list[Row]) -> list[Row]:
        stays = {(claim.seq, claim.why): stay for claim, stay in rows}
        return [(claim, stays[claim.seq, claim.why]) for claim in live([claim for claim, _ in rows], self._unlinks)]
