"""Sites and tokens: made, changed, given new keys, removed; secrets shown once; faults told beside their fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from conftest import make_site
from console import Console, a_console, words

from collector.event import ConsentMode, IdentityMode, Site
from collector.ingest.keys import secret_hash
from collector.store.sqlite.store import SqliteStore

ROOM = "/console/sites"
HOSTILE = "a/b <b>&\"'% shop"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    store = SqliteStore.open(str(tmp_path / "footfall.db"))
    store.put_site(make_site())
    store.put_site(make_site(HOSTILE, ids="other"))
    with a_console(tmp_path, store) as one:
        yield one


def site(console: Console, name: str) -> Site | None:
    return next((one for one in console.store.sites() if one.name == name), None)


def address(name: str) -> str:
    return f"{ROOM}/site/{quote(name, safe='')}"


def faults(page: BeautifulSoup) -> dict[str, str]:
    """What is said beside each field, found the way a screen reader finds it."""
    told = {}
    for field in page.select("[aria-invalid=true], fieldset.faulty"):
        of = str(field.get("name") or words(field.legend).lower())
        described = str(field["aria-describedby"]).split()
        told[of] = words(page.find(id=described[0]))
    return told


def test_all_sites_and_tokens_are_listed_with_their_names_as_text(console: Console) -> None:
    page = console.page(ROOM)
    assert [words(cell) for cell in page.select("tbody th")] == ["shop", f"{HOSTILE} ids: other"]
    assert page.select("th b") == []
    assert [str(link["href"]) for link in page.select("tbody th a")] == [address("shop"), address(HOSTILE)]


def test_a_new_site_shows_its_keys_once_and_its_tag(console: Console) -> None:
    form = console.page(f"{ROOM}/add").select_one("main form")
    page = console.submit(
        form, name="Paris", origins="https://paris.example\nhttp://localhost:5173", timezone="Europe/Paris"
    )
    made = site(console, "Paris")
    assert made is not None
    secret = words(page.select_one("#secret-key"))
    assert secret_hash(secret) == made.secret_key_hash
    assert words(page.select_one("#identity-key")) == made.identity_key
    assert words(page.select_one("#tag")) == (
        f'<script async src="http://collector.example/f.js" data-key="{made.write_key}"></script>'
    )
    assert (made.origins, made.timezone) == (("https://paris.example", "http://localhost:5173"), "Europe/Paris")
    assert (made.consent, made.identity) == (ConsentMode.OPT_IN, IdentityMode.OPEN)
    for path in (ROOM, address("Paris")):
        shown = str(console.page(path))
        assert secret not in shown and made.identity_key not in shown


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(console: Console) -> None:
    typed = {
        "name": " x\x07",
        "origins": "https://ok.example\nshop.example/page",
        "timezone": "Paris",
        "identity": "signed",
        "consent": "none",
        "ids": "y" * 65,
    }
    page = console.submit(console.page(f"{ROOM}/add").select_one("main form"), 400, **typed)
    told = faults(page)
    assert set(told) == {"name", "origins", "timezone", "consent", "ids"}
    assert told["origins"] == "'shop.example/page' is not an origin; give it as https://shop.example."
    assert told["timezone"] == "'Paris' is not a time zone; give it as Europe/Paris."
    assert page.select_one("#origins").text.strip() == typed["origins"]  # type: ignore[union-attr]
    assert page.select_one("#timezone")["value"] == "Paris"  # type: ignore[index]
    assert page.select_one("input[name=identity][checked]")["value"] == "signed"  # type: ignore[index]
    assert page.select_one("[role=alert]") is not None
    assert len(console.store.sites()) == 2


def test_a_name_that_is_taken_is_told_and_changes_nothing(console: Console) -> None:
    before = site(console, "shop")
    page = console.submit(console.page(f"{ROOM}/add").select_one("main form"), 400, name="shop")
    assert faults(page) == {"name": "There is a site named shop already."}
    assert site(console, "shop") == before


@pytest.mark.parametrize("name", ["shop", HOSTILE])
def test_a_sites_rules_are_changed_and_its_keys_stay(console: Console, name: str) -> None:
    before = site(console, name)
    assert before is not None
    form = console.page(address(name)).select_one("main form")
    page = console.submit(form, origins="", consent="cookieless", identity="signed", ids="", timezone="Asia/Tokyo")
    assert "was changed" in words(page.select_one(".notice.good"))
    after = site(console, name)
    assert after is not None
    assert (after.origins, after.consent, after.identity) == ((), ConsentMode.COOKIELESS, IdentityMode.SIGNED)
    assert (after.ids, after.timezone) == ("", "Asia/Tokyo")
    assert (after.write_key, after.secret_key_hash, after.identity_key) == (
        before.write_key,
        before.secret_key_hash,
        before.identity_key,
    )


def test_a_change_with_a_fault_changes_nothing(console: Console) -> None:
    before = site(console, "shop")
    page = console.submit(console.page(address("shop")).select_one("main form"), 400, timezone="Mars", origins="")
    assert set(faults(page)) == {"timezone"}
    assert site(console, "shop") == before


@pytest.mark.parametrize("which", ["write", "secret", "identity"])
def test_a_key_is_made_anew_once_even_if_the_form_is_sent_twice(console: Console, which: str) -> None:
    before = site(console, "shop")
    form = console.page(address("shop")).find("input", {"name": "key", "value": which}).find_parent("form")  # type: ignore[union-attr]
    shown = words(console.submit(form).select_one(f"#{which}-key"))  # type: ignore[arg-type]
    after = site(console, "shop")
    assert after is not None and before is not None
    kept = {"write": after.write_key, "secret": after.secret_key_hash, "identity": after.identity_key}
    assert kept[which] == (secret_hash(shown) if which == "secret" else shown)
    assert sum(getattr(after, field) != getattr(before, field) for field in Site.__struct_fields__) == 1
    console.submit(form, 400)  # type: ignore[arg-type]
    assert site(console, "shop") == after


def test_a_site_is_removed_only_when_it_was_confirmed(console: Console) -> None:
    form = console.page(address("shop")).select_one("form[action$='/remove']")
    page = console.submit(form, 400)
    assert faults(page) == {"confirm": "Tick this box if you mean it."}
    assert site(console, "shop") is not None
    page = console.submit(form, confirm="yes")
    assert "Its keys stop working" in words(page.select_one(".notice"))
    assert site(console, "shop") is None
    console.page(address("shop"), 404)


def test_a_token_is_shown_once_and_works_at_once_until_it_is_revoked(console: Console) -> None:
    form = console.page(ROOM).select_one("form[action^='/console/sites/tokens']:has([name=scope])")
    page = console.submit(form, name="nightly", scope=["export", "read"])
    secret = words(page.select_one("#new-token"))
    (kept,) = console.store.tokens()
    assert (kept.name, kept.scopes, kept.hash) == ("nightly", ("read", "export"), secret_hash(secret))
    assert kept.created == console.clock.ms
    page = console.page(ROOM)
    assert secret not in str(page)
    page = console.submit(page.select_one("form[action$='/revoke']"))
    assert "was revoked" in words(page.select_one(".notice"))
    assert console.store.tokens()[0].revoked == console.clock.ms
    assert page.select_one("form[action$='/revoke']") is None


def test_a_token_without_name_or_scope_is_not_made(console: Console) -> None:
    form = console.page(ROOM).select_one("form:has([name=scope])")
    page = console.submit(form, 400, name="", scope=[])
    assert set(faults(page)) == {"name", "may"}
    assert set(faults(console.submit(form, 400, name="idle", scope=[]))) == {"may"}
    console.submit(form, name="twice", scope="read")
    page = console.submit(form, 400, name="twice", scope=["admin", "write"])
    assert faults(page) == {"name": "There is a token named twice already."}
    assert page.select_one("input[name=scope][checked]")["value"] == "admin"  # type: ignore[index]
    assert [token.name for token in console.store.tokens()] == ["twice"]
