"""One MQTT 5 connection, driven by the thread that opened it, thrown away when it breaks.

paho's own thread and its reconnecting are not used: the thread dies silently on some errors, `is_connected` stays true
on a half-open link, and its queue outlives the connection. Here one thread owns socket and client, every error surfaces
as `LostError`, and what must survive is in the outbox, not in paho.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

CONNECT_TIMEOUT_S = 5.0
"""For the TCP connection, and again for the broker's answer."""
UNSENT_LIMIT_MS = 6000
"""TCP_USER_TIMEOUT (RFC 5482): data that the peer's kernel has not confirmed for so long ends the connection."""
MAX_INFLIGHT = 20
"""QoS 1 messages on their way at once; a broker that wants fewer (Receive Maximum) is refused with these words."""


@dataclass(frozen=True)
class Endpoint:
    """A broker and the way to it.

    Attributes:
        host: Name or address.
        port: TCP port.
        name: ``primary`` or ``standby``; told in the status.
        interface: Network interface to leave by; empty: whatever the routes say.
        bind_address: Local address to leave from; empty: any.
    """

    host: str
    port: int = 8883
    name: str = "primary"
    interface: str = ""
    bind_address: str = ""


@dataclass(frozen=True)
class Credentials:
    """Who we are at the broker, and whom we believe.

    Attributes:
        username: Empty: the site's id.
        password: Empty: none is sent (the certificate says who we are).
        ca: Certificates that the broker's must descend from (PEM); None: no TLS.
        cert: Our own certificate (PEM); None: none.
        key: Its private key (PEM).
    """

    username: str = ""
    password: str = ""
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext | None:
        """TLS 1.3 context, or None without TLS.

        Raises:
            OSError, ssl.SSLError: if a file is missing or no PEM.
        """
        if self.ca is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(self.ca)
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key)
        return context


class LostError(OSError):
    """The connection could not be made or is gone; the text says why."""


