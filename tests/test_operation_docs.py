"""What the pages on deploying and operating say is so: commands, options, settings, checks, metrics."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from conftest import ROOT, Start, footfall, make_site

from collector.cli import footfall as commands
from collector.config import PREFIX, SETTINGS
from collector.sources.columns import KINDS

DEPLOY, OPERATION = ((ROOT / "docs" / name).read_text() for name in ("deploy.md", "operation.md"))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IMPORT = (ROOT / "docs" / "import.md").read_text()
PAGES = {
    "import": IMPORT,
    "deploy": DEPLOY,
    "operation": OPERATION,
    "docker": DOCKERFILE,
    "readme": (ROOT / "README.md").read_text(),
}


def said(text: str) -> list[list[str]]:
    """The words of each `footfall …` that the page has one type or a machine run."""
    fenced = "\n".join(re.findall(r"```(?:sh|ini)\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    found = re.findall(r"(?:^|/bin/|docker exec footfall )footfall +([a-z][^\n#;|']*)", fenced, re.MULTILINE)
    found += re.findall(r"`footfall ([a-z][^`]*)`", text)
    return [shlex.split(line.replace("…", " ")) for line in found]


@pytest.mark.parametrize("page", ["deploy", "operation", "readme", "import"])
def test_every_command_on_the_page_is_one_and_has_the_options_that_are_shown(page: str) -> None:
    shown = said(PAGES[page])
    assert shown
    for words in shown:
        command: click.Command = commands
        for word in words:
            if not isinstance(command, click.Group):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, words
            command = found
        options = {option for each in command.params for option in each.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, words


@pytest.mark.parametrize("page", list(PAGES))
def test_every_variable_on_the_page_is_a_setting(page: str) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+", PAGES[page])) - {f"{PREFIX}SOAK"}
    assert named <= {f"{PREFIX}{name.upper()}" for name, _, _ in SETTINGS}


def test_the_image_is_made_of_what_is_there_and_runs_without_rights() -> None:
    taken = [
        word for line in re.findall(r"^COPY (?!--from)(.*)", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    let_in = set(re.findall(r"^!(.*)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert set(taken) == let_in
    assert all((ROOT / name).exists() for name in taken)
    assert re.findall(r"^USER (.*)", DOCKERFILE, re.MULTILINE) == ["footfall"]
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    for instruction in ("USER", "HEALTHCHECK", "VOLUME", "ENTRYPOINT", "STOPSIGNAL"):
        assert f"\n{instruction} " in last_stage


def test_every_check_of_the_doctor_and_every_metric_is_documented(start: Start, tmp_path: Path) -> None:
    collector = start(make_site())
    assert footfall("backup", str(tmp_path / "b"), db=collector.db).returncode == 0
    told = {"writeKey": "wk_shop", "event": "Tried", "anonymousId": "v"}
    assert collector.post("/v1/track", told).status_code == 200
    checks = {
        finding["check"] for finding in json.loads(footfall("doctor", "--json", db=collector.db).stdout)["checks"]
    }
    documented = {
        check
        for row in re.findall(r"^\| ([a-z, ]+) \|", OPERATION, re.MULTILINE)
        for check in row.split(", ")
        if row != "check" and row != "metric"
    }
    assert checks <= documented
    shown = re.findall(r"^# TYPE (footfall_\w+) (\w+)", collector.client.get("/metrics").text, re.MULTILINE)
    metrics = {name for name, kind in shown if not name.endswith("_created")}
    assert set(re.findall(r"`?(footfall_\w+)", OPERATION)) == metrics


def test_every_column_that_an_import_understands_is_documented_with_its_field() -> None:
    rows = set(re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", IMPORT, re.MULTILINE))
    assert rows == {
        (field, ", ".join(f"`{name}`" for name in names.split()))
        for kind in KINDS.values()
        for field, names in kind.items()
    }
