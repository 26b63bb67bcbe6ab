"""The wheel, installed where there is no Node: it serves the snippet and the console, with all their files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of a clean copy of the tree was unpacked by pip."""
    folder = tmp_path_factory.mktemp("wheel")
    clean, site = folder / "clean", folder / "site"
    subprocess.run(["git", "checkout-index", "--all", f"--prefix={clean}/"], cwd=ROOT, check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, clean], check=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True, timeout=300)
    return site


def test_a_wheel_serves_snippet_and_console_where_there_is_no_node(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PATH": "/nowhere"}
    command = [sys.executable, "-m", "collector", "serve", "--port", "0", "--json", "--db", str(tmp_path / "f.db")]
    where = [sys.executable, "-c", "import collector; print(collector.__file__)"]
    assert str(installed) in subprocess.check_output(where, env=environment, cwd=tmp_path, text=True)
    process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        with httpx.Client(base_url=url, follow_redirects=True) as client:
            script = client.get("/f.js")
            assert script.status_code == 200
            assert b"footfall" in script.content
            page = client.get("/")
            assert page.status_code == 200
            assert "Sign in" in page.text
            seen = BeautifulSoup(page.text, "lxml")
            linked = [tag.get("href") or tag["src"] for tag in seen.select("link[rel=stylesheet], script[src]")]
            assert linked
            assert [client.get(path).status_code for path in linked] == [200] * len(linked)
    finally:
        process.terminate()
        process.wait(timeout=40)
        process.stdout.close()


def test_a_wheel_holds_every_file_of_the_package(installed: Path) -> None:
    listed = subprocess.check_output(["git", "ls-files", "collector"], cwd=ROOT, text=True).split()
    assert [name for name in listed if not (installed / name).exists()] == []
