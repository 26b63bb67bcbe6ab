"""Exports over HTTP: a dataset streams as a file, in memory that does not grow.

What enters: a reader's request. What leaves: the file, with the cursor to go on from in a header.
It knows neither SQL nor how a file is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from collector.store import ExportQuery, Store
from collector.store.audit import Act
from collector.store.datasets import columns, dataset
from collector.web import asked, openapi
from collector.web.asked import KeyRoute
from collector.web.auth import authorise
from collector.web.formats import FORMATS, file_format
from collector.web.render import PRIVATE
from collector.web.roles import Duty
from collector.web.times import read_range, zone_of

PIECE_BYTES = 64 * 1024


async def export_dataset(request: Request) -> Response:
    """Stream a dataset. What is wrong with the question is said before the first byte."""
    actor = authorise(request, Duty.EXPORT)
    of = dataset(request.path_params["dataset"])
    suffix = asked.word(request, "format", FORMATS, "csv")
    made = file_format(suffix)
    resolve = asked.flag(request, "resolve")
    mailing = asked.text(request, "mailing")
    listed = columns(of, resolve=resolve, mailing=mailing)
    await request.app.state.writer.settle()
    store: Store = request.app.state.store
    export = await asyncio.to_thread(store.export, of.name, await _query(request, store, resolve))
    await request.app.state.audit.keep(actor, Act.EXPORTED, of.name)
    return StreamingResponse(
        _stream(_pieces(made.render(listed, export.batches))),
        media_type=made.media_type,
        headers={
            **PRIVATE,
            "footfall-next": export.next,
            "content-disposition": f'attachment; filename="{of.name}.{suffix}"',
        },
    )


async def _query(request: Request, store: Store, resolve: bool) -> ExportQuery:
    site = asked.text(request, "site")
    zone = zone_of(site, await asyncio.to_thread(store.sites))
    start, end = read_range(asked.text(request, "from"), asked.text(request, "to"), zone)
    return ExportQuery(
        start=start,
        end=end,
        since=asked.text(request, "since"),
        site=site,
        resolve=resolve,
        mailing=asked.text(request, "mailing"),
        everybody=asked.word(request, "answers", ("yes", "all"), "yes") == "all",
    )


def _pieces(chunks: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Cut small: when a reader goes away, its last piece lingers in the server until the garbage is collected."""
    for chunk in chunks:
        for at in range(0, len(chunk), PIECE_BYTES):
            yield chunk[at : at + PIECE_BYTES]


async def _stream(pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """In a thread, because the store is read as it goes; closed also when the reader goes away."""
    try:
        async for piece in iterate_in_threadpool(pieces):
            yield piece
    finally:
        pieces.close()


routes: list[BaseRoute] = [KeyRoute("/api/export/{dataset}", export_dataset, methods=["GET"]), *openapi.routes]
