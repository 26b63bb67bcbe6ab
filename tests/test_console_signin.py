"""Signing in to the console: one-time links, sessions and their ends, forged forms, and what a stranger gets to see."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from console import HOST, Console, a_console, read, words
from starlette.routing import Route
from starlette.testclient import TestClient

from collector.ingest.keys import secret_hash
from collector.store.sqlite.store import SqliteStore
from collector.web.assets import asset, shelf
from collector.web.console.signin import local_path, new_link

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
PAGE = "/console/sites"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with a_console(tmp_path) as one:
        yield one


def fresh_link(console: Console) -> str:
    return parse_qs(urlsplit(new_link(console.store, HOST, console.clock.ms)).query)["link"][0]


def use(client: TestClient, link: str, after: str = "") -> tuple[int, str]:
    answer = client.post("/console/signin", data={"link": link, "next": after}, headers={"origin": HOST})
    return answer.status_code, answer.headers.get("location", "")


def is_in(client: TestClient) -> bool:
    return client.get(PAGE, follow_redirects=False).status_code == 200


def test_a_stranger_is_sent_to_the_sign_in_and_from_there_to_where_he_wanted(console: Console) -> None:
    stranger = console.stranger()
    sent = stranger.get("/console/customers?q=jane&sort=name")
    assert sent.status_code == 303
    page = read(stranger.get(sent.headers["location"]))
    assert "footfall signin-link" in words(page.main)
    after = parse_qs(urlsplit(sent.headers["location"]).query)["next"][0]
    assert use(stranger, fresh_link(console), after) == (303, "/console/customers?q=jane&sort=name")
    assert is_in(stranger)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("/console/live?site=a", "/console/live?site=a"),
        ("https://evil.example/console/", "/console/"),
        ("//evil.example/console/", "/console/"),
        ("/\\evil.example/console/", "/console/"),
        ("/console/\\evil", "/console/"),
        ("javascript:alert(1)", "/console/"),
        ("/demo/", "/console/"),
        ("/console/signin", "/console/"),
        ("/console/\r\nset-cookie: a=b", "/console/"),
        ("", "/console/"),
        ("http://[", "/console/"),
    ],
)
def test_after_signing_in_only_a_page_of_the_console_follows(asked: str, wanted: str) -> None:
    assert local_path(asked) == wanted


def test_opening_a_link_uses_nothing_up_the_button_does_and_only_once(console: Console) -> None:
    scanner, person, thief, link = console.stranger(), console.stranger(), console.stranger(), fresh_link(console)
    for _ in range(3):
        opened = scanner.get(f"/console/signin?link={link}")
        assert opened.status_code == 200 and "set-cookie" not in opened.headers
    form = read(person.get(f"/console/signin?link={link}")).select_one("main form")
    assert form is not None and form["method"] == "post" and "Sign in" in words(form.button)
    assert use(person, link) == (303, "/console/")
    assert is_in(person)
    assert use(thief, link)[0] == 410
    assert thief.get(f"/console/signin?link={link}").status_code == 410
    assert not is_in(thief)


def test_who_is_signed_in_and_opens_a_used_link_again_is_simply_in(console: Console) -> None:
    person, link = console.stranger(), fresh_link(console)
    use(person, link)
    for path in (f"/console/signin?link={link}", "/console/signin", "/console/signin?next=/evil"):
        answer = person.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/")


def test_of_two_who_use_a_link_at_the_same_moment_one_gets_in(tmp_path: Path) -> None:
    stores = [SqliteStore.open(str(tmp_path / "footfall.db")) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        for round in range(20):
            stores[0].put_signin_link(f"link {round}", 0)
            together = Barrier(2)

            def begin(n: int, round: int = round, together: Barrier = together) -> bool:
                together.wait()
                return stores[n].sign_in(f"link {round}", f"session {round} {n}", None, 1)

            assert sorted(threads.map(begin, range(2))) == [False, True]
    for store in stores:
        store.close()


def test_a_link_dies_after_fifteen_minutes(console: Console) -> None:
    early, late = fresh_link(console), fresh_link(console)
    console.clock.ms += 15 * MINUTE_MS - 1
    assert use(console.stranger(), early)[0] == 303
    console.clock.ms += 1
    answer = console.stranger().post("/console/signin", data={"link": late}, headers={"origin": HOST})
    assert answer.status_code == 410
    assert "within 15 minutes" in words(read(answer).main)


def test_a_session_ends_when_nobody_uses_it_for_twelve_hours(console: Console) -> None:
    for _ in range(3):
        console.clock.ms += 12 * HOUR_MS - 1
        assert is_in(console.client)
    console.clock.ms += 12 * HOUR_MS
    assert not is_in(console.client)


def test_a_session_ends_after_thirty_days_however_much_it_is_used(console: Console) -> None:
    for _ in range(30 * 24 // 6 - 1):
        console.clock.ms += 6 * HOUR_MS
        assert is_in(console.client)
    console.clock.ms += 6 * HOUR_MS
    assert not is_in(console.client)


def test_signing_out_ends_the_session_also_for_whoever_kept_the_cookie(console: Console) -> None:
    copied = console.client.cookies["footfall_console"]
    console.submit(console.page(PAGE).select_one("form.signout"))
    assert "footfall_console" not in console.client.cookies
    thief = console.stranger()
    thief.cookies.set("footfall_console", copied)
    assert not is_in(thief)


def test_signing_in_anew_ends_the_session_before(console: Console) -> None:
    before = console.client.cookies["footfall_console"]
    console.sign_in(console.client)
    assert console.client.cookies["footfall_console"] != before
    thief = console.stranger()
    thief.cookies.set("footfall_console", before)
    assert not is_in(thief)
    assert is_in(console.client)


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(console: Console, tmp_path: Path) -> None:
    cookie = console.sign_in(console.stranger()).headers["set-cookie"]
    assert cookie.startswith("footfall_console=fs_")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly",
        "max-age=2592000",
        "path=/",
        "samesite=lax",
    }
    (tmp_path / "tls").mkdir()
    with a_console(tmp_path / "tls", url="https://collector.example") as behind_tls:
        client = behind_tls.stranger("https://collector.example")
        answer = client.post("/console/signin", data={"link": fresh_link(behind_tls)})
        assert answer.headers["set-cookie"].startswith("__Host-footfall_console=fs_")
        assert "; Secure" in answer.headers["set-cookie"] and "; Path=/;" in answer.headers["set-cookie"]
        assert is_in(client)


def test_of_links_and_sessions_only_hashes_are_kept(console: Console) -> None:
    link, session = fresh_link(console), console.client.cookies["footfall_console"]
    conn = sqlite3.connect(console.store.path)
    kept = {hash for (hash,) in conn.execute("SELECT hash FROM signin_links UNION SELECT hash FROM sessions")}
    conn.close()
    assert kept == {secret_hash(link), secret_hash(session)}


def test_a_form_without_the_sessions_token_changes_nothing(console: Console) -> None:
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}):
        answer = console.client.post("/console/signout", data=token, headers={"origin": HOST})
        assert answer.status_code == 403
    assert is_in(console.client)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://shop.example"},
        {"origin": "null"},
        {"origin": HOST, "sec-fetch-site": "cross-site"},
        {"origin": HOST, "sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_another_page_changes_nothing_even_with_the_token(
    console: Console, headers: dict[str, str]
) -> None:
    token = console.page(PAGE).select_one("input[name=csrf]")
    assert token is not None
    answer = console.client.post("/console/signout", data={"csrf": str(token["value"])}, headers=headers)
    assert answer.status_code == 403
    assert is_in(console.client)


def test_the_api_takes_a_session_in_the_place_of_a_token(console: Console) -> None:
    assert console.client.get("/api/customers").json() == {"customers": [], "next": None}
    assert console.stranger().get("/api/customers").status_code == 401
    wrong = console.client.get("/api/customers", headers={"authorization": "Bearer ft_wrong"})
    assert wrong.status_code == 401, "who bears a token is judged by it"


def test_the_api_changes_nothing_for_a_session_without_its_token(console: Console) -> None:
    token = console.page(PAGE).select_one("meta[name=csrf-token]")
    assert token is not None
    forged = console.client.delete("/api/customers/42")
    assert (forged.status_code, forged.json()["error"]["code"]) == (403, "forbidden")
    meant = console.client.delete("/api/customers/42", headers={"x-csrf-token": str(token["content"])})
    assert (meant.status_code, meant.json()["error"]["code"]) == (404, "not_found")


def test_nothing_of_the_console_opens_for_a_stranger(console: Console) -> None:
    stranger = console.stranger()
    paths = [
        route.path.replace("{key:path}", "42").replace("{name}", "shop")
        for route in console.app.routes
        if isinstance(route, Route) and route.path.startswith("/console/")
    ]
    assert PAGE in paths
    for path in [*paths, "/console/no-such-page", "/console"]:
        if path == "/console/signin" or path.startswith("/console/static/"):
            continue
        for method in ("GET", "POST"):
            answer = stranger.request(method, path)
            assert (answer.status_code, answer.headers["location"][:15]) == (303, "/console/signin"), path


@pytest.mark.parametrize("path", ["/", "/console"])
def test_the_way_home_is_told_by_its_path_alone(console: Console, path: str) -> None:
    """The collector does not know by which scheme and host a proxy is reached."""
    answer = console.client.get(path, headers={"host": "elsewhere.example"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/console/")


def test_a_script_that_reads_in_the_background_is_told_that_it_is_signed_out(console: Console) -> None:
    for headers in ({"accept": "text/event-stream"}, {"sec-fetch-dest": "empty"}):
        assert console.stranger().get("/console/live", headers=headers).status_code == 401


def test_what_is_not_there_is_a_page_of_the_console(console: Console) -> None:
    for path in ("/console/no-such-page", f"{PAGE}?site=nowhere"):
        page = console.page(path, 404)
        assert words(page.h1) == "Not found"
        assert page.select_one("nav") is not None


def test_a_form_that_is_too_large_or_no_form_is_refused(console: Console) -> None:
    large = console.client.post("/console/signout", data={"csrf": "x" * 300_000}, headers={"origin": HOST})
    assert large.status_code == 413
    other = console.client.post("/console/signout", json={"csrf": "x"}, headers={"origin": HOST})
    assert other.status_code == 400


def test_static_files_are_kept_for_ever_under_their_own_address_and_not_under_an_old_one(console: Console) -> None:
    stranger, present = console.stranger(), asset("console.css")
    kept = stranger.get(present)
    assert kept.status_code == 200 and "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    old = stranger.get(present.replace(shelf().version, "0123456789ab"))
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    for path in ("no-such.css", "../templates/base.html", "..%2Ftemplates%2Fbase.html", ""):
        assert stranger.get(f"/console/static/{shelf().version}/{path}").status_code in (303, 404)
