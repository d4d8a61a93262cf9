"""What each protocol said → readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from contract.catalog import figure, missing
from contract.readings import Failure, Reading
from probes.codec.source import Answer

TOOK = {"SIP": "codec.sip_ms", "H.323": "codec.h323_ms", "HTTP": "codec.web_ms"}
SAID = {"SIP": "codec.sip_status", "SNMP": "codec.uptime_s"}


def readings_of(answers: Mapping[str, Answer], host: str, at: datetime) -> tuple[Reading, ...]:
    """Readings of all protocols, and whether the codec is alive at all."""
    return tuple(_readings(answers, host, at))


def _readings(answers: Mapping[str, Answer], host: str, at: datetime) -> Iterator[Reading]:
    yield figure("codec.alive", any(answer.failure is None for answer in answers.values()), at=at, target=host)
    for protocol, answer in answers.items():
        for metric, value in ((TOOK.get(protocol), answer.took_ms), (SAID.get(protocol), answer.said)):
            if metric is not None and value is not None:
                yield figure(metric, value, at=at, target=host)
            elif metric is not None:
                yield missing(metric, answer.failure or Failure.BAD_DATA, at=at, target=host)
