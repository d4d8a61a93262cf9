"""``python -m bench.link.plots FILE``: draws what ``make bench-link ARGS='--keep FILE'`` measured into ``docs/pictures``.

Two pictures: how long after a cut site and center suspect and confirm it, and how far each tool's round trips are from the wire's.
Matplotlib is in the microphone bench's own environment, so this module starts itself there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_LOOKS = {
    "center suspects": ("#1f6fb4", "-"),
    "center confirms": ("#1f6fb4", "--"),
    "site suspects": ("#c2571a", "-"),
    "site confirms": ("#c2571a", "--"),
}


def main() -> None:
    """Start in the environment that can draw."""
    from bench.microphone import material  # noqa: PLC0415 — not needed, and not there, where it draws

    subprocess.run([material.environment(), __file__, sys.argv[1], str(_PICTURES)], check=True)


def _draw() -> None:
    import matplotlib as mpl  # noqa: PLC0415 — only in the bench's own environment

    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    raw, pictures = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    cuts = {name.removeprefix("cut: "): each for name, each in raw.items() if name.startswith("cut: ")}
    biases = {name.removeprefix("bias, "): each for name, each in raw.items() if name.startswith("bias, ") and each}
    if cuts:
        _draw_cuts(cuts, pictures / "link-cuts.png")
    if biases:
        _draw_biases(biases, pictures / "link-bias.png")


def _draw_cuts(cuts: dict[str, list[float]], path: Path) -> None:
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for name, (colour, line) in _LOOKS.items():
        delays = sorted(cuts[name])
        shares = [100 * (rank + 1) / len(delays) for rank in range(len(delays))]
        axes.step(delays, shares, where="post", color=colour, linestyle=line, label=f"{name} ({len(delays)} cuts)")
    for goal_s, what in ((0.6, "goal: suspicion"), (1.5, "goal: alarm")):
        axes.axvline(goal_s, color="#777777", linewidth=1, linestyle=":")
        axes.annotate(what, (goal_s, 4), xytext=(4, 0), textcoords="offset points", color="#555555")
    axes.set(xlim=(0, 1.7), ylim=(0, 101), xlabel="seconds after the cut", ylabel="% of the cuts told by then")
    axes.legend(loc="center", bbox_to_anchor=(0.5, 0.6), frameon=False)
    figure.savefig(path, dpi=110)


def _draw_biases(biases: dict[str, list[float]], path: Path) -> None:
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(8, 0.5 * len(biases) + 1.2), layout="constrained")
    options = {"whis": (1, 99), "showfliers": False, "patch_artist": True, "widths": 0.6}
    drawn: Any = axes.boxplot(list(biases.values()), orientation="horizontal", **options)
    for box, name in zip(drawn["boxes"], biases, strict=True):
        box.set_facecolor("#9cc4e4" if "diemcau" in name else "#dddddd")
    axes.set_yticks(range(1, len(biases) + 1), list(biases))
    axes.axvspan(-50, 50, color="#2a9d5c", alpha=0.12, label="goal: 99 % within ±50 µs")
    axes.set_xscale("symlog", linthresh=50)
    axes.invert_yaxis()
    axes.set_xlabel("µs longer than on the wire (whiskers: 1 % and 99 %; logarithmic beyond 50)")
    axes.legend(loc="upper right", frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    _draw() if len(sys.argv) > 2 else main()
