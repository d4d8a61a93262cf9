"""Builds the clips of both parts and the list of what is true of them; once, into the cache folder."""

from __future__ import annotations

import json
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.microphone import loops, material, tones
from bench.microphone.loops import Truth
from bench.microphone.material import Part, Sound

Kind = Literal["howl", "stable", "speech", "music", "swell", "tone"]
VERSION = 6
"""Another number builds the corpus anew."""
_RATES_HZ = (16_000, 16_000, 32_000, 44_100, 48_000, 48_000)
_HOWLS: dict[Part, int] = {"tuning": 120, "checked": 240, "held": 240}
_STABLE: dict[Part, int] = {"tuning": 24, "checked": 48, "held": 48}
_SPEECH_S: dict[Part, float] = {"tuning": 5000, "checked": 11_500, "held": 11_500}
_MUSIC_S: dict[Part, float] = {"tuning": 6000, "checked": 7500, "held": 7500}
_SEEDS: dict[Part, int] = {"tuning": 1, "checked": 2, "held": 3}
_OVER_DB = (1.0, 2.0, 3.0, 5.0)
_CODECS = {
    "opus": ["-c:a", "libopus", "-b:a", "32k", "-f", "ogg"],
    "opus low": ["-c:a", "libopus", "-b:a", "16k", "-f", "ogg"],
    "A-law": ["-c:a", "pcm_alaw", "-ar", "8000", "-f", "wav"],
    "G.722": ["-c:a", "g722", "-ar", "16000", "-f", "wav"],
    "MP3": ["-c:a", "libmp3lame", "-b:a", "64k", "-f", "mp3"],
}


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One file of the corpus.

    Attributes:
        path: Below the corpus's folder.
        part: For tuning, or held back.
        kind: What is in it.
        material: Voice, piece or tone.
        chain: What was done to it: rate, room, codec, level.
        seconds: Length.
        truth: Of a howl; None elsewhere.
        channel: The one that howls, from 1, where there are several; 0 where there is one.
    """

    path: str
    part: Part
    kind: Kind
    material: str
    chain: str
    seconds: float
    truth: Truth | None = None
    channel: int = 0


def clips(part: Part) -> tuple[Path, list[Clip]]:
    """The folder of the corpus and the list of a part's clips; built if this version is not there."""
    folder = material.folder() / f"corpus-{VERSION}"
    listed = folder / f"{part}.json"
    if not listed.exists():
        (folder / part).mkdir(parents=True, exist_ok=True)
        material.fetch(part)
        built = [asdict(clip) for clip in _build(part, folder)]
        listed.write_text(json.dumps(built, indent=1, ensure_ascii=False))
    entries = json.loads(listed.read_text())
    return folder, [Clip(**entry | {"truth": Truth(**entry["truth"]) if entry["truth"] else None}) for entry in entries]


def _build(part: Part, folder: Path) -> Iterator[Clip]:
    yield from _loops(part, folder)
    yield from _speech(part, folder)
    yield from _music(part, folder)
    yield from _tones(part, folder)
    yield from _swells(part, folder)


def _loops(part: Part, folder: Path) -> Iterator[Clip]:
    rng = np.random.default_rng(_SEEDS[part])
    for index in range(_HOWLS[part] + _STABLE[part]):
        howls = index < _HOWLS[part]
        over_db = _OVER_DB[index % 4] if howls else (-6.0, -3.0)[index % 2]
        yield _loop(part, folder, f"{'howl' if howls else 'stable'}-{index:03}", over_db, rng)


