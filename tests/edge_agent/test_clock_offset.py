"""Offset of the clock from the center's: right within half of a round trip, whatever the ways; a clock that is set is noticed at once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock_offset import ClockOffset

MS = 1_000_000
START_NS = 1_790_000_000 * 1_000 * MS

pytestmark = pytest.mark.req("R48")

WAYS_MS = st.floats(0.01, 400)


def exchange(clock: ClockOffset, at_ns: int, offset_ms: float, there_ms: float, back_ms: float, held_ms: float = 0.05) -> None:
    """One exchange of true times; our clock is ahead by the offset."""
    ahead = round(offset_ms * MS)
    arrived = at_ns + round(there_ms * MS)
    left = arrived + round(held_ms * MS)
    clock.add(at_ns + ahead, arrived, left, left + round(back_ms * MS) + ahead)


def test_nothing_is_known_before_the_first_exchange() -> None:
    assert ClockOffset().now is None


@given(st.floats(-90_000, 90_000), st.lists(st.tuples(WAYS_MS, WAYS_MS), min_size=1, max_size=60))
def test_the_true_offset_is_within_the_error_however_the_ways_differ(offset_ms: float, ways: list[tuple[float, float]]) -> None:
    clock = ClockOffset()
    for count, (there_ms, back_ms) in enumerate(ways):
        exchange(clock, START_NS + count * 1000 * MS, offset_ms, there_ms, back_ms)
    told = clock.now
    assert told is not None
    assert abs(told.offset_ms - offset_ms) <= told.error_ms + 0.002
    kept = ways[-32:]
    assert told.error_ms <= min(there + back for there, back in kept) / 2 + 0.51


@given(st.lists(st.floats(-100_000, 100_000), min_size=2, max_size=5, unique=True))
def test_a_clock_that_is_set_is_known_anew_with_the_next_exchange(offsets: list[float]) -> None:
    clock = ClockOffset()
    for count, (before, offset_ms) in enumerate(pairwise([0.0, *offsets])):
        for step in range(10):
            exchange(clock, START_NS + (count * 10 + step) * 1000 * MS, offset_ms, 5, 5)
        if abs(offset_ms - before) > 12:
            told = clock.now
            assert told is not None
            assert told.offset_ms == pytest.approx(offset_ms, abs=6)


def test_a_clock_set_between_sending_and_hearing_spoils_nothing() -> None:
    clock = ClockOffset()
    exchange(clock, START_NS, 100, 5, 5)
    clock.add(START_NS + 60_000 * MS, START_NS, START_NS, START_NS)
    told = clock.now
    assert told is not None
    assert told.offset_ms == pytest.approx(100, abs=0.01)


def test_drifting_clocks_are_followed() -> None:
    clock = ClockOffset()
    for second in range(600):
        exchange(clock, START_NS + second * 1000 * MS, second * 0.1, 1, 1)  # 100 ppm, worse than a PC's quartz
    told = clock.now
    assert told is not None
    assert told.offset_ms == pytest.approx(59.9, abs=3.5)
