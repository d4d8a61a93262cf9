"""Small files in the state directory: written whole or not at all, read forgivingly."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TypeVar

import msgspec

log = logging.getLogger(__name__)
T = TypeVar("T")


def write(path: Path, content: bytes, *, durable: bool = True) -> bool:
    """Replace a file in one step.

    Args:
        path: The file.
        content: All of it.
        durable: Whether it must survive a power cut (fsync).

    Returns:
        Whether it was written; a full or broken disk is told in the log and never stops the daemon.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        log.warning("%s was not written: %s", path, error.strerror)
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        return False
    return True


def write_struct(path: Path, content: msgspec.Struct | dict[str, str], *, durable: bool = True) -> bool:
    """`write` of a struct as JSON."""
    return write(path, msgspec.json.encode(content), durable=durable)


def read(path: Path, kind: type[T]) -> T | None:
    """What a file holds; None if it is not there or cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # a broken byte in a word is no DecodeError, but a UnicodeDecodeError
        log.warning("%s is left unread: %s", path, error)
        return None
