"""Live: a stream ends with the session by which it was opened, whatever ended that."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

import httpx
from conftest import Collector, Start, make_site
from test_console_live import TELL_S_MAX, page_view, streaming

from collector.ingest.keys import new_key, secret_hash
from collector.store.sqlite.store import SqliteStore
from collector.store.users import Role, User


def a_user(one: Collector, store: SqliteStore, name: str) -> httpx.Client:
    user, secret = User(name=name, role=Role.SUPPORT, password="none", created=0), new_key("fs")
    store.add_user(user)
    assert store.begin_session(user, secret_hash(secret), None, time.time_ns() // 1_000_000)
    return httpx.Client(base_url=one.url, timeout=TELL_S_MAX, cookies={"footfall_console": secret})


def test_who_is_removed_or_changes_the_password_is_sent_away_and_nobody_else(start: Start) -> None:
    one = start(make_site())
    store = SqliteStore.open(str(one.db))
    with closing(store), ExitStack() as opened:
        clients = {name: opened.enter_context(closing(a_user(one, store, name))) for name in ("ann", "bo", "cy")}
        views = {name: opened.enter_context(streaming(client)) for name, client in clients.items()}
        for view in views.values():
            view.next()
        store.remove_user("ann")
        store.change_user("bo", None, "another")
        for name in ("ann", "bo"):
            while (told := views[name].next())[0] != "end":
                pass
            assert told == ("end", "signed out")
            assert clients[name].get("/console/live").status_code == 303
        one.post("/v1/page", page_view(1))
        assert "Page 1" in views["cy"].until_rows()["rows"]
