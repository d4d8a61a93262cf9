"""Which limits there are, with their range; drawn by `make docs` into ``limits.json``, since the center knows no probe. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec

Table = Mapping[str, Mapping[str, Any]]
"""Per probe, the keys that are set."""


class Key(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One limit.

    Attributes:
        default: What holds where nothing is set.
        kind: ``number``, ``integer``, ``boolean`` or ``string``.
        minimum, maximum: Range, ends included unless the field's name says otherwise; None: open.
        above, below: The same, ends excluded.
        description: What it is, for people.
    """

    default: Any
    kind: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    description: str = ""

    def complaint(self, value: Any) -> str:
        """What is wrong with a value; empty if nothing is."""
        right = {
            "number": isinstance(value, int | float) and not isinstance(value, bool),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
            "string": isinstance(value, str),
        }
        if not right.get(self.kind, True):
            return f"cần kiểu {self.kind}, không phải {value!r}"
        if not isinstance(value, int | float) or isinstance(value, bool):
            return ""
        outside = (
            (self.minimum is not None and value < self.minimum)
            or (self.maximum is not None and value > self.maximum)
            or (self.above is not None and value <= self.above)
            or (self.below is not None and value >= self.below)
        )
        return f"{value} nằm ngoài khoảng cho phép {self.span}" if outside else ""

    @property
    def span(self) -> str:
        """The range as people read it."""
        low = f"> {self.above:g}" if self.above is not None else f"≥ {self.minimum:g}" if self.minimum is not None else ""
        high = f"< {self.below:g}" if self.below is not None else f"≤ {self.maximum:g}" if self.maximum is not None else ""
        return ", ".join(filter(None, (low, high)))


@functools.cache
def keys() -> Mapping[str, Mapping[str, Key]]:
    """All limits, per probe."""
    text = resources.files("control_center.limits").joinpath("limits.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, dict[str, Key]])


def complaints(table: Any) -> list[str]:
    """What is wrong with a document of limits, a sentence each, naming the key; empty if nothing is."""
    if not isinstance(table, dict):
        return ["cần một bảng [tên bộ dò] cho mỗi bộ dò"]
    found = []
    for probe, values in table.items():
        known = keys().get(probe)
        if known is None:
            found.append(f"{probe}: không có bộ dò này (có: {', '.join(keys())})")
        elif not isinstance(values, dict):
            found.append(f"{probe}: cần một bảng [{probe}]")
        else:
            for name, value in values.items():
                words = known[name].complaint(value) if name in known else "không có giới hạn này"
                found += [f"{probe}.{name}: {words}"] if words else []
    return found


def merged(*tables: Table) -> dict[str, dict[str, Any]]:
    """One table of several, key by key; the later ones win."""
    whole: dict[str, dict[str, Any]] = {}
    for table in tables:
        for probe, values in table.items():
            whole.setdefault(probe, {}).update(values)
    return whole


def changes(before: Table, after: Table) -> list[tuple[str, Any, Any]]:
    """Keys that differ, with what was and what is; the default where nothing was set."""
    found = []
    for probe in dict.fromkeys((*before, *after)):
        for name in dict.fromkeys((*before.get(probe, {}), *after.get(probe, {}))):
            default = keys()[probe][name].default if name in keys().get(probe, {}) else None
            old, new = (table.get(probe, {}).get(name, default) for table in (before, after))
            if old != new:
                found.append((f"{probe}.{name}", old, new))
    return found
