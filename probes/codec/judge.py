"""What each protocol said → findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from contract.catalog import finding
from contract.findings import Finding
from probes.codec.answers import Answer
from probes.codec.limits import CodecLimits, CodecSettings
from probes.interface import Look

_SERVER_ERROR = 500
_PROTOCOL_FAULTS = {"SIP": "codec.sip_down", "H.323": "codec.h323_down"}


def judge(answers: Mapping[str, Answer], settings: CodecSettings, limits: CodecLimits, look: Look, at: datetime) -> tuple[Finding, ...]:
    """All silent: the codec is gone. One silent beside one that answers: that protocol is down."""
    common = {"target": settings.host, "since": at, "limits_version": look.limits_version}
    if all(answer.failure is not None for answer in answers.values()):
        details = {"protocols": ", ".join(answers)}
        return (finding("codec.unreachable", look.phase, details=details, limit=limits.answer_ms, unit="ms", **common),)
    down = (
        finding(_PROTOCOL_FAULTS[protocol], look.phase, limit=limits.answer_ms, unit="ms", **common)
        for protocol, answer in answers.items()
        if answer.failure is not None and protocol in _PROTOCOL_FAULTS
    )
    figures = {metric: value for answer in answers.values() for metric, value in answer.figures.items()}
    return (*down, *_of_figures(figures, limits, look, common))


def _of_figures(figures: Mapping[str, float], limits: CodecLimits, look: Look, common: Mapping[str, Any]) -> Iterator[Finding]:
    def found(code: str, figure: float | None = None, limit: float | None = None, unit: str = "") -> Finding:
        return finding(code, look.phase, figure=figure, limit=limit, unit=unit, **common)

    if figures.get("codec.web_status", 0) >= _SERVER_ERROR:
        yield found("codec.web_error", figures["codec.web_status"])
    days = figures.get("codec.certificate_days")
    if days is not None and days < 0:
        yield found("codec.certificate_ended", round(-days, 1))
    elif days is not None and days < limits.certificate_days:
        yield found("codec.certificate_ends", round(days, 1), limits.certificate_days)
    if figures.get("codec.full_duplex") == 0:
        yield found("codec.half_duplex")
    speed_mbps = figures.get("codec.port_speed_mbps")
    if speed_mbps is not None and speed_mbps < limits.port_speed_mbps:
        yield found("codec.slow_port", speed_mbps, limits.port_speed_mbps, "Mbit/s")
