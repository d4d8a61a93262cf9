"""``make bench-camera``: what the camera probe finds of injected faults, and what it says of scenes that are well.

The exit status is 1 when a figure is missed.

Scenes come from public packages and are split: limits were chosen on ``tuning`` and ``checked``, ``held`` judges. Every fault at three
levels, without and with the approved view, through H.264 and MJPEG; beside it ffmpeg's blackdetect, freezedetect and blurdetect on the same
clips.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from multiprocessing import get_context

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.camera.faults import CLEAN, FAULTS, LEVELS
from bench.camera.judging import Case, Verdict, judged
from bench.camera.looks import clean_looks, taken
from bench.camera.material import PARTS, SCENES, Part, view_of
from bench.microphone.score import poisson, wilson

_GOALS = (0.90, 0.99, 0.99)


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.camera", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="one part only (default both)")
    parser.add_argument("--quick", type=int, default=1, metavar="N", help="every Nth clip only; figures are then no verdict")
    parser.add_argument("--only", choices=FAULTS, action="append", help="one fault only; figures are then no verdict")
    parser.add_argument("--looks", type=int, default=0, metavar="N", help="instead: N looks at scenes that are well")
    options = parser.parse_args()
    console, missed = Console(width=130), 0
    if options.looks:
        return sum(_look(console, part, options.looks) for part in options.part or PARTS) and 1
    for part in options.part or PARTS:
        cases = [case for case in _cases(part) if not options.only or case.code in options.only][:: options.quick]
        with get_context("spawn").Pool() as pool:  # a forked child would wait for OpenCV's threads for ever
            told = list(track(pool.imap_unordered(judged, cases), f"{part}: {len(cases)} clips", len(cases), console=Console(stderr=True)))
        console.print(_recall(part, told))
        _tell_missed(console, told)
        _tell_false(console, told)
        if part == "held" and options.quick == 1 and not options.only:
            missed = _missed(told)
    return 1 if missed else 0


def _look(console: Console, part: Part, count: int) -> int:
    """Take clean looks; how many told something."""
    looks = list(clean_looks(part, count))
    with get_context("spawn").Pool() as pool:
        told = list(track(pool.imap_unordered(taken, looks, 16), f"{part}: {count} clean looks", count, console=Console(stderr=True)))
    false = [one for one in told if one.codes]
    low, high = poisson(len(false))
    console.print(f"{part}: {len(false)} of {count} clean looks told something (95 %: {low / count:.2e}–{high / count:.2e} of the looks)")
    for one in false:
        console.print(f"  false: {SCENES[one.look.scene].name}, {one.odd}, look {one.look.seed}: {', '.join(one.codes)}", highlight=False)
    return len(false)


def _cases(part: Part) -> Iterator[Case]:
    for number, scene in enumerate(SCENES):
        if scene.part == part and view_of(scene) is not None:
            yield from (Case(number, "", what, level) for what in CLEAN for level in range(3))
            yield from (Case(number, code, code, level) for code in FAULTS for level in range(3))


def _recall(part: Part, told: Sequence[Verdict]) -> Table:
    clean = [verdict for verdict in told if not verdict.case.code]
    false = sum(len(verdict.alone) + len(verdict.against) for verdict in clean)
    looks = sum(verdict.looks for verdict in clean)
    low, high = poisson(false)
    cost_ms = 1000 * float(np.mean([verdict.cost_s for verdict in told if verdict.case.code != "camera.frozen"] or [0.0]))
    bounds_of_false = f"{100 * low / looks:.2f}–{100 * high / looks:.2f} %" if looks else "none taken"
    table = Table(title=f"{part}: {false} false findings in {looks} clean clips of 3 s ({bounds_of_false}); {cost_ms:.0f} ms a second")
    for heading in ("fault", "approved view", *LEVELS, "bounds of severe", "ffmpeg"):
        table.add_column(heading)
    for code, (_, needs_view) in FAULTS.items():
        if not any(verdict.case.code == code for verdict in told):
            continue
        for against in (True,) if needs_view else (False, True):
            shares = [_share(told, code, level, against=against) for level in range(3)]
            found, total = shares[2]
            bounds = wilson(found, total)
            peers = [verdict.peer for verdict in told if verdict.case.code == code and verdict.peer is not None]
            peer = f"{sum(peers)}/{len(peers)}" if peers and not against else ""
            rows = [f"{found}/{total}" for found, total in shares]
            table.add_row(code, "with" if against else "without", *rows, f"{100 * bounds[0]:.0f}–{100 * bounds[1]:.0f} %", peer)
    return table


def _share(told: Sequence[Verdict], code: str, level: int, *, against: bool) -> tuple[int, int]:
    of = [verdict for verdict in told if verdict.case.code == code and verdict.case.level == level]
    return sum(code in (verdict.against if against else verdict.alone) for verdict in of), len(of)


def _missed(told: Sequence[Verdict]) -> int:
    missed = 0
    for code, (_, needs_view) in FAULTS.items():
        for level, goal in enumerate(_GOALS):
            found, total = _share(told, code, level, against=needs_view)
            missed += found < goal * total
    return missed + any(verdict.alone or verdict.against for verdict in told if not verdict.case.code)


def _tell_missed(console: Console, told: Sequence[Verdict]) -> None:
    """In which scenes each fault was missed, by level; with the approved view, which is how a site looks."""
    for code in FAULTS:
        for level, word in enumerate(LEVELS):
            missed = [
                verdict for verdict in told if verdict.case.code == code and verdict.case.level == level and code not in verdict.against
            ]
            if missed:
                scenes = (f"{SCENES[verdict.case.scene].name} ({', '.join(verdict.against) or 'nothing'})" for verdict in missed)
                console.print(f"  missed: {code}, {word}: {'; '.join(scenes)}", highlight=False)


def _tell_false(console: Console, told: Sequence[Verdict]) -> None:
    """Every false finding of a clean scene, and what else was told of each fault."""
    beside: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for verdict in told:
        case = verdict.case
        if not case.code and (verdict.alone or verdict.against):
            where = f"{SCENES[case.scene].name}, {case.what}, {LEVELS[case.level]}"
            console.print(f"  false: {where}: {', '.join(verdict.alone) or '–'} | {', '.join(verdict.against) or '–'}", highlight=False)
        for code in {*verdict.alone, *verdict.against} - {case.code}:
            beside[case.code][code] += bool(case.code)
    clean = [verdict for verdict in told if not verdict.case.code]
    for code in ("camera.black", "camera.frozen", "camera.blurred") if clean else ():
        seen = sum(code in verdict.peer_false for verdict in clean)
        console.print(f"  ffmpeg's filter for {code}: false in {seen} of {len(clean)} clean clips", highlight=False)
    for code, others in beside.items():
        if code:
            console.print(f"  beside {code}: {', '.join(f'{other} {count}' for other, count in others.items())}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
