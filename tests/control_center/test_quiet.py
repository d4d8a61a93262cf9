"""Planned work: faults are written down and shown, nobody is alarmed, and what outlasts the work alarms like any other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from contract.findings import Severity
from control_center.board.alerts import incident_view
from control_center.incidents.model import Incident, IncidentState
from control_center.notify.notices import Notice
from control_center.notify.sender import Notifier
from control_center.quiet import Quiet
from control_center.store import incidents, maintenance, registry
from control_center.store.maintenance import Maintenance
from control_center.store.registry import Site

T = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPEN = Incident(
    id="i",
    site="a",
    code="camera.black",
    component="camera",
    severity=Severity.CRITICAL,
    state=IncidentState.OPEN,
    began_at=T,
    opened_at=T,
)
CLOSED = msgspec.structs.replace(OPEN, state=IncidentState.CLOSED, ended_at=T + timedelta(minutes=9))


@pytest.fixture
def engine(each_engine: Engine) -> Engine:
    registry.save_sites(each_engine, [Site(id="a", name="A", ssid=0), Site(id="b", name="B", ssid=0)])
    return each_engine


def work(engine: Engine, site: str = "a", begins_at: datetime = T - HOUR, ends_at: datetime = T + HOUR) -> Maintenance:
    return maintenance.plan(engine, Maintenance(site=site, begins_at=begins_at, ends_at=ends_at, reason="Thay camera", author="Ông Nam"))


class Hall:
    """A quiet over a store, with a clock to be set, and all that it handed on."""

    def __init__(self, engine: Engine) -> None:
        self.now = T
        self.told: list[Incident] = []
        self.quiet = Quiet(engine, self.told.extend, lambda: [OPEN], lambda: self.now)
        self.quiet.look()


@pytest.mark.req("R53")
def test_a_fault_inside_planned_work_is_marked_and_one_elsewhere_or_before_is_not(engine: Engine) -> None:
    work(engine)
    hall = Hall(engine)
    before = msgspec.structs.replace(OPEN, id="j", began_at=T - 2 * HOUR)
    hall.quiet.take([OPEN, CLOSED, msgspec.structs.replace(OPEN, site="b"), before])
    assert [one.maintenance for one in hall.told] == ["Thay camera", "Thay camera", "", ""]
    assert not incident_view(hall.told[0], "A").loud
    assert incident_view(hall.told[2], "A").loud


@pytest.mark.req("R53")
def test_what_outlasts_the_work_alarms_when_the_work_ends_and_only_once(engine: Engine) -> None:
    planned = work(engine)
    hall = Hall(engine)
    hall.quiet.take([OPEN])
    hall.quiet.mark_again()
    assert len(hall.told) == 1
    hall.now = planned.ends_at
    hall.quiet.mark_again()
    hall.quiet.mark_again()
    assert [one.maintenance for one in hall.told] == ["Thay camera", ""]


@pytest.mark.req("R53")
def test_work_that_is_planned_or_ended_meanwhile_is_noticed(engine: Engine) -> None:
    hall = Hall(engine)
    hall.quiet.take([OPEN])
    planned = work(engine)
    hall.quiet.look()
    hall.quiet.mark_again()
    maintenance.end(engine, planned.id, T)
    hall.quiet.look()
    hall.quiet.mark_again()
    assert [one.maintenance for one in hall.told] == ["", "Thay camera", ""]
    assert maintenance.windows(engine, ends_after=T) == []


@pytest.mark.req("R53")
def test_a_muted_incident_is_recorded_with_what_was_done_and_sent_to_nobody(engine: Engine) -> None:
    work(engine)
    hall = Hall(engine)
    hall.quiet.take([OPEN])
    incidents.save(engine, hall.told, T)
    stored = incidents.incident(engine, "i")
    assert stored is not None
    assert stored.maintenance == "Thay camera"
    sent: list[str] = []

    def send(notice: Notice) -> bool:
        sent.append(notice.title)
        return True

    notifier = Notifier(send, lambda one: Notice(f"{one.id} {one.state}", ""))
    notifier.start()
    muted, over = hall.told[0], msgspec.structs.replace(CLOSED, maintenance="Thay camera")
    for one in (muted, over, msgspec.structs.replace(OPEN, id="j"), msgspec.structs.replace(over, id="j")):
        notifier.take(one)
    notifier.stop()
    assert sent == ["j open", "j closed"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"ends_at": T}, "kết thúc sau"), ({"reason": " "}, "nội dung"), ({"author": ""}, "người lập"), ({"site": "x"}, "danh bạ")],
)
def test_work_that_cannot_be_is_refused_with_its_reason(engine: Engine, changes: dict[str, str], why: str) -> None:
    fields = {"site": "a", "begins_at": T, "ends_at": T + HOUR, "reason": "Thay camera", "author": "Ông Nam"}
    with pytest.raises(ValueError, match=why):
        maintenance.plan(engine, Maintenance(**(fields | changes)))  # type: ignore[arg-type]
