"""Consent from outside, by a client that says what it likes: what may not be stored is in no file, and is counted."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import Collector, Start, make_site

from collector.event import CONSENT_CHANGED, ConsentMode

PERSONAL = ("forged-visitor", "forged-user", "forged@secret.example", "Forged Name", "forged-trait")
numbers = count(1)


def call(allowed: Any, **fields: Any) -> dict[str, Any]:
    """A call full of a person; `allowed` is what it says of consent, None where it says nothing."""
    user, email, name = PERSONAL[1:4]
    context: dict[str, Any] = {"page": {"url": f"https://shop.example/?mail={email}"}, "traits": {"email": email}}
    if allowed is not None:
        context["consent"] = {"categoryPreferences": allowed} if isinstance(allowed, dict) else allowed
    return {
        "type": "track", "event": "Signed In", "messageId": f"forged-{next(numbers)}", "anonymousId": PERSONAL[0],
        "userId": user, "properties": {"email": email, "name": name, "phone": PERSONAL[4]}, "context": context,
    } | fields  # fmt: skip


FORGED = [
    call(None),
    call({}),
    call("yes"),
    call({"categoryPreferences": True}),
    call({"Analytics": "true"}),
    call({"Analytics": 1}),
    call({"analytics": True, "Marketing": True}),
    call({"Analytics": None}),
    call(None, type="identify", traits={"email": PERSONAL[2], "x": PERSONAL[4]}),
    call(None, type="alias", previousId=PERSONAL[0]),
    call(None, type="page", name=PERSONAL[3]),
    call(None, event=CONSENT_CHANGED),
    call(None, anonymousId=None, userId=None),  # broken
    call(None, timestamp="1999-01-01T00:00:00Z"),  # too old
    call(None, properties={"deep": [[[[[[[[[PERSONAL[3]]]]]]]]]]}),
    {"anonymousId": PERSONAL[0], "type": "nonsense", "userId": PERSONAL[1]},
]
REFUSALS = [
    call({"Analytics": False}),
    call({"Analytics": False, "Marketing": True}),
    call({"Analytics": False}, event=CONSENT_CHANGED, properties={"text": PERSONAL[3]}),
    call({"Analytics": False}, timestamp="1999-01-01T00:00:00Z"),
]


def send(collector: Collector, calls: list[dict[str, Any]], key: str = "wk_shop") -> None:
    for one in calls:
        assert collector.post("/v1/batch", {"writeKey": key, "batch": [one]}).status_code == 200
    assert collector.post("/v1/batch", {"writeKey": key, "batch": calls}).status_code == 200


def found(collector: Collector, *marks: str) -> list[str]:
    """Which of the marks stand in the database, its WAL or any other file of its."""
    files = b"".join(Path(file).read_bytes() for file in collector.db.parent.glob(f"{collector.db.name}*"))
    return [mark for mark in marks if mark.encode() in files]


def counted(collector: Collector) -> int:
    rows = collector.query("SELECT coalesce(sum(n), 0) FROM counters WHERE what = 'dropped:consent'")
    return int(rows[0][0])


@pytest.mark.parametrize("mode", ConsentMode)
def test_what_was_refused_is_in_no_file_and_is_counted(start: Start, mode: ConsentMode) -> None:
    collector = start(make_site(consent=mode))
    send(collector, REFUSALS)
    assert collector.stored() == [] and found(collector, *PERSONAL, "forged-") == []
    assert counted(collector) == 2 * len(REFUSALS)
    [said] = [line for line in collector.client.get("/metrics").text.splitlines() if 'why="consent"' in line]
    assert said.endswith(f" {2.0 * len(REFUSALS)}")
    # The file is searched for what can be found in it.
    send(collector, [call({"Analytics": True})])
    assert len(collector.stored()) == 1 and found(collector, *PERSONAL) == list(PERSONAL)


def test_an_opt_in_site_takes_nothing_but_what_was_allowed(start: Start) -> None:
    collector = start(make_site(consent=ConsentMode.OPT_IN))
    send(collector, FORGED)
    assert collector.stored() == [] and found(collector, *PERSONAL, "forged-") == []
    assert collector.query("SELECT count(*) FROM quarantine") == [(0,)]
    assert counted(collector) == 2 * len(FORGED)


def test_a_cookieless_site_keeps_nothing_of_a_person(start: Start) -> None:
    collector = start(make_site(consent=ConsentMode.COOKIELESS))
    # A page's name is the shop's own word.
    send(collector, [one for one in FORGED if one.get("name") != PERSONAL[3]])
    assert found(collector, *PERSONAL) == []
    visitors = {visitor for (visitor,) in collector.query("SELECT visitor FROM visitors")}
    assert len(visitors) == 1 and str(visitors.pop()).startswith("c-")
    assert collector.query("SELECT count(*) FROM persons") == [(0,)]
    assert counted(collector) > 0, "what is broken cannot be made nameless"
    # The day's salt has died with the process: nobody is the same any more.
    collector.stop()
    collector.start()
    send(collector, [call(None)])
    assert len(collector.query("SELECT visitor FROM visitors")) == 2


def test_an_opt_out_site_stops_at_an_objection(start: Start) -> None:
    collector = start(make_site(consent=ConsentMode.OPT_OUT))
    send(collector, [call(None, messageId="before")])
    send(collector, [call({"Analytics": False}, event=CONSENT_CHANGED, messageId="objection")])
    send(collector, [call(None, messageId="after"), call({"Analytics": True}, messageId="after all")])
    assert collector.stored() == ["before"] and found(collector, "objection", "after") == []
    send(collector, [call({"Analytics": True}, event=CONSENT_CHANGED, messageId="again"), call(None, messageId="on")])
    assert collector.stored() == ["before", "again", "on"]


def test_the_shop_s_own_records_are_kept_unless_they_carry_a_refusal(start: Start) -> None:
    collector = start(make_site(consent=ConsentMode.OPT_IN))
    send(collector, [call(None, messageId="kept"), call({"Analytics": False}, messageId="refused")], key="sk_shop")
    assert collector.stored() == ["kept"] and found(collector, "refused@") == []
    answer = collector.post("/v1/batch?verbose=1", {"writeKey": "sk_shop", "batch": [call({"Analytics": False})]})
    assert json.loads(answer.content)["items"] == [{"outcome": "dropped", "reason": "consent"}]
