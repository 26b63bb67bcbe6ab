"""What the snippet asks beside its calls: a copy of the visitor's cookie, and a hand-over to a second domain.

What enters: small JSON from a page that the site lists. What leaves: the copy, in a cookie that no script sees, on a
path of its own, the only one that answers requests with cookies; tokens. It stores nothing, and no call takes its id
from here.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.enrich.consent import ANALYTICS
from collector.errors import NotACall
from collector.event import DAY_MS, ConsentMode, Site
from collector.ingest.handover import HandedOver, Handovers
from collector.web.ingest import Admission
from collector.web.listed_page import PageAsks, answer_page, asked_by_page
from collector.web.snippet import fingerprint

COPY_PATH, HANDOVER_PATH = "/v1/visitor", "/v1/handover"
AGE_MS = 395 * DAY_MS  # 13 months from the id's making, as the snippet's own cookie
PURPOSES_MAX, PURPOSE_MAX = 20, 80
_UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Asked(PageAsks, frozen=True, rename="camel"):
    """What the snippet says. `new`: it has made the id just now, for want of a cookie."""

    preferences: dict[str, bool] = {}
    new: bool = False
    token: str = ""


class Device:
    """Both doors. `admission` as the calls' doors have it."""

    def __init__(self, admission: Admission, handovers: Handovers) -> None:
        self._admission = admission
        self._handovers = handovers

    async def copy(self, request: Request) -> Response:
        """Keeps the visitor's id in a cookie, or tells a new visitor who they were; forgets it at a refusal."""
        asked, gate, origin = await asked_by_page(request, self._admission, Asked)
        name = f"footfall_copy_{fingerprint(gate.site.name)}"
        answer = answer_page(origin, {"anonymousId": None}, credentials=True)
        if not _allows(gate.site, asked.preferences):
            _set(answer, name, "", 0, request.url.path)
            return answer
        now_ms = self._admission.clock_ms()
        kept = request.cookies.get(name, "")
        if asked.new and _rest_ms(kept, now_ms):
            return answer_page(origin, {"anonymousId": kept}, credentials=True)
        rest_ms = _rest_ms(asked.anonymous_id, now_ms)
        if not rest_ms:
            raise NotACall("not_a_call", "anonymousId is no id of the snippet's")
        answer = answer_page(origin, {"anonymousId": asked.anonymous_id}, credentials=True)
        _set(answer, name, asked.anonymous_id, rest_ms // 1_000, request.url.path)
        return answer

    async def handover(self, request: Request) -> Response:
        """A token for a visitor, or the visitor for a token."""
        asked, gate, origin = await asked_by_page(request, self._admission, Asked)
        now_ms = self._admission.clock_ms()
        if asked.token:
            whom = self._handovers.redeem(gate.site, asked.token, now_ms)
            told = {"anonymousId": whom.visitor, "preferences": whom.preferences} if whom else {"anonymousId": None}
            return answer_page(origin, told)
        if not _allows(gate.site, asked.preferences):
            return answer_page(origin, {"token": None})
        if not _rest_ms(asked.anonymous_id, now_ms):
            raise NotACall("not_a_call", "anonymousId is no id of the snippet's")
        return answer_page(origin, {"token": self._handovers.give(gate.site, _whom(asked), now_ms)})

    def routes(self, path_prefix: str) -> list[Route]:
        doors = ((COPY_PATH, self.copy), (HANDOVER_PATH, self.handover))
        prefixes = sorted({"", path_prefix})
        return [Route(prefix + path, door, methods=["POST"]) for prefix in prefixes for path, door in doors]


def _allows(site: Site, preferences: dict[str, bool]) -> bool:
    """Whether the visitor's id may be kept."""
    return preferences.get(ANALYTICS, site.consent == ConsentMode.OPT_OUT)


def _rest_ms(id: str, now_ms: int) -> int:
    """How long an id may still be kept; 0 where it is none, or made in the future."""
    if not _UUID_7.fullmatch(id):
        return 0
    made_ms = int(id[:8] + id[9:13], 16)
    return max(0, made_ms + AGE_MS - now_ms) if made_ms < now_ms + DAY_MS else 0


def _whom(asked: Asked) -> HandedOver:
    told = list(asked.preferences.items())[:PURPOSES_MAX]
    return HandedOver(asked.anonymous_id, {purpose[:PURPOSE_MAX]: granted for purpose, granted in told})


def _set(answer: Response, name: str, value: str, age_s: int, path: str) -> None:
    answer.set_cookie(name, value, max_age=age_s, path=path, secure=True, httponly=True, samesite="lax")
