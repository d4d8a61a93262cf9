"""Open ports, patches, the disk's health: from trees of the tests' own, and from this machine."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.catalog import sentence
from contract.findings import Finding
from contract.readings import Failure
from probes.host.judge import judge
from probes.host.limits import HostLimits, HostSettings
from probes.host.measure import readings_of
from probes.host.ports import open_ports
from probes.host.source import HostFacts
from probes.host.upkeep import DiskHealth, disk_health, patched_at, restart_needed
from probes.interface import Look

pytestmark = pytest.mark.req("R13")

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def judged(**changes: object) -> tuple[Finding, ...]:
    quiet = HostFacts(cpu_percent=1, memory_percent=1, uptime_s=1, disk_percent=1, temperature_celsius=None, ports=("tcp/22", "udp/68"))
    facts, settings = msgspec.structs.replace(quiet, **changes), HostSettings()
    return judge(readings_of(facts, settings, NOW), facts, settings, HostLimits(), Look())


def test_only_doors_that_strangers_can_knock_at_are_open_ports(tmp_path: Path) -> None:
    put(
        tmp_path,
        "net/tcp",
        HEAD
        + "0: 00000000:0016 00000000:0000 0A\n"  # 0.0.0.0:22 listens
        + "1: 0100007F:2120 00000000:0000 0A\n"  # 127.0.0.1:8480, ours
        + "2: 0A00000A:C001 0101010A:22B3 01\n",  # a connection to the broker
    )
    put(
        tmp_path,
        "net/tcp6",
        HEAD
        + "0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A\n"  # [::]:80
        + "1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A\n"  # [::1]:631
        + "2: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A\n",  # ::ffff:127.0.0.1
    )
    put(
        tmp_path,
        "net/udp",
        HEAD
        + "0: 00000000:14E9 00000000:0000 07\n"  # mDNS
        + "1: 0100007F:0143 00000000:0000 07\n"  # chronyd for chronyc
        + "2: 00000000:D431 00000000:0000 07\n"  # waits for its own answers
        + "3: 0A00000A:0044 0101010A:0043 01\n",  # connected
    )
    assert open_ports(tmp_path) == ("tcp/22", "tcp/80", "udp/5353")
    put(tmp_path, "sys/net/ipv4/ip_local_port_range", "5000\t60999\n")
    assert open_ports(tmp_path) == ("tcp/22", "tcp/80")


def test_a_machine_that_does_not_tell_is_unsupported_and_not_safe(tmp_path: Path) -> None:
    assert open_ports(tmp_path) is None
    facts = HostFacts(cpu_percent=1, memory_percent=1, uptime_s=1, disk_percent=1, temperature_celsius=None)
    failures = {reading.metric: reading.failure for reading in readings_of(facts, HostSettings(), NOW)}
    for metric in ("restart_needed", "open_ports", "patch_age_days", "disk_errors", "disk_worn_percent", "disk_read_only", "files_percent"):
        assert failures[f"host.{metric}"] is Failure.UNSUPPORTED


def test_a_door_that_this_machine_opens_is_seen_at_once() -> None:
    with socket.create_server(("0.0.0.0", 0)) as door, socket.create_server(("127.0.0.1", 0)) as own:
        found = open_ports(Path("/proc")) or ()
        assert f"tcp/{door.getsockname()[1]}" in found
        assert f"tcp/{own.getsockname()[1]}" not in found


@given(address=st.text(alphabet="0123456789ABCDEFG:", max_size=34), port=st.text(alphabet="0123456789ABCDEFG", max_size=6))
def test_a_line_that_is_garbled_is_passed_over(tmp_path_factory: pytest.TempPathFactory, address: str, port: str) -> None:
    proc = tmp_path_factory.mktemp("proc")
    put(proc, "net/tcp", f"{HEAD}0: {address}:{port} 00000000:0000 0A\n1: 00000000:0016 00000000:0000 0A\n")
    assert "tcp/22" in (open_ports(proc) or ())


def test_ports_that_are_not_on_the_list_are_told_by_name() -> None:
    assert judged() == ()
    (found,) = judged(ports=("tcp/22", "tcp/80", "udp/68", "udp/5353"))
    assert sentence(found, "vi") == "Máy giám sát mở ra mạng 2 cổng ngoài danh sách: tcp/80, udp/5353"


def test_patches_are_as_old_as_the_last_upgrade_of_the_system_and_not_of_ours(tmp_path: Path) -> None:
    put(tmp_path, "var/log/dpkg.log.1", "2026-06-01 08:00:00 upgrade libc6:amd64 2.36-9 2.36-10\n")
    put(
        tmp_path,
        "var/log/dpkg.log",
        "2026-11-20 08:00:00 upgrade diemcau-agent:amd64 0.1 0.2\n2026-11-20 08:00:01 status installed diemcau-agent:amd64 0.2\n",
    )
    moment = patched_at(tmp_path)
    assert moment is not None
    assert moment.replace(tzinfo=None) == datetime(2026, 6, 1, 8)
    (found,) = judged(patched_at=moment)
    assert (found.code, found.limit) == ("host.patches_old", 120)
    assert judged(patched_at=NOW - timedelta(days=119)) == ()
    assert judged(patched_at=NOW + timedelta(days=3)) == (), "a clock that was set back"
    put(tmp_path, "var/log/dpkg.log", "2026-11-21 08:00:00 upgrade linux-image-amd64:amd64 6.1.1 6.1.2\n")
    newer = patched_at(tmp_path)
    assert newer is not None
    assert newer > moment


def test_a_line_torn_by_a_power_cut_hides_no_upgrade_before_it(tmp_path: Path) -> None:
    put(tmp_path, "var/log/dpkg.log", "2026-06-01 08:00:00 upgrade libc6:amd64 1 2\n2026-06-\x00 upgrade x\n")
    assert patched_at(tmp_path) is not None


@pytest.mark.parametrize("text", ["", "rubbish upgrade x\n", "9999-99-99 00:00:00 upgrade libc6:amd64 1 2\n"])
def test_a_log_that_tells_nothing_is_no_age(tmp_path: Path, text: str) -> None:
    put(tmp_path, "var/log/dpkg.log", text)
    assert patched_at(tmp_path) is None


def test_a_system_that_asks_for_a_restart_is_told(tmp_path: Path) -> None:
    assert not restart_needed(tmp_path)
    put(tmp_path, "run/reboot-required", "*** System restart required ***\n")
    assert restart_needed(tmp_path)
    assert [found.code for found in judged(restart_needed=True)] == ["host.restart_needed"]


def disk_of(sys: Path, folder: Path, *, errors: str = "0", life: str | None = None) -> None:
    """A sysfs in which the folder's disk is an eMMC."""
    device = folder.stat().st_dev
    part = sys / "devices/mmc0/block/mmcblk0/mmcblk0p2"
    part.mkdir(parents=True)
    (sys / "dev/block").mkdir(parents=True)
    (sys / "dev/block" / f"{os.major(device)}:{os.minor(device)}").symlink_to(part)
    put(sys, "fs/ext4/mmcblk0p2/errors_count", errors + "\n")
    if life is not None:
        put(sys, "devices/mmc0/block/mmcblk0/device/life_time", life + "\n")


