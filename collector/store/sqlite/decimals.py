"""Exact subtraction of decimal text in SQL, where SQLite itself would only know floats.

What enters: two SQL expressions of plain decimal text. What leaves: one more. Exact up to 18 digits on either side of
the point, which is past what an order may say (`orders._amount`: 15 and 12).
"""

from __future__ import annotations

_ONE = 10**18


def minus(minuend: str, subtrahend: str) -> str:
    """SQL for `minuend - subtrahend` with as many decimals as the longer has; null where either is."""
    whole = f"{_whole(minuend)} - {_whole(subtrahend)}"
    part = f"{_part(minuend)} - {_part(subtrahend)}"
    decimals = f"max(length({_digits(minuend)}), length({_digits(subtrahend)}))"
    # Below, the two limbs get one sign, then borrow or carry: i + f / 10^18.
    signed = f"SELECT {whole} AS i, {part} AS f, {decimals} AS d"
    absolute = (
        "SELECT i < 0 OR (i = 0 AND f < 0) AS below, d, "
        "CASE WHEN i < 0 OR (i = 0 AND f < 0) THEN -i ELSE i END AS i, "
        f"CASE WHEN i < 0 OR (i = 0 AND f < 0) THEN -f ELSE f END AS f FROM ({signed})"
    )
    carried = f"SELECT below, d, i - (f < 0) + (f >= {_ONE}) AS i, f + {_ONE} * (f < 0) - {_ONE} * (f >= {_ONE}) AS f"
    return (
        "(SELECT CASE WHEN below THEN '-' ELSE '' END || i || "
        "CASE WHEN d > 0 THEN '.' || substr(printf('%018d', f), 1, d) ELSE '' END "
        f"FROM ({carried} FROM ({absolute})) WHERE i IS NOT NULL)"
    )


def _whole(number: str) -> str:
    return f"CAST({number} AS INTEGER)"


def _digits(number: str) -> str:
    """What stands behind the point."""
    return f"CASE instr({number}, '.') WHEN 0 THEN '' ELSE substr({number}, instr({number}, '.') + 1) END"


def _part(number: str) -> str:
    digits = f"CAST(substr({_digits(number)} || '{'0' * 18}', 1, 18) AS INTEGER)"
    return f"CASE WHEN {number} GLOB '-*' THEN -{digits} ELSE {digits} END"
