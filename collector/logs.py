"""What the collector says of itself while it runs: one line a record on stderr, as text or as JSON.

What enters: records of standard logging, uvicorn's too. What leaves: lines without anything about a person: no key, no
e-mail or network address, no id, no query of a URL; of an error of unknown making its kind and place, not its words.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from ipaddress import ip_address
from traceback import extract_tb
from typing import Any

import msgspec

from collector.errors import Misuse, Unavailable

FORMATS = ("text", "json")
FRAMES_MAX = 12
CAUSES_MAX = 3

_KEYS = re.compile(r"\b(?:[a-z]{2,3}_[A-Za-z0-9]{16,}|[A-Za-z0-9_\-]{32,})")
_IDS = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_EMAILS = re.compile(r"""[^\s"'<>(),;:=/]+@[^\s"'<>(),;:=/]+""")
_QUERIES = re.compile(r"""(?<=[\w/])[?#][^\s"']+""")
_ADDRESSES_4 = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_ADDRESSES_6 = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::{1,2}[0-9A-Fa-f]{1,4}){1,8}(?:::)?(?![\w:])")
# asyncio's notes on a task repeat what was raised.
_RAISED = re.compile(r"(?:exception|result)=.*", re.DOTALL)
# Their words are the operating system's, SQLite's or our own, never a visitor's.
_PLAIN_SPOKEN = (OSError, sqlite3.Error, Unavailable)


def set_up(log_format: str) -> None:
    """From now on all that is logged goes to stderr in this format. Raises Misuse where there is no such format."""
    if log_format not in FORMATS:
        raise Misuse(f"the log format is one of {', '.join(FORMATS)}, not {log_format!r}")
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if log_format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # A person who starts it by hand has been told already what machines read at this level.
    logging.getLogger("collector").setLevel(logging.INFO if log_format == "json" else logging.WARNING)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        parts = [_time(record), record.levelname, record.name, _message(record)]
        for error in _errors(record):
            parts += ["|", f"{error['type']}: {error['message']}" if error["message"] else error["type"]]
            parts += ["at", " < ".join(error["at"])]
        return " ".join(parts)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": _message(record),
        }
        errors = _errors(record)
        return msgspec.json.encode(line | {"errors": errors} if errors else line).decode()


def scrubbed(text: str) -> str:
    """One line of it, without what may tell of a person or opens a door."""
    text = _EMAILS.sub("[email]", _QUERIES.sub("?[…]", text))
    text = _KEYS.sub("[key]", _IDS.sub("[id]", text))
    text = _ADDRESSES_6.sub(_address, _ADDRESSES_4.sub("[address]", text))
    return "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))


def _time(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z"


def _message(record: logging.LogRecord) -> str:
    return scrubbed(_RAISED.sub("…", record.getMessage()))


def _errors(record: logging.LogRecord) -> list[dict[str, Any]]:
    """What was raised and what caused it; of each the places, the innermost first."""
    error = record.exc_info[1] if record.exc_info else None
    told: list[dict[str, Any]] = []
    while error is not None and len(told) < CAUSES_MAX:
        frames = extract_tb(error.__traceback__)[-FRAMES_MAX:]
        told.append(
            {
                "type": type(error).__name__,
                "message": scrubbed(str(error)) if isinstance(error, _PLAIN_SPOKEN) else "",
                "at": [f"{_file(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames)],
            }
        )
        error = error.__cause__ or error.__context__
    return told


def _file(path: str) -> str:
    """The last two parts: where it is installed is nobody's business."""
    return "/".join(path.split("/")[-2:])


def _address(found: re.Match[str]) -> str:
    try:
        ip_address(found.group())
    except ValueError:
        return found.group()
    return "[address]"
