"""Judges what a detector said of the clips of a part; shares with Wilson's, rates with Poisson's bounds of 95 %. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.microphone.corpus import Clip
from bench.microphone.published import Alarm

_NEAR_HZ = 5.0


def wilson(count: int, total: int) -> tuple[float, float]:
    """Bounds of a share (Wilson 1927), 95 %."""
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, count / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (middle - spread) / (1 + z * z / total)), min(1.0, (middle + spread) / (1 + z * z / total))


def poisson(count: int) -> tuple[float, float]:
    """Exact bounds of the mean of a count (Garwood 1936), 95 %."""
    return (_solved(lambda mean: 1 - _at_most(count - 1, mean), 0.025) if count else 0.0), _solved(
        lambda mean: -_at_most(count, mean), -0.025
    )


def _at_most(count: int, mean: float) -> float:
    return sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count + 1)) if mean > 0 else 1.0


def _solved(rising: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1e4
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


@dataclass
class Score:
    """What one detector did on one part."""

    howls: int = 0
    detected: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """Detected, but after −3 dB of saturation."""
    premature: list[str] = field(default_factory=list)
    """Alarmed in a howl's clip while its loop was still stable."""
    delays_s: list[float] = field(default_factory=list)
    """From audibility to the alarm; negative is before it is audible."""
    off_final: list[str] = field(default_factory=list)
    """Frequency further than 5 Hz from the line that stays."""
    off_unstable: list[str] = field(default_factory=list)
    """Further than 5 Hz from every frequency at which the loop grows."""
    hours: dict[str, float] = field(default_factory=dict)
    false: dict[str, list[str]] = field(default_factory=dict)

    def rate(self, kind: str) -> tuple[float, float, float]:
        """False alarms an hour and their bounds."""
        hours = max(self.hours.get(kind, 0.0), 1e-9)
        count = len(self.false.get(kind, []))
        low, high = poisson(count)
        return count / hours, low / hours, high / hours

    def delay_s(self, share: float) -> float:
        """A quantile of the delay from audibility."""
        return float(np.quantile(self.delays_s, share)) if self.delays_s else float("nan")


def scored(clips: Iterable[Clip], alarms: Mapping[str, Sequence[Alarm]]) -> Score:
    """Judge the alarms of every clip."""
    score = Score()
    for clip in clips:
        said = alarms[clip.path]
        if clip.truth is not None:
            _judge_howl(score, clip, said)
            continue
        kind = clip.kind if clip.kind != "tone" else clip.material
        score.hours[kind] = score.hours.get(kind, 0.0) + clip.seconds / 3600
        where = [f"{clip.path} {clip.material} at {alarm.began_s:.2f} s, {alarm.frequency_hz:.0f} Hz" for alarm in said]
        score.false.setdefault(kind, []).extend(where)
    return score


def _judge_howl(score: Score, clip: Clip, said: Sequence[Alarm]) -> None:
    truth = clip.truth
    assert truth is not None
    score.howls += 1
    name = f"{clip.path} {clip.chain}"
    if any(alarm.began_s < truth.crossed_s for alarm in said):
        score.premature.append(name)
    # An alarm that was there before is none of this howl: who alarms all the time has told nothing.
    found = next((alarm for alarm in said if alarm.began_s >= truth.crossed_s), None)
    if found is None:
        score.missed.append(name)
        return
    told_s = found.began_s
    score.detected.append(name)
    score.delays_s.append(told_s - truth.audible_s)
    if told_s > truth.saturated_s:
        score.late.append(f"{name}: told {told_s:.2f} s, audible {truth.audible_s:.2f} s, saturated {truth.saturated_s:.2f} s")
    if abs(found.frequency_hz - truth.frequency_hz) > _NEAR_HZ:
        score.off_final.append(f"{name}: {found.frequency_hz:.1f} Hz, {truth.frequency_hz:.1f} Hz stays")
    if min((abs(found.frequency_hz - each) for each in truth.unstable_hz), default=math.inf) > _NEAR_HZ:
        score.off_unstable.append(f"{name}: {found.frequency_hz:.1f} Hz")