@pytest.mark.parametrize(
    ("errors", "life", "worn", "codes"),
    [
        ("0", "0x01 0x02", 20, []),
        ("0", "0x00 0x00", None, []),
        ("0", None, None, []),
        ("3", "0x0a 0x01", 100, ["host.disk_worn", "host.disk_errors"]),
        ("x", "zz", None, []),
    ],
)
def test_an_emmc_tells_its_wear_and_ext4_its_errors(
    tmp_path: Path, errors: str, life: str | None, worn: float | None, codes: list[str]
) -> None:
    disk_of(tmp_path / "sys", tmp_path, errors=errors, life=life)
    health = disk_health(str(tmp_path), tmp_path / "sys")
    assert health.worn_percent == worn
    assert sorted(found.code for found in judged(disk=health)) == sorted(codes)


@pytest.mark.parametrize(
    ("health", "code"), [(DiskHealth(read_only=True), "host.disk_read_only"), (DiskHealth(files_percent=97.0), "host.files")]
)
def test_a_disk_that_takes_nothing_any_more_is_told(health: DiskHealth, code: str) -> None:
    assert [found.code for found in judged(disk=health)] == [code]


def test_a_folder_that_is_not_there_has_no_health() -> None:
    assert disk_health("/does/not/exist", Path("/sys")) == DiskHealth()


@pytest.mark.parametrize(
    ("mount", "system", "told"),
    [
        ("rw,relatime", "rw,errors=remount-ro", False),
        ("ro,relatime", "rw", False),  # the service's own view of a disk that is well (ProtectSystem=strict)
        ("rw,relatime", "ro,errors=remount-ro", True),
        ("rw,relatime", "rw,errors=remount-ro,emergency_ro", True),  # ext4 after an error, as a real one said it
        ("rw,relatime", "rw,shutdown", True),
    ],
)
def test_a_disk_is_read_only_by_its_file_system_and_not_by_how_the_service_sees_it(
    tmp_path: Path, mount: str, system: str, told: bool
) -> None:
    device = tmp_path.stat().st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    put(tmp_path, "mountinfo", f"21 1 0:5 / /proc rw - proc proc rw\n36 35 {name} / / {mount} shared:1 - ext4 /dev/sda1 {system}\n")
    health = disk_health(str(tmp_path), tmp_path / "sys", tmp_path / "mountinfo")
    assert health.read_only is told
    assert disk_health(str(tmp_path), tmp_path / "sys", tmp_path / "none").read_only is None
    put(tmp_path, "mountinfo", "garbled\n\n1 2\n")
    assert disk_health(str(tmp_path), tmp_path / "sys", tmp_path / "mountinfo").read_only is None
