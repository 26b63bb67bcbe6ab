"""What the visitor's browser runs on: from the request's User-Agent under the public key, from the call's own under
the secret key, where the request comes from the shop's server. Screen and languages are what the call says.
"""

from __future__ import annotations

from collector.enrich.draft import Draft
from collector.enrich.user_agent import read
from collector.event import Setup


def describe_setup(draft: Draft) -> None:
    """Fills in the set-up."""
    call, arrival = draft.call, draft.arrival
    agent = read(call.user_agent or "" if arrival.server else arrival.user_agent)
    draft.setup = Setup(
        agent.device,
        agent.browser,
        agent.browser_version,
        agent.os,
        agent.os_version,
        call.screen or "",
        call.locale or "",
        call.timezone or "",
        call.library or "",
    )
