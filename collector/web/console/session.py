"""Who is signed in: the session of a request, and its cookie.

What enters: a request. What leaves: its session, once the guard (`guard.py`) has let it in. It knows no room.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

from msgspec import Struct
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from collector.errors import NotFound, Unavailable
from collector.event import Site
from collector.ingest.keys import secret_hash
from collector.store import Store
from collector.store.audit import Act, Actor, By
from collector.store.sessions import SESSION_MS_MAX, KeptSession
from collector.store.users import Role
from collector.web.failure import Denied
from collector.web.roles import DUTIES_OF_ROLES, Duty
from collector.web.times import zone_of

TOUCH_EVERY_MS = 300_000


class Session(Struct, frozen=True, kw_only=True):
    """Who asks, and about which site. `site` is None for all of them; `zone` is the one that times are shown in.

    `user` is None for who came by a one-time link, who is an owner.
    """

    hash: str
    csrf: str
    user: str | None
    role: Role
    sites: list[Site]
    site: Site | None
    zone: str

    @property
    def duties(self) -> frozenset[Duty]:
        """What they may do."""
        return DUTIES_OF_ROLES[self.role]

    @property
    def actor(self) -> Actor:
        """Who they are in the audit log."""
        return Actor(By.LINK) if self.user is None else Actor(By.USER, self.user)


def signed_in(request: Request) -> Session:
    """The session; the guard let nobody in without one. Raises NotFound where `?site=` names no site."""
    session = session_of(request)
    if session is None:
        raise Denied(401, "unauthorised", "this page is for people who are signed in")
    named = request.query_params.get("site")
    if named and session.site is None:
        raise NotFound(f"there is no site {named}")
    return session


def session_of(request: Request) -> Session | None:
    """The session where there is one."""
    session: Session | None = getattr(request.state, "session", None)
    return session


def posted(request: Request) -> FormData:
    """The fields of the form that was sent, its token already checked."""
    form: FormData = getattr(request.state, "form", FormData())
    return form


async def changed(request: Request, what: str) -> None:
    """Tell the audit log that a setting was changed."""
    await request.app.state.audit.keep(signed_in(request).actor, Act.CHANGED, what)


async def find(request: Request) -> Session | None:
    """The session whose secret the request's cookie bears, where it holds."""
    secret = request.cookies.get(cookie_name(request))
    if not secret:
        return None
    store: Store = request.app.state.store
    hash, at = secret_hash(secret), now_ms(request)
    kept, sites = await asyncio.to_thread(_look_up, store, hash, at)
    if kept is None:
        return None
    if at - kept.seen > TOUCH_EVERY_MS:
        with suppress(Unavailable):  # a full disk keeps nobody from reading
            await request.app.state.writer.run(Store.touch_session, hash, at)
    name = request.query_params.get("site")
    site = next((one for one in sites if one.name == name), None)
    zone = zone_of(site.name if site else None, sites)
    return Session(hash=hash, csrf=_csrf(secret), user=kept.user, role=kept.role, sites=sites, site=site, zone=zone)


def _look_up(store: Store, hash: str, at: int) -> tuple[KeptSession | None, list[Site]]:
    return store.session(hash, at), store.sites()


def _csrf(secret: str) -> str:
    """Follows from the session's secret, so that nothing more must be kept; tells nothing of it."""
    return sha256(f"csrf\0{secret}".encode("utf-8", "surrogatepass")).hexdigest()


def is_secure(request: Request) -> bool:
    """Whether browsers reach the console by https, as the settings say or the connection shows."""
    return bool(request.app.state.settings.public_url.startswith("https:")) or request.url.scheme == "https"


def cookie_name(request: Request) -> str:
    """With the prefix no page of a neighbouring host, such as the shop's, can set or replace the cookie.

    Nor may it be named as the visitor's, `footfall`: on one host, as in the demo, either would put the other out.
    """
    return "__Host-footfall_console" if is_secure(request) else "footfall_console"


def set_cookie(request: Request, response: Response, secret: str) -> None:
    """Give the browser the session's secret; '' takes it away."""
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=SESSION_MS_MAX // 1_000 if secret else 0,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def now_ms(request: Request) -> int:
    """The application's clock: ms since 1970."""
    return clock_ms(request.app)


def clock_ms(app: Starlette) -> int:
    """What an application's clock shows; a test may have set another."""
    clock: Callable[[], int] = getattr(app.state, "clock_ms", _wall_ms)
    return clock()


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
