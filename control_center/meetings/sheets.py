"""Tables as files for a spreadsheet. What people and sites have written is text there, never a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from control_center.meetings.statistics import Cell, Statistics

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the begin of a formula (OWASP: CSV injection), ends of white space aside."""
_LONGEST = 32_767
"""Characters of one cell (Excel)."""


def harmless(cell: Cell) -> Cell:
    """The cell as it may stand in a CSV file: a text that would be a formula gets an apostrophe before it."""
    if isinstance(cell, str) and (cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA)):
        return f"'{cell}"
    return cell


def as_csv(counted: Statistics) -> bytes:
    """The meetings of a year."""
    return csv_of(counted.heads, counted.rows)


def as_xlsx(counted: Statistics) -> bytes:
    """A workbook: meetings, sites, components."""
    sites = [(counted.names.get(site, site), held, faults) for site, (held, faults) in counted.by_site.items()]
    return workbook_of(
        ("Cuộc họp", counted.heads, counted.rows),
        ("Điểm cầu", ("Điểm cầu", "Số cuộc họp", "Số sự cố"), sites),
        ("Thiết bị", ("Thành phần", "Số sự cố"), counted.by_component.items()),
    )


def csv_of(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """UTF-8 with the mark by which Excel knows it, so that Vietnamese letters stay whole."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(heads)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def workbook_of(*tables: tuple[str, Sequence[str], Iterable[Sequence[Cell]]]) -> bytes:
    """A workbook with a sheet for each table: its name, its heads, its rows."""
    book = openpyxl.Workbook(write_only=True)
    for title, heads, rows in tables:
        _sheet(book, title, heads, rows)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sheet(book: openpyxl.Workbook, title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    rows = list(rows)
    for number, head in enumerate(heads, 1):
        longest = max([len(head), *(len(str(row[number - 1])) for row in rows)])
        sheet.column_dimensions[get_column_letter(number)].width = min(60, longest + 2)
    sheet.append([_cell(sheet, head, bold=True) for head in heads])
    for row in rows:
        sheet.append([_cell(sheet, cell) for cell in row])


def _cell(sheet: object, content: Cell, *, bold: bool = False) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", content)[:_LONGEST] if isinstance(content, str) else content)
    if isinstance(content, str):
        cell.data_type = "s"  # never a formula, whatever it begins with
    if bold:
        cell.font = Font(bold=True)
    return cell
