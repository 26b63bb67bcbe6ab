"""The scripts as the collector serves them: settings around the live ones, versions for good, sizes and encodings."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
from base64 import b64encode
from hashlib import sha384
from pathlib import Path

import brotli
import httpx
import pytest
from conftest import ROOT, Collector, Start, make_site

from collector.config import read_settings
from collector.errors import Misuse
from collector.event import ConsentMode
from collector.ingest.snippets import checked_prompt
from collector.store.snippets import SnippetSettings
from collector.store.sqlite.store import SqliteStore
from collector.web.builds import PARTS, kept, package, short_hash, stub, version, versioned_path
from collector.web.snippet import core_table, fingerprint, prompt_table
from collector.web.tags import pinned_tag

BUILT = ROOT / "collector" / "web" / "static" / "snippet"
KEPT = ROOT / "collector" / "web" / "kept"
PROMPT = checked_prompt(b'{"version": "7", "texts": {"en": {"text": "May we?", "accept": "Yes", "refuse": "No"}}}')


def built(part: str) -> bytes:
    return (BUILT / f"{part}.js").read_bytes()


def test_the_committed_scripts_are_what_a_fresh_build_makes(tmp_path: Path) -> None:
    assert shutil.which("node"), "Node is needed"
    subprocess.run(["node", "build.js", str(tmp_path)], cwd=ROOT / "snippet", check=True, timeout=60)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in BUILT.iterdir())
    for name in names:
        assert (tmp_path / name).read_bytes() == (BUILT / name).read_bytes(), f"{name}: run `npm run build` in snippet/"


@pytest.mark.parametrize("part", PARTS)
def test_a_version_is_the_bare_build_for_good(collector: Collector, part: str) -> None:
    got = collector.client.get(versioned_path(part))
    assert got.status_code == 200
    assert got.content == built(part)
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert version(part).integrity == "sha384-" + b64encode(sha384(built(part)).digest()).decode()


@pytest.mark.parametrize("path", ["/f.js", "/f.prompt.js", "/f.shop.js", versioned_path()])
def test_a_script_may_be_loaded_by_any_page_and_is_nothing_but_a_script(collector: Collector, path: str) -> None:
    headers = collector.client.get(path, headers={"origin": "https://other.example"}).headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert "set-cookie" not in headers


def test_the_live_script_is_kept_for_minutes_and_then_asked_after(collector: Collector) -> None:
    got = collector.client.get("/f.js")
    assert got.headers["cache-control"] == "public, max-age=600"
    again = collector.client.get("/f.js", headers={"if-none-match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == got.headers["etag"]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("", None), ("identity", None), ("br;q=0, gzip", "gzip")],
)
def test_it_travels_in_the_best_encoding_that_is_accepted(
    collector: Collector, accepted: str, encoding: str | None
) -> None:
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    with collector.client.stream("GET", versioned_path(), headers={"accept-encoding": accepted}) as got:
        body = b"".join(got.iter_raw())
    assert got.headers.get("content-encoding") == encoding
    assert got.headers["vary"] == "Accept-Encoding"
    assert unpack(body) == built("f")


def test_a_version_that_is_not_there_is_said_to_be_missing(collector: Collector) -> None:
    for path in ("/f.0123456789ab.js", "/f.nothing.js", "/f.prompt.0123456789ab.js"):
        got = collector.client.get(path)
        assert got.status_code == 404
        assert "immutable" not in got.headers.get("cache-control", "")


def test_the_live_script_knows_the_sites_and_names_no_key(start: Start) -> None:
    one = start(make_site("open"), make_site("asking", consent=ConsentMode.OPT_IN))
    text = httpx.get(f"{one.url}/f.js").text
    assert settings_in(text) == {fingerprint("wk_open"): ["opt-out"]}
    assert "wk_" not in text


def test_what_is_set_later_is_served_within_a_second(start: Start) -> None:
    one = start(make_site("asking", consent=ConsentMode.OPT_IN))
    store = SqliteStore.open(str(one.db))
    store.put_snippet(SnippetSettings(site="asking", cookie_domain="shop.example", prompt=PROMPT))
    store.close()
    key = fingerprint("wk_asking")
    for _ in range(100):
        table = settings_in(httpx.get(f"{one.url}/f.js").text)
        if table:
            break
    assert table == {key: ["", "shop.example", "7"]}
    assert settings_in(httpx.get(f"{one.url}/f.prompt.js").text)[key]["texts"]["en"]["text"] == "May we?"


def test_only_what_differs_from_the_default_is_told() -> None:
    sites = [make_site(mode.value, consent=mode) for mode in ConsentMode]
    assert core_table(sites, []) == {
        fingerprint("wk_cookieless"): ["cookieless"],
        fingerprint("wk_opt-out"): ["opt-out"],
    }
    domain = SnippetSettings(site="opt-in", cookie_domain="shop.example")
    assert core_table(sites[:1], [domain]) == {fingerprint("wk_opt-in"): ["", "shop.example"]}
    assert prompt_table(sites, [domain]) == {}


def test_a_removed_site_is_told_of_no_longer() -> None:
    assert core_table([], [SnippetSettings(site="gone", cookie_domain="shop.example")]) == {}


def test_a_pinned_tag_says_what_its_script_cannot_know() -> None:
    site = make_site(consent=ConsentMode.COOKIELESS)
    tag = pinned_tag(site, "https://c.example/f", version(), "shop.example")
    assert 'data-consent="cookieless" data-cookie-domain="shop.example"></script>' in tag


def test_the_stub_fits_in_a_line_and_keeps_calls() -> None:
    assert len(brotli.compress(stub().encode(), quality=11)) <= 500
    assert "\n" not in stub()


def test_sizes_are_within_what_is_promised() -> None:
    budgets = json.loads((ROOT / "snippet" / "package.json").read_text())["sizes"]
    assert (budgets["f.js"], budgets["stub.js"], budgets["f.mjs"]) == (4_500, 500, 4_600)
    assert set(budgets) == {path.name for path in BUILT.iterdir() if path.suffix != ".ts"}
    for name, budget in budgets.items():
        assert len(brotli.compress((BUILT / name).read_bytes(), quality=11)) <= budget, name
        assert name in ("f.js", "f.mjs", "stub.js") or budget <= 2_048


def test_no_script_asks_to_keep_a_page_from_leaving() -> None:
    unwanted = re.compile(r"beforeunload|\bunload\b|preventDefault|\beval\b|new Function")
    assert [path.name for path in BUILT.iterdir() if unwanted.search(path.read_text())] == []


def test_every_setting_and_every_call_is_documented() -> None:
    documented = (ROOT / "docs" / "snippet.md").read_text()
    source = (ROOT / "snippet" / "src" / "config.js").read_text()
    config = re.search(r"@typedef \{\{(.*?)\}\} Config", source, re.DOTALL)
    assert config
    names = re.findall(r"(\w+)\?:", config.group(1))
    assert len(names) > 6
    assert [name for name in names if not re.search(rf"`{name}[`:]", documented)] == []
    commands = re.search(r"const commands = \{(.*?)\n  \}", (ROOT / "snippet/src/footfall.js").read_text(), re.DOTALL)
    assert commands
    for command in re.findall(r"^    (\w+)[,:]", commands.group(1), re.MULTILINE):
        assert f"footfall('{command}'" in documented
    assert stub().removesuffix(";") in documented


@pytest.mark.parametrize("part", [f"{part}.{short_hash(text)}" for part, text in kept()])
def test_a_tag_that_is_pinned_to_an_earlier_build_goes_on_working(collector: Collector, part: str) -> None:
    got = collector.client.get(f"/{part}.js")
    assert got.status_code == 200
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert got.content == (KEPT / f"{part}.js").read_bytes(), "its integrity must still hold"


def test_names_and_paths_can_be_the_operators_own(start: Start) -> None:
    flags = ("--script-name", "shop-notes", "--path-prefix", "/on", "--calls-path", "told")
    one = start(make_site(), flags=flags)
    for path in ("/on/shop-notes.js", "/on/shop-notes.layer.js", "/f.js", "/on/f.js", f"/on{versioned_path('f.shop')}"):
        assert one.client.get(path).status_code == 200, path
    script = one.client.get("/on/shop-notes.js").text
    assert '"told"' in script and "v1/batch" not in script
    call = {"writeKey": "wk_shop", "batch": [{"type": "track", "event": "Tried", "anonymousId": "a"}]}
    for path in ("/on/told", "/told", "/on/v1/batch", "/v1/batch"):
        assert one.post(path, call, origin="https://shop.example").json() == {"success": True}, path
    assert len(one.stored()) == 4
    # Its hash is that of what is sent, with the operator's path in it.
    found = version("f", "told")
    pinned = one.client.get(f"/on/shop-notes.{found.hash}.js")
    assert "sha384-" + b64encode(sha384(pinned.content).digest()).decode() == found.integrity


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("script-name", "a/b"),
        ("script-name", ""),
        ("path-prefix", "on"),
        ("path-prefix", "/console/x"),
        ("path-prefix", "/a b"),
        ("calls-path", "/told"),
        ("calls-path", "healthz"),
    ],
)
def test_a_name_that_cannot_stand_in_an_address_is_misuse(flag: str, value: str) -> None:
    with pytest.raises(Misuse, match=flag):
        read_settings({flag.replace("-", "_"): value}, {})


def test_a_bundler_gets_the_module_and_its_types_from_the_collector(collector: Collector, tmp_path: Path) -> None:
    for path, media_type in (("/f.mjs", "text/javascript"), ("/f.d.ts", "text/plain"), ("/f.tgz", "application/gzip")):
        got = collector.client.get(path)
        assert (got.status_code, got.headers["content-type"].partition(";")[0]) == (200, media_type)
    assert package() == got.content
    with tarfile.open(fileobj=io.BytesIO(got.content)) as tar:
        tar.extractall(tmp_path, filter="data")
    folder = tmp_path / "node_modules"
    folder.mkdir()
    (tmp_path / "package").rename(folder / "footfall-snippet")
    (tmp_path / "on-a-server.mjs").write_text(
        "import footfall, { start } from 'footfall-snippet'\n"
        "start({key: 'k', url: 'u'}); footfall('page'); console.log('ok')"
    )
    ran = subprocess.run(["node", "on-a-server.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("ok\n", "")


def settings_in(text: str) -> dict[str, list[str]]:
    found = re.match(r"(?://# allFunctionsCalledOnLoad\n)?\{const ffSites=(\{.*?\});\(\(\)=>\{", text)
    assert found, text[:200]
    table: dict[str, list[str]] = json.loads(found.group(1))
    return table
