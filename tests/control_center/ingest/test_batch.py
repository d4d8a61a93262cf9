"""A batch in the store: each row once, the latest state, what contradicts the store put aside."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from contract.findings import State, Verdict
from contract.messages import ComponentState, Figures, Presence, Rollup, Status
from contract.topics import Kind, site_topic
from control_center.ingest import batch, quarantine
from control_center.ingest.batch import Outcome
from control_center.ingest.intake import Accepted, Refused
from control_center.store.base import Base
from control_center.store.journal import ComponentStateRow, EventRow, FiguresRow, QuarantineRow, StatusRow

if TYPE_CHECKING:
    import pytest

    from tests.control_center.ingest.conftest import Post


def store(engine: Engine, *items: Accepted | Refused) -> Outcome:
    with engine.begin() as connection:
        accepted = [item for item in items if isinstance(item, Accepted)]
        return batch.store(connection, accepted, [item for item in items if isinstance(item, Refused)])


def news(outcome: Outcome) -> list[bool]:
    return [is_new for _, is_new in outcome.kept]


def places(engine: Engine) -> list[tuple[str, str, int]]:
    with engine.connect() as connection:
        return [(s, b, n) for s, b, n in connection.execute(select(EventRow.site, EventRow.boot, EventRow.seq).order_by(EventRow.seq))]


def test_an_event_that_comes_again_is_stored_once_and_settled_again(engine: Engine, post: Post) -> None:
    one = post.accepted(post.event(), Kind.EVENT, 1)
    again = post.accepted(post.event(), Kind.EVENT, 1)
    assert news(store(engine, one)) == [True]
    assert news(store(engine, again)) == [False]
    assert news(store(engine, post.accepted(post.event(), Kind.EVENT, 2), post.accepted(post.event(), Kind.EVENT, 2))) == [True, False]
    assert places(engine) == [("an-nhon", "b1", 1), ("an-nhon", "b1", 2)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.tuples(st.sampled_from(["b1", "b2"]), st.integers(0, 8)), max_size=8), max_size=5))
def test_however_rows_are_repeated_each_is_new_exactly_once(engine: Engine, post: Post, batches: list[list[tuple[str, int]]]) -> None:
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    new = []
    for rows in batches:
        outcome = store(engine, *(post.accepted(post.event(), Kind.EVENT, seq, boot=boot) for boot, seq in rows))
        assert len(outcome.kept) == len(rows)
        new += [(item.message.boot, item.message.seq) for item, is_new in outcome.kept if is_new]
    assert sorted(new) == sorted({row for rows in batches for row in rows})
    assert sorted((boot, seq) for _, boot, seq in places(engine)) == sorted(new)


def test_sites_and_boots_are_apart(engine: Engine, post: Post) -> None:
    items = [post.accepted(post.event(), Kind.EVENT, 1, site=site, boot=boot) for site in ("an-nhon", "hoai-nhon") for boot in ("b1", "b2")]
    assert news(store(engine, *items)) == [True] * 4


def test_the_same_name_with_other_content_is_put_aside_and_the_first_stands(engine: Engine, post: Post) -> None:
    first = post.accepted(post.event("started"), Kind.EVENT, 1)
    forged = post.accepted(post.event("stopped"), Kind.EVENT, 1)
    later = post.accepted(post.event("started"), Kind.EVENT, 1, time=post.at + timedelta(seconds=1))
    for outcome in (store(engine, first, forged), store(engine, forged), store(engine, later)):
        assert [(refused.reason, refused.place) for refused in outcome.refused] == [("replayed", ("an-nhon", "b1", 1))]
    with engine.connect() as connection:
        assert [data for (data,) in connection.execute(select(EventRow.data))] == [first.data]
        assert connection.execute(select(QuarantineRow.reason, QuarantineRow.count)).all() == [("replayed", 3)]


def test_figures_are_kept_with_their_span(engine: Engine, post: Post) -> None:
    figures = Figures(
        begins_at=post.at,
        ends_at=post.at + timedelta(minutes=1),
        rollups=(Rollup(metric="link.rtt_ms", unit="ms", count=60, p50=3.1),),
        meeting="m1",
    )
    assert news(store(engine, post.accepted(figures, Kind.FIGURES, 5))) == [True]
    with engine.connect() as connection:
        row = connection.execute(select(FiguresRow.begins_at, FiguresRow.ends_at, FiguresRow.meeting)).one()
    assert tuple(row) == (post.at, post.at + timedelta(minutes=1), "m1")


def test_the_latest_state_by_arrival_stands_even_if_the_clock_was_set_back(engine: Engine, post: Post) -> None:
    def state(word: State, minute: int) -> Accepted:
        at = post.at + timedelta(minutes=minute)
        payload = ComponentState(verdict=Verdict(component="camera", state=word, at=at))
        return post.accepted(payload, Kind.COMPONENT, rest="camera", time=at)

    assert news(store(engine, state(State.OK, 10), state(State.FAULT, 11))) == [True, True]
    assert news(store(engine, state(State.FAULT, 11))) == [False], "the broker told the retained one again"
    assert news(store(engine, state(State.OK, 3))) == [True]
    with engine.connect() as connection:
        rows = connection.execute(select(ComponentStateRow.component, ComponentStateRow.time)).all()
    assert rows == [("camera", post.at + timedelta(minutes=3))]


def test_statuses_are_kept_one_for_each_site(engine: Engine, post: Post) -> None:
    def status(site: str, word: Presence) -> Accepted:
        return post.accepted(Status(boot="b1", state=word, at=post.at), Kind.STATUS, site=site)

    store(engine, status("an-nhon", Presence.READY), status("hoai-nhon", Presence.READY))
    assert news(store(engine, status("an-nhon", Presence.LOST))) == [True]
    with engine.connect() as connection:
        rows = connection.execute(select(StatusRow.site, StatusRow.state).order_by(StatusRow.site)).all()
    assert rows == [("an-nhon", "lost"), ("hoai-nhon", "ready")]


def test_quarantine_counts_by_topic_and_reason_and_keeps_the_latest(engine: Engine, post: Post) -> None:
    topic = site_topic("an-nhon", Kind.EVENT)
    store(engine, post.refused(topic, b"\xff first"), post.refused(topic, b"\x00\xff second"))
    store(engine, post.refused(topic, b"third \xed\xa0\x80" + b"x" * 9000), post.refused(site_topic("hoai-nhon", Kind.EVENT), b"other"))
    with engine.connect() as connection:
        rows = connection.execute(select(QuarantineRow.topic, QuarantineRow.count, QuarantineRow.payload).order_by(QuarantineRow.id)).all()
    assert [tuple(row[:2]) for row in rows] == [(topic, 3), (site_topic("hoai-nhon", Kind.EVENT), 1)]
    assert rows[0].payload.startswith("third \\xed\\xa0\\x80xxx")
    assert len(rows[0].payload) <= quarantine.PAYLOAD_BYTES


def test_quarantine_is_bounded(engine: Engine, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MAX_ROWS", 3)
    store(engine, *(post.refused(f"elsewhere/{number}", b"x") for number in range(10)))
    store(engine, *(post.refused(f"elsewhere/{number}", b"x") for number in range(10)))
    with engine.connect() as connection:
        counts = {str(row[0]): int(row[1]) for row in connection.execute(select(QuarantineRow.topic, QuarantineRow.count))}
    assert counts == {"elsewhere/0": 2, "elsewhere/1": 2, "elsewhere/2": 2, quarantine.OTHER: 14}
