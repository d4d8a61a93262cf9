"""The center's end against a real broker: acknowledged after the commit, bad input put aside, told again after a loss."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from sqlalchemy import Engine, func, select, text

from contract import messages, topics
from contract.messages import MAX_PAYLOAD_BYTES, Ack, Agenda, Command, Heartbeat, Lifecycle, Message, Presence, Status
from contract.topics import Kind, Topic, site_topic
from control_center.ingest import BrokerAddress, Ingest
from control_center.store.base import Base, open_engine
from control_center.store.journal import EventRow, QuarantineRow

if TYPE_CHECKING:
    from tests.integration.mqtt.conftest import House

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
EVENTS = site_topic("an-nhon", Kind.EVENT)


def event(seq: int, what: str = "started", *, boot: str = "b1") -> bytes:
    return messages.encode(Topic("an-nhon", Kind.EVENT), Lifecycle(what=what, at=AT), boot=boot, seq=seq, time=AT)


class Site:
    """A site that sends raw bytes and hears what it is told."""

    def __init__(self, house: House, site: str = "an-nhon") -> None:
        self.site = site
        self.heard: defaultdict[type, queue.Queue[Message]] = defaultdict(queue.Queue)
        self._subscribed = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set(site, house.passwords[site])
        client.on_message = self._hear
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_connect = self._subscribe
        client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]
        client.connect("127.0.0.1", house.sites_port)
        client.loop_start()
        assert self._subscribed.wait(30)
        self._client = client

    def send(self, payload: bytes, topic: str = EVENTS) -> None:
        self._client.publish(topic, payload, qos=1)

    def next(self, kind: type) -> Message:
        return self.heard[kind].get(timeout=30)

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        mine = [site_topic(self.site, Kind.ACK), site_topic(self.site, Kind.COMMAND, "+"), topics.agenda(self.site)]
        client.subscribe([(topic, 1) for topic in [*mine, topics.center_status()]])

    def _hear(self, _client: paho.Client, _data: object, delivered: paho.MQTTMessage) -> None:
        message = messages.decode(delivered.topic, bytes(delivered.payload))
        self.heard[type(message.payload)].put(message)

    def next_ack(self) -> Ack:
        ack = self.next(Ack).payload
        assert isinstance(ack, Ack)
        return ack

    def await_center(self, state: Presence) -> None:
        while True:
            status = self.next(Status).payload
            if isinstance(status, Status) and status.state is state:
                return

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


MakeSite = Callable[..., Site]
MakeIngest = Callable[..., Ingest]


@pytest.fixture
def make_site(house: House) -> Iterator[MakeSite]:
    made: list[Site] = []

    def make(name: str = "an-nhon") -> Site:
        made.append(Site(house, name))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path}/center.sqlite")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def make_ingest(house: House, engine: Engine) -> Iterator[MakeIngest]:
    made: list[Ingest] = []

    def make(on_message: Callable[[Message, bool], None] = lambda _m, _n: None, *, share_group: str = "") -> Ingest:
        address = BrokerAddress("127.0.0.1", house.center_port, password="center-secret")
        made.append(Ingest(address, engine, on_message, share_group=share_group))
        made[-1].start()
        house.until(lambda: made[-1].connected, "ingest's connection")
        return made[-1]

    yield make
    for ingest in made:
        ingest.stop()


def settled(ack: Ack) -> set[int]:
    return {seq for first, last in ack.stored for seq in range(first, last + 1)}


def stored(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(select(EventRow.seq).order_by(EventRow.seq)).scalars())


def quarantined(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(select(QuarantineRow.reason, func.sum(QuarantineRow.count)).group_by(QuarantineRow.reason))
        return {str(row[0]): int(row[1]) for row in rows}


def test_a_stored_event_is_acknowledged_and_handed_on_and_again_when_it_comes_again(
    engine: Engine, make_ingest: MakeIngest, make_site: MakeSite
) -> None:
    handed: queue.Queue[tuple[Message, bool]] = queue.Queue()

    def hand(message: Message, is_new: bool) -> None:
        handed.put((message, is_new))
        raise RuntimeError("a listener's fault ends nothing")

    make_ingest(hand)
    site = make_site()
    for expected in (True, False):
        site.send(event(7))
        assert site.next_ack() == Ack(boot="b1", stored=((7, 7),))
        message, is_new = handed.get(timeout=30)
        assert (message.seq, message.payload, is_new) == (7, Lifecycle(what="started", at=AT), expected)
    assert stored(engine) == [7]


def test_bad_input_is_put_aside_counted_and_settled_where_it_can_be_named(
    house: House, engine: Engine, make_ingest: MakeIngest, make_site: MakeSite
) -> None:
    ingest = make_ingest()
    site = make_site()
    site.send(event(1))
    newer = msgspec.json.decode(event(4)) | {"type": "diemcau.evt.v9"}
    foreign = messages.encode(Topic("hoai-nhon", Kind.EVENT), Lifecycle(what="started", at=AT), boot="b1", seq=6, time=AT)
    for payload in (
        b"\xff\x00 garbage",
        event(2)[:-5],
        event(3) + b" " * MAX_PAYLOAD_BYTES,
        msgspec.json.encode(newer),
        event(1, "another story under a used name"),
        foreign,
        event(5, boot="no-good-boot!"),
    ):
        site.send(payload)
    site.send(event(9))
    rejected: dict[int, str] = {}
    good: set[int] = set()
    while 9 not in good:
        ack = site.next_ack()
        good |= settled(ack)
        rejected |= {row.seq: row.reason.partition(":")[0] for row in ack.rejected}
    assert good == {1, 9}
    assert rejected == {2: "garbage", 3: "oversized", 4: "version", 1: "replayed"}
    assert stored(engine) == [1, 9]
    assert quarantined(engine) == {"garbage": 2, "oversized": 1, "version": 1, "replayed": 1, "identity": 2}
    house.until(lambda: ingest.counts["quarantined"] == 7, "the count")
    assert ingest.connected, "none of it was fatal"


def test_a_payload_the_database_cannot_take_is_put_aside_and_its_neighbours_are_stored(
    house: House, engine: Engine, make_ingest: MakeIngest, make_site: MakeSite
) -> None:
    make_ingest()
    site = make_site()
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.seq = 2 BEGIN SELECT RAISE(ABORT, 'no place in the store'); END")
        )
    with engine.connect() as connection:  # hold the store back, so that the three come in one batch
        connection.execute(text("BEGIN IMMEDIATE"))
        site.send(event(1))
        site.send(event(2))
        site.send(event(3))
        connection.rollback()
    good: set[int] = set()
    rejected: dict[int, str] = {}
    while len(good) + len(rejected) < 3:
        ack = site.next_ack()
        good |= settled(ack)
        rejected |= {row.seq: row.reason for row in ack.rejected}
    assert good == {1, 3}
    assert rejected.keys() == {2}
    assert "no place in the store" in rejected[2]


def test_nothing_is_acknowledged_while_the_store_refuses_and_signs_of_life_go_on(
    house: House, engine: Engine, make_ingest: MakeIngest, make_site: MakeSite
) -> None:
    beats: queue.Queue[Message] = queue.Queue()
    ingest = make_ingest(lambda message, _new: beats.put(message) if message.topic.kind is Kind.HEARTBEAT else None)
    site = make_site()
    Base.metadata.drop_all(engine)
    site.send(event(1))
    house.until(lambda: ingest.store_error, "the store's refusal")
    heartbeat = messages.encode(Topic("an-nhon", Kind.HEARTBEAT), Heartbeat(boot="b1", at=AT), boot="b1v", seq=1, time=AT)
    site.send(heartbeat, site_topic("an-nhon", Kind.HEARTBEAT))
    assert isinstance(beats.get(timeout=30).payload, Heartbeat)
    site.send(event(2))
    with pytest.raises(queue.Empty):
        site.heard[Ack].get(timeout=0.5)
    Base.metadata.create_all(engine)
    good: set[int] = set()
    while good != {1, 2}:
        good |= settled(site.next_ack())
    house.until(lambda: not ingest.error, "the store's recovery")
    assert stored(engine) == [1, 2]


def test_the_center_tells_of_its_birth_and_death_and_keeps_what_is_retained(
    house: House, make_ingest: MakeIngest, make_site: MakeSite
) -> None:
    ingest = make_ingest()
    assert ingest.publish(topics.agenda("an-nhon"), Agenda(issued_at=AT), retain=True)
    site = make_site()
    site.await_center(Presence.READY)
    assert site.next(Agenda).payload == Agenda(issued_at=AT)
    house.kill_broker()
    site.await_center(Presence.READY)
    latecomer = make_site("hoai-nhon")
    latecomer.await_center(Presence.READY)
    house.until(lambda: ingest.connected, "the connection after the broker's death")
    assert site.next(Agenda).payload == Agenda(issued_at=AT), "the new broker knew nothing of it"
    assert ingest.publish(site_topic("an-nhon", Kind.COMMAND, "check"), Command(id="c1", name="check", at=AT))
    assert site.next(Command).payload == Command(id="c1", name="check", at=AT)
    ingest.stop()
    site.await_center(Presence.DISCONNECTED)
    assert not ingest.publish(site_topic("an-nhon", Kind.COMMAND, "check"), Command(id="c2", name="check", at=AT))


def test_a_killed_center_is_told_lost(house: House, make_site: MakeSite) -> None:
    center = house.driver("ingest_driver.py", house.folder, house.center_port, log=house.folder / "log")
    center.start()
    try:
        site = make_site()
        site.await_center(Presence.READY)
    finally:
        center.kill()
    site.await_center(Presence.LOST)


def test_two_workers_share_the_journal_and_each_row_is_stored_once(
    house: House, engine: Engine, make_ingest: MakeIngest, make_site: MakeSite
) -> None:
    workers = [make_ingest(share_group="center"), make_ingest(share_group="center")]
    site = make_site()
    for seq in range(1, 201):
        site.send(event(seq))
    good: set[int] = set()
    while len(good) < 200:
        good |= settled(site.next_ack())
    assert stored(engine) == list(range(1, 201))
    house.until(lambda: sum(worker.counts["stored"] for worker in workers) == 200, "all counted")
    assert all(worker.counts["stored"] > 0 for worker in workers), "both had work"
    assert sum(worker.counts["duplicate"] for worker in workers) == 0
