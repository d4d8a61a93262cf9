"""A whole backup in one file: database, identities, forms, configuration, and a list of checksums.

The archive is a ``tar.gz`` whose last member is ``SHA256SUMS`` (as `sha256sum` writes it), so that one cut short has none. The
database in it is always an SQLite file, whatever the center runs on: a backup of the one is restored on the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import Engine

from control_center.store import copying, database
from control_center.store.database import FILE, StoreError
from control_center.store.tenancy import LOCK

SUMS, ABOUT, DATABASE = "SHA256SUMS", "backup.json", "database.sqlite"
FORMAT = 1
BACKUPS = "backups"
RESTORED = "restored-configuration"
_ASIDE = "replaced-"
_NAME = "center-%Y%m%dT%H%M%SZ.tar.gz"
_DATABASE_FILES = (FILE, f"{FILE}-wal", f"{FILE}-shm")
_MADE_ANEW = {BACKUPS, RESTORED, LOCK, "broker", *_DATABASE_FILES}
"""What of the center's folder is not kept: all else is."""
_MEMBER = re.compile(rf"(?:{re.escape(SUMS)}|{re.escape(ABOUT)}|{re.escape(DATABASE)}|(?:state|configuration)(?:/[^/\0\n]+)+)")
_CHUNK = 1 << 20


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself.

    Attributes:
        made_at: When, UTC.
        version: Version of the center that made it.
        migration: Of the database in it.
        format: Of the archive.
    """

    made_at: datetime
    version: str
    migration: str
    format: int = FORMAT


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose backup it is: the center's folder, the URL of its database (empty: the file in the folder), its version."""

    directory: Path
    url: str
    version: str


def default_target(directory: Path, at: datetime) -> Path:
    """Where a backup goes that nobody gave a name."""
    return directory / BACKUPS / at.astimezone(UTC).strftime(_NAME)


