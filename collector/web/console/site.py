"""One site: its form, its keys, its end. Secrets are shown once, on the answer that made them.

What enters: forms. What leaves: pages; beside a field that is wrong stands why, and nothing of what was typed is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from msgspec.structs import replace
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collector.errors import Misuse, NotFound
from collector.event import ConsentMode, IdentityMode, Site
from collector.ingest.client_address import checked_networks
from collector.ingest.keys import secret_hash
from collector.ingest.sites import KEYS, checked_name, checked_origins, checked_zone, new_site, rotated
from collector.store import Store
from collector.web.asked import KeyRoute
from collector.web.console.page import render
from collector.web.console.session import changed, now_ms, posted, signed_in
from collector.web.tags import tag

ROOM = "/console/sites"
# field -> what makes its text a rule; raises Misuse or ValueError.
RULES: Mapping[str, Callable[[str], Any]] = {
    "origins": lambda text: checked_origins(text.split()),
    "consent": ConsentMode,
    "identity": IdentityMode,
    "timezone": lambda text: checked_zone(text.strip() or "UTC"),
    "staff": lambda text: checked_networks(text.split()),
    "ids": lambda text: checked_name(text.strip()) if text.strip() else "",
}
DEFAULTS = {
    "name": "",
    "origins": "",
    "consent": "opt-in",
    "identity": "open",
    "timezone": "UTC",
    "staff": "",
    "ids": "",
}


async def show_form(request: Request) -> Response:
    """The form for a new site."""
    signed_in(request)
    return _form(request, DEFAULTS, {}, None)


async def add(request: Request) -> Response:
    """A new site with its keys, this once."""
    typed = _typed(posted(request))
    rules, faults = _read(typed)
    name = _check(checked_name, "name", typed["name"].strip(), faults)
    if name and any(site.name == name for site in signed_in(request).sites):
        faults["name"] = f"There is a site named {name} already."
    if faults:
        return _form(request, typed, faults, None)
    made, secret = new_site(str(name), **rules)
    await request.app.state.writer.run(Store.put_site, made)
    await changed(request, f"site {made.name}")
    keys = {"write": made.write_key, "secret": secret, "identity": made.identity_key}
    return _keys(request, made, keys, added=True)


async def show_site(request: Request) -> Response:
    """One site's rules, keys, and its end."""
    site = _site(request)
    return _form(request, _as_typed(site), {}, site)


async def change(request: Request) -> Response:
    """New rules for a site."""
    site = _site(request)
    typed = {**_typed(posted(request)), "name": site.name}
    rules, faults = _read(typed)
    if faults:
        return _form(request, typed, faults, site)
    await request.app.state.writer.run(Store.put_site, replace(site, **rules))
    await changed(request, f"site {site.name}")
    return _back("changed")


async def rotate(request: Request) -> Response:
    """One of a site's keys anew. `mark` names the key that is to go: a page that is sent twice changes nothing more."""
    site, form = _site(request), posted(request)
    which = str(form.get("key"))
    if which not in KEYS:
        raise Misuse(f"there is no {which} key")
    if str(form.get("mark")) != marks(site)[which]:
        raise Misuse("this key was made anew already; what you see there is the present one's page")
    renewed, key = rotated(site, which)
    await request.app.state.writer.run(Store.put_site, renewed)
    await changed(request, f"site {site.name}")
    return _keys(request, renewed, {which: key}, added=False)


async def remove(request: Request) -> Response:
    """A site's end, once it was confirmed."""
    site = _site(request)
    if posted(request).get("confirm") != "yes":
        return _form(request, _as_typed(site), {"confirm": "Tick this box if you mean it."}, site)
    await request.app.state.writer.run(Store.remove_site, site.name, now_ms(request))
    await changed(request, f"site {site.name}")
    return _back("removed")


def marks(site: Site) -> dict[str, str]:
    """For each key a word that changes with it and tells nothing of it."""
    hashes = {"write": site.write_key, "secret": site.secret_key_hash, "identity": site.identity_key}
    return {which: secret_hash(f"mark\0{key}")[:12] for which, key in hashes.items()}


def path_of(site: Site) -> str:
    """The address of a site's page."""
    return f"{ROOM}/site/{quote(site.name, safe='')}"


class Faults(dict[str, str]):
    """What is wrong with which field; of a field without fault a template reads ''."""

    def __missing__(self, field: str) -> str:
        return ""


def sentence(error: Exception) -> str:
    """An error's text as a sentence."""
    text = str(error)
    return text[:1].upper() + text[1:] + "."


def _site(request: Request) -> Site:
    name = request.path_params["name"]
    for site in signed_in(request).sites:
        if site.name == name:
            return site
    raise NotFound(f"there is no site {name}")


def _typed(form: FormData) -> dict[str, str]:
    return {field: str(form.get(field, default)) for field, default in DEFAULTS.items()}


def _as_typed(site: Site) -> dict[str, str]:
    return {
        "name": site.name,
        "origins": "\n".join(site.origins),
        "consent": site.consent.value,
        "identity": site.identity.value,
        "timezone": site.timezone,
        "staff": "\n".join(site.staff),
        "ids": site.ids,
    }


def _read(typed: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The rules, and what is wrong with which field."""
    faults: dict[str, str] = {}
    rules = {field: _check(check, field, typed[field], faults) for field, check in RULES.items()}
    return rules, faults


def _check(check: Callable[[str], Any], field: str, text: str, faults: dict[str, str]) -> Any:
    try:
        return check(text)
    except (Misuse, ValueError) as error:
        faults[field] = sentence(error)
        return None


def _form(request: Request, typed: Mapping[str, str], faults: Mapping[str, str], site: Site | None) -> Response:
    """`site` is None for a new one."""
    return render(
        request,
        "site.html",
        400 if faults else 200,
        of=site,
        action=path_of(site) if site else f"{ROOM}/add",
        typed=typed,
        faults=Faults(faults),
        marks=marks(site) if site else {},
        zones=sorted(available_timezones()),
    )


def _keys(request: Request, site: Site, keys: dict[str, str], *, added: bool) -> Response:
    shown = tag(site, request.app.state.settings.script_url) if "write" in keys else ""
    return render(request, "site_keys.html", of=site, keys=keys, added=added, tag=shown)


def _back(done: str) -> Response:
    return RedirectResponse(f"{ROOM}?done={done}", 303)


routes: list[BaseRoute] = [
    Route(f"{ROOM}/add", show_form, methods=["GET"]),
    Route(f"{ROOM}/add", add, methods=["POST"]),
    KeyRoute(f"{ROOM}/site/{{name}}", show_site, methods=["GET"]),
    KeyRoute(f"{ROOM}/site/{{name}}", change, methods=["POST"]),
    KeyRoute(f"{ROOM}/site/{{name}}/rotate", rotate, methods=["POST"]),
    KeyRoute(f"{ROOM}/site/{{name}}/remove", remove, methods=["POST"]),
]
