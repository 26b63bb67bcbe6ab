"""Rows as Parquet. Imported only where Parquet is asked for, because pyarrow is optional, large and slow to load.

What enters: columns and batches of rows. What leaves: the bytes of one Parquet file, a row group at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from collector.store.datasets import Column, Type

GROUP_ROWS = 50_000
# Rows can be large: a group is also closed when it holds this much.
GROUP_BYTES_MAX = 8 * 1024 * 1024

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
    schema = pa.schema([pa.field(column.name, _TYPES[column.type], column.nullable) for column in columns])
    pipe = _Pipe()
    with pq.ParquetWriter(pipe, schema, compression="zstd") as writer:
        for group in _groups(schema, columns, batches):
            writer.write_table(group, row_group_size=GROUP_ROWS)
            yield pipe.drain()
    yield pipe.drain()


def _groups(
    schema: pa.Schema, columns: tuple[Column, ...], batches: Iterable[Sequence[tuple[Any, ...]]]
) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for rows in batches:
        waiting.append(_record_batch(schema, columns, rows))
        if sum(batch.num_rows for batch in waiting) >= GROUP_ROWS or _size(waiting) >= GROUP_BYTES_MAX:
            yield pa.Table.from_batches(waiting, schema)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


def _size(batches: list[pa.RecordBatch]) -> int:
    return sum(batch.nbytes for batch in batches)


def _record_batch(schema: pa.Schema, columns: tuple[Column, ...], rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    arrays = [
        pa.array(_PREPARE.get(column.type, list)(values), _TYPES[column.type])
        for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _bools(values: Sequence[Any]) -> list[bool]:
    return [value == 1 for value in values]


_PREPARE: dict[Type, Callable[[Sequence[Any]], list[Any]]] = {Type.BOOL: _bools}
