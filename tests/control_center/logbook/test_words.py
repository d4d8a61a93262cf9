"""Vietnamese instants and durations."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.readings import Failure
from control_center.logbook import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0 giây"),
        (0.74, "0,7 giây"),
        (2.0, "2 giây"),
        (9.94, "9,9 giây"),
        (9.96, "10 giây"),
        (22.4, "22 giây"),
        (60.0, "1 phút"),
        (65.0, "1 phút 5 giây"),
        (3600.0, "1 giờ"),
        (3665.0, "1 giờ 1 phút 5 giây"),
    ],
)
def test_durations_are_said_as_a_technician_says_them(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_longer_duration_is_never_said_as_a_shorter_one(one: float, other: float) -> None:
    def said_s(seconds: float) -> float:
        parts = words.duration(seconds).split(" ")
        scale = {"giờ": 3600, "phút": 60, "giây": 1}
        return sum(float(amount.replace(",", ".")) * scale[unit] for amount, unit in zip(parts[::2], parts[1::2], strict=True))

    short, long = sorted((one, other))
    assert said_s(short) <= said_s(long)
    assert abs(said_s(one) - one) <= 0.5


@pytest.mark.req("R55")
def test_times_are_those_of_vietnam_with_the_date_only_when_it_is_another_day() -> None:
    day = date(2026, 11, 23)
    assert words.clock(datetime(2026, 11, 22, 18, 0, 5, tzinfo=UTC), day) == "01:00:05"
    assert words.clock(datetime(2026, 11, 22, 16, 0, 5, tzinfo=UTC), day) == "23:00:05 ngày 22/11/2026"


def test_when_the_meeting_was_held_says_whose_clock_it_is() -> None:
    begin, end = datetime(2026, 11, 23, 1, 0, tzinfo=UTC), datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
    assert words.held(begin, end) == "từ 08:00 đến 10:30 ngày 23/11/2026 (giờ Việt Nam)"
    assert words.held(begin, end.replace(second=20)) == "từ 08:00:00 đến 10:30:20 ngày 23/11/2026 (giờ Việt Nam)"
    assert words.held(begin, end.replace(day=24)) == "từ 08:00 ngày 23/11/2026 đến 10:30 ngày 24/11/2026 (giờ Việt Nam)"


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_has_its_reason_in_words(failure: Failure) -> None:
    assert words.why_not_measured(failure).startswith(("Chưa kiểm tra: ", "Không trang bị"))
