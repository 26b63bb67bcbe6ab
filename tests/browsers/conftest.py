"""Real browsers for tests: each test that asks for `engine` runs in all of them, one worker and one start for each.

A test gets a profile that has never been anywhere, a shop on an origin of its own, and a line to a real collector. When
it ends, no fault may have reached a page, and every acknowledged call must be on disk once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from conftest import READER, Collector, make_site

from browsers.engines import Engine
from browsers.engines.chromium import Chromium
from browsers.engines.firefox import Firefox
from browsers.engines.webkit import WebKit
from browsers.expecting import wait_for
from browsers.serving import HOST, OTHER_HOST
from browsers.visiting import Visit
from collector.event import ConsentMode
from collector.ingest.keys import secret_hash
from collector.store import Token
from collector.store.sqlite.store import SqliteStore

ENGINES: dict[str, Callable[[], Engine]] = {"chromium": Chromium, "firefox": Firefox, "webkit": WebKit}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engines(*names): the only engines in which a test runs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("engines")
        names = only.args if only else ENGINES
        metafunc.parametrize("engine", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    one = ENGINES[request.param]()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """For all browser tests of a worker: sites `shop` (opt-out), `strict` (opt-in) and `quiet` (cookieless)."""
    db = tmp_path_factory.mktemp("browsers") / "footfall.db"
    store = SqliteStore.open(str(db))
    for name, consent in (
        ("shop", ConsentMode.OPT_OUT),
        ("strict", ConsentMode.OPT_IN),
        ("quiet", ConsentMode.COOKIELESS),
    ):
        store.put_site(make_site(name, consent=consent, origins=(f"http://{HOST}", f"http://{OTHER_HOST}", "null")))
    store.put_token(Token(name="reader", hash=secret_hash(READER), scopes=("admin",), created=0))
    store.close()
    one = Collector(db)
    yield one
    one.stop()


@pytest.fixture
def site() -> str:
    """Whose tag the pages bear; a test module or class may say another."""
    return "shop"


@pytest.fixture
def visit(engine: Engine, collector: Collector, site: str) -> Iterator[Visit]:
    one = Visit(engine, collector, site)
    try:
        yield one
        wait_for(lambda: None not in faults_of(one), lambda: "a page was never begun")  # one that was just gone to
        assert faults_of(one) == [[]] * len(one.tabs), "a fault reached the page"
        assert copies(collector, one) == {}, "an acknowledged call is not on disk just once"
    finally:
        one.end()


def faults_of(visit: Visit) -> list[list[str] | None]:
    """What went wrong in each page; None where nothing of it has run yet."""
    return [tab.evaluate("window.faults") for tab in visit.tabs]


def copies(collector: Collector, visit: Visit) -> dict[str, int]:
    """Of the acknowledged calls those that the collector does not keep just once, or keeps in spite of a refusal or an
    erasure."""
    quarantine = "".join(raw for (raw,) in collector.query("SELECT CAST(raw AS TEXT) FROM quarantine"))
    stored = Counter(collector.stored())
    wrong = {}
    for call in visit.relay.calls():
        id, allowed = call["messageId"], call["context"]["consent"]["categoryPreferences"].get("Analytics", True)
        allowed = allowed and call["anonymousId"] not in visit.relay.erased()
        if stored[id] + (id in quarantine) != allowed:
            wrong[id] = stored[id]
    return wrong
