"""The console for tests: an application over a real file, a browser that is signed in, pages read as a tree.

with a_console(tmp_path, store) as console:
    page = console.page("/console/customers?q=jane")   # a BeautifulSoup; the answer must be 200
    console.submit(page.select_one("form.note"), text="Called back")
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from bs4 import BeautifulSoup, Tag
from conftest import make_site
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collector.app import build_app
from collector.config import Settings, read_settings
from collector.store import Entry
from collector.store.sqlite.store import SqliteStore
from collector.web.console.signin import new_link

HOST = "http://collector.example"


class Clock:
    """The application's clock; it stands still until it is set or moved."""

    def __init__(self) -> None:
        self.ms = time.time_ns() // 1_000_000

    def __call__(self) -> int:
        return self.ms


class Console:
    """A browser at a console. `client` is signed in, follows redirects, and is closed with the console."""

    def __init__(self, app: Starlette, store: SqliteStore, clock: Clock, client: TestClient) -> None:
        self.app = app
        self.store = store
        self.clock = clock
        self.client = client

    def page(self, path: str, status: int = 200) -> BeautifulSoup:
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
        return read(answer)

    def submit(self, form: Tag | None, status: int = 200, /, **changed: Any) -> BeautifulSoup:
        """Send a form as a browser would, some fields changed; None leaves a field out, a list sends it repeatedly.

        Returns the page where it ends, redirects followed.
        """
        assert form is not None, "the page has no such form"
        fields = {**fields_of(form), **changed}
        sent = {name: value for name, value in fields.items() if value is not None}
        method = str(form.get("method", "get")).upper()
        how = {"params": sent} if method == "GET" else {"data": sent, "headers": {"origin": HOST}}
        answer = self.client.request(method, str(form["action"]), **how)  # type: ignore[arg-type]
        assert answer.status_code == status, f"{answer.url}: {answer.status_code} {answer.text[:500]}"
        return read(answer)

    def sign_in(self, client: TestClient) -> httpx.Response:
        """With a fresh link, the way a person does."""
        link = new_link(self.store, HOST, self.clock.ms)
        secret = parse_qs(urlsplit(link).query)["link"][0]
        fields = {"link": secret, "next": ""}
        return client.post("/console/signin", data=fields, headers={"origin": HOST}, follow_redirects=False)

    def stranger(self, base_url: str = HOST) -> TestClient:
        """Another browser, signed out, that follows no redirects."""
        client = TestClient(self.app, base_url=base_url, follow_redirects=False)
        client.portal = self.client.portal  # the loop on which the application has started
        return client


def read(answer: httpx.Response) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "lxml")


def fields_of(form: Tag) -> dict[str, Any]:
    """What a browser would send for the form as it stands, its buttons aside."""
    fields: dict[str, list[str]] = {}
    for element in form.select("input[name], select[name], textarea[name]"):
        kind, name = str(element.get("type", "")), str(element["name"])
        if element.name == "select":
            options = element.select("option")
            chosen = [option for option in options if option.has_attr("selected")] or options[:1]
            fields.setdefault(name, []).extend(str(one.get("value", one.text)) for one in chosen)
        elif element.name == "textarea":
            fields.setdefault(name, []).append(element.text.removeprefix("\n"))
        elif kind in ("checkbox", "radio") and not element.has_attr("checked"):
            continue
        elif kind not in ("submit", "button"):
            fields.setdefault(name, []).append(str(element.get("value", "on" if kind == "checkbox" else "")))
    return dict(fields)


def words(tag: Tag | None) -> str:
    """The text of a part of a page, its white space made single spaces."""
    assert tag is not None, "the page has no such part"
    return " ".join(tag.get_text(" ").split())


def console_settings(path: Path | str, **flags: Any) -> Settings:
    return read_settings({"db": str(path), "url": HOST, **flags}, {})


@contextmanager
def a_console(
    tmp_path: Path, store: SqliteStore | None = None, *entries: Entry, clock: Clock | None = None, **flags: Any
) -> Iterator[Console]:
    """A console over `store` (or a new file with the site `shop`), with these entries appended. Closes the store."""
    if store is None:
        store = SqliteStore.open(str(tmp_path / "footfall.db"))
        store.put_site(make_site())
    if entries:
        store.append(entries)
    app = build_app(console_settings(store.path, **flags), store)
    app.state.clock_ms = clock = clock or Clock()
    try:
        with TestClient(app, base_url=HOST) as client:
            console = Console(app, store, clock, client)
            console.sign_in(client)
            yield console
    finally:
        store.close()
