"""Hostile strings through every field: what the console's pages, files, terminals and logs make of them is text."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from conftest import ROOT, Collector, make_site
from console import Console, a_console
from hostile import CORPUS, SCRIPTS, calls
from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from collector.store.datasets import DATASETS
from collector.store.sqlite.store import SqliteStore

ROOMS = ("/", "/live", "/customers", "/visitors", "/quarantine", "/install", "/audit", "/sites", "/users")
# What a terminal obeys: C0 (but the line feed), DEL, C1; and what turns the direction of reading.
ORDERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
TURNED = re.compile("[\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop to which everything was sent."""
    path = tmp_path_factory.mktemp("hostile") / "footfall.db"
    with closing(SqliteStore.open(str(path))) as store:
        store.put_site(make_site())
    collector = Collector(path)
    for number, text in enumerate(CORPUS):
        for key in ("sk_shop", "wk_shop"):
            sent = {"writeKey": key, "batch": calls(text, number)}
            assert collector.post("/v1/batch", sent).status_code == 200
    assert collector.client.get("/readyz").status_code == 200
    collector.stop()
    with closing(SqliteStore.open(str(path))) as store:
        while store.follow(2_000):
            pass
    return path


@pytest.fixture(scope="module")
def console(db: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with a_console(tmp_path_factory.mktemp("console"), SqliteStore.open(str(db))) as one:
        yield one


def pages(console: Console) -> Iterator[tuple[str, HtmlElement]]:
    """Every room, every page of it, and a customer for each string."""
    ahead = [f"/console{room}" for room in ROOMS]
    ahead += ["/console/customers/victim?limit=100", "/console/customers/visitor:victim's", "/console/?span=90"]
    for text in CORPUS:
        ahead.append(f"/console/customers/user:{quote(text, safe='')}?limit=5")
        ahead.append(f"/console/customers?q={quote(text)}")
    seen: set[str] = set()
    while ahead:
        path = ahead.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = console.client.get(path)
        assert answer.status_code in (200, 404), path
        page = document_fromstring(answer.text)
        ahead += page.xpath("//a[@rel='next']/@href")
        yield path, page


def test_no_page_of_the_console_takes_a_string_for_more_than_text(console: Console) -> None:
    shown = []
    for path, page in pages(console):
        shown.append(page.text_content())
        for element in page.iter(etree.Element):
            assert element.tag not in ("iframe", "object", "embed", "base", "style", "plaintext"), (path, element.tag)
            assert not [name for name in element.attrib if name.startswith("on") or name == "style"], (
                path,
                element.tag,
            )
            if element.tag == "script":
                assert element.get("src", "").startswith("/console/static/") and not element.text, path
            for name in ("href", "src", "action", "formaction", "data", "xlink:href"):
                if element.get(name):
                    judge_address(element.get(name), path)
        for text in page.xpath("//text()"):
            if TURNED.search(text):
                inner = text.getparent().getparent() if text.is_tail else text.getparent()
                around = {inner.tag, *(outer.tag for outer in inner.iterancestors())}
                assert around & {"bdi", "textarea", "title", "option", "code", "h1"}, (path, text)
    all_shown = " ".join(" ".join(shown).split())
    for text in SCRIPTS:
        assert " ".join(text.split()) in all_shown, f"nobody was shown {text}"


def judge_address(address: str, path: str) -> None:
    """Within the console, or a plain page of the web, and nothing that a browser reads as something else."""
    parts = urlsplit(address)
    if address.startswith(("/", "#", "?")):
        assert not address.startswith(("//", "/\\")), (path, address)
    else:
        assert parts.scheme in ("http", "https") and parts.netloc, (path, address)
    assert not re.search(r"[\x00-\x20]", address), (path, address)


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_cell_of_a_file_starts_a_formula(console: Console, dataset: str) -> None:
    resolve = "&resolve=1" if dataset == "events" else ""
    answer = console.client.get(f"/api/export/{dataset}?format=csv{resolve}")
    assert answer.status_code == 200
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    for row in rows:
        for cell in row:
            assert not FORMULA.match(cell) or NUMBER.fullmatch(cell), (dataset, cell)
    if dataset in ("events", "orders", "customers"):
        assert len(rows) > 30


def on_terminal(*arguments: str, db: Path) -> str:
    """What a terminal without colours is told: programs spare a pipe what they would send there."""
    near, far = pty.openpty()
    environment = {**os.environ, "FOOTFALL_DB": str(db), "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
    command = [sys.executable, "-m", "collector", *arguments]
    running = subprocess.Popen(command, env=environment, cwd=ROOT, stdin=far, stdout=far, stderr=far)
    os.close(far)
    told = b""
    with suppress(OSError):  # the end of a terminal is an error
        while piece := os.read(near, 65_536):
            told += piece
    os.close(near)
    assert running.wait(timeout=60) in (0, 1, 2)
    return told.decode().replace("\r\n", "\n")


def test_a_terminal_is_told_text_and_never_given_an_order(db: Path) -> None:
    told = ""
    for command in (("quarantine", "list"), ("doctor",), ("audit",), ("customer", "victim", "--limit", "100")):
        told += on_terminal(*command, db=db)
    assert not ORDERS.search(told), ORDERS.search(told)
    assert "window.pwned" in told and "DROP TABLE" in told


def test_an_error_that_repeats_what_was_asked_gives_no_order_either(db: Path) -> None:
    for command in (
        ("customer", "\x1b[31mnobody\u202e"),
        ("site", "edit", "\x1b]0;x\x07", "--consent", "opt-in"),
        ("export", "\x1b[2J"),
        ("user", "remove", "\x9bnobody"),
        ("token", "revoke", "\x1bnobody"),
    ):
        told = on_terminal(*command, db=db)
        assert told.startswith("footfall: ") and told.count("\n") == 1
        assert not ORDERS.search(told), (command, told)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_log_holds_one_line_a_record_whatever_it_tells_of(log_format: str) -> None:
    program = f"""
import logging
from collector import logs
logs.set_up({log_format!r})
from tests.hostile import CORPUS
for text in CORPUS:
    logging.getLogger("collector").error("refused: %s", text)
    try:
        raise OSError(text)
    except OSError:
        logging.getLogger("collector").exception("failed")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 2 * len(CORPUS)
    assert not ORDERS.search(done.stderr), ORDERS.search(done.stderr)


def test_no_tracked_address_is_ever_asked_for() -> None:
    """Nothing in the house can ask the network for anything but its own health."""
    asking = re.compile(r"^(import|from) (urllib\.request|http\.client|httpx|requests|aiohttp)\b", re.MULTILINE)
    house = [path for path in (ROOT / "collector").rglob("*.py") if "demo" not in path.parts]
    found = {path.name for path in house if asking.search(path.read_text("utf-8"))}
    assert found == {"doctor.py"}, "the check-up asks its own collector"
