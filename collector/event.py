"""The vocabulary: calls as they arrive, events as they are stored, and what can be said of them.

Plain frozen values. Nothing here knows the wire's spelling, a database, a clock or the web.
Times are integer milliseconds since 1970 (UTC); ids are the strings that the client chose.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any

from msgspec import Struct

MINUTE_MS = 60_000
DAY_MS = 86_400_000
VISIT_GAP_MS = 30 * MINUTE_MS

# The name of the call by which a visitor's preferences change.
CONSENT_CHANGED = "Segment Consent Preference Updated"

CALL_TYPES = frozenset({"page", "track", "identify", "alias", "screen", "group"})


class Trust(IntEnum):
    """How far a call's word about a person is believed, fixed when it was accepted.

    CLAIMED is an unsigned claim on a site that requires signed identity: shown, joins nothing.
    """

    CLAIMED = 0
    BROWSER = 1
    SIGNED = 2
    SERVER = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class ConsentMode(StrEnum):
    OPT_IN = "opt-in"
    COOKIELESS = "cookieless"
    OPT_OUT = "opt-out"


class IdentityMode(StrEnum):
    OPEN = "open"
    SIGNED = "signed"


class Site(Struct, frozen=True, kw_only=True):
    """One shop front. `secret_key_hash` is the SHA-256 of the secret key, in hex; the key itself is never kept.

    `staff` are the networks from which its own staff come.
    """

    name: str
    write_key: str
    secret_key_hash: str
    identity_key: str
    origins: tuple[str, ...] = ()
    consent: ConsentMode = ConsentMode.OPT_IN
    identity: IdentityMode = IdentityMode.OPEN
    timezone: str = "UTC"
    ids: str = ""
    staff: tuple[str, ...] = ()


class Call(Struct, frozen=True, kw_only=True):
    """One message as it arrived, in Footfall's own words: decoded, within limits, its time fixed; not yet enriched.

    `properties` holds a track, page or screen call's properties, or an identify or group call's traits.
    `context` is what the client sent beside the fields that have a name here, kept as it came.
    """

    type: str
    name: str
    id: str
    time: int
    received: int
    visitor: str | None = None
    user: str | None = None
    previous: str | None = None
    properties: dict[str, Any] = {}
    url: str | None = None
    title: str | None = None
    referrer: str | None = None
    campaign: dict[str, str] = {}
    user_agent: str | None = None
    ip: str | None = None
    actor: Any = None
    locale: str | None = None
    timezone: str | None = None
    screen: str | None = None
    library: str | None = None
    consent: dict[str, bool] | None = None
    token: str | None = None
    context: dict[str, Any] = {}


class Campaign(Struct, frozen=True, gc=False):
    """Where a landing came from, by the page's own parameters; '' where not said."""

    source: str = ""
    medium: str = ""
    name: str = ""
    term: str = ""
    content: str = ""
    click_id: str = ""


class Setup(Struct, frozen=True, gc=False):
    """What a visitor's browser runs on; '' where not known."""

    device: str = ""
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    os_version: str = ""
    screen: str = ""
    locale: str = ""
    timezone: str = ""
    library: str = ""


class Event(Struct, frozen=True, kw_only=True):
    """A stored call with all that was fixed at acceptance. Immutable; carries no customer and no visit.

    `user` is a raw user id within the id space `space`; `email` is normalised. `properties` and `context` are
    JSON text ('' where empty). `network` is the shortened address. `staff` marks a call that staff made.
    `consent` and `refused` are categories, in order, with commas.
    """

    site: str
    id: str
    trust: Trust
    type: str
    name: str
    time: int
    received: int
    visitor: str | None = None
    user: str | None = None
    email: str | None = None
    space: str = ""
    previous: str | None = None
    staff: bool = False
    url: str = ""
    title: str = ""
    referrer: str = ""
    channel: str = ""
    campaign: Campaign = Campaign()
    setup: Setup = Setup()
    network: str = ""
    consent: str = ""
    properties: str = ""
    context: str = ""
    refused: str = ""

    @property
    def server(self) -> bool:
        """Whether it came under the secret key: message ids are unique per site and this."""
        return self.trust is Trust.SERVER


class Withdrawal(Struct, frozen=True, kw_only=True):
    """A visitor's no, in a call of which nothing else may be kept: what was refused, by which text if any was shown."""

    visitor: str
    time: int
    refused: str
    text: str = ""
    language: str = ""
    version: str = ""


class Rejected(Struct, frozen=True):
    """The client's fault: goes to quarantine with its reason. `detail` is for people; `raw` is the call as JSON."""

    reason: Reason
    detail: str
    raw: bytes = b""


class Reason(StrEnum):
    """Why a call is in quarantine: a closed set."""

    MALFORMED = "malformed"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_EVENT = "missing_event"
    MISSING_ID = "missing_id"
    BAD_USER_ID = "bad_user_id"
    BAD_TIMESTAMP = "bad_timestamp"
    TOO_OLD = "too_old"
    TOO_LARGE = "too_large"
    TOO_MANY_PROPERTIES = "too_many_properties"
    TOO_MANY_PRODUCTS = "too_many_products"
    PRODUCT_TOO_LARGE = "product_too_large"
    TOO_DEEP = "too_deep"
    STRING_TOO_LONG = "string_too_long"
    TOO_MANY_NAMES = "too_many_names"


class Dropped(StrEnum):
    """Why policy keeps nothing of a call but a count: a closed set.

    Bots also go to a small capped store; ERASED: it is from before its person was erased; STAFF: from the shop's own.
    """

    BOT = "bot"
    CONSENT = "consent"
    ERASED = "erased"
    STAFF = "staff"
