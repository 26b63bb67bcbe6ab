"""Findings on what comes in from the shop: refused calls, joins, orders, pages, sites, tokens.

What enters: figures and the moment. What leaves: findings. Texts that visitors sent are in them as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collector.checkup import Finding, ok, warn
from collector.event import DAY_MS, Site
from collector.spoken import counted, span
from collector.store import Token
from collector.store.health import Joined, Lately, OrdersLately, Refusals

NAMED_MAX = 3
REFUSED_MIN = 20
REFUSED_SHARE = 0.01
GROWN_TIMES, GROWN_MIN = 3, 100
VISITS_MIN, JOINED_SHARE = 200, 0.01
ORDERS_MIN, UNCONFIRMED_SHARE, WITHOUT_VISITOR_SHARE = 20, 0.5, 0.5
WITHOUT_TOTAL_SHARE = 0.01
SILENT_SITE_MS = DAY_MS
TOKEN_MS = 365 * DAY_MS


def quarantine(refusals: Refusals) -> Finding:
    kept = sum(refusals.kept.values())
    if not kept and not refusals.today:
        return ok("quarantine", "No refused call waits in quarantine.")
    reasons = _listed(f"{reason} {n:,}" for reason, n in refusals.kept.items())
    said = counted(kept, "refused call is", "refused calls are")
    means = f"{said} kept ({reasons})" if kept else "No refused call is kept"
    means += f", {refusals.today:,} came today"
    do = "footfall quarantine list shows them; once the shop sends them well: footfall quarantine replay."
    grows = refusals.today >= GROWN_MIN and refusals.today > GROWN_TIMES * refusals.a_day
    if grows:
        return warn("quarantine", f"{means}, after {refusals.a_day:,.0f} a day in the week before.", do)
    stored = refusals.stored_today
    if refusals.today >= REFUSED_MIN and refusals.today > REFUSED_SHARE * (refusals.today + stored):
        return warn("quarantine", f"{means}, beside {counted(stored, 'that was', 'that were')} stored.", do)
    return ok("quarantine", f"{means}.")


def joining(joined: Joined) -> Finding:
    if not joined.visits:
        return ok("joining", "There is no visit yet.")
    if joined.visits == 1:
        return ok("joining", f"The one visit so far is {'' if joined.joined else 'not '}a known customer's.")
    if joined.visits < VISITS_MIN:
        are = "is" if joined.joined == 1 else "are"
        return ok("joining", f"{joined.joined:,} of the last {joined.visits:,} visits {are} a known customer's.")
    share = joined.joined / joined.visits
    means = f"{share:.1%} of the last {joined.visits:,} visits are a known customer's."
    if share < JOINED_SHARE:
        do = "Have the shop call footfall('identify', userId) when somebody logs in, and send its orders."
        return warn("joining", means, do)
    return ok("joining", means)


def orders(lately: OrdersLately) -> Finding:
    n = lately.orders
    if not n:
        return ok("orders", "There is no order yet.")
    if n == 1:
        alone_in = "only from a browser" if lately.unconfirmed else "only from the back end"
        both = "from a browser and from the back end"
        known = alone_in if lately.unconfirmed or lately.without_visitor else both
        return ok("orders", f"The one order so far is known {known}.")
    unconfirmed, alone = lately.unconfirmed / n, lately.without_visitor / n
    means = (
        f"Of the last {n:,} orders {unconfirmed:.0%} are known only from a browser, {alone:.0%} only from the back end."
    )
    if n >= ORDERS_MIN and unconfirmed > UNCONFIRMED_SHARE:
        do = "Have the shop's back end send Order Completed under the secret key: only it knows what was paid."
        return warn("orders", means, do)
    if n >= ORDERS_MIN and alone > WITHOUT_VISITOR_SHARE:
        do = (
            "See that the thank-you page sends Order Completed with the same order_id, or the back end the anonymousId."
        )
        return warn("orders", means, do)
    return ok("orders", means)


def amounts(lately: OrdersLately) -> Finding:
    n, without = lately.orders, lately.without_total
    if not n:
        return ok("amounts", "There is no order yet.")
    if not without:
        return ok("amounts", f"Each of the last {n:,} orders has an amount.")
    means = f"{without:,} of the last {n:,} orders have no amount that can be read: they count as orders, not as sales."
    if without > WITHOUT_TOTAL_SHARE * n:
        do = (
            "Have the shop send total as a plain number, 12.50 or '12.50', not '12,50' or '12.50 EUR', and send "
            "those orders again with Order Updated."
        )
        return warn("amounts", means, do)
    return ok("amounts", means)


def pages(lately: Lately) -> Finding:
    if not lately.silent:
        return ok("pages", "No page that was seen steadily has fallen silent.")
    named = _listed(page.address for page in lately.silent)
    means = f"Pages that were seen steadily were not seen for two days: {named}."
    return warn("pages", means, "See whether the tag is still in them, or they have moved.")


def origins(sites: Sequence[Site], everywhere: Sequence[str]) -> Finding:
    """`everywhere`: origins that the collector accepts for every site."""
    bare = [site.name for site in sites if not site.origins and not everywhere]
    if not sites:
        return warn("sites", "There is no site yet.", "footfall site add NAME --origin https://shop.example")
    if bare:
        means = f"No page but those of this machine may send to {_listed(bare)}: no origin is listed."
        return warn(
            "sites", means, "footfall site edit NAME --origin https://shop.example, unless only a back end sends."
        )
    return ok("sites", f"{counted(len(sites), 'site, with', 'sites, each with')} the origins of its pages.")


def silence(sites: Sequence[Site], seen: dict[str, int | None], lately: Lately, now: int) -> Finding:
    """Sites of which nothing came for a day. `seen`: when a visitor was last seen, by site."""
    last = {site.name: max(seen.get(site.name) or 0, lately.last.get(site.name, 0)) for site in sites}
    silent = [
        f"{name} (last {span(now - time)} ago)" if time else f"{name} (never)"
        for name, time in last.items()
        if now - time > SILENT_SITE_MS
    ]
    if silent:
        do = "See whether the tag is still in its pages and the collector can be reached from a browser."
        return warn("silence", f"Nothing came for a day from {_listed(silent)}.", do)
    return ok("silence", "Something came from every site within a day." if sites else "There is no site to hear from.")


def back_ends(sites: Sequence[Site], lately: Lately, orders: OrdersLately) -> Finding:
    heard = [site.name for site in sites if site.name in lately.last]
    mute = [name for name in heard if name not in lately.server]
    if mute and orders.orders:
        means = f"Nothing came under the secret key of {_listed(mute)} in the last days."
        do = "Have the shop's back end send orders and refunds: a browser can be closed too soon, or lie."
        return warn("back ends", means, do)
    if not heard:
        return ok("back ends", "No site was heard from in the last days.")
    if len(heard) == 1:
        sends = "does not send" if mute else "sends"
        return ok("back ends", f"The one site that was heard from {sends} from the back end.")
    n = len(heard) - len(mute)
    send = "sends" if n == 1 else "send"
    return ok("back ends", f"{n} of the {len(heard)} sites that were heard from {send} from the back end.")


def tokens(tokens: Sequence[Token], now: int) -> Finding:
    valid = [token for token in tokens if token.revoked is None]
    old = [token.name for token in valid if now - token.created > TOKEN_MS]
    if old:
        means = f"Tokens that are over a year old still open the reading API: {_listed(old)}."
        return warn("tokens", means, "Make new ones and revoke these: footfall token create, footfall token revoke.")
    if not tokens:
        return ok("tokens", "There is no token.")
    if not valid:
        return ok("tokens", f"No token is valid: {'it is' if len(tokens) == 1 else 'all are'} revoked.")
    if len(valid) == 1:
        return ok("tokens", "1 token is valid, less than a year old.")
    return ok("tokens", f"{len(valid):,} tokens are valid, none older than a year.")


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - NAMED_MAX} more" if len(listed) > NAMED_MAX else ""
    return ", ".join(listed[:NAMED_MAX]) + more
