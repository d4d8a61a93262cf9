"""Messages as a site sends them, and an empty store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from contract import messages, topics
from contract.messages import Lifecycle, Payload
from contract.topics import Kind, Topic
from control_center.ingest.intake import Accepted, Arrived, Refused, read

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class Post:
    """Writes messages of a site, as the broker delivers them."""

    at = AT

    def event(self, what: str = "started", *, cause: str = "") -> Lifecycle:
        return Lifecycle(what=what, at=AT, cause=cause)

    def arrived(
        self, payload: Payload, kind: Kind, seq: int = 1, *, site: str = "an-nhon", boot: str = "b1", rest: str = "", time: datetime = AT
    ) -> Arrived:
        encoded = messages.encode(Topic(site, kind, rest), payload, boot=boot, seq=seq, time=time)
        return Arrived(topics.site_topic(site, kind, rest), encoded, AT)

    def accepted(
        self, payload: Payload, kind: Kind, seq: int = 1, *, site: str = "an-nhon", boot: str = "b1", rest: str = "", time: datetime = AT
    ) -> Accepted:
        item = read(self.arrived(payload, kind, seq, site=site, boot=boot, rest=rest, time=time))
        assert isinstance(item, Accepted), item
        return item

    def refused(self, topic: str, payload: bytes) -> Refused:
        item = read(Arrived(topic, payload, AT))
        assert isinstance(item, Refused), item
        return item


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def engine(each_engine: Engine) -> Engine:
    return each_engine
