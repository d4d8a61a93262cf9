"""The stage: one center and three sites as real processes, each with its own folder and file, talking through relays.

Everything goes through the two programs' command lines and files; nothing of theirs is imported.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import NamedTuple

from demo.equipment import ConferencingSystem, Mcu
from demo.relay import Relay
from demo.scene import RoomCamera

BIN = Path(sys.executable).parent
LOOPBACK = "127.0.0.1"


class StageError(RuntimeError):
    """Something of the stage did not come up; the message says which log tells why."""


class Part(NamedTuple):
    """A site of the play."""

    id: str
    name: str
    phone: str


MAIN = Part("van-phong-ubnd-tinh", "Văn phòng UBND tỉnh", "0256 0000 001")
BRANCH_1 = Part("thi-xa-hoai-nhon", "Thị xã Hoài Nhơn", "0256 0000 002")
BRANCH_2 = Part("huyen-tay-son", "Huyện Tây Sơn", "0256 0000 003")
SITES = (MAIN, BRANCH_1, BRANCH_2)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class Microphone(NamedTuple):
    """Where an agent finds its room's microphone."""

    source: str
    environment: dict[str, str]


class Program:
    """One of the two programs, running, with its log."""

    def __init__(self, name: str, command: list[str], log: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=os.environ | environment, start_new_session=True
            )

    def check(self) -> None:
        """Raise if it has ended."""
        if self.process.poll() is not None:
            raise StageError(f"{self.name} ended with status {self.process.returncode}; its log is {self.log}")

    def stop(self, grace_s: float = 15) -> int:
        """Ask it to stop, and kill its group if it does not; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return self.process.returncode


class Center:
    """The control center with its broker, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.mqtt_port, self.web_port, self.stamp_port = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
        self.file = folder / "control-center.toml"
        self.file.write_text(
            f"""# The control center of the demo.
[center]
directory = "{folder / "state"}"

[broker]
managed = true
host = "{LOOPBACK}"
port = {self.mqtt_port}

[stamp]
host = "{LOOPBACK}"
port = {self.stamp_port}

[web]
host = "{LOOPBACK}"
port = {self.web_port}
""",
            encoding="utf-8",
        )
        self.program: Program | None = None

    @property
    def url(self) -> str:
        """Address of the live board."""
        return f"http://{LOOPBACK}:{self.web_port}/"

    def command(self, *arguments: str) -> str:
        """Run a command of the center to its end; returns what it printed.

        Raises:
            StageError: with what it said on standard error.
        """
        done = subprocess.run(
            [str(BIN / "control-center"), *arguments, "--config", str(self.file)], capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode != 0:
            raise StageError(f"control-center {' '.join(arguments[:2])} ended with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def register(self, sites: tuple[Part, ...]) -> None:
        """Import the sites; the center makes an identity for each."""
        lines = []
        for site in sites:
            lines.append(f'[[site]]\nid = "{site.id}"\nname = "{site.name}"\nunit = "{site.name}"\n')
            lines.append(f'[[site.contact]]\nrole = "site"\nname = "Cán bộ kỹ thuật {site.name}"\nphone = "{site.phone}"\n')
        file = self.folder / "sites.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        self.command("site", "import", str(file))

    def numbers(self) -> dict[str, int]:
        """STAMP session number of each site, as the center's export tells it."""
        exported = tomllib.loads(self.command("site", "export"))
        return {site["id"]: site["ssid"] for site in exported["site"]}

    def start(self) -> None:
        """Start the center and wait until its board answers."""
        self.program = Program("control-center", [str(BIN / "control-center"), "run", "--config", str(self.file)], self.folder / "log", {})
        until = time.monotonic() + 60
        while time.monotonic() < until:
            self.program.check()
            try:
                with urllib.request.urlopen(self.url, timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise StageError(f"the board did not answer at {self.url}; the log is {self.program.log}")

    def stop(self) -> None:
        """Stop it."""
        if self.program is not None:
            self.program.stop()


class Site:
    """One site: its leg of the network, its equipment, its agent."""

    def __init__(
        self, part: Part, folder: Path, center: Center, microphone: Microphone, *, seed: int, ssid: int, camera_period_s: float = 10
    ) -> None:
        self.part = part
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.relay = Relay()
        self.camera = RoomCamera(seed)
        self.codec = ConferencingSystem("codec")
        self.mcu = Mcu("mcu")
        self.microphone = microphone
        self.camera_period_s = camera_period_s
        self.page_port = free_port()
        password = folder / "password"
        shutil.copy(center.folder / "state" / "identities" / f"{part.id}.password", password)
        password.chmod(0o600)
        self.file = folder / "edge-agent.toml"
        self.file.write_text(self._file(center, password, ssid), encoding="utf-8")
        self.program: Program | None = None

    def _file(self, center: Center, password: Path, ssid: int) -> str:
        mqtt, stamp = self.relay.tcp((LOOPBACK, center.mqtt_port)), self.relay.udp((LOOPBACK, center.stamp_port))
        mcu = self.relay.udp((LOOPBACK, self.mcu.port))
        return f"""# The site «{self.part.name}» of the demo.
[site]
id = "{self.part.id}"
name = "{self.part.name}"

[state]
directory = "{self.folder / "state"}"

[center]
host = "{LOOPBACK}"
port = {mqtt}
password_file = "{password}"
keepalive_s = 5

[page]
port = {self.page_port}

[camera]
source = "{self.camera.url}"

[microphone]
source = "{self.microphone.source}"

[codec]
host = "{LOOPBACK}"
sip_port = {self.codec.port}

[cables]
port = "lo"

[link]
ssid = {ssid}
[[link.targets]]
name = "gateway"
kind = "icmp"
host = "{LOOPBACK}"
[[link.targets]]
name = "mcu"
kind = "stamp"
host = "{LOOPBACK}"
port = {mcu}
[[link.targets]]
name = "center"
kind = "stamp"
host = "{LOOPBACK}"
port = {stamp}

# The camera is looked at more often and more shortly than by default, because this meeting lasts less than a minute.
[rounds.live]
camera_s = {self.camera_period_s:g}
[limits.camera]
look_s = {min(1.0, 0.4 * self.camera_period_s):g}
"""

    def look_through(self, camera: str) -> None:
        """Take a camera of this machine in place of the drawn room."""
        text = self.file.read_text(encoding="utf-8")
        self.file.write_text(text.replace(self.camera.url, camera), encoding="utf-8")

    def start(self) -> None:
        """Start the agent."""
        command = [str(BIN / "edge-agent"), "run", "--config", str(self.file)]
        environment = {"HOME": str(self.folder)} | self.microphone.environment
        self.program = Program(f"edge-agent of {self.part.id}", command, self.folder / "log", environment)

    def stop(self) -> None:
        """Stop the agent, then switch everything off."""
        if self.program is not None:
            self.program.stop()
        for part in (self.relay, self.camera, self.codec, self.mcu):
            part.close()


def fresh_folder(root: Path) -> Path:
    """A new folder for this run; the ones before are removed, except the last."""
    root.mkdir(parents=True, exist_ok=True)
    for old in sorted(path for path in root.iterdir() if path.is_dir())[:-1]:
        shutil.rmtree(old, ignore_errors=True)
    folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder.mkdir(mode=0o700)
    return folder
