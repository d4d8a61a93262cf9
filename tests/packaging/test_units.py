"""The units: as tight as was promised, understood by systemd, and each for the right user."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = ("agent/diemcau-agent.service", "center/diemcau-center.service", "center/diemcau-broker.service")
BACKUP = "center/diemcau-center-backup.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def read(path: Path) -> dict[str, dict[str, list[str]]]:
    """Sections of a unit file; a key may come several times."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = {}
        elif line and not line.startswith("#"):
            key, _, text = line.partition("=")
            found[section].setdefault(key, []).append(text)
    return found


@needs_systemd
@pytest.mark.req("R9")
@pytest.mark.parametrize("unit", [*UNITS, BACKUP])
def test_a_unit_is_exposed_by_no_more_than_2_5(folder: Path, unit: str) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(folder / unit)], capture_output=True, text=True, check=False
    ).stdout
    exposure = re.search(r"exposure level for .*: ([0-9.]+)", said)
    assert exposure is not None, said
    assert float(exposure[1]) <= 2.5


@needs_systemd
@pytest.mark.parametrize("unit", [*UNITS, BACKUP])
def test_systemd_understands_every_line_of_a_unit(folder: Path, unit: str, tmp_path: Path) -> None:
    # What it starts is not installed on the machine of a developer: another program stands for it.
    text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", (folder / unit).read_text(encoding="utf-8"))
    copy = tmp_path / Path(unit).name
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)
    about_us = [line for line in done.stderr.splitlines() if str(copy) in line or "Unknown" in line]
    assert about_us == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_tells_that_it_is_ready_and_tries_for_ever_and_waits_for_its_file(folder: Path, unit: str) -> None:
    found = read(folder / unit)
    assert found["Service"]["Type"] == ["notify"]
    assert found["Service"]["Restart"] == ["always"]
    assert found["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert found["Unit"]["ConditionPathExists"][0].startswith("/etc/diemcau/")
    assert found["Install"]["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("unit", UNITS[:2])
def test_our_own_units_are_watched(folder: Path, unit: str) -> None:
    assert int(read(folder / unit)["Service"]["WatchdogSec"][0]) > 15, "at rest the agent says that it lives every 15 s"


def test_the_agent_may_open_cameras_and_sound_cards_that_are_plugged_in_later(folder: Path) -> None:
    service = read(folder / UNITS[0])["Service"]
    assert service["DeviceAllow"] == ["char-81 rw", "char-116 rw"], "by number: a name is looked up once, at the start"
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == ["CAP_NET_RAW"]
    assert "MemoryDenyWriteExecute" not in service, "PortAudio calls back through cffi"


def test_restarting_the_center_does_not_touch_the_broker(folder: Path) -> None:
    center, broker = read(folder / UNITS[1])["Unit"], read(folder / UNITS[2])["Unit"]
    assert "diemcau-broker.service" in center["Wants"]
    for key in ("Requires", "BindsTo", "PartOf", "Upholds"):
        assert key not in center
        assert key not in broker


@pytest.mark.parametrize("part", ["agent", "center"])
def test_the_user_of_a_unit_is_made_by_the_same_package(folder: Path, part: str) -> None:
    user = read(folder / part / f"diemcau-{part}.service")["Service"]["User"][0]
    assert f"u {user} " in (folder / part / "sysusers.conf").read_text(encoding="utf-8")
    assert f" {user} {user}\n" in (folder / part / "tmpfiles.conf").read_text(encoding="utf-8")
