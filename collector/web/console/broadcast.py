"""The broadcast: the end of the log, read once for all who watch, and handed to each as bulletins.

What enters: a nudge at each commit. What leaves: for each watcher what is new, without gaps and without doubles; where
much comes, the newest few of each look and how many more there were. It knows no HTTP and no HTML.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from msgspec import Struct

from collector.errors import FootfallError
from collector.event import MINUTE_MS
from collector.store import Store
from collector.store.recent import Arrival, Happening

log = logging.getLogger(__name__)

PRESENT_MS = 5 * MINUTE_MS
FIRST_MAX = 50  # rows that a page begins with, and that are made up for after an absence
NEWS_MAX = 20  # rows of one look, for each choice of site
ARRIVALS_MAX = 5_000  # events that one look goes through
FOLLOWED_MAX = 400  # rows of which it is told when they turn out to be somebody else's
WAITING_MAX = 8  # looks that wait for a slow watcher
# Each is told in its own words, on the loop that also takes calls: 2 ms a look in a flood.
WATCHERS_MAX, WATCHERS_A_SESSION_MAX = 24, 4
LOOK_EVERY_S = 0.25  # at the most
LOOK_ANYWAY_S = 1.0  # other processes write too, and who somebody is may change without a commit of ours
COUNT_EVERY_S = 5.0  # people leave without a sound
SETTLE_S_MAX = 0.5


class TooMany(FootfallError):
    """So many watch already that one more is not let in."""


class Bulletin(Struct, frozen=True, kw_only=True):
    """What a watcher is told. `news` oldest first; `more` came too and are not among them (`at_least` so many).

    `retold` are events of before that may be somebody else's now, `gone` those that were erased. `present` is how many
    visitors were there in the last 5 minutes, None: as before. `latest` is the seq from where it goes on.
    """

    latest: int
    news: tuple[Happening, ...] = ()
    more: int = 0
    at_least: bool = False
    retold: tuple[Happening, ...] = ()
    gone: tuple[int, ...] = ()
    present: int | None = None


class _Look(Struct, frozen=True):
    """One reading of what is new, for all watchers."""

    arrivals: list[Arrival]
    happenings: dict[int, Happening]
    retold: tuple[Happening, ...]
    gone: tuple[int, ...]
    present: dict[str | None, int]
    latest: int
    rev: int


class Watcher:
    """One who watches a site (None: all of them), and what waits for it."""

    def __init__(self, site: str | None, after: int, session: str) -> None:
        self.site, self.after, self.session = site, after, session
        self.looks: deque[_Look] = deque()
        self.lost = True  # it must be told from the log itself where it stands
        self.ended = False
        self.woken = asyncio.Event()

    def take(self, look: _Look) -> None:
        if len(self.looks) >= WAITING_MAX:
            self.looks.clear()
            self.lost = True
        if not self.lost:
            self.looks.append(look)
        self.woken.set()

    def end(self) -> None:
        self.ended = True
        self.woken.set()


class Broadcast:
    """Belongs to one event loop. It reads only while somebody watches."""

    def __init__(self, store: Store, settle: Callable[[], Awaitable[None]], clock_ms: Callable[[], int]) -> None:
        self._store, self._settle, self._clock_ms = store, settle, clock_ms
        self._watchers: set[Watcher] = set()
        self._woken = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        # A look and the placing of a watcher take turns: between the two nothing can fall through.
        self._turn = asyncio.Lock()
        self._closed = False
        self._followed: dict[int, None] = {}
        # How far it has read: the log, and what was derived anew. None: nobody has been placed yet.
        self._after: int | None = None
        self._rev: int | None = None
        self._counted_at_s = 0.0

    def commit(self) -> None:
        """Something was stored. Costs next to nothing, and nothing more while nobody watches."""
        if self._watchers:
            self._woken.set()

    def join(self, site: str | None, after: int, session: str) -> Watcher:
        """Let somebody in who has read up to the seq `after`; let it out by `leave`. Raises TooMany."""
        if self._closed:
            raise TooMany("the collector is stopping")
        if len(self._watchers) >= WATCHERS_MAX:
            raise TooMany(f"{WATCHERS_MAX} live views are open already; close one, or reload this page to look again")
        if sum(watcher.session == session for watcher in self._watchers) >= WATCHERS_A_SESSION_MAX:
            raise TooMany(f"you have {WATCHERS_A_SESSION_MAX} live views open already; close one of them")
        watcher = Watcher(site, after, session)
        self._watchers.add(watcher)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """It watches no more."""
        self._watchers.discard(watcher)
        if not self._watchers:
            self._stop()

    @property
    def sessions(self) -> frozenset[str]:
        """By which sessions somebody watches."""
        return frozenset(watcher.session for watcher in self._watchers)

    def end(self, session: str) -> None:
        """All who watch by this session are sent away: it is over."""
        for watcher in self._watchers:
            if watcher.session == session:
                watcher.end()

    def close(self) -> None:
        """The server stops: all are sent away, nobody is let in any more."""
        self._closed = True
        for watcher in self._watchers:
            watcher.end()
        self._stop()

    def _stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking, self._after, self._rev = None, None, None
        self._followed.clear()

    async def bulletins(self, watcher: Watcher, heartbeat_s: float) -> AsyncIterator[Bulletin | None]:
        """What the watcher is told, as it comes; None where nothing came for so long. Ends when it is sent away."""
        while not watcher.ended:
            if watcher.lost:
                await self._settled()
                async with self._turn:
                    bulletin = await self._place(watcher)
                yield bulletin
            elif watcher.looks:
                told = _bulletin(watcher, watcher.looks.popleft())
                if told is not None:
                    yield told
            else:
                watcher.woken.clear()
                try:
                    async with asyncio.timeout(heartbeat_s):
                        await watcher.woken.wait()
                except TimeoutError:
                    yield None

    async def _place(self, watcher: Watcher) -> Bulletin:
        """Where it stands: what it missed, and whose the rows are that it may be showing."""
        watcher.lost = False
        rev, happenings, arrivals, present = await asyncio.to_thread(self._read_for, watcher.site)
        fresh = [arrival.seq for arrival in arrivals if arrival.seq > watcher.after and _is_of(arrival, watcher.site)]
        news = [each for each in happenings if each.seq > watcher.after]
        at_least = len(arrivals) == ARRIVALS_MAX and arrivals[-1].seq > watcher.after
        self._follow(happenings)
        # Also where it claimed to be ahead: the file may have been restored from a backup.
        watcher.after = arrivals[0].seq if arrivals else 0
        if self._after is None:
            self._after, self._rev = watcher.after, rev
        return Bulletin(
            latest=watcher.after,
            news=tuple(reversed(news)),
            more=len(fresh) - len(news),
            at_least=at_least,
            retold=tuple(each for each in happenings if each not in news),
            present=present,
        )

    def _read_for(self, site: str | None) -> tuple[int, list[Happening], list[Arrival], int]:
        rev = self._store.changed((), None).rev
        arrivals = self._store.arrivals(0, ARRIVALS_MAX)
        happenings = self._store.happenings(_newest(arrivals, site, FIRST_MAX))
        return rev, happenings, arrivals, self._store.present(site, self._clock_ms() - PRESENT_MS)

    # For all ----------------------------------------------------------------------------------------------------------

    async def _look_on(self) -> None:
        """Look as often as something was stored, but not more often than people can read."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_ANYWAY_S):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._settled()
                async with self._turn:
                    if self._after is not None:
                        await self._look(self._after)
            except Exception:
                # A disk that fails for a moment must not end the watching; the next look makes up for this one.
                log.exception("what is new could not be read")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, after: int) -> None:
        sites = frozenset(watcher.site for watcher in self._watchers)
        now_s = asyncio.get_running_loop().time()
        counting = now_s - self._counted_at_s >= COUNT_EVERY_S
        look = await asyncio.to_thread(self._read, sites, after, tuple(self._followed), counting)
        if look.present:
            self._counted_at_s = now_s
        self._after, self._rev = look.latest, look.rev
        self._follow(look.happenings.values())
        for seq in look.gone:
            self._followed.pop(seq, None)
        if look.arrivals or look.retold or look.gone or look.present:
            for watcher in self._watchers:
                watcher.take(look)

    def _read(self, sites: frozenset[str | None], after: int, followed: Sequence[int], counting: bool) -> _Look:
        """First what has changed, then what is new: what changes in between is told by the next look."""
        changed = self._store.changed(followed, self._rev)
        arrivals = self._store.arrivals(after, ARRIVALS_MAX)
        chosen = {seq for site in sites for seq in _newest(arrivals, site, NEWS_MAX)}
        happenings = self._store.happenings(sorted(chosen)) if chosen else []
        since = self._clock_ms() - PRESENT_MS
        return _Look(
            arrivals=arrivals,
            happenings={each.seq: each for each in happenings},
            retold=changed.retold,
            gone=changed.gone,
            present={site: self._store.present(site, since) for site in sites} if counting or arrivals else {},
            latest=arrivals[0].seq if arrivals else after,
            rev=changed.rev,
        )

    def _follow(self, happenings: Iterable[Happening]) -> None:
        self._followed |= {each.seq: None for each in sorted(happenings, key=lambda each: each.seq)}
        for seq in list(self._followed)[: max(0, len(self._followed) - FOLLOWED_MAX)]:
            del self._followed[seq]

    async def _settled(self) -> None:
        """Whose an event is shows once what is derived has caught up; news do not wait for that for long."""
        try:
            async with asyncio.timeout(SETTLE_S_MAX):
                await self._settle()
        except Exception as error:
            # Whatever keeps it from following is told by whoever follows.
            log.debug("what is derived lags behind what is shown: %s", error)


