"""Nights come once a day, at the hour that is configured."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from control_center import housekeeping
from control_center.config import RetentionSettings
from control_center.store import figures

NIGHT = datetime(2026, 11, 2, 19, 0, tzinfo=UTC)  # two o'clock in Vietnam


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (NIGHT - timedelta(seconds=1), NIGHT),
        (NIGHT, NIGHT + timedelta(days=1)),
        (NIGHT + timedelta(hours=20), NIGHT + timedelta(days=1)),
    ],
)
def test_the_next_night_is_always_ahead(now: datetime, night: datetime) -> None:
    assert housekeeping.next_night(now, 2) == night


def test_every_night_is_tidied_with_what_is_configured(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[datetime, datetime]] = []
    done = asyncio.Event()
    loop: asyncio.AbstractEventLoop

    def tidy(_engine: Engine, *, minutes_before: datetime, hours_before: datetime, stop: object) -> figures.Tidied:
        del stop
        asked.append((minutes_before, hours_before))
        loop.call_soon_threadsafe(done.set)
        return figures.Tidied()

    monkeypatch.setattr(figures, "tidy", tidy)

    async def one_night() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        clock = iter([NIGHT - timedelta(milliseconds=1), NIGHT, NIGHT])
        task = asyncio.create_task(housekeeping.run(engine, RetentionSettings(minute_days=2, hour_days=30), lambda: next(clock)))
        await done.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(one_night())
    assert asked == [(NIGHT - timedelta(days=2), NIGHT - timedelta(days=30))]
