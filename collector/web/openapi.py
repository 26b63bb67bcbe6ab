"""The API, described: an OpenAPI 3.1 document made of the same tables that the routes use.

What enters: nothing. What leaves: the document, at /api/openapi.json, open to everyone: it tells nothing of the shop.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.store import SORTS
from collector.store.datasets import DATASETS
from collector.web.asked import LIMIT_DEFAULT, LIMIT_MAX, TEXT_MAX
from collector.web.formats import FORMATS
from collector.web.schemas import SCHEMAS, ref
from collector.wire import PATHS

Operation = dict[str, Any]


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Footfall",
            "version": "1",
            "description": "Who a customer is and what they have done; exports of everything. "
            "Times are ISO 8601 in UTC with milliseconds, money is exact decimal text.",
        },
        "paths": {**_READING, **_EXPORT, **_HEALTH, **_wire()},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `footfall token create`."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "footfall_console",
                    "description": "Who is signed in to the console (over https `__Host-footfall_console`). "
                    "What changes something also needs the page's CSRF token, in `X-CSRF-Token`.",
                },
                "key": {"type": "http", "scheme": "basic", "description": "User name: a site's write or secret key."},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


async def show(request: Request) -> Response:
    """The document as JSON."""
    return Response(_DOCUMENT, media_type="application/json")


def _answer(description: str, schema: Any, media_type: str = "application/json") -> Operation:
    return {"description": description, "content": {media_type: {"schema": schema}}}


_ERRORS = {
    "400": _answer("A parameter makes no sense.", ref("Error")),
    "401": _answer("No valid token.", ref("Error")),
    "403": _answer("The token has not the scope.", ref("Error")),
    "404": _answer("There is no such thing.", ref("Error")),
    "503": _answer("Not now; see Retry-After.", ref("Error")),
}


def _path(name: str, description: str) -> Operation:
    # Without a length an empty one would be another path.
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
    }


def _query(name: str, description: str, **schema: Any) -> Operation:
    schema = schema or {"type": "string", "maxLength": TEXT_MAX}
    return {"name": name, "in": "query", "description": description, "schema": schema}


_KEY = _path("key", "A user id, `email:ADDRESS`, `visitor:ID`, `user:ID` or `user@SPACE:ID`, percent-encoded.")
_CURSOR = _query("cursor", "`next` of the page before.")
_LIMIT = _query("limit", "How many to a page.", type="integer", minimum=1, maximum=LIMIT_MAX, default=LIMIT_DEFAULT)
_RANGE = [
    _query("from", "First moment, included: a date (a day in the site's time zone) or an ISO 8601 time."),
    _query("to", "Last moment, excluded; as `from`."),
]


def _read(name: str, scope: str, summary: str, parameters: list[Operation], answers: Operation) -> Operation:
    return {
        "operationId": name,
        "summary": summary,
        "description": f"Needs the scope `{scope}`.",
        "parameters": parameters,
        "responses": {**answers, **_ERRORS},
    }


_DONE = {"204": {"description": "Done."}}
_READING: dict[str, Operation] = {
    "/api/customers": {
        "get": _read(
            "listCustomers",
            "read",
            "List and find customers.",
            [
                _query(
                    "q",
                    "The beginning of a name's word, an e-mail address, a phone number, a user id or an order number.",
                ),
                _query("sort", "Newest or most first; names from A.", type="string", enum=[*SORTS], default=SORTS[0]),
                _CURSOR,
                _LIMIT,
            ],
            {"200": _answer("A page of customers.", ref("Customers"))},
        )
    },
    "/api/customers/{key}": {
        "get": _read(
            "showCustomer",
            "read",
            "Who this is, and by which evidence.",
            [_KEY],
            {"200": _answer("It.", ref("Profile"))},
        ),
        "delete": _read(
            "eraseCustomer",
            "admin",
            "Erase everything about this customer.",
            [_KEY],
            {"200": _answer("The receipt.", ref("Receipt"))},
        ),
    },
    "/api/customers/{key}/activity": {
        "get": _read(
            "showActivity",
            "read",
            "What this customer has done, newest first.",
            [
                _KEY,
                _query(
                    "event",
                    "Only events of this name, or calls of this type (`page`, `identify` …). Where few of very many "
                    "fit, a page may be shorter than `limit` and still have a `next`.",
                ),
                _CURSOR,
                _LIMIT,
                *_RANGE,
            ],
            {"200": _answer("A page of events.", ref("Activity"))},
        )
    },
    "/api/customers/{key}/visitors/{visitor}": {
        "delete": _read(
            "unlinkVisitor",
            "admin",
            "This visitor is not this customer: take its past events out.",
            [_KEY, _path("visitor", "The `anonymousId`.")],
            _DONE,
        )
    },
    "/api/customers/{key}/ids/{id}": {
        "delete": _read(
            "undoLink",
            "admin",
            "This id is not this customer's: undo the link.",
            [_KEY, _path("id", "The id, written as a key: `email:ADDRESS` or a user id.")],
            _DONE,
        )
    },
}
_FILE: Operation = {
    "description": "The file, streamed.",
    "headers": {
        "Footfall-Next": {"description": "The cursor to go on from.", "schema": {"type": "string"}},
        "Content-Disposition": {"description": "A name for the file.", "schema": {"type": "string"}},
    },
    "content": {each.media_type: {"schema": {"type": "string"}} for each in FORMATS.values()},
}
_EXPORT: dict[str, Operation] = {
    "/api/export/{dataset}": {
        "get": _read(
            "exportDataset",
            "export",
            "Everything, or what is new since a cursor.",
            [
                {**_path("dataset", "Which."), "schema": {"type": "string", "enum": [*DATASETS]}},
                _query("format", "The file's format.", type="string", enum=[*FORMATS], default="csv"),
                *_RANGE,
                _query("since", "Only what is beyond this cursor.", type="string", pattern="^[0-9]{1,19}$"),
                _query("site", "Only this site's rows; and its time zone for dates."),
                _query("resolve", "1 adds whose each event is as of now.", type="string", enum=["0", "1"], default="0"),
                _query("mailing", "Of customers: the addresses that have said yes to this topic."),
                _query("answers", "With `mailing`: `all` is whatever they said.", type="string", enum=["yes", "all"]),
            ],
            {"200": _FILE},
        )
    },
    "/api/openapi.json": {
        "get": {
            "operationId": "describe",
            "summary": "This document.",
            "security": [],
            "responses": {"200": _answer("An OpenAPI document.", {"type": "object"})},
        }
    },
}


def _word(name: str, summary: str, unwell: bool = False) -> Operation:
    text = {"type": "string"}
    answers = {"200": _answer("All is well.", text, "text/plain")}
    if unwell:
        answers["503"] = _answer("Not now.", text, "text/plain")
    return {"get": {"operationId": name, "summary": summary, "security": [], "responses": answers}}


_HEALTH = {
    "/healthz": _word("healthz", "The process answers."),
    "/readyz": _word("readyz", "Calls would be stored.", unwell=True),
    "/metrics": _word("metrics", "Counters for Prometheus."),
}


def _wire() -> dict[str, Operation]:
    """The doors: the public Segment HTTP tracking API, told only briefly here."""
    doors = {path: {"post": _door(path)} for path in PATHS if not path.endswith("/")}
    settings = {
        "operationId": "browserSettings",
        "summary": "What the browser SDK needs to start.",
        "security": [],
        "parameters": [_path("key", "A site's write key.")],
        "responses": {"200": _answer("Its settings.", {"type": "object"}), "401": _answer("Unknown.", ref("Error"))},
    }
    return {**doors, "/v1/projects/{key}/settings": {"get": settings}, **_device()}


def _device() -> dict[str, Operation]:
    """What the snippet asks beside its calls: for pages of a listed origin alone."""
    id = {"type": ["string", "null"]}
    copy = {"type": "object", "properties": {"anonymousId": id}}
    handover = {"type": "object", "properties": {"token": id, "anonymousId": id, "preferences": {"type": "object"}}}
    asked = {
        "/v1/visitor": ("visitorCopy", "Keeps a copy of the visitor's cookie, or tells a new visitor's.", copy),
        "/v1/handover": (
            "handOver",
            "A visitor on the way to another domain of the site: a token, or who it is.",
            handover,
        ),
        "/v1/forget": (
            "forgetBrowser",
            "Erases what a browser told the site; the receipt is the same where there was nothing.",
            {"type": "object", "required": ["receipt"], "properties": {"receipt": {"type": "string"}}},
        ),
    }
    return {
        path: {
            "post": {
                "operationId": operation,
                "summary": summary,
                "security": [],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"200": _answer("An answer; `null` where there is none.", schema), **_REFUSALS_OF_DOORS},
            }
        }
        for path, (operation, summary, schema) in asked.items()
    }


def _refusals(**more: str) -> Operation:
    refusals = {
        "400": "No call at all.",
        "401": "Unknown key.",
        "403": "Origin not allowed.",
        "413": "Over the limit.",
        "429": "Too fast; see Retry-After.",
    }
    return {status: _answer(why, ref("Error")) for status, why in (refusals | more).items()}


_REFUSALS_OF_DOORS = _refusals(**{"503": "Not now; see Retry-After."})


def _door(path: str) -> Operation:
    return {
        "operationId": "post" + path.removeprefix("/v1/").capitalize(),
        "summary": "Calls of the Segment HTTP tracking API; answered when they are on disk.",
        "security": [{"key": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {"200": _answer("Stored.", ref("Success")), **_REFUSALS_OF_DOORS},
    }


_DOCUMENT = msgspec.json.encode(document())
routes = [Route("/api/openapi.json", show, methods=["GET"])]
