"""Sounds and responses out of Debian packages, fetched into the cache folder when the bench runs; nothing is committed.

The parts share no voice, no composer's package, no instrument and no room.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Part = Literal["tuning", "checked", "held"]
Sound = NDArray[np.float64]
PARTS: tuple[Part, ...] = ("tuning", "checked", "held")
RATE_HZ = 48_000
"""Of all music and responses before a clip's own rate."""
_HERE = Path(__file__).parent
_NO_SPEECH = re.compile("beep|tone|monkeys|silence|weasels")
"""Prompts that are no voice."""
_SUFFIXES = {".g722", ".wav", ".gsm", ".ogg", ".mkv", ".oga", ".opus", ".mp3", ".flac"}


class Package(NamedTuple):
    """A Debian package and what it is taken for."""

    name: str
    kind: Literal["speech", "music", "response", "font"]
    part: Part | Literal["both"]


PACKAGES = (
    Package("asterisk-core-sounds-en-g722", "speech", "tuning"),
    Package("asterisk-prompt-it-menardi-wav", "speech", "tuning"),
    Package("asterisk-prompt-es-co", "speech", "tuning"),
    Package("asterisk-core-sounds-es-g722", "speech", "checked"),
    Package("asterisk-core-sounds-fr-g722", "speech", "checked"),
    Package("asterisk-core-sounds-it-g722", "speech", "checked"),
    Package("asterisk-core-sounds-ru-g722", "speech", "checked"),
    Package("asterisk-prompt-fr-armelle", "speech", "checked"),
    Package("wesnoth-1.16-music", "music", "tuning"),
    Package("asterisk-moh-opsound-g722", "music", "tuning"),
    Package("sound-theme-freedesktop", "music", "tuning"),
    Package("singularity-music", "music", "tuning"),
    Package("lomiri-sounds", "music", "checked"),
    Package("linphone-common", "music", "checked"),
    Package("hyperrogue-music", "music", "checked"),
    Package("drascula-music", "music", "checked"),
    Package("warzone2100-music", "music", "checked"),
    Package("guitarix-common", "response", "checked"),
    Package("jconvolver-config-files", "response", "checked"),
    Package("fillets-ng-data-cs", "speech", "held"),
    Package("fillets-ng-data-nl", "speech", "held"),
    Package("klettres-data", "speech", "held"),
    Package("ktuberling-data", "speech", "held"),
    Package("planetblupi-music-ogg", "music", "held"),
    Package("frozen-bubble-data", "music", "held"),
    Package("asc-music", "music", "held"),
    Package("neverball-data", "music", "held"),
    Package("extremetuxracer-data", "music", "held"),
    Package("hedgewars-data", "music", "held"),
    Package("jami-daemon", "music", "held"),
    Package("oxygen-sounds", "music", "held"),
    Package("twinkle", "music", "held"),
    Package("timgm6mb-soundfont", "font", "both"),
)
_RESPONSES = ("greathall.wav", "street2-L.wav", "street2-R.wav")
_ESPEAK: dict[Part, tuple[str, ...]] = {
    "tuning": ("vi", "vi+f2", "en-us+m3", "de"),
    "checked": ("vi-vn-x-south", "vi-vn-x-central+m7", "vi+f4", "vi-vn-x-south+f5", "fr+f3", "ja+m2"),
    "held": ("vi+m1", "vi-vn-x-central+f1", "vi-vn-x-south+m3", "en-gb+f5", "ko+m6"),
}
_SPOKEN: dict[Part, str] = {
    "tuning": "Kính thưa các đồng chí, hôm nay Ủy ban nhân dân tỉnh tổ chức cuộc họp trực tuyến với các huyện. Đề nghị các điểm cầu"
    " kiểm tra âm thanh, hình ảnh. Thời tiết mấy ngày qua có mưa lớn, nước sông dâng cao, bà con vùng trũng đã được di dời. "
    "Seventeen engineers measure the sound of the meeting room. One, two, three, four, five, six, seven, eight, nine, ten. ",
    "checked": "Xin mời điểm cầu Hoài Nhơn phát biểu ý kiến. Vâng, xin báo cáo đồng chí chủ trì, địa phương đã triển khai đầy đủ các phương"
    " án ứng phó. Tổng diện tích lúa bị ngập là hai trăm ba mươi héc ta. Chúng tôi kiến nghị tỉnh hỗ trợ giống và vật tư. "
    "Please mute your microphone when you do not speak, and read the minutes of the previous meeting aloud. ",
    "held": "Đề nghị các đồng chí ổn định chỗ ngồi, năm phút nữa cuộc họp bắt đầu. Điểm cầu huyện Vĩnh Thạnh nghe rõ không ạ? Về tiến độ"
    " giải ngân vốn đầu tư công, đến hết tháng mười đạt sáu mươi tám phần trăm kế hoạch, còn chậm so với yêu cầu. Kết luận cuộc họp: "
    "giao Sở Tài chính chủ trì, báo cáo trước ngày mười lăm. The next speaker joins us from the hospital, can you hear us now? ",
}
_INSTRUMENTS: dict[Part, tuple[int, ...]] = {
    "tuning": (73, 40, 19, 89, 11),
    "checked": (68, 42, 21, 71, 75, 52, 98),
    "held": (56, 72, 41, 48, 53, 79, 16, 110),
}
_ROOMS: dict[Part, tuple[int, int]] = {"tuning": (1000, 30), "checked": (5000, 60), "held": (9000, 60)}


