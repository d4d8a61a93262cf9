"""Helpers of the agent's tests: children that misbehave, a broker, a running agent."""

from __future__ import annotations

import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import messages, topics
from contract.messages import Message
from edge_agent.judgement import Judgement
from edge_agent.status import AgentStatus

ROOT = Path(__file__).parents[2]
MakeModule = Callable[[str, str], str]


@pytest.fixture
def make_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeModule:
    """Writes a module that a child process can be started from; returns its name."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def make(name: str, source: str) -> str:
        (folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return name

    return make


class Quiet:
    """A journal and a teller that nobody reads."""

    def append(self, *_: Any) -> None:
        """Forget it."""

    def publish_state(self, *_: Any) -> None:
        """Tell nobody."""


@pytest.fixture
def judgement(tmp_path: Path) -> Judgement:
    """A site's memory of its own."""
    return Judgement(Quiet(), Quiet(), tmp_path, datetime(2026, 7, 1, tzinfo=UTC))  # type: ignore[arg-type]


def room_picture(path: Path, shift: int = 0) -> None:
    """An empty room full of edges; shifted as by a camera that somebody has turned."""
    draw = np.random.default_rng(7)
    picture = np.full((720, 1280 + 300, 3), 120, np.uint8)
    for _ in range(160):
        x, y = int(draw.integers(0, 1500)), int(draw.integers(0, 680))
        colour = tuple(int(part) for part in draw.integers(40, 220, 3))
        cv2.rectangle(picture, (x, y), (x + int(draw.integers(15, 160)), y + int(draw.integers(15, 120))), colour, -1)
    cv2.imwrite(str(path), picture[:, shift : shift + 1280])


def wait_until(condition: Callable[[], object], what: str, patience_s: float = 60.0) -> None:
    """Wait for a condition; generous, for the machine may be busy."""
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {patience_s} s")
        time.sleep(0.05)


class Broker:
    """A real Mosquitto on a free port, with a center that stores and acknowledges what it hears."""

    def __init__(self, folder: Path, *, anonymous: bool = True) -> None:
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        self._file.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous {str(anonymous).lower()}\npersistence false\n")
        self._program: subprocess.Popen[bytes] | None = None
        self._center: paho.Client | None = None
        self.heard: list[Message] = []

    def start(self) -> None:
        self._program = subprocess.Popen(["mosquitto", "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: reachable(self.port), "mosquitto listens")

    def stop(self) -> None:
        if self._center is not None:
            self._center.loop_stop()
            self._center.disconnect()
        if self._program is not None:
            self._program.kill()
            self._program.wait()

    def listen(self) -> None:
        """Be the center."""
        center = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        center.on_connect = lambda client, *_: client.subscribe(f"{topics.ROOT}/#", qos=1)
        center.on_message = self._take
        center.connect("127.0.0.1", self.port)
        center.loop_start()
        self._center = center
        wait_until(center.is_connected, "the center is connected")

    def _take(self, client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        heard = messages.decode(message.topic, bytes(message.payload))
        if heard.topic.kind in topics.FROM_SITE:
            self.heard.append(heard)
        if heard.topic.kind in (topics.Kind.EVENT, topics.Kind.FIGURES):
            ack = messages.Ack(boot=heard.boot, stored=((heard.seq, heard.seq),))
            self.send(topics.site_topic(heard.topic.site, topics.Kind.ACK), ack, client)

    def send(self, topic: str, payload: messages.Payload, client: paho.Client | None = None, *, retain: bool = False) -> None:
        """Publish as the center."""
        parsed = topics.parse(topic)
        assert parsed is not None
        center = client or self._center
        assert center is not None
        encoded = messages.encode(parsed, payload, boot="center", seq=1, time=datetime.now(UTC))
        center.publish(topic, encoded, qos=1, retain=retain)

    def events(self, kind: type[Any]) -> list[Any]:
        """Events of one type, each row once."""
        rows = {message.id: message.payload for message in self.heard}
        return [payload for payload in rows.values() if isinstance(payload, kind)]


class Agent:
    """A real ``edge-agent run`` process."""

    def __init__(self, folder: Path, broker: Broker | None, more: str = "", state: Path | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.file = folder / "edge-agent.toml"
        self.state = state or folder / "state"
        self.log = folder / "log"
        center = f'[center]\nhost = "127.0.0.1"\nport = {broker.port}\n' if broker is not None else ""
        site = f'[site]\nid = "thu"\nname = "Điểm cầu thử"\n[state]\ndirectory = "{self.state}"\n{center}[page]\nport = 0\n'
        self.file.write_text(site + more, encoding="utf-8")
        self.program: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "edge_agent.cli", "run", "--config", str(self.file)]
            self.program = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)

    def signal(self, number: int) -> int:
        """Send a signal and wait for the end."""
        assert self.program is not None
        self.program.send_signal(number)
        return self.program.wait(60)

    @property
    def alive(self) -> bool:
        return self.program is not None and self.program.poll() is None

    def status(self) -> AgentStatus | None:
        """What it says of itself on its page, whose address is in its log."""
        addresses = re.findall(r"local page: (http://[^/\s]+/)", self.log.read_text(encoding="utf-8"))
        try:
            with urllib.request.urlopen(addresses[-1] + "status.json", timeout=10) as answer:
                return msgspec.json.decode(answer.read(), type=AgentStatus)
        except (IndexError, OSError):
            return None

    def wait_for(self, condition: Callable[[AgentStatus], object], what: str) -> AgentStatus:
        """Wait until what it says of itself fulfils a condition."""
        seen: list[AgentStatus] = []

        def check() -> bool:
            status = self.status()
            if status is not None and condition(status):
                seen.append(status)
            return bool(seen)

        try:
            wait_until(check, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text(encoding='utf-8')[-4000:]}") from None
        return seen[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker with a center behind it."""
    made = Broker(tmp_path / "broker")
    made.start()
    made.listen()
    yield made
    made.stop()


@pytest.fixture
def closed_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that lets nobody in."""
    made = Broker(tmp_path / "broker", anonymous=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def make_agent(tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """Makes agents and ends them."""
    agents: list[Agent] = []

    def make(broker: Broker | None, more: str = "", state: Path | None = None) -> Agent:
        agents.append(Agent(tmp_path / f"agent{len(agents)}", broker, more, state))
        return agents[-1]

    yield make
    for agent in agents:
        if agent.alive:
            agent.signal(signal.SIGKILL)


class Reflector:
    """STAMP reflector (RFC 8762, unauthenticated) that can be cut; checks nothing, stamps roughly."""

    def __init__(self) -> None:
        self.cut = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                packet, sender = self._socket.recvfrom(2048)
            except OSError:
                return
            if not self.cut and len(packet) >= 44:
                now = time.time() + 2_208_988_800
                stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
                head = packet[:4] + stamp + packet[12:16] + stamp
                self._socket.sendto(head + packet[:14] + bytes(2) + b"\x40" + bytes(3), sender)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def reflector() -> Iterator[Reflector]:
    """The far end of a link."""
    made = Reflector()
    yield made
    made.close()
