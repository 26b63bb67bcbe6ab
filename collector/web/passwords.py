"""Passwords: how they are hashed and judged, by Argon2id (RFC 9106), in a thread, few at a time.

What enters: passwords as typed. What leaves: hashes, and whether one fits. It keeps none and knows no user.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.errors import Misuse

NAME_MAX = 64
LENGTH_MIN, LENGTH_MAX = 10, 1_000
# 46 MiB and one lane (OWASP's first choice for Argon2id): about 50 ms, and no more memory than a small machine has.
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1_024, parallelism=1)
# Judging takes as long for a name that nobody bears.
NOBODY = "$argon2id$v=19$m=47104,t=1,p=1$YWJjZGVmZ2hpamtsbW5vcA$" + "A" * 43


def hashed(password: str) -> str:
    """Raises Misuse where the password is too short or too long."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise Misuse(f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters")
    return _HASHER.hash(_normal(password))


def fits(password: str, hash: str) -> bool:
    """Whether it is the password of this hash. Takes some 50 ms of a processor."""
    if len(password) > LENGTH_MAX:
        return False
    try:
        return _HASHER.verify(hash, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """Keyboards spell the same letter in several ways."""
    return unicodedata.normalize("NFKC", password)


def account(text: str) -> str:
    """A user's name as it is kept, however it was typed."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def checked_account(text: str) -> str:
    """A name for a new user. Raises Misuse."""
    name = account(text)
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise Misuse(f"a user's name has 1 to {NAME_MAX} printable characters")
    return name
