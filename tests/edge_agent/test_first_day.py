"""The whole first day at a new site, by the very lines of docs/first-day.vi.md, with a real agent, a SIP peer and a camera."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.status import FILE
from tests.edge_agent.conftest import room_picture
from tests.probes.codec.test_codec import answer_to, udp_peer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/first-day.vi.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.strip().splitlines()]
ROOM = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.req("R49", "R52")


class Day:
    """The technician at the site PC."""

    def __init__(self, folder: Path, codec_port: int) -> None:
        self.folder, self.picture = folder, folder / "room.png"
        room_picture(self.picture)
        usb = folder / "sys/bus/usb/devices/1-1"
        usb.mkdir(parents=True)
        (usb / "idVendor").write_text("046d\n")
        (usb / "idProduct").write_text("0825\n")
        net = folder / "sys/class/net/eth0"
        net.mkdir(parents=True)
        for name, text in {"carrier": "1", "speed": "1000", "duplex": "full", "carrier_changes": "1"}.items():
            (net / name).write_text(text + "\n")
        self.file = folder / "edge-agent.toml"
        # What the page says, with the devices of this test in the place of a real room's.
        room = ROOM[0].replace('"/dev/video0"', f'"{self.picture}"').replace('"10.20.20.9"', '"127.0.0.1"').replace("5060", str(codec_port))
        room += f'port = "eth0"\nsysfs = "{folder}/sys"\n'
        site = f'[site]\nid = "so-y-te"\nname = "Sở Y tế"\n[state]\ndirectory = "{folder}/state"\n[page]\nport = 0\n'
        self.file.write_text(site + room, encoding="utf-8")
        tomllib.loads(self.file.read_text(encoding="utf-8"))

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        program, *words = shlex.split(line)
        assert program == "edge-agent"
        command = [sys.executable, "-m", "edge_agent.cli", *words, "--config", str(self.file)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)

    @contextmanager
    def agent(self) -> Iterator[None]:
        """The service that the installation has started."""
        process = subprocess.Popen([sys.executable, "-m", "edge_agent.cli", "run", "--config", str(self.file)], cwd=ROOT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with udp_peer(lambda request: [answer_to(request, "200 OK")]) as port:
        yield Day(tmp_path, port)


def test_the_written_steps_lead_from_an_undeclared_room_to_one_that_is_checked(day: Day) -> None:
    with day.agent():
        said = [(line, day.types(line)) for line in COMMANDS]
    done: dict[str, Any] = dict(said)
    assert [line.split('"')[0].split()[1:3] for line in COMMANDS][:2] == [["config", "check"], ["check"]]
    for line, result in said:
        assert result.returncode in ((0, 1) if line.split()[1] in ("check", "status") else (0,)), f"{line}\n{result.stdout}{result.stderr}"
    first, last = (result for line, result in said if line == "edge-agent check")
    assert "Khung hình camera bị xê dịch" not in first.stdout
    assert "không cho đọc" in " ".join(first.stdout.split()), "the codec's settings are asked of the technician"
    assert "không cho đọc" not in " ".join(last.stdout.split())
    assert "Camera" in last.stdout
    assert "Bình thường" in last.stdout
    assert "Đã phê duyệt" in done['edge-agent baseline approve --by "Nguyễn Thị A"'].stdout
    assert (day.folder / "state" / FILE).exists()


def test_after_the_first_day_a_turned_camera_is_found_and_before_it_nothing_is(day: Day) -> None:
    turned = 90
    room_picture(day.picture, turned)
    assert "camera.moved" not in day.types("edge-agent check --json").stdout, "nothing is approved yet"
    room_picture(day.picture)
    for line in COMMANDS:
        if "baseline" in line:
            assert day.types(line).returncode == 0
    room_picture(day.picture, turned)
    assert "camera.moved" in day.types("edge-agent check --json").stdout
    room_picture(day.picture)
    assert "camera.moved" not in day.types("edge-agent check --json").stdout
