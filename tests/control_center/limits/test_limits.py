"""The fleet's limits: what the center takes, every agent takes; versions with who and why; handed out to the sites concerned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from contract import topics
from contract.messages import Limits, Payload
from contract.topics import Kind
from control_center.clockwork import Clockwork, Listeners
from control_center.limits.table import Key, changes, complaints, keys, merged
from control_center.live import Live
from control_center.store import limits as limits_store
from control_center.store import registry
from control_center.store.base import Base
from control_center.store.database import open_store
from control_center.store.limits import ALL, LimitsError
from control_center.store.registry import Site
from edge_agent.config import decode, merge_limits

pytestmark = pytest.mark.req("R14")

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
SITE_FILE = {"site": {"id": "hoai-nhon", "name": "Thị xã Hoài Nhơn"}}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_store(tmp_path)
    Base.metadata.create_all(engine)
    registry.save_sites(engine, [Site(id="hoai-nhon", name="Thị xã Hoài Nhơn", ssid=1), Site(id="an-lao", name="Huyện An Lão", ssid=2)])
    yield engine
    engine.dispose()


def save(engine: Engine, table: Any, scope: str = ALL) -> limits_store.LimitsVersion:
    return limits_store.save(engine, table, scope=scope, author="Lê Thị B", reason="đường truyền vệ tinh", at=NOW)


def test_every_default_is_right_and_known_to_the_agent() -> None:
    table = {probe: {name: key.default for name, key in known.items()} for probe, known in keys().items()}
    assert complaints(table) == []
    merge_limits(decode(SITE_FILE, Path("x")), Limits(version="1", limits=table))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"lnik": {}}, "lnik: không có bộ dò này"),
        ({"link": {"latency": 3}}, "link.latency: không có giới hạn này"),
        ({"link": {"latency_ms": "3"}}, "link.latency_ms: cần kiểu number"),
        ({"link": {"latency_ms": True}}, "link.latency_ms: cần kiểu number"),
        ({"link": {"latency_ms": 0}}, "link.latency_ms: 0 nằm ngoài khoảng cho phép > 0"),
        ({"link": {"loss_percent": 101.0}}, "link.loss_percent: 101.0 nằm ngoài khoảng cho phép ≥ 0, ≤ 100"),
        ({"link": {"probes": 2.5}}, "link.probes: cần kiểu integer"),
        ({"link": 3}, "link: cần một bảng"),
        ([], "cần một bảng"),
    ],
)
def test_what_is_wrong_is_said_with_its_key_and_nothing_is_kept(engine: Engine, table: Any, words: str) -> None:
    with pytest.raises(LimitsError) as caught:
        save(engine, table)
    assert any(sentence.startswith(words) for sentence in caught.value.sentences)
    assert limits_store.history(engine) == []


numbers = st.one_of(st.integers(-10, 10_000), st.floats(-10, 10_000, allow_nan=False))
every_key = st.sampled_from([(probe, name) for probe, known in keys().items() for name in known])


@given(every_key, st.one_of(numbers, st.booleans(), st.text(max_size=5)))
def test_what_the_center_takes_no_agent_refuses(which: tuple[str, str], value: Any) -> None:
    probe, name = which
    table = {probe: {name: value}}
    if not complaints(table):
        merge_limits(decode(SITE_FILE, Path("x")), Limits(version="1", limits=table))


def test_a_site_gets_what_holds_for_all_with_its_own_put_over_it(engine: Engine) -> None:
    assert limits_store.of_site("hoai-nhon", limits_store.holding(engine)) is None
    save(engine, {"link": {"latency_ms": 400.0, "jitter_ms": 40.0}})
    save(engine, {"link": {"latency_ms": 700.0}}, "hoai-nhon")
    held = limits_store.holding(engine)
    assert limits_store.of_site("hoai-nhon", held) == Limits(version="1+2", limits={"link": {"latency_ms": 700.0, "jitter_ms": 40.0}})
    assert limits_store.of_site("an-lao", held) == Limits(version="1", limits={"link": {"latency_ms": 400.0, "jitter_ms": 40.0}})
    save(engine, {}, "hoai-nhon")
    assert limits_store.of_site("hoai-nhon", limits_store.holding(engine)) == Limits(
        version="1+3", limits={"link": {"latency_ms": 400.0, "jitter_ms": 40.0}}
    )


def test_nobody_changes_limits_without_name_and_reason_or_for_a_site_that_is_not_there(engine: Engine) -> None:
    for author, reason, scope in (("", "x", ALL), ("x", " ", ALL), ("x", "x", "nowhere")):
        with pytest.raises(LimitsError):
            limits_store.save(engine, {}, scope=scope, author=author, reason=reason, at=NOW)


def test_changes_name_what_was_and_the_default_where_nothing_was_set() -> None:
    assert changes({}, {"link": {"latency_ms": 400.0}}) == [("link.latency_ms", 150.0, 400.0)]
    assert changes({"link": {"latency_ms": 400.0}}, {}) == [("link.latency_ms", 400.0, 150.0)]
    assert merged({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 3}}) == {"a": {"b": 3, "c": 2}}
    assert Key(default=1, kind="number", above=0, maximum=5).span == "> 0, ≤ 5"


def test_sites_are_told_once_and_again_when_theirs_changes(engine: Engine, tmp_path: Path) -> None:
    sent: list[tuple[str, str]] = []

    def publish(topic: str, payload: Payload, *, retain: bool = False) -> bool:
        if isinstance(payload, Limits):
            assert retain
            sent.append((topic, payload.version))
        return True

    live = Live([("hoai-nhon", "Thị xã Hoài Nhơn"), ("an-lao", "Huyện An Lão")])
    listeners = Listeners(publish=publish, sites_changed=lambda _: None, expect=lambda _: None, path_heard_at=dict)
    work = Clockwork(engine, tmp_path, live, None, lambda: NOW)  # type: ignore[arg-type]

    def tick() -> list[tuple[str, str]]:
        sent.clear()
        found = work._read_if_changed(NOW)
        if found is not None:
            work._take_up(found)
        work._tell_limits(listeners)
        return list(sent)

    assert tick() == []
    save(engine, {"link": {"latency_ms": 400.0}})
    assert sorted(tick()) == [(topics.site_topic("an-lao", Kind.LIMITS), "1"), (topics.site_topic("hoai-nhon", Kind.LIMITS), "1")]
    assert tick() == []
    save(engine, {"link": {"latency_ms": 700.0}}, "hoai-nhon")
    assert tick() == [(topics.site_topic("hoai-nhon", Kind.LIMITS), "1+2")]
