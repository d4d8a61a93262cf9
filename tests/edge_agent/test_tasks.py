"""Parts of the daemon beside each other."""

from __future__ import annotations

import asyncio
import importlib.metadata

import pytest

from edge_agent import tasks
from edge_agent.daemon import VERSION
from edge_agent.tasks import Tasks


def test_a_part_that_breaks_is_begun_again_and_takes_nothing_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "RESTART_S", 0.0)

    async def live() -> None:
        began, again = 0, asyncio.Event()

        async def fragile() -> None:
            nonlocal began
            began += 1
            if began == 1:
                raise RuntimeError("broken")
            again.set()
            await asyncio.Event().wait()

        running = Tasks()
        running.keep_going(fragile, "fragile part")
        await asyncio.wait_for(again.wait(), 30)
        await running.end()
        assert began == 2
        assert len(asyncio.all_tasks()) == 1, "only this one is left"

    asyncio.run(live())
    assert "fragile part broke off" in caplog.text


def test_the_agent_tells_the_version_of_the_package() -> None:
    assert importlib.metadata.version("diemcau") == VERSION
