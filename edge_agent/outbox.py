"""What must reach the center: on disk before it is sent, deleted when the center says that it is settled.

Appending never waits for the disk (the link watch must not): a writer thread commits, an event at once, figures in
groups. What is not yet on disk is not sent, with one exception: while the disk refuses, rows are kept in a bounded
memory list and sent from there, for nothing is gained by holding them back.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time as clocks
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from contract import messages, topics
from contract.messages import Ack, Event, Figures, Overflow
from contract.topics import Kind
from edge_agent.outbox_file import OutboxFile, Row, covers, is_corrupt

log = logging.getLogger(__name__)

MEMORY_ROWS = 2000
"""How many rows are kept in memory while the disk refuses."""
RETRY_S = 2.0
"""How often a disk that refused is tried again."""


class Place(NamedTuple):
    """Where in the journal a row stands; with the site, its name everywhere."""

    boot: str
    seq: int


class Outbox:
    """Bounded journal of events and figures on their way to the center. Every method may be called from any thread.

    A damaged file is moved aside and an empty one begun; a disk that refuses shows in `error` and is tried again.

    Args:
        path: SQLite database; made if missing.
        site: Id of this site.
        max_rows: Most rows kept; beyond it the oldest figures go first, events last, and an `Overflow` event tells
            how many as soon as there is room again.
        group_commit_s: How long figures may wait for company before they are committed; events do not wait.
        now: Clock of the envelopes that the outbox writes itself.
    """

    def __init__(
        self,
        path: Path,
        *,
        site: str,
        max_rows: int = 100_000,
        group_commit_s: float = 0.1,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if max_rows < 2:
            raise ValueError(f"max_rows is {max_rows}; an outbox needs 2 at least")
        self.site = site
        self.boot = secrets.token_hex(8)
        """Names this start of the agent in every message: new at each start."""
        self.max_rows = max_rows
        self.clock_offset_ms: Callable[[], float | None] = lambda: None
        """Our clock minus the center's, put beside the times of each message; set by who measures it."""
        self.dropped: Counter[str] = Counter()
        """Rows dropped since the start, by kind (``evt``, ``fig``)."""
        self._path = path
        self._group_commit_s = group_commit_s
        self._now = now
        self._file: OutboxFile | None = None
        self._file_lock = threading.Lock()
        self._owed: list[Ack] = []
        """Settlements that the disk has refused; taken as done, and tried again."""
        self._turn = threading.Condition()  # guards what follows; taken after the file lock, never before it
        self._seq = 0
        self._waiting: list[Row] = []
        self._writing: list[Row] = []
        self._due_at: float | None = None
        self._again_at = 0.0
        self._rows_on_disk = 0
        self._untold: Counter[str] = Counter()
        self._error = ""
        self._stopping = False
        self._listener: Callable[[], None] = lambda: None
        with self._file_lock:
            self._work()
        self._writer = threading.Thread(target=self._write_for_ever, name="outbox-writer", daemon=True)
        self._writer.start()

    @property
    def rows(self) -> int:
        """How many rows wait for the center, on disk and in memory."""
        with self._turn:
            return self._rows_on_disk + len(self._waiting) + len(self._writing)

    @property
    def error(self) -> str:
        """Why the disk refuses, or empty: what is appended now is only in memory."""
        return self._error

    def on_stored(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever new rows can be sent; on the writer's thread, so it must be quick."""
        self._listener = listener

    def append(self, kind: Kind, payload: Event | Figures, time: datetime) -> Place:
        """Put one event or one minute of figures into the journal; returns before it is on disk (see `flush`).

        Raises:
            ValueError: if `kind` has no journal, `time` has no zone, or the message is larger than a receiver reads.
        """
        return self.append_many([(kind, payload, time)])[0]

    def append_many(self, items: Iterable[tuple[Kind, Event | Figures, datetime]]) -> list[Place]:
        """Put several into the journal, in order, to be committed together."""
        with self._turn:
            if self._stopping:
                raise ValueError("the outbox is closed")
            rows = []
            for ahead, (kind, payload, time) in enumerate(items, start=1):
                rows.append(self._row(kind, payload, time, self._seq + ahead))
            self._seq += len(rows)
            self._waiting += rows
            self._bound_memory()
            urgent = any(row.kind is Kind.EVENT for row in rows)
            due_at = clocks.monotonic() + (0.0 if urgent else self._group_commit_s)
            self._due_at = due_at if self._due_at is None else min(self._due_at, due_at)
            self._turn.notify_all()
        if self._error:
            self._tell_listener()  # the writer has nothing to tell until the disk works again
        return [Place(row.boot, row.seq) for row in rows]

    def pending(self, limit: int, kind: Kind | None = None) -> list[Row]:
        """The `limit` oldest rows that may be sent and are not settled, over all boots; of one kind if asked."""
        with self._file_lock:
            memory: list[Row] = []
            if self._error:
                with self._turn:
                    memory = [row for row in chain(self._writing, self._waiting) if kind in (None, row.kind)]
            try:
                on_disk = self._file.oldest(kind) if self._file is not None else iter(())
                unsettled = (row for row in chain(on_disk, memory) if not any(covers(ack, row.boot, row.seq) for ack in self._owed))
                return list(islice(unsettled, limit))
            except sqlite3.Error as error:
                self._fail(error)
                return memory[:limit]

    def settle(self, ack: Ack) -> int:
        """Delete exactly the rows that the center has stored or put aside; how many there were."""
        with self._file_lock:
            for row in ack.rejected:
                log.warning("the center cannot use row %s:%d: %s", ack.boot, row.seq, row.reason)
            with self._turn:
                before = len(self._waiting)
                self._waiting = [row for row in self._waiting if not covers(ack, row.boot, row.seq)]
                gone = before - len(self._waiting)
            self._owed.append(ack)
            if self._file is None:
                return gone
            try:
                gone += self._pay(self._file)
            except sqlite3.Error as error:
                self._fail(error)
            with self._turn:
                self._rows_on_disk = self._count()
                if self._has_lost():
                    self._due_at = clocks.monotonic()  # there may be room now to tell what was dropped
                    self._turn.notify_all()
            return gone

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was appended is on disk; False if the disk refuses or the time is over."""
        with self._turn:
            if self._waiting:
                self._due_at = clocks.monotonic()
                self._turn.notify_all()
            return self._turn.wait_for(lambda: not self._waiting and not self._writing, timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Commit what is left and close the file."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        self._writer.join(timeout_s)
        with self._file_lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _row(self, kind: Kind, payload: Event | Figures, time: datetime, seq: int) -> Row:
        if kind not in (Kind.EVENT, Kind.FIGURES):
            raise ValueError(f"{kind} has no journal")
        if time.tzinfo is None:
            raise ValueError("a message's time needs a zone")
        topic = topics.Topic(self.site, kind)
        encoded = messages.encode(topic, payload, boot=self.boot, seq=seq, time=time, clock_offset_ms=self.clock_offset_ms())
        if len(encoded) > messages.MAX_PAYLOAD_BYTES:
            raise ValueError(f"a message of {len(encoded)} bytes; the center reads {messages.MAX_PAYLOAD_BYTES}")
        return Row(self.boot, seq, kind, encoded, keep=isinstance(payload, Overflow))

    def _bound_memory(self) -> None:
        over = len(self._waiting) - MEMORY_ROWS
        if over <= 0 or not self._error:
            return  # a disk that works takes any burst; only one that refuses lets the list grow
        order = sorted(range(len(self._waiting)), key=lambda at: (self._waiting[at].kind is Kind.EVENT, at))
        gone = set(order[:over])
        for at in gone:
            self._untold[str(self._waiting[at].kind)] += 1
            self.dropped[str(self._waiting[at].kind)] += 1
        self._waiting = [row for at, row in enumerate(self._waiting) if at not in gone]

    def _write_for_ever(self) -> None:
        while True:
            with self._turn:
                while not self._stopping and not self._is_due():
                    due_at = self._next_try_at()
                    self._turn.wait(None if due_at is None else max(0.0, due_at - clocks.monotonic()))
                stopping = self._stopping
            with self._file_lock:
                try:
                    self._work()
                except Exception as error:
                    log.exception("the outbox's writer met a programming error and goes on")
                    self._fail(error)
            self._tell_listener()
            with self._turn:
                if stopping and (self._error or not self._waiting):
                    return

    def _count(self) -> int:
        return self._file.rows if self._file is not None else 0

    def _has_lost(self) -> bool:
        return self._file is not None and self._file.has_lost

    def _next_try_at(self) -> float | None:
        return self._again_at if self._error else self._due_at

    def _is_due(self) -> bool:
        due_at = self._next_try_at()
        return due_at is not None and clocks.monotonic() >= due_at

    def _tell_listener(self) -> None:
        try:
            self._listener()
        except Exception:
            log.exception("the outbox's listener failed")

    def _work(self) -> None:
        """One round at the disk: open it if need be, commit, delete what is settled, tell what was dropped."""
        try:
            if self._file is None:
                self._file = OutboxFile(self._path)
            self._commit(self._file)
            self._pay(self._file)
            self._tell_lost(self._file)
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return
        finally:
            with self._turn:
                self._rows_on_disk = self._count()
                self._turn.notify_all()
        if self._error:
            log.warning("the outbox %s can be written again", self._path)
            self._error = ""

    def _commit(self, file: OutboxFile) -> None:
        with self._turn:
            self._writing, self._waiting, self._due_at = self._waiting, [], None
            untold, self._untold = self._untold, Counter()
        try:
            if untold:
                file.add_lost(untold)
                untold.clear()
            dropped = file.write(self._writing, max_rows=self.max_rows) if self._writing else {}
        except BaseException:
            with self._turn:
                self._waiting = self._writing + self._waiting
                self._untold += untold
                self._writing = []
            raise
        with self._turn:
            self._writing = []
            self._rows_on_disk = file.rows
        if dropped and not self.dropped:
            log.warning("the outbox is full (%d rows): the oldest figures are dropped, events last", self.max_rows)
        self.dropped.update(dropped)

    def _pay(self, file: OutboxFile) -> int:
        gone = file.delete(self._owed) if self._owed else 0
        self._owed.clear()
        return gone

    def _tell_lost(self, file: OutboxFile) -> None:
        """Account for what was dropped, once there is room again; the account itself is never dropped."""
        if file.rows > self.max_rows - max(1, self.max_rows // 20):
            return
        if file.has_lost:
            lost = file.lost()
            at = self._now()
            with self._turn:
                self._seq += 1
                seq = self._seq
            file.tell_lost(self._row(Kind.EVENT, Overflow(dropped=lost, at=at), at, seq))

    def _fail(self, error: Exception) -> None:
        """Go on without the disk: say so once, and try it again."""
        broken = isinstance(error, sqlite3.Error) and is_corrupt(error)
        again_at = clocks.monotonic() + (0.0 if broken else RETRY_S)
        if broken and self._file is not None:
            self._file.close()
            self._file = None
            try:
                OutboxFile.set_aside(self._path, str(error))
            except OSError as refusal:
                error, again_at = refusal, clocks.monotonic() + RETRY_S
        if not self._error:
            log.error("the outbox %s cannot be written (%s): new rows are kept in memory only, %d at most", self._path, error, MEMORY_ROWS)
        with self._turn:
            self._error = f"{type(error).__name__}: {error}"
            self._again_at = again_at
            self._turn.notify_all()
