"""The limit that ingest is held against: a Starlette endpoint that does nothing, served as `footfall serve` serves."""

from __future__ import annotations

import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.cli.serve import BACKLOG
from collector.cli.serving import serve_app


async def noop(request: Request) -> Response:
    return Response(b'{"success":true}', media_type="application/json")


def main() -> None:
    """Listen on a free port, print it, serve until told to stop."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    print(listener.getsockname()[1], flush=True)
    serve_app(Starlette(routes=[Route("/v1/track", noop, methods=["POST"])]), listener)


if __name__ == "__main__":
    main()
