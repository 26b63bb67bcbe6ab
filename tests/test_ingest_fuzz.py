"""Nothing that a client sends is answered with a 500, and a 200 means that every item is somewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import make_site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.enrich.arrival import Arrival
from collector.errors import FootfallError
from collector.event import ConsentMode
from collector.ingest.acceptance import accept
from collector.store.sqlite.store import SqliteStore
from collector.wire import PATHS, inflate, open_envelope, read_key

RECEIVED = 1_795_000_000_000
FIELDS = """
type event name anonymousId userId messageId timestamp sentAt properties traits previousId groupId context writeKey
batch email order_id revenue currency products page url referrer campaign consent categoryPreferences Analytics
userAgent ip
actor screen width height library identityToken
""".split()  # noqa: SIM905
WORDS = [
    *PATHS,
    "track",
    "page",
    "identify",
    "alias",
    "2026-01-01T00:00:00Z",
    "null",
    "\ud800",
    "\0",
    "x" * 9_000,
    "a@b.c",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
)
trees = st.recursive(
    scalars,
    lambda below: (
        st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), below, max_size=8)
    ),
    max_leaves=30,
)
messages = st.dictionaries(st.sampled_from(FIELDS), trees, max_size=12)
bodies = messages | st.lists(messages, max_size=4).map(lambda items: {"batch": items})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = SqliteStore.open(str(tmp_path_factory.mktemp("fuzz") / "f.db"))
    for mode in ConsentMode:
        store.put_site(make_site(mode.value, consent=mode))
    yield store
    store.close()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=bodies, path=st.sampled_from(sorted(PATHS)), mode=st.sampled_from(ConsentMode), server=st.booleans())
def test_whatever_is_sent_is_stored_quarantined_counted_or_refused(
    store: SqliteStore, body: dict[str, Any], path: str, mode: ConsentMode, server: bool
) -> None:
    try:
        raw = _encode(body)
        envelope = open_envelope(inflate(raw, None), PATHS[path])
        read_key("Bearer x", envelope.write_key)
    except FootfallError:
        return
    arrival = Arrival(site=make_site(mode.value, consent=mode), server=server, address="::1", user_agent="x", salt=b"s")
    entries = accept(envelope, arrival, RECEIVED)
    outcomes = store.append(entries)
    assert len(outcomes) == len(entries) == len(envelope.items)
    store.follow()


def _encode(body: dict[str, Any]) -> bytes:
    """As broken clients do: NaN, halves of surrogate pairs and all."""
    return json.dumps(body).encode()


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0truefalsn\\u d', max_size=60).map(str.encode))
def test_bytes_that_are_no_json_are_refused_with_an_error_of_ours(raw: bytes) -> None:
    for call_type in (None, "track"):
        try:
            open_envelope(inflate(raw, None), call_type)
        except FootfallError:
            continue
        assert isinstance(json.loads(raw), dict)
