"""Signed identity end to end: the documentation's examples are run as they stand there, and what they sign joins."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import READER, ROOT, Collector, footfall

from collector.ingest.keys import secret_hash
from collector.store import Token
from collector.store.sqlite.store import SqliteStore

PAGE = ROOT / "docs" / "identity.md"
# Language of the example -> how to run it, the file's ending, and the line that prints a token.
RUN = {
    "python": ([sys.executable], "py", "import sys\nprint(identity_token(*sys.argv[1:]))"),
    "js": (["node"], "mjs", "console.log(identityToken(...process.argv.slice(2)))"),
    "php": (["php"], "php", "echo identity_token(...array_slice($argv, 1));"),
}


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return ("<?php\n" if language == "php" else "") + found[1]


def token_of(language: str, folder: Path, *arguments: str) -> str:
    command, ending, last = RUN[language]
    assert shutil.which(command[0]), f"{command[0]} is not here: `make browsers` installs it"
    program = folder / f"example.{ending}"
    program.write_text(f"{example(language)}\n{last}\n", encoding="utf-8")
    done = subprocess.run([*command, str(program), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A site that requires signed identity, made by the command line, and its keys."""
    db = tmp_path_factory.mktemp("signed") / "footfall.db"
    made = footfall("site", "add", "boutique", "--identity", "signed", "--consent", "opt-out", "--json", db=db)
    with closing(SqliteStore.open(str(db))) as store:
        store.put_token(Token(name="reader", hash=secret_hash(READER), scopes=("read",), created=0))
    return json.loads(made.stdout) | {"db": str(db)}


@pytest.fixture(scope="module")
def collector(keys: dict[str, str]) -> Iterator[Collector]:
    one = Collector(Path(keys["db"]))
    yield one
    one.stop()


def identify(collector: Collector, key: str, visitor: str, user: str, token: str | None) -> str:
    """Browse, and say who it is; returns the strength by which the visitor was joined, '' for not."""
    context = {"identityToken": token} if token else {}
    batch = [
        {"type": "page", "anonymousId": visitor},
        {"type": "identify", "anonymousId": visitor, "userId": user, "context": context},
    ]
    assert collector.post("/v1/batch", {"writeKey": key, "batch": batch}).status_code == 200
    reader = {"authorization": f"Bearer {READER}"}
    profile = collector.client.get(f"/api/customers/{quote(user, safe='')}", headers=reader).json()
    joined = [each["strength"] for each in profile.get("visitors", []) if each["visitor"] == visitor]
    return joined[0] if joined else ""


@pytest.mark.parametrize("language", RUN)
def test_what_an_example_signs_joins_and_for_nobody_else(
    collector: Collector, keys: dict[str, str], tmp_path: Path, language: str
) -> None:
    user = f"é 7/{language}"
    token = token_of(language, tmp_path, user, "boutique", keys["identity_key"])
    assert identify(collector, keys["write_key"], f"{language}'s", user, token) == "signed"
    assert identify(collector, keys["write_key"], f"{language}'s thief", f"{user}8", token) == ""
    forged = token_of(language, tmp_path, user, "boutique", keys["write_key"])
    assert identify(collector, keys["write_key"], f"{language}'s forger", user, forged) == ""
    elsewhere = token_of(language, tmp_path, user, "another", keys["identity_key"])
    assert identify(collector, keys["write_key"], f"{language}'s other", user, elsewhere) == ""


def test_without_a_token_nobody_is_joined_but_by_the_back_end(collector: Collector, keys: dict[str, str]) -> None:
    assert identify(collector, keys["write_key"], "plain", "42", None) == ""
    assert identify(collector, keys["secret_key"], "told", "42", None) == "server"
