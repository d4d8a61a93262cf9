"""Steps of a form by people: correct, confirm, lock; each on what he looked at, or not at all (R11, R39)."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Engine

from control_center.logbook import files
from control_center.logbook.corrections import digest, line_of
from control_center.logbook.form import FormDocument, Tick, corrected
from control_center.store import forms as form_store
from control_center.store.forms import FormLockedError, FormState, FormVersion

_TRIES = 20
_CHANGED = "Biểu mẫu đã thay đổi từ lúc bạn xem. Hãy xem lại rồi xác nhận."
_LOCKED = "Biểu mẫu đã khóa, không sửa được nữa."
LONGEST_REASON, LONGEST_SENTENCE, MOST_SENTENCES = 300, 500, 30


class RevisionError(ValueError):
    """The step is refused; the text says why, in Vietnamese."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One correction.

    Attributes:
        site: Whose row.
        pair: Which pair of boxes (`corrections.Pair.name`).
        tick: What it is to say.
        reason: Why.
        seen: Digest of the row that was looked at.
        description: New sentences of "Mô tả sự cố"; None: they stay.
    """

    site: str
    pair: str
    tick: Tick
    reason: str
    seen: str
    description: tuple[str, ...] | None = None


def over(document: FormDocument, at: datetime) -> bool:
    """Whether the meeting has ended: what is confirmed before would not tell of what happens until then."""
    return document.ends_at is None or at >= document.ends_at


def correct(engine: Engine, meeting: str, wanted: Wanted, *, author: str, at: datetime) -> FormVersion:
    """Set one pair of boxes by hand; a new draft.

    Raises:
        RevisionError: nobody says who or why, the row is another one by now, or the form is locked.
        UnknownMeetingError: there is no such meeting.
    """
    if not wanted.reason.strip():
        raise RevisionError("Cần ghi lý do sửa.")
    if not author.strip():
        raise RevisionError("Cần ghi họ tên người sửa.")
    for _ in range(_TRIES):
        last = form_store.latest(engine, meeting)
        if last is not None and last.state is FormState.LOCKED:
            raise RevisionError(_LOCKED)
        document = files.document_of(engine, meeting, at)
        row = next((one for one in document.rows if one.site == wanted.site), None)
        if row is None:
            raise RevisionError("Biểu mẫu không có điểm cầu này.")
        if digest(row) != wanted.seen:
            raise RevisionError("Dòng này vừa thay đổi (số liệu mới về hoặc người khác đã sửa). Hãy xem lại rồi sửa tiếp.")
        fresh = corrected(
            document,
            wanted.site,
            line_of(wanted.pair),
            wanted.tick,
            author=author,
            reason=wanted.reason,
            at=at,
            description=wanted.description,
        )
        follows = 0 if last is None else last.version
        try:
            made = form_store.save_correction(engine, fresh, follows=follows, made_at=at, author=author)
        except FormLockedError:
            raise RevisionError(_LOCKED) from None
        if made is not None:
            return made
    raise RevisionError("Nhiều người đang sửa cùng lúc. Hãy thử lại.")


def confirm(engine: Engine, meeting: str, seen: str, *, author: str, at: datetime) -> FormVersion:
    """The leader stands for the form that he looked at.

    Raises:
        RevisionError: the form is another one by now, or not a draft.
        UnknownMeetingError: there is no such meeting.
    """
    if not author.strip():
        raise RevisionError("Cần ghi họ tên người xác nhận.")
    last = form_store.latest(engine, meeting)
    document = files.document_of(engine, meeting, at)
    if not over(document, at):
        raise RevisionError("Cuộc họp chưa kết thúc, chưa xác nhận được.")
    if digest(document) != seen:
        raise RevisionError(_CHANGED)
    try:
        looked_at = form_store.redraw(engine, document, follows=0 if last is None else last.version, made_at=at)
        if looked_at is None:
            raise RevisionError(_CHANGED)
        return form_store.confirm(engine, meeting, author=author, made_at=at, version=looked_at.version)
    except FormLockedError:
        raise RevisionError("Biểu mẫu này đã được xác nhận, đã khóa, hoặc vừa được người khác sửa. Hãy xem lại.") from None


def lock(engine: Engine, meeting: str, *, author: str, at: datetime) -> FormVersion:
    """Make the confirmed form final.

    Raises:
        RevisionError: it is not confirmed, or locked already.
    """
    if not author.strip():
        raise RevisionError("Cần ghi họ tên người khóa.")
    try:
        return form_store.lock(engine, meeting, author=author, made_at=at)
    except FormLockedError:
        raise RevisionError("Chỉ khóa được biểu mẫu đã xác nhận.") from None
