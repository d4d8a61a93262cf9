"""The site's end against real brokers: what it tells at every connection, and how it notices and mends."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import messages, topics
from contract.findings import State, Verdict
from contract.messages import Ack, Agenda, Command, ComponentState, Heartbeat, Lifecycle, Limits, Message, Payload, Presence, Status
from contract.topics import Kind, site_topic
from edge_agent.mqtt import Credentials, Endpoint
from edge_agent.outbox import Outbox
from edge_agent.uplink import Uplink

if TYPE_CHECKING:
    from tests.integration.mqtt.conftest import House

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class Center:
    """Hears everything, acknowledges only when told to."""

    def __init__(self, house: House, *, acknowledge: bool = True) -> None:
        self.acknowledge = acknowledge
        self.heard: queue.Queue[Message] = queue.Queue()
        self.events: list[tuple[str, int]] = []
        self._subscribed = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set("_center", house.passwords["_center"])
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_connect = self._subscribe
        client.on_message = self._hear
        client.connect("127.0.0.1", house.center_port)
        client.loop_start()
        self._client = client
        assert self._subscribed.wait(30)

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe([(topics.every_site(kind), 1) for kind in topics.FROM_SITE])

    def _hear(self, _client: paho.Client, _data: object, delivered: paho.MQTTMessage) -> None:
        message = messages.decode(delivered.topic, bytes(delivered.payload))
        if message.topic.site == topics.CENTER:
            return
        if message.topic.kind is Kind.EVENT:
            self.events.append((message.boot, message.seq))
            if self.acknowledge:
                self.tell(site_topic("an-nhon", Kind.ACK), Ack(boot=message.boot, stored=((message.seq, message.seq),)))
        self.heard.put(message)

    def tell(self, topic: str, payload: Payload, *, retain: bool = False) -> None:
        parsed = topics.parse(topic)
        assert parsed is not None
        self._client.publish(topic, messages.encode(parsed, payload, boot="c1", seq=1, time=AT), qos=1, retain=retain)

    def tell_raw(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)

    def await_status(self, state: Presence, *, boot: str = "") -> Status:
        while True:
            payload = self.heard.get(timeout=60).payload
            if isinstance(payload, Status) and payload.state is state and boot in ("", payload.boot):
                return payload

    def await_payload(self, kind: type) -> Message:
        while True:
            message = self.heard.get(timeout=60)
            if isinstance(message.payload, kind):
                return message

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def center(house: House) -> Iterator[Center]:
    made = Center(house)
    yield made
    made.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite", site="an-nhon")
    yield box
    box.close()


MakeUplink = Callable[..., Uplink]


@pytest.fixture
def make_uplink(outbox: Outbox, house: House) -> Iterator[MakeUplink]:
    made: list[Uplink] = []

    def make(*ports: int, password: str = "an-nhon-secret", **options: object) -> Uplink:
        names = ("primary", "standby")
        endpoints = [Endpoint("127.0.0.1", port, name) for port, name in zip(ports, names, strict=False)]
        given = {"keepalive_s": 2, "resend_after_s": 0.5, "max_pause_s": 0.5} | options
        made.append(Uplink(outbox, endpoints, Credentials(password=password), **given))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield make
    for uplink in made:
        uplink.stop(0.0)


def put_event(outbox: Outbox, what: str = "started") -> tuple[str, int]:
    return outbox.append(Kind.EVENT, Lifecycle(what=what, at=AT), AT)


def camera(word: State) -> ComponentState:
    return ComponentState(verdict=Verdict(component="camera", state=word, at=AT))


def test_birth_life_and_death_on_one_topic_under_one_boot(house: House, center: Center, outbox: Outbox, make_uplink: MakeUplink) -> None:
    uplink = make_uplink(house.sites_port, version="1.2.3")
    assert center.await_status(Presence.INIT).boot == outbox.boot
    ready = center.await_status(Presence.READY)
    assert (ready.boot, ready.version, ready.uplink) == (outbox.boot, "1.2.3", "primary")
    house.until(lambda: uplink.connected, "connected")
    uplink.heartbeat(Heartbeat(boot=outbox.boot, at=AT, outbox_rows=3))
    assert center.await_payload(Heartbeat).payload == Heartbeat(boot=outbox.boot, at=AT, outbox_rows=3)
    uplink.stop()
    assert center.await_status(Presence.DISCONNECTED).boot == outbox.boot
    assert not uplink.connected


def test_a_killed_agent_is_told_lost_by_the_broker(house: House, center: Center) -> None:
    agent = house.driver("agent_driver.py", house.folder, house.sites_port, "run1", log=house.folder / "log")
    agent.start()
    try:
        boot = center.await_status(Presence.READY).boot
    finally:
        agent.kill()
    center.await_status(Presence.LOST, boot=boot)


def test_what_waits_when_the_agent_stops_is_sent_before_it_leaves(
    house: House, center: Center, outbox: Outbox, make_uplink: MakeUplink
) -> None:
    uplink = make_uplink(house.sites_port)
    house.until(lambda: uplink.connected, "connected")
    place = put_event(outbox, "stopped")
    uplink.stop(drain_s=30.0)
    assert outbox.rows == 0
    assert center.events == [place]


def test_a_broker_that_takes_a_row_is_not_believed(house: House, outbox: Outbox, make_uplink: MakeUplink) -> None:
    """PUBACK deletes nothing; the row is sent again until the center's own word comes."""
    center = Center(house, acknowledge=False)
    try:
        make_uplink(house.sites_port)
        place = put_event(outbox)
        house.until(lambda: center.events.count(place) >= 3, "sent again")
        assert [(row.boot, row.seq) for row in outbox.pending(10)] == [place]
        center.acknowledge = True
        house.until(lambda: outbox.rows == 0, "settled")
    finally:
        center.close()


