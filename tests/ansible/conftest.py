"""Three sites and a center, booted once; a small package stands in for the agent's, which takes 15 seconds to install at each site."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ansible.machines import PLAYBOOK, REPOSITORY, Controller, Machine

PROGRAM = Path(__file__).parent / "small_agent.py"
CENTER = Path(__file__).parent / "small_center.py"
UNIT = """[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/edge-agent run
User=diemcau-agent
[Install]
WantedBy=multi-user.target
"""
POSTINST = """#!/bin/sh
set -e
getent group diemcau-agent >/dev/null || groupadd --system diemcau-agent
getent passwd diemcau-agent >/dev/null || useradd --system --gid diemcau-agent --no-create-home diemcau-agent
mkdir -p /etc/diemcau /var/lib/diemcau
systemctl daemon-reload
if [ -n "$2" ] && systemctl is-active --quiet diemcau-agent; then systemctl restart diemcau-agent || true; fi
"""
PRERM = """#!/bin/sh
if [ "$1" = remove ]; then systemctl stop diemcau-agent || true; fi
"""
POSTRM = """#!/bin/sh
if [ "$1" = purge ]; then rm -rf /etc/diemcau/edge-agent.toml /var/lib/diemcau; fi
"""
PLAY = """
- hosts: sites
  gather_facts: false
  serial: 1
  max_fail_percentage: 0
  pre_tasks:
    - setup: {gather_subset: ["!all", "!min", distribution]}
  roles:
    - edge_agent
"""

BuildDeb = Callable[..., Path]


@pytest.fixture(scope="session")
def debian_root() -> Path:
    """The cached root; made (2 to 3 minutes) when it is not there."""
    for command, package in (("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux"), ("dpkg-deb", "dpkg")):
        if shutil.which(command) is None:
            pytest.skip(f"{command} is missing: apt-get install {package}")
    if not PLAYBOOK.exists():
        pytest.skip(f"{PLAYBOOK} is missing: run make setup")
    made = subprocess.run([REPOSITORY / "packaging/root.sh", "bookworm"], check=False, capture_output=True, text=True)
    if made.returncode == 2:
        pytest.skip(f"no Debian root can be made here: {made.stderr.strip()}")
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@pytest.fixture(scope="session")
def build_deb(tmp_path_factory: pytest.TempPathFactory) -> BuildDeb:
    """Small ``diemcau-agent`` (or another package) of a version; `program` is put before the agent's code, to break it."""
    folder = tmp_path_factory.mktemp("debs")

    def build(version: str, *, name: str = "diemcau-agent", depends: str = "libportaudio2", program: str = "", into: Path = folder) -> Path:
        tree = folder / f"{name}-{version}"
        scripts = {"postinst": POSTINST, "prerm": PRERM, "postrm": POSTRM} if name == "diemcau-agent" else {}
        control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: t <t@example>\nDescription: trial\n"
        files = {
            "DEBIAN/control": control + (f"Depends: {depends}\n" if depends else ""),
            **{f"DEBIAN/{key}": text for key, text in scripts.items()},
        }
        if name == "diemcau-agent":
            code = "#!/usr/bin/python3\n" + PROGRAM.read_text(encoding="utf-8").replace(
                'VERSION = ""\n', f"VERSION = {version!r}\n{program}"
            )
            files |= {"usr/bin/edge-agent": code, "usr/lib/systemd/system/diemcau-agent.service": UNIT}
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text, encoding="utf-8")
            (tree / path).chmod(0o755 if path in {"usr/bin/edge-agent", *(f"DEBIAN/{key}" for key in scripts)} else 0o644)
        into.mkdir(parents=True, exist_ok=True)
        made = into / f"{name}_{version}_amd64.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True, capture_output=True)
        return made

    return build


@pytest.fixture(scope="module")
def machines(debian_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    """Sites ``an-lac``, ``binh-an`` and ``cat-thanh``, and the center ``trung-tam``."""
    folder = tmp_path_factory.mktemp("machines")
    shared = folder / "heard"
    shared.mkdir()
    shared.chmod(0o777)
    booted: dict[str, Machine] = {}
    try:
        for name in ("trung-tam", "an-lac", "binh-an", "cat-thanh"):
            booted[name] = Machine(name, debian_root, folder, shared=shared)
        program = booted["trung-tam"].root / "usr/bin/control-center"
        program.write_text("#!/usr/bin/python3\n" + CENTER.read_text(encoding="utf-8"), encoding="utf-8")
        program.chmod(0o755)
        yield booted
    finally:
        for machine in booted.values():
            machine.stop()


@pytest.fixture(scope="module")
def controller(machines: dict[str, Machine], build_deb: BuildDeb, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    folder = tmp_path_factory.mktemp("control")
    playbook = folder / "play.yml"
    playbook.write_text(PLAY, encoding="utf-8")
    variables = {
        "diemcau_packages": str(build_deb("1.0.0").parent),
        "diemcau_version": "1.0.0",
        "diemcau_center_address": "10.20.0.10",
        "diemcau_site_id": "{{ inventory_hostname }}",
        "diemcau_site_name": "Huyện An Lạc",
        "diemcau_site_ssid": 7,
        "diemcau_broker_port": 8883,
        "diemcau_stamp_port": 8862,
        "diemcau_site_capabilities": {"camera": "own", "microphone": "vcs"},
        "edge_agent_gateway": "10.20.20.1",
        "edge_agent_wait_s": 3,
    }
    groups = {"center": [machines["trung-tam"]], "sites": [machines[name] for name in ("an-lac", "binh-an", "cat-thanh")]}
    return Controller(folder, groups, playbook, variables)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A run of Ansible against several machines takes longer than a test usually may, the first root longer still."""
    for item in items:
        if Path(__file__).parent in item.path.parents and os.geteuid() == 0:
            item.add_marker(pytest.mark.timeout(900))