def write(origin: Origin, configuration: Mapping[str, Path], target: Path, at: datetime) -> Path:
    """Make a backup while the center is in use; it appears whole or not at all, for its owner's eyes only.

    Args:
        origin: Whose.
        configuration: Files beside the folder, by the name that they get in the archive.
        target: The archive.
        at: Now, UTC.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as staging:
        # The database first: a site added meanwhile then has an identity too many, never one too few.
        about = About(made_at=at, version=origin.version, migration=_copy_database(origin, Path(staging) / DATABASE, at))
        unfinished = Path(staging) / "archive"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            _pack(file, about, {DATABASE: Path(staging) / DATABASE, **_state(origin.directory), **configuration})
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    return target


def _copy_database(origin: Origin, target: Path, at: datetime) -> str:
    """Put the database into an SQLite file; its migration."""
    with _opened(origin.directory, origin.url) as source:
        if source.dialect.name == "sqlite":
            database.backup(source, target)
        else:
            with _opened(target.parent, f"sqlite:///{target}") as file:
                copying.copy(source, file, at)
        return database.revisions(source)[0] or ""


def _state(directory: Path) -> dict[str, Path]:
    """Files of the folder that are kept, by their name in the archive."""
    found = {}
    for entry in sorted(directory.iterdir()):
        if not _is_kept(entry):
            continue
        for path in sorted(entry.rglob("*")) if entry.is_dir() else [entry]:
            if path.is_file() and path.suffix != ".part":
                found[f"state/{path.relative_to(directory).as_posix()}"] = path
    return found


def _is_kept(entry: Path) -> bool:
    return entry.name not in _MADE_ANEW and not entry.name.startswith((_ASIDE, "."))


def _pack(file: IO[bytes], about: About, contents: Mapping[str, Path]) -> None:
    sums = []
    with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:

        def add(name: str, content: bytes, mode: int = 0o600) -> None:
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), mode, int(about.made_at.timestamp())
            tar.addfile(member, io.BytesIO(content))
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")

        add(ABOUT, msgspec.json.encode(about))
        for name, path in contents.items():
            with path.open("rb") as source:
                member = tar.gettarinfo(arcname=name, fileobj=source)
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                reading = _Hashed(source)
                tar.addfile(member, reading)
                sums.append(f"{reading.sha256.hexdigest()}  {name}\n")
        add(SUMS, "".join(sums).encode())


class _Hashed(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.sha256 = hashlib.sha256()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        content = self._file.read(size)
        self.sha256.update(content)
        return content


def prune(folder: Path, *, days: int, at: datetime) -> list[Path]:
    """Remove the archives in `folder` that `default_target` named more than `days` days ago; returns them."""
    gone = []
    for path in sorted(folder.glob("center-*.tar.gz")):
        with contextlib.suppress(ValueError):  # not a name of ours
            if datetime.strptime(path.name, _NAME).replace(tzinfo=UTC) < at - timedelta(days=days):
                path.unlink()
                gone.append(path)
    return gone


def check(archive: Path) -> About:
    """Unpack an archive into nowhere and try its database.

    Raises:
        StoreError: if it could not be restored.
    """
    with tempfile.TemporaryDirectory(prefix=".check-", dir=archive.parent) as staging:
        return _unpack_usable(archive, Path(staging), datetime.now(UTC))


def restore(archive: Path, origin: Origin, at: datetime) -> Path | None:
    """Put a backup in the place of what is there, which is moved aside; the caller holds the folder.

    Args:
        archive: The backup.
        origin: Where to; a database by URL must have no rows.
        at: Now, UTC; names the folder of what was there.

    Returns:
        The folder of what was there before; None if there was nothing.

    Raises:
        StoreError: and then nothing was changed.
    """
    directory = origin.directory
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=directory) as folder:
        staging = Path(folder)
        _unpack_usable(archive, staging, at)
        if origin.url:
            with _opened(staging, f"sqlite:///{staging / DATABASE}") as file, _opened(directory, origin.url) as target:
                copying.copy(file, target, at)
        _give_to(directory.stat(), staging)
        aside = _move_aside(directory, at, with_database=not origin.url)
        if not origin.url:
            (staging / DATABASE).replace(directory / FILE)
        for name in [path.name for path in (staging / "state").glob("*")]:
            (staging / "state" / name).replace(directory / name)
        shutil.rmtree(directory / RESTORED, ignore_errors=True)
        if (staging / "configuration").exists():
            (staging / "configuration").replace(directory / RESTORED)
    return aside


def _unpack_usable(archive: Path, staging: Path, at: datetime) -> About:
    """Unpack, and bring the database to this version; a newer or broken one is refused."""
    about = _unpack(archive, staging)
    with _opened(staging, f"sqlite:///{staging / DATABASE}") as engine:
        database.upgrade(engine, staging / "before", at)
        faults = database.verify(engine)
    if faults:
        raise StoreError(f"{archive}: its database is damaged: {faults[0]}")
    return about


def _unpack(archive: Path, folder: Path) -> About:
    found: dict[str, str] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or not _belongs(member.name) or member.name in found:
                    raise StoreError(f"{archive}: {member.name!r} has no place in a backup of a center")
                found[member.name] = _extract(content, folder / member.name, member.mode & 0o700)
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)
        sums = (folder / SUMS).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if Path(error.filename) == archive:
            raise
        raise StoreError(f"{archive}: is damaged or cut short: {Path(error.filename).name} is missing") from None
    except (tarfile.TarError, EOFError, zlib.error, UnicodeDecodeError, msgspec.DecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's fault, not the archive's
            raise
        raise StoreError(f"{archive}: is damaged: {error}") from None
    if about.format > FORMAT:
        raise StoreError(f"{archive}: was written by a newer center ({about.version}); install that version first")
    del found[SUMS]
    if found != {name: digest for digest, name in (line.split("  ", 1) for line in sums.splitlines() if "  " in line)}:
        raise StoreError(f"{archive}: is damaged: its content does not fit its list of checksums")
    return about


def _belongs(name: str) -> bool:
    """Whether a member may be there: nothing that would leave the folder or stand in for what is made anew."""
    kind, *parts = name.split("/")
    return bool(_MEMBER.fullmatch(name)) and not {"", ".", ".."} & set(parts) and (kind != "state" or _is_kept(Path(parts[0])))


def _extract(content: IO[bytes], path: Path, mode: int) -> str:
    """Write one file; its SHA-256."""
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode | 0o600), "wb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _move_aside(directory: Path, at: datetime, *, with_database: bool) -> Path | None:
    there = [entry for entry in directory.iterdir() if _is_kept(entry) or (with_database and entry.name in _DATABASE_FILES)]
    if not there:
        return None
    aside = directory / f"{_ASIDE}{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    for entry in there:
        entry.replace(aside / entry.name)
    return aside


def _give_to(owner: os.stat_result, staging: Path) -> None:
    """What root restores belongs to whom the folder belongs, or the center could not write it."""
    if os.geteuid() == 0:
        for path in [staging, *staging.rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid)


@contextlib.contextmanager
def _opened(directory: Path, url: str) -> Iterator[Engine]:
    engine = database.open_store(directory, url)
    try:
        yield engine
    finally:
        engine.dispose()