def newest_of(store: Store, site: str | None) -> tuple[list[Happening], int]:
    """The rows that a page begins with, newest first, and the seq from where its stream goes on."""
    arrivals = store.arrivals(0, ARRIVALS_MAX)
    return store.happenings(_newest(arrivals, site, FIRST_MAX)), arrivals[0].seq if arrivals else 0


def _bulletin(watcher: Watcher, look: _Look) -> Bulletin | None:
    """A watcher's part of a look; None where there is nothing for it in it."""
    fresh = [arrival.seq for arrival in look.arrivals if arrival.seq > watcher.after and _is_of(arrival, watcher.site)]
    at_least = len(look.arrivals) == ARRIVALS_MAX and look.arrivals[-1].seq > watcher.after + 1
    news = [look.happenings[seq] for seq in fresh[:NEWS_MAX] if seq in look.happenings]
    watcher.after = max(watcher.after, look.latest)
    retold = tuple(each for each in look.retold if watcher.site in (None, each.site))
    present = look.present.get(watcher.site)
    if not (fresh or retold or look.gone) and present is None:
        return None
    return Bulletin(
        latest=watcher.after,
        news=tuple(reversed(news)),
        more=len(fresh) - len(news),
        at_least=at_least and bool(fresh),
        retold=retold,
        gone=look.gone,
        present=present,
    )


def _newest(arrivals: list[Arrival], site: str | None, limit: int) -> list[int]:
    return [arrival.seq for arrival in arrivals if _is_of(arrival, site)][:limit]


def _is_of(arrival: Arrival, site: str | None) -> bool:
    return site is None or arrival.site == site
