"""``python -m bench.store``: how fast the store takes what sites send, how large it grows, how long a backup takes.

A row of figures holds `--metrics` rolled-up figures, as a site sends one every minute.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from contract import messages
from contract.messages import Figures, Rollup
from contract.topics import Kind, Topic, site_topic
from control_center.ingest import batch
from control_center.ingest.ingest import BATCH
from control_center.ingest.intake import Accepted, Arrived, read
from control_center.store import archive, database

BEGAN_AT = datetime(2026, 3, 2, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rows", type=int, default=100_000)
    words.add_argument("--metrics", type=int, default=30, help="figures in a row")
    words.add_argument("--url", default="", help="an empty database; default: an SQLite file in a temporary folder")
    options = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.url, options.rows, options.metrics)


def measure(folder: Path, url: str, rows: int, metrics: int) -> None:
    """Fill a database, weigh it, back it up."""
    engine = database.open_store(folder, url)
    database.upgrade(engine, folder, BEGAN_AT)
    spent_s = 0.0
    for first in range(0, rows, BATCH):
        taken = [_row(number, metrics) for number in range(first, min(first + BATCH, rows))]
        began_s = time.perf_counter()
        with engine.begin() as connection:
            batch.store(connection, taken, [])
        spent_s += time.perf_counter() - began_s
    print(f"{engine.dialect.name}: {rows / spent_s:.0f} rows a second in batches of {BATCH}")
    print(f"{_size(engine, folder) / rows:.0f} bytes a row of {metrics} figures, indexes included")
    began_s = time.perf_counter()
    made = archive.write(archive.Origin(directory=folder, url=url, version=""), {}, folder / "backup.tar.gz", BEGAN_AT)
    print(f"backup: {time.perf_counter() - began_s:.1f} s, {made.stat().st_size / rows:.0f} bytes a row")
    began_s = time.perf_counter()
    archive.check(made)
    print(f"check of the backup: {time.perf_counter() - began_s:.1f} s")
    engine.dispose()


def _row(number: int, metrics: int) -> Accepted:
    site, minute = f"site-{number % 200}", number // 200
    begins_at = BEGAN_AT + timedelta(minutes=minute)
    rollups = tuple(
        Rollup(
            metric=f"link.rtt_ms_{index}",
            unit="ms",
            target="gateway",
            count=60,
            minimum=2.5,
            p50=3.1 + index,
            p95=4.7,
            p99=9.25,
            maximum=12.125,
        )
        for index in range(metrics)
    )
    figures = Figures(begins_at=begins_at, ends_at=begins_at + timedelta(minutes=1), rollups=rollups)
    encoded = messages.encode(Topic(site, Kind.FIGURES), figures, boot="b1", seq=minute + 1, time=begins_at)
    item = read(Arrived(site_topic(site, Kind.FIGURES), encoded, begins_at))
    if not isinstance(item, Accepted):
        raise TypeError(item.detail if item is not None else "nothing was read")
    return item


def _size(engine: Engine, folder: Path) -> int:
    if engine.dialect.name == "sqlite":
        return sum(path.stat().st_size for path in folder.glob(f"{database.FILE}*"))
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


if __name__ == "__main__":
    main()
