"""The door by which a browser has erased what it told a site: after a withdrawal the snippet offers it.

What enters: a page's word, with the visitor's id as the only proof. What leaves: a receipt, the same whether or not
anything was held, since no answer to a public key may tell that. What such a proof is good for is the store's affair.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.errors import NotACall
from collector.store import Receipt, Store
from collector.store.audit import Act, Actor, By
from collector.web.buckets import Buckets, block_of
from collector.web.failure import TooFast
from collector.web.ingest import Admission
from collector.web.listed_page import PageAsks, address_of, answer_page, asked_by_page

PATH = "/v1/forget"
# So many at once, then one each so many seconds: for those who share an address it must not be too few.
PER_ADDRESS = (10, 30.0)
ID_MAX = 1_000


class Forgetting:
    """`admission` as the calls' doors have it."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._addresses = Buckets(*PER_ADDRESS)

    async def forget(self, request: Request) -> Response:
        """Takes out what this browser told the site, and says so by a receipt."""
        asked, gate, origin = await asked_by_page(request, self._admission, PageAsks)
        if not 0 < len(asked.anonymous_id) <= ID_MAX:
            raise NotACall("not_a_call", "anonymousId is missing")
        address, now_s = block_of(address_of(request, self._admission)), time.monotonic()
        wait_s = self._addresses.wait_s(address, now_s)
        if wait_s:
            raise TooFast(wait_s)
        self._addresses.spend(address, now_s)
        whose = (gate.site.name, asked.anonymous_id)
        receipt: Receipt = await self._admission.writer.run(Store.erase_browsing, *whose, self._admission.clock_ms())
        if receipt.visitors:
            await request.app.state.audit.keep(Actor(By.VISITOR), Act.ERASED, f"visitor:{asked.anonymous_id}")
        return answer_page(origin, {"receipt": receipt.hash})

    def routes(self, path_prefix: str) -> list[Route]:
        return [Route(prefix + PATH, self.forget, methods=["POST"]) for prefix in sorted({"", path_prefix})]
