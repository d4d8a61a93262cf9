"""Faults put into the site PC from below: its camera's driver, its sound card, its network card."""

from __future__ import annotations

import tempfile
import wave
from pathlib import Path

import numpy as np

from tests.vm.rig import Rig

RATE_HZ = 48_000
HOWL_HZ = 1600.0
_HOWL = "/var/tmp/howl.wav"
_HEALTHY = "test_pattern=10,horizontal_movement=2,osd_text_mode=0,brightness=128,contrast=128"


def camera(rig: Rig, controls: str) -> None:
    """Set controls of the camera's driver."""
    rig.site.ssh.sh(f"v4l2-ctl -d /dev/video0 -c {controls}")


def healthy_picture(rig: Rig) -> None:
    """A scene that moves and has contours."""
    camera(rig, _HEALTHY)


def cover_lens(rig: Rig) -> None:
    """A grey without any contour."""
    camera(rig, "contrast=0,brightness=180,osd_text_mode=2")


def cut_picture_signal(rig: Rig) -> None:
    """The camera's cable at the converter: the HDMI input is there, nothing comes in."""
    rig.site.ssh.sh("v4l2-ctl -d /dev/video0 -i 1 && v4l2-ctl -d /dev/video0 -c dv_timings_signal_mode=1")


def restore_picture_signal(rig: Rig) -> None:
    """Back to the webcam."""
    rig.site.ssh.sh("v4l2-ctl -d /dev/video0 -c dv_timings_signal_mode=0; v4l2-ctl -d /dev/video0 -i 0")


def unplug_camera(rig: Rig) -> None:
    """Take the device away; refused while the agent looks, so tried again."""
    rig.site.ssh.sh("for _ in $(seq 120); do rmmod vivid 2>/dev/null && exit 0; sleep 0.5; done; rmmod vivid")


def plug_camera(rig: Rig) -> None:
    """Put it back."""
    rig.site.ssh.sh("modprobe vivid && udevadm settle")
    healthy_picture(rig)


def howl(seconds: float = 40.0, growth_db_per_s: float = 12.0) -> bytes:
    """Mono 16-bit samples: room tone at −62 dBFS; from the fifth second a tone grows as a howl does, and saturates."""
    moments = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    level_db = np.minimum(-60 + growth_db_per_s * (moments - 5), -7)
    tone = np.where(moments >= 5, 10 ** (level_db / 20), 0) * np.sin(2 * np.pi * HOWL_HZ * moments)
    noise = np.random.default_rng(11).normal(0, 10 ** (-65 / 20), moments.size)
    samples: bytes = (np.clip(tone + noise, -1, 1) * 32767).astype("<i2").tobytes()
    return samples


def play_howl(rig: Rig) -> None:
    """Play a howl into the loopback card, at whose other end the agent listens; returns when it has been heard."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "howl.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(howl())
        rig.site.ssh.put(path, to=_HOWL)
    rig.site.ssh.sh(f"aplay -q -D plughw:0,0 {_HOWL}", timeout_s=180)


def degrade_link(rig: Rig) -> None:
    """Delay and loss on the site's line."""
    rig.site.ssh.sh("tc qdisc replace dev eth0 root netem delay 400ms loss 15%")


def restore_link(rig: Rig) -> None:
    """As it was."""
    rig.site.ssh.sh("tc qdisc del dev eth0 root")
