"""The logbook form (Phụ lục II) as a document: what is ticked, what is told, and what each tick rests on.

One mark per pair of boxes is held as one value, so that two ticks in a pair cannot be written down; a tick that rests
on nothing is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from contract.catalog import FormLine


class Tick(StrEnum):
    """What one pair of boxes says."""

    NORMAL = "normal"
    """"Bình thường"."""
    WRONG = "wrong"
    """The other box of the pair: "Sự cố" of a site, "hư hỏng" of a device."""
    NEITHER = "neither"
    """Both boxes are empty; the note says why."""


class Basis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tick rests on.

    Attributes:
        evidence: Ids of stored messages (``site:boot:seq``) and incidents.
        author: Who set it by hand; empty if it was drawn from the evidence.
        reason: Why it was set by hand.
        corrected_at: When, UTC.
    """

    evidence: tuple[str, ...] = ()
    author: str = ""
    reason: str = ""
    corrected_at: datetime | None = None

    @property
    def empty(self) -> bool:
        """Whether a tick would rest on nothing."""
        return not self.evidence and not self.author


def _refuse_unfounded(tick: Tick, basis: Basis, what: str) -> None:
    if tick is not Tick.NEITHER and basis.empty:
        raise ValueError(f"{what}: a tick needs its evidence or its author")


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the five device lines.

    Attributes:
        name: The regulation's word.
        tick: Normal, damaged (``wrong``) or neither.
        note: Printed after the line: why both boxes are empty, or what "Khác" stands for.
        basis: What the tick rests on.
    """

    name: FormLine
    tick: Tick = Tick.NEITHER
    note: str = ""
    basis: Basis = Basis()

    def __post_init__(self) -> None:
        _refuse_unfounded(self.tick, self.basis, self.name)


class FormRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One site's row.

    Attributes:
        site: Id of the site; empty in a blank form.
        name: Name of the unit, as printed.
        tick: "Bình thường", "Sự cố" (``wrong``) or neither.
        description: Sentences of "Mô tả sự cố", one a paragraph.
        note: Why both boxes of the site are empty.
        lines: The five device lines, in the regulation's order.
        basis: What the site's tick rests on.
    """

    site: str
    name: str
    lines: tuple[Line, Line, Line, Line, Line]
    tick: Tick = Tick.NEITHER
    description: tuple[str, ...] = ()
    note: str = ""
    basis: Basis = Basis()

    def __post_init__(self) -> None:
        _refuse_unfounded(self.tick, self.basis, self.name)
        if tuple(line.name for line in self.lines) != tuple(FormLine):
            raise ValueError(f"{self.name}: the five device lines are {', '.join(FormLine)}, in this order")

    def line(self, name: FormLine) -> Line:
        """The device line of that name."""
        return self.lines[tuple(FormLine).index(name)]


class FormDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The form of one meeting; all three renderers print this and nothing else.

    Attributes:
        meeting: Id of the meeting; empty in a blank form.
        title: "Nội dung cuộc họp".
        organizer: "Đơn vị chủ trì".
        begins_at, ends_at: "Thời gian tổ chức", UTC; None in a blank form.
        main: Rows of section I, "Điểm cầu chính".
        branches: Rows of section II, "Điểm cầu phụ".
        drafted_at: When it was drawn from the store, UTC: part of the document, so that a renderer needs no clock.
    """

    meeting: str
    title: str
    organizer: str
    main: tuple[FormRow, ...]
    branches: tuple[FormRow, ...]
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    drafted_at: datetime | None = None

    @property
    def rows(self) -> tuple[FormRow, ...]:
        """All rows, main site first."""
        return self.main + self.branches

    @property
    def blank(self) -> bool:
        """Whether this is the empty form of the regulation."""
        return not self.meeting


def empty_lines(note: str = "") -> tuple[Line, Line, Line, Line, Line]:
    """Five device lines with no tick, all for the same reason."""
    camera, codec, microphone, cables, other = (Line(name=name, note=note) for name in FormLine)
    return (camera, codec, microphone, cables, other)


def blank_form() -> FormDocument:
    """The form of the regulation itself: one main site, two branch sites, nothing filled in."""
    main = FormRow(site="", name="<Tên cơ quan>", lines=empty_lines())
    branches = tuple(FormRow(site="", name=f"<Tên cơ quan {number}>", lines=empty_lines()) for number in (1, 2))
    return FormDocument(meeting="", title="", organizer="", main=(main,), branches=branches)


def printable(text: str) -> str:
    """Text that any renderer may be given: NFC, without the control characters that XML refuses, spaces collapsed."""
    kept = "".join(" " if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") else character for character in text)
    return re.sub(" {2,}", " ", unicodedata.normalize("NFC", kept)).strip()


class UnknownSiteError(LookupError):
    """The form has no row of that site."""


def corrected(
    document: FormDocument,
    site: str,
    line: FormLine | None,
    tick: Tick,
    *,
    author: str,
    reason: str,
    at: datetime,
    description: tuple[str, ...] | None = None,
) -> FormDocument:
    """The document with one pair of boxes set by hand; what was measured stays in its evidence.

    Args:
        document: What is corrected.
        site: Whose row.
        line: Which device line; None for the pair of the site itself.
        tick: What the pair says from now on.
        author: Who says so; must not be empty.
        reason: Why; must not be empty.
        at: When, UTC.
        description: New sentences of "Mô tả sự cố", if they change too (only with the pair of the site).

    Raises:
        UnknownSiteError: The form has no such row.
        ValueError: No author or no reason.
    """
    if not author.strip() or not reason.strip():
        raise ValueError("a correction needs its author and its reason")
    if site not in {row.site for row in document.rows}:
        raise UnknownSiteError(site)

    def by_hand(basis: Basis) -> Basis:
        return Basis(evidence=basis.evidence, author=printable(author), reason=printable(reason), corrected_at=at)

    def fix(row: FormRow) -> FormRow:
        if row.site != site:
            return row
        note = printable(reason) if tick is Tick.NEITHER else ""
        if line is None:
            told = row.description if description is None else tuple(printable(sentence) for sentence in description)
            return msgspec.structs.replace(row, tick=tick, note=note, description=told, basis=by_hand(row.basis))
        old = row.line(line)
        return _with_lines(row, [msgspec.structs.replace(old, tick=tick, note=note, basis=by_hand(old.basis))])

    return _map_rows(document, fix)


def keep_corrections(fresh: FormDocument, old: FormDocument) -> FormDocument:
    """A new draft (late events came in) with everything that a person had set by hand in the old one."""
    before = {row.site: row for row in old.rows}

    def keep(row: FormRow) -> FormRow:
        was = before.get(row.site)
        if was is None:
            return row
        kept = _with_lines(row, [line for line in was.lines if line.basis.author])
        if was.basis.author:
            kept = msgspec.structs.replace(kept, tick=was.tick, note=was.note, description=was.description, basis=was.basis)
        return kept

    return _map_rows(fresh, keep)


def _with_lines(row: FormRow, changed: Iterable[Line]) -> FormRow:
    by_name = {line.name: line for line in changed}
    camera, codec, microphone, cables, other = (by_name.get(line.name, line) for line in row.lines)
    return msgspec.structs.replace(row, lines=(camera, codec, microphone, cables, other))


def _map_rows(document: FormDocument, change: Callable[[FormRow], FormRow]) -> FormDocument:
    main, branches = (tuple(change(row) for row in rows) for rows in (document.main, document.branches))
    return msgspec.structs.replace(document, main=main, branches=branches)
