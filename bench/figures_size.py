"""How much room a site's figures take: ``python -m bench.figures_size``. A day of every metric that the catalog knows."""

from __future__ import annotations

import math
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Engine, insert, text

from contract.catalog import METRICS
from contract.messages import Figures, Rollup
from control_center.store import database, figures
from control_center.store.journal import FiguresRow

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = 1440


def _figures(minute: int) -> Figures:
    begins_at = BEGIN + timedelta(minutes=minute)
    told = [(name, target) for name in METRICS for target in (("gateway", "mcu", "center") if name.startswith("link.") else ("",))]
    lines = []
    for number, (name, target) in enumerate(told):
        low = round(10 + 3 * math.sin(minute / 60 + number), 3)
        high = round(low * 1.7, 3)
        lines.append(
            Rollup(
                metric=name,
                unit=METRICS[name].unit,
                count=60,
                target=target,
                minimum=low,
                p50=low + 1,
                p95=high - 1,
                p99=high,
                maximum=high,
            )
        )
    return Figures(begins_at=begins_at, ends_at=begins_at + timedelta(minutes=1), rollups=tuple(lines))


def _bytes(engine: Engine) -> int:
    """Pages in use: the file keeps freed ones for what comes next."""
    with engine.connect() as connection:
        pages, free, size = (
            connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = database.open_store(folder)
        database.upgrade(engine, folder, BEGIN)
        empty = _bytes(engine)
        rows = [
            {
                "site": "a",
                "boot": "b",
                "seq": minute,
                "meeting": "",
                "time": told.begins_at,
                "begins_at": told.begins_at,
                "ends_at": told.ends_at,
                "received_at": told.ends_at,
                "data": msgspec.json.encode(told).decode(),
            }
            for minute in range(MINUTES)
            for told in [_figures(minute)]
        ]
        with engine.begin() as connection:
            connection.execute(insert(FiguresRow), rows)
        day = _bytes(engine) - empty
        began = time.process_time()
        figures.tidy(engine, minutes_before=BEGIN + timedelta(days=2), hours_before=BEGIN)
        took_s = time.process_time() - began
        rolled = _bytes(engine) - empty
        engine.dispose()
    print(f"{len(_figures(0).rollups)} lines a minute")
    print(
        f"a site: {day / 1e6:.1f} MB a day of minutes, {rolled * 365 / 1e6:.0f} MB a year of hours; {took_s:.2f} s of CPU to roll up a day"
    )
    week_gb, year_gb = day * 7 * 200 / 1e9, rolled * 365 * 200 / 1e9
    print(f"200 sites: {week_gb:.1f} GB for 7 days of minutes, {year_gb:.1f} GB for a year of hours")


if __name__ == "__main__":
    main()
