"""Several workers of the center share the sites' journal; one of them dies with messages in its hands."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.mqtt.conftest import Driver, House


def stored_events(folder: Path) -> Counter[str]:
    """How often each numbered event stands in the center's store."""
    with sqlite3.connect(folder / "center.sqlite") as db:
        rows = db.execute("SELECT data FROM events WHERE type = 'lifecycle'").fetchall()
    db.close()
    return Counter(json.loads(data)["what"] for (data,) in rows)


def ledger(folder: Path) -> list[str]:
    path = folder / "ledger"
    return path.read_text(encoding="ascii").split() if path.exists() else []


def worker(house: House, name: str) -> Driver:
    """A worker of the group; ready when the broker sends it messages."""
    log = house.folder / f"{name}.log"
    made = house.driver("ingest_driver.py", house.folder, house.center_port, "center", log=log)
    made.start()
    house.until(lambda: "ready at the broker" in log.read_text(encoding="utf-8"), f"worker {name}")
    return made


@pytest.mark.parametrize("blow", ["killed", "frozen, then killed"])
def test_a_worker_that_dies_takes_nothing_with_it_and_nothing_is_stored_twice(house: House, blow: str) -> None:
    """The broker may strand what it gave to the dead one (mosquitto#2662); the agent sends again what nobody acknowledged."""
    house.relay.mend()
    lost, left = worker(house, "lost"), worker(house, "left")
    agent = house.driver("agent_driver.py", house.folder, house.relay.port, "run", log=house.folder / "agent.log")
    agent.start()
    house.until(lambda: len(ledger(house.folder)) > 60, "a stream of events")
    if blow == "killed":
        lost.kill()
    else:
        child = lost._child
        assert child is not None
        os.kill(child.pid, signal.SIGSTOP)
        frozen_at = len(ledger(house.folder))
        house.until(lambda: len(ledger(house.folder)) > frozen_at + 60, "events that the frozen worker is given too")
        lost.kill()
    killed_at = len(ledger(house.folder))
    house.until(lambda: len(ledger(house.folder)) > killed_at + 60, "a stream after the death")
    agent.finish()
    left.finish()
    stored = stored_events(house.folder)
    assert set(ledger(house.folder)) <= stored.keys()
    assert set(stored.values()) == {1}
    alone = int((house.folder / "left.log").read_text(encoding="utf-8").rpartition("stored ")[2])
    assert 0 < alone < len(stored) + len(stored) // 3 + 10, "both had work: the other stored events and figures too"
