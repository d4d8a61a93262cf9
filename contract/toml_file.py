"""A program's TOML file, decoded strictly: whatever is wrong becomes one sentence with file, key and reason."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

StructT = TypeVar("StructT", bound=msgspec.Struct)

_AT = re.compile(r" - at `\$\.?(?P<key>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]+)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]+)`")


class ConfigError(Exception):
    """A wrong configuration, in one sentence with file, key and reason."""


def read(path: Path) -> dict[str, Any]:
    """The document in a file.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None


def check_tables(document: dict[str, Any], known: Sequence[str], path: Path) -> None:
    """See that everything at the top of a document is a table, and a known one.

    Raises:
        ConfigError: names the first that is not.
    """
    for key, table in document.items():
        if key not in known:
            raise ConfigError(f"{path}: {key}: unknown table (known: {', '.join(known)})")
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {key}: must be a table, [{key}]")


def table(content: Any, kind: type[StructT], path: Path, where: str) -> StructT:
    """Decode one table; `path` and `where` (its dotted name) are only named in errors.

    Raises:
        ConfigError: an unknown or missing key, a wrong type or value.
    """
    try:
        return msgspec.convert(content, type=kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_place(str(error), where)}") from None


def _place(message: str, where: str) -> str:
    """``table.key: reason`` out of msgspec's words."""
    at = _AT.search(message)
    reason = message if at is None else message[: at.start()]
    keys = [where, at["key"] if at is not None else ""]
    unknown, lacking = _UNKNOWN.match(reason), _MISSING.match(reason)
    if unknown is not None:
        keys.append(unknown["key"])
        reason = "unknown key"
    elif lacking is not None:
        keys.append(lacking["key"])
        reason = "this key is required"
    place = ".".join(key for key in keys if key).replace(".[", "[")
    return f"{place}: {reason[0].lower()}{reason[1:]}"
