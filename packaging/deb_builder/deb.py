"""One Debian package: its tree with fixed modes and times, its control files, dpkg-deb."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MAINTAINER = "diemcau maintainers <maintainers@diemcau.invalid>"
SCRIPTS = ("postinst", "prerm", "postrm")


@dataclass(frozen=True)
class Package:
    """What tells the two packages apart.

    Attributes:
        part: ``agent`` or ``center``: its folder here, its folder below /opt/diemcau.
        extras: Extras of pyproject.toml that it carries.
        command: Its program.
        configuration: Its file below /etc/diemcau.
        restarted: Units that an upgrade starts again when they run.
        kept: Units that it ships and lets run on; stopped at removal only.
        leaves: What purging removes besides: state, keys.
        depends: Debian packages it needs.
        suggests: Debian packages that some of it can use.
        summary: One line for lists of packages.
        description: A paragraph.
    """

    part: str
    extras: tuple[str, ...]
    command: str
    configuration: str
    restarted: tuple[str, ...]
    kept: tuple[str, ...]
    leaves: tuple[str, ...]
    depends: tuple[str, ...]
    suggests: tuple[str, ...]
    summary: str
    description: str

    @property
    def name(self) -> str:
        """Of the Debian package, the user and the first unit."""
        return f"diemcau-{self.part}"


PYTHON = ("python3 (>= 3.11)", "python3 (<< 3.14)", "python3-venv", "python3-pip-whl", "init-system-helpers (>= 1.52)", "systemd (>= 252)")

AGENT = Package(
    part="agent",
    extras=("agent",),
    command="edge-agent",
    configuration="edge-agent.toml",
    restarted=("diemcau-agent.service",),
    kept=(),
    leaves=("/var/lib/diemcau", "/var/cache/diemcau", "/etc/diemcau/tls", "/etc/diemcau/secrets"),
    depends=(*PYTHON, "libportaudio2"),
    suggests=("ffmpeg", "chrony", "iperf3"),
    summary="watches over the video conferencing system of one site",
    description="Camera, microphone, link, codec, cables and the PC itself; tells a control center over MQTT.",
)
CENTER = Package(
    part="center",
    extras=("center", "postgresql"),
    command="control-center",
    configuration="control-center.toml",
    restarted=("diemcau-center.service",),
    kept=("diemcau-broker.service", "diemcau-center-backup.timer"),
    leaves=("/var/lib/diemcau-center", "/etc/diemcau/broker"),
    depends=(*PYTHON, "mosquitto (>= 2.0.11)", "fonts-croscore", "fonts-dejavu-core"),
    suggests=("chrony", "postgresql", "iperf3"),
    summary="hears all sites, shows the live board, fills in the logbook form",
    description="Live board, alerts, meetings and the logbook form of all sites; Debian's mosquitto is its broker, in a unit of its own.",
)
PACKAGES = (AGENT, CENTER)


def expand(template: str, package: Package, version: str) -> str:
    """A maintainer script with its ``@WORDS@`` filled in."""
    words = {
        "PACKAGE": package.name,
        "PART": package.part,
        "VERSION": version,
        "COMMAND": package.command,
        "CONFIGURATION": package.configuration,
        "RESTARTED": " ".join(package.restarted),
        "UNITS": " ".join((*package.kept, *package.restarted)),
        "LEAVES": " ".join(package.leaves),
    }
    for word, text in words.items():
        template = template.replace(f"@{word}@", text)
    if "@" in template.replace("$@", ""):
        raise ValueError(f"a word of a maintainer script was not filled in: {template.partition('@')[2][:30]!r}")
    return template


def control(package: Package, version: str, installed_kib: int) -> str:
    """Content of DEBIAN/control."""
    lines = [
        f"Package: {package.name}",
        f"Version: {version}",
        "Architecture: amd64",
        "Section: net",
        "Priority: optional",
        f"Maintainer: {MAINTAINER}",
        f"Installed-Size: {installed_kib}",
        f"Depends: {', '.join(package.depends)}",
        f"Suggests: {', '.join(package.suggests)}",
        f"Description: {package.summary}",
        f" {package.description}",
        " .",
        " It carries its Python libraries as wheels and needs no network to be installed.",
    ]
    return "\n".join(lines) + "\n"


class Tree:
    """The files of a package under construction.

    Args:
        root: An empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, where: str, text: str, mode: int = 0o644) -> None:
        """Put a text file at an absolute path of the target."""
        path = self._made(where)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def copy(self, source: Path, where: str) -> None:
        """Put a file there, readable by all."""
        path = self._made(where)
        shutil.copyfile(source, path)
        path.chmod(0o644)

    def link(self, where: str, to: str) -> None:
        """Put a symbolic link there."""
        self._made(where).symlink_to(to)

    def _made(self, where: str) -> Path:
        path = self.root / where.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def md5sums(self) -> str:
        """Content of DEBIAN/md5sums."""
        files = sorted(path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts)
        return "".join(
            f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(self.root)}\n" for path in files
        )

    def size_kib(self) -> int:
        """What the files take, each rounded up, as policy 5.6.20 has it."""
        return sum(-(-path.lstat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1 for path in self.root.rglob("*"))

    def settle(self, epoch: int) -> None:
        """Fix the modes of the folders and the times of everything."""
        for path in [*self.root.rglob("*"), self.root]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
            os.utime(path, (epoch, epoch), follow_symlinks=False)


def build(package: Package, version: str, tree: Tree, scripts: Mapping[str, str], *, destination: Path, epoch: int) -> Path:
    """Write the package; the path of the ``.deb``.

    Args:
        package: Which.
        version: Its version.
        tree: Its files.
        scripts: Control files by name; maintainer scripts among them become executable.
        destination: The folder it goes to.
        epoch: Time of all its members.
    """
    size_kib, sums = tree.size_kib(), tree.md5sums()
    tree.write("DEBIAN/control", control(package, version, size_kib))
    tree.write("DEBIAN/md5sums", sums)
    for name, text in scripts.items():
        tree.write(f"DEBIAN/{name}", text, 0o755 if name in SCRIPTS else 0o644)
    tree.settle(epoch)
    made = destination / f"{package.name}_{version}_amd64.deb"
    made.unlink(missing_ok=True)
    # Wheels are compressed already: to do it again costs a minute and gains one percent.
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree.root), str(made)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C.UTF-8"})
    return made
