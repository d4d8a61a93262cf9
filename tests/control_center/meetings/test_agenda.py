from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contract.meetings import Meeting, Participation, Phase, Role
from control_center.incidents.rules import Duty
from control_center.meetings import agenda, plan

BEGINS = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)


def meeting(meeting_id: str, begins_at: datetime, *sites: str) -> Meeting:
    drawn = plan.draw(begins_at, begins_at + timedelta(hours=2), registered_at=begins_at - timedelta(days=14))
    parts = tuple(Participation(site=site, role=Role.BRANCH) for site in sites)
    return Meeting(id=meeting_id, title=meeting_id, organizer="o", plan=drawn, participations=parts)


EARLY, LATE = meeting("early", BEGINS, "a", "b"), meeting("late", BEGINS + timedelta(hours=2), "b", "c")


def test_each_site_does_what_weighs_most() -> None:
    found = agenda.duties([EARLY, LATE], BEGINS + timedelta(minutes=100))
    assert found == {"a": Duty("early", Phase.LIVE), "b": Duty("early", Phase.LIVE), "c": Duty("late", Phase.PRECHECK)}
    assert agenda.duties([EARLY, LATE], BEGINS - timedelta(days=10)) == {}


def test_the_board_shows_the_live_meeting_else_the_next_one_that_is_near() -> None:
    assert agenda.on_board([EARLY, LATE], BEGINS) == (Phase.LIVE, EARLY)
    assert agenda.on_board([LATE, EARLY], BEGINS - timedelta(hours=3)) == (Phase.IDLE, EARLY)
    assert agenda.on_board([EARLY, LATE], BEGINS - timedelta(days=10)) == (Phase.IDLE, None)


def test_a_sites_agenda_has_its_own_meetings_in_order_until_they_are_over() -> None:
    assert agenda.agenda_of("b", [LATE, EARLY], BEGINS).meetings == (EARLY, LATE)
    assert agenda.agenda_of("a", [LATE, EARLY], BEGINS).meetings == (EARLY,)
    assert agenda.agenda_of("b", [LATE, EARLY], BEGINS + timedelta(hours=3)).meetings == (LATE,)


def test_a_form_is_due_once_the_last_phase_is_over() -> None:
    day = timedelta(days=1)
    assert agenda.over([EARLY], BEGINS + timedelta(hours=2), day) == []
    assert agenda.over([EARLY], BEGINS + timedelta(hours=2, minutes=10), day) == [EARLY]
    assert agenda.over([EARLY], BEGINS + timedelta(days=3), day) == []
