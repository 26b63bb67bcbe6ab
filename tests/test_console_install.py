"""Install: the tags, pinned to what is served, and the word that a site's first event came."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha384
from pathlib import Path

import pytest
from conftest import SHOP, make_site
from console import Console, a_console, words
from shop import call

from collector.event import ConsentMode, Dropped
from collector.store import Left
from collector.store.sqlite.store import SqliteStore

ROOM = "/console/install"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    store.put_site(make_site("quiet", consent=ConsentMode.OPT_IN))
    with a_console(tmp_path, store) as one:
        yield one


def reception(console: Console, site: str = "shop") -> str:
    return words(console.page(f"{ROOM}/reception?site={site}"))


def test_every_site_has_its_tag_as_text_to_copy(console: Console) -> None:
    page = console.page(ROOM)
    tags = [words(one) for one in page.select("pre[id$='-tag']")]
    assert tags == [
        f'<script async src="http://collector.example/f.js" data-key="wk_{name}"></script>'
        for name in ("shop", "quiet")
    ]
    for button in page.select("button[data-copy]"):
        assert page.find(id=str(button["data-copy"])) is not None
        assert button.has_attr("hidden"), "it does nothing without its script"
    assert len(console.page(f"{ROOM}?site=quiet").select("main section.card")) == 1


def test_the_pinned_tag_names_exactly_what_is_served(console: Console) -> None:
    tag = words(console.page(ROOM).select_one("pre[id$='-pinned']"))
    found = re.fullmatch(
        r'<script async src="http://collector\.example(/f\.\w+\.js)" integrity="(sha384-[\w+/=]+)" '
        r'crossorigin="anonymous" data-key="wk_shop" data-consent="opt-out"></script>',
        tag,
    )
    assert found is not None, tag
    served = console.stranger().get(found[1])
    assert served.status_code == 200
    assert found[2] == "sha384-" + b64encode(sha384(served.content).digest()).decode()
    assert served.headers["access-control-allow-origin"] == "*", "else the browser cannot check it"


def test_the_first_event_shows_as_soon_as_it_is_acknowledged(console: Console) -> None:
    waiting = console.page(f"{ROOM}?site=shop").select_one("[data-reception]")
    assert waiting is not None and "Waiting for the first event" in words(waiting)
    assert "Waiting" in words(console.page(str(waiting["data-reception"])))
    sent = console.stranger().post(
        "/v1/page",
        json={"anonymousId": "a1", "context": {"page": {"url": f"{SHOP}/boots"}}},
        headers={"authorization": "Bearer wk_shop", "origin": SHOP, "user-agent": "Mozilla/5.0 Firefox/153.0"},
    )
    assert sent.status_code == 200
    came = console.page(str(waiting["data-reception"]))
    assert came.select_one("[data-came]") is not None, "by this the page knows that it need not ask again"
    assert reception(console).startswith("First event received")
    assert "page on https://shop.example/boots" in reception(console)
    page = console.page(ROOM)
    assert [words(badge) for badge in page.select(".install-reception .badge")] == [
        "First event received",
        "Waiting for the first event",
    ]
    assert len(page.select("[data-reception]")) == 1, "what has come is not asked for again"


def test_the_first_event_stays_the_first_and_outlives_its_own_erasure(console: Console) -> None:
    console.store.append([call("m1", "Product Viewed", visitor="v", user="42", received=console.clock.ms - 120_000)])
    console.store.append([call("m2", "page", visitor="w", received=console.clock.ms)])
    assert reception(console) == "First event received 2 minutes ago : Product Viewed"
    console.store.erase("42", console.clock.ms)
    assert reception(console) == "First event received 2 minutes ago"


def test_calls_without_consent_show_that_the_tag_works_although_nothing_is_kept(console: Console) -> None:
    console.store.append([Left(site="quiet", why=Dropped.CONSENT, received=console.clock.ms)] * 3)
    text = reception(console, "quiet")
    assert "3 calls of the last 7 days came without consent and left nothing behind. The tag works" in text
    console.clock.ms += 9 * 86_400_000
    console.sign_in(console.client)
    assert "without consent" not in reception(console, "quiet")


def test_without_a_site_the_way_to_one_is_shown(tmp_path: Path) -> None:
    with a_console(tmp_path, SqliteStore.open(str(tmp_path / "empty.db"))) as console:
        assert words(console.page(ROOM).select_one(".empty h2")) == "No site yet"
    with a_console(tmp_path) as console:
        console.page(f"{ROOM}/reception", 404)
