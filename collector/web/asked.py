"""What a reader asks for: keys in paths, parameters in query strings, judged before the store is asked.

What enters: a request. What leaves: values within their limits, or Misuse in one line. It knows no store.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.routing import Match, Route
from starlette.types import Scope

from collector.errors import Misuse

LIMIT_MAX = 100
LIMIT_DEFAULT = 50
TEXT_MAX = 1_000


class KeyRoute(Route):
    """A route whose parameters may hold any character, `%2F` included: matched as sent, decoded afterwards."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's, but on the path as it was sent: in `path` a slash of a key looks like any other."""
        if scope["type"] != "http":
            return Match.NONE, {}
        sent = scope.get("raw_path")
        path = sent.decode("latin-1") if sent else quote(scope["path"])
        match, child = super().matches({**scope, "path": path})
        if match is not Match.NONE:
            child["path_params"] = {name: unquote(value) for name, value in child["path_params"].items()}
        return match, child


def text(request: Request, name: str) -> str | None:
    """A parameter's text; None where it is missing or empty. Raises Misuse where it is longer than any real one."""
    value = request.query_params.get(name) or None
    if value is not None and len(value) > TEXT_MAX:
        raise Misuse(f"{name} is longer than {TEXT_MAX} characters")
    return value


def word(request: Request, name: str, words: Any, default: str) -> str:
    """One of a few words. Raises Misuse."""
    value = text(request, name) or default
    if value not in words:
        raise Misuse(f"{name} must be one of {', '.join(words)}")
    return value


def limit(request: Request) -> int:
    """How many to a page. Raises Misuse."""
    value = text(request, "limit") or str(LIMIT_DEFAULT)
    if not (value.isascii() and value.isdigit() and len(value) <= 3 and 1 <= int(value) <= LIMIT_MAX):
        raise Misuse(f"limit must be a number from 1 to {LIMIT_MAX}")
    return int(value)


def flag(request: Request, name: str) -> bool:
    """1 or 0. Raises Misuse."""
    return word(request, name, ("0", "1"), "0") == "1"
