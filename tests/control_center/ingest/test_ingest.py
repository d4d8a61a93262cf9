"""The store's thread of ingest, without a broker."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from contract.topics import Kind
from control_center.ingest import BrokerAddress, Ingest, batch, ingest
from control_center.ingest.intake import Receipt

if TYPE_CHECKING:
    from tests.control_center.ingest.conftest import Post


def test_what_was_held_back_is_released_to_the_broker_when_a_programming_error_lets_it_go(
    engine: Engine, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is never released would count against what the broker may have on its way to us, until it sends nothing more."""
    released: queue.Queue[Receipt] = queue.Queue()
    troubles: Iterator[Exception] = iter([OSError("the disk refuses"), TypeError("a programming error")])

    def store(*_: object) -> None:
        raise next(troubles)

    monkeypatch.setattr(ingest, "RETRY_S", 0.01)
    monkeypatch.setattr(batch, "store", store)
    center = Ingest(BrokerAddress("127.0.0.1", 1), engine, lambda *_: None)
    monkeypatch.setattr(center._link, "acknowledge", released.put)
    sent = post.arrived(post.event(), Kind.EVENT)
    center._take(sent.topic, sent.payload, Receipt(5, 1))
    center._thread.start()
    try:
        assert released.get(timeout=30) == Receipt(5, 1)
    finally:
        center.stop()
