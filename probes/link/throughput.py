"""How much the line carries, each way, when somebody asks: iperf3 sends, this judges. Never by itself, never while people meet.

UDP at a rate that is agreed upon (the line's capacity), so that the measurement tells what arrives and is bounded in what it takes; TCP
would take what it gets, and tells of its own control as much as of the line.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from contract.catalog import figure, finding, missing
from contract.findings import Finding
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.readings import Failure, Reading

PROGRAM = "iperf3"
PACKET_OCTETS = 1200
"""As video does: no packet of this size is broken up on the way."""
WAYS = {"to": (), "back": ("--reverse",)}
_SPARE_S = 10.0
_TARGET = "center"


class ThroughputRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured.

    Attributes:
        host: Where an iperf3 server runs.
        port: Its port.
        rate_mbps: How much is sent, each way.
        lasts_s: How long, each way.
        least_ratio: Share of it that must arrive.
    """

    host: str
    rate_mbps: float
    port: int = 5201
    lasts_s: float = 10.0
    least_ratio: float = 0.9


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One way: what arrived, what was lost, and how it jittered; or why nothing is known."""

    arrived_mbps: float | None = None
    lost_percent: float | None = None
    jitter_ms: float | None = None
    failure: Failure | None = None
    error: str = ""


def measure(request: ThroughputRequest, phase: Phase, program: str = PROGRAM) -> ProbeReport:
    """Send there, then have sent back; the report of both."""
    began_at, began_s = datetime.now(UTC), time.monotonic()
    found = {way: run(request, options, program) for way, options in WAYS.items()}
    return ProbeReport(
        probe="link",
        began_at=began_at,
        duration_s=time.monotonic() - began_s,
        readings=tuple(reading for way, passage in found.items() for reading in _readings(way, passage, began_at)),
        findings=tuple(_findings(found, request, phase)),
        source=f"{PROGRAM} {request.host}:{request.port}, {request.rate_mbps:g} Mbit/s",
    )


def run(request: ThroughputRequest, options: tuple[str, ...], program: str = PROGRAM) -> Passage:
    """One way, by a child that is killed when it takes too long."""
    path = shutil.which(program)
    if path is None:
        return Passage(failure=Failure.ABSENT, error=f"{program} is not installed")
    bits = max(1, round(request.rate_mbps * 1e6))
    command = [path, "--client", request.host, "--port", str(request.port), "--udp", "--bitrate", str(bits)]
    command += [
        "--length",
        str(PACKET_OCTETS),
        "--time",
        f"{max(1, round(request.lasts_s))}",
        "--json",
        "--connect-timeout",
        "3000",
        *options,
    ]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as child:
        try:
            said, complaint = child.communicate(timeout=request.lasts_s + _SPARE_S)
        except subprocess.TimeoutExpired:
            return Passage(failure=Failure.TIMEOUT, error=f"killed after {request.lasts_s + _SPARE_S:g} s")
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
    return read(said, complaint.decode("utf-8", "replace"))


def read(said: bytes, complaint: str = "") -> Passage:
    """What iperf3 says in its JSON; what it cannot do, it says there too."""
    try:
        document: dict[str, Any] = json.loads(said)
        if document.get("error"):
            return _failed(str(document["error"]))
        end = document["end"]
        counted = end.get("sum_received", end["sum"])  # before 3.10 there is only the sender's sum, with the receiver's losses
        lost = float(counted["lost_percent"])
        arrived = float(counted["bits_per_second"]) * (1 if "sum_received" in end else 1 - lost / 100)
        return Passage(arrived_mbps=round(arrived / 1e6, 3), lost_percent=round(lost, 3), jitter_ms=round(float(counted["jitter_ms"]), 3))
    except (ValueError, KeyError, TypeError):
        return Passage(failure=Failure.BAD_DATA, error=complaint.strip()[:300] or "iperf3 said nothing that can be read")


def _failed(error: str) -> Passage:
    words = error.lower()
    if "refused" in words:
        return Passage(failure=Failure.REFUSED, error=error)
    if "busy" in words:
        return Passage(failure=Failure.BUSY, error=error)
    return Passage(failure=Failure.UNREACHABLE, error=error)


def _readings(way: str, passage: Passage, at: datetime) -> Iterator[Reading]:
    metric = f"link.throughput_{way}_mbps"
    if passage.arrived_mbps is None:
        yield missing(metric, passage.failure or Failure.BAD_DATA, at=at, target=_TARGET)
    else:
        yield figure(metric, passage.arrived_mbps, at=at, target=_TARGET)


def _findings(found: dict[str, Passage], request: ThroughputRequest, phase: Phase) -> Iterator[Finding]:
    least_mbps = request.rate_mbps * request.least_ratio
    low = {way: passage for way, passage in found.items() if passage.arrived_mbps is not None and passage.arrived_mbps < least_mbps}
    if low:
        way, passage = min(low.items(), key=lambda item: item[1].arrived_mbps or 0.0)
        details: dict[str, float | str] = {"way": "↑" if way == "to" else "↓", "lost_percent": passage.lost_percent or 0.0}
        yield finding(
            "link.low_throughput", phase, target=_TARGET, figure=passage.arrived_mbps, limit=least_mbps, unit="Mbit/s", details=details
        )
