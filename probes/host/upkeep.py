"""How old the system's patches are, whether it waits for a restart, and how its disk is: what Debian and the kernel say to everybody (R13).

Without root there is no SMART; what is read is what needs none: errors that ext4 has counted, the wear that an eMMC tells, a file system
that the kernel has made read-only after an error, and how many files it can still hold.
"""

from __future__ import annotations

import functools
import os
from datetime import datetime
from pathlib import Path

import msgspec

_UPGRADED = " upgrade "
_OWN = " diemcau"
"""Our own packages are no patches of the system."""
_NO_WRITES = frozenset({"ro", "emergency_ro", "shutdown"})
"""Options of a file system that takes no writes; since Linux 6.6 ext4 keeps "rw" after an error and adds "emergency_ro"."""
_WEAR_STEP_PERCENT = 10.0
"""JEDEC eMMC 5.1, DEVICE_LIFE_TIME_EST: 1 is up to a tenth of the life, 10 up to all of it, 11 beyond."""


class DiskHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a disk; None where nothing tells."""

    read_only: bool | None = None
    files_percent: float | None = None
    errors: int | None = None
    worn_percent: float | None = None


def patched_at(root: Path) -> datetime | None:
    """When a package of the system was upgraded last, by dpkg's log, in local time; None if the logs do not tell.

    Args:
        root: Root of the file system.
    """
    for name in ("dpkg.log", "dpkg.log.1"):
        log = root / "var/log" / name
        try:
            state = log.stat()
        except OSError:
            continue
        moment = _last_upgrade(log, state.st_mtime_ns, state.st_size)
        if moment is not None:
            return moment
    return None


@functools.lru_cache(maxsize=4)
def _last_upgrade(log: Path, _changed_ns: int, _octets: int) -> datetime | None:
    """Last line of an upgrade; a log that has not changed is not read again."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        if _UPGRADED in line and _OWN not in line:
            try:
                return datetime.fromisoformat(line[:19]).astimezone()
            except ValueError:
                continue  # a line that was torn by a power cut
    return None


def restart_needed(root: Path) -> bool:
    """Whether a package has asked for a restart (Debian's convention)."""
    return (root / "run/reboot-required").exists()


def disk_health(folder: str, sys: Path, mounts: Path = Path("/proc/self/mountinfo")) -> DiskHealth:
    """Health of the disk that a folder lies on.

    Args:
        folder: On the disk.
        sys: Where sysfs is mounted.
        mounts: What is mounted, as the kernel tells it.
    """
    try:
        shape, device = os.statvfs(folder), Path(folder).stat().st_dev
    except OSError:
        return DiskHealth()
    block = sys / "dev/block" / f"{os.major(device)}:{os.minor(device)}"
    name = block.resolve().name if block.exists() else ""
    return DiskHealth(
        read_only=_read_only(mounts, f"{os.major(device)}:{os.minor(device)}"),
        files_percent=100.0 * (1 - shape.f_ffree / shape.f_files) if shape.f_files else None,
        errors=_number(sys / "fs/ext4" / name / "errors_count") if name else None,
        worn_percent=_wear(block.resolve()) if name else None,
    )


def _read_only(mounts: Path, device: str) -> bool | None:
    """Whether the file system itself takes no writes: by its own options (proc(5), mountinfo), not by those of a mount.

    The service sees every disk mounted read-only (ProtectSystem=strict), which says nothing of the disk.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        mount, _, system = line.partition(" - ")
        if mount.split()[2:3] == [device] and len(system.split()) > 2:
            return not _NO_WRITES.isdisjoint(system.split()[2].split(","))
    return None


def _wear(block: Path) -> float | None:
    """Life that an eMMC has used, the worse of its two kinds of cells; a partition's disk is the folder above it."""
    for folder in (block, block.parent):
        try:
            words = (folder / "device/life_time").read_text(encoding="ascii").split()
            steps = [int(word, 16) for word in words]
        except (OSError, ValueError):
            continue
        # 0 is "not defined".
        return max(steps) * _WEAR_STEP_PERCENT if steps and max(steps) > 0 else None
    return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
