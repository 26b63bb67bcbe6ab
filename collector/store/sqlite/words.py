"""What a customer is found by: the words of its name, its addresses, ids and telephone numbers.

What enters: text as people wrote it, or as somebody types it into a search. What leaves: plain words that can be
compared by their beginning: no case, no accents, a number by its digits. It knows no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import combining, normalize

PHONE = "tel "
WORD_MAX = 64
WORDS_MAX = 48
PHONE_MIN = 3
COUNTRY_DIGITS_MAX = 3
# A word begins where letters and digits begin, or the signs between them.
_STARTS = re.compile(r"(?<![^\W_])[^\W_]|(?<=[^\W_])[\W_]")
_PHONE = re.compile(r"[\d\s()+./\-–]+").fullmatch


def plain(text: str) -> str:
    """Text without case and accents."""
    if text.isascii():
        return text.lower()
    return "".join(sign for sign in normalize("NFKD", text.casefold()) if not combining(sign))


def words_of(name: str, phone: str, ids: Iterable[str]) -> list[str]:
    """All words that a customer is found by, sorted."""
    words = {part[start:] for part in plain(name).split() for start in _starts(part)}
    for known in map(plain, ids):
        local, at, domain = known.rpartition("@")
        words |= {
            known,
            *(f"@{domain}" for _ in at),
            *(known[start:] for start in _starts(local) if local[start].isalnum()),
        }
    words |= {PHONE + digits for digits in _numbers(phone)}
    return sorted({word[:WORD_MAX] for word in words if word})[:WORDS_MAX]


def sought(text: str) -> list[list[str]]:
    """What a search means, each way a list of words that must all be found by their beginning."""
    typed = [word[:WORD_MAX] for word in plain(text).split()[:WORDS_MAX]]
    ways = [typed] if typed else []
    digits = _digits(text)
    if _PHONE(text) and digits:
        short = digits.lstrip("0") or digits
        # Who types a whole number may have typed a country that the shop never asked for.
        dropped = range(COUNTRY_DIGITS_MAX + 1) if len(short) > 9 else range(1)
        ways += [[PHONE + short[drop:]] for drop in dropped]
    return ways


def fits(words: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether each wanted word is how one of the words begins."""
    held = list(words)
    return all(any(word.startswith(want) for word in held) for want in wanted)


def _starts(part: str) -> list[int]:
    return [match.start() for match in _STARTS.finditer(part)]


def _digits(phone: str) -> str:
    """Without the nought in brackets that is dialled at home only."""
    return re.sub(r"\(0\)|\D", "", phone)


def _numbers(phone: str) -> set[str]:
    """A number's digits, with and without what may be its country."""
    digits = _digits(phone).lstrip("0")
    if len(digits) < PHONE_MIN:
        return set()
    shorter = {digits[drop:].lstrip("0") for drop in range(1, COUNTRY_DIGITS_MAX + 1)} if len(digits) > 9 else set()
    return {digits, *shorter}
