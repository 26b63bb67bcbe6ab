"""Real collectors for tests: the command itself in a process of its own, on a free port, with a file in tmp_path."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsers.scheduling import ByEngine
from hypothesis import HealthCheck, settings

from collector.event import ConsentMode, Site
from collector.ingest.keys import secret_hash
from collector.store import Token
from collector.store.sqlite import connection, courses, projection
from collector.store.sqlite.dictionary import unpack_id
from collector.store.sqlite.inbox import waiting
from collector.store.sqlite.store import SqliteStore

# A busy machine makes no test fail. In CI the same code always meets the same examples; elsewhere each run looks for
# new ones.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("patient")

ROOT = Path(__file__).parents[1]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
SHOP = "https://shop.example"
READER = "ft_reader"  # a token that may do everything


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByEngine | None:
    """For `--dist loadgroup`."""
    return ByEngine(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.fixture(scope="session", autouse=True)
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """In this process a new file begins as a copy of one that went through all migrations: they take longer than most
    tests. Collectors that tests start make their own.
    """
    model = tmp_path_factory.mktemp("model") / "new.db"
    connection.connect(str(model), create=True).close()
    create = connection._create

    def create_migrated(path: str) -> None:
        create(path)
        shutil.copyfile(model, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "_create", create_migrated)
        yield


def make_site(name: str = "shop", **rules: Any) -> Site:
    """A site whose keys follow from its name: wk_shop, sk_shop, ik_shop."""
    rules = {"consent": ConsentMode.OPT_OUT, "origins": (SHOP,)} | rules
    keys = {"write_key": f"wk_{name}", "secret_key_hash": secret_hash(f"sk_{name}"), "identity_key": f"ik_{name}"}
    return Site(name=name, **keys, **rules)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A file of two sites, `shop` and `outlet`; a test module may say another."""
    with closing(SqliteStore.open(str(tmp_path / "footfall.db"))) as opened:
        opened.put_site(make_site())
        opened.put_site(make_site("outlet"))
        yield opened


def footfall(*arguments: str, db: Path | str, typed: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """One command, run to its end; `typed` is what it reads from stdin."""
    command = [sys.executable, "-m", "collector", *arguments]
    environment = {**os.environ, "FOOTFALL_DB": str(db), **environ}
    return subprocess.run(
        command, env=environment, cwd=ROOT, input=typed, capture_output=True, text=True, timeout=60, check=False
    )


FILED_WITHIN_S = 10.0


def only_child(pid: int) -> int:
    (child,) = [int(each) for task in Path(f"/proc/{pid}/task").glob("*/children") for each in task.read_text().split()]
    return child


class Collector:
    """A running collector, and a client that looks like a browser."""

    log: int | None = None  # a file that takes what it logs; None: this process's stderr

    def __init__(self, db: Path, *flags: str) -> None:
        self.db = db
        self._flags = flags
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "collector", "serve", "--port", "0", "--json", "--db", str(self.db)]
        self.process = subprocess.Popen(
            [*command, *self._flags], cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        assert self.process.stdout is not None
        announced = json.loads(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{announced['port']}"
        self.client = httpx.Client(base_url=self.url, headers={"user-agent": FIREFOX}, timeout=20)

    @property
    def writing(self) -> int:
        """The process id of what writes for it."""
        assert self.client.get("/readyz").status_code == 200
        return self.writing_now

    @property
    def writing_now(self) -> int:
        """The same, whether it is ready or not."""
        return only_child(self.process.pid)

    @property
    def following(self) -> int:
        """The process id of what files and derives for it."""
        return only_child(self.writing)

    def post(self, path: str, message: Any, **headers: str) -> httpx.Response:
        """`message` as JSON, or bytes as they are; `_` in a header's name stands for `-`."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.client.post(path, content=body, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def ask(self, path: str) -> Any:
        """What the API answers to a reader who may do everything."""
        answer = self.client.get(path, headers={"authorization": f"Bearer {READER}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What is in the file, once all that was acknowledged is filed."""
        self.file_all()
        conn = sqlite3.connect(self.db)
        try:
            return conn.execute(sql, parameters).fetchall()
        finally:
            conn.close()

    def file_all(self) -> None:
        """Wait until the collector has filed what it acknowledged; where it was killed, do as its next start would."""
        if self.process.poll() is not None:
            with closing(SqliteStore.open(str(self.db), create=False)) as store:
                while store.follow():
                    pass
        deadline_s = time.monotonic() + FILED_WITHIN_S
        while self.waiting() and time.monotonic() < deadline_s:
            time.sleep(0.01)

    def waiting(self) -> int:
        """How many events are acknowledged and not in the log yet."""
        with closing(sqlite3.connect(self.db)) as conn:
            (filed,) = conn.execute("SELECT coalesce(max(value), 0) FROM meta WHERE key = 'filed'").fetchone()
            return waiting(str(self.db), filed)

    def stored(self) -> list[str]:
        """The messageIds of all events, in the order in which they were stored."""
        return [str(unpack_id(mid)) for (mid,) in self.query("SELECT mid FROM events ORDER BY seq")]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(how)
        code = self.process.wait(timeout=40)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


Start = Callable[..., Collector]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start collectors: `start(site, ..., flags=())`; those that still run at the end are stopped."""
    running: list[Collector] = []

    def start_one(*sites: Site, flags: tuple[str, ...] = ()) -> Collector:
        running.append(_started(tmp_path / f"{len(running)}.db", sites, flags))
        return running[-1]

    yield start_one
    for one in running:
        _end(one)


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """One for a whole module: sites `shop`, `strict` (opt-in), `bare` (no origin) and `local` (http://localhost)."""
    sites = (
        make_site(),
        make_site("strict", consent=ConsentMode.OPT_IN),
        make_site("bare", origins=()),
        make_site("local", origins=("http://localhost",)),
    )
    one = _started(tmp_path_factory.mktemp("collector") / "footfall.db", sites, ())
    yield one
    _end(one)


def _started(db: Path, sites: tuple[Site, ...], flags: tuple[str, ...]) -> Collector:
    store = SqliteStore.open(str(db))
    for site in sites:
        store.put_site(site)
    store.put_token(Token(name="reader", hash=secret_hash(READER), scopes=("admin",), created=0))
    store.close()
    return Collector(db, *flags)


def _end(one: Collector) -> None:
    if one.process.poll() is None:
        one.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def short_memory() -> Iterator[None]:
    """As if four claims were very many, and two visitors all that can be kept in mind: random logs are short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(courses, "KEPT", 2)
        patch.setattr(projection, "KNOWN_VISITORS_MAX", 2)
        yield
