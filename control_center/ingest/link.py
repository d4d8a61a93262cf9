"""The center's connection to the broker: made again for ever, acknowledged by hand.

paho runs in a thread of ours that survives what kills paho's own, and is polled, for its `select` fails beyond 1024
open files. Other threads may publish and acknowledge: with `on_socket_register_write` set, paho only queues there, we are
woken, and one thread alone writes to the socket.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from control_center.broker.configuration import CENTER_USER
from control_center.ingest.intake import Receipt

log = logging.getLogger(__name__)

RECEIVE_MAXIMUM = 1000
"""How many unacknowledged messages the broker may send us: what bounds our queue."""
PAUSE_S = (0.2, 5.0)
"""Shortest and longest pause between attempts to connect."""


@dataclass(frozen=True)
class BrokerAddress:
    """Where the center finds its broker, and as whom.

    Attributes:
        host: Name or address.
        port: TCP port of the center's listener.
        username: The center's name at the broker.
        password: Empty: none is sent.
        ca: Certificates that the broker's must descend from (PEM); None: no TLS.
        cert: Our own certificate (PEM); None: none.
        key: Its private key (PEM).
        keepalive_s: Longest silence on the connection before it is questioned.
    """

    host: str
    port: int
    username: str = CENTER_USER
    password: str = ""
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    keepalive_s: int = 10


class Link:
    """Connection of one worker of the center.

    Args:
        address: The broker.
        subscriptions: Topic filters with their QoS.
        will: Topic and payload that the broker publishes, retained, if we vanish.
        on_message: Called with topic, payload and receipt (None for QoS 0), on the link's thread.
        on_ready: Called when the subscriptions are granted, on the link's thread.
    """

    def __init__(
        self,
        address: BrokerAddress,
        subscriptions: Sequence[tuple[str, int]],
        *,
        will: tuple[str, bytes],
        on_message: Callable[[str, bytes, Receipt | None], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.ready = False
        """Connected, and the subscriptions granted."""
        self.error = ""
        """Why it is not ready."""
        self._address = address
        self._subscriptions = [(topic, SubscribeOptions(qos=qos)) for topic, qos in subscriptions]
        self._on_message = on_message
        self._on_ready = on_ready
        self._number = 0
        self._stopping = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)  # noqa: FBT003
        self._client = self._make_client(will)
        self._thread = threading.Thread(target=self._run, name="ingest-link", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin; connecting goes on in the background for ever."""
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> paho.MQTTMessageInfo | None:
        """Queue a message at QoS 1; None if there is no connection to carry it."""
        if not self._client.is_connected():
            return None
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        self._wake()  # paho's own call may come just before the loop's thread goes to sleep
        return sent

    def acknowledge(self, receipt: Receipt) -> None:
        """Tell the broker that we have it, unless the connection is another by now: there its number means nothing."""
        if receipt.connection == self._number:
            self._client.ack(receipt.mid, 1)
            self._wake()

    def stop(self, farewell: tuple[str, bytes]) -> None:
        """Publish a retained last word, then leave in order."""
        self._stopping.set()
        last = self.publish(*farewell, retain=True)
        if last is not None:
            until = time.monotonic() + 2.0
            with contextlib.suppress(RuntimeError):  # paho's way to say that the connection went meanwhile
                while not last.is_published() and self._client.is_connected() and time.monotonic() < until:
                    time.sleep(0.01)
        self._client.disconnect()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _make_client(self, will: tuple[str, bytes]) -> paho.Client:
        address = self._address
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{address.username}-{secrets.token_hex(6)}",
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.username_pw_set(address.username, address.password or None)
        if address.ca is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_verify_locations(address.ca)
            if address.cert is not None:
                context.load_cert_chain(address.cert, address.key)
            client.tls_set_context(context)
        client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_socket_open = _tune
        client.on_socket_register_write = self._wake
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._granted
        client.on_message = self._arrived
        return client

    def _run(self) -> None:
        pause_s = PAUSE_S[0]
        while not self._stopping.is_set():
            began_at = time.monotonic()
            try:
                properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
                properties.ReceiveMaximum = RECEIVE_MAXIMUM
                address = self._address
                self._client.connect(address.host, address.port, keepalive=address.keepalive_s, clean_start=True, properties=properties)
                while self._step() == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    pass
            except (OSError, ValueError) as error:
                self._note(str(error))
            except Exception:
                log.exception("ingest: a programming error ended the connection to the broker; it is made anew")
            self.ready = False
            pause_s = PAUSE_S[0] if time.monotonic() - began_at > PAUSE_S[1] else min(PAUSE_S[1], pause_s * 2)
            self._stopping.wait(pause_s)

    def _step(self) -> MQTTErrorCode:
        """Move bytes both ways, once; at most a second."""
        client = self._client
        sock: Any = client.socket()
        if sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        buffered = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        poll.register(self._wake_out, select.POLLIN)
        ready = dict(poll.poll(0 if buffered else 1000))
        mask = ready.get(sock.fileno(), 0)
        if self._wake_out.fileno() in ready:
            self._wake_out.recv(4096)
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        if buffered or mask & ~select.POLLOUT:
            code = client.loop_read()
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS and client.want_write():
            code = client.loop_write()
        if code == MQTTErrorCode.MQTT_ERR_AGAIN:
            code = MQTTErrorCode.MQTT_ERR_SUCCESS
        return code if code != MQTTErrorCode.MQTT_ERR_SUCCESS else client.loop_misc()

    def _wake(self, *_: Any) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake_in.send(b".")

    def _note(self, error: str) -> None:
        if error != self.error:
            log.warning("ingest: broker %s:%d: %s", self._address.host, self._address.port, error)
        self.error = error

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._note(f"refused: {reason}")
            return
        self._number += 1
        client.subscribe(self._subscriptions)

    def _granted(self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._note(f"subscription refused: {refused}")
            return
        self.ready, self.error = True, ""
        log.info("ingest: ready at the broker %s:%d", self._address.host, self._address.port)
        try:
            self._on_ready()
        except Exception:
            log.exception("ingest: greeting failed")

    def _disconnected(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        was_ready, self.ready = self.ready, False
        if was_ready and not self._stopping.is_set():  # else the reason is known better already
            self._note(f"lost: {reason}")

    def _arrived(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        receipt = Receipt(message.mid, self._number) if message.qos else None
        try:
            self._on_message(message.topic, bytes(message.payload), receipt)
        except Exception:
            log.exception("ingest: a message could not be taken")


def _tune(_client: paho.Client, _data: Any, sock: Any) -> None:
    """No waiting for company (acknowledgements are small), and notice a dead peer (RFC 5482)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)