def open_socket(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    """TCP connection to a broker over the way that the endpoint names, set to notice a dead peer.

    Raises:
        OSError: if none of the name's addresses answers.
    """
    error: OSError = LostError(f"{endpoint.host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout_s)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNSENT_LIMIT_MS)
            if endpoint.interface:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, endpoint.interface.encode())
            if endpoint.bind_address:
                sock.bind((endpoint.bind_address, 0))
            sock.connect(address)
        except OSError as refusal:
            sock.close()
            error = refusal
        else:
            return sock
    raise error


class _Client(paho.Client):
    """paho's client on a socket that we opened."""

    endpoint: Endpoint

    def _create_socket_connection(self) -> socket.socket:
        return open_socket(self.endpoint, CONNECT_TIMEOUT_S)


class Connection:
    """A connection from CONNECT to its end; not thread-safe, never used twice.

    Args:
        endpoint: Where to.
        credentials: As whom; `credentials.username` must be given.
        client_id: Name of the session.
        keepalive_s: Longest silence before a ping, in seconds.
        will: Topic and payload that the broker publishes, retained, if we vanish.
        on_message: Called with topic, payload and whether it was retained.
        on_published: Called with a message number of `publish` and why it was refused, or empty.
        wake: Read end of a pair of sockets; `step` returns when a byte comes.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: Credentials,
        *,
        client_id: str,
        keepalive_s: int,
        will: tuple[str, bytes],
        on_message: Callable[[str, bytes, bool], None],
        on_published: Callable[[int, str], None],
        wake: socket.socket,
    ) -> None:
        self.endpoint = endpoint
        self.heard_at = time.monotonic()
        """Monotonic instant of the last byte from the broker."""
        self.subscribed = False
        """Whether the broker has granted what `subscribe` asked for."""
        self._silence_limit_s = keepalive_s + 0.8 * min(keepalive_s, 5.0)  # a ping goes out after keepalive_s
        self._keepalive_s = keepalive_s
        self._wake = wake
        self._answer: ReasonCode | None = None
        self._parting = ""
        client = _Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
        client.endpoint = endpoint
        client.username_pw_set(credentials.username, credentials.password or None)
        context = credentials.context()
        if context is not None:
            client.tls_set_context(context)
        client.will_set(will[0], will[1], qos=1, retain=True)
        client.max_inflight_messages_set(MAX_INFLIGHT)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = lambda _client, _userdata, message: on_message(message.topic, bytes(message.payload), message.retain)
        client.on_publish = lambda _client, _userdata, mid, reason, _properties: on_published(mid, str(reason) if reason.is_failure else "")
        self._client = client

    def open(self) -> None:
        """Connect and wait for the broker's word.

        Raises:
            OSError: `LostError` with the broker's reason, or what the network or TLS said.
        """
        self._client.connect(self.endpoint.host, self.endpoint.port, keepalive=self._keepalive_s, clean_start=True)
        self.heard_at = time.monotonic()
        until = time.monotonic() + CONNECT_TIMEOUT_S
        while self._answer is None:
            if time.monotonic() > until:
                raise LostError("the broker does not answer")
            try:
                self.step(0.2)
            except LostError:
                if self._parting:
                    raise
                # With TLS 1.3 our handshake is done before the broker has judged our certificate.
                raise LostError("the broker hung up before it answered; does it accept this site's certificate?") from None
        if self._parting:
            raise LostError(self._parting)

    def step(self, timeout_s: float) -> None:
        """Move bytes both ways; returns at the latest after `timeout_s`, or when there is something to do.

        Raises:
            LostError: if the connection is gone, or the broker has been silent for too long.
        """
        sock = self._client.socket()
        if sock is None:
            raise LostError(self._parting or "the connection is gone")
        buffered = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        poll.register(self._wake, select.POLLIN)
        ready = dict(poll.poll(0 if buffered else timeout_s * 1000))
        mask = ready.get(sock.fileno(), 0)
        if self._wake.fileno() in ready:
            self._wake.recv(4096)
        if buffered or mask & ~select.POLLOUT:
            self._check(self._client.loop_read())
            self.heard_at = time.monotonic()
        if mask & select.POLLOUT:
            self._check(self._client.loop_write())
        silent_s = time.monotonic() - self.heard_at
        if silent_s > self._silence_limit_s:
            raise LostError(f"the broker has been silent for {silent_s:.1f} s")
        self._check(self._client.loop_misc())

    @property
    def heard_lately(self) -> bool:
        """Whether the broker has said anything within the limit."""
        return time.monotonic() - self.heard_at <= self._silence_limit_s

    def subscribe(self, topics: list[str]) -> None:
        """Ask for these topics at QoS 1; `subscribed` tells when they are granted."""
        self._check(self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])[0])

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> int:
        """Send; the number by which `on_published` will tell that the broker has it."""
        sent = self._client.publish(topic, payload, qos=qos, retain=retain)
        self._check(sent.rc)
        return sent.mid

    def close(self, *, orderly: bool) -> None:
        """End it: orderly (the broker forgets the will), or at once (it publishes it)."""
        if orderly:
            self._client.disconnect()
            until = time.monotonic() + 1.0
            while self._client.socket() is not None and time.monotonic() < until and self._client.want_write():
                try:
                    self.step(0.1)
                except OSError:
                    break
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _check(self, code: MQTTErrorCode | int) -> None:
        if code not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN, MQTTErrorCode.MQTT_ERR_QUEUE_SIZE):
            raise LostError(self._parting or paho.error_string(MQTTErrorCode(code)))

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Properties | None) -> None:
        self._answer = reason
        if reason.is_failure:
            self._parting = f"the broker refuses: {reason}"
        limit = getattr(properties, "ReceiveMaximum", None)
        if limit is not None and int(limit) < MAX_INFLIGHT:
            self._parting = f"the broker takes {limit} messages at once, {MAX_INFLIGHT} are needed"
            client.disconnect()

    def _on_disconnect(self, _client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._parting = f"the broker ended it: {reason}"

    def _on_subscribe(self, client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        self.subscribed = not any(reason.is_failure for reason in reasons)
        if not self.subscribed:
            self._parting = "the broker refuses the subscription: " + ", ".join(str(reason) for reason in reasons)
            client.disconnect()
