"""Suspicions over time become one event each."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from probes.camera.events import Event, EventFold
from probes.camera.suspicion import Suspicion

STEP_S = 0.1
BLACK, FROZEN, SIZE = (
    Suspicion("camera.black", 99, 98, "%"),
    Suspicion("camera.frozen", 0.01, 0.09),
    Suspicion("camera.low_resolution", 480, 720),
)


def folded(seen: list[list[Suspicion]]) -> list[Event]:
    fold = EventFold(confirm_s=2.0, clear_s=1.0)
    for number, suspicions in enumerate(seen):
        fold.push(number * STEP_S, (number + 1) * STEP_S, suspicions)
    return fold.finish()


def spans(*lengths: int) -> list[list[Suspicion]]:
    """Black and well in turn, beginning with black; lengths in moments."""
    return [[BLACK] if number % 2 == 0 else [] for number, length in enumerate(lengths) for _ in range(length)]


def test_a_fault_that_lasts_is_one_event_with_its_times() -> None:
    (event,) = folded(spans(0, 50, 40, 50))
    assert (round(event.started_at_s, 3), round(event.ended_at_s, 3), round(event.detected_at_s, 3)) == (5.0, 9.0, 7.0)


def test_what_is_short_is_no_event_and_an_odd_frame_does_not_break_one() -> None:
    assert folded(spans(15, 30, 15)) == []
    assert len(folded(spans(10, 2, 30))) == 1


def test_a_confirmed_fault_that_returns_within_the_clearing_time_is_the_same_event() -> None:
    assert len(folded(spans(30, 8, 30))) == 1
    assert len(folded(spans(30, 15, 30))) == 2


def test_one_frame_that_moved_ends_standing_still_that_is_not_certain_yet() -> None:
    assert folded([[FROZEN]] * 3 + [[]] + [[FROZEN]] * 3) == []
    (event,) = folded([[]] * 25 + [[FROZEN]] * 25)
    assert round(event.started_at_s, 3) == 0.6, "stillness is told against two seconds before"


def test_the_format_needs_no_confirmation() -> None:
    (event,) = folded([[SIZE]] * 3)
    assert event.detected_at_s == STEP_S


@given(st.lists(st.booleans(), max_size=200))
def test_a_recording_cut_at_the_moment_of_detection_yields_the_same_event(blacks: list[bool]) -> None:
    seen = [[BLACK] if black else [] for black in blacks]
    for event in folded(seen):
        until = round(event.detected_at_s / STEP_S)
        assert event.started_at_s <= event.detected_at_s <= event.ended_at_s + 1e-9
        again = [other for other in folded(seen[:until]) if other.started_at_s == event.started_at_s]
        assert [other.detected_at_s for other in again] == [event.detected_at_s]


@given(st.lists(st.booleans(), max_size=200))
def test_events_of_one_fault_never_overlap(blacks: list[bool]) -> None:
    events = folded([[BLACK] if black else [] for black in blacks])
    for before, after in pairwise(events):
        assert before.ended_at_s < after.started_at_s
