from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import stamp
from probes.link.measure import Sample, jitter_of, mean_opinion_score, percentile, rtt_ms_of, statistics_of, surely_above

rtts = st.one_of(st.none(), st.floats(0, 2000))


def samples(*rtts_ms: float | None) -> list[Sample]:
    orders = iter(range(len(rtts_ms)))
    return [
        Sample(seq=seq, rtt_ms=rtt_ms, order=None if rtt_ms is None else next(orders), copies=rtt_ms is not None)
        for seq, rtt_ms in enumerate(rtts_ms)
    ]


@given(st.lists(rtts, min_size=1, max_size=60))
def test_received_and_lost_are_sent_and_percentiles_rise(rtts_ms: list[float | None]) -> None:
    figures = statistics_of(samples(*rtts_ms))
    assert figures.received + figures.lost == figures.sent == len(rtts_ms)
    assert figures.longest_burst <= figures.lost
    if figures.received:
        times = (figures.rtt_p50_ms, figures.rtt_p95_ms, figures.rtt_p99_ms, figures.rtt_max_ms)
        assert list(times) == sorted(time for time in times if time is not None)
        assert figures.rtt_max_ms == max(rtt for rtt in rtts_ms if rtt is not None)
    else:
        assert figures.rtt_p50_ms is None
        assert figures.mos is None


def test_nothing_sent_is_nothing_lost() -> None:
    assert (statistics_of([]).loss_percent, statistics_of([]).rtt_p50_ms) == (0.0, None)


def test_loss_and_its_longest_run() -> None:
    figures = statistics_of(samples(1, None, 1, None, None, None, 1, 1))
    assert (figures.loss_percent, figures.longest_burst) == (50.0, 3)


def test_reordering_counts_answers_that_came_after_a_later_probes_answer() -> None:
    arrived = [Sample(seq=seq, rtt_ms=1, order=order, copies=1) for order, seq in enumerate([0, 2, 1, 4, 5, 3])]
    figures = statistics_of(arrived)
    assert figures.reordered_percent == pytest.approx(100 * 2 / 6)
    assert figures.duplicates == 0


def test_duplicates_are_answers_beyond_the_first() -> None:
    assert statistics_of([Sample(seq=0, rtt_ms=1, order=0, copies=3), Sample(seq=1, rtt_ms=1, order=1, copies=1)]).duplicates == 2


def test_jitter_is_the_rfcs_estimator() -> None:
    assert jitter_of([10]) is None
    assert jitter_of([10, 26]) == pytest.approx(1.0)
    assert jitter_of([10, 26, 10]) == pytest.approx(1.0 + (16 - 1) / 16)
    assert jitter_of([5.0] * 20) == 0.0


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=50), st.floats(0, 500))
def test_jitter_does_not_depend_on_the_length_of_the_way(rtts_ms: list[float], longer_ms: float) -> None:
    assert jitter_of([rtt + longer_ms for rtt in rtts_ms]) == pytest.approx(jitter_of(rtts_ms), abs=1e-6)


def test_percentiles_are_figures_that_were_measured() -> None:
    ordered = [float(one) for one in range(1, 101)]
    assert [percentile(ordered, percent) for percent in (0, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([], 50) is None


def test_the_e_model_gives_the_figures_of_the_recommendation() -> None:
    assert mean_opinion_score(0, 0) == pytest.approx(4.41, abs=0.01)  # R = 93.2, ITU-T G.107 annex B
    assert mean_opinion_score(150, 0) == pytest.approx(4.34, abs=0.02)
    assert mean_opinion_score(400, 0) < 3.2
    assert mean_opinion_score(0, 100) >= 1


@given(st.floats(0, 800), st.floats(0, 90), st.floats(0.1, 100), st.floats(0.1, 10))
def test_more_delay_or_loss_never_sounds_better(delay_ms: float, loss_percent: float, later_ms: float, more_percent: float) -> None:
    here = mean_opinion_score(delay_ms, loss_percent)
    assert mean_opinion_score(delay_ms + later_ms, loss_percent) <= here + 1e-9
    assert mean_opinion_score(delay_ms, loss_percent + more_percent) <= here + 1e-9


def test_one_lost_packet_of_forty_says_nothing_about_one_per_cent() -> None:
    assert not surely_above(1, 40, 1.0)
    assert surely_above(3, 40, 1.0)
    assert not surely_above(0, 40, 0.0)
    assert not surely_above(12, 1000, 1.0)
    assert surely_above(20, 1000, 1.0)


def test_a_line_at_its_limit_is_called_bad_about_once_in_twenty_looks_at_most() -> None:
    chance = random.Random(3)
    called = sum(surely_above(sum(chance.random() < 0.01 for _ in range(200)), 200, 1.0) for _ in range(2000))
    assert called / 2000 <= 0.07


def test_the_time_inside_the_reflector_is_no_time_on_the_way() -> None:
    held = stamp.ReflectorPacket(
        seq=0, sender_seq=0, sender_sent=0, received=stamp.ntp_from_ns(10**9), sent=stamp.ntp_from_ns(10**9 + 3_000_000)
    )
    assert rtt_ms_of(0, 5_000_000, held) == pytest.approx(2.0, abs=1e-5)
    assert rtt_ms_of(0, 5_000_000) == 5.0


def test_a_reflector_that_lies_about_its_times_is_not_believed() -> None:
    for received_ns, sent_ns in ((0, 60 * 10**9), (60 * 10**9, 0)):
        liar = stamp.ReflectorPacket(
            seq=0, sender_seq=0, sender_sent=0, received=stamp.ntp_from_ns(received_ns), sent=stamp.ntp_from_ns(sent_ns)
        )
        assert rtt_ms_of(0, 5_000_000, liar) == 5.0


def test_a_clock_that_was_set_back_gives_no_round_trip() -> None:
    assert rtt_ms_of(10, 9) is None


def counted(forward: list[bool], back: list[bool], first: int) -> list[Sample]:
    """What a stateful reflector's counter shows when these ways lose (False)."""
    result, counter = [], first
    for seq, (there, here) in enumerate(zip(forward, back, strict=True)):
        number, counter = counter, counter + there
        got = there and here
        result.append(
            Sample(seq=seq, rtt_ms=1.0 if got else None, order=seq if got else None, copies=got, reflected=number if got else None)
        )
    return result


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.integers(1000, 2000))
def test_a_reflector_that_counts_tells_the_way_on_which_packets_are_lost(ways: list[tuple[bool, bool]], first: int) -> None:
    whole = [(True, True), *ways, (True, True)]
    figures = statistics_of(counted([there for there, _ in whole], [back for _, back in whole], first))
    asked = len(whole) - 1
    arrived = sum(there for there, _ in whole[1:])
    assert figures.loss_to_percent == pytest.approx(100 * (asked - arrived) / asked)
    lost_back = sum(there and not back for there, back in whole[1:])
    assert figures.loss_back_percent == pytest.approx(100 * lost_back / arrived)


def test_a_reflector_that_only_repeats_our_number_cannot_tell_the_way() -> None:
    stateless = [Sample(seq=seq, rtt_ms=1.0, order=seq, copies=1, reflected=seq) for seq in (0, 1, 4)] + [Sample(seq=2), Sample(seq=3)]
    figures = statistics_of(stateless)
    assert (figures.loss_to_percent, figures.loss_back_percent) == (None, None)
    assert figures.loss_percent == 40.0
