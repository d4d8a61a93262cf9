"""A sound server of our own with two null sinks: a real path through PortAudio, on a machine without a sound card."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_PROGRAMS = ("pulseaudio", "pactl", "pacat", "paplay")
_RESONANCE = "plugin=single_para_1203 label=singlePara control=12,1600,0.2"
"""Of swh-plugins' parametric equalizer."""
_KEEPS_PLACE = ("adjust_time=0", "source_dont_move=true", "sink_dont_move=true")
_SYSTEMS_ALSA, _PLUGINS = Path("/usr/share/alsa/alsa.conf"), "/etc/alsa/conf.d"
_ASOUNDRC = """\
pcm.roommic { type pulse device mic.monitor hint { show on description "mic" } }
pcm.roomspk { type pulse device spk hint { show on description "spk" } }
"""


@dataclass
class SoundServer:
    """A running server; `environment` makes programs see it and nothing else."""

    folder: Path
    environment: dict[str, str]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _loopback: str = ""

    def start(self, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a program that sees the server; it is ended with the test."""
        child = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child

    def play(self, sound: Any, *, sink: str = "mic", rate_hz: int = 48_000) -> subprocess.Popen[bytes]:
        """Play a sound (full scale ±1) to a sink once."""
        path = self.folder / f"play-{len(self.children)}.raw"
        path.write_bytes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        return self.start(
            "pacat", "-p", "-d", sink, "--raw", "--format=s16le", f"--rate={rate_hz}", "--channels=1", "--latency-msec=500", str(path)
        )

    def control(self, *command: str) -> str:
        """What pactl answers."""
        return subprocess.run(["pactl", *command], env=self.environment, check=True, capture_output=True, text=True).stdout

    def open_room(self, volume_db: float) -> None:
        """Let the microphone hear the loudspeaker through a room with one resonance: 12 dB at 1600 Hz."""
        if not Path("/usr/lib/ladspa/single_para_1203.so").is_file():
            pytest.skip("not installed: swh-plugins")
        self.control("load-module", "module-ladspa-sink", "sink_name=room", "sink_master=mic", *_RESONANCE.split())
        self.set_room(volume_db)
        self._heard_from("spk")

    def close_loop(self) -> None:
        """Let the room hear what the microphone hears, instead of the loudspeaker's own sound: from now on it may howl.

        Through the loudspeaker's sink as well it would be the same loop, at five times the cost: PulseAudio chases two buffers then.
        """
        self.control("unload-module", self._loopback)
        self._heard_from("mic")

    def _heard_from(self, sink: str) -> None:
        arguments = [f"source={sink}.monitor", "sink=room", "latency_msec=60", *_KEEPS_PLACE]
        self._loopback = self.control("load-module", "module-loopback", *arguments).strip()

    def set_room(self, volume_db: float) -> None:
        """Set how loud the loudspeaker is at the microphone, besides the resonance. PulseAudio's volume is a cube."""
        self.control("set-sink-volume", "room", str(round(65536 * 10 ** (volume_db / 60))))


@pytest.fixture
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    """PulseAudio with the null sinks ``spk`` and ``mic``; PortAudio sees ``roommic``, which hears ``mic``."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("pa")
    # Without the plugins of libasound2-plugins: PortAudio opens each device that it is told of, and theirs bring FFmpeg and JACK.
    (folder / "alsa.conf").write_text(_SYSTEMS_ALSA.read_text().replace(_PLUGINS, str(folder / "none")) + _ASOUNDRC)
    socket = folder / "s"
    environment = {**os.environ, "HOME": str(folder), "PULSE_RUNTIME_PATH": str(folder), "PULSE_SERVER": f"unix:{socket}"}
    environment["ALSA_CONFIG_PATH"] = str(folder / "alsa.conf")
    environment.pop("XDG_RUNTIME_DIR", None)
    server = SoundServer(folder, environment)
    arguments = [
        "-n",
        "--daemonize=no",
        "--use-pid-file=no",
        "--exit-idle-time=-1",
        "--high-priority=yes",  # nice −11: a busy machine would tear holes into the sound
        "-L",
        f"module-native-protocol-unix auth-anonymous=1 socket={socket}",
    ]
    for sink in ("spk", "mic"):
        arguments += ["-L", f"module-null-sink sink_name={sink} rate=48000 channels=1 format=s16le"]
    try:
        server.start("pulseaudio", *arguments)
        _wait_for(lambda: subprocess.run(["pactl", "info"], env=environment, check=False, capture_output=True).returncode == 0)
        for sink in ("spk", "mic"):  # keep both awake: a sink that slept loses the first half second
            server.start(
                "pacat", "-p", "-d", sink, "--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=20", "/dev/zero"
            )
        _wait_for(lambda: server.control("list", "short", "sink-inputs").count("\n") == 2)
        yield server
    finally:
        for child in reversed(server.children):
            child.send_signal(signal.SIGTERM)
        for child in server.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail("the sound server did not become ready")
        time.sleep(0.05)
