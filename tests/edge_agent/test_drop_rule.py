from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.meetings import Phase
from edge_agent.drop_rule import Confirmed, DropRule, Returned, Suspected, WatchEvent
from probes.link.limits import LinkLimits

T0 = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
LIMITS = LinkLimits()
Through = Callable[[str, float], bool]


def utc(instant_s: float) -> datetime:
    return T0 + timedelta(seconds=instant_s)


def seconds(instant: datetime) -> float:
    return (instant - T0).total_seconds()


class Bench:
    """Simulated time around the rule: sends as the watch does, loses as `through` says, may stand still."""

    def __init__(self, *names: str, through: Through, rtt_s: Callable[[float], float] = lambda _: 0.02) -> None:
        self.rule = DropRule(names, LIMITS, utc)
        self.rule.phase = Phase.LIVE
        self.through, self.rtt_s = through, rtt_s
        self.told: list[tuple[float, WatchEvent]] = []
        self.now_s = 0.0
        self._sent_s = dict.fromkeys(names, -1.0)
        self._coming: list[tuple[float, int, str, float]] = []
        self._count = itertools.count()

    def run(self, until_s: float) -> list[tuple[float, WatchEvent]]:
        while self.now_s < until_s:
            self._hear()
            self.told += [(self.now_s, event) for event in self.rule.look(self.now_s)]
            every_s = (LIMITS.burst_interval_ms if self.rule.hurried else LIMITS.live_interval_ms) / 1000
            for name, sent_s in self._sent_s.items():
                if self.now_s >= sent_s + every_s - 1e-9:
                    self._send(name)
            next_s = min(self._sent_s.values()) + every_s
            self.now_s = min(next_s, max(self._coming[0][0], self.now_s)) if self._coming else next_s
        return self.told

    def _send(self, name: str) -> None:
        self._sent_s[name] = self.now_s
        self.rule.ends[name].sent(self.now_s)
        if self.through(name, self.now_s):
            heapq.heappush(self._coming, (self.now_s + self.rtt_s(self.now_s), next(self._count), name, self.now_s))

    def stall(self, for_s: float) -> None:
        self.now_s += for_s
        self._hear()
        self.rule.stalled(for_s)

    def _hear(self) -> None:
        while self._coming and self._coming[0][0] <= self.now_s:
            received_s, _, name, sent_s = heapq.heappop(self._coming)
            self.rule.answered(name, sent_s, received_s)


def cut(*spans: tuple[float, float], names: tuple[str, ...] = ("center", "mcu")) -> Through:
    return lambda name, at_s: name not in names or not any(begin <= at_s < end for begin, end in spans)


def lossy(ratio: float, seed: int) -> Through:
    chance = random.Random(seed)
    return lambda _name, _at: chance.random() >= ratio


def bursty(seed: int, *, mean_bad_s: float = 0.1, share: float = 0.02) -> Through:
    """Gilbert–Elliott: the bad state lasts exponentially long and loses all, `share` of the time."""
    chance = random.Random(seed)

    def spans() -> Iterator[tuple[float, float]]:
        at_s = 0.0
        while True:
            at_s += chance.expovariate(share / (mean_bad_s * (1 - share)))
            end_s = at_s + chance.expovariate(1 / mean_bad_s)
            yield at_s, end_s
            at_s = end_s

    each = spans()
    current = [next(each)]

    def through(_name: str, at_s: float) -> bool:
        while current[0][1] <= at_s:
            current[0] = next(each)
        return at_s < current[0][0]

    return through


def kinds(told: list[tuple[float, WatchEvent]]) -> list[type[WatchEvent]]:
    return [type(event) for _, event in told]


