"""``python -m bench.microphone.plots``: draws what ``python -m bench.microphone --part held`` measured into ``docs/pictures``.

Two pictures: one howl of the corpus from its crossing to saturation with the moment of the alarm, and all detectors beside each other.
Matplotlib is in the corpus's own environment (``requirements.txt``), so this module starts itself there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_CLIP = "held/howl-001.wav"
_WINDOW_S, _HOP_S = 0.08, 0.01


def main() -> None:
    """Gather the figures here, draw them in the environment that can draw."""
    from bench.microphone import corpus, material  # noqa: PLC0415 — not needed, and not there, where it draws
    from probes.interface import Look  # noqa: PLC0415
    from probes.microphone.limits import MicrophoneLimits, MicrophoneSettings  # noqa: PLC0415
    from probes.microphone.probe import run  # noqa: PLC0415

    where, clips = corpus.clips("held")
    clip = next(clip for clip in clips if clip.path == _CLIP)
    assert clip.truth is not None
    report = run(MicrophoneSettings(source=str(where / clip.path)), MicrophoneLimits(), Look())
    alarm = next(finding for finding in report.findings if finding.code == "microphone.howling")
    rate_hz = int(clip.chain.split(" Hz")[0])
    sound = material.decoded(where / clip.path, rate_hz)
    task = material.folder() / "plots.npz"
    truth = clip.truth
    np.savez(
        task,
        sound=sound,
        rate_hz=rate_hz,
        moments_s=np.array([truth.crossed_s, truth.audible_s, alarm.detected_at_s, truth.saturated_s]),
        frequency_hz=truth.frequency_hz,
        over_db=truth.over_db,
    )
    results = material.folder() / "results-held.json"
    subprocess.run([material.environment(), __file__, str(task), str(results), str(_PICTURES)], check=True)


def _draw() -> None:
    import matplotlib as mpl  # noqa: PLC0415 — only in the corpus's own environment

    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    task, results, pictures = map(Path, sys.argv[1:4])
    with np.load(task) as arrays:
        _draw_howl({name: arrays[name] for name in arrays.files}, pictures / "microphone-howl.png")
    _draw_detectors(json.loads(results.read_text()), pictures / "microphone-detectors.png")


def _draw_howl(task: dict[str, np.ndarray], path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    rate_hz, sound, moments_s = int(task["rate_hz"]), task["sound"], task["moments_s"]
    size, hop = round(_WINDOW_S * rate_hz), round(_HOP_S * rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2 / (3 * size**2 / 32)
    ends_s, bin_hz = (np.arange(len(frames)) * hop + size) / rate_hz, rate_hz / size
    at = round(float(task["frequency_hz"]) / bin_hz)
    line_db = 10 * np.log10(power[:, at - 1 : at + 2].sum(axis=1) + 1e-12)
    all_db = 10 * np.log10(power.sum(axis=1) + 1e-12)
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 6), sharex=True, height_ratios=(3, 2), layout="constrained")
    highest = round(4000 / bin_hz)
    above.imshow(
        10 * np.log10(power[:, :highest].T + 1e-12), origin="lower", aspect="auto", cmap="magma", vmin=-90, vmax=-10,
        extent=(ends_s[0], ends_s[-1], 0, highest * bin_hz / 1000),
    )  # fmt: skip
    above.set_ylabel("kHz")
    above.set_title(f"A loop {float(task['over_db']):+g} dB over its margin, somebody speaking")
    below.plot(ends_s, all_db, color="0.6", lw=0.8, label="all that is heard")
    below.plot(ends_s, line_db, color="#b2182b", lw=1.4, label=f"the line at {float(task['frequency_hz']):.0f} Hz")
    below.set(ylabel="dBFS", xlabel="seconds", ylim=(-80, 0), xlim=(moments_s[0] - 1.5, moments_s[3] + 1.0))
    for moment_s, words, style in zip(
        moments_s, ("margin crossed", "audible", "ALARM", "−3 dB of saturation"), (":", "--", "-", "-."), strict=True
    ):
        below.axvline(moment_s, color="black", ls=style, lw=1.6 if words == "ALARM" else 1.0, label=words)
        above.axvline(moment_s, color="white", ls=style, lw=1.6 if words == "ALARM" else 1.0)
    below.legend(loc="lower right", fontsize=8, ncols=2)
    figure.savefig(path, dpi=110)


def _draw_detectors(results: dict[str, dict[str, object]], path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for index, (name, figures) in enumerate(results.items()):
        delays_s = np.sort(np.array(figures["delays_s"]))
        share = 100 * np.arange(1, len(delays_s) + 1) / int(figures["howls"])  # type: ignore[call-overload]
        style = {"lw": 2.4 if name == "ours" else 1.2, "ls": ("-", "--", "-.", ":", (0, (5, 1, 1, 1)))[index % 5]}
        left.step(delays_s, share, where="post", label=name, **style)
        places = np.array([0.0, 1.0])
        rates = np.array([figures["speech"], figures["music"]], float)
        offset = (index - len(results) / 2 + 0.5) * 0.15
        rate = np.maximum(rates[:, 0], 0.05)
        right.errorbar(
            places + offset, rate, yerr=[rate - np.maximum(rates[:, 1], 0.05), rates[:, 2] - rate], fmt="os^vD"[index % 5], capsize=3
        )
    left.set(xlabel="seconds after the howl is audible", ylabel="howls told so far, %", xlim=(-2, 3), ylim=(0, 101))
    left.legend(fontsize=8, loc="lower right")
    right.set(yscale="log", ylabel="false alarms an hour (95 % bounds)", xticks=[0, 1], xticklabels=["speech", "music, ring tones"])
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    _draw() if len(sys.argv) == 4 else main()
