"""`footfall token`: who may read over HTTP.

What enters: names and scopes. What leaves: a token, shown once; only its hash is kept.
"""

from __future__ import annotations

import click

from collector.cli.options import as_json, moment, note, now_ms, opened, opened_or_made, print_json, setting
from collector.cli.tables import print_table
from collector.ingest.keys import new_key, secret_hash
from collector.ingest.sites import checked_name
from collector.store import Token
from collector.store.audit import Act
from collector.web.roles import SCOPES


@click.group()
def token() -> None:
    """Tokens for reading over HTTP."""


@token.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="[repeats]")
@setting("db")
@as_json
def create(name: str, scopes: tuple[str, ...], db: str | None, as_json: bool) -> None:
    """Create a token and print it, this once."""
    secret = new_key("ft")
    kept = Token(
        name=checked_name(name), hash=secret_hash(secret), scopes=tuple(dict.fromkeys(scopes)), created=now_ms()
    )
    with opened_or_made(db) as store:
        store.put_token(kept)
        note(store, Act.CHANGED, f"token {name}")
    if as_json:
        print_json({"token": secret})
    else:
        click.echo(secret)


@token.command("list")
@setting("db")
@as_json
def list_tokens(db: str | None, as_json: bool) -> None:
    """All tokens ever created, by name."""
    with opened(db) as store:
        tokens = store.tokens()
    if as_json:
        shown = ("name", "scopes", "created", "revoked", "used")
        print_json([{field: getattr(one, field) for field in shown} for one in tokens])
    else:
        rows = [
            [one.name, " ".join(one.scopes), *(moment(at) if at else "" for at in (one.created, one.used, one.revoked))]
            for one in tokens
        ]
        print_table(["name", "scopes", "created", "last used", "revoked"], rows)


@token.command("revoke")
@click.argument("name")
@setting("db")
@as_json
def revoke(name: str, db: str | None, as_json: bool) -> None:
    """Make a token worthless, within a second."""
    with opened(db) as store:
        store.revoke_token(name, now_ms())
        note(store, Act.CHANGED, f"token {name}")
    if as_json:
        print_json({"revoked": name})
    else:
        click.echo(f"revoked {name}")
