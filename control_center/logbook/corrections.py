"""What people have changed of a form, and what somebody looked at when he changed it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

import msgspec

from contract.catalog import FormLine
from control_center.logbook.form import Basis, FormDocument, FormRow, Tick

SITE = "site"
"""Name of the pair of boxes of the site itself, beside those of the device lines."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of boxes of a row.

    Attributes:
        name: `SITE`, or the regulation's word of the device line.
        tick: What it says.
        note: Why both boxes are empty.
        basis: What it rests on.
    """

    name: str
    tick: Tick
    note: str
    basis: Basis


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One pair that a person has set."""

    site: str
    site_name: str
    pair: Pair

    @property
    def at(self) -> datetime | None:
        """When, UTC."""
        return self.pair.basis.corrected_at


def pairs(row: FormRow) -> list[Pair]:
    """The six pairs of a row, in the form's order."""
    site = Pair(name=SITE, tick=row.tick, note=row.note, basis=row.basis)
    return [site, *(Pair(name=line.name, tick=line.tick, note=line.note, basis=line.basis) for line in row.lines)]


def corrections(document: FormDocument) -> list[Correction]:
    """All that was set by hand, in the form's order."""
    return list(_by_hand(document))


def _by_hand(document: FormDocument) -> Iterator[Correction]:
    for row in document.rows:
        for pair in pairs(row):
            if pair.basis.author:
                yield Correction(site=row.site, site_name=row.name, pair=pair)


def line_of(name: str) -> FormLine | None:
    """The device line of a pair; None for the site's own.

    Raises:
        ValueError: there is no such pair.
    """
    return None if name == SITE else FormLine(name)


def digest(what: FormDocument | FormRow) -> str:
    """Name of exactly these words and ticks: whoever confirms or corrects says what he looked at. The time of drawing is left out."""
    if isinstance(what, FormDocument):
        what = msgspec.structs.replace(what, drafted_at=None)
    return hashlib.sha256(msgspec.json.encode(what)).hexdigest()[:32]
