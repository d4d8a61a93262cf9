"""Put aside what could not be read: counted for ever, kept in part, bounded."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, insert, update
from sqlalchemy import select as select_rows

from control_center.ingest.intake import Refused
from control_center.store.journal import QuarantineRow

MAX_ROWS = 2000
"""Different (topic, reason) pairs that are kept; what is more is counted under the topic ``(other)``."""
PAYLOAD_BYTES = 2000
"""How much of the latest payload is kept."""
OTHER = "(other)"


def store(connection: Connection, refused: Iterable[Refused]) -> None:
    """Count `refused` and keep the beginning of the latest of each topic and reason."""
    groups: dict[tuple[str, str], list[Refused]] = {}
    for one in refused:
        groups.setdefault((_text(one.arrived.topic, 200), one.reason), []).append(one)
    for (topic, reason), members in groups.items():
        if not _count(connection, topic, reason, members):
            (kept,) = connection.execute(select_rows(func.count()).select_from(QuarantineRow)).one()
            named = topic if kept < MAX_ROWS else OTHER
            if named == topic or not _count(connection, OTHER, reason, members):
                first_at = min(one.arrived.at for one in members)
                values = _latest(members) | {"topic": named, "reason": reason, "first_at": first_at, "count": len(members)}
                connection.execute(insert(QuarantineRow).values(values))


def _count(connection: Connection, topic: str, reason: str, members: list[Refused]) -> bool:
    statement = update(QuarantineRow).where(QuarantineRow.topic == topic, QuarantineRow.reason == reason)
    found = connection.execute(statement.values(_latest(members) | {"count": QuarantineRow.count + len(members)}))
    return bool(found.rowcount)


def _latest(members: list[Refused]) -> dict[str, object]:
    latest = members[-1]
    payload = latest.arrived.payload[:PAYLOAD_BYTES].decode("utf-8", "backslashreplace")
    return {"detail": _text(latest.detail, 500), "payload": _text(payload, PAYLOAD_BYTES), "received_at": latest.arrived.at}


def _text(text: str, length: int) -> str:
    """Text that every database takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")[:length]
