"""The proxies of docs/deploy.md as they stand there, before a real collector; names, ports and certificates differ."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from conftest import FIREFOX, READER, ROOT, Collector, Start, make_site

from collector.store.sqlite.store import SqliteStore
from collector.web.console.signin import new_link

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif("FOOTFALL_SOAK" not in os.environ, reason="needs nginx and caddy; make soak"),
]
NAME = "collector.shop.example"
PUBLIC = f"https://{NAME}"
DEPLOY = (ROOT / "docs" / "deploy.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", DEPLOY, re.DOTALL)
    return str(found)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def nginx(folder: Path, port: int, upstream: int) -> list[str]:
    changes = {
        "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        "listen [::]:80;": "",
        "listen [::]:443 ssl http2;": "",
        "listen 80;": f"listen {free_port()};",
        "listen 443 ssl http2;": f"listen {port} ssl http2;",
        f"/etc/letsencrypt/live/{NAME}/fullchain.pem": str(folder / "cert.pem"),
        f"/etc/letsencrypt/live/{NAME}/privkey.pem": str(folder / "key.pem"),
    }
    text = block("nginx")
    for former, fresh in changes.items():
        assert former in text
        text = text.replace(former, fresh)
    around = (
        f"daemon off; user root; pid {folder}/pid; error_log {folder}/error.log; events {{}}\nhttp {{\n{text}\n}}\n"
    )
    (folder / "nginx.conf").write_text(around)
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, upstream: int) -> list[str]:
    text = block("caddyfile").replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    assert text.startswith(f"{NAME} {{\n")
    tls = f"\ttls {folder}/cert.pem {folder}/key.pem\n"
    text = text.replace(f"{NAME} {{\n", f"{PUBLIC}:{port} {{\n{tls}", 1)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n\tdefault_sni " + NAME + "\n}\n" + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


class Shielded:
    """A collector behind a proxy."""

    def __init__(self, collector: Collector, port: int) -> None:
        self.collector, self.port = collector, port
        headers = {"host": NAME, "user-agent": FIREFOX}
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        self.client = httpx.Client(base_url=f"https://127.0.0.1:{port}", headers=headers, verify=trusting, timeout=20)


@pytest.fixture(params=[nginx, caddy])
def shielded(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> Iterator[Shielded]:
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"]
    files = ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*make, *files], cwd=tmp_path, check=True, capture_output=True)
    collector = start(make_site(), flags=("--trusted-proxy", "127.0.0.1", "--url", PUBLIC))
    port = free_port()
    command = request.param(tmp_path, port, urlsplit(collector.url).port)
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with (tmp_path / "proxy.log").open("wb") as log:
        proxy = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    one = Shielded(collector, port)
    try:
        deadline_s = time.monotonic() + 30
        while not _listens(port):
            assert proxy.poll() is None and time.monotonic() < deadline_s, (tmp_path / "proxy.log").read_text()
            time.sleep(0.05)
        yield one
    finally:
        one.client.close()
        proxy.terminate()
        try:
            proxy.wait(timeout=5)
        except subprocess.TimeoutExpired:
            # Caddy waits for those who watch Live.
            proxy.kill()
            proxy.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def told(id: str) -> dict[str, str]:
    return {"writeKey": "wk_shop", "event": "Tried", "anonymousId": "v", "messageId": id}


def test_calls_come_through_and_a_client_cannot_claim_an_address(shielded: Shielded) -> None:
    claimed = {"x-forwarded-for": "203.0.113.9"}
    assert shielded.client.post("/v1/track", json=told("m1"), headers=claimed).json() == {"success": True}
    # Both proxies run on the trusted address, as does this client: the hop before them is all that tells the two apart.
    networks = {row for (row,) in shielded.collector.query("SELECT network FROM events")}
    assert networks <= {None, bytes([127, 0, 0]), bytes([203, 0, 113])}
    elsewhere = _own_address()
    outside = httpx.Client(
        base_url=f"https://{elsewhere}:{shielded.port}", headers=dict(shielded.client.headers), verify=False
    )
    with outside:
        assert outside.post("/v1/track", json=told("m2"), headers=claimed).status_code == 200
        assert outside.get("/metrics").status_code == 403
        assert outside.get("/readyz").status_code == 403
    own = bytes(int(part) for part in elsewhere.split(".")[:3])
    assert shielded.collector.query("SELECT network FROM events ORDER BY seq DESC LIMIT 1") == [(own,)]
    assert shielded.client.get("/metrics").status_code == 200


def _own_address() -> str:
    """An address of this machine that is not its loopback."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    return next(address for address in found if "." in address)


def test_browsers_get_http_2_and_the_snippet_and_large_bodies_end_at_the_door(shielded: Shielded) -> None:
    url = f"{PUBLIC}:{shielded.port}/f.js"
    resolve = ["--resolve", f"{NAME}:{shielded.port}:127.0.0.1"]
    asked = ["curl", "-sk", "--http2", *resolve, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", url]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "2 200"
    # The door may be closed before all was said.
    with suppress(httpx.WriteError, httpx.ReadError):
        assert shielded.client.post("/v1/track", content=b"x" * 2_000_000).status_code == 413
    assert shielded.client.get("/f.js").headers["strict-transport-security"]


def test_connections_to_the_collector_are_kept(shielded: Shielded) -> None:
    for n in range(50):
        assert shielded.client.post("/v1/track", json=told(f"m{n}")).status_code == 200
    port = urlsplit(shielded.collector.url).port
    ends = subprocess.run(["ss", "-tanH", f"dport = :{port}"], capture_output=True, text=True, check=True).stdout
    assert 1 <= len(ends.splitlines()) <= 8, ends


def test_live_events_are_not_held_back_and_a_person_can_sign_in(shielded: Shielded) -> None:
    with closing(SqliteStore.open(str(shielded.collector.db))) as store:
        link = parse_qs(urlsplit(new_link(store, PUBLIC, time.time_ns() // 1_000_000)).query)["link"][0]
    fields = {"link": link, "next": ""}
    answer = shielded.client.post("/console/signin", data=fields, headers={"origin": PUBLIC})
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-") and "Secure" in cookie
    session = {"cookie": cookie.partition(";")[0]}
    with shielded.client.stream("GET", "/console/live/events", headers=session) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        assert shielded.collector.post("/v1/track", told("live-1")).status_code == 200
        assert any("Tried" in line for line in lines)


def test_an_export_comes_through_whole(shielded: Shielded) -> None:
    for n in range(20):
        shielded.client.post("/v1/track", json=told(f"m{n}"))
    answer = shielded.client.get("/api/export/events?format=jsonl", headers={"authorization": f"Bearer {READER}"})
    assert len(answer.text.splitlines()) == 20
