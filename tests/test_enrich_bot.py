"""Who is a crawler, and what a visitor's browser runs on, by real User-Agent strings."""

from __future__ import annotations

import pytest

from collector.enrich.arrival import Arrival
from collector.enrich.steps import enrich
from collector.event import Call, ConsentMode, Dropped, Event, Setup, Site

SITE = Site(name="shop", write_key="w", secret_key_hash="", identity_key="k" * 32, consent=ConsentMode.OPT_OUT)
KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KHTML}"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"

CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {KHTML} Chrome/141.0.7390.122 Mobile Safari/537.36 "
    "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Googlebot-Image/1.0",
    "AdsBot-Google (+http://www.google.com/adsbot.html)",
    "Mediapartners-Google",
    f"Mozilla/5.0 (X11; Linux x86_64) {KHTML} Chrome/109.0.0.0 Safari/537.36 (compatible; Google-InspectionTool/1.0;)",
    f"Mozilla/5.0 {KHTML[:-1]}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 "
    "Safari/537.36",
    f"Mozilla/5.0 {KHTML[:-1]}; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    f"Mozilla/5.0 {KHTML}; compatible; ChatGPT-User/1.0; +https://openai.com/bot",
    f"Mozilla/5.0 {KHTML[:-1]}; compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot)",
    f"Mozilla/5.0 {KHTML[:-1]}; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    f"Mozilla/5.0 {KHTML[:-1]}; compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
    f"Mozilla/5.0 {KHTML[:-1]}; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
    "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    f"Mozilla/5.0 (Linux; Android 5.0) {KHTML} Mobile Safari/537.36 (compatible; Bytespider; "
    "spider-feedback@bytedance.com)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 "
    "Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Mozilla/5.0 (compatible; Qwantify/1.0; +https://www.qwant.com/)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "CCBot/2.0 (https://commoncrawl.org/faq/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0",
    "ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)",
    "Screaming Frog SEO Spider/19.0",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    f"{WINDOWS} Chrome/120.0.0.0 Safari/537.36 Pingdom.com_bot_version_1.4",
]

# User-Agent: device, browser, browser version, os, os version
BROWSERS = {
    f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1": ("mobile", "Mobile Safari", "17", "iOS", "17.5.1"),
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 "
    "Mobile/15E148 Safari/604.1": ("tablet", "Mobile Safari", "16", "iOS", "16.6"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Safari/605.1.15": ("desktop", "Safari", "18", "Mac OS X", "10.15.7"),
    f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/141.0.0.0 Mobile Safari/537.36": (
        "mobile", "Chrome Mobile", "141", "Android", "10"),
    f"Mozilla/5.0 (Linux; Android 10; K) {KHTML} Chrome/141.0.0.0 Safari/537.36": (
        "tablet", "Chrome", "141", "Android", "10"),
    f"{WINDOWS} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0": ("desktop", "Edge", "141", "Windows", "10"),
    f"{WINDOWS} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0": ("desktop", "Opera", "125", "Windows", "10"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0": (
        "desktop", "Firefox", "144", "Windows", "10"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0": (
        "desktop", "Firefox", "144", "Linux", ""),
    "Mozilla/5.0 (Android 14; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0": (
        "mobile", "Firefox Mobile", "144", "Android", "14"),
    "Mozilla/5.0 (Android 14; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0": (
        "tablet", "Firefox Mobile", "144", "Android", "14"),
    f"Mozilla/5.0 (Linux; Android 14; SM-X710) {KHTML} SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36": (
        "tablet", "Samsung Internet", "28", "Android", "14"),
    f"{IPHONE} Mobile/21F90 [FBAN/FBIOS;FBAV/468.0.0.39.106;FBBV/615;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;"
    "FBSV/17.5.1;FBSS/3;FBID/phone;FBLC/en_US]": ("mobile", "Facebook", "468", "iOS", "17.5.1"),
    f"Mozilla/5.0 (Linux; Android 13; SM-A536B Build/TP1A; wv) {KHTML} Version/4.0 Chrome/124.0.6367.179 Mobile "
    "Safari/537.36 Instagram 331.0.0.37.90 Android (33/13; 450dpi; 1080x2176; samsung)": (
        "mobile", "Instagram", "331", "Android", "13"),
    f"{IPHONE} Mobile/15E148 [Pinterest/iOS]": ("mobile", "Pinterest", "", "iOS", "17.5.1"),
    f"{IPHONE} GSA/310.0.625241399 Mobile/15E148 Safari/604.1": ("mobile", "Google", "310", "iOS", "17.5.1"),
    f"Mozilla/5.0 (Linux; Android 9; CUBOT_X19 Build/PPR1; wv) {KHTML} Version/4.0 Chrome/100.0.0.0 Mobile "
    "Safari/537.36": ("mobile", "Chrome Mobile WebView", "100", "Android", "9"),
    f"Mozilla/5.0 (X11; Linux x86_64) {KHTML} HeadlessChrome/141.0.0.0 Safari/537.36": (
        "desktop", "HeadlessChrome", "141", "Linux", ""),
    f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) {KHTML} 76.0.3809.146/6.0 TV Safari/537.36": (
        "tv", "Safari", "", "Tizen", "6.0"),
    f"Mozilla/5.0 (Web0S; Linux/SmartTV) {KHTML} Chrome/87.0.4280.88 Safari/537.36 WebAppManager": (
        "tv", "Chrome", "87", "Web0S", ""),
    f"Mozilla/5.0 (Linux; Android 9; AFTKA) {KHTML} Silk/108.5.5 like Chrome/108.0.5359.160 Safari/537.36": (
        "tv", "Amazon Silk", "108", "Android", "9"),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {KHTML} Chrome/141.0.0.0 Safari/537.36": (
        "desktop", "Chrome", "141", "Chrome OS", "14541.0.0"),
}  # fmt: skip

