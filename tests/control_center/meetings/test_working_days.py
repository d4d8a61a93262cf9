from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_center.meetings.working_days import exceptions, is_working_day, shift

DAYS = st.dates(min_value=date(2025, 1, 1), max_value=date(2028, 12, 31))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 1, 1), False),
        (date(2026, 1, 2), False),  # swapped
        (date(2026, 1, 5), True),
        (date(2026, 1, 10), True),  # the Saturday that makes up for it
        (date(2026, 2, 17), False),  # Tết
        (date(2026, 4, 30), False),
        (date(2026, 9, 2), False),
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),  # Saturday
    ],
)
@pytest.mark.req("R20")
def test_vietnams_calendar_with_its_swapped_days(day: date, works: bool) -> None:
    assert is_working_day(day) is works


@pytest.mark.req("R20")
def test_three_working_days_before_a_monday_is_the_wednesday_before() -> None:
    assert shift(date(2026, 11, 16), -3) == date(2026, 11, 11)
    assert shift(date(2026, 2, 23), -1) == date(2026, 2, 13)  # over Tết and its weekends


@given(DAYS, st.integers(min_value=1, max_value=30))
def test_a_shift_lands_on_a_working_day_and_skips_exactly_as_many(day: date, count: int) -> None:
    later, earlier = shift(day, count), shift(day, -count)
    assert is_working_day(later)
    assert is_working_day(earlier)
    assert sum(is_working_day(date.fromordinal(one)) for one in range(day.toordinal() + 1, later.toordinal() + 1)) == count
    assert sum(is_working_day(date.fromordinal(one)) for one in range(earlier.toordinal(), day.toordinal())) == count


def test_a_wrong_file_of_exceptions_is_named(tmp_path: Path) -> None:
    file = tmp_path / "days.toml"
    file.write_text('[[day]]\ndate = 2026-01-02\nworks = "no"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"days\.toml: day 1: needs a date and works"):
        exceptions(file)
