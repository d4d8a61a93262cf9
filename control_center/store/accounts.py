"""Who may use the board: accounts with roles, their sessions, and what each has done."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Boolean, Engine, ForeignKey, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from control_center.store.base import Base, PlainText, UtcDateTime
from control_center.store.registry import NfcText

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
IDLE, LONGEST_SESSION = timedelta(days=2), timedelta(days=30)
"""A session ends when it was not used for so long, and in any case after the longest: the wall of the duty room stays open for days."""
_SEEN_AGAIN = timedelta(minutes=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_HASHER = PasswordHasher()
"""Argon2id (RFC 9106), its second recommended set of parameters."""


class Role(StrEnum):
    """What somebody may do; each may do what those before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    LEADER = "leader"
    ADMINISTRATOR = "administrator"

    @property
    def rank(self) -> int:
        """Higher may more."""
        return list(Role).index(self)


class AccountRow(Base):
    """Table of accounts; none is ever removed, since the log names it."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    shown: Mapped[str] = mapped_column(NfcText)
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(PlainText)
    active: Mapped[bool] = mapped_column(Boolean)
    unit: Mapped[str] = mapped_column(NfcText, default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SessionRow(Base):
    """Table of sessions; only the digest of the browser's secret is kept."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"), index=True)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """Table of what was done by whom."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    account: Mapped[str] = mapped_column(PlainText)
    action: Mapped[str] = mapped_column(PlainText)
    result: Mapped[str] = mapped_column(PlainText)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody: name for the login, name that is shown, role, whether it may be used, and whose rows it may correct (no unit: all)."""

    name: str
    shown: str
    role: Role
    active: bool = True
    unit: str = ""
    created_at: datetime | None = None


class AccountError(ValueError):
    """What was asked for cannot be done; the text says why, in Vietnamese."""


def exist(engine: Engine) -> bool:
    """Whether there is any account that may be used."""
    with Session(engine) as session:
        return bool(session.scalar(select(func.count()).select_from(AccountRow).where(AccountRow.active)))


def add(engine: Engine, account: Account, password: str, at: datetime) -> Account:
    """Make an account.

    Raises:
        AccountError: a name that cannot be one or is taken, or a password that is too weak.
    """
    if not _NAME.fullmatch(account.name):
        raise AccountError("tên đăng nhập gồm 2–40 ký tự a–z, 0–9, dấu chấm, gạch ngang, gạch dưới, bắt đầu bằng chữ hoặc số")
    _check_password(account.name, password)
    with Session(engine) as session, session.begin():
        if session.get(AccountRow, account.name) is not None:
            raise AccountError(f"tài khoản «{account.name}» đã có")
        row = AccountRow(
            name=account.name,
            shown=account.shown.strip() or account.name,
            role=account.role.value,
            password_hash=_HASHER.hash(password),
            active=True,
            unit=account.unit.strip(),
            created_at=at,
        )
        session.add(row)
        session.flush()
        return _account(row)


def accounts(engine: Engine) -> list[Account]:
    """All accounts, by name."""
    with Session(engine) as session:
        return [_account(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name))]


def set_password(engine: Engine, name: str, password: str) -> None:
    """Give a new password; every session of the account ends.

    Raises:
        AccountError: no such account, or a password that is too weak.
    """
    _check_password(name, password)
    hashed = _HASHER.hash(password)
    with Session(engine) as session, session.begin():
        _row(session, name).password_hash = hashed
        session.execute(delete(SessionRow).where(SessionRow.account == name))


def change(engine: Engine, name: str, *, role: Role | None = None, active: bool | None = None, unit: str | None = None) -> Account:
    """Change what an account may do, or whether it may be used; one that may not loses its sessions.

    Raises:
        AccountError: no such account, or the last administrator would be gone.
    """
    with Session(engine) as session, session.begin():
        row = _row(session, name)
        row.role = row.role if role is None else role.value
        row.active = row.active if active is None else active
        row.unit = row.unit if unit is None else unit.strip()
        session.flush()
        left = select(func.count()).select_from(AccountRow).where(AccountRow.active, AccountRow.role == Role.ADMINISTRATOR.value)
        if not session.scalar(left):
            raise AccountError("phải còn ít nhất một quản trị viên đang hoạt động")
        if not row.active:
            session.execute(delete(SessionRow).where(SessionRow.account == name))
        return _account(row)


def verify(engine: Engine, name: str, password: str) -> Account | None:
    """The account of a name and its password; takes as long for a name that does not exist."""
    with Session(engine) as session:
        row = session.get(AccountRow, name)
        known = _account(row) if row is not None and row.active else None
        hashed = row.password_hash if row is not None else _DUMMY
    try:
        _HASHER.verify(hashed, password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return None
    if known is not None and _HASHER.check_needs_rehash(hashed):
        with Session(engine) as session, session.begin():
            session.execute(update(AccountRow).where(AccountRow.name == name).values(password_hash=_HASHER.hash(password)))
    return known


def open_session(engine: Engine, name: str, at: datetime) -> str:
    """Begin a session; the secret that the browser keeps. Sessions that are over are swept away."""
    secret = secrets.token_urlsafe(32)
    with Session(engine) as session, session.begin():
        session.execute(delete(SessionRow).where((SessionRow.seen_at < at - IDLE) | (SessionRow.opened_at < at - LONGEST_SESSION)))
        session.add(SessionRow(digest=_digest(secret), account=name, opened_at=at, seen_at=at))
    return secret


def of_session(engine: Engine, secret: str, at: datetime) -> Account | None:
    """Whose session a secret is; None if it is over, or its account may not be used any more."""
    with Session(engine) as session, session.begin():
        row = session.get(SessionRow, _digest(secret))
        if row is None or row.seen_at < at - IDLE or row.opened_at < at - LONGEST_SESSION:
            return None
        if at - row.seen_at > _SEEN_AGAIN:
            row.seen_at = at
        account = session.get(AccountRow, row.account)
        return _account(account) if account is not None and account.active else None


def close_session(engine: Engine, secret: str) -> None:
    """End a session."""
    with Session(engine) as session, session.begin():
        session.execute(delete(SessionRow).where(SessionRow.digest == _digest(secret)))


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit log."""

    at: datetime
    account: str
    action: str
    result: str


def note(engine: Engine, line: Note) -> None:
    """Write down what somebody did, or tried to."""
    with Session(engine) as session, session.begin():
        session.add(AuditRow(at=line.at, account=line.account[:80], action=line.action[:300], result=line.result[:80]))


def notes(engine: Engine, most: int = 500) -> list[Note]:
    """What was done, the latest first."""
    with Session(engine) as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(most))
        return [Note(at=row.at, account=row.account, action=row.action, result=row.result) for row in rows]


def _check_password(name: str, password: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(f"mật khẩu dài từ {SHORTEST_PASSWORD} đến {LONGEST_PASSWORD} ký tự")
    if name in password.lower() or len(set(password)) < 5:
        raise AccountError("mật khẩu không được chứa tên đăng nhập, và phải có ít nhất 5 ký tự khác nhau")


def _row(session: Session, name: str) -> AccountRow:
    row = session.get(AccountRow, name)
    if row is None:
        raise AccountError(f"không có tài khoản «{name}»")
    return row


def _account(row: AccountRow) -> Account:
    return Account(name=row.name, shown=row.shown, role=Role(row.role), active=row.active, unit=row.unit, created_at=row.created_at)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


_DUMMY = _HASHER.hash(secrets.token_urlsafe(16))
