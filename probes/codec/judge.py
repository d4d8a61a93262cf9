"""What each protocol said → findings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contract.catalog import finding
from contract.findings import Finding
from probes.codec.limits import CodecLimits, CodecSettings
from probes.codec.source import Answer
from probes.interface import Look


def judge(answers: Mapping[str, Answer], settings: CodecSettings, limits: CodecLimits, look: Look, at: datetime) -> tuple[Finding, ...]:
    """All silent: the codec is gone. One silent beside one that answers: that protocol is down."""
    common = {"target": settings.host, "since": at, "limit": limits.answer_ms, "unit": "ms", "limits_version": look.limits_version}
    if all(answer.failure is not None for answer in answers.values()):
        return (finding("codec.unreachable", look.phase, details={"protocols": ", ".join(answers)}, **common),)
    codes = {"SIP": "codec.sip_down", "H.323": "codec.h323_down"}
    return tuple(
        finding(codes[protocol], look.phase, **common)
        for protocol, answer in answers.items()
        if answer.failure is not None and protocol in codes
    )
