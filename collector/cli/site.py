"""`footfall site`: the shop fronts, their keys and their rules.

What enters: names, origins, modes. What leaves: keys, shown once where they are secret, and the tag to paste.
"""

from __future__ import annotations

from typing import Any

import click
from msgspec.structs import replace

from collector.cli.options import as_json, note, now_ms, opened, opened_or_made, print_json, setting, settings_of
from collector.cli.tables import print_table
from collector.errors import Misuse, NotFound
from collector.event import ConsentMode, IdentityMode, Site
from collector.ingest.client_address import checked_networks
from collector.ingest.sites import KEYS, checked_name, checked_origins, checked_zone, new_site, rotated
from collector.ingest.snippets import checked_domain, checked_prompt
from collector.store import Store
from collector.store.audit import Act
from collector.store.retention import Retention
from collector.store.snippets import SnippetSettings
from collector.web.tags import tag

# For how many days a site keeps what.
KEPT = {
    "browsing": "How long what visitors do is kept.",
    "unknown": "How long what visitors do is kept of whom nobody knows who they are.",
    "orders": "How long orders are kept, and what staff wrote.",
    "consents": "How long the consent log is kept, and answers about mailings.",
}


@click.group()
def site() -> None:
    """Shop fronts: their keys, origins and rules."""


def _rules(function: Any) -> Any:
    for option in (
        click.option(
            "--prompt", type=click.File("rb"), help="The consent prompt's wording, a JSON file; {} takes it back."
        ),
        *(
            click.option(f"--keep-{kind}", type=click.IntRange(0), metavar="DAYS", help=f"{text} 0: for good.")
            for kind, text in KEPT.items()
        ),
        click.option("--cookie-domain", help="The domain of the visitor's cookie, such as shop.example."),
        click.option(
            "--staff-address",
            multiple=True,
            help="An address or network of the shop's own staff: not kept. '' takes all back. [repeats]",
        ),
        click.option("--ids", help="A space of its own for this site's user ids."),
        click.option("--timezone", help="The time zone of its days, such as Europe/Paris."),
        click.option("--identity", type=click.Choice([mode.value for mode in IdentityMode]), help="Whose word counts."),
        click.option("--consent", type=click.Choice([mode.value for mode in ConsentMode]), help="What is needed."),
        click.option("--origin", multiple=True, help="An origin whose pages may send, https://shop.example. [repeats]"),
    ):
        function = option(function)
    return function


@site.command("add")
@click.argument("name")
@_rules
@setting("db", "url")
@as_json
def add(name: str, db: str | None, url: str | None, as_json: bool, **rules: Any) -> None:
    """Add a site and print its keys and its tag. The secret and identity keys are shown this once."""
    script_url = settings_of(url=url).script_url
    for_snippet, kept = _said_of_snippet(rules), _said_of_retention(rules)
    made, secret = new_site(checked_name(name), **_said(rules))
    with opened_or_made(db) as store:
        if any(other.name == name for other in store.sites()):
            raise Misuse(f"there is a site named {name} already")
        store.put_site(made)
        if for_snippet:
            store.put_snippet(SnippetSettings(site=name, **for_snippet))
        if kept:
            store.put_retention(Retention(site=name, **kept))
        note(store, Act.CHANGED, f"site {name}")
    keys = {"write_key": made.write_key, "secret_key": secret, "identity_key": made.identity_key}
    _show({"site": name, **keys, "tag": tag(made, script_url)}, as_json)


@site.command("list")
@setting("db")
@as_json
def list_sites(db: str | None, as_json: bool) -> None:
    """All sites, without their secret keys."""
    with opened(db) as store:
        rows = [
            _public(one)
            | _public_of_snippet(_snippet(store, one.name))
            | _public_of_retention(_retention(store, one.name))
            for one in store.sites()
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ["site", "write key", "origins", "consent", "identity", "time zone"],
            [
                [
                    row["site"],
                    row["write_key"],
                    " ".join(row["origins"]),
                    row["consent"],
                    row["identity"],
                    row["timezone"],
                ]
                for row in rows
            ],
        )


