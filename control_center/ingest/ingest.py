"""From the broker into the store, and only then an acknowledgement to the site.

link's thread → queue → store thread: decode, one transaction for what is there, COMMIT, acknowledge to each site which
(boot, seq) are settled, acknowledge to the broker, hand on. Nothing waits for a batch to fill: under load the batch is
what came while the one before was committed.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from contract import messages, topics
from contract.messages import Ack, Message, Payload, Presence, Rejected, Status
from contract.topics import Kind, Topic
from control_center.ingest import batch
from control_center.ingest.batch import Outcome
from control_center.ingest.intake import JOURNAL, Accepted, Arrived, Receipt, Refused, place_of, read
from control_center.ingest.link import BrokerAddress, Link
from control_center.ingest.ranges import to_ranges

log = logging.getLogger(__name__)

BATCH = 500
"""Most messages in one transaction."""
MOST_WAITING = 10_000
"""Beyond this, messages are let go unstored; sites send journal rows again, for nobody has acknowledged them."""
RETRY_S = 1.0
"""How soon a store that refused is tried again."""

OnMessage = Callable[[Message, bool], None]


class Ingest:
    """Hears all sites. `start` and `stop` once; `publish` from any thread.

    Args:
        broker: The broker and who we are there.
        engine: The store; its tables must exist.
        on_message: Called with every message that was read and whether the store knew it not before (journal row never
            seen; state or status that differs from the last; heartbeats always). Journal rows and states are committed
            by then. Called on the store's thread: hand over with `call_soon_threadsafe`, do not linger.
        version: Version of the center, for its status.
        share_group: With several workers: the name of the group that divides events and figures among its members.
    """

    def __init__(self, broker: BrokerAddress, engine: Engine, on_message: OnMessage, *, version: str = "", share_group: str = "") -> None:
        self.boot = secrets.token_hex(8)
        self.counts: Counter[str] = Counter()
        """Since the start: ``stored``, ``duplicate``, ``dropped``, ``quarantined`` and ``quarantined.<reason>``."""
        self.store_error = ""
        """Why the store refuses, or empty."""
        self._engine = engine
        self._on_message = on_message
        self._version = version
        self._seq = 0
        self._seq_lock = threading.Lock()
        self._retained: dict[str, Payload] = {}
        self._arrived: queue.SimpleQueue[Arrived | None] = queue.SimpleQueue()
        self._held: list[Accepted | Refused] = []
        status = topics.center_status()
        share = f"$share/{share_group}/" if share_group else ""
        subscriptions = [
            (("" if kind not in JOURNAL else share) + topics.every_site(kind), 0 if kind is Kind.HEARTBEAT else 1)
            for kind in topics.FROM_SITE
        ]
        will = (status, self._encode(status, self._status(Presence.LOST)))
        self._link = Link(broker, subscriptions, will=will, on_message=self._take, on_ready=self._greet)
        self._thread = threading.Thread(target=self._store_for_ever, name="ingest-store", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker sends us what the sites say."""
        return self._link.ready

    @property
    def alive(self) -> bool:
        """Whether both threads are there."""
        return self._thread.is_alive() and self._link.alive

    @property
    def error(self) -> str:
        """What is wrong now with broker or store, or empty."""
        return self._link.error or self.store_error

    def start(self) -> None:
        """Begin to listen and to store."""
        self._thread.start()
        self._link.start()

    def stop(self) -> None:
        """Say ``disconnected``, store what has come, end both threads."""
        status = topics.center_status()
        self._link.stop((status, self._encode(status, self._status(Presence.DISCONNECTED))))
        self._arrived.put(None)
        if self._thread.is_alive():
            self._thread.join(15.0)

    def publish(self, topic: str, payload: Payload, *, retain: bool = False) -> bool:
        """Send to a site; what is retained is told again at every connection.

        Returns:
            Whether it is on its way: an order that is not retained is lost without a connection.
        """
        if retain:
            self._retained[topic] = payload
        return self._link.publish(topic, self._encode(topic, payload), retain=retain) is not None

    # The link's thread.

    def _take(self, topic: str, payload: bytes, receipt: Receipt | None) -> None:
        if self._arrived.qsize() >= MOST_WAITING:
            self.counts["dropped"] += 1
            if receipt is not None:
                self._link.acknowledge(receipt)
            return
        self._arrived.put(Arrived(topic, payload, datetime.now(UTC), receipt))

    def _greet(self) -> None:
        for topic, payload in list(self._retained.items()):
            self._link.publish(topic, self._encode(topic, payload), retain=True)
        status = topics.center_status()
        self._link.publish(status, self._encode(status, self._status(Presence.READY)), retain=True)

    # The store's thread.

    def _store_for_ever(self) -> None:
        while True:
            arrived, stopping = self._next()
            try:
                self._work(arrived)
            except Exception:
                let_go = [item.arrived for item in self._held] + arrived
                log.exception("ingest: a programming error; %d messages are let go unacknowledged, the sites send them again", len(let_go))
                self._held = []
                for one in let_go:
                    self._release(one)
            if stopping:
                return

    def _next(self) -> tuple[list[Arrived], bool]:
        """What is there now, waiting only if that is nothing; and whether it is the last."""
        arrived: list[Arrived] = []
        try:
            one = self._arrived.get(timeout=RETRY_S if self._held else None)
            while one is not None:
                arrived.append(one)
                if len(arrived) >= BATCH:
                    break
                one = self._arrived.get_nowait()
        except queue.Empty:
            return arrived, False
        return arrived, one is None

    def _work(self, arrived: Iterable[Arrived]) -> None:
        todo = list(self._held)
        for one in arrived:
            item = read(one)
            if item is None:
                self._release(one)
            elif isinstance(item, Accepted) and item.message.topic.kind is Kind.HEARTBEAT:
                self._hand_on(item, is_new=True)  # volatile: even while the store refuses
            else:
                todo.append(item)
        if not todo:
            return
        try:
            outcome = self._store(todo)
        except (DBAPIError, OSError) as error:
            self._hold(todo, error)
            return
        self._held = []
        if self.store_error:
            log.warning("ingest: the store takes messages again")
            self.store_error = ""
        self._settle(outcome)

    def _store(self, todo: list[Accepted | Refused]) -> Outcome:
        """Commit all together; if one message is poison to the database, each for itself, and that one aside."""
        try:
            return self._commit(todo)
        except Exception as error:
            if not _is_poison(error):
                raise
        outcome = Outcome()
        for item in todo:
            try:
                one = self._commit([item])
            except Exception as error:
                if not _is_poison(error) or isinstance(item, Refused):
                    raise
                one = self._commit([Refused(item.arrived, "store", str(error), place_of(item.arrived))])
            outcome.kept += one.kept
            outcome.refused += one.refused
        return outcome

    def _commit(self, todo: list[Accepted | Refused]) -> Outcome:
        accepted = [item for item in todo if isinstance(item, Accepted)]
        refused = [item for item in todo if isinstance(item, Refused)]
        with self._engine.begin() as connection:
            return batch.store(connection, accepted, refused)

    def _hold(self, todo: list[Accepted | Refused], error: Exception) -> None:
        if not self.store_error:
            log.error("ingest: the store refuses, messages are held back: %s", error)
        self.store_error = str(error)
        let_go = todo[:-MOST_WAITING]
        self.counts["dropped"] += len(let_go)
        for item in let_go:
            self._release(item.arrived)
        self._held = todo[-MOST_WAITING:]

    def _settle(self, outcome: Outcome) -> None:
        """The commit stands: tell the sites, then the broker, then the rest of the center."""
        for site, ack in _acks(outcome):
            topic = topics.site_topic(site, Kind.ACK)
            self._link.publish(topic, self._encode(topic, ack))
        for refused in outcome.refused:
            self._release(refused.arrived)
            self.counts["quarantined"] += 1
            self.counts[f"quarantined.{refused.reason}"] += 1
            self._log_refusal(refused)
        for item, is_new in outcome.kept:
            self._release(item.arrived)
            self.counts["stored" if is_new else "duplicate"] += 1
            self._hand_on(item, is_new=is_new)

    def _log_refusal(self, refused: Refused) -> None:
        """The 1st, 2nd, 4th, 8th … for one reason: a site that sends rubbish must not fill the log."""
        times = self.counts[f"quarantined.{refused.reason}"]
        if times.bit_count() == 1:
            topic, detail = refused.arrived.topic[:120], refused.detail[:300]
            log.warning("ingest: quarantined (%s, number %d since the start) from %r: %s", refused.reason, times, topic, detail)

    def _release(self, arrived: Arrived) -> None:
        if arrived.receipt is not None:
            self._link.acknowledge(arrived.receipt)

    def _hand_on(self, item: Accepted, *, is_new: bool) -> None:
        try:
            self._on_message(item.message, is_new)
        except Exception:
            log.exception("ingest: a listener failed on %s", item.message.id)

    def _status(self, state: Presence) -> Status:
        return Status(boot=self.boot, state=state, at=datetime.now(UTC), version=self._version)

    def _encode(self, topic: str, payload: Payload) -> bytes:
        parsed: Topic | None = topics.parse(topic)
        if parsed is None:
            raise ValueError(f"{topic!r} is not of {topics.ROOT}")
        with self._seq_lock:
            self._seq += 1
            seq = self._seq
        return messages.encode(parsed, payload, boot=self.boot, seq=seq, time=datetime.now(UTC))


def _is_poison(error: Exception) -> bool:
    """Whether the message is to blame, not the database."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError | ValueError | OverflowError)


def _acks(outcome: Outcome) -> list[tuple[str, Ack]]:
    """One acknowledgement for each (site, boot) in the batch."""
    stored: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    rejected: defaultdict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for item, _ in outcome.kept:
        message = item.message
        if message.topic.kind in JOURNAL:
            stored[message.topic.site, message.boot].add(message.seq)
    for refused in outcome.refused:
        if refused.place is not None:
            site, boot, seq = refused.place
            rejected[site, boot][seq] = f"{refused.reason}: {refused.detail}"[:200]
    acks = []
    for site, boot in sorted(stored.keys() | rejected.keys()):
        reasons = tuple(Rejected(seq=seq, reason=reason) for seq, reason in sorted(rejected[site, boot].items()))
        acks.append((site, Ack(boot=boot, stored=to_ranges(stored[site, boot]), rejected=reasons)))
    return acks
