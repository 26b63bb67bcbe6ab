"""`footfall doctor`: what is well, what is not, and what to do about it.

What enters: a database, a collector that may run on it. What leaves: findings; exit code 1 where something fails.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import cache
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import click
from rich.console import Console
from rich.text import Text

from collector.checkup import Finding, State, fail, machine, running, traffic, warn, worst
from collector.cli.options import as_json, now_ms, print_json, setting, settings_of
from collector.cli.plain import plain
from collector.store.sqlite.examining import Examination
from collector.store.sqlite.lock import holder

SOUND_WITHIN_S = 10.0
FOLLOW_WITHIN_S = 1.0
ANSWER_WITHIN_S = 10.0
ANSWER_BYTES_MAX = 4 * 1024 * 1024
COLOURS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


@click.command()
@click.option("--url", help="Where the collector listens.  [by default where it says that it does]")
@click.option("--deep", is_flag=True, help="Read all of the database, however long that takes.")
@setting("db", "origin")
@as_json
def doctor(url: str | None, deep: bool, db: str | None, origin: tuple[str, ...], as_json: bool) -> int:
    """Look at the database, the collector and what comes in, and say what to do.

    Ends with 1 where something fails; warnings are no failure. Looking changes nothing.
    """
    settings = settings_of(db=db, origin=origin)
    with Examination(settings.db) as examination:
        findings = [*_file(examination, deep)]
        if examination.schema()[0] == examination.schema()[1]:
            findings += _shop(examination, settings.origin)
    findings += _collector(settings.db, url)
    state = worst(findings)
    if as_json:
        print_json({"state": state, "checks": findings})
    else:
        _print(findings)
    return int(state is State.FAIL)


def _file(of: Examination, deep: bool) -> Iterator[Finding]:
    yield _asked("schema", lambda: machine.schema(*of.schema()))
    yield _asked("integrity", lambda: machine.integrity(of.soundness(deep=deep, within_s=SOUND_WITHIN_S), deep))
    yield machine.permissions(of.readable_by_others())


def _shop(of: Examination, origins: tuple[str, ...]) -> Iterator[Finding]:
    now = now_ms()
    lately = cache(lambda: of.lately(now))
    yield _asked("disk", lambda: machine.disk(of.vitals()))
    yield _asked("wal", lambda: machine.wal(of.vitals()))
    yield _asked("clock", lambda: machine.clock(of.vitals(), now))
    yield _asked("backup", lambda: machine.backup(of.vitals(), now))
    yield _asked("following", lambda: _following(of))
    yield _asked("set aside", lambda: machine.set_aside(of.followed()))
    yield _asked("sites", lambda: traffic.origins(of.sites(), origins))
    yield _asked("silence", lambda: traffic.silence(of.sites(), of.vitals().seen, lately(), now))
    yield _asked("pages", lambda: traffic.pages(lately()))
    yield _asked("quarantine", lambda: traffic.quarantine(of.refusals(now)))
    yield _asked("joining", lambda: traffic.joining(of.joined()))
    yield _asked("orders", lambda: traffic.orders(of.orders()))
    yield _asked("amounts", lambda: traffic.amounts(of.orders()))
    yield _asked("back ends", lambda: traffic.back_ends(of.sites(), lately(), of.orders()))
    yield _asked("tokens", lambda: traffic.tokens(of.tokens(), now))


def _asked(check: str, ask: Callable[[], Finding]) -> Finding:
    """A file that is broken answers some questions and not others."""
    try:
        return ask()
    except (sqlite3.Error, OSError, ValueError) as error:
        return fail(check, f"This could not be looked at: {error}.", "See what integrity says.")


def _following(of: Examination) -> Finding:
    """Looked at twice, where there is anything to wait for."""
    before, running_now = of.followed(), holder(of.path) is not None
    if before.behind and running_now:
        time.sleep(FOLLOW_WITHIN_S)
    return machine.following(before, of.followed(), running_now)


def _collector(db: str, url: str | None) -> Iterator[Finding]:
    held = holder(db)
    if not url and held is None:
        yield warn("collector", "No collector runs on this database.", "Start it: footfall serve.")
        return
    url = (url or held.url if held else url) or ""
    try:
        word = _word(url)
    except (OSError, ValueError) as error:
        do = "Where it listens elsewhere, say so with --url; else look at its log and restart it."
        yield fail("collector", f"A collector runs but does not answer at {url or 'any address'}: {error}.", do)
        return
    yield running.collector(word)
    yield running.queue(word)
    yield running.answers(word)
    yield running.commits(word)


def _word(url: str) -> running.Word:
    """What the collector says. Raises OSError, or ValueError for what is no URL."""
    ready_status, ready = _get(f"{url.rstrip('/')}/readyz")
    metrics_status, metrics = _get(f"{url.rstrip('/')}/metrics")
    return running.Word(
        ready="" if ready_status == 200 else ready.strip().removeprefix("not ready: "),
        metrics=metrics if metrics_status == 200 else "",
    )


def _get(url: str) -> tuple[int, str]:
    if not url.startswith(("http://", "https://")):
        raise ValueError("a URL begins with http:// or https://")
    try:
        with urlopen(Request(url), timeout=ANSWER_WITHIN_S) as answer:
            return answer.status, answer.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")


def _print(findings: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        console.print(
            Text.assemble(
                (f"{finding.state:4}  ", COLOURS[finding.state]),
                f"{finding.check:{width}}  ",
                plain(finding.means),
                *([(f"\n{'':{width + 8}}", ""), (plain(finding.do), "bold")] if finding.do else []),
            )
        )
