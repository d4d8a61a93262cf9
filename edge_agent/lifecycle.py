"""Why the agent started: after a planned stop, a crash, a reboot or a power cut, told apart by a marker file (R18, R36)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from contract.messages import Lifecycle
from edge_agent import keep

PANICS = (Path("/sys/fs/pstore"), Path("/var/lib/systemd/pstore"))
"""Where the kernel leaves its last words (pstore), and where systemd moves them to."""
_SLACK_S = 60.0
KERNEL_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """Who ran last; the file's modification time says when it was last alive."""

    kernel_boot: str
    pid: int
    stopped: bool = False


class Life:
    """One run of the agent, from its first to its last breath."""

    def __init__(self, directory: Path, kernel_boot: str | None = None, panics: Sequence[Path] = PANICS) -> None:
        self._path = directory / "alive.json"
        self._boot = kernel_boot if kernel_boot is not None else _kernel_boot()
        self._panics = panics

    def begin(self, at: datetime) -> Lifecycle:
        """Read how the run before ended, and mark this one as running."""
        before = keep.read(self._path, Marker)
        last_seen_at: datetime | None = None
        with contextlib.suppress(OSError):
            last_seen_at = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        cause = _cause(before, self._boot)
        if cause == "power_lost" and last_seen_at is not None and _panicked(self._panics, last_seen_at):
            cause = "kernel_panic"
        keep.write_struct(self._path, Marker(kernel_boot=self._boot, pid=os.getpid()))
        return Lifecycle(what="started", at=at, cause=cause, last_seen_at=last_seen_at if before is not None else None)

    def beat(self) -> None:
        """Note that the agent is alive now."""
        with contextlib.suppress(OSError):
            os.utime(self._path, (time.time(), time.time()))

    def end(self, at: datetime) -> Lifecycle:
        """Mark that the agent leaves on purpose."""
        keep.write_struct(self._path, Marker(kernel_boot=self._boot, pid=os.getpid(), stopped=True))
        return Lifecycle(what="stopped", at=at, cause="planned")


def _panicked(folders: Iterable[Path], since: datetime) -> bool:
    """Whether the kernel has left its last words since the agent was last alive."""
    for folder in folders:
        with contextlib.suppress(OSError):
            if any(words.stat().st_mtime >= since.timestamp() - _SLACK_S for words in folder.rglob("dmesg-*")):
                return True
    return False


def _kernel_boot() -> str:
    try:
        return KERNEL_BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _cause(before: Marker | None, kernel_boot: str) -> str:
    if before is None:
        return "unknown"
    same_boot = before.kernel_boot == kernel_boot
    if before.stopped:
        return "planned" if same_boot else "rebooted"
    return "crashed" if same_boot else "power_lost"
