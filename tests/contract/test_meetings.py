from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window, current

OPENING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def span(begins_s: float, ends_s: float) -> Window:
    return Window(begins_at=OPENING + timedelta(seconds=begins_s), ends_at=OPENING + timedelta(seconds=ends_s))


def meeting(identity: str, begins_s: float = 0) -> Meeting:
    plan = Plan(
        rehearsal=span(begins_s - 60, begins_s - 40),
        precheck=span(begins_s - 30, begins_s),
        live=span(begins_s, begins_s + 100),
        wrap_up=span(begins_s + 100, begins_s + 120),
    )
    return Meeting(id=identity, title=identity, organizer="", plan=plan, participations=(Participation(site="quy-nhon", role=Role.MAIN),))


@pytest.mark.parametrize(
    ("second", "phase"),
    [
        (-61, Phase.IDLE),
        (-60, Phase.REHEARSAL),
        (-40, Phase.IDLE),
        (-30, Phase.PRECHECK),
        (0, Phase.LIVE),
        (99.9, Phase.LIVE),
        (100, Phase.WRAP_UP),
        (120, Phase.IDLE),
    ],
)
def test_a_phase_holds_from_its_first_instant_until_before_its_last(second: float, phase: Phase) -> None:
    assert meeting("a").plan.phase_at(OPENING + timedelta(seconds=second)) is phase


def test_the_live_meeting_weighs_more_than_the_rehearsal_of_the_next() -> None:
    phase, which = current([meeting("next", begins_s=100), meeting("now")], OPENING + timedelta(seconds=50))
    assert phase is Phase.LIVE
    assert which is not None
    assert which.id == "now"


@given(st.floats(-200, 300))
def test_the_phase_changes_only_at_a_boundary(second: float) -> None:
    plan = meeting("a").plan
    instant = OPENING + timedelta(seconds=second)
    edges = plan.boundaries()
    before = max((edge for edge in edges if edge <= instant), default=None)
    expected = Phase.IDLE if before is None else plan.phase_at(before)
    assert plan.phase_at(instant) is expected


@pytest.mark.req("R1")
def test_a_site_is_main_in_one_meeting_and_branch_in_another() -> None:
    main = meeting("a")
    branch = Meeting(id="b", title="", organizer="", plan=main.plan, participations=(Participation(site="quy-nhon", role=Role.BRANCH),))
    assert main.role_of("quy-nhon") is Role.MAIN
    assert branch.role_of("quy-nhon") is Role.BRANCH
    assert branch.role_of("hoai-nhon") is None


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        span(10, 10)
