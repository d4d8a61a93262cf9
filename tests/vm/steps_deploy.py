"""Steps that build the packages and bring them onto the machines."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

from tests.vm import deploy
from tests.vm.images import REPOSITORY
from tests.vm.rig import Rig
from tests.vm.shell import run

_UNIT = "usr/lib/systemd/system/diemcau-agent.service"


def packages(rig: Rig) -> list[str]:
    """Build this version, the next one, and one after it whose agent does not start."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    major, minor, patch = project["version"].split(".")
    versions = [f"{major}.{minor}.{int(patch) + ahead}" for ahead in range(3)]
    debs = rig.folder / "debs"
    for version in versions:
        run(REPOSITORY / "packaging/build.sh", "--version", version, "--output", debs, timeout_s=1200)
    _break(debs / f"diemcau-agent_{versions[2]}_amd64.deb", rig.folder / "broken")
    rig.notes |= dict(zip(("version", "next", "broken"), versions, strict=True))
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.0f} MB" for path in sorted(debs.glob(f"*_{versions[0]}_amd64.deb")))
    return [sizes, f"{versions[1]} to upgrade to, {versions[2]} whose agent cannot start"]


def _break(deb: Path, work: Path) -> None:
    """Make the agent's program end at once: everything else of the package is as built."""
    run("dpkg-deb", "--raw-extract", deb, work)
    unit = work / _UNIT
    text, count = re.subn(r"^ExecStart=.*$", "ExecStart=/bin/false", unit.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1, f"{_UNIT} has {count} ExecStart lines"
    unit.write_text(text, encoding="utf-8")
    (work / "DEBIAN/md5sums").unlink(missing_ok=True)
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", work, deb)
    shutil.rmtree(work)


def first_run(rig: Rig) -> list[str]:
    """Run ``site.yml`` on two bare machines."""
    deploy.prepare(rig)
    recap, words = deploy.play(rig, "first", rig.notes["version"])
    assert recap.well, deploy.failures(words)
    assert all(recap[host]["changed"] for host in deploy.HOSTS), recap.said()
    return [recap.said()]


def second_run(rig: Rig) -> list[str]:
    """Run it again: nothing may change."""
    recap, words = deploy.play(rig, "second", rig.notes["version"])
    assert recap.well, deploy.failures(words)
    changed = re.findall(r"^TASK \[(.*)\] \**\n(?:(?!^TASK).*\n)*?^changed: \[(\S+)", words, re.MULTILINE)
    assert not any(recap[host]["changed"] for host in deploy.HOSTS), f"the second run changed something: {changed}; {recap.said()}"
    return [recap.said()]
