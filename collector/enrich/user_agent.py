"""A User-Agent string enters, what can be told from it leaves: crawler or not, device, browser, system.

Built on the public uap-core patterns. It knows no key, no call and no policy.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from collector.enrich.patterns import browser_and_system, is_spider

# The longest real ones, of in-app browsers, have about 400 characters. The string itself is not stored.
READ_CHARACTERS_MAX = 512
_CACHED_MAX = 4096

# uap-core calls HTTP libraries spiders too (Java, Python-urllib) and misses some crawlers that look like browsers
# (Applebot, ChatGPT-User), hence a word of one's own. Cubot makes phones.
_CRAWLER = re.compile(
    r"(?<!cu)bot(?![a-z])|crawler|spider(?![a-z])|slurp|externalhit|externalagent|externalfetcher|archiver"
    r"|mediapartners-google|google-inspectiontool|google-read-aloud|googleother|feedfetcher"
    r"|(?:claude|perplexity|chatgpt|mistralai)-user|claude-web|^whatsapp/|bingpreview|yandex(?:images|metrika)",
    re.IGNORECASE,
)
_TV = re.compile(
    r"smart-?tv|googletv|android tv|apple ?tv|hbbtv|netcast|web0s|webos\.tv|bravia|viera|aquos|\baft[a-z]{1,5}\b"
    r"|crkey|roku|philipstv|tizen[^;)]*\btv\b|\btv safari\b|playstation [345]|xbox",
    re.IGNORECASE,
)
_TABLET = re.compile(r"ipad|playbook|kindle|\btablet\b(?! pc)|^(?!.*(?:mobi|opera mini)).*android", re.IGNORECASE)
# "Mobi" is what browsers' makers advise to look for: MDN, Browser detection using the user agent string.
_MOBILE = re.compile(r"mobi|iphone|ipod|j2me|midp|opera mini|windows phone|blackberry", re.IGNORECASE)
_DESKTOP = re.compile(r"windows nt|windows 9|macintosh|x11|cros |linux (?:x86|i686)", re.IGNORECASE)


class Agent(Struct, frozen=True, gc=False):
    """What a User-Agent says; '' where it says nothing. `device` is desktop, mobile, tablet, tv, bot or ''."""

    crawler: bool = False
    device: str = ""
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    os_version: str = ""


NOBODY = Agent()


def read(user_agent: str) -> Agent:
    """What `user_agent` says. Only its first READ_CHARACTERS_MAX characters are looked at."""
    return _read(user_agent[:READ_CHARACTERS_MAX]) if user_agent else NOBODY


def load() -> None:
    """Compile now what every browser needs: it takes a tenth of a second or two, and no call waits for it."""
    read("Mozilla/5.0")


@lru_cache(_CACHED_MAX)
def _read(user_agent: str) -> Agent:
    browser, system = browser_and_system(user_agent)
    crawler = _is_crawler(user_agent)
    version = (system.major, system.minor, system.patch)
    return Agent(
        crawler=crawler,
        device="bot" if crawler else _device(user_agent),
        browser=_known(browser.family),
        browser_version=browser.major or "",
        os=_known(system.family),
        os_version=".".join(part for part in version if part),
    )


def _is_crawler(user_agent: str) -> bool:
    if _CRAWLER.search(user_agent):
        return True
    # A headless browser may be the shop's own test; a tool that is no browser at all is some back end's client.
    dressed_as_browser = user_agent.startswith("Mozilla/") and "HeadlessChrome" not in user_agent
    return dressed_as_browser and is_spider(user_agent)


def _device(user_agent: str) -> str:
    if _TV.search(user_agent):
        return "tv"
    if _TABLET.search(user_agent) and not user_agent.startswith("Dalvik/"):
        return "tablet"
    if _MOBILE.search(user_agent):
        return "mobile"
    return "desktop" if _DESKTOP.search(user_agent) else ""


def _known(family: str) -> str:
    return "" if family == "Other" else family
