"""Wheels: our own, made from the tree; the others, fetched once into the cache, always compared with the lock's hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

from deb_builder.lock import LockError, Pin, Target


def sha256(path: Path) -> str:
    """Digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def metadata(wheel: Path) -> RawMetadata:
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        return parse_email(archive.read(name))[0]


class Store:
    """The cache of wheels.

    Args:
        folder: Where they lie; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._digests: dict[Path, str] = {}

    def find(self, pin: Pin, target: Target) -> Path | None:
        """The wheel that fits best among those that are here and in the lock."""
        fitting = []
        for path in self._folder.glob("*.whl"):
            name, version, _, _ = parse_wheel_filename(path.name)
            rank = target.fit(path.name)
            if name == pin.name and str(version) == pin.version and rank is not None and self._digest(path) in pin.sha256:
                fitting.append((rank, path.name, path))
        return min(fitting)[2] if fitting else None

    def _digest(self, path: Path) -> str:
        """Read once in each run: what lies in a cache may have been changed since the last."""
        if path not in self._digests:
            self._digests[path] = sha256(path)
        return self._digests[path]

    def fetch(self, pins: Sequence[Pin], target: Target) -> dict[NormalizedName, Path]:
        """Wheels of some pins, by name; those that are missing are downloaded.

        Raises:
            LockError: one cannot be had.
        """
        missing = [pin for pin in pins if self.find(pin, target) is None]
        if missing:
            _download(missing, target, self._folder)
        found = {pin.name: self.find(pin, target) for pin in pins}
        lacking = [name for name, path in found.items() if path is None]
        if lacking:
            raise LockError(f"no wheel in the lock fits Python {target}: {', '.join(lacking)}")
        return {name: path for name, path in found.items() if path is not None}

    def requires(self, pins: Sequence[Pin], target: Target) -> Mapping[NormalizedName, Sequence[Requirement]]:
        """What their wheels ask for."""
        return {
            name: [Requirement(text) for text in metadata(path).get("requires_dist", [])] for name, path in self.fetch(pins, target).items()
        }


def _download(pins: Sequence[Pin], target: Target, folder: Path) -> None:
    lines = [f"{pin.name}=={pin.version} " + " ".join(f"--hash=sha256:{digest}" for digest in sorted(pin.sha256)) for pin in pins]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        wanted = Path(place) / "wanted.txt"
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        command += ["--require-hashes", "--requirement", str(wanted), "--dest", place, "--python-version", str(target)]
        command += [f"--platform={tag}" for tag in target.platforms] + ["--implementation=cp"]
        print(f"packages: fetching {len(pins)} wheels for Python {target}: {', '.join(pin.name for pin in pins)}", file=sys.stderr)
        if subprocess.run(command, check=False).returncode != 0:
            raise LockError("pip could not fetch the wheels; its words stand above (is a package index reachable?)")
        for wheel in Path(place).glob("*.whl"):
            wheel.replace(folder / wheel.name)


def own(source: Path, folder: Path, version: str, epoch: int) -> Path:
    """Make our own wheel.

    Args:
        source: The repository; what git would keep of it is taken, as it lies there now.
        folder: Where the wheel goes.
        version: Its version; what the tree says otherwise is replaced.
        epoch: Time of all files in it, in seconds since 1970.
    """
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "source"
        kept = ["git", "-C", str(source), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        kept += ["--", "pyproject.toml", "README.md", "LICENSE", "contract", "probes", "edge_agent", "control_center"]
        for name in subprocess.run(kept, check=True, capture_output=True, text=True).stdout.rstrip("\0").split("\0"):
            if (source / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, copy / name)
                (copy / name).chmod(0o644)
        _set_version(copy, version)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
        ]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
        subprocess.run([*command, "--wheel-dir", place, str(copy)], check=True, env=environment)
        (made,) = Path(place).glob("*.whl")
        return Path(shutil.move(made, folder / made.name))


def project_version(source: Path) -> str:
    """The version that pyproject.toml gives."""
    for line in (source / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith("version = "):
            return line.split('"')[1]
    raise LockError("pyproject.toml gives no version")


def _set_version(copy: Path, version: str) -> None:
    """Another version than the tree's, for trials of an upgrade: the package's and what the agent tells the center."""
    written = project_version(copy)
    for name in ("pyproject.toml", "edge_agent/daemon.py"):
        text = (copy / name).read_text(encoding="utf-8")
        for word in ("version", "VERSION"):
            text = text.replace(f'\n{word} = "{written}"\n', f'\n{word} = "{version}"\n')
        (copy / name).write_text(text, encoding="utf-8")


def license_of(wheel: Path) -> str:
    """A wheel's licence in its own words: an SPDX expression, else its classifiers, else the first line of its text."""
    said = metadata(wheel)
    if said.get("license_expression"):
        return said["license_expression"]
    told = [word.rpartition(" :: ")[2] for word in said.get("classifiers", []) if word.startswith("License :: ")]
    told = [word for word in told if word != "OSI Approved"]
    if told:
        return " AND ".join(told)
    return (said.get("license") or "not stated").strip().splitlines()[0]


def name_of(wheel: Path) -> NormalizedName:
    """Normalized name of the project of a wheel."""
    return canonicalize_name(parse_wheel_filename(wheel.name)[0])
