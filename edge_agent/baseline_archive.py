"""Approved references in one file, to be carried by hand onto a replacement PC (R54): pictures do not go over the network."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from contract.toml_file import ConfigError
from edge_agent.baseline import CAMERA_NAME
from probes.camera.views import VIEWS_FILE
from probes.microphone.reference import REFERENCE_FILE

FOLDER = "baseline"
_MOST_OCTETS = 256 * 1024 * 1024
_MOST_FILES = 2000


def save(directory: Path, archive: Path) -> int:
    """Write all references with their history; how many files they are.

    Raises:
        ConfigError: there are none, or the archive cannot be written.
    """
    names = [path for path in _names(directory) if (directory / path).is_file()]
    if not names:
        raise ConfigError("baseline: chưa có mẫu chuẩn nào để lưu (there is nothing to save yet)")
    try:
        with tarfile.open(archive, "x:gz") as packed:
            for name in names:
                packed.add(directory / name, arcname=name, recursive=False)
        archive.chmod(0o600)
    except OSError as error:
        raise ConfigError(f"baseline: {archive}: {error.strerror}") from None
    return len(names)


def restore(archive: Path, directory: Path) -> int:
    """Put the references of another PC in place; how many files they are.

    Raises:
        ConfigError: it is no such archive, or this PC has references of its own; nothing was changed then.
    """
    if any((directory / path).is_file() for path in _names(directory)):
        raise ConfigError("baseline: máy này đã có mẫu chuẩn; không ghi đè (this PC has references already)")
    try:
        with tarfile.open(archive, "r:gz") as packed:
            members = packed.getmembers()[: _MOST_FILES + 1]
            wrong = [one.name for one in members if not (one.isfile() and _is_ours(one.name))]
            if wrong or len(members) > _MOST_FILES or sum(one.size for one in members) > _MOST_OCTETS:
                raise ConfigError(
                    f"baseline: {archive}: không phải tệp mẫu chuẩn (not an archive of references){': ' + wrong[0] if wrong else ''}"
                )
            directory.mkdir(parents=True, exist_ok=True)
            packed.extractall(directory, members=members, filter="data")
            _hand_over(directory, [directory / member.name for member in members])
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ConfigError(f"baseline: {archive}: {getattr(error, 'strerror', None) or error}") from None
    return len(members)


def _hand_over(directory: Path, files: list[Path]) -> None:
    """What root has put there belongs to whom the state directory belongs to: the agent."""
    owner = directory.stat()
    if os.geteuid() == 0:
        for path in {*files, *(file.parent for file in files)}:
            os.chown(path, owner.st_uid, owner.st_gid)


def _names(directory: Path) -> list[str]:
    """Everything that belongs to the references, relative to the state directory."""
    found = [*directory.glob("camera_view-*.png"), *(directory / FOLDER).glob("*")]
    return sorted({CAMERA_NAME, VIEWS_FILE, REFERENCE_FILE, *(str(path.relative_to(directory)) for path in found)})


def _is_ours(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    if ".." in name or name.startswith("/"):
        return False
    own = file in (CAMERA_NAME, VIEWS_FILE, REFERENCE_FILE) or (file.startswith("camera_view-") and file.endswith(".png"))
    return (folder == "" and own) or folder == FOLDER
