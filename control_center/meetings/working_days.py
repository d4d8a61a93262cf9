"""Working days of Vietnam: weekends, public holidays, and a dated file of exceptions."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
EXCEPTIONS = Path(__file__).with_name("working_days.toml")


@cache
def exceptions(file: Path = EXCEPTIONS) -> Mapping[date, bool]:
    """Days that are declared by hand: whether each is a working day.

    Raises:
        ValueError: naming the file and the entry that cannot be read.
    """
    days = {}
    for number, entry in enumerate(tomllib.loads(file.read_text(encoding="utf-8")).get("day", []), 1):
        day, works = entry.get("date"), entry.get("works")
        if type(day) is not date or not isinstance(works, bool):
            raise ValueError(f"{file}: day {number}: needs a date and works = true or false")
        days[day] = works
    return days


@cache
def _holidays(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Public holidays of a year, and the weekend days that are worked instead."""
    import holidays  # noqa: PLC0415 -- slow to import, and not needed by a program that registers nothing

    vietnam = holidays.country_holidays("VN", years=year)
    return frozenset(vietnam), frozenset(day for day in getattr(vietnam, "weekend_workdays", ()) if day.year == year)


def is_working_day(day: date) -> bool:
    """Whether public servants work on this day."""
    declared = exceptions().get(day)
    if declared is not None:
        return declared
    off, worked = _holidays(day.year)
    return day in worked or (day.weekday() < 5 and day not in off)


def shift(day: date, working_days: int) -> date:
    """The day so many working days after (before, if negative) `day`, which itself does not count."""
    step = timedelta(days=1 if working_days > 0 else -1)
    left = abs(working_days)
    while left:
        day += step
        left -= is_working_day(day)
    return day
