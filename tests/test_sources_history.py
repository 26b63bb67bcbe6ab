"""Files of customers and orders become messages that the wire takes, each row once, nothing lost unsaid."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector import wire
from collector.errors import Misuse
from collector.event import Call
from collector.sources.columns import columns_of, unused
from collector.sources.history import Import, Message, customer_messages, order_messages
from collector.sources.rows import Problem, Row, read_rows, text_lines

NOW = 1_720_000_000_000


def how(kind: str, *overrides: str, imported: int = NOW) -> Import:
    zone = ZoneInfo("Europe/Paris")
    return Import(columns=columns_of(kind, overrides), source="import", zone=zone, imported=imported)


def lines(text: str) -> Any:
    return text_lines(io.BytesIO(text.encode()))


def customers(text: str, *overrides: str, form: str = "csv") -> list[Message | Problem]:
    return list(customer_messages(lines(text), form, how("customers", *overrides)))


def dated(text: str) -> str:
    """A file of orders whose rows have another column: their date."""
    header, *rows = text.splitlines()
    mark = ";" if ";" in header else ","
    return "\n".join([f"{header}{mark}date", *(f"{row}{mark}2023-05-06" for row in rows)]) + "\n"


def orders(text: str, *overrides: str, form: str = "csv", imported: int = NOW) -> list[Message | Problem]:
    return list(order_messages(lines(text), form, how("orders", *overrides, imported=imported)))


def only(results: list[Message | Problem]) -> Message:
    (result,) = results
    assert isinstance(result, dict), result
    return result


# --- rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_says_the_delimiter_and_a_mark_before_it_is_no_part_of_it(delimiter: str) -> None:
    text = f"\ufeffid{delimiter}E-Mail Address\n1{delimiter}j@x\n"
    assert list(read_rows(lines(text), "csv")) == [Row(2, {"id": "1", "e_mail_address": "j@x"})]


def test_quoted_cells_hold_delimiters_and_lines_and_rows_keep_their_line_number() -> None:
    text = 'id,note\n1,"a, ""b""\nc"\n\n2,x\n'
    assert list(read_rows(lines(text), "csv")) == [
        Row(2, {"id": "1", "note": 'a, "b"\nc'}),
        Row(5, {"id": "2", "note": "x"}),
    ]


def test_empty_lines_above_the_header_count_and_an_empty_file_holds_no_rows() -> None:
    assert list(read_rows(lines("\n\nid\n1\n"), "csv")) == [Row(4, {"id": "1"})]
    assert list(read_rows(lines("\n\n"), "csv")) == []


def test_a_line_that_is_not_utf_8_is_read_as_windows_text() -> None:
    file = io.BytesIO("id,name\n1,Zoë\n".encode() + b"2,M\xfcller\n")
    rows = [row.cells["name"] for row in read_rows(text_lines(file), "csv") if isinstance(row, Row)]
    assert rows == ["Zoë", "Müller"]


def test_utf_16_is_refused_and_not_read_as_rubbish() -> None:
    with pytest.raises(Misuse):
        list(text_lines(io.BytesIO("id\n1\n".encode("utf-16"))))


def test_a_row_of_another_width_and_a_quote_left_open_are_reported_with_their_line() -> None:
    found = list(read_rows(lines('a,b\n1\n1,2,3\n1,2,\n4,"open\n5,6\n'), "csv"))
    assert [row.line for row in found] == [2, 3, 4, 5]
    assert [type(row) for row in found] == [Problem, Problem, Row, Problem]


def test_json_lines_are_read_exactly_and_a_bad_one_is_reported() -> None:
    found = list(read_rows(lines('{"total": 0.10}\n\n[1]\nrubbish\n{"n": NaN}\n{"userId": 2}\n'), "jsonl"))
    assert [row.line for row in found] == [1, 3, 4, 5, 6]
    first, last = found[0], found[-1]
    assert isinstance(first, Row)
    assert str(first.cells["total"]) == "0.10"
    assert last == Row(6, {"user_id": 2})


def test_another_form_or_a_broken_mapping_is_a_misuse() -> None:
    with pytest.raises(Misuse):
        read_rows([], "xlsx")
    with pytest.raises(Misuse):
        columns_of("orders", ["id"])
    with pytest.raises(Misuse):
        columns_of("products")


def test_columns_that_no_field_wants_can_be_named() -> None:
    assert unused({"id": "1", "shoe_size": "9"}, columns_of("customers")) == ["shoe_size"]
    assert unused({"id": "1", "shoe_size": "9"}, columns_of("customers", ["Shoe Size=shoe_size"])) == []


# --- customers


def test_a_customer_becomes_an_identify_with_its_time() -> None:
    told = only(customers("id,email,first_name,created_at\n42,jane@x,Jane,2020-01-02 03:04:05\n"))
    assert told["messageId"].startswith("import:42:")
    assert {field: told[field] for field in told if field != "messageId"} == {
        "type": "identify",
        "userId": "42",
        "traits": {"email": "jane@x", "first_name": "Jane", "created_at": "2020-01-02T03:04:05+01:00"},
        "timestamp": "2020-01-02T03:04:05+01:00",
    }


def test_a_guest_has_an_address_and_no_user_id_and_nobody_is_a_problem() -> None:
    guest, nobody = customers("customer_id,email\n0,jane@x\n0,\n")
    assert isinstance(guest, dict)
    assert "userId" not in guest
    assert "jane" not in guest["messageId"]
    assert nobody == Problem(3, "has neither a user id nor an e-mail address")


def test_a_bad_row_is_reported_and_the_good_ones_around_it_come_in() -> None:
    one, two, three = customers("id,created_at\n1,2020-01-01\n2,01/02/2020\n3,\n")
    assert isinstance(one, dict)
    assert isinstance(two, Problem)
    assert two.line == 3
    assert isinstance(three, dict)


def test_a_column_may_be_mapped_to_any_field() -> None:
    told = only(customers("Kundennr,id,Schuhgröße\n7,9,43\n", "Kundennr=user_id", "Schuhgröße=shoe_size"))
    assert (told["userId"], told["traits"]) == ("7", {"shoe_size": "43"})


# --- orders

SHOPIFY = (Path(__file__).parent / "golden" / "shopify-orders.csv").read_text()


@pytest.mark.parametrize(("overrides", "order_id"), [((), "#1001"), (("Id=order_id",), "5001")])
def test_a_shopify_export_has_one_order_in_several_rows(overrides: tuple[str, ...], order_id: str) -> None:
    first, second, refund = orders(SHOPIFY, *overrides)
    assert isinstance(first, dict)
    assert first["event"] == "Order Completed"
    assert first["timestamp"] == "2024-05-06T07:08:00+02:00"
    assert first["properties"] == {
        "order_id": order_id,
        "email": "jane@x",
        "total": "109.50",
        "shipping": "5.00",
        "tax": "17.50",
        "discount": "0.00",
        "currency": "EUR",
        "coupons": ["SPRING"],
        "updated_at": "2024-07-03T09:46:40.000+00:00",
        "products": [
            {"sku": "RS-1", "name": "Red shoe", "quantity": "2", "price": "49.75"},
            {"sku": "LA-1", "name": "Laces", "quantity": "1", "price": "5.00"},
        ],
    }
    assert isinstance(second, dict)
    assert second["event"] == "Order Completed"
    assert isinstance(refund, dict)
    assert (refund["event"], refund["properties"]["total"]) == ("Order Refunded", "10.00")


def test_an_order_as_an_api_writes_it_comes_in_with_its_lines() -> None:
    record = {
        "id": 7,
        "customer_id": 42,
        "billing_email": "jane@x",
        "total": "20.00",
        "currency": "eur",
        "status": "cancelled",
        "date_created": "2024-05-06T07:08:09",
        "date_modified": "2024-05-07T07:08:09",
        "line_items": [{"product_id": 9, "name": "Shoe", "quantity": 2, "price": 10.0}],
        "coupon_lines": [],
        "coupons": [{"code": "A"}],
    }
    done, cancelled = orders(json.dumps(record), form="jsonl")
    assert isinstance(done, dict)
    assert isinstance(cancelled, dict)
    assert done["userId"] == "42"
    assert done["properties"]["products"] == [{"product_id": "9", "name": "Shoe", "quantity": "2", "price": "10.0"}]
    assert (done["properties"]["currency"], done["properties"]["coupons"]) == ("EUR", ["A"])
    assert (cancelled["event"], cancelled["timestamp"]) == ("Order Cancelled", "2024-05-07T07:08:09+02:00")


def test_lines_may_stand_as_json_in_a_cell_and_a_decimal_comma_in_an_amount() -> None:
    text = 'order_id;total;products\n1;12,50 €;"[{""sku"": ""s"", ""price"": 6.25, ""quantity"": 2}]"\n'
    told = only(orders(dated(text)))["properties"]
    assert (told["total"], told["currency"]) == ("12.50", "EUR")
    assert told["products"] == [{"sku": "s", "price": "6.25", "quantity": "2"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("order_id,total\n1,1.234\n", "can be read as"),
        ("order_id,total,currency\n1,5 €,USD\n", "total is in EUR, the order in USD"),
        ("order_id,status\n1,failed\n", "never placed"),
        ("order_id,status\n1,partially refunded\n", "--map"),
        ("order_id,total\n,5\n", "has no order id"),
        ("order_id,products\n1,rubbish\n", "Expecting value"),
        ("order_id,products\n1,7\n", "not a list"),
        ("order_id,email,sku\n1,a@x,s\n1,b@x,t\n", "another email"),
    ],
)
def test_an_order_that_cannot_be_read_exactly_is_reported(text: str, reason: str) -> None:
    (problem,) = orders(dated(text))
    assert isinstance(problem, Problem)
    assert reason in problem.reason
    assert problem.line == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("order_id,total\n1,5\n", "order 1 has no date: --map COLUMN=created_at"),
        ("order_id,total,date\n1,5,\n", "order 1 has no date: --map COLUMN=created_at"),
        ("order_id,updated_at\n1,2024-05-06\n", "order 1 has no date: --map COLUMN=created_at"),
        ("order_id,date\n1,2031-05-06\n", "created_at '2031-05-06' is in the future"),
        ("order_id,date,updated_at\n1,2024-05-06,2031-05-06\n", "updated_at '2031-05-06' is in the future"),
    ],
)
def test_an_order_without_a_date_or_with_one_to_come_is_left_out_and_not_taken_for_one_of_today(
    text: str, reason: str
) -> None:
    assert orders(text) == [Problem(2, reason)]


def test_a_clock_that_is_some_hours_ahead_costs_no_order() -> None:
    told = only(orders("order_id,date\n1,2024-07-04 02:00\n"))
    (read,) = wire.read_calls(wire.envelope_of([told]), server=True, received=NOW, new_id=str)
    assert isinstance(read, Call)
    assert read.time == NOW


def test_rows_of_one_order_that_stand_apart_are_reported_and_not_taken_for_a_change() -> None:
    _, _, apart = orders(dated("order_id,sku\n1,a\n2,b\n1,c\n"))
    assert isinstance(apart, Problem)
    assert (apart.line, "sort" in apart.reason) == (4, True)


def test_an_order_without_lines_or_coupons_does_not_speak_of_any() -> None:
    told = only(orders(dated("order_id,total\n1,10.00\n")))["properties"]
    assert told == {"order_id": "1", "total": "10.00", "updated_at": "2024-07-03T09:46:40.000+00:00"}


@pytest.mark.parametrize("row", [",b@x,,s", ",,7.00,s", ",a@x,,"])
def test_a_row_without_an_order_id_goes_on_only_with_an_order_that_it_fits(row: str) -> None:
    first, problem = orders(dated(f"order_id,email,total,sku\n1,a@x,5.00,r\n{row}\n"))
    assert Problem(3, "has no order id") in (first, problem)
    assert {type(first), type(problem)} == {dict, Problem}


def test_a_partial_refund_says_how_much() -> None:
    _, refund = orders(dated("order_id,total,refunded_amount,financial_status\n1,10.00,4.00,partially_refunded\n"))
    assert isinstance(refund, dict)
    assert refund["properties"]["total"] == "4.00"


# --- bringing in twice


def test_the_same_row_has_the_same_id_whenever_it_comes_and_a_changed_one_another() -> None:
    row, changed = dated("order_id,total\n1,10.00\n"), dated("order_id,total\n1,11.00\n")
    first, again = only(orders(row)), only(orders(row, imported=NOW + 5000))
    later = only(orders(changed, imported=NOW + 5000))
    assert first["messageId"] == again["messageId"] != later["messageId"]
    assert first["properties"]["updated_at"] < later["properties"]["updated_at"]


def test_a_row_that_says_when_it_was_changed_is_believed() -> None:
    told = only(orders(dated("order_id,updated_at\n1,2024-05-06T00:00:00Z\n")))
    assert told["properties"]["updated_at"] == "2024-05-06T00:00:00+00:00"


def test_every_message_passes_the_wire_under_the_secret_key() -> None:
    messages = [m for m in orders(SHOPIFY) + customers("id,email\n42,jane@x\n0,joe@x\n") if isinstance(m, dict)]
    calls = wire.read_calls(wire.envelope_of(messages), server=True, received=NOW * 2, new_id=str)
    assert [call.id for call in calls if isinstance(call, Call)] == [message["messageId"] for message in messages]
    assert len(messages) == 5
