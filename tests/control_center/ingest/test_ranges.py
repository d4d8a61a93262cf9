"""Ranges of an acknowledgement."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from control_center.ingest.ranges import to_ranges


@given(st.lists(st.integers(0, 200)))
def test_ranges_hold_exactly_the_numbers(numbers: list[int]) -> None:
    ranges = to_ranges(numbers)
    assert {number for first, last in ranges for number in range(first, last + 1)} == set(numbers)


@given(st.sets(st.integers(0, 200)))
def test_ranges_ascend_and_no_two_touch(numbers: set[int]) -> None:
    ranges = to_ranges(numbers)
    assert all(first <= last for first, last in ranges)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


def test_an_example() -> None:
    assert to_ranges([5, 1, 2, 3, 9, 3, 10]) == ((1, 3), (5, 5), (9, 10))
