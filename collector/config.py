"""Settings, read once: flags, then FOOTFALL_* variables, then defaults.

What enters: what the command line gave and the environment. What leaves: one frozen `Settings`.
It knows nothing of what the settings do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from collector.errors import Misuse
from collector.ingest.origins import parse_origin

PREFIX = "FOOTFALL_"

# (name, default, help). A tuple default is a list: its flag repeats, its variable is split at spaces and commas.
SETTINGS: tuple[tuple[str, Any, str], ...] = (
    ("db", "footfall.db", "the database file"),
    ("host", "127.0.0.1", "the address to listen on"),
    ("port", 8000, "the port to listen on; 0 takes a free one"),
    ("url", "", "where browsers reach the collector, as it stands in the tag; by default http://HOST:PORT"),
    ("script_name", "f", "what the script in the tag is called: NAME.js, for which no blocklist knows it"),
    ("path_prefix", "", "a path before the script's and the calls', such as /notes; the paths without it work as well"),
    ("calls_path", "v1/batch", "where the script sends calls to, such as notes; the public paths work as well"),
    ("origin", (), "an origin from which pages of every site may send, besides the site's own"),
    ("trusted_proxy", (), "an address or network whose X-Forwarded-For is believed"),
    ("rate_limit", 0.0, "requests a second that one address may make under a public key; 0 is no limit"),
    ("event_names_max", 2_000, "distinct event names that a site's calls may use, per kind of key; 0 is no limit"),
    (
        "property_names_max",
        10_000,
        "distinct property names, likewise; 0 is no limit",
    ),
    ("queue_events_max", 20_000, "events that may wait for the disk before a 503"),
    ("queue_bytes_max", 64 * 1024 * 1024, "bytes of bodies that may wait for the disk before a 503"),
    ("log_format", "text", "how the collector logs to stderr: text, for people, or json"),
)


_NAME = r"[A-Za-z0-9_-]{1,40}"
_FREE = r"(?!(api|console|demo|healthz|readyz|metrics)\b)"
_SHAPES = {
    "script_name": (re.compile(_NAME), "a name of letters, digits, - and _"),
    "path_prefix": (re.compile(rf"(/{_FREE}{_NAME}(/{_NAME})*)?"), "a path such as /notes"),
    "calls_path": (re.compile(rf"{_FREE}{_NAME}(/{_NAME})*"), "a path such as notes, without a slash before it"),
}
_ADDRESS = re.compile(r"(https?://[\w.:\[\]-]+)(/[A-Za-z0-9._~/%-]*)?")
# The least and the greatest that a number may be.
_RANGES: dict[str, tuple[float, float]] = {
    "port": (0, 65_535),
    "rate_limit": (0, math.inf),
    "event_names_max": (0, math.inf),
    "property_names_max": (0, math.inf),
    "queue_events_max": (1, math.inf),
    "queue_bytes_max": (1, math.inf),
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """See SETTINGS for what each is."""

    db: str
    host: str
    port: int
    url: str
    script_name: str
    path_prefix: str
    calls_path: str
    origin: tuple[str, ...]
    trusted_proxy: tuple[str, ...]
    rate_limit: float
    event_names_max: int
    property_names_max: int
    queue_events_max: int
    queue_bytes_max: int
    log_format: str

    @property
    def public_url(self) -> str:
        """Where browsers reach the collector, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def script_url(self) -> str:
        """The script's address, without its `.js`."""
        return f"{self.public_url}{self.path_prefix}/{self.script_name}"

    @property
    def local_url(self) -> str:
        """Where the collector is reached on its own machine, whatever name browsers use."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read_settings(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Flags that were not given are None (or empty, where they repeat). Raises Misuse for a value of the wrong kind."""
    values = {name: _value(name, default, flags, environ) for name, default, _ in SETTINGS}
    for name, (shape, described) in _SHAPES.items():
        if not shape.fullmatch(values[name]):
            raise Misuse(f"{name.replace('_', '-')} must be {described}, not {values[name]!r}")
    if values["url"] and not _is_address(values["url"]):
        raise Misuse(f"url must be an http or https URL such as https://collector.shop.example, not {values['url']!r}")
    for name, (least, greatest) in _RANGES.items():
        if not least <= values[name] <= greatest:  # so that a rate that is no number is refused too
            told = f"{least} or more" if greatest == math.inf else f"from {least} to {greatest}"
            raise Misuse(f"{name.replace('_', '-')} must be {told}, not {values[name]}")
    return msgspec.convert(values, Settings)


def _is_address(url: str) -> bool:
    """Whether a browser goes there, by this spelling, and paths can be put behind it."""
    found = _ADDRESS.fullmatch(url)
    return found is not None and parse_origin(found[1]) is not None


def _value(name: str, default: Any, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    given = flags.get(name)
    if given is not None and given != ():
        return given
    text = environ.get(PREFIX + name.upper(), "")
    if not text:
        return default
    if isinstance(default, tuple):
        return tuple(text.replace(",", " ").split())
    try:
        return type(default)(text)
    except ValueError as error:
        raise Misuse(f"{PREFIX}{name.upper()} must be a number, not {text!r}") from error
