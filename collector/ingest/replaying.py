"""Replaying what was refused: each call tried again under today's rules, as if it arrived when it first did.

What enters: refused calls, and the store that keeps them. What leaves: counts of what became of them.
What passes is stored before it leaves the quarantine: a stop in between stores it once, since its id stays the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from collector.event import Event, Site
from collector.ingest.acceptance import replay
from collector.ingest.writer import Writer
from collector.store import Entry, Outcome, Quarantined, Store

PAGE = 500


def chosen(store: Store, site: str | None, reason: str | None) -> Iterator[Quarantined]:
    """Refused calls, oldest first; None is any."""
    after = 0
    while page := store.quarantined(after, PAGE):
        after = page[-1].id
        yield from (one for one in page if site in (None, one.site) and reason in (None, one.reason))


def replay_all(store: Store, refused: Sequence[Quarantined]) -> Counter[Outcome]:
    """What passes is stored and leaves the quarantine; the rest stays. For a process that writes by itself."""
    became: Counter[Outcome] = Counter()
    for start in range(0, len(refused), PAGE):
        page = refused[start : start + PAGE]
        passed = passing(store.sites(), page)
        became[Outcome.QUARANTINED] += len(page) - len(passed)
        became.update(outcome.told for outcome in store.append([entry for _, entry in passed]))
        store.release(id for id, _ in passed)
    return became


def foreseen(store: Store, refused: Sequence[Quarantined]) -> Counter[Outcome]:
    """What a replay would say, duplicates aside; changes nothing."""
    passed = passing(store.sites(), refused)
    became = Counter(Outcome.STORED if isinstance(entry, Event) else Outcome.DROPPED for _, entry in passed)
    became[Outcome.QUARANTINED] += len(refused) - len(passed)
    return became


async def replay_through(writer: Writer, store: Store, refused: Sequence[Quarantined]) -> Counter[Outcome]:
    """The same where a writer runs."""
    became: Counter[Outcome] = Counter()
    sites = await asyncio.to_thread(store.sites)
    for start in range(0, len(refused), PAGE):
        page = refused[start : start + PAGE]
        passed = await asyncio.to_thread(passing, sites, page)
        became[Outcome.QUARANTINED] += len(page) - len(passed)
        outcomes = await writer.submit([entry for _, entry in passed], sum(len(one.raw) for one in page), exact=True)
        became.update(outcome.told for outcome in outcomes)
        await writer.run(Store.release, [id for id, _ in passed])
    return became


def passing(sites: Sequence[Site], refused: Sequence[Quarantined]) -> list[tuple[int, Entry]]:
    """Those that are no longer refused, by their ids. A site that was removed takes nothing."""
    by_name = {site.name: site for site in sites}
    tried = [(one.id, replay(one, by_name[one.site])) for one in refused if one.site in by_name]
    return [(id, entry) for id, entry in tried if not isinstance(entry, Quarantined)]
