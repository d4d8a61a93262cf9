"""Mosquitto as a child: up again when it dies, gone when we stop, no orphan in the way."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from control_center.broker import supervise
from control_center.broker.configuration import Listener, Plan
from control_center.broker.supervise import Broker, BrokerError, find_mosquitto

if TYPE_CHECKING:
    from tests.control_center.broker.conftest import Connect


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def a_plan(password: str = "secret") -> Plan:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return Plan((Listener(sock.getsockname()[1]),), {"an-nhon": password})


def answer(connect: Connect, plan: Plan, password: str = "secret") -> str:
    return connect(plan.listeners[0].port, user="an-nhon", password=password).answer


def test_a_killed_broker_is_started_again(tmp_path: Path, connect: Connect) -> None:
    plan = a_plan()
    broker = Broker(plan, tmp_path)
    broker.start()
    try:
        first = broker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: broker.restarts == 1 and broker.pid not in (None, first) and supervise._listens("127.0.0.1", plan.listeners[0].port))
        assert answer(connect, plan) == "Success"
    finally:
        broker.stop()
    assert broker.pid is None
    assert not supervise._listens("127.0.0.1", plan.listeners[0].port)


def test_a_broker_left_over_from_a_killed_run_is_ended_first(tmp_path: Path) -> None:
    plan = a_plan()
    orphan = Broker(plan, tmp_path)
    orphan.start()
    orphan._stopping.set()  # its supervisor no longer looks after it
    heir = Broker(plan, tmp_path)
    left = orphan.pid
    heir.start()
    try:
        assert orphan.pid is None
        assert heir.pid not in (None, left)
    finally:
        heir.stop()


def test_a_port_in_use_is_told_in_the_brokers_own_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = Broker(Plan((Listener(taken.getsockname()[1]),), {}), tmp_path)
        with pytest.raises(BrokerError, match="Address already in use"):
            broker.start()
    assert broker.pid is None


def test_a_new_account_is_taken_up_without_a_restart(tmp_path: Path, connect: Connect) -> None:
    plan = a_plan("old")
    broker = Broker(plan, tmp_path)
    broker.start()
    try:
        pid = broker.pid
        assert answer(connect, plan, "new") == "Not authorized"
        broker.reload(Plan(plan.listeners, {"an-nhon": "new"}))
        until(lambda: answer(connect, plan, "new") == "Success")
        assert broker.pid == pid
    finally:
        broker.stop()


def test_a_missing_program_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_kwargs: None)
    with pytest.raises(BrokerError, match="apt install mosquitto"):
        find_mosquitto()
