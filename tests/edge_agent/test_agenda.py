"""Agenda: meetings and an instant → phase, next change, wanted check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.meetings import Meeting, Participation, Phase, Plan, Role, Window
from edge_agent.agenda import DEFAULT_PERIODS_S, outlook, period_s
from probes.registry import PROBES

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def meeting(name: str, start: datetime, unit: timedelta = timedelta(minutes=10)) -> Meeting:
    def window(first: int, last: int) -> Window:
        return Window(begins_at=start + first * unit, ends_at=start + last * unit)

    plan = Plan(rehearsal=window(0, 1), precheck=window(2, 3), live=window(3, 6), wrap_up=window(6, 7))
    return Meeting(id=name, title=name, organizer="UBND", plan=plan, participations=(Participation(site="a", role=Role.MAIN),))


def test_nothing_planned_is_idle_for_ever() -> None:
    seen = outlook((), T0)
    assert (seen.phase, seen.meeting, seen.changes_at, seen.check) == (Phase.IDLE, None, None, "")


@pytest.mark.req("R25", "R32", "R37")
@pytest.mark.parametrize(
    ("minutes", "phase", "check"),
    [
        (-1, Phase.IDLE, ""),
        (0, Phase.REHEARSAL, "m/rehearsal"),
        (10, Phase.IDLE, ""),
        (20, Phase.PRECHECK, "m/precheck"),
        (30, Phase.LIVE, ""),
        (60, Phase.WRAP_UP, "m/wrap_up"),
        (70, Phase.IDLE, ""),
    ],
)
def test_each_phase_asks_for_its_check(minutes: int, phase: Phase, check: str) -> None:
    seen = outlook([meeting("m", T0)], T0 + timedelta(minutes=minutes))
    assert (seen.phase, seen.check) == (phase, check)


def test_live_outweighs_the_rehearsal_of_another_meeting() -> None:
    both = [meeting("b", T0 + timedelta(minutes=30)), meeting("a", T0)]
    seen = outlook(both, T0 + timedelta(minutes=35))
    assert (seen.phase, seen.meeting_id) == (Phase.LIVE, "a")


@given(st.lists(st.integers(-300, 300), max_size=5), st.integers(-400, 400))
def test_the_phase_holds_until_the_next_change(starts: list[int], minute: int) -> None:
    meetings = [meeting(f"m{n}", T0 + timedelta(minutes=start)) for n, start in enumerate(starts)]
    now = T0 + timedelta(minutes=minute)
    seen = outlook(meetings, now)
    last = now + timedelta(days=2) if seen.changes_at is None else seen.changes_at - timedelta(microseconds=1)
    assert last >= now
    for instant in (now, now + (last - now) / 2, last):
        assert (outlook(meetings, instant).phase, outlook(meetings, instant).meeting_id) == (seen.phase, seen.meeting_id)


def test_every_probe_has_a_period_in_every_phase_and_live_is_no_slower_than_idle() -> None:
    for name in PROBES:
        for phase in Phase:
            assert name in DEFAULT_PERIODS_S[phase]
        assert period_s(DEFAULT_PERIODS_S, Phase.LIVE, name) <= period_s(DEFAULT_PERIODS_S, Phase.IDLE, name)


def test_a_probe_that_the_table_does_not_know_still_looks() -> None:
    assert period_s(DEFAULT_PERIODS_S, Phase.LIVE, "brand-new") > 0