def _loop(part: Part, folder: Path, name: str, over_db: float, rng: np.random.Generator) -> Clip:
    rate_hz = int(rng.choice(_RATES_HZ))
    talks = material.voices(part)
    voice = str(rng.choice(list(talks)))
    room_index = int(rng.integers(len(material.rooms(part))))
    to_microphone, from_talker = (material.resampled(x, material.RATE_HZ, rate_hz) for x in material.rooms(part)[room_index])
    calm_s = float(rng.uniform(4, 7))
    seconds = calm_s + (11.0 if over_db > 0 else 9.0)
    spoken = _cut(talks[voice], 16_000, seconds, rng)
    programme = _convolved(material.resampled(spoken, 16_000, rate_hz), from_talker)
    level = 10 ** (rng.uniform(-34, -20) / 20)  # amplitude of the sine with this level: AES17
    programme = _at_level(programme, level) + rng.standard_normal(len(programme)) * 10 ** (rng.uniform(-75, -55) / 20)
    delay = int(rng.uniform(0.008, 0.06) * rate_hz)
    response = loops.through_loudspeaker(to_microphone, rate_hz, rng)
    response, at_hz, gains = loops.at_its_margin(response, delay, rate_hz)
    gain = loops.gain_over(seconds, rate_hz, calm_s, over_db) if over_db > -6 else np.full(len(programme), 10 ** (-6 / 20))
    heard = loops.rendered(programme, response, delay, gain, soft=bool(rng.random() < 0.3))
    truth = loops.truth_of(heard, level, rate_hz, calm_s=calm_s, over_db=over_db, at_hz=at_hz, gains=gains) if over_db > 0 else None
    codec = str(rng.choice(["", "", "", "", "opus", "opus low", "A-law", "G.722"]))
    if codec == "A-law" and truth is not None and truth.frequency_hz > 3200:
        codec = ""  # the howl would not come through
    loudest_db = float(rng.uniform(-30, 0))
    heard *= 10 ** (loudest_db / 20) / np.abs(heard).max() * (1.5 if rng.random() < 0.15 else 1)  # some clip in the converter too
    beside = None
    if rng.random() < 0.15:
        other = _cut(talks[str(rng.choice(list(talks)))], 16_000, seconds, rng)
        beside = _at_level(material.resampled(other, 16_000, rate_hz), 0.05)
    _write(folder / part / f"{name}.wav", _coded(heard, rate_hz, codec), rate_hz, beside)
    chain = (
        f"{rate_hz} Hz, room {room_index}, delay {1000 * delay / rate_hz:.0f} ms, {over_db:+g} dB, {codec or 'PCM'}, {loudest_db:.0f} dBFS"
    )
    return Clip(
        path=f"{part}/{name}.wav",
        part=part,
        kind="howl" if truth else "stable",
        material=voice,
        chain=chain,
        seconds=len(heard) / rate_hz,
        truth=truth,
        channel=0 if beside is None else 1,
    )


def _speech(part: Part, folder: Path) -> Iterator[Clip]:
    """Every voice in turn, a minute at a time, through changing chains, until there is enough; a voice that is over begins again."""
    rng = np.random.default_rng(_SEEDS[part] + 100)
    talks, heard_s, index = material.voices(part), 0.0, 0
    at = dict.fromkeys(talks, 0)
    while heard_s < _SPEECH_S[part]:
        for voice, talk in talks.items():
            minute = talk[at[voice] : at[voice] + 60 * 16_000]
            at[voice] = at[voice] + len(minute) if at[voice] + len(minute) < len(talk) else 0
            clip = _negative(part, folder, f"speech-{index:03}", "speech", voice, minute, 16_000, rng)
            yield clip
            heard_s, index = heard_s + clip.seconds, index + 1


def _music(part: Part, folder: Path) -> Iterator[Clip]:
    """Ring tones and the like whole, then two minutes of each piece, until there is enough."""
    rng = np.random.default_rng(_SEEDS[part] + 200)
    heard_s = 0.0
    pieces = sorted(((name, piece) for name, piece in material.music(part)), key=lambda entry: len(entry[1]) > 70 * material.RATE_HZ)
    for index, (name, piece) in enumerate(pieces):
        if heard_s > _MUSIC_S[part]:
            return
        clip = _negative(part, folder, f"music-{index:03}", "music", name, piece[: 120 * material.RATE_HZ], material.RATE_HZ, rng)
        yield clip
        heard_s += clip.seconds