@pytest.mark.req("R36")
@given(st.floats(5.0, 6.0), st.floats(3.0, 20.0))
@settings(max_examples=40, deadline=None)
def test_a_cut_is_suspected_within_half_a_second_confirmed_within_one_and_a_half_and_told_exactly(cut_s: float, lasts_s: float) -> None:
    told = Bench("gateway", "mcu", "center", through=cut((cut_s, cut_s + lasts_s))).run(cut_s + lasts_s + 3)
    assert Suspected in kinds(told)
    assert kinds(told)[-2:] == [Confirmed, Returned]
    assert told[0][0] - cut_s <= 0.45
    confirmed_s, confirmed = told[-2]
    assert 1.2 <= confirmed_s - cut_s <= 1.3
    assert isinstance(confirmed, Confirmed)
    assert (confirmed.targets, confirmed.answered, confirmed.place) == (("center", "mcu"), ("gateway",), "tslcd")
    assert [found.code for found in confirmed.findings] == ["link.down"]
    returned = told[-1][1]
    assert isinstance(returned, Returned)
    assert returned.interruption is not None
    assert returned.findings == confirmed.findings
    assert abs(seconds(returned.interruption.began_at) - cut_s) <= 0.06
    assert abs(seconds(returned.interruption.ended_at) - cut_s - lasts_s) <= 0.06
    assert returned.interruption.confirmed
    assert returned.interruption.targets == ("center", "mcu")


@given(st.floats(5.0, 6.0), st.floats(0.5, 0.9))
@settings(max_examples=40, deadline=None)
def test_what_returns_before_confirmation_is_a_short_interruption_with_its_length(cut_s: float, lasts_s: float) -> None:
    told = Bench("gateway", "mcu", "center", through=cut((cut_s, cut_s + lasts_s))).run(cut_s + lasts_s + 3)
    assert set(kinds(told)) == {Suspected, Returned}
    (returned,) = (event for _, event in told if isinstance(event, Returned))
    assert returned.interruption is not None
    assert not returned.interruption.confirmed
    assert returned.findings == ()
    assert returned.interruption.duration_s == pytest.approx(lasts_s, abs=0.06)


@given(st.floats(5.0, 6.0), st.floats(0.01, 0.2))
@settings(max_examples=40, deadline=None)
def test_a_short_gap_is_no_suspicion(cut_s: float, lasts_s: float) -> None:
    assert Bench("mcu", "center", through=cut((cut_s, cut_s + lasts_s))).run(cut_s + 3) == []


@pytest.mark.req("R36")
@pytest.mark.parametrize("seed", range(3))
def test_an_hour_of_five_per_cent_loss_each_way_is_never_suspected(seed: int) -> None:
    assert Bench("center", through=lossy(1 - 0.95**2, seed)).run(3600) == []


@pytest.mark.req("R36")
@pytest.mark.parametrize("seed", range(3))
def test_bursts_of_loss_are_suspected_at_most_and_never_confirmed(seed: int) -> None:
    told = Bench("center", through=bursty(seed)).run(3600)
    assert Confirmed not in kinds(told)
    assert kinds(told).count(Suspected) == kinds(told).count(Returned)


def test_a_stall_of_the_watch_itself_is_no_loss() -> None:
    bench = Bench("mcu", "center", through=lambda _name, _at: True)
    for until_s in range(3, 60, 3):
        bench.run(until_s)
        bench.stall(2.0)
    assert bench.run(bench.now_s + 3) == []


def test_time_in_which_the_watch_stood_still_is_told_and_does_not_confirm() -> None:
    bench = Bench("center", through=cut((5.0, 9.0)))
    bench.run(5.5)
    bench.stall(2.0)
    assert kinds(bench.run(bench.now_s + 0.05)) == [Suspected]
    assert kinds(bench.run(8.8)) == [Suspected, Confirmed]
    bench.run(12)
    returned = bench.told[-1][1]
    assert isinstance(returned, Returned)
    assert returned.interruption is not None
    assert returned.interruption.blind_s == pytest.approx(2.0, abs=0.05)
    assert returned.interruption.duration_s == pytest.approx(4.0, abs=0.06)
    assert returned.interruption.confirmed


def test_answers_that_only_come_late_are_no_interruption() -> None:
    bench = Bench("center", through=lambda _name, _at: True, rtt_s=lambda at_s: 0.9 if 5 < at_s < 6 else 0.02)
    returned = [event for event in (event for _, event in bench.run(10)) if isinstance(event, Returned)]
    assert [event.interruption for event in returned] == [None]


