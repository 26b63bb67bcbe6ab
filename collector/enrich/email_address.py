"""One spelling for one e-mail address. A text enters, its normal form leaves, or None where it is no address."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# 64 before the at, 255 after it: RFC 5321, 4.5.3.1.
CHARACTERS_MAX = 320

_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")


@lru_cache(1024)
def normalise_email(text: str) -> str | None:
    """`text` trimmed, in NFC and lower case; None without exactly one '@' that has something on both sides."""
    trimmed = text.strip()
    if trimmed.isascii():
        address = trimmed.lower()
    else:
        # Lowering may leave what NFC would compose, so it is composed again.
        address = unicodedata.normalize("NFC", unicodedata.normalize("NFC", trimmed).lower())
    if len(address) > CHARACTERS_MAX or _BLANK_OR_CONTROL.search(address):
        return None
    name, at, host = address.partition("@")
    return address if name and at and host and "@" not in host else None
