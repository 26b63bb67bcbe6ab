"""Replaying what was refused: each call tried again under today's rules, as if it arrived when it first did.

What enters: refused calls, and the store that keeps them. What leaves: counts of what became of them.
What passes is stored before it leaves the quarantine: a stop in between stores it once, since its id stays the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from collector.event import Event
from collector.ingest.acceptance import replay
from collector.store import Entry, Outcome, Quarantined, Store

PAGE = 500


def replay_all(store: Store, refused: Sequence[Quarantined]) -> Counter[Outcome]:
    """What passes is stored and leaves the quarantine; the rest stays. Writes: on the writer's thread, if one runs."""
    became: Counter[Outcome] = Counter()
    for start in range(0, len(refused), PAGE):
        page = refused[start : start + PAGE]
        passed = _passing(store, page)
        became[Outcome.QUARANTINED] += len(page) - len(passed)
        became.update(store.append([entry for _, entry in passed]))
        store.release(id for id, _ in passed)
    return became


def foreseen(store: Store, refused: Sequence[Quarantined]) -> Counter[Outcome]:
    """What a replay would say, duplicates aside; changes nothing."""
    passed = _passing(store, refused)
    became = Counter(Outcome.STORED if isinstance(entry, Event) else Outcome.DROPPED for _, entry in passed)
    became[Outcome.QUARANTINED] += len(refused) - len(passed)
    return became


def _passing(store: Store, refused: Sequence[Quarantined]) -> list[tuple[int, Entry]]:
    """Those that are no longer refused, by their ids. A site that was removed takes nothing."""
    sites = {site.name: site for site in store.sites()}
    tried = [(one.id, replay(one, sites[one.site])) for one in refused if one.site in sites]
    return [(id, entry) for id, entry in tried if not isinstance(entry, Quarantined)]
