"""What the writer and its scribe say to each other: frames of MessagePack, each with its length before it.

What enters: entries, work to be done, answers. What leaves: bytes for a socket, and back. Both ends are Footfall's own
and share one version; nothing from outside comes this way, hence pickles may carry what work takes and gives.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from collector.event import Event
from collector.store import Entry, Left, Outcome, Quarantined

_LENGTH_BYTES = 4
_OUTCOMES = tuple(Outcome)
_CODES = {outcome: code for code, outcome in enumerate(_OUTCOMES)}
_EVENT, _REFUSED, _LEFT = range(3)


class Append(Struct, frozen=True, array_like=True, tag=0):
    """Store these, all or nothing. `order`: which list gives each entry in turn; empty where all are events."""

    id: int
    events: list[Event]
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
    """Answer when what is derived has caught up with the log."""

    id: int


class Nudge(Struct, frozen=True, array_like=True, tag=3):
    """Look whether another process has written."""

    id: int


class Committed(Struct, frozen=True, array_like=True, tag=4):
    """These appends are on disk, in one commit; the outcomes of their entries, one byte each."""

    ids: list[int]
    seconds: float
    outcomes: bytes


class Failed(Struct, frozen=True, array_like=True, tag=5):
    """None of these was done, and why."""

    ids: list[int]
    error: bytes


class Done(Struct, frozen=True, array_like=True, tag=6):
    """The work's result, or None for a settling."""

    id: int
    result: bytes = b""


class Followed(Struct, frozen=True, array_like=True, tag=7):
    """What is derived has caught up with every frame up to `id`; or could not (`failed`)."""

    id: int
    failed: bool = False


Order = Append | Work | Settle | Nudge
Answer = Committed | Failed | Done | Followed

_encoder = msgspec.msgpack.Encoder()
_orders = msgspec.msgpack.Decoder(Order)
_answers = msgspec.msgpack.Decoder(Answer)


def append(id: int, entries: Sequence[Entry]) -> Append:
    """The frame for one request's entries, or several requests' in turn."""
    if all(type(entry) is Event for entry in entries):
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
    return Append(id, events, refused, left, bytes(order))


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
