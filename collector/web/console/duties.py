"""Which duty each address of the console asks for. What is not told here is for owners, if it changes something.

What enters: a method and a path as it was sent. What leaves: a duty, or none where being signed in is enough.
"""

from __future__ import annotations

import re

from collector.web.roles import Duty

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Rooms that only owners see.
OF_OWNERS = ("/console/sites", "/console/users", "/console/audit")
# Matched as sent: a slash of a key is %2F there.
OF_CARE = re.compile(r"/console/customers/[^/]+/(?:unlink|undo-link|remarks|everything)|/console/visitors/settle")
OF_EVERYBODY = (
    "/console/signin",
    "/console/signout",
    "/console/account",
    "/console/account/password",
    "/console/account/mark",
)


def duty_of(method: str, sent: str, read: str) -> Duty | None:
    """The duty; None: everybody who is signed in. `sent` is the path as it was sent, `read` the same decoded."""
    if read in OF_EVERYBODY:
        return None
    if OF_CARE.fullmatch(sent):
        return Duty.CARE
    if method not in SAFE_METHODS or any(
        path == room or path.startswith(room + "/") for room in OF_OWNERS for path in (sent, read)
    ):
        return Duty.ADMIN
    return Duty.READ
