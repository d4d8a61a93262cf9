"""A database of its own for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from control_center.store import database


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = database.open_store(tmp_path)
    database.upgrade(opened, tmp_path / "backups", datetime(2026, 11, 2, tzinfo=UTC))
    yield opened
    opened.dispose()
