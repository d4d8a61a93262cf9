"""The sound of three rooms: null sinks of a sound server, into which speech, room tone and a real howl are played.

A room's microphone is the monitor of its null sink, heard by the agent through PortAudio like any microphone. Where no
sound server can be had, the agent gets a file as its source, and the demo says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
Samples = NDArray[np.float64]

_WORDS = (
    "Kính thưa các đồng chí, tôi xin báo cáo tình hình phòng chống thiên tai trên địa bàn. "
    "Các điểm cầu nghe rõ, xin mời đồng chí chủ trì tiếp tục cuộc họp. "
    "Đề nghị các huyện, thị xã khẩn trương rà soát hồ chứa và báo cáo trước mười bảy giờ hôm nay."
)


def speech(folder: Path, speed_words_per_minute: int, pitch: int) -> Samples:
    """Vietnamese speech at −26 dBFS RMS over a room tone at −62 dBFS; noise with a voice's rhythm where espeak-ng is missing."""
    rng = np.random.default_rng(pitch)
    if shutil.which("espeak-ng"):
        path = folder / f"speech-{pitch}.wav"
        command = ["espeak-ng", "-v", "vi", "-s", str(speed_words_per_minute), "-p", str(pitch), "-w", str(path), _WORDS]
        subprocess.run(command, check=True, capture_output=True)
        voice = _resampled(*_read(path))
    else:
        moments = np.arange(12 * RATE_HZ) / RATE_HZ
        syllables = np.clip(np.sin(2 * np.pi * 3.5 * moments), 0, None) * (np.sin(2 * np.pi * 0.4 * moments) > -0.4)
        voice = np.convolve(rng.normal(0, 1, moments.size), np.hanning(48), "same") * syllables
    voice = voice / np.sqrt(np.mean(voice**2)) * 10 ** (-29 / 20)
    spoken: Samples = np.clip(voice, -0.7, 0.7) + rng.normal(0, 10 ** (-65 / 20), voice.size)
    return spoken


def room_tone(seconds: float, seed: int) -> Samples:
    """A quiet room: noise at −62 dBFS (AES17)."""
    return np.random.default_rng(seed).normal(0, 10 ** (-65 / 20), int(seconds * RATE_HZ))


def howl(programme: Samples, seconds: float, frequency_hz: float, growth_db_per_s: float) -> Samples:
    """A loudspeaker-to-microphone loop whose gain is too high: the programme, and what the loop makes of it.

    One resonant mode of the closed loop, ``s[n] = 2 r cos(w) s[n-1] - r² s[n-2] + x[n]`` with r > 1, limited like an amplifier:
    it grows out of the programme by itself by `growth_db_per_s` and saturates.
    """
    count = int(seconds * RATE_HZ)
    programme = np.resize(programme, count)
    radius = 10 ** (growth_db_per_s / 20 / RATE_HZ)
    turn, squared = 2 * radius * np.cos(2 * np.pi * frequency_hz / RATE_HZ), radius * radius
    ring = np.empty(count)
    before, last = 0.0, 0.0
    for index in range(count):
        now = turn * last - squared * before + 2e-5 * float(programme[index])
        peak = abs(now)
        if peak > 0.45:  # the amplifier's limit: the mode stops growing
            now, last = now * 0.45 / peak, last * 0.45 / peak
        ring[index] = now
        before, last = last, now
    return np.clip(programme + ring, -0.98, 0.98)


def write(path: Path, samples: Samples) -> Path:
    """Write mono 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def _read(path: Path) -> tuple[Samples, int]:
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768, file.getframerate()


def _resampled(samples: Samples, rate_hz: int) -> Samples:
    moments = np.arange(int(samples.size * RATE_HZ / rate_hz)) * rate_hz / RATE_HZ
    return np.interp(moments, np.arange(samples.size), samples)


class SoundServer:
    """A private PulseAudio with one null sink a room, or the user's own PipeWire or PulseAudio.

    Attributes:
        environment: What an agent needs to reach it, beside its own HOME with the `.asoundrc` of `give_microphone`.
    """

    def __init__(self, folder: Path, rooms: list[str]) -> None:
        self.environment: dict[str, str] = {}
        self._modules: list[str] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        if shutil.which("pulseaudio"):
            self._start_private(folder, rooms)
        else:
            for room in rooms:
                module = self._pactl("load-module", "module-null-sink", f"sink_name={room}", f"rate={RATE_HZ}", "channels=1")
                self._modules.append(module)
        for room in rooms:
            self._spawn(
                "pacat", "-p", "-d", room, "--raw", "--format=s16le", f"--rate={RATE_HZ}", "--channels=1", "--latency-msec=20", "/dev/zero"
            )

    @staticmethod
    def is_possible() -> bool:
        """Whether there is a sound server to use, and the ALSA plug-in that leads PortAudio to it."""
        if not shutil.which("pactl") or not shutil.which("pacat"):
            return False
        if shutil.which("pulseaudio"):
            return True
        return subprocess.run(["pactl", "info"], capture_output=True, check=False, timeout=10).returncode == 0

    def _start_private(self, folder: Path, rooms: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {"PULSE_RUNTIME_PATH": str(folder), "PULSE_SERVER": f"unix:{folder}/s"}
        sinks = [
            argument for room in rooms for argument in ("-L", f"module-null-sink sink_name={room} rate={RATE_HZ} channels=1 format=s16le")
        ]
        protocol = f"module-native-protocol-unix auth-anonymous=1 socket={folder}/s"
        self._spawn(
            "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "-L", protocol, *sinks, HOME=str(folder)
        )
        for _ in range(200):
            if (folder / "s").exists():
                return
            time.sleep(0.05)
        raise RuntimeError("the private PulseAudio did not start")

    def give_microphone(self, home: Path, room: str) -> str:
        """Make `room` an ALSA device for whoever has `home` as HOME; returns the device's name for PortAudio."""
        home.mkdir(parents=True, exist_ok=True)
        (home / ".asoundrc").write_text(f"pcm.roommic {{ type pulse device {room}.monitor hint {{ show on description roommic }} }}\n")
        return "roommic"

    def play(self, room: str, path: Path, *, again: bool = False) -> subprocess.Popen[bytes]:
        """Play a file into a room, over and over if `again`."""
        once = f'exec paplay -d "{room}" "{path}"'
        return self._spawn("sh", "-c", f'while paplay -d "{room}" "{path}"; do :; done' if again else once)

    def stop(self, playing: subprocess.Popen[bytes]) -> None:
        """Stop what `play` started, its children too."""
        if playing.poll() is None:
            os.killpg(playing.pid, 15)
            playing.wait(5)

    def close(self) -> None:
        """Stop everything that was started here, and leave a user's own server as it was."""
        for process in reversed(self._processes):
            self.stop(process)
        for module in self._modules:
            self._pactl("unload-module", module)

    def _spawn(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            env=os.environ | self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def _pactl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pactl", *arguments], env=os.environ | self.environment, capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()
