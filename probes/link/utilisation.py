"""How full a port of a switch is: 5-minute samples of its counters, and their 95th percentile over seven days. Pure.

Thông tư 06/2026/TT-BKHCN, 5.6: of the 5-minute samples of seven days, per direction, the 95th percentile stays at or below 90 % of the
capacity. A sample is taken of two readings of the port's octet counters (IF-MIB, RFC 2863: ``ifHCInOctets``, ``ifHCOutOctets``) and of the
switch's own uptime, so that no clock of ours comes into it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

SAMPLE_S = 300.0
SPAN = timedelta(days=7)
LEAST_SAMPLES = 288
"""A day of them: before that the percentile is of single meetings, not of the line."""
_LONGEST_SAMPLE_S = 450.0
"""What was not looked at for longer is no 5-minute sample: its mean would hide the peaks."""
_SHORTEST_SAMPLE_S = 60.0
_OCTET_BITS, _MEGA = 8, 1e6
_IMPOSSIBLE_PERCENT = 110.0
"""Above the capacity by more than framing and rounding explain: the counter was set anew."""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of a port.

    Attributes:
        uptime_s: Of the switch.
        in_octets: Into the switch, so from whatever is at the other end of the port's cable.
        out_octets: Out of it.
        speed_mbps: Of the port (``ifHighSpeed``).
    """

    uptime_s: float
    in_octets: int
    out_octets: int
    speed_mbps: float


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """Mean of about five minutes, in percent of the capacity.

    Attributes:
        at: End of the time, UTC.
    """

    at: datetime
    in_percent: Annotated[float, msgspec.Meta(ge=0)]
    out_percent: Annotated[float, msgspec.Meta(ge=0)]


def sample_of(before: Counters, now: Counters, capacity_mbps: float | None, at: datetime) -> Sample | None:
    """What lies between two readings; None where they do not tell: a switch that was restarted, a counter set anew, too long a gap.

    Args:
        before: The earlier reading.
        now: The later one.
        capacity_mbps: By contract; None, or more than the port's speed: the speed counts.
        at: When the later one was taken.
    """
    lasted_s = now.uptime_s - before.uptime_s
    full_mbps = min(capacity_mbps or math.inf, now.speed_mbps or math.inf)
    octets = now.in_octets - before.in_octets, now.out_octets - before.out_octets
    if not _SHORTEST_SAMPLE_S <= lasted_s <= _LONGEST_SAMPLE_S or min(octets) < 0 or math.isinf(full_mbps):
        return None
    percents = [one * _OCTET_BITS / lasted_s / _MEGA / full_mbps * 100 for one in octets]
    # A line of less than the port's speed may well be sent more than it carries: the provider drops the rest.
    most_percent = _IMPOSSIBLE_PERCENT * (now.speed_mbps or full_mbps) / full_mbps
    return None if max(percents) > most_percent else Sample(at, round(percents[0], 2), round(percents[1], 2))


def kept(samples: Sequence[Sample], now: datetime) -> tuple[Sample, ...]:
    """Those of the last seven days; samples of a clock that was set back since are dropped too."""
    return tuple(one for one in samples if timedelta() <= now - one.at < SPAN)


def percentile_95(values: Sequence[float]) -> float:
    """The value that 95 % of the samples do not exceed: of n in order the ⌈0.95 n⌉-th (nearest rank), as lines are billed.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no samples")
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
