"""Schemathesis over the OpenAPI document: whatever it makes up, no 500, and no answer that is not described."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator

import pytest
import schemathesis
from conftest import Collector
from hypothesis import HealthCheck, Phase, settings
from reading import a_shop_that_is_read
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from collector.web.openapi import document

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TOKEN = "Bearer ft_admin"
KEY = "Basic " + b64encode(b"wk_shop:").decode()
schema = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with a_shop_that_is_read(tmp_path_factory.mktemp("schemathesis") / "footfall.db") as one:
        yield one


def within(examples: int) -> settings:
    checks = list(HealthCheck)
    return settings(
        max_examples=examples, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=checks
    )


@schema.parametrize()
@within(8)
def test_every_answer_is_one_that_the_document_describes(case: schemathesis.Case, collector: Collector) -> None:
    check(case, collector)


@pytest.mark.soak
@pytest.mark.skipif("FOOTFALL_SOAK" not in os.environ, reason="long; make soak")
@schema.parametrize()
@within(300)
def test_so_is_every_answer_of_many(case: schemathesis.Case, collector: Collector) -> None:
    check(case, collector)


def check(case: schemathesis.Case, collector: Collector) -> None:
    door = case.path.startswith("/v1/") and case.method == "POST"
    answer = case.call(base_url=collector.url, headers={"authorization": KEY if door else TOKEN})
    case.validate_response(answer, checks=CHECKS)
