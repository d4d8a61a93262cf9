"""Rules of the whole suite: who may run what, and where a test's requirement numbers live."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# The gate tries the same examples every time, so that it fails for a change and never by luck; the soak tries new ones.
settings.register_profile("gate", derandomize=True)
settings.register_profile("soak", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    not_root = pytest.mark.skip(reason="needs root: network namespaces or raw sockets")
    for item in items:
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(not_root)
