"""``python -m tests.probes.camera.many_looks LOOKS SOURCE…`` looks as the daemon does, over and over, and prints what it held.

A process of its own, so that the cameras of the test, which hold sockets and threads as well, are not counted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading

import psutil

from contract.messages import ProbeReport
from edge_agent.child import run_probe
from probes.camera.limits import CameraLimits, CameraSettings
from probes.interface import Look

LIMITS = CameraLimits(no_frame_s=0.5, open_s=0.5)


def standing() -> dict[str, int]:
    """File descriptors, threads, children and memory of this process."""
    gc.collect()
    here = psutil.Process()
    return {
        "descriptors": here.num_fds(),
        "threads": threading.active_count(),
        "children": len(here.children(recursive=True)),
        "rss_bytes": here.memory_info().rss,
    }


async def look(source: str) -> ProbeReport:
    return await run_probe("camera", CameraSettings(source=source), LIMITS, Look(deadline_s=20))


async def play(looks: int, sources: list[str]) -> None:
    codes: set[str] = set()
    for source in sources:
        await look(source)
    before = standing()
    for number in range(looks):
        codes |= {found.code for found in (await look(sources[number % len(sources)])).findings}
    await asyncio.sleep(0.1)
    print(json.dumps({"before": before, "after": standing(), "codes": sorted(codes)}))


if __name__ == "__main__":
    asyncio.run(play(int(sys.argv[1]), sys.argv[2:]))
