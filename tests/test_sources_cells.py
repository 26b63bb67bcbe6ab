"""Cells as people write them: read exactly, or refused with the reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources.cells import read_moment, read_money, read_text

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("cell", "amount", "currency"),
    [
        ("99.50", "99.50", ""),
        ("1,234.50", "1234.50", ""),
        ("1.234,50", "1234.50", ""),
        ("12,50 €", "12.50", "EUR"),
        ("€12.50", "12.50", "EUR"),
        ("$5", "5", ""),
        ("USD 5", "5", "USD"),
        ("5 usd", "5", "USD"),
        ("£1,000,000", "1000000", "GBP"),
        ("1 234,50", "1234.50", ""),
        ("1\u202f234,50\u00a0€", "1234.50", "EUR"),
        ("1'234.50", "1234.50", ""),
        ("-3.10", "-3.10", ""),
        ("12.5000", "12.5000", ""),
        ("0.125", "0.125", ""),
        ("0", "0", ""),
        (7, "7", ""),
        (Decimal("19.990"), "19.990", ""),
        ("0.1", "0.1", ""),
    ],
)
def test_money_is_read_exactly(cell: Any, amount: str, currency: str) -> None:
    assert read_money(cell) == (Decimal(amount), currency)
    assert str(read_money(cell)[0]) == amount


@pytest.mark.parametrize(
    "cell",
    [
        "1.234",
        "1,234",
        "12.345",
        "1,23,456.00",
        "1.2.3",
        "12 34",
        "abc",
        "(5.00)",
        "5%",
        "1,234,56",
        "--1",
        "NaN",
        True,
        1.5,
    ],
)
def test_money_that_is_none_or_has_two_readings_is_refused(cell: Any) -> None:
    with pytest.raises(ValueError, match=r"is not an amount|can be read as"):
        read_money(cell)


@pytest.mark.parametrize("cell", ["abc", "EUR", "abc 12 3", "12,50 euros", "1.2.3 EUR", "-"])
def test_what_is_no_amount_is_quoted_whole(cell: str) -> None:
    with pytest.raises(ValueError, match=rf"^'{cell}' is not an amount$"):
        read_money(cell)


def test_an_ambiguous_amount_is_refused_with_both_readings() -> None:
    with pytest.raises(ValueError, match=r"1234 or as 1\.234"):
        read_money("1.234")


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2024-05-06 07:08:09", "2024-05-06T07:08:09+02:00"),
        ("2024-01-06 07:08:09", "2024-01-06T07:08:09+01:00"),
        ("2024-05-06 07:08:09 +0900", "2024-05-06T07:08:09+09:00"),
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09+00:00"),
        ("2024-05-06 07:08:09 UTC", "2024-05-06T07:08:09+00:00"),
        ("2024-05-06", "2024-05-06T00:00:00+02:00"),
        ("6.5.2024 7:08", "2024-05-06T07:08:00+02:00"),
        ("06.05.2024", "2024-05-06T00:00:00+02:00"),
        (1_700_000_000, "2023-11-14T22:13:20.000+00:00"),
        ("1700000000123", "2023-11-14T22:13:20.123+00:00"),
        ("", None),
    ],
)
def test_a_moment_without_an_offset_is_in_the_zone_of_the_site(cell: Any, moment: str | None) -> None:
    assert read_moment(cell, PARIS) == moment


@pytest.mark.parametrize("cell", ["05/06/2024", "yesterday", "2024-13-01", "0001-01-01", True, [], -1])
def test_what_is_no_time_or_has_two_readings_is_refused(cell: Any) -> None:
    with pytest.raises(ValueError, match=r"time|change places"):
        read_moment(cell, PARIS)


@given(st.text() | st.integers() | st.decimals() | st.text("0123456789.,' €-/:TZ+"))
def test_reading_a_cell_raises_nothing_but_a_reason(cell: Any) -> None:
    for read in (read_money, read_text, lambda c: read_moment(c, PARIS)):
        try:
            read(cell)
        except ValueError as error:
            assert str(error)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**9))
def test_money_written_in_either_way_reads_the_same(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    assert read_money(english)[0] == read_money(continental + " EUR")[0] == amount