@site.command("edit")
@click.argument("name")
@_rules
@setting("db")
@as_json
def edit(name: str, db: str | None, as_json: bool, **rules: Any) -> None:
    """Change a site's rules. The origins that are given replace all it had."""
    for_snippet, kept = _said_of_snippet(rules), _said_of_retention(rules)
    with opened(db) as store:
        said = _said(rules)
        edited = replace(_find(store, name), **said)
        store.put_site(edited)
        snippet = replace(_snippet(store, name), **for_snippet)
        if for_snippet:
            store.put_snippet(snippet)
        retention = replace(_retention(store, name), **kept)
        if kept:
            store.put_retention(retention)
        if said or for_snippet or kept:
            note(store, Act.CHANGED, f"site {name}")
    _show(_public(edited) | _public_of_snippet(snippet) | _public_of_retention(retention), as_json)


@site.command("rotate-key")
@click.argument("name")
@click.option("--key", "which", type=click.Choice(list(KEYS)), required=True, help="The key to make anew.")
@setting("db", "url")
@as_json
def rotate_key(name: str, which: str, db: str | None, url: str | None, as_json: bool) -> None:
    """Make one of a site's keys anew; the old one stops working within a second."""
    script_url = settings_of(url=url).script_url
    with opened(db) as store:
        changed, key = rotated(_find(store, name), which)
        store.put_site(changed)
        note(store, Act.CHANGED, f"site {name}")
    shown = {"site": name, f"{which}_key": key}
    _show(shown | ({"tag": tag(changed, script_url)} if which == "write" else {}), as_json)


@site.command("remove")
@click.argument("name")
@setting("db")
@as_json
def remove(name: str, db: str | None, as_json: bool) -> None:
    """Remove a site: its keys stop working, its events stay."""
    with opened(db) as store:
        store.remove_site(name, now_ms())
        note(store, Act.CHANGED, f"site {name}")
    _show({"removed": name}, as_json)


def _said(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules that were given, checked."""
    said = {field: value for field, value in rules.items() if value not in (None, ())}
    if "origin" in said:
        said["origins"] = checked_origins(said.pop("origin"))
    if "staff_address" in said:
        said["staff"] = checked_networks(text for text in said.pop("staff_address") if text)
    if "consent" in said:
        said["consent"] = ConsentMode(said["consent"])
    if "identity" in said:
        said["identity"] = IdentityMode(said["identity"])
    if "timezone" in said:
        said["timezone"] = checked_zone(said["timezone"])
    return said


def _said_of_snippet(rules: dict[str, Any]) -> dict[str, Any]:
    """Takes what is for the snippet out of the rules, checked."""
    domain, prompt = rules.pop("cookie_domain"), rules.pop("prompt")
    said: dict[str, Any] = {}
    if domain is not None:
        said["cookie_domain"] = checked_domain(domain)
    if prompt is not None:
        said["prompt"] = checked_prompt(prompt.read())
    return said


def _said_of_retention(rules: dict[str, Any]) -> dict[str, int | None]:
    """Takes how long what is kept out of the rules."""
    said = {kind: rules.pop(f"keep_{kind}") for kind in KEPT}
    return {kind: days or None for kind, days in said.items() if days is not None}


def _retention(store: Store, name: str) -> Retention:
    return next((one for one in store.retentions() if one.site == name), Retention(site=name))


def _public_of_retention(retention: Retention) -> dict[str, Any]:
    """What is not told is kept for good."""
    kept = {kind: getattr(retention, kind) for kind in KEPT}
    return {f"keep_{kind}": days for kind, days in kept.items() if days is not None}


def _snippet(store: Store, name: str) -> SnippetSettings:
    return next((one for one in store.snippets() if one.site == name), SnippetSettings(site=name))


def _public_of_snippet(settings: SnippetSettings) -> dict[str, Any]:
    prompt = settings.prompt
    return {"cookie_domain": settings.cookie_domain, "prompt": prompt.version if prompt else ""}


def _find(store: Store, name: str) -> Site:
    for one in store.sites():
        if one.name == name:
            return one
    raise NotFound(f"there is no site {name}")


def _public(one: Site) -> dict[str, Any]:
    return {
        "site": one.name,
        "write_key": one.write_key,
        "origins": list(one.origins),
        "consent": one.consent.value,
        "identity": one.identity.value,
        "timezone": one.timezone,
        "ids": one.ids,
        "staff_addresses": list(one.staff),
    }


def _show(shown: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    for field, value in shown.items():
        text = " ".join(value) if isinstance(value, list) else value
        click.echo(f"{field.replace('_', ' ') + ':':16}{text}")