LIBRARIES = [
    "",
    "python-urllib/3.11",
    "Python-urllib/3.11",
    "python-requests/2.32.3",
    "python-httpx/0.27.0",
    "Python/3.11 aiohttp/3.9.5",
    "curl/8.5.0",
    "Wget/1.21.3",
    "okhttp/4.12.0",
    "node",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "axios/1.7.2",
    "analytics-python/2.3.2",
    "analytics-node/2.1.0",
    "analytics-ruby/2.4.0",
    "Java/17.0.2",
    "Apache-HttpClient/4.5.13 (Java/17.0.2)",
    "Go-http-client/1.1",
    "Go-http-client/2.0",
    "GuzzleHttp/7",
    "PHP/8.2",
    "Ruby",
    "PostmanRuntime/7.39.0",
    "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A)",
    "Shop/3 CFNetwork/1496.0.7 Darwin/23.5.0",
]


def call(**fields: object) -> Call:
    return Call(**{"type": "page", "name": "", "id": "m1", "time": 1, "received": 1, "visitor": "v1", **fields})  # type: ignore[arg-type]


def enriched(agent: str, /, *, server: bool = False, **fields: object) -> Event | Dropped:
    return enrich(call(**fields), Arrival(site=SITE, server=server, address="", user_agent=agent))


@pytest.mark.parametrize("user_agent", CRAWLERS)
def test_a_crawler_is_dropped(user_agent: str) -> None:
    assert enriched(user_agent) is Dropped.BOT


@pytest.mark.parametrize("user_agent", [*BROWSERS, *LIBRARIES])
def test_a_browser_and_an_http_library_are_no_crawlers(user_agent: str) -> None:
    assert isinstance(enriched(user_agent), Event)


@pytest.mark.parametrize("user_agent", CRAWLERS[:3])
def test_under_the_secret_key_nothing_is_a_crawler(user_agent: str) -> None:
    event = enriched(user_agent, server=True, user_agent=user_agent)
    assert isinstance(event, Event)
    assert event.setup.device == "bot"


@pytest.mark.parametrize(("user_agent", "wanted"), BROWSERS.items())
def test_the_set_up_is_read_from_the_browser(user_agent: str, wanted: tuple[str, ...]) -> None:
    event = enriched(user_agent, user_agent="Mozilla/5.0 (iPad) what a browser's call says of itself does not count")
    assert isinstance(event, Event)
    assert event.setup == Setup(*wanted)


def test_under_the_secret_key_the_set_up_is_what_the_call_says() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
    told = enriched("curl/8.5.0", server=True, user_agent=firefox)
    silent = enriched(firefox, server=True, locale="de-DE")
    assert isinstance(told, Event) and told.setup == Setup("desktop", "Firefox", "144", "Linux", "")
    assert isinstance(silent, Event) and silent.setup == Setup(locale="de-DE")


def test_what_no_pattern_knows_stays_empty() -> None:
    event = enriched("an agent of its own")
    assert isinstance(event, Event) and event.setup == Setup()


def test_screen_and_languages_are_kept_as_the_call_says() -> None:
    event = enriched("", screen="390x844", locale="fr-FR", timezone="Europe/Paris", library="footfall.js 1.0")
    assert isinstance(event, Event)
    assert event.setup == Setup(screen="390x844", locale="fr-FR", timezone="Europe/Paris", library="footfall.js 1.0")


def test_an_endless_user_agent_is_read_at_its_beginning_only() -> None:
    event = enriched("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0 " + "x" * 60_000 + " bot")
    assert isinstance(event, Event)
    assert event.setup.browser == "Firefox"
