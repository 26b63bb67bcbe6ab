"""The `context` of a message: the object that the client sent in, the fields that have a name in `event.Call` out.

The part of the wire's spelling (wire.py) that says where and on what something happened. Whether the client may say
it, and what it means, is not known here.
"""

from __future__ import annotations

from typing import Any

REFUSALS = frozenset({"false", "0", "no", "denied"})


def lift(context: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Takes what has a name in Call out of `context`. What is not of the expected shape counts as not said.

    `properties` are a page call's, which stand in for a `context.page` that says nothing.
    """
    page = context.pop("page", None)
    page = page if isinstance(page, dict) else {}
    place = {field: _text(page.get(field)) or _text(properties.get(field)) for field in ("url", "title", "referrer")}
    if not context:
        return place
    return place | {
        "campaign": _campaign(context.pop("campaign", None)),
        "user_agent": _text(context.pop("userAgent", None)),
        "ip": _text(context.pop("ip", None)),
        "actor": context.pop("actor", None),
        "locale": _text(context.pop("locale", None)),
        "timezone": _text(context.pop("timezone", None)),
        "screen": _screen(context.pop("screen", None)),
        "library": _library(context.pop("library", None)),
        "consent": _consent(context.pop("consent", None)),
        "token": _text(context.pop("identityToken", None)),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _campaign(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: str(part) for key, part in value.items() if _is_word(part)}


def _is_word(part: Any) -> bool:
    return isinstance(part, str | int) and not isinstance(part, bool) and part != ""


def _screen(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    width, height = _length(value.get("width")), _length(value.get("height"))
    return None if width is None or height is None else f"{width}x{height}"


def _length(side: Any) -> int | None:
    return int(side) if isinstance(side, int | float) and not isinstance(side, bool) else None


def _library(value: Any) -> str | None:
    if not isinstance(value, dict):
        return _text(value)
    return "/".join(part for key in ("name", "version") if (part := _text(value.get(key)))) or None


def _consent(value: Any) -> dict[str, bool] | None:
    preferences = value.get("categoryPreferences") if isinstance(value, dict) else None
    if not isinstance(preferences, dict):
        return None
    said = {category: _granted(value) for category, value in preferences.items()}
    return {category: granted for category, granted in said.items() if granted is not None}


def _granted(value: Any) -> bool | None:
    """Only `true` grants; a refusal counts however a tag manager spells it. Anything else says nothing."""
    if isinstance(value, bool):
        return value
    refuses = value == 0 or (isinstance(value, str) and value.strip().lower() in REFUSALS)
    return False if refuses else None
