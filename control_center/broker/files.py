"""The broker's files on disk: written whole, only when they differ, readable by those who must."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from control_center.broker.configuration import Plan, access_rules, configuration, password_file

NAMES = ("acl", "passwords", "mosquitto.conf")
"""Everything that is written, the file that names the others last."""


def write(plan: Plan, folder: Path, *, group: int | None = None, dry: bool = False) -> list[str]:
    """Write what differs into `folder`; a password that its present hash still fits keeps that hash.

    Args:
        plan: What the broker is told.
        folder: Its files; made if it is missing.
        group: Id of the group that may read them too; None: their owner only.
        dry: Write nothing.

    Returns:
        Names of the files that differed, in content, mode or group.

    Raises:
        OSError: if one cannot be read or written.
    """
    contents = {
        "acl": access_rules(),
        "passwords": password_file(plan.passwords, _present(folder / "passwords") or ""),
        "mosquitto.conf": configuration(plan, folder),
    }
    changed = [name for name in NAMES if _present(folder / name) != contents[name] or not _is_dressed(folder / name, group)]
    if not dry:
        folder.mkdir(parents=True, exist_ok=True)
        for name in changed:
            _replace(folder / name, contents[name], group)
    return changed


def _mode(group: int | None) -> int:
    return 0o600 if group is None else 0o640


def _present(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _is_dressed(path: Path, group: int | None) -> bool:
    """Whether mode, owner and group are what they ought to be."""
    status = path.stat()
    return stat.S_IMODE(status.st_mode) == _mode(group) and status.st_uid == os.geteuid() and group in (None, status.st_gid)


def _replace(path: Path, content: str, group: int | None) -> None:
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        if group is not None:
            os.fchown(file.fileno(), -1, group)
        os.fchmod(file.fileno(), _mode(group))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
