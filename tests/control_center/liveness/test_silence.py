from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_center.liveness.silence import CONFIRM_S, NEVER_HEARD_S, SUSPECT_S, Kind, Silence, SilenceRule

TICK_S = 0.025


def play(
    rule: SilenceRule, until_s: float, packets: dict[float, int | None], *, from_s: float = 0.0, stalls: dict[float, float] | None = None
) -> list[tuple[float, Silence]]:
    """Look every tick; `packets` come at their seconds with their promise, `stalls` begin at theirs."""
    told: list[tuple[float, Silence]] = []
    coming = sorted((at_s, promise) for at_s, promise in packets.items() if at_s >= from_s)
    standing = sorted((stalls or {}).items())
    now_s = from_s
    while now_s < until_s:
        while coming and coming[0][0] <= now_s:
            rule.heard("a", *coming.pop(0))
        told += [(now_s, silence) for silence in rule.look(now_s)]
        now_s += TICK_S
        if standing and standing[0][0] <= now_s:
            for_s = standing.pop(0)[1]
            now_s += for_s
            while coming and coming[0][0] <= now_s:
                rule.heard("a", *coming.pop(0))
            rule.stalled(for_s)
    return told


def steady(*spans: tuple[float, float], every_s: float = 0.05, promise: int | None = 50) -> dict[float, int | None]:
    return {begin + step * every_s: promise for begin, end in spans for step in range(int((end - begin) / every_s))}


def expecting() -> SilenceRule:
    rule = SilenceRule()
    rule.expect(["a"], 0.0)
    return rule


@pytest.mark.req("R36")
@given(st.floats(2.0, 3.0), st.floats(2.0, 9.0))
@settings(max_examples=50, deadline=None)
def test_a_cut_is_suspected_in_half_a_second_and_confirmed_in_one_and_a_quarter(cut_s: float, lasts_s: float) -> None:
    told = play(expecting(), cut_s + lasts_s + 1, steady((0, cut_s), (cut_s + lasts_s, 99)))
    assert [silence.kind for _, silence in told] == [Kind.SUSPECTED, Kind.CONFIRMED, Kind.RETURNED]
    assert told[0][0] - cut_s <= 0.5
    assert 1.1 <= told[1][0] - cut_s <= 1.26
    assert all(abs(silence.silent_since_s - cut_s) <= 0.11 for _, silence in told)
    assert told[2][1].returned_at_s == pytest.approx(cut_s + lasts_s, abs=0.06)


def test_what_returns_in_between_was_a_quiet_suspicion() -> None:
    told = play(expecting(), 9, steady((0, 2), (2.8, 9)))
    assert [silence.kind for _, silence in told] == [Kind.SUSPECTED, Kind.RETURNED]


@pytest.mark.req("R36")
@pytest.mark.parametrize("seed", range(3))
def test_an_hour_of_five_per_cent_loss_says_nothing(seed: int) -> None:
    chance = random.Random(seed)
    packets = {at_s: promise for at_s, promise in steady((0, 3600)).items() if chance.random() > 0.05}
    assert play(expecting(), 3599, packets) == []


def test_a_site_that_nobody_expects_may_be_silent() -> None:
    assert play(SilenceRule(), 20, steady((0, 2))) == []


@pytest.mark.req("R18")
def test_a_slow_site_promises_to_be_slow() -> None:
    assert play(expecting(), 60, steady((0, 60), every_s=5.0, promise=5000)) == []


def test_the_end_of_a_meeting_is_no_silence_when_the_sites_clock_is_ahead() -> None:
    announced = steady((0, 2)) | steady((2, 2.5), promise=5000) | steady((2.5, 60), every_s=5.0, promise=5000)
    assert play(expecting(), 59, announced) == []


def test_who_says_goodbye_is_not_missed_until_he_comes_again() -> None:
    rule = expecting()
    packets = steady((0, 2)) | {2.0: 0} | steady((8, 10))
    told = play(rule, 20, packets)
    assert [(silence.kind, round(at_s, 1)) for at_s, silence in told] == [(Kind.SUSPECTED, 10.4), (Kind.CONFIRMED, 11.2)]


def test_a_site_never_heard_is_given_time_to_start() -> None:
    told = play(expecting(), 20, {})
    assert [silence.kind for _, silence in told] == [Kind.SUSPECTED, Kind.CONFIRMED]
    assert told[0][0] == pytest.approx(NEVER_HEARD_S, abs=0.1)
    assert told[0][1].silent_since_s == 0.0


def test_a_site_that_was_lost_before_the_meeting_is_silent_since_then() -> None:
    rule = SilenceRule()
    play(rule, 30, steady((0, 10)))
    rule.expect(["a"], 30)
    told = play(rule, 60, {}, from_s=30)
    assert told[0][0] == pytest.approx(30 + NEVER_HEARD_S, abs=0.1)
    assert told[0][1].silent_since_s == pytest.approx(9.95)


@pytest.mark.req("R36")
@given(st.floats(1.0, 5.0), st.floats(0.2, 5.0))
@settings(max_examples=50, deadline=None)
def test_a_stall_of_the_center_makes_nobody_silent(at_s: float, for_s: float) -> None:
    assert play(expecting(), 15, steady((0, 15)), stalls={at_s: for_s}) == []


def test_a_cut_during_a_stall_is_found_after_it() -> None:
    told = play(expecting(), 15, steady((0, 3)), stalls={2.9: 2.0})
    assert [silence.kind for _, silence in told] == [Kind.SUSPECTED, Kind.CONFIRMED]
    assert told[0][0] > 4.9


def test_a_confirmed_silence_ends_when_the_site_comes_back_also_after_the_meeting() -> None:
    rule = expecting()
    assert len(play(rule, 5, steady((0, 2)))) == 2
    rule.expect([], 5)
    told = play(rule, 10, {9.0: 5000}, from_s=5)
    assert [silence.kind for _, silence in told] == [Kind.RETURNED]


def test_a_suspicion_of_a_site_that_is_released_is_forgotten() -> None:
    rule = expecting()
    assert len(play(rule, 2.6, steady((0, 2)))) == 1
    rule.expect([], 2.6)
    assert play(rule, 10, {9.0: 50}, from_s=2.6) == []


@given(st.lists(st.tuples(st.sampled_from(["heard", "look", "expect", "release", "stall"]), st.floats(0, 3)), max_size=100))
def test_whatever_happens_suspicion_comes_before_confirmation_and_return_last(acts: list[tuple[str, float]]) -> None:
    rule, now_s, state = SilenceRule(), 0.0, Kind.RETURNED
    for act, step_s in acts:
        now_s += step_s
        if act == "heard":
            rule.heard("a", now_s, 50)
        elif act == "stall":
            rule.stalled(step_s)
        elif act in ("expect", "release"):
            rule.expect(["a"] if act == "expect" else [], now_s)
            state = Kind.RETURNED if state is Kind.SUSPECTED and act == "release" else state
        for silence in rule.look(now_s):
            assert (state, silence.kind) in {
                (Kind.RETURNED, Kind.SUSPECTED),
                (Kind.SUSPECTED, Kind.CONFIRMED),
                (Kind.SUSPECTED, Kind.RETURNED),
                (Kind.CONFIRMED, Kind.RETURNED),
            } or (silence.kind is Kind.RETURNED and act == "look")
            state = silence.kind


def test_the_alarm_leaves_the_board_its_share_of_the_second_and_a_half() -> None:
    assert SUSPECT_S + TICK_S <= 0.5
    assert CONFIRM_S + TICK_S <= 1.3
