"""The JSON of the API, as JSON Schema: closed objects, so that the tests find what is not described.

What enters: nothing. What leaves: the schemas by name.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
INT: Schema = {"type": "integer"}
TIME: Schema = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
DECIMAL: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
ANYTHING: Schema = {"type": "object"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _maybe(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "null"}]}


def _words(*words: str) -> Schema:
    return {"type": "string", "enum": [*words]}


_SEEN = {"first_seen": _maybe(TIME), "last_seen": _maybe(TIME)}
_KINDS = ("prospect", "buyer", "repeat")
_CAMPAIGN: Schema = {
    "type": "object",
    "properties": dict.fromkeys(("source", "medium", "name", "term", "content", "click_id"), TEXT),
    "additionalProperties": False,
}

SCHEMAS: dict[str, Schema] = {
    "Error": _object(error=_object(code=TEXT, message=TEXT)),
    "Success": {"type": "object", "properties": {"success": {"const": True}}, "required": ["success"]},
    "Orders": _object(count=INT, unconfirmed=INT, first=_maybe(TIME), last=_maybe(TIME)),
    "Money": _object(currency=TEXT, gross=DECIMAL, refunded=DECIMAL, net=DECIMAL, unconfirmed=DECIMAL),
    "KnownId": _object(kind=_words("user", "email"), value=TEXT, strength=TEXT),
    "JoinedVisitor": _object(
        **{"visitor": TEXT, "customer": TEXT, "from": TIME, "to": _maybe(TIME)},
        why=TEXT,
        strength=TEXT,
        evidence=TEXT,
    ),
    "Claimed": _object(visitor=TEXT, time=TIME, evidence=TEXT),
    "Profile": _object(
        key=TEXT,
        kind=_words(*_KINDS, "visitor"),
        ids=_list(ref("KnownId")),
        traits=ANYTHING,
        **_SEEN,
        visitors=_list(ref("JoinedVisitor")),
        claimed=_list(ref("Claimed")),
        orders=ref("Orders"),
        money=_list(ref("Money")),
        consent={"type": "object", "additionalProperties": {"type": "boolean"}},
        events=INT,
    ),
    "Event": _object(
        id=TEXT,
        seq=INT,
        type=TEXT,
        name=TEXT,
        time=TIME,
        received=TIME,
        site=TEXT,
        visitor=_maybe(TEXT),
        visit=_maybe(TEXT),
        customer=_maybe(TEXT),
        url=TEXT,
        title=TEXT,
        referrer=TEXT,
        channel=TEXT,
        campaign=_CAMPAIGN,
        properties=ANYTHING,
        why=_maybe(TEXT),
    ),
    "Activity": _object(events=_list(ref("Event")), next=_maybe(TEXT)),
    "Customer": _object(
        key=TEXT,
        kind=_words(*_KINDS),
        name=TEXT,
        email=TEXT,
        phone=TEXT,
        **_SEEN,
        orders=ref("Orders"),
        money=_list(ref("Money")),
    ),
    "Customers": _object(customers=_list(ref("Customer")), next=_maybe(TEXT)),
    "Receipt": ANYTHING,
}
