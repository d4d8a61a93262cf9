"""`edge-agent throughput`: how much the line carries, on request only, and never in a meeting."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import msgspec

from contract.catalog import advice, sentence
from contract.meetings import Phase
from contract.messages import ProbeReport
from contract.placing import CENTER
from contract.toml_file import ConfigError
from edge_agent import live, wording
from edge_agent.config import Configuration
from probes.link.limits import LinkLimits, LinkSettings
from probes.link.throughput import WAYS, ThroughputRequest, measure

WELL, FAULTS, COULD_NOT = 0, 1, 2
_SPARE = timedelta(seconds=30)


def request_of(configuration: Configuration, *, host: str, rate_mbps: float | None, lasts_s: float, port: int) -> ThroughputRequest:
    """What is to be measured.

    Args:
        configuration: The site's file.
        host: Where iperf3 serves; empty: the center of the link's targets.
        rate_mbps: How much is sent; None: the line's declared capacity.
        lasts_s: How long, each way.
        port: Of the server.

    Raises:
        ConfigError: the file does not say where to or how much, and the command does not either.
    """
    settings, limits = configuration.settings["link"], configuration.limits["link"]
    assert isinstance(settings, LinkSettings)
    assert isinstance(limits, LinkLimits)
    center = next((end.host for end in settings.ends if end.name == CENTER), "")
    rate = rate_mbps if rate_mbps is not None else settings.capacity_mbps
    if not (host or center):
        raise ConfigError(f"{configuration.path}: link.targets: chưa khai báo đích “center”; dùng --host")
    if rate is None:
        raise ConfigError(f"{configuration.path}: link.capacity_mbps: chưa khai báo dung lượng đường truyền; dùng --rate")
    return ThroughputRequest(
        host=host or center, port=port, rate_mbps=rate, lasts_s=lasts_s, least_ratio=limits.least_throughput_percent / 100
    )


def command(configuration: Configuration, request: ThroughputRequest, *, as_json: bool) -> int:
    """Measure; the exit status."""
    lasts = timedelta(seconds=request.lasts_s * len(WAYS)) + _SPARE
    live.refuse_in_a_meeting(configuration.directory, datetime.now(UTC), lasts, command="throughput", refused="không đo băng thông")
    if not as_json:
        seconds = f"{request.lasts_s * len(WAYS):.0f}"
        print(f"Đang đo {request.rate_mbps:g} Mbit/s mỗi chiều tới {request.host}, khoảng {seconds} giây…", file=sys.stderr)
    report = measure(request, Phase.IDLE)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()
    else:
        for line in lines(report):
            print(line)
    if report.findings:
        return FAULTS
    return WELL if all(reading.value is not None for reading in report.readings) else COULD_NOT


def lines(report: ProbeReport) -> list[str]:
    """What people read."""
    told = [wording.figure_line(reading) for reading in report.readings]
    for found in report.findings:
        told += [f"▲ {sentence(found)}", f"→ {advice(found)}"]
    return told
