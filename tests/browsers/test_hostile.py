"""The console in Chromium, full of hostile text: no script runs, nothing is asked for, no link leaves the web."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest
from conftest import Collector, footfall, make_site
from hostile import CORPUS, SCRIPTS, calls

from browsers.engines.bidi import BidiProfile
from browsers.engines.chromium import Chromium, ChromiumTab
from browsers.expecting import wait_for
from collector.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.engines("chromium")

# What a page would hold if a string had been taken for more than text.
HARM = """(() => {
  const found = []
  if (window.pwned !== undefined) found.push('a script ran: ' + window.pwned)
  const strange = 'iframe, object, embed, base, style, plaintext, [srcdoc], img:not([src^="/"])'
  for (const one of document.querySelectorAll(strange))
    found.push(one.outerHTML.slice(0, 200))
  for (const one of document.querySelectorAll('*'))
    for (const {name} of one.attributes) if (/^on/i.test(name)) found.push(one.outerHTML.slice(0, 200))
  for (const one of document.querySelectorAll('a[href], area[href], form[action], [formaction]')) {
    const address = new URL(one.href?.baseVal ?? one.href ?? one.action)
    if (!['http:', 'https:'].includes(address.protocol)) found.push(address.href)
    else if (address.host != location.host && !/noopener/.test(one.rel)) found.push(address.href)
  }
  const ours = location.origin + '/console/static/'
  for (const one of document.scripts) if (!one.src.startsWith(ours)) found.push(one.outerHTML)
  if (getComputedStyle(document.querySelector('main')).display == 'none') found.push('a style was taken over')
  return found.slice(0, 5)
})()"""
ROOMS = ("/", "/?span=90", "/live", "/customers", "/visitors", "/quarantine", "/install", "/audit", "/sites", "/users")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    db = tmp_path_factory.mktemp("hostile") / "footfall.db"
    with closing(SqliteStore.open(str(db))) as store:
        store.put_site(make_site())
    collector = Collector(db)
    for number, text in enumerate(CORPUS):
        assert collector.post("/v1/batch", {"writeKey": "sk_shop", "batch": calls(text, number)}).status_code == 200
    yield collector
    collector.stop()


@pytest.fixture
def profile(engine: Chromium) -> Iterator[BidiProfile]:
    one = engine.profile()
    yield one
    one.close()


def test_no_string_is_more_than_text_in_any_room(hostile: Collector, profile: BidiProfile) -> None:
    made = footfall("signin-link", "--json", "--url", hostile.url, db=hostile.db)
    tab = profile.open(str(json.loads(made.stdout)["link"]))
    assert isinstance(tab, ChromiumTab)
    tab.click("main form button")
    wait_for(lambda: tab.evaluate("location.pathname") == "/console/", lambda: "the link did not sign in")
    paths = [*ROOMS, "/customers/victim?limit=100", "/customers/visitor:victim's?limit=100"]
    paths += [f"/customers/user:{quote(text, safe='')}?limit=3" for text in SCRIPTS]
    harm = {}
    for path in paths:
        tab.goto(f"{hostile.url}/console{path}")
        if found := tab.evaluate(HARM):
            harm[path] = found
    assert harm == {}
    assert "window.pwned" in tab.evaluate("document.querySelector('main').innerText"), "it is shown, as text"
    elsewhere = [asked for asked in profile.requests() if hostile.url not in asked and "data:" not in asked]
    assert elsewhere == [], "nothing that was tracked is ever asked for"


def test_what_comes_while_live_is_open_is_text_too(hostile: Collector, profile: BidiProfile) -> None:
    made = footfall("signin-link", "--json", "--url", hostile.url, db=hostile.db)
    tab = profile.open(str(json.loads(made.stdout)["link"]))
    tab.click("main form button")
    wait_for(lambda: tab.evaluate("location.pathname") == "/console/", lambda: "the link did not sign in")
    tab.goto(f"{hostile.url}/console/live")
    for number, text in enumerate(SCRIPTS):
        batch = [{**call, "messageId": f"live {number}/{n}"} for n, call in enumerate(calls(text, number)[2:4])]
        assert hostile.post("/v1/batch", {"writeKey": "sk_shop", "batch": batch}).status_code == 200
    last = {"type": "track", "event": "The last one", "userId": "victim", "anonymousId": "victim's"}
    assert hostile.post("/v1/batch", {"writeKey": "sk_shop", "batch": [last]}).status_code == 200
    wait_for(lambda: "The last one" in tab.evaluate("document.body.innerText"), lambda: "the row did not come")
    assert tab.evaluate(HARM) == []
