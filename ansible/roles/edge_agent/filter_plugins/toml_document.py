"""Writes a dictionary as TOML, for the site's file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

BARE_KEY = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def to_toml(document: Mapping[str, Any]) -> str:
    """A dictionary of tables as TOML: plain keys first, then each table under its dotted name, in the order given.

    Raises:
        ValueError: a value that TOML has no word for, such as null; names its key.
    """
    return "\n".join(_table(document, ())).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {key: content for key, content in table.items() if not isinstance(content, Mapping)}
    if path and (plain or not table):
        yield f"\n[{'.'.join(map(_key, path))}]"
    for key, content in plain.items():
        yield f"{_key(key)} = {_value(content, (*path, key))}"
    for key, content in table.items():
        if isinstance(content, Mapping):
            yield from _table(content, (*path, key))


def _value(content: Any, path: tuple[str, ...]) -> str:
    if isinstance(content, bool):
        return str(content).lower()
    if isinstance(content, int):
        return str(int(content))
    if isinstance(content, float):
        return repr(float(content)) if math.isfinite(content) else str(float(content))
    if isinstance(content, str):
        return _text(content)
    if isinstance(content, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(inner, (*path, key))}" for key, inner in content.items()) + "}"
    if isinstance(content, Sequence):
        return "[" + ", ".join(_value(inner, path) for inner in content) + "]"
    raise ValueError(f"{'.'.join(map(str, path))}: {content!r} cannot be written in TOML: leave the key out or give it a value")


def _key(key: str) -> str:
    return key if key and BARE_KEY.issuperset(key) else _text(key)


def _text(text: str) -> str:
    """JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")


class FilterModule:
    """Where Ansible looks for filters."""

    def filters(self) -> dict[str, Callable[[Mapping[str, Any]], str]]:
        """Filters by name."""
        return {"to_toml": to_toml}
