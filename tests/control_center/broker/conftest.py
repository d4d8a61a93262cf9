"""A real Mosquitto with the generated configuration, and a plain client to try its rules with."""

from __future__ import annotations

import queue
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import trustme
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from control_center.broker.configuration import CENTER_USER, Identity, Listener, Plan, Purpose, ServerTls
from control_center.broker.supervise import Broker

PASSWORDS = {CENTER_USER: "center-secret", "an-nhon": "an-nhon-secret", "hoai-nhon": "hoai-nhon-secret"}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Client:
    """MQTT 5 client that waits for every answer."""

    def __init__(
        self,
        port: int,
        *,
        user: str = "",
        password: str = "",
        client_id: str = "",
        tls: ssl.SSLContext | None = None,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[tuple[str, str]] = queue.Queue()
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        if user:
            client.username_pw_set(user, password)
        if tls is not None:
            client.tls_set_context(tls)
        if will is not None:
            client.will_set(*will, qos=1)
        client.on_connect = lambda _c, _d, _f, reason, _p: self._answers.put(("connect", str(reason)))
        client.on_publish = lambda _c, _d, _mid, reason, _p: self._answers.put(("publish", str(reason)))
        client.on_subscribe = lambda _c, _d, _mid, reasons, _p: self._answers.put(("subscribe", str(reasons[0])))
        client.on_disconnect = lambda _c, _d, _f, reason, _p: self._answers.put(("gone", str(reason)))
        client.on_message = lambda _c, _d, message: self.messages.put((message.topic, bytes(message.payload)))
        self._client = client
        client.connect("127.0.0.1", port, keepalive=20)
        client.loop_start()
        self.answer = self._next("connect")

    def _next(self, what: str) -> str:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            kind, reason = self._answers.get(timeout=20)
            if kind in (what, "gone"):
                return reason
        raise AssertionError(f"no answer to {what}")

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> str:
        self._client.publish(topic, payload, qos=1, retain=retain)
        return self._next("publish")

    def subscribe(self, topic: str) -> str:
        self._client.subscribe(topic, qos=1)
        return self._next("subscribe")

    def wait_gone(self) -> str:
        return self._next("gone")

    def vanish(self) -> None:
        """Die without DISCONNECT: the broker publishes the will."""
        sock = self._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


Connect = Callable[..., Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients, and ends them."""
    made: list[Client] = []

    def make(port: int, **options: object) -> Client:
        client = Client(port, **options)  # type: ignore[arg-type]
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="module")
def password_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A listener for the sites and one for the center, without TLS."""
    plan = Plan((Listener(free_port()), Listener(free_port(), Purpose.CENTER)), PASSWORDS)
    broker = Broker(plan, tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


class Papers:
    """A certificate authority and what it has signed."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.folder = folder
        self.ca = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))
        self.server = self.issue("broker", "127.0.0.1", "localhost")

    def issue(self, common_name: str, *names: str) -> tuple[Path, Path]:
        """Certificate and key of `common_name`."""
        leaf = self.authority.issue_cert(*(names or (f"{common_name}.invalid",)), common_name=common_name)
        cert, key = self.folder / f"{common_name}.crt", self.folder / f"{common_name}.key"
        leaf.cert_chain_pems[0].write_to_path(str(cert))
        leaf.private_key_pem.write_to_path(str(key))
        return cert, key

    def context(self, common_name: str = "") -> ssl.SSLContext:
        """Client's context, with a certificate if a name is given."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if common_name:
            context.load_cert_chain(*self.issue(common_name))
        return context


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def certificate_broker(tmp_path_factory: pytest.TempPathFactory, papers: Papers) -> Iterator[Broker]:
    """TLS 1.3; the certificate says who comes."""
    tls = ServerTls(papers.ca, *papers.server)
    plan = Plan((Listener(free_port(), tls=tls, identity=Identity.CERTIFICATE),), {})
    broker = Broker(plan, tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()
