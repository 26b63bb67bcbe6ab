"""The house rules, as a test: who may import whom, what the pure floor may know, sizes, names, dead files.

An exception is a line in a list below, and the list fails when one of its lines is no longer needed.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from collector.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGE = "collector"

# From the ground up; a module imports from its own floor or a lower one.
FLOORS = (
    ("event", "errors", "properties"),
    ("identity", "visits", "orders", "cart", "trouble"),
    ("enrich",),
    ("wire", "limits", "moment", "context", "spoken", "mailing"),
    ("sources",),
    ("store",),
    ("ingest", "checkup"),
    ("web",),
    ("config", "logs"),
    ("app",),
    ("demo",),
    ("beside",),
    ("cli", "__main__", "writing", "following"),
)
PURE = {room for floor in FLOORS[:5] for room in floor}
IMPURE_MODULES = set(
    """asyncio click concurrent http jinja2 multiprocessing os prometheus_client pyarrow random rich secrets socket
    sqlite3 starlette subprocess sys tempfile threading time urllib.request uuid uvicorn uvloop""".split()  # noqa: SIM905
)
CLOCK_CALLS = {"now", "utcnow", "today"}

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
DOCSTRING_LINES_MAX = 5
LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
LONG_DOCSTRINGS = {"collector/errors.py"}  # a tree
LOADED_BY_NAME = {"collector.web.parquet"}  # pyarrow is an extra

BANNED_FILES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
BANNED_NAMES = {"data", "info", "payload"}
BANNED_TEXT = re.compile(
    "|".join(("TO" + "DO", "FIX" + "ME", "registry[.]npm" + "js", "py" + "pi[.]org", "python" + "hosted"))
    + "|(?<![a-z0-9.])/(?:ro" + "ot|wo" + r"rk)/[a-z.]"
)  # fmt: skip


def modules() -> list[Path]:
    return sorted((ROOT / PACKAGE).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """`collector.store.sqlite` for collector/store/sqlite/__init__.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> Iterator[str]:
    """Full names of all that a module imports; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{short(path)}: imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(room: str) -> int:
    for number, rooms in enumerate(FLOORS):
        if room in rooms:
            return number
    raise AssertionError(f"{room} has no floor; give it one in FLOORS")


@pytest.mark.parametrize("path", modules(), ids=short)
def test_imports_go_downward_only(path: Path) -> None:
    room = room_of(name_of(path))
    if not room:
        assert not list(imports(path))
        return
    for imported in imports(path):
        if imported.startswith(f"{PACKAGE}.") and imported != f"{PACKAGE}.__version__":
            assert floor_of(room_of(imported)) <= floor_of(room), f"{short(path)} imports {imported}"


def test_only_the_command_line_and_the_processes_that_it_starts_pick_a_store() -> None:
    for path in modules():
        if room_of(name_of(path)) not in ("cli", "store", "writing", "following"):
            assert not any(name.startswith(f"{PACKAGE}.store.sqlite") for name in imports(path)), short(path)


@pytest.mark.parametrize("path", [path for path in modules() if room_of(name_of(path)) in PURE], ids=short)
def test_the_pure_floor_knows_no_web_no_database_no_clock_and_no_chance(path: Path) -> None:
    for imported in imports(path):
        assert not {imported, imported.partition(".")[0]} & IMPURE_MODULES, f"{short(path)} imports {imported}"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            assert node.attr not in CLOCK_CALLS, f"{short(path)}:{node.lineno} reads a clock"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_and_functions_stay_small() -> None:
    every = modules()
    long_files = {short(path) for path in every if len(path.read_text().splitlines()) > FILE_LINES_MAX}
    long_functions = {
        f"{short(path)}:{function.name}"
        for path in every
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long_files == LONG_FILES
    assert long_functions == LONG_FUNCTIONS


def test_a_module_opens_with_a_few_lines_on_what_it_is_for() -> None:
    docstrings = {short(path): ast.get_docstring(tree(path)) or "" for path in modules()}
    assert [name for name, text in docstrings.items() if not text] == []
    assert {name for name, text in docstrings.items() if text.count("\n") >= DOCSTRING_LINES_MAX} == LONG_DOCSTRINGS


@pytest.mark.parametrize("path", modules(), ids=short)
def test_names_say_what_a_thing_is(path: Path) -> None:
    assert path.stem not in BANNED_FILES
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assert node.id not in BANNED_NAMES, f"{short(path)}:{node.lineno}"
        if isinstance(node, ast.arg):
            assert node.arg not in BANNED_NAMES, f"{short(path)}:{node.lineno}"


@pytest.mark.parametrize("path", [*modules(), *sorted((ROOT / "tests").glob("*.py"))], ids=short)
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    for function in functions(path):
        for node in ast.walk(function):
            assert not isinstance(node, ast.Import | ast.ImportFrom), f"{short(path)}:{node.lineno}"


def test_every_module_is_reached_from_a_command() -> None:
    by_name = {name_of(path): path for path in modules()}
    reached: set[str] = set()
    ahead = [f"{PACKAGE}.cli", f"{PACKAGE}.__main__", f"{PACKAGE}.writing", f"{PACKAGE}.following"]
    ahead += [place.partition(":")[0] for place in COMMANDS.values()]
    while ahead:
        name = ahead.pop()
        if name in by_name and name not in reached:
            reached.add(name)
            ahead += [*imports(by_name[name]), name.rpartition(".")[0]]
    assert set(by_name) - reached == LOADED_BY_NAME


def test_the_tree_names_no_machine_no_registry_and_no_unfinished_business() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        found = BANNED_TEXT.search(text)
        assert not found, f"{name}: {found and found.group()}"
