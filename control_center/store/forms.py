"""Versions of the logbook form, which are only added to, chained by hash (R11).

Every version of every form is one link: its hash covers its content and the hash of the link before it, so that a row
changed, removed or slipped in between later is noticed. What was cut off at the end is noticed by whoever kept a hash:
each locked form is told its own.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from sqlalchemy import Engine, String, Text, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from control_center.logbook.form import FormDocument
from control_center.store.base import Base, UtcDateTime
from control_center.store.registry import NfcText

GENESIS = "0" * 64
"""What the first link has before it."""
_TRIES = 20


class FormState(StrEnum):
    """Life of a form (R39)."""

    DRAFT = "draft"
    """Drawn from the store, or corrected by hand."""
    CONFIRMED = "confirmed"
    """The leader of the unit stands for it; a correction makes it a draft again."""
    LOCKED = "locked"
    """Final: nothing follows."""


class FormLockedError(RuntimeError):
    """The form is final, or the step asked for does not follow from the state that it is in."""


class FormVersionRow(Base):
    """Table of form versions; triggers (see the migrations) refuse to change or delete a row of it."""

    __tablename__ = "form_versions"
    __table_args__ = (UniqueConstraint("meeting", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting: Mapped[str] = mapped_column(String(60), index=True)
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(10))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author: Mapped[str] = mapped_column(NfcText, default="")
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    previous_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Unique: the chain cannot fork, two writers at once are told apart."""


class FormVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain."""

    meeting: str
    version: int
    state: FormState
    made_at: datetime
    document: FormDocument
    sha256: str
    previous_sha256: str
    author: str = ""


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify_chain` found.

    Attributes:
        links: How many versions there are.
        head: Hash of the last one; keep it elsewhere to notice an end cut off.
        broken: What is wrong, in sentences; empty if nothing is.
    """

    links: int
    head: str
    broken: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.broken


def redraw(engine: Engine, document: FormDocument, *, follows: int, made_at: datetime) -> FormVersion | None:
    """Add a draft that the program drew from version `follows` (0: none); None if another is the latest by now, a correction above all.

    Raises:
        FormLockedError: The form is confirmed or locked.
    """
    last = latest(engine, document.meeting)
    if last is not None and last.state is not FormState.DRAFT:
        raise FormLockedError(f"the form of {document.meeting} is {last.state} by {last.author}; only a person corrects it")
    if (0 if last is None else last.version) != follows:
        return None
    if last is not None and _same_words(last.document, document):
        return last
    return _add(engine, document, FormState.DRAFT, made_at, "", follows=follows)


def save_draft(engine: Engine, document: FormDocument, *, made_at: datetime, author: str = "") -> FormVersion:
    """Add a draft; the same words as in the latest draft add nothing.

    Args:
        engine: The center's database.
        document: What the form says now.
        made_at: When, UTC.
        author: Who corrected it by hand; empty if the program drew it.

    Raises:
        FormLockedError: The form is locked; or it is confirmed and no person, but the program, wants another draft.
    """
    for _ in range(_TRIES):
        last = latest(engine, document.meeting)
        if last is not None and last.state is FormState.LOCKED:
            raise FormLockedError(f"the form of {document.meeting} is locked")
        if last is not None and last.state is FormState.CONFIRMED and not author:
            raise FormLockedError(f"the form of {document.meeting} is confirmed by {last.author}; only a person corrects it")
        if last is not None and last.state is FormState.DRAFT and _same_words(last.document, document):
            return last
        added = _add(engine, document, FormState.DRAFT, made_at, author)
        if added is not None:
            return added
    raise AssertionError(f"{_TRIES} writers in a row were faster")


def save_correction(engine: Engine, document: FormDocument, *, follows: int, made_at: datetime, author: str) -> FormVersion | None:
    """Add a draft that a person has corrected; None if another version than `follows` (0: none) is the latest by now.

    Raises:
        FormLockedError: The form is locked.
    """
    last = latest(engine, document.meeting)
    if last is not None and last.state is FormState.LOCKED:
        raise FormLockedError(f"the form of {document.meeting} is locked")
    return _add(engine, document, FormState.DRAFT, made_at, author, follows=follows)


def confirm(engine: Engine, meeting: str, *, author: str, made_at: datetime, version: int | None = None) -> FormVersion:
    """The unit's leader stands for the latest draft.

    Args:
        engine: The center's database.
        meeting: Whose form.
        author: Who stands for it.
        made_at: When, UTC.
        version: The draft that was looked at; None: whichever is the latest.

    Raises:
        FormLockedError: There is no draft to confirm, or another one than was looked at.
    """
    return _step(engine, meeting, before=FormState.DRAFT, after=FormState.CONFIRMED, made_at=made_at, author=author, version=version)


