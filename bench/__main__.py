"""``make bench``: measures, prints each figure beside its goal and the peers', exits 1 when a goal is missed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench import agent, alerts
from bench.table import Figure, show
from demo.stage import fresh_folder


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=300, help="span over which memory is measured, idle and in a meeting (default 300)"
    )
    parser.add_argument("--cuts", type=int, default=20, help="how often the link is cut (default 20)")
    parser.add_argument("--only", choices=("agent", "alerts"), help="one part only")
    options = parser.parse_args()
    console = Console()
    folder = fresh_folder(Path("var/bench/runs").resolve())
    missed: list[Figure] = []
    if options.only != "alerts":
        console.print(f"agent: idle and in a meeting, {options.seconds:g} s each; then the peers …")
        missed += _shown(console, "Cost of the agent, beside public peers", agent.figures(folder / "agent", options.seconds))
    if options.only != "agent":
        console.print(f"alerts: {options.cuts} cuts …")
        missed += _shown(console, "From the cut to the page", alerts.figures(folder / "alerts", options.cuts))
    for figure in missed:
        console.print(f"[red]✘[/red] {figure.what}: {figure.value:.2f} {figure.unit}, goal {figure.goal:g} {figure.unit}")
    return 1 if missed else 0


def _shown(console: Console, title: str, figures: list[Figure]) -> list[Figure]:
    show(console, title, figures)
    return [figure for figure in figures if figure.missed]


if __name__ == "__main__":
    sys.exit(main())
