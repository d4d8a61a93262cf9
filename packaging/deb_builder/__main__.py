"""``python -m deb_builder``: wheels by the lock, samples from the models, bills of materials, two packages in dist/."""

from __future__ import annotations

import argparse
import functools
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import parse_wheel_filename

from deb_builder import deb, lock, sbom, wheels
from deb_builder.deb import Package, Tree
from deb_builder.lock import TARGETS, LockError, Pin, Target

SOURCE = Path(__file__).parents[2]
PACKAGING = SOURCE / "packaging"


def main() -> int:
    """Build both packages; exit status 0, or 2 with a sentence."""
    options = _parser().parse_args()
    version = options.version or wheels.project_version(SOURCE)
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        print(f"packages: {version!r} is no version: three numbers with dots, like 0.2.0", file=sys.stderr)
        return 2
    os.umask(0o022)  # a wheel keeps the modes of its files, so the builder's habits would show
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as place:
            own = wheels.own(SOURCE, Path(place), version, epoch())
            store = wheels.Store(options.wheels)
            for package in deb.PACKAGES:
                made = _build(package, version, own, store, options.output)
                print(f"{made} {made.stat().st_size / 1e6:.1f} MB sha256 {wheels.sha256(made)}")
    except LockError as error:
        print(f"packages: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diemcau"
    parser = argparse.ArgumentParser(prog="deb_builder", description="Builds the two Debian packages.")
    parser.add_argument("--output", type=Path, default=SOURCE / "dist", metavar="FOLDER")
    parser.add_argument("--wheels", type=Path, default=cache / "wheels", metavar="FOLDER", help="cache of downloaded wheels")
    parser.add_argument("--version", help="other than pyproject.toml's, for trials of an upgrade")
    return parser


def epoch() -> int:
    """SOURCE_DATE_EPOCH: given, or the time of the last commit, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    return int(subprocess.run(["git", "-C", str(SOURCE), "log", "-1", "--format=%ct"], check=True, capture_output=True, text=True).stdout)


def wheels_by_target(extras: Sequence[str], store: wheels.Store) -> dict[Target, dict[Pin, Path]]:
    """The others' wheels of a package, for each Python."""
    roots = lock.roots((SOURCE / "pyproject.toml").read_text(encoding="utf-8"), extras)
    pins = lock.parse((SOURCE / "requirements.lock").read_text(encoding="utf-8"))
    found = {}
    for target in TARGETS:
        chosen = lock.closure(roots, pins, target, functools.partial(store.requires, target=target))
        paths = store.fetch(chosen, target)
        found[target] = {pin: paths[pin.name] for pin in chosen}
    return found


def requirements(chosen: Mapping[Pin, Path], own: Path) -> str:
    """What pip installs at one Python: exactly the files that the package carries."""
    lines = [f"{pin.name}=={pin.version} --hash=sha256:{wheels.sha256(path)}" for pin, path in chosen.items()]
    lines.append(f"diemcau=={parse_wheel_filename(own.name)[1]} --hash=sha256:{wheels.sha256(own)}")
    return "\n".join(sorted(lines)) + "\n"


def _build(package: Package, version: str, own: Path, store: wheels.Store, destination: Path) -> Path:
    targets = wheels_by_target(package.extras, store)
    carried: dict[Path, list[str]] = {own: [str(target) for target in TARGETS]}
    for target, chosen in targets.items():
        for path in chosen.values():
            carried.setdefault(path, []).append(str(target))
    bill = sbom.document(package.name, version, carried, epoch())
    with tempfile.TemporaryDirectory() as place:
        tree = Tree(Path(place) / "tree")
        share, doc = f"/usr/share/{package.name}", f"/usr/share/doc/{package.name}"
        for path in carried:
            tree.copy(path, f"{share}/wheels/{path.name}")
        for target, chosen in targets.items():
            tree.write(f"{share}/requirements-{target}.txt", requirements(chosen, own))
        _place_system_files(tree, package)
        for name, text in _samples(package, own, targets).items():
            tree.write(f"{doc}/{name}", text)
        tree.write(f"{doc}/sbom.cdx.json", bill)
        tree.write(f"{doc}/copyright", _copyright(carried))
        tree.link(f"/usr/bin/{package.command}", f"/opt/diemcau/{package.part}/bin/{package.command}")
        scripts = {
            name: deb.expand((PACKAGING / "maintainer" / name).read_text(encoding="utf-8"), package, version) for name in deb.SCRIPTS
        }
        scripts["triggers"] = (PACKAGING / "maintainer" / "triggers").read_text(encoding="utf-8")
        made = deb.build(package, version, tree, scripts, destination=destination, epoch=epoch())
    (destination / f"{package.name}_{version}.cdx.json").write_text(bill, encoding="utf-8")
    return made


def _place_system_files(tree: Tree, package: Package) -> None:
    folder = PACKAGING / package.part
    for unit in sorted((*folder.glob("*.service"), *folder.glob("*.timer"))):
        tree.copy(unit, f"/usr/lib/systemd/system/{unit.name}")
    tree.copy(folder / "sysusers.conf", f"/usr/lib/sysusers.d/{package.name}.conf")
    tree.copy(folder / "tmpfiles.conf", f"/usr/lib/tmpfiles.d/{package.name}.conf")
    tree.copy(folder / "leave-out", f"/usr/share/{package.name}/leave-out")


def _samples(package: Package, own: Path, targets: Mapping[Target, Mapping[Pin, Path]]) -> dict[str, str]:
    """Sample and schema of the package's file, said by the very wheel that is packed."""
    here = next((target for target in TARGETS if (target.major, target.minor) == sys.version_info[:2]), None)
    if here is None:
        raise LockError(f"packages are built with Python {', '.join(map(str, TARGETS))}; this is {sys.version.split()[0]}")
    needed = [path for pin, path in targets[here].items() if pin.name == "msgspec"]
    with tempfile.TemporaryDirectory() as place:
        for wheel in (own, *needed):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(place)
        return {name: _said(place, code) for name, code in _SAYS[package.part].items()}


_SAYS: dict[str, Mapping[str, str]] = {
    "agent": {
        "edge-agent.toml.sample": "from edge_agent import sample; print(sample.text(), end='')",
        "edge-agent.schema.json": "from edge_agent import sample; print(sample.schema())",
    },
    "center": {
        "control-center.toml.sample": "from control_center import config; print(config.SAMPLE, end='')",
    },
}
"""By file: what prints it. The functions that the commands call, because those import libraries the build can do without."""


def _said(place: str, code: str) -> str:
    command = [sys.executable, "-s", "-B", "-c", code]
    environment = {"PYTHONPATH": place, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=environment, cwd=place).stdout


def _copyright(carried: Mapping[Path, Sequence[str]]) -> str:
    lines = ["diemcau itself:", "", (SOURCE / "LICENSE").read_text(encoding="utf-8").strip(), ""]
    lines += ["The wheels that this package carries, each with its own licence text inside (*.dist-info):", ""]
    lines += [f"{wheels.name_of(path)} {parse_wheel_filename(path.name)[1]}: {wheels.license_of(path)}" for path in sorted(carried)]
    return "\n".join(dict.fromkeys(line for line in lines if line)) + "\n"


if __name__ == "__main__":
    sys.exit(main())
