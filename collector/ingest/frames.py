"""What the writer, its scribe and that one's follower say to each other: frames of MessagePack, each after its length.

What enters: entries, work to be done, answers. What leaves: bytes for a socket, and back. Both ends are Footfall's own
and share one version; nothing from outside comes this way, hence pickles may carry what work takes and gives.
"""

from __future__ import annotations

import pickle
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from collector.event import Dropped, Event
from collector.store import Entry, Left, Outcome, Quarantined, Tally

_LENGTH_BYTES = 4
_OUTCOMES = tuple(Outcome)
_CODES = {outcome: code for code, outcome in enumerate(_OUTCOMES)}
_STORED = bytes([_CODES[Outcome.STORED]])
_EVENT, _REFUSED, _LEFT = range(3)


class Append(Struct, frozen=True, array_like=True, tag=0):
    """Store these, all or nothing. `order`: which list gives each entry in turn; empty where all are events.

    `straight`: into the log at once, since not all are events, or who waits must know what became of each.
    """

    id: int
    events: list[Event]
    straight: bool = False
    refused: list[Quarantined] = []
    left: list[Left] = []
    order: bytes = b""

    @property
    def entries(self) -> list[Entry]:
        if not self.order:
            return list(self.events)
        lists: tuple[Iterator[Entry], ...] = (iter(self.events), iter(self.refused), iter(self.left))
        return [next(lists[kind]) for kind in self.order]


class Work(Struct, frozen=True, array_like=True, tag=1):
    """Call the store's method of this name."""

    id: int
    name: str
    arguments: bytes


class Settle(Struct, frozen=True, array_like=True, tag=2):
    """Answer when what is derived has caught up with the log. `ticket`: what was accepted before, by the scribe."""

    id: int
    ticket: int = 0


class Nudge(Struct, frozen=True, array_like=True, tag=3):
    """Look whether something was accepted, or another process has written. `hurry`: at once, and tell it so."""

    id: int = 0
    hurry: int = 0


class Committed(Struct, frozen=True, array_like=True, tag=4):
    """These appends are on disk, in one commit; the outcomes of their entries, one byte each.

    Unless `exact`, they wait to be filed: STORED may turn out to be known already, and `Followed` tells.
    """

    ids: list[int]
    seconds: float
    outcomes: bytes
    exact: bool


class Failed(Struct, frozen=True, array_like=True, tag=5):
    """None of these was done, and why."""

    ids: list[int]
    error: bytes


class Done(Struct, frozen=True, array_like=True, tag=6):
    """The work's result, or None for a settling."""

    id: int
    result: bytes = b""


class Followed(Struct, frozen=True, array_like=True, tag=7):
    """What is derived has caught up with every frame up to `id`; or could not (`failed`).

    The lists are what became of accepted events since: stored by (site, trust), known already by site, not kept by
    (site, why). What comes after them is for the scribe: see `Lead`.
    """

    id: int
    failed: bool = False
    stored: list[tuple[str, str, int]] = []
    duplicates: list[tuple[str, int]] = []
    dropped: list[tuple[str, Dropped, int]] = []
    filed: int = 0
    upto: int = -1
    more: bool = False
    hurried: int = 0
    error: bytes = b""

    @property
    def tally(self) -> Tally:
        return Tally(
            stored=Counter({(site, trust): n for site, trust, n in self.stored}),
            duplicates=Counter(dict(self.duplicates)),
            dropped=Counter({(site, why): n for site, why, n in self.dropped}),
        )


# Starts what speaks at the far end of a socket pair; returns the near end, and what waits for its end (it blocks).
Launch = Callable[[], tuple[socket.socket, Callable[[], None]]]
Order = Append | Work | Settle | Nudge
Answer = Committed | Failed | Done | Followed

_encoder = msgspec.msgpack.Encoder()
_orders = msgspec.msgpack.Decoder(Order)
_answers = msgspec.msgpack.Decoder(Answer)


def append(id: int, entries: Sequence[Entry], *, straight: bool) -> Append:
    """The frame for one request's entries, or several requests' in turn. Without `straight` all are events."""
    if not straight:
        return Append(id, entries)  # type: ignore[arg-type]
    events, refused, left, order = [], [], [], bytearray()
    for entry in entries:
        if isinstance(entry, Event):
            events.append(entry)
            order.append(_EVENT)
        elif isinstance(entry, Quarantined):
            refused.append(entry)
            order.append(_REFUSED)
        else:
            left.append(entry)
            order.append(_LEFT)
    return Append(id, events, straight, refused, left, bytes(order))


def accepted(ids: list[int], seconds: float, events: int) -> Committed:
    """The answer to appends of so many events that are safe and wait to be filed."""
    return Committed(ids, seconds, _STORED * events, exact=False)


def followed(id: int, tally: Tally) -> Followed:
    """The answer that tells how far the log and what is derived have come."""
    stored = [(*key, n) for key, n in tally.stored.items()]
    dropped = [(*key, n) for key, n in tally.dropped.items()]
    return Followed(id, False, stored, list(tally.duplicates.items()), dropped)


def frame(message: Order | Answer) -> bytes:
    written = _encoder.encode(message)
    return len(written).to_bytes(_LENGTH_BYTES, "big") + written


class Frames:
    """Takes bytes as they come, gives whole frames."""

    def __init__(self, decode: Any) -> None:
        self._decode = decode
        self._buffer = bytearray()

    @classmethod
    def of_orders(cls) -> Frames:
        return cls(_orders.decode)

    @classmethod
    def of_answers(cls) -> Frames:
        return cls(_answers.decode)

    def feed(self, received: bytes) -> list[Any]:
        buffer = self._buffer
        buffer += received
        whole, at = [], 0
        while len(buffer) - at >= _LENGTH_BYTES:
            start = at + _LENGTH_BYTES
            end = start + int.from_bytes(buffer[at:start], "big")
            if len(buffer) < end:
                break
            whole.append(self._decode(memoryview(buffer)[start:end]))
            at = end
        del buffer[:at]
        return whole


def pack_outcomes(outcomes: Sequence[Outcome]) -> bytes:
    return bytes([_CODES[outcome] for outcome in outcomes])


def unpack_outcomes(packed: bytes) -> list[Outcome]:
    return [_OUTCOMES[code] for code in packed]


def pack_error(error: Exception) -> bytes:
    """An error as it was raised; one that cannot travel goes as its text."""
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return packed


def unpack_error(packed: bytes) -> Exception:
    error: Exception = pickle.loads(packed)
    return error
