from __future__ import annotations

import subprocess
import sys

from bench.processes import cpu_s, pss_mb
from bench.table import Figure


def test_the_memory_of_children_counts() -> None:
    child = "x = bytearray(60_000_000); input()"
    code = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE); print(1, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(200):
            if pss_mb(process.pid) > 60:
                break
        assert 60 < pss_mb(process.pid) < 140
        assert cpu_s(process.pid) > 0
        process.kill()


def test_a_process_that_is_gone_costs_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert pss_mb(process.pid) == 0


def test_a_figure_is_missed_only_above_its_goal() -> None:
    assert Figure("a", 2, "s", 1).missed
    assert not Figure("a", 1, "s", 1).missed
    assert not Figure("a", 9, "s").missed
