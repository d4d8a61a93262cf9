"""Kill what can be killed, cut what can be cut: every event arrives, none is stored twice."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.mqtt.conftest import Driver, House


def stored_events(folder: Path) -> Counter[str]:
    """How often each numbered event stands in the center's store."""
    with sqlite3.connect(folder / "center.sqlite") as db:
        rows = db.execute("SELECT data FROM events WHERE type = 'lifecycle'").fetchall()
        db.execute("SELECT site, boot, seq FROM figures").fetchall()
    db.close()
    return Counter(json.loads(data)["what"] for (data,) in rows)


class Round:
    """An agent that writes events through a relay and a broker to a center, and what befalls them."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.random = random.Random(seed)
        self.log = house.folder / "log"
        self.runs = 0
        self.center: Driver = house.driver("ingest_driver.py", house.folder, house.center_port, log=self.log)
        self.center.start()
        self.agent: Driver = self._new_agent()
        self.befell: list[str] = []

    def _new_agent(self) -> Driver:
        self.runs += 1
        agent = self.house.driver("agent_driver.py", self.house.folder, self.house.relay.port, f"run{self.runs}", log=self.log)
        agent.start()
        return agent

    def kill_agent(self) -> None:
        self.agent.kill()
        self.agent = self._new_agent()

    def kill_center(self) -> None:
        self.center.kill()
        self.center.start()

    def kill_broker(self) -> None:
        self.house.kill_broker()

    def cut_link(self) -> None:
        self.house.relay.cut()
        time.sleep(self.random.uniform(0.1, 0.8))
        self.house.relay.mend()

    def freeze_link(self) -> None:
        self.house.relay.freeze()
        time.sleep(self.random.uniform(0.1, 0.8))
        self.house.relay.mend()

    def play(self) -> None:
        blows: list[Callable[[], None]] = [self.kill_agent, self.kill_center, self.kill_broker, self.cut_link, self.freeze_link]
        self.random.shuffle(blows)
        self.house.until(lambda: len(self.ledger()) > 20, "the agent's first events")
        for blow in blows[: self.random.randint(3, 5)]:
            time.sleep(self.random.uniform(0.0, 0.5))
            self.befell.append(blow.__name__)
            blow()
        known = len(self.ledger())
        self.house.until(lambda: len(self.ledger()) > known + 10, "events after the last blow")
        self.agent.finish()
        self.center.finish()

    def ledger(self) -> list[str]:
        """Events of which the agent knew that they were on disk; a line cut off by a kill does not count."""
        path = self.house.folder / "ledger"
        return [line.strip() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")] if path.exists() else []

    def close(self) -> None:
        self.agent.kill()
        self.center.kill()


def play_round(house: House, seed: int) -> None:
    one = Round(house, seed)
    try:
        one.play()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, {one.befell}: {error}\n{one.agent.tail()}") from error
    finally:
        one.close()
    stored = stored_events(house.folder)
    missing = set(one.ledger()) - stored.keys()
    assert not missing, f"seed {seed}, {one.befell}: {len(missing)} of {len(one.ledger())} events are lost"
    twice = [name for name, count in stored.items() if count > 1]
    assert not twice, f"seed {seed}, {one.befell}: stored twice: {twice[:10]}"
    assert len(stored) >= 30


@pytest.mark.req("R11")
@pytest.mark.parametrize("seed", range(10))
def test_every_event_arrives_and_none_twice(house: House, seed: int) -> None:
    play_round(house, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_every_event_arrives_and_none_twice_in_a_hundred_rounds(house: House, seed: int) -> None:
    play_round(house, seed)


def test_a_link_cut_for_long_is_made_up_for_in_order(house: House) -> None:
    """What was written while the link was away arrives after it, oldest first."""
    one = Round(house, 0)
    try:
        house.until(lambda: len(one.ledger()) > 10, "the agent's first events")
        house.relay.cut()
        known = len(one.ledger())
        house.until(lambda: len(one.ledger()) > known + 300, "events while the link is away")
        house.relay.mend()
        one.agent.finish()
        one.center.finish()
    finally:
        one.close()
    with sqlite3.connect(house.folder / "center.sqlite") as db:
        numbers = [seq for (seq,) in db.execute("SELECT seq FROM events ORDER BY received_at, seq")]
    db.close()
    assert set(one.ledger()) == set(stored_events(house.folder))
    assert numbers == sorted(numbers)
