"""`footfall user`: who may use the console, and what they may do there.

What enters: names, roles, and passwords, asked for on a terminal or read from stdin, never an argument. What leaves:
users. Of a password only the hash is kept.
"""

from __future__ import annotations

import sys

import click

from collector.cli.options import as_json, moment, note, now_ms, opened, opened_or_made, print_json, setting
from collector.cli.tables import print_table
from collector.errors import Misuse
from collector.store.audit import Act
from collector.store.users import Role, User
from collector.web.passwords import account, checked_account, hashed


@click.group()
def user() -> None:
    """Users of the console and their roles: owner, analyst, support."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What they may do.")
@setting("db")
@as_json
def add(name: str, role: str, db: str | None, as_json: bool) -> None:
    """Add a user. The password is asked for, or read from the first line of stdin."""
    made = User(name=checked_account(name), role=Role(role), password=hashed(_password()), created=now_ms())
    with opened_or_made(db) as store:
        store.add_user(made)
        note(store, Act.CHANGED, f"user {made.name}")
    _tell({"user": made.name, "role": made.role.value}, as_json)


@user.command("list")
@setting("db")
@as_json
def list_users(db: str | None, as_json: bool) -> None:
    """All users, without their passwords."""
    with opened(db) as store:
        users = store.users()
    if as_json:
        print_json([{"user": one.name, "role": one.role.value, "created": one.created} for one in users])
    else:
        print_table(["user", "role", "created"], [[one.name, one.role.value, moment(one.created)] for one in users])


@user.command("edit")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="What they may do from now on.")
@click.option("--password", "renew", is_flag=True, help="Ask for a new password; their sessions end.")
@setting("db")
@as_json
def edit(name: str, role: str | None, renew: bool, db: str | None, as_json: bool) -> None:
    """Give a user another role or a new password."""
    if role is None and not renew:
        raise Misuse("say what to change: --role, --password")
    with opened(db) as store:
        store.change_user(account(name), Role(role) if role else None, hashed(_password()) if renew else None)
        changed = next(one for one in store.users() if one.name == account(name))
        note(store, Act.CHANGED, f"user {changed.name}")
    _tell({"user": changed.name, "role": changed.role.value}, as_json)


@user.command("remove")
@click.argument("name")
@setting("db")
@as_json
def remove(name: str, db: str | None, as_json: bool) -> None:
    """Remove a user; their sessions end at once."""
    with opened(db) as store:
        store.remove_user(account(name))
        note(store, Act.CHANGED, f"user {account(name)}")
    _tell({"removed": account(name)}, as_json)


def _password() -> str:
    """As typed, twice; or the first line of stdin."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def _tell(shown: dict[str, str], as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        click.echo(", ".join(f"{field} {text}" for field, text in shown.items()))
