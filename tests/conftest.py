"""Rules of the whole suite: who may run what, and where a test's requirement numbers live."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    not_root = pytest.mark.skip(reason="needs root: network namespaces or raw sockets")
    soak = pytest.mark.skip(reason="a soak; run it with make test-soak")
    wants_soak = "soak" in (config.option.markexpr or "")
    for item in items:
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(not_root)
        if item.get_closest_marker("soak") and not wants_soak:
            item.add_marker(soak)