def lock(engine: Engine, meeting: str, *, author: str, made_at: datetime) -> FormVersion:
    """Make the confirmed form final.

    Raises:
        FormLockedError: It is not confirmed, or locked already.
    """
    return _step(engine, meeting, before=FormState.CONFIRMED, after=FormState.LOCKED, made_at=made_at, author=author)


def history(engine: Engine, meeting: str) -> list[FormVersion]:
    """All versions of a meeting's form, oldest first."""
    with Session(engine) as session:
        query = select(FormVersionRow).where(FormVersionRow.meeting == meeting).order_by(FormVersionRow.version)
        return [_version(row) for row in session.scalars(query)]


def latest(engine: Engine, meeting: str) -> FormVersion | None:
    """The version that holds now; None if the form was never drafted."""
    with Session(engine) as session:
        query = select(FormVersionRow).where(FormVersionRow.meeting == meeting).order_by(FormVersionRow.version.desc()).limit(1)
        row = session.scalars(query).one_or_none()
        return None if row is None else _version(row)


def verify_chain(engine: Engine) -> ChainReport:
    """Recompute every hash from the first version to the last."""
    broken: list[str] = []
    head, links = GENESIS, 0
    versions: dict[str, int] = {}
    with Session(engine) as session:
        for row in session.scalars(select(FormVersionRow).order_by(FormVersionRow.id).execution_options(yield_per=200)):
            links += 1
            name = f"form {row.meeting} version {row.version}"
            if row.previous_sha256 != head:
                broken.append(f"{name}: does not follow the version before it; one was removed, added or moved")
            if row.version != versions.get(row.meeting, 0) + 1:
                broken.append(f"{name}: version {versions.get(row.meeting, 0) + 1} was expected")
            if _digest(row) != row.sha256:
                broken.append(f"{name}: was changed after it was written")
            head, versions[row.meeting] = row.sha256, row.version
    return ChainReport(links=links, head=head, broken=tuple(broken))


def _same_words(one: FormDocument, other: FormDocument) -> bool:
    return msgspec.structs.replace(one, drafted_at=None) == msgspec.structs.replace(other, drafted_at=None)


def _step(
    engine: Engine, meeting: str, *, before: FormState, after: FormState, made_at: datetime, author: str, version: int | None = None
) -> FormVersion:
    if not author.strip():
        raise ValueError(f"a form is {after} by somebody: the author is missing")
    for _ in range(_TRIES):
        last = latest(engine, meeting)
        if last is None or last.state is not before:
            raise FormLockedError(f"the form of {meeting} is {'missing' if last is None else last.state}, not {before}")
        if version is not None and last.version != version:
            raise FormLockedError(f"the form of {meeting} is of version {last.version} by now, not {version}")
        added = _add(engine, last.document, after, made_at, author, follows=last.version)
        if added is not None:
            return added
    raise AssertionError(f"{_TRIES} writers in a row were faster")


def _add(
    engine: Engine, document: FormDocument, state: FormState, made_at: datetime, author: str, *, follows: int | None = None
) -> FormVersion | None:
    """Add one link; None if another writer was faster and the state must be looked at again."""
    try:
        with Session(engine) as session, session.begin():
            head = session.execute(select(FormVersionRow.sha256).order_by(FormVersionRow.id.desc()).limit(1)).scalar_one_or_none()
            query = select(FormVersionRow.version).where(FormVersionRow.meeting == document.meeting).order_by(FormVersionRow.version.desc())
            number = session.execute(query.limit(1)).scalar_one_or_none() or 0
            if follows is not None and number != follows:
                return None
            row = FormVersionRow(
                meeting=document.meeting,
                version=number + 1,
                state=state.value,
                made_at=made_at.astimezone(UTC),
                author=author,
                document=msgspec.json.encode(document).decode(),
                previous_sha256=head or GENESIS,
            )
            row.sha256 = _digest(row)
            session.add(row)
            session.flush()
            return _version(row)
    except IntegrityError:
        return None


def _digest(row: FormVersionRow) -> str:
    """SHA-256 over the link before and all that this one says, each part with its length so that none runs into the next."""
    parts = (
        row.previous_sha256,
        row.meeting,
        str(row.version),
        row.state,
        row.made_at.astimezone(UTC).isoformat(),
        row.author,
        row.document,
    )
    hashed = hashlib.sha256()
    for part in parts:
        written = part.encode()
        hashed.update(f"{len(written)}:".encode() + written)
    return hashed.hexdigest()


def _version(row: FormVersionRow) -> FormVersion:
    return FormVersion(
        meeting=row.meeting,
        version=row.version,
        state=FormState(row.state),
        made_at=row.made_at,
        document=msgspec.json.decode(row.document, type=FormDocument),
        sha256=row.sha256,
        previous_sha256=row.previous_sha256,
        author=row.author,
    )
