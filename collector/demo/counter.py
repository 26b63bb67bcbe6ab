"""Behind the counter of the demo shop: an order's page, and what a warehouse does to an order in a real one.

A visitor may play the warehouse for their own order; the back end then tells the collector as it would of any.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from collector.demo import back_end
from collector.demo.back_end import Message
from collector.demo.records import Sold
from collector.demo.visit import Visit, handled

# What may be done to an order of each status, and what it is called on the button.
NEXT = {
    "paid": {"shipped": "Send it", "cancelled": "Cancel it"},
    "shipped": {"delivered": "Deliver it"},
    "delivered": {"refunded": "Take it back"},
}
DEEDS: dict[str, Callable[[Sold, int], Message]] = {
    "shipped": back_end.shipped,
    "delivered": back_end.delivered,
    "cancelled": lambda order, at: back_end.cancelled(order, at, "changed mind"),
    "refunded": lambda order, at: back_end.refunded(order, at, order.basket.total, "sent back"),
}


def show(visit: Visit) -> Response:
    order = visit.own_order()
    return visit.page("order.html", order=order, deeds=NEXT.get(order.status, {}))


def do(visit: Visit) -> Response:
    """Do to the order what its status allows."""
    order = visit.own_order()
    status = visit.form.get("status", "")
    if status not in DEEDS:
        raise HTTPException(400)
    if status in NEXT.get(order.status, {}):
        visit.shop.books.keep_order(replace(order, status=status))
        visit.shop.tell([DEEDS[status](order, visit.now)])
    return visit.go(f"orders/{order.id}")


routes = [
    Route("/orders/{order}", handled(show)),
    Route("/orders/{order}", handled(do), methods=["POST"]),
]
