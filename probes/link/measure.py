"""What was sent and what came back → figures; pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import msgspec

from contract.stamp import ReflectorPacket


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One probe that was sent.

    Attributes:
        seq: Number in the order of sending.
        rtt_ms: Round trip without the time inside the reflector; None if no answer came.
        order: Rank of its first answer in the order of arrival; None if none came.
        copies: How many answers came.
        reflected: A stateful reflector's own number for it: what it had received by then; None from an echo.
    """

    seq: int
    rtt_ms: float | None = None
    order: int | None = None
    copies: int = 0
    reflected: int | None = None


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a number of probes to one target; times are None when nothing came back.

    Attributes:
        sent, received: received + lost = sent.
        loss_percent: Of both ways together (RFC 7680).
        loss_to_percent, loss_back_percent: Per way, from a stateful reflector's counter; None from others.
        longest_burst: Longest run of lost probes.
        reordered_percent: Answers that came after the answer to a later probe, of those that came (RFC 4737, 3).
        duplicates: Answers beyond the first.
        rtt_p50_ms: Round trip (RFC 2681), nearest-rank percentiles; `rtt_p95_ms`, `rtt_p99_ms`, `rtt_max_ms` alike.
        jitter_ms: Of the round trip; see `jitter_of`.
        mos: Of the E-model; see `mean_opinion_score`.
    """

    sent: int
    received: int
    loss_percent: float
    longest_burst: int
    reordered_percent: float
    duplicates: int
    loss_to_percent: float | None = None
    loss_back_percent: float | None = None
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    rtt_p99_ms: float | None = None
    rtt_max_ms: float | None = None
    jitter_ms: float | None = None
    mos: float | None = None

    @property
    def lost(self) -> int:
        """Probes without an answer."""
        return self.sent - self.received


def statistics_of(samples: Iterable[Sample]) -> Statistics:
    """All figures of one target; nothing sent is nothing lost."""
    sent = sorted(samples, key=lambda sample: sample.seq)
    answered = [sample for sample in sent if sample.rtt_ms is not None]
    rtts_ms = [sample.rtt_ms for sample in answered if sample.rtt_ms is not None]
    ordered_ms = sorted(rtts_ms)
    loss_percent = _percent(len(sent) - len(answered), len(sent))
    jitter_ms = jitter_of(rtts_ms)
    to_percent, back_percent = _loss_by_way(sent, answered)
    p50_ms = percentile(ordered_ms, 50)
    return Statistics(
        sent=len(sent),
        received=len(answered),
        loss_percent=loss_percent,
        longest_burst=max((len(list(run)) for lost, run in itertools.groupby(sent, lambda one: one.rtt_ms is None) if lost), default=0),
        reordered_percent=_percent(_reordered(answered), len(answered)),
        duplicates=sum(max(0, sample.copies - 1) for sample in answered),
        loss_to_percent=to_percent,
        loss_back_percent=back_percent,
        rtt_p50_ms=p50_ms,
        rtt_p95_ms=percentile(ordered_ms, 95),
        rtt_p99_ms=percentile(ordered_ms, 99),
        rtt_max_ms=percentile(ordered_ms, 100),
        jitter_ms=jitter_ms,
        mos=None if p50_ms is None else mean_opinion_score(p50_ms / 2 + 2 * (jitter_ms or 0.0), loss_percent),
    )


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Nearest-rank percentile of an ordered sequence, always one that was measured; None if it is empty."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else None


def jitter_of(rtts_ms: Iterable[float]) -> float | None:
    """J += (|D| − J)/16 over successive answers (RFC 3550, 6.4.1), D the difference of two round trips; None below two.

    One way is what the RFC means; of the round trip it is an upper bound that needs no common clock.
    """
    jitter: float | None = None
    for before, after in itertools.pairwise(rtts_ms):
        jitter = (jitter or 0.0) + (abs(after - before) - (jitter or 0.0)) / 16
    return jitter


def mean_opinion_score(delay_ms: float, loss_percent: float, *, ie: float = 0.0, bpl: float = 25.1) -> float:
    """E-model (ITU-T G.107, reduced to delay and loss): 1 (bad) to 4.5; it models voice, not pictures.

    Args:
        delay_ms: One way.
        loss_percent: Of packets, at random.
        ie: Equipment impairment; 0 for G.711 (ITU-T G.113, appendix I).
        bpl: Robustness against loss; 25.1 for G.711 with concealment (ITU-T G.113, appendix I).
    """
    by_delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    by_loss = ie + (95 - ie) * loss_percent / (loss_percent + bpl)
    rating = min(100.0, max(0.0, 93.2 - by_delay - by_loss))
    return min(4.5, max(1.0, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating)))


def surely_above(lost: int, sent: int, limit_percent: float) -> bool:
    """Whether the true loss is above a limit with 95 % certainty (lower end of Wilson's interval, one-sided, z = 1.645).

    One packet lost of forty is 2.5 %, and says nothing about a limit of 1 %.
    """
    if sent == 0 or lost == 0:
        return False
    z, share = 1.645, lost / sent
    center = share + z * z / (2 * sent)
    spread = z * math.sqrt(share * (1 - share) / sent + z * z / (4 * sent * sent))
    return 100 * (center - spread) / (1 + z * z / sent) > limit_percent


def rtt_ms_of(sent_ns: int, received_ns: int, reply: ReflectorPacket | None = None) -> float | None:
    """(T4 − T1) − (T3 − T2) (RFC 8762, 4.3) in ms; None if the clock was set between.

    A reflector that claims to have held the packet for longer than it was away, or for less than no time, is not believed.
    """
    away_ns = received_ns - sent_ns
    if away_ns < 0:
        return None
    held_ns = 0 if reply is None else reply.held_ns
    return (away_ns - (held_ns if 0 <= held_ns <= away_ns else 0)) / 1e6


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _loss_by_way(sent: Sequence[Sample], answered: Sequence[Sample]) -> tuple[float | None, float | None]:
    """Loss there and back between the first and the last answer of a reflector that counts by itself.

    Its counter rises by one with each packet that reached it. A stateless one returns our own number, which rises
    whatever is lost: it is known by rising with every loss.
    """
    counted = [sample for sample in answered if sample.reflected is not None]
    if len(counted) < 2:
        return None, None
    first, last = counted[0], counted[-1]
    asked = sum(first.seq < sample.seq <= last.seq for sample in sent)
    back = sum(first.seq < sample.seq <= last.seq for sample in counted)
    arrived = ((last.reflected or 0) - (first.reflected or 0)) & 0xFFFFFFFF
    stateless = all(sample.reflected == sample.seq & 0xFFFFFFFF for sample in counted)
    if not back <= arrived <= asked or (stateless and back < asked):
        return None, None
    return _percent(asked - arrived, asked), _percent(arrived - back, arrived)


def _reordered(answered: Iterable[Sample]) -> int:
    """Answers that came after the answer to a probe sent later."""
    latest, late = -1, 0
    for sample in sorted(answered, key=lambda sample: sample.order or 0):
        late += sample.seq < latest
        latest = max(latest, sample.seq)
    return late