def test_a_center_that_comes_up_gets_at_once_what_the_broker_took_while_it_was_away(
    house: House, outbox: Outbox, make_uplink: MakeUplink
) -> None:
    center = Center(house, acknowledge=False)
    try:
        center.tell(topics.center_status(), Status(boot="c1", state=Presence.LOST, at=AT), retain=True)
        uplink = make_uplink(house.sites_port, resend_after_s=1000.0)
        house.until(lambda: uplink.center is not None, "the center's status")
        place = put_event(outbox)
        house.until(lambda: center.events == [place], "sent once")
        center.acknowledge = True
        center.tell(topics.center_status(), Status(boot="c2", state=Presence.READY, at=AT), retain=True)
        house.until(lambda: outbox.rows == 0, "settled")
        assert center.events == [place, place]
    finally:
        center.close()


def test_states_are_told_again_at_every_connection(house: House, center: Center, make_uplink: MakeUplink) -> None:
    uplink = make_uplink(house.relay.port)
    uplink.publish_state("camera", camera(State.FAULT))
    uplink.publish_state("camera", camera(State.OK))
    uplink.publish_state("microphone", camera(State.OK))
    latest: dict[str, object] = {}
    while latest.keys() != {"camera", "microphone"}:
        message = center.await_payload(ComponentState)
        latest[message.topic.rest] = message.payload
    house.relay.cut()
    house.relay.mend()
    told: dict[str, object] = {}
    while told.keys() != {"camera", "microphone"}:
        message = center.await_payload(ComponentState)
        told[message.topic.rest] = message.payload
    assert told["camera"] == camera(State.OK)


def test_what_the_center_sends_reaches_the_daemon_on_the_uplinks_thread(house: House, center: Center, make_uplink: MakeUplink) -> None:
    brought: queue.Queue[tuple[str, object]] = queue.Queue()

    def take(payload: object) -> None:
        brought.put((threading.current_thread().name, payload))
        raise RuntimeError("a listener's fault ends nothing")

    center.tell(topics.agenda("an-nhon"), Agenda(issued_at=AT), retain=True)
    center.tell(topics.agenda("hoai-nhon"), Agenda(issued_at=AT.replace(year=2027)), retain=True)
    uplink = make_uplink(house.sites_port, on_agenda=take, on_limits=take, on_command=take)
    assert brought.get(timeout=30) == ("uplink", Agenda(issued_at=AT))
    center.tell_raw(site_topic("an-nhon", Kind.LIMITS), b"\xff garbage")
    center.tell(site_topic("an-nhon", Kind.LIMITS), Limits(version="7"), retain=True)
    assert brought.get(timeout=30) == ("uplink", Limits(version="7"))
    center.tell(site_topic("an-nhon", Kind.COMMAND, "check"), Command(id="c1", name="check", at=AT))
    assert brought.get(timeout=30) == ("uplink", Command(id="c1", name="check", at=AT))
    assert uplink.connected


def test_a_half_open_link_is_noticed_and_left(house: House, center: Center, outbox: Outbox, make_uplink: MakeUplink) -> None:
    changes: queue.Queue[bool] = queue.Queue()
    uplink = make_uplink(house.relay.port, on_connection=changes.put)
    assert changes.get(timeout=30)
    house.relay.freeze()
    assert changes.get(timeout=60) is False
    assert not uplink.connected
    assert "silent" in uplink.error or "does not answer" in uplink.error
    place = put_event(outbox)
    house.relay.mend()
    assert changes.get(timeout=60)
    house.until(lambda: outbox.rows == 0, "the event after it")
    assert place in center.events


def test_with_the_primary_dead_the_standby_serves_until_the_primary_is_back(
    house: House, center: Center, outbox: Outbox, make_uplink: MakeUplink
) -> None:
    primary = house.relay
    primary.cut()
    standby = house.new_relay(house.sites_port)
    try:
        uplink = make_uplink(primary.port, standby.port, return_after_s=0.3)
        assert center.await_status(Presence.READY).uplink == "standby"
        house.until(lambda: uplink.endpoint == "standby", "on the standby")
        put_event(outbox)
        house.until(lambda: outbox.rows == 0, "told over the standby")
        primary.mend()
        while center.await_status(Presence.READY).uplink != "primary":
            pass
        house.until(lambda: uplink.endpoint == "primary", "back on the primary")
    finally:
        standby.close()


@pytest.mark.parametrize("wrong", ["password", "port"])
def test_why_there_is_no_connection_is_told(house: House, make_uplink: MakeUplink, wrong: str) -> None:
    house.relay.cut()
    if wrong == "password":
        uplink = make_uplink(house.sites_port, password="wrong")
        house.until(lambda: "Not authorized" in uplink.error, "the reason")
    else:
        uplink = make_uplink(house.relay.port)
        house.until(lambda: "primary broker 127.0.0.1" in uplink.error, "the reason")
    assert not uplink.connected


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_uplink_outlives_its_thread(house: House, center: Center, outbox: Outbox, make_uplink: MakeUplink) -> None:
    uplink = make_uplink(house.sites_port)
    house.until(lambda: uplink.connected, "connected")

    def die(_: object) -> None:
        raise SystemExit  # no Exception: goes through every net of the thread

    uplink._on_command = die
    thread = uplink._thread
    assert thread is not None
    center.tell(site_topic("an-nhon", Kind.COMMAND, "check"), Command(id="c1", name="check", at=AT))
    house.until(lambda: not thread.is_alive(), "the thread's death")
    uplink.heartbeat(Heartbeat(boot=outbox.boot, at=AT))
    house.until(lambda: uplink.connected, "connected again")
    put_event(outbox)
    house.until(lambda: outbox.rows == 0, "work goes on")
