"""Secrets by which sites prove who they are to the broker: a file each, readable by the center alone.

The broker's own file of passwords is generated from these; a site's copy travels to the site by hand or by Ansible.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

FOLDER = "identities"
_BYTES = 24


def password_file(directory: Path, name: str) -> Path:
    """Where the password of `name` lies."""
    return directory / FOLDER / f"{name}.password"


def ensure(directory: Path, names: Iterable[str]) -> list[Path]:
    """Make a random password for each of `names` that has none; returns the files that were made."""
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = []
    for name in names:
        path = password_file(directory, name)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        made.append(path)
    return made


def passwords(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """Password of each of `names`, made where there is none yet."""
    names = list(names)
    ensure(directory, names)
    return {name: password_file(directory, name).read_text(encoding="ascii").strip() for name in names}