@pytest.mark.parametrize("rtt_s", [0.001, 0.08, 0.25, 0.6])
def test_a_long_way_is_no_loss(rtt_s: float) -> None:
    assert Bench("center", through=lossy(0.05, 1), rtt_s=lambda _: rtt_s).run(120) == []


def test_a_gateway_that_refuses_echoes_is_no_outage_while_others_answer_behind_it() -> None:
    bench = Bench("gateway", "mcu", "center", through=lambda name, _at: name != "gateway")
    told = bench.run(30)
    assert Confirmed not in kinds(told)
    assert not bench.rule.hurried, "one that never answers must not keep the fast rate up"


def test_with_the_gateway_silent_too_the_fault_lies_there() -> None:
    told = Bench("gateway", "mcu", "center", through=cut((5, 9), names=("gateway", "mcu", "center"))).run(12)
    (confirmed,) = (event for _, event in told if isinstance(event, Confirmed))
    assert [found.code for found in confirmed.findings] == ["link.gateway_unreachable"]
    assert confirmed.place == "gateway"


def test_only_the_mcu_silent_is_the_mcus_fault() -> None:
    told = Bench("gateway", "mcu", "center", through=cut((5, 9), names=("mcu",))).run(12)
    (confirmed,) = (event for _, event in told if isinstance(event, Confirmed))
    assert ([found.code for found in confirmed.findings], confirmed.place) == (["link.mcu_unreachable"], "mcu")


def test_ends_that_return_apart_end_apart() -> None:
    def through(name: str, at_s: float) -> bool:
        return not 5 <= at_s < {"mcu": 15, "center": 9}.get(name, 0)

    told = Bench("gateway", "mcu", "center", through=through).run(20)
    late = [event for _, event in told if not isinstance(event, Suspected)]
    assert [type(event) for event in late] == [Confirmed, Returned, Confirmed, Returned]
    assert [found.code for event in late for found in event.findings] == [
        "link.down",
        "link.down",
        "link.mcu_unreachable",
        "link.mcu_unreachable",
    ]
    ends = [seconds(event.interruption.ended_at) for event in late if isinstance(event, Returned) and event.interruption]
    assert ends == pytest.approx([9, 15], abs=0.06)


def test_a_flapping_link_is_counted() -> None:
    told = Bench("center", through=cut(*((at, at + 3) for at in range(5, 65, 10)))).run(70)
    assert [event.times for _, event in told if isinstance(event, Confirmed)] == [1, 2, 3, 4, 5, 6]


def test_an_end_that_never_answered_since_the_start_is_down() -> None:
    told = Bench("gateway", "center", through=cut((0, 99))).run(5)
    assert kinds(told) == [Suspected, Confirmed]
    assert seconds(told[1][1].since) == 0  # type: ignore[union-attr]


def test_a_network_that_takes_no_packet_is_known_without_waiting_for_answers() -> None:
    rule = DropRule(["center"], LIMITS, utc)
    for beat in range(LIMITS.suspect_probes):
        rule.ends["center"].sent(beat * 0.02, refused=True)
    assert [type(event) for event in rule.look(LIMITS.suspect_probes * 0.02)] == [Suspected]


@given(st.lists(st.tuples(st.sampled_from(["sent", "answered", "look", "stalled"]), st.floats(0, 1)), max_size=200))
@settings(deadline=None)
def test_whatever_happens_each_outage_is_told_in_order_and_never_ends_before_it_began(acts: list[tuple[str, float]]) -> None:
    rule, now_s, sent = DropRule(["center"], LIMITS, utc), 0.0, [0.0]
    told: list[WatchEvent] = []
    for act, step_s in acts:
        now_s += step_s
        if act == "sent":
            rule.ends["center"].sent(now_s)
            sent.append(now_s)
        elif act == "answered":
            rule.answered("center", sent[int(step_s * (len(sent) - 1))], now_s)
        elif act == "stalled":
            rule.stalled(step_s)
        told += rule.look(now_s)
    lasting = False
    for event in told:
        if isinstance(event, Returned):
            assert lasting
            lasting = False
            if event.interruption is not None:
                assert event.interruption.began_at < event.interruption.ended_at
                assert 0 <= event.interruption.blind_s <= event.interruption.duration_s
        else:
            lasting = True
