"""What the center does at night: figures are rolled up, so that the disk stays bounded."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from control_center.config import RetentionSettings
from control_center.meetings.working_days import VIETNAM
from control_center.store import figures
from control_center.store.figures import Tidied

log = logging.getLogger(__name__)


def next_night(now: datetime, at_hour: int) -> datetime:
    """The next time that it is `at_hour` o'clock in Vietnam."""
    local = now.astimezone(VIETNAM)
    tonight = local.replace(hour=at_hour, minute=0, second=0, microsecond=0)
    return (tonight if tonight > local else tonight + timedelta(days=1)).astimezone(now.tzinfo)


def tidy(engine: Engine, settings: RetentionSettings, now: datetime, stop: Callable[[], bool] = lambda: False) -> Tidied:
    """Roll up and forget what the settings say; blocking."""
    return figures.tidy(
        engine,
        minutes_before=now - timedelta(days=settings.minute_days),
        hours_before=now - timedelta(days=settings.hour_days),
        stop=stop,
    )


async def run(engine: Engine, settings: RetentionSettings, clock: Callable[[], datetime]) -> None:
    """Tidy every night, until cancelled; a night that fails is made up for by the next."""
    ended = threading.Event()
    try:
        while True:
            now = clock()
            await asyncio.sleep((next_night(now, settings.at_hour) - now).total_seconds())
            try:
                done = await asyncio.to_thread(tidy, engine, settings, clock(), ended.is_set)
                log.info("night: %d minutes rolled up to %d hours, %d old hours forgotten", *done)
            except SQLAlchemyError:
                log.exception("night: figures could not be rolled up; tried again next night")
    finally:
        ended.set()