def folder() -> Path:
    """Where everything is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "diemcau" / "microphone"
    path.mkdir(parents=True, exist_ok=True)
    return path


def environment() -> str:
    """The interpreter that has pyroomacoustics; made on first use."""
    home = folder() / "venv"
    python = home / "bin" / "python"
    done = home / "complete"
    wanted = (_HERE / "requirements.txt").read_text()
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", str(_HERE / "requirements.txt")], check=True)
        done.write_text(wanted)
    return str(python)


def fetch(part: Part) -> None:
    """Download and unpack every package of a part that is not there yet."""
    for package in PACKAGES:
        target = folder() / "x" / package.name
        if target.exists() or package.part not in {part, "both"}:
            continue
        debs = folder() / "debs"
        debs.mkdir(exist_ok=True)
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", package.name], cwd=debs, check=True, stdout=subprocess.DEVNULL)
        (deb,) = debs.glob(f"{package.name}_*.deb")
        subprocess.run(["dpkg", "-x", str(deb), str(target)], check=True)
        deb.unlink()


def decoded(path: Path, rate_hz: int) -> Sound:
    """A sound file's first channel; shape (frames,), full scale ±1."""
    kind = ["-f", "g722"] if path.suffix == ".g722" else []
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        *kind,
        "-i",
        str(path),
        "-af",
        "pan=mono|c0=c0",
        "-ar",
        str(rate_hz),
        "-f",
        "f32le",
        "-",
    ]
    raw = subprocess.run(command, capture_output=True, check=False).stdout
    return np.frombuffer(raw[: len(raw) // 4 * 4], "<f4").astype(float)


def resampled(sound: Sound, rate_hz: int, new_rate_hz: int) -> Sound:
    """Band-limited, through the spectrum of the whole."""
    if rate_hz == new_rate_hz:
        return sound
    count = round(len(sound) * new_rate_hz / rate_hz)
    spectrum = np.fft.rfft(sound)
    spectrum[-max(1, len(spectrum) // 40) :] = 0  # the edge of the old band would stand in the new one as a line
    return np.asarray(np.fft.irfft(spectrum, count) * (count / len(sound)))


def _files(package: str) -> list[Path]:
    found = [path for path in (folder() / "x" / package).rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file()]
    return sorted(found, key=str)


@cache
def voices(part: Part) -> dict[str, Sound]:
    """Every voice of a part as one long talk at 16 kHz: prompts in a shuffled order, a short pause between them."""
    talks: dict[str, Sound] = {}
    for package in PACKAGES:
        if package.kind == "speech" and package.part == part:
            talks[package.name] = _kept(f"voice-{package.name}", partial(_talk, package.name))
    for voice in _ESPEAK[part]:
        talks[f"espeak {voice}"] = _kept(f"voice-espeak-{voice}", partial(_synthesised, part, voice))
    return talks


def _kept(name: str, make: Callable[[], Sound]) -> Sound:
    path = folder() / f"{name}.npy"
    if not path.exists():
        np.save(path, np.asarray(make(), np.float32))
    return np.asarray(np.load(path), float)


def _talk(package: str) -> Sound:
    """All prompts of a package in a shuffled order; telephone codecs have no header, so that one decoder reads them all."""
    rng = np.random.default_rng(len(package))
    files = [path for path in _files(package) if not _NO_SPEECH.search(path.stem)]
    files = [files[index] for index in rng.permutation(len(files))]
    if files[0].suffix == ".wav":
        return np.concatenate([decoded(path, 16_000) for path in files])
    joined = folder() / f"joined-{package}{files[0].suffix}"
    joined.write_bytes(b"".join(path.read_bytes() for path in files))
    talk = decoded(joined, 16_000)
    joined.unlink()
    return talk


def _synthesised(part: Part, voice: str) -> Sound:
    rng = np.random.default_rng(sum(voice.encode()))
    pieces = []
    for _ in range(5):
        path = folder() / f"{part}-espeak.wav"
        speed, pitch = str(int(rng.integers(120, 210))), str(int(rng.integers(20, 80)))
        subprocess.run(["espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "-w", str(path), _SPOKEN[part] * 2], check=True)
        pieces.append(decoded(path, 16_000))
        path.unlink()
    return np.concatenate(pieces)


def music(part: Part) -> Iterator[tuple[str, Sound]]:
    """Every piece of a part at 48 kHz, each of at most three minutes: pieces, ring tones, alarms, then instruments that swell."""
    for package in PACKAGES:
        if package.kind == "music" and package.part == part:
            for path in _files(package.name):
                if "voices" in path.parts:
                    continue
                piece = decoded(path, RATE_HZ)[: 180 * RATE_HZ]
                if len(piece) > RATE_HZ // 2 and np.abs(piece).max() > 0.01:
                    yield path.stem, piece
    for program in _INSTRUMENTS[part]:
        yield f"instrument-{program}", _played(part, program)


def _played(part: Part, program: int) -> Sound:
    """An instrument of the sound font: long notes, plain and swelling."""
    (font,) = (folder() / "x" / "timgm6mb-soundfont").rglob("*.sf2")
    midi, out = folder() / f"{part}-notes.mid", folder() / f"{part}-notes.wav"
    midi.write_bytes(_midi(program))
    subprocess.run(["fluidsynth", "-q", "-ni", "-r", str(RATE_HZ), "-F", str(out), str(font), str(midi)], check=True, capture_output=True)
    sound = decoded(out, RATE_HZ)
    midi.unlink()
    out.unlink()
    return sound


def _midi(program: int) -> bytes:
    """A standard MIDI file, 100 ticks a second: 24 notes of 2.5 s; every second one swells by expression (controller 11)."""
    events = bytes([0, 0xC0, program])
    rng = np.random.default_rng(program)
    for note in range(24):
        pitch = int(rng.integers(55, 92))
        events += bytes([0, 0xB0, 11, 20 if note % 2 else 110, 0, 0x90, pitch, 100])
        for step in range(25):
            events += bytes([10, 0xB0, 11, 20 + 4 * step if note % 2 else 110])
        events += bytes([0, 0x80, pitch, 0])
    events += bytes([50, 0xFF, 0x2F, 0])
    return b"MThd\0\0\0\6\0\0\0\1\0\x32" + b"MTrk" + len(events).to_bytes(4, "big") + events


@cache
def rooms(part: Part) -> list[tuple[Sound, Sound]]:
    """Responses at 48 kHz of each room of a part: loudspeaker to microphone, talker to microphone."""
    seed, count = _ROOMS[part]
    path = folder() / f"rooms-{part}-{count}.npz"
    if not path.exists():
        subprocess.run([environment(), str(_HERE / "rooms.py"), str(seed), str(count), str(path)], check=True)
    with np.load(path) as arrays:
        found = [(arrays[f"loudspeaker{i}"].astype(float), arrays[f"talker{i}"].astype(float)) for i in range(count)]
    return found + [(response, found[index][1]) for index, response in enumerate(_measured(part))]


def _measured(part: Part) -> Iterator[Sound]:
    """Responses that were measured in real places; only in the part ``checked``."""
    for package in PACKAGES:
        if package.kind == "response" and package.part == part:
            for path in _files(package.name):
                if path.name in _RESPONSES:
                    yield decoded(path, RATE_HZ)[: int(0.7 * RATE_HZ)]
