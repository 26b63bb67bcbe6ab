"""Which campaign and which channel brought a visit."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest

import collector.enrich
from collector.enrich.arrival import Arrival
from collector.enrich.channel import Channel
from collector.enrich.steps import enrich
from collector.event import Call, Campaign, ConsentMode, Event, Site

SITE = Site(
    name="shop",
    write_key="w",
    secret_key_hash="",
    identity_key="k" * 32,
    origins=("https://shop.example", "https://outlet.example:8443"),
    consent=ConsentMode.OPT_OUT,
)
PAGE = "https://shop.example/p"


def landed(server: bool = False, **fields: object) -> Event:
    call = Call(**{"type": "page", "name": "", "id": "m1", "time": 1, "received": 1, "visitor": "v1", **fields})  # type: ignore[arg-type]
    event = enrich(call, Arrival(site=SITE, server=server, address="", user_agent=""))
    assert isinstance(event, Event)
    return event


@pytest.mark.parametrize(
    ("referrer", "wanted"),
    [
        (None, "direct"),
        ("", "direct"),
        ("about:client", "direct"),
        ("not an address", "direct"),
        ("https://www.google.com/", "search"),
        ("https://www.google.co.uk/", "search"),
        ("https://google.com.br/search?q=kettle", "search"),
        ("https://WWW.Bing.com/search?q=kettle", "search"),
        ("https://duckduckgo.com/", "search"),
        ("https://search.yahoo.com/", "search"),
        ("https://yandex.com.tr/", "search"),
        ("android-app://com.google.android.googlequicksearchbox/", "search"),
        ("https://l.facebook.com/", "social"),
        ("https://t.co/abc", "social"),
        ("https://out.reddit.com/t3_x", "social"),
        ("https://www.pinterest.fr/", "social"),
        ("https://l.instagram.com/", "social"),
        ("https://mail.google.com/mail/u/0/", "email"),
        ("https://outlook.live.com/", "email"),
        ("https://mail.yahoo.co.jp/", "email"),
        ("android-app://com.google.android.gm/", "email"),
        ("https://chatgpt.com/", "ai"),
        ("https://www.perplexity.ai/search/x", "ai"),
        ("https://gemini.google.com/", "ai"),
        ("https://copilot.microsoft.com/", "ai"),
        ("https://claude.ai/chat", "ai"),
        ("https://googleads.g.doubleclick.net/", "paid"),
        ("https://docs.google.com/document/d/1", "referral"),
        ("https://blog.partner.example/best-kettles", "referral"),
        ("https://google.evil.example/", "referral"),
        ("https://notgoogle.com/", "referral"),
        ("https://x.com.evil.example/", "referral"),
        ("https://user:word@www.bing.com:443/", "search"),
        ("https://shop.example/other", "internal"),
        ("https://www.shop.example/", "internal"),
        ("https://help.shop.example:8080/", "internal"),
        ("https://outlet.example/", "internal"),
        ("https://myshop.example/", "referral"),
    ],
)
def test_the_referrer_tells_the_channel(referrer: str | None, wanted: str) -> None:
    assert landed(url=PAGE, referrer=referrer).channel == wanted


@pytest.mark.parametrize(
    ("page", "referrer", "wanted"),
    [
        ("https://www.kettles.test/", "https://m.kettles.test/", "internal"),
        ("https://shop.kettles.test/", "https://www.kettles.test/", "internal"),
        ("https://shop.kettles.test/", "https://kettles.test/", "internal"),
        ("https://www.shop.kettles.test/", "https://shop.kettles.test/", "internal"),
        ("https://jane.hosted-shops.test/", "https://joe.hosted-shops.test/", "referral"),
        ("https://jane.hosted-shops.test/", "https://hosted-shops.test/", "referral"),
        ("https://shop.hosted-shops.test/", "https://joe.hosted-shops.test/", "referral"),
        ("https://shop.test/", "https://www.test/", "referral"),
    ],
)
def test_front_doors_of_the_pages_own_host_are_internal(page: str, referrer: str, wanted: str) -> None:
    assert landed(url=page, referrer=referrer).channel == wanted


GOOGLE, OWN, BLOG = "https://www.google.com/", "https://shop.example/", "https://blog.example/"


@pytest.mark.parametrize(
    ("query", "referrer", "wanted"),
    [
        ("utm_source=google&utm_medium=cpc", GOOGLE, "paid"),
        ("utm_source=facebook&utm_medium=paid_social", None, "paid"),
        ("utm_source=facebook&utm_medium=PaidSocial", None, "paid"),
        ("utm_source=partner&utm_medium=display", None, "paid"),
        ("utm_source=criteo&utm_medium=retargeting", None, "paid"),
        ("gclid=abc", GOOGLE, "paid"),
        ("gbraid=abc", None, "paid"),
        ("wbraid=abc", None, "paid"),
        ("msclkid=abc", "https://www.bing.com/", "paid"),
        ("ttclid=abc", None, "paid"),
        ("yclid=abc", None, "paid"),
        ("li_fat_id=abc", None, "paid"),
        ("fbclid=abc", None, "social"),
        ("fbclid=abc", "https://l.facebook.com/", "social"),
        ("fbclid=abc&utm_medium=email", None, "email"),
        ("fbclid=abc&gclid=def", None, "paid"),
        ("utm_source=spring&utm_medium=email", None, "email"),
        ("utm_source=spring&utm_medium=E-Mail", GOOGLE, "email"),
        ("utm_source=newsletter", None, "email"),
        ("utm_source=klaviyo&utm_campaign=may", None, "email"),
        ("utm_source=instagram&utm_medium=social", None, "social"),
        ("utm_source=spring&utm_medium=Social", GOOGLE, "social"),
        ("utm_source=ig&utm_medium=story", None, "social"),
        ("utm_source=google&utm_medium=organic", None, "search"),
        ("utm_source=findit&utm_medium=organic", None, "search"),
        ("utm_source=chatgpt.com", None, "ai"),
        ("utm_source=chatgpt.com&utm_medium=referral", None, "ai"),
        ("utm_source=blog&utm_medium=referral", None, "referral"),
        ("utm_source=partner&utm_medium=affiliate", GOOGLE, "referral"),
        ("utm_source=flyer&utm_campaign=may", None, "referral"),
        ("utm_source=flyer", GOOGLE, "search"),
        ("utm_source=flyer", OWN, "referral"),
        ("utm_campaign=may", BLOG, "referral"),
        ("utm_source=direct&utm_medium=(none)", None, "direct"),
        ("utm_medium=unpaid", None, "referral"),
        ("utm_medium=", OWN, "internal"),
        ("page=2", OWN, "internal"),
        ("gclid=", None, "direct"),
    ],
)
def test_the_campaign_outranks_the_referrer(query: str, referrer: str | None, wanted: str) -> None:
    assert landed(url=f"{PAGE}?{query}", referrer=referrer).channel == wanted


def test_a_server_call_that_speaks_of_no_page_has_no_channel() -> None:
    assert landed(server=True, type="track", name="Order Completed").channel == ""
    assert landed(server=True, url=PAGE).channel == "direct"
    assert landed(server=True, campaign={"medium": "email"}).channel == "email"
    assert landed(type="screen").channel == "direct"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (
            f"{PAGE}?utm_source=a&utm_medium=b&utm_campaign=c&utm_term=d&utm_content=e",
            Campaign("a", "b", "c", "d", "e"),
        ),
        (f"{PAGE}?utm_source=Spring%20Sale+2&utm_source=later", Campaign("Spring Sale 2")),
        (f"{PAGE}?utm_source=a#utm_medium=x", Campaign("a")),
        (f"{PAGE}?utm_source=%20&utm_medium=", Campaign()),
        (f"{PAGE}?x=1&gclid=Ab-1_", Campaign(click_id="gclid:Ab-1_")),
        (f"{PAGE}?fbclid=f&msclkid=m", Campaign(click_id="msclkid:m")),
        (f"{PAGE}#?utm_source=a", Campaign()),
        ("HTTPS://shop.example/?utm_source=a", Campaign("a")),
        ("ftp://shop.example/?utm_source=a", Campaign()),
        ("javascript:alert(1)//https://x/?utm_source=a", Campaign()),
        ("https://[broken/?utm_source=a", Campaign("a")),
        ("https://shop.example/?utm_source=%ff%zz", Campaign("\ufffd%zz")),
    ],
)
def test_the_campaign_is_read_from_the_address(url: str, wanted: Campaign) -> None:
    assert landed(url=url).campaign == wanted


def test_what_the_client_says_of_the_campaign_comes_first() -> None:
    told = {"source": " spring ", "medium": "email", "name": "may", "term": "t", "content": "c", "extra": "x"}
    event = landed(url=f"{PAGE}?utm_source=other&utm_content=other&gclid=g", campaign=told)
    assert event.campaign == Campaign("spring", "email", "may", "t", "c", "gclid:g")
    assert landed(url=f"{PAGE}?utm_source=other", campaign={"extra": "x", "source": " "}).campaign == Campaign("other")


def test_the_list_of_hosts_keeps_its_form() -> None:
    lists = Path(collector.enrich.__file__).parent / "lists"
    for title, by_channel in json.loads((lists / "channels.json").read_text()).items():
        entries = list(chain.from_iterable(by_channel.values()))
        assert len(entries) == len(set(entries)), f"{title}: an entry stands twice"
        assert all(entry == entry.lower().strip() for entry in entries)
        assert all(words == sorted(words) for words in by_channel.values())
        assert set(by_channel) <= {channel.value for channel in Channel}


def test_every_listed_host_is_found_by_its_own_entry() -> None:
    lists = Path(collector.enrich.__file__).parent / "lists"
    for channel, hosts in json.loads((lists / "channels.json").read_text())["hosts"].items():
        for host in hosts:
            referrer = f"https://{host.replace('*', 'com')}/"
            assert landed(url=PAGE, referrer=referrer).channel == channel, host
