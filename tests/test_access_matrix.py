"""Every route, asked by everybody in every way: what this table says is what happens. A route that it lacks fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from conftest import make_site
from console import HOST, Console, a_console
from shop import a_busy_day
from starlette.routing import Route

from collector.ingest.keys import new_key, secret_hash
from collector.store import ExportQuery, Token
from collector.store.users import Role, User
from collector.web.console.session import _csrf
from collector.wire import PATHS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PASSES = 0  # whoever asks gets past the door; what they asked for may still not be there
TOKENS = ("read", "export", "admin")
ROLES = tuple(role.value for role in Role)
KEYS = ("write key", "secret key", "another site's key")
EVERYBODY = ("nobody", "wrong token", *TOKENS, *ROLES, *KEYS)


def row(refused: int = 0, *passing: str, **others: int) -> dict[str, int]:
    """What everybody gets: `refused`, but those that pass, and those of whom something else is said."""
    named = {who.replace("_", " "): status for who, status in others.items()}
    return dict.fromkeys(EVERYBODY, refused) | dict.fromkeys(passing, PASSES) | named


# Who is known and may not is told 403; who is not known, 401, or in the console where to sign in.
ALL = row(PASSES)
READ = row(401, "read", "admin", "owner", "analyst", "support", export=403)
EXPORT = row(401, "export", "admin", "owner", "analyst", read=403, support=403)
CARE = row(401, "admin", "owner", "support", read=403, export=403, analyst=403)
ADMIN = row(401, "admin", "owner", read=403, export=403, analyst=403, support=403)
ROOM = row(303, *ROLES)
ROOM_OF_CARE = row(303, "owner", "support", analyst=403)
ROOM_OF_OWNERS = row(303, "owner", analyst=403, support=403)
CALLS = row(401, *KEYS)
PREFLIGHT = row(403)
NO_PAGE = row(400)  # they know the key in a body alone, and pages alone (tests/test_device.py)

CUSTOMER = "/console/customers/{key}"
SITE = "/console/sites/site/{name}"
TABLE: dict[str, dict[str, dict[str, int]]] = {
    "/": {"GET": ALL},
    "/console": {"GET": ROOM},
    "/f.{rest}": {"GET": ALL},
    "/healthz": {"GET": ALL},
    "/readyz": {"GET": ALL},
    "/metrics": {"GET": ALL},
    "/v1/projects/{key}/settings": {"GET": ALL, "OPTIONS": PREFLIGHT},
    "/v1/visitor": {"POST": NO_PAGE},
    "/v1/handover": {"POST": NO_PAGE},
    "/v1/forget": {"POST": NO_PAGE},
    "/api/openapi.json": {"GET": ALL},
    "/api/customers": {"GET": READ},
    "/api/customers/{key}": {"GET": READ, "DELETE": ADMIN},
    "/api/customers/{key}/activity": {"GET": READ},
    "/api/customers/{key}/visitors/{visitor}": {"DELETE": CARE},
    "/api/customers/{key}/ids/{id}": {"DELETE": CARE},
    "/api/export/{dataset}": {"GET": EXPORT},
    "/console/static/{version}/{name:path}": {"GET": ALL},
    "/console/signin": {"GET": ALL, "POST": ALL},
    "/console/signout": {"POST": ROOM},
    "/console/": {"GET": ROOM},
    "/console/live": {"GET": ROOM},
    "/console/live/events": {"GET": ROOM},
    "/console/customers": {"GET": ROOM},
    CUSTOMER: {"GET": ROOM},
    f"{CUSTOMER}/unlink": {"GET": ROOM_OF_CARE, "POST": ROOM_OF_CARE},
    f"{CUSTOMER}/undo-link": {"GET": ROOM_OF_CARE, "POST": ROOM_OF_CARE},
    f"{CUSTOMER}/remarks": {"POST": ROOM_OF_CARE},
    f"{CUSTOMER}/everything": {"GET": ROOM_OF_CARE},
    f"{CUSTOMER}/erase": {"GET": ROOM, "POST": ROOM_OF_OWNERS},
    "/console/visitors": {"GET": ROOM},
    "/console/visitors/settle": {"POST": ROOM_OF_CARE},
    "/console/install": {"GET": ROOM},
    "/console/install/reception": {"GET": ROOM},
    "/console/quarantine": {"GET": ROOM},
    "/console/quarantine/replay": {"POST": ROOM_OF_OWNERS},
    "/console/account": {"GET": ROOM},
    "/console/account/password": {"POST": ROOM},
    "/console/account/mark": {"POST": ROOM},
    "/console/sites": {"GET": ROOM_OF_OWNERS},
    "/console/sites/add": {"GET": ROOM_OF_OWNERS, "POST": ROOM_OF_OWNERS},
    "/console/sites/tokens": {"POST": ROOM_OF_OWNERS},
    "/console/sites/tokens/revoke": {"POST": ROOM_OF_OWNERS},
    SITE: {"GET": ROOM_OF_OWNERS, "POST": ROOM_OF_OWNERS},
    f"{SITE}/rotate": {"POST": ROOM_OF_OWNERS},
    f"{SITE}/remove": {"POST": ROOM_OF_OWNERS},
    "/console/users": {"GET": ROOM_OF_OWNERS, "POST": ROOM_OF_OWNERS},
    "/console/users/role": {"POST": ROOM_OF_OWNERS},
    "/console/users/password": {"POST": ROOM_OF_OWNERS},
    "/console/users/remove": {"POST": ROOM_OF_OWNERS},
    "/console/audit": {"GET": ROOM_OF_OWNERS},
    **{path: {"POST": CALLS, "OPTIONS": PREFLIGHT} for path in PATHS},
}
FILLED = {"{key}": "a%2Fb", "{visitor}": "v", "{id}": "email:x", "{dataset}": "nothing", "{name}": "gone"}
FILLED |= {"{rest}": "0", "{version}": "0", "{name:path}": "x.css"}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("matrix")
    store = a_busy_day(folder / "footfall.db")
    store.put_site(make_site("another"))
    for role in Role:
        store.add_user(User(name=role.value, role=role, password="none", created=0))
    for scope in TOKENS:
        store.put_token(Token(name=scope, hash=secret_hash(f"ft_{scope}"), scopes=(scope,), created=0))
    with a_console(folder, store) as one:
        one.app.state.broadcast.close()  # a stream would never end; now it says so
        yield one


def asked(console: Console, who: str, method: str, path: str) -> int:
    """The status that somebody gets, with all the proofs that they can have."""
    client, headers = console.stranger(), {"origin": HOST} if path.startswith("/console") else {}
    if who in ROLES:
        secret = new_key("fs")
        user = next(user for user in console.store.users() if user.name == who)
        console.store.begin_session(user, secret_hash(secret), None, console.clock.ms)
        client.cookies.set("footfall_console", secret)
        headers |= {"x-csrf-token": _csrf(secret)}
    elif who in KEYS:
        key = {"write key": "wk_shop", "secret key": "sk_shop"}.get(who, "sk_another")
        headers["authorization"] = f"Bearer {key}"
    elif who != "nobody":
        headers["authorization"] = f"Bearer ft_{'wrong' if who == 'wrong token' else who}"
    call = {"type": "page", "anonymousId": "matrix"}
    sent: dict[str, Any] = {"json": call | {"batch": [call]}} if path in PATHS else {}
    answer = client.request(method, path, headers=headers, **sent)
    if answer.status_code == 303 and not answer.headers["location"].startswith("/console/signin"):
        return PASSES
    return answer.status_code


def served(console: Console) -> dict[str, set[str]]:
    """Every route and its methods; the doors stand before the router."""
    routes = {path: {"POST", "OPTIONS"} for path in PATHS}
    for route in console.app.routes:
        assert isinstance(route, Route), f"{route}: only plain routes can be judged here"
        routes.setdefault(route.path, set()).update((route.methods or set()) - {"HEAD"})
    return routes


def address(path: str) -> str:
    if path.startswith("/v1/projects"):
        return path.replace("{key}", "wk_shop")
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path


def test_every_route_is_in_the_table_and_no_other(console: Console) -> None:
    """Where this fails: give the new route its row in TABLE; think of who may."""
    assert {path: set(methods) for path, methods in TABLE.items()} == served(console)


@pytest.mark.parametrize("path", TABLE)
def test_everybody_gets_what_the_table_says(console: Console, path: str) -> None:
    got, wanted = {}, {}
    for method, said in TABLE[path].items():
        for who, status in said.items():
            # Signing out is the one thing that ends at the sign-in by success.
            passes = status == PASSES and path != "/console/signout"
            found = asked(console, who, method, address(path))
            got[method, who] = PASSES if passes and found not in (401, 403, 405, 500) else found
            wanted[method, who] = status if path != "/console/signout" else 303
    assert got == wanted


@pytest.mark.parametrize("path", TABLE)
def test_by_other_methods_nobody_gets_anything(console: Console, path: str) -> None:
    for method in set(METHODS) - set(TABLE[path]):
        for who in ("owner", "admin"):
            assert asked(console, who, method, address(path)) in (303, 401, 403, 404, 405), (method, who)


def test_no_spelling_of_an_address_opens_a_room(console: Console) -> None:
    rooms = ("/console/sites", "/console/users", "/console/audit")
    spellings = ("/console/%73ites", "/console/users/", "/console//users", "/console/./audit", "/console/x/../users")
    spellings += ("/console/customers/..%2Fusers", "/console/customers/x%2F../../users", "/CONSOLE/users")
    for path in (*rooms, *spellings):
        assert asked(console, "support", "GET", path) in (307, 403, 404), path
        assert asked(console, "nobody", "GET", path) in (303, 307, 404), path
        assert asked(console, "support", "POST", path) in (307, 403, 404, 405), path
    for act in ("unlink", "remarks", "undo-link"):
        assert asked(console, "analyst", "POST", f"/console/customers/42%2F{act}/{act}") == 403


def test_another_sites_key_reaches_its_own_site_alone(console: Console) -> None:
    client = console.stranger()
    call = {"event": "Order Completed", "userId": "42", "messageId": "theirs", "properties": {"order_id": "1001"}}
    assert client.post("/v1/track", json=call, headers={"authorization": "Bearer sk_another"}).status_code == 200
    console.store.file_accepted()
    export = console.store.export("events", ExportQuery())
    rows = [each for batch in export.batches for each in batch if "theirs" in each]
    assert len(rows) == 1 and "another" in rows[0] and "shop" not in rows[0]


def test_keys_of_sites_read_nothing(console: Console) -> None:
    for key in ("wk_shop", "sk_shop", "ik_shop"):
        for path in ("/api/customers", "/api/export/events", f"/api/customers/{quote('42')}"):
            for client_auth in ({"headers": {"authorization": f"Bearer {key}"}}, {"auth": (key, "")}):
                assert console.stranger().get(path, **client_auth).status_code == 401
