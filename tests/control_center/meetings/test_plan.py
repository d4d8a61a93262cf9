from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.meetings import Phase
from control_center.meetings import plan
from control_center.meetings.plan import Lead, Leads, PlanError
from control_center.meetings.working_days import VIETNAM


def vietnam(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM).astimezone(UTC)


MONDAY = vietnam("2026-11-16T08:00")
WEEKS_BEFORE = vietnam("2026-11-02T09:00")


@pytest.mark.req("R25", "R32")
def test_the_regulations_defaults_rehearsal_one_working_day_before_and_a_check_half_an_hour_before() -> None:
    drawn = plan.draw(MONDAY, MONDAY + timedelta(hours=2), registered_at=WEEKS_BEFORE)
    assert drawn.rehearsal is not None
    assert drawn.rehearsal.begins_at == vietnam("2026-11-13T08:00")
    assert drawn.rehearsal.ends_at == vietnam("2026-11-13T09:00")
    assert (drawn.precheck.begins_at, drawn.precheck.ends_at) == (vietnam("2026-11-16T07:30"), MONDAY)
    assert (drawn.wrap_up.begins_at, drawn.wrap_up.ends_at) == (vietnam("2026-11-16T10:00"), vietnam("2026-11-16T10:10"))


def test_phases_that_last_seconds_are_planned_by_the_same_rules() -> None:
    leads = Leads(
        rehearsal_lead=plan.lead("24s"),
        rehearsal_length=plan.span("12s"),
        precheck_lead=plan.lead("12s"),
        wrap_up_length=plan.span("10s"),
    )
    begins = WEEKS_BEFORE + timedelta(seconds=27)
    drawn = plan.draw(begins, begins + timedelta(seconds=52), registered_at=WEEKS_BEFORE, leads=leads)
    phases = [drawn.phase_at(WEEKS_BEFORE + timedelta(seconds=second)) for second in (0, 4, 16, 28, 80, 90)]
    assert phases == [Phase.IDLE, Phase.REHEARSAL, Phase.PRECHECK, Phase.LIVE, Phase.WRAP_UP, Phase.IDLE]


@pytest.mark.req("R21")
def test_an_emergency_has_no_rehearsal_and_its_checks_begin_at_once() -> None:
    drawn = plan.draw(MONDAY, MONDAY + timedelta(hours=1), registered_at=MONDAY - timedelta(hours=3), emergency=True)
    assert drawn.rehearsal is None
    assert drawn.precheck.begins_at == MONDAY - timedelta(hours=3)


def test_a_rehearsal_that_would_lie_in_the_past_is_held_at_once() -> None:
    friday_evening = vietnam("2026-11-13T17:00")
    drawn = plan.draw(MONDAY, MONDAY + timedelta(hours=1), registered_at=friday_evening)
    assert drawn.rehearsal is not None
    assert drawn.rehearsal.begins_at == friday_evening


def test_a_rehearsal_is_left_out_when_there_is_no_time_before_the_check() -> None:
    drawn = plan.draw(MONDAY, MONDAY + timedelta(hours=1), registered_at=MONDAY - timedelta(minutes=10))
    assert drawn.rehearsal is None


@pytest.mark.parametrize(
    ("begins", "ends", "leads", "words"),
    [
        (MONDAY, MONDAY, Leads(), "kết thúc trước khi bắt đầu"),
        (WEEKS_BEFORE - timedelta(hours=3), WEEKS_BEFORE - timedelta(hours=1), Leads(), "đã kết thúc trước khi đăng ký"),
        (MONDAY, MONDAY + timedelta(hours=1), Leads(precheck_lead=Lead()), "phải bắt đầu trước giờ khai mạc"),
        (MONDAY, MONDAY + timedelta(hours=1), Leads(rehearsal_lead=plan.lead("20m")), "buổi kiểm duyệt phải bắt đầu trước"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_its_reason(begins: datetime, ends: datetime, leads: Leads, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        plan.draw(begins, ends, registered_at=WEEKS_BEFORE, leads=leads)


@pytest.mark.parametrize("text", ["", "1", "d", "1w", "-5m", "1.5h", "m30"])
def test_what_is_no_lead_is_refused(text: str) -> None:
    with pytest.raises(PlanError):
        plan.lead(text)


@pytest.mark.parametrize("text", ["1d", "0s"])
def test_a_length_is_no_working_day_and_not_nothing(text: str) -> None:
    with pytest.raises(PlanError):
        plan.span(text)


@pytest.mark.req("R20")
def test_late_is_less_than_three_working_days_ahead_and_says_by_when_it_was_due() -> None:
    assert plan.late(MONDAY, registered_at=vietnam("2026-11-11T23:00")) == ""
    assert "11/11/2026" in plan.late(MONDAY, registered_at=vietnam("2026-11-12T00:30"))


@pytest.mark.req("R21")
def test_an_emergency_is_late_below_three_hours() -> None:
    assert plan.late(MONDAY, registered_at=MONDAY - timedelta(hours=3), emergency=True) == ""
    assert "2 giờ 59 phút" in plan.late(MONDAY, registered_at=MONDAY - timedelta(hours=2, minutes=59), emergency=True)


@pytest.mark.req("R22")
def test_a_duty_is_due_at_the_end_of_the_next_working_day() -> None:
    assert plan.duty_due(vietnam("2026-11-13T16:00")) == vietnam("2026-11-16T23:59:59")


@given(st.integers(0, 40 * 24 * 60), st.integers(1, 600), st.booleans(), st.integers(1, 120))
def test_phases_come_in_order_and_never_before_the_registration_unless_the_check_does(
    ahead_min: int, length_min: int, emergency: bool, lead_min: int
) -> None:
    begins = WEEKS_BEFORE + timedelta(minutes=ahead_min)
    leads = Leads(precheck_lead=Lead(span=timedelta(minutes=lead_min)))
    drawn = plan.draw(begins, begins + timedelta(minutes=length_min), registered_at=WEEKS_BEFORE, emergency=emergency, leads=leads)
    assert drawn.precheck.ends_at == drawn.live.begins_at
    assert drawn.wrap_up.begins_at == drawn.live.ends_at
    assert drawn.boundaries() == sorted(drawn.boundaries())
    if drawn.rehearsal is not None:
        assert not emergency
        assert drawn.rehearsal.ends_at <= drawn.precheck.begins_at
        assert drawn.rehearsal.ends_at > WEEKS_BEFORE
