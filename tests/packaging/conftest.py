"""The builder lies below packaging/, which is no package of ours by that name: PyPI's `packaging` is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "packaging"))


@pytest.fixture(scope="session")
def folder() -> Path:
    return REPOSITORY / "packaging"
