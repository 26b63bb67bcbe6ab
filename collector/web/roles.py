"""What each role may do in the console, and each scope in the API: one table, in the same words.

What enters: a role, or a token's scopes. What leaves: duties. It knows no route and no request.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from collector.store.users import Role


class Duty(StrEnum):
    """What somebody may do. The first, second and last are also the scopes of tokens."""

    READ = "read"
    EXPORT = "export"
    CARE = "care"  # notes, contacts, unlinks
    ADMIN = "admin"  # sites, tokens, users, the audit log, replays, erasure


DUTIES_OF_ROLES = {
    Role.OWNER: frozenset(Duty),
    Role.ANALYST: frozenset({Duty.READ, Duty.EXPORT}),
    Role.SUPPORT: frozenset({Duty.READ, Duty.CARE}),
}
DUTIES_OF_SCOPES = {
    "read": frozenset({Duty.READ}),
    "export": frozenset({Duty.EXPORT}),
    "admin": frozenset(Duty),
}
SCOPES = tuple(DUTIES_OF_SCOPES)
# What to ask for who lacks a duty.
SCOPE_FOR = {Duty.READ: "read", Duty.EXPORT: "export", Duty.CARE: "admin", Duty.ADMIN: "admin"}
TOLD = {
    Role.OWNER: "do everything: sites, tokens, users, the audit log and erasure too",
    Role.ANALYST: "look at everything that was tracked, and export it",
    Role.SUPPORT: "look customers up, write notes, log contacts, take devices and ids away",
}


def duties_of(scopes: Iterable[str]) -> frozenset[Duty]:
    """What a token with these scopes may do; a scope that is not known gives nothing."""
    return frozenset().union(*(DUTIES_OF_SCOPES.get(scope, frozenset()) for scope in scopes))
