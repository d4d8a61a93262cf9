"""The outbox's file: rows in SQLite that survive a power cut, and what to do when the file does not.

WAL with ``synchronous=FULL``: what a committed transaction holds is on the disk. Not thread-safe; `Outbox` locks.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from contract.messages import MAX_SEQ, Ack
from contract.topics import Kind

log = logging.getLogger(__name__)

KEPT_ASIDE = 3
"""How many unreadable files are kept for whoever looks into it."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
  position INTEGER PRIMARY KEY,
  boot TEXT NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  keep INTEGER NOT NULL,
  payload BLOB NOT NULL,
  UNIQUE (boot, seq)
);
CREATE INDEX IF NOT EXISTS rows_by_kind ON rows (kind, keep, position);
CREATE TABLE IF NOT EXISTS lost (kind TEXT PRIMARY KEY, rows INTEGER NOT NULL);
"""


class Row(NamedTuple):
    """One journal row: its name at the center (with the site), its kind, and its payload in its envelope."""

    boot: str
    seq: int
    kind: Kind
    payload: bytes
    keep: bool = False
    """Never dropped when the outbox is full: the account of what was dropped."""


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, as against a full disk or a missing right."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _check(db: sqlite3.Connection) -> None:
    broken = [word for (word,) in db.execute("PRAGMA quick_check(3)") if word != "ok"]
    if broken:
        error = sqlite3.DatabaseError("; ".join(broken))
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def covers(ack: Ack, boot: str, seq: int) -> bool:
    """Whether `ack` settles this row."""
    return ack.boot == boot and (any(first <= seq <= last for first, last in ack.stored) or any(seq == row.seq for row in ack.rejected))


class OutboxFile:
    """Rows that wait for the center's acknowledgement, oldest first.

    Args:
        path: The database; its folder is made if it is missing. A file that is no database or damaged is moved aside
            (``<name>.corrupt-<seconds>``) and an empty one is begun.

    Raises:
        sqlite3.Error, OSError: if the file can be neither opened nor begun (full disk, missing right).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            self.set_aside(path, str(error))
            self._db = self._open()
        self.rows: int = self._db.execute("SELECT COUNT(*) FROM rows").fetchone()[0]
        """How many rows wait."""
        self.has_lost = bool(self.lost())
        """Whether rows were dropped of which the center does not know yet."""

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            self.path.chmod(0o600)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA journal_size_limit=4194304")
            _check(db)
            db.executescript(_SCHEMA)
        except BaseException:
            db.close()
            raise
        return db

    @staticmethod
    def set_aside(path: Path, why: str) -> None:
        """Move an unreadable file and its companions out of the way, keeping the latest few."""
        target = path.with_name(f"{path.name}.corrupt-{time.time_ns() // 1_000_000}")
        for suffix in ("", "-wal", "-shm"):
            source = path.with_name(path.name + suffix)
            if source.exists():
                source.replace(target.with_name(target.name + suffix))
        log.error("the outbox %s is damaged (%s): moved to %s, an empty one is begun; what it held is lost", path, why, target.name)
        aside = sorted(p for p in path.parent.glob(f"{path.name}.corrupt-*") if not p.name.endswith(("-wal", "-shm")))
        for old in aside[:-KEPT_ASIDE]:
            for suffix in ("", "-wal", "-shm"):
                old.with_name(old.name + suffix).unlink(missing_ok=True)

    def write(self, rows: Iterable[Row], *, max_rows: int) -> dict[str, int]:
        """Commit `rows` in one transaction, making room first if need be.

        Returns:
            How many rows of which kind were dropped for it: the oldest figures first, events last.
        """
        values = [(row.boot, row.seq, str(row.kind), row.keep, row.payload) for row in rows]
        with self._transaction():
            self._db.executemany("INSERT INTO rows (boot, seq, kind, keep, payload) VALUES (?, ?, ?, ?, ?)", values)
            dropped = self._make_room(self.rows + len(values) - max_rows)
        self.rows += len(values) - sum(dropped.values())
        return dropped

    def _make_room(self, over: int) -> dict[str, int]:
        dropped: dict[str, int] = {}
        for kind in (Kind.FIGURES, Kind.EVENT) if over > 0 else ():
            gone = self._db.execute(
                "DELETE FROM rows WHERE position IN (SELECT position FROM rows WHERE kind = ? AND keep = 0 ORDER BY position LIMIT ?)",
                (str(kind), max(over, 0)),
            ).rowcount
            if gone:
                dropped[str(kind)] = gone
                over -= gone
        self._add_lost(dropped)
        return dropped

    def _add_lost(self, dropped: dict[str, int]) -> None:
        self.has_lost = self.has_lost or bool(dropped)
        self._db.executemany(
            "INSERT INTO lost (kind, rows) VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET rows = rows + excluded.rows",
            list(dropped.items()),
        )

    def lost(self) -> dict[str, int]:
        """Rows dropped and not yet told, by kind."""
        return dict(self._db.execute("SELECT kind, rows FROM lost ORDER BY kind"))

    def add_lost(self, dropped: dict[str, int]) -> None:
        """Remember rows that were dropped before they reached the file."""
        with self._transaction():
            self._add_lost(dropped)

    def tell_lost(self, account: Row) -> None:
        """Put the account of what was dropped into the journal, and begin counting anew."""
        with self._transaction():
            self._db.execute("DELETE FROM lost")
            self._db.execute(
                "INSERT INTO rows (boot, seq, kind, keep, payload) VALUES (?, ?, ?, 1, ?)",
                (account.boot, account.seq, str(account.kind), account.payload),
            )
        self.rows += 1
        self.has_lost = False

    def delete(self, acks: Iterable[Ack]) -> int:
        """Delete exactly the rows that `acks` settle; how many there were."""
        gone = 0
        with self._transaction():
            for ack in acks:
                ranges = [*ack.stored, *((row.seq, row.seq) for row in ack.rejected)]
                for first, last in ((max(first, 0), min(last, MAX_SEQ)) for first, last in ranges):
                    if first <= last:
                        gone += self._db.execute(
                            "DELETE FROM rows WHERE boot = ? AND seq BETWEEN ? AND ?", (ack.boot, first, last)
                        ).rowcount
        self.rows -= gone
        return gone

    def oldest(self, kind: Kind | None = None) -> Iterator[Row]:
        """Rows in the order they were written, over all boots; of one kind if asked."""
        where, values = ("WHERE kind = ?", (str(kind),)) if kind else ("", ())
        cursor = self._db.execute(f"SELECT boot, seq, kind, payload, keep FROM rows {where} ORDER BY position", values)  # noqa: S608
        for boot, seq, word, payload, keep in cursor:
            yield Row(boot, seq, Kind(word), payload, bool(keep))

    def close(self) -> None:
        """Close the file, folding the log into it."""
        self._db.close()

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT, rolled back if anything in it or the commit itself fails."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
