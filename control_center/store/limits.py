"""Versions of the fleet's limits, which are only added to: who changed what, when and why (R14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.messages import Limits
from control_center.limits.table import complaints, merged
from control_center.store.base import Base, UtcDateTime
from control_center.store.registry import NfcText, SiteRow, bump

ALL = ""
"""Scope of what holds for every site."""


class LimitsRow(Base):
    """Table of versions."""

    __tablename__ = "limits"

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(String(40), index=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(NfcText)
    reason: Mapped[str] = mapped_column(NfcText)
    document: Mapped[str] = mapped_column(Text)


class LimitsVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version.

    Attributes:
        id: Its number, rising over all scopes.
        scope: A site's id, or `ALL`.
        made_at: When, UTC.
        author, reason: Who, and why.
        table: Per probe, the keys that are set; all else has its default.
    """

    id: int
    scope: str
    made_at: datetime
    author: str
    reason: str
    table: dict[str, dict[str, Any]]


class LimitsError(ValueError):
    """The limits are not taken: a sentence for each thing that is wrong."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def save(engine: Engine, table: Any, *, scope: str, author: str, reason: str, at: datetime) -> LimitsVersion:
    """Add a version, which replaces the one before of its scope as a whole.

    Raises:
        LimitsError: it does not fit, or nobody says who and why.
    """
    wrong = complaints(table)
    if not author.strip() or not reason.strip():
        wrong.append("cần ghi người thay đổi và lý do")
    if wrong:
        raise LimitsError(*wrong)
    with Session(engine) as session, session.begin():
        if scope != ALL and session.get(SiteRow, scope) is None:
            raise LimitsError(f"điểm cầu «{scope}» chưa có trong danh bạ")
        row = LimitsRow(scope=scope, made_at=at, author=author.strip(), reason=reason.strip(), document=msgspec.json.encode(table).decode())
        session.add(row)
        bump(session)
        session.flush()
        return _version(row)


def history(engine: Engine, scope: str | None = None) -> list[LimitsVersion]:
    """All versions, the newest first; of one scope if given."""
    query = select(LimitsRow).order_by(LimitsRow.id.desc())
    if scope is not None:
        query = query.where(LimitsRow.scope == scope)
    with Session(engine) as session:
        return [_version(row) for row in session.scalars(query)]


def holding(engine: Engine) -> dict[str, LimitsVersion]:
    """The version that holds, by scope."""
    return {version.scope: version for version in reversed(history(engine))}


def of_site(site: str, held: dict[str, LimitsVersion]) -> Limits | None:
    """What a site is to be sent; None where nobody ever set anything. Pure."""
    parts: Sequence[LimitsVersion] = [held[scope] for scope in (ALL, site) if scope in held]
    if not parts:
        return None
    return Limits(version="+".join(f"{part.id}" for part in parts), limits=merged(*(part.table for part in parts)))


def _version(row: LimitsRow) -> LimitsVersion:
    return LimitsVersion(
        id=row.id,
        scope=row.scope,
        made_at=row.made_at,
        author=row.author,
        reason=row.reason,
        table=msgspec.json.decode(row.document, type=dict[str, dict[str, Any]]),
    )
