"""How visitors of the demo's past came: a channel enters, the referring page and the landing's parameters leave.

The words are those that shops put into their links. What they mean is for `enrich` to find out, as for any call.
"""

from __future__ import annotations

from datetime import date
from random import Random

from msgspec import Struct

from collector.demo.people import pick


class Landing(Struct, frozen=True):
    """`page` says where a link leads: home, category or product. `query` has no question mark."""

    referrer: str = ""
    query: str = ""
    page: str = "home"


FIRST = (("search", 34), ("direct", 16), ("social", 15), ("paid", 15), ("referral", 10), ("ai", 7), ("app", 3))
AGAIN = (("direct", 46), ("search", 26), ("paid", 8), ("social", 8), ("referral", 5), ("ai", 4), ("app", 3))
_ENGINES = (("https://www.google.com/", 78), ("https://www.bing.com/", 9), ("https://duckduckgo.com/", 8),
            ("https://www.ecosia.org/", 5))  # fmt: skip
_SOCIAL = (("https://www.instagram.com/", 46), ("https://www.pinterest.com/", 30), ("https://l.facebook.com/", 14),
           ("https://www.tiktok.com/", 10))  # fmt: skip
_ASSISTANTS = (("chatgpt.com", 60), ("www.perplexity.ai", 22), ("gemini.google.com", 10), ("claude.ai", 8))
_BLOGS = ("https://slow-kitchen.example/linen-aprons", "https://balcony.example/best-watering-cans",
          "https://gifts.example/for-gardeners", "https://lamp-notes.example/opal")  # fmt: skip
_PAID = (("brand", 30), ("lamps", 30), ("garden-autumn", 20), ("gifts", 20))
_WORDS = {"brand": "heron hazel", "lamps": "opal lamp", "garden-autumn": "garden tools", "gifts": "gifts for the house"}
_ANYWHERE = (("home", 30), ("category", 30), ("product", 40))


def landing(chance: Random, channel: str, day: date) -> Landing:
    """A landing by one of the channels of FIRST and AGAIN."""
    page = pick(chance, _ANYWHERE)
    if channel == "search":
        return Landing(pick(chance, _ENGINES), page=page)
    if channel == "social":
        query = f"utm_source=instagram&utm_medium=social&utm_campaign=table-{day:%B}".lower()
        return Landing(pick(chance, _SOCIAL), query if chance.random() < 0.4 else "", page)
    if channel == "paid":
        return _paid(chance)
    if channel == "ai":
        host = pick(chance, _ASSISTANTS)
        return Landing(f"https://{host}/", f"utm_source={host}" if host == "chatgpt.com" else "", "product")
    if channel == "referral":
        return Landing(chance.choice(_BLOGS), page="product")
    if channel == "app":
        return Landing("android-app://com.google.android.googlequicksearchbox/", page=page)
    return Landing()


def mail_landing(issue: date) -> Landing:
    """The link of a newsletter."""
    query = f"utm_source=newsletter&utm_medium=email&utm_campaign=news-{issue:%Y-%m-%d}"
    return Landing("", query, "category")


def _paid(chance: Random) -> Landing:
    if chance.random() < 0.3:
        query = (
            f"utm_source=facebook&utm_medium=paid_social&utm_campaign=autumn-table&fbclid=fb{chance.getrandbits(48):x}"
        )
        return Landing("https://l.facebook.com/", query, "product")
    name = pick(chance, _PAID)
    term = _WORDS[name].replace(" ", "+")
    query = f"utm_source=google&utm_medium=cpc&utm_campaign={name}&utm_term={term}&gclid=Cj{chance.getrandbits(64):x}"
    return Landing("https://www.google.com/", query, "product" if name == "lamps" else "category")
