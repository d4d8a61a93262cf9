"""What a program costs: proportional memory (PSS) and processor time of all its processes, sampled from /proc."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil


class Footprint(NamedTuple):
    """Cost of a program over a span.

    Attributes:
        mean_mb, max_mb: Sum of the PSS of all its processes, in MB (10⁶ bytes). PSS counts a page shared by n processes as 1/n.
        cpu_percent: Processor time of all its processes, ended ones that were waited for included, in per cent of one core.
        samples: How often it was looked at.
    """

    mean_mb: float
    max_mb: float
    cpu_percent: float
    samples: int


def pss_mb(pid: int) -> float:
    """PSS of a process and its descendants now."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_pss_kb(process.pid) for process in family) * 1024 / 1e6


def _pss_kb(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass  # it ended between listing and reading
    return 0


def cpu_s(pid: int) -> float:
    """Processor seconds of a process, its living descendants, and those that were waited for."""
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    except psutil.NoSuchProcess:
        pass
    return total


def watch(pid: int, seconds: float, each_second: Callable[[], None] = lambda: None) -> Footprint:
    """Sample a program ten times a second for `seconds`; `each_second` keeps it at work."""
    began, cpu_before = time.monotonic(), cpu_s(pid)
    samples: list[float] = []
    next_call = began
    while (now := time.monotonic()) - began < seconds:
        samples.append(pss_mb(pid))
        if now >= next_call:
            each_second()
            next_call = now + 1
        time.sleep(0.1)
    spent_s = time.monotonic() - began
    return Footprint(statistics.fmean(samples), max(samples), (cpu_s(pid) - cpu_before) / spent_s * 100, len(samples))
