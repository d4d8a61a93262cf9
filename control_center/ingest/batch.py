"""Write a batch of messages in one transaction: each journal row once, however often it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, tuple_
from sqlalchemy import select as select_rows
from sqlalchemy.dialects import postgresql, sqlite

from contract.messages import Figures, Status
from contract.topics import Kind
from control_center.ingest import quarantine
from control_center.ingest.intake import Accepted, Refused
from control_center.store.journal import ComponentStateRow, EventRow, FiguresRow, StatusRow

Place = tuple[str, str, int]
"""Site, boot, sequence number."""


@dataclass
class Outcome:
    """What became of a batch, in its order."""

    kept: list[tuple[Accepted, bool]] = field(default_factory=list)
    """Stored, and whether the store knew it not before."""
    refused: list[Refused] = field(default_factory=list)


def store(connection: Connection, accepted: Sequence[Accepted], refused: Sequence[Refused]) -> Outcome:
    """Write all within the caller's transaction; nothing is promised to anyone before that commits."""
    new: set[int] = set()
    conflicting: dict[int, Refused] = {}
    for kind, table in ((Kind.EVENT, EventRow), (Kind.FIGURES, FiguresRow)):
        rows = [item for item in accepted if item.message.topic.kind is kind]
        if rows:
            _store_journal(connection, table, rows, new, conflicting)
    _store_latest(connection, ComponentStateRow, [item for item in accepted if item.message.topic.kind is Kind.COMPONENT], new)
    _store_latest(connection, StatusRow, [item for item in accepted if item.message.topic.kind is Kind.STATUS], new)
    outcome = Outcome(refused=[*refused, *conflicting.values()])
    outcome.kept = [(item, id(item) in new) for item in accepted if id(item) not in conflicting]
    quarantine.store(connection, outcome.refused)
    return outcome


def _place(item: Accepted) -> Place:
    return (item.message.topic.site, item.message.boot, item.message.seq)


def _store_journal(
    connection: Connection, table: type[EventRow | FiguresRow], rows: list[Accepted], new: set[int], conflicting: dict[int, Refused]
) -> None:
    first: dict[Place, Accepted] = {}
    for item in rows:
        first.setdefault(_place(item), item)
    statement = _insert(connection, table).on_conflict_do_nothing().returning(table.site, table.boot, table.seq)
    inserted = {(site, boot, seq) for site, boot, seq in connection.execute(statement, [_columns(item) for item in first.values()])}
    new.update(id(first[place]) for place in inserted)
    again = [item for item in rows if id(item) not in new]
    if not again:
        return
    key = tuple_(table.site, table.boot, table.seq)
    columns = select_rows(table.site, table.boot, table.seq, table.data, table.time).where(key.in_({_place(item) for item in again}))
    known = {(site, boot, seq): (data, time) for site, boot, seq, data, time in connection.execute(columns)}
    for item in again:
        if known.get(_place(item)) != (item.data, item.message.time):
            detail = f"{item.message.id} was stored before with other content, which stands"
            conflicting[id(item)] = Refused(item.arrived, "replayed", detail, _place(item))


def _columns(item: Accepted) -> dict[str, Any]:
    message, payload = item.message, item.message.payload
    columns = {
        "site": message.topic.site,
        "boot": message.boot,
        "seq": message.seq,
        "meeting": str(getattr(payload, "meeting", ""))[:200],
        "time": message.time,
        "clock_offset_ms": message.clock_offset_ms,
        "received_at": item.arrived.at,
        "data": item.data,
    }
    if isinstance(payload, Figures):
        return columns | {"begins_at": payload.begins_at, "ends_at": payload.ends_at}
    return columns | {"type": str(type(payload).__struct_config__.tag)}


def _store_latest(connection: Connection, table: type[ComponentStateRow | StatusRow], rows: Iterable[Accepted], new: set[int]) -> None:
    """Keep the latest by arrival: a topic keeps its order, a site's clock may be set back."""
    latest: dict[tuple[str, str], Accepted] = {}
    for item in rows:
        before = latest.pop(_latest_key(item), None)
        if before is not None:
            new.add(id(before))
        latest[_latest_key(item)] = item
    if not latest:
        return
    insert = _insert(connection, table)
    values = [
        _latest_columns(item) for _, item in sorted(latest.items(), key=itemgetter(0))
    ]  # in one order: two workers never wait for each other
    keys = [column.name for column in table.__table__.primary_key]
    changing = {name: insert.excluded[name] for name in values[0] if name not in keys}
    statement = insert.on_conflict_do_update(
        index_elements=keys, set_=changing, where=(table.data != insert.excluded.data) | (table.time != insert.excluded.time)
    ).returning(*(table.__table__.c[name] for name in keys))
    changed = {tuple(row) for row in connection.execute(statement, values)}
    new.update(id(item) for key, item in latest.items() if key[: len(keys)] in changed)


def _latest_key(item: Accepted) -> tuple[str, str]:
    return (item.message.topic.site, item.message.topic.rest)


def _latest_columns(item: Accepted) -> dict[str, Any]:
    message = item.message
    columns = {"site": message.topic.site, "time": message.time, "received_at": item.arrived.at, "data": item.data}
    if isinstance(message.payload, Status):
        return columns | {"boot": message.payload.boot[:40], "state": str(message.payload.state)}
    return columns | {"component": message.topic.rest}


def _insert(connection: Connection, table: type[msgspec.Struct] | Any) -> Any:
    """INSERT of the database in use; both know ON CONFLICT and RETURNING."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
