"""Who files: while it is far behind, others may write all the same."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from conftest import make_site

from collector.ingest.follower import Follower
from collector.store import Progress, Token
from collector.store.sqlite.connection import connect
from collector.store.sqlite.store import SqliteStore


class Behind:
    """A log of which there is always more to file: each step takes the file's one place for writers for a while."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.steps = 0
        self.more = True

    def follow(self, events_max: int = 100) -> bool:
        self._conn.execute("BEGIN IMMEDIATE")
        time.sleep(0.2)
        self._conn.execute("COMMIT")
        self.steps += 1
        return self.more

    def progress(self) -> Progress:
        return Progress()


def test_a_command_can_write_while_very_much_waits_to_be_filed(tmp_path: Path) -> None:
    path = str(tmp_path / "f.db")
    with closing(SqliteStore.open(path)) as store:
        store.put_site(make_site())
    with closing(SqliteStore.open(path)) as command, closing(connect(path, create=False)) as conn:
        behind: Any = Behind(conn)
        follower = Follower(behind, lambda answers: None)
        follower.start()
        try:
            while behind.steps < 2:
                time.sleep(0.01)
            # It raises Unavailable where it never gets its turn.
            command.put_token(Token(name="analyst", hash="hash", scopes=("read",), created=1))
        finally:
            behind.more = False
            follower.end()
        assert [token.name for token in command.tokens()] == ["analyst"]
