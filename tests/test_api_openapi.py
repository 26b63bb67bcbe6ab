"""The OpenAPI document: every route is in it, nothing else is, and answers are what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Collector
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from reading import Reader, a_shop_that_is_read
from shop import UUID
from starlette.routing import Route

from collector.app import build_app
from collector.config import read_settings
from collector.store.sqlite.store import SqliteStore
from collector.web.openapi import document
from collector.wire import PATHS

# Served for people, not programs; described elsewhere.
UNDESCRIBED = re.compile(r"/(f\.|console|static)|/$")


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with a_shop_that_is_read(tmp_path_factory.mktemp("openapi") / "footfall.db") as one:
        yield one


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_the_document_names_every_route_and_no_other(tmp_path: Any) -> None:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    app = build_app(read_settings({}, {}), store)
    served = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route) and not UNDESCRIBED.match(route.path)
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}
    }
    # The doors stand before the router.
    served |= {(path, "POST") for path in PATHS if not path.endswith("/")}
    store.close()
    described = {(path, method.upper()) for path, methods in document()["paths"].items() for method in methods}
    assert described == served


def test_every_door_that_is_described_opens(collector: Collector) -> None:
    for path, methods in document()["paths"].items():
        if "post" in methods:
            answer = collector.client.post(path, json={"type": "track"})
            assert answer.status_code in (400, 401), path
            assert set(answer.json()["error"]) == {"code", "message"}, path


def test_the_document_is_served_to_everyone(collector: Collector) -> None:
    assert Reader(collector, "").json("/api/openapi.json") == document()


ANSWERS = [
    ("/api/customers", "/api/customers", 200),
    ("/api/customers?limit=0", "/api/customers", 400),
    ("/api/customers/42", "/api/customers/{key}", 200),
    ("/api/customers/email:joe@x", "/api/customers/{key}", 200),
    (f"/api/customers/visitor:{UUID}", "/api/customers/{key}", 200),
    ("/api/customers/nobody", "/api/customers/{key}", 404),
    ("/api/customers/42/activity", "/api/customers/{key}/activity", 200),
    ("/api/customers/visitor:tablet/activity?limit=2", "/api/customers/{key}/activity", 200),
    ("/api/export/nothing", "/api/export/{dataset}", 404),
    ("/api/openapi.json", "/api/openapi.json", 200),
]


@pytest.mark.parametrize(("asked", "path", "status"), ANSWERS)
def test_an_answer_is_what_the_document_says(collector: Collector, asked: str, path: str, status: int) -> None:
    answer = Reader(collector, "admin").get(asked)
    assert answer.status_code == status
    described = document()["paths"][path]["get"]["responses"][str(status)]
    schema = described["content"][answer.headers["content-type"]]["schema"]
    Draft202012Validator({**schema, "components": document()["components"]}).validate(answer.json())


def test_a_receipt_is_what_the_document_says(collector: Collector) -> None:
    answer = Reader(collector, "admin").delete("/api/customers/email:joe@x")
    assert answer.status_code == 200, answer.text
    Draft202012Validator({**document()["components"]["schemas"]["Receipt"]}).validate(answer.json())


def test_every_parameter_that_is_described_is_looked_at(collector: Collector) -> None:
    """A wrong value of each is refused, unless any text is right."""
    reader = Reader(collector, "admin")
    for path, methods in document()["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", []):
            schema = parameter["schema"]
            if parameter["in"] == "query" and (
                parameter["name"] in ("from", "to") or set(schema) & {"enum", "pattern"}
            ):
                asked = path.replace("{key}", "42").replace("{dataset}", "events")
                assert reader.get(asked, **{parameter["name"]: "§"}).status_code == 400, (path, parameter["name"])
