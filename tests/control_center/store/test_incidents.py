from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from contract.findings import Severity
from control_center.incidents.model import Incident, IncidentState, Place, Span
from control_center.store import incidents, registry

T = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
OPEN = Incident(
    id="a-1-link.down",
    site="a",
    code="link.down",
    component="link",
    severity=Severity.CRITICAL,
    state=IncidentState.OPEN,
    began_at=T,
    opened_at=T + timedelta(seconds=1),
    spans=(Span(began_at=T),),
    meeting="m1",
    details={"cause": "power_lost", "n": 2.5},
    place=Place.TSLCD,
    seen_by_center=True,
)
CLOSED = msgspec.structs.replace(
    OPEN,
    state=IncidentState.CLOSED,
    ended_at=T + timedelta(seconds=9),
    spans=(Span(began_at=T, ended_at=T + timedelta(seconds=9)),),
)


def test_an_incident_comes_back_the_same_and_its_history_is_kept(engine: Engine) -> None:
    incidents.save(engine, [OPEN], T)
    incidents.save(engine, [CLOSED], T + timedelta(seconds=10))
    assert incidents.incident(engine, OPEN.id) == CLOSED
    assert incidents.history(engine, OPEN.id) == [(T, OPEN), (T + timedelta(seconds=10), CLOSED)]


def test_what_is_already_so_is_not_logged_again(engine: Engine) -> None:
    incidents.save(engine, [OPEN, OPEN], T)
    incidents.save(engine, [OPEN], T)
    assert len(incidents.history(engine, OPEN.id)) == 1


def test_queries_tell_lasting_recent_and_those_of_a_meeting_apart(engine: Engine) -> None:
    quiet = msgspec.structs.replace(CLOSED, id="a-0-link.down", opened_at=None)
    incidents.save(engine, [OPEN, msgspec.structs.replace(CLOSED, id="a-2-link.down"), quiet], T)
    assert [one.id for one in incidents.lasting(engine)] == ["a-1-link.down"]
    assert [one.id for one in incidents.recent(engine, T + timedelta(hours=1))] == ["a-1-link.down"]
    assert [one.id for one in incidents.of_meeting(engine, "m1")] == ["a-1-link.down", "a-2-link.down"]
    assert len(incidents.of_meeting(engine, "m1", suspicions=True)) == 3
    assert [one.id for one in incidents.between(engine, T, T + timedelta(seconds=1), "a")] == ["a-1-link.down", "a-2-link.down"]
    assert incidents.between(engine, T, T + timedelta(seconds=1), "b") == []


def test_an_acknowledgement_survives_a_writer_that_did_not_know_of_it(engine: Engine) -> None:
    incidents.save(engine, [OPEN], T)
    before = registry.revision(engine, incidents.ACKNOWLEDGEMENTS)
    named = incidents.acknowledge(engine, OPEN.id, by="Lan", at=T + timedelta(seconds=5))
    assert named is not None
    assert named.state is IncidentState.ACKNOWLEDGED
    assert registry.revision(engine, incidents.ACKNOWLEDGEMENTS) == before + 1
    incidents.save(engine, [CLOSED], T + timedelta(seconds=10))
    kept = incidents.incident(engine, OPEN.id)
    assert kept is not None
    assert (kept.state, kept.acknowledged_by, kept.ended_at) == (IncidentState.CLOSED, "Lan", CLOSED.ended_at)


def test_what_does_not_exist_cannot_be_acknowledged(engine: Engine) -> None:
    assert incidents.acknowledge(engine, "none", by="Lan", at=T) is None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Incident,
        id=st.text("abc-.0123456789", min_size=1, max_size=100),
        site=st.just("a"),
        code=st.just("camera.black"),
        component=st.just("camera"),
        severity=st.sampled_from(Severity),
        state=st.sampled_from(IncidentState),
        place=st.sampled_from(Place),
        began_at=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),
        spans=st.just(()),
        figure=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        details=st.dictionaries(st.text("abc", min_size=1), st.floats(allow_nan=False, allow_infinity=False) | st.just("chữ"), max_size=3),
        times=st.integers(1, 1000),
    )
)
def test_any_incident_comes_back_the_same(engine: Engine, one: Incident) -> None:
    incidents.save(engine, [one], T)
    found = incidents.incident(engine, one.id)
    assert found is not None
    assert msgspec.structs.replace(found, acknowledged_by="", acknowledged_at=None) == one


@pytest.mark.parametrize("naive", [datetime(2026, 1, 1)])
def test_a_naive_time_is_refused(engine: Engine, naive: datetime) -> None:
    with pytest.raises(Exception, match="naive datetime"):
        incidents.save(engine, [msgspec.structs.replace(OPEN, began_at=naive)], T)
