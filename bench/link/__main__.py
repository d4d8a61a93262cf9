"""``make bench-link``: the link watch beside its goals and public tools; exits 1 when a goal is missed. Needs root.

Packets stay in network namespaces of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.link import bias, cuts, quiet, replay
from bench.link.network import Network
from bench.table import Figure, Raw, show

REAL_SITES = 5
PARTS = ("bias", "cuts", "quiet", "replay")


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.link", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some minutes: 20 cuts, 1 minute of loss, 1 h of virtual time")
    parser.add_argument("--only", choices=PARTS, help="one part only")
    parser.add_argument("--probes", type=int, help="of each tool, for the bias (default 2000)")
    parser.add_argument("--cuts", type=int, help="of a real site's link (default 120)")
    parser.add_argument("--sites", type=int, default=200, help=f"in the meeting, {REAL_SITES} of them real (default 200)")
    parser.add_argument(
        "--minutes", type=float, help=f"of loss, and of bursts, on {REAL_SITES} sites at once (default 12: one hour of a site)"
    )
    parser.add_argument("--hours", type=float, help="of virtual time (default 24)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write what was measured one by one, for python -m bench.link.plots FILE")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("network namespaces need root", file=sys.stderr)
        return 2

    def length(name: str, full: float, quick: float) -> float:
        given = getattr(options, name)
        return float(given if given is not None else quick if options.quick else full)

    network, raw = Network(REAL_SITES), Raw()
    parts: dict[str, tuple[str, Callable[[], list[Figure]]]] = {
        "bias": ("Round trip beside the capture on the wire", lambda: bias.figures(network, int(length("probes", 2000, 300)), raw)),
        "cuts": (
            f"Cuts, {options.sites} sites in the meeting",
            lambda: cuts.figures(network, int(length("cuts", 120, 20)), options.sites, raw),
        ),
        "quiet": ("Nothing is cut (real time)", lambda: quiet.figures(network, length("minutes", 12, 1), options.sites)),
        "replay": ("The rules alone (virtual time)", lambda: replay.figures(length("hours", 24, 1))),
    }
    missed: list[Figure] = []
    try:
        console = Console(width=150)
        for name in PARTS if options.only is None else (options.only,):
            title, measure = parts[name]
            rows = measure()
            show(console, title, rows)
            missed += [figure for figure in rows if figure.missed]
    finally:
        network.close()
        if options.keep and raw:
            options.keep.write_text(json.dumps(raw))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
