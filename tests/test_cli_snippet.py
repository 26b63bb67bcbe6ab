"""What a site has set for its snippet, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import footfall

from collector.errors import Misuse
from collector.ingest.snippets import checked_domain, checked_prompt

WORDING = {"text": "May we remember what you look at?", "accept": "Yes", "refuse": "No"}
PROMPT = {"version": "2", "texts": {"en": WORDING, "pt-BR": WORDING}}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    footfall("site", "add", "shop", "--origin", "https://shop.example", "--json", db=tmp_path / "footfall.db")
    return tmp_path / "footfall.db"


def edited(db: Path, *flags: str) -> dict[str, Any]:
    done = footfall("site", "edit", "shop", *flags, "--json", db=db)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def file_of(db: Path, content: object) -> str:
    path = db.parent / "prompt.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_cookie_domain_and_a_prompt_are_kept_beside_each_other(db: Path) -> None:
    assert edited(db, "--cookie-domain", ".Shop.example")["cookie_domain"] == "shop.example"
    assert edited(db, "--prompt", file_of(db, PROMPT))["prompt"] == "2"
    listed = json.loads(footfall("site", "list", "--json", db=db).stdout)
    assert [(row["cookie_domain"], row["prompt"]) for row in listed] == [("shop.example", "2")]


def test_an_empty_prompt_takes_the_sites_own_back(db: Path) -> None:
    edited(db, "--prompt", file_of(db, PROMPT))
    assert edited(db, "--prompt", file_of(db, "{}"))["prompt"] == ""


def test_a_site_may_be_added_with_both(tmp_path: Path) -> None:
    db = tmp_path / "footfall.db"
    flags = ("--cookie-domain", "shop.example", "--prompt", file_of(db, PROMPT))
    assert footfall("site", "add", "shop", *flags, "--json", db=db).returncode == 0
    assert edited(db)["prompt"] == "2"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "cannot be read"),
        (PROMPT | {"texts": {}}, "languages"),
        (PROMPT | {"texts": {"en": {"text": "Yes?"}}}, "accept"),
        (PROMPT | {"texts": {"en": WORDING | {"href": "javascript:alert(1)"}}}, "href"),
        (PROMPT | {"texts": {"en": WORDING | {"text": "x" * 1_001}}}, "1000"),
        (PROMPT | {"texts": {"<b>": WORDING}}, "language"),
        (PROMPT | {"purposes": []}, "purposes"),
        (PROMPT | {"colour": "red"}, "colour"),
        ("[" * 30_000, "cannot be read"),
        ('{"version": "' + "x" * 40_000 + '"}', "32768"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "prompt",
)
def test_a_prompt_that_cannot_be_shown_is_misuse(content: object, complaint: str) -> None:
    with pytest.raises(Misuse, match=complaint):
        checked_prompt((content if isinstance(content, str) else json.dumps(content)).encode())


def test_misuse_is_one_line_on_the_standard_error(db: Path) -> None:
    done = footfall("site", "edit", "shop", "--prompt", file_of(db, "{"), db=db)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be read" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("domain", ["shop", "shop.example/x", "a b.example", "-.example", "shop.example; secure"])
def test_a_cookie_domain_that_is_none_is_misuse(domain: str) -> None:
    with pytest.raises(Misuse, match="domain"):
        checked_domain(domain)