def _tones(part: Part, folder: Path) -> Iterator[Clip]:
    rng = np.random.default_rng(_SEEDS[part] + 300)
    for index, (name, rate_hz, sound) in enumerate(tones.tones(part)):
        yield _negative(part, folder, f"tone-{index:03}", "tone", name, sound, rate_hz, rng, same_rate=True)


def _swells(part: Part, folder: Path) -> Iterator[Clip]:
    rng = np.random.default_rng(_SEEDS[part] + 400)
    for index, (rate_hz, sound) in enumerate(tones.swells(part)):
        yield _negative(part, folder, f"swell-{index:03}", "swell", "swelling notes", sound, rate_hz, rng, same_rate=True)


def _negative(  # noqa: PLR0917 — what it is, and how it came to be
    part: Part,
    folder: Path,
    name: str,
    kind: Kind,
    what: str,
    sound: Sound,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    same_rate: bool = False,
) -> Clip:
    new_rate_hz = rate_hz if same_rate else int(rng.choice(_RATES_HZ))
    sound = material.resampled(sound, rate_hz, new_rate_hz)
    room_index = -1
    if rng.random() < 0.5:
        room_index = int(rng.integers(len(material.rooms(part))))
        which = int(rng.random() < 0.5)  # heard from the loudspeaker (the far end) or from the place of the talker
        sound = _convolved(sound, material.resampled(material.rooms(part)[room_index][which], material.RATE_HZ, new_rate_hz))
    level_db = float(rng.uniform(-50, -8))
    sound = _at_level(sound, 10 ** (level_db / 20)) + rng.standard_normal(len(sound)) * 10 ** (rng.uniform(-85, -60) / 20)
    codec = str(rng.choice(["", "", "", "opus", "opus low", "A-law", "G.722", "MP3"]))
    sound = _coded(sound, new_rate_hz, codec)
    _write(folder / part / f"{name}.wav", sound, new_rate_hz)
    chain = f"{new_rate_hz} Hz, {'no room' if room_index < 0 else f'room {room_index}'}, {codec or 'PCM'}, {level_db:.0f} dBFS"
    return Clip(path=f"{part}/{name}.wav", part=part, kind=kind, material=what, chain=chain, seconds=len(sound) / new_rate_hz)


def _cut(talk: Sound, rate_hz: int, seconds: float, rng: np.random.Generator) -> Sound:
    count = round(seconds * rate_hz)
    start = int(rng.integers(max(1, len(talk) - count)))
    return np.resize(talk[start : start + count], count)


def _convolved(sound: Sound, response: Sound) -> Sound:
    size = 1 << int(np.ceil(np.log2(len(sound) + len(response))))
    return np.asarray(np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)])


def _at_level(sound: Sound, amplitude: float) -> Sound:
    """Scaled so that what is not pause has the level of a sine of this amplitude."""
    loud = sound[np.abs(sound) > 0.02 * np.abs(sound).max()]
    return np.asarray(sound / np.sqrt(2 * np.mean(loud**2)) * amplitude)


def _coded(sound: Sound, rate_hz: int, codec: str) -> Sound:
    """The sound after a codec, as long as before."""
    if not codec:
        return sound
    raw = ["-f", "f32le", "-ar", str(rate_hz), "-ac", "1"]
    encoder = ["ffmpeg", "-v", "error", *raw, "-i", "-", *_CODECS[codec], "-"]
    coded = subprocess.run(encoder, input=np.clip(sound, -1, 1).astype("<f4").tobytes(), capture_output=True, check=True).stdout
    decoder = ["ffmpeg", "-v", "quiet", "-i", "-", *raw, "-"]
    decoded = np.frombuffer(subprocess.run(decoder, input=coded, capture_output=True, check=True).stdout, "<f4").astype(float)
    return np.concatenate([decoded, np.zeros(max(0, len(sound) - len(decoded)))])[: len(sound)]


def _write(path: Path, sound: Sound, rate_hz: int, beside: Sound | None = None) -> None:
    channels = [sound] if beside is None else [sound, np.resize(beside, len(sound))]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.clip(np.round(np.stack(channels, axis=1) * 32768), -32768, 32767).astype("<i2").tobytes())
