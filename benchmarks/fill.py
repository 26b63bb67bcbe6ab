"""Fills a real database with the mix, through the store's own append and follow.

Enters: a path and a number of events. Leaves: how long it took and what the file takes. It knows nothing of HTTP.
"""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

from msgspec import Struct

from benchmarks import mix
from benchmarks.openloop import Keys
from collector.event import Campaign, ConsentMode, Event, Setup, Site, Trust
from collector.ingest.keys import secret_hash
from collector.store.sqlite.store import SqliteStore

GROUP_EVENTS = 2_000
SITES = ("shop", "outlet")


class Filled(Struct, frozen=True):
    """What a fill took. `bytes_an_event` counts the whole file: indexes, dictionaries, everything derived."""

    events: int
    append_s: float
    follow_s: float
    bytes_an_event: float


def fill(path: Path, count: int) -> Filled:
    """Make a new database of `count` events, all of them followed by what is derived."""
    store = SqliteStore.open(str(path))
    for name in SITES:
        store.put_site(site(name))
    stream = (event(told) for told in mix.events(count))
    append_s = follow_s = 0.0
    while group := list(islice(stream, GROUP_EVENTS)):
        began = time.perf_counter()
        store.append(group)
        appended = time.perf_counter()
        while store.follow(GROUP_EVENTS):
            pass
        append_s += appended - began
        follow_s += time.perf_counter() - appended
    store.close()
    return Filled(count, append_s, follow_s, path.stat().st_size / count)


def keys_of(name: str) -> Keys:
    """A site's keys follow from its name."""
    return Keys(write=f"wk_{name}", secret=f"sk_{name}")


def site(name: str) -> Site:
    keys = keys_of(name)
    return Site(
        name=name,
        write_key=keys.write,
        secret_key_hash=secret_hash(keys.secret),
        identity_key=f"ik_{name}",
        consent=ConsentMode.OPT_OUT,
    )


def event(told: mix.Event) -> Event:
    """A call of the mix as it is when it has been accepted."""
    url, title = told.page or ("", "")
    person = told.person or ""
    known = {"email": person} if "@" in person else {"user": person or None}
    email = f"customer.{person}@mail.example" if told.type == "identify" else known.get("email")
    return Event(
        site=told.site,
        id=told.message_id,
        trust=Trust.SERVER if told.secret else Trust.BROWSER,
        type=told.type,
        name=told.name or "",
        time=told.time,
        received=told.received,
        visitor=told.visitor,
        user=known.get("user"),
        email=email,
        url=url,
        title=title,
        referrer=told.referrer or "",
        channel="referral" if told.referrer else "direct" if told.visitor else "",
        campaign=Campaign(*told.campaign) if told.campaign else Campaign(),
        setup=_setup(told.setup),
        network=told.network or "",
        consent="",
        properties="" if told.properties == "{}" else told.properties,
    )


def _setup(parts: tuple[str, ...] | None) -> Setup:
    if parts is None:
        return Setup()
    device, browser, system, screen, locale, library = parts
    name, _, version = browser.rpartition(" ")
    os, _, os_version = system.rpartition(" ")
    return Setup(
        device=device,
        browser=name,
        browser_version=version,
        os=os or system,
        os_version=os_version if os else "",
        screen=screen,
        locale=locale,
        library=library.replace(" ", "/"),
    )
