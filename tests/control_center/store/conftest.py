"""Every test of the store runs on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine


@pytest.fixture
def engine(each_engine: Engine) -> Engine:
    return each_engine
