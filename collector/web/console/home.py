"""Home: how the shop fares, in a span of days and against the one before.

What enters: who asks, a span, perhaps a site. What leaves: a page of figures, a chart with its numbers, lists. What
counts was decided long before; here it is only put into words.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from collector.store import Store
from collector.store.overview import By, ChannelVisits, Count, Overview, OverviewQuery, Sales, Source, Span
from collector.web import asked
from collector.web.console.page import render
from collector.web.console.session import now_ms, signed_in

ROOM = "/console/"
SPANS = {
    Span.TODAY: "Today",
    Span.YESTERDAY: "Yesterday",
    Span.WEEK: "7 days",
    Span.MONTH: "30 days",
    Span.QUARTER: "90 days",
}
CHANNELS = {
    "direct": "Direct",
    "search": "Search",
    "social": "Social media",
    "email": "E-mail",
    "paid": "Paid ads",
    "referral": "Other sites",
    "ai": "AI assistants",
    "internal": "The shop itself",
    "": "Not said",
}


class Change(Struct, frozen=True):
    """`kind` is up, down or same; the words say it too."""

    kind: str
    words: str


class Figure(Struct, frozen=True):
    """One large number."""

    label: str
    value: int
    change: Change
    before: int
    note: str = ""


class SalesFigure(Struct, frozen=True):
    """Sales in one currency; `before` is the net of then. Exact decimal text."""

    currency: str
    net: str
    gross: str
    refunded: str
    unconfirmed: str
    change: Change
    before: str


class Line(Struct, frozen=True):
    """A channel, or one of its sources beneath it."""

    name: str
    count: Count
    change: Change | None
    share: int
    beneath: bool
    said: str = ""


async def show(request: Request) -> Response:
    """The figures of one span."""
    session = signed_in(request)
    span = Span(asked.word(request, "span", list(Span), Span.WEEK))
    by = By(asked.word(request, "by", list(By), By.VIEWED))
    query = OverviewQuery(span=span, now=now_ms(request), site=session.site.name if session.site else None, by=by)
    await request.app.state.writer.settle()
    store: Store = request.app.state.store
    overview = await asyncio.to_thread(store.overview, query)
    return render(
        request,
        "home.html",
        keep=["span", "by"],
        span=span,
        spans=SPANS,
        by=by,
        overview=overview,
        figures=_figures(overview),
        sales=_sales(overview),
        sources=[line for channel in overview.channels if channel.visits.now for line in _lines(channel, overview)],
        changed=_changed,
        nothing=not (overview.now.visits or overview.now.orders or overview.before.visits or overview.before.orders),
    )


def change(now: Decimal | int, before: Decimal | int) -> Change:
    """How a number has changed: `up 12%`. From nothing there is no percentage."""
    if now == before:
        return Change("same", "no change")
    kind = "up" if now > before else "down"
    if before <= 0:
        return Change(kind, f"{kind} from {before:f}" if isinstance(before, Decimal) else f"{kind} from {before}")
    share = abs(Decimal(now) - Decimal(before)) * 100 / Decimal(before)
    if share > 999:
        return Change(kind, f"{kind} more than tenfold")
    rounded = share.quantize(Decimal("0.1") if share < 10 else Decimal(1))
    return Change(kind, f"{kind} {rounded if rounded else '0.1'}%")


def _changed(count: Count) -> Change | None:
    return None if count.before is None else change(count.now, count.before)


def _figures(overview: Overview) -> list[Figure]:
    now, compared, before = overview.now, overview.compared, overview.before

    def figure(label: str, name: str, note: str = "") -> Figure:
        counts = [getattr(each, name) for each in (now, compared, before)]
        return Figure(label, counts[0], change(counts[1], counts[2]), counts[2], note)

    unconfirmed = f"{now.unconfirmed:,} of them unconfirmed" if now.unconfirmed else ""
    return [
        figure("Visitors", "visitors"),
        figure("Visits", "visits"),
        figure("Orders", "orders", unconfirmed),
        figure("New buyers", "new_buyers"),
        figure("Repeat buyers", "repeat_buyers"),
    ]


def _sales(overview: Overview) -> list[SalesFigure]:
    """One a currency; a currency that nobody paid in any more shows that it is nothing now."""
    totals = (overview.now, overview.compared, overview.before)
    now, compared, before = ({sales.currency: sales for sales in each.sales} for each in totals)
    return [_sales_of(currency, now, compared, before) for currency in sorted({*now, *before})]


def _sales_of(
    currency: str, now: dict[str, Sales], compared: dict[str, Sales], before: dict[str, Sales]
) -> SalesFigure:
    none = Sales(currency, "0", "0", "0", "0")
    sold, then = now.get(currency, none), before.get(currency, none)
    changed = change(Decimal(compared.get(currency, none).net), Decimal(then.net))
    return SalesFigure(currency, sold.net, sold.gross, sold.refunded, sold.unconfirmed, changed, then.net)


def _lines(channel: ChannelVisits, overview: Overview) -> list[Line]:
    share = round(100 * channel.visits.now / (overview.now.visits or 1))
    name = CHANNELS.get(channel.channel, channel.channel)
    head = Line(name, channel.visits, _changed(channel.visits), share, beneath=False)
    beneath = [_source_line(source) for source in channel.sources]
    if channel.others:
        rest = channel.visits.now - sum(source.visits.now for source in channel.sources)
        many = "1 other" if channel.others == 1 else f"{channel.others:,} others"
        beneath.append(Line(many, Count(rest, None), None, 0, beneath=True))
    return [head, *beneath]


def _source_line(source: Source) -> Line:
    tags = " / ".join(part for part in (source.source, source.medium) if part)
    name = source.host or source.campaign or tags
    return Line(name, source.visits, _changed(source.visits), 0, beneath=True, said=tags if source.campaign else "")


routes: list[BaseRoute] = [Route(ROOM, show, methods=["GET"])]
