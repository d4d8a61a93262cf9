"""The site's voice: states, events, figures and signs of life to the center; agenda, limits and orders from it.

One thread (``uplink``) owns the connection. It sends what waits in the outbox, events before figures, and again what
the center has not acknowledged; only the center's own acknowledgement, sent after its commit, deletes a row. A broker's
PUBACK is no promise: it is not durable.
"""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from contract import messages, topics
from contract.messages import Ack, Agenda, Command, ComponentState, Heartbeat, Limits, Message, Payload, Presence, RefusedError, Status
from contract.topics import Kind, Topic
from edge_agent.journal_sender import JournalSender
from edge_agent.mqtt import Connection, Credentials, Endpoint, LostError, open_socket
from edge_agent.outbox import Outbox

_T = TypeVar("_T")

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
STEADY_S = 5.0
"""A connection that lasted so long was a good one: the next pause begins small again."""


class Uplink:
    """Connection to the center that mends itself. Every public method may be called from any thread and never waits.

    The callbacks are called on the uplink's own thread: hand what they bring to your loop (`call_soon_threadsafe`).
    An exception in one is logged and ends nothing.

    Args:
        outbox: The journal; its site and boot are the uplink's.
        endpoints: Brokers in the order of preference: the primary, then the standby.
        credentials: As whom; an empty username means the site's id.
        version: Version of the agent, for the status.
        keepalive_s: Longest silence on the connection before it is questioned, in seconds.
        resend_after_s: After how long a row that the broker took and the center did not acknowledge is sent again.
        return_after_s: How often, while on the standby, the primary is tried.
        max_pause_s: Longest pause between attempts to connect.
        on_agenda: Called with every agenda; the retained one again at every connection.
        on_limits: Called with the limits, likewise.
        on_command: Called with an order.
        on_connection: Called with True when the site is ready at the broker, with False when that has ended.
    """

    def __init__(
        self,
        outbox: Outbox,
        endpoints: Sequence[Endpoint],
        credentials: Credentials,
        *,
        version: str = "",
        keepalive_s: int = 15,
        resend_after_s: float = 10.0,
        return_after_s: float = 60.0,
        max_pause_s: float = 15.0,
        on_agenda: Callable[[Agenda], None] = lambda _: None,
        on_limits: Callable[[Limits], None] = lambda _: None,
        on_command: Callable[[Command], None] = lambda _: None,
        on_connection: Callable[[bool], None] = lambda _: None,
    ) -> None:
        if not endpoints:
            raise ValueError("an uplink needs a broker")
        self.site = outbox.site
        self.boot = outbox.boot
        self.error = ""
        """Why there is no connection, or why the broker refuses what we send; empty when all is well."""
        self.center: Status | None = None
        """What the center last said of itself."""
        self._outbox = outbox
        self._endpoints = tuple(endpoints)
        self._credentials = Credentials(
            credentials.username or self.site, credentials.password, credentials.ca, credentials.cert, credentials.key
        )
        self._version = version
        self._keepalive_s = keepalive_s
        self._return_after_s = return_after_s
        self._max_pause_s = max_pause_s
        self._on_agenda, self._on_limits, self._on_command, self._on_connection = on_agenda, on_limits, on_command, on_connection
        self._lock = threading.Lock()  # guards what other threads hand over: the next five
        self._states: dict[str, ComponentState] = {}
        self._changed: set[str] = set()
        self._heartbeat: Heartbeat | None = None
        self._stop_at: float | None = None
        self._told_seq = 0
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)  # noqa: FBT003
        self._wake_out.setblocking(False)  # noqa: FBT003
        self._connection: Connection | None = None
        self._ready = False
        self._journal = JournalSender(outbox, resend_after_s)
        self._said_goodbye: int | None = None
        self._primary_answers = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has us and has been heard lately: false on a half-open link too."""
        connection = self._connection
        return self._ready and connection is not None and connection.heard_lately

    @property
    def endpoint(self) -> str:
        """Name of the endpoint in use, or empty."""
        connection = self._connection
        return connection.endpoint.name if self._ready and connection is not None else ""

    def start(self) -> None:
        """Begin; connecting goes on in the background for ever."""
        self._outbox.on_stored(self._hurry)
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._thread.start()

    def publish_state(self, component: str, state: ComponentState) -> None:
        """Replace the retained state of a component; the latest is told again at every connection."""
        with self._lock:
            self._states[component] = state
            self._changed.add(component)
        self._wake()

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        """Give a sign of life now; lost without a connection, as is its nature."""
        with self._lock:
            self._heartbeat = heartbeat
        thread = self._thread
        if thread is not None and not thread.is_alive() and self._stop_at is None:
            log.error("the uplink's thread has died; a new one is started")
            self.start()
        self._wake()

    def stop(self, drain_s: float = 2.0) -> None:
        """Leave in order: send what waits for at most `drain_s`, say ``disconnected``, end the thread. This one waits."""
        self._outbox.flush(drain_s)
        with self._lock:
            self._stop_at = time.monotonic() + drain_s
        self._wake()
        if self._thread is not None:
            self._thread.join(drain_s + 10.0)

    # From here on: the uplink's thread.

    def _run(self) -> None:
        attempt = 0
        while not self._stopping():
            endpoint = self._endpoints[attempt % len(self._endpoints)]
            began_at = time.monotonic()
            try:
                self._serve(endpoint)
            except (OSError, ssl.SSLError, ValueError) as error:
                self._note_failure(endpoint, error)
            except Exception:
                log.exception("uplink: a programming error ended the connection; it is made anew")
                self.error = "programming error, see the log"
            finally:
                self._end()
            attempt = 0 if time.monotonic() - began_at > STEADY_S else attempt + 1
            if not self._stopping() and attempt % len(self._endpoints) == 0:
                self._pause(attempt // len(self._endpoints))

    def _stopping(self) -> bool:
        return self._stop_at is not None

    def _note_failure(self, endpoint: Endpoint, error: Exception) -> None:
        text = f"{endpoint.name} broker {endpoint.host}:{endpoint.port}: {error}"
        if text != self.error:
            log.warning("uplink: %s", text)
        self.error = text

    def _pause(self, rounds: int) -> None:
        """Wait, longer each round, and never all sites at once."""
        longest_s = min(self._max_pause_s, FIRST_PAUSE_S * 2 ** min(rounds, 10))
        until = time.monotonic() + random.uniform(longest_s / 2, longest_s)  # noqa: S311 — spreads load, keeps no secret
        while not self._stopping() and time.monotonic() < until:
            time.sleep(0.05)

    def _serve(self, endpoint: Endpoint) -> None:
        status_topic = topics.site_topic(self.site, Kind.STATUS)
        connection = Connection(
            endpoint,
            self._credentials,
            client_id=self.site,
            keepalive_s=self._keepalive_s,
            will=(status_topic, self._encode(Topic(self.site, Kind.STATUS), self._status(Presence.LOST, endpoint))),
            on_message=self._take,
            on_published=self._published,
            wake=self._wake_out,
        )
        try:
            connection.open()
            self._connection = connection
            self._greet(connection)
            left = self._talk(connection)
        except BaseException:
            connection.close(orderly=False)
            raise
        if left:
            self._say_goodbye(connection)
        connection.close(orderly=True)

    def _greet(self, connection: Connection) -> None:
        self._publish_status(connection, Presence.INIT)
        connection.subscribe(
            [
                topics.site_topic(self.site, Kind.ACK),
                topics.site_topic(self.site, Kind.LIMITS),
                topics.site_topic(self.site, Kind.COMMAND, "+"),
                topics.center_status(),
                topics.agenda(self.site),
            ]
        )
        with self._lock:
            self._changed = set(self._states)

    def _talk(self, connection: Connection) -> bool:
        """Go on until we stop (True) or the primary answers again (False)."""
        return_at = time.monotonic() + self._return_after_s
        while True:
            if not self._ready and connection.subscribed:
                self._set_ready(connection)
            self._send_states(connection)
            if self._ready:
                self._journal.send(connection)
            if self._stop_at is not None and (time.monotonic() >= self._stop_at or not self._outbox.rows):
                return True
            if connection.endpoint is not self._endpoints[0]:
                if self._primary_answers.is_set():
                    self._primary_answers.clear()
                    log.info("uplink: the primary broker answers again, leaving the standby")
                    return False
                if time.monotonic() >= return_at:
                    return_at = time.monotonic() + self._return_after_s
                    threading.Thread(target=self._try_primary, name="uplink-primary", daemon=True).start()
            connection.step(self._journal.idle_s() if self._ready else 0.2)

    def _try_primary(self) -> None:
        try:
            open_socket(self._endpoints[0], 3.0).close()
        except OSError:
            return
        self._primary_answers.set()
        self._wake()

    def _set_ready(self, connection: Connection) -> None:
        self._publish_status(connection, Presence.READY)
        self._ready = True
        self._journal.hurry()
        self.error = ""
        log.info("uplink: ready at the %s broker %s:%d", connection.endpoint.name, connection.endpoint.host, connection.endpoint.port)
        _call(self._on_connection, True)  # noqa: FBT003

    def _say_goodbye(self, connection: Connection) -> None:
        self._said_goodbye = self._publish_status(connection, Presence.DISCONNECTED)
        until = time.monotonic() + 2.0
        try:
            while self._awaits_goodbye() and time.monotonic() < until:
                connection.step(0.1)
        except LostError as error:
            log.warning("uplink: lost while leaving: %s", error)

    def _awaits_goodbye(self) -> bool:
        return self._said_goodbye is not None

    def _end(self) -> None:
        was_ready, self._ready, self._connection = self._ready, False, None
        self._journal.forget()
        if was_ready:
            _call(self._on_connection, False)  # noqa: FBT003

    def _send_states(self, connection: Connection) -> None:
        with self._lock:
            changed = {component: self._states[component] for component in sorted(self._changed)}
            self._changed.clear()
            heartbeat, self._heartbeat = self._heartbeat, None
        for component, state in changed.items():
            connection.publish(
                topics.site_topic(self.site, Kind.COMPONENT, component),
                self._encode(Topic(self.site, Kind.COMPONENT, component), state),
                retain=True,
            )
        if heartbeat is not None and self._ready:
            connection.publish(
                topics.site_topic(self.site, Kind.HEARTBEAT), self._encode(Topic(self.site, Kind.HEARTBEAT), heartbeat), qos=0
            )

    def _published(self, mid: int, refusal: str) -> None:
        self._journal.published(mid, refused=bool(refusal))
        if mid == self._said_goodbye:
            self._said_goodbye = None
        if refusal:
            text = f"the broker refuses what this site sends: {refusal}"
            if text != self.error:
                log.error("uplink: %s", text)
            self.error = text

    def _take(self, topic: str, payload: bytes, _retained: bool) -> None:
        try:
            message = messages.decode(topic, payload)
        except RefusedError as error:
            log.warning("uplink: unreadable message on %s: %s", topic, error)
            return
        self._dispatch(message)

    def _dispatch(self, message: Message) -> None:
        match message.payload:
            case Ack() as ack:
                self._outbox.settle(ack)
                self._journal.hurry()
            case Agenda() as agenda:
                _call(self._on_agenda, agenda)
            case Limits() as limits:
                _call(self._on_limits, limits)
            case Command() as command:
                _call(self._on_command, command)
            case Status() as status if message.topic.site == topics.CENTER:
                self._hear_center(status)

    def _hear_center(self, status: Status) -> None:
        """A center that has just come up has not seen what the broker took while it was away."""
        before, self.center = self.center, status
        if status.state is Presence.READY and before is not None and before != status:
            self._journal.send_again()

    def _status(self, state: Presence, endpoint: Endpoint) -> Status:
        return Status(boot=self.boot, state=state, at=datetime.now(UTC), version=self._version, uplink=endpoint.name)

    def _publish_status(self, connection: Connection, state: Presence) -> int:
        payload = self._encode(Topic(self.site, Kind.STATUS), self._status(state, connection.endpoint))
        return connection.publish(topics.site_topic(self.site, Kind.STATUS), payload, retain=True)

    def _encode(self, topic: Topic, payload: Payload) -> bytes:
        """Envelope of what is not in the journal; its numbers are a series of their own, hence the letter."""
        with self._lock:
            self._told_seq += 1
            seq = self._told_seq
        offset_ms = self._outbox.clock_offset_ms()
        return messages.encode(topic, payload, boot=f"{self.boot}v", seq=seq, time=datetime.now(UTC), clock_offset_ms=offset_ms)

    def _hurry(self) -> None:
        self._journal.hurry()
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake_in.send(b".")


def _call(callback: Callable[[_T], None], brought: _T) -> None:
    try:
        callback(brought)
    except Exception:
        log.exception("uplink: a listener failed")
