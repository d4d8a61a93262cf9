"""What systemd hears of the center, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from contract import systemd
from control_center import watchdog


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words: list[str] = []
    monkeypatch.setattr(watchdog, "PERIOD_S", 0.0)
    monkeypatch.setattr(systemd, "notify", lambda *lines: words.extend(lines))
    return words


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def watched(told: list[str], play: Callable[[asyncio.Event, dict[str, bool]], object], *, patience_s: float = 60.0) -> list[str]:
    async def run() -> None:
        board, holds = asyncio.Event(), {"connected": False, "alive": True}
        task = asyncio.create_task(watchdog.tell(board, lambda: holds["connected"], lambda: holds["alive"], patience_s=patience_s))
        await play(board, holds)  # type: ignore[misc]
        task.cancel()

    asyncio.run(run())
    return told


def test_ready_is_told_when_the_board_listens_and_the_broker_has_us(told: list[str]) -> None:
    async def play(board: asyncio.Event, holds: dict[str, bool]) -> None:
        holds["connected"] = True
        await asyncio.sleep(0.05)
        assert told == [], "the board does not listen yet"
        board.set()
        await until(lambda: "WATCHDOG=1" in told)

    assert watched(told, play)[:2] == ["READY=1", "STATUS=board up, broker connected"]


def test_a_broker_that_stays_away_does_not_keep_the_board_from_being_there(told: list[str]) -> None:
    async def play(board: asyncio.Event, _holds: dict[str, bool]) -> None:
        board.set()
        await until(lambda: "WATCHDOG=1" in told)

    assert watched(told, play, patience_s=0.05)[:2] == ["READY=1", "STATUS=board up, broker not connected"]


def test_a_dead_thread_leaves_the_watchdog_untold(told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    async def play(board: asyncio.Event, holds: dict[str, bool]) -> None:
        holds.update(connected=True, alive=False)
        board.set()
        await until(lambda: caplog.records)
        for _ in range(10):
            await asyncio.sleep(0)

    assert "WATCHDOG=1" not in watched(told, play)
    assert len(caplog.records) == 1
