"""What each protocol said → readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from contract.catalog import figure, missing
from contract.readings import Failure, Reading
from probes.codec.answers import Answer

FIGURES: Mapping[str, tuple[str, ...]] = {
    "SIP": ("codec.sip_ms", "codec.sip_status"),
    "H.323": ("codec.h323_ms",),
    "HTTP": ("codec.web_ms", "codec.web_status"),
    "SNMP": ("codec.snmp_ms", "codec.uptime_s"),
}
"""What a protocol always tells; all else it may tell or not."""


def readings_of(answers: Mapping[str, Answer], host: str, at: datetime) -> tuple[Reading, ...]:
    """Readings of all protocols, and whether the codec is alive at all."""
    return tuple(_readings(answers, host, at))


def _readings(answers: Mapping[str, Answer], host: str, at: datetime) -> Iterator[Reading]:
    yield figure("codec.alive", any(answer.failure is None for answer in answers.values()), at=at, target=host)
    for protocol, answer in answers.items():
        for metric in dict.fromkeys((*FIGURES[protocol], *answer.figures)):
            if metric in answer.figures:
                yield figure(metric, answer.figures[metric], at=at, target=host)
            else:
                yield missing(metric, answer.failure or Failure.BAD_DATA, at=at, target=host)
