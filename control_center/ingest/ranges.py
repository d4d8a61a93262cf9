"""Sets of sequence numbers as the ranges of an acknowledgement."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]
"""First and last number, both included."""


def to_ranges(numbers: Iterable[int]) -> tuple[Range, ...]:
    """The fewest ranges, ascending, that hold exactly `numbers`."""
    ranges: list[Range] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)
