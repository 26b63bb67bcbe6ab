"""The public uap-core patterns (ua-parser), compiled in parts as they are asked for.

A User-Agent string enters; its browser, its system and whether its device is a spider leave. Two thirds of the patterns
tell makes of devices, which nobody asks for here: compiled they take 15 MB, so that waits until they must decide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ua_parser import OS, Domain, UserAgent, load_lazy_builtins
from ua_parser.regex import Resolver

_SPIDER = "Spider"
_OTHER_BROWSER, _OTHER_SYSTEM = UserAgent(), OS()


def browser_and_system(user_agent: str) -> tuple[UserAgent, OS]:
    """Both of family "Other" where nothing is known."""
    seen = _browsers_and_systems()(user_agent, Domain.USER_AGENT | Domain.OS)
    return seen.user_agent or _OTHER_BROWSER, seen.os or _OTHER_SYSTEM


def is_spider(user_agent: str) -> bool:
    """Whether the first pattern of devices that fits says so: none can where no pattern of a spider fits."""
    if _spiders()(user_agent, Domain.DEVICE).device is None:
        return False
    device = _devices()(user_agent, Domain.DEVICE).device
    return device is not None and device.family == _SPIDER


@cache
def _browsers_and_systems() -> Resolver:
    browsers, systems, _ = load_lazy_builtins()
    return Resolver((browsers, systems, []))


@cache
def _spiders() -> Resolver:
    devices: list[Any] = load_lazy_builtins()[2]
    return Resolver(([], [], [each for each in devices if each.family == _SPIDER]))


@cache
def _devices() -> Resolver:
    return Resolver(([], [], load_lazy_builtins()[2]))
