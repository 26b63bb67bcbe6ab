"""Findings on the file and the machine that it lies on: room, soundness, WAL, clock, schema, following, backups.

What enters: figures and the moment. What leaves: findings. What the shop does is its neighbour's business (`traffic`).
"""

from __future__ import annotations

from collector.checkup import Finding, fail, ok, warn
from collector.event import DAY_MS, MINUTE_MS
from collector.spoken import counted, size, span
from collector.store.health import Followed, Soundness, Vitals

MB, GB = 1024**2, 1024**3
FREE_FAIL_BYTES, FREE_WARN_BYTES = 256 * MB, GB
FREE_FAIL_SHARE, FREE_WARN_SHARE = 0.01, 0.1
WAL_WARN_BYTES, WAL_FAIL_BYTES = 256 * MB, 4 * GB
CLOCK_AHEAD_MS = MINUTE_MS
BEHIND_WARN = 10_000
BACKUP_WARN_MS = 7 * DAY_MS
SET_ASIDE_DO = "The log names them where it says 'set aside'; after an upgrade try again: footfall rebuild."


def disk(vitals: Vitals) -> Finding:
    free, share = vitals.disk_free_bytes, vitals.disk_free_bytes / max(vitals.disk_bytes, 1)
    room = f"{size(free)} of the disk's {size(vitals.disk_bytes)} are free"
    if free < FREE_FAIL_BYTES or share < FREE_FAIL_SHARE:
        return fail("disk", f"{room}: soon nothing more can be stored.", "Make room, or move to a larger disk.")
    if free < FREE_WARN_BYTES or share < FREE_WARN_SHARE:
        return warn("disk", f"{room}.", "Plan for more: when it is full, calls are answered with 503 and not stored.")
    return ok("disk", f"{room}; the database takes {size(vitals.file_bytes)}.")


def permissions(readable_by_others: bool) -> Finding:
    if readable_by_others:
        means = "Other users of this machine can read the database, and with it what your customers did."
        return warn("permissions", means, "Run chmod 600 on the database file.")
    return ok("permissions", "Only its owner can read the database.")


def integrity(soundness: Soundness, deep: bool) -> Finding:
    if soundness.faults:
        do = "Stop the collector, look after the disk, and put the last backup in place: footfall restore FILE --force."
        return fail("integrity", f"The database is damaged: {'; '.join(soundness.faults)}.", do)
    if soundness.unread:
        names = ", ".join(soundness.unread)
        return ok("integrity", f"No fault was found; there was no time for {names}: --deep takes all there is.")
    compared = ", each index agrees with its table" if deep else ""
    return ok("integrity", f"The database is whole{compared}.")


def wal(vitals: Vitals) -> Finding:
    held = vitals.wal_bytes
    if held < WAL_WARN_BYTES:
        return ok("wal", f"The write-ahead log takes {size(held)}.")
    means = f"The write-ahead log takes {size(held)}: somebody has been reading for long, so it could not be cut."
    do = "Look for a backup, an export or a database shell that hangs; once it has ended, the log is cut by itself."
    return (fail if held >= WAL_FAIL_BYTES else warn)("wal", means, do)


def clock(vitals: Vitals, now: int) -> Finding:
    if vitals.newest is None:
        return ok("clock", "There is no event yet to compare the clock with.")
    ahead = vitals.newest - now
    if ahead > CLOCK_AHEAD_MS:
        means = f"The clock is {span(ahead)} behind the newest event: it was wrong then, or is now."
        return fail("clock", means, "Set the clock by NTP (timedatectl status); new events get wrong times until then.")
    return ok("clock", f"The newest event came {span(max(0, -ahead))} ago, by this machine's clock.")


def schema(found: int, newest: int) -> Finding:
    if found > newest:
        means = f"The database was written by a newer Footfall (schema {found}; this one knows {newest})."
        return fail("schema", means, "Run the newer Footfall; this one cannot read it.")
    if found < newest:
        means = f"The database is an older Footfall's (schema {found} of {newest}): most checks must wait."
        return warn("schema", means, "Back it up, then start the collector: it brings the database up to date.")
    return ok("schema", f"The database has the newest schema, {newest}.")


def following(before: Followed, after: Followed, running: bool) -> Finding:
    """`after` was looked at some time after `before`."""
    if not after.behind:
        return ok("following", "Customers, visits and orders are up to the log.")
    behind = f"Customers, visits and orders are {counted(after.behind, 'event')} behind the log"
    if not running:
        return ok("following", f"{behind}; the next start takes them in.")
    if after.projected <= before.projected and before.behind:
        do = "Look for 'could not follow' in the collector's log and restart it; else footfall rebuild."
        return fail("following", f"{behind}, and nothing takes them in.", do)
    if after.behind > BEHIND_WARN:
        return warn("following", f"{behind}, and catching up.", "Wait, and ask again; exports lack them until then.")
    return ok("following", f"{behind}, and catching up.")


def set_aside(followed: Followed) -> Finding:
    if followed.set_aside:
        n = followed.set_aside
        are = "it is" if n == 1 else "they are"
        means = f"{counted(n, 'event')} could not be understood: {are} kept, but in nobody's history."
        return warn("set aside", means, SET_ASIDE_DO)
    return ok("set aside", "Every event was understood.")


def backup(vitals: Vitals, now: int) -> Finding:
    do = "Run footfall backup FILE every night, onto another disk; docs/deploy.md has a timer for it."
    if vitals.backed_up is None:
        return warn("backup", "This database was never backed up by footfall backup.", do)
    age = max(0, now - vitals.backed_up)
    if age > BACKUP_WARN_MS:
        return warn("backup", f"The last backup was made {span(age)} ago.", do)
    return ok("backup", f"The last backup was made {span(age)} ago.")
