"""Rows as Parquet. Imported only where Parquet is asked for, because pyarrow is optional, large and slow to load.

What enters: columns and batches of rows. What leaves: the bytes of one Parquet file, a row group at a time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.lib import StringBuilder

from collector.store.datasets import Column, Type

GROUP_ROWS = 50_000
# Rows can be large: a group is also closed when it holds this much.
GROUP_BYTES_MAX = 4 * 1024 * 1024

_TYPES = {
    Type.TEXT: pa.string(),
    Type.INT: pa.int64(),
    Type.TIME: pa.timestamp("ms", tz="UTC"),
    Type.BOOL: pa.bool_(),
    Type.JSON: pa.string(),
    Type.DECIMAL: pa.string(),
}


class _Pipe:
    """What the Parquet writer takes for a file; what it wrote is drained after each row group."""

    closed = False

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self._at = 0

    def write(self, written: Any) -> int:
        self._written.append(bytes(written))
        self._at += len(written)
        return len(written)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def drain(self) -> bytes:
        drained = b"".join(self._written)
        self._written.clear()
        return drained


def render_parquet(columns: tuple[Column, ...], batches: Iterable[Sequence[tuple[Any, ...]]]) -> Iterator[bytes]:
    """See formats.render_parquet."""
    schema = _schema(columns)
    pipe = _Pipe()
    with pq.ParquetWriter(pipe, schema, compression="zstd") as writer:
        for group in _groups(columns, batches):
            writer.write_table(group, row_group_size=GROUP_ROWS)
            yield pipe.drain()
    yield pipe.drain()


def _groups(columns: tuple[Column, ...], batches: Iterable[Sequence[tuple[Any, ...]]]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for rows in batches:
        waiting.append(_table(columns, rows))
        if sum(table.num_rows for table in waiting) >= GROUP_ROWS or _size(waiting) >= GROUP_BYTES_MAX:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _size(tables: list[pa.Table]) -> int:
    return sum(table.nbytes for table in tables)


def _table(columns: tuple[Column, ...], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    arrays = [_array(column, values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return pa.Table.from_arrays(arrays, schema=_schema(columns))


def _array(column: Column, values: Sequence[Any]) -> pa.Array:
    """By builder and buffers: pa.array would import pandas where it is installed, 50 MB that nothing here needs."""
    kind = _TYPES[column.type]
    if column.type is Type.BOOL:
        return pa.Array.from_buffers(kind, len(values), [None, _bits([value == 1 for value in values])])
    if column.type in (Type.INT, Type.TIME):
        known = [value is not None for value in values]
        numbers = pa.py_buffer(array("q", [value or 0 for value in values]))
        return pa.Array.from_buffers(kind, len(values), [None if all(known) else _bits(known), numbers])
    builder = StringBuilder()
    builder.append_values(values)
    return builder.finish()


def _bits(flags: list[bool]) -> pa.Buffer:
    """One bit a flag, the first lowest, as Arrow's bitmaps are."""
    written = int("".join("01"[flag] for flag in reversed(flags)), 2)
    return pa.py_buffer(written.to_bytes((len(flags) + 7) // 8, "little"))


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(column.name, _TYPES[column.type], column.nullable) for column in columns])
