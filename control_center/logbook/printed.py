"""The words of the form, once: all three renderers print this and add none of their own."""

from __future__ import annotations

import msgspec

from control_center.logbook import words
from control_center.logbook.form import FormDocument, FormRow, Tick, printable

TITLE = "MẪU NHẬT KÝ TRIỂN KHAI HỌP TRỰC TUYẾN"
FIELDS = ("Nội dung cuộc họp:", "Thời gian tổ chức:", "Đơn vị chủ trì:")
COLUMNS = ("STT", "Điểm cầu", "Tình trạng", "Thiết bị")
SECTIONS = (("I", "Điểm cầu chính"), ("II", "Điểm cầu phụ"))
DEVICES = "Thiết bị:"
NORMAL, INCIDENT, DAMAGED = "Bình thường", "Sự cố", "hư hỏng"
DESCRIPTION = "Mô tả sự cố:"
EMPTY_BOX, TICKED_BOX = "☐", "☒"
"""A crossed box, as the regulation has it in Phụ lục I ("đánh dấu X vào ô")."""
DATE_LINE = "Ngày ..... tháng ..... năm ........."
SIGNATURES = (
    ("CÁN BỘ KỸ THUẬT", "(Ký, ghi rõ họ tên)"),
    ("XÁC NHẬN CỦA LÃNH ĐẠO ĐƠN VỊ", "(Ký, ghi rõ họ tên, đóng dấu)"),
)
"""Below the table of a filled form only: the confirmation that Điều 12.3 asks for. Phụ lục II itself has none."""


class Box(msgspec.Struct, frozen=True):
    """One box with its word."""

    word: str
    ticked: bool

    @property
    def glyph(self) -> str:
        """The box itself."""
        return TICKED_BOX if self.ticked else EMPTY_BOX


class PrintedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One device line: name with its colon, two boxes, and what stands in parentheses behind it."""

    name: str
    boxes: tuple[Box, Box]
    note: str
    title: str
    """What the line rests on, for a screen; not printed."""


class PrintedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One site."""

    number: str
    site: str
    name: str
    boxes: tuple[Box, Box]
    sentences: tuple[str, ...]
    note: str
    lines: tuple[PrintedLine, ...]
    title: str


class PrintedSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section I or II."""

    number: str
    name: str
    rows: tuple[PrintedRow, ...]


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """The whole form, ready to be set."""

    title: str
    fields: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    sections: tuple[PrintedSection, ...]
    devices: str
    description: str
    signatures: tuple[tuple[str, str], ...]
    date_line: str


def printed(document: FormDocument) -> Printed:
    """Everything that stands on the paper, in order."""
    held = words.held(document.begins_at, document.ends_at) if document.begins_at and document.ends_at else ""
    sections = tuple(
        PrintedSection(number=number, name=name, rows=tuple(_row(place, row) for place, row in enumerate(rows, 1)))
        for (number, name), rows in zip(SECTIONS, (document.main, document.branches), strict=True)
    )
    return Printed(
        title=TITLE,
        fields=tuple(zip(FIELDS, (printable(document.title), held, printable(document.organizer)), strict=True)),
        columns=COLUMNS,
        sections=sections,
        devices=DEVICES,
        description=DESCRIPTION,
        signatures=() if document.blank else SIGNATURES,
        date_line="" if document.blank else DATE_LINE,
    )


def _row(number: int, row: FormRow) -> PrintedRow:
    lines = tuple(
        PrintedLine(
            name=f"{line.name}:",
            boxes=_boxes(line.tick, DAMAGED),
            note=_in_parentheses(line.note),
            title=_rests_on(line.basis.evidence, line.basis.author, line.basis.reason),
        )
        for line in row.lines
    )
    return PrintedRow(
        number=str(number),
        site=row.site,
        name=printable(row.name),
        boxes=_boxes(row.tick, INCIDENT),
        sentences=tuple(printable(sentence) for sentence in row.description),
        note=_in_parentheses(row.note),
        lines=lines,
        title=_rests_on(row.basis.evidence, row.basis.author, row.basis.reason),
    )


def _boxes(tick: Tick, other: str) -> tuple[Box, Box]:
    return Box(NORMAL, tick is Tick.NORMAL), Box(other, tick is Tick.WRONG)


def _in_parentheses(note: str) -> str:
    return f"({printable(note)})" if note else ""


def _rests_on(evidence: tuple[str, ...], author: str, reason: str) -> str:
    by_hand = f"Sửa tay: {author} – {reason}" if author else ""
    ids = f"Căn cứ: {', '.join(evidence)}" if evidence else ""
    return printable("; ".join(part for part in (by_hand, ids) if part))
