"""Only one program at a time may own the center's folder: the running center, or what replaces its database."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from control_center.store.database import StoreError

LOCK = "lock"
"""File in the folder; the kernel lets go of it when its holder ends, however that happens."""


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the folder, which is made if it is missing.

    Raises:
        StoreError: if somebody else holds it.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    with (directory / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"the center runs in {directory}; stop it first: systemctl stop diemcau-center") from None
        yield
