"""The shop's own staff are left out: by their addresses, and by a mark on a browser. What is left out is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Start, footfall, make_site
from console import a_console, fields_of, read, words

from collector.errors import Misuse
from collector.ingest.client_address import Networks, checked_networks

PAGE = {"type": "page", "anonymousId": "v", "messageId": "m"}


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("203.0.113.8", False),
        ("198.51.100.200", True),
        ("2001:db8:1:2::9", True),
        ("2001:db8:2::9", False),
        ("", False),
        ("testclient", False),
    ],
)
def test_a_network_holds_its_addresses(address: str, wanted: bool) -> None:
    assert Networks(("203.0.113.7", "198.51.100.0/24", "2001:db8:1::/48")).hold(address) is wanted
    assert not Networks(()).hold(address)


def test_addresses_are_kept_as_networks_each_once() -> None:
    assert checked_networks(["203.0.113.7", "203.0.113.7/32", "2001:DB8::1/48"]) == ("203.0.113.7/32", "2001:db8::/48")
    with pytest.raises(Misuse, match="neither an address nor a network"):
        checked_networks(["the office"])


def test_what_staff_do_is_counted_and_not_kept_whatever_it_is(start: Start) -> None:
    collector = start(make_site(staff=("203.0.113.0/24",)), flags=("--trusted-proxy", "127.0.0.1"))
    office, street = {"x_forwarded_for": "203.0.113.7"}, {"x_forwarded_for": "203.0.114.7"}
    key = {"writeKey": "wk_shop"}
    for where, id in ((office, "1"), (street, "2")):
        batch = [PAGE | {"messageId": id}, {"type": "nonsense", "messageId": id}]
        assert collector.post("/v1/batch", key | {"batch": batch}, **where).status_code == 200
    secret = {"writeKey": "sk_shop", "batch": [PAGE | {"messageId": "3"}]}
    assert collector.post("/v1/batch", secret, **office).status_code == 200
    assert collector.stored() == ["2", "3"]
    assert collector.query("SELECT reason FROM quarantine") == [("unknown_type",)]
    assert dict(collector.query("SELECT what, n FROM counters WHERE what LIKE 'dropped%'")) == {"dropped:staff": 2}
    assert 'footfall_dropped_total{site="shop",why="staff"} 2.0' in collector.client.get("/metrics").text
    edited = footfall("site", "edit", "shop", "--staff-address", "", "--json", db=collector.db)
    assert json.loads(edited.stdout)["staff_addresses"] == []


def test_the_console_keeps_the_addresses_and_says_what_is_wrong_with_them(tmp_path: Path) -> None:
    with a_console(tmp_path) as console:
        form = console.page("/console/sites/site/shop").select_one("main form")
        refused = console.submit(form, 400, staff="the office")
        assert "neither an address nor a network" in words(refused.select_one("#staff-fault"))
        console.submit(form, staff="203.0.113.7\n2001:db8::/48")
        assert console.store.sites()[0].staff == ("203.0.113.7/32", "2001:db8::/48")


def test_a_marked_browser_gets_a_script_that_does_nothing(tmp_path: Path) -> None:
    with a_console(tmp_path) as console:
        client = console.client
        whole = client.get("/f.js")
        assert len(whole.text) > 1_000 and "public" in whole.headers["cache-control"]
        marked = console.submit(console.page("/console/account").select("main form")[-1], mark="on")
        assert "left out from now on" in words(marked.main)
        assert "footfall_staff" in client.cookies
        for path in ("/f.js", "/f.shop.js"):
            empty = client.get(path)
            assert (empty.status_code, empty.headers["cache-control"]) == (200, "no-store")
            assert len(empty.text) < 100
        assert console.stranger().get("/f.js").text == whole.text
        unmarked = console.submit(marked.select("main form")[-1], mark="off")
        assert "counts again" in words(unmarked.main)
        assert client.get("/f.js").text == whole.text


def test_behind_tls_no_neighbouring_host_can_set_the_mark(tmp_path: Path) -> None:
    url = "https://collector.example"
    with a_console(tmp_path, url=url) as console:
        client = console.stranger(url)
        console.sign_in(client)
        form = read(client.get("/console/account")).select("main form")[-1]
        sent = {**fields_of(form), "mark": "on"}
        answer = client.post(str(form["action"]), data=sent, headers={"origin": url})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-footfall_staff=1;") and "Secure" in cookie and "HttpOnly" in cookie
        assert answer.headers["clear-site-data"] == '"cache"'
        assert client.get("/f.js").headers["cache-control"] == "no-store"
